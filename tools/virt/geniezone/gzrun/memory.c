// SPDX-License-Identifier: GPL-2.0
/* Guest memory. */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "memory.h"

/* As large as the blocks in which the driver maps memory on demand */
#define BLOCK_SIZE	0x200000ULL

/*
 * An address that is a multiple of BLOCK_SIZE, so that huge pages of the host
 * can become huge pages of the guest: ask for more, give back what is too much.
 */
static void *map_aligned(uint64_t size, int flags, int fd)
{
	uint64_t whole = size + BLOCK_SIZE;
	uintptr_t start, aligned;
	void *p;

	p = mmap(NULL, whole, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		return NULL;
	start = (uintptr_t)p;
	aligned = (start + BLOCK_SIZE - 1) & ~(BLOCK_SIZE - 1);
	if (aligned != start)
		munmap(p, aligned - start);
	munmap((void *)(aligned + size), start + whole - aligned - size);
	return (void *)aligned;
}

static void *map_memfd(uint64_t size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	void *p = NULL;

	if (fd < 0)
		return NULL;
	/* As long as what is mapped first: what stays may begin anywhere in it */
	if (!ftruncate(fd, size + BLOCK_SIZE))
		p = map_aligned(size, MAP_SHARED | MAP_NORESERVE, fd);
	close(fd);
	return p;
}

/* No MAP_NORESERVE: too few of them are to be an error here, not SIGBUS later */
static void *map_hugetlb(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *map(uint64_t size, enum gz_backing backing)
{
	if (size + BLOCK_SIZE < size)
		return NULL;
	if (backing == GZ_BACKING_SHARED)
		return map_memfd(size);
	if (backing == GZ_BACKING_HUGETLB)
		return map_hugetlb(size);
	return map_aligned(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1);
}

/**
 * gz_memory_alloc_as() - allocate guest memory of a certain kind
 * @mem: to be filled in
 * @gpa: guest physical address
 * @size: bytes, a multiple of the page size
 * @backing: what it is made of
 *
 * Return: 0 or -errno.
 */
int gz_memory_alloc_as(struct gz_memory *mem, uint64_t gpa, uint64_t size,
		       enum gz_backing backing)
{
	mem->gpa = gpa;
	mem->size = size;
	mem->bounce = false;
	mem->hva = map(size, backing);
	if (!mem->hva)
		return -ENOMEM;

	/*
	 * The driver refuses to run a VM for a forked child: give it no copy.
	 * And a dump would touch protected pages.
	 */
	madvise(mem->hva, size, MADV_DONTFORK);
	madvise(mem->hva, size, MADV_DONTDUMP);
	return 0;
}

/**
 * gz_memory_alloc() - allocate guest memory
 * @mem: to be filled in
 * @gpa: guest physical address
 * @size: bytes, a multiple of the page size
 *
 * Return: 0 or -errno.
 */
int gz_memory_alloc(struct gz_memory *mem, uint64_t gpa, uint64_t size)
{
	return gz_memory_alloc_as(mem, gpa, size, GZ_BACKING_PRIVATE);
}

/**
 * gz_memory_free() - free guest memory
 * @mem: from gz_memory_alloc(), of a VM that is gone
 */
void gz_memory_free(struct gz_memory *mem)
{
	if (mem->hva)
		munmap(mem->hva, mem->size);
	mem->hva = NULL;
}

/**
 * gz_memory_at() - where a range of guest memory lies
 * @mem: guest memory
 * @gpa: start of the range
 * @len: bytes
 *
 * Return: pointer, or NULL when the range is not all inside.
 */
void *gz_memory_at(const struct gz_memory *mem, uint64_t gpa, uint64_t len)
{
	uint64_t offset = gpa - mem->gpa;

	if (gpa < mem->gpa || offset > mem->size || len > mem->size - offset)
		return NULL;
	return (char *)mem->hva + offset;
}

/**
 * gz_memory_attach() - make the memory RAM of a VM
 * @mem: guest memory
 * @vm: the VM
 * @slot: slot number
 *
 * Return: 0 or -errno.
 */
int gz_memory_attach(const struct gz_memory *mem, const struct gz_vm *vm,
		     uint32_t slot)
{
	return gz_vm_set_region(vm, slot, GZVM_USER_MEM_REGION_GUEST_MEM,
				mem->gpa, mem->size, mem->hva);
}
