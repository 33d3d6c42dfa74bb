// SPDX-License-Identifier: GPL-2.0
/*
 * The host's hypercalls. In: x0 is the function, x1 and up the arguments. Out: x0
 * is the status, x1 to x3 the results. All other registers keep their values.
 */
#include "arch/switch.h"
#include "control/control.h"
#include "core/answer.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/psci.h"
#include "core/strict.h"
#include "core/vm/vcpu.h"
#include "lib/string.h"

/*
 * The conditions of a call, which are checked before its handler runs. NEEDS_VM and
 * NEEDS_VM_LOCKED: x1 is the VM's id. NEEDS_VCPU: x1 is a tuple of the VM's id and a
 * vCPU's number, and the handler gets the VM.
 */
enum call_needs {
	NEEDS_NOTHING,
	NEEDS_VM,
	NEEDS_VM_LOCKED,
	NEEDS_VCPU,
};

/* Arguments are counted as the interface does: arg[1] is x1. */
typedef int call_handler(struct vm *vm, const u64 *arg, u64 *result);

/* @strict: with gzhyp.strict, a check of the arguments; NULL for none */
struct call {
	call_handler *handler;
	enum call_needs needs;
	strict_check *strict;
};

#define DECLARE_REG(type, name, arg, nr)	type name = (type)(arg)[nr]

/* The vCPU's number in a tuple */
#define DECLARE_VCPU(name, arg, nr)		u32 name = (arg)[nr] & 0xffff

/*
 * A call that maps much memory leaves EL2 when the host has an interrupt, and the host
 * makes it again: here is how far it has come. A call that ends on another CPU starts
 * there from the beginning and passes over what is mapped.
 */
struct progress {
	u64 arg[6];
	u64 unmaps;
	u64 done;
};

static struct progress progress[MAX_CPUS];

/* Called with vm->lock held. Returns the pages that the same call has done before. */
static u64 progress_take(const struct vm *vm, const u64 *arg)
{
	struct progress *p = &progress[this_cpu()->index];
	u64 done = p->done;

	p->done = 0;
	if (memcmp(p->arg, arg, sizeof(p->arg)) || p->unmaps != vm->unmaps)
		return 0;
	return done;
}

static int progress_keep(const struct vm *vm, const u64 *arg, u64 done, int err)
{
	struct progress *p = &progress[this_cpu()->index];

	if (err != GZ_REPEAT && err != GZ_BUSY)
		return err;
	memcpy(p->arg, arg, sizeof(p->arg));
	p->unmaps = vm->unmaps;
	p->done = done;
	return err;
}

static bool is_refused(const struct call *call, struct vm *vm, const u64 *arg)
{
	const char *what = call->strict ? call->strict(vm, arg) : NULL;

	if (what)
		strict_report(what);
	return what;
}

static inline int call_handler_of(const struct call *call, struct vm *vm,
				  const u64 *arg, u64 *result)
{
	if (option(OPT_STRICT) && is_refused(call, vm, arg))
		return GZ_NOT_SUPPORTED;
	return call->handler(vm, arg, result);
}

static int do_call(const struct call *call, const u64 *arg, u64 *result)
{
	struct vm *vm;
	int err;

	if (call->needs == NEEDS_NOTHING)
		return call_handler_of(call, NULL, arg, result);
	/* Bits above a tuple's vm_id make it one that does not exist. */
	vm = vm_get(call->needs == NEEDS_VCPU ? arg[1] >> 16 : arg[1]);
	if (!vm)
		return GZ_INVALID_ARGS;
	if (call->needs == NEEDS_VM_LOCKED)
		spin_lock(&vm->lock);
	err = call_handler_of(call, vm, arg, result);
	if (call->needs == NEEDS_VM_LOCKED)
		spin_unlock(&vm->lock);
	vm_put(vm);
	return err;
}

