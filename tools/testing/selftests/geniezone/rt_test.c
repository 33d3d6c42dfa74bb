// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs whose threads have a real-time priority: they must let those run that they
 * wait for.
 *
 * Needs: threads
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "eventfd.h"
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

/* The driver handles all exits of this guest, and never sleeps for one. */
GUEST static void guest_ring(uint64_t doorbell)
{
	for (;;) {
		write64(doorbell, 0);
		write64(SHARED_BASE, read64(SHARED_BASE) + 1);
	}
}

static void *storm(void *arg)
{
	return on_cpu_0(10) ? (void *)1L : (void *)(long)gz_vcpu_run(arg);
}

static void do_nothing(int sig)
{
}

/* This thread keeps off the CPU of the storm. */
static int on_last_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

#define NR_BELLS	20

/*
 * A vCPU that only rings doorbells has its CPU, as any thread of its priority.
 * Threads on other CPUs must not have to wait for it: neither for a change of
 * doorbells, which waits for all that may be looking at them, nor for one of slots.
 */
TEST_F(rt, doorbell_storm_leaves_others_alone)
{
	const uint64_t *rings = tvm_at(&self->t, SHARED_BASE);
	struct gz_vcpu *vcpu = &self->t.vcpus[0];
	struct sigaction sa = { .sa_handler = do_nothing };
	int bell = event_new(), other = event_new(), i;
	pthread_t thread;
	void *page, *ret;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "the storm needs a CPU of its own");
	ASSERT_EQ(0, on_last_cpu());
	page = mmap(NULL, HOST_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	sigaction(SIGUSR2, &sa, NULL);
	ASSERT_EQ(0, ioeventfd(&self->t, bell, PORT_TEST, 8, 0, 0));
	tvm_enter(&self->t, 0, guest_ring, PORT_TEST);
	pthread_create(&thread, NULL, storm, vcpu);
	wait_for_change(rings, 0);

	for (i = 0; i < NR_BELLS; i++) {
		EXPECT_EQ(0, ioeventfd(&self->t, other, PORT_TEST + 8, 8, 0, 0));
		EXPECT_EQ(0, ioeventfd(&self->t, other, PORT_TEST + 8, 8,
				       GZVM_IOEVENTFD_FLAG_DEASSIGN, 0));
		EXPECT_EQ(0, gz_vm_set_region(&self->t.vm, 1, 0, 0xc0000000,
					      HOST_PAGE, page));
		EXPECT_EQ(0, gz_vm_set_region(&self->t.vm, 1, 0, 0xc0000000, 0,
					      NULL));
		wait_for_change(rings, __atomic_load_n(rings, __ATOMIC_ACQUIRE));
	}
	EXPECT_LT(0, event_count(bell));

	/* And a kick ends it. */
	__atomic_store_n(&vcpu->run.immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(thread, SIGUSR2);
	pthread_join(thread, &ret);
	EXPECT_EQ(-EINTR, (long)ret);
	close(bell);
	close(other);
}

/* The process of the next test: tells its parent when the guest rings. */
static int storm_for_ever(uint64_t *storming)
{
	int bell = event_new();
	pthread_t thread;
	struct tvm t;

	if (__tvm_create(&t, 1) || ioeventfd(&t, bell, PORT_TEST, 8, 0, 0) ||
	    __tvm_enter(&t, 0, guest_ring, PORT_TEST))
		return 1;
	pthread_create(&thread, NULL, storm, &t.vcpus[0]);
	wait_for_change(tvm_at(&t, SHARED_BASE), 0);
	__atomic_store_n(storming, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	return 2;
}

TEST_F(rt, doorbell_storm_dies_at_once)
{
	uint64_t *storming;
	int status = -1;
	pid_t pid;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "the storm needs a CPU of its own");
	ASSERT_EQ(0, on_last_cpu());
	storming = mmap(NULL, HOST_PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, storming);
	pid = fork();
	if (!pid)
		_exit(storm_for_ever(storming));
	ASSERT_LT(0, pid);
	while (!__atomic_load_n(storming, __ATOMIC_ACQUIRE) &&
	       !waitpid(pid, &status, WNOHANG))
		sched_yield();
	ASSERT_EQ(1, *storming);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_HARNESS_MAIN
