// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that waits for interrupts: events that end its sleep, the time of the
 * wake-up, and events that must not end it.
 *
 * Needs: answers, threads
 */

#include <signal.h>
#include <time.h>

#include <linux/gzvm.h>

#include "eventfd.h"
#include "guest_gic.h"
#include "gz_test.h"
#include "gzhyp_as.h"
#include "stats.h"
#include "vcpu_thread.h"

#define SPI		5
#define INTID		INTID_SPI(SPI)
#define HALT_POLL	"/sys/module/gzvm/parameters/halt_poll_ns"

FIXTURE(idle)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	unsigned long halt_poll;
};

static int halt_poll_set(unsigned long ns)
{
	FILE *f = fopen(HALT_POLL, "w");
	int ret;

	if (!f)
		return -errno;
	ret = fprintf(f, "%lu\n", ns) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : ret;
}

static unsigned long halt_poll_get(void)
{
	FILE *f = fopen(HALT_POLL, "r");
	unsigned long ns = 0;

	if (f && fscanf(f, "%lu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

FIXTURE_SETUP(idle)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	self->halt_poll = halt_poll_get();
	ASSERT_EQ(0, halt_poll_set(0));
	ASSERT_EQ(0, gz_kick_init());
	tvm_create(&self->t, 2);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(idle)
{
	tvm_destroy(&self->t);
	halt_poll_set(self->halt_poll);
}

#define vcpu_stat(name)	fd_stat(self->vcpu->fd, name)

static __always_inline uint64_t timer_ticks(uint64_t us)
{
	return sysreg_read("cntfrq_el0") * us / 1000000;
}

/*
 * Sleeps until the timer fires, and reports how many microseconds later it woke
 * up. If it woke up earlier, the number is far more than an hour.
 */
GUEST static void guest_timer(uint64_t us)
{
	uint64_t redist = gic_redist(0, 2), deadline, now, intid;

	gic_init(redist);
	gic_enable_private(redist, INTID_VTIMER);
	guest_sync(0);
	for (;;) {
		timer_start(timer_ticks(us));
		deadline = sysreg_read("cntv_cval_el0");
		intid = gic_wait();
		now = timer_now();
		timer_stop();
		gic_eoi(intid);
		if (intid != INTID_VTIMER)
			guest_sync(~0ULL);
		guest_sync((now - deadline) * 1000000 /
			   sysreg_read("cntfrq_el0"));
	}
}

/* The machine may be busy now and then, but not every time. */
#define LATE_US	20000

TEST_F(idle, timer_wakes_on_time)
{
	static const uint64_t delays[] = { 100, 1000, 10000, 100000 };
	uint64_t late, best;
	unsigned int i, round;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		tvm_enter(&self->t, 0, guest_timer, delays[i]);
		vcpu_run_to_sync(self->vcpu, 0);
		best = ~0ULL;
		for (round = 0; round < 10; round++) {
			late = vcpu_sync_value(self->vcpu);
			ASSERT_GT(3600000000ULL, late);
			if (late < best)
				best = late;
		}
		EXPECT_GT(LATE_US, best)
			TH_LOG("%lu us: %lu us late", delays[i], best);
	}
	/* The longest time cannot have passed before the guest exited */
	EXPECT_LE(10, vcpu_stat("sleeps"));
}

/* Enables its SPI and sleeps, with a timer that fires in centuries, or none. */
GUEST static void guest_sleeps(uint64_t cval)
{
	uint64_t redist = gic_redist(0, 2), intid;

	gic_init(redist);
	gic_enable_spi(INTID, 1, 0);
	gic_enable_private(redist, INTID_VTIMER);
	if (cval) {
		sysreg_write("cntv_cval_el0", cval);
		sysreg_write("cntv_ctl_el0", 1);
	}
	for (;;) {
		intid = gic_wait();
		gic_eoi(intid);
		guest_sync(intid);
	}
}

/* The driver lets no vCPU without a deadline sleep for longer, nor for less. */
#define SLEEP_NS	5000000
#define SHORT_SLEEPS	10

/*
 * How often the vCPU may have been idle since, if nothing woke it. If the timer may be
 * due, the first sleeps are shorter, and so are those after an exit for the host.
 */
static long long idle_exits_since(long start, long long irqs)
{
	return 2 + (now_ns() - start) / SLEEP_NS +
	       (gzhyp_as("idlenodelay") ? SHORT_SLEEPS * (1 + irqs) : 0);
}

/*
 * However far away the timer is, it must neither fire nor make the thread spin.
 *
 * Not as far as possible: QEMU before 8.2 hangs, and must be killed, if the sum
 * of CVAL and the offset of the virtual counter wraps.
 */
TEST_F(idle, distant_timer_lets_it_sleep)
{
	static const uint64_t cvals[] = {
		0, ~0ULL - (1ULL << 50), ~0ULL >> 1, 1ULL << 63, 1ULL << 60, 1ULL << 50,
	};
	const struct timespec while_asleep = { .tv_nsec = 100000000 };
	long long exits, irqs, sleeps;
	unsigned int i;
	long start;

	for (i = 0; i < ARRAY_SIZE(cvals); i++) {
		sleeps = vcpu_stat("sleeps");
		tvm_enter(&self->t, 0, guest_sleeps, cvals[i]);
		vcpu_thread_start(self->vcpu);
		wait_for_stat(self->vcpu->fd, "sleeps", sleeps);
		exits = vcpu_stat("exit_idle");
		irqs = vcpu_stat("exit_irq");
		start = now_ns();
		nanosleep(&while_asleep, NULL);
		exits = vcpu_stat("exit_idle") - exits;
		irqs = vcpu_stat("exit_irq") - irqs;
		EXPECT_GE(idle_exits_since(start, irqs), exits)
			TH_LOG("CVAL %#lx", cvals[i]);
		EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 0));
		vcpu_run_to_sync(self->vcpu, INTID);
	}
}

