// SPDX-License-Identifier: GPL-2.0
/*
 * The host's PSCI calls as the firmware gets them. A CPU must never leave the
 * firmware at an entry point other than gzhyp's.
 */
#include "arch/entry.h"
#include "arch/switch.h"
#include "core/mem/protect.h"
#include "core/psci.h"
#include "tests/ktap.h"

#define MPIDR		0x80000102UL
#define ENTRY		0x123456789000UL
#define CONTEXT		0xfedcba9876543210UL
#define JUNK		0xdeadbeef00000000UL
#define LOW(x)		((x) & 0xffffffff)

static struct percpu cpu;
static struct cpu_regs regs, firmware;
static u64 firmware_answers;
static unsigned int smcs;

/* Whether guests were stopped, wiped at the firmware's call, resumed */
static unsigned int stops, wipes, wipes_before_smc, resumes;

struct percpu *this_cpu(void)
{
	return &cpu;
}

struct percpu *cpu_by_mpidr(u64 mpidr)
{
	return mpidr == MPIDR ? &cpu : NULL;
}

void dcache_clean_inval(const void *va, u64 size)
{
}

void secondary_entry(void)
{
}

bool vm_stop_all(void)
{
	stops++;
	return true;
}

void vm_resume(void)
{
	EXPECT(smcs == 1);
	resumes++;
}

void protect_wipe_all(void)
{
	EXPECT(stops == 1);
	wipes++;
}

void smc_call(struct cpu_regs *r)
{
	smcs++;
	wipes_before_smc = wipes;
	firmware = *r;
	r->x[0] = firmware_answers;
}

static void call_again(u64 fn, u64 x1, u64 x2, u64 x3)
{
	memset(&firmware, 0, sizeof(firmware));
	memset(&regs, 0, sizeof(regs));
	smcs = 0;
	stops = 0;
	wipes = 0;
	resumes = 0;
	regs.x[0] = fn;
	regs.x[1] = x1;
	regs.x[2] = x2;
	regs.x[3] = x3;
	host_smc(&regs);
	EXPECT(regs.x[1] == x1 && regs.x[2] == x2 && regs.x[3] == x3);
}

static void call(u64 fn, u64 x1, u64 x2, u64 x3)
{
	memset(&cpu, 0, sizeof(cpu));
	call_again(fn, x1, x2, x3);
}

/* The firmware was told to come to gzhyp, which knows where to go then. */
static void expect_entry(u32 fn, unsigned int first, u64 entry, u64 ctx)
{
	EXPECT(smcs == 1);
	EXPECT(firmware.x[0] == fn);
	EXPECT(firmware.x[first] == (u64)secondary_entry);
	EXPECT(firmware.x[first + 1] == (u64)&cpu);
	EXPECT(cpu.boot_entry == entry);
	EXPECT(cpu.boot_ctx == ctx);
	EXPECT(regs.x[0] == firmware_answers);
}

static void calls_with_an_entry_get_gzhyps(void)
{
	firmware_answers = 0;
	call(PSCI_CPU_ON | SMC64, MPIDR, ENTRY, CONTEXT);
	expect_entry(PSCI_CPU_ON | SMC64, 2, ENTRY, CONTEXT);
	EXPECT(firmware.x[1] == MPIDR);
	call(PSCI_CPU_SUSPEND | SMC64, 0x10000, ENTRY, CONTEXT);
	expect_entry(PSCI_CPU_SUSPEND | SMC64, 2, ENTRY, CONTEXT);
	EXPECT(firmware.x[1] == 0x10000);
	call(PSCI_CPU_DEFAULT_SUSPEND | SMC64, ENTRY, CONTEXT, 0);
	expect_entry(PSCI_CPU_DEFAULT_SUSPEND | SMC64, 1, ENTRY, CONTEXT);
	firmware_answers = (u64)PSCI_INVALID_ADDRESS;
	call(PSCI_SYSTEM_SUSPEND | SMC64, ENTRY, CONTEXT, 0);
	expect_entry(PSCI_SYSTEM_SUSPEND | SMC64, 1, ENTRY, CONTEXT);
}

