// SPDX-License-Identifier: GPL-2.0
/*
 * The devices and the loader of gzrun. The test takes the place of the guest,
 * so no hypervisor is needed.
 */

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/serial_reg.h>

#include <libgzvm.h>

#include "devices/device.h"
#include "devices/gpio.h"
#include "devices/pvpanic.h"
#include "devices/rtc.h"
#include "devices/serial.h"
#include "kselftest_harness.h"
#include "layout.h"
#include "machine/image.h"

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

/* A driver distinguishes a 16550A from older ports by this. */
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
	/* The line is disconnected */
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
		/* room_fd was signalled exactly when there was room for more */
		ASSERT_EQ(sent < len ? 0 : -1,
			  eventfd_read(self->s.room_fd, &count));
	}
}

/*
 * The test is the driver: it takes the signal, and reports the end of the
 * interrupt.
 */
TEST_F(serial, line_is_raised_again_until_all_is_read)
{
	struct gz_irq *irq = &self->s.irq;
	eventfd_t count;

	out(&self->s, UART_IER, UART_IER_RDI);
	EXPECT_EQ(-1, eventfd_read(irq->fd, &count));
	receive(&self->s, "a");
	ASSERT_EQ(0, eventfd_read(irq->fd, &count));
	/* The condition persists at the end of the interrupt: signalled again */
	eventfd_write(irq->resample_fd, 1);
	gz_irq_resample(irq);
	ASSERT_EQ(0, eventfd_read(irq->fd, &count));
	/* After a read there is no signal */
	EXPECT_EQ('a', in(&self->s, UART_RX));
	eventfd_write(irq->resample_fd, 1);
	gz_irq_resample(irq);
	EXPECT_EQ(-1, eventfd_read(irq->fd, &count));
	/*
	 * The next byte is signalled, though the last interrupt has ended on
	 * its own
	 */
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
	/* Enabling the interrupt raises it, reading IIR clears it */
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
	/* Half of this access would be behind the device */
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

	ASSERT_EQ(0, gz_rtc_init(&rtc));
	EXPECT_LE(rtc.dev.ops->read(&rtc.dev, 0, 4) - now, 5);
	rtc.dev.ops->write(&rtc.dev, 8, 4, 1000);
	EXPECT_LE(rtc.dev.ops->read(&rtc.dev, 0, 4) - 1000, 5);
	EXPECT_EQ(0x31, rtc.dev.ops->read(&rtc.dev, 0xfe0, 4));
	gz_rtc_destroy(&rtc);
}

