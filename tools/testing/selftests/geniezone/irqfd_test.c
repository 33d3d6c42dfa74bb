// SPDX-License-Identifier: GPL-2.0
/*
 * GZVM_IRQFD: a signal on an eventfd becomes an interrupt of the guest.
 *
 * Needs: answers, controls, threads
 */

#include <pthread.h>

#include <linux/gzvm.h>

#include "controls.h"
#include "eventfd.h"
#include "guest_gic.h"
#include "gz_test.h"
#include "gzhyp_as.h"
#include "held.h"

#define SPI		5
#define OTHER_SPI	6
#define LAST_SPI	987
#define INTID		INTID_SPI(SPI)
#define DEASSIGN	GZVM_IRQFD_FLAG_DEASSIGN
#define RESAMPLE	GZVM_IRQFD_FLAG_RESAMPLE

FIXTURE(irqfd)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	int fd;
	int resamplefd;
};

FIXTURE_SETUP(irqfd)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	self->fd = event_new();
	self->resamplefd = event_new();
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(irqfd)
{
	tvm_destroy(&self->t);
	close(self->fd);
	close(self->resamplefd);
}

#define assign(fd, spi)		irqfd(&self->t, fd, spi, 0, -1)
#define deassign(fd, spi)	irqfd(&self->t, fd, spi, DEASSIGN, -1)
#define assign_level(fd, spi, resamplefd)	\
	irqfd(&self->t, fd, spi, RESAMPLE, resamplefd)

GUEST static void guest_acks(uint64_t edge)
{
	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, edge, 0);
	gic_enable_spi(INTID_SPI(OTHER_SPI), edge, 0);
	guest_sync(0);
	gic_report();
}

#define EDGE	1
#define LEVEL	0

#define start_guest(edge)						\
do {									\
	tvm_enter(&self->t, 0, guest_acks, edge);			\
	vcpu_run_to_sync(self->vcpu, 0);				\
	vcpu_run_to_sync(self->vcpu, INTID_NONE);			\
} while (0)

#define expect_interrupt(intid)	vcpu_run_to_sync(self->vcpu, intid)
#define expect_quiet()		vcpu_run_to_sync(self->vcpu, INTID_NONE)

/*
 * After the EOI of a level-triggered interrupt. The driver finds out at the next
 * EOI that the hypervisor holds the line: one interrupt too many.
 */
#define expect_ended()							\
do {									\
	uint64_t __intid;						\
									\
	ASSERT_EQ(0, __vcpu_run_to_sync(self->vcpu, &__intid));		\
	if (__intid == INTID && lines_are_held())			\
		ASSERT_EQ(0, __vcpu_run_to_sync(self->vcpu, &__intid));	\
	ASSERT_EQ(INTID_NONE, __intid);					\
} while (0)

#define expect_one_more_at_most()					\
do {									\
	uint64_t __intid;						\
									\
	ASSERT_EQ(0, __vcpu_run_to_sync(self->vcpu, &__intid));		\
	if (__intid == INTID)						\
		ASSERT_EQ(0, __vcpu_run_to_sync(self->vcpu, &__intid));	\
	ASSERT_EQ(INTID_NONE, __intid);					\
} while (0)

/*
 * One EOI, or two where lines are held. An EOI of before the signal that still shows
 * may count as its EOI, see irqfd.c.
 */
#define expect_told(fd)							\
do {									\
	uint64_t __told = event_count(fd);				\
									\
	if (__told != 2 || !(lines_are_held() || gzhyp_as("lrstay")))	\
		EXPECT_EQ(1, __told);					\
} while (0)

TEST_F(irqfd, each_signal_is_one_interrupt)
{
	unsigned int i;

	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	expect_quiet();
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1 + i % 3));
		EXPECT_EQ(0, event_count(self->fd));
		expect_interrupt(INTID);
		expect_quiet();
	}
}

/* An edge while one is pending is the same interrupt. */
TEST_F(irqfd, signals_merge_until_acknowledged)
{
	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	/* The interrupt is active: this edge counts again */
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
}

