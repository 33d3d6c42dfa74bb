// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls to GenieZone. Only this file uses registers, converts a status of EL2
 * to an errno, and knows that there are several generations of GenieZone.
 */

#include <linux/arm-smccc.h>
#include <linux/bitfield.h>
#include <linux/context_tracking_state.h>
#include <linux/cpufeature.h>
#include <linux/errno.h>
#include <linux/kvm_host.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include <asm/barrier.h>
#include <asm/cpuidle.h>
#include <asm/timex.h>

#include "hypercall.h"
#include "stub.h"
#include "trace.h"

/*
 * linux/kvm_host.h is here, and in run.c, for guest_state_*() and guest_timing_*()
 * only: they tell RCU, lockdep and the accounting of time that a guest runs. No
 * other header has them, and copies would have to follow each change of RCU and of
 * context tracking. They do not need CONFIG_KVM, and nothing else of KVM is used.
 */

/**
 * struct gzvm_dialect - what differs between the generations of GenieZone
 * @id: function id of call 0
 * @probe_major: driver version for PROBE
 * @irq_base: what the driver adds to an SPI's index in IRQ_LINE
 * @old_vtimer: hwstate has the old layout, and the driver injects a timer that
 *		expires while its vCPU is out
 * @no_regions: MEMREGION_PURPOSE, and SET_MEMREGION without pages, may not exist
 */
struct gzvm_dialect {
	u32 id;
	u32 probe_major;
	u32 irq_base;
	bool old_vtimer;
	bool no_regions;
};

/* The generation of today is the first, older phones have the second. */
static const struct gzvm_dialect gzvm_dialects[] = {
	{
		.id = ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_64,
					 GZVM_HC_OWNER, GZVM_HC_FIRST),
		.probe_major = GZVM_PROBE_MAJOR,
	},
	{
		.id = ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_32,
					 GZVM_HC_OWNER, GZVM_HC_FIRST),
		.irq_base = GZVM_SPI_BASE,
		.old_vtimer = true,
		.no_regions = true,
	},
};

/* The generation of this EL2, which PROBE finds before any other call. */
static const struct gzvm_dialect *gzvm_dialect = gzvm_dialects;

/*
 * Make a call by the convention of SMCCC 1.0 and later (ARM DEN 0028, 2.6): arguments
 * in x0 to x7, results in x0 to x3, and x4 to x17 may change.
 *
 * The driver has its own HVC for two reasons. In kernels before 6.12, arm_smccc_hvc()
 * and arm_smccc_1_1_hvc() may set bit 16 of the function id as a hint that the caller
 * has no live SVE state. An EL2 that compares the whole id does not know such an id.
 * And arm_smccc_1_2_hvc(), which never sets the bit, loads and stores 18 registers,
 * for which each exit of a guest would pay.
 *
 * All values are read before the first register is set: reading may call functions
 * of a sanitizer.
 */
static __always_inline void gzvm_hvc(struct gzvm_call *call)
{
	u64 id = call->id, a1 = call->args[0], a2 = call->args[1];
	u64 a3 = call->args[2], a4 = call->args[3], a5 = call->args[4];
	u64 a6 = call->args[5], a7 = call->args[6];

	register u64 x0 asm("x0") = id;
	register u64 x1 asm("x1") = a1;
	register u64 x2 asm("x2") = a2;
	register u64 x3 asm("x3") = a3;
	register u64 x4 asm("x4") = a4;
	register u64 x5 asm("x5") = a5;
	register u64 x6 asm("x6") = a6;
	register u64 x7 asm("x7") = a7;

	asm volatile("hvc	#0"
		     : "+r" (x0), "+r" (x1), "+r" (x2), "+r" (x3),
		       "+r" (x4), "+r" (x5), "+r" (x6), "+r" (x7)
		     :
		     : "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
		       "x16", "x17", "cc", "memory");
	call->res = (struct arm_smccc_res){ x0, x1, x2, x3 };
}

