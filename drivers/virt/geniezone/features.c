// SPDX-License-Identifier: GPL-2.0
/*
 * Capabilities: what the driver and EL2 can do, and what a VMM may enable.
 */

#include <linux/mm.h>
#include <linux/uaccess.h>

#include "gzvm.h"

/* EL2 granted it when the VM was made, or has not refused it since. */
static bool gzvm_vm_can(const struct gzvm_vm *vm, u64 cap)
{
	switch (cap) {
	case GZVM_CAP_PROTECTED_VM:
		return !READ_ONCE(vm->no_protection);
	case GZVM_CAP_GET_ONE_REG:
		return READ_ONCE(vm->reads_regs) != GZVM_NO;
	case GZVM_CAP_ENABLE_DEMAND_PAGING:
		return vm->paging != GZVM_PAGING_NONE;
	case GZVM_CAP_BLOCK_BASED_DEMAND_PAGING:
		return vm->paging == GZVM_PAGING_BLOCK;
	case GZVM_CAP_ENABLE_IDLE:
		return vm->idle;
	}
	return false;
}

/* EL2 has no call that tells what it grants, hence a VM is made and ended. */
static int gzvm_probe_vm(u64 cap)
{
	struct gzvm_vm *vm;
	bool can;

	vm = gzvm_vm_create(0);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	can = gzvm_vm_can(vm, cap);
	gzvm_vm_put(vm);
	return can;
}

static int gzvm_vm_cap_value(struct gzvm_vm *vm, u64 cap, u64 *value)
{
	int ret;

	ret = vm ? gzvm_vm_can(vm, cap) : gzvm_probe_vm(cap);
	if (ret < 0)
		return ret;
	*value = ret;
	return ret ? 0 : -EOPNOTSUPP;
}

static int gzvm_limit_value(struct gzvm_vm *vm, u64 cap, u64 *value)
{
	struct gzvm_limits limits;

	gzvm_vm_limits(vm, &limits);
	if (cap == GZVM_CAP_MAX_VCPUS)
		*value = min_t(u64, limits.vcpus, GZVM_MAX_VCPUS);
	else
		*value = min_t(u64, limits.slots, GZVM_MAX_SLOTS);
	return 0;
}

