/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual GICv3 of one VM: distributor, redistributors, list registers.
 *
 * Portable state machine. It never touches a system register or guest memory:
 * the world switch hands it the list registers it saved and loads the ones it
 * gives back. Registers and section numbers are those of the GICv3 and GICv4
 * architecture specification, Arm IHI 0069.
 *
 * Locking: one lock for the VM's whole interrupt state, struct vgic.lock. Every
 * function below takes it, holds no other lock and calls nothing that takes
 * one, so it may be called under any lock of the VM or of a vCPU. It has to be
 * called with interrupts masked, as all of EL2 runs.
 *
 * Where an interrupt lives. An interrupt is held by at most one vCPU: while it
 * is active, or sits in a list register, by the vCPU that has it there; else,
 * if it is enabled and pending, by the one it is routed to. From vgic_flush()
 * to vgic_sync() of that vCPU the list register is the truth and the model's
 * state an older view of it, "in flight".
 *
 * Changes in flight. A guest may write to the state of an interrupt that is in
 * a list register of a vCPU which runs on another CPU. Nobody is stopped for
 * that. The write is recorded, the vCPU is put into *kick, and its next
 * vgic_sync() lets the write win over what the list register says:
 *   - ICENABLER, ICPENDR, IROUTER, IPRIORITYR, IGROUPR, GICD_CTLR: until that
 *     sync the vCPU can still acknowledge the interrupt, after it no more.
 *   - ISACTIVER, ICACTIVER: the value written is the state after that sync,
 *     whatever the vCPU did in between.
 *   - reads of pending and active state give the view of the last sync, and
 *     kick the vCPU, so that a guest which polls sees the truth in the end.
 * GICD_CTLR.RWP is always 0, as in KVM: software can not wait for the above.
 *
 * One guest entry and exit: vgic_set_ppi() for the timer, vgic_flush(), enter,
 * leave, vgic_eoi_count() if ICH_HCR_EL2.EOIcount is not 0, vgic_sync(), then
 * what the exit asks for. A kick may come between flush and entry: it has to be
 * an interrupt that stays pending on the CPU then, and ends the run at once.
 *
 * A bit in *kick means: make that vCPU pass through vgic_sync() and
 * vgic_flush() soon if it runs, look at vgic_pending() if it sleeps. Bits are
 * only ever added, and the calling vCPU's own may be among them.
 */
#ifndef GZHYP_VGIC_H
#define GZHYP_VGIC_H

#include "types.h"
#include "spinlock.h"

#define VGIC_MAX_VCPUS		8
#define VGIC_MAX_LRS		16
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
 * @route: SPI: Aff3.Aff2.Aff1.Aff0 of GICD_IROUTER, eight bits each
 * @priority: as the guest wrote it, less the bits not implemented
 * @target: vCPU it is routed to, VGIC_NO_VCPU if there is none
 * @holder: vCPU whose queue has it, VGIC_NO_VCPU if it is in no queue
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
	u8	target;
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
 * @nr_loaded: list registers in use since the last vgic_flush()
 * @loaded: INTID in each of them
 * @queue: interrupts this vCPU holds
 * @irq: SGIs 0..15 and PPIs 16..31
 */
struct vgic_cpu {
	u32			affinity;
	u8			nr_loaded;
	u16			loaded[VGIC_MAX_LRS];
	struct vgic_queue	queue;
	struct vgic_irq		irq[VGIC_NR_PRIVATE];
};

/**
 * struct vgic - interrupt controller of one VM
 * @lock: protects all of this and of every vgic_cpu
 * @group_enable: GICD_CTLR.EnableGrp0 and EnableGrp1
 * @has_dist: distributor placed
 * @has_redist: redistributors placed
 * @dist_base: IPA of the distributor
 * @redist_base: IPA of the first redistributor
 * @redist_size: what the VMM said, at least one vCPU's frames
 * @cpu: the vCPUs there are
 * @routed: number of SPIs that have each vCPU, or none, as their target
 * @spi: SPIs, from INTID 32
 */
struct vgic {
	struct spinlock		lock;
	u8			group_enable;
	bool			has_dist;
	bool			has_redist;
	u64			dist_base;
	u64			redist_base;
	u64			redist_size;
	struct vgic_cpu		*cpu[VGIC_MAX_VCPUS];
	u16			routed[VGIC_NO_VCPU + 1];
	struct vgic_irq		spi[VGIC_NR_SPIS];
};

/**
 * vgic_is_quiet() - has this vCPU neither interrupts to take nor list registers?
 * @vcpu: the vCPU's part, of which the caller is the only one to flush and sync
 *
 * Without the lock. Who queues an interrupt after the look finds the vCPU on its
 * CPU and kicks it, as after a vgic_flush(), if that was written before the look.
 */
static inline bool vgic_is_quiet(const struct vgic_cpu *vcpu)
{
	return !READ_ONCE(vcpu->queue.summary) && !vcpu->nr_loaded;
}

/* core/vgic.c: life and signals */
void vgic_init(struct vgic *vgic);
void vgic_cpu_init(struct vgic *vgic, struct vgic_cpu *vcpu, unsigned int id,
		   u64 mpidr_affinity);
void vgic_cpu_exit(struct vgic *vgic, unsigned int id);
int vgic_set_spi(struct vgic *vgic, u32 spi_index, bool level, u32 *kick);
void vgic_set_ppi(struct vgic *vgic, unsigned int cpu, u32 intid, bool level,
		  u32 *kick);
void vgic_write_sgi1r(struct vgic *vgic, unsigned int cpu, u64 val, u32 *kick);
void vgic_write_sgi0r(struct vgic *vgic, unsigned int cpu, u64 val, u32 *kick);
bool vgic_pending(struct vgic *vgic, unsigned int cpu);
bool vgic_pending_unmasked(struct vgic *vgic, unsigned int cpu, u64 ich_vmcr);

/* core/vgic-mmio.c: register frames */
int vgic_set_dist(struct vgic *vgic, u64 ipa, u64 size);
int vgic_set_redist(struct vgic *vgic, u64 ipa, u64 size);
bool vgic_mmio(struct vgic *vgic, unsigned int cpu, u64 ipa, unsigned int size,
	       bool write, u64 *val, u32 *kick);

/* core/vgic-lr.c: guest entry and exit */
void vgic_flush(struct vgic *vgic, unsigned int cpu, u64 lr[VGIC_MAX_LRS],
		unsigned int nr_lrs, u64 *ich_hcr);
bool vgic_sync(struct vgic *vgic, unsigned int cpu,
	       const u64 lr[VGIC_MAX_LRS], unsigned int nr_lrs, u32 *kick);
void vgic_eoi_count(struct vgic *vgic, unsigned int cpu, unsigned int count,
		    u32 *kick);
void vgic_deactivate(struct vgic *vgic, unsigned int cpu, u32 intid, u32 *kick);

#endif /* GZHYP_VGIC_H */
