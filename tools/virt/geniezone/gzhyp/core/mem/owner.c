// SPDX-License-Identifier: GPL-2.0
/* The ownership table; core/mem/owner.h has the states and the transitions. */
#include "core/gz.h"
#include "core/mem/owner.h"
#include "lib/print.h"
#include "lib/spinlock.h"
#include "lib/string.h"

/* One u32 for each page: state in the top bits, a count or a VM's id below. */
#define STATE_SHIFT	28
#define VALUE_MASK	((1U << STATE_SHIFT) - 1)

static struct {
	struct spinlock lock;
	struct part {
		u64 pfn;
		u64 nr;
		u32 *entry;
	} part[OWNER_MAX_RANGES];	/* frames of a range of RAM */
	unsigned int nr;
	const struct owner_ops *ops;
} owner;

/*
 * A transition: every page must have @from and @value, or @from_alt and any value.
 * @next makes the new entry from the old one.
 */
struct step {
	u32 from;
	u32 from_alt;
	u32 value;
	u32 value_mask;
	u32 (*next)(u32 entry, u32 value);
};

static u32 entry_make(enum page_state state, u32 value)
{
	return (u32)state << STATE_SHIFT | value;
}

static enum page_state entry_state(u32 entry)
{
	return entry >> STATE_SHIFT;
}

static u32 entry_value(u32 entry)
{
	return entry & VALUE_MASK;
}

u64 owner_table_size(const struct ram_range *ram, unsigned int nr)
{
	u64 size = 0;

	while (nr--)
		size += ram++->size / PAGE_SIZE * sizeof(u32);
	return size;
}

/**
 * owner_init() - make the table; all pages are the host's
 * @ram: ranges of RAM
 * @nr: their number
 * @table: memory of owner_table_size()
 * @ops: the host's side
 */
void owner_init(const struct ram_range *ram, unsigned int nr, void *table,
		const struct owner_ops *ops)
{
	u32 *next = table;
	unsigned int i;

	owner.nr = MIN(nr, (unsigned int)OWNER_MAX_RANGES);
	owner.ops = ops;
	for (i = 0; i < owner.nr; i++) {
		owner.part[i] = (struct part) {
			.pfn = ram[i].base / PAGE_SIZE,
			.nr = ram[i].size / PAGE_SIZE,
			.entry = next,
		};
		next += ram[i].size / PAGE_SIZE;
	}
	memset(table, 0, owner_table_size(ram, nr));
}

/* Entries of [pa, pa + size), if that is whole pages of one range of RAM */
static u32 *entries_of(pa_t pa, u64 size)
{
	u64 pfn = pa.v / PAGE_SIZE;
	const struct part *p;

	if (!size || !IS_ALIGNED(pa.v | size, PAGE_SIZE))
		return NULL;
	for (p = owner.part; p < owner.part + owner.nr; p++)
		if (pfn - p->pfn < p->nr &&
		    size / PAGE_SIZE <= p->nr - (pfn - p->pfn))
			return p->entry + (pfn - p->pfn);
	return NULL;
}

/* The entry of a frame, if it is one of RAM */
static u32 *entry_of_frame(u64 pfn)
{
	const struct part *p;

	for (p = owner.part; p < owner.part + owner.nr; p++)
		if (pfn - p->pfn < p->nr)
			return p->entry + (pfn - p->pfn);
	return NULL;
}

static u32 to_hyp(u32 entry, u32 value)
{
	return entry_make(PAGE_HYP, 0);
}

static u32 to_lent(u32 entry, u32 value)
{
	u32 count = entry_state(entry) == PAGE_SHARED ? entry_value(entry) : 0;

	return entry_make(PAGE_SHARED, count + 1);
}

static u32 to_unlent(u32 entry, u32 value)
{
	if (entry_value(entry) == 1)
		return entry_make(PAGE_HOST, 0);
	return entry_make(PAGE_SHARED, entry_value(entry) - 1);
}

