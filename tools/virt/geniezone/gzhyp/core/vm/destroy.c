// SPDX-License-Identifier: GPL-2.0
/*
 * DESTROY_VM, in steps. No CPU runs the VM any more. The first step flushes its
 * VMID; from then on its page tables are only a list of pages to give back.
 */
#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vcpu.h"

/* Holes in the tables that one step may pass */
#define MAX_HOLES	4096

/* Pages that are given back under one hold of owner.lock */
#define BATCH		64

static void stop_using(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < MAX_VCPUS; i++)
		if (vm->vcpu[i])
			vcpu_free(vm, i);
	if (vm->mailbox) {
		owner_unlend(PA(vm->mailbox), PAGE_SIZE);
		vm->mailbox = 0;
	}
	stage2_flush_vmid(vm->vttbr);
}

/* Give back scattered pages: all pages of an open VM are lent. */
static unsigned int give_back_pages(struct vm *vm, u64 budget)
{
	unsigned int nr;
	pa_t pa[BATCH];

	if (protect_is_sealed(vm))
		return 0;
	nr = pgt_pages(&vm->s2, vm->drain, pa, MIN(budget, BATCH));
	return nr ? owner_unlend_pages(pa, nr) : 0;
}

/* Give back the rest: blocks, and pages that may have to be wiped. */
static u64 give_back_leaf(struct vm *vm, u64 budget)
{
	struct pgt_leaf leaf = pgt_lookup(&vm->s2, vm->drain);
	u64 left = leaf.size - (vm->drain & (leaf.size - 1));
	u64 pages = MIN(left / PAGE_SIZE, budget);

	protect_give_back(vm, leaf.pa, pages * PAGE_SIZE);
	return pages;
}

/* Returns true when all pages are given back. */
static bool give_back(struct vm *vm, u64 *budget)
{
	u64 holes = 0, size, pages;

	while (vm->drain < IPA_LIMIT) {
		if (holes >= MAX_HOLES)
			return false;
		holes += pgt_holes(&vm->s2, vm->drain, &size);
		vm->drain += size;
		if (size)
			continue;
		if (!*budget)
			return false;
		pages = give_back_pages(vm, *budget);
		if (!pages)
			pages = give_back_leaf(vm, *budget);
		vm->drain += pages * PAGE_SIZE;
		vm->mapped_pages -= pages;
		*budget -= pages;
	}
	return true;
}

/**
 * vm_destroy() - do a step of a VM's destruction
 * @id: the VM's id as the host gave it
 * @pages: how many pages, of guest or tables, the step may give back
 *
 * Return: GZ_BUSY if more is to be done, 0 if not, or GZ_INVALID_ARGS.
 */
int vm_destroy(u64 id, u64 pages)
{
	struct vm *vm;
	bool gone;
	int err;

	if (!pages || (pages & (pages - 1)))
		return GZ_INVALID_ARGS;
	err = vm_begin_destroy(id, &vm);
	if (err)
		return err;
	/* Wiping pages takes long. */
	pages = MIN(pages, DESTROY_BATCH_PAGES * (protect_is_sealed(vm) ? 1UL : 8UL));
	if (!vm->drain)
		stop_using(vm);
	gone = !option(OPT_DESTROY_STUCK) && give_back(vm, &pages) &&
	       pgt_free_some(&vm->s2, &pages);
	vm_end_destroy(vm, gone);
	return gone ? 0 : GZ_BUSY;
}
