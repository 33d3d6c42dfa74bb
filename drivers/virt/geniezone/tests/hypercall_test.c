// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercall layer alone: registers in, registers out, status to errno.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/irqflags.h>

#include "../hypercall.h"

/**
 * struct capture - stands for EL2
 * @call: the last call
 * @count: how many there were
 * @x: x0 to x3 of the answer
 */
struct capture {
	struct gzvm_call call;
	unsigned int count;
	unsigned long x[4];
};

static void capture_smccc(struct gzvm_call *call)
{
	struct capture *capture = kunit_get_current_test()->priv;

	capture->call = *call;
	capture->count++;
	call->res.a0 = capture->x[0];
	call->res.a1 = capture->x[1];
	call->res.a2 = capture->x[2];
	call->res.a3 = capture->x[3];
}

static int hypercall_init(struct kunit *test)
{
	struct capture *capture;

	capture = kunit_kzalloc(test, sizeof(*capture), GFP_KERNEL);
	if (!capture)
		return -ENOMEM;
	test->priv = capture;
	kunit_activate_static_stub(test, gzvm_smccc, capture_smccc);
	return 0;
}

static void expect_call(struct kunit *test, unsigned int nr, const u64 args[7])
{
	struct capture *capture = test->priv;

	KUNIT_EXPECT_EQ(test, capture->count, 1);
	KUNIT_EXPECT_EQ(test, (unsigned int)capture->call.nr, nr);
	KUNIT_EXPECT_MEMEQ(test, capture->call.args, args, 7 * sizeof(u64));
	capture->count = 0;
}

#define EXPECT_CALL(test, nr, ...) do {					\
	const u64 __args[7] = { __VA_ARGS__ };				\
									\
	expect_call(test, nr, __args);					\
} while (0)

