/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VIRTQUEUE_H
#define GZRUN_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <libgzvm.h>

/* Maximum size of a queue, and maximum number of pieces in a chain */
#define GZ_VQ_MAX	256

struct vring_avail;
struct vring_desc;
struct vring_used;

/**
 * struct gz_vq - a split virtqueue: virtio 1.2, 2.7
 * @mem: memory that the guest's addresses refer to
 * @size: number of entries, chosen by the guest
 * @desc_gpa: descriptor table
 * @avail_gpa: available ring, which the driver writes
 * @used_gpa: used ring, which the device writes
 * @indirect: indirect descriptors were negotiated
 * @event_idx: event indices were negotiated
 * @ready: the guest has set up the queue; the fields below are valid
 * @desc: descriptor table
 * @avail: available ring
 * @used: used ring
 * @next_avail: index of the next chain to take
 * @next_used: index at which the next chain is returned
 * @told: @next_used when the driver was last interrupted, or could have been
 *
 * The guest may change the memory behind the pointers at any time.
 */
struct gz_vq {
	const struct gz_memory *mem;
	uint32_t size;
	uint64_t desc_gpa;
	uint64_t avail_gpa;
	uint64_t used_gpa;
	bool indirect;
	bool event_idx;
	bool ready;
	const struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t told;
};

/**
 * struct gz_chain - buffers from the driver
 * @head: index that gz_vq_push() returns
 * @nr_out: number of pieces that the device reads; they come first in @iov
 * @nr_in: number of pieces that the device writes; they follow
 * @out_len: bytes to read
 * @in_len: bytes to write
 * @iov: the pieces, all in guest memory
 */
struct gz_chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr_in;
	uint64_t out_len;
	uint64_t in_len;
	struct iovec iov[GZ_VQ_MAX];
};

int gz_vq_enable(struct gz_vq *vq);
void gz_vq_reset(struct gz_vq *vq);
int gz_vq_pop(struct gz_vq *vq, struct gz_chain *chain);
void gz_vq_untake(struct gz_vq *vq, unsigned int nr);
void gz_vq_put(struct gz_vq *vq, const struct gz_chain *chain, uint32_t len);
void gz_vq_publish(struct gz_vq *vq);
void gz_vq_push(struct gz_vq *vq, const struct gz_chain *chain, uint32_t len);
bool gz_vq_listen(struct gz_vq *vq);
bool gz_vq_wants_irq(struct gz_vq *vq);

size_t gz_chain_read(struct gz_chain *chain, void *data, size_t len);
size_t gz_chain_write(struct gz_chain *chain, const void *data, size_t len);
bool gz_chain_take_last(struct gz_chain *chain, uint8_t **last);

static inline struct iovec *gz_chain_in(struct gz_chain *chain)
{
	return chain->iov + chain->nr_out;
}

#endif /* GZRUN_VIRTQUEUE_H */
