/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_VCPU_H
#define GZHYP_VCPU_H

#include "arch/cpu.h"
#include "core/vm/mmio.h"
#include "core/vm/vm.h"

enum vcpu_power {
	POWER_OFF,
	POWER_ON_PENDING,	/* CPU_ON was called, no RUN since */
	POWER_ON,
	POWER_SUSPENDED,	/* SYSTEM_SUSPEND was called, no interrupt since */
};

/* The answer of the host that the guest waits for */
enum vcpu_wait {
	WAIT_NOTHING,
	WAIT_MMIO_READ,
	WAIT_HYPERCALL,
};

/**
 * struct vcpu - one virtual CPU
 * @regs: general registers
 * @sys: EL1's registers while it is not loaded
 * @vm: its VM
 * @id: number in the VM, and Aff0
 * @run: first shared page, lent by the host
 * @hwstate: second shared page
 * @power: state for PSCI; vm->lock
 * @resets: the VM's count when this vCPU was reset last; vm->lock
 * @on_entry: entry point of CPU_ON or SYSTEM_SUSPEND; vm->lock
 * @on_context: x0 there; vm->lock
 * @wait: see enum vcpu_wait
 * @access: the MMIO read that waits for an answer
 * @ipi_pending: the next exit must tell the host to wake sleeping vCPUs
 * @exit: the exit in progress, as the host will see it
 * @shown: words of the union that the last exit has used
 * @vmcr: virtual GIC CPU interface
 * @ap0r: active priorities of group 0
 * @ap1r: active priorities of group 1
 * @lr: list registers
 * @lr_stays: list registers that the host was shown, with the option "lrstay"
 * @lrs_used: some of @lr may not be 0
 * @lrs_shown: some of @hwstate's may not be 0
 * @cntv_ctl: virtual timer
 * @cntv_cval: its deadline
 * @cntp_ctl: physical timer, emulated
 * @cntp_cval: its deadline
 * @ptimer_high: level of the physical timer's line at the last look
 * @vtimer_high: level of the virtual timer's line at the last look
 * @vtimer_left: an expired virtual timer is the host's to report; another CPU may
 *               clear it
 * @mdscr: MDSCR_EL1 as the guest wrote it
 * @os_lock: the guest has locked the OS lock
 * @debug_on: it uses breakpoints or watchpoints now
 * @debug: these, also while they are in a CPU
 * @vgic: its part of the interrupt controller
 * @fp: FP/SIMD registers while they are not in a CPU
 */
struct vcpu {
	struct cpu_regs regs;
	struct el1_regs sys;
	struct vm *vm;
	u32 id;
	struct gz_run *run;
	struct gz_hwstate *hwstate;
	enum vcpu_power power;
	u32 resets;
	u64 on_entry;
	u64 on_context;
	enum vcpu_wait wait;
	struct mmio_access access;
	bool ipi_pending;
	struct gz_run exit;
	u32 shown;
	u64 vmcr;
	u64 ap0r[4];
	u64 ap1r[4];
	u64 lr[16];
	u64 lr_stays[16];
	bool lrs_used;
	bool lrs_shown;
	u64 cntv_ctl;
	u64 cntv_cval;
	u64 cntp_ctl;
	u64 cntp_cval;
	bool vtimer_high;
	bool vtimer_left;
	bool ptimer_high;
	u64 mdscr;
	bool os_lock;
	bool debug_on;
	struct debug_regs debug;
	struct vgic_cpu vgic;
	struct fp_regs fp;
};

/* INTID of the guest's virtual timer */
#define VTIMER_PPI	27

#define VCPU_ORDER	pool_order(sizeof(struct vcpu))
#define SHARED_SIZE	(2 * PAGE_SIZE)

/**
 * vcpu_take() - claim a vCPU's number, whether the vCPU exists or not
 * @vm: the VM
 * @id: the vCPU's number
 *
 * RUN claims it without vm->lock. All others hold the lock until they give it back,
 * so a holder of the lock can only meet a RUN.
 *
 * Return: false if another CPU has it.
 */
static inline bool vcpu_take(struct vm *vm, u32 id)
{
	u32 nobody = 0;

	return __atomic_compare_exchange_n(&vm->on_cpu[id], &nobody,
					   this_cpu()->index + 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Release: pairs with the next vcpu_take(). */
static inline void vcpu_give_back(struct vm *vm, u32 id)
{
	__atomic_store_n(&vm->on_cpu[id], 0, __ATOMIC_RELEASE);
}

/* core/vm/vcpu.c */
int vcpu_create(struct vm *vm, u32 id, pa_t shared);
int vcpu_destroy(struct vm *vm, u32 id);
void vcpu_free(struct vm *vm, u32 id);
void vcpu_reset(struct vcpu *vcpu, u64 pc, u64 x0);
void vcpu_reset_in_place(struct vcpu *vcpu);
int vcpu_timer_expired(struct vm *vm, u32 id);
u64 vcpu_mpidr(const struct vcpu *vcpu);

/* core/vm/run.c */
int vcpu_run(struct vm *vm, u32 id, u64 *reason);

/* core/vm/hwstate.c */
void lrs_keep_eois(u64 *shown, const u64 *lr, unsigned int nr);
void hwstate_show_timer(struct vcpu *vcpu, u64 delay);

/* core/vm/onereg.c */
int onereg_get(struct vm *vm, u32 vcpu_id, u64 id, u64 *val);
int onereg_set(struct vm *vm, u32 vcpu_id, u64 id, u64 val);

/* core/vm/debug.c */
unsigned int debug_nr_breakpoints(void);
unsigned int debug_nr_watchpoints(void);
u64 *debug_reg(struct vcpu *vcpu, u32 reg);
void debug_set(u32 reg, u64 *field, u64 val);
u64 debug_changed(struct vcpu *vcpu);

/* arch/trap-guest.c: 0 to go on in the guest, else an exit reason */
u32 guest_trap(struct vcpu *vcpu);
bool guest_trap_quick(struct vcpu *vcpu);

/* core/vm/exit.c: the same */
u32 guest_wfx_wait(struct vcpu *vcpu);
u32 guest_page_fault(struct vcpu *vcpu, u64 ipa);
void guest_kick(struct vcpu *vcpu, u32 kick);

/* core/vm/guest-call.c */
u32 guest_hvc(struct vcpu *vcpu);
bool guest_hvc_quick(struct vcpu *vcpu);

/* arch/idregs.c */
u64 idreg_value(u32 reg);
bool is_idreg(u32 reg);

#endif /* GZHYP_VCPU_H */
