// SPDX-License-Identifier: GPL-2.0
/*
 * An idle vCPU: how long it sleeps, and how it is woken.
 */

#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/time64.h>

#include <asm/arch_timer.h>

#include "gzvm.h"
#include "trace.h"

/**
 * gzvm_cycles_to_ns() - length of a span of the system counter
 * @cycles: the span; any value
 * @freq: CNTFRQ in Hz, not 0
 *
 * Return: nanoseconds, rounded up so that a timer set by it is not early; at
 * most KTIME_MAX.
 */
u64 gzvm_cycles_to_ns(u64 cycles, u32 freq)
{
	u64 sec, ns;
	u32 rest;

	sec = div_u64_rem(cycles, freq, &rest);
	if (sec >= KTIME_SEC_MAX)
		return KTIME_MAX;

	ns = DIV_ROUND_UP_ULL((u64)rest * NSEC_PER_SEC, freq);
	return sec * NSEC_PER_SEC + ns;
}

/*
 * An event was counted that EL2 had not seen when the vCPU was entered, or the vCPU
 * will not be entered any more.
 */
static bool gzvm_vcpu_has_event(struct gzvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->vm->dying) ||
	       atomic_read(&vcpu->vm->irq_seq) != vcpu->seen_seq;
}

/*
 * Bounds of a sleep for which EL2 reports no deadline. An EL2 may report none
 * although the guest's timer is armed, and it never reports that a vCPU is off.
 * Therefore each sleep has a bound. VMMs on phones use a timer of 5 ms to make
 * vCPUs leave WFI.
 *
 * The bound grows only for a VM for which EL2 has reported a deadline before, and
 * only while the vCPU has no exits other than IDLE. A timer that EL2 did not report
 * is then late by at most 100 ms, and a vCPU that is off is entered 10 times a second.
 *
 * When EL2 reports that the timer is due, the vCPU is entered at once. If the timer
 * is due again at the next exit, either the guest has set it anew, or EL2 has not
 * delivered the interrupt. The first sleeps are so short that the former is not late.
 */
#define GZVM_IDLE_DUE_NS	(20 * NSEC_PER_USEC)
#define GZVM_IDLE_MIN_NS	(5 * NSEC_PER_MSEC)
#define GZVM_IDLE_MAX_NS	(100 * NSEC_PER_MSEC)

static u64 gzvm_vcpu_exits(struct gzvm_vcpu *vcpu)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < GZVM_NR_EXITS; i++)
		sum += vcpu->stats.exits[i];
	return sum;
}

/* EL2 reports no deadline, or one that has passed (@due). */
static u64 gzvm_vcpu_bound(struct gzvm_vcpu *vcpu, bool due)
{
	u64 min = due ? GZVM_IDLE_DUE_NS : GZVM_IDLE_MIN_NS;
	u64 max = GZVM_IDLE_MIN_NS, last = vcpu->idle_ns;

	if (READ_ONCE(vcpu->vm->names_deadlines))
		max = GZVM_IDLE_MAX_NS;
	vcpu->idle_ns = clamp(2 * last, min, max);
	/* Enter at once, unless the last entry did not help. */
	return due && !last ? 0 : vcpu->idle_ns;
}

/*
 * The host runs the guest's timer only while the vCPU is out. EL2 reports whether
 * the timer is armed, and the time from this exit until it fires.
 */
static ktime_t gzvm_vcpu_deadline(struct gzvm_vcpu *vcpu)
{
	u64 exits = gzvm_vcpu_exits(vcpu), delay = 0, ns;
	bool armed;

	/* There were other exits than IDLE since the last sleep. */
	if (exits != vcpu->idle_exits + 1)
		vcpu->idle_ns = 0;
	vcpu->idle_exits = exits;

	armed = gzvm_hw_vtimer(vcpu->hwstate, &delay);
	if (armed && delay) {
		WRITE_ONCE(vcpu->vm->names_deadlines, true);
		vcpu->idle_ns = 0;
		ns = gzvm_cycles_to_ns(delay, arch_timer_get_cntfrq());
	} else {
		ns = gzvm_vcpu_bound(vcpu, armed);
	}
	return ktime_add_safe(vcpu->exit_time, ns_to_ktime(ns));
}

