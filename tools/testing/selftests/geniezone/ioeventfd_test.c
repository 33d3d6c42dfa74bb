// SPDX-License-Identifier: GPL-2.0
/*
 * GZVM_IOEVENTFD: a guest's write to a doorbell becomes a signal on an eventfd.
 *
 * Needs: threads
 */

#include <poll.h>

#include <linux/gzvm.h>

#include "eventfd.h"
#include "gz_test.h"

#define DOORBELL	PORT_TEST
#define MATCH		GZVM_IOEVENTFD_FLAG_DATAMATCH
#define DEASSIGN	GZVM_IOEVENTFD_FLAG_DEASSIGN

/* The guest's accesses: one store or load after the other, up to width 0 */
#define OPS		FREE_BASE
#define LOADS		0x100

struct op {
	uint64_t addr;
	uint64_t width;
	uint64_t value;
};

GUEST static void guest_ops(uint64_t arg)
{
	uint64_t op, addr, value;

	for (;;) {
		guest_sync(arg);
		for (op = OPS; read64(op + 8); op += 24) {
			addr = read64(op);
			value = read64(op + 16);
			switch (read64(op + 8)) {
			case 1:
				write8(addr, value);
				break;
			case 2:
				write16(addr, value);
				break;
			case 4:
				write32(addr, value);
				break;
			case 8:
				write64(addr, value);
				break;
			case LOADS | 4:
				read32(addr);
				break;
			case LOADS | 8:
				read64(addr);
				break;
			}
		}
	}
}

FIXTURE(ioeventfd)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	int fd;
};

FIXTURE_SETUP(ioeventfd)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	self->fd = event_new();
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	tvm_enter(&self->t, 0, guest_ops, 0);
	vcpu_run_to_sync(self->vcpu, 0);
}

FIXTURE_TEARDOWN(ioeventfd)
{
	tvm_destroy(&self->t);
	close(self->fd);
}

#define assign(fd, addr, len, flags, value)	\
	ioeventfd(&self->t, fd, addr, len, flags, value)
#define deassign(fd, addr, len, flags, value)	\
	ioeventfd(&self->t, fd, addr, len, (flags) | DEASSIGN, value)

enum seen_by {
	DRIVER,
	VMM,
	NOBODY,
};

/* The guest makes one access. Returns whether that was an exit. */
static enum seen_by access_once(struct tvm *t, uint64_t addr, uint64_t width,
				uint64_t value)
{
	struct gz_vcpu *vcpu = &t->vcpus[0];
	struct op *op = tvm_at(t, OPS);

	op[0] = (struct op){ addr, width, value };
	op[1].width = 0;
	if (__vcpu_run(vcpu) || vcpu->run.exit_reason != GZVM_EXIT_MMIO)
		return NOBODY;
	if (vcpu->run.mmio.phys_addr == PORT_SYNC)
		return DRIVER;
	if (vcpu->run.mmio.phys_addr != addr ||
	    vcpu->run.mmio.size != (width & ~LOADS) ||
	    vcpu->run.mmio.is_write != !(width & LOADS))
		return NOBODY;
	return __vcpu_run_to_sync(vcpu, &value) ? NOBODY : VMM;
}

#define ring(addr, width, value)	access_once(&self->t, addr, width, value)

/* The write is an exit or not, and the eventfd was signalled n times. */
#define expect_ring(who, n, addr, width, value)				\
do {									\
	EXPECT_EQ(who, ring(addr, width, value));			\
	EXPECT_EQ((uint64_t)(n), event_count(self->fd));		\
} while (0)

TEST_F(ioeventfd, each_length)
{
	static const uint32_t lens[] = { 0, 1, 2, 4, 8 };
	unsigned int i, w;

	for (i = 0; i < 5; i++) {
		uint64_t addr = DOORBELL + 0x10 * i;

		ASSERT_EQ(0, assign(self->fd, addr, lens[i], 0, 0));
		for (w = 1; w <= 8; w *= 2) {
			bool match = !lens[i] || lens[i] == w;

			expect_ring(match ? DRIVER : VMM, match, addr, w,
				    ~0ULL);
		}
		ASSERT_EQ(0, deassign(self->fd, addr, lens[i], 0, 0));
		for (w = 1; w <= 8; w *= 2)
			expect_ring(VMM, 0, addr, w, ~0ULL);
	}
}

