// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-net, virtio 1.2, 5.1, with one queue pair. The other end is a tap interface
 * of the host, a hub, or a peer in this process.
 *
 * The tap interface uses the header of virtio itself, so each side may leave checksums
 * and the division of TCP data into segments to the other: a frame has up to 64 KiB.
 * The host's kernel checks the guest's header.
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
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "log.h"
#include "virtio/net_hub.h"
#include "virtio/net_loop.h"
#include "virtio/virtio.h"

enum { RX, TX, NR_QUEUES };

#define HEADER		sizeof(struct virtio_net_hdr_v1)

/* Data of TCP that is not divided: all that an IP packet can have. 4: a VLAN tag */
#define MAX_FRAME	(ETH_HLEN + 4 + 65535)

/* Frames of the host that are delivered before kicks are looked at again */
#define BATCH		64

/* Chains and pieces of them that one frame is read into; most guests need fewer */
#define MAX_TAKEN	64
#define MAX_PIECES	128

/* Work that the guest may leave to the host, and the host to the guest */
#define OFFLOADS	(1ULL << VIRTIO_NET_F_CSUM | \
			 1ULL << VIRTIO_NET_F_HOST_TSO4 | \
			 1ULL << VIRTIO_NET_F_HOST_TSO6 | \
			 1ULL << VIRTIO_NET_F_GUEST_CSUM | \
			 1ULL << VIRTIO_NET_F_GUEST_TSO4 | \
			 1ULL << VIRTIO_NET_F_GUEST_TSO6 | \
			 1ULL << VIRTIO_NET_F_MRG_RXBUF)

/**
 * struct taken - chains of the guest that the next frame is read into
 * @nr: number of chains
 * @size: bytes of all
 * @chains: index and size of each
 * @nr_iov: number of pieces of all
 * @iov: the pieces, and room for one more
 */
struct taken {
	unsigned int nr;
	size_t size;
	struct {
		uint16_t head;
		size_t size;
	} chains[MAX_TAKEN];
	unsigned int nr_iov;
	struct iovec iov[MAX_PIECES + 1];
};

/**
 * struct net - a network interface
 * @virtio: the device
 * @fd: tap interface of the host or socket of @hub, or -1 for the peer in this process
 * @hub: the hub, or NULL
 * @send: sends a frame of the guest to the other end
 * @unplugged: the tap interface has gone; epoll_wait() would return at once for ever
 * @expected: chains that the next frame is thought to need, at most %MAX_TAKEN
 * @taken: only valid while a frame is received
 * @len: bytes of @frame that wait for the guest's buffers, or 0
 * @frame: a header and an Ethernet frame for the guest
 */
struct net {
	struct gz_virtio virtio;
	int fd;
	const struct gz_hub *hub;
	void (*send)(struct net *net, struct gz_chain *chain);
	bool unplugged;
	unsigned int expected;
	struct taken taken;
	size_t len;
	uint8_t frame[HEADER + MAX_FRAME];
};

static struct net *to_net(struct gz_virtio *dev)
{
	return (struct net *)((char *)dev - offsetof(struct net, virtio));
}

/* How many buffers the frame needs, or 0 if the guest has not offered so many */
static unsigned int count_buffers(struct net *net)
{
	struct gz_virtio *dev = &net->virtio;
	struct gz_chain chain;
	unsigned int nr = 0;
	size_t room;

	for (room = 0; room < net->len; room += chain.in_len) {
		if (!gz_virtio_pop(dev, RX, &chain)) {
			gz_vq_untake(&dev->queues[RX], nr);
			return 0;
		}
		nr++;
	}
	gz_vq_untake(&dev->queues[RX], nr);
	return nr;
}

/* Writes the frame to @nr buffers; returns false if they are smaller than before */
static bool fill_buffers(struct net *net, unsigned int nr)
{
	struct gz_virtio *dev = &net->virtio;
	struct gz_chain chain;
	size_t n, done = 0;

	while (nr-- && gz_virtio_pop(dev, RX, &chain)) {
		n = gz_chain_write(&chain, net->frame + done, net->len - done);
		gz_vq_put(&dev->queues[RX], &chain, n);
		done += n;
	}
	return done == net->len;
}

static bool merges(const struct net *net)
{
	return net->virtio.accepted & 1ULL << VIRTIO_NET_F_MRG_RXBUF;
}

/* Grows at once: a frame that does not fit is copied. Shrinks slowly. */
static void expect(struct net *net, unsigned int nr)
{
	if (nr < net->expected)
		nr = (nr + net->expected) / 2;
	net->expected = nr < MAX_TAKEN ? nr : MAX_TAKEN;
}

