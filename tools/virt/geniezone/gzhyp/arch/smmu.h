/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_SMMU_H
#define GZHYP_SMMU_H

#include "core/mem/pgtable.h"

bool smmu_is_usable(void);
void smmu_enable(const struct pgtable *pgt);
void smmu_invalidate(u64 ia, u64 size);

#endif /* GZHYP_SMMU_H */
