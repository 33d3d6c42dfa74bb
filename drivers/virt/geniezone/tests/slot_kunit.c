// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: which are taken, what EL2 is told of them, how they go. With
 * full population, which happens while a slot is made.
 */

#include <linux/mman.h>
#include <linux/random.h>

#include "fake.h"

static const struct gzvm_userspace_memory_region good_region = {
	.slot = 3,
	.flags = 5,
	.guest_phys_addr = FAKE_GPA,
	.memory_size = 4 * FAKE_PAGE,
	.userspace_addr = 0x10000000,
};

static void slot_is_announced_then_registered(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	const struct fake_call *call;
	static const u8 zero[RANGES_SIZE];

	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &good_region), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 2);

	call = gzvm_fake_nth(test, FAKE_ANY, 1);
	KUNIT_EXPECT_EQ(test, call->nr, 15);
	FAKE_EXPECT_ARGS(test, call, 0xa001, 0x80000000, 4 * FAKE_PAGE, 5);

	call = gzvm_fake_nth(test, FAKE_ANY, 2);
	KUNIT_EXPECT_EQ(test, call->nr, 4);
	KUNIT_EXPECT_EQ(test, call->args[0], 0xa001);
	KUNIT_EXPECT_EQ(test, call->args[1], 8192);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(call->args[2], 4096));
	KUNIT_ASSERT_NOT_NULL(test, call->buf);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(call->buf + 0), 3);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(call->buf + 4), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + 8), 4 * FAKE_PER_PAGE);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + 16), 0x80000000);
	KUNIT_EXPECT_MEMEQ(test, call->buf + 24, zero, RANGES_SIZE - 24);
}

/* Nothing has to be mapped where the slot's memory will be. */
static void slot_needs_no_mapping_yet(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 1ULL << 40,
					     FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

static void bad_slot_is_refused_before_el2_hears(struct kunit *test)
{
	const u64 ipa = 1ULL << gzvm_ipa_bits();
	const struct gzvm_userspace_memory_region bad[] = {
		{ 512, 0, FAKE_GPA, FAKE_PAGE, FAKE_PAGE },
		{ ~0U, 0, FAKE_GPA, FAKE_PAGE, FAKE_PAGE },
		{ 0, 8, FAKE_GPA, FAKE_PAGE, FAKE_PAGE },
		{ 0, 1U << 31, FAKE_GPA, FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, FAKE_GPA + 1, FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, FAKE_GPA + 0x800, FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, FAKE_GPA, FAKE_PAGE + 1, FAKE_PAGE },
		{ 0, 0, FAKE_GPA, 1, FAKE_PAGE },
		{ 0, 0, FAKE_GPA, FAKE_PAGE, FAKE_PAGE + 1 },
		/* Of larger host pages, these are aligned as EL2 wants it. */
		{ 0, 0, FAKE_GPA + FAKE_PAGE / 2, FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, FAKE_GPA, FAKE_PAGE * 3 / 2, FAKE_PAGE },
		{ 0, 0, FAKE_GPA, FAKE_PAGE, FAKE_PAGE * 3 / 2 },
		{ 0, 0, -FAKE_PAGE, FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, -FAKE_PAGE, 2 * FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, FAKE_PAGE, -FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, ipa, FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, ipa - FAKE_PAGE, 2 * FAKE_PAGE, FAKE_PAGE },
		{ 0, 0, FAKE_GPA, 2 * FAKE_PAGE, -FAKE_PAGE },
		{ 0, 0, FAKE_GPA, FAKE_PAGE, TASK_SIZE_MAX },
		{ 0, 0, FAKE_GPA, 2 * FAKE_PAGE, TASK_SIZE_MAX - FAKE_PAGE },
	};
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	gzvm_fake_forget(test);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, gzvm_memslot_set(vm, &bad[i]), -EINVAL,
				    "case %u", i);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 0);
}

static void slot_at_the_limits_is_taken(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	const u64 ipa = 1ULL << gzvm_ipa_bits();

	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 511, ipa - FAKE_PAGE, FAKE_PAGE,
					     TASK_SIZE_MAX - FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, 0, FAKE_PAGE, 0), 0);
}

