// SPDX-License-Identifier: GPL-2.0
/*
 * Calls for the fuzz: mostly sensible ones, but sometimes with a bad argument. EL2
 * does with memory what the call says, so the address of host memory outside the fuzz
 * must never be generated, however EL2 misreads a buffer and at any time. Hence:
 *
 *   guest addresses       are from 64 GiB up, where this host has no memory
 *   words of a buffer     as an address or a frame are outside memory, or in pages
 *                         of the fuzz that are followed by at least FUZZ_RUN more
 *   numbers of pages      are at most FUZZ_RUN, or more than there is memory
 */

#include <linux/arm-smccc.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#include "ctl.h"
#include "fuzz.h"

#define GUEST_BASE	0x1000000000ULL
#define SLOT_PAGES	64
#define GUEST_PAGES	(4 * SLOT_PAGES)
#define REG_PC		0x6030000000100040ULL
#define REG_PSTATE	0x6030000000100042ULL
#define REG_X9		0x6030000000100012ULL
#define REG_CNTV_CVAL	0x603000000013df02ULL	/* KVM's id of it */
#define GICD_BASE	0x3fff0000ULL
#define TOO_MANY	(1ULL << 26)

enum arg_type {
	ARG_NONE, ARG_ZERO, ARG_VM, ARG_TUPLE, ARG_SHARED, ARG_STEP,
	ARG_BUF_SIZE, ARG_BUF, ARG_REG, ARG_VALUE, ARG_SPI, ARG_LEVEL, ARG_CAP,
	ARG_BLOCK, ARG_GPA, ARG_SIZE, ARG_FLAGS, ARG_SLOT, ARG_PFN, ARG_GFN,
	ARG_PAGES, ARG_PFNS,
};

static const u8 arg_types[GZC_KINDS][7] = {
	[0] = { ARG_ZERO },
	[1] = { ARG_VM, ARG_STEP },
	[2] = { ARG_TUPLE, ARG_SHARED },
	[3] = { ARG_TUPLE },
	[4] = { ARG_VM, ARG_BUF_SIZE, ARG_BUF },
	[5] = { ARG_TUPLE },
	[8] = { ARG_TUPLE, ARG_REG },
	[9] = { ARG_TUPLE, ARG_REG, ARG_VALUE },
	[10] = { ARG_TUPLE, ARG_SPI, ARG_LEVEL },
	[11] = { ARG_VM, ARG_BUF },
	[12] = { ARG_VALUE, ARG_VALUE, ARG_VALUE },
	[13] = { ARG_VM, ARG_CAP, ARG_BLOCK, ARG_BUF, ARG_VALUE, ARG_VALUE,
		 ARG_VALUE },
	[14] = { ARG_VM },
	[15] = { ARG_VM, ARG_GPA, ARG_SIZE, ARG_FLAGS },
	[16] = { ARG_VM, ARG_GPA, ARG_SIZE },
	[17] = { ARG_VM, ARG_SLOT, ARG_PFN, ARG_GFN, ARG_PAGES },
	[18] = { ARG_VM, ARG_SLOT, ARG_GFN, ARG_PFNS },
	[19] = { ARG_VM },
};

/* How often a kind is called, in relation to the others */
static const u8 weights[GZC_KINDS] = {
	[0] = 2, [1] = 4, [2] = 12, [3] = 1, [4] = 30, [5] = 16, [8] = 8,
	[9] = 20, [10] = 12, [11] = 8, [12] = 2, [13] = 12, [14] = 3, [15] = 6,
	[16] = 3, [17] = 30, [18] = 20, [19] = 4,
};

static u32 below(struct rnd_state *rnd, u32 n)
{
	return prandom_u32_state(rnd) % n;
}

static bool one_in(struct rnd_state *rnd, u32 n)
{
	return !below(rnd, n);
}

static u64 any_u64(struct rnd_state *rnd)
{
	return (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);
}

static u64 nasty(struct rnd_state *rnd)
{
	u64 bit = 1ULL << below(rnd, 64);

	switch (below(rnd, 8)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return bit;
	case 3:
		return bit - 1;
	case 4:
		return bit + 1;
	case 5:
		return ~0ULL - below(rnd, 0x2000);
	case 6:
		return prandom_u32_state(rnd);
	default:
		return any_u64(rnd);
	}
}

