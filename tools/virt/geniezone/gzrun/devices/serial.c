// SPDX-License-Identifier: GPL-2.0
/*
 * A 16550A serial port. Output goes straight to a file descriptor, so the
 * transmitter is always empty. Input comes from gz_serial_receive().
 */

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/serial_reg.h>

#include <libgzvm.h>

#include "devices/serial.h"
#include "layout.h"
#include "log.h"

#define CLOCK_HZ	1843200

/* Divisor for 115200 baud, as firmware leaves it */
#define DEFAULT_DIVISOR	1

#define IER_BITS	(UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | \
			 UART_IER_MSI)
#define MCR_BITS	(UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | \
			 UART_MCR_OUT2 | UART_MCR_LOOP)

static struct gz_serial *to_serial(const struct gz_device *dev)
{
	return (struct gz_serial *)((char *)dev -
				    offsetof(struct gz_serial, dev));
}

/* The source of highest priority, as IIR shows it */
static uint8_t pending(const struct gz_serial *s)
{
	if (s->ier & UART_IER_RLSI && s->overrun)
		return UART_IIR_RLSI;
	if (s->ier & UART_IER_RDI && s->fill)
		return UART_IIR_RDI;
	if (s->ier & UART_IER_THRI && s->thri)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_irq(struct gz_serial *s)
{
	gz_irq_set(&s->irq, pending(s) != UART_IIR_NO_INT);
}

static unsigned int capacity(const struct gz_serial *s)
{
	return s->fifo_on ? GZ_SERIAL_FIFO : 1;
}

static void push(struct gz_serial *s, uint8_t byte)
{
	if (s->fill == capacity(s)) {
		s->overrun = true;
		return;
	}
	s->fifo[(s->head + s->fill++) % GZ_SERIAL_FIFO] = byte;
}

static uint8_t pop(struct gz_serial *s)
{
	uint8_t byte = 0;

	if (s->fill) {
		byte = s->fifo[s->head];
		s->head = (s->head + 1) % GZ_SERIAL_FIFO;
		s->fill--;
	}
	return byte;
}

/* Signals that there is room, if gz_serial_receive() has run out of it */
static void tell_room(struct gz_serial *s)
{
	if (!s->want_room || s->fill == capacity(s) || s->mcr & UART_MCR_LOOP)
		return;
	s->want_room = false;
	eventfd_write(s->room_fd, 1);
}

static void reset_fifo(struct gz_serial *s)
{
	s->head = 0;
	s->fill = 0;
}

/* In loop-back mode, each modem input is the opposite modem output. */
static uint8_t modem_status(const struct gz_serial *s)
{
	uint8_t msr = 0;

	if (!(s->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (s->mcr & UART_MCR_RTS)
		msr |= UART_MSR_CTS;
	if (s->mcr & UART_MCR_DTR)
		msr |= UART_MSR_DSR;
	if (s->mcr & UART_MCR_OUT1)
		msr |= UART_MSR_RI;
	if (s->mcr & UART_MCR_OUT2)
		msr |= UART_MSR_DCD;
	return msr;
}

static uint8_t line_status(struct gz_serial *s)
{
	uint8_t lsr = UART_LSR_THRE | UART_LSR_TEMT;

	if (s->fill)
		lsr |= UART_LSR_DR;
	if (s->overrun)
		lsr |= UART_LSR_OE;
	s->overrun = false;
	return lsr;
}

static uint8_t interrupt_id(struct gz_serial *s)
{
	uint8_t iir = pending(s);

	/* A read of "transmitter empty" clears it */
	if (iir == UART_IIR_THRI)
		s->thri = false;
	return s->fifo_on ? iir | 0xc0 : iir;
}

static uint8_t read_reg(struct gz_serial *s, uint64_t offset)
{
	bool dlab = s->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_RX:
		return dlab ? s->dll : pop(s);
	case UART_IER:
		return dlab ? s->dlm : s->ier;
	case UART_IIR:
		return interrupt_id(s);
	case UART_LCR:
		return s->lcr;
	case UART_MCR:
		return s->mcr;
	case UART_LSR:
		return line_status(s);
	case UART_MSR:
		return modem_status(s);
	case UART_SCR:
		return s->scr;
	default:
		return 0;
	}
}

static uint64_t serial_read(struct gz_device *dev, uint64_t offset,
			    unsigned int size)
{
	struct gz_serial *s = to_serial(dev);
	uint8_t value;

	(void)size;
	pthread_mutex_lock(&s->lock);
	value = read_reg(s, offset);
	update_irq(s);
	tell_room(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

/*
 * write() may block for as long as nobody reads the output, so do not hold the
 * lock. A debugger can interrupt the vCPU here; the byte is written when the
 * debugger is done. Errors do not stop the guest: a terminal may have gone.
 */
static void output(struct gz_serial *s, uint8_t byte)
{
	ssize_t n;

	if (s->out_fd < 0)
		return;
	do {
		n = write(s->out_fd, &byte, 1);
	} while (n < 0 && errno == EINTR && gz_vcpu_may_wait());
	if (n < 0 && errno != EINTR)
		gz_lost(&s->told, "cannot write the console");
}

static bool goes_out(const struct gz_serial *s, uint64_t offset)
{
	return offset == UART_TX && !(s->lcr & UART_LCR_DLAB) &&
	       !(s->mcr & UART_MCR_LOOP);
}

static void transmit(struct gz_serial *s, uint8_t byte)
{
	if (s->mcr & UART_MCR_LOOP)
		push(s, byte);
	s->thri = true;
}

static void set_ier(struct gz_serial *s, uint8_t value)
{
	/* Enabling the interrupt raises it while the transmitter is empty */
	if (value & UART_IER_THRI && !(s->ier & UART_IER_THRI))
		s->thri = true;
	s->ier = value & IER_BITS;
}

static void set_fcr(struct gz_serial *s, uint8_t value)
{
	bool on = value & UART_FCR_ENABLE_FIFO;

	if (on != s->fifo_on || (on && value & UART_FCR_CLEAR_RCVR))
		reset_fifo(s);
	s->fifo_on = on;
}

static void write_reg(struct gz_serial *s, uint64_t offset, uint8_t value)
{
	bool dlab = s->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (dlab)
			s->dll = value;
		else
			transmit(s, value);
		break;
	case UART_IER:
		if (dlab)
			s->dlm = value;
		else
			set_ier(s, value);
		break;
	case UART_FCR:
		set_fcr(s, value);
		break;
	case UART_LCR:
		s->lcr = value;
		break;
	case UART_MCR:
		s->mcr = value & MCR_BITS;
		break;
	case UART_SCR:
		s->scr = value;
		break;
	}
}

static void serial_write(struct gz_device *dev, uint64_t offset,
			 unsigned int size, uint64_t value)
{
	struct gz_serial *s = to_serial(dev);
	bool out;

	(void)size;
	pthread_mutex_lock(&s->lock);
	out = goes_out(s, offset);
	write_reg(s, offset, value);
	update_irq(s);
	tell_room(s);
	pthread_mutex_unlock(&s->lock);
	if (out)
		output(s, value);
}

static void serial_fdt(const struct gz_device *dev, struct gz_fdt *fdt)
{
	const struct gz_serial *s = to_serial(dev);

	gz_fdt_begin(fdt, "serial@%llx", (unsigned long long)dev->base);
	gz_fdt_string(fdt, "compatible", "ns16550a");
	gz_fdt_reg(fdt, dev->base, dev->size);
	gz_fdt_cells(fdt, "clock-frequency", CLOCK_HZ);
	gz_fdt_cells(fdt, "current-speed", 115200);
	gz_fdt_cells(fdt, "interrupts", GZ_FDT_IRQ_SPI, s->irq.spi,
		     GZ_FDT_IRQ_LEVEL);
	gz_fdt_end(fdt);
}

static const struct gz_device_ops serial_ops = {
	.read = serial_read,
	.write = serial_write,
	.fdt = serial_fdt,
};

/**
 * gz_serial_init() - set up a serial port
 * @serial: filled in
 * @out_fd: file for its output, or -1
 *
 * Return: 0 or -errno; call gz_serial_destroy() in both cases.
 */
int gz_serial_init(struct gz_serial *serial, int out_fd)
{
	int ret;

	memset(serial, 0, sizeof(*serial));
	ret = gz_irq_init(&serial->irq, GZ_SERIAL_SPI);
	serial->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (serial->room_fd < 0)
		ret = -errno;
	pthread_mutex_init(&serial->lock, NULL);
	serial->dev.ops = &serial_ops;
	serial->dev.name = "serial";
	serial->dev.base = GZ_SERIAL_BASE;
	serial->dev.size = GZ_SERIAL_SIZE;
	serial->out_fd = out_fd;
	serial->dll = DEFAULT_DIVISOR;
	return ret;
}

/**
 * gz_serial_destroy() - release a serial port
 * @serial: from gz_serial_init(); the VM does not run any more
 */
void gz_serial_destroy(struct gz_serial *serial)
{
	if (serial->room_fd >= 0)
		close(serial->room_fd);
	gz_irq_fini(&serial->irq);
	pthread_mutex_destroy(&serial->lock);
}

/**
 * gz_serial_receive() - give bytes to the guest
 * @serial: the serial port
 * @data: the bytes
 * @len: number of bytes
 *
 * Return: number of bytes that fit. If that is less than @len, @room_fd is signalled
 * when there is room for more.
 */
size_t gz_serial_receive(struct gz_serial *serial, const uint8_t *data,
			 size_t len)
{
	size_t n = 0;

	pthread_mutex_lock(&serial->lock);
	/* In loop-back mode, the receiver is not connected to the line. */
	if (!(serial->mcr & UART_MCR_LOOP)) {
		while (n < len && serial->fill < capacity(serial))
			push(serial, data[n++]);
	}
	serial->want_room = n < len;
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
	return n;
}