static u32 to_guest(u32 entry, u32 vm)
{
	return entry_make(PAGE_GUEST, vm);
}

static u32 to_guest_shared(u32 entry, u32 vm)
{
	return entry_make(PAGE_GUEST_SHARED, vm);
}

static u32 to_host(u32 entry, u32 value)
{
	return entry_make(PAGE_HOST, 0);
}

static bool step_allowed(const struct step *step, u32 entry)
{
	u32 state = entry_state(entry);

	if (state != step->from && state != step->from_alt)
		return false;
	if ((entry_value(entry) ^ step->value) & step->value_mask)
		return false;
	/* The count of lendings must not overflow into the state. */
	return step->next != to_lent || entry_value(entry) != VALUE_MASK;
}

/* Entries at once, where they are aligned */
#define AT_ONCE		8

static bool is_aligned(const u32 *entry)
{
	return IS_ALIGNED((uintptr_t)entry, sizeof(u64));
}

/* The end of the first entries that are alike: mostly all pages of a block are. */
static u32 *end_of_run(u32 *entry, const u32 *end)
{
	const u32 first = *entry++;
	const u64 two = (u64)first << 32 | first;
	const u64 *pair;

	if (!is_aligned(entry) && entry < end && *entry == first)
		entry++;
	while (is_aligned(entry) && end - entry >= AT_ONCE) {
		pair = (const u64 *)entry;
		if ((pair[0] ^ two) | (pair[1] ^ two) | (pair[2] ^ two) |
		    (pair[3] ^ two))
			break;
		entry += AT_ONCE;
	}
	while (entry < end && *entry == first)
		entry++;
	return entry;
}

static void fill(u32 *entry, const u32 *end, u32 value)
{
	const u64 two = (u64)value << 32 | value;
	u64 *pair;

	if (!is_aligned(entry) && entry < end)
		*entry++ = value;
	for (; end - entry >= AT_ONCE; entry += AT_ONCE) {
		pair = (u64 *)entry;
		pair[0] = two;
		pair[1] = two;
		pair[2] = two;
		pair[3] = two;
	}
	while (entry < end)
		*entry++ = value;
}

static int check_locked(const struct step *step, pa_t pa, u64 size)
{
	u32 *entry = entries_of(pa, size), *end;

	if (!entry)
		return GZ_INVALID_ARGS;
	for (end = entry + size / PAGE_SIZE; entry < end; entry = end_of_run(entry, end))
		if (!step_allowed(step, *entry))
			return GZ_INVALID_ARGS;
	return 0;
}

static void apply_locked(const struct step *step, pa_t pa, u64 size, u32 value)
{
	u32 *entry = entries_of(pa, size), *end = entry + size / PAGE_SIZE, *run;

	for (; entry < end; entry = run) {
		run = end_of_run(entry, end);
		fill(entry, run, step->next(*entry, value));
	}
}

/* The same if all entries are alike, as those of a block are, with one look at each */
static bool apply_to_alike(const struct step *step, pa_t pa, u64 size, u32 value)
{
	u32 *entry = entries_of(pa, size), *end;

	if (!entry || !step_allowed(step, *entry))
		return false;
	end = entry + size / PAGE_SIZE;
	if (end_of_run(entry, end) != end)
		return false;
	fill(entry, end, step->next(*entry, value));
	return true;
}

static int take_step(const struct step *step, pa_t pa, u64 size, u32 value)
{
	int err = 0;

	spin_lock(&owner.lock);
	if (!apply_to_alike(step, pa, size, value)) {
		err = check_locked(step, pa, size);
		if (!err)
			apply_locked(step, pa, size, value);
	}
	spin_unlock(&owner.lock);
	return err;
}

/** owner_claim() - HOST -> HYP, at boot; the host's stage 2 is not made yet */
int owner_claim(pa_t pa, u64 size)
{
	static const struct step step = {
		.from = PAGE_HOST, .from_alt = PAGE_HOST, .next = to_hyp,
	};

	return take_step(&step, pa, size, 0);
}

