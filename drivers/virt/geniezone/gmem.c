// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory: pin, account, give to EL2, release.
 *
 * A page of the VMM goes through these states, in this order only:
 *
 *   host     nothing of ours refers to it
 *   pinned   pinned for writing and accounted; EL2 does not know it
 *   offered  in a call to EL2 that has not succeeded (yet)
 *   mapped   EL2 said yes
 *
 * There is no way to unmap a page at EL2 other than to end the VM, or the
 * guest gives it back (relinquish). Hence a page that was part of a failed
 * call is released only when the call concerned this one page: of a longer
 * run, EL2 may have taken the first pages before it met the error. Such a run
 * stays pinned ("offered") and is offered again at the next fault: of these pages
 * nobody knows what EL2 has. They are released at the VM's end, or when the guest
 * gives them back in an entry from after all calls for them. The same goes for a
 * page that EL2 was busy with, if it refused in the end.
 *
 * Pages are found in the slot's mapping when they are first given to EL2, and
 * are the guest's from then on: what the VMM maps there later is not seen.
 */

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "gzvm.h"
#include "trace.h"

static int gzvm_account(struct gzvm_vm *vm, unsigned long nr)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	s64 old = atomic64_read(&vm->mm->pinned_vm);

	/* What does not fit must not be in the way of others, however briefly. */
	do {
		if (old + nr > limit && !capable(CAP_IPC_LOCK))
			return -ENOMEM;
	} while (!atomic64_try_cmpxchg(&vm->mm->pinned_vm, &old, old + nr));
	atomic_long_add(nr, &vm->stats.pinned);
	return 0;
}

static void gzvm_unaccount(struct gzvm_vm *vm, unsigned long nr)
{
	atomic64_sub(nr, &vm->mm->pinned_vm);
	atomic_long_sub(nr, &vm->stats.pinned);
}

/**
 * gzvm_map_retry() - whether a call that gives memory has to be made again
 * @status: what the call returned
 *
 * Context: process context, may sleep.
 * Return: -EAGAIN: make the same call again; otherwise the result to use,
 * which is -EINTR when EL2 is busy and the caller has been killed.
 */
int gzvm_map_retry(int status)
{
	if (status != -EAGAIN)
		return status;
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	return -EAGAIN;
}

static struct gzvm_block *gzvm_block_alloc(struct gzvm_memslot *slot, u64 index)
{
	u64 first = max(index * GZVM_BLOCK_PAGES, slot->gfn);
	u64 end = min((index + 1) * GZVM_BLOCK_PAGES,
		      slot->gfn + slot->nr_pages);
	struct gzvm_block *block;

	block = kzalloc(sizeof(*block), GFP_KERNEL_ACCOUNT);
	if (!block)
		return NULL;

	block->nr = end - first;
	block->gfn = first;
	mutex_init(&block->lock);
	return block;
}

/* A block, once made, stays until its slot is freed. */
static struct gzvm_block *gzvm_block_get(struct gzvm_memslot *slot, u64 gfn)
{
	u64 index = gfn / GZVM_BLOCK_PAGES;
	struct gzvm_block *block, *old;

	block = xa_load(&slot->blocks, index);
	if (block)
		return block;

	block = gzvm_block_alloc(slot, index);
	if (!block)
		return ERR_PTR(-ENOMEM);

	old = xa_cmpxchg(&slot->blocks, index, NULL, block, GFP_KERNEL_ACCOUNT);
	if (!old)
		return block;

	mutex_destroy(&block->lock);
	kfree(block);
	return xa_is_err(old) ? ERR_PTR(xa_err(old)) : old;
}

static bool gzvm_block_is_mapped(struct gzvm_block *block, unsigned int i)
{
	return block->run || test_bit(i, block->mapped);
}

/* Without a table, all pages are as @block->run says, or none is there. */
static int gzvm_block_need_table(struct gzvm_block *block)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT;
	unsigned int i;

	if (block->pages)
		return 0;

	/* The guest gave a page back; the block must not go on to say mapped. */
	if (block->run)
		gfp |= __GFP_NOFAIL;
	block->pages = kcalloc(block->nr, sizeof(*block->pages), gfp);
	if (!block->pages)
		return -ENOMEM;
	if (!block->run)
		return 0;

	for (i = 0; i < block->nr; i++)
		block->pages[i] = nth_page(block->run, i);
	bitmap_fill(block->mapped, block->nr);
	block->run = NULL;
	return 0;
}

