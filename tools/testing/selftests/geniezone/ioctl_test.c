// SPDX-License-Identifier: GPL-2.0
/*
 * Valid and invalid arguments of each ioctl except GZVM_SET_USER_MEMORY_REGION.
 *
 * Needs: controls
 */

#include <sys/mman.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "controls.h"
#include "eventfd.h"
#include "gz_test.h"
#include "ioctls.h"

#define BAD_POINTER	8UL
#define PAGE		HOST_PAGE

FIXTURE(ioctls)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(ioctls)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(ioctls)
{
	tvm_destroy(&self->t);
}

#define dev_ioctl(nr, arg)	\
	gz_ioctl(self->t.vm.dev_fd, nr, (unsigned long)(arg))
#define vm_ioctl(nr, arg)	\
	gz_ioctl(self->t.vm.fd, nr, (unsigned long)(arg))
#define vcpu_ioctl(nr, arg)	\
	gz_ioctl(self->vcpu->fd, nr, (unsigned long)(arg))

TEST_F(ioctls, unknown_numbers)
{
	unsigned long nr = _IO(GZVM_IOC_MAGIC, 0xfe);

	EXPECT_EQ(-ENOTTY, dev_ioctl(nr, 0));
	EXPECT_EQ(-ENOTTY, vm_ioctl(nr, 0));
	EXPECT_EQ(-ENOTTY, vcpu_ioctl(nr, 0));
	EXPECT_EQ(-ENOTTY, vm_ioctl(_IO('x', 1), 0));
	/* ioctls that exist on other files */
	EXPECT_EQ(-ENOTTY, dev_ioctl(GZVM_CREATE_VCPU, 1));
	EXPECT_EQ(-ENOTTY, vm_ioctl(GZVM_RUN, &self->vcpu->run));
	EXPECT_EQ(-ENOTTY, vcpu_ioctl(GZVM_CREATE_VM, 0));
}

#define CMD(name, number)	{ #name, number },

/* All ioctls of all files */
static const struct {
	const char *name;
	unsigned int nr;
} commands[] = {
	GZ_IOCTLS(CMD)
};

/* Number of known ioctls among those with this size and direction */
static unsigned int known_with(struct tvm *t, unsigned int nr, unsigned int dir,
			       unsigned int size, void *arg)
{
	const int fds[] = { t->vm.dev_fd, t->vm.fd, t->vcpus[0].fd };
	unsigned int i, cmd, n = 0;

	cmd = _IOC(dir, GZVM_IOC_MAGIC, _IOC_NR(nr), size);
	for (i = 0; cmd != nr && i < ARRAY_SIZE(fds); i++)
		n += gz_ioctl(fds[i], cmd, (unsigned long)arg) != -ENOTTY;
	return n;
}

#define SMALL_SIZES	256
#define NR_SIZES	(SMALL_SIZES + _IOC_SIZEBITS)

/* All small numbers, and each number with one wrong bit */
static unsigned int nth_size(unsigned int nr, unsigned int i)
{
	return i < SMALL_SIZES ? i : _IOC_SIZE(nr) ^ 1U << (i - SMALL_SIZES);
}

/* The whole number counts, not only the command in it. */
TEST_F(ioctls, wrong_size_or_direction)
{
	static uint64_t arg[1024];
	unsigned int i, dir, n, size;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (n = 0; n < 4 * NR_SIZES; n++) {
			dir = n / NR_SIZES;
			size = nth_size(commands[i].nr, n % NR_SIZES);
			ASSERT_EQ(0, known_with(&self->t, commands[i].nr, dir,
						size, arg))
				TH_LOG("%s: direction %u, size %u",
				       commands[i].name, dir, size);
		}
	}
}

TEST_F(ioctls, never_implemented)
{
	struct gzvm_memory_region region = {};

	EXPECT_EQ(-ENOTTY, vm_ioctl(GZVM_SET_MEMORY_REGION, &region));
	EXPECT_EQ(-ENOTTY, vm_ioctl(GZVM_CREATE_IRQCHIP, 0));
}