TEST_F(irqfd, signal_before_assign_is_not_lost)
{
	start_guest(EDGE);
	ASSERT_EQ(0, eventfd_write(self->fd, 3));
	expect_quiet();
	ASSERT_EQ(0, assign(self->fd, SPI));
	EXPECT_EQ(0, event_count(self->fd));
	expect_interrupt(INTID);
	expect_quiet();
}

TEST_F(irqfd, goes_to_its_spi)
{
	int other = event_new();

	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, assign(other, OTHER_SPI));
	ASSERT_EQ(0, eventfd_write(other, 1));
	expect_interrupt(INTID_SPI(OTHER_SPI));
	expect_quiet();
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
	close(other);
}

/* A doorbell and an interrupt on one eventfd: the guest's write is no exit. */
TEST_F(irqfd, guest_rings_for_itself)
{
	unsigned int i;

	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, ioeventfd(&self->t, self->fd, PORT_SYNC, 8,
			       GZVM_IOEVENTFD_FLAG_DATAMATCH, INTID_NONE));
	for (i = 0; i < 20; i++)
		expect_interrupt(INTID);
	EXPECT_EQ(0, event_count(self->fd));
}

TEST_F(irqfd, eventfd_has_one_irqfd)
{
	struct tvm other;

	ASSERT_EQ(0, assign(self->fd, SPI));
	EXPECT_EQ(-EBUSY, assign(self->fd, SPI));
	EXPECT_EQ(-EBUSY, assign(self->fd, OTHER_SPI));
	EXPECT_EQ(-EBUSY, assign_level(self->fd, SPI, self->resamplefd));
	tvm_create(&other, 1);
	EXPECT_EQ(0, irqfd(&other, self->fd, SPI, 0, -1));
	tvm_destroy(&other);

	start_guest(EDGE);
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
	EXPECT_EQ(0, deassign(self->fd, SPI));
	EXPECT_EQ(0, assign(self->fd, OTHER_SPI));
}

TEST_F(irqfd, spi_has_several_irqfds)
{
	int other = event_new();

	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, assign(other, SPI));
	ASSERT_EQ(0, eventfd_write(other, 1));
	expect_interrupt(INTID);
	ASSERT_EQ(0, deassign(other, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
	close(other);
}

TEST_F(irqfd, deassigned_is_quiet)
{
	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 2));
	expect_quiet();
	/* The counter belongs to the user again */
	EXPECT_EQ(2, event_count(self->fd));
	EXPECT_EQ(0, deassign(self->fd, SPI));
	EXPECT_EQ(0, assign(self->fd, SPI));
	expect_quiet();
}

