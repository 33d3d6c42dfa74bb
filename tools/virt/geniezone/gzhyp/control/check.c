// SPDX-License-Identifier: GPL-2.0
/*
 * Test controls: checks the invariants of EL2 while no call is in progress. The first
 * few violations are printed on the console.
 *
 *   VMs      have their id and vCPUs; they have no users, no vCPU runs
 *   sealed   VMs map only their own pages outside shared regions, and count the
 *            pages that the host cannot access
 *   regions  are sorted, do not overlap, fit the address space, count mapped pages
 *   guests   map only pages that are lent or their own; mapped pages are counted
 *            right and lie in a region
 *   table    has as many lendings as there are mappings, shared pages of vCPUs and
 *            mailboxes; a guest's own page is mapped once, by that guest
 *   host     maps in stage 2 what is its own or shared, and nothing else; so do
 *            devices behind an SMMU
 *   pool     counts its free pages right
 */
#include "arch/dma.h"
#include "arch/stage2.h"
#include "control/control.h"
#include "core/mem/owner.h"
#include "core/mem/pool.h"
#include "core/mem/protect.h"
#include "lib/print.h"

#define MAX_PRINTED	10

static void violation(struct check *check, const char *what, u16 vm, u64 addr)
{
	if (!check->bad) {
		check->vm = vm;
		check->addr = addr;
	}
	if (check->bad++ < MAX_PRINTED)
		print("gzhyp: INVARIANT: %s, VM %u, %lx\n", what, vm, addr);
}

static void want(struct check *check, bool ok, const char *what, u16 vm, u64 addr)
{
	if (!ok)
		violation(check, what, vm, addr);
}

/* The part of a run that lies below @end */
static u64 run_size(const struct owner_run *run, u64 end)
{
	return MIN(run->pages * PAGE_SIZE, end - run->pa.v);
}

/* Pages that a VM refers to must be lent or its own. */
static void check_reference(struct check *check, u16 vm, pa_t pa, u64 size)
{
	u64 end = pa.v + size, at = pa.v, pages;
	struct owner_run run;

	while (at < end) {
		run = owner_run_at(PA(at));
		if (run.pages == 0) {
			violation(check, "reference to what is not RAM", vm, at);
			return;
		}
		pages = run_size(&run, end) / PAGE_SIZE;
		if (run.state == PAGE_SHARED)
			check->lent += pages;
		else if ((run.state == PAGE_GUEST ||
			  run.state == PAGE_GUEST_SHARED) && run.value == vm)
			check->owned += pages;
		else
			violation(check, "reference to a page it has no right to",
				  vm, at);
		at += pages * PAGE_SIZE;
	}
}

static void check_vcpus(struct check *check, struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned int i;

	for (i = 0; i < MAX_VCPUS; i++) {
		vcpu = vm->vcpu[i];
		want(check, !vm->on_cpu[i], "vCPU runs", vm->id, i);
		if (!vcpu) {
			want(check, !(vm->sleeping & (1U << i)),
			     "no vCPU, but it sleeps", vm->id, i);
			continue;
		}
		want(check, vcpu->vm == vm && vcpu->id == i, "vCPU is not its VM's",
		     vm->id, i);
		check_reference(check, vm->id, va_to_pa(vcpu->run), SHARED_SIZE);
	}
	if (vm->mailbox)
		check_reference(check, vm->id, PA(vm->mailbox), PAGE_SIZE);
}

static void check_regions(struct check *check, struct vm *vm)
{
	const struct region *region;
	u64 end = 0, mapped = 0;
	unsigned int i;

	for (i = 0; i < vm->nr_regions; i++) {
		region = &vm->region[i];
		want(check, range_ok(region->gpa, region->size, IPA_LIMIT) &&
		     IS_ALIGNED(region->gpa | region->size, PAGE_SIZE),
		     "region is out of bounds", vm->id, region->gpa);
		want(check, region->gpa >= end, "regions overlap", vm->id,
		     region->gpa);
		want(check, region_by_slot(vm, region->slot) == region,
		     "two regions of one slot", vm->id, region->slot);
		end = region->gpa + region->size;
		mapped += region->mapped;
	}
	/* A step of destruction counts for the VM, not for its regions. */
	if (vm->state == VM_LIVE)
		want(check, mapped == vm->mapped_pages,
		     "regions count other pages than the VM", vm->id, mapped);
}

/*
 * A sealed VM's pages are its own, except in shared regions. During sealing there
 * are both kinds.
 */
