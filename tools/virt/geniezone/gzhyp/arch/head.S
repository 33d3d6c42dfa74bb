/* SPDX-License-Identifier: GPL-2.0 */
/* Entry of the first CPU, from the firmware, with the MMU off. */
#include "asm-offsets.h"

	.section ".head", "ax"
	.globl	_start
_start:
	/* Header of an arm64 kernel image */
	b	primary
	nop
	.quad	0				/* text_offset */
	.quad	0x200000			/* image_size, see gzhyp.lds */
	.quad	0xa				/* 4 KiB pages, anywhere in RAM */
	.quad	0
	.quad	0
	.quad	0
	.ascii	"ARM\x64"
	.long	0

/* Relocates gzhyp where it was loaded, copies it, and relocates the copy. */
primary:
	msr	daifset, #0xf
	mov	x19, x0				/* device tree */
	mrs	x0, currentel
	mov	x20, x0
	bl	make_runnable
	cmp	x20, #(2 << 2)
	b.ne	wrong_level
	mov	x0, x19
	bl	boot_place			/* final address */
	mov	x20, x0
	adrp	x1, _start
	adrp	x2, _load_end
	mov	x3, x0
1:	ldp	x4, x5, [x1], #16
	stp	x4, x5, [x3], #16
	cmp	x1, x2
	b.lo	1b
	dsb	sy
	ic	iallu
	dsb	sy
	isb
	adrp	x0, _start
	adr	x1, relocated
	sub	x1, x1, x0
	add	x1, x1, x20
	br	x1

relocated:
	bl	make_runnable
	mov	x0, x19
	bl	hyp_main

wrong_level:
	mov	x0, x19
	lsr	x1, x20, #2
	bl	boot_refuse

park:	wfi
	b	park

/* Apply relocations, clear .bss, get a stack. Clobbers x0 to x7. */
make_runnable:
	adrp	x0, _start
	adrp	x1, _rela_start
	add	x1, x1, #:lo12:_rela_start
	adrp	x2, _rela_end
	add	x2, x2, #:lo12:_rela_end
1:	cmp	x1, x2
	b.hs	2f
	ldp	x3, x4, [x1], #16		/* offset, info */
	ldr	x5, [x1], #8			/* addend */
	cmp	x4, #1027			/* R_AARCH64_RELATIVE */
	b.ne	park
	add	x5, x5, x0
	str	x5, [x3, x0]
	b	1b
2:	adrp	x1, _bss_start
	adrp	x2, _bss_end
3:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	3b
	adrp	x1, boot_stack_top
	mov	sp, x1
	dsb	sy
	ret

	.section ".bss.stack", "aw", %nobits
	.balign	4096
	.space	16384
boot_stack_top:
