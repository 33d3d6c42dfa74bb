// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/gzvm: limits for the work of one hypercall. The names are those of
 * shipped drivers.
 */

#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/sysfs.h>

#include "gzvm.h"

static int gzvm_store_batch(const char *buf, u32 max, u32 *batch)
{
	u32 value;
	int ret;

	/* Shipped drivers read decimal numbers: "016" is sixteen. */
	ret = kstrtou32(buf, 10, &value);
	if (ret)
		return ret;
	if (!is_power_of_2(value) || value > max)
		return -EINVAL;
	WRITE_ONCE(*batch, value);
	return 0;
}

static ssize_t demand_paging_batch_pages_show(struct kobject *kobj,
					      struct kobj_attribute *attr,
					      char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(gzvm_drv.map_batch));
}

/* The powers of two up to the pages of a block are the divisors of that number. */
static ssize_t demand_paging_batch_pages_store(struct kobject *kobj,
					       struct kobj_attribute *attr,
					       const char *buf, size_t count)
{
	return gzvm_store_batch(buf, GZVM_BLOCK_PAGES,
				&gzvm_drv.map_batch) ?: count;
}

static ssize_t destroy_batch_pages_show(struct kobject *kobj,
					struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(gzvm_drv.destroy_batch));
}

static ssize_t destroy_batch_pages_store(struct kobject *kobj,
					 struct kobj_attribute *attr,
					 const char *buf, size_t count)
{
	return gzvm_store_batch(buf, GZVM_MAX_DESTROY_BATCH,
				&gzvm_drv.destroy_batch) ?: count;
}

static struct kobj_attribute gzvm_map_batch_attr =
	__ATTR(demand_paging_batch_pages, 0660, demand_paging_batch_pages_show,
	       demand_paging_batch_pages_store);
static struct kobj_attribute gzvm_destroy_batch_attr =
	__ATTR(destroy_batch_pages, 0660, destroy_batch_pages_show,
	       destroy_batch_pages_store);

static struct attribute *gzvm_attrs[] = {
	&gzvm_map_batch_attr.attr,
	&gzvm_destroy_batch_attr.attr,
	NULL
};

static const struct attribute_group gzvm_group = {
	.attrs = gzvm_attrs,
};

static struct kobject *gzvm_kobj;

/**
 * gzvm_sysfs_add() - create the files, at probe
 *
 * Return: 0 or -ENOMEM.
 */
int gzvm_sysfs_add(void)
{
	int ret;

	gzvm_kobj = kobject_create_and_add("gzvm", kernel_kobj);
	if (!gzvm_kobj)
		return -ENOMEM;
	ret = sysfs_create_group(gzvm_kobj, &gzvm_group);
	if (ret)
		kobject_put(gzvm_kobj);
	return ret;
}

/**
 * gzvm_sysfs_remove() - undo gzvm_sysfs_add()
 */
void gzvm_sysfs_remove(void)
{
	sysfs_remove_group(gzvm_kobj, &gzvm_group);
	kobject_put(gzvm_kobj);
}
