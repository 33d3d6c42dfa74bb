// SPDX-License-Identifier: GPL-2.0
/*
 * Demand paging: which frames the guest gets, by which calls, and when they
 * return to the host. In each test the fake checks that all that EL2 has is
 * pinned, and that no page stays pinned at the end.
 */

#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "fake.h"

#define GFN	(FAKE_GPA / FAKE_PAGE)

/* EL2's number of a guest page as large as the host's */
#define HYP_GFN(page)	(0x80000 + (page) * FAKE_PER_PAGE)

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
	return min(gzvm_memslot_fault(vm, FAKE_GPA + page * FAKE_PAGE + 0x123), 0);
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

/*
 * A report of the guest that may be from before EL2 mapped the page again: one for
 * each of EL2's pages in a host page. The result is that of the first.
 */
static int gives_up(struct gzvm_vm *vm, unsigned int page)
{
	u64 gpa = FAKE_GPA + page * FAKE_PAGE + 0x123;
	unsigned int i;
	int ret;

	ret = gzvm_memslot_relinquish(vm, gpa);
	for (i = 1; i < FAKE_PER_PAGE; i++)
		(void)gzvm_memslot_relinquish(vm, gpa + i * FAKE_HYP_PAGE);
	return ret;
}

/* The fake updates its book at RUN. There is none here: update the book by hand. */
static int guest_gives_up(struct kunit *test, struct gzvm_vm *vm,
			  unsigned int page)
{
	unsigned int i;

	for (i = 0; i < FAKE_PER_PAGE; i++)
		gzvm_fake_returned(test, HYP_GFN(page) + i);
	return gives_up(vm, page);
}

/* Map other memory where the guest gave a page up. */
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
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), FAKE_PER_PAGE);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_MAP_GUEST, 1), 0xa001, 7,
			 gzvm_fake_pfn(test, GFN + 5), HYP_GFN(5), 1);
	expect_backed(test, addr, 5, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);

	/* The guest sees what the caller writes now. */
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

/* Anonymous memory that was only read is the shared zero page. */
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
	KUNIT_EXPECT_FALSE(test, is_zero_pfn(gzvm_fake_pfn(test, GFN) / FAKE_PER_PAGE));
	KUNIT_EXPECT_NE(test, gzvm_fake_pfn(test, GFN), gzvm_fake_pfn(test, GFN + 1));
}

static void fault_outside_slots_is_enoent(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 4, &addr);

	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA - 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA + 4 * FAKE_PAGE), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, ~0ULL), -ENOENT);
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
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY),
				3 + (i ? 1 : FAKE_PER_PAGE));
		KUNIT_EXPECT_MEMEQ(test, gzvm_fake_nth(test, FAKE_ANY, 1)->args,
				   gzvm_fake_nth(test, FAKE_ANY, 4)->args, 56);
		gzvm_fake_vm_end(test, vm);
	}
}

static void kill_at_el2(void *data, unsigned int nr)
{
	if (nr == FAKE_MAP_GUEST_BLOCK)
		gzvm_fake_kill();
}

/* GUP looks for signals, too: the signal comes after it. */
static void killed_fault_ends_although_busy(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 4, &addr);
	struct gzvm_fake *fake = test->priv;
	int ret;

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 1000, FAKE_BUSY);
	fake->enter = kill_at_el2;
	ret = fault(vm, 0);
	fake->enter = NULL;
	gzvm_fake_unkill();
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST_BLOCK), 1);
}

/* The VMM kicks a vCPU by a signal. */
static void kicked_fault_ends_although_busy(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 8, &addr);
	int ret;

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 1100, FAKE_BUSY);
	set_thread_flag(TIF_SIGPENDING);
	ret = fault(vm, 3);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST_BLOCK), 1);

	/* The guest touches the page again. */
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	expect_backed(test, addr, 0, 8);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
}

static void fault_pauses_when_el2_stays_busy(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 8, &addr);
	struct gzvm_fake *fake = test->priv;
	ktime_t start = ktime_get();

	fake->unlogged = FAKE_MAP_GUEST_BLOCK;
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 1024 + 8, FAKE_BUSY);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	KUNIT_EXPECT_EQ(test, fake->nr_unlogged, 1024 + 9);
	/* Pauses of 1 to 8 jiffies, each of which may be short by one */
	KUNIT_EXPECT_GE(test, ktime_to_ms(ktime_sub(ktime_get(), start)),
			jiffies_to_msecs(28));
	expect_backed(test, addr, 0, 8);
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

