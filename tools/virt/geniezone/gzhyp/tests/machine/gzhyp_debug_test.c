// SPDX-License-Identifier: GPL-2.0
/*
 * Breakpoints, watchpoints and single steps that a guest makes for itself. ID registers
 * of guests: a feature's registers can be accessed if and only if the guest is told of
 * the feature.
 *
 * Needs: controls
 */

#include <sched.h>

#include "controls.h"
#include "gz_test.h"
#include "guest_gic.h"
#include "guest_try.h"

/* Guest memory: what the last exception was, and a command */
#define COUNT		SHARED_BASE
#define ESR		(SHARED_BASE + 8)
#define ELR		(SHARED_BASE + 16)
#define FAR		(SHARED_BASE + 24)
#define COMMAND		(SHARED_BASE + 64)
#define WATCHED		FREE_BASE

#define EC_BREAKPOINT	0x31
#define EC_STEP		0x33
#define EC_WATCHPOINT	0x35

/* Enabled at EL1: the four bytes of an instruction; stores to eight bytes */
#define BCR		0x1e3
#define WCR		0x1ff3

#define MDSCR_SS	1
#define MDSCR_KDE	(1 << 13)
#define MDSCR_MDE	(1 << 15)

/* Records the exception, and turns its cause off. */
asm(".section guest_text, \"ax\", %progbits\n"
	".balign 2048\n"
	"record:\n"
	".rept 16\n"
	"movz x9, #0x8001, lsl #16\n"
	"movk x9, #0x1000\n"		/* SHARED_BASE */
	"ldr x10, [x9]\n"
	"add x10, x10, #1\n"
	"str x10, [x9]\n"
	"mrs x10, esr_el1\n"
	"str x10, [x9, #8]\n"
	"mrs x10, elr_el1\n"
	"str x10, [x9, #16]\n"
	"mrs x10, far_el1\n"
	"str x10, [x9, #24]\n"
	"msr dbgbcr0_el1, xzr\n"
	"msr dbgwcr0_el1, xzr\n"
	"mrs x10, mdscr_el1\n"
	"and x10, x10, #~1\n"
	"msr mdscr_el1, x10\n"
	"eret\n"
	".balign 128\n"
	".endr\n"
	".previous\n");

static __always_inline void record_exceptions(void)
{
	asm volatile("adrp x9, record\n\tadd x9, x9, :lo12:record\n\t"
		     "msr vbar_el1, x9\n\tmsr daifclr, #8\n\tisb" ::: "x9");
}

/* Reports whether there was this exception, and no other, since the last call. */
static __always_inline void report(uint64_t ec, uint64_t pc)
{
	guest_sync(read64(COUNT) == 1 && read64(ESR) >> 26 == ec &&
		   (!pc || read64(ELR) == pc));
	write64(COUNT, 0);
}

/* Between the setting and the effect, the vCPU leaves and comes back. */
static __always_inline void break_here(void)
{
	uint64_t pc;

	asm volatile("adr %0, 1f\n\t"
		     "msr dbgbvr0_el1, %0\n\t"
		     "msr dbgbcr0_el1, %1\n\tisb\n\t"
		     "str xzr, [%2]\n"
		     "1:\tnop"
		     : "=&r" (pc) : "r" ((uint64_t)BCR), "r" ((uint64_t)PORT_SYNC)
		     : "x9", "x10", "memory");
	report(EC_BREAKPOINT, pc);
}

/* Stores to both addresses; only that at @addr is watched. */
static __always_inline void watch(uint64_t addr, uint64_t other)
{
	sysreg_write("dbgwvr0_el1", addr);
	sysreg_write("dbgwcr0_el1", WCR);
	guest_sync(0);
	asm volatile("str xzr, [%0]" : : "r" (other) : "x9", "x10", "memory");
	guest_sync(read64(COUNT));
	asm volatile("str xzr, [%0]" : : "r" (addr) : "x9", "x10", "memory");
	guest_sync(read64(FAR) == addr);
	report(EC_WATCHPOINT, 0);
}