TEST_F(irqfd, deassign_wants_fd_and_spi)
{
	int other = event_new();

	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	EXPECT_EQ(0, deassign(self->fd, OTHER_SPI));
	EXPECT_EQ(0, deassign(other, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	/* No resamplefd is needed, and none is used */
	EXPECT_EQ(0, irqfd(&self->t, self->fd, SPI, DEASSIGN | RESAMPLE, -1));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_quiet();
	close(other);
}

TEST_F(irqfd, numbers_are_limited)
{
	static const uint32_t bad[] = {
		LAST_SPI + 1, 1019, 1020, 0xffff, 0x10000 | SPI,
		1 << 24 | SPI, 0x80000000, ~0U,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, assign(self->fd, bad[i]));
		EXPECT_EQ(-EINVAL, deassign(self->fd, bad[i]));
	}
	EXPECT_EQ(0, assign(self->fd, LAST_SPI));
	EXPECT_EQ(0, eventfd_write(self->fd, 1));
	EXPECT_EQ(0, event_count(self->fd));
}

TEST_F(irqfd, flags_must_be_defined)
{
	unsigned int bit;

	for (bit = 2; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, irqfd(&self->t, self->fd, SPI, 1U << bit, -1))
			TH_LOG("bit %u", bit);
	EXPECT_EQ(0, assign(self->fd, SPI));
}

TEST_F(irqfd, pad_must_be_zero)
{
	struct gzvm_irqfd args = { .fd = self->fd, .gsi = SPI };
	unsigned int i;

	for (i = 0; i < sizeof(args.pad); i++) {
		args.pad[i] = 1;
		EXPECT_EQ(-EINVAL, gz_ioctl(self->t.vm.fd, GZVM_IRQFD,
					    (unsigned long)&args))
			TH_LOG("byte %u", i);
		args.pad[i] = 0;
	}
	EXPECT_EQ(0, gz_ioctl(self->t.vm.fd, GZVM_IRQFD, (unsigned long)&args));
}

TEST_F(irqfd, fds_must_be_eventfds)
{
	int closed = event_new();

	close(closed);
	EXPECT_EQ(-EBADF, assign(-1, SPI));
	EXPECT_EQ(-EBADF, assign(closed, SPI));
	EXPECT_EQ(-EBADF, deassign(closed, SPI));
	EXPECT_EQ(-EINVAL, assign(self->t.vm.fd, SPI));
	EXPECT_EQ(-EINVAL, deassign(self->t.vm.fd, SPI));
	EXPECT_EQ(-EBADF, assign_level(self->fd, SPI, -1));
	EXPECT_EQ(-EBADF, assign_level(self->fd, SPI, closed));
	EXPECT_EQ(-EINVAL, assign_level(self->fd, SPI, self->t.vm.fd));
	/* None of these calls has removed it */
	EXPECT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
}

/* irqfds whose eventfd has gone end later: this waits for all. */
#define wait_for_shutdown()	ASSERT_EQ(0, deassign(self->resamplefd, 0))

TEST_F(irqfd, ends_with_its_eventfd)
{
	unsigned int i;
	int fd;

	start_guest(EDGE);
	for (i = 0; i < 20; i++) {
		fd = event_new();
		ASSERT_EQ(0, assign(fd, SPI));
		ASSERT_EQ(0, eventfd_write(fd, 1));
		expect_interrupt(INTID);
		close(fd);
		expect_quiet();
	}
	wait_for_shutdown();
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
}

TEST_F(irqfd, a_copy_of_the_fd_keeps_it)
{
	int fd = event_new(), copy = dup(fd);

	start_guest(EDGE);
	ASSERT_EQ(0, assign(fd, SPI));
	close(fd);
	ASSERT_EQ(0, eventfd_write(copy, 1));
	expect_interrupt(INTID);
	EXPECT_EQ(-EBUSY, assign(copy, SPI));
	EXPECT_EQ(0, deassign(copy, SPI));
	close(copy);
}

/* irqfds end with the VM's file, even if a vCPU's file keeps the VM. */
TEST_F(irqfd, eventfd_survives_the_vm)
{
	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	gz_vm_destroy(&self->t.vm);
	ASSERT_EQ(0, eventfd_write(self->fd, 3));
	EXPECT_EQ(3, event_count(self->fd));
	expect_quiet();
	tvm_destroy(&self->t);
	ASSERT_EQ(0, eventfd_write(self->fd, 4));
	EXPECT_EQ(4, event_count(self->fd));
}

/* Without RESAMPLE, nothing is signalled at the guest's EOI. */
TEST_F(irqfd, level_without_resample_comes_once)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign(self->fd, SPI));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		EXPECT_EQ(0, event_count(self->fd));
		expect_interrupt(INTID);
		expect_ended();
		expect_quiet();
	}
}

/* As INTx of a device does whose VMM has no resamplefd for it */
TEST_F(irqfd, signal_while_active_comes_again)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign(self->fd, SPI));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		expect_interrupt(INTID);
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		expect_interrupt(INTID);
		expect_ended();
		expect_quiet();
	}
}

/* An EL2 that takes level 0 as "no longer pending" would lose edges. */
TEST_F(irqfd, edge_is_one_hypercall)
{
	struct ctl_count count[HC_KINDS] = {};
	unsigned int i;

	if (no_controls())
		SKIP(return, NO_CONTROLS);
	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, ctl_reset());
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		expect_interrupt(INTID);
		expect_quiet();
	}
	ASSERT_EQ(0, ctl_counts(count));
	EXPECT_EQ(20, count[HC_IRQ_LINE].calls);
}

/* Only the VMM lowers a line that it drives by GZVM_IRQ_LINE. */
TEST_F(irqfd, line_of_others_stays_up)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, OTHER_SPI, 1));
	expect_interrupt(INTID_SPI(OTHER_SPI));
	for (i = 0; i < 5; i++)
		expect_interrupt(lines_are_held() ? INTID_SPI(OTHER_SPI) :
						    INTID_NONE);
	EXPECT_EQ(0, event_count(self->resamplefd));
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, OTHER_SPI, 0));
	if (falling_line_interrupts())
		expect_interrupt(INTID_SPI(OTHER_SPI));
	expect_quiet();
}

