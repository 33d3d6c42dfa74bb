/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GPIO_H
#define GZRUN_GPIO_H

#include <pthread.h>

#include <libgzvm.h>

#include "devices/device.h"

/**
 * struct gz_gpio - PL061 with a power button at one of its eight pins
 * @dev: the registers
 * @irq: interrupt line
 * @lock: protects the fields below, and @irq
 * @in: levels of the pins that are inputs
 * @out: GPIODATA of the pins that are outputs
 * @dir: GPIODIR, 1 is an output
 * @sense: GPIOIS, 1 is a level
 * @both: GPIOIBE, 1 is both edges
 * @event: GPIOIEV, 1 is rising or high
 * @enable: GPIOIE
 * @edges: edges that were seen and not cleared yet
 * @afsel: GPIOAFSEL
 */
struct gz_gpio {
	struct gz_device dev;
	struct gz_irq irq;
	pthread_mutex_t lock;
	uint8_t in;
	uint8_t out;
	uint8_t dir;
	uint8_t sense;
	uint8_t both;
	uint8_t event;
	uint8_t enable;
	uint8_t edges;
	uint8_t afsel;
};

int gz_gpio_init(struct gz_gpio *gpio);
void gz_gpio_destroy(struct gz_gpio *gpio);
void gz_gpio_press_power(struct gz_gpio *gpio);

#endif /* GZRUN_GPIO_H */
