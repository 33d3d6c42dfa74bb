/* SPDX-License-Identifier: GPL-2.0 */
/* System registers: access, encodings the assembler lacks, bits. */
#ifndef GZHYP_SYSREG_H
#define GZHYP_SYSREG_H

#include "lib/types.h"

#ifdef UNIT_TEST
u64 test_sysreg(const char *reg);
void test_set_sysreg(const char *reg, u64 val);
#define read_sysreg(reg)	test_sysreg(#reg)
#define write_sysreg(val, reg)	test_set_sysreg(#reg, val)
#else
#define read_sysreg(reg) ({						\
	u64 __val;							\
	asm volatile("mrs %0, " #reg : "=r" (__val) :: "memory");	\
	__val;								\
})

#define write_sysreg(val, reg)						\
	asm volatile("msr " #reg ", %x0" :: "rZ" ((u64)(val)) : "memory")
#endif

/* The same through a macro that stands for the register */
#define read_sysreg_s(reg)		read_sysreg_x(reg)
#define write_sysreg_s(val, reg)	write_sysreg_x(val, reg)
#define read_sysreg_x(reg)		read_sysreg(reg)
#define write_sysreg_x(val, reg)	write_sysreg(val, reg)

/* Registers newer than armv8-a of the assembler, or of the GIC */
#define SYS_APIAKEYLO		s3_0_c2_c1_0
#define SYS_APIAKEYHI		s3_0_c2_c1_1
#define SYS_APIBKEYLO		s3_0_c2_c1_2
#define SYS_APIBKEYHI		s3_0_c2_c1_3
#define SYS_APDAKEYLO		s3_0_c2_c2_0
#define SYS_APDAKEYHI		s3_0_c2_c2_1
#define SYS_APDBKEYLO		s3_0_c2_c2_2
#define SYS_APDBKEYHI		s3_0_c2_c2_3
#define SYS_APGAKEYLO		s3_0_c2_c3_0
#define SYS_APGAKEYHI		s3_0_c2_c3_1
#define SYS_VSESR_EL2		s3_4_c5_c2_3
#define SYS_VDISR_EL2		s3_4_c12_c1_1
#define SYS_TPIDR2_EL0		s3_3_c13_c0_5
#define SYS_SVCR		s3_3_c4_c2_2
#define SYS_ZCR_EL2		s3_4_c1_c2_0
#define SYS_SMCR_EL2		s3_4_c1_c2_6
#define SYS_SMPRIMAP_EL2	s3_4_c1_c2_5
#define SYS_HCRX_EL2		s3_4_c1_c2_2
#define SYS_GCSCR_EL1		s3_0_c2_c5_0
#define SYS_GCSCRE0_EL1		s3_0_c2_c5_2
#define SYS_GCSCR_EL2		s3_4_c2_c5_0
#define SYS_PMSCR_EL1		s3_0_c9_c9_0
#define SYS_TRFCR_EL1		s3_0_c1_c2_1
#define SYS_BRBCR_EL1		s2_1_c9_c0_0
#define SYS_BRBCR_EL2		s2_4_c9_c0_0
#define SYS_HFGRTR_EL2		s3_4_c1_c1_4
#define SYS_HFGWTR_EL2		s3_4_c1_c1_5
#define SYS_HFGITR_EL2		s3_4_c1_c1_6
#define SYS_HDFGRTR2_EL2	s3_4_c3_c1_0
#define SYS_HDFGWTR2_EL2	s3_4_c3_c1_1
#define SYS_HFGRTR2_EL2		s3_4_c3_c1_2
#define SYS_HFGWTR2_EL2		s3_4_c3_c1_3
#define SYS_HFGITR2_EL2		s3_4_c3_c1_7
#define SYS_HDFGRTR_EL2		s3_4_c3_c1_4
#define SYS_HDFGWTR_EL2		s3_4_c3_c1_5
#define SYS_ID_AA64PFR2		s3_0_c0_c4_2
#define SYS_ID_AA64SMFR0	s3_0_c0_c4_5
#define SYS_ID_AA64ISAR2	s3_0_c0_c6_2
#define SYS_ID_AA64MMFR2	s3_0_c0_c7_2
#define SYS_ID_AA64MMFR3	s3_0_c0_c7_3
#define SYS_RNDR		s3_3_c2_c4_0
#define SYS_ICC_SRE_EL1		s3_0_c12_c12_5
#define SYS_ICC_SRE_EL2		s3_4_c12_c9_5
#define SYS_ICC_PMR		s3_0_c4_c6_0
#define SYS_ICC_HPPIR1		s3_0_c12_c12_2
#define SYS_ICC_SGI1R		s3_0_c12_c11_5
#define SYS_ICH_HCR		s3_4_c12_c11_0
#define SYS_ICH_VTR		s3_4_c12_c11_1
#define SYS_ICH_VMCR		s3_4_c12_c11_7
#define ICH_VMCR_EOIM		BIT(9)

/* Encoding of a register as in trap syndromes and in ONE_REG ids */
#define SYSREG(op0, op1, crn, crm, op2)					\
	((u32)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))
#define SYSREG_OP0(r)		FIELD(r, 14, 2)
#define SYSREG_CRN(r)		FIELD(r, 7, 4)
#define SYSREG_CRM(r)		FIELD(r, 3, 4)