TEST(rtc_alarm)
{
	struct gz_rtc rtc;
	struct gz_device *dev = &rtc.dev;
	struct pollfd due = { .events = POLLIN };

	ASSERT_EQ(0, gz_rtc_init(&rtc));
	due.fd = rtc.alarm_fd;
	dev->ops->write(dev, 0x08, 4, 1000);
	dev->ops->write(dev, 0x04, 4, 1002);
	EXPECT_EQ(1002, dev->ops->read(dev, 0x04, 4));
	EXPECT_EQ(0, dev->ops->read(dev, 0x14, 4));
	ASSERT_EQ(1, poll(&due, 1, 20000));
	EXPECT_LE(1002, dev->ops->read(dev, 0, 4));
	gz_rtc_alarm(&rtc);
	/* Due, but masked */
	EXPECT_EQ(1, dev->ops->read(dev, 0x14, 4));
	EXPECT_EQ(0, dev->ops->read(dev, 0x18, 4));
	EXPECT_FALSE(rtc.irq.level);
	dev->ops->write(dev, 0x10, 4, 1);
	EXPECT_EQ(1, dev->ops->read(dev, 0x18, 4));
	EXPECT_TRUE(rtc.irq.level);
	dev->ops->write(dev, 0x1c, 4, 1);
	EXPECT_EQ(0, dev->ops->read(dev, 0x14, 4));
	EXPECT_FALSE(rtc.irq.level);
	/* An alarm in the past never comes, and one that has moved does not come early */
	dev->ops->write(dev, 0x04, 4, 900);
	EXPECT_EQ(0, poll(&due, 1, 100));
	dev->ops->write(dev, 0x04, 4, dev->ops->read(dev, 0, 4));
	dev->ops->write(dev, 0x04, 4, 5000);
	gz_rtc_alarm(&rtc);
	EXPECT_FALSE(rtc.irq.level);
	gz_rtc_destroy(&rtc);
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

/* PL061: what gpio-keys programs, and what it does at an interrupt */
#define PIN		(1 << 3)
#define PL061_DATA(pins) ((pins) << 2)
#define PL061_DIR	0x400
#define PL061_IS	0x404
#define PL061_IBE	0x408
#define PL061_IEV	0x40c
#define PL061_IE	0x410
#define PL061_RIS	0x414
#define PL061_MIS	0x418
#define PL061_IC	0x41c
#define PL061_ID	0xfe0

FIXTURE(gpio)
{
	struct gz_gpio g;
};

FIXTURE_SETUP(gpio)
{
	ASSERT_EQ(0, gz_gpio_init(&self->g));
}

FIXTURE_TEARDOWN(gpio)
{
	gz_gpio_destroy(&self->g);
}

static uint8_t pins(struct gz_gpio *g, unsigned int reg)
{
	return g->dev.ops->read(&g->dev, reg, 4);
}

static void set_pins(struct gz_gpio *g, unsigned int reg, uint8_t value)
{
	g->dev.ops->write(&g->dev, reg, 4, value);
}

/* Was the line raised since the last call? */
static bool raised(struct gz_gpio *g)
{
	eventfd_t count;

	return !eventfd_read(g->irq.fd, &count);
}

TEST_F(gpio, button_stays_down_until_it_was_seen)
{
	struct gz_gpio *g = &self->g;

	set_pins(g, PL061_IBE, PIN);
	set_pins(g, PL061_IE, PIN);
	EXPECT_FALSE(raised(g));
	gz_gpio_press_power(g);
	EXPECT_TRUE(raised(g));
	EXPECT_EQ(PIN, pins(g, PL061_MIS));
	set_pins(g, PL061_IC, PIN);
	EXPECT_FALSE(atomic_load(&g->irq.level));
	/* Other pins do not matter */
	EXPECT_EQ(0, pins(g, PL061_DATA(0xff & ~PIN)));
	EXPECT_FALSE(atomic_load(&g->irq.level));
	/* The guest has seen it: the button is released, which is an edge, too */
	EXPECT_EQ(PIN, pins(g, PL061_DATA(PIN)));
	EXPECT_TRUE(raised(g));
	EXPECT_EQ(PIN, pins(g, PL061_MIS));
	EXPECT_EQ(0, pins(g, PL061_DATA(PIN)));
}

TEST_F(gpio, edges_are_those_that_are_asked_for)
{
	struct gz_gpio *g = &self->g;

	set_pins(g, PL061_IE, PIN);
	set_pins(g, PL061_IEV, PIN);
	gz_gpio_press_power(g);
	EXPECT_EQ(PIN, pins(g, PL061_RIS));
	set_pins(g, PL061_IC, PIN);
	EXPECT_EQ(PIN, pins(g, PL061_DATA(PIN)));
	EXPECT_EQ(0, pins(g, PL061_RIS));
	/* Now levels that are low */
	set_pins(g, PL061_IEV, 0);
	gz_gpio_press_power(g);
	EXPECT_EQ(0, pins(g, PL061_RIS));
	EXPECT_EQ(PIN, pins(g, PL061_DATA(PIN)));
	EXPECT_EQ(PIN, pins(g, PL061_RIS));
	/* Each bit is cleared separately */
	set_pins(g, PL061_IC, 0xff & ~PIN);
	EXPECT_EQ(PIN, pins(g, PL061_RIS));
}

TEST_F(gpio, levels_last_as_long_as_they_are_there)
{
	struct gz_gpio *g = &self->g;

	set_pins(g, PL061_IEV, 0xff);
	set_pins(g, PL061_IS, PIN);
	set_pins(g, PL061_IE, PIN);
	EXPECT_FALSE(raised(g));
	gz_gpio_press_power(g);
	EXPECT_TRUE(raised(g));
	set_pins(g, PL061_IC, PIN);
	EXPECT_EQ(PIN, pins(g, PL061_MIS));
	EXPECT_TRUE(atomic_load(&g->irq.level));
	EXPECT_EQ(PIN, pins(g, PL061_DATA(PIN)));
	EXPECT_FALSE(atomic_load(&g->irq.level));
}

TEST_F(gpio, masked_interrupts_wait)
{
	struct gz_gpio *g = &self->g;

	set_pins(g, PL061_IBE, PIN);
	gz_gpio_press_power(g);
	EXPECT_EQ(PIN, pins(g, PL061_RIS));
	EXPECT_EQ(0, pins(g, PL061_MIS));
	EXPECT_FALSE(raised(g));
	set_pins(g, PL061_IE, PIN);
	EXPECT_TRUE(raised(g));
	set_pins(g, PL061_IE, 0);
	EXPECT_FALSE(atomic_load(&g->irq.level));
}

TEST_F(gpio, outputs_are_those_of_the_guest)
{
	struct gz_gpio *g = &self->g;

	set_pins(g, PL061_DIR, 0xf0);
	set_pins(g, PL061_DATA(0xff), 0xa5);
	EXPECT_EQ(0xa0, pins(g, PL061_DATA(0xff)));
	/* The address selects the pins */
	set_pins(g, PL061_DATA(0x90), 0x50);
	EXPECT_EQ(0x30, pins(g, PL061_DATA(0xff)));
	EXPECT_EQ(0x10, pins(g, PL061_DATA(0x90)));
	/* A button at a pin that is an output has no effect */
	set_pins(g, PL061_DIR, PIN);
	set_pins(g, PL061_IBE, PIN);
	gz_gpio_press_power(g);
	EXPECT_EQ(0, pins(g, PL061_RIS));
	/* The bus of PrimeCells reads these */
	EXPECT_EQ(0x61, pins(g, PL061_ID));
	EXPECT_EQ(0x10, pins(g, PL061_ID + 4));
	EXPECT_EQ(0xb1, pins(g, PL061_ID + 0x1c));
}

/* A refusal counts 10 */
static void count_panic(void *arg, bool refused)
{
	*(int *)arg += refused ? 10 : 1;
}

TEST(panic_is_told_but_not_a_crash_kernel)
{
	struct gz_pvpanic p;
	int panics = 0;

	gz_pvpanic_init(&p, count_panic, &panics);
	EXPECT_EQ(3, p.dev.ops->read(&p.dev, 0, 1));
	EXPECT_EQ(0, p.dev.ops->read(&p.dev, 1, 1));
	p.dev.ops->write(&p.dev, 0, 1, 0);
	p.dev.ops->write(&p.dev, 0, 1, 2);
	p.dev.ops->write(&p.dev, 0, 1, 0xfc);
	p.dev.ops->write(&p.dev, 1, 1, 1);
	EXPECT_EQ(0, panics);
	p.dev.ops->write(&p.dev, 0, 1, 1);
	EXPECT_EQ(1, panics);
	p.dev.ops->write(&p.dev, 0, 1, 3);
	EXPECT_EQ(2, panics);
	p.dev.ops->write(&p.dev, 0, 1, 0x80);
	EXPECT_EQ(2, panics);
	p.dev.ops->write(&p.dev, 0, 1, 0x81);
	EXPECT_EQ(12, panics);
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

	/* A file that is too short for a header, and an empty file */
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
