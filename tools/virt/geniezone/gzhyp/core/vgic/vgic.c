// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual GICv3: state of interrupts, their holders, signals.
 * core/vgic/vgic.h has the terms and the rules.
 */
#include "core/vgic/vgic-internal.h"
#include "core/vgic/vgic_regs.h"
#include "lib/string.h"

static void queue_add(struct vgic_queue *queue, u32 intid)
{
	queue->word[intid / 64] |= 1ULL << (intid % 64);
	queue->summary |= 1U << (intid / 64);
}

static void queue_del(struct vgic_queue *queue, u32 intid)
{
	queue->word[intid / 64] &= ~(1ULL << (intid % 64));
	if (!queue->word[intid / 64])
		queue->summary &= ~(1U << (intid / 64));
}

/**
 * vgic_queue_next() - walk a queue in the order of INTIDs
 * @queue: the queue
 * @from: least INTID wanted, may be past the last
 *
 * Return: the INTID, or -1 at the end.
 */
int vgic_queue_next(const struct vgic_queue *queue, unsigned int from)
{
	unsigned int n = from / 64;
	u64 word;
	u32 rest;

	if (from >= VGIC_NR_INTIDS)
		return -1;
	word = queue->word[n] & (~0ULL << (from % 64));
	if (!word) {
		rest = queue->summary & (~0U << n << 1);
		if (!rest)
			return -1;
		n = __builtin_ctz(rest);
		word = queue->word[n];
	}
	return n * 64 + __builtin_ctzll(word);
}

static bool is_routed_to(const struct vgic_irq *irq, const struct vgic_cpu *vcpu)
{
	return irq->any_vcpu || vcpu->affinity == irq->route;
}

static u32 vcpus_there_are(const struct vgic *vgic)
{
	u32 mask = 0;
	unsigned int i;

	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		if (vgic->cpu[i])
			mask |= 1U << i;
	return mask;
}

/**
 * vgic_find_target() - find the vCPU that an SPI is routed to
 * @vgic: the VM's controller
 * @irq: the interrupt
 *
 * 1-of-N takes the first vCPU that is on, which is as good as any to the architecture.
 *
 * Return: the vCPU, VGIC_NO_VCPU for an affinity that no vCPU has.
 */
u8 vgic_find_target(const struct vgic *vgic, const struct vgic_irq *irq)
{
	u32 there = vcpus_there_are(vgic);

	if (irq->any_vcpu && there & ~vgic->off)
		there &= ~vgic->off;
	for (; there; there &= there - 1)
		if (is_routed_to(irq, vgic->cpu[__builtin_ctz(there)]))
			return __builtin_ctz(there);
	return VGIC_NO_VCPU;
}

/* Must a vCPU hold it, if there is one? */
static bool irq_wants_holder(const struct vgic_irq *irq)
{
	return irq->in_lr || irq->active ||
	       (irq->enabled && vgic_irq_is_pending(irq));
}

/* Decides which vCPU must hold such an interrupt; the only place that does. */
static u8 irq_wanted_holder(const struct vgic *vgic, const struct vgic_irq *irq,
			    u32 intid)
{
	if ((irq->in_lr || irq->active) && irq->holder != VGIC_NO_VCPU)
		return irq->holder;
	return vgic_target(vgic, irq, intid);
}

static struct vgic_queue *queue_of(struct vgic *vgic, u8 holder)
{
	return holder == VGIC_NO_VCPU ? &vgic->homeless : &vgic->cpu[holder]->queue;
}

/* Inline in the way of an injected interrupt */
static inline void requeue(struct vgic *vgic, struct vgic_irq *irq, u32 intid)
{
	bool wanted = irq_wants_holder(irq);
	u8 holder = VGIC_NO_VCPU;

	if (wanted)
		holder = irq_wanted_holder(vgic, irq, intid);
	if (holder == irq->holder && holder != VGIC_NO_VCPU)
		return;
	if (irq->holder != VGIC_NO_VCPU || vgic->homeless.summary)
		queue_del(queue_of(vgic, irq->holder), intid);
	if (wanted)
		queue_add(queue_of(vgic, holder), intid);
	irq->holder = holder;
}

