// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory: maps the host's pages into a VM's stage 2. A call first checks
 * everything and allocates tables, then does everything.
 *
 * All functions are called with vm->lock held.
 */
#include "arch/cpu.h"
#include "arch/gic.h"
#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vm.h"
#include "lib/print.h"

/* The entry at @gpa, and how many of the @size bytes from there it covers */
static struct pgt_leaf look_at(struct vm *vm, u64 gpa, u64 size, u64 *len)
{
	struct pgt_leaf leaf = pgt_lookup(&vm->s2, gpa);

	*len = MIN(leaf.size - (gpa & (leaf.size - 1)), size);
	return leaf;
}

static int check_new(bool private, pa_t pa, u64 size)
{
	if (private)
		return owner_prepare_donate(pa, size);
	return owner_can_lend(pa, size) ? 0 : GZ_INVALID_ARGS;
}

/* Each page either is mapped as wanted, or is not mapped and may be. */
static int check_pages(struct vm *vm, bool private, u64 gpa, pa_t pa, u64 size)
{
	struct pgt_leaf leaf;
	int err = 0;
	u64 at, len;

	for (at = 0; at < size && !err; at += len) {
		leaf = look_at(vm, gpa + at, size - at, &len);
		if (!leaf.valid)
			err = check_new(private, PA(pa.v + at), len);
		else if (leaf.pa.v != pa.v + at)
			err = GZ_INVALID_ARGS;
	}
	return err;
}

static bool is_mapped(struct vm *vm, u64 gpa, pa_t pa, u64 size)
{
	struct pgt_leaf leaf;
	u64 at, len;

	for (at = 0; at < size; at += len) {
		leaf = look_at(vm, gpa + at, size - at, &len);
		if (!leaf.valid || leaf.pa.v != pa.v + at)
			return false;
	}
	return true;
}

/* Does the range lie in the region, and could it be RAM? */
static bool range_fits(const struct region *region, u64 gpa, pa_t pa, u64 pages)
{
	return pages <= IPA_LIMIT / PAGE_SIZE &&
	       IS_ALIGNED(gpa | pa.v, PAGE_SIZE) &&
	       range_ok(pa.v, pages * PAGE_SIZE, IPA_LIMIT) &&
	       gpa >= region->gpa &&
	       range_ok(gpa - region->gpa, pages * PAGE_SIZE, region->size);
}

/**
 * vm_map_check() - check a mapping and prepare vm_map_act()
 * @vm: the VM
 * @region: where
 * @gpa: guest-physical address in it
 * @pa: the host's pages
 * @pages: their number
 *
 * A page that is mapped already must be the same page: the host may get one fault
 * from two vCPUs.
 *
 * Return: 0, GZ_INVALID_ARGS or GZ_NO_MEMORY.
 */
int vm_map_check(struct vm *vm, const struct region *region, u64 gpa, pa_t pa,
		 u64 pages)
{
	u64 size = pages * PAGE_SIZE;
	int err;

	if (!range_fits(region, gpa, pa, pages))
		return GZ_INVALID_ARGS;
	err = check_pages(vm, protect_is_private(vm, region), gpa, pa, size);
	if (err)
		return err;
	return pgt_prepare(&vm->s2, gpa, pa, size);
}

/* Take pages from the host, for the guest alone or beside the host. */
static int take_pages(struct vm *vm, bool private, u64 gpa, pa_t pa, u64 size)
{
	int err = private ? owner_donate(pa, size, vm->id) : owner_lend(pa, size);

	if (err)
		return err;
	/*
	 * The guest's MMU is off at first, so the host's cache lines must be
	 * written back.
	 */
	dcache_clean_inval(pa_to_va(pa), size);
	if (private)
		protect_taken(vm, gpa, pa, size);
	return 0;
}

/* Take pages for all holes from @gpa on; @done gets the bytes covered. */
static int take_holes(struct vm *vm, bool private, u64 gpa, pa_t pa, u64 size,
		      u64 *done)
{
	struct pgt_leaf leaf;
	u64 len;
	int err;

	for (*done = 0; *done < size; *done += len) {
		leaf = look_at(vm, gpa + *done, size - *done, &len);
		if (leaf.valid)
			continue;
		err = take_pages(vm, private, gpa + *done, PA(pa.v + *done), len);
		if (err)
			return err;
	}
	return 0;
}

