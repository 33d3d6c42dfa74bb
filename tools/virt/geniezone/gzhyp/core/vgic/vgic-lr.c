// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual GICv3: list registers at guest entry and exit.
 *
 * If there are more interrupts than registers, the rules are:
 *   - Active interrupts first, the highest priority first: the guest's next
 *     EOI is for that one, and an EOI finds its interrupt only in a list
 *     register (IHI 0069, 4.2.2 and 6.3).
 *   - But if an interrupt is pending, one register is for it. Otherwise a guest
 *     that collects active interrupts (EOImode 1) would block all others.
 *   - More pending: ICH_HCR_EL2.NPIE brings the vCPU back as soon as it has
 *     acknowledged all that it was given. There is always one pending register
 *     then, so that this does not fire at once.
 *   - Pending interrupts of a group that the CPU interface has disabled come after
 *     all others: the guest cannot acknowledge them. ICH_HCR_EL2.VGrp<n>EIE and
 *     VGrp<n>DIE bring the vCPU back when it enables or disables a group.
 *   - More active: LRENPIE reports each EOI which finds no register, see
 *     vgic_eoi_count().
 *
 * ICC_DIR_EL1 always traps, see vgic_deactivate(): the interrupt may be in another
 * vCPU's list register, or in none.
 */
#include "core/vgic/vgic-internal.h"
#include "core/vgic/vgic_regs.h"
#include "lib/string.h"

/* In a key: the guest has disabled the interrupt's group in its CPU interface. */
#define KEY_DISABLED	BIT(24)

/*
 * The first few of a set: keys are KEY_DISABLED | priority << 16 | INTID, sorted.
 * @total also counts those that were left out.
 */
struct pick {
	unsigned int	nr;
	unsigned int	total;
	u32		key[VGIC_MAX_LRS];
};

static void pick_add(struct pick *pick, u32 key)
{
	unsigned int i = pick->nr;

	pick->total++;
	if (i < VGIC_MAX_LRS)
		pick->nr++;
	else if (key >= pick->key[--i])
		return;
	for (; i > 0 && pick->key[i - 1] > key; i--)
		pick->key[i] = pick->key[i - 1];
	pick->key[i] = key;
}

static u32 pick_intid(u32 key)
{
	return key & 0xffff;
}

static u32 is_disabled(const struct vgic_cpu *vcpu, unsigned int group)
{
	return vcpu->vmcr & (VMCR_ENG0 << group) ? 0 : KEY_DISABLED;
}

/*
 * Some pending interrupts have no register: when must the vCPU come back? Without the
 * only enabled group, it could take none of them.
 */
static u64 hcr_crowded(const struct vgic_cpu *vcpu)
{
	u64 hcr = HCR_NPIE;

	if (is_disabled(vcpu, 0))
		hcr |= HCR_VGRP0EIE;
	if (is_disabled(vcpu, 1))
		hcr |= HCR_VGRP1EIE;
	if (hcr == HCR_NPIE)
		hcr |= HCR_VGRP0DIE | HCR_VGRP1DIE;
	return hcr;
}

static void pick_irqs(struct vgic *vgic, unsigned int cpu, struct pick *active,
		      struct pick *pending)
{
	const struct vgic_cpu *vcpu = vgic->cpu[cpu];
	const struct vgic_irq *irq;
	int intid = -1;
	u32 key;

	active->nr = 0;
	active->total = 0;
	pending->nr = 0;
	pending->total = 0;
	for (;;) {
		intid = vgic_queue_next(&vcpu->queue, intid + 1);
		if (intid < 0)
			return;
		irq = vgic_irq(vgic, cpu, intid);
		key = (u32)irq->priority << 16 | intid;
		if (irq->active)
			pick_add(active, key);
		else if (vgic_irq_deliverable(vgic, irq))
			pick_add(pending, key | is_disabled(vcpu, irq->group));
	}
}