static const struct step lend_step = {
	.from = PAGE_HOST, .from_alt = PAGE_SHARED, .next = to_lent,
};

/**
 * owner_can_lend() - would owner_lend() agree now?
 * @pa: page-aligned start
 * @size: bytes
 */
bool owner_can_lend(pa_t pa, u64 size)
{
	bool ret;

	spin_lock(&owner.lock);
	ret = !check_locked(&lend_step, pa, size);
	spin_unlock(&owner.lock);
	return ret;
}

/**
 * owner_lend() - let a guest, or gzhyp, use pages of the host beside the host
 * @pa: page-aligned start
 * @size: bytes
 *
 * Return: 0, or GZ_INVALID_ARGS if any of it is not the host's RAM.
 */
int owner_lend(pa_t pa, u64 size)
{
	return take_step(&lend_step, pa, size, 0);
}

static void unlend_frames_locked(const u64 *pfn, u64 mask)
{
	u32 *entry;

	for (; mask; mask &= mask - 1) {
		entry = entry_of_frame(pfn[__builtin_ctzll(mask)]);
		*entry = to_unlent(*entry, 0);
	}
}

/**
 * owner_lend_frames() - owner_lend() for scattered pages
 * @pfn: frames
 * @mask: which of them
 *
 * Return: 0; or GZ_INVALID_ARGS, and nothing has changed, if any is not the host's
 * RAM.
 */
int owner_lend_frames(const u64 *pfn, u64 mask)
{
	u64 rest = mask;
	u32 *entry;

	spin_lock(&owner.lock);
	for (; rest; rest &= rest - 1) {
		entry = entry_of_frame(pfn[__builtin_ctzll(rest)]);
		if (!entry || !step_allowed(&lend_step, *entry))
			break;
		*entry = to_lent(*entry, 0);
	}
	/* Undo the ones before the page that was refused. */
	if (rest)
		unlend_frames_locked(pfn, mask & ((rest & -rest) - 1));
	spin_unlock(&owner.lock);
	return rest ? GZ_INVALID_ARGS : 0;
}

/**
 * owner_unlend_frames() - undo owner_lend_frames()
 * @pfn: as it was given
 * @mask: as well
 */
void owner_unlend_frames(const u64 *pfn, u64 mask)
{
	spin_lock(&owner.lock);
	unlend_frames_locked(pfn, mask);
	spin_unlock(&owner.lock);
}

/** owner_unlend() - undo one owner_lend() */
int owner_unlend(pa_t pa, u64 size)
{
	static const struct step step = {
		.from = PAGE_SHARED, .from_alt = PAGE_SHARED, .next = to_unlent,
	};

	return take_step(&step, pa, size, 0);
}

/**
 * owner_unlend_pages() - undo one owner_lend() of scattered pages
 * @pa: the pages
 * @nr: their number
 *
 * Return: the number of pages before the first one that is not lent.
 */
unsigned int owner_unlend_pages(const pa_t *pa, unsigned int nr)
{
	unsigned int i;
	u32 *entry;

	spin_lock(&owner.lock);
	for (i = 0; i < nr; i++) {
		entry = entry_of_frame(pa[i].v / PAGE_SIZE);
		if (!entry || entry_state(*entry) != PAGE_SHARED)
			break;
		*entry = to_unlent(*entry, 0);
	}
	spin_unlock(&owner.lock);
	return i;
}

static int prepare_locked(const struct step *step, pa_t pa, u64 size)
{
	int err = check_locked(step, pa, size);

	return err ? err : owner.ops->prepare(pa, size);
}

/* A transition after which the host cannot access the pages any more */
static int take_from_host(const struct step *step, pa_t pa, u64 size, u16 vm)
{
	int err;

	spin_lock(&owner.lock);
	err = prepare_locked(step, pa, size);
	if (!err) {
		apply_locked(step, pa, size, vm);
		owner.ops->unmap(pa, size);
	}
	spin_unlock(&owner.lock);
	return err;
}

