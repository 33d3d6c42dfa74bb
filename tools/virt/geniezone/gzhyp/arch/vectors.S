/* SPDX-License-Identifier: GPL-2.0 */
/*
 * EL2's vectors. An exception from a lower EL is the guest's if percpu.guest is set,
 * which only guest_enter() does, else the host's.
 */
#include "asm-offsets.h"
#include "arch/save-regs.h"

	.macro	lower_vector, code, exit=host_exit
	.balign	128
	sub	sp, sp, #REGS_SIZE
	stp	x0, x1, [sp, #0]
	mrs	x1, tpidr_el2
	ldr	x0, [x1, #CPU_GUEST]
	cbnz	x0, 1f
	stp	x2, x3, [sp, #16]
	mov	x0, #\code
	b	\exit
1:	stp	x2, x3, [x0, #16]
	mov	x2, #\code
	b	guest_exit
	.endm

	/* EL2's own fault: the stack may be the cause, so another one is used. */
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

	.macro	vector_table, sync_exit
	.irp	code, 0, 1, 2, 3, 4, 5, 6, 7
	own_vector \code
	.endr
	lower_vector 0, \sync_exit
	.irp	code, 1, 2, 3, 0, 1, 2, 3
	lower_vector \code
	.endr
	.endm

	.section ".text.vectors", "ax"
	.balign	2048
	.globl	vectors
vectors:
	vector_table host_exit
	.balign	2048
	.globl	vectors_mmio
vectors_mmio:
	vector_table host_exit_all

own_fault:
	save_rest sp
	mov	x1, sp
	bl	hyp_fault
	/* It returns if the fault was expected: back to the stack that was in use */
	mov	x1, sp
	ldr	x0, [sp, #REGS_SIZE - 8]
	mov	sp, x0
	load_all x1
	eret
	dsb	nsh
	isb

/* For accesses that gzhyp makes for the host, from or to any register */
host_exit_all:
	save_rest sp
	mov	x1, sp
	bl	host_trap
	load_all sp
	add	sp, sp, #REGS_SIZE
	eret
	dsb	nsh
	isb

/* x19 to x29 are not saved: C preserves them, and no host handler uses them. */
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
