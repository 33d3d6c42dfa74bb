// SPDX-License-Identifier: GPL-2.0
/*
 * Signals and immediate_exit, in numbers that find rare races.
 *
 * Needs: debug-modes, threads
 */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include <linux/gzvm.h>

#include "eventfd.h"
#include "gz_test.h"

FIXTURE(kick)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(kick)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(kick)
{
	tvm_destroy(&self->t);
}

static atomic_ulong signals;

static void count_signal(int sig)
{
	atomic_fetch_add(&signals, 1);
}

static void install(int flags)
{
	struct sigaction sa = { .sa_handler = count_signal, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR2, &sa, NULL);
}

/* A load and a store, for ever; reports how many loads were not the next number. */
GUEST static void guest_read_counter(uint64_t arg)
{
	uint64_t i, wrong = 0;

	for (i = 0; ; i++) {
		wrong += read64(PORT_TEST) != i;
		write64(PORT_TEST + 8, i);
		write64(SHARED_BASE, wrong);
	}
}

/* Handle one access: loads count up, and each store follows its load. */
static int serve(struct gz_vcpu *vcpu, uint64_t *next, bool *loaded)
{
	uint64_t value = *next;

	if (vcpu->run.mmio.is_write == !*loaded)
		return -EPROTO;
	*loaded = !vcpu->run.mmio.is_write;
	if (*loaded) {
		memcpy(vcpu->run.mmio.data, &value, 8);
		return 0;
	}
	memcpy(&value, vcpu->run.mmio.data, 8);
	return value == (*next)++ ? 0 : -EPROTO;
}

#define ACCESSES	100000
#define KICKS		10000

/*
 * A pending signal must neither drop an exit nor repeat one. 10 kHz, but on a
 * slow machine not more often than every fourth round, or it would only handle
 * signals.
 */
TEST_F_TIMEOUT(kick, each_access_comes_once_under_a_periodic_signal, 3600)
{
	const uint64_t *wrong = tvm_at(&self->t, SHARED_BASE);
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR2,
	};
	struct itimerspec its = { 0 };
	bool loaded = false;
	uint64_t next = 0;
	timer_t timer;
	long start;

	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &ev, &timer));
	install(0);
	tvm_enter(&self->t, 0, guest_read_counter, 0);
	start = now_ns();
	while (!is_enough(next, ACCESSES / 2, start)) {
		ASSERT_EQ(0, __vcpu_run(self->vcpu));
		ASSERT_EQ(GZVM_EXIT_MMIO, self->vcpu->run.exit_reason);
		ASSERT_EQ(0, serve(self->vcpu, &next, &loaded));
		if (next == 200 && !loaded && !its.it_interval.tv_nsec) {
			its.it_interval.tv_nsec = (now_ns() - start) / 50;
			if (its.it_interval.tv_nsec < 100000)
				its.it_interval.tv_nsec = 100000;
			its.it_value = its.it_interval;
			timer_settime(timer, 0, &its, NULL);
		}
	}
	timer_delete(timer);
	TH_LOG("%lu signals, one in %ld us, in %lu accesses",
	       atomic_load(&signals), its.it_interval.tv_nsec / 1000, next * 2);
	EXPECT_EQ(0, *wrong);
	EXPECT_LE(100, atomic_load(&signals));
}

GUEST static void guest_count(uint64_t counter)
{
	uint64_t n = 0;

	for (;;)
		write64(counter, ++n);
}

GUEST static void guest_ring(uint64_t doorbell)
{
	for (;;) {
		write64(doorbell, 0);
		write64(SHARED_BASE, read64(SHARED_BASE) + 1);
	}
}

/* Runs a vCPU; reports each return, and waits until it may continue. */
struct runner {
	struct gz_vcpu *vcpu;
	pthread_t thread;
	uint64_t returns;
	uint64_t go;
	int ret;
};

static void *runner_fn(void *arg)
{
	struct runner *r = arg;
	uint64_t n;

	for (n = 0; ; n++) {
		wait_for_change(&r->go, n);
		if (__atomic_load_n(&r->go, __ATOMIC_ACQUIRE) == ~0ULL)
			return NULL;
		r->ret = gz_vcpu_run(r->vcpu);
		__atomic_store_n(&r->vcpu->run.immediate_exit, 0,
				 __ATOMIC_SEQ_CST);
		__atomic_store_n(&r->returns, n + 1, __ATOMIC_RELEASE);
	}
}

static void runner_go(struct runner *r, uint64_t n)
{
	__atomic_store_n(&r->go, n, __ATOMIC_RELEASE);
}

