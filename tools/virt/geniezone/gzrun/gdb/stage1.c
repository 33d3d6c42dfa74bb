// SPDX-License-Identifier: GPL-2.0
/* Reads the guest's own translation tables, VMSAv8-64, in its RAM. */

#include "gdb/stage1.h"

#define SCTLR_M		1ULL

static uint64_t field(uint64_t value, unsigned int lsb, unsigned int width)
{
	return value >> lsb & ((1ULL << width) - 1);
}

/* TCR_EL1, Arm ARM D19.2.139: its two halves encode the granule differently. */
static unsigned int page_shift(uint64_t tcr, bool upper)
{
	static const unsigned int tg0[4] = { 12, 16, 14, 0 };
	static const unsigned int tg1[4] = { 0, 14, 12, 16 };

	return upper ? tg1[field(tcr, 30, 2)] : tg0[field(tcr, 14, 2)];
}

/* The address in a descriptor, without the additional bits for 52-bit addresses */
static uint64_t descriptor_address(uint64_t desc, unsigned int shift)
{
	return desc & 0x0000fffffffff000ULL & ~((1ULL << shift) - 1);
}

/*
 * Walks from the table at @table, which resolves the bits of @va below @top,
 * down to a page or block: VMSAv8-64, Arm ARM D8.3.
 */
static bool walk(const struct gz_memory *mem, uint64_t table, uint64_t va,
		 unsigned int top, unsigned int page, uint64_t *ipa)
{
	const unsigned int stride = page - 3;
	unsigned int levels = (top - page + stride - 1) / stride;
	const uint64_t *entry;
	uint64_t desc, index;
	unsigned int shift;

	for (; levels; levels--) {
		shift = page + (levels - 1) * stride;
		index = field(va, shift, top - shift);
		entry = gz_memory_at(mem, table + 8 * index, 8);
		if (!entry)
			return false;
		desc = __atomic_load_n(entry, __ATOMIC_RELAXED);
		/* Bit 0: valid. Bit 1: a table, or a page at the last level. */
		if (!(desc & 1) || (levels == 1 && !(desc & 2)))
			return false;
		if (levels == 1 || !(desc & 2)) {
			*ipa = descriptor_address(desc, shift) |
			       field(va, 0, shift);
			return true;
		}
		table = descriptor_address(desc, page);
		top = shift;
	}
	return false;
}

/**
 * gz_stage1_walk() - translate an address as a vCPU does
 * @s: the vCPU's registers
 * @mem: RAM with the tables
 * @va: virtual address
 * @ipa: receives the guest physical address
 *
 * Return: false if the address is not mapped.
 */
bool gz_stage1_walk(const struct gz_stage1 *s, const struct gz_memory *mem,
		    uint64_t va, uint64_t *ipa)
{
	bool upper = field(va, 55, 1);
	unsigned int top = 64 - field(s->tcr, upper ? 16 : 0, 6);
	unsigned int page = page_shift(s->tcr, upper);
	bool tbi = field(s->tcr, upper ? 38 : 37, 1);
	uint64_t rest;

	if (!(s->sctlr & SCTLR_M)) {
		*ipa = va;
		return true;
	}
	/* EPD: this half does no walks */
	if (field(s->tcr, upper ? 23 : 7, 1) || !page || top <= page ||
	    top > 48)
		return false;
	rest = field(va, top, (tbi ? 56 : 64) - top);
	if (rest != (upper ? field(~0ULL, 0, (tbi ? 56 : 64) - top) : 0))
		return false;
	return walk(mem, s->ttbr[upper] & 0x0000fffffffffffeULL & ~0x3fULL, va,
		    top, page, ipa);
}
