/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_VIRTIO_H
#define GZRUN_VIRTIO_H

#include <pthread.h>
#include <stdatomic.h>

#include <libgzvm.h>

#include "devices/device.h"
#include "virtio/virtqueue.h"

#define GZ_VIRTIO_QUEUES	3
#define GZ_VIRTIO_CONFIG	256
#define GZ_VIRTIO_MAX		20

struct gz_hub;
struct gz_virtio;

/**
 * struct gz_virtio_ops - operations of a virtio device
 * @kick: there are new chains in queue @q; the queue is ready
 * @input: @input_fd of the device has become readable, or has hung up
 * @reset: the guest has reset the device; may be NULL
 * @start: the guest has set up the device; may be NULL
 * @halt: do not access the queues until @start; may be NULL
 * @destroy: free @dev and everything that it holds; its thread has ended
 *
 * All except @destroy are called with the device's lock held. The device's own thread
 * calls @kick and @input. @start and @halt are for queues that another program serves.
 */
struct gz_virtio_ops {
	void (*kick)(struct gz_virtio *dev, unsigned int q);
	void (*input)(struct gz_virtio *dev);
	void (*reset)(struct gz_virtio *dev);
	void (*start)(struct gz_virtio *dev);
	void (*halt)(struct gz_virtio *dev);
	void (*destroy)(struct gz_virtio *dev);
};

/**
 * struct gz_virtio - a virtio device behind the MMIO transport
 * @dev: the registers
 * @ops: operations of this kind of device
 * @id: VIRTIO_ID_*
 * @nr_queues: number of queues, at most %GZ_VIRTIO_QUEUES
 * @kernel_queues: the host's kernel serves this many queues, from the first one on
 * @features: offered features
 * @config: configuration space
 * @config_size: bytes of @config
 * @input_fd: file whose input @ops->input handles, or -1
 * @kick_fds: one eventfd per queue, which the driver signals when the guest kicks
 * @irq_fd: eventfd that raises the interrupt
 * @spi: its number
 * @no_pool: called with the lock held when the guest does not use the pool; may be NULL
 * @no_pool_arg: argument of @no_pool
 * @stop_fd: eventfd that ends the thread
 * @epoll_fd: the events that @thread waits for
 * @watched_fd: the @input_fd among them, or -1
 * @stop: set before @stop_fd is signalled
 * @thread: serves the queues, valid while @running
 * @running: @thread must be joined
 * @irq_status: InterruptStatus
 * @irq_in_kernel: the host's kernel signals @irq_fd as well, and gives no reason
 * @mmio_kicks: number of kicks that came as an exit; 0 with ioeventfds
 * @lock: protects the fields below
 * @status: device status
 * @feature_sel: half of the offered features that the guest reads
 * @driver_sel: half of the accepted features that the guest writes
 * @accepted: features that the guest has accepted
 * @queue_sel: queue that the guest sets up
 * @queues: the queues
 */
struct gz_virtio {
	struct gz_device dev;
	const struct gz_virtio_ops *ops;
	uint32_t id;
	unsigned int nr_queues;
	unsigned int kernel_queues;
	uint64_t features;
	uint8_t config[GZ_VIRTIO_CONFIG];
	size_t config_size;
	int input_fd;
	int kick_fds[GZ_VIRTIO_QUEUES];
	int irq_fd;
	unsigned int spi;
	void (*no_pool)(void *arg);
	void *no_pool_arg;
	int stop_fd;
	int epoll_fd;
	int watched_fd;
	atomic_bool stop;
	pthread_t thread;
	bool running;
	atomic_uint irq_status;
	atomic_bool irq_in_kernel;
	atomic_uint mmio_kicks;
	pthread_mutex_t lock;
	uint32_t status;
	uint32_t feature_sel;
	uint32_t driver_sel;
	uint64_t accepted;
	uint32_t queue_sel;
	struct gz_vq queues[GZ_VIRTIO_QUEUES];
};

/**
 * typedef gz_chain_fn - serves one chain
 * @dev: the device
 * @chain: the chain
 *
 * Return: number of bytes that were written into it.
 */
typedef uint32_t (*gz_chain_fn)(struct gz_virtio *dev, struct gz_chain *chain);

int gz_virtio_init(struct gz_virtio *dev, const struct gz_memory *mem,
		   unsigned int index);
void gz_virtio_fini(struct gz_virtio *dev);
int gz_virtio_attach(struct gz_virtio *dev, const struct gz_vm *vm);
int gz_virtio_start(struct gz_virtio *dev);
void gz_virtio_stop(struct gz_virtio *dev);
void gz_virtio_join(struct gz_virtio *dev);
void gz_virtio_halt(struct gz_virtio *dev);

void gz_virtio_broken(struct gz_virtio *dev, const char *why);
bool gz_virtio_live(const struct gz_virtio *dev, unsigned int q);
int gz_virtio_pop(struct gz_virtio *dev, unsigned int q,
		  struct gz_chain *chain);
void gz_virtio_tell(struct gz_virtio *dev, unsigned int q);
void gz_virtio_serve(struct gz_virtio *dev, unsigned int q, gz_chain_fn fn);

/* Each has one file */
struct gz_virtio *gz_blk_new(const struct gz_memory *mem, unsigned int index,
			     const char *path, int flags);
struct gz_virtio *gz_rng_new(const struct gz_memory *mem, unsigned int index);

#define GZ_VHOST_VSOCK	"/dev/vhost-vsock"

struct gz_virtio *gz_vsock_new(const struct gz_memory *mem, unsigned int index,
			       uint32_t cid);

int gz_net_choose_mac(uint8_t *mac);
struct gz_virtio *gz_net_new(const struct gz_memory *mem, unsigned int index,
			     int tap_fd, const struct gz_hub *hub,
			     const uint8_t *mac);
int gz_net_open_tap(const char *name);

/* Work that guest and host may leave to each other at a tap interface */
uint64_t gz_tap_features(void);
void gz_tap_set_offloads(int tap_fd, uint64_t features);

#define GZ_VHOST_NET	"/dev/vhost-net"

int gz_vhost_net_open(void);
struct gz_virtio *gz_vhost_net_new(const struct gz_memory *mem, unsigned int index,
				   int tap_fd, int vhost_fd, const uint8_t *mac);

#endif /* GZRUN_VIRTIO_H */
