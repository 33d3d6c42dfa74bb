// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd: a signal on an eventfd becomes an interrupt of the guest.
 *
 * The life cycle follows KVM's (virt/kvm/eventfd.c). An irqfd is active while
 * it is on its VM's list. Deassign, the release of the VM's file and the end of
 * the eventfd (EPOLLHUP) remove it from the list under the VM's irqfd lock, and
 * queue its shutdown. Shutdown leaves the eventfd's wait queue, after which the
 * irqfd injects nothing, and frees it. Deassign and the release of the VM's file
 * wait for the shutdown.
 *
 * A signal causes one IRQ_LINE with level 1, as in shipped drivers. It is unknown
 * what EL2 does with the level. The driver works with an EL2 that
 *
 *   pulses   level 1 makes the interrupt pending once, level 0 does nothing;
 *   ignores  each call makes the interrupt pending once;
 *   holds    the line stays high until level 0. A level-triggered interrupt comes
 *            again after the guest's EOI as long as the line is high.
 *
 * The list registers show the guest's EOI. After a signal, the first EOI means that
 * the guest has handled the interrupt. The driver signals the resamplefds and makes
 * no call. Another EOI without a signal in between means that EL2 holds the line,
 * and the driver lowers it. The guest of such an EL2 gets one interrupt too many.
 * Other EL2s do not get level 0, except as follows.
 *
 * EL2 may leave a list register as it is until it needs it, so that each exit shows
 * the old EOI. A register that has not changed may also show a new EOI, of an
 * interrupt that came and ended in one run. Therefore a register that has not changed
 * ends a signal, which is at worst one resample signal too many. It lowers a line only
 * until EL2 is known to leave old EOIs: the signal may be for another vCPU that does
 * not run, and on an EL2 that holds the level the interrupt would be lost. An EOI that
 * shows again although the line is low and there was no signal proves that EL2 leaves
 * old EOIs. This takes one call with level 0.
 *
 * If the irqfd is signalled again before the EOI, the driver makes another call after
 * the EOI: EL2 may drop an interrupt that becomes pending while it is active. This
 * does not apply to irqfds with a resamplefd, whose device signals again by itself.
 *
 * The hypercall never sleeps. Hence it is made in the wake-up, under the eventfd's
 * lock. When EL2 is busy, a work item repeats it: a lost interrupt may stop a guest
 * for ever.
 *
 * Lock order: eventfd's wait queue lock -> gzvm_irqfds.lock.
 */

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include <asm/sysreg.h>

#include "gzvm.h"
#include "stub.h"

/* Read side: EOIs seen by a vCPU at its exit. Shutdown waits for it. */
DEFINE_STATIC_SRCU(gzvm_irqfd_srcu);

/**
 * struct gzvm_irqfd_entry - one irqfd
 * @vm: VM; alive until this is shut down, see gzvm_irqfds_release()
 * @spi: which SPI, by index
 * @ctx: eventfd that injects; holds a reference
 * @resample: eventfd to signal at EOI, or NULL; holds a reference
 * @active: on the VM's list; protected by its lock, like @list
 * @list: link in that list
 * @resample_list: link in the list of those with @resample, read under SRCU
 * @wait: entry in the eventfd's wait queue
 * @wqh: that wait queue
 * @poll: used to join it
 * @shutdown: leaves the wait queue and frees the irqfd
 */
struct gzvm_irqfd_entry {
	struct gzvm_vm *vm;
	u32 spi;
	struct eventfd_ctx *ctx;
	struct eventfd_ctx *resample;
	bool active;
	struct list_head list;
	struct list_head resample_list;
	wait_queue_entry_t wait;
	wait_queue_head_t *wqh;
	poll_table poll;
	struct work_struct shutdown;
};

/**
 * gzvm_irqfds_retry_later() - repeat calls later because EL2 is busy
 * @vm: VM with bits in irqfds.busy
 *
 * Context: any.
 */
void gzvm_irqfds_retry_later(struct gzvm_vm *vm)
{
	KUNIT_STATIC_STUB_REDIRECT(gzvm_irqfds_retry_later, vm);

	queue_delayed_work(gzvm_wq, &vm->irqfds.retry, 1);
}

/*
 * No caller gets the error. A call is repeated later if EL2 was busy, but not if EL2
 * has refused it. A call that succeeds is also for the signals that wait for it.
 */
static void gzvm_irqfd_raise(struct gzvm_vm *vm, u32 spi)
{
	struct gzvm_irqfds *set = &vm->irqfds;

	if (test_bit(spi, set->busy))
		clear_bit(spi, set->busy);
	/* Before the call: matches gzvm_irqfd_lower(). */
	smp_mb__after_atomic();
	if (gzvm_irq_inject(vm, spi, true) == -EAGAIN) {
		set_bit(spi, set->busy);
		gzvm_irqfds_retry_later(vm);
	}
}