/* 32 bits of the host's, but all 64 of gzhyp's, which the firmware must keep */
static void those_of_smc32_too(void)
{
	firmware_answers = 0;
	call(JUNK | PSCI_CPU_ON, JUNK | MPIDR, ENTRY, CONTEXT);
	expect_entry(PSCI_CPU_ON | SMC64, 2, LOW(ENTRY), LOW(CONTEXT));
	EXPECT(firmware.x[1] == MPIDR);
	call(PSCI_CPU_SUSPEND, JUNK | 0x10000, ENTRY, CONTEXT);
	expect_entry(PSCI_CPU_SUSPEND | SMC64, 2, LOW(ENTRY), LOW(CONTEXT));
	EXPECT(firmware.x[1] == 0x10000);
	firmware_answers = (u64)PSCI_INVALID_ADDRESS;
	call(PSCI_CPU_DEFAULT_SUSPEND, ENTRY, CONTEXT, 0);
	expect_entry(PSCI_CPU_DEFAULT_SUSPEND | SMC64, 1, LOW(ENTRY), LOW(CONTEXT));
	call(PSCI_SYSTEM_SUSPEND, ENTRY, CONTEXT, 0);
	expect_entry(PSCI_SYSTEM_SUSPEND | SMC64, 1, LOW(ENTRY), LOW(CONTEXT));
}

static void cpu_that_is_not_there_is_not_turned_on(void)
{
	call(PSCI_CPU_ON | SMC64, JUNK | MPIDR, ENTRY, CONTEXT);
	EXPECT(regs.x[0] == (u64)PSCI_INVALID_PARAMETERS);
	call(PSCI_CPU_ON, MPIDR + 1, ENTRY, CONTEXT);
	EXPECT(regs.x[0] == (u64)PSCI_INVALID_PARAMETERS);
	EXPECT(!smcs);
}

/* A second caller must not change where it goes. */
static void cpu_that_is_being_turned_on_keeps_its_entry(void)
{
	firmware_answers = 0;
	call(PSCI_CPU_ON | SMC64, MPIDR, ENTRY, CONTEXT);
	call_again(PSCI_CPU_ON | SMC64, MPIDR, ENTRY + 4, CONTEXT + 1);
	EXPECT(regs.x[0] == (u64)PSCI_ON_PENDING && !smcs);
	EXPECT(cpu.boot_entry == ENTRY && cpu.boot_ctx == CONTEXT);
	cpu.online = true;
	cpu.boot_pending = 0;
	call_again(PSCI_CPU_ON | SMC64, MPIDR, ENTRY + 4, CONTEXT + 1);
	EXPECT(regs.x[0] == (u64)PSCI_ALREADY_ON && !smcs);
	EXPECT(cpu.boot_entry == ENTRY);
}

/* If the firmware does not do it, the host goes on. */
static void guests_are_wiped_before_the_machine_ends(void)
{
	static const u32 fns[] = {
		PSCI_SYSTEM_OFF, PSCI_SYSTEM_RESET, PSCI_SYSTEM_RESET2,
		PSCI_SYSTEM_RESET2 | SMC64, PSCI_SYSTEM_OFF2 | SMC64,
	};
	unsigned int i;

	firmware_answers = (u64)PSCI_INVALID_PARAMETERS;
	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		call(fns[i], 7, 8, 9);
		EXPECT(smcs == 1 && firmware.x[0] == fns[i]);
		EXPECT(firmware.x[1] == 7 && firmware.x[2] == 8);
		EXPECT(stops == 1 && wipes_before_smc == 1 && resumes == 1);
		EXPECT(regs.x[0] == firmware_answers);
	}
	/* PSCI_VERSION ends nothing. */
	call(0x84000000, 0, 0, 0);
	EXPECT(smcs == 1 && !stops && !wipes);
}

static void services_for_the_caller_are_not_there(void)
{
	static const u32 fns[] = { 0x84000020, 0xc4000021, 0x84000060, 0xc4000066 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		call(fns[i], 1, 2, 3);
		EXPECT(!smcs && regs.x[0] == (u64)SMCCC_NOT_SUPPORTED);
	}
}

static const struct test tests[] = {
	TEST(calls_with_an_entry_get_gzhyps),
	TEST(those_of_smc32_too),
	TEST(cpu_that_is_not_there_is_not_turned_on),
	TEST(cpu_that_is_being_turned_on_keeps_its_entry),
	TEST(guests_are_wiped_before_the_machine_ends),
	TEST(services_for_the_caller_are_not_there),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
