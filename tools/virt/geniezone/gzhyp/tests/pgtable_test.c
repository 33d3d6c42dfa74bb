// SPDX-License-Identifier: GPL-2.0
/* The page-table walker against an array with an entry for each page. */
#include "core/mem/pgtable.h"
#include "tests/ktap.h"

#define IA_PAGES	(4 * 512)	/* 8 MiB of input addresses */
#define ATTR		(0xfUL << 2 | BIT(10))

static struct pgtable pgt;
static u64 model[IA_PAGES];		/* physical address + 1, 0 for a hole */
static u64 flushed_from, flushed_to;

static void record_flush(struct pgtable *p, u64 ia, u64 size)
{
	flushed_from = ia;
	flushed_to = ia + size;
}

static void setup(void)
{
	test_memory_init();
	memset(&pgt, 0, sizeof(pgt));
	memset(model, 0, sizeof(model));
	EXPECT(!pgt_init(&pgt, 40, 1, 2));
	pgt.invalidate = record_flush;
}

static void model_map(u64 ia, u64 pa, u64 size)
{
	u64 at;

	for (at = 0; at < size; at += PAGE_SIZE)
		if (!model[(ia + at) / PAGE_SIZE])
			model[(ia + at) / PAGE_SIZE] = pa + at + 1;
}

static void expect_same(void)
{
	struct pgt_leaf leaf;
	u64 i;

	for (i = 0; i < IA_PAGES; i++) {
		leaf = pgt_lookup(&pgt, i * PAGE_SIZE + 0x123);
		EXPECT(leaf.valid == (model[i] != 0));
		EXPECT(!leaf.valid || leaf.pa.v == model[i] - 1 + 0x123);
	}
}

static void root_of_40_bits_is_two_aligned_pages(void)
{
	setup();
	EXPECT(pgt.root_order == 1);
	EXPECT(IS_ALIGNED(va_to_pa(pgt.root).v, 2 * PAGE_SIZE));
	EXPECT(!pgt_map(&pgt, BIT(40) - PAGE_SIZE, PA(0x1000), PAGE_SIZE, ATTR));
	EXPECT(pgt_lookup(&pgt, BIT(40) - 1).pa.v == 0x1fff);
}

static void aligned_block_becomes_one_leaf(void)
{
	setup();
	EXPECT(!pgt_map(&pgt, SZ_2M, PA(SZ_1G), SZ_2M, ATTR));
	EXPECT(pgt_lookup(&pgt, SZ_2M).size == SZ_2M);
	EXPECT(pgt.nr_tables == 3);
}

static void misaligned_block_becomes_pages(void)
{
	setup();
	EXPECT(!pgt_map(&pgt, SZ_2M, PA(SZ_1G + PAGE_SIZE), SZ_2M, ATTR));
	EXPECT(pgt_lookup(&pgt, SZ_2M).size == PAGE_SIZE);
	EXPECT(pgt_lookup(&pgt, 2 * SZ_2M - 1).pa.v ==
	       SZ_1G + PAGE_SIZE + SZ_2M - 1);
}

static void blocks_stay_below_the_level_allowed(void)
{
	setup();
	EXPECT(!pgt_map(&pgt, SZ_1G, PA(SZ_1G), SZ_1G, ATTR));
	EXPECT(pgt_lookup(&pgt, SZ_1G).size == SZ_2M);
	setup();
	pgt.top_block_level = 1;
	EXPECT(!pgt_map(&pgt, SZ_1G, PA(SZ_1G), SZ_1G, ATTR));
	EXPECT(pgt_lookup(&pgt, SZ_1G).size == SZ_1G);
}

static void what_is_mapped_stays(void)
{
	setup();
	EXPECT(!pgt_map(&pgt, 0x3000, PA(0x7000), PAGE_SIZE, ATTR));
	EXPECT(!pgt_map(&pgt, 0, PA(SZ_2M), SZ_2M, ATTR));
	EXPECT(pgt_lookup(&pgt, 0x3000).pa.v == 0x7000);
	EXPECT(pgt_lookup(&pgt, 0x4000).pa.v == SZ_2M + 0x4000);
}

