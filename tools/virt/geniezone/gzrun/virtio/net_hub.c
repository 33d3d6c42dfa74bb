// SPDX-License-Identifier: GPL-2.0
/*
 * A hub, to which the interfaces of several VMs are connected. It is a directory. Each
 * interface has a datagram socket there, with its address as the name, and one frame is
 * one datagram. A frame for one interface is sent to its socket. A frame for a group is
 * sent to all sockets, and so is one for an address that is no name, since a guest may
 * have further interfaces behind its own.
 *
 * The sandbox does not allow to send to any socket of the user, so this is the task of
 * the helper process, which gets all frames of its VM.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virtio/net_hub.h"

/* Six bytes in hexadecimal digits */
#define NAME_LEN	17

/* The address of another interface of the hub */
static struct sockaddr_un address(const struct gz_hub *hub, const char *name)
{
	struct sockaddr_un addr = hub->self;

	memcpy(addr.sun_path + hub->mac, name, NAME_LEN);
	return addr;
}

static void name_of(const uint8_t *mac, char *name)
{
	snprintf(name, NAME_LEN + 1, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5]);
}

/* Does any process have the socket? SIGKILL leaves one that nobody has. */
static bool in_use(const struct gz_hub *hub)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool used;

	used = fd < 0 || !connect(fd, (const struct sockaddr *)&hub->self,
				  sizeof(hub->self)) || errno != ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return used;
}

static int bind_name(const struct gz_hub *hub)
{
	const struct sockaddr *addr = (const struct sockaddr *)&hub->self;

	if (!bind(hub->fd, addr, sizeof(hub->self)))
		return 0;
	if (errno != EADDRINUSE || in_use(hub))
		return -1;
	unlink(hub->self.sun_path);
	return bind(hub->fd, addr, sizeof(hub->self));
}

/**
 * gz_hub_open() - connect an interface to a hub
 * @hub: filled in; gz_hub_close() accepts it after a failure as well
 * @path: directory of the hub, which is created if it does not exist
 * @mac: address of the interface
 *
 * The caller removes the socket in the end.
 *
 * Return: 0 or -errno; -EADDRINUSE if the hub has an interface with this address.
 */
int gz_hub_open(struct gz_hub *hub, const char *path, const uint8_t *mac)
{
	char name[NAME_LEN + 1];

	int pair[2];

	memset(hub, 0, sizeof(*hub));
	hub->fd = -1;
	hub->to_helper = -1;
	hub->helper_end = -1;
	hub->out_fd = -1;
	hub->self.sun_family = AF_UNIX;
	hub->mac = strlen(path) + 1;
	if (hub->mac + NAME_LEN >= sizeof(hub->self.sun_path))
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	hub->to_helper = pair[0];
	hub->helper_end = pair[1];
	hub->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (hub->fd < 0)
		return -errno;
	name_of(mac, name);
	snprintf(hub->self.sun_path, sizeof(hub->self.sun_path), "%s/%s", path, name);
	return bind_name(hub) ? -errno : 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/**
 * gz_hub_close() - undo gz_hub_open(), except for the socket's name
 * @hub: the interface
 */
void gz_hub_close(struct gz_hub *hub)
{
	close_fd(&hub->fd);
	close_fd(&hub->to_helper);
	close_fd(&hub->helper_end);
}

/* Returns false if there is no such interface. A full one drops the frame. */
static bool send_to(const struct gz_hub *hub, const char *name, const uint8_t *frame,
		    size_t len)
{
	struct sockaddr_un addr = address(hub, name);

	return sendto(hub->out_fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (struct sockaddr *)&addr, sizeof(addr)) >= 0 ||
	       errno == EAGAIN || errno == ENOBUFS;
}

static void send_to_all(const struct gz_hub *hub, const uint8_t *frame, size_t len)
{
	const char *self = hub->self.sun_path + hub->mac;
	const struct dirent *entry;

	rewinddir(hub->dir);
	while ((entry = readdir(hub->dir)))
		if (strlen(entry->d_name) == NAME_LEN && strcmp(entry->d_name, self))
			send_to(hub, entry->d_name, frame, len);
}

/**
 * gz_hub_serve() - prepare for gz_hub_forward()
 * @hub: the interface
 *
 * If that fails, no frame is sent.
 */
void gz_hub_serve(struct gz_hub *hub)
{
	struct sockaddr_un dir = hub->self;

	dir.sun_path[hub->mac] = '\0';
	hub->dir = opendir(dir.sun_path);
	hub->out_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/**
 * gz_hub_forward() - send the next frame of the VM to the other interfaces
 * @hub: the interface, whose @helper_end has become readable
 */
void gz_hub_forward(const struct gz_hub *hub)
{
	uint8_t frame[ETHER_MAX_LEN];
	char name[NAME_LEN + 1];
	ssize_t n = recv(hub->helper_end, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC);

	if (n < ETH_HLEN || n > (ssize_t)sizeof(frame) || !hub->dir)
		return;
	name_of(frame, name);
	/* The lowest bit of the first byte: an address of a group */
	if (frame[0] & 1 || !send_to(hub, name, frame, n))
		send_to_all(hub, frame, n);
}

/**
 * gz_hub_send() - send a frame to the other interfaces
 * @hub: the interface
 * @frame: Ethernet frame, with its header at least
 * @len: its length
 *
 * The helper drops what a receiver has no room for, so this does not block for long.
 */
void gz_hub_send(const struct gz_hub *hub, const uint8_t *frame, size_t len)
{
	ssize_t n = send(hub->to_helper, frame, len, MSG_NOSIGNAL);

	(void)n;
}

/**
 * gz_hub_receive() - receive a frame
 * @hub: the interface
 * @frame: receives the frame
 * @size: its maximum length; longer ones are dropped
 *
 * Return: length of the frame, or -1 with errno EAGAIN if there is none.
 */
ssize_t gz_hub_receive(const struct gz_hub *hub, uint8_t *frame, size_t size)
{
	ssize_t n;

	do {
		n = recv(hub->fd, frame, size, MSG_DONTWAIT | MSG_TRUNC);
	} while (n >= 0 && (n < ETH_HLEN || (size_t)n > size));
	return n;
}
