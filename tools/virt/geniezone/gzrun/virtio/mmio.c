// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of the virtio-mmio transport, virtio 1.2, 4.2.2. Only version 2: no
 * legacy guests. A write that the standard does not allow at the time is
 * ignored.
 */

#include <endian.h>
#include <string.h>
#include <sys/eventfd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "log.h"
#include "virtio/mmio.h"

#define MAGIC		0x74726976
#define VERSION		2
#define VENDOR		0x5a47

static struct gz_virtio *to_virtio(const struct gz_device *dev)
{
	return (struct gz_virtio *)((char *)dev -
				    offsetof(struct gz_virtio, dev));
}

static uint32_t half(uint64_t value, uint32_t sel)
{
	return sel > 1 ? 0 : value >> 32 * sel;
}

static void set_half(uint64_t *value, uint32_t sel, uint32_t part)
{
	if (sel > 1)
		return;
	*value &= ~(0xffffffffULL << 32 * sel);
	*value |= (uint64_t)part << 32 * sel;
}

/* The selected queue, or NULL if there is none of that number */
static struct gz_vq *queue(struct gz_virtio *v)
{
	return v->queue_sel < v->nr_queues ? &v->queues[v->queue_sel] : NULL;
}

static uint32_t read_reg(struct gz_virtio *v, uint64_t offset)
{
	struct gz_vq *vq = queue(v);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return v->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return half(v->features, v->feature_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return vq ? GZ_VQ_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return vq && vq->ready;
	case VIRTIO_MMIO_STATUS:
		return v->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
		/* No shared memory regions */
		return 0xffffffff;
	}
	return 0;
}

static uint64_t read_config(struct gz_virtio *v, uint64_t offset,
			    unsigned int size)
{
	uint64_t value = 0;

	if (offset < v->config_size && size <= v->config_size - offset)
		memcpy(&value, v->config + offset, size);
	return value;
}

/*
 * This process does not see the kernel's interrupts: there may always have been
 * one
 */
static uint32_t irq_status(struct gz_virtio *v)
{
	uint32_t status = atomic_load(&v->irq_status);

	if (atomic_load(&v->irq_in_kernel))
		status |= VIRTIO_MMIO_INT_VRING;
	return status;
}

static uint64_t mmio_read(struct gz_device *dev, uint64_t offset,
			  unsigned int size)
{
	struct gz_virtio *v = to_virtio(dev);
	uint64_t value;

	/* Do not take the lock, which is held while requests are served */
	if (offset == VIRTIO_MMIO_INTERRUPT_STATUS)
		return irq_status(v);
	pthread_mutex_lock(&v->lock);
	if (offset >= VIRTIO_MMIO_CONFIG)
		value = read_config(v, offset - VIRTIO_MMIO_CONFIG, size);
	else
		value = size == 4 ? read_reg(v, offset) : 0;
	pthread_mutex_unlock(&v->lock);
	return value;
}

static void reset(struct gz_virtio *v)
{
	unsigned int i;

	gz_virtio_halt(v);
	for (i = 0; i < v->nr_queues; i++)
		gz_vq_reset(&v->queues[i]);
	v->status = 0;
	v->feature_sel = 0;
	v->driver_sel = 0;
	v->accepted = 0;
	v->queue_sel = 0;
	atomic_store(&v->irq_status, 0);
	if (v->ops->reset)
		v->ops->reset(v);
}

static bool features_ok(const struct gz_virtio *v)
{
	uint64_t needed = 1ULL << VIRTIO_F_VERSION_1;

	/* A driver that does not accept this feature would not use the pool */
	if (v->queues[0].mem->bounce)
		needed |= 1ULL << VIRTIO_F_ACCESS_PLATFORM;
	return !(v->accepted & ~v->features) &&
	       (v->accepted & needed) == needed;
}

