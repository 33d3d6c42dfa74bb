// SPDX-License-Identifier: GPL-2.0
/*
 * irqfds of vCPUs that run and sleep in threads of their own.
 *
 * Needs: threads
 */

#include <pthread.h>
#include <stdatomic.h>

#include <linux/gzvm.h>

#include "eventfd.h"
#include "guest_gic.h"
#include "gz_test.h"
#include "vcpu_thread.h"

#define SPI		5
#define INTID		INTID_SPI(SPI)
#define DEASSIGN	GZVM_IRQFD_FLAG_DEASSIGN
#define RESAMPLE	GZVM_IRQFD_FLAG_RESAMPLE

/*
 * The guest's reports in its memory. Its interrupt handler writes COUNT and
 * LAST, one pair per vCPU: see guest_entry.S.
 */
#define COUNT(cpu)	(SHARED_BASE + 0x100 * (cpu))
#define READY		(SHARED_BASE + 0x40)
#define SPINS		(SHARED_BASE + 0x48)

#define at(gpa)		((uint64_t *)tvm_at(&self->t, gpa))

FIXTURE(irqfd_load)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	int fd;
	int resamplefd;
};

FIXTURE_SETUP(irqfd_load)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	ASSERT_EQ(0, gz_kick_init());
	self->fd = event_new();
	/* Wait for it */
	self->resamplefd = eventfd(0, EFD_CLOEXEC);
	tvm_create(&self->t, 2);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(irqfd_load)
{
	tvm_destroy(&self->t);
	close(self->fd);
	close(self->resamplefd);
}

static __always_inline void take_interrupts(uint64_t cpu)
{
	write64(COUNT(cpu), 0);
	sysreg_write("tpidr_el1", COUNT(cpu));
	irq_unmask();
}

/* Sleeps; only its interrupt handler runs. */
GUEST static void guest_sleeps(uint64_t edge)
{
	gic_init(gic_redist(0, 2));
	gic_enable_spi(INTID, edge, 0);
	take_interrupts(0);
	write64(READY, 1);
	for (;;)
		asm volatile("wfi");
}

#define EDGE	1
#define LEVEL	0

#define start_guest(fn, arg)						\
do {									\
	tvm_enter(&self->t, 0, fn, arg);				\
	vcpu_thread_start(self->vcpu);					\
	wait_for_change(at(READY), 0);					\
} while (0)

#define WAKES	10000

/*
 * At whatever point of the way to sleep the signal arrives, the vCPU must wake
 * up.
 */
TEST_F(irqfd_load, each_signal_wakes_wfi)
{
	long start = now_ns();
	uint64_t i;

	ASSERT_EQ(0, irqfd(&self->t, self->fd, SPI, 0, -1));
	start_guest(guest_sleeps, EDGE);
	for (i = 0; !is_enough(i, WAKES, start); i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		wait_for_change(at(COUNT(0)), i);
	}
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
	EXPECT_EQ(i, *at(COUNT(0)));
	EXPECT_EQ(INTID, at(COUNT(0))[1]);
}

#define WORK	1000

/*
 * A device with a level line and work for the guest: it raises the line, and
 * again at each EOI until all is done. Each raising is one interrupt, or two
 * where the hypervisor holds the line.
 */
TEST_F(irqfd_load, level_line_with_a_device_behind_it)
{
	eventfd_t eois, eoi = 0;
	unsigned int i;

	ASSERT_EQ(0, irqfd(&self->t, self->fd, SPI, RESAMPLE, self->resamplefd));
	start_guest(guest_sleeps, LEVEL);
	for (i = 0; i < WORK; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		ASSERT_EQ(0, eventfd_read(self->resamplefd, &eois));
		eoi += eois;
	}
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
	EXPECT_LE(WORK, eoi);
	EXPECT_LE(WORK, *at(COUNT(0)));
	EXPECT_GE(2 * WORK, *at(COUNT(0)));
}

/* First CPU: never exits, and takes no interrupt. */
GUEST static void guest_spins(uint64_t entry)
{
	gic_init(gic_redist(0, 2));
	gic_enable_spi(INTID, EDGE, 1);
	take_interrupts(0);
	hvc3(PSCI_CPU_ON, 1, entry, BOOT_BASE + sizeof(struct guest_boot));
	for (;;)
		write64(SPINS, read64(SPINS) + 1);
}

GUEST static void guest_second_sleeps(uint64_t arg)
{
	gic_init_cpu(gic_redist(1, 2));
	take_interrupts(1);
	write64(READY, 1);
	for (;;)
		asm volatile("wfi");
}

