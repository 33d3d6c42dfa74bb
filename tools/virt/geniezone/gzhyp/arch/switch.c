// SPDX-License-Identifier: GPL-2.0
/*
 * World switch. vcpu_load() takes the host's registers out of the CPU and puts
 * the vCPU's in, vcpu_put() the other way round; in between the guest may be
 * entered and left many times.
 *
 * FP/SIMD is lazy: a loaded guest traps on its first use, and only then the host's
 * state is saved. With SVE that is all vectors, predicates and FFR at the CPU's
 * maximum length, because writing V registers clears the bits above them. Guests
 * have neither SVE nor SME: both keep trapping. A host that calls in streaming mode,
 * which Linux never does, has left it afterwards; ZA keeps its value, because only
 * SME accesses it.
 */
#include "arch/barrier.h"
#include "arch/gic.h"
#include "arch/stage2.h"
#include "arch/switch.h"
#include "core/vm/vcpu.h"

/*
 * None of these registers affects EL2, so the accesses need not be ordered against
 * memory. The compiler makes one access to memory for a pair.
 */
#define SAVE_PAIR_X(a, a_reg, b, b_reg) do {				\
	u64 __a, __b;							\
	asm volatile("mrs %0, " #a_reg "\n\tmrs %1, " #b_reg		\
		     : "=r" (__a), "=r" (__b));				\
	r->a = __a;							\
	r->b = __b;							\
} while (0)

#define LOAD_PAIR_X(a, a_reg, b, b_reg) do {				\
	u64 __a = r->a, __b = r->b;					\
	asm volatile("msr " #a_reg ", %0\n\tmsr " #b_reg ", %1"		\
		     :: "r" (__a), "r" (__b));				\
} while (0)

/* For register names that are macros */
#define SAVE_PAIR(a, a_reg, b, b_reg)	SAVE_PAIR_X(a, a_reg, b, b_reg)
#define LOAD_PAIR(a, a_reg, b, b_reg)	LOAD_PAIR_X(a, a_reg, b, b_reg)

static void pauth_save(struct el1_regs *r)
{
	PAUTH_REGS(SAVE_PAIR);
}

static void pauth_load(struct el1_regs *r)
{
	PAUTH_REGS(LOAD_PAIR);
}

static void rare_save(struct el1_regs *r)
{
	if (cpu_features.pauth)
		pauth_save(r);
	if (cpu_features.sme)
		r->tpidr2 = read_sysreg_s(SYS_TPIDR2_EL0);
}

static void rare_load(struct el1_regs *r)
{
	if (cpu_features.pauth)
		pauth_load(r);
	if (cpu_features.sme)
		write_sysreg_s(r->tpidr2, SYS_TPIDR2_EL0);
}

/*
 * While HCR_EL2.AMO is set, EL1's DISR_EL1 is VDISR_EL2 (Arm ARM, DISR_EL1): always in
 * a guest, and in the host until it takes a virtual SError.
 */
static void el1_save(struct el1_regs *r)
{
	EL1_REGS(SAVE_PAIR);
	if (cpu_features.ras)
		r->vdisr = read_sysreg_s(SYS_VDISR_EL2);
	if (cpu_features.rare_regs)
		rare_save(r);
}

static void el1_load(struct el1_regs *r)
{
	EL1_REGS(LOAD_PAIR);
	if (cpu_features.ras)
		write_sysreg_s(r->vdisr, SYS_VDISR_EL2);
	if (cpu_features.rare_regs)
		rare_load(r);
}

static void leave_streaming_mode(void)
{
	u64 svcr;

	if (!cpu_features.sme)
		return;
	svcr = read_sysreg_s(SYS_SVCR);
	if (svcr & BIT(0))
		write_sysreg_s(svcr & ~BIT(0), SYS_SVCR);
}

static u64 guest_hcr(void)
{
	u64 hcr = HCR_RW | HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO |
		  HCR_FB | HCR_BSU_IS | HCR_TWI | HCR_TWE | HCR_TID1 |
		  HCR_TID3 | HCR_TSC | HCR_TIDCP | HCR_TACR | HCR_TLOR |
		  HCR_TERR;

	if (cpu_features.pauth)
		hcr |= HCR_API | HCR_APK;
	if (cpu_features.mte)
		hcr |= HCR_TID5;
	return hcr;
}

/**
 * switch_init_cpu() - compute the trap registers for guests
 * @cpu: this CPU; the host's values are set
 */
void switch_init_cpu(struct percpu *cpu)
{
	cpu->guest_hcr = guest_hcr();
	cpu->guest_cptr = CPTR_RES1 | CPTR_TZ | CPTR_TSM | CPTR_TFP | CPTR_TTA |
			  (cpu_features.amu ? CPTR_TAM : 0);
	cpu->guest_mdcr = (cpu->host_mdcr & 0x1f) | MDCR_TPMCR | MDCR_TPM |
			  MDCR_TDA | MDCR_TDOSA | MDCR_TDRA | MDCR_TPMS |
			  MDCR_TTRF;
}

