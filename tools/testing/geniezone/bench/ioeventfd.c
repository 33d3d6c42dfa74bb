// SPDX-License-Identifier: GPL-2.0
/* From a guest's write to a doorbell until the guest continues */

#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

#define MATCH		7

static int event(void)
{
	return CHECKED(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

static void must_have_rung(int fd)
{
	uint64_t value = 0;

	if (read(fd, &value, sizeof(value)) != sizeof(value) ||
	    value != (uint64_t)ops * BATCHES + WARM)
		die("the eventfd has another value");
}

static void kick(struct vm *vm, const char *figure, long size, int fd,
		 uint64_t addr, int64_t empty)
{
	vm_loop(vm, guest_write, addr, MATCH, 0);
	must_have_rung(fd);
	report(figure, size, empty, ops);
}

/* Other doorbells, half below and half above the two that are used */
static uint64_t other_bell(int n)
{
	int at = n / 2 + 2;

	return n & 1 ? BELL_BASE - at * BELL_STRIDE :
		       BELL_BASE + at * BELL_STRIDE;
}

static const int counts[] = { 0, 1, 10, 100, 1000 };
#define NR_COUNTS	(sizeof(counts) / sizeof(*counts))

/*
 * KVM's bus has at most 1000 devices. Besides the interrupt controller and the two
 * doorbells, this many are left.
 */
#define MOST_OTHERS	900

static int limited(int count)
{
	return hv == &backend_kvm && count > MOST_OTHERS ? MOST_OTHERS : count;
}

static void many_bells(int other)
{
	static const uint32_t match = MATCH;
	int plain = event(), matching = event(), have = 0;
	unsigned int i;
	int64_t empty;
	struct vm vm;

	vm_create(&vm, 1);
	empty = vm_loop(&vm, guest_empty, 0, 0, 0);
	hv->ioeventfd(&vm, plain, BELL_BASE, NULL);
	hv->ioeventfd(&vm, matching, BELL_BASE + BELL_STRIDE, &match);
	for (i = 0; i < NR_COUNTS; i++) {
		for (; have < limited(counts[i]); have++)
			hv->ioeventfd(&vm, other, other_bell(have), NULL);
		kick(&vm, "ioeventfd", counts[i], plain, BELL_BASE, empty);
		kick(&vm, "ioeventfd-match", counts[i], matching,
		     BELL_BASE + BELL_STRIDE, empty);
	}
	vm_destroy(&vm);
	close(plain);
	close(matching);
}

/* All at one address. The last one is used: the worst case for a list. */
static void one_bell(int other, int count)
{
	int matching = event(), i;
	uint32_t match;
	struct vm vm;
	int64_t empty;

	vm_create(&vm, 1);
	empty = vm_loop(&vm, guest_empty, 0, 0, 0);
	for (i = 0; i < limited(count); i++) {
		match = 1000 + i;
		hv->ioeventfd(&vm, other, ONE_BELL, &match);
	}
	match = MATCH;
	hv->ioeventfd(&vm, matching, ONE_BELL, &match);
	kick(&vm, "ioeventfd-one-address", count, matching, ONE_BELL, empty);
	vm_destroy(&vm);
	close(matching);
}

void bench_ioeventfd(void)
{
	int other = event();
	unsigned int i;

	many_bells(other);
	for (i = 0; i < NR_COUNTS; i++)
		one_bell(other, counts[i]);
	close(other);
}
