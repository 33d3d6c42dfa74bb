/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FP/SIMD and SVE registers. CPTR_EL2 must not trap them. For SVE, ZCR_EL2 has the
 * CPU's maximum, so that the host's registers are saved in full.
 */
#include "asm-offsets.h"

	.arch	armv8.2-a+sve

	.globl	fp_save
fp_save:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21, \
		22,23,24,25,26,27,28,29,30,31
	str	q\n, [x0, #16 * \n]
	.endr
	mrs	x1, fpsr
	mrs	x2, fpcr
	add	x0, x0, #FP_FPSR
	stp	x1, x2, [x0]
	ret

	.globl	fp_load
fp_load:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21, \
		22,23,24,25,26,27,28,29,30,31
	ldr	q\n, [x0, #16 * \n]
	.endr
	add	x0, x0, #FP_FPSR
	ldp	x1, x2, [x0]
	msr	fpsr, x1
	msr	fpcr, x2
	ret

/* Z registers, then P, then FFR, all in units of the vector length */
	.globl	sve_save
sve_save:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21, \
		22,23,24,25,26,27,28,29,30,31
	str	z\n, [x0, #\n, mul vl]
	.endr
	addvl	x1, x0, #31
	addvl	x1, x1, #1
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	str	p\n, [x1, #\n, mul vl]
	.endr
	rdffr	p0.b
	str	p0, [x1, #16, mul vl]
	ldr	p0, [x1, #0, mul vl]
	mrs	x1, fpsr
	mrs	x2, fpcr
	mov	x3, #SVE_FPSR
	add	x0, x0, x3
	stp	x1, x2, [x0]
	ret

	.globl	sve_load
sve_load:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21, \
		22,23,24,25,26,27,28,29,30,31
	ldr	z\n, [x0, #\n, mul vl]
	.endr
	addvl	x1, x0, #31
	addvl	x1, x1, #1
	ldr	p0, [x1, #16, mul vl]
	wrffr	p0.b
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	ldr	p\n, [x1, #\n, mul vl]
	.endr
	mov	x3, #SVE_FPSR
	add	x0, x0, x3
	ldp	x1, x2, [x0]
	msr	fpsr, x1
	msr	fpcr, x2
	ret
