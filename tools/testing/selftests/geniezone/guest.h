/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface between guest code and its test.
 *
 * Guest code is C code in the same file as the test, marked GUEST. All of it is
 * linked into one section, which is copied to the bottom of guest RAM. So it must
 * not access anything outside of that section: no global data, no strings, no
 * calls to functions that are not GUEST. The MMU is off: all data is Device memory
 * and every access must be aligned.
 *
 * The guest's physical memory:
 *
 *   0x0f000000  ports: there is no device, so each access is a GZVM_EXIT_MMIO
 *   0x3fff0000  GIC distributor; redistributors end here
 *   0x80000000  RAM: guest code
 *   0x80010000       one struct guest_boot per vCPU
 *   0x80011000       data that guest and test share
 *   0x80020000       stacks, 16 KiB per vCPU
 *   0x80100000       free for tests
 */
#ifndef GUEST_H
#define GUEST_H

#define PORT_BASE	0x0f000000
#define PORT_SYNC	0x0f000000
#define PORT_ABORT	0x0f000100
#define PORT_TEST	0x0f001000

#define RAM_BASE	0x80000000
#define RAM_SIZE	0x00800000
#define CODE_SIZE	0x10000
#define BOOT_BASE	0x80010000
#define SHARED_BASE	0x80011000
#define STACK_BASE	0x80020000
#define STACK_SIZE	0x4000
#define FREE_BASE	0x80100000

#define PSCI_VERSION		0x84000000
#define PSCI_SYSTEM_OFF		0x84000008
#define PSCI_SYSTEM_RESET	0x84000009
#define PSCI_CPU_ON		0xc4000003
#define PSCI_AFFINITY_INFO	0xc4000004

#define GICD_BASE	0x3fff0000
#define INTID_VTIMER	27
#define INTID_SPI(n)	(32 + (n))
#define INTID_NONE	1023

#ifndef __ASSEMBLY__

#include <stdint.h>

/* A function of the guest */
#define GUEST	__attribute((section("guest_text"), used, noinline))

/**
 * struct guest_boot - data for guest_entry, which finds it at x0
 * @fn: guest physical address of the function to call
 * @sp: stack of the function
 * @arg: its argument
 */
struct guest_boot {
	uint64_t fn;
	uint64_t sp;
	uint64_t arg;
};

/* guest_entry.S */
extern char guest_entry[];
void guest_all_registers(uint64_t arg);

static __always_inline void write64(uint64_t addr, uint64_t value)
{
	asm volatile("str %x0, [%1]" : : "rZ" (value), "r" (addr) : "memory");
}

static __always_inline void write32(uint64_t addr, uint32_t value)
{
	asm volatile("str %w0, [%1]" : : "rZ" (value), "r" (addr) : "memory");
}

static __always_inline void write16(uint64_t addr, uint16_t value)
{
	asm volatile("strh %w0, [%1]" : : "rZ" (value), "r" (addr) : "memory");
}

static __always_inline void write8(uint64_t addr, uint8_t value)
{
	asm volatile("strb %w0, [%1]" : : "rZ" (value), "r" (addr) : "memory");
}

static __always_inline uint64_t read64(uint64_t addr)
{
	uint64_t value;

	asm volatile("ldr %x0, [%1]" : "=r" (value) : "r" (addr) : "memory");
	return value;
}

static __always_inline uint32_t read32(uint64_t addr)
{
	uint32_t value;

	asm volatile("ldr %w0, [%1]" : "=r" (value) : "r" (addr) : "memory");
	return value;
}

/* Exits with a number for the test; returns when the test runs the vCPU again. */
static __always_inline void guest_sync(uint64_t value)
{
	write64(PORT_SYNC, value);
}

/* SMCCC: x0 to x3 are results, x4 to x17 may be changed. */
static __always_inline uint64_t hvc3(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)
{
	register uint64_t x0 asm("x0") = fn;
	register uint64_t x1 asm("x1") = a1;
	register uint64_t x2 asm("x2") = a2;
	register uint64_t x3 asm("x3") = a3;

	asm volatile("hvc #0"
		     : "+r" (x0), "+r" (x1), "+r" (x2), "+r" (x3)
		     :
		     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
		       "x13", "x14", "x15", "x16", "x17", "memory");
	return x0;
}

#endif /* __ASSEMBLY__ */
#endif /* GUEST_H */