static void slot_number_is_what_el2_is_known_to_take(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct gzvm_fake *fake = test->priv;
	u32 slot;

	fake->limits = 0;
	gzvm_fake_forget(test);
	for (slot = 0; slot < 10; slot++)
		KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, slot, FAKE_GPA + slot * FAKE_PAGE,
						     FAKE_PAGE, FAKE_PAGE), 0);
	/* Each of them is two calls, as shipped drivers make them. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 20);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 10, 0, FAKE_PAGE, FAKE_PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 511, 0, FAKE_PAGE, FAKE_PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MEMREGION_PURPOSE), 10);

	fake->limits = 16 << 16;
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 15, 0, FAKE_PAGE, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 16, FAKE_PAGE, FAKE_PAGE,
					     FAKE_PAGE), -EINVAL);
}

static void each_flag_is_passed_on(struct kunit *test)
{
	struct gzvm_userspace_memory_region region = good_region;
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	u32 flags;

	for (flags = 0; flags < 8; flags++) {
		region.slot = flags;
		region.flags = flags;
		KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &region), 0);
		FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_MEMREGION_PURPOSE),
				 0xa001, region.guest_phys_addr, region.memory_size,
				 flags);
		region.guest_phys_addr += region.memory_size;
	}
}

/* Pages 16 to 19 from FAKE_GPA on are there. */
static void overlapping_slots_are_refused(struct kunit *test)
{
	static const struct {
		unsigned int first, nr;
		int error;
	} table[] = {
		{ 15, 2, -EEXIST },	/* its left end */
		{ 19, 2, -EEXIST },	/* its right end */
		{ 17, 1, -EEXIST },	/* inside */
		{ 15, 6, -EEXIST },	/* around */
		{ 16, 4, -EEXIST },	/* the same */
		{ 16, 1, -EEXIST },
		{ 19, 1, -EEXIST },
		{ 15, 1, 0 },		/* touches left */
		{ 20, 1, 0 },		/* touches right */
	};
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 100, FAKE_GPA + 16 * FAKE_PAGE,
					     4 * FAKE_PAGE, FAKE_PAGE), 0);
	gzvm_fake_forget(test);
	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ_MSG(test, gzvm_fake_slot(test, vm, i, FAKE_GPA +
							 table[i].first * FAKE_PAGE,
							 table[i].nr * FAKE_PAGE,
							 FAKE_PAGE),
				    table[i].error, "case %u", i);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 4);
}

static void same_slot_again_is_no_error(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	KUNIT_ASSERT_EQ(test, gzvm_memslot_set(vm, &good_region), 0);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &good_region), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 1);
}

static void changed_slot_is_refused(struct kunit *test)
{
	struct gzvm_userspace_memory_region region;
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, gzvm_memslot_set(vm, &good_region), 0);
	gzvm_fake_forget(test);
	for (i = 0; i < 4; i++) {
		region = good_region;
		region.flags ^= i == 0;
		region.guest_phys_addr += i == 1 ? 0x10000 : 0;
		region.memory_size -= i == 2 ? FAKE_PAGE : 0;
		region.userspace_addr += i == 3 ? FAKE_PAGE : 0;
		KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &region), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void untouched_slot_can_be_deleted_and_made_anew(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 4 * FAKE_PAGE,
					     FAKE_PAGE), 0);
	/* crosvm gives no address for it, QEMU the old one. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 0, FAKE_PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 0);
	/* The number is free again, and so is the range, under another number. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 1, 0x90000000, FAKE_PAGE,
					     FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 2, FAKE_GPA, 8 * FAKE_PAGE,
					     9 * FAKE_PAGE), 0);
}

static void missing_slot_cannot_be_deleted(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 512, FAKE_GPA, 0, 0), -EINVAL);
}

static void deletion_with_unknown_flags_is_refused(struct kunit *test)
{
	struct gzvm_userspace_memory_region region = good_region;
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	KUNIT_ASSERT_EQ(test, gzvm_memslot_set(vm, &region), 0);
	region.memory_size = 0;
	region.flags = 8;
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &region), -EINVAL);
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 1);
}

static void touched_slot_stays(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);
	u64 pfn;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, FAKE_PAGE, addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA), 0);
	pfn = gzvm_fake_pfn(test, FAKE_GPA / FAKE_PAGE);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 0, 0), -EBUSY);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 1);
}

/* EL2 may have taken the page although it refused the call. */
static void slot_offered_in_vain_stays(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, 8 * FAKE_PAGE);

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 8 * FAKE_PAGE, addr), 0);
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 0, 0), -EBUSY);
}