static int call_create_vm(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, type, arg, 1);

	return vm_create(type, &result[1]);
}

static int call_destroy_vm(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, id, arg, 1);
	DECLARE_REG(u64, pages, arg, 2);

	return vm_destroy(id, pages);
}

static int call_create_vcpu(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_VCPU(vcpu, arg, 1);
	DECLARE_REG(u64, shared, arg, 2);

	return vcpu_create(vm, vcpu, PA(shared));
}

static int call_destroy_vcpu(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_VCPU(vcpu, arg, 1);

	return vcpu_destroy(vm, vcpu);
}

static int call_set_memregion(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, size, arg, 2);
	DECLARE_REG(u64, buf, arg, 3);
	u64 done = progress_take(vm, arg);
	int err = memregion_set(vm, PA(buf), size, &done);

	return progress_keep(vm, arg, done, err);
}

static int call_run(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_VCPU(vcpu, arg, 1);

	return vcpu_run(vm, vcpu, &result[1]);
}

static int call_get_one_reg(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_VCPU(vcpu, arg, 1);
	DECLARE_REG(u64, id, arg, 2);

	return onereg_get(vm, vcpu, id, &result[1]);
}

static int call_set_one_reg(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_VCPU(vcpu, arg, 1);
	DECLARE_REG(u64, id, arg, 2);
	DECLARE_REG(u64, val, arg, 3);

	return onereg_set(vm, vcpu, id, val);
}

/* The host wakes vCPUs that sleep by itself; those that run are EL2's to kick. */
static int call_irq_line(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_VCPU(vcpu, arg, 1);
	DECLARE_REG(u64, spi, arg, 2);
	DECLARE_REG(bool, level, arg, 3);
	u32 kick = 0;
	int err = 0;

	if (option(OPT_OLD)) {
		if (spi == VTIMER_PPI)
			return vcpu_timer_expired(vm, vcpu);
		spi -= VGIC_NR_PRIVATE;
	}
	if (spi >= VGIC_NR_SPIS)
		return GZ_INVALID_ARGS;
	if (option(OPT_HELD))
		err = vgic_set_spi(&vm->vgic, spi, level, &kick);
	else if (level || option(OPT_NO_LEVEL))
		err = vgic_pend_spi(&vm->vgic, spi, &kick);
	vm_kick(vm, kick);
	return err;
}

/* With the option "gicfixed": where crosvm has the interrupt controller */
#define GIC_FIXED_DIST	0x3fff0000UL

static bool is_fixed_gic(const struct gz_device *dev)
{
	if (dev->dev_type == GZ_DEV_VGIC_DIST)
		return dev->dev_addr == GIC_FIXED_DIST;
	return dev->dev_addr < GIC_FIXED_DIST;
}

static int call_create_device(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, buf, arg, 2);
	struct gz_device dev;
	int err = owner_copy_from_host(&dev, PA(buf), sizeof(dev));

	if (err)
		return err;
	if (dev.flags || dev.attr_size > PAGE_SIZE ||
	    (dev.attr_size && !owner_host_may_access(PA(dev.attr_addr))))
		return GZ_INVALID_ARGS;
	if (option(OPT_GIC_FIXED) && !is_fixed_gic(&dev))
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

static int call_probe(struct vm *vm, const u64 *arg, u64 *result)
{
	if (option(OPT_OLD))
		return 0;
	result[1] = GZ_VERSION_MAJOR;
	result[2] = GZ_VERSION_MINOR;
	result[3] = GZ_VERSION_SUB;
	return 0;
}