/**
 * gzvm_irqfd_signal() - what a signal on an irqfd does
 * @vm: VM
 * @spi: the irqfd's SPI
 * @resample: the irqfd has a resamplefd
 *
 * Context: any.
 */
void gzvm_irqfd_signal(struct gzvm_vm *vm, u32 spi, bool resample)
{
	if (test_bit(spi, vm->irqfds.driven))
		clear_bit(spi, vm->irqfds.driven);
	if (test_and_set_bit(spi, vm->irqfds.signalled) && !resample)
		set_bit(spi, vm->irqfds.again);
	gzvm_irqfd_raise(vm, spi);
}

/**
 * gzvm_irqfds_retry() - repeat the calls for which EL2 was busy
 * @vm: VM
 *
 * Context: process context.
 */
void gzvm_irqfds_retry(struct gzvm_vm *vm)
{
	struct gzvm_irqfds *set = &vm->irqfds;
	unsigned int spi;

	for_each_set_bit(spi, set->busy, GZVM_SPI_MAX + 1)
		if (test_and_clear_bit(spi, set->busy))
			gzvm_irqfd_raise(vm, spi);
}

static void gzvm_irqfds_retry_work(struct work_struct *work)
{
	gzvm_irqfds_retry(container_of(to_delayed_work(work), struct gzvm_vm,
				       irqfds.retry));
}

/*
 * Lower a line that EL2 may hold: there was no signal since the last EOI. A signal
 * that races with this call may be undone by it, hence it is repeated. When EL2 is
 * busy, the next EOI tries again. There is one if EL2 holds the line.
 */
static void gzvm_irqfd_lower(struct gzvm_vm *vm, u32 spi)
{
	struct gzvm_irqfds *set = &vm->irqfds;

	if (gzvm_irq_inject(vm, spi, false) == -EAGAIN)
		set_bit(spi, set->ended);
	/* After the call: matches gzvm_irqfd_raise(). */
	smp_mb();
	if (test_bit(spi, set->signalled))
		gzvm_irqfd_raise(vm, spi);
}

/* Devices that still need the SPI signal again. */
static void gzvm_irqfd_resample(struct gzvm_vm *vm, u32 spi)
{
	struct gzvm_irqfd_entry *irqfd;
	int idx;

	idx = srcu_read_lock(&gzvm_irqfd_srcu);
	list_for_each_entry_srcu(irqfd, &vm->irqfds.resamplers, resample_list,
				 srcu_read_lock_held(&gzvm_irqfd_srcu))
		if (irqfd->spi == spi)
			eventfd_signal(irqfd->resample);
	srcu_read_unlock(&gzvm_irqfd_srcu, idx);
}

/* No signal came since the last EOI. Returns whether this is another EOI. */
static bool gzvm_irqfd_eoi_again(struct gzvm_vm *vm, u32 spi, bool changed)
{
	struct gzvm_irqfds *set = &vm->irqfds;

	if (!changed && READ_ONCE(set->stale))
		return false;
	if (test_and_clear_bit(spi, set->ended)) {
		gzvm_irqfd_lower(vm, spi);
		return true;
	}
	/* A line that is low does not interrupt. */
	if (!changed && !test_bit(spi, vm->raised))
		WRITE_ONCE(set->stale, true);
	return changed;
}

/*
 * The guest has ended an interrupt; or the list register, which has not @changed,
 * shows the same EOI as at the last exit.
 */
static void gzvm_irqfd_eoi(struct gzvm_vm *vm, u32 spi, bool changed)
{
	struct gzvm_irqfds *set = &vm->irqfds;

	if (test_and_clear_bit(spi, set->signalled)) {
		if (!test_bit(spi, set->driven))
			set_bit(spi, set->ended);
		if (test_and_clear_bit(spi, set->again))
			gzvm_irqfd_signal(vm, spi, true);
	} else if (!gzvm_irqfd_eoi_again(vm, spi, changed)) {
		return;
	}
	gzvm_irqfd_resample(vm, spi);
}

static void gzvm_irqfd_shutdown(struct work_struct *work)
{
	struct gzvm_irqfd_entry *irqfd =
		container_of(work, struct gzvm_irqfd_entry, shutdown);
	struct gzvm_irqfds *set = &irqfd->vm->irqfds;
	u64 cnt;

	eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait, &cnt);
	if (irqfd->resample) {
		synchronize_srcu_expedited(&gzvm_irqfd_srcu);
		eventfd_ctx_put(irqfd->resample);
	}
	eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);

	/* The VM may be freed after the last of them: use its address only. */
	if (atomic_dec_and_test(&set->ending))
		wake_up_var(&set->ending);
}

