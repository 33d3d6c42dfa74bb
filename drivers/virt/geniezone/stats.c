// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of VMs and vCPUs, for fdinfo and debugfs.
 *
 * A counter is written by one thread at a time, or is atomic where events are
 * rare. Reading a counter takes no lock.
 */

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
 * @m: output
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
 * @m: output
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
	seq_printf(m, "unmapped_pages:\t%ld\n",
		   atomic_long_read(&vm->stats.unmapped));
	seq_printf(m, "injections:\t%ld\n",
		   atomic_long_read(&vm->stats.injections));
	seq_printf(m, "ioctl_injections:\t%ld\n",
		   atomic_long_read(&vm->stats.ioctl_injections));
	seq_printf(m, "wakeups:\t%ld\n", atomic_long_read(&vm->stats.wakeups));
}
