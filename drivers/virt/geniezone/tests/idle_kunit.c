// SPDX-License-Identifier: GPL-2.0
/*
 * An idle vCPU: when it sleeps, for how long, and what wakes it.
 */

#include <linux/delay.h>

#include <asm/arch_timer.h>

#include "fake.h"

/* Seconds until a deadline that no test reaches */
#define FAR	600

static int run_thread(void *data)
{
	return gzvm_fake_run(data);
}

static void signal_now(struct gzvm_fake *fake, void *data)
{
	set_thread_flag(TIF_SIGPENDING);
}

static void inject_now(struct gzvm_fake *fake, void *data)
{
	gzvm_irq_inject(data, 5, true);
}

static void event_during_the_run_prevents_sleep(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_IDLE);

	/* Ends the test if it fails */
	gzvm_fake_vtimer(test, true, arch_timer_get_cntfrq());
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

	gzvm_fake_vtimer(test, true, 0);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);

	gzvm_fake_forget(test);
	gzvm_fake_vtimer(test, true, freq / 100);
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

	/* Ends the test if it fails */
	gzvm_fake_vtimer(test, true, 2 * arch_timer_get_cntfrq());
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

	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, 1, true), 0);
	gzvm_fake_forget(test);
	gzvm_fake_vtimer(test, true, FAR * arch_timer_get_cntfrq());
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	thread = gzvm_fake_thread(test, true, run_thread, &env);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	/* Longer than the first sleeps without a deadline */
	msleep(50);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);

	/* Lowering a line wakes no vCPU. */
	seq = atomic_read(&env.vm->irq_seq);
	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, 1, false), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&env.vm->irq_seq), seq);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));

	KUNIT_EXPECT_EQ(test, gzvm_irq_inject(env.vm, 1, true), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
	/* The call was made before the vCPU was entered. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_last(test, FAKE_ANY)->nr, 5);
}

static void count_wakes(struct gzvm_fake *fake, unsigned int nr)
{
	struct fake_env *env = fake->watch_data;

	if (nr == FAKE_IRQ_LINE)
		fake->reg_value = atomic_read(&env->vm->irq_seq);
}

/* A vCPU that wakes too early has nothing to do, and sleeps again. */
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

	gzvm_fake_vtimer(test, true, FAR * arch_timer_get_cntfrq());
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
	gzvm_fake_vtimer(test, true, FAR * arch_timer_get_cntfrq());
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	gzvm_fake_exit(test, FAKE_EXIT_IPI);
	thread = gzvm_fake_thread(test, true, run_thread, &env);
	KUNIT_EXPECT_TRUE(test, goes_to_sleep(&env, thread));
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&sender), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 4);
}

/* Sleep without a deadline */

static void idle_exits(struct kunit *test, struct fake_env *env, unsigned int nr)
{
	for (; nr; nr--)
		gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(env), 0);
}

/* EL2 may not report a timer that is near. */
static void sleep_without_a_deadline_is_short(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	ktime_t start = ktime_get();

	idle_exits(test, &env, 6);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 7);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.sleeps, 6);
	KUNIT_EXPECT_GE(test, ktime_to_ms(ktime_sub(ktime_get(), start)), 30);
	/* A machine under load is late, but not a hundred times as much. */
	KUNIT_EXPECT_LE(test, ktime_to_ms(ktime_sub(ktime_get(), start)), 10000);
	KUNIT_EXPECT_EQ(test, env.vcpu->idle_ns, 5000000);
}

/* EL2 has reported a deadline before: there may be no timer, or the vCPU is off. */
static void sleep_without_a_deadline_becomes_longer(struct kunit *test)
{
	static const u64 ms[] = { 5, 10, 20, 40, 80, 100, 100 };
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i;

	gzvm_fake_vtimer(test, true, 1);
	idle_exits(test, &env, 1);
	KUNIT_EXPECT_TRUE(test, env.vm->names_deadlines);
	gzvm_fake_vtimer(test, false, 0);
	for (i = 1; i < ARRAY_SIZE(ms); i++) {
		gzvm_fake_forget(test);
		idle_exits(test, &env, i);
		KUNIT_EXPECT_EQ(test, env.vcpu->idle_ns, ms[i - 1] * 1000000);
	}

	/* After an exit of another kind the sleep is short again. */
	gzvm_fake_forget(test);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	gzvm_fake_exit(test, FAKE_EXIT_GZ);
	idle_exits(test, &env, 1);
	KUNIT_EXPECT_EQ(test, env.vcpu->idle_ns, 5000000);
}

