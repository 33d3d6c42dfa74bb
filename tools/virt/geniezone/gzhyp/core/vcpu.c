// SPDX-License-Identifier: GPL-2.0
/* vCPUs: life and reset. */
#include "owner.h"
#include "pool.h"
#include "protect.h"
#include "string.h"
#include "vcpu.h"

u64 vcpu_mpidr(const struct vcpu *vcpu)
{
	return BIT(31) | vcpu->id;
}

/**
 * vcpu_reset() - registers as after PSCI CPU_ON
 * @vcpu: not loaded
 * @pc: where it starts
 * @x0: with what
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
	vcpu->cntv_ctl = 0;
	vcpu->cntv_cval = 0;
	vcpu->cntp_ctl = 0;
	vcpu->cntp_cval = 0;
	vcpu->wait = WAIT_NOTHING;
}

static int create_locked(struct vm *vm, struct vcpu *vcpu, u32 id, pa_t shared)
{
	int err;

	/* A new vCPU 0 would start where the host likes, in a sealed guest. */
	if (vm->vcpu[id] || protect_is_sealed(vm))
		return GZ_INVALID_ARGS;
	err = owner_lend(shared, SHARED_SIZE);
	if (err)
		return err;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->run = pa_to_va(shared);
	vcpu->hwstate = pa_to_va(PA(shared.v + PAGE_SIZE));
	vcpu->lrs_told = true;
	vcpu->told = ARRAY_SIZE(vcpu->exit.raw);
	vcpu->power = id ? POWER_OFF : POWER_ON;
	vcpu_reset(vcpu, 0, 0);
	vgic_cpu_init(&vm->vgic, &vcpu->vgic, id, id);
	/* RUN looks without the lock. */
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

	if (id >= MAX_VCPUS)
		return GZ_INVALID_ARGS;
	vcpu = pool_alloc(VCPU_ORDER);
	if (!vcpu)
		return GZ_NO_MEMORY;
	spin_lock(&vm->lock);
	err = create_locked(vm, vcpu, id, shared);
	spin_unlock(&vm->lock);
	if (err)
		pool_free(vcpu, VCPU_ORDER);
	return err;
}

/**
 * vcpu_free() - take a vCPU out of its VM
 * @vm: the VM, locked and its interrupt controller without the vCPU; or dying and
 *      without users, when nobody asks the controller for anything any more
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
 * Return: 0, GZ_INVALID_ARGS, or GZ_BUSY while it runs: it is brought out.
 */
int vcpu_destroy(struct vm *vm, u32 id)
{
	int err = 0;

	if (id >= MAX_VCPUS)
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	if (!vm->vcpu[id])
		err = GZ_INVALID_ARGS;
	else if (!vcpu_take(vm, id))
		err = GZ_BUSY;
	if (!err) {
		vgic_cpu_exit(&vm->vgic, id);
		vcpu_free(vm, id);
		vcpu_give_back(vm, id);
	}
	spin_unlock(&vm->lock);
	if (err == GZ_BUSY)
		vm_kick(vm, 1U << id);
	return err;
}
