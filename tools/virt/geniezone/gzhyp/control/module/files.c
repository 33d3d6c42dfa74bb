// SPDX-License-Identifier: GPL-2.0
/* The files in debugfs. Texts are lines of words separated by spaces. */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ctl.h"
#include "fuzz.h"

#define MAX_VMS		64

static ssize_t reset_write(struct file *file, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	int ret = gzc_errno(gzc_call(GZC_RESET, NULL, 0, NULL));

	return ret ? ret : count;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.write = reset_write,
};

/**
 * gzc_take_text() - take what a program has written to a file
 * @text: gets it, with an end
 * @size: bytes of @text
 * @buf: the program's buffer
 * @count: bytes of it
 *
 * Return: 0, -EINVAL if it is too long, or -EFAULT.
 */
int gzc_take_text(char *text, size_t size, const char __user *buf, size_t count)
{
	if (count >= size)
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	text[count] = '\0';
	return 0;
}

/* "KIND NTH VALUE [TIMES]", NTH from 1 */
static int read_rule(const char __user *buf, size_t count, u64 *arg, s64 *value)
{
	unsigned long long kind, nth, times = 1;
	char text[80];
	long long val;
	int ret;

	ret = gzc_take_text(text, sizeof(text), buf, count);
	if (ret)
		return ret;
	if (sscanf(text, "%llu %llu %lli %llu", &kind, &nth, &val, &times) < 3 ||
	    !nth)
		return -EINVAL;
	arg[0] = kind;
	arg[1] = nth - 1;
	arg[2] = times;
	*value = val;
	return 0;
}

/* @at: which argument of the call the value is */
static ssize_t rule_write(const char __user *buf, size_t count, unsigned int at)
{
	u64 arg[5] = { };
	s64 value;
	int ret;

	ret = read_rule(buf, count, arg, &value);
	if (ret)
		return ret;
	arg[at] = value;
	ret = gzc_errno(gzc_call(GZC_RULE, arg, 5, NULL));
	return ret ? ret : count;
}

static ssize_t fail_write(struct file *file, const char __user *buf, size_t count,
			  loff_t *ppos)
{
	return rule_write(buf, count, 3);
}

static const struct file_operations fail_fops = {
	.owner = THIS_MODULE,
	.write = fail_write,
};

static ssize_t delay_write(struct file *file, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	return rule_write(buf, count, 4);
}

static const struct file_operations delay_fops = {
	.owner = THIS_MODULE,
	.write = delay_write,
};

static int forge(const struct gzc_blob *blob, bool has_hw)
{
	phys_addr_t pa = virt_to_phys(blob);
	u64 arg[4] = {
		(u64)le32_to_cpu(blob->vm) << 16 | le32_to_cpu(blob->vcpu),
		le64_to_cpu(blob->reason),
		pa + offsetof(struct gzc_blob, run),
		has_hw ? pa + offsetof(struct gzc_blob, hw) : 0,
	};

	return gzc_errno(gzc_call(GZC_FORGE, arg, 4, NULL));
}

static ssize_t forge_write(struct file *file, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	struct gzc_blob *blob;
	int ret;

	if (count != sizeof(*blob) && count != offsetof(struct gzc_blob, hw))
		return -EINVAL;
	blob = kzalloc(sizeof(*blob), GFP_KERNEL);
	if (!blob)
		return -ENOMEM;
	ret = -EFAULT;
	if (!copy_from_user(blob, buf, count))
		ret = forge(blob, count == sizeof(*blob));
	kfree(blob);
	return ret ? ret : count;
}

static const struct file_operations forge_fops = {
	.owner = THIS_MODULE,
	.write = forge_write,
};

