// SPDX-License-Identifier: GPL-2.0
/*
 * Test controls: changes of the host's stage 2 while the host uses it. Splits and joins
 * blocks, moves pages behind its back, walks a table.
 */
#include "arch/barrier.h"
#include "arch/stage1.h"
#include "arch/stage2.h"
#include "control/control.h"
#include "core/mem/owner.h"

/* Entry of a table of the host's; 0 if it is in memory that the host cannot access */
static u64 read_entry(u64 pa)
{
	u64 pte;

	return owner_copy_from_host(&pte, PA(pa), sizeof(pte)) ? 0 : pte;
}

/* Root of the host's stage 1 for an address, and the bits that it translates */
static u64 root_of(u64 va, unsigned int *bits)
{
	u64 tcr = read_sysreg(tcr_el1);
	bool high = va >> 63;

	*bits = 64 - (high ? FIELD(tcr, 16, 6) : FIELD(tcr, 0, 6));
	return (high ? read_sysreg(ttbr1_el1) : read_sysreg(ttbr0_el1)) &
	       GENMASK(47, 1);
}

/* Where a walk of the host's stage 1 has ended: a page, and the entry that leads there */
struct place {
	u64 page;
	u64 entry;
};

/* Returns how many blocks of stage 2 were split and joined; @place: page 0 for none. */
static u64 walk(u64 va, bool split, struct place *place)
{
	unsigned int bits, level;
	u64 table = root_of(va, &bits), pte, nr = 0, index;

	place->page = 0;
	if (bits > 48 || bits < 31)
		return 0;
	for (level = 4 - (bits - 4) / 9; level <= PGT_LAST_LEVEL; level++) {
		if (split)
			nr += host_stage2_split_and_join(table);
		index = (va & GENMASK(bits - 1, 0)) / pgt_level_size(level) % 512;
		place->entry = table + index * sizeof(u64);
		pte = read_entry(place->entry);
		if (!(pte & PTE_VALID))
			return nr;
		table = pte & PTE_ADDR;
		if (!(pte & PTE_TABLE))
			break;
	}
	place->page = table;
	return nr;
}

/* A page of the host's that is hidden */
static struct {
	struct place place;	/* where it was */
	u64 to;			/* the page that takes its place */
	u32 busy;		/* there is one */
	bool met;		/* the host has met the hole */
} moved;

static void set_page(u64 entry, u64 page)
{
	u64 *pte = pa_to_va(PA(entry));

	WRITE_ONCE(*pte, (*pte & ~PTE_ADDR) | page);
	dsb_ish();
	asm volatile("tlbi vmalle1is" ::: "memory");
	dsb_ish();
}

/**
 * control_met_hole() - an abort of the host has found a page hidden
 * @ipa: the page
 */
void control_met_hole(u64 ipa)
{
	if (!__atomic_load_n(&moved.busy, __ATOMIC_ACQUIRE) || moved.met ||
	    ipa != moved.place.page)
		return;
	moved.met = true;
	set_page(moved.place.entry, moved.to);
}

static bool undo_move(void)
{
	if (!__atomic_load_n(&moved.busy, __ATOMIC_ACQUIRE))
		return false;
	set_page(moved.place.entry, moved.place.page);
	host_stage2_show(moved.place.page, true);
	__atomic_store_n(&moved.busy, 0, __ATOMIC_RELEASE);
	return true;
}

/**
 * control_move() - GZC_MOVE
 * @from: virtual address of the host, which has pages of 4 KiB and maps one there
 * @to: likewise; or both are 0
 *
 * For one caller at a time.
 *
 * Return: whether it was done.
 */
bool control_move(u64 from, u64 to)
{
	struct place other;
	u32 value;

	if (!from && !to)
		return undo_move();
	if (moved.busy)
		return false;
	walk(from, false, &moved.place);
	walk(to, false, &other);
	if (!moved.place.page || !other.page ||
	    owner_state(PA(moved.place.page), &value) != PAGE_HOST ||
	    owner_state(PA(other.page), &value) != PAGE_HOST)
		return false;
	moved.to = other.page;
	moved.met = false;
	if (!host_stage2_show(moved.place.page, false))
		return false;
	__atomic_store_n(&moved.busy, 1, __ATOMIC_RELEASE);
	return true;
}

/**
 * control_split() - GZC_SPLIT
 * @va: virtual address of the host, which has pages of 4 KiB
 *
 * Return: how many blocks were split: those of the tables that translate the address,
 * and that of the page.
 */
u64 control_split(u64 va)
{
	struct place place;
	u64 split = walk(va, true, &place);

	return place.page ? split + host_stage2_split_and_join(place.page) : split;
}

/**
 * control_walk() - GZC_WALK
 * @table: top-level table, for addresses of programs
 *
 * Return: PAR_EL1 for the address 0.
 */
u64 control_walk(u64 table)
{
	u64 old = read_sysreg(ttbr0_el1), par;

	write_sysreg(table, ttbr0_el1);
	isb();
	par = host_translate(0, true);
	write_sysreg(old, ttbr0_el1);
	isb();
	stage2_flush_local();
	return par;
}
