// SPDX-License-Identifier: GPL-2.0
/* The virtio devices of a machine: creation, threads and end */

#include <errno.h>

#include "log.h"
#include "machine/machine.h"
#include "virtio/console.h"

static void no_pool(void *arg)
{
	gz_machine_end(arg, GZ_END_UNFIT);
}

static int add(struct gz_machine *m, struct gz_virtio *dev)
{
	/* The function that creates a device prints the error */
	if (!dev)
		return -EINVAL;
	/* From here on, the device is destroyed with the machine */
	m->virtio[m->nr_virtio++] = dev;
	dev->no_pool = no_pool;
	dev->no_pool_arg = m;
	return gz_bus_add(&m->bus, &dev->dev);
}

static int add_console(struct gz_machine *m)
{
	m->console = gz_virtio_console_new(&m->dma, m->nr_virtio,
					   m->cfg.out_fd, -1);
	return add(m, m->console);
}

static int add_further(struct gz_machine *m, const struct gz_console_config *con)
{
	return add(m, gz_virtio_console_new(&m->dma, m->nr_virtio,
					    con->file ? con->fd : -1,
					    con->socket ? con->fd : -1));
}

static int add_net(struct gz_machine *m, const struct gz_net_config *net)
{
	if (net->vhost_fd >= 0)
		return add(m, gz_vhost_net_new(&m->dma, m->nr_virtio, net->tap_fd,
					       net->vhost_fd, net->mac));
	return add(m, gz_net_new(&m->dma, m->nr_virtio, net->tap_fd, net->hub,
				 net->mac));
}

/**
 * gz_machine_add_virtio() - create the devices of the configuration
 * @m: the machine
 *
 * Return: 0, or -errno after gz_error() has printed a message.
 */
int gz_machine_add_virtio(struct gz_machine *m)
{
	const struct gz_machine_config *cfg = &m->cfg;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < cfg->nr_disks; i++)
		ret = add(m, gz_blk_new(&m->dma, m->nr_virtio,
					cfg->disks[i].path,
					cfg->disks[i].flags));
	for (i = 0; !ret && i < cfg->nr_nets; i++)
		ret = add_net(m, &cfg->nets[i]);
	if (!ret && cfg->virtio_console)
		ret = add_console(m);
	for (i = 0; !ret && i < cfg->nr_consoles; i++)
		ret = add_further(m, &cfg->consoles[i]);
	if (!ret && cfg->rng)
		ret = add(m, gz_rng_new(&m->dma, m->nr_virtio));
	if (!ret && cfg->vsock_cid)
		ret = add(m, gz_vsock_new(&m->dma, m->nr_virtio,
					  cfg->vsock_cid));
	return ret;
}

/**
 * gz_machine_attach_virtio() - connect the devices' eventfds to the VM
 * @m: the machine, with a VM
 *
 * Return: 0 or -errno.
 */
int gz_machine_attach_virtio(struct gz_machine *m)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < m->nr_virtio; i++)
		ret = gz_virtio_attach(m->virtio[i], &m->vm);
	return ret;
}

/**
 * gz_machine_start_virtio() - start the devices' threads
 * @m: the machine
 *
 * Return: 0 or -errno.
 */
int gz_machine_start_virtio(struct gz_machine *m)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < m->nr_virtio; i++)
		ret = gz_virtio_start(m->virtio[i]);
	return ret;
}

/**
 * gz_machine_stop_virtio() - stop the devices and wait for their threads
 * @m: the machine, whose vCPUs are about to end
 */
void gz_machine_stop_virtio(struct gz_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_virtio; i++)
		gz_virtio_stop(m->virtio[i]);
	for (i = 0; i < m->nr_virtio; i++) {
		struct gz_virtio *dev = m->virtio[i];

		gz_virtio_join(dev);
		gz_info("%s: %u kicks came as exits", dev->dev.name,
			atomic_load(&dev->mmio_kicks));
	}
}

/**
 * gz_machine_halt_virtio() - end all accesses to the devices' queues
 * @m: the machine; the devices' threads and the vCPUs have ended
 */
void gz_machine_halt_virtio(struct gz_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_virtio; i++)
		gz_virtio_halt(m->virtio[i]);
}

/**
 * gz_machine_destroy_virtio() - free the devices
 * @m: the machine; none of its threads run
 */
void gz_machine_destroy_virtio(struct gz_machine *m)
{
	while (m->nr_virtio) {
		struct gz_virtio *dev = m->virtio[--m->nr_virtio];

		dev->ops->destroy(dev);
	}
}
