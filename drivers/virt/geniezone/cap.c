// SPDX-License-Identifier: GPL-2.0
/*
 * Capabilities: what the driver and EL2 can do, and what a VM may be told to.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include <asm/cpufeature.h>

#include "gzvm.h"

/**
 * gzvm_ipa_bits() - widest guest physical address space of this machine
 *
 * The machine's own: stage 2 cannot be wider (ARM DDI 0487, VTCR_EL2.PS). EL2
 * may accept less, and refuses what is beyond by itself.
 *
 * Return: bits, 32 to 52.
 */
unsigned int gzvm_ipa_bits(void)
{
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	unsigned int parange;

	parange = cpuid_feature_extract_unsigned_field(mmfr0,
						       ID_AA64MMFR0_EL1_PARANGE_SHIFT);
	return id_aa64mmfr0_parange_to_phys_shift(parange);
}

static int gzvm_pvmfw_size(struct gzvm_vm *vm, u64 *size)
{
	static const u64 args[5] = { GZVM_CAP_PVM_GET_PVMFW_SIZE };

	return gzvm_hc_enable_cap(vm->id, GZVM_CAP_PROTECTED_VM, args, size);
}

/* Register 0 of the core set, X0: any EL2 that reads registers knows it. */
static int gzvm_read_x0(struct gzvm_vm *vm)
{
	struct gzvm_vcpu *vcpu;
	u64 value;

	vcpu = gzvm_vcpu_create(vm, 0);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	return gzvm_hc_get_one_reg(vm->id, 0, GZVM_REG_ARM64 |
				   GZVM_REG_SIZE_U64 | GZVM_REG_ARM_CORE,
				   &value);
}

/* An EL2 that is short of something has not said no. */
static int gzvm_answer(int status, bool *can)
{
	*can = !status;
	return status == -EOPNOTSUPP || status == -EINVAL ? 0 : status;
}

/* Whether a VM may have a region at the very end of that many bits. */
static int gzvm_try_ipa_bits(struct gzvm_vm *vm, struct gzvm_hyp_ranges *buf,
			     unsigned int bits)
{
	u64 gpa = BIT_ULL(bits) - GZVM_PAGE_SIZE;
	int ret;

	buf->total_pages = cpu_to_le64(1);
	buf->gpa = cpu_to_le64(gpa);
	do {
		ret = gzvm_hc_memregion_purpose(vm->id, gpa, GZVM_PAGE_SIZE,
						GZVM_USER_MEM_REGION_GUEST_MEM);
		if (!ret)
			ret = gzvm_hc_set_memregion(vm->id, GZVM_RANGES_SIZE,
						    virt_to_phys(buf));
		ret = gzvm_map_retry(ret);
	} while (ret == -EAGAIN);
	return ret;
}

/*
 * The sizes that stage 2 can have: ARM DDI 0487, ID_AA64MMFR0_EL1.PARange. Any
 * error but -EINVAL tells nothing about sizes: the machine's own counts then.
 */
static int gzvm_ask_ipa_bits(struct gzvm_vm *vm, struct gzvm_features *features)
{
	static const u8 sizes[] = { 52, 48, 44, 42, 40, 36, 32 };
	struct gzvm_hyp_ranges *buf;
	unsigned int i;
	int ret = -EINVAL;

	buf = alloc_pages_exact(GZVM_RANGES_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!buf)
		return -ENOMEM;

	for (i = 0; i < ARRAY_SIZE(sizes) && ret == -EINVAL; i++)
		if (sizes[i] <= gzvm_ipa_bits())
			ret = gzvm_try_ipa_bits(vm, buf, sizes[i]);
	free_pages_exact(buf, GZVM_RANGES_SIZE);
	if (ret == -EINTR)
		return ret;

	features->ipa_bits = ret ? gzvm_ipa_bits() : sizes[i - 1];
	return 0;
}

static DEFINE_MUTEX(gzvm_features_lock);

static int gzvm_ask_read_reg(struct gzvm_vm *vm, struct gzvm_features *features)
{
	int ret;

	ret = gzvm_answer(gzvm_read_x0(vm), &features->read_reg);
	features->read_reg_known = !ret;
	return ret;
}

static int gzvm_ask_rest(struct gzvm_vm *vm, struct gzvm_features *features)
{
	u64 size;
	int ret;

	features->paging = vm->paging;
	features->idle = vm->idle;
	ret = gzvm_answer(gzvm_pvmfw_size(vm, &size), &features->protected);
	features->known = !ret;
	return ret;
}

/*
 * EL2 has no call that tells what it can do, only calls that do it to a VM.
 * So a VM is made and asked, when somebody first wants to know. What one
 * question does to the VM, or its failure, is none of the other's business.
 */
static int gzvm_features_ask(struct gzvm_features *features, u64 cap)
{
	struct gzvm_vm *vm;
	int ret;

	vm = gzvm_vm_create(0);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	if (cap == GZVM_CAP_GET_ONE_REG)
		ret = gzvm_ask_read_reg(vm, features);
	else if (cap == GZVM_CAP_VM_GPA_SIZE)
		ret = gzvm_ask_ipa_bits(vm, features);
	else
		ret = gzvm_ask_rest(vm, features);
	gzvm_vm_put(vm);
	return ret;
}

static bool gzvm_feature_is_known(const struct gzvm_features *features, u64 cap)
{
	if (cap == GZVM_CAP_GET_ONE_REG)
		return features->read_reg_known;
	if (cap == GZVM_CAP_VM_GPA_SIZE)
		return features->ipa_bits;
	return features->known;
}

