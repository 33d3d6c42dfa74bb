// SPDX-License-Identifier: GPL-2.0
/*
 * Private memory: pages of the driver, in place of the VMM's or from a file.
 */

#include <kunit/static_stub.h>
#include <linux/falloc.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>

#include "fake.h"

#define GFN	(FAKE_GPA / FAKE_PAGE)
#define MARK	0x5ec4e7ULL

/* A VM that is protected, with one slot of @nr_pages at FAKE_GPA */
static struct gzvm_vm *make_vm(struct kunit *test, unsigned int nr_pages,
			       unsigned long addr)
{
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_BLOCK);

	KUNIT_ASSERT_EQ(test, gzvm_memslots_make_private(vm), 0);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA,
					     nr_pages * FAKE_PAGE, addr), 0);
	gzvm_fake_forget(test);
	return vm;
}

static struct gzvm_vm *make_marked_vm(struct kunit *test, unsigned int nr_pages,
				      unsigned long *addr)
{
	*addr = gzvm_fake_mmap(test, nr_pages * FAKE_PAGE);
	gzvm_fake_mark(test, *addr, nr_pages);
	return make_vm(test, nr_pages, *addr);
}

static int fault(struct gzvm_vm *vm, unsigned int page)
{
	return min(gzvm_memslot_fault(vm, FAKE_GPA + page * FAKE_PAGE), 0);
}

static int guest_gives_up(struct kunit *test, struct gzvm_vm *vm, unsigned int page)
{
	unsigned int i, ret = 0;

	for (i = 0; i < FAKE_PER_PAGE; i++) {
		gzvm_fake_returned(test, (GFN + page) * FAKE_PER_PAGE + i);
		ret |= gzvm_memslot_relinquish(vm, FAKE_GPA + page * FAKE_PAGE +
						   i * FAKE_HYP_PAGE);
	}
	return ret;
}

static long pin(unsigned long addr, struct page **page)
{
	return get_user_pages_unlocked(addr, 1, page, FOLL_WRITE);
}

static void expect_mark(struct kunit *test, unsigned int page, u64 mark)
{
	u64 pfn = gzvm_fake_pfn(test, GFN + page);

	KUNIT_ASSERT_NE(test, pfn, 0);
	KUNIT_EXPECT_EQ_MSG(test, gzvm_fake_read_mark(pfn), mark, "page %u", page);
}

static void protected_guest_gets_pages_of_the_driver(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_marked_vm(test, 8, &addr);
	struct page *held, *page;

	/* A holder of a page goes on with the old one. */
	KUNIT_ASSERT_EQ(test, pin(addr + FAKE_PAGE, &held), 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 5), 0);
	expect_mark(test, 0, addr >> PAGE_SHIFT);
	expect_mark(test, 1, (addr >> PAGE_SHIFT) + 1);
	expect_mark(test, 7, (addr >> PAGE_SHIFT) + 7);
	KUNIT_EXPECT_PTR_NE(test, gzvm_fake_page(gzvm_fake_pfn(test, GFN + 1)), held);
	put_page(held);
	/* The VMM sees the guest's page, if EL2 lets it, and cannot pin it. */
	gzvm_fake_poke(test, addr + FAKE_PAGE, 8, MARK);
	expect_mark(test, 1, MARK);
	KUNIT_EXPECT_EQ(test, pin(addr + FAKE_PAGE, &page), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
	KUNIT_EXPECT_EQ(test, fault(vm, 5), 0);
}

static void untouched_memory_is_zero(struct kunit *test)
{
	unsigned long addr = gzvm_fake_mmap(test, FAKE_BLOCK);
	struct gzvm_vm *vm = make_vm(test, FAKE_PER_BLOCK, addr);

	KUNIT_EXPECT_EQ(test, fault(vm, 5), 0);
	expect_mark(test, 0, 0);
	expect_mark(test, FAKE_PER_BLOCK - 1, 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), FAKE_PER_BLOCK);
}

