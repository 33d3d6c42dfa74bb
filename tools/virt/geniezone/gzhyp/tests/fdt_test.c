// SPDX-License-Identifier: GPL-2.0
/* Reading the device tree. */
#include <libfdt.h>

#include "platform/platform.h"
#include "tests/ktap.h"

#define NODES_SIZE	8192

static char fdt[NODES_SIZE];

void uart_init(u64 base)
{
}

static void begin_node(const char *name, u64 base, u64 size)
{
	const fdt64_t reg[2] = { cpu_to_fdt64(base), cpu_to_fdt64(size) };

	EXPECT(!fdt_begin_node(fdt, name));
	EXPECT(!fdt_property(fdt, "reg", reg, sizeof(reg)));
}

static void memory_node(const char *name, u64 base, const char *status)
{
	begin_node(name, base, 0x1000000);
	EXPECT(!fdt_property_string(fdt, "device_type", "memory"));
	if (status)
		EXPECT(!fdt_property_string(fdt, "status", status));
	EXPECT(!fdt_end_node(fdt));
}

static void begin_tree(void)
{
	EXPECT(!fdt_create(fdt, NODES_SIZE));
	EXPECT(!fdt_finish_reservemap(fdt));
	EXPECT(!fdt_begin_node(fdt, ""));
	EXPECT(!fdt_property_u32(fdt, "#address-cells", 2));
	EXPECT(!fdt_property_u32(fdt, "#size-cells", 2));
}

/* Nodes that every machine needs */
static void end_tree(void)
{
	const fdt64_t gic[4] = {
		cpu_to_fdt64(0x8000000), cpu_to_fdt64(0x10000),
		cpu_to_fdt64(0x80a0000), cpu_to_fdt64(0x40000),
	};

	EXPECT(!fdt_begin_node(fdt, "cpus"));
	EXPECT(!fdt_property_u32(fdt, "#address-cells", 1));
	EXPECT(!fdt_property_u32(fdt, "#size-cells", 0));
	EXPECT(!fdt_begin_node(fdt, "cpu@0"));
	EXPECT(!fdt_property_string(fdt, "device_type", "cpu"));
	EXPECT(!fdt_property_u32(fdt, "reg", 0));
	EXPECT(!fdt_end_node(fdt));
	EXPECT(!fdt_end_node(fdt));
	EXPECT(!fdt_begin_node(fdt, "intc@8000000"));
	EXPECT(!fdt_property_string(fdt, "compatible", "arm,gic-v3"));
	EXPECT(!fdt_property(fdt, "reg", gic, sizeof(gic)));
	EXPECT(!fdt_end_node(fdt));
	EXPECT(!fdt_end_node(fdt));
	EXPECT(!fdt_finish(fdt));
}

static bool has_ram(u64 base)
{
	unsigned int i;

	for (i = 0; i < platform.nr_ram; i++)
		if (platform.ram[i].base == base)
			return platform.ram[i].size == 0x1000000;
	return false;
}

/* QEMU's virt machine with secure=on has the secure memory disabled. */
static void memory_that_is_not_okay_is_not_ram(void)
{
	begin_tree();
	memory_node("secram@e000000", 0xe000000, "disabled");
	memory_node("memory@40000000", 0x40000000, NULL);
	memory_node("memory@50000000", 0x50000000, "okay");
	memory_node("memory@60000000", 0x60000000, "reserved");
	memory_node("memory@70000000", 0x70000000, "fail");
	memory_node("memory@80000000", 0x80000000, "ok");
	memory_node("memory@90000000", 0x90000000, "fail-ecc");
	end_tree();
	platform_init(fdt);
	EXPECT(platform.nr_ram == 3);
	EXPECT(has_ram(0x40000000));
	EXPECT(has_ram(0x50000000));
	EXPECT(has_ram(0x80000000));
}

/* QEMU's nodes of NUMA machines have the highest address first. */
static void memory_is_sorted_and_joined(void)
{
	begin_tree();
	memory_node("memory@70000000", 0x70000000, NULL);
	memory_node("memory@42000000", 0x42000000, NULL);
	memory_node("memory@40000000", 0x40000000, NULL);
	memory_node("memory@50000000", 0x50000000, NULL);
	memory_node("memory@41000000", 0x41000000, NULL);
	memory_node("memory@51000000", 0x51000000, NULL);
	end_tree();
	platform_init(fdt);
	EXPECT(platform.nr_ram == 3);
	EXPECT(platform.ram[0].base == 0x40000000);
	EXPECT(platform.ram[0].size >= 0x2000000);
	EXPECT(platform.ram[1].base == 0x50000000 &&
	       platform.ram[1].size == 0x2000000);
	EXPECT(platform.ram[2].base == 0x70000000);
}

