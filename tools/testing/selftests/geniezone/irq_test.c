// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: GZVM_IRQ_LINE, the virtual GICv3, the virtual timer, WFI.
 *
 * Needs: answers, threads
 */

#include <pthread.h>

#include <linux/gzvm.h>

#include "guest_gic.h"
#include "gz_test.h"
#include "gzhyp_as.h"
#include "held.h"

#define SPI		5
#define INTID		INTID_SPI(SPI)

#define IRQ(type, number)	((type) << GZVM_IRQ_TYPE_SHIFT | (number))

FIXTURE(irq)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(irq)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(irq)
{
	tvm_destroy(&self->t);
}

#define line(irq, level)	gz_vm_irq_line(&self->t.vm, irq, level)

/* One interrupt in the guest: acknowledge, report, end. */
static __always_inline void ack_and_tell(void)
{
	uint64_t intid = gic_ack();

	guest_sync(intid);
	if (intid != INTID_NONE)
		gic_eoi(intid);
}

GUEST static void guest_acks(uint64_t edge)
{
	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, edge, 0);
	guest_sync(0);
	for (;;)
		ack_and_tell();
}

TEST_F(irq, edge_is_delivered_once)
{
	unsigned int i;

	tvm_enter(&self->t, 0, guest_acks, 1);
	vcpu_run_to_sync(self->vcpu, 0);
	vcpu_run_to_sync(self->vcpu, INTID_NONE);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, line(SPI, 1));
		ASSERT_EQ(0, line(SPI, 0));
		vcpu_run_to_sync(self->vcpu, INTID);
		vcpu_run_to_sync(self->vcpu, INTID_NONE);
	}
}

/* Until it is lowered, or once if the hypervisor does not hold the line */
TEST_F(irq, level_is_delivered_until_taken_back)
{
	bool held = lines_are_held();
	unsigned int i;

	tvm_enter(&self->t, 0, guest_acks, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, line(SPI, 1));
		vcpu_run_to_sync(self->vcpu, INTID);
		if (held) {
			vcpu_run_to_sync(self->vcpu, INTID);
			vcpu_run_to_sync(self->vcpu, INTID);
		}
		/* The interrupt is active now: only EOI follows */
		ASSERT_EQ(0, line(SPI, 0));
		if (falling_line_interrupts_again())
			vcpu_run_to_sync(self->vcpu, INTID);
		vcpu_run_to_sync(self->vcpu, INTID_NONE);
	}
}

TEST_F(irq, level_taken_back_in_time_is_not_delivered)
{
	tvm_enter(&self->t, 0, guest_acks, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, line(SPI, 1));
	ASSERT_EQ(0, line(SPI, 0));
	if (!lines_are_held())
		vcpu_run_to_sync(self->vcpu, INTID);
	vcpu_run_to_sync(self->vcpu, INTID_NONE);
}

/* An interrupt that is raised while it is active comes again after the EOI. */
TEST_F(irq, level_raised_while_active_is_not_lost)
{
	tvm_enter(&self->t, 0, guest_acks, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, line(SPI, 1));
	vcpu_run_to_sync(self->vcpu, INTID);
	ASSERT_EQ(0, line(SPI, 1));
	if (active_spi_is_lost()) {
		vcpu_run_to_sync(self->vcpu, INTID_NONE);
		return;
	}
	vcpu_run_to_sync(self->vcpu, INTID);
	ASSERT_EQ(0, line(SPI, 0));
	if (falling_line_interrupts_again())
		vcpu_run_to_sync(self->vcpu, INTID);
	vcpu_run_to_sync(self->vcpu, INTID_NONE);
}

/* The line was raised before the guest had a driver for it. */
TEST_F(irq, level_before_enable_is_delivered)
{
	tvm_enter(&self->t, 0, guest_acks, 0);
	ASSERT_EQ(0, line(SPI, 1));
	vcpu_run_to_sync(self->vcpu, 0);
	vcpu_run_to_sync(self->vcpu, INTID);
}

