// SPDX-License-Identifier: GPL-2.0
/*
 * The ownership table against a naive model: an array of states. Each call is tried
 * page by page on a copy, which is dropped if one page refuses.
 */
#include "core/gz.h"
#include "core/mem/owner.h"
#include "tests/ktap.h"

#define BASE	TEST_BASE
#define PAGES	64
#define SIZE	(PAGES * PAGE_SIZE)

struct model {
	int state[PAGES];
	u32 value[PAGES];
};

static struct model model;
static bool host_mapped[PAGES];
static bool out_of_memory;
static u32 table[PAGES];

static int prepare(pa_t pa, u64 size)
{
	return out_of_memory ? GZ_NO_MEMORY : 0;
}

static void set_mapped(pa_t pa, u64 size, bool mapped)
{
	u64 i;

	for (i = 0; i < size / PAGE_SIZE; i++)
		host_mapped[(pa.v - BASE) / PAGE_SIZE + i] = mapped;
}

static void unmap(pa_t pa, u64 size)
{
	set_mapped(pa, size, false);
}

static void map(pa_t pa, u64 size)
{
	set_mapped(pa, size, true);
}

static const struct owner_ops ops = {
	.prepare = prepare,
	.unmap = unmap,
	.map = map,
};

static void setup(void)
{
	static const struct ram_range ram = { BASE, SIZE };

	test_memory_init();
	EXPECT(owner_table_size(&ram, 1) == sizeof(table));
	owner_init(&ram, 1, table, &ops);
	memset(&model, 0, sizeof(model));
	memset(host_mapped, true, sizeof(host_mapped));
	out_of_memory = false;
}

enum call {
	CLAIM, LEND, UNLEND, DONATE, SEAL, SHARE, UNSHARE, RETURN, NR_CALLS
};

static int real_call(enum call call, u64 pa, u64 size, u16 vm)
{
	switch (call) {
	case CLAIM:
		return owner_claim(PA(pa), size);
	case LEND:
		return owner_lend(PA(pa), size);
	case UNLEND:
		return owner_unlend(PA(pa), size);
	case DONATE:
		return owner_donate(PA(pa), size, vm);
	case SEAL:
		return owner_seal(PA(pa), size, vm);
	case SHARE:
		return owner_guest_share(PA(pa), size, vm);
	case UNSHARE:
		return owner_guest_unshare(PA(pa), size, vm);
	default:
		return owner_return(PA(pa), size, vm);
	}
}

/* The transition of one page, state by state */
static bool model_page(enum call call, int *state, u32 *value, u16 vm)
{
	switch (call) {
	case CLAIM:
		if (*state != PAGE_HOST)
			return false;
		*state = PAGE_HYP;
		return true;
	case LEND:
		if (*state != PAGE_HOST && *state != PAGE_SHARED)
			return false;
		*state = PAGE_SHARED;
		++*value;
		return true;
	case UNLEND:
		if (*state != PAGE_SHARED)
			return false;
		if (!--*value)
			*state = PAGE_HOST;
		return true;
	case DONATE:
		if (*state != PAGE_HOST)
			return false;
		*state = PAGE_GUEST;
		*value = vm;
		return true;
	case SEAL:
		if (*state != PAGE_SHARED || *value != 1)
			return false;
		*state = PAGE_GUEST;
		*value = vm;
		return true;
	case SHARE:
		if (*state != PAGE_GUEST || *value != vm)
			return false;
		*state = PAGE_GUEST_SHARED;
		return true;
	case UNSHARE:
		if (*state != PAGE_GUEST_SHARED || *value != vm)
			return false;
		*state = PAGE_GUEST;
		return true;
	default:
		if ((*state != PAGE_GUEST && *state != PAGE_GUEST_SHARED) ||
		    *value != vm)
			return false;
		*state = PAGE_HOST;
		*value = 0;
		return true;
	}
}

static bool model_call(enum call call, u64 pa, u64 size, u16 vm)
{
	struct model copy = model;
	u64 i, first = (pa - BASE) / PAGE_SIZE;

	for (i = 0; i < size / PAGE_SIZE; i++)
		if (!model_page(call, &copy.state[first + i],
				&copy.value[first + i], vm))
			return false;
	model = copy;
	return true;
}

