// SPDX-License-Identifier: GPL-2.0
/*
 * The common part of all virtio devices: a thread that sleeps until the guest
 * kicks, eventfds for kicks and interrupts, and the end.
 */

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include <libgzvm.h>

#include "layout.h"
#include "log.h"
#include "virtio/mmio.h"
#include "virtio/virtio.h"

/* Features of the transport, for every device */
#define TRANSPORT_FEATURES	(1ULL << VIRTIO_F_VERSION_1 | \
				 1ULL << VIRTIO_RING_F_INDIRECT_DESC | \
				 1ULL << VIRTIO_RING_F_EVENT_IDX)

/**
 * gz_virtio_init() - set up the common part of a device
 * @dev: zero, except for the fields that the device has set: @ops, @id, @nr_queues,
 *       @features, @config, @config_size, @dev.name and @input_fd
 * @mem: guest memory
 * @index: number of the register window, below %GZ_VIRTIO_MAX
 *
 * Return: 0 or -errno; call gz_virtio_fini() in both cases.
 */
int gz_virtio_init(struct gz_virtio *dev, const struct gz_memory *mem,
		   unsigned int index)
{
	unsigned int i;
	bool ok;

	dev->dev.ops = &gz_virtio_mmio_ops;
	dev->dev.base = GZ_VIRTIO_BASE + index * GZ_VIRTIO_STRIDE;
	dev->dev.size = VIRTIO_MMIO_CONFIG + GZ_VIRTIO_CONFIG;
	dev->spi = GZ_VIRTIO_SPI + index;
	dev->features |= TRANSPORT_FEATURES;
	/*
	 * The driver takes its addresses from the guest's DMA layer, which knows the
	 * pool. Without a pool this would cost the guest time for each page.
	 */
	if (mem->bounce)
		dev->features |= 1ULL << VIRTIO_F_ACCESS_PLATFORM;
	pthread_mutex_init(&dev->lock, NULL);
	dev->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dev->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dev->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	dev->watched_fd = -1;
	ok = dev->irq_fd >= 0 && dev->stop_fd >= 0 && dev->epoll_fd >= 0;
	for (i = 0; i < GZ_VIRTIO_QUEUES; i++) {
		dev->queues[i].mem = mem;
		dev->kick_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ok = ok && dev->kick_fds[i] >= 0;
	}
	return ok ? 0 : -errno;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/**
 * gz_virtio_fini() - undo gz_virtio_init()
 * @dev: the device; its thread does not run
 */
void gz_virtio_fini(struct gz_virtio *dev)
{
	unsigned int i;

	for (i = 0; i < GZ_VIRTIO_QUEUES; i++)
		close_fd(dev->kick_fds[i]);
	close_fd(dev->irq_fd);
	close_fd(dev->stop_fd);
	close_fd(dev->epoll_fd);
	pthread_mutex_destroy(&dev->lock);
}

/**
 * gz_virtio_attach() - connect kicks and the interrupt to a VM
 * @dev: the device
 * @vm: the VM
 *
 * Return: 0 or -errno.
 */
int gz_virtio_attach(struct gz_virtio *dev, const struct gz_vm *vm)
{
	unsigned int q;
	int ret;

	ret = gz_vm_irqfd(vm, dev->irq_fd, dev->spi, -1);
	for (q = 0; !ret && q < dev->nr_queues; q++)
		ret = gz_vm_ioeventfd(vm, dev->kick_fds[q],
				      dev->dev.base + VIRTIO_MMIO_QUEUE_NOTIFY, 4, q);
	return ret;
}

static void signal_irq(struct gz_virtio *dev, uint32_t why)
{
	/* Set the reason first: the guest's handler may run at once */
	atomic_fetch_or(&dev->irq_status, why);
	eventfd_write(dev->irq_fd, 1);
}

/**
 * gz_virtio_broken() - stop serving a guest that has violated the protocol
 * @dev: the device, locked
 * @why: message for the user
 *
 * This ends when the guest resets the device.
 */
void gz_virtio_broken(struct gz_virtio *dev, const char *why)
{
	gz_info("%s: %s", dev->dev.name, why);
	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	signal_irq(dev, VIRTIO_MMIO_INT_CONFIG);
}

/**
 * gz_virtio_live() - may a queue be served?
 * @dev: the device, locked
 * @q: the queue
 *
 * Return: true if it may.
 */
bool gz_virtio_live(const struct gz_virtio *dev, unsigned int q)
{
	return dev->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	       !(dev->status & VIRTIO_CONFIG_S_NEEDS_RESET) &&
	       dev->queues[q].ready && !atomic_load(&dev->stop);
}

/**
 * gz_virtio_pop() - take the next chain of a queue
 * @dev: the device, locked
 * @q: the queue
 * @chain: receives the chain
 *
 * Return: 1, or 0 if there is none or the device must not continue. After 0, the guest
 * kicks when there is a chain.
 */
int gz_virtio_pop(struct gz_virtio *dev, unsigned int q,
		  struct gz_chain *chain)
{
	struct gz_vq *vq = &dev->queues[q];
	int ret;

	if (!gz_virtio_live(dev, q))
		return 0;
	do {
		ret = gz_vq_pop(vq, chain);
	} while (!ret && gz_vq_listen(vq));
	if (ret < 0) {
		gz_virtio_broken(dev, "the guest's queue holds nonsense");
		ret = 0;
	}
	return ret;
}

/**
 * gz_virtio_tell() - interrupt the guest if it wants to know about used chains
 * @dev: the device, locked
 * @q: the queue
 */
void gz_virtio_tell(struct gz_virtio *dev, unsigned int q)
{
	if (dev->queues[q].ready && gz_vq_wants_irq(&dev->queues[q]))
		signal_irq(dev, VIRTIO_MMIO_INT_VRING);
}

/**
 * gz_virtio_serve() - serve all chains of a queue
 * @dev: the device, locked
 * @q: the queue
 * @fn: serves one chain
 */
void gz_virtio_serve(struct gz_virtio *dev, unsigned int q, gz_chain_fn fn)
{
	struct gz_chain chain;

	while (gz_virtio_pop(dev, q, &chain)) {
		uint32_t len = fn(dev, &chain);

		gz_vq_push(&dev->queues[q], &chain, len);
		gz_virtio_tell(dev, q);
	}
}

static void on_kick(struct gz_virtio *dev, unsigned int q)
{
	pthread_mutex_lock(&dev->lock);
	if (gz_virtio_live(dev, q))
		dev->ops->kick(dev, q);
	pthread_mutex_unlock(&dev->lock);
}

static void on_input(struct gz_virtio *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev->ops->input(dev);
	pthread_mutex_unlock(&dev->lock);
}

/* The event of a queue has its number, the others have these */
enum { EVENT_STOP = GZ_VIRTIO_QUEUES, EVENT_INPUT, NR_EVENTS };

static int watch(const struct gz_virtio *dev, int fd, uint32_t events,
		 uint32_t what)
{
	struct epoll_event event = { .events = events, .data.u32 = what };

	return epoll_ctl(dev->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/*
 * Each kick is an edge, so the eventfd need not be read: that would be one more system
 * call for each request.
 */
static int watch_kicks(const struct gz_virtio *dev)
{
	unsigned int q;
	int ret;

	ret = watch(dev, dev->stop_fd, EPOLLIN, EVENT_STOP);
	for (q = dev->kernel_queues; !ret && q < dev->nr_queues; q++)
		ret = watch(dev, dev->kick_fds[q], EPOLLIN | EPOLLET, q);
	return ret;
}

/* A device changes its input_fd, for example when the guest has no buffers */
static void watch_input(struct gz_virtio *dev)
{
	if (dev->input_fd == dev->watched_fd)
		return;
	if (dev->watched_fd >= 0)
		epoll_ctl(dev->epoll_fd, EPOLL_CTL_DEL, dev->watched_fd, NULL);
	dev->watched_fd = dev->input_fd;
	if (dev->watched_fd >= 0)
		watch(dev, dev->watched_fd, EPOLLIN, EVENT_INPUT);
}

static void *thread(void *data)
{
	struct gz_virtio *dev = data;
	struct epoll_event events[NR_EVENTS];
	int i, n;

	while (!atomic_load(&dev->stop)) {
		watch_input(dev);
		n = epoll_wait(dev->epoll_fd, events, NR_EVENTS, -1);
		for (i = 0; i < n; i++) {
			uint32_t what = events[i].data.u32;

			if (what < GZ_VIRTIO_QUEUES)
				on_kick(dev, what);
			else if (what == EVENT_INPUT)
				on_input(dev);
		}
	}
	return NULL;
}

/**
 * gz_virtio_start() - start the device's thread
 * @dev: the device. The thread inherits the signal mask of the caller.
 *
 * Return: 0 or -errno.
 */
int gz_virtio_start(struct gz_virtio *dev)
{
	int ret;

	if (watch_kicks(dev))
		return -errno;
	ret = pthread_create(&dev->thread, NULL, thread, dev);
	dev->running = !ret;
	return -ret;
}

/**
 * gz_virtio_stop() - request the end of the device's thread
 * @dev: the device
 */
void gz_virtio_stop(struct gz_virtio *dev)
{
	atomic_store(&dev->stop, true);
	eventfd_write(dev->stop_fd, 1);
}

/**
 * gz_virtio_join() - wait for the end of the device's thread after gz_virtio_stop()
 * @dev: the device
 *
 * The thread may be in a write() that blocks for as long as nobody reads, or just
 * before it when the signal arrives. So send the signal until the thread has ended.
 */
void gz_virtio_join(struct gz_virtio *dev)
{
	while (dev->running) {
		pthread_kill(dev->thread, GZ_KICK_SIGNAL);
		dev->running = gz_join_for_100ms(dev->thread) == ETIMEDOUT;
	}
}

/**
 * gz_virtio_halt() - stop serving the queues until the guest sets them up again
 * @dev: the device, locked; or its thread and the vCPUs have ended
 */
void gz_virtio_halt(struct gz_virtio *dev)
{
	if (dev->ops->halt)
		dev->ops->halt(dev);
}
