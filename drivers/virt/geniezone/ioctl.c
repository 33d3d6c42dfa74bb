// SPDX-License-Identifier: GPL-2.0
/*
 * The files of the device, of a VM, of a vCPU and of private memory, and the ioctls.
 */

#include <linux/anon_inodes.h>
#include <linux/build_bug.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gzvm.h"

static const struct file_operations gzvm_vm_fops;
static const struct file_operations gzvm_vcpu_fops;

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

static int gzvm_memfd_release(struct inode *inode, struct file *file)
{
	gzvm_gmem_put(inode->i_private);
	gzvm_vm_put(file->private_data);
	return 0;
}

static const struct file_operations gzvm_memfd_fops = {
	.owner = THIS_MODULE,
	.write_iter = gzvm_gmem_write_iter,
	.fallocate = gzvm_gmem_fallocate,
	.release = gzvm_memfd_release,
};

/**
 * gzvm_gmem_create_fd() - GZVM_CREATE_GUEST_MEMFD
 * @vm: VM whose memory it is
 * @args: its size
 *
 * The file holds a reference to the VM, as those of vCPUs do. A slot holds one to the
 * memory, not to the file.
 *
 * Context: process context of the VM's owner.
 * Return: the file descriptor; -EINVAL for flags, for reserved fields that are not
 * zero, or for a size that is 0, not a multiple of the host's page size, or too large;
 * -EMFILE, -ENFILE or -ENOMEM.
 */
int gzvm_gmem_create_fd(struct gzvm_vm *vm,
			const struct gzvm_create_guest_memfd *args)
{
	struct gzvm_gmem *gmem;
	struct file *file;
	int fd;

	if (args->flags || memchr_inv(args->reserved, 0, sizeof(args->reserved)) ||
	    !args->size || !PAGE_ALIGNED(args->size) || args->size > LLONG_MAX)
		return -EINVAL;

	gmem = gzvm_gmem_create(vm->mm, args->size);
	if (IS_ERR(gmem))
		return PTR_ERR(gmem);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto put;
	file = gzvm_gmem_file(gmem, &gzvm_memfd_fops);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto put;
	}
	gzvm_vm_get(vm);
	file->private_data = vm;
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	fd_install(fd, file);
put:
	gzvm_gmem_put(gmem);
	return fd;
}

static int gzvm_set_dtb_config(struct gzvm_vm *vm,
			       const struct gzvm_dtb_config *config)
{
	if (!gzvm_gpa_range_ok(config->dtb_addr, config->dtb_size))
		return -EINVAL;
	return gzvm_hc_set_dtb_config(vm->id, config->dtb_addr,
				      config->dtb_size);
}

/* The files that know an ioctl */
#define GZVM_FILE_DEV	BIT(0)
#define GZVM_FILE_VM	BIT(1)
#define GZVM_FILE_VCPU	BIT(2)

/* Of the largest struct that an ioctl takes */
#define GZVM_ARG_SIZE	160

/**
 * struct gzvm_ucmd - one ioctl in progress
 * @vm: VM of the file, or NULL for the device
 * @vcpu: vCPU of the file, or NULL
 * @arg: number or pointer, as the caller passed it
 * @data: copy of the struct at @arg, for an ioctl that takes one
 */
struct gzvm_ucmd {
	struct gzvm_vm *vm;
	struct gzvm_vcpu *vcpu;
	unsigned long arg;
	void *data;
};

/**
 * struct gzvm_ioctl - one ioctl
 * @cmd: its number
 * @files: GZVM_FILE_*
 * @fn: handler; returns GZVM_WRITE_BACK to have the struct copied to the caller,
 *	whatever @cmd says
 */
struct gzvm_ioctl {
	unsigned int cmd;
	u8 files;
	long (*fn)(struct gzvm_ucmd *ucmd);
};

/* An ioctl whose argument is a number, or a pointer that only its handler knows */
#define GZVM_IOCTL_PLAIN(_cmd, _files, _call)				\
static long do_##_cmd(struct gzvm_ucmd *ucmd)				\
{									\
	return _call;							\
}									\
static_assert(!_IOC_SIZE(_cmd));					\
static const struct gzvm_ioctl op_##_cmd = {				\
	.cmd = _cmd, .files = _files, .fn = do_##_cmd,			\
}

/*
 * An ioctl of the VM's or the vCPU's file whose argument is a struct. The number,
 * the size of the struct and the end of its last member must agree.
 */