TEST_F(irqfd_load, spi_of_the_vcpu_that_sleeps_leaves_the_other_alone)
{
	struct gz_vcpu *second = &self->t.vcpus[1];
	uint64_t i;

	ASSERT_EQ(0, irqfd(&self->t, self->fd, SPI, 0, -1));
	tvm_write_boot(&self->t, 1, guest_second_sleeps, 0);
	ASSERT_EQ(0, gz_vcpu_set_reg(second, GZ_REG_PSTATE, GZ_PSTATE_BOOT));
	vcpu_thread_start(second);
	start_guest(guest_spins, tvm_gpa_of(guest_entry));
	for (i = 0; i < WORK; i++) {
		ASSERT_EQ(0, eventfd_write(self->fd, 1));
		wait_for_change(at(COUNT(1)), i);
	}
	wait_for_change(at(SPINS), *at(SPINS));
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
	EXPECT_EQ(0, vcpu_thread_stop(second));
	EXPECT_EQ(WORK, *at(COUNT(1)));
	EXPECT_EQ(0, *at(COUNT(0)));
}

/* Signals an eventfd as fast as it can. */
struct hammer {
	pthread_t thread;
	int fd;
	atomic_bool stop;
	uint64_t blows;
};

static void *hammer_fn(void *arg)
{
	struct hammer *h = arg;

	while (!atomic_load(&h->stop)) {
		eventfd_write(h->fd, 1);
		__atomic_add_fetch(&h->blows, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void hammer_start(struct hammer *h, int fd)
{
	memset(h, 0, sizeof(*h));
	h->fd = fd;
	pthread_create(&h->thread, NULL, hammer_fn, h);
	wait_for_change(&h->blows, 0);
}

static void hammer_stop(struct hammer *h)
{
	atomic_store(&h->stop, true);
	pthread_join(h->thread, NULL);
}

GUEST static void guest_acks(uint64_t edge)
{
	gic_init(gic_redist(0, 2));
	gic_enable_spi(INTID, edge, 0);
	gic_report();
}

#define ROUNDS	200

/*
 * When deassign has returned, only interrupts that were injected before may
 * follow.
 */
TEST_F(irqfd_load, deassign_under_load_is_quiet)
{
	struct hammer h;
	unsigned int i, j;

	tvm_enter(&self->t, 0, guest_acks, EDGE);
	vcpu_run_to_sync(self->vcpu, INTID_NONE);
	hammer_start(&h, self->fd);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, irqfd(&self->t, self->fd, SPI, 0, -1));
		while (vcpu_sync_value(self->vcpu) != INTID)
			;
		ASSERT_EQ(0, irqfd(&self->t, self->fd, SPI, DEASSIGN, -1));
		/* The active one, and one that is pending behind it */
		if (vcpu_sync_value(self->vcpu) == INTID)
			vcpu_run_to_sync(self->vcpu, INTID_NONE);
		wait_for_change(&h.blows, h.blows);
		for (j = 0; j < 5; j++)
			vcpu_run_to_sync(self->vcpu, INTID_NONE);
	}
	hammer_stop(&h);
}

/* VMs end while their eventfds are signalled. */
TEST_F(irqfd_load, vm_ends_under_load)
{
	struct hammer h;
	unsigned int i;

	hammer_start(&h, self->fd);
	for (i = 0; i < ROUNDS; i++) {
		struct tvm t = { 0 };

		ASSERT_EQ(0, gz_vm_create(&t.vm));
		ASSERT_EQ(0, irqfd(&t, self->fd, SPI, i & 1 ? RESAMPLE : 0,
				   self->resamplefd));
		wait_for_change(&h.blows, h.blows);
		gz_vm_destroy(&t.vm);
	}
	hammer_stop(&h);
	event_count(self->fd);
	EXPECT_EQ(0, eventfd_write(self->fd, 1));
	EXPECT_EQ(1, event_count(self->fd));
}

static void *close_fn(void *arg)
{
	close((long)arg);
	return NULL;
}

/* The end of the eventfd, its deassign and the end of the VM race. */
TEST_F(irqfd_load, eventfd_and_vm_end_at_once)
{
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		struct tvm t = { 0 };
		int fd = event_new(), copy = dup(fd);

		ASSERT_EQ(0, gz_vm_create(&t.vm));
		ASSERT_EQ(0, irqfd(&t, fd, SPI, i & 1 ? RESAMPLE : 0,
				   self->resamplefd));
		close(fd);
		pthread_create(&thread, NULL, close_fn, (void *)(long)copy);
		if (i & 2)
			irqfd(&t, copy, SPI, DEASSIGN, -1);
		gz_vm_destroy(&t.vm);
		pthread_join(thread, NULL);
	}
}

TEST_HARNESS_MAIN
