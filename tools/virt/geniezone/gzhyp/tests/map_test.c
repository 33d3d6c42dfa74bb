// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of guest memory. A page with a new owner is stale until all instruction
 * caches are invalidated; the guest must not see it before.
 */
#define TEST_SIZE	(32UL << 20)

#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "tests/ktap.h"

#define GPA	0x80000000UL
#define PAGES	(TEST_SIZE / PAGE_SIZE)
#define FRAME	(TEST_BASE / PAGE_SIZE + 1024)	/* of what guests get */
#define ME	3
#define OTHER	4

static struct vm vm;
static struct region region;
static u32 table[PAGES];
static bool stale[PAGES];
static u64 private_bytes;

static int prepare(pa_t pa, u64 size)
{
	return 0;
}

static void nothing(pa_t pa, u64 size)
{
}

static const struct owner_ops ops = {
	.prepare = prepare, .unmap = nothing, .map = nothing,
};

static void no_flush(struct pgtable *pgt, u64 ia, u64 size)
{
}

static void setup(bool private)
{
	static const struct ram_range ram = { TEST_BASE, TEST_SIZE };

	test_memory_init();
	pool_init(PA(TEST_BASE), 1024 * PAGE_SIZE);
	owner_init(&ram, 1, table, &ops);
	memset(&vm, 0, sizeof(vm));
	memset(stale, 0, sizeof(stale));
	vm.id = ME;
	vm.protection = private ? VM_SEALED : VM_OPEN;
	region = (struct region) { .gpa = GPA, .size = PAGES * PAGE_SIZE };
	private_bytes = 0;
	EXPECT(!pgt_init(&vm.s2, IPA_BITS, 1, 2));
	vm.s2.invalidate = no_flush;
}

static bool is_mapped(u64 page, u64 frame)
{
	struct pgt_leaf leaf = pgt_lookup(&vm.s2, GPA + page * PAGE_SIZE);

	return leaf.valid && leaf.pa.v == frame * PAGE_SIZE;
}

static bool is_hole(u64 page)
{
	return !pgt_lookup(&vm.s2, GPA + page * PAGE_SIZE).valid;
}

static void expect_nothing_stale_is_mapped(void)
{
	struct pgt_leaf leaf;
	u64 i;

	for (i = 0; i < PAGES; i++) {
		leaf = pgt_lookup(&vm.s2, GPA + i * PAGE_SIZE);
		EXPECT(!leaf.valid ||
		       !stale[(leaf.pa.v - TEST_BASE) / PAGE_SIZE]);
	}
}

/* Called when pages are taken; one that is lent once more has been before. */
void dcache_clean_inval(const void *va, u64 size)
{
	pa_t pa = va_to_pa(va);
	u32 lendings;
	u64 at;

	for (at = 0; at < size; at += PAGE_SIZE)
		if (owner_state(PA(pa.v + at), &lendings) != PAGE_SHARED ||
		    lendings == 1)
			stale[(pa.v + at - TEST_BASE) / PAGE_SIZE] = true;
	expect_nothing_stale_is_mapped();
}

void icache_inval_all(void)
{
	expect_nothing_stale_is_mapped();
	memset(stale, 0, sizeof(stale));
}

void protect_taken(struct vm *of, u64 gpa, pa_t pa, u64 size)
{
	private_bytes += size;
}

static bool irq_pending;

bool gic_host_irq_pending(void)
{
	return irq_pending;
}

static int map(u64 gpa, u64 frame, u64 pages)
{
	u64 done = 0;

	return vm_map(&vm, &region, gpa, PA(frame * PAGE_SIZE), pages, &done);
}

/* So that all around it are holes of one page */
static void map_one(u64 page, u64 frame)
{
	EXPECT(!map(GPA + page * PAGE_SIZE, frame, 1));
	expect_nothing_stale_is_mapped();
}

static void instruction_caches_forget_a_page_before_it_is_mapped(void)
{
	u64 i;

	setup(false);
	map_one(8, FRAME + 8);
	EXPECT(!map(GPA, FRAME, 600));
	expect_nothing_stale_is_mapped();
	for (i = 0; i < 600; i++)
		EXPECT(is_mapped(i, FRAME + i));
	EXPECT(is_hole(600));
	EXPECT(region.mapped == 600 && vm.mapped_pages == 600);
}

static void and_when_the_rest_can_not_be_had(void)
{
	u32 value;
	u64 i;

	setup(true);
	map_one(8, FRAME + 8);
	EXPECT(!vm_map_check(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), 16));
	/* Another CPU is faster. */
	EXPECT(!owner_donate(PA((FRAME + 5) * PAGE_SIZE), PAGE_SIZE, OTHER));
	EXPECT(vm_map_act(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), 16) ==
	       GZ_INVALID_ARGS);
	expect_nothing_stale_is_mapped();
	for (i = 0; i < 16; i++) {
		EXPECT(i < 5 || i == 8 ? is_mapped(i, FRAME + i) : is_hole(i));
		EXPECT(owner_state(PA((FRAME + i) * PAGE_SIZE), &value) ==
		       (i <= 5 || i == 8 ? PAGE_GUEST : PAGE_HOST));
	}
	EXPECT(region.mapped == 6 && vm.mapped_pages == 6);
	EXPECT(private_bytes == 6 * PAGE_SIZE);
}

