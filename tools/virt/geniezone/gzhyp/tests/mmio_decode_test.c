// SPDX-License-Identifier: GPL-2.0
/* Decode of data abort syndromes; values by the Arm ARM's ISS for them. */
#include "core/vm/mmio.h"
#include "tests/ktap.h"

#define ISV	BIT(24)
#define SAS(n)	((u64)(n) << 22)
#define SSE	BIT(21)
#define SRT(n)	((u64)(n) << 16)
#define SF	BIT(15)
#define CM	BIT(8)
#define WNR	BIT(6)

static void fields_are_taken_apart(void)
{
	struct mmio_access a;
	unsigned int size, reg;

	for (size = 0; size < 4; size++) {
		for (reg = 0; reg < 32; reg++) {
			EXPECT(mmio_decode(ISV | SAS(size) | SRT(reg) | WNR, &a));
			EXPECT(a.size == 1 << size && a.reg == reg && a.write);
			EXPECT(!a.wide && !a.sign_extend);
			EXPECT(mmio_decode(ISV | SAS(size) | SRT(reg) | SF | SSE, &a));
			EXPECT(!a.write && a.wide && a.sign_extend);
		}
	}
}

static void no_syndrome_is_refused(void)
{
	struct mmio_access a;

	EXPECT(!mmio_decode(SAS(2) | SRT(1), &a));
	EXPECT(!mmio_decode(ISV | CM | WNR, &a));
	EXPECT(!mmio_decode(0, &a));
}

static u64 load(unsigned int size, bool sign, bool wide, u64 raw)
{
	const struct mmio_access a = {
		.size = size, .sign_extend = sign, .wide = wide,
	};

	return mmio_load_value(&a, raw);
}

static void loads_extend_as_the_instruction_says(void)
{
	const u64 raw = 0x8988878685848382ULL;

	/* ldrb, ldrh, ldr w, ldr x */
	EXPECT(load(1, false, false, raw) == 0x82);
	EXPECT(load(2, false, false, raw) == 0x8382);
	EXPECT(load(4, false, false, raw) == 0x85848382);
	EXPECT(load(8, false, true, raw) == raw);
	/* ldrsb w, ldrsb x, ldrsh w, ldrsh x, ldrsw */
	EXPECT(load(1, true, false, raw) == 0xffffff82);
	EXPECT(load(1, true, true, raw) == 0xffffffffffffff82);
	EXPECT(load(2, true, false, raw) == 0xffff8382);
	EXPECT(load(2, true, true, raw) == 0xffffffffffff8382);
	EXPECT(load(4, true, true, raw) == 0xffffffff85848382);
	EXPECT(load(1, true, true, 0x7f) == 0x7f);
	EXPECT(load(8, true, true, raw) == raw);
}

static void stores_give_their_size_only(void)
{
	const u64 reg = 0x8988878685848382ULL;
	const u64 want[] = { 0x82, 0x8382, 0x85848382, reg };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		const struct mmio_access a = { .size = 1 << i, .write = true };

		EXPECT(mmio_store_value(&a, reg) == want[i]);
	}
}

static void big_endian_is_the_order_in_memory(void)
{
	struct mmio_access a = { .size = 4, .big_endian = true };

	EXPECT(mmio_store_value(&a, 0x5555555511223344) == 0x44332211);
	EXPECT(mmio_load_value(&a, 0x55555555ddccbbaa) == 0xaabbccdd);
	a.sign_extend = true;
	a.wide = true;
	EXPECT(mmio_load_value(&a, 0xddccbbaa) == 0xffffffffaabbccdd);
	a = (struct mmio_access) { .size = 1, .big_endian = true };
	EXPECT(mmio_store_value(&a, 0x1122) == 0x22);
	a.size = 2;
	EXPECT(mmio_store_value(&a, 0x1122) == 0x2211);
	a.size = 8;
	EXPECT(mmio_store_value(&a, 0x1122334455667788) == 0x8877665544332211);
}

static const struct test tests[] = {
	TEST(fields_are_taken_apart),
	TEST(no_syndrome_is_refused),
	TEST(loads_extend_as_the_instruction_says),
	TEST(stores_give_their_size_only),
	TEST(big_endian_is_the_order_in_memory),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
