// SPDX-License-Identifier: GPL-2.0
/*
 * The host's hypercalls: x0 the function, x1.. the arguments, x0 the status,
 * x1..x3 the results. All else keeps its value.
 */
#include "control.h"
#include "owner.h"
#include "platform.h"
#include "protect.h"
#include "psci.h"
#include "switch.h"
#include "vcpu.h"

typedef int call_handler(const u64 *arg, u64 *result);

/* Handlers count arguments as the interface does: arg[1] is x1. */
static u64 tuple_vm(u64 tuple)
{
	/* Bits above the vm_id make it one that does not exist. */
	return tuple >> 16;
}

static u32 tuple_vcpu(u64 tuple)
{
	return tuple & 0xffff;
}

static int call_create_vm(const u64 *arg, u64 *result)
{
	return vm_create(arg[1], &result[1]);
}

static int call_destroy_vm(const u64 *arg, u64 *result)
{
	return vm_destroy(arg[1], arg[2]);
}

static int call_create_vcpu(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(tuple_vm(arg[1]));
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	err = vcpu_create(vm, tuple_vcpu(arg[1]), PA(arg[2]));
	vm_put(vm);
	return err;
}

static int call_destroy_vcpu(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(tuple_vm(arg[1]));
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	err = vcpu_destroy(vm, tuple_vcpu(arg[1]));
	vm_put(vm);
	return err;
}

/* All of it or nothing */
static int populate_at_once(struct vm *vm, struct region *region,
			    const struct gz_memregion *in)
{
	u64 gpa = in->gpa;
	unsigned int i;
	int err = 0;

	for (i = 0; i < in->constituent_cnt && !err; i++) {
		err = vm_map_check(vm, region, gpa,
				   PA(in->constituent[i].address),
				   in->constituent[i].pg_cnt);
		gpa += (u64)in->constituent[i].pg_cnt * PAGE_SIZE;
	}
	gpa = in->gpa;
	for (i = 0; i < in->constituent_cnt && !err; i++) {
		err = vm_map_act(vm, region, gpa,
				 PA(in->constituent[i].address),
				 in->constituent[i].pg_cnt);
		gpa += (u64)in->constituent[i].pg_cnt * PAGE_SIZE;
	}
	return err;
}

/* As much as EL2 may do in one go, and BUSY until there is nothing left */
static int populate_in_steps(struct vm *vm, struct region *region,
			     const struct gz_memregion *in)
{
	u64 gpa = in->gpa, before = vm->mapped_pages;
	unsigned int i;
	int err;

	for (i = 0; i < in->constituent_cnt; i++) {
		if (vm->mapped_pages - before >= MAP_CALL_PAGES)
			return GZ_BUSY;
		err = vm_map(vm, region, gpa, PA(in->constituent[i].address),
			     in->constituent[i].pg_cnt);
		if (err)
			return err;
		gpa += (u64)in->constituent[i].pg_cnt * PAGE_SIZE;
	}
	return 0;
}

/* Called with vm->lock held. vm->buf has the only copy that is looked at. */
static int populate_locked(struct vm *vm, const struct gz_memregion *in)
{
	struct region *region = region_by_slot(vm, in->slot);
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < in->constituent_cnt; i++)
		pages += in->constituent[i].pg_cnt;
	if (!region || pages != in->total_pages)
		return GZ_INVALID_ARGS;
	if (pages <= MAP_CALL_PAGES)
		return populate_at_once(vm, region, in);
	return populate_in_steps(vm, region, in);
}

static int set_memregion_locked(struct vm *vm, u64 size, u64 pa)
{
	struct gz_memregion *in = (struct gz_memregion *)vm->buf;
	int err;

	if (size < sizeof(*in) || size > GZ_MEMREGION_BUF)
		return GZ_INVALID_ARGS;
	err = owner_copy_from_host(in, PA(pa), sizeof(*in));
	if (err)
		return err;
	if (in->constituent_cnt > (size - sizeof(*in)) / sizeof(in->constituent[0]))
		return GZ_INVALID_ARGS;
	if (!in->constituent_cnt)
		return region_register(vm, in->slot, in->gpa, in->total_pages);
	/* The buffer is mostly longer. */
	err = owner_copy_from_host(in->constituent, PA(pa + sizeof(*in)),
				   in->constituent_cnt * sizeof(in->constituent[0]));
	return err ? err : populate_locked(vm, in);
}

static int call_set_memregion(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(arg[1]);
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	err = set_memregion_locked(vm, arg[2], arg[3]);
	spin_unlock(&vm->lock);
	vm_put(vm);
	return err;
}

static int call_run(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(tuple_vm(arg[1]));
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	err = vcpu_run(vm, tuple_vcpu(arg[1]), &result[1]);
	vm_put(vm);
	return err;
}