static void set_immediate_exit(struct gz_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run.immediate_exit, 1, __ATOMIC_SEQ_CST);
}

/*
 * Another thread sets the field first, then sends the signal. Half of the kicks
 * come when the guest runs, half anywhere on the way to it.
 */
TEST_F_TIMEOUT(kick, spinning_guest_returns_at_each_kick, 3600)
{
	const uint64_t *counter = tvm_at(&self->t, SHARED_BASE);
	struct runner r = { .vcpu = self->vcpu };
	long start = now_ns();
	uint64_t i;

	install(SA_RESTART);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	pthread_create(&r.thread, NULL, runner_fn, &r);
	for (i = 1; !is_enough(i - 1, KICKS, start); i++) {
		uint64_t before = *counter;

		runner_go(&r, i);
		if (i & 1)
			wait_for_change(counter, before);
		set_immediate_exit(self->vcpu);
		pthread_kill(r.thread, SIGUSR2);
		wait_for_change(&r.returns, i - 1);
		ASSERT_EQ(-EINTR, r.ret);
	}
	runner_go(&r, ~0ULL);
	pthread_join(r.thread, NULL);
}

/* Attributes of threads that share one CPU */
static pthread_attr_t *on_last_cpu(pthread_attr_t *attr)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	pthread_attr_init(attr);
	pthread_attr_setaffinity_np(attr, sizeof(set), &set);
	return attr;
}

/* Counts until it must stop; then, reports how often it was preempted */
struct worker {
	uint64_t n;
	bool stop;
	long ns;
	struct rusage usage;
};

static void *worker_fn(void *arg)
{
	struct worker *w = arg;
	long start = now_ns();

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
		__atomic_add_fetch(&w->n, 1, __ATOMIC_RELAXED);
	w->ns = now_ns() - start;
	getrusage(RUSAGE_THREAD, &w->usage);
	return NULL;
}

/* Has the thread used so much CPU time soon? */
static bool has_had(pthread_t thread, long ns)
{
	struct timespec had = { 0 };
	long start = now_ns();
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock))
		return false;
	while (had.tv_sec * 1000000000L + had.tv_nsec < ns) {
		if (now_ns() - start > 60000000000L)
			return false;
		usleep(10000);
		clock_gettime(clock, &had);
	}
	return true;
}

/* Does the value change soon? */
static bool goes_on(const uint64_t *value, uint64_t before)
{
	long start = now_ns();

	while (__atomic_load_n(value, __ATOMIC_RELAXED) == before)
		if (now_ns() - start > 15000000000L)
			return false;
	return true;
}

/*
 * Another thread that needs the CPU must get its turn in time, and so must the
 * guest. On a kernel without preemption (preempt=none) the driver must ask the
 * scheduler in between. If the driver does not, GZVM_RUN still ends ten times
 * in a second, when the kernel has work for the thread (SCHED_MM_CID), and then
 * the other thread runs for as long. If they take turns as they should, they do
 * so every tick or two.
 */
#define TURNS_IN_A_SECOND	30

TEST_F_TIMEOUT(kick, spinning_guest_shares_its_cpu, 120)
{
	const uint64_t *counter = tvm_at(&self->t, SHARED_BASE);
	struct runner r = { .vcpu = self->vcpu };
	struct worker w = { 0 };
	pthread_attr_t attr;
	pthread_t other;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "the third thread needs a CPU of its own");
	install(SA_RESTART);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	pthread_create(&r.thread, on_last_cpu(&attr), runner_fn, &r);
	runner_go(&r, 1);
	wait_for_change(counter, 0);
	pthread_create(&other, on_last_cpu(&attr), worker_fn, &w);
	EXPECT_TRUE(has_had(other, 1000000000L));
	for (i = 0; i < 10; i++) {
		EXPECT_TRUE(goes_on(&w.n, w.n))
			break;
		EXPECT_TRUE(goes_on(counter, *counter))
			break;
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
	set_immediate_exit(self->vcpu);
	pthread_kill(r.thread, SIGUSR2);
	wait_for_change(&r.returns, 0);
	EXPECT_EQ(-EINTR, r.ret);
	runner_go(&r, ~0ULL);
	pthread_join(r.thread, NULL);
	pthread_join(other, NULL);
	TH_LOG("%ld turns in %ld ms", w.usage.ru_nivcsw, w.ns / 1000000);
	EXPECT_LT(w.ns / 1000000 * TURNS_IN_A_SECOND / 1000, w.usage.ru_nivcsw);
}

/* Rounds of the guest between two exits that the driver handles */
#define ROUNDS_PER_RING	20000