#define GZVM_IOCTL(_cmd, _file, _object, _fn, _type, _last)		\
static long do_##_cmd(struct gzvm_ucmd *ucmd)				\
{									\
	_type *arg = ucmd->data;					\
									\
	return _fn(ucmd->_object, arg);					\
}									\
static_assert(_IOC_SIZE(_cmd) == sizeof(_type));			\
static_assert(offsetofend(_type, _last) == sizeof(_type));		\
static_assert(sizeof(_type) <= GZVM_ARG_SIZE);				\
static const struct gzvm_ioctl op_##_cmd = {				\
	.cmd = _cmd, .files = _file, .fn = do_##_cmd,			\
}

GZVM_IOCTL_PLAIN(GZVM_CREATE_VM, GZVM_FILE_DEV, gzvm_vm_create_fd(ucmd->arg));
GZVM_IOCTL_PLAIN(GZVM_CHECK_EXTENSION, GZVM_FILE_DEV | GZVM_FILE_VM,
		 gzvm_check_extension(ucmd->vm, (void __user *)ucmd->arg));
GZVM_IOCTL_PLAIN(GZVM_CREATE_VCPU, GZVM_FILE_VM,
		 gzvm_vcpu_create_fd(ucmd->vm, ucmd->arg));
GZVM_IOCTL_PLAIN(GZVM_RUN, GZVM_FILE_VCPU,
		 gzvm_vcpu_run(ucmd->vcpu, (void __user *)ucmd->arg));

GZVM_IOCTL(GZVM_SET_USER_MEMORY_REGION, GZVM_FILE_VM, vm, gzvm_memslot_set,
	   struct gzvm_userspace_memory_region, userspace_addr);
GZVM_IOCTL(GZVM_SET_USER_MEMORY_REGION2, GZVM_FILE_VM, vm, gzvm_memslot_set2,
	   struct gzvm_userspace_memory_region2, pad2);
GZVM_IOCTL(GZVM_CREATE_GUEST_MEMFD, GZVM_FILE_VM, vm, gzvm_gmem_create_fd,
	   struct gzvm_create_guest_memfd, reserved);
GZVM_IOCTL(GZVM_IRQ_LINE, GZVM_FILE_VM, vm, gzvm_irq_line,
	   struct gzvm_irq_level, level);
GZVM_IOCTL(GZVM_IRQFD, GZVM_FILE_VM, vm, gzvm_irqfd, struct gzvm_irqfd, pad);
GZVM_IOCTL(GZVM_IOEVENTFD, GZVM_FILE_VM, vm, gzvm_ioeventfd,
	   struct gzvm_ioeventfd, pad);
GZVM_IOCTL(GZVM_ENABLE_CAP, GZVM_FILE_VM, vm, gzvm_enable_cap,
	   struct gzvm_enable_cap, args);
GZVM_IOCTL(GZVM_CREATE_DEVICE, GZVM_FILE_VM, vm, gzvm_device_create,
	   struct gzvm_create_device, attr_size);
GZVM_IOCTL(GZVM_SET_DTB_CONFIG, GZVM_FILE_VM, vm, gzvm_set_dtb_config,
	   struct gzvm_dtb_config, dtb_size);
GZVM_IOCTL(GZVM_GET_ONE_REG, GZVM_FILE_VCPU, vcpu, gzvm_vcpu_get_reg,
	   struct gzvm_one_reg, addr);
GZVM_IOCTL(GZVM_SET_ONE_REG, GZVM_FILE_VCPU, vcpu, gzvm_vcpu_set_reg,
	   struct gzvm_one_reg, addr);

#define GZVM_OP(_cmd)							\
	[_IOC_NR(_cmd)] = &op_##_cmd

/*
 * No two ioctls share a number. One entry for each value of _IOC_NR(): no index
 * can leave the table, under speculation either.
 */
