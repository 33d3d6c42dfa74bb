// SPDX-License-Identifier: GPL-2.0
/*
 * A PL061 (Arm DDI 0190B) with a power button, as in QEMU's machine "virt", so
 * that guests know it. A press lasts until the guest has seen it, however long
 * that takes.
 */

#include <string.h>

#include <linux/input-event-codes.h>

#include "devices/gpio.h"
#include "layout.h"

#define BUTTON		3
#define BUTTON_BIT	(1 << BUTTON)

/* Bits 9:2 of the address select the pins of the access */
#define GPIODATA_END	0x400
#define GPIODIR		0x400
#define GPIOIS		0x404
#define GPIOIBE		0x408
#define GPIOIEV		0x40c
#define GPIOIE		0x410
#define GPIORIS		0x414
#define GPIOMIS		0x418
#define GPIOIC		0x41c
#define GPIOAFSEL	0x420
#define GPIO_ID		0xfe0

static const uint8_t id_regs[] = {
	0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1,
};

static struct gz_gpio *to_gpio(const struct gz_device *dev)
{
	return (struct gz_gpio *)((char *)dev - offsetof(struct gz_gpio, dev));
}

static uint8_t pins(const struct gz_gpio *g)
{
	return (g->in & ~g->dir) | (g->out & g->dir);
}

static uint8_t raw_status(const struct gz_gpio *g)
{
	return (g->sense & ~(pins(g) ^ g->event)) | (g->edges & ~g->sense);
}

static void update_irq(struct gz_gpio *g)
{
	gz_irq_set(&g->irq, raw_status(g) & g->enable);
}

static void set_input(struct gz_gpio *g, uint8_t in)
{
	uint8_t changed = (g->in ^ in) & ~g->dir;

	/* Both edges, or the one that GPIOIEV selects */
	g->edges |= changed & (g->both | ~(in ^ g->event));
	g->in = in;
}

static uint8_t read_pins(struct gz_gpio *g, uint8_t which)
{
	uint8_t value = pins(g) & which;

	if (value & BUTTON_BIT)
		set_input(g, g->in & ~BUTTON_BIT);
	return value;
}

static uint8_t read_reg(struct gz_gpio *g, uint64_t offset)
{
	if (offset < GPIODATA_END)
		return read_pins(g, offset >> 2);
	if (offset >= GPIO_ID && !(offset & 3))
		return id_regs[(offset - GPIO_ID) / 4 % sizeof(id_regs)];
	switch (offset) {
	case GPIODIR:
		return g->dir;
	case GPIOIS:
		return g->sense;
	case GPIOIBE:
		return g->both;
	case GPIOIEV:
		return g->event;
	case GPIOIE:
		return g->enable;
	case GPIORIS:
		return raw_status(g);
	case GPIOMIS:
		return raw_status(g) & g->enable;
	case GPIOAFSEL:
		return g->afsel;
	}
	return 0;
}

static void write_reg(struct gz_gpio *g, uint64_t offset, uint8_t value)
{
	uint8_t which = offset >> 2;

	if (offset < GPIODATA_END) {
		g->out = (g->out & ~which) | (value & which);
		return;
	}
	switch (offset) {
	case GPIODIR:
		g->dir = value;
		break;
	case GPIOIS:
		g->sense = value;
		break;
	case GPIOIBE:
		g->both = value;
		break;
	case GPIOIEV:
		g->event = value;
		break;
	case GPIOIE:
		g->enable = value;
		break;
	case GPIOIC:
		g->edges &= ~value;
		break;
	case GPIOAFSEL:
		g->afsel = value;
		break;
	}
}

static uint64_t gpio_read(struct gz_device *dev, uint64_t offset,
			  unsigned int size)
{
	struct gz_gpio *g = to_gpio(dev);
	uint8_t value;

	(void)size;
	pthread_mutex_lock(&g->lock);
	value = read_reg(g, offset);
	update_irq(g);
	pthread_mutex_unlock(&g->lock);
	return value;
}

static void gpio_write(struct gz_device *dev, uint64_t offset,
		       unsigned int size, uint64_t value)
{
	struct gz_gpio *g = to_gpio(dev);

	(void)size;
	pthread_mutex_lock(&g->lock);
	write_reg(g, offset, value);
	update_irq(g);
	pthread_mutex_unlock(&g->lock);
}

static void button_fdt(struct gz_fdt *fdt)
{
	gz_fdt_begin(fdt, "gpio-keys");
	gz_fdt_string(fdt, "compatible", "gpio-keys");
	gz_fdt_begin(fdt, "poweroff");
	gz_fdt_string(fdt, "label", "Power button");
	gz_fdt_cells(fdt, "linux,code", KEY_POWER);
	gz_fdt_cells(fdt, "gpios", GZ_FDT_PHANDLE_GPIO, BUTTON, 0);
	gz_fdt_empty(fdt, "wakeup-source");
	gz_fdt_end(fdt);
	gz_fdt_end(fdt);
}

static void gpio_fdt(const struct gz_device *dev, struct gz_fdt *fdt)
{
	static const char compatible[] = "arm,pl061\0arm,primecell";

	gz_fdt_begin(fdt, "gpio@%llx", (unsigned long long)dev->base);
	gz_fdt_blob(fdt, "compatible", compatible, sizeof(compatible));
	gz_fdt_reg(fdt, dev->base, dev->size);
	gz_fdt_cells(fdt, "interrupts", GZ_FDT_IRQ_SPI, GZ_GPIO_SPI,
		     GZ_FDT_IRQ_LEVEL);
	gz_fdt_empty(fdt, "gpio-controller");
	gz_fdt_cells(fdt, "#gpio-cells", 2);
	gz_fdt_empty(fdt, "interrupt-controller");
	gz_fdt_cells(fdt, "#interrupt-cells", 2);
	gz_fdt_cells(fdt, "clocks", GZ_FDT_PHANDLE_CLOCK);
	gz_fdt_string(fdt, "clock-names", "apb_pclk");
	gz_fdt_cells(fdt, "phandle", GZ_FDT_PHANDLE_GPIO);
	gz_fdt_end(fdt);
	button_fdt(fdt);
}

static const struct gz_device_ops gpio_ops = {
	.read = gpio_read,
	.write = gpio_write,
	.fdt = gpio_fdt,
};

/**
 * gz_gpio_init() - set up the pins and the button
 * @gpio: filled in
 *
 * Return: 0 or -errno; call gz_gpio_destroy() in both cases.
 */
int gz_gpio_init(struct gz_gpio *gpio)
{
	memset(gpio, 0, sizeof(*gpio));
	pthread_mutex_init(&gpio->lock, NULL);
	gpio->dev.ops = &gpio_ops;
	gpio->dev.name = "gpio";
	gpio->dev.base = GZ_GPIO_BASE;
	gpio->dev.size = GZ_GPIO_SIZE;
	return gz_irq_init(&gpio->irq, GZ_GPIO_SPI);
}

/**
 * gz_gpio_destroy() - release the pins and the button
 * @gpio: from gz_gpio_init(); the VM does not run any more
 */
void gz_gpio_destroy(struct gz_gpio *gpio)
{
	gz_irq_fini(&gpio->irq);
	pthread_mutex_destroy(&gpio->lock);
}

/**
 * gz_gpio_press_power() - press the power button
 * @gpio: the pins
 */
void gz_gpio_press_power(struct gz_gpio *gpio)
{
	pthread_mutex_lock(&gpio->lock);
	set_input(gpio, gpio->in | BUTTON_BIT);
	update_irq(gpio);
	pthread_mutex_unlock(&gpio->lock);
}
