// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueues. The rings are in the guest's memory, and the guest may
 * write there at any time. So each field is read once into a local variable,
 * which is checked and then used.
 */

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/virtio_ring.h>

#include "virtio/virtqueue.h"

/* Values in the rings; another CPU may change them at any time */
static uint16_t load16(const uint16_t *p)
{
	return le16toh(__atomic_load_n(p, __ATOMIC_RELAXED));
}

static void store16(uint16_t *p, uint16_t value)
{
	__atomic_store_n(p, htole16(value), __ATOMIC_RELAXED);
}

static uint16_t avail_idx(const struct gz_vq *vq)
{
	/* Pairs with the driver's barrier between ring entry and index */
	return le16toh(__atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE));
}

/* After the available ring: "interrupt me when the used ring gets here" */
static uint16_t *used_event(const struct gz_vq *vq)
{
	return &vq->avail->ring[vq->size];
}

/* After the used ring: "kick when the available ring gets here" */
static uint16_t *avail_event(const struct gz_vq *vq)
{
	return (uint16_t *)&vq->used->ring[vq->size];
}

/**
 * gz_vq_enable() - start a queue that the guest has set up
 * @vq: the queue, with @size and the addresses of the guest
 *
 * Return: 0, or -EINVAL if these are invalid or not in guest memory.
 */
int gz_vq_enable(struct gz_vq *vq)
{
	uint32_t n = vq->size;

	if (!n || n > GZ_VQ_MAX || n & (n - 1))
		return -EINVAL;
	if (vq->desc_gpa % VRING_DESC_ALIGN_SIZE ||
	    vq->avail_gpa % VRING_AVAIL_ALIGN_SIZE ||
	    vq->used_gpa % VRING_USED_ALIGN_SIZE)
		return -EINVAL;
	vq->desc = gz_memory_at(vq->mem, vq->desc_gpa,
				n * sizeof(struct vring_desc));
	/* Each ring ends with the other side's event index */
	vq->avail = gz_memory_at(vq->mem, vq->avail_gpa,
				 sizeof(struct vring_avail) + 2 * n + 2);
	vq->used = gz_memory_at(vq->mem, vq->used_gpa,
				sizeof(struct vring_used) + 8 * n + 2);
	if (!vq->desc || !vq->avail || !vq->used)
		return -EINVAL;
	vq->next_avail = 0;
	vq->next_used = 0;
	vq->told = 0;
	/* If the guest has not shared the pool, fault here rather than in vhost */
	avail_idx(vq);
	vq->ready = true;
	return 0;
}

/**
 * gz_vq_reset() - forget the guest's settings
 * @vq: the queue
 */
void gz_vq_reset(struct gz_vq *vq)
{
	const struct gz_memory *mem = vq->mem;

	memset(vq, 0, sizeof(*vq));
	vq->mem = mem;
}

static struct vring_desc read_desc(const struct vring_desc *p)
{
	struct vring_desc le;

	memcpy(&le, p, sizeof(le));
	/* The compiler must not read a value again after it was checked */
	__asm__ volatile("" : : : "memory");
	return (struct vring_desc){
		.addr = le64toh(le.addr),
		.len = le32toh(le.len),
		.flags = le16toh(le.flags),
		.next = le16toh(le.next),
	};
}

static int add_piece(const struct gz_vq *vq, struct gz_chain *chain,
		     const struct vring_desc *desc)
{
	unsigned int nr = chain->nr_out + chain->nr_in;
	void *p = gz_memory_at(vq->mem, desc->addr, desc->len);
	bool write = desc->flags & VRING_DESC_F_WRITE;

	/* 2.7.4.2: the pieces that the device reads come first */
	if (!p || nr == GZ_VQ_MAX || (!write && chain->nr_in))
		return -EINVAL;
	if (write) {
		chain->nr_in++;
		chain->in_len += desc->len;
	} else {
		chain->nr_out++;
		chain->out_len += desc->len;
	}
	chain->iov[nr] = (struct iovec){ .iov_base = p, .iov_len = desc->len };
	return 0;
}

static const struct vring_desc *indirect_table(const struct gz_vq *vq,
					       const struct vring_desc *desc,
					       uint32_t *n)
{
	*n = desc->len / sizeof(*desc);
	if (!vq->indirect || desc->flags & VRING_DESC_F_NEXT || !*n ||
	    *n > GZ_VQ_MAX || desc->len % sizeof(*desc))
		return NULL;
	return gz_memory_at(vq->mem, desc->addr, desc->len);
}

/*
 * The loop ends: each step uses one of a limited number of descriptors, or
 * enters the only indirect table that a chain may have.
 */
static int walk(const struct gz_vq *vq, struct gz_chain *chain)
{
	const struct vring_desc *table = vq->desc;
	uint32_t n = vq->size, index = chain->head, left = n;
	bool indirect = false;

	for (; left; left--) {
		struct vring_desc desc;

		if (index >= n)
			return -EINVAL;
		desc = read_desc(&table[index]);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			/*
			 * Do not compare the address, which may be that of the
			 * queue's table
			 */
			if (indirect)
				return -EINVAL;
			indirect = true;
			table = indirect_table(vq, &desc, &n);
			if (!table)
				return -EINVAL;
			/* The loop decrements it */
			left = n + 1;
			index = 0;
			continue;
		}
		if (add_piece(vq, chain, &desc))
			return -EINVAL;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return 0;
		index = desc.next;
	}
	return -EINVAL;
}

