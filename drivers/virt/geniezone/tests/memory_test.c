// SPDX-License-Identifier: GPL-2.0
/*
 * Demand paging: which frames the guest gets, in which calls, and when they
 * are the host's again. That nothing is EL2's without being pinned, and that
 * nothing stays pinned, the fake checks in each of these tests.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "fake.h"

#define GFN	(FAKE_GPA / FAKE_PAGE)

/* A VM with one slot of marked small pages at FAKE_GPA */
static struct gzvm_vm *make_vm(struct kunit *test, enum gzvm_paging paging,
			       unsigned int nr_pages, unsigned long *addr)
{
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, paging);

	gzvm_fake_no_huge(test);
	*addr = gzvm_fake_mmap(test, nr_pages * FAKE_PAGE);
	gzvm_fake_mark(test, *addr, nr_pages);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA,
					     nr_pages * FAKE_PAGE, *addr), 0);
	gzvm_fake_forget(test);
	return vm;
}

static int fault(struct gzvm_vm *vm, unsigned int page)
{
	return gzvm_gmem_fault(vm, FAKE_GPA + page * FAKE_PAGE + 0x123);
}

static void expect_backed(struct kunit *test, unsigned long addr,
			  unsigned int first, unsigned int nr)
{
	unsigned int i;
	u64 pfn;

	for (i = first; i < first + nr; i++) {
		pfn = gzvm_fake_pfn(test, GFN + i);
		KUNIT_ASSERT_NE_MSG(test, pfn, 0, "page %u not given", i);
		KUNIT_ASSERT_EQ_MSG(test, gzvm_fake_read_mark(pfn),
				    (addr >> PAGE_SHIFT) + i, "page %u", i);
	}
}

static void expect_not_given(struct kunit *test, unsigned int first,
			     unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++)
		KUNIT_ASSERT_EQ_MSG(test, gzvm_fake_pfn(test, GFN + i), 0,
				    "page %u", i);
}

/* What a vCPU that is entered now has seen */
static int entered(struct gzvm_vm *vm)
{
	return atomic_read(&vm->map_seq);
}

static int gives_up_at(struct gzvm_vm *vm, unsigned int page, int seen_map)
{
	return gzvm_gmem_relinquish(vm, FAKE_GPA + page * FAKE_PAGE + 0x123,
				    seen_map);
}

/* The fake's book follows RUN; here there is none, so EL2 is told to forget. */
static int guest_gives_up_at(struct kunit *test, struct gzvm_vm *vm,
			     unsigned int page, int seen_map)
{
	struct gzvm_fake *fake = test->priv;
	void *entry = xa_load(&fake->vms[0].pages, GFN + page);
	u64 pfn = entry ? xa_to_value(entry) >> 2 : 0;

	if (pfn)
		xa_store(&fake->vms[0].pages, GFN + page,
			 xa_mk_value(pfn << 2 | FAKE_PAGE_RETURNED), GFP_KERNEL);
	return gives_up_at(vm, page, seen_map);
}

static int guest_gives_up(struct kunit *test, struct gzvm_vm *vm,
			  unsigned int page)
{
	return guest_gives_up_at(test, vm, page, entered(vm));
}

/* The VMM has other memory where the guest gave some up. */
static void map_anew(struct kunit *test, unsigned long addr, u64 mark)
{
	unsigned long other;

	other = kunit_vm_mmap(test, NULL, addr, FAKE_PAGE, PROT_READ | PROT_WRITE,
			      MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED, 0);
	KUNIT_ASSERT_EQ(test, other, addr);
	KUNIT_ASSERT_EQ(test, put_user(mark, (u64 __user *)other), 0);
}

/* Page by page */

static void fault_gives_the_page_behind_the_address(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);

	KUNIT_EXPECT_EQ(test, fault(vm, 5), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_MAP_GUEST), 0xa001, 7,
			 gzvm_fake_pfn(test, GFN + 5), 0x80005, 1);
	expect_backed(test, addr, 5, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);

	/* And what the caller writes now, the guest sees. */
	KUNIT_EXPECT_EQ(test, put_user(42ULL, (u64 __user *)(addr + 5 * FAKE_PAGE)), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, GFN + 5)), 42);
}

