// SPDX-License-Identifier: GPL-2.0
/*
 * The handlers of exits.
 *
 * EL2 writes the shared page, and might write it again while the driver reads it.
 * Each exit is therefore read once into vcpu->exit, field by field and with bounds.
 * The driver acts on that copy only.
 */

#include <linux/arm-smccc.h>
#include <linux/clocksource_ids.h>
#include <linux/hrtimer.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include "gzvm.h"

/* An exit handler returns one of these, or an errno that ends GZVM_RUN. */
#define GZVM_TO_VMM	0
#define GZVM_REENTER	1

static void gzvm_exit_copy_data(u64 *to, const __le64 *from, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		to[i] = le64_to_cpu(READ_ONCE(from[i]));
}

/* VMMs take INTERNAL_ERROR calmly, and do not know what else it could be. */
static int gzvm_exit_internal(struct gzvm_vcpu *vcpu, u64 reason, u64 detail)
{
	struct gzvm_vcpu_run *exit = &vcpu->exit;

	exit->exit_reason = GZVM_EXIT_INTERNAL_ERROR;
	memset(&exit->internal, 0, sizeof(exit->internal));
	exit->internal.ndata = 2;
	exit->internal.data[0] = reason;
	exit->internal.data[1] = detail;
	vcpu->exit_size = sizeof(exit->internal);
	return GZVM_TO_VMM;
}

/* The value of a store, without the bytes above the width of the access */
static u64 gzvm_mmio_data(const struct gzvm_hyp_run *shared, u64 size)
{
	__le64 raw;

	memcpy(&raw, shared->mmio.data, sizeof(raw));
	return le64_to_cpu(raw) & GENMASK_ULL(size * 8 - 1, 0);
}

/* Clears only the word that has padding: clearing all of it takes longer. */
static void gzvm_exit_mmio_fill(struct gzvm_vcpu *vcpu, u64 addr, u64 size, u64 data,
				bool is_write)
{
	struct gzvm_vcpu_run *exit = &vcpu->exit;
	__le64 raw = cpu_to_le64(data);

	exit->mmio.phys_addr = addr;
	memcpy(exit->mmio.data, &raw, sizeof(raw));
	exit->mmio.size = size;
	*(u64 *)&exit->mmio.reg_nr = 0;
	exit->mmio.reg_nr = le32_to_cpu(READ_ONCE(vcpu->shared->mmio.reg_nr));
	exit->mmio.is_write = is_write;
	vcpu->exit_size = sizeof(exit->mmio);
}

static int gzvm_exit_mmio(struct gzvm_vcpu *vcpu)
{
	struct gzvm_hyp_run *shared = vcpu->shared;
	u64 addr = le64_to_cpu(READ_ONCE(shared->mmio.phys_addr));
	u64 size = le64_to_cpu(READ_ONCE(shared->mmio.size));
	bool is_write = READ_ONCE(shared->mmio.is_write);
	u64 data = 0;

	if (size > sizeof(shared->mmio.data) || !is_power_of_2(size))
		return gzvm_exit_internal(vcpu, GZVM_EXIT_MMIO, size);

	if (is_write) {
		data = gzvm_mmio_data(shared, size);
		if (gzvm_ioeventfd_write(vcpu->vm, addr, size, data)) {
			vcpu->stats.ioeventfd_hits++;
			return GZVM_REENTER;
		}
	} else {
		vcpu->resume = GZVM_RESUME_MMIO_READ;
	}
	gzvm_exit_mmio_fill(vcpu, addr, size, data, is_write);
	return GZVM_TO_VMM;
}

/*
 * The answer of KVM's PTP service: the wall clock, and the counter at the same
 * moment as the guest reads it. The guest's virtual counter has an offset.
 */