static void private_frame_that_comes_twice_is_mapped_once(void)
{
	const u64 pfn[] = { FRAME, FRAME + 2, FRAME, FRAME + 3 };

	setup(true);
	EXPECT(vm_map_pfns(&vm, &region, GPA, pfn, 4) == GZ_INVALID_ARGS);
	expect_nothing_stale_is_mapped();
	EXPECT(is_mapped(0, FRAME) && is_mapped(1, FRAME + 2));
	EXPECT(is_hole(2) && is_hole(3));
	EXPECT(vm.mapped_pages == 2);
	/* One that is only lent may. */
	setup(false);
	EXPECT(!vm_map_pfns(&vm, &region, GPA, pfn, 4));
	EXPECT(is_mapped(0, FRAME) && is_mapped(2, FRAME));
}

/* Only the same frame may come again. */
static void page_keeps_its_frame(void)
{
	const u64 first[] = { FRAME, FRAME + 2 }, other[] = { FRAME, FRAME + 4 };
	u32 value;

	setup(false);
	EXPECT(!vm_map_pfns(&vm, &region, GPA, first, 2));
	EXPECT(!vm_map_pfns(&vm, &region, GPA, first, 2));
	EXPECT(vm_map_pfns(&vm, &region, GPA, other, 2) == GZ_INVALID_ARGS);
	EXPECT(is_mapped(0, FRAME) && is_mapped(1, FRAME + 2));
	EXPECT(owner_state(PA((FRAME + 4) * PAGE_SIZE), &value) == PAGE_HOST);
}

/* Frames that nobody has, apart from each other */
static void scatter(u64 *pfn, u64 nr)
{
	while (nr--)
		pfn[nr] = FRAME + 2 * nr;
}

static void expect_scattered(u64 first, const u64 *pfn, u64 nr)
{
	u64 i;

	expect_nothing_stale_is_mapped();
	for (i = 0; i < nr; i++)
		EXPECT(is_mapped(first + i, pfn[i]));
}

/* Over the end of a table, what is there already in their midst */
static void pages_that_lie_anywhere_are_mapped(void)
{
	u64 pfn[512];

	setup(false);
	scatter(pfn, 512);
	map_one(400 + 77, pfn[77]);
	EXPECT(!vm_map_pfns(&vm, &region, GPA + 400 * PAGE_SIZE, pfn, 512));
	expect_scattered(400, pfn, 512);
	EXPECT(region.mapped == 512 && vm.mapped_pages == 512);
	/* Once more: nothing is lent twice. */
	EXPECT(!vm_map_pfns(&vm, &region, GPA + 400 * PAGE_SIZE, pfn, 512));
	EXPECT(region.mapped == 512 && vm.mapped_pages == 512);
	EXPECT(!owner_unlend(PA(pfn[77] * PAGE_SIZE), PAGE_SIZE));
	EXPECT(owner_unlend(PA(pfn[77] * PAGE_SIZE), PAGE_SIZE));
}

static void expect_none_was_lent(const u64 *pfn, u64 nr)
{
	u32 value;
	u64 i;

	for (i = 0; i < nr; i++)
		EXPECT(owner_state(PA(pfn[i] * PAGE_SIZE), &value) != PAGE_SHARED);
	for (i = 0; i < PAGES; i++)
		EXPECT(is_hole(i));
	EXPECT(!region.mapped && !vm.mapped_pages);
}

/* In the first piece or the last: nothing is mapped, nothing stays lent. */
static void all_of_them_or_none(void)
{
	const u64 bad[] = { 0, 63, 64, 511 };
	u64 pfn[512];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(false);
		scatter(pfn, 512);
		EXPECT(!owner_donate(PA(pfn[bad[i]] * PAGE_SIZE), PAGE_SIZE, OTHER));
		EXPECT(vm_map_pfns(&vm, &region, GPA, pfn, 512) == GZ_INVALID_ARGS);
		expect_none_was_lent(pfn, 512);
		pfn[bad[i]] = BIT(52) + FRAME;
		EXPECT(vm_map_pfns(&vm, &region, GPA, pfn, 512) == GZ_INVALID_ARGS);
		expect_none_was_lent(pfn, bad[i]);
	}
	EXPECT(vm_map_pfns(&vm, &region, GPA - PAGE_SIZE, pfn, 2) ==
	       GZ_INVALID_ARGS);
	EXPECT(vm_map_pfns(&vm, &region, GPA + (PAGES - 1) * PAGE_SIZE, pfn, 2) ==
	       GZ_INVALID_ARGS);
	expect_none_was_lent(pfn, 2);
}