/* The entry of a page; the caller knows that there is one. */
static u64 entry_of_page(u64 ia)
{
	u64 *table = pgt.root;

	table = pa_to_va(PA(table[ia / SZ_1G] & PTE_ADDR));
	table = pa_to_va(PA(table[ia / SZ_2M % 512] & PTE_ADDR));
	return table[ia / PAGE_SIZE % 512];
}

static void split_keeps_translations_and_attributes(void)
{
	const u64 attr = ATTR | BIT(54);
	u64 before;

	setup();
	EXPECT(!pgt_map(&pgt, 0, PA(SZ_1G), SZ_2M, attr));
	model_map(0, SZ_1G, SZ_2M);
	before = pgt.nr_tables;
	EXPECT(!pgt_split(&pgt, 0x5000));
	EXPECT(entry_of_page(0x5000) ==
	       (SZ_1G + 0x5000 + (attr | PTE_VALID | PTE_TABLE)));
	EXPECT(pgt.nr_tables == before + 1);
	EXPECT(flushed_from == 0 && flushed_to == SZ_2M);
	EXPECT(pgt_lookup(&pgt, 0).size == PAGE_SIZE);
	expect_same();
}

static void join_undoes_a_split(void)
{
	u64 tables;

	setup();
	EXPECT(!pgt_map(&pgt, 0, PA(SZ_2M), 2 * SZ_2M, ATTR));
	model_map(0, SZ_2M, 2 * SZ_2M);
	tables = pgt.nr_tables;
	EXPECT(!pgt_split(&pgt, 0x5000));
	EXPECT(pgt_join(&pgt, 0x5000));
	EXPECT(flushed_from == 0 && flushed_to == SZ_2M);
	EXPECT(pgt.nr_tables == tables);
	EXPECT(pgt_lookup(&pgt, 0x5000).size == SZ_2M);
	EXPECT(pgt_join(&pgt, 0x5000));
	expect_same();
	/* Not with a hole */
	EXPECT(!pgt_split(&pgt, 0x5000));
	pgt_unmap(&pgt, 0x5000, PAGE_SIZE);
	model[5] = 0;
	EXPECT(!pgt_join(&pgt, 0x5000));
	EXPECT(!pgt_join(&pgt, 4 * SZ_2M));
	expect_same();
	/* Nor with pages that are no block */
	EXPECT(!pgt_map(&pgt, 2 * SZ_2M, PA(SZ_2M + PAGE_SIZE), SZ_2M, ATTR));
	EXPECT(!pgt_join(&pgt, 2 * SZ_2M));
}

static void unmap_of_a_page_leaves_the_rest(void)
{
	setup();
	EXPECT(!pgt_map(&pgt, 0, PA(SZ_1G), SZ_2M, ATTR));
	model_map(0, SZ_1G, SZ_2M);
	EXPECT(!pgt_split(&pgt, 0x5000));
	pgt_unmap(&pgt, 0x5000, PAGE_SIZE);
	model[5] = 0;
	EXPECT(flushed_from == 0x5000 && flushed_to == 0x6000);
	expect_same();
}

static void pages_are_those_of_one_table(void)
{
	const u64 last = SZ_2M - PAGE_SIZE;
	pa_t pa[8];

	setup();
	EXPECT(!pgt_map(&pgt, 0, PA(SZ_1G), 2 * PAGE_SIZE, ATTR));
	EXPECT(!pgt_map(&pgt, 2 * PAGE_SIZE, PA(0x7000), PAGE_SIZE, ATTR));
	EXPECT(!pgt_map(&pgt, last, PA(0x9000), 2 * PAGE_SIZE, ATTR));
	EXPECT(!pgt_map(&pgt, 2 * SZ_2M, PA(SZ_1G), SZ_2M, ATTR));
	EXPECT(pgt_pages(&pgt, PAGE_SIZE, pa, 8) == 2);
	EXPECT(pa[0].v == SZ_1G + PAGE_SIZE && pa[1].v == 0x7000);
	EXPECT(pgt_pages(&pgt, 0, pa, 2) == 2 && pa[0].v == SZ_1G);
	EXPECT(pgt_pages(&pgt, last, pa, 8) == 1 && pa[0].v == 0x9000);
	EXPECT(pgt_pages(&pgt, SZ_2M, pa, 8) == 1 && pa[0].v == 0xa000);
	/* A hole, a block, and nothing at all */
	EXPECT(!pgt_pages(&pgt, 3 * PAGE_SIZE, pa, 8));
	EXPECT(!pgt_pages(&pgt, 2 * SZ_2M, pa, 8));
	EXPECT(!pgt_pages(&pgt, SZ_1G, pa, 8) && !pgt_pages(&pgt, 0, pa, 0));
}

