// SPDX-License-Identifier: GPL-2.0
/*
 * A hypervisor that refuses: each kind of hypercall in the life of a VM fails,
 * each time that it is made, with each error. The ioctl must report that, must
 * have changed nothing, must succeed when it is repeated, and nothing may be
 * left at the hypervisor or pinned when everything is closed.
 *
 * A VM that the hypervisor refuses to destroy stays there. So tests of that
 * come last.
 *
 * Needs: controls, modes
 */

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <libgzvm.h>

#include "controls.h"
#include "fail.h"
#include "gz_test.h"
#include "kmsg.h"
#include "life.h"

/* Statuses and the errno of each; the ones that the ABI defines come first */
#define NR_KNOWN	6
static const struct {
	long long status;
	int err;
} refusals[] = {
	{ HYP_NO_MEMORY, -ENOMEM },
	{ HYP_INVALID_ARGS, -EINVAL },
	{ HYP_NOT_SUPPORTED, -EOPNOTSUPP },
	{ HYP_NOT_IMPLEMENTED, -EOPNOTSUPP },
	{ HYP_BUSY, -EAGAIN },
	{ HYP_FAULT, -EFAULT },
	/* Undefined statuses: once for each kind is enough */
	{ -1, -EINVAL },
	{ -4095, -EINVAL },
	{ 1, -EINVAL },
	/* Only the lower half counts, whatever the upper half is */
	{ 1LL << 32 | 1, -EINVAL },
	{ HYP_NOT_SUPPORTED & 0xffffffffLL, -EOPNOTSUPP },
};

static unsigned int nr_refusals(unsigned int nth)
{
	return nth == 1 ? ARRAY_SIZE(refusals) : NR_KNOWN;
}

/*
 * Does all steps and repeats one that fails. Then closes everything. Takes a
 * view only before the step @watch, where the failure is expected: a view is
 * too slow for all.
 */
static void live_and_watch(struct life *l, uint64_t ram_size, const char *watch)
{
	static struct ctl_view before;
	unsigned int i;
	int ret = 0;

	l->err = life_begin(l, ram_size);
	l->undone = true;
	for (i = 0; !ret && life_steps[i].name; i++) {
		l->step = life_steps[i].name;
		if (l->step == watch)
			ctl_view(&before);
		ret = life_steps[i].fn(l);
		if (!ret)
			continue;
		if (l->step == watch)
			l->undone = ctl_view_same(&before,
						  life_undone(l, watch));
		l->failures++;
		if (!l->failed) {
			l->failed = life_steps[i].name;
			l->err = ret;
		}
		ret = life_steps[i].fn(l);
		l->failures += ret != 0;
	}
	tvm_destroy(&l->t);
}

static void live(struct life *l, uint64_t ram_size)
{
	live_and_watch(l, ram_size, NULL);
}

FIXTURE(inject)
{
	struct ctl_view before;
	struct life l;
	struct ctl_count count[HC_KINDS];
};

FIXTURE_SETUP(inject)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, ctl_reset());
	ASSERT_EQ(0, ctl_view(&self->before));
}

FIXTURE_TEARDOWN(inject)
{
	if (no_controls())
		return;
	EXPECT_TRUE(ctl_check_ok());
	ctl_reset();
}

/* Nothing is left, neither at the hypervisor nor in the host. */
#define expect_nothing_left()	\
	EXPECT_TRUE(ctl_view_same(&self->before, CTL_VIEW_ALL))

TEST_F(inject, nothing_fails_by_itself)
{
	live(&self->l, LIFE_RAM);
	EXPECT_EQ(NULL, self->l.failed)
		TH_LOG("%s: %s", self->l.failed, strerror(-self->l.err));
	expect_nothing_left();
}

/* A refusal of one of these is not a failure */
static bool is_tolerated(unsigned int kind)
{
	return kind == HC_ENABLE_CAP || kind == HC_INFORM_EXIT;
}