static void shared_pool_stays_the_vmms(struct kunit *test)
{
	unsigned long addr = gzvm_fake_mmap(test, 2 * FAKE_PAGE);
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_BLOCK);
	const struct gzvm_userspace_memory_region region = {
		.flags = GZVM_USER_MEM_REGION_STATIC_SWIOTLB,
		.guest_phys_addr = FAKE_GPA,
		.memory_size = 2 * FAKE_PAGE,
		.userspace_addr = addr,
	};
	struct page *page;

	KUNIT_ASSERT_EQ(test, gzvm_memslot_set(vm, &region), 0);
	KUNIT_ASSERT_EQ(test, gzvm_memslots_make_private(vm), 0);
	KUNIT_EXPECT_EQ(test, gzvm_memslots_make_private(vm), 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 0), 0);
	KUNIT_ASSERT_EQ(test, pin(addr, &page), 1);
	KUNIT_EXPECT_PTR_EQ(test, page, gzvm_fake_page(gzvm_fake_pfn(test, GFN)));
	put_page(page);
}

static int protect(struct gzvm_vm *vm)
{
	struct gzvm_enable_cap cap = {
		.cap = GZVM_CAP_PROTECTED_VM,
		.args = { GZVM_CAP_PVM_SET_PROTECTED_VM },
	};

	return gzvm_enable_cap(vm, &cap);
}

/* The guest gets the VMM's page, which can be pinned. */
static void expect_shared(struct kunit *test, struct gzvm_vm *vm, unsigned int nr,
			  unsigned long addr)
{
	struct page *page;

	KUNIT_EXPECT_EQ(test, fault(vm, nr), 0);
	KUNIT_ASSERT_EQ(test, pin(addr, &page), 1);
	KUNIT_EXPECT_PTR_EQ(test, page, gzvm_fake_page(gzvm_fake_pfn(test, GFN + nr)));
	put_page(page);
}

static void memory_is_the_vmms_again_if_el2_refuses(struct kunit *test)
{
	unsigned long addr = gzvm_fake_mmap(test, 2 * FAKE_PAGE);
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_BLOCK);

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, 2 * FAKE_PAGE,
					     addr), 0);
	gzvm_fake_forget(test);
	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, -24);
	KUNIT_EXPECT_NE(test, protect(vm), 0);
	expect_shared(test, vm, 0, addr);
}

/*
 * Without paging by block, EL2 gets all memory before it protects the VM. That fails at
 * a hole, and the contents before it are the driver's by then. The VMM may try again.
 */
static void memory_is_the_vmms_again_if_it_cannot_be_given(struct kunit *test)
{
	unsigned long addr = gzvm_fake_mmap(test, 4 * FAKE_PAGE);
	unsigned long next = gzvm_fake_mmap(test, FAKE_PAGE);
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_PAGE);

	gzvm_fake_no_huge(test);
	gzvm_fake_mark(test, addr, 4);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, 4 * FAKE_PAGE,
					     addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 8, FAKE_GPA + 8 * FAKE_PAGE,
					     FAKE_PAGE, next), 0);
	KUNIT_ASSERT_EQ(test, vm_munmap(addr + 2 * FAKE_PAGE, FAKE_PAGE), 0);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, protect(vm), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ENABLE_CAP), 0);
	expect_shared(test, vm, 8, next);

	KUNIT_ASSERT_EQ(test, kunit_vm_mmap(test, NULL, addr + 2 * FAKE_PAGE, FAKE_PAGE,
					    PROT_READ | PROT_WRITE, MAP_ANONYMOUS |
					    MAP_PRIVATE | MAP_FIXED, 0),
			addr + 2 * FAKE_PAGE);
	KUNIT_EXPECT_EQ(test, protect(vm), 0);
	expect_mark(test, 0, addr >> PAGE_SHIFT);
	expect_mark(test, 2, 0);
	expect_mark(test, 3, (addr >> PAGE_SHIFT) + 3);
}

