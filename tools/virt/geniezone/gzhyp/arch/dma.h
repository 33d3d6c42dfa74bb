/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_DMA_H
#define GZHYP_DMA_H

#include "core/mem/pgtable.h"

bool dma_close(pa_t hidden, u64 size);
void dma_unmap(pa_t pa, u64 size);
void dma_map(pa_t pa, u64 size);
bool dma_agrees(u64 pa, u64 size, bool mapped);

#endif /* GZHYP_DMA_H */
