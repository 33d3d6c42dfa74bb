/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the files of the vGIC model. All of it needs vgic->lock held. */
#ifndef GZHYP_VGIC_INTERNAL_H
#define GZHYP_VGIC_INTERNAL_H

#include "core/vgic/vgic.h"

#define VGIC_INVALID_ARGS	(-8)	/* GenieZone status */

/* The top five bits of a priority: the fewest that ICH_VTR_EL2 may have */
#define VGIC_PRIORITY_MASK	0xf8

/* The interrupt of a number, or NULL. All lookups go through here. */
static inline struct vgic_irq *vgic_irq(struct vgic *vgic, unsigned int cpu,
					u32 intid)
{
	if (intid < VGIC_NR_PRIVATE)
		return &vgic->cpu[cpu]->irq[intid];
	if (intid < VGIC_NR_INTIDS)
		return &vgic->spi[intid - VGIC_NR_PRIVATE];
	return NULL;
}

static inline bool vgic_has_cpu(struct vgic *vgic, unsigned int cpu)
{
	return cpu < VGIC_MAX_VCPUS && vgic->cpu[cpu];
}

static inline bool vgic_irq_is_pending(const struct vgic_irq *irq)
{
	return irq->latch || irq->lr_latch || (!irq->edge && irq->line);
}

/* It does not become pending now, see struct vgic.drop_active. */
static inline bool vgic_irq_drops(const struct vgic *vgic,
				  const struct vgic_irq *irq)
{
	return vgic->drop_active && irq->active && !irq->edge;
}

/* Would be signalled to its vCPU if the state of that vCPU allows it */
static inline bool vgic_irq_deliverable(const struct vgic *vgic,
					const struct vgic_irq *irq)
{
	return irq->enabled && !irq->active && vgic_irq_is_pending(irq) &&
	       (vgic->group_enable & (1U << irq->group));
}

u8 vgic_find_target(const struct vgic *vgic, const struct vgic_irq *irq);

/*
 * The vCPU that an interrupt is for, VGIC_NO_VCPU if there is none. It is found anew
 * each time: nothing has to be changed when vCPUs come and go, but for the few
 * interrupts that somebody holds or that wait for a vCPU. Affinities are mostly the
 * vCPUs' numbers.
 */
static inline u8 vgic_target(const struct vgic *vgic, const struct vgic_irq *irq,
			     u32 intid)
{
	unsigned int id = irq->route % VGIC_MAX_VCPUS;

	if (intid < VGIC_NR_PRIVATE ||
	    (!irq->any_vcpu && vgic->cpu[id] &&
	     vgic->cpu[id]->affinity == irq->route))
		return id;
	return vgic_find_target(vgic, irq);
}

void vgic_requeue(struct vgic *vgic, struct vgic_irq *irq, u32 intid);
void vgic_irq_changed(struct vgic *vgic, struct vgic_irq *irq, u32 intid,
		      u32 *kick);
int vgic_queue_next(const struct vgic_queue *queue, unsigned int from);

#endif /* GZHYP_VGIC_INTERNAL_H */