/* The guest writes: a page that its owner may only read must not be given. */
static void fault_on_read_only_memory_is_eacces(struct kunit *test)
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
		KUNIT_EXPECT_EQ(test, fault(vm, 0), -EACCES);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
		gzvm_fake_vm_end(test, vm);
	}
}

/* A page follows the caller's mapping until it is given. */
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
		vm = make_vm(test, GZVM_PAGING_BLOCK, FAKE_PER_BLOCK, &addr);
		KUNIT_EXPECT_EQ(test, fault(vm, FAKE_PER_BLOCK / 2), 0);
		KUNIT_ASSERT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 512 / batches[i]);
		for (j = 0; j < 512 / batches[i]; j++) {
			call = gzvm_fake_nth(test, FAKE_MAP_GUEST_BLOCK, j + 1);
			FAKE_EXPECT_ARGS(test, call, 0xa001 + i, 7,
					 0x80000 + j * batches[i], batches[i]);
		}
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);
		if (!i)
			expect_backed(test, addr, 0, FAKE_PER_BLOCK);
		gzvm_fake_vm_end(test, vm);
	}
}

/* The slot covers 3 pages of one block, all of a second, and 5 of a third. */
static void block_is_clipped_to_the_slot(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long size = FAKE_BLOCK + 8 * FAKE_PAGE;
	unsigned long addr = gzvm_fake_mmap(test, size);
	u64 gpa = FAKE_GPA + FAKE_BLOCK - 3 * FAKE_PAGE;

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, gpa, size, addr), 0);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, gpa), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7,
			 0x80200 - 3 * FAKE_PER_PAGE, 3 * FAKE_PER_PAGE);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, gpa + size - FAKE_PAGE), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, 0x80400,
			 5 * FAKE_PER_PAGE);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, gpa + 10 * FAKE_PAGE), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, 0x80200, 512);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 3);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK + 8);
}

static void hole_in_the_block_leaves_the_page_alone(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 32, &addr);
	const struct fake_call *call;

	KUNIT_ASSERT_EQ(test, vm_munmap(addr + 10 * FAKE_PAGE, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	call = gzvm_fake_last(test, FAKE_MAP_GUEST_BLOCK);
	FAKE_EXPECT_ARGS(test, call, 0xa001, 7, HYP_GFN(20),
			 FAKE_PER_PAGE);
	expect_backed(test, addr, 20, 1);
	expect_not_given(test, 10, 10);
	expect_not_given(test, 21, 11);
	KUNIT_EXPECT_EQ(test, fault(vm, 10), -EFAULT);
	/* After the caller has filled the hole, the fault succeeds. */
	KUNIT_ASSERT_EQ(test, kunit_vm_mmap(test, NULL, addr + 10 * FAKE_PAGE, FAKE_PAGE,
					    PROT_READ | PROT_WRITE, MAP_ANONYMOUS |
					    MAP_PRIVATE | MAP_FIXED, 0),
			addr + 10 * FAKE_PAGE);
	gzvm_fake_mark(test, addr + 10 * FAKE_PAGE, 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 10), 0);
	expect_backed(test, addr, 0, 32);
}

static void memlock_limit_falls_back_to_one_page(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 32, &addr);
	int ret[3];

	gzvm_fake_memlock(test, 2);
	ret[0] = fault(vm, 5);
	ret[1] = fault(vm, 15);
	ret[2] = fault(vm, 25);
	gzvm_fake_memlock_end(test);
	KUNIT_EXPECT_EQ(test, ret[0], 0);
	KUNIT_EXPECT_EQ(test, ret[1], 0);
	KUNIT_EXPECT_EQ(test, ret[2], -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 2);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 2);
	expect_backed(test, addr, 5, 1);
	expect_backed(test, addr, 15, 1);
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