/* For words of buffers: see the top of the file. */
static u64 nasty_word(struct rnd_state *rnd)
{
	u64 word = nasty(rnd);

	return word < 0x4000 || word >> 38 ? word : word | 1ULL << 38;
}

static u64 mem_pa(struct fuzz_source *src)
{
	return virt_to_phys(src->memory->mem) +
	       (u64)below(&src->rnd, FUZZ_MEM - FUZZ_RUN) * PAGE_SIZE;
}

static u64 buf_pa(struct fuzz_source *src)
{
	return virt_to_phys(src->memory->bufs) +
	       (u64)below(&src->rnd, FUZZ_BUFS - 1) * PAGE_SIZE;
}

/* Addresses that EL2 must refuse: its own memory, devices, holes, unaligned ones */
static u64 wild_pa(struct fuzz_source *src)
{
	const struct fuzz_memory *m = src->memory;
	struct rnd_state *rnd = &src->rnd;

	switch (below(rnd, 8)) {
	case 0:
		return m->hidden + (any_u64(rnd) % m->hidden_size & PAGE_MASK);
	case 1:
		return m->hidden;
	case 2:
		return m->hidden + m->hidden_size - PAGE_SIZE;
	case 3:
		return m->hidden + m->hidden_size;
	case 4:
		return 0x08000000 + below(rnd, 0x2000) * PAGE_SIZE;
	case 5:
		return mem_pa(src) + 1 + below(rnd, PAGE_SIZE - 1);
	case 6:
		return GUEST_BASE;
	default:
		return nasty(rnd) | 1ULL << 38;
	}
}

static u64 pages(struct rnd_state *rnd)
{
	return one_in(rnd, 16) ? nasty(rnd) | TOO_MANY : below(rnd, FUZZ_RUN + 1);
}

static u64 guest_page(struct rnd_state *rnd)
{
	return GUEST_BASE + (u64)below(rnd, GUEST_PAGES) * PAGE_SIZE;
}

static u64 vm_id(struct rnd_state *rnd)
{
	return 1 + below(rnd, 5);
}

/* KVM's numbers: core registers in words, system registers by encoding */
static u64 reg_id(struct rnd_state *rnd)
{
	switch (below(rnd, 4)) {
	case 0:
		return REG_PC;
	case 1:
		return REG_PSTATE;
	case 2:
		return 0x6030000000100000ULL + below(rnd, 0xe0);
	default:
		return 0x6030000000138000ULL + below(rnd, 0x8000);
	}
}

static u64 reg_value(struct rnd_state *rnd)
{
	switch (below(rnd, 5)) {
	case 0:
		return guest_page(rnd);
	case 1:
		return GICD_BASE - 0x40000 + below(rnd, 0x50000);
	case 2:
		return 0x3c5;
	case 3:
		return 0x84000000 + below(rnd, 0x20);	/* PSCI */
	default:
		return 0xc6000000 + below(rnd, 12);	/* of the hypervisor */
	}
}

static u64 capability(struct rnd_state *rnd)
{
	return one_in(rnd, 8) ? 0xffbadab1 : 0x9200 + below(rnd, 8);
}

static u64 sensible(struct fuzz_source *src, enum arg_type type)
{
	struct rnd_state *rnd = &src->rnd;

	switch (type) {
	case ARG_VM:
		return vm_id(rnd);
	case ARG_TUPLE:
		return vm_id(rnd) << 16 | (one_in(rnd, 3) ? below(rnd, 3) : 0);
	case ARG_SHARED:
		return mem_pa(src);
	case ARG_STEP:
		return 1ULL << below(rnd, 12);
	case ARG_BUF_SIZE:
		return 2 * PAGE_SIZE;
	case ARG_BUF:
		return buf_pa(src);
	case ARG_REG:
		return reg_id(rnd);
	case ARG_VALUE:
		return reg_value(rnd);
	case ARG_SPI:
		return below(rnd, 1000);
	case ARG_LEVEL:
		return below(rnd, 2);
	case ARG_CAP:
		return capability(rnd);
	case ARG_BLOCK:
		return one_in(rnd, 4) ? below(rnd, 3) : 0x200000;
	case ARG_GPA:
		return guest_page(rnd);
	case ARG_SIZE:
		return below(rnd, GUEST_PAGES) * PAGE_SIZE;
	case ARG_FLAGS:
		return below(rnd, 8);
	case ARG_SLOT:
		return below(rnd, 4);
	case ARG_PFN:
		return mem_pa(src) >> PAGE_SHIFT;
	case ARG_GFN:
		return guest_page(rnd) >> PAGE_SHIFT;
	case ARG_PAGES:
		return one_in(rnd, 2) ? 1 : pages(rnd);
	case ARG_PFNS:
		return below(rnd, one_in(rnd, 4) ? 64 : 8);
	default:
		return 0;
	}
}

static u64 argument(struct fuzz_source *src, enum arg_type type)
{
	if (!one_in(&src->rnd, 12))
		return sensible(src, type);
	switch (type) {
	case ARG_SHARED:
		return wild_pa(src);
	case ARG_PFN:
		return wild_pa(src) >> PAGE_SHIFT;
	case ARG_PAGES:
		return nasty(&src->rnd) | TOO_MANY;
	default:
		return nasty(&src->rnd);
	}
}

/* Guest addresses of the slots */
static u64 slot_page(struct rnd_state *rnd, u64 slot)
{
	u32 page = below(rnd, one_in(rnd, 4) ? SLOT_PAGES : SLOT_PAGES / 8);

	return GUEST_BASE + ((slot & 3) * SLOT_PAGES + page) * PAGE_SIZE;
}

/* struct gzvm_hyp_ranges, and what follows it */
static void write_region(struct fuzz_source *src, u64 *buf)
{
	struct rnd_state *rnd = &src->rnd;
	u64 n = one_in(rnd, 2) ? 0 : below(rnd, 5), total = 0, i, nr;
	u64 slot = below(rnd, 4);

	for (i = 0; i < 8; i++) {
		nr = one_in(rnd, 2) ? 1 : pages(rnd);
		buf[3 + 2 * i] = one_in(rnd, 16) ? wild_pa(src) : mem_pa(src);
		buf[4 + 2 * i] = (u32)nr;
		if (i < n)
			total += (u32)nr;
	}
	buf[0] = slot | n << 32;
	buf[1] = n ? total : SLOT_PAGES;
	buf[2] = n ? slot_page(rnd, slot) :
		 GUEST_BASE + slot * SLOT_PAGES * PAGE_SIZE;
	if (one_in(rnd, 8))
		buf[2] = guest_page(rnd);
	if (one_in(rnd, 8))
		buf[below(rnd, 3)] = nasty_word(rnd);
}

/* struct gzvm_create_device */
static void write_device(struct fuzz_source *src, u64 *buf)
{
	struct rnd_state *rnd = &src->rnd;

	memset(buf, 0, 6 * sizeof(*buf));
	buf[0] = below(rnd, 3);
	buf[2] = buf[0] ? GICD_BASE - 0x40000 : GICD_BASE;
	buf[3] = buf[0] ? 0x20000 : 0x10000;
	if (one_in(rnd, 4))
		buf[below(rnd, 6)] = nasty_word(rnd);
}

static void write_pfns(struct fuzz_source *src, u64 *buf)
{
	u64 first = mem_pa(src) >> PAGE_SHIFT;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		buf[i] = mem_pa(src) >> PAGE_SHIFT;
		if (i < FUZZ_RUN)
			buf[i] = first + i;
		if (one_in(&src->rnd, 64))
			buf[i] = wild_pa(src) >> PAGE_SHIFT;
	}
}

static void write_buffer(struct fuzz_source *src)
{
	u8 *buf = src->memory->bufs +
		  (src->own + below(&src->rnd, src->nr_own)) * PAGE_SIZE;

	switch (below(&src->rnd, 4)) {
	case 0:
		write_device(src, (u64 *)buf);
		break;
	case 1:
		write_pfns(src, (u64 *)buf);
		break;
	default:
		write_region(src, (u64 *)buf);
	}
}

static unsigned int pick_kind(struct rnd_state *rnd)
{
	unsigned int kind, sum = 0;
	u32 at;

	for (kind = 0; kind < GZC_KINDS; kind++)
		sum += weights[kind];
	at = below(rnd, sum);
	for (kind = 0; at >= weights[kind]; kind++)
		at -= weights[kind];
	return kind;
}

/*
 * If CNTV_CVAL plus CNTVOFF overflows 64 bits while the timer is on, QEMU before 8.2
 * hangs in its main loop with the lock of all CPUs held: the timer is always due.
 * So guests get no such large value to write.
 */
static void spare_qemu(unsigned int kind, u64 *arg)
{
	if (kind == FUZZ_CALL_SET_ONE_REG &&
	    (arg[1] == REG_X9 || arg[1] == REG_CNTV_CVAL))
		arg[2] >>= 8;
}