/*
 * To bring a page can take any time, so it comes before the slots are locked. Pinning
 * may go on after a hole: a page of an earlier try is one.
 */
static void pages_after_a_hole_are_brought_first(struct kunit *test)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, 4 * FAKE_PAGE,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_SHARED, 0);
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_PAGE);
	struct page *page;

	gzvm_fake_no_huge(test);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 7, FAKE_GPA, 4 * FAKE_PAGE,
					     addr), 0);
	KUNIT_ASSERT_EQ(test, vm_munmap(addr + FAKE_PAGE, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, protect(vm), -EFAULT);
	KUNIT_ASSERT_EQ(test, get_user_pages_fast_only(addr + 3 * FAKE_PAGE, 1, 0,
						       &page), 1);
	put_page(page);
	/* The page before the hole is the driver's, for as long as it is mapped. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, 4 * FAKE_PAGE), 0);
	flush_delayed_fput();
}

static void hole_in_the_mapping_leaves_the_page_alone(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_marked_vm(test, 8, &addr);

	KUNIT_ASSERT_EQ(test, vm_munmap(addr, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 5), 0);
	expect_mark(test, 5, (addr >> PAGE_SHIFT) + 5);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
}

static void page_that_the_guest_gave_up_is_freed(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_marked_vm(test, 8, &addr);

	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	/* In the page table of the VMM */
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr + 3 * FAKE_PAGE, 8),
			(addr >> PAGE_SHIFT) + 3);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, vm, 3), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 7);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr + 3 * FAKE_PAGE, 8), 0);
	gzvm_fake_poke(test, addr + 3 * FAKE_PAGE, 8, MARK);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), 0);
	expect_mark(test, 3, MARK);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
}

static void page_that_el2_refused_keeps_its_contents(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_marked_vm(test, 1, &addr);

	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 2, -8);
	KUNIT_EXPECT_NE(test, fault(vm, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr, 8), addr >> PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, fault(vm, 0), 0);
	expect_mark(test, 0, addr >> PAGE_SHIFT);
}

static unsigned int map_failures;

/* A kernel that runs out of memory may leave no mapping at all. */
static unsigned long fail_to_map(struct file *file, unsigned long addr,
				 unsigned long size, unsigned long fixed,
				 unsigned long offset)
{
	if (!map_failures)
		return vm_mmap(file, addr, size, PROT_READ | PROT_WRITE,
			       MAP_SHARED | fixed, offset);
	map_failures--;
	if (fixed == MAP_FIXED)
		vm_munmap(addr, size);
	return -ENOMEM;
}

static void mapping_that_is_lost_loses_no_contents(struct kunit *test)
{
	unsigned long addr, next;
	struct gzvm_vm *vm = make_marked_vm(test, 8, &addr);
	unsigned int i;

	kunit_activate_static_stub(test, gzvm_span_mmap, fail_to_map);
	/* The whole block, what was lost with that, then the page alone */
	map_failures = 3;
	KUNIT_EXPECT_EQ(test, fault(vm, 2), -ENOMEM);
	/* The VMM maps something else there meanwhile. */
	next = kunit_vm_mmap(test, NULL, addr + 4 * FAKE_PAGE, FAKE_PAGE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED, 0);
	KUNIT_ASSERT_EQ(test, next, addr + 4 * FAKE_PAGE);
	gzvm_fake_poke(test, next, 8, MARK);
	KUNIT_EXPECT_EQ(test, fault(vm, 2), 0);
	for (i = 0; i < 8; i++) {
		u64 mark = i == 4 ? MARK : (addr >> PAGE_SHIFT) + i;

		expect_mark(test, i, mark);
		KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr + i * FAKE_PAGE, 8),
				mark);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
}

