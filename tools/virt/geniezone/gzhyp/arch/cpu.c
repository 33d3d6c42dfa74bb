// SPDX-License-Identifier: GPL-2.0
/* EL2's own system registers of one CPU, and what the CPUs can do. */
#include "barrier.h"
#include "entry.h"
#include "gic.h"
#include "platform.h"
#include "print.h"
#include "stage2.h"
#include "string.h"
#include "switch.h"

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
	f->sve = FIELD(pfr0, 32, 4);
	f->amu_v1p1 = FIELD(pfr0, 44, 4) >= 2;
	f->sme = FIELD(pfr1, 24, 4);
	f->mte = FIELD(pfr1, 8, 4) >= 2;
	f->scxt = FIELD(pfr0, 56, 4) >= 2 || FIELD(pfr1, 32, 4) >= 2;
	f->spe = FIELD(dfr0, 32, 4);
	f->trbe = FIELD(dfr0, 44, 4);
	f->trf = FIELD(dfr0, 40, 4);
	f->brbe = FIELD(dfr0, 52, 4);
	f->fgt = FIELD(mmfr0, 56, 4);
	f->hcx = FIELD(mmfr1, 40, 4);
	f->vmid16 = FIELD(mmfr1, 4, 4) == 2;
	f->rndr = FIELD(read_sysreg(id_aa64isar0_el1), 60, 4);
	f->rare = f->pauth || f->sme || f->spe || f->trbe || f->trf ||
		  f->brbe || f->fgt || f->hcx;
	f->pa_bits = pa_bits[MIN(FIELD(mmfr0, 0, 4), 6UL)];
}

/**
 * cpu_fine_traps() - fine-grained traps (FEAT_FGT) of a world
 * @host: the host's, else guests'
 *
 * Of these only the bits named n... are used, with which 1 is what does not trap
 * (Arm ARM, HFGRTR_EL2 and its likes). They stand for registers of newer extensions that
 * the world switch leaves alone: the host has them, a guest has not.
 */
void cpu_fine_traps(bool host)
{
	if (!cpu_features.fgt)
		return;
	write_sysreg_s(host ? GENMASK(63, 50) : 0, SYS_HFGRTR_EL2);
	write_sysreg_s(host ? GENMASK(63, 50) : 0, SYS_HFGWTR_EL2);
	write_sysreg_s(host ? GENMASK(59, 55) : 0, SYS_HFGITR_EL2);
	write_sysreg_s(host ? GENMASK(61, 59) : 0, SYS_HDFGRTR_EL2);
	write_sysreg_s(host ? GENMASK(61, 60) : 0, SYS_HDFGWTR_EL2);
}

/*
 * Controls that came with an enable bit each, for what the host finds in its
 * ID registers: they reset to trapping, or to anything.
 */
static void open_extensions(struct percpu *cpu)
{
	u64 mmfr3 = read_sysreg_s(SYS_ID_AA64MMFR3);
	u64 hcrx = 0;

	if (cpu_features.hcx) {
		if (FIELD(read_sysreg(id_aa64isar1_el1), 60, 4))
			hcrx |= 7;			/* EnAS0, EnALS, EnASR */
		if (FIELD(read_sysreg_s(SYS_ID_AA64ISAR2), 16, 4))
			hcrx |= BIT(11);		/* MSCEn */
		if (FIELD(mmfr3, 0, 4))
			hcrx |= BIT(14);		/* TCR2En */
		if (FIELD(mmfr3, 4, 4))
			hcrx |= BIT(15);		/* SCTLR2En */
		cpu->host_hcrx = hcrx;
		write_sysreg_s(hcrx, SYS_HCRX_EL2);
	}
	/* As Documentation/arch/arm64/booting.rst wants it; EL2 is not recorded. */
	if (cpu_features.brbe)
		write_sysreg_s(BRBCR_CC | BRBCR_MPRED, SYS_BRBCR_EL2);
	cpu_fine_traps(true);
}

