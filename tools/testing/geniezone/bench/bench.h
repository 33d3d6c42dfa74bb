/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/**
 * struct command - a command for a vCPU, in the guest's memory
 * @fn: guest physical address of a function of guest.S
 * @arg: its arguments
 * @result: its return value
 */
struct command {
	uint64_t fn;
	uint64_t arg[3];
	uint64_t result;
};

/**
 * struct vm - a virtual machine of either hypervisor
 * @fd: the VM
 * @gic: the file of its interrupt controller, or -1
 * @file: the file of the last slot, or -1
 * @vcpu: the vCPUs
 * @run: the run structure of each vCPU
 * @nr_vcpus: number of vCPUs
 * @nr_slots: number of slots
 * @code: guest code and commands
 */
struct vm {
	int fd;
	int gic;
	int file;
	int vcpu[MAX_VCPUS];
	void *run[MAX_VCPUS];
	unsigned int nr_vcpus;
	unsigned int nr_slots;
	char *code;
};

/**
 * struct backend - a hypervisor
 * @name: its name on the command line
 * @is_protected: the program cannot access the guest's memory after the guest did
 * @open: open its device
 * @create: create a VM with an interrupt controller and memory at CODE
 * @destroy: destroy a VM that @create created
 * @enter: set the entry point of vCPU 0; the others are off
 * @slot: add memory of the program; with @write, memory of a file instead
 * @write: write to the memory of the last slot, or NULL
 * @ioeventfd: add a doorbell of 4 bytes; @match: only for this value
 * @irqfd: connect an eventfd to an SPI
 * @run: run to the end of a command or to a write to @stop; reads return 3.
 *	 Returns the number of other exits.
 * @value: the value that the last exit of a vCPU wrote
 * @exit: run once, to an exit like the one before
 */
struct backend {
	const char *name;
	bool is_protected;
	bool (*open)(void);
	void (*create)(struct vm *vm, unsigned int nr_vcpus);
	void (*destroy)(struct vm *vm);
	void (*enter)(struct vm *vm, uint64_t pc);
	void (*slot)(struct vm *vm, uint64_t gpa, void *at, uint64_t size);
	void (*write)(struct vm *vm, const void *from, uint64_t size);
	void (*ioeventfd)(struct vm *vm, int fd, uint64_t addr,
			  const uint32_t *match);
	void (*irqfd)(struct vm *vm, int fd, unsigned int spi);
	long (*run)(struct vm *vm, unsigned int id);
	void (*exit)(struct vm *vm, unsigned int id);
	uint32_t (*value)(struct vm *vm, unsigned int id);
};

extern const struct backend backend_gzvm, backend_protected, backend_guestmem,
			    backend_kvm;
extern const struct backend *hv;

extern char guest_start[], guest_end[], guest_entry[];
extern char guest_empty[], guest_write[], guest_read[], guest_call[],
	    guest_no_call[], guest_touch[], guest_gic[], guest_interrupts[],
	    guest_sleep[], guest_ipi[], guest_turn_on[], guest_timer[],
	    guest_give_up[];

/* measure.c */
void mark_reset(void);
void mark_begin(void);
void mark_end(void);
void mark_result(void);
void die(const char *what) __attribute__((noreturn));

#define CHECKED(call)				\
({						\
	long ret__ = (call);			\
						\
	if (ret__ < 0)				\
		die(#call);			\
	ret__;					\
})

/* Times are in ticks of the counter */
static inline uint64_t now(void)
{
	uint64_t ticks;

	asm volatile("isb\n\tmrs %0, cntvct_el0\n\tisb"
		     : "=r" (ticks) : : "memory");
	return ticks;
}

void measure_init(void);
void meter_reset(void);
void meter_begin(void);
void meter_end(void);
void meter_batch(void);
int64_t meter_least(void);
void report(const char *figure, long size, int64_t base, long n);
void report_value(const char *figure, long size, double value);
void report_ticks(const char *figure, long size, int64_t ticks);
uint64_t ns_to_ticks(uint64_t ns);

void *anon(uint64_t size);
void vm_create(struct vm *vm, unsigned int nr_vcpus);
void vm_destroy(struct vm *vm);
void vm_command(struct vm *vm, unsigned int id, const char *fn, uint64_t a0,
		uint64_t a1, uint64_t a2);
uint64_t vm_result(const struct vm *vm, unsigned int id);
void vm_do(struct vm *vm, unsigned int id, const char *fn, uint64_t a0,
	   uint64_t a1, uint64_t a2);
int64_t vm_once(struct vm *vm, const char *fn, uint64_t a0, uint64_t a1);
int64_t vm_loop(struct vm *vm, const char *fn, uint64_t a1, uint64_t a2,
		long exits);
void vm_gic(struct vm *vm);

/* touch.c */
void *region_create(uint64_t size, bool huge, bool there, void **raw);
void region_destroy(void *raw, uint64_t size);
int64_t region_touch(struct vm *vm, uint64_t size);

/* size.c */
void touch_scattered(volatile char *at, uint64_t size);

/* Operations in a batch, batches, and operations that warm up before */
extern long ops;
#define BATCHES	10
#define WARM	200

void bench_exits(void);
void bench_ioeventfd(void);
void bench_irqfd(void);
void bench_touch(void);
void bench_size(void);
void bench_large(void);
void bench_stretch(void);
void bench_memory(void);
void bench_give(void);
void bench_plain(void);
void bench_life(void);
void bench_ipi(void);
void bench_late(void);
void bench_longest(void);
void bench_slots(void);
void bench_vcpus(void);

#endif /* BENCH_H */
