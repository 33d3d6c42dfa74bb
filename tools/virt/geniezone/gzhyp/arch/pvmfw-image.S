/* SPDX-License-Identifier: GPL-2.0 */
/* The firmware of protected VMs, in whole pages; the Makefile has its path. */
	.section ".rodata.pvmfw", "a"
	.balign	4096
	.globl	pvmfw_start
	.hidden	pvmfw_start
pvmfw_start:
	.incbin	PVMFW
	.balign	4096
	.globl	pvmfw_end
	.hidden	pvmfw_end
pvmfw_end:
