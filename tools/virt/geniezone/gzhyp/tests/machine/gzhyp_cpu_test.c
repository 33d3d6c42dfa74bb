// SPDX-License-Identifier: GPL-2.0
/*
 * State that each vCPU has of its own: vector registers, pointer authentication
 * keys, the physical timer. Features that a vCPU does not have. PSCI and TRNG.
 * Big-endian guests.
 */

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "gz_test.h"
#include "guest_gic.h"

#define INTID_PTIMER	30

#define PSCI_CPU_SUSPEND	0xc4000001
#define CPU_ON_32		0x84000003
#define AFFINITY_INFO_32	0x84000004
#define PSCI_FEATURES		0x8400000a
#define SYSTEM_RESET2		0xc4000012
#define SYSTEM_SUSPEND		0xc400000e
#define TRNG_VERSION		0x84000050
#define TRNG_RND64		0xc4000053
#define NOT_SUPPORTED		((uint64_t)-1)
#define INVALID_PARAMETERS	((uint64_t)-2)
#define DENIED			((uint64_t)-3)
#define TRNG_INVALID		((uint64_t)-2)

FIXTURE(cpu)
{
	struct tvm t[2];
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(cpu)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t[0], 2);
	tvm_create(&self->t[1], 1);
	self->vcpu = &self->t[0].vcpus[0];
}

FIXTURE_TEARDOWN(cpu)
{
	tvm_destroy(&self->t[0]);
	tvm_destroy(&self->t[1]);
}

#define ALL_VECTORS							\
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,"	\
	"24,25,26,27,28,29,30,31"

/*
 * Fills all vector registers and FPSR. Then, for ever: reports how many of them
 * have changed. It is one piece, so that the compiler uses none of them in
 * between.
 */
GUEST static void guest_vectors(uint64_t seed)
{
	asm volatile("mov	x9, %[seed]\n"
		     ".irp	n, " ALL_VECTORS "\n"
		     "dup	v\\n\\().2d, x9\n"
		     "add	x9, x9, #1\n"
		     ".endr\n"
		     "and	x9, %[seed], #0x1f\n"
		     "msr	fpsr, x9\n"
		     "mov	x11, #0\n"
		     "1:\n"
		     "str	x11, [%[port]]\n"
		     "mrs	x10, fpsr\n"
		     "and	x9, %[seed], #0x1f\n"
		     "cmp	x9, x10\n"
		     "cinc	x11, x11, ne\n"
		     "mov	x9, %[seed]\n"
		     ".irp	n, " ALL_VECTORS "\n"
		     "umov	x10, v\\n\\().d[0]\n"
		     "cmp	x9, x10\n"
		     "cinc	x11, x11, ne\n"
		     "umov	x10, v\\n\\().d[1]\n"
		     "cmp	x9, x10\n"
		     "cinc	x11, x11, ne\n"
		     "add	x9, x9, #1\n"
		     ".endr\n"
		     "b		1b\n"
		     : : [seed] "r" (seed), [port] "r" ((uint64_t)PORT_SYNC)
		     : "x9", "x10", "x11", "cc", "memory");
}

/* There is a GZVM_RUN between the load and the store of all vector registers */
static long run_with_vectors(struct gz_vcpu *vcpu, uint64_t before[64],
			     uint64_t after[64])
{
	register long x0 asm("x0") = vcpu->fd;
	register long x1 asm("x1") = GZVM_RUN;
	register long x2 asm("x2") = (long)&vcpu->run;
	register long x8 asm("x8") = SYS_ioctl;

	asm volatile("mov	x9, %[before]\n"
		     ".irp	n, " ALL_VECTORS "\n"
		     "ldr	q\\n, [x9], #16\n"
		     ".endr\n"
		     "svc	#0\n"
		     "mov	x9, %[after]\n"
		     ".irp	n, " ALL_VECTORS "\n"
		     "str	q\\n, [x9], #16\n"
		     ".endr\n"
		     : "+r" (x0)
		     : "r" (x1), "r" (x2), "r" (x8), [before] "r" (before),
		       [after] "r" (after)
		     : "x9", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6",
		       "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
		       "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
		       "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
	return x0;
}

TEST_F(cpu, vector_registers_are_nobody_elses)
{
	struct gz_vcpu *vcpus[2] = { self->vcpu, &self->t[1].vcpus[0] };
	uint64_t before[64], after[64], value;
	unsigned int i, j;

	for (i = 0; i < 2; i++)
		tvm_enter(&self->t[i], 0, guest_vectors, 0x1111111111111111 * (i + 1));
	for (i = 0; i < 200; i++) {
		for (j = 0; j < 64; j++)
			before[j] = 0x5555000000000000 + i * 64 + j;
		memset(after, 0, sizeof(after));
		ASSERT_EQ(0, run_with_vectors(vcpus[i & 1], before, after));
		EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
		ASSERT_EQ(GZVM_EXIT_MMIO, vcpus[i & 1]->run.exit_reason);
		memcpy(&value, vcpus[i & 1]->run.mmio.data, 8);
		ASSERT_EQ(0, value) TH_LOG("round %u", i);
	}
}

#define APIAKEYLO	"s3_0_c2_c1_0"
#define APGAKEYHI	"s3_0_c2_c3_1"

GUEST static void guest_keys(uint64_t seed)
{
	uint64_t bad = 0;

	sysreg_write(APIAKEYLO, seed);
	sysreg_write(APGAKEYHI, ~seed);
	for (;;) {
		guest_sync(bad);
		bad += sysreg_read(APIAKEYLO) != seed;
		bad += sysreg_read(APGAKEYHI) != ~seed;
	}
}

TEST_F(cpu, keys_are_nobody_elses)
{
	unsigned int i;

	if (!(getauxval(AT_HWCAP) & HWCAP_PACA))
		SKIP(return, "the CPU has no pointer authentication");
	for (i = 0; i < 2; i++)
		tvm_enter(&self->t[i], 0, guest_keys, 0x1234 + i);
	for (i = 0; i < 50; i++)
		EXPECT_EQ(0, vcpu_sync_value(&self->t[i & 1].vcpus[0]));
}

GUEST static void guest_features(uint64_t arg)
{
	guest_sync(sysreg_read("id_aa64pfr0_el1"));
	guest_sync(sysreg_read("id_aa64dfr0_el1"));
	guest_sync(sysreg_read("id_aa64pfr1_el1"));
}

#define FIELD(value, shift)	(((value) >> (shift)) & 0xf)

/*
 * A feature that gzhyp does not switch must be absent: otherwise a guest would
 * read the state of another.
 */
TEST_F(cpu, what_is_not_switched_is_hidden)
{
	uint64_t value;

	tvm_enter(&self->t[0], 0, guest_features, 0);
	value = vcpu_sync_value(self->vcpu);
	EXPECT_EQ(1, FIELD(value, 0)) TH_LOG("EL0 is not AArch64 only");
	EXPECT_EQ(1, FIELD(value, 4)) TH_LOG("EL1 is not AArch64 only");
	EXPECT_EQ(0, FIELD(value, 8)) TH_LOG("EL2");
	EXPECT_EQ(0, FIELD(value, 32)) TH_LOG("SVE");
	EXPECT_EQ(0, FIELD(value, 44)) TH_LOG("AMU");
	value = vcpu_sync_value(self->vcpu);
	EXPECT_EQ(0, FIELD(value, 4)) TH_LOG("trace");
	EXPECT_EQ(0, FIELD(value, 8)) TH_LOG("PMU");
	EXPECT_EQ(0, FIELD(value, 32)) TH_LOG("SPE");
	EXPECT_EQ(0, FIELD(value, 44)) TH_LOG("trace buffer");
	value = vcpu_sync_value(self->vcpu);
	EXPECT_EQ(0, FIELD(value, 8)) TH_LOG("MTE");
	EXPECT_EQ(0, FIELD(value, 24)) TH_LOG("SME");
}

/* Interrupts stay masked: a pending interrupt ends WFI nevertheless. */
GUEST static void guest_ptimer(uint64_t redist)
{
	uint64_t freq = sysreg_read("cntfrq_el0"), start, intid;

	gic_init(redist);
	gic_enable_private(redist, INTID_PTIMER);
	start = sysreg_read("cntpct_el0");
	sysreg_write("cntp_cval_el0", start + freq / 50);
	sysreg_write("cntp_ctl_el0", 1);
	asm volatile("wfi");
	intid = sysreg_read(ICC_IAR1);
	guest_sync(intid);
	guest_sync(sysreg_read("cntpct_el0") - start >= freq / 50);
	guest_sync(sysreg_read("cntp_ctl_el0"));
	sysreg_write("cntp_ctl_el0", 0);
	sysreg_write(ICC_EOIR1, intid);
	guest_sync(sysreg_read(ICC_IAR1));
}

TEST_F(cpu, physical_timer_works)
{
	tvm_enter(&self->t[0], 0, guest_ptimer, gic_redist(0, 2));
	EXPECT_EQ(INTID_PTIMER, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(1, vcpu_sync_value(self->vcpu));
	/* ENABLE, ISTATUS */
	EXPECT_EQ(5, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(INTID_NONE, vcpu_sync_value(self->vcpu));
}

GUEST static void guest_suspend(uint64_t redist)
{
	uint64_t freq = sysreg_read("cntfrq_el0"), start;

	gic_init(redist);
	gic_enable_private(redist, INTID_VTIMER);
	start = sysreg_read("cntvct_el0");
	sysreg_write("cntv_cval_el0", start + freq / 50);
	sysreg_write("cntv_ctl_el0", 1);
	guest_sync(hvc3(PSCI_CPU_SUSPEND, 0, 0, 0));
	guest_sync(sysreg_read("cntvct_el0") - start >= freq / 50);
}

TEST_F(cpu, suspend_waits_for_an_interrupt)
{
	tvm_enter(&self->t[0], 0, guest_suspend, gic_redist(0, 2));
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(1, vcpu_sync_value(self->vcpu));
}

#define WAKE_SPI	5

/* Out of the suspend: registers are reset, the interrupt controller is not. */
GUEST static void guest_woken(uint64_t context)
{
	guest_sync(context);
	guest_sync(sysreg_read("sctlr_el1") & 1);
	guest_sync(sysreg_read("cntv_ctl_el0"));
	sysreg_write(ICC_SRE, 7);
	sysreg_write(ICC_PMR, 0xff);
	sysreg_write(ICC_IGRPEN1, 1);
	guest_sync(sysreg_read(ICC_IAR1));
}

GUEST static void guest_system_suspend(uint64_t entry)
{
	uint64_t redist = entry >> 32;

	gic_init(redist);
	gic_enable_private(redist, INTID_VTIMER);
	gic_enable_spi(INTID_SPI(WAKE_SPI), 1, 0);
	/* An expired timer does not wake it, whose interrupt is pending. */
	sysreg_write("cntv_cval_el0", sysreg_read("cntvct_el0"));
	sysreg_write("cntv_ctl_el0", 1);
	while (!(read32(redist + GICR_SGI_BASE + GICD_ISPENDR(0)) &
		 1 << INTID_VTIMER))
		;
	guest_sync(hvc3(SYSTEM_SUSPEND, (uint32_t)entry, 0x1234, 0));
}

/* Both addresses have 32 bits. */
static uint64_t suspend_arg(void)
{
	return gic_redist(0, 2) << 32 | tvm_gpa_of(guest_woken);
}

static void *wake_later(void *arg)
{
	struct tvm *t = arg;

	usleep(300000);
	gz_vm_irq_line(&t->vm, WAKE_SPI, 1);
	return NULL;
}

TEST_F(cpu, system_suspend_ends_with_an_interrupt)
{
	struct tvm *t = &self->t[0];
	pthread_t waker;
	long start;

	tvm_enter(t, 0, guest_system_suspend, suspend_arg());
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_SUSPEND);
	start = now_ns();
	ASSERT_EQ(0, pthread_create(&waker, NULL, wake_later, t));
	EXPECT_EQ(0x1234, vcpu_sync_value(self->vcpu));
	EXPECT_LE(300000000, now_ns() - start);
	pthread_join(waker, NULL);
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(INTID_SPI(WAKE_SPI), vcpu_sync_value(self->vcpu));
}

/* An interrupt that is there already */
TEST_F(cpu, system_suspend_does_not_miss_an_interrupt)
{
	tvm_enter(&self->t[0], 0, guest_system_suspend, suspend_arg());
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_SUSPEND);
	EXPECT_EQ(0, gz_vm_irq_line(&self->t[0].vm, WAKE_SPI, 1));
	EXPECT_EQ(0x1234, vcpu_sync_value(self->vcpu));
}

GUEST static void guest_others_on(uint64_t entry)
{
	guest_sync(hvc3(CPU_ON_32, 1, entry, 0));
	guest_sync(hvc3(SYSTEM_SUSPEND, entry, 0, 0));
}

TEST_F(cpu, system_suspend_is_for_the_last_vcpu)
{
	tvm_enter(&self->t[0], 0, guest_others_on, RAM_BASE);
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(DENIED, vcpu_sync_value(self->vcpu));
}

GUEST static void guest_reset2(uint64_t type)
{
	guest_sync(hvc3(SYSTEM_RESET2, type, 0, 0));
}

TEST_F(cpu, system_reset2_resets)
{
	struct tvm *t = &self->t[0];

	tvm_enter(t, 0, guest_reset2, 1);
	EXPECT_EQ(INVALID_PARAMETERS, vcpu_sync_value(self->vcpu));
	tvm_enter(t, 0, guest_reset2, 0);
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_RESET);
	tvm_enter(t, 0, guest_reset2, 0x80000001);
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_RESET);
}

