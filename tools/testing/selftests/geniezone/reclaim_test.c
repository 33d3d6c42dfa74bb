// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that the kernel swaps out or merges: before the guest gets it, and
 * afterwards, when it must not.
 *
 * Needs: modes, threads
 */

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gz_test.h"
#include "kmsg.h"
#include "stats.h"
#include "swap.h"

#define PAGE		0x1000ULL	/* of the hypervisor */
#define SLOT		1
#define SLOT_BASE	0xc0000000ULL
#define SIZE		0x400000ULL

#define ZRAM		0

/* MADV_PAGEOUT does not find pages that wait in a list of another CPU. */
static void stay_on_this_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Memory with the number of each page, from @first on */
static char *numbered(int flags, uint64_t first)
{
	char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 flags | MAP_ANONYMOUS, -1, 0);
	uint64_t i;

	for (i = 0; map != MAP_FAILED && i < SIZE / PAGE; i++)
		*(uint64_t *)(map + i * PAGE) = first + i;
	return map;
}

/* Reads each page and writes to it, each time that it runs. */
GUEST static void guest_count_on(uint64_t base)
{
	uint64_t p, wrong, round;

	for (round = 0; ; round++) {
		wrong = 0;
		for (p = base; p < base + SIZE; p += PAGE) {
			wrong += read64(p) != (p - base) / PAGE + round;
			write64(p, read64(p) + 1);
		}
		guest_sync(wrong);
	}
}

static uint64_t host_wrong(const char *map, uint64_t first)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < SIZE / PAGE; i++)
		wrong += *(uint64_t *)(map + i * PAGE) != first + i;
	return wrong;
}

FIXTURE(reclaim)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	char *map;
	bool swap;
};

FIXTURE_VARIANT(reclaim)
{
	int flags;
};

FIXTURE_VARIANT_ADD(reclaim, private)
{
	.flags = MAP_PRIVATE,
};

FIXTURE_VARIANT_ADD(reclaim, shmem)
{
	.flags = MAP_SHARED,
};

FIXTURE_SETUP(reclaim)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (access(zram_device(ZRAM), F_OK))
		SKIP(return, "no zram");
	self->swap = swap_begin(ZRAM);
	if (!self->swap)
		SKIP(return, "no swap");
	stay_on_this_cpu();
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	self->map = numbered(variant->flags, 0);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(reclaim)
{
	if (self->t.nr_vcpus)
		tvm_destroy(&self->t);
	if (self->swap)
		swap_end(ZRAM);
}

#define attach()							\
	ASSERT_EQ(0, gz_vm_set_region(&self->t.vm, SLOT,		\
				      GZVM_USER_MEM_REGION_GUEST_MEM,	\
				      SLOT_BASE, SIZE, self->map))

/* The guest touches pages that are not there: they come from the swap device. */
TEST_F(reclaim, memory_that_was_swapped_out_comes_back)
{
	ASSERT_EQ(0, madvise(self->map, SIZE, MADV_PAGEOUT));
	EXPECT_LT((long long)(SIZE >> 10) / 2, smaps_sum("Swap"));
	attach();
	tvm_enter(&self->t, 0, guest_count_on, SLOT_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(0, host_wrong(self->map, 1));
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(0, host_wrong(self->map, 2));
}

/*
 * The kernel may remove such a page from the VMM's page table, but it cannot take
 * it: guest and VMM go on to share it, and nobody has discarded anything.
 */
TEST_F(reclaim, memory_that_the_guest_has_stays)
{
	int vm = self->t.vm.fd;
	int kmsg;

	attach();
	tvm_enter(&self->t, 0, guest_count_on, SLOT_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	kmsg = kmsg_open();
	ASSERT_LE(0, kmsg);
	madvise(self->map, SIZE, MADV_PAGEOUT);
	EXPECT_EQ(0, host_wrong(self->map, 1));
	*(uint64_t *)self->map = 1;
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(0, host_wrong(self->map, 2));
	EXPECT_EQ(0, fd_stat(vm, "unmapped_pages"));
	EXPECT_EQ(0, kmsg_of_driver(kmsg));
	close(kmsg);
}

FIXTURE(ksm)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	char *map, *twin;
};

FIXTURE_SETUP(ksm)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (access(KSM "run", W_OK))
		SKIP(return, "no KSM");
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	self->map = numbered(MAP_PRIVATE, 0);
	self->twin = numbered(MAP_PRIVATE, 0);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_NE(MAP_FAILED, self->twin);
	ksm_begin();
}

FIXTURE_TEARDOWN(ksm)
{
	if (!self->t.nr_vcpus)
		return;
	ksm_end();
	tvm_destroy(&self->t);
}

static int merge(char *map, char *twin)
{
	int i;

	if (madvise(map, SIZE, MADV_MERGEABLE) ||
	    madvise(twin, SIZE, MADV_MERGEABLE))
		return -errno;
	/* The first page may wait for a scan that has seen it unchanged. */
	for (i = 0; i < 5 && read_number(KSM "pages_sharing") <= 0; i++)
		ksm_scan_twice();
	return read_number(KSM "pages_sharing") > 0 ? 0 : -EAGAIN;
}

/* Nobody else sees what the guest writes to a page that was merged. */
TEST_F(ksm, merged_memory_becomes_the_guests_own)
{
	ASSERT_EQ(0, merge(self->map, self->twin));
	attach();
	tvm_enter(&self->t, 0, guest_count_on, SLOT_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(0, host_wrong(self->map, 1));
	EXPECT_EQ(0, host_wrong(self->twin, 0));
}

/* A page that the guest has is not merged, although it is like another one. */
TEST_F(ksm, memory_that_the_guest_has_is_not_merged)
{
	uint64_t i;

	attach();
	tvm_enter(&self->t, 0, guest_count_on, SLOT_BASE);
	vcpu_run_to_sync(self->vcpu, 0);
	for (i = 0; i < SIZE / PAGE; i++)
		*(uint64_t *)(self->twin + i * PAGE) = i + 1;
	ASSERT_EQ(0, madvise(self->map, SIZE, MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(self->twin, SIZE, MADV_MERGEABLE));
	ksm_scan_twice();
	ksm_scan_twice();
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(0, host_wrong(self->map, 2));
	EXPECT_EQ(0, host_wrong(self->twin, 1));
	EXPECT_EQ(0, fd_stat(self->t.vm.fd, "unmapped_pages"));
}

TEST_HARNESS_MAIN
