// SPDX-License-Identifier: GPL-2.0
/*
 * pvpanic has one register of one byte. A read returns the events that can be
 * reported, a write reports one: see docs/specs/pvpanic of QEMU.
 */

#include <string.h>

#include "devices/pvpanic.h"
#include "layout.h"
#include "log.h"

#define PANICKED	(1 << 0)
/* The guest is about to start its crash kernel, and continues to run */
#define CRASH_LOADED	(1 << 1)
/* Not QEMU's: with PANICKED, gzhyp's firmware refuses to start the kernel */
#define REFUSED		(1 << 7)

static struct gz_pvpanic *to_pvpanic(struct gz_device *dev)
{
	return (struct gz_pvpanic *)((char *)dev -
				     offsetof(struct gz_pvpanic, dev));
}

static uint64_t pvpanic_read(struct gz_device *dev, uint64_t offset,
			     unsigned int size)
{
	(void)dev;
	(void)size;
	return offset ? 0 : PANICKED | CRASH_LOADED;
}

static void pvpanic_write(struct gz_device *dev, uint64_t offset,
			  unsigned int size, uint64_t value)
{
	struct gz_pvpanic *p = to_pvpanic(dev);

	(void)size;
	if (offset)
		return;
	if (value & PANICKED)
		p->panicked(p->arg, value & REFUSED);
	else if (value & CRASH_LOADED)
		gz_info("the guest panicked and starts its crash kernel");
}

static void pvpanic_fdt(const struct gz_device *dev, struct gz_fdt *fdt)
{
	gz_fdt_begin(fdt, "pvpanic@%llx", (unsigned long long)dev->base);
	gz_fdt_string(fdt, "compatible", "qemu,pvpanic-mmio");
	gz_fdt_reg(fdt, dev->base, dev->size);
	gz_fdt_end(fdt);
}

static const struct gz_device_ops pvpanic_ops = {
	.read = pvpanic_read,
	.write = pvpanic_write,
	.fdt = pvpanic_fdt,
};

/**
 * gz_pvpanic_init() - set up the register
 * @pvpanic: filled in
 * @panicked: called when the guest has panicked, in the thread of the vCPU
 * @arg: argument of @panicked
 */
void gz_pvpanic_init(struct gz_pvpanic *pvpanic,
		     void (*panicked)(void *arg, bool refused), void *arg)
{
	memset(pvpanic, 0, sizeof(*pvpanic));
	pvpanic->dev.ops = &pvpanic_ops;
	pvpanic->dev.name = "pvpanic";
	pvpanic->dev.base = GZ_PVPANIC_BASE;
	pvpanic->dev.size = GZ_PVPANIC_SIZE;
	pvpanic->panicked = panicked;
	pvpanic->arg = arg;
}
