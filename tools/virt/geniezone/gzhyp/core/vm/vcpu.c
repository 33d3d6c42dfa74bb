// SPDX-License-Identifier: GPL-2.0
/* vCPUs: creation, destruction, reset. */
#include "core/mem/owner.h"
#include "core/mem/pool.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vcpu.h"
#include "lib/string.h"

/* With the option "vcpuerror": creation of this vCPU and higher ones fails late. */
#define ERROR_VCPU	4

u64 vcpu_mpidr(const struct vcpu *vcpu)
{
	return BIT(31) | vcpu->id;
}

/**
 * vcpu_reset() - set the registers as after PSCI CPU_ON
 * @vcpu: not loaded
 * @pc: entry point
 * @x0: argument
 */
void vcpu_reset(struct vcpu *vcpu, u64 pc, u64 x0)
{
	memset(&vcpu->regs, 0, sizeof(vcpu->regs));
	memset(&vcpu->sys, 0, sizeof(vcpu->sys));
	memset(&vcpu->fp, 0, sizeof(vcpu->fp));
	memset(vcpu->ap0r, 0, sizeof(vcpu->ap0r));
	memset(vcpu->ap1r, 0, sizeof(vcpu->ap1r));
	vcpu->regs.pc = pc;
	vcpu->regs.x[0] = x0;
	vcpu->regs.pstate = PSR_EL1H | PSR_DAIF;
	vcpu->sys.sctlr = SCTLR_EL1_RESET;
	vcpu->vmcr = 0;
	vcpu->mdscr = 0;
	vcpu->os_lock = false;
	vcpu->debug_on = false;
	memset(&vcpu->debug, 0, sizeof(vcpu->debug));
	vcpu->cntv_ctl = 0;
	vcpu->cntv_cval = 0;
	vcpu->cntp_ctl = 0;
	vcpu->cntp_cval = 0;
	vcpu->vtimer_left = false;
	vcpu->wait = WAIT_NOTHING;
}

/*
 * vCPU 0 is on, the others wait for CPU_ON. Other vCPUs may run: they are kicked if they
 * get interrupts by this, or are in @kick.
 */
static void set_first_power(struct vcpu *vcpu, u32 kick)
{
	vcpu->power = vcpu->id ? POWER_OFF : POWER_ON;
	vgic_cpu_power(&vcpu->vm->vgic, vcpu->id, !vcpu->id, &kick);
	guest_kick(vcpu, kick);
}

/**
 * vcpu_reset_in_place() - reset a vCPU if the host has reset the guest
 * @vcpu: claimed by this CPU; called with vm->lock held
 *
 * After a guest's SYSTEM_RESET a host sets PSTATE, PC and x0 and calls RUN. All
 * other registers, and the vCPUs that it does not touch, must be as out of reset.
 */
void vcpu_reset_in_place(struct vcpu *vcpu)
{
	if (vcpu->resets == vcpu->vm->resets)
		return;
	vcpu->resets = vcpu->vm->resets;
	vcpu_reset(vcpu, 0, 0);
	set_first_power(vcpu, 0);
}

static int create_locked(struct vm *vm, struct vcpu *vcpu, u32 id, pa_t shared)
{
	u32 kick = 0;
	int err;

	/* In a sealed guest a new vCPU 0 would start wherever the host likes. */
	if (vm->vcpu[id] || protect_is_sealed(vm))
		return GZ_INVALID_ARGS;
	err = owner_lend(shared, SHARED_SIZE);
	if (err)
		return err;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->run = pa_to_va(shared);
	vcpu->hwstate = pa_to_va(PA(shared.v + PAGE_SIZE));
	vcpu->lrs_shown = true;
	vcpu->shown = ARRAY_SIZE(vcpu->exit.raw);
	vcpu->resets = vm->resets;
	vcpu_reset(vcpu, 0, 0);
	vgic_cpu_init(&vm->vgic, &vcpu->vgic, id, id, &kick);
	set_first_power(vcpu, kick);
	/* RUN reads it without the lock. */
	__atomic_store_n(&vm->vcpu[id], vcpu, __ATOMIC_RELEASE);
	return 0;
}