/**
 * vgic_requeue() - put an interrupt into the queue it belongs to
 * @vgic: the VM's controller
 * @irq: interrupt whose state may have changed
 * @intid: its number
 */
void vgic_requeue(struct vgic *vgic, struct vgic_irq *irq, u32 intid)
{
	requeue(vgic, irq, intid);
}

/**
 * vgic_irq_changed() - requeue an interrupt that software has changed
 * @vgic: the VM's controller
 * @irq: the interrupt
 * @intid: its number
 * @kick: gets the vCPU that has to see the change
 *
 * The holder is kicked even when nothing new can be taken: a list register of
 * it may be out of date, or be missing.
 */
void vgic_irq_changed(struct vgic *vgic, struct vgic_irq *irq, u32 intid,
		      u32 *kick)
{
	vgic_requeue(vgic, irq, intid);
	if (irq->holder != VGIC_NO_VCPU)
		*kick |= 1U << irq->holder;
}

/* Look again for the vCPU of each SPI in a queue, or only of those with 1-of-N. */
static void reroute(struct vgic *vgic, const struct vgic_queue *queue, bool only_any,
		    u32 *kick)
{
	int intid = VGIC_NR_PRIVATE - 1;
	struct vgic_irq *irq;
	u8 holder;

	while ((intid = vgic_queue_next(queue, intid + 1)) >= 0) {
		irq = &vgic->spi[intid - VGIC_NR_PRIVATE];
		if (only_any && !irq->any_vcpu)
			continue;
		holder = irq->holder;
		vgic_requeue(vgic, irq, intid);
		/* In flight it moves in the next sync. */
		if (irq->holder != VGIC_NO_VCPU &&
		    (irq->holder != holder || irq->in_lr))
			*kick |= 1U << irq->holder;
	}
}

/* vCPUs were added, or turned on or off. */
static void reroute_all(struct vgic *vgic, u32 *kick)
{
	unsigned int i;

	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		if (vgic->cpu[i])
			reroute(vgic, &vgic->cpu[i]->queue, true, kick);
	reroute(vgic, &vgic->homeless, false, kick);
}

/*
 * Group 1 out of reset as in KVM: firmware rarely sets IGROUPR. There are many SPIs, so
 * the part that is done is copied until all is.
 */
static void irqs_reset(struct vgic_irq *irq, unsigned int nr, u32 route, bool edge)
{
	unsigned int done = 1, some;

	irq[0] = (struct vgic_irq) {
		.route = route,
		.holder = VGIC_NO_VCPU,
		.group = 1,
		.edge = edge,
	};
	for (; done < nr; done += some) {
		some = MIN(done, nr - done);
		memcpy(irq + done, irq, some * sizeof(*irq));
	}
}

static void queue_reset(struct vgic_queue *queue)
{
	memset(queue, 0, sizeof(*queue));
}

/**
 * vgic_init() - reset state of a VM's interrupt controller
 * @vgic: memory that was zero-filled once; its lock has to be free
 */
void vgic_init(struct vgic *vgic)
{
	unsigned int i;

	spin_lock(&vgic->lock);
	vgic->group_enable = 0;
	vgic->off = 0;
	vgic->has_dist = false;
	vgic->has_redist = false;
	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		vgic->cpu[i] = NULL;
	queue_reset(&vgic->homeless);
	irqs_reset(vgic->spi, VGIC_NR_SPIS, 0, false);
	spin_unlock(&vgic->lock);
}

/*
 * Afterwards nothing points to the vCPU's memory or waits for it. SPIs that it held go
 * to the vCPU that they are routed to then.
 */
