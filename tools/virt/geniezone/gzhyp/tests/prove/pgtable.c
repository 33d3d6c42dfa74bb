// SPDX-License-Identifier: GPL-2.0
/*
 * A step of the page-table walker, on both sides of the border between two entries of the
 * root. Each of the two is a hole or a table with any pages; no blocks. For ranges of
 * three pages across the border, any physical address, and memory for no, one
 * or two tables:
 *
 *   - pgt_map() maps exactly the range: a hole becomes the page asked for, a valid entry
 *     in the range and everything outside stays. Without memory nothing changes
 *   - pgt_unmap() unmaps exactly the range, and invalidates all of it afterwards
 *   - an entry never goes from one valid form to another
 *
 * Outside are the pages from two before the border to two behind it. The walker makes no
 * difference between other addresses.
 */
#include "tests/prove/prove.h"

/* The tables are an array, at TABLES: CBMC knows no objects at addresses. */
#define pa_to_va	mm_pa_to_va
#define va_to_pa	mm_va_to_pa
#include "lib/mm.h"
#undef pa_to_va
#undef va_to_pa

#define ENTRIES		512
#define NR_TABLES	5
#define TABLES		0x40000000UL

u64 test_phys_offset;
static u64 tables[NR_TABLES][ENTRIES];
static unsigned int used, limit;

static void *pa_to_va(pa_t pa)
{
	u64 n = (pa.v - TABLES) / PAGE_SIZE;

	PROVE(IS_ALIGNED(pa.v, PAGE_SIZE) && n < used);
	return tables[n];
}

static pa_t va_to_pa(const u64 *va)
{
	unsigned int n;

	for (n = 0; n < NR_TABLES - 1; n++)
		if (va == tables[n])
			break;
	return PA(TABLES + n * PAGE_SIZE);
}

static void check_write(u64 old, u64 new);

#undef WRITE_ONCE
#define WRITE_ONCE(x, v) do {						\
	u64 new_ = v;							\
									\
	check_write(x, new_);						\
	x = new_;							\
} while (0)

#include "core/mem/pgtable.c"

/* Whether an entry has become invalid, and all of the range has been invalidated */
static bool is_stale;
static u64 from, bytes;

static void check_write(u64 old, u64 new)
{
	PROVE(!old || !new || old == new);
	is_stale |= old && !new;
}

static void invalidate(struct pgtable *pgt, u64 ia, u64 size)
{
	PROVE(ia <= from && ia + size >= from + bytes);
	is_stale = false;
}

void *pool_alloc(unsigned int order)
{
	return used < limit ? tables[used++] : NULL;
}

void pool_free(void *ptr, unsigned int order)
{
	PROVE(false);
}

#define ROOT_LEVEL	2
#define IA_END		(ENTRIES * SZ_2M)
#define ATTR		(0xfUL << 2 | BIT(10))

static struct pgtable pgt = {
	.root = tables[0], .ia_bits = 30, .start_level = ROOT_LEVEL,
	.top_block_level = 2, .nr_tables = 1, .invalidate = invalidate,
};

/* The translation of a page, as the Arm ARM has it (D8.3): 0 or the page's entry */
static u64 translation(u64 ia)
{
	u64 entry = tables[0][ia / SZ_2M];
	unsigned int n;

	if (!(entry & PTE_VALID))
		return 0;
	if (!(entry & PTE_TABLE))
		return (entry & ~(SZ_2M - 1)) + (ia & (SZ_2M - 1));
	n = ((entry & PTE_ADDR) - TABLES) / PAGE_SIZE;
	PROVE(n < used);
	entry = tables[n][ia / PAGE_SIZE % ENTRIES];
	return entry & PTE_VALID ? entry & PTE_ADDR : 0;
}

/* The border is between these two entries of the root. */
#define ENTRY		7
#define BORDER		((ENTRY + 1) * SZ_2M)
#define AROUND		2
#define PROBES		(2 * AROUND + 2)

enum kind {
	HOLE, TABLE, NR_KINDS,
};

/* Nothing, or a page other than frame 0, for which translation() returns none */
static u64 any_page(void)
{
	u64 entry = nondet_u64();

	GIVEN(!entry || ((entry & 3) == 3 && entry & PTE_ADDR));
	return entry;
}

static void make_entry(unsigned int index, enum kind kind)
{
	unsigned int i;

	tables[0][index] = 0;
	if (kind != TABLE)
		return;
	tables[0][index] = (TABLES + used * PAGE_SIZE) | 3;
	for (i = 0; i < PROBES; i++)
		tables[used][(ENTRIES - AROUND + i) % ENTRIES] = any_page();
	used++;
}

/* Tables are new, so far as ranges around the border go. */
static void make_tree(enum kind first, enum kind second, unsigned int spare)
{
	unsigned int n, i;

	for (n = 1; n < NR_TABLES; n++)
		for (i = 0; i < PROBES; i++)
			tables[n][(ENTRIES - AROUND + i) % ENTRIES] = 0;
	used = 1;
	make_entry(ENTRY, first);
	make_entry(ENTRY + 1, second);
	limit = used + spare;
	pgt.nr_tables = used;
	is_stale = false;
}

static u64 probe(unsigned int n)
{
	return BORDER - AROUND * PAGE_SIZE + n * PAGE_SIZE;
}

static void prove_map(void)
{
	u64 pa = nondet_u64(), before[PROBES], after;
	unsigned int i;
	int err;

	GIVEN(IS_ALIGNED(pa, PAGE_SIZE) && pa && pa < BIT(40));
	for (i = 0; i < PROBES; i++)
		before[i] = translation(probe(i));
	err = pgt_map(&pgt, from, PA(pa), bytes, ATTR);
	for (i = 0; i < PROBES; i++) {
		after = translation(probe(i));
		if (err || before[i] || probe(i) - from >= bytes)
			PROVE(after == before[i]);
		else
			PROVE(after == pa + (probe(i) - from));
	}
	PROVE(!err || (err == PGT_NO_MEMORY && used == limit));
	PROVE(!is_stale && pgt.nr_tables == used);
}

static void prove_unmap(void)
{
	u64 before[PROBES];
	unsigned int i;

	for (i = 0; i < PROBES; i++)
		before[i] = translation(probe(i));
	pgt_unmap(&pgt, from, bytes);
	for (i = 0; i < PROBES; i++)
		PROVE(translation(probe(i)) ==
		      (probe(i) - from < bytes ? 0 : before[i]));
	PROVE(!is_stale);
}

static void prove_kinds(enum kind first, enum kind second)
{
	unsigned int spare;

	for (spare = 0; spare <= 2; spare++) {
		make_tree(first, second, spare);
		prove_map();
	}
	make_tree(first, second, 0);
	prove_unmap();
}

int main(void)
{
	unsigned int start, first, second;

	bytes = 3 * PAGE_SIZE;
	for (start = 1; start <= 2; start++)
		for (first = 0; first < NR_KINDS; first++)
			for (second = 0; second < NR_KINDS; second++) {
				from = BORDER - start * PAGE_SIZE;
				prove_kinds(first, second);
			}
	return 0;
}
