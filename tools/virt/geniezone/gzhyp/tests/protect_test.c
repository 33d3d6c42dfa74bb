// SPDX-License-Identifier: GPL-2.0
/* Wiping protected VMs before others get their memory. */
#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "tests/ktap.h"

#define BASE	(TEST_BASE + 1024 * PAGE_SIZE)
#define PAGES	64
#define ME	3

static struct vm vm;
static struct vcpu vcpu;
static u32 table[2 * PAGES];
static bool clean[PAGES];
static bool vcpu_was_reset, vcpu_is_clean;
static u64 reset_pc, reset_x0;
static u32 users;

/* The firmware: a few bytes, which are not pages */
asm(".data\n.globl pvmfw_start, pvmfw_end\n"
	"pvmfw_start: .fill 0x1800, 1, 0x77\n"
	"pvmfw_end: .byte 0\n.text\n");

#define FW_SIZE		0x1800UL
#define FW_GPA		0x7fc00000UL

/* With the firmware, and with its payload if it is elsewhere */
static struct region region, second;

static int prepare(pa_t pa, u64 size)
{
	return 0;
}

static void nothing(pa_t pa, u64 size)
{
}

static const struct owner_ops ops = {
	.prepare = prepare, .unmap = nothing, .map = nothing,
};

/* Stubs for the rest of gzhyp */

void icache_inval_all(void)
{
}

struct region *region_of(struct vm *of, u64 gpa)
{
	if (gpa - region.gpa < region.size)
		return &region;
	return gpa - second.gpa < second.size ? &second : NULL;
}

struct vm *vm_by_id(u16 id)
{
	return id == ME ? &vm : NULL;
}

u32 vm_users(const struct vm *of)
{
	EXPECT(of == &vm);
	return users;
}

void vcpu_reset(struct vcpu *of, u64 pc, u64 x0)
{
	EXPECT(of == &vcpu);
	vcpu_was_reset = true;
	memset(of->regs.x, 0, sizeof(of->regs.x));
	reset_pc = pc;
	reset_x0 = x0;
}

void dcache_clean_inval(const void *va, u64 size)
{
	u64 i;

	if (va == &vcpu) {
		vcpu_is_clean = vcpu_was_reset && size == sizeof(vcpu);
		return;
	}
	for (i = 0; i < size / PAGE_SIZE; i++)
		clean[(va_to_pa(va).v - BASE) / PAGE_SIZE + i] = true;
}

static pa_t page(u64 n)
{
	return PA(BASE + n * PAGE_SIZE);
}

/* Two ranges of RAM, the second one of them first */
static void setup(void)
{
	static const struct ram_range ram[] = {
		{ BASE + PAGES / 2 * PAGE_SIZE, PAGES / 2 * PAGE_SIZE },
		{ BASE, PAGES / 2 * PAGE_SIZE },
	};

	test_memory_init();
	EXPECT(owner_table_size(ram, 2) <= sizeof(table));
	owner_init(ram, 2, table, &ops);
	memset(&vm, 0, sizeof(vm));
	memset(clean, 0, sizeof(clean));
	memset(&region, 0, sizeof(region));
	memset(&second, 0, sizeof(second));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.vm = &vm;
	vcpu.power = POWER_ON;
	vcpu_was_reset = false;
	vcpu_is_clean = false;
	users = 0;
	vm.vcpu[2] = &vcpu;
}

static bool is_all(u64 n, u8 byte)
{
	const u8 *p = pa_to_va(page(n));
	u64 i;

	for (i = 0; i < PAGE_SIZE; i++)
		if (p[i] != byte)
			return false;
	return true;
}

static void what_guests_own_is_wiped_and_nothing_else(void)
{
	bool guests[PAGES] = { false };
	u64 i;

	setup();
	for (i = 0; i < PAGES; i++) {
		guests[i] = i % 5 == 1 || i % 5 == 2;
		if (i % 5 == 1 || i % 5 == 2)
			EXPECT(!owner_donate(page(i), PAGE_SIZE, i % 3 + 1));
		if (i % 5 == 2)
			EXPECT(!owner_guest_share(page(i), PAGE_SIZE, i % 3 + 1));
		if (i % 5 == 3)
			EXPECT(!owner_lend(page(i), PAGE_SIZE));
		if (i % 5 == 4)
			EXPECT(!owner_claim(page(i), PAGE_SIZE));
	}
	protect_wipe_all();
	for (i = 0; i < PAGES; i++) {
		EXPECT(is_all(i, guests[i] ? 0 : 0x5a));
		EXPECT(clean[i] == guests[i]);
	}
}

