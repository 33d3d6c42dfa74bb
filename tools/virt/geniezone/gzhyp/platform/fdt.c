// SPDX-License-Identifier: GPL-2.0
/* Reads the machine out of the device tree, and writes gzhyp into it. */
#include <libfdt.h>

#include "platform.h"
#include "print.h"
#include "string.h"

struct platform platform;

static u64 read_cells(const fdt32_t *cell, int nr)
{
	u64 val = 0;

	while (nr--)
		val = val << 32 | fdt32_to_cpu(*cell++);
	return val;
}

/* Ranges of a node's reg, in its parent's cells */
static unsigned int read_reg(const void *fdt, int node, struct ram_range *out,
			     unsigned int max)
{
	int parent = fdt_parent_offset(fdt, node), len = 0, step;
	int ac = fdt_address_cells(fdt, parent);
	int sc = fdt_size_cells(fdt, parent);
	const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &len);
	unsigned int n;

	step = (ac + sc) * sizeof(*reg);
	if (!reg || ac < 1 || sc < 0)
		return 0;
	for (n = 0; n < max && len >= step; n++, len -= step) {
		out[n].base = read_cells(reg, ac);
		out[n].size = read_cells(reg + ac, sc);
		reg += ac + sc;
	}
	return n;
}

/* Without a status, a node is to be used (Devicetree Specification, 2.3.4). */
static bool is_okay(const void *fdt, int node)
{
	const char *status = fdt_getprop(fdt, node, "status", NULL);

	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

/* A node that is not okay may be the secure world's memory. */
static void read_memory(const void *fdt)
{
	struct ram_range *ram;
	const char *type;
	int node;

	for (node = fdt_next_node(fdt, -1, NULL); node >= 0;
	     node = fdt_next_node(fdt, node, NULL)) {
		type = fdt_getprop(fdt, node, "device_type", NULL);
		if (!type || strcmp(type, "memory") || !is_okay(fdt, node))
			continue;
		ram = platform.ram + platform.nr_ram;
		platform.nr_ram += read_reg(fdt, node, ram,
					    OWNER_MAX_RANGES - platform.nr_ram);
	}
}

static void read_cpus(const void *fdt)
{
	int cpus = fdt_path_offset(fdt, "/cpus"), node;
	struct ram_range reg;
	const char *type;

	fdt_for_each_subnode(node, fdt, cpus) {
		type = fdt_getprop(fdt, node, "device_type", NULL);
		if (!type || strcmp(type, "cpu") ||
		    platform.nr_cpus == MAX_CPUS ||
		    !read_reg(fdt, node, &reg, 1))
			continue;
		platform.cpu_mpidr[platform.nr_cpus++] = reg.base;
	}
}

/* Interrupt @index of a node, as an INTID, if it is a PPI */
static u32 read_ppi(const void *fdt, int node, int index, u32 fallback)
{
	const fdt32_t *irq;
	int len;

	irq = fdt_getprop(fdt, node, "interrupts", &len);
	if (!irq || len < (index + 1) * 12 || fdt32_to_cpu(irq[index * 3]) != 1)
		return fallback;
	return 16 + fdt32_to_cpu(irq[index * 3 + 1]) % 16;
}

static void read_gic(const void *fdt)
{
	struct ram_range reg[MAX_GICR_REGIONS + 1];
	unsigned int i, n;
	int node;

	node = fdt_node_offset_by_compatible(fdt, -1, "arm,gic-v3");
	if (node < 0)
		panic("no GICv3 in the device tree");
	n = read_reg(fdt, node, reg, MAX_GICR_REGIONS + 1);
	for (i = 1; i < n; i++)
		platform.gicr[platform.nr_gicr++] = reg[i];
	/* reg goes on with the GICv2 frames, which are small */
	while (platform.nr_gicr && platform.gicr[platform.nr_gicr - 1].size < 0x20000)
		platform.nr_gicr--;
	platform.ppi_maintenance = read_ppi(fdt, node, 0, 25);
	node = fdt_node_offset_by_compatible(fdt, -1, "arm,armv8-timer");
	platform.ppi_virt_timer = read_ppi(fdt, node, 2, 27);
	platform.ppi_hyp_timer = read_ppi(fdt, node, 3, 26);
}

static void read_options(const void *fdt)
{
	int node = fdt_path_offset(fdt, "/chosen");
	const char *args = fdt_getprop(fdt, node, "bootargs", NULL);

	if (!args)
		return;
	platform.no_demand = strstr(args, "gzhyp.nodemand");
	platform.no_block = strstr(args, "gzhyp.noblock");
	platform.controls = strstr(args, "gzhyp.controls");
	platform.unlisted = strstr(args, "gzhyp.unlisted");
}

/**
 * platform_init() - find out about the machine
 * @fdt: device tree, checked as far as libfdt does
 *
 * The MMU may be off: takes no lock. A machine without what gzhyp needs is a
 * panic, told on the console if that was found.
 */
void platform_init(void *fdt)
{
	struct ram_range reg;
	int node;

	memset(&platform, 0, sizeof(platform));
	if (fdt_check_header(fdt))
		panic("no device tree at %p", fdt);
	node = fdt_node_offset_by_compatible(fdt, -1, "arm,pl011");
	if (node >= 0 && read_reg(fdt, node, &reg, 1))
		platform.uart = reg.base;
	uart_init(platform.uart);
	read_memory(fdt);
	read_cpus(fdt);
	read_gic(fdt);
	read_options(fdt);
	if (!platform.nr_ram || !platform.nr_cpus || !platform.nr_gicr)
		panic("no memory, CPUs or redistributors in the device tree");
}

u64 platform_fdt_size(const void *fdt)
{
	return fdt_check_header(fdt) ? 0 : fdt_totalsize(fdt);
}

static int add_hypervisor(void *fdt)
{
	int node = fdt_add_subnode(fdt, 0, "hypervisor");

	if (node < 0)
		return node;
	return fdt_setprop_string(fdt, node, "compatible",
				  "mediatek,geniezone");
}

static int reserved_memory_node(void *fdt)
{
	int node = fdt_path_offset(fdt, "/reserved-memory");

	if (node >= 0)
		return node;
	node = fdt_add_subnode(fdt, 0, "reserved-memory");
	if (node < 0 ||
	    fdt_setprop_u32(fdt, node, "#address-cells", 2) ||
	    fdt_setprop_u32(fdt, node, "#size-cells", 2) ||
	    fdt_setprop_empty(fdt, node, "ranges"))
		return -FDT_ERR_NOSPACE;
	return node;
}

static int add_reserved(void *fdt, pa_t base, u64 size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(base.v), cpu_to_fdt64(size) };
	int node = reserved_memory_node(fdt);

	if (node < 0)
		return node;
	node = fdt_add_subnode(fdt, node, "gzhyp");
	if (node < 0)
		return node;
	if (fdt_setprop(fdt, node, "reg", reg, sizeof(reg)))
		return -FDT_ERR_NOSPACE;
	return fdt_setprop_empty(fdt, node, "no-map");
}

/**
 * platform_edit_fdt() - tell the host's Linux of gzhyp and of its memory
 * @fdt: device tree, edited in place
 * @hidden: memory that is gone
 * @size: bytes of it
 */
void platform_edit_fdt(void *fdt, pa_t hidden, u64 size)
{
	/* The firmware leaves room behind the blob, if not in it. */
	int err = fdt_open_into(fdt, fdt, fdt_totalsize(fdt) + PAGE_SIZE);

	if (!err && !platform.unlisted)
		err = add_hypervisor(fdt);
	if (!err)
		err = add_reserved(fdt, hidden, size);
	if (err)
		panic("editing the device tree: %s", fdt_strerror(err));
	fdt_pack(fdt);
}
