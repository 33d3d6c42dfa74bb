// SPDX-License-Identifier: GPL-2.0
/*
 * An idle vCPU: what keeps it from sleep, and what ends its sleep.
 */

#include <linux/delay.h>

#include <asm/arch_timer.h>

#include "fake.h"

static int run_thread(void *data)
{
	return gzvm_fake_run(data);
}

static void signal_now(struct gzvm_fake *fake, void *data)
{
	set_thread_flag(TIF_SIGPENDING);
}

static void set_timer(struct fake_env *env, bool migrate, u64 delay)
{
	u8 *hw = (u8 *)env->vcpu->hwstate;

	put_unaligned_le32(migrate, hw + HW_VTIMER_MIGRATE);
	put_unaligned_le64(delay, hw + HW_VTIMER_DELAY);
}

static void inject_now(struct gzvm_fake *fake, void *data)
{
	gzvm_irq_inject(data, 5, true);
}

static void event_during_the_run_prevents_sleep(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_IDLE);

	/* Lest the test hang when it fails */
	set_timer(&env, true, arch_timer_get_cntfrq());
	exit->hook = inject_now;
	exit->data = env.vm;
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.sleeps, 0);
	KUNIT_EXPECT_EQ(test, env.vm->sleepers, 0);
}

static void guest_timer_ends_sleep(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	u64 freq = arch_timer_get_cntfrq();
	ktime_t start;

	set_timer(&env, true, 0);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);

	gzvm_fake_forget(test);
	set_timer(&env, true, freq / 100);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	start = ktime_get();
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_GE(test, ktime_to_ns(ktime_sub(ktime_get(), start)), 10000000);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
	KUNIT_EXPECT_EQ(test, env.vm->sleepers, 0);
}

static void signal_ends_sleep(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	int ret;

	/* Lest the test hang when it fails */
	set_timer(&env, true, 2 * arch_timer_get_cntfrq());
	exit->hook = signal_now;
	ret = gzvm_fake_run(&env);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.sleeps, 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);
	KUNIT_EXPECT_EQ(test, env.vm->sleepers, 0);
}

static bool goes_to_sleep(struct fake_env *env, struct gzvm_fake_thread *thread)
{
	return gzvm_fake_comes_to(thread, FAKE_IN_SLEEP) &&
	       test_bit(env->vcpu->id, &env->vm->sleepers);
}

static void injection_wakes_the_sleeper(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_fake_thread *thread;
	int seq;

	/* A timer that EL2 runs itself is none of ours. */
	set_timer(&env, false, 0);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	thread = gzvm_fake_thread(test, true, run_thread, &env);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	/* Long after that timer has run out */
	msleep(50);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);

	/* A line that falls is nothing to wake for. */
	seq = atomic_read(&env.vm->irq_seq);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, 1, false), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&env.vm->irq_seq), seq);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));

	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, 1, true), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
	/* EL2 was told before the sleeper came back. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_last(test, FAKE_ANY)->nr, 5);
}

static void count_wakes(struct gzvm_fake *fake, unsigned int nr)
{
	struct fake_env *env = fake->watch_data;

	if (nr == FAKE_IRQ_LINE)
		fake->reg_value = atomic_read(&env->vm->irq_seq);
}

/* A vCPU that wakes too early finds nothing, and sleeps again. */
static void wake_comes_after_the_injection(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_fake *fake = test->priv;
	int before = atomic_read(&env.vm->irq_seq);

	fake->watch = count_wakes;
	fake->watch_data = &env;
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, 1, true), 0);
	fake->watch = NULL;
	KUNIT_EXPECT_EQ(test, fake->reg_value, before);
	KUNIT_EXPECT_NE(test, atomic_read(&env.vm->irq_seq), before);
}

static void refused_injection_wakes_nobody(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_fake_thread *thread;
	int seq = atomic_read(&env.vm->irq_seq);

	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	thread = gzvm_fake_thread(test, true, run_thread, &env);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	gzvm_fake_fail(test, FAKE_IRQ_LINE, 1, FAKE_INVALID_ARGS);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, 1, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, atomic_read(&env.vm->irq_seq), seq);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	gzvm_vm_wake(env.vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
}

static void ipi_of_one_vcpu_wakes_another(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test), sender = env;
	struct gzvm_fake_thread *thread;

	sender.vcpu = gzvm_vcpu_create(env.vm, 5);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sender.vcpu));
	sender.run += FAKE_PAGE;
	gzvm_fake_forget(test);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	gzvm_fake_exit(test, FAKE_EXIT_IPI);
	thread = gzvm_fake_thread(test, true, run_thread, &env);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&sender), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 4);
}

/* Compared without division: ns is the least with ns * freq >= cycles * 10^9 */
static void cycles_become_nanoseconds_rounded_up(struct kunit *test)
{
	static const u32 freqs[] = {
		1, 1000, 13000000, 19200000, 24000000, 62500000, 1000000000, ~0U
	};
	static const u64 cycles[] = {
		0, 1, 2, 999, 62499999, 62500000, 62500001, 1ULL << 32,
		(1ULL << 32) - 1, 1ULL << 40, 0x123456789abcdef, 1ULL << 62
	};
	unsigned __int128 want, got;
	unsigned int i, j;
	u64 ns;

	for (i = 0; i < ARRAY_SIZE(freqs); i++) {
		for (j = 0; j < ARRAY_SIZE(cycles); j++) {
			ns = gzvm_cycles_to_ns(cycles[j], freqs[i]);
			want = (unsigned __int128)cycles[j] * 1000000000;
			got = (unsigned __int128)ns * freqs[i];
			if (ns == KTIME_MAX) {
				/* A second of slack below the end of time */
				got -= (unsigned __int128)2000000000 * freqs[i];
				KUNIT_EXPECT_TRUE_MSG(test, got < want, "%llu at %u",
						      cycles[j], freqs[i]);
				continue;
			}
			KUNIT_EXPECT_TRUE_MSG(test, got >= want, "%llu at %u: %llu",
					      cycles[j], freqs[i], ns);
			KUNIT_EXPECT_TRUE_MSG(test, !ns || got - freqs[i] < want,
					      "%llu at %u: %llu", cycles[j], freqs[i], ns);
		}
		KUNIT_EXPECT_LE(test, gzvm_cycles_to_ns(~0ULL, freqs[i]), KTIME_MAX);
	}
	KUNIT_EXPECT_EQ(test, gzvm_cycles_to_ns(~0ULL, 1), KTIME_MAX);
}

static struct kunit_case idle_cases[] = {
	KUNIT_CASE(event_during_the_run_prevents_sleep),
	KUNIT_CASE(guest_timer_ends_sleep),
	KUNIT_CASE(signal_ends_sleep),
	KUNIT_CASE(injection_wakes_the_sleeper),
	KUNIT_CASE(wake_comes_after_the_injection),
	KUNIT_CASE(refused_injection_wakes_nobody),
	KUNIT_CASE(ipi_of_one_vcpu_wakes_another),
	KUNIT_CASE(cycles_become_nanoseconds_rounded_up),
	{}
};

static struct kunit_suite idle_suite = {
	.name = "gzvm-idle",
	.init = gzvm_fake_init,
	.test_cases = idle_cases,
};

kunit_test_suites(&idle_suite);
