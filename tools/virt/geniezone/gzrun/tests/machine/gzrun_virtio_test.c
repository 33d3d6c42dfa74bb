// SPDX-License-Identifier: GPL-2.0
/*
 * The virtio devices of gzrun: the memory that they access, and queues that
 * vhost serves. The test takes the place of the guest, so no hypervisor is
 * needed.
 *
 * Needs: modes
 */

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include <libgzvm.h>

#include "kselftest_harness.h"
#include "layout.h"
#include "machine/pool.h"
#include "socket.h"
#include "virtio/console.h"
#include "virtio/virtio.h"

static uint32_t get(struct gz_virtio *v, unsigned int reg)
{
	return v->dev.ops->read(&v->dev, reg, 4);
}

static void set(struct gz_virtio *v, unsigned int reg, uint32_t value)
{
	v->dev.ops->write(&v->dev, reg, 4, value);
}

/* Accepts features; returns true if the device agrees */
static bool negotiate(struct gz_virtio *v, uint64_t features)
{
	const uint32_t so_far = VIRTIO_CONFIG_S_ACKNOWLEDGE |
				VIRTIO_CONFIG_S_DRIVER;

	set(v, VIRTIO_MMIO_STATUS, 0);
	set(v, VIRTIO_MMIO_STATUS, so_far);
	set(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(v, VIRTIO_MMIO_DRIVER_FEATURES, features);
	set(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(v, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	set(v, VIRTIO_MMIO_STATUS, so_far | VIRTIO_CONFIG_S_FEATURES_OK);
	return get(v, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK;
}

/*
 * Sets up a queue of 8 entries at this address; returns true if the device
 * accepts it
 */
static bool set_up_queue(struct gz_virtio *v, uint64_t desc, uint64_t avail,
			 uint64_t used)
{
	set(v, VIRTIO_MMIO_QUEUE_READY, 0);
	set(v, VIRTIO_MMIO_QUEUE_NUM, 8);
	set(v, VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
	set(v, VIRTIO_MMIO_QUEUE_DESC_HIGH, desc >> 32);
	set(v, VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail);
	set(v, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, avail >> 32);
	set(v, VIRTIO_MMIO_QUEUE_USED_LOW, used);
	set(v, VIRTIO_MMIO_QUEUE_USED_HIGH, used >> 32);
	set(v, VIRTIO_MMIO_QUEUE_READY, 1);
	return get(v, VIRTIO_MMIO_QUEUE_READY);
}

/*
 * RAM is mapped without access, as if it were protected: a device that accesses
 * any of it ends the test by a signal.
 */
TEST(devices_see_nothing_but_the_pool)
{
	const uint64_t both = 1ULL << VIRTIO_F_VERSION_1 |
			      1ULL << VIRTIO_F_ACCESS_PLATFORM;
	const size_t half = 0x200000;
	const uint64_t pool = GZ_RAM_BASE + half;
	struct gz_memory ram, dma;
	struct gz_virtio *v;

	ASSERT_EQ(0, gz_memory_alloc_as(&ram, GZ_RAM_BASE, 2 * half,
					GZ_BACKING_SHARED));
	ASSERT_EQ(0, mprotect(ram.hva, half, PROT_NONE));
	dma = (struct gz_memory){ .gpa = pool, .size = half, .bounce = true,
				  .hva = (char *)ram.hva + half };
	v = gz_rng_new(&dma, 0);
	ASSERT_NE(NULL, v);
	EXPECT_FALSE(negotiate(v, 1ULL << VIRTIO_F_VERSION_1));
	EXPECT_TRUE(negotiate(v, both));
	EXPECT_FALSE(set_up_queue(v, pool - 0x1000, pool, pool));
	EXPECT_FALSE(set_up_queue(v, pool, pool - 0x10, pool));
	EXPECT_FALSE(set_up_queue(v, pool, pool, pool + half - 8));
	EXPECT_FALSE(set_up_queue(v, pool, pool, ~7ULL));
	EXPECT_TRUE(set_up_queue(v, pool, pool + 0x1000, pool + 0x2000));
	v->ops->destroy(v);

	/* Without a pool, the guest has no use for the DMA layer */
	dma.bounce = false;
	v = gz_rng_new(&dma, 0);
	ASSERT_NE(NULL, v);
	EXPECT_TRUE(negotiate(v, 1ULL << VIRTIO_F_VERSION_1));
	EXPECT_FALSE(negotiate(v, both));
	v->ops->destroy(v);
	gz_memory_free(&ram);
}

static void count(void *arg)
{
	++*(unsigned int *)arg;
}

/* Otherwise such a guest would wait for its first disk, and nobody would know why */
TEST(a_guest_that_does_not_use_the_pool_is_reported)
{
	const uint64_t pool = GZ_RAM_BASE + 0x200000;
	struct gz_memory dma;
	unsigned int ends = 0;
	struct gz_virtio *v;
	char text[512] = "";
	int err, old;

	ASSERT_EQ(0, gz_memory_alloc(&dma, pool, 0x200000));
	dma.bounce = true;
	v = gz_rng_new(&dma, 0);
	ASSERT_NE(NULL, v);
	v->no_pool = count;
	v->no_pool_arg = &ends;
	err = memfd_create("stderr", 0);
	old = dup(STDERR_FILENO);
	ASSERT_EQ(STDERR_FILENO, dup2(err, STDERR_FILENO));
	set_up_queue(v, GZ_RAM_BASE, GZ_RAM_BASE + 0x1000, GZ_RAM_BASE + 0x2000);
	ASSERT_EQ(STDERR_FILENO, dup2(old, STDERR_FILENO));
	EXPECT_LT(0, pread(err, text, sizeof(text) - 1, 0));
	EXPECT_NE(NULL, strstr(text, "CONFIG_DMA_RESTRICTED_POOL"));
	EXPECT_EQ(1, ends);
	EXPECT_TRUE(set_up_queue(v, pool, pool + 0x1000, pool + 0x2000));
	EXPECT_EQ(1, ends);
	close(err);
	close(old);
	v->ops->destroy(v);
	gz_memory_free(&dma);
}

#define UNFIT		13

static void leave(void)
{
	if (write(STDERR_FILENO, "left. ", 6) < 0)
		_exit(1);
}

/* The device sets up a queue at @p, in a process that watches @pool. */
static int set_up_in(const struct gz_memory *pool, struct gz_memory *p, int err)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct gz_virtio *v = gz_rng_new(p, 0);

		dup2(err, STDERR_FILENO);
		if (gz_pool_watch(pool, leave, UNFIT))
			_exit(1);
		set_up_queue(v, p->gpa, p->gpa + 0x1000, p->gpa + 0x2000);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* The pages of a mapping behind the end of its file raise SIGBUS, as private ones do */
TEST(a_pool_that_the_guest_has_not_shared_is_reported)
{
	struct gz_memory pool = { .gpa = GZ_RAM_BASE, .size = 0x10000, .bounce = true };
	struct gz_memory other = pool;
	int err = memfd_create("stderr", 0);
	int file = memfd_create("pool", 0);
	char text[512] = "";
	int status;

	pool.hva = mmap(NULL, 2 * pool.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, pool.hva);
	other.hva = (char *)pool.hva + pool.size;
	status = set_up_in(&pool, &pool, err);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(UNFIT, WEXITSTATUS(status));
	EXPECT_LT(0, pread(err, text, sizeof(text) - 1, 0));
	EXPECT_EQ(0, strncmp(text, "left. gzrun: ", 13));
	EXPECT_NE(NULL, strstr(text, "CONFIG_ARM_PKVM_GUEST"));

	/* Another error of the bus is another matter */
	ASSERT_EQ(0, ftruncate(err, 0));
	status = set_up_in(&pool, &other, err);
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
	memset(text, 0, sizeof(text));
	EXPECT_LT(0, pread(err, text, sizeof(text) - 1, 0));
	EXPECT_EQ(NULL, strstr(text, "CONFIG_ARM_PKVM_GUEST"));

	ASSERT_EQ(0, ftruncate(file, 2 * pool.size));
	EXPECT_EQ(0, set_up_in(&pool, &pool, err));
	munmap(pool.hva, 2 * pool.size);
	close(err);
	close(file);
}

#define QUEUE(q)	(GZ_RAM_BASE + (q) * 0x10000)
#define BUFFERS		(GZ_RAM_BASE + 0x100000)

/* The steps of a guest from the reset on, with empty queues */
static bool bring_up_with(struct gz_virtio *v, uint64_t features)
{
	bool ok = negotiate(v, features | 1ULL << VIRTIO_F_VERSION_1);
	unsigned int q;

	for (q = 0; q < v->nr_queues; q++) {
		set(v, VIRTIO_MMIO_QUEUE_SEL, q);
		ok = ok && set_up_queue(v, QUEUE(q), QUEUE(q) + 0x1000,
					QUEUE(q) + 0x2000);
	}
	set(v, VIRTIO_MMIO_STATUS, get(v, VIRTIO_MMIO_STATUS) |
				   VIRTIO_CONFIG_S_DRIVER_OK);
	return ok;
}

static bool bring_up(struct gz_virtio *v)
{
	return bring_up_with(v, 0);
}

static bool needs_reset(struct gz_virtio *v)
{
	return get(v, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* Makes the descriptors of a queue, from the first one on, one available chain */
static void offer(const struct gz_memory *mem, unsigned int q,
		  const struct vring_desc *chain, unsigned int nr)
{
	struct vring_desc *desc = gz_memory_at(mem, QUEUE(q), nr * 16);
	struct vring_avail *avail = gz_memory_at(mem, QUEUE(q) + 0x1000, 20);
	uint16_t idx = le16toh(avail->idx);
	unsigned int i;

	for (i = 0; i < nr; i++)
		desc[i] = (struct vring_desc){
			.addr = htole64(chain[i].addr),
			.len = htole32(chain[i].len),
			.flags = htole16(chain[i].flags |
					 (i + 1 < nr ? VRING_DESC_F_NEXT : 0)),
			.next = htole16(i + 1),
		};
	avail->ring[idx % 8] = 0;
	__atomic_store_n(&avail->idx, htole16(idx + 1), __ATOMIC_RELEASE);
}

#define CONSOLE_RX	0

/* A buffer without room would be taken and returned again and again */
TEST(console_input_needs_room)
{
	static const struct vring_desc empty = { BUFFERS, 0, VRING_DESC_F_WRITE };
	struct gz_memory mem;
	struct gz_virtio *v;
	struct pollfd irq;

	ASSERT_EQ(0, gz_kick_init());
	ASSERT_EQ(0, gz_memory_alloc(&mem, GZ_RAM_BASE, 0x200000));
	v = gz_virtio_console_new(&mem, 0, -1, -1);
	ASSERT_NE(NULL, v);
	ASSERT_EQ(0, gz_virtio_start(v));
	ASSERT_TRUE(bring_up(v));
	offer(&mem, CONSOLE_RX, &empty, 1);
	irq = (struct pollfd){ .fd = v->irq_fd, .events = POLLIN };
	EXPECT_EQ(1, gz_virtio_console_receive(v, (const uint8_t *)"x", 1));
	ASSERT_EQ(1, poll(&irq, 1, 10000));
	EXPECT_TRUE(needs_reset(v));
	gz_virtio_stop(v);
	gz_virtio_join(v);
	v->ops->destroy(v);
	gz_memory_free(&mem);
}

#define CONSOLE_TX	1
#define CONSOLE_SOCKET	"/tmp/gz-console-test"

/* A console whose clients connect to a socket; no thread serves it */
FIXTURE(clients)
{
	struct gz_memory mem;
	struct gz_virtio *v;
	int listen_fd;
	int fd;
};

static int connect_client(void)
{
	struct sockaddr_un addr = { AF_UNIX, CONSOLE_SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

FIXTURE_SETUP(clients)
{
	unlink(CONSOLE_SOCKET);
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, gz_memory_alloc(&self->mem, GZ_RAM_BASE, 0x200000));
	self->listen_fd = gz_socket_listen(CONSOLE_SOCKET, 1);
	ASSERT_LE(0, self->listen_fd);
	self->v = gz_virtio_console_new(&self->mem, 0, -1, self->listen_fd);
	ASSERT_NE(NULL, self->v);
	ASSERT_TRUE(bring_up(self->v));
	self->fd = connect_client();
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(self->listen_fd, self->v->input_fd);
	self->v->ops->input(self->v);
	EXPECT_NE(self->listen_fd, self->v->input_fd);
}

FIXTURE_TEARDOWN(clients)
{
	self->v->ops->destroy(self->v);
	close(self->listen_fd);
	close(self->fd);
	unlink(CONSOLE_SOCKET);
	gz_memory_free(&self->mem);
}

/* The guest writes @text */
static void print(struct gz_virtio *v, const struct gz_memory *mem, const char *text)
{
	struct vring_desc desc = { BUFFERS, strlen(text) };

	memcpy(gz_memory_at(mem, BUFFERS, desc.len), text, desc.len);
	offer(mem, CONSOLE_TX, &desc, 1);
	v->ops->kick(v, CONSOLE_TX);
}

/* The next text that the client gets */
static const char *received(int fd, char text[64])
{
	ssize_t n = read(fd, text, 63);

	text[n > 0 ? n : 0] = 0;
	return text;
}

TEST_F(clients, send_and_receive)
{
	static const struct vring_desc buffer = { BUFFERS + 0x1000, 64, VRING_DESC_F_WRITE };
	const struct vring_used *used = gz_memory_at(&self->mem, QUEUE(CONSOLE_RX) + 0x2000, 68);
	char text[64];

	print(self->v, &self->mem, "login:");
	EXPECT_STREQ("login:", received(self->fd, text));
	ASSERT_EQ(5, write(self->fd, "root\n", 5));
	self->v->ops->input(self->v);
	EXPECT_EQ(0, le16toh(used->idx));
	offer(&self->mem, CONSOLE_RX, &buffer, 1);
	self->v->ops->kick(self->v, CONSOLE_RX);
	EXPECT_EQ(1, le16toh(used->idx));
	EXPECT_EQ(5, le32toh(used->ring[0].len));
	EXPECT_EQ(0, memcmp("root\n", gz_memory_at(&self->mem, BUFFERS + 0x1000, 5), 5));
}

TEST_F(clients, the_next_one_comes_when_one_has_gone)
{
	char text[64];

	close(self->fd);
	self->v->ops->input(self->v);
	EXPECT_EQ(self->listen_fd, self->v->input_fd);
	print(self->v, &self->mem, "nobody reads this");
	self->fd = connect_client();
	self->v->ops->input(self->v);
	print(self->v, &self->mem, "login:");
	EXPECT_STREQ("login:", received(self->fd, text));
}

TEST_F(clients, input_waits_for_the_guest)
{
	static const char keys[65536];
	ssize_t sent = 0, n;
	char text[64];

	while ((n = write(self->fd, keys, sizeof(keys))) > 0) {
		sent += n;
		if (self->v->input_fd >= 0)
			self->v->ops->input(self->v);
	}
	EXPECT_LT(4096, sent);
	/* It would be readable for ever */
	EXPECT_EQ(-1, self->v->input_fd);
	print(self->v, &self->mem, "login:");
	EXPECT_STREQ("login:", received(self->fd, text));
	EXPECT_EQ(-1, self->v->input_fd);

	/* Its end is behind the input, but output notices it */
	close(self->fd);
	print(self->v, &self->mem, "nobody reads this");
	EXPECT_NE(-1, self->v->input_fd);
	self->v->ops->input(self->v);
	EXPECT_EQ(self->listen_fd, self->v->input_fd);
	self->fd = connect_client();
	self->v->ops->input(self->v);
	print(self->v, &self->mem, "login:");
	EXPECT_STREQ("login:", received(self->fd, text));
}

#define NET_RX		0

TEST(frames_stay_with_the_host_without_a_driver)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t frame[64];
	uint8_t got[64];
	struct gz_memory mem;
	struct gz_virtio *v;
	int tap[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, tap));
	ASSERT_EQ(0, gz_memory_alloc(&mem, GZ_RAM_BASE, 0x200000));
	v = gz_net_new(&mem, 0, tap[0], NULL, mac);
	ASSERT_NE(NULL, v);
	ASSERT_TRUE(bring_up(v));
	v->ops->kick(v, NET_RX);
	EXPECT_EQ(tap[0], v->input_fd);
	set(v, VIRTIO_MMIO_STATUS, 0);
	ASSERT_EQ(64, write(tap[1], frame, 64));
	/* The device's thread was waiting for this */
	v->ops->input(v);
	EXPECT_EQ(-1, v->input_fd);
	ASSERT_TRUE(bring_up(v));
	v->ops->kick(v, NET_RX);
	EXPECT_EQ(tap[0], v->input_fd);
	EXPECT_EQ(64, read(tap[0], got, 64));
	v->ops->destroy(v);
	gz_memory_free(&mem);
	close(tap[0]);
	close(tap[1]);
}

/* Makes eight buffers of 64 bytes, and the first @nr of them available */
static void offer_buffers(const struct gz_memory *mem, unsigned int nr)
{
	struct vring_desc *desc = gz_memory_at(mem, QUEUE(NET_RX), 8 * 16);
	struct vring_avail *avail = gz_memory_at(mem, QUEUE(NET_RX) + 0x1000, 20);
	unsigned int i;

	for (i = 0; i < 8; i++) {
		desc[i] = (struct vring_desc){
			.addr = htole64(BUFFERS + i * 0x1000),
			.len = htole32(64),
			.flags = htole16(VRING_DESC_F_WRITE),
		};
		avail->ring[i] = htole16(i);
	}
	avail->idx = htole16(nr);
}

FIXTURE(net)
{
	int tap[2];
	struct gz_memory mem;
	struct gz_virtio *v;
	struct vring_used *used;
};

FIXTURE_SETUP(net)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1 };

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, self->tap));
	ASSERT_EQ(0, gz_memory_alloc(&self->mem, GZ_RAM_BASE, 0x200000));
	self->used = gz_memory_at(&self->mem, QUEUE(NET_RX) + 0x2000, 68);
	self->v = gz_net_new(&self->mem, 0, self->tap[0], NULL, mac);
	ASSERT_NE(NULL, self->v);
}

FIXTURE_TEARDOWN(net)
{
	self->v->ops->destroy(self->v);
	gz_memory_free(&self->mem);
	close(self->tap[0]);
	close(self->tap[1]);
}

#define LONG_FRAME	112

TEST_F(net, a_long_frame_takes_several_buffers)
{
	const struct virtio_net_hdr_v1 *hdr = gz_memory_at(&self->mem, BUFFERS, 12);
	const char *second = gz_memory_at(&self->mem, BUFFERS + 0x1000, 64);
	char frame[LONG_FRAME];

	memset(frame, 'x', sizeof(frame));
	ASSERT_TRUE(bring_up_with(self->v, 1ULL << VIRTIO_NET_F_MRG_RXBUF));
	offer_buffers(&self->mem, 1);
	ASSERT_EQ(LONG_FRAME, write(self->tap[1], frame, LONG_FRAME));
	self->v->ops->input(self->v);
	EXPECT_EQ(0, le16toh(self->used->idx));
	EXPECT_EQ(-1, self->v->input_fd);
	offer_buffers(&self->mem, 2);
	self->v->ops->kick(self->v, NET_RX);
	EXPECT_EQ(2, le16toh(self->used->idx));
	EXPECT_EQ(2, le16toh(hdr->num_buffers));
	EXPECT_EQ(64, le32toh(self->used->ring[0].len));
	EXPECT_EQ(LONG_FRAME - 64, le32toh(self->used->ring[1].len));
	EXPECT_EQ('x', second[LONG_FRAME - 64 - 1]);
	EXPECT_EQ(0, second[LONG_FRAME - 64]);
	EXPECT_EQ(self->tap[0], self->v->input_fd);
}

/* The contents of the guest's buffers from @first on, which must be for one frame */
static size_t contents(const struct gz_memory *mem, const struct vring_used *used,
		       unsigned int first, char *frame)
{
	const struct virtio_net_hdr_v1 *hdr;
	unsigned int i, end = le16toh(used->idx);
	size_t n, len = 0;

	hdr = gz_memory_at(mem, BUFFERS + first * 0x1000, 12);
	if (le16toh(hdr->num_buffers) != end - first)
		return 0;
	for (i = first; i < end; i++) {
		n = le32toh(used->ring[i].len);
		if (le32toh(used->ring[i].id) != i || n > 64)
			return 0;
		memcpy(frame + len, gz_memory_at(mem, BUFFERS + i * 0x1000, n), n);
		len += n;
	}
	return len;
}

/* Frames are read into as many buffers as the last one took, and the rest is moved */
TEST_F(net, frames_arrive_whole)
{
	static const size_t lengths[] = { 64, LONG_FRAME, LONG_FRAME, 20, 65 };
	char frame[LONG_FRAME], got[8 * 64];
	unsigned int i, j, first = 0;

	ASSERT_TRUE(bring_up_with(self->v, 1ULL << VIRTIO_NET_F_MRG_RXBUF));
	offer_buffers(&self->mem, 8);
	for (i = 0; i < 5; i++) {
		for (j = 0; j < lengths[i]; j++)
			frame[j] = 16 * i + j;
		ASSERT_EQ((ssize_t)lengths[i],
			  write(self->tap[1], frame, lengths[i]));
		self->v->ops->input(self->v);
		ASSERT_EQ(lengths[i],
			  contents(&self->mem, self->used, first, got));
		EXPECT_EQ(0, memcmp(frame, got, 10));
		EXPECT_EQ(0, memcmp(frame + 12, got + 12, lengths[i] - 12));
		first = le16toh(self->used->idx);
	}
	EXPECT_EQ(8, first);
	EXPECT_EQ(self->tap[0], self->v->input_fd);
}

TEST_F(net, the_header_may_be_in_pieces)
{
	static const struct vring_desc chain[] = {
		{ BUFFERS, 4, VRING_DESC_F_WRITE },
		{ BUFFERS + 0x1000, 60, VRING_DESC_F_WRITE },
	};
	const char *begin = gz_memory_at(&self->mem, BUFFERS, 4);
	const char *rest = gz_memory_at(&self->mem, BUFFERS + 0x1000, 60);
	char frame[64];

	memset(frame, 'x', sizeof(frame));
	ASSERT_TRUE(bring_up(self->v));
	offer(&self->mem, NET_RX, chain, 2);
	ASSERT_EQ(64, write(self->tap[1], frame, 64));
	self->v->ops->input(self->v);
	ASSERT_EQ(1, le16toh(self->used->idx));
	EXPECT_EQ(64, le32toh(self->used->ring[0].len));
	EXPECT_EQ(0, memcmp(frame, begin, 4));
	EXPECT_EQ(0, memcmp(frame, rest, 6));
	EXPECT_EQ(1, rest[6]);
	EXPECT_EQ(0, memcmp(frame + 12, rest + 8, 52));
}

/* Such as one that the host has made for an earlier driver, which took long ones */
TEST_F(net, a_frame_that_is_too_long_is_dropped)
{
	static const char frame[LONG_FRAME];

	ASSERT_TRUE(bring_up(self->v));
	offer_buffers(&self->mem, 2);
	ASSERT_EQ(LONG_FRAME, write(self->tap[1], frame, LONG_FRAME));
	ASSERT_EQ(64, write(self->tap[1], frame, 64));
	self->v->ops->input(self->v);
	EXPECT_EQ(1, le16toh(self->used->idx));
	EXPECT_EQ(64, le32toh(self->used->ring[0].len));
	EXPECT_FALSE(needs_reset(self->v));
	EXPECT_EQ(self->tap[0], self->v->input_fd);
}

#define DISK_SIZE	0x100000
#define DISK_SECTORS	(DISK_SIZE / 512)

FIXTURE(disk)
{
	char path[32];
	int fd;
	struct gz_memory mem;
	struct gz_virtio *v;
};

FIXTURE_VARIANT(disk)
{
	bool readonly;
	bool direct;
};

FIXTURE_VARIANT_ADD(disk, writable) {
};

FIXTURE_VARIANT_ADD(disk, readonly) {
	.readonly = true,
};

FIXTURE_VARIANT_ADD(disk, direct) {
	.direct = true,
};

FIXTURE_SETUP(disk)
{
	static const char sector[512] = "data";
	unsigned int i;

	snprintf(self->path, sizeof(self->path), "/tmp/virtio-diskXXXXXX");
	self->fd = mkstemp(self->path);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < DISK_SECTORS; i++)
		ASSERT_EQ(512, write(self->fd, sector, 512));
	ASSERT_EQ(0, gz_memory_alloc(&self->mem, GZ_RAM_BASE, 0x200000));
	self->v = gz_blk_new(&self->mem, 0, self->path,
			     (variant->readonly ? O_RDONLY : O_RDWR) |
			     (variant->direct ? O_DIRECT : 0));
	ASSERT_NE(NULL, self->v);
	ASSERT_TRUE(bring_up(self->v));
}

FIXTURE_TEARDOWN(disk)
{
	self->v->ops->destroy(self->v);
	gz_memory_free(&self->mem);
	close(self->fd);
	unlink(self->path);
}

/* One request that is served at once; returns its status */
static uint8_t request(struct gz_virtio *v, const struct gz_memory *mem,
		       uint32_t type, const void *data, size_t len)
{
	const struct vring_desc chain[] = {
		{ BUFFERS, 16 + len, 0 },
		{ BUFFERS + 0x1000, 1, VRING_DESC_F_WRITE },
	};
	struct virtio_blk_outhdr *hdr = gz_memory_at(mem, BUFFERS, 16 + len);
	uint8_t *status = gz_memory_at(mem, BUFFERS + 0x1000, 1);

	*hdr = (struct virtio_blk_outhdr){ .type = htole32(type) };
	memcpy(hdr + 1, data, len);
	*status = 0xff;
	offer(mem, 0, chain, 2);
	v->ops->kick(v, 0);
	return *status;
}

static uint8_t discard(struct gz_virtio *v, const struct gz_memory *mem,
		       uint64_t sector, uint32_t nr, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		htole64(sector), htole32(nr), htole32(flags)
	};

	return request(v, mem, VIRTIO_BLK_T_DISCARD, &range, sizeof(range));
}