/*
 * And as many as it may make after a signal was sent, until the interrupt of
 * the signal has ended the run: on any machine it takes far fewer.
 */
#define ROUNDS_TOO_MANY	5000

/* Often on its way between guest and driver, and long enough in the guest */
GUEST static void guest_count_and_ring(uint64_t doorbell)
{
	uint64_t i, n = 0;

	for (;;) {
		for (i = 0; i < ROUNDS_PER_RING; i++)
			write64(SHARED_BASE, ++n);
		write64(doorbell, 0);
	}
}

/* So that kicks meet the other thread at different places on its way */
static void loiter(unsigned int n)
{
	while (n--)
		asm volatile("" : : : "memory");
}

static struct gz_vcpu *kicked;
static atomic_ulong early;

static void kick_if_early(int sig, siginfo_t *info, void *context)
{
	if (!signal_is_early(context))
		return;
	atomic_fetch_add(&early, 1);
	__atomic_store_n(&kicked->run.immediate_exit, 1, __ATOMIC_SEQ_CST);
}

/*
 * Only the signal, and no handler that restarts the run. Half of the kicks come
 * with the guest's exit, half at any time. The guest reports how long it
 * continued: time would show nothing on a busy machine.
 */
TEST_F_TIMEOUT(kick, signal_alone_ends_the_run_at_once, 3600)
{
	const uint64_t *counter = tvm_at(&self->t, SHARED_BASE);
	struct sigaction sa = {
		.sa_sigaction = kick_if_early,
		.sa_flags = SA_SIGINFO,
	};
	struct runner r = { .vcpu = self->vcpu };
	uint64_t i, before, most = 0;
	long start = now_ns();
	int fd = event_new();

	kicked = self->vcpu;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR2, &sa, NULL);
	ASSERT_EQ(0, ioeventfd(&self->t, fd, PORT_TEST, 8, 0, 0));
	tvm_enter(&self->t, 0, guest_count_and_ring, PORT_TEST);
	pthread_create(&r.thread, NULL, runner_fn, &r);
	/* A tenth, since the guest makes many rounds in each. */
	for (i = 1; !is_enough((i - 1) * 10, KICKS, start); i++) {
		before = *counter;
		event_count(fd);
		runner_go(&r, i);
		/* A signal before the run would not end it. */
		wait_for_change(counter, before);
		while (i & 1 && !event_count(fd))
			;
		loiter(i * 37 % 2048);
		pthread_kill(r.thread, SIGUSR2);
		before = __atomic_load_n(counter, __ATOMIC_SEQ_CST);
		wait_for_change(&r.returns, i - 1);
		ASSERT_EQ(-EINTR, r.ret);
		before = *counter - before;
		most = before > most ? before : most;
	}
	runner_go(&r, ~0ULL);
	pthread_join(r.thread, NULL);
	close(fd);
	TH_LOG("%lu kicks, %lu of them early, the guest made %lu rounds more at most",
	       i - 1, atomic_load(&early), most);
	EXPECT_GT(ROUNDS_TOO_MANY, most);
	EXPECT_GT((i - 1) / 10, atomic_load(&early));
}

/*
 * The field without a signal: the driver sees it before the next entry, which
 * follows the next interrupt of the host at the latest.
 */
#define expect_return_without_signal(times)				\
do {									\
	uint64_t *__counter = tvm_at(&self->t, SHARED_BASE);		\
	struct runner __r = { .vcpu = self->vcpu };			\
	uint64_t __i;							\
									\
	pthread_create(&__r.thread, NULL, runner_fn, &__r);		\
	for (__i = 1; __i <= (times); __i++) {				\
		uint64_t __before = *__counter;				\
									\
		runner_go(&__r, __i);					\
		wait_for_change(__counter, __before);			\
		set_immediate_exit(self->vcpu);				\
		wait_for_change(&__r.returns, __i - 1);			\
		ASSERT_EQ(-EINTR, __r.ret);				\
	}								\
	runner_go(&__r, ~0ULL);						\
	pthread_join(__r.thread, NULL);					\
} while (0)

TEST_F(kick, immediate_exit_alone_ends_the_run_of_a_spinning_guest)
{
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	expect_return_without_signal(300);
}

/* The driver handles its exits: the VMM sees none of them. */
TEST_F(kick, immediate_exit_alone_ends_the_run_of_a_guest_that_rings)
{
	int fd = event_new();

	ASSERT_EQ(0, ioeventfd(&self->t, fd, PORT_TEST, 8, 0, 0));
	tvm_enter(&self->t, 0, guest_ring, PORT_TEST);
	expect_return_without_signal(1000);
	close(fd);
}

TEST_HARNESS_MAIN
