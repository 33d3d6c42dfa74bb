/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's log during an operation that prints many messages, for example
 * when memory is short. They are kept off the console, where each trace counts
 * as a failure, and are checked here instead.
 */
#ifndef GZ_KMSG_H
#define GZ_KMSG_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#define SYSLOG_CONSOLE_OFF	6
#define SYSLOG_CONSOLE_ON	7

/* Start here; returns a file or -1 */
static inline int kmsg_begin(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		klogctl(SYSLOG_CONSOLE_OFF, NULL, 0);
	return fd;
}

/* The kernel's reports of its own faults, not of a lack of memory */
static inline bool kmsg_complains(int fd)
{
	static const char * const words[] = {
		"BUG:", "WARNING:", "KASAN", "UBSAN", "Unable to handle",
		"refcount_t", "possible ", NULL
	};
	char text[8192];
	unsigned int i;
	ssize_t n;

	while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		for (i = 0; words[i]; i++)
			if (strstr(text, words[i])) {
				printf("# %s\n", text);
				return true;
			}
	}
	return n < 0 && errno != EAGAIN;
}

/* Start here, without keeping anything off the console; returns a file or -1 */
static inline int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * Number of lines since then that the driver has printed. If there are so many
 * lines that some are lost already, that is too many, whoever has printed them.
 */
static inline unsigned int kmsg_of_driver(int fd)
{
	unsigned int lines = 0;
	char text[8192];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		if (!strstr(text, "gzvm"))
			continue;
		lines++;
		printf("# %s", text);
	}
	return n < 0 && errno != EAGAIN ? -1U : lines;
}

static inline void kmsg_end(int fd)
{
	klogctl(SYSLOG_CONSOLE_ON, NULL, 0);
	close(fd);
}

#endif /* GZ_KMSG_H */