static void slot_refused_by_el2_is_not_there(struct kunit *test)
{
	static const unsigned int calls[] = { FAKE_MEMREGION_PURPOSE, FAKE_SET_MEMREGION };
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		gzvm_fake_forget(test);
		gzvm_fake_fail(test, calls[i], 1, FAKE_NO_MEMORY);
		KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &good_region), -ENOMEM);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), i + 1);
		KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA), -ENOENT);
		KUNIT_EXPECT_EQ(test, vm->nr_slots, 0);
	}
	/* Number and range are still free. */
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &good_region), 0);
}

static void busy_el2_is_asked_again(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	gzvm_fake_repeat(test, FAKE_MEMREGION_PURPOSE, 2, FAKE_BUSY);
	gzvm_fake_repeat(test, FAKE_SET_MEMREGION, 3, FAKE_BUSY);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set(vm, &good_region), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MEMREGION_PURPOSE), 3);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_SET_MEMREGION), 4);
}

static void lookup_finds_each_of_many_slots(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct gzvm_memslot *slot;
	u16 order[512];
	unsigned int i, j;

	/* Slot i covers frames 16 i to 16 i + i % 15, made in random order. */
	for (i = 0; i < 512; i++) {
		j = get_random_u32_below(i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < 512; i++) {
		j = order[i];
		KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, j, j * 16 * FAKE_PAGE,
						     (j % 15 + 1) * FAKE_PAGE, FAKE_PAGE), 0);
	}

	KUNIT_EXPECT_EQ(test, vm->nr_slots, 512);
	down_read(&vm->slots_lock);
	for (i = 0; i < 512 * 16; i++) {
		slot = gzvm_memslot_find(vm, i * FAKE_PER_PAGE);
		if (i % 16 <= i / 16 % 15) {
			KUNIT_ASSERT_NOT_NULL_MSG(test, slot, "frame %u", i);
			KUNIT_ASSERT_EQ(test, slot->id, i / 16);
		} else {
			KUNIT_ASSERT_PTR_EQ_MSG(test, slot, NULL, "frame %u", i);
		}
	}
	KUNIT_EXPECT_PTR_EQ(test, gzvm_memslot_find(vm, ~0ULL), NULL);
	up_read(&vm->slots_lock);
}

/* Full population */

/* EL2 takes no interrupt during a call: the most pages that one may carry */
#define PAGES_MAX	4096

/* Every call but the first carries pages: they must cover the slot in order. */
static void expect_population(struct kunit *test, u64 gpa, unsigned int nr_pages,
			      unsigned long addr)
{
	unsigned int calls = gzvm_fake_count(test, FAKE_SET_MEMREGION), i, cnt;
	const struct fake_call *call;
	u64 gfn = gpa / FAKE_HYP_PAGE, next;
	u32 c, pages, in_call;
	u8 *one;

	KUNIT_ASSERT_GE(test, calls, 2);
	for (i = 2; i <= calls; i++) {
		call = gzvm_fake_nth(test, FAKE_SET_MEMREGION, i);
		cnt = get_unaligned_le32(call->buf + RANGES_CNT);
		KUNIT_EXPECT_GE(test, cnt, 1);
		KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RANGES_GPA),
				gfn * FAKE_HYP_PAGE);
		for (c = 0, next = 0, in_call = 0; c < cnt; c++) {
			one = call->buf + c * RANGES_STEP;
			pages = get_unaligned_le32(one + RANGES_PG_CNT);
			KUNIT_EXPECT_NE_MSG(test, get_unaligned_le64(one + RANGES_ADDRESS),
					    next, "two constituents that are one run");
			next = get_unaligned_le64(one + RANGES_ADDRESS) +
			       pages * FAKE_HYP_PAGE;
			in_call += pages;
		}
		KUNIT_EXPECT_EQ(test, get_unaligned_le64(call->buf + RANGES_TOTAL), in_call);
		KUNIT_EXPECT_LE(test, in_call, PAGES_MAX);
		/* A buffer that is not full is the last. */
		if (cnt < RANGES_MAX && in_call < PAGES_MAX)
			KUNIT_EXPECT_EQ(test, i, calls);
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(call->buf + RANGES_ADDRESS +
						     cnt * RANGES_STEP, 0,
						     RANGES_SIZE - RANGES_ADDRESS -
						     cnt * RANGES_STEP), NULL);
		gfn += in_call;
	}
	KUNIT_EXPECT_EQ(test, gfn, gpa / FAKE_HYP_PAGE + nr_pages * FAKE_PER_PAGE);
	for (i = 0; i < nr_pages; i++)
		KUNIT_ASSERT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, gpa / FAKE_PAGE + i)),
				(addr >> PAGE_SHIFT) + i);
}

