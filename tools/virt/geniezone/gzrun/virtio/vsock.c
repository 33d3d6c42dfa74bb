// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-vsock, virtio 1.2, 5.10. vhost in the host's kernel serves its queues.
 * The driver's ioeventfd passes the guest's kicks to vhost, and the driver's
 * irqfd passes vhost's interrupts to the guest, so no thread of this process is
 * involved.
 *
 * Therefore this process does not know when vhost interrupts, and
 * InterruptStatus always says that it may have. The guest then reads its
 * queues, as it does at any interrupt. The line is edge-triggered, so that
 * value alone raises no interrupt.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>

#include "helper.h"
#include "log.h"
#include "virtio/virtio.h"

/*
 * vhost serves receive and transmit. This process has the event queue, without
 * events.
 */
#define VHOST_QUEUES	2
#define NR_QUEUES	3

/**
 * struct vsock - a vsock device
 * @virtio: the device; vhost signals its @input_fd when a queue has invalid data
 * @fd: /dev/vhost-vsock
 * @running: vhost serves the queues
 */
struct vsock {
	struct gz_virtio virtio;
	int fd;
	bool running;
};

static struct vsock *to_vsock(struct gz_virtio *dev)
{
	return (struct vsock *)dev;
}

static int set_memory(const struct vsock *s)
{
	const struct gz_memory *mem = s->virtio.queues[0].mem;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = {
		.head.nregions = 1,
		.region = {
			.guest_phys_addr = mem->gpa,
			.memory_size = mem->size,
			.userspace_addr = (uintptr_t)mem->hva,
		},
	};

	return ioctl(s->fd, VHOST_SET_MEM_TABLE, &table);
}

/* With ACCESS_PLATFORM, vhost would request a translation of each address */
static int set_features(const struct vsock *s)
{
	uint64_t features = s->virtio.accepted &
			    ~(1ULL << VIRTIO_F_ACCESS_PLATFORM);

	return ioctl(s->fd, VHOST_SET_FEATURES, &features);
}

static int set_file(const struct vsock *s, unsigned long what, unsigned int q,
		    int fd)
{
	struct vhost_vring_file file = { .index = q, .fd = fd };

	return ioctl(s->fd, what, &file);
}

static int set_queue(const struct vsock *s, unsigned int q)
{
	const struct gz_vq *vq = &s->virtio.queues[q];
	struct vhost_vring_state state = { .index = q, .num = vq->size };
	struct vhost_vring_addr addr = {
		.index = q,
		.desc_user_addr = (uintptr_t)vq->desc,
		.avail_user_addr = (uintptr_t)vq->avail,
		.used_user_addr = (uintptr_t)vq->used,
	};
	int ret;

	ret = ioctl(s->fd, VHOST_SET_VRING_NUM, &state);
	state.num = 0;
	if (!ret)
		ret = ioctl(s->fd, VHOST_SET_VRING_BASE, &state);
	if (!ret)
		ret = ioctl(s->fd, VHOST_SET_VRING_ADDR, &addr);
	if (!ret)
		ret = set_file(s, VHOST_SET_VRING_CALL, q, s->virtio.irq_fd);
	if (!ret)
		ret = set_file(s, VHOST_SET_VRING_ERR, q, s->virtio.input_fd);
	if (!ret)
		ret = set_file(s, VHOST_SET_VRING_KICK, q,
			       s->virtio.kick_fds[q]);
	return ret;
}

static int set_running(const struct vsock *s, int on)
{
	return ioctl(s->fd, VHOST_VSOCK_SET_RUNNING, &on);
}

static int configure(const struct vsock *s)
{
	unsigned int q;
	int ret;

	ret = set_features(s);
	if (!ret)
		ret = set_memory(s);
	for (q = 0; !ret && q < VHOST_QUEUES; q++) {
		if (!s->virtio.queues[q].ready) {
			errno = EINVAL;
			return -1;
		}
		ret = set_queue(s, q);
	}
	return ret ? ret : set_running(s, 1);
}

/* When this returns, vhost does not access guest memory any more */
static void vsock_halt(struct gz_virtio *dev)
{
	struct vsock *s = to_vsock(dev);

	if (s->running)
		set_running(s, 0);
	s->running = false;
	atomic_store(&dev->irq_in_kernel, false);
}

