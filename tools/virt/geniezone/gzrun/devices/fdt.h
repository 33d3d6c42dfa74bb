/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_FDT_H
#define GZRUN_FDT_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

#define GZ_FDT_PHANDLE_GIC	1
#define GZ_FDT_PHANDLE_CLOCK	2
#define GZ_FDT_PHANDLE_GPIO	3
#define GZ_FDT_PHANDLE_SWIOTLB	4

/* Cells of an interrupt specifier */
#define GZ_FDT_IRQ_SPI		0
#define GZ_FDT_IRQ_PPI		1
#define GZ_FDT_IRQ_EDGE		1
#define GZ_FDT_IRQ_LEVEL	4

/**
 * struct gz_fdt - a device tree that is written from front to back
 * @buf: memory for the tree
 * @size: bytes of @buf
 * @err: first error of libfdt; after it, nothing is written
 */
struct gz_fdt {
	void *buf;
	int size;
	int err;
};

void gz_fdt_init(struct gz_fdt *fdt, void *buf, size_t size);
void printf_like(2, 3) gz_fdt_begin(struct gz_fdt *fdt, const char *fmt, ...);
void gz_fdt_end(struct gz_fdt *fdt);
void gz_fdt_empty(struct gz_fdt *fdt, const char *name);
void gz_fdt_string(struct gz_fdt *fdt, const char *name, const char *value);
void gz_fdt_blob(struct gz_fdt *fdt, const char *name, const void *data,
		 size_t len);
void gz_fdt_u64(struct gz_fdt *fdt, const char *name, uint64_t value);
void gz_fdt_cells_n(struct gz_fdt *fdt, const char *name,
		    const uint32_t *cells, size_t n);
void gz_fdt_pairs_n(struct gz_fdt *fdt, const char *name,
		    const uint64_t *values, size_t n);
int gz_fdt_finish(struct gz_fdt *fdt);

/* gz_fdt_cells(fdt, "interrupts", 0, 1, 4) */
#define gz_fdt_cells(fdt, name, ...)					\
	gz_fdt_cells_n(fdt, name, (const uint32_t[]){ __VA_ARGS__ },	\
		       sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

/* gz_fdt_reg(fdt, base, size, base, size...) */
#define gz_fdt_reg(fdt, ...)						\
	gz_fdt_pairs_n(fdt, "reg", (const uint64_t[]){ __VA_ARGS__ },	\
		       sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

#endif /* GZRUN_FDT_H */
