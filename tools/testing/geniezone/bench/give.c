// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is mapped when its slot is created, as the driver does if EL2 has no
 * demand paging. For comparison, a module maps memory page by page.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define PAGE		4096
#define MIB		0x100000ULL
#define GIVE_MIB	64
#define ROUNDS		3
#define PLAIN		"/sys/kernel/debug/gzplain"

static void give(const char *figure, bool huge)
{
	uint64_t size = GIVE_MIB * MIB;
	void *raw, *at = region_create(size, huge, true, &raw);
	struct vm vm;
	int i;

	meter_reset();
	for (i = 0; i < ROUNDS; i++) {
		vm_create(&vm, 1);
		meter_begin();
		hv->slot(&vm, DATA_BASE, at, size);
		meter_end();
		meter_batch();
		vm_destroy(&vm);
	}
	report(figure, GIVE_MIB, 0, size / PAGE);
	region_destroy(raw, size);
}

static void plain_do(int fd, void *at, uint64_t size)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%lx %lx", (unsigned long)at,
			   (unsigned long)size);

	CHECKED(write(fd, text, len));
}

static void plain(const char *populate, const char *teardown, bool huge)
{
	uint64_t size = GIVE_MIB * MIB;
	void *raw, *at = region_create(size, huge, true, &raw);
	int fd = CHECKED(open(PLAIN, O_WRONLY | O_CLOEXEC));

	meter_reset();
	meter_begin();
	plain_do(fd, at, size);
	meter_end();
	meter_batch();
	report(populate, GIVE_MIB, 0, size / PAGE);
	meter_reset();
	meter_begin();
	plain_do(fd, NULL, 0);
	meter_end();
	meter_batch();
	report(teardown, GIVE_MIB, 0, size / PAGE);
	close(fd);
	region_destroy(raw, size);
}

void bench_give(void)
{
	give("give", false);
	give("give-thp", true);
}

void bench_plain(void)
{
	plain("plain", "plain-teardown", false);
	plain("plain-thp", "plain-thp-teardown", true);
}
