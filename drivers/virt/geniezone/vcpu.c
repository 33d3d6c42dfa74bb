// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a vCPU, and its registers.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "gzvm.h"

/**
 * gzvm_vcpu_release_pages() - free the pages that a vCPU shares with EL2
 * @vcpu: vCPU that does not exist at EL2, or not any more
 * @keep: EL2 may still write the pages: they are kept from the host
 */
void gzvm_vcpu_release_pages(struct gzvm_vcpu *vcpu, bool keep)
{
	if (keep)
		atomic_long_add(PAGE_ALIGN(GZVM_SHARED_SIZE) >> PAGE_SHIFT,
				&gzvm_drv.kept_pages);
	else
		free_pages_exact(vcpu->shared, GZVM_SHARED_SIZE);
	vcpu->shared = NULL;
	vcpu->hwstate = NULL;
}

/**
 * gzvm_vcpu_free() - free a vCPU
 * @vcpu: vCPU without shared pages
 */
void gzvm_vcpu_free(struct gzvm_vcpu *vcpu)
{
	mutex_destroy(&vcpu->lock);
	kfree(vcpu);
}

/* Of a vCPU that EL2 has not heard of */
static void gzvm_vcpu_discard(struct gzvm_vcpu *vcpu)
{
	gzvm_vcpu_release_pages(vcpu, false);
	gzvm_vcpu_free(vcpu);
}

static struct gzvm_vcpu *gzvm_vcpu_alloc(struct gzvm_vm *vm, u16 id)
{
	struct gzvm_vcpu *vcpu;

	vcpu = kzalloc_obj(*vcpu, GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return NULL;

	vcpu->shared = alloc_pages_exact(GZVM_SHARED_SIZE,
					 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!vcpu->shared) {
		kfree(vcpu);
		return NULL;
	}
	vcpu->hwstate = (void *)vcpu->shared + GZVM_PAGE_SIZE;
	vcpu->vm = vm;
	vcpu->id = id;
	gzvm_hc_run_init(&vcpu->run, vm->id, id, vcpu->hwstate);
	mutex_init(&vcpu->lock);
	rcuwait_init(&vcpu->wait);
	return vcpu;
}

/* Called with vm->lock held. */
static int gzvm_vcpu_create_locked(struct gzvm_vm *vm, struct gzvm_vcpu *vcpu)
{
	bool has_pages = false;
	int ret;

	lockdep_assert_held(&vm->lock);

	if (vm->vcpus[vcpu->id])
		ret = -EEXIST;
	else
		ret = gzvm_hc_create_vcpu(vm->id, vcpu->id,
					  virt_to_phys(vcpu->shared), &has_pages);
	if (!ret) {
		vm->nr_vcpus++;
		/* Pairs with the acquire in gzvm_vm_wake(). */
		smp_store_release(&vm->vcpus[vcpu->id], vcpu);
	} else if (has_pages) {
		list_add(&vcpu->dead, &vm->dead_vcpus);
	} else {
		gzvm_vcpu_discard(vcpu);
	}
	return ret;
}

static bool gzvm_vcpu_id_is_valid(struct gzvm_vm *vm, unsigned long id)
{
	struct gzvm_limits limits;

	if (id < GZVM_SHIPPED_VCPUS)
		return true;
	if (id >= GZVM_MAX_VCPUS)
		return false;
	gzvm_vm_limits(vm, &limits);
	return id < limits.vcpus;
}

/**
 * gzvm_vcpu_create() - make a vCPU, here and at EL2
 * @vm: VM
 * @id: its number
 *
 * After some errors EL2 may have taken the shared pages. They are kept until the VM
 * ends.
 *
 * Context: process context; takes vm->lock, so that of two creators of one id
 * the second finds it taken.
 * Return: the vCPU, which belongs to the VM; -EINVAL for an id from
 * GZVM_MAX_VCPUS up or beyond what EL2 is known to take; -EEXIST for one that is
 * taken; -ENOMEM; -EINTR when killed; or the errno of EL2's refusal.
 */
struct gzvm_vcpu *gzvm_vcpu_create(struct gzvm_vm *vm, unsigned long id)
{
	struct gzvm_vcpu *vcpu;
	int ret;