/*
 * A level-triggered line: the guest's EOI signals the device. A device that still
 * needs the interrupt signals again.
 */
TEST_F(irqfd, eoi_lowers_the_line_and_signals)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	expect_quiet();
	EXPECT_EQ(0, event_count(self->resamplefd));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		EXPECT_EQ(0, event_count(self->fd));
		expect_interrupt(INTID);
		EXPECT_EQ(0, event_count(self->resamplefd));
		expect_ended();
		expect_told(self->resamplefd);
	}
	expect_quiet();
	EXPECT_EQ(0, event_count(self->resamplefd));
}

/* Sleeps for the interrupt, and reports after the EOI */
GUEST static void guest_ends_in_one_run(uint64_t arg)
{
	uint64_t intid;

	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, 0, 0);
	guest_sync(0);
	for (;;) {
		intid = gic_wait();
		gic_eoi(intid);
		guest_sync(intid);
	}
}

/* The list register may look like that of the last EOI. */
TEST_F(irqfd, eoi_of_a_raised_line_signals)
{
	unsigned int i;

	if (lines_are_held())
		SKIP(return, "the guest would get it again and again");
	tvm_enter(&self->t, 0, guest_ends_in_one_run, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
		expect_interrupt(INTID);
		EXPECT_EQ(1, event_count(self->resamplefd));
	}
}

TEST_F(irqfd, line_that_is_still_wanted_comes_again)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	for (i = 0; i < 20; i++) {
		expect_ended();
		expect_told(self->resamplefd);
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		expect_interrupt(INTID);
	}
	expect_ended();
	expect_told(self->resamplefd);
}

/* Raised again before the guest's EOI: the device is signalled after it. */
TEST_F(irqfd, signal_while_active_is_asked_about)
{
	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	EXPECT_EQ(0, event_count(self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, __vcpu_run(self->vcpu));
	EXPECT_LE(1, event_count(self->resamplefd));
}

TEST_F(irqfd, all_of_the_spi_are_told_of_eoi)
{
	int fd = event_new(), resamplefd = event_new();
	int other = event_new(), other_resamplefd = event_new();

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, assign_level(fd, SPI, resamplefd));
	ASSERT_EQ(0, assign_level(other, OTHER_SPI, other_resamplefd));
	ASSERT_EQ(0, eventfd_write(fd, 1));
	expect_interrupt(INTID);
	expect_ended();
	expect_told(self->resamplefd);
	expect_told(resamplefd);
	EXPECT_EQ(0, event_count(other_resamplefd));

	ASSERT_EQ(0, deassign(fd, SPI));
	event_count(self->resamplefd);
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_ended();
	expect_told(self->resamplefd);
	EXPECT_EQ(0, event_count(resamplefd));
	close(fd);
	close(resamplefd);
	close(other);
	close(other_resamplefd);
}

/* Two devices share a line. One of them goes, and the other's interrupt stays. */
TEST_F(irqfd, deassign_takes_no_interrupt_of_others)
{
	int resamplefd = event_new(), fd = event_new();

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, assign_level(fd, SPI, resamplefd));
	ASSERT_EQ(0, eventfd_write(fd, 1));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, deassign(fd, SPI));
	expect_interrupt(INTID);
	expect_ended();
	expect_told(self->resamplefd);
	EXPECT_EQ(0, event_count(resamplefd));

	/* And the other way round: the one that stays has signalled first. */
	ASSERT_EQ(0, assign_level(fd, SPI, resamplefd));
	event_count(self->resamplefd);
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, eventfd_write(fd, 1));
	ASSERT_EQ(0, deassign(fd, SPI));
	expect_interrupt(INTID);
	expect_ended();
	expect_told(self->resamplefd);
	close(fd);
	close(resamplefd);
}

