/* SPDX-License-Identifier: GPL-2.0 */
/* State of one CPU, and registers that the world switch saves. */
#ifndef GZHYP_CPU_H
#define GZHYP_CPU_H

#include "arch/sysreg.h"
#include "lib/mm.h"

/* General registers of a world, as the exception vectors store them */
struct cpu_regs {
	u64 x[31];
	u64 pc;
	u64 pstate;
	u64 pad;
};

/*
 * EL1 and EL0 registers that both worlds use, in pairs as they are stored. X(field,
 * register, field, register): those of every CPU, then the pointer authentication
 * keys.
 */
#define EL1_REGS(X)							\
	X(sctlr, sctlr_el1, cpacr, cpacr_el1);				\
	X(ttbr0, ttbr0_el1, ttbr1, ttbr1_el1);				\
	X(tcr, tcr_el1, esr, esr_el1);					\
	X(afsr0, afsr0_el1, afsr1, afsr1_el1);				\
	X(far, far_el1, mair, mair_el1);				\
	X(amair, amair_el1, vbar, vbar_el1);				\
	X(contextidr, contextidr_el1, tpidr_el0, tpidr_el0);		\
	X(tpidrro, tpidrro_el0, tpidr_el1, tpidr_el1);			\
	X(cntkctl, cntkctl_el1, par, par_el1);				\
	X(elr, elr_el1, spsr, spsr_el1);				\
	X(sp_el0, sp_el0, sp_el1, sp_el1);				\
	X(csselr, csselr_el1, mdscr, mdscr_el1)

#define PAUTH_REGS(X)							\
	X(apia_lo, SYS_APIAKEYLO, apia_hi, SYS_APIAKEYHI);		\
	X(apib_lo, SYS_APIBKEYLO, apib_hi, SYS_APIBKEYHI);		\
	X(apda_lo, SYS_APDAKEYLO, apda_hi, SYS_APDAKEYHI);		\
	X(apdb_lo, SYS_APDBKEYLO, apdb_hi, SYS_APDBKEYHI);		\
	X(apga_lo, SYS_APGAKEYLO, apga_hi, SYS_APGAKEYHI)

#define DECLARE_PAIR(a, a_reg, b, b_reg)	u64 a, b

struct el1_regs {
	EL1_REGS(DECLARE_PAIR);
	PAUTH_REGS(DECLARE_PAIR);
	u64 tpidr2;
	u64 vdisr;
};

struct fp_regs {
	u64 v[64] __aligned(16);
	u64 fpsr;
	u64 fpcr;
};

/* Breakpoints and watchpoints: as many as a CPU can have */
struct debug_regs {
	u64 bvr[16];
	u64 bcr[16];
	u64 wvr[16];
	u64 wcr[16];
};

/* Z, P and FFR for the largest possible vector length, 256 bytes */
#define SVE_MAX_VL		256
#define SVE_AREA		(32 * SVE_MAX_VL + 17 * (SVE_MAX_VL / 8))

struct sve_regs {
	u8 area[SVE_AREA] __aligned(16);
	u64 fpsr;
	u64 fpcr;
};

/* Features of the first CPU; all CPUs are assumed to be alike */
struct cpu_features {
	bool pauth;
	bool sve;
	bool sme;
	bool mte;
	bool ras;
	bool spe;
	bool trbe;
	bool trf;
	bool brbe;
	bool gcs;
	bool scxt;
	bool amu;
	bool amu_v1p1;
	bool fgt;
	bool fgt2;
	bool hcx;
	bool vmid16;
	bool rndr;
	bool rare_regs;		/* any feature with registers that only rare_save() saves */
	bool rare_traps;	/* any feature whose traps or recording the switch changes */
	u8 pa_bits;
};

extern struct cpu_features cpu_features;

struct vcpu;

#define STACK_SIZE		(4 * PAGE_SIZE)