static void uart_node(const char *name, u64 base, const char *status)
{
	begin_node(name, base, 0x1000);
	EXPECT(!fdt_property_string(fdt, "compatible", "arm,pl011"));
	if (status)
		EXPECT(!fdt_property_string(fdt, "status", status));
	EXPECT(!fdt_end_node(fdt));
}

static void uart_that_is_not_okay_is_passed_over(void)
{
	begin_tree();
	memory_node("memory@40000000", 0x40000000, NULL);
	uart_node("pl011@9040000", 0x9040000, "disabled");
	uart_node("pl011@9000000", 0x9000000, NULL);
	end_tree();
	platform_init(fdt);
	EXPECT(platform.uart == 0x9000000);
}

#define SMMU_PHANDLE	7

static void device_node(const char *name, const char *compatible, u64 base, u64 size)
{
	begin_node(name, base, size);
	EXPECT(!fdt_property_string(fdt, "compatible", compatible));
	if (!strcmp(compatible, "arm,smmu-v3"))
		EXPECT(!fdt_property_u32(fdt, "phandle", SMMU_PHANDLE));
	EXPECT(!fdt_end_node(fdt));
}

/* @streams: how many requester IDs are behind the SMMU; 0 for no map */
static void pci_node(const char *name, u64 base, u32 streams)
{
	const fdt32_t map[] = {
		0, cpu_to_fdt32(SMMU_PHANDLE), 0, cpu_to_fdt32(streams),
	};

	begin_node(name, base, 0x10000000);
	EXPECT(!fdt_property_string(fdt, "compatible", "pci-host-ecam-generic"));
	EXPECT(!fdt_property_u32(fdt, "msi-parent", 1));
	if (streams)
		EXPECT(!fdt_property(fdt, "iommu-map", map, sizeof(map)));
	EXPECT(!fdt_end_node(fdt));
}

static void read_machine_with_smmu(u32 streams)
{
	begin_tree();
	memory_node("memory@40000000", 0x40000000, NULL);
	device_node("smmuv3@9050000", "arm,smmu-v3", 0x9050000, 0x20000);
	device_node("virtio_mmio@a000200", "virtio,mmio", 0xa000200, 0x200);
	device_node("virtio_mmio@a000000", "virtio,mmio", 0xa000000, 0x200);
	device_node("virtio_mmio@a000400", "virtio,mmio", 0xa000400, 0x200);
	device_node("fw-cfg@9020000", "qemu,fw-cfg-mmio", 0x9020000, 0x18);
	pci_node("pcie@10000000", 0x10000000, 0x10000);
	pci_node("pcie@20000000", 0x20000000, streams);
	end_tree();
	platform_init(fdt);
}

static void devices_past_the_smmu_are_found(void)
{
	read_machine_with_smmu(0x10000);
	EXPECT(platform.smmu.base == 0x9050000 && platform.smmu.size == 0x20000);
	EXPECT(platform.nr_masters == 2);
	EXPECT(platform.masters[0].base == 0xa000000);
	EXPECT(platform.masters[0].size == 0x600);
	EXPECT(platform.masters[1].base == 0x9020000);
}

/* As with QEMU's default_bus_bypass_iommu */
static void smmu_that_not_all_are_behind_is_none(void)
{
	read_machine_with_smmu(0x8000);
	EXPECT(!platform.smmu.size);
	read_machine_with_smmu(0);
	EXPECT(!platform.smmu.size);
}

static void hidden_devices_leave_the_tree(void)
{
	int node;

	read_machine_with_smmu(0x10000);
	platform_edit_fdt(fdt, PA(0x48000000), 0x1000, true, true);
	EXPECT(fdt_node_offset_by_compatible(fdt, -1, "virtio,mmio") < 0);
	EXPECT(fdt_node_offset_by_compatible(fdt, -1, "qemu,fw-cfg-mmio") < 0);
	EXPECT(fdt_node_offset_by_compatible(fdt, -1, "arm,smmu-v3") < 0);
	node = fdt_node_offset_by_compatible(fdt, -1, "pci-host-ecam-generic");
	EXPECT(node >= 0 && !fdt_getprop(fdt, node, "iommu-map", NULL));
	EXPECT(!fdt_getprop(fdt, node, "msi-parent", NULL));
	EXPECT(fdt_path_offset(fdt, "/reserved-memory/gzhyp") >= 0);
	read_machine_with_smmu(0x10000);
	platform_edit_fdt(fdt, PA(0x48000000), 0x1000, true, false);
	EXPECT(fdt_node_offset_by_compatible(fdt, -1, "virtio,mmio") >= 0);
}

static const struct test tests[] = {
	TEST(memory_that_is_not_okay_is_not_ram),
	TEST(memory_is_sorted_and_joined),
	TEST(uart_that_is_not_okay_is_passed_over),
	TEST(devices_past_the_smmu_are_found),
	TEST(smmu_that_not_all_are_behind_is_none),
	TEST(hidden_devices_leave_the_tree),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
