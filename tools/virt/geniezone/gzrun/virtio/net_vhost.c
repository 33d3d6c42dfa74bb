// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-net, virtio 1.2, 5.1, with one queue pair that vhost connects to a tap interface
 * of the host, see vhost.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "log.h"
#include "virtio/vhost.h"

enum { RX, TX, NR_QUEUES };

/**
 * struct vhost_net - a network interface
 * @vhost: the device
 * @tap_fd: tap interface of the host
 */
struct vhost_net {
	struct gz_vhost vhost;
	int tap_fd;
};

static struct vhost_net *to_net(struct gz_virtio *dev)
{
	return (struct vhost_net *)((char *)dev -
				    offsetof(struct vhost_net, vhost.virtio));
}

static int set_backend(const struct gz_vhost *vhost, unsigned int q, int fd)
{
	struct vhost_vring_file file = { .index = q, .fd = fd };

	return ioctl(vhost->fd, VHOST_NET_SET_BACKEND, &file);
}

static int net_run(const struct gz_vhost *vhost, bool on)
{
	const struct vhost_net *net = (const struct vhost_net *)((const char *)vhost -
				      offsetof(struct vhost_net, vhost));
	int ret, err;

	if (on && !set_backend(vhost, RX, net->tap_fd) &&
	    !set_backend(vhost, TX, net->tap_fd))
		return 0;
	err = errno;
	ret = set_backend(vhost, RX, -1) | set_backend(vhost, TX, -1);
	errno = err;
	return on ? -1 : ret;
}

/* vhost gets the kicks */
static void net_kick(struct gz_virtio *dev, unsigned int q)
{
	(void)dev;
	(void)q;
}

static void net_start(struct gz_virtio *dev)
{
	gz_tap_set_offloads(to_net(dev)->tap_fd, dev->accepted);
	gz_vhost_start(dev);
}

static void net_reset(struct gz_virtio *dev)
{
	gz_tap_set_offloads(to_net(dev)->tap_fd, 0);
}

static void net_destroy(struct gz_virtio *dev)
{
	gz_vhost_fini(gz_to_vhost(dev));
	free(to_net(dev));
}

static const struct gz_virtio_ops net_ops = {
	.kick = net_kick,
	.input = gz_vhost_error,
	.reset = net_reset,
	.start = net_start,
	.halt = gz_vhost_halt,
	.destroy = net_destroy,
};

/**
 * gz_vhost_net_open() - open vhost for a network interface
 *
 * Return: file descriptor, or -errno if the host has no vhost, or its vhost lacks a
 * feature.
 */
int gz_vhost_net_open(void)
{
	const uint64_t needed = 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	int fd = open(GZ_VHOST_NET, O_RDWR | O_CLOEXEC);
	uint64_t features;
	int ret;

	if (fd < 0)
		return -errno;
	ret = gz_vhost_own(fd, &features) ? -errno : 0;
	if (!ret && !(features & needed))
		ret = -EOPNOTSUPP;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int get_features(struct gz_vhost *vhost)
{
	return ioctl(vhost->fd, VHOST_GET_FEATURES, &vhost->features) ? -errno : 0;
}

/**
 * gz_vhost_net_new() - create a network interface
 * @mem: guest memory that devices may access
 * @index: number of the register window
 * @tap_fd: from gz_net_open_tap(); the caller closes it
 * @vhost_fd: from gz_vhost_net_open(); the caller closes it
 * @mac: the guest's address
 *
 * Return: the device, or NULL after gz_error() has printed a message.
 */
struct gz_virtio *gz_vhost_net_new(const struct gz_memory *mem, unsigned int index,
				   int tap_fd, int vhost_fd, const uint8_t *mac)
{
	struct vhost_net *net = calloc(1, sizeof(*net));
	struct gz_virtio *dev;
	int ret;

	if (!net) {
		gz_error("--net: %s", strerror(ENOMEM));
		return NULL;
	}
	dev = &net->vhost.virtio;
	dev->ops = &net_ops;
	dev->id = VIRTIO_ID_NET;
	dev->dev.name = "net";
	dev->nr_queues = NR_QUEUES;
	dev->kernel_queues = NR_QUEUES;
	dev->features = gz_tap_features() | 1ULL << VIRTIO_NET_F_MAC;
	memcpy(dev->config, mac, ETH_ALEN);
	dev->config_size = ETH_ALEN;
	net->vhost.fd = vhost_fd;
	net->vhost.run = net_run;
	net->tap_fd = tap_fd;
	ret = gz_vhost_init(&net->vhost, mem, index);
	if (!ret)
		ret = get_features(&net->vhost);
	if (!ret)
		return dev;
	gz_error("--net: %s", strerror(-ret));
	net_destroy(dev);
	return NULL;
}
