// SPDX-License-Identifier: GPL-2.0
/*
 * GenieZone hypervisor driver: module, discovery, /dev/gzvm.
 */

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm.h>

#include <asm/virt.h>

#include "gzvm.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The memory code counts host pages where the interface counts 4 KiB ones. */
static_assert(PAGE_SIZE == GZVM_PAGE_SIZE);

/* What EL2s did that do not know how to be asked */
#define GZVM_DEFAULT_MAP_BATCH		GZVM_BLOCK_PAGES
#define GZVM_DEFAULT_DESTROY_BATCH	128

struct gzvm_driver gzvm_drv = {
	.map_batch = GZVM_DEFAULT_MAP_BATCH,
	.destroy_batch = GZVM_DEFAULT_DESTROY_BATCH,
};

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

static unsigned long gzvm_bound;

static void gzvm_unbound(void *data)
{
	clear_bit(0, &gzvm_bound);
}

static void gzvm_sysfs_cleanup(void *data)
{
	gzvm_sysfs_remove();
}

static void gzvm_misc_deregister(void *data)
{
	misc_deregister(&gzvm_miscdev);
}

/*
 * An HVC is undefined where no EL2 takes it, and panics a kernel that runs at
 * EL2 itself. Only a machine whose firmware, or administrator, names GenieZone
 * gets here, and only a kernel at EL1 goes on. Should KVM own EL2 below it, its
 * answer to PROBE is an error.
 */
static int gzvm_probe(struct platform_device *pdev)
{
	int ret;

	if (is_kernel_in_hyp_mode())
		return -ENODEV;

	/* There is one EL2, whatever the firmware's nodes for it. */
	if (test_and_set_bit(0, &gzvm_bound))
		return -EBUSY;
	ret = devm_add_action_or_reset(&pdev->dev, gzvm_unbound, NULL);
	if (ret)
		return ret;

	ret = gzvm_hc_probe(&gzvm_drv.version);
	if (ret)
		return ret;

	gzvm_query_batch(GZVM_CAP_QUERY_HYP_BATCH_PAGES, GZVM_BLOCK_PAGES,
			 &gzvm_drv.map_batch);
	gzvm_query_batch(GZVM_CAP_QUERY_DESTROY_BATCH_PAGES, U32_MAX,
			 &gzvm_drv.destroy_batch);

	ret = gzvm_sysfs_add();
	if (ret)
		return ret;
	ret = devm_add_action_or_reset(&pdev->dev, gzvm_sysfs_cleanup, NULL);
	if (ret)
		return ret;

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

static void gzvm_shutdown(struct platform_device *pdev)
{
	gzvm_vms_shutdown();
}

/*
 * The image of a hibernated host would not have what EL2 keeps of its VMs, and
 * writing it would read memory that is the guests' alone. So would it with what
 * EL2 has not given back.
 */
static int gzvm_freeze(struct device *dev)
{
	if (gzvm_vms_exist() || atomic_long_read(&gzvm_drv.kept_pages))
		return -EBUSY;
	return 0;
}

static const struct dev_pm_ops gzvm_pm_ops = {
	.freeze = pm_sleep_ptr(gzvm_freeze),
};

static struct platform_driver gzvm_platform_driver = {
	.probe = gzvm_probe,
	.shutdown = gzvm_shutdown,
	.driver = {
		.name = "gzvm",
		.of_match_table = gzvm_of_match,
		.pm = pm_sleep_ptr(&gzvm_pm_ops),
		/* Files of VMs outlive an unbind; keep it to module unload. */
		.suppress_bind_attrs = true,
	},
};

static bool gzvm_assume_hyp;
module_param_named(assume_hyp, gzvm_assume_hyp, bool, 0444);
MODULE_PARM_DESC(assume_hyp,
		 "Ask for GenieZone although the firmware does not announce it. Only for machines known to have it: on others this is fatal");

static struct platform_device *gzvm_assumed;

/* The administrator stands in for a device tree that gave no device. */
static int __init gzvm_assume_device(void)
{
	if (!gzvm_assume_hyp || test_bit(0, &gzvm_bound))
		return 0;

	gzvm_assumed = platform_device_register_simple("gzvm",
						       PLATFORM_DEVID_NONE,
						       NULL, 0);
	return PTR_ERR_OR_ZERO(gzvm_assumed);
}

static int __init gzvm_init(void)
{
	int ret;

	ret = gzvm_irqfd_setup();
	if (ret)
		return ret;
	gzvm_debugfs_setup();
	ret = platform_driver_register(&gzvm_platform_driver);
	if (ret)
		goto teardown;
	ret = gzvm_assume_device();
	if (ret)
		goto unregister;
	return 0;
unregister:
	platform_driver_unregister(&gzvm_platform_driver);
teardown:
	gzvm_debugfs_teardown();
	gzvm_irqfd_teardown();
	return ret;
}
module_init(gzvm_init);

/* Open files hold the module: there is no VM left. */
static void __exit gzvm_exit(void)
{
	platform_device_unregister(gzvm_assumed);
	platform_driver_unregister(&gzvm_platform_driver);
	gzvm_debugfs_teardown();
	gzvm_irqfd_teardown();
}
module_exit(gzvm_exit);

MODULE_DESCRIPTION("GenieZone hypervisor driver");
MODULE_LICENSE("GPL");
