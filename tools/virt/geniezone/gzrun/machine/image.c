// SPDX-License-Identifier: GPL-2.0
/*
 * Loads kernel and initial RAM disk into guest memory, by the arm64 boot
 * protocol: the kernel at the bottom, the device tree at the next 2 MiB
 * boundary after all memory that the kernel uses, the initrd behind it.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "helper.h"
#include "layout.h"
#include "log.h"
#include "machine/image.h"

#define MAGIC			0x644d5241	/* "ARM\x64" */
#define OLD_TEXT_OFFSET		0x80000ULL
#define READ_MAX		(1U << 31)
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

/**
 * struct source - the file of a kernel, which may be compressed
 * @path: its name
 * @fd: the file
 * @packed: it is compressed
 * @end: the compressed data has ended
 * @z: state of the decompression
 * @buf: compressed data
 */
struct source {
	const char *path;
	int fd;
	bool packed;
	bool end;
	z_stream z;
	uint8_t buf[16384];
};

static int file_open(const char *path, uint64_t *size)
{
	struct stat st;
	int fd, err;

	fd = helper_open(path, O_RDONLY);
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
				 n ? strerror(errno) : "the file became shorter");
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

/* Read a whole file to a guest physical address */
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

/* An Image that is compressed in another way than by gzip */
static bool looks_compressed(const struct header *h)
{
	const uint8_t *b = (const uint8_t *)h;

	return !memcmp(b, "\3757zXZ", 5) || !memcmp(b, "\x28\xb5\x2f\xfd", 4);
}

static int check_header(const char *path, struct header *h)
{
	if (le32toh(h->magic) != MAGIC) {
		gz_error("%s is not an arm64 Image%s", path, looks_compressed(h) ?
			 ": it is compressed, decompress it first" : "");
		return -ENOEXEC;
	}
	h->text_offset = le64toh(h->text_offset);
	h->image_size = le64toh(h->image_size);
	/* Kernels before 3.17 do not define these two fields. */
	if (!h->image_size)
		h->text_offset = OLD_TEXT_OFFSET;
	if (h->text_offset >= 0x200000 || h->image_size > 1ULL << 32) {
		gz_error("%s: the Image header is damaged", path);
		return -ENOEXEC;
	}
	return 0;
}

/*
 * The kernel's EFI_ZBOOT format: a program for EFI that contains the compressed
 * Image. The header of the program says where.
 */
static int skip_zboot(const char *path, int fd)
{
	struct {
		char mz[4];
		char zimg[4];
		uint32_t offset;
		uint32_t size;
		uint32_t reserved[2];
		char type[8];
	} z;

	if (pread(fd, &z, sizeof(z), 0) != sizeof(z) ||
	    memcmp(z.mz, "MZ", 2) || memcmp(z.zimg, "zimg", 4))
		return 0;
	if (strncmp(z.type, "gzip", sizeof(z.type))) {
		gz_error("%s: is compressed by %.8s, and only gzip is supported",
			 path, z.type);
		return -ENOEXEC;
	}
	return lseek(fd, le32toh(z.offset), SEEK_SET) < 0 ? -errno : 0;
}

/* Opens the file at its current place; inflate() knows the format by its magic. */
static int source_open(struct source *src, const char *path, int fd)
{
	uint8_t magic[2];
	off_t place = lseek(fd, 0, SEEK_CUR);

	memset(src, 0, sizeof(*src));
	src->path = path;
	src->fd = fd;
	src->packed = pread(fd, magic, 2, place) == 2 && magic[0] == 0x1f &&
		      magic[1] == 0x8b;
	if (!src->packed || inflateInit2(&src->z, 15 + 16) == Z_OK)
		return 0;
	gz_error("cannot read %s: %s", path, strerror(ENOMEM));
	return -ENOMEM;
}

static void source_close(struct source *src)
{
	if (src->packed)
		inflateEnd(&src->z);
}

/* Reads bytes of the file: fewer than @size only at its end */
static int64_t read_file(struct source *src, void *to, uint64_t size)
{
	uint64_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(src->fd, (char *)to + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			gz_error("cannot read %s: %s", src->path, strerror(errno));
			return -errno;
		}
		if (!n)
			break;
		done += n;
	}
	return done;
}

/* The same for the contents of a compressed file */
static int64_t unpack(struct source *src, void *to, uint64_t size)
{
	int64_t n;
	int ret = Z_OK;

	src->z.next_out = to;
	src->z.avail_out = size;
	while (src->z.avail_out && !src->end) {
		if (!src->z.avail_in) {
			n = read_file(src, src->buf, sizeof(src->buf));
			if (n < 0)
				return n;
			src->z.next_in = src->buf;
			src->z.avail_in = n;
		}
		ret = inflate(&src->z, Z_NO_FLUSH);
		src->end = ret == Z_STREAM_END;
		if (ret != Z_OK && !src->end) {
			gz_error("cannot read %s: the compressed data is damaged",
				 src->path);
			return -EIO;
		}
	}
	return size - src->z.avail_out;
}

/* A kernel has less than 4 GiB */
static int64_t source_read(struct source *src, void *to, uint64_t size)
{
	if (size > READ_MAX)
		size = READ_MAX;
	return src->packed ? unpack(src, to, size) : read_file(src, to, size);
}

/* Memory that the kernel and the device tree need */
static uint64_t kernel_need(const struct header *h, uint64_t size)
{
	/* image_size includes the kernel's bss, which is not in the file */
	uint64_t need = h->image_size > size ? h->image_size : size;

	return ALIGN_2M(h->text_offset + need) + GZ_FDT_SIZE;
}

static int read_kernel(struct gz_image *image, const struct gz_memory *mem,
		       struct source *src)
{
	const char *path = src->path;
	struct header raw = { 0 }, h;
	int64_t start, rest;
	char *to;
	int ret;

	start = source_read(src, &raw, sizeof(raw));
	if (start < 0)
		return start;
	h = raw;
	ret = check_header(path, &h);
	if (ret)
		return ret;
	if (kernel_need(&h, 0) > mem->size)
		return no_room(mem, path, kernel_need(&h, 0));
	image->entry = mem->gpa + h.text_offset;
	to = gz_memory_at(mem, image->entry, sizeof(raw));
	memcpy(to, &raw, start);
	rest = source_read(src, to + start, mem->size - h.text_offset - start);
	if (rest < 0)
		return rest;
	image->kernel_size = start + rest;
	if (kernel_need(&h, image->kernel_size) > mem->size)
		return no_room(mem, path, kernel_need(&h, image->kernel_size));
	image->fdt = mem->gpa + kernel_need(&h, image->kernel_size) - GZ_FDT_SIZE;
	gz_info("%s: %llu bytes at 0x%llx", path,
		(unsigned long long)image->kernel_size,
		(unsigned long long)image->entry);
	return 0;
}

static int load_kernel(struct gz_image *image, const struct gz_memory *mem,
		       const char *path, int fd)
{
	struct source src;
	int ret;

	ret = skip_zboot(path, fd);
	if (!ret)
		ret = source_open(&src, path, fd);
	if (ret)
		return ret;
	ret = read_kernel(image, mem, &src);
	source_close(&src);
	return ret;
}

/**
 * gz_image_load() - load kernel and initrd into guest memory
 * @image: receives the places
 * @mem: the memory, at a 2 MiB boundary
 * @kernel: path of an arm64 Image, which may be compressed
 * @initrd: path of the initrd, or NULL
 *
 * Prints errors by gz_error().
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
	ret = load_kernel(image, mem, kernel, fd);
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
