// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls to GenieZone. The only file that knows registers and the only
 * place where a status of EL2 becomes an errno.
 */

#include <linux/arm-smccc.h>
#include <linux/errno.h>
#include <linux/kvm_host.h>

#include <asm/barrier.h>
#include <asm/cpufeature.h>
#include <asm/cpuidle.h>

#include "hypercall.h"
#include "stub.h"
#include "trace.h"

/*
 * The guest runs inside of this call, hence nothing here may be instrumented:
 * RCU need not be watching this CPU, see guest_state_enter_irqoff().
 *
 * A kernel with pseudo-NMIs masks interrupts by priority. With that mask the
 * GIC would not signal any to a guest that runs, and nothing ended its run: no
 * kick, no tick. As for WFI in the idle loop, mask them in PSTATE instead.
 */
static noinstr void gzvm_smccc_run(struct gzvm_call *call)
{
	struct arm_cpuidle_irq_context irqs;

	guest_state_enter_irqoff();
	arm_cpuidle_save_irq_context(&irqs);
	pmr_sync();
	arm_smccc_hvc(GZVM_HC_ID(GZVM_HC_RUN), call->args[0], 0, 0, 0, 0, 0, 0,
		      &call->res);
	arm_cpuidle_restore_irq_context(&irqs);
	guest_state_exit_irqoff();
}

/**
 * gzvm_smccc() - issue one hypercall
 * @call: registers in and out
 *
 * The transport: every call goes through here, and tests replace it.
 *
 * Context: any; for GZVM_HC_RUN with interrupts disabled.
 */
void gzvm_smccc(struct gzvm_call *call)
{
	KUNIT_STATIC_STUB_REDIRECT(gzvm_smccc, call);

	if (call->nr == GZVM_HC_RUN) {
		gzvm_smccc_run(call);
		return;
	}

	arm_smccc_hvc(GZVM_HC_ID(call->nr), call->args[0], call->args[1],
		      call->args[2], call->args[3], call->args[4],
		      call->args[5], call->args[6], &call->res);
}

/**
 * gzvm_hyp_errno() - errno for a status of EL2
 * @status: x0 of a hypercall
 *
 * Return: 0; -ENOMEM, -EOPNOTSUPP, -EAGAIN (EL2 is busy: call again) or
 * -EFAULT; -EINVAL for invalid arguments and for every status not known.
 */
int gzvm_hyp_errno(long status)
{
	switch (status) {
	case GZVM_HYP_OK:
		return 0;
	case GZVM_HYP_NO_MEMORY:
		return -ENOMEM;
	case GZVM_HYP_NOT_SUPPORTED:
	case GZVM_HYP_NOT_IMPLEMENTED:
		return -EOPNOTSUPP;
	case GZVM_HYP_BUSY:
		return -EAGAIN;
	case GZVM_HYP_FAULT:
		return -EFAULT;
	case GZVM_HYP_INVALID_ARGS:
	default:
		return -EINVAL;
	}
}

/* Inline for calls that exits and interrupts make */
static __always_inline int gzvm_call_often(struct gzvm_call *call)
{
	trace_gzvm_hypercall_enter(call);
	gzvm_smccc(call);
	trace_gzvm_hypercall_leave(call);
	return gzvm_hyp_errno((long)call->res.a0);
}

static noinline int gzvm_call(struct gzvm_call *call)
{
	return gzvm_call_often(call);
}

