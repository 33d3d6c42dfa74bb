/* SPDX-License-Identifier: GPL-2.0 */
/*
 * eventfds that are read without waiting, and functions that connect them to a
 * VM.
 */
#ifndef EVENTFD_H
#define EVENTFD_H

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include <linux/gzvm.h>

#include "tvm.h"

static inline int event_new(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* Number of signals since the last call */
static inline uint64_t event_count(int fd)
{
	eventfd_t n;

	return eventfd_read(fd, &n) ? 0 : n;
}

static inline int ioeventfd(struct tvm *t, int fd, uint64_t addr, uint32_t len,
			    uint32_t flags, uint64_t value)
{
	struct gzvm_ioeventfd args = {
		.datamatch = value,
		.addr = addr,
		.len = len,
		.fd = fd,
		.flags = flags,
	};

	return gz_ioctl(t->vm.fd, GZVM_IOEVENTFD, (unsigned long)&args);
}

static inline int irqfd(struct tvm *t, int fd, uint32_t spi, uint32_t flags,
			int resamplefd)
{
	struct gzvm_irqfd args = {
		.fd = fd,
		.gsi = spi,
		.flags = flags,
		.resamplefd = resamplefd,
	};

	return gz_ioctl(t->vm.fd, GZVM_IRQFD, (unsigned long)&args);
}

#endif /* EVENTFD_H */