TEST_F(ioeventfd, only_at_its_address)
{
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, 0, 0));
	ASSERT_EQ(0, assign(self->fd, DOORBELL + 0x20, 0, 0, 0));
	expect_ring(VMM, 0, DOORBELL - 4, 4, 0);
	expect_ring(VMM, 0, DOORBELL + 4, 4, 0);
	expect_ring(VMM, 0, DOORBELL + 2, 2, 0);
	expect_ring(VMM, 0, DOORBELL + 0x21, 1, 0);
	expect_ring(VMM, 0, DOORBELL + 0x18, 8, 0);
	expect_ring(DRIVER, 1, DOORBELL, 4, 0);
	expect_ring(DRIVER, 1, DOORBELL + 0x20, 4, 0);
}

TEST_F(ioeventfd, datamatch_of_each_width)
{
	const uint64_t value = 0x8182838485868788ULL;
	unsigned int w;

	for (w = 1; w <= 8; w *= 2) {
		uint64_t mask = ~0ULL >> (64 - 8 * w);

		ASSERT_EQ(0, assign(self->fd, DOORBELL, w, MATCH, value & mask));
		expect_ring(DRIVER, 1, DOORBELL, w, value);
		expect_ring(VMM, 0, DOORBELL, w, value ^ 1);
		expect_ring(VMM, 0, DOORBELL, w, value ^ (1ULL << (8 * w - 1)));
		ASSERT_EQ(0, deassign(self->fd, DOORBELL, w, MATCH, value & mask));
	}
}

/* A guest's value is zero above its width: these never match. */
TEST_F(ioeventfd, datamatch_is_compared_in_all_bits)
{
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, MATCH, 1ULL << 32 | 5));
	expect_ring(VMM, 0, DOORBELL, 4, 1ULL << 32 | 5);
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, MATCH, 5));
	expect_ring(DRIVER, 1, DOORBELL, 4, 1ULL << 32 | 5);
}

#define QUEUES	8

/* As in virtio-mmio: one address, the value is the number of the queue. */
TEST_F(ioeventfd, several_share_an_address_and_differ_in_datamatch)
{
	int fds[QUEUES];
	unsigned int i, j;

	for (i = 0; i < QUEUES; i++) {
		fds[i] = event_new();
		ASSERT_EQ(0, assign(fds[i], DOORBELL, 4, MATCH, i));
	}
	for (i = 0; i < QUEUES; i++) {
		EXPECT_EQ(DRIVER, ring(DOORBELL, 4, i));
		for (j = 0; j < QUEUES; j++)
			EXPECT_EQ(i == j, event_count(fds[j]))
				TH_LOG("queue %u, eventfd %u", i, j);
	}
	EXPECT_EQ(VMM, ring(DOORBELL, 4, QUEUES));

	ASSERT_EQ(0, deassign(fds[3], DOORBELL, 4, MATCH, 3));
	EXPECT_EQ(VMM, ring(DOORBELL, 4, 3));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 4));
	EXPECT_EQ(0, event_count(fds[3]));
	EXPECT_EQ(1, event_count(fds[4]));
	for (i = 0; i < QUEUES; i++)
		close(fds[i]);
}

TEST_F(ioeventfd, several_share_an_address_and_differ_in_width)
{
	int fds[4];
	unsigned int i, j;

	for (i = 0; i < 4; i++) {
		fds[i] = event_new();
		ASSERT_EQ(0, assign(fds[i], DOORBELL, 1 << i, 0, 0));
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(DRIVER, ring(DOORBELL, 1 << i, 0));
		for (j = 0; j < 4; j++)
			EXPECT_EQ(i == j, event_count(fds[j]));
	}
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

TEST_F(ioeventfd, one_eventfd_has_several_doorbells)
{
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, MATCH, 1));
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, MATCH, 2));
	ASSERT_EQ(0, assign(self->fd, DOORBELL + 8, 0, 0, 0));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 1));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 2));
	EXPECT_EQ(DRIVER, ring(DOORBELL + 8, 1, 2));
	EXPECT_EQ(3, event_count(self->fd));
}

/* Two that could match the same write are refused, so that none hides another. */
TEST_F(ioeventfd, collisions)
{
	static const struct {
		uint32_t len, flags;
		uint64_t value;
	} kinds[] = {
		{ 0, 0, 0 }, { 4, 0, 0 }, { 4, MATCH, 7 }, { 4, MATCH, 8 },
		{ 8, 0, 0 }, { 8, MATCH, 7 },
	};
	/* Bit j of [i]: i and j collide */
	static const unsigned int collides[] = {
		0x3f, 0x0f, 0x07, 0x0b, 0x31, 0x31,
	};
	int other = event_new();
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		ASSERT_EQ(0, assign(self->fd, DOORBELL, kinds[i].len,
				    kinds[i].flags, kinds[i].value));
		for (j = 0; j < ARRAY_SIZE(kinds); j++) {
			int ret = assign(other, DOORBELL, kinds[j].len,
					 kinds[j].flags, kinds[j].value);

			EXPECT_EQ(collides[i] >> j & 1 ? -EEXIST : 0, ret)
				TH_LOG("%u there, %u added", i, j);
			if (ret)
				continue;
			EXPECT_EQ(0, deassign(other, DOORBELL, kinds[j].len,
					      kinds[j].flags, kinds[j].value));
		}
		ASSERT_EQ(0, deassign(self->fd, DOORBELL, kinds[i].len,
				      kinds[i].flags, kinds[i].value));
	}
	close(other);
}

TEST_F(ioeventfd, duplicate_is_refused)
{
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, MATCH, 7));
	EXPECT_EQ(-EEXIST, assign(self->fd, DOORBELL, 4, MATCH, 7));
	EXPECT_EQ(-EEXIST, assign(self->fd, DOORBELL, 4, 0, 7));
	expect_ring(DRIVER, 1, DOORBELL, 4, 7);
	ASSERT_EQ(0, deassign(self->fd, DOORBELL, 4, MATCH, 7));
	expect_ring(VMM, 0, DOORBELL, 4, 7);
}

TEST_F(ioeventfd, deassign_wants_the_very_same)
{
	int other = event_new();

	EXPECT_EQ(-ENOENT, deassign(self->fd, DOORBELL, 4, MATCH, 7));
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, MATCH, 7));
	EXPECT_EQ(-ENOENT, deassign(other, DOORBELL, 4, MATCH, 7));
	EXPECT_EQ(-ENOENT, deassign(self->fd, DOORBELL + 8, 4, MATCH, 7));
	EXPECT_EQ(-ENOENT, deassign(self->fd, DOORBELL, 8, MATCH, 7));
	EXPECT_EQ(-ENOENT, deassign(self->fd, DOORBELL, 4, MATCH, 8));
	EXPECT_EQ(-ENOENT, deassign(self->fd, DOORBELL, 4, 0, 7));
	EXPECT_EQ(-ENOENT, deassign(self->fd, DOORBELL, 0, 0, 7));
	expect_ring(DRIVER, 1, DOORBELL, 4, 7);
	EXPECT_EQ(0, deassign(self->fd, DOORBELL, 4, MATCH, 7));
	EXPECT_EQ(-ENOENT, deassign(self->fd, DOORBELL, 4, MATCH, 7));
	close(other);
}

