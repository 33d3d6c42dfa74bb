// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual GICv3: the distributor's and redistributors' register frames.
 *
 * GICD_CTLR.DS and ARE are fixed at 1 (IHI 0069, 12.9.4), so the registers of
 * legacy operation and of Secure state are reserved. A register that is not listed
 * here, or is accessed with another size, reads as zero and ignores writes.
 */
#include "core/vgic/vgic-internal.h"
#include "core/vgic/vgic_regs.h"

#define FRAME_SIZE	0x10000

/* One access of a guest, within one frame */
struct access {
	struct vgic	*vgic;
	unsigned int	cpu;	/* the vCPU that accesses */
	unsigned int	owner;	/* the vCPU of the SGIs and PPIs */
	u32		offset;
	unsigned int	size;
	bool		write;
	u64		val;
	u32		*kick;
};

/**
 * struct irq_reg - a run of registers with a field for each interrupt
 * @offset: first register, in the distributor and in SGI_base alike
 * @bits: width of a field
 * @sizes: access sizes allowed, in bytes, or-ed
 * @stale: what it reads may be out of date for an interrupt in flight
 * @read: field of an interrupt
 * @write: set the field; returns true if the interrupt has to be looked at
 */
struct irq_reg {
	u16	offset;
	u8	bits;
	u8	sizes;
	bool	stale;
	u32	(*read)(const struct vgic_irq *irq);
	bool	(*write)(struct vgic_irq *irq, u32 intid, u32 field);
};

static u32 read_group(const struct vgic_irq *irq)
{
	return irq->group;
}

static bool write_group(struct vgic_irq *irq, u32 intid, u32 field)
{
	if (irq->group == field)
		return false;
	irq->group = field;
	return true;
}

static u32 read_enabled(const struct vgic_irq *irq)
{
	return irq->enabled;
}

static bool set_enabled(struct vgic_irq *irq, u32 intid, u32 field)
{
	if (!field || irq->enabled)
		return false;
	irq->enabled = true;
	return true;
}

static bool clear_enabled(struct vgic_irq *irq, u32 intid, u32 field)
{
	if (!field || !irq->enabled)
		return false;
	irq->enabled = false;
	return true;
}

static u32 read_pending(const struct vgic_irq *irq)
{
	return vgic_irq_is_pending(irq);
}

static bool set_pending(struct vgic_irq *irq, u32 intid, u32 field)
{
	if (!field)
		return false;
	irq->latch = true;
	return true;
}

/* Clearing lr_latch keeps the list register's pending state from returning. */
static bool clear_pending(struct vgic_irq *irq, u32 intid, u32 field)
{
	if (!field)
		return false;
	irq->latch = false;
	irq->lr_latch = false;
	return true;
}

static u32 read_active(const struct vgic_irq *irq)
{
	return irq->active;
}

/* In flight it is not known if the state differs, so the write always counts. */
static bool write_active(struct vgic_irq *irq, bool active)
{
	if (!irq->in_lr && irq->active == active)
		return false;
	irq->active = active;
	irq->active_written = irq->in_lr;
	return true;
}

static bool set_active(struct vgic_irq *irq, u32 intid, u32 field)
{
	return field && write_active(irq, true);
}

static bool clear_active(struct vgic_irq *irq, u32 intid, u32 field)
{
	return field && write_active(irq, false);
}

static u32 read_priority(const struct vgic_irq *irq)
{
	return irq->priority;
}

static bool write_priority(struct vgic_irq *irq, u32 intid, u32 field)
{
	field &= VGIC_PRIORITY_MASK;
	if (irq->priority == field)
		return false;
	irq->priority = field;
	return true;
}

static u32 read_config(const struct vgic_irq *irq)
{
	return irq->edge ? 2 : 0;
}

/* SGIs are edges by definition. PPIs are levels, on which arch/timer.c relies. */
static bool write_config(struct vgic_irq *irq, u32 intid, u32 field)
{
	bool edge = field & 2;

	if (intid < VGIC_NR_PRIVATE || irq->edge == edge)
		return false;
	irq->edge = edge;
	return true;
}