/* As in KVM: a write is one interrupt, and takes one from the counter. */
TEST_F(irqfd, semaphore_is_counted_down)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);

	ASSERT_LE(0, fd);
	start_guest(EDGE);
	ASSERT_EQ(0, assign(fd, SPI));
	ASSERT_EQ(0, eventfd_write(fd, 3));
	expect_interrupt(INTID);
	expect_quiet();
	EXPECT_EQ(1, event_count(fd));
	EXPECT_EQ(1, event_count(fd));
	EXPECT_EQ(0, event_count(fd));
	ASSERT_EQ(0, eventfd_write(fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
	EXPECT_EQ(0, event_count(fd));
	close(fd);
}

GUEST static void guest_acks_and_resets(uint64_t arg)
{
	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, EDGE, 0);
	guest_sync(0);
	guest_sync(gic_wait());
	hvc3(PSCI_SYSTEM_RESET, 0, 0, 0);
}

/* The hypervisor may keep the state of interrupts. Guests clear it when they boot. */
GUEST static void guest_boots_again(uint64_t arg)
{
	write32(GICD_BASE + GICD_ICPENDR(INTID), 1U << INTID % 32);
	write32(GICD_BASE + GICD_ICACTIVER(INTID), 1U << INTID % 32);
	guest_acks(EDGE);
}

/*
 * The guest is reset in the middle of an interrupt that was signalled again. It boots
 * in place, and the driver remembers nothing of it.
 */
TEST_F(irqfd, reset_guest_gets_no_old_interrupt)
{
	tvm_enter(&self->t, 0, guest_acks_and_resets, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	vcpu_run_to_system_event(self->vcpu, GZVM_SYSTEM_EVENT_RESET);

	tvm_enter(&self->t, 0, guest_boots_again, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	expect_quiet();
	expect_quiet();
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
	expect_quiet();
}

/* A signalled interrupt arrives, and the line does not stay high after it. */
TEST_F(irqfd, line_falls_without_the_irqfd)
{
	int resamplefd = event_new(), fd = event_new();

	start_guest(LEVEL);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	expect_interrupt(INTID);
	expect_ended();
	expect_quiet();

	/* The other irqfd of the line is told of the EOI. */
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, assign_level(fd, SPI, resamplefd));
	ASSERT_EQ(0, eventfd_write(fd, 1));
	close(fd);
	wait_for_shutdown();
	expect_interrupt(INTID);
	expect_ended();
	expect_quiet();
	expect_told(self->resamplefd);
	EXPECT_EQ(0, event_count(resamplefd));
	close(resamplefd);
}

TEST_F(irqfd, resamplefd_closed_first)
{
	int resamplefd = event_new();

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, resamplefd));
	close(resamplefd);
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_ended();
	EXPECT_EQ(0, deassign(self->fd, SPI));
}

/* The hypervisor is busy now */

FIXTURE(busy)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	int fd;
	int resamplefd;
};

FIXTURE_SETUP(busy)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, ctl_reset());
	self->fd = event_new();
	self->resamplefd = event_new();
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(busy)
{
	ctl_reset();
	tvm_destroy(&self->t);
	close(self->fd);
	close(self->resamplefd);
}

#define TIMES	30

/*
 * Waits for that many calls; @lines receives how many there were, and were
 * refused
 */
static bool wait_for_calls(unsigned long long calls, struct ctl_count *lines)
{
	struct ctl_count count[HC_KINDS] = {};
	long start = now_ns();

	while (now_ns() - start < 20000000000L) {
		if (ctl_counts(count))
			return false;
		*lines = count[HC_IRQ_LINE];
		if (lines->calls >= calls)
			return true;
		usleep(1000);
	}
	return false;
}

/* The same, including the calls that the hypervisor was too busy for */
static bool has_called(unsigned long long calls, unsigned long long met)
{
	struct ctl_count lines;

	return wait_for_calls(calls, &lines) && lines.met == met;
}

/* An interrupt that may not have been injected yet, or never is */
static bool has_come(struct gz_vcpu *vcpu)
{
	long start = now_ns();
	uint64_t intid;

	while (now_ns() - start < 20000000000L) {
		if (__vcpu_run_to_sync(vcpu, &intid))
			return false;
		if (intid == INTID)
			return true;
	}
	return false;
}