TEST_F(irq, types_cpu_and_spi_are_the_same)
{
	tvm_enter(&self->t, 0, guest_acks, 1);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, line(IRQ(GZVM_IRQ_TYPE_CPU, SPI), 1));
	vcpu_run_to_sync(self->vcpu, INTID);
	ASSERT_EQ(0, line(IRQ(GZVM_IRQ_TYPE_CPU, SPI), 0));
	ASSERT_EQ(0, line(IRQ(GZVM_IRQ_TYPE_SPI, SPI), 1));
	vcpu_run_to_sync(self->vcpu, INTID);
	vcpu_run_to_sync(self->vcpu, INTID_NONE);
}

/* The guest routes an SPI: bits 16 to 23 and 28 to 31 have no effect. */
TEST_F(irq, vcpu_fields_are_ignored)
{
	static const uint32_t types[] = { GZVM_IRQ_TYPE_CPU, GZVM_IRQ_TYPE_SPI };
	const uint32_t fields = GZVM_IRQ_VCPU_MASK << GZVM_IRQ_VCPU_SHIFT |
				GZVM_IRQ_VCPU2_MASK << GZVM_IRQ_VCPU2_SHIFT;
	unsigned int i, bit;

	ASSERT_EQ(0xf0ff0000, fields);
	tvm_enter(&self->t, 0, guest_acks, 1);
	vcpu_run_to_sync(self->vcpu, 0);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		for (bit = 0; bit < 32; bit++) {
			if (!(fields & 1U << bit))
				continue;
			ASSERT_EQ(0, line(IRQ(types[i], SPI) | 1U << bit, 1))
				TH_LOG("type %u, bit %u", types[i], bit);
			ASSERT_EQ(0, line(IRQ(types[i], SPI), 0));
			vcpu_run_to_sync(self->vcpu, INTID);
			vcpu_run_to_sync(self->vcpu, INTID_NONE);
		}
		/* They do not change a PPI, either */
		EXPECT_EQ(-EOPNOTSUPP,
			  line(IRQ(GZVM_IRQ_TYPE_PPI, SPI) | fields, 1));
	}
	ASSERT_EQ(0, line(IRQ(GZVM_IRQ_TYPE_SPI, SPI) | fields, 1));
	ASSERT_EQ(0, line(IRQ(GZVM_IRQ_TYPE_SPI, SPI) | fields, 0));
	vcpu_run_to_sync(self->vcpu, INTID);
	vcpu_run_to_sync(self->vcpu, INTID_NONE);
}

TEST_F(irq, types_nobody_has_defined_are_refused)
{
	uint32_t type;

	for (type = 3; type <= GZVM_IRQ_TYPE_MASK; type++)
		EXPECT_EQ(-EINVAL, line(IRQ(type, SPI), 1))
			TH_LOG("type %u", type);
}

TEST_F(irq, ppi_is_refused_and_no_spi_appears)
{
	tvm_enter(&self->t, 0, guest_acks, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(-EOPNOTSUPP, line(IRQ(GZVM_IRQ_TYPE_PPI, SPI), 1));
	vcpu_run_to_sync(self->vcpu, INTID_NONE);
}

TEST_F(irq, numbers_are_limited)
{
	EXPECT_EQ(0, line(987, 1));
	EXPECT_EQ(0, line(987, 0));
	EXPECT_EQ(-EINVAL, line(988, 1));
	EXPECT_EQ(-EINVAL, line(0xffff, 1));
	EXPECT_EQ(-EINVAL, line(IRQ(GZVM_IRQ_TYPE_SPI, 988), 1));
}

/* An interrupt that is taken, not polled, while the guest runs a loop. */
GUEST static void guest_takes_irqs(uint64_t rounds)
{
	uint64_t i;

	write64(SHARED_BASE, 0);
	sysreg_write("tpidr_el1", SHARED_BASE);
	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, 1, 0);
	irq_unmask();
	for (i = 0; i < rounds; i++) {
		guest_sync(i);
		while (read64(SHARED_BASE) == i)
			;
	}
	guest_sync(read64(SHARED_BASE + 8));
}