TEST_F(ioeventfd, flags_must_be_defined)
{
	unsigned int bit;

	EXPECT_EQ(-EINVAL, assign(self->fd, DOORBELL, 4, GZVM_IOEVENTFD_FLAG_PIO, 0));
	EXPECT_EQ(-EINVAL, deassign(self->fd, DOORBELL, 4, GZVM_IOEVENTFD_FLAG_PIO, 0));
	EXPECT_EQ(-EINVAL, assign(self->fd, DOORBELL, 4, MATCH | GZVM_IOEVENTFD_FLAG_PIO, 0));
	for (bit = 3; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, assign(self->fd, DOORBELL, 4, 1U << bit, 0))
			TH_LOG("bit %u", bit);
	expect_ring(VMM, 0, DOORBELL, 4, 0);
}

TEST_F(ioeventfd, pad_must_be_zero)
{
	struct gzvm_ioeventfd args = { .addr = DOORBELL, .fd = self->fd };
	unsigned int i;

	for (i = 0; i < sizeof(args.pad); i++) {
		args.pad[i] = 1;
		EXPECT_EQ(-EINVAL, gz_ioctl(self->t.vm.fd, GZVM_IOEVENTFD,
					    (unsigned long)&args))
			TH_LOG("byte %u", i);
		args.pad[i] = 0;
	}
	EXPECT_EQ(0, gz_ioctl(self->t.vm.fd, GZVM_IOEVENTFD,
			      (unsigned long)&args));
}

TEST_F(ioeventfd, length_must_be_one_of_a_store)
{
	static const uint32_t lens[] = {
		3, 5, 6, 7, 9, 16, 32, 256, 0x80000000, 0x80000001, ~0U,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(-EINVAL, assign(self->fd, DOORBELL, lens[i], 0, 0));
		EXPECT_EQ(-EINVAL, deassign(self->fd, DOORBELL, lens[i], 0, 0));
	}
	EXPECT_EQ(-EINVAL, assign(self->fd, DOORBELL, 0, MATCH, 0));
}

TEST_F(ioeventfd, range_must_not_wrap)
{
	EXPECT_EQ(-EINVAL, assign(self->fd, ~0ULL, 1, 0, 0));
	EXPECT_EQ(-EINVAL, assign(self->fd, ~0ULL - 3, 8, 0, 0));
	EXPECT_EQ(-EINVAL, assign(self->fd, ~0ULL - 7, 8, 0, 0));
	EXPECT_EQ(0, assign(self->fd, ~0ULL - 8, 8, 0, 0));
	EXPECT_EQ(0, assign(self->fd, ~0ULL, 0, 0, 0));
}

TEST_F(ioeventfd, fd_must_be_an_eventfd)
{
	int closed = event_new();

	close(closed);
	EXPECT_EQ(-EBADF, assign(-1, DOORBELL, 4, 0, 0));
	EXPECT_EQ(-EBADF, assign(closed, DOORBELL, 4, 0, 0));
	EXPECT_EQ(-EBADF, deassign(closed, DOORBELL, 4, 0, 0));
	EXPECT_EQ(-EINVAL, assign(self->t.vm.fd, DOORBELL, 4, 0, 0));
	EXPECT_EQ(-EINVAL, assign(self->t.vm.dev_fd, DOORBELL, 4, 0, 0));
}

TEST_F(ioeventfd, loads_go_to_the_vmm)
{
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 0, 0, 0));
	ASSERT_EQ(0, assign(self->fd, DOORBELL + 8, 4, MATCH, 0));
	expect_ring(VMM, 0, DOORBELL, LOADS | 4, 0);
	expect_ring(VMM, 0, DOORBELL, LOADS | 8, 0);
	expect_ring(VMM, 0, DOORBELL + 8, LOADS | 4, 0);
	expect_ring(DRIVER, 1, DOORBELL, 4, 0);
}

/* A full counter must not block the guest. */
TEST_F(ioeventfd, full_counter_stops_nobody)
{
	const uint64_t full = ~0ULL - 1;

	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, 0, 0));
	ASSERT_EQ(sizeof(full), write(self->fd, &full, sizeof(full)));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 0));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 0));
	EXPECT_LE(full, event_count(self->fd));
	expect_ring(DRIVER, 1, DOORBELL, 4, 0);
}