static int calls_show(struct seq_file *s, void *unused)
{
	u64 rec[11], nr = 0;
	unsigned int i;

	while (!gzc_call(GZC_RECORD, &nr, 1, rec)) {
		seq_printf(s, "%llu %llu %llu", rec[0], rec[1] >> 32,
			   rec[1] & U32_MAX);
		for (i = 2; i < 9; i++)
			seq_printf(s, " %#llx", rec[i]);
		seq_printf(s, " %lld %#llx\n", (s64)rec[9], rec[10]);
		nr = rec[0] + 1;
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(calls);

static int counters_show(struct seq_file *s, void *unused)
{
	u64 kind, result[11];

	for (kind = 0; kind < GZC_KINDS; kind++) {
		if (gzc_call(GZC_COUNTERS, &kind, 1, result))
			return -EIO;
		seq_printf(s, "%llu %llu %llu %llu\n", kind, result[0],
			   result[1], result[2]);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

static int state_show(struct seq_file *s, void *unused)
{
	static const char * const names[] = {
		"vms", "vcpus", "lent", "lendings", "guest", "guest_shared",
		"hyp", "hyp_free", "host_tables",
	};
	u64 id, result[11];
	unsigned int i;
	long status;

	status = gzc_call_at_rest(GZC_TOTALS, 0, result);
	if (status)
		return gzc_errno(status);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		seq_printf(s, "%s %llu\n", names[i], result[i]);
	for (id = 1; id <= MAX_VMS; id++) {
		if (gzc_call_at_rest(GZC_VM, id, result))
			continue;
		seq_printf(s, "vm %llu %s vcpus %#llx mapped %llu hyp %llu regions %llu owned %llu\n",
			   id, result[0] == 1 ? "live" : "dying", result[1],
			   result[2], result[3], result[4], result[5]);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int check_show(struct seq_file *s, void *unused)
{
	u64 result[11];
	long status = gzc_call_at_rest(GZC_CHECK, 0, result);

	if (status)
		return gzc_errno(status);
	if (result[0])
		seq_printf(s, "%llu violations, first: VM %llu, %#llx; EL2's console has more\n",
			   result[0], result[1], result[2]);
	else
		seq_puts(s, "ok\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(check);

/* "FUNCTION [X1 [X2 [X3]]]" in hex, as the kernel itself would call */
static ssize_t smc_write(struct file *file, const char __user *buf, size_t count,
			 loff_t *ppos)
{
	unsigned long long reg[4] = { };
	struct arm_smccc_res res;
	char text[80];
	int ret;

	ret = gzc_take_text(text, sizeof(text), buf, count);
	if (ret)
		return ret;
	if (sscanf(text, "%llx %llx %llx %llx", &reg[0], &reg[1], &reg[2],
		   &reg[3]) < 1)
		return -EINVAL;
	arm_smccc_smc(reg[0], reg[1], reg[2], reg[3], 0, 0, 0, 0, &res);
	return (int)res.a0 < 0 ? -EIO : count;
}

static const struct file_operations smc_fops = {
	.owner = THIS_MODULE,
	.write = smc_write,
};

/* "ADDRESS ROUNDS"; without an address, the module's own code */
static ssize_t split_write(struct file *file, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	unsigned long long va, rounds;
	char text[80];
	int ret;

	ret = gzc_take_text(text, sizeof(text), buf, count);
	if (ret)
		return ret;
	if (sscanf(text, "%llx %llu", &va, &rounds) != 2)
		return -EINVAL;
	for (; rounds && !ret; rounds--) {
		u64 arg[2] = { va ? va : (unsigned long)split_write, 1 };

		ret = gzc_errno(gzc_call(GZC_SPLIT, arg, 2, NULL));
		cond_resched();
	}
	return ret ? ret : count;
}

static const struct file_operations split_fops = {
	.owner = THIS_MODULE,
	.write = split_write,
};

static ssize_t move_write(struct file *file, const char __user *buf, size_t count,
			  loff_t *ppos)
{
	unsigned long long from, to;
	char text[80];
	u64 arg[2];
	int ret;

	ret = gzc_take_text(text, sizeof(text), buf, count);
	if (ret)
		return ret;
	if (sscanf(text, "%llx %llx", &from, &to) != 2)
		return -EINVAL;
	arg[0] = from;
	arg[1] = to;
	ret = gzc_errno(gzc_call(GZC_MOVE, arg, 2, NULL));
	return ret ? ret : count;
}

static const struct file_operations move_fops = {
	.owner = THIS_MODULE,
	.write = move_write,
};

static ssize_t walk_write(struct file *file, const char __user *buf, size_t count,
			  loff_t *ppos)
{
	u64 *table = (u64 *)get_zeroed_page(GFP_KERNEL), arg, result[11];
	unsigned int i;
	int ret;

	if (!table)
		return -ENOMEM;
	/* Tables at an address where QEMU's machine has nothing */
	for (i = 0; i < PAGE_SIZE / sizeof(*table); i++)
		table[i] = 0x3f00000000 | 3;
	arg = virt_to_phys(table);
	ret = gzc_errno(gzc_call(GZC_WALK, &arg, 1, result));
	free_page((unsigned long)table);
	if (ret)
		return ret;
	/* Failed, and not by a fault of stage 2 */
	return (result[0] & (1 | 1 << 9)) == 1 ? count : -EIO;
}

static const struct file_operations walk_fops = {
	.owner = THIS_MODULE,
	.write = walk_write,
};

/* The first breakpoint's address in this CPU. A kernel without perf does not use it. */
static ssize_t bvr0_read(struct file *file, char __user *buf, size_t count,
			 loff_t *ppos)
{
	char text[20];
	int len;

	len = scnprintf(text, sizeof(text), "%llx\n", read_sysreg(dbgbvr0_el1));
	return simple_read_from_buffer(buf, count, ppos, text, len);
}

static ssize_t bvr0_write(struct file *file, const char __user *buf, size_t count,
			  loff_t *ppos)
{
	u64 va;
	int ret = kstrtou64_from_user(buf, count, 16, &va);

	if (ret)
		return ret;
	write_sysreg(va, dbgbvr0_el1);
	return count;
}

static const struct file_operations bvr0_fops = {
	.owner = THIS_MODULE,
	.read = bvr0_read,
	.write = bvr0_write,
};

/**
 * gzc_make_files() - create all files
 * @dir: their directory
 */
void gzc_make_files(struct dentry *dir)
{
	debugfs_create_file("reset", 0200, dir, NULL, &reset_fops);
	debugfs_create_file("fail", 0200, dir, NULL, &fail_fops);
	debugfs_create_file("delay", 0200, dir, NULL, &delay_fops);
	debugfs_create_file("forge", 0200, dir, NULL, &forge_fops);
	debugfs_create_file("calls", 0400, dir, NULL, &calls_fops);
	debugfs_create_file("counters", 0400, dir, NULL, &counters_fops);
	debugfs_create_file("state", 0400, dir, NULL, &state_fops);
	debugfs_create_file("check", 0400, dir, NULL, &check_fops);
	debugfs_create_file("smc", 0200, dir, NULL, &smc_fops);
	debugfs_create_file("split", 0200, dir, NULL, &split_fops);
	debugfs_create_file("move", 0200, dir, NULL, &move_fops);
	debugfs_create_file("walk", 0200, dir, NULL, &walk_fops);
	debugfs_create_file("bvr0", 0600, dir, NULL, &bvr0_fops);
	debugfs_create_file("fuzz", 0600, dir, NULL, &fuzz_fops);
}