/* Behind a page that may be mapped comes a block, of other frames or the same. */
static void pages_may_meet_a_block(void)
{
	const u64 frame = ALIGN_UP(FRAME, 512);
	u64 pfn[8] = { frame + 600 };
	unsigned int i;
	u32 value;

	setup(false);
	EXPECT(!map(GPA + SZ_2M, frame, 512));
	EXPECT(pgt_lookup(&vm.s2, GPA + SZ_2M).size == SZ_2M);
	for (i = 1; i < 8; i++)
		pfn[i] = frame + i;
	EXPECT(vm_map_pfns(&vm, &region, GPA + SZ_2M - PAGE_SIZE, pfn, 8) ==
	       GZ_INVALID_ARGS);
	EXPECT(is_hole(511) &&
	       owner_state(PA(pfn[0] * PAGE_SIZE), &value) == PAGE_HOST);
	for (i = 1; i < 8; i++)
		pfn[i] = frame + i - 1;
	EXPECT(!vm_map_pfns(&vm, &region, GPA + SZ_2M - PAGE_SIZE, pfn, 8));
	EXPECT(is_mapped(511, pfn[0]) && vm.mapped_pages == 513);
	EXPECT(pgt_lookup(&vm.s2, GPA + SZ_2M).size == SZ_2M);
}

static void block_stays_a_block(void)
{
	const u64 frame = ALIGN_UP(FRAME, 512);
	u64 pfn[512], i;

	setup(false);
	for (i = 0; i < 512; i++)
		pfn[i] = frame + i;
	EXPECT(!vm_map_pfns(&vm, &region, GPA, pfn, 512));
	EXPECT(pgt_lookup(&vm.s2, GPA).size == SZ_2M);
	expect_scattered(0, pfn, 512);
}

/* A phone's EL2 maps all of it at once. */
static void only_mapbusy_maps_in_steps(void)
{
	const u64 pages = MAP_CALL_PAGES + 1;

	setup(false);
	EXPECT(!map(GPA, FRAME, pages));
	EXPECT(vm.mapped_pages == pages);
	setup(false);
	options = BIT(OPT_MAP_BUSY);
	EXPECT(map(GPA, FRAME, pages) == GZ_BUSY);
	EXPECT(vm.mapped_pages == MAP_CALL_PAGES);
	EXPECT(!map(GPA, FRAME, pages));
	EXPECT(vm.mapped_pages == pages);
	options = 0;
}

static void only_an_interrupt_of_the_host_divides_a_call(void)
{
	const u64 pages = 2 * MAP_CALL_PAGES + 1;
	u64 done = 0;

	setup(false);
	irq_pending = true;
	EXPECT(vm_map(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), pages, &done) ==
	       GZ_REPEAT);
	EXPECT(done == MAP_CALL_PAGES && vm.mapped_pages == done);
	EXPECT(vm_map(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), pages, &done) ==
	       GZ_REPEAT);
	EXPECT(done == 2 * MAP_CALL_PAGES && vm.mapped_pages == done);
	EXPECT(!vm_map(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), pages, &done));
	EXPECT(done == pages && vm.mapped_pages == pages);
	/* Pages that are mapped already take time, too. */
	done = 0;
	EXPECT(vm_map(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), pages, &done) ==
	       GZ_REPEAT);
	EXPECT(done == MAP_CALL_PAGES);
	irq_pending = false;
	EXPECT(!vm_map(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), pages, &done));
	EXPECT(vm.mapped_pages == pages);
}

static void mapstuck_maps_nothing(void)
{
	const u64 pfn = FRAME;

	setup(false);
	options = BIT(OPT_MAP_STUCK);
	EXPECT(map(GPA, FRAME, 1) == GZ_BUSY);
	EXPECT(vm_map_pfns(&vm, &region, GPA, &pfn, 1) == GZ_BUSY);
	EXPECT(!vm.mapped_pages);
	options = 0;
}

static void wholeblocks_wants_all_of_a_block(void)
{
	static u64 pfn[GZ_MAILBOX_PFNS];
	u64 i;

	for (i = 0; i < GZ_MAILBOX_PFNS; i++)
		pfn[i] = FRAME + i;
	setup(false);
	options = BIT(OPT_WHOLE_BLOCKS);
	EXPECT(vm_map_pfns(&vm, &region, GPA, pfn, 1) == GZ_INVALID_ARGS);
	EXPECT(vm_map_pfns(&vm, &region, GPA + PAGE_SIZE, pfn, 511) ==
	       GZ_INVALID_ARGS);
	EXPECT(!vm.mapped_pages);
	EXPECT(!vm_map_pfns(&vm, &region, GPA, pfn, 512));
	options = 0;
}

static const struct test tests[] = {
	TEST(instruction_caches_forget_a_page_before_it_is_mapped),
	TEST(and_when_the_rest_can_not_be_had),
	TEST(private_frame_that_comes_twice_is_mapped_once),
	TEST(page_keeps_its_frame),
	TEST(pages_that_lie_anywhere_are_mapped),
	TEST(all_of_them_or_none),
	TEST(pages_may_meet_a_block),
	TEST(block_stays_a_block),
	TEST(only_mapbusy_maps_in_steps),
	TEST(only_an_interrupt_of_the_host_divides_a_call),
	TEST(mapstuck_maps_nothing),
	TEST(wholeblocks_wants_all_of_a_block),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
