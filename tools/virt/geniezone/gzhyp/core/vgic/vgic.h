/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual GICv3 of one VM: distributor, redistributors, list registers.
 *
 * Portable state machine. It accesses no system register and no guest memory: the
 * world switch passes the list registers that it saved and loads those that it gets
 * back. Registers and section numbers are those of the GICv3 and GICv4 architecture
 * specification, Arm IHI 0069.
 *
 * Locking: one lock for the VM's whole interrupt state, struct vgic.lock. Every
 * function below takes it and no other lock, so it may be called under any lock of
 * the VM or of a vCPU. Interrupts must be masked, as always at EL2.
 *
 * Holders. An interrupt is held by at most one vCPU: while it
 * is active or in a list register, by the vCPU that has it there; else, if it is
 * enabled and pending, by the vCPU it is routed to. From vgic_flush() to
 * vgic_sync() of that vCPU the interrupt is "in flight": the list register has its
 * current state, the model an older one.
 *
 * Changes in flight. A guest may write to the state of an interrupt that is in
 * a list register of a vCPU which runs on another CPU. Nobody is stopped for
 * that. The write is recorded, the vCPU is put into *kick, and in its next
 * vgic_sync() the write overrides the list register:
 *   - ICENABLER, ICPENDR, IROUTER, IPRIORITYR, IGROUPR, GICD_CTLR: the vCPU can
 *     acknowledge the interrupt until that sync, but not after it.
 *   - ISACTIVER, ICACTIVER, ICC_DIR_EL1 by another vCPU: the value written is the
 *     state after that sync, whatever the vCPU did in between.
 *   - reads of pending and active state return the state of the last sync and
 *     kick the vCPU, so that a guest that polls gets the current state later.
 * GICD_CTLR.RWP is always 0, as in KVM: software cannot wait for the above.
 *
 * One guest entry and exit: vgic_set_ppi() for the timer, vgic_flush(), enter,
 * leave, vgic_eoi_count() if ICH_HCR_EL2.EOIcount is not 0, vgic_sync(), then the
 * handler of the exit. A kick may come between flush and entry. It must then be an
 * interrupt that stays pending on the CPU and ends the run at once.
 *
 * A bit in *kick means: that vCPU must pass through vgic_sync() and vgic_flush()
 * soon if it runs, and look at vgic_pending() if it sleeps. Bits are only added.
 * The calling vCPU's own bit may be among them.
 */
#ifndef GZHYP_VGIC_H
#define GZHYP_VGIC_H

#include "lib/spinlock.h"
#include "lib/types.h"

#define VGIC_MAX_VCPUS		8
#define VGIC_MAX_LRS		16
/* ICH_HCR_EL2.EOIcount has five bits */
#define VGIC_MAX_ENDED		32
#define VGIC_NR_SGIS		16
#define VGIC_NR_PRIVATE		32
/* INTIDs 1020..1023 are special (IHI 0069, 2.2): the last SPI is 1019 */
#define VGIC_NR_INTIDS		1020
#define VGIC_NR_SPIS		(VGIC_NR_INTIDS - VGIC_NR_PRIVATE)
#define VGIC_NO_VCPU		VGIC_MAX_VCPUS

#define VGIC_DIST_SIZE		0x10000
#define VGIC_REDIST_SIZE	0x20000	/* RD_base and SGI_base frame */

/**
 * struct vgic_irq - state of one SGI, PPI (per vCPU) or SPI (per VM)
 * @route: SPI: Aff3.Aff2.Aff1.Aff0 of GICD_IROUTER, eight bits each; SGI and PPI: the
 *	   number of its vCPU
 * @priority: as the guest wrote it, less the bits not implemented
 * @holder: vCPU whose queue has it, VGIC_NO_VCPU if none has
 * @any_vcpu: SPI: GICD_IROUTER.Interrupt_Routing_Mode
 * @enabled: forwarding enabled
 * @group: interrupt group, 0 or 1
 * @edge: edge-triggered, else level-sensitive
 * @line: input line as last reported
 * @latch: pending whatever the line: an edge seen, or pended by software
 * @active: acknowledged, not yet deactivated
 * @in_lr: in flight in a list register of @holder
 * @lr_latch: @latch moved into the list register and returns if unacknowledged
 * @active_written: @active was written in flight and outweighs the register
 */
struct vgic_irq {
	u32	route;
	u8	priority;
	u8	holder;
	bool	any_vcpu:1;
	bool	enabled:1;
	bool	group:1;
	bool	edge:1;
	bool	line:1;
	bool	latch:1;
	bool	active:1;
	bool	in_lr:1;
	bool	lr_latch:1;
	bool	active_written:1;
};

/**
 * struct vgic_queue - the interrupts a vCPU holds, by INTID
 * @summary: bit n set while word n is not zero
 * @word: one bit for each INTID
 */
struct vgic_queue {
	u16	summary;
	u64	word[(VGIC_NR_INTIDS + 63) / 64];
};

