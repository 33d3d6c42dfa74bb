/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_SERIAL_H
#define GZRUN_SERIAL_H

#include <pthread.h>

#include <libgzvm.h>

#include "devices/device.h"

#define GZ_SERIAL_FIFO	16

/**
 * struct gz_serial - 16550A serial port
 * @dev: the registers
 * @irq: interrupt line
 * @told: the user knows that the output cannot be written
 * @lock: protects the fields below, and @irq
 * @out_fd: file for the guest's output, or -1
 * @room_fd: eventfd that is signalled when the receiver has room again
 * @want_room: @room_fd must be signalled
 * @ier: interrupt enable
 * @lcr: line control
 * @mcr: modem control
 * @scr: scratch
 * @dll: divisor, low byte
 * @dlm: divisor, high byte
 * @fifo_on: FIFOs are enabled
 * @overrun: a byte was lost because there was no room
 * @thri: the guest has not read "transmitter empty" yet
 * @fifo: received bytes
 * @head: index of the oldest byte
 * @fill: number of bytes
 */
struct gz_serial {
	struct gz_device dev;
	struct gz_irq irq;
	atomic_bool told;
	pthread_mutex_t lock;
	int out_fd;
	int room_fd;
	bool want_room;
	uint8_t ier;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t scr;
	uint8_t dll;
	uint8_t dlm;
	bool fifo_on;
	bool overrun;
	bool thri;
	uint8_t fifo[GZ_SERIAL_FIFO];
	unsigned int head;
	unsigned int fill;
};

int gz_serial_init(struct gz_serial *serial, int out_fd);
void gz_serial_destroy(struct gz_serial *serial);
size_t gz_serial_receive(struct gz_serial *serial, const uint8_t *data,
			 size_t len);

#endif /* GZRUN_SERIAL_H */
