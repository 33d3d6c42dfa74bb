// SPDX-License-Identifier: GPL-2.0
/*
 * GenieZone through /dev/gzvm. In a protected VM, the guest's code and the memory that is
 * measured are private; the commands are in a region that stays shared. Private memory
 * is the program's, or that of a file of the driver for each slot.
 */

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

static void add_slot(struct vm *vm, uint32_t flags, uint64_t gpa, void *at,
		     uint64_t size)
{
	struct gz_vm gz = library_vm(vm);

	CHECKED(gz_vm_set_region(&gz, vm->nr_slots++, flags, gpa, size, at));
}

static void gz_slot(struct vm *vm, uint64_t gpa, void *at, uint64_t size)
{
	add_slot(vm, 0, gpa, at, size);
}

static void close_file(struct vm *vm)
{
	if (vm->file >= 0)
		close(vm->file);
	vm->file = -1;
}

static void file_slot(struct vm *vm, uint64_t gpa, void *at, uint64_t size)
{
	struct gz_vm gz = library_vm(vm);

	(void)at;
	close_file(vm);
	vm->file = CHECKED(gz_vm_create_memfd(&gz, size));
	CHECKED(gz_vm_set_private_region(&gz, vm->nr_slots++, 0, gpa, size,
					 vm->file, 0));
}

static void file_write(struct vm *vm, const void *from, uint64_t size)
{
	if (pwrite(vm->file, from, size, 0) != (ssize_t)size)
		die("pwrite to guest memory");
}

static void protect(struct vm *vm)
{
	struct gzvm_enable_cap cap = {
		.cap = GZVM_CAP_PROTECTED_VM,
		.args = { GZVM_CAP_PVM_SET_PROTECTED_VM },
	};

	CHECKED(gz_ioctl(vm->fd, GZVM_ENABLE_CAP, (unsigned long)&cap));
}

static void add_code(struct vm *vm)
{
	if (!hv->is_protected) {
		hv->slot(vm, CODE_BASE, vm->code, CODE_SIZE);
		return;
	}
	add_slot(vm, GZVM_USER_MEM_REGION_STATIC_SWIOTLB, CODE_BASE + CMDS,
		 vm->code + CMDS, CODE_SIZE - CMDS);
	hv->slot(vm, CODE_BASE, vm->code, CMDS);
	protect(vm);
}

static void gz_create(struct vm *vm, unsigned int nr_vcpus)
{
	struct gz_vm gz;
	unsigned int id;

	vm->nr_vcpus = nr_vcpus;
	vm->nr_slots = 0;
	vm->gic = -1;
	vm->file = -1;
	vm->fd = CHECKED(gz_ioctl(gzvm, GZVM_CREATE_VM, 0));
	add_code(vm);
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
	close_file(vm);
	close(vm->fd);
}

static void gz_enter(struct vm *vm, uint64_t pc)
{
	struct gz_vcpu vcpu = { .fd = vm->vcpu[0] };

	if (hv->write)
		hv->write(vm, vm->code, CMDS);
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

#define COMMON				\
	.open = gz_open,		\
	.create = gz_create,		\
	.destroy = gz_destroy,		\
	.enter = gz_enter,		\
	.ioeventfd = gz_ioeventfd,	\
	.irqfd = gz_irqfd,		\
	.run = gz_run,			\
	.exit = gz_exit,		\
	.value = gz_value

const struct backend backend_gzvm = {
	COMMON,
	.name = "gz",
	.slot = gz_slot,
};

const struct backend backend_protected = {
	COMMON,
	.name = "gz-protected",
	.is_protected = true,
	.slot = gz_slot,
};

const struct backend backend_guestmem = {
	COMMON,
	.name = "gz-guestmem",
	.is_protected = true,
	.slot = file_slot,
	.write = file_write,
};
