/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection, on kernels that have it: the n-th allocation or copy that a
 * thread makes fails. See Documentation/fault-injection/fault-injection.rst,
 * fail-nth.
 */
#ifndef GZ_FAIL_H
#define GZ_FAIL_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define NO_FAIL_NTH	"no " FAIL_NTH

static inline int fail_set(const char *name, const char *value)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Let everything fail, without messages; -errno without fault injection */
static inline int fail_everywhere(void)
{
	static const char * const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "0" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "0" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
		{}
	};
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && settings[i][0]; i++)
		ret = fail_set(settings[i][0], settings[i][1]);
	return ret;
}

/* A file for the calling thread, or -1 */
static inline int fail_open(void)
{
	return open(FAIL_NTH, O_RDWR | O_CLOEXEC);
}

/* The n-th one from now on fails; 0: none */
static inline int fail_nth(int fd, int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(fd, text, len, 0) == len ? 0 : -errno;
}

/*
 * Returns whether one has failed, and ends the injection. The read is a copy,
 * too: if it fails, nothing had failed before.
 */
static inline bool fail_has(int fd)
{
	char text[16] = "";
	bool failed = pread(fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	fail_nth(fd, 0);
	return failed;
}

#endif /* GZ_FAIL_H */
