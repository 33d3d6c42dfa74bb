// SPDX-License-Identifier: GPL-2.0
/*
 * The checks of regions, for any regions that a VM may have and any arguments:
 *
 *   - regions are sorted, do not overlap, lie below IPA_LIMIT, and no sum of address
 *     and size wraps
 *   - a region with mapped pages, or one of a sealed guest, is not lost
 *   - an address is found in a region if, and only if, it lies there
 *   - what vm_map() and the others accept lies in the region and below IPA_LIMIT
 */
#include "tests/prove/prove.h"
#include "core/mem/region.c"
#include "core/mem/map.c"

#define REGIONS		2

u64 options;
static struct vm vm;
static struct region before[REGIONS + 1];
static unsigned int nr_before;

/* Of regions only */
void *memmove(void *dst, const void *src, size_t size)
{
	unsigned int to = (struct region *)dst - vm.region, i;
	unsigned int from = (const struct region *)src - vm.region;
	unsigned int nr = size / sizeof(struct region);

	PROVE(nr <= REGIONS && nr * sizeof(struct region) == size);
	PROVE(to + nr <= MAX_REGIONS && from + nr <= MAX_REGIONS);
	for (i = 0; i < nr; i++)
		if (to < from)
			vm.region[to + i] = vm.region[from + i];
		else
			vm.region[to + nr - 1 - i] = vm.region[from + nr - 1 - i];
	return dst;
}

static bool are_sound(void)
{
	unsigned int i;

	for (i = 0; i < vm.nr_regions; i++) {
		if (!vm.region[i].size || vm.region[i].size > IPA_LIMIT ||
		    vm.region[i].gpa > IPA_LIMIT - vm.region[i].size ||
		    !IS_ALIGNED(vm.region[i].gpa | vm.region[i].size, PAGE_SIZE))
			return false;
		if (i && vm.region[i - 1].gpa + vm.region[i - 1].size >
		    vm.region[i].gpa)
			return false;
	}
	return true;
}

static void any_regions(unsigned int nr)
{
	unsigned int i;

	vm.nr_regions = nr;
	vm.protection = nondet_bool() ? VM_SEALED : VM_OPEN;
	for (i = 0; i < REGIONS; i++) {
		vm.region[i] = (struct region) {
			.gpa = nondet_u64(), .size = nondet_u64(), .mapped = nondet_u64(),
			.slot = nondet_u32(), .flags = nondet_u32(),
		};
		before[i] = vm.region[i];
	}
	vm.purpose[0].gpa = nondet_u64();
	vm.purpose[0].size = nondet_u64();
	vm.purpose[0].flags = nondet_u32() & GZ_MEM_FLAGS;
	nr_before = vm.nr_regions;
	GIVEN(are_sound());
}

static bool is_there(const struct region *region)
{
	unsigned int i;

	for (i = 0; i < vm.nr_regions; i++)
		if (vm.region[i].gpa == region->gpa &&
		    vm.region[i].size == region->size &&
		    vm.region[i].mapped == region->mapped &&
		    vm.region[i].slot == region->slot)
			return true;
	return false;
}

static void prove_register(void)
{
	u64 gpa = nondet_u64(), pages = nondet_u64();
	u32 slot = nondet_u32();
	int err = region_register(&vm, slot, gpa, pages);
	const struct region *found = region_by_slot(&vm, slot);
	unsigned int i;

	PROVE(are_sound());
	PROVE(vm.nr_regions <= nr_before + 1);
	for (i = 0; i < nr_before; i++)
		PROVE(is_there(&before[i]) ||
		      (!before[i].mapped && vm.protection == VM_OPEN));
	if (err || !pages)
		return;
	PROVE(found && found->gpa == gpa && found->size / PAGE_SIZE == pages);
	PROVE(!found->mapped);
}

static void prove_find(void)
{
	u64 gpa = nondet_u64(), slot = nondet_u64();
	const struct region *found = region_of(&vm, gpa);
	unsigned int i;

	PROVE(region_in_slot(&vm, slot, gpa) ==
	      (found && found->slot == slot && slot != ~0U ? found : NULL));

	for (i = 0; i < vm.nr_regions; i++)
		PROVE((found == &vm.region[i]) ==
		      (gpa >= vm.region[i].gpa &&
		       gpa < vm.region[i].gpa + vm.region[i].size));
}

static void prove_range(void)
{
	const struct region *region = &vm.region[0];
	u64 gpa = nondet_u64(), pages = nondet_u64(), size;
	pa_t pa = PA(nondet_u64());

	if (!vm.nr_regions || !range_fits(region, gpa, pa, pages))
		return;
	PROVE(pages && pages <= ~0ULL / PAGE_SIZE);
	size = pages * PAGE_SIZE;
	PROVE(gpa + size > gpa && gpa >= region->gpa &&
	      gpa + size <= region->gpa + region->size);
	PROVE(pa.v + size > pa.v && pa.v + size <= IPA_LIMIT);
	PROVE(IS_ALIGNED(gpa | pa.v, PAGE_SIZE));
}

int main(void)
{
	unsigned int nr;

	for (nr = 0; nr <= REGIONS; nr++) {
		any_regions(nr);
		prove_find();
		prove_range();
		prove_register();
	}
	return 0;
}
