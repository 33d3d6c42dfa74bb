// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the guest gets when it accesses it.
 *
 * Needs: modes, debug-modes, threads
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gz_test.h"
#include "kmsg.h"
#include "stats.h"
#include "textfile.h"

/* A page of the hypervisor: the guest accesses each of them */
#define PAGE		0x1000ULL
#define MANY		(RAM_SIZE - (FREE_BASE - RAM_BASE))

/* A second slot, in an address range that is empty otherwise */
#define SLOT2		1
#define SLOT2_BASE	0xc0000000ULL

FIXTURE(fault)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(fault)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(fault)
{
	tvm_destroy(&self->t);
}

/* First and last word of every page, so that page boundaries are crossed. */
GUEST static void guest_fill(uint64_t size)
{
	uint64_t p;

	for (p = FREE_BASE; p < FREE_BASE + size; p += PAGE) {
		write64(p, p ^ 0x5555);
		write64(p + PAGE - 8, p ^ 0xaaaa);
	}
	guest_sync(size);
}

TEST_F(fault, host_sees_what_the_guest_wrote)
{
	uint64_t gpa, bad = 0;

	tvm_enter(&self->t, 0, guest_fill, MANY);
	vcpu_run_to_sync(self->vcpu, MANY);
	for (gpa = FREE_BASE; gpa < FREE_BASE + MANY; gpa += PAGE) {
		uint64_t *p = tvm_at(&self->t, gpa);

		bad += p[0] != (gpa ^ 0x5555);
		bad += p[PAGE / 8 - 1] != (gpa ^ 0xaaaa);
	}
	EXPECT_EQ(0, bad);
}

/* The host has never accessed every second page: the guest must read zero. */
GUEST static void guest_check(uint64_t size)
{
	uint64_t p, bad = 0;

	for (p = FREE_BASE; p < FREE_BASE + size; p += PAGE) {
		uint64_t want = p & PAGE ? 0 : p ^ 0x1234;

		bad += read64(p) != want;
		bad += read64(p + PAGE - 8) != want;
	}
	guest_sync(bad);
	for (p = FREE_BASE; p < FREE_BASE + size; p += PAGE)
		write64(p, p + 1);
	guest_sync(0);
}

TEST_F(fault, guest_sees_what_the_host_wrote)
{
	uint64_t gpa, bad = 0;

	for (gpa = FREE_BASE; gpa < FREE_BASE + MANY; gpa += 2 * PAGE) {
		uint64_t *p = tvm_at(&self->t, gpa);

		p[0] = gpa ^ 0x1234;
		p[PAGE / 8 - 1] = gpa ^ 0x1234;
	}
	tvm_enter(&self->t, 0, guest_check, MANY);
	vcpu_run_to_sync(self->vcpu, 0);
	/* A page that was read first must be the same page when it is written. */
	vcpu_run_to_sync(self->vcpu, 0);
	for (gpa = FREE_BASE; gpa < FREE_BASE + MANY; gpa += PAGE)
		bad += *(uint64_t *)tvm_at(&self->t, gpa) != gpa + 1;
	EXPECT_EQ(0, bad);
}

/* Guest and host write in turns to one page, which must stay the same page. */
GUEST static void guest_ping(uint64_t rounds)
{
	uint64_t i;

	for (i = 0; i < rounds; i++) {
		write64(FREE_BASE, read64(FREE_BASE) * 3 + 1);
		guest_sync(i);
	}
}

TEST_F(fault, page_stays_shared_in_both_directions)
{
	uint64_t *p = tvm_at(&self->t, FREE_BASE);
	uint64_t i, want = 1;

	*p = want;
	tvm_enter(&self->t, 0, guest_ping, 100);
	for (i = 0; i < 100; i++) {
		vcpu_run_to_sync(self->vcpu, i);
		want = want * 3 + 1;
		ASSERT_EQ(want, *p);
		*p = ++want;
	}
}

