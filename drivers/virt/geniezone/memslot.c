// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: which guest addresses are memory, and which memory of the VMM.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "gzvm.h"
#include "trace.h"

#define GZVM_MEMSLOT_FLAGS	(GZVM_USER_MEM_REGION_GUEST_MEM | \
				 GZVM_USER_MEM_REGION_PROTECT_FW | \
				 GZVM_USER_MEM_REGION_STATIC_SWIOTLB)

bool gzvm_guest_memfd_only;
module_param_named(guest_memfd_only, gzvm_guest_memfd_only, bool, 0644);
MODULE_PARM_DESC(guest_memfd_only,
		 "Refuse to protect VMs with private memory that is not from GZVM_CREATE_GUEST_MEMFD");

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

/* Only changes of slots name one, and these are rare: there is no table by id. */
static struct gzvm_memslot *gzvm_memslot_by_id(struct gzvm_vm *vm, u32 id)
{
	unsigned int i;

	lockdep_assert_held(&vm->slots_lock);

	for (i = 0; i < vm->nr_slots; i++)
		if (vm->by_gpa[i]->id == id)
			return vm->by_gpa[i];
	return NULL;
}

#define GZVM_FEW_SLOTS	4

/*
 * Make room for one slot more. The table is for few slots, or for the next power of
 * two: it is replaced when that is reached.
 */
