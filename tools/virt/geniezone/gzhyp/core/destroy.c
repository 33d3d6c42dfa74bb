// SPDX-License-Identifier: GPL-2.0
/*
 * DESTROY_VM, in steps. No CPU runs the VM any more. Its VMID is flushed once,
 * first; from then on its page tables are but a list of what to give back.
 */
#include "owner.h"
#include "protect.h"
#include "stage2.h"
#include "vcpu.h"

/* Holes in the tables that are looked at in one step */
#define MAX_HOLES	4096

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

/* Returns true when all pages are the host's alone again. */
static bool give_back(struct vm *vm, u64 *budget)
{
	unsigned int holes = MAX_HOLES;
	struct pgt_leaf leaf;
	u64 left, pages;

	while (vm->drain < IPA_LIMIT) {
		leaf = pgt_lookup(&vm->s2, vm->drain);
		left = leaf.size - (vm->drain & (leaf.size - 1));
		if (!leaf.valid) {
			if (!holes--)
				return false;
			vm->drain += left;
			continue;
		}
		pages = MIN(left / PAGE_SIZE, *budget);
		if (!pages)
			return false;
		protect_give_back(vm, leaf.pa, pages * PAGE_SIZE);
		vm->drain += pages * PAGE_SIZE;
		vm->mapped_pages -= pages;
		*budget -= pages;
	}
	return true;
}

/**
 * vm_destroy() - do a step of a VM's destruction
 * @id: what the host says is its id
 * @pages: pages, of guest or tables, that may be given back in it
 *
 * Return: GZ_BUSY if there is more to do, 0 if not, or GZ_INVALID_ARGS.
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
	/* Wiping pages takes its time. */
	pages = MIN(pages, DESTROY_BATCH_PAGES * (protect_is_sealed(vm) ? 1UL : 8UL));
	if (!vm->drain)
		stop_using(vm);
	gone = give_back(vm, &pages) && pgt_free_some(&vm->s2, &pages);
	vm_end_destroy(vm, gone);
	return gone ? 0 : GZ_BUSY;
}