TEST_F(disk, flush)
{
	EXPECT_EQ(VIRTIO_BLK_S_OK,
		  request(self->v, &self->mem, VIRTIO_BLK_T_FLUSH, NULL, 0));
}

TEST_F(disk, discard_is_offered_where_it_is_possible)
{
	set(self->v, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	EXPECT_EQ(!variant->readonly,
		  !!(get(self->v, VIRTIO_MMIO_DEVICE_FEATURES) &
		     1U << VIRTIO_BLK_F_DISCARD));
}

TEST_F(disk, discard_makes_a_hole)
{
	struct stat before, after;
	char sector[512];

	ASSERT_EQ(0, fstat(self->fd, &before));
	EXPECT_EQ(variant->readonly ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK,
		  discard(self->v, &self->mem, 1024, 512, 0));
	ASSERT_EQ(0, fstat(self->fd, &after));
	EXPECT_EQ(before.st_size, after.st_size);
	ASSERT_EQ(512, pread(self->fd, sector, 512, 1023 * 512));
	EXPECT_STREQ("data", sector);
	ASSERT_EQ(512, pread(self->fd, sector, 512, 1536 * 512));
	EXPECT_STREQ("data", sector);
	ASSERT_EQ(512, pread(self->fd, sector, 512, 1535 * 512));
	EXPECT_STREQ(variant->readonly ? "data" : "", sector);
	EXPECT_EQ(variant->readonly ? before.st_blocks :
				      before.st_blocks - 512, after.st_blocks);
}

TEST_F(disk, discard_that_is_none)
{
	struct virtio_blk_discard_write_zeroes ranges[17] = {};
	struct stat before, after;

	if (variant->readonly)
		SKIP(return, "has none");
	ASSERT_EQ(0, fstat(self->fd, &before));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  discard(self->v, &self->mem, DISK_SECTORS, 1, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  discard(self->v, &self->mem, 1, DISK_SECTORS, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  discard(self->v, &self->mem, 1ULL << 55, 8, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  discard(self->v, &self->mem, ~0ULL, ~0U, 0));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP,
		  discard(self->v, &self->mem, 0, 8, 1));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP,
		  discard(self->v, &self->mem, 0, 8, 1U << 31));
	/* No range, part of a range, more ranges than the device allows */
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->v, &self->mem, VIRTIO_BLK_T_DISCARD, ranges, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->v, &self->mem, VIRTIO_BLK_T_DISCARD, ranges, 8));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->v, &self->mem, VIRTIO_BLK_T_DISCARD, ranges,
			  sizeof(ranges)));
	ASSERT_EQ(0, fstat(self->fd, &after));
	EXPECT_EQ(before.st_blocks, after.st_blocks);
}

