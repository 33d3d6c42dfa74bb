// SPDX-License-Identifier: GPL-2.0
/* Cache maintenance by address. */
#include "arch/barrier.h"
#include "arch/cpu.h"
#include "lib/mm.h"
#include "lib/spinlock.h"
#include "lib/string.h"

static u64 dcache_line(void)
{
	return 4UL << FIELD(read_sysreg(ctr_el0), 16, 4);
}

/* Unrolled: the loop's own instructions count, for mostly a page of 64 lines. */
static u64 clean_lines(u64 addr, u64 line)
{
	unsigned int i;

#pragma GCC unroll 64
	for (i = 0; i < 64; i++, addr += line)
		asm volatile("dc civac, %0" :: "r" (addr) : "memory");
	return addr;
}

/**
 * dcache_clean_inval() - write memory back and drop it from the caches
 * @va: start
 * @size: bytes
 *
 * To the point of coherency: for readers whose MMU is off.
 */
void dcache_clean_inval(const void *va, u64 size)
{
	u64 line = dcache_line(), end = (u64)va + size;
	u64 addr = ALIGN_DOWN((u64)va, line);

	dsb_sy();
	while (addr + 64 * line <= end)
		addr = clean_lines(addr, line);
	for (; addr < end; addr += line)
		asm volatile("dc civac, %0" :: "r" (addr) : "memory");
	dsb_sy();
}

#define DCZID_DZP		BIT(4)

/* Bytes that DC ZVA clears (Arm ARM, DCZID_EL0), or 0 if it must not be used */
static u64 zva_block(void)
{
	u64 dczid = read_sysreg(dczid_el0);

	return dczid & DCZID_DZP ? 0 : 4UL << FIELD(dczid, 0, 4);
}

/* Unrolled as clean_lines() */
static u64 zero_blocks(u64 addr, u64 block)
{
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < 16; i++, addr += block)
		asm volatile("dc zva, %0" :: "r" (addr) : "memory");
	return addr;
}

/**
 * clear_pages() - fill whole pages with zeroes
 * @va: start
 * @size: bytes, a multiple of PAGE_SIZE
 *
 * While the MMU is off memory is Device memory, where DC ZVA faults.
 */
void clear_pages(void *va, u64 size)
{
	u64 block = zva_block(), addr = (u64)va, end = addr + size;

	if (!block || mmu_is_off()) {
		memset(va, 0, size);
		return;
	}
	while (addr + 16 * block <= end)
		addr = zero_blocks(addr, block);
	for (; addr < end; addr += block)
		asm volatile("dc zva, %0" :: "r" (addr) : "memory");
}

/* For memory that was executed before and has new instructions */
void icache_inval_all(void)
{
	asm volatile("ic ialluis" ::: "memory");
	dsb_ish();
	isb();
}
