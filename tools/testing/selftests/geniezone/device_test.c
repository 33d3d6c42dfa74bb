// SPDX-License-Identifier: GPL-2.0
/*
 * The devices and the loader of gzrun, driven by the test instead of a guest.
 * Needs no hypervisor.
 */

#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/serial_reg.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "device.h"
#include "image.h"
#include "kselftest_harness.h"
#include "layout.h"
#include "memory.h"
#include "rtc.h"
#include "serial.h"
#include "vcpu.h"
#include "virtio.h"

FIXTURE(serial)
{
	struct gz_serial s;
	struct gz_bus bus;
	int out[2];
};

FIXTURE_SETUP(serial)
{
	memset(&self->bus, 0, sizeof(self->bus));
	ASSERT_EQ(0, pipe(self->out));
	ASSERT_EQ(0, gz_serial_init(&self->s, self->out[1]));
	ASSERT_EQ(0, gz_bus_add(&self->bus, &self->s.dev));
}

FIXTURE_TEARDOWN(serial)
{
	gz_serial_destroy(&self->s);
}

static uint8_t in(struct gz_serial *s, unsigned int reg)
{
	return s->dev.ops->read(&s->dev, reg, 1);
}

static void out(struct gz_serial *s, unsigned int reg, uint8_t value)
{
	s->dev.ops->write(&s->dev, reg, 1, value);
}

static size_t receive(struct gz_serial *s, const char *text)
{
	return gz_serial_receive(s, (const uint8_t *)text, strlen(text));
}

TEST_F(serial, output_comes_out)
{
	char text[3] = "";

	out(&self->s, UART_TX, 'o');
	out(&self->s, UART_TX, 'k');
	ASSERT_EQ(2, read(self->out[0], text, 2));
	EXPECT_STREQ("ok", text);
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, in(&self->s, UART_LSR));
}

TEST_F(serial, divisor_is_no_output)
{
	out(&self->s, UART_LCR, UART_LCR_DLAB);
	out(&self->s, UART_DLL, 0x34);
	out(&self->s, UART_DLM, 0x12);
	EXPECT_EQ(0x34, in(&self->s, UART_DLL));
	EXPECT_EQ(0x12, in(&self->s, UART_DLM));
	out(&self->s, UART_LCR, UART_LCR_WLEN8);
	EXPECT_EQ(0, in(&self->s, UART_IER));
	EXPECT_EQ(0, in(&self->s, UART_RX));
}