static void mapping_that_is_lost_is_restored_at_once(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_marked_vm(test, 8, &addr);

	kunit_activate_static_stub(test, gzvm_span_mmap, fail_to_map);
	map_failures = 1;
	KUNIT_EXPECT_EQ(test, fault(vm, 2), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 8);
	expect_mark(test, 7, (addr >> PAGE_SHIFT) + 7);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr + 7 * FAKE_PAGE, 8),
			(addr >> PAGE_SHIFT) + 7);
}

static void mapping_that_the_vmm_removes_is_not_restored(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm;

	if (FAKE_PER_PAGE > 1)
		kunit_skip(test, "EL2 may have a part of the page that it refuses");
	vm = make_marked_vm(test, 1, &addr);
	kunit_activate_static_stub(test, gzvm_span_mmap, fail_to_map);
	map_failures = 3;
	KUNIT_EXPECT_EQ(test, fault(vm, 0), -ENOMEM);
	gzvm_fake_repeat(test, FAKE_MAP_GUEST_BLOCK, 2, -8);
	KUNIT_EXPECT_NE(test, fault(vm, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr, 8), addr >> PAGE_SHIFT);
	KUNIT_ASSERT_EQ(test, vm_munmap(addr, FAKE_PAGE), 0);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, fault(vm, 0), -EFAULT);
}

