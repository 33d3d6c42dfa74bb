// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs whose threads have a real-time priority: they must let those run that they
 * wait for.
 *
 * Needs: threads
 */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gz_test.h"
#include "stats.h"

#define HVC_RELINQUISH	0xc6000009
#define ROUNDS		1000

/* Where the second vCPU starts, for PSCI */
#define AT_ENTRY	SHARED_BASE
#define AT_STOP		(SHARED_BASE + 8)

FIXTURE(rt)
{
	struct tvm t;
};

FIXTURE_SETUP(rt)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 2);
	if (!has_demand_paging(&self->t)) {
		tvm_destroy(&self->t);
		SKIP(return, NO_DEMAND_PAGING);
	}
}

FIXTURE_TEARDOWN(rt)
{
	tvm_destroy(&self->t);
}

/* Gives a page up and takes it back. */
GUEST static void guest_give_up(uint64_t gpa)
{
	hvc3(PSCI_CPU_ON, 1, read64(AT_ENTRY),
	     BOOT_BASE + sizeof(struct guest_boot));
	while (!read64(AT_STOP)) {
		write64(gpa, 1);
		hvc3(HVC_RELINQUISH, gpa, 0, 0);
	}
	guest_sync(0);
}

GUEST static void guest_read_on(uint64_t gpa)
{
	for (;;)
		guest_sync(read64(gpa));
}

/* Threads on one CPU can only take turns. */
static int on_cpu_0(int priority)
{
	struct sched_param param = { .sched_priority = priority };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ||
	       sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &param);
}

static void *give_up(void *arg)
{
	uint64_t value;

	return (void *)(long)(on_cpu_0(0) || __vcpu_run_to_sync(arg, &value));
}

static void *read_on(void *arg)
{
	uint64_t value;
	int i;

	if (on_cpu_0(10))
		return (void *)1L;
	for (i = 0; i < ROUNDS; i++) {
		if (__vcpu_run_to_sync(arg, &value))
			return (void *)2L;
		usleep(100 + rand() % 1000);
	}
	return NULL;
}

/*
 * The first vCPU's thread is preempted before it can report that its guest has given
 * the page up. The second one, which touches the page, has to wait for that.
 */
TEST_F(rt, relinquish_is_served_meanwhile)
{
	struct gz_vcpu *giver = &self->t.vcpus[0], *reader = &self->t.vcpus[1];
	uint64_t *shared = tvm_at(&self->t, SHARED_BASE);
	pthread_t giving, reading;
	void *ret;

	shared[0] = tvm_gpa_of(guest_entry);
	tvm_enter(&self->t, 0, guest_give_up, FREE_BASE);
	tvm_write_boot(&self->t, 1, guest_read_on, FREE_BASE);
	ASSERT_EQ(0, gz_vcpu_set_reg(reader, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	pthread_create(&giving, NULL, give_up, giver);
	pthread_create(&reading, NULL, read_on, reader);
	pthread_join(reading, &ret);
	EXPECT_EQ(NULL, ret);
	__atomic_store_n(&shared[1], 1, __ATOMIC_RELEASE);
	pthread_join(giving, &ret);
	EXPECT_EQ(NULL, ret);

	/* The page comes at most once a round; there are few more faults. */
	EXPECT_GT(2 * ROUNDS, fd_stat(reader->fd, "faults"));
	printf("# %lld faults\n", fd_stat(reader->fd, "faults"));
}

TEST_HARNESS_MAIN
