/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_IRQ_H
#define GZRUN_IRQ_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "vm.h"

#define GZ_MAX_LINES	4

/**
 * struct gz_irq - level-triggered interrupt line of a device
 * @fd: eventfd, makes the driver assert the line
 * @resample_fd: eventfd, signalled when the guest has ended the interrupt and the
 *               driver has taken the line back
 * @spi: SPI index
 * @level: what the device wants
 * @resamples: how often @resample_fd was signalled
 */
struct gz_irq {
	int fd;
	int resample_fd;
	unsigned int spi;
	atomic_bool level;
	atomic_uint resamples;
};

/**
 * struct gz_lines - all level-triggered lines of a VM, and the thread that asserts
 *                   those again whose devices are not done
 * @irqs: the lines
 * @nr: how many
 * @stop_fd: eventfd, ends the thread
 * @thread: waits for @resample_fd of each, when @running
 * @running: @thread is to be joined
 */
struct gz_lines {
	struct gz_irq *irqs[GZ_MAX_LINES];
	unsigned int nr;
	int stop_fd;
	pthread_t thread;
	bool running;
};

int gz_irq_init(struct gz_irq *irq, unsigned int spi);
void gz_irq_fini(struct gz_irq *irq);
void gz_irq_set(struct gz_irq *irq, bool level);
void gz_irq_resample(struct gz_irq *irq);

int gz_lines_init(struct gz_lines *lines);
void gz_lines_fini(struct gz_lines *lines);
int gz_lines_add(struct gz_lines *lines, struct gz_irq *irq);
int gz_lines_attach(struct gz_lines *lines, const struct gz_vm *vm);
int gz_lines_start(struct gz_lines *lines);
void gz_lines_stop(struct gz_lines *lines);

#endif /* GZRUN_IRQ_H */
