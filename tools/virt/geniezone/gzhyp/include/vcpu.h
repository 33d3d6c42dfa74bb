/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_VCPU_H
#define GZHYP_VCPU_H

#include "cpu.h"
#include "mmio.h"
#include "vm.h"

enum vcpu_power {
	POWER_OFF,
	POWER_ON_PENDING,	/* CPU_ON was called, not entered since */
	POWER_ON,
};

/* What the host has to answer before the guest goes on */
enum vcpu_wait {
	WAIT_NOTHING,
	WAIT_MMIO_READ,
	WAIT_HYPERCALL,
};

/**
 * struct vcpu - one virtual CPU
 * @regs: general registers
 * @sys: EL1's registers while it is out
 * @vm: whose it is
 * @id: number in it, and Aff0
 * @run: first shared page, lent by the host
 * @hwstate: second shared page
 * @power: state for PSCI; vm->lock
 * @on_entry: where CPU_ON wants it to start; vm->lock
 * @on_context: with which x0; vm->lock
 * @wait: see enum vcpu_wait
 * @access: the MMIO read that is waited for
 * @ipi_owed: sleepers have to be woken by the host, which was not told yet
 * @exit: what the exit in progress tells the host
 * @told: words of the union that the last one was about
 * @vmcr: virtual GIC CPU interface
 * @ap0r: active priorities of group 0
 * @ap1r: active priorities of group 1
 * @lr: list registers
 * @lrs_used: some of @lr may not be 0
 * @lrs_told: some of @hwstate's may not be 0
 * @cntv_ctl: virtual timer
 * @cntv_cval: when it fires
 * @cntp_ctl: physical timer, emulated
 * @cntp_cval: when it fires
 * @ptimer_high: level of its line when it was last looked at
 * @vtimer_high: level of its line when it was last looked at
 * @mdscr: as the guest wrote it
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
	u64 on_entry;
	u64 on_context;
	enum vcpu_wait wait;
	struct mmio_access access;
	bool ipi_owed;
	struct gz_run exit;
	u32 told;
	u64 vmcr;
	u64 ap0r[4];
	u64 ap1r[4];
	u64 lr[16];
	bool lrs_used;
	bool lrs_told;
	u64 cntv_ctl;
	u64 cntv_cval;
	u64 cntp_ctl;
	u64 cntp_cval;
	bool vtimer_high;
	bool ptimer_high;
	u64 mdscr;
	struct vgic_cpu vgic;
	struct fp_regs fp;
};

#define VCPU_ORDER	pool_order(sizeof(struct vcpu))
#define SHARED_SIZE	(2 * PAGE_SIZE)

/**
 * vcpu_take() - have a vCPU to oneself, whether it is there or not
 * @vm: the VM
 * @id: the vCPU's number
 *
 * RUN has it without vm->lock. Who else takes one holds the lock until it is given
 * back, so that with the lock only a RUN can be in the way.
 *
 * Return: false if somebody else has it.
 */
static inline bool vcpu_take(struct vm *vm, u32 id)
{
	u32 nobody = 0;

	return __atomic_compare_exchange_n(&vm->on_cpu[id], &nobody,
					   this_cpu()->index + 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* What was done to it comes before: pairs with the next vcpu_take(). */
static inline void vcpu_give_back(struct vm *vm, u32 id)
{
	__atomic_store_n(&vm->on_cpu[id], 0, __ATOMIC_RELEASE);
}

/* core/vcpu.c */
int vcpu_create(struct vm *vm, u32 id, pa_t shared);
int vcpu_destroy(struct vm *vm, u32 id);
void vcpu_free(struct vm *vm, u32 id);
void vcpu_reset(struct vcpu *vcpu, u64 pc, u64 x0);
u64 vcpu_mpidr(const struct vcpu *vcpu);

/* core/run.c */
int vcpu_run(struct vm *vm, u32 id, u64 *reason);

/* core/onereg.c */
int onereg_get(struct vm *vm, u32 vcpu_id, u64 id, u64 *val);
int onereg_set(struct vm *vm, u32 vcpu_id, u64 id, u64 val);

/* arch/trap-guest.c: 0 to go on in the guest, else an exit reason */
u32 guest_trap(struct vcpu *vcpu);
bool guest_trap_quick(struct vcpu *vcpu);
u32 guest_wfx_wait(struct vcpu *vcpu);
u32 guest_page_fault(struct vcpu *vcpu, u64 ipa);

/* arch/psci-guest.c */
u32 guest_hvc(struct vcpu *vcpu);
bool guest_hvc_quick(struct vcpu *vcpu);

/* arch/idregs.c */
u64 idreg_value(u32 reg);
bool is_idreg(u32 reg);

#endif /* GZHYP_VCPU_H */