GUEST static void guest_writes_before_slot2(uint64_t arg)
{
	write64(SLOT2_BASE - 8, 1);
}

/* Whether an access outside of slots is an MMIO exit also at a high address */
static bool high_addresses_are_mmio(void)
{
	bool is_mmio = false;
	struct tvm t;

	if (__tvm_create(&t, 1))
		return false;
	if (!__tvm_enter(&t, 0, guest_writes_before_slot2, 0) &&
	    !__vcpu_run(&t.vcpus[0]))
		is_mmio = t.vcpus[0].run.exit_reason == GZVM_EXIT_MMIO;
	tvm_destroy(&t);
	return is_mmio;
}

#define EDGES	1ULL	/* touch what is before and behind the slot, too */

GUEST static void guest_fill_slot2(uint64_t arg)
{
	uint64_t size = arg & ~EDGES, p;

	if (arg & EDGES) {
		write64(SLOT2_BASE - 8, 1);
		write64(SLOT2_BASE + size, 2);
	}
	for (p = SLOT2_BASE; p < SLOT2_BASE + size; p += PAGE)
		write64(p, p + 7);
	guest_sync(read64(SLOT2_BASE + size - 8));
}

static int attach(struct tvm *t, void *hva, uint64_t size)
{
	return gz_vm_set_region(&t->vm, SLOT2, GZVM_USER_MEM_REGION_GUEST_MEM,
				SLOT2_BASE, size, hva);
}

#define check_slot2(hva, bytes)						\
do {									\
	uint64_t *__p = (void *)(hva), __i, __size = (bytes);		\
	bool __edges = high_addresses_are_mmio();			\
									\
	__p[__size / 8 - 1] = 0xfeed;					\
	tvm_enter(&self->t, 0, guest_fill_slot2,			\
		  __size | (__edges ? EDGES : 0));			\
	if (__edges) {							\
		vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);		\
		ASSERT_EQ(SLOT2_BASE - 8, self->vcpu->run.mmio.phys_addr); \
		vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);		\
		ASSERT_EQ(SLOT2_BASE + __size,				\
			  self->vcpu->run.mmio.phys_addr);		\
	}								\
	vcpu_run_to_sync(self->vcpu, 0xfeed);				\
	for (__i = 0; __i < __size / PAGE; __i++)			\
		EXPECT_EQ(SLOT2_BASE + __i * PAGE + 7,			\
			  __p[__i * PAGE / 8])				\
			TH_LOG("page %lu", (unsigned long)__i);		\
} while (0)

/* Blocks of 2 MiB must be clipped to such a slot. */
TEST_F(fault, slot_of_three_pages_at_an_odd_place)
{
	char *map = mmap(NULL, 16 * HOST_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, attach(&self->t, map + 5 * HOST_PAGE, 3 * HOST_PAGE));
	check_slot2(map + 5 * HOST_PAGE, 3 * HOST_PAGE);
	EXPECT_EQ(0, *(uint64_t *)(map + 4 * HOST_PAGE));
	EXPECT_EQ(0, *(uint64_t *)(map + 8 * HOST_PAGE));
}

TEST_F(fault, slot_in_a_shared_file)
{
	uint64_t size = 0x200000 + HOST_PAGE;
	int fd = memfd_create("guest", 0);
	uint64_t value;
	char *map;

	if (fd < 0)
		SKIP(return, "no memfd_create()");
	ASSERT_EQ(0, ftruncate(fd, size));
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, attach(&self->t, map, size));
	check_slot2(map, size);
	ASSERT_EQ(8, pread(fd, &value, 8, PAGE));
	EXPECT_EQ(SLOT2_BASE + PAGE + 7, value);
}

TEST_F(fault, slot_over_two_mappings)
{
	char *map = mmap(NULL, 16 * HOST_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, mmap(map + 3 * HOST_PAGE, 4 * HOST_PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
				   -1, 0));
	ASSERT_EQ(0, attach(&self->t, map, 16 * HOST_PAGE));
	check_slot2(map, 16 * HOST_PAGE);
}

