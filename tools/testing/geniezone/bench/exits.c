// SPDX-License-Identifier: GPL-2.0
/* Exits that the program, the kernel or EL2 handles */

#include "bench.h"

#define SMCCC_VERSION	0x80000000
/* The host's clock: both KVM and the gzvm driver answer in the kernel */
#define KVM_PTP		0x86000001

static int64_t loop_alone(struct vm *vm)
{
	return vm_loop(vm, guest_empty, 0, 0, 0);
}

static void to_program(struct vm *vm)
{
	int64_t empty = loop_alone(vm);

	vm_loop(vm, guest_write, MMIO_BASE, 7, 1);
	report("mmio-write", 1, empty, ops);
	vm_loop(vm, guest_read, MMIO_BASE, 0, 1);
	if (vm_result(vm, 0) != 3 * (uint64_t)ops)
		die("the guest has read something else");
	report("mmio-read", 1, empty, ops);
}

static void to_kernel(struct vm *vm)
{
	int64_t empty = vm_loop(vm, guest_no_call, 0, 0, 0);

	vm_loop(vm, guest_call, SMCCC_VERSION, 0, 0);
	report("null-hvc", 1, empty, ops);
	vm_loop(vm, guest_call, KVM_PTP, 0, 0);
	report("ptp-hvc", 1, empty, ops);
}

/* MMIO while the VM has more slots, each of one page */
static void with_slots(void)
{
	static const unsigned int counts[] = { 1, 32, 512 };
	char *page = anon(4096);
	unsigned int i;
	int64_t empty;
	struct vm vm;

	vm_create(&vm, 1);
	empty = loop_alone(&vm);
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		while (vm.nr_slots < counts[i])
			hv->slot(&vm, SLOTS_BASE + vm.nr_slots * 0x10000ULL,
				 page, 4096);
		vm_loop(&vm, guest_write, MMIO_BASE, 7, 1);
		report("mmio-write-slots", counts[i], empty, ops);
	}
	vm_destroy(&vm);
}

/* MMIO while the VM has more vCPUs */
static void with_vcpus(void)
{
	unsigned int nr;
	int64_t empty;
	struct vm vm;

	for (nr = 1; nr <= MAX_VCPUS; nr *= 2) {
		vm_create(&vm, nr);
		empty = loop_alone(&vm);
		vm_loop(&vm, guest_write, MMIO_BASE, 7, 1);
		report("mmio-write-vcpus", nr, empty, ops);
		vm_destroy(&vm);
	}
}

void bench_exits(void)
{
	struct vm vm;

	vm_create(&vm, 1);
	to_program(&vm);
	to_kernel(&vm);
	vm_destroy(&vm);
	with_slots();
	with_vcpus();
}
