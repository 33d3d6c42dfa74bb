// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of one 2 MiB block: pin, account, give to EL2, release.
 *
 * The states of a page, and what takes it from one to the next:
 *
 *           pin              EL2 took it
 *   host -------> pinned ------------------> given
 *    ^             |  |                       |
 *    |   refused   |  | any other             | the guest gives it up,
 *    |   alone     |  | outcome               | or the VM ends
 *    +<------------+  v                       |
 *    |             in doubt                   |
 *    |                |                       |
 *    |                | the VM ends           |
 *    +<---------------+-----------------------+
 *
 *   host      The driver does not refer to the page.
 *   pinned    Pinned for writing and accounted; EL2 has not been told of it.
 *             A page is in this state only while the block is locked.
 *   given     The first call that named the page succeeded, and EL2 did not say
 *             BUSY to it: EL2 has the page, and took it once.
 *   in doubt  A call that named the page failed or was repeated, hence it is
 *             unknown whether EL2 has the page, and how often it took it.
 *
 * These are EL2's pages, of 4 KiB. The host pins whole pages of its own (host
 * pages), which may be larger. A host page is pinned with the first of its pages,
 * and unpinned when all of them are the host's. In between, a page of it that the
 * guest gave up comes back as the same memory.
 *
 * EL2 cannot be told to unmap a page. It lets go of one when the VM ends, or
 * when the guest gives the page up (relinquish). A call may have taken some of
 * its pages before it failed; only a call that named one page and was refused
 * took nothing.
 *
 * A call is repeated while EL2 is busy, with the same pages. The guest may give
 * up a page that such a call has taken already, and the next repetition maps the
 * page again. The vCPU that reports the relinquish waits for the block's lock,
 * and gets it when EL2 has the page once more. The report cannot be told from
 * one that was made later. Therefore a page in doubt stays pinned until the VM
 * ends, whatever the guest reports, and a later call for its guest frame names
 * the same page. After a slot failed half-way (gzvm_vm.dead_slots) a report may
 * be about a page of that slot, so pages given from then on are in doubt, too.
 *
 * block->mapped tells whether EL2 said yes in the end. A page in doubt that is
 * not mapped is offered again at the next fault.
 *
 * The driver looks up a page in the slot's mapping when it pins it. From then on
 * the page is the guest's, and what the VMM maps there later is not seen.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "gzvm.h"
#include "trace.h"

static struct gzvm_block *gzvm_block_alloc(struct gzvm_memslot *slot, u64 index)
{
	u64 first = max(index * GZVM_BLOCK_PAGES, slot->gfn);
	u64 end = min((index + 1) * GZVM_BLOCK_PAGES,
		      slot->gfn + slot->nr_pages);
	struct gzvm_block *block;

	block = kzalloc_obj(*block, GFP_KERNEL_ACCOUNT);
	if (!block)
		return NULL;

	block->nr = end - first;
	block->gfn = first;
	mutex_init(&block->lock);
	return block;
}

/**
 * gzvm_block_get() - the block that covers a guest frame, made if necessary
 * @slot: slot that covers the frame
 * @gfn: the frame
 *
 * A block stays until its slot is freed.
 *
 * Context: process context, vm->slots_lock held.
 * Return: the block, or ERR_PTR(-ENOMEM).
 */
struct gzvm_block *gzvm_block_get(struct gzvm_memslot *slot, u64 gfn)
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

static unsigned int gzvm_block_nr_host(const struct gzvm_block *block)
{
	return block->nr / GZVM_PAGES_PER_PAGE;
}

static unsigned long gzvm_block_hva(struct gzvm_memslot *slot,
				    struct gzvm_block *block, unsigned int host)
{
	return slot->hva + ((block->gfn - slot->gfn) << GZVM_PAGE_SHIFT) +
	       ((unsigned long)host << PAGE_SHIFT);
}

/**
 * gzvm_block_pfn() - EL2's number of the frame behind a page
 * @block: block with a table
 * @i: page of the block, pinned
 *
 * Context: process context, the block is locked.
 * Return: the number, in pages of EL2.
 */
