// SPDX-License-Identifier: GPL-2.0
/*
 * Stage 2. The host's maps the whole physical address space one to one, in the
 * largest possible blocks, without gzhyp's own memory and protected guests'. Memory
 * outside RAM is not executable. Its memory type is the host's choice: stage 1's
 * device type overrides stage 2's normal type.
 *
 * owner.lock protects the host's tree.
 */
#include "arch/barrier.h"
#include "arch/cpu.h"
#include "arch/dma.h"
#include "arch/stage2.h"
#include "lib/print.h"
#include "lib/string.h"
#include "platform/platform.h"

/* For more pages the whole VMID is flushed. */
#define FLUSH_PAGES	16

static struct pgtable host_pgt;

static void flush_host(struct pgtable *pgt, u64 ia, u64 size)
{
	stage2_flush_range(host_vttbr(), ia, size);
}

static void map_host(u64 base, u64 end, u64 attr)
{
	if (base < end && pgt_map(&host_pgt, base, PA(base), end - base, attr))
		panic("no memory for the host's stage 2");
}

/* The next range of RAM in [from, end) */
static struct ram_range next_ram(u64 from, u64 end)
{
	struct ram_range best = { .base = end, .size = 0 };
	const struct ram_range *r;
	unsigned int i;

	for (i = 0; i < platform.nr_ram; i++) {
		r = &platform.ram[i];
		if (r->base >= from && r->base < best.base)
			best = *r;
	}
	return best;
}

/**
 * host_stage2_build() - map everything but gzhyp for the host
 * @hidden: gzhyp's memory
 * @size: bytes of it, within one range of RAM
 */
void host_stage2_build(pa_t hidden, u64 size)
{
	u64 end = BIT(MIN(cpu_features.pa_bits, IPA_BITS)), at = 0;
	struct ram_range ram;

	if (pgt_init(&host_pgt, IPA_BITS, 1, 1))
		panic("no memory for the host's stage 2");
	host_pgt.invalidate = flush_host;
	while (at < end) {
		ram = next_ram(at, end);
		map_host(at, ram.base, S2_RW | S2_XN);
		at = MIN(ram.base + ram.size, end);
		if (hidden.v >= ram.base && hidden.v < at) {
			map_host(ram.base, hidden.v, S2_RW);
			map_host(hidden.v + size, at, S2_RW);
		} else {
			map_host(ram.base, at, S2_RW);
		}
	}
}

/* Take all memory from the host, without a lock: for a panic. */
void host_stage2_drop(void)
{
	memset(host_pgt.root, 0, PAGE_SIZE << host_pgt.root_order);
	stage2_flush_vmid(host_vttbr());
}

struct pgt_leaf host_stage2_lookup(u64 ipa)
{
	struct pgt_leaf leaf;

	owner_lock();
	leaf = pgt_lookup(&host_pgt, ipa);
	owner_unlock();
	return leaf;
}

/* Pages of the host's tables, which stay after a block was split */
u64 host_stage2_tables(void)
{
	return READ_ONCE(host_pgt.nr_tables);
}

bool host_stage2_is_mapped(u64 ipa)
{
	return ipa < IPA_LIMIT && host_stage2_lookup(ipa).valid;
}

/* Split to pages: they are returned one by one, which must not fail. */
static int host_prepare(pa_t pa, u64 size)
{
	u64 at = ALIGN_DOWN(pa.v, SZ_2M);
	int err = 0;

	for (; at < pa.v + size && !err; at += SZ_2M)
		err = pgt_split(&host_pgt, at);
	return err;
}

/* Leaves time for accesses by other CPUs before the new entry is valid. */
static void flush_host_slowly(struct pgtable *pgt, u64 ia, u64 size)
{
	u64 start;

	flush_host(pgt, ia, size);
	start = read_sysreg(cntpct_el0);
	while (read_sysreg(cntpct_el0) - start < read_sysreg(cntfrq_el0) / 5000)
		isb();
}

/**
 * host_stage2_split_and_join() - for the test controls
 * @ipa: address in a block of 2 MiB
 *
 * Splits the block to pages, as sealing does, and joins them again. Each takes 200 us
 * or more.
 *
 * Return: whether there is a block now.
 */
bool host_stage2_split_and_join(u64 ipa)
{
	bool ret;

	owner_lock();
	host_pgt.invalidate = flush_host_slowly;
	ret = !pgt_split(&host_pgt, ipa) && pgt_join(&host_pgt, ipa);
	host_pgt.invalidate = flush_host;
	owner_unlock();
	return ret;
}

