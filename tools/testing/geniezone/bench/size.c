// SPDX-License-Identifier: GPL-2.0
/* Guests of several sizes get all of their memory, and end. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define MIB		0x100000ULL
#define PAGE		4096
#define FIRST_MIB	192
#define SECOND_MIB	64

static const char *figure_of(const char *what, bool huge)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s%s", what, huge ? "-thp" : "");
	return name;
}

static void touch_all(struct vm *vm, uint64_t size)
{
	vm_do(vm, 0, guest_touch, size / PAGE, DATA_BASE, 7);
}

static void populate(uint64_t mib, bool huge)
{
	uint64_t size = mib * MIB;
	struct vm vm;
	void *raw, *at = region_create(size, huge, false, &raw);
	int64_t empty;

	vm_create(&vm, 1);
	hv->slot(&vm, DATA_BASE, at, size);
	empty = region_touch(&vm, size);
	report(figure_of("populate", huge), mib, empty, size / PAGE);
	meter_reset();
	meter_begin();
	vm_destroy(&vm);
	meter_end();
	meter_batch();
	report(figure_of("teardown", huge), mib, 0, size / PAGE);
	region_destroy(raw, size);
}

/*
 * A thread with real-time priority sleeps for short times. With preempt=none, it wakes
 * up late by the time that the kernel ran without a scheduling point.
 */
#define NAP_NS		50000

static struct {
	atomic_bool stop;
	atomic_long longest;
} watch;

static int64_t ns_since(const struct timespec *then)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - then->tv_sec) * 1000000000LL + t.tv_nsec -
	       then->tv_nsec;
}

static void *watch_thread(void *unused)
{
	struct sched_param param = { .sched_priority = 50 };
	struct timespec at;
	int64_t late;

	(void)unused;
	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param))
		die("SCHED_FIFO");
	while (!atomic_load(&watch.stop)) {
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_nsec += NAP_NS;
		if (at.tv_nsec >= 1000000000) {
			at.tv_nsec -= 1000000000;
			at.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		late = ns_since(&at);
		if (late > atomic_load(&watch.longest))
			atomic_store(&watch.longest, late);
	}
	return NULL;
}

static void no_schedule(uint64_t mib, bool huge)
{
	uint64_t size = mib * MIB;
	pthread_t thread;
	struct vm vm;
	/* The memory exists already: allocating it is not measured. */
	void *raw, *at = region_create(size, huge, true, &raw);

	vm_create(&vm, 1);
	hv->slot(&vm, DATA_BASE, at, size);
	atomic_store(&watch.stop, false);
	if (pthread_create(&thread, NULL, watch_thread, NULL))
		die("pthread_create");
	atomic_store(&watch.longest, 0);
	touch_all(&vm, size);
	report_value(figure_of("stretch-populate", huge), mib,
		     atomic_exchange(&watch.longest, 0));
	vm_destroy(&vm);
	report_value(figure_of("stretch-teardown", huge), mib,
		     atomic_load(&watch.longest));
	atomic_store(&watch.stop, true);
	pthread_join(thread, NULL);
	region_destroy(raw, size);
}

/* The memory that the kernel uses for itself beside slabs, in bytes */
static int64_t other_memory(void)
{
	static const char * const names[] = {
		"KernelStack:", "PageTables:", "SecPageTables:", "VmallocUsed:",
		"Percpu:",
	};
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128], name[32];
	long long kib;
	int64_t sum = 0;
	unsigned int i;

	if (!file)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %lld", name, &kib) != 2)
			continue;
		for (i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strcmp(name, names[i]))
				sum += kib * 1024;
	}
	fclose(file);
	return sum;
}

/*
 * The objects in slabs that are in use. The size of all slabs would include the free
 * objects, whose number depends on what was done before.
 */
