/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handlers of guests' hypercalls. They get the vCPU, loaded in this CPU, and its
 * registers, and return 0 to go on in the guest or an exit reason.
 */
#ifndef GZHYP_GUEST_CALL_H
#define GZHYP_GUEST_CALL_H

#include "core/psci.h"
#include "core/vm/vcpu.h"

typedef u32 hvc_handler(struct vcpu *vcpu, u64 *x);

/* An argument; the upper half of an SMC32 call's is ignored (DEN0028, 3.1). */
static inline u64 hvc_arg(const u64 *x, unsigned int n)
{
	return x[0] & SMC64 ? x[n] : (u32)x[n];
}

/* core/vm/psci.c */
hvc_handler guest_psci_version;
hvc_handler guest_psci_migrate_info;
hvc_handler guest_psci_suspend;
hvc_handler guest_psci_cpu_off;
hvc_handler guest_psci_cpu_on;
hvc_handler guest_psci_affinity_info;
hvc_handler guest_psci_system_off;
hvc_handler guest_psci_system_reset;
hvc_handler guest_psci_system_reset2;
hvc_handler guest_psci_system_suspend;

/* core/vm/trng.c */
hvc_handler guest_trng_version;
hvc_handler guest_trng_uuid;
hvc_handler guest_trng_rnd;

#endif /* GZHYP_GUEST_CALL_H */