/*
 * An active edge may be pending once more in the same register. A level must
 * not: it would be taken again after the EOI without a look at the line. The same
 * goes for an SPI that is routed elsewhere by now, and for any interrupt while one
 * of higher priority may wait for a register (@crowded). These go in without the
 * pending state, and their EOI brings the vCPU out.
 */
static u64 load_lr(struct vgic *vgic, unsigned int cpu, u32 intid, bool crowded)
{
	struct vgic_irq *irq = vgic_irq(vgic, cpu, intid);
	bool forward = irq->enabled && (vgic->group_enable & (1U << irq->group));
	bool repend = irq->edge && vgic_target(vgic, irq, intid) == cpu &&
		      !(irq->active && crowded);
	u64 lr = intid | LR_PRIORITY(irq->priority);

	if (irq->group)
		lr |= LR_GROUP1;
	if (!repend)
		lr |= LR_EOI;
	if (irq->active)
		lr |= LR_ACTIVE;
	if (forward && vgic_irq_is_pending(irq) && (repend || !irq->active)) {
		lr |= LR_PENDING;
		irq->lr_latch = irq->latch;
		irq->latch = false;
	}
	irq->in_lr = true;
	return lr;
}

/* Does @lr still belong to @intid? The caller may have lost or changed it. */
static bool lr_matches(const u64 *lr, unsigned int i, unsigned int nr_lrs,
		       u32 intid)
{
	return lr && i < nr_lrs && LR_INTID(lr[i]) == intid;
}

/*
 * An interrupt that was pending in the register and was not acknowledged is pending
 * again, unless software has cleared it meanwhile (lr_latch is clear then). For a
 * level the line decides.
 */
static void fold_lr(struct vgic_irq *irq, u64 lr)
{
	if (!irq->active_written)
		irq->active = lr & LR_ACTIVE;
	if (irq->lr_latch && (lr & LR_PENDING))
		irq->latch = true;
}

/* The host has to see the end of a level-sensitive SPI that no register shows. */
static void note_end(struct vgic_cpu *vcpu, const struct vgic_irq *irq, u32 intid)
{
	if (intid >= VGIC_NR_PRIVATE && !irq->edge &&
	    vcpu->nr_ended < VGIC_MAX_ENDED)
		vcpu->ended[vcpu->nr_ended++] = intid;
}

/* Take the loaded interrupts out of flight; without @lr, as they went in. */
static bool unload_lrs(struct vgic *vgic, unsigned int cpu, const u64 *lr,
		       unsigned int nr_lrs, u32 *kick)
{
	struct vgic_cpu *vcpu = vgic->cpu[cpu];
	bool level_eoi = false;
	struct vgic_irq *irq;
	unsigned int i;
	u32 intid;

	for (i = 0; i < vcpu->nr_loaded; i++) {
		intid = vcpu->loaded[i];
		irq = vgic_irq(vgic, cpu, intid);
		if (lr_matches(lr, i, nr_lrs, intid)) {
			/* Software has ended it while it was here. */
			if ((lr[i] & LR_ACTIVE) && irq->active_written && !irq->active)
				note_end(vcpu, irq, intid);
			fold_lr(irq, lr[i]);
			irq->latch &= intid < VGIC_NR_PRIVATE ||
				      !vgic_irq_drops(vgic, irq);
			level_eoi |= intid >= VGIC_NR_PRIVATE && !irq->edge &&
				     (lr[i] & LR_EOI) && !(lr[i] & LR_STATE);
		} else {
			irq->latch |= irq->lr_latch;
		}
		irq->lr_latch = false;
		irq->active_written = false;
		irq->in_lr = false;
		vgic_requeue(vgic, irq, intid);
		if (irq->holder != VGIC_NO_VCPU && irq->holder != cpu)
			*kick |= 1U << irq->holder;
	}
	vcpu->nr_loaded = 0;
	return level_eoi;
}