static int64_t slab_memory(void)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	long long active, all, size;
	int64_t sum = 0;
	char line[512];

	if (!file)
		die("/proc/slabinfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %lld %lld %lld", &active, &all, &size) == 3)
			sum += active * size;
	fclose(file);
	return sum;
}

/* The kernel frees much after a grace period; a second is nothing in virtual time. */
static int64_t kernel_memory(void)
{
	sleep(1);
	return slab_memory() + other_memory();
}

/**
 * touch_scattered() - touch each page once, in long steps
 * @at: the pages
 * @size: bytes
 *
 * Neighbours get frames that are not adjacent.
 */
void touch_scattered(volatile char *at, uint64_t size)
{
	uint64_t i, pages = size / PAGE;

	for (i = 0; i < pages; i++)
		at[i * 40503 % pages * PAGE] = 1;
}

/* A guest whose memory the process has touched already */
struct guest {
	struct vm vm;
	void *raw, *at;
	uint64_t size;
};

static void guest_create(struct guest *g, uint64_t mib, bool huge,
			 bool scattered)
{
	g->size = mib * MIB;
	g->at = region_create(g->size, huge, !scattered, &g->raw);
	if (scattered)
		touch_scattered(g->at, g->size);
	vm_create(&g->vm, 1);
	vm_do(&g->vm, 0, guest_empty, 1, 0, 0);
}

static void guest_populate(struct guest *g)
{
	hv->slot(&g->vm, DATA_BASE, g->at, g->size);
	touch_all(&g->vm, g->size);
}

static void guest_destroy(struct guest *g)
{
	vm_destroy(&g->vm);
	region_destroy(g->raw, g->size);
}

/*
 * EL2's own memory does not count. A first guest, larger than all before, uses up the
 * free objects that the allocators still have.
 */
static void memory_of_pages(const char *figure, bool huge, bool scattered)
{
	struct guest first, second;
	int64_t before;

	guest_create(&first, FIRST_MIB, huge, scattered);
	guest_create(&second, SECOND_MIB, huge, scattered);
	guest_populate(&first);
	before = kernel_memory();
	guest_populate(&second);
	report_value(figure, SECOND_MIB, (double)(kernel_memory() - before) /
		     (second.size / PAGE));
	guest_destroy(&first);
	guest_destroy(&second);
}

/* A CPU's current slab counts as in use: the more VMs, the smaller the error. */
#define MANY_VMS	56

/* Bytes of a VM with this many vCPUs, none of which has run */
static double memory_of_vm(unsigned int nr_vcpus)
{
	struct vm vms[MANY_VMS];
	int64_t before, after;
	int i;

	/* The first VM also allocates the memory that all VMs share. */
	vm_create(&vms[0], nr_vcpus);
	before = kernel_memory();
	for (i = 1; i < MANY_VMS; i++)
		vm_create(&vms[i], nr_vcpus);
	after = kernel_memory();
	for (i = 0; i < MANY_VMS; i++)
		vm_destroy(&vms[i]);
	return (double)(after - before) / (MANY_VMS - 1);
}

static void memory_of_vms(void)
{
	double one = memory_of_vm(1), most = memory_of_vm(MAX_VCPUS);

	report_value("memory-vm", 1, one);
	report_value("memory-vcpu", 1, (most - one) / (MAX_VCPUS - 1));
}

void bench_size(void)
{
	populate(64, false);
	populate(256, false);
	/* A file of the driver has no huge pages. */
	if (hv->write)
		return;
	populate(64, true);
	populate(256, true);
}

void bench_large(void)
{
	populate(1024, false);
	populate(2048, false);
	populate(1024, true);
	populate(2048, true);
}

void bench_stretch(void)
{
	no_schedule(64, false);
	no_schedule(256, false);
	no_schedule(64, true);
	no_schedule(256, true);
}

void bench_memory(void)
{
	memory_of_pages("memory-page", false, false);
	memory_of_pages("memory-page-scattered", false, true);
	memory_of_pages("memory-page-thp", true, false);
	memory_of_vms();
}