/* Arguments are x1 and up; what is not given is zero. */
#define GZVM_CALL(_nr, ...) \
	((struct gzvm_call){ .nr = GZVM_HC_##_nr, .args = { __VA_ARGS__ } })

static u64 gzvm_tuple(u16 vm_id, u16 vcpu_id)
{
	return (u64)vm_id << 16 | vcpu_id;
}

/**
 * gzvm_hc_probe() - ask whether GenieZone is there
 * @version: version of the hypervisor
 *
 * Must only be called on a machine said to have an EL2 that takes HVC:
 * elsewhere the instruction is undefined.
 *
 * Return: 0, or -ENODEV when whoever sits at EL2 is not GenieZone.
 */
int gzvm_hc_probe(struct gzvm_version *version)
{
	struct gzvm_call call = GZVM_CALL(PROBE, GZVM_PROBE_MAJOR,
					  GZVM_PROBE_MINOR, GZVM_PROBE_SUB);

	if (gzvm_call(&call))
		return -ENODEV;

	version->major = call.res.a1;
	version->minor = call.res.a2;
	version->sub = call.res.a3;
	return 0;
}

/**
 * gzvm_hc_create_vm() - make a VM at EL2
 * @type: VM type, 0 = normal
 * @vm_id: its number
 *
 * Return: 0; -EINVAL for a type that EL2 does not know; -ENOMEM; ...
 */
int gzvm_hc_create_vm(unsigned long type, u16 *vm_id)
{
	struct gzvm_call call = GZVM_CALL(CREATE_VM, type);
	int ret;

	ret = gzvm_call(&call);
	if (!ret)
		*vm_id = call.res.a1;
	return ret;
}

/**
 * gzvm_hc_destroy_vm() - one step of a VM's end
 * @vm_id: VM
 * @pages_per_step: how much EL2 may free before it returns, a power of two
 *
 * Return: 0 when EL2 has let go of all pages; -EAGAIN: call again; any other
 * error: EL2 may still map the VM's pages.
 */
int gzvm_hc_destroy_vm(u16 vm_id, u64 pages_per_step)
{
	struct gzvm_call call = GZVM_CALL(DESTROY_VM, vm_id, pages_per_step);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_create_vcpu() - make a vCPU at EL2
 * @vm_id: VM
 * @vcpu_id: vCPU
 * @shared: GZVM_SHARED_SIZE contiguous bytes, zeroed, EL2's to write from now
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_create_vcpu(u16 vm_id, u16 vcpu_id, phys_addr_t shared)
{
	struct gzvm_call call = GZVM_CALL(CREATE_VCPU,
					  gzvm_tuple(vm_id, vcpu_id), shared);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_destroy_vcpu() - end a vCPU at EL2
 * @vm_id: VM
 * @vcpu_id: vCPU
 *
 * Return: 0 when EL2 has let go of the shared pages; -EAGAIN: call again; any
 * other error: EL2 may still write them.
 */
int gzvm_hc_destroy_vcpu(u16 vm_id, u16 vcpu_id)
{
	struct gzvm_call call = GZVM_CALL(DESTROY_VCPU,
					  gzvm_tuple(vm_id, vcpu_id));

	return gzvm_call(&call);
}

/**
 * gzvm_hc_set_memregion() - register a memory region, or give pages of it
 * @vm_id: VM
 * @size: bytes of the buffer
 * @ranges: struct gzvm_hyp_ranges
 *
 * Return: 0; -EAGAIN: call again with the same buffer; or another errno.
 */
int gzvm_hc_set_memregion(u16 vm_id, u64 size, phys_addr_t ranges)
{
	struct gzvm_call call = GZVM_CALL(SET_MEMREGION, vm_id, size, ranges);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_memregion_purpose() - say what a region is for
 * @vm_id: VM
 * @gpa: where it starts
 * @size: its bytes
 * @flags: GZVM_USER_MEM_REGION_* bits
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_memregion_purpose(u16 vm_id, u64 gpa, u64 size, u64 flags)
{
	struct gzvm_call call = GZVM_CALL(MEMREGION_PURPOSE, vm_id, gpa, size,
					  flags);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_run_init() - make the call with which a vCPU is run
 * @call: for gzvm_hc_run(), which makes the same call each time: a struct that
 *	  has to be cleared for each exit costs more than the rest of the way
 * @vm_id: VM
 * @vcpu_id: vCPU
 */
void gzvm_hc_run_init(struct gzvm_call *call, u16 vm_id, u16 vcpu_id)
{
	*call = GZVM_CALL(RUN, gzvm_tuple(vm_id, vcpu_id));
}

/**
 * gzvm_hc_run() - let a vCPU run until it exits
 * @call: from gzvm_hc_run_init(); nobody else uses it meanwhile
 * @exit_reason: why it came back
 *
 * Context: interrupts disabled, between guest_timing_enter_irqoff() and
 * guest_timing_exit_irqoff().
 * Return: 0 or an errno; @exit_reason is written in the first case only.
 */
int gzvm_hc_run(struct gzvm_call *call, u64 *exit_reason)
{
	int ret;

	lockdep_assert_irqs_disabled();
	ret = gzvm_call_often(call);
	if (!ret)
		*exit_reason = call->res.a1;
	return ret;
}

/**
 * gzvm_hc_get_one_reg() - read a vCPU's register
 * @vm_id: VM
 * @vcpu_id: vCPU, not running
 * @id: register id as in struct gzvm_one_reg
 * @value: its value
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_get_one_reg(u16 vm_id, u16 vcpu_id, u64 id, u64 *value)
{
	struct gzvm_call call = GZVM_CALL(GET_ONE_REG,
					  gzvm_tuple(vm_id, vcpu_id), id);
	int ret;

	ret = gzvm_call(&call);
	if (!ret)
		*value = call.res.a1;
	return ret;
}

/**
 * gzvm_hc_set_one_reg() - write a vCPU's register
 * @vm_id: VM
 * @vcpu_id: vCPU, not running
 * @id: register id as in struct gzvm_one_reg
 * @value: new value
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_set_one_reg(u16 vm_id, u16 vcpu_id, u64 id, u64 value)
{
	struct gzvm_call call = GZVM_CALL(SET_ONE_REG,
					  gzvm_tuple(vm_id, vcpu_id), id, value);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_irq_line() - drive an SPI's line
 * @vm_id: VM
 * @vcpu_id: 0, an SPI goes where the guest routes it
 * @spi: index, 0 = INTID 32, at most GZVM_SPI_MAX
 * @level: new level
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_irq_line(u16 vm_id, u16 vcpu_id, u32 spi, bool level)
{
	/* All that EL2 reads is set below; what it writes need not be cleared. */
	struct gzvm_call call __uninitialized;

	call.nr = GZVM_HC_IRQ_LINE;
	call.args[0] = gzvm_tuple(vm_id, vcpu_id);
	call.args[1] = spi;
	call.args[2] = level;
	memset(&call.args[3], 0, sizeof(call.args) - 3 * sizeof(call.args[0]));
	return gzvm_call_often(&call);
}

/**
 * gzvm_hc_create_device() - have EL2 emulate a device
 * @vm_id: VM
 * @device: struct gzvm_hyp_device
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_create_device(u16 vm_id, phys_addr_t device)
{
	struct gzvm_call call = GZVM_CALL(CREATE_DEVICE, vm_id, device);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_enable_cap() - enable or query a capability
 * @vm_id: VM, 0 for the two QUERY capabilities
 * @cap: GZVM_CAP_*
 * @args: arguments
 * @result: x1, may be NULL
 *
 * Return: 0 or an errno; @result is written in the first case only.
 */
int gzvm_hc_enable_cap(u16 vm_id, u64 cap, const u64 args[5], u64 *result)
{
	struct gzvm_call call = GZVM_CALL(ENABLE_CAP, vm_id, cap, args[0],
					  args[1], args[2], args[3], args[4]);
	int ret;

	ret = gzvm_call(&call);
	if (!ret && result)
		*result = call.res.a1;
	return ret;
}

/**
 * gzvm_hc_inform_exit() - tell EL2 that a vCPU goes back to the VMM
 * @vm_id: VM
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_inform_exit(u16 vm_id)
{
	struct gzvm_call call = GZVM_CALL(INFORM_EXIT, vm_id);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_set_dtb_config() - tell EL2 where the guest's device tree lies
 * @vm_id: VM
 * @gpa: guest physical address
 * @size: bytes
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_set_dtb_config(u16 vm_id, u64 gpa, u64 size)
{
	struct gzvm_call call = GZVM_CALL(SET_DTB_CONFIG, vm_id, gpa, size);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_map_guest() - give a run of frames to a guest
 * @vm_id: VM
 * @slot: slot that the run lies in
 * @pfn: first frame, in 4 KiB pages
 * @gfn: first guest frame, in 4 KiB pages
 * @nr_pages: length of the run
 *
 * Return: 0; -EAGAIN: call again; or another errno.
 */
int gzvm_hc_map_guest(u16 vm_id, u32 slot, u64 pfn, u64 gfn, u64 nr_pages)
{
	struct gzvm_call call = GZVM_CALL(MAP_GUEST, vm_id, slot, pfn, gfn,
					  nr_pages);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_map_guest_block() - give the frames in the VM's mailbox to a guest
 * @vm_id: VM
 * @slot: slot that the range lies in
 * @gfn: first guest frame, in 4 KiB pages
 * @nr_pages: entries of the mailbox that count
 *
 * Return: 0; -EAGAIN: call again; or another errno.
 */
int gzvm_hc_map_guest_block(u16 vm_id, u32 slot, u64 gfn, u64 nr_pages)
{
	struct gzvm_call call = GZVM_CALL(MAP_GUEST_BLOCK, vm_id, slot, gfn,
					  nr_pages);

	return gzvm_call(&call);
}

/**
 * gzvm_hc_get_statistics() - how much memory EL2 spends on a VM
 * @vm_id: VM
 * @protected_mem: bytes that EL2 protects from the host for this VM
 * @shared_mem: bytes that the guest shares with the host
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_get_statistics(u16 vm_id, u64 *protected_mem, u64 *shared_mem)
{
	struct gzvm_call call = GZVM_CALL(GET_STATISTICS, vm_id);
	int ret;

	ret = gzvm_call(&call);
	if (!ret) {
		*protected_mem = call.res.a1;
		*shared_mem = call.res.a2;
	}
	return ret;
}
