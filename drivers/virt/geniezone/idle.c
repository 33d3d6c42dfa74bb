// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU with nothing to do, and what ends its sleep.
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
 * Something happened that EL2 had not seen when the vCPU was entered, or it
 * will not be entered any more.
 */
static bool gzvm_vcpu_has_event(struct gzvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->vm->dying) ||
	       atomic_read(&vcpu->vm->irq_seq) != vcpu->seen_seq;
}

/*
 * The guest's timer belongs to the host only while the vCPU is out: EL2 says
 * whether it is armed and how long it has to run from this exit on.
 */
static bool gzvm_vcpu_deadline(struct gzvm_vcpu *vcpu, ktime_t now,
			       ktime_t *deadline)
{
	struct gzvm_hyp_hwstate *hw = vcpu->hwstate;
	u64 delay;

	if (!READ_ONCE(hw->vtimer_migrate))
		return false;

	delay = le64_to_cpu(READ_ONCE(hw->vtimer_delay));
	delay = gzvm_cycles_to_ns(delay, arch_timer_get_cntfrq());
	*deadline = ktime_add_safe(now, ns_to_ktime(delay));
	return true;
}

static unsigned int gzvm_halt_poll_ns;
module_param_named(halt_poll_ns, gzvm_halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns,
		 "How long an idle vCPU looks for work before it sleeps, in ns; 0 = not at all");

/* Cheaper than sleep and wake-up when the next event is near. */
static bool gzvm_vcpu_poll(struct gzvm_vcpu *vcpu, ktime_t start,
			   const ktime_t *deadline)
{
	u64 ns = READ_ONCE(gzvm_halt_poll_ns);
	ktime_t now, stop;

	if (!ns)
		return false;

	stop = ktime_add_ns(start, ns);
	while (!gzvm_vcpu_has_event(vcpu)) {
		now = ktime_get();
		if (deadline && ktime_after(now, *deadline))
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
 * Returns early now and then; the vCPU is then entered, finds nothing and
 * exits again. Signals end it: the caller looks at them before it enters.
 *
 * Context: process context, vcpu->lock held.
 */
void gzvm_vcpu_block(struct gzvm_vcpu *vcpu)
{
	struct gzvm_vm *vm = vcpu->vm;
	ktime_t start, deadline;
	bool timer;

	lockdep_assert_held(&vcpu->lock);

	start = ktime_get();
	timer = gzvm_vcpu_deadline(vcpu, start, &deadline);
	if (gzvm_vcpu_poll(vcpu, start, timer ? &deadline : NULL))
		return;
	prepare_to_rcuwait(&vcpu->wait);
	set_bit(vcpu->id, &vm->sleepers);
	/* First be seen, then look: matches the barrier in gzvm_vm_wake(). */
	smp_mb__after_atomic();

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (gzvm_vcpu_has_event(vcpu) || signal_pending(current))
			break;
		vcpu->stats.sleeps++;
		if (!schedule_hrtimeout(timer ? &deadline : NULL,
					HRTIMER_MODE_ABS))
			break;
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
 * Called after EL2 was told, never before: a vCPU that wakes too early finds
 * nothing and sleeps again. Who runs is left alone, EL2 delivers to it. Which
 * of the sleepers can take an interrupt only EL2 knows, hence each is woken.
 *
 * Context: any.
 */
void gzvm_vm_wake(struct gzvm_vm *vm)
{
	unsigned long sleepers;

	/* Fully ordered, matches gzvm_vcpu_block() and ..._note_entry(). */
	(void)atomic_inc_return(&vm->irq_seq);

	/* Most often nobody sleeps. */
	sleepers = READ_ONCE(vm->sleepers);
	if (sleepers || trace_gzvm_wake_enabled())
		gzvm_wake_sleepers(vm, sleepers);
}