/* The shutdown work owns the irqfd from here on. */
static void gzvm_irqfd_deactivate(struct gzvm_irqfd_entry *irqfd)
{
	lockdep_assert_held(&irqfd->vm->irqfds.lock);

	irqfd->active = false;
	list_del(&irqfd->list);
	if (irqfd->resample)
		list_del_rcu(&irqfd->resample_list);
	atomic_inc(&irqfd->vm->irqfds.ending);
	queue_work(gzvm_wq, &irqfd->shutdown);
}

/* The eventfd has ended. A deassign that was faster has queued the work. */
static noinline void gzvm_irqfd_hang_up(struct gzvm_irqfd_entry *irqfd)
{
	struct gzvm_irqfds *set = &irqfd->vm->irqfds;
	unsigned long irqflags;

	spin_lock_irqsave(&set->lock, irqflags);
	if (irqfd->active)
		gzvm_irqfd_deactivate(irqfd);
	spin_unlock_irqrestore(&set->lock, irqflags);
}

/* Called with the eventfd's wait queue lock held, interrupts off. */
static int gzvm_irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode,
			     int sync, void *key)
{
	struct gzvm_irqfd_entry *irqfd =
		container_of(wait, struct gzvm_irqfd_entry, wait);
	__poll_t flags = key_to_poll(key);
	u64 cnt;

	lockdep_assert_held(&irqfd->wqh->lock);

	if (flags & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->ctx, &cnt);
		gzvm_irqfd_signal(irqfd->vm, irqfd->spi, irqfd->resample);
	}

	if (flags & EPOLLHUP)
		gzvm_irqfd_hang_up(irqfd);
	return 0;
}

static void gzvm_irqfd_queue_proc(struct file *file, wait_queue_head_t *wqh,
				  poll_table *poll)
{
	struct gzvm_irqfd_entry *irqfd =
		container_of(poll, struct gzvm_irqfd_entry, poll);

	irqfd->wqh = wqh;
	add_wait_queue(wqh, &irqfd->wait);
}

/* Activate the irqfd, unless the eventfd has one in this VM already. */
static int gzvm_irqfd_activate(struct gzvm_irqfd_entry *irqfd)
{
	struct gzvm_irqfds *set = &irqfd->vm->irqfds;
	struct gzvm_irqfd_entry *other;
	int ret = 0;

	spin_lock_irq(&set->lock);
	list_for_each_entry(other, &set->list, list)
		if (other->ctx == irqfd->ctx)
			ret = -EBUSY;
	if (!ret) {
		irqfd->active = true;
		WRITE_ONCE(set->used, true);
		list_add(&irqfd->list, &set->list);
		if (irqfd->resample)
			list_add_rcu(&irqfd->resample_list, &set->resamplers);
	}
	spin_unlock_irq(&set->lock);
	return ret;
}

/*
 * Join the eventfd's wait queue. An earlier signal on it is not lost.
 */
static void gzvm_irqfd_join(struct gzvm_irqfd_entry *irqfd, struct file *file)
{
	wait_queue_head_t *wqh;
	u64 cnt = 0;

	if (!(vfs_poll(file, &irqfd->poll) & EPOLLIN))
		return;

	wqh = irqfd->wqh;
	spin_lock_irq(&wqh->lock);
	eventfd_ctx_do_read(irqfd->ctx, &cnt);
	if (cnt)
		gzvm_irqfd_signal(irqfd->vm, irqfd->spi, irqfd->resample);
	spin_unlock_irq(&wqh->lock);
}

static struct gzvm_irqfd_entry *
gzvm_irqfd_alloc(struct gzvm_vm *vm, const struct gzvm_irqfd *args,
		 struct file *file)
{
	struct gzvm_irqfd_entry *irqfd;
	struct eventfd_ctx *ctx;

	irqfd = kzalloc_obj(*irqfd, GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return ERR_PTR(-ENOMEM);

	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx))
		goto free;
	irqfd->ctx = ctx;

	if (args->flags & GZVM_IRQFD_FLAG_RESAMPLE) {
		ctx = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(ctx))
			goto put;
		irqfd->resample = ctx;
	}

	irqfd->vm = vm;
	irqfd->spi = args->gsi;
	INIT_WORK(&irqfd->shutdown, gzvm_irqfd_shutdown);
	init_waitqueue_func_entry(&irqfd->wait, gzvm_irqfd_wakeup);
	init_poll_funcptr(&irqfd->poll, gzvm_irqfd_queue_proc);
	return irqfd;
