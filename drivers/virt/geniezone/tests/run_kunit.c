// SPDX-License-Identifier: GPL-2.0
/*
 * The run loop: when the guest is entered, what goes in and out of the shared
 * page, what ends the loop.
 */

#include <linux/uaccess.h>

#include "fake.h"

static int run_at(struct fake_env *env, unsigned long addr)
{
	return gzvm_vcpu_run(env->vcpu, (void __user *)addr);
}

static struct fake_exit *mmio_exit(struct kunit *test, u64 addr, bool write)
{
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_MMIO);

	put_unaligned_le64(addr, exit->page + RUN_MMIO_ADDR);
	put_unaligned_le64(4, exit->page + RUN_MMIO_SIZE);
	put_unaligned_le32(17, exit->page + RUN_MMIO_REG);
	exit->page[RUN_MMIO_IS_WRITE] = write;
	return exit;
}

static void run_names_the_vcpu(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_vcpu *other = gzvm_vcpu_create(env.vm, 63);

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa0010000);
	KUNIT_EXPECT_EQ(test, gzvm_vcpu_run(other, (void __user *)env.run), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001003f);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 2);
}

static void immediate_exit_does_not_enter(struct kunit *test)
{
	static const u8 values[] = { 1, 255, 128, 2 };
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		gzvm_fake_poke(test, env.run + RUN_IMMEDIATE_EXIT, 1, values[i]);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EINTR);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EINTR);
		KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_IMMEDIATE_EXIT, 1),
				values[i]);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 0);
	gzvm_fake_poke(test, env.run + RUN_IMMEDIATE_EXIT, 1, 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
}

static void padding_must_be_zero(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		gzvm_fake_poke(test, env.run + RUN_PADDING1 + i, 1, 0x80 >> i);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EINVAL);
		gzvm_fake_poke(test, env.run + RUN_PADDING1 + i, 1, 0);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void unreadable_structure_is_efault(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);

	KUNIT_EXPECT_EQ(test, run_at(&env, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, run_at(&env, ~0xfffUL), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void structure_may_lie_anywhere(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = env.run + FAKE_PAGE - 101;

	mmio_exit(test, 0x1122334455667788, true);
	KUNIT_EXPECT_EQ(test, run_at(&env, addr), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr + RUN_REASON, 4), FAKE_EXIT_MMIO);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr + RUN_MMIO_ADDR, 8),
			0x1122334455667788);
}

/* The user's structure must not be copied to EL2's page. */
static void nothing_of_the_structure_reaches_el2_unasked(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	const struct fake_call *call;
	unsigned int i;

	for (i = RUN_UNION; i < RUN_SIZE; i++)
		gzvm_fake_poke(test, env.run + i, 1, 0xee);
	gzvm_fake_poke(test, env.run + RUN_REASON, 4, FAKE_EXIT_MMIO);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	call = gzvm_fake_last(test, FAKE_RUN);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(call->buf, 0, RUN_SIZE), NULL);
}

static void mmio_read_takes_the_answer(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	const struct fake_call *call;

	mmio_exit(test, 0x9000000, false);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_MMIO_IS_WRITE, 1), 0);

	/* All else that the VMM writes is its own affair. */
	gzvm_fake_poke(test, env.run + RUN_MMIO_DATA, 8, 0x1234567890abcdef);
	gzvm_fake_poke(test, env.run + RUN_MMIO_ADDR, 8, 0x666);
	gzvm_fake_poke(test, env.run + RUN_MMIO_SIZE, 8, 0x666);
	gzvm_fake_poke(test, env.run + RUN_MMIO_REG, 4, 0x666);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	call = gzvm_fake_nth(test, FAKE_RUN, 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RUN_MMIO_DATA),
			0x1234567890abcdef);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RUN_MMIO_ADDR), 0x9000000);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RUN_MMIO_SIZE), 4);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(call->buf + RUN_MMIO_REG), 17);
}

static void answer_is_only_taken_for_a_read(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	const struct fake_call *call;
	struct fake_exit *exit;

	exit = mmio_exit(test, 0x9000000, true);
	put_unaligned_le64(0x55, exit->page + RUN_MMIO_DATA);
	mmio_exit(test, 0x9000000, false);
	gzvm_fake_exit(test, FAKE_EXIT_IRQ);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	gzvm_fake_poke(test, env.run + RUN_MMIO_DATA, 8, 0xbad);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	call = gzvm_fake_nth(test, FAKE_RUN, 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RUN_MMIO_DATA), 0x55);

	/* A read is answered once. */
	gzvm_fake_poke(test, env.run + RUN_MMIO_DATA, 8, 0x77);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	gzvm_fake_poke(test, env.run + RUN_MMIO_DATA, 8, 0xbad);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	call = gzvm_fake_last(test, FAKE_RUN);
	KUNIT_EXPECT_NE(test, get_unaligned_le64(call->buf + RUN_MMIO_DATA), 0xbad);
}