static void second_fault_calls_nobody(struct kunit *test)
{
	static const enum gzvm_paging modes[] = { GZVM_PAGING_PAGE, GZVM_PAGING_BLOCK };
	struct gzvm_vm *vm;
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		vm = make_vm(test, modes[i], 4, &addr);
		KUNIT_EXPECT_EQ(test, fault(vm, 1), 0);
		gzvm_fake_forget(test);
		KUNIT_EXPECT_EQ(test, fault(vm, 1), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
		gzvm_fake_vm_end(test, vm);
	}
}

/* Read before it is written, anonymous memory is the shared zero page. */
static void fault_on_untouched_memory_gives_own_page(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_PAGE);
	unsigned long addr = gzvm_fake_mmap(test, 2 * FAKE_PAGE);
	u64 value;

	gzvm_fake_no_huge(test);
	KUNIT_ASSERT_EQ(test, get_user(value, (u64 __user *)addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, 2 * FAKE_PAGE, addr), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 0), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 1), 0);
	KUNIT_EXPECT_FALSE(test, is_zero_pfn(gzvm_fake_pfn(test, GFN)));
	KUNIT_EXPECT_NE(test, gzvm_fake_pfn(test, GFN), gzvm_fake_pfn(test, GFN + 1));
}

static void fault_outside_slots_is_enoent(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 4, &addr);

	KUNIT_EXPECT_EQ(test, gzvm_gmem_fault(vm, FAKE_GPA - 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_fault(vm, FAKE_GPA + 4 * FAKE_PAGE), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_fault(vm, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_fault(vm, ~0ULL), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void refused_page_is_unpinned_and_asked_for_again(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 4, &addr);

	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 2), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 2), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	expect_backed(test, addr, 2, 1);
}

static void busy_map_is_repeated(struct kunit *test)
{
	static const enum gzvm_paging modes[] = { GZVM_PAGING_PAGE, GZVM_PAGING_BLOCK };
	struct gzvm_vm *vm;
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		vm = make_vm(test, modes[i], 4, &addr);
		gzvm_fake_repeat(test, modes[i] == GZVM_PAGING_PAGE ? FAKE_MAP_GUEST :
				 FAKE_MAP_GUEST_BLOCK, 3, FAKE_BUSY);
		KUNIT_EXPECT_EQ(test, fault(vm, 1), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 4);
		KUNIT_EXPECT_MEMEQ(test, gzvm_fake_nth(test, FAKE_ANY, 1)->args,
				   gzvm_fake_nth(test, FAKE_ANY, 4)->args, 56);
		gzvm_fake_vm_end(test, vm);
	}
}

static void killed_fault_ends_although_busy(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 4, &addr);
	int ret;

	/* The page is present, so that pinning it does not look for signals. */
	KUNIT_ASSERT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, 0), 0);
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 1000, FAKE_BUSY);
	gzvm_fake_kill();
	ret = fault(vm, 0);
	gzvm_fake_unkill();
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
}

static void fault_on_a_hole_is_efault(struct kunit *test)
{
	static const enum gzvm_paging modes[] = { GZVM_PAGING_PAGE, GZVM_PAGING_BLOCK };
	struct gzvm_vm *vm;
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		vm = make_vm(test, modes[i], 4, &addr);
		KUNIT_ASSERT_EQ(test, vm_munmap(addr, 4 * FAKE_PAGE), 0);
		KUNIT_EXPECT_EQ(test, fault(vm, 1), -EFAULT);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
		gzvm_fake_vm_end(test, vm);
	}
}

/* The guest writes: a page that its owner may only read is not to be given. */
static void fault_on_read_only_memory_is_efault(struct kunit *test)
{
	static const enum gzvm_paging modes[] = { GZVM_PAGING_PAGE, GZVM_PAGING_BLOCK };
	struct gzvm_vm *vm;
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		vm = make_vm(test, modes[i], 4, &addr);
		KUNIT_ASSERT_EQ(test, kunit_vm_mmap(test, NULL, addr, 4 * FAKE_PAGE,
						    PROT_READ, MAP_ANONYMOUS |
						    MAP_PRIVATE | MAP_FIXED, 0), addr);
		gzvm_fake_peek(test, addr, 8);
		KUNIT_EXPECT_EQ(test, fault(vm, 0), -EFAULT);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
		gzvm_fake_vm_end(test, vm);
	}
}