static void detach_cpu(struct vgic *vgic, unsigned int id, u32 *kick)
{
	struct vgic_queue held = vgic->cpu[id]->queue;
	int intid = VGIC_NR_PRIVATE - 1;
	struct vgic_irq *irq;

	vgic->cpu[id] = NULL;
	vgic->off &= ~(1U << id);
	while ((intid = vgic_queue_next(&held, intid + 1)) >= 0) {
		irq = &vgic->spi[intid - VGIC_NR_PRIVATE];
		irq->latch |= irq->lr_latch;
		irq->lr_latch = false;
		irq->in_lr = false;
		irq->active_written = false;
		irq->holder = VGIC_NO_VCPU;
		vgic_irq_changed(vgic, irq, intid, kick);
	}
}

/**
 * vgic_cpu_init() - add a vCPU
 * @vgic: the VM's controller
 * @vcpu: the vCPU's part, stays in use until vgic_cpu_exit()
 * @id: number of the vCPU, below VGIC_MAX_VCPUS
 * @mpidr_affinity: affinity fields as in the vCPU's MPIDR_EL1
 * @kick: gets the vCPUs whose interrupts move
 */
void vgic_cpu_init(struct vgic *vgic, struct vgic_cpu *vcpu, unsigned int id,
		   u64 mpidr_affinity, u32 *kick)
{
	if (id >= VGIC_MAX_VCPUS)
		return;
	spin_lock(&vgic->lock);
	if (vgic->cpu[id])
		detach_cpu(vgic, id, kick);
	vcpu->affinity = ((mpidr_affinity >> 8) & 0xff000000) |
			 (mpidr_affinity & 0xffffff);
	vcpu->vmcr = 0;
	vcpu->nr_loaded = 0;
	vcpu->nr_ended = 0;
	queue_reset(&vcpu->queue);
	irqs_reset(vcpu->irq, VGIC_NR_SGIS, id, true);
	irqs_reset(vcpu->irq + VGIC_NR_SGIS, VGIC_NR_PRIVATE - VGIC_NR_SGIS, id,
		   false);
	vgic->cpu[id] = vcpu;
	reroute_all(vgic, kick);
	spin_unlock(&vgic->lock);
}

/**
 * vgic_cpu_exit() - remove a vCPU that runs no more
 * @vgic: the VM's controller
 * @id: number of the vCPU; nothing happens if there is none
 * @kick: gets the vCPUs that hold its SPIs now
 *
 * Afterwards the memory of the struct vgic_cpu may be used for something else.
 */
void vgic_cpu_exit(struct vgic *vgic, unsigned int id, u32 *kick)
{
	spin_lock(&vgic->lock);
	if (vgic_has_cpu(vgic, id))
		detach_cpu(vgic, id, kick);
	spin_unlock(&vgic->lock);
}

/**
 * vgic_cpu_power() - a vCPU was turned on or off
 * @vgic: the VM's controller
 * @id: number of the vCPU
 * @on: its new state; vCPUs are on at first
 * @kick: gets vCPUs that may take SPIs with 1-of-N routing now
 */
void vgic_cpu_power(struct vgic *vgic, unsigned int id, bool on, u32 *kick)
{
	u32 bit = 1U << id;

	spin_lock(&vgic->lock);
	if (!(vgic->off & bit) != on) {
		vgic->off ^= bit;
		reroute_all(vgic, kick);
	}
	spin_unlock(&vgic->lock);
}

static inline void requeue_and_kick(struct vgic *vgic, struct vgic_irq *irq,
				    u32 intid, bool level, u32 *kick)
{
	requeue(vgic, irq, intid);
	if (!level || irq->holder == VGIC_NO_VCPU)
		return;
	if (irq->in_lr ? irq->edge : vgic_irq_deliverable(vgic, irq))
		*kick |= 1U << irq->holder;
}

