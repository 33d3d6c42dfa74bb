// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that the host has registered. The interface has no call to remove a
 * region. A host that has dropped one registers its slot or its addresses again,
 * which is allowed while none of its pages has been mapped.
 *
 * All functions are called with vm->lock held.
 */
#include "arch/stage2.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vm.h"
#include "lib/string.h"

/* Number of regions that begin at or below @gpa */
static unsigned int count_below(const struct vm *vm, u64 gpa)
{
	unsigned int low = 0, high = vm->nr_regions, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (vm->region[mid].gpa <= gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/**
 * region_of() - find the region that an address lies in
 * @vm: the VM
 * @gpa: guest-physical address
 *
 * Return: the region, valid until the lock is dropped, or NULL.
 */
struct region *region_of(struct vm *vm, u64 gpa)
{
	unsigned int n = count_below(vm, gpa);
	struct region *region;

	if (!n)
		return NULL;
	region = &vm->region[n - 1];
	return gpa - region->gpa < region->size ? region : NULL;
}

/**
 * region_in_slot() - find the region that an address lies in, if it has a slot
 * @vm: the VM
 * @slot: the host's number for the region; all ones is none
 * @gpa: guest-physical address
 *
 * A call that names pages comes for each fault, so this does not search all regions.
 *
 * Return: the region, valid until the lock is dropped, or NULL.
 */
struct region *region_in_slot(struct vm *vm, u64 slot, u64 gpa)
{
	struct region *region = region_of(vm, gpa);

	return region && slot < ~0U && region->slot == slot ? region : NULL;
}

/* Find a region by its slot. */
struct region *region_by_slot(struct vm *vm, u32 slot)
{
	unsigned int i;

	for (i = 0; i < vm->nr_regions; i++)
		if (vm->region[i].slot == slot)
			return &vm->region[i];
	return NULL;
}

static void remove_region(struct vm *vm, struct region *region)
{
	unsigned int after = &vm->region[vm->nr_regions] - (region + 1);

	memmove(region, region + 1, after * sizeof(*region));
	vm->nr_regions--;
}

static void insert_region(struct vm *vm, const struct region *region)
{
	unsigned int n = count_below(vm, region->gpa);

	memmove(&vm->region[n + 1], &vm->region[n],
		(vm->nr_regions - n) * sizeof(*region));
	vm->region[n] = *region;
	vm->nr_regions++;
}

static bool in_the_way(const struct region *old, const struct region *new)
{
	return old->slot == new->slot ||
	       ranges_overlap(old->gpa, old->size, new->gpa, new->size);
}

/*
 * Remove the regions that @new replaces, if all of them may be removed. Memory of a
 * sealed guest stays memory: otherwise its stores would become exits that show the
 * stored data to the host.
 */
static int make_room(struct vm *vm, const struct region *new)
{
	unsigned int i;

	for (i = 0; i < vm->nr_regions; i++)
		if (in_the_way(&vm->region[i], new) &&
		    (vm->region[i].mapped || protect_is_sealed(vm)))
			return GZ_INVALID_ARGS;
	for (i = vm->nr_regions; i--; )
		if (in_the_way(&vm->region[i], new))
			remove_region(vm, &vm->region[i]);
	return 0;
}

static u32 take_purpose(struct vm *vm, const struct region *region)
{
	unsigned int i;

	for (i = 0; i < MAX_PURPOSES; i++) {
		if (vm->purpose[i].gpa != region->gpa ||
		    vm->purpose[i].size != region->size)
			continue;
		vm->purpose[i].size = 0;
		return vm->purpose[i].flags;
	}
	return 0;
}

/*
 * A sealed guest gets no more memory that is shared without its consent, even if
 * the purpose was set before it was sealed.
 */
static bool purpose_allowed(struct vm *vm, u64 flags)
{
	return !(flags & GZ_MEM_STATIC_SWIOTLB) || !protect_is_sealed(vm);
}

/**
 * region_register() - SET_MEMREGION without constituents
 * @vm: the VM
 * @slot: the host's number for it
 * @gpa: guest-physical address
 * @pages: its size; 0 takes the slot back
 *
 * Return: 0, GZ_INVALID_ARGS, or GZ_NO_MEMORY when there are too many.
 */
int region_register(struct vm *vm, u32 slot, u64 gpa, u64 pages)
{
	struct region new = { .slot = slot, .gpa = gpa };
	int err;

	if (pages > IPA_LIMIT / PAGE_SIZE)
		return GZ_INVALID_ARGS;
	new.size = pages * PAGE_SIZE;
	if (!pages)
		return region_by_slot(vm, slot) ? make_room(vm, &new) :
		       GZ_INVALID_ARGS;
	if (!IS_ALIGNED(gpa, PAGE_SIZE) || !range_ok(gpa, new.size, IPA_LIMIT))
		return GZ_INVALID_ARGS;
	err = make_room(vm, &new);
	if (err)
		return err;
	if (vm->nr_regions == (option(OPT_FEW) ? FEW_REGIONS : MAX_REGIONS))
		return GZ_NO_MEMORY;
	new.flags = take_purpose(vm, &new);
	if (!purpose_allowed(vm, new.flags))
		return GZ_INVALID_ARGS;
	insert_region(vm, &new);
	return 0;
}

/* The entry of the same region, which is replaced, or else the oldest one */
static struct purpose *purpose_slot(struct vm *vm, u64 gpa, u64 size)
{
	unsigned int i;

	for (i = 0; i < MAX_PURPOSES; i++)
		if (vm->purpose[i].gpa == gpa && vm->purpose[i].size == size)
			return &vm->purpose[i];
	return &vm->purpose[vm->next_purpose++ % MAX_PURPOSES];
}

/**
 * region_set_purpose() - MEMREGION_PURPOSE
 * @vm: the VM
 * @gpa: guest-physical address of a region that is about to be registered
 * @size: bytes of it
 * @flags: what it will be for
 *
 * Only the last few purposes without a region yet are kept, one for each region.
 *
 * Return: 0 or GZ_INVALID_ARGS.
 */
int region_set_purpose(struct vm *vm, u64 gpa, u64 size, u64 flags)
{
	if (!IS_ALIGNED(gpa | size, PAGE_SIZE) || (flags & ~GZ_MEM_FLAGS) ||
	    !range_ok(gpa, size, IPA_LIMIT))
		return GZ_INVALID_ARGS;
	if (!purpose_allowed(vm, flags))
		return GZ_INVALID_ARGS;
	*purpose_slot(vm, gpa, size) = (struct purpose) {
		.gpa = gpa, .size = size, .flags = flags,
	};
	return 0;
}
