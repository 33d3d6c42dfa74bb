// SPDX-License-Identifier: GPL-2.0
/*
 * Population: give all pages of a slot to EL2 at once.
 */

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "gzvm.h"
#include "trace.h"

/* EL2 takes no interrupt during a call: the pages that one call may carry */
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
	u64 pfn;
};

/* Record the outcome of the call in each block that has pages in the buffer. */
static void gzvm_fill_note_call(struct gzvm_fill *fill, int ret, bool sure)
{
	u64 gfn = fill->gfn, end = fill->gfn + fill->nr, to;
	struct gzvm_block *block;

	for (; gfn < end; gfn = to) {
		block = xa_load(&fill->slot->blocks, gfn / GZVM_BLOCK_PAGES);
		to = min(end, block->gfn + block->nr);
		gzvm_block_note_call(fill->vm, block, gfn - block->gfn, to - gfn,
				     ret, sure);
		gzvm_block_collapse(block);
	}
}

static int gzvm_fill_call(struct gzvm_fill *fill, struct gzvm_busy *busy)
{
	int ret;

	ret = gzvm_hc_set_memregion(fill->vm->id, GZVM_RANGES_SIZE,
				    virt_to_phys(fill->buf), busy);
	trace_gzvm_map(fill->vm->id, fill->slot->id, fill->gfn, fill->nr, ret);
	return ret;
}

static int gzvm_fill_flush(struct gzvm_fill *fill)
{
	struct gzvm_hyp_ranges *buf = fill->buf;
	struct gzvm_busy busy = {};
	int ret;

	if (!fill->nr)
		return 0;

	buf->slot = cpu_to_le32(fill->slot->id);
	buf->constituent_cnt = cpu_to_le32(fill->cnt);
	buf->total_pages = cpu_to_le64(fill->nr);
	buf->gpa = cpu_to_le64(fill->gfn << GZVM_PAGE_SHIFT);
	fill->slot->offered = true;
	ret = gzvm_hc_repeat(&busy, gzvm_fill_call(fill, &busy));
	gzvm_fill_note_call(fill, ret, gzvm_call_is_sure(&busy, ret, fill->nr));
	if (ret)
		return ret;

	memset(buf, 0, GZVM_RANGES_SIZE);
	fill->cnt = 0;
	fill->nr = 0;
	cond_resched();
	return 0;
}

static int gzvm_fill_page(struct gzvm_fill *fill, u64 gfn, u64 pfn)
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
		last->address = cpu_to_le64(pfn << GZVM_PAGE_SHIFT);
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

	if (block->contig)
		return 0;

	ret = gzvm_block_need_table(block);
	if (ret)
		return ret;

	/* When fewer pages were pinned, the next attempt tells why. */
	for (i = 0; i < block->nr; i = ret) {
		ret = gzvm_block_pin_range(fill->vm, fill->slot, block, i,
					   block->nr, NULL);
		if (ret < 0)
			return ret;
	}

	for (i = 0; i < block->nr; i++) {
		if (test_bit(i, block->mapped))
			continue;
		ret = gzvm_fill_page(fill, block->gfn + i,
				     gzvm_block_pfn(block, i));
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
 * gzvm_populate() - give EL2 all pages of a slot that it does not have
 * @vm: VM of the caller
 * @slot: the slot
 * @buf: zeroed buffer of GZVM_RANGES_SIZE bytes
 *
 * When it fails, pages that no call named are unpinned.
 *
 * Context: process context of the VM's owner, vm->slots_lock held for writing,
 * which locks all blocks.
 * Return: 0; -ENOMEM: no memory, or RLIMIT_MEMLOCK reached; -EFAULT: the VMM
 * has mapped nothing there; -EINTR: killed; or the errno of EL2's refusal.
 */
int gzvm_populate(struct gzvm_vm *vm, struct gzvm_memslot *slot,
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
			gzvm_block_undo(vm, slot, block, 0, block->nr);
		cond_resched();
	}
	return ret;
}