#define MANY	1000

TEST_F(ioeventfd, the_last_of_a_thousand_matches)
{
	int first = event_new(), last = event_new();
	unsigned int i;

	ASSERT_EQ(0, assign(first, DOORBELL, 4, MATCH, 0));
	for (i = 1; i < MANY - 1; i++)
		ASSERT_EQ(0, assign(self->fd, DOORBELL + i % 16 * 16, 4, MATCH, i));
	ASSERT_EQ(0, assign(last, DOORBELL, 4, MATCH, MANY));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, MANY));
	EXPECT_EQ(1, event_count(last));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 0));
	EXPECT_EQ(1, event_count(first));
	EXPECT_EQ(0, event_count(self->fd));
	for (i = 1; i < MANY - 1; i++)
		ASSERT_EQ(DRIVER, ring(DOORBELL + i % 16 * 16, 4, i));
	EXPECT_EQ(MANY - 2, event_count(self->fd));
	expect_ring(VMM, 0, DOORBELL, 4, MANY + 1);

	for (i = 1; i < MANY - 1; i++)
		ASSERT_EQ(0, deassign(self->fd, DOORBELL + i % 16 * 16, 4, MATCH, i));
	expect_ring(VMM, 0, DOORBELL, 4, 16);
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, MANY));
	close(first);
	close(last);
}

TEST_F(ioeventfd, reader_is_woken)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN };

	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, 0, 0));
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 0));
	EXPECT_EQ(1, poll(&p, 1, 0));
}

TEST_F(ioeventfd, vms_have_their_own)
{
	struct tvm other;
	int fd = event_new();

	tvm_create(&other, 1);
	tvm_enter(&other, 0, guest_ops, 0);
	vcpu_run_to_sync(&other.vcpus[0], 0);
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, 0, 0));
	EXPECT_EQ(VMM, access_once(&other, DOORBELL, 4, 0));
	EXPECT_EQ(0, event_count(self->fd));
	ASSERT_EQ(0, ioeventfd(&other, fd, DOORBELL, 4, 0, 0));
	EXPECT_EQ(DRIVER, access_once(&other, DOORBELL, 4, 0));
	EXPECT_EQ(0, event_count(self->fd));
	EXPECT_EQ(1, event_count(fd));
	tvm_destroy(&other);
	expect_ring(DRIVER, 1, DOORBELL, 4, 0);
	close(fd);
}

/* The ioeventfd holds the eventfd; the user only closes a file descriptor. */
TEST_F(ioeventfd, eventfd_closed_first)
{
	int copy, fd = event_new();

	ASSERT_EQ(0, assign(fd, DOORBELL, 4, 0, 0));
	copy = dup(fd);
	close(fd);
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 0));
	EXPECT_EQ(1, event_count(copy));
	EXPECT_EQ(0, deassign(copy, DOORBELL, 4, 0, 0));
	ASSERT_EQ(0, assign(copy, DOORBELL, 4, 0, 0));
	close(copy);
	EXPECT_EQ(DRIVER, ring(DOORBELL, 4, 0));
	EXPECT_EQ(-EBADF, deassign(copy, DOORBELL, 4, 0, 0));
	EXPECT_EQ(-EEXIST, assign(self->fd, DOORBELL, 4, 0, 0));
}

TEST_F(ioeventfd, eventfd_survives_the_vm)
{
	ASSERT_EQ(0, assign(self->fd, DOORBELL, 4, 0, 0));
	ASSERT_EQ(0, assign(self->fd, DOORBELL + 8, 0, 0, 0));
	/* The vCPU keeps the VM, and the VM keeps the doorbell. */
	gz_vm_destroy(&self->t.vm);
	expect_ring(DRIVER, 1, DOORBELL, 4, 0);
	tvm_destroy(&self->t);
	EXPECT_EQ(0, event_count(self->fd));
	EXPECT_EQ(0, eventfd_write(self->fd, 3));
	EXPECT_EQ(3, event_count(self->fd));
}

TEST_HARNESS_MAIN