/* The driver repeats these calls itself while the hypervisor is busy. */
static bool is_repeated(unsigned int kind)
{
	return kind == HC_SET_MEMREGION || kind == HC_MEMREGION_PURPOSE ||
	       kind == HC_MAP_GUEST || kind == HC_MAP_GUEST_BLOCK ||
	       kind == HC_DESTROY_VM;
}

FIXTURE(sweep)
{
	int kmsg;
	struct ctl_view before;
	struct life l;
	struct ctl_count count[HC_KINDS];
};

FIXTURE_VARIANT(sweep)
{
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(sweep, create_vm) { HC_CREATE_VM };
FIXTURE_VARIANT_ADD(sweep, create_vcpu) { HC_CREATE_VCPU };
FIXTURE_VARIANT_ADD(sweep, set_memregion) { HC_SET_MEMREGION };
FIXTURE_VARIANT_ADD(sweep, run) { HC_RUN };
FIXTURE_VARIANT_ADD(sweep, get_one_reg) { HC_GET_ONE_REG };
FIXTURE_VARIANT_ADD(sweep, set_one_reg) { HC_SET_ONE_REG };
FIXTURE_VARIANT_ADD(sweep, irq_line) { HC_IRQ_LINE };
FIXTURE_VARIANT_ADD(sweep, create_device) { HC_CREATE_DEVICE };
FIXTURE_VARIANT_ADD(sweep, enable_cap) { HC_ENABLE_CAP };
FIXTURE_VARIANT_ADD(sweep, inform_exit) { HC_INFORM_EXIT };
FIXTURE_VARIANT_ADD(sweep, memregion_purpose) { HC_MEMREGION_PURPOSE };
FIXTURE_VARIANT_ADD(sweep, set_dtb_config) { HC_SET_DTB_CONFIG };
FIXTURE_VARIANT_ADD(sweep, map_guest) { HC_MAP_GUEST };
FIXTURE_VARIANT_ADD(sweep, map_guest_block) { HC_MAP_GUEST_BLOCK };
FIXTURE_VARIANT_ADD(sweep, get_statistics) { HC_GET_STATISTICS };

FIXTURE_SETUP(sweep)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, ctl_reset());
	self->kmsg = kmsg_open();
	ASSERT_LE(0, self->kmsg);
	ASSERT_EQ(0, ctl_view(&self->before));
}

FIXTURE_TEARDOWN(sweep)
{
	if (no_controls())
		return;
	/*
	 * The driver must not log each refusal, since a VMM can cause any
	 * number of them.
	 */
	EXPECT_EQ(0, kmsg_of_driver(self->kmsg));
	close(self->kmsg);
	EXPECT_TRUE(ctl_check_ok());
	ctl_reset();
}

/* Errno for the VMM, 0 for none */
static int expected(unsigned int kind, unsigned int i)
{
	if (is_tolerated(kind))
		return 0;
	if (refusals[i].status == HYP_BUSY && is_repeated(kind))
		return 0;
	/* Here SMCCC's status for an unknown call tells the VMM that it is not there. */
	if (refusals[i].status == -1 && kind == HC_GET_ONE_REG)
		return -EOPNOTSUPP;
	return refusals[i].err;
}

/* If a block is refused, the driver maps a single page. */
static unsigned int times_in_a_row(unsigned int kind)
{
	return kind == HC_MAP_GUEST_BLOCK ? 2 : 1;
}

/*
 * Without demand paging, the third call and later ones come when the hypervisor
 * has some of the pages. There is no call to take the region back, and the
 * hypervisor may refuse the region when it is repeated.
 */
static bool is_half_way(unsigned int kind, unsigned int nth)
{
	return kind == HC_SET_MEMREGION && nth > 2;
}

/* Of a host page, the guest needs only the page that it has touched. */
static bool may_go_on(unsigned int kind)
{
	return kind == HC_MAP_GUEST && HOST_PAGE > 0x1000;
}

