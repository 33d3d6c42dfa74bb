// SPDX-License-Identifier: GPL-2.0
/*
 * RUN: claim a vCPU, run it until the host is needed, show the exit to the host.
 *
 * The host may write to the shared pages at any time. EL2 reads them once, at the
 * beginning, and only the answer that it waits for. At the end it writes the exit
 * from its own copy.
 */
#include "arch/barrier.h"
#include "arch/gic.h"
#include "arch/stop.h"
#include "arch/switch.h"
#include "control/control.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vcpu.h"
#include "lib/string.h"

/* CPU_ON has been called, or an interrupt ends SYSTEM_SUSPEND. */
static bool is_to_start(struct vcpu *vcpu)
{
	enum vcpu_power power = READ_ONCE(vcpu->power);

	return power == POWER_ON_PENDING ||
	       (power == POWER_SUSPENDED &&
		vgic_pending(&vcpu->vm->vgic, vcpu->id));
}

/* The call has written entry and context with the lock held. */
static void finish_cpu_on(struct vcpu *vcpu)
{
	spin_lock(&vcpu->vm->lock);
	vcpu_reset(vcpu, vcpu->on_entry, vcpu->on_context);
	vcpu->power = POWER_ON;
	spin_unlock(&vcpu->vm->lock);
}

static void finish_reset(struct vcpu *vcpu)
{
	spin_lock(&vcpu->vm->lock);
	vcpu_reset_in_place(vcpu);
	spin_unlock(&vcpu->vm->lock);
}

/* Try without the lock first. It helps only if a holder of the lock has the vCPU. */
static bool take_or_wait(struct vm *vm, u32 id)
{
	bool taken = vcpu_take(vm, id);

	if (taken)
		return true;
	spin_lock(&vm->lock);
	taken = vcpu_take(vm, id);
	spin_unlock(&vm->lock);
	return taken;
}

static int claim(struct vm *vm, u32 id, struct vcpu **vcpu)
{
	if (id >= MAX_VCPUS || READ_ONCE(vm->wiped))
		return GZ_INVALID_ARGS;
	if (!take_or_wait(vm, id))
		return GZ_BUSY;
	/* Pairs with create_locked(), which publishes the vCPU without taking it. */
	*vcpu = __atomic_load_n(&vm->vcpu[id], __ATOMIC_ACQUIRE);
	if (!*vcpu) {
		vcpu_give_back(vm, id);
		return GZ_INVALID_ARGS;
	}
	/* on_cpu[] before pending interrupts: pairs with vm_kick(). */
	smp_mb();
	if (READ_ONCE(vm->reset_by) == id + 1)
		WRITE_ONCE(vm->reset_by, 0);
	if (READ_ONCE(vm->resets) != (*vcpu)->resets)
		finish_reset(*vcpu);
	if (is_to_start(*vcpu))
		finish_cpu_on(*vcpu);
	return 0;
}

/* Put the host's answer into the registers of the guest that waits for it. */
static void take_answer(struct vcpu *vcpu)
{
	const struct gz_run *run = vcpu->run;
	unsigned int i;
	u64 val;

	switch (vcpu->wait) {
	case WAIT_MMIO_READ:
		val = mmio_load_value(&vcpu->access, READ_ONCE(run->mmio.data));
		if (vcpu->access.reg != 31)
			vcpu->regs.x[vcpu->access.reg] = val;
		skip_instruction(&vcpu->regs);
		break;
	case WAIT_HYPERCALL:
		for (i = 0; i < 4; i++)
			vcpu->regs.x[i] = READ_ONCE(run->hypercall.args[i]);
		break;
	case WAIT_NOTHING:
		break;
	}
	vcpu->wait = WAIT_NOTHING;
}

/*
 * The vCPU is off or suspended, and the host may let it sleep. As in
 * guest_wfx_wait(), the bit is set before the power and the interrupts are read. A CPU
 * that changes them reads the bit afterwards.
 */
static u32 exit_while_off(struct vcpu *vcpu)
{
	u32 bit = 1U << vcpu->id;

	__atomic_or_fetch(&vcpu->vm->sleeping, bit, __ATOMIC_SEQ_CST);
	if (!is_to_start(vcpu))
		return GZ_EXIT_IDLE;
	__atomic_and_fetch(&vcpu->vm->sleeping, ~bit, __ATOMIC_SEQ_CST);
	/* The next RUN resets it. */
	return GZ_EXIT_GZ;
}

