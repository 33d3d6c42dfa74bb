// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-net, virtio 1.2, 5.1, with one queue pair and no offloads. The other
 * end is a tap interface of the host, a hub, or a peer in this process.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "log.h"
#include "virtio/net_hub.h"
#include "virtio/net_loop.h"
#include "virtio/virtio.h"

enum { RX, TX, NR_QUEUES };

/* With a VLAN tag, without the checksum on the wire */
#define MAX_FRAME	(ETHER_MAX_LEN - ETHER_CRC_LEN + 4)

/* Maximum number of frames that wait for the guest; further ones are dropped */
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
 * @fd: tap interface of the host or socket of @hub, or -1 for the peer in this process
 * @hub: the hub, or NULL
 * @unplugged: the tap interface has gone; poll() would return at once for ever
 * @frames: ring of frames for the guest
 * @head: index of the oldest frame
 * @fill: number of frames
 */
struct net {
	struct gz_virtio virtio;
	int fd;
	const struct gz_hub *hub;
	bool unplugged;
	struct frame frames[BACKLOG];
	unsigned int head;
	unsigned int fill;
};

static struct net *to_net(struct gz_virtio *dev)
{
	return (struct net *)((char *)dev - offsetof(struct net, virtio));
}

/* Room for the next frame for the guest, or NULL if there is none. */
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

/* Gives the guest the waiting frames, as far as it has buffers. */
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
	/* While there is no room, the host keeps further frames */
	dev->input_fd = net->fill < BACKLOG && !net->unplugged ? net->fd : -1;
}

static ssize_t receive(const struct net *net, struct frame *frame)
{
	if (net->hub)
		return gz_hub_receive(net->hub, frame->data, MAX_FRAME);
	return read(net->fd, frame->data, MAX_FRAME);
}

static void net_input(struct gz_virtio *dev)
{
	struct net *net = to_net(dev);
	struct frame *frame;

	/* The host keeps them until the guest has buffers and kicks */
	if (!gz_virtio_live(dev, RX)) {
		dev->input_fd = -1;
		return;
	}
	while ((frame = next_free(net))) {
		ssize_t n = receive(net, frame);

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
	/* An interface that is full or fails drops frames */
	ssize_t n = write(net->fd, frame->data, frame->len);

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

	/* The header is only about offloads, and none was offered */
	if (gz_chain_read(chain, &hdr, sizeof(hdr)) != sizeof(hdr))
		return 0;
	if (chain->out_len > MAX_FRAME || chain->out_len < ETH_HLEN)
		return 0;
	frame.len = gz_chain_read(chain, frame.data, chain->out_len);
	if (net->hub)
		gz_hub_send(net->hub, frame.data, frame.len);
	else if (net->fd >= 0)
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
 * gz_net_open_tap() - open a tap interface of the host, or create one
 * @name: its name
 *
 * An interface that was created here is removed when the descriptor is closed.
 *
 * Return: file descriptor, or -1 after gz_error() has printed a message.
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

/**
 * gz_net_choose_mac() - choose an address that no other VM has
 * @mac: receives a random address of a single, locally administered interface
 *
 * Return: 0 or -errno.
 */
int gz_net_choose_mac(uint8_t *mac)
{
	/* An address is no secret, so a host that has just booted has one, too */
	if (getrandom(mac, ETH_ALEN, GRND_INSECURE) != ETH_ALEN)
		return -errno;
	mac[0] = (mac[0] & ~1) | 2;
	return 0;
}

static void describe(struct gz_virtio *dev, const uint8_t *mac)
{
	memcpy(dev->config, mac, ETH_ALEN);
	dev->config_size = ETH_ALEN;
	dev->features = 1ULL << VIRTIO_NET_F_MAC;
}

/**
 * gz_net_new() - create a network interface
 * @mem: guest memory
 * @index: number of the register window
 * @tap_fd: from gz_net_open_tap(), or -1; the caller closes it
 * @hub: from gz_hub_open(), or NULL; the caller closes it. Without both, the peer in
 *       this process
 * @mac: the guest's address
 *
 * Return: the device, or NULL after gz_error() has printed a message.
 */
struct gz_virtio *gz_net_new(const struct gz_memory *mem, unsigned int index,
			     int tap_fd, const struct gz_hub *hub,
			     const uint8_t *mac)
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
	describe(&net->virtio, mac);
	net->fd = hub ? hub->fd : tap_fd;
	net->hub = hub;
	/* Read nothing from the host before the guest has buffers */
	net->virtio.input_fd = -1;
	ret = gz_virtio_init(&net->virtio, mem, index);
	if (!ret)
		return &net->virtio;
	gz_error("--net: %s", strerror(-ret));
	net_destroy(&net->virtio);
	return NULL;
}