/* EL2 may have taken some pages of the batch: none of them may be reused. */
static void failed_batch_stays_pinned_and_is_retried(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm;

	gzvm_drv.map_batch = 8 * FAKE_PER_PAGE;
	vm = make_vm(test, GZVM_PAGING_BLOCK, 32, &addr);
	/* The second batch, and then the page alone */
	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 10), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 3);
	expect_backed(test, addr, 0, 8);
	/* No call named the batches after it: their pages are the host's. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 16);
	KUNIT_EXPECT_EQ(test, fault(vm, 10), 0);
	expect_backed(test, addr, 0, 32);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 32);
}

/* The guest gets back the page that it gave up, not what the VMM has there now. */
static void expect_same_page_again(struct kunit *test, struct gzvm_vm *vm,
				   unsigned long addr, unsigned int page, long pinned)
{
	u64 pfn = gzvm_fake_pfn(test, GFN + page);
	unsigned int i;

	map_anew(test, addr + page * FAKE_PAGE, 88);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, page), 0);
		KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned);
		KUNIT_EXPECT_EQ(test, fault(vm, page), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pfn(test, GFN + page), pfn);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned);
	}
}

/* EL2 may have taken the page before it failed, and again when it was offered again. */
static void page_of_a_failed_batch_is_given_up_but_stays_pinned(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 32, &addr);

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 32);

	/* The guest may give it up although EL2 has not said yes. */
	KUNIT_EXPECT_EQ(test, gives_up(vm, 17), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 32);
	KUNIT_EXPECT_EQ(test, fault(vm, 17), 0);
	KUNIT_EXPECT_EQ(test, gives_up(vm, 17), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 32);
	expect_same_page_again(test, vm, addr, 17, 32);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

/* Pages of a failed batch are in doubt, those of other batches are not. */
static void page_of_a_good_batch_beside_a_failed_one_is_the_hosts(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm;

	gzvm_drv.map_batch = 8 * FAKE_PER_PAGE;
	vm = make_vm(test, GZVM_PAGING_BLOCK, 32, &addr);
	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 10), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 16);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 7), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 15);
	KUNIT_EXPECT_EQ(test, gives_up(vm, 8), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 15);
}

/*
 * EL2 took the page, said BUSY, unmapped it for the guest, and took it again with
 * the repeated call. No report of the guest shows that EL2 does not have it.
 */
static void expect_busy_page_stays_pinned(struct kunit *test,
					  enum gzvm_paging paging, unsigned int call)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, paging, 8, &addr);
	long pinned;
	u64 pfn;

	gzvm_fake_fail(test, call, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	pinned = gzvm_fake_pinned(test);
	KUNIT_EXPECT_EQ(test, gives_up(vm, 3), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned);
	/* Another report */
	KUNIT_EXPECT_EQ(test, gives_up(vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	expect_same_page_again(test, vm, addr, 3, pinned);
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

/* Pages stay in doubt when one pointer replaces the table. */
static void huge_page_in_doubt_stays_pinned(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_BLOCK);

	gzvm_fake_mark(test, addr, FAKE_PER_BLOCK);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, FAKE_BLOCK, addr), 0);
	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 0), 0);
	KUNIT_EXPECT_EQ(test, gives_up(vm, 20), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);
}

/* Pages that EL2 may have are kept, whatever the guest reported. */
static void page_in_doubt_is_kept_when_the_vm_cannot_end(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	long kept = atomic_long_read(&gzvm_drv.kept_pages);
	u64 pfn;

	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	KUNIT_EXPECT_EQ(test, gives_up(vm, 3), 0);
	gzvm_fake_repeat(test, FAKE_DESTROY_VM, 1, FAKE_INVALID_ARGS);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_GE(test, atomic_long_read(&gzvm_drv.kept_pages), kept + 2);
}

/* A refusal is about the call that was refused. The call before may have mapped it. */
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

/* The status does not say that EL2 has done nothing. */
static void page_refused_for_an_unknown_reason_stays_pinned(struct kunit *test)
{
	static const long statuses[] = { FAKE_FAULT, -99, 1 };
	struct gzvm_vm *vm;
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
		gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, statuses[i]);
		KUNIT_EXPECT_LT(test, fault(vm, 3), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
		KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
		gzvm_fake_vm_end(test, vm);
		gzvm_fake_forget(test);
	}
}

static void failed_batch_then_page_alone_succeeds(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 32, &addr);

	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	expect_backed(test, addr, 20, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 32);
}

/* Pages of a large failed batch stay in doubt when smaller batches fail. */
static void smaller_batch_later_unpins_nothing_offered(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, 32, &addr);

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 4, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	gzvm_drv.map_batch = 4;
	KUNIT_EXPECT_EQ(test, fault(vm, 20), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 32);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	expect_backed(test, addr, 0, 32);
}