static uint8_t write_zeroes(struct gz_virtio *v, const struct gz_memory *mem,
			    uint64_t sector, uint32_t nr, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		htole64(sector), htole32(nr), htole32(flags)
	};

	return request(v, mem, VIRTIO_BLK_T_WRITE_ZEROES, &range, sizeof(range));
}

/* With a hole and without: the file system of this test has only holes. */
TEST_F(disk, zeroes_are_written)
{
	struct stat before, after;
	uint32_t unmap;
	char sector[512];

	set(self->v, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	EXPECT_EQ(!variant->readonly,
		  !!(get(self->v, VIRTIO_MMIO_DEVICE_FEATURES) &
		     1U << VIRTIO_BLK_F_WRITE_ZEROES));
	for (unmap = 0; unmap < 2; unmap++) {
		uint64_t first = 256 + unmap * 1024;

		ASSERT_EQ(0, fstat(self->fd, &before));
		EXPECT_EQ(variant->readonly ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK,
			  write_zeroes(self->v, &self->mem, first, 264, unmap));
		ASSERT_EQ(0, fstat(self->fd, &after));
		ASSERT_EQ(512, pread(self->fd, sector, 512, (first - 1) * 512));
		EXPECT_STREQ("data", sector);
		ASSERT_EQ(512, pread(self->fd, sector, 512, first * 512));
		EXPECT_STREQ(variant->readonly ? "data" : "", sector);
		ASSERT_EQ(512, pread(self->fd, sector, 512, (first + 263) * 512));
		EXPECT_STREQ(variant->readonly ? "data" : "", sector);
		ASSERT_EQ(512, pread(self->fd, sector, 512, (first + 264) * 512));
		EXPECT_STREQ("data", sector);
		if (!variant->readonly)
			EXPECT_EQ(unmap ? before.st_blocks - 264 : before.st_blocks,
				  after.st_blocks);
	}
}

TEST_F(disk, zeroes_that_are_refused)
{
	struct stat before, after;
	char sector[512];

	if (variant->readonly)
		SKIP(return, "has none");
	ASSERT_EQ(0, fstat(self->fd, &before));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  write_zeroes(self->v, &self->mem, DISK_SECTORS - 1, 2, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  write_zeroes(self->v, &self->mem, 0, (1U << 16) + 1, 1));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, write_zeroes(self->v, &self->mem, 0, 8, 2));
	ASSERT_EQ(0, fstat(self->fd, &after));
	EXPECT_EQ(before.st_blocks, after.st_blocks);
	ASSERT_EQ(512, pread(self->fd, sector, 512, (DISK_SECTORS - 1) * 512));
	EXPECT_STREQ("data", sector);
}