static const struct irq_reg irq_regs[] = {
	{ GIC_IGROUPR,    1, 4,     false, read_group,    write_group    },
	{ GIC_ISENABLER,  1, 4,     false, read_enabled,  set_enabled    },
	{ GIC_ICENABLER,  1, 4,     false, read_enabled,  clear_enabled  },
	{ GIC_ISPENDR,    1, 4,     true,  read_pending,  set_pending    },
	{ GIC_ICPENDR,    1, 4,     true,  read_pending,  clear_pending  },
	{ GIC_ISACTIVER,  1, 4,     true,  read_active,   set_active     },
	{ GIC_ICACTIVER,  1, 4,     true,  read_active,   clear_active   },
	{ GIC_IPRIORITYR, 8, 4 | 1, false, read_priority, write_priority },
	{ GIC_ICFGR,      2, 4,     false, read_config,   write_config   },
};

static const struct irq_reg *find_irq_reg(u32 offset)
{
	const struct irq_reg *reg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(irq_regs); i++) {
		reg = &irq_regs[i];
		if (offset >= reg->offset &&
		    offset - reg->offset < 1024U / 8 * reg->bits)
			return reg;
	}
	return NULL;
}

static void access_irq(struct access *acc, const struct irq_reg *reg,
		       u32 intid, unsigned int shift)
{
	struct vgic_irq *irq = vgic_irq(acc->vgic, acc->owner, intid);
	u32 field = (acc->val >> shift) & ((1U << reg->bits) - 1);

	if (acc->write) {
		if (reg->write(irq, intid, field))
			vgic_irq_changed(acc->vgic, irq, intid, acc->kick);
		return;
	}
	acc->val |= (u64)reg->read(irq) << shift;
	if (reg->stale && irq->in_lr && irq->holder != acc->cpu)
		*acc->kick |= 1U << irq->holder;
}

/* Interrupts first..end-1 of those that the access covers; the rest is RES0. */
static void access_irqs(struct access *acc, u32 first, u32 end)
{
	const struct irq_reg *reg = find_irq_reg(acc->offset);
	unsigned int shift;
	u32 intid;

	if (!reg || !(reg->sizes & acc->size))
		return;
	intid = (acc->offset - reg->offset) * 8 / reg->bits;
	for (shift = 0; shift < acc->size * 8; shift += reg->bits, intid++)
		if (intid >= first && intid < end)
			access_irq(acc, reg, intid, shift);
}

/*
 * Give the guest the part of a 64-bit register that it reads: all of it or one
 * of its halves, any other size is reserved.
 */
static void read_reg64(struct access *acc, u64 reg)
{
	if (acc->size == 8)
		acc->val = reg;
	else if (acc->size == 4)
		acc->val = (u32)(reg >> (acc->offset & 4) * 8);
}

/* The same for a write: the value the register shall have. */
static u64 merge_reg64(const struct access *acc, u64 reg)
{
	unsigned int shift = (acc->offset & 4) * 8;

	if (acc->size == 8)
		return acc->val;
	if (acc->size != 4)
		return reg;
	return (reg & ~(0xffffffffULL << shift)) | (u64)(u32)acc->val << shift;
}

static void access_irouter(struct access *acc)
{
	u32 intid = (acc->offset - GICD_IROUTER) / 8;
	struct vgic_irq *irq;
	u64 reg;

	if (intid < VGIC_NR_PRIVATE)
		return;
	irq = vgic_irq(acc->vgic, acc->owner, intid);
	reg = (u64)(irq->route >> 24) << 32 | (irq->route & 0xffffff) |
	      (irq->any_vcpu ? GICD_IROUTER_IRM : 0);
	if (!acc->write) {
		read_reg64(acc, reg);
		return;
	}
	reg = merge_reg64(acc, reg);
	irq->any_vcpu = reg & GICD_IROUTER_IRM;
	irq->route = ((reg >> 8) & 0xff000000) | (reg & 0xffffff);
	vgic_irq_changed(acc->vgic, irq, intid, acc->kick);
}

/*
 * Queues hold enabled and pending interrupts whatever the group enables are, so
 * there is no need to search all interrupts here.
 */
static void write_gicd_ctlr(struct access *acc)
{
	u8 enable = acc->val & (GICD_CTLR_ENABLE_GRP0 | GICD_CTLR_ENABLE_GRP1);
	struct vgic *vgic = acc->vgic;
	unsigned int i;

	if (enable == vgic->group_enable)
		return;
	vgic->group_enable = enable;
	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		if (vgic->cpu[i] && vgic->cpu[i]->queue.summary)
			*acc->kick |= 1U << i;
}

