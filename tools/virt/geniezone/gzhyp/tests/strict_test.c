// SPDX-License-Identifier: GPL-2.0
/* gzhyp.strict: what no shipped driver does. */
#include "core/strict.h"
#include "platform/platform.h"
#include "tests/ktap.h"

#define GPA	0x80000000UL
#define SIZE	0x400000UL

static struct vm vm;
static struct vcpu *some_vcpu = (struct vcpu *)8;
static char console[256];
static size_t console_len;

void uart_putc(char c)
{
	if (console_len < sizeof(console) - 1)
		console[console_len++] = c;
}

static void setup(void)
{
	memset(&vm, 0, sizeof(vm));
}

static void reports_come_once(void)
{
	const char *one = "one", *two = "two";

	strict_report(one);
	strict_report(two);
	strict_report(one);
	EXPECT(!strcmp(console, "gzhyp: strict: one\ngzhyp: strict: two\n"));
}

static void calls_of_a_shipped_driver_pass(void)
{
	const u64 probe[8] = { 0, 16 };
	const u64 demand[8] = { 0, 1, GZ_CAP_DEMAND_PAGING };
	const u64 block[8] = { 0, 1, GZ_CAP_BLOCK_DEMAND_PAGING, SZ_2M, GPA };
	const u64 protect[8] = { 0, 1, GZ_CAP_PROTECTED_VM, 1 };
	const u64 memregion[8] = { 0, 1, GZ_MEMREGION_BUF, GPA };
	struct gz_memregion region = { .gpa = GPA, .total_pages = SIZE / PAGE_SIZE };
	const u64 vcpu[8] = { 0, 1 << 16 | 7, GPA };

	setup();
	EXPECT(!strict_probe(NULL, probe));
	EXPECT(!strict_enable_cap(&vm, demand));
	vm.demand_paging = true;
	EXPECT(!strict_enable_cap(&vm, block));
	EXPECT(!region_set_purpose(&vm, GPA, SIZE, GZ_MEM_GUEST));
	EXPECT(!strict_set_memregion(&vm, memregion));
	EXPECT(!strict_memregion(&vm, &region));
	EXPECT(!strict_create_vcpu(&vm, vcpu));
	vm.vcpu[0] = some_vcpu;
	EXPECT(!strict_enable_cap(&vm, protect));
}

static void capabilities(void)
{
	const u64 demand[8] = { 0, 1, GZ_CAP_DEMAND_PAGING };
	const u64 block[8] = { 0, 1, GZ_CAP_BLOCK_DEMAND_PAGING, SZ_2M, GPA };
	const u64 size[8] = { 0, 1, GZ_CAP_VM_GPA_SIZE };

	setup();
	EXPECT(strict_enable_cap(&vm, block));
	EXPECT(strict_enable_cap(&vm, size));
	vm.vcpu[0] = some_vcpu;
	EXPECT(strict_enable_cap(&vm, demand));
}

static void registers(void)
{
	const u64 set[8] = { 0, 1 << 16 | 2 }, far[8] = { 0, 1 << 16 | 0xffff };

	setup();
	EXPECT(!strict_set_one_reg(&vm, set));
	vm.on_cpu[2] = 1;
	EXPECT(strict_set_one_reg(&vm, set));
	EXPECT(!strict_set_one_reg(&vm, far));
	EXPECT(strict_get_one_reg(&vm, set));
}

static void regions(void)
{
	struct gz_memregion region = { .gpa = GPA, .total_pages = SIZE / PAGE_SIZE };

	setup();
	EXPECT(strict_memregion(&vm, &region));
	EXPECT(!region_set_purpose(&vm, GPA, SIZE, 0));
	EXPECT(!strict_memregion(&vm, &region));
	region.slot = FEW_REGIONS;
	EXPECT(strict_memregion(&vm, &region));
	region.slot = 1;
	region.total_pages = 0;
	EXPECT(strict_memregion(&vm, &region));
	region.total_pages = 1;
	region.gpa = BIT(52) - PAGE_SIZE;
	EXPECT(strict_memregion(&vm, &region));
}

static void lines(void)
{
	const u64 raise[8] = { 0, 1 << 16, 70, 1 }, lower[8] = { 0, 1 << 16, 70, 0 };

	setup();
	EXPECT(strict_irq_line(&vm, lower));
	EXPECT(!strict_irq_line(&vm, raise));
	EXPECT(!strict_irq_line(&vm, raise));
	EXPECT(!strict_irq_line(&vm, lower));
	EXPECT(strict_irq_line(&vm, lower));
}

static void mappings(void)
{
	const u64 one[8] = { 0, 1, 0, 0x100, GPA >> PAGE_SHIFT, 1 };
	const u64 two[8] = { 0, 1, 0, 0x100, GPA >> PAGE_SHIFT, 2 };
	const u64 block[8] = { 0, 1, 0, GPA >> PAGE_SHIFT, 512 };
	const u64 part[8] = { 0, 1, 0, GPA >> PAGE_SHIFT, 1 };

	setup();
	EXPECT(!region_register(&vm, 0, GPA, SIZE / PAGE_SIZE));
	EXPECT(!strict_map_guest(&vm, one));
	EXPECT(strict_map_guest(&vm, two));
	EXPECT(!strict_map_guest_block(&vm, block));
	EXPECT(strict_map_guest_block(&vm, part));
	vm.block_paging = true;
	EXPECT(strict_map_guest(&vm, one));
}

static const struct test tests[] = {
	TEST(reports_come_once),
	TEST(calls_of_a_shipped_driver_pass),
	TEST(capabilities),
	TEST(registers),
	TEST(regions),
	TEST(lines),
	TEST(mappings),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