put:
	eventfd_ctx_put(irqfd->ctx);
free:
	kfree(irqfd);
	return ERR_CAST(ctx);
}

static int gzvm_irqfd_assign_file(struct gzvm_vm *vm,
				  const struct gzvm_irqfd *args,
				  struct file *file)
{
	struct gzvm_irqfd_entry *irqfd;
	int ret;

	irqfd = gzvm_irqfd_alloc(vm, args, file);
	if (IS_ERR(irqfd))
		return PTR_ERR(irqfd);

	/*
	 * The lock ensures that no deassign sees an irqfd that is active but
	 * not on its wait queue yet. The caller's reference to the file keeps
	 * the eventfd alive.
	 */
	ret = mutex_lock_killable(&vm->irqfds.assign_lock);
	if (ret)
		goto free;
	ret = gzvm_irqfd_activate(irqfd);
	if (!ret)
		gzvm_irqfd_join(irqfd, file);
	mutex_unlock(&vm->irqfds.assign_lock);
	if (!ret)
		return 0;
free:
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);
	return ret;
}

static int gzvm_irqfd_assign(struct gzvm_vm *vm, const struct gzvm_irqfd *args)
{
	struct file *file;
	int ret;

	file = fget(args->fd);
	if (!file)
		return -EBADF;
	ret = gzvm_irqfd_assign_file(vm, args, file);
	fput(file);
	return ret;
}

/*
 * Wait until no call for the SPI is being made or waits for EL2; but not for ever, if
 * EL2 stays busy. Not for work items: the one that repeats calls might wait for its turn
 * behind them.
 */
