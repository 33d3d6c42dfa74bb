// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the cost of a VM in instructions: the same guest and the same operations
 * on GenieZone and on KVM. Runs in QEMU with -icount shift=0, where an instruction
 * takes 1 ns of virtual time.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct {
	const char *name;
	void (*fn)(void);
} groups[] = {
	{ "exits", bench_exits },
	{ "ioeventfd", bench_ioeventfd },
	{ "irqfd", bench_irqfd },
	{ "touch", bench_touch },
	{ "life", bench_life },
	{ "ipi", bench_ipi },
	{ "late", bench_late },
	{ "memory", bench_memory },
	{ "size", bench_size },
	{ "large", bench_large },
	{ "stretch", bench_stretch },
	{ "give", bench_give },
	{ "plain", bench_plain },
	{ "longest", bench_longest },
	{ "slots", bench_slots },
	{ "vcpus", bench_vcpus },
};

static const struct backend * const backends[] = {
	&backend_gzvm, &backend_protected, &backend_guestmem, &backend_kvm,
};

static void find_backend(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(backends) / sizeof(*backends); i++)
		if (!strcmp(backends[i]->name, name))
			hv = backends[i];
	if (!hv || !hv->open())
		die(name);
}

/* The list has names, separated by commas */
static int is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *at;

	for (at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int i;
	int opt;

	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n')
			return 2;
		ops = atol(optarg);
	}
	if (optind >= argc || ops < 1) {
		fprintf(stderr, "usage: bench [-n OPERATIONS] KIND [GROUP,...]\n"
			"KIND: gz, gz-protected, gz-guestmem or kvm\n");
		return 2;
	}
	find_backend(argv[optind]);
	measure_init();
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (optind + 1 == argc ||
		    is_listed(argv[optind + 1], groups[i].name))
			groups[i].fn();
	printf("bench: done\n");
	return 0;
}