/**
 * host_stage2_show() - hide a page of the host's, or undo that
 * @ipa: its address
 * @mapped: whether the host can access it afterwards
 *
 * For devices at boot, and for the test controls: no owner changes.
 *
 * Return: whether it was done.
 */
bool host_stage2_show(u64 ipa, bool mapped)
{
	bool ret;

	owner_lock();
	ret = !pgt_split(&host_pgt, ipa);
	if (ret && mapped)
		ret = !pgt_map(&host_pgt, ipa, PA(ipa), PAGE_SIZE, S2_RW);
	else if (ret)
		pgt_unmap(&host_pgt, ipa, PAGE_SIZE);
	owner_unlock();
	return ret;
}

/**
 * host_stage2_hide() - take a device from the host, at boot
 * @base: its registers
 * @size: bytes; the pages that they are in are hidden
 */
void host_stage2_hide(u64 base, u64 size)
{
	u64 end = ALIGN_UP(base + size, PAGE_SIZE);

	for (base = ALIGN_DOWN(base, PAGE_SIZE); base < end; base += PAGE_SIZE)
		if (!host_stage2_show(base, false))
			panic("no memory for the host's stage 2");
}

static void host_unmap(pa_t pa, u64 size)
{
	pgt_unmap(&host_pgt, pa.v, size);
	dma_unmap(pa, size);
}

static void host_map(pa_t pa, u64 size)
{
	/* The tables were made when the page was taken. */
	BUG_ON(pgt_map(&host_pgt, pa.v, pa, size, S2_RW));
	dma_map(pa, size);
}

const struct owner_ops host_stage2_ops = {
	.prepare = host_prepare,
	.unmap = host_unmap,
	.map = host_map,
};

u64 host_vttbr(void)
{
	return stage2_vttbr(&host_pgt, 0);
}

u64 stage2_vttbr(const struct pgtable *pgt, u16 vmid)
{
	return va_to_pa(pgt->root).v | (u64)vmid << 48;
}

/* The same for host and guests: 40 bits, two concatenated tables at level 1 */
u64 stage2_vtcr(void)
{
	u64 bits = MIN(cpu_features.pa_bits, IPA_BITS);
	u64 ps = FIELD(read_sysreg(id_aa64mmfr0_el1), 0, 4);

	return BIT(31) | (64 - bits) | 1UL << 6 | 1UL << 8 | 1UL << 10 |
	       3UL << 12 | MIN(ps, 5UL) << 16 |
	       (cpu_features.vmid16 ? BIT(19) : 0);
}

/*
 * Maintenance by IPA works on the VMID that is loaded. A walk that began under the
 * old VMID must not end under the new one (Arm ARM, D8.1.5), and changes of tables
 * must be visible before the invalidation. The caller does a DSB of loads and stores
 * before.
 */
static u64 switch_vttbr(u64 vttbr)
{
	u64 old = read_sysreg(vttbr_el2);

	if (old != vttbr) {
		write_sysreg(vttbr, vttbr_el2);
		isb();
	}
	return old;
}

/**
 * stage2_flush_vmid() - invalidate a VMID in all CPUs' TLBs
 * @vttbr: its VTTBR_EL2
 */
void stage2_flush_vmid(u64 vttbr)
{
	u64 old;

	dsb_ish();
	old = switch_vttbr(vttbr);
	asm volatile("tlbi vmalls12e1is" ::: "memory");
	dsb_ish();
	isb();
	switch_vttbr(old);
}

/**
 * stage2_flush_range() - invalidate a range of a VMID's addresses in all CPUs' TLBs
 * @vttbr: VTTBR_EL2
 * @ipa: start
 * @size: bytes
 *
 * The second invalidation is for walk caches of stage 1 that were filled through
 * the old translation. Page by page is faster for few pages only.
 */
void stage2_flush_range(u64 vttbr, u64 ipa, u64 size)
{
	u64 old, end = ipa + size;

	if (size > FLUSH_PAGES * PAGE_SIZE) {
		stage2_flush_vmid(vttbr);
		return;
	}
	dsb_ish();
	old = switch_vttbr(vttbr);
	for (; ipa < end; ipa += PAGE_SIZE)
		asm volatile("tlbi ipas2e1is, %0" :: "r" (ipa >> 12) : "memory");
	dsb_ish();
	asm volatile("tlbi vmalle1is" ::: "memory");
	dsb_ish();
	isb();
	switch_vttbr(old);
}

/* Invalidate the loaded VMID's stage 1 on this CPU. */
void stage2_flush_local(void)
{
	asm volatile("tlbi vmalle1\n\tic iallu" ::: "memory");
	asm volatile("dsb nsh" ::: "memory");
	isb();
}
