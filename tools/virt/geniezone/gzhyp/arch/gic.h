/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_GIC_H
#define GZHYP_GIC_H

#include "arch/cpu.h"

struct vcpu;

u64 gic_find_redist(u64 mpidr);
void gic_guest_begin(struct percpu *cpu, bool vtimer_high);
void gic_guest_end(struct percpu *cpu);
void gic_load(struct vcpu *vcpu);
void gic_put(struct vcpu *vcpu);
bool gic_host_irq_pending(void);
void gic_send_kick(const struct percpu *cpu);
void gic_write_lrs(const u64 *lr, unsigned int nr, u64 hcr);
u64 gic_read_lrs(u64 *lr, unsigned int nr);
void gic_hide_redists(void);
bool gic_host_access(struct cpu_regs *regs, u64 esr, u64 pa);
void gic_init_cpu(struct percpu *cpu);

/* The list registers of this CPU that are used, at most those that the host sees */
static inline unsigned int gic_nr_lrs(void)
{
	return this_cpu()->nr_lrs;
}

#endif /* GZHYP_GIC_H */
