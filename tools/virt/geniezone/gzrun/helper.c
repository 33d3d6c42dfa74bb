// SPDX-License-Identifier: GPL-2.0
/*
 * A process outside of the sandbox. It does the things that the sandbox forbids and that
 * are still needed later: it opens the files of the command line again when the guest is
 * reset, sends the frames of the guest to other sockets of a hub, and removes sockets in
 * the end, whatever has ended gzrun.
 *
 * A request is the index of a file in the list, so no other file can be opened, and
 * none in another way. The answer is 0 with the file, or an error number.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"
#include "virtio/net_hub.h"

static struct helper_files list;
static int sock = -1;
static pid_t child;
static bool in_use;

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

/* The answer: an error number, and @fd unless it is negative */
static void answer(int err, int fd)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static void serve(uint32_t index)
{
	int fd;

	if (index >= list.nr_open) {
		answer(EPERM, -1);
		return;
	}
	fd = open(list.open[index].path, list.open[index].flags | O_CLOEXEC);
	answer(fd < 0 ? errno : 0, fd);
	if (fd >= 0)
		close(fd);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Other ends of pipes must not wait for this process */
static void close_others(void)
{
	int keep[1 + HELPER_HUBS] = { sock };
	unsigned int i, nr = 1, next = 0;

	for (i = 0; i < list.nr_hubs; i++)
		keep[nr++] = list.hubs[i]->helper_end;
	qsort(keep, nr, sizeof(*keep), compare);
	for (i = 0; i < nr; i++) {
		if ((unsigned int)keep[i] > next)
			close_range(next, keep[i] - 1, 0);
		next = keep[i] + 1;
	}
	close_range(next, ~0U, 0);
}

/* Returns false after the end of gzrun */
static bool serve_request(void)
{
	uint32_t index;
	ssize_t n = recv(sock, &index, sizeof(index), 0);

	if (n == sizeof(index))
		serve(index);
	return n > 0 || (n < 0 && errno == EINTR);
}

static void serve_all(void)
{
	struct pollfd fds[1 + HELPER_HUBS];
	unsigned int i;

	for (i = 0; i < list.nr_hubs; i++)
		fds[1 + i] = (struct pollfd){
			.fd = list.hubs[i]->helper_end,
			.events = POLLIN,
		};
	fds[0] = (struct pollfd){ .fd = sock, .events = POLLIN };
	do {
		while (poll(fds, 1 + list.nr_hubs, -1) < 0)
			;
		for (i = 0; i < list.nr_hubs; i++)
			if (fds[1 + i].revents)
				gz_hub_forward(list.hubs[i]);
	} while (!fds[0].revents || serve_request());
}

/* The user's signals are blocked already: this process ends after its parent. */
static void run(void)
{
	unsigned int i;

	prctl(PR_SET_NAME, "gzrun-helper");
	close_others();
	for (i = 0; i < list.nr_hubs; i++)
		gz_hub_serve(list.hubs[i]);
	serve_all();
	for (i = 0; i < list.nr_remove; i++)
		unlink(list.remove[i]);
	_exit(0);
}

/**
 * helper_start() - start the process
 * @files: what it does; the paths must stay
 *
 * Call this while there is no other thread.
 *
 * Return: 0 or -errno.
 */
int helper_start(const struct helper_files *files)
{
	int pair[2], err;

	list = *files;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	child = fork();
	if (!child) {
		close(pair[0]);
		sock = pair[1];
		run();
	}
	err = errno;
	close(pair[1]);
	if (child > 0) {
		sock = pair[0];
		return 0;
	}
	close(pair[0]);
	return -err;
}

/**
 * helper_stop() - let the process remove its files, and wait for its end
 */
void helper_stop(void)
{
	if (sock < 0)
		return;
	close(sock);
	sock = -1;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

/**
 * helper_use() - helper_open() must not open files itself from now on
 */
void helper_use(void)
{
	in_use = true;
}

static uint32_t index_of(const char *path, int flags)
{
	unsigned int i;

	for (i = 0; i < list.nr_open; i++)
		if (list.open[i].flags == flags && !strcmp(list.open[i].path, path))
			break;
	return i;
}

static int ask(uint32_t index)
{
	union control control;
	int err = EIO, fd = -1;
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;

	if (send(sock, &index, sizeof(index), MSG_NOSIGNAL) != sizeof(index) ||
	    recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(err)) {
		errno = EIO;
		return -1;
	}
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	errno = err;
	return fd;
}

/**
 * helper_open() - open a file of the command line
 * @path: its path
 * @flags: as for open(2), without O_CLOEXEC, which is always set
 *
 * In the sandbox, the helper opens it.
 *
 * Return: file descriptor, or -1 with errno.
 */
int helper_open(const char *path, int flags)
{
	return in_use ? ask(index_of(path, flags)) : open(path, flags | O_CLOEXEC);
}
