// SPDX-License-Identifier: GPL-2.0
/* The device tree of a machine. */

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include <libgzvm.h>

#include "layout.h"
#include "log.h"
#include "machine/machine.h"

static void cpus_fdt(const struct gz_machine *m, struct gz_fdt *fdt)
{
	unsigned int i;

	gz_fdt_begin(fdt, "cpus");
	gz_fdt_cells(fdt, "#address-cells", 1);
	gz_fdt_cells(fdt, "#size-cells", 0);
	for (i = 0; i < m->cfg.nr_vcpus; i++) {
		gz_fdt_begin(fdt, "cpu@%x", i);
		gz_fdt_string(fdt, "device_type", "cpu");
		gz_fdt_string(fdt, "compatible", "arm,armv8");
		gz_fdt_string(fdt, "enable-method", "psci");
		gz_fdt_cells(fdt, "reg", i);
		gz_fdt_end(fdt);
	}
	gz_fdt_end(fdt);
}

static void psci_fdt(struct gz_fdt *fdt)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

	gz_fdt_begin(fdt, "psci");
	gz_fdt_blob(fdt, "compatible", compatible, sizeof(compatible));
	gz_fdt_string(fdt, "method", "hvc");
	gz_fdt_end(fdt);
}

static void gic_fdt(struct gz_fdt *fdt, unsigned int nr_vcpus)
{
	uint64_t redist_size = nr_vcpus * GZ_GICR_STRIDE;

	gz_fdt_begin(fdt, "interrupt-controller@%llx",
		     (unsigned long long)GZ_GICD_BASE);
	gz_fdt_string(fdt, "compatible", "arm,gic-v3");
	gz_fdt_cells(fdt, "#interrupt-cells", 3);
	gz_fdt_cells(fdt, "#address-cells", 2);
	gz_fdt_cells(fdt, "#size-cells", 2);
	gz_fdt_empty(fdt, "interrupt-controller");
	gz_fdt_reg(fdt, GZ_GICD_BASE, GZ_GICD_SIZE,
		   GZ_GICD_BASE - redist_size, redist_size);
	gz_fdt_cells(fdt, "phandle", GZ_FDT_PHANDLE_GIC);
	gz_fdt_end(fdt);
}

static void timer_fdt(struct gz_fdt *fdt)
{
	gz_fdt_begin(fdt, "timer");
	gz_fdt_string(fdt, "compatible", "arm,armv8-timer");
	gz_fdt_cells(fdt, "interrupts",
		     GZ_FDT_IRQ_PPI, GZ_PPI_TIMER_SEC, GZ_FDT_IRQ_LEVEL,
		     GZ_FDT_IRQ_PPI, GZ_PPI_TIMER_PHYS, GZ_FDT_IRQ_LEVEL,
		     GZ_FDT_IRQ_PPI, GZ_PPI_TIMER_VIRT, GZ_FDT_IRQ_LEVEL,
		     GZ_FDT_IRQ_PPI, GZ_PPI_TIMER_HYP, GZ_FDT_IRQ_LEVEL);
	/* The timer also wakes a vCPU that waits. */
	gz_fdt_empty(fdt, "always-on");
	gz_fdt_end(fdt);
}

/* A host that has just booted may have no random numbers yet: do not block. */
static void seed_fdt(struct gz_fdt *fdt)
{
	uint8_t seed[40];

	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
		gz_info("the host has no random numbers yet, so the guest gets none");
		return;
	}
	gz_fdt_blob(fdt, "rng-seed", seed, 32);
	gz_fdt_blob(fdt, "kaslr-seed", seed + 32, 8);
}

static void chosen_fdt(const struct gz_machine *m, struct gz_fdt *fdt)
{
	gz_fdt_begin(fdt, "chosen");
	gz_fdt_string(fdt, "bootargs", m->cfg.params);
	gz_fdt_string(fdt, "stdout-path", "serial0:115200n8");
	if (m->image.initrd_size) {
		gz_fdt_u64(fdt, "linux,initrd-start", m->image.initrd);
		gz_fdt_u64(fdt, "linux,initrd-end",
			   m->image.initrd + m->image.initrd_size);
	}
	seed_fdt(fdt);
	gz_fdt_end(fdt);
}

static void aliases_fdt(const struct gz_machine *m, struct gz_fdt *fdt)
{
	char path[32];

	snprintf(path, sizeof(path), "/serial@%llx",
		 (unsigned long long)m->serial.dev.base);
	gz_fdt_begin(fdt, "aliases");
	gz_fdt_string(fdt, "serial0", path);
	gz_fdt_end(fdt);
}

/**
 * gz_machine_fdt() - write the device tree into guest memory
 * @m: machine whose image is loaded and whose devices are on the bus
 *
 * Return: 0 or -errno.
 */
int gz_machine_fdt(struct gz_machine *m)
{
	void *buf = gz_memory_at(&m->mem, m->image.fdt, GZ_FDT_SIZE);
	struct gz_fdt fdt;
	int size;

	gz_fdt_init(&fdt, buf, GZ_FDT_SIZE);
	gz_fdt_begin(&fdt, "%s", "");
	gz_fdt_string(&fdt, "compatible", "linux,dummy-virt");
	gz_fdt_string(&fdt, "model", "gzrun virtual machine");
	gz_fdt_cells(&fdt, "#address-cells", 2);
	gz_fdt_cells(&fdt, "#size-cells", 2);
	gz_fdt_cells(&fdt, "interrupt-parent", GZ_FDT_PHANDLE_GIC);
	aliases_fdt(m, &fdt);
	chosen_fdt(m, &fdt);
	gz_machine_memory_fdt(m, &fdt);
	cpus_fdt(m, &fdt);
	psci_fdt(&fdt);
	timer_fdt(&fdt);
	gic_fdt(&fdt, m->cfg.nr_vcpus);
	gz_bus_fdt(&m->bus, &fdt);
	gz_fdt_end(&fdt);
	size = gz_fdt_finish(&fdt);
	if (size < 0)
		return size;
	m->fdt_size = size;
	return 0;
}