static u32 reason_not_to_enter(struct vcpu *vcpu)
{
	if (vcpu->ipi_pending) {
		vcpu->ipi_pending = false;
		return GZ_EXIT_IPI;
	}
	if (READ_ONCE(vcpu->vm->state) != VM_LIVE)
		return GZ_EXIT_GZ;
	/* The host must see the end of a level before it can come again. */
	if (vcpu->vgic.nr_ended)
		return GZ_EXIT_IRQ;
	if (vcpu->power != POWER_ON)
		return exit_while_off(vcpu);
	return 0;
}

/* Clear the list registers that the host was shown after an earlier entry. */
static void forget_lrs(struct vcpu *vcpu)
{
	if (!vcpu->lrs_used)
		return;
	memset(vcpu->lr, 0, sizeof(vcpu->lr));
	vcpu->lrs_used = false;
}

static void flush_interrupts(struct vcpu *vcpu)
{
	u64 hcr;

	if (!vgic_is_quiet(&vcpu->vgic)) {
		vcpu->vgic.vmcr = read_sysreg_s(SYS_ICH_VMCR);
		vgic_flush(&vcpu->vm->vgic, vcpu->id, vcpu->lr, gic_nr_lrs(),
			   &hcr);
		vcpu->lrs_used = true;
		gic_write_lrs(vcpu->lr, vcpu->vgic.nr_loaded, hcr);
	} else {
		forget_lrs(vcpu);
	}
}

static u64 enter(struct vcpu *vcpu)
{
	u32 kick = 0;
	u64 code;

	timer_update_lines(vcpu, &kick);
	flush_interrupts(vcpu);
	timer_guest_enter(vcpu);
	gic_guest_begin(this_cpu(), vcpu->vtimer_high || vcpu->vtimer_left);
	do {
		code = guest_enter(&vcpu->regs);
		stop_if_wanted();
	} while (code == EXIT_SYNC && guest_trap_quick(vcpu));
	return code;
}

/* Take the virtual interrupts back; true if the host must see the registers. */
static bool sync_interrupts(struct vcpu *vcpu)
{
	struct vgic *vgic = &vcpu->vm->vgic;
	unsigned int eois;
	bool level_eoi;
	u32 kick = 0;

	if (!vcpu->vgic.nr_loaded)
		return false;
	eois = FIELD(gic_read_lrs(vcpu->lr, vcpu->vgic.nr_loaded), 27, 5);
	if (eois)
		vgic_eoi_count(vgic, vcpu->id, eois, &kick);
	level_eoi = vgic_sync(vgic, vcpu->id, vcpu->lr, gic_nr_lrs(), &kick);
	guest_kick(vcpu, kick);
	return level_eoi;
}

static u32 enter_once(struct vcpu *vcpu)
{
	u64 code = enter(vcpu);
	bool host_due = timer_guest_exit(vcpu);
	bool level_eoi = sync_interrupts(vcpu);
	u32 reason = 0;

	gic_guest_end(this_cpu());
	switch (code) {
	case EXIT_SYNC:
		reason = guest_trap(vcpu);
		break;
	case EXIT_IRQ:
		/* It may have been one of EL2's own, which is quiet by now. */
		break;
	case EXIT_SERROR:
		inject_host_serror(this_cpu());
		reason = GZ_EXIT_IRQ;
		break;
	default:
		reason = GZ_EXIT_IRQ;
	}
	/* A guest that traps all the time must not keep the host's interrupts off. */
	if (!reason && (host_due || level_eoi || gic_host_irq_pending()))
		reason = GZ_EXIT_IRQ;
	return reason;
}

/* Mostly few words, for which memset() takes longer. */
static void clear_words(u64 *word, unsigned int nr)
{
	while (nr)
		word[--nr] = 0;
}

static void begin_run(struct vcpu *vcpu)
{
	u32 bit = 1U << vcpu->id;

	clear_words(vcpu->exit.raw, vcpu->shown);
	/* Only the CPU that has claimed the vCPU sets its bit. */
	if (READ_ONCE(vcpu->vm->sleeping) & bit)
		__atomic_and_fetch(&vcpu->vm->sleeping, ~bit, __ATOMIC_SEQ_CST);
	take_answer(vcpu);
}

