/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VIRTIO_MMIO_H
#define GZRUN_VIRTIO_MMIO_H

#include "virtio/virtio.h"

extern const struct gz_device_ops gz_virtio_mmio_ops;

#endif /* GZRUN_VIRTIO_MMIO_H */