/* Until it is given away, a page follows the caller's mapping. */
static void page_is_looked_up_when_it_is_first_given(struct kunit *test)
{
	unsigned long addr, other;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 4, &addr);

	other = kunit_vm_mmap(test, NULL, addr + FAKE_PAGE, FAKE_PAGE,
			      PROT_READ | PROT_WRITE,
			      MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED, 0);
	KUNIT_ASSERT_EQ(test, other, addr + FAKE_PAGE);
	KUNIT_ASSERT_EQ(test, put_user(77ULL, (u64 __user *)other), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 1), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, GFN + 1)), 77);
}

static void memory_outlives_the_callers_mapping(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 16, &addr);

	KUNIT_EXPECT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, vm_munmap(addr, 16 * FAKE_PAGE), 0);
	expect_backed(test, addr, 0, 16);
}

/* Block by block */

static void fault_gives_the_whole_block_in_batches(struct kunit *test)
{
	static const u32 batches[] = { 512, 64, 1 };
	const struct fake_call *call;
	unsigned long addr;
	struct gzvm_vm *vm;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(batches); i++) {
		gzvm_drv.map_batch = batches[i];
		vm = make_vm(test, GZVM_PAGING_BLOCK, 512, &addr);
		KUNIT_EXPECT_EQ(test, fault(vm, 300), 0);
		KUNIT_ASSERT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 512 / batches[i]);
		for (j = 0; j < 512 / batches[i]; j++) {
			call = gzvm_fake_nth(test, FAKE_MAP_GUEST_BLOCK, j + 1);
			FAKE_EXPECT_ARGS(test, call, 0xa001 + i, 7,
					 0x80000 + j * batches[i], batches[i]);
		}
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 512);
		if (!i)
			expect_backed(test, addr, 0, 512);
		gzvm_fake_vm_end(test, vm);
	}
}

/* The slot covers 3 pages of one block, all of a second, and 5 of a third. */
static void block_is_clipped_to_the_slot(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, 520 * FAKE_PAGE);
	u64 gpa = FAKE_GPA + 509 * FAKE_PAGE;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, gpa, 520 * FAKE_PAGE, addr), 0);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_fault(vm, gpa), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, 0x801fd, 3);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_fault(vm, gpa + 519 * FAKE_PAGE), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, 0x80400, 5);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_fault(vm, gpa + 100 * FAKE_PAGE), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, 0x80200, 512);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 3);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 520);
}

static void hole_in_the_block_leaves_the_page_alone(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 64, &addr);
	const struct fake_call *call;

	KUNIT_ASSERT_EQ(test, vm_munmap(addr + 10 * FAKE_PAGE, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 40), 0);
	call = gzvm_fake_last(test, FAKE_MAP_GUEST_BLOCK);
	FAKE_EXPECT_ARGS(test, call, 0xa001, 7, 0x80028, 1);
	expect_backed(test, addr, 40, 1);
	expect_not_given(test, 10, 30);
	expect_not_given(test, 41, 23);
	KUNIT_EXPECT_EQ(test, fault(vm, 10), -EFAULT);
	/* The caller fills the hole, and all is well. */
	KUNIT_ASSERT_EQ(test, kunit_vm_mmap(test, NULL, addr + 10 * FAKE_PAGE, FAKE_PAGE,
					    PROT_READ | PROT_WRITE, MAP_ANONYMOUS |
					    MAP_PRIVATE | MAP_FIXED, 0),
			addr + 10 * FAKE_PAGE);
	gzvm_fake_mark(test, addr + 10 * FAKE_PAGE, 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 10), 0);
	expect_backed(test, addr, 0, 64);
}

static void memlock_limit_falls_back_to_one_page(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 64, &addr);
	int ret[3];

	gzvm_fake_memlock(test, 2);
	ret[0] = fault(vm, 20);
	ret[1] = fault(vm, 30);
	ret[2] = fault(vm, 40);
	gzvm_fake_memlock_end(test);
	KUNIT_EXPECT_EQ(test, ret[0], 0);
	KUNIT_EXPECT_EQ(test, ret[1], 0);
	KUNIT_EXPECT_EQ(test, ret[2], -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 2);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 2);
	expect_backed(test, addr, 20, 1);
	expect_backed(test, addr, 30, 1);
}

static void memlock_limit_holds_page_by_page(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	int ret[2];

	gzvm_fake_memlock(test, 1);
	ret[0] = fault(vm, 0);
	ret[1] = fault(vm, 1);
	gzvm_fake_memlock_end(test);
	KUNIT_EXPECT_EQ(test, ret[0], 0);
	KUNIT_EXPECT_EQ(test, ret[1], -ENOMEM);
	/* With privilege there is no limit. */
	KUNIT_EXPECT_EQ(test, fault(vm, 1), 0);
}

/* EL2 may have taken some of the batch: nothing of it may be reused. */
static void failed_batch_stays_pinned_and_is_retried(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm;

	gzvm_drv.map_batch = 16;
	vm = make_vm(test, GZVM_PAGING_BLOCK, 64, &addr);
	/* The second batch, and then the page alone */
	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 3);
	expect_backed(test, addr, 0, 16);
	/* The batches after it were not offered: they are the host's. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 32);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	expect_backed(test, addr, 0, 64);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 64);
}

/*
 * EL2 took it before it failed, and lets go of it when the guest does. By the time
 * that we hear of it another vCPU may have had it offered and mapped again.
 */
static void page_of_a_failed_batch_is_given_up_but_stays_pinned(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 64, &addr);
	int seen_map;
	u64 pfn;

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 64);

	/* It has been offered and mapped again since the guest was entered. */
	seen_map = entered(vm);
	KUNIT_EXPECT_EQ(test, fault(vm, 17), 0);
	pfn = gzvm_fake_pfn(test, GFN + 17);
	KUNIT_EXPECT_EQ(test, gives_up_at(vm, 17, seen_map), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 64);

	/* In an entry from after that it is given up for good. */
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 17), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 63);
}

/* Only EL2 knows of it so far, and that is enough to give it up. */
static void page_of_a_failed_batch_is_given_up(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 64, &addr);

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 17), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 63);
	map_anew(test, addr + 17 * FAKE_PAGE, 99);
	KUNIT_EXPECT_EQ(test, fault(vm, 17), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, GFN + 17)), 99);
}

/*
 * EL2 took it, said that it was busy, let go of it with the guest, and took it with
 * the call that came again. The guest's exit is late: it was entered before.
 */
static void expect_busy_page_stays_pinned(struct kunit *test,
					  enum gzvm_paging paging, unsigned int call)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, paging, 8, &addr);
	int seen_map = entered(vm);
	long pinned;
	u64 pfn;

	gzvm_fake_fail(test, call, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	pinned = gzvm_fake_pinned(test);
	KUNIT_EXPECT_EQ(test, gives_up_at(vm, 3, seen_map), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned);
	/* Again: it is as late as before. */
	KUNIT_EXPECT_EQ(test, gives_up_at(vm, 3, seen_map), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned);

	/* And then in earnest */
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned - 1);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), -ENOENT);
}

/* The guest gets what the VMM has there by then, though EL2 may have both. */
static void page_in_doubt_is_not_in_the_way(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	int seen_map = entered(vm);
	u64 pfn;

	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	KUNIT_EXPECT_EQ(test, guest_gives_up_at(test, vm, 3, seen_map), 0);
	map_anew(test, addr + 3 * FAKE_PAGE, 88);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, GFN + 3)), 88);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 2);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));

	/* Another exit from before comes in: the new one cannot be had, either. */
	KUNIT_EXPECT_EQ(test, gives_up_at(vm, 3, seen_map), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(gzvm_fake_pfn(test, GFN + 3)));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 2);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

static void page_given_up_while_el2_was_busy_stays_pinned(struct kunit *test)
{
	expect_busy_page_stays_pinned(test, GZVM_PAGING_PAGE, FAKE_MAP_GUEST);
}

static void page_of_a_block_given_up_while_el2_was_busy_stays_pinned(struct kunit *test)
{
	expect_busy_page_stays_pinned(test, GZVM_PAGING_BLOCK, FAKE_MAP_GUEST_BLOCK);
}

/* Who was entered after the call can only mean what the call mapped in the end. */
static void busy_page_given_up_later_is_the_hosts(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 8, &addr);

	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 7);
}

