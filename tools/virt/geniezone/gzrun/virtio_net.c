// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-net, virtio 1.2, 5.1: one queue pair, no offloads. The other end is a
 * tap interface of the host, or a peer in this process.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "log.h"
#include "net_loop.h"
#include "virtio.h"

enum { RX, TX, NR_QUEUES };

/* With a VLAN tag, without the checksum that the wire adds */
#define MAX_FRAME	(ETHER_MAX_LEN - ETHER_CRC_LEN + 4)

/* On the way to the guest; more are lost, as on any wire */
#define BACKLOG		64

/**
 * struct frame - an Ethernet frame
 * @len: bytes
 * @data: the bytes
 */
struct frame {
	size_t len;
	uint8_t data[MAX_FRAME];
};

/**
 * struct net - a network interface
 * @virtio: the device
 * @tap_fd: the host's end, or -1 for the peer in here
 * @unplugged: the host's end is gone; poll() would say so for ever
 * @frames: frames for the guest, a ring
 * @head: the oldest
 * @fill: how many
 */
struct net {
	struct gz_virtio virtio;
	int tap_fd;
	bool unplugged;
	struct frame frames[BACKLOG];
	unsigned int head;
	unsigned int fill;
};

static struct net *to_net(struct gz_virtio *dev)
{
	return (struct net *)((char *)dev - offsetof(struct net, virtio));
}

/* Where the next frame for the guest goes; NULL when there is no room. */
static struct frame *next_free(struct net *net)
{
	if (net->fill == BACKLOG)
		return NULL;
	return &net->frames[(net->head + net->fill) % BACKLOG];
}

static bool put(struct gz_chain *chain, const struct frame *frame)
{
	struct virtio_net_hdr_v1 hdr = { .num_buffers = htole16(1) };

	return chain->in_len >= sizeof(hdr) + frame->len &&
	       gz_chain_write(chain, &hdr, sizeof(hdr)) &&
	       gz_chain_write(chain, frame->data, frame->len);
}

/* Give the guest what waits, as far as it has buffers. */
static void deliver(struct net *net)
{
	struct gz_virtio *dev = &net->virtio;
	struct gz_chain chain;

	while (net->fill && gz_virtio_pop(dev, RX, &chain)) {
		const struct frame *frame = &net->frames[net->head];

		if (!put(&chain, frame)) {
			gz_virtio_broken(dev, "a buffer is shorter than a frame");
			break;
		}
		gz_vq_push(&dev->queues[RX], &chain,
			   sizeof(struct virtio_net_hdr_v1) + frame->len);
		net->head = (net->head + 1) % BACKLOG;
		net->fill--;
	}
	gz_virtio_tell(dev, RX);
	/* While there is no room, the host's end keeps the rest */
	dev->input_fd = net->fill < BACKLOG && !net->unplugged ? net->tap_fd :
								 -1;
}

static void net_input(struct gz_virtio *dev)
{
	struct net *net = to_net(dev);
	struct frame *frame;

	/* The host keeps them until the guest has buffers, and kicks for them */
	if (!gz_virtio_live(dev, RX)) {
		dev->input_fd = -1;
		return;
	}
	while ((frame = next_free(net))) {
		ssize_t n = read(net->tap_fd, frame->data, MAX_FRAME);

		if (n <= 0) {
			net->unplugged = !n || (errno != EAGAIN &&
						errno != EINTR);
			break;
		}
		frame->len = n;
		net->fill++;
	}
	deliver(net);
}

static void to_tap(const struct net *net, const struct frame *frame)
{
	/* A full or failing interface loses frames, as any does */
	ssize_t n = write(net->tap_fd, frame->data, frame->len);

	(void)n;
}

static void to_peer(struct net *net, const struct frame *frame)
{
	struct frame *answer = next_free(net);

	if (!answer)
		return;
	answer->len = gz_net_loop_answer(frame->data, frame->len,
					 answer->data);
	if (answer->len)
		net->fill++;
}

static uint32_t send_frame(struct gz_virtio *dev, struct gz_chain *chain)
{
	struct net *net = to_net(dev);
	struct virtio_net_hdr_v1 hdr;
	struct frame frame;

	/* The header tells of offloads only, and none were offered */
	if (gz_chain_read(chain, &hdr, sizeof(hdr)) != sizeof(hdr))
		return 0;
	if (chain->out_len > MAX_FRAME || chain->out_len < ETH_HLEN)
		return 0;
	frame.len = gz_chain_read(chain, frame.data, chain->out_len);
	if (net->tap_fd >= 0)
		to_tap(net, &frame);
	else
		to_peer(net, &frame);
	return 0;
}

static void net_kick(struct gz_virtio *dev, unsigned int q)
{
	if (q == TX)
		gz_virtio_serve(dev, TX, send_frame);
	if (gz_virtio_live(dev, RX))
		deliver(to_net(dev));
}

static void net_reset(struct gz_virtio *dev)
{
	to_net(dev)->fill = 0;
}

static void net_destroy(struct gz_virtio *dev)
{
	struct net *net = to_net(dev);

	gz_virtio_fini(dev);
	free(net);
}

static const struct gz_virtio_ops net_ops = {
	.kick = net_kick,
	.input = net_input,
	.reset = net_reset,
	.destroy = net_destroy,
};

/**
 * gz_net_open_tap() - take a tap interface of the host, or make one
 * @name: its name
 *
 * One that was made is gone when this is closed.
 *
 * Return: file descriptor, or -1 after gz_error() said what is wrong.
 */
int gz_net_open_tap(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd;

	if (!*name || strlen(name) >= sizeof(ifr.ifr_name)) {
		gz_error("--net tap=%s: not the name of an interface", name);
		return -1;
	}
	memcpy(ifr.ifr_name, name, strlen(name));
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		gz_error("--net tap=%s: /dev/net/tun: %s", name,
			 strerror(errno));
		return -1;
	}
	if (!ioctl(fd, TUNSETIFF, &ifr))
		return fd;
	gz_error("--net tap=%s: %s", name, strerror(errno));
	close(fd);
	return -1;
}

static void describe(struct gz_virtio *dev, unsigned int index)
{
	struct virtio_net_config config = {
		.mac = { 0x02, 0x47, 0x5a, 0, 0, index },
	};

	memcpy(dev->config, &config, sizeof(config.mac));
	dev->config_size = sizeof(config.mac);
	dev->features = 1ULL << VIRTIO_NET_F_MAC;
}

/**
 * gz_net_new() - make a network interface
 * @mem: guest memory
 * @index: number of the register window
 * @tap_fd: from gz_net_open_tap(), or -1 for the peer in this process; it stays the
 *          caller's
 *
 * Return: the device, or NULL after gz_error() said what is wrong.
 */
struct gz_virtio *gz_net_new(const struct gz_memory *mem, unsigned int index,
			     int tap_fd)
{
	struct net *net = calloc(1, sizeof(*net));
	int ret;

	if (!net) {
		gz_error("--net: %s", strerror(ENOMEM));
		return NULL;
	}
	net->virtio.ops = &net_ops;
	net->virtio.id = VIRTIO_ID_NET;
	net->virtio.dev.name = "net";
	net->virtio.nr_queues = NR_QUEUES;
	describe(&net->virtio, index);
	net->tap_fd = tap_fd;
	/* Nothing is taken from the host before the guest has buffers */
	net->virtio.input_fd = -1;
	ret = gz_virtio_init(&net->virtio, mem, index);
	if (!ret)
		return &net->virtio;
	gz_error("--net: %s", strerror(-ret));
	net_destroy(&net->virtio);
	return NULL;
}
