// SPDX-License-Identifier: GPL-2.0
/* A guest's hypercalls: which of them the host sees, and whose answer counts. */
#include "arch/cpu.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/psci.h"
#include "core/vm/guest-call.h"
#include "tests/ktap.h"

#define PAGE	0x80000000UL

struct cpu_features cpu_features;

static struct vm vm;
static struct vcpu vcpu = { .vm = &vm };

/* The parts that are tested in a machine. Each returns a number of its own. */
static u32 answer(u64 *x, u64 nr)
{
	x[0] = nr;
	return 0;
}

u32 guest_psci_version(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 101);
}

u32 guest_psci_migrate_info(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 102);
}

u32 guest_psci_suspend(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 103);
}

u32 guest_psci_cpu_off(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 104);
}

u32 guest_psci_cpu_on(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 105);
}

u32 guest_psci_affinity_info(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 106);
}

u32 guest_psci_system_off(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 107);
}

u32 guest_psci_system_reset(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 108);
}

u32 guest_psci_system_reset2(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 112);
}

u32 guest_psci_system_suspend(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 113);
}

u32 guest_trng_version(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 109);
}

u32 guest_trng_uuid(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 110);
}

u32 guest_trng_rnd(struct vcpu *vcpu, u64 *x)
{
	return answer(x, 111);
}

u64 guest_memory_features(const struct vcpu *vcpu)
{
	return 0;
}

bool guest_memory_call(struct vcpu *vcpu, u32 *reason)
{
	return false;
}

/* As the world switch does it */
static u32 serve(void)
{
	return guest_hvc_quick(&vcpu) ? 0 : guest_hvc(&vcpu);
}

static u32 call(u64 opts, u64 fn)
{
	options = opts;
	memset(&vcpu.exit, 0, sizeof(vcpu.exit));
	vcpu.wait = WAIT_NOTHING;
	vcpu.regs.x[0] = fn;
	vcpu.regs.x[1] = PAGE;
	return serve();
}

static void el2_answers_relinquish(void)
{
	EXPECT(call(0, VENDOR_HYP_RELINQUISH) == GZ_EXIT_HYPERCALL);
	EXPECT(vcpu.exit.hypercall.args[0] == VENDOR_HYP_RELINQUISH);
	EXPECT(vcpu.exit.hypercall.args[1] == PAGE);
	EXPECT(!vcpu.regs.x[0] && vcpu.wait == WAIT_NOTHING);
}

static void hostrelinquish_leaves_it_to_the_host(void)
{
	EXPECT(call(BIT(OPT_HOST_RELINQUISH), VENDOR_HYP_RELINQUISH) ==
	       GZ_EXIT_HYPERCALL);
	EXPECT(vcpu.exit.hypercall.args[0] == VENDOR_HYP_RELINQUISH);
	EXPECT(vcpu.wait == WAIT_HYPERCALL);
}

static void the_host_answers_other_calls(void)
{
	EXPECT(call(0, VENDOR_HYP_PTP) == GZ_EXIT_HYPERCALL);
	EXPECT(vcpu.wait == WAIT_HYPERCALL);
}

/* The call's own registers, and none that may hold a secret */
static void sealed_guest_shows_what_the_call_uses(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		vcpu.regs.x[i] = 0x5ec2e7;
	vm.protection = VM_SEALED;
	EXPECT(call(0, VENDOR_HYP_PTP) == GZ_EXIT_HYPERCALL);
	vm.protection = VM_OPEN;
	EXPECT(vcpu.exit.hypercall.args[1] == PAGE);
	for (i = 2; i < 8; i++)
		EXPECT(!vcpu.exit.hypercall.args[i]);
}

static u64 feature(u32 fn)
{
	vcpu.regs.x[0] = PSCI_FEATURES;
	vcpu.regs.x[1] = fn;
	EXPECT(!serve());
	return vcpu.regs.x[0];
}

static void features_are_the_calls_that_exist(void)
{
	EXPECT(feature(PSCI_CPU_ON) == PSCI_SUCCESS);
	EXPECT(feature(PSCI_CPU_ON | SMC64) == PSCI_SUCCESS);
	EXPECT(feature(SMCCC_VERSION) == PSCI_SUCCESS);
	EXPECT(feature(PSCI_SYSTEM_SUSPEND | SMC64) == PSCI_SUCCESS);
	EXPECT(feature(PSCI_SYSTEM_RESET2 | SMC64) == PSCI_SUCCESS);
	/* CPU_FREEZE, MIGRATE, one that is not defined, and one of TRNG */
	EXPECT(feature(0x8400000b) == (u64)PSCI_NOT_SUPPORTED);
	EXPECT(feature(0x84000005) == (u64)PSCI_NOT_SUPPORTED);
	EXPECT(feature(0x8400001f) == (u64)PSCI_NOT_SUPPORTED);
	EXPECT(feature(TRNG_VERSION) == (u64)PSCI_NOT_SUPPORTED);
}

static void unknown_standard_calls_are_denied(void)
{
	EXPECT(!call(0, 0x8400001f));
	EXPECT(vcpu.regs.x[0] == (u64)SMCCC_NOT_SUPPORTED);
	EXPECT(!call(0, PSCI_VERSION) && vcpu.regs.x[0] == 101);
}

static const struct test tests[] = {
	TEST(el2_answers_relinquish),
	TEST(hostrelinquish_leaves_it_to_the_host),
	TEST(the_host_answers_other_calls),
	TEST(sealed_guest_shows_what_the_call_uses),
	TEST(features_are_the_calls_that_exist),
	TEST(unknown_standard_calls_are_denied),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
