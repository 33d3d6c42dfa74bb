// SPDX-License-Identifier: GPL-2.0
/* ID registers of guests on CPUs that have nothing, or all that there will ever be. */
#include "arch/cpu.h"
#include "core/vm/vcpu.h"
#include "tests/ktap.h"

#define ID(crm, op2)	SYSREG(3, 0, 0, crm, op2)
#define PFR0		ID(4, 0)
#define PFR1		ID(4, 1)
#define MMFR0		ID(7, 0)
#define MMFR1		ID(7, 1)
#define MMFR2		ID(7, 2)
#define MMFR3		ID(7, 3)

/* The value of all ID registers of the CPU */
static u64 value;

u64 test_sysreg(const char *reg)
{
	return value;
}

static u64 field(u32 reg, unsigned int shift)
{
	return FIELD(idreg_value(reg), shift, 4);
}

/* The fields of features whose registers are not switched */
static void features_with_registers_are_hidden(void)
{
	u32 reg;

	value = ~0UL;
	/* SVE, AMU, MPAM, RAS; MTE, SME, NMI, GCS */
	EXPECT(!field(PFR0, 32) && !field(PFR0, 44) && !field(PFR0, 40) && !field(PFR0, 28));
	EXPECT(!field(PFR1, 8) && !field(PFR1, 24) && !field(PFR1, 36) && !field(PFR1, 44));
	/* PFR2 has FPMR; SVE, SME and FP8 features; DFR1; MMFR3 and 4 have TCR2 and more. */
	for (reg = ID(4, 2); reg <= ID(4, 7); reg++)
		EXPECT(!idreg_value(reg));
	for (reg = ID(5, 1); reg <= ID(5, 7); reg++)
		EXPECT(!idreg_value(reg));
	for (reg = MMFR3; reg <= ID(7, 7); reg++)
		EXPECT(!idreg_value(reg));
	/* PMU, trace, profiling, branch records */
	EXPECT(!field(ID(5, 0), 8) && !field(ID(5, 0), 4) && !field(ID(5, 0), 32) &&
	       !field(ID(5, 0), 52));
	/* HCX, WFxT, CMOW */
	EXPECT(!field(MMFR1, 40) && !field(MMFR1, 56) && !field(ID(6, 2), 0));
}

static void fields_have_values_that_need_no_register(void)
{
	value = ~0UL;
	EXPECT(field(PFR0, 56) == 1);
	EXPECT(field(MMFR0, 0) == 2);
	EXPECT(field(MMFR1, 0) == 2);
	EXPECT(field(MMFR2, 16) == 1);
	value = 0;
	EXPECT(!field(PFR0, 56) && !field(MMFR1, 0) && !field(MMFR2, 16));
	value = 0x10001;
	EXPECT(field(MMFR1, 0) == 1 && field(MMFR2, 16) == 1);
}

static void range_is_that_of_the_trap(void)
{
	EXPECT(!is_idreg(ID(0, 7)) && is_idreg(ID(1, 0)));
	EXPECT(is_idreg(ID(7, 7)) && !is_idreg(ID(8, 0)));
}

static const struct test tests[] = {
	TEST(features_with_registers_are_hidden),
	TEST(fields_have_values_that_need_no_register),
	TEST(range_is_that_of_the_trap),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
