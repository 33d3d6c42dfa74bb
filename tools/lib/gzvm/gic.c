// SPDX-License-Identifier: GPL-2.0
/* The interrupt controller, a GICv3 that the hypervisor emulates. */

#include <libgzvm.h>

/**
 * gz_gic_create() - give a VM its interrupt controller
 * @vm: a VM without vCPUs
 * @dist: guest physical address of the distributor. The redistributors end there;
 *	  that of vCPU 0 comes first.
 * @nr_vcpus: how many vCPUs the VM will have
 *
 * Return: 0 or -errno.
 */
int gz_gic_create(const struct gz_vm *vm, uint64_t dist, unsigned int nr_vcpus)
{
	uint64_t redist_size = nr_vcpus * GZ_GICR_STRIDE;
	int ret;

	ret = gz_vm_create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_DIST, dist,
				  GZ_GICD_SIZE);
	if (ret)
		return ret;
	return gz_vm_create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST,
				   dist - redist_size, redist_size);
}
