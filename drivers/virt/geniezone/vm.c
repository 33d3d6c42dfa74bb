// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a VM.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "gzvm.h"
#include "stub.h"

/* All VMs that EL2 has. */
static DEFINE_MUTEX(gzvm_vms_lock);
static LIST_HEAD(gzvm_vms);

/* A refusal means that EL2 lacks the feature, and is not a failure. */
static bool gzvm_vm_enable(struct gzvm_vm *vm, u64 cap, u64 arg0, u64 arg1)
{
	const u64 args[5] = { arg0, arg1 };

	return !gzvm_hc_enable_cap(vm->id, cap, args, NULL);
}

static void gzvm_vm_enable_features(struct gzvm_vm *vm)
{
	if (gzvm_vm_enable(vm, GZVM_CAP_ENABLE_DEMAND_PAGING, 0, 0)) {
		vm->paging = GZVM_PAGING_PAGE;
		if (gzvm_vm_enable(vm, GZVM_CAP_BLOCK_BASED_DEMAND_PAGING,
				   GZVM_BLOCK_SIZE, virt_to_phys(vm->mailbox)))
			vm->paging = GZVM_PAGING_BLOCK;
	}
	vm->idle = gzvm_vm_enable(vm, GZVM_CAP_ENABLE_IDLE, 0, 0);
}

/* There is no reference to the VM any more, and the notifier does not run. */
static void gzvm_vm_free_notifier(struct mmu_notifier *mn)
{
	kvfree(container_of(mn, struct gzvm_vm, mm_watch));
}

/*
 * The address space is going, and nobody uses it. Pins keep its pages from the host,
 * hence the VM ends now: the OOM killer would look for another victim otherwise.
 */
static void gzvm_vm_mm_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	gzvm_vm_end_with_mm(container_of(mn, struct gzvm_vm, mm_watch));
}

/* The VMM unmaps addresses: munmap(), or a new mapping over an old one. */
static int gzvm_vm_mm_start(struct mmu_notifier *mn,
			    const struct mmu_notifier_range *range)
{
	struct gzvm_vm *vm = container_of(mn, struct gzvm_vm, mm_watch);

	/* The OOM killer's reaper must not block. The VM is about to end. */
	if (mmu_notifier_range_blockable(range) && range->event == MMU_NOTIFY_UNMAP)
		gzvm_memslots_unmapped(vm, range->start, range->end, false);
	return 0;
}

/*
 * Page table entries were cleared: the VMM discards memory, or the kernel has split
 * the mapping of a huge page, or has tried to swap, merge or move pages. It cannot
 * swap, merge or move a pinned page: the VMM gets it again when it touches it.
 */
static void gzvm_vm_mm_end(struct mmu_notifier *mn,
			   const struct mmu_notifier_range *range)
{
	struct gzvm_vm *vm = container_of(mn, struct gzvm_vm, mm_watch);

	if (mmu_notifier_range_blockable(range) &&
	    range->event == MMU_NOTIFY_CLEAR &&
	    !(current->flags & (PF_KTHREAD | PF_MEMALLOC)))
		gzvm_memslots_unmapped(vm, range->start, range->end, true);
}

static const struct mmu_notifier_ops gzvm_mm_ops = {
	.invalidate_range_start = gzvm_vm_mm_start,
	.invalidate_range_end = gzvm_vm_mm_end,
	.release = gzvm_vm_mm_release,
	.free_notifier = gzvm_vm_free_notifier,
};

static void gzvm_vm_free_parts(struct gzvm_vm *vm)
{
	unsigned int id;

	for (id = 0; id < GZVM_MAX_VCPUS; id++)
		if (vm->vcpus[id])
			gzvm_vcpu_free(vm->vcpus[id]);
	gzvm_ioeventfds_free(vm);
	mutex_destroy(&vm->irqfds.assign_lock);
	mutex_destroy(&vm->mailbox_lock);
	mutex_destroy(&vm->protect_lock);
	mutex_destroy(&vm->lock);
	free_page((unsigned long)vm->mailbox);
	kfree(vm->by_gpa);
}

/* A VM that has ended, or has never been at EL2 */
static void gzvm_vm_free(struct gzvm_vm *vm)
{
	gzvm_vm_free_parts(vm);
	/* The notifier may be running, hence it frees the struct later. */
	mmu_notifier_put(&vm->mm_watch);
}

static void gzvm_vm_end_work(struct work_struct *work);

static struct gzvm_vm *gzvm_vm_alloc(void)
{
	struct gzvm_vm *vm;