/* What a driver does to tell a 16550A from older ports. */
TEST_F(serial, is_a_16550a)
{
	EXPECT_EQ(UART_IIR_NO_INT, in(&self->s, UART_IIR));
	out(&self->s, UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(0xc0 | UART_IIR_NO_INT, in(&self->s, UART_IIR));
	out(&self->s, UART_SCR, 0xa5);
	EXPECT_EQ(0xa5, in(&self->s, UART_SCR));
	out(&self->s, UART_IER, 0xff);
	EXPECT_EQ(0x0f, in(&self->s, UART_IER));
}

TEST_F(serial, loop_back)
{
	out(&self->s, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	EXPECT_EQ(UART_MSR_DCD | UART_MSR_CTS, in(&self->s, UART_MSR));
	out(&self->s, UART_TX, 'x');
	EXPECT_EQ(UART_LSR_DR, in(&self->s, UART_LSR) & UART_LSR_DR);
	EXPECT_EQ('x', in(&self->s, UART_RX));
	/* The line is cut */
	EXPECT_EQ(0, receive(&self->s, "abc"));
}

TEST_F(serial, input_is_kept_in_order_and_nothing_is_lost)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog";
	size_t sent = 0, got = 0, len = strlen(text);
	eventfd_t count;

	out(&self->s, UART_FCR, UART_FCR_ENABLE_FIFO);
	while (got < len) {
		sent += receive(&self->s, text + sent);
		ASSERT_GE(GZ_SERIAL_FIFO, sent - got);
		while (in(&self->s, UART_LSR) & UART_LSR_DR)
			ASSERT_EQ(text[got++], in(&self->s, UART_RX));
		/* Whoever feeds was told exactly when there was more to feed */
		ASSERT_EQ(sent < len ? 0 : -1,
			  eventfd_read(self->s.room_fd, &count));
	}
}

/* The test is the driver: it takes the signal, and tells of the interrupt's end. */
TEST_F(serial, line_is_raised_again_until_all_is_read)
{
	struct gz_irq *irq = &self->s.irq;
	eventfd_t count;

	out(&self->s, UART_IER, UART_IER_RDI);
	EXPECT_EQ(-1, eventfd_read(irq->fd, &count));
	receive(&self->s, "a");
	ASSERT_EQ(0, eventfd_read(irq->fd, &count));
	/* Still there when the interrupt ends: again */
	eventfd_write(irq->resample_fd, 1);
	gz_irq_resample(irq);
	ASSERT_EQ(0, eventfd_read(irq->fd, &count));
	/* Read: quiet */
	EXPECT_EQ('a', in(&self->s, UART_RX));
	eventfd_write(irq->resample_fd, 1);
	gz_irq_resample(irq);
	EXPECT_EQ(-1, eventfd_read(irq->fd, &count));
	/* And the next is told of, though the last had an end of its own */
	receive(&self->s, "b");
	EXPECT_EQ(0, eventfd_read(irq->fd, &count));
	EXPECT_EQ(2, atomic_load(&irq->resamples));
}

TEST_F(serial, without_fifo_it_holds_one_byte)
{
	EXPECT_EQ(1, receive(&self->s, "abc"));
	EXPECT_EQ(0, receive(&self->s, "bc"));
	EXPECT_EQ('a', in(&self->s, UART_RX));
	EXPECT_EQ(1, receive(&self->s, "bc"));
}

TEST_F(serial, interrupts_have_an_order)
{
	out(&self->s, UART_IER, UART_IER_THRI);
	/* Enabling raises it, reading IIR takes it back */
	EXPECT_EQ(UART_IIR_THRI, in(&self->s, UART_IIR));
	EXPECT_EQ(UART_IIR_NO_INT, in(&self->s, UART_IIR));
	out(&self->s, UART_TX, 'x');
	out(&self->s, UART_IER, UART_IER_THRI | UART_IER_RDI);
	receive(&self->s, "a");
	EXPECT_EQ(UART_IIR_RDI, in(&self->s, UART_IIR));
	EXPECT_EQ(UART_IIR_RDI, in(&self->s, UART_IIR));
	EXPECT_EQ('a', in(&self->s, UART_RX));
	EXPECT_EQ(UART_IIR_THRI, in(&self->s, UART_IIR));
}

static void access_bus(struct gz_bus *bus, struct gzvm_vcpu_run *run,
		       uint64_t addr, uint64_t size, int is_write)
{
	memset(run, 0, sizeof(*run));
	memset(run->mmio.data, 0xaa, 8);
	run->mmio.phys_addr = addr;
	run->mmio.size = size;
	run->mmio.is_write = is_write;
	gz_bus_mmio(bus, run);
}

TEST_F(serial, bus_finds_the_device_and_nothing_else)
{
	static const uint8_t zeros[8];
	struct gzvm_vcpu_run run;

	access_bus(&self->bus, &run, GZ_SERIAL_BASE + UART_LSR, 1, 0);
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, run.mmio.data[0]);
	EXPECT_EQ(0, run.mmio.data[1]);
	access_bus(&self->bus, &run, GZ_SERIAL_BASE - 1, 1, 0);
	EXPECT_EQ(0, memcmp(zeros, run.mmio.data, 8));
	/* Half of it would be behind the device */
	access_bus(&self->bus, &run, GZ_SERIAL_BASE + GZ_SERIAL_SIZE - 4, 8, 0);
	EXPECT_EQ(0, memcmp(zeros, run.mmio.data, 8));
	access_bus(&self->bus, &run, ~0ULL, 8, 0);
	EXPECT_EQ(0, memcmp(zeros, run.mmio.data, 8));
}

TEST_F(serial, bus_refuses_sizes_that_no_guest_can_make)
{
	struct gzvm_vcpu_run run = {};

	run.mmio.phys_addr = GZ_SERIAL_BASE;
	run.mmio.size = 9;
	EXPECT_EQ(-EINVAL, gz_bus_mmio(&self->bus, &run));
	run.mmio.size = 0;
	EXPECT_EQ(-EINVAL, gz_bus_mmio(&self->bus, &run));
}

TEST_F(serial, bus_refuses_overlap)
{
	struct gz_serial twin = self->s;

	EXPECT_EQ(-EEXIST, gz_bus_add(&self->bus, &twin.dev));
	twin.dev.base += GZ_SERIAL_SIZE;
	EXPECT_EQ(0, gz_bus_add(&self->bus, &twin.dev));
}