static int gzvm_memslot_make_room(struct gzvm_vm *vm)
{
	unsigned int nr = vm->nr_slots;
	struct gzvm_memslot **table;

	if (vm->by_gpa && (nr < GZVM_FEW_SLOTS || !is_power_of_2(nr)))
		return 0;
	table = kmalloc_array(max(2 * nr, GZVM_FEW_SLOTS), sizeof(*table),
			      GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	if (nr)
		memcpy(table, vm->by_gpa, nr * sizeof(*table));
	kfree(vm->by_gpa);
	vm->by_gpa = table;
	return 0;
}

static void gzvm_memslot_publish(struct gzvm_vm *vm, struct gzvm_memslot *slot)
{
	unsigned int i = gzvm_memslot_index(vm, slot->gfn);

	memmove(&vm->by_gpa[i + 1], &vm->by_gpa[i],
		(vm->nr_slots - i) * sizeof(vm->by_gpa[0]));
	vm->by_gpa[i] = slot;
	vm->nr_slots++;
}

static void gzvm_memslot_unpublish(struct gzvm_vm *vm,
				   struct gzvm_memslot *slot)
{
	unsigned int i = gzvm_memslot_index(vm, slot->gfn);

	vm->nr_slots--;
	memmove(&vm->by_gpa[i], &vm->by_gpa[i + 1],
		(vm->nr_slots - i) * sizeof(vm->by_gpa[0]));
}

static struct gzvm_memslot *
gzvm_memslot_alloc(const struct gzvm_userspace_memory_region2 *region)
{
	struct gzvm_memslot *slot;

	slot = kzalloc_obj(*slot, GFP_KERNEL_ACCOUNT);
	if (!slot)
		return NULL;

	slot->id = region->slot;
	slot->flags = region->flags;
	slot->gfn = region->guest_phys_addr >> GZVM_PAGE_SHIFT;
	slot->nr_pages = region->memory_size >> GZVM_PAGE_SHIFT;
	slot->hva = region->userspace_addr;
	slot->gmem_index = region->guest_memfd_offset >> PAGE_SHIFT;
	xa_init_flags(&slot->blocks, XA_FLAGS_ACCOUNT);
	return slot;
}

static void gzvm_memslot_free(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			      bool keep_pages)
{
	gzvm_blocks_release(vm, slot, keep_pages);
	gzvm_gmem_put(slot->gmem);
	kfree(slot);
}

/* Register the region at EL2. Without demand paging, give it all pages as well. */
static int gzvm_memslot_register(struct gzvm_vm *vm, struct gzvm_memslot *slot,
				 struct gzvm_hyp_ranges *buf)
{
	u32 flags = slot->flags & ~GZVM_USER_MEM_REGION_GUEST_MEMFD;
	u64 gpa = slot->gfn << GZVM_PAGE_SHIFT;
	struct gzvm_busy busy = {};
	int ret;

	ret = gzvm_hc_repeat(&busy,
			     gzvm_hc_memregion_purpose(vm->id, gpa,
						       slot->nr_pages << GZVM_PAGE_SHIFT,
						       flags));
	if (ret)
		return ret;

	buf->slot = cpu_to_le32(slot->id);
	buf->total_pages = cpu_to_le64(slot->nr_pages);
	buf->gpa = cpu_to_le64(gpa);
	ret = gzvm_hc_repeat(&busy,
			     gzvm_hc_register_memregion(vm->id, GZVM_RANGES_SIZE,
							virt_to_phys(buf)));
	if (ret || vm->paging != GZVM_PAGING_NONE)
		return ret;

	memset(buf, 0, GZVM_RANGES_SIZE);
	return gzvm_populate(vm, slot, buf);
}

static bool gzvm_memslot_id_is_valid(struct gzvm_vm *vm, u32 id)
{
	struct gzvm_limits limits;

	if (id < GZVM_SHIPPED_SLOTS)
		return true;
	if (id >= GZVM_MAX_SLOTS)
		return false;
	gzvm_vm_limits(vm, &limits);
	return id < limits.slots;
}

static int gzvm_memslot_check_file(const struct gzvm_userspace_memory_region2 *region)
{
	if (!(region->flags & GZVM_USER_MEM_REGION_GUEST_MEMFD))
		return region->guest_memfd || region->guest_memfd_offset ? -EINVAL : 0;
	/* The host must reach memory that is shared from the start. */
	if (region->flags & GZVM_USER_MEM_REGION_STATIC_SWIOTLB ||
	    region->userspace_addr || !PAGE_ALIGNED(region->guest_memfd_offset))
		return -EINVAL;
	return 0;
}

static int gzvm_memslot_check(const struct gzvm_userspace_memory_region2 *region)
{
	u64 hva_end;

	if (!PAGE_ALIGNED(region->guest_phys_addr | region->memory_size |
			  region->userspace_addr))
		return -EINVAL;
	if (!gzvm_gpa_range_ok(region->guest_phys_addr, region->memory_size))
		return -EINVAL;
	if (check_add_overflow(region->userspace_addr, region->memory_size,
			       &hva_end) ||
	    !access_ok(u64_to_user_ptr(region->userspace_addr),
		       region->memory_size))
		return -EINVAL;
	return gzvm_memslot_check_file(region);
}

static bool gzvm_memslot_equal(const struct gzvm_memslot *a,
			       const struct gzvm_memslot *b)
{
	return a->flags == b->flags && a->gfn == b->gfn &&
	       a->nr_pages == b->nr_pages && a->hva == b->hva &&
	       (!(b->flags & GZVM_USER_MEM_REGION_GUEST_MEMFD) ||
		(a->gmem == b->gmem && a->gmem_index == b->gmem_index));
}

/* Whether two slots would give the guest the same memory of a file twice */
static bool gzvm_memslot_shares_file(const struct gzvm_memslot *a,
				     const struct gzvm_memslot *b)
{
	return a->gmem && a->gmem == b->gmem &&
	       a->gmem_index < b->gmem_index + b->nr_pages / GZVM_PAGES_PER_PAGE &&
	       b->gmem_index < a->gmem_index + a->nr_pages / GZVM_PAGES_PER_PAGE;
}

/* Whether the slot may be made. 1: the same slot exists already. */
static int gzvm_memslot_check_new(struct gzvm_vm *vm, struct gzvm_memslot *new)
{
	struct gzvm_memslot *old = gzvm_memslot_by_id(vm, new->id);
	unsigned int i;

	if (old)
		return gzvm_memslot_equal(old, new) ? 1 : -EINVAL;

	for (i = 0; i < vm->nr_slots; i++)
		if (gzvm_memslot_shares_file(vm->by_gpa[i], new))
			return -EEXIST;
	list_for_each_entry(old, &vm->dead_slots, dead)
		if (gzvm_memslot_shares_file(old, new))
			return -EEXIST;

	i = gzvm_memslot_index(vm, new->gfn);
	if (i < vm->nr_slots && vm->by_gpa[i]->gfn < new->gfn + new->nr_pages)
		return -EEXIST;
	return 0;
}

/*
 * The guest gets memory of the driver in the slot from now on. EL2 has no call to take
 * pages back that it has got before.
 */
static int gzvm_memslot_make_private(struct gzvm_vm *vm, struct gzvm_memslot *slot)
{
	struct gzvm_gmem *gmem;

	lockdep_assert_held_write(&vm->slots_lock);

	if (slot->gmem || slot->flags & GZVM_USER_MEM_REGION_STATIC_SWIOTLB)
		return 0;
	if (READ_ONCE(gzvm_guest_memfd_only))
		return -EPERM;
	if (slot->offered)
		return 0;
	gmem = gzvm_gmem_create(vm->mm, slot->nr_pages << GZVM_PAGE_SHIFT);
	if (IS_ERR(gmem))
		return PTR_ERR(gmem);
	slot->gmem = gmem;
	return 0;
}

static int gzvm_memslot_add_locked(struct gzvm_vm *vm, struct gzvm_memslot *new,
				   struct gzvm_hyp_ranges *buf)
{
	int ret;

	lockdep_assert_held_write(&vm->slots_lock);

	ret = gzvm_memslot_check_new(vm, new);
	if (!ret && vm->is_private)
		ret = gzvm_memslot_make_private(vm, new);
	if (!ret)
		ret = gzvm_memslot_make_room(vm);
	if (!ret)
		ret = gzvm_memslot_register(vm, new, buf);
	if (!ret) {
		gzvm_memslot_publish(vm, new);
		return 0;
	}

	/* EL2 may have some of the pages: keep the slot until the VM ends. */
	if (new->offered)
		list_add(&new->dead, &vm->dead_slots);
	else
		gzvm_memslot_free(vm, new, false);
	return min(ret, 0);
}

/*
 * Before population. A signal that came while it waits for a page with the slots
 * locked, would have to leave a slot of which EL2 has a part.
 */
static int gzvm_memslot_fault_in(unsigned long hva, unsigned long nr, bool copied)
{
	struct gzvm_absent absent = { .hva = hva, .nr = nr, .copied = copied };
	int ret;

	while ((ret = gzvm_fault_in(&absent)) == -EFAULT) {
		/* Pinning stops there, and tells that it does. */
		if (!copied)
			return 0;
		/* It goes on if an earlier call has taken the page. */
		if (fatal_signal_pending(current))
			return -EINTR;
		absent.hva += PAGE_SIZE;
		absent.nr--;
		cond_resched();
	}
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

/* The slot that a region describes, with a reference to its file's memory */
static struct gzvm_memslot *
gzvm_memslot_make(struct gzvm_vm *vm,
		  const struct gzvm_userspace_memory_region2 *region)
{
	struct gzvm_memslot *slot;
	struct gzvm_gmem *gmem;

	slot = gzvm_memslot_alloc(region);
	if (!slot)
		return ERR_PTR(-ENOMEM);
	if (!(region->flags & GZVM_USER_MEM_REGION_GUEST_MEMFD))
		return slot;
	gmem = gzvm_gmem_of_fd(vm, region->guest_memfd, region->guest_memfd_offset,
			       region->memory_size);
	if (IS_ERR(gmem)) {
		gzvm_memslot_free(vm, slot, false);
		return ERR_CAST(gmem);
	}
	slot->gmem = gmem;
	return slot;
}

/* A slot that exists already counts already. */
static int gzvm_memslot_check_limit(struct gzvm_vm *vm, u32 id, unsigned long nr)
{
	int ret;

	ret = down_read_killable(&vm->slots_lock);
	if (ret)
		return ret;
	if (!gzvm_memslot_by_id(vm, id))
		ret = gzvm_account_check(vm->mm, nr);
	up_read(&vm->slots_lock);
	return ret;
}

/*
 * EL2 gets all pages of the region when the slot is made. Check the limit before the
 * VMM gets memory that it must not lock.
 */
static int
gzvm_memslot_fault_in_all(struct gzvm_vm *vm,
			  const struct gzvm_userspace_memory_region2 *region)
{
	unsigned long nr = region->memory_size >> PAGE_SHIFT;

	if (vm->paging != GZVM_PAGING_NONE ||
	    region->flags & GZVM_USER_MEM_REGION_GUEST_MEMFD)
		return 0;
	return gzvm_memslot_check_limit(vm, region->slot, nr) ?:
	       gzvm_memslot_fault_in(region->userspace_addr, nr, false);
}

static int gzvm_memslot_add(struct gzvm_vm *vm,
			    const struct gzvm_userspace_memory_region2 *region)
{
	struct gzvm_hyp_ranges *buf;
	struct gzvm_memslot *new;
	int ret;

	ret = gzvm_memslot_check(region);
	if (!ret)
		ret = gzvm_memslot_fault_in_all(vm, region);
	if (ret)
		return ret;

	buf = alloc_pages_exact(GZVM_RANGES_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!buf)
		return -ENOMEM;

	new = gzvm_memslot_make(vm, region);
	ret = PTR_ERR_OR_ZERO(new);
	if (ret)
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

	slot = gzvm_memslot_by_id(vm, id);
	if (!slot)
		ret = -EINVAL;
	else if (slot->offered)
		ret = -EBUSY;
	else
		gzvm_memslot_unpublish(vm, slot);
	up_write(&vm->slots_lock);

	if (!ret)
		gzvm_memslot_free(vm, slot, false);
	return ret;
}

/**
 * gzvm_memslot_set2() - GZVM_SET_USER_MEMORY_REGION2
 * @vm: VM of the caller
 * @region: slot to make, or with memory_size 0 slot to delete
 *
 * A region may be any range of the caller's address space: one mapping, a part
 * of one, or several. Unless EL2 refused demand paging, nothing has to be mapped
 * there before the guest touches it.
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0, also when the slot exists with just these values; -EINVAL for a
 * slot number from GZVM_MAX_SLOTS up or beyond what EL2 is known to take, unknown
 * flags, addresses or sizes that are not multiples of the host's page size, that wrap,
 * or that leave the guest's or the user's address space, for a slot that exists with other
 * values, and for the deletion of a slot that does not exist; -EINVAL or -EBADF for a
 * file, see gzvm_gmem_of_fd(), for one with a user address, and for a user address with
 * one; -EEXIST when another slot covers some of the range, or has some of the file;
 * -EPERM for memory of the VMM, if the VM is protected and the administrator does not
 * allow that; -EBUSY for the deletion of a slot of which EL2 was
 * offered pages; -ENOMEM; -ERESTARTSYS for a signal while pages are waited for;
 * -EINTR when killed; or the errno of EL2's refusal.
 */
int gzvm_memslot_set2(struct gzvm_vm *vm,
		      const struct gzvm_userspace_memory_region2 *region)
{
	if (region->flags & ~(GZVM_MEMSLOT_FLAGS | GZVM_USER_MEM_REGION_GUEST_MEMFD) ||
	    region->pad1 || memchr_inv(region->pad2, 0, sizeof(region->pad2)) ||
	    !gzvm_memslot_id_is_valid(vm, region->slot))
		return -EINVAL;
	if (!region->memory_size)
		return gzvm_memslot_delete(vm, region->slot);
	return gzvm_memslot_add(vm, region);
}

/**
 * gzvm_memslot_set() - GZVM_SET_USER_MEMORY_REGION
 * @vm: VM of the caller
 * @region: slot to make, or with memory_size 0 slot to delete
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: as gzvm_memslot_set2().
 */
int gzvm_memslot_set(struct gzvm_vm *vm,
		     const struct gzvm_userspace_memory_region *region)
{
	const struct gzvm_userspace_memory_region2 region2 = {
		.slot = region->slot,
		.flags = region->flags,
		.guest_phys_addr = region->guest_phys_addr,
		.memory_size = region->memory_size,
		.userspace_addr = region->userspace_addr,
	};

	if (region->flags & ~GZVM_MEMSLOT_FLAGS)
		return -EINVAL;
	return gzvm_memslot_set2(vm, &region2);
}

static int gzvm_memslot_try_fault(struct gzvm_vm *vm, u64 gfn,
				  struct gzvm_absent *absent)
{
	struct gzvm_memslot *slot;
	struct gzvm_block *block;
	int ret;

	ret = down_read_interruptible(&vm->slots_lock);
	if (ret)
		return ret;

	ret = -ENOENT;
	slot = gzvm_memslot_find(vm, gfn);
	if (!slot)
		goto out;

	block = gzvm_block_get(slot, gfn);
	ret = PTR_ERR_OR_ZERO(block);
	if (ret)
		goto out;

	ret = mutex_lock_interruptible(&block->lock);
	if (ret)
		goto out;
	ret = gzvm_block_fault(vm, slot, block, gfn - block->gfn, absent);
	mutex_unlock(&block->lock);
	if (ret == -EFAULT)
		absent->hva = slot->hva +
			      ((gfn - slot->gfn) << GZVM_PAGE_SHIFT);
out:
	up_read(&vm->slots_lock);
	return ret;
}

/*
 * The guest could write to all memory that it has, and EL2 cannot be told that it must
 * not. Hence the VMM must be able to write as well.
 */
static int gzvm_memslot_why_not(struct gzvm_vm *vm, u64 gpa, unsigned long hva)
{
	if (!gzvm_is_read_only(hva))
		return -EFAULT;
	if (!xchg(&vm->told_read_only, true))
		pr_info_ratelimited("gzvm: guest of VM %u needs 0x%llx, which its VMM has mapped read-only: not possible here\n",
				    vm->id, gpa);
	return -EACCES;
}

/**
 * gzvm_memslot_fault() - give the guest the page that it touched
 * @vm: VM of the caller
 * @gpa: address of the fault
 *
 * It may take any time until a page of the VMM is there. No lock is held
 * meanwhile: other vCPUs and changes of slots go on, and signals end the wait.
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0: the guest has the page; GZVM_HAD_PAGE: it had the page already, unless
 * a relinquish has not been reported yet; -ENOENT: no slot covers the address;
 * -ENOMEM: no memory, or RLIMIT_MEMLOCK reached; -EFAULT: the VMM has mapped
 * nothing there that can be pinned; -EACCES: it has mapped something that it may
 * only read; -EINTR: a signal is pending, and the guest may touch the page again; or
 * the errno of EL2's refusal.
 */
int gzvm_memslot_fault(struct gzvm_vm *vm, u64 gpa)
{
	struct gzvm_absent absent = {};
	int ret;

	do {
		ret = gzvm_memslot_try_fault(vm, gpa >> GZVM_PAGE_SHIFT, &absent);
		if (ret != -EBUSY)
			break;
		ret = gzvm_fault_in(&absent);
		/* An I/O error, for example: the touched page may be another one. */
		if (ret == -EFAULT && !absent.alone) {
			absent.alone = true;
			ret = 0;
		}
	} while (!ret);
	if (ret == -EFAULT)
		ret = gzvm_memslot_why_not(vm, gpa, absent.hva);
	trace_gzvm_fault(vm->id, gpa, min(ret, 0));
	return ret;
}

/**
 * gzvm_memslot_relinquish() - take back a page that the guest gave up
 * @vm: VM of the caller
 * @gpa: address in the page; EL2 has unmapped it
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0; -ENOENT: the guest did not have it; -EINTR: killed.
 */
int gzvm_memslot_relinquish(struct gzvm_vm *vm, u64 gpa)
{
	u64 gfn = gpa >> GZVM_PAGE_SHIFT;
	struct gzvm_memslot *slot;
	struct gzvm_block *block;
	int ret;

	ret = down_read_killable(&vm->slots_lock);
	if (ret)
		return ret;

	ret = -ENOENT;
	slot = gzvm_memslot_find(vm, gfn);
	if (!slot)
		goto out;
	block = xa_load(&slot->blocks, gfn / GZVM_BLOCK_PAGES);
	if (!block)
		goto out;

	ret = mutex_lock_killable(&block->lock);
	if (ret)
		goto out;
	ret = gzvm_block_relinquish(vm, slot, block, gfn - block->gfn);
	mutex_unlock(&block->lock);
out:
	up_read(&vm->slots_lock);
	return ret;
}

static int gzvm_memslots_fault_in(struct gzvm_vm *vm)
{
	unsigned long hva = 0, nr;
	struct gzvm_memslot *slot;
	bool copied = false;
	unsigned int i;
	u64 gfn = 0;
	int ret;

	for (;;) {
		ret = down_read_killable(&vm->slots_lock);
		if (ret)
			return ret;
		i = gzvm_memslot_index(vm, gfn);
		nr = 0;
		if (i < vm->nr_slots) {
			slot = vm->by_gpa[i];
			hva = slot->hva;
			nr = slot->nr_pages;
			gfn = slot->gfn + nr;
			copied = slot->gmem;
		}
		up_read(&vm->slots_lock);

		if (!nr)
			return 0;
		/* The memory is a file's. */
		if (!hva)
			continue;
		ret = gzvm_memslot_fault_in(hva, nr / GZVM_PAGES_PER_PAGE, copied);
		if (ret)
			return ret;
	}
}

static int gzvm_memslots_populate_locked(struct gzvm_vm *vm,
					 struct gzvm_hyp_ranges *buf)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < vm->nr_slots && !ret; i++) {
		memset(buf, 0, GZVM_RANGES_SIZE);
		ret = gzvm_populate(vm, vm->by_gpa[i], buf);
	}
	return ret;
}