/* A VMM may replace the mapping before the guest has accessed it. */
TEST_F(fault, pages_follow_the_mapping_until_touched)
{
	uint64_t size = 4 * HOST_PAGE;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_NE(MAP_FAILED, map);
	memset(map, 0x11, size);
	ASSERT_EQ(0, attach(&self->t, map, size));
	ASSERT_NE(MAP_FAILED, mmap(map, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
				   -1, 0));
	check_slot2(map, size);
}

GUEST static void guest_touch_slot2(uint64_t arg)
{
	guest_sync(read64(SLOT2_BASE));
}

/* There is no memory: GZVM_RUN must return an error, and the VM's end must work. */
TEST_F(fault, unmapped_memory_ends_the_run)
{
	char *map = mmap(NULL, HOST_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	if (!has_demand_paging(&self->t)) {
		munmap(map, HOST_PAGE);
		EXPECT_EQ(-EFAULT, attach(&self->t, map, HOST_PAGE));
		return;
	}
	ASSERT_EQ(0, attach(&self->t, map, HOST_PAGE));
	munmap(map, HOST_PAGE);
	tvm_enter(&self->t, 0, guest_touch_slot2, 0);
	EXPECT_EQ(-EFAULT, __vcpu_run(self->vcpu));
}

/*
 * The guest may write to all of its memory, so the VMM must be able to write as
 * well.
 */
TEST_F(fault, read_only_memory_ends_the_run)
{
	char *map = mmap(NULL, HOST_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	if (!has_demand_paging(&self->t)) {
		EXPECT_EQ(-EFAULT, attach(&self->t, map, HOST_PAGE));
		return;
	}
	ASSERT_EQ(0, attach(&self->t, map, HOST_PAGE));
	tvm_enter(&self->t, 0, guest_touch_slot2, 0);
	EXPECT_EQ(-EACCES, __vcpu_run(self->vcpu));
	EXPECT_EQ(-EACCES, __vcpu_run(self->vcpu));
	/* It is enough to make it writable. */
	ASSERT_EQ(0, mprotect(map, PAGE, PROT_READ | PROT_WRITE));
	vcpu_run_to_sync(self->vcpu, 0);
}

/* As a VMM maps a disk image or a ROM */
TEST_F(fault, read_only_file_ends_the_run)
{
	int fd = memfd_create("rom", 0), ro;
	char path[64];
	char *map;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, HOST_PAGE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY);
	ASSERT_LE(0, ro);
	map = mmap(NULL, HOST_PAGE, PROT_READ, MAP_SHARED, ro, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, attach(&self->t, map, HOST_PAGE));
	tvm_enter(&self->t, 0, guest_touch_slot2, 0);
	EXPECT_EQ(-EACCES, __vcpu_run(self->vcpu));
	EXPECT_EQ(-1, mprotect(map, PAGE, PROT_READ | PROT_WRITE));
}

#define HVC_RELINQUISH	0xc6000009

/* Whole pages of the host, however large these are */
#define LARGE_PAGE	0x10000ULL

/* Memory for a balloon, with a page table entry for each page */
static char *balloon_memory(uint64_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map != MAP_FAILED)
		madvise(map, size, MADV_NOHUGEPAGE);
	return map;
}

GUEST static void guest_balloon(uint64_t relinquish)
{
	uint64_t p, ret = 0;

	for (p = SLOT2_BASE; p < SLOT2_BASE + 4 * LARGE_PAGE; p += PAGE)
		write64(p, p);
	guest_sync(0);
	for (p = SLOT2_BASE; relinquish && p < SLOT2_BASE + LARGE_PAGE; p += PAGE)
		ret |= hvc3(HVC_RELINQUISH, p, 0, 0);
	guest_sync(ret);
	guest_sync(read64(SLOT2_BASE));
	write64(SLOT2_BASE, 99);
	guest_sync(1);
}

