// SPDX-License-Identifier: GPL-2.0
/*
 * EL2's own address space: RAM and the few devices, each at its physical
 * address. Code is read-only, everything else is not executable.
 */
#include "arch/barrier.h"
#include "arch/cpu.h"
#include "arch/image.h"
#include "arch/mmu.h"
#include "core/mem/pgtable.h"
#include "lib/print.h"
#include "platform/platform.h"

#define MAIR_NORMAL_IDX		0UL
#define MAIR_DEVICE_IDX		1UL
#define MAIR_VALUE		0x04ffUL	/* nGnRE, write-back */

#define S1_AF_SH		(BIT(10) | 3UL << 8 | BIT(6))
#define S1_RO			BIT(7)
#define S1_XN			BIT(54)
#define S1_NORMAL		(S1_AF_SH | MAIR_NORMAL_IDX << 2)
#define S1_DEVICE		(BIT(10) | BIT(6) | S1_XN | MAIR_DEVICE_IDX << 2)

/* 48 bits, 4 KiB, walks cacheable and inner shareable */
#define TCR_VALUE		(BIT(31) | BIT(23) | 16 | 1UL << 8 | 1UL << 10 | \
				 3UL << 12)
/* MMU, caches, stack alignment, nothing both writable and executable */
#define SCTLR_VALUE		(0x30c50830UL | BIT(0) | BIT(2) | BIT(3) | \
				 BIT(12) | BIT(19))

struct mmu_config mmu_config;
static struct pgtable hyp_pgt;

static void flush_el2(struct pgtable *pgt, u64 ia, u64 size)
{
	dsb_ishst();
	asm volatile("tlbi alle2is" ::: "memory");
	dsb_ish();
	isb();
}

static void map(u64 base, u64 end, u64 attr)
{
	if (base < end && pgt_map(&hyp_pgt, base, PA(base), end - base, attr))
		panic("no memory for EL2's page tables");
}

static void map_devices(void)
{
	unsigned int i;

	map(platform.uart, platform.uart + PAGE_SIZE, S1_DEVICE);
	for (i = 0; i < platform.nr_gicr; i++)
		map(platform.gicr[i].base,
		    platform.gicr[i].base + platform.gicr[i].size, S1_DEVICE);
	map(platform.smmu.base, platform.smmu.base + platform.smmu.size, S1_DEVICE);
}

/* Invalidate cache lines of the region that were filled before now. */
static void drop_stale_lines(u64 base, u64 size)
{
	u64 line = 4UL << FIELD(read_sysreg(ctr_el0), 16, 4), end = base + size;

	dsb_sy();
	for (; base < end; base += line)
		asm volatile("dc ivac, %0" :: "r" (base) : "memory");
	dsb_sy();
}

/**
 * mmu_build() - make EL2's page tables, with the MMU off
 * @hidden: gzhyp's memory
 * @size: bytes of it
 *
 * The first mapping of an address stays, so the image's parts come before all RAM.
 */
void mmu_build(pa_t hidden, u64 size)
{
	u64 ps = FIELD(read_sysreg(id_aa64mmfr0_el1), 0, 4);
	unsigned int i;

	if (pgt_init(&hyp_pgt, 48, 0, 1))
		panic("no memory for EL2's page tables");
	hyp_pgt.invalidate = flush_el2;
	map((u64)_start, (u64)_text_end, S1_NORMAL | S1_RO);
	map((u64)_text_end, (u64)_data_start, S1_NORMAL | S1_RO | S1_XN);
	/*
	 * By pages, so that a guard page can be unmapped later: a CPU cannot split
	 * the block that holds its own tables.
	 */
	hyp_pgt.top_block_level = PGT_LAST_LEVEL;
	map((u64)_data_start, hidden.v + size, S1_NORMAL | S1_XN);
	hyp_pgt.top_block_level = 1;
	for (i = 0; i < platform.nr_ram; i++)
		map(platform.ram[i].base,
		    platform.ram[i].base + platform.ram[i].size,
		    S1_NORMAL | S1_XN);
	map_devices();
	mmu_config.mair = MAIR_VALUE;
	mmu_config.tcr = TCR_VALUE | MIN(ps, 5UL) << 16;
	mmu_config.ttbr = va_to_pa(hyp_pgt.root).v;
	mmu_config.sctlr = SCTLR_VALUE;
	drop_stale_lines(hidden.v, size);
}

/**
 * mmu_guard() - make one of EL2's pages inaccessible
 * @page: the page, of gzhyp's own memory
 */
void mmu_guard(const void *page)
{
	pgt_unmap(&hyp_pgt, (u64)page, PAGE_SIZE);
}
