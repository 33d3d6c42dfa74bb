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

static void region_in_use_is_not_replaced(void)
{
	setup();
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	region_by_slot(&vm, 1)->mapped = 1;
	EXPECT(region_register(&vm, 1, GPA + 4 * SIZE, 1) == GZ_INVALID_ARGS);
	EXPECT(region_register(&vm, 2, GPA, 1) == GZ_INVALID_ARGS);
	EXPECT(region_register(&vm, 1, GPA, 0) == GZ_INVALID_ARGS);
	EXPECT(vm.nr_regions == 1 && region_of(&vm, GPA)->size == SIZE);
}

/* Memory that became none would show the guest's stores to the host. */
static void region_of_a_sealed_vm_is_not_replaced(void)
{
	setup();
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	vm.protection = VM_SEALED;
	EXPECT(region_register(&vm, 1, GPA, 0) == GZ_INVALID_ARGS);
	EXPECT(region_register(&vm, 2, GPA, 1) == GZ_INVALID_ARGS);
	EXPECT(vm.nr_regions == 1 && region_of(&vm, GPA)->size == SIZE);
}

/* The new one replaces each that it overlaps, however little. */
static void regions_do_not_overlap(void)
{
	setup();
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	EXPECT(!region_register(&vm, 2, GPA + SIZE, SIZE / PAGE_SIZE));
	EXPECT(!region_register(&vm, 3, GPA + 2 * SIZE, SIZE / PAGE_SIZE));
	EXPECT(vm.nr_regions == 3);
	EXPECT(!region_register(&vm, 4, GPA + SIZE - PAGE_SIZE, 2));
	EXPECT(vm.nr_regions == 2 && !region_by_slot(&vm, 1) &&
	       !region_by_slot(&vm, 2));
	EXPECT(region_of(&vm, GPA + SIZE)->slot == 4);
	EXPECT(region_of(&vm, GPA + 2 * SIZE)->slot == 3);
}

static void region_has_its_addresses_and_no_others(void)
{
	setup();
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	EXPECT(!region_of(&vm, GPA - 1) && !region_of(&vm, GPA + SIZE));
	EXPECT(region_of(&vm, GPA) && region_of(&vm, GPA + SIZE - 1));
}

static void region_is_found_by_its_address_and_slot_only(void)
{
	setup();
	EXPECT(!region_register(&vm, 1, GPA, SIZE / PAGE_SIZE));
	EXPECT(!region_register(&vm, 2, GPA + SIZE, SIZE / PAGE_SIZE));
	EXPECT(region_in_slot(&vm, 1, GPA + SIZE - 1) == region_of(&vm, GPA));
	EXPECT(region_in_slot(&vm, 2, GPA + SIZE) == region_of(&vm, GPA + SIZE));
	EXPECT(!region_in_slot(&vm, 1, GPA + SIZE));
	EXPECT(!region_in_slot(&vm, 1, GPA - 1));
	EXPECT(!region_in_slot(&vm, BIT(32) + 1, GPA));
	EXPECT(!region_register(&vm, ~0U, GPA + 2 * SIZE, 1));
	EXPECT(!region_in_slot(&vm, ~0U, GPA + 2 * SIZE));
}

static void numbers_that_are_no_region(void)
{
	setup();
	EXPECT(region_register(&vm, 1, GPA + 8, 1) == GZ_INVALID_ARGS);
	EXPECT(region_register(&vm, 1, IPA_LIMIT, 1) == GZ_INVALID_ARGS);
	EXPECT(region_register(&vm, 1, GPA, IPA_LIMIT / PAGE_SIZE) ==
	       GZ_INVALID_ARGS);
	/* The size in bytes would be one page. */
	EXPECT(region_register(&vm, 1, GPA, BIT(52) + 1) == GZ_INVALID_ARGS);
	EXPECT(region_register(&vm, 1, 0, 0) == GZ_INVALID_ARGS);
	EXPECT(!vm.nr_regions);
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
	TEST(region_in_use_is_not_replaced),
	TEST(region_of_a_sealed_vm_is_not_replaced),
	TEST(regions_do_not_overlap),
	TEST(region_has_its_addresses_and_no_others),
	TEST(region_is_found_by_its_address_and_slot_only),
	TEST(numbers_that_are_no_region),
	TEST(few_regions),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