/*
 * Does anybody have to know when the CPU goes to the guest and comes back? Without
 * context tracking (nohz_full=) and lockdep, KVM's helpers only report a quiescent state
 * to RCU, twice in each run. RCU waits for a CPU that stays in a guest, which a tick
 * takes out of it: gzvm_vcpu_enter() reports then. A run that ends for another reason
 * is short, and should not pay a twentieth of its cost for it. If no tick ever meets the
 * guest, RCU makes the tick ask for a reschedule, and the run loop schedules.
 */
static __always_inline bool gzvm_guest_is_tracked(void)
{
	return IS_ENABLED(CONFIG_TRACE_IRQFLAGS) ||
	       context_tracking_enabled_this_cpu();
}

/*
 * The guest runs inside this call, hence nothing here may be instrumented: RCU may
 * not be watching this CPU, see guest_state_enter_irqoff().
 *
 * A kernel with pseudo-NMIs masks interrupts by priority. The GIC would then signal
 * no interrupt while the guest runs, and neither a kick nor a tick would end the
 * run. Mask interrupts in PSTATE instead, as the idle loop does for WFI.
 */
static noinstr void gzvm_smccc_run(struct gzvm_call *call)
{
	bool is_tracked = gzvm_guest_is_tracked();
	struct arm_cpuidle_irq_context irqs;

	if (is_tracked)
		guest_state_enter_irqoff();
	arm_cpuidle_save_irq_context(&irqs);
	pmr_sync();
	gzvm_hvc(call);
	arm_cpuidle_restore_irq_context(&irqs);
	if (is_tracked)
		guest_state_exit_irqoff();
}

/**
 * gzvm_smccc() - issue one hypercall
 * @call: registers in and out
 *
 * Every call goes through this function. Tests replace it.
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

	gzvm_hvc(call);
}

/**
 * gzvm_hyp_errno() - errno for a status of EL2
 * @status: lower half of x0; the upper half may have any value
 *
 * Return: 0; -ENOMEM, -EOPNOTSUPP, -EAGAIN (EL2 is busy: call again) or
 * -EFAULT; -EINVAL for invalid arguments and for every unknown status.
 */
int gzvm_hyp_errno(int status)
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

/* Calls without a pause: EL2 may return BUSY after each step of a long call. */
#define GZVM_BUSY_CALLS		1024
#define GZVM_BUSY_MAX_PAUSE	(HZ / 10)

/**
 * gzvm_hc_retry() - whether a call must be repeated because EL2 is busy
 * @busy: state of the repetition
 * @ret: result of the call; becomes -EINTR when EL2 is busy and a signal ends the
 *       repetition
 *
 * If EL2 stays busy, there is a pause before each call, which becomes longer each
 * time. Use gzvm_hc_repeat(), which contains the loop.
 *
 * Context: process context, may sleep.
 * Return: true: make the same call again.
 */
bool gzvm_hc_retry(struct gzvm_busy *busy, int *ret)
{
	unsigned int state = busy->kicks ? TASK_INTERRUPTIBLE : TASK_KILLABLE;

	if (*ret != -EAGAIN)
		return false;

	busy->seen++;
	cond_resched();
	if (busy->limit)
		return busy->seen < busy->limit;
	if (busy->seen > GZVM_BUSY_CALLS) {
		set_current_state(state);
		schedule_timeout(min_t(long, busy->seen - GZVM_BUSY_CALLS,
				       GZVM_BUSY_MAX_PAUSE));
	}
	if (signal_pending_state(state, current)) {
		*ret = -EINTR;
		return false;
	}
	return true;
}

/* Inline for calls that exits and interrupts make */
static __always_inline void gzvm_make_call(struct gzvm_call *call)
{
	trace_gzvm_hypercall_enter(call);
	gzvm_smccc(call);
	trace_gzvm_hypercall_leave(call);
}

static int gzvm_call_status(const struct gzvm_call *call)
{
	return gzvm_hyp_errno((int)call->res.a0);
}

static noinline int gzvm_call(struct gzvm_call *call)
{
	gzvm_make_call(call);
	return gzvm_call_status(call);
}