/* The guest has set up the device. vhost reads the queues at once. */
static void vsock_start(struct gz_virtio *dev)
{
	struct vsock *s = to_vsock(dev);

	/*
	 * A driver may do this twice; vhost accepts queues only while it does
	 * not run
	 */
	vsock_halt(dev);
	/* vhost may interrupt before the call returns */
	atomic_store(&dev->irq_in_kernel, true);
	s->running = !configure(s);
	if (s->running)
		return;
	atomic_store(&dev->irq_in_kernel, false);
	gz_info("vsock: vhost: %s", strerror(errno));
	gz_virtio_broken(dev, "the guest's queues cannot be served");
}

/* Buffers for events; they are never returned */
static void vsock_kick(struct gz_virtio *dev, unsigned int q)
{
	(void)dev;
	(void)q;
}

static void vsock_error(struct gz_virtio *dev)
{
	eventfd_t count;

	eventfd_read(dev->input_fd, &count);
	if (!to_vsock(dev)->running)
		return;
	vsock_halt(dev);
	gz_virtio_broken(dev, "the guest's queue holds nonsense");
}

static void vsock_destroy(struct gz_virtio *dev)
{
	struct vsock *s = to_vsock(dev);

	if (s->fd >= 0)
		close(s->fd);
	if (dev->input_fd >= 0)
		close(dev->input_fd);
	gz_virtio_fini(dev);
	free(s);
}

static const struct gz_virtio_ops vsock_ops = {
	.kick = vsock_kick,
	.input = vsock_error,
	.start = vsock_start,
	.halt = vsock_halt,
	.destroy = vsock_destroy,
};

static int cannot_open(int err)
{
	if (err == ENOENT || err == ENODEV)
		gz_error("--vsock: no " GZ_VHOST_VSOCK
			 ": load it (modprobe vhost_vsock); it needs CONFIG_VHOST_VSOCK");
	else if (err == EACCES || err == EPERM)
		gz_error("--vsock: no permission to open " GZ_VHOST_VSOCK);
	else
		gz_error("--vsock: cannot open " GZ_VHOST_VSOCK ": %s",
			 strerror(err));
	return -1;
}

/* Features of vhost, without those of the transport */
static int open_vhost(struct vsock *s, uint64_t cid)
{
	uint64_t features;

	s->fd = helper_open(GZ_VHOST_VSOCK, O_RDWR);
	if (s->fd < 0)
		return cannot_open(errno);
	if (ioctl(s->fd, VHOST_SET_OWNER) ||
	    ioctl(s->fd, VHOST_GET_FEATURES, &features)) {
		gz_error("--vsock: " GZ_VHOST_VSOCK ": %s", strerror(errno));
		return -1;
	}
	s->virtio.features = features & 1ULL << VIRTIO_VSOCK_F_SEQPACKET;
	if (!ioctl(s->fd, VHOST_VSOCK_SET_GUEST_CID, &cid))
		return 0;
	if (errno == EADDRINUSE)
		gz_error("--vsock: another guest has CID %llu",
			 (unsigned long long)cid);
	else
		gz_error("--vsock: CID %llu: %s", (unsigned long long)cid,
			 strerror(errno));
	return -1;
}

static void set_config(struct gz_virtio *dev, uint64_t cid)
{
	struct virtio_vsock_config config = { .guest_cid = htole64(cid) };

	memcpy(dev->config, &config, sizeof(config));
	dev->config_size = sizeof(config);
}

/**
 * gz_vsock_new() - create a vsock device
 * @mem: guest memory that devices may access
 * @index: number of the register window
 * @cid: CID of the guest
 *
 * Return: the device, or NULL after gz_error() has printed a message.
 */
struct gz_virtio *gz_vsock_new(const struct gz_memory *mem, unsigned int index,
			       uint32_t cid)
{
	struct vsock *s = calloc(1, sizeof(*s));
	struct gz_virtio *dev;
	int ret;

	if (!s)
		return NULL;
	dev = &s->virtio;
	dev->ops = &vsock_ops;
	dev->id = VIRTIO_ID_VSOCK;
	dev->dev.name = "vsock";
	dev->nr_queues = NR_QUEUES;
	dev->kernel_queues = VHOST_QUEUES;
	dev->input_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	set_config(dev, cid);
	ret = open_vhost(s, cid);
	/* After a failure as well, since vsock_destroy() releases it */
	if (gz_virtio_init(dev, mem, index) || dev->input_fd < 0) {
		gz_error("--vsock: %s", strerror(errno));
		ret = -1;
	}
	if (!ret)
		return dev;
	vsock_destroy(dev);
	return NULL;
}
