// SPDX-License-Identifier: GPL-2.0
/* Creating and destroying VMs */

#include <sys/mman.h>

#include "bench.h"

#define SLOT_SIZE	(64ULL << 20)
#define ROUNDS		20

static void create(struct vm *vm, unsigned int nr_vcpus, void *at)
{
	hv->create(vm, nr_vcpus);
	hv->slot(vm, DATA_BASE, at, SLOT_SIZE);
}

/* Each round is a batch. */
static void create_destroy(unsigned int nr_vcpus, void *at, bool destroy)
{
	struct vm vm = { .code = anon(CODE_SIZE) };
	int i;

	meter_reset();
	for (i = 0; i < ROUNDS; i++) {
		if (!destroy)
			meter_begin();
		create(&vm, nr_vcpus, at);
		if (!destroy)
			meter_end();
		else
			meter_begin();
		hv->destroy(&vm);
		if (destroy)
			meter_end();
		meter_batch();
	}
	munmap(vm.code, CODE_SIZE);
	report(destroy ? "destroy" : "create", nr_vcpus, 0, 1);
}

void bench_life(void)
{
	void *at = anon(SLOT_SIZE);
	unsigned int nr;

	for (nr = 1; nr <= MAX_VCPUS; nr *= 2) {
		create_destroy(nr, at, false);
		create_destroy(nr, at, true);
	}
	munmap(at, SLOT_SIZE);
}
