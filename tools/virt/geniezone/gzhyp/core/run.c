// SPDX-License-Identifier: GPL-2.0
/*
 * RUN: take a vCPU, let it run until the host is needed, tell the host.
 *
 * The shared pages are the host's to scribble on at any time. EL2 reads from
 * them once, at the beginning, and only what it asked for; at the end it writes
 * what it has made in its own copy.
 */
#include "barrier.h"
#include "control.h"
#include "gic.h"
#include "protect.h"
#include "string.h"
#include "switch.h"
#include "vcpu.h"

/* CPU_ON was called. What it is to start with was written with the lock held. */
static void finish_cpu_on(struct vcpu *vcpu)
{
	spin_lock(&vcpu->vm->lock);
	vcpu_reset(vcpu, vcpu->on_entry, vcpu->on_context);
	vcpu->power = POWER_ON;
	spin_unlock(&vcpu->vm->lock);
}

/* Without the lock, unless somebody is at it with the lock, or runs it. */
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
	/* Pairs with create_locked(), which does not take what is not there yet. */
	*vcpu = __atomic_load_n(&vm->vcpu[id], __ATOMIC_ACQUIRE);
	if (!*vcpu) {
		vcpu_give_back(vm, id);
		return GZ_INVALID_ARGS;
	}
	/* That it is here first, then what is pending: pairs with vm_kick(). */
	smp_mb();
	if (READ_ONCE((*vcpu)->power) == POWER_ON_PENDING)
		finish_cpu_on(*vcpu);
	return 0;
}

/* Put what the host has answered where the guest waits for it. */
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
 * Off: the host may let it sleep. As in guest_wfx_wait(), the bit is set before
 * the look that decides; CPU_ON changes the power before it looks at the bit.
 */
static u32 exit_while_off(struct vcpu *vcpu)
{
	u32 bit = 1U << vcpu->id;

	__atomic_or_fetch(&vcpu->vm->sleeping, bit, __ATOMIC_SEQ_CST);
	if (READ_ONCE(vcpu->power) == POWER_OFF)
		return GZ_EXIT_IDLE;
	__atomic_and_fetch(&vcpu->vm->sleeping, ~bit, __ATOMIC_SEQ_CST);
	/* It was turned on: the next RUN resets it. */
	return GZ_EXIT_GZ;
}

static u32 reason_not_to_enter(struct vcpu *vcpu)
{
	if (vcpu->ipi_owed) {
		vcpu->ipi_owed = false;
		return GZ_EXIT_IPI;
	}
	if (READ_ONCE(vcpu->vm->state) != VM_LIVE)
		return GZ_EXIT_GZ;
	if (vcpu->power != POWER_ON)
		return exit_while_off(vcpu);
	return 0;
}

/* What the host was shown of the entry before */
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
	gic_guest_begin(this_cpu(), vcpu->vtimer_high);
	do {
		code = guest_enter(&vcpu->regs);
	} while (code == EXIT_SYNC && guest_trap_quick(vcpu));
	return code;
}

/* Fold the virtual interrupts back; true if the host must see the registers. */
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
	if (vm_kick(vcpu->vm, kick & ~(1U << vcpu->id)))
		vcpu->ipi_owed = true;
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
		/* It may have been one of EL2's own, which is gone by now. */
		break;
	case EXIT_SERROR:
		host_serror(this_cpu());
		reason = GZ_EXIT_IRQ;
		break;
	default:
		reason = GZ_EXIT_IRQ;
	}
	/* However often a guest traps, the host gets its interrupts. */
	if (!reason && (host_due || level_eoi || gic_host_irq_pending()))
		reason = GZ_EXIT_IRQ;
	return reason;
}

/* Few, most often: a function of the library's takes longer. */
static void clear_words(u64 *word, unsigned int nr)
{
	while (nr)
		word[--nr] = 0;
}

static void begin_run(struct vcpu *vcpu)
{
	u32 bit = 1U << vcpu->id;

	clear_words(vcpu->exit.raw, vcpu->told);
	/* Nobody but who has the vCPU sets its bit. */
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

/* How much of the union an exit is about; the rest of vcpu->exit is 0. */
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

/* What was told before is overwritten. Of a forged exit, nobody knows how much. */
static void tell_exit(struct vcpu *vcpu, u32 reason)
{
	unsigned int nr = exit_words(reason), i = MAX(nr, vcpu->told);
	struct gz_run *run = vcpu->run;

	while (i--)
		run->raw[i] = vcpu->exit.raw[i];
	vcpu->told = nr;
	WRITE_ONCE(run->exit_reason, reason);
}

/* List registers that were 0 when they were told before are so. */
static void tell_lrs(struct vcpu *vcpu)
{
	unsigned int nr = gic_nr_lrs(), i;

	WRITE_ONCE(vcpu->hwstate->nr_lrs, nr);
	if (!vcpu->lrs_used && !vcpu->lrs_told)
		return;
	for (i = 0; i < nr; i++)
		WRITE_ONCE(vcpu->hwstate->lr[i], vcpu->lr[i]);
	vcpu->lrs_told = vcpu->lrs_used;
}

/* immediate_exit and its padding are the host's and stay as they are. */
static void tell_host(struct vcpu *vcpu, u32 reason)
{
	struct gz_hwstate *hw = vcpu->hwstate;
	u64 delay = 0;

	if (reason == GZ_EXIT_IDLE && vcpu->power == POWER_ON)
		delay = timer_idle_delay(vcpu);
	tell_lrs(vcpu);
	WRITE_ONCE(hw->vtimer_offset, vcpu->vm->cntvoff);
	WRITE_ONCE(hw->vtimer_delay, delay);
	WRITE_ONCE(hw->vtimer_migrate, delay != 0);
	tell_exit(vcpu, reason);
}

/**
 * vcpu_run() - RUN
 * @vm: the VM
 * @id: the vCPU's number
 * @reason: gets the exit reason
 *
 * Return: 0; GZ_BUSY if it runs already; GZ_INVALID_ARGS, also if the VM can not
 * be sealed; or GZ_NO_MEMORY for that.
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
			vcpu->told = ARRAY_SIZE(vcpu->exit.raw);
			vcpu->lrs_told = true;
		} else {
			/* Sealing goes on when the host comes again. */
			*reason = err ? GZ_EXIT_GZ : reason_not_to_enter(vcpu);
			if (*reason)
				forget_lrs(vcpu);
			else
				*reason = run_claimed(vcpu);
			tell_host(vcpu, *reason);
		}
		err = 0;
	}
	vcpu_give_back(vm, id);
	return err;
}
