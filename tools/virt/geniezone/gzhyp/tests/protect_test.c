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
static u32 users;

const char pvmfw_start[1], pvmfw_end[1];

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
	return NULL;
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
	EXPECT(of == &vcpu && !pc && !x0);
	vcpu_was_reset = true;
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
	EXPECT(vcpu_is_clean);
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

static const struct test tests[] = {
	TEST(what_guests_own_is_wiped_and_nothing_else),
	TEST(registers_are_wiped),
	TEST(page_that_goes_back_is_wiped),
	TEST(words_about_protection),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