/* Gives the guest the frame that waits, if it has buffers for all of it */
static void deliver(struct net *net)
{
	struct virtio_net_hdr_v1 *hdr = (void *)net->frame;
	struct gz_virtio *dev = &net->virtio;
	unsigned int nr;

	nr = net->len ? count_buffers(net) : 0;
	if (!nr)
		return;
	hdr->num_buffers = htole16(nr);
	if (nr > 1 && !merges(net)) {
		/* As an interface does with a frame that is too long */
		net->len = 0;
		return;
	}
	if (!fill_buffers(net, nr)) {
		gz_virtio_broken(dev, "a buffer for a frame has changed");
		return;
	}
	/* Only now, or the guest could see a part of the buffers */
	gz_vq_publish(&dev->queues[RX]);
	net->len = 0;
	expect(net, nr);
}

static void untake(struct net *net)
{
	struct taken *t = &net->taken;

	gz_vq_untake(&net->virtio.queues[RX], t->nr);
	t->nr = 0;
	t->size = 0;
	t->nr_iov = 0;
}

static bool take_one(struct net *net)
{
	struct gz_virtio *dev = &net->virtio;
	struct taken *t = &net->taken;
	struct gz_chain chain;

	if (!gz_virtio_pop(dev, RX, &chain))
		return false;
	if (t->nr_iov + chain.nr_in > MAX_PIECES) {
		gz_vq_untake(&dev->queues[RX], 1);
		return false;
	}
	memcpy(t->iov + t->nr_iov, gz_chain_in(&chain),
	       chain.nr_in * sizeof(*t->iov));
	t->nr_iov += chain.nr_in;
	t->size += chain.in_len;
	t->chains[t->nr].head = chain.head;
	t->chains[t->nr++].size = chain.in_len;
	return true;
}

/* Takes as many chains as frames have needed lately, or none */
static void take(struct net *net)
{
	unsigned int want = merges(net) ? net->expected : 1;
	struct taken *t = &net->taken;

	t->nr = 0;
	t->size = 0;
	t->nr_iov = 0;
	while (t->nr < want && t->size < sizeof(net->frame) && take_one(net))
		;
	/* The header must be in one piece, and the queue may hold nonsense */
	if (t->nr && (t->iov[0].iov_len < HEADER || !gz_virtio_live(&net->virtio, RX)))
		untake(net);
}

/* The chains have the frame: returns to the guest those that it fills */
static void give(struct net *net, size_t len)
{
	const size_t at = offsetof(struct virtio_net_hdr_v1, num_buffers);
	struct gz_vq *vq = &net->virtio.queues[RX];
	struct taken *t = &net->taken;
	struct gz_chain chain;
	unsigned int nr;
	uint16_t le;

	for (nr = 0; len; nr++) {
		size_t n = len < t->chains[nr].size ? len : t->chains[nr].size;

		chain.head = t->chains[nr].head;
		gz_vq_put(vq, &chain, n);
		len -= n;
	}
	le = htole16(nr);
	memcpy((char *)t->iov[0].iov_base + at, &le, sizeof(le));
	gz_vq_untake(vq, t->nr - nr);
	gz_vq_publish(vq);
	expect(net, nr);
}

/* The chains are too small: moves what they have to net->frame, before the rest of it */
static void gather(struct net *net, size_t len)
{
	struct taken *t = &net->taken;
	uint8_t *to = net->frame;
	unsigned int i;

	memmove(net->frame + t->size, net->frame, len - t->size);
	for (i = 0; i < t->nr_iov; i++) {
		memcpy(to, t->iov[i].iov_base, t->iov[i].iov_len);
		to += t->iov[i].iov_len;
	}
	untake(net);
	net->len = len;
}

/*
 * Reads a frame into the guest's buffers, so that it is not copied twice. A frame that
 * does not fit waits in net->frame.
 */
static ssize_t receive_from_tap(struct net *net)
{
	struct taken *t = &net->taken;
	size_t rest;
	ssize_t n;

	take(net);
	rest = t->size < sizeof(net->frame) ? sizeof(net->frame) - t->size : 0;
	t->iov[t->nr_iov] = (struct iovec){ net->frame, rest };
	n = readv(net->fd, t->iov, t->nr_iov + 1);
	if (n <= 0)
		untake(net);
	else if ((size_t)n <= t->size)
		give(net, n);
	else
		gather(net, n);
	return n;
}

/* Tells the guest. While a frame waits, the host keeps further ones. */
static void end_delivery(struct net *net)
{
	gz_virtio_tell(&net->virtio, RX);
	net->virtio.input_fd = net->len || net->unplugged ? -1 : net->fd;
}

/* Frames of a hub have no header. */
static ssize_t receive_from_hub(struct net *net)
{
	ssize_t n;

	n = gz_hub_receive(net->hub, net->frame + HEADER, ETHER_MAX_LEN);
	if (n <= 0)
		return n;
	memset(net->frame, 0, HEADER);
	net->len = HEADER + n;
	return n;
}

