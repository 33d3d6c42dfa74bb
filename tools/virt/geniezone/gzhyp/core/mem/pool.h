/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_POOL_H
#define GZHYP_POOL_H

#include "lib/mm.h"

void pool_init(pa_t base, u64 size);
void *pool_alloc(unsigned int order);
void pool_free(void *ptr, unsigned int order);
u64 pool_free_pages(void);
bool pool_is_consistent(void);

static inline unsigned int pool_order(size_t size)
{
	unsigned int order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

#endif /* GZHYP_POOL_H */
