/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry of the firmware, at any page. It runs with MMU and caches on: libsodium makes
 * unaligned accesses, and a hash of memory that is not cached takes too long. The
 * kernel gets the machine as gzhyp has made it.
 *
 *   x0  device tree		x1  payload		x2  its size
 *   x3  begin			x4  end of the private region that has the payload
 */

#define PSCI_SYSTEM_RESET	0x84000009

/* Arm ARM D19.2: attribute 0 is Device-nGnRnE, 1 is normal memory, write-back */
#define MAIR			0xff00
/* 39 bits of addresses, 4 KiB granule, write-back inner shareable walks, 40 bits out */
#define TCR			(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32)
/* M, C, I */
#define SCTLR_ON		(1 << 0 | 1 << 2 | 1 << 12)
/* FPEN: the library uses vector registers */
#define CPACR_FP		(3 << 20)
#define R_AARCH64_RELATIVE	1027

/* Blocks of 1 GiB, Arm ARM D8.3.1: access flag, inner shareable, attribute */
#define BLOCK			(1 << 10 | 3 << 8 | 1 << 0)
#define BLOCK_NORMAL		(BLOCK | 1 << 2)
/* PXN, UXN */
#define BLOCK_DEVICE		(BLOCK | 3 << 53)

	.section ".head", "ax"
	.globl	_start
_start:
	/* Outside of what the map calls memory, nothing would work. */
	adr	x9, _start
	lsr	x10, x9, #39
	cbnz	x10, reset
	lsr	x10, x9, #30
	cbz	x10, reset

	mrs	x19, sctlr_el1
	ldr	x10, =MAIR
	msr	mair_el1, x10
	ldr	x10, =TCR
	msr	tcr_el1, x10
	adrp	x10, map
	msr	ttbr0_el1, x10
	adr	x10, vectors
	msr	vbar_el1, x10
	mov	x10, #CPACR_FP
	msr	cpacr_el1, x10
	tlbi	vmalle1
	dsb	nsh
	isb
	mov	x10, #SCTLR_ON & 0xffff
	orr	x10, x10, x19
	msr	sctlr_el1, x10
	isb

	/* The only relocations are of pointers to this program. */
	adrp	x10, rela_start
	add	x10, x10, :lo12:rela_start
	adrp	x11, rela_end
	add	x11, x11, :lo12:rela_end
1:	cmp	x10, x11
	b.hs	2f
	ldp	x12, x13, [x10], #16
	ldr	x14, [x10], #8
	cmp	x13, #R_AARCH64_RELATIVE
	b.ne	reset
	add	x14, x14, x9
	str	x14, [x9, x12]
	b	1b

2:	adrp	x20, boot
	add	x20, x20, :lo12:boot
	stp	x0, x1, [x20]
	stp	x2, x3, [x20, #16]
	str	x4, [x20, #32]
	adrp	x10, stack_end
	add	sp, x10, :lo12:stack_end
	mov	x0, x20
	mov	x1, x9
	adrp	x2, image_end
	add	x2, x2, :lo12:image_end
	bl	pvmfw_main
	cbnz	x0, refuse

	/*
	 * As Documentation/arch/arm64/booting.rst wants it. No memory of the kernel's was
	 * written, so that the caches hold nothing that the memory does not.
	 */
	ldp	x0, x9, [x20]
	msr	sctlr_el1, x19
	isb
	msr	vbar_el1, xzr
	msr	ttbr0_el1, xzr
	msr	tcr_el1, xzr
	msr	mair_el1, xzr
	msr	cpacr_el1, xzr
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	mov	x10, xzr
	mov	sp, x10
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, \
		21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	mov	x\n, xzr
	.endr
	br	x9

refuse:
	mov	x1, x0
	mov	x0, x20
	bl	pvmfw_refuse

	/* The second fault is one of reporting the first. */
fault:
	mrs	x9, tpidr_el1
	cbnz	x9, reset
	mov	x9, #1
	msr	tpidr_el1, x9
	adrp	x10, stack_end
	add	sp, x10, :lo12:stack_end
	adrp	x0, boot
	add	x0, x0, :lo12:boot
	adr	x1, fault_text
	bl	pvmfw_refuse

reset:
	ldr	x0, =PSCI_SYSTEM_RESET
	hvc	#0
	b	.

	.ltorg
fault_text:
	.asciz	"an exception in the firmware"

	.balign	2048
vectors:
	.rept	16
	.balign	128
	b	fault
	.endr

	.section ".rodata", "a"
	.globl	pvmfw_key
	.hidden	pvmfw_key
pvmfw_key:
	.incbin	PVMFW_KEY

	/* Level 1, for 512 GiB: the first block is devices. */
	.section ".data.map", "aw"
	.balign	4096
map:	.quad	BLOCK_DEVICE
	.set	n, 1
	.rept	511
	.quad	n << 30 | BLOCK_NORMAL
	.set	n, n + 1
	.endr

	/* struct boot */
	.section ".data.boot", "aw"
	.balign	16
boot:	.skip	40

	.section ".stack", "aw"
	.balign	16
	.skip	16384
stack_end:
