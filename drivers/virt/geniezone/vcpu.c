// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPU: its file, its registers, its run loop.
 */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>

#include "gzvm.h"
#include "trace.h"

static const struct file_operations gzvm_vcpu_fops;

/**
 * gzvm_vcpu_destroy() - end a vCPU at EL2
 * @vcpu: vCPU that nobody can run any more
 *
 * Context: process context, may sleep.
 * Return: 0 when EL2 has let go of the shared pages, or an errno.
 */
int gzvm_vcpu_destroy(struct gzvm_vcpu *vcpu)
{
	int ret;

	do {
		ret = gzvm_hc_destroy_vcpu(vcpu->vm->id, vcpu->id);
		cond_resched();
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * gzvm_vcpu_free() - free a vCPU
 * @vcpu: vCPU that EL2 does not know (any more)
 * @keep_shared: EL2 may still write the shared pages: they are lost
 */
void gzvm_vcpu_free(struct gzvm_vcpu *vcpu, bool keep_shared)
{
	if (keep_shared)
		atomic_long_add(GZVM_SHARED_SIZE >> PAGE_SHIFT,
				&gzvm_drv.kept_pages);
	else
		free_pages_exact(vcpu->shared, GZVM_SHARED_SIZE);
	mutex_destroy(&vcpu->lock);
	kfree(vcpu);
}

static struct gzvm_vcpu *gzvm_vcpu_alloc(struct gzvm_vm *vm, u16 id)
{
	struct gzvm_vcpu *vcpu;

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return NULL;

	vcpu->shared = alloc_pages_exact(GZVM_SHARED_SIZE,
					 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!vcpu->shared) {
		kfree(vcpu);
		return NULL;
	}
	vcpu->hwstate = (void *)vcpu->shared + GZVM_PAGE_SIZE;
	vcpu->vm = vm;
	vcpu->id = id;
	gzvm_hc_run_init(&vcpu->run, vm->id, id);
	mutex_init(&vcpu->lock);
	rcuwait_init(&vcpu->wait);
	return vcpu;
}

/**
 * gzvm_vcpu_create() - make a vCPU, here and at EL2
 * @vm: VM
 * @id: its number
 *
 * Context: process context; takes vm->lock, so that of two creators of one id
 * the second finds it taken.
 * Return: the vCPU, which belongs to the VM; -EINVAL for an id from
 * GZVM_MAX_VCPUS up; -EEXIST for one that is taken; -ENOMEM; -EINTR when
 * killed; or the errno of EL2's refusal.
 */
struct gzvm_vcpu *gzvm_vcpu_create(struct gzvm_vm *vm, unsigned long id)
{
	struct gzvm_vcpu *vcpu;
	int ret;

	if (id >= GZVM_MAX_VCPUS)
		return ERR_PTR(-EINVAL);
	id = array_index_nospec(id, GZVM_MAX_VCPUS);

	vcpu = gzvm_vcpu_alloc(vm, id);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);

	ret = mutex_lock_killable(&vm->lock);
	if (ret)
		goto free;

	ret = vm->vcpus[id] ? -EEXIST :
	      gzvm_hc_create_vcpu(vm->id, id, virt_to_phys(vcpu->shared));
	if (!ret) {
		vm->nr_vcpus++;
		/* Pairs with the acquire in gzvm_vm_wake(). */
		smp_store_release(&vm->vcpus[id], vcpu);
	}
	mutex_unlock(&vm->lock);
	if (!ret)
		return vcpu;
free:
	gzvm_vcpu_free(vcpu, false);
	return ERR_PTR(ret);
}

static int gzvm_vcpu_release(struct inode *inode, struct file *file)
{
	struct gzvm_vcpu *vcpu = file->private_data;

	/* No vCPU when its creation failed after the file was there. */
	if (vcpu)
		gzvm_vm_put(vcpu->vm);
	return 0;
}

/**
 * gzvm_vcpu_create_fd() - GZVM_CREATE_VCPU
 * @vm: VM
 * @id: number of the vCPU
 *
 * The file owns a reference to the VM, and its release drops it; the vCPU is
 * the VM's. The call to EL2 comes last of what can fail.
 *
 * Return: the file descriptor; -EMFILE, -ENFILE or -ENOMEM; or as
 * gzvm_vcpu_create().
 */
int gzvm_vcpu_create_fd(struct gzvm_vm *vm, unsigned long id)
{
	struct gzvm_vcpu *vcpu;
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	file = anon_inode_getfile("gzvm-vcpu", &gzvm_vcpu_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}

	vcpu = gzvm_vcpu_create(vm, id);
	if (IS_ERR(vcpu)) {
		fput(file);
		put_unused_fd(fd);
		return PTR_ERR(vcpu);
	}

	gzvm_vm_get(vm);
	file->private_data = vcpu;
	fd_install(fd, file);
	return fd;
}

/**
 * gzvm_vcpu_one_reg() - GZVM_GET_ONE_REG and GZVM_SET_ONE_REG
 * @vcpu: vCPU
 * @reg: which register, and where in user memory its value is
 * @write: whether to set it
 *
 * Context: process context; takes vcpu->lock, so that it waits for the end of
 * a GZVM_RUN.
 * Return: 0; -EINVAL for an id that is not of arm64 or wider than 64 bits;
 * -EFAULT; -EINTR when killed; or the errno of EL2's refusal, among them
 * -EOPNOTSUPP when it cannot read registers.
 */
int gzvm_vcpu_one_reg(struct gzvm_vcpu *vcpu, const struct gzvm_one_reg *reg,
		      bool write)
{
	void __user *addr = u64_to_user_ptr(reg->addr);
	size_t size = BIT((reg->id & GZVM_REG_SIZE_MASK) >>
			  GZVM_REG_SIZE_SHIFT);
	u64 value = 0;
	int ret;

	if ((reg->id & GZVM_REG_ARCH_MASK) != GZVM_REG_ARM64 ||
	    size > sizeof(value))
		return -EINVAL;
	if (write && copy_from_user(&value, addr, size))
		return -EFAULT;

	ret = mutex_lock_killable(&vcpu->lock);
	if (ret)
		return ret;
	if (write)
		ret = gzvm_hc_set_one_reg(vcpu->vm->id, vcpu->id, reg->id,
					  value);
	else
		ret = gzvm_hc_get_one_reg(vcpu->vm->id, vcpu->id, reg->id,
					  &value);
	mutex_unlock(&vcpu->lock);

	if (!ret && !write && copy_to_user(addr, &value, size))
		return -EFAULT;
	return ret;
}

/*
 * Work that has to be done before the guest is entered. Task work cannot run
 * here, for a module cannot call it: the ioctl is made to restart, which runs
 * it on the way and is not seen by the VMM.
 */
static bool gzvm_work_pending(struct gzvm_vcpu *vcpu)
{
	/* A kick that comes after this look has to end the guest's run. */
	lockdep_assert_irqs_disabled();

	return signal_pending(current) || need_resched() ||
	       task_work_pending(current) || READ_ONCE(vcpu->vm->dying) ||
	       vcpu->nr_eois;
}

static int gzvm_handle_work(struct gzvm_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->vm->dying))
		return -EIO;
	if (signal_pending(current)) {
		/* A notice; what EL2 says to it changes nothing. */
		(void)gzvm_hc_inform_exit(vcpu->vm->id);
		return -ERESTARTSYS;
	}
	if (task_work_pending(current)) {
		set_thread_flag(TIF_NOTIFY_SIGNAL);
		return -ERESTARTSYS;
	}
	if (vcpu->nr_eois)
		gzvm_irqfd_pay_eois(vcpu);
	cond_resched();
	return 0;
}

/*
 * Enter the guest once. Interrupts are off from the last look for signals on:
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
	if (!ret && *reason == GZVM_EXIT_IRQ) {
		/*
		 * Take the interrupt now, for its tick is the guest's time. The
		 * ISB makes that sure: ARM DDI 0487 D1.3.6.
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

/* What the VMM answers to the last exit. EL2 is given that much, no more. */
static int gzvm_run_resume(struct gzvm_vcpu *vcpu,
			   struct gzvm_vcpu_run __user *urun)
{
	struct gzvm_hyp_run *shared = vcpu->shared;
	u64 args[8];
	u8 data[8];
	int i;

	switch (vcpu->resume) {
	case GZVM_RESUME_NONE:
		return 0;
	case GZVM_RESUME_MMIO_READ:
		if (copy_from_user(data, urun->mmio.data, sizeof(data)))
			return -EFAULT;
		memcpy(shared->mmio.data, data, sizeof(data));
		return 0;
	case GZVM_RESUME_HYPERCALL:
		if (copy_from_user(args, urun->hypercall.args, sizeof(args)))
			return -EFAULT;
		for (i = 0; i < ARRAY_SIZE(args); i++)
			shared->hypercall.args[i] = cpu_to_le64(args[i]);
		return 0;
	}
	return 0;
}

