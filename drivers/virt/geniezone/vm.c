// SPDX-License-Identifier: GPL-2.0
/*
 * The VM: its file, its life, its ioctls.
 */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "gzvm.h"

static const struct file_operations gzvm_vm_fops;

/* All VMs that EL2 has. */
static DEFINE_MUTEX(gzvm_vms_lock);
static LIST_HEAD(gzvm_vms);

/* An EL2 that does not know a capability lacks the feature: no failure. */
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

static void gzvm_vm_free(struct gzvm_vm *vm, bool keep_mailbox)
{
	gzvm_ioeventfds_free(vm);
	mutex_destroy(&vm->irqfds.assign_lock);
	mutex_destroy(&vm->mailbox_lock);
	mutex_destroy(&vm->lock);
	if (!keep_mailbox)
		free_page((unsigned long)vm->mailbox);
	mmdrop(vm->mm);
	kvfree(vm);
}

static struct gzvm_vm *gzvm_vm_alloc(void)
{
	struct gzvm_vm *vm;

	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return NULL;
	vm->mailbox = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vm->mailbox || gzvm_ioeventfds_init(vm)) {
		free_page((unsigned long)vm->mailbox);
		kvfree(vm);
		return NULL;
	}

	gzvm_irqfds_init(vm);
	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	init_rwsem(&vm->slots_lock);
	mutex_init(&vm->mailbox_lock);
	INIT_LIST_HEAD(&vm->dead_slots);
	vm->mm = current->mm;
	mmgrab(vm->mm);
	return vm;
}

/**
 * gzvm_vm_create() - make a VM, here and at EL2
 * @type: VM type, 0 = normal
 *
 * Context: process context; the VM belongs to current->mm.
 * Return: the VM, with one reference that the caller owns; -ENOMEM; -ENODEV
 * when the host goes down; or the errno of EL2's refusal.
 */
struct gzvm_vm *gzvm_vm_create(unsigned long type)
{
	struct gzvm_vm *vm;
	int ret;

	vm = gzvm_vm_alloc();
	if (!vm)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&gzvm_vms_lock);
	ret = gzvm_drv.closed ? -ENODEV : gzvm_hc_create_vm(type, &vm->id);
	if (!ret)
		list_add(&vm->link, &gzvm_vms);
	mutex_unlock(&gzvm_vms_lock);
	if (ret) {
		gzvm_vm_free(vm, false);
		return ERR_PTR(ret);
	}
	gzvm_vm_enable_features(vm);
	return vm;
}

/* Ends all that EL2 has of the VM. */
static int gzvm_vm_destroy_hyp(struct gzvm_vm *vm)
{
	unsigned int id;
	int ret;

	for (id = 0; id < GZVM_MAX_VCPUS; id++) {
		ret = vm->vcpus[id] ? gzvm_vcpu_destroy(vm->vcpus[id]) : 0;
		if (ret)
			return ret;
	}

	do {
		ret = gzvm_hc_destroy_vm(vm->id,
					 READ_ONCE(gzvm_drv.destroy_batch));
		cond_resched();
	} while (ret == -EAGAIN);
	return ret;
}

/* Once, be it at the VM's end or at the host's. */
static int gzvm_vm_destroy_once(struct gzvm_vm *vm)
{
	int ret;

	mutex_lock(&vm->lock);
	if (!vm->destroyed)
		vm->destroy_result = gzvm_vm_destroy_hyp(vm);
	vm->destroyed = true;
	ret = vm->destroy_result;
	mutex_unlock(&vm->lock);
	return ret;
}

/*
 * EL2 goes first: as long as it may reach a page, the page is not the host's.
 * When EL2 refuses, nobody knows what it still maps: everything that it was
 * ever given stays out of the host's hands for good.
 */