/* What the guest says in later entries is sure, whatever was before. */
static void pages_in_doubt_do_not_pile_up(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	int seen_map = entered(vm), i;

	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	guest_gives_up_at(test, vm, 3, seen_map);
	for (i = 0; i < 5; i++) {
		map_anew(test, addr + 3 * FAKE_PAGE, 1000 + i);
		KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, GFN + 3)),
				1000 + i);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), i ? 1 : 2);
		KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	}
}

/* What EL2 may have stays the host's loss, whichever page the guest has now. */
static void page_aside_is_kept_when_the_vm_cannot_end(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	int seen_map = entered(vm);
	long kept = atomic_long_read(&gzvm_drv.kept_pages);
	u64 pfn;

	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	KUNIT_EXPECT_EQ(test, gives_up_at(vm, 3, seen_map), 0);
	gzvm_fake_repeat(test, FAKE_DESTROY_VM, 1, FAKE_INVALID_ARGS);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_GE(test, atomic_long_read(&gzvm_drv.kept_pages), kept + 1);
}

/* A refusal concerns the call that was refused. The one before may have mapped it. */
static void page_refused_after_el2_was_busy_stays_pinned(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);

	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_BUSY);
	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_INVALID_ARGS);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST), 2);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	expect_backed(test, addr, 3, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
}

static void failed_batch_then_page_alone_succeeds(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 64, &addr);

	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	expect_backed(test, addr, 20, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 64);
}

/* What was offered in one large batch is not forgotten in smaller ones. */
static void smaller_batch_later_unpins_nothing_offered(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 64, &addr);

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 4, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	gzvm_drv.map_batch = 4;
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 64);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	expect_backed(test, addr, 0, 64);
}

/* One pointer instead of a table, for a huge page or by luck */
static void contiguous_block_needs_no_table(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_BLOCK);
	struct gzvm_block *block;

	gzvm_fake_mark(test, addr, 512);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, FAKE_BLOCK, addr), 0);
	KUNIT_ASSERT_EQ(test, fault(vm, 511), 0);
	expect_backed(test, addr, 0, 512);
	if (!PageHead(pfn_to_page(gzvm_fake_pfn(test, GFN))))
		kunit_skip(test, "no huge page was to be had");

	block = xa_load(&vm->slots[7]->blocks, GFN / 512);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_NOT_NULL(test, block->run);
	KUNIT_EXPECT_PTR_EQ(test, (void *)block->pages, NULL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 512);
}

/* Relinquish */

static void relinquished_page_is_the_hosts_again(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	u64 pfn;

	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_FALSE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	/* Once only */
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

static void relinquish_of_what_the_guest_has_not_is_enoent(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);

	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), -ENOENT);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 4), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_relinquish(vm, 0, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, gives_up_at(vm, 8, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_relinquish(vm, ~0ULL, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
}

static void relinquished_page_of_a_block_comes_back(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 512, &addr);
	struct gzvm_block *block;

	KUNIT_ASSERT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, 100), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, 511), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 510);
	gzvm_fake_forget(test);

	/* A page that is there: no call for it. */
	KUNIT_EXPECT_EQ(test, fault(vm, 99), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	/* The one, not the other: the guest did not ask for that. */
	KUNIT_EXPECT_EQ(test, fault(vm, 100), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, 0x80064, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	expect_not_given(test, 511, 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 511), 0);
	expect_backed(test, addr, 0, 512);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 512);
	block = xa_load(&vm->slots[7]->blocks, GFN / 512);
	KUNIT_EXPECT_EQ(test, (int)block->nr_pinned, 512);
}

static void relinquish_inside_of_a_huge_page(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_BLOCK);

	gzvm_fake_mark(test, addr, 512);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, FAKE_BLOCK, addr), 0);
	KUNIT_ASSERT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, 200), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 511);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 200), -ENOENT);
	expect_backed(test, addr, 0, 200);
	expect_backed(test, addr, 201, 311);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, fault(vm, 200), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, 0x800c8, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	expect_backed(test, addr, 0, 512);
}

/* Several vCPUs on one block */

struct race {
	struct gzvm_vm *vm;
	atomic_t at_el2;
	struct completion go;
};

struct racer {
	struct race *race;
	unsigned int page;
};

static int racer_fault(void *data)
{
	struct racer *racer = data;

	return fault(racer->race->vm, racer->page);
}

static void race_at_el2(void *data, unsigned int nr)
{
	struct race *race = data;

	if (nr != FAKE_MAP_GUEST_BLOCK)
		return;
	atomic_inc(&race->at_el2);
	wait_for_completion(&race->go);
}

/* One is at EL2, or more are, and those that are not wait for it. */
static bool race_is_on(struct race *race, struct gzvm_fake_thread **threads,
		       unsigned int nr)
{
	unsigned int i, there = atomic_read(&race->at_el2);

	for (i = 0; i < nr; i++)
		there += gzvm_fake_is_in(threads[i], FAKE_IN_LOCK);
	return there == nr;
}

static void block_touched_by_two_is_pinned_once(struct kunit *test)
{
	struct gzvm_fake_thread *threads[4];
	struct gzvm_fake *fake = test->priv;
	struct racer racers[4];
	unsigned long addr;
	struct race race = {
		.vm = make_vm(test, GZVM_PAGING_BLOCK, 512, &addr),
	};
	unsigned int i;

	init_completion(&race.go);
	fake->enter = race_at_el2;
	fake->enter_data = &race;
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 5, FAKE_BUSY);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		racers[i] = (struct racer){ &race, i * 100 };
		threads[i] = gzvm_fake_thread(test, true, racer_fault, &racers[i]);
	}
	for (i = 0; i < FAKE_PATIENCE_MS; i++) {
		if (race_is_on(&race, threads, ARRAY_SIZE(threads)))
			break;
		usleep_range(1000, 1100);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&race.at_el2), 1);
	complete_all(&race.go);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, gzvm_fake_join(threads[i]), 0);
	fake->enter = NULL;
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 512);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 6);
	expect_backed(test, addr, 0, 512);
}

static int fault_thread(void *data)
{
	return fault(data, 0);
}

/* Others give memory meanwhile: the mailbox is the VM's, a block its own. */
static void pages_are_pinned_without_the_mailbox(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 512, &addr);
	struct gzvm_fake_thread *thread;
	unsigned int i;

	mutex_lock(&vm->mailbox_lock);
	thread = gzvm_fake_thread(test, true, fault_thread, vm);
	for (i = 0; i < FAKE_PATIENCE_MS && gzvm_fake_pinned(test) < 512; i++)
		usleep_range(1000, 1100);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 512);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	mutex_unlock(&vm->mailbox_lock);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
	expect_backed(test, addr, 0, 512);
}

/* Killed while they wait for a lock, of which @vm has page 0 */

struct killed {
	struct gzvm_vm *vm;
	unsigned long addr;
	unsigned int call;
};

static int killed_call(struct killed *killed)
{
	struct gzvm_userspace_memory_region region = {
		.slot = 7, .flags = 1, .guest_phys_addr = FAKE_GPA,
	};

	switch (killed->call) {
	case 0:
		return fault(killed->vm, 1);
	case 1:
		return gzvm_gmem_relinquish(killed->vm, FAKE_GPA, 0);
	case 2:
		return gzvm_memslots_populate(killed->vm);
	case 3:
		return gzvm_memslot_set(killed->vm, &region);
	default:
		region.slot = 8;
		region.guest_phys_addr = 2 * FAKE_GPA;
		region.memory_size = FAKE_PAGE;
		region.userspace_addr = killed->addr;
		return gzvm_memslot_set(killed->vm, &region);
	}
}

static int killed_thread(void *data)
{
	int ret;

	gzvm_fake_kill();
	ret = killed_call(data);
	gzvm_fake_unkill();
	return ret;
}

static void expect_killed(struct kunit *test, struct gzvm_fake_thread *thread,
			  unsigned int call)
{
	KUNIT_EXPECT_EQ_MSG(test, gzvm_fake_join(thread), -EINTR, "call %u", call);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	KUNIT_EXPECT_NE(test, gzvm_fake_pfn(test, GFN), 0);
}

