/* SPDX-License-Identifier: GPL-2.0 */
/* Test controls: their hooks in the rest of gzhyp, which are empty without them. */
#ifndef GZHYP_CONTROL_H
#define GZHYP_CONTROL_H

#include "control/gzhyp_control.h"
#include "core/vm/vcpu.h"

/**
 * struct check - result of a check of all invariants
 * @bad: number of violations
 * @vm: VM of the first one, 0 for none
 * @addr: address or number of the first one
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

/* control/control.c */
#ifdef GZHYP_CONTROL
bool control_enter(u32 n, const u64 *arg, u64 *status);
void control_leave(u32 n, const u64 *arg, const u64 *result);
void control_repeat(const u64 *arg);
bool control_forge(struct vcpu *vcpu, u64 *reason);
bool control_hypercall(struct cpu_regs *regs);
void control_met_hole(u64 ipa);
#else
static inline bool control_enter(u32 n, const u64 *arg, u64 *status)
{
	return true;
}

static inline void control_leave(u32 n, const u64 *arg, const u64 *result)
{
}

static inline void control_repeat(const u64 *arg)
{
}

static inline bool control_forge(struct vcpu *vcpu, u64 *reason)
{
	return false;
}

static inline bool control_hypercall(struct cpu_regs *regs)
{
	return false;
}

static inline void control_met_hole(u64 ipa)
{
}
#endif

/* control/state.c, with no GenieZone call in progress */
void control_totals(u64 *result);
int control_vm(u64 id, u64 *result);

/* control/split.c */
u64 control_split(u64 va);
bool control_move(u64 from, u64 to);
u64 control_walk(u64 table);

/* control/check.c, with no GenieZone call in progress */
void control_check(struct check *check);

#endif /* GZHYP_CONTROL_H */
