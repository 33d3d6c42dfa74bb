// SPDX-License-Identifier: GPL-2.0
/*
 * Large numbers of ioeventfds: of writes, of assigns, of VMs.
 *
 * Needs: threads
 */

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include <linux/gzvm.h>

#include "eventfd.h"
#include "gz_test.h"

#define DOORBELL	PORT_TEST
#define MATCH		GZVM_IOEVENTFD_FLAG_DATAMATCH
#define DEASSIGN	GZVM_IOEVENTFD_FLAG_DEASSIGN

FIXTURE(ioeventfd_load)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	int fd;
};

FIXTURE_SETUP(ioeventfd_load)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	self->fd = event_new();
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(ioeventfd_load)
{
	tvm_destroy(&self->t);
	close(self->fd);
}

#define assign(fd, addr, len, flags, value)	\
	ioeventfd(&self->t, fd, addr, len, flags, value)
#define deassign(fd, addr, len, flags, value)	\
	ioeventfd(&self->t, fd, addr, len, (flags) | DEASSIGN, value)

GUEST static void guest_ring_n(uint64_t n)
{
	uint64_t i;

	for (i = 0; i < n; i++)
		write32(DOORBELL, i);
	guest_sync(n);
}

/* None of them causes an exit, and each one counts. */
TEST_F(ioeventfd_load, each_write_counts_once)
{
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, 0, 0));
	tvm_enter(&self->t, 0, guest_ring_n, 10000);
	vcpu_run_to_sync(self->vcpu, 10000);
	EXPECT_EQ(10000, event_count(self->fd));
}

/* Rings until it must stop; then reports how often. */
GUEST static void guest_ring_on(uint64_t stop)
{
	uint64_t n;

	for (n = 0; !read64(stop); n++)
		write32(DOORBELL, 5);
	guest_sync(n);
}

/* Runs a vCPU and counts the doorbells that no ioeventfd has handled. */
struct listener {
	struct gz_vcpu *vcpu;
	uint64_t heard;
	uint64_t rung;
	int ret;
};

static void *listen_fn(void *arg)
{
	struct listener *l = arg;

	for (;;) {
		l->ret = __vcpu_run(l->vcpu);
		if (l->ret || l->vcpu->run.exit_reason != GZVM_EXIT_MMIO)
			break;
		if (l->vcpu->run.mmio.phys_addr == PORT_SYNC)
			break;
		__atomic_add_fetch(&l->heard, 1, __ATOMIC_RELEASE);
	}
	memcpy(&l->rung, l->vcpu->run.mmio.data, sizeof(l->rung));
	return NULL;
}

#define ROUNDS	300

/*
 * Each write of the guest is a signal or an exit and never both, whatever the
 * order of assign, deassign and the writes. There is no signal after deassign
 * has returned. Each round waits for one of either kind.
 */
TEST_F(ioeventfd_load, deassign_under_load)
{
	uint64_t *stop = tvm_at(&self->t, SHARED_BASE), signals = 0, before;
	struct listener l = { .vcpu = self->vcpu };
	struct pollfd p = { .events = POLLIN };
	pthread_t thread;
	unsigned int i;

	tvm_enter(&self->t, 0, guest_ring_on, SHARED_BASE);
	pthread_create(&thread, NULL, listen_fn, &l);
	for (i = 0; i < ROUNDS; i++) {
		bool match = i & 1;

		p.fd = event_new();
		ASSERT_EQ(0, assign(p.fd, DOORBELL, 4, match ? MATCH : 0, 5));
		ASSERT_EQ(1, poll(&p, 1, -1));
		ASSERT_EQ(0, deassign(p.fd, DOORBELL, 4, match ? MATCH : 0, 5));
		signals += event_count(p.fd);
		before = __atomic_load_n(&l.heard, __ATOMIC_ACQUIRE);
		wait_for_change(&l.heard, before);
		ASSERT_EQ(0, event_count(p.fd));
		close(p.fd);
	}
	__atomic_store_n(stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, l.ret);
	EXPECT_EQ(l.rung, signals + l.heard);
}

struct churner {
	struct tvm *t;
	uint64_t addr;
	atomic_bool stop;
	uint64_t rounds;
	int ret;
};