TEST(rtc_can_be_set)
{
	struct gz_rtc rtc;
	uint32_t now = time(NULL);

	gz_rtc_init(&rtc);
	EXPECT_LE(rtc.dev.ops->read(&rtc.dev, 0, 4) - now, 5);
	rtc.dev.ops->write(&rtc.dev, 8, 4, 1000);
	EXPECT_LE(rtc.dev.ops->read(&rtc.dev, 0, 4) - 1000, 5);
	EXPECT_EQ(0x31, rtc.dev.ops->read(&rtc.dev, 0xfe0, 4));
}

TEST(memory_is_bounded)
{
	struct gz_memory mem;

	ASSERT_EQ(0, gz_memory_alloc(&mem, GZ_RAM_BASE, 0x1000));
	EXPECT_EQ(mem.hva, gz_memory_at(&mem, GZ_RAM_BASE, 0x1000));
	EXPECT_EQ(NULL, gz_memory_at(&mem, GZ_RAM_BASE, 0x1001));
	EXPECT_EQ(NULL, gz_memory_at(&mem, GZ_RAM_BASE - 1, 1));
	EXPECT_EQ(NULL, gz_memory_at(&mem, GZ_RAM_BASE + 0x1001, 0));
	EXPECT_EQ(NULL, gz_memory_at(&mem, GZ_RAM_BASE + 8, ~0ULL));
	gz_memory_free(&mem);
}

static uint32_t get(struct gz_virtio *v, unsigned int reg)
{
	return v->dev.ops->read(&v->dev, reg, 4);
}

static void set(struct gz_virtio *v, unsigned int reg, uint32_t value)
{
	v->dev.ops->write(&v->dev, reg, 4, value);
}

