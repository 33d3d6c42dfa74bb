// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt lines, with an EL2 that holds the level, one that does not, and one that
 * shows old EOIs in its list registers.
 */

#include "fake.h"

#define SPI	5
#define INTID	(32 + SPI)

/* States of a list register: IHI 0069, ICH_LR<n>_EL2 */
#define LR_EOI		(BIT_ULL(41) | INTID)
#define LR_PENDING	(BIT_ULL(62) | LR_EOI)
#define LR_ACTIVE	(BIT_ULL(63) | LR_EOI)
#define LR_EMPTY	0

static struct fake_env make_env(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);

	/* As after the first GZVM_IRQFD */
	env.vm->irqfds.used = true;
	return env;
}

/* One exit with these values in the first two list registers */
static void exit_with(struct kunit *test, struct fake_env *env, u64 lr0, u64 lr1)
{
	u8 *hw = (u8 *)env->vcpu->hwstate;

	put_unaligned_le32(4, hw);
	put_unaligned_le64(lr0, hw + 8);
	put_unaligned_le64(lr1, hw + 16);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(env), 0);
}

static void expect_lines(struct kunit *test, unsigned int raised, unsigned int lowered)
{
	unsigned int i, nr = gzvm_fake_count(test, FAKE_IRQ_LINE), up = 0;

	for (i = 1; i <= nr; i++)
		up += gzvm_fake_nth(test, FAKE_IRQ_LINE, i)->args[2];
	KUNIT_EXPECT_EQ(test, up, raised);
	KUNIT_EXPECT_EQ(test, nr - up, lowered);
}

static void signal_and_eoi_is_one_call(struct kunit *test)
{
	struct fake_env env = make_env(test);
	unsigned int i;

	for (i = 1; i <= 5; i++) {
		gzvm_irqfd_signal(env.vm, SPI, false);
		exit_with(test, &env, LR_PENDING, LR_EMPTY);
		exit_with(test, &env, LR_ACTIVE, LR_EMPTY);
		exit_with(test, &env, LR_EOI, LR_EMPTY);
		exit_with(test, &env, LR_EMPTY, LR_EMPTY);
		expect_lines(test, i, 0);
	}
}

/* The guest handles each interrupt in one run, so that each exit shows the same. */
static void each_eoi_after_a_signal_is_a_new_one(struct kunit *test)
{
	struct fake_env env = make_env(test);
	unsigned int i;

	for (i = 1; i <= 5; i++) {
		gzvm_irqfd_signal(env.vm, SPI, false);
		exit_with(test, &env, LR_EOI, LR_EMPTY);
		expect_lines(test, i, 0);
	}
}

static void line_that_is_held_falls_at_the_second_eoi(struct kunit *test)
{
	struct fake_env env = make_env(test);

	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	exit_with(test, &env, LR_PENDING, LR_EMPTY);
	expect_lines(test, 1, 0);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 1, 1);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_IRQ_LINE), 0xa0010000, SPI, 0);
}

/* The line stays high while EL2 is busy, hence there is another EOI. */
static void line_that_is_held_falls_later_when_el2_is_busy(struct kunit *test)
{
	struct fake_env env = make_env(test);

	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	gzvm_fake_fail(test, FAKE_IRQ_LINE, 1, FAKE_BUSY);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 1, 1);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 1, 2);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 1, 2);
}

static void old_eoi_is_not_looked_at_for_ever(struct kunit *test)
{
	struct fake_env env = make_env(test);
	unsigned int i;

	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 0, 0);
	gzvm_irqfd_signal(env.vm, SPI, false);
	for (i = 0; i < 10; i++)
		exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 1, 1);
}

/* The guest has not got the interrupt. The list register shows the EOI before it. */
static void old_eoi_takes_no_signal_along(struct kunit *test)
{
	struct fake_env env = make_env(test);

	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 2, 0);
	/* The interrupt is in another list register. */
	exit_with(test, &env, LR_EOI, LR_PENDING);
	exit_with(test, &env, LR_EOI, LR_ACTIVE);
	exit_with(test, &env, LR_EOI, LR_ACTIVE | LR_PENDING);
	expect_lines(test, 2, 0);
}

/* This vCPU shows an old EOI for ever; another one is to get the interrupt. */
static void old_eoi_lowers_no_line_for_another_vcpu(struct kunit *test)
{
	struct fake_env env = make_env(test);
	unsigned int i;

	gzvm_irqfd_signal(env.vm, SPI, false);
	for (i = 0; i < 3; i++)
		exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 1, 1);
	gzvm_irqfd_signal(env.vm, SPI, false);
	for (i = 0; i < 10; i++)
		exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 2, 1);
	/* It is the one to get it, and EL2 holds the line. */
	exit_with(test, &env, LR_ACTIVE, LR_EMPTY);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 2, 2);
}