static u32 read_gicd(const struct access *acc)
{
	switch (acc->offset) {
	case GICD_CTLR:
		return acc->vgic->group_enable | GICD_CTLR_ARE | GICD_CTLR_DS;
	case GICD_TYPER:
		return GICD_TYPER_LINES(VGIC_NR_INTIDS) |
		       GICD_TYPER_IDBITS(10) | GICD_TYPER_A3V;
	case GICD_IIDR:
		return GIC_IIDR_GZHYP;
	case GICD_PIDR2:
		return GIC_PIDR2_GICV3;
	}
	return 0;
}

static void access_dist(struct access *acc)
{
	if (acc->offset >= GICD_IROUTER &&
	    acc->offset < GICD_IROUTER + VGIC_NR_INTIDS * 8)
		access_irouter(acc);
	else if (find_irq_reg(acc->offset))
		access_irqs(acc, VGIC_NR_PRIVATE, VGIC_NR_INTIDS);
	else if (acc->size == 4 && !acc->write)
		acc->val = read_gicd(acc);
	else if (acc->size == 4 && acc->offset == GICD_CTLR)
		write_gicd_ctlr(acc);
}

/* A frame ends the series (Last) if no vCPU with a higher number exists. */
static u64 read_gicr_typer(const struct access *acc)
{
	const struct vgic *vgic = acc->vgic;
	u64 typer = GICR_TYPER_AFFINITY(vgic->cpu[acc->owner]->affinity) |
		    GICR_TYPER_CPU(acc->owner);
	unsigned int i;

	for (i = acc->owner + 1; i < VGIC_MAX_VCPUS; i++)
		if (vgic->cpu[i])
			return typer;
	return typer | GICR_TYPER_LAST;
}

/*
 * There are no LPIs and nothing to power down, hence GICR_CTLR is 0, and
 * GICR_WAKER too: software takes a ProcessorSleep that cannot be set for a
 * redistributor that is always awake.
 */
static void access_redist(struct access *acc)
{
	if (acc->offset >= GICR_SGI_OFFSET) {
		acc->offset -= GICR_SGI_OFFSET;
		access_irqs(acc, 0, VGIC_NR_PRIVATE);
		return;
	}
	if (acc->write)
		return;
	if ((acc->offset & ~7U) == GICR_TYPER)
		read_reg64(acc, read_gicr_typer(acc));
	else if (acc->offset == GICR_IIDR && acc->size == 4)
		acc->val = GIC_IIDR_GZHYP;
	else if (acc->offset == GICR_PIDR2 && acc->size == 4)
		acc->val = GIC_PIDR2_GICV3;
}

static bool size_is_sane(const struct access *acc)
{
	return (acc->size == 1 || acc->size == 2 || acc->size == 4 ||
		acc->size == 8) && !(acc->offset & (acc->size - 1));
}

/* The vCPU whose redistributor is the n-th one, or VGIC_NO_VCPU. */
static unsigned int nth_cpu(const struct vgic *vgic, u64 n)
{
	unsigned int i;

	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		if (vgic->cpu[i] && !n--)
			return i;
	return VGIC_NO_VCPU;
}

/*
 * Frames may overlap if vCPUs were added later. Then the distributor is seen. An
 * address below a base wraps to far behind it.
 */
static bool access_frames(struct access *acc, u64 ipa)
{
	struct vgic *vgic = acc->vgic;

	if (vgic->has_dist && ipa - vgic->dist_base < VGIC_DIST_SIZE) {
		acc->offset = ipa - vgic->dist_base;
		if (size_is_sane(acc))
			access_dist(acc);
		return true;
	}
	if (!vgic->has_redist || ipa - vgic->redist_base >=
	    VGIC_MAX_VCPUS * VGIC_REDIST_SIZE)
		return false;
	acc->owner = nth_cpu(vgic, (ipa - vgic->redist_base) /
			     VGIC_REDIST_SIZE);
	if (acc->owner == VGIC_NO_VCPU)
		return false;
	acc->offset = (ipa - vgic->redist_base) % VGIC_REDIST_SIZE;
	if (size_is_sane(acc))
		access_redist(acc);
	return true;
}

/* Without the lock: a base is written before its flag and does not change. */
static bool in_frames(const struct vgic *vgic, u64 ipa)
{
	if (__atomic_load_n(&vgic->has_dist, __ATOMIC_ACQUIRE) &&
	    ipa - vgic->dist_base < VGIC_DIST_SIZE)
		return true;
	return __atomic_load_n(&vgic->has_redist, __ATOMIC_ACQUIRE) &&
	       ipa - vgic->redist_base < VGIC_MAX_VCPUS * VGIC_REDIST_SIZE;
}

