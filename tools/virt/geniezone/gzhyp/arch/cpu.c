// SPDX-License-Identifier: GPL-2.0
/* The CPUs and their features. */
#include "arch/switch.h"
#include "platform/platform.h"

struct cpu_features cpu_features;
struct percpu *percpus[MAX_CPUS];

void cpu_detect_features(void)
{
	static const u8 pa_bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	u64 pfr0 = read_sysreg(id_aa64pfr0_el1);
	u64 pfr1 = read_sysreg(id_aa64pfr1_el1);
	u64 dfr0 = read_sysreg(id_aa64dfr0_el1);
	u64 isar1 = read_sysreg(id_aa64isar1_el1);
	u64 isar2 = read_sysreg_s(SYS_ID_AA64ISAR2);
	u64 mmfr0 = read_sysreg(id_aa64mmfr0_el1);
	u64 mmfr1 = read_sysreg(id_aa64mmfr1_el1);
	struct cpu_features *f = &cpu_features;

	f->pauth = FIELD(isar1, 4, 8) || FIELD(isar1, 24, 8) ||
		   FIELD(isar2, 8, 8);
	f->ras = FIELD(pfr0, 28, 4);
	f->sve = FIELD(pfr0, 32, 4);
	f->amu = FIELD(pfr0, 44, 4);
	f->amu_v1p1 = FIELD(pfr0, 44, 4) >= 2;
	f->sme = FIELD(pfr1, 24, 4);
	f->gcs = FIELD(pfr1, 44, 4);
	f->mte = FIELD(pfr1, 8, 4) >= 2;
	f->scxt = FIELD(pfr0, 56, 4) >= 2 || FIELD(pfr1, 32, 4) >= 2;
	f->spe = FIELD(dfr0, 32, 4);
	f->trbe = FIELD(dfr0, 44, 4);
	f->trf = FIELD(dfr0, 40, 4);
	f->brbe = FIELD(dfr0, 52, 4);
	f->fgt = FIELD(mmfr0, 56, 4);
	f->fgt2 = FIELD(mmfr0, 56, 4) >= 2;
	f->hcx = FIELD(mmfr1, 40, 4);
	f->vmid16 = FIELD(mmfr1, 4, 4) == 2;
	f->rndr = FIELD(read_sysreg(id_aa64isar0_el1), 60, 4);
	f->rare_regs = f->pauth || f->sme;
	f->rare_traps = f->spe || f->trf || f->brbe || f->fgt || f->hcx;
	f->pa_bits = pa_bits[MIN(FIELD(mmfr0, 0, 4), 6UL)];
}

/*
 * FEAT_FGT2. The host may use PMICNTR, PMICFILTR, PMUACR and PMSDSFR, and write PMZR:
 * Linux asks for these at its start (Documentation/arch/arm64/booting.rst).
 */
static void fine_traps2(bool host)
{
	write_sysreg_s(host ? GENMASK(4, 2) | BIT(19) : 0, SYS_HDFGRTR2_EL2);
	write_sysreg_s(host ? GENMASK(4, 2) | BIT(19) | BIT(21) : 0, SYS_HDFGWTR2_EL2);
	write_sysreg_s(0, SYS_HFGRTR2_EL2);
	write_sysreg_s(0, SYS_HFGWTR2_EL2);
	write_sysreg_s(0, SYS_HFGITR2_EL2);
}

/**
 * cpu_fine_traps() - fine-grained traps (FEAT_FGT) of a world
 * @host: the host's, else guests'
 *
 * Only the bits named n... are used, where 1 does not trap (Arm ARM, HFGRTR_EL2 and
 * similar registers). They are for registers of newer extensions that the world
 * switch does not save: the host may use them, a guest may not.
 */
void cpu_fine_traps(bool host)
{
	if (!cpu_features.fgt)
		return;
	write_sysreg_s(host ? GENMASK(63, 50) : 0, SYS_HFGRTR_EL2);
	write_sysreg_s(host ? GENMASK(63, 50) : 0, SYS_HFGWTR_EL2);
	write_sysreg_s(host ? GENMASK(59, 55) : 0, SYS_HFGITR_EL2);
	write_sysreg_s(host ? GENMASK(62, 59) : 0, SYS_HDFGRTR_EL2);
	write_sysreg_s(host ? GENMASK(62, 60) : 0, SYS_HDFGWTR_EL2);
	if (cpu_features.fgt2)
		fine_traps2(host);
}

/* The CPU of an affinity value, or NULL */
struct percpu *cpu_by_mpidr(u64 mpidr)
{
	unsigned int i;

	for (i = 0; i < platform.nr_cpus; i++)
		if (percpus[i]->mpidr == mpidr)
			return percpus[i];
	return NULL;
}
