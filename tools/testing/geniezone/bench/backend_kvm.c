// SPDX-License-Identifier: GPL-2.0
/* KVM/arm64 */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "bench.h"

#define NR_IRQS		128

static int kvm;
static long run_size;

static bool kvm_open(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return false;
	run_size = CHECKED(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	return true;
}

static void kvm_slot(struct vm *vm, uint64_t gpa, void *at, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = vm->nr_slots++,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)at,
	};

	CHECKED(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region));
}

static void set_attr(struct vm *vm, uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};

	CHECKED(ioctl(vm->gic, KVM_SET_DEVICE_ATTR, &a));
}

static void create_vcpu(struct vm *vm, unsigned int id)
{
	struct kvm_vcpu_init init = { };

	vm->vcpu[id] = CHECKED(ioctl(vm->fd, KVM_CREATE_VCPU, (long)id));
	vm->run[id] = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   vm->vcpu[id], 0);
	if (vm->run[id] == MAP_FAILED)
		die("mmap of a vCPU");
	CHECKED(ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init));
	init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
	if (id)
		init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF;
	CHECKED(ioctl(vm->vcpu[id], KVM_ARM_VCPU_INIT, &init));
}

static void create_gic(struct vm *vm)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	uint64_t dist = GICD_BASE;
	/* Count, base and index of a region of redistributors */
	uint64_t redist = (uint64_t)vm->nr_vcpus << 52 |
			  (GICD_BASE - vm->nr_vcpus * GICR_STRIDE);
	uint32_t irqs = NR_IRQS;

	CHECKED(ioctl(vm->fd, KVM_CREATE_DEVICE, &dev));
	vm->gic = dev.fd;
	set_attr(vm, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
	set_attr(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
		 &dist);
	set_attr(vm, KVM_DEV_ARM_VGIC_GRP_ADDR,
		 KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &redist);
	set_attr(vm, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT,
		 NULL);
}

static void kvm_create(struct vm *vm, unsigned int nr_vcpus)
{
	unsigned int id;

	vm->nr_vcpus = nr_vcpus;
	vm->nr_slots = 0;
	vm->fd = CHECKED(ioctl(kvm, KVM_CREATE_VM, 0));
	kvm_slot(vm, CODE_BASE, vm->code, CODE_SIZE);
	for (id = 0; id < nr_vcpus; id++)
		create_vcpu(vm, id);
	create_gic(vm);
}

static void kvm_destroy(struct vm *vm)
{
	unsigned int id;

	for (id = 0; id < vm->nr_vcpus; id++) {
		munmap(vm->run[id], run_size);
		close(vm->vcpu[id]);
	}
	close(vm->gic);
	close(vm->fd);
}

static void kvm_enter(struct vm *vm, uint64_t pc)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
		      KVM_REG_ARM_CORE_REG(regs.pc),
		.addr = (uintptr_t)&pc,
	};

	/* x0 is 0 after creation */
	CHECKED(ioctl(vm->vcpu[0], KVM_SET_ONE_REG, &reg));
}

static void kvm_ioeventfd(struct vm *vm, int fd, uint64_t addr,
			  const uint32_t *match)
{
	struct kvm_ioeventfd io = {
		.addr = addr,
		.len = 4,
		.fd = fd,
	};

	if (match) {
		io.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
		io.datamatch = *match;
	}
	CHECKED(ioctl(vm->fd, KVM_IOEVENTFD, &io));
}

static void kvm_irqfd(struct vm *vm, int fd, unsigned int spi)
{
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = spi };

	CHECKED(ioctl(vm->fd, KVM_IRQFD, &irqfd));
}

static void kvm_exit(struct vm *vm, unsigned int id)
{
	syscall(SYS_ioctl, vm->vcpu[id], KVM_RUN, 0);
}

static uint32_t kvm_value(struct vm *vm, unsigned int id)
{
	struct kvm_run *run = vm->run[id];
	uint32_t value;

	memcpy(&value, run->mmio.data, sizeof(value));
	return value;
}

static long kvm_run(struct vm *vm, unsigned int id)
{
	struct kvm_run *run = vm->run[id];
	int fd = vm->vcpu[id];
	long exits = 0;

	for (;;) {
		if (syscall(SYS_ioctl, fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR)
				continue;
			die("KVM_RUN");
		}
		if (run->exit_reason != KVM_EXIT_MMIO)
			die("an exit that is not MMIO");
		if (!run->mmio.is_write)
			*(uint32_t *)run->mmio.data = 3;
		else if (run->mmio.phys_addr == EXIT_BASE)
			return exits;
		else if (run->mmio.phys_addr == EXIT_BASE + 8)
			die("an exception of the guest");
		exits++;
	}
}

const struct backend backend_kvm = {
	.name = "kvm",
	.open = kvm_open,
	.create = kvm_create,
	.destroy = kvm_destroy,
	.enter = kvm_enter,
	.slot = kvm_slot,
	.ioeventfd = kvm_ioeventfd,
	.irqfd = kvm_irqfd,
	.run = kvm_run,
	.exit = kvm_exit,
	.value = kvm_value,
};
