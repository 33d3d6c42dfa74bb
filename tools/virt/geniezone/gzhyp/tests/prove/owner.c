// SPDX-License-Identifier: GPL-2.0
/*
 * The ownership transitions, from every state of the table, for every call with any
 * address, any size and any VM:
 *
 *   - a page never has two owners: a guest's page stays this guest's until this guest
 *     or its end gives it up, and only a page that is the host's alone, or lent once
 *     and sealed, becomes a guest's
 *   - a guest's private page and gzhyp's pages are not mapped in the host's stage 2,
 *     all others are
 *   - pages outside of the range that was asked for do not change, and a call that
 *     fails changes none
 *   - the count of lendings does not wrap
 */
#include "tests/prove/prove.h"
#include "core/mem/owner.c"

#define PART_PAGES	2
#define PAGES		(2 * PART_PAGES)
#define BASE_0		0x40000000UL
#define BASE_1		0x80000000UL

u64 test_phys_offset;
static u32 table[PAGES], before[PAGES];
static bool host_maps[PAGES];
static bool no_memory;

static u64 pa_of(unsigned int n)
{
	return n < PART_PAGES ? BASE_0 + n * PAGE_SIZE :
	       BASE_1 + (n - PART_PAGES) * PAGE_SIZE;
}

static bool in_range(unsigned int n, pa_t pa, u64 size)
{
	return pa_of(n) - pa.v < size;
}

static int prepare(pa_t pa, u64 size)
{
	return no_memory ? GZ_NO_MEMORY : 0;
}

static void set_host_map(pa_t pa, u64 size, bool maps)
{
	unsigned int n;

	for (n = 0; n < PAGES; n++)
		if (in_range(n, pa, size))
			host_maps[n] = maps;
}

static void unmap(pa_t pa, u64 size)
{
	PROVE(!no_memory);
	set_host_map(pa, size, false);
}

static void map(pa_t pa, u64 size)
{
	set_host_map(pa, size, true);
}

static const struct owner_ops ops = {
	.prepare = prepare, .unmap = unmap, .map = map,
};

static bool is_sound(u32 entry, bool mapped)
{
	switch (entry_state(entry)) {
	case PAGE_HOST:
		return !entry_value(entry) && mapped;
	case PAGE_HYP:
		return !entry_value(entry) && !mapped;
	case PAGE_SHARED:
		return entry_value(entry) && mapped;
	case PAGE_GUEST:
		return entry_value(entry) && !mapped;
	case PAGE_GUEST_SHARED:
		return entry_value(entry) && mapped;
	}
	return false;
}

static void any_table(void)
{
	unsigned int n;

	owner.nr = 2;
	owner.ops = &ops;
	owner.part[0] = (struct part) { BASE_0 / PAGE_SIZE, PART_PAGES, table };
	owner.part[1] = (struct part) {
		BASE_1 / PAGE_SIZE, PART_PAGES, table + PART_PAGES,
	};
	for (n = 0; n < PAGES; n++) {
		table[n] = nondet_u32();
		before[n] = table[n];
		host_maps[n] = nondet_bool();
		GIVEN(is_sound(table[n], host_maps[n]));
	}
	no_memory = nondet_bool();
}

enum call {
	CLAIM, LEND, UNLEND, DONATE, SEAL, SHARE, UNSHARE, RETURN, ASK, ASK_DONATE,
	NR_CALLS,
};

static int do_call(enum call call, pa_t pa, u64 size, u16 vm)
{
	switch (call) {
	case CLAIM:
		return owner_claim(pa, size);
	case LEND:
		return owner_lend(pa, size);
	case UNLEND:
		return owner_unlend(pa, size);
	case DONATE:
		return owner_donate(pa, size, vm);
	case SEAL:
		return owner_seal(pa, size, vm);
	case SHARE:
		return owner_guest_share(pa, size, vm);
	case UNSHARE:
		return owner_guest_unshare(pa, size, vm);
	case RETURN:
		return owner_return(pa, size, vm);
	case ASK:
		return owner_can_lend(pa, size) ? 0 : GZ_INVALID_ARGS;
	default:
		return owner_prepare_donate(pa, size);
	}
}

/* May the call change a page from @from to @to? The arrows of core/mem/owner.h */
static bool is_arrow(enum call call, u32 from, u32 to, u16 vm)
{
	u32 is_host = from == entry_make(PAGE_HOST, 0);
	u32 value = entry_value(from);

	switch (call) {
	case CLAIM:
		return is_host && to == entry_make(PAGE_HYP, 0);
	case LEND:
		return (is_host || entry_state(from) == PAGE_SHARED) &&
		       to == entry_make(PAGE_SHARED, value + 1);
	case UNLEND:
		return entry_state(from) == PAGE_SHARED &&
		       to == (value == 1 ? entry_make(PAGE_HOST, 0) :
			      entry_make(PAGE_SHARED, value - 1));
	case DONATE:
		return is_host && to == entry_make(PAGE_GUEST, vm);
	case SEAL:
		return from == entry_make(PAGE_SHARED, 1) &&
		       to == entry_make(PAGE_GUEST, vm);
	case SHARE:
		return from == entry_make(PAGE_GUEST, vm) &&
		       to == entry_make(PAGE_GUEST_SHARED, vm);
	case UNSHARE:
		return from == entry_make(PAGE_GUEST_SHARED, vm) &&
		       to == entry_make(PAGE_GUEST, vm);
	case RETURN:
		return (from == entry_make(PAGE_GUEST, vm) ||
			from == entry_make(PAGE_GUEST_SHARED, vm)) &&
		       to == entry_make(PAGE_HOST, 0);
	default:
		return from == to;
	}
}

static void prove_calls(void)
{
	enum call call = nondet_u32();
	pa_t pa = PA(nondet_u64());
	u64 size = nondet_u64();
	u16 vm = nondet_u16();
	unsigned int n;
	int err;

	GIVEN(call < NR_CALLS);
	/* VMs are numbered from 1, and gzhyp claims memory before the host maps it. */
	GIVEN(vm);
	err = do_call(call, pa, size, vm);
	for (n = 0; n < PAGES; n++) {
		if (!err && in_range(n, pa, size))
			PROVE(is_arrow(call, before[n], table[n], vm));
		else
			PROVE(table[n] == before[n]);
		PROVE(is_sound(table[n], host_maps[n]) ||
		      (call == CLAIM && entry_state(table[n]) == PAGE_HYP));
		PROVE(owner_host_may_access(PA(pa_of(n))) == host_maps[n] ||
		      entry_state(table[n]) == PAGE_HYP);
	}
}

/* Scattered frames, some of them twice or not RAM: all are lent, or none */
static void prove_frames(void)
{
	u64 pfn[3] = { nondet_u64(), nondet_u64(), nondet_u64() }, mask = nondet_u64();
	unsigned int n, i, times;
	int err;

	GIVEN(mask < 8);
	err = owner_lend_frames(pfn, mask);
	for (n = 0; n < PAGES; n++) {
		for (i = 0, times = 0; i < 3; i++)
			times += mask >> i & 1 && pfn[i] == pa_of(n) / PAGE_SIZE;
		if (err || !times)
			PROVE(table[n] == before[n]);
		else
			PROVE(table[n] == entry_make(PAGE_SHARED,
						     entry_value(before[n]) + times));
		PROVE(is_sound(table[n], host_maps[n]));
	}
}

int main(void)
{
	any_table();
	if (nondet_bool())
		prove_calls();
	else
		prove_frames();
	return 0;
}