static const struct step donate_step = {
	.from = PAGE_HOST, .from_alt = PAGE_HOST, .next = to_guest,
};

/**
 * owner_prepare_donate() - would owner_donate() agree now?
 * @pa: page-aligned start
 * @size: bytes
 *
 * If so, it will not fail for lack of memory later.
 *
 * Return: 0, GZ_INVALID_ARGS or GZ_NO_MEMORY.
 */
int owner_prepare_donate(pa_t pa, u64 size)
{
	int err;

	spin_lock(&owner.lock);
	err = prepare_locked(&donate_step, pa, size);
	spin_unlock(&owner.lock);
	return err;
}

/**
 * owner_donate() - HOST -> GUEST; the host cannot access the pages any more
 * @pa: page-aligned start
 * @size: bytes
 * @vm: the protected guest's VM
 *
 * Return: 0, GZ_INVALID_ARGS or GZ_NO_MEMORY.
 */
int owner_donate(pa_t pa, u64 size, u16 vm)
{
	return take_from_host(&donate_step, pa, size, vm);
}

/**
 * owner_seal() - SHARED -> GUEST, for pages that are lent exactly once
 * @pa: page-aligned start
 * @size: bytes
 * @vm: the protected guest's VM, which has this one lending
 *
 * Return: 0, GZ_INVALID_ARGS or GZ_NO_MEMORY.
 */
int owner_seal(pa_t pa, u64 size, u16 vm)
{
	static const struct step step = {
		.from = PAGE_SHARED, .from_alt = PAGE_SHARED, .value = 1,
		.value_mask = VALUE_MASK, .next = to_guest,
	};

	return take_from_host(&step, pa, size, vm);
}

/** owner_guest_share() - GUEST -> GUEST_SHARED: the host may access as well */
int owner_guest_share(pa_t pa, u64 size, u16 vm)
{
	const struct step step = {
		.from = PAGE_GUEST, .from_alt = PAGE_GUEST, .value = vm,
		.value_mask = VALUE_MASK, .next = to_guest_shared,
	};
	int err;

	spin_lock(&owner.lock);
	err = check_locked(&step, pa, size);
	if (!err) {
		apply_locked(&step, pa, size, vm);
		owner.ops->map(pa, size);
	}
	spin_unlock(&owner.lock);
	return err;
}

/** owner_guest_unshare() - GUEST_SHARED -> GUEST */
int owner_guest_unshare(pa_t pa, u64 size, u16 vm)
{
	const struct step step = {
		.from = PAGE_GUEST_SHARED, .from_alt = PAGE_GUEST_SHARED,
		.value = vm, .value_mask = VALUE_MASK, .next = to_guest,
	};

	return take_from_host(&step, pa, size, vm);
}

/** owner_return() - GUEST or GUEST_SHARED -> HOST; wiped before */
int owner_return(pa_t pa, u64 size, u16 vm)
{
	const struct step step = {
		.from = PAGE_GUEST, .from_alt = PAGE_GUEST_SHARED, .value = vm,
		.value_mask = VALUE_MASK, .next = to_host,
	};
	int err;

	spin_lock(&owner.lock);
	err = check_locked(&step, pa, size);
	if (!err) {
		apply_locked(&step, pa, size, 0);
		owner.ops->map(pa, size);
	}
	spin_unlock(&owner.lock);
	return err;
}

static bool host_may_access_locked(pa_t pa)
{
	u32 *entry = entries_of(PA(ALIGN_DOWN(pa.v, PAGE_SIZE)), PAGE_SIZE);

	return entry && entry_state(*entry) != PAGE_HYP &&
	       entry_state(*entry) != PAGE_GUEST;
}