/* Fill the next @nr registers with the first of @pick. */
static void load_picked(struct vgic *vgic, unsigned int cpu,
			const struct pick *pick, unsigned int nr, u64 *lr,
			bool crowded)
{
	struct vgic_cpu *vcpu = vgic->cpu[cpu];
	unsigned int i;
	u32 intid;

	for (i = 0; i < nr; i++) {
		intid = pick_intid(pick->key[i]);
		lr[vcpu->nr_loaded] = load_lr(vgic, cpu, intid, crowded);
		vcpu->loaded[vcpu->nr_loaded++] = intid;
	}
}

static unsigned int smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static u64 flush_locked(struct vgic *vgic, unsigned int cpu, u64 *lr,
			unsigned int nr_lrs)
{
	unsigned int nr_active, nr_pending;
	struct pick active, pending;
	u64 hcr = HCR_EN;
	u32 ignored = 0;

	unload_lrs(vgic, cpu, NULL, 0, &ignored);
	/* Mostly there is nothing to deliver. */
	if (!nr_lrs || !vgic->cpu[cpu]->queue.summary)
		return hcr;
	pick_irqs(vgic, cpu, &active, &pending);
	nr_active = smaller(active.total, nr_lrs - !!pending.total);
	nr_pending = smaller(pending.total, nr_lrs - nr_active);
	if (nr_active < active.total)
		hcr |= HCR_LRENPIE;
	if (nr_pending < pending.total)
		hcr |= hcr_crowded(vgic->cpu[cpu]);
	load_picked(vgic, cpu, &active, nr_active, lr, hcr & HCR_NPIE);
	load_picked(vgic, cpu, &pending, nr_pending, lr, false);
	return hcr;
}

/**
 * vgic_flush() - fill the list registers before guest entry
 * @vgic: the VM's controller
 * @cpu: the vCPU about to run
 * @lr: list registers, all 16 are written, unused ones with 0
 * @nr_lrs: how many the CPU has
 * @ich_hcr: bits wanted in ICH_HCR_EL2
 *
 * Every flush needs a vgic_sync(), even if the guest is not entered: only
 * vgic_sync() can report interrupts that have moved to another vCPU.
 */
void vgic_flush(struct vgic *vgic, unsigned int cpu, u64 lr[VGIC_MAX_LRS],
		unsigned int nr_lrs, u64 *ich_hcr)
{
	memset(lr, 0, VGIC_MAX_LRS * sizeof(lr[0]));
	*ich_hcr = 0;
	if (nr_lrs > VGIC_MAX_LRS)
		nr_lrs = VGIC_MAX_LRS;
	spin_lock(&vgic->lock);
	if (vgic_has_cpu(vgic, cpu))
		*ich_hcr = flush_locked(vgic, cpu, lr, nr_lrs);
	spin_unlock(&vgic->lock);
}

/**
 * vgic_sync() - take the list registers back after guest exit
 * @vgic: the VM's controller
 * @cpu: the vCPU that has run
 * @lr: list registers as the CPU left them
 * @nr_lrs: how many the CPU has
 * @kick: gets other vCPUs, to which an interrupt has moved
 *
 * Must be called before the exit is handled, so that the guest finds its own
 * interrupts in the state it knows.
 *
 * Return: true if a list register in @lr shows the EOI of a level-sensitive SPI.
 * The host must see @lr before the next vgic_flush() replaces it.
 */
bool vgic_sync(struct vgic *vgic, unsigned int cpu,
	       const u64 lr[VGIC_MAX_LRS], unsigned int nr_lrs, u32 *kick)
{
	bool level_eoi = false;

	if (nr_lrs > VGIC_MAX_LRS)
		nr_lrs = VGIC_MAX_LRS;
	spin_lock(&vgic->lock);
	if (vgic_has_cpu(vgic, cpu))
		level_eoi = unload_lrs(vgic, cpu, lr, nr_lrs, kick);
	spin_unlock(&vgic->lock);
	return level_eoi;
}

/* @cpu has ended the interrupt. In another vCPU's list register it may be active. */
static void deactivate(struct vgic *vgic, unsigned int cpu, struct vgic_irq *irq,
		       u32 intid, u32 *kick)
{
	if (!irq->active && !irq->in_lr)
		return;
	if (!irq->in_lr)
		note_end(vgic->cpu[cpu], irq, intid);
	irq->active = false;
	irq->active_written = irq->in_lr;
	vgic_irq_changed(vgic, irq, intid, kick);
}

