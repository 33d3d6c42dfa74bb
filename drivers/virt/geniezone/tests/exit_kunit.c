// SPDX-License-Identifier: GPL-2.0
/*
 * Exits: what the VMM gets, and what the driver handles.
 */

#include <linux/clocksource_ids.h>
#include <linux/timekeeping.h>

#include "fake.h"

static u64 peek(struct kunit *test, struct fake_env *env, unsigned int offset,
		unsigned int size)
{
	return gzvm_fake_peek(test, env->run + offset, size);
}

static void expect_internal_error(struct kunit *test, struct fake_env *env,
				  u64 reason, u64 detail)
{
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(env), 0);
	KUNIT_EXPECT_EQ(test, peek(test, env, RUN_REASON, 4), 0x92920007);
	KUNIT_EXPECT_GE(test, peek(test, env, RUN_INTERNAL_NDATA, 4), 1);
	KUNIT_EXPECT_EQ(test, peek(test, env, RUN_INTERNAL_DATA, 8), reason);
	KUNIT_EXPECT_EQ(test, peek(test, env, RUN_INTERNAL_DATA + 8, 8), detail);
}

static void unknown_reason_is_an_internal_error(struct kunit *test)
{
	static const u64 reasons[] = {
		0x92920000, 0x9292000c, 0x9292000e, 0x9292ffff, 0x9291ffff, 0,
		1, ~0ULL, 0x192920001, 0x8000000092920003,
	};
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		gzvm_fake_exit(test, reasons[i]);
		expect_internal_error(test, &env, reasons[i], 0);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), ARRAY_SIZE(reasons));
}

/* MMIO */

static struct fake_exit *mmio_exit(struct kunit *test, u64 size, bool write)
{
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_MMIO);

	/* Bytes that the exit does not use are not zero. */
	memset(exit->page, 0xd5, sizeof(exit->page));
	put_unaligned_le64(0xfedcba9876543210, exit->page + RUN_MMIO_ADDR);
	put_unaligned_le64(size, exit->page + RUN_MMIO_SIZE);
	put_unaligned_le32(0x87654321, exit->page + RUN_MMIO_REG);
	exit->page[RUN_MMIO_IS_WRITE] = write ? 0x80 : 0;
	return exit;
}

static void mmio_write_shows_the_bytes_written(struct kunit *test)
{
	static const u64 data[] = { 0xd5, 0xd5d5, 0xd5d5d5d5, 0xd5d5d5d5d5d5d5d5 };
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(data); i++) {
		mmio_exit(test, 1 << i, true);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), 0x92920001);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_MMIO_ADDR, 8),
				0xfedcba9876543210);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_MMIO_DATA, 8), data[i]);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_MMIO_SIZE, 8), 1 << i);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_MMIO_REG, 4), 0x87654321);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_MMIO_IS_WRITE, 1), 1);
	}
}

static void mmio_read_shows_no_data(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);

	mmio_exit(test, 8, false);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_MMIO_DATA, 8), 0);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_MMIO_IS_WRITE, 1), 0);
}

static void mmio_of_odd_size_is_an_internal_error(struct kunit *test)
{
	static const u64 sizes[] = {
		0, 3, 5, 6, 7, 9, 16, 256, 0x100000008, 1ULL << 63, ~0ULL
	};
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		mmio_exit(test, sizes[i], true);
		expect_internal_error(test, &env, 0x92920001, sizes[i]);
		mmio_exit(test, sizes[i], false);
		expect_internal_error(test, &env, 0x92920001, sizes[i]);
	}
}

/* Nothing of an older exit is left in a newer one. */
static void exits_do_not_leak_into_each_other(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;
	unsigned int i;

	exit = gzvm_fake_exit(test, FAKE_EXIT_DEBUG);
	memset(exit->page, 0x77, sizeof(exit->page));
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	gzvm_fake_exit(test, 0x9292000e);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	for (i = 2; i < 16; i++)
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_INTERNAL_DATA + 8 * i, 8), 0);
}

/* Exits for the VMM */

static void fail_entry_is_passed_on(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_FAIL_ENTRY);

	put_unaligned_le64(0x1122334455667788, exit->page + RUN_FAIL_REASON);
	put_unaligned_le32(0x99aabbcc, exit->page + RUN_FAIL_CPU);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), 0x92920006);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_FAIL_REASON, 8), 0x1122334455667788);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_FAIL_CPU, 4), 0x99aabbcc);
}

static void opaque_exits_are_passed_on_whole(struct kunit *test)
{
	static const u64 reasons[] = { FAKE_EXIT_DEBUG, FAKE_EXIT_SHUTDOWN };
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		exit = gzvm_fake_exit(test, reasons[i]);
		for (j = RUN_UNION; j < RUN_SIZE; j++)
			exit->page[j] = j * 7 + i;
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), reasons[i]);
		for (j = RUN_UNION; j < RUN_SIZE; j++)
			KUNIT_ASSERT_EQ(test, peek(test, &env, j, 1), (u8)(j * 7 + i));
	}
}

/* SYSTEM_EVENT and INTERNAL_ERROR: a number, a count, and as many words */
static void data_words_are_clamped(struct kunit *test)
{
	static const u64 reasons[] = { FAKE_EXIT_SYSTEM_EVENT, FAKE_EXIT_INTERNAL_ERROR };
	static const u32 counts[] = { 0, 1, 15, 16, 17, ~0U };
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit;
	unsigned int r, c, i;
	u64 word;

	for (r = 0; r < ARRAY_SIZE(reasons); r++) {
		for (c = 0; c < ARRAY_SIZE(counts); c++) {
			exit = gzvm_fake_exit(test, reasons[r]);
			memset(exit->page, 0xa7, sizeof(exit->page));
			put_unaligned_le32(3, exit->page + RUN_EVENT_TYPE);
			put_unaligned_le32(counts[c], exit->page + RUN_EVENT_NDATA);
			KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
			KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), reasons[r]);
			KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_EVENT_TYPE, 4), 3);
			KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_EVENT_NDATA, 4),
					min(counts[c], 16U));
			for (i = 0; i < 16; i++) {
				word = i < counts[c] ? 0xa7a7a7a7a7a7a7a7 : 0;
				KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_EVENT_DATA + 8 * i, 8),
						word);
			}
		}
	}
}

static struct fake_exit *exception_exit(struct kunit *test, u32 exception,
					u64 gpa)
{
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_EXCEPTION);

	put_unaligned_le32(exception, exit->page + RUN_EXCEPTION);
	put_unaligned_le32(0x8765, exit->page + RUN_EXCEPTION_ERROR);
	put_unaligned_le64(gpa, exit->page + RUN_EXCEPTION_GPA);
	return exit;
}

static void exception_that_is_no_page_fault_is_the_vmms(struct kunit *test)
{
	static const u32 exceptions[] = { 0, 2, ~0U };
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);
	struct fake_exit *exit;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	for (i = 0; i < ARRAY_SIZE(exceptions); i++) {
		exit = exception_exit(test, exceptions[i], FAKE_GPA);
		put_unaligned_le64(0x55aa, exit->page + RUN_SIZE - 8);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_SIZE - 8, 8), 0x55aa);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), 0x92920004);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_EXCEPTION, 4), exceptions[i]);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST_BLOCK), 0);
}

static void page_fault_outside_of_slots_is_the_vmms(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct fake_exit *exit = exception_exit(test, 1, 0x1234567000);

	put_unaligned_le64(0x55aa, exit->page + RUN_SIZE - 8);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), 0x92920004);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_EXCEPTION, 4), 1);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_EXCEPTION_ERROR, 4), 0x8765);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_EXCEPTION_GPA, 8), 0x1234567000);
	/* The reserved words are zero, whatever the shared page has there. */
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_SIZE - 8, 8), 0);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.faults, 0);
}

static void page_fault_in_a_slot_is_served(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);

	gzvm_fake_mark(test, addr, 1);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	exception_exit(test, 1, FAKE_GPA + 0xabc);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), FAKE_EXIT_SYSTEM_EVENT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
	KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, FAKE_GPA / FAKE_PAGE)),
			addr >> PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.faults, 1);
}

/* Usually another vCPU has got the page: the thread goes on. */
static void page_fault_on_each_page_that_the_guest_has_is_nothing_special(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, 2 * FAKE_PAGE);
	unsigned long switches;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, 2 * FAKE_PAGE,
					     addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_memslot_fault(env.vm, FAKE_GPA), 0);
	KUNIT_ASSERT_GE(test, gzvm_memslot_fault(env.vm, FAKE_GPA + FAKE_PAGE), 0);
	for (i = 0; i < 40; i++)
		exception_exit(test, 1, FAKE_GPA + i % 2 * FAKE_PAGE);
	switches = current->nvcsw;
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, current->nvcsw, switches);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.faults, 40);
}

/* Another vCPU may have given the page up: that vCPU's thread must be able to run. */
static void page_fault_again_and_again_sleeps(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);
	unsigned long switches;
	unsigned int i;
	ktime_t start;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_memslot_fault(env.vm, FAKE_GPA), 0);
	KUNIT_ASSERT_EQ(test, gzvm_memslot_fault(env.vm, FAKE_GPA), GZVM_HAD_PAGE);
	for (i = 0; i < 10; i++)
		exception_exit(test, 1, FAKE_GPA);
	switches = current->nvcsw;
	start = ktime_get();
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	/* A short sleep may end before the thread has given up the CPU. */
	KUNIT_EXPECT_GT(test, current->nvcsw, switches);
	KUNIT_EXPECT_GE(test, ktime_us_delta(ktime_get(), start),
			80 + 160 + 320 + 640 + 1280 + 2560 + 5120 + 2 * 10000);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.faults, 10);
}

/* As when the page took its owner's group over memory.high */
static void page_fault_with_work_for_the_host_restarts(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);
	bool signal;
	int ret;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	exception_exit(test, 1, FAKE_GPA);
	set_thread_flag(TIF_NOTIFY_RESUME);
	ret = gzvm_fake_run(&env);
	signal = test_and_clear_thread_flag(TIF_NOTIFY_SIGNAL);
	clear_thread_flag(TIF_NOTIFY_RESUME);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_TRUE(test, signal);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);
	/* The fault has been handled. */
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.faults, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.faults, 1);
}

static void signal_now(struct gzvm_fake *fake, void *data)
{
	set_thread_flag(TIF_SIGPENDING);
}

/* While EL2 is busy, a signal is handled as before each entry. */
static void signal_comes_before_a_fault_that_waits(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);
	struct fake_exit *exit;
	int ret;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	exit = exception_exit(test, 1, FAKE_GPA);
	exit->hook = signal_now;
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 1100, FAKE_BUSY);
	ret = gzvm_fake_run(&env);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_INFORM_EXIT), 1);
	KUNIT_EXPECT_EQ(test, env.vcpu->stats.faults, 0);
}

static void page_fault_that_cannot_be_served_is_an_errno(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);
	unsigned long gone = gzvm_fake_mmap(test, FAKE_PAGE);

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	exception_exit(test, 1, FAKE_GPA);
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -ENOMEM);
	/* Another one: EL2 may have a part of a large page that it has refused. */
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 1, FAKE_GPA + FAKE_BLOCK,
					     FAKE_PAGE, gone), 0);
	KUNIT_ASSERT_EQ(test, vm_munmap(gone, FAKE_PAGE), 0);
	exception_exit(test, 1, FAKE_GPA + FAKE_BLOCK);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 2);
}

/* Hypercalls of the guest */

static struct fake_exit *hypercall_exit(struct kunit *test, u64 id, u64 arg)
{
	struct fake_exit *exit = gzvm_fake_exit(test, FAKE_EXIT_HYPERCALL);
	unsigned int i;

	for (i = 0; i < 8; i++)
		put_unaligned_le64(0x100 + i, exit->page + RUN_HYPERCALL_ARGS + 8 * i);
	put_unaligned_le64(id, exit->page + RUN_HYPERCALL_ARGS);
	put_unaligned_le64(arg, exit->page + RUN_HYPERCALL_ARGS + 8);
	return exit;
}

/* x0 to x7 as the guest gets them at its entry after the hypercall */
static void hypercall_results(struct kunit *test, u64 x[8])
{
	const struct fake_call *call = gzvm_fake_nth(test, FAKE_RUN, 2);
	unsigned int i;

	for (i = 0; i < 8; i++)
		x[i] = get_unaligned_le64(call->buf + RUN_HYPERCALL_ARGS + 8 * i);
}

static void unknown_hypercall_is_the_vmms(struct kunit *test)
{
	static const u64 ids[] = { 0x84000000, 0, ~0ULL, 0xc6000002, 0x86000002, 0xc6000008 };
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i, j;
	u64 x[8];

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		gzvm_fake_forget(test);
		hypercall_exit(test, ids[i], 0x101);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), 0x92920002);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_HYPERCALL_ARGS, 8), ids[i]);
		for (j = 1; j < 8; j++)
			KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_HYPERCALL_ARGS + 8 * j, 8),
					0x100 + j);
		for (j = 0; j < 8; j++)
			gzvm_fake_poke(test, env.run + RUN_HYPERCALL_ARGS + 8 * j, 8,
				       ~(u64)j);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		hypercall_results(test, x);
		for (j = 0; j < 8; j++)
			KUNIT_EXPECT_EQ(test, x[j], ~(u64)j);
	}
}

static u64 physical_counter(struct kunit *test)
{
	struct system_time_snapshot snap;

	ktime_get_snapshot_id(CLOCK_REALTIME, &snap);
	KUNIT_ASSERT_EQ(test, snap.cs_id, CSID_ARM_ARCH_COUNTER);
	return snap.cycles;
}

static void ptp_tells_time_and_counter(struct kunit *test)
{
	static const u64 offset = 0x123456789abcdef;
	struct fake_env env = gzvm_fake_env(test);
	u64 x[8], before, after, ns, real, cycles;
	unsigned int i;

	put_unaligned_le64(offset, (u8 *)env.vcpu->hwstate + HW_VTIMER_OFFSET);
	for (i = 0; i < 2; i++) {
		gzvm_fake_forget(test);
		hypercall_exit(test, 0x86000001, i);
		real = ktime_get_real_ns();
		before = physical_counter(test);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		after = physical_counter(test);
		KUNIT_EXPECT_EQ(test, peek(test, &env, RUN_REASON, 4), FAKE_EXIT_SYSTEM_EVENT);
		hypercall_results(test, x);

		ns = x[0] << 32 | x[1];
		cycles = x[2] << 32 | x[3];
		/* 0 is the virtual counter, which lags behind. */
		if (!i)
			cycles += offset;
		KUNIT_EXPECT_EQ(test, x[0] >> 32, 0);
		KUNIT_EXPECT_EQ(test, x[1] >> 32, 0);
		KUNIT_EXPECT_EQ(test, x[3] >> 32, 0);
		KUNIT_EXPECT_GE(test, ns, real);
		KUNIT_EXPECT_LE(test, ns, ktime_get_real_ns());
		KUNIT_EXPECT_GE(test, cycles, before);
		KUNIT_EXPECT_LE(test, cycles, after);
		KUNIT_EXPECT_EQ(test, x[4], 0x104);
	}
}

static void ptp_of_another_counter_is_not_supported(struct kunit *test)
{
	static const u64 counters[] = { 2, 0x100000002, ~0ULL };
	struct fake_env env = gzvm_fake_env(test);
	unsigned int i;
	u64 x[8];

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		gzvm_fake_forget(test);
		hypercall_exit(test, 0x86000001, counters[i]);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		hypercall_results(test, x);
		KUNIT_EXPECT_EQ(test, x[0], ~0ULL);
	}
}

static void relinquish_unpins_the_page(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	unsigned long addr = gzvm_fake_mmap(test, 4 * FAKE_PAGE);
	const u64 gpa = FAKE_GPA + 2 * FAKE_PAGE;
	u64 pfn, x[8];
	unsigned int i;

	gzvm_fake_no_huge(test);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, 4 * FAKE_PAGE, addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_memslot_fault(env.vm, FAKE_GPA), 0);
	pfn = gzvm_fake_pfn(test, FAKE_GPA / FAKE_PAGE + 2);

	/* The upper half of x0 does not count. */
	for (i = 0; i < FAKE_PER_PAGE; i++) {
		gzvm_fake_forget(test);
		KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
		hypercall_exit(test, 0xc6000009, gpa + i * FAKE_HYP_PAGE);
		KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
		hypercall_results(test, x);
		KUNIT_EXPECT_EQ(test, x[0], 0);
		KUNIT_EXPECT_EQ(test, x[1], gpa + i * FAKE_HYP_PAGE);
	}
	KUNIT_EXPECT_FALSE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 3);
}

static void relinquish_of_another_page_is_invalid(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	u64 x[8];

	hypercall_exit(test, 0xc6000009, 0x1234000);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	hypercall_results(test, x);
	KUNIT_EXPECT_EQ(test, x[0], (u64)-3);
}

/* The VMM's structure is not an answer to an exit that the VMM did not get. */
static void served_hypercall_takes_nothing_from_the_vmm(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	u64 x[8];

	hypercall_exit(test, 0xc6000009, 0x1234000);
	gzvm_fake_poke(test, env.run + RUN_HYPERCALL_ARGS, 8, 0xbad);
	gzvm_fake_poke(test, env.run + RUN_HYPERCALL_ARGS + 8, 8, 0xbad);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), 0);
	hypercall_results(test, x);
	KUNIT_EXPECT_EQ(test, x[0], (u64)-3);
	KUNIT_EXPECT_EQ(test, x[1], 0x1234000);
}

static struct kunit_case exit_cases[] = {
	KUNIT_CASE(unknown_reason_is_an_internal_error),
	KUNIT_CASE(mmio_write_shows_the_bytes_written),
	KUNIT_CASE(mmio_read_shows_no_data),
	KUNIT_CASE(mmio_of_odd_size_is_an_internal_error),
	KUNIT_CASE(exits_do_not_leak_into_each_other),
	KUNIT_CASE(fail_entry_is_passed_on),
	KUNIT_CASE(opaque_exits_are_passed_on_whole),
	KUNIT_CASE(data_words_are_clamped),
	KUNIT_CASE(exception_that_is_no_page_fault_is_the_vmms),
	KUNIT_CASE(page_fault_outside_of_slots_is_the_vmms),
	KUNIT_CASE(page_fault_in_a_slot_is_served),
	KUNIT_CASE(page_fault_on_each_page_that_the_guest_has_is_nothing_special),
	KUNIT_CASE(page_fault_again_and_again_sleeps),
	KUNIT_CASE(page_fault_with_work_for_the_host_restarts),
	KUNIT_CASE(signal_comes_before_a_fault_that_waits),
	KUNIT_CASE(page_fault_that_cannot_be_served_is_an_errno),
	KUNIT_CASE(unknown_hypercall_is_the_vmms),
	KUNIT_CASE(ptp_tells_time_and_counter),
	KUNIT_CASE(ptp_of_another_counter_is_not_supported),
	KUNIT_CASE(relinquish_unpins_the_page),
	KUNIT_CASE(relinquish_of_another_page_is_invalid),
	KUNIT_CASE(served_hypercall_takes_nothing_from_the_vmm),
	{}
};

static struct kunit_suite exit_suite = {
	.name = "gzvm-exit",
	.init = gzvm_fake_init,
	.test_cases = exit_cases,
};

kunit_test_suites(&exit_suite);