static __always_inline void step(void)
{
	uint64_t pc;

	/* Masked, or the next instruction would not be executed. */
	asm volatile("msr daifset, #8" : : : "memory");
	sysreg_write("mdscr_el1", MDSCR_KDE | MDSCR_MDE | MDSCR_SS);
	asm volatile("adr %0, 1f\n\tmsr elr_el1, %0\n\t"
		     "mov %0, #0x1c5\n\torr %0, %0, #1 << 21\n\t"
		     "msr spsr_el1, %0\n\tadr %0, 2f\n\teret\n"
		     "1:\tnop\n"
		     "2:\tnop"
		     : "=&r" (pc) : : "x9", "x10", "memory");
	report(EC_STEP, pc);
}

GUEST static void guest_debug(uint64_t which)
{
	record_exceptions();
	write64(COUNT, 0);
	sysreg_write("mdscr_el1", MDSCR_KDE | MDSCR_MDE);
	for (;;) {
		break_here();
		watch(WATCHED + 8 * which, WATCHED + 8 * !which);
		step();
	}
}

FIXTURE(debug)
{
	struct tvm t[2];
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(debug)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t[0], 1);
	tvm_create(&self->t[1], 1);
	self->vcpu = &self->t[0].vcpus[0];
}

FIXTURE_TEARDOWN(debug)
{
	tvm_destroy(&self->t[0]);
	tvm_destroy(&self->t[1]);
}

/* The reports of one round of guest_debug() */
static const struct {
	const char *what;
	uint64_t value;
} reports[] = {
	{ "a breakpoint is set", 0 },
	{ "it has been hit once", 1 },
	{ "a watchpoint is set", 0 },
	{ "an address that is not watched", 0 },
	{ "address of the watchpoint", 1 },
	{ "it has been hit once", 1 },
	{ "single step", 1 },
};

#define NR_REPORTS	ARRAY_SIZE(reports)

/* Two guests with breakpoints at one address, and different watchpoints */
TEST_F(debug, guest_debugs_itself)
{
	unsigned int i, j;
	uint64_t got;

	for (i = 0; i < 2; i++)
		tvm_enter(&self->t[i], 0, guest_debug, i);
	for (i = 0; i < 3 * NR_REPORTS; i++)
		for (j = 0; j < 2; j++) {
			got = vcpu_sync_value(&self->t[j].vcpus[0]);
			ASSERT_EQ(reports[i % NR_REPORTS].value, got)
				TH_LOG("%s", reports[i % NR_REPORTS].what);
		}
}

/* A guest that does not enable debug exceptions gets none. */
GUEST static void guest_disabled(uint64_t oslar)
{
	record_exceptions();
	write64(COUNT, 0);
	sysreg_write("oslar_el1", oslar);
	guest_sync(sysreg_read("oslsr_el1"));
	sysreg_write("mdscr_el1", oslar ? MDSCR_KDE | MDSCR_MDE : MDSCR_KDE);
	sysreg_write("dbgwvr0_el1", WATCHED);
	sysreg_write("dbgwcr0_el1", WCR);
	guest_sync(0);
	asm volatile("str xzr, [%0]" : : "r" ((uint64_t)WATCHED) : "x9", "x10", "memory");
	guest_sync(read64(COUNT));
	sysreg_write("mdscr_el1", MDSCR_KDE | MDSCR_MDE);
	sysreg_write("oslar_el1", 0);
	asm volatile("str xzr, [%0]" : : "r" ((uint64_t)WATCHED) : "x9", "x10", "memory");
	report(EC_WATCHPOINT, 0);
}

TEST_F(debug, mde_and_the_os_lock_disable_it)
{
	unsigned int locked;

	for (locked = 0; locked < 2; locked++) {
		tvm_enter(&self->t[locked], 0, guest_disabled, locked);
		EXPECT_EQ(locked ? 0xa : 8, vcpu_sync_value(&self->t[locked].vcpus[0]));
		EXPECT_EQ(0, vcpu_sync_value(&self->t[locked].vcpus[0]));
		EXPECT_EQ(0, vcpu_sync_value(&self->t[locked].vcpus[0]));
		EXPECT_EQ(1, vcpu_sync_value(&self->t[locked].vcpus[0]));
	}
}