u64 gzvm_block_pfn(const struct gzvm_block *block, unsigned int i)
{
	u64 host_pfn = page_to_pfn(block->pages[i / GZVM_PAGES_PER_PAGE]);

	return host_pfn * GZVM_PAGES_PER_PAGE + i % GZVM_PAGES_PER_PAGE;
}

static bool gzvm_block_is_mapped(struct gzvm_block *block, unsigned int i)
{
	return block->contig || test_bit(i, block->mapped);
}

/**
 * gzvm_block_given() - how many pages of a range EL2 has
 * @block: block
 * @first: first page of the range
 * @end: page after the last one
 *
 * Context: any; the block need not be locked, and may change meanwhile.
 */
unsigned int gzvm_block_given(struct gzvm_block *block, unsigned int first,
			      unsigned int end)
{
	unsigned int given = 0;

	if (READ_ONCE(block->contig))
		return end - first;
	for (; first < end; first++)
		/* A page that is being given or returned may count or not. */
		given += data_race(test_bit(first, block->mapped));
	return given;
}

/*
 * Whether the VMM has a page at an address that may be the guest's: that one is
 * pinned, and a page that the VMM got instead is not. Only the current address space
 * can be looked at without its lock, which may be held.
 */
static bool gzvm_is_pinned_at(struct gzvm_vm *vm, unsigned long hva)
{
	struct folio *folio;
	struct page *page;
	bool pinned;

	if (current->mm != vm->mm || get_user_pages_fast_only(hva, 1, 0, &page) != 1)
		return false;
	folio = page_folio(page);
	pinned = folio_maybe_dma_pinned(folio);
	folio_put(folio);
	return pinned;
}

/**
 * gzvm_block_lost() - how many pages of a range EL2 has and the VMM has no longer
 * @vm: VM
 * @slot: slot of the block
 * @block: block
 * @first: first page of the range, at the begin of a host page
 * @end: page after the last one, likewise
 *
 * Context: may sleep; the block need not be locked, and may change meanwhile.
 */
unsigned int gzvm_block_lost(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			     struct gzvm_block *block, unsigned int first,
			     unsigned int end)
{
	unsigned int given, lost = 0;
	unsigned long hva;

	for (; first < end; first += GZVM_PAGES_PER_PAGE) {
		given = gzvm_block_given(block, first, first + GZVM_PAGES_PER_PAGE);
		hva = gzvm_block_hva(slot, block, first / GZVM_PAGES_PER_PAGE);
		if (given && !gzvm_is_pinned_at(vm, hva))
			lost += given;
	}
	cond_resched();
	return lost;
}

/**
 * gzvm_block_need_table() - make room for the pages of a block
 * @block: block that is not mapped contiguously
 *
 * Context: process context, the block is locked.
 * Return: 0 or -ENOMEM.
 */
int gzvm_block_need_table(struct gzvm_block *block)
{
	if (!block->pages)
		block->pages = kcalloc(gzvm_block_nr_host(block),
				       sizeof(*block->pages), GFP_KERNEL_ACCOUNT);
	return block->pages ? 0 : -ENOMEM;
}

