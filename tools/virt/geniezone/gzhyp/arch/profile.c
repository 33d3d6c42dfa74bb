// SPDX-License-Identifier: GPL-2.0
/*
 * The host's statistical profiling, its self-hosted trace and its branch records.
 * A guest is not theirs to see. The first two write what they see to memory
 * through the translation of who owns the buffer, and while a guest is loaded
 * MDCR_EL2 makes EL2 the owner, so that its accesses trap: what the host has
 * begun must be stopped, and written out, before that. Branch records are
 * registers, which stay as they are while nothing is added to them.
 */
#include "barrier.h"
#include "cpu.h"
#include "switch.h"

/* PSB CSYNC and TSB CSYNC; hints that older CPUs take for nothing */
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

/* A guest's branches would tell the host which way it has gone. */
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
 * profile_go_on() - the counterpart, once the host's traps are in force again
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