TEST_F(ioctls, bad_pointers)
{
	EXPECT_EQ(-EFAULT, vm_ioctl(GZVM_IRQ_LINE, BAD_POINTER));
	EXPECT_EQ(-EFAULT, vm_ioctl(GZVM_CREATE_DEVICE, BAD_POINTER));
	EXPECT_EQ(-EFAULT, vm_ioctl(GZVM_SET_DTB_CONFIG, BAD_POINTER));
	EXPECT_EQ(-EFAULT, vm_ioctl(GZVM_ENABLE_CAP, BAD_POINTER));
	EXPECT_EQ(-EFAULT, vm_ioctl(GZVM_CHECK_EXTENSION, BAD_POINTER));
	EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_SET_ONE_REG, BAD_POINTER));
	EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_GET_ONE_REG, BAD_POINTER));
	EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_RUN, BAD_POINTER));
}

/* A page with no page behind it */
static char *page_at_the_end(void)
{
	char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	munmap(map + PAGE, PAGE);
	return map;
}

/*
 * The struct without its last bytes. Returns how many of these cuts did not end
 * with
 * -EFAULT.
 */
static unsigned int cuts_taken(int fd, unsigned int cmd, const void *arg,
			       size_t size)
{
	char *page = page_at_the_end();
	unsigned int taken = 0;
	size_t n;

	if (!page)
		return -1;
	for (n = 0; n < size; n++) {
		memcpy(page + PAGE - n, arg, n);
		taken += gz_ioctl(fd, cmd, (unsigned long)page + PAGE - n) !=
			 -EFAULT;
	}
	munmap(page, PAGE);
	return taken;
}

#define expect_no_cut_taken(fd, cmd, arg)				\
	EXPECT_EQ(0, cuts_taken(fd, cmd, &(arg), sizeof(arg)))

/* Each of them would do something if it were complete. */
TEST_F(ioctls, structs_that_are_cut_off)
{
	uint64_t cap = GZVM_CAP_MAX_SLOTS, value = 0x1234, got = 0;
	struct gzvm_userspace_memory_region region = {
		.slot = 3, .guest_phys_addr = 0xd0000000, .memory_size = PAGE,
		.userspace_addr = (uintptr_t)self->t.mem.hva,
	};
	struct gzvm_irq_level irq = { .irq = 5, .level = 1 };
	struct gzvm_irqfd irqfd = { .fd = event_new(), .gsi = 6 };
	struct gzvm_ioeventfd ioeventfd = {
		.addr = PORT_TEST, .len = 4, .fd = irqfd.fd,
	};
	struct gzvm_enable_cap enable = {
		.cap = GZVM_CAP_PROTECTED_VM,
		.args = { GZVM_CAP_PVM_SET_PROTECTED_VM },
	};
	struct gzvm_create_device device = {
		.dev_type = GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST,
		.dev_addr = 0x20000000, .dev_reg_size = 0x20000,
	};
	struct gzvm_dtb_config dtb = { FREE_BASE, 0x1000 };
	struct gzvm_one_reg reg = { GZ_REG_X(9), (uintptr_t)&value };
	static struct ctl_view before;
	bool controls = !no_controls();

	ASSERT_EQ(0, gz_vcpu_set_reg(self->vcpu, GZ_REG_X(9), 77));
	if (controls)
		ctl_view(&before);
	expect_no_cut_taken(self->t.vm.dev_fd, GZVM_CHECK_EXTENSION, cap);
	expect_no_cut_taken(self->t.vm.fd, GZVM_CHECK_EXTENSION, cap);
	expect_no_cut_taken(self->t.vm.fd, GZVM_SET_USER_MEMORY_REGION, region);
	expect_no_cut_taken(self->t.vm.fd, GZVM_IRQ_LINE, irq);
	expect_no_cut_taken(self->t.vm.fd, GZVM_IRQFD, irqfd);
	expect_no_cut_taken(self->t.vm.fd, GZVM_IOEVENTFD, ioeventfd);
	expect_no_cut_taken(self->t.vm.fd, GZVM_ENABLE_CAP, enable);
	expect_no_cut_taken(self->t.vm.fd, GZVM_CREATE_DEVICE, device);
	expect_no_cut_taken(self->t.vm.fd, GZVM_SET_DTB_CONFIG, dtb);
	expect_no_cut_taken(self->vcpu->fd, GZVM_SET_ONE_REG, reg);
	expect_no_cut_taken(self->vcpu->fd, GZVM_GET_ONE_REG, reg);
	if (controls)
		EXPECT_TRUE(ctl_view_same(&before, CTL_VIEW_ALL));
	EXPECT_EQ(0, gz_vcpu_get_reg(self->vcpu, GZ_REG_X(9), &got));
	EXPECT_EQ(77, got);
	EXPECT_EQ(0x1234, value);
	/* None of them has created the slot or taken the doorbell */
	EXPECT_EQ(0, vm_ioctl(GZVM_IOEVENTFD, &ioeventfd));
	region.slot = 4;
	EXPECT_EQ(0, vm_ioctl(GZVM_SET_USER_MEMORY_REGION, &region));
	close(irqfd.fd);
}