/* The arguments are x1 and up. All others are zero. */
#define GZVM_CALL(_nr, ...)						\
	((struct gzvm_call){						\
		.nr = GZVM_HC_##_nr,					\
		.id = gzvm_dialect->id + GZVM_HC_##_nr,			\
		.args = { __VA_ARGS__ },				\
	})

static u64 gzvm_tuple(u16 vm_id, u16 vcpu_id)
{
	return (u64)vm_id << 16 | vcpu_id;
}

/**
 * gzvm_hc_probe() - look for GenieZone, and find out its generation
 * @version: version of the hypervisor
 *
 * Must only be called on a machine that is known to have an EL2 that takes HVC:
 * elsewhere the instruction is undefined. All later calls are made for the
 * generation that this call finds.
 *
 * Return: 0, or -ENODEV when EL2 is not GenieZone.
 */
int gzvm_hc_probe(struct gzvm_version *version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gzvm_dialects); i++) {
		struct gzvm_call call;

		gzvm_dialect = &gzvm_dialects[i];
		call = GZVM_CALL(PROBE, gzvm_dialect->probe_major);
		if (gzvm_call(&call))
			continue;
		version->major = call.res.a1;
		version->minor = call.res.a2;
		version->sub = call.res.a3;
		return 0;
	}
	gzvm_dialect = gzvm_dialects;
	return -ENODEV;
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
 * gzvm_hc_destroy_vm() - one step of the end of a VM
 * @vm_id: VM
 * @pages_per_step: pages that EL2 may free before it returns, a power of two
 *
 * Return: 0 when EL2 has let go of all pages; -EAGAIN: call again; any other
 * error: EL2 may still map the VM's pages.
 */
int gzvm_hc_destroy_vm(u16 vm_id, u64 pages_per_step)
{
	struct gzvm_call call = GZVM_CALL(DESTROY_VM, vm_id, pages_per_step);

	return gzvm_call(&call);
}

/* Whether the status means that the call has done nothing */
static bool gzvm_is_refusal(const struct gzvm_call *call)
{
	switch ((int)call->res.a0) {
	case GZVM_HYP_NO_MEMORY:
	case GZVM_HYP_INVALID_ARGS:
	case GZVM_HYP_NOT_SUPPORTED:
	case GZVM_HYP_NOT_IMPLEMENTED:
	case SMCCC_RET_NOT_SUPPORTED:
		return true;
	default:
		return false;
	}
}

/* Make a call that names pages, and note whether EL2 may have some after an error. */
static int gzvm_call_for_pages(struct gzvm_call *call, struct gzvm_busy *busy)
{
	int ret;

	ret = gzvm_call(call);
	if (ret && ret != -EAGAIN && !gzvm_is_refusal(call))
		busy->unclear = true;
	return ret;
}

/**
 * gzvm_hc_create_vcpu() - make a vCPU at EL2
 * @vm_id: VM
 * @vcpu_id: vCPU
 * @shared: GZVM_SHARED_SIZE contiguous bytes, zeroed; EL2 may write them from now on
 * @has_pages: after an error: whether EL2 may still write them, until DESTROY_VM
 *	       has succeeded
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_create_vcpu(u16 vm_id, u16 vcpu_id, phys_addr_t shared,
			bool *has_pages)
{
	struct gzvm_call call = GZVM_CALL(CREATE_VCPU,
					  gzvm_tuple(vm_id, vcpu_id), shared);
	int ret;

	ret = gzvm_call(&call);
	*has_pages = !gzvm_is_refusal(&call);
	return ret;
}

/**
 * gzvm_hc_destroy_vcpu() - end a vCPU at EL2
 * @vm_id: VM
 * @vcpu_id: vCPU
 *
 * Shipped drivers ignore the status, hence it may have any value. EL2 has released
 * the shared pages when DESTROY_VM has succeeded.
 */
void gzvm_hc_destroy_vcpu(u16 vm_id, u16 vcpu_id)
{
	struct gzvm_call call = GZVM_CALL(DESTROY_VCPU,
					  gzvm_tuple(vm_id, vcpu_id));

	(void)gzvm_call(&call);
}