TEST_F(irq, interrupt_is_taken_by_a_guest_that_runs)
{
	uint64_t i;

	tvm_enter(&self->t, 0, guest_takes_irqs, 20);
	for (i = 0; i < 20; i++) {
		vcpu_run_to_sync(self->vcpu, i);
		ASSERT_EQ(0, line(SPI, 1));
		ASSERT_EQ(0, line(SPI, 0));
	}
	vcpu_run_to_sync(self->vcpu, INTID);
}

/* Runs a vCPU and counts its guest_sync() in memory. */
struct waiter {
	struct gz_vcpu *vcpu;
	uint64_t rounds;
	uint64_t syncs;
	uint64_t last;
	int ret;
};

static void *waiter_fn(void *arg)
{
	struct waiter *w = arg;
	uint64_t i;

	for (i = 0; i < w->rounds && !w->ret; i++) {
		w->ret = __vcpu_run_to_sync(w->vcpu, &w->last);
		__atomic_store_n(&w->syncs, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

GUEST static void guest_waits(uint64_t rounds)
{
	uint64_t i, intid;

	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, 1, 0);
	for (i = 0; i < rounds; i++) {
		guest_sync(i);
		intid = gic_wait();
		gic_eoi(intid);
		if (intid != INTID)
			guest_sync(~0ULL);
	}
	guest_sync(rounds);
}

#define ROUNDS	200

/* At whatever point of the way to sleep the line rises, the vCPU must wake up. */
TEST_F(irq, line_wakes_wfi)
{
	struct waiter w = { .vcpu = self->vcpu, .rounds = ROUNDS + 1 };
	pthread_t thread;
	uint64_t i;

	tvm_enter(&self->t, 0, guest_waits, ROUNDS);
	pthread_create(&thread, NULL, waiter_fn, &w);
	for (i = 0; i < ROUNDS; i++) {
		wait_for_change(&w.syncs, i);
		ASSERT_EQ(0, w.ret);
		ASSERT_EQ(0, line(SPI, 1));
		ASSERT_EQ(0, line(SPI, 0));
	}
	pthread_join(thread, NULL);
	ASSERT_EQ(0, w.ret);
	EXPECT_EQ(ROUNDS, w.last);
}

GUEST static void guest_timer_wfi(uint64_t rounds)
{
	uint64_t redist = gic_redist(0, 1), i, start, intid;
	uint64_t ticks = sysreg_read("cntfrq_el0") / 1000;

	gic_init(redist);
	gic_enable_private(redist, INTID_VTIMER);
	for (i = 0; i < rounds; i++) {
		start = timer_now();
		timer_start(ticks);
		intid = gic_wait();
		timer_stop();
		if (timer_now() - start < ticks)
			guest_sync(~0ULL);
		gic_eoi(intid);
		guest_sync(intid);
	}
}

TEST_F(irq, timer_wakes_wfi)
{
	unsigned int i;

	tvm_enter(&self->t, 0, guest_timer_wfi, 50);
	for (i = 0; i < 50; i++)
		vcpu_run_to_sync(self->vcpu, INTID_VTIMER);
	vcpu_run_to_shutdown(self->vcpu);
}

GUEST static void guest_timer_spin(uint64_t rounds)
{
	uint64_t redist = gic_redist(0, 1), i;
	uint64_t ticks = sysreg_read("cntfrq_el0") / 1000;

	write64(SHARED_BASE, 0);
	sysreg_write("tpidr_el1", SHARED_BASE);
	gic_init(redist);
	gic_enable_private(redist, INTID_VTIMER);
	irq_unmask();
	for (i = 0; i < rounds; i++) {
		timer_start(ticks);
		while (read64(SHARED_BASE) == i)
			;
	}
	guest_sync(read64(SHARED_BASE + 8));
}

TEST_F(irq, timer_interrupts_a_guest_that_runs)
{
	tvm_enter(&self->t, 0, guest_timer_spin, 50);
	vcpu_run_to_sync(self->vcpu, INTID_VTIMER);
}

/* The timer is set, then the vCPU is out of the guest until long after it fired. */
GUEST static void guest_timer_across_exit(uint64_t arg)
{
	uint64_t redist = gic_redist(0, 1);

	gic_init(redist);
	gic_enable_private(redist, INTID_VTIMER);
	timer_start(1);
	guest_sync(1);
	guest_sync(gic_wait());
}

TEST_F(irq, timer_that_fires_outside_of_the_guest_is_not_lost)
{
	tvm_enter(&self->t, 0, guest_timer_across_exit, 0);
	vcpu_run_to_sync(self->vcpu, 1);
	vcpu_run_to_sync(self->vcpu, INTID_VTIMER);
}

GUEST static void guest_clock(uint64_t rounds)
{
	uint64_t last = timer_now(), now, i, back = 0;

	for (i = 0; i < rounds; i++) {
		guest_sync(0);
		now = timer_now();
		back += now < last;
		last = now;
	}
	guest_sync(back);
}

TEST_F(irq, counter_never_goes_back)
{
	unsigned int i;

	tvm_enter(&self->t, 0, guest_clock, 500);
	for (i = 0; i < 500; i++)
		vcpu_run_to_sync(self->vcpu, 0);
	vcpu_run_to_sync(self->vcpu, 0);
}

/* A sleeping guest uses no CPU time, but a signal must still end the run. */
GUEST static void guest_sleeps(uint64_t arg)
{
	guest_sync(1);
	for (;;)
		asm volatile("wfi");
}

static void on_alarm(int sig)
{
}

TEST_F(irq, signal_ends_wfi)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerspec its = { .it_value = { .tv_nsec = 50000000 } };
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR2,
	};
	timer_t timer;

	sigaction(SIGUSR2, &sa, NULL);
	tvm_enter(&self->t, 0, guest_sleeps, 0);
	vcpu_run_to_sync(self->vcpu, 1);
	timer_create(CLOCK_MONOTONIC, &ev, &timer);
	timer_settime(timer, 0, &its, NULL);
	EXPECT_EQ(-EINTR, gz_vcpu_run(self->vcpu));
	timer_delete(timer);
}

