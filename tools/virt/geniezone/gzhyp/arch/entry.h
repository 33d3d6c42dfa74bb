/* SPDX-License-Identifier: GPL-2.0 */
/* C functions called by assembly, and assembly functions for C. */
#ifndef GZHYP_ENTRY_H
#define GZHYP_ENTRY_H

#include "arch/cpu.h"

/* Called by arch/head.S */
u64 boot_place(void *fdt);
void __noreturn boot_refuse(void *fdt, u64 level);
void __noreturn hyp_main(void *fdt);

/* Called by arch/secondary.S */
void __noreturn secondary_main(struct percpu *cpu);

/* Called by arch/vectors.S */
void host_trap(u64 code, struct cpu_regs *regs);
void hyp_fault(u64 code, struct cpu_regs *regs);

/* The second one saves all registers of the host, not only those of calls */
extern const char vectors[], vectors_mmio[];

/* From arch/enter.S */
void smc_call(struct cpu_regs *regs);

/* From arch/translate.S */
u64 translate_el0(u64 va);
u64 translate_el1(u64 va);
void translate_failed(void);

/* From arch/gic-lr.S: the first @nr list registers */
void lr_write(const u64 *lr, unsigned int nr);
void lr_read(u64 *lr, unsigned int nr);
void lr_clear(unsigned int nr);

/* Never called: arch/asm-offsets.c */
void asm_offsets(void);

#endif /* GZHYP_ENTRY_H */