static u64 check_private(struct check *check, struct vm *vm, u64 ipa,
			 const struct pgt_leaf *leaf, u64 size)
{
	struct region *region = region_of(vm, ipa);
	u64 at = 0, pages = 0, len;
	struct owner_run run;

	for (; at < size; at += len) {
		run = owner_run_at(PA(leaf->pa.v + at));
		if (!run.pages)
			break;
		len = run_size(&run, leaf->pa.v + size);
		pages += run.state == PAGE_GUEST ? len / PAGE_SIZE : 0;
		want(check, run.state == PAGE_SHARED ||
		     (region && protect_is_private(vm, region)),
		     "guest owns a page of an open VM or region", vm->id, ipa + at);
		want(check, run.state != PAGE_SHARED || !region ||
		     vm->protection != VM_SEALED || !protect_is_private(vm, region),
		     "host still has a page of a sealed VM", vm->id, ipa + at);
	}
	return pages;
}

static void check_leaf(struct check *check, struct vm *vm, u64 ipa,
		       const struct pgt_leaf *leaf, u64 size)
{
	struct region *region = region_of(vm, ipa);

	check_reference(check, vm->id, leaf->pa, size);
	want(check, region && ipa - region->gpa + size <= region->size,
	     "mapping outside of a region", vm->id, ipa);
}

/* Pages that destruction has passed do not count as references. */
static void check_stage2(struct check *check, struct vm *vm)
{
	u64 ipa = vm->drain, size, pages = 0, private = 0;
	struct pgt_leaf leaf;

	if (!vm->s2.root)
		ipa = IPA_LIMIT;
	for (; ipa < IPA_LIMIT; ipa += size) {
		leaf = pgt_lookup(&vm->s2, ipa);
		size = leaf.size - (ipa & (leaf.size - 1));
		if (!leaf.valid)
			continue;
		check_leaf(check, vm, ipa, &leaf, size);
		private += check_private(check, vm, ipa, &leaf, size);
		pages += size / PAGE_SIZE;
	}
	want(check, pages == vm->mapped_pages, "count of mapped pages", vm->id,
	     pages);
	if (vm->state == VM_LIVE)
		want(check, private == vm->private_pages,
		     "count of private pages", vm->id, private);
}

static void check_vm(struct check *check, u16 id)
{
	struct vm *vm = vm_by_id(id);

	if (!vm)
		return;
	want(check, vm->id == id, "VM has another id", id, vm->id);
	want(check, vm->state == VM_LIVE || vm->state == VM_DYING,
	     "VM is in no state", id, vm->state);
	want(check, !vm_users(vm) && !vm->destroying, "VM is used", id,
	     vm_users(vm));
	check_vcpus(check, vm);
	check_regions(check, vm);
	check_stage2(check, vm);
}

/* Does the host's stage 2 map a run of pages if and only if its state allows it? */
static void check_host(struct check *check, const struct owner_run *run)
{
	u64 at = run->pa.v, end = MIN(at + run->pages * PAGE_SIZE, IPA_LIMIT);
	bool mapped = run->state != PAGE_HYP && run->state != PAGE_GUEST;
	struct pgt_leaf leaf;

	want(check, at >= end || dma_agrees(at, end - at, mapped),
	     "devices have other pages than the host", 0, at);
	while (at < end) {
		leaf = host_stage2_lookup(at);
		want(check, leaf.valid == mapped, mapped ? "host lacks its page" :
		     "host has a page that is not its own", 0, at);
		want(check, !leaf.valid || leaf.pa.v == at,
		     "host has another page here", 0, at);
		at += leaf.size - (at & (leaf.size - 1));
	}
}

static void check_table(struct check *check)
{
	struct owner_run run = { 0 };
	u64 lent = 0, owned = 0;

	while (owner_next_run(&run)) {
		check_host(check, &run);
		switch (run.state) {
		case PAGE_SHARED:
			want(check, run.value, "lent to nobody", 0, run.pa.v);
			lent += run.pages * run.value;
			break;
		case PAGE_GUEST:
		case PAGE_GUEST_SHARED:
			want(check, run.value <= MAX_VMS && vm_by_id(run.value),
			     "page of a VM that is not there", run.value, run.pa.v);
			owned += run.pages;
			break;
		default:
			want(check, !run.value && run.state <= PAGE_HYP,
			     "page in no state", 0, run.pa.v);
		}
	}
	want(check, lent == check->lent, "lendings that nobody refers to", 0,
	     lent - check->lent);
	want(check, owned == check->owned, "guests' pages that are not mapped", 0,
	     owned - check->owned);
}

static void check_cpus(struct check *check)
{
	unsigned int i;

	for (i = 0; i < platform.nr_cpus; i++)
		want(check, !percpus[i]->guest && !percpus[i]->loaded,
		     "CPU has a guest", 0, i);
}

/**
 * control_check() - check all invariants
 * @check: zeroed; gets the result
 */
void control_check(struct check *check)
{
	u16 id;

	for (id = 1; id <= MAX_VMS; id++)
		check_vm(check, id);
	check_table(check);
	check_cpus(check);
	want(check, pool_is_consistent(), "pool counts wrongly", 0,
	     pool_free_pages());
}
