/* SPDX-License-Identifier: GPL-2.0 */
/* A VM from its creation to its end, in steps that can be done again. */
#ifndef LIFE_H
#define LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "tvm.h"

/* The least RAM there can be: tests have many such VMs. */
#define LIFE_RAM	0x40000

/**
 * struct life - a VM on its way
 * @t: the VM
 * @step: name of what was done last
 * @failed: name of the first step that failed
 * @err: its error
 * @failures: steps that failed, those that were done again included
 * @undone: whether the step that was watched had changed nothing when it failed
 */
struct life {
	struct tvm t;
	const char *step;
	const char *failed;
	int err;
	int failures;
	bool undone;
};

/**
 * struct life_step - one thing that is done to a VM
 * @name: for messages
 * @fn: does it; 0 or -errno
 */
struct life_step {
	const char *name;
	int (*fn)(struct life *l);
};

extern const struct life_step life_steps[];

int life_begin(struct life *l, uint64_t ram_size);
unsigned int life_undone(struct life *l, const char *step);

#endif /* LIFE_H */