/* One pointer replaces the table, for a huge page or by luck. */
static void contiguous_block_needs_no_table(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_BLOCK);
	struct gzvm_block *block;

	gzvm_fake_mark(test, addr, FAKE_PER_BLOCK);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, FAKE_BLOCK, addr), 0);
	KUNIT_ASSERT_EQ(test, fault(vm, FAKE_PER_BLOCK - 1), 0);
	expect_backed(test, addr, 0, FAKE_PER_BLOCK);
	if (!PageHead(gzvm_fake_page(gzvm_fake_pfn(test, GFN))))
		kunit_skip(test, "no huge page was to be had");

	block = xa_load(&vm->by_gpa[0]->blocks, GFN / FAKE_PER_BLOCK);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_NOT_NULL(test, block->contig);
	KUNIT_EXPECT_PTR_EQ(test, (void *)block->pages, NULL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);
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
	KUNIT_EXPECT_EQ(test, gzvm_memslot_relinquish(vm, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, gives_up(vm, 8), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_relinquish(vm, ~0ULL), -ENOENT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
}

static void relinquished_page_of_a_block_comes_back(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, FAKE_PER_BLOCK, &addr);
	struct gzvm_block *block;

	KUNIT_ASSERT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, 20), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, FAKE_PER_BLOCK - 1), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK - 2);
	gzvm_fake_forget(test);

	/* A page that the guest has causes no call. */
	KUNIT_EXPECT_EQ(test, fault(vm, 19), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	/* Only this page: the guest did not touch the other one. */
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, HYP_GFN(20), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST_BLOCK), 1);
	expect_not_given(test, FAKE_PER_BLOCK - 1, 1);
	KUNIT_EXPECT_EQ(test, fault(vm, FAKE_PER_BLOCK - 1), 0);
	expect_backed(test, addr, 0, FAKE_PER_BLOCK);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);
	block = xa_load(&vm->by_gpa[0]->blocks, GFN / FAKE_PER_BLOCK);
	KUNIT_EXPECT_EQ(test, (int)block->nr_pinned, FAKE_PER_BLOCK);
}

/*
 * A shipped EL2 may take whole blocks only. The call names pages that EL2 has, hence
 * these are in doubt, and stay pinned after the guest gives them up.
 */
static void relinquished_page_comes_back_with_its_block(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, FAKE_PER_BLOCK, &addr);

	/* EL2 would announce limits, but the VMM has not asked for them. */
	vm->takes_pages = false;
	fake->again = true;
	KUNIT_ASSERT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, 20), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, FAKE_PER_BLOCK - 1), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK - 2);
	gzvm_fake_forget(test);

	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST_BLOCK), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_MAP_GUEST_BLOCK), 0xa001, 7,
			 0x80000, 512);
	expect_backed(test, addr, 0, FAKE_PER_BLOCK);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);

	/* Page 20 was named once since it was given up, page 19 twice. */
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 20), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK - 1);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 19), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK - 1);
}

static void relinquish_inside_of_a_huge_page(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_BLOCK);

	gzvm_fake_mark(test, addr, FAKE_PER_BLOCK);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, FAKE_BLOCK, addr), 0);
	KUNIT_ASSERT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up(test, vm, 20), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK - 1);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 20), -ENOENT);
	expect_backed(test, addr, 0, 20);
	expect_backed(test, addr, 21, FAKE_PER_BLOCK - 21);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, fault(vm, 20), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 7, HYP_GFN(20), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST_BLOCK), 1);
	expect_backed(test, addr, 0, FAKE_PER_BLOCK);
}

/* Host pages, which may be several of EL2's */

static int fault_hyp(struct gzvm_vm *vm, unsigned int page, unsigned int i)
{
	return min(gzvm_memslot_fault(vm, FAKE_GPA + page * FAKE_PAGE +
				      i * FAKE_HYP_PAGE + 0x123), 0);
}

static int guest_gives_up_hyp(struct kunit *test, struct gzvm_vm *vm,
			      unsigned int page, unsigned int i)
{
	gzvm_fake_returned(test, HYP_GFN(page) + i);
	return gzvm_memslot_relinquish(vm, FAKE_GPA + page * FAKE_PAGE +
				       i * FAKE_HYP_PAGE);
}

static void skip_if_pages_are_equal(struct kunit *test)
{
	if (FAKE_PER_PAGE == 1)
		kunit_skip(test, "host pages are as large as EL2's");
}

static void host_page_is_given_whole(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	unsigned int i;
	u64 pfn;

	KUNIT_ASSERT_EQ(test, fault_hyp(vm, 3, FAKE_PER_PAGE - 1), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(pfn, FAKE_PER_PAGE));
	KUNIT_ASSERT_EQ(test, gzvm_fake_count(test, FAKE_ANY), FAKE_PER_PAGE);
	for (i = 0; i < FAKE_PER_PAGE; i++)
		FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_MAP_GUEST, i + 1), 0xa001,
				 7, pfn + i, HYP_GFN(3) + i, 1);
	expect_backed(test, addr, 3, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
}

static void expect_let_go_with_the_last(struct kunit *test, enum gzvm_paging paging)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, paging, 8, &addr);
	unsigned int i;
	long pinned;
	u64 pfn;

	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	pinned = gzvm_fake_pinned(test);
	for (i = FAKE_PER_PAGE; i-- > 0; ) {
		KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn));
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned);
		KUNIT_EXPECT_EQ(test, guest_gives_up_hyp(test, vm, 3, i), 0);
		KUNIT_EXPECT_EQ(test, guest_gives_up_hyp(test, vm, 3, i), -ENOENT);
	}
	KUNIT_EXPECT_FALSE(test, gzvm_fake_page_is_pinned(pfn));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), pinned - 1);
}

static void host_page_is_let_go_with_its_last_page(struct kunit *test)
{
	expect_let_go_with_the_last(test, GZVM_PAGING_PAGE);
}

static void host_page_of_a_block_is_let_go_with_its_last_page(struct kunit *test)
{
	expect_let_go_with_the_last(test, GZVM_PAGING_BLOCK);
}

/*
 * A page that the guest gave up comes back alone. It is the same memory, unless the
 * guest gave up all pages of the host page.
 */
static void page_comes_back_from_its_host_page(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	unsigned int i;
	u64 pfn;

	skip_if_pages_are_equal(test);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	KUNIT_ASSERT_EQ(test, guest_gives_up_hyp(test, vm, 3, 1), 0);
	KUNIT_ASSERT_EQ(test, guest_gives_up_hyp(test, vm, 3, 2), 0);
	map_anew(test, addr + 3 * FAKE_PAGE, 88);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, fault_hyp(vm, 3, 1), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_MAP_GUEST), 0xa001, 7, pfn + 1,
			 HYP_GFN(3) + 1, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);

	for (i = 0; i < FAKE_PER_PAGE; i++)
		KUNIT_EXPECT_EQ(test, guest_gives_up_hyp(test, vm, 3, i), i == 2 ? -ENOENT : 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_EQ(test, fault_hyp(vm, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, GFN + 3)), 88);
	KUNIT_EXPECT_EQ(test, gzvm_fake_hyp_pfn(test, HYP_GFN(3) + 1), 0);
	KUNIT_EXPECT_EQ(test, guest_gives_up_hyp(test, vm, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

static void page_in_doubt_keeps_its_host_page(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);
	u64 pfn;

	skip_if_pages_are_equal(test);
	gzvm_fake_fail(test, FAKE_MAP_GUEST, 2, FAKE_BUSY);
	KUNIT_ASSERT_EQ(test, fault(vm, 3), 0);
	pfn = gzvm_fake_pfn(test, GFN + 3);
	map_anew(test, addr + 3 * FAKE_PAGE, 88);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pfn(test, GFN + 3), pfn);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

/* EL2 refuses the second of its pages in a host page. */
static void refused_part_of_a_host_page_is_asked_for_again(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_PAGE, 8, &addr);

	skip_if_pages_are_equal(test);
	gzvm_fake_fail(test, FAKE_MAP_GUEST, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault_hyp(vm, 3, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	/* The guest can run on if it touched what EL2 has taken. */
	gzvm_fake_fail(test, FAKE_MAP_GUEST, 2, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fault_hyp(vm, 4, 0), 0);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, fault_hyp(vm, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	KUNIT_EXPECT_EQ(test, fault_hyp(vm, 3, 1), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), FAKE_PER_PAGE - 1);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 4), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
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

/* One or more are at EL2, and the others wait for a lock. */
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
		.vm = make_vm(test, GZVM_PAGING_BLOCK, FAKE_PER_BLOCK, &addr),
	};
	unsigned int i;

	init_completion(&race.go);
	fake->enter = race_at_el2;
	fake->enter_data = &race;
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 5, FAKE_BUSY);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		racers[i] = (struct racer){ &race, i * 10 };
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
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 6);
	expect_backed(test, addr, 0, FAKE_PER_BLOCK);
}

/* One vCPU gives a page up while another's call for the block is repeated. */

static int give_up_thread(void *data)
{
	return gives_up(data, 3);
}

static void race_until_busy(void *data, unsigned int nr)
{
	struct race *race = data;

	if (nr != FAKE_MAP_GUEST_BLOCK || atomic_inc_return(&race->at_el2) != 2)
		return;
	/* EL2 has been busy, and is about to be called again. */
	wait_for_completion(&race->go);
}

static void page_given_up_between_two_calls_stays_pinned(struct kunit *test)
{
	struct gzvm_fake_thread *faulter, *giver;
	struct gzvm_fake *fake = test->priv;
	struct racer racer = { .page = 3 };
	struct race race = {};
	unsigned long addr;
	unsigned int i;

	race.vm = make_vm(test, GZVM_PAGING_BLOCK, 8, &addr);
	racer.race = &race;
	init_completion(&race.go);
	fake->enter = race_until_busy;
	fake->enter_data = &race;
	gzvm_fake_fail(test, FAKE_MAP_GUEST_BLOCK, 1, FAKE_BUSY);
	faulter = gzvm_fake_thread(test, true, racer_fault, &racer);
	for (i = 0; i < FAKE_PATIENCE_MS && atomic_read(&race.at_el2) < 2; i++)
		usleep_range(1000, 1100);
	giver = gzvm_fake_thread(test, true, give_up_thread, race.vm);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_comes_to(giver, FAKE_IN_LOCK));
	complete_all(&race.go);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(faulter), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(giver), 0);
	fake->enter = NULL;
	/* The fake checks, too, that it is pinned while EL2 has it. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_MAP_GUEST_BLOCK), 2);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
	expect_backed(test, addr, 0, 8);
}

static int fault_thread(void *data)
{
	return fault(data, 0);
}

/* All vCPUs of the VM share the mailbox: GUP must not hold its lock. */
static void pages_are_pinned_without_the_mailbox(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_vm(test, GZVM_PAGING_BLOCK, FAKE_PER_BLOCK, &addr);
	struct gzvm_fake_thread *thread;
	unsigned int i;

	mutex_lock(&vm->mailbox_lock);
	thread = gzvm_fake_thread(test, true, fault_thread, vm);
	for (i = 0; i < FAKE_PATIENCE_MS && gzvm_fake_pinned(test) < FAKE_PER_BLOCK; i++)
		usleep_range(1000, 1100);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	mutex_unlock(&vm->mailbox_lock);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), 0);
	expect_backed(test, addr, 0, FAKE_PER_BLOCK);
}

/* Killed while waiting for a lock; @vm has page 0 */

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
		return gzvm_memslot_relinquish(killed->vm, FAKE_GPA);
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

static unsigned int never_calls;

/* A page has to be waited for, and cannot be had then. Too many calls are an end. */
static vm_fault_t never_fault(struct vm_fault *vmf)
{
	never_calls++;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT && never_calls < 1000)
		return VM_FAULT_RETRY;
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct never_vm_ops = {
	.fault = never_fault,
};

static int never_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &never_vm_ops;
	return 0;
}

static const struct file_operations never_fops = {
	.mmap = never_mmap,
};

/* As with a file on a disk that fails */
static void page_that_never_comes_is_efault(struct kunit *test)
{
	static const enum gzvm_paging modes[] = { GZVM_PAGING_PAGE, GZVM_PAGING_BLOCK };
	struct gzvm_vm *vm;
	unsigned long addr;
	struct file *file;
	unsigned int i;

	file = anon_inode_getfile("[never]", &never_fops, NULL, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	addr = kunit_vm_mmap(test, file, 0, 4 * FAKE_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE, 0);
	fput(file);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr) || !addr);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		vm = gzvm_fake_vm_paging(test, modes[i]);
		KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, 4 * FAKE_PAGE,
						     addr), 0);
		never_calls = 0;
		KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA + FAKE_PAGE), -EFAULT);
		KUNIT_EXPECT_LT(test, never_calls, 20);
		gzvm_fake_vm_end(test, vm);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

