/* SPDX-License-Identifier: GPL-2.0 */
/* For assembly: general registers, PC and PSTATE in a struct cpu_regs at \base */
#ifndef GZHYP_SAVE_REGS_H
#define GZHYP_SAVE_REGS_H

	/* Stores all but x0 to x3 */
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
	.macro	load_all, base
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

#endif /* GZHYP_SAVE_REGS_H */