static void private_memory_counts(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_marked_vm(test, 8, &addr);

	gzvm_fake_memlock(test, 1);
	KUNIT_EXPECT_EQ(test, fault(vm, 2), 0);
	KUNIT_EXPECT_EQ(test, fault(vm, 3), -ENOMEM);
	gzvm_fake_memlock_end(test);
	expect_mark(test, 2, (addr >> PAGE_SHIFT) + 2);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	/* A page that could not be had is as it was. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, addr + 3 * FAKE_PAGE, 8),
			(addr >> PAGE_SHIFT) + 3);
}

static void file_of_the_vmm_loses_what_the_guest_gets(struct kunit *test)
{
	struct file *file = shmem_file_setup("memory", 4 * FAKE_PAGE, EMPTY_VMA_FLAGS);
	unsigned long addr;
	struct gzvm_vm *vm;
	u64 mark = 0;
	loff_t pos;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	addr = kunit_vm_mmap(test, file, 0, 4 * FAKE_PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	gzvm_fake_mark(test, addr, 4);
	vm = make_vm(test, 2, addr + FAKE_PAGE);
	KUNIT_EXPECT_EQ(test, fault(vm, 0), 0);
	expect_mark(test, 0, (addr >> PAGE_SHIFT) + 1);
	expect_mark(test, 1, (addr >> PAGE_SHIFT) + 2);

	pos = FAKE_PAGE;
	KUNIT_EXPECT_EQ(test, kernel_read(file, &mark, 8, &pos), 8);
	KUNIT_EXPECT_EQ(test, mark, 0);
	pos = 3 * FAKE_PAGE;
	KUNIT_EXPECT_EQ(test, kernel_read(file, &mark, 8, &pos), 8);
	KUNIT_EXPECT_EQ(test, mark, (addr >> PAGE_SHIFT) + 3);
	fput(file);
}

/* A ROM, for example: the VMM did not say that it needs the contents no more. */
static void file_that_is_mapped_read_only_keeps_its_contents(struct kunit *test)
{
	struct file *file = shmem_file_setup("memory", FAKE_PAGE, EMPTY_VMA_FLAGS);
	u64 mark = MARK;
	unsigned long addr;
	struct gzvm_vm *vm;
	loff_t pos = 0;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_EXPECT_EQ(test, kernel_write(file, &mark, 8, &pos), 8);
	addr = kunit_vm_mmap(test, file, 0, FAKE_PAGE, PROT_READ, MAP_SHARED, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	vm = make_vm(test, 1, addr);
	KUNIT_EXPECT_EQ(test, fault(vm, 0), 0);
	expect_mark(test, 0, MARK);
	pos = 0;
	KUNIT_EXPECT_EQ(test, kernel_read(file, &mark, 8, &pos), 8);
	KUNIT_EXPECT_EQ(test, mark, MARK);
	fput(file);
}

/* The VMM has another mapping of the pages, and punches a hole by that. */
static void page_is_punched_while_it_is_copied(struct kunit *test)
{
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);
	struct gzvm_gmem *gmem;
	struct page *page;

	gmem = gzvm_gmem_create(current->mm, FAKE_PAGE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(gmem));
	gzvm_fake_mark(test, addr, 1);
	KUNIT_ASSERT_EQ(test, pin(addr, &page), 1);
	gzvm_gmem_copy(gmem, 0, &page, 1);
	gzvm_gmem_set_lost(gmem, 0, 1);
	KUNIT_EXPECT_EQ(test, gzvm_gmem_lost(gmem, 0, 1), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_gmem_is_empty(gmem));
	gzvm_gmem_put(gmem);
}

static void memory_is_mapped_up_to_its_end(struct kunit *test)
{
	struct gzvm_gmem *gmem = gzvm_gmem_create(current->mm, 2 * FAKE_PAGE);
	const unsigned long prot = PROT_READ | PROT_WRITE;
	struct file *file;
	unsigned long addr;

	KUNIT_ASSERT_FALSE(test, IS_ERR(gmem));
	file = gzvm_gmem_map_file(gmem);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	addr = kunit_vm_mmap(test, file, 0, FAKE_PAGE, prot, MAP_SHARED, FAKE_PAGE);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, kunit_vm_mmap(test, file, 0, 2 * FAKE_PAGE, prot,
					    MAP_SHARED, FAKE_PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, kunit_vm_mmap(test, file, 0, FAKE_PAGE, prot,
					    MAP_SHARED, 2 * FAKE_PAGE), -EINVAL);
	fput(file);
	flush_delayed_fput();
	gzvm_gmem_put(gmem);
}

/* Memory of a file */

static void put_file(void *file)
{
	fput(file);
	flush_delayed_fput();
}

struct gmem_env {
	struct gzvm_vm *vm;
	int fd;
	struct file *file;
	struct gzvm_userspace_memory_region2 region;
};

static struct gmem_env make_file(struct kunit *test, unsigned int nr_pages)
{
	const struct gzvm_create_guest_memfd args = { .size = nr_pages * FAKE_PAGE };
	struct gmem_env env = {};

	env.vm = gzvm_fake_vm_paging(test, GZVM_PAGING_BLOCK);
	env.fd = gzvm_gmem_create_fd(env.vm, &args);
	KUNIT_ASSERT_GE(test, env.fd, 0);
	env.file = fget(env.fd);
	env.region = (struct gzvm_userspace_memory_region2) {
		.slot = 7,
		.flags = GZVM_USER_MEM_REGION_GUEST_MEMFD,
		.guest_phys_addr = FAKE_GPA,
		.memory_size = nr_pages * FAKE_PAGE,
		.guest_memfd = env.fd,
	};
	return env;
}

static void end_file(struct gmem_env *env)
{
	close_fd(env->fd);
	put_file(env->file);
}

static ssize_t write_mark(struct gmem_env *env, loff_t pos, u64 mark)
{
	return kernel_write(env->file, &mark, sizeof(mark), &pos);
}

static void file_is_written_until_the_guest_has_the_page(struct kunit *test)
{
	struct gmem_env env = make_file(test, 4);

	KUNIT_EXPECT_EQ(test, write_mark(&env, FAKE_PAGE, MARK), 8);
	KUNIT_ASSERT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), 0);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), 0);
	KUNIT_EXPECT_EQ(test, write_mark(&env, 2 * FAKE_PAGE, MARK + 1), 8);
	KUNIT_EXPECT_EQ(test, fault(env.vm, 0), 0);
	expect_mark(test, 0, 0);
	expect_mark(test, 1, MARK);
	expect_mark(test, 2, MARK + 1);
	KUNIT_EXPECT_EQ(test, write_mark(&env, FAKE_PAGE, 1), -EPERM);
	expect_mark(test, 1, MARK);
	KUNIT_EXPECT_EQ(test, write_mark(&env, 4 * FAKE_PAGE, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 4);
	end_file(&env);
}

