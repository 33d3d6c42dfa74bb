/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest, the same for all hypervisors. It runs at EL1 with the MMU off and
 * executes commands; between two commands it exits at EXIT.
 *
 * Each loop has one operation more than the empty loop, so the difference is the cost
 * of the operation. x27 counts interrupts, x28 is EXIT, x26 is the command, and the
 * interrupt handler uses x25.
 */
#include "layout.h"

	.section .rodata, "a", %progbits
	.balign	4096

	.macro	const reg, value
	movz	\reg, #((\value) & 0xffff)
	movk	\reg, #(((\value) >> 16) & 0xffff), lsl #16
	.endm

	.globl	guest_start, guest_end
guest_start:
/* Vectors: only interrupts. Any other exception exits with its syndrome. */
	.rept	5
	b	abort
	.balign	128
	.endr
	mrs	x25, s3_0_c12_c12_0		/* ICC_IAR1_EL1 */
	msr	s3_0_c12_c12_1, x25		/* ICC_EOIR1_EL1 */
	add	x27, x27, #1
	eret
	.balign	128
	.rept	10
	b	abort
	.balign	128
	.endr

abort:	const	x28, EXIT_BASE
	mrs	x0, esr_el1
	str	x0, [x28, #8]
	b	abort

/* x0 = number of the vCPU */
	.globl	guest_entry
guest_entry:
	adr	x1, guest_start
	msr	vbar_el1, x1
	const	x26, (CODE_BASE + CMDS)
	add	x26, x26, x0, lsl #CMD_SHIFT
	const	x28, EXIT_BASE
	mov	x27, #0
next:	ldp	x8, x0, [x26]
	ldp	x1, x2, [x26, #16]
	blr	x8
	str	x0, [x26, #32]
	str	w0, [x28]
	b	next

	.globl	guest_empty
guest_empty:
	subs	x0, x0, #1
	b.ne	guest_empty
	ret

/* x1 = address, x2 = value */
	.globl	guest_write
guest_write:
	str	w2, [x1]
	subs	x0, x0, #1
	b.ne	guest_write
	ret

/* Returns the sum of the values read */
	.globl	guest_read
guest_read:
	mov	x3, #0
1:	ldr	w4, [x1]
	add	x3, x3, x4
	subs	x0, x0, #1
	b.ne	1b
	mov	x0, x3
	ret

/* x1 = function of the SMC calling convention, x2 = argument */
	.globl	guest_call
guest_call:
	mov	x19, x0
	mov	x20, x1
	mov	x21, x2
1:	mov	x0, x20
	mov	x1, x21
	hvc	#0
	subs	x19, x19, #1
	b.ne	1b
	ret

	.globl	guest_no_call
guest_no_call:
	mov	x19, x0
	mov	x20, x1
	mov	x21, x2
1:	mov	x0, x20
	mov	x1, x21
	subs	x19, x19, #1
	b.ne	1b
	ret

/* One byte of each page from x1 */
	.globl	guest_touch
guest_touch:
	strb	w2, [x1]
	add	x1, x1, #4096
	subs	x0, x0, #1
	b.ne	guest_touch
	ret

/* Gives up x0 pages, one of each 2 MiB from x1; returns 0 unless one was refused */
	.globl	guest_give_up
guest_give_up:
	mov	x19, x0
	mov	x20, x1
	mov	x21, #0
1:	const	w0, 0xc6000009			/* MEM_RELINQUISH */
	mov	x1, x20
	mov	x2, #0
	mov	x3, #0
	hvc	#0
	orr	x21, x21, x0
	add	x20, x20, #0x200, lsl #12
	subs	x19, x19, #1
	b.ne	1b
	mov	x0, x21
	ret

/* The interrupt controller: x0 = this vCPU's redistributor, x1 != 0: SPIs too */
	.globl	guest_gic
guest_gic:
	const	x2, GICD_BASE
	cbz	x1, 1f
	mov	w3, #0x12			/* CTLR: ARE, EnableGrp1 */
	str	w3, [x2]
	mov	w3, #-1
	str	w3, [x2, #0x84]			/* IGROUPR1 */
	const	w3, 0xaaaaaaaa
	str	w3, [x2, #0xc08]		/* ICFGR2: SPIs 0 to 15 are edge */
	mov	w3, #(1 << SPI_EDGE)
	str	w3, [x2, #0x104]		/* ISENABLER1 */
1:	ldr	w3, [x0, #0x14]			/* WAKER */
	and	w3, w3, #~2
	str	w3, [x0, #0x14]
	add	x0, x0, #0x10000
	mov	w3, #-1
	str	w3, [x0, #0x80]			/* IGROUPR0 */
	mov	w3, #1
	str	w3, [x0, #0x100]		/* ISENABLER0: SGI 0 */
	mov	x3, #7
	msr	s3_0_c12_c12_5, x3		/* ICC_SRE_EL1 */
	isb
	mov	x3, #0xff
	msr	s3_0_c4_c6_0, x3		/* ICC_PMR_EL1 */
	mov	x3, #1
	msr	s3_0_c12_c12_7, x3		/* ICC_IGRPEN1_EL1 */
	isb
	mov	x0, #0
	ret

/* Exits in a loop with interrupts enabled; returns the number of interrupts */
	.globl	guest_interrupts
guest_interrupts:
	mov	x27, #0
	msr	daifclr, #2
1:	str	w27, [x28]
	b	1b

/* Turns on vCPU x0; its affinity is its number */
	.globl	guest_turn_on
guest_turn_on:
	mov	x1, x0
	mov	x3, x0
	adr	x2, guest_entry
	const	w0, 0xc4000003			/* PSCI CPU_ON */
	hvc	#0
	ret

/* x0 times: sleeps until an interrupt comes, then rings the doorbell at x1 */
	.globl	guest_sleep
guest_sleep:
	mov	x27, #0
	mov	x3, #0
1:	add	x3, x3, #1
2:	cmp	x27, x3
	b.hs	3f
	wfi
	msr	daifclr, #2
	isb
	msr	daifset, #2
	b	2b
3:	str	w2, [x1]
	cmp	x3, x0
	b.ne	1b
	ret

/*
 * Sleeps until its timer fires in x0 ticks; returns by how many ticks it is late.
 * x1 = this vCPU's redistributor
 */
	.globl	guest_timer
guest_timer:
	add	x1, x1, #0x10000
	const	w4, (1 << TIMER_INTID)
	str	w4, [x1, #0x100]		/* ISENABLER0 */
	isb
	mrs	x3, cntvct_el0
	add	x3, x3, x0
	msr	cntv_cval_el0, x3
	mov	x4, #1
	msr	cntv_ctl_el0, x4
	isb
1:	wfi
	mrs	x5, s3_0_c12_c12_0		/* ICC_IAR1_EL1 */
	cmp	w5, #TIMER_INTID
	b.ne	1b
	isb
	mrs	x0, cntvct_el0
	msr	cntv_ctl_el0, xzr
	isb
	msr	s3_0_c12_c12_1, x5		/* ICC_EOIR1_EL1 */
	sub	x0, x0, x3
	ret

/* x0 times: sends SGI 0 to the vCPU in x1 and waits for its answer; x2: begins */
	.globl	guest_ipi
guest_ipi:
	mov	x27, #0
	mov	x3, #0
	cbz	x2, 2f
1:	dsb	sy
	msr	s3_0_c12_c11_5, x1		/* ICC_SGI1R_EL1 */
	isb
2:	add	x3, x3, #1
3:	cmp	x27, x3
	b.hs	4f
	wfi
	msr	daifclr, #2
	isb
	msr	daifset, #2
	b	3b
4:	cmp	x3, x0
	b.ne	1b
	cbnz	x2, 5f
	dsb	sy
	msr	s3_0_c12_c11_5, x1
	isb
5:	ret
	.balign	8
guest_end:
