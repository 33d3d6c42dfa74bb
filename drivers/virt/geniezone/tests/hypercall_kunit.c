// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercall layer alone: registers in, registers out, status to errno.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/irqflags.h>

#include <asm/arch_timer.h>
#include <asm/timex.h>

#include "../gzvm.h"

/**
 * struct capture - stands for EL2
 * @call: the last call
 * @count: how many there were
 * @kept: the call before it, if @first was set
 * @first: keep the next call
 * @old: it knows the ids of older generations only
 * @x: x0 to x3 of the answer
 * @hw: second page shared with a vCPU
 */
struct capture {
	struct gzvm_call call;
	unsigned int count;
	struct gzvm_call kept;
	bool first;
	bool old;
	unsigned long x[4];
	struct gzvm_hyp_hwstate hw;
};

static void capture_smccc(struct gzvm_call *call)
{
	struct capture *capture = kunit_get_current_test()->priv;

	capture->call = *call;
	capture->count++;
	if (capture->first)
		capture->kept = *call;
	capture->first = false;
	call->res.a0 = capture->old && call->id >> 24 != 0xbb ? -1 : capture->x[0];
	call->res.a1 = capture->x[1];
	call->res.a2 = capture->x[2];
	call->res.a3 = capture->x[3];
}

/* All later calls are made for the generation that is found here. */
static int probe_anew(struct capture *capture, bool old)
{
	struct gzvm_version version;
	int ret;

	capture->old = old;
	ret = gzvm_hc_probe(&version);
	capture->count = 0;
	return ret;
}

static int hypercall_init(struct kunit *test)
{
	struct capture *capture;

	capture = kunit_kzalloc(test, sizeof(*capture), GFP_KERNEL);
	if (!capture)
		return -ENOMEM;
	test->priv = capture;
	kunit_activate_static_stub(test, gzvm_smccc, capture_smccc);
	return probe_anew(capture, false);
}

static void expect_call(struct kunit *test, unsigned int nr, const u64 args[7])
{
	struct capture *capture = test->priv;

	KUNIT_EXPECT_EQ(test, capture->count, 1);
	KUNIT_EXPECT_EQ(test, (unsigned int)capture->call.nr, nr);
	KUNIT_EXPECT_MEMEQ(test, capture->call.args, args, 7 * sizeof(u64));
	capture->count = 0;
}

/* The call has the id of number @nr. */
#define EXPECT_ID(nr, made) do {					\
	(void)(made);							\
	KUNIT_EXPECT_EQ(test, capture->call.id, 0xfb001000 + (nr));	\
} while (0)

#define EXPECT_CALL(test, nr, ...) do {					\
	const u64 __args[7] = { __VA_ARGS__ };				\
									\
	expect_call(test, nr, __args);					\
} while (0)

/* Bit 16 would be a hint of SMCCC 1.3. An EL2 may compare the whole id. */
static void function_ids_are_owner_59_and_no_more(struct kunit *test)
{
	static const u64 args[5];
	struct capture *capture = test->priv;
	struct gzvm_busy busy = {};
	struct gzvm_run run;
	u64 value;
	bool has;
	u16 id;

	EXPECT_ID(0, gzvm_hc_create_vm(0, &id));
	EXPECT_ID(1, gzvm_hc_destroy_vm(1, 1));
	EXPECT_ID(2, gzvm_hc_create_vcpu(1, 0, 0, &has));
	EXPECT_ID(3, gzvm_hc_destroy_vcpu(1, 0));
	EXPECT_ID(4, gzvm_hc_set_memregion(1, 0, 0, &busy));
	EXPECT_ID(8, gzvm_hc_get_one_reg(1, 0, 0, &value));
	EXPECT_ID(9, gzvm_hc_set_one_reg(1, 0, 0, 0));
	EXPECT_ID(10, gzvm_hc_irq_line(1, 0, 0, 0));
	EXPECT_ID(11, gzvm_hc_create_device(1, 0));
	EXPECT_ID(13, gzvm_hc_enable_cap(1, 0, args, NULL));
	EXPECT_ID(14, gzvm_hc_inform_exit(1));
	EXPECT_ID(15, gzvm_hc_memregion_purpose(1, 0, 0, 0));
	EXPECT_ID(16, gzvm_hc_set_dtb_config(1, 0, 0));
	EXPECT_ID(17, gzvm_hc_map_guest(1, 0, 0, 0, 0, &busy));
	EXPECT_ID(18, gzvm_hc_map_guest_block(1, 0, 0, 0, &busy));
	EXPECT_ID(19, gzvm_hc_get_statistics(1, &value, &value));

	gzvm_hc_run_init(&run, 1, 0, &capture->hw);
	local_irq_disable();
	(void)gzvm_hc_run(&run, &value);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, capture->call.id, 0xfb001005);
}

static void status_becomes_errno(struct kunit *test)
{
	static const struct {
		int status;
		int error;
	} table[] = {
		{ 0, 0 },
		{ -5, -ENOMEM },
		{ -8, -EINVAL },
		{ -24, -EOPNOTSUPP },
		{ -27, -EOPNOTSUPP },
		{ -1, -EINVAL },
		{ -33, -EAGAIN },
		{ -40, -EFAULT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ(test, gzvm_hyp_errno(table[i].status),
				table[i].error);
}

static void unknown_status_is_einval(struct kunit *test)
{
	static const int known[] = { 0, -5, -8, -24, -27, -33, -40 };
	static const int odd[] = { INT_MIN, INT_MAX, INT_MIN + 40 };
	unsigned int i;
	bool skip;
	int s;

	for (s = -100; s <= 100; s++) {
		for (i = 0, skip = false; i < ARRAY_SIZE(known); i++)
			skip |= s == known[i];
		if (!skip)
			KUNIT_EXPECT_EQ_MSG(test, gzvm_hyp_errno(s), -EINVAL,
					    "status %d", s);
	}
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		KUNIT_EXPECT_EQ(test, gzvm_hyp_errno(odd[i]), -EINVAL);
}

/* EL2 returns an int: the upper half of x0 may have any value. */
static void status_is_the_lower_half_of_x0(struct kunit *test)
{
	static const u64 upper[] = { 0, 0xffffffff, 0xdeadbeef, 1 };
	struct capture *capture = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(upper); i++) {
		capture->x[0] = upper[i] << 32;
		KUNIT_EXPECT_EQ(test, gzvm_hc_destroy_vm(1, 1), 0);
		capture->x[0] = upper[i] << 32 | (u32)-33;
		KUNIT_EXPECT_EQ(test, gzvm_hc_destroy_vm(1, 1), -EAGAIN);
		capture->x[0] = upper[i] << 32 | (u32)-5;
		KUNIT_EXPECT_EQ(test, gzvm_hc_destroy_vm(1, 1), -ENOMEM);
		capture->x[0] = upper[i] << 32 | (u32)-1;
		KUNIT_EXPECT_EQ(test, gzvm_hc_destroy_vm(1, 1), -EINVAL);
	}
}

static void probe_announces_version_16(struct kunit *test)
{
	struct capture *capture = test->priv;
	struct gzvm_version version;

	memcpy(capture->x, (unsigned long[]){ 0, 7, 8, 9 }, sizeof(capture->x));
	KUNIT_EXPECT_EQ(test, gzvm_hc_probe(&version), 0);
	EXPECT_CALL(test, 12, 16, 0, 0);
	KUNIT_EXPECT_EQ(test, version.major, 7);
	KUNIT_EXPECT_EQ(test, version.minor, 8);
	KUNIT_EXPECT_EQ(test, version.sub, 9);
}

/* -1 is SMCCC's NOT_SUPPORTED: another hypervisor is at EL2. */
static void probe_error_means_no_geniezone(struct kunit *test)
{
	static const long statuses[] = { -1, -5, -24, 1 };
	struct capture *capture = test->priv;
	struct gzvm_version version;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		capture->x[0] = statuses[i];
		KUNIT_EXPECT_EQ(test, gzvm_hc_probe(&version), -ENODEV);
	}
}

static void create_vm_returns_id(struct kunit *test)
{
	struct capture *capture = test->priv;
	u16 vm_id = 0;

	capture->x[1] = 0xfffe;
	KUNIT_EXPECT_EQ(test, gzvm_hc_create_vm(3, &vm_id), 0);
	EXPECT_CALL(test, 0, 3);
	KUNIT_EXPECT_EQ(test, vm_id, 0xfffe);
}

static void vm_calls_pass_id_and_arguments(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, gzvm_hc_destroy_vm(0xffff, 128), 0);
	EXPECT_CALL(test, 1, 0xffff, 128);
	KUNIT_EXPECT_EQ(test, gzvm_hc_inform_exit(0xfffe), 0);
	EXPECT_CALL(test, 14, 0xfffe);
	KUNIT_EXPECT_EQ(test, gzvm_hc_set_dtb_config(2, 0x8300000000, 0x200000), 0);
	EXPECT_CALL(test, 16, 2, 0x8300000000, 0x200000);
	KUNIT_EXPECT_EQ(test, gzvm_hc_create_device(3, 0x123456789000), 0);
	EXPECT_CALL(test, 11, 3, 0x123456789000);
}

static void vcpu_calls_pass_the_tuple(struct kunit *test)
{
	struct capture *capture = test->priv;
	u64 reason = 0;
	struct gzvm_run run;
	bool has;
	int ret;

	KUNIT_EXPECT_EQ(test, gzvm_hc_create_vcpu(0xffff, 0x8001, 0x45678000, &has), 0);
	EXPECT_CALL(test, 2, 0xffff8001, 0x45678000);
	gzvm_hc_destroy_vcpu(0xffff, 0x8001);
	EXPECT_CALL(test, 3, 0xffff8001);
	KUNIT_EXPECT_EQ(test, gzvm_hc_set_one_reg(0x8000, 63, ~1ULL, ~2ULL), 0);
	EXPECT_CALL(test, 9, 0x8000003f, ~1ULL, ~2ULL);
	KUNIT_EXPECT_EQ(test, gzvm_hc_irq_line(1, 2, 987, true), 0);
	EXPECT_CALL(test, 10, 0x10002, 987, 1);
	KUNIT_EXPECT_EQ(test, gzvm_hc_irq_line(1, 2, 0, false), 0);
	EXPECT_CALL(test, 10, 0x10002, 0, 0);

	local_irq_disable();
	gzvm_hc_run_init(&run, 0x8001, 5, &capture->hw);
	ret = gzvm_hc_run(&run, &reason);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, ret, 0);
	EXPECT_CALL(test, 5, 0x80010005);
}

static void memory_calls_pass_all_arguments(struct kunit *test)
{
	struct gzvm_busy busy = {};

	KUNIT_EXPECT_EQ(test, gzvm_hc_set_memregion(9, 8192, 0x4000, &busy), 0);
	EXPECT_CALL(test, 4, 9, 8192, 0x4000);
	KUNIT_EXPECT_EQ(test, gzvm_hc_memregion_purpose(9, 0x80000000, 0x1000, 4), 0);
	EXPECT_CALL(test, 15, 9, 0x80000000, 0x1000, 4);
	KUNIT_EXPECT_EQ(test, gzvm_hc_map_guest(9, 511, 0x1111, 0x2222, 0x3333, &busy), 0);
	EXPECT_CALL(test, 17, 9, 511, 0x1111, 0x2222, 0x3333);
	KUNIT_EXPECT_EQ(test, gzvm_hc_map_guest_block(9, 511, 0x2222, 512, &busy), 0);
	EXPECT_CALL(test, 18, 9, 511, 0x2222, 512);
}

static void enable_cap_passes_five_arguments(struct kunit *test)
{
	static const u64 args[5] = { 11, 12, 13, 14, 15 };
	struct capture *capture = test->priv;
	u64 result = 0;

	capture->x[1] = 77;
	KUNIT_EXPECT_EQ(test, gzvm_hc_enable_cap(6, 0xffbadab1, args, &result), 0);
	EXPECT_CALL(test, 13, 6, 0xffbadab1, 11, 12, 13, 14, 15);
	KUNIT_EXPECT_EQ(test, result, 77);
	KUNIT_EXPECT_EQ(test, gzvm_hc_enable_cap(6, 0x9202, args, NULL), 0);
	EXPECT_CALL(test, 13, 6, 0x9202, 11, 12, 13, 14, 15);
}

static void results_are_x1_and_x2(struct kunit *test)
{
	struct capture *capture = test->priv;
	u64 value = 0, other = 0;
	struct gzvm_run run;
	int ret;

	memcpy(capture->x, (unsigned long[]){ 0, ~5UL, ~6UL, 0 },
	       sizeof(capture->x));
	KUNIT_EXPECT_EQ(test, gzvm_hc_get_one_reg(1, 2, 0x42, &value), 0);
	EXPECT_CALL(test, 8, 0x10002, 0x42);
	KUNIT_EXPECT_EQ(test, value, ~5ULL);

	KUNIT_EXPECT_EQ(test, gzvm_hc_get_statistics(4, &value, &other), 0);
	EXPECT_CALL(test, 19, 4);
	KUNIT_EXPECT_EQ(test, value, ~5ULL);
	KUNIT_EXPECT_EQ(test, other, ~6ULL);

	local_irq_disable();
	gzvm_hc_run_init(&run, 1, 2, &capture->hw);
	ret = gzvm_hc_run(&run, &other);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, other, ~5ULL);
}

static void failed_call_leaves_results_alone(struct kunit *test)
{
	static const u64 args[5];
	struct capture *capture = test->priv;
	u64 value = 1, other = 2;
	u16 vm_id = 3;
	struct gzvm_run run;
	int ret;

	memcpy(capture->x, (unsigned long[]){ -5UL, 91, 92, 93 },
	       sizeof(capture->x));
	KUNIT_EXPECT_EQ(test, gzvm_hc_create_vm(0, &vm_id), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_hc_get_one_reg(1, 2, 0, &value), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_hc_enable_cap(1, 2, args, &value), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_hc_get_statistics(4, &value, &other), -ENOMEM);
	local_irq_disable();
	gzvm_hc_run_init(&run, 1, 2, &capture->hw);
	ret = gzvm_hc_run(&run, &value);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_EQ(test, value, 1);
	KUNIT_EXPECT_EQ(test, other, 2);
	KUNIT_EXPECT_EQ(test, vm_id, 3);
}

static void put_vtimer(struct capture *capture, unsigned int delay_at,
		       unsigned int migrate_at, u64 delay)
{
	u8 *hw = (u8 *)&capture->hw;

	memset(hw, 0, sizeof(capture->hw));
	*(__le64 *)(hw + delay_at) = cpu_to_le64(delay);
	*(__le32 *)(hw + migrate_at) = cpu_to_le32(1);
}

static void vtimer_is_where_el2_has_it(struct kunit *test)
{
	struct capture *capture = test->priv;
	u64 delay = 0, offset = 0;

	put_vtimer(capture, 144, 152, 0x123456789);
	*(__le64 *)((u8 *)&capture->hw + 136) = cpu_to_le64(0x987654321);
	KUNIT_EXPECT_TRUE(test, gzvm_hw_vtimer(&capture->hw, &delay));
	KUNIT_EXPECT_EQ(test, delay, 0x123456789);
	KUNIT_EXPECT_TRUE(test, gzvm_hw_vtimer_offset(&capture->hw, &offset));
	KUNIT_EXPECT_EQ(test, offset, 0x987654321);
	put_vtimer(capture, 136, 144, 5);
	KUNIT_EXPECT_FALSE(test, gzvm_hw_vtimer(&capture->hw, &delay));

	KUNIT_ASSERT_EQ(test, probe_anew(capture, true), 0);
	put_vtimer(capture, 136, 144, 0x123456789);
	KUNIT_EXPECT_TRUE(test, gzvm_hw_vtimer(&capture->hw, &delay));
	KUNIT_EXPECT_EQ(test, delay, 0x123456789);
	KUNIT_EXPECT_FALSE(test, gzvm_hw_vtimer_offset(&capture->hw, &offset));
	put_vtimer(capture, 144, 152, 0);
	KUNIT_EXPECT_FALSE(test, gzvm_hw_vtimer(&capture->hw, &delay));
}

static int run_once(struct gzvm_run *run)
{
	u64 reason;
	int ret;

	local_irq_disable();
	ret = gzvm_hc_run(run, &reason);
	local_irq_enable();
	return ret;
}

/* After other errors it is unknown what EL2 has done. */
static void refusals_do_nothing(struct kunit *test)
{
	static const struct {
		long status;
		bool unclear;
	} table[] = {
		{ 0, false }, { -5, false }, { -8, false }, { -24, false }, { -27, false },
		{ -1, false }, { -40, true }, { -99, true }, { 1, true },
	};
	struct capture *capture = test->priv;
	struct gzvm_busy busy;
	unsigned int i;
	bool has;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		capture->x[0] = table[i].status;
		busy = (struct gzvm_busy){};
		(void)gzvm_hc_map_guest(1, 2, 3, 4, 5, &busy);
		KUNIT_EXPECT_EQ(test, busy.unclear, table[i].unclear);
		busy = (struct gzvm_busy){};
		(void)gzvm_hc_map_guest_block(1, 2, 3, 4, &busy);
		KUNIT_EXPECT_EQ(test, busy.unclear, table[i].unclear);
		busy = (struct gzvm_busy){};
		(void)gzvm_hc_set_memregion(1, 2, 3, &busy);
		KUNIT_EXPECT_EQ(test, busy.unclear, table[i].unclear);
		if (gzvm_hc_create_vcpu(1, 2, 3, &has))
			KUNIT_EXPECT_EQ(test, has, table[i].unclear);
	}
}

/* VM 0x9292: its argument looks like an exit reason, and EL2 may leave it in x1. */
static void argument_of_run_is_no_reason(struct kunit *test)
{
	struct capture *capture = test->priv;
	struct gzvm_run run;

	gzvm_hc_run_init(&run, 0x9292, 1, &capture->hw);
	capture->x[1] = 0x92920001;
	capture->x[0] = -5UL;
	KUNIT_EXPECT_EQ(test, run_once(&run), -ENOMEM);
	capture->x[0] = 0;
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
	capture->x[1] = 0x92920002;
	capture->x[0] = -5UL;
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
}

/* EL2 may not clear the timer that it reported at an earlier exit. */
static void entry_forgets_the_vtimer(struct kunit *test)
{
	struct capture *capture = test->priv;
	struct gzvm_run run;
	u64 delay;

	gzvm_hc_run_init(&run, 1, 2, &capture->hw);
	put_vtimer(capture, 144, 152, 0x123456789);
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
	KUNIT_EXPECT_FALSE(test, gzvm_hw_vtimer(&capture->hw, &delay));
	KUNIT_EXPECT_EQ(test, delay, 0);

	KUNIT_ASSERT_EQ(test, probe_anew(capture, true), 0);
	gzvm_hc_run_init(&run, 1, 2, &capture->hw);
	put_vtimer(capture, 136, 144, 0x123456789);
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
	KUNIT_EXPECT_FALSE(test, gzvm_hw_vtimer(&capture->hw, &delay));
	KUNIT_EXPECT_EQ(test, delay, 0);
}

static void limits_are_those_of_shipped_drivers(struct kunit *test)
{
	static const long statuses[] = { -1, -5, -8, -24, -27, -33, -40, 1 };
	struct capture *capture = test->priv;
	struct gzvm_limits limits;
	unsigned int i;

	capture->x[1] = 0x1000040;
	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		capture->x[0] = statuses[i];
		gzvm_hc_limits(&limits);
		EXPECT_CALL(test, 13, 0, 0x9290);
		KUNIT_EXPECT_FALSE(test, limits.announced);
		KUNIT_EXPECT_EQ(test, limits.vcpus, 8);
		KUNIT_EXPECT_EQ(test, limits.slots, 10);
	}
	capture->x[0] = 0;
	capture->x[1] = 0xffffffff01230045;
	gzvm_hc_limits(&limits);
	KUNIT_EXPECT_TRUE(test, limits.announced);
	KUNIT_EXPECT_EQ(test, limits.vcpus, 0x45);
	KUNIT_EXPECT_EQ(test, limits.slots, 0x123);
}

/* Older generations */

static void older_el2_is_found(struct kunit *test)
{
	struct capture *capture = test->priv;
	struct gzvm_version version;

	capture->old = true;
	memcpy(capture->x, (unsigned long[]){ 0, 3, 2, 1 }, sizeof(capture->x));
	KUNIT_EXPECT_EQ(test, gzvm_hc_probe(&version), 0);
	KUNIT_EXPECT_EQ(test, capture->count, 2);
	capture->count = 1;
	EXPECT_CALL(test, 12, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, capture->call.id, 0xbb00100c);
	KUNIT_EXPECT_EQ(test, version.major, 3);
	KUNIT_EXPECT_EQ(test, version.sub, 1);

	KUNIT_EXPECT_EQ(test, gzvm_hc_set_dtb_config(1, 2, 3), 0);
	KUNIT_EXPECT_EQ(test, capture->call.id, 0xbb001010);
	/* The next probe finds the other one. */
	KUNIT_EXPECT_EQ(test, probe_anew(capture, false), 0);
	KUNIT_EXPECT_EQ(test, gzvm_hc_set_dtb_config(1, 2, 3), 0);
	KUNIT_EXPECT_EQ(test, capture->call.id, 0xfb001010);
}

static void older_el2_takes_intids(struct kunit *test)
{
	struct capture *capture = test->priv;

	KUNIT_ASSERT_EQ(test, probe_anew(capture, true), 0);
	KUNIT_EXPECT_EQ(test, gzvm_hc_irq_line(1, 2, 987, true), 0);
	EXPECT_CALL(test, 10, 0x10002, 1019, 1);
	KUNIT_EXPECT_EQ(test, capture->call.id, 0xbb00100a);
	KUNIT_EXPECT_EQ(test, gzvm_hc_irq_line(1, 2, 0, false), 0);
	EXPECT_CALL(test, 10, 0x10002, 32, 0);
}

static void older_el2_need_not_know_of_regions(struct kunit *test)
{
	static const long unknown[] = { -1, -24, -27 };
	struct capture *capture = test->priv;
	struct gzvm_busy busy = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		KUNIT_ASSERT_EQ(test, probe_anew(capture, false), 0);
		capture->x[0] = unknown[i];
		KUNIT_EXPECT_LT(test, gzvm_hc_memregion_purpose(1, 0, 0x1000, 0), 0);
		KUNIT_EXPECT_LT(test, gzvm_hc_register_memregion(1, 8192, 0), 0);
		capture->x[0] = 0;
		KUNIT_ASSERT_EQ(test, probe_anew(capture, true), 0);
		capture->x[0] = unknown[i];
		KUNIT_EXPECT_EQ(test, gzvm_hc_memregion_purpose(1, 0, 0x1000, 0), 0);
		KUNIT_EXPECT_EQ(test, gzvm_hc_register_memregion(1, 8192, 0), 0);
		KUNIT_EXPECT_LT(test, gzvm_hc_set_memregion(1, 8192, 0, &busy), 0);
		capture->x[0] = 0;
	}
	capture->x[0] = -8L;
	KUNIT_EXPECT_EQ(test, gzvm_hc_memregion_purpose(1, 0, 0x1000, 0), -EINVAL);
}

/* The driver injects a timer that expired while the vCPU was out. */
static void older_el2_gets_the_expired_vtimer(struct kunit *test)
{
	struct capture *capture = test->priv;
	struct gzvm_run run;

	KUNIT_ASSERT_EQ(test, probe_anew(capture, true), 0);
	gzvm_hc_run_init(&run, 1, 2, &capture->hw);
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
	KUNIT_EXPECT_EQ(test, capture->count, 1);

	/* As after an exit that reported a timer */
	run.vtimer_armed = true;
	run.vtimer_due = get_cycles() + 3600ULL * arch_timer_get_cntfrq();
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
	KUNIT_EXPECT_EQ(test, capture->count, 2);

	capture->count = 0;
	run.vtimer_armed = true;
	run.vtimer_due = get_cycles();
	capture->first = true;
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
	KUNIT_EXPECT_EQ(test, capture->count, 2);
	KUNIT_EXPECT_EQ(test, (unsigned int)capture->kept.nr, 10);
	KUNIT_EXPECT_EQ(test, capture->kept.id, 0xbb00100a);
	KUNIT_EXPECT_EQ(test, capture->kept.args[0], 0x10002);
	KUNIT_EXPECT_EQ(test, capture->kept.args[1], 27);
	KUNIT_EXPECT_EQ(test, capture->kept.args[2], 1);
	/* Once */
	KUNIT_EXPECT_EQ(test, run_once(&run), 0);
	KUNIT_EXPECT_EQ(test, capture->count, 3);
}

static void structures_have_the_fixed_layout(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sizeof(struct gzvm_hyp_run), 264);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, immediate_exit), 4);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, padding1), 5);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, padding), 8);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, mmio.data), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, mmio.size), 24);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, mmio.reg_nr), 32);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, mmio.is_write), 36);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, fail_entry.cpu), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, exception.error_code), 12);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, exception.fault_gpa), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, internal.ndata), 12);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_run, system_event.data), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_hwstate, nr_lrs), 0);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_hwstate, lr), 8);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_ranges, constituent_cnt), 4);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_ranges, total_pages), 8);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_ranges, gpa), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_ranges, constituents), 24);
	KUNIT_EXPECT_EQ(test, sizeof(struct gzvm_hyp_constituent), 16);
	KUNIT_EXPECT_EQ(test, GZVM_RANGES_MAX, 510);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_device, dev_addr), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_device, dev_reg_size), 24);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_device, attr_addr), 32);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_device, attr_size), 40);
}

static struct kunit_case hypercall_cases[] = {
	KUNIT_CASE(function_ids_are_owner_59_and_no_more),
	KUNIT_CASE(status_becomes_errno),
	KUNIT_CASE(unknown_status_is_einval),
	KUNIT_CASE(status_is_the_lower_half_of_x0),
	KUNIT_CASE(probe_announces_version_16),
	KUNIT_CASE(probe_error_means_no_geniezone),
	KUNIT_CASE(create_vm_returns_id),
	KUNIT_CASE(vm_calls_pass_id_and_arguments),
	KUNIT_CASE(vcpu_calls_pass_the_tuple),
	KUNIT_CASE(memory_calls_pass_all_arguments),
	KUNIT_CASE(enable_cap_passes_five_arguments),
	KUNIT_CASE(results_are_x1_and_x2),
	KUNIT_CASE(failed_call_leaves_results_alone),
	KUNIT_CASE(vtimer_is_where_el2_has_it),
	KUNIT_CASE(refusals_do_nothing),
	KUNIT_CASE(argument_of_run_is_no_reason),
	KUNIT_CASE(entry_forgets_the_vtimer),
	KUNIT_CASE(limits_are_those_of_shipped_drivers),
	KUNIT_CASE(older_el2_is_found),
	KUNIT_CASE(older_el2_takes_intids),
	KUNIT_CASE(older_el2_need_not_know_of_regions),
	KUNIT_CASE(older_el2_gets_the_expired_vtimer),
	KUNIT_CASE(structures_have_the_fixed_layout),
	{}
};

static struct kunit_suite hypercall_suite = {
	.name = "gzvm-hypercall",
	.init = hypercall_init,
	.test_cases = hypercall_cases,
};

kunit_test_suites(&hypercall_suite);
