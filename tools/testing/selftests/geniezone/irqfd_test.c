// SPDX-License-Identifier: GPL-2.0
/* GZVM_IRQFD: a signal on an eventfd becomes an interrupt of the guest. */

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <linux/gzvm.h>

#include "controls.h"
#include "eventfd.h"
#include "guest_gic.h"
#include "gz_test.h"

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

/* One step of the guest: acknowledge, tell, end. */
GUEST static void guest_acks(uint64_t edge)
{
	uint64_t intid;

	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, edge, 0);
	gic_enable_spi(INTID_SPI(OTHER_SPI), edge, 0);
	guest_sync(0);
	for (;;) {
		intid = gic_ack();
		guest_sync(intid);
		if (intid != INTID_NONE)
			gic_eoi(intid);
	}
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

/* An edge that comes while one is pending is the same one. */
TEST_F(irqfd, signals_merge_until_acknowledged)
{
	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	/* Active: this one counts again */
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

/* A doorbell and an interrupt on one eventfd: what the guest tells is no exit. */
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
	/* The counter is the user's again */
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
	/* For it no resamplefd is needed, nor looked at */
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
	/* None of these has taken it */
	EXPECT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
}

/* Those that end with their eventfd do so later: this waits for all. */
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

/* irqfds are those of the VM's file, even if a vCPU's file keeps the VM. */
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

/* Without RESAMPLE nobody is told of the guest's EOI. It lowers the line as well. */
TEST_F(irqfd, level_without_resample_comes_once)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign(self->fd, SPI));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		EXPECT_EQ(0, event_count(self->fd));
		expect_interrupt(INTID);
		expect_quiet();
	}
}

/* An EL2 that takes level 0 for "no longer pending" would lose edges to it. */
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

/* What the VMM drives by GZVM_IRQ_LINE is the VMM's to lower. */
TEST_F(irqfd, line_of_others_stays_up)
{
	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, OTHER_SPI, 1));
	expect_interrupt(INTID_SPI(OTHER_SPI));
	expect_interrupt(INTID_SPI(OTHER_SPI));
	EXPECT_EQ(0, event_count(self->resamplefd));
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, OTHER_SPI, 0));
	expect_quiet();
}

/*
 * A level line: raised by a signal, up until the guest's EOI, which lowers it
 * and tells the device. One that still wants the interrupt signals again.
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
		expect_quiet();
		EXPECT_EQ(1, event_count(self->resamplefd));
	}
	expect_quiet();
	EXPECT_EQ(0, event_count(self->resamplefd));
}

TEST_F(irqfd, line_that_is_still_wanted_comes_again)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	for (i = 0; i < 20; i++) {
		expect_quiet();
		ASSERT_EQ(1, event_count(self->resamplefd));
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		expect_interrupt(INTID);
	}
	expect_quiet();
	EXPECT_EQ(1, event_count(self->resamplefd));
}

/* Raised again before the guest's EOI: the device is asked after it. */
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
	expect_quiet();
	EXPECT_EQ(1, event_count(self->resamplefd));
	EXPECT_EQ(1, event_count(resamplefd));
	EXPECT_EQ(0, event_count(other_resamplefd));

	ASSERT_EQ(0, deassign(fd, SPI));
	event_count(self->resamplefd);
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
	EXPECT_EQ(1, event_count(self->resamplefd));
	EXPECT_EQ(0, event_count(resamplefd));
	close(fd);
	close(resamplefd);
	close(other);
	close(other_resamplefd);
}

/* It takes its line along, and asks those who share it. */
TEST_F(irqfd, line_falls_with_the_irqfd)
{
	int fd = event_new(), resamplefd = event_new();

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	expect_quiet();
	EXPECT_EQ(0, event_count(self->resamplefd));

	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, assign_level(fd, SPI, resamplefd));
	ASSERT_EQ(0, eventfd_write(fd, 1));
	close(fd);
	wait_for_shutdown();
	expect_quiet();
	EXPECT_EQ(0, event_count(resamplefd));
	EXPECT_EQ(1, event_count(self->resamplefd));
	close(resamplefd);
}

/* Who cannot be asked may want it up: the guest is. And the last one takes it along. */
TEST_F(irqfd, line_falls_with_the_last_irqfd)
{
	int fd = event_new();

	start_guest(LEVEL);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, assign(fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	expect_interrupt(INTID);
	expect_quiet();

	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	ASSERT_EQ(0, deassign(fd, SPI));
	expect_quiet();
	close(fd);
}

TEST_F(irqfd, resamplefd_closed_first)
{
	int resamplefd = event_new();

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, resamplefd));
	close(resamplefd);
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	expect_quiet();
	EXPECT_EQ(0, deassign(self->fd, SPI));
}

