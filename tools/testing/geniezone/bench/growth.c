// SPDX-License-Identifier: GPL-2.0
/* Costs that must not grow with a VM's memory, slots or vCPUs */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define MIB		0x100000ULL
#define PAGE		4096
#define BLOCK		0x200000ULL

/*
 * Operations on the memory of a VM, for a plugin of QEMU that looks for the longest
 * time without interrupts. It is longest if each page is handled by itself.
 */
static void memory_life(uint64_t mib)
{
	uint64_t size = mib * MIB;
	struct vm vm;
	void *raw, *at = region_create(size, false, false, &raw);
	int64_t empty;

	touch_scattered(at, size);
	vm_create(&vm, 1);
	meter_reset();
	meter_begin();
	hv->slot(&vm, DATA_BASE, at, size);
	meter_end();
	meter_batch();
	report("longest-slot", mib, 0, 1);

	empty = region_touch(&vm, size);
	report("longest-populate", mib, empty, size / PAGE);

	vm_once(&vm, guest_give_up, size / BLOCK, DATA_BASE);
	if (vm_result(&vm, 0))
		die("the guest could not give up a page");
	report("longest-relinquish", mib, 0, size / BLOCK);

	meter_reset();
	meter_begin();
	vm_destroy(&vm);
	meter_end();
	meter_batch();
	report("longest-destroy", mib, 0, size / PAGE);
	region_destroy(raw, size);
}

void bench_longest(void)
{
	memory_life(64);
	memory_life(512);
	memory_life(4096);
}

#define ROUNDS		10

/* A fault in the middle one of this many slots, each of one page */
static void fault_in_slots(unsigned int nr, int64_t empty)
{
	unsigned int slot;
	struct vm vm;
	char *page;
	int i;

	meter_reset();
	for (i = 0; i < ROUNDS; i++) {
		/* That of a protected VM is the driver's afterwards. */
		page = anon(PAGE);
		*page = 1;
		vm_create(&vm, 1);
		for (slot = 0; slot < nr; slot++)
			hv->slot(&vm, SLOTS_BASE + slot * BLOCK, page, PAGE);
		vm_do(&vm, 0, guest_empty, WARM, 0, 0);
		vm_command(&vm, 0, guest_touch, 1, SLOTS_BASE + nr / 2 * BLOCK, 7);
		meter_begin();
		hv->run(&vm, 0);
		meter_end();
		meter_batch();
		vm_destroy(&vm);
		munmap(page, PAGE);
	}
	report("fault-slots", nr, empty, 1);
}

void bench_slots(void)
{
	static const unsigned int counts[] = { 1, 8, 64, 510 };
	int64_t empty;
	unsigned int i;
	struct vm vm;

	vm_create(&vm, 1);
	vm_do(&vm, 0, guest_empty, WARM, 0, 0);
	empty = vm_once(&vm, guest_empty, 1, 0);
	vm_destroy(&vm);
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		fault_in_slots(counts[i], empty);
}

/*
 * Several vCPUs fault at once, on two CPUs. QEMU runs one CPU after the other, and
 * changes between them at the latest when a timer of either fires. A thread with
 * real-time priority sets timers that are closer to each other than the handling of
 * a fault is long.
 */
#define VCPUS_MIB	64
#define NAP_NS		50000

static bool stop_naps;

static void *nap(void *unused)
{
	const struct timespec time = { .tv_nsec = NAP_NS };
	const struct sched_param param = { .sched_priority = 50 };

	(void)unused;
	CHECKED(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) ? -1 : 0);
	while (!__atomic_load_n(&stop_naps, __ATOMIC_ACQUIRE))
		nanosleep(&time, NULL);
	return NULL;
}

#define TRACEFS		"/sys/kernel/tracing/"

static void trace_write(const char *file, const char *text)
{
	int fd = CHECKED(open(file, O_WRONLY | O_TRUNC | O_CLOEXEC));

	CHECKED(write(fd, text, strlen(text)));
	close(fd);
}

/* Locks that a thread had to wait for, since the trace was emptied */
static long nr_contended(void)
{
	FILE *file = fopen(TRACEFS "trace", "re");
	char line[512];
	long n = 0;

	if (!file)
		die("the trace");
	while (fgets(line, sizeof(line), file))
		n += !!strstr(line, " contention_begin: ");
	fclose(file);
	return n;
}

struct toucher {
	pthread_t thread;
	pthread_barrier_t *barrier;
	struct vm *vm;
	unsigned int id;
};

static void *touch_thread(void *arg)
{
	struct toucher *t = arg;

	pthread_barrier_wait(t->barrier);
	hv->run(t->vm, t->id);
	return NULL;
}

/* Each vCPU touches its part. The vCPUs run at once. */
static void touch_at_once(struct vm *vm, uint64_t size)
{
	uint64_t part = size / vm->nr_vcpus;
	struct toucher t[MAX_VCPUS];
	pthread_barrier_t barrier;
	unsigned int i;

	pthread_barrier_init(&barrier, NULL, vm->nr_vcpus + 1);
	for (i = 0; i < vm->nr_vcpus; i++) {
		t[i] = (struct toucher){ .barrier = &barrier, .vm = vm, .id = i };
		vm_command(vm, i, guest_touch, part / PAGE, DATA_BASE + i * part, 7);
		CHECKED(-pthread_create(&t[i].thread, NULL, touch_thread, &t[i]));
	}
	meter_begin();
	pthread_barrier_wait(&barrier);
	for (i = 0; i < vm->nr_vcpus; i++)
		pthread_join(t[i].thread, NULL);
	meter_end();
	pthread_barrier_destroy(&barrier);
}

static void vcpus_fault(unsigned int nr)
{
	uint64_t size = VCPUS_MIB * MIB;
	void *raw, *at = region_create(size, false, true, &raw);
	long contended;
	struct vm vm;
	int i;

	meter_reset();
	trace_write(TRACEFS "trace", "");
	for (i = 0; i < ROUNDS; i++) {
		vm_create(&vm, nr);
		vm_gic(&vm);
		hv->slot(&vm, DATA_BASE, at, size);
		trace_write(TRACEFS "events/lock/contention_begin/enable", "1");
		touch_at_once(&vm, size);
		trace_write(TRACEFS "events/lock/contention_begin/enable", "0");
		meter_batch();
		vm_destroy(&vm);
	}
	contended = nr_contended();
	report("touch-vcpus", nr, 0, size / PAGE);
	report_value("contended-vcpus", nr,
		     (double)contended / (ROUNDS * (size / BLOCK)));
	region_destroy(raw, size);
}

void bench_vcpus(void)
{
	pthread_t thread;
	unsigned int nr;

	if (mount("tracefs", TRACEFS, "tracefs", 0, NULL) && errno != EBUSY)
		die("tracefs");
	CHECKED(-pthread_create(&thread, NULL, nap, NULL));
	for (nr = 1; nr <= MAX_VCPUS; nr *= 2)
		vcpus_fault(nr);
	__atomic_store_n(&stop_naps, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}
