// SPDX-License-Identifier: GPL-2.0
/*
 * A host that is short of memory: in each step of a VM's life, each allocation
 * of the kernel and each copy from or to the VMM fails once. The step must
 * report that or do without, must have changed nothing at the hypervisor, must
 * succeed when it is repeated, and nothing may be left when everything is
 * closed.
 *
 * Needs a kernel with CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC,
 * CONFIG_FAULT_INJECTION_USERCOPY and CONFIG_FAULT_INJECTION_DEBUG_FS: see
 * Documentation/fault-injection/fault-injection.rst, fail-nth.
 *
 * Needs: controls, debug-modes, debug
 */

#include <fcntl.h>
#include <stdio.h>

#include "controls.h"
#include "eventfd.h"
#include "fail.h"
#include "gz_test.h"
#include "life.h"
#include "protected.h"

#define DOORBELL	0x0b000000
#define DOORBELL_SPI	9
#define OTHER_SLOT	1
#define OTHER_BASE	0xd0000000

/* Every step except those that have threads or read files */
static int do_go(struct life *l)
{
	*(uint64_t *)tvm_at(&l->t, SHARED_BASE) = 1;
	return 0;
}

static int events[3];

static int do_ioeventfd(struct life *l)
{
	return ioeventfd(&l->t, events[0], DOORBELL, 4,
			 GZVM_IOEVENTFD_FLAG_DATAMATCH, 1);
}

static int do_ioeventfd_off(struct life *l)
{
	return ioeventfd(&l->t, events[0], DOORBELL, 4,
			 GZVM_IOEVENTFD_FLAG_DATAMATCH |
			 GZVM_IOEVENTFD_FLAG_DEASSIGN, 1);
}

static int do_irqfd(struct life *l)
{
	return irqfd(&l->t, events[1], DOORBELL_SPI, GZVM_IRQFD_FLAG_RESAMPLE,
		     events[2]);
}

static int do_irqfd_off(struct life *l)
{
	return irqfd(&l->t, events[1], DOORBELL_SPI, GZVM_IRQFD_FLAG_DEASSIGN, 0);
}

static int do_extension(struct life *l)
{
	uint64_t value;

	return gz_check_cap(l->t.vm.fd, GZVM_CAP_VM_GPA_SIZE, &value);
}

/*
 * There may be nothing left to do: EBADF is fine for files that are closed
 * already.
 */
static int do_close(struct life *l)
{
	tvm_destroy(&l->t);
	return 0;
}

/* A whole page, whatever the host's page size is */
static char other_page[0x10000] __attribute__((aligned(0x10000)));
static bool all_given;

static int do_other_slot(struct life *l)
{
	return gz_vm_set_region(&l->t.vm, OTHER_SLOT, 0, OTHER_BASE,
				sizeof(other_page), other_page);
}

/* Without demand paging, the hypervisor has all of it already */
static int do_delete_slot(struct life *l)
{
	int ret = gz_vm_set_region(&l->t.vm, OTHER_SLOT, 0, OTHER_BASE, 0, NULL);

	return all_given && ret == -EBUSY ? 0 : ret;
}

static int do_protect(struct life *l)
{
	return pvm_protect(&l->t);
}

#define MAX_STEPS	32

static struct life_step steps[MAX_STEPS];

static void add_step(unsigned int *nr, const char *name,
		     int (*fn)(struct life *l))
{
	steps[*nr].name = name;
	steps[(*nr)++].fn = fn;
}

/*
 * Protect the VM here and not earlier: the host needs no access to its RAM any
 * more.
 */
static void add_steps_before_run(unsigned int *nr, bool protect)
{
	add_step(nr, "go", do_go);
	add_step(nr, "other slot", do_other_slot);
	add_step(nr, "delete slot", do_delete_slot);
	add_step(nr, "extension", do_extension);
	add_step(nr, "ioeventfd", do_ioeventfd);
	add_step(nr, "irqfd", do_irqfd);
	add_step(nr, "irqfd off", do_irqfd_off);
	add_step(nr, "ioeventfd off", do_ioeventfd_off);
	if (protect)
		add_step(nr, "protect", do_protect);
}

static void make_steps(bool protect)
{
	const struct life_step *s;
	unsigned int nr = 0;

	for (s = life_steps; s->name; s++) {
		if (!strcmp(s->name, "statistics"))
			continue;
		if (!strcmp(s->name, "interrupted run"))
			add_steps_before_run(&nr, protect);
		else
			add_step(&nr, s->name, s->fn);
	}
	add_step(&nr, "close", do_close);
}

FIXTURE(fail_nth)
{
	struct ctl_view begin;
	struct ctl_view before;
	struct life l;
	int fd;
};

/* Slots that are populated at once leave no place that can fail */
#define NONE	-1

FIXTURE_VARIANT(fail_nth)
{
	const char *step;
	/* The least number of places where it can fail */
	int least;
	/* The same if slots are populated at once, where it differs */
	int least_given;
};

