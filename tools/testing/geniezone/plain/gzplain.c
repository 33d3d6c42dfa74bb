// SPDX-License-Identifier: GPL-2.0
/*
 * The plain way to give memory to a guest: pins, records and maps each page by itself.
 * The benchmark compares the driver's batches with it. It runs no guest.
 *
 * The debugfs file gzplain takes "ADDRESS SIZE", both in hexadecimal: it creates a VM
 * and gives it this memory of the writer. "0 0" destroys the VM.
 */

#include <linux/arm-smccc.h>
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* GenieZone's calls: fast, 64 bits, owner 59, numbers from 0x1000 */
#define GZ_CALL(n)		(0xfb001000UL + (n))
#define GZ_CREATE_VM		GZ_CALL(0)
#define GZ_DESTROY_VM		GZ_CALL(1)
#define GZ_SET_MEMREGION	GZ_CALL(4)
#define GZ_ENABLE_CAP		GZ_CALL(13)
#define GZ_MEMREGION_PURPOSE	GZ_CALL(15)
#define GZ_MAP_GUEST		GZ_CALL(17)
#define GZ_CAP_DEMAND_PAGING	0x9202
#define GZ_BUSY			-33
#define GZ_DESTROY_BATCH	128

#define GUEST_PAGE		0x100000UL	/* 4 GiB */

struct ranges {
	__le32 slot;
	__le32 constituent_cnt;
	__le64 total_pages;
	__le64 gpa;
};

struct pinned {
	struct list_head list;
	struct page *page;
};

/* There is at most one VM */
static DEFINE_MUTEX(lock);
static LIST_HEAD(pages);
static bool has_vm;
static u64 vm_id;
static struct dentry *file;

static long call(unsigned long fn, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5,
		 struct arm_smccc_res *res)
{
	arm_smccc_1_1_hvc(fn, a1, a2, a3, a4, a5, 0, 0, res);
	return res->a0;
}

static int create_vm(u64 nr_pages)
{
	struct arm_smccc_res res;
	struct ranges *ranges;
	long ret;

	ranges = (void *)get_zeroed_page(GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	ret = call(GZ_CREATE_VM, 0, 0, 0, 0, 0, &res);
	if (!ret) {
		vm_id = res.a1;
		has_vm = true;
		ranges->total_pages = cpu_to_le64(nr_pages);
		ranges->gpa = cpu_to_le64(GUEST_PAGE << PAGE_SHIFT);
		/* An error means that EL2 does not have it. */
		call(GZ_ENABLE_CAP, vm_id, GZ_CAP_DEMAND_PAGING, 0, 0, 0, &res);
	}
	if (!ret)
		ret = call(GZ_MEMREGION_PURPOSE, vm_id, GUEST_PAGE << PAGE_SHIFT,
			   nr_pages << PAGE_SHIFT, 0, 0, &res);
	if (!ret)
		ret = call(GZ_SET_MEMREGION, vm_id, PAGE_SIZE,
			   virt_to_phys(ranges), 0, 0, &res);
	free_page((unsigned long)ranges);
	return ret ? -EIO : 0;
}

static int give_page(unsigned long addr, u64 gfn)
{
	struct arm_smccc_res res;
	struct pinned *pinned;

	pinned = kmalloc(sizeof(*pinned), GFP_KERNEL_ACCOUNT);
	if (!pinned)
		return -ENOMEM;
	if (pin_user_pages_fast(addr, 1, FOLL_WRITE | FOLL_LONGTERM,
				&pinned->page) != 1) {
		kfree(pinned);
		return -EFAULT;
	}
	list_add(&pinned->list, &pages);
	if (call(GZ_MAP_GUEST, vm_id, 0, page_to_pfn(pinned->page), gfn, 1, &res))
		return -EIO;
	return 0;
}

/* Unpins the pages only after EL2 has released them. */
static int destroy_vm(void)
{
	struct pinned *pinned, *next;
	struct arm_smccc_res res;
	long ret;

	if (!has_vm)
		return 0;
	while ((ret = call(GZ_DESTROY_VM, vm_id, GZ_DESTROY_BATCH, 0, 0, 0,
			   &res)) == GZ_BUSY)
		cond_resched();
	if (ret)
		return -EIO;
	has_vm = false;
	list_for_each_entry_safe(pinned, next, &pages, list) {
		unpin_user_page(pinned->page);
		kfree(pinned);
	}
	INIT_LIST_HEAD(&pages);
	return 0;
}

static int populate(unsigned long addr, unsigned long size)
{
	unsigned long at;
	int ret;

	ret = destroy_vm();
	if (!ret && size)
		ret = create_vm(size >> PAGE_SHIFT);
	for (at = 0; !ret && at < size; at += PAGE_SIZE) {
		ret = give_page(addr + at, GUEST_PAGE + (at >> PAGE_SHIFT));
		cond_resched();
	}
	return ret;
}

static ssize_t plain_write(struct file *filp, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	unsigned long addr, size;
	char text[64] = { };
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	if (sscanf(text, "%lx %lx", &addr, &size) != 2 ||
	    !PAGE_ALIGNED(addr) || !PAGE_ALIGNED(size))
		return -EINVAL;
	mutex_lock(&lock);
	ret = populate(addr, size);
	mutex_unlock(&lock);
	return ret ? ret : count;
}

static const struct file_operations plain_fops = {
	.owner = THIS_MODULE,
	.write = plain_write,
};

static int __init plain_init(void)
{
	file = debugfs_create_file("gzplain", 0200, NULL, NULL, &plain_fops);
	return PTR_ERR_OR_ZERO(file);
}
module_init(plain_init);

static void __exit plain_exit(void)
{
	debugfs_remove(file);
	/* Pages that EL2 does not release stay pinned. */
	WARN_ON(destroy_vm());
}
module_exit(plain_exit);

MODULE_DESCRIPTION("The plain way of giving memory to a GenieZone guest");
MODULE_LICENSE("GPL");