static bool gzvm_ptp_answer(struct gzvm_vcpu *vcpu, u64 args[8])
{
	struct system_time_snapshot snap;
	u64 cycles, ns, offset = 0;
	u32 counter;

	/* SMC32 calling convention: only 32 bits are used. */
	counter = lower_32_bits(args[1]);
	if (counter > 1)
		return false;
	/* Counter 0 is the virtual one. */
	if (!counter && !gzvm_hw_vtimer_offset(vcpu->hwstate, &offset))
		return false;
	ktime_get_snapshot_id(CLOCK_REALTIME, &snap);
	if (snap.cs_id != CSID_ARM_ARCH_COUNTER)
		return false;

	cycles = snap.cycles - offset;
	ns = ktime_to_ns(snap.systime);
	args[0] = upper_32_bits(ns);
	args[1] = lower_32_bits(ns);
	args[2] = upper_32_bits(cycles);
	args[3] = lower_32_bits(cycles);
	return true;
}

static void gzvm_hypercall_return(struct gzvm_vcpu *vcpu, const u64 *args,
				  unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		vcpu->shared->hypercall.args[i] = cpu_to_le64(args[i]);
}

static int gzvm_hypercall_ptp(struct gzvm_vcpu *vcpu)
{
	u64 *args = vcpu->exit.hypercall.args;

	if (!gzvm_ptp_answer(vcpu, args)) {
		args[0] = (u64)SMCCC_RET_NOT_SUPPORTED;
		gzvm_hypercall_return(vcpu, args, 1);
		return GZVM_REENTER;
	}
	gzvm_hypercall_return(vcpu, args, 4);
	return GZVM_REENTER;
}

static int gzvm_hypercall_relinquish(struct gzvm_vcpu *vcpu)
{
	u64 *args = vcpu->exit.hypercall.args;
	int ret;

	ret = gzvm_memslot_relinquish(vcpu->vm, args[1]);
	if (ret == -EINTR)
		return ret;

	args[0] = ret == -ENOENT ? (u64)SMCCC_RET_INVALID_PARAMETER :
				   SMCCC_RET_SUCCESS;
	gzvm_hypercall_return(vcpu, args, 1);
	return GZVM_REENTER;
}

static int gzvm_exit_hypercall(struct gzvm_vcpu *vcpu)
{
	u64 *args = vcpu->exit.hypercall.args;

	/* The calls that the driver serves have one argument. */
	gzvm_exit_copy_data(args, vcpu->shared->hypercall.args, 2);

	/* A function id is 32 bits wide: SMCCC 2.4 */
	switch (lower_32_bits(args[0])) {
	case GZVM_HVC_PTP:
		return gzvm_hypercall_ptp(vcpu);
	case GZVM_HVC_MEM_RELINQUISH:
		return gzvm_hypercall_relinquish(vcpu);
	default:
		gzvm_exit_copy_data(args + 2, vcpu->shared->hypercall.args + 2, 6);
		vcpu->resume = GZVM_RESUME_HYPERCALL;
		vcpu->exit_size = sizeof(vcpu->exit.hypercall);
		return GZVM_TO_VMM;
	}
}

#define GZVM_HAD_MIN_NS		(20 * NSEC_PER_USEC)
#define GZVM_HAD_MAX_NS		(10 * NSEC_PER_MSEC)

/*
 * The guest has touched a page that it should have. Usually another vCPU has just got
 * it. But another vCPU may also have given it up, and its thread has not come to
 * report that. This thread may keep the other one from running, for ever if it has a
 * real-time priority. Hence it sleeps if the fault comes again.
 */
static void gzvm_exit_had_page(struct gzvm_vcpu *vcpu, u64 gfn)
{
	u64 ns;
	ktime_t timeout;

	if (vcpu->had_gfn != gfn)
		vcpu->had_faults = 0;
	vcpu->had_gfn = gfn;
	if (!vcpu->had_faults++)
		return;

	ns = min(GZVM_HAD_MIN_NS << min(vcpu->had_faults, 16U), GZVM_HAD_MAX_NS);
	timeout = ns_to_ktime(ns);
	set_current_state(TASK_INTERRUPTIBLE);
	if (!signal_pending(current))
		schedule_hrtimeout(&timeout, HRTIMER_MODE_REL);
	__set_current_state(TASK_RUNNING);
}

