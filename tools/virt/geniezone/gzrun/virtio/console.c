// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-console, virtio 1.2, 5.3, with one port. Output goes straight to a
 * file descriptor. Input comes from gz_virtio_console_receive(), or from a client that
 * has connected to a socket, one at a time.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/virtio_ids.h>

#include "log.h"
#include "virtio/console.h"

enum { RX, TX, NR_QUEUES };

#define INPUT_SIZE	4096

/**
 * struct console_dev - a console
 * @virtio: the device
 * @listen_fd: socket where clients connect, or -1
 * @out_fd: file for the guest's output, or the client, or -1
 * @gone: the client does not read any more
 * @room_fd: eventfd, signalled when there is room for more input
 * @told: the user knows that the output cannot be written
 * @lock: protects the fields below. The device's lock is held while output blocks, and
 *        input must not wait for that.
 * @want_room: @room_fd must be signalled
 * @input: bytes for the guest
 * @fill: number of bytes in @input
 */
struct console_dev {
	struct gz_virtio virtio;
	int listen_fd;
	int out_fd;
	bool gone;
	int room_fd;
	atomic_bool told;
	pthread_mutex_t lock;
	bool want_room;
	uint8_t input[INPUT_SIZE];
	size_t fill;
};

static struct console_dev *to_console(struct gz_virtio *dev)
{
	return (struct console_dev *)((char *)dev -
				      offsetof(struct console_dev, virtio));
}

/*
 * Blocks for as long as nobody reads; the signal at the end of the machine
 * interrupts it. Errors do not stop the guest: a terminal may have gone.
 */
static void output(struct console_dev *con, const struct iovec *iov)
{
	const char *p = iov->iov_base;
	size_t left = iov->iov_len;

	while (left && !atomic_load(&con->virtio.stop)) {
		ssize_t n = write(con->out_fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && con->listen_fd >= 0)
			con->gone = true;
		else if (n < 0)
			gz_lost(&con->told, "cannot write the console");
		if (n <= 0)
			return;
		p += n;
		left -= n;
	}
}

static uint32_t transmit(struct gz_virtio *dev, struct gz_chain *chain)
{
	struct console_dev *con = to_console(dev);
	unsigned int i;

	for (i = 0; con->out_fd >= 0 && !con->gone && i < chain->nr_out; i++)
		output(con, &chain->iov[i]);
	return 0;
}

/* Called with con->lock held */
static void drop_input(struct console_dev *con, size_t n)
{
	con->fill -= n;
	memmove(con->input, con->input + n, con->fill);
	if (!con->want_room)
		return;
	con->want_room = false;
	eventfd_write(con->room_fd, 1);
}

static void receive(struct console_dev *con)
{
	struct gz_virtio *dev = &con->virtio;
	struct gz_chain chain;

	pthread_mutex_lock(&con->lock);
	while (con->fill && gz_virtio_pop(dev, RX, &chain)) {
		size_t n = gz_chain_write(&chain, con->input, con->fill);

		/*
		 * Otherwise a guest that offers it again and again would keep
		 * this loop running
		 */
		if (!n) {
			gz_virtio_broken(dev, "a buffer for input has no room");
			break;
		}
		gz_vq_push(&dev->queues[RX], &chain, n);
		drop_input(con, n);
	}
	pthread_mutex_unlock(&con->lock);
	gz_virtio_tell(dev, RX);
}

/*
 * Input of a client stays in its socket while the guest takes none. The end of a client
 * that has gone is behind that input.
 */
static void watch_client(struct console_dev *con)
{
	if (con->out_fd < 0)
		con->virtio.input_fd = con->listen_fd;
	else if (con->fill < INPUT_SIZE || con->gone)
		con->virtio.input_fd = con->out_fd;
	else
		con->virtio.input_fd = -1;
}