#define BVR0	CTL_DIR "bvr0"
#define ADDRESS		0x123456789abc0

static void set_host_breakpoint(struct __test_metadata *_metadata, uint64_t address)
{
	FILE *f = fopen(BVR0, "we");

	ASSERT_NE(NULL, f);
	ASSERT_LT(0, fprintf(f, "%llx\n", (unsigned long long)address));
	ASSERT_EQ(0, fclose(f));
}

static uint64_t host_breakpoint(void)
{
	FILE *f = fopen(BVR0, "re");
	unsigned long long address = 0;

	if (f && fscanf(f, "%llx", &address) != 1)
		address = 0;
	if (f)
		fclose(f);
	return address;
}

TEST_F(debug, breakpoints_of_the_host_stay)
{
	unsigned int i, cpu = sched_getcpu();
	cpu_set_t set;

	if (no_controls())
		SKIP(return, NO_CONTROLS);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	set_host_breakpoint(_metadata, ADDRESS);
	tvm_enter(&self->t[0], 0, guest_debug, 0);
	for (i = 0; i < 2 * NR_REPORTS; i++) {
		EXPECT_EQ(reports[i % NR_REPORTS].value, vcpu_sync_value(self->vcpu));
		EXPECT_EQ(ADDRESS, host_breakpoint());
	}
	set_host_breakpoint(_metadata, 0);
}

/* For ever: tries to read a register. */
GUEST static void guest_reads(uint64_t arg)
{
	uint64_t value;

	catch_exceptions();
	for (;;) {
		value = 0;
		guest_sync(try_mrs(read64(COMMAND), &value));
		guest_sync(value);
	}
}

/* Whether the guest can read the register */
#define can_read(self, enc, value)					\
({									\
	uint64_t __can;							\
									\
	*(uint64_t *)tvm_at(&(self)->t[0], COMMAND) = (enc);		\
	__can = vcpu_sync_value((self)->vcpu);				\
	*(value) = vcpu_sync_value((self)->vcpu);			\
	__can;								\
})

#define PFR0	ENC(3, 0, 0, 4, 0)
#define PFR1	ENC(3, 0, 0, 4, 1)
#define DFR0	ENC(3, 0, 0, 5, 0)
#define ISAR0	ENC(3, 0, 0, 6, 0)
#define ISAR1	ENC(3, 0, 0, 6, 1)
#define MMFR1	ENC(3, 0, 0, 7, 1)
#define MMFR2	ENC(3, 0, 0, 7, 2)
#define MMFR3	ENC(3, 0, 0, 7, 3)

/*
 * Registers of extensions, and what the ID field must be at least if the guest can
 * read them
 */
