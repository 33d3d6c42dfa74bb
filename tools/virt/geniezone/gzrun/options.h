/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_OPTIONS_H
#define GZRUN_OPTIONS_H

#include <stdbool.h>

#include "machine/machine.h"

/**
 * enum sandbox_mode - use of the sandbox
 * @SANDBOX_AUTO: if the host's kernel has seccomp
 * @SANDBOX_ON: without it, do not start
 * @SANDBOX_OFF: none
 */
enum sandbox_mode {
	SANDBOX_AUTO,
	SANDBOX_ON,
	SANDBOX_OFF,
};

/**
 * struct options - the command line
 * @cfg: the machine
 * @dump_dtb: file for the device tree, or NULL
 * @gdb: TCP port or path of a socket for a debugger, or NULL
 * @control: path of the control socket, or NULL
 * @sandbox: forbid everything that is not needed before the guest runs
 * @restart: start a new machine when the guest requests a reset
 */
struct options {
	struct gz_machine_config cfg;
	const char *dump_dtb;
	const char *gdb;
	const char *control;
	enum sandbox_mode sandbox;
	bool restart;
};

/**
 * enum options_result - what to do next
 * @OPTIONS_RUN: run the machine
 * @OPTIONS_HELP: exit; the help was printed
 * @OPTIONS_BAD: exit; the error was printed
 */
enum options_result {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_BAD,
};

enum options_result options_parse(struct options *opts, int argc, char **argv);

#endif /* GZRUN_OPTIONS_H */