struct ending {
	struct kunit *test;
	struct gzvm_vm *vm;
};

static int ending_thread(void *data)
{
	struct ending *ending = data;

	gzvm_fake_vm_end(ending->test, ending->vm);
	return 0;
}

/* As the MMU notifier does when another thread of the VMM unmaps memory */
static void slots_stay_while_somebody_looks_at_them(struct kunit *test)
{
	struct gzvm_fake_thread *thread;
	struct ending ending = { .test = test };
	unsigned long addr;

	ending.vm = make_vm(test, GZVM_PAGING_PAGE, 4, &addr);
	KUNIT_ASSERT_EQ(test, fault(ending.vm, 0), 0);
	down_read(&ending.vm->slots_lock);
	thread = gzvm_fake_thread(test, true, ending_thread, &ending);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_comes_to(thread, TASK_UNINTERRUPTIBLE));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	up_read(&ending.vm->slots_lock);
	gzvm_fake_join(thread);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
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
	block = xa_load(&killed.vm->by_gpa[0]->blocks, GFN / FAKE_PER_BLOCK);
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
	KUNIT_CASE(kicked_fault_ends_although_busy),
	KUNIT_CASE(fault_pauses_when_el2_stays_busy),
	KUNIT_CASE(fault_on_a_hole_is_efault),
	KUNIT_CASE(fault_on_read_only_memory_is_eacces),
	KUNIT_CASE(page_is_looked_up_when_it_is_first_given),
	KUNIT_CASE(memory_outlives_the_callers_mapping),
	KUNIT_CASE(fault_gives_the_whole_block_in_batches),
	KUNIT_CASE(block_is_clipped_to_the_slot),
	KUNIT_CASE(hole_in_the_block_leaves_the_page_alone),
	KUNIT_CASE(memlock_limit_falls_back_to_one_page),
	KUNIT_CASE(memlock_limit_holds_page_by_page),
	KUNIT_CASE(failed_batch_stays_pinned_and_is_retried),
	KUNIT_CASE(page_of_a_failed_batch_is_given_up_but_stays_pinned),
	KUNIT_CASE(page_of_a_good_batch_beside_a_failed_one_is_the_hosts),
	KUNIT_CASE(page_given_up_while_el2_was_busy_stays_pinned),
	KUNIT_CASE(page_of_a_block_given_up_while_el2_was_busy_stays_pinned),
	KUNIT_CASE(huge_page_in_doubt_stays_pinned),
	KUNIT_CASE(page_in_doubt_is_kept_when_the_vm_cannot_end),
	KUNIT_CASE(page_refused_after_el2_was_busy_stays_pinned),
	KUNIT_CASE(page_refused_for_an_unknown_reason_stays_pinned),
	KUNIT_CASE(failed_batch_then_page_alone_succeeds),
	KUNIT_CASE(smaller_batch_later_unpins_nothing_offered),
	KUNIT_CASE(contiguous_block_needs_no_table),
	KUNIT_CASE(relinquished_page_is_the_hosts_again),
	KUNIT_CASE(relinquish_of_what_the_guest_has_not_is_enoent),
	KUNIT_CASE(relinquished_page_of_a_block_comes_back),
	KUNIT_CASE(relinquished_page_comes_back_with_its_block),
	KUNIT_CASE(relinquish_inside_of_a_huge_page),
	KUNIT_CASE(host_page_is_given_whole),
	KUNIT_CASE(host_page_is_let_go_with_its_last_page),
	KUNIT_CASE(host_page_of_a_block_is_let_go_with_its_last_page),
	KUNIT_CASE(page_comes_back_from_its_host_page),
	KUNIT_CASE(page_in_doubt_keeps_its_host_page),
	KUNIT_CASE(refused_part_of_a_host_page_is_asked_for_again),
	KUNIT_CASE(block_touched_by_two_is_pinned_once),
	KUNIT_CASE(page_given_up_between_two_calls_stays_pinned),
	KUNIT_CASE(pages_are_pinned_without_the_mailbox),
	KUNIT_CASE(page_that_never_comes_is_efault),
	KUNIT_CASE(slots_stay_while_somebody_looks_at_them),
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
