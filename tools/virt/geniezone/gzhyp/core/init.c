// SPDX-License-Identifier: GPL-2.0
/*
 * Start. The firmware loads gzhyp at any address. gzhyp moves to the end of RAM,
 * hides that memory from the host, and enters the host's Linux.
 */
#include "arch/barrier.h"
#include "arch/dma.h"
#include "arch/entry.h"
#include "arch/image.h"
#include "arch/mmu.h"
#include "arch/stage2.h"
#include "arch/stop.h"
#include "core/mem/owner.h"
#include "core/mem/pool.h"
#include "core/options.h"
#include "lib/print.h"
#include "platform/platform.h"

#ifndef GZHYP_VERSION
#define GZHYP_VERSION	"0"
#endif

/* Offset of the host's Linux image from the start of RAM */
#define LINUX_OFFSET	0x1000000UL

/*
 * Page tables take 1/512 of the memory that they map by pages. Twice that is for
 * VMs that map the same memory and for the host's own tables. An SMMU has one more.
 */
static u64 hidden_size(void)
{
	u64 ram = owner_table_size(platform.ram, platform.nr_ram) / 4 * PAGE_SIZE;

	return ALIGN_UP((u64)(_end - _start) + ram / PAGE_SIZE * 4 + ram / 256 +
			(platform.smmu.size ? ram / 512 : 0) + 4 * SZ_2M, SZ_2M);
}

/**
 * boot_place() - choose gzhyp's final address
 * @fdt: the firmware's device tree
 *
 * Called where the firmware has loaded gzhyp, with the MMU off.
 *
 * Return: an address with room for all of gzhyp, at the end of RAM.
 */
u64 boot_place(void *fdt)
{
	u64 base = 0, end, size;
	unsigned int i;

	platform_init(fdt);
	size = hidden_size();
	for (i = 0; i < platform.nr_ram; i++) {
		end = ALIGN_DOWN(platform.ram[i].base + platform.ram[i].size, SZ_2M);
		if (platform.ram[i].size > 2 * size && end <= IPA_LIMIT)
			base = MAX(base, end - size);
	}
	if (!base)
		panic("not enough memory");
	if (ranges_overlap(base, size, (u64)fdt, platform_fdt_size(fdt)))
		panic("the device tree lies at the end of memory");
	/*
	 * Cache lines that the firmware has left there must not be written back
	 * later: gzhyp is copied past the caches.
	 */
	dcache_clean_inval((void *)base, size);
	return base;
}

/**
 * boot_refuse() - gzhyp was not started at EL2
 * @fdt: the firmware's device tree
 * @level: where it was started
 *
 * Called where the firmware has loaded gzhyp. No register of EL2 can be accessed.
 */
void __noreturn boot_refuse(void *fdt, u64 level)
{
	console_force_unlock();
	platform_init(fdt);
	panic("started at EL%lu; needs EL2: QEMU's option -M virt,virtualization=on",
	      level);
}

static void *alloc_or_panic(unsigned int order)
{
	void *ptr = pool_alloc(order);

	if (!ptr)
		panic("no memory at boot");
	return ptr;
}

/* A stack with an unmapped page below it */
static u64 alloc_stack(u64 size)
{
	unsigned int order = pool_order(size + PAGE_SIZE);
	u8 *stack = alloc_or_panic(order);

	mmu_guard(stack);
	return (u64)stack + PAGE_SIZE + size;
}

static void alloc_cpus(const char *table)
{
	struct percpu *cpu;
	unsigned int i;

	for (i = 0; i < platform.nr_cpus; i++) {
		cpu = alloc_or_panic(pool_order(sizeof(*cpu)));
		cpu->index = i;
		cpu->mpidr = platform.cpu_mpidr[i];
		cpu->vectors = table;
		cpu->stack_top = alloc_stack(STACK_SIZE);
		cpu->emergency_sp = alloc_stack(PAGE_SIZE);
		percpus[i] = cpu;
	}
}

/* The order in memory: image, ownership table, pool */
static void init_memory(pa_t hidden, u64 size)
{
	u64 table = ALIGN_UP((u64)_end, PAGE_SIZE);
	u64 table_size = ALIGN_UP(owner_table_size(platform.ram, platform.nr_ram),
				  PAGE_SIZE);

	pool_init(PA(table + table_size), hidden.v + size - table - table_size);
	mmu_build(hidden, size);
	mmu_enable();
	owner_init(platform.ram, platform.nr_ram, pa_to_va(PA(table)),
		   &host_stage2_ops);
	if (owner_claim(hidden, size))
		panic("own memory is not RAM");
}

/**
 * hyp_main() - the first CPU's start, at gzhyp's final address
 * @fdt: the firmware's device tree
 */
void __noreturn hyp_main(void *fdt)
{
	pa_t hidden = va_to_pa(_start);
	struct percpu *cpu;
	bool closed;
	u64 size;

	platform_init(fdt);
	options_parse(platform.bootargs);
	cpu_detect_features();
	size = hidden_size();
	init_memory(hidden, size);
	host_stage2_build(hidden, size);
	closed = dma_close(hidden, size);
	alloc_cpus(closed ? vectors_mmio : vectors);
	cpu = cpu_by_mpidr(read_sysreg(mpidr_el1) & MPIDR_AFFINITY);
	if (!cpu)
		panic("this CPU is not in the device tree");
	cpu_init_el2(cpu);
	panic_stop_others = stop_other_cpus;
	platform_edit_fdt(fdt, hidden, size, !option(OPT_UNLISTED), closed);
	dcache_clean_inval(fdt, platform_fdt_size(fdt));
	dcache_clean_inval(_start, _end - _start);
	print("gzhyp: %s, %lu KiB hidden at %lx\n", GZHYP_VERSION, size / 1024,
	      hidden.v);
	print("gzhyp: DMA of devices: %s\n", closed ? "PCI is behind an SMMU" :
	      "open, they access all memory");
	host_enter(platform.ram[0].base + LINUX_OFFSET, (u64)fdt, cpu->stack_top);
}
