// SPDX-License-Identifier: GPL-2.0
/*
 * Entry and exit of the guest: power, PSCI, hypercalls, kicks.
 *
 * Needs: modes, threads
 */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/gzvm.h>
#include <linux/membarrier.h>

#include "eventfd.h"
#include "gz_test.h"

#define HVC_UNKNOWN	0xc6004321ULL

FIXTURE(run)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(run)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	ASSERT_EQ(0, gz_kick_init());
}

FIXTURE_TEARDOWN(run)
{
	tvm_destroy(&self->t);
}

GUEST static void guest_return(uint64_t arg)
{
}

TEST_F(run, power_off)
{
	tvm_enter(&self->t, 0, guest_return, 0);
	vcpu_run_to_shutdown(self->vcpu);
}

GUEST static void guest_psci(uint64_t fn)
{
	guest_sync(hvc3(fn, 0, 0, 0));
}

TEST_F(run, reset)
{
	tvm_enter(&self->t, 0, guest_psci, PSCI_SYSTEM_RESET);
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_RESET);
}

TEST_F(run, psci_version_is_1)
{
	uint64_t version;

	tvm_enter(&self->t, 0, guest_psci, PSCI_VERSION);
	version = vcpu_sync_value(self->vcpu);
	EXPECT_EQ(1, version >> 16);
}

/* Handled by the hypervisor or, as an unknown call, by the VMM */
TEST_F(run, unknown_psci_function_is_not_supported)
{
	struct gzvm_vcpu_run *run = &self->vcpu->run;

	tvm_enter(&self->t, 0, guest_psci, 0x8400001f);
	ASSERT_EQ(0, __vcpu_run(self->vcpu));
	if (run->exit_reason == GZVM_EXIT_HYPERCALL) {
		EXPECT_EQ(0x8400001f, run->hypercall.args[0]);
		run->hypercall.args[0] = -1;
		vcpu_run_to_sync(self->vcpu, (uint64_t)-1);
		return;
	}
	ASSERT_EQ(GZVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(0, memcmp("\xff\xff\xff\xff", run->mmio.data, 4));
}

GUEST static void guest_hypercall(uint64_t out)
{
	register uint64_t x0 asm("x0") = HVC_UNKNOWN;
	register uint64_t x1 asm("x1") = 0x11;
	register uint64_t x2 asm("x2") = 0x22;
	register uint64_t x3 asm("x3") = 0x33;
	register uint64_t x4 asm("x4") = 0x44;
	register uint64_t x5 asm("x5") = 0x55;
	register uint64_t x6 asm("x6") = 0x66;
	register uint64_t x7 asm("x7") = 0x77;

	asm volatile("hvc #0"
		     : "+r" (x0), "+r" (x1), "+r" (x2), "+r" (x3), "+r" (x4),
		       "+r" (x5), "+r" (x6), "+r" (x7)
		     : : "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
			 "x16", "x17", "memory");
	write64(SHARED_BASE, x0);
	write64(SHARED_BASE + 8, x1);
	write64(SHARED_BASE + 16, x2);
	write64(SHARED_BASE + 24, x3);
	guest_sync(1);
}

TEST_F(run, unknown_hypercall_reaches_the_vmm_and_returns)
{
	static const uint64_t args[8] = {
		HVC_UNKNOWN, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
	};
	const uint64_t *shared = tvm_at(&self->t, SHARED_BASE);
	uint64_t *got = (uint64_t *)self->vcpu->run.hypercall.args;
	unsigned int i;

	tvm_enter(&self->t, 0, guest_hypercall, 0);
	vcpu_run_to(self->vcpu, GZVM_EXIT_HYPERCALL);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(args[i], got[i])
			TH_LOG("argument %u", i);
	for (i = 0; i < 4; i++)
		got[i] = 0xabcd000000000000ULL + i;
	vcpu_run_to_sync(self->vcpu, 1);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0xabcd000000000000ULL + i, shared[i])
			TH_LOG("result %u", i);
}

GUEST static void guest_count(uint64_t counter)
{
	uint64_t n = 0;

	for (;;)
		write64(counter, ++n);
}

