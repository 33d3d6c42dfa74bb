// SPDX-License-Identifier: GPL-2.0
/*
 * ID registers as guests see them: the CPU's, without features that are not switched
 * or that affect the whole machine. A field that is not named here reads as zero, so
 * new features of CPUs stay hidden until they are added here. A new value of a field is
 * passed on, unless it stands for a feature with registers that guests do not have.
 */
#include "arch/cpu.h"
#include "arch/stage2.h"
#include "core/vm/vcpu.h"

#define ID(crm, op2)	SYSREG(3, 0, 0, crm, op2)
#define F(shift)	(0xfULL << (shift))

/* @keep: fields passed on; @set: fields with a value of our own */
struct idreg {
	u32 reg;
	u64 keep;
	u64 set;
};

static const struct idreg idregs[] = {
	/* FP AdvSIMD GIC DIT CSV3; EL0 and EL1 are AArch64 only */
	{ ID(4, 0), F(16) | F(20) | F(48) | F(60), 0x11 | 1ULL << 24 },
	/* BT SSBS */
	{ ID(4, 1), F(0) | F(4), 0 },
	/* BRPs WRPs CTX_CMPs; debug architecture 8.0 without DoubleLock */
	{ ID(5, 0), F(12) | F(20) | F(28), 6 | F(36) },
	/* AES SHA1 SHA2 CRC32 LSE RDM SHA3 SM3 SM4 DP FHM TS TLB RNDR */
	{ ID(6, 0), ~(F(0) | F(24)), 0 },
	/* all but SPECRES XS LS64 */
	{ ID(6, 1), ~(F(40) | F(56) | F(60)), 0 },
	/* RPRES GPA3 APA3 BC PAC_frac CLRBHB */
	{ ID(6, 2), F(4) | F(8) | F(12) | F(20) | F(24) | F(28), 0 },
	/* ASIDBits BigEnd SNSMem BigEndEL0; granules and size below */
	{ ID(7, 0), F(4) | F(8) | F(12) | F(16), 0 },
	/* HPDS PAN ETS nTLBPA AFP; HAFDBS below */
	{ ID(7, 1), F(12) | F(20) | F(36) | F(44) | F(48), 0 },
	/* CnP UAO LSM CCIDX AT IDS TTL BBM E0PD; VARange below */
	{ ID(7, 2), F(0) | F(4) | F(8) | F(20) | F(32) | F(36) | F(48) |
		    F(52) | F(60), 0 },
};

static u64 read_hw(u32 reg)
{
	switch (reg) {
	case ID(4, 0):
		return read_sysreg(id_aa64pfr0_el1);
	case ID(4, 1):
		return read_sysreg(id_aa64pfr1_el1);
	case ID(5, 0):
		return read_sysreg(id_aa64dfr0_el1);
	case ID(6, 0):
		return read_sysreg(id_aa64isar0_el1);
	case ID(6, 1):
		return read_sysreg(id_aa64isar1_el1);
	case ID(6, 2):
		return read_sysreg_s(SYS_ID_AA64ISAR2);
	case ID(7, 0):
		return read_sysreg(id_aa64mmfr0_el1);
	case ID(7, 1):
		return read_sysreg(id_aa64mmfr1_el1);
	case ID(7, 2):
		return read_sysreg_s(SYS_ID_AA64MMFR2);
	default:
		return 0;
	}
}

/* CSV2 is at most 1: higher values have registers, which are not switched. */
static u64 pfr0_csv2(u64 hw)
{
	return (u64)!!FIELD(hw, 56, 4) << 56;
}

/* Access flag and dirty state, not the access flag of tables, which is in TCR2_EL1 */
static u64 mmfr1_hafdbs(u64 hw)
{
	return MIN(FIELD(hw, 0, 4), 2UL);
}

/* 52 bits, not 56, which need TCR2_EL1 and descriptors of 128 bits */
static u64 mmfr2_varange(u64 hw)
{
	return MIN(FIELD(hw, 16, 4), 1UL) << 16;
}

/* At most IPA_BITS of addresses; granules without their 52-bit forms */
static u64 mmfr0_memory(u64 hw)
{
	u64 ret = MIN(FIELD(hw, 0, 4), 2UL);

	ret |= MIN(FIELD(hw, 20, 4), 1UL) << 20;
	ret |= (hw & F(24));
	ret |= FIELD(hw, 28, 4) == 0xf ? F(28) : 0;
	return ret;
}

/**
 * is_idreg() - is it in the range that HCR_EL2.TID3 traps?
 * @reg: SYSREG() encoding
 */
bool is_idreg(u32 reg)
{
	return reg >= ID(1, 0) && reg <= ID(7, 7);
}

/**
 * idreg_value() - an ID register as guests see it
 * @reg: is_idreg()
 *
 * Return: its value; the AArch32 and the unallocated ones are zero.
 */
u64 idreg_value(u32 reg)
{
	u64 hw = read_hw(reg), val = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(idregs); i++)
		if (idregs[i].reg == reg)
			val = (hw & idregs[i].keep) | idregs[i].set;
	if (reg == ID(4, 0))
		val |= pfr0_csv2(hw);
	if (reg == ID(7, 0))
		val |= mmfr0_memory(hw);
	if (reg == ID(7, 1))
		val |= mmfr1_hafdbs(hw);
	if (reg == ID(7, 2))
		val |= mmfr2_varange(hw);
	return val;
}