/**
 * gzvm_memslots_populate() - give EL2 all memory that the VM has
 * @vm: VM of the caller
 *
 * Pages that EL2 got before an error stay with the VM.
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0; -ERESTARTSYS for a signal before EL2 gets pages; -EINTR when killed;
 * or as gzvm_populate().
 */
int gzvm_memslots_populate(struct gzvm_vm *vm)
{
	struct gzvm_hyp_ranges *buf;
	int ret;

	ret = gzvm_memslots_fault_in(vm);
	if (ret)
		return ret;
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
 * gzvm_memslots_make_private() - private memory is the driver's from now on
 * @vm: VM that is about to be protected
 *
 * It is too late for pages that EL2 has. These are all pages where it has no demand
 * paging.
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0; 1: it was so already; -EPERM: there is memory of the VMM, and the
 * administrator does not allow it; -ENOMEM; -EINTR when killed.
 */
int gzvm_memslots_make_private(struct gzvm_vm *vm)
{
	unsigned int i;
	int ret;

	ret = down_write_killable(&vm->slots_lock);
	if (ret)
		return ret;
	if (vm->is_private) {
		up_write(&vm->slots_lock);
		return 1;
	}
	for (i = 0; i < vm->nr_slots && !ret; i++)
		ret = gzvm_memslot_make_private(vm, vm->by_gpa[i]);
	vm->is_private = !ret;
	up_write(&vm->slots_lock);
	if (ret)
		gzvm_memslots_make_shared(vm);
	return ret;
}

/**
 * gzvm_memslots_tell_shared() - log that a protected VM has memory of the VMM
 * @vm: VM that has just become protected
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 */
void gzvm_memslots_tell_shared(struct gzvm_vm *vm)
{
	bool shared = false;
	unsigned int i;

	down_read(&vm->slots_lock);
	for (i = 0; i < vm->nr_slots; i++)
		shared |= !vm->by_gpa[i]->gmem &&
			  !(vm->by_gpa[i]->flags & GZVM_USER_MEM_REGION_STATIC_SWIOTLB);
	up_read(&vm->slots_lock);
	if (shared)
		pr_info_ratelimited("gzvm: VM %u got memory before it was protected: others can still reach it, and the kernel may fault there\n",
				    vm->id);
}

/**
 * gzvm_memslots_make_shared() - the reverse of gzvm_memslots_make_private()
 * @vm: VM that is not protected after all
 *
 * Memory that EL2 was offered stays as it is, and so does memory whose contents are the
 * driver's already: the VMM's mapping shows them.
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 */
void gzvm_memslots_make_shared(struct gzvm_vm *vm)
{
	struct gzvm_memslot *slot;
	unsigned int i;

	down_write(&vm->slots_lock);
	vm->is_private = false;
	for (i = 0; i < vm->nr_slots; i++) {
		slot = vm->by_gpa[i];
		if (!slot->gmem || slot->offered || !gzvm_gmem_is_empty(slot->gmem) ||
		    slot->flags & GZVM_USER_MEM_REGION_GUEST_MEMFD)
			continue;
		gzvm_gmem_put(slot->gmem);
		slot->gmem = NULL;
	}
	up_write(&vm->slots_lock);
}

/*
 * How many pages between two addresses of the VMM the guest has. If they were
 * @discarded: without those that the VMM still has.
 */
static unsigned long gzvm_memslot_given(struct gzvm_vm *vm,
					struct gzvm_memslot *slot,
					unsigned long start, unsigned long end,
					bool discarded)
{
	unsigned long nr = 0, size = slot->nr_pages << GZVM_PAGE_SHIFT;
	struct gzvm_block *block;
	u64 gfn, first, last;

	/* The VMM and the guest have never shared what is the driver's. */
	if (slot->gmem)
		return 0;
	start = max(start, slot->hva);
	end = min(end, slot->hva + size);
	if (start >= end)
		return 0;

	gfn = slot->gfn + ((start - slot->hva) >> GZVM_PAGE_SHIFT);
	last = slot->gfn + ((end - slot->hva) >> GZVM_PAGE_SHIFT);
	for (; gfn < last; gfn = first) {
		first = min(last, (gfn / GZVM_BLOCK_PAGES + 1) * GZVM_BLOCK_PAGES);
		block = xa_load(&slot->blocks, gfn / GZVM_BLOCK_PAGES);
		if (!block)
			continue;
		if (discarded)
			nr += gzvm_block_lost(vm, slot, block, gfn - block->gfn,
					      first - block->gfn);
		else
			nr += gzvm_block_given(block, gfn - block->gfn,
					       first - block->gfn);
	}
	return nr;
}

/**
 * gzvm_memslots_unmapped() - the VMM unmaps a part of its address space
 * @vm: VM
 * @start: first address
 * @end: address after the last one
 * @discarded: the VMM keeps the addresses, and gets other pages there, except where
 *	       it still has the page of the guest
 *
 * EL2 cannot be told to give pages back: the guest keeps those that it has, and no
 * longer shares them with the VMM. This only counts them, and may count some twice.
 *
 * Context: mmap_lock may be held, which is taken with the slots locked. Therefore
 * this only tries to lock the slots, and counts nothing while they change.
 */
void gzvm_memslots_unmapped(struct gzvm_vm *vm, unsigned long start,
			    unsigned long end, bool discarded)
{
	unsigned long nr = 0;
	unsigned int i;

	if (!down_read_trylock(&vm->slots_lock))
		return;
	for (i = 0; i < vm->nr_slots; i++)
		nr += gzvm_memslot_given(vm, vm->by_gpa[i], start, end,
					 discarded);
	up_read(&vm->slots_lock);
	if (!nr)
		return;

	atomic_long_add(nr, &vm->stats.unmapped);
	trace_gzvm_unmapped(vm->id, start, end, nr);
	if (discarded && !xchg(&vm->told_unmapped, true))
		pr_info_ratelimited("gzvm: VMM discards memory that the guest of VM %u has: they no longer share it, and it is not free. Does the guest's balloon lack MEM_RELINQUISH?\n",
				    vm->id);
}

/**
 * gzvm_memslots_free() - free all slots at the end of a VM
 * @vm: VM that no ioctl can reach
 * @keep_pages: EL2 may still map its pages
 *
 * The MMU notifier still looks at the slots, and files of the VM at their number.
 *
 * Context: process context; takes vm->slots_lock.
 */
void gzvm_memslots_free(struct gzvm_vm *vm, bool keep_pages)
{
	struct gzvm_memslot *slot, *next;
	unsigned int i, nr;

	down_write(&vm->slots_lock);
	nr = vm->nr_slots;
	WRITE_ONCE(vm->nr_slots, 0);
	up_write(&vm->slots_lock);

	for (i = 0; i < nr; i++)
		gzvm_memslot_free(vm, vm->by_gpa[i], keep_pages);
	list_for_each_entry_safe(slot, next, &vm->dead_slots, dead)
		gzvm_memslot_free(vm, slot, keep_pages);
}
