// SPDX-License-Identifier: GPL-2.0
/* The socket to which a debugger connects, and the thread that serves it. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gdb/server.h"
#include "log.h"
#include "socket.h"

/*
 * Digits only. Listen on the loopback address only: a debugger controls the
 * guest.
 */
static int listen_tcp(const char *where)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	unsigned long port = 0;
	int fd, one = 1, ret;
	char *end;

	if (isdigit((unsigned char)*where))
		port = strtoul(where, &end, 10);
	if (!port || port > 65535 || *end)
		return -EINVAL;
	addr.sin_port = htons(port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, 1))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/**
 * gdb_server_listen() - let a debugger connect from now on
 * @s: filled in; gdb_server_close() accepts it after a failure as well
 * @where: TCP port on this machine, or path of a socket to create; must outlive @s
 *
 * Return: 0 or -errno.
 */
int gdb_server_listen(struct gdb_server *s, const char *where)
{
	int fd;

	memset(s, 0, sizeof(*s));
	s->listen_fd = -1;
	s->stop_fd = -1;
	fd = strchr(where, '/') ? gz_socket_listen(where, 1) : listen_tcp(where);
	if (fd < 0)
		return fd;
	s->listen_fd = fd;
	s->path = strchr(where, '/') ? where : NULL;
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	return s->stop_fd < 0 ? -errno : 0;
}

/* Returns false if the thread must end */
static bool wait_for(struct gdb_server *s, int fd, short events)
{
	struct pollfd fds[2] = {
		{ .fd = s->stop_fd, .events = POLLIN },
		{ .fd = fd, .events = events },
	};

	while (poll(fds, 2, -1) < 0 || !(fds[0].revents | fds[1].revents))
		;
	return !fds[0].revents;
}

/**
 * struct connection - a connected debugger
 * @server: the server
 * @fd: the socket
 * @cut: part of a message was lost, so nothing more is sent
 */
struct connection {
	struct gdb_server *server;
	int fd;
	bool cut;
};

/* A debugger that does not read must not delay the end of the machine. */
static void send_all(void *arg, const char *data, size_t len)
{
	struct connection *c = arg;
	ssize_t n;

	while (len && !c->cut) {
		n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			data += n;
			len -= n;
		} else if (n < 0 && errno == EAGAIN) {
			c->cut = !wait_for(c->server, c->fd, POLLOUT);
		} else {
			/* If the connection is closed, the next read reports it. */
			c->cut = !n || errno != EINTR;
		}
	}
}

/* Serve the debugger until it disconnects; then the machine continues. */
static bool serve(struct gdb_server *s, int fd)
{
	struct connection c = { .server = s, .fd = fd };
	struct gdb g;
	char buf[1024];
	ssize_t n;
	bool more = true;

	gdb_begin(&g, s->target, send_all, &c);
	while (!g.gone && (more = wait_for(s, fd, POLLIN))) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0)
			gdb_receive(&g, buf, n);
		else if (!n || errno != EINTR)
			break;
	}
	if (!more)
		gdb_machine_ended(&g, s->status);
	if (!g.running)
		s->target->go(s->target->arg);
	return more;
}

static void *server_thread(void *arg)
{
	struct gdb_server *s = arg;
	bool more = true;
	int fd;

	while (more && wait_for(s, s->listen_fd, POLLIN)) {
		fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		more = serve(s, fd);
		close(fd);
	}
	return NULL;
}

/**
 * gdb_server_start() - serve connections
 * @s: from gdb_server_listen()
 * @target: the machine, which must exist until gdb_server_stop()
 *
 * Return: 0 or -errno.
 */
int gdb_server_start(struct gdb_server *s, const struct gdb_target *target)
{
	int ret;

	s->target = target;
	ret = pthread_create(&s->thread, NULL, server_thread, s);
	s->running = !ret;
	return -ret;
}

/**
 * gdb_server_stop() - stop serving connections
 * @s: the server
 * @status: exit status for a debugger that waits for the machine
 */
void gdb_server_stop(struct gdb_server *s, int status)
{
	eventfd_t count;

	if (!s->running)
		return;
	s->status = status;
	eventfd_write(s->stop_fd, 1);
	pthread_join(s->thread, NULL);
	s->running = false;
	eventfd_read(s->stop_fd, &count);
}

/**
 * gdb_server_close() - undo gdb_server_listen()
 * @s: the server, stopped
 */
void gdb_server_close(struct gdb_server *s)
{
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	if (s->path)
		unlink(s->path);
}