/* The hypervisor has no time just now */

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

/* Waits for that many calls; how many there were, and were refused, in @lines */
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

/* The same, those that the hypervisor had no time for among them */
static bool has_called(unsigned long long calls, unsigned long long met)
{
	struct ctl_count lines;

	return wait_for_calls(calls, &lines) && lines.met == met;
}

/* An interrupt that may not have been made yet, or does not come at all */
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

/* Neither lost nor doubled, and what comes after it is as ever. */
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
		/* And the one that was done */
		ASSERT_TRUE(has_called(TIMES + 1, TIMES));
		expect_quiet();
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		expect_interrupt(INTID);
		expect_quiet();
	}
}

/*
 * What could not be told is not told once more when a later signal got through.
 * That one may be too late for it, but not each time.
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
		/* Much longer than until it is tried again */
		usleep(100000);
		ASSERT_TRUE(wait_for_calls(0, &lines));
		expect_interrupt(INTID);
		expect_quiet();
	}
	EXPECT_EQ(2, lines.calls);
}

/* What was signalled comes, and goes with the irqfd: the line does not stay up. */
TEST_F(busy, line_is_down_when_the_irqfd_has_gone)
{
	start_guest(LEVEL);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, 40));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	expect_quiet();
	/* It would have been seen. */
	EXPECT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
	expect_interrupt(INTID);
}

TEST_F(busy, signal_before_deassign_is_not_lost)
{
	start_guest(EDGE);
	ASSERT_EQ(0, assign(self->fd, SPI));
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, 40));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	expect_interrupt(INTID);
	expect_quiet();
}

/* The line stays up until the guest's EOI: there is a rise only. */
TEST_F(busy, level_comes_later_when_it_is_busy)
{
	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, TIMES));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_TRUE(has_come(self->vcpu));
	ASSERT_TRUE(has_called(TIMES + 1, TIMES));
	expect_quiet();
	EXPECT_EQ(1, event_count(self->resamplefd));
}

/* The guest's EOI takes the line down, however long that takes. */
TEST_F(busy, ended_level_does_not_come_again_when_it_is_busy)
{
	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, TIMES));
	expect_quiet();
	EXPECT_TRUE(has_called(TIMES + 1, TIMES));
	EXPECT_EQ(1, event_count(self->resamplefd));
	expect_quiet();
}

TEST_F(busy, level_line_falls_with_the_irqfd_when_it_is_busy)
{
	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, TIMES));
	ASSERT_EQ(0, deassign(self->fd, SPI));
	EXPECT_TRUE(has_called(TIMES + 1, TIMES));
	expect_quiet();
	expect_quiet();
}

#define FOR_EVER	(~0ULL >> 1)

static void nothing(int sig)
{
}

/* A signal each 5 ms from now on, or none any more */
static void tick(bool on)
{
	struct itimerval every = { { 0, on ? 5000 : 0 }, { 0, on ? 5000 : 0 } };
	struct sigaction action = { .sa_handler = nothing };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* Who has to wait for the hypervisor can be kicked all the same. */
TEST_F(busy, eoi_that_waits_lets_signals_through)
{
	unsigned int i;

	start_guest(LEVEL);
	ASSERT_EQ(0, assign_level(self->fd, SPI, self->resamplefd));
	ASSERT_EQ(0, eventfd_write(self->fd, 1));
	expect_interrupt(INTID);
	/* For much longer than ten ticks take, but not for ever */
	ASSERT_EQ(0, ctl_fail(HC_IRQ_LINE, 1, HYP_BUSY, 1000000));
	tick(true);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EINTR, gz_vcpu_run(self->vcpu));
	tick(false);
	EXPECT_EQ(0, event_count(self->resamplefd));
	ASSERT_EQ(0, ctl_reset());
	expect_quiet();
	EXPECT_EQ(1, event_count(self->resamplefd));
}

struct deassign {
	struct tvm *t;
	int fd;
};

static void *deassign_it(void *arg)
{
	struct deassign *d = arg;

	return (void *)(long)irqfd(d->t, d->fd, SPI, DEASSIGN, -1);
}

/* Who waits for the hypervisor keeps nobody else waiting. */
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
	/* It is tried again and again. */
	EXPECT_TRUE(wait_for_calls(10, &lines));
	EXPECT_LE(10, lines.met);

	/* It would wait for ever, and the test could not say that it fails. */
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	ASSERT_EQ(0, pthread_create(&others, NULL, deassign_it, &o));
	late = pthread_timedjoin_np(others, &ret, &end);
	EXPECT_EQ(0, late);
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
