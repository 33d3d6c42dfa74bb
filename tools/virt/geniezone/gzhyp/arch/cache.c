// SPDX-License-Identifier: GPL-2.0
/* Cache maintenance by address. */
#include "arch/barrier.h"
#include "arch/cpu.h"

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

/* For memory that was executed before and has new instructions */
void icache_inval_all(void)
{
	asm volatile("ic ialluis" ::: "memory");
	dsb_ish();
	isb();
}
