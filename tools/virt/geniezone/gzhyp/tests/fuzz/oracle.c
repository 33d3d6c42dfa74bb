// SPDX-License-Identifier: GPL-2.0
/*
 * Rules that hold after each call:
 *
 *   - a cached translation leads to a page that its user may access now
 *   - each lending and each donation in the ownership table is explained by a table, a
 *     mailbox or a vCPU's shared pages, and the other way round
 *   - the host maps all of its RAM but guests' private pages
 *   - a VM's counts match its tables, and its tables its regions
 *   - a guest's secret is nowhere where the host can read it, and a page that comes
 *     back to the host is wiped
 *   - after the last VM is gone, no page and no memory of gzhyp's is missing
 */
#include "core/mem/pool.h"
#include "tests/fuzz/fuzz.h"

/* A word that no other data looks like: 24 bits, then the VMID */
#define SECRET		0x5ec7e7UL

/* A page in the ownership table, and as tables and VMs use it */
struct page {
	enum page_state state;
	u32 value;
	u32 lent;
	u8 owners;
	bool hosts;
};

static struct page page[RAM_PAGES];
static u8 secret_in[RAM_PAGES];	/* VMID that has written one there */
static u64 pages_at_start;
bool guest_shares;

u64 secret_of(unsigned int vmid)
{
	return SECRET << 40 | (u64)vmid << 32 | 0x5a5a5a5a;
}

bool is_secret(u64 val)
{
	return val >> 40 == SECRET;
}

static bool holds_secret(const u64 *word, unsigned int nr)
{
	while (nr--)
		if (is_secret(word[nr]))
			return true;
	return false;
}

#define PAGE_WORDS	(PAGE_SIZE / sizeof(u64))

void put_secret(unsigned int vmid, u64 pfn)
{
	unsigned int i;

	for (i = 0; i < PAGE_WORDS; i++)
		page_words(pfn)[i] = secret_of(vmid);
	secret_in[pfn] = vmid;
}

static u64 pages_of_gzhyp(void)
{
	return pool_free_pages() + host_pgt.nr_tables;
}

void oracle_init(void)
{
	u64 pfn;

	for (pfn = 0; pfn < RAM_PAGES; pfn++)
		if (secret_in[pfn])
			memset(page_words(pfn), 0, PAGE_SIZE);
	memset(secret_in, 0, sizeof(secret_in));
	guest_shares = false;
	pages_at_start = pages_of_gzhyp();
}

static void read_owners(void)
{
	struct owner_run run = { 0 };
	u64 pfn;

	memset(page, 0, sizeof(page));
	while (owner_next_run(&run)) {
		pfn = (run.pa.v - RAM_BASE) / PAGE_SIZE;
		RULE(pfn < RAM_PAGES && run.pages <= RAM_PAGES - pfn);
		for (; run.pages; run.pages--, run.pa.v += PAGE_SIZE, pfn++) {
			page[pfn].state = run.state;
			page[pfn].value = run.value;
		}
	}
}

static struct page *page_at(u64 pa)
{
	RULE((pa - RAM_BASE) / PAGE_SIZE < RAM_PAGES);
	return &page[(pa - RAM_BASE) / PAGE_SIZE];
}

static bool may_access(unsigned int vmid, const struct page *p)
{
	switch (p->state) {
	case PAGE_HYP:
		return false;
	case PAGE_HOST:
		return !vmid;
	case PAGE_SHARED:
		return true;
	case PAGE_GUEST:
		return vmid == p->value;
	case PAGE_GUEST_SHARED:
		return !vmid || vmid == p->value;
	}
	return false;
}

struct seen {
	struct vm *vm;
	unsigned int vmid;
	u64 pages;
	u64 private;
};

static void check_cached(const struct leaf *leaf, void *arg)
{
	struct seen *seen = arg;
	struct page *p;
	u64 at;

	for (at = 0; at < leaf->size; at += PAGE_SIZE) {
		p = page_at(leaf->pa + at);
		RULE(may_access(seen->vmid, p));
		if (!seen->vmid)
			p->hosts = true;
	}
}

static void use_page(struct seen *seen, u64 ia, u64 pa)
{
	struct page *p;

	/* DESTROY_VM has given it back. */
	if (ia < seen->vm->drain)
		return;
	p = page_at(pa);
	seen->pages++;
	seen->private += p->state == PAGE_GUEST;
	if (p->state != PAGE_GUEST && p->state != PAGE_GUEST_SHARED) {
		p->lent++;
		return;
	}
	p->owners++;
	RULE(p->value == seen->vmid);
}

static void check_leaf(const struct leaf *leaf, void *arg)
{
	struct seen *seen = arg;
	struct region *region;
	u64 at;

	region = region_of(seen->vm, leaf->ia);
	RULE(region && region->gpa <= leaf->ia &&
	     leaf->ia + leaf->size <= region->gpa + region->size);
	for (at = 0; at < leaf->size; at += PAGE_SIZE)
		use_page(seen, leaf->ia + at, leaf->pa + at);
}