/*
 * In flight, an edge has to interrupt the vCPU, since its list register may be
 * active by now and has to become active and pending. A level needs no such
 * thing: the register asks for maintenance at EOI and the line is looked at
 * again then. A line that falls takes its pending state away at the next sync;
 * as with a real device, what was acknowledged before that is spurious.
 */
static void set_line(struct vgic *vgic, struct vgic_irq *irq, u32 intid,
		     bool level, u32 *kick)
{
	irq->line = level;
	if (irq->edge && level)
		irq->latch = true;
	requeue_and_kick(vgic, irq, intid, level, kick);
}

/**
 * vgic_set_spi() - a device raises or lowers an SPI
 * @vgic: the VM's controller
 * @spi_index: 0 is INTID 32
 * @level: new level of the line
 * @kick: gets the vCPU that may take it
 *
 * Each call with @level true is an edge of its own to an edge-triggered SPI,
 * as in KVM: the one who injects pulses need not report the line's fall.
 *
 * Return: 0, or GenieZone's INVALID_ARGS if there is no such SPI.
 */
int vgic_set_spi(struct vgic *vgic, u32 spi_index, bool level, u32 *kick)
{
	if (spi_index >= VGIC_NR_SPIS)
		return VGIC_INVALID_ARGS;
	spin_lock(&vgic->lock);
	set_line(vgic, &vgic->spi[spi_index], VGIC_NR_PRIVATE + spi_index,
		 level, kick);
	spin_unlock(&vgic->lock);
	return 0;
}

/**
 * vgic_pend_spi() - make an SPI pending once, as a write to GICD_ISPENDR does
 * @vgic: the VM's controller
 * @spi_index: 0 is INTID 32
 * @kick: gets the vCPU that may take it
 *
 * A level-sensitive SPI is not pending again after its EOI, unless this function
 * was called while it was active.
 *
 * Return: 0, or GenieZone's INVALID_ARGS if there is no such SPI.
 */
int vgic_pend_spi(struct vgic *vgic, u32 spi_index, u32 *kick)
{
	struct vgic_irq *irq;

	if (spi_index >= VGIC_NR_SPIS)
		return VGIC_INVALID_ARGS;
	irq = &vgic->spi[spi_index];
	spin_lock(&vgic->lock);
	irq->latch |= !vgic_irq_drops(vgic, irq);
	requeue_and_kick(vgic, irq, VGIC_NR_PRIVATE + spi_index, true, kick);
	spin_unlock(&vgic->lock);
	return 0;
}

/**
 * vgic_set_ppi() - a vCPU's own device raises or lowers a PPI
 * @vgic: the VM's controller
 * @cpu: the vCPU
 * @intid: 16..31
 * @level: new level of the line
 * @kick: gets the vCPU if it may take it
 */
void vgic_set_ppi(struct vgic *vgic, unsigned int cpu, u32 intid, bool level,
		  u32 *kick)
{
	if (intid < VGIC_NR_SGIS || intid >= VGIC_NR_PRIVATE)
		return;
	/* Only the vCPU itself moves its lines: what is low already stays so. */
	if (!level && vgic_has_cpu(vgic, cpu) &&
	    !vgic->cpu[cpu]->irq[intid].line)
		return;
	spin_lock(&vgic->lock);
	if (vgic_has_cpu(vgic, cpu))
		set_line(vgic, &vgic->cpu[cpu]->irq[intid], intid, level, kick);
	spin_unlock(&vgic->lock);
}

static bool sgi_wanted(const struct vgic_cpu *vcpu, u64 val)
{
	u32 cluster = SGI1R_AFF3(val) << 16 | SGI1R_AFF2(val) << 8 |
		      SGI1R_AFF1(val);
	u32 aff0 = vcpu->affinity & 0xff;

	return vcpu->affinity >> 8 == cluster && aff0 / 16 == SGI1R_RS(val) &&
	       (SGI1R_TARGETS(val) & (1U << (aff0 % 16)));
}

