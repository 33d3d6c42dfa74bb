// SPDX-License-Identifier: GPL-2.0
/* Test controls: EL2's own view of VMs and memory. */
#include "arch/stage2.h"
#include "control/control.h"
#include "core/mem/owner.h"
#include "core/mem/pool.h"

static u64 count_vcpus(const struct vm *vm, u64 *mask)
{
	u64 nr = 0;
	unsigned int i;

	*mask = 0;
	for (i = 0; i < MAX_VCPUS; i++) {
		if (!vm->vcpu[i])
			continue;
		*mask |= BIT(i);
		nr++;
	}
	return nr;
}

/**
 * control_totals() - GZC_TOTALS
 * @result: as the call returns it
 */
void control_totals(u64 *result)
{
	struct owner_run run = { 0 };
	u64 mask;
	u16 id;

	for (id = 1; id <= MAX_VMS; id++) {
		if (!vm_by_id(id))
			continue;
		result[1]++;
		result[2] += count_vcpus(vm_by_id(id), &mask);
	}
	while (owner_next_run(&run)) {
		if (run.state == PAGE_SHARED) {
			result[3] += run.pages;
			result[4] += run.pages * run.value;
		} else if (run.state == PAGE_GUEST) {
			result[5] += run.pages;
		} else if (run.state == PAGE_GUEST_SHARED) {
			result[6] += run.pages;
		} else if (run.state == PAGE_HYP) {
			result[7] += run.pages;
		}
	}
	result[8] = pool_free_pages();
	result[9] = host_stage2_tables();
}

static u64 count_owned(u16 id)
{
	struct owner_run run = { 0 };
	u64 pages = 0;

	while (owner_next_run(&run))
		if ((run.state == PAGE_GUEST || run.state == PAGE_GUEST_SHARED) &&
		    run.value == id)
			pages += run.pages;
	return pages;
}

/**
 * control_vm() - GZC_VM
 * @id: the VM's id as the host gave it
 * @result: as the call returns it
 *
 * Return: 0 or GZ_INVALID_ARGS.
 */
int control_vm(u64 id, u64 *result)
{
	struct vm *vm = id <= MAX_VMS ? vm_by_id(id) : NULL;

	if (!vm)
		return GZ_INVALID_ARGS;
	result[1] = vm->state == VM_LIVE ? 1 : 2;
	count_vcpus(vm, &result[2]);
	result[3] = vm->mapped_pages;
	result[4] = vm_hyp_bytes(vm) / PAGE_SIZE;
	result[5] = vm->nr_regions;
	result[6] = count_owned(id);
	return 0;
}