static int gzvm_exit_page_fault(struct gzvm_vcpu *vcpu)
{
	u64 gpa = vcpu->exit.exception.fault_gpa;
	int ret;

	ret = gzvm_memslot_fault(vcpu->vm, gpa);
	if (ret == -ENOENT)
		return GZVM_TO_VMM;
	/* The signal is handled before the next entry. The guest touches the page again. */
	if (ret == -EINTR)
		return GZVM_REENTER;
	vcpu->stats.faults++;
	if (ret < 0)
		return ret;
	if (ret == GZVM_HAD_PAGE)
		gzvm_exit_had_page(vcpu, gpa >> GZVM_PAGE_SHIFT);
	else
		vcpu->had_faults = 0;

	/* The charge may have exceeded memory.high, which is handled on return to user mode. */
	if (test_thread_flag(TIF_NOTIFY_RESUME)) {
		set_thread_flag(TIF_NOTIFY_SIGNAL);
		return -ERESTARTSYS;
	}
	return GZVM_REENTER;
}

static int gzvm_exit_exception(struct gzvm_vcpu *vcpu)
{
	struct gzvm_hyp_run *shared = vcpu->shared;
	struct gzvm_vcpu_run *exit = &vcpu->exit;
	int ret;

	exit->exception.exception =
		le32_to_cpu(READ_ONCE(shared->exception.exception));
	exit->exception.error_code =
		le32_to_cpu(READ_ONCE(shared->exception.error_code));
	exit->exception.fault_gpa =
		le64_to_cpu(READ_ONCE(shared->exception.fault_gpa));

	if (exit->exception.exception == GZVM_EXCEPTION_PAGE_FAULT) {
		ret = gzvm_exit_page_fault(vcpu);
		if (ret != GZVM_TO_VMM)
			return ret;
	}

	/* The rest of a page fault may be left over from another exit. */
	memset(exit->exception.reserved, 0, sizeof(exit->exception.reserved));
	if (exit->exception.exception != GZVM_EXCEPTION_PAGE_FAULT)
		gzvm_exit_copy_data(exit->exception.reserved,
				    shared->exception.reserved,
				    ARRAY_SIZE(exit->exception.reserved));
	vcpu->exit_size = sizeof(exit->exception);
	return GZVM_TO_VMM;
}

static int gzvm_exit_fail_entry(struct gzvm_vcpu *vcpu)
{
	struct gzvm_hyp_run *shared = vcpu->shared;
	struct gzvm_vcpu_run *exit = &vcpu->exit;

	memset(&exit->fail_entry, 0, sizeof(exit->fail_entry));
	exit->fail_entry.hardware_entry_failure_reason =
		le64_to_cpu(READ_ONCE(shared->fail_entry.hardware_entry_failure_reason));
	exit->fail_entry.cpu = le32_to_cpu(READ_ONCE(shared->fail_entry.cpu));
	vcpu->exit_size = sizeof(exit->fail_entry);
	return GZVM_TO_VMM;
}

static int gzvm_exit_internal_error(struct gzvm_vcpu *vcpu)
{
	struct gzvm_hyp_run *shared = vcpu->shared;
	struct gzvm_vcpu_run *exit = &vcpu->exit;

	memset(&exit->internal, 0, sizeof(exit->internal));
	exit->internal.suberror =
		le32_to_cpu(READ_ONCE(shared->internal.suberror));
	exit->internal.ndata =
		min_t(u32, le32_to_cpu(READ_ONCE(shared->internal.ndata)),
		      ARRAY_SIZE(exit->internal.data));
	gzvm_exit_copy_data(exit->internal.data, shared->internal.data,
			    exit->internal.ndata);
	vcpu->exit_size = sizeof(exit->internal);
	return GZVM_TO_VMM;
}