	vm = kvzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		return NULL;
	vm->mailbox = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vm->mailbox) {
		kvfree(vm);
		return NULL;
	}

	gzvm_ioeventfds_init(vm);
	gzvm_irqfds_init(vm);
	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	mutex_init(&vm->protect_lock);
	init_rwsem(&vm->slots_lock);
	mutex_init(&vm->mailbox_lock);
	INIT_LIST_HEAD(&vm->dead_slots);
	INIT_LIST_HEAD(&vm->dead_vcpus);
	vm->destroy_result = -EAGAIN;
	INIT_DELAYED_WORK(&vm->end_work, gzvm_vm_end_work);
	vm->mm = current->mm;
	return vm;
}

/* The notifier grabs vm->mm until the struct is freed. */
static int gzvm_vm_watch_mm(struct gzvm_vm *vm)
{
	int ret;

	vm->mm_watch.ops = &gzvm_mm_ops;
	ret = mmu_notifier_register(&vm->mm_watch, vm->mm);
	if (!ret)
		return 0;

	gzvm_vm_free_parts(vm);
	kvfree(vm);
	/* A signal was pending. Nothing has been done yet: start again. */
	return ret == -EINTR ? -ERESTARTNOINTR : ret;
}

/*
 * Calls for a VM with the number of another one would reach the other one. EL2 may use
 * the number of a VM again as soon as it has destroyed that VM, which the driver may
 * not have taken off the list yet.
 */
static int gzvm_vm_check_id(struct gzvm_vm *new)
{
	struct gzvm_vm *vm;

	lockdep_assert_held(&gzvm_vms_lock);

	list_for_each_entry(vm, &gzvm_vms, link) {
		if (vm->id != new->id || READ_ONCE(vm->destroying))
			continue;
		pr_err("gzvm: hypervisor gives a new VM the number of VM %u\n",
		       vm->id);
		return -EINVAL;
	}
	return 0;
}

/**
 * gzvm_vm_create() - make a VM, here and at EL2
 * @type: VM type, 0 = normal
 *
 * Context: process context; the VM belongs to current->mm.
 * Return: the VM, with one reference that the caller owns; -ENOMEM; -ENODEV
 * when the host shuts down; -ERESTARTNOINTR for a signal; or the errno of EL2's
 * refusal.
 */
struct gzvm_vm *gzvm_vm_create(unsigned long type)
{
	struct gzvm_vm *vm;
	int ret;

	vm = gzvm_vm_alloc();
	if (!vm)
		return ERR_PTR(-ENOMEM);
	ret = gzvm_vm_watch_mm(vm);
	if (ret)
		return ERR_PTR(ret);

	mutex_lock(&gzvm_vms_lock);
	ret = gzvm_drv.closed ? -ENODEV : gzvm_hc_create_vm(type, &vm->id);
	if (!ret)
		ret = gzvm_vm_check_id(vm);
	if (!ret)
		list_add(&vm->link, &gzvm_vms);
	mutex_unlock(&gzvm_vms_lock);
	if (ret) {
		gzvm_vm_free(vm);
		return ERR_PTR(ret);
	}
	gzvm_vm_enable_features(vm);
	return vm;
}

/*
 * EL2 returns BUSY after each step of DESTROY_VM, hence the driver does not know
 * whether EL2 makes progress. It makes enough calls for the size of the VM before the
 * first pause, and this many between two pauses.
 */
#define GZVM_DESTROY_CALLS	1024

static unsigned int gzvm_vm_destroy_calls(struct gzvm_vm *vm)
{
	unsigned long steps = atomic_long_read(&vm->stats.pinned) *
			      GZVM_PAGES_PER_PAGE /
			      READ_ONCE(gzvm_drv.destroy_batch);

	return min_t(unsigned long, 2 * steps, INT_MAX) + GZVM_DESTROY_CALLS;
}

/*
 * End the VM at EL2, when the last reference is dropped or when the host shuts down.
 * -EAGAIN means that EL2 is still busy. Any other result is final.
 */
static int gzvm_vm_end_hyp(struct gzvm_vm *vm, unsigned int calls)
{
	u32 batch = READ_ONCE(gzvm_drv.destroy_batch);
	struct gzvm_busy busy = { .limit = calls };
	unsigned int id;
	int ret;

	mutex_lock(&vm->lock);
	for (id = 0; id < GZVM_MAX_VCPUS && !vm->destroying; id++)
		if (vm->vcpus[id])
			gzvm_hc_destroy_vcpu(vm->id, id);
	/* Before the call that frees the number: see gzvm_vm_check_id(). */
	WRITE_ONCE(vm->destroying, true);
	if (vm->destroy_result == -EAGAIN)
		vm->destroy_result =
			gzvm_hc_repeat(&busy, gzvm_hc_destroy_vm(vm->id, batch));
	ret = vm->destroy_result;
	mutex_unlock(&vm->lock);
	return ret;
}

