// SPDX-License-Identifier: GPL-2.0
/*
 * The host's statistical profiling, self-hosted trace and branch records must not
 * see a guest. The first two write to memory through the owner's translation. While
 * a guest is loaded MDCR_EL2 makes EL2 the owner, so that the guest's accesses trap;
 * profiling and trace must be stopped and their data written out before. Branch
 * records are registers, which keep their values while recording is off.
 */
#include "arch/barrier.h"
#include "arch/cpu.h"
#include "arch/switch.h"

/* PSB CSYNC and TSB CSYNC; NOPs on older CPUs */
#define psb_csync()	asm volatile("hint #17" ::: "memory")
#define tsb_csync()	asm volatile("hint #18" ::: "memory")

static void stop_statistical(struct percpu *cpu)
{
	cpu->host_pmscr = read_sysreg_s(SYS_PMSCR_EL1);
	if (!cpu->host_pmscr)
		return;
	write_sysreg_s(0, SYS_PMSCR_EL1);
	isb();
	psb_csync();
	dsb_sy();
}

static void stop_trace(struct percpu *cpu)
{
	cpu->host_trfcr = read_sysreg_s(SYS_TRFCR_EL1);
	if (!cpu->host_trfcr)
		return;
	write_sysreg_s(0, SYS_TRFCR_EL1);
	isb();
	tsb_csync();
	dsb_sy();
}

/* A guest's branches would show its control flow to the host. */
static void stop_branches(struct percpu *cpu)
{
	cpu->host_brbcr = read_sysreg_s(SYS_BRBCR_EL1);
	if (!cpu->host_brbcr)
		return;
	write_sysreg_s(0, SYS_BRBCR_EL1);
	isb();
}

/**
 * profile_stop() - before a guest is loaded
 * @cpu: this CPU; the host's traps are in force
 */
void profile_stop(struct percpu *cpu)
{
	if (cpu_features.spe)
		stop_statistical(cpu);
	if (cpu_features.trf)
		stop_trace(cpu);
	if (cpu_features.brbe)
		stop_branches(cpu);
}

/**
 * profile_go_on() - undo profile_stop(), with the host's traps in force again
 * @cpu: this CPU
 */
void profile_go_on(struct percpu *cpu)
{
	if (cpu_features.spe)
		write_sysreg_s(cpu->host_pmscr, SYS_PMSCR_EL1);
	if (cpu_features.trf)
		write_sysreg_s(cpu->host_trfcr, SYS_TRFCR_EL1);
	if (cpu_features.brbe)
		write_sysreg_s(cpu->host_brbcr, SYS_BRBCR_EL1);
}
