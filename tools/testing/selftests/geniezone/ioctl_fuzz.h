/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs of the interface's fuzz: what a VMM may do, as numbers that any change
 * leaves a program, and the files and memory that they do it with.
 */
#ifndef GZ_IOCTL_FUZZ_H
#define GZ_IOCTL_FUZZ_H

#include <stdint.h>

#include <linux/gzvm.h>

#define MEM_SIZE	0x800000UL
#define MAX_CALLS	24
#define NR_VMS		2
#define NR_VCPUS	4
#define NR_EVENTS	4
#define NR_THREADS	2
#define NR_PICKS	13

/* The place of some in the table of operations */
enum {
	OP_CREATE_VM,
	OP_EXTENSION,
	OP_SLOT,
	OP_CREATE_VCPU,
	OP_RUN,
	OP_SET_REG,
	OP_GET_REG,
	OP_IRQ_LINE,
	OP_DEVICE,
	OP_ENABLE_CAP,
	OP_IRQFD,
	OP_IOEVENTFD,
	OP_DTB,
	OP_WRONG,
	OP_CLOSE,
	OP_EVENT,
	OP_SIGNAL_EVENT,
	OP_REMAP,
	OP_MISUSE,
	NR_OPS,
};

/**
 * struct call - one thing done
 * @op: OP_*
 * @thread: by which thread, below NR_THREADS
 * @fail: the how-manieth allocation or copy in it fails; 0: none
 * @pick: what is chosen for its arguments, each for one
 */
struct call {
	uint8_t op;
	uint8_t thread;
	uint8_t fail;
	uint8_t pick[NR_PICKS];
};

/**
 * struct program - what is done with one set of files
 * @code: from what number the guest's code is made
 * @nr: valid entries of @calls
 * @calls: in this order, as far as of one thread
 */
struct program {
	uint32_t code;
	uint32_t nr;
	struct call calls[MAX_CALLS];
};

/**
 * struct fuzz_world - what programs work on
 * @dev: /dev/gzvm
 * @vm: files or -1, as all that follow
 * @vcpu: of any VM
 * @event: eventfds
 * @mem: MEM_SIZE bytes for guests
 * @readonly: a page
 * @run: of each vCPU
 * @scratch: for all else
 */
struct fuzz_world {
	int dev;
	int vm[NR_VMS];
	int vcpu[NR_VCPUS];
	int event[NR_EVENTS];
	char *mem;
	char *readonly;
	struct gzvm_vcpu_run run[NR_VCPUS];
	char scratch[8192];
};

extern struct fuzz_world world;

/**
 * struct fuzz_op - an operation
 * @name: for the report
 * @fn: does it; returns 0 or -errno
 * @weight: how often it is chosen, beside the others'
 */
struct fuzz_op {
	const char *name;
	long (*fn)(const struct call *c);
	unsigned int weight;
};

extern const struct fuzz_op fuzz_ops[NR_OPS];

#endif /* GZ_IOCTL_FUZZ_H */
