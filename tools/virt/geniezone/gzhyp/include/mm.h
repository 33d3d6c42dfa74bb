/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address types. EL2 maps memory at its own physical address, so that a
 * virtual address of EL2 is a physical one with another type; the unit tests
 * move it by an offset instead.
 */
#ifndef GZHYP_MM_H
#define GZHYP_MM_H

#include "types.h"

/* Physical: what the bus sees */
typedef struct {
	u64 v;
} pa_t;

/* Intermediate: what a guest, or the host, takes for physical */
typedef struct {
	u64 v;
} ipa_t;

#define PA(x)		((pa_t) { (x) })
#define IPA(x)		((ipa_t) { (x) })

#ifdef UNIT_TEST
extern u64 test_phys_offset;
#define PHYS_OFFSET	test_phys_offset
#else
#define PHYS_OFFSET	0UL
#endif

static inline void *pa_to_va(pa_t pa)
{
	return (void *)(uintptr_t)(pa.v + PHYS_OFFSET);
}

static inline pa_t va_to_pa(const void *va)
{
	return PA((u64)(uintptr_t)va - PHYS_OFFSET);
}

/* No address of 40 bits or a size below wraps; anything above is refused. */
static inline bool range_ok(u64 base, u64 size, u64 limit)
{
	return size && size <= limit && base <= limit - size;
}

static inline bool ranges_overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

#endif /* GZHYP_MM_H */
