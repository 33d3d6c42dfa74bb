// SPDX-License-Identifier: GPL-2.0
/*
 * Devices whose queues vhost in the host's kernel serves. The driver's ioeventfd passes
 * the guest's kicks to vhost, and the driver's irqfd passes vhost's interrupts to the
 * guest, so no thread of this process is involved.
 *
 * Therefore this process does not know when vhost interrupts, and InterruptStatus always
 * says that it may have. The guest then reads its queues, as it does at any interrupt.
 * The line is edge-triggered, so that value alone raises no interrupt.
 *
 * vhost knows only the memory that devices may access: the pool, if there is one.
 */

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>
#include <linux/virtio_config.h>

#include "log.h"
#include "virtio/vhost.h"

static int set_memory(const struct gz_vhost *v)
{
	const struct gz_memory *mem = v->virtio.queues[0].mem;
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

	return ioctl(v->fd, VHOST_SET_MEM_TABLE, &table);
}

/* With ACCESS_PLATFORM, vhost would request a translation of each address */
static int set_features(const struct gz_vhost *v)
{
	uint64_t features = v->virtio.accepted & v->features &
			    ~(1ULL << VIRTIO_F_ACCESS_PLATFORM);

	return ioctl(v->fd, VHOST_SET_FEATURES, &features);
}

static int set_file(const struct gz_vhost *v, unsigned long what, unsigned int q,
		    int fd)
{
	struct vhost_vring_file file = { .index = q, .fd = fd };

	return ioctl(v->fd, what, &file);
}

static int set_queue(const struct gz_vhost *v, unsigned int q)
{
	const struct gz_vq *vq = &v->virtio.queues[q];
	struct vhost_vring_state state = { .index = q, .num = vq->size };
	struct vhost_vring_addr addr = {
		.index = q,
		.desc_user_addr = (uintptr_t)vq->desc,
		.avail_user_addr = (uintptr_t)vq->avail,
		.used_user_addr = (uintptr_t)vq->used,
	};
	int ret;

	ret = ioctl(v->fd, VHOST_SET_VRING_NUM, &state);
	state.num = 0;
	if (!ret)
		ret = ioctl(v->fd, VHOST_SET_VRING_BASE, &state);
	if (!ret)
		ret = ioctl(v->fd, VHOST_SET_VRING_ADDR, &addr);
	if (!ret)
		ret = set_file(v, VHOST_SET_VRING_CALL, q, v->virtio.irq_fd);
	if (!ret)
		ret = set_file(v, VHOST_SET_VRING_ERR, q, v->virtio.input_fd);
	if (!ret)
		ret = set_file(v, VHOST_SET_VRING_KICK, q,
			       v->virtio.kick_fds[q]);
	return ret;
}

static int configure(const struct gz_vhost *v)
{
	unsigned int q;
	int ret;

	ret = set_features(v);
	if (!ret)
		ret = set_memory(v);
	for (q = 0; !ret && q < v->virtio.kernel_queues; q++) {
		if (!v->virtio.queues[q].ready) {
			errno = EINVAL;
			return -1;
		}
		ret = set_queue(v, q);
	}
	return ret ? ret : v->run(v, true);
}

/**
 * gz_vhost_halt() - end vhost's service
 * @dev: the device, locked
 *
 * When this returns, vhost does not access guest memory any more.
 */
void gz_vhost_halt(struct gz_virtio *dev)
{
	struct gz_vhost *v = gz_to_vhost(dev);

	if (v->running)
		v->run(v, false);
	v->running = false;
	atomic_store(&dev->irq_in_kernel, false);
}

/**
 * gz_vhost_start() - the guest has set up the device
 * @dev: the device, locked
 *
 * vhost reads the queues at once.
 */
void gz_vhost_start(struct gz_virtio *dev)
{
	struct gz_vhost *v = gz_to_vhost(dev);

	/*
	 * A driver may do this twice; vhost accepts queues only while it does
	 * not run
	 */
	gz_vhost_halt(dev);
	/* vhost may interrupt before the call returns */
	atomic_store(&dev->irq_in_kernel, true);
	v->running = !configure(v);
	if (v->running)
		return;
	atomic_store(&dev->irq_in_kernel, false);
	gz_info("%s: vhost: %s", dev->dev.name, strerror(errno));
	gz_virtio_broken(dev, "the guest's queues cannot be served");
}

/**
 * gz_vhost_error() - vhost has signalled that a queue has invalid data
 * @dev: the device, locked
 */
void gz_vhost_error(struct gz_virtio *dev)
{
	eventfd_t count;

	eventfd_read(dev->input_fd, &count);
	if (!gz_to_vhost(dev)->running)
		return;
	gz_vhost_halt(dev);
	gz_virtio_broken(dev, "the guest's queue holds nonsense");
}

/**
 * gz_vhost_own() - prepare a file of vhost for this process
 * @fd: the file
 * @features: receives the features that vhost has
 *
 * Return: 0, or -1 with errno.
 */
int gz_vhost_own(int fd, uint64_t *features)
{
	return ioctl(fd, VHOST_SET_OWNER) ? -1 :
		ioctl(fd, VHOST_GET_FEATURES, features);
}

/**
 * gz_vhost_init() - set up the common part of a device
 * @vhost: as for gz_virtio_init(); @vhost->virtio.input_fd is set here
 * @mem: guest memory that devices may access
 * @index: number of the register window
 *
 * Return: 0 or -errno; call gz_vhost_fini() in both cases.
 */
int gz_vhost_init(struct gz_vhost *vhost, const struct gz_memory *mem,
		  unsigned int index)
{
	int ret = 0;

	vhost->virtio.input_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vhost->virtio.input_fd < 0)
		ret = -errno;
	/* After a failure as well, since gz_vhost_fini() releases it */
	return gz_virtio_init(&vhost->virtio, mem, index) ?: ret;
}

/**
 * gz_vhost_fini() - undo gz_vhost_init()
 * @vhost: the device; its thread does not run, and vhost does not serve it
 */
void gz_vhost_fini(struct gz_vhost *vhost)
{
	if (vhost->virtio.input_fd >= 0)
		close(vhost->virtio.input_fd);
	gz_virtio_fini(&vhost->virtio);
}