static struct fake_env *racing;

static void signal_while_lowering(void *data, unsigned int nr)
{
	struct fake_env *env = racing;

	if (nr != FAKE_IRQ_LINE || !env)
		return;
	racing = NULL;
	gzvm_irqfd_signal(env->vm, SPI, false);
}

static void signal_that_is_overtaken_is_made_again(struct kunit *test)
{
	struct fake_env env = make_env(test);
	struct gzvm_fake *fake = test->priv;

	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	racing = &env;
	fake->enter = signal_while_lowering;
	gzvm_fake_fail(test, FAKE_IRQ_LINE, 3, FAKE_BUSY);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	fake->enter = NULL;
	expect_lines(test, 3, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_last(test, FAKE_IRQ_LINE)->args[2], 1);
	/* EL2 was busy. */
	KUNIT_EXPECT_PTR_EQ(test, fake->retry, env.vm);
	gzvm_irqfds_retry(env.vm);
	expect_lines(test, 4, 1);
}

/* EL2 may drop an interrupt that becomes pending while it is active. */
static void signal_before_the_eoi_is_made_again(struct kunit *test)
{
	struct fake_env env = make_env(test);
	unsigned int i;

	for (i = 0; i < 3; i++)
		gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_ACTIVE, LR_EMPTY);
	expect_lines(test, 3, 0);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 4, 0);
	/* Only once */
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	exit_with(test, &env, LR_EMPTY, LR_EMPTY);
	expect_lines(test, 4, 0);
	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 5, 0);

	/* A device with a resamplefd signals again by itself. */
	gzvm_irqfd_signal(env.vm, SPI, true);
	gzvm_irqfd_signal(env.vm, SPI, true);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 7, 0);
}

/* EL2 may show no EOI for what was active. The next guest must not get it again. */
static void reset_forgets_interrupts_that_were_not_ended(struct kunit *test)
{
	struct fake_env env = make_env(test);
	struct fake_exit *exit;

	gzvm_irqfd_signal(env.vm, SPI, false);
	gzvm_irqfd_signal(env.vm, SPI, false);
	exit = gzvm_fake_exit(test, FAKE_EXIT_SYSTEM_EVENT);
	put_unaligned_le32(2, exit->page + RUN_EVENT_TYPE);
	exit_with(test, &env, LR_ACTIVE, LR_EMPTY);
	exit_with(test, &env, LR_EMPTY, LR_EMPTY);
	expect_lines(test, 2, 0);
	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	exit_with(test, &env, LR_EMPTY, LR_EMPTY);
	expect_lines(test, 3, 0);
}

static void signal_waits_until_el2_is_not_busy(struct kunit *test)
{
	struct fake_env env = make_env(test);
	struct gzvm_fake *fake = test->priv;
	unsigned int i;

	gzvm_fake_repeat(test, FAKE_IRQ_LINE, 3, FAKE_BUSY);
	gzvm_irqfd_signal(env.vm, SPI, false);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_PTR_EQ(test, fake->retry, env.vm);
		fake->retry = NULL;
		gzvm_irqfds_retry(env.vm);
	}
	/* The last call has succeeded. */
	KUNIT_EXPECT_PTR_EQ(test, fake->retry, NULL);
	expect_lines(test, 4, 0);
	gzvm_irqfds_retry(env.vm);
	expect_lines(test, 4, 0);

	/* A later signal is for both. */
	gzvm_fake_fail(test, FAKE_IRQ_LINE, 1, FAKE_BUSY);
	gzvm_irqfd_signal(env.vm, SPI, false);
	gzvm_irqfd_signal(env.vm, SPI, false);
	gzvm_irqfds_retry(env.vm);
	expect_lines(test, 6, 0);

	/* A refusal is final. */
	fake->retry = NULL;
	gzvm_fake_fail(test, FAKE_IRQ_LINE, 1, FAKE_INVALID_ARGS);
	gzvm_irqfd_signal(env.vm, SPI, false);
	KUNIT_EXPECT_PTR_EQ(test, fake->retry, NULL);
	gzvm_irqfds_retry(env.vm);
	expect_lines(test, 7, 0);
}

