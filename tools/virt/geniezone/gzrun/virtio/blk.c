// SPDX-License-Identifier: GPL-2.0
/* virtio-blk, virtio 1.2, 5.2: a disk in a file or on a block device. */

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "helper.h"
#include "log.h"
#include "virtio/virtio.h"

#define SECTOR_SHIFT	9
#define SECTOR_SIZE	(1U << SECTOR_SHIFT)

/* Maximum number of ranges in a discard or write-zeroes request */
#define MAX_RANGES	16

/* The largest block that O_DIRECT may ask for, and bytes that are moved by a buffer */
#define MAX_BLOCK	4096U
#define BUFFER_SIZE	0x40000U

/* Where a file takes no other order to become zero. At most this many sectors at once */
#define MAX_ZERO_SECTORS	(1U << 16)
static char zeroes[0x10000] __attribute__((aligned(MAX_BLOCK)));

/**
 * struct blk - a disk
 * @virtio: the device
 * @fd: file or block device with the data
 * @readonly: the guest must not write
 * @block: bytes; requests are for whole blocks
 * @buffer: with O_DIRECT, aligned memory for requests that are not, or NULL
 * @size: bytes, whole blocks
 * @told: the user knows of an error
 * @serial: serial number of the disk for the guest; it may have no NUL at its end
 */
struct blk {
	struct gz_virtio virtio;
	int fd;
	bool readonly;
	unsigned int block;
	char *buffer;
	uint64_t size;
	atomic_bool told;
	char serial[VIRTIO_BLK_ID_BYTES];
};

static struct blk *to_blk(struct gz_virtio *dev)
{
	return (struct blk *)((char *)dev - offsetof(struct blk, virtio));
}

/* Are these whole blocks of the disk? */
static bool in_disk(const struct blk *blk, uint64_t sector, uint64_t len)
{
	uint64_t offset = sector << SECTOR_SHIFT;

	return !((len | offset) % blk->block) && sector <= blk->size >> SECTOR_SHIFT &&
	       len <= blk->size - offset;
}

/* Drops the first @n bytes; returns the first piece that is not empty. */
static unsigned int advance(struct iovec *iov, unsigned int nr, size_t n)
{
	unsigned int i;

	for (i = 0; i < nr && n >= iov[i].iov_len; i++)
		n -= iov[i].iov_len;
	if (i < nr) {
		iov[i].iov_base = (char *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
	}
	return i;
}

/* The host's file fails: the guest gets an error, and the user a message. */
static uint8_t failed(struct blk *blk, const char *what)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s: %s", VIRTIO_BLK_ID_BYTES, blk->serial,
		 what);
	gz_lost(&blk->told, text);
	return VIRTIO_BLK_S_IOERR;
}

/* O_DIRECT needs addresses and lengths that are aligned as blocks are. */
static bool is_aligned(const struct blk *blk, const struct iovec *iov, unsigned int nr)
{
	uintptr_t bits = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		bits |= (uintptr_t)iov[i].iov_base | iov[i].iov_len;
	return !(bits % blk->block);
}

/* Copies between the pieces and the buffer, and returns how much */
static size_t copy(struct blk *blk, const struct iovec *iov, unsigned int nr, size_t max,
		   bool to_buffer)
{
	size_t done = 0, n;
	unsigned int i;

	for (i = 0; i < nr && done < max; i++) {
		n = iov[i].iov_len < max - done ? iov[i].iov_len : max - done;
		if (to_buffer)
			memcpy(blk->buffer + done, iov[i].iov_base, n);
		else
			memcpy(iov[i].iov_base, blk->buffer + done, n);
		done += n;
	}
	return done;
}

/* A guest may place its data anywhere. */
static ssize_t move_by_buffer(struct blk *blk, const struct iovec *iov, unsigned int nr,
			      uint64_t offset, uint64_t len, bool write)
{
	size_t max = len < BUFFER_SIZE ? len : BUFFER_SIZE;
	ssize_t n;

	if (write)
		return pwrite(blk->fd, blk->buffer, copy(blk, iov, nr, max, true),
			      offset);
	n = pread(blk->fd, blk->buffer, max, offset);
	return n < 0 ? n : (ssize_t)copy(blk, iov, nr, n, false);
}

