// SPDX-License-Identifier: GPL-2.0
/*
 * Breakpoints and watchpoints. A guest's accesses to them always trap. While a guest
 * uses none, the registers keep the host's values, which have no effect without
 * MDSCR_EL1.MDE. EL2 itself takes no debug exceptions.
 */
#include "arch/switch.h"
#include "core/vm/vcpu.h"

/* A register's number is in the instruction. */
#define FOR_ALL(X)							\
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)				\
	X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static void save(struct debug_regs *regs)
{
	unsigned int nr_bps = debug_nr_breakpoints();
	unsigned int nr_wps = debug_nr_watchpoints();

#define SAVE(n)								\
	if ((n) < nr_bps) {						\
		regs->bvr[n] = read_sysreg(dbgbvr##n##_el1);		\
		regs->bcr[n] = read_sysreg(dbgbcr##n##_el1);		\
	}								\
	if ((n) < nr_wps) {						\
		regs->wvr[n] = read_sysreg(dbgwvr##n##_el1);		\
		regs->wcr[n] = read_sysreg(dbgwcr##n##_el1);		\
	}
	FOR_ALL(SAVE)
}

static void load(const struct debug_regs *regs)
{
	unsigned int nr_bps = debug_nr_breakpoints();
	unsigned int nr_wps = debug_nr_watchpoints();

#define LOAD(n)								\
	if ((n) < nr_bps) {						\
		write_sysreg(regs->bvr[n], dbgbvr##n##_el1);		\
		write_sysreg(regs->bcr[n], dbgbcr##n##_el1);		\
	}								\
	if ((n) < nr_wps) {						\
		write_sysreg(regs->wvr[n], dbgwvr##n##_el1);		\
		write_sysreg(regs->wcr[n], dbgwcr##n##_el1);		\
	}
	FOR_ALL(LOAD)
}

/**
 * debug_to_guest() - put a guest's breakpoints and watchpoints into this CPU
 * @cpu: this CPU
 * @vcpu: loaded in it, uses them
 */
void debug_to_guest(struct percpu *cpu, const struct vcpu *vcpu)
{
	if (!cpu->debug_is_guest)
		save(&cpu->host_debug);
	load(&vcpu->debug);
	cpu->debug_is_guest = true;
}

/**
 * debug_to_host() - put the host's back
 * @cpu: this CPU, after debug_to_guest()
 */
void debug_to_host(struct percpu *cpu)
{
	load(&cpu->host_debug);
	cpu->debug_is_guest = false;
}

/**
 * debug_update() - a guest has changed its debug registers
 * @vcpu: loaded in this CPU
 */
void debug_update(struct vcpu *vcpu)
{
	struct percpu *cpu = this_cpu();

	write_sysreg(debug_changed(vcpu), mdscr_el1);
	if (vcpu->debug_on)
		debug_to_guest(cpu, vcpu);
	else if (cpu->debug_is_guest)
		debug_to_host(cpu);
}