static void net_input(struct gz_virtio *dev)
{
	struct net *net = to_net(dev);
	unsigned int i;

	/* The host keeps them until the guest has buffers and kicks */
	if (!gz_virtio_live(dev, RX)) {
		dev->input_fd = -1;
		return;
	}
	for (i = 0; i < BATCH && !net->len; i++) {
		ssize_t n = net->hub ? receive_from_hub(net) :
				       receive_from_tap(net);

		if (n <= 0) {
			net->unplugged = !n || (errno != EAGAIN &&
						errno != EINTR);
			break;
		}
		deliver(net);
	}
	end_delivery(net);
}

static void send_to_tap(struct net *net, struct gz_chain *chain)
{
	/* An interface that is full or fails drops frames */
	ssize_t n = writev(net->fd, chain->iov, chain->nr_out);

	(void)n;
}

/* A frame without its header; returns 0 if it is too short or too long */
static size_t read_frame(struct gz_chain *chain, uint8_t frame[ETHER_MAX_LEN])
{
	struct virtio_net_hdr_v1 hdr;

	if (gz_chain_read(chain, &hdr, sizeof(hdr)) != sizeof(hdr) ||
	    chain->out_len > ETHER_MAX_LEN || chain->out_len < ETH_HLEN)
		return 0;
	return gz_chain_read(chain, frame, chain->out_len);
}

static void send_to_hub(struct net *net, struct gz_chain *chain)
{
	uint8_t frame[ETHER_MAX_LEN];
	size_t len = read_frame(chain, frame);

	if (len)
		gz_hub_send(net->hub, frame, len);
}

/* The peer drops an answer if the last one still waits */
static void send_to_peer(struct net *net, struct gz_chain *chain)
{
	uint8_t frame[ETHER_MAX_LEN];
	size_t len = read_frame(chain, frame);

	if (!len || net->len)
		return;
	len = gz_net_loop_answer(frame, len, net->frame + HEADER);
	if (!len)
		return;
	memset(net->frame, 0, HEADER);
	net->len = HEADER + len;
	deliver(net);
}

/* The guest does not wait for a frame that was sent: tell it once, at the end */
static void send_all(struct net *net)
{
	struct gz_virtio *dev = &net->virtio;
	struct gz_chain chain;

	while (gz_virtio_pop(dev, TX, &chain)) {
		net->send(net, &chain);
		gz_vq_push(&dev->queues[TX], &chain, 0);
	}
	gz_virtio_tell(dev, TX);
}

static void net_kick(struct gz_virtio *dev, unsigned int q)
{
	struct net *net = to_net(dev);

	if (q == TX)
		send_all(net);
	if (!gz_virtio_live(dev, RX))
		return;
	deliver(net);
	end_delivery(net);
}

/**
 * gz_tap_features() - features of an interface that is connected to a tap interface
 *
 * Return: the features, without those of the transport.
 */
uint64_t gz_tap_features(void)
{
	return OFFLOADS;
}

/**
 * gz_tap_set_offloads() - tell the host what the guest can do
 * @tap_fd: from gz_net_open_tap()
 * @features: features that the guest has accepted
 *
 * A host that cannot do that sends frames as they are on the wire.
 */
void gz_tap_set_offloads(int tap_fd, uint64_t features)
{
	unsigned int flags = 0;

	if (features & 1ULL << VIRTIO_NET_F_GUEST_CSUM)
		flags |= TUN_F_CSUM;
	if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO4)
		flags |= TUN_F_TSO4;
	if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO6)
		flags |= TUN_F_TSO6;
	ioctl(tap_fd, TUNSETOFFLOAD, flags);
}

static void set_offloads(const struct net *net, uint64_t features)
{
	if (net->send == send_to_tap)
		gz_tap_set_offloads(net->fd, features);
}

static void net_start(struct gz_virtio *dev)
{
	set_offloads(to_net(dev), dev->accepted);
}

static void net_reset(struct gz_virtio *dev)
{
	set_offloads(to_net(dev), 0);
	to_net(dev)->len = 0;
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
	.start = net_start,
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
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd, size = HEADER, on = 1;

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
	if (!ioctl(fd, TUNSETIFF, &ifr) &&
	    !ioctl(fd, TUNSETVNETHDRSZ, &size) && !ioctl(fd, TUNSETVNETLE, &on))
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
	if (to_net(dev)->send == send_to_tap)
		dev->features |= gz_tap_features();
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
	net->fd = hub ? hub->fd : tap_fd;
	net->hub = hub;
	net->send = hub ? send_to_hub : tap_fd >= 0 ? send_to_tap : send_to_peer;
	describe(&net->virtio, mac);
	/* Read nothing from the host before the guest has buffers */
	net->virtio.input_fd = -1;
	ret = gz_virtio_init(&net->virtio, mem, index);
	if (!ret)
		return &net->virtio;
	gz_error("--net: %s", strerror(-ret));
	net_destroy(&net->virtio);
	return NULL;
}
