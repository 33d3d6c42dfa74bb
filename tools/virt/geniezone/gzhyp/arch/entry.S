/* SPDX-License-Identifier: GPL-2.0 */
/*
 * EL2's vectors. A lower EL's exception is the guest's when the CPU's
 * percpu.guest is set, which only guest_enter() does, else the host's.
 */
#include "asm-offsets.h"

	.macro	save_rest, base
	stp	x4, x5, [\base, #32]
	stp	x6, x7, [\base, #48]
	stp	x8, x9, [\base, #64]
	stp	x10, x11, [\base, #80]
	stp	x12, x13, [\base, #96]
	stp	x14, x15, [\base, #112]
	stp	x16, x17, [\base, #128]
	stp	x18, x19, [\base, #144]
	stp	x20, x21, [\base, #160]
	stp	x22, x23, [\base, #176]
	stp	x24, x25, [\base, #192]
	stp	x26, x27, [\base, #208]
	stp	x28, x29, [\base, #224]
	mrs	x4, elr_el2
	mrs	x5, spsr_el2
	stp	x30, x4, [\base, #240]
	str	x5, [\base, #256]
	.endm

	/* Loads all but \base's own register, then that */
	.macro	load_all, base, base_lo, base_hi
	ldp	x4, x5, [\base, #248]
	msr	elr_el2, x4
	msr	spsr_el2, x5
	ldp	x2, x3, [\base, #16]
	ldp	x4, x5, [\base, #32]
	ldp	x6, x7, [\base, #48]
	ldp	x8, x9, [\base, #64]
	ldp	x10, x11, [\base, #80]
	ldp	x12, x13, [\base, #96]
	ldp	x14, x15, [\base, #112]
	ldp	x16, x17, [\base, #128]
	ldp	x18, x19, [\base, #144]
	ldp	x20, x21, [\base, #160]
	ldp	x22, x23, [\base, #176]
	ldp	x24, x25, [\base, #192]
	ldp	x26, x27, [\base, #208]
	ldp	x28, x29, [\base, #224]
	ldr	x30, [\base, #240]
	ldp	x0, x1, [\base, #0]
	.endm

	.macro	lower_vector, code
	.balign	128
	sub	sp, sp, #REGS_SIZE
	stp	x0, x1, [sp, #0]
	mrs	x1, tpidr_el2
	ldr	x0, [x1, #CPU_GUEST]
	cbnz	x0, 1f
	stp	x2, x3, [sp, #16]
	mov	x0, #\code
	b	host_exit
1:	stp	x2, x3, [x0, #16]
	mov	x2, #\code
	b	guest_exit
	.endm

	/* EL2's own fault: nothing is trusted, the stack least of all. */
	.macro	own_vector, code
	.balign	128
	msr	sp_el0, x0
	mrs	x0, tpidr_el2
	ldr	x0, [x0, #CPU_EMERGENCY_SP]
	msr	spsel, #1
	sub	x0, x0, #REGS_SIZE
	str	x1, [x0, #8]
	mov	x1, sp
	mov	sp, x0
	str	x1, [sp, #REGS_SIZE - 8]
	mrs	x0, sp_el0
	str	x0, [sp, #0]
	stp	x2, x3, [sp, #16]
	mov	x0, #\code
	b	own_fault
	.endm

	.section ".text.vectors", "ax"
	.balign	2048
	.globl	vectors
vectors:
	own_vector 0
	own_vector 1
	own_vector 2
	own_vector 3
	own_vector 4
	own_vector 5
	own_vector 6
	own_vector 7
	lower_vector 0
	lower_vector 1
	lower_vector 2
	lower_vector 3
	lower_vector 0
	lower_vector 1
	lower_vector 2
	lower_vector 3

own_fault:
	save_rest sp
	mov	x1, sp
	bl	hyp_fault
	b	.

/* C keeps x19 to x29 as they are, and no handler of the host's asks for them. */
host_exit:
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	str	x18, [sp, #144]
	mrs	x4, elr_el2
	mrs	x5, spsr_el2
	stp	x30, x4, [sp, #240]
	str	x5, [sp, #256]
	mov	x1, sp
	bl	host_trap
	ldp	x30, x4, [sp, #240]
	ldr	x5, [sp, #256]
	msr	elr_el2, x4
	msr	spsr_el2, x5
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldr	x18, [sp, #144]
	ldp	x0, x1, [sp], #REGS_SIZE
	eret
	dsb	nsh
	isb

/* x0 = the guest's registers, x1 = percpu, x2 = code; x0, x1 are on the stack */
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