static void holes_end_with_their_table(void)
{
	u64 size;

	setup();
	EXPECT(!pgt_map(&pgt, SZ_1G + SZ_2M, PA(SZ_1G), SZ_2M, ATTR));
	EXPECT(!pgt_map(&pgt, SZ_1G + 5 * SZ_2M, PA(SZ_1G), PAGE_SIZE, ATTR));
	EXPECT(pgt_holes(&pgt, PAGE_SIZE, &size) == 1 &&
	       size == SZ_1G - PAGE_SIZE);
	EXPECT(pgt_holes(&pgt, SZ_1G, &size) == 1 && size == SZ_2M);
	EXPECT(!pgt_holes(&pgt, SZ_1G + SZ_2M, &size) && !size);
	EXPECT(pgt_holes(&pgt, SZ_1G + 2 * SZ_2M, &size) == 3 &&
	       size == 3 * SZ_2M);
	EXPECT(!pgt_holes(&pgt, SZ_1G + 5 * SZ_2M, &size) && !size);
	EXPECT(pgt_holes(&pgt, SZ_1G + 5 * SZ_2M + 3 * PAGE_SIZE, &size) == 509 &&
	       size == 509 * PAGE_SIZE);
	EXPECT(pgt_holes(&pgt, SZ_1G + 6 * SZ_2M, &size) == 506 &&
	       size == 506 * SZ_2M);
	/* The root is wider than other tables. */
	EXPECT(pgt_holes(&pgt, 2UL * SZ_1G, &size) == 1022 &&
	       size == 1022UL * SZ_1G);
}

static void pages_anywhere_go_where_holes_are(void)
{
	const u64 at = SZ_2M - 3 * PAGE_SIZE;
	u64 pfn[70], holes, i;

	setup();
	for (i = 0; i < ARRAY_SIZE(pfn); i++)
		pfn[i] = SZ_1G / PAGE_SIZE + 2 * i;
	/* To the end of the table, no further; and no more than 64 */
	EXPECT(pgt_pages_prepare(&pgt, at, pfn, 70, &holes) == 3 && holes == 7);
	EXPECT(pgt_pages_prepare(&pgt, SZ_2M, pfn, 70, &holes) == 64 &&
	       holes == ~0ULL);
	expect_same();
	EXPECT(!pgt_map(&pgt, at + PAGE_SIZE, PA(pfn[1] * PAGE_SIZE), PAGE_SIZE,
			ATTR));
	model_map(at + PAGE_SIZE, pfn[1] * PAGE_SIZE, PAGE_SIZE);
	EXPECT(pgt_pages_prepare(&pgt, at, pfn, 3, &holes) == 3 && holes == 5);
	pgt_pages_map(&pgt, at, pfn, 4, ATTR);
	model_map(at + 2 * PAGE_SIZE, pfn[2] * PAGE_SIZE, PAGE_SIZE);
	expect_same();
	EXPECT(pgt_pages_prepare(&pgt, at, pfn, 3, &holes) == 3 && holes == 1);
	/* One that is elsewhere, also by more than an address has bits */
	pfn[1]++;
	EXPECT(pgt_pages_prepare(&pgt, at, pfn, 3, &holes) == PGT_BUSY);
	pfn[1] += BIT(52) - 1;
	EXPECT(pgt_pages_prepare(&pgt, at, pfn, 3, &holes) == PGT_BUSY);
	EXPECT(pgt_pages_prepare(&pgt, at, pfn, 1, &holes) == 1 && holes == 1);
	/* A block is somebody else's business. */
	EXPECT(!pgt_map(&pgt, 2 * SZ_2M, PA(SZ_1G), SZ_2M, ATTR));
	EXPECT(!pgt_pages_prepare(&pgt, 2 * SZ_2M + PAGE_SIZE, pfn, 3, &holes));
}

