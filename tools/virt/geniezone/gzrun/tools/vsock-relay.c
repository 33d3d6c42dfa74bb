// SPDX-License-Identifier: GPL-2.0
/*
 * Connects guests by vsock. vhost passes data between a guest and its host only, so
 * this program of the host accepts connections and makes another one for each:
 *
 *   vsock-relay [FROM:]PORT TO:TO_PORT
 *
 * A guest that connects to PORT of the host (CID 2) reaches TO_PORT of the guest with
 * CID TO. With FROM, only the guest with that CID is served. Prints "listening" when it
 * listens.
 */

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static struct sockaddr_vm address(unsigned int cid, unsigned int port)
{
	return (struct sockaddr_vm){
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = port,
	};
}

static int listen_at(unsigned int port)
{
	struct sockaddr_vm addr = address(VMADDR_CID_ANY, port);
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 16))
		err(1, "port %u", port);
	return fd;
}

static int connect_to(const struct sockaddr_vm *to)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		err(1, "CID %u, port %u", to->svm_cid, to->svm_port);
	return fd;
}

/* Returns false if the receiver takes no more */
static bool write_all(int fd, const char *data, size_t size)
{
	ssize_t n;

	for (; size; data += n, size -= n) {
		n = write(fd, data, size);
		if (n < 0)
			return false;
	}
	return true;
}

/* Until the sender has sent all; then the receiver gets the end, too, or the other way. */
static void copy(int from, int to)
{
	char data[16384];
	ssize_t n;

	do {
		n = read(from, data, sizeof(data));
	} while (n > 0 && write_all(to, data, n));
	shutdown(to, SHUT_WR);
	if (n)
		shutdown(from, SHUT_RD);
}

/* A process for each direction */
static void relay(int fd, const struct sockaddr_vm *to)
{
	int peer = connect_to(to);

	if (!fork())
		copy(fd, peer);
	else
		copy(peer, fd);
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned int from = VMADDR_CID_ANY, port, cid, to_port;
	struct sockaddr_vm peer, to;
	socklen_t size;
	int fd, listener;

	if (argc != 3 || (sscanf(argv[1], "%u:%u", &from, &port) != 2 &&
			  sscanf(argv[1], "%u", &port) != 1) ||
	    sscanf(argv[2], "%u:%u", &cid, &to_port) != 2)
		errx(2, "usage: vsock-relay [FROM:]PORT TO:TO_PORT");
	to = address(cid, to_port);
	if (!strchr(argv[1], ':'))
		from = VMADDR_CID_ANY;
	listener = listen_at(port);
	/* Children are not waited for; a peer that has gone is an error of write() */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	puts("listening");
	fflush(stdout);
	for (;;) {
		size = sizeof(peer);
		fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (from != VMADDR_CID_ANY && peer.svm_cid != from)
			fprintf(stderr, "CID %u is not served\n", peer.svm_cid);
		else if (!fork())
			relay(fd, &to);
		close(fd);
	}
}
