// SPDX-License-Identifier: GPL-2.0
/* Interrupts between vCPUs: two vCPUs wake each other in turn. */

#include <pthread.h>

#include "bench.h"

#define ROUNDS		(BATCHES + 1)

/* The first batch warms up. */
static void *other_vcpu(void *vm)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		hv->run(vm, 1);
	return NULL;
}

/* Two vCPUs of a VM that has this many */
static void ping_pong(unsigned int nr_vcpus)
{
	pthread_t thread;
	struct vm vm;
	int i;

	vm_create(&vm, nr_vcpus);
	vm_gic(&vm);
	vm_command(&vm, 0, guest_ipi, ops, 1 << 1, 1);
	vm_command(&vm, 1, guest_ipi, ops, 1 << 0, 0);
	if (pthread_create(&thread, NULL, other_vcpu, &vm))
		die("pthread_create");
	hv->run(&vm, 0);
	meter_reset();
	for (i = 1; i < ROUNDS; i++) {
		meter_begin();
		hv->run(&vm, 0);
		meter_end();
		meter_batch();
	}
	/* Each round trip has two interrupts. */
	report("ipi", nr_vcpus, 0, 2 * ops);
	pthread_join(thread, NULL);
	vm_destroy(&vm);
}

void bench_ipi(void)
{
	unsigned int nr;

	for (nr = 2; nr <= MAX_VCPUS; nr *= 2)
		ping_pong(nr);
}