/* The address of the value, if it has any bytes */
TEST_F(ioctls, register_values_that_are_cut_off)
{
	char *page = page_at_the_end();
	struct gzvm_one_reg reg = { .id = GZ_REG_X(9) };
	uint64_t got = 0;
	unsigned int n;

	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, gz_vcpu_set_reg(self->vcpu, GZ_REG_X(9), 77));
	for (n = 0; n < sizeof(got); n++) {
		reg.addr = (uintptr_t)page + PAGE - n;
		EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_SET_ONE_REG, &reg));
		EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_GET_ONE_REG, &reg));
	}
	EXPECT_EQ(0, gz_vcpu_get_reg(self->vcpu, GZ_REG_X(9), &got));
	EXPECT_EQ(77, got);
	munmap(page, PAGE);
}

/* crosvm does this and expects an error. */
TEST_F(ioctls, check_extension_by_value)
{
	EXPECT_EQ(-EFAULT, dev_ioctl(GZVM_CHECK_EXTENSION, GZVM_CAP_VM_GPA_SIZE));
	EXPECT_EQ(-EFAULT, vm_ioctl(GZVM_CHECK_EXTENSION, GZVM_CAP_VM_GPA_SIZE));
}

TEST_F(ioctls, gpa_size)
{
	uint64_t dev_bits = 0, vm_bits = 0;

	ASSERT_EQ(0, gz_check_cap(self->t.vm.dev_fd, GZVM_CAP_VM_GPA_SIZE,
				  &dev_bits));
	ASSERT_EQ(0, gz_check_cap(self->t.vm.fd, GZVM_CAP_VM_GPA_SIZE,
				  &vm_bits));
	EXPECT_EQ(dev_bits, vm_bits);
	EXPECT_GE(vm_bits, 32);
	EXPECT_LE(vm_bits, 52);
}

TEST_F(ioctls, unknown_capability_leaves_the_number_alone)
{
	uint64_t value;

	EXPECT_EQ(-EOPNOTSUPP, gz_check_cap(self->t.vm.fd, 0xdeadbeef, &value));
	EXPECT_EQ(0xdeadbeef, value);
}

TEST_F(ioctls, unknown_capability_cannot_be_enabled)
{
	struct gzvm_enable_cap cap = { .cap = 0xdeadbeef };

	EXPECT_NE(0, vm_ioctl(GZVM_ENABLE_CAP, &cap));
}

TEST_F(ioctls, vm_type_must_be_known)
{
	EXPECT_EQ(-EINVAL, dev_ioctl(GZVM_CREATE_VM, 1UL << 40));
}

TEST_F(ioctls, vcpu_id_is_unique)
{
	EXPECT_EQ(-EEXIST, vm_ioctl(GZVM_CREATE_VCPU, 0));
	/* The first one still works */
	EXPECT_EQ(0, gz_vcpu_set_reg(self->vcpu, GZ_REG_PC, RAM_BASE));
}

TEST_F(ioctls, vcpu_id_is_limited)
{
	EXPECT_EQ(-EINVAL, vm_ioctl(GZVM_CREATE_VCPU, 64));
	EXPECT_EQ(-EINVAL, vm_ioctl(GZVM_CREATE_VCPU, 1UL << 32));
	EXPECT_EQ(-EINVAL, vm_ioctl(GZVM_CREATE_VCPU, ~0UL));
}