static void function_ids_are_owner_59(struct kunit *test)
{
	static const struct {
		unsigned int nr;
		u64 id;
	} ids[] = {
		{ GZVM_HC_CREATE_VM, 0xfb001000 },
		{ GZVM_HC_DESTROY_VM, 0xfb001001 },
		{ GZVM_HC_CREATE_VCPU, 0xfb001002 },
		{ GZVM_HC_DESTROY_VCPU, 0xfb001003 },
		{ GZVM_HC_SET_MEMREGION, 0xfb001004 },
		{ GZVM_HC_RUN, 0xfb001005 },
		{ GZVM_HC_GET_ONE_REG, 0xfb001008 },
		{ GZVM_HC_SET_ONE_REG, 0xfb001009 },
		{ GZVM_HC_IRQ_LINE, 0xfb00100a },
		{ GZVM_HC_CREATE_DEVICE, 0xfb00100b },
		{ GZVM_HC_PROBE, 0xfb00100c },
		{ GZVM_HC_ENABLE_CAP, 0xfb00100d },
		{ GZVM_HC_INFORM_EXIT, 0xfb00100e },
		{ GZVM_HC_MEMREGION_PURPOSE, 0xfb00100f },
		{ GZVM_HC_SET_DTB_CONFIG, 0xfb001010 },
		{ GZVM_HC_MAP_GUEST, 0xfb001011 },
		{ GZVM_HC_MAP_GUEST_BLOCK, 0xfb001012 },
		{ GZVM_HC_GET_STATISTICS, 0xfb001013 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		KUNIT_EXPECT_EQ(test, (u64)GZVM_HC_ID(ids[i].nr), ids[i].id);
}

static void status_becomes_errno(struct kunit *test)
{
	static const struct {
		long status;
		int error;
	} table[] = {
		{ 0, 0 },
		{ -5, -ENOMEM },
		{ -8, -EINVAL },
		{ -24, -EOPNOTSUPP },
		{ -27, -EOPNOTSUPP },
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
	static const long known[] = { 0, -5, -8, -24, -27, -33, -40 };
	static const long odd[] = { LONG_MIN, LONG_MAX, INT_MIN, 0x100000000L };
	unsigned int i;
	bool skip;
	long s;

	for (s = -100; s <= 100; s++) {
		for (i = 0, skip = false; i < ARRAY_SIZE(known); i++)
			skip |= s == known[i];
		if (!skip)
			KUNIT_EXPECT_EQ_MSG(test, gzvm_hyp_errno(s), -EINVAL,
					    "status %ld", s);
	}
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		KUNIT_EXPECT_EQ(test, gzvm_hyp_errno(odd[i]), -EINVAL);
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

/* -1 is SMCCC's NOT_SUPPORTED: somebody else sits at EL2. */
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
	u64 reason = 0;
	struct gzvm_call run;
	int ret;

	KUNIT_EXPECT_EQ(test, gzvm_hc_create_vcpu(0xffff, 0x8001, 0x45678000), 0);
	EXPECT_CALL(test, 2, 0xffff8001, 0x45678000);
	KUNIT_EXPECT_EQ(test, gzvm_hc_destroy_vcpu(0xffff, 0x8001), 0);
	EXPECT_CALL(test, 3, 0xffff8001);
	KUNIT_EXPECT_EQ(test, gzvm_hc_set_one_reg(0x8000, 63, ~1ULL, ~2ULL), 0);
	EXPECT_CALL(test, 9, 0x8000003f, ~1ULL, ~2ULL);
	KUNIT_EXPECT_EQ(test, gzvm_hc_irq_line(1, 2, 987, true), 0);
	EXPECT_CALL(test, 10, 0x10002, 987, 1);
	KUNIT_EXPECT_EQ(test, gzvm_hc_irq_line(1, 2, 0, false), 0);
	EXPECT_CALL(test, 10, 0x10002, 0, 0);

	local_irq_disable();
	gzvm_hc_run_init(&run, 0x8001, 5);
	ret = gzvm_hc_run(&run, &reason);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, ret, 0);
	EXPECT_CALL(test, 5, 0x80010005);
}

static void memory_calls_pass_all_arguments(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, gzvm_hc_set_memregion(9, 8192, 0x4000), 0);
	EXPECT_CALL(test, 4, 9, 8192, 0x4000);
	KUNIT_EXPECT_EQ(test, gzvm_hc_memregion_purpose(9, 0x80000000, 0x1000, 4), 0);
	EXPECT_CALL(test, 15, 9, 0x80000000, 0x1000, 4);
	KUNIT_EXPECT_EQ(test, gzvm_hc_map_guest(9, 511, 0x1111, 0x2222, 0x3333), 0);
	EXPECT_CALL(test, 17, 9, 511, 0x1111, 0x2222, 0x3333);
	KUNIT_EXPECT_EQ(test, gzvm_hc_map_guest_block(9, 511, 0x2222, 512), 0);
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
	struct gzvm_call run;
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
	gzvm_hc_run_init(&run, 1, 2);
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
	struct gzvm_call run;
	int ret;

	memcpy(capture->x, (unsigned long[]){ -5UL, 91, 92, 93 },
	       sizeof(capture->x));
	KUNIT_EXPECT_EQ(test, gzvm_hc_create_vm(0, &vm_id), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_hc_get_one_reg(1, 2, 0, &value), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_hc_enable_cap(1, 2, args, &value), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_hc_get_statistics(4, &value, &other), -ENOMEM);
	local_irq_disable();
	gzvm_hc_run_init(&run, 1, 2);
	ret = gzvm_hc_run(&run, &value);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_EQ(test, value, 1);
	KUNIT_EXPECT_EQ(test, other, 2);
	KUNIT_EXPECT_EQ(test, vm_id, 3);
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
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_hwstate, vtimer_offset), 136);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_hwstate, vtimer_delay), 144);
	KUNIT_EXPECT_EQ(test, offsetof(struct gzvm_hyp_hwstate, vtimer_migrate), 152);
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
	KUNIT_CASE(function_ids_are_owner_59),
	KUNIT_CASE(status_becomes_errno),
	KUNIT_CASE(unknown_status_is_einval),
	KUNIT_CASE(probe_announces_version_16),
	KUNIT_CASE(probe_error_means_no_geniezone),
	KUNIT_CASE(create_vm_returns_id),
	KUNIT_CASE(vm_calls_pass_id_and_arguments),
	KUNIT_CASE(vcpu_calls_pass_the_tuple),
	KUNIT_CASE(memory_calls_pass_all_arguments),
	KUNIT_CASE(enable_cap_passes_five_arguments),
	KUNIT_CASE(results_are_x1_and_x2),
	KUNIT_CASE(failed_call_leaves_results_alone),
	KUNIT_CASE(structures_have_the_fixed_layout),
	{}
};

static struct kunit_suite hypercall_suite = {
	.name = "gzvm-hypercall",
	.init = hypercall_init,
	.test_cases = hypercall_cases,
};

kunit_test_suites(&hypercall_suite);