u64 cpu_host_hcr(void)
{
	u64 hcr = HCR_RW | HCR_VM | HCR_TSC | HCR_API | HCR_APK;

	if (cpu_features.mte)
		hcr |= HCR_ATA;
	if (cpu_features.scxt)
		hcr |= HCR_ENSCXT;
	if (cpu_features.amu_v1p1)
		hcr |= HCR_AMVOFFEN;
	return hcr;
}

static u64 host_cptr(void)
{
	u64 cptr = CPTR_RES1 | CPTR_TZ | CPTR_TSM;

	if (cpu_features.sve)
		cptr &= ~CPTR_TZ;
	if (cpu_features.sme)
		cptr &= ~CPTR_TSM;
	return cptr;
}

static u64 host_mdcr(void)
{
	u64 mdcr = 0;

	/* HPMN: all event counters are the host's */
	if (FIELD(read_sysreg(id_aa64dfr0_el1), 8, 4) % 15)
		mdcr |= FIELD(read_sysreg(pmcr_el0), 11, 5);
	if (cpu_features.spe)
		mdcr |= MDCR_E2PB_EL1;
	if (cpu_features.trbe)
		mdcr |= MDCR_E2TB_EL1;
	return mdcr;
}

static void init_vectors_and_gic(struct percpu *cpu)
{
	write_sysreg(vectors, vbar_el2);
	write_sysreg_s(0xf, SYS_ICC_SRE_EL2);
	isb();
	gic_init_cpu(cpu);
}

static void init_fp(struct percpu *cpu)
{
	cpu->host_cptr = host_cptr();
	write_sysreg(cpu->host_cptr, cptr_el2);
	isb();
	if (cpu_features.sve)
		write_sysreg_s(0x1ff, SYS_ZCR_EL2);
	if (cpu_features.sme) {
		u64 smcr = 0xf;

		if (FIELD(read_sysreg_s(SYS_ID_AA64SMFR0), 63, 1))
			smcr |= BIT(31);		/* FA64 */
		write_sysreg_s(smcr, SYS_SMCR_EL2);
	}
}

/**
 * cpu_init_el2() - set all of EL2 up on this CPU for running the host
 * @cpu: this CPU's
 *
 * The MMU is on. Also comes here after a CPU_SUSPEND that lost the state.
 */
void cpu_init_el2(struct percpu *cpu)
{
	write_sysreg(cpu, tpidr_el2);
	init_vectors_and_gic(cpu);
	init_fp(cpu);
	open_extensions(cpu);
	cpu->host_hcr = cpu_host_hcr();
	cpu->guest = NULL;
	cpu->loaded = NULL;
	cpu->vse_owed = false;
	cpu->host_mdcr = host_mdcr();
	write_sysreg(cpu->host_mdcr, mdcr_el2);
	switch_init_cpu(cpu);
	write_sysreg(0, hstr_el2);
	write_sysreg(CNTHCTL_EL1PCTEN | CNTHCTL_EL1PCEN, cnthctl_el2);
	write_sysreg(0, cntvoff_el2);
	write_sysreg(0, cnthp_ctl_el2);
	write_sysreg(read_sysreg(midr_el1), vpidr_el2);
	write_sysreg(read_sysreg(mpidr_el1), vmpidr_el2);
	write_sysreg(SCTLR_EL1_RESET, sctlr_el1);
	write_sysreg(stage2_vtcr(), vtcr_el2);
	write_sysreg(host_vttbr(), vttbr_el2);
	write_sysreg(cpu->host_hcr, hcr_el2);
	isb();
	asm volatile("tlbi vmalls12e1" ::: "memory");
	asm volatile("dsb nsh" ::: "memory");
	isb();
	cpu->gicr = gic_find_redist(cpu->mpidr);
	WRITE_ONCE(cpu->online, true);
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
