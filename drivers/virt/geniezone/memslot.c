// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: which guest addresses are memory, and whose.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "gzvm.h"

#define GZVM_MEMSLOT_FLAGS	(GZVM_USER_MEM_REGION_GUEST_MEM | \
				 GZVM_USER_MEM_REGION_PROTECT_FW | \
				 GZVM_USER_MEM_REGION_STATIC_SWIOTLB)

/* Index in vm->by_gpa of the first slot that ends above @gfn. */
static unsigned int gzvm_memslot_index(struct gzvm_vm *vm, u64 gfn)
{
	unsigned int low = 0, high = vm->nr_slots, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (vm->by_gpa[mid]->gfn + vm->by_gpa[mid]->nr_pages > gfn)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/**
 * gzvm_memslot_find() - slot that covers a guest frame
 * @vm: VM
 * @gfn: the frame, in 4 KiB pages
 *
 * Context: vm->slots_lock held; the slot is valid until it is dropped.
 * Return: the slot, or NULL.
 */
struct gzvm_memslot *gzvm_memslot_find(struct gzvm_vm *vm, u64 gfn)
{
	unsigned int i;

	lockdep_assert_held(&vm->slots_lock);

	i = gzvm_memslot_index(vm, gfn);
	if (i == vm->nr_slots || vm->by_gpa[i]->gfn > gfn)
		return NULL;
	return vm->by_gpa[i];
}

static void gzvm_memslot_publish(struct gzvm_vm *vm, struct gzvm_memslot *slot)
{
	unsigned int i = gzvm_memslot_index(vm, slot->gfn);

	memmove(&vm->by_gpa[i + 1], &vm->by_gpa[i],
		(vm->nr_slots - i) * sizeof(vm->by_gpa[0]));
	vm->by_gpa[i] = slot;
	vm->nr_slots++;
	vm->slots[slot->id] = slot;
}

static void gzvm_memslot_unpublish(struct gzvm_vm *vm,
				   struct gzvm_memslot *slot)
{
	unsigned int i = gzvm_memslot_index(vm, slot->gfn);

	vm->slots[slot->id] = NULL;
	vm->nr_slots--;
	memmove(&vm->by_gpa[i], &vm->by_gpa[i + 1],
		(vm->nr_slots - i) * sizeof(vm->by_gpa[0]));
}

static struct gzvm_memslot *
gzvm_memslot_alloc(const struct gzvm_userspace_memory_region *region)
{
	struct gzvm_memslot *slot;

	slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	if (!slot)
		return NULL;

	slot->id = array_index_nospec(region->slot, GZVM_MAX_SLOTS);
	slot->flags = region->flags;
	slot->gfn = region->guest_phys_addr >> GZVM_PAGE_SHIFT;
	slot->nr_pages = region->memory_size >> GZVM_PAGE_SHIFT;
	slot->hva = region->userspace_addr;
	xa_init_flags(&slot->blocks, XA_FLAGS_ACCOUNT);
	xa_init_flags(&slot->aside, XA_FLAGS_ACCOUNT);
	return slot;
}

static void gzvm_memslot_free(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			      bool keep_pages)
{
	gzvm_gmem_release(vm, slot, keep_pages);
	kfree(slot);
}

/* Tell EL2 about the region; with no demand paging, all of its pages too. */
static int gzvm_memslot_register(struct gzvm_vm *vm, struct gzvm_memslot *slot,
				 struct gzvm_hyp_ranges *buf)
{
	u64 gpa = slot->gfn << GZVM_PAGE_SHIFT;
	int ret;

	do {
		ret = gzvm_hc_memregion_purpose(vm->id, gpa, slot->nr_pages <<
						GZVM_PAGE_SHIFT, slot->flags);
		ret = gzvm_map_retry(ret);
	} while (ret == -EAGAIN);
	if (ret)
		return ret;

	buf->slot = cpu_to_le32(slot->id);
	buf->total_pages = cpu_to_le64(slot->nr_pages);
	buf->gpa = cpu_to_le64(gpa);
	do {
		ret = gzvm_hc_set_memregion(vm->id, GZVM_RANGES_SIZE,
					    virt_to_phys(buf));
		ret = gzvm_map_retry(ret);
	} while (ret == -EAGAIN);
	if (ret || vm->paging != GZVM_PAGING_NONE)
		return ret;

	memset(buf, 0, GZVM_RANGES_SIZE);
	return gzvm_gmem_populate(vm, slot, buf);
}

static int gzvm_memslot_check(const struct gzvm_userspace_memory_region *region)
{
	u64 gpa_end, hva_end;

	if (!PAGE_ALIGNED(region->guest_phys_addr | region->memory_size |
			  region->userspace_addr))
		return -EINVAL;
	if (check_add_overflow(region->guest_phys_addr, region->memory_size,
			       &gpa_end) ||
	    gpa_end > BIT_ULL(gzvm_ipa_bits()))
		return -EINVAL;
	if (check_add_overflow(region->userspace_addr, region->memory_size,
			       &hva_end) ||
	    !access_ok(u64_to_user_ptr(region->userspace_addr),
		       region->memory_size))
		return -EINVAL;
	return 0;
}

static bool gzvm_memslot_equal(const struct gzvm_memslot *a,
			       const struct gzvm_memslot *b)
{
	return a->flags == b->flags && a->gfn == b->gfn &&
	       a->nr_pages == b->nr_pages && a->hva == b->hva;
}

/* Whether the slot may be made. 1: it is there already, just so. */
static int gzvm_memslot_check_new(struct gzvm_vm *vm, struct gzvm_memslot *new)
{
	struct gzvm_memslot *old = vm->slots[new->id];
	unsigned int i;

	if (old)
		return gzvm_memslot_equal(old, new) ? 1 : -EINVAL;

	i = gzvm_memslot_index(vm, new->gfn);
	if (i < vm->nr_slots && vm->by_gpa[i]->gfn < new->gfn + new->nr_pages)
		return -EEXIST;
	return 0;
}

static int gzvm_memslot_add_locked(struct gzvm_vm *vm, struct gzvm_memslot *new,
				   struct gzvm_hyp_ranges *buf)
{
	int ret;

	lockdep_assert_held_write(&vm->slots_lock);

	ret = gzvm_memslot_check_new(vm, new);
	if (!ret)
		ret = gzvm_memslot_register(vm, new, buf);
	if (!ret) {
		gzvm_memslot_publish(vm, new);
		return 0;
	}

	/* EL2 may have some of its pages: keep them until the VM ends. */
	if (new->given)
		list_add(&new->dead, &vm->dead_slots);
	else
		gzvm_memslot_free(vm, new, false);
	return min(ret, 0);
}

static int gzvm_memslot_add(struct gzvm_vm *vm,
			    const struct gzvm_userspace_memory_region *region)
{
	struct gzvm_hyp_ranges *buf;
	struct gzvm_memslot *new;
	int ret;

	ret = gzvm_memslot_check(region);
	if (ret)
		return ret;

	buf = alloc_pages_exact(GZVM_RANGES_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!buf)
		return -ENOMEM;

	ret = -ENOMEM;
	new = gzvm_memslot_alloc(region);
	if (!new)
		goto out;

	ret = down_write_killable(&vm->slots_lock);
	if (ret) {
		gzvm_memslot_free(vm, new, false);
		goto out;
	}
	ret = gzvm_memslot_add_locked(vm, new, buf);
	up_write(&vm->slots_lock);
out:
	free_pages_exact(buf, GZVM_RANGES_SIZE);
	return ret;
}

static int gzvm_memslot_delete(struct gzvm_vm *vm, u32 id)
{
	struct gzvm_memslot *slot;
	int ret;

	ret = down_write_killable(&vm->slots_lock);
	if (ret)
		return ret;

	slot = vm->slots[array_index_nospec(id, GZVM_MAX_SLOTS)];
	if (!slot)
		ret = -EINVAL;
	else if (slot->given)
		ret = -EBUSY;
	else
		gzvm_memslot_unpublish(vm, slot);
	up_write(&vm->slots_lock);

	if (!ret)
		gzvm_memslot_free(vm, slot, false);
	return ret;
}

/**
 * gzvm_memslot_set() - GZVM_SET_USER_MEMORY_REGION
 * @vm: VM of the caller
 * @region: what to make, or with memory_size 0 which slot to delete
 *
 * A region may be any range of the caller's address space: one mapping, a part
 * of one, or several. Nothing need be mapped there until the guest touches it,
 * unless EL2 refused demand paging.
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0, also when the slot exists with just these values; -EINVAL for a
 * slot number from GZVM_MAX_SLOTS up, unknown flags, addresses or sizes that
 * are not page aligned, that wrap, or that leave the guest's or the user's
 * address space, for a slot that exists with other values, and for the
 * deletion of a slot that does not exist; -EEXIST when another slot covers
 * some of the range; -EBUSY for the deletion of a slot of which EL2 was
 * offered pages; -ENOMEM; -EINTR when killed; or the errno of EL2's refusal.
 */
int gzvm_memslot_set(struct gzvm_vm *vm,
		     const struct gzvm_userspace_memory_region *region)
{
	if (region->slot >= GZVM_MAX_SLOTS ||
	    region->flags & ~GZVM_MEMSLOT_FLAGS)
		return -EINVAL;
	if (!region->memory_size)
		return gzvm_memslot_delete(vm, region->slot);
	return gzvm_memslot_add(vm, region);
}

static int gzvm_memslots_populate_locked(struct gzvm_vm *vm,
					 struct gzvm_hyp_ranges *buf)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < vm->nr_slots && !ret; i++) {
		memset(buf, 0, GZVM_RANGES_SIZE);
		ret = gzvm_gmem_populate(vm, vm->by_gpa[i], buf);
	}
	return ret;
}