static const struct gzvm_ioctl *const gzvm_ioctls[1 << _IOC_NRBITS] = {
	GZVM_OP(GZVM_CREATE_VM),
	GZVM_OP(GZVM_CHECK_EXTENSION),
	GZVM_OP(GZVM_CREATE_VCPU),
	GZVM_OP(GZVM_SET_USER_MEMORY_REGION),
	GZVM_OP(GZVM_SET_USER_MEMORY_REGION2),
	GZVM_OP(GZVM_CREATE_GUEST_MEMFD),
	GZVM_OP(GZVM_IRQ_LINE),
	GZVM_OP(GZVM_IRQFD),
	GZVM_OP(GZVM_IOEVENTFD),
	GZVM_OP(GZVM_RUN),
	GZVM_OP(GZVM_ENABLE_CAP),
	GZVM_OP(GZVM_GET_ONE_REG),
	GZVM_OP(GZVM_SET_ONE_REG),
	GZVM_OP(GZVM_CREATE_DEVICE),
	GZVM_OP(GZVM_SET_DTB_CONFIG),
};

/* Apart from gzvm_ioctl(): GZVM_RUN needs no room for a struct. */
static noinline long gzvm_ioctl_struct(const struct gzvm_ioctl *op,
				       struct gzvm_ucmd *ucmd)
{
	void __user *argp = (void __user *)ucmd->arg;
	u64 data[GZVM_ARG_SIZE / sizeof(u64)];
	long ret;

	if (copy_from_user(data, argp, _IOC_SIZE(op->cmd)))
		return -EFAULT;
	ucmd->data = data;
	ret = op->fn(ucmd);
	if (ret != GZVM_WRITE_BACK)
		return ret;
	return copy_to_user(argp, data, _IOC_SIZE(op->cmd)) ? -EFAULT : 0;
}

static long gzvm_ioctl(struct gzvm_ucmd *ucmd, u8 file, unsigned int cmd)
{
	const struct gzvm_ioctl *op = gzvm_ioctls[_IOC_NR(cmd)];

	if (!op || op->cmd != cmd || !(op->files & file))
		return -ENOTTY;
	return _IOC_SIZE(cmd) ? gzvm_ioctl_struct(op, ucmd) : op->fn(ucmd);
}

static long gzvm_dev_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct gzvm_ucmd ucmd = { .arg = arg };

	return gzvm_ioctl(&ucmd, GZVM_FILE_DEV, cmd);
}

/**
 * gzvm_out_of_reach() - whether the caller must not use the VM
 * @vm: VM
 *
 * The driver pins pages of current->mm: that must be the address space that is
 * accounted and that the slots describe. When the host shuts down, EL2 has
 * destroyed the VM.
 *
 * Return: true when the call must fail with -EIO.
 */
bool gzvm_out_of_reach(const struct gzvm_vm *vm)
{
	return current->mm != vm->mm || READ_ONCE(vm->dying);
}

/**
 * gzvm_vm_ioctl() - ioctls of a VM's file
 * @file: the file, which holds a reference to the VM
 * @cmd: GZVM_*
 * @arg: number or pointer
 *
 * Return: as the ioctl; -EIO from an address space other than the creator's, or
 * when the host shuts down; -ENOTTY for an unknown ioctl.
 */
long gzvm_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct gzvm_ucmd ucmd = { .vm = file->private_data, .arg = arg };

	if (gzvm_out_of_reach(ucmd.vm))
		return -EIO;
	return gzvm_ioctl(&ucmd, GZVM_FILE_VM, cmd);
}

static long gzvm_vcpu_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct gzvm_vcpu *vcpu = file->private_data;
	struct gzvm_ucmd ucmd = { .vm = vcpu->vm, .vcpu = vcpu, .arg = arg };

	if (gzvm_out_of_reach(vcpu->vm))
		return -EIO;
	return gzvm_ioctl(&ucmd, GZVM_FILE_VCPU, cmd);
}

static void gzvm_vm_show_fdinfo(struct seq_file *m, struct file *file)
{
	gzvm_vm_show(m, file->private_data);
}

static void gzvm_vcpu_show_fdinfo(struct seq_file *m, struct file *file)
{
	gzvm_vcpu_show(m, file->private_data);
}

static const struct file_operations gzvm_vm_fops = {
	.owner = THIS_MODULE,
	.show_fdinfo = gzvm_vm_show_fdinfo,
	.release = gzvm_vm_release,
	.unlocked_ioctl = gzvm_vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static const struct file_operations gzvm_vcpu_fops = {
	.owner = THIS_MODULE,
	.show_fdinfo = gzvm_vcpu_show_fdinfo,
	.release = gzvm_vcpu_release,
	.unlocked_ioctl = gzvm_vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static const struct file_operations gzvm_dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = gzvm_dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

struct miscdevice gzvm_miscdev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gzvm",
	.fops = &gzvm_dev_fops,
};
