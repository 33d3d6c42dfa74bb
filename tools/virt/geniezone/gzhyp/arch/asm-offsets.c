// SPDX-License-Identifier: GPL-2.0
/* Compiled to assembly only; the Makefile makes a header of the markers. */
#include "arch/entry.h"
#include "arch/mmu.h"

#define DEFINE(sym, val) \
	asm volatile("\n.ascii \"->" #sym " %0\"" :: "i" (val))
#define OFFSET(sym, type, member) DEFINE(sym, offsetof(struct type, member))

void asm_offsets(void)
{
	OFFSET(CPU_GUEST, percpu, guest);
	OFFSET(CPU_STACK_TOP, percpu, stack_top);
	OFFSET(CPU_EMERGENCY_SP, percpu, emergency_sp);
	OFFSET(REGS_PC, cpu_regs, pc);
	DEFINE(REGS_SIZE, sizeof(struct cpu_regs));
	OFFSET(FP_FPSR, fp_regs, fpsr);
	OFFSET(SVE_FPSR, sve_regs, fpsr);
	OFFSET(MMU_MAIR, mmu_config, mair);
	OFFSET(MMU_TCR, mmu_config, tcr);
	OFFSET(MMU_TTBR, mmu_config, ttbr);
	OFFSET(MMU_SCTLR, mmu_config, sctlr);
}
