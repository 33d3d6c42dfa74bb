// SPDX-License-Identifier: GPL-2.0
/*
 * TLBs at their worst: every valid entry of the tables is cached as soon as somebody
 * looks, and stays until an invalidation covers it. One for each VMID stands for those
 * of all CPUs.
 *
 * A walk that finds another translation than the cached one was not preceded by an
 * invalidation (break before make, Arm ARM, D8.16.1). After a call nothing may be
 * cached that the tables do not have.
 */
#include "tests/fuzz/fuzz.h"

#define MAX_LEAVES	8192

struct tlb {
	unsigned int nr;
	struct leaf leaf[MAX_LEAVES];	/* by address */
};

static struct tlb tlbs[FUZZ_VMS + 1], merged;
static bool is_dead[FUZZ_VMS + 1];	/* no CPU uses the VMID any more */

struct pgtable host_pgt;

static void walk_table(const u64 *table, u64 nr, unsigned int level, u64 ia,
		       leaf_fn *fn, void *arg)
{
	u64 size = pgt_level_size(level), i;

	RULE(va_to_pa(table).v - RAM_BASE < HYP_SIZE);
	for (i = 0; i < nr; i++, ia += size) {
		if (!(table[i] & PTE_VALID))
			continue;
		if (level == PGT_LAST_LEVEL || !(table[i] & PTE_TABLE)) {
			RULE(!(table[i] & PTE_TABLE) == (level != PGT_LAST_LEVEL));
			RULE((table[i] & ~(PTE_ADDR | PTE_TABLE)) == (S2_RW | PTE_VALID));
			RULE(IS_ALIGNED(table[i] & PTE_ADDR, size));
			fn(&(struct leaf) { ia, size, table[i] & PTE_ADDR, true },
			   arg);
		} else {
			walk_table(pa_to_va(PA(table[i] & PTE_ADDR)), 512, level + 1,
				   ia, fn, arg);
		}
	}
}

/* Calls @fn for each leaf of a tree, by address. */
void walk(const struct pgtable *pgt, leaf_fn *fn, void *arg)
{
	if (pgt->root)
		walk_table(pgt->root, 512UL << pgt->root_order, pgt->start_level, 0,
			   fn, arg);
}

/* @arg is the first cached leaf that has not been merged. */
static void merge_leaf(const struct leaf *leaf, void *arg)
{
	struct leaf **old = arg;

	while ((*old)->size && (*old)->ia + (*old)->size <= leaf->ia) {
		merged.leaf[merged.nr] = *(*old)++;
		merged.leaf[merged.nr++].fresh = false;
	}
	if ((*old)->size && (*old)->ia < leaf->ia + leaf->size) {
		RULE((*old)->ia == leaf->ia && (*old)->size == leaf->size &&
		     (*old)->pa == leaf->pa);
		++*old;
	}
	RULE(merged.nr + 1 < MAX_LEAVES / 2);
	merged.leaf[merged.nr] = *leaf;
	merged.leaf[merged.nr++].fresh = true;
}

static const struct pgtable *tree_of(unsigned int vmid)
{
	struct vm *vm = vmid ? vm_by_id(vmid) : NULL;

	if (!vmid)
		return &host_pgt;
	return vm && !is_dead[vmid] ? &vm->s2 : NULL;
}

/* Cache all that the tables have. */
void tlb_fill(unsigned int vmid)
{
	struct tlb *tlb = &tlbs[vmid];
	struct leaf *old = tlb->leaf;

	if (!tree_of(vmid)) {
		RULE(!tlb->nr);
		return;
	}
	merged.nr = 0;
	tlb->leaf[tlb->nr].size = 0;
	walk(tree_of(vmid), merge_leaf, &old);
	for (; old->size; old++) {
		merged.leaf[merged.nr] = *old;
		merged.leaf[merged.nr++].fresh = false;
	}
	memcpy(tlb->leaf, merged.leaf, merged.nr * sizeof(merged.leaf[0]));
	tlb->nr = merged.nr;
}

static void drop(unsigned int vmid, u64 ia, u64 size)
{
	struct tlb *tlb = &tlbs[vmid];
	unsigned int i, nr = 0;

	for (i = 0; i < tlb->nr; i++)
		if (!ranges_overlap(tlb->leaf[i].ia, tlb->leaf[i].size, ia, size))
			tlb->leaf[nr++] = tlb->leaf[i];
	tlb->nr = nr;
}

/* The tables are walked right before and right after an invalidation. */
void stage2_flush_range(u64 vttbr, u64 ia, u64 size)
{
	tlb_fill(vttbr >> 48);
	drop(vttbr >> 48, ia, size);
	tlb_fill(vttbr >> 48);
}

void stage2_flush_vmid(u64 vttbr)
{
	unsigned int vmid = vttbr >> 48;
	struct vm *vm = vm_by_id(vmid);

	tlb_fill(vmid);
	tlbs[vmid].nr = 0;
	if (vm && vm->destroying && !vm_users(vm))
		is_dead[vmid] = true;
	tlb_fill(vmid);
}

void tlb_init(void)
{
	unsigned int vmid;

	for (vmid = 0; vmid <= FUZZ_VMS; vmid++)
		tlbs[vmid].nr = 0;
	memset(is_dead, 0, sizeof(is_dead));
}

/* After a call, the TLBs have what the tables have. */
void tlb_check_fresh(void)
{
	unsigned int vmid, i;

	for (vmid = 0; vmid <= FUZZ_VMS; vmid++) {
		if (!vmid || !vm_by_id(vmid))
			is_dead[vmid] = false;
		tlb_fill(vmid);
		for (i = 0; i < tlbs[vmid].nr; i++)
			RULE(tlbs[vmid].leaf[i].fresh);
	}
}

void tlb_for_each(unsigned int vmid, leaf_fn *fn, void *arg)
{
	unsigned int i;

	for (i = 0; i < tlbs[vmid].nr; i++)
		fn(&tlbs[vmid].leaf[i], arg);
}

/* As an access would find it */
bool translate(unsigned int vmid, u64 ia, u64 *pa)
{
	const struct tlb *tlb = &tlbs[vmid];
	unsigned int i;

	for (i = 0; i < tlb->nr; i++) {
		*pa = tlb->leaf[i].pa + (ia - tlb->leaf[i].ia);
		if (ia - tlb->leaf[i].ia < tlb->leaf[i].size)
			return true;
	}
	return false;
}