/* Large folios, and luck, need no table: one pointer tells it all. */
static void gzvm_block_collapse(struct gzvm_block *block)
{
	unsigned long pfn;
	unsigned int i;

	if (block->run || !bitmap_full(block->mapped, block->nr))
		return;

	pfn = page_to_pfn(block->pages[0]);
	for (i = 1; i < block->nr; i++)
		if (page_to_pfn(block->pages[i]) != pfn + i)
			return;

	block->run = block->pages[0];
	kfree(block->pages);
	block->pages = NULL;
}

static void gzvm_block_unpin(struct gzvm_vm *vm, struct gzvm_block *block,
			     unsigned int first, unsigned int nr)
{
	unpin_user_pages_dirty_lock(block->pages + first, nr, true);
	memset(block->pages + first, 0, nr * sizeof(*block->pages));
	block->nr_pinned -= nr;
	gzvm_unaccount(vm, nr);
}

/*
 * Pin @nr pages that are not, from @first on. The longest pinned run from
 * @first on is kept and its length returned: there may be a hole in the VMM's
 * mapping behind it.
 */
static int gzvm_block_pin(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			  struct gzvm_block *block, unsigned int first,
			  unsigned int nr)
{
	unsigned long hva = slot->hva +
			    ((block->gfn - slot->gfn + first) << PAGE_SHIFT);
	int ret, pinned;

	/* It may take long, and the mailbox is for all vCPUs of the VM. */
	lockdep_assert_not_held(&vm->mailbox_lock);

	ret = gzvm_account(vm, nr);
	if (ret)
		return ret;

	/* Never the zero page, nor a page cache page that is not ours. */
	ret = pin_user_pages_fast(hva, nr, FOLL_WRITE | FOLL_LONGTERM,
				  block->pages + first);
	pinned = max(ret, 0);
	memset(block->pages + first + pinned, 0,
	       (nr - pinned) * sizeof(*block->pages));
	gzvm_unaccount(vm, nr - pinned);
	block->nr_pinned += pinned;
	return ret;
}

/* First page of [first, end) that is, or is not, pinned. */
static unsigned int gzvm_block_next(struct gzvm_block *block, unsigned int first,
				    unsigned int end, bool pinned)
{
	while (first < end && !!block->pages[first] != pinned)
		first++;
	return first;
}

/*
 * Pin what is missing of [first, end). Returns the end of what is pinned
 * without a gap from @first on, or the reason why not even @first is.
 */
static int gzvm_block_pin_range(struct gzvm_vm *vm, struct gzvm_memslot *slot,
				struct gzvm_block *block, unsigned int first,
				unsigned int end)
{
	unsigned int from, to;
	int ret;

	for (from = first; from < end; from = to) {
		from = gzvm_block_next(block, from, end, false);
		to = gzvm_block_next(block, from, end, true);
		if (from == to)
			break;

		ret = gzvm_block_pin(vm, slot, block, from, to - from);
		if (ret < (int)(to - from))
			return from > first || ret > 0 ?
				from + max(ret, 0) : (ret ?: -EFAULT);
	}
	return end;
}

static int gzvm_map_mailbox(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			    u64 gfn, struct page **pages, unsigned int nr)
{
	unsigned int i;
	int ret;

	mutex_lock(&vm->mailbox_lock);
	for (i = 0; i < nr; i++)
		vm->mailbox[i] = cpu_to_le64(page_to_pfn(pages[i]));
	ret = gzvm_hc_map_guest_block(vm->id, slot->id, gfn, nr);
	mutex_unlock(&vm->mailbox_lock);
	return ret;
}

/*
 * A call for @nr pages of the block, the only ones of that call or not, is over.
 *
 * What EL2 maps with one call a guest that runs may give back, before the next
 * call for the same page maps it again: when EL2 was busy and the same call was
 * made once more, or when an earlier one failed half-way. The guest's exit can
 * still be on its way then, and who entered the guest before the end of the last
 * call has to take what it says about the block for old news.
 */