/* The reverse of gzvm_block_collapse() */
static void gzvm_block_expand(struct gzvm_block *block)
{
	unsigned int i;

	if (!block->contig)
		return;

	/* EL2 has unmapped a page: the block must not go on to say mapped. */
	block->pages = kcalloc(gzvm_block_nr_host(block), sizeof(*block->pages),
			       GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	for (i = 0; i < gzvm_block_nr_host(block); i++)
		block->pages[i] = pfn_to_page(page_to_pfn(block->contig) + i);
	bitmap_fill(block->mapped, block->nr);
	block->contig = NULL;
}

/**
 * gzvm_block_collapse() - replace the table by one pointer, if that is enough
 * @block: block
 *
 * It is enough when all pages are mapped and contiguous, as in a large folio.
 *
 * Context: process context, the block is locked.
 */
void gzvm_block_collapse(struct gzvm_block *block)
{
	unsigned long pfn;
	unsigned int i;

	if (block->contig || !bitmap_full(block->mapped, block->nr))
		return;

	pfn = page_to_pfn(block->pages[0]);
	for (i = 1; i < gzvm_block_nr_host(block); i++)
		if (page_to_pfn(block->pages[i]) != pfn + i)
			return;

	block->contig = block->pages[0];
	kfree(block->pages);
	block->pages = NULL;
}

/* Place of a host page of a block in the slot's own memory */
static unsigned long gzvm_block_index(struct gzvm_memslot *slot,
				      struct gzvm_block *block, unsigned int host)
{
	return slot->gmem_index + (block->gfn - slot->gfn) / GZVM_PAGES_PER_PAGE +
	       host;
}

/* Unpin a host page if none of its pages is given or in doubt. */
static void gzvm_block_unpin(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			     struct gzvm_block *block, unsigned int host)
{
	unsigned int first = host * GZVM_PAGES_PER_PAGE;
	unsigned int end = first + GZVM_PAGES_PER_PAGE;

	if (!block->pages[host] ||
	    find_next_bit(block->mapped, end, first) < end ||
	    find_next_bit(block->doubt, end, first) < end)
		return;

	if (slot->gmem) {
		gzvm_gmem_return(slot->gmem, block->pages[host]);
	} else {
		unpin_user_pages_dirty_lock(block->pages + host, 1, true);
		gzvm_unaccount(vm->mm, 1);
	}
	block->pages[host] = NULL;
	block->nr_pinned--;
	atomic_long_dec(&vm->stats.pinned);
}

/**
 * gzvm_fault_in() - wait for pages of the VMM
 * @absent: the pages; afterwards, those that are still to come
 *
 * User space may have to bring a page (userfaultfd, FUSE), or a slow disk. Any
 * signal ends the wait. On kernels without FOLL_INTERRUPTIBLE only a fatal one
 * does. Pages that come without a wait come in spite of signals: otherwise a VMM with
 * a timer might never get a large slot.
 *
 * Context: process context of the VM's owner; no lock is held.
 * Return: 0: try to pin again; -EINTR: a signal ended the wait; -EFAULT: the first
 * page of @absent cannot be had; -ENOMEM.
 */
int gzvm_fault_in(struct gzvm_absent *absent)
{
	const unsigned int flags = absent->copied ? 0 : FOLL_WRITE;
	long ret;

	while (absent->nr) {
		/*
		 * A fault that may wait drops the lock of the address space even if it
		 * does not wait, as in shmem, and there GUP looks for signals.
		 */
		ret = get_user_pages_unlocked(absent->hva, absent->nr, NULL,
					      flags | FOLL_NOWAIT);
		if (!ret)
			ret = get_user_pages_unlocked(absent->hva, 1, NULL,
						      flags | FOLL_INTERRUPTIBLE);
		if (ret < 0)
			return ret;
		absent->hva += ret << PAGE_SHIFT;
		absent->nr -= ret;
	}
	return 0;
}

/**
 * gzvm_is_read_only() - whether the VMM may read an address, but not write it
 * @hva: the address
 *
 * Context: process context of the VM's owner; no lock is held.
 */
bool gzvm_is_read_only(unsigned long hva)
{
	return get_user_pages_unlocked(hva, 1, NULL,
				       FOLL_WRITE | FOLL_INTERRUPTIBLE) == -EFAULT &&
	       get_user_pages_unlocked(hva, 1, NULL, FOLL_INTERRUPTIBLE) == 1;
}

/*
 * Pin @nr pages, and wait only if @wait is 0. Returns how many, from the first one on,
 * could be pinned; *@err is 0 or the error that ended it.
 *
 * Pages that are there need no lock of the address space: try that first, except for a
 * page alone, which is mostly one that the VMM has not touched.
 */
static unsigned int gzvm_pin(unsigned long hva, unsigned int nr, struct page **pages,
			     unsigned int wait, int *err)
{
	/* FOLL_WRITE: neither the zero page nor the page cache of a private mapping */
	const unsigned int flags = FOLL_WRITE | FOLL_LONGTERM;
	unsigned int pinned = 0;
	int ret = 0;

	if (nr > 1) {
		ret = pin_user_pages_fast(hva, nr, flags | FOLL_NOFAULT, pages);
		pinned = max(ret, 0);
	}
	while (pinned < nr) {
		ret = pin_user_pages_unlocked(hva + ((unsigned long)pinned << PAGE_SHIFT),
					      nr - pinned, pages + pinned, flags | wait);
		if (ret <= 0)
			break;
		pinned += ret;
	}
	*err = min(ret, 0);
	return pinned;
}

/*
 * Where the pages of a block come from: the file that the slot names, or the VMM's
 * mapping. The memory of a protected VM is the driver's by then, see gmem.c. Otherwise
 * the VMM and the guest share the pages, and the driver pins and accounts them.
 */
static unsigned int gzvm_block_get_pages(struct gzvm_vm *vm,
					 struct gzvm_memslot *slot,
					 struct gzvm_block *block,
					 unsigned int first, unsigned int nr,
					 unsigned int wait, int *err)
{
	unsigned long index = gzvm_block_index(slot, block, first);
	struct page **pages = block->pages + first;
	unsigned int got;

	if (slot->flags & GZVM_USER_MEM_REGION_GUEST_MEMFD) {
		*err = gzvm_gmem_give(slot->gmem, index, nr, pages);
		return *err ? 0 : nr;
	}
	if (slot->gmem)
		return gzvm_span_take(slot->gmem, index,
				      gzvm_block_hva(slot, block, first), nr,
				      pages, wait, err);
	*err = gzvm_account(vm->mm, nr);
	if (*err)
		return 0;
	got = gzvm_pin(gzvm_block_hva(slot, block, first), nr, pages, wait, err);
	gzvm_unaccount(vm->mm, nr - got);
	return got;
}

/*
 * Pin @nr host pages from @first on, none of which is pinned. Keeps, and returns
 * the length of, the longest pinned run from @first on: there may be a hole in the
 * VMM's mapping behind it. -EBUSY: the next page has to be waited for, see
 * gzvm_block_pin_range().
 */
static int gzvm_block_pin(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			  struct gzvm_block *block, unsigned int first,
			  unsigned int nr, struct gzvm_absent *absent)
{
	unsigned int wait = absent ? FOLL_NOWAIT : 0;
	unsigned int pinned;
	int ret;

	/* GUP may take long, and all vCPUs of the VM share the mailbox. */
	lockdep_assert_not_held(&vm->mailbox_lock);

	pinned = gzvm_block_get_pages(vm, slot, block, first, nr, wait, &ret);
	memset(block->pages + first + pinned, 0,
	       (nr - pinned) * sizeof(*block->pages));
	atomic_long_add(pinned, &vm->stats.pinned);
	block->nr_pinned += pinned;
	if (pinned == nr || ret || !wait)
		return pinned ?: ret;

	absent->hva = gzvm_block_hva(slot, block, first + pinned);
	absent->nr = nr - pinned;
	absent->copied = slot->gmem;
	return -EBUSY;
}

/* First host page of [first, end) that is, or is not, pinned. */
static unsigned int gzvm_block_next(struct gzvm_block *block, unsigned int first,
				    unsigned int end, bool pinned)
{
	while (first < end && !!block->pages[first] != pinned)
		first++;
	return first;
}

/**
 * gzvm_block_pin_range() - pin those host pages of a range that are not pinned
 * @vm: VM
 * @slot: slot of the block
 * @block: block with a table
 * @first: first page of the range
 * @end: page after the last one
 * @absent: NULL: wait for pages that are not there; otherwise do not wait, and
 *	    store which these are
 *
 * Context: process context of the VM's owner, the block is locked.
 * Return: the end of what is pinned without a gap from @first on; -EBUSY: there
 * are pages to wait for, and others before them may be pinned; or, when not even
 * @first could be pinned: -ENOMEM for RLIMIT_MEMLOCK, -EFAULT, or another errno of
 * GUP.
 */
int gzvm_block_pin_range(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			 struct gzvm_block *block, unsigned int first,
			 unsigned int end, struct gzvm_absent *absent)
{
	unsigned int first_host = first / GZVM_PAGES_PER_PAGE;
	unsigned int end_host = DIV_ROUND_UP(end, GZVM_PAGES_PER_PAGE);
	unsigned int from, to;
	int ret;

	for (from = first_host; from < end_host; from = to) {
		from = gzvm_block_next(block, from, end_host, false);
		to = gzvm_block_next(block, from, end_host, true);
		if (from == to)
			break;

		ret = gzvm_block_pin(vm, slot, block, from, to - from, absent);
		if (ret == -EBUSY)
			return ret;
		if (ret >= (int)(to - from))
			continue;
		from += max(ret, 0);
		return from > first_host ? from * GZVM_PAGES_PER_PAGE :
					   (ret ?: -EFAULT);
	}
	return end;
}

static int gzvm_map_mailbox(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			    struct gzvm_block *block, unsigned int first,
			    unsigned int nr, struct gzvm_busy *busy)
{
	unsigned int i;
	int ret;

	mutex_lock(&vm->mailbox_lock);
	for (i = 0; i < nr; i++)
		vm->mailbox[i] = cpu_to_le64(gzvm_block_pfn(block, first + i));
	ret = gzvm_hc_map_guest_block(vm->id, slot->id, block->gfn + first, nr,
				      busy);
	mutex_unlock(&vm->mailbox_lock);
	return ret;
}

/**
 * gzvm_block_note_call() - record the outcome of a call to EL2
 * @vm: VM
 * @block: block
 * @first: first page of the block that the call named
 * @nr: how many pages of the block it named
 * @ret: result of the call
 * @sure: whether EL2 is known to have taken all pages once, or none: see
 *        gzvm_call_is_sure()
 *
 * Context: process context, the block is locked.
 */
void gzvm_block_note_call(struct gzvm_vm *vm, struct gzvm_block *block,
			  unsigned int first, unsigned int nr, int ret,
			  bool sure)
{
	lockdep_assert(lockdep_is_held(&block->lock) ||
		       lockdep_is_held_type(&vm->slots_lock, 0));

	if (!sure || !list_empty(&vm->dead_slots))
		bitmap_set(block->doubt, first, nr);
	if (!ret)
		bitmap_set(block->mapped, first, nr);
}

static int gzvm_map_once(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			 struct gzvm_block *block, unsigned int first,
			 unsigned int nr, struct gzvm_busy *busy)
{
	u64 gfn = block->gfn + first;
	int ret;

	if (vm->paging == GZVM_PAGING_BLOCK)
		ret = gzvm_map_mailbox(vm, slot, block, first, nr, busy);
	else
		ret = gzvm_hc_map_guest(vm->id, slot->id,
					gzvm_block_pfn(block, first), gfn, nr,
					busy);
	trace_gzvm_map(vm->id, slot->id, gfn, nr, ret);
	return ret;
}

/**
 * gzvm_block_undo() - unpin the host pages of a range of which EL2 has nothing
 * @vm: VM
 * @slot: slot of the block
 * @block: block with a table
 * @first: first page of the range
 * @end: page after the last one
 *
 * Context: process context, the block is locked.
 */
void gzvm_block_undo(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		     struct gzvm_block *block, unsigned int first,
		     unsigned int end)
{
	unsigned int host = first / GZVM_PAGES_PER_PAGE;

	for (; host < DIV_ROUND_UP(end, GZVM_PAGES_PER_PAGE); host++)
		gzvm_block_unpin(vm, slot, block, host);
}

/* Give [first, end), all pinned and none of it mapped, to EL2 in batches. */
static int gzvm_block_map(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			  struct gzvm_block *block, unsigned int first,
			  unsigned int end)
{
	u32 batch = vm->paging == GZVM_PAGING_BLOCK ?
		    READ_ONCE(gzvm_drv.map_batch) : 1;
	unsigned int nr;
	int ret;

	WRITE_ONCE(slot->offered, true);
	for (; first < end; first += nr) {
		struct gzvm_busy busy = { .kicks = true };

		nr = min(batch, end - first);
		ret = gzvm_hc_repeat(&busy,
				     gzvm_map_once(vm, slot, block, first, nr,
						   &busy));
		gzvm_block_note_call(vm, block, first, nr, ret,
				     gzvm_call_is_sure(&busy, ret, nr));
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
			   unsigned int end, struct gzvm_absent *absent)
{
	unsigned int to;
	int ret;

	ret = gzvm_block_pin_range(vm, slot, block, first, end, absent);
	if (ret < 0) {
		gzvm_block_undo(vm, slot, block, first, end);
		return ret;
	}

	for (end = ret; first < end; first = to) {
		first = find_next_zero_bit(block->mapped, end, first);
		to = find_next_bit(block->mapped, end, first);
		ret = gzvm_block_map(vm, slot, block, first, to);
		if (ret) {
			gzvm_block_undo(vm, slot, block, first, end);
			return ret;
		}
	}
	return 0;
}

/*
 * Give the whole block, including the pages that EL2 has. The guest may give up one
 * of these, and get it again by this call before the relinquish is reported. Hence
 * all of them are in doubt from here on.
 */
static int gzvm_block_refill(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			     struct gzvm_block *block,
			     struct gzvm_absent *absent)
{
	int ret;

	ret = gzvm_block_pin_range(vm, slot, block, 0, block->nr, absent);
	if (ret == block->nr) {
		bitmap_or(block->doubt, block->doubt, block->mapped, block->nr);
		ret = gzvm_block_map(vm, slot, block, 0, block->nr);
	} else if (ret >= 0) {
		ret = -EFAULT;
	}
	if (ret)
		gzvm_block_undo(vm, slot, block, 0, block->nr);
	return ret;
}

static int gzvm_block_fault_all(struct gzvm_vm *vm, struct gzvm_memslot *slot,
				struct gzvm_block *block,
				struct gzvm_absent *absent)
{
	int ret;

	if (!block->sparse)
		ret = gzvm_block_fill(vm, slot, block, 0, block->nr, absent);
	else if (!READ_ONCE(vm->takes_pages))
		ret = gzvm_block_refill(vm, slot, block, absent);
	else
		return 0;
	gzvm_block_collapse(block);
	return ret;
}

/*
 * Give the host page of a page, or only the page if the guest gave up pages of the
 * block: the others that it gave up remain the host's.
 */
static int gzvm_block_fault_page(struct gzvm_vm *vm, struct gzvm_memslot *slot,
				 struct gzvm_block *block, unsigned int i,
				 struct gzvm_absent *absent)
{
	unsigned int first = round_down(i, GZVM_PAGES_PER_PAGE);
	int ret;

	if (block->sparse)
		return gzvm_block_fill(vm, slot, block, i, i + 1, absent);
	ret = gzvm_block_fill(vm, slot, block, first, first + GZVM_PAGES_PER_PAGE,
			      absent);
	return gzvm_block_is_mapped(block, i) ? 0 : ret;
}

/**
 * gzvm_block_fault() - make a page of a block the guest's
 * @vm: VM
 * @slot: slot of the block
 * @block: block
 * @i: page of the block that the guest touched
 * @absent: pages to wait for before the next try
 *
 * In block mode the driver gives the whole block. It gives the host page alone
 * where that fails, for a hole in the VMM's mapping or for the limit on locked
 * memory. In a block of which the guest gave up pages, it gives the page alone, if
 * EL2 is known to take that.
 *
 * Context: process context of the VM's owner, block->lock held.
 * Return: as gzvm_memslot_fault(); or -EBUSY: wait for @absent without locks, and
 * try again.
 */
int gzvm_block_fault(struct gzvm_vm *vm, struct gzvm_memslot *slot,
		     struct gzvm_block *block, unsigned int i,
		     struct gzvm_absent *absent)
{
	int ret;

	lockdep_assert_held(&block->lock);

	/* Another vCPU was here first, or has given the page up. */
	if (gzvm_block_is_mapped(block, i))
		return GZVM_HAD_PAGE;

	ret = gzvm_block_need_table(block);
	if (ret)
		return ret;

	if (vm->paging == GZVM_PAGING_BLOCK && !absent->alone) {
		ret = gzvm_block_fault_all(vm, slot, block, absent);
		if (gzvm_block_is_mapped(block, i))
			return 0;
		if (ret == -EINTR || ret == -EBUSY)
			return ret;
	}

	return gzvm_block_fault_page(vm, slot, block, i, absent);
}

/**
 * gzvm_block_relinquish() - take back a page that the guest gave up
 * @vm: VM
 * @slot: slot of the block
 * @block: block
 * @i: page of the block
 *
 * The host page is unpinned with the last of its pages, or freed if it is the driver's.
 * A page in doubt keeps it pinned: EL2 may have mapped the page again.
 *
 * Context: process context, block->lock held.
 * Return: 0; -ENOENT: the guest did not have the page.
 */
int gzvm_block_relinquish(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			  struct gzvm_block *block, unsigned int i)
{
	unsigned int host = i / GZVM_PAGES_PER_PAGE;

	lockdep_assert_held(&block->lock);

	if (!gzvm_block_is_mapped(block, i) && !test_bit(i, block->doubt))
		return -ENOENT;

	gzvm_block_expand(block);
	block->sparse = true;
	clear_bit(i, block->mapped);
	gzvm_block_unpin(vm, slot, block, host);
	if (slot->gmem && !block->pages[host])
		gzvm_gmem_free(slot->gmem, gzvm_block_index(slot, block, host), 1,
			       false);
	return 0;
}

static void gzvm_block_release(struct gzvm_vm *vm, struct gzvm_block *block)
{
	unsigned int nr = gzvm_block_nr_host(block), from, to;

	if (block->contig)
		unpin_user_page_range_dirty_lock(block->contig, nr, true);

	for (from = 0; block->pages && from < nr; from = to) {
		from = gzvm_block_next(block, from, nr, true);
		to = gzvm_block_next(block, from, nr, false);
		if (to > from)
			unpin_user_pages_dirty_lock(block->pages + from,
						    to - from, true);
	}
	gzvm_unaccount(vm->mm, block->nr_pinned);
}

/* Pages that EL2 was not given stay the VMM's, as long as it maps them. */
static void gzvm_block_free(struct gzvm_memslot *slot, struct gzvm_block *block,
			    bool keep_pages)
{
	unsigned long index = gzvm_block_index(slot, block, 0);
	unsigned int nr = gzvm_block_nr_host(block), from, to;

	if (block->contig)
		gzvm_gmem_free(slot->gmem, index, nr, keep_pages);

	for (from = 0; block->pages && from < nr; from = to) {
		from = gzvm_block_next(block, from, nr, true);
		to = gzvm_block_next(block, from, nr, false);
		if (to > from)
			gzvm_gmem_free(slot->gmem, index + from, to - from,
				       keep_pages);
	}
}

/**
 * gzvm_blocks_release() - unpin all pages of a slot and free its blocks
 * @vm: VM
 * @slot: slot that no other thread can reach
 * @keep_pages: EL2 may still map the pages: they stay pinned for ever
 *
 * Context: process context. EL2 has destroyed the VM, or was never offered a
 * page of this slot, or @keep_pages is set.
 */
void gzvm_blocks_release(struct gzvm_vm *vm, struct gzvm_memslot *slot,
			 bool keep_pages)
{
	struct gzvm_block *block;
	unsigned long index;

	xa_for_each(&slot->blocks, index, block) {
		if (keep_pages)
			atomic_long_add(block->nr_pinned, &gzvm_drv.kept_pages);
		else
			atomic_long_sub(block->nr_pinned, &vm->stats.pinned);
		if (slot->gmem)
			gzvm_block_free(slot, block, keep_pages);
		else if (!keep_pages)
			gzvm_block_release(vm, block);
		mutex_destroy(&block->lock);
		kfree(block->pages);
		kfree(block);
		cond_resched();
	}
	xa_destroy(&slot->blocks);
}