static struct gzvm_vm *make_scattered(struct kunit *test, unsigned int nr_pages,
				      unsigned long *addr)
{
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_NONE);
	unsigned long others;
	unsigned int i;

	gzvm_fake_no_huge(test);
	*addr = gzvm_fake_mmap(test, nr_pages * FAKE_PAGE);
	others = gzvm_fake_mmap(test, nr_pages * FAKE_PAGE);
	/* Whether frames come in rising or falling order, no two are adjacent. */
	for (i = 0; i < nr_pages; i++) {
		gzvm_fake_mark(test, *addr + i * FAKE_PAGE, 1);
		gzvm_fake_mark(test, others + i * FAKE_PAGE, 1);
	}
	gzvm_fake_forget(test);
	return vm;
}

static void population_gives_exactly_the_slot(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 2, 511, 512, 513, 1500 };
	unsigned long addr;
	struct gzvm_vm *vm;
	u64 gpa;
	unsigned int i;

	vm = make_scattered(test, 1500, &addr);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		gzvm_fake_forget(test);
		/* Not at the start of a block. */
		gpa = FAKE_GPA + i * 0x1000000 * FAKE_PER_PAGE + 3 * FAKE_PAGE;
		KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, i, gpa,
						     sizes[i] * FAKE_PAGE, addr), 0);
		expect_population(test, gpa, sizes[i], addr);
	}
}

/* The slot is refused at the hole, however much comes after it. */
static void pages_after_a_hole_are_not_brought(struct kunit *test)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, 4 * FAKE_PAGE,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_SHARED, 0);
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_NONE);
	struct page *page;

	KUNIT_ASSERT_EQ(test, vm_munmap(addr + FAKE_PAGE, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 4 * FAKE_PAGE, addr),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, get_user_pages_fast_only(addr + 3 * FAKE_PAGE, 1, 0,
						       &page), 0);
}

static void population_merges_a_huge_page(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_NONE);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_BLOCK);
	const struct fake_call *call;

	gzvm_fake_mark(test, addr, FAKE_PER_BLOCK);
	gzvm_fake_forget(test);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, FAKE_BLOCK, addr), 0);
	if (!PageHead(gzvm_fake_page(gzvm_fake_pfn(test, FAKE_GPA / FAKE_PAGE))))
		kunit_skip(test, "no huge page was to be had");
	expect_population(test, FAKE_GPA, FAKE_PER_BLOCK, addr);
	call = gzvm_fake_last(test, FAKE_SET_MEMREGION);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(call->buf + RANGES_CNT), 1);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(call->buf + RANGES_PG_CNT), 512);
}

static void population_of_much_memory_takes_several_calls(struct kunit *test)
{
	static const unsigned int nr = (PAGES_MAX + 1024) / FAKE_PER_PAGE;
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_NONE);
	unsigned long addr = gzvm_fake_mmap(test, nr * FAKE_PAGE);
	const struct fake_call *call;

	gzvm_fake_mark(test, addr, nr);
	gzvm_fake_forget(test);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, nr * FAKE_PAGE,
					     addr), 0);
	expect_population(test, FAKE_GPA, nr, addr);
	call = gzvm_fake_nth(test, FAKE_SET_MEMREGION, 2);
	if (get_unaligned_le32(call->buf + RANGES_CNT) == RANGES_MAX)
		kunit_skip(test, "no huge pages were to be had");
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_SET_MEMREGION), 3);
}