static int enable_block_locked(struct vm *vm, u64 block, u64 mailbox)
{
	int err;

	if (option(OPT_NO_BLOCK))
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
	DECLARE_REG(u64, cap, arg, 2);
	DECLARE_REG(u64, arg0, arg, 3);
	DECLARE_REG(u64, arg1, arg, 4);

	switch (cap) {
	case GZ_CAP_DEMAND_PAGING:
		if (option(OPT_NO_DEMAND))
			return GZ_NOT_SUPPORTED;
		vm->demand_paging = true;
		return 0;
	case GZ_CAP_BLOCK_DEMAND_PAGING:
		return enable_block_locked(vm, arg0, arg1);
	case GZ_CAP_IDLE:
		vm->idle = true;
		return 0;
	case GZ_CAP_VM_GPA_SIZE:
		result[1] = 40;
		return 0;
	case GZ_CAP_PROTECTED_VM:
		return protect_cap(vm, arg0, arg1, &result[1]);
	default:
		return GZ_NOT_SUPPORTED;
	}
}

static int call_enable_cap(struct vm *vm, const u64 *arg, u64 *result)
{
	static const struct call of_vm = {
		enable_cap_locked, NEEDS_VM_LOCKED, strict_enable_cap,
	};
	DECLARE_REG(u64, cap, arg, 2);

	/* The host asks for these before there is a VM. */
	switch (cap) {
	case GZ_CAP_QUERY_HYP_BATCH:
		result[1] = MAP_BATCH_PAGES;
		return 0;
	case GZ_CAP_QUERY_DESTROY_BATCH:
		result[1] = DESTROY_BATCH_PAGES;
		return 0;
	case GZ_CAP_LIMITS:
		if (option(OPT_STRICT))
			strict_report("ENABLE_CAP of the limits");
		if (option(OPT_FEW) || option(OPT_STRICT))
			return GZ_NOT_SUPPORTED;
		result[1] = MAX_VCPUS | MAX_REGIONS << 16;
		return 0;
	default:
		return do_call(&of_vm, arg, result);
	}
}

static int call_inform_exit(struct vm *vm, const u64 *arg, u64 *result)
{
	return 0;
}

static int call_memregion_purpose(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, gpa, arg, 2);
	DECLARE_REG(u64, size, arg, 3);
	DECLARE_REG(u64, flags, arg, 4);

	return region_set_purpose(vm, gpa, size, flags);
}

static int call_set_dtb_config(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, gpa, arg, 2);
	DECLARE_REG(u64, size, arg, 3);
	struct region *region = region_of(vm, gpa);

	if (!region || !size || size > region->gpa + region->size - gpa)
		return GZ_INVALID_ARGS;
	vm->dtb_gpa = gpa;
	vm->dtb_size = size;
	return 0;
}

static int call_map_guest(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, slot, arg, 2);
	DECLARE_REG(u64, pfn, arg, 3);
	DECLARE_REG(u64, gfn, arg, 4);
	DECLARE_REG(u64, nr, arg, 5);
	struct region *region = region_in_slot(vm, slot, gfn << PAGE_SHIFT);
	u64 done = progress_take(vm, arg);
	int err;

	if (!region || pfn >= BIT(52) || gfn >= BIT(52) || nr >= BIT(40))
		return GZ_INVALID_ARGS;
	err = vm_map(vm, region, gfn << PAGE_SHIFT, PA(pfn << PAGE_SHIFT), nr, &done);
	return progress_keep(vm, arg, done, err);
}

/* The host can write to the mailbox at any time, so it is copied once. */
static int call_map_guest_block(struct vm *vm, const u64 *arg, u64 *result)
{
	DECLARE_REG(u64, slot, arg, 2);
	DECLARE_REG(u64, gfn, arg, 3);
	DECLARE_REG(u64, nr, arg, 4);
	struct region *region = region_in_slot(vm, slot, gfn << PAGE_SHIFT);
	int err;

	if (!region || !vm->block_paging || gfn >= BIT(52) ||
	    !nr || nr > GZ_MAILBOX_PFNS)
		return GZ_INVALID_ARGS;
	err = owner_copy_from_host(vm->buf, PA(vm->mailbox), nr * sizeof(u64));
	if (err)
		return err;
	return vm_map_pfns(vm, region, gfn << PAGE_SHIFT, (u64 *)vm->buf, nr);
}

