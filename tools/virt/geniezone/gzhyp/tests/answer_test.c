// SPDX-License-Identifier: GPL-2.0
/* Answers of the host's calls under the words of gzhyp.as. */
#include "core/answer.h"
#include "core/options.h"
#include "tests/ktap.h"

#define HINT	0x10000U

static u64 error(int status)
{
	return (u64)(s64)status;
}

static void plain_answers(void)
{
	options = 0;
	EXPECT(answer_call_number(GZ_CALL_BASE + GZ_RUN) == GZ_RUN);
	EXPECT(answer_call_number(GZ_CALL_BASE + 0xfff) == 0xfff);
	EXPECT(answer_call_number(GZ_CALL_END) == NO_CALL);
	EXPECT(answer_call_number(0x84000000) == NO_CALL);
	EXPECT(answer_call_number((GZ_CALL_BASE + GZ_RUN) | HINT) == NO_CALL);
	EXPECT(answer_has_call(GZ_DESTROY_VCPU));
	EXPECT(!answer_status(GZ_RUN, 0));
	EXPECT(answer_status(GZ_RUN, error(GZ_BUSY)) == error(GZ_BUSY));
}

static void svehint_ignores_the_hint(void)
{
	options = BIT(OPT_SVE_HINT);
	EXPECT(answer_call_number((GZ_CALL_BASE + GZ_RUN) | HINT) == GZ_RUN);
	EXPECT(answer_call_number(GZ_CALL_BASE + GZ_RUN) == GZ_RUN);
}

static void dvcpunone_lacks_destroy_vcpu(void)
{
	options = BIT(OPT_DESTROY_VCPU_NONE);
	EXPECT(!answer_has_call(GZ_DESTROY_VCPU));
	EXPECT(answer_has_call(GZ_DESTROY_VM));
}

static void dvcpuerror_is_about_destroy_vcpu(void)
{
	options = BIT(OPT_DESTROY_VCPU_ERROR);
	EXPECT(answer_status(GZ_DESTROY_VCPU, 0) == error(GZ_INVALID_ARGS));
	EXPECT(!answer_status(GZ_DESTROY_VM, 0));
	EXPECT(!answer_status(GZ_RUN, 0));
}

static void runerror_is_about_run(void)
{
	options = BIT(OPT_RUN_ERROR);
	EXPECT(answer_status(GZ_RUN, 0) == error(GZ_INVALID_ARGS));
	EXPECT(answer_status(GZ_RUN, error(GZ_BUSY)) == error(GZ_BUSY));
	EXPECT(!answer_status(GZ_CREATE_VM, 0));
}

static void status_has_32_bits(void)
{
	options = BIT(OPT_STATUS_ZERO);
	EXPECT(!answer_status(GZ_RUN, 0));
	EXPECT(answer_status(GZ_RUN, error(GZ_BUSY)) == 0xffffffdf);
	options = BIT(OPT_STATUS_JUNK);
	EXPECT(answer_status(GZ_RUN, 0) >> 32);
	EXPECT(!(u32)answer_status(GZ_RUN, 0));
	EXPECT((s32)answer_status(GZ_RUN, error(GZ_BUSY)) == GZ_BUSY);
	EXPECT(answer_status(GZ_RUN, error(GZ_BUSY)) >> 32 != ~0U);
}

static void words_combine(void)
{
	options = BIT(OPT_RUN_ERROR) | BIT(OPT_STATUS_ZERO);
	EXPECT(answer_status(GZ_RUN, 0) == 0xfffffff8);
}

static void nogetreg_lacks_get_one_reg(void)
{
	options = BIT(OPT_NO_GET_ONE_REG);
	EXPECT(!answer_has_call(GZ_GET_ONE_REG));
	EXPECT(answer_has_call(GZ_SET_ONE_REG));
}

static void old_has_other_ids(void)
{
	options = BIT(OPT_OLD);
	EXPECT(answer_call_number(GZ_OLD_CALL_BASE + GZ_RUN) == GZ_RUN);
	EXPECT(answer_call_number(GZ_CALL_BASE + GZ_RUN) == NO_CALL);
	EXPECT(answer_status(GZ_MEMREGION_PURPOSE, 0) ==
	       error(GZ_NOT_IMPLEMENTED));
	EXPECT(!answer_status(GZ_RUN, 0));
}

static const struct test tests[] = {
	TEST(plain_answers),
	TEST(svehint_ignores_the_hint),
	TEST(dvcpunone_lacks_destroy_vcpu),
	TEST(dvcpuerror_is_about_destroy_vcpu),
	TEST(runerror_is_about_run),
	TEST(status_has_32_bits),
	TEST(words_combine),
	TEST(nogetreg_lacks_get_one_reg),
	TEST(old_has_other_ids),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