static void read_stays_pending_across_immediate_exit(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	const struct fake_call *call;

	mmio_exit(test, 0x9000000, false);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	gzvm_fake_poke(test, env.run + RUN_MMIO_DATA, 8, 0x4711);
	gzvm_fake_poke(test, env.run + RUN_IMMEDIATE_EXIT, 1, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EINTR);
	gzvm_fake_poke(test, env.run + RUN_IMMEDIATE_EXIT, 1, 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	call = gzvm_fake_last(test, FAKE_RUN);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RUN_MMIO_DATA), 0x4711);
}

/* A kick while the guest runs: what another thread does to the structure */
static void set_immediate_exit(struct gzvm_fake *fake, void *data)
{
	static const u8 one = 1;
	void __user *byte = (void __user *)(data + RUN_IMMEDIATE_EXIT);

	if (copy_to_user_nofault(byte, &one, 1))
		KUNIT_FAIL(fake->test, "structure not there");
}

static void immediate_exit_survives_delivery(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = mmio_exit(test, 0x9000000, true);

	gzvm_fake_poke(test, env.run, 1, 0);
	exit->hook = set_immediate_exit;
	exit->data = (void *)env.run;
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_REASON, 4), FAKE_EXIT_MMIO);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_IMMEDIATE_EXIT, 1), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EINTR);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);
}

static void immediate_exit_is_seen_before_each_entry(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;

	gzvm_fake_poke(test, env.run, 1, 0);
	gzvm_fake_exit(test, FAKE_EXIT_IRQ);
	exit = gzvm_fake_exit(test, FAKE_EXIT_GZ);
	exit->hook = set_immediate_exit;
	exit->data = (void *)env.run;
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EINTR);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
}

static void undelivered_exit_comes_with_the_next_call(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long edge = env.run + 2 * FAKE_PAGE - 8;

	/* The union of this one lies where there is nothing. */
	KUNIT_ASSERT_EQ(test, vm_munmap(env.run + 2 * FAKE_PAGE, FAKE_PAGE), 0);
	mmio_exit(test, 0xabc000, false);
	KUNIT_EXPECT_EQ(test, run_at(&env, edge), -EFAULT);
	KUNIT_EXPECT_EQ(test, run_at(&env, edge), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);

	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_REASON, 4), FAKE_EXIT_MMIO);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_MMIO_ADDR, 8), 0xabc000);

	/* Its answer is taken as always. */
	gzvm_fake_poke(test, env.run + RUN_MMIO_DATA, 8, 0x99);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(gzvm_fake_last(test, FAKE_RUN)->buf +
						 RUN_MMIO_DATA), 0x99);
}

static void irq_and_gz_exits_reenter(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);

	gzvm_fake_exit(test, FAKE_EXIT_IRQ);
	gzvm_fake_exit(test, FAKE_EXIT_GZ);
	gzvm_fake_exit(test, FAKE_EXIT_IPI);
	gzvm_fake_exit(test, FAKE_EXIT_IRQ);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 5);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 5);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_REASON, 4),
			FAKE_EXIT_SYSTEM_EVENT);
}

/* A reason is an exit, whatever the status is. */
static void run_with_a_reason_is_an_exit(struct kunit *test)
{
	static const long statuses[] = { 0, 1, -1, -5, -8, -24, -27, -33, -40, LONG_MIN };
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		exit = gzvm_fake_exit(test, FAKE_EXIT_GZ);
		exit->status = statuses[i];
		exit = mmio_exit(test, 0x9000000 + i, true);
		exit->status = statuses[i];
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_REASON, 4),
				FAKE_EXIT_MMIO);
		KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_MMIO_ADDR, 8),
				0x9000000 + i);
	}
}

/* With neither a reason nor success there is no exit. */
static void failed_run_is_an_errno(struct kunit *test)
{
	static const struct {
		long status;
		int error;
	} table[] = {
		{ -5, -ENOMEM }, { -8, -EINVAL }, { -24, -EOPNOTSUPP },
		{ -27, -EOPNOTSUPP }, { -33, -EAGAIN }, { -40, -EFAULT },
		{ -1, -EINVAL }, { 1, -EINVAL },
	};
	static const u64 reasons[] = { 0, 0x9291ffff, 0x9292000e, 0x192920001, ~0ULL };
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;
	unsigned int i;

	gzvm_fake_poke(test, env.run + RUN_REASON, 4, 0x1234);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		exit = gzvm_fake_exit(test, reasons[i % ARRAY_SIZE(reasons)]);
		exit->status = table[i].status;
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), table[i].error);
		KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_REASON, 4), 0x1234);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), ARRAY_SIZE(table));
}

/*
 * Signals. A kernel thread gets none, but what the loop looks at is the flag,
 * which can be set.
 */
static void signal_now(struct gzvm_fake *fake, void *data)
{
	set_thread_flag(TIF_SIGPENDING);
}