static void set_status(struct gz_virtio *v, uint32_t value)
{
	uint32_t set = value & ~v->status;

	if (!value) {
		reset(v);
		return;
	}
	if (set & VIRTIO_CONFIG_S_FEATURES_OK && !features_ok(v))
		value &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	/* Only a reset clears this bit, and the guest cannot set it */
	value &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
	v->status = value | (v->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	if (set & VIRTIO_CONFIG_S_DRIVER_OK && v->ops->start)
		v->ops->start(v);
}

static void set_ready(struct gz_virtio *v, struct gz_vq *vq, uint32_t value)
{
	if (!(value & 1)) {
		gz_virtio_halt(v);
		vq->ready = false;
		return;
	}
	if (vq->ready)
		return;
	vq->indirect = v->accepted & 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	vq->event_idx = v->accepted & 1ULL << VIRTIO_RING_F_EVENT_IDX;
	if (!gz_vq_enable(vq))
		return;
	if (!vq->mem->bounce) {
		gz_info("%s: queue %u is not in guest memory, or none",
			v->dev.name, v->queue_sel);
		return;
	}
	/* Linux does not notice, and would wait for the device for ever */
	gz_error("%s: the guest's kernel lacks CONFIG_DMA_RESTRICTED_POOL",
		 v->dev.name);
	if (v->no_pool)
		v->no_pool(v->no_pool_arg);
}

/* Registers of the selected queue */
static void write_queue(struct gz_virtio *v, uint64_t offset, uint32_t value)
{
	struct gz_vq *vq = queue(v);

	if (!vq)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		set_ready(v, vq, value);
		return;
	}
	if (vq->ready)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		vq->size = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&vq->desc_gpa, !!(offset & 4), value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&vq->avail_gpa, !!(offset & 4), value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&vq->used_gpa, !!(offset & 4), value);
		break;
	}
}

static void write_reg(struct gz_virtio *v, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		v->feature_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		v->driver_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if (!(v->status & VIRTIO_CONFIG_S_FEATURES_OK))
			set_half(&v->accepted, v->driver_sel, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		v->queue_sel = value;
		break;
	case VIRTIO_MMIO_STATUS:
		set_status(v, value);
		break;
	default:
		write_queue(v, offset, value);
	}
}

/*
 * This runs only if the driver has no ioeventfds, or if the guest writes with
 * another width.
 */
static void kick(struct gz_virtio *v, uint32_t q)
{
	atomic_fetch_add(&v->mmio_kicks, 1);
	if (q < v->nr_queues)
		eventfd_write(v->kick_fds[q], 1);
}

static void mmio_write(struct gz_device *dev, uint64_t offset,
		       unsigned int size, uint64_t value)
{
	struct gz_virtio *v = to_virtio(dev);

	/* The configuration spaces here have no writable field */
	if (size != 4 || offset >= VIRTIO_MMIO_CONFIG)
		return;
	/* Do not take the lock, see above */
	if (offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		atomic_fetch_and(&v->irq_status, ~(uint32_t)value);
		return;
	}
	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY) {
		kick(v, value);
		return;
	}
	pthread_mutex_lock(&v->lock);
	write_reg(v, offset, value);
	pthread_mutex_unlock(&v->lock);
}

static void mmio_fdt(const struct gz_device *dev, struct gz_fdt *fdt)
{
	const struct gz_virtio *v = to_virtio(dev);

	gz_fdt_begin(fdt, "virtio@%llx", (unsigned long long)dev->base);
	gz_fdt_string(fdt, "compatible", "virtio,mmio");
	gz_fdt_reg(fdt, dev->base, dev->size);
	/* Signals are edges; InterruptStatus gives their reason */
	gz_fdt_cells(fdt, "interrupts", GZ_FDT_IRQ_SPI, v->spi,
		     GZ_FDT_IRQ_EDGE);
	gz_fdt_empty(fdt, "dma-coherent");
	if (v->queues[0].mem->bounce)
		gz_fdt_cells(fdt, "memory-region", GZ_FDT_PHANDLE_SWIOTLB);
	gz_fdt_end(fdt);
}

const struct gz_device_ops gz_virtio_mmio_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.fdt = mmio_fdt,
};