TEST_F(ioctls, device_flags_must_be_zero)
{
	struct gzvm_create_device dev = {
		.dev_type = GZVM_DEV_TYPE_ARM_VGIC_V3_DIST,
		.dev_addr = GICD_BASE,
		.dev_reg_size = GZ_GICD_SIZE,
	};
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		dev.flags = 1ULL << bit;
		EXPECT_EQ(-EINVAL, vm_ioctl(GZVM_CREATE_DEVICE, &dev))
			TH_LOG("bit %u", bit);
	}
}

TEST_F(ioctls, device_attributes_are_checked)
{
	struct gzvm_create_device dev = {
		.dev_type = GZVM_DEV_TYPE_ARM_VGIC_V3_DIST,
		.dev_addr = GICD_BASE,
		.dev_reg_size = GZ_GICD_SIZE,
	};
	static char blob[8192];

	/* A physical address from the caller must not get through */
	dev.attr_addr = 0x40000000;
	EXPECT_EQ(-EINVAL, vm_ioctl(GZVM_CREATE_DEVICE, &dev));
	dev.attr_addr = (uintptr_t)blob;
	dev.attr_size = 4097;
	EXPECT_EQ(-EINVAL, vm_ioctl(GZVM_CREATE_DEVICE, &dev));
	dev.attr_size = ~0ULL;
	EXPECT_EQ(-EINVAL, vm_ioctl(GZVM_CREATE_DEVICE, &dev));
	dev.attr_addr = BAD_POINTER;
	dev.attr_size = 16;
	EXPECT_EQ(-EFAULT, vm_ioctl(GZVM_CREATE_DEVICE, &dev));
}

TEST_F(ioctls, device_type_must_be_known)
{
	struct gzvm_create_device dev = {
		.dev_type = 77,
		.dev_addr = 0x30000000,
		.dev_reg_size = 0x10000,
	};

	EXPECT_GT(0, vm_ioctl(GZVM_CREATE_DEVICE, &dev));
}

TEST_F(ioctls, dtb_config)
{
	EXPECT_EQ(0, gz_vm_set_dtb(&self->t.vm, FREE_BASE, 0x200000));
}

TEST_F(ioctls, dtb_range_must_not_wrap)
{
	EXPECT_EQ(-EINVAL, gz_vm_set_dtb(&self->t.vm, ~0xfffULL, 0x2000));
	EXPECT_EQ(-EINVAL, gz_vm_set_dtb(&self->t.vm, 0x1000, ~0xfffULL));
}

TEST_F(ioctls, one_reg_round_trip)
{
	static const uint64_t ids[] = {
		GZ_REG_X(0), GZ_REG_X(1), GZ_REG_X(30), GZ_REG_PC,
	};
	uint64_t value, want;
	unsigned int i;

	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		want = 0x1122334455667700ULL + i * 4;
		ASSERT_EQ(0, gz_vcpu_set_reg(self->vcpu, ids[i], want));
		value = 0;
		ASSERT_EQ(0, gz_vcpu_get_reg(self->vcpu, ids[i], &value));
		EXPECT_EQ(want, value)
			TH_LOG("register 0x%lx", (unsigned long)ids[i]);
	}
	ASSERT_EQ(0, gz_vcpu_set_reg(self->vcpu, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	ASSERT_EQ(0, gz_vcpu_get_reg(self->vcpu, GZ_REG_PSTATE, &value));
	EXPECT_EQ(GZ_PSTATE_BOOT, value);
}

/* A VMM must not select EL2 or EL3. */
TEST_F(ioctls, pstate_above_el1_does_not_get_through)
{
	uint64_t value = 0;

	gz_vcpu_set_reg(self->vcpu, GZ_REG_PSTATE, 0x3c9);
	ASSERT_EQ(0, gz_vcpu_get_reg(self->vcpu, GZ_REG_PSTATE, &value));
	EXPECT_NE(0x8, value & 0xc);
}

/* The id contains the size of the copy: 8 bytes are the maximum. */
TEST_F(ioctls, one_reg_size_is_checked)
{
	unsigned char buf[65536];
	struct gzvm_one_reg reg = { .addr = (uintptr_t)buf };
	uint64_t size;
	unsigned int i;

	memset(buf, 0x5a, sizeof(buf));
	for (size = 4; size < 16; size++) {
		reg.id = (GZ_REG_X(0) & ~GZVM_REG_SIZE_MASK) |
			 size << GZVM_REG_SIZE_SHIFT;
		EXPECT_EQ(-EINVAL, vcpu_ioctl(GZVM_SET_ONE_REG, &reg));
		EXPECT_EQ(-EINVAL, vcpu_ioctl(GZVM_GET_ONE_REG, &reg));
	}
	for (i = 0; i < sizeof(buf) && buf[i] == 0x5a; i++)
		;
	EXPECT_EQ(sizeof(buf), i);
}

TEST_F(ioctls, one_reg_bad_value_pointer)
{
	struct gzvm_one_reg reg = { .id = GZ_REG_X(0), .addr = BAD_POINTER };

	EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_SET_ONE_REG, &reg));
	EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_GET_ONE_REG, &reg));
}