static void map_holes(struct vm *vm, struct region *region, u64 gpa, pa_t pa,
		      u64 size)
{
	struct pgt_leaf leaf;
	u64 at, len;

	for (at = 0; at < size; at += len) {
		leaf = look_at(vm, gpa + at, size - at, &len);
		if (leaf.valid)
			continue;
		BUG_ON(pgt_map(&vm->s2, gpa + at, PA(pa.v + at), len, S2_RW));
		region->mapped += len / PAGE_SIZE;
		vm->mapped_pages += len / PAGE_SIZE;
	}
}

/**
 * vm_map_act() - map what vm_map_check() has agreed to
 * @vm: the VM
 * @region: where
 * @gpa: guest-physical address in it
 * @pa: the host's pages
 * @pages: their number
 *
 * Since the check another CPU may have given a page to another guest; a page that
 * becomes the guest's alone may also be in the list twice. Such a hole and those
 * after it stay holes.
 *
 * Other vCPUs run and may execute a page as soon as it is mapped. Instruction
 * caches are therefore invalidated before.
 *
 * Return: 0 or GZ_INVALID_ARGS.
 */
int vm_map_act(struct vm *vm, struct region *region, u64 gpa, pa_t pa, u64 pages)
{
	bool private = protect_is_private(vm, region);
	u64 taken;
	int err;

	err = take_holes(vm, private, gpa, pa, pages * PAGE_SIZE, &taken);
	icache_inval_all();
	map_holes(vm, region, gpa, pa, taken);
	return err;
}

/* How many frames from @pfn on are consecutive */
static u64 run_length(const u64 *pfn, u64 nr)
{
	u64 n = 1;

	while (n < nr && pfn[n] == pfn[0] + n)
		n++;
	return n;
}

/* Run by run: for runs that may be blocks, and for pages that leave the host */
static int map_runs(struct vm *vm, struct region *region, u64 gpa,
		    const u64 *pfn, u64 nr)
{
	u64 i, n;
	int err;

	for (i = 0; i < nr; i += n) {
		n = run_length(pfn + i, nr - i);
		if (pfn[i] > IPA_LIMIT / PAGE_SIZE)
			return GZ_INVALID_ARGS;
		err = vm_map_check(vm, region, gpa + i * PAGE_SIZE,
				   PA(pfn[i] << PAGE_SHIFT), n);
		if (err)
			return err;
	}
	for (i = 0; i < nr; i += n) {
		n = run_length(pfn + i, nr - i);
		err = vm_map_act(vm, region, gpa + i * PAGE_SIZE,
				 PA(pfn[i] << PAGE_SHIFT), n);
		if (err)
			return err;
	}
	return 0;
}

/* Scattered pages are mapped in pieces: at most 64 pages of one table. */
struct piece {
	u64 holes;
	unsigned int nr;
};

#define PIECE_PAGES	64	/* see pgt_pages_prepare() */

/* One more, because a piece ends where its table ends */
#define MAX_PIECES	(GZ_MAILBOX_PFNS / PIECE_PAGES + 1)

/* Get the tables and pages of one piece. piece->nr is 0 if there is a block. */
static int take_piece(struct vm *vm, u64 gpa, const u64 *pfn, u64 nr,
		      struct piece *piece)
{
	int n = pgt_pages_prepare(&vm->s2, gpa, pfn, nr, &piece->holes);

	piece->nr = n > 0 ? n : 0;
	if (n <= 0)
		return n == PGT_BUSY ? GZ_INVALID_ARGS : n;
	return owner_lend_frames(pfn, piece->holes);
}

static u64 clean_frames(u64 first, u64 end)
{
	if (first < end)
		dcache_clean_inval(pa_to_va(PA(first << PAGE_SHIFT)),
				   (end - first) << PAGE_SHIFT);
	return end - first;
}

/* Clean consecutive frames at once. Returns how many there are. */
static u64 clean_piece(const u64 *pfn, u64 mask)
{
	u64 first = 0, end = 0, pages = 0, next;

	for (; mask; mask &= mask - 1) {
		next = pfn[__builtin_ctzll(mask)];
		if (next != end) {
			pages += clean_frames(first, end);
			first = next;
			end = next;
		}
		end++;
	}
	return pages + clean_frames(first, end);
}

static void map_piece(struct vm *vm, struct region *region, u64 gpa,
		      const u64 *pfn, u64 holes)
{
	u64 pages = clean_piece(pfn, holes);

	icache_inval_all();
	pgt_pages_map(&vm->s2, gpa, pfn, holes, S2_RW);
	region->mapped += pages;
	vm->mapped_pages += pages;
}

/*
 * All or nothing: the pages are lent first, which is the only step that can fail.
 * Returns 1, with nothing changed, if there are blocks.
 */
