/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A minimal firmware for protected VMs: checks that there are a device tree and a
 * kernel, and starts the kernel. It is position-independent and runs with the MMU
 * off and without a stack. Real firmware verifies a signature here.
 *
 *   x0  device tree		x1  payload		x2  its size, or 0
 */

#define FDT_MAGIC_BE		0xedfe0dd0	/* d00dfeed, big endian */
#define IMAGE_MAGIC		0x644d5241	/* "ARM\x64", Image header, offset 56 */
#define IMAGE_HEADER_SIZE	64
#define PSCI_SYSTEM_RESET	0x84000009

	.macro	mov32, reg, val
	movz	\reg, #(\val) & 0xffff
	movk	\reg, #((\val) >> 16), lsl #16
	.endm

	.text
	.globl	_start
_start:
	cbz	x0, refuse
	tst	x0, #7
	b.ne	refuse
	ldr	w3, [x0]
	mov32	w4, FDT_MAGIC_BE
	cmp	w3, w4
	b.ne	refuse

	cbz	x1, refuse
	tst	x1, #3
	b.ne	refuse
	cbz	x2, 1f
	cmp	x2, #IMAGE_HEADER_SIZE
	b.lo	refuse
1:	ldr	w3, [x1, #56]
	mov32	w4, IMAGE_MAGIC
	cmp	w3, w4
	b.ne	refuse

	/* As Documentation/arch/arm64/booting.rst wants it */
	mov	x9, x1
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	ic	iallu
	dsb	nsh
	isb
	br	x9

	/* Firmware that refuses to start the kernel resets the machine. */
refuse:
	mov32	w0, PSCI_SYSTEM_RESET
	hvc	#0
	b	.