static void console_kick(struct gz_virtio *dev, unsigned int q)
{
	struct console_dev *con = to_console(dev);

	if (q == TX)
		gz_virtio_serve(dev, TX, transmit);
	else
		receive(con);
	if (con->listen_fd >= 0)
		watch_client(con);
}

/* Returns false at the end of the client */
static bool take_input(struct console_dev *con)
{
	ssize_t n;

	if (con->gone)
		return false;
	n = recv(con->out_fd, con->input + con->fill, INPUT_SIZE - con->fill,
		 MSG_DONTWAIT);
	if (n > 0)
		con->fill += n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* A client comes, sends, or leaves. Clients do not use gz_virtio_console_receive(). */
static void console_input(struct gz_virtio *dev)
{
	struct console_dev *con = to_console(dev);

	if (con->out_fd < 0) {
		con->out_fd = accept4(con->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	} else if (take_input(con)) {
		receive(con);
	} else {
		close(con->out_fd);
		con->out_fd = -1;
		con->gone = false;
	}
	watch_client(con);
}

static void console_destroy(struct gz_virtio *dev)
{
	struct console_dev *con = to_console(dev);

	gz_virtio_fini(dev);
	if (con->listen_fd >= 0 && con->out_fd >= 0)
		close(con->out_fd);
	if (con->room_fd >= 0)
		close(con->room_fd);
	pthread_mutex_destroy(&con->lock);
	free(con);
}

static const struct gz_virtio_ops console_ops = {
	.kick = console_kick,
	.input = console_input,
	.destroy = console_destroy,
};

/**
 * gz_virtio_console_new() - create a console
 * @mem: guest memory
 * @index: number of the register window
 * @out_fd: file for its output, or -1
 * @listen_fd: socket where clients connect, or -1; there is no @out_fd then. The caller
 *	       closes both.
 *
 * Return: the device, or NULL after gz_error() has printed a message.
 */
struct gz_virtio *gz_virtio_console_new(const struct gz_memory *mem,
					unsigned int index, int out_fd,
					int listen_fd)
{
	struct console_dev *con = calloc(1, sizeof(*con));
	int ret;

	if (!con) {
		gz_error("--console: %s", strerror(ENOMEM));
		return NULL;
	}
	con->virtio.ops = &console_ops;
	con->virtio.id = VIRTIO_ID_CONSOLE;
	con->virtio.dev.name = "console";
	con->virtio.nr_queues = NR_QUEUES;
	con->virtio.input_fd = listen_fd;
	con->listen_fd = listen_fd;
	con->out_fd = out_fd;
	pthread_mutex_init(&con->lock, NULL);
	con->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = gz_virtio_init(&con->virtio, mem, index);
	if (!ret && con->room_fd >= 0)
		return &con->virtio;
	gz_error("--console: cannot make eventfds");
	console_destroy(&con->virtio);
	return NULL;
}

/**
 * gz_virtio_console_room_fd() - event after which more input may fit
 * @dev: the console
 *
 * Return: an eventfd.
 */
int gz_virtio_console_room_fd(struct gz_virtio *dev)
{
	return to_console(dev)->room_fd;
}

/**
 * gz_virtio_console_receive() - give bytes to the guest
 * @dev: the console
 * @data: the bytes
 * @len: number of bytes
 *
 * Return: number of bytes that fit. If that is less than @len, the eventfd of
 * gz_virtio_console_room_fd() is signalled when there is room for more.
 */
size_t gz_virtio_console_receive(struct gz_virtio *dev, const uint8_t *data,
				 size_t len)
{
	struct console_dev *con = to_console(dev);
	size_t n;

	pthread_mutex_lock(&con->lock);
	n = INPUT_SIZE - con->fill;
	if (n > len)
		n = len;
	memcpy(con->input + con->fill, data, n);
	con->fill += n;
	con->want_room = n < len;
	pthread_mutex_unlock(&con->lock);
	/* Wake the device's thread, as a kick of the guest does */
	eventfd_write(dev->kick_fds[RX], 1);
	return n;
}