static int gzvm_features_get(struct gzvm_features *features, u64 cap)
{
	int ret;

	ret = mutex_lock_killable(&gzvm_features_lock);
	if (ret)
		return ret;
	if (!gzvm_feature_is_known(&gzvm_drv.features, cap))
		ret = gzvm_features_ask(&gzvm_drv.features, cap);
	*features = gzvm_drv.features;
	mutex_unlock(&gzvm_features_lock);
	return ret;
}

/*
 * A VM that is there is asked itself where that leaves it as it is: EL2 may have
 * no room for another.
 */
static int gzvm_features_of(struct gzvm_vm *vm, struct gzvm_features *features,
			    u64 cap)
{
	u64 size;

	if (!vm || cap == GZVM_CAP_GET_ONE_REG || cap == GZVM_CAP_VM_GPA_SIZE)
		return gzvm_features_get(features, cap);

	features->paging = vm->paging;
	features->idle = vm->idle;
	if (cap != GZVM_CAP_PROTECTED_VM)
		return 0;
	return gzvm_answer(gzvm_pvmfw_size(vm, &size), &features->protected);
}

static int gzvm_feature_value(struct gzvm_vm *vm, u64 cap, u64 *value)
{
	struct gzvm_features features;
	int ret;

	ret = gzvm_features_of(vm, &features, cap);
	if (ret)
		return ret;

	switch (cap) {
	case GZVM_CAP_VM_GPA_SIZE:
		*value = features.ipa_bits;
		break;
	case GZVM_CAP_PROTECTED_VM:
		*value = features.protected;
		break;
	case GZVM_CAP_ENABLE_DEMAND_PAGING:
		*value = features.paging != GZVM_PAGING_NONE;
		break;
	case GZVM_CAP_BLOCK_BASED_DEMAND_PAGING:
		*value = features.paging == GZVM_PAGING_BLOCK;
		break;
	case GZVM_CAP_ENABLE_IDLE:
		*value = features.idle;
		break;
	case GZVM_CAP_GET_ONE_REG:
		*value = features.read_reg;
		break;
	}
	return *value ? 0 : -EOPNOTSUPP;
}

static int gzvm_cap_value(struct gzvm_vm *vm, u64 cap, u64 *value)
{
	switch (cap) {
	case GZVM_CAP_MAX_VCPUS:
		*value = GZVM_MAX_VCPUS;
		return 0;
	case GZVM_CAP_MAX_SLOTS:
		*value = GZVM_MAX_SLOTS;
		return 0;
	case GZVM_CAP_SLOT_DELETE:
	case GZVM_CAP_IRQFD_RESAMPLE:
		*value = 1;
		return 0;
	case GZVM_CAP_QUERY_HYP_BATCH_PAGES:
		*value = READ_ONCE(gzvm_drv.map_batch);
		return 0;
	case GZVM_CAP_QUERY_DESTROY_BATCH_PAGES:
		*value = READ_ONCE(gzvm_drv.destroy_batch);
		return 0;
	case GZVM_CAP_VM_GPA_SIZE:
	case GZVM_CAP_PROTECTED_VM:
	case GZVM_CAP_ENABLE_DEMAND_PAGING:
	case GZVM_CAP_BLOCK_BASED_DEMAND_PAGING:
	case GZVM_CAP_ENABLE_IDLE:
	case GZVM_CAP_GET_ONE_REG:
		return gzvm_feature_value(vm, cap, value);
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * gzvm_check_extension() - GZVM_CHECK_EXTENSION
 * @vm: VM that is asked about, or NULL for the device
 * @argp: a __u64 in user memory: capability in, value out
 *
 * Context: process context; may make a VM at EL2 for a moment, if it has to.
 * Return: 0; -EOPNOTSUPP for a capability that is not there, with the __u64
 * left alone; -EFAULT; -EINTR when killed; or why EL2 did not answer, or no VM
 * could be made to ask it.
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

/* EL2 wants all memory of a VM before it protects it, but for block mode. */
static int gzvm_pvm_set(struct gzvm_vm *vm, u64 command, u64 gpa)
{
	const u64 args[5] = { command, gpa };
	int ret;

	if (vm->paging == GZVM_PAGING_PAGE) {
		ret = gzvm_memslots_populate(vm);
		if (ret)
			return ret;
	}
	return gzvm_hc_enable_cap(vm->id, GZVM_CAP_PROTECTED_VM, args, NULL);
}

static int gzvm_enable_pvm(struct gzvm_vm *vm, struct gzvm_enable_cap *cap)
{
	switch (cap->args[0]) {
	case GZVM_CAP_PVM_GET_PVMFW_SIZE:
		return gzvm_pvmfw_size(vm, &cap->args[1]);
	case GZVM_CAP_PVM_SET_PVMFW_GPA:
		if (!PAGE_ALIGNED(cap->args[1]) ||
		    cap->args[1] >= BIT_ULL(gzvm_ipa_bits()))
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
 * @cap: which capability, and its arguments; results go there
 *
 * The capabilities that the driver enables itself when it makes a VM are not
 * the caller's to enable: one of them takes a physical address.
 *
 * Context: process context of the VM's owner.
 * Return: 0; -EINVAL for any capability but GZVM_CAP_PROTECTED_VM, for a
 * sub-command not known, or a firmware address that is not page aligned or
 * outside of the guest's address space; why a region could not be populated,
 * see gzvm_memslots_populate(); or the errno of EL2's refusal.
 */
int gzvm_enable_cap(struct gzvm_vm *vm, struct gzvm_enable_cap *cap)
{
	if (cap->cap != GZVM_CAP_PROTECTED_VM)
		return -EINVAL;
	return gzvm_enable_pvm(vm, cap);
}
