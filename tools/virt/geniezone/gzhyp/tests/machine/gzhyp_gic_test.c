// SPDX-License-Identifier: GPL-2.0
/*
 * Corners of the interrupt controller: groups and priorities, deactivation by another
 * vCPU, more active interrupts than list registers, 1-of-N routing to a vCPU that is
 * on.
 *
 * Needs: threads
 */

#include <pthread.h>

#include "eventfd.h"
#include "gz_test.h"
#include "guest_gic.h"
#include "vcpu_thread.h"

#define SPI		8
#define INTID		INTID_SPI(SPI)
#define NR_SPIS		12	/* more than list registers */

#define ICC_CTLR	"s3_0_c12_c12_4"
#define ICC_DIR		"s3_0_c12_c11_1"
#define CTLR_EOIMODE	2
#define CTLR_CBPR	1
#define ICC_IAR0	"s3_0_c12_c8_0"
#define ICC_EOIR0	"s3_0_c12_c8_1"
#define ICC_HPPIR0	"s3_0_c12_c8_2"
#define ICC_BPR0	"s3_0_c12_c8_3"
#define ICC_RPR		"s3_0_c12_c11_3"
#define ICC_HPPIR1	"s3_0_c12_c12_2"
#define ICC_BPR1	"s3_0_c12_c12_3"
#define ICC_IGRPEN0	"s3_0_c12_c12_6"
#define GICD_ISACTIVER(n)	(0x0300 + (n) / 32 * 4)
#define IROUTER_ANY	0x80000000ULL

/* Words in SHARED_BASE by which the vCPUs and the test speak to each other */
#define READY		SHARED_BASE
#define DEACTIVATE	(SHARED_BASE + 8)
#define DEACTIVATED	(SHARED_BASE + 16)
#define ENTRY		(SHARED_BASE + 24)

FIXTURE(gic)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(gic)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	gz_kick_init();
	tvm_create(&self->t, 2);
	self->vcpu = &self->t.vcpus[0];
	*(uint64_t *)tvm_at(&self->t, ENTRY) = tvm_gpa_of(guest_entry);
}

FIXTURE_TEARDOWN(gic)
{
	tvm_destroy(&self->t);
}

/* Returns INTID_NONE after a second without an interrupt. */
static __always_inline uint64_t ack_soon(void)
{
	uint64_t end = timer_now() + sysreg_read("cntfrq_el0"), intid;

	do {
		intid = gic_ack();
	} while (intid == INTID_NONE && timer_now() < end);
	return intid;
}

GUEST static void guest_deactivates(uint64_t redist)
{
	gic_init_cpu(redist);
	sysreg_write(ICC_CTLR, CTLR_EOIMODE);
	write64(READY, 1);
	while (!read64(DEACTIVATE))
		;
	sysreg_write(ICC_DIR, INTID);
	write64(DEACTIVATED, 1);
	for (;;)
		asm volatile("wfi");
}

GUEST static void guest_acknowledges(uint64_t edge)
{
	gic_init(gic_redist(0, 2));
	sysreg_write(ICC_CTLR, CTLR_EOIMODE);
	gic_enable_spi(INTID, edge, 0);
	guest_sync(hvc3(PSCI_CPU_ON, 1, read64(ENTRY), BOOT_BASE + 24));
	while (!read64(READY))
		;
	guest_sync(1);
	gic_eoi(ack_soon());
	guest_sync(2);
	write64(DEACTIVATE, 1);
	while (!read64(DEACTIVATED))
		;
	guest_sync(read32(GICD_BASE + GICD_ISACTIVER(INTID)) >> INTID % 32 & 1);
	guest_sync(ack_soon());
}

static void deactivate_elsewhere(struct __test_metadata *_metadata,
				 struct _test_data_gic *self, bool edge)
{
	tvm_write_boot(&self->t, 1, guest_deactivates, gic_redist(1, 2));
	tvm_enter(&self->t, 0, guest_acknowledges, edge);
	vcpu_run_to_sync(self->vcpu, 0);
	vcpu_thread_start(&self->t.vcpus[1]);
	vcpu_run_to_sync(self->vcpu, 1);
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
	vcpu_run_to_sync(self->vcpu, 2);
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 0));
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
	vcpu_run_to_sync(self->vcpu, INTID);
	EXPECT_EQ(0, vcpu_thread_stop(&self->t.vcpus[1]));
}

TEST_F(gic, level_may_be_deactivated_by_another_vcpu)
{
	deactivate_elsewhere(_metadata, self, false);
}