static bool is_direct(const char *path)
{
	char name[32], target[64];
	int fd, flags = 0;

	for (fd = 3; fd < 64; fd++) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		memset(target, 0, sizeof(target));
		if (readlink(name, target, sizeof(target) - 1) > 0 &&
		    !strcmp(target, path))
			flags |= fcntl(fd, F_GETFL);
	}
	return flags & O_DIRECT;
}

/* Pieces at odd addresses: two of them, with half a sector more than one in the first */
TEST_F(disk, data_may_lie_anywhere)
{
	const struct vring_desc chain[] = {
		{ BUFFERS, 16, 0 },
		{ BUFFERS + 0x1003, 768, 0 },
		{ BUFFERS + 0x2001, 256, 0 },
		{ BUFFERS + 0x3000, 1, VRING_DESC_F_WRITE },
	};
	const struct vring_desc back[] = {
		{ BUFFERS, 16, 0 },
		{ BUFFERS + 0x4005, 100, VRING_DESC_F_WRITE },
		{ BUFFERS + 0x5007, 924, VRING_DESC_F_WRITE },
		{ BUFFERS + 0x3000, 1, VRING_DESC_F_WRITE },
	};
	struct virtio_blk_outhdr *hdr = gz_memory_at(&self->mem, BUFFERS, 16);
	uint8_t *status = gz_memory_at(&self->mem, BUFFERS + 0x3000, 1);
	char *first = gz_memory_at(&self->mem, BUFFERS + 0x1003, 768);
	char *second = gz_memory_at(&self->mem, BUFFERS + 0x2001, 256);
	char data[1024], got[1024];
	unsigned int i;

	EXPECT_EQ(variant->direct, is_direct(self->path));
	if (variant->readonly)
		SKIP(return, "is not written");
	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 % 251;
	memcpy(first, data, 768);
	memcpy(second, data + 768, 256);
	*hdr = (struct virtio_blk_outhdr){
		.type = htole32(VIRTIO_BLK_T_OUT), .sector = htole64(5)
	};
	*status = 0xff;
	offer(&self->mem, 0, chain, 4);
	self->v->ops->kick(self->v, 0);
	EXPECT_EQ(VIRTIO_BLK_S_OK, *status);
	ASSERT_EQ(1024, pread(self->fd, got, 1024, 5 * 512));
	EXPECT_EQ(0, memcmp(data, got, 1024));
	ASSERT_EQ(512, pread(self->fd, got, 512, 7 * 512));
	EXPECT_STREQ("data", got);

	hdr->type = htole32(VIRTIO_BLK_T_IN);
	*status = 0xff;
	offer(&self->mem, 0, back, 4);
	self->v->ops->kick(self->v, 0);
	EXPECT_EQ(VIRTIO_BLK_S_OK, *status);
	EXPECT_EQ(0, memcmp(data, gz_memory_at(&self->mem, BUFFERS + 0x4005, 100), 100));
	EXPECT_EQ(0, memcmp(data + 100,
			    gz_memory_at(&self->mem, BUFFERS + 0x5007, 924), 924));
}

