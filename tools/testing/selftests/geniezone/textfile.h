/* SPDX-License-Identifier: GPL-2.0 */
/* Files of the kernel that have one line. */
#ifndef GZ_TEXTFILE_H
#define GZ_TEXTFILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline int write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		ret = errno ? -errno : -EIO;
	close(fd);
	return ret;
}

/* -1 if there is none */
static inline long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

#endif /* GZ_TEXTFILE_H */
