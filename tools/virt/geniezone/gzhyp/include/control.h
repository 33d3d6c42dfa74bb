/* SPDX-License-Identifier: GPL-2.0 */
/* Test controls: what the rest of gzhyp asks of them. */
#ifndef GZHYP_CONTROL_H
#define GZHYP_CONTROL_H

#include "gzhyp_control.h"
#include "vcpu.h"

/**
 * struct check - what a look at all invariants has found
 * @bad: violations
 * @vm: VM of the first one, 0 if it is of none
 * @addr: address or number that the first one is about
 * @lent: references to lent pages that were seen
 * @owned: references to guests' own pages that were seen
 */
struct check {
	u64 bad;
	u64 vm;
	u64 addr;
	u64 lent;
	u64 owned;
};

/* core/control.c */
bool control_enter(u32 n, u64 *status);
void control_leave(u32 n, const u64 *arg, const u64 *result);
bool control_forge(struct vcpu *vcpu, u64 *reason);
void control_hypercall(struct cpu_regs *regs);

/* core/control-state.c, with no GenieZone call in progress */
void control_totals(u64 *result);
int control_vm(u64 id, u64 *result);

/* core/control-check.c, likewise */
void control_check(struct check *check);

#endif /* GZHYP_CONTROL_H */