	if (!gzvm_vcpu_id_is_valid(vm, id))
		return ERR_PTR(-EINVAL);
	id = array_index_nospec(id, GZVM_MAX_VCPUS);

	vcpu = gzvm_vcpu_alloc(vm, id);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);

	ret = mutex_lock_killable(&vm->lock);
	if (ret) {
		gzvm_vcpu_discard(vcpu);
		return ERR_PTR(ret);
	}
	ret = gzvm_vcpu_create_locked(vm, vcpu);
	mutex_unlock(&vm->lock);
	return ret ? ERR_PTR(ret) : vcpu;
}

/* Bytes of the register's value, or 0 for an id that the driver refuses */
static size_t gzvm_reg_size(u64 id)
{
	size_t size = BIT((id & GZVM_REG_SIZE_MASK) >> GZVM_REG_SIZE_SHIFT);

	if ((id & GZVM_REG_ARCH_MASK) != GZVM_REG_ARM64 || size > sizeof(u64))
		return 0;
	return size;
}

/**
 * gzvm_vcpu_get_reg() - GZVM_GET_ONE_REG
 * @vcpu: vCPU
 * @reg: the register, and where in user memory its value goes
 *
 * Context: process context; takes vcpu->lock, hence waits for the end of a
 * GZVM_RUN.
 * Return: 0; -EINVAL for an id that is not of arm64 or wider than 64 bits;
 * -EFAULT; -EINTR when killed; or the errno of EL2's refusal, among them
 * -EOPNOTSUPP when it cannot read registers.
 */
int gzvm_vcpu_get_reg(struct gzvm_vcpu *vcpu, const struct gzvm_one_reg *reg)
{
	size_t size = gzvm_reg_size(reg->id);
	struct gzvm_vm *vm = vcpu->vm;
	u64 value = 0;
	int ret;

	if (!size)
		return -EINVAL;

	ret = mutex_lock_killable(&vcpu->lock);
	if (ret)
		return ret;
	ret = gzvm_hc_get_one_reg(vm->id, vcpu->id, reg->id, &value);
	mutex_unlock(&vcpu->lock);

	/* A refusal after a success is about this register only. */
	if (!ret)
		WRITE_ONCE(vm->reads_regs, GZVM_YES);
	else if (ret == -EOPNOTSUPP && !READ_ONCE(vm->reads_regs))
		WRITE_ONCE(vm->reads_regs, GZVM_NO);
	if (!ret && copy_to_user(u64_to_user_ptr(reg->addr), &value, size))
		return -EFAULT;
	return ret;
}

/**
 * gzvm_vcpu_set_reg() - GZVM_SET_ONE_REG
 * @vcpu: vCPU
 * @reg: the register, and where in user memory its value is
 *
 * Context: process context; takes vcpu->lock, hence waits for the end of a
 * GZVM_RUN.
 * Return: 0; -EINVAL for an id that is not of arm64 or wider than 64 bits;
 * -EFAULT; -EINTR when killed; or the errno of EL2's refusal.
 */
int gzvm_vcpu_set_reg(struct gzvm_vcpu *vcpu, const struct gzvm_one_reg *reg)
{
	size_t size = gzvm_reg_size(reg->id);
	u64 value = 0;
	int ret;

	if (!size)
		return -EINVAL;
	if (copy_from_user(&value, u64_to_user_ptr(reg->addr), size))
		return -EFAULT;

	ret = mutex_lock_killable(&vcpu->lock);
	if (ret)
		return ret;
	ret = gzvm_hc_set_one_reg(vcpu->vm->id, vcpu->id, reg->id, value);
	mutex_unlock(&vcpu->lock);
	return ret;
}
