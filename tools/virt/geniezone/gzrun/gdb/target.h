/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GDB_TARGET_H
#define GZRUN_GDB_TARGET_H

#include <libgzvm.h>

#include "gdb/gdb.h"

/**
 * struct gz_gdb_target - a VM for a debugger
 * @vcpus: its vCPUs
 * @pause: pauses and resumes them
 * @mem: its memory; hva is NULL if only the guest may access it
 * @kill: ends the VM
 * @kill_arg: argument of @kill
 * @ops: these functions for the protocol
 */
struct gz_gdb_target {
	struct gz_vcpu *vcpus;
	struct gz_pause *pause;
	struct gz_memory mem;
	void (*kill)(void *arg);
	void *kill_arg;
	struct gdb_target ops;
};

void gz_gdb_target_init(struct gz_gdb_target *t, struct gz_vcpu *vcpus,
			unsigned int nr_vcpus, struct gz_pause *pause,
			const struct gz_memory *mem);

#endif /* GZRUN_GDB_TARGET_H */
