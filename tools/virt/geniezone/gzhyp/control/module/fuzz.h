/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_CTL_FUZZ_H
#define GZHYP_CTL_FUZZ_H

#include <linux/prandom.h>
#include <linux/types.h>

/*
 * Memory that is offered to EL2. EL2 reads a buffer while the host writes to it. A
 * page of memory may become a guest's, or EL2 may write exits to it: the host does
 * not touch it from the first call to the last.
 */
#define FUZZ_BUFS_ORDER		4
#define FUZZ_BUFS		(1 << FUZZ_BUFS_ORDER)
#define FUZZ_MEM_ORDER		8
#define FUZZ_MEM		(1 << FUZZ_MEM_ORDER)

/* Largest mapping, in pages, that EL2 should grant */
#define FUZZ_RUN		16

/**
 * struct fuzz_memory - memory that is offered, and memory that EL2 must refuse
 * @bufs: FUZZ_BUFS pages
 * @mem: FUZZ_MEM pages
 * @hidden: EL2's own memory
 * @hidden_size: bytes of it
 */
struct fuzz_memory {
	u8 *bufs;
	u8 *mem;
	u64 hidden;
	u64 hidden_size;
};

/**
 * struct fuzz_source - generator of one thread's calls
 * @memory: shared by all threads
 * @rnd: state of the generator
 * @own: the first buffer that this thread may write to
 * @nr_own: number of such buffers
 */
struct fuzz_source {
	const struct fuzz_memory *memory;
	struct rnd_state rnd;
	unsigned int own;
	unsigned int nr_own;
};

/**
 * struct fuzz_call - a call
 * @fn: function id
 * @arg: arguments
 */
struct fuzz_call {
	u64 fn;
	u64 arg[7];
};

#define FUZZ_CALL_BASE	0xfb001000UL
#define FUZZ_CALL_DESTROY_VM	1
#define FUZZ_CALL_RUN	5
#define FUZZ_CALL_SET_ONE_REG	9
#define FUZZ_CALL_MAP_GUEST	17
#define FUZZ_CALL_MAP_GUEST_BLOCK	18

/* fuzz.c */
void fuzz_free_workers(void);

/* fuzz_calls.c */
void fuzz_next_call(struct fuzz_source *src, struct fuzz_call *call);
void fuzz_write_code(struct rnd_state *rnd, u32 *code, unsigned int words);

/* fuzz.c */
extern const struct file_operations fuzz_fops;

#endif /* GZHYP_CTL_FUZZ_H */