GUEST static void guest_sync_and_off(uint64_t arg)
{
	guest_sync(arg);
}

TEST_F(ioctls, run_padding_must_be_zero)
{
	unsigned int i;

	tvm_enter(&self->t, 0, guest_sync_and_off, 42);
	for (i = 0; i < 3; i++) {
		self->vcpu->run.padding1[i] = 1;
		EXPECT_EQ(-EINVAL, gz_vcpu_run(self->vcpu));
		self->vcpu->run.padding1[i] = 0;
	}
	vcpu_run_to_sync(self->vcpu, 42);
}

/* The run struct is normal memory and may be anywhere, even across two pages. */
TEST_F(ioctls, run_struct_may_be_unaligned)
{
	char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p = map + PAGE - 13;
	struct gzvm_vcpu_run run;
	int ret;

	ASSERT_NE(MAP_FAILED, map);
	tvm_enter(&self->t, 0, guest_sync_and_off, 42);
	do {
		ret = vcpu_ioctl(GZVM_RUN, p);
	} while (ret == -EINTR || ret == -EAGAIN);
	ASSERT_EQ(0, ret);
	memcpy(&run, p, sizeof(run));
	EXPECT_EQ(GZVM_EXIT_MMIO, run.exit_reason);
	EXPECT_EQ(PORT_SYNC, run.mmio.phys_addr);
	EXPECT_EQ(42, run.mmio.data[0]);
}

/*
 * If the driver cannot read its fields, it does not enter the guest. If it
 * cannot write the exit, it keeps the exit until it can.
 */
TEST_F(ioctls, run_struct_that_is_cut_off)
{
	char *page = page_at_the_end(), *p;
	struct gzvm_vcpu_run run = {};
	unsigned int n;
	uint64_t pc;
	int ret;

	ASSERT_NE(NULL, page);
	tvm_enter(&self->t, 0, guest_sync_and_off, 42);
	for (n = 0; n < offsetof(struct gzvm_vcpu_run, mmio); n++)
		EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_RUN, page + PAGE - n));
	ASSERT_EQ(0, gz_vcpu_get_reg(self->vcpu, GZ_REG_PC, &pc));
	EXPECT_EQ(tvm_gpa_of(guest_entry), pc);
	for (; n < sizeof(run); n++) {
		p = page + PAGE - n;
		memset(p, 0, n);
		do {
			ret = vcpu_ioctl(GZVM_RUN, p);
		} while (ret == -EINTR || ret == -EAGAIN);
		if (ret != -EFAULT)
			break;
	}
	ASSERT_EQ(0, ret);
	EXPECT_LE(offsetof(struct gzvm_vcpu_run, mmio.size), n);
	memcpy(&run, p, n);
	EXPECT_EQ(GZVM_EXIT_MMIO, run.exit_reason);
	EXPECT_EQ(PORT_SYNC, run.mmio.phys_addr);
	EXPECT_EQ(42, run.mmio.data[0]);
	munmap(page, PAGE);
}

/* A struct that cannot be written must not lose the guest's exit. */
TEST_F(ioctls, run_struct_that_is_read_only)
{
	void *p = mmap(NULL, 0x1000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	tvm_enter(&self->t, 0, guest_sync_and_off, 42);
	EXPECT_EQ(-EFAULT, vcpu_ioctl(GZVM_RUN, p));
}

TEST_HARNESS_MAIN
