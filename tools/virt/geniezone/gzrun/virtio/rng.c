// SPDX-License-Identifier: GPL-2.0
/* virtio-rng, virtio 1.2, 5.4: random numbers of the host for the guest. */

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <linux/virtio_ids.h>

#include "log.h"
#include "virtio/virtio.h"

/* Maximum for one chain; a guest that needs more sends another one */
#define MOST	4096

/* Only bytes from getrandom() are written. */
static uint32_t fill(struct gz_virtio *dev, struct gz_chain *chain)
{
	uint8_t buf[MOST];
	size_t want = chain->in_len < MOST ? chain->in_len : MOST;
	ssize_t n;

	(void)dev;
	/*
	 * May block until the host has random numbers; the stop signal
	 * interrupts it
	 */
	n = getrandom(buf, want, 0);
	return n > 0 ? gz_chain_write(chain, buf, n) : 0;
}

static void rng_kick(struct gz_virtio *dev, unsigned int q)
{
	gz_virtio_serve(dev, q, fill);
}

static void rng_destroy(struct gz_virtio *dev)
{
	gz_virtio_fini(dev);
	free(dev);
}

static const struct gz_virtio_ops rng_ops = {
	.kick = rng_kick,
	.destroy = rng_destroy,
};

/**
 * gz_rng_new() - create a source of random numbers
 * @mem: guest memory
 * @index: number of the register window
 *
 * Return: the device, or NULL after gz_error() has printed a message.
 */
struct gz_virtio *gz_rng_new(const struct gz_memory *mem, unsigned int index)
{
	struct gz_virtio *dev = calloc(1, sizeof(*dev));
	int ret;

	if (!dev)
		return NULL;
	dev->ops = &rng_ops;
	dev->id = VIRTIO_ID_RNG;
	dev->dev.name = "rng";
	dev->nr_queues = 1;
	dev->input_fd = -1;
	ret = gz_virtio_init(dev, mem, index);
	if (!ret)
		return dev;
	gz_error("--rng: %s", strerror(-ret));
	rng_destroy(dev);
	return NULL;
}