/**
 * gzvm_memslots_populate() - give EL2 all memory that the VM has
 * @vm: VM of the caller
 *
 * What EL2 got before an error stays with the VM.
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0; -EINTR when killed; or as gzvm_gmem_populate().
 */
int gzvm_memslots_populate(struct gzvm_vm *vm)
{
	struct gzvm_hyp_ranges *buf;
	int ret;

	buf = alloc_pages_exact(GZVM_RANGES_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	ret = down_write_killable(&vm->slots_lock);
	if (!ret) {
		ret = gzvm_memslots_populate_locked(vm, buf);
		up_write(&vm->slots_lock);
	}
	free_pages_exact(buf, GZVM_RANGES_SIZE);
	return ret;
}

/**
 * gzvm_memslots_free() - free all slots at the end of a VM
 * @vm: VM that nobody else can reach
 * @keep_pages: EL2 may still map its pages
 */
void gzvm_memslots_free(struct gzvm_vm *vm, bool keep_pages)
{
	struct gzvm_memslot *slot, *next;
	unsigned int i;

	for (i = 0; i < vm->nr_slots; i++)
		gzvm_memslot_free(vm, vm->by_gpa[i], keep_pages);
	list_for_each_entry_safe(slot, next, &vm->dead_slots, dead)
		gzvm_memslot_free(vm, slot, keep_pages);
}
