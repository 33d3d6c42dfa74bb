// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercalls of a VMM that uses nothing new. The recording holds for each
 * hypervisor: also for one that refuses all calls that shipped drivers do not make.
 *
 * Needs: controls
 */

#include <linux/gzvm.h>

#include "controls.h"
#include "eventfd.h"
#include "guest_gic.h"
#include "gz_test.h"

#define SPI		5
#define INTID		INTID_SPI(SPI)
#define MAX_CALLS	256

/* All but RUN and INFORM_EXIT: interrupts of the host decide on their number. */
static const struct ctl_record recording[] = {
	{ HC_CREATE_VM },
	{ HC_ENABLE_CAP },		/* demand paging */
	{ HC_ENABLE_CAP },		/* by blocks */
	{ HC_ENABLE_CAP },		/* idle */
	{ HC_MEMREGION_PURPOSE },
	{ HC_SET_MEMREGION },
	{ HC_CREATE_DEVICE },		/* distributor */
	{ HC_CREATE_DEVICE },		/* redistributors */
	{ HC_CREATE_VCPU },
	{ HC_CREATE_VCPU },
	{ HC_SET_DTB_CONFIG },
	{ HC_SET_ONE_REG },		/* X0 */
	{ HC_SET_ONE_REG },		/* PC */
	{ HC_SET_ONE_REG },		/* PSTATE */
	{ HC_MAP_GUEST_BLOCK },		/* the guest's first access */
	{ HC_IRQ_LINE },		/* a signal on an irqfd */
	{ HC_IRQ_LINE },		/* and another */
	{ HC_MAP_GUEST_BLOCK },		/* another block */
	{ HC_DESTROY_VCPU },
	{ HC_DESTROY_VCPU },
	{ HC_DESTROY_VM },
};

GUEST static void guest_script(uint64_t addr)
{
	uint64_t intid;
	int i;

	gic_init(gic_redist(0, 2));
	gic_enable_spi(INTID, 0, 0);
	for (i = 0; i < 2; i++) {
		guest_sync(i);
		intid = gic_wait();
		gic_eoi(intid);
	}
	write64(addr, 1);
	guest_sync(2);
}

FIXTURE(stream)
{
	struct tvm t;
	int fd;
	int resamplefd;
};

FIXTURE_SETUP(stream)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	self->fd = event_new();
	self->resamplefd = event_new();
	ASSERT_EQ(0, ctl_reset());
}

FIXTURE_TEARDOWN(stream)
{
	close(self->fd);
	close(self->resamplefd);
}

#define script()							\
do {									\
	struct gz_vcpu *__first = &self->t.vcpus[0];			\
	uint64_t __i;							\
									\
	tvm_create(&self->t, 2);					\
	ASSERT_EQ(0, gz_vm_set_dtb(&self->t.vm, FREE_BASE, 0x1000));	\
	tvm_enter(&self->t, 0, guest_script, FREE_BASE + 0x200000);	\
	ASSERT_EQ(0, irqfd(&self->t, self->fd, SPI,			\
			   GZVM_IRQFD_FLAG_RESAMPLE, self->resamplefd)); \
	for (__i = 0; __i < 2; __i++) {					\
		vcpu_run_to_sync(__first, __i);				\
		ASSERT_EQ(0, eventfd_write(self->fd, 1));		\
		/* Shipped drivers do not pass on a level that is low. */ \
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI + 1, 0));	\
	}								\
	vcpu_run_to_sync(__first, 2);					\
	EXPECT_EQ(2, event_count(self->resamplefd));			\
	tvm_destroy(&self->t);						\
} while (0)

/* Leaves out calls that may be repeated. Returns how many are left. */
static int without_repetitions(struct ctl_record *record, int nr)
{
	int i, left = 0;

	for (i = 0; i < nr; i++)
		if (record[i].kind != HC_RUN && record[i].kind != HC_INFORM_EXIT &&
		    record[i].status != HYP_BUSY)
			record[left++] = record[i];
	return left;
}

TEST_F(stream, script_causes_the_recorded_calls)
{
	struct ctl_record record[MAX_CALLS] = {};
	int i, nr;

	script();
	nr = without_repetitions(record, ctl_records(record, MAX_CALLS));
	EXPECT_EQ(ARRAY_SIZE(recording), nr);
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(0, record[i].status)
			TH_LOG("call %d is of kind %u", i, record[i].kind);
		if (i < ARRAY_SIZE(recording))
			EXPECT_EQ(recording[i].kind, record[i].kind)
				TH_LOG("call %d", i);
	}
}

TEST_HARNESS_MAIN