static void expect_same(void)
{
	bool visible;
	u32 value;
	int i;

	for (i = 0; i < PAGES; i++) {
		EXPECT(owner_state(PA(BASE + i * PAGE_SIZE), &value) ==
		       model.state[i]);
		EXPECT(value == model.value[i]);
		visible = model.state[i] != PAGE_GUEST;
		EXPECT(host_mapped[i] == visible);
		EXPECT(owner_host_may_access(PA(BASE + i * PAGE_SIZE)) ==
		       (visible && model.state[i] != PAGE_HYP));
	}
}

static void every_step_from_every_state(void)
{
	static const enum call way[][3] = {
		[PAGE_HOST] = { NR_CALLS },
		[PAGE_HYP] = { CLAIM, NR_CALLS },
		[PAGE_SHARED] = { LEND, NR_CALLS },
		[PAGE_GUEST] = { DONATE, NR_CALLS },
		[PAGE_GUEST_SHARED] = { DONATE, SHARE, NR_CALLS },
	};
	unsigned int from, i;
	enum call call;
	u16 vm;

	for (from = 0; from < ARRAY_SIZE(way); from++) {
		for (call = 0; call < NR_CALLS * 2; call++) {
			vm = call < NR_CALLS ? 1 : 2;
			setup();
			for (i = 0; way[from][i] != NR_CALLS; i++) {
				EXPECT(!real_call(way[from][i], BASE, PAGE_SIZE, 1));
				EXPECT(model_call(way[from][i], BASE, PAGE_SIZE, 1));
			}
			EXPECT(model.state[0] == from);
			EXPECT(!real_call(call % NR_CALLS, BASE, PAGE_SIZE, vm) ==
			       model_call(call % NR_CALLS, BASE, PAGE_SIZE, vm));
			expect_same();
		}
	}
}

static void any_sequence_matches_the_model(void)
{
	u64 pa, size;
	enum call call;
	unsigned int i;
	u16 vm;

	setup();
	for (i = 0; i < 200000; i++) {
		pa = BASE + test_random() % PAGES * PAGE_SIZE;
		size = (test_random() % 4 + 1) * PAGE_SIZE;
		size = MIN(size, BASE + SIZE - pa);
		call = test_random() % NR_CALLS;
		vm = test_random() % 2 + 1;
		/* gzhyp's own never come back: few of them, or all end there */
		if (call == CLAIM && i % 5000)
			continue;
		EXPECT(!real_call(call, pa, size, vm) ==
		       model_call(call, pa, size, vm));
		if (i % 500 == 0)
			expect_same();
	}
	expect_same();
}

/* Pages that are lent different times, in ranges that begin and end anywhere */
static void ranges_of_any_length(void)
{
	unsigned int i, first, nr;
	enum call call;

	setup();
	for (i = 0; i < 20000; i++) {
		first = test_random() % PAGES;
		nr = test_random() % (PAGES - first) + 1;
		call = test_random() % 2 ? LEND : UNLEND;
		EXPECT(!real_call(call, BASE + first * PAGE_SIZE, nr * PAGE_SIZE, 1) ==
		       model_call(call, BASE + first * PAGE_SIZE, nr * PAGE_SIZE, 1));
		expect_same();
	}
}

static void ranges_are_pages_of_ram(void)
{
	setup();
	EXPECT(owner_lend(PA(BASE - PAGE_SIZE), PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(BASE + SIZE), PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(BASE), SIZE + PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(BASE + PAGE_SIZE), SIZE) == GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(BASE + PAGE_SIZE), ~0ULL << PAGE_SHIFT) ==
	       GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(~0ULL << PAGE_SHIFT), PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(BASE + 8), PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(BASE), PAGE_SIZE - 8) == GZ_INVALID_ARGS);
	EXPECT(owner_lend(PA(BASE), 0) == GZ_INVALID_ARGS);
	expect_same();
}

