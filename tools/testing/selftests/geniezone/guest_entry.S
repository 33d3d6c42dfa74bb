/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry of guests, and their exception vectors. Part of the section that is
 * copied to guest RAM; runs at EL1 with the MMU off.
 */
#define __ASSEMBLY__
#include "guest.h"

	.section guest_text, "ax", %progbits
	/* adrp in the C code needs the alignment of a page */
	.balign	4096

	.macro	const reg, value
	movz	\reg, #((\value) & 0xffff)
	movk	\reg, #(((\value) >> 16) & 0xffff), lsl #16
	.endm

/*
 * x0 = struct guest_boot. If the function returns, the VM powers off, so that a
 * test that expects more gets a shutdown instead of a runaway guest.
 */
	.globl	guest_entry
guest_entry:
	ldp	x1, x2, [x0]
	ldr	x0, [x0, #16]
	mov	sp, x2
	adr	x2, vectors
	msr	vbar_el1, x2
	mov	x2, #(3 << 20)		/* CPACR_EL1.FPEN: the compiler may use FP registers */
	msr	cpacr_el1, x2
	isb
	blr	x1
	const	x0, PSCI_SYSTEM_OFF
	hvc	#0
	b	.

/* Reports ESR, ELR and FAR; the test fails. */
abort:
	const	x9, PORT_ABORT
	mrs	x10, esr_el1
	str	x10, [x9]
	mrs	x10, elr_el1
	str	x10, [x9, #8]
	mrs	x10, far_el1
	str	x10, [x9, #16]
	b	.

/*
 * Counts interrupts at the address in TPIDR_EL1: {u64 count, u64 last INTID}.
 * The line of the timer stays high until it is masked.
 */
irq:
	stp	x0, x1, [sp, #-32]!
	stp	x2, x3, [sp, #16]
	mrs	x0, s3_0_c12_c12_0	/* ICC_IAR1_EL1 */
	dsb	sy
	mrs	x1, tpidr_el1
	str	x0, [x1, #8]
	cmp	x0, #INTID_VTIMER
	b.ne	1f
	mov	x2, #2			/* IMASK */
	msr	cntv_ctl_el0, x2
	isb
1:	cmp	x0, #1020
	b.hs	2f
	ldr	x2, [x1]
	add	x2, x2, #1
	str	x2, [x1]
	msr	s3_0_c12_c12_1, x0	/* ICC_EOIR1_EL1 */
	isb
2:	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp], #32
	eret

	.balign	2048
vectors:
	.rept	5
	b	abort
	.balign	128
	.endr
	b	irq
	.balign	128
	.rept	10
	b	abort
	.balign	128
	.endr

/*
 * Loads each of x0 to x30 from PORT_TEST and stores it to PORT_TEST + 8. Does
 * not return, since no register is left for that.
 */
	.globl	guest_all_registers
guest_all_registers:
	const	x1, PORT_TEST
	ldr	x0, [x1]
	str	x0, [x1, #8]
	const	x0, PORT_TEST
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	ldr	x\n, [x0]
	str	x\n, [x0, #8]
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	ldr	x\n, [x0]
	str	x\n, [x0, #8]
	.endr
	const	x0, PSCI_SYSTEM_OFF
	hvc	#0
	b	.