/**
 * vcpu_create() - add a vCPU to a VM
 * @vm: the VM
 * @id: its number
 * @shared: two pages of the host's
 *
 * vCPU 0 is on, the others wait for CPU_ON.
 *
 * Return: 0, GZ_INVALID_ARGS or GZ_NO_MEMORY.
 */
int vcpu_create(struct vm *vm, u32 id, pa_t shared)
{
	struct vcpu *vcpu;
	int err;

	if (id >= (option(OPT_FEW) ? FEW_VCPUS : MAX_VCPUS))
		return GZ_INVALID_ARGS;
	vcpu = pool_alloc(VCPU_ORDER);
	if (!vcpu)
		return GZ_NO_MEMORY;
	spin_lock(&vm->lock);
	err = create_locked(vm, vcpu, id, shared);
	spin_unlock(&vm->lock);
	if (err)
		pool_free(vcpu, VCPU_ORDER);
	/* The vCPU stays, and its shared pages stay lent until DESTROY_VM. */
	if (!err && option(OPT_CREATE_VCPU_ERROR) && id >= ERROR_VCPU)
		return GZ_FAULT;
	return err;
}

/**
 * vcpu_free() - take a vCPU out of its VM
 * @vm: the VM, locked, with the vCPU removed from its interrupt controller; or
 *      dying and without users, when the controller is not used any more
 * @id: the vCPU's number
 */
void vcpu_free(struct vm *vm, u32 id)
{
	struct vcpu *vcpu = vm->vcpu[id];

	vm->vcpu[id] = NULL;
	__atomic_and_fetch(&vm->sleeping, ~(1U << id), __ATOMIC_SEQ_CST);
	owner_unlend(va_to_pa(vcpu->run), SHARED_SIZE);
	memset(vcpu, 0, sizeof(*vcpu));
	pool_free(vcpu, VCPU_ORDER);
}

/**
 * vcpu_destroy() - DESTROY_VCPU
 * @vm: the VM
 * @id: the vCPU's number
 *
 * SPIs that it held go to other vCPUs, which are kicked. One of them that sleeps takes
 * them at its next RUN: no answer of DESTROY_VCPU makes the host wake it.
 *
 * Return: 0, GZ_INVALID_ARGS, or GZ_BUSY while it runs; it is kicked then.
 */
int vcpu_destroy(struct vm *vm, u32 id)
{
	u32 kick = 0;
	int err = 0;

	if (id >= MAX_VCPUS)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	if (!vm->vcpu[id])
		err = GZ_INVALID_ARGS;
	else if (!vcpu_take(vm, id))
		err = GZ_BUSY;
	if (!err) {
		vgic_cpu_exit(&vm->vgic, id, &kick);
		vcpu_free(vm, id);
		vcpu_give_back(vm, id);
	}
	spin_unlock(&vm->lock);
	vm_kick(vm, err == GZ_BUSY ? 1U << id : kick);
	return err;
}

/**
 * vcpu_timer_expired() - the host says that an idle vCPU's virtual timer has expired
 * @vm: the VM
 * @id: the vCPU's number
 *
 * The next entry raises the timer's line.
 *
 * Return: 0 or GZ_INVALID_ARGS.
 */
int vcpu_timer_expired(struct vm *vm, u32 id)
{
	struct vcpu *vcpu;

	if (id >= MAX_VCPUS)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	vcpu = vm->vcpu[id];
	if (vcpu)
		WRITE_ONCE(vcpu->vtimer_left, false);
	spin_unlock(&vm->lock);
	vm_kick(vm, 1U << id);
	return vcpu ? 0 : GZ_INVALID_ARGS;
}
