/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address types. EL2 maps memory at its physical address, so an EL2 virtual address
 * is a physical one with another type. The unit tests add an offset.
 */
#ifndef GZHYP_MM_H
#define GZHYP_MM_H

#include "lib/string.h"
#include "lib/types.h"

/* Physical: what the bus sees */
typedef struct {
	u64 v;
} pa_t;

/* Intermediate: physical for a guest or the host */
typedef struct {
	u64 v;
} ipa_t;

#define PA(x)		((pa_t) { (x) })
#define IPA(x)		((ipa_t) { (x) })

#ifdef UNIT_TEST
extern u64 test_phys_offset;
#define PHYS_OFFSET	test_phys_offset

static inline void clear_pages(void *va, u64 size)
{
	memset(va, 0, size);
}
#else
#define PHYS_OFFSET	0UL

/* arch/cache.c */
void clear_pages(void *va, u64 size);
#endif

static inline void *pa_to_va(pa_t pa)
{
	return (void *)(uintptr_t)(pa.v + PHYS_OFFSET);
}

static inline pa_t va_to_pa(const void *va)
{
	return PA((u64)(uintptr_t)va - PHYS_OFFSET);
}

/* Is [base, base + size) not empty and below @limit? Does not overflow. */
static inline bool range_ok(u64 base, u64 size, u64 limit)
{
	return size && size <= limit && base <= limit - size;
}

static inline bool ranges_overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

#endif /* GZHYP_MM_H */
