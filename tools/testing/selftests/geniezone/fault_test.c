// SPDX-License-Identifier: GPL-2.0
/* Memory that the guest gets when it touches it. */

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gz_test.h"

#define PAGE		0x1000ULL
#define MANY		(RAM_SIZE - (FREE_BASE - RAM_BASE))

/* A second slot, in an address range with nothing around it */
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

/* Every second page was never touched by the host: it must read as zero. */
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
	/* What was first read must still be the same page when written. */
	vcpu_run_to_sync(self->vcpu, 0);
	for (gpa = FREE_BASE; gpa < FREE_BASE + MANY; gpa += PAGE)
		bad += *(uint64_t *)tvm_at(&self->t, gpa) != gpa + 1;
	EXPECT_EQ(0, bad);
}

/* Guest and host take turns on one page, which must be the same all the time. */
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

GUEST static void guest_fill_slot2(uint64_t size)
{
	uint64_t p;

	/* Before and behind the slot is nothing */
	write64(SLOT2_BASE - 8, 1);
	write64(SLOT2_BASE + size, 2);
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
									\
	__p[__size / 8 - 1] = 0xfeed;					\
	tvm_enter(&self->t, 0, guest_fill_slot2, __size);		\
	vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);			\
	ASSERT_EQ(SLOT2_BASE - 8, self->vcpu->run.mmio.phys_addr);	\
	vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);			\
	ASSERT_EQ(SLOT2_BASE + __size, self->vcpu->run.mmio.phys_addr);	\
	vcpu_run_to_sync(self->vcpu, 0xfeed);				\
	for (__i = 0; __i < __size / PAGE; __i++)			\
		EXPECT_EQ(SLOT2_BASE + __i * PAGE + 7,			\
			  __p[__i * PAGE / 8])				\
			TH_LOG("page %lu", (unsigned long)__i);		\
} while (0)

/* Blocks of 2 MiB must be clipped to such a slot. */
TEST_F(fault, slot_of_three_pages_at_an_odd_place)
{
	char *map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, attach(&self->t, map + 5 * PAGE, 3 * PAGE));
	check_slot2(map + 5 * PAGE, 3 * PAGE);
	EXPECT_EQ(0, *(uint64_t *)(map + 4 * PAGE));
	EXPECT_EQ(0, *(uint64_t *)(map + 8 * PAGE));
}

TEST_F(fault, slot_in_a_shared_file)
{
	uint64_t size = 0x201000;
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
	char *map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, mmap(map + 3 * PAGE, 4 * PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
				   -1, 0));
	ASSERT_EQ(0, attach(&self->t, map, 16 * PAGE));
	check_slot2(map, 16 * PAGE);
}

/* A VMM may replace the mapping as long as the guest did not touch it. */
TEST_F(fault, pages_follow_the_mapping_until_touched)
{
	uint64_t size = 4 * PAGE;
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

/* Nothing to give: GZVM_RUN must say so, and the VM must come down well. */
TEST_F(fault, unmapped_memory_ends_the_run)
{
	char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	if (!has_demand_paging(&self->t)) {
		munmap(map, PAGE);
		EXPECT_EQ(-EFAULT, attach(&self->t, map, PAGE));
		return;
	}
	ASSERT_EQ(0, attach(&self->t, map, PAGE));
	munmap(map, PAGE);
	tvm_enter(&self->t, 0, guest_touch_slot2, 0);
	EXPECT_EQ(-EFAULT, __vcpu_run(self->vcpu));
}

/* The guest may write to all of its memory, so the VMM must be able to. */
TEST_F(fault, read_only_memory_ends_the_run)
{
	char *map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	if (!has_demand_paging(&self->t)) {
		EXPECT_EQ(-EFAULT, attach(&self->t, map, PAGE));
		return;
	}
	ASSERT_EQ(0, attach(&self->t, map, PAGE));
	tvm_enter(&self->t, 0, guest_touch_slot2, 0);
	EXPECT_EQ(-EFAULT, __vcpu_run(self->vcpu));
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

/* Each vCPU owns one half of each page. */
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

/* Both touch the same blocks at the same time: each must be given once. */
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