static void gzvm_vm_destroy(struct gzvm_vm *vm)
{
	unsigned int id;
	int ret;

	gzvm_debugfs_remove_vm(vm);
	ret = gzvm_vm_destroy_once(vm);
	/* The mailbox, and first: gzvm_freeze() looks for either. */
	if (ret)
		atomic_long_inc(&gzvm_drv.kept_pages);
	/* Until here gzvm_vms_shutdown() may find it. */
	mutex_lock(&gzvm_vms_lock);
	list_del(&vm->link);
	mutex_unlock(&gzvm_vms_lock);

	for (id = 0; id < GZVM_MAX_VCPUS; id++)
		if (vm->vcpus[id])
			gzvm_vcpu_free(vm->vcpus[id], ret);
	gzvm_memslots_free(vm, ret);
	if (ret)
		pr_crit("gzvm: hypervisor refused to destroy VM %u (%d): its memory is lost to the host, %ld pages so far\n",
			vm->id, ret, atomic_long_read(&gzvm_drv.kept_pages));
	gzvm_vm_free(vm, ret);
}

/**
 * gzvm_vms_shutdown() - have EL2 give back what VMs have, the host goes down
 *
 * Otherwise the next kernel, or the firmware, finds memory that it may not
 * touch. The VMs' files stay, and fail with -EIO.
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
	 * Whoever saw a VM alive did so with interrupts off, on the way into
	 * the guest: once its CPU has taken this interrupt, it is out again.
	 */
	kick_all_cpus_sync();

	list_for_each_entry(vm, &gzvm_vms, link)
		(void)gzvm_vm_destroy_once(vm);
	mutex_unlock(&gzvm_vms_lock);
}

/**
 * gzvm_vms_exist() - whether EL2 has any VM of ours
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
 * @vm: VM to which the caller has a reference already
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
	if (refcount_dec_and_test(&vm->users))
		gzvm_vm_destroy(vm);
}

static int gzvm_vm_release(struct inode *inode, struct file *file)
{
	struct gzvm_vm *vm = file->private_data;

	/* No VM when its creation failed after the file was there. */
	if (!vm)
		return 0;
	gzvm_irqfds_release(vm);
	gzvm_vm_put(vm);
	return 0;
}

/**
 * gzvm_vm_create_fd() - GZVM_CREATE_VM
 * @type: VM type, 0 = normal
 *
 * The file owns the VM's first reference and its release drops it. The call to
 * EL2 comes last of what can fail, so that it never has to be undone.
 *
 * Return: the file descriptor; -EMFILE, -ENFILE or -ENOMEM; or as
 * gzvm_vm_create().
 */
int gzvm_vm_create_fd(unsigned long type)
{
	struct gzvm_vm *vm;
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	file = anon_inode_getfile("gzvm-vm", &gzvm_vm_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}

	vm = gzvm_vm_create(type);
	if (IS_ERR(vm)) {
		fput(file);
		put_unused_fd(fd);
		return PTR_ERR(vm);
	}

	gzvm_debugfs_add_vm(vm);
	file->private_data = vm;
	fd_install(fd, file);
	return fd;
}

static int gzvm_set_dtb_config(struct gzvm_vm *vm,
			       const struct gzvm_dtb_config *config)
{
	u64 end;

	if (!config->dtb_size ||
	    check_add_overflow(config->dtb_addr, config->dtb_size, &end) ||
	    end > BIT_ULL(gzvm_ipa_bits()))
		return -EINVAL;
	return gzvm_hc_set_dtb_config(vm->id, config->dtb_addr,
				      config->dtb_size);
}

/* Arguments of the ioctls that carry a struct */
union gzvm_vm_arg {
	struct gzvm_userspace_memory_region region;
	struct gzvm_irq_level irq;
	struct gzvm_create_device device;
	struct gzvm_dtb_config dtb;
	struct gzvm_irqfd irqfd;
	struct gzvm_ioeventfd ioeventfd;
	struct gzvm_enable_cap cap;
};

static int gzvm_ioctl_set_region(struct gzvm_vm *vm, union gzvm_vm_arg *arg)
{
	return gzvm_memslot_set(vm, &arg->region);
}

static int gzvm_ioctl_irq_line(struct gzvm_vm *vm, union gzvm_vm_arg *arg)
{
	return gzvm_irq_line(vm, &arg->irq);
}

static int gzvm_ioctl_create_device(struct gzvm_vm *vm, union gzvm_vm_arg *arg)
{
	return gzvm_device_create(vm, &arg->device);
}

