// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket. A client sends commands, one a line, and gets a JSON object, also
 * one line, for each of them. One thread serves all clients. No write blocks: while a
 * client does not read its answers, no more commands are read from it.
 */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "socket.h"

#define MAX_CLIENTS	8

/* No command is longer, with its newline; no answer, with a NUL */
#define LINE_SIZE	64
#define ANSWER_SIZE	192

#define STATUS_FORMAT							\
	"{\"ok\": true, \"state\": \"%s\", \"cpus\": %u, "		\
	"\"memory\": %llu, \"protected\": %s}\n"

/**
 * struct client - a connected client
 * @fd: its socket, or -1
 * @eof: it sends nothing more
 * @skip: the rest of a line that was too long is dropped
 * @in: commands that were not executed yet
 * @in_fill: bytes in @in
 * @out: answers that were not sent yet
 * @out_fill: bytes in @out
 */
struct client {
	int fd;
	bool eof;
	bool skip;
	char in[LINE_SIZE];
	size_t in_fill;
	char out[4 * ANSWER_SIZE];
	size_t out_fill;
};

static bool has_room(const struct client *cl)
{
	return sizeof(cl->out) - cl->out_fill >= ANSWER_SIZE;
}

/* Call this only if there is room */
static void answer(struct client *cl, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cl->out_fill += vsnprintf(cl->out + cl->out_fill, ANSWER_SIZE, fmt, ap);
	va_end(ap);
}

static void answer_error(struct client *cl, const char *text)
{
	answer(cl, "{\"ok\": false, \"error\": \"%s\"}\n", text);
}

static const char *state(const struct control_status *s)
{
	if (!s->paused)
		return "running";
	return s->debugger ? "debugged" : "stopped";
}

static void answer_status(struct client *cl, const struct control_target *t)
{
	struct control_status s = { 0 };

	t->status(t->arg, &s);
	answer(cl, STATUS_FORMAT, state(&s), s.vcpus, (unsigned long long)s.memory,
	       s.protect ? "true" : "false");
}

static void execute(struct client *cl, const struct control_target *t,
		    const char *line)
{
	if (!strcmp(line, "status")) {
		answer_status(cl, t);
		return;
	}
	if (!strcmp(line, "stop")) {
		t->stop(t->arg);
	} else if (!strcmp(line, "resume")) {
		t->resume(t->arg);
	} else if (!strcmp(line, "power")) {
		t->power(t->arg);
	} else {
		answer_error(cl, "unknown command; there are stop, resume, power and status");
		return;
	}
	answer(cl, "{\"ok\": true}\n");
}

/* Removes the first line, which may end in CR LF, and executes it */
static void take_line(struct client *cl, const struct control_target *t, size_t len)
{
	char line[LINE_SIZE];

	memcpy(line, cl->in, len);
	line[len && line[len - 1] == '\r' ? len - 1 : len] = '\0';
	cl->in_fill -= len + 1;
	memmove(cl->in, cl->in + len + 1, cl->in_fill);
	if (cl->skip)
		cl->skip = false;
	else
		execute(cl, t, line);
}

/* Executes all complete lines, as far as there is room for the answers. */
static void execute_all(struct client *cl, const struct control_target *t)
{
	char *end;

	while (has_room(cl)) {
		end = memchr(cl->in, '\n', cl->in_fill);
		if (end) {
			take_line(cl, t, end - cl->in);
			continue;
		}
		if (cl->in_fill < sizeof(cl->in))
			break;
		if (!cl->skip)
			answer_error(cl, "the line is too long");
		cl->skip = true;
		cl->in_fill = 0;
	}
}

static void hang_up(struct client *cl)
{
	close(cl->fd);
	cl->fd = -1;
}

static void receive(struct client *cl)
{
	ssize_t n = recv(cl->fd, cl->in + cl->in_fill, sizeof(cl->in) - cl->in_fill,
			 MSG_DONTWAIT);

	if (n > 0)
		cl->in_fill += n;
	else if (!n)
		cl->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		hang_up(cl);
}

static void transmit(struct client *cl)
{
	ssize_t n = send(cl->fd, cl->out, cl->out_fill, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0) {
		cl->out_fill -= n;
		memmove(cl->out, cl->out + n, cl->out_fill);
	} else if (errno != EAGAIN && errno != EINTR) {
		hang_up(cl);
	}
}

