// SPDX-License-Identifier: GPL-2.0
/*
 * Test controls: splits and joins blocks of the host's stage 2 while the host uses
 * them.
 */
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

/**
 * control_split() - GZC_SPLIT
 * @va: virtual address of the host, which has pages of 4 KiB
 *
 * Return: how many blocks were split: those of the tables that translate the address,
 * and that of the page.
 */
u64 control_split(u64 va)
{
	unsigned int bits, level;
	u64 table = root_of(va, &bits), pte, split = 0, index;

	if (bits > 48 || bits < 31)
		return 0;
	for (level = 4 - (bits - 4) / 9; level <= PGT_LAST_LEVEL; level++) {
		split += host_stage2_split_and_join(table);
		index = (va & GENMASK(bits - 1, 0)) / pgt_level_size(level) % 512;
		pte = read_entry(table + index * sizeof(u64));
		if (!(pte & PTE_VALID))
			return split;
		table = pte & PTE_ADDR;
		if (!(pte & PTE_TABLE))
			break;
	}
	return split + host_stage2_split_and_join(table);
}
