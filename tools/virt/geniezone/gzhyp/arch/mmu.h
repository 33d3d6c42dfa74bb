/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_MMU_H
#define GZHYP_MMU_H

#include "lib/mm.h"

/* Registers that a CPU loads to turn EL2's MMU on; read with the MMU off */
struct mmu_config {
	u64 mair;
	u64 tcr;
	u64 ttbr;
	u64 sctlr;
};

extern struct mmu_config mmu_config;

void mmu_build(pa_t hidden, u64 size);
void mmu_guard(const void *page);
void mmu_enable(void);

#endif /* GZHYP_MMU_H */
