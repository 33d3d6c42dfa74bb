// SPDX-License-Identifier: GPL-2.0
/* The ioctls on /dev/gzvm and on a VM. All return a value >= 0 or -errno. */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "vm.h"

/**
 * gz_ioctl() - ioctl() that returns its error
 * @fd: file descriptor
 * @request: ioctl number
 * @arg: value or pointer
 *
 * Return: what the ioctl returned, or -errno.
 */
int gz_ioctl(int fd, unsigned long request, unsigned long arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * gz_dev_open() - open /dev/gzvm
 *
 * Return: file descriptor or -errno.
 */
int gz_dev_open(void)
{
	int fd = open(GZ_DEV_PATH, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * gz_check_cap() - ask for a capability
 * @fd: /dev/gzvm or a VM
 * @cap: GZVM_CAP_*
 * @value: receives the capability's value
 *
 * Return: 0, or -EOPNOTSUPP when the capability is not there.
 */
int gz_check_cap(int fd, uint64_t cap, uint64_t *value)
{
	*value = cap;
	return gz_ioctl(fd, GZVM_CHECK_EXTENSION, (unsigned long)value);
}

/**
 * gz_vm_create() - make an empty VM
 * @vm: to be filled in; gz_vm_destroy() takes it also after a failure
 *
 * Return: 0 or -errno.
 */
int gz_vm_create(struct gz_vm *vm)
{
	vm->fd = -1;
	vm->dev_fd = gz_dev_open();
	if (vm->dev_fd < 0)
		return vm->dev_fd;
	vm->fd = gz_ioctl(vm->dev_fd, GZVM_CREATE_VM, 0);
	return vm->fd < 0 ? vm->fd : 0;
}

/**
 * gz_vm_destroy() - drop the VM
 * @vm: from gz_vm_create()
 *
 * The VM itself lives until its vCPUs are closed, too.
 */
void gz_vm_destroy(struct gz_vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->dev_fd >= 0)
		close(vm->dev_fd);
	vm->fd = -1;
	vm->dev_fd = -1;
}

/**
 * gz_vm_set_region() - give the guest memory, or take it back with size 0
 * @vm: the VM
 * @slot: slot number
 * @flags: GZVM_USER_MEM_REGION_*
 * @gpa: guest physical address
 * @size: bytes
 * @hva: the memory
 *
 * Return: 0 or -errno.
 */
int gz_vm_set_region(const struct gz_vm *vm, uint32_t slot, uint32_t flags,
		     uint64_t gpa, uint64_t size, const void *hva)
{
	struct gzvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return gz_ioctl(vm->fd, GZVM_SET_USER_MEMORY_REGION,
			(unsigned long)&region);
}

/**
 * gz_vm_create_device() - make a device that the hypervisor emulates
 * @vm: the VM
 * @type: GZVM_DEV_TYPE_*
 * @base: guest physical address of the registers
 * @size: size of the registers
 *
 * Return: 0 or -errno.
 */
int gz_vm_create_device(const struct gz_vm *vm, uint32_t type, uint64_t base,
			uint64_t size)
{
	struct gzvm_create_device dev = {
		.dev_type = type,
		.dev_addr = base,
		.dev_reg_size = size,
	};

	return gz_ioctl(vm->fd, GZVM_CREATE_DEVICE, (unsigned long)&dev);
}

/**
 * gz_vm_irq_line() - set an interrupt line
 * @vm: the VM
 * @irq: struct gzvm_irq_level.irq; for an SPI just its index
 * @level: 1 or 0
 *
 * Return: 0 or -errno.
 */
int gz_vm_irq_line(const struct gz_vm *vm, uint32_t irq, uint32_t level)
{
	struct gzvm_irq_level line = { .irq = irq, .level = level };

	return gz_ioctl(vm->fd, GZVM_IRQ_LINE, (unsigned long)&line);
}

/**
 * gz_vm_set_dtb() - tell the hypervisor where the device tree lies
 * @vm: the VM
 * @gpa: guest physical address
 * @size: bytes set aside for it
 *
 * Return: 0 or -errno.
 */
int gz_vm_set_dtb(const struct gz_vm *vm, uint64_t gpa, uint64_t size)
{
	struct gzvm_dtb_config dtb = { .dtb_addr = gpa, .dtb_size = size };

	return gz_ioctl(vm->fd, GZVM_SET_DTB_CONFIG, (unsigned long)&dtb);
}

/**
 * gz_vm_irqfd() - tie an eventfd to an interrupt
 * @vm: the VM
 * @fd: eventfd that injects
 * @spi: SPI index
 * @resample_fd: eventfd that is signalled when the guest ends the interrupt,
 *               which makes it a level; -1 for an edge
 *
 * Return: 0 or -errno.
 */
int gz_vm_irqfd(const struct gz_vm *vm, int fd, uint32_t spi, int resample_fd)
{
	struct gzvm_irqfd irqfd = { .fd = fd, .gsi = spi };

	if (resample_fd >= 0) {
		irqfd.flags = GZVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = resample_fd;
	}
	return gz_ioctl(vm->fd, GZVM_IRQFD, (unsigned long)&irqfd);
}

/**
 * gz_vm_ioeventfd() - tie an eventfd to a guest's write
 * @vm: the VM
 * @fd: eventfd that is signalled
 * @addr: guest physical address
 * @len: bytes of the write
 * @value: what is written
 *
 * Return: 0 or -errno.
 */
int gz_vm_ioeventfd(const struct gz_vm *vm, int fd, uint64_t addr, uint32_t len,
		    uint64_t value)
{
	struct gzvm_ioeventfd ioeventfd = {
		.datamatch = value,
		.addr = addr,
		.len = len,
		.fd = fd,
		.flags = GZVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	return gz_ioctl(vm->fd, GZVM_IOEVENTFD, (unsigned long)&ioeventfd);
}