#define let_balloon_inflate(relinquish)					\
do {									\
	ASSERT_EQ(0, attach(&self->t, map, 4 * LARGE_PAGE));			\
	tvm_enter(&self->t, 0, guest_balloon, relinquish);		\
	vcpu_run_to_sync(self->vcpu, 0);				\
	EXPECT_EQ(0, fd_stat(vm, "unmapped_pages"));			\
} while (0)

/*
 * The guest gives a page up, and the VMM discards it: the guest gets the VMM's new
 * page when it touches the address again. Nothing is lost.
 */
TEST_F(fault, balloon_that_relinquishes_stays_shared)
{
	char *map = balloon_memory(4 * LARGE_PAGE);
	int vm = self->t.vm.fd;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_NE(MAP_FAILED, map);
	let_balloon_inflate(1);
	if (vcpu_sync_value(self->vcpu))
		SKIP(return, "no MEM_RELINQUISH");
	ASSERT_EQ(0, madvise(map, LARGE_PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, fd_stat(vm, "unmapped_pages"));
	*(uint64_t *)map = 77;
	vcpu_run_to_sync(self->vcpu, 77);
	vcpu_run_to_sync(self->vcpu, 1);
	EXPECT_EQ(99, *(uint64_t *)map);
	EXPECT_EQ(0, fd_stat(vm, "unmapped_pages"));
}

/* Without that, the guest keeps its page, with its data. The host is told. */
TEST_F(fault, balloon_that_does_not_relinquish_is_told)
{
	char *map = balloon_memory(4 * LARGE_PAGE);
	int vm = self->t.vm.fd;
	int kmsg;

	ASSERT_NE(MAP_FAILED, map);
	let_balloon_inflate(0);
	vcpu_run_to_sync(self->vcpu, 0);
	kmsg = kmsg_open();
	ASSERT_LE(0, kmsg);
	ASSERT_EQ(0, madvise(map, LARGE_PAGE, MADV_DONTNEED));
	EXPECT_EQ(LARGE_PAGE / PAGE, fd_stat(vm, "unmapped_pages"));
	ASSERT_EQ(0, madvise(map + LARGE_PAGE, 2 * LARGE_PAGE, MADV_DONTNEED));
	EXPECT_EQ(3 * LARGE_PAGE / PAGE, fd_stat(vm, "unmapped_pages"));
	EXPECT_EQ(1, kmsg_of_driver(kmsg));
	close(kmsg);

	*(uint64_t *)map = 77;
	vcpu_run_to_sync(self->vcpu, SLOT2_BASE);
	vcpu_run_to_sync(self->vcpu, 1);
	EXPECT_EQ(77, *(uint64_t *)map);
}

GUEST static void guest_sync_and_touch_slot2(uint64_t arg)
{
	guest_sync(1);
	guest_sync(read64(SLOT2_BASE));
}

/* A part of it is in the slot. Another part of the slot has not been touched. */
TEST_F(fault, unmapped_pages_are_those_that_the_guest_has)
{
	uint64_t size = 0x600000;
	char *map = balloon_memory(size);
	int vm = self->t.vm.fd;
	long long given;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, attach(&self->t, map + HOST_PAGE, size - HOST_PAGE));
	tvm_enter(&self->t, 0, guest_sync_and_touch_slot2, 0);
	vcpu_run_to_sync(self->vcpu, 1);
	given = fd_stat(vm, "pinned_pages");
	vcpu_run_to_sync(self->vcpu, 0);
	given = fd_stat(vm, "pinned_pages") - given;
	EXPECT_LT(0, given);
	ASSERT_EQ(0, munmap(map + 0x400000, 0x200000));
	EXPECT_EQ(0, fd_stat(vm, "unmapped_pages"));
	ASSERT_EQ(0, munmap(map, 0x400000));
	EXPECT_EQ(given * HOST_PAGE / PAGE, fd_stat(vm, "unmapped_pages"));
}

