// SPDX-License-Identifier: GPL-2.0
/* A guest's hypercalls: PSCI 1.1, SMCCC, TRNG; the rest is the host's. */
#include "protect.h"
#include "psci.h"
#include "vcpu.h"

typedef u32 hvc_handler(struct vcpu *vcpu, u64 *x);

static bool is_mpidr_of(u64 mpidr, u64 *id)
{
	*id = mpidr;
	return mpidr < MAX_VCPUS;
}

static u32 hvc_version(struct vcpu *vcpu, u64 *x)
{
	x[0] = 0x10001;
	return 0;
}

/* Any suspend is a WFI: no state is lost, x0 of the resumed is success. */
static u32 hvc_suspend(struct vcpu *vcpu, u64 *x)
{
	x[0] = PSCI_SUCCESS;
	return guest_wfx_wait(vcpu);
}

static u32 hvc_cpu_off(struct vcpu *vcpu, u64 *x)
{
	spin_lock(&vcpu->vm->lock);
	vcpu->power = POWER_OFF;
	spin_unlock(&vcpu->vm->lock);
	/* The run loop sees it and stays out of the guest. */
	return 0;
}

static u64 power_on_locked(struct vm *vm, u64 id, u64 entry, u64 context)
{
	struct vcpu *target = vm->vcpu[id];

	if (!target)
		return PSCI_INVALID_PARAMETERS;
	if (target->power == POWER_ON)
		return PSCI_ALREADY_ON;
	if (target->power == POWER_ON_PENDING)
		return PSCI_ON_PENDING;
	target->on_entry = entry;
	target->on_context = context;
	target->power = POWER_ON_PENDING;
	return PSCI_SUCCESS;
}

static u32 hvc_cpu_on(struct vcpu *vcpu, u64 *x)
{
	struct vm *vm = vcpu->vm;
	u64 id;

	if (!is_mpidr_of(x[1], &id)) {
		x[0] = PSCI_INVALID_PARAMETERS;
		return 0;
	}
	spin_lock(&vm->lock);
	x[0] = power_on_locked(vm, id, x[2], x[3]);
	spin_unlock(&vm->lock);
	if (x[0] == PSCI_SUCCESS && vm_kick(vm, 1U << id))
		vcpu->ipi_owed = true;
	return 0;
}

static u32 hvc_affinity_info(struct vcpu *vcpu, u64 *x)
{
	static const u8 affinity[] = {
		[POWER_OFF] = PSCI_AFFINITY_OFF,
		[POWER_ON_PENDING] = PSCI_AFFINITY_ON_PENDING,
		[POWER_ON] = PSCI_AFFINITY_ON,
	};
	struct vm *vm = vcpu->vm;
	u64 id;

	if (!is_mpidr_of(x[1], &id) || x[2]) {
		x[0] = PSCI_INVALID_PARAMETERS;
		return 0;
	}
	spin_lock(&vm->lock);
	x[0] = vm->vcpu[id] ? affinity[vm->vcpu[id]->power] :
	       (u64)PSCI_INVALID_PARAMETERS;
	spin_unlock(&vm->lock);
	return 0;
}

static u32 hvc_migrate_info(struct vcpu *vcpu, u64 *x)
{
	x[0] = PSCI_TOS_NOT_PRESENT;
	return 0;
}

static u32 system_event(struct vcpu *vcpu, u32 type)
{
	/* Does not return to the guest; if the VMM insists, it is a failure. */
	vcpu->regs.x[0] = PSCI_INTERNAL_FAILURE;
	vcpu->exit.system_event.type = type;
	return GZ_EXIT_SYSTEM_EVENT;
}

static u32 hvc_system_off(struct vcpu *vcpu, u64 *x)
{
	return system_event(vcpu, GZ_EVENT_SHUTDOWN);
}

static u32 hvc_system_reset(struct vcpu *vcpu, u64 *x)
{
	return system_event(vcpu, GZ_EVENT_RESET);
}

static u32 hvc_smccc_version(struct vcpu *vcpu, u64 *x)
{
	x[0] = SMCCC_1_1;
	return 0;
}

static u32 hvc_arch_features(struct vcpu *vcpu, u64 *x)
{
	x[0] = (u32)x[1] == SMCCC_VERSION || (u32)x[1] == SMCCC_ARCH_FEATURES ?
	       0 : SMCCC_NOT_SUPPORTED;
	return 0;
}

/* The identity that upstream guests look for, and what there is behind it. */
static u32 hvc_vendor_uid(struct vcpu *vcpu, u64 *x)
{
	x[0] = 0xb66fb428;
	x[1] = 0xe911c52e;
	x[2] = 0x564bcaa9;
	x[3] = 0x743a004d;
	return 0;
}

static u32 hvc_vendor_features(struct vcpu *vcpu, u64 *x)
{
	x[0] = BIT(VENDOR_HYP_FEATURES & 0xffff) | BIT(VENDOR_HYP_PTP & 0xffff) |
	       guest_memory_features(vcpu);
	x[1] = 0;
	x[2] = 0;
	x[3] = 0;
	return 0;
}

static bool random_word(u64 *val)
{
	u64 ok;

	asm volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, ne"
		     : "=r" (*val), "=r" (ok) :: "cc");
	return ok;
}

static u32 hvc_trng_version(struct vcpu *vcpu, u64 *x)
{
	x[0] = cpu_features.rndr ? 0x10000 : SMCCC_NOT_SUPPORTED;
	return 0;
}

static u32 hvc_trng_uuid(struct vcpu *vcpu, u64 *x)
{
	if (!cpu_features.rndr) {
		x[0] = SMCCC_NOT_SUPPORTED;
		return 0;
	}
	x[0] = 0x5a9e1f0c;
	x[1] = 0x4c1b7d42;
	x[2] = 0x0e53a98b;
	x[3] = 0x6f24c7d1;
	return 0;
}