/* Each vCPU wakes by its own timer, and by no other one. */
GUEST static void guest_own_timer(uint64_t cpu)
{
	uint64_t redist = gic_redist(cpu, 2), i, bad = 0, intid;

	if (cpu)
		gic_init_cpu(redist);
	else
		gic_init(redist);
	gic_enable_private(redist, INTID_VTIMER);
	if (!cpu)
		hvc3(PSCI_CPU_ON, 1, read64(FREE_BASE),
		     BOOT_BASE + sizeof(struct guest_boot));
	for (i = 0; i < 100; i++) {
		timer_start(timer_ticks(cpu ? 3000 : 500));
		intid = gic_wait();
		bad += intid != INTID_VTIMER ||
		       timer_now() < sysreg_read("cntv_cval_el0");
		timer_stop();
		gic_eoi(intid);
	}
	guest_sync(bad);
}

static void *run_to_sync(void *arg)
{
	uint64_t value = 0;
	long ret = __vcpu_run_to_sync(arg, &value);

	return (void *)(ret ? ret : (long)value);
}

TEST_F(idle, timer_is_delivered_to_its_vcpu)
{
	struct gz_vcpu *second = &self->t.vcpus[1];
	pthread_t thread;
	void *ret;

	*(uint64_t *)tvm_at(&self->t, FREE_BASE) = tvm_gpa_of(guest_entry);
	tvm_enter(&self->t, 0, guest_own_timer, 0);
	tvm_write_boot(&self->t, 1, guest_own_timer, 1);
	ASSERT_EQ(0, gz_vcpu_set_reg(second, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	pthread_create(&thread, NULL, run_to_sync, second);
	vcpu_run_to_sync(self->vcpu, 0);
	pthread_join(thread, &ret);
	EXPECT_EQ(0, (long)ret);
}

#define KICKS	300

/* Half of the signals arrive during the sleep, half anywhere on the way to it. */
TEST_F(idle, signal_ends_each_sleep)
{
	long long sleeps;
	unsigned int i;

	tvm_enter(&self->t, 0, guest_sleeps, 0);
	for (i = 0; i < KICKS; i++) {
		sleeps = vcpu_stat("sleeps");
		vcpu_thread_start(self->vcpu);
		if (i & 1)
			wait_for_stat(self->vcpu->fd, "sleeps", sleeps);
		ASSERT_EQ(0, vcpu_thread_stop(self->vcpu));
	}
}

/* Only its own events end its sleep. */
TEST_F(idle, sleeps_through_what_is_others)
{
	long long exits;
	unsigned int i;
	struct tvm other;
	long start;

	tvm_create(&other, 1);
	tvm_enter(&self->t, 0, guest_sleeps, 0);
	vcpu_thread_start(self->vcpu);
	wait_for_stat(self->vcpu->fd, "sleeps", 0);
	exits = vcpu_stat("exit_idle");
	start = now_ns();
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, gz_vm_irq_line(&other.vm, SPI, i & 1));
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 0));
	}
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
	EXPECT_GE(idle_exits_since(start, 0), vcpu_stat("exit_idle") - exits);
	EXPECT_EQ(0, fd_stat(self->t.vm.fd, "wakeups"));
	tvm_destroy(&other);
}

#define POLLS	200

/* Timers so near that a poll, if enabled, sees them fire. */
TEST_F(idle, no_halt_poll_no_hits)
{
	unsigned int i;

	tvm_enter(&self->t, 0, guest_timer, 200);
	vcpu_run_to_sync(self->vcpu, 0);
	for (i = 0; i < POLLS; i++)
		vcpu_sync_value(self->vcpu);
	EXPECT_EQ(0, vcpu_stat("halt_poll_hits"));
}

TEST_F(idle, halt_poll_hits_instead_of_sleep)
{
	long long idle, hits, sleeps;
	unsigned int i;

	ASSERT_EQ(0, halt_poll_set(100000000));
	tvm_enter(&self->t, 0, guest_timer, 2000);
	vcpu_run_to_sync(self->vcpu, 0);
	for (i = 0; i < POLLS; i++)
		ASSERT_GT(3600000000ULL, vcpu_sync_value(self->vcpu));
	idle = vcpu_stat("exit_idle");
	hits = vcpu_stat("halt_poll_hits");
	sleeps = vcpu_stat("sleeps");
	TH_LOG("%lld idle exits: %lld hits, %lld sleeps", idle, hits, sleeps);
	EXPECT_LT(0, hits);
	EXPECT_GE(idle, hits + sleeps);
}

/* A signal and an interrupt end even a long poll. */
TEST_F(idle, halt_poll_ends_with_signal_and_interrupt)
{
	unsigned int i;

	ASSERT_EQ(0, halt_poll_set(~0U));
	tvm_enter(&self->t, 0, guest_sleeps, 0);
	for (i = 0; i < 50; i++) {
		long long exits = vcpu_stat("exit_idle");

		vcpu_thread_start(self->vcpu);
		wait_for_stat(self->vcpu->fd, "exit_idle", exits);
		ASSERT_EQ(0, vcpu_thread_stop(self->vcpu));
	}
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 0));
	vcpu_run_to_sync(self->vcpu, INTID);
}

TEST_HARNESS_MAIN