/* It is neither lost nor doubled, and the next one works as ever. */
TEST_F(busy, edge_comes_later)
{
	unsigned int i;

	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, TIMES));
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		ASSERT_TRUE(has_come(self->vcpu));
		/* And the one that was injected */
		ASSERT_TRUE(has_called(TIMES + 1, TIMES));
		expect_quiet();
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		expect_interrupt(INTID);
		expect_quiet();
	}
}

/*
 * A level that could not be injected is not injected again after a later signal
 * has got through. That signal may be too late for it, but not every time.
 */
TEST_F(busy, signal_that_gets_through_is_for_both)
{
	struct ctl_count lines = {};
	unsigned int i;

	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	for (i = 0; i < 20 && lines.calls != 2; i++) {
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, 1));
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		/* Much longer than the time until the driver tries again */
		usleep(100000);
		ASSERT_TRUE(wait_for_calls(0, &lines));
		expect_interrupt(INTID);
		expect_quiet();
	}
	EXPECT_EQ(2, lines.calls);
}

TEST_F(busy, signal_before_deassign_is_not_lost)
{
	unsigned int i;

	start_guest(EDGE);
	/* The driver's next call may be under way when deassign looks. */
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, assign(self->fd, SPI));
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, i == 0 ? 40 : 3));
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		ASSERT_EQ(0, deassign(self->fd, SPI));
		expect_interrupt(INTID);
		expect_quiet();
	}
}

TEST_F(busy, level_comes_later_when_it_is_busy)
{
	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, TIMES));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_TRUE(has_come(self->vcpu));
	ASSERT_TRUE(has_called(TIMES + 1, TIMES));
	expect_ended();
	expect_told(self->resamplefd);
}

#define FOR_EVER	(~0ULL >> 1)

struct deassign {
	struct tvm *t;
	int fd;
};

static void *deassign_it(void *arg)
{
	struct deassign *d = arg;

	return (void *)(long)irqfd(d->t, d->fd, SPI, DEASSIGN, -1);
}

/*
 * A list register of a hypervisor that keeps the EOI until it needs the register
 * for another interrupt. The guest was not entered: the signal is not lost.
 */
TEST_F(busy, old_eoi_loses_no_signal)
{
	struct ctl_count count[HC_KINDS] = {};
	struct ctl_exit exit = {
		.vm = ctl_newest_vm(),
		.reason = GZVM_EXIT_GZ,
		.hw.nr_lrs = 4,
		.hw.lr[1] = 1ULL << 41 | INTID,
	};
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_ended();
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, ctl_forge(&exit, true));
		expect_interrupt(INTID);
		ASSERT_EQ(0, ctl_counts(count));
		EXPECT_EQ(0, count[HC_IRQ_LINE].calls);
		/* The driver takes the real EOI for a second one. */
		expect_one_more_at_most();
	}
}

/* A thread that waits for the hypervisor does not block others. */
TEST_F(busy, deassign_of_another_vm_returns_when_it_is_busy)
{
	struct deassign d = { &self->t, self->fd }, o;
	pthread_t thread, others;
	struct ctl_count lines = {};
	int fd = event_new();
	struct timespec end;
	struct tvm other;
	void *ret;
	int late;

	tvm_create(&other, 1);
	o = (struct deassign){ &other, fd };
	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, irqfd(&other, fd, SPI, 0, -1));
	ASSERT_EQ(0, ctl_reset());
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, FOR_EVER));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, deassign_it, &d));
	/* The driver tries again and again. */
	EXPECT_TRUE(wait_for_calls(10, &lines));
	EXPECT_LE(10, lines.met);

	/* Otherwise it would wait for ever, and the test could not fail. */
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	ASSERT_EQ(0, pthread_create(&others, NULL, deassign_it, &o));
	late = pthread_timedjoin_np(others, &ret, &end);
	EXPECT_EQ(0, late);
	/* The first one gives up after 5 s, with a call in each tick. */
	ASSERT_TRUE(wait_for_calls(10, &lines));
	EXPECT_GT(600, lines.met);
	if (late) {
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, pthread_join(others, &ret));
	}
	EXPECT_EQ(NULL, ret);
	tvm_destroy(&other);
	ASSERT_EQ(0, ctl_reset());
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_TRUE(has_come(self->vcpu));
	expect_quiet();
	close(fd);
}

TEST_HARNESS_MAIN
