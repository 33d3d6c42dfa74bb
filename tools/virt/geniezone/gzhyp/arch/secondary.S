/* SPDX-License-Identifier: GPL-2.0 */
/* Entry of a CPU that PSCI has turned on or resumed, with the MMU off. */
#include "asm-offsets.h"

	.text
/* x0 = struct percpu, by PSCI's context id */
	.globl	secondary_entry
secondary_entry:
	msr	daifset, #0xf
	mov	x19, x0
	bl	mmu_enable
	msr	tpidr_el2, x19
	ldr	x1, [x19, #CPU_STACK_TOP]
	mov	sp, x1
	mov	x0, x19
	bl	secondary_main
	b	.

/* Clobbers x0 to x3. Tables and code are mapped where they are. */
	.globl	mmu_enable
mmu_enable:
	adrp	x0, mmu_config
	add	x0, x0, #:lo12:mmu_config
	ldr	x1, [x0, #MMU_MAIR]
	msr	mair_el2, x1
	ldr	x1, [x0, #MMU_TCR]
	msr	tcr_el2, x1
	ldr	x1, [x0, #MMU_TTBR]
	msr	ttbr0_el2, x1
	ldr	x1, [x0, #MMU_SCTLR]
	isb
	tlbi	alle2
	dsb	nsh
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el2, x1
	isb
	ret
