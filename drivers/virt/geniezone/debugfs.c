// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM does and what it holds: debugfs and fdinfo.
 *
 * Counters are for people to look at. Each is written by one thread at a time
 * or counts events rare enough for an atomic; reading one takes no lock.
 */

#include <linux/debugfs.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "gzvm.h"

static const char *const gzvm_exit_names[GZVM_NR_EXITS] = {
	[GZVM_EXIT_UNKNOWN - GZVM_EXIT_UNKNOWN] = "unknown",
	[GZVM_EXIT_MMIO - GZVM_EXIT_UNKNOWN] = "mmio",
	[GZVM_EXIT_HYPERCALL - GZVM_EXIT_UNKNOWN] = "hypercall",
	[GZVM_EXIT_IRQ - GZVM_EXIT_UNKNOWN] = "irq",
	[GZVM_EXIT_EXCEPTION - GZVM_EXIT_UNKNOWN] = "exception",
	[GZVM_EXIT_DEBUG - GZVM_EXIT_UNKNOWN] = "debug",
	[GZVM_EXIT_FAIL_ENTRY - GZVM_EXIT_UNKNOWN] = "fail_entry",
	[GZVM_EXIT_INTERNAL_ERROR - GZVM_EXIT_UNKNOWN] = "internal_error",
	[GZVM_EXIT_SYSTEM_EVENT - GZVM_EXIT_UNKNOWN] = "system_event",
	[GZVM_EXIT_SHUTDOWN - GZVM_EXIT_UNKNOWN] = "shutdown",
	[GZVM_EXIT_GZ - GZVM_EXIT_UNKNOWN] = "gz",
	[GZVM_EXIT_IDLE - GZVM_EXIT_UNKNOWN] = "idle",
	[GZVM_EXIT_IPI - GZVM_EXIT_UNKNOWN] = "ipi",
};

/**
 * gzvm_vcpu_show() - print a vCPU's counters
 * @m: where to
 * @vcpu: vCPU
 */
void gzvm_vcpu_show(struct seq_file *m, struct gzvm_vcpu *vcpu)
{
	const struct gzvm_vcpu_stats *stats = &vcpu->stats;
	unsigned int i;

	seq_printf(m, "vcpu:\t%u\n", vcpu->id);
	for (i = 0; i < GZVM_NR_EXITS; i++)
		if (gzvm_exit_names[i])
			seq_printf(m, "exit_%s:\t%llu\n", gzvm_exit_names[i],
				   READ_ONCE(stats->exits[i]));
	seq_printf(m, "ioeventfd_hits:\t%llu\n",
		   READ_ONCE(stats->ioeventfd_hits));
	seq_printf(m, "faults:\t%llu\n", READ_ONCE(stats->faults));
	seq_printf(m, "halt_poll_hits:\t%llu\n",
		   READ_ONCE(stats->halt_poll_hits));
	seq_printf(m, "sleeps:\t%llu\n", READ_ONCE(stats->sleeps));
}

/**
 * gzvm_vm_show() - print a VM's counters
 * @m: where to
 * @vm: VM
 */
void gzvm_vm_show(struct seq_file *m, struct gzvm_vm *vm)
{
	static const char *const paging[] = {
		[GZVM_PAGING_NONE] = "none",
		[GZVM_PAGING_PAGE] = "page",
		[GZVM_PAGING_BLOCK] = "block",
	};

	seq_printf(m, "vm_id:\t%u\n", vm->id);
	seq_printf(m, "demand_paging:\t%s\n", paging[vm->paging]);
	seq_printf(m, "vcpus:\t%u\n", READ_ONCE(vm->nr_vcpus));
	seq_printf(m, "slots:\t%u\n", READ_ONCE(vm->nr_slots));
	seq_printf(m, "pinned_pages:\t%ld\n",
		   atomic_long_read(&vm->stats.pinned));
	seq_printf(m, "injections:\t%ld\n",
		   atomic_long_read(&vm->stats.injections));
	seq_printf(m, "ioctl_injections:\t%ld\n",
		   atomic_long_read(&vm->stats.ioctl_injections));
	seq_printf(m, "wakeups:\t%ld\n", atomic_long_read(&vm->stats.wakeups));
}

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
 * Without the directory the VM runs as well: there is nothing to return.
 */
void gzvm_debugfs_add_vm(struct gzvm_vm *vm)
{
	char name[32];

	snprintf(name, sizeof(name), "%d-%u", task_pid_nr(current), vm->id);
	vm->debugfs = debugfs_create_dir(name, gzvm_debugfs_root);
	debugfs_create_file_unsafe("protected_hyp_mem", 0444, vm->debugfs, vm,
				   &gzvm_protected_mem_fops);
	debugfs_create_file_unsafe("protected_shared_mem", 0444, vm->debugfs,
				   vm, &gzvm_shared_mem_fops);
	debugfs_create_file("stats", 0444, vm->debugfs, vm, &gzvm_stats_fops);
}

/**
 * gzvm_debugfs_remove_vm() - remove it, and wait for those who read it
 * @vm: VM that is still whole
 */
void gzvm_debugfs_remove_vm(struct gzvm_vm *vm)
{
	debugfs_remove(vm->debugfs);
}

/**
 * gzvm_debugfs_setup() - make debugfs' gzvm directory, at module load
 */
void gzvm_debugfs_setup(void)
{
	gzvm_debugfs_root = debugfs_create_dir("gzvm", NULL);
}

/**
 * gzvm_debugfs_teardown() - remove it
 */
void gzvm_debugfs_teardown(void)
{
	debugfs_remove(gzvm_debugfs_root);
}
