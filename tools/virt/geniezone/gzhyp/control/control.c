// SPDX-License-Identifier: GPL-2.0
/*
 * Test controls: rules that make the host's calls fail or wait, records and
 * counters of them, forged exits. control/gzhyp_control.h has the calls. They do
 * nothing unless the host was booted with gzhyp.controls.
 */
#include "arch/barrier.h"
#include "control/control.h"
#include "core/mem/owner.h"
#include "core/options.h"
#include "lib/string.h"

#define NR_FORGED	16
#define MAX_SPLITS	16

struct rule {
	u64 pass;
	u64 times;
	u64 status;
	u64 ticks;
};

struct kind {
	u64 calls;
	u64 errors;
	u64 met;
	struct rule rule;
};

struct record {
	u64 kind_cpu;
	u64 arg[7];
	u64 status;
	u64 result;
};

struct forged {
	bool used;
	u16 vm;
	u32 vcpu;
	u64 reason;
	bool has_hw;
	u8 run[GZC_RUN_SIZE];
	u8 hw[GZC_HW_SIZE];
};

/*
 * @in_flight and @resting are a gate: a call increments the count before it reads
 * @resting, and a look at EL2 at rest sets @resting before it reads the count.
 * Everything else is protected by @lock, inside of which only owner.lock is taken.
 */
static struct {
	u32 in_flight;
	u32 resting;
	struct spinlock lock;
	struct kind kind[GZC_KINDS];
	struct record record[GZC_RECORDS];
	u64 next_record;
	struct forged forged[NR_FORGED];
} control;

struct control_layout {
	LAYOUT(kinds, GZ_NR_CALLS, GZC_KINDS);
	LAYOUT(run, sizeof(struct gz_run), GZC_RUN_SIZE);
	LAYOUT(hw, sizeof(struct gz_hwstate), GZC_HW_SIZE);
};

static void gate_enter(void)
{
	for (;;) {
		__atomic_add_fetch(&control.in_flight, 1, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&control.resting, __ATOMIC_SEQ_CST))
			return;
		__atomic_sub_fetch(&control.in_flight, 1, __ATOMIC_SEQ_CST);
		/* For as long as one look at EL2's state takes */
		while (READ_ONCE(control.resting))
			;
	}
}

static void gate_leave(void)
{
	__atomic_sub_fetch(&control.in_flight, 1, __ATOMIC_SEQ_CST);
}

static void rest_end(void)
{
	__atomic_store_n(&control.resting, 0, __ATOMIC_SEQ_CST);
}

static int rest_begin(void)
{
	if (__atomic_exchange_n(&control.resting, 1, __ATOMIC_SEQ_CST))
		return GZ_BUSY;
	if (!__atomic_load_n(&control.in_flight, __ATOMIC_SEQ_CST))
		return 0;
	rest_end();
	return GZ_BUSY;
}

static struct rule meet_locked(struct kind *kind)
{
	static const struct rule none;
	struct rule *rule = &kind->rule;

	kind->calls++;
	if (!rule->times)
		return none;
	if (rule->pass) {
		rule->pass--;
		return none;
	}
	rule->times--;
	kind->met++;
	return *rule;
}

static void spin_for(u64 ticks)
{
	u64 start = read_sysreg(cntpct_el0);

	while (read_sysreg(cntpct_el0) - start < ticks)
		isb();
}

/* The call that each CPU will make again; it was counted when it was made first. */
static struct repeat {
	bool expected;
	u64 arg[6];
} repeats[MAX_CPUS];

static bool is_repeat(const u64 *arg)
{
	struct repeat *r = &repeats[this_cpu()->index];

	if (!r->expected || memcmp(r->arg, arg, sizeof(r->arg)))
		return false;
	r->expected = false;
	return true;
}

/**
 * control_enter() - a GenieZone call begins
 * @n: its kind
 * @arg: its arguments
 * @status: gets the status to return instead of serving the call
 *
 * Return: whether the call is to be served.
 */
