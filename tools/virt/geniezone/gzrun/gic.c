// SPDX-License-Identifier: GPL-2.0
/* The interrupt controller, a GICv3 that the hypervisor emulates. */

#include <linux/gzvm.h>

#include "gic.h"
#include "layout.h"

static uint64_t redist_size(unsigned int nr_vcpus)
{
	return nr_vcpus * GZ_GICR_STRIDE;
}

/**
 * gz_gic_create() - give a VM its interrupt controller
 * @vm: a VM without vCPUs
 * @nr_vcpus: how many it will have
 *
 * Return: 0 or -errno.
 */
int gz_gic_create(const struct gz_vm *vm, unsigned int nr_vcpus)
{
	uint64_t size = redist_size(nr_vcpus);
	int ret;

	ret = gz_vm_create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_DIST,
				  GZ_GICD_BASE, GZ_GICD_SIZE);
	if (ret)
		return ret;
	return gz_vm_create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST,
				   GZ_GICD_BASE - size, size);
}

/**
 * gz_gic_fdt() - write the interrupt controller's node
 * @fdt: the tree, inside the root node
 * @nr_vcpus: how many vCPUs the VM has
 */
void gz_gic_fdt(struct gz_fdt *fdt, unsigned int nr_vcpus)
{
	uint64_t size = redist_size(nr_vcpus);

	gz_fdt_begin(fdt, "interrupt-controller@%llx",
		     (unsigned long long)GZ_GICD_BASE);
	gz_fdt_string(fdt, "compatible", "arm,gic-v3");
	gz_fdt_cells(fdt, "#interrupt-cells", 3);
	gz_fdt_cells(fdt, "#address-cells", 2);
	gz_fdt_cells(fdt, "#size-cells", 2);
	gz_fdt_empty(fdt, "interrupt-controller");
	gz_fdt_reg(fdt, GZ_GICD_BASE, GZ_GICD_SIZE, GZ_GICD_BASE - size, size);
	gz_fdt_cells(fdt, "phandle", GZ_FDT_PHANDLE_GIC);
	gz_fdt_end(fdt);
}