static void gzvm_vm_release_vcpus(struct gzvm_vm *vm, bool keep_pages)
{
	struct gzvm_vcpu *vcpu, *next;
	unsigned int id;

	for (id = 0; id < GZVM_MAX_VCPUS; id++)
		if (vm->vcpus[id])
			gzvm_vcpu_release_pages(vm->vcpus[id], keep_pages);
	list_for_each_entry_safe(vcpu, next, &vm->dead_vcpus, dead) {
		gzvm_vcpu_release_pages(vcpu, keep_pages);
		gzvm_vcpu_free(vcpu);
	}
}

static void gzvm_vm_release_mailbox(struct gzvm_vm *vm, bool keep_pages)
{
	if (keep_pages)
		atomic_long_inc(&gzvm_drv.kept_pages);
	else
		free_page((unsigned long)vm->mailbox);
	vm->mailbox = NULL;
}

/*
 * EL2 must let go first: a page that it may still map must not return to the
 * host. When EL2 refuses, it is unknown what it still maps, hence all that it was
 * ever given is kept from the host for ever.
 */
static void gzvm_vm_finish(struct gzvm_vm *vm, int ret)
{
	/* Before list_del(): gzvm_freeze() looks at the list and at kept pages. */
	gzvm_vm_release_mailbox(vm, ret);
	/* Until here gzvm_vms_shutdown() may find the VM. */
	mutex_lock(&gzvm_vms_lock);
	list_del(&vm->link);
	mutex_unlock(&gzvm_vms_lock);

	gzvm_vm_release_vcpus(vm, ret);
	gzvm_memslots_free(vm, ret);
	if (ret)
		pr_crit("gzvm: hypervisor refused to destroy VM %u (%d): its memory is lost to the host, %ld pages so far\n",
			vm->id, ret, atomic_long_read(&gzvm_drv.kept_pages));
	vm->ended = true;
}

/* Returns whether the VM has ended; EL2 may be busy for too long. */
static bool gzvm_vm_try_end(struct gzvm_vm *vm, unsigned int calls)
{
	int ret = gzvm_vm_end_hyp(vm, calls);

	if (ret == -EAGAIN)
		return false;
	gzvm_vm_finish(vm, ret);
	return true;
}

/*
 * Stop what may still use the VM's number, then end the VM. delayed_fput() and
 * mmput_async() come here in a work item, and others wait for their workqueue.
 */
static bool gzvm_vm_end_now(struct gzvm_vm *vm)
{
	gzvm_debugfs_remove_vm(vm);
	gzvm_irqfds_end(vm);
	return !(current->flags & PF_WQ_WORKER) &&
	       gzvm_vm_try_end(vm, gzvm_vm_destroy_calls(vm));
}

/**
 * gzvm_vm_end_later() - let a work item end a VM
 * @vm: VM without references, or with one that is passed on (gzvm_vm.end_has_ref)
 *
 * A killed process must not wait for an EL2 that is busy. The pages of the VM stay
 * pinned and accounted, and the module stays loaded, until EL2 has destroyed the VM.
 */
void gzvm_vm_end_later(struct gzvm_vm *vm)
{
	KUNIT_STATIC_STUB_REDIRECT(gzvm_vm_end_later, vm);

	/* A file of the VM still holds the module. */
	__module_get(THIS_MODULE);
	vm->end_pause = 1;
	queue_delayed_work(gzvm_wq, &vm->end_work, 0);
}

/**
 * gzvm_vm_end() - one step of what gzvm_vm_end_later() has left
 * @vm: VM
 * @calls: how often to try
 *
 * Context: process context, may sleep.
 * Return: true: the VM has ended, and the reference that gzvm_vm_end_later() was
 * passed is gone; false: EL2 is busy, call again.
 */
bool gzvm_vm_end(struct gzvm_vm *vm, unsigned int calls)
{
	if (!gzvm_vm_try_end(vm, calls))
		return false;
	if (vm->end_has_ref)
		gzvm_vm_put(vm);
	else
		gzvm_vm_free(vm);
	return true;
}