/* x1 = bits wanted; they come in x3, then x2, then x1. */
static u32 hvc_trng_rnd(struct vcpu *vcpu, u64 *x)
{
	unsigned int width = x[0] & SMC64 ? 64 : 32;
	u64 word[3] = { 0 }, bits = x[1];
	unsigned int i;

	x[0] = SMCCC_NOT_SUPPORTED;
	if (!cpu_features.rndr)
		return 0;
	x[0] = TRNG_INVALID_PARAMETER;
	if (!bits || bits > 3 * width)
		return 0;
	x[0] = TRNG_NO_ENTROPY;
	for (i = 0; i < 3 && bits > i * width; i++) {
		if (!random_word(&word[i]))
			return 0;
		if (bits - i * width < width)
			word[i] &= BIT(bits - i * width) - 1;
		if (width == 32)
			word[i] = (u32)word[i];
	}
	x[0] = 0;
	x[1] = word[2];
	x[2] = word[1];
	x[3] = word[0];
	return 0;
}

static u32 hvc_psci_features(struct vcpu *vcpu, u64 *x);
static u32 hvc_trng_features(struct vcpu *vcpu, u64 *x);

/* Calls that change nothing but the caller's x0 to x3 */
static hvc_handler *find_quick(u32 fn)
{
	switch (fn) {
	case SMCCC_VERSION:		return hvc_smccc_version;
	case SMCCC_ARCH_FEATURES:	return hvc_arch_features;
	case PSCI_VERSION:		return hvc_version;
	case PSCI_MIGRATE_INFO_TYPE:	return hvc_migrate_info;
	case PSCI_FEATURES:		return hvc_psci_features;
	case VENDOR_HYP_UID:		return hvc_vendor_uid;
	case VENDOR_HYP_FEATURES:	return hvc_vendor_features;
	case TRNG_VERSION:		return hvc_trng_version;
	case TRNG_FEATURES:		return hvc_trng_features;
	case TRNG_GET_UUID:		return hvc_trng_uuid;
	case TRNG_RND:			return hvc_trng_rnd;
	case TRNG_RND | SMC64:		return hvc_trng_rnd;
	default:			return NULL;
	}
}

static hvc_handler *find_call(u32 fn)
{
	switch (fn) {
	case PSCI_CPU_SUSPEND:			return hvc_suspend;
	case PSCI_CPU_SUSPEND | SMC64:		return hvc_suspend;
	case PSCI_CPU_OFF:			return hvc_cpu_off;
	case PSCI_CPU_ON:			return hvc_cpu_on;
	case PSCI_CPU_ON | SMC64:		return hvc_cpu_on;
	case PSCI_AFFINITY_INFO:		return hvc_affinity_info;
	case PSCI_AFFINITY_INFO | SMC64:	return hvc_affinity_info;
	case PSCI_SYSTEM_OFF:			return hvc_system_off;
	case PSCI_SYSTEM_RESET:			return hvc_system_reset;
	default:				return find_quick(fn);
	}
}

static u32 hvc_psci_features(struct vcpu *vcpu, u64 *x)
{
	u32 fn = x[1];

	x[0] = find_call(fn) && (fn == SMCCC_VERSION || (fn & 0x1f) == (fn & 0xff)) ?
	       PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
	return 0;
}

static u32 hvc_trng_features(struct vcpu *vcpu, u64 *x)
{
	u32 fn = x[1];

	x[0] = cpu_features.rndr && (fn & 0xfc) == 0x50 && find_call(fn) ?
	       0 : SMCCC_NOT_SUPPORTED;
	return 0;
}

/* Of a protected guest's registers, the host gets what the call is about. */
static unsigned int nr_args(struct vcpu *vcpu)
{
	u32 fn = vcpu->regs.x[0];

	if (!protect_is_sealed(vcpu->vm))
		return 8;
	return fn == VENDOR_HYP_PTP || fn == VENDOR_HYP_RELINQUISH ? 2 : 8;
}

/**
 * guest_hvc_quick() - serve a hypercall of a guest if that needs only its registers
 * @vcpu: in this CPU, its interrupts and timers, too
 *
 * Return: whether it was served. Nothing has changed if not.
 */
bool guest_hvc_quick(struct vcpu *vcpu)
{
	hvc_handler *handler = find_quick(vcpu->regs.x[0]);

	if (handler)
		handler(vcpu, vcpu->regs.x);
	return handler;
}

/**
 * guest_hvc() - serve a hypercall of a guest, or pass it to the host
 * @vcpu: loaded in this CPU
 *
 * Return: 0 to go on in the guest, else an exit reason.
 */
u32 guest_hvc(struct vcpu *vcpu)
{
	hvc_handler *handler = find_call(vcpu->regs.x[0]);
	unsigned int i;
	u32 reason;

	if (handler)
		return handler(vcpu, vcpu->regs.x);
	if (guest_memory_call(vcpu, &reason))
		return reason;
	/* PSCI and SMCCC functions that are not there are EL2's to deny. */
	if (SMCCC_OWNER(vcpu->regs.x[0]) == SMCCC_OWNER_ARCH ||
	    SMCCC_OWNER(vcpu->regs.x[0]) == SMCCC_OWNER_STANDARD) {
		vcpu->regs.x[0] = SMCCC_NOT_SUPPORTED;
		return 0;
	}
	for (i = 0; i < nr_args(vcpu); i++)
		vcpu->exit.hypercall.args[i] = vcpu->regs.x[i];
	vcpu->wait = WAIT_HYPERCALL;
	return GZ_EXIT_HYPERCALL;
}