static int map_pages(struct vm *vm, struct region *region, u64 gpa,
		     const u64 *pfn, u64 nr)
{
	struct piece piece[MAX_PIECES], *p = piece;
	u64 i, end = 0;
	int err = 0;

	for (; end < nr; end += p++->nr) {
		err = take_piece(vm, gpa + end * PAGE_SIZE, pfn + end, nr - end, p);
		if (err || !p->nr)
			break;
	}
	for (i = 0, p = piece; i < end; i += p++->nr) {
		if (end == nr)
			map_piece(vm, region, gpa + i * PAGE_SIZE, pfn + i, p->holes);
		else
			owner_unlend_frames(pfn + i, p->holes);
	}
	return err ? err : end < nr;
}

/* The same for a run that is too short for a block */
static int map_short_run(struct vm *vm, struct region *region, u64 gpa, pa_t pa,
			 u64 pages)
{
	u64 pfn[PIECE_PAGES], i;

	for (i = 0; i < pages; i++)
		pfn[i] = pa.v / PAGE_SIZE + i;
	return map_pages(vm, region, gpa, pfn, pages);
}

/**
 * map_pause() - must a call that maps memory leave EL2 before it is done?
 * @mapped: it has mapped pages
 *
 * Return: 0 to go on; GZ_REPEAT if an interrupt of the host's is pending; or, with the
 * option "mapbusy" and if it has mapped pages, GZ_BUSY.
 */
int map_pause(bool mapped)
{
	if (mapped && option(OPT_MAP_BUSY))
		return GZ_BUSY;
	return gic_host_irq_pending() ? GZ_REPEAT : 0;
}

static int map_step(struct vm *vm, struct region *region, u64 gpa, pa_t pa, u64 pages)
{
	int err = vm_map_check(vm, region, gpa, pa, pages);

	return err ? err : vm_map_act(vm, region, gpa, pa, pages);
}

/**
 * vm_map() - map a run of pages
 * @vm: the VM
 * @region: where
 * @gpa: guest-physical address in it
 * @pa: the host's pages
 * @pages: their number
 * @done: how many of them earlier calls have mapped; updated
 *
 * Return: 0, GZ_INVALID_ARGS or GZ_NO_MEMORY. If there is more to do, see map_pause().
 */
int vm_map(struct vm *vm, struct region *region, u64 gpa, pa_t pa, u64 pages,
	   u64 *done)
{
	u64 n, ipa;
	bool old;
	pa_t from;
	int err;

	if (!range_fits(region, gpa, pa, pages))
		return GZ_INVALID_ARGS;
	if (option(OPT_MAP_STUCK))
		return GZ_BUSY;
	if (pages <= PIECE_PAGES && !protect_is_private(vm, region)) {
		err = map_short_run(vm, region, gpa, pa, pages);
		if (err <= 0)
			return err;
	}
	while (*done < pages) {
		n = MIN(pages - *done, MAP_CALL_PAGES);
		ipa = gpa + *done * PAGE_SIZE;
		from = PA(pa.v + *done * PAGE_SIZE);
		old = is_mapped(vm, ipa, from, n * PAGE_SIZE);
		err = old ? 0 : map_step(vm, region, ipa, from, n);
		if (err)
			return err;
		*done += n;
		err = *done < pages ? map_pause(!old) : 0;
		if (err)
			return err;
	}
	return 0;
}

static bool is_block(u64 gpa, const u64 *pfn, u64 nr)
{
	return nr == SZ_2M / PAGE_SIZE && run_length(pfn, nr) == nr &&
	       IS_ALIGNED(gpa | pfn[0] * PAGE_SIZE, SZ_2M);
}

/**
 * vm_map_pfns() - map scattered pages
 * @vm: the VM
 * @region: where
 * @gpa: guest-physical address in it
 * @pfn: the host's frames, one for each page; EL2's copy
 * @nr: their number, at most GZ_MAILBOX_PFNS
 *
 * Return: 0, GZ_BUSY, GZ_INVALID_ARGS or GZ_NO_MEMORY.
 */
int vm_map_pfns(struct vm *vm, struct region *region, u64 gpa, const u64 *pfn,
		u64 nr)
{
	int ret = 1;

	if (!range_fits(region, gpa, PA(0), nr))
		return GZ_INVALID_ARGS;
	if (option(OPT_WHOLE_BLOCKS) && !region_has_block(region, gpa, nr))
		return GZ_INVALID_ARGS;
	if (option(OPT_MAP_STUCK))
		return GZ_BUSY;
	if (!is_block(gpa, pfn, nr) && !protect_is_private(vm, region))
		ret = map_pages(vm, region, gpa, pfn, nr);
	return ret > 0 ? map_runs(vm, region, gpa, pfn, nr) : ret;
}
