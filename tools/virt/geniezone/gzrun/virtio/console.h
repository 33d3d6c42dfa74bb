/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VIRTIO_CONSOLE_H
#define GZRUN_VIRTIO_CONSOLE_H

#include "virtio/virtio.h"

struct gz_virtio *gz_virtio_console_new(const struct gz_memory *mem,
					unsigned int index, int out_fd,
					int listen_fd);
int gz_virtio_console_room_fd(struct gz_virtio *dev);
size_t gz_virtio_console_receive(struct gz_virtio *dev, const uint8_t *data,
				 size_t len);

#endif /* GZRUN_VIRTIO_CONSOLE_H */