bool control_enter(u32 n, const u64 *arg, u64 *status)
{
	struct rule rule;

	if (!option(OPT_CONTROLS))
		return true;
	gate_enter();
	if (is_repeat(arg))
		return true;
	spin_lock(&control.lock);
	rule = meet_locked(&control.kind[n]);
	spin_unlock(&control.lock);
	if (rule.ticks)
		spin_for(rule.ticks);
	*status = rule.status;
	return !rule.status;
}

/**
 * control_leave() - a GenieZone call ends
 * @n: its kind
 * @arg: its arguments, from 1
 * @result: its results, from 0
 */
void control_leave(u32 n, const u64 *arg, const u64 *result)
{
	struct record *record;

	if (!option(OPT_CONTROLS))
		return;
	spin_lock(&control.lock);
	record = &control.record[control.next_record++ % GZC_RECORDS];
	record->kind_cpu = n | (u64)this_cpu()->index << 32;
	memcpy(record->arg, arg + 1, sizeof(record->arg));
	record->status = result[0];
	record->result = result[1];
	if (result[0])
		control.kind[n].errors++;
	spin_unlock(&control.lock);
	gate_leave();
}

/**
 * control_repeat() - a GenieZone call leaves EL2 in the middle and will be made again
 * @arg: its arguments
 */
void control_repeat(const u64 *arg)
{
	struct repeat *r = &repeats[this_cpu()->index];

	if (!option(OPT_CONTROLS))
		return;
	memcpy(r->arg, arg, sizeof(r->arg));
	r->expected = true;
	gate_leave();
}

static struct forged *find_forged(u16 vm, u32 vcpu)
{
	unsigned int i;

	for (i = 0; i < NR_FORGED; i++)
		if (control.forged[i].used && control.forged[i].vm == vm &&
		    control.forged[i].vcpu == vcpu)
			return &control.forged[i];
	return NULL;
}

/**
 * control_forge() - show the host a forged exit, if a test has set one
 * @vcpu: claimed, not loaded; the host's answer to the last exit has been read
 * @reason: gets the exit reason
 *
 * Return: true if there was one. The guest must not be entered then.
 */
bool control_forge(struct vcpu *vcpu, u64 *reason)
{
	struct forged *forged;

	if (!option(OPT_CONTROLS))
		return false;
	spin_lock(&control.lock);
	forged = find_forged(vcpu->vm->id, vcpu->id);
	if (forged) {
		*reason = forged->reason;
		memcpy(vcpu->run, forged->run, sizeof(forged->run));
		if (forged->has_hw)
			memcpy(vcpu->hwstate, forged->hw, sizeof(forged->hw));
		forged->used = false;
	}
	spin_unlock(&control.lock);
	return forged;
}

static int call_features(const u64 *arg, u64 *result)
{
	result[1] = GZC_VERSION;
	result[2] = GZC_KINDS;
	result[3] = GZC_RECORDS;
	result[4] = read_sysreg(cntfrq_el0);
	return 0;
}

static int call_reset(const u64 *arg, u64 *result)
{
	spin_lock(&control.lock);
	memset(control.kind, 0, sizeof(control.kind));
	memset(control.record, 0, sizeof(control.record));
	memset(control.forged, 0, sizeof(control.forged));
	control.next_record = 0;
	spin_unlock(&control.lock);
	return 0;
}

static int call_counters(const u64 *arg, u64 *result)
{
	if (arg[1] >= GZC_KINDS)
		return GZ_INVALID_ARGS;
	spin_lock(&control.lock);
	result[1] = control.kind[arg[1]].calls;
	result[2] = control.kind[arg[1]].errors;
	result[3] = control.kind[arg[1]].met;
	spin_unlock(&control.lock);
	return 0;
}

static int call_record(const u64 *arg, u64 *result)
{
	const struct record *record;
	int err = GZ_INVALID_ARGS;
	u64 nr = arg[1];

	spin_lock(&control.lock);
	if (nr < control.next_record) {
		if (control.next_record - nr > GZC_RECORDS)
			nr = control.next_record - GZC_RECORDS;
		record = &control.record[nr % GZC_RECORDS];
		result[1] = nr;
		result[2] = record->kind_cpu;
		memcpy(result + 3, record->arg, sizeof(record->arg));
		result[10] = record->status;
		result[11] = record->result;
		err = 0;
	}
	spin_unlock(&control.lock);
	return err;
}