/* Make a call that older generations may not know. */
static int gzvm_call_if_known(struct gzvm_call *call)
{
	int ret = gzvm_call(call);

	if (gzvm_dialect->no_regions &&
	    (ret == -EOPNOTSUPP || (int)call->res.a0 == SMCCC_RET_NOT_SUPPORTED))
		return 0;
	return ret;
}

/**
 * gzvm_hc_register_memregion() - register a memory region
 * @vm_id: VM
 * @size: bytes of the buffer
 * @ranges: struct gzvm_hyp_ranges without constituents
 *
 * Return: 0, also when EL2 does not need it; -EAGAIN: call again with the same
 * buffer; or another errno.
 */
int gzvm_hc_register_memregion(u16 vm_id, u64 size, phys_addr_t ranges)
{
	struct gzvm_call call = GZVM_CALL(SET_MEMREGION, vm_id, size, ranges);

	return gzvm_call_if_known(&call);
}

/**
 * gzvm_hc_set_memregion() - give pages of a memory region
 * @vm_id: VM
 * @size: bytes of the buffer
 * @ranges: struct gzvm_hyp_ranges
 * @busy: notes what is unclear after an error
 *
 * Return: 0; -EAGAIN: call again with the same buffer; or another errno.
 */
int gzvm_hc_set_memregion(u16 vm_id, u64 size, phys_addr_t ranges,
			  struct gzvm_busy *busy)
{
	struct gzvm_call call = GZVM_CALL(SET_MEMREGION, vm_id, size, ranges);

	return gzvm_call_for_pages(&call, busy);
}

/**
 * gzvm_hc_memregion_purpose() - tell EL2 the purpose of a region
 * @vm_id: VM
 * @gpa: where it starts
 * @size: its bytes
 * @flags: GZVM_USER_MEM_REGION_* bits
 *
 * Return: 0, also when EL2 does not need it; or an errno.
 */
int gzvm_hc_memregion_purpose(u16 vm_id, u64 gpa, u64 size, u64 flags)
{
	struct gzvm_call call = GZVM_CALL(MEMREGION_PURPOSE, vm_id, gpa, size,
					  flags);

	return gzvm_call_if_known(&call);
}

/**
 * gzvm_hw_vtimer() - look at the guest's timer while its vCPU is out
 * @hw: page that the vCPU shares with EL2
 * @delay: cycles from the last exit until it fires; 0: it is due, or EL2 does
 *	   not report the time
 *
 * Return: whether the host has to run the timer.
 */
bool gzvm_hw_vtimer(const struct gzvm_hyp_hwstate *hw, u64 *delay)
{
	if (unlikely(gzvm_dialect->old_vtimer)) {
		*delay = le64_to_cpu(READ_ONCE(hw->vtimer.old.delay));
		return READ_ONCE(hw->vtimer.old.migrate);
	}
	*delay = le64_to_cpu(READ_ONCE(hw->vtimer.now.delay));
	return READ_ONCE(hw->vtimer.now.migrate);
}

/**
 * gzvm_hw_vtimer_offset() - offset of the guest's virtual counter
 * @hw: page that the vCPU shares with EL2
 * @offset: cycles that it lags behind the physical counter
 *
 * Return: whether EL2 reports the offset.
 */
bool gzvm_hw_vtimer_offset(const struct gzvm_hyp_hwstate *hw, u64 *offset)
{
	if (gzvm_dialect->old_vtimer)
		return false;
	*offset = le64_to_cpu(READ_ONCE(hw->vtimer.now.offset));
	return true;
}

/* EL2 may write the timer only if the host has to run it. Shipped drivers clear it. */
static __always_inline void gzvm_hw_forget_vtimer(struct gzvm_hyp_hwstate *hw)
{
	if (unlikely(gzvm_dialect->old_vtimer)) {
		hw->vtimer.old.delay = 0;
		hw->vtimer.old.migrate = 0;
	} else {
		hw->vtimer.now.delay = 0;
		hw->vtimer.now.migrate = 0;
	}
}

