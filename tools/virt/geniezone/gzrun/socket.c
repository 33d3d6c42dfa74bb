// SPDX-License-Identifier: GPL-2.0
/* Local sockets. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "socket.h"

/**
 * gz_socket_listen() - create a local stream socket
 * @path: its path, which must not exist
 * @backlog: number of connections that may wait
 *
 * Return: file descriptor or -errno.
 */
int gz_socket_listen(const char *path, int backlog)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (!listen(fd, backlog))
			return fd;
		ret = -errno;
		unlink(path);
	} else {
		ret = -errno;
	}
	close(fd);
	return ret;
}