static int call_rule(const u64 *arg, u64 *result)
{
	if (arg[1] >= GZC_KINDS || arg[5] > read_sysreg(cntfrq_el0))
		return GZ_INVALID_ARGS;
	spin_lock(&control.lock);
	control.kind[arg[1]].rule = (struct rule) {
		.pass = arg[2], .times = arg[3], .status = arg[4], .ticks = arg[5],
	};
	spin_unlock(&control.lock);
	return 0;
}

static int forge_locked(const u64 *arg)
{
	struct forged *forged = find_forged(arg[1] >> 16, arg[1] & 0xffff);
	unsigned int i;
	int err;

	for (i = 0; i < NR_FORGED && !forged; i++)
		if (!control.forged[i].used)
			forged = &control.forged[i];
	if (!forged)
		return GZ_NO_MEMORY;
	forged->used = false;
	err = owner_copy_from_host(forged->run, PA(arg[3]), sizeof(forged->run));
	forged->has_hw = arg[4];
	if (!err && arg[4])
		err = owner_copy_from_host(forged->hw, PA(arg[4]),
					   sizeof(forged->hw));
	forged->vm = arg[1] >> 16;
	forged->vcpu = arg[1] & 0xffff;
	forged->reason = arg[2];
	forged->used = !err;
	return err;
}

static int call_forge(const u64 *arg, u64 *result)
{
	int err;

	if (arg[1] >> 16 > MAX_VMS)
		return GZ_INVALID_ARGS;
	spin_lock(&control.lock);
	err = forge_locked(arg);
	spin_unlock(&control.lock);
	return err;
}

static int call_totals(const u64 *arg, u64 *result)
{
	int err = rest_begin();

	if (err)
		return err;
	control_totals(result);
	rest_end();
	return 0;
}

static int call_vm(const u64 *arg, u64 *result)
{
	int err = rest_begin();

	if (err)
		return err;
	err = control_vm(arg[1], result);
	rest_end();
	return err;
}

static int call_check(const u64 *arg, u64 *result)
{
	struct check check = { 0 };
	int err = rest_begin();

	if (err)
		return err;
	control_check(&check);
	rest_end();
	result[1] = check.bad;
	result[2] = check.vm;
	result[3] = check.addr;
	return 0;
}

static int call_split(const u64 *arg, u64 *result)
{
	u64 round;

	if (arg[2] > MAX_SPLITS)
		return GZ_INVALID_ARGS;
	for (round = 0; round < arg[2]; round++)
		result[1] = control_split(arg[1]);
	return 0;
}

static int call_move(const u64 *arg, u64 *result)
{
	return control_move(arg[1], arg[2]) ? 0 : GZ_INVALID_ARGS;
}

static int call_walk(const u64 *arg, u64 *result)
{
	result[1] = control_walk(arg[1]);
	return 0;
}

typedef int control_handler(const u64 *arg, u64 *result);

static control_handler *const control_handlers[GZC_NR_CALLS] = {
	[GZC_FEATURES] = call_features,
	[GZC_RESET] = call_reset,
	[GZC_COUNTERS] = call_counters,
	[GZC_RECORD] = call_record,
	[GZC_RULE] = call_rule,
	[GZC_FORGE] = call_forge,
	[GZC_TOTALS] = call_totals,
	[GZC_VM] = call_vm,
	[GZC_CHECK] = call_check,
	[GZC_SPLIT] = call_split,
	[GZC_MOVE] = call_move,
	[GZC_WALK] = call_walk,
};

/**
 * control_hypercall() - serve a call in the test controls' range
 * @regs: the host's registers; results go there
 *
 * Return: whether it is such a call and the controls are on.
 */
bool control_hypercall(struct cpu_regs *regs)
{
	u32 n = (u32)regs->x[0] - GZC_CALL_BASE;
	u64 result[12] = { 0 };

	if (!option(OPT_CONTROLS) || n >= GZC_NR_CALLS)
		return false;
	result[0] = (s64)control_handlers[n](regs->x, result);
	memcpy(regs->x, result, sizeof(result));
	return true;
}
