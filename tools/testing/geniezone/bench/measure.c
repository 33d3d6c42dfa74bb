// SPDX-License-Identifier: GPL-2.0
/* Functions for all measurements: the counter, VMs, results */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

long ops = 400;
const struct backend *hv;

/* Instructions in one tick: an instruction takes 1 ns of QEMU's virtual time */
static double per_tick;

void die(const char *what)
{
	printf("bench: FAILED: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	exit(1);
}

void measure_init(void)
{
	uint64_t hz;

	asm volatile("mrs %0, cntfrq_el0" : "=r" (hz));
	per_tick = 1e9 / hz;
}

/*
 * Marks for a plugin of QEMU that counts the instructions between them: it knows the
 * addresses of these functions. They are not static and never inlined, and they
 * differ, so that the compiler does not merge them.
 */
#define MARK(name)				\
__attribute__((noinline)) void name(void)	\
{						\
	asm volatile("# " #name : : : "memory");\
}

MARK(mark_reset)
MARK(mark_begin)
MARK(mark_end)
MARK(mark_result)

static struct {
	int64_t least;		/* minimum of the batches so far */
	int64_t batch;		/* ticks in this batch */
	uint64_t begin;
	long batches;
} meter;

/**
 * meter_reset() - begin another measurement
 */
void meter_reset(void)
{
	mark_reset();
	meter.least = INT64_MAX;
	meter.batch = 0;
	meter.batches = 0;
}

void meter_begin(void)
{
	mark_begin();
	meter.begin = now();
}

void meter_end(void)
{
	meter.batch += now() - meter.begin;
	mark_end();
}

/**
 * meter_batch() - end a batch; all batches have the same operations
 *
 * The cheapest batch counts: the host's timer interrupted the others.
 */
void meter_batch(void)
{
	if (meter.batch < meter.least)
		meter.least = meter.batch;
	meter.batch = 0;
	meter.batches++;
}

int64_t meter_least(void)
{
	return meter.least;
}

/**
 * report() - print a result
 * @figure: what was measured
 * @size: what it depends on
 * @base: ticks of a batch to subtract
 * @n: operations in a batch
 */
void report(const char *figure, long size, int64_t base, long n)
{
	mark_result();
	printf("R %s %ld %.1f %ld\n", figure, size,
	       (meter.least - base) * per_tick / n, n * meter.batches);
}

/**
 * report_value() - print a result that is not in instructions
 * @figure: what was measured
 * @size: what it depends on
 * @value: the result
 */
void report_value(const char *figure, long size, double value)
{
	mark_reset();
	mark_result();
	printf("R %s %ld %.1f 1\n", figure, size, value);
}

/**
 * report_ticks() - print a time as instructions
 * @figure: what was measured
 * @size: what it depends on
 * @ticks: the time
 */
void report_ticks(const char *figure, long size, int64_t ticks)
{
	report_value(figure, size, ticks * per_tick);
}

uint64_t ns_to_ticks(uint64_t ns)
{
	return ns / per_tick;
}

void *anon(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static uint64_t guest_address(const char *symbol)
{
	return CODE_BASE + (symbol - guest_start);
}

/**
 * vm_create() - create a VM whose vCPU 0 is ready for its first command
 * @vm: filled in
 * @nr_vcpus: number of vCPUs
 */
void vm_create(struct vm *vm, unsigned int nr_vcpus)
{
	vm->code = anon(CODE_SIZE);
	memcpy(vm->code, guest_start, guest_end - guest_start);
	__builtin___clear_cache(vm->code, vm->code + CODE_SIZE);
	hv->create(vm, nr_vcpus);
	hv->enter(vm, guest_address(guest_entry));
}

void vm_destroy(struct vm *vm)
{
	hv->destroy(vm);
	munmap(vm->code, CODE_SIZE);
}

static struct command *command_of(const struct vm *vm, unsigned int id)
{
	return (struct command *)(vm->code + CMDS + (id << CMD_SHIFT));
}

/**
 * vm_command() - set the command that a vCPU executes when it runs next
 * @vm: the VM
 * @id: the vCPU, which must be between two commands
 * @fn: function of guest.S
 * @a0: its arguments
 * @a1: more
 * @a2: more
 */
void vm_command(struct vm *vm, unsigned int id, const char *fn, uint64_t a0,
		uint64_t a1, uint64_t a2)
{
	struct command *cmd = command_of(vm, id);

	cmd->arg[0] = a0;
	cmd->arg[1] = a1;
	cmd->arg[2] = a2;
	cmd->fn = guest_address(fn);
}

uint64_t vm_result(const struct vm *vm, unsigned int id)
{
	return command_of(vm, id)->result;
}

/**
 * vm_do() - let a vCPU execute a command, without measuring it
 * @vm: the VM
 * @id: the vCPU
 * @fn: function of guest.S
 * @a0: its arguments
 * @a1: more
 * @a2: more
 */
void vm_do(struct vm *vm, unsigned int id, const char *fn, uint64_t a0,
	   uint64_t a1, uint64_t a2)
{
	vm_command(vm, id, fn, a0, a1, a2);
	hv->run(vm, id);
}

/* Returns the number of exits. */
static long measured_run(struct vm *vm)
{
	long exits;

	meter_begin();
	exits = hv->run(vm, 0);
	meter_end();
	return exits;
}

/**
 * vm_once() - measure a command of vCPU 0
 * @vm: the VM
 * @fn: function of guest.S
 * @a0: its arguments
 * @a1: more
 *
 * Return: ticks.
 */
int64_t vm_once(struct vm *vm, const char *fn, uint64_t a0, uint64_t a1)
{
	meter_reset();
	vm_command(vm, 0, fn, a0, a1, 7);
	if (measured_run(vm))
		die("the guest had an exit");
	meter_batch();
	return meter_least();
}

/**
 * vm_loop() - measure batches of operations of vCPU 0
 * @vm: the VM
 * @fn: function of guest.S that does the number of operations in its first argument
 * @a1: its second and third argument
 * @a2: more
 * @exits: the exits that each operation must have
 *
 * Return: ticks of a batch.
 */
int64_t vm_loop(struct vm *vm, const char *fn, uint64_t a1, uint64_t a2,
		long exits)
{
	int i;

	vm_do(vm, 0, fn, WARM, a1, a2);
	meter_reset();
	for (i = 0; i < BATCHES; i++) {
		vm_command(vm, 0, fn, ops, a1, a2);
		if (measured_run(vm) != exits * ops)
			die("another number of exits");
		meter_batch();
	}
	return meter_least();
}

/**
 * vm_gic() - turn on all vCPUs; each sets up its interrupt controller
 * @vm: the VM
 */
void vm_gic(struct vm *vm)
{
	unsigned int id;

	for (id = 0; id < vm->nr_vcpus; id++) {
		if (id)
			vm_do(vm, 0, guest_turn_on, id, 0, 0);
		vm_do(vm, id, guest_gic, GICD_BASE -
		      (vm->nr_vcpus - id) * GICR_STRIDE, !id, 0);
	}
}
