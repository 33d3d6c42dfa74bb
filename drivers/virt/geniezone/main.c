// SPDX-License-Identifier: GPL-2.0
/*
 * GenieZone hypervisor driver: module, discovery, /dev/gzvm.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/uaccess.h>

#include <asm/cpufeature.h>
#include <asm/virt.h>

#include "gzvm.h"

/* The memory code counts host pages where the interface counts 4 KiB ones. */
static_assert(PAGE_SIZE == GZVM_PAGE_SIZE);

/* What EL2s did that do not know how to be asked */
#define GZVM_DEFAULT_MAP_BATCH		GZVM_BLOCK_PAGES
#define GZVM_DEFAULT_DESTROY_BATCH	128

struct gzvm_driver gzvm_drv = {
	.map_batch = GZVM_DEFAULT_MAP_BATCH,
	.destroy_batch = GZVM_DEFAULT_DESTROY_BATCH,
};

/**
 * gzvm_ipa_bits() - size of a guest's physical address space
 *
 * The machine's own: stage 2 cannot be wider (ARM DDI 0487, VTCR_EL2.PS).
 *
 * Return: bits, 32 to 52.
 */
unsigned int gzvm_ipa_bits(void)
{
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	unsigned int parange;

	parange = cpuid_feature_extract_unsigned_field(mmfr0,
						       ID_AA64MMFR0_EL1_PARANGE_SHIFT);
	return id_aa64mmfr0_parange_to_phys_shift(parange);
}

static int gzvm_cap_value(struct gzvm_vm *vm, u64 cap, u64 *value)
{
	switch (cap) {
	case GZVM_CAP_VM_GPA_SIZE:
		*value = gzvm_ipa_bits();
		return 0;
	case GZVM_CAP_ENABLE_DEMAND_PAGING:
		*value = vm && vm->paging != GZVM_PAGING_NONE;
		break;
	case GZVM_CAP_BLOCK_BASED_DEMAND_PAGING:
		*value = vm && vm->paging == GZVM_PAGING_BLOCK;
		break;
	case GZVM_CAP_ENABLE_IDLE:
		*value = vm && vm->idle;
		break;
	default:
		return -EOPNOTSUPP;
	}
	return *value ? 0 : -EOPNOTSUPP;
}

/**
 * gzvm_check_extension() - GZVM_CHECK_EXTENSION
 * @vm: VM that is asked about, or NULL for the device
 * @argp: a __u64 in user memory: capability in, value out
 *
 * Return: 0; -EOPNOTSUPP for a capability that is not there, with the __u64
 * left alone; -EFAULT.
 */
int gzvm_check_extension(struct gzvm_vm *vm, void __user *argp)
{
	u64 cap, value;
	int ret;

	if (copy_from_user(&cap, argp, sizeof(cap)))
		return -EFAULT;
	ret = gzvm_cap_value(vm, cap, &value);
	if (ret)
		return ret;
	if (copy_to_user(argp, &value, sizeof(value)))
		return -EFAULT;
	return 0;
}

static long gzvm_dev_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	switch (cmd) {
	case GZVM_CREATE_VM:
		return gzvm_vm_create_fd(arg);
	case GZVM_CHECK_EXTENSION:
		return gzvm_check_extension(NULL, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations gzvm_dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = gzvm_dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice gzvm_miscdev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gzvm",
	.fops = &gzvm_dev_fops,
};

static void gzvm_query_batch(u64 cap, u64 max, u32 *batch)
{
	static const u64 args[5];
	u64 value;

	if (!gzvm_hc_enable_cap(0, cap, args, &value) &&
	    is_power_of_2(value) && value <= max)
		*batch = value;
}

static void gzvm_misc_deregister(void *data)
{
	misc_deregister(&gzvm_miscdev);
}

/*
 * An HVC is undefined where no EL2 takes it, and goes to KVM where Linux owns
 * EL2. Only a machine whose firmware names GenieZone gets here, and only a
 * kernel that was entered at EL1 goes on.
 */
static int gzvm_probe(struct platform_device *pdev)
{
	int ret;

	if (is_kernel_in_hyp_mode())
		return -ENODEV;

	ret = gzvm_hc_probe(&gzvm_drv.version);
	if (ret)
		return ret;

	gzvm_query_batch(GZVM_CAP_QUERY_HYP_BATCH_PAGES, GZVM_BLOCK_PAGES,
			 &gzvm_drv.map_batch);
	gzvm_query_batch(GZVM_CAP_QUERY_DESTROY_BATCH_PAGES, U32_MAX,
			 &gzvm_drv.destroy_batch);

	/* Last: from here on there are users. */
	ret = misc_register(&gzvm_miscdev);
	if (ret)
		return ret;
	ret = devm_add_action_or_reset(&pdev->dev, gzvm_misc_deregister, NULL);
	if (ret)
		return ret;

	dev_info(&pdev->dev, "GenieZone %llu.%llu.%llu\n",
		 gzvm_drv.version.major, gzvm_drv.version.minor,
		 gzvm_drv.version.sub);
	return 0;
}

static const struct of_device_id gzvm_of_match[] = {
	{ .compatible = "mediatek,geniezone" },
	{ .compatible = "mediatek,geniezone-hyp" },
	{ }
};
MODULE_DEVICE_TABLE(of, gzvm_of_match);

static struct platform_driver gzvm_platform_driver = {
	.probe = gzvm_probe,
	.driver = {
		.name = "gzvm",
		.of_match_table = gzvm_of_match,
		/* Files of VMs outlive an unbind; keep it to module unload. */
		.suppress_bind_attrs = true,
	},
};
module_platform_driver(gzvm_platform_driver);

MODULE_DESCRIPTION("GenieZone hypervisor driver");
MODULE_LICENSE("GPL");