/* Arguments that belong together */
static void tune(struct fuzz_source *src, unsigned int kind, u64 *arg)
{
	struct rnd_state *rnd = &src->rnd;

	if (one_in(rnd, 8))
		return;
	switch (kind) {
	case FUZZ_CALL_SET_ONE_REG:
		if (arg[1] == REG_PC)
			arg[2] = slot_page(rnd, 0);
		if (arg[1] == REG_PSTATE)
			arg[2] = 0x3c5;
		break;
	case FUZZ_CALL_MAP_GUEST:
		arg[3] = slot_page(rnd, arg[1]) >> PAGE_SHIFT;
		break;
	case FUZZ_CALL_MAP_GUEST_BLOCK:
		arg[2] = slot_page(rnd, arg[1]) >> PAGE_SHIFT;
		break;
	}
}

/* Unassigned function ids near assigned ones */
static u64 wild_fn(struct rnd_state *rnd)
{
	switch (below(rnd, 4)) {
	case 0:
		return FUZZ_CALL_BASE + GZC_KINDS + below(rnd, 0x1000 - GZC_KINDS);
	case 1:
		return FUZZ_CALL_BASE - 1 - below(rnd, 0x1000);
	case 2:
		return 0xbb001000 + below(rnd, 32);
	default:
		return GZC_CALL_BASE + (one_in(rnd, 64) ? GZC_TOTALS : GZC_NR_CALLS);
	}
}

/**
 * fuzz_next_call() - generate a call
 * @src: the generator
 * @call: gets the call
 */
void fuzz_next_call(struct fuzz_source *src, struct fuzz_call *call)
{
	unsigned int kind = pick_kind(&src->rnd), i;

	/* VMs live long enough to become complicated. */
	if (kind == FUZZ_CALL_DESTROY_VM && !one_in(&src->rnd, 16))
		kind = FUZZ_CALL_RUN;
	write_buffer(src);
	call->fn = FUZZ_CALL_BASE + kind;
	for (i = 0; i < ARRAY_SIZE(call->arg); i++)
		call->arg[i] = argument(src, arg_types[kind][i]);
	tune(src, kind, call->arg);
	spare_qemu(kind, call->arg);
	/* Without the SVE hint and the type bits: EL2 must not depend on them. */
	if (one_in(&src->rnd, 64))
		call->fn = wild_fn(&src->rnd);
	/* SMCCC: the upper half of a function id does not count. */
	if (one_in(&src->rnd, 64))
		call->fn |= any_u64(&src->rnd) << 32;
}

/**
 * fuzz_write_code() - write random code for guests
 * @rnd: state of the generator
 * @code: buffer
 * @words: its size
 */
void fuzz_write_code(struct rnd_state *rnd, u32 *code, unsigned int words)
{
	static const u32 insns[] = {
		0xd4000002,		/* hvc #0 */
		0xd4000003,		/* smc #0 */
		0xd503207f,		/* wfi */
		0xd503205f,		/* wfe */
		0xb9000001,		/* str w1, [x0] */
		0xb9400001,		/* ldr w1, [x0] */
		0xf8408401,		/* ldr x1, [x0], #8 */
		0xd518cba1,		/* msr icc_sgi1r_el1, x1 */
		0xd538cc02,		/* mrs x2, icc_iar1_el1 */
		0xd51be321,		/* msr cntv_ctl_el0, x1 */
		0xd348fc09,		/* lsr x9, x0, #8: see spare_qemu() */
		0xd51be349,		/* msr cntv_cval_el0, x9 */
		0x1e670000,		/* fmov d0, x0 */
		0xd508871f,		/* tlbi vmalle1 */
		0xd50b7e20,		/* dc civac, x0 */
		0xd69f03e0,		/* eret */
	};
	unsigned int i;

	for (i = 0; i + 1 < words; i++) {
		code[i] = insns[below(rnd, ARRAY_SIZE(insns))];
		if (one_in(rnd, 4))	/* movz x0 or x1 */
			code[i] = 0xd2800000 | below(rnd, 0x10000) << 5 |
				  below(rnd, 4) << 21 | below(rnd, 2);
		if (one_in(rnd, 16))
			code[i] = prandom_u32_state(rnd);
	}
	/* b to the beginning */
	code[i] = 0x14000000 | (-i & 0x3ffffff);
}
