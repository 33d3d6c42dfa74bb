/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of the driver a thread has run, on kernels that tell: CONFIG_KCOV, with
 * the driver instrumented. See Documentation/dev-tools/kcov.rst.
 */
#ifndef GZ_KCOV_H
#define GZ_KCOV_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_DISABLE	_IO('c', 101)
#define KCOV_TRACE_PC	0
#define KCOV_WORDS	(64 << 10)

/**
 * struct kcov - the trace of one thread
 * @fd: -1 when the kernel cannot tell
 * @words: how many follow, then addresses in the kernel
 */
struct kcov {
	int fd;
	uint64_t *words;
};

/* For one thread at a time, any one */
static inline void kcov_open(struct kcov *k)
{
	k->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (k->fd < 0)
		return;
	k->words = MAP_FAILED;
	if (!ioctl(k->fd, KCOV_INIT_TRACE, KCOV_WORDS))
		k->words = mmap(NULL, KCOV_WORDS * 8, PROT_READ | PROT_WRITE,
				MAP_SHARED, k->fd, 0);
	if (k->words != MAP_FAILED)
		return;
	close(k->fd);
	k->fd = -1;
}

/* From here on the calling thread's */
static inline void kcov_begin(struct kcov *k)
{
	if (k->fd < 0)
		return;
	__atomic_store_n(k->words, 0, __ATOMIC_RELAXED);
	ioctl(k->fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

static inline void kcov_end(struct kcov *k)
{
	if (k->fd >= 0)
		ioctl(k->fd, KCOV_DISABLE, 0);
}

#endif /* GZ_KCOV_H */
