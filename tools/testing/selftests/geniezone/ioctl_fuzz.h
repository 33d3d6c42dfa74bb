/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs for the fuzz of the interface: operations of a VMM as numbers, which
 * stay a program after any change, and the files and memory that they use.
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

/* The index of some operations in the table */
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
 * struct call - one operation of a program
 * @op: OP_*
 * @thread: thread that does it, below NR_THREADS
 * @fail: which allocation or copy in it fails, counted from 1; 0: none
 * @pick: one number for each choice of an argument
 */
struct call {
	uint8_t op;
	uint8_t thread;
	uint8_t fail;
	uint8_t pick[NR_PICKS];
};

/**
 * struct program - operations on one set of files
 * @code: number from which the guest's code is made
 * @nr: number of valid entries of @calls
 * @calls: operations; those of one thread run in this order
 */
struct program {
	uint32_t code;
	uint32_t nr;
	struct call calls[MAX_CALLS];
};

/**
 * struct fuzz_world - objects of the operations
 * @dev: /dev/gzvm
 * @vm: VM files; -1 if not open, as for all files below
 * @vcpu: vCPU files, of any VM
 * @event: eventfds
 * @mem: MEM_SIZE bytes for guests
 * @readonly: a read-only page
 * @run: run struct of each vCPU
 * @scratch: memory for everything else
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
 * @weight: how often it is chosen, relative to the others
 */
struct fuzz_op {
	const char *name;
	long (*fn)(const struct call *c);
	unsigned int weight;
};

extern const struct fuzz_op fuzz_ops[NR_OPS];

#endif /* GZ_IOCTL_FUZZ_H */
