/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers of the virtual GICv3, names as in the GICv3 and GICv4 architecture
 * specification, Arm IHI 0069. For the vGIC model's own files: a driver of the
 * machine's GIC has the same names with other needs.
 */
#ifndef GZHYP_VGIC_REGS_H
#define GZHYP_VGIC_REGS_H

#include "lib/types.h"

/* Distributor, 12.8 and 12.9 */
#define GICD_CTLR		0x0000
#define GICD_TYPER		0x0004
#define GICD_IIDR		0x0008
#define GICD_TYPER2		0x000c
#define GICD_IROUTER		0x6000
#define GICD_PIDR2		0xffe8

#define GICD_CTLR_ENABLE_GRP0	BIT(0)
#define GICD_CTLR_ENABLE_GRP1	BIT(1)
#define GICD_CTLR_ARE		BIT(4)
#define GICD_CTLR_DS		BIT(6)

/* ITLinesNumber: 32 * (N + 1) INTIDs, of which 1020 and up do not exist */
#define GICD_TYPER_LINES(n)	((((n) + 31) / 32 - 1) & 0x1f)
#define GICD_TYPER_IDBITS(n)	(((n) - 1) << 19)
#define GICD_TYPER_A3V		BIT(24)

/* As the distributor's, the redistributor's copies of them: 12.8 and 12.10 */
#define GIC_IGROUPR		0x0080
#define GIC_ISENABLER		0x0100
#define GIC_ICENABLER		0x0180
#define GIC_ISPENDR		0x0200
#define GIC_ICPENDR		0x0280
#define GIC_ISACTIVER		0x0300
#define GIC_ICACTIVER		0x0380
#define GIC_IPRIORITYR		0x0400
#define GIC_ICFGR		0x0c00

/* GICD_IROUTER<n>, 12.9.22 */
#define GICD_IROUTER_IRM	BIT(31)

/* Redistributor, RD_base frame, 12.11 */
#define GICR_CTLR		0x0000
#define GICR_IIDR		0x0004
#define GICR_TYPER		0x0008
#define GICR_WAKER		0x0014
#define GICR_PIDR2		0xffe8

/* SGI_base frame, the second 64 KiB */
#define GICR_SGI_OFFSET		0x10000

#define GICR_TYPER_LAST		BIT(4)
#define GICR_TYPER_CPU(n)	((u64)(n) << 8)
#define GICR_TYPER_AFFINITY(a)	((u64)(a) << 32)

/* PIDR2.ArchRev = GICv3; the rest is Arm's JEP106 code, as in IIDR */
#define GIC_PIDR2_GICV3		0x3b
#define GIC_IIDR_GZHYP		(('G' << 24) | 0x43b)

/* ICC_SGI1R_EL1, 12.2.23 */
#define SGI1R_TARGETS(v)	((u32)(v) & 0xffff)
#define SGI1R_AFF1(v)		((u32)((v) >> 16) & 0xff)
#define SGI1R_INTID(v)		((u32)((v) >> 24) & 0xf)
#define SGI1R_AFF2(v)		((u32)((v) >> 32) & 0xff)
#define SGI1R_IRM		BIT(40)
#define SGI1R_RS(v)		((u32)((v) >> 44) & 0xf)
#define SGI1R_AFF3(v)		((u32)((v) >> 48) & 0xff)

/* ICH_LR<n>_EL2, 12.4.10 */
#define LR_INTID(v)		((u32)(v))
#define LR_EOI			BIT(41)
#define LR_PRIORITY(p)		((u64)(p) << 48)
#define LR_GROUP1		BIT(60)
#define LR_PENDING		BIT(62)
#define LR_ACTIVE		BIT(63)
#define LR_STATE		(LR_PENDING | LR_ACTIVE)

/* ICH_HCR_EL2, 12.4.9 */
#define HCR_EN			BIT(0)
#define HCR_LRENPIE		BIT(2)
#define HCR_NPIE		BIT(3)
#define HCR_VGRP0EIE		BIT(4)
#define HCR_VGRP0DIE		BIT(5)
#define HCR_VGRP1EIE		BIT(6)
#define HCR_VGRP1DIE		BIT(7)

/* ICH_VMCR_EL2, 12.4.12 */
#define VMCR_ENG0		BIT(0)
#define VMCR_ENG1		BIT(1)
#define VMCR_PMR(v)		((u32)(v) >> 24)
#define VMCR_ALL_OPEN		(0xff000000U | VMCR_ENG1 | VMCR_ENG0)

#endif /* GZHYP_VGIC_REGS_H */
