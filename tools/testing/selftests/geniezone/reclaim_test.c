// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that the kernel swaps out or merges: before the guest gets it, and
 * afterwards, when it must not.
 *
 * Needs: modes, threads
 */

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gz_test.h"
#include "kmsg.h"
#include "stats.h"
#include "textfile.h"

#define PAGE		0x1000ULL	/* of the hypervisor */
#define SLOT		1
#define SLOT_BASE	0xc0000000ULL
#define SIZE		0x400000ULL

#define SWAP_DEVICE	"/dev/zram0"
#define ZRAM		"/sys/block/zram0/"
#define SWAP_SIZE	(64UL << 20)
#define KSM		"/sys/kernel/mm/ksm/"

/* Writes the header of the first page, as mkswap does. */
static bool make_swap(int fd)
{
	const uint32_t head[3] = { 1, SWAP_SIZE / HOST_PAGE - 1, 0 };

	return pwrite(fd, head, sizeof(head), 1024) == sizeof(head) &&
	       pwrite(fd, "SWAPSPACE2", 10, HOST_PAGE - 10) == 10;
}

static bool swap_begin(void)
{
	char size[24];
	int fd;
	bool made;

	/* Another test may have used it. */
	write_file(ZRAM "reset", "1");
	snprintf(size, sizeof(size), "%lu", SWAP_SIZE);
	if (write_file(ZRAM "disksize", size))
		return false;
	fd = open(SWAP_DEVICE, O_RDWR | O_CLOEXEC);
	made = fd >= 0 && make_swap(fd);
	close(fd);
	return made && !swapon(SWAP_DEVICE, 0);
}

static void swap_end(void)
{
	swapoff(SWAP_DEVICE);
	write_file(ZRAM "reset", "1");
}

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
	if (access(ZRAM, F_OK))
		SKIP(return, "no zram");
	self->swap = swap_begin();
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
		swap_end();
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
	write_file(KSM "pages_to_scan", "10000");
	write_file(KSM "sleep_millisecs", "0");
}

FIXTURE_TEARDOWN(ksm)
{
	if (!self->t.nr_vcpus)
		return;
	/* Stops, and gives each its own page */
	write_file(KSM "run", "2");
	tvm_destroy(&self->t);
}

/* The harness's timeout ends a test that waits for ever. */
static void scan_twice(void)
{
	long until = read_number(KSM "full_scans") + 3;

	write_file(KSM "run", "1");
	while (read_number(KSM "full_scans") < until)
		usleep(1000);
	write_file(KSM "run", "0");
}

static int merge(char *map, char *twin)
{
	int i;

	if (madvise(map, SIZE, MADV_MERGEABLE) ||
	    madvise(twin, SIZE, MADV_MERGEABLE))
		return -errno;
	/* The first page may wait for a scan that has seen it unchanged. */
	for (i = 0; i < 5 && read_number(KSM "pages_sharing") <= 0; i++)
		scan_twice();
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
	scan_twice();
	scan_twice();
	vcpu_run_to_sync(self->vcpu, 0);
	EXPECT_EQ(0, host_wrong(self->map, 2));
	EXPECT_EQ(0, host_wrong(self->twin, 1));
	EXPECT_EQ(0, fd_stat(self->t.vm.fd, "unmapped_pages"));
}

TEST_HARNESS_MAIN
