/* SPDX-License-Identifier: GPL-2.0 */
/* The life of a VM from its creation to its end, in steps that can be repeated. */
#ifndef LIFE_H
#define LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "tvm.h"

/* The least possible RAM, as tests have many such VMs. */
#define LIFE_RAM	0x40000

/**
 * struct life - the life of a VM
 * @t: the VM
 * @step: name of the last step
 * @failed: name of the first step that failed
 * @err: error of @failed
 * @failures: number of steps that failed, including repetitions
 * @undone: the watched step has changed nothing when it failed
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
 * struct life_step - one step in the life of a VM
 * @name: for messages
 * @fn: does it; returns 0 or -errno
 */
struct life_step {
	const char *name;
	int (*fn)(struct life *l);
};

extern const struct life_step life_steps[];

int life_begin(struct life *l, uint64_t ram_size);
unsigned int life_undone(struct life *l, const char *step);

#endif /* LIFE_H */
