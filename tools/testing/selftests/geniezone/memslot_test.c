// SPDX-License-Identifier: GPL-2.0
/*
 * Valid and invalid arguments of GZVM_SET_USER_MEMORY_REGION.
 *
 * Needs: modes, debug-modes, threads
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gz_test.h"
#include "memlock.h"

#define PAGE	HOST_PAGE
#define SIZE	(16 * PAGE)
#define GPA	0xc0000000ULL
#define RAM	GZVM_USER_MEM_REGION_GUEST_MEM

FIXTURE(memslot)
{
	struct tvm t;
	char *map;
};

FIXTURE_SETUP(memslot)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(memslot)
{
	tvm_destroy(&self->t);
	munmap(self->map, SIZE);
}

#define set(slot, flags, gpa, size, hva)	\
	gz_vm_set_region(&self->t.vm, slot, flags, gpa, size, hva)

#define hva(offset)	(self->map + (offset))

TEST_F(memslot, each_flag_and_none_are_taken)
{
	EXPECT_EQ(0, set(1, 0, GPA, PAGE, hva(0)));
	EXPECT_EQ(0, set(2, RAM, GPA + PAGE, PAGE, hva(PAGE)));
	EXPECT_EQ(0, set(3, GZVM_USER_MEM_REGION_STATIC_SWIOTLB,
			 GPA + 2 * PAGE, PAGE, hva(2 * PAGE)));
}

TEST_F(memslot, unknown_flags_are_refused)
{
	unsigned int bit;

	for (bit = 3; bit < 32; bit++) {
		EXPECT_EQ(-EINVAL, set(1, 1U << bit, GPA, PAGE, hva(0)))
			TH_LOG("bit %u", bit);
		EXPECT_EQ(-EINVAL, set(1, RAM | 1U << bit, GPA, PAGE, hva(0)))
			TH_LOG("bit %u", bit);
		/* The deletion of a slot refuses them as well */
		EXPECT_EQ(-EINVAL, set(1, 1U << bit, GPA, 0, NULL))
			TH_LOG("bit %u", bit);
	}
}

TEST_F(memslot, everything_must_be_page_aligned)
{
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA + 1, PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA + PAGE / 2, PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE + 8, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 1, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE, hva(16)));
	/* Also if the hypervisor's pages, which are smaller, would do */
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE * 3 / 2, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE, hva(PAGE / 2)));
}

TEST_F(memslot, ranges_must_not_wrap)
{
	EXPECT_EQ(-EINVAL, set(1, RAM, -PAGE, 2 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, -PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 2 * PAGE, (char *)-PAGE));
}

TEST_F(memslot, address_must_be_user_memory)
{
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, PAGE, (char *)0xffff000000000000ULL));
}

