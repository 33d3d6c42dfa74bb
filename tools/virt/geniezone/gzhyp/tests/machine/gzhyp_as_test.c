// SPDX-License-Identifier: GPL-2.0
/*
 * gzhyp gives the answers that gzhyp.as asks for, and no others.
 *
 * Needs: answers, threads
 */

#include <pthread.h>

#include <linux/gzvm.h>

#include "guest_gic.h"
#include "gz_test.h"
#include "gzhyp_as.h"
#include "held.h"
#include "vcpu_thread.h"

#define INTID		INTID_SPI(HELD_SPI)
#define HIGH_MMIO	0x20000000ULL
#define ROM_BASE	0x60000000ULL
#define ROM_SIZE	0x200000ULL
#define ROM_SLOT	5

FIXTURE(as)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(as)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(as)
{
	tvm_destroy(&self->t);
}

#define NO_GUEST	"no guest runs, or none with this GIC"

TEST_F(as, held)
{
	if (gzhyp_as("mapstuck"))
		SKIP(return, NO_GUEST);
	EXPECT_EQ(gzhyp_as("held"), lines_are_held());
}

/* The guest has acknowledged an interrupt, which is active now. */
#define raise_and_ack()							\
do {									\
	tvm_enter(&self->t, 0, held_acks, 0);				\
	vcpu_run_to_sync(self->vcpu, 0);				\
	vcpu_run_to_sync(self->vcpu, INTID_NONE);			\
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, HELD_SPI, 1));		\
	vcpu_run_to_sync(self->vcpu, INTID);				\
} while (0)

TEST_F(as, nolevel)
{
	bool again = falling_line_interrupts_again();

	if (gzhyp_as("mapstuck") || gzhyp_as("gicsgi"))
		SKIP(return, NO_GUEST);
	raise_and_ack();
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, HELD_SPI, 0));
	vcpu_run_to_sync(self->vcpu, again ? INTID : INTID_NONE);
}

TEST_F(as, dropactive)
{
	bool lost = active_spi_is_lost();

	if (gzhyp_as("mapstuck") || gzhyp_as("gicsgi"))
		SKIP(return, NO_GUEST);
	raise_and_ack();
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, HELD_SPI, 1));
	vcpu_run_to_sync(self->vcpu, lost ? INTID_NONE : INTID);
}

TEST_F(as, limits)
{
	uint64_t vcpus = 0, slots = 0;

	EXPECT_EQ(0, gz_check_cap(self->t.vm.fd, GZVM_CAP_MAX_VCPUS, &vcpus));
	EXPECT_EQ(0, gz_check_cap(self->t.vm.fd, GZVM_CAP_MAX_SLOTS, &slots));
	EXPECT_EQ(8, vcpus);
	EXPECT_EQ(gzhyp_as("few") ? 10 : 512, slots);
}

TEST_F(as, nogetreg)
{
	uint64_t pc;

	EXPECT_EQ(gzhyp_as("nogetreg") ? -EOPNOTSUPP : 0,
		  gz_vcpu_get_reg(self->vcpu, GZ_REG_PC, &pc));
}

TEST_F(as, gicfixed)
{
	struct gz_vm vm;

	ASSERT_EQ(0, gz_vm_create(&vm));
	EXPECT_EQ(gzhyp_as("gicfixed") ? -EINVAL : 0,
		  gz_vm_create_device(&vm, GZVM_DEV_TYPE_ARM_VGIC_V3_DIST,
				      0x08000000, GZ_GICD_SIZE));
	EXPECT_EQ(gzhyp_as("gicfixed") ? 0 : -EINVAL,
		  gz_vm_create_device(&vm, GZVM_DEV_TYPE_ARM_VGIC_V3_DIST,
				      GICD_BASE, GZ_GICD_SIZE));
	gz_vm_destroy(&vm);
}

GUEST static void guest_writes(uint64_t addr)
{
	write32(addr, 0);
	guest_sync(1);
}

#define run_and_expect(reason)						\
do {									\
	ASSERT_EQ(0, __vcpu_run(self->vcpu));				\
	EXPECT_EQ((uint32_t)(reason), self->vcpu->run.exit_reason)	\
		TH_LOG("exit is %s", exit_name(self->vcpu));		\
} while (0)

TEST_F(as, mmiolow)
{
	if (gzhyp_as("mapstuck"))
		SKIP(return, NO_GUEST);
	tvm_enter(&self->t, 0, guest_writes, HIGH_MMIO);
	run_and_expect(gzhyp_as("mmiolow") ? GZVM_EXIT_INTERNAL_ERROR :
					     GZVM_EXIT_MMIO);
}

TEST_F(as, romflag)
{
	struct gz_memory rom;

	if (gzhyp_as("mapstuck"))
		SKIP(return, NO_GUEST);
	ASSERT_EQ(0, gz_memory_alloc(&rom, ROM_BASE, ROM_SIZE));
	ASSERT_EQ(0, gz_vm_set_region(&self->t.vm, ROM_SLOT, 0, ROM_BASE,
				      ROM_SIZE, rom.hva));
	tvm_enter(&self->t, 0, guest_writes, ROM_BASE);
	run_and_expect(gzhyp_as("romflag") && has_demand_paging(&self->t) ?
		       GZVM_EXIT_INTERNAL_ERROR : GZVM_EXIT_MMIO);
	if (!gzhyp_as("romflag"))
		EXPECT_EQ(PORT_SYNC, self->vcpu->run.mmio.phys_addr);
}

TEST_F(as, gicsgi)
{
	uint64_t addr = gic_redist(0, 1) + GICR_SGI_BASE + GICD_ISENABLER(0);

	if (gzhyp_as("mapstuck"))
		SKIP(return, NO_GUEST);
	tvm_enter(&self->t, 0, guest_writes, addr);
	if (gzhyp_as("gicsgi") && gzhyp_as("mmiolow")) {
		run_and_expect(GZVM_EXIT_INTERNAL_ERROR);
		return;
	}
	run_and_expect(GZVM_EXIT_MMIO);
	EXPECT_EQ(gzhyp_as("gicsgi") ? addr : PORT_SYNC,
		  self->vcpu->run.mmio.phys_addr);
}

/* A guest that waits for its first page for ever can be stopped. */
TEST_F(as, mapstuck)
{
	if (!gzhyp_as("mapstuck"))
		SKIP(return, "gzhyp maps pages");
	ASSERT_EQ(0, gz_kick_init());
	tvm_enter(&self->t, 0, guest_writes, PORT_SYNC);
	vcpu_thread_start(self->vcpu);
	usleep(300000);
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
}

TEST_HARNESS_MAIN
