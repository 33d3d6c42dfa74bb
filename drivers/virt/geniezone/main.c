// SPDX-License-Identifier: GPL-2.0
/*
 * GenieZone hypervisor driver: module, discovery, shutdown.
 */

#include <linux/device.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/reboot.h>

#include <asm/virt.h>

#include "gzvm.h"

/* A block consists of whole host pages, and has a bit for each of EL2's. */
static_assert(PAGE_SHIFT >= GZVM_PAGE_SHIFT && PAGE_SIZE <= GZVM_BLOCK_SIZE);

/* Used when EL2 does not answer the QUERY capabilities */
#define GZVM_DEFAULT_MAP_BATCH		GZVM_BLOCK_PAGES
#define GZVM_DEFAULT_DESTROY_BATCH	128

struct gzvm_driver gzvm_drv = {
	.map_batch = GZVM_DEFAULT_MAP_BATCH,
	.destroy_batch = GZVM_DEFAULT_DESTROY_BATCH,
};

struct workqueue_struct *gzvm_wq;

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
 * EL2 itself. The probe is called only on a machine whose firmware, or
 * administrator, names GenieZone, and it goes on only in a kernel at EL1. If KVM
 * owns EL2, its answer to PROBE is an error.
 *
 * On machines without a node, helper modules look for a driver's probe by its name
 * and call it without a device. They do not know this name.
 */
static int gzvm_bind(struct platform_device *pdev)
{
	int ret;

	if (!pdev) {
		pr_err("gzvm: no device to bind: load the driver with assume_hyp=1 where the firmware has no node\n");
		return -EINVAL;
	}
	if (is_kernel_in_hyp_mode())
		return -ENODEV;

	/* There is one EL2, however many nodes the firmware has for it: no error. */
	if (test_and_set_bit(0, &gzvm_bound))
		return -ENODEV;
	ret = devm_add_action_or_reset(&pdev->dev, gzvm_unbound, NULL);
	if (ret)
		return ret;

	ret = gzvm_hc_probe(&gzvm_drv.version);
	if (ret)
		return ret;

	gzvm_query_batch(GZVM_CAP_QUERY_HYP_BATCH_PAGES, GZVM_BLOCK_PAGES,
			 &gzvm_drv.map_batch);
	gzvm_query_batch(GZVM_CAP_QUERY_DESTROY_BATCH_PAGES,
			 GZVM_MAX_DESTROY_BATCH, &gzvm_drv.destroy_batch);

	ret = gzvm_sysfs_add();
	if (ret)
		return ret;
	ret = devm_add_action_or_reset(&pdev->dev, gzvm_sysfs_cleanup, NULL);
	if (ret)
		return ret;

	/* Last: users may come from here on. */
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

/* A notifier, because VMs do not depend on the state of the device. */
static int gzvm_reboot(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	gzvm_vms_shutdown();
	return NOTIFY_DONE;
}

struct notifier_block gzvm_reboot_nb = {
	.notifier_call = gzvm_reboot,
};

/*
 * The image of a hibernated host would not contain what EL2 keeps of the VMs,
 * and writing the image would read memory that only the guests may access. The
 * same holds for memory that EL2 has not given back.
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
	.probe = gzvm_bind,
	.driver = {
		.name = "gzvm",
		.of_match_table = gzvm_of_match,
		.pm = pm_sleep_ptr(&gzvm_pm_ops),
		/* Files of VMs outlive an unbind: allow module unload only. */
		.suppress_bind_attrs = true,
	},
};

static bool gzvm_assume_hyp;
module_param_named(assume_hyp, gzvm_assume_hyp, bool, 0444);
MODULE_PARM_DESC(assume_hyp,
		 "Probe for GenieZone although the firmware does not announce it. Only for machines known to have it: on others this is fatal");

static struct platform_device *gzvm_assumed;

/* The administrator vouches for GenieZone where no device tree does. */
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

	/*
	 * Do not limit concurrency: many items may wait for EL2. The end of a VM frees
	 * its memory, which must not wait for memory.
	 */
	gzvm_wq = alloc_workqueue("gzvm", WQ_UNBOUND | WQ_MEM_RECLAIM,
				  WQ_MAX_ACTIVE);
	if (!gzvm_wq)
		return -ENOMEM;
	gzvm_debugfs_setup();
	ret = register_reboot_notifier(&gzvm_reboot_nb);
	if (ret)
		goto teardown;
	ret = platform_driver_register(&gzvm_platform_driver);
	if (ret)
		goto unnotify;
	ret = gzvm_assume_device();
	if (ret)
		goto unregister;
	return 0;
unregister:
	platform_driver_unregister(&gzvm_platform_driver);
unnotify:
	unregister_reboot_notifier(&gzvm_reboot_nb);
teardown:
	gzvm_debugfs_teardown();
	destroy_workqueue(gzvm_wq);
	return ret;
}
module_init(gzvm_init);

/*
 * Open files hold a reference to the module, hence there is no VM. But the end of
 * an address space may just be in its notifier, for a VM whose last file another
 * process has closed meanwhile.
 */
static void __exit gzvm_exit(void)
{
	mmu_notifier_synchronize();
	platform_device_unregister(gzvm_assumed);
	platform_driver_unregister(&gzvm_platform_driver);
	unregister_reboot_notifier(&gzvm_reboot_nb);
	gzvm_debugfs_teardown();
	destroy_workqueue(gzvm_wq);
	/* Waits for VMs that are being freed: see gzvm_vm_free(). */
	mmu_notifier_synchronize();
}
module_exit(gzvm_exit);

MODULE_DESCRIPTION("GenieZone hypervisor driver");
MODULE_LICENSE("GPL");
