// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-vsock, virtio 1.2, 5.10. vhost in the host's kernel serves its queues, see
 * vhost.c.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>

#include "helper.h"
#include "log.h"
#include "virtio/vhost.h"

/*
 * vhost serves receive and transmit. This process has the event queue, without
 * events.
 */
#define VHOST_QUEUES	2
#define NR_QUEUES	3

static int vsock_run(const struct gz_vhost *vhost, bool on)
{
	int running = on;

	return ioctl(vhost->fd, VHOST_VSOCK_SET_RUNNING, &running);
}

/* Buffers for events; they are never returned */
static void vsock_kick(struct gz_virtio *dev, unsigned int q)
{
	(void)dev;
	(void)q;
}

static void vsock_destroy(struct gz_virtio *dev)
{
	struct gz_vhost *v = gz_to_vhost(dev);

	if (v->fd >= 0)
		close(v->fd);
	gz_vhost_fini(v);
	free(v);
}

static const struct gz_virtio_ops vsock_ops = {
	.kick = vsock_kick,
	.input = gz_vhost_error,
	.start = gz_vhost_start,
	.halt = gz_vhost_halt,
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
static int open_vhost(struct gz_vhost *v, uint64_t cid)
{
	v->fd = helper_open(GZ_VHOST_VSOCK, O_RDWR);
	if (v->fd < 0)
		return cannot_open(errno);
	if (gz_vhost_own(v->fd, &v->features)) {
		gz_error("--vsock: " GZ_VHOST_VSOCK ": %s", strerror(errno));
		return -1;
	}
	v->virtio.features = v->features & 1ULL << VIRTIO_VSOCK_F_SEQPACKET;
	if (!ioctl(v->fd, VHOST_VSOCK_SET_GUEST_CID, &cid))
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
	struct gz_vhost *v = calloc(1, sizeof(*v));
	struct gz_virtio *dev;
	int ret, err;

	if (!v)
		return NULL;
	dev = &v->virtio;
	dev->ops = &vsock_ops;
	dev->id = VIRTIO_ID_VSOCK;
	dev->dev.name = "vsock";
	dev->nr_queues = NR_QUEUES;
	dev->kernel_queues = VHOST_QUEUES;
	v->run = vsock_run;
	set_config(dev, cid);
	ret = open_vhost(v, cid);
	/* After a failure as well, since vsock_destroy() releases it */
	err = gz_vhost_init(v, mem, index);
	if (err)
		gz_error("--vsock: %s", strerror(-err));
	if (!ret && !err)
		return dev;
	vsock_destroy(dev);
	return NULL;
}
