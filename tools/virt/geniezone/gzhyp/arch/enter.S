/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From EL2 into guest, host or firmware, and back. The vectors branch to guest_exit
 * when the guest is left; it returns from guest_enter().
 */
#include "asm-offsets.h"
#include "arch/save-regs.h"

	/* Near the vectors, which branch here */
	.section ".text.vectors", "ax"
/* x0 = the guest's registers, x1 = percpu, x2 = code; x0, x1 are on the stack */
	.globl	guest_exit
guest_exit:
	str	xzr, [x1, #CPU_GUEST]
	save_rest x0
	ldp	x4, x5, [sp, #0]
	stp	x4, x5, [x0, #0]
	add	sp, sp, #REGS_SIZE
	mov	x0, x2
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	add	sp, sp, #96
	ret

/* u64 guest_enter(struct cpu_regs *regs): enum exit_code */
	.globl	guest_enter
guest_enter:
	sub	sp, sp, #96
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	mrs	x1, tpidr_el2
	str	x0, [x1, #CPU_GUEST]
	load_all x0
	eret
	dsb	nsh
	isb

/* void host_enter(u64 entry, u64 x0, u64 stack_top) */
	.globl	host_enter
host_enter:
	mov	sp, x2
	msr	elr_el2, x0
	mov	x0, #0x3c5
	msr	spsr_el2, x0
	mov	x0, x1
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	mov	x\n, xzr
	.endr
	isb
	eret
	dsb	nsh
	isb

/* void smc_call(struct cpu_regs *regs): x0 to x17 in and out */
	.globl	smc_call
smc_call:
	stp	x29, x30, [sp, #-32]!
	str	x0, [sp, #16]
	mov	x18, x0
	ldp	x2, x3, [x18, #16]
	ldp	x4, x5, [x18, #32]
	ldp	x6, x7, [x18, #48]
	ldp	x8, x9, [x18, #64]
	ldp	x10, x11, [x18, #80]
	ldp	x12, x13, [x18, #96]
	ldp	x14, x15, [x18, #112]
	ldp	x16, x17, [x18, #128]
	ldp	x0, x1, [x18, #0]
	smc	#0
	ldr	x18, [sp, #16]
	stp	x0, x1, [x18, #0]
	stp	x2, x3, [x18, #16]
	stp	x4, x5, [x18, #32]
	stp	x6, x7, [x18, #48]
	stp	x8, x9, [x18, #64]
	stp	x10, x11, [x18, #80]
	stp	x12, x13, [x18, #96]
	stp	x14, x15, [x18, #112]
	stp	x16, x17, [x18, #128]
	ldp	x29, x30, [sp], #32
	ret
