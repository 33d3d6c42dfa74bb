/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page tables of any of the three translation regimes gzhyp owns: EL2's own,
 * the host's stage 2, a VM's stage 2. 4 KiB granule.
 */
#ifndef GZHYP_PGTABLE_H
#define GZHYP_PGTABLE_H

#include "lib/mm.h"

#define PTE_VALID	BIT(0)
#define PTE_TABLE	BIT(1)	/* at levels 0 to 2; a page at level 3 */
#define PTE_ADDR	GENMASK(47, 12)

#define PGT_LAST_LEVEL	3

struct pgtable;

/* Errors are GenieZone's, because they go to the host unchanged. */
#define PGT_NO_MEMORY	(-5)
#define PGT_BUSY	(-33)

/**
 * struct pgtable - one tree
 * @root: top-level table, 2^root_order concatenated pages
 * @ia_bits: width of an input address
 * @start_level: level of @root
 * @root_order: binary logarithm of the pages of @root
 * @top_block_level: lowest level number at which a block may be mapped
 * @nr_tables: pages used, the root included
 * @invalidate: invalidate a range in all CPUs' TLBs
 */
struct pgtable {
	u64 *root;
	u8 ia_bits;
	u8 start_level;
	u8 root_order;
	u8 top_block_level;
	u64 nr_tables;
	void (*invalidate)(struct pgtable *pgt, u64 ia, u64 size);
};

/**
 * struct pgt_leaf - what an address translates to
 * @pa: physical address of the address asked for
 * @size: bytes of the entry that was found, or of the hole
 * @valid: there is a translation
 */
struct pgt_leaf {
	pa_t pa;
	u64 size;
	bool valid;
};

int pgt_init(struct pgtable *pgt, unsigned int ia_bits, unsigned int start_level,
	     unsigned int top_block_level);
int pgt_prepare(struct pgtable *pgt, u64 ia, pa_t pa, u64 size);
int pgt_map(struct pgtable *pgt, u64 ia, pa_t pa, u64 size, u64 attr);
int pgt_split(struct pgtable *pgt, u64 ia);
bool pgt_join(struct pgtable *pgt, u64 ia);
void pgt_unmap(struct pgtable *pgt, u64 ia, u64 size);
struct pgt_leaf pgt_lookup(const struct pgtable *pgt, u64 ia);
unsigned int pgt_pages(const struct pgtable *pgt, u64 ia, pa_t *pa,
		       unsigned int max);
int pgt_pages_prepare(struct pgtable *pgt, u64 ia, const u64 *pfn,
		      unsigned int nr, u64 *holes);
void pgt_pages_map(struct pgtable *pgt, u64 ia, const u64 *pfn, u64 mask, u64 attr);
u64 pgt_holes(const struct pgtable *pgt, u64 ia, u64 *size);
bool pgt_free_some(struct pgtable *pgt, u64 *budget);

static inline u64 pgt_level_size(unsigned int level)
{
	return 1ULL << (12 + 9 * (PGT_LAST_LEVEL - level));
}

#endif /* GZHYP_PGTABLE_H */