/* Takes features; true if the device is content with them */
static bool negotiate(struct gz_virtio *v, uint64_t features)
{
	const uint32_t so_far = VIRTIO_CONFIG_S_ACKNOWLEDGE |
				VIRTIO_CONFIG_S_DRIVER;

	set(v, VIRTIO_MMIO_STATUS, 0);
	set(v, VIRTIO_MMIO_STATUS, so_far);
	set(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(v, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	set(v, VIRTIO_MMIO_STATUS, so_far | VIRTIO_CONFIG_S_FEATURES_OK);
	return get(v, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK;
}

/* A queue of 8 entries that begins there; true if the device takes it */
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
 * RAM is mapped without access, as if it were protected: a device that touches
 * any of it ends the test with a signal.
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

	/* Without a pool nobody is made to use one */
	dma.bounce = false;
	v = gz_rng_new(&dma, 0);
	ASSERT_NE(NULL, v);
	EXPECT_TRUE(negotiate(v, 1ULL << VIRTIO_F_VERSION_1));
	v->ops->destroy(v);
	gz_memory_free(&ram);
}

#define VSOCK_CID	1234
#define VSOCK_TX	1
#define QUEUE(q)	(GZ_RAM_BASE + (q) * 0x10000)

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

/* What a guest does from a reset on, with empty queues */
static bool bring_up(struct gz_virtio *v)
{
	bool ok = negotiate(v, 1ULL << VIRTIO_F_VERSION_1);
	unsigned int q;

	for (q = 0; q < 3; q++) {
		set(v, VIRTIO_MMIO_QUEUE_SEL, q);
		ok = ok && set_up_queue(v, QUEUE(q), QUEUE(q) + 0x1000,
					QUEUE(q) + 0x2000);
	}
	set(v, VIRTIO_MMIO_STATUS, get(v, VIRTIO_MMIO_STATUS) |
				   VIRTIO_CONFIG_S_DRIVER_OK);
	return ok;
}

static bool needs_reset(struct gz_virtio *v)
{
	return get(v, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
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
	/* Told or not, that stays */
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

/* Of the queue at which vhost looks, the first descriptor lies outside of RAM */
static void offer_nonsense(const struct gz_memory *mem)
{
	struct vring_desc *desc = gz_memory_at(mem, QUEUE(VSOCK_TX), 16);
	struct vring_avail *avail = gz_memory_at(mem, QUEUE(VSOCK_TX) + 0x1000, 6);

	*desc = (struct vring_desc){ .addr = htole64(0x1000), .len = htole32(64) };
	avail->ring[0] = 0;
	__atomic_store_n(&avail->idx, htole16(1), __ATOMIC_RELEASE);
}

TEST_F(vsock, nonsense_is_noticed_and_a_reset_helps)
{
	struct pollfd irq = { .fd = self->v->irq_fd, .events = POLLIN };

	ASSERT_TRUE(bring_up(self->v));
	offer_nonsense(&self->mem);
	set(self->v, VIRTIO_MMIO_QUEUE_NOTIFY, VSOCK_TX);
	/* vhost's thread finds it, the device's own one tells */
	ASSERT_EQ(1, poll(&irq, 1, 10000));
	EXPECT_TRUE(needs_reset(self->v));
	EXPECT_FALSE(may_have_interrupted(self->v));
	memset(self->mem.hva, 0, self->mem.size);
	ASSERT_TRUE(bring_up(self->v));
	EXPECT_FALSE(needs_reset(self->v));
	EXPECT_TRUE(may_have_interrupted(self->v));
}

struct image_file {
	struct gz_memory mem;
	char path[32];
	uint64_t header[8];
	int fd;
};

FIXTURE(image)
{
	struct image_file f;
};

FIXTURE_SETUP(image)
{
	ASSERT_EQ(0, gz_memory_alloc(&self->f.mem, GZ_RAM_BASE, 16 << 20));
	snprintf(self->f.path, sizeof(self->f.path), "/tmp/imageXXXXXX");
	self->f.fd = mkstemp(self->f.path);
	ASSERT_LE(0, self->f.fd);
	memset(self->f.header, 0, sizeof(self->f.header));
	self->f.header[1] = 0x10000;	/* text_offset */
	self->f.header[2] = 0x300000;	/* image_size */
	self->f.header[7] = 0x644d5241;	/* magic */
}

FIXTURE_TEARDOWN(image)
{
	unlink(self->f.path);
	gz_memory_free(&self->f.mem);
}

static int load(struct gz_image *image, struct image_file *f, size_t size)
{
	if (pwrite(f->fd, f->header, size, 0) != (ssize_t)size)
		return -EIO;
	return gz_image_load(image, &f->mem, f->path, NULL);
}

TEST_F(image, lies_where_the_boot_protocol_wants_it)
{
	struct gz_image image;

	ASSERT_EQ(0, load(&image, &self->f, 64));
	EXPECT_EQ(GZ_RAM_BASE + 0x10000, image.entry);
	EXPECT_EQ(GZ_RAM_BASE + 0x400000, image.fdt);
	EXPECT_EQ(0, image.initrd_size);
	EXPECT_EQ(0, memcmp(self->f.header,
			    gz_memory_at(&self->f.mem, image.entry, 64), 64));
}

TEST_F(image, initrd_follows)
{
	struct gz_image image;

	ASSERT_EQ(64, pwrite(self->f.fd, self->f.header, 64, 0));
	ASSERT_EQ(0, gz_image_load(&image, &self->f.mem, self->f.path, self->f.path));
	EXPECT_EQ(image.fdt + GZ_FDT_SIZE, image.initrd);
	EXPECT_EQ(64, image.initrd_size);
}

TEST_F(image, bad_ones_are_refused)
{
	struct gz_image image;

	/* Too short for a header, and nothing at all */
	EXPECT_EQ(-ENOEXEC, load(&image, &self->f, 0));
	EXPECT_EQ(-ENOEXEC, load(&image, &self->f, 56));
	self->f.header[1] = 0x200000;
	EXPECT_EQ(-ENOEXEC, load(&image, &self->f, 64));
	self->f.header[1] = 0;
	self->f.header[2] = ~0ULL;
	EXPECT_EQ(-ENOEXEC, load(&image, &self->f, 64));
	self->f.header[2] = 0x300000;
	self->f.header[7] = 0;
	EXPECT_EQ(-ENOEXEC, load(&image, &self->f, 64));
}

TEST_F(image, must_fit_with_all_it_needs)
{
	struct gz_image image;

	self->f.header[2] = (14 << 20) - 0x10000;
	EXPECT_EQ(0, load(&image, &self->f, 64));
	self->f.header[2] = 14 << 20;
	EXPECT_EQ(-ENOMEM, load(&image, &self->f, 64));
}

TEST_HARNESS_MAIN
