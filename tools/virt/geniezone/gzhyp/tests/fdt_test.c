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

static const struct test tests[] = {
	TEST(memory_that_is_not_okay_is_not_ram),
	TEST(memory_is_sorted_and_joined),
	TEST(uart_that_is_not_okay_is_passed_over),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
