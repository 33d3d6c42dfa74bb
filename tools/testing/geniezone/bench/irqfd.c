// SPDX-License-Identifier: GPL-2.0
/* From a write to an eventfd until the guest has handled its interrupt */

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static void ring(int fd)
{
	uint64_t one = 1;

	syscall(SYS_write, fd, &one, sizeof(one));
}

/* Exits in sequence; a write to @fd comes before each, unless @fd < 0 */
static int64_t exits(struct vm *vm, int fd)
{
	int i;
	long n;

	meter_reset();
	for (i = 0; i < BATCHES; i++) {
		meter_begin();
		for (n = 0; n < ops; n++) {
			if (fd >= 0)
				ring(fd);
			hv->exit(vm, 0);
		}
		meter_end();
		meter_batch();
	}
	return meter_least();
}

/* The cost of the write alone; with @fd < 0 the cost of reading the clock */
static int64_t writes(struct vm *vm, int fd)
{
	int i;
	long n;

	meter_reset();
	for (i = 0; i < BATCHES; i++) {
		for (n = 0; n < ops; n++) {
			meter_begin();
			if (fd >= 0)
				ring(fd);
			meter_end();
			hv->exit(vm, 0);
		}
		meter_batch();
	}
	return meter_least();
}

/* The vCPU is not running, and takes the interrupt when it runs next. */
static void injected(struct vm *vm, int fd, long nr_vcpus)
{
	uint32_t before;
	int64_t base;

	vm_do(vm, 0, guest_interrupts, 0, 0, 0);
	exits(vm, fd);
	base = exits(vm, -1);
	report("irqfd-base", nr_vcpus, 0, ops);
	before = hv->value(vm, 0);
	exits(vm, fd);
	if (hv->value(vm, 0) - before != (uint32_t)ops * BATCHES)
		die("not every write was an interrupt");
	report("irqfd-eoi", nr_vcpus, base, ops);
	base = writes(vm, -1);
	writes(vm, fd);
	report("irqfd-write", nr_vcpus, base, ops);
}

static void vcpu_out(unsigned int nr_vcpus)
{
	int fd = CHECKED(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	struct vm vm;

	vm_create(&vm, nr_vcpus);
	vm_gic(&vm);
	hv->irqfd(&vm, fd, SPI_EDGE);
	injected(&vm, fd, nr_vcpus);
	close(fd);
	vm_destroy(&vm);
}

static void *run_thread(void *vm)
{
	hv->run(vm, 0);
	return NULL;
}

static void wait_for(int fd)
{
	uint64_t value;

	if (syscall(SYS_read, fd, &value, sizeof(value)) != sizeof(value))
		die("read of an eventfd");
}

static void ring_and_wait(int fd, int bell, long count)
{
	while (count--) {
		ring(fd);
		wait_for(bell);
	}
}

/* The guest sleeps; its handler rings a doorbell that wakes this program. */
static void vcpu_idle(void)
{
	int fd = CHECKED(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	int bell = CHECKED(eventfd(0, EFD_CLOEXEC));
	pthread_t thread;
	struct vm vm;
	int i;

	vm_create(&vm, 1);
	vm_gic(&vm);
	hv->irqfd(&vm, fd, SPI_EDGE);
	hv->ioeventfd(&vm, bell, BELL_BASE, NULL);
	vm_command(&vm, 0, guest_sleep, ops * BATCHES + WARM, BELL_BASE, 1);
	if (pthread_create(&thread, NULL, run_thread, &vm))
		die("pthread_create");
	ring_and_wait(fd, bell, WARM);
	meter_reset();
	for (i = 0; i < BATCHES; i++) {
		meter_begin();
		ring_and_wait(fd, bell, ops);
		meter_end();
		meter_batch();
	}
	report("irqfd-idle", 1, 0, ops);
	pthread_join(thread, NULL);
	vm_destroy(&vm);
	close(fd);
	close(bell);
}

void bench_irqfd(void)
{
	unsigned int nr;

	for (nr = 1; nr <= MAX_VCPUS; nr *= 2)
		vcpu_out(nr);
	vcpu_idle();
}
