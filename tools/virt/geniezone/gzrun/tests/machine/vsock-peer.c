// SPDX-License-Identifier: GPL-2.0
/*
 * One end of a connection through AF_VSOCK, in a guest or in its host:
 *
 *   vsock-peer listen PORT IN OUT        waits for a connection
 *   vsock-peer connect CID PORT IN OUT   connects
 *
 * Sends the file IN while it receives the file OUT, until both ends have sent all.
 * Prints "listening" when it listens.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* The other end exists and answers quickly */
#define LIMIT_MS	60000

/**
 * struct stream - a file that is sent or received
 * @fd: the file
 * @done: all of it has been transferred
 * @fill: bytes in @data that were read but not yet written
 * @data: part of the file
 */
struct stream {
	int fd;
	int done;
	size_t fill;
	char data[16384];
};

static struct sockaddr_vm address(unsigned int cid, const char *port)
{
	return (struct sockaddr_vm){
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = atoi(port),
	};
}

static int wait_for_peer(const char *port)
{
	struct sockaddr_vm addr = address(VMADDR_CID_ANY, port);
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	int peer;

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 1))
		err(1, "port %s", port);
	puts("listening");
	fflush(stdout);
	peer = accept(fd, NULL, NULL);
	if (peer < 0)
		err(1, "accept");
	close(fd);
	return peer;
}

static int call_peer(const char *cid, const char *port)
{
	struct sockaddr_vm addr = address(atoi(cid), port);
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "CID %s, port %s", cid, port);
	return fd;
}

static void refill(struct stream *out)
{
	ssize_t n;

	if (out->fill || out->done)
		return;
	n = read(out->fd, out->data, sizeof(out->data));
	if (n < 0)
		err(1, "read");
	out->fill = n;
}

static void send_some(int peer, struct stream *out)
{
	ssize_t n;

	refill(out);
	if (!out->fill) {
		out->done = 1;
		if (shutdown(peer, SHUT_WR))
			err(1, "shutdown");
		return;
	}
	n = send(peer, out->data, out->fill, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		err(1, "send");
	out->fill -= n;
	memmove(out->data, out->data + n, out->fill);
}

static void receive_some(int peer, struct stream *in)
{
	ssize_t n = recv(peer, in->data, sizeof(in->data), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		err(1, "recv");
	in->done = !n;
	if (write(in->fd, in->data, n) != n)
		err(1, "write");
}

/* Send and receive at once: two ends that only send would wait for each other */
static void exchange(int peer, struct stream *out, struct stream *in)
{
	while (!out->done || !in->done) {
		struct pollfd p = {
			.fd = peer,
			.events = (out->done ? 0 : POLLOUT) |
				  (in->done ? 0 : POLLIN),
		};

		if (poll(&p, 1, LIMIT_MS) != 1)
			errx(3, "the other end does nothing");
		if (!in->done && p.revents & (POLLIN | POLLHUP | POLLERR))
			receive_some(peer, in);
		if (!out->done && p.revents & POLLOUT)
			send_some(peer, out);
		else if (!out->done && p.revents & (POLLHUP | POLLERR))
			errx(1, "the other end is gone");
	}
}

int main(int argc, char **argv)
{
	static struct stream in, out;
	int peer;

	if (argc == 5 && !strcmp(argv[1], "listen"))
		peer = wait_for_peer(argv[2]);
	else if (argc == 6 && !strcmp(argv[1], "connect"))
		peer = call_peer(argv[2], argv[3]);
	else
		errx(2, "usage: vsock-peer listen PORT IN OUT | connect CID PORT IN OUT");
	out.fd = open(argv[argc - 2], O_RDONLY);
	in.fd = open(argv[argc - 1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out.fd < 0 || in.fd < 0)
		err(1, "open");
	exchange(peer, &out, &in);
	return 0;
}