static ssize_t move(struct blk *blk, const struct iovec *iov, unsigned int nr,
		    uint64_t offset, uint64_t len, bool write)
{
	if (blk->buffer && !is_aligned(blk, iov, nr))
		return move_by_buffer(blk, iov, nr, offset, len, write);
	return write ? pwritev(blk->fd, iov, nr, offset) :
		       preadv(blk->fd, iov, nr, offset);
}

/* Moves the data until everything is done; one call may transfer less. */
static uint8_t transfer(struct blk *blk, struct iovec *iov, unsigned int nr,
			uint64_t offset, uint64_t len, bool write)
{
	/* The header may have left an empty piece, which need not be aligned. */
	unsigned int empty = advance(iov, nr, 0);

	iov += empty;
	nr -= empty;
	while (len) {
		ssize_t n = move(blk, iov, nr, offset, len, write);
		unsigned int done;

		if (n < 0 && errno == EINTR &&
		    !atomic_load(&blk->virtio.stop))
			continue;
		if (n < 0 && errno == EINTR)
			return VIRTIO_BLK_S_IOERR;
		if (!n)
			errno = ENODATA;
		if (n <= 0)
			return failed(blk, write ? "cannot write" : "cannot read");
		done = advance(iov, nr, n);
		iov += done;
		nr -= done;
		offset += n;
		len -= n;
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t do_in(struct blk *blk, struct gz_chain *chain, uint64_t sector,
		     uint32_t *written)
{
	uint64_t len = chain->in_len;
	uint8_t status;

	if (!in_disk(blk, sector, len))
		return VIRTIO_BLK_S_IOERR;
	status = transfer(blk, gz_chain_in(chain), chain->nr_in,
			  sector << SECTOR_SHIFT, len, false);
	if (status == VIRTIO_BLK_S_OK)
		*written = len;
	return status;
}

static uint8_t do_out(struct blk *blk, struct gz_chain *chain, uint64_t sector)
{
	if (blk->readonly || !in_disk(blk, sector, chain->out_len))
		return VIRTIO_BLK_S_IOERR;
	return transfer(blk, chain->iov, chain->nr_out, sector << SECTOR_SHIFT,
			chain->out_len, true);
}

static uint8_t do_flush(struct blk *blk)
{
	return fdatasync(blk->fd) ? failed(blk, "cannot flush") : VIRTIO_BLK_S_OK;
}

static uint8_t do_get_id(struct blk *blk, struct gz_chain *chain,
			 uint32_t *written)
{
	*written = gz_chain_write(chain, blk->serial, sizeof(blk->serial));
	return VIRTIO_BLK_S_OK;
}

static uint8_t discard(struct blk *blk,
		       const struct virtio_blk_discard_write_zeroes *range)
{
	uint64_t sector = le64toh(range->sector);
	uint64_t len = (uint64_t)le32toh(range->num_sectors) << SECTOR_SHIFT;

	/* 5.2.6.2: a discard has no flags */
	if (range->flags)
		return VIRTIO_BLK_S_UNSUPP;
	if (!in_disk(blk, sector, len))
		return VIRTIO_BLK_S_IOERR;
	/* A discard is a hint: if the file cannot have holes, the data stays */
	if (len && fallocate(blk->fd,
			     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     sector << SECTOR_SHIFT, len) &&
	    errno != EOPNOTSUPP)
		return failed(blk, "cannot make a hole");
	return VIRTIO_BLK_S_OK;
}

static uint8_t write_by_hand(struct blk *blk, uint64_t offset, uint64_t len)
{
	uint8_t status = VIRTIO_BLK_S_OK;

	while (len && status == VIRTIO_BLK_S_OK) {
		size_t n = len < sizeof(zeroes) ? len : sizeof(zeroes);
		struct iovec iov = { zeroes, n };

		status = transfer(blk, &iov, 1, offset, n, true);
		offset += n;
		len -= n;
	}
	return status;
}

static uint8_t write_zeroes(struct blk *blk,
			    const struct virtio_blk_discard_write_zeroes *range)
{
	uint64_t sector = le64toh(range->sector), offset = sector << SECTOR_SHIFT;
	uint64_t len = (uint64_t)le32toh(range->num_sectors) << SECTOR_SHIFT;
	uint32_t flags = le32toh(range->flags);
	int how = FALLOC_FL_KEEP_SIZE;

	if (flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)
		return VIRTIO_BLK_S_UNSUPP;
	if (len >> SECTOR_SHIFT > MAX_ZERO_SECTORS || !in_disk(blk, sector, len))
		return VIRTIO_BLK_S_IOERR;
	how |= flags ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	if (!len || !fallocate(blk->fd, how, offset, len))
		return VIRTIO_BLK_S_OK;
	if (errno != EOPNOTSUPP)
		return failed(blk, "cannot write zeroes");
	return write_by_hand(blk, offset, len);
}

typedef uint8_t range_fn(struct blk *blk,
			 const struct virtio_blk_discard_write_zeroes *range);

static uint8_t do_ranges(struct blk *blk, struct gz_chain *chain, range_fn *one)
{
	struct virtio_blk_discard_write_zeroes ranges[MAX_RANGES];
	size_t i, n = chain->out_len / sizeof(*ranges);
	uint8_t status = VIRTIO_BLK_S_OK;

	if (blk->readonly || !n || n > MAX_RANGES ||
	    chain->out_len % sizeof(*ranges))
		return VIRTIO_BLK_S_IOERR;
	gz_chain_read(chain, ranges, n * sizeof(*ranges));
	for (i = 0; i < n && status == VIRTIO_BLK_S_OK; i++)
		status = one(blk, &ranges[i]);
	return status;
}

static uint8_t request(struct blk *blk, struct gz_chain *chain,
		       uint32_t *written)
{
	struct virtio_blk_outhdr hdr;

	if (gz_chain_read(chain, &hdr, sizeof(hdr)) != sizeof(hdr))
		return VIRTIO_BLK_S_IOERR;
	switch (le32toh(hdr.type)) {
	case VIRTIO_BLK_T_IN:
		return do_in(blk, chain, le64toh(hdr.sector), written);
	case VIRTIO_BLK_T_OUT:
		return do_out(blk, chain, le64toh(hdr.sector));
	case VIRTIO_BLK_T_FLUSH:
		return do_flush(blk);
	case VIRTIO_BLK_T_GET_ID:
		return do_get_id(blk, chain, written);
	case VIRTIO_BLK_T_DISCARD:
		return do_ranges(blk, chain, discard);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return do_ranges(blk, chain, write_zeroes);
	}
	return VIRTIO_BLK_S_UNSUPP;
}

/* The status is the last byte, however the buffer is split into pieces. */
static uint32_t serve(struct gz_virtio *dev, struct gz_chain *chain)
{
	uint32_t written = 0;
	uint8_t *status;

	if (!gz_chain_take_last(chain, &status)) {
		gz_virtio_broken(dev, "a request without room for its status");
		return 0;
	}
	*status = request(to_blk(dev), chain, &written);
	return written + 1;
}

static void blk_kick(struct gz_virtio *dev, unsigned int q)
{
	gz_virtio_serve(dev, q, serve);
}

static void blk_destroy(struct gz_virtio *dev)
{
	struct blk *blk = to_blk(dev);

	gz_virtio_fini(dev);
	if (blk->fd >= 0)
		close(blk->fd);
	free(blk->buffer);
	free(blk);
}

static const struct gz_virtio_ops blk_ops = {
	.kick = blk_kick,
	.destroy = blk_destroy,
};

static int fail(const char *path, const char *what)
{
	gz_error("--disk %s: %s", path, what);
	return -EINVAL;
}

/* The smallest block that can be read with O_DIRECT */
static int find_block(struct blk *blk, const char *path)
{
	blk->buffer = aligned_alloc(MAX_BLOCK, BUFFER_SIZE);
	if (!blk->buffer)
		return fail(path, strerror(ENOMEM));
	for (; blk->block <= MAX_BLOCK; blk->block *= 2) {
		if (pread(blk->fd, blk->buffer, blk->block, 0) >= 0)
			return 0;
		if (errno != EINVAL)
			break;
	}
	return fail(path, strerror(errno));
}

static int open_disk(struct blk *blk, const char *path, int flags)
{
	off_t size;

	blk->fd = helper_open(path, flags);
	if (blk->fd < 0 && errno == EINVAL && flags & O_DIRECT)
		return fail(path, "the file system cannot do direct");
	if (blk->fd < 0)
		return fail(path, strerror(errno));
	if (flags & O_DIRECT && find_block(blk, path))
		return -EINVAL;
	/* Two guests that write to one file system destroy it */
	if (flock(blk->fd, (blk->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return fail(path, "another program uses it");
	size = lseek(blk->fd, 0, SEEK_END);
	if (size < 0)
		return fail(path, strerror(errno));
	if (!size || size % SECTOR_SIZE)
		return fail(path, "must be whole sectors of 512 bytes, and one at least");
	if (size % blk->block)
		return fail(path, "must be whole blocks of the host's disk for direct");
	blk->size = size;
	return 0;
}

static void describe(struct blk *blk, unsigned int index)
{
	struct virtio_blk_config config = {
		.capacity = htole64(blk->size >> SECTOR_SHIFT),
		/* Two of them hold header and status */
		.seg_max = htole32(GZ_VQ_MAX - 2),
		.max_discard_sectors = htole32(1U << 22),
		.max_discard_seg = htole32(MAX_RANGES),
		.discard_sector_alignment = htole32(8),
		.blk_size = htole32(blk->block),
		.max_write_zeroes_sectors = htole32(MAX_ZERO_SECTORS),
		.max_write_zeroes_seg = htole32(MAX_RANGES),
		.write_zeroes_may_unmap = 1,
	};

	static_assert(sizeof(config) <= GZ_VIRTIO_CONFIG, "does not fit");
	memcpy(blk->virtio.config, &config, sizeof(config));
	blk->virtio.config_size = sizeof(config);
	blk->virtio.features = 1ULL << VIRTIO_BLK_F_SEG_MAX |
			       1ULL << VIRTIO_BLK_F_BLK_SIZE |
			       1ULL << VIRTIO_BLK_F_FLUSH;
	if (blk->readonly)
		blk->virtio.features |= 1ULL << VIRTIO_BLK_F_RO;
	else
		blk->virtio.features |= 1ULL << VIRTIO_BLK_F_DISCARD |
					1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
	snprintf(blk->serial, sizeof(blk->serial), "gzrun-disk-%u", index);
}

/**
 * gz_blk_new() - create a disk
 * @mem: guest memory
 * @index: number of the register window
 * @path: file or block device
 * @flags: O_RDONLY or O_RDWR, and O_DIRECT to go round the host's page cache
 *
 * Return: the device, or NULL after gz_error() has printed a message.
 */
struct gz_virtio *gz_blk_new(const struct gz_memory *mem, unsigned int index,
			     const char *path, int flags)
{
	struct blk *blk = calloc(1, sizeof(*blk));
	int ret, open_ret;

	if (!blk) {
		fail(path, strerror(ENOMEM));
		return NULL;
	}
	blk->readonly = (flags & O_ACCMODE) == O_RDONLY;
	blk->block = SECTOR_SIZE;
	blk->virtio.ops = &blk_ops;
	blk->virtio.id = VIRTIO_ID_BLOCK;
	blk->virtio.dev.name = "disk";
	blk->virtio.nr_queues = 1;
	blk->virtio.input_fd = -1;
	open_ret = open_disk(blk, path, flags);
	describe(blk, index);
	ret = gz_virtio_init(&blk->virtio, mem, index);
	if (ret)
		fail(path, strerror(-ret));
	if (!ret && !open_ret)
		return &blk->virtio;
	blk_destroy(&blk->virtio);
	return NULL;
}
