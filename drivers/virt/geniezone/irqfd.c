// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd: a signal on an eventfd becomes an interrupt of the guest.
 *
 * The life cycle follows KVM's (virt/kvm/eventfd.c). An irqfd is active while
 * it is on its VM's list. Who takes it off, under the VM's irqfd lock, has to
 * queue its shutdown: deassign, the end of the VM's file, or the end of the
 * eventfd (EPOLLHUP). Shutdown leaves the eventfd's wait queue, after which
 * nothing is injected any more, and frees. Deassign and the end of the VM's
 * file wait for it.
 *
 * A signal is one call that raises the line. To an SPI that is edge-triggered
 * that is one interrupt, however often it is made: the drivers that ship never
 * lower a line, and what an EL2 that knows them does with an edge that is taken
 * back at once is for nobody to say. A level-triggered line stays up until the
 * guest's EOI, which the list registers tell of, with or without resample.
 *
 * Injecting is a hypercall that never sleeps, thus it is made right in the
 * wake-up, under the eventfd's lock. Should EL2 be busy, it is made again later
 * by a work: an interrupt that is lost may be a guest that hangs.
 *
 * Lock order: eventfd's wait queue lock -> gzvm_irqfds.lock.
 */

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include <asm/sysreg.h>

#include "gzvm.h"

/* Read side: EOIs seen by a vCPU at its exit. Shutdown waits for it. */
DEFINE_STATIC_SRCU(gzvm_irqfd_srcu);

static struct workqueue_struct *gzvm_irqfd_wq;

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
 * @poll: to get there
 * @rise: the line has yet to go up, EL2 was busy; protected by the lock of @wqh
 *        until shutdown has left that
 * @retry: goes on when EL2 was busy
 * @shutdown: the end
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
	bool rise;
	struct delayed_work retry;
	struct work_struct shutdown;
};

/*
 * Nobody is there to be told of an error, but what EL2 is too busy for is done
 * later. What it has done is not done again: each rise is an edge to it. Inline,
 * like what it is called by: each signal goes this way.
 */
static __always_inline int gzvm_irqfd_raise(struct gzvm_irqfd_entry *irqfd)
{
	int ret = gzvm_irq_inject(irqfd->vm, irqfd->spi, true);

	irqfd->rise = ret == -EAGAIN;
	/* After the call: matches gzvm_irqfd_lower(). */
	if (!ret)
		set_bit(irqfd->spi, irqfd->vm->irqfds.raised);
	return ret;
}

static __always_inline void gzvm_irqfd_inject(struct gzvm_irqfd_entry *irqfd)
{
	if (gzvm_irqfd_raise(irqfd) == -EAGAIN)
		queue_delayed_work(gzvm_irqfd_wq, &irqfd->retry, 1);
}

/* Under the lock of the wake-up, like all that drives the line */
static void gzvm_irqfd_retry(struct work_struct *work)
{
	struct gzvm_irqfd_entry *irqfd =
		container_of(to_delayed_work(work), struct gzvm_irqfd_entry,
			     retry);

	spin_lock_irq(&irqfd->wqh->lock);
	if (irqfd->rise)
		gzvm_irqfd_inject(irqfd);
	spin_unlock_irq(&irqfd->wqh->lock);
}

/* Is there one that drives this SPI, or one that cannot be asked about its line? */
static bool gzvm_irqfd_drives(struct gzvm_irqfds *set, u32 spi, bool no_resample)
{
	struct gzvm_irqfd_entry *irqfd;

	lockdep_assert_held(&set->lock);

	list_for_each_entry(irqfd, &set->list, list)
		if (irqfd->spi == spi && !(no_resample && irqfd->resample))
			return true;
	return false;
}

/*
 * The guest has ended an interrupt: its line goes down if irqfds drive it, and is
 * the VMM's otherwise. An irqfd that goes: its line goes down if it is up, and
 * those that are left can be asked; what cannot be asked is left to the EOI.
 */
static bool gzvm_irqfd_may_lower(struct gzvm_irqfds *set, u32 spi, bool at_eoi)
{
	if (at_eoi)
		return gzvm_irqfd_drives(set, spi, false);
	return test_bit(spi, set->raised) && !gzvm_irqfd_drives(set, spi, true);
}

