/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_IMAGE_H
#define GZRUN_IMAGE_H

#include <libgzvm.h>

/**
 * struct gz_image - places of the parts in guest memory
 * @entry: first instruction of the kernel
 * @kernel_size: size of the kernel's file in bytes
 * @fdt: device tree, %GZ_FDT_SIZE bytes
 * @initrd: initial RAM disk
 * @initrd_size: its size, 0 without one
 */
struct gz_image {
	uint64_t entry;
	uint64_t kernel_size;
	uint64_t fdt;
	uint64_t initrd;
	uint64_t initrd_size;
};

int gz_image_load(struct gz_image *image, const struct gz_memory *mem,
		  const char *kernel, const char *initrd);

#endif /* GZRUN_IMAGE_H */
