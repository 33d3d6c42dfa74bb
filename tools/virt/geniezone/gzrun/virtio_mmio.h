/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VIRTIO_MMIO_H
#define GZRUN_VIRTIO_MMIO_H

#include "virtio.h"

extern const struct gz_device_ops gz_virtio_mmio_ops;

/* Where a window's kicks go, for ioeventfds */
uint64_t gz_virtio_mmio_notify(const struct gz_virtio *dev);

#endif /* GZRUN_VIRTIO_MMIO_H */