static void name_a_deadline(struct gzvm_fake *fake, void *data)
{
	struct gzvm_vcpu *vcpu = data;

	put_unaligned_le64(1, (u8 *)vcpu->hwstate + HW_VTIMER_DELAY);
	put_unaligned_le32(1, (u8 *)vcpu->hwstate + HW_VTIMER_MIGRATE);
}

static void deadline_makes_the_next_sleep_short(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;

	env.vm->names_deadlines = true;
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	exit = gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	exit->hook = name_a_deadline;
	exit->data = env.vcpu;
	idle_exits(test, &env, 1);
	KUNIT_EXPECT_EQ(test, env.vcpu->idle_ns, 5000000);
}

/* A timer that is due ends WFI. If it does not, the thread must not spin. */
static void timer_that_stays_due_does_not_spin(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	ktime_t start;

	gzvm_fake_vtimer(test, true, 0);
	idle_exits(test, &env, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);

	gzvm_fake_forget(test);
	start = ktime_get();
	idle_exits(test, &env, 12);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 13);
	KUNIT_EXPECT_GE(test, ktime_to_ms(ktime_sub(ktime_get(), start)), 20);
	KUNIT_EXPECT_EQ(test, env.vcpu->idle_ns, 5000000);
}

/* The guest sets its timer anew each time, and never sleeps for long. */
static void timer_that_is_due_again_is_not_late(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);

	gzvm_fake_vtimer(test, true, 0);
	idle_exits(test, &env, 3);
	KUNIT_EXPECT_LE(test, env.vcpu->idle_ns, 100000);
}

static void note_time(struct gzvm_fake *fake, void *data)
{
	*(ktime_t *)data = ktime_get();
}

/* The thread may be preempted between the exit and its sleep. */
static void deadline_counts_from_the_exit(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	ktime_t left = 0, start;

	gzvm_fake_vtimer(test, true, 1);
	exit->hook = note_time;
	exit->data = &left;
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_GE(test, env.vcpu->exit_time, left);
	KUNIT_EXPECT_LE(test, env.vcpu->exit_time, ktime_get());

	/* As if the exit had come when the host was started: 50 ms are left. */
	mutex_lock(&env.vcpu->lock);
	start = ktime_get();
	put_unaligned_le64(div_u64(ktime_to_us(ktime_add_ms(start, 50)) *
				   arch_timer_get_cntfrq(), USEC_PER_SEC),
			   (u8 *)env.vcpu->hwstate + HW_VTIMER_DELAY);
	env.vcpu->exit_time = 0;
	gzvm_vcpu_block(env.vcpu);
	mutex_unlock(&env.vcpu->lock);
	left = ktime_sub(ktime_get(), start);
	KUNIT_EXPECT_GE(test, ktime_to_ms(left), 49);
	KUNIT_EXPECT_LT(test, left, start);
}

/* In older generations the driver injects the timer of a vCPU that is out. */
static void timer_of_an_older_el2_is_injected(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	struct gzvm_version version;
	struct fake_env env;

	fake->old = true;
	KUNIT_ASSERT_EQ(test, gzvm_hc_probe(&version), 0);
	env = gzvm_fake_env(test);
	gzvm_fake_vtimer(test, true, arch_timer_get_cntfrq() / 100);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 3);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_ANY, 1)->nr, FAKE_RUN);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_ANY, 2)->nr, FAKE_IRQ_LINE);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_ANY, 2), 0xa0010000, 27, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_ANY, 3)->nr, FAKE_RUN);
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
	KUNIT_CASE(sleep_without_a_deadline_is_short),
	KUNIT_CASE(sleep_without_a_deadline_becomes_longer),
	KUNIT_CASE(deadline_makes_the_next_sleep_short),
	KUNIT_CASE(timer_that_stays_due_does_not_spin),
	KUNIT_CASE(timer_that_is_due_again_is_not_late),
	KUNIT_CASE(deadline_counts_from_the_exit),
	KUNIT_CASE(timer_of_an_older_el2_is_injected),
	KUNIT_CASE(cycles_become_nanoseconds_rounded_up),
	{}
};

static struct kunit_suite idle_suite = {
	.name = "gzvm-idle",
	.init = gzvm_fake_init,
	.test_cases = idle_cases,
};

kunit_test_suites(&idle_suite);