/* The driver injects a timer that has expired while the vCPU was out. */
static noinline void gzvm_run_inject_vtimer(struct gzvm_run *run)
{
	struct gzvm_call call;

	if (!run->vtimer_armed || get_cycles() < run->vtimer_due)
		return;
	call = GZVM_CALL(IRQ_LINE, run->call.args[0], GZVM_INTID_VTIMER, 1);
	(void)gzvm_call(&call);
}

static noinline void gzvm_run_note_vtimer(struct gzvm_run *run)
{
	u64 now = get_cycles(), delay;

	run->vtimer_armed = gzvm_hw_vtimer(run->hw, &delay);
	run->vtimer_due = now + min(delay, U64_MAX - now);
}

/**
 * gzvm_hc_run_init() - prepare the call that runs a vCPU
 * @run: for gzvm_hc_run(), which uses it for each run, because clearing the struct
 *	 for each run would be slow
 * @vm_id: VM
 * @vcpu_id: vCPU
 * @hw: second page that the vCPU shares with EL2
 */
void gzvm_hc_run_init(struct gzvm_run *run, u16 vm_id, u16 vcpu_id,
		      struct gzvm_hyp_hwstate *hw)
{
	*run = (struct gzvm_run){
		.call = GZVM_CALL(RUN, gzvm_tuple(vm_id, vcpu_id)),
		.hw = hw,
	};
}

/**
 * gzvm_hc_run() - let a vCPU run until it exits
 * @run: from gzvm_hc_run_init(); only one thread uses it at a time
 * @exit_reason: reason of the exit
 *
 * If x1 is an exit reason, the status is ignored: shipped drivers use x1 only, and
 * an EL2 may leave any value in x0. The status is used if x1 is no exit reason, or
 * if EL2 may not have written it: it holds the argument then.
 *
 * Context: interrupts disabled, between guest_timing_enter_irqoff() and
 * guest_timing_exit_irqoff().
 * Return: 0 or an errno; @exit_reason is written only if it is 0.
 */
int gzvm_hc_run(struct gzvm_run *run, u64 *exit_reason)
{
	struct gzvm_call *call = &run->call;
	int ret;

	lockdep_assert_irqs_disabled();
	if (unlikely(gzvm_dialect->old_vtimer))
		gzvm_run_inject_vtimer(run);
	gzvm_hw_forget_vtimer(run->hw);
	gzvm_make_call(call);
	if (unlikely(gzvm_dialect->old_vtimer))
		gzvm_run_note_vtimer(run);
	if (call->res.a1 - GZVM_EXIT_UNKNOWN >= GZVM_NR_EXITS ||
	    call->res.a1 == call->args[0]) {
		ret = gzvm_call_status(call);
		if (ret)
			return ret;
	}
	*exit_reason = call->res.a1;
	return 0;
}

/**
 * gzvm_hc_get_one_reg() - read a vCPU's register
 * @vm_id: VM
 * @vcpu_id: vCPU, not running
 * @id: register id as in struct gzvm_one_reg
 * @value: its value
 *
 * Shipped drivers do not make this call. An EL2 that does not know it may return
 * SMCCC's status for that.
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
	else if ((int)call.res.a0 == SMCCC_RET_NOT_SUPPORTED)
		ret = -EOPNOTSUPP;
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
 * @vcpu_id: 0; the guest routes SPIs
 * @spi: index, 0 = INTID 32, at most GZVM_SPI_MAX
 * @level: new level
 *
 * Return: 0 or an errno.
 */
