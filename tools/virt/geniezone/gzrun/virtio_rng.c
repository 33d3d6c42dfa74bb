// SPDX-License-Identifier: GPL-2.0
/* virtio-rng, virtio 1.2, 5.4: the host's randomness for the guest. */

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <linux/virtio_ids.h>

#include "log.h"
#include "virtio.h"

/* For one chain; a guest that wants more asks again */
#define MOST	4096

/* The only thing written is what getrandom() gave. */
static uint32_t fill(struct gz_virtio *dev, struct gz_chain *chain)
{
	uint8_t buf[MOST];
	size_t want = chain->in_len < MOST ? chain->in_len : MOST;
	ssize_t n;

	(void)dev;
	/* Blocks early in the host's life, until the stop signal at most */
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
 * gz_rng_new() - make a source of randomness
 * @mem: guest memory
 * @index: number of the register window
 *
 * Return: the device, or NULL after gz_error() said what is wrong.
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
