// SPDX-License-Identifier: GPL-2.0
/* A guest's hypercalls: PSCI, SMCCC, TRNG; the rest is the host's. */
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/psci.h"
#include "core/vm/guest-call.h"

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

/* The identity that upstream guests look for */
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

static u32 hvc_psci_features(struct vcpu *vcpu, u64 *x);
static u32 hvc_trng_features(struct vcpu *vcpu, u64 *x);

/* Calls that change only the caller's x0 to x3 */
static hvc_handler *find_quick(u32 fn)
{
	switch (fn) {
	case SMCCC_VERSION:		return hvc_smccc_version;
	case SMCCC_ARCH_FEATURES:	return hvc_arch_features;
	case PSCI_VERSION:		return guest_psci_version;
	case PSCI_MIGRATE_INFO_TYPE:	return guest_psci_migrate_info;
	case PSCI_FEATURES:		return hvc_psci_features;
	case VENDOR_HYP_UID:		return hvc_vendor_uid;
	case VENDOR_HYP_FEATURES:	return hvc_vendor_features;
	case TRNG_VERSION:		return guest_trng_version;
	case TRNG_FEATURES:		return hvc_trng_features;
	case TRNG_GET_UUID:		return guest_trng_uuid;
	case TRNG_RND:			return guest_trng_rnd;
	case TRNG_RND | SMC64:		return guest_trng_rnd;
	default:			return NULL;
	}
}

static u32 deny(struct vcpu *vcpu, u64 *x)
{
	x[0] = SMCCC_NOT_SUPPORTED;
	return 0;
}

/* Calls that change more. guest_hvc_quick() has looked for the others. */
static hvc_handler *find_slow(u32 fn)
{
	switch (fn) {
	case PSCI_CPU_SUSPEND:			return guest_psci_suspend;
	case PSCI_CPU_SUSPEND | SMC64:		return guest_psci_suspend;
	case PSCI_CPU_OFF:			return guest_psci_cpu_off;
	case PSCI_CPU_ON:			return guest_psci_cpu_on;
	case PSCI_CPU_ON | SMC64:		return guest_psci_cpu_on;
	case PSCI_AFFINITY_INFO:		return guest_psci_affinity_info;
	case PSCI_AFFINITY_INFO | SMC64:	return guest_psci_affinity_info;
	case PSCI_SYSTEM_OFF:			return guest_psci_system_off;
	case PSCI_SYSTEM_RESET:			return guest_psci_system_reset;
	case PSCI_SYSTEM_RESET2:		return guest_psci_system_reset2;
	case PSCI_SYSTEM_RESET2 | SMC64:	return guest_psci_system_reset2;
	case PSCI_SYSTEM_SUSPEND:		return guest_psci_system_suspend;
	case PSCI_SYSTEM_SUSPEND | SMC64:	return guest_psci_system_suspend;
	default:				return NULL;
	}
}

static bool is_served(u32 fn)
{
	return find_quick(fn) || find_slow(fn);
}

static u32 hvc_psci_features(struct vcpu *vcpu, u64 *x)
{
	u32 fn = x[1];
	bool is_psci = (fn & ~SMC64) - PSCI_VERSION <= PSCI_LAST - PSCI_VERSION;

	x[0] = is_served(fn) && (is_psci || fn == SMCCC_VERSION) ? PSCI_SUCCESS :
	       PSCI_NOT_SUPPORTED;
	return 0;
}

static u32 hvc_trng_features(struct vcpu *vcpu, u64 *x)
{
	u32 fn = x[1];

	x[0] = cpu_features.rndr && (fn & 0xfc) == 0x50 && is_served(fn) ?
	       0 : SMCCC_NOT_SUPPORTED;
	return 0;
}

/* The host gets only those registers of a protected guest that the call uses. */
static unsigned int nr_args(struct vcpu *vcpu)
{
	u32 fn = vcpu->regs.x[0];

	if (!protect_is_sealed(vcpu->vm))
		return 8;
	return fn == VENDOR_HYP_PTP || fn == VENDOR_HYP_RELINQUISH ? 2 : 8;
}

/* The host gets to know of a relinquished page, but EL2 answers the guest. */
static bool is_answered(u32 fn)
{
	return fn == VENDOR_HYP_RELINQUISH && !option(OPT_HOST_RELINQUISH);
}

/**
 * guest_hvc_quick() - serve a guest's hypercall if that needs only its registers
 * @vcpu: in this CPU, with its interrupts and timers
 *
 * Return: whether it was served. If not, nothing has changed.
 */
bool guest_hvc_quick(struct vcpu *vcpu)
{
	hvc_handler *handler = find_quick(vcpu->regs.x[0]);

	if (handler)
		handler(vcpu, vcpu->regs.x);
	return handler;
}

/**
 * guest_hvc() - serve a guest's hypercall or pass it to the host
 * @vcpu: loaded in this CPU, guest_hvc_quick() has not served the call
 *
 * Return: 0 to go on in the guest, else an exit reason.
 */
u32 guest_hvc(struct vcpu *vcpu)
{
	u32 reason, fn = vcpu->regs.x[0];
	unsigned int i, nr;

	/* EL2 itself denies unknown PSCI and SMCCC functions. */
	if (SMCCC_OWNER(fn) == SMCCC_OWNER_ARCH ||
	    SMCCC_OWNER(fn) == SMCCC_OWNER_STANDARD)
		return (find_slow(fn) ?: deny)(vcpu, vcpu->regs.x);
	if (guest_memory_call(vcpu, &reason))
		return reason;
	nr = nr_args(vcpu);
	for (i = 0; i < nr; i++)
		vcpu->exit.hypercall.args[i] = vcpu->regs.x[i];
	if (is_answered(fn))
		vcpu->regs.x[0] = 0;
	else
		vcpu->wait = WAIT_HYPERCALL;
	return GZ_EXIT_HYPERCALL;
}