static int call_get_statistics(struct vm *vm, const u64 *arg, u64 *result)
{
	result[1] = vm_hyp_bytes(vm) + vm->private_pages * PAGE_SIZE;
	result[2] = (vm->mapped_pages - vm->private_pages) * PAGE_SIZE;
	return 0;
}

static const struct call calls[GZ_NR_CALLS] = {
	[GZ_CREATE_VM]		= { call_create_vm, NEEDS_NOTHING },
	[GZ_DESTROY_VM]		= { call_destroy_vm, NEEDS_NOTHING },
	[GZ_CREATE_VCPU]	= { call_create_vcpu, NEEDS_VCPU, strict_create_vcpu },
	[GZ_DESTROY_VCPU]	= { call_destroy_vcpu, NEEDS_VCPU },
	[GZ_SET_MEMREGION]	= { call_set_memregion, NEEDS_VM_LOCKED, strict_set_memregion },
	[GZ_RUN]		= { call_run, NEEDS_VCPU },
	[GZ_GET_ONE_REG]	= { call_get_one_reg, NEEDS_VCPU, strict_get_one_reg },
	[GZ_SET_ONE_REG]	= { call_set_one_reg, NEEDS_VCPU, strict_set_one_reg },
	[GZ_IRQ_LINE]		= { call_irq_line, NEEDS_VCPU, strict_irq_line },
	[GZ_CREATE_DEVICE]	= { call_create_device, NEEDS_VM },
	[GZ_PROBE]		= { call_probe, NEEDS_NOTHING, strict_probe },
	[GZ_ENABLE_CAP]		= { call_enable_cap, NEEDS_NOTHING },
	[GZ_INFORM_EXIT]	= { call_inform_exit, NEEDS_VM },
	[GZ_MEMREGION_PURPOSE]	= { call_memregion_purpose, NEEDS_VM_LOCKED },
	[GZ_SET_DTB_CONFIG]	= { call_set_dtb_config, NEEDS_VM_LOCKED },
	[GZ_MAP_GUEST]		= { call_map_guest, NEEDS_VM_LOCKED, strict_map_guest },
	[GZ_MAP_GUEST_BLOCK]	= { call_map_guest_block, NEEDS_VM_LOCKED, strict_map_guest_block },
	[GZ_GET_STATISTICS]	= { call_get_statistics, NEEDS_VM_LOCKED },
};

static void genie_call(struct cpu_regs *regs, u32 n)
{
	u64 result[4] = { 0 };
	unsigned int i;

	if (n >= GZ_NR_CALLS || !calls[n].handler || !answer_has_call(n)) {
		regs->x[0] = answer_status(n, GZ_NOT_IMPLEMENTED);
		return;
	}
	if (control_enter(n, regs->x, &result[0])) {
		result[0] = (s64)do_call(&calls[n], regs->x, result);
		if (result[0] == GZ_REPEAT) {
			control_repeat(regs->x);
			regs->pc -= 4;
			return;
		}
	}
	control_leave(n, regs->x, result);
	result[0] = answer_status(n, result[0]);
	for (i = 0; i < ARRAY_SIZE(result); i++)
		regs->x[i] = result[i];
}

/**
 * hypercall() - serve the host's HVC
 * @regs: its registers; results go there
 */
void hypercall(struct cpu_regs *regs)
{
	u32 fn = regs->x[0], n = answer_call_number(fn);

	if (n != NO_CALL)
		genie_call(regs, n);
	else if (SMCCC_OWNER(fn) == SMCCC_OWNER_ARCH ||
		 SMCCC_OWNER(fn) == SMCCC_OWNER_STANDARD)
		host_smc(regs);
	else if (!control_hypercall(regs))
		regs->x[0] = SMCCC_NOT_SUPPORTED;
}