static int call_get_one_reg(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(tuple_vm(arg[1]));
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	err = onereg_get(vm, tuple_vcpu(arg[1]), arg[2], &result[1]);
	vm_put(vm);
	return err;
}

static int call_set_one_reg(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(tuple_vm(arg[1]));
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	err = onereg_set(vm, tuple_vcpu(arg[1]), arg[2], arg[3]);
	vm_put(vm);
	return err;
}

/* The host injects first and wakes sleepers itself; those that run are ours. */
static int call_irq_line(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(tuple_vm(arg[1]));
	u32 kick = 0;
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	if (arg[2] >= VGIC_NR_SPIS)
		err = GZ_INVALID_ARGS;
	else
		err = vgic_set_spi(&vm->vgic, arg[2], arg[3] != 0, &kick);
	vm_kick(vm, kick);
	vm_put(vm);
	return err;
}

static int create_device(struct vm *vm, u64 pa)
{
	struct gz_device dev;
	int err = owner_copy_from_host(&dev, PA(pa), sizeof(dev));

	if (err)
		return err;
	if (dev.flags || dev.attr_size > PAGE_SIZE ||
	    (dev.attr_size && !owner_host_may_access(PA(dev.attr_addr))))
		return GZ_INVALID_ARGS;
	switch (dev.dev_type) {
	case GZ_DEV_VGIC_DIST:
		return vgic_set_dist(&vm->vgic, dev.dev_addr, dev.dev_reg_size);
	case GZ_DEV_VGIC_REDIST:
		return vgic_set_redist(&vm->vgic, dev.dev_addr, dev.dev_reg_size);
	default:
		return GZ_INVALID_ARGS;
	}
}

static int call_create_device(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(arg[1]);
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	err = create_device(vm, arg[2]);
	vm_put(vm);
	return err;
}

static int call_probe(const u64 *arg, u64 *result)
{
	result[1] = GZ_VERSION_MAJOR;
	result[2] = GZ_VERSION_MINOR;
	result[3] = GZ_VERSION_SUB;
	return 0;
}

static int enable_block_locked(struct vm *vm, u64 block, u64 mailbox)
{
	int err;

	if (platform.no_block)
		return GZ_NOT_SUPPORTED;
	if (block != SZ_2M || vm->mailbox || !vm->demand_paging)
		return GZ_INVALID_ARGS;
	err = owner_lend(PA(mailbox), PAGE_SIZE);
	if (err)
		return err;
	vm->mailbox = mailbox;
	vm->block_paging = true;
	return 0;
}

static int enable_cap_locked(struct vm *vm, const u64 *arg, u64 *result)
{
	switch (arg[2]) {
	case GZ_CAP_DEMAND_PAGING:
		if (platform.no_demand)
			return GZ_NOT_SUPPORTED;
		vm->demand_paging = true;
		return 0;
	case GZ_CAP_BLOCK_DEMAND_PAGING:
		return enable_block_locked(vm, arg[3], arg[4]);
	case GZ_CAP_IDLE:
		vm->idle = true;
		return 0;
	case GZ_CAP_VM_GPA_SIZE:
		result[1] = 40;
		return 0;
	case GZ_CAP_PROTECTED_VM:
		return protect_cap(vm, arg[3], arg[4], &result[1]);
	default:
		return GZ_NOT_SUPPORTED;
	}
}

static int call_enable_cap(const u64 *arg, u64 *result)
{
	struct vm *vm;
	int err;

	/* What does not depend on a VM is asked before there is any. */
	switch (arg[2]) {
	case GZ_CAP_QUERY_HYP_BATCH:
		result[1] = MAP_BATCH_PAGES;
		return 0;
	case GZ_CAP_QUERY_DESTROY_BATCH:
		result[1] = DESTROY_BATCH_PAGES;
		return 0;
	}
	vm = vm_get(arg[1]);
	if (!vm)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	err = enable_cap_locked(vm, arg, result);
	spin_unlock(&vm->lock);
	vm_put(vm);
	return err;
}

static int call_inform_exit(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(arg[1]);

	if (!vm)
		return GZ_INVALID_ARGS;
	vm_put(vm);
	return 0;
}

static int call_memregion_purpose(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(arg[1]);
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	err = region_set_purpose(vm, arg[2], arg[3], arg[4]);
	spin_unlock(&vm->lock);
	vm_put(vm);
	return err;
}

static int call_set_dtb_config(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(arg[1]);
	struct region *region;
	int err = GZ_INVALID_ARGS;

	if (!vm)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	region = region_of(vm, arg[2]);
	if (region && arg[3] && arg[3] <= region->gpa + region->size - arg[2]) {
		vm->dtb_gpa = arg[2];
		vm->dtb_size = arg[3];
		err = 0;
	}
	spin_unlock(&vm->lock);
	vm_put(vm);
	return err;
}