TEST_F(sweep, every_error_at_every_call)
{
	unsigned int i, nth, tried = 0, watched = 0;
	const char *watch = NULL;
	bool met = true;

	for (nth = 1; met; nth++) {
		for (i = 0; met && i < nr_refusals(nth); i++) {
			ASSERT_EQ(0, ctl_reset());
			ASSERT_EQ(0, ctl_fail(variant->kind, nth,
					      refusals[i].status,
					      times_in_a_row(variant->kind)));
			live_and_watch(&self->l, LIFE_RAM, watch);
			ASSERT_EQ(0, ctl_counts(self->count));
			met = self->count[variant->kind].met;
			tried += met;
			watched += self->l.failed && self->l.failed == watch;
			if (self->l.err || !may_go_on(variant->kind)) {
				EXPECT_EQ(met ? expected(variant->kind, i) : 0,
					  self->l.err)
					TH_LOG("call %u, status %lld: %s", nth,
					       refusals[i].status, self->l.failed);
			}
			EXPECT_GE(is_half_way(variant->kind, nth) ? 2 : 1,
				  self->l.failures)
				TH_LOG("call %u, status %lld: %s fails again",
				       nth, refusals[i].status, self->l.step);
			EXPECT_TRUE(self->l.undone)
				TH_LOG("call %u, status %lld: %s not undone",
				       nth, refusals[i].status, self->l.failed);
			expect_nothing_left();
			/*
			 * The next one most likely fails at the same place.
			 * Where each view is slow, fail_nth_test does this.
			 */
			if (access(FAIL_NTH, F_OK))
				watch = self->l.failed;
		}
	}
	if (!tried)
		SKIP(return, "the driver makes no such call here");
	TH_LOG("%u refusals, %u watched", tried, watched);
}

TEST_F(inject, page_alone_is_given_when_the_block_is_refused)
{
	ASSERT_EQ(0, ctl_fail(HC_MAP_GUEST_BLOCK, 1, HYP_NO_MEMORY, 1));
	live(&self->l, LIFE_RAM);
	EXPECT_EQ(NULL, self->l.failed)
		TH_LOG("%s: %s", self->l.failed, strerror(-self->l.err));
	ASSERT_EQ(0, ctl_counts(self->count));
	expect_nothing_left();
	if (!self->count[HC_MAP_GUEST_BLOCK].met)
		SKIP(return, "no demand paging by block");
	EXPECT_LT(1, self->count[HC_MAP_GUEST_BLOCK].calls);
}

/* As long as the hypervisor is busy, and no longer */
TEST_F(inject, busy_is_no_failure_however_often)
{
	static const unsigned int kinds[] = {
		HC_SET_MEMREGION, HC_MEMREGION_PURPOSE, HC_DESTROY_VM,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, ctl_fail(kinds[i], 1, HYP_BUSY, 1000));
		live(&self->l, LIFE_RAM);
		EXPECT_EQ(NULL, self->l.failed)
			TH_LOG("kind %u: %s", kinds[i], self->l.failed);
		ASSERT_EQ(0, ctl_counts(self->count));
		EXPECT_EQ(1000, self->count[kinds[i]].met);
		expect_nothing_left();
	}
}

/* A hypervisor that stays busy must not delay the end of the thread that waits. */
TEST_F(inject, killed_while_the_hypervisor_is_busy)
{
	static const unsigned int kinds[] = {
		HC_SET_MEMREGION, HC_MEMREGION_PURPOSE, HC_MAP_GUEST,
		HC_MAP_GUEST_BLOCK,
	};
	unsigned int i;
	pid_t child;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, ctl_fail(kinds[i], 1, HYP_BUSY, 1ULL << 62));
		child = fork();
		if (!child) {
			live(&self->l, LIFE_RAM);
			_exit(self->l.failed ? 1 : 0);
		}
		/* The thread either reaches the call, or ends without it. */
		do {
			ASSERT_EQ(0, ctl_counts(self->count));
		} while (self->count[kinds[i]].met < 10 &&
			 !waitpid(child, NULL, WNOHANG));
		if (self->count[kinds[i]].met) {
			kill(child, SIGKILL);
			EXPECT_EQ(child, waitpid(child, NULL, 0));
		}
		expect_nothing_left();
	}
}