/**
 * gz_vq_pop() - take the next chain
 * @vq: a queue that is ready
 * @chain: receives the chain
 *
 * Return: 1, 0 if there is none, or -EINVAL if the guest has written invalid data; the
 * queue must not be used after that.
 */
int gz_vq_pop(struct gz_vq *vq, struct gz_chain *chain)
{
	uint16_t waiting = avail_idx(vq) - vq->next_avail;

	if (!waiting)
		return 0;
	if (waiting > vq->size)
		return -EINVAL;
	chain->head = load16(&vq->avail->ring[vq->next_avail % vq->size]);
	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_len = 0;
	chain->in_len = 0;
	vq->next_avail++;
	return walk(vq, chain) ? -EINVAL : 1;
}

/**
 * gz_vq_untake() - undo the last calls of gz_vq_pop()
 * @vq: the queue
 * @nr: how many; none of their chains was returned
 */
void gz_vq_untake(struct gz_vq *vq, unsigned int nr)
{
	vq->next_avail -= nr;
}

/**
 * gz_vq_put() - return a chain, but do not let the guest see it
 * @vq: the queue
 * @chain: from gz_vq_pop()
 * @len: number of bytes that were written into it
 */
void gz_vq_put(struct gz_vq *vq, const struct gz_chain *chain, uint32_t len)
{
	struct vring_used_elem elem = {
		.id = htole32(chain->head),
		.len = htole32(len),
	};

	memcpy(&vq->used->ring[vq->next_used % vq->size], &elem, sizeof(elem));
	vq->next_used++;
}

/**
 * gz_vq_publish() - let the guest see the chains of gz_vq_put()
 * @vq: the queue
 */
void gz_vq_publish(struct gz_vq *vq)
{
	/* Pairs with the driver's barrier between index and ring entry */
	__atomic_store_n(&vq->used->idx, htole16(vq->next_used),
			 __ATOMIC_RELEASE);
}

/**
 * gz_vq_push() - return a chain
 * @vq: the queue
 * @chain: from gz_vq_pop()
 * @len: number of bytes that were written into it
 */
void gz_vq_push(struct gz_vq *vq, const struct gz_chain *chain, uint32_t len)
{
	gz_vq_put(vq, chain, len);
	gz_vq_publish(vq);
}

/**
 * gz_vq_listen() - request a kick when there is a new chain
 * @vq: a queue whose chains were all taken
 *
 * Return: true if there is a chain already, for which no kick may come.
 */
bool gz_vq_listen(struct gz_vq *vq)
{
	if (vq->event_idx)
		store16(avail_event(vq), vq->next_avail);
	/*
	 * Either this sees the driver's new index, or the driver sees the
	 * request: pairs with the full barrier before the driver decides
	 * whether to kick.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return avail_idx(vq) != vq->next_avail;
}

/**
 * gz_vq_wants_irq() - does the driver want an interrupt for the returned chains?
 * @vq: the queue
 *
 * Return: true if it does.
 */
bool gz_vq_wants_irq(struct gz_vq *vq)
{
	uint16_t old = vq->told;

	vq->told = vq->next_used;
	if (vq->next_used == old)
		return false;
	/* As in gz_vq_listen(), in the other direction */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vq->event_idx)
		return vring_need_event(load16(used_event(vq)), vq->next_used,
					old);
	return !(load16(&vq->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

/* Takes up to @len bytes from the front of the pieces. */
static size_t consume(struct iovec *iov, unsigned int nr, void *to,
		      const void *from, size_t len)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < nr && done < len; i++) {
		size_t n = iov[i].iov_len;

		if (n > len - done)
			n = len - done;
		if (to)
			memcpy((char *)to + done, iov[i].iov_base, n);
		else
			memcpy(iov[i].iov_base, (const char *)from + done, n);
		iov[i].iov_base = (char *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
		done += n;
	}
	return done;
}

/**
 * gz_chain_read() - take bytes from the front of the driver's data
 * @chain: the chain
 * @data: receives them
 * @len: number of bytes that are wanted
 *
 * Return: number of bytes that were there.
 */
size_t gz_chain_read(struct gz_chain *chain, void *data, size_t len)
{
	size_t n = consume(chain->iov, chain->nr_out, data, NULL, len);

	chain->out_len -= n;
	return n;
}

/**
 * gz_chain_write() - write to the front of the driver's buffers
 * @chain: the chain
 * @data: the bytes
 * @len: number of bytes
 *
 * Return: number of bytes that fit.
 */
size_t gz_chain_write(struct gz_chain *chain, const void *data, size_t len)
{
	size_t n = consume(gz_chain_in(chain), chain->nr_in, NULL, data, len);

	chain->in_len -= n;
	return n;
}

/**
 * gz_chain_take_last() - remove the last byte from the driver's buffers
 * @chain: the chain
 * @last: receives its address
 *
 * Return: false if there is none.
 */
bool gz_chain_take_last(struct gz_chain *chain, uint8_t **last)
{
	struct iovec *in = gz_chain_in(chain);
	unsigned int i = chain->nr_in;

	while (i--) {
		if (!in[i].iov_len)
			continue;
		in[i].iov_len--;
		chain->in_len--;
		*last = (uint8_t *)in[i].iov_base + in[i].iov_len;
		return true;
	}
	return false;
}