/* Features that few CPUs have */
static void rare_guest(struct percpu *cpu)
{
	profile_stop(cpu);
	if (cpu_features.hcx)
		write_sysreg_s(0, SYS_HCRX_EL2);
	cpu_fine_traps(false);
}

static void rare_host_traps(struct percpu *cpu)
{
	if (cpu_features.hcx)
		write_sysreg_s(cpu->host_hcrx, SYS_HCRX_EL2);
	cpu_fine_traps(true);
}

static void guest_traps(struct percpu *cpu)
{
	write_sysreg(cpu->guest_cptr, cptr_el2);
	write_sysreg(cpu->guest_mdcr, mdcr_el2);
	write_sysreg(CNTHCTL_EL1PCTEN, cnthctl_el2);
}

/* Includes a virtual SError that the host has not taken yet */
static u64 host_hcr(struct percpu *cpu)
{
	u64 hcr = cpu->host_hcr;

	if (cpu->vse_pending)
		hcr |= HCR_AMO | HCR_VSE;
	cpu->vse_pending = false;
	return hcr;
}

static void host_traps(struct percpu *cpu)
{
	write_sysreg(cpu->host_cptr, cptr_el2);
	write_sysreg(cpu->host_mdcr, mdcr_el2);
	if (cpu_features.rare_traps)
		rare_host_traps(cpu);
}

/*
 * vCPUs of a VM share its VMID. TLB entries that one vCPU has made may be wrong for
 * another, because the architecture allows CPUs to use different tables.
 */
static void flush_if_other_vcpu(struct percpu *cpu, struct vcpu *vcpu)
{
	u8 *last = &vcpu->vm->last_vcpu[cpu->index];

	if (*last != vcpu->id + 1 && *last)
		stage2_flush_local();
	*last = vcpu->id + 1;
}

/**
 * vcpu_load() - put a vCPU's state into this CPU
 * @vcpu: claimed by this CPU
 */
void vcpu_load(struct vcpu *vcpu)
{
	struct percpu *cpu = this_cpu();

	if (cpu_features.rare_regs)
		leave_streaming_mode();
	el1_save(&cpu->host);
	timer_host_save(cpu);
	if (cpu_features.rare_traps)
		rare_guest(cpu);
	cpu->loaded = vcpu;
	cpu->vse_pending = read_sysreg(hcr_el2) & HCR_VSE;
	cpu->fp_is_guest = false;
	guest_traps(cpu);
	write_sysreg(vcpu_mpidr(vcpu), vmpidr_el2);
	write_sysreg(vcpu->vm->cntvoff, cntvoff_el2);
	/* Walks of the host's stage 1 must not end in the guest's VMID (D8.1.5). */
	dsb_nsh();
	write_sysreg(vcpu->vm->vttbr, vttbr_el2);
	write_sysreg(cpu->guest_hcr, hcr_el2);
	isb();
	flush_if_other_vcpu(cpu, vcpu);
	el1_load(&vcpu->sys);
	if (vcpu->debug_on)
		debug_to_guest(cpu, vcpu);
	gic_load(vcpu);
	isb();
}

static void fp_put(struct percpu *cpu, struct vcpu *vcpu)
{
	/* Host traps are in force: FP, and SVE if there is any, are open. */
	if (!cpu->fp_is_guest)
		return;
	fp_save(&vcpu->fp);
	if (cpu_features.sve)
		sve_load(&cpu->host_sve);
	else
		fp_load(&cpu->host_fp);
	cpu->fp_is_guest = false;
}

/**
 * vcpu_put() - give this CPU back to the host
 * @vcpu: loaded in it
 */
void vcpu_put(struct vcpu *vcpu)
{
	struct percpu *cpu = this_cpu();

	gic_put(vcpu);
	el1_save(&vcpu->sys);
	host_traps(cpu);
	isb();
	fp_put(cpu, vcpu);
	if (cpu->debug_is_guest)
		debug_to_host(cpu);
	el1_load(&cpu->host);
	write_sysreg(read_sysreg(mpidr_el1), vmpidr_el2);
	/* As in vcpu_load(), for walks of the guest's stage 1 */
	dsb_nsh();
	write_sysreg(host_vttbr(), vttbr_el2);
	write_sysreg(host_hcr(cpu), hcr_el2);
	isb();
	if (cpu_features.rare_traps)
		profile_go_on(cpu);
	timer_host_restore(cpu);
	cpu->loaded = NULL;
}

/**
 * guest_fp_trap() - a guest used FP/SIMD for the first time since its load
 * @vcpu: loaded in this CPU
 */
void guest_fp_trap(struct vcpu *vcpu)
{
	struct percpu *cpu = this_cpu();

	write_sysreg(cpu->host_cptr, cptr_el2);
	isb();
	if (cpu_features.sve)
		sve_save(&cpu->host_sve);
	else
		fp_save(&cpu->host_fp);
	fp_load(&vcpu->fp);
	cpu->fp_is_guest = true;
	write_sysreg(cpu->guest_cptr & ~CPTR_TFP, cptr_el2);
	isb();
}