static int gzvm_ioctl_dtb_config(struct gzvm_vm *vm, union gzvm_vm_arg *arg)
{
	return gzvm_set_dtb_config(vm, &arg->dtb);
}

static int gzvm_ioctl_irqfd(struct gzvm_vm *vm, union gzvm_vm_arg *arg)
{
	return gzvm_irqfd(vm, &arg->irqfd);
}

static int gzvm_ioctl_ioeventfd(struct gzvm_vm *vm, union gzvm_vm_arg *arg)
{
	return gzvm_ioeventfd(vm, &arg->ioeventfd);
}

static int gzvm_ioctl_enable_cap(struct gzvm_vm *vm, union gzvm_vm_arg *arg)
{
	return gzvm_enable_cap(vm, &arg->cap);
}

/**
 * struct gzvm_vm_op - an ioctl with a struct as its argument
 * @cmd: GZVM_*
 * @write_back: the caller gets the struct back, whatever @cmd says
 * @fn: what does it
 */
struct gzvm_vm_op {
	unsigned int cmd;
	bool write_back;
	int (*fn)(struct gzvm_vm *vm, union gzvm_vm_arg *arg);
};

static const struct gzvm_vm_op gzvm_vm_ops[] = {
	{ GZVM_IRQ_LINE, false, gzvm_ioctl_irq_line },
	{ GZVM_IRQFD, false, gzvm_ioctl_irqfd },
	{ GZVM_IOEVENTFD, false, gzvm_ioctl_ioeventfd },
	{ GZVM_SET_USER_MEMORY_REGION, false, gzvm_ioctl_set_region },
	{ GZVM_ENABLE_CAP, true, gzvm_ioctl_enable_cap },
	{ GZVM_CREATE_DEVICE, false, gzvm_ioctl_create_device },
	{ GZVM_SET_DTB_CONFIG, false, gzvm_ioctl_dtb_config },
};

static long gzvm_vm_ioctl_do(struct gzvm_vm *vm, const struct gzvm_vm_op *op,
			     void __user *argp)
{
	union gzvm_vm_arg arg;
	int ret;

	if (copy_from_user(&arg, argp, _IOC_SIZE(op->cmd)))
		return -EFAULT;
	ret = op->fn(vm, &arg);
	if (!ret && op->write_back &&
	    copy_to_user(argp, &arg, _IOC_SIZE(op->cmd)))
		return -EFAULT;
	return ret;
}

static long gzvm_vm_ioctl_struct(struct gzvm_vm *vm, unsigned int cmd,
				 void __user *argp)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gzvm_vm_ops); i++)
		if (gzvm_vm_ops[i].cmd == cmd)
			return gzvm_vm_ioctl_do(vm, &gzvm_vm_ops[i], argp);
	return -ENOTTY;
}

/**
 * gzvm_vm_ioctl() - ioctls of a VM's file
 * @file: the file, which keeps the VM
 * @cmd: GZVM_*
 * @arg: number or pointer
 *
 * Return: as the ioctl; -EIO from any address space but the creator's, or
 * when the host goes down;
 * -ENOTTY for an ioctl not known.
 */
long gzvm_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct gzvm_vm *vm = file->private_data;
	void __user *argp = (void __user *)arg;

	if (gzvm_out_of_reach(vm))
		return -EIO;

	switch (cmd) {
	case GZVM_CHECK_EXTENSION:
		return gzvm_check_extension(vm, argp);
	case GZVM_CREATE_VCPU:
		return gzvm_vcpu_create_fd(vm, arg);
	default:
		return gzvm_vm_ioctl_struct(vm, cmd, argp);
	}
}

static void gzvm_vm_show_fdinfo(struct seq_file *m, struct file *file)
{
	gzvm_vm_show(m, file->private_data);
}

static const struct file_operations gzvm_vm_fops = {
	.owner = THIS_MODULE,
	.show_fdinfo = gzvm_vm_show_fdinfo,
	.release = gzvm_vm_release,
	.unlocked_ioctl = gzvm_vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