TEST_F(memslot, slot_number_is_limited)
{
	uint64_t slots;

	ASSERT_EQ(0, gz_check_cap(self->t.vm.fd, GZVM_CAP_MAX_SLOTS, &slots));
	EXPECT_EQ(-EINVAL, set(slots, RAM, GPA, PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(0xffffffff, RAM, GPA, PAGE, hva(0)));
	EXPECT_EQ(0, set(slots - 1, RAM, GPA, PAGE, hva(0)));
}

/* Every position of one range relative to another. */
TEST_F(memslot, overlap_is_refused)
{
	ASSERT_EQ(0, set(1, RAM, GPA + 4 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA + 4 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA + 5 * PAGE, PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA, 5 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA + 7 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA, 16 * PAGE, hva(0)));
	EXPECT_EQ(-EEXIST, set(2, RAM, RAM_BASE, PAGE, hva(0)));
}

TEST_F(memslot, neighbours_are_taken)
{
	ASSERT_EQ(0, set(1, RAM, GPA + 4 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(0, set(2, RAM, GPA, 4 * PAGE, hva(4 * PAGE)));
	EXPECT_EQ(0, set(3, RAM, GPA + 8 * PAGE, 4 * PAGE, hva(8 * PAGE)));
}

/* Two slots may use the same memory of the VMM. */
TEST_F(memslot, part_of_a_mapping_is_taken)
{
	EXPECT_EQ(0, set(1, RAM, GPA, PAGE, hva(3 * PAGE)));
	EXPECT_EQ(0, set(2, RAM, GPA + PAGE, 2 * PAGE, hva(3 * PAGE)));
}

TEST_F(memslot, range_over_two_mappings_is_taken)
{
	ASSERT_EQ(0, mprotect(hva(0), 8 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	EXPECT_EQ(0, set(1, RAM, GPA, 16 * PAGE, hva(0)));
}

TEST_F(memslot, unused_slot_can_be_deleted_and_reused)
{
	unsigned int i;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, set(1, 0, GPA, PAGE, hva(0)));
		/* crosvm gives no address, QEMU the old one */
		ASSERT_EQ(0, set(1, 0, GPA, 0, i & 1 ? hva(0) : NULL));
	}
	/* The hypervisor cannot forget it: the slot must not move */
	EXPECT_EQ(0, set(2, RAM, GPA + 4 * PAGE, PAGE, hva(0)));
}

static volatile sig_atomic_t ticks;

static void tick(int sig)
{
	ticks++;
}

/*
 * Without demand paging, the creation faults in all pages. A VMM with a timer would
 * never get its slot if each signal ended that.
 */
TEST_F(memslot, large_slot_is_created_under_a_periodic_signal)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = {};
	const size_t size = 16UL << 20;
	struct sigaction sa = { .sa_handler = tick };
	void *fresh;
	int ret;

	if (has_demand_paging(&self->t))
		SKIP(return, "demand paging");
	fresh = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, fresh);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ticks = 0;
	ret = set(1, RAM, GPA, size, fresh);
	setitimer(ITIMER_REAL, &never, NULL);
	EXPECT_EQ(0, ret);
	/* One that came between the two calls alone does not count. */
	EXPECT_LT(0, ticks);
	munmap(fresh, size);
}

static int limit_locked_memory(uint64_t bytes)
{
	const struct rlimit limit = { bytes, bytes };
	int ret = drop_ipc_lock();

	if (ret)
		return ret;
	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

/* Host pages of a mapping that are there */
static uint64_t pages_there(void *at, uint64_t size)
{
	unsigned char there[size / HOST_PAGE];
	uint64_t i, nr = 0;

	if (mincore(at, size, there))
		return -1;
	for (i = 0; i < size / HOST_PAGE; i++)
		nr += there[i] & 1;
	return nr;
}

/* A slot that cannot be had must not cost memory first. */
TEST_F(memslot, slot_beyond_the_limit_touches_nothing)
{
	const uint64_t size = 64UL << 20, allowed = 16UL << 20;
	void *fresh;

	if (has_demand_paging(&self->t))
		SKIP(return, "demand paging");
	fresh = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, fresh);
	/* The VM has its RAM already. */
	ASSERT_EQ(0, limit_locked_memory(allowed));
	EXPECT_EQ(-ENOMEM, set(1, RAM, GPA, size, fresh));
	EXPECT_EQ(0, pages_there(fresh, size));
	ASSERT_EQ(0, set(1, RAM, GPA, allowed - RAM_SIZE, fresh));
	/* Again the same slot: it is locked already. */
	EXPECT_EQ(0, set(1, RAM, GPA, allowed - RAM_SIZE, fresh));
	munmap(fresh, size);
}

TEST_F(memslot, slot_that_is_not_there_cannot_be_deleted)
{
	EXPECT_EQ(-EINVAL, set(1, 0, GPA, 0, NULL));
	ASSERT_EQ(0, set(1, 0, GPA, PAGE, hva(0)));
	if (!has_demand_paging(&self->t)) {
		EXPECT_EQ(-EBUSY, set(1, 0, GPA, 0, NULL));
		return;
	}
	ASSERT_EQ(0, set(1, 0, GPA, 0, NULL));
	EXPECT_EQ(-EINVAL, set(1, 0, GPA, 0, NULL));
}

TEST_F(memslot, slot_in_place_cannot_be_changed)
{
	ASSERT_EQ(0, set(1, RAM, GPA, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 5 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA + 8 * PAGE, 4 * PAGE, hva(0)));
	EXPECT_EQ(-EINVAL, set(1, RAM, GPA, 4 * PAGE, hva(PAGE)));
	EXPECT_EQ(-EINVAL, set(1, 0, GPA, 4 * PAGE, hva(0)));
}

GUEST static void guest_touch(uint64_t gpa)
{
	guest_sync(read64(gpa));
	guest_sync(read64(gpa));
}

TEST_F(memslot, slot_that_the_guest_uses_cannot_be_deleted)
{
	struct gz_vcpu *vcpu = &self->t.vcpus[0];

	*(uint64_t *)hva(0) = 77;
	ASSERT_EQ(0, set(1, RAM, GPA, 4 * PAGE, hva(0)));
	tvm_enter(&self->t, 0, guest_touch, GPA);
	vcpu_run_to_sync(vcpu, 77);
	EXPECT_EQ(-EBUSY, set(1, RAM, GPA, 0, NULL));
	/* And the attempt has changed nothing */
	*(uint64_t *)hva(0) = 78;
	vcpu_run_to_sync(vcpu, 78);
	EXPECT_EQ(-EEXIST, set(2, RAM, GPA, PAGE, hva(0)));
}

/* Data that guest and test share */
#define SHARED_STOP	SHARED_BASE
#define SHARED_FAULTS	(SHARED_BASE + 8)

#define HVC_RELINQUISH	0xc6000009
#define HYP_PAGE	0x1000ULL
#define GIVEN_PAGES	16

/*
 * Accesses each page, the first time all of them. Later ones of each round are
 * returned and accessed again, so that there are faults for ever.
 */
GUEST static void guest_fault_on(uint64_t bytes)
{
	uint64_t p, faults = 0, wrong = 0;

	for (p = FREE_BASE; p < RAM_BASE + bytes; p += HYP_PAGE) {
		write64(p, p);
		write64(SHARED_FAULTS, ++faults);
	}
	while (!read64(SHARED_STOP)) {
		p = FREE_BASE + faults % GIVEN_PAGES * HYP_PAGE;
		hvc3(HVC_RELINQUISH, p, 0, 0);
		write64(p + 8, faults);
		wrong += read64(p + 8) != faults;
		write64(SHARED_FAULTS, ++faults);
	}
	for (p = FREE_BASE + GIVEN_PAGES * HYP_PAGE; p < RAM_BASE + bytes; p += HYP_PAGE)
		wrong += read64(p) != p;
	guest_sync(wrong);
}

/* A thread that runs a vCPU to its guest_sync() */
struct toucher {
	struct gz_vcpu *vcpu;
	uint64_t wrong;
	bool ended;
	int ret;
};

static void *toucher_fn(void *arg)
{
	struct toucher *t = arg;

	t->ret = __vcpu_run_to_sync(t->vcpu, &t->wrong);
	__atomic_store_n(&t->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Waits for one more fault; returns at once if there will be none. */
static void wait_for_fault(struct toucher *t, const uint64_t *faults)
{
	uint64_t before = __atomic_load_n(faults, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(faults, __ATOMIC_ACQUIRE) == before &&
	       !__atomic_load_n(&t->ended, __ATOMIC_ACQUIRE))
		sched_yield();
}

#define COMES_AND_GOES	500

/*
 * The slots are below and above the RAM, adjacent to it and at a distance. One slot
 * is added or deleted at a time, in the order of a Gray code: all sets of slots
 * exist in turn, and the RAM is at each position among them.
 */
TEST_F(memslot, others_come_and_go_while_the_guest_faults)
{
	uint64_t *stop = tvm_at(&self->t, SHARED_STOP);
	uint64_t *faults = tvm_at(&self->t, SHARED_FAULTS);
	struct toucher toucher = { .vcpu = &self->t.vcpus[0] };
	const uint64_t others[] = {
		0x40000000, RAM_BASE - PAGE, RAM_BASE + RAM_SIZE, GPA,
	};
	bool there[ARRAY_SIZE(others)] = {};
	pthread_t thread;
	unsigned int i, n;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	tvm_enter(&self->t, 0, guest_fault_on, RAM_SIZE);
	pthread_create(&thread, NULL, toucher_fn, &toucher);
	for (n = 1; n <= COMES_AND_GOES && !toucher.ended; n++) {
		wait_for_fault(&toucher, faults);
		i = __builtin_ctz(n) % ARRAY_SIZE(others);
		EXPECT_EQ(0, set(i + 1, 0, others[i], there[i] ? 0 : PAGE,
				 hva(i * PAGE)));
		there[i] = !there[i];
	}
	__atomic_store_n(stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, toucher.ret)
		TH_LOG("%s", exit_name(toucher.vcpu));
	EXPECT_EQ(0, toucher.wrong);
	EXPECT_LT(COMES_AND_GOES, n);
}

TEST_F(memslot, bad_pointer)
{
	EXPECT_EQ(-EFAULT, gz_ioctl(self->t.vm.fd, GZVM_SET_USER_MEMORY_REGION,
				    8));
}

TEST_HARNESS_MAIN
