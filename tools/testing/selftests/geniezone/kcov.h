/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Coverage: the code of the driver that a thread has run, on kernels with
 * CONFIG_KCOV and an instrumented driver. See Documentation/dev-tools/kcov.rst.
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
 * @fd: -1 if the kernel has no coverage
 * @words: number of entries, then the entries: addresses in the kernel
 */
struct kcov {
	int fd;
	uint64_t *words;
};

/* One trace for one thread at a time */
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

/* From here on, trace the calling thread */
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