static int gzvm_exit_system_event(struct gzvm_vcpu *vcpu)
{
	struct gzvm_hyp_run *shared = vcpu->shared;
	struct gzvm_vcpu_run *exit = &vcpu->exit;

	memset(&exit->system_event, 0, sizeof(exit->system_event));
	exit->system_event.type =
		le32_to_cpu(READ_ONCE(shared->system_event.type));
	exit->system_event.ndata =
		min_t(u32, le32_to_cpu(READ_ONCE(shared->system_event.ndata)),
		      ARRAY_SIZE(exit->system_event.data));
	gzvm_exit_copy_data(exit->system_event.data, shared->system_event.data,
			    exit->system_event.ndata);
	vcpu->exit_size = sizeof(exit->system_event);
	if (exit->system_event.type == GZVM_SYSTEM_EVENT_RESET)
		gzvm_irqfds_reset(vcpu->vm);
	return GZVM_TO_VMM;
}

/* The details of these exits are not specified: copy them as they are. */
static int gzvm_exit_plain(struct gzvm_vcpu *vcpu)
{
	memcpy(vcpu->exit.padding, vcpu->shared->padding,
	       sizeof(vcpu->exit.padding));
	vcpu->exit_size = sizeof(vcpu->exit.padding);
	return GZVM_TO_VMM;
}

static int gzvm_exit_reenter(struct gzvm_vcpu *vcpu)
{
	return GZVM_REENTER;
}

static int gzvm_exit_idle(struct gzvm_vcpu *vcpu)
{
	gzvm_vcpu_block(vcpu);
	return GZVM_REENTER;
}

static int gzvm_exit_ipi(struct gzvm_vcpu *vcpu)
{
	gzvm_vm_wake(vcpu->vm);
	return GZVM_REENTER;
}

static int (*const gzvm_exit_table[GZVM_NR_EXITS])(struct gzvm_vcpu *vcpu) = {
	[GZVM_EXIT_MMIO - GZVM_EXIT_UNKNOWN] = gzvm_exit_mmio,
	[GZVM_EXIT_HYPERCALL - GZVM_EXIT_UNKNOWN] = gzvm_exit_hypercall,
	[GZVM_EXIT_IRQ - GZVM_EXIT_UNKNOWN] = gzvm_exit_reenter,
	[GZVM_EXIT_EXCEPTION - GZVM_EXIT_UNKNOWN] = gzvm_exit_exception,
	[GZVM_EXIT_DEBUG - GZVM_EXIT_UNKNOWN] = gzvm_exit_plain,
	[GZVM_EXIT_FAIL_ENTRY - GZVM_EXIT_UNKNOWN] = gzvm_exit_fail_entry,
	[GZVM_EXIT_INTERNAL_ERROR - GZVM_EXIT_UNKNOWN] = gzvm_exit_internal_error,
	[GZVM_EXIT_SYSTEM_EVENT - GZVM_EXIT_UNKNOWN] = gzvm_exit_system_event,
	[GZVM_EXIT_SHUTDOWN - GZVM_EXIT_UNKNOWN] = gzvm_exit_plain,
	[GZVM_EXIT_GZ - GZVM_EXIT_UNKNOWN] = gzvm_exit_reenter,
	[GZVM_EXIT_IDLE - GZVM_EXIT_UNKNOWN] = gzvm_exit_idle,
	[GZVM_EXIT_IPI - GZVM_EXIT_UNKNOWN] = gzvm_exit_ipi,
};

/**
 * gzvm_exit_handle() - handle one exit
 * @vcpu: vCPU that exited
 * @reason: what RUN returned
 *
 * A reason that is not in the table, GZVM_EXIT_UNKNOWN among them, reaches the
 * VMM as GZVM_EXIT_INTERNAL_ERROR with the reason in data[0].
 *
 * Context: process context of the VM's owner, vcpu->lock held.
 * Return: 1: enter the guest again; 0: vcpu->exit is for the VMM; or an errno.
 */
int gzvm_exit_handle(struct gzvm_vcpu *vcpu, u64 reason)
{
	u64 index = reason - GZVM_EXIT_UNKNOWN;

	lockdep_assert_held(&vcpu->lock);

	if (index >= ARRAY_SIZE(gzvm_exit_table) || !gzvm_exit_table[index]) {
		vcpu->stats.exits[0]++;
		return gzvm_exit_internal(vcpu, reason, 0);
	}

	vcpu->stats.exits[index]++;
	vcpu->exit.exit_reason = reason;
	return gzvm_exit_table[index](vcpu);
}