#define PATIENCE_NS	20000000000L

static bool ends(pid_t child)
{
	long start = now_ns();

	while (now_ns() - start < PATIENCE_NS) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		usleep(10000);
	}
	return false;
}

static bool comes_back(struct ctl_view *before)
{
	long start = now_ns();

	while (now_ns() - start < PATIENCE_NS) {
		if (ctl_view_same(before, CTL_VIEW_ALL))
			return true;
		sleep(1);
	}
	return false;
}

/* The driver goes on with the end of the VM when the process has gone. */
TEST_F(inject, killed_vmm_ends_although_the_hypervisor_stays_busy)
{
	pid_t child = fork();
	unsigned int i;

	if (!child) {
		tvm_create(&self->l.t, 2);
		for (;;)
			pause();
	}
	do {
		ASSERT_EQ(0, ctl_counts(self->count));
	} while (self->count[HC_CREATE_VCPU].calls < 2);
	ASSERT_EQ(0, ctl_reset());
	ASSERT_EQ(0, ctl_fail(HC_DESTROY_VM, 1, HYP_BUSY, 1ULL << 62));
	kill(child, SIGKILL);
	EXPECT_TRUE(ends(child));
	/* It calls now and then, and does not spin. */
	ASSERT_EQ(0, ctl_counts(self->count));
	for (i = 0; i < 10 && self->count[HC_DESTROY_VM].met < 2000; i++) {
		sleep(1);
		ASSERT_EQ(0, ctl_counts(self->count));
	}
	EXPECT_LE(2000, self->count[HC_DESTROY_VM].met);
	EXPECT_GE(100000, self->count[HC_DESTROY_VM].met);
	ASSERT_EQ(0, ctl_reset());
	EXPECT_TRUE(comes_back(&self->before));
}

static uint32_t rnd_state = 1;

static uint32_t rnd(void)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return rnd_state >> 16;
}

/* Hypercalls of all kinds since ctl_reset() */
static unsigned long long all_calls(struct ctl_count *count)
{
	unsigned long long n = 0;
	unsigned int kind;

	for (kind = 0; !ctl_counts(count) && kind < HC_KINDS; kind++)
		n += count[kind].calls;
	return n;
}

/* A life makes less than half as many. */
#define KILL_CALLS	150

/*
 * A process that creates VM after VM is killed after a number of hypercalls, at
 * any place. A kernel with many checks gets fewer of them.
 */
TEST_F(inject, killed_anywhere)
{
	unsigned int i, kills = access(FAIL_NTH, F_OK) ? 300 : 20, at;
	unsigned long long calls;
	pid_t child;

	for (i = 0; i < kills; i++) {
		at = rnd() % KILL_CALLS;
		ASSERT_EQ(0, ctl_reset());
		child = fork();
		ASSERT_LE(0, child);
		while (!child) {
			live(&self->l, LIFE_RAM);
			if (self->l.failed)
				_exit(1);
		}
		do {
			calls = all_calls(self->count);
		} while (calls < at && !waitpid(child, NULL, WNOHANG));
		ASSERT_LE(at, calls)
			TH_LOG("something failed in the life before kill %u", i);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, NULL, 0));
		ASSERT_TRUE(ctl_view_same(&self->before, CTL_VIEW_ALL))
			TH_LOG("kill %u, at call %u", i, at);
	}
}

#define MUCH		(64UL << 20)
#define MUCH_GPA	0x100000000ULL