static void serve(struct client *cl, const struct control_target *t, short revents)
{
	if (revents & POLLIN)
		receive(cl);
	if (cl->fd < 0)
		return;
	execute_all(cl, t);
	/* POLLHUP and POLLERR come even if nothing was requested */
	if (cl->out_fill || revents & (POLLHUP | POLLERR))
		transmit(cl);
	if (cl->fd >= 0 && cl->eof && !cl->out_fill)
		hang_up(cl);
}

static struct client *free_client(struct client *clients)
{
	unsigned int i;

	for (i = 0; i < MAX_CLIENTS; i++)
		if (clients[i].fd < 0)
			return &clients[i];
	return NULL;
}

static void accept_client(const struct control *c, struct client *cl)
{
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	memset(cl, 0, sizeof(*cl));
	cl->fd = fd;
}

static short wanted_events(const struct client *cl)
{
	return (has_room(cl) && !cl->eof ? POLLIN : 0) | (cl->out_fill ? POLLOUT : 0);
}

enum { STOP, LISTEN, CLIENT, NR_FDS = CLIENT + MAX_CLIENTS };

/* Returns false if the thread must end */
static bool serve_once(const struct control *c, struct client *clients)
{
	struct pollfd fds[NR_FDS];
	unsigned int i;

	fds[STOP] = (struct pollfd){ .fd = c->stop_fd, .events = POLLIN };
	/* poll() ignores negative file descriptors; further clients wait */
	fds[LISTEN] = (struct pollfd){
		.fd = free_client(clients) ? c->listen_fd : -1,
		.events = POLLIN,
	};
	for (i = 0; i < MAX_CLIENTS; i++)
		fds[CLIENT + i] = (struct pollfd){
			.fd = clients[i].fd,
			.events = wanted_events(&clients[i]),
		};
	if (poll(fds, NR_FDS, -1) < 0)
		return true;
	for (i = 0; i < MAX_CLIENTS; i++)
		if (fds[CLIENT + i].revents)
			serve(&clients[i], &c->target, fds[CLIENT + i].revents);
	if (fds[LISTEN].revents)
		accept_client(c, free_client(clients));
	return !fds[STOP].revents;
}

static void *control_thread(void *arg)
{
	const struct control *c = arg;
	struct client clients[MAX_CLIENTS];
	unsigned int i;

	for (i = 0; i < MAX_CLIENTS; i++)
		clients[i].fd = -1;
	while (serve_once(c, clients))
		;
	for (i = 0; i < MAX_CLIENTS; i++)
		if (clients[i].fd >= 0)
			hang_up(&clients[i]);
	return NULL;
}

/**
 * control_open() - create the socket
 * @c: filled in; control_close() accepts it after a failure as well
 * @path: its path, which must outlive @c; NULL for no socket
 *
 * Return: 0 or -errno.
 */
int control_open(struct control *c, const char *path)
{
	int fd;

	memset(c, 0, sizeof(*c));
	c->listen_fd = -1;
	c->stop_fd = -1;
	if (!path)
		return 0;
	fd = gz_socket_listen(path, MAX_CLIENTS);
	if (fd < 0)
		return fd;
	c->path = path;
	c->listen_fd = fd;
	c->stop_fd = eventfd(0, EFD_CLOEXEC);
	return c->stop_fd < 0 ? -errno : 0;
}

/**
 * control_start() - serve clients
 * @c: from control_open()
 * @target: the machine, which must exist until control_stop()
 *
 * Return: 0 or -errno.
 */
int control_start(struct control *c, const struct control_target *target)
{
	int ret;

	if (c->listen_fd < 0)
		return 0;
	c->target = *target;
	ret = pthread_create(&c->thread, NULL, control_thread, c);
	c->running = !ret;
	return -ret;
}

/**
 * control_stop() - stop serving clients, and disconnect them
 * @c: the socket
 *
 * If the machine ends, call gz_pause_end() before: a client may wait for a vCPU.
 */
void control_stop(struct control *c)
{
	eventfd_t count;

	if (!c->running)
		return;
	eventfd_write(c->stop_fd, 1);
	pthread_join(c->thread, NULL);
	c->running = false;
	eventfd_read(c->stop_fd, &count);
}

/**
 * control_close() - undo control_open()
 * @c: the socket, stopped
 */
void control_close(struct control *c)
{
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	if (c->path)
		unlink(c->path);
}
