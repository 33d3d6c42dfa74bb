/* SPDX-License-Identifier: GPL-2.0 */
/* Files with lines "name:<tab>value": fdinfo and the driver's statistics. */
#ifndef STATS_H
#define STATS_H

#include <sched.h>
#include <stdio.h>
#include <string.h>

/* The n-th value of that name, from 0; -1 if there is none */
static inline long long stat_nth(const char *path, const char *name, int n)
{
	size_t len = strlen(name);
	long long value = -1;
	char line[256];
	FILE *f;

	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len) || line[len] != ':' || n--)
			continue;
		if (sscanf(line + len + 1, "%lld", &value) != 1)
			value = -1;
		break;
	}
	if (f)
		fclose(f);
	return value;
}

static inline long long stat_of(const char *path, const char *name)
{
	return stat_nth(path, name, 0);
}

/* Kilobytes of this process, in all mappings */
static inline long long smaps_sum(const char *name)
{
	long long kb, sum = 0;
	int i;

	for (i = 0; (kb = stat_nth("/proc/self/smaps", name, i)) >= 0; i++)
		sum += kb;
	return sum;
}

/* As stat_of(), for the fdinfo of an open file */
static inline long long fd_stat(int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return stat_of(path, name);
}

/* The harness's timeout ends a test that waits for ever. */
static inline void wait_for_stat(int fd, const char *name, long long old)
{
	while (fd_stat(fd, name) == old)
		sched_yield();
}

#endif /* STATS_H */