#define HUGE_PAGE	0x200000ULL

/* Addresses for huge pages, of a mapping or a file */
static char *huge_memory(uint64_t size, int flags, int fd)
{
	char *map = mmap(NULL, size + HUGE_PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return map;
	map += -(uintptr_t)map & (HUGE_PAGE - 1);
	map = mmap(map, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (map != MAP_FAILED && !madvise(map, size, MADV_HUGEPAGE))
		memset(map, 1, size);
	return map;
}

/* Writes to each page of the slot, then reads where the test wants. */
GUEST static void guest_fill_and_read(uint64_t size)
{
	uint64_t p;

	for (p = SLOT2_BASE; p < SLOT2_BASE + size; p += PAGE)
		write64(p, p + 7);
	guest_sync(0);
	for (;;)
		guest_sync(read64(read64(SHARED_BASE)));
}

#define guest_value(gpa)						\
({									\
	*(uint64_t *)tvm_at(&self->t, SHARED_BASE) = (gpa);		\
	vcpu_sync_value(self->vcpu);					\
})

/* The kernel splits the mapping of a huge page when only a part of it changes. */
TEST_F(fault, split_of_a_huge_page_discards_nothing)
{
	char *map = huge_memory(2 * HUGE_PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	long long huge = smaps_sum("AnonHugePages");
	int vm = self->t.vm.fd;
	int kmsg;

	ASSERT_NE(MAP_FAILED, map);
	if (huge <= 0)
		SKIP(return, "no huge pages of 2 MiB");
	ASSERT_EQ(0, attach(&self->t, map, 2 * HUGE_PAGE));
	tvm_enter(&self->t, 0, guest_fill_and_read, 2 * HUGE_PAGE);
	vcpu_run_to_sync(self->vcpu, 0);
	kmsg = kmsg_open();
	ASSERT_LE(0, kmsg);

	ASSERT_EQ(0, mprotect(map + HOST_PAGE, HOST_PAGE, PROT_READ));
	EXPECT_GT(huge, smaps_sum("AnonHugePages"));
	EXPECT_EQ(0, fd_stat(vm, "unmapped_pages"));
	EXPECT_EQ(0, kmsg_of_driver(kmsg));

	/* Here a split comes first. */
	ASSERT_EQ(0, madvise(map + HUGE_PAGE + 4 * HOST_PAGE, 3 * HOST_PAGE,
			     MADV_DONTNEED));
	EXPECT_EQ(3 * HOST_PAGE / PAGE, fd_stat(vm, "unmapped_pages"));
	EXPECT_EQ(1, kmsg_of_driver(kmsg));
	close(kmsg);
	EXPECT_EQ(SLOT2_BASE + HUGE_PAGE + 7, guest_value(SLOT2_BASE + HUGE_PAGE));
}

#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* Huge pages of shmem for @fd; NULL if there are none */
static char *huge_shmem(uint64_t size, int fd)
{
	char *map;

	if (fd < 0 || ftruncate(fd, size) || write_file(SHMEM_ENABLED, "advise"))
		return NULL;
	map = huge_memory(size, MAP_SHARED, fd);
	write_file(SHMEM_ENABLED, "never");
	return map != MAP_FAILED && smaps_sum("ShmemPmdMapped") > 0 ? map : NULL;
}

/*
 * The kernel cannot split a huge page that is pinned, hence a hole in a part of it
 * frees nothing: the part is cleared, and stays shared. The documents warn of this.
 */
TEST_F(fault, hole_in_a_huge_page_of_shmem_clears_the_guests_page)
{
	const uint64_t hole = 8 * HOST_PAGE;
	int fd = memfd_create("guest", 0);
	char *map = huge_shmem(2 * HUGE_PAGE, fd);

	if (!map)
		SKIP(return, "no huge pages of shmem");
	ASSERT_EQ(0, attach(&self->t, map, 2 * HUGE_PAGE));
	tvm_enter(&self->t, 0, guest_fill_and_read, 2 * HUGE_PAGE);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       hole, HOST_PAGE));

	EXPECT_EQ(0, guest_value(SLOT2_BASE + hole));
	*(uint64_t *)(map + hole) = 77;
	EXPECT_EQ(77, guest_value(SLOT2_BASE + hole));
	/* Nothing else has changed. */
	EXPECT_EQ(SLOT2_BASE + hole - PAGE + 7,
		  guest_value(SLOT2_BASE + hole - PAGE));
	EXPECT_EQ(SLOT2_BASE + hole + HOST_PAGE + 7,
		  guest_value(SLOT2_BASE + hole + HOST_PAGE));
}

/* A huge page that goes as a whole is the guest's from then on. */
TEST_F(fault, hole_of_a_huge_page_of_shmem_leaves_the_guests_page)
{
	int fd = memfd_create("guest", 0);
	char *map = huge_shmem(2 * HUGE_PAGE, fd);

	if (!map)
		SKIP(return, "no huge pages of shmem");
	ASSERT_EQ(0, attach(&self->t, map, 2 * HUGE_PAGE));
	tvm_enter(&self->t, 0, guest_fill_and_read, 2 * HUGE_PAGE);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, HUGE_PAGE));

	EXPECT_EQ(SLOT2_BASE + 7, guest_value(SLOT2_BASE));
	EXPECT_EQ(0, *(uint64_t *)map);
	EXPECT_LE((long long)(HUGE_PAGE / PAGE),
		  fd_stat(self->t.vm.fd, "unmapped_pages"));
}

