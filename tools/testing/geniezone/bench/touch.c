// SPDX-License-Identifier: GPL-2.0
/* The first touch of memory by a guest */

#include <sys/mman.h>

#include "bench.h"

#define BLOCK		0x200000ULL
#define PAGE		4096
#define TOUCH_SIZE	(64ULL << 20)

/**
 * region_create() - memory aligned to a block
 * @size: bytes
 * @huge: use huge pages
 * @there: the process has touched it already
 * @raw: receives the address to unmap
 *
 * Return: the memory.
 */
void *region_create(uint64_t size, bool huge, bool there, void **raw)
{
	volatile char *at;
	uint64_t i;

	*raw = anon(size + BLOCK);
	at = (char *)(((uintptr_t)*raw + BLOCK - 1) & ~(BLOCK - 1));
	if (madvise(*raw, size + BLOCK, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		die("madvise");
	for (i = 0; there && i < size; i += PAGE)
		at[i] = 1;
	return (void *)at;
}

void region_destroy(void *raw, uint64_t size)
{
	munmap(raw, size + BLOCK);
}

/* The program cannot look at memory of a protected guest. */
static uint8_t guest_byte(struct vm *vm, uint64_t gpa)
{
	vm_do(vm, 0, guest_read, 1, gpa, 0);
	return vm_result(vm, 0);
}

/**
 * region_touch() - measure a guest's first touch
 * @vm: VM with the region at DATA
 * @size: its bytes
 *
 * Return: ticks of an empty loop, to subtract.
 */
int64_t region_touch(struct vm *vm, uint64_t size)
{
	long pages = size / PAGE;
	int64_t empty;

	vm_do(vm, 0, guest_empty, WARM, 0, 0);
	empty = vm_once(vm, guest_empty, pages, 0);
	vm_once(vm, guest_touch, pages, DATA_BASE);
	if (guest_byte(vm, DATA_BASE) != 7 ||
	    guest_byte(vm, DATA_BASE + size - PAGE) != 7)
		die("the guest has not touched all");
	return empty;
}

static void first_touch(const char *figure, bool huge, bool there)
{
	struct vm vm;
	void *raw, *at;
	int64_t empty;

	at = region_create(TOUCH_SIZE, huge, there, &raw);
	vm_create(&vm, 1);
	hv->slot(&vm, DATA_BASE, at, TOUCH_SIZE);
	if (there && hv->write)
		hv->write(&vm, at, TOUCH_SIZE);
	empty = region_touch(&vm, TOUCH_SIZE);
	report(figure, 1, empty, TOUCH_SIZE / PAGE);
	vm_destroy(&vm);
	region_destroy(raw, TOUCH_SIZE);
}

void bench_touch(void)
{
	first_touch("touch-fresh", false, false);
	first_touch("touch-there", false, true);
	/* A file of the driver has no huge pages. */
	if (hv->write)
		return;
	first_touch("touch-thp-fresh", true, false);
	first_touch("touch-thp-there", true, true);
}
