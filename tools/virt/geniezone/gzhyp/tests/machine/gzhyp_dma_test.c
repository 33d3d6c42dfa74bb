// SPDX-License-Identifier: GPL-2.0
/*
 * DMA of a disk to a protected guest's memory. Where EL2 has no demand paging, private
 * pages are the VMM's own, and direct I/O finds them: only gzhyp's SMMU is in the way.
 *
 * Needs: controls, smmu
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <linux/gzvm.h>

#include "controls.h"
#include "gz_test.h"
#include "protected.h"

#define DISK		"/dev/vda"
#define DEVICES		"/sys/firmware/devicetree/base"

#define SECRET		0x5ec2e75ec2e75ec2ULL
#define FILLER		0xee

#define SECRET_SLOT	1
#define SECRET_BASE	0xc0000000ULL
#define SECRET_SIZE	0x10000ULL
#define BLOCK		4096UL

/* Fills its memory, then tells how many words have changed, again and again. */
GUEST static void guest_guard(uint64_t size)
{
	uint64_t p, bad;

	for (p = SECRET_BASE; p < SECRET_BASE + size; p += 8)
		write64(p, SECRET);
	for (;;) {
		bad = 0;
		for (p = SECRET_BASE; p < SECRET_BASE + size; p += 8)
			bad += read64(p) != SECRET;
		guest_sync(bad);
	}
}

/* Is there a node whose name begins like this? */
static bool is_listed(const char *prefix)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;
	bool found = false;

	while (dir && (entry = readdir(dir)))
		found |= !strncmp(entry->d_name, prefix, strlen(prefix));
	if (dir)
		closedir(dir);
	return found;
}

static unsigned int words(const uint64_t *p, size_t size, uint64_t value)
{
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < size / sizeof(*p); i++)
		found += p[i] == value;
	return found;
}

FIXTURE(dma)
{
	struct tvm t;
	int disk;
	char *secret;
	char *plain;
};

FIXTURE_SETUP(dma)
{
	uint64_t cap = GZVM_CAP_PROTECTED_VM;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	self->disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (self->disk < 0 || is_listed("virtio_mmio@"))
		SKIP(return, "no disk behind an SMMU");
	tvm_create(&self->t, 1);
	ASSERT_FALSE(has_demand_paging(&self->t));
	ASSERT_EQ(0, gz_ioctl(self->t.vm.fd, GZVM_CHECK_EXTENSION,
			      (unsigned long)&cap));
	self->secret = mmap(NULL, SECRET_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	self->plain = mmap(NULL, SECRET_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->secret);
	ASSERT_NE(MAP_FAILED, self->plain);
	memset(self->plain, FILLER, SECRET_SIZE);
	ASSERT_EQ(BLOCK, pwrite(self->disk, self->plain, BLOCK, 0));
	ASSERT_EQ(0, gz_vm_set_region(&self->t.vm, SECRET_SLOT,
				      GZVM_USER_MEM_REGION_GUEST_MEM, SECRET_BASE,
				      SECRET_SIZE, self->secret));
	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_guard, SECRET_SIZE);
	vcpu_run_to_sync(&self->t.vcpus[0], 0);
}

FIXTURE_TEARDOWN(dma)
{
	tvm_destroy(&self->t);
	if (!no_controls())
		EXPECT_TRUE(ctl_check_ok());
}

/* The host's own memory can be read and written, or the other tests show nothing. */
TEST_F(dma, device_reaches_the_memory_of_the_host)
{
	memset(self->plain, 0x11, BLOCK);
	EXPECT_EQ(BLOCK, pwrite(self->disk, self->plain, BLOCK, BLOCK));
	memset(self->plain, 0, BLOCK);
	EXPECT_EQ(BLOCK, pread(self->disk, self->plain, BLOCK, BLOCK));
	EXPECT_EQ(BLOCK / 8, words((uint64_t *)self->plain, BLOCK, 0x1111111111111111ULL));
}

/* The device may report an error, or success: it cannot know. */
TEST_F(dma, device_cannot_read_private_memory)
{
	ssize_t ret = pwrite(self->disk, self->secret, BLOCK, 0);

	TH_LOG("write returned %zd", ret);
	ASSERT_EQ(BLOCK, pread(self->disk, self->plain, BLOCK, 0));
	EXPECT_EQ(0, words((uint64_t *)self->plain, BLOCK, SECRET));
	if (!no_controls())
		EXPECT_TRUE(ctl_check_ok());
	vcpu_run_to_sync(&self->t.vcpus[0], 0);
}

TEST_F(dma, device_cannot_write_private_memory)
{
	ssize_t ret = pread(self->disk, self->secret + BLOCK, BLOCK, 0);

	TH_LOG("read returned %zd", ret);
	vcpu_run_to_sync(&self->t.vcpus[0], 0);
}

TEST_F(dma, memory_is_reachable_again_after_the_end)
{
	tvm_destroy(&self->t);
	EXPECT_EQ(0, words((uint64_t *)self->secret, SECRET_SIZE, SECRET));
	memset(self->secret, 0x22, BLOCK);
	EXPECT_EQ(BLOCK, pwrite(self->disk, self->secret, BLOCK, BLOCK));
	EXPECT_EQ(BLOCK, pread(self->disk, self->plain, BLOCK, BLOCK));
	EXPECT_EQ(BLOCK / 8, words((uint64_t *)self->plain, BLOCK, 0x2222222222222222ULL));
	tvm_create(&self->t, 1);
}

TEST_F(dma, other_devices_that_access_memory_are_gone)
{
	EXPECT_FALSE(is_listed("fw-cfg@"));
	EXPECT_FALSE(is_listed("smmuv3@"));
	EXPECT_TRUE(is_listed("pcie@"));
	EXPECT_NE(0, access(DEVICES "/pcie@10000000/iommu-map", F_OK));
	EXPECT_NE(0, access(DEVICES "/intc@8000000/its@8080000", F_OK));
}

TEST_HARNESS_MAIN
