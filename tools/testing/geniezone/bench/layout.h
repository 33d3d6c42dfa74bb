/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's physical address space, for C and for the guest's assembly.
 *
 *   0x0b000000  EXIT     a store here ends a command
 *   0x0c000000  MMIO     no device: exits to the program
 *   0x0d000000  BELLS    doorbells, 0x100 apart
 *   0x0e000000  ONE_BELL many doorbells, with different values
 *   ...         GIC      redistributors right below the distributor
 *   0x80000000  CODE     guest code; CMDS has the commands of the vCPUs
 *   0x100000000 DATA     the memory that is measured
 */
#ifndef BENCH_LAYOUT_H
#define BENCH_LAYOUT_H

#define EXIT_BASE	0x0b000000
#define MMIO_BASE	0x0c000000
#define BELL_BASE	0x0d000000
#define BELL_STRIDE	0x100
#define ONE_BELL	0x0e000000
#define GICD_BASE	0x3fff0000
#define GICD_SIZE	0x10000
#define GICR_STRIDE	0x20000
#define CODE_BASE	0x80000000
#define CODE_SIZE	0x10000
/* In CODE: struct command for each vCPU */
#define CMDS		0x8000
#define CMD_SHIFT	6
#define SLOTS_BASE	0x200000000
#define DATA_BASE	0x100000000

#define TIMER_INTID	27

/* SPIs, numbered from 0: INTID - 32 */
#define SPI_EDGE	2

#define MAX_VCPUS	8

#endif /* BENCH_LAYOUT_H */
