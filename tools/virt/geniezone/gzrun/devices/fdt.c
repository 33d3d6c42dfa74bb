// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a flattened device tree. No other file uses libfdt. The first error
 * stays, so the functions that write nodes need not check each step.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "devices/fdt.h"
#include "log.h"

#define MAX_CELLS	64

static void note(struct gz_fdt *fdt, int err)
{
	if (!fdt->err)
		fdt->err = err;
}

/**
 * gz_fdt_init() - start a device tree
 * @fdt: the writer
 * @buf: memory for the tree
 * @size: bytes of @buf
 */
void gz_fdt_init(struct gz_fdt *fdt, void *buf, size_t size)
{
	fdt->buf = buf;
	fdt->size = size;
	fdt->err = fdt_create(buf, size);
	note(fdt, fdt_finish_reservemap(buf));
}

/**
 * gz_fdt_begin() - open a node
 * @fdt: the writer
 * @fmt: name of the node with the unit address; "" is the root
 */
void gz_fdt_begin(struct gz_fdt *fdt, const char *fmt, ...)
{
	char name[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	note(fdt, fdt_begin_node(fdt->buf, name));
}

/**
 * gz_fdt_end() - close the node that was opened last
 * @fdt: the writer
 */
void gz_fdt_end(struct gz_fdt *fdt)
{
	note(fdt, fdt_end_node(fdt->buf));
}

/**
 * gz_fdt_blob() - add a property of bytes
 * @fdt: the writer
 * @name: name of the property
 * @data: value, or several strings with their NULs
 * @len: bytes of @data
 */
void gz_fdt_blob(struct gz_fdt *fdt, const char *name, const void *data,
		 size_t len)
{
	note(fdt, fdt_property(fdt->buf, name, data, len));
}

/**
 * gz_fdt_empty() - add a property without a value
 * @fdt: the writer
 * @name: name of the property
 */
void gz_fdt_empty(struct gz_fdt *fdt, const char *name)
{
	gz_fdt_blob(fdt, name, NULL, 0);
}

/**
 * gz_fdt_string() - add a property of one string
 * @fdt: the writer
 * @name: name of the property
 * @value: the string
 */
void gz_fdt_string(struct gz_fdt *fdt, const char *name, const char *value)
{
	gz_fdt_blob(fdt, name, value, strlen(value) + 1);
}

/**
 * gz_fdt_u64() - add a property of two cells
 * @fdt: the writer
 * @name: name of the property
 * @value: the number
 */
void gz_fdt_u64(struct gz_fdt *fdt, const char *name, uint64_t value)
{
	gz_fdt_pairs_n(fdt, name, &value, 1);
}

/**
 * gz_fdt_cells_n() - add a property of 32-bit cells
 * @fdt: the writer
 * @name: name of the property
 * @cells: values
 * @n: number of values
 */
void gz_fdt_cells_n(struct gz_fdt *fdt, const char *name,
		    const uint32_t *cells, size_t n)
{
	fdt32_t be[MAX_CELLS];
	size_t i;

	if (n > MAX_CELLS) {
		note(fdt, -FDT_ERR_NOSPACE);
		return;
	}
	for (i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(cells[i]);
	gz_fdt_blob(fdt, name, be, n * sizeof(*be));
}

/**
 * gz_fdt_pairs_n() - add a property of 64-bit values, two cells each
 * @fdt: the writer
 * @name: name of the property
 * @values: values
 * @n: number of values
 */
void gz_fdt_pairs_n(struct gz_fdt *fdt, const char *name,
		    const uint64_t *values, size_t n)
{
	fdt64_t be[MAX_CELLS / 2];
	size_t i;

	if (n > MAX_CELLS / 2) {
		note(fdt, -FDT_ERR_NOSPACE);
		return;
	}
	for (i = 0; i < n; i++)
		be[i] = cpu_to_fdt64(values[i]);
	gz_fdt_blob(fdt, name, be, n * sizeof(*be));
}

/**
 * gz_fdt_finish() - complete the tree
 * @fdt: the writer
 *
 * Return: size of the tree in bytes, -ENOSPC if it does not fit, or -EINVAL.
 */
int gz_fdt_finish(struct gz_fdt *fdt)
{
	note(fdt, fdt_finish(fdt->buf));
	if (!fdt->err)
		return fdt_totalsize(fdt->buf);
	gz_error("cannot make the device tree: %s", fdt_strerror(fdt->err));
	return fdt->err == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
}