/* HCR_EL2 */
#define HCR_VM			BIT(0)
#define HCR_SWIO		BIT(1)
#define HCR_FMO			BIT(3)
#define HCR_IMO			BIT(4)
#define HCR_AMO			BIT(5)
#define HCR_VSE			BIT(8)
#define HCR_FB			BIT(9)
#define HCR_BSU_IS		BIT(10)
#define HCR_TWI			BIT(13)
#define HCR_TWE			BIT(14)
#define HCR_TID1		BIT(16)
#define HCR_TID3		BIT(18)
#define HCR_TSC			BIT(19)
#define HCR_TIDCP		BIT(20)
#define HCR_TACR		BIT(21)
#define HCR_RW			BIT(31)
#define HCR_TLOR		BIT(35)
#define HCR_TERR		BIT(36)
#define HCR_APK			BIT(40)
#define HCR_API			BIT(41)
#define HCR_AMVOFFEN		BIT(51)
#define HCR_ENSCXT		BIT(53)
#define HCR_ATA			BIT(56)
#define HCR_TID5		BIT(58)

/* HCRX_EL2 */
#define HCRX_LS64		GENMASK(2, 0)	/* EnAS0, EnALS, EnASR */
#define HCRX_MSCEN		BIT(11)
#define HCRX_TCR2EN		BIT(14)
#define HCRX_SCTLR2EN		BIT(15)
#define HCRX_GCSEN		BIT(22)
#define HCRX_ENFPM		BIT(23)

/* SMCR_EL2 */
#define SMCR_LEN		0xfUL
#define SMCR_EZT0		BIT(30)
#define SMCR_FA64		BIT(31)

/* CPTR_EL2 without E2H */
#define CPTR_RES1		0x22ffUL
#define CPTR_TZ			BIT(8)
#define CPTR_TFP		BIT(10)
#define CPTR_TSM		BIT(12)
#define CPTR_TTA		BIT(20)
#define CPTR_TAM		BIT(30)

/* MDCR_EL2 */
#define MDCR_TPMCR		BIT(5)
#define MDCR_TPM		BIT(6)
#define MDCR_TDA		BIT(9)
#define MDCR_TDOSA		BIT(10)
#define MDCR_TDRA		BIT(11)
#define MDCR_E2PB_EL1		(3UL << 12)
#define MDCR_TPMS		BIT(14)
#define MDCR_TTRF		BIT(19)
#define MDCR_E2TB_EL1		(3UL << 24)

/* BRBCR_EL2: cycles and mispredictions may be recorded at EL1 and EL0 */
#define BRBCR_CC		BIT(3)
#define BRBCR_MPRED		BIT(4)

/* MDSCR_EL1 */
#define MDSCR_SS		BIT(0)
#define MDSCR_TDCC		BIT(12)
#define MDSCR_KDE		BIT(13)
#define MDSCR_MDE		BIT(15)

#define SCTLR_EL1_RESET		0x30d00800UL
#define SCTLR_SPAN		BIT(23)
#define SCTLR_E0E		BIT(24)
#define SCTLR_EE		BIT(25)
#define SCTLR_DSSBS		BIT(44)

/* PSTATE, SPSR */
#define PSR_M			0x1fUL
#define PSR_EL0T		0x00UL
#define PSR_EL1T		0x04UL
#define PSR_EL1H		0x05UL
#define PSR_AARCH32		BIT(4)
#define PSR_DAIF		0x3c0UL
#define PSR_SSBS		BIT(12)
#define PSR_IL			BIT(20)
#define PSR_SS			BIT(21)
#define PSR_PAN			BIT(22)
#define PSR_UAO			BIT(23)
#define PSR_DIT			BIT(24)
#define PSR_TCO			BIT(25)
#define PSR_NZCV		0xf0000000UL

/* ESR_EL2 */
#define ESR_EC(esr)		FIELD(esr, 26, 6)
#define ESR_IL			BIT(25)
#define ESR_ISS(esr)		((esr) & 0x1ffffff)
#define ESR_FSC(esr)		((esr) & 0x3f)
#define ESR_WNR			BIT(6)
#define ESR_S1PTW		BIT(7)
#define ESR_CM			BIT(8)
#define ESR_FNV			BIT(10)
#define FSC_EXTERNAL		0x10
#define FSC_EXTERNAL_WALK	0x14
#define FSC_ALIGNMENT		0x21
/* PAR_EL1: failed; by stage 2; the address; a translation or access flag fault */
#define PAR_F			BIT(0)
#define PAR_S			BIT(9)
#define PAR_PA			GENMASK(51, 12)
#define PAR_IS_MISS(par)	(((par) >> 1 & 0x3c) == 0x04 || ((par) >> 1 & 0x3c) == 0x08)

/* External abort, of the access or of a walk, also by an ECC error */
#define FSC_IS_EXTERNAL(esr)	((ESR_FSC(esr) & 0x30) == 0x10)
#define FSC_IS_TRANSLATION(esr)	((ESR_FSC(esr) & 0x3c) == 0x04)
#define FSC_IS_PERMISSION(esr)	((ESR_FSC(esr) & 0x3c) == 0x0c)

#define EC_UNKNOWN		0x00
#define EC_WFX			0x01
#define EC_FP			0x07
#define EC_HVC64		0x16
#define EC_SMC64		0x17
#define EC_SYSREG		0x18
#define EC_SVE			0x19
#define EC_SME			0x1d
#define EC_IABT_LOW		0x20
#define EC_IABT_CUR		0x21
#define EC_DABT_LOW		0x24
#define EC_DABT_CUR		0x25

/* Timers */
#define TIMER_ENABLE		BIT(0)
#define TIMER_IMASK		BIT(1)
#define TIMER_ISTATUS		BIT(2)
#define CNTHCTL_EL1PCTEN	BIT(0)
#define CNTHCTL_EL1PCEN		BIT(1)

#endif /* GZHYP_SYSREG_H */
