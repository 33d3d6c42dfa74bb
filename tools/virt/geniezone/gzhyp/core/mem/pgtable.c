// SPDX-License-Identifier: GPL-2.0
/*
 * The page-table walker, one for all regimes. Other CPUs' walkers rely on its
 * order of writes.
 *
 * An entry goes from invalid to valid, or from valid to invalid with the
 * regime's invalidate() after it (break before make), never from one valid
 * form to another. Callers hold the lock of their tree; the hardware's walkers
 * take none.
 */
#include "arch/barrier.h"
#include "core/mem/pgtable.h"
#include "core/mem/pool.h"
#include "lib/print.h"

static u64 *entry_of(const struct pgtable *pgt, u64 *table, unsigned int level,
		     u64 ia)
{
	u64 index = ia / pgt_level_size(level);

	/* Concatenated tables make the root's index wider than nine bits. */
	if (level != pgt->start_level)
		index &= 511;
	return &table[index];
}

static bool is_table(u64 pte, unsigned int level)
{
	return level < PGT_LAST_LEVEL &&
	       (pte & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

static u64 *table_of(u64 pte)
{
	return pa_to_va(PA(pte & PTE_ADDR));
}

static void set_entry(u64 *entry, u64 pte)
{
	/* A new table's contents must be visible before the entry that points to it. */
	dsb_ishst();
	WRITE_ONCE(*entry, pte);
	dsb_ishst();
}

static u64 leaf_pte(u64 pa, unsigned int level, u64 attr)
{
	return pa | attr | PTE_VALID | (level == PGT_LAST_LEVEL ? PTE_TABLE : 0);
}

/**
 * pgt_init() - make an empty tree
 * @pgt: the tree
 * @ia_bits: width of an input address
 * @start_level: level of the root
 * @top_block_level: 1 to allow blocks of 1 GiB, 2 for those of 2 MiB only
 *
 * Return: 0 or PGT_NO_MEMORY.
 */
int pgt_init(struct pgtable *pgt, unsigned int ia_bits, unsigned int start_level,
	     unsigned int top_block_level)
{
	unsigned int bits = 12 + 9 * (PGT_LAST_LEVEL - start_level + 1);

	pgt->ia_bits = ia_bits;
	pgt->start_level = start_level;
	pgt->root_order = ia_bits > bits ? ia_bits - bits : 0;
	pgt->top_block_level = top_block_level;
	pgt->root = pool_alloc(pgt->root_order);
	if (!pgt->root)
		return PGT_NO_MEMORY;
	pgt->nr_tables = 1ULL << pgt->root_order;
	return 0;
}

/* Bytes of an entry of @level that [ia, end) covers from @ia on */
static u64 span(u64 ia, u64 end, unsigned int level)
{
	u64 size = pgt_level_size(level);

	return MIN(ALIGN_DOWN(ia, size) + size, end) - ia;
}

static bool block_fits(const struct pgtable *pgt, unsigned int level, u64 ia,
		       u64 pa, u64 len)
{
	u64 size = pgt_level_size(level);

	return level >= pgt->top_block_level && len == size &&
	       IS_ALIGNED(ia | pa, size);
}

static u64 *new_table(struct pgtable *pgt)
{
	u64 *table = pool_alloc(0);

	if (table)
		pgt->nr_tables++;
	return table;
}

static int prepare_level(struct pgtable *pgt, u64 *table, unsigned int level,
			 u64 ia, u64 pa, u64 end)
{
	u64 len, *entry, *next;
	int err;

	for (; ia < end; ia += len, pa += len) {
		len = span(ia, end, level);
		entry = entry_of(pgt, table, level, ia);
		if (level == PGT_LAST_LEVEL ||
		    (*entry & PTE_VALID && !is_table(*entry, level)))
			continue;
		if (!*entry) {
			if (block_fits(pgt, level, ia, pa, len))
				continue;
			next = new_table(pgt);
			if (!next)
				return PGT_NO_MEMORY;
			set_entry(entry, va_to_pa(next).v | PTE_TABLE | PTE_VALID);
		}
		err = prepare_level(pgt, table_of(*entry), level + 1, ia, pa,
				    ia + len);
		if (err)
			return err;
	}
	return 0;
}

/**
 * pgt_prepare() - allocate what pgt_map() of the same range will need
 * @pgt: the tree
 * @ia: page-aligned input address
 * @pa: page-aligned physical address
 * @size: bytes
 *
 * The caller can then change its own state before pgt_map(), which cannot fail.
 *
 * Return: 0, or PGT_NO_MEMORY; the tables made so far stay.
 */
int pgt_prepare(struct pgtable *pgt, u64 ia, pa_t pa, u64 size)
{
	return prepare_level(pgt, pgt->root, pgt->start_level, ia, pa.v,
			     ia + size);
}

static void map_level(struct pgtable *pgt, u64 *table, unsigned int level,
		      u64 ia, u64 pa, u64 end, u64 attr)
{
	u64 len, *entry;

	for (; ia < end; ia += len, pa += len) {
		len = span(ia, end, level);
		entry = entry_of(pgt, table, level, ia);
		if (is_table(*entry, level))
			map_level(pgt, table_of(*entry), level + 1, ia, pa,
				  ia + len, attr);
		else if (!*entry)
			WRITE_ONCE(*entry, leaf_pte(pa, level, attr));
	}
}

/**
 * pgt_map() - map a range, with blocks where they fit
 * @pgt: the tree
 * @ia: page-aligned input address
 * @pa: page-aligned physical address
 * @size: bytes
 * @attr: attribute bits of the leaves
 *
 * Entries that are valid already stay: the caller has checked where they lead.
 *
 * Return: 0, or PGT_NO_MEMORY with nothing mapped.
 */
int pgt_map(struct pgtable *pgt, u64 ia, pa_t pa, u64 size, u64 attr)
{
	int err = pgt_prepare(pgt, ia, pa, size);

	if (err)
		return err;
	map_level(pgt, pgt->root, pgt->start_level, ia, pa.v, ia + size, attr);
	dsb_ishst();
	return 0;
}

static void split_block(struct pgtable *pgt, u64 *entry, unsigned int level,
			u64 ia, u64 *table)
{
	u64 size = pgt_level_size(level), step = pgt_level_size(level + 1);
	u64 attr = *entry & ~(PTE_ADDR | PTE_VALID | PTE_TABLE);
	u64 pa = *entry & PTE_ADDR;
	unsigned int i;

	for (i = 0; i < 512; i++)
		table[i] = leaf_pte(pa + i * step, level + 1, attr);
	set_entry(entry, 0);
	pgt->invalidate(pgt, ALIGN_DOWN(ia, size), size);
	set_entry(entry, va_to_pa(table).v | PTE_TABLE | PTE_VALID);
}

/**
 * pgt_split() - make the page at an address a leaf of its own
 * @pgt: the tree
 * @ia: input address
 *
 * Accesses to the block by other CPUs fault meanwhile and must be retried.
 *
 * Return: 0 or PGT_NO_MEMORY.
 */
int pgt_split(struct pgtable *pgt, u64 ia)
{
	u64 *table = pgt->root, *entry, *next;
	unsigned int level;

	for (level = pgt->start_level; level < PGT_LAST_LEVEL; level++) {
		entry = entry_of(pgt, table, level, ia);
		if (!*entry)
			return 0;
		if (!is_table(*entry, level)) {
			next = new_table(pgt);
			if (!next)
				return PGT_NO_MEMORY;
			split_block(pgt, entry, level, ia, next);
		}
		table = table_of(*entry);
	}
	return 0;
}

/* Do the entries of a last-level table map what one block would map? */
static bool is_like_block(const u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < 512; i++)
		if (table[i] != table[0] + i * PAGE_SIZE)
			return false;
	return (table[0] & PTE_VALID) &&
	       IS_ALIGNED(table[0] & PTE_ADDR, pgt_level_size(level));
}

/**
 * pgt_join() - undo pgt_split() for the block of 2 MiB at an address
 * @pgt: the tree
 * @ia: input address
 *
 * As for pgt_split(), accesses by other CPUs fault meanwhile.
 *
 * Return: whether there is a block now.
 */
bool pgt_join(struct pgtable *pgt, u64 ia)
{
	unsigned int level = pgt->start_level;
	u64 *entry = entry_of(pgt, pgt->root, level, ia), *table;
	u64 attr, size;

	for (; level < PGT_LAST_LEVEL - 1 && is_table(*entry, level); level++)
		entry = entry_of(pgt, table_of(*entry), level + 1, ia);
	if (!is_table(*entry, level))
		return *entry;
	table = table_of(*entry);
	if (!is_like_block(table, level))
		return false;
	attr = table[0] & ~(PTE_ADDR | PTE_VALID | PTE_TABLE);
	size = pgt_level_size(level);
	set_entry(entry, 0);
	pgt->invalidate(pgt, ALIGN_DOWN(ia, size), size);
	set_entry(entry, leaf_pte(table[0] & PTE_ADDR, level, attr));
	pool_free(table, 0);
	pgt->nr_tables--;
	return true;
}

static void unmap_level(struct pgtable *pgt, u64 *table, unsigned int level,
			u64 ia, u64 end)
{
	u64 len, *entry;

	for (; ia < end; ia += len) {
		len = span(ia, end, level);
		entry = entry_of(pgt, table, level, ia);
		if (is_table(*entry, level)) {
			unmap_level(pgt, table_of(*entry), level + 1, ia, ia + len);
		} else if (*entry) {
			BUG_ON(len != pgt_level_size(level));
			WRITE_ONCE(*entry, 0);
		}
	}
}

/**
 * pgt_unmap() - unmap a range
 * @pgt: the tree
 * @ia: page-aligned input address
 * @size: bytes; no leaf may extend over either end, see pgt_split()
 */
void pgt_unmap(struct pgtable *pgt, u64 ia, u64 size)
{
	unmap_level(pgt, pgt->root, pgt->start_level, ia, ia + size);
	dsb_ishst();
	pgt->invalidate(pgt, ia, size);
}

/**
 * pgt_lookup() - translate an address
 * @pgt: the tree
 * @ia: input address, of less than ia_bits
 *
 * Return: the leaf, or the hole, that it lies in.
 */
struct pgt_leaf pgt_lookup(const struct pgtable *pgt, u64 ia)
{
	unsigned int level = pgt->start_level;
	u64 pte = *entry_of(pgt, pgt->root, level, ia);
	struct pgt_leaf leaf;

	while (is_table(pte, level)) {
		level++;
		pte = *entry_of(pgt, table_of(pte), level, ia);
	}
	leaf.size = pgt_level_size(level);
	leaf.valid = pte & PTE_VALID;
	leaf.pa = PA((pte & PTE_ADDR) + (ia & (leaf.size - 1)));
	return leaf;
}

/* The entry that decides about an address, valid or not */
static u64 *last_entry(const struct pgtable *pgt, u64 ia, unsigned int *level)
{
	u64 *entry;

	*level = pgt->start_level;
	entry = entry_of(pgt, pgt->root, *level, ia);
	while (is_table(*entry, *level)) {
		++*level;
		entry = entry_of(pgt, table_of(*entry), *level, ia);
	}
	return entry;
}

/* Entries from that one to the end of its table */
static u64 entries_left(const struct pgtable *pgt, u64 ia, unsigned int level)
{
	u64 nr = level == pgt->start_level ? 512ULL << pgt->root_order : 512;

	return nr - (ia / pgt_level_size(level) & (nr - 1));
}

/**
 * pgt_pages() - translate consecutive pages
 * @pgt: the tree
 * @ia: page-aligned input address, of less than ia_bits
 * @pa: gets the physical addresses
 * @max: size of @pa
 *
 * Return: how many from @ia on are mapped as pages by one table.
 */
unsigned int pgt_pages(const struct pgtable *pgt, u64 ia, pa_t *pa,
		       unsigned int max)
{
	unsigned int level, nr = 0;
	const u64 *entry = last_entry(pgt, ia, &level);
	u64 left = MIN(entries_left(pgt, ia, level), max);

	if (level != PGT_LAST_LEVEL)
		return 0;
	for (; nr < left && entry[nr] & PTE_VALID; nr++)
		pa[nr] = PA(entry[nr] & PTE_ADDR);
	return nr;
}

/* The last-level table for an address, made if necessary; NULL within a block */
static int page_table_at(struct pgtable *pgt, u64 ia, u64 **table)
{
	unsigned int level;
	u64 *entry, *next;

	*table = pgt->root;
	for (level = pgt->start_level; level < PGT_LAST_LEVEL; level++) {
		entry = entry_of(pgt, *table, level, ia);
		if (!*entry) {
			next = new_table(pgt);
			if (!next)
				return PGT_NO_MEMORY;
			set_entry(entry, va_to_pa(next).v | PTE_TABLE | PTE_VALID);
		}
		*table = is_table(*entry, level) ? table_of(*entry) : NULL;
		if (!*table)
			break;
	}
	return 0;
}

/* @holes gets a bit for each hole; -1 if an entry leads to another frame */
static int find_holes(const u64 *entry, const u64 *pfn, unsigned int nr,
		      u64 *holes)
{
	u64 mask = 0, bit = 1;

	for (; nr--; entry++, pfn++, bit <<= 1) {
		if (!(*entry & PTE_VALID))
			mask |= bit;
		else if ((*entry & PTE_ADDR) / PAGE_SIZE != *pfn)
			return -1;
	}
	*holes = mask;
	return 0;
}

/**
 * pgt_pages_prepare() - find the holes for scattered pages, and make their table
 * @pgt: the tree
 * @ia: page-aligned input address, of less than ia_bits
 * @pfn: a frame for each page from @ia on
 * @nr: number of pages
 * @holes: gets a bit for each page where nothing is mapped yet
 *
 * Return: the number of pages looked at, all in one table and at most 64; 0 if
 * there is a block; PGT_NO_MEMORY, tables made so far stay; or PGT_BUSY if another
 * page is mapped there.
 */
int pgt_pages_prepare(struct pgtable *pgt, u64 ia, const u64 *pfn,
		      unsigned int nr, u64 *holes)
{
	unsigned int first = ia / PAGE_SIZE & 511, n = MIN(nr, 64U);
	u64 *table;
	int err = page_table_at(pgt, ia, &table);

	if (err || !table)
		return err;
	n = MIN(n, 512 - first);
	return find_holes(table + first, pfn, n, holes) ? PGT_BUSY : n;
}

/**
 * pgt_pages_map() - map scattered pages
 * @pgt: the tree
 * @ia: as given to pgt_pages_prepare()
 * @pfn: likewise
 * @mask: which of the holes that it found
 * @attr: attribute bits of the leaves
 */
void pgt_pages_map(struct pgtable *pgt, u64 ia, const u64 *pfn, u64 mask, u64 attr)
{
	unsigned int level, i;
	u64 *entry = last_entry(pgt, ia, &level);

	BUG_ON(level != PGT_LAST_LEVEL);
	for (; mask; mask &= mask - 1) {
		i = __builtin_ctzll(mask);
		WRITE_ONCE(entry[i], leaf_pte(pfn[i] * PAGE_SIZE, level, attr));
	}
	dsb_ishst();
}

/**
 * pgt_holes() - skip holes
 * @pgt: the tree
 * @ia: page-aligned input address, of less than ia_bits
 * @size: gets the bytes from @ia to the end of the holes
 *
 * Return: the number of consecutive holes in one table from @ia on.
 */
u64 pgt_holes(const struct pgtable *pgt, u64 ia, u64 *size)
{
	unsigned int level;
	const u64 *entry = last_entry(pgt, ia, &level);
	u64 left = entries_left(pgt, ia, level), nr = 0;

	while (nr < left && !(entry[nr] & PTE_VALID))
		nr++;
	*size = nr ? nr * pgt_level_size(level) - (ia & (pgt_level_size(level) - 1)) : 0;
	return nr;
}

/* Are there any below the root? */
static bool has_tables(const struct pgtable *pgt)
{
	return pgt->nr_tables > 1ULL << pgt->root_order;
}

/* A table is found and freed by itself, which takes twice as long as a guest's page. */
#define TABLE_COST	2UL

/* Free the tables below @table, lowest first. */
static bool free_level(struct pgtable *pgt, u64 *table, unsigned int level,
		       u64 nr_entries, u64 *budget)
{
	u64 i;

	for (i = 0; i < nr_entries && has_tables(pgt); i++) {
		if (!is_table(table[i], level))
			continue;
		if (level + 1 < PGT_LAST_LEVEL &&
		    !free_level(pgt, table_of(table[i]), level + 1, 512, budget))
			return false;
		if (!*budget)
			return false;
		*budget -= MIN(*budget, TABLE_COST);
		pool_free(table_of(table[i]), 0);
		table[i] = 0;
		pgt->nr_tables--;
	}
	return true;
}

/**
 * pgt_free_some() - free a tree that no CPU uses any more, in steps
 * @pgt: the tree
 * @budget: guest pages that could be given back in this time; gets what is left of it
 *
 * Return: true when the tree is gone.
 */
bool pgt_free_some(struct pgtable *pgt, u64 *budget)
{
	if (!pgt->root)
		return true;
	if (!free_level(pgt, pgt->root, pgt->start_level,
			512ULL << pgt->root_order, budget))
		return false;
	pool_free(pgt->root, pgt->root_order);
	pgt->root = NULL;
	pgt->nr_tables = 0;
	return true;
}
