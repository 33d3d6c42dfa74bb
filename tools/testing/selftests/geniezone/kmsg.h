/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's log while something is done that it is loud about, as of a want of
 * memory: kept off the console, where each trace counts as a failure, and looked
 * at here instead.
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

/* From here on; or -1 */
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

/* What the kernel has to say of itself, and not of a want of memory */
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

/* From here on, with nothing kept off the console; or -1 */
static inline int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * Lines since then that the driver has printed. So many that some are lost
 * already are too many, whosever they are.
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