/* gzhyp does not map all of it in one call, but returns BUSY in between. */
TEST_F(inject, much_memory_is_given_in_steps)
{
	struct tvm *t = &self->l.t;
	char *map;

	tvm_create(t, 1);
	map = mmap((void *)0x700000000000UL, MUCH, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	/* Contiguous, so that few calls map all of it */
	madvise(map, MUCH, MADV_HUGEPAGE);
	EXPECT_EQ(0, gz_vm_set_region(&t->vm, 1, GZVM_USER_MEM_REGION_GUEST_MEM,
				      MUCH_GPA, MUCH, map));
	ASSERT_EQ(0, ctl_counts(self->count));
	EXPECT_TRUE(ctl_check_ok());
	tvm_destroy(t);
	munmap(map, MUCH);
	expect_nothing_left();
	if (!self->count[HC_SET_MEMREGION].errors)
		SKIP(return, "demand paging, or memory in small pieces");
}

/* A slow hypervisor changes nothing. */
TEST_F(inject, slow_calls_are_waited_for)
{
	unsigned int kind;

	for (kind = 0; kind < HC_KINDS; kind++)
		ASSERT_EQ(0, ctl_delay(kind, 1, 100000, 20));
	live(&self->l, LIFE_RAM);
	EXPECT_EQ(NULL, self->l.failed)
		TH_LOG("%s: %s", self->l.failed, strerror(-self->l.err));
	ASSERT_EQ(0, ctl_counts(self->count));
	EXPECT_LT(0, self->count[HC_CREATE_VM].met);
	expect_nothing_left();
}

/* The answer to it decides nothing: DESTROY_VM destroys the vCPUs as well. */
TEST_F(inject, refused_end_of_a_vcpu_keeps_nothing)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		ASSERT_EQ(0, ctl_reset());
		ASSERT_EQ(0, ctl_fail(HC_DESTROY_VCPU, 1, refusals[i].status, 1000));
		live(&self->l, LIFE_RAM);
		EXPECT_EQ(NULL, self->l.failed);
		ASSERT_EQ(0, ctl_counts(self->count));
		EXPECT_LE(1, self->count[HC_DESTROY_VCPU].met);
		expect_nothing_left();
	}
}

/*
 * The end. Pages that the hypervisor refuses to release stay pinned, since it
 * may still map them. The driver prints this once and continues.
 */
FIXTURE(lost)
{
	long pinned;
	struct life l;
	struct ctl_count count[HC_KINDS];
};

FIXTURE_VARIANT(lost)
{
	unsigned int kind;
	unsigned int nth;
};

FIXTURE_VARIANT_ADD(lost, destroy_vm) { HC_DESTROY_VM, 1 };
FIXTURE_VARIANT_ADD(lost, destroy_vm_second_step) { HC_DESTROY_VM, 2 };

FIXTURE_SETUP(lost)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, ctl_reset());
	self->pinned = ctl_pinned_pages();
}

FIXTURE_TEARDOWN(lost)
{
	if (!no_controls())
		ctl_reset();
}

TEST_F(lost, pages_stay_pinned_and_the_next_vm_works)
{
	ASSERT_EQ(0, ctl_fail(variant->kind, variant->nth, HYP_INVALID_ARGS, 1));
	live(&self->l, RAM_SIZE);
	EXPECT_EQ(NULL, self->l.failed);
	ASSERT_EQ(0, ctl_counts(self->count));
	if (self->count[variant->kind].calls < variant->nth)
		SKIP(return, "destroyed in one step");
	EXPECT_EQ(1, self->count[variant->kind].met);
	/* The driver does not try again */
	EXPECT_EQ(variant->nth, self->count[variant->kind].calls);
	if (self->pinned >= 0)
		EXPECT_LT(self->pinned, ctl_pinned_pages());
	EXPECT_TRUE(ctl_check_ok());

	self->pinned = ctl_pinned_pages();
	ASSERT_EQ(0, ctl_reset());
	live(&self->l, RAM_SIZE);
	EXPECT_EQ(NULL, self->l.failed);
	EXPECT_EQ(self->pinned, ctl_pinned_pages());
}

TEST_HARNESS_MAIN