TEST_F(gic, edge_may_be_deactivated_by_another_vcpu)
{
	deactivate_elsewhere(_metadata, self, true);
}

/*
 * Takes all interrupts and then ends all of them; reports how many it took, and how
 * many came that nobody had raised.
 */
GUEST static void guest_takes_many(uint64_t eoimode)
{
	uint64_t intid[NR_SPIS], n, i, extra;

	gic_init(gic_redist(0, 2));
	sysreg_write(ICC_CTLR, eoimode);
	for (i = 0; i < NR_SPIS; i++) {
		gic_enable_spi(INTID + i, 0, 0);
		/* Without EOImode 1, each must interrupt the one before. */
		if (!eoimode)
			write8(GICD_BASE + GICD_IPRIORITYR(INTID + i), 0xc0 - 8 * i);
	}
	for (;;) {
		guest_sync(1000);
		for (n = 0; n < NR_SPIS; n++) {
			if (!eoimode)
				guest_sync(1001 + n);
			intid[n] = ack_soon();
			if (intid[n] == INTID_NONE)
				break;
			if (eoimode)
				gic_eoi(intid[n]);
		}
		guest_sync(n);
		for (i = 0; i < n; i++) {
			if (eoimode)
				sysreg_write(ICC_DIR, intid[i]);
			else
				gic_eoi(intid[n - 1 - i]);
		}
		extra = 0;
		for (i = 0; i < 1000; i++) {
			n = gic_ack();
			if (n == INTID_NONE)
				continue;
			extra++;
			gic_eoi(n);
			if (eoimode)
				sysreg_write(ICC_DIR, n);
		}
		guest_sync(extra);
	}
}

static void take_many(struct __test_metadata *_metadata, struct _test_data_gic *self,
		      bool eoimode)
{
	int fd[NR_SPIS], resamplefd[NR_SPIS];
	unsigned int i, round, ended, extra;
	eventfd_t one = 1;

	for (i = 0; i < NR_SPIS; i++) {
		fd[i] = event_new();
		resamplefd[i] = event_new();
		ASSERT_EQ(0, irqfd(&self->t, fd[i], SPI + i, GZVM_IRQFD_FLAG_RESAMPLE,
				   resamplefd[i]));
	}
	tvm_enter(&self->t, 0, guest_takes_many, eoimode ? CTLR_EOIMODE : 0);
	for (round = 0; round < 3; round++) {
		vcpu_run_to_sync(self->vcpu, 1000);
		for (i = 0; i < NR_SPIS; i++) {
			if (!eoimode)
				vcpu_run_to_sync(self->vcpu, 1001 + i);
			ASSERT_EQ(0, eventfd_write(fd[i], one));
		}
		EXPECT_EQ(NR_SPIS, vcpu_sync_value(self->vcpu));
		/*
		 * If the hypervisor holds a line until it is lowered, the driver finds
		 * that out at the end: each interrupt comes once more.
		 */
		extra = vcpu_sync_value(self->vcpu);
		EXPECT_TRUE(!extra || extra == NR_SPIS)
			TH_LOG("%u more", extra);
		for (i = 0, ended = 0; i < NR_SPIS; i++)
			ended += event_count(resamplefd[i]);
		EXPECT_EQ(NR_SPIS + extra, ended);
	}
	for (i = 0; i < NR_SPIS; i++) {
		close(fd[i]);
		close(resamplefd[i]);
	}
}

TEST_F(gic, more_levels_are_active_than_list_registers)
{
	take_many(_metadata, self, false);
}

TEST_F(gic, more_levels_wait_for_deactivation_than_list_registers)
{
	take_many(_metadata, self, true);
}

GUEST static void guest_takes_any(uint64_t redist)
{
	uint64_t intid;

	gic_init_cpu(redist);
	intid = ack_soon();
	gic_eoi(intid);
	write64(READY, intid);
	for (;;)
		asm volatile("wfi");
}

/* vCPU 0 turns itself off when vCPU 1 is on. */
GUEST static void guest_goes_off(uint64_t arg)
{
	gic_init(gic_redist(0, 2));
	gic_enable_spi(INTID, 1, IROUTER_ANY);
	guest_sync(hvc3(PSCI_CPU_ON, 1, read64(ENTRY), BOOT_BASE + 24));
	guest_sync(1);
	hvc3(0x84000002, 0, 0, 0);	/* CPU_OFF */
	guest_sync(2);
}