static unsigned int gzvm_halt_poll_ns;
module_param_named(halt_poll_ns, gzvm_halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns,
		 "How long an idle vCPU looks for work before it sleeps, in ns; 0 = not at all");

/* Polling is cheaper than a sleep if the next event is near. */
static bool gzvm_vcpu_poll(struct gzvm_vcpu *vcpu, ktime_t start,
			   ktime_t deadline)
{
	u64 ns = READ_ONCE(gzvm_halt_poll_ns);
	ktime_t now, stop;

	if (!ns)
		return false;

	stop = ktime_add_ns(start, ns);
	while (!gzvm_vcpu_has_event(vcpu)) {
		now = ktime_get();
		if (ktime_after(now, deadline))
			break;
		if (need_resched() || signal_pending(current) ||
		    ktime_after(now, stop))
			return false;
		cpu_relax();
	}
	vcpu->stats.halt_poll_hits++;
	return true;
}

/**
 * gzvm_vcpu_block() - sleep until the vCPU may have something to do
 * @vcpu: vCPU that exited with GZVM_EXIT_IDLE
 *
 * May return too early: the vCPU is then entered, has nothing to do and exits
 * again. A signal ends the sleep; the caller checks for signals before it enters.
 *
 * Context: process context, vcpu->lock held.
 */
void gzvm_vcpu_block(struct gzvm_vcpu *vcpu)
{
	struct gzvm_vm *vm = vcpu->vm;
	ktime_t start, deadline;

	lockdep_assert_held(&vcpu->lock);

	start = ktime_get();
	deadline = gzvm_vcpu_deadline(vcpu);
	if (gzvm_vcpu_poll(vcpu, start, deadline))
		return;
	prepare_to_rcuwait(&vcpu->wait);
	set_bit(vcpu->id, &vm->sleepers);
	/* Set the bit, then check for events: matches the barrier in gzvm_vm_wake(). */
	smp_mb__after_atomic();

	set_current_state(TASK_INTERRUPTIBLE);
	if (!gzvm_vcpu_has_event(vcpu) && !signal_pending(current)) {
		vcpu->stats.sleeps++;
		schedule_hrtimeout(&deadline, HRTIMER_MODE_ABS);
	}

	clear_bit(vcpu->id, &vm->sleepers);
	finish_rcuwait(&vcpu->wait);
	trace_gzvm_vcpu_idle(vm->id, vcpu->id,
			     ktime_to_ns(ktime_sub(ktime_get(), start)));
}

static noinline void gzvm_wake_sleepers(struct gzvm_vm *vm,
					unsigned long sleepers)
{
	struct gzvm_vcpu *vcpu;
	unsigned int id;

	trace_gzvm_wake(vm->id, sleepers);
	for_each_set_bit(id, &sleepers, GZVM_MAX_VCPUS) {
		/* Pairs with the release in gzvm_vcpu_create(). */
		vcpu = smp_load_acquire(&vm->vcpus[id]);
		if (vcpu && rcuwait_wake_up(&vcpu->wait))
			atomic_long_inc(&vm->stats.wakeups);
	}
}

/**
 * gzvm_vm_wake() - let the VM's sleeping vCPUs look for work
 * @vm: VM for which something was made pending at EL2
 *
 * Must be called after the call to EL2: a vCPU that wakes before it has nothing to
 * do and sleeps again. EL2 delivers to vCPUs that run. The driver does not know
 * which vCPU can take an interrupt, hence it wakes all that sleep.
 *
 * Context: any.
 */
void gzvm_vm_wake(struct gzvm_vm *vm)
{
	unsigned long sleepers;

	/* Fully ordered, matches gzvm_vcpu_block() and ..._note_entry(). */
	(void)atomic_inc_return(&vm->irq_seq);

	/* Usually no vCPU sleeps. */
	sleepers = READ_ONCE(vm->sleepers);
	if (sleepers || trace_gzvm_wake_enabled())
		gzvm_wake_sleepers(vm, sleepers);
}