TEST_F(run, immediate_exit_does_not_enter_the_guest)
{
	static const uint8_t values[] = { 1, 255, 1, 2, 255, 128 };
	const uint64_t *counter = tvm_at(&self->t, SHARED_BASE);
	unsigned int i;

	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	for (i = 0; i < sizeof(values); i++) {
		self->vcpu->run.immediate_exit = values[i];
		EXPECT_EQ(-EINTR, gz_vcpu_run(self->vcpu))
			TH_LOG("immediate_exit %u", values[i]);
		EXPECT_EQ(values[i], self->vcpu->run.immediate_exit);
	}
	EXPECT_EQ(0, *counter);
}

/* A thread that runs a vCPU as a VMM does, and counts its exits. */
struct runner {
	struct gz_vcpu *vcpu;
	pthread_t thread;
	int ret;
	atomic_uint kicked;
	atomic_bool stop;
	int out_fd;
};

static __thread struct gz_vcpu *runner_vcpu;

static void set_immediate_exit(int sig)
{
	if (runner_vcpu)
		__atomic_store_n(&runner_vcpu->run.immediate_exit, 1,
				 __ATOMIC_SEQ_CST);
}

static void do_nothing(int sig)
{
}

static void only_if_early(int sig, siginfo_t *info, void *context)
{
	if (signal_is_early(context))
		set_immediate_exit(sig);
}

static void *runner_fn(void *arg)
{
	struct runner *r = arg;

	runner_vcpu = r->vcpu;
	while (!atomic_load(&r->stop)) {
		r->ret = gz_vcpu_run(r->vcpu);
		__atomic_store_n(&r->vcpu->run.immediate_exit, 0,
				 __ATOMIC_SEQ_CST);
		if (r->ret != -EINTR && r->ret != -EAGAIN)
			break;
		atomic_fetch_add(&r->kicked, 1);
		eventfd_write(r->out_fd, 1);
	}
	return NULL;
}

static void install(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void wait_kicked(const struct runner *r)
{
	eventfd_t count;

	eventfd_read(r->out_fd, &count);
}

static void runner_start(struct runner *r, struct gz_vcpu *vcpu)
{
	memset(r, 0, sizeof(*r));
	r->vcpu = vcpu;
	r->out_fd = eventfd(0, EFD_CLOEXEC);
	pthread_create(&r->thread, NULL, runner_fn, r);
}

static void runner_stop(struct runner *r, int sig)
{
	atomic_store(&r->stop, true);
	pthread_kill(r->thread, sig);
	pthread_join(r->thread, NULL);
	close(r->out_fd);
}

/* As crosvm and QEMU do it; the guest runs each time. */
TEST_F(run, kick_gets_a_spinning_guest_out)
{
	const uint64_t *counter = tvm_at(&self->t, SHARED_BASE);
	struct runner r;
	unsigned int i;

	install(SIGUSR2, set_immediate_exit, SA_RESTART);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	runner_start(&r, self->vcpu);
	for (i = 1; i <= 200; i++) {
		wait_for_change(counter, *counter);
		pthread_kill(r.thread, SIGUSR2);
		wait_kicked(&r);
	}
	runner_stop(&r, SIGUSR2);
	EXPECT_GE(atomic_load(&r.kicked), 200);
	EXPECT_EQ(-EINTR, r.ret);
}

#define GRACE_PERIODS	20

/*
 * Each call returns when no CPU uses RCU's old data, also the one with the guest. The
 * kernel has no such call with nohz_full=.
 */
static bool wait_for_grace_periods(void)
{
	unsigned int i;

	for (i = 0; i < GRACE_PERIODS; i++)
		if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
			return false;
	return true;
}

TEST_F(run, rcu_goes_on_while_a_guest_spins)
{
	struct runner r;
	bool can_wait;

	install(SIGUSR2, set_immediate_exit, SA_RESTART);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	runner_start(&r, self->vcpu);
	can_wait = wait_for_grace_periods();
	EXPECT_EQ(0, atomic_load(&r.kicked));
	runner_stop(&r, SIGUSR2);
	if (!can_wait)
		SKIP(return, "the kernel cannot wait for RCU");
}

GUEST static void guest_ring(uint64_t arg)
{
	for (;;)
		write64(PORT_TEST, arg);
}

/* The guest is left all the time, but its thread stays in the kernel. */
TEST_F(run, rcu_goes_on_while_a_guest_rings)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct runner r;
	bool can_wait;

	ASSERT_EQ(0, ioeventfd(&self->t, fd, PORT_TEST, 8, 0, 0));
	install(SIGUSR2, set_immediate_exit, SA_RESTART);
	tvm_enter(&self->t, 0, guest_ring, 1);
	runner_start(&r, self->vcpu);
	can_wait = wait_for_grace_periods();
	EXPECT_EQ(0, atomic_load(&r.kicked));
	runner_stop(&r, SIGUSR2);
	close(fd);
	if (!can_wait)
		SKIP(return, "the kernel cannot wait for RCU");
}