static void gzvm_block_called(struct gzvm_vm *vm, struct gzvm_block *block,
			      unsigned int first, unsigned int nr, int ret,
			      bool only, bool busy)
{
	unsigned int end = first + nr;

	lockdep_assert(lockdep_is_held(&block->lock) ||
		       lockdep_is_held_type(&vm->slots_lock, 0));

	/* One page is not taken by halves, unless EL2 was busy. */
	if (ret && (busy || !only || nr > 1))
		bitmap_set(block->offered, first, nr);
	/*
	 * Also after a call for a slot that failed half-way: its blocks are not
	 * these. Fully ordered: behind the call. Matches gzvm_vcpu_note_entry().
	 */
	if (busy || !list_empty(&vm->dead_slots) ||
	    find_next_bit(block->offered, end, first) < end)
		block->doubt_seq = atomic_inc_return(&vm->map_seq) ?: 1;
	if (!ret)
		bitmap_set(block->mapped, first, nr);
}

static int gzvm_map_call(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			 u64 gfn, struct page **pages, unsigned int nr,
			 bool *busy)
{
	int ret;

	*busy = false;
	WRITE_ONCE(slot->given, true);
	do {
		if (vm->paging == GZVM_PAGING_BLOCK)
			ret = gzvm_map_mailbox(vm, slot, gfn, pages, nr);
		else
			ret = gzvm_hc_map_guest(vm->id, slot->id,
						page_to_pfn(*pages), gfn, nr);
		trace_gzvm_map(vm->id, slot->id, gfn, nr, ret);
		*busy |= ret == -EAGAIN;
		ret = gzvm_map_retry(ret);
	} while (ret == -EAGAIN);
	return ret;
}

/* Let go of what is pinned in [first, end) and EL2 cannot have. */
static void gzvm_block_undo(struct gzvm_vm *vm, struct gzvm_block *block,
			    unsigned int first, unsigned int end)
{
	for (; first < end; first++)
		if (block->pages[first] && !test_bit(first, block->mapped) &&
		    !test_bit(first, block->offered))
			gzvm_block_unpin(vm, block, first, 1);
}

