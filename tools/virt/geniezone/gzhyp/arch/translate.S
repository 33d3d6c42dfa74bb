/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Translation of an address by the stage 1 that is loaded. If a walk meets a synchronous
 * external abort, AT takes an exception instead of reporting it (Arm ARM, "Address
 * translation instructions", synchronous external abort on a translation table walk).
 * hyp_fault() goes on at translate_failed then.
 */

	.section ".text.translate", "ax"
/* u64 translate_el0(u64 va), u64 translate_el1(u64 va): PAR_EL1, of a read */
	.globl	translate_el0
translate_el0:
	at	s1e0r, x0
	b	1f
	.globl	translate_el1
translate_el1:
	at	s1e1r, x0
1:	isb
	mrs	x0, par_el1
	ret
	.globl	translate_failed
translate_failed:
	mov	x0, #1				/* PAR_EL1.F */
	ret