/* The kick may also come anywhere between two runs: none may be lost. */
TEST_F(run, kick_at_any_time_is_not_lost)
{
	struct runner r;
	unsigned int i;

	install(SIGUSR2, set_immediate_exit, SA_RESTART);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	runner_start(&r, self->vcpu);
	wait_for_change(tvm_at(&self->t, SHARED_BASE), 0);
	for (i = 0; i < 2000; i++) {
		pthread_kill(r.thread, SIGUSR2);
		wait_kicked(&r);
	}
	runner_stop(&r, SIGUSR2);
	EXPECT_EQ(-EINTR, r.ret);
}

/*
 * Without SA_RESTART and without immediate_exit, the signal alone must end the
 * run.
 */
TEST_F(run, plain_signal_interrupts_the_guest)
{
	struct sigaction sa = {
		.sa_sigaction = only_if_early,
		.sa_flags = SA_SIGINFO,
	};
	struct runner r;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
	install(SIGUSR2, set_immediate_exit, 0);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	runner_start(&r, self->vcpu);
	wait_for_change(tvm_at(&self->t, SHARED_BASE), 0);
	pthread_kill(r.thread, SIGUSR1);
	wait_kicked(&r);
	wait_for_change(tvm_at(&self->t, SHARED_BASE),
			*(uint64_t *)tvm_at(&self->t, SHARED_BASE));
	runner_stop(&r, SIGUSR2);
	EXPECT_EQ(-EINTR, r.ret);
}

GUEST static void guest_read_counter(uint64_t rounds)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < rounds; i++) {
		wrong += read64(PORT_TEST) != i;
		write64(PORT_TEST + 8, i);
	}
	guest_sync(wrong);
}

/* One signal, after some time: a periodic one can be faster than the VM. */
static void arm_timer(timer_t timer, long ns)
{
	struct itimerspec its = { .it_value = { .tv_nsec = ns } };

	timer_settime(timer, 0, &its, NULL);
}

/* Handles PORT_TEST: loads count up, stores must come in the same order. */
static int serve_counter(struct gz_vcpu *vcpu, uint64_t *next)
{
	uint64_t value = *next;

	if (!vcpu->run.mmio.is_write) {
		memcpy(vcpu->run.mmio.data, &value, 8);
		return 0;
	}
	memcpy(&value, vcpu->run.mmio.data, 8);
	return value == (*next)++ ? 0 : -EPROTO;
}

/* An exit for the VMM takes precedence over a pending signal. */
TEST_F(run, no_exit_is_lost_under_a_storm_of_signals)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR2,
	};
	uint64_t next = 0, wrong = ~0ULL;
	timer_t timer;

	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &ev, &timer));
	install(SIGUSR2, do_nothing, 0);
	tvm_enter(&self->t, 0, guest_read_counter, 2000);
	for (;;) {
		/* Any point on the way in, in the guest, and on the way out */
		arm_timer(timer, 1 + next * 997 % 400000);
		ASSERT_EQ(0, __vcpu_run(self->vcpu));
		ASSERT_EQ(GZVM_EXIT_MMIO, self->vcpu->run.exit_reason);
		if (self->vcpu->run.mmio.phys_addr == PORT_SYNC)
			break;
		ASSERT_EQ(0, serve_counter(self->vcpu, &next));
	}
	timer_delete(timer);
	memcpy(&wrong, self->vcpu->run.mmio.data, 8);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(2000, next);
}