/**
 * vgic_is_sgi_frame() - is an address in a redistributor's SGI_base frame?
 * @vgic: the VM's controller
 * @ipa: address
 */
bool vgic_is_sgi_frame(const struct vgic *vgic, u64 ipa)
{
	u64 offset = ipa - vgic->redist_base;

	return __atomic_load_n(&vgic->has_redist, __ATOMIC_ACQUIRE) &&
	       offset < VGIC_MAX_VCPUS * VGIC_REDIST_SIZE &&
	       offset % VGIC_REDIST_SIZE >= FRAME_SIZE;
}

/**
 * vgic_mmio() - emulate a guest access to the controller's registers
 * @vgic: the VM's controller
 * @cpu: vCPU that accesses, synced
 * @ipa: address
 * @size: 1, 2, 4 or 8 bytes; other sizes do nothing
 * @write: direction
 * @val: value to write, or where to put the value read, zero-extended
 * @kick: gets vCPUs that the access concerns
 *
 * Return: false if the address is not of this controller; nothing was done.
 */
bool vgic_mmio(struct vgic *vgic, unsigned int cpu, u64 ipa, unsigned int size,
	       bool write, u64 *val, u32 *kick)
{
	struct access acc;
	bool ours = false;

	if (!in_frames(vgic, ipa))
		return false;
	acc = (struct access) {
		.vgic = vgic,
		.cpu = cpu,
		.owner = cpu,
		.size = size,
		.write = write,
		.val = write ? *val : 0,
		.kick = kick,
	};
	spin_lock(&vgic->lock);
	if (vgic_has_cpu(vgic, cpu))
		ours = access_frames(&acc, ipa);
	spin_unlock(&vgic->lock);
	if (ours && !write)
		*val = acc.val;
	return ours;
}

static bool overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

static bool placement_ok(u64 ipa, u64 size)
{
	return !(ipa % FRAME_SIZE) && ipa + size > ipa;
}

/* A VMM may give the size of one vCPU's frames, whatever the number of vCPUs. */
static u64 redist_extent(const struct vgic *vgic, u64 size)
{
	u64 used = 0;
	unsigned int i;

	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		if (vgic->cpu[i])
			used += VGIC_REDIST_SIZE;
	return used > size ? used : size;
}

/**
 * vgic_set_dist() - place the distributor
 * @vgic: the VM's controller
 * @ipa: address, a multiple of 64 KiB
 * @size: 64 KiB
 *
 * Return: 0, or GenieZone's INVALID_ARGS.
 */
int vgic_set_dist(struct vgic *vgic, u64 ipa, u64 size)
{
	int ret = VGIC_INVALID_ARGS;

	if (!placement_ok(ipa, size) || size != VGIC_DIST_SIZE)
		return ret;
	spin_lock(&vgic->lock);
	if (!vgic->has_dist &&
	    !(vgic->has_redist &&
	      overlap(ipa, size, vgic->redist_base,
		      redist_extent(vgic, vgic->redist_size)))) {
		vgic->dist_base = ipa;
		__atomic_store_n(&vgic->has_dist, true, __ATOMIC_RELEASE);
		ret = 0;
	}
	spin_unlock(&vgic->lock);
	return ret;
}

/**
 * vgic_set_redist() - place the redistributors
 * @vgic: the VM's controller
 * @ipa: address of the first, a multiple of 64 KiB
 * @size: a multiple of 128 KiB, need not be enough for all vCPUs
 *
 * Each vCPU's frames follow those of the vCPU with the next lower number.
 *
 * Return: 0, or GenieZone's INVALID_ARGS.
 */
int vgic_set_redist(struct vgic *vgic, u64 ipa, u64 size)
{
	u64 extent = size < VGIC_MAX_VCPUS * VGIC_REDIST_SIZE ?
		     VGIC_MAX_VCPUS * VGIC_REDIST_SIZE : size;
	int ret = VGIC_INVALID_ARGS;

	if (!placement_ok(ipa, extent) || !size || size % VGIC_REDIST_SIZE)
		return ret;
	spin_lock(&vgic->lock);
	if (!vgic->has_redist &&
	    !(vgic->has_dist &&
	      overlap(ipa, redist_extent(vgic, size), vgic->dist_base,
		      VGIC_DIST_SIZE))) {
		vgic->redist_base = ipa;
		vgic->redist_size = size;
		__atomic_store_n(&vgic->has_redist, true, __ATOMIC_RELEASE);
		ret = 0;
	}
	spin_unlock(&vgic->lock);
	return ret;
}