static const struct {
	const char *name;
	unsigned int id;
	unsigned int shift;
	unsigned int least;
	unsigned int reg;
} extensions[] = {
	{ "PMCR_EL0", DFR0, 8, 1, ENC(3, 3, 9, 12, 0) },
	{ "PMCNTENSET_EL0", DFR0, 8, 1, ENC(3, 3, 9, 12, 1) },
	{ "PMCEID0_EL0", DFR0, 8, 1, ENC(3, 3, 9, 12, 6) },
	{ "PMCCNTR_EL0", DFR0, 8, 1, ENC(3, 3, 9, 13, 0) },
	{ "PMUSERENR_EL0", DFR0, 8, 1, ENC(3, 3, 9, 14, 0) },
	{ "PMINTENSET_EL1", DFR0, 8, 1, ENC(3, 0, 9, 14, 1) },
	{ "PMMIR_EL1", DFR0, 8, 4, ENC(3, 0, 9, 14, 6) },
	{ "PMEVCNTR0_EL0", DFR0, 8, 1, ENC(3, 3, 14, 8, 0) },
	{ "PMCCFILTR_EL0", DFR0, 8, 1, ENC(3, 3, 14, 15, 7) },
	{ "TRCIDR0", DFR0, 4, 1, ENC(2, 1, 0, 8, 7) },
	{ "PMSCR_EL1", DFR0, 32, 1, ENC(3, 0, 9, 9, 0) },
	{ "PMBLIMITR_EL1", DFR0, 32, 1, ENC(3, 0, 9, 10, 0) },
	{ "TRFCR_EL1", DFR0, 40, 1, ENC(3, 0, 1, 2, 1) },
	{ "TRBLIMITR_EL1", DFR0, 44, 1, ENC(3, 0, 9, 11, 0) },
	{ "BRBCR_EL1", DFR0, 52, 1, ENC(2, 1, 9, 0, 0) },
	{ "ERRIDR_EL1", PFR0, 28, 1, ENC(3, 0, 5, 3, 0) },
	{ "ZCR_EL1", PFR0, 32, 1, ENC(3, 0, 1, 2, 0) },
	{ "MPAM1_EL1", PFR0, 40, 1, ENC(3, 0, 10, 5, 0) },
	{ "AMCR_EL0", PFR0, 44, 1, ENC(3, 3, 13, 2, 0) },
	{ "DIT", PFR0, 48, 1, ENC(3, 3, 4, 2, 5) },
	{ "SCXTNUM_EL1", PFR0, 56, 2, ENC(3, 0, 13, 0, 7) },
	{ "GCR_EL1", PFR1, 8, 2, ENC(3, 0, 1, 0, 6) },
	{ "SMCR_EL1", PFR1, 24, 1, ENC(3, 0, 1, 2, 6) },
	{ "RNDR", ISAR0, 60, 1, ENC(3, 3, 2, 4, 0) },
	{ "LORID_EL1", MMFR1, 16, 1, ENC(3, 0, 10, 4, 7) },
	{ "PAN", MMFR1, 20, 1, ENC(3, 0, 4, 2, 3) },
	{ "UAO", MMFR2, 4, 1, ENC(3, 0, 4, 2, 4) },
	{ "TCR2_EL1", MMFR3, 0, 1, ENC(3, 0, 2, 0, 3) },
};

#define FIELD(value, shift)	(((value) >> (shift)) & 0xf)

TEST_F(debug, extensions_are_there_if_told)
{
	uint64_t id, value;
	unsigned int i;
	bool told;

	tvm_enter(&self->t[0], 0, guest_reads, 0);
	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		ASSERT_TRUE(can_read(self, extensions[i].id, &id));
		told = FIELD(id, extensions[i].shift) >= extensions[i].least &&
		       FIELD(id, extensions[i].shift) != 15;
		EXPECT_EQ(told, can_read(self, extensions[i].reg, &value))
			TH_LOG("%s", extensions[i].name);
	}
	/* Pointer authentication has two fields. */
	ASSERT_TRUE(can_read(self, ISAR1, &id));
	EXPECT_EQ(!!(id & 0xff0), can_read(self, ENC(3, 0, 2, 1, 0), &value));
}

TEST_F(debug, as_many_breakpoints_as_told)
{
	uint64_t dfr0, value;
	unsigned int n;

	tvm_enter(&self->t[0], 0, guest_reads, 0);
	ASSERT_TRUE(can_read(self, DFR0, &dfr0));
	EXPECT_EQ(6, FIELD(dfr0, 0));
	for (n = 0; n < 16; n++) {
		EXPECT_EQ(n <= FIELD(dfr0, 12), can_read(self, ENC(2, 0, 0, n, 5), &value))
			TH_LOG("DBGBCR%u_EL1", n);
		EXPECT_EQ(n <= FIELD(dfr0, 20), can_read(self, ENC(2, 0, 0, n, 7), &value))
			TH_LOG("DBGWCR%u_EL1", n);
	}
}

TEST_HARNESS_MAIN