static void one_bad_page_refuses_all(void)
{
	setup();
	EXPECT(!owner_claim(PA(BASE + 3 * PAGE_SIZE), PAGE_SIZE));
	EXPECT(model_call(CLAIM, BASE + 3 * PAGE_SIZE, PAGE_SIZE, 0));
	EXPECT(owner_lend(PA(BASE), 8 * PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(owner_donate(PA(BASE), 8 * PAGE_SIZE, 1) == GZ_INVALID_ARGS);
	expect_same();
}

static void donation_without_memory_changes_nothing(void)
{
	setup();
	out_of_memory = true;
	EXPECT(owner_donate(PA(BASE), PAGE_SIZE, 1) == GZ_NO_MEMORY);
	expect_same();
}

static void a_page_lent_twice_can_not_be_sealed(void)
{
	setup();
	EXPECT(!owner_lend(PA(BASE), 2 * PAGE_SIZE));
	EXPECT(!owner_lend(PA(BASE + PAGE_SIZE), PAGE_SIZE));
	EXPECT(model_call(LEND, BASE, 2 * PAGE_SIZE, 0));
	EXPECT(model_call(LEND, BASE + PAGE_SIZE, PAGE_SIZE, 0));
	EXPECT(owner_seal(PA(BASE), 2 * PAGE_SIZE, 1) == GZ_INVALID_ARGS);
	expect_same();
	EXPECT(!owner_unlend(PA(BASE + PAGE_SIZE), PAGE_SIZE));
	EXPECT(model_call(UNLEND, BASE + PAGE_SIZE, PAGE_SIZE, 0));
	EXPECT(!owner_seal(PA(BASE), 2 * PAGE_SIZE, 1));
	EXPECT(model_call(SEAL, BASE, 2 * PAGE_SIZE, 1));
	expect_same();
}

static void sealing_without_memory_changes_nothing(void)
{
	setup();
	EXPECT(!owner_lend(PA(BASE), PAGE_SIZE));
	EXPECT(model_call(LEND, BASE, PAGE_SIZE, 0));
	out_of_memory = true;
	EXPECT(owner_seal(PA(BASE), PAGE_SIZE, 1) == GZ_NO_MEMORY);
	expect_same();
}

static void asking_for_a_donation_changes_nothing(void)
{
	setup();
	EXPECT(!owner_lend(PA(BASE), PAGE_SIZE));
	EXPECT(model_call(LEND, BASE, PAGE_SIZE, 0));
	EXPECT(owner_prepare_donate(PA(BASE), PAGE_SIZE) == GZ_INVALID_ARGS);
	EXPECT(!owner_prepare_donate(PA(BASE + PAGE_SIZE), PAGE_SIZE));
	out_of_memory = true;
	EXPECT(owner_prepare_donate(PA(BASE + PAGE_SIZE), PAGE_SIZE) == GZ_NO_MEMORY);
	expect_same();
}

static void copy_needs_all_of_it_to_be_the_hosts(void)
{
	u8 buf[64];

	setup();
	memset(pa_to_va(PA(BASE)), 0x77, 3 * PAGE_SIZE);
	EXPECT(!owner_donate(PA(BASE + PAGE_SIZE), PAGE_SIZE, 1));
	EXPECT(!owner_copy_from_host(buf, PA(BASE + PAGE_SIZE - 64), 64));
	EXPECT(buf[0] == 0x77 && buf[63] == 0x77);
	EXPECT(owner_copy_from_host(buf, PA(BASE + PAGE_SIZE - 32), 64) == GZ_FAULT);
	EXPECT(owner_copy_from_host(buf, PA(BASE + 2 * PAGE_SIZE - 1), 2) ==
	       GZ_FAULT);
	EXPECT(owner_copy_from_host(buf, PA(BASE + SIZE - 32), 64) == GZ_FAULT);
	EXPECT(owner_copy_from_host(buf, PA(~0ULL - 31), 64) == GZ_FAULT);
	EXPECT(owner_copy_from_host(buf, PA(0x9000000), 4) == GZ_FAULT);
	EXPECT(owner_copy_from_host(buf, PA(BASE), 0) == GZ_FAULT);
}

static int state_of(unsigned int n, u32 *value)
{
	return owner_state(PA(BASE + n * PAGE_SIZE), value);
}

static void pages_anywhere_are_unlent_up_to_one_that_is_not(void)
{
	const pa_t pa[] = {
		PA(BASE + 5 * PAGE_SIZE), PA(BASE), PA(BASE + 3 * PAGE_SIZE),
		PA(BASE + 9 * PAGE_SIZE), PA(BASE + 4 * PAGE_SIZE), PA(BASE + SIZE),
	};
	u32 value;

	setup();
	EXPECT(!owner_lend(PA(BASE), 6 * PAGE_SIZE));
	EXPECT(!owner_lend(PA(BASE), PAGE_SIZE));
	EXPECT(!owner_donate(pa[3], PAGE_SIZE, 1));
	EXPECT(owner_unlend_pages(pa, ARRAY_SIZE(pa)) == 3);
	EXPECT(state_of(5, &value) == PAGE_HOST && state_of(3, &value) == PAGE_HOST);
	EXPECT(state_of(0, &value) == PAGE_SHARED && value == 1);
	EXPECT(state_of(4, &value) == PAGE_SHARED && value == 1);
	EXPECT(state_of(9, &value) == PAGE_GUEST && value == 1);
	EXPECT(owner_unlend_pages(pa + 4, 2) == 1);
	EXPECT(state_of(4, &value) == PAGE_HOST);
	EXPECT(!owner_unlend_pages(pa, 1) && !owner_unlend_pages(pa + 5, 1));
}

/* Random frames, with and without a bad one: lent as if one by one, or not at all */
static void frames_anywhere_are_lent_all_or_none(void)
{
	u64 pfn[64], mask, rest;
	unsigned int i, n, nr;
	struct model before;
	bool ok;

	setup();
	EXPECT(!owner_donate(PA(BASE + 7 * PAGE_SIZE), PAGE_SIZE, 1));
	EXPECT(model_call(DONATE, BASE + 7 * PAGE_SIZE, PAGE_SIZE, 1));
	for (i = 0; i < 20000; i++) {
		nr = test_random() % 64 + 1;
		mask = test_random() >> (64 - nr);
		for (n = 0; n < 64; n++)
			do
				pfn[n] = BASE / PAGE_SIZE + test_random() % PAGES;
			while (pfn[n] == BASE / PAGE_SIZE + 7);
		if (i % 3 == 0)
			pfn[test_random() % nr] = BASE / PAGE_SIZE + 7;
		before = model;
		ok = true;
		for (rest = mask; rest && ok; rest &= rest - 1)
			ok = model_call(LEND, pfn[__builtin_ctzll(rest)] * PAGE_SIZE,
					PAGE_SIZE, 0);
		if (!ok)
			model = before;
		EXPECT(owner_lend_frames(pfn, mask) == (ok ? 0 : GZ_INVALID_ARGS));
		if (i % 100 == 0)
			expect_same();
		if (ok && i % 2) {
			owner_unlend_frames(pfn, mask);
			model = before;
		}
	}
	expect_same();
}

static void numbers_that_are_no_frames_are_not_lent(void)
{
	const u64 bad[] = {
		0, BASE / PAGE_SIZE - 1, (BASE + SIZE) / PAGE_SIZE, ~0ULL,
		BIT(52), BIT(52) + BASE / PAGE_SIZE, BIT(63) + BASE / PAGE_SIZE,
	};
	u64 pfn[2] = { BASE / PAGE_SIZE };
	unsigned int i;

	setup();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pfn[1] = bad[i];
		EXPECT(owner_lend_frames(pfn, 3) == GZ_INVALID_ARGS);
		EXPECT(owner_lend_frames(pfn, 2) == GZ_INVALID_ARGS);
		expect_same();
	}
	EXPECT(!owner_lend_frames(pfn, 0));
	expect_same();
	EXPECT(!owner_lend_frames(pfn, 1) && model_call(LEND, BASE, PAGE_SIZE, 0));
	expect_same();
}

static const struct test tests[] = {
	TEST(every_step_from_every_state),
	TEST(any_sequence_matches_the_model),
	TEST(ranges_of_any_length),
	TEST(ranges_are_pages_of_ram),
	TEST(one_bad_page_refuses_all),
	TEST(donation_without_memory_changes_nothing),
	TEST(a_page_lent_twice_can_not_be_sealed),
	TEST(sealing_without_memory_changes_nothing),
	TEST(asking_for_a_donation_changes_nothing),
	TEST(copy_needs_all_of_it_to_be_the_hosts),
	TEST(pages_anywhere_are_unlent_up_to_one_that_is_not),
	TEST(frames_anywhere_are_lent_all_or_none),
	TEST(numbers_that_are_no_frames_are_not_lent),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
