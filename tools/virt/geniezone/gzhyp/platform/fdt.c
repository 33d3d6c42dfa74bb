// SPDX-License-Identifier: GPL-2.0
/* Reads the machine from the device tree, and adds gzhyp to it. */
#include <libfdt.h>

#include "lib/print.h"
#include "lib/string.h"
#include "platform/platform.h"

struct platform platform;

/* Devices of QEMU's machine that access memory, past an SMMU */
static const char *const masters[] = {
	"virtio,mmio", "qemu,fw-cfg-mmio", "arm,gic-v3-its",
};

#define SMMU_COMPATIBLE	"arm,smmu-v3"
#define PCI_COMPATIBLE	"pci-host-ecam-generic"

#define for_each_compatible(node, fdt, compatible)			\
	for (node = fdt_node_offset_by_compatible(fdt, -1, compatible);	\
	     node >= 0;							\
	     node = fdt_node_offset_by_compatible(fdt, node, compatible))

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

/* A node without a status is okay (Devicetree Specification, 2.3.4). */
static bool is_okay(const void *fdt, int node)
{
	const char *status = fdt_getprop(fdt, node, "status", NULL);

	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

/* Make one range of range @n and the next if there is no hole between them. */
static void join_ram(unsigned int n)
{
	struct ram_range *ram = platform.ram + n;

	if (n + 1 >= platform.nr_ram || ram[0].base + ram[0].size != ram[1].base)
		return;
	ram[0].size += ram[1].size;
	platform.nr_ram--;
	memmove(ram + 1, ram + 2, (platform.nr_ram - n - 1) * sizeof(*ram));
}

static void add_ram(struct ram_range new)
{
	struct ram_range *ram = platform.ram;
	unsigned int n = platform.nr_ram;

	if (n == OWNER_MAX_RANGES)
		panic("more than %u ranges of memory", OWNER_MAX_RANGES);
	for (; n && ram[n - 1].base > new.base; n--)
		ram[n] = ram[n - 1];
	ram[n] = new;
	platform.nr_ram++;
	join_ram(n);
	if (n)
		join_ram(n - 1);
}

/*
 * Ranges are sorted, and adjacent ones are one, because a machine may have several
 * nodes in any order. A node that is not okay may be the secure world's memory.
 */
static void read_memory(const void *fdt)
{
	struct ram_range reg[OWNER_MAX_RANGES];
	unsigned int i, n;
	const char *type;
	int node;

	for (node = fdt_next_node(fdt, -1, NULL); node >= 0;
	     node = fdt_next_node(fdt, node, NULL)) {
		type = fdt_getprop(fdt, node, "device_type", NULL);
		if (!type || strcmp(type, "memory") || !is_okay(fdt, node))
			continue;
		n = read_reg(fdt, node, reg, OWNER_MAX_RANGES);
		for (i = 0; i < n; i++)
			if (reg[i].size)
				add_ram(reg[i]);
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

/* The first UART that is okay: the secure world's, if there is one, is not. */
static u64 read_uart(const void *fdt)
{
	struct ram_range reg;
	int node = -1;

	do {
		node = fdt_node_offset_by_compatible(fdt, node, "arm,pl011");
	} while (node >= 0 && !is_okay(fdt, node));
	return node >= 0 && read_reg(fdt, node, &reg, 1) ? reg.base : 0;
}

static void add_master(struct ram_range new)
{
	struct ram_range *at = platform.masters;
	struct ram_range *end = at + platform.nr_masters;

	for (; at < end; at++) {
		if (new.base == at->base + at->size)
			break;
		if (new.base + new.size == at->base) {
			at->base = new.base;
			break;
		}
	}
	if (at < end) {
		at->size += new.size;
		return;
	}
	if (platform.nr_masters == MAX_MASTERS)
		panic("more than %u ranges of devices", MAX_MASTERS);
	platform.masters[platform.nr_masters++] = new;
}

static void read_masters(const void *fdt)
{
	struct ram_range reg;
	unsigned int i;
	int node;

	for (i = 0; i < ARRAY_SIZE(masters); i++)
		for_each_compatible(node, fdt, masters[i])
			if (read_reg(fdt, node, &reg, 1))
				add_master(reg);
}

/* Are all devices of a PCI host bridge behind this IOMMU? */
static bool is_behind(const void *fdt, int bridge, u32 iommu)
{
	const fdt32_t *map;
	int len;

	map = fdt_getprop(fdt, bridge, "iommu-map", &len);
	return map && len == 16 && !map[0] && fdt32_to_cpu(map[1]) == iommu &&
	       fdt32_to_cpu(map[3]) == 0x10000;
}

static void read_smmu(const void *fdt)
{
	int smmu = fdt_node_offset_by_compatible(fdt, -1, SMMU_COMPATIBLE), bridge;

	if (smmu < 0 || !is_okay(fdt, smmu))
		return;
	for_each_compatible(bridge, fdt, PCI_COMPATIBLE)
		if (!is_behind(fdt, bridge, fdt_get_phandle(fdt, smmu)))
			return;
	read_reg(fdt, smmu, &platform.smmu, 1);
}

static const char *read_bootargs(const void *fdt)
{
	int node = fdt_path_offset(fdt, "/chosen");

	return fdt_getprop(fdt, node, "bootargs", NULL);
}

/**
 * platform_init() - read the machine's description
 * @fdt: device tree; libfdt checks it
 *
 * The MMU may be off, so no lock is taken. Panics if the machine lacks something
 * that gzhyp needs; the message needs a console.
 */
void platform_init(void *fdt)
{
	memset(&platform, 0, sizeof(platform));
	if (fdt_check_header(fdt))
		panic("no device tree at %p", fdt);
	platform.uart = read_uart(fdt);
	uart_init(platform.uart);
	read_memory(fdt);
	read_cpus(fdt);
	read_gic(fdt);
	read_masters(fdt);
	read_smmu(fdt);
	platform.bootargs = read_bootargs(fdt);
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

static int delete_nodes(void *fdt, const char *compatible)
{
	int node, err = 0;

	while (!err) {
		node = fdt_node_offset_by_compatible(fdt, -1, compatible);
		if (node < 0)
			break;
		err = fdt_del_node(fdt, node);
	}
	return err;
}

/* PCI devices use neither an IOMMU of the host's nor MSIs, which need the ITS. */
static int hide_masters(void *fdt)
{
	static const char *const props[] = { "iommu-map", "msi-map", "msi-parent" };
	unsigned int i;
	int node, err;

	err = delete_nodes(fdt, SMMU_COMPATIBLE);
	for (i = 0; i < ARRAY_SIZE(masters) && !err; i++)
		err = delete_nodes(fdt, masters[i]);
	for_each_compatible(node, fdt, PCI_COMPATIBLE)
		for (i = 0; i < ARRAY_SIZE(props); i++)
			fdt_delprop(fdt, node, props[i]);
	return err;
}

/**
 * platform_edit_fdt() - describe gzhyp and its memory to the host's Linux
 * @fdt: device tree, edited in place
 * @hidden: gzhyp's memory
 * @size: bytes of it
 * @listed: whether to add the node by which the host's driver finds gzhyp
 * @closed: whether to remove the devices that gzhyp has taken, see arch/dma.c
 */
void platform_edit_fdt(void *fdt, pa_t hidden, u64 size, bool listed, bool closed)
{
	/* The firmware leaves room behind the blob, if not in it. */
	int err = fdt_open_into(fdt, fdt, fdt_totalsize(fdt) + PAGE_SIZE);

	if (!err && listed)
		err = add_hypervisor(fdt);
	if (!err)
		err = add_reserved(fdt, hidden, size);
	if (!err && closed)
		err = hide_masters(fdt);
	if (err)
		panic("editing the device tree: %s", fdt_strerror(err));
	fdt_pack(fdt);
}