/** owner_host_may_access() - is this RAM that the host may read and write? */
bool owner_host_may_access(pa_t pa)
{
	bool ret;

	spin_lock(&owner.lock);
	ret = host_may_access_locked(pa);
	spin_unlock(&owner.lock);
	return ret;
}

/**
 * owner_copy_from_host() - read what the host has prepared for a hypercall
 * @dst: EL2's memory
 * @src: the address given by the host, may be anything
 * @size: bytes, at most a few pages
 *
 * While the lock is held, the pages stay the host's.
 *
 * Return: 0, or GZ_FAULT if it is not the host's RAM.
 */
int owner_copy_from_host(void *dst, pa_t src, u64 size)
{
	u64 last = src.v + size - 1, page;
	int err = GZ_FAULT;

	if (!size || last < src.v)
		return GZ_FAULT;
	spin_lock(&owner.lock);
	for (page = ALIGN_DOWN(src.v, PAGE_SIZE); page <= last; page += PAGE_SIZE)
		if (!host_may_access_locked(PA(page)))
			goto out;
	memcpy(dst, pa_to_va(src), size);
	err = 0;
out:
	spin_unlock(&owner.lock);
	return err;
}

/**
 * owner_state() - a page's state
 * @pa: any address
 * @value: the count of lendings, or the VM's id
 *
 * Return: enum page_state, or -1 if it is not RAM.
 */
int owner_state(pa_t pa, u32 *value)
{
	u32 *entry;
	int ret = -1;

	spin_lock(&owner.lock);
	entry = entries_of(PA(ALIGN_DOWN(pa.v, PAGE_SIZE)), PAGE_SIZE);
	if (entry) {
		*value = entry_value(*entry);
		ret = entry_state(*entry);
	}
	spin_unlock(&owner.lock);
	return ret;
}

/* For the host's stage 2, which changes together with the table. */
void owner_lock(void)
{
	spin_lock(&owner.lock);
}

void owner_unlock(void)
{
	spin_unlock(&owner.lock);
}

/* The run of equal entries in @p from index @first on */
static struct owner_run run_from(const struct part *p, u64 first)
{
	const u32 *entry = p->entry;
	u64 i = first + 1;

	while (i < p->nr && entry[i] == entry[first])
		i++;
	return (struct owner_run) {
		.pa = PA((p->pfn + first) * PAGE_SIZE),
		.pages = i - first,
		.state = entry_state(entry[first]),
		.value = entry_value(entry[first]),
	};
}

/**
 * owner_run_at() - the run of equal pages from an address on
 * @pa: page-aligned address
 *
 * Return: the run; it has 0 pages if the address is not RAM.
 */
struct owner_run owner_run_at(pa_t pa)
{
	struct owner_run run = { .pa = pa };
	const struct part *p;

	spin_lock(&owner.lock);
	for (p = owner.part; p < owner.part + owner.nr && !run.pages; p++)
		if (pa.v / PAGE_SIZE - p->pfn < p->nr)
			run = run_from(p, pa.v / PAGE_SIZE - p->pfn);
	spin_unlock(&owner.lock);
	return run;
}

/* Start of the first range of RAM that begins at or above @from, or ~0 */
static u64 range_after(u64 from)
{
	const struct part *p;
	u64 best = ~0ULL;

	for (p = owner.part; p < owner.part + owner.nr; p++)
		if (p->pfn * PAGE_SIZE >= from && p->nr)
			best = MIN(best, p->pfn * PAGE_SIZE);
	return best;
}

/**
 * owner_next_run() - walk the whole table
 * @run: zeroed at first; gets the next run
 *
 * Return: false at the end.
 */
bool owner_next_run(struct owner_run *run)
{
	u64 at = run->pa.v + run->pages * PAGE_SIZE;
	struct owner_run next = owner_run_at(PA(at));

	if (!next.pages && range_after(at) != ~0ULL)
		next = owner_run_at(PA(range_after(at)));
	*run = next;
	return next.pages;
}
