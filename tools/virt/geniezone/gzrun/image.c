// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel and initial RAM disk into guest memory, by the arm64 boot protocol:
 * kernel at the bottom, device tree at the next 2 MiB boundary after all that
 * the kernel calls its own, initrd behind it.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "layout.h"
#include "log.h"

#define MAGIC			0x644d5241	/* "ARM\x64" */
#define OLD_TEXT_OFFSET		0x80000ULL
#define ALIGN_2M(x)		(((x) + 0x1fffffULL) & ~0x1fffffULL)

/* Documentation/arch/arm64/booting.rst; little endian */
struct header {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size;
	uint64_t flags;
	uint64_t res[3];
	uint32_t magic;
	uint32_t pe_offset;
};

static int file_open(const char *path, uint64_t *size)
{
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		err = errno;
		gz_error("cannot open %s: %s", path, strerror(err));
		if (fd >= 0)
			close(fd);
		return -err;
	}
	if (!S_ISREG(st.st_mode)) {
		gz_error("%s is not a file", path);
		close(fd);
		return -EINVAL;
	}
	*size = st.st_size;
	return fd;
}

static int file_read(const char *path, int fd, void *to, uint64_t size)
{
	uint64_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, (char *)to + done, size - done, done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			gz_error("cannot read %s: %s", path,
				 n ? strerror(errno) : "it became shorter");
			return n ? -errno : -EIO;
		}
		done += n;
	}
	return 0;
}

static int no_room(const struct gz_memory *mem, const char *path, uint64_t need)
{
	gz_error("%s needs %llu MiB of guest memory, --mem gives %llu MiB",
		 path, (unsigned long long)((need + 0xfffff) >> 20),
		 (unsigned long long)(mem->size >> 20));
	return -ENOMEM;
}

/* Read one whole file to a guest physical address. */
static int load(const struct gz_memory *mem, uint64_t gpa, const char *path,
		int fd, uint64_t size)
{
	void *to = gz_memory_at(mem, gpa, size);

	if (!to)
		return no_room(mem, path, gpa - mem->gpa + size);
	gz_info("%s: %llu bytes at 0x%llx", path, (unsigned long long)size,
		(unsigned long long)gpa);
	return file_read(path, fd, to, size);
}

static bool looks_compressed(const struct header *h)
{
	const uint8_t *b = (const uint8_t *)h;

	return (b[0] == 0x1f && b[1] == 0x8b) || !memcmp(b + 4, "zimg", 4) ||
	       !memcmp(b, "\3757zXZ", 5) || !memcmp(b, "\x28\xb5\x2f\xfd", 4);
}

static int check_header(const char *path, struct header *h)
{
	if (le32toh(h->magic) != MAGIC) {
		gz_error("%s is no arm64 Image%s", path, looks_compressed(h) ?
			 ": it is compressed, unpack it first" : "");
		return -ENOEXEC;
	}
	h->text_offset = le64toh(h->text_offset);
	h->image_size = le64toh(h->image_size);
	/* Kernels before 3.17 left both fields undefined. */
	if (!h->image_size)
		h->text_offset = OLD_TEXT_OFFSET;
	if (h->text_offset >= 0x200000 || h->image_size > 1ULL << 32) {
		gz_error("%s: the Image header is damaged", path);
		return -ENOEXEC;
	}
	return 0;
}

static int load_kernel(struct gz_image *image, const struct gz_memory *mem,
		       const char *path, int fd, uint64_t size)
{
	struct header h;
	uint64_t need;
	int ret;

	memset(&h, 0, sizeof(h));
	ret = file_read(path, fd, &h, size < sizeof(h) ? size : sizeof(h));
	if (!ret)
		ret = check_header(path, &h);
	if (ret)
		return ret;

	/* image_size covers what is not in the file: the kernel's bss */
	need = h.image_size > size ? h.image_size : size;
	need = ALIGN_2M(h.text_offset + need) + GZ_FDT_SIZE;
	if (need > mem->size)
		return no_room(mem, path, need);
	image->entry = mem->gpa + h.text_offset;
	image->kernel_size = size;
	image->fdt = mem->gpa + need - GZ_FDT_SIZE;
	return load(mem, image->entry, path, fd, size);
}

/**
 * gz_image_load() - put kernel and initrd into guest memory
 * @image: receives where things lie
 * @mem: the memory, at a 2 MiB boundary
 * @kernel: path of an arm64 Image
 * @initrd: path of the initrd, or NULL
 *
 * Says what is wrong by gz_error().
 *
 * Return: 0 or -errno.
 */
int gz_image_load(struct gz_image *image, const struct gz_memory *mem,
		  const char *kernel, const char *initrd)
{
	uint64_t size;
	int fd, ret;

	memset(image, 0, sizeof(*image));
	fd = file_open(kernel, &size);
	if (fd < 0)
		return fd;
	ret = load_kernel(image, mem, kernel, fd, size);
	close(fd);
	if (ret || !initrd)
		return ret;

	fd = file_open(initrd, &size);
	if (fd < 0)
		return fd;
	image->initrd = image->fdt + GZ_FDT_SIZE;
	image->initrd_size = size;
	ret = load(mem, image->initrd, initrd, fd, size);
	close(fd);
	return ret;
}
