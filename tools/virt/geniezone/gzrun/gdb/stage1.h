/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_STAGE1_H
#define GZRUN_STAGE1_H

#include <stdbool.h>
#include <stdint.h>

#include <libgzvm.h>

/**
 * struct gz_stage1 - registers of a vCPU that control its address translation
 * @sctlr: SCTLR_EL1
 * @tcr: TCR_EL1
 * @ttbr: TTBR0_EL1 and TTBR1_EL1
 */
struct gz_stage1 {
	uint64_t sctlr;
	uint64_t tcr;
	uint64_t ttbr[2];
};

bool gz_stage1_walk(const struct gz_stage1 *s, const struct gz_memory *mem,
		    uint64_t va, uint64_t *ipa);

#endif /* GZRUN_STAGE1_H */
