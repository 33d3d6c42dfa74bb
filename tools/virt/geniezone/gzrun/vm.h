/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VM_H
#define GZRUN_VM_H

#include <stddef.h>
#include <stdint.h>

#define GZ_DEV_PATH	"/dev/gzvm"

/**
 * struct gz_vm - one virtual machine
 * @dev_fd: /dev/gzvm
 * @fd: VM file descriptor
 */
struct gz_vm {
	int dev_fd;
	int fd;
};

int gz_ioctl(int fd, unsigned long request, unsigned long arg);
int gz_dev_open(void);
int gz_check_cap(int fd, uint64_t cap, uint64_t *value);

int gz_vm_create(struct gz_vm *vm);
void gz_vm_destroy(struct gz_vm *vm);
int gz_vm_set_region(const struct gz_vm *vm, uint32_t slot, uint32_t flags,
		     uint64_t gpa, uint64_t size, const void *hva);
int gz_vm_create_device(const struct gz_vm *vm, uint32_t type, uint64_t base,
			uint64_t size);
int gz_vm_irq_line(const struct gz_vm *vm, uint32_t irq, uint32_t level);
int gz_vm_irqfd(const struct gz_vm *vm, int fd, uint32_t spi, int resample_fd);
int gz_vm_ioeventfd(const struct gz_vm *vm, int fd, uint64_t addr, uint32_t len,
		    uint64_t value);
int gz_vm_set_dtb(const struct gz_vm *vm, uint64_t gpa, uint64_t size);

#endif /* GZRUN_VM_H */