/* Give [first, end), all pinned and none of it mapped, to EL2 in batches. */
static int gzvm_block_map(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			  struct gzvm_block *block, unsigned int first,
			  unsigned int end)
{
	u32 batch = vm->paging == GZVM_PAGING_BLOCK ?
		    READ_ONCE(gzvm_drv.map_batch) : 1;
	unsigned int nr;
	bool busy;
	int ret;

	for (; first < end; first += nr) {
		nr = min(batch, end - first);
		ret = gzvm_map_call(vm, slot, block->gfn + first,
				    block->pages + first, nr, &busy);
		gzvm_block_called(vm, block, first, nr, ret, true, busy);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

/*
 * Pin and map what is not mapped of [first, end). On return, at least @first
 * is, or the reason why not is returned.
 */
static int gzvm_block_fill(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			   struct gzvm_block *block, unsigned int first,
			   unsigned int end)
{
	unsigned int to;
	int ret;

	ret = gzvm_block_pin_range(vm, slot, block, first, end);
	if (ret < 0)
		return ret;

	for (end = ret; first < end; first = to) {
		first = find_next_zero_bit(block->mapped, end, first);
		to = find_next_bit(block->mapped, end, first);
		ret = gzvm_block_map(vm, slot, block, first, to);
		if (ret) {
			gzvm_block_undo(vm, block, first, end);
			return ret;
		}
	}
	return 0;
}

/*
 * Make page @i of the block the guest's. In block mode the whole block comes
 * with it; where that cannot be, for a hole in the VMM's mapping or the limit
 * on locked memory, the page alone. And where the guest gives pages back, the
 * others that it gave back stay the host's.
 */
static int gzvm_block_fault(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			    struct gzvm_block *block, unsigned int i)
{
	int ret;

	lockdep_assert_held(&block->lock);

	/* Another vCPU was here first. */
	if (gzvm_block_is_mapped(block, i))
		return 0;

	ret = gzvm_block_need_table(block);
	if (ret)
		return ret;

	if (vm->paging == GZVM_PAGING_BLOCK && !block->sparse) {
		ret = gzvm_block_fill(vm, slot, block, 0, block->nr);
		gzvm_block_collapse(block);
		if (gzvm_block_is_mapped(block, i))
			return 0;
		if (ret == -EINTR)
			return ret;
	}

	return gzvm_block_fill(vm, slot, block, i, i + 1);
}

/**
 * gzvm_gmem_fault() - give the guest the page that it touched
 * @vm: VM of the caller
 * @gpa: where the guest faulted
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0: the guest has the page; -ENOENT: no slot is there; -ENOMEM: no
 * memory, or RLIMIT_MEMLOCK reached; -EFAULT: the VMM has nothing writable
 * there; -EINTR: killed; or the errno of EL2's refusal.
 */
int gzvm_gmem_fault(struct gzvm_vm *vm, u64 gpa)
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

	block = gzvm_block_get(slot, gfn);
	ret = PTR_ERR_OR_ZERO(block);
	if (ret)
		goto out;

	ret = mutex_lock_killable(&block->lock);
	if (ret)
		goto out;
	ret = gzvm_block_fault(vm, slot, block, gfn - block->gfn);
	mutex_unlock(&block->lock);
out:
	up_read(&vm->slots_lock);
	trace_gzvm_fault(vm->id, gpa, ret);
	return ret;
}

/*
 * What the guest said is old news: EL2 may have the page again. It stays pinned,
 * but not in the way of what the VMM has mapped there since the guest gave it up.
 * There is room for one. When that is taken the other one stays the guest's, until
 * it says something new.
 */
static void gzvm_block_set_aside(struct gzvm_memslot *slot,
				 struct gzvm_block *block, unsigned int i)
{
	u64 gfn = block->gfn + i;

	set_bit(i, block->offered);
	if (!block->pages[i] || xa_load(&slot->aside, gfn))
		return;

	/* EL2 has let go already: there is no way back. */
	xa_store(&slot->aside, gfn, block->pages[i],
		 GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	block->pages[i] = NULL;
	block->nr_pinned--;
}

static void gzvm_unpin_aside(struct gzvm_vm *vm, struct page *page)
{
	unpin_user_pages_dirty_lock(&page, 1, true);
	gzvm_unaccount(vm, 1);
}

/* EL2 has nothing of this guest frame any more. */
static void gzvm_block_give_back(struct gzvm_vm *vm, struct gzvm_memslot *slot,
				 struct gzvm_block *block, unsigned int i)
{
	struct page *aside;

	if (block->pages[i])
		gzvm_block_unpin(vm, block, i, 1);
	if (!test_and_clear_bit(i, block->offered))
		return;
	aside = xa_erase(&slot->aside, block->gfn + i);
	if (aside)
		gzvm_unpin_aside(vm, aside);
}

static int gzvm_block_relinquish(struct gzvm_vm *vm, struct gzvm_memslot *slot,
				 struct gzvm_block *block, unsigned int i,
				 int seen_map)
{
	int ret;

	lockdep_assert_held(&block->lock);

	if (!gzvm_block_is_mapped(block, i) && !test_bit(i, block->offered))
		return -ENOENT;

	ret = gzvm_block_need_table(block);
	if (ret)
		return ret;

	block->sparse = true;
	clear_bit(i, block->mapped);
	if (!block->doubt_seq || seen_map - block->doubt_seq >= 0)
		gzvm_block_give_back(vm, slot, block, i);
	else
		gzvm_block_set_aside(slot, block, i);
	return 0;
}

/**
 * gzvm_gmem_relinquish() - take back a page that the guest gave up
 * @vm: VM of the caller
 * @gpa: the page; EL2 does not map it any more
 * @seen_map: gzvm_vcpu.seen_map of the entry in which the guest gave it up
 *
 * Context: process context of the VM's owner; takes vm->slots_lock.
 * Return: 0; -ENOENT: the guest did not have it; -EINTR: killed.
 */
int gzvm_gmem_relinquish(struct gzvm_vm *vm, u64 gpa, int seen_map)
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
	ret = gzvm_block_relinquish(vm, slot, block, gfn - block->gfn,
				    seen_map);
	mutex_unlock(&block->lock);
out:
	up_read(&vm->slots_lock);
	return ret;
}

/* What one call may carry, however contiguous: EL2 takes no interrupt in it. */
#define GZVM_FILL_PAGES	4096

/**
 * struct gzvm_fill - state of a full population
 * @vm: VM
 * @slot: slot being populated
 * @buf: buffer for EL2
 * @cnt: constituents in @buf
 * @gfn: first guest frame in @buf
 * @nr: guest frames in @buf
 * @pfn: frame that would continue the last constituent
 */
struct gzvm_fill {
	struct gzvm_vm *vm;
	struct gzvm_memslot *slot;
	struct gzvm_hyp_ranges *buf;
	u32 cnt;
	u64 gfn;
	u64 nr;
	unsigned long pfn;
};

/* EL2 has taken what is in the buffer, or, when it failed, perhaps some. */
static void gzvm_fill_mark(struct gzvm_fill *fill, int ret, bool busy)
{
	u64 gfn = fill->gfn, end = fill->gfn + fill->nr, to;
	struct gzvm_block *block;

	for (; gfn < end; gfn = to) {
		block = xa_load(&fill->slot->blocks, gfn / GZVM_BLOCK_PAGES);
		to = min(end, block->gfn + block->nr);
		gzvm_block_called(fill->vm, block, gfn - block->gfn, to - gfn,
				  ret, false, busy);
		gzvm_block_collapse(block);
	}
}

static int gzvm_fill_flush(struct gzvm_fill *fill)
{
	struct gzvm_hyp_ranges *buf = fill->buf;
	bool busy = false;
	int ret;

	if (!fill->nr)
		return 0;

	buf->slot = cpu_to_le32(fill->slot->id);
	buf->constituent_cnt = cpu_to_le32(fill->cnt);
	buf->total_pages = cpu_to_le64(fill->nr);
	buf->gpa = cpu_to_le64(fill->gfn << GZVM_PAGE_SHIFT);
	fill->slot->given = true;
	do {
		ret = gzvm_hc_set_memregion(fill->vm->id, GZVM_RANGES_SIZE,
					    virt_to_phys(buf));
		trace_gzvm_map(fill->vm->id, fill->slot->id, fill->gfn,
			       fill->nr, ret);
		busy |= ret == -EAGAIN;
		ret = gzvm_map_retry(ret);
	} while (ret == -EAGAIN);
	gzvm_fill_mark(fill, ret, busy);
	if (ret)
		return ret;

	memset(buf, 0, GZVM_RANGES_SIZE);
	fill->cnt = 0;
	fill->nr = 0;
	cond_resched();
	return 0;
}

static int gzvm_fill_page(struct gzvm_fill *fill, u64 gfn, unsigned long pfn)
{
	struct gzvm_hyp_constituent *last;
	bool joins = fill->nr && pfn == fill->pfn;
	int ret;

	if (fill->nr && (gfn != fill->gfn + fill->nr ||
			 fill->nr == GZVM_FILL_PAGES ||
			 (!joins && fill->cnt == GZVM_RANGES_MAX))) {
		ret = gzvm_fill_flush(fill);
		if (ret)
			return ret;
		joins = false;
	}

	if (!fill->nr)
		fill->gfn = gfn;
	if (!joins) {
		last = &fill->buf->constituents[fill->cnt++];
		last->address = cpu_to_le64(PFN_PHYS(pfn));
	}
	last = &fill->buf->constituents[fill->cnt - 1];
	le32_add_cpu(&last->pg_cnt, 1);
	fill->nr++;
	fill->pfn = pfn + 1;
	return 0;
}

static int gzvm_fill_block(struct gzvm_fill *fill, struct gzvm_block *block)
{
	unsigned int i;
	int ret;

	if (block->run)
		return 0;

	ret = gzvm_block_need_table(block);
	if (ret)
		return ret;

	/* Where it stops short, only the next attempt can tell why. */
	for (i = 0; i < block->nr; i = ret) {
		ret = gzvm_block_pin_range(fill->vm, fill->slot, block, i,
					   block->nr);
		if (ret < 0)
			return ret;
	}

	for (i = 0; i < block->nr; i++) {
		if (test_bit(i, block->mapped))
			continue;
		ret = gzvm_fill_page(fill, block->gfn + i,
				     page_to_pfn(block->pages[i]));
		if (ret)
			return ret;
	}
	return 0;
}

static int gzvm_fill_slot(struct gzvm_fill *fill)
{
	struct gzvm_memslot *slot = fill->slot;
	u64 gfn = slot->gfn;
	struct gzvm_block *block;
	int ret;

	while (gfn < slot->gfn + slot->nr_pages) {
		if (fatal_signal_pending(current))
			return -EINTR;
		block = gzvm_block_get(slot, gfn);
		if (IS_ERR(block))
			return PTR_ERR(block);
		gfn = block->gfn + block->nr;
		ret = gzvm_fill_block(fill, block);
		if (ret)
			return ret;
		cond_resched();
	}
	return gzvm_fill_flush(fill);
}

/**
 * gzvm_gmem_populate() - give EL2 all of a slot that it does not have
 * @vm: VM of the caller
 * @slot: the slot
 * @buf: zeroed buffer of GZVM_RANGES_SIZE bytes
 *
 * When it fails, what EL2 was not offered is let go.
 *
 * Context: process context of the VM's owner, vm->slots_lock held for
 * writing, which keeps everybody else off the blocks.
 * Return: 0; -ENOMEM: no memory, or RLIMIT_MEMLOCK reached; -EFAULT: the VMM
 * has a hole there; -EINTR: killed; or the errno of EL2's refusal.
 */
int gzvm_gmem_populate(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		       struct gzvm_hyp_ranges *buf)
{
	struct gzvm_fill fill = { .vm = vm, .slot = slot, .buf = buf };
	struct gzvm_block *block;
	unsigned long index;
	int ret;

	lockdep_assert_held_write(&vm->slots_lock);

	ret = gzvm_fill_slot(&fill);
	if (!ret)
		return 0;

	xa_for_each(&slot->blocks, index, block) {
		if (block->pages)
			gzvm_block_undo(vm, block, 0, block->nr);
		cond_resched();
	}
	return ret;
}

static void gzvm_block_release(struct gzvm_vm *vm, struct gzvm_block *block)
{
	unsigned int from, to;

	if (block->run)
		unpin_user_page_range_dirty_lock(block->run, block->nr, true);

	for (from = 0; block->pages && from < block->nr; from = to) {
		from = gzvm_block_next(block, from, block->nr, true);
		to = gzvm_block_next(block, from, block->nr, false);
		if (to > from)
			unpin_user_pages_dirty_lock(block->pages + from,
						    to - from, true);
	}
	gzvm_unaccount(vm, block->nr_pinned);
}

static void gzvm_aside_release(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			       bool keep_pages)
{
	struct page *page;
	unsigned long gfn;

	xa_for_each(&slot->aside, gfn, page) {
		if (keep_pages)
			atomic_long_inc(&gzvm_drv.kept_pages);
		else
			gzvm_unpin_aside(vm, page);
		cond_resched();
	}
	xa_destroy(&slot->aside);
}

/**
 * gzvm_gmem_release() - let go of all pages of a slot
 * @vm: VM
 * @slot: slot that nobody else can reach
 * @keep_pages: EL2 may still map them: they stay pinned for ever
 *
 * Context: process context. EL2 has destroyed the VM, or was never offered a
 * page of this slot, or @keep_pages is set.
 */
void gzvm_gmem_release(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		       bool keep_pages)
{
	struct gzvm_block *block;
	unsigned long index;

	xa_for_each(&slot->blocks, index, block) {
		if (keep_pages)
			atomic_long_add(block->nr_pinned, &gzvm_drv.kept_pages);
		else
			gzvm_block_release(vm, block);
		mutex_destroy(&block->lock);
		kfree(block->pages);
		kfree(block);
		cond_resched();
	}
	xa_destroy(&slot->blocks);
	gzvm_aside_release(vm, slot, keep_pages);
}
