/* SPDX-License-Identifier: GPL-2.0 */
/* What assembly calls in C, and what it has for C. */
#ifndef GZHYP_ENTRY_H
#define GZHYP_ENTRY_H

#include "cpu.h"

/* From arch/head.S */
u64 boot_place(void *fdt);
void __noreturn hyp_main(void *fdt);
void __noreturn secondary_main(struct percpu *cpu);

/* From arch/entry.S */
void host_trap(u64 code, struct cpu_regs *regs);
void __noreturn hyp_fault(u64 code, struct cpu_regs *regs);

extern char vectors[];
void smc_call(struct cpu_regs *regs);

/* From arch/gic-lr.S: the first @nr list registers */
void lr_write(const u64 *lr, unsigned int nr);
void lr_read(u64 *lr, unsigned int nr);
void lr_clear(unsigned int nr);

/* Never called: arch/asm-offsets.c */
void asm_offsets(void);

#endif /* GZHYP_ENTRY_H */
