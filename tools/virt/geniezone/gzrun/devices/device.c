// SPDX-License-Identifier: GPL-2.0
/* The bus: finds the device at an address. */

#include <errno.h>
#include <string.h>

#include "devices/device.h"
#include "log.h"

/**
 * gz_bus_add() - add a device to the bus
 * @bus: the bus of a VM that does not run yet
 * @dev: the device
 *
 * Return: 0, -EEXIST if its registers overlap those of another device, or -ENOSPC if the
 * bus is full.
 */
int gz_bus_add(struct gz_bus *bus, struct gz_device *dev)
{
	unsigned int i;

	if (bus->nr == GZ_MAX_DEVICES)
		return -ENOSPC;
	for (i = 0; i < bus->nr; i++) {
		const struct gz_device *other = bus->devs[i];

		if (dev->base < other->base + other->size &&
		    other->base < dev->base + dev->size)
			return -EEXIST;
	}
	bus->devs[bus->nr++] = dev;
	return 0;
}

/**
 * gz_bus_fdt() - write the nodes of all devices
 * @bus: the bus
 * @fdt: the tree, inside the root node
 */
void gz_bus_fdt(const struct gz_bus *bus, struct gz_fdt *fdt)
{
	unsigned int i;

	for (i = 0; i < bus->nr; i++)
		bus->devs[i]->ops->fdt(bus->devs[i], fdt);
}

static struct gz_device *find(const struct gz_bus *bus, uint64_t addr,
			      uint64_t size)
{
	unsigned int i;

	for (i = 0; i < bus->nr; i++) {
		struct gz_device *dev = bus->devs[i];
		uint64_t offset = addr - dev->base;

		if (offset < dev->size && size <= dev->size - offset)
			return dev;
	}
	return NULL;
}

/*
 * Without a device, stores are ignored and loads return zero. Guests see the
 * same under QEMU and crosvm.
 */
static void no_device(struct gzvm_vcpu_run *run)
{
	gz_info("guest %s %llu bytes at 0x%llx, where there is no device",
		run->mmio.is_write ? "writes" : "reads",
		(unsigned long long)run->mmio.size,
		(unsigned long long)run->mmio.phys_addr);
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
}

/**
 * gz_bus_mmio() - handle a GZVM_EXIT_MMIO
 * @bus: the bus
 * @run: the exit; receives the value of a load
 *
 * Return: 0, or -EINVAL if no guest can make an access of this size.
 */
int gz_bus_mmio(const struct gz_bus *bus, struct gzvm_vcpu_run *run)
{
	uint64_t size = run->mmio.size, value = 0;
	struct gz_device *dev;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return -EINVAL;
	dev = find(bus, run->mmio.phys_addr, size);
	if (!dev) {
		no_device(run);
	} else if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, size);
		dev->ops->write(dev, run->mmio.phys_addr - dev->base, size,
				value);
	} else {
		value = dev->ops->read(dev, run->mmio.phys_addr - dev->base,
				       size);
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
		memcpy(run->mmio.data, &value, size);
	}
	return 0;
}