static int gzvm_irqfd_quiesce(struct gzvm_vm *vm, u32 spi)
{
	unsigned int tries;

	for (tries = 0; tries < 5 * HZ; tries++) {
		flush_delayed_work(&vm->irqfds.retry);
		if (!test_bit(spi, vm->irqfds.busy))
			break;
		schedule_timeout_uninterruptible(1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int gzvm_irqfd_deassign(struct gzvm_vm *vm,
			       const struct gzvm_irqfd *args)
{
	struct gzvm_irqfds *set = &vm->irqfds;
	struct gzvm_irqfd_entry *irqfd, *next;
	struct eventfd_ctx *ctx;
	int ret;

	ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	ret = mutex_lock_killable(&set->assign_lock);
	if (ret)
		goto out;
	spin_lock_irq(&set->lock);
	list_for_each_entry_safe(irqfd, next, &set->list, list)
		if (irqfd->ctx == ctx && irqfd->spi == args->gsi)
			gzvm_irqfd_deactivate(irqfd);
	spin_unlock_irq(&set->lock);
	mutex_unlock(&set->assign_lock);

	/* Also wait for an irqfd that another thread has removed. */
	if (wait_var_event_killable(&set->ending,
				    !atomic_read_acquire(&set->ending)))
		ret = -EINTR;
	else
		ret = gzvm_irqfd_quiesce(vm, args->gsi);
out:
	eventfd_ctx_put(ctx);
	return ret;
}

/**
 * gzvm_irqfd() - GZVM_IRQFD
 * @vm: VM
 * @args: which SPI, which eventfds
 *
 * After deassign, signals inject nothing. One from before, for which EL2 has to be told
 * again after an EOI, is not lost. To deassign an irqfd that does not exist is no error,
 * as in KVM.
 *
 * Context: process context.
 * Return: 0; -EINVAL for unknown flags, padding that is not zero, an SPI above
 * GZVM_SPI_MAX, or an fd that is not an eventfd; -EBADF; -EBUSY when the
 * eventfd has an irqfd in this VM already; -ENOMEM; -EINTR when killed.
 */
int gzvm_irqfd(struct gzvm_vm *vm, const struct gzvm_irqfd *args)
{
	if (args->flags & ~(GZVM_IRQFD_FLAG_DEASSIGN |
			    GZVM_IRQFD_FLAG_RESAMPLE) ||
	    memchr_inv(args->pad, 0, sizeof(args->pad)) ||
	    args->gsi > GZVM_SPI_MAX)
		return -EINVAL;

	if (args->flags & GZVM_IRQFD_FLAG_DEASSIGN)
		return gzvm_irqfd_deassign(vm, args);
	return gzvm_irqfd_assign(vm, args);
}

/*
 * GIC architecture (IHI 0069), ICH_LR<n>_EL2: the guest has ended an interrupt that
 * is inactive, that asked for a maintenance interrupt at EOI, and that hardware does
 * not back.
 */
static bool gzvm_lr_is_eoi(u64 lr)
{
	return !(lr & ICH_LR_STATE) && (lr & ICH_LR_EOI) && !(lr & ICH_LR_HW);
}

/* If the interrupt is in another list register, the EOI is an old one. */
static bool gzvm_lrs_have(struct gzvm_hyp_hwstate *hw, unsigned int nr, u32 intid)
{
	unsigned int i;
	u64 lr;

	for (i = 0; i < nr; i++) {
		lr = le64_to_cpu(READ_ONCE(hw->lr[i]));
		if ((lr & ICH_LR_VIRTUAL_ID_MASK) == intid && lr & ICH_LR_STATE)
			return true;
	}
	return false;
}

/**
 * gzvm_irqfd_sync() - look for interrupts that the guest has ended
 * @vcpu: vCPU that has just exited
 *
 * Must also be called after the last irqfd has ended: EL2 may still hold its line.
 *
 * Context: process context, vcpu->lock held.
 */
void gzvm_irqfd_sync(struct gzvm_vcpu *vcpu)
{
	struct gzvm_hyp_hwstate *hw = vcpu->hwstate;
	unsigned int i, nr;
	bool changed;
	u32 spi;
	u64 lr;

	lockdep_assert_held(&vcpu->lock);

	if (!READ_ONCE(vcpu->vm->irqfds.used))
		return;

	nr = min_t(u32, le32_to_cpu(READ_ONCE(hw->nr_lrs)), GZVM_MAX_LRS);
	for (i = 0; i < nr; i++) {
		lr = le64_to_cpu(READ_ONCE(hw->lr[i]));
		changed = lr != vcpu->lrs[i];
		vcpu->lrs[i] = lr;
		if (!gzvm_lr_is_eoi(lr))
			continue;
		/* Smaller INTIDs wrap, and are out of range as well. */
		spi = (lr & ICH_LR_VIRTUAL_ID_MASK) - GZVM_SPI_BASE;
		if (spi <= GZVM_SPI_MAX &&
		    !gzvm_lrs_have(hw, nr, spi + GZVM_SPI_BASE))
			gzvm_irqfd_eoi(vcpu->vm, spi, changed);
	}
}

/**
 * gzvm_irqfds_reset() - forget interrupts that the guest has not ended
 * @vm: VM whose guest is being reset: it will not end them
 *
 * Calls that wait for EL2 stay: they are for the guest that comes.
 *
 * Context: any.
 */
void gzvm_irqfds_reset(struct gzvm_vm *vm)
{
	struct gzvm_irqfds *set = &vm->irqfds;
	unsigned int spi;

	for (spi = 0; spi <= GZVM_SPI_MAX; spi++) {
		if (!test_bit(spi, set->signalled) && !test_bit(spi, set->ended))
			continue;
		clear_bit(spi, set->again);
		clear_bit(spi, set->signalled);
		clear_bit(spi, set->ended);
	}
}

/**
 * gzvm_irqfds_init() - make a VM ready for irqfds
 * @vm: VM being made
 */
void gzvm_irqfds_init(struct gzvm_vm *vm)
{
	mutex_init(&vm->irqfds.assign_lock);
	spin_lock_init(&vm->irqfds.lock);
	INIT_LIST_HEAD(&vm->irqfds.list);
	INIT_LIST_HEAD(&vm->irqfds.resamplers);
	INIT_DELAYED_WORK(&vm->irqfds.retry, gzvm_irqfds_retry_work);
	atomic_set(&vm->irqfds.ending, 0);
}

/**
 * gzvm_irqfds_release() - end a VM's irqfds
 * @vm: VM whose file is being released: nobody can assign any more
 *
 * Also waits for irqfds that ended with their eventfd: no irqfd refers to the VM
 * after this.
 *
 * Context: process context, may sleep.
 */
void gzvm_irqfds_release(struct gzvm_vm *vm)
{
	struct gzvm_irqfd_entry *irqfd, *next;

	spin_lock_irq(&vm->irqfds.lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds.list, list)
		gzvm_irqfd_deactivate(irqfd);
	spin_unlock_irq(&vm->irqfds.lock);
	wait_var_event(&vm->irqfds.ending,
		       !atomic_read_acquire(&vm->irqfds.ending));
}

/**
 * gzvm_irqfds_end() - repeat no calls any more
 * @vm: VM that no thread can run or signal any more
 *
 * Context: process context, may sleep.
 */
void gzvm_irqfds_end(struct gzvm_vm *vm)
{
	cancel_delayed_work_sync(&vm->irqfds.retry);
}
