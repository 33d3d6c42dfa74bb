// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's debug registers: values, and whether they have an effect. arch/debug.c
 * puts them into the CPU.
 */
#include "core/vm/vcpu.h"

/* Bits that exist in DBGBCR<n>_EL1, DBGWVR<n>_EL1, DBGWCR<n>_EL1 (Arm ARM, D19.3) */
#define BCR_BITS	0x00ffe1e7UL
#define WVR_BITS	(~3UL)
#define WCR_BITS	0x1f1fffffUL
#define CR_ENABLE	BIT(0)

/**
 * debug_nr_breakpoints() - how many breakpoints a guest has: those of the CPU
 */
unsigned int debug_nr_breakpoints(void)
{
	return FIELD(read_sysreg(id_aa64dfr0_el1), 12, 4) + 1;
}

/**
 * debug_nr_watchpoints() - how many watchpoints a guest has: those of the CPU
 */
unsigned int debug_nr_watchpoints(void)
{
	return FIELD(read_sysreg(id_aa64dfr0_el1), 20, 4) + 1;
}

/**
 * debug_reg() - find a breakpoint's or watchpoint's register
 * @vcpu: the vCPU
 * @reg: SYSREG() encoding
 *
 * Return: its value, or NULL if there is no such register.
 */
u64 *debug_reg(struct vcpu *vcpu, u32 reg)
{
	u32 n = SYSREG_CRM(reg), kind = reg & 7;

	if (reg != SYSREG(2, 0, 0, n, kind))
		return NULL;
	if (n >= (kind & 2 ? debug_nr_watchpoints() : debug_nr_breakpoints()))
		return NULL;
	switch (kind) {
	case 4:
		return &vcpu->debug.bvr[n];
	case 5:
		return &vcpu->debug.bcr[n];
	case 6:
		return &vcpu->debug.wvr[n];
	case 7:
		return &vcpu->debug.wcr[n];
	default:
		return NULL;
	}
}

/**
 * debug_set() - set a register that debug_reg() has found
 * @reg: SYSREG() encoding
 * @field: from debug_reg()
 * @val: new value; call debug_changed() afterwards
 */
void debug_set(u32 reg, u64 *field, u64 val)
{
	static const u64 bits[] = { ~0UL, BCR_BITS, WVR_BITS, WCR_BITS };

	*field = val & bits[reg & 3];
}

static bool any_enabled(const struct debug_regs *debug)
{
	u64 all = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(debug->bcr); i++)
		all |= debug->bcr[i] | debug->wcr[i];
	return all & CR_ENABLE;
}

/**
 * debug_changed() - look at the debug registers, MDSCR_EL1 and the OS lock again
 * @vcpu: the vCPU
 *
 * MDSCR_EL1.MDE is set in the CPU only while the breakpoints there are the guest's.
 *
 * Return: the value that MDSCR_EL1 must have in the CPU.
 */
u64 debug_changed(struct vcpu *vcpu)
{
	u64 mdscr = vcpu->mdscr & (MDSCR_TDCC | MDSCR_KDE);

	vcpu->debug_on = !vcpu->os_lock && (vcpu->mdscr & MDSCR_MDE) &&
			 any_enabled(&vcpu->debug);
	if (!vcpu->os_lock)
		mdscr |= vcpu->mdscr & MDSCR_SS;
	if (vcpu->debug_on)
		mdscr |= MDSCR_MDE;
	return mdscr;
}