FIXTURE(irq_smp)
{
	struct tvm t;
};

FIXTURE_SETUP(irq_smp)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 2);
}

FIXTURE_TEARDOWN(irq_smp)
{
	tvm_destroy(&self->t);
}

/* Second CPU: sleeps until SGI 3 of the first one, answers with SGI 4. */
GUEST static void guest_answers(uint64_t rounds)
{
	uint64_t redist = gic_redist(1, 2), i, intid;

	gic_init_cpu(redist);
	gic_enable_private(redist, 3);
	write64(SHARED_BASE, 1);
	for (i = 0; i < rounds; i++) {
		intid = gic_wait();
		gic_eoi(intid);
		sysreg_write(ICC_SGI1R, 4ULL << 24 | 1);
	}
	guest_sync(rounds);
}

GUEST static void guest_asks(uint64_t entry)
{
	uint64_t redist = gic_redist(0, 2), i, bad = 0, intid;

	gic_init(redist);
	gic_enable_private(redist, 4);
	hvc3(PSCI_CPU_ON, 1, entry, BOOT_BASE + sizeof(struct guest_boot));
	while (!read64(SHARED_BASE))
		;
	for (i = 0; i < ROUNDS; i++) {
		sysreg_write(ICC_SGI1R, 3ULL << 24 | 2);
		intid = gic_wait();
		gic_eoi(intid);
		bad += intid != 4;
	}
	guest_sync(bad);
}

TEST_F(irq_smp, sgi_wakes_the_other_vcpu)
{
	struct waiter w = { .vcpu = &self->t.vcpus[1], .rounds = 1 };
	pthread_t thread;

	tvm_enter(&self->t, 0, guest_asks, tvm_gpa_of(guest_entry));
	tvm_write_boot(&self->t, 1, guest_answers, ROUNDS);
	ASSERT_EQ(0, gz_vcpu_set_reg(w.vcpu, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	pthread_create(&thread, NULL, waiter_fn, &w);
	vcpu_run_to_sync(&self->t.vcpus[0], 0);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, w.ret);
	EXPECT_EQ(ROUNDS, w.last);
}

TEST_HARNESS_MAIN