static int punch(struct gmem_env *env, loff_t pos, loff_t len)
{
	return vfs_fallocate(env->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     pos, len);
}

static void hole_is_refused_where_the_guest_has_a_page(struct kunit *test)
{
	struct gmem_env env = make_file(test, 4);

	env.region.memory_size = 2 * FAKE_PAGE;
	env.region.guest_memfd_offset = FAKE_PAGE;
	KUNIT_ASSERT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), 0);
	KUNIT_EXPECT_EQ(test, write_mark(&env, 0, MARK), 8);
	KUNIT_EXPECT_EQ(test, write_mark(&env, FAKE_PAGE, MARK), 8);
	KUNIT_EXPECT_EQ(test, fault(env.vm, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 3);
	KUNIT_EXPECT_EQ(test, punch(&env, 0, 2 * FAKE_PAGE), -EBUSY);
	KUNIT_EXPECT_EQ(test, punch(&env, 1, FAKE_PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, punch(&env, 0, FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 2);
	KUNIT_EXPECT_EQ(test, guest_gives_up(test, env.vm, 0), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	KUNIT_EXPECT_EQ(test, punch(&env, 0, 2 * FAKE_PAGE), 0);
	KUNIT_EXPECT_EQ(test, vfs_fallocate(env.file, 0, 0, FAKE_PAGE), -EOPNOTSUPP);
	end_file(&env);
}

static void file_gives_its_memory_once(struct kunit *test)
{
	struct gmem_env env = make_file(test, 4);

	env.region.memory_size = 3 * FAKE_PAGE;
	KUNIT_ASSERT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), 0);
	env.region.slot = 8;
	env.region.guest_phys_addr += FAKE_BLOCK;
	env.region.memory_size = FAKE_PAGE;
	env.region.guest_memfd_offset = 2 * FAKE_PAGE;
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), -EEXIST);
	env.region.guest_memfd_offset = 3 * FAKE_PAGE;
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), 0);
	end_file(&env);
}

static void bad_file_slot_is_refused(struct kunit *test)
{
	struct gmem_env env = make_file(test, 4);
	struct gzvm_userspace_memory_region2 bad;

#define EXPECT_BAD(_err, _field, _value)					\
do {										\
	bad = env.region;							\
	bad._field = _value;							\
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set2(env.vm, &bad), _err);		\
} while (0)
	gzvm_fake_forget(test);
	EXPECT_BAD(-EINVAL, guest_memfd_offset, FAKE_PAGE);
	EXPECT_BAD(-EINVAL, guest_memfd_offset, -FAKE_PAGE);
	EXPECT_BAD(-EINVAL, guest_memfd_offset, 8);
	EXPECT_BAD(-EINVAL, memory_size, 5 * FAKE_PAGE);
	EXPECT_BAD(-EINVAL, userspace_addr, FAKE_PAGE);
	EXPECT_BAD(-EINVAL, pad1, 1);
	EXPECT_BAD(-EINVAL, pad2[13], 1);
	EXPECT_BAD(-EINVAL, flags, GZVM_USER_MEM_REGION_GUEST_MEMFD |
				   GZVM_USER_MEM_REGION_STATIC_SWIOTLB);
	EXPECT_BAD(-EINVAL, flags, GZVM_USER_MEM_REGION_GUEST_MEMFD | 16);
	EXPECT_BAD(-EBADF, guest_memfd, 999);
	env.region.flags = 1;
	EXPECT_BAD(-EINVAL, guest_memfd, env.fd + 1);
	EXPECT_BAD(-EINVAL, guest_memfd_offset, FAKE_PAGE);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	end_file(&env);
}

