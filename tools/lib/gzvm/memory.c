// SPDX-License-Identifier: GPL-2.0
/* Memory of a guest, and its place in this process. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libgzvm.h>

/* The driver maps memory on demand in blocks of this size */
#define BLOCK_SIZE	0x200000ULL

/*
 * Maps memory at a multiple of BLOCK_SIZE, so that a huge page of the host can be a
 * huge page of the guest: maps more than that and unmaps the excess.
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
	/* The part that stays may begin anywhere in what map_aligned() maps */
	if (!ftruncate(fd, size + BLOCK_SIZE))
		p = map_aligned(size, MAP_SHARED | MAP_NORESERVE, fd);
	close(fd);
	return p;
}

/* No MAP_NORESERVE: a shortage must be an error here, not SIGBUS later */
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
 * gz_memory_alloc_as() - allocate guest memory of a given kind
 * @mem: filled in
 * @gpa: guest physical address
 * @size: bytes, a multiple of the page size
 * @backing: the kind
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
	 * A forked child cannot use the VM, so it gets no copy. A core dump would
	 * access protected pages.
	 */
	madvise(mem->hva, size, MADV_DONTFORK);
	madvise(mem->hva, size, MADV_DONTDUMP);
	return 0;
}

/**
 * gz_memory_alloc() - allocate guest memory
 * @mem: filled in
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
 * @mem: from gz_memory_alloc(); its VM has been destroyed
 */
void gz_memory_free(struct gz_memory *mem)
{
	if (mem->hva)
		munmap(mem->hva, mem->size);
	mem->hva = NULL;
}

/**
 * gz_memory_at() - the address of a range of guest memory in this process
 * @mem: guest memory
 * @gpa: start of the range
 * @len: bytes
 *
 * Return: pointer, or NULL if part of the range is outside of @mem.
 */
void *gz_memory_at(const struct gz_memory *mem, uint64_t gpa, uint64_t len)
{
	uint64_t offset = gpa - mem->gpa;

	if (gpa < mem->gpa || offset > mem->size || len > mem->size - offset)
		return NULL;
	return (char *)mem->hva + offset;
}

/**
 * gz_memory_attach() - give guest memory to a VM
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

static bool is_zero(const void *p, uint64_t size)
{
	const char *c = p;

	return !size || (!*c && !memcmp(c, c + 1, size - 1));
}

static int write_all(int fd, const char *p, uint64_t size, uint64_t offset)
{
	ssize_t n;

	while (size) {
		n = pwrite(fd, p, size, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		size -= n;
		offset += n;
	}
	return 0;
}

/* A file is full of zeroes: only the other pages need memory. */
static int write_pages(const struct gz_memory *mem, int fd, uint64_t used)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	uint64_t offset, size;
	int ret = 0;

	for (offset = 0; offset < used && !ret; offset += page) {
		size = used - offset < page ? used - offset : page;
		if (!is_zero((char *)mem->hva + offset, size))
			ret = write_all(fd, (char *)mem->hva + offset, size, offset);
	}
	return ret;
}

/**
 * gz_memory_attach_private() - give a VM memory that nobody else can reach
 * @mem: guest memory; its contents are copied to a file of the driver, and the pages
 *	 freed
 * @vm: the VM
 * @slot: slot number
 * @flags: GZVM_USER_MEM_REGION_*
 * @used: bytes from the start of @mem that have contents
 *
 * Return: 0 or -errno; -EOPNOTSUPP if the driver has no such files.
 */
int gz_memory_attach_private(const struct gz_memory *mem, const struct gz_vm *vm,
			     uint32_t slot, uint32_t flags, uint64_t used)
{
	int fd = gz_vm_create_memfd(vm, mem->size);
	int ret;

	if (fd < 0)
		return fd;
	ret = write_pages(mem, fd, used);
	if (!ret)
		ret = gz_vm_set_private_region(vm, slot, flags, mem->gpa, mem->size,
					       fd, 0);
	close(fd);
	/* The first is for a memfd, the second for private memory. */
	if (!ret && madvise(mem->hva, mem->size, MADV_REMOVE))
		madvise(mem->hva, mem->size, MADV_DONTNEED);
	return ret;
}