TEST_F(gic, one_of_n_is_a_vcpu_that_is_on)
{
	volatile uint64_t *ready = tvm_at(&self->t, READY);
	int i;

	tvm_write_boot(&self->t, 1, guest_takes_any, gic_redist(1, 2));
	tvm_enter(&self->t, 0, guest_goes_off, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	vcpu_run_to_sync(self->vcpu, 1);
	vcpu_thread_start(self->vcpu);
	/* It turns itself off, whenever that is: the SPI has to follow. */
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
	vcpu_thread_start(&self->t.vcpus[1]);
	for (i = 0; i < 300 && !*ready; i++)
		usleep(10000);
	EXPECT_EQ(INTID, *ready);
	EXPECT_EQ(0, vcpu_thread_stop(&self->t.vcpus[1]));
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
}

/* An edge, pending */
static __always_inline void pend(uint32_t intid, uint32_t group, uint32_t priority)
{
	uint32_t groups = read32(GICD_BASE + GICD_IGROUPR(intid));
	uint32_t bit = 1U << intid % 32;

	gic_enable_spi(intid, 1, 0);
	write32(GICD_BASE + GICD_IGROUPR(intid), group ? groups | bit : groups & ~bit);
	write8(GICD_BASE + GICD_IPRIORITYR(intid), priority);
	write32(GICD_BASE + GICD_ISPENDR(intid), bit);
}

static __always_inline uint64_t is_active(uint32_t intid)
{
	return read32(GICD_BASE + GICD_ISACTIVER(intid)) >> intid % 32 & 1;
}

/* A step of a guest: what it found, and what it must be */
#define STEP(value, expected)	guest_sync((uint64_t)(value) << 16 | (expected))

#define A	INTID
#define B	(INTID + 1)
#define C	(INTID + 2)
#define D	(INTID + 3)

/* IHI 0069, 4.8: priority mask, preemption, running priority, binary point */
GUEST static void guest_priorities(uint64_t arg)
{
	gic_init(gic_redist(0, 2));
	sysreg_write(ICC_PMR, 0x80);
	pend(A, 1, 0xa0);
	STEP(sysreg_read(ICC_IAR1), INTID_NONE);
	STEP(sysreg_read(ICC_HPPIR1), A);
	STEP(sysreg_read(ICC_RPR), 0xff);
	sysreg_write(ICC_PMR, 0xf8);
	STEP(gic_ack(), A);
	STEP(sysreg_read(ICC_RPR), 0xa0);
	pend(B, 1, 0xa0);		/* does not preempt */
	STEP(gic_ack(), INTID_NONE);
	pend(C, 1, 0x40);
	STEP(gic_ack(), C);
	STEP(sysreg_read(ICC_RPR), 0x40);
	gic_eoi(C);
	STEP(sysreg_read(ICC_RPR), 0xa0);
	STEP(gic_ack(), INTID_NONE);
	gic_eoi(A);
	STEP(sysreg_read(ICC_RPR), 0xff);
	STEP(gic_ack(), B);
	gic_eoi(B);
	/* Only bit 7 is of the group priority. */
	sysreg_write(ICC_BPR1, 7);
	pend(A, 1, 0xa0);
	STEP(gic_ack(), A);
	STEP(sysreg_read(ICC_RPR), 0x80);
	pend(B, 1, 0x88);
	STEP(gic_ack(), INTID_NONE);
	pend(C, 1, 0x78);
	STEP(gic_ack(), C);
	gic_eoi(C);
	gic_eoi(A);
	STEP(gic_ack(), B);
	gic_eoi(B);
	/* The same by the binary point of group 0 */
	sysreg_write(ICC_BPR1, 3);
	sysreg_write(ICC_BPR0, 6);
	sysreg_write(ICC_CTLR, CTLR_CBPR);
	pend(A, 1, 0xa0);
	STEP(gic_ack(), A);
	pend(B, 1, 0x88);
	STEP(gic_ack(), INTID_NONE);
	sysreg_write(ICC_CTLR, 0);
	gic_eoi(A);
	STEP(sysreg_read(ICC_RPR), 0xff);
	STEP(gic_ack(), B);
	gic_eoi(B);
	STEP(1, 2);
}

/* IHI 0069, 4.8.6 and 12.9: groups */
GUEST static void guest_groups(uint64_t arg)
{
	uint32_t i, n = 0;

	gic_init(gic_redist(0, 2));
	write32(GICD_BASE + GICD_CTLR, 3);
	STEP(read32(GICD_BASE + GICD_CTLR), 0x53);	/* DS, ARE */
	sysreg_write(ICC_IGRPEN0, 1);
	pend(A, 0, 0x20);
	STEP(sysreg_read(ICC_HPPIR0), A);
	STEP(sysreg_read(ICC_IAR1), INTID_NONE);
	STEP(sysreg_read(ICC_IAR0), A);
	STEP(sysreg_read(ICC_RPR), 0x20);
	STEP(is_active(A), 1);
	sysreg_write(ICC_EOIR0, A);
	STEP(is_active(A), 0);
	/* More than list registers, of a group that the CPU interface has disabled */
	sysreg_write(ICC_IGRPEN0, 0);
	for (i = 0; i < NR_SPIS; i++)
		pend(INTID + i, 0, 0x10);
	pend(INTID + NR_SPIS, 1, 0x80);
	STEP(sysreg_read(ICC_IAR0), INTID_NONE);
	STEP(gic_ack(), INTID + NR_SPIS);
	gic_eoi(INTID + NR_SPIS);
	sysreg_write(ICC_IGRPEN0, 1);
	for (i = 0; i < NR_SPIS; i++) {
		n += sysreg_read(ICC_IAR0) == INTID + i;
		sysreg_write(ICC_EOIR0, INTID + i);
	}
	STEP(n, NR_SPIS);
	/* The other group, which the guest disables when the registers are full */
	for (i = 0; i < NR_SPIS; i++)
		pend(INTID + i, 1, 0x10);
	pend(INTID + NR_SPIS, 0, 0x80);
	sysreg_write(ICC_IGRPEN1, 0);
	/* A maintenance interrupt comes soon, the host's timer later. */
	i = INTID_NONE;
	for (n = 0; n < 100 && i == INTID_NONE; n++)
		i = sysreg_read(ICC_IAR0);
	STEP(i, INTID + NR_SPIS);
	sysreg_write(ICC_EOIR0, INTID + NR_SPIS);
	STEP(1, 2);
}

/* IHI 0069, 4.6 and 12.9: EOI modes, registers with fixed bits */
GUEST static void guest_modes(uint64_t arg)
{
	gic_init(gic_redist(0, 2));
	pend(A, 1, 0xa0);
	STEP(gic_ack(), A);
	sysreg_write(ICC_DIR, A);	/* ignored in EOImode 0 */
	STEP(is_active(A), 1);
	gic_eoi(A);
	STEP(is_active(A), 0);
	sysreg_write(ICC_CTLR, CTLR_EOIMODE);
	pend(A, 1, 0xa0);
	STEP(gic_ack(), A);
	gic_eoi(A);
	STEP(sysreg_read(ICC_RPR), 0xff);
	STEP(is_active(A), 1);
	sysreg_write(ICC_DIR, A);
	STEP(is_active(A), 0);
	gic_eoi(1020);
	gic_eoi(1021);
	gic_eoi(INTID_NONE);
	write8(GICD_BASE + GICD_IPRIORITYR(A), 0xff);
	STEP(read32(GICD_BASE + GICD_IPRIORITYR(A)) & 0xff, 0xf8);
	write8(GICD_BASE + GICD_IPRIORITYR(1020), 0xff);
	STEP(read32(GICD_BASE + GICD_IPRIORITYR(1020)) & 0xff, 0);
	write32(GICD_BASE + 0x800 + A, ~0U);	/* GICD_ITARGETSR */
	STEP(read32(GICD_BASE + 0x800 + A), 0);
	STEP(read32(gic_redist(0, 2) + GICR_SGI_BASE + GICD_ICFGR(0)) & 0xffff, 0xaaaa);
	write32(GICD_BASE + GICD_ISACTIVER(A), 1U << A % 32);
	STEP(is_active(A), 1);
	write32(GICD_BASE + GICD_ICACTIVER(A), 1U << A % 32);
	STEP(is_active(A), 0);
	STEP(1, 2);
}

/* Each report has a value and, in its low half, what it must be; 1 and 2 end it. */
static void check_steps(struct __test_metadata *_metadata, struct _test_data_gic *self,
			guest_fn fn)
{
	uint64_t report;
	unsigned int i;

	tvm_enter(&self->t, 0, fn, 0);
	for (i = 0; i < 100; i++) {
		report = vcpu_sync_value(self->vcpu);
		if (report == (1 << 16 | 2))
			return;
		EXPECT_EQ(report & 0xffff, report >> 16) TH_LOG("step %u", i);
	}
	EXPECT_GT(100, i);
}

TEST_F(gic, priorities)
{
	check_steps(_metadata, self, guest_priorities);
}

TEST_F(gic, groups)
{
	check_steps(_metadata, self, guest_groups);
}

TEST_F(gic, modes_and_fixed_bits)
{
	check_steps(_metadata, self, guest_modes);
}

TEST_HARNESS_MAIN
