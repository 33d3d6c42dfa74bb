// SPDX-License-Identifier: GPL-2.0
/* Regions of a VM and their purposes. */
#include "arch/stage2.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "tests/ktap.h"

#define GPA	0x80000000UL
#define SIZE	0x10000UL

static struct vm vm;

static u32 flags_of(u32 slot)
{
	struct region *region = region_by_slot(&vm, slot);

	return region ? region->flags : ~0U;
}

static void setup(void)
{
	memset(&vm, 0, sizeof(vm));
}

static void purpose_is_for_the_region_that_follows(void)
{
	setup();
	EXPECT(!region_set_purpose(&vm, GPA, SIZE, GZ_MEM_STATIC_SWIOTLB));
	EXPECT(!region_register(&vm, 1, GPA + SIZE, SIZE / PAGE_SIZE));
	EXPECT(!region_register(&vm, 2, GPA, SIZE / PAGE_SIZE));
	EXPECT(flags_of(1) == 0);
	EXPECT(flags_of(2) == GZ_MEM_STATIC_SWIOTLB);
}

/* The region failed, and the host sets another purpose. */
static void last_word_about_a_region_counts(void)
{
	unsigned int first;

	for (first = 0; first <= 2 * MAX_PURPOSES; first++) {
		unsigned int i;

		setup();
		for (i = 0; i < first; i++)
			EXPECT(!region_set_purpose(&vm, GPA + (i + 1) * SIZE,
						   SIZE, 0));
		EXPECT(!region_set_purpose(&vm, GPA, SIZE,
					   GZ_MEM_STATIC_SWIOTLB));
		EXPECT(!region_set_purpose(&vm, GPA, SIZE, 0));
		EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
		EXPECT(flags_of(1) == 0);
	}
}

/* Otherwise it would apply to the next region of that place and size. */
static void nothing_is_left_when_the_region_was_made(void)
{
	setup();
	EXPECT(!region_set_purpose(&vm, GPA, SIZE, GZ_MEM_STATIC_SWIOTLB));
	EXPECT(!region_set_purpose(&vm, GPA, SIZE, GZ_MEM_STATIC_SWIOTLB));
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	EXPECT(flags_of(1) == GZ_MEM_STATIC_SWIOTLB);
	EXPECT(!region_register(&vm, 1, GPA, 0));
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	EXPECT(flags_of(1) == 0);
}

static void sealed_vm_gets_no_shared_region(void)
{
	setup();
	EXPECT(!region_set_purpose(&vm, GPA, SIZE, GZ_MEM_STATIC_SWIOTLB));
	vm.protection = VM_SEALED;
	EXPECT(region_register(&vm, 1, GPA, SIZE / PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(region_set_purpose(&vm, GPA, SIZE, GZ_MEM_STATIC_SWIOTLB) ==
	       GZ_INVALID_ARGS);
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	EXPECT(flags_of(1) == 0);
}

static void few_regions(void)
{
	unsigned int i;

	setup();
	options = BIT(OPT_FEW);
	for (i = 0; i < FEW_REGIONS; i++)
		EXPECT(!region_register(&vm, i, GPA + i * SIZE, SIZE / PAGE_SIZE));
	EXPECT(region_register(&vm, i, GPA + i * SIZE, SIZE / PAGE_SIZE) ==
	       GZ_NO_MEMORY);
	options = 0;
	EXPECT(!region_register(&vm, i, GPA + i * SIZE, SIZE / PAGE_SIZE));
}

static const struct test tests[] = {
	TEST(purpose_is_for_the_region_that_follows),
	TEST(last_word_about_a_region_counts),
	TEST(nothing_is_left_when_the_region_was_made),
	TEST(sealed_vm_gets_no_shared_region),
	TEST(few_regions),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