static void irqfds_leave_lines_of_the_vmm_alone(struct kunit *test)
{
	struct fake_env env = make_env(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, SPI, true), 0);
	for (i = 0; i < 3; i++)
		exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 1, 0);
	/* The line is high: the EOIs may be new ones. */
	KUNIT_EXPECT_FALSE(test, env.vm->irqfds.stale);
}

static void line_that_the_vmm_raises_after_an_irqfd_is_its_own(struct kunit *test)
{
	static const struct gzvm_irq_level high = { .irq = SPI, .level = 1 };
	struct fake_env env = make_env(test);
	unsigned int i;

	gzvm_irqfd_signal(env.vm, SPI, false);
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	KUNIT_EXPECT_EQ(test, gzvm_irq_line(env.vm, &high), 0);
	/* Its EOI is reported although the list register looks as before. */
	KUNIT_EXPECT_TRUE(test, test_bit(SPI, env.vm->irqfds.signalled));
	exit_with(test, &env, LR_EOI, LR_EMPTY);
	KUNIT_EXPECT_FALSE(test, test_bit(SPI, env.vm->irqfds.signalled));
	for (i = 0; i < 3; i++)
		exit_with(test, &env, LR_EOI, LR_EMPTY);
	expect_lines(test, 2, 0);
}

static void list_registers_without_an_spi_are_left_alone(struct kunit *test)
{
	static const u64 intids[] = { 0, 27, 31, 1020, 8192, U32_MAX };
	struct fake_env env = make_env(test);
	unsigned int i;

	bitmap_fill(env.vm->irqfds.signalled, 988);
	bitmap_fill(env.vm->irqfds.ended, 988);
	for (i = 0; i < ARRAY_SIZE(intids); i++)
		exit_with(test, &env, BIT_ULL(41) | intids[i], LR_EMPTY);
	/* Ended by hardware; ended without a maintenance interrupt */
	exit_with(test, &env, BIT_ULL(61) | LR_EOI, INTID);
	KUNIT_EXPECT_TRUE(test, bitmap_full(env.vm->irqfds.signalled, 988));
	exit_with(test, &env, BIT_ULL(41) | 1019, BIT_ULL(41) | 32);
	KUNIT_EXPECT_EQ(test, bitmap_weight(env.vm->irqfds.signalled, 988), 986);
	expect_lines(test, 0, 0);
}

/* GZVM_IRQ_LINE: most calls of VMMs lower a line that is low. */
static void low_line_is_not_lowered(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, false), 0);
	expect_lines(test, 0, 0);
	/* Each may be a pulse at EL2. */
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, true), 0);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, true), 0);
	expect_lines(test, 2, 0);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI + 1, false), 0);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, false), 0);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, false), 0);
	expect_lines(test, 2, 1);
}

static void refused_line_is_as_it_was(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	gzvm_fake_fail(test, FAKE_IRQ_LINE, 1, FAKE_INVALID_ARGS);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, false), 0);
	expect_lines(test, 1, 0);

	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, true), 0);
	gzvm_fake_fail(test, FAKE_IRQ_LINE, 1, FAKE_BUSY);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, false), -EAGAIN);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(vm, SPI, false), 0);
	expect_lines(test, 2, 2);
}

static struct kunit_case irq_cases[] = {
	KUNIT_CASE(signal_and_eoi_is_one_call),
	KUNIT_CASE(each_eoi_after_a_signal_is_a_new_one),
	KUNIT_CASE(line_that_is_held_falls_at_the_second_eoi),
	KUNIT_CASE(line_that_is_held_falls_later_when_el2_is_busy),
	KUNIT_CASE(old_eoi_is_not_looked_at_for_ever),
	KUNIT_CASE(old_eoi_takes_no_signal_along),
	KUNIT_CASE(old_eoi_lowers_no_line_for_another_vcpu),
	KUNIT_CASE(signal_that_is_overtaken_is_made_again),
	KUNIT_CASE(signal_before_the_eoi_is_made_again),
	KUNIT_CASE(reset_forgets_interrupts_that_were_not_ended),
	KUNIT_CASE(signal_waits_until_el2_is_not_busy),
	KUNIT_CASE(irqfds_leave_lines_of_the_vmm_alone),
	KUNIT_CASE(line_that_the_vmm_raises_after_an_irqfd_is_its_own),
	KUNIT_CASE(list_registers_without_an_spi_are_left_alone),
	KUNIT_CASE(low_line_is_not_lowered),
	KUNIT_CASE(refused_line_is_as_it_was),
	{}
};

static struct kunit_suite irq_suite = {
	.name = "gzvm-irq",
	.init = gzvm_fake_init,
	.test_cases = irq_cases,
};

kunit_test_suites(&irq_suite);
