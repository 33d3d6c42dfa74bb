// SPDX-License-Identifier: GPL-2.0
/*
 * Level-triggered interrupt lines. A device raises its line through an irqfd. It
 * cannot lower the line: the driver does so when the guest ends the interrupt, and
 * signals resample_fd. If the device still has its interrupt asserted, the line is
 * raised again.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libgzvm.h>

/**
 * gz_irq_init() - set up a line
 * @irq: filled in
 * @spi: SPI index
 *
 * Return: 0 or -errno; call gz_irq_fini() in both cases.
 */
int gz_irq_init(struct gz_irq *irq, unsigned int spi)
{
	memset(irq, 0, sizeof(*irq));
	irq->spi = spi;
	irq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irq->resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return irq->fd < 0 || irq->resample_fd < 0 ? -errno : 0;
}

/**
 * gz_irq_fini() - release a line
 * @irq: from gz_irq_init()
 */
void gz_irq_fini(struct gz_irq *irq)
{
	if (irq->fd >= 0)
		close(irq->fd);
	if (irq->resample_fd >= 0)
		close(irq->resample_fd);
}

/**
 * gz_irq_set() - set the level that the device wants
 * @irq: the line; the caller holds the lock of its device
 * @level: asserted or not
 */
void gz_irq_set(struct gz_irq *irq, bool level)
{
	/*
	 * Set the level before the signal: if the guest ends the interrupt in
	 * between, gz_irq_resample() sees the level and signals as well.
	 */
	if (!atomic_exchange(&irq->level, level) && level)
		eventfd_write(irq->fd, 1);
}

/**
 * gz_irq_resample() - raise the line again if the device wants that
 * @irq: the line; the guest has ended its interrupt
 *
 * If the level falls just after it was read here, the guest gets one spurious
 * interrupt. If it rises then, gz_irq_set() signals.
 */
void gz_irq_resample(struct gz_irq *irq)
{
	eventfd_t count;

	/* Clear the event before the level is read: a later one comes again */
	if (eventfd_read(irq->resample_fd, &count))
		return;
	atomic_fetch_add(&irq->resamples, 1);
	if (atomic_load(&irq->level))
		eventfd_write(irq->fd, 1);
}

/**
 * gz_lines_init() - set up an empty set of lines
 * @lines: filled in
 *
 * Return: 0 or -errno.
 */
int gz_lines_init(struct gz_lines *lines)
{
	memset(lines, 0, sizeof(*lines));
	lines->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return lines->stop_fd < 0 ? -errno : 0;
}

/**
 * gz_lines_fini() - release a set of lines
 * @lines: from gz_lines_init(), stopped
 */
void gz_lines_fini(struct gz_lines *lines)
{
	if (lines->stop_fd >= 0)
		close(lines->stop_fd);
	lines->stop_fd = -1;
}

/**
 * gz_lines_add() - add a line
 * @lines: the set, before gz_lines_start()
 * @irq: the line
 *
 * Return: 0 or -ENOSPC.
 */
int gz_lines_add(struct gz_lines *lines, struct gz_irq *irq)
{
	if (lines->nr == GZ_MAX_LINES)
		return -ENOSPC;
	lines->irqs[lines->nr++] = irq;
	return 0;
}

/**
 * gz_lines_attach() - connect the lines to a VM
 * @lines: the set
 * @vm: the VM
 *
 * Return: 0 or -errno.
 */
int gz_lines_attach(struct gz_lines *lines, const struct gz_vm *vm)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < lines->nr; i++)
		ret = gz_vm_irqfd(vm, lines->irqs[i]->fd, lines->irqs[i]->spi,
				  lines->irqs[i]->resample_fd);
	return ret;
}

static void *thread(void *data)
{
	struct gz_lines *lines = data;
	struct pollfd fds[GZ_MAX_LINES + 1];
	unsigned int i;

	for (i = 0; i < lines->nr; i++)
		fds[i] = (struct pollfd){ .fd = lines->irqs[i]->resample_fd,
					  .events = POLLIN };
	fds[lines->nr] = (struct pollfd){ .fd = lines->stop_fd,
					  .events = POLLIN };
	for (;;) {
		if (poll(fds, lines->nr + 1, -1) < 0)
			continue;
		if (fds[lines->nr].revents)
			return NULL;
		for (i = 0; i < lines->nr; i++)
			if (fds[i].revents)
				gz_irq_resample(lines->irqs[i]);
	}
}

/**
 * gz_lines_start() - start the thread
 * @lines: the set. The thread inherits the signal mask of the caller.
 *
 * Return: 0 or -errno.
 */
int gz_lines_start(struct gz_lines *lines)
{
	int ret = pthread_create(&lines->thread, NULL, thread, lines);

	lines->running = !ret;
	return -ret;
}

/**
 * gz_lines_stop() - end the thread and wait for it
 * @lines: the set
 */
void gz_lines_stop(struct gz_lines *lines)
{
	if (!lines->running)
		return;
	eventfd_write(lines->stop_fd, 1);
	pthread_join(lines->thread, NULL);
	lines->running = false;
}
