// SPDX-License-Identifier: GPL-2.0
/*
 * EL2's own pages: page tables, VMs, vCPUs. One bit for each page; a run of
 * 2^order pages is aligned to its size. The host cannot access any of them.
 */
#include "core/mem/pool.h"
#include "lib/print.h"
#include "lib/spinlock.h"
#include "lib/string.h"

#define WORD_BITS	64

static struct {
	struct spinlock lock;
	u64 base;
	u64 nr_pages;
	u64 nr_free;
	u64 hint;		/* a page below which nothing is free */
	u64 *used;
} pool;

static bool is_used(u64 page)
{
	return pool.used[page / WORD_BITS] & BIT(page % WORD_BITS);
}

static void mark(u64 page, u64 nr, bool used)
{
	for (; nr--; page++) {
		if (used)
			pool.used[page / WORD_BITS] |= BIT(page % WORD_BITS);
		else
			pool.used[page / WORD_BITS] &= ~BIT(page % WORD_BITS);
	}
}

static bool run_is_free(u64 page, u64 nr)
{
	while (nr--)
		if (is_used(page++))
			return false;
	return true;
}

/**
 * pool_init() - take over a range of memory
 * @base: page-aligned start
 * @size: bytes; the map of pages in use comes out of it
 */
void pool_init(pa_t base, u64 size)
{
	u64 skip, map_pages;

	/* Pages are counted from an aligned address, so that runs are aligned. */
	pool.base = ALIGN_DOWN(base.v, SZ_2M);
	skip = (base.v - pool.base) / PAGE_SIZE;
	pool.nr_pages = skip + size / PAGE_SIZE;
	pool.used = pa_to_va(base);
	map_pages = ALIGN_UP(pool.nr_pages / 8 + 8, PAGE_SIZE) / PAGE_SIZE;
	memset(pool.used, 0, map_pages * PAGE_SIZE);
	mark(0, skip + map_pages, true);
	pool.hint = skip + map_pages;
	pool.nr_free = pool.nr_pages - pool.hint;
}

static u64 find_run(u64 nr)
{
	u64 page = ALIGN_UP(pool.hint, nr);

	while (page + nr <= pool.nr_pages) {
		if (run_is_free(page, nr))
			return page;
		page += nr;
		/* Whole words in use are the common case of a full pool. */
		while (page % WORD_BITS == 0 && page < pool.nr_pages &&
		       pool.used[page / WORD_BITS] == ~0ULL)
			page += MAX(nr, (u64)WORD_BITS);
	}
	return 0;
}

/**
 * pool_alloc() - get 2^order zeroed pages
 * @order: binary logarithm of their number
 *
 * Return: the pages, or NULL.
 */
void *pool_alloc(unsigned int order)
{
	u64 nr = 1ULL << order, page;
	void *ptr;

	spin_lock(&pool.lock);
	page = find_run(nr);
	if (page) {
		mark(page, nr, true);
		pool.nr_free -= nr;
		if (!order)
			pool.hint = page + 1;
	}
	spin_unlock(&pool.lock);
	if (!page)
		return NULL;
	ptr = pa_to_va(PA(pool.base + page * PAGE_SIZE));
	clear_pages(ptr, nr * PAGE_SIZE);
	return ptr;
}

/**
 * pool_free() - give pages back
 * @ptr: what pool_alloc() returned, NULL does nothing
 * @order: what it was asked for
 */
void pool_free(void *ptr, unsigned int order)
{
	u64 nr = 1ULL << order, page;

	if (!ptr)
		return;
	page = (va_to_pa(ptr).v - pool.base) / PAGE_SIZE;
	spin_lock(&pool.lock);
	BUG_ON(page + nr > pool.nr_pages || !is_used(page));
	mark(page, nr, false);
	pool.nr_free += nr;
	pool.hint = MIN(pool.hint, page);
	spin_unlock(&pool.lock);
}

u64 pool_free_pages(void)
{
	return READ_ONCE(pool.nr_free);
}

/** pool_is_consistent() - does the count of free pages match the map? */
bool pool_is_consistent(void)
{
	u64 page, nr = 0;
	bool ret;

	spin_lock(&pool.lock);
	for (page = 0; page < pool.nr_pages; page++)
		nr += !is_used(page);
	ret = nr == pool.nr_free;
	spin_unlock(&pool.lock);
	return ret;
}