static int gzvm_cap_value(struct gzvm_vm *vm, u64 cap, u64 *value)
{
	switch (cap) {
	case GZVM_CAP_VM_GPA_SIZE:
		*value = gzvm_ipa_bits();
		return 0;
	case GZVM_CAP_MAX_VCPUS:
	case GZVM_CAP_MAX_SLOTS:
		return gzvm_limit_value(vm, cap, value);
	case GZVM_CAP_SLOT_DELETE:
	case GZVM_CAP_IRQFD_RESAMPLE:
	case GZVM_CAP_GUEST_MEMFD:
		*value = 1;
		return 0;
	case GZVM_CAP_QUERY_HYP_BATCH_PAGES:
		*value = READ_ONCE(gzvm_drv.map_batch);
		return 0;
	case GZVM_CAP_QUERY_DESTROY_BATCH_PAGES:
		*value = READ_ONCE(gzvm_drv.destroy_batch);
		return 0;
	case GZVM_CAP_PROTECTED_VM:
	case GZVM_CAP_GET_ONE_REG:
		/* Supported unless EL2 has refused it; the device has not tried. */
		*value = 1;
		return !vm || gzvm_vm_can(vm, cap) ? 0 : -EOPNOTSUPP;
	case GZVM_CAP_ENABLE_DEMAND_PAGING:
	case GZVM_CAP_BLOCK_BASED_DEMAND_PAGING:
	case GZVM_CAP_ENABLE_IDLE:
		return gzvm_vm_cap_value(vm, cap, value);
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * gzvm_check_extension() - GZVM_CHECK_EXTENSION
 * @vm: VM of the file, or NULL for the device
 * @argp: a __u64 in user memory: capability in, value out
 *
 * Makes a call to EL2 for GZVM_CAP_MAX_VCPUS and GZVM_CAP_MAX_SLOTS. When the
 * device is asked about demand paging or idle reporting it makes a VM and ends it.
 * Makes no call for any other capability.
 *
 * Context: process context.
 * Return: 0; -EOPNOTSUPP for a capability that is not supported, with the __u64
 * left alone; -EFAULT; or why that VM could not be made, see gzvm_vm_create().
 */
int gzvm_check_extension(struct gzvm_vm *vm, void __user *argp)
{
	u64 cap, value = 0;
	int ret;

	if (copy_from_user(&cap, argp, sizeof(cap)))
		return -EFAULT;
	ret = gzvm_cap_value(vm, cap, &value);
	if (ret)
		return ret;
	if (copy_to_user(argp, &value, sizeof(value)))
		return -EFAULT;
	return 0;
}

static int gzvm_pvm_ask_hyp(struct gzvm_vm *vm, u64 command, u64 gpa)
{
	const u64 args[5] = { command, gpa };
	int ret;

	ret = gzvm_hc_enable_cap(vm->id, GZVM_CAP_PROTECTED_VM, args, NULL);
	if (ret && ret != -ENOMEM && ret != -EAGAIN &&
	    command == GZVM_CAP_PVM_SET_PROTECTED_VM)
		WRITE_ONCE(vm->no_protection, true);
	return ret;
}

/* Except in block mode, EL2 wants all memory of a VM before it protects the VM. */
static int gzvm_pvm_set_locked(struct gzvm_vm *vm, u64 command, u64 gpa)
{
	int was_private, ret = 0;

	lockdep_assert_held(&vm->protect_lock);

	was_private = gzvm_memslots_make_private(vm);
	if (was_private < 0)
		return was_private;
	if (vm->paging == GZVM_PAGING_PAGE)
		ret = gzvm_memslots_populate(vm);
	if (!ret)
		ret = gzvm_pvm_ask_hyp(vm, command, gpa);
	if (ret && !was_private)
		gzvm_memslots_make_shared(vm);
	if (!ret && !was_private)
		gzvm_memslots_tell_shared(vm);
	return ret;
}

static int gzvm_pvm_set(struct gzvm_vm *vm, u64 command, u64 gpa)
{
	int ret;

	ret = mutex_lock_killable(&vm->protect_lock);
	if (ret)
		return ret;
	ret = gzvm_pvm_set_locked(vm, command, gpa);
	mutex_unlock(&vm->protect_lock);
	return ret;
}

static int gzvm_pvmfw_size(struct gzvm_vm *vm, u64 *size)
{
	static const u64 args[5] = { GZVM_CAP_PVM_GET_PVMFW_SIZE };

	return gzvm_hc_enable_cap(vm->id, GZVM_CAP_PROTECTED_VM, args, size);
}

static int gzvm_enable_pvm(struct gzvm_vm *vm, struct gzvm_enable_cap *cap)
{
	switch (cap->args[0]) {
	case GZVM_CAP_PVM_GET_PVMFW_SIZE:
		return gzvm_pvmfw_size(vm, &cap->args[1]) ?: GZVM_WRITE_BACK;
	case GZVM_CAP_PVM_SET_PVMFW_GPA:
		if (!IS_ALIGNED(cap->args[1], GZVM_PAGE_SIZE) ||
		    !gzvm_gpa_range_ok(cap->args[1], GZVM_PAGE_SIZE))
			return -EINVAL;
		return gzvm_pvm_set(vm, cap->args[0], cap->args[1]);
	case GZVM_CAP_PVM_SET_PROTECTED_VM:
		return gzvm_pvm_set(vm, cap->args[0], 0);
	default:
		return -EINVAL;
	}
}

/**
 * gzvm_enable_cap() - GZVM_ENABLE_CAP
 * @vm: VM of the caller
 * @cap: the capability and its arguments; results are stored there
 *
 * The VMM cannot enable the capabilities that the driver enables when it makes
 * a VM: one of them takes a physical address.
 *
 * Only GZVM_CAP_PVM_GET_PVMFW_SIZE has a result. The other commands must not
 * fail because the struct cannot be written: EL2 has executed them by then.
 *
 * Context: process context of the VM's owner.
 * Return: 0 or GZVM_WRITE_BACK; -EINVAL for any capability but GZVM_CAP_PROTECTED_VM, for an
 * unknown sub-command, or for a firmware address that is not page aligned or
 * outside the guest's address space; why a region could not be populated,
 * see gzvm_memslots_populate(); -EPERM, see gzvm_memslots_make_private(); or the errno
 * of EL2's refusal.
 */
int gzvm_enable_cap(struct gzvm_vm *vm, struct gzvm_enable_cap *cap)
{
	if (cap->cap != GZVM_CAP_PROTECTED_VM)
		return -EINVAL;
	return gzvm_enable_pvm(vm, cap);
}
