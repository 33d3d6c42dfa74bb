// SPDX-License-Identifier: GPL-2.0
/* DESTROY_VM: its steps, and the option "destroystuck". */
#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vcpu.h"
#include "tests/ktap.h"

static struct vm vm;
static bool is_gone;

int vm_begin_destroy(u64 id, struct vm **found)
{
	*found = &vm;
	return id == 1 ? 0 : GZ_INVALID_ARGS;
}

void vm_end_destroy(struct vm *vm, bool gone)
{
	is_gone = gone;
}

void vcpu_free(struct vm *vm, u32 id)
{
}

void stage2_flush_vmid(u64 vttbr)
{
}

int owner_unlend(pa_t pa, u64 size)
{
	return 0;
}

unsigned int owner_unlend_pages(const pa_t *pa, unsigned int nr)
{
	return nr;
}

void protect_give_back(struct vm *vm, pa_t pa, u64 size)
{
}

/* A guest without pages */
u64 pgt_holes(const struct pgtable *pgt, u64 ia, u64 *size)
{
	*size = IPA_LIMIT - ia;
	return 1;
}

unsigned int pgt_pages(const struct pgtable *pgt, u64 ia, pa_t *pa,
		       unsigned int nr)
{
	return 0;
}

struct pgt_leaf pgt_lookup(const struct pgtable *pgt, u64 ia)
{
	return (struct pgt_leaf){ .size = PAGE_SIZE };
}

bool pgt_free_some(struct pgtable *pgt, u64 *budget)
{
	return true;
}

static void ends_at_once_without_pages(void)
{
	options = 0;
	vm.drain = 0;
	EXPECT(!vm_destroy(1, 128) && is_gone);
	EXPECT(vm_destroy(2, 128) == GZ_INVALID_ARGS);
}

static void steps_are_powers_of_two(void)
{
	EXPECT(vm_destroy(1, 0) == GZ_INVALID_ARGS);
	EXPECT(vm_destroy(1, 96) == GZ_INVALID_ARGS);
}

static void destroystuck_never_ends(void)
{
	unsigned int i;

	options = BIT(OPT_DESTROY_STUCK);
	vm.drain = 0;
	for (i = 0; i < 100; i++)
		EXPECT(vm_destroy(1, 128) == GZ_BUSY && !is_gone);
	options = 0;
	EXPECT(!vm_destroy(1, 128) && is_gone);
}

static const struct test tests[] = {
	TEST(ends_at_once_without_pages),
	TEST(steps_are_powers_of_two),
	TEST(destroystuck_never_ends),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
