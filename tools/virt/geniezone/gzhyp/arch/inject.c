// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions that EL2 injects into EL1, host or guest, as the CPU would take them
 * (Arm ARM, AArch64.TakeException).
 */
#include "arch/cpu.h"
#include "arch/switch.h"

#define VECTOR_EL1_SP0	0x000
#define VECTOR_EL1_SPX	0x200
#define VECTOR_EL0_64	0x400
#define VECTOR_EL0_32	0x600

static u64 vector_of(u64 pstate)
{
	if (pstate & PSR_AARCH32)
		return VECTOR_EL0_32;
	switch (pstate & PSR_M) {
	case PSR_EL0T:
		return VECTOR_EL0_64;
	case PSR_EL1T:
		return VECTOR_EL1_SP0;
	default:
		return VECTOR_EL1_SPX;
	}
}

static u64 entry_pstate(u64 old)
{
	u64 sctlr = read_sysreg(sctlr_el1);
	u64 new = (old & (PSR_NZCV | PSR_DIT | PSR_PAN)) | PSR_DAIF | PSR_EL1H;

	/* PSTATE bits of features that the CPU lacks must stay 0. */
	if (FIELD(read_sysreg(id_aa64mmfr1_el1), 20, 4) &&
	    !(sctlr & SCTLR_SPAN))
		new |= PSR_PAN;
	if (FIELD(read_sysreg(id_aa64pfr1_el1), 4, 4) && (sctlr & SCTLR_DSSBS))
		new |= PSR_SSBS;
	if (cpu_features.mte)
		new |= PSR_TCO;
	return new;
}

static void inject(struct cpu_regs *regs, u64 esr)
{
	u64 vbar = read_sysreg(vbar_el1);

	write_sysreg(regs->pc, elr_el1);
	write_sysreg(regs->pstate, spsr_el1);
	write_sysreg(esr, esr_el1);
	regs->pc = vbar + vector_of(regs->pstate);
	regs->pstate = entry_pstate(regs->pstate);
}

bool from_el0(const struct cpu_regs *regs)
{
	return (regs->pstate & PSR_AARCH32) ||
	       (regs->pstate & PSR_M) == PSR_EL0T;
}

/**
 * inject_abort() - synchronous external abort at EL1
 * @regs: general registers of the host or guest
 * @far: virtual address of the access
 * @instruction: it was an instruction fetch
 */
void inject_abort(struct cpu_regs *regs, u64 far, bool instruction)
{
	u64 ec = instruction ? EC_IABT_CUR : EC_DABT_CUR;

	if (from_el0(regs))
		ec = instruction ? EC_IABT_LOW : EC_DABT_LOW;
	write_sysreg(far, far_el1);
	inject(regs, ec << 26 | ESR_IL | FSC_EXTERNAL);
}

/**
 * inject_host_abort() - the host has accessed memory that is not its own
 * @regs: its general registers
 * @far: virtual address of the access
 * @esr: ESR_EL2
 *
 * A process gets an external abort (Arm ARM, ESR_EL1, ISS encoding for an exception
 * from a Data Abort), which Linux turns into SIGBUS. The kernel gets an alignment
 * fault for a load or store. After an external abort Linux panics, even where it
 * expects accesses to fail, as in copy_from_user(). After a translation or permission
 * fault it finds nothing wrong and retries for ever. After an alignment fault it
 * looks for a fixup, and panics only without one.
 */
void inject_host_abort(struct cpu_regs *regs, u64 far, u64 esr)
{
	bool instruction = ESR_EC(esr) == EC_IABT_LOW, user = from_el0(regs);
	u64 iss = instruction ? 0 : esr & (ESR_WNR | ESR_CM);
	u64 ec;

	if (esr & ESR_S1PTW)
		iss |= FSC_EXTERNAL_WALK | (esr & 3);
	else if (user || instruction)
		iss |= FSC_EXTERNAL;
	else
		iss |= FSC_ALIGNMENT;
	if (instruction)
		ec = user ? EC_IABT_LOW : EC_IABT_CUR;
	else
		ec = user ? EC_DABT_LOW : EC_DABT_CUR;
	write_sysreg(far, far_el1);
	inject(regs, ec << 26 | ESR_IL | iss);
}

/**
 * inject_undef() - undefined instruction at EL1
 * @regs: general registers of the host or guest
 */
void inject_undef(struct cpu_regs *regs)
{
	inject(regs, (u64)EC_UNKNOWN << 26 | ESR_IL);
}

/**
 * inject_host_serror() - give the host a virtual SError
 * @cpu: this CPU
 *
 * A physical SError that EL2 got is the host's, and the host must get it once. The
 * CPU clears HCR_EL2.VSE when the host takes it.
 */
void inject_host_serror(struct percpu *cpu)
{
	if (cpu->loaded)
		cpu->vse_pending = true;
	else
		write_sysreg(read_sysreg(hcr_el2) | HCR_AMO | HCR_VSE, hcr_el2);
}

/**
 * skip_instruction() - step over an instruction that has been emulated
 * @regs: general registers
 */
void skip_instruction(struct cpu_regs *regs)
{
	/* T32 code has 16-bit instructions, but none of them traps. */
	regs->pc += 4;
	regs->pstate &= ~(PSR_SS | 3UL << 10);	/* BTYPE */
}
