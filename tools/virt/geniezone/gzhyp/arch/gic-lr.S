/* SPDX-License-Identifier: GPL-2.0 */
/* List registers have their number in the instruction. */

	.macro	write_one, reg
	cbz	w1, 1f
	ldr	x2, [x0], #8
	msr	\reg, x2
	sub	w1, w1, #1
	.endm

	.macro	read_one, reg
	cbz	w1, 1f
	mrs	x2, \reg
	str	x2, [x0], #8
	sub	w1, w1, #1
	.endm

	.macro	clear_one, reg
	cbz	w0, 1f
	msr	\reg, xzr
	sub	w0, w0, #1
	.endm

	/* void lr_write(const u64 *lr, unsigned int nr) */
	.globl	lr_write
lr_write:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	write_one s3_4_c12_c12_\n
	.endr
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	write_one s3_4_c12_c13_\n
	.endr
1:	ret

	/* void lr_read(u64 *lr, unsigned int nr) */
	.globl	lr_read
lr_read:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	read_one s3_4_c12_c12_\n
	.endr
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	read_one s3_4_c12_c13_\n
	.endr
1:	ret

	/* void lr_clear(unsigned int nr) */
	.globl	lr_clear
lr_clear:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	clear_one s3_4_c12_c12_\n
	.endr
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	clear_one s3_4_c12_c13_\n
	.endr
1:	ret
