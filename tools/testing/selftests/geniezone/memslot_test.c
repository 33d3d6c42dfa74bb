// SPDX-License-Identifier: GPL-2.0
/* GZVM_SET_USER_MEMORY_REGION: what it takes and what it refuses. */

#include <sys/mman.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gz_test.h"

#define PAGE	0x1000ULL
#define SIZE	(16 * PAGE)
#define GPA	0xc0000000ULL
#define RAM	GZVM_USER_MEM_REGION_GUEST_MEM

FIXTURE(memslot)
{
	struct tvm t;
	char *map;
};

FIXTURE_SETUP(memslot)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(memslot)
{
	tvm_destroy(&self->t);
	munmap(self->map, SIZE);
}

#define set(slot, flags, gpa, size, hva)	\
	gz_vm_set_region(&self->t.vm, slot, flags, gpa, size, hva)

#define hva(offset)	(self->map + (offset))

TEST_F(memslot, each_flag_and_none_are_taken)
{
	EXPECT_EQ(0, set(1, 0, GPA, PAGE, hva(0)));
	EXPECT_EQ(0, set(2, RAM, GPA + PAGE, PAGE, hva(PAGE)));
	EXPECT_EQ(0, set(3, GZVM_USER_MEM_REGION_STATIC_SWIOTLB,
			 GPA + 2 * PAGE, PAGE, hva(2 * PAGE)));
}

TEST_F(memslot, unknown_flags_are_refused)
{
	EXPECT_EQ(-EINVAL, set(1, 1 << 3, GPA, PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM | 1U << 31, GPA, PAGE, hva(0)));
}

TEST_F(memslot, everything_must_be_page_aligned)
{
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA + 1, PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA + 0x800, PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE + 8, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 1, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE, hva(16)));
}

TEST_F(memslot, ranges_must_not_wrap)
{
	EXPECT_EQ(-EINVAL, set(1, RAM, -PAGE, 2 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, -PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 2 * PAGE, (char *)-PAGE));
}

TEST_F(memslot, address_must_be_user_memory)
{
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE, (char *)0xffff000000000000ULL));
}

TEST_F(memslot, slot_number_is_limited)
{
	EXPECT_EQ(-EINVAL, set(512, RAM, GPA, PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(0xffffffff, RAM, GPA, PAGE, hva(0)));
	EXPECT_EQ(0, set(511, RAM, GPA, PAGE, hva(0)));
}

/* Every way in which one range can lie to another. */
TEST_F(memslot, overlap_is_refused)
{
	ASSERT_EQ(0, set(1, RAM, GPA + 4 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA + 4 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA + 5 * PAGE, PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA, 5 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA + 7 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA, 16 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, RAM_BASE, PAGE, hva(0)));
}

TEST_F(memslot, neighbours_are_taken)
{
	ASSERT_EQ(0, set(1, RAM, GPA + 4 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(0, set(2, RAM, GPA, 4 * PAGE, hva(4 * PAGE)));
	EXPECT_EQ(0, set(3, RAM, GPA + 8 * PAGE, 4 * PAGE, hva(8 * PAGE)));
}

/* Two slots may show the same memory of the VMM. */
TEST_F(memslot, part_of_a_mapping_is_taken)
{
	EXPECT_EQ(0, set(1, RAM, GPA, PAGE, hva(3 * PAGE)));
	EXPECT_EQ(0, set(2, RAM, GPA + PAGE, 2 * PAGE, hva(3 * PAGE)));
}

TEST_F(memslot, range_over_two_mappings_is_taken)
{
	ASSERT_EQ(0, mprotect(hva(0), 8 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	EXPECT_EQ(0, set(1, RAM, GPA, 16 * PAGE, hva(0)));
}

TEST_F(memslot, unused_slot_can_be_deleted_and_reused)
{
	unsigned int i;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, set(1, 0, GPA, PAGE, hva(0)));
		/* crosvm gives no address, QEMU the old one */
		ASSERT_EQ(0, set(1, 0, GPA, 0, i & 1 ? hva(0) : NULL));
	}
	/* The hypervisor cannot be told: another slot goes elsewhere */
	EXPECT_EQ(0, set(2, RAM, GPA + 4 * PAGE, PAGE, hva(0)));
}

TEST_F(memslot, slot_that_is_not_there_cannot_be_deleted)
{
	EXPECT_EQ(-EINVAL, set(1, 0, GPA, 0, NULL));
	ASSERT_EQ(0, set(1, 0, GPA, PAGE, hva(0)));
	if (!has_demand_paging(&self->t)) {
		EXPECT_EQ(-EBUSY, set(1, 0, GPA, 0, NULL));
		return;
	}
	ASSERT_EQ(0, set(1, 0, GPA, 0, NULL));
	EXPECT_EQ(-EINVAL, set(1, 0, GPA, 0, NULL));
}

TEST_F(memslot, slot_in_place_cannot_be_changed)
{
	ASSERT_EQ(0, set(1, RAM, GPA, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 5 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA + 8 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 4 * PAGE, hva(PAGE)));
	EXPECT_EQ(-EINVAL, set(1, 0, GPA, 4 * PAGE, hva(0)));
}

GUEST static void guest_touch(uint64_t gpa)
{
	guest_sync(read64(gpa));
	guest_sync(read64(gpa));
}

TEST_F(memslot, slot_that_the_guest_uses_cannot_be_deleted)
{
	struct gz_vcpu *vcpu = &self->t.vcpus[0];

	*(uint64_t *)hva(0) = 77;
	ASSERT_EQ(0, set(1, RAM, GPA, 4 * PAGE, hva(0)));
	tvm_enter(&self->t, 0, guest_touch, GPA);
	vcpu_run_to_sync(vcpu, 77);
	EXPECT_EQ(-EBUSY, set(1, RAM, GPA, 0, NULL));
	/* And nothing has changed by the attempt */
	*(uint64_t *)hva(0) = 78;
	vcpu_run_to_sync(vcpu, 78);
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA, PAGE, hva(0)));
}

TEST_F(memslot, bad_pointer)
{
	EXPECT_EQ(-EFAULT, gz_ioctl(self->t.vm.fd, GZVM_SET_USER_MEMORY_REGION,
				    8));
}

TEST_HARNESS_MAIN
