/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GDB_TARGET_H
#define GZRUN_GDB_TARGET_H

#include "gdb.h"
#include "hold.h"
#include "memory.h"
#include "vcpu.h"

/**
 * struct gz_gdb_target - a VM for a debugger
 * @vcpus: its vCPUs
 * @hold: what brings them to a stop
 * @mem: its memory; hva is NULL if that is not to be seen
 * @kill: how to end it
 * @kill_arg: for @kill
 * @ops: the same, as the protocol wants it
 */
struct gz_gdb_target {
	struct gz_vcpu *vcpus;
	struct gz_hold *hold;
	struct gz_memory mem;
	void (*kill)(void *arg);
	void *kill_arg;
	struct gdb_target ops;
};

void gz_gdb_target_init(struct gz_gdb_target *t, struct gz_vcpu *vcpus,
			unsigned int nr_vcpus, struct gz_hold *hold,
			const struct gz_memory *mem);

#endif /* GZRUN_GDB_TARGET_H */
