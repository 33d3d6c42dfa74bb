// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual GICv3: list registers at guest entry and exit.
 *
 * When not all fits, the rules are:
 *   - Active interrupts first, the highest priority first: the guest's next
 *     EOI is for that one, and an EOI finds its interrupt only in a list
 *     register (IHI 0069, 4.2.2 and 6.3).
 *   - But never all: with something pending, one register is left for the
 *     first of it, else a guest that collects active interrupts (EOImode 1)
 *     would shut out all others.
 *   - More pending: ICH_HCR_EL2.NPIE brings the vCPU back as soon as all that
 *     it was given is acknowledged. There is always one pending register then,
 *     so that this does not fire at once.
 *   - More active: LRENPIE and TDIR report each deactivation which finds no
 *     register, see vgic_eoi_count() and vgic_deactivate().
 */
#include "string.h"
#include "vgic-internal.h"
#include "vgic_regs.h"

/*
 * The first few of a set: keys are priority << 16 | INTID, sorted. @total also
 * counts those that were left out.
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

static void pick_irqs(struct vgic *vgic, unsigned int cpu, struct pick *active,
		      struct pick *pending)
{
	const struct vgic_irq *irq;
	int intid = -1;
	u32 key;

	active->nr = 0;
	active->total = 0;
	pending->nr = 0;
	pending->total = 0;
	for (;;) {
		intid = vgic_queue_next(&vgic->cpu[cpu]->queue, intid + 1);
		if (intid < 0)
			return;
		irq = vgic_irq(vgic, cpu, intid);
		key = (u32)irq->priority << 16 | intid;
		if (irq->active)
			pick_add(active, key);
		else if (vgic_irq_deliverable(vgic, irq))
			pick_add(pending, key);
	}
}

/*
 * An active edge may be pending once more in the same register. A level must
 * not: it would be taken again after the EOI without a look at the line. Nor
 * must an SPI that is routed elsewhere by now, or any while something of higher
 * priority may wait for a register (@crowded). These go in without the pending
 * state and their EOI brings the vCPU out.
 */
static u64 load_lr(struct vgic *vgic, unsigned int cpu, u32 intid, bool crowded)
{
	struct vgic_irq *irq = vgic_irq(vgic, cpu, intid);
	bool forward = irq->enabled && (vgic->group_enable & (1U << irq->group));
	bool repend = irq->edge && irq->target == cpu &&
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
 * What was pended in the register and not acknowledged is pending again, unless
 * it was taken back meanwhile (lr_latch is clear then). A level's own pending
 * state is not kept here, the line tells.
 */
static void fold_lr(struct vgic_irq *irq, u64 lr)
{
	if (!irq->active_written)
		irq->active = lr & LR_ACTIVE;
	if (irq->lr_latch && (lr & LR_PENDING))
		irq->latch = true;
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
			fold_lr(irq, lr[i]);
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
	/* Most often nothing at all is to be delivered. */
	if (!nr_lrs || !vgic->cpu[cpu]->queue.summary)
		return hcr;
	pick_irqs(vgic, cpu, &active, &pending);
	nr_active = smaller(active.total, nr_lrs - !!pending.total);
	nr_pending = smaller(pending.total, nr_lrs - nr_active);
	if (nr_active < active.total)
		hcr |= HCR_LRENPIE | HCR_TDIR;
	if (nr_pending < pending.total)
		hcr |= HCR_NPIE;
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
 * Every flush wants its vgic_sync(), also when the guest is not entered after
 * all: only that one has a way to tell of interrupts that went elsewhere.
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
 * To be called before anything that the exit asks for is emulated, so that the
 * guest finds its own interrupts in the state it knows.
 *
 * Return: true if a list register in @lr tells the EOI of a level-sensitive
 * SPI. The host has to be shown @lr before the next vgic_flush() replaces it.
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

static void deactivate(struct vgic *vgic, struct vgic_irq *irq, u32 intid,
		       u32 *kick)
{
	if (!irq->active)
		return;
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
 * To be called right before vgic_sync(), which forgets which interrupts were
 * not in list registers. Interrupts are EOIed in the order of their priority.
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
		deactivate(vgic, vgic_irq(vgic, cpu, intid), intid, kick);
	}
	spin_unlock(&vgic->lock);
}

/**
 * vgic_deactivate() - a write to ICC_DIR_EL1 was trapped (ICH_HCR_EL2.TDIR)
 * @vgic: the VM's controller
 * @cpu: the vCPU that wrote, synced
 * @intid: what it wrote, any number
 * @kick: gets vCPUs that may take what is pending now
 *
 * Neither this nor vgic_eoi_count() can show the host the EOI of a level:
 * there is no list register that would tell it.
 */
void vgic_deactivate(struct vgic *vgic, unsigned int cpu, u32 intid, u32 *kick)
{
	struct vgic_irq *irq;

	spin_lock(&vgic->lock);
	if (vgic_has_cpu(vgic, cpu)) {
		irq = vgic_irq(vgic, cpu, intid);
		if (irq)
			deactivate(vgic, irq, intid, kick);
	}
	spin_unlock(&vgic->lock);
}
