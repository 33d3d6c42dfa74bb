/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_SERIAL_H
#define GZRUN_SERIAL_H

#include <pthread.h>

#include "device.h"
#include "irq.h"

#define GZ_SERIAL_FIFO	16

/**
 * struct gz_serial - 16550A serial port
 * @dev: its place on the bus
 * @irq: its interrupt line
 * @lock: protects everything below, and @irq
 * @out_fd: where the guest's output goes, -1 for nowhere
 * @room_fd: eventfd that is signalled when the receiver has room again
 * @want_room: somebody waits for @room_fd
 * @ier: interrupt enable
 * @lcr: line control
 * @mcr: modem control
 * @scr: scratch
 * @dll: divisor, low byte
 * @dlm: divisor, high byte
 * @fifo_on: FIFOs are enabled
 * @overrun: a byte came and had no place
 * @thri: "transmitter empty" was not seen by the guest yet
 * @fifo: received bytes
 * @head: the oldest
 * @fill: how many
 */
struct gz_serial {
	struct gz_device dev;
	struct gz_irq irq;
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