/*
 * Look at what the VMM asks for. Any non-zero immediate_exit counts. It and the
 * padding that follows are one word, and nearly always 0.
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
 * Hand the exit to the VMM. What it did not ask for is not written: neither
 * immediate_exit, which a signal handler may be setting, nor what the exit
 * does not use of the union.
 */
static int gzvm_run_deliver(struct gzvm_vcpu *vcpu,
			    struct gzvm_vcpu_run __user *urun)
{
	struct gzvm_vcpu_run *exit = &vcpu->exit;

	vcpu->undelivered = true;
	if (copy_to_user(urun->padding, exit->padding, vcpu->exit_size) ||
	    put_user(exit->exit_reason, &urun->exit_reason))
		return -EFAULT;
	vcpu->undelivered = false;
	return 0;
}

/* Run until an exit is the VMM's (0), or something else ends it (errno). */
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

	/* An exit that the VMM has not got yet comes before all others. */
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
 * An exit that needs the VMM wins over a pending signal, which is looked at
 * before the next entry: the guest's access would be lost otherwise. An exit
 * that cannot be copied to the VMM is kept and comes with the next call.
 *
 * Context: process context of the VM's owner; takes vcpu->lock, so that a
 * second thread waits, and dies if it is killed.
 * Return: 0 with an exit in @urun; -ERESTARTSYS for a signal, which becomes
 * -EINTR unless its handler asked for restart; -EINTR for immediate_exit, or
 * when killed; -EINVAL for padding that is not zero; -EFAULT when @urun cannot
 * be read or written, or when the guest touched memory that the VMM has not
 * mapped writable; -ENOMEM when the page that the guest touched cannot be had
 * or RLIMIT_MEMLOCK does not allow it; -EAGAIN when EL2 is busy; -EIO when the
 * host goes down; or the errno of EL2's refusal.
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

static long gzvm_vcpu_ioctl_one_reg(struct gzvm_vcpu *vcpu, void __user *argp,
				    bool write)
{
	struct gzvm_one_reg reg;

	if (copy_from_user(&reg, argp, sizeof(reg)))
		return -EFAULT;
	return gzvm_vcpu_one_reg(vcpu, &reg, write);
}

static long gzvm_vcpu_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct gzvm_vcpu *vcpu = file->private_data;
	void __user *argp = (void __user *)arg;

	if (gzvm_out_of_reach(vcpu->vm))
		return -EIO;

	switch (cmd) {
	case GZVM_RUN:
		return gzvm_vcpu_run(vcpu, argp);
	case GZVM_GET_ONE_REG:
		return gzvm_vcpu_ioctl_one_reg(vcpu, argp, false);
	case GZVM_SET_ONE_REG:
		return gzvm_vcpu_ioctl_one_reg(vcpu, argp, true);
	default:
		return -ENOTTY;
	}
}

static void gzvm_vcpu_show_fdinfo(struct seq_file *m, struct file *file)
{
	gzvm_vcpu_show(m, file->private_data);
}

static const struct file_operations gzvm_vcpu_fops = {
	.owner = THIS_MODULE,
	.show_fdinfo = gzvm_vcpu_show_fdinfo,
	.release = gzvm_vcpu_release,
	.unlocked_ioctl = gzvm_vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