/* Random maps, splits and unmaps; no memory is lost by it. */
static void any_sequence_matches_the_model(void)
{
	unsigned int i;
	u64 ia, pa, size, all = ~0ULL, free_before;

	test_memory_init();
	free_before = pool_free_pages();
	setup();
	for (i = 0; i < 3000; i++) {
		ia = test_random() % IA_PAGES * PAGE_SIZE;
		size = (test_random() % 700 + 1) * PAGE_SIZE;
		if (test_random() % 4 == 0) {
			ia = ALIGN_DOWN(ia, SZ_2M);
			size = SZ_2M;
		}
		size = MIN(size, IA_PAGES * PAGE_SIZE - ia);
		pa = ia + SZ_1G + (test_random() % 2) * SZ_2M;
		if (test_random() % 3) {
			EXPECT(!pgt_map(&pgt, ia, PA(pa), size, ATTR));
			model_map(ia, pa, size);
		} else {
			EXPECT(!pgt_split(&pgt, ia));
			EXPECT(!pgt_split(&pgt, ia + size - PAGE_SIZE));
			pgt_unmap(&pgt, ia, size);
			memset(&model[ia / PAGE_SIZE], 0,
			       size / PAGE_SIZE * sizeof(*model));
		}
		if (i % 100 == 0)
			expect_same();
	}
	expect_same();
	EXPECT(pgt_free_some(&pgt, &all));
	EXPECT(pool_free_pages() == free_before);
}

static void freeing_goes_in_steps(void)
{
	u64 budget, steps = 0;

	setup();
	for (budget = 0; budget < 10; budget++)
		EXPECT(!pgt_map(&pgt, budget * SZ_2M, PA(0x1000), PAGE_SIZE, ATTR));
	budget = 1;
	EXPECT(!pgt_free_some(&pgt, &budget) && !budget);
	do {
		budget = 4;
		steps++;
	} while (!pgt_free_some(&pgt, &budget));
	EXPECT(steps == 5);
	EXPECT(!pgt.root);
}

static void out_of_memory_changes_nothing(void)
{
	u64 pfn = SZ_1G / PAGE_SIZE, holes;
	void *ptr, *last = NULL;

	setup();
	EXPECT(!pgt_map(&pgt, 0, PA(SZ_1G), PAGE_SIZE, ATTR));
	model_map(0, SZ_1G, PAGE_SIZE);
	while ((ptr = pool_alloc(0)))
		last = ptr;
	EXPECT(pgt_map(&pgt, SZ_2M, PA(SZ_1G), 2 * PAGE_SIZE, ATTR) ==
	       PGT_NO_MEMORY);
	EXPECT(pgt_pages_prepare(&pgt, SZ_2M, &pfn, 1, &holes) == PGT_NO_MEMORY);
	expect_same();
	pool_free(last, 0);
	EXPECT(!pgt_map(&pgt, SZ_2M, PA(SZ_1G), 2 * PAGE_SIZE, ATTR));
}

static void pool_gives_aligned_zeroed_runs(void)
{
	unsigned int order, i;
	u64 before;
	u8 *ptr[4];

	test_memory_init();
	before = pool_free_pages();
	for (order = 0; order < 4; order++) {
		ptr[order] = pool_alloc(order);
		EXPECT(IS_ALIGNED(va_to_pa(ptr[order]).v, PAGE_SIZE << order));
		for (i = 0; i < PAGE_SIZE << order; i += 64)
			EXPECT(!ptr[order][i]);
		memset(ptr[order], 0xff, PAGE_SIZE << order);
	}
	EXPECT(pool_free_pages() == before - 15);
	for (order = 0; order < 4; order++)
		pool_free(ptr[order], order);
	EXPECT(pool_free_pages() == before);
}

static const struct test tests[] = {
	TEST(root_of_40_bits_is_two_aligned_pages),
	TEST(aligned_block_becomes_one_leaf),
	TEST(misaligned_block_becomes_pages),
	TEST(blocks_stay_below_the_level_allowed),
	TEST(what_is_mapped_stays),
	TEST(split_keeps_translations_and_attributes),
	TEST(join_undoes_a_split),
	TEST(unmap_of_a_page_leaves_the_rest),
	TEST(pages_are_those_of_one_table),
	TEST(holes_end_with_their_table),
	TEST(pages_anywhere_go_where_holes_are),
	TEST(any_sequence_matches_the_model),
	TEST(freeing_goes_in_steps),
	TEST(out_of_memory_changes_nothing),
	TEST(pool_gives_aligned_zeroed_runs),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
