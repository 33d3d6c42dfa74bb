// SPDX-License-Identifier: GPL-2.0
/* GenieZone through /dev/gzvm */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <libgzvm.h>

#include "bench.h"

static int gzvm;

static bool gz_open(void)
{
	gzvm = gz_dev_open();
	return gzvm >= 0;
}

static struct gz_vm library_vm(const struct vm *vm)
{
	return (struct gz_vm){ .dev_fd = gzvm, .fd = vm->fd };
}

static void gz_slot(struct vm *vm, uint64_t gpa, void *at, uint64_t size)
{
	struct gz_vm gz = library_vm(vm);

	CHECKED(gz_vm_set_region(&gz, vm->nr_slots++, 0, gpa, size, at));
}

static void gz_create(struct vm *vm, unsigned int nr_vcpus)
{
	struct gz_vm gz;
	unsigned int id;

	vm->nr_vcpus = nr_vcpus;
	vm->nr_slots = 0;
	vm->gic = -1;
	vm->fd = CHECKED(gz_ioctl(gzvm, GZVM_CREATE_VM, 0));
	gz_slot(vm, CODE_BASE, vm->code, CODE_SIZE);
	gz = library_vm(vm);
	CHECKED(gz_gic_create(&gz, GICD_BASE, nr_vcpus));
	for (id = 0; id < nr_vcpus; id++) {
		vm->vcpu[id] = CHECKED(gz_ioctl(vm->fd, GZVM_CREATE_VCPU, id));
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

static void gz_enter(struct vm *vm, uint64_t pc)
{
	struct gz_vcpu vcpu = { .fd = vm->vcpu[0] };

	CHECKED(gz_vcpu_set_reg(&vcpu, GZ_REG_PC, pc));
	CHECKED(gz_vcpu_set_reg(&vcpu, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
}

/* gz_vm_ioeventfd() always matches a value */
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
	CHECKED(gz_ioctl(vm->fd, GZVM_IOEVENTFD, (unsigned long)&io));
}

static void gz_irqfd(struct vm *vm, int fd, unsigned int spi)
{
	struct gz_vm gz = library_vm(vm);

	CHECKED(gz_vm_irqfd(&gz, fd, spi, -1));
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