static void population_repeats_the_same_buffer_when_busy(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);
	const struct fake_call *a, *b;

	gzvm_fake_fail(test, FAKE_SET_MEMREGION, 2, FAKE_BUSY);
	gzvm_fake_fail(test, FAKE_SET_MEMREGION, 2, FAKE_BUSY);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_fake_count(test, FAKE_SET_MEMREGION), 4);
	a = gzvm_fake_nth(test, FAKE_SET_MEMREGION, 2);
	b = gzvm_fake_nth(test, FAKE_SET_MEMREGION, 4);
	KUNIT_EXPECT_MEMEQ(test, a->buf, b->buf, RANGES_SIZE);
}

/* As page_given_up_while_el2_was_busy_stays_pinned, for a slot of a guest that runs */
static void page_given_up_while_population_was_busy_stays_pinned(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);
	u64 pfn;

	gzvm_fake_fail(test, FAKE_SET_MEMREGION, 2, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
	pfn = gzvm_fake_pfn(test, FAKE_GPA / FAKE_PAGE + 3);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_relinquish(vm, FAKE_GPA + 3 * FAKE_PAGE), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

/*
 * EL2 took a page before it failed, the guest gave the page up, and its exit is
 * handled after the slot was made again: the exit is about the old page.
 */
static void page_of_a_slot_that_failed_is_in_doubt_in_the_next(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);
	u64 pfn;
	int i;

	gzvm_fake_fail(test, FAKE_SET_MEMREGION, 2, FAKE_NO_MEMORY);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr),
			-ENOMEM);
	for (i = 0; i < 8 * FAKE_PER_PAGE; i++)
		gzvm_fake_returned(test, FAKE_GPA / FAKE_HYP_PAGE + i);
	KUNIT_ASSERT_EQ(test, kunit_vm_mmap(test, NULL, addr + 3 * FAKE_PAGE, FAKE_PAGE,
					    PROT_READ | PROT_WRITE,
					    MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED, 0),
			addr + 3 * FAKE_PAGE);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr), 0);
	pfn = gzvm_fake_pfn(test, FAKE_GPA / FAKE_PAGE + 3);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_relinquish(vm, FAKE_GPA + 3 * FAKE_PAGE), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
}

/* The slot does not exist, but EL2 may have its pages: they stay until the VM ends. */
static void failed_population_keeps_what_was_given(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 1500, &addr);
	u64 offered = 0;
	unsigned int i;

	gzvm_fake_fail(test, FAKE_SET_MEMREGION, 3, FAKE_NO_MEMORY);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 1500 * FAKE_PAGE,
					     addr), -ENOMEM);
	KUNIT_ASSERT_EQ(test, gzvm_fake_count(test, FAKE_SET_MEMREGION), 3);
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 0);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA), -ENOENT);
	/* The pages in the two buffers, and no others */
	for (i = 2; i <= 3; i++)
		offered += get_unaligned_le64(gzvm_fake_nth(test, FAKE_SET_MEMREGION, i)->buf +
					      RANGES_TOTAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test) * FAKE_PER_PAGE, offered);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 1, FAKE_GPA, 0, 0), -EINVAL);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

static void refused_single_population_call_keeps_pages(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 4, &addr);

	gzvm_fake_fail(test, FAKE_SET_MEMREGION, 2, FAKE_INVALID_ARGS);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 4 * FAKE_PAGE,
					     addr), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 4);
}

static void population_of_a_hole_gives_nothing(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);

	KUNIT_ASSERT_EQ(test, vm_munmap(addr + 5 * FAKE_PAGE, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE,
					     addr), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_SET_MEMREGION), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 0);
}

/* The limit is looked at before the memory is touched, and before EL2 is told. */
static void slot_beyond_the_memlock_limit_is_refused_first(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);
	int ret[3];

	gzvm_fake_memlock(test, 7);
	ret[0] = gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	ret[1] = gzvm_fake_slot(test, vm, 0, FAKE_GPA, 7 * FAKE_PAGE, addr);
	ret[2] = gzvm_fake_slot(test, vm, 0, FAKE_GPA, 7 * FAKE_PAGE, addr);
	gzvm_fake_memlock_end(test);
	KUNIT_EXPECT_EQ(test, ret[0], -ENOMEM);
	KUNIT_EXPECT_EQ(test, ret[1], 0);
	/* The same slot again needs no more. */
	KUNIT_EXPECT_EQ(test, ret[2], 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 7);
}