FIXTURE_VARIANT_ADD(fail_nth, vm) { "VM", 10 };
FIXTURE_VARIANT_ADD(fail_nth, slot) { "slot", 3, 6 };
FIXTURE_VARIANT_ADD(fail_nth, distributor) { "distributor", 2 };
FIXTURE_VARIANT_ADD(fail_nth, redistributor) { "redistributor", 4 };
FIXTURE_VARIANT_ADD(fail_nth, vcpu) { "vCPU", 4 };
FIXTURE_VARIANT_ADD(fail_nth, dtb) { "DTB", 1 };
FIXTURE_VARIANT_ADD(fail_nth, entry) { "entry", 3 };
FIXTURE_VARIANT_ADD(fail_nth, get_register) { "get register", 2 };
FIXTURE_VARIANT_ADD(fail_nth, other_slot) { "other slot", 3, 5 };
FIXTURE_VARIANT_ADD(fail_nth, delete_slot) { "delete slot", 1 };
FIXTURE_VARIANT_ADD(fail_nth, extension) { "extension", 1 };
FIXTURE_VARIANT_ADD(fail_nth, ioeventfd) { "ioeventfd", 2 };
FIXTURE_VARIANT_ADD(fail_nth, irqfd) { "irqfd", 2 };
FIXTURE_VARIANT_ADD(fail_nth, irqfd_off) { "irqfd off", 1 };
FIXTURE_VARIANT_ADD(fail_nth, ioeventfd_off) { "ioeventfd off", 1 };
FIXTURE_VARIANT_ADD(fail_nth, protect) { "protect", 1 };
FIXTURE_VARIANT_ADD(fail_nth, irq_up) { "irq up", 1 };
/* The kernel does not let the words of an exit fail: unsafe_put_user() */
FIXTURE_VARIANT_ADD(fail_nth, run) { "run", 4, NONE };
FIXTURE_VARIANT_ADD(fail_nth, relinquish) { "relinquish", 0 };
FIXTURE_VARIANT_ADD(fail_nth, run_to_the_end) { "run to the end", 0 };
FIXTURE_VARIANT_ADD(fail_nth, close) { "close", 0 };

FIXTURE_SETUP(fail_nth)
{
	unsigned int i;
	uint64_t value;
	int dev;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	self->fd = fail_open();
	if (self->fd < 0)
		SKIP(return, NO_FAIL_NTH);
	/*
	 * Let allocations fail even if the kernel could wait for memory; print
	 * nothing
	 */
	ASSERT_EQ(0, fail_everywhere());
	ASSERT_EQ(0, ctl_reset());
	for (i = 0; i < ARRAY_SIZE(events); i++)
		events[i] = event_new();
	make_steps(!strcmp(variant->step, "protect"));
	dev = gz_dev_open();
	all_given = gz_check_cap(dev, GZVM_CAP_ENABLE_DEMAND_PAGING, &value);
	close(dev);
	ASSERT_EQ(0, ctl_view(&self->begin));
}

FIXTURE_TEARDOWN(fail_nth)
{
	unsigned int i;

	if (no_gzvm() || no_controls() || self->fd < 0)
		return;
	for (i = 0; i < ARRAY_SIZE(events); i++)
		close(events[i]);
	close(self->fd);
	EXPECT_TRUE(ctl_check_ok());
}

/* Errors that are allowed when memory is short or cannot be copied */
static bool is_shortage(int err)
{
	return err == -ENOMEM || err == -EFAULT || err == -ENFILE ||
	       err == -EAGAIN || err == -EINTR;
}

/* The steps before this one, which all succeed; NULL if one has failed */
static const struct life_step *live_until(struct life *l, const char *name)
{
	const struct life_step *s;

	if (life_begin(l, LIFE_RAM))
		return NULL;
	for (s = steps; s->name; s++) {
		if (!strcmp(s->name, name))
			return s;
		l->step = s->name;
		l->err = s->fn(l);
		if (l->err)
			return NULL;
	}
	return NULL;
}

/* And those after it */
static const char *live_on(struct life *l, const struct life_step *s)
{
	for (s++; s->name; s++) {
		l->err = s->fn(l);
		if (l->err)
			return s->name;
	}
	return NULL;
}

TEST_F(fail_nth, each_failure_is_told_and_undone)
{
	const struct life_step *step;
	unsigned int undone;
	const char *stuck;
	int nth, ret, errors = 0;
	bool failed = true;

	for (nth = 1; failed; nth++) {
		step = live_until(&self->l, variant->step);
		ASSERT_NE(NULL, step)
			TH_LOG("%s: %s", self->l.step, strerror(-self->l.err));
		ASSERT_EQ(0, ctl_view(&self->before));
		undone = life_undone(&self->l, variant->step);

		ASSERT_EQ(0, fail_nth(self->fd, nth));
		ret = step->fn(&self->l);
		failed = fail_has(self->fd);

		if (ret) {
			errors++;
			EXPECT_TRUE(failed && is_shortage(ret))
				TH_LOG("failure %d: %s", nth, strerror(-ret));
			EXPECT_TRUE(ctl_view_same(&self->before, undone))
				TH_LOG("failure %d", nth);
			EXPECT_EQ(0, step->fn(&self->l))
				TH_LOG("failure %d: the repetition fails", nth);
		}
		stuck = live_on(&self->l, step);
		EXPECT_EQ(NULL, stuck)
			TH_LOG("failure %d: %s later: %s", nth, stuck,
			       strerror(-self->l.err));
		tvm_destroy(&self->l.t);
		EXPECT_TRUE(ctl_view_same(&self->begin, CTL_VIEW_ALL))
			TH_LOG("failure %d", nth);
	}
	TH_LOG("%s: %d failures, %d reported", variant->step, nth - 2, errors);
	EXPECT_LE(all_given && variant->least_given ? variant->least_given :
		  variant->least, nth - 2);
}

TEST_HARNESS_MAIN