static void bad_file_is_refused(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	static const struct gzvm_create_guest_memfd bad[] = {
		{ .size = 0 },
		{ .size = FAKE_PAGE + 8 },
		{ .size = -FAKE_PAGE },
		{ .size = FAKE_PAGE, .flags = 1 },
		{ .size = FAKE_PAGE, .reserved = { [5] = 1 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, gzvm_gmem_create_fd(vm, &bad[i]), -EINVAL);
}

static void file_of_another_vm_is_refused(struct kunit *test)
{
	struct gmem_env env = make_file(test, 4);
	struct gzvm_vm *other = gzvm_fake_vm(test);

	KUNIT_EXPECT_EQ(test, gzvm_memslot_set2(other, &env.region), -EINVAL);
	end_file(&env);
}

static void administrator_admits_files_only(struct kunit *test)
{
	struct gmem_env env = make_file(test, 4);
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);

	KUNIT_ASSERT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), 0);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 9, FAKE_GPA + FAKE_BLOCK,
					     FAKE_PAGE, addr), 0);
	gzvm_guest_memfd_only = true;
	KUNIT_EXPECT_EQ(test, gzvm_memslots_make_private(env.vm), -EPERM);
	env.region.slot = 9;
	env.region.memory_size = 0;
	KUNIT_EXPECT_EQ(test, gzvm_memslot_set2(env.vm, &env.region), 0);
	KUNIT_EXPECT_EQ(test, gzvm_memslots_make_private(env.vm), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, env.vm, 9, FAKE_GPA + FAKE_BLOCK,
					     FAKE_PAGE, addr), -EPERM);
	gzvm_guest_memfd_only = false;
	end_file(&env);
}

static struct kunit_case gmem_cases[] = {
	KUNIT_CASE(protected_guest_gets_pages_of_the_driver),
	KUNIT_CASE(untouched_memory_is_zero),
	KUNIT_CASE(shared_pool_stays_the_vmms),
	KUNIT_CASE(memory_is_the_vmms_again_if_el2_refuses),
	KUNIT_CASE(memory_is_the_vmms_again_if_it_cannot_be_given),
	KUNIT_CASE(pages_after_a_hole_are_brought_first),
	KUNIT_CASE(hole_in_the_mapping_leaves_the_page_alone),
	KUNIT_CASE(page_that_the_guest_gave_up_is_freed),
	KUNIT_CASE(page_that_el2_refused_keeps_its_contents),
	KUNIT_CASE(mapping_that_is_lost_loses_no_contents),
	KUNIT_CASE(mapping_that_is_lost_is_restored_at_once),
	KUNIT_CASE(mapping_that_the_vmm_removes_is_not_restored),
	KUNIT_CASE(private_memory_counts),
	KUNIT_CASE(file_of_the_vmm_loses_what_the_guest_gets),
	KUNIT_CASE(file_that_is_mapped_read_only_keeps_its_contents),
	KUNIT_CASE(page_is_punched_while_it_is_copied),
	KUNIT_CASE(memory_is_mapped_up_to_its_end),
	KUNIT_CASE(file_is_written_until_the_guest_has_the_page),
	KUNIT_CASE(hole_is_refused_where_the_guest_has_a_page),
	KUNIT_CASE(file_gives_its_memory_once),
	KUNIT_CASE(bad_file_slot_is_refused),
	KUNIT_CASE(bad_file_is_refused),
	KUNIT_CASE(file_of_another_vm_is_refused),
	KUNIT_CASE(administrator_admits_files_only),
	{}
};

static struct kunit_suite gmem_suite = {
	.name = "gzvm-gmem",
	.init = gzvm_fake_init,
	.test_cases = gmem_cases,
};

kunit_test_suites(&gmem_suite);
