/* SPDX-License-Identifier: GPL-2.0 */
/* World switch, timers, and exceptions injected into EL1. */
#ifndef GZHYP_SWITCH_H
#define GZHYP_SWITCH_H

#include "arch/cpu.h"

struct vcpu;

/* arch/cpu.c */
void cpu_fine_traps(bool host);

/* arch/switch.c */
void switch_init_cpu(struct percpu *cpu);
void vcpu_load(struct vcpu *vcpu);
void vcpu_put(struct vcpu *vcpu);
void guest_fp_trap(struct vcpu *vcpu);

/* arch/debug.c */
void debug_to_guest(struct percpu *cpu, const struct vcpu *vcpu);
void debug_to_host(struct percpu *cpu);
void debug_update(struct vcpu *vcpu);

/* arch/profile.c */
void profile_stop(struct percpu *cpu);
void profile_go_on(struct percpu *cpu);

/* arch/timer.c */
void timer_host_save(struct percpu *cpu);
void timer_host_restore(struct percpu *cpu);
void timer_guest_enter(struct vcpu *vcpu);
bool timer_guest_exit(struct vcpu *vcpu);
bool timer_host_due(const struct percpu *cpu);
u64 timer_idle_delay(struct vcpu *vcpu);
void timer_update_lines(struct vcpu *vcpu, u32 *kick);
bool timer_guest_sysreg(struct vcpu *vcpu, u32 reg, bool write, u64 *val);

/* arch/inject.c: EL1's registers are in the CPU */
void inject_abort(struct cpu_regs *regs, u64 far, bool instruction);
void inject_host_abort(struct cpu_regs *regs, u64 far, u64 esr);
void inject_undef(struct cpu_regs *regs);
void inject_host_serror(struct percpu *cpu);
bool from_el0(const struct cpu_regs *regs);
void skip_instruction(struct cpu_regs *regs);

/* arch/psci-host.c */
void host_smc(struct cpu_regs *regs);

/* core/hypercall.c */
void hypercall(struct cpu_regs *regs);

#endif /* GZHYP_SWITCH_H */