static void killed_waiter_for_the_slots_does_nothing(struct kunit *test)
{
	struct gzvm_fake_thread *thread;
	struct killed killed;

	killed.vm = make_vm(test, GZVM_PAGING_PAGE, 4, &killed.addr);
	KUNIT_ASSERT_EQ(test, fault(killed.vm, 0), 0);
	gzvm_fake_forget(test);
	for (killed.call = 0; killed.call < 5; killed.call++) {
		down_write(&killed.vm->slots_lock);
		thread = gzvm_fake_thread(test, true, killed_thread, &killed);
		KUNIT_EXPECT_TRUE(test, gzvm_fake_ended(thread));
		up_write(&killed.vm->slots_lock);
		expect_killed(test, thread, killed.call);
	}
	KUNIT_EXPECT_EQ(test, killed.vm->nr_slots, 1);
}

static void killed_waiter_for_a_block_does_nothing(struct kunit *test)
{
	struct gzvm_fake_thread *thread;
	struct killed killed;
	struct gzvm_block *block;

	killed.vm = make_vm(test, GZVM_PAGING_PAGE, 4, &killed.addr);
	KUNIT_ASSERT_EQ(test, fault(killed.vm, 0), 0);
	gzvm_fake_forget(test);
	block = xa_load(&killed.vm->slots[7]->blocks, GFN / 512);
	for (killed.call = 0; killed.call < 2; killed.call++) {
		mutex_lock(&block->lock);
		thread = gzvm_fake_thread(test, true, killed_thread, &killed);
		KUNIT_EXPECT_TRUE(test, gzvm_fake_ended(thread));
		mutex_unlock(&block->lock);
		expect_killed(test, thread, killed.call);
	}
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(fault_gives_the_page_behind_the_address),
	KUNIT_CASE(second_fault_calls_nobody),
	KUNIT_CASE(fault_on_untouched_memory_gives_own_page),
	KUNIT_CASE(fault_outside_slots_is_enoent),
	KUNIT_CASE(refused_page_is_unpinned_and_asked_for_again),
	KUNIT_CASE(busy_map_is_repeated),
	KUNIT_CASE(killed_fault_ends_although_busy),
	KUNIT_CASE(fault_on_a_hole_is_efault),
	KUNIT_CASE(fault_on_read_only_memory_is_efault),
	KUNIT_CASE(page_is_looked_up_when_it_is_first_given),
	KUNIT_CASE(memory_outlives_the_callers_mapping),
	KUNIT_CASE(fault_gives_the_whole_block_in_batches),
	KUNIT_CASE(block_is_clipped_to_the_slot),
	KUNIT_CASE(hole_in_the_block_leaves_the_page_alone),
	KUNIT_CASE(memlock_limit_falls_back_to_one_page),
	KUNIT_CASE(memlock_limit_holds_page_by_page),
	KUNIT_CASE(failed_batch_stays_pinned_and_is_retried),
	KUNIT_CASE(page_of_a_failed_batch_is_given_up_but_stays_pinned),
	KUNIT_CASE(page_of_a_failed_batch_is_given_up),
	KUNIT_CASE(page_in_doubt_is_not_in_the_way),
	KUNIT_CASE(page_given_up_while_el2_was_busy_stays_pinned),
	KUNIT_CASE(page_of_a_block_given_up_while_el2_was_busy_stays_pinned),
	KUNIT_CASE(busy_page_given_up_later_is_the_hosts),
	KUNIT_CASE(pages_in_doubt_do_not_pile_up),
	KUNIT_CASE(page_aside_is_kept_when_the_vm_cannot_end),
	KUNIT_CASE(page_refused_after_el2_was_busy_stays_pinned),
	KUNIT_CASE(failed_batch_then_page_alone_succeeds),
	KUNIT_CASE(smaller_batch_later_unpins_nothing_offered),
	KUNIT_CASE(contiguous_block_needs_no_table),
	KUNIT_CASE(relinquished_page_is_the_hosts_again),
	KUNIT_CASE(relinquish_of_what_the_guest_has_not_is_enoent),
	KUNIT_CASE(relinquished_page_of_a_block_comes_back),
	KUNIT_CASE(relinquish_inside_of_a_huge_page),
	KUNIT_CASE(block_touched_by_two_is_pinned_once),
	KUNIT_CASE(pages_are_pinned_without_the_mailbox),
	KUNIT_CASE(killed_waiter_for_the_slots_does_nothing),
	KUNIT_CASE(killed_waiter_for_a_block_does_nothing),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "gzvm-memory",
	.init = gzvm_fake_init,
	.test_cases = memory_cases,
};

kunit_test_suites(&memory_suite);