int gzvm_hc_irq_line(u16 vm_id, u16 vcpu_id, u32 spi, bool level)
{
	/* All that EL2 reads is set below. Results need not be cleared. */
	struct gzvm_call call __uninitialized;

	call.nr = GZVM_HC_IRQ_LINE;
	call.id = gzvm_dialect->id + GZVM_HC_IRQ_LINE;
	call.args[0] = gzvm_tuple(vm_id, vcpu_id);
	call.args[1] = spi + gzvm_dialect->irq_base;
	call.args[2] = level;
	memset(&call.args[3], 0, 4 * sizeof(call.args[0]));
	gzvm_make_call(&call);
	return gzvm_call_status(&call);
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
 * @vm_id: VM; 0 for the QUERY capabilities and GZVM_HYP_CAP_LIMITS
 * @cap: GZVM_CAP_*
 * @args: arguments
 * @result: x1, may be NULL
 *
 * Return: 0 or an errno; @result is written only if it is 0.
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
 * gzvm_hc_limits() - ask EL2 how large a VM may be
 * @limits: its limits, or those of shipped drivers if it refuses the call
 *
 * Shipped drivers do not make this call. Use it only before something that they
 * do not do either.
 */
void gzvm_hc_limits(struct gzvm_limits *limits)
{
	static const u64 args[5];
	u64 value;

	*limits = (struct gzvm_limits){
		.vcpus = GZVM_SHIPPED_VCPUS,
		.slots = GZVM_SHIPPED_SLOTS,
	};
	if (gzvm_hc_enable_cap(0, GZVM_HYP_CAP_LIMITS, args, &value))
		return;
	limits->vcpus = FIELD_GET(GZVM_HYP_LIMITS_VCPUS, value);
	limits->slots = FIELD_GET(GZVM_HYP_LIMITS_SLOTS, value);
	limits->announced = true;
}

/**
 * gzvm_hc_inform_exit() - tell EL2 that a vCPU returns to the VMM
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
 * @busy: notes what is unclear after an error
 *
 * Return: 0; -EAGAIN: call again; or another errno.
 */
int gzvm_hc_map_guest(u16 vm_id, u32 slot, u64 pfn, u64 gfn, u64 nr_pages,
		      struct gzvm_busy *busy)
{
	struct gzvm_call call = GZVM_CALL(MAP_GUEST, vm_id, slot, pfn, gfn,
					  nr_pages);

	return gzvm_call_for_pages(&call, busy);
}

/**
 * gzvm_hc_map_guest_block() - give the frames in the VM's mailbox to a guest
 * @vm_id: VM
 * @slot: slot that the range lies in
 * @gfn: first guest frame, in 4 KiB pages
 * @nr_pages: entries of the mailbox that count
 * @busy: notes what is unclear after an error
 *
 * Return: 0; -EAGAIN: call again; or another errno.
 */
int gzvm_hc_map_guest_block(u16 vm_id, u32 slot, u64 gfn, u64 nr_pages,
			    struct gzvm_busy *busy)
{
	struct gzvm_call call = GZVM_CALL(MAP_GUEST_BLOCK, vm_id, slot, gfn,
					  nr_pages);

	return gzvm_call_for_pages(&call, busy);
}

/**
 * gzvm_hc_get_statistics() - memory that EL2 uses for a VM
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

/**
 * gzvm_ipa_bits() - widest guest physical address space of this machine
 *
 * Stage 2 cannot be wider than the physical address space of the CPU (ARM DDI 0487,
 * VTCR_EL2.PS). Shipped drivers report that of the kernel. EL2 may accept less, and
 * refuses larger addresses.
 *
 * Return: bits, 32 to 52.
 */
unsigned int gzvm_ipa_bits(void)
{
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	unsigned int parange;

	parange = cpuid_feature_extract_unsigned_field(mmfr0,
						       ID_AA64MMFR0_EL1_PARANGE_SHIFT);
	return min_t(unsigned int, id_aa64mmfr0_parange_to_phys_shift(parange),
		     CONFIG_ARM64_PA_BITS);
}

/**
 * gzvm_gpa_range_ok() - whether a range can be in a guest's address space
 * @gpa: guest physical address of its first byte
 * @size: bytes
 *
 * Return: true when the range is not empty, does not wrap, and ends at or below
 * the widest guest physical address.
 */
bool gzvm_gpa_range_ok(u64 gpa, u64 size)
{
	u64 end;

	return size && !check_add_overflow(gpa, size, &end) &&
	       end <= BIT_ULL(gzvm_ipa_bits());
}
