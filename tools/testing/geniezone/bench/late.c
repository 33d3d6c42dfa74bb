// SPDX-License-Identifier: GPL-2.0
/*
 * How late the guest's timer is. Another thread of higher priority takes the CPU
 * soon after the guest begins to wait, each time a little later, and gives it back
 * long before the deadline: the timer must not be late by the time that this took.
 */

#include <pthread.h>
#include <sched.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench.h"

#define GUEST_NS	4000000	/* the guest's timer */
#define BUSY_NS		1000000	/* how long the other thread runs */

/* When it begins: before the guest does, to after its thread sleeps */
#define FIRST_NS	1000
#define LAST_NS		41000
#define STEP_NS		250

static int timer;
static uint64_t busy;

static void *busy_thread(void *unused)
{
	const struct sched_param param = { .sched_priority = 10 };
	uint64_t n, start;

	(void)unused;
	CHECKED(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) ? -1 : 0);
	while (read(timer, &n, sizeof(n)) == sizeof(n))
		for (start = now(); now() - start < busy; )
			;
	return NULL;
}

/* Lets the other thread begin in @ns; returns how late the guest's timer is. */
static int64_t late(struct vm *vm, long ns)
{
	const struct itimerspec when = { .it_value.tv_nsec = ns };

	CHECKED(timerfd_settime(timer, 0, &when, NULL));
	vm_do(vm, 0, guest_timer, ns_to_ticks(GUEST_NS),
	      GICD_BASE - GICR_STRIDE, 0);
	return vm_result(vm, 0);
}

void bench_late(void)
{
	int64_t worst = 0, least = INT64_MAX;
	pthread_t thread;
	struct vm vm;
	long ns;
	int i;

	timer = CHECKED(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	busy = ns_to_ticks(BUSY_NS);
	vm_create(&vm, 1);
	vm_gic(&vm);
	for (i = 0; i < BATCHES; i++) {
		int64_t ticks = late(&vm, 0);

		least = ticks < least ? ticks : least;
	}
	report_ticks("timer-late", 0, least);

	if (pthread_create(&thread, NULL, busy_thread, NULL))
		die("pthread_create");
	for (ns = FIRST_NS; ns < LAST_NS; ns += STEP_NS) {
		int64_t ticks = late(&vm, ns);

		worst = ticks > worst ? ticks : worst;
	}
	report_ticks("timer-late", 1, worst);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	close(timer);
	vm_destroy(&vm);
}
