// SPDX-License-Identifier: GPL-2.0
/*
 * Start. gzhyp is loaded wherever the firmware likes, moves to the top of RAM,
 * hides that from the host, and enters the host's Linux.
 */
#include "barrier.h"
#include "entry.h"
#include "image.h"
#include "mmu.h"
#include "owner.h"
#include "platform.h"
#include "pool.h"
#include "print.h"
#include "stage2.h"

#ifndef GZHYP_VERSION
#define GZHYP_VERSION	"0"
#endif

/* Where the boot line has put the host's Linux image, from the start of RAM */
#define LINUX_OFFSET	0x1000000UL

/*
 * Page tables take 1/512 of what is mapped through them by pages; twice that
 * is for VMs which map the same memory, and for the host's own.
 */
static u64 hidden_size(void)
{
	u64 ram = owner_table_size(platform.ram, platform.nr_ram) / 4 * PAGE_SIZE;

	return ALIGN_UP((u64)(_end - _start) + ram / PAGE_SIZE * 4 +
			ram / 256 + 4 * SZ_2M, SZ_2M);
}

/**
 * boot_place() - choose where gzhyp is to live
 * @fdt: the firmware's device tree
 *
 * Runs where the firmware has loaded it, with the MMU off.
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
	 * What the firmware has left there in the caches must not be written
	 * back over what is soon written past them.
	 */
	dcache_clean_inval((void *)base, size);
	return base;
}

static void *alloc_or_panic(unsigned int order)
{
	void *ptr = pool_alloc(order);

	if (!ptr)
		panic("no memory at boot");
	return ptr;
}

/* A stack with a page below it that stops what runs over its end */
static u64 alloc_stack(u64 size)
{
	unsigned int order = pool_order(size + PAGE_SIZE);
	u8 *stack = alloc_or_panic(order);

	mmu_guard(stack);
	return (u64)stack + PAGE_SIZE + size;
}

static void alloc_cpus(void)
{
	struct percpu *cpu;
	unsigned int i;

	for (i = 0; i < platform.nr_cpus; i++) {
		cpu = alloc_or_panic(pool_order(sizeof(*cpu)));
		cpu->index = i;
		cpu->mpidr = platform.cpu_mpidr[i];
		cpu->stack_top = alloc_stack(STACK_SIZE);
		cpu->emergency_sp = alloc_stack(PAGE_SIZE);
		percpus[i] = cpu;
	}
}

/* The image, then the ownership table, then the pool */
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
 * hyp_main() - the first CPU's start, where gzhyp lives
 * @fdt: the firmware's device tree
 */
void __noreturn hyp_main(void *fdt)
{
	pa_t hidden = va_to_pa(_start);
	struct percpu *cpu;
	u64 size;

	platform_init(fdt);
	cpu_detect_features();
	size = hidden_size();
	init_memory(hidden, size);
	host_stage2_build(hidden, size);
	alloc_cpus();
	cpu = cpu_by_mpidr(read_sysreg(mpidr_el1) & MPIDR_AFFINITY);
	if (!cpu)
		panic("this CPU is not in the device tree");
	cpu_init_el2(cpu);
	platform_edit_fdt(fdt, hidden, size);
	dcache_clean_inval(fdt, platform_fdt_size(fdt));
	dcache_clean_inval(_start, _end - _start);
	print("gzhyp: %s, %lu KiB hidden at %lx\n", GZHYP_VERSION, size / 1024,
	      hidden.v);
	host_enter(platform.ram[0].base + LINUX_OFFSET, (u64)fdt, cpu->stack_top);
}

/**
 * secondary_main() - another CPU's start, or one that comes back from suspend
 * @cpu: its own
 */
void __noreturn secondary_main(struct percpu *cpu)
{
	u64 entry, ctx;

	cpu_init_el2(cpu);
	entry = cpu->boot_entry;
	ctx = cpu->boot_ctx;
	__atomic_store_n(&cpu->boot_pending, 0, __ATOMIC_RELEASE);
	host_enter(entry, ctx, cpu->stack_top);
}