/**
 * struct percpu - what one CPU needs; TPIDR_EL2 points to it
 * @guest: general registers of the guest that runs right now, else NULL
 * @stack_top: EL2's stack, a page that is not mapped below it
 * @emergency_sp: stack for the report of EL2's own fault
 * @vectors: EL2's exception vectors
 * @boot_entry: the host's entry point
 * @boot_ctx: x0 there
 * @boot_pending: CPU_ON was called, the CPU is not up yet
 * @mpidr: affinity
 * @index: number, from 0
 * @online: EL2 is up on it
 * @gicr: SGI frame of its redistributor
 * @nr_lrs: list registers that are used
 * @nr_aprs: active priority registers of each group
 * @host: registers of the host while a guest is loaded
 * @loaded: the vCPU whose registers are in the CPU
 * @fp_is_guest: so are its FP registers
 * @debug_is_guest: so are its breakpoints and watchpoints
 * @host_hcr: the host's HCR_EL2
 * @host_mdcr: the host's MDCR_EL2
 * @host_cptr: the host's CPTR_EL2
 * @guest_hcr: HCR_EL2 for guests
 * @guest_mdcr: MDCR_EL2 for guests
 * @guest_cptr: CPTR_EL2 for guests that have not used FP yet
 * @vse_pending: the host must get a virtual SError once its HCR_EL2 is back
 * @host_hcrx: the host's HCRX_EL2, where there is one
 * @host_cntv_ctl: the host's virtual timer while a guest is loaded
 * @host_cntv_cval: its deadline
 * @host_pmr: the host's interrupt priority mask, likewise
 * @host_ppis: which of EL2's interrupts the host had enabled
 * @ppis: EL2's interrupts, one bit each
 * @vtimer_ppi: bit of the virtual timer's interrupt in @ppis
 * @host_pmscr: the host's control of statistical profiling, likewise
 * @host_trfcr: the host's trace filter, likewise
 * @host_brbcr: the host's control of branch records, likewise
 * @host_debug: the host's breakpoints and watchpoints while the CPU has the guest's
 * @host_fp: the host's FP registers while the CPU has the guest's
 * @host_sve: the same on a CPU with SVE
 */
struct percpu {
	struct cpu_regs *guest;
	u64 stack_top;
	u64 emergency_sp;
	const char *vectors;
	u64 boot_entry;
	u64 boot_ctx;
	u32 boot_pending;
	u32 index;
	u64 mpidr;
	bool online;
	u64 gicr;
	u8 nr_lrs;
	u8 nr_aprs;
	struct vcpu *loaded;
	bool fp_is_guest;
	bool debug_is_guest;
	u64 host_hcr;
	u64 host_mdcr;
	u64 host_cptr;
	u64 guest_hcr;
	u64 guest_mdcr;
	u64 guest_cptr;
	bool vse_pending;
	u64 host_hcrx;
	u64 host_cntv_ctl;
	u64 host_cntv_cval;
	u64 host_pmr;
	u32 host_ppis;
	u32 ppis;
	u32 vtimer_ppi;
	u64 host_pmscr;
	u64 host_trfcr;
	u64 host_brbcr;
	struct debug_regs host_debug;
	struct el1_regs host;
	union {
		struct fp_regs host_fp;
		struct sve_regs host_sve;
	};
};

extern struct percpu *percpus[];

#ifdef UNIT_TEST
struct percpu *this_cpu(void);
bool cpu_random(u64 *val);
#else
/*
 * Not volatile and without a memory clobber: EL2 code does not move between CPUs, so
 * the compiler may reuse the value. cpu_init_el2() writes the register before the
 * first read.
 */
static inline struct percpu *this_cpu(void)
{
	struct percpu *cpu;

	asm("mrs %0, tpidr_el2" : "=r" (cpu));
	return cpu;
}

/* RNDR; false when the CPU has no entropy right now */
static inline bool cpu_random(u64 *val)
{
	u64 ok;

	asm volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, ne"
		     : "=r" (*val), "=r" (ok) :: "cc");
	return ok;
}
#endif

#define MPIDR_AFFINITY		0xff00ffffffUL

void cpu_detect_features(void);
struct percpu *cpu_by_mpidr(u64 mpidr);

/* arch/setup.c */
void cpu_init_el2(struct percpu *cpu);

/* arch/enter.S, arch/fp.S, arch/secondary.S */
void __noreturn host_enter(u64 entry, u64 x0, u64 stack_top);
u64 guest_enter(struct cpu_regs *regs);
void fp_save(struct fp_regs *fp);
void fp_load(const struct fp_regs *fp);
void sve_save(struct sve_regs *sve);
void sve_load(const struct sve_regs *sve);
void secondary_entry(void);

/* Which vector a lower EL's exception came through */
enum exit_code {
	EXIT_SYNC,
	EXIT_IRQ,
	EXIT_FIQ,
	EXIT_SERROR,
};

/* arch/cache.c */
void dcache_clean_inval(const void *va, u64 size);
void icache_inval_all(void);

#endif /* GZHYP_CPU_H */