static void registers_are_wiped(void)
{
	setup();
	protect_wipe_all();
	EXPECT(vcpu_is_clean && !reset_pc && !reset_x0);
	/* A CPU that can not be brought out has them still. */
	setup();
	users = 1;
	protect_wipe_all();
	EXPECT(!vcpu_was_reset);
}

static void page_that_goes_back_is_wiped(void)
{
	u32 value;

	setup();
	vm.id = ME;
	EXPECT(!owner_donate(page(1), 2 * PAGE_SIZE, ME));
	EXPECT(!owner_lend(page(4), PAGE_SIZE));
	protect_give_back(&vm, page(1), 2 * PAGE_SIZE);
	protect_give_back(&vm, page(4), PAGE_SIZE);
	EXPECT(is_all(0, 0x5a) && is_all(1, 0) && is_all(2, 0) && is_all(3, 0x5a));
	EXPECT(is_all(4, 0x5a) && clean[1] && clean[2]);
	EXPECT(owner_state(page(1), &value) == PAGE_HOST);
	EXPECT(owner_state(page(4), &value) == PAGE_HOST);
}

/* VMs can be protected without firmware, and firmware can be there without. */
static void words_about_protection(void)
{
	u64 size = 1;

	setup();
	options = BIT(OPT_NO_FIRMWARE);
	EXPECT(protect_cap(&vm, GZ_PVM_GET_PVMFW_SIZE, 0, &size) ==
	       GZ_NOT_SUPPORTED);
	EXPECT(protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, SZ_2M, &size) ==
	       GZ_NOT_SUPPORTED);
	EXPECT(!protect_cap(&vm, GZ_PVM_SET_PROTECTED_VM, 0, &size));
	EXPECT(vm.protection == VM_PROTECTED);
	vm.protection = VM_OPEN;
	options = BIT(OPT_NO_PROTECTION);
	EXPECT(protect_cap(&vm, GZ_PVM_SET_PROTECTED_VM, 0, &size) ==
	       GZ_NOT_SUPPORTED);
	EXPECT(vm.protection == VM_OPEN);
	EXPECT(!protect_cap(&vm, GZ_PVM_GET_PVMFW_SIZE, 0, &size));
	options = 0;
}

static void guest_that_has_run_is_not_protected(void)
{
	u64 size;

	setup();
	vm.has_run = true;
	EXPECT(protect_cap(&vm, GZ_PVM_SET_PROTECTED_VM, 0, &size) ==
	       GZ_INVALID_ARGS);
	EXPECT(vm.protection == VM_OPEN);
}

/* All of it in one region, which the host cannot see */
static void place_of_the_firmware(void)
{
	u64 size;

	setup();
	region = (struct region) { .gpa = FW_GPA, .size = 2 * PAGE_SIZE };
	EXPECT(!protect_cap(&vm, GZ_PVM_GET_PVMFW_SIZE, 0, &size) && size == FW_SIZE);
	EXPECT(protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, FW_GPA + PAGE_SIZE, &size) ==
	       GZ_INVALID_ARGS);
	EXPECT(protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, FW_GPA - PAGE_SIZE, &size) ==
	       GZ_INVALID_ARGS);
	EXPECT(protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, FW_GPA + 8, &size) ==
	       GZ_INVALID_ARGS);
	region.flags = GZ_MEM_STATIC_SWIOTLB;
	EXPECT(protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, FW_GPA, &size) ==
	       GZ_INVALID_ARGS);
	EXPECT(vm.protection == VM_OPEN && !vm.fw_gpa);
	region.flags = 0;
	EXPECT(!protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, FW_GPA, &size));
	EXPECT(vm.protection == VM_PROTECTED && vm.fw_gpa == FW_GPA);
}

#define NR_TABLES	16