static void send_sgi(struct vgic *vgic, unsigned int cpu, u64 val,
		     bool any_group, u32 *kick)
{
	u32 intid = SGI1R_INTID(val);
	struct vgic_irq *irq;
	unsigned int i;

	spin_lock(&vgic->lock);
	for (i = 0; i < VGIC_MAX_VCPUS; i++) {
		if (!vgic->cpu[i])
			continue;
		irq = &vgic->cpu[i]->irq[intid];
		if (irq->group && !any_group)
			continue;
		if (val & SGI1R_IRM ? i != cpu : sgi_wanted(vgic->cpu[i], val))
			set_line(vgic, irq, intid, true, kick);
	}
	spin_unlock(&vgic->lock);
}

/**
 * vgic_write_sgi1r() - a vCPU wrote ICC_SGI1R_EL1
 * @vgic: the VM's controller
 * @cpu: the vCPU that wrote
 * @val: what it wrote
 * @kick: gets the vCPUs that may take the SGI
 *
 * With one security state this generates SGIs of either group.
 */
void vgic_write_sgi1r(struct vgic *vgic, unsigned int cpu, u64 val, u32 *kick)
{
	send_sgi(vgic, cpu, val, true, kick);
}

/**
 * vgic_write_sgi0r() - a vCPU wrote ICC_SGI0R_EL1 or ICC_ASGI1R_EL1
 * @vgic: the VM's controller
 * @cpu: the vCPU that wrote
 * @val: what it wrote
 * @kick: gets the vCPUs that may take the SGI
 *
 * These generate SGIs only where they are of group 0.
 */
void vgic_write_sgi0r(struct vgic *vgic, unsigned int cpu, u64 val, u32 *kick)
{
	send_sgi(vgic, cpu, val, false, kick);
}

static bool irq_unmasked(const struct vgic_irq *irq, u32 vmcr)
{
	return irq->priority < VMCR_PMR(vmcr) &&
	       (vmcr & (VMCR_ENG0 << irq->group));
}

/**
 * vgic_pending_unmasked() - is there an interrupt that would end a WFI?
 * @vgic: the VM's controller
 * @cpu: a vCPU that is out of the guest
 * @ich_vmcr: its ICH_VMCR_EL2
 *
 * Takes the lock only if the vCPU holds an interrupt: a CPU that queues one later
 * finds that the vCPU is about to sleep, see guest_wfx_wait().
 *
 * Leaves out what the CPU interface holds back by priority mask or group
 * enable: a vCPU woken for that alone would only go to sleep again, for ever.
 *
 * Return: true if there is one.
 */
bool vgic_pending_unmasked(struct vgic *vgic, unsigned int cpu, u64 ich_vmcr)
{
	const struct vgic_irq *irq;
	bool found = false;
	int intid = -1;

	if (vgic_has_cpu(vgic, cpu) && !READ_ONCE(vgic->cpu[cpu]->queue.summary))
		return false;
	spin_lock(&vgic->lock);
	while (vgic_has_cpu(vgic, cpu) && !found) {
		intid = vgic_queue_next(&vgic->cpu[cpu]->queue, intid + 1);
		if (intid < 0)
			break;
		irq = vgic_irq(vgic, cpu, intid);
		found = vgic_irq_deliverable(vgic, irq) &&
			irq_unmasked(irq, ich_vmcr);
	}
	spin_unlock(&vgic->lock);
	return found;
}

/**
 * vgic_pending() - is there an interrupt that the vGIC could deliver?
 * @vgic: the VM's controller
 * @cpu: a vCPU that is out of the guest
 *
 * Return: true if there is one, masked by the CPU interface or not.
 */
bool vgic_pending(struct vgic *vgic, unsigned int cpu)
{
	return vgic_pending_unmasked(vgic, cpu, VMCR_ALL_OPEN);
}
