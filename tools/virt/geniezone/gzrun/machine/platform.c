// SPDX-License-Identifier: GPL-2.0
/* The devices that every machine has, and their interrupt lines */

#include "machine/machine.h"

static int first(int ret, int next)
{
	return ret ? ret : next;
}

static void panicked(void *arg, bool refused)
{
	gz_machine_end(arg, refused ? GZ_END_REFUSED : GZ_END_CRASH);
}

/**
 * gz_machine_add_platform() - add the devices
 * @m: the machine
 *
 * Return: 0 or -errno; call gz_machine_destroy_platform() in both cases.
 */
int gz_machine_add_platform(struct gz_machine *m)
{
	int ret;

	ret = gz_lines_init(&m->lines);
	ret = first(ret, gz_serial_init(&m->serial, m->cfg.out_fd));
	ret = first(ret, gz_gpio_init(&m->gpio));
	ret = first(ret, gz_rtc_init(&m->rtc));
	gz_pvpanic_init(&m->pvpanic, panicked, m);
	ret = first(ret, gz_lines_add(&m->lines, &m->serial.irq));
	ret = first(ret, gz_lines_add(&m->lines, &m->gpio.irq));
	ret = first(ret, gz_lines_add(&m->lines, &m->rtc.irq));
	ret = first(ret, gz_bus_add(&m->bus, &m->serial.dev));
	ret = first(ret, gz_bus_add(&m->bus, &m->rtc.dev));
	ret = first(ret, gz_bus_add(&m->bus, &m->gpio.dev));
	return first(ret, gz_bus_add(&m->bus, &m->pvpanic.dev));
}

/**
 * gz_machine_destroy_platform() - free the devices
 * @m: the machine; none of its threads run
 */
void gz_machine_destroy_platform(struct gz_machine *m)
{
	gz_rtc_destroy(&m->rtc);
	gz_gpio_destroy(&m->gpio);
	gz_serial_destroy(&m->serial);
	gz_lines_fini(&m->lines);
}
