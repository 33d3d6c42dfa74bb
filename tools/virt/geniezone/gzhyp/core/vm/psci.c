// SPDX-License-Identifier: GPL-2.0
/* PSCI 1.1 for guests: handlers of core/vm/guest-call.c. */
#include "arch/switch.h"
#include "core/psci.h"
#include "core/vm/guest-call.h"

static bool is_mpidr_of(u64 mpidr, u64 *id)
{
	*id = mpidr;
	return mpidr < MAX_VCPUS;
}

u32 guest_psci_version(struct vcpu *vcpu, u64 *x)
{
	x[0] = 0x10001;
	return 0;
}

/* Any suspend is a WFI: no state is lost, and x0 is PSCI_SUCCESS afterwards. */
u32 guest_psci_suspend(struct vcpu *vcpu, u64 *x)
{
	x[0] = PSCI_SUCCESS;
	return guest_wfx_wait(vcpu);
}

u32 guest_psci_cpu_off(struct vcpu *vcpu, u64 *x)
{
	u32 kick = 0;

	spin_lock(&vcpu->vm->lock);
	vcpu->power = POWER_OFF;
	vgic_cpu_power(&vcpu->vm->vgic, vcpu->id, false, &kick);
	spin_unlock(&vcpu->vm->lock);
	guest_kick(vcpu, kick);
	/* The loop of RUN sees it and does not enter the guest. */
	return 0;
}

static u64 power_on_locked(struct vm *vm, u64 id, u64 entry, u64 context, u32 *kick)
{
	struct vcpu *target = vm->vcpu[id];

	if (!target)
		return PSCI_INVALID_PARAMETERS;
	if (target->power >= POWER_ON)
		return PSCI_ALREADY_ON;
	if (target->power == POWER_ON_PENDING)
		return PSCI_ON_PENDING;
	target->on_entry = entry;
	target->on_context = context;
	target->power = POWER_ON_PENDING;
	vgic_cpu_power(&vm->vgic, id, true, kick);
	*kick |= 1U << id;
	return PSCI_SUCCESS;
}

u32 guest_psci_cpu_on(struct vcpu *vcpu, u64 *x)
{
	struct vm *vm = vcpu->vm;
	u32 kick = 0;
	u64 id;

	if (!is_mpidr_of(hvc_arg(x, 1), &id)) {
		x[0] = PSCI_INVALID_PARAMETERS;
		return 0;
	}
	spin_lock(&vm->lock);
	x[0] = power_on_locked(vm, id, hvc_arg(x, 2), hvc_arg(x, 3), &kick);
	spin_unlock(&vm->lock);
	guest_kick(vcpu, kick);
	return 0;
}

u32 guest_psci_affinity_info(struct vcpu *vcpu, u64 *x)
{
	static const u8 affinity[] = {
		[POWER_OFF] = PSCI_AFFINITY_OFF,
		[POWER_ON_PENDING] = PSCI_AFFINITY_ON_PENDING,
		[POWER_ON] = PSCI_AFFINITY_ON,
		[POWER_SUSPENDED] = PSCI_AFFINITY_ON,
	};
	struct vm *vm = vcpu->vm;
	u64 id;

	if (!is_mpidr_of(hvc_arg(x, 1), &id) || hvc_arg(x, 2)) {
		x[0] = PSCI_INVALID_PARAMETERS;
		return 0;
	}
	spin_lock(&vm->lock);
	x[0] = vm->vcpu[id] ? affinity[vm->vcpu[id]->power] :
	       (u64)PSCI_INVALID_PARAMETERS;
	spin_unlock(&vm->lock);
	return 0;
}

u32 guest_psci_migrate_info(struct vcpu *vcpu, u64 *x)
{
	x[0] = PSCI_TOS_NOT_PRESENT;
	return 0;
}

static u32 system_event(struct vcpu *vcpu, u32 type)
{
	/* The call does not return. If the VMM runs the guest again, it has failed. */
	vcpu->regs.x[0] = PSCI_INTERNAL_FAILURE;
	vcpu->exit.system_event.type = type;
	return GZ_EXIT_SYSTEM_EVENT;
}

u32 guest_psci_system_off(struct vcpu *vcpu, u64 *x)
{
	return system_event(vcpu, GZ_EVENT_SHUTDOWN);
}

u32 guest_psci_system_reset(struct vcpu *vcpu, u64 *x)
{
	WRITE_ONCE(vcpu->vm->reset_by, vcpu->id + 1);
	return system_event(vcpu, GZ_EVENT_RESET);
}

/* The VMM does not learn the type: it can only reset everything. */
u32 guest_psci_system_reset2(struct vcpu *vcpu, u64 *x)
{
	u32 type = x[1];

	if (type != PSCI_WARM_RESET && type < PSCI_VENDOR_RESET) {
		x[0] = PSCI_INVALID_PARAMETERS;
		return 0;
	}
	return guest_psci_system_reset(vcpu, x);
}

static bool is_alone_locked(const struct vcpu *vcpu)
{
	unsigned int id;

	for (id = 0; id < MAX_VCPUS; id++)
		if (id != vcpu->id && vcpu->vm->vcpu[id] &&
		    vcpu->vm->vcpu[id]->power != POWER_OFF)
			return false;
	return true;
}

/*
 * The VMM learns of it. RUN lets the host sleep then, until an interrupt is pending,
 * from a device or because the VMM injects one. The guest goes on at its entry point,
 * with its registers as after CPU_ON. Its timers do not wake it.
 */
u32 guest_psci_system_suspend(struct vcpu *vcpu, u64 *x)
{
	struct vm *vm = vcpu->vm;
	u32 kick = 0;
	bool alone;

	spin_lock(&vm->lock);
	alone = is_alone_locked(vcpu);
	if (alone) {
		vcpu->on_entry = hvc_arg(x, 1);
		vcpu->on_context = hvc_arg(x, 2);
		vcpu->power = POWER_SUSPENDED;
	}
	spin_unlock(&vm->lock);
	if (!alone) {
		x[0] = PSCI_DENIED;
		return 0;
	}
	/* Nobody looks at the timers until the guest wakes, which resets them. */
	vcpu->cntv_ctl = 0;
	vcpu->cntp_ctl = 0;
	timer_update_lines(vcpu, &kick);
	guest_kick(vcpu, kick);
	return system_event(vcpu, GZ_EVENT_SUSPEND);
}