static uint8_t move(struct gz_virtio *v, const struct gz_memory *mem, uint32_t type,
		    uint64_t sector, uint64_t at, uint32_t len)
{
	const struct vring_desc chain[] = {
		{ BUFFERS, 16, 0 },
		{ at, len, type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0 },
		{ BUFFERS + 0x1000, 1, VRING_DESC_F_WRITE },
	};
	struct virtio_blk_outhdr *hdr = gz_memory_at(mem, BUFFERS, 16);
	uint8_t *status = gz_memory_at(mem, BUFFERS + 0x1000, 1);

	*hdr = (struct virtio_blk_outhdr){
		.type = htole32(type), .sector = htole64(sector)
	};
	*status = 0xff;
	offer(mem, 0, chain, 3);
	v->ops->kick(v, 0);
	return *status;
}

#define ZRAM		"/sys/block/zram0/"

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* A block device does not take other addresses and sizes, unlike a tmpfs. */
TEST(disk_has_the_blocks_of_the_hosts)
{
	const uint64_t from = BUFFERS + 0x2003, to = BUFFERS + 0x4005;
	struct gz_memory mem;
	struct gz_virtio *v;

	if (access("/dev/zram0", R_OK | W_OK))
		SKIP(return, "no /dev/zram0");
	write_to(ZRAM "disksize", "1M");
	ASSERT_EQ(0, gz_memory_alloc(&mem, GZ_RAM_BASE, 0x200000));
	v = gz_blk_new(&mem, 0, "/dev/zram0", O_RDWR | O_DIRECT);
	ASSERT_NE(NULL, v);
	ASSERT_TRUE(bring_up(v));
	EXPECT_EQ(4096, get(v, VIRTIO_MMIO_CONFIG +
			       offsetof(struct virtio_blk_config, blk_size)));
	memset(gz_memory_at(&mem, from, 4096), 'x', 4096);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, move(v, &mem, VIRTIO_BLK_T_OUT, 8, from, 512));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, move(v, &mem, VIRTIO_BLK_T_OUT, 1, from, 4096));
	EXPECT_EQ(VIRTIO_BLK_S_OK, move(v, &mem, VIRTIO_BLK_T_OUT, 8, from, 4096));
	EXPECT_EQ(VIRTIO_BLK_S_OK, move(v, &mem, VIRTIO_BLK_T_IN, 8, to, 4096));
	EXPECT_EQ(0, memcmp(gz_memory_at(&mem, from, 4096),
			    gz_memory_at(&mem, to, 4096), 4096));
	v->ops->destroy(v);
	gz_memory_free(&mem);
	write_to(ZRAM "reset", "1");
}