/**
 * struct vgic_cpu - one vCPU's part: redistributor, SGIs and PPIs
 * @affinity: as in MPIDR_EL1, packed like &struct vgic_irq.route
 * @vmcr: its ICH_VMCR_EL2 at the last exit; written before vgic_flush()
 * @nr_loaded: list registers in use since the last vgic_flush()
 * @loaded: INTID in each of them
 * @nr_ended: level-sensitive SPIs in @ended; only the vCPU's own CPU uses both
 * @ended: those whose end no list register shows, see vgic_show_ends()
 * @queue: interrupts this vCPU holds
 * @irq: SGIs 0..15 and PPIs 16..31
 */
struct vgic_cpu {
	u32			affinity;
	u32			vmcr;
	u8			nr_loaded;
	u16			loaded[VGIC_MAX_LRS];
	u8			nr_ended;
	u16			ended[VGIC_MAX_ENDED];
	struct vgic_queue	queue;
	struct vgic_irq		irq[VGIC_NR_PRIVATE];
};

/**
 * struct vgic - interrupt controller of one VM
 * @lock: protects all of this and of every vgic_cpu
 * @group_enable: GICD_CTLR.EnableGrp0 and EnableGrp1
 * @drop_active: level-sensitive SPIs do not become pending while they are active
 * @has_dist: distributor placed
 * @has_redist: redistributors placed
 * @dist_base: IPA of the distributor
 * @redist_base: IPA of the first redistributor
 * @redist_size: size from the VMM, at least one vCPU's frames
 * @off: vCPUs that are off
 * @cpu: the vCPUs, NULL for none
 * @homeless: SPIs that a vCPU would hold if there were one that they are routed to
 * @spi: SPIs, from INTID 32
 */
struct vgic {
	struct spinlock		lock;
	u8			group_enable;
	bool			drop_active;
	bool			has_dist;
	bool			has_redist;
	u32			off;
	u64			dist_base;
	u64			redist_base;
	u64			redist_size;
	struct vgic_cpu		*cpu[VGIC_MAX_VCPUS];
	struct vgic_queue	homeless;
	struct vgic_irq		spi[VGIC_NR_SPIS];
};

/**
 * vgic_is_quiet() - does this vCPU have neither interrupts nor list registers?
 * @vcpu: the vCPU's part; only the caller flushes and syncs it
 *
 * Does not take the lock. The caller must have written that the vCPU is on this CPU
 * before. A CPU that queues an interrupt later finds it there and kicks it, as after
 * a vgic_flush().
 */
static inline bool vgic_is_quiet(const struct vgic_cpu *vcpu)
{
	return !READ_ONCE(vcpu->queue.summary) && !vcpu->nr_loaded;
}

/* core/vgic/vgic.c: life and signals */
void vgic_init(struct vgic *vgic);
void vgic_cpu_init(struct vgic *vgic, struct vgic_cpu *vcpu, unsigned int id,
		   u64 mpidr_affinity, u32 *kick);
void vgic_cpu_exit(struct vgic *vgic, unsigned int id, u32 *kick);
void vgic_cpu_power(struct vgic *vgic, unsigned int id, bool on, u32 *kick);
int vgic_set_spi(struct vgic *vgic, u32 spi_index, bool level, u32 *kick);
int vgic_pend_spi(struct vgic *vgic, u32 spi_index, u32 *kick);
void vgic_set_ppi(struct vgic *vgic, unsigned int cpu, u32 intid, bool level,
		  u32 *kick);
void vgic_write_sgi1r(struct vgic *vgic, unsigned int cpu, u64 val, u32 *kick);
void vgic_write_sgi0r(struct vgic *vgic, unsigned int cpu, u64 val, u32 *kick);
bool vgic_pending(struct vgic *vgic, unsigned int cpu);
bool vgic_pending_unmasked(struct vgic *vgic, unsigned int cpu, u64 ich_vmcr);

/* core/vgic/vgic-mmio.c: register frames */
bool vgic_is_sgi_frame(const struct vgic *vgic, u64 ipa);
int vgic_set_dist(struct vgic *vgic, u64 ipa, u64 size);
int vgic_set_redist(struct vgic *vgic, u64 ipa, u64 size);
bool vgic_mmio(struct vgic *vgic, unsigned int cpu, u64 ipa, unsigned int size,
	       bool write, u64 *val, u32 *kick);

/* core/vgic/vgic-lr.c: guest entry and exit */
void vgic_flush(struct vgic *vgic, unsigned int cpu, u64 lr[VGIC_MAX_LRS],
		unsigned int nr_lrs, u64 *ich_hcr);
bool vgic_sync(struct vgic *vgic, unsigned int cpu,
	       const u64 lr[VGIC_MAX_LRS], unsigned int nr_lrs, u32 *kick);
void vgic_eoi_count(struct vgic *vgic, unsigned int cpu, unsigned int count,
		    u32 *kick);
void vgic_deactivate(struct vgic *vgic, unsigned int cpu, u32 intid, u32 *kick);
unsigned int vgic_show_ends(struct vgic_cpu *vcpu, u64 lr[VGIC_MAX_LRS],
			    unsigned int nr_lrs);

#endif /* GZHYP_VGIC_H */