static void *churn_fn(void *arg)
{
	struct churner *c = arg;
	int fd = event_new();

	while (!c->ret && !atomic_load(&c->stop)) {
		c->ret = ioeventfd(c->t, fd, c->addr, 4, 0, 0);
		if (!c->ret)
			c->ret = ioeventfd(c->t, fd, c->addr, 4, DEASSIGN, 0);
		__atomic_add_fetch(&c->rounds, 1, __ATOMIC_RELEASE);
	}
	close(fd);
	return NULL;
}

/* ioeventfds that come and go do not hide one that stays. */
TEST_F(ioeventfd_load, others_come_and_go)
{
	struct churner c[2] = {
		{ .t = &self->t, .addr = DOORBELL - 16 },
		{ .t = &self->t, .addr = DOORBELL + 16 },
	};
	pthread_t threads[2];
	unsigned int i;

	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, 0, 0));
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, churn_fn, &c[i]);
	for (i = 0; i < 2; i++)
		wait_for_change(&c[i].rounds, 0);
	tvm_enter(&self->t, 0, guest_ring_n, 20000);
	vcpu_run_to_sync(self->vcpu, 20000);
	for (i = 0; i < 2; i++) {
		atomic_store(&c[i].stop, true);
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, c[i].ret);
	}
	EXPECT_EQ(20000, event_count(self->fd));
}

/* kB of one kind of memory of the whole kernel; -1 if unknown */
static long memory_kb(const char *kind)
{
	char line[128], name[32];
	long kb = -1, value;
	FILE *f;

	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31[^:]: %ld kB", name, &value) == 2 &&
		    !strcmp(name, kind))
			kb = value;
	if (f)
		fclose(f);
	return kb;
}

/* One has an address of its own, the others differ in the value. */
static int vm_with_doorbells(int fd, unsigned int n)
{
	struct tvm t = { 0 };
	unsigned int i;
	int ret;

	ret = gz_vm_create(&t.vm);
	if (!ret)
		ret = ioeventfd(&t, fd, DOORBELL, 4, 0, 0);
	for (i = 1; !ret && i < n; i++)
		ret = ioeventfd(&t, fd, DOORBELL + 8, 4, MATCH, i);
	gz_vm_destroy(&t.vm);
	return ret;
}

#define VMS		10000

/*
 * A leak of one struct of the smallest percpu size, 4 bytes, per VM is more
 * than other programs may use meanwhile. A slow machine makes fewer VMs and
 * must lose less.
 */
TEST(vms_leave_no_percpu_memory)
{
	int fd = event_new();
	long before, after, start;
	unsigned int n;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (memory_kb("Percpu") < 0)
		SKIP(return, "no Percpu in /proc/meminfo");
	for (n = 0; n < 100; n++)
		ASSERT_EQ(0, vm_with_doorbells(fd, 1));
	before = memory_kb("Percpu");
	start = now_ns();
	for (n = 0; !is_enough(n, VMS, start); n++)
		ASSERT_EQ(0, vm_with_doorbells(fd, 1));
	after = memory_kb("Percpu");
	TH_LOG("Percpu: %ld kB, and %ld kB after %u VMs", before, after, n);
	EXPECT_GT(n * 4 / 1024, after - before);
	close(fd);
}

#define DOORBELL_VMS	150
#define DOORBELLS	100

/*
 * The ioeventfds of a VM end with it. Each uses more than 64 bytes. Other
 * programs may use half of that meanwhile, which is 470 kB.
 */
TEST(vms_leave_no_ioeventfds)
{
	int fd = event_new();
	long before, after;
	unsigned int n;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	/*
	 * kmemleak and KASAN grow with freed memory, and kmemleak finds leaks
	 * itself.
	 */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP(return, "kmemleak finds leaks itself");
	for (n = 0; n < 10; n++)
		ASSERT_EQ(0, vm_with_doorbells(fd, DOORBELLS));
	before = memory_kb("SUnreclaim");
	for (n = 0; n < DOORBELL_VMS; n++)
		ASSERT_EQ(0, vm_with_doorbells(fd, DOORBELLS));
	after = memory_kb("SUnreclaim");
	TH_LOG("SUnreclaim: %ld kB, and %ld kB after %u VMs", before, after, n);
	EXPECT_GT(DOORBELL_VMS * DOORBELLS * 64 / 2 / 1024, after - before);
	close(fd);
}

TEST_HARNESS_MAIN