#define VSOCK_CID	1234
#define VSOCK_TX	1

FIXTURE(vsock)
{
	struct gz_memory mem;
	struct gz_virtio *v;
};

FIXTURE_SETUP(vsock)
{
	if (access("/dev/vhost-vsock", R_OK | W_OK))
		SKIP(return, "no /dev/vhost-vsock");
	ASSERT_EQ(0, gz_kick_init());
	ASSERT_EQ(0, gz_memory_alloc(&self->mem, GZ_RAM_BASE, 0x200000));
	self->v = gz_vsock_new(&self->mem, 0, VSOCK_CID);
	ASSERT_NE(NULL, self->v);
	ASSERT_EQ(0, gz_virtio_start(self->v));
}

FIXTURE_TEARDOWN(vsock)
{
	gz_virtio_stop(self->v);
	gz_virtio_join(self->v);
	gz_virtio_halt(self->v);
	self->v->ops->destroy(self->v);
	gz_memory_free(&self->mem);
}

static bool may_have_interrupted(struct gz_virtio *v)
{
	return get(v, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_VRING;
}

TEST_F(vsock, interrupts_are_possible_while_vhost_serves)
{
	EXPECT_EQ(VSOCK_CID, get(self->v, VIRTIO_MMIO_CONFIG));
	EXPECT_FALSE(may_have_interrupted(self->v));
	ASSERT_TRUE(bring_up(self->v));
	EXPECT_FALSE(needs_reset(self->v));
	EXPECT_TRUE(may_have_interrupted(self->v));
	/* An acknowledgment does not clear it */
	set(self->v, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	EXPECT_TRUE(may_have_interrupted(self->v));
	set(self->v, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(may_have_interrupted(self->v));
}

TEST_F(vsock, a_queue_that_is_taken_back_is_not_served)
{
	ASSERT_TRUE(bring_up(self->v));
	set(self->v, VIRTIO_MMIO_QUEUE_SEL, VSOCK_TX);
	set(self->v, VIRTIO_MMIO_QUEUE_READY, 0);
	EXPECT_FALSE(may_have_interrupted(self->v));
}

TEST_F(vsock, a_queue_is_missing)
{
	EXPECT_TRUE(negotiate(self->v, 1ULL << VIRTIO_F_VERSION_1));
	set(self->v, VIRTIO_MMIO_STATUS,
	    get(self->v, VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_DRIVER_OK);
	EXPECT_TRUE(needs_reset(self->v));
	EXPECT_FALSE(may_have_interrupted(self->v));
}

/* DRIVER_OK for a second time without a reset, which no driver should write */
TEST_F(vsock, served_again_after_a_second_start)
{
	uint32_t status;

	ASSERT_TRUE(bring_up(self->v));
	status = get(self->v, VIRTIO_MMIO_STATUS);
	set(self->v, VIRTIO_MMIO_STATUS, status & ~VIRTIO_CONFIG_S_DRIVER_OK);
	set(self->v, VIRTIO_MMIO_STATUS, status);
	EXPECT_FALSE(needs_reset(self->v));
	EXPECT_TRUE(may_have_interrupted(self->v));
	set(self->v, VIRTIO_MMIO_STATUS, 0);
	ASSERT_TRUE(bring_up(self->v));
	EXPECT_FALSE(needs_reset(self->v));
}

TEST_F(vsock, nonsense_is_noticed_and_a_reset_helps)
{
	static const struct vring_desc outside = { 0x1000, 64, 0 };
	struct pollfd irq = { .fd = self->v->irq_fd, .events = POLLIN };

	ASSERT_TRUE(bring_up(self->v));
	offer(&self->mem, VSOCK_TX, &outside, 1);
	EXPECT_EQ(0, atomic_load(&self->v->mmio_kicks));
	set(self->v, VIRTIO_MMIO_QUEUE_NOTIFY, VSOCK_TX);
	EXPECT_EQ(1, atomic_load(&self->v->mmio_kicks));
	/* vhost's thread finds the error, the device's own thread reports it */
	ASSERT_EQ(1, poll(&irq, 1, 10000));
	EXPECT_TRUE(needs_reset(self->v));
	EXPECT_FALSE(may_have_interrupted(self->v));
	memset(self->mem.hva, 0, self->mem.size);
	ASSERT_TRUE(bring_up(self->v));
	EXPECT_FALSE(needs_reset(self->v));
	EXPECT_TRUE(may_have_interrupted(self->v));
}

#define TAP		"gzvhost"

/* A network interface that vhost connects to a tap interface of the host */
FIXTURE(vhost_net)
{
	struct gz_memory mem;
	struct gz_virtio *v;
	int tap_fd;
	int vhost_fd;
};

FIXTURE_SETUP(vhost_net)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1 };

	if (access(GZ_VHOST_NET, R_OK | W_OK) || access("/dev/net/tun", R_OK | W_OK))
		SKIP(return, "no " GZ_VHOST_NET);
	ASSERT_EQ(0, gz_kick_init());
	ASSERT_EQ(0, gz_memory_alloc(&self->mem, GZ_RAM_BASE, 0x200000));
	self->tap_fd = gz_net_open_tap(TAP);
	self->vhost_fd = gz_vhost_net_open();
	ASSERT_LE(0, self->tap_fd);
	ASSERT_LE(0, self->vhost_fd);
	self->v = gz_vhost_net_new(&self->mem, 0, self->tap_fd, self->vhost_fd, mac);
	ASSERT_NE(NULL, self->v);
	ASSERT_EQ(0, gz_virtio_start(self->v));
}

FIXTURE_TEARDOWN(vhost_net)
{
	gz_virtio_stop(self->v);
	gz_virtio_join(self->v);
	gz_virtio_halt(self->v);
	self->v->ops->destroy(self->v);
	close(self->vhost_fd);
	close(self->tap_fd);
	gz_memory_free(&self->mem);
}

TEST_F(vhost_net, is_served_until_it_is_reset)
{
	EXPECT_FALSE(may_have_interrupted(self->v));
	ASSERT_TRUE(bring_up_with(self->v, gz_tap_features()));
	EXPECT_FALSE(needs_reset(self->v));
	EXPECT_TRUE(may_have_interrupted(self->v));
	set(self->v, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(may_have_interrupted(self->v));
	memset(self->mem.hva, 0, self->mem.size);
	ASSERT_TRUE(bring_up(self->v));
	EXPECT_FALSE(needs_reset(self->v));
	EXPECT_TRUE(may_have_interrupted(self->v));
}

#define NET_TX		1

TEST_F(vhost_net, sends_a_frame)
{
	const struct vring_used *used = gz_memory_at(&self->mem, QUEUE(NET_TX) + 0x2000, 68);
	const struct vring_desc frame = { BUFFERS, sizeof(struct virtio_net_hdr_v1) + 60 };
	struct pollfd irq = { .fd = self->v->irq_fd, .events = POLLIN };

	ASSERT_TRUE(bring_up(self->v));
	offer(&self->mem, NET_TX, &frame, 1);
	set(self->v, VIRTIO_MMIO_QUEUE_NOTIFY, NET_TX);
	ASSERT_EQ(1, poll(&irq, 1, 10000));
	EXPECT_EQ(1, le16toh(used->idx));
	EXPECT_FALSE(needs_reset(self->v));
}

TEST_F(vhost_net, sees_only_the_memory_of_devices)
{
	static const struct vring_desc outside = { GZ_RAM_BASE - 0x1000, 128, 0 };
	struct pollfd irq = { .fd = self->v->irq_fd, .events = POLLIN };

	ASSERT_TRUE(bring_up(self->v));
	offer(&self->mem, NET_TX, &outside, 1);
	set(self->v, VIRTIO_MMIO_QUEUE_NOTIFY, NET_TX);
	ASSERT_EQ(1, poll(&irq, 1, 10000));
	EXPECT_TRUE(needs_reset(self->v));
	EXPECT_FALSE(may_have_interrupted(self->v));
}

TEST_HARNESS_MAIN
