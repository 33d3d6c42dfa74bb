// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's files in debugfs.
 */

#include <linux/debugfs.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "gzvm.h"

static int gzvm_stats_show(struct seq_file *m, void *unused)
{
	struct gzvm_vm *vm = m->private;
	struct gzvm_vcpu *vcpu;
	unsigned int id;

	gzvm_vm_show(m, vm);
	for (id = 0; id < GZVM_MAX_VCPUS; id++) {
		/* Pairs with the release in gzvm_vcpu_create(). */
		vcpu = smp_load_acquire(&vm->vcpus[id]);
		if (vcpu)
			gzvm_vcpu_show(m, vcpu);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gzvm_stats);

static int gzvm_protected_mem_get(void *data, u64 *value)
{
	struct gzvm_vm *vm = data;
	u64 shared;

	return gzvm_hc_get_statistics(vm->id, value, &shared);
}
DEFINE_DEBUGFS_ATTRIBUTE(gzvm_protected_mem_fops, gzvm_protected_mem_get, NULL,
			 "%llu\n");

static int gzvm_shared_mem_get(void *data, u64 *value)
{
	struct gzvm_vm *vm = data;
	u64 protected;

	return gzvm_hc_get_statistics(vm->id, &protected, value);
}
DEFINE_DEBUGFS_ATTRIBUTE(gzvm_shared_mem_fops, gzvm_shared_mem_get, NULL,
			 "%llu\n");

static struct dentry *gzvm_debugfs_root;

/**
 * gzvm_debugfs_add_vm() - make the VM's directory, gzvm/<pid>-<vm_id>
 * @vm: VM that its creator is about to get
 *
 * The VM works without the directory, hence failure is ignored.
 */
void gzvm_debugfs_add_vm(struct gzvm_vm *vm)
{
	char name[32];

	snprintf(name, sizeof(name), "%d-%u", task_pid_nr(current), vm->id);
	vm->debugfs = debugfs_create_dir(name, gzvm_debugfs_root);
	debugfs_create_file("protected_hyp_mem", 0444, vm->debugfs, vm,
			    &gzvm_protected_mem_fops);
	debugfs_create_file("protected_shared_mem", 0444, vm->debugfs, vm,
			    &gzvm_shared_mem_fops);
	debugfs_create_file("stats", 0444, vm->debugfs, vm, &gzvm_stats_fops);
}

/**
 * gzvm_debugfs_remove_vm() - remove the VM's directory and wait for its readers
 * @vm: VM that still exists at EL2; may have no directory any more
 */
void gzvm_debugfs_remove_vm(struct gzvm_vm *vm)
{
	debugfs_remove(vm->debugfs);
	vm->debugfs = NULL;
}

/**
 * gzvm_debugfs_setup() - make debugfs' gzvm directory, at module load
 */
void gzvm_debugfs_setup(void)
{
	gzvm_debugfs_root = debugfs_create_dir("gzvm", NULL);
}

/**
 * gzvm_debugfs_teardown() - undo gzvm_debugfs_setup()
 */
void gzvm_debugfs_teardown(void)
{
	debugfs_remove(gzvm_debugfs_root);
}