/*
 * Take an SPI's line back, and have those who drive it say whether it is to be
 * up again. In this order, and once: a device that raised the line in between
 * is asked afterwards. With the lock held nobody comes to drive the line, or
 * leaves it, in between.
 */
static int gzvm_irqfd_lower(struct gzvm_vm *vm, u32 spi, bool at_eoi)
{
	struct gzvm_irqfds *set = &vm->irqfds;
	struct gzvm_irqfd_entry *irqfd;
	unsigned long irqflags;
	bool may;
	int ret = 0;
	int idx;

	spin_lock_irqsave(&set->lock, irqflags);
	may = gzvm_irqfd_may_lower(set, spi, at_eoi);
	if (may) {
		/* First the bit: one rise too many is remembered, none too few. */
		clear_bit(spi, set->raised);
		/* Matches the order in gzvm_irqfd_raise(). */
		smp_mb__after_atomic();
		ret = gzvm_irq_inject(vm, spi, false);
		if (ret == -EAGAIN)
			set_bit(spi, set->raised);
	}
	spin_unlock_irqrestore(&set->lock, irqflags);
	if (!may || ret == -EAGAIN)
		return ret;

	idx = srcu_read_lock(&gzvm_irqfd_srcu);
	list_for_each_entry_srcu(irqfd, &set->resamplers, resample_list,
				 srcu_read_lock_held(&gzvm_irqfd_srcu))
		if (irqfd->spi == spi)
			eventfd_signal(irqfd->resample);
	srcu_read_unlock(&gzvm_irqfd_srcu, idx);
	return 0;
}

static void gzvm_irqfd_shutdown(struct work_struct *work)
{
	struct gzvm_irqfd_entry *irqfd =
		container_of(work, struct gzvm_irqfd_entry, shutdown);
	struct gzvm_irqfds *set = &irqfd->vm->irqfds;
	u64 cnt;

	eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait, &cnt);
	cancel_delayed_work_sync(&irqfd->retry);
	/* What was signalled is not lost. */
	while (irqfd->rise && gzvm_irqfd_raise(irqfd) == -EAGAIN)
		schedule_timeout_uninterruptible(1);
	if (irqfd->resample) {
		synchronize_srcu_expedited(&gzvm_irqfd_srcu);
		eventfd_ctx_put(irqfd->resample);
	}
	while (gzvm_irqfd_lower(irqfd->vm, irqfd->spi, false) == -EAGAIN)
		schedule_timeout_uninterruptible(1);
	eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);

	/* After the last of them the VM may be gone: an address is left of it. */
	if (atomic_dec_and_test(&set->ending))
		wake_up_var(&set->ending);
}

/* From here on the shutdown work owns it. */
static void gzvm_irqfd_deactivate(struct gzvm_irqfd_entry *irqfd)
{
	lockdep_assert_held(&irqfd->vm->irqfds.lock);

	irqfd->active = false;
	list_del(&irqfd->list);
	if (irqfd->resample)
		list_del_rcu(&irqfd->resample_list);
	atomic_inc(&irqfd->vm->irqfds.ending);
	queue_work(gzvm_irqfd_wq, &irqfd->shutdown);
}

/* The eventfd has ended. Deassign may be faster: it has queued the work then. */
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
		gzvm_irqfd_inject(irqfd);
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

/* Make it active, unless the eventfd has an irqfd in this VM already. */
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
		list_add(&irqfd->list, &set->list);
		if (irqfd->resample)
			list_add_rcu(&irqfd->resample_list, &set->resamplers);
	}
	spin_unlock_irq(&set->lock);
	return ret;
}

/*
 * Join the eventfd's wait queue. A signal from before is not lost.
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
		gzvm_irqfd_inject(irqfd);
	spin_unlock_irq(&wqh->lock);
}

static struct gzvm_irqfd_entry *
gzvm_irqfd_alloc(struct gzvm_vm *vm, const struct gzvm_irqfd *args,
		 struct file *file)
{
	struct gzvm_irqfd_entry *irqfd;
	struct eventfd_ctx *ctx;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
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
	INIT_DELAYED_WORK(&irqfd->retry, gzvm_irqfd_retry);
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
	 * One assign or deassign at a time: no deassign sees an irqfd that is
	 * active but not on its wait queue yet. The caller's reference to the
	 * file keeps the eventfd from ending meanwhile.
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

	/* Also for one that somebody else took off: quiet on return. */
	if (wait_var_event_killable(&set->ending,
				    !atomic_read_acquire(&set->ending)))
		ret = -EINTR;