static u32 run_claimed(struct vcpu *vcpu)
{
	u32 reason;

	vcpu_load(vcpu);
	do {
		reason = enter_once(vcpu);
		if (!reason)
			reason = reason_not_to_enter(vcpu);
	} while (!reason);
	vcpu_put(vcpu);
	return reason;
}

#define WORDS(member)	(ALIGN_UP(sizeof(member), sizeof(u64)) / sizeof(u64))

/* How many words of the union an exit uses; the rest of vcpu->exit is 0. */
static unsigned int exit_words(u32 reason)
{
	const struct gz_run *run = NULL;

	switch (reason) {
	case GZ_EXIT_IRQ:
	case GZ_EXIT_GZ:
	case GZ_EXIT_IDLE:
	case GZ_EXIT_IPI:
		return 0;
	case GZ_EXIT_MMIO:
		return WORDS(run->mmio);
	case GZ_EXIT_EXCEPTION:
		return WORDS(run->exception);
	case GZ_EXIT_HYPERCALL:
		return WORDS(run->hypercall);
	default:
		return WORDS(run->raw);
	}
}

/* Overwrites all words that the host has been shown before. */
static void show_exit(struct vcpu *vcpu, u32 reason)
{
	unsigned int nr = exit_words(reason), i = MAX(nr, vcpu->shown);
	struct gz_run *run = vcpu->run;

	while (i--)
		run->raw[i] = vcpu->exit.raw[i];
	vcpu->shown = nr;
	WRITE_ONCE(run->exit_reason, reason);
}

/* List registers that were 0 when they were last shown still are. */
static void show_lrs(struct vcpu *vcpu)
{
	unsigned int nr, i;
	const u64 *lr = vcpu->lr;

	vcpu->lrs_used |= vcpu->vgic.nr_ended;
	nr = vgic_show_ends(&vcpu->vgic, vcpu->lr, gic_nr_lrs());
	WRITE_ONCE(vcpu->hwstate->nr_lrs, nr);
	if (option(OPT_LRS_STAY)) {
		lrs_keep_eois(vcpu->lr_stays, vcpu->lr, nr);
		lr = vcpu->lr_stays;
	} else if (!vcpu->lrs_used && !vcpu->lrs_shown) {
		return;
	}
	for (i = 0; i < nr; i++)
		WRITE_ONCE(vcpu->hwstate->lr[i], lr[i]);
	vcpu->lrs_shown = vcpu->lrs_used;
}

/* immediate_exit and its padding are the host's and are not written. */
static void show_host(struct vcpu *vcpu, u32 reason)
{
	u64 delay = 0;

	if (reason == GZ_EXIT_IDLE && vcpu->power == POWER_ON)
		delay = timer_idle_delay(vcpu);
	show_lrs(vcpu);
	hwstate_show_timer(vcpu, delay);
	show_exit(vcpu, reason);
}

/**
 * vcpu_run() - RUN
 * @vm: the VM
 * @id: the vCPU's number
 * @reason: gets the exit reason
 *
 * Return: 0; GZ_BUSY if it runs already; GZ_INVALID_ARGS, also if the VM cannot be
 * sealed; or GZ_NO_MEMORY if sealing needs memory.
 */
int vcpu_run(struct vm *vm, u32 id, u64 *reason)
{
	struct vcpu *vcpu;
	int err = claim(vm, id, &vcpu);

	if (err)
		return err;
	err = protect_before_run(vcpu);
	if (!err || err == GZ_BUSY) {
		begin_run(vcpu);
		if (control_forge(vcpu, reason)) {
			vcpu->shown = ARRAY_SIZE(vcpu->exit.raw);
			vcpu->lrs_shown = true;
		} else {
			/* The next RUN goes on with sealing. */
			*reason = err ? GZ_EXIT_GZ : reason_not_to_enter(vcpu);
			if (*reason)
				forget_lrs(vcpu);
			else
				*reason = run_claimed(vcpu);
			show_host(vcpu, *reason);
		}
		err = 0;
	}
	vcpu_give_back(vm, id);
	return err;
}