static void no_flush(struct pgtable *pgt, u64 ia, u64 size)
{
}

/* Between the steps of sealing the host gets its interrupts. */
static void sealing_ends_in_steps(void)
{
	unsigned int steps = 0;
	u64 size, i;
	int err;

	setup();
	region = (struct region) { .gpa = 0, .size = IPA_LIMIT };
	EXPECT(!pgt_init(&vm.s2, IPA_BITS, 1, 2));
	vm.s2.invalidate = no_flush;
	/* A table with a single page has many holes. */
	for (i = 0; i < NR_TABLES; i++) {
		EXPECT(!owner_lend(page(i), PAGE_SIZE));
		EXPECT(!pgt_map(&vm.s2, i * SZ_2M, page(i), PAGE_SIZE, 0));
	}
	EXPECT(!protect_cap(&vm, GZ_PVM_SET_PROTECTED_VM, 0, &size));
	do {
		err = protect_before_run(&vcpu);
		steps++;
	} while (err == GZ_BUSY && steps < 100);
	EXPECT(!err && vm.protection == VM_SEALED && vm.private_pages == NR_TABLES);
	EXPECT(steps > 1);
}

/* With the VMM's values of three registers, and nothing else of the VMM's */
static void firmware_starts_with_fresh_registers(void)
{
	u64 size;

	setup();
	region = (struct region) { .gpa = FW_GPA, .size = 2 * PAGE_SIZE };
	EXPECT(!pgt_init(&vm.s2, IPA_BITS, 1, 2));
	vm.s2.invalidate = no_flush;
	EXPECT(!protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, FW_GPA, &size));
	vm.dtb_gpa = 0x81000000;
	vcpu.regs.pc = 0x82000000;
	vcpu.regs.x[2] = 0x1234;
	while (protect_before_run(&vcpu) == GZ_BUSY)
		;
	EXPECT(vm.protection == VM_SEALED);
	EXPECT(vcpu_was_reset && reset_pc == FW_GPA && reset_x0 == 0x81000000);
	EXPECT(vcpu.regs.x[1] == 0x82000000 && vcpu.regs.x[2] == 0x1234);
	EXPECT(!vcpu.regs.x[3] && !vcpu.regs.x[4]);
}

static void start_payload(u64 payload, u64 flags)
{
	u64 size;

	setup();
	region = (struct region) { .gpa = FW_GPA, .size = 2 * PAGE_SIZE };
	second = (struct region) {
		.gpa = 0x80000000, .size = 3 * PAGE_SIZE, .flags = flags
	};
	EXPECT(!pgt_init(&vm.s2, IPA_BITS, 1, 2));
	vm.s2.invalidate = no_flush;
	EXPECT(!protect_cap(&vm, GZ_PVM_SET_PVMFW_GPA, FW_GPA, &size));
	vcpu.regs.x[1] = payload;
	vcpu.regs.x[3] = 1;
	while (protect_before_run(&vcpu) == GZ_BUSY)
		;
	EXPECT(vm.protection == VM_SEALED && vcpu.regs.x[1] == payload);
}

static void firmware_learns_of_private_memory(void)
{
	start_payload(0x80000000 + 3 * PAGE_SIZE - 1, 0);
	EXPECT(vcpu.regs.x[3] == 0x80000000);
	EXPECT(vcpu.regs.x[4] == 0x80000000 + 3 * PAGE_SIZE);
	start_payload(0x80000000 + 3 * PAGE_SIZE, 0);
	EXPECT(!vcpu.regs.x[3] && !vcpu.regs.x[4]);
	start_payload(0x80000000, GZ_MEM_STATIC_SWIOTLB);
	EXPECT(!vcpu.regs.x[3] && !vcpu.regs.x[4]);
}

static const struct test tests[] = {
	TEST(what_guests_own_is_wiped_and_nothing_else),
	TEST(registers_are_wiped),
	TEST(page_that_goes_back_is_wiped),
	TEST(words_about_protection),
	TEST(guest_that_has_run_is_not_protected),
	TEST(place_of_the_firmware),
	TEST(sealing_ends_in_steps),
	TEST(firmware_starts_with_fresh_registers),
	TEST(firmware_learns_of_private_memory),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
