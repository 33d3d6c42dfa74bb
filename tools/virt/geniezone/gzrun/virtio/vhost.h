/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VHOST_H
#define GZRUN_VHOST_H

#include "virtio/virtio.h"

/**
 * struct gz_vhost - a virtio device whose queues vhost serves
 * @virtio: the device; vhost signals its @input_fd when a queue has invalid data
 * @fd: the file of vhost
 * @features: features that vhost has
 * @run: let vhost begin with the queues, or end; returns 0, or -1 with errno
 * @running: vhost serves the queues
 */
struct gz_vhost {
	struct gz_virtio virtio;
	int fd;
	uint64_t features;
	int (*run)(const struct gz_vhost *vhost, bool on);
	bool running;
};

static inline struct gz_vhost *gz_to_vhost(struct gz_virtio *dev)
{
	return (struct gz_vhost *)((char *)dev - offsetof(struct gz_vhost, virtio));
}

int gz_vhost_own(int fd, uint64_t *features);
int gz_vhost_init(struct gz_vhost *vhost, const struct gz_memory *mem,
		  unsigned int index);
void gz_vhost_fini(struct gz_vhost *vhost);

/* Operations of such a device */
void gz_vhost_start(struct gz_virtio *dev);
void gz_vhost_halt(struct gz_virtio *dev);
void gz_vhost_error(struct gz_virtio *dev);

#endif /* GZRUN_VHOST_H */
