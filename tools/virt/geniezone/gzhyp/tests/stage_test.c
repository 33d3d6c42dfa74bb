// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of guest memory. A page that has changed hands is stale until all
 * instruction caches were invalidated; the guest must not see it before.
 */
#include "ktap.h"
#include "owner.h"
#include "protect.h"
#include "stage2.h"

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

/* So that all around it are holes of one page */
static void map_one(u64 page, u64 frame)
{
	EXPECT(!vm_map(&vm, &region, GPA + page * PAGE_SIZE,
		       PA(frame * PAGE_SIZE), 1));
	expect_nothing_stale_is_mapped();
}

static void instruction_caches_forget_a_page_before_it_is_mapped(void)
{
	u64 i;

	setup(false);
	map_one(8, FRAME + 8);
	EXPECT(!vm_map(&vm, &region, GPA, PA(FRAME * PAGE_SIZE), 600));
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

static const struct test tests[] = {
	TEST(instruction_caches_forget_a_page_before_it_is_mapped),
	TEST(and_when_the_rest_can_not_be_had),
	TEST(private_frame_that_comes_twice_is_mapped_once),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