/* x3 has the low word of the result. */
static __always_inline uint64_t guest_trng(uint64_t bits, uint64_t *low)
{
	register uint64_t x0 asm("x0") = TRNG_RND64;
	register uint64_t x1 asm("x1") = bits;
	register uint64_t x3 asm("x3") = 0;

	asm volatile("hvc #0" : "+r" (x0), "+r" (x1), "+r" (x3)
		     : : "x2", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			 "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	*low = x3;
	return x0;
}

GUEST static void guest_random(uint64_t arg)
{
	uint64_t first, second;

	guest_sync(hvc3(TRNG_VERSION, 0, 0, 0));
	guest_sync(guest_trng(64, &first));
	guest_sync(guest_trng(64, &second));
	guest_sync(first != second);
	guest_sync(guest_trng(0, &first));
	guest_sync(guest_trng(193, &first));
}

/* If the CPU provides random numbers */
TEST_F(cpu, random_numbers)
{
	uint64_t version;

	tvm_enter(&self->t[0], 0, guest_random, 0);
	version = vcpu_sync_value(self->vcpu);
	if (version == NOT_SUPPORTED)
		SKIP(return, "no TRNG");
	EXPECT_EQ(0x10000, version);
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(1, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(TRNG_INVALID, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(TRNG_INVALID, vcpu_sync_value(self->vcpu));
}

/* Upper halves of the arguments of 32-bit calls are ignored. */
GUEST static void guest_narrow(uint64_t entry)
{
	const uint64_t high = 0xdead00000000;

	guest_sync(hvc3(AFFINITY_INFO_32, high | 1, high, 0));
	guest_sync(hvc3(CPU_ON_32, high | 1, high | entry, high | 7));
	guest_sync(hvc3(AFFINITY_INFO_32, 1, 0, 0));
	guest_sync(hvc3(PSCI_FEATURES, high | CPU_ON_32, 0, 0));
	guest_sync(hvc3(high | PSCI_VERSION, 0, 0, 0));
}

TEST_F(cpu, calls_of_32_bits_have_arguments_of_32_bits)
{
	tvm_enter(&self->t[0], 0, guest_narrow, RAM_BASE);
	EXPECT_EQ(1, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(2, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(0, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(0x10001, vcpu_sync_value(self->vcpu));
}

GUEST static void guest_asks_for_features(uint64_t fn)
{
	guest_sync(hvc3(PSCI_FEATURES, fn, 0, 0));
}

TEST_F(cpu, only_psci_is_a_feature_of_psci)
{
	static const struct {
		uint32_t fn;
		bool is;
	} ids[] = {
		{ 0x84000000, true },	/* PSCI_VERSION */
		{ 0xc4000003, true },	/* CPU_ON */
		{ 0x80000000, true },	/* SMCCC_VERSION */
		{ 0x80000001, false },	/* SMCCC_ARCH_FEATURES */
		{ 0x86000000, false },	/* features of the hypervisor */
		{ 0x84000050, false },	/* TRNG_VERSION */
		{ 0xc4000000, false },	/* PSCI_VERSION has 32 bits */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		tvm_enter(&self->t[0], 0, guest_asks_for_features, ids[i].fn);
		EXPECT_EQ(ids[i].is ? 0 : NOT_SUPPORTED, vcpu_sync_value(self->vcpu))
			TH_LOG("%#x", ids[i].fn);
	}
}

/* Cache maintenance of no memory, then an access without syndrome */
GUEST static void guest_pair(uint64_t addr)
{
	uint64_t a, b;

	asm volatile("dc civac, %0" : : "r" (addr) : "memory");
	guest_sync(1);
	asm volatile("ldp %0, %1, [%2]" : "=r" (a), "=r" (b) : "r" (addr) : "memory");
	guest_sync(a + b);
}

TEST_F(cpu, access_that_cannot_be_emulated_is_told)
{
	struct gzvm_vcpu_run *run = &self->vcpu->run;
	uint64_t pc = 0;
	unsigned int i;

	tvm_enter(&self->t[0], 0, guest_pair, PORT_TEST + 0x20);
	vcpu_run_to_sync(self->vcpu, 1);
	for (i = 0; i < 2; i++) {
		vcpu_run_to(self->vcpu, GZVM_EXIT_INTERNAL_ERROR);
		EXPECT_EQ(1, run->internal.suberror);
		ASSERT_EQ(4, run->internal.ndata);
		/* Data abort of a lower level, without syndrome; a read */
		EXPECT_EQ(0x24, run->internal.data[0] >> 26);
		EXPECT_EQ(0, run->internal.data[0] & (1 << 24 | 1 << 6));
		EXPECT_EQ(PORT_TEST + 0x20, run->internal.data[1]);
		EXPECT_EQ(PORT_TEST + 0x20, run->internal.data[2]);
		EXPECT_LE(tvm_gpa_of(guest_pair), run->internal.data[3]);
		EXPECT_TRUE(!i || pc == run->internal.data[3]);
		pc = run->internal.data[3];
	}
}

/* A big-endian store and load of a device, and of the distributor */
GUEST static void guest_big_endian(uint64_t arg)
{
	uint64_t sctlr = sysreg_read("sctlr_el1"), loaded, typer;

	guest_sync(read32(GICD_BASE + GICD_TYPER));
	sysreg_write("sctlr_el1", sctlr | 1 << 25);
	write32(PORT_TEST, 0x11223344);
	loaded = read32(PORT_TEST);
	typer = read32(GICD_BASE + GICD_TYPER);
	sysreg_write("sctlr_el1", sctlr);
	guest_sync(loaded);
	guest_sync(typer);
}

TEST_F(cpu, big_endian_guests_meet_devices_in_their_order)
{
	uint8_t bytes[4] = { 0x11, 0x22, 0x33, 0x44 };
	uint32_t typer;

	tvm_enter(&self->t[0], 0, guest_big_endian, 0);
	typer = vcpu_sync_value(self->vcpu);
	vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);
	EXPECT_EQ(0, memcmp(self->vcpu->run.mmio.data, bytes, 4));
	vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);
	memcpy(self->vcpu->run.mmio.data, bytes, 4);
	EXPECT_EQ(0x11223344, vcpu_sync_value(self->vcpu));
	EXPECT_EQ(__builtin_bswap32(typer), vcpu_sync_value(self->vcpu));
}

TEST_HARNESS_MAIN
