/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_DEVICE_H
#define GZRUN_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libgzvm.h>

#include "devices/fdt.h"

#define GZ_MAX_DEVICES	48

struct gz_device;

/**
 * struct gz_device_ops - operations of a device
 * @read: load of @size bytes (1, 2, 4 or 8) at @offset by the guest
 * @write: store by the guest
 * @fdt: writes the device's node
 *
 * Several vCPUs may call @read and @write at once.
 */
struct gz_device_ops {
	uint64_t (*read)(struct gz_device *dev, uint64_t offset,
			 unsigned int size);
	void (*write)(struct gz_device *dev, uint64_t offset,
		      unsigned int size, uint64_t value);
	void (*fdt)(const struct gz_device *dev, struct gz_fdt *fdt);
};

/**
 * struct gz_device - registers that this process emulates
 * @ops: operations
 * @name: for messages
 * @base: guest physical address of the registers
 * @size: size of the registers in bytes
 */
struct gz_device {
	const struct gz_device_ops *ops;
	const char *name;
	uint64_t base;
	uint64_t size;
};

/**
 * struct gz_bus - all devices of a VM
 * @devs: the devices, in the order in which they were added
 * @nr: number of devices
 */
struct gz_bus {
	struct gz_device *devs[GZ_MAX_DEVICES];
	unsigned int nr;
};

int gz_bus_add(struct gz_bus *bus, struct gz_device *dev);
void gz_bus_fdt(const struct gz_bus *bus, struct gz_fdt *fdt);
int gz_bus_mmio(const struct gz_bus *bus, struct gzvm_vcpu_run *run);

#endif /* GZRUN_DEVICE_H */
