// SPDX-License-Identifier: GPL-2.0
/* The ioctls on /dev/gzvm and on a VM. */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libgzvm.h>

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
 * gz_check_cap() - read a capability
 * @fd: /dev/gzvm or a VM
 * @cap: GZVM_CAP_*
 * @value: receives the capability's value
 *
 * Return: 0, or -EOPNOTSUPP if there is no such capability.
 */
int gz_check_cap(int fd, uint64_t cap, uint64_t *value)
{
	*value = cap;
	return gz_ioctl(fd, GZVM_CHECK_EXTENSION, (unsigned long)value);
}

/**
 * gz_vm_create() - create an empty VM
 * @vm: filled in; gz_vm_destroy() accepts it after a failure as well
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
 * gz_vm_destroy() - close the files of a VM
 * @vm: from gz_vm_create()
 *
 * The VM itself exists until its vCPUs have been destroyed as well.
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
 * gz_vm_set_region() - add a memory slot, or delete one with size 0
 * @vm: the VM
 * @slot: slot number
 * @flags: GZVM_USER_MEM_REGION_*
 * @gpa: guest physical address
 * @size: bytes
 * @hva: address of the memory in this process
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
 * gz_vm_create_memfd() - create a file with private memory of a VM
 * @vm: the VM
 * @size: bytes, a multiple of the page size
 *
 * Return: a file descriptor, or -errno; -EOPNOTSUPP if the driver has no such files.
 */
int gz_vm_create_memfd(const struct gz_vm *vm, uint64_t size)
{
	struct gzvm_create_guest_memfd args = { .size = size };
	uint64_t value;

	if (gz_check_cap(vm->fd, GZVM_CAP_GUEST_MEMFD, &value))
		return -EOPNOTSUPP;
	return gz_ioctl(vm->fd, GZVM_CREATE_GUEST_MEMFD, (uintptr_t)&args);
}

/**
 * gz_vm_set_private_region() - create a memory slot with memory of such a file
 * @vm: the VM
 * @slot: slot number
 * @flags: GZVM_USER_MEM_REGION_*
 * @gpa: guest physical address
 * @size: bytes
 * @memfd: from gz_vm_create_memfd(); may be closed then
 * @offset: where the memory starts in it
 *
 * Return: 0 or -errno.
 */
int gz_vm_set_private_region(const struct gz_vm *vm, uint32_t slot, uint32_t flags,
			     uint64_t gpa, uint64_t size, int memfd, uint64_t offset)
{
	struct gzvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = flags | GZVM_USER_MEM_REGION_GUEST_MEMFD,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.guest_memfd = memfd,
		.guest_memfd_offset = offset,
	};

	return gz_ioctl(vm->fd, GZVM_SET_USER_MEMORY_REGION2, (uintptr_t)&region);
}

/**
 * gz_vm_create_device() - create a device that the hypervisor emulates
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
 * @irq: as in struct gzvm_irq_level; the index of an SPI is valid as it is
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
 * gz_vm_set_dtb() - tell the hypervisor where the device tree is
 * @vm: the VM
 * @gpa: guest physical address
 * @size: bytes reserved for it
 *
 * Return: 0 or -errno.
 */
int gz_vm_set_dtb(const struct gz_vm *vm, uint64_t gpa, uint64_t size)
{
	struct gzvm_dtb_config dtb = { .dtb_addr = gpa, .dtb_size = size };

	return gz_ioctl(vm->fd, GZVM_SET_DTB_CONFIG, (unsigned long)&dtb);
}

/**
 * gz_vm_irqfd() - make an eventfd inject an interrupt
 * @vm: the VM
 * @fd: eventfd
 * @spi: SPI index
 * @resample_fd: eventfd that is signalled when the guest ends the interrupt, for a
 *		 level-triggered interrupt; -1 for an edge-triggered one
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
 * gz_vm_ioeventfd() - signal an eventfd when the guest writes a value
 * @vm: the VM
 * @fd: eventfd
 * @addr: guest physical address
 * @len: size of the write in bytes
 * @value: value that the guest writes
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
