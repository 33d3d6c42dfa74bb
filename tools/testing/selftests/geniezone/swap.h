/* SPDX-License-Identifier: GPL-2.0 */
/* A swap device of zram, and the thread of the kernel that merges equal pages. */
#ifndef GZ_SWAP_H
#define GZ_SWAP_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/swap.h>
#include <unistd.h>

#include "gz_test.h"
#include "textfile.h"

#define ZRAM_CONTROL	"/sys/class/zram-control/"
#define SWAP_SIZE	(64UL << 20)
#define KSM		"/sys/kernel/mm/ksm/"

/* Writes the header of the first page, as mkswap does. */
static inline bool make_swap(int fd)
{
	const uint32_t head[3] = { 1, SWAP_SIZE / HOST_PAGE - 1, 0 };

	return pwrite(fd, head, sizeof(head), 1024) == sizeof(head) &&
	       pwrite(fd, "SWAPSPACE2", 10, HOST_PAGE - 10) == 10;
}

static inline int zram_write(int zram, const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/zram%d/%s", zram, name);
	return write_file(path, value);
}

static inline const char *zram_device(int zram)
{
	static char path[32];

	snprintf(path, sizeof(path), "/dev/zram%d", zram);
	return path;
}

/* Swaps to a zram device from now on */
static inline bool swap_begin(int zram)
{
	char size[24];
	int fd;
	bool made;

	/* Another test may have used it. */
	zram_write(zram, "reset", "1");
	snprintf(size, sizeof(size), "%lu", SWAP_SIZE);
	if (zram_write(zram, "disksize", size))
		return false;
	fd = open(zram_device(zram), O_RDWR | O_CLOEXEC);
	made = fd >= 0 && make_swap(fd);
	close(fd);
	return made && !swapon(zram_device(zram), 0);
}

static inline void swap_end(int zram)
{
	swapoff(zram_device(zram));
	zram_write(zram, "reset", "1");
}

/* The same with a device of its own; returns its number or -1 */
static inline int swap_add(void)
{
	int zram = read_number(ZRAM_CONTROL "hot_add");

	return zram >= 0 && swap_begin(zram) ? zram : -1;
}

static inline void swap_remove(int zram)
{
	char text[16];

	swap_end(zram);
	snprintf(text, sizeof(text), "%d", zram);
	write_file(ZRAM_CONTROL "hot_remove", text);
}

static inline void ksm_begin(void)
{
	write_file(KSM "pages_to_scan", "10000");
	write_file(KSM "sleep_millisecs", "0");
}

/* The harness's timeout ends a test that waits for ever. */
static inline void ksm_scan_twice(void)
{
	long until = read_number(KSM "full_scans") + 3;

	write_file(KSM "run", "1");
	while (read_number(KSM "full_scans") < until)
		usleep(1000);
	write_file(KSM "run", "0");
}

/* Stops, and gives each its own page */
static inline void ksm_end(void)
{
	write_file(KSM "run", "2");
}

#endif /* GZ_SWAP_H */