static void lend(const void *va, u64 pages)
{
	u64 pa = va_to_pa(va).v;

	for (; pages--; pa += PAGE_SIZE)
		page_at(pa)->lent++;
}

static void check_regions(struct vm *vm, u64 pages)
{
	const struct region *region = vm->region;
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < vm->nr_regions; i++, region++) {
		sum += region->mapped;
		RULE(range_ok(region->gpa, region->size, IPA_LIMIT));
		RULE(!i || region[-1].gpa + region[-1].size <= region->gpa);
	}
	RULE(vm->drain || sum == pages);
}

static void check_vm(struct vm *vm)
{
	struct seen seen = { .vm = vm, .vmid = vm->id };
	unsigned int i;

	walk(&vm->s2, check_leaf, &seen);
	RULE(seen.pages == vm->mapped_pages);
	RULE(vm->drain || seen.private == vm->private_pages);
	check_regions(vm, seen.pages);
	if (vm->mailbox)
		lend(pa_to_va(PA(vm->mailbox)), 1);
	for (i = 0; i < MAX_VCPUS; i++)
		if (vm->vcpu[i])
			lend(vm->vcpu[i]->run, SHARED_SIZE / PAGE_SIZE);
}

static void check_page(u64 pfn)
{
	const struct page *p = &page[pfn];
	bool is_guests = p->state == PAGE_GUEST || p->state == PAGE_GUEST_SHARED;

	RULE(p->hosts == (p->state != PAGE_HYP && p->state != PAGE_GUEST));
	RULE((p->state == PAGE_HYP) == (pfn < HYP_PAGES));
	RULE(p->lent == (p->state == PAGE_SHARED ? p->value : 0));
	RULE(p->owners == is_guests);
	if (!secret_in[pfn] || is_guests)
		return;
	RULE(!holds_secret(page_words(pfn), PAGE_WORDS));
	secret_in[pfn] = 0;
}

void check_all(void)
{
	struct seen seen = { 0 };
	u64 pfn;

	tlb_check_fresh();
	read_owners();
	for (; seen.vmid <= FUZZ_VMS; seen.vmid++) {
		tlb_for_each(seen.vmid, check_cached, &seen);
		if (seen.vmid && vm_by_id(seen.vmid))
			check_vm(vm_by_id(seen.vmid));
	}
	for (pfn = 0; pfn < RAM_PAGES; pfn++)
		check_page(pfn);
}

/* Registers that the host gets */
void check_results(const u64 *x)
{
	RULE(!holds_secret(x, 4));
}

/* Registers of a sealed guest that an exit shows; the guest's calls are its own. */
void check_exit(struct vcpu *vcpu, bool sealed, u32 reason)
{
	u64 *raw = vcpu->run->raw;

	if (!sealed)
		return;
	if (reason == GZ_EXIT_MMIO && vcpu->run->mmio.is_write)
		vcpu->run->mmio.data = 0;
	if (reason == GZ_EXIT_HYPERCALL)
		memset(raw, 0, raw[0] == VENDOR_HYP_PTP ||
		       raw[0] == VENDOR_HYP_RELINQUISH ? 16 : 64);
	RULE(!holds_secret((u64 *)vcpu->run, PAGE_WORDS));
	RULE(!holds_secret((u64 *)vcpu->hwstate, PAGE_WORDS));
}

/* When the machine restarts */
void check_wiped(void)
{
	u64 pfn;

	for (pfn = 0; pfn < RAM_PAGES; pfn++)
		RULE(!secret_in[pfn] || !holds_secret(page_words(pfn), PAGE_WORDS));
	memset(secret_in, 0, sizeof(secret_in));
}

/* Pages that come to the host, unless a guest shares them, are wiped. */
static void host_map(pa_t pa, u64 size)
{
	const u64 *word = pa_to_va(pa);
	u64 i, at;

	RULE(!pgt_map(&host_pgt, pa.v, pa, size, S2_RW));
	for (i = 0; i < size / sizeof(u64) && !guest_shares; i++)
		RULE(!word[i]);
	for (at = 0; at < size && !guest_shares; at += PAGE_SIZE)
		secret_in[(pa.v + at - RAM_BASE) / PAGE_SIZE] = 0;
}

static void host_unmap(pa_t pa, u64 size)
{
	pgt_unmap(&host_pgt, pa.v, size);
}

static int host_prepare(pa_t pa, u64 size)
{
	u64 at = ALIGN_DOWN(pa.v, SZ_2M);
	int err = 0;

	for (; at < pa.v + size && !err; at += SZ_2M)
		err = pgt_split(&host_pgt, at);
	return err;
}

const struct owner_ops host_stage2_ops = {
	.prepare = host_prepare,
	.unmap = host_unmap,
	.map = host_map,
};

/* At the end, with all VMs destroyed */
void check_nothing_left(void)
{
	u64 pfn;

	check_all();
	for (pfn = HYP_PAGES; pfn < RAM_PAGES; pfn++)
		RULE(page[pfn].state == PAGE_HOST);
	RULE(pages_of_gzhyp() == pages_at_start);
}
