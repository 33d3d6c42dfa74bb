// SPDX-License-Identifier: GPL-2.0
/* GenieZone through /dev/gzvm */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "bench.h"

/* Offsets into struct user_pt_regs, in 32-bit words */
#define CORE_REG(n)	(GZVM_REG_ARM64 | GZVM_REG_SIZE_U64 | GZVM_REG_ARM_CORE | \
			 (n) * 2)
#define REG_PC		CORE_REG(32)
#define REG_PSTATE	CORE_REG(33)
/* EL1h, all interrupts masked */
#define PSTATE_BOOT	0x3c5

static int gzvm;

static bool gz_open(void)
{
	gzvm = open("/dev/gzvm", O_RDWR | O_CLOEXEC);
	return gzvm >= 0;
}

static void gz_slot(struct vm *vm, unsigned int nr, uint64_t gpa, void *at,
		    uint64_t size)
{
	struct gzvm_userspace_memory_region region = {
		.slot = nr,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)at,
	};

	CHECKED(ioctl(vm->fd, GZVM_SET_USER_MEMORY_REGION, &region));
}

static void create_device(struct vm *vm, uint32_t type, uint64_t base,
			  uint64_t size)
{
	struct gzvm_create_device dev = {
		.dev_type = type,
		.dev_addr = base,
		.dev_reg_size = size,
	};

	CHECKED(ioctl(vm->fd, GZVM_CREATE_DEVICE, &dev));
}

static void gz_create(struct vm *vm, unsigned int nr_vcpus)
{
	uint64_t redist = nr_vcpus * GICR_STRIDE;
	unsigned int id;

	vm->nr_vcpus = nr_vcpus;
	vm->gic = -1;
	vm->fd = CHECKED(ioctl(gzvm, GZVM_CREATE_VM, 0));
	gz_slot(vm, 0, CODE_BASE, vm->code, CODE_SIZE);
	create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_DIST, GICD_BASE, GICD_SIZE);
	create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST, GICD_BASE - redist,
		      redist);
	for (id = 0; id < nr_vcpus; id++) {
		vm->vcpu[id] = CHECKED(ioctl(vm->fd, GZVM_CREATE_VCPU, (long)id));
		vm->run[id] = calloc(1, sizeof(struct gzvm_vcpu_run));
		if (!vm->run[id])
			die("memory");
	}
}

static void gz_destroy(struct vm *vm)
{
	unsigned int id;

	for (id = 0; id < vm->nr_vcpus; id++) {
		close(vm->vcpu[id]);
		free(vm->run[id]);
	}
	close(vm->fd);
}

static void set_reg(struct vm *vm, uint64_t reg, uint64_t value)
{
	struct gzvm_one_reg one = { .id = reg, .addr = (uintptr_t)&value };

	CHECKED(ioctl(vm->vcpu[0], GZVM_SET_ONE_REG, &one));
}

static void gz_enter(struct vm *vm, uint64_t pc)
{
	set_reg(vm, REG_PC, pc);
	set_reg(vm, REG_PSTATE, PSTATE_BOOT);
}

static void gz_ioeventfd(struct vm *vm, int fd, uint64_t addr,
			 const uint32_t *match)
{
	struct gzvm_ioeventfd io = {
		.addr = addr,
		.len = 4,
		.fd = fd,
	};

	if (match) {
		io.flags = GZVM_IOEVENTFD_FLAG_DATAMATCH;
		io.datamatch = *match;
	}
	CHECKED(ioctl(vm->fd, GZVM_IOEVENTFD, &io));
}

static void gz_irqfd(struct vm *vm, int fd, unsigned int spi)
{
	struct gzvm_irqfd irqfd = { .fd = fd, .gsi = spi };

	CHECKED(ioctl(vm->fd, GZVM_IRQFD, &irqfd));
}

static void gz_exit(struct vm *vm, unsigned int id)
{
	syscall(SYS_ioctl, vm->vcpu[id], GZVM_RUN, vm->run[id]);
}

static uint32_t gz_value(struct vm *vm, unsigned int id)
{
	struct gzvm_vcpu_run *run = vm->run[id];
	uint32_t value;

	memcpy(&value, run->mmio.data, sizeof(value));
	return value;
}

static long gz_run(struct vm *vm, unsigned int id)
{
	struct gzvm_vcpu_run *run = vm->run[id];
	int fd = vm->vcpu[id];
	long exits = 0;

	for (;;) {
		if (syscall(SYS_ioctl, fd, GZVM_RUN, run) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			die("GZVM_RUN");
		}
		if (run->exit_reason != GZVM_EXIT_MMIO)
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

const struct backend backend_gzvm = {
	.name = "gz",
	.open = gz_open,
	.create = gz_create,
	.destroy = gz_destroy,
	.enter = gz_enter,
	.slot = gz_slot,
	.ioeventfd = gz_ioeventfd,
	.irqfd = gz_irqfd,
	.run = gz_run,
	.exit = gz_exit,
	.value = gz_value,
};
