/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_OPTIONS_H
#define GZRUN_OPTIONS_H

#include <stdbool.h>

#include "machine.h"

/**
 * struct options - the command line
 * @cfg: the machine
 * @dump_dtb: file for the device tree, or NULL
 * @gdb: TCP port or path of a socket for a debugger, or NULL
 * @restart: a guest that asks for a reset gets a new machine
 */
struct options {
	struct gz_machine_config cfg;
	const char *dump_dtb;
	const char *gdb;
	bool restart;
};

/**
 * enum options_result - what is to be done next
 * @OPTIONS_RUN: run the machine
 * @OPTIONS_HELP: nothing; the help was shown
 * @OPTIONS_BAD: nothing; the error was shown
 */
enum options_result {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_BAD,
};

enum options_result options_parse(struct options *opts, int argc, char **argv);

#endif /* GZRUN_OPTIONS_H */