static void kill_at_population(void *data, unsigned int nr)
{
	if (nr == FAKE_SET_MEMREGION)
		gzvm_fake_kill();
}

static void killed_population_ends(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);
	int ret;

	fake->enter = kill_at_population;
	gzvm_fake_repeat(test, FAKE_SET_MEMREGION, 1000, FAKE_BUSY);
	ret = gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr);
	gzvm_fake_unkill();
	fake->enter = NULL;
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 0);
}

/* EL2 has heard of nothing, hence the call may begin again. */
static void signal_before_population_gives_nothing(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);
	int ret;

	gzvm_fake_kill();
	ret = gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr);
	gzvm_fake_unkill();
	KUNIT_EXPECT_EQ(test, ret, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_SET_MEMREGION), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE,
					     addr), 0);
}

/* Nothing has to be waited for, hence the signal can wait. */
static void population_of_what_is_there_goes_on_in_spite_of_a_signal(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_scattered(test, 8, &addr);
	bool signal;
	int ret;

	set_thread_flag(TIF_NOTIFY_SIGNAL);
	ret = gzvm_fake_slot(test, vm, 0, FAKE_GPA, 8 * FAKE_PAGE, addr);
	signal = test_and_clear_thread_flag(TIF_NOTIFY_SIGNAL);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, signal);
	KUNIT_EXPECT_GT(test, gzvm_fake_count(test, FAKE_SET_MEMREGION), 0);
}

static struct kunit_case slot_cases[] = {
	KUNIT_CASE(slot_is_announced_then_registered),
	KUNIT_CASE(slot_needs_no_mapping_yet),
	KUNIT_CASE(bad_slot_is_refused_before_el2_hears),
	KUNIT_CASE(slot_at_the_limits_is_taken),
	KUNIT_CASE(slot_number_is_what_el2_is_known_to_take),
	KUNIT_CASE(each_flag_is_passed_on),
	KUNIT_CASE(overlapping_slots_are_refused),
	KUNIT_CASE(same_slot_again_is_no_error),
	KUNIT_CASE(changed_slot_is_refused),
	KUNIT_CASE(untouched_slot_can_be_deleted_and_made_anew),
	KUNIT_CASE(missing_slot_cannot_be_deleted),
	KUNIT_CASE(deletion_with_unknown_flags_is_refused),
	KUNIT_CASE(touched_slot_stays),
	KUNIT_CASE(slot_offered_in_vain_stays),
	KUNIT_CASE(slot_refused_by_el2_is_not_there),
	KUNIT_CASE(busy_el2_is_asked_again),
	KUNIT_CASE(lookup_finds_each_of_many_slots),
	KUNIT_CASE(population_gives_exactly_the_slot),
	KUNIT_CASE(pages_after_a_hole_are_not_brought),
	KUNIT_CASE(population_merges_a_huge_page),
	KUNIT_CASE(population_of_much_memory_takes_several_calls),
	KUNIT_CASE(population_repeats_the_same_buffer_when_busy),
	KUNIT_CASE(page_given_up_while_population_was_busy_stays_pinned),
	KUNIT_CASE(page_of_a_slot_that_failed_is_in_doubt_in_the_next),
	KUNIT_CASE(failed_population_keeps_what_was_given),
	KUNIT_CASE(refused_single_population_call_keeps_pages),
	KUNIT_CASE(population_of_a_hole_gives_nothing),
	KUNIT_CASE(slot_beyond_the_memlock_limit_is_refused_first),
	KUNIT_CASE(killed_population_ends),
	KUNIT_CASE(signal_before_population_gives_nothing),
	KUNIT_CASE(population_of_what_is_there_goes_on_in_spite_of_a_signal),
	{}
};

static struct kunit_suite slot_suite = {
	.name = "gzvm-slot",
	.init = gzvm_fake_init,
	.test_cases = slot_cases,
};

kunit_test_suites(&slot_suite);
