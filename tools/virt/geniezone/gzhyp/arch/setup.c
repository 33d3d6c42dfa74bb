// SPDX-License-Identifier: GPL-2.0
/* Sets EL2 up on a CPU, and starts the CPUs that PSCI has turned on or resumed. */
#include "arch/barrier.h"
#include "arch/entry.h"
#include "arch/gic.h"
#include "arch/stage2.h"
#include "arch/switch.h"

/*
 * Extensions with an enable bit of EL2's. The host finds the extensions in its ID
 * registers, but the bits reset to trapping or to an unknown value.
 */
static u64 host_hcrx(void)
{
	u64 mmfr3 = read_sysreg_s(SYS_ID_AA64MMFR3);
	u64 hcrx = 0;

	if (FIELD(read_sysreg(id_aa64isar1_el1), 60, 4))
		hcrx |= HCRX_LS64;
	if (FIELD(read_sysreg_s(SYS_ID_AA64ISAR2), 16, 4))
		hcrx |= HCRX_MSCEN;
	if (FIELD(mmfr3, 0, 4))
		hcrx |= HCRX_TCR2EN;
	if (FIELD(mmfr3, 4, 4))
		hcrx |= HCRX_SCTLR2EN;
	if (cpu_features.gcs)
		hcrx |= HCRX_GCSEN;
	if (FIELD(read_sysreg_s(SYS_ID_AA64PFR2), 32, 4))
		hcrx |= HCRX_ENFPM;
	return hcrx;
}

static void open_extensions(struct percpu *cpu)
{
	if (cpu_features.hcx) {
		cpu->host_hcrx = host_hcrx();
		write_sysreg_s(cpu->host_hcrx, SYS_HCRX_EL2);
	}
	/* Linux expects these at 0: calls use no guarded stack until it makes one. */
	if (cpu_features.gcs) {
		write_sysreg_s(0, SYS_GCSCR_EL1);
		write_sysreg_s(0, SYS_GCSCRE0_EL1);
		write_sysreg_s(0, SYS_GCSCR_EL2);
	}
	/* See Documentation/arch/arm64/booting.rst; EL2 is not recorded. */
	if (cpu_features.brbe)
		write_sysreg_s(BRBCR_CC | BRBCR_MPRED, SYS_BRBCR_EL2);
	cpu_fine_traps(true);
}

static u64 host_hcr(void)
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
	write_sysreg(cpu->vectors, vbar_el2);
	write_sysreg_s(0xf, SYS_ICC_SRE_EL2);
	isb();
	gic_init_cpu(cpu);
}

static u64 host_smcr(void)
{
	u64 smcr = SMCR_LEN;

	if (FIELD(read_sysreg_s(SYS_ID_AA64SMFR0), 63, 1))
		smcr |= SMCR_FA64;
	if (FIELD(read_sysreg(id_aa64pfr1_el1), 24, 4) >= 2)
		smcr |= SMCR_EZT0;
	return smcr;
}

static void init_fp(struct percpu *cpu)
{
	cpu->host_cptr = host_cptr();
	write_sysreg(cpu->host_cptr, cptr_el2);
	isb();
	if (cpu_features.sve)
		write_sysreg_s(0x1ff, SYS_ZCR_EL2);
	if (cpu_features.sme)
		write_sysreg_s(host_smcr(), SYS_SMCR_EL2);
}

/**
 * cpu_init_el2() - set EL2 up on this CPU for running the host
 * @cpu: this CPU's
 *
 * The MMU is on. Also called after a CPU_SUSPEND that lost the state.
 */
void cpu_init_el2(struct percpu *cpu)
{
	write_sysreg(cpu, tpidr_el2);
	init_vectors_and_gic(cpu);
	init_fp(cpu);
	open_extensions(cpu);
	cpu->host_hcr = host_hcr();
	cpu->guest = NULL;
	cpu->loaded = NULL;
	cpu->vse_pending = false;
	cpu->host_mdcr = host_mdcr();
	write_sysreg(cpu->host_mdcr, mdcr_el2);
	switch_init_cpu(cpu);
	if (cpu_features.ras) {
		write_sysreg_s(0, SYS_VDISR_EL2);
		write_sysreg_s(0, SYS_VSESR_EL2);
	}
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

/**
 * secondary_main() - start of a CPU that was turned on or resumed
 * @cpu: this CPU's
 */
void __noreturn secondary_main(struct percpu *cpu)
{
	u64 entry, ctx;

	cpu_init_el2(cpu);
	entry = cpu->boot_entry;
	ctx = cpu->boot_ctx;
	__atomic_store_n(&cpu->boot_pending, 0, __ATOMIC_RELEASE);
	host_enter(entry, ctx, cpu->stack_top);
}