/* The active interrupt outside the list registers that is EOIed next */
static int first_active_unloaded(struct vgic *vgic, unsigned int cpu)
{
	const struct vgic_irq *irq;
	int intid = -1, best = -1;
	u8 priority = 0;

	for (;;) {
		intid = vgic_queue_next(&vgic->cpu[cpu]->queue, intid + 1);
		if (intid < 0)
			return best;
		irq = vgic_irq(vgic, cpu, intid);
		if (!irq->active || irq->in_lr)
			continue;
		if (best < 0 || irq->priority < priority) {
			best = intid;
			priority = irq->priority;
		}
	}
}

/**
 * vgic_eoi_count() - account for EOIs that found no list register
 * @vgic: the VM's controller
 * @cpu: the vCPU that has run
 * @count: ICH_HCR_EL2.EOIcount at its exit, to be zeroed by the caller
 * @kick: gets vCPUs that may take what is pending now
 *
 * Must be called right before vgic_sync(), after which it is not known which
 * interrupts were outside list registers. EOIs come in the order of priority.
 */
void vgic_eoi_count(struct vgic *vgic, unsigned int cpu, unsigned int count,
		    u32 *kick)
{
	int intid;

	spin_lock(&vgic->lock);
	while (count-- && vgic_has_cpu(vgic, cpu)) {
		intid = first_active_unloaded(vgic, cpu);
		if (intid < 0)
			break;
		deactivate(vgic, cpu, vgic_irq(vgic, cpu, intid), intid,
			   kick);
	}
	spin_unlock(&vgic->lock);
}

/**
 * vgic_deactivate() - a write to ICC_DIR_EL1 was trapped
 * @vgic: the VM's controller
 * @cpu: the vCPU that wrote, synced
 * @intid: what it wrote, any number
 * @kick: gets vCPUs that may take what is pending now
 *
 * Any vCPU may deactivate an SPI that another one has acknowledged.
 */
void vgic_deactivate(struct vgic *vgic, unsigned int cpu, u32 intid, u32 *kick)
{
	struct vgic_irq *irq;

	spin_lock(&vgic->lock);
	if (vgic_has_cpu(vgic, cpu)) {
		irq = vgic_irq(vgic, cpu, intid);
		if (irq)
			deactivate(vgic, cpu, irq, intid, kick);
	}
	spin_unlock(&vgic->lock);
}

/* The register that shows the interrupt, or one that shows nothing */
static u64 *lr_for(u64 *lr, unsigned int nr, u32 intid)
{
	u64 *empty = NULL;

	for (; nr--; lr++) {
		if (*lr && LR_INTID(*lr) == intid)
			return lr;
		if (!*lr)
			empty = lr;
	}
	return empty;
}

/**
 * vgic_show_ends() - show the host the ends that no list register shows
 * @vcpu: the vCPU's part, synced
 * @lr: list registers as the CPU left them; changed to what the host is to see
 * @nr_lrs: how many the CPU has
 *
 * An interrupt that ended outside of the list registers gets one that the CPU does not
 * have. If there are too few, the rest waits for the next exit.
 *
 * Return: how many registers the host is to see.
 */
unsigned int vgic_show_ends(struct vgic_cpu *vcpu, u64 lr[VGIC_MAX_LRS],
			    unsigned int nr_lrs)
{
	u64 *reg;
	u32 intid;

	while (vcpu->nr_ended) {
		intid = vcpu->ended[vcpu->nr_ended - 1];
		reg = lr_for(lr, nr_lrs, intid);
		if (!reg && nr_lrs == VGIC_MAX_LRS)
			break;
		if (!reg)
			reg = &lr[nr_lrs++];
		*reg = intid | LR_EOI;
		vcpu->nr_ended--;
	}
	return nr_lrs;
}
