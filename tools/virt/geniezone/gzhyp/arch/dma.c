// SPDX-License-Identifier: GPL-2.0
/*
 * The host's devices may access the host's RAM, as its CPUs may. PCI devices are
 * behind an SMMU, whose table changes together with the host's stage 2. All other
 * devices that access memory are taken from the host at boot: virtio-mmio, fw_cfg with
 * its DMA interface, the GIC's ITS. Redistributors stay, but cannot be told to use
 * tables in memory (LPIs).
 *
 * Without an SMMU, or with one that lacks what smmu.c needs, nothing of this is done.
 *
 * owner.lock protects the table.
 */
#include "arch/dma.h"
#include "arch/gic.h"
#include "arch/smmu.h"
#include "arch/stage2.h"
#include "lib/print.h"
#include "platform/platform.h"

/* Stage 1: normal memory, attribute 0 of smmu.c, readable and writable */
#define DMA_RW		(BIT(10) | 3UL << 8 | BIT(6))

static bool closed;
static struct pgtable dma_pgt;

static void invalidate(struct pgtable *pgt, u64 ia, u64 size)
{
	smmu_invalidate(ia, size);
}

static void map_ram(u64 base, u64 end)
{
	if (base < end && pgt_map(&dma_pgt, base, PA(base), end - base, DMA_RW))
		panic("no memory for the table of devices");
}

/*
 * Of pages only: while a block is split, an access to any page of it aborts. A CPU
 * repeats it, a device does not.
 */
static void build(pa_t hidden, u64 size)
{
	const struct ram_range *ram = platform.ram;
	unsigned int i;

	if (pgt_init(&dma_pgt, IPA_BITS, 0, PGT_LAST_LEVEL))
		panic("no memory for the table of devices");
	dma_pgt.invalidate = invalidate;
	for (i = 0; i < platform.nr_ram; i++, ram++) {
		u64 end = MIN(ram->base + ram->size, IPA_LIMIT);

		if (hidden.v >= ram->base && hidden.v < end) {
			map_ram(ram->base, hidden.v);
			map_ram(hidden.v + size, end);
		} else {
			map_ram(ram->base, end);
		}
	}
}

static void hide_devices(void)
{
	unsigned int i;

	for (i = 0; i < platform.nr_masters; i++)
		host_stage2_hide(platform.masters[i].base, platform.masters[i].size);
	host_stage2_hide(platform.smmu.base, platform.smmu.size);
	gic_hide_redists();
}

/**
 * dma_close() - keep the host's devices from memory that is not the host's
 * @hidden: gzhyp's memory
 * @size: bytes of it
 *
 * Once at boot, after host_stage2_build() and before the host runs.
 *
 * Return: false if the machine has no SMMU that can be used.
 */
bool dma_close(pa_t hidden, u64 size)
{
	if (!smmu_is_usable())
		return false;
	build(hidden, size);
	smmu_enable(&dma_pgt);
	hide_devices();
	closed = true;
	return true;
}

/**
 * dma_unmap() - take pages from devices; accesses to them have ended then
 * @pa: page-aligned start
 * @size: bytes
 */
void dma_unmap(pa_t pa, u64 size)
{
	if (closed)
		pgt_unmap(&dma_pgt, pa.v, size);
}

/**
 * dma_map() - give pages back to devices
 * @pa: page-aligned start
 * @size: bytes
 */
void dma_map(pa_t pa, u64 size)
{
	if (closed)
		BUG_ON(pgt_map(&dma_pgt, pa.v, pa, size, DMA_RW));
}

/**
 * dma_agrees() - can devices access pages exactly if the host can? For checks.
 * @pa: the first one, of RAM
 * @size: bytes
 * @mapped: the host can
 */
bool dma_agrees(u64 pa, u64 size, bool mapped)
{
	struct pgt_leaf leaf;
	u64 at = pa;
	bool ret = true;

	owner_lock();
	while (closed && ret && at < pa + size) {
		leaf = pgt_lookup(&dma_pgt, at);
		ret = leaf.valid == mapped;
		if (mapped)
			ret &= leaf.size == PAGE_SIZE && leaf.pa.v == at;
		at += leaf.size - (at & (leaf.size - 1));
	}
	owner_unlock();
	return ret;
}