out:
	eventfd_ctx_put(ctx);
	return ret;
}

/**
 * gzvm_irqfd() - GZVM_IRQFD
 * @vm: VM
 * @args: which SPI, which eventfds
 *
 * Once deassigned, an irqfd injects nothing any more. To deassign one that is
 * not there is no error, as for KVM.
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
 * GIC architecture (IHI 0069), ICH_LR<n>_EL2: an interrupt that asked for a
 * maintenance interrupt at EOI, is not backed by hardware, and is inactive,
 * has been ended by the guest.
 */
static bool gzvm_lr_is_eoi(u64 lr)
{
	return !(lr & ICH_LR_STATE) && (lr & ICH_LR_EOI) && !(lr & ICH_LR_HW);
}

/**
 * gzvm_irqfd_pay_eois() - lower the lines of interrupts that the guest has ended
 * @vcpu: vCPU that has exited and not been entered since
 *
 * Only lines that an irqfd drives: others are the VMM's to lower. What EL2 is
 * busy with is left owed.
 *
 * Context: process context, vcpu->lock held; does not sleep.
 */
void gzvm_irqfd_pay_eois(struct gzvm_vcpu *vcpu)
{
	unsigned int i, owed = 0;

	lockdep_assert_held(&vcpu->lock);

	for (i = 0; i < vcpu->nr_eois; i++)
		if (gzvm_irqfd_lower(vcpu->vm, vcpu->eois[i], true) == -EAGAIN)
			vcpu->eois[owed++] = vcpu->eois[i];
	vcpu->nr_eois = owed;
}

/**
 * gzvm_irqfd_sync() - look for interrupts that the guest has ended
 * @vcpu: vCPU that has just exited; it was entered with none owed
 *
 * Context: process context, vcpu->lock held; does not sleep.
 */
void gzvm_irqfd_sync(struct gzvm_vcpu *vcpu)
{
	struct gzvm_hyp_hwstate *hw = vcpu->hwstate;
	u32 i, nr, intid, eois = 0;
	u64 lr;

	lockdep_assert_held(&vcpu->lock);

	if (list_empty(&vcpu->vm->irqfds.list))
		return;

	nr = min_t(u32, le32_to_cpu(READ_ONCE(hw->nr_lrs)), GZVM_MAX_LRS);
	for (i = 0; i < nr; i++) {
		lr = le64_to_cpu(READ_ONCE(hw->lr[i]));
		intid = lr & ICH_LR_VIRTUAL_ID_MASK;
		if (gzvm_lr_is_eoi(lr) && intid >= GZVM_SPI_BASE)
			vcpu->eois[eois++] = intid - GZVM_SPI_BASE;
	}
	vcpu->nr_eois = eois;
	if (eois)
		gzvm_irqfd_pay_eois(vcpu);
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
	atomic_set(&vm->irqfds.ending, 0);
}

/**
 * gzvm_irqfds_release() - end a VM's irqfds
 * @vm: VM whose file is being released: nobody can assign any more
 *
 * Also waits for those that ended with their eventfd: none is left that
 * refers to the VM.
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
 * gzvm_irqfd_setup() - what all irqfds need, at module load
 *
 * Return: 0 or -ENOMEM.
 */
int gzvm_irqfd_setup(void)
{
	/* Hundreds may wait for EL2 before they keep others from beginning. */
	gzvm_irqfd_wq = alloc_workqueue("gzvm-irqfd", WQ_UNBOUND,
					WQ_MAX_ACTIVE);
	return gzvm_irqfd_wq ? 0 : -ENOMEM;
}

/**
 * gzvm_irqfd_teardown() - undo gzvm_irqfd_setup() when no VM is left
 */
void gzvm_irqfd_teardown(void)
{
	destroy_workqueue(gzvm_irqfd_wq);
}
