// SPDX-License-Identifier: GPL-2.0
/*
 * GZVM_RUN: into the guest and out of it.
 */

#include <linux/kvm_host.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>

#include "gzvm.h"
#include "trace.h"

/*
 * Whether there is work to do before the guest is entered. A module cannot run
 * task work: the ioctl is made to restart instead, which runs it on the way and
 * which the VMM does not see.
 */
static bool gzvm_work_pending(struct gzvm_vcpu *vcpu)
{
	/* A kick that comes after this check must end the guest's run. */
	lockdep_assert_irqs_disabled();

	return signal_pending(current) || need_resched() ||
	       task_work_pending(current) || READ_ONCE(vcpu->vm->dying);
}

static int gzvm_handle_work(struct gzvm_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->vm->dying))
		return -EIO;
	if (signal_pending(current)) {
		/* A notice: the answer of EL2 changes nothing. */
		(void)gzvm_hc_inform_exit(vcpu->vm->id);
		return -ERESTARTSYS;
	}
	if (task_work_pending(current)) {
		set_thread_flag(TIF_NOTIFY_SIGNAL);
		return -ERESTARTSYS;
	}
	cond_resched();
	return 0;
}

/*
 * Enter the guest once. Interrupts are off from the last check for signals on:
 * a kick that comes later is an interrupt, and ends the guest's run.
 *
 * Returns 1 when there was work to do instead, 0 after an exit, or an errno.
 */
static int gzvm_vcpu_enter(struct gzvm_vcpu *vcpu, u64 *reason)
{
	int ret;

	preempt_disable();
	local_irq_disable();
	if (gzvm_work_pending(vcpu)) {
		local_irq_enable();
		preempt_enable();
		return 1;
	}

	gzvm_vcpu_note_entry(vcpu);
	trace_gzvm_vcpu_entry(vcpu->vm->id, vcpu->id);
	guest_timing_enter_irqoff();
	ret = gzvm_hc_run(&vcpu->run, reason);
	/* EL2 counts the guest's timer from here. Preemption comes later. */
	if (!ret && *reason == GZVM_EXIT_IDLE)
		vcpu->exit_time = ktime_get();
	if (!ret && *reason == GZVM_EXIT_IRQ) {
		/* See gzvm_guest_is_tracked(). The driver holds nothing of RCU's here. */
		rcu_note_context_switch(false);
		/*
		 * Take the interrupt now: its tick is accounted as guest time.
		 * The ISB guarantees that it is taken: ARM DDI 0487 D1.3.6.
		 */
		local_irq_enable();
		isb();
		local_irq_disable();
	}
	guest_timing_exit_irqoff();
	local_irq_enable();
	preempt_enable();
	return ret;
}

/* Not inline: a kernel that clears variables would clear these for each exit. */
static noinline int gzvm_run_resume_hypercall(struct gzvm_hyp_run *shared,
					      struct gzvm_vcpu_run __user *urun)
{
	u64 args[8];
	int i;

	if (copy_from_user(args, urun->hypercall.args, sizeof(args)))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(args); i++)
		shared->hypercall.args[i] = cpu_to_le64(args[i]);
	return 0;
}

/* Pass the VMM's answer to the last exit on to EL2, and nothing else. */
static int gzvm_run_resume(struct gzvm_vcpu *vcpu,
			   struct gzvm_vcpu_run __user *urun)
{
	struct gzvm_hyp_run *shared = vcpu->shared;
	u8 data[8];

	switch (vcpu->resume) {
	case GZVM_RESUME_NONE:
		return 0;
	case GZVM_RESUME_MMIO_READ:
		if (copy_from_user(data, urun->mmio.data, sizeof(data)))
			return -EFAULT;
		memcpy(shared->mmio.data, data, sizeof(data));
		return 0;
	case GZVM_RESUME_HYPERCALL:
		return gzvm_run_resume_hypercall(shared, urun);
	}
	return 0;
}

/*
 * Check what the VMM asks for. Any immediate_exit but 0 counts. It forms one
 * word with the padding that follows, which is 0 nearly always.
 */
static int gzvm_run_check(struct gzvm_vcpu_run __user *urun)
{
	__le32 in;

	if (get_user(in, (__le32 __user *)&urun->immediate_exit))
		return -EFAULT;
	if (likely(!in))
		return 0;
	return le32_to_cpu(in) > U8_MAX ? -EINVAL : -EINTR;
}

/*
 * Copy the exit to the VMM. Do not write immediate_exit, which a signal handler
 * may be setting, nor the part of the union that the exit does not use. These are few
 * words mostly, for which copy_to_user() takes longer.
 */
static int gzvm_run_deliver(struct gzvm_vcpu *vcpu,
			    struct gzvm_vcpu_run __user *urun)
{
	const u64 *from = (const u64 *)vcpu->exit.padding;
	u64 __user *to = (u64 __user *)urun->padding;
	unsigned int i, nr = vcpu->exit_size / sizeof(*from);

	vcpu->undelivered = true;
	if (!user_write_access_begin(urun, sizeof(*urun)))
		return -EFAULT;
	for (i = 0; i < nr; i++)
		unsafe_put_user(from[i], to + i, fault);
	unsafe_put_user(vcpu->exit.exit_reason, &urun->exit_reason, fault);
	user_write_access_end();
	vcpu->undelivered = false;
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* Run until there is an exit for the VMM (0), or something else to return (errno). */
static int gzvm_run_loop(struct gzvm_vcpu *vcpu,
			 struct gzvm_vcpu_run __user *urun)
{
	u64 reason = 0;
	int ret;

	for (;;) {
		ret = gzvm_vcpu_enter(vcpu, &reason);
		if (ret <= 0)
			trace_gzvm_vcpu_exit(vcpu->vm->id, vcpu->id, reason,
					     ret);
		if (ret < 0)
			return ret;
		if (ret > 0) {
			ret = gzvm_handle_work(vcpu);
		} else {
			vcpu->resume = GZVM_RESUME_NONE;
			gzvm_irqfd_sync(vcpu);
			ret = gzvm_exit_handle(vcpu, reason);
			if (!ret)
				return 0;
		}
		if (ret < 0)
			return ret;
		ret = gzvm_run_check(urun);
		if (ret)
			return ret;
	}
}

static int gzvm_vcpu_run_locked(struct gzvm_vcpu *vcpu,
				struct gzvm_vcpu_run __user *urun)
{
	int ret;

	lockdep_assert_held(&vcpu->lock);

	ret = gzvm_run_check(urun);
	if (ret)
		return ret;

	/* Deliver an exit that the VMM has not got yet before anything else. */
	if (!vcpu->undelivered) {
		ret = gzvm_run_resume(vcpu, urun);
		if (ret)
			return ret;
		ret = gzvm_run_loop(vcpu, urun);
		if (ret)
			return ret;
	}
	return gzvm_run_deliver(vcpu, urun);
}

/**
 * gzvm_vcpu_run() - GZVM_RUN
 * @vcpu: vCPU of the caller's VM
 * @urun: where the exit goes, and where the answer to the last one is
 *
 * An exit that needs the VMM is delivered although a signal is pending: the
 * guest's access would be lost otherwise. Signals are checked before the next
 * entry. An exit that cannot be copied to the VMM is kept for the next call.
 *
 * Context: process context of the VM's owner; takes vcpu->lock, so that a
 * second thread waits, until it is killed.
 * Return: 0 with an exit in @urun; -ERESTARTSYS for a signal, which becomes
 * -EINTR unless its handler asked for restart; -EINTR for immediate_exit, or
 * when killed; -EINVAL for padding that is not zero; -EFAULT when @urun cannot
 * be read or written, or when the guest touched memory that the VMM has not
 * mapped; -EACCES when the VMM has mapped it read-only; -ENOMEM when the page
 * that the guest touched cannot be had or RLIMIT_MEMLOCK does not allow it;
 * -EAGAIN when EL2 is busy; -EIO when the host shuts down; or the errno of EL2's
 * refusal.
 */
int gzvm_vcpu_run(struct gzvm_vcpu *vcpu, struct gzvm_vcpu_run __user *urun)
{
	int ret;

	ret = mutex_lock_killable(&vcpu->lock);
	if (ret)
		return ret;
	ret = gzvm_vcpu_run_locked(vcpu, urun);
	mutex_unlock(&vcpu->lock);
	return ret;
}
