// SPDX-License-Identifier: GPL-2.0
/* Cache maintenance by address. */
#include "barrier.h"
#include "cpu.h"

static u64 dcache_line(void)
{
	return 4UL << FIELD(read_sysreg(ctr_el0), 16, 4);
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
	u64 line = dcache_line();
	u64 addr = ALIGN_DOWN((u64)va, line);

	dsb_sy();
	for (; addr < (u64)va + size; addr += line)
		asm volatile("dc civac, %0" :: "r" (addr) : "memory");
	dsb_sy();
}

/* Instructions may have been written to memory that was executed before. */
void icache_inval_all(void)
{
	asm volatile("ic ialluis" ::: "memory");
	dsb_ish();
	isb();
}