static int run_with_signal(struct fake_env *env)
{
	int ret;

	set_thread_flag(TIF_SIGPENDING);
	ret = gzvm_fake_run(env);
	clear_thread_flag(TIF_SIGPENDING);
	return ret;
}

static void signal_keeps_the_guest_out(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);

	KUNIT_EXPECT_EQ(test, run_with_signal(&env), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_last(test, FAKE_ANY)->nr, 14);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001);

	/* EL2's answer to the notice changes nothing. */
	gzvm_fake_fail(test, FAKE_INFORM_EXIT, 1, FAKE_INVALID_ARGS);
	KUNIT_EXPECT_EQ(test, run_with_signal(&env), -ERESTARTSYS);
}

static void signal_during_a_run_ends_the_loop(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;
	int ret;

	gzvm_fake_exit(test, FAKE_EXIT_GZ);
	exit = gzvm_fake_exit(test, FAKE_EXIT_IRQ);
	exit->hook = signal_now;
	ret = gzvm_fake_run(&env);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_INFORM_EXIT), 1);
}

/* The guest's access would be lost. */
static void exit_for_the_vmm_wins_over_a_signal(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = mmio_exit(test, 0x9000000, false);
	const struct fake_call *call;
	int ret;

	exit->hook = signal_now;
	ret = gzvm_fake_run(&env);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.run + RUN_REASON, 4), FAKE_EXIT_MMIO);

	/* The answer is not lost to the signal either. */
	gzvm_fake_poke(test, env.run + RUN_MMIO_DATA, 8, 0x31337);
	KUNIT_EXPECT_EQ(test, run_with_signal(&env), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	call = gzvm_fake_last(test, FAKE_RUN);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RUN_MMIO_DATA), 0x31337);
}

/* Two threads, one vCPU */

static int run_thread(void *data)
{
	return gzvm_fake_run(data);
}

static void second_runner_waits(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_fake_thread *thread;

	mutex_lock(&env.vcpu->lock);
	thread = gzvm_fake_thread(test, true, run_thread, &env);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_comes_to(thread, FAKE_IN_LOCK));
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	mutex_unlock(&env.vcpu->lock);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);
}

/* Killed while it waits: the vCPU is not entered and no register is read. */

static int killed_run(void *data)
{
	int ret;

	gzvm_fake_kill();
	ret = gzvm_fake_run(data);
	gzvm_fake_unkill();
	return ret;
}

static int killed_one_reg(void *data)
{
	const struct gzvm_one_reg reg = { .id = 0x6030000000100002 };
	struct fake_env *env = data;
	int ret;

	gzvm_fake_kill();
	ret = gzvm_vcpu_get_reg(env->vcpu, &reg);
	gzvm_fake_unkill();
	return ret;
}

static void killed_waiter_does_nothing(struct kunit *test)
{
	static int (*const calls[])(void *data) = { killed_run, killed_one_reg };
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_fake_thread *thread;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		mutex_lock(&env.vcpu->lock);
		thread = gzvm_fake_thread(test, true, calls[i], &env);
		KUNIT_EXPECT_TRUE(test, gzvm_fake_ended(thread));
		mutex_unlock(&env.vcpu->lock);
		KUNIT_EXPECT_EQ_MSG(test, gzvm_fake_join(thread), -EINTR, "call %u", i);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static struct kunit_case run_cases[] = {
	KUNIT_CASE(run_names_the_vcpu),
	KUNIT_CASE(immediate_exit_does_not_enter),
	KUNIT_CASE(padding_must_be_zero),
	KUNIT_CASE(unreadable_structure_is_efault),
	KUNIT_CASE(structure_may_lie_anywhere),
	KUNIT_CASE(nothing_of_the_structure_reaches_el2_unasked),
	KUNIT_CASE(mmio_read_takes_the_answer),
	KUNIT_CASE(answer_is_only_taken_for_a_read),
	KUNIT_CASE(read_stays_pending_across_immediate_exit),
	KUNIT_CASE(immediate_exit_survives_delivery),
	KUNIT_CASE(immediate_exit_is_seen_before_each_entry),
	KUNIT_CASE(undelivered_exit_comes_with_the_next_call),
	KUNIT_CASE(irq_and_gz_exits_reenter),
	KUNIT_CASE(run_with_a_reason_is_an_exit),
	KUNIT_CASE(failed_run_is_an_errno),
	KUNIT_CASE(signal_keeps_the_guest_out),
	KUNIT_CASE(signal_during_a_run_ends_the_loop),
	KUNIT_CASE(exit_for_the_vmm_wins_over_a_signal),
	KUNIT_CASE(second_runner_waits),
	KUNIT_CASE(killed_waiter_does_nothing),
	{}
};

static struct kunit_suite run_suite = {
	.name = "gzvm-run",
	.init = gzvm_fake_init,
	.test_cases = run_cases,
};

kunit_test_suites(&run_suite);