FIXTURE(fault_smp)
{
	struct tvm t;
};

FIXTURE_SETUP(fault_smp)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 2);
}

FIXTURE_TEARDOWN(fault_smp)
{
	tvm_destroy(&self->t);
}

/* Each vCPU uses one half of each page. */
GUEST static void guest_fill_half(uint64_t id)
{
	uint64_t p;

	for (p = FREE_BASE; p < FREE_BASE + MANY; p += PAGE)
		write64(p + id * (PAGE / 2), p + id);
	guest_sync(id);
}

GUEST static void guest_start_other(uint64_t entry)
{
	guest_sync(hvc3(PSCI_CPU_ON, 1, entry,
			BOOT_BASE + sizeof(struct guest_boot)));
	guest_fill_half(0);
}

static void *run_second(void *arg)
{
	struct gz_vcpu *vcpu = arg;
	uint64_t value = 0;
	long ret;

	ret = __vcpu_run_to_sync(vcpu, &value);
	return (void *)(ret ? ret : (long)value);
}

/* Both access the same blocks at the same time: each block must be mapped once. */
TEST_F(fault_smp, two_vcpus_touch_the_same_pages)
{
	struct gz_vcpu *first = &self->t.vcpus[0], *second = &self->t.vcpus[1];
	uint64_t gpa, bad = 0;
	pthread_t thread;
	void *ret;

	tvm_enter(&self->t, 0, guest_start_other, tvm_gpa_of(guest_entry));
	tvm_write_boot(&self->t, 1, guest_fill_half, 1);
	ASSERT_EQ(0, gz_vcpu_set_reg(second, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	vcpu_run_to_sync(first, 0);
	pthread_create(&thread, NULL, run_second, second);
	vcpu_run_to_sync(first, 0);
	pthread_join(thread, &ret);
	ASSERT_EQ(1, (long)ret);
	for (gpa = FREE_BASE; gpa < FREE_BASE + MANY; gpa += PAGE) {
		uint64_t *p = tvm_at(&self->t, gpa);

		bad += p[0] != gpa;
		bad += p[PAGE / 16] != gpa + 1;
	}
	EXPECT_EQ(0, bad);
}

TEST_HARNESS_MAIN