static int call_map_guest(const u64 *arg, u64 *result)
{
	u64 pfn = arg[3], gfn = arg[4], nr = arg[5];
	struct vm *vm = vm_get(arg[1]);
	struct region *region;
	int err = GZ_INVALID_ARGS;

	if (!vm)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	region = arg[2] < ~0U ? region_by_slot(vm, arg[2]) : NULL;
	if (region && pfn < BIT(52) && gfn < BIT(52) && nr < BIT(40))
		err = vm_map(vm, region, gfn << PAGE_SHIFT,
			     PA(pfn << PAGE_SHIFT), nr);
	spin_unlock(&vm->lock);
	vm_put(vm);
	return err;
}

/* Called with vm->lock held. The mailbox is lent to gzhyp, and the host's. */
static int map_block_locked(struct vm *vm, u64 slot, u64 gfn, u64 nr)
{
	struct region *region = slot < ~0U ? region_by_slot(vm, slot) : NULL;
	int err;

	if (!region || !vm->block_paging || gfn >= BIT(52) ||
	    !nr || nr > GZ_MAILBOX_PFNS)
		return GZ_INVALID_ARGS;
	err = owner_copy_from_host(vm->buf, PA(vm->mailbox), nr * sizeof(u64));
	if (err)
		return err;
	return vm_map_pfns(vm, region, gfn << PAGE_SHIFT, (u64 *)vm->buf, nr);
}

static int call_map_guest_block(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(arg[1]);
	int err;

	if (!vm)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	err = map_block_locked(vm, arg[2], arg[3], arg[4]);
	spin_unlock(&vm->lock);
	vm_put(vm);
	return err;
}

static int call_get_statistics(const u64 *arg, u64 *result)
{
	struct vm *vm = vm_get(arg[1]);

	if (!vm)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	result[1] = vm_hyp_bytes(vm) + vm->private_pages * PAGE_SIZE;
	result[2] = (vm->mapped_pages - vm->private_pages) * PAGE_SIZE;
	spin_unlock(&vm->lock);
	vm_put(vm);
	return 0;
}

static call_handler *const call_handlers[GZ_NR_CALLS] = {
	[GZ_CREATE_VM] = call_create_vm,
	[GZ_DESTROY_VM] = call_destroy_vm,
	[GZ_CREATE_VCPU] = call_create_vcpu,
	[GZ_DESTROY_VCPU] = call_destroy_vcpu,
	[GZ_SET_MEMREGION] = call_set_memregion,
	[GZ_RUN] = call_run,
	[GZ_GET_ONE_REG] = call_get_one_reg,
	[GZ_SET_ONE_REG] = call_set_one_reg,
	[GZ_IRQ_LINE] = call_irq_line,
	[GZ_CREATE_DEVICE] = call_create_device,
	[GZ_PROBE] = call_probe,
	[GZ_ENABLE_CAP] = call_enable_cap,
	[GZ_INFORM_EXIT] = call_inform_exit,
	[GZ_MEMREGION_PURPOSE] = call_memregion_purpose,
	[GZ_SET_DTB_CONFIG] = call_set_dtb_config,
	[GZ_MAP_GUEST] = call_map_guest,
	[GZ_MAP_GUEST_BLOCK] = call_map_guest_block,
	[GZ_GET_STATISTICS] = call_get_statistics,
};

static void genie_call(struct cpu_regs *regs, u32 n)
{
	call_handler *handler = n < GZ_NR_CALLS ? call_handlers[n] : NULL;
	u64 result[4] = { 0 };
	unsigned int i;

	if (!handler) {
		regs->x[0] = GZ_NOT_IMPLEMENTED;
		return;
	}
	if (control_enter(n, &result[0]))
		result[0] = (s64)handler(regs->x, result);
	control_leave(n, regs->x, result);
	for (i = 0; i < ARRAY_SIZE(result); i++)
		regs->x[i] = result[i];
}

/**
 * hypercall() - serve the host's HVC
 * @regs: its registers; results go there
 */
void hypercall(struct cpu_regs *regs)
{
	u32 fn = regs->x[0];

	if (fn >= GZ_CALL_BASE && fn < GZ_CALL_END)
		genie_call(regs, fn - GZ_CALL_BASE);
	else if (SMCCC_OWNER(fn) == SMCCC_OWNER_ARCH ||
		 SMCCC_OWNER(fn) == SMCCC_OWNER_STANDARD)
		host_smc(regs);
	else if (fn >= GZC_CALL_BASE && fn < GZC_CALL_BASE + GZC_NR_CALLS)
		control_hypercall(regs);
	else
		regs->x[0] = SMCCC_NOT_SUPPORTED;
}