static void kick_both(const struct runner *a, const struct runner *b)
{
	pthread_kill(b->thread, SIGUSR2);
	pthread_kill(a->thread, SIGUSR2);
	usleep(1000);
}

/* The second thread waits for its turn, or returns when a signal arrives. */
TEST_F(run, two_threads_on_one_vcpu)
{
	const uint64_t *counter = tvm_at(&self->t, SHARED_BASE);
	struct gz_vcpu twin = *self->vcpu;
	struct runner a, b;

	install(SIGUSR2, set_immediate_exit, 0);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	runner_start(&a, self->vcpu);
	wait_for_change(counter, 0);
	runner_start(&b, &twin);
	/*
	 * Only one of them is in the run. A signal ends the wait of the other,
	 * or its run. In the end it returns. It is unknown which one has the
	 * vCPU: one may run again before the other has woken up.
	 */
	while (!atomic_load(&b.kicked))
		kick_both(&a, &b);
	wait_for_change(counter, *counter);
	atomic_store(&b.stop, true);
	while (pthread_tryjoin_np(b.thread, NULL))
		kick_both(&a, &b);
	close(b.out_fd);
	runner_stop(&a, SIGUSR2);
	EXPECT_EQ(-EINTR, a.ret);
	EXPECT_EQ(-EINTR, b.ret);
}

FIXTURE(smp)
{
	struct tvm t;
};

FIXTURE_SETUP(smp)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 2);
}

FIXTURE_TEARDOWN(smp)
{
	tvm_destroy(&self->t);
}

GUEST static void guest_second(uint64_t arg)
{
	uint64_t mpidr;

	asm volatile("mrs %0, mpidr_el1" : "=r" (mpidr));
	write64(SHARED_BASE + 8, mpidr & 0xff);
	write64(SHARED_BASE, arg);
	for (;;)
		asm volatile("wfe");
}

GUEST static void guest_first(uint64_t entry)
{
	uint64_t boot = BOOT_BASE + sizeof(struct guest_boot);

	guest_sync(hvc3(PSCI_AFFINITY_INFO, 1, 0, 0));
	guest_sync(hvc3(PSCI_CPU_ON, 7, entry, boot));
	guest_sync(hvc3(PSCI_CPU_ON, 1, entry, boot));
	while (!read64(SHARED_BASE))
		;
	guest_sync(read64(SHARED_BASE + 8));
	guest_sync(hvc3(PSCI_CPU_ON, 1, entry, boot));
	guest_sync(hvc3(PSCI_AFFINITY_INFO, 1, 0, 0));
}

#define PSCI_INVALID_PARAMETERS	((uint64_t)-2)
#define PSCI_ALREADY_ON		((uint64_t)-4)

TEST_F(smp, cpu_on)
{
	struct gz_vcpu *first = &self->t.vcpus[0], *second = &self->t.vcpus[1];
	struct runner r;

	install(SIGUSR2, set_immediate_exit, 0);
	tvm_enter(&self->t, 0, guest_first, tvm_gpa_of(guest_entry));
	tvm_write_boot(&self->t, 1, guest_second, 0x1234);
	ASSERT_EQ(0, gz_vcpu_set_reg(second, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	runner_start(&r, second);

	vcpu_run_to_sync(first, 1);
	vcpu_run_to_sync(first, PSCI_INVALID_PARAMETERS);
	vcpu_run_to_sync(first, 0);
	vcpu_run_to_sync(first, 1);
	vcpu_run_to_sync(first, PSCI_ALREADY_ON);
	vcpu_run_to_sync(first, 0);
	vcpu_run_to_shutdown(first);
	runner_stop(&r, SIGUSR2);
}

TEST_HARNESS_MAIN