static void gzvm_vm_end_work(struct work_struct *work)
{
	struct gzvm_vm *vm = container_of(to_delayed_work(work), struct gzvm_vm,
					  end_work);

	if (gzvm_vm_end(vm, gzvm_vm_destroy_calls(vm))) {
		/* Module unload waits until this work item has returned. */
		module_put(THIS_MODULE);
		return;
	}
	if (vm->end_pause == 1)
		pr_warn("gzvm: hypervisor is busy with the end of VM %u: its memory comes back later\n",
			vm->id);
	vm->end_pause = min_t(unsigned long, 2 * vm->end_pause, HZ);
	queue_delayed_work(gzvm_wq, &vm->end_work, vm->end_pause);
}

/**
 * gzvm_vm_end_with_mm() - end a VM whose address space ends
 * @vm: VM; its files may still be open in other processes
 *
 * No thread can be in an ioctl of the VM, nor enter one: all of them need the
 * address space.
 *
 * Context: process context, may sleep.
 */
void gzvm_vm_end_with_mm(struct gzvm_vm *vm)
{
	/* The last put is ending the VM, or has done so. */
	if (!refcount_inc_not_zero(&vm->users))
		return;
	gzvm_irqfds_release(vm);
	if (gzvm_vm_end_now(vm)) {
		gzvm_vm_put(vm);
	} else {
		vm->end_has_ref = true;
		gzvm_vm_end_later(vm);
	}
}

/* How long the shutdown of the host waits for EL2 */
#define GZVM_SHUTDOWN_PATIENCE	(3 * HZ)

static void gzvm_vms_end_hyp(void)
{
	unsigned long end = jiffies + GZVM_SHUTDOWN_PATIENCE;
	struct gzvm_limits limits;
	unsigned int nr_busy = 0;
	struct gzvm_vm *vm;

	lockdep_assert_held(&gzvm_vms_lock);

	if (list_empty(&gzvm_vms))
		return;

	/* Shipped drivers do not end VMs here, hence EL2 may not expect it. */
	gzvm_hc_limits(&limits);
	if (!limits.announced)
		return;
	list_for_each_entry(vm, &gzvm_vms, link) {
		while (gzvm_vm_end_hyp(vm, gzvm_vm_destroy_calls(vm)) == -EAGAIN) {
			if (time_after(jiffies, end)) {
				nr_busy++;
				break;
			}
			schedule_timeout_uninterruptible(1);
		}
	}
	if (nr_busy)
		pr_crit("gzvm: hypervisor stays busy: the host shuts down with %u VMs left behind\n",
			nr_busy);
}

/**
 * gzvm_vms_shutdown() - end all VMs at EL2 because the host shuts down
 *
 * Otherwise the next kernel would find memory that it must not touch. EL2 gets the
 * calls only if it announces limits, since shipped drivers do not make them here.
 * The files of the VMs stay, and their ioctls fail with -EIO.
 *
 * Context: process context, may sleep.
 */
void gzvm_vms_shutdown(void)
{
	struct gzvm_vm *vm;

	mutex_lock(&gzvm_vms_lock);
	gzvm_drv.closed = true;
	list_for_each_entry(vm, &gzvm_vms, link) {
		WRITE_ONCE(vm->dying, true);
		gzvm_vm_wake(vm);
	}

	/*
	 * A vCPU thread that has not seen @dying runs with interrupts off from
	 * that check until it is out of the guest: once its CPU has taken this
	 * interrupt, it is out.
	 */
	kick_all_cpus_sync();

	gzvm_vms_end_hyp();
	mutex_unlock(&gzvm_vms_lock);
}

/**
 * gzvm_vms_exist() - whether EL2 has a VM of this driver
 *
 * Context: process context, may sleep.
 */
bool gzvm_vms_exist(void)
{
	bool exist;

	mutex_lock(&gzvm_vms_lock);
	exist = !list_empty(&gzvm_vms);
	mutex_unlock(&gzvm_vms_lock);
	return exist;
}

/**
 * gzvm_vm_get() - take a reference
 * @vm: VM to which the caller holds a reference
 */
void gzvm_vm_get(struct gzvm_vm *vm)
{
	refcount_inc(&vm->users);
}

/**
 * gzvm_vm_put() - drop a reference; the last one ends the VM
 * @vm: VM
 *
 * Context: process context, may sleep.
 */
void gzvm_vm_put(struct gzvm_vm *vm)
{
	if (!refcount_dec_and_test(&vm->users))
		return;
	if (vm->ended || gzvm_vm_end_now(vm))
		gzvm_vm_free(vm);
	else
		gzvm_vm_end_later(vm);
}
