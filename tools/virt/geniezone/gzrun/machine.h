/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_MACHINE_H
#define GZRUN_MACHINE_H

#include <pthread.h>

#include "device.h"
#include "gpio.h"
#include "hold.h"
#include "image.h"
#include "irq.h"
#include "layout.h"
#include "memory.h"
#include "pvpanic.h"
#include "rtc.h"
#include "serial.h"
#include "vcpu.h"
#include "virtio.h"
#include "vm.h"

#define GZ_MAX_DISKS	8
#define GZ_MAX_NETS	4

/**
 * enum gz_end - why a machine stopped
 * @GZ_END_NONE: it runs
 * @GZ_END_POWEROFF: the guest powered itself off
 * @GZ_END_RESET: the guest asked for a reset
 * @GZ_END_CRASH: the guest said that it crashed, or panicked
 * @GZ_END_INTERNAL: the driver or the hypervisor could not go on
 * @GZ_END_EXCEPTION: the guest did what nobody can serve
 * @GZ_END_UNKNOWN: an exit that this program does not know
 * @GZ_END_ERROR: GZVM_RUN failed
 * @GZ_END_USER: gz_machine_end() was called from outside
 */
enum gz_end {
	GZ_END_NONE,
	GZ_END_POWEROFF,
	GZ_END_RESET,
	GZ_END_CRASH,
	GZ_END_INTERNAL,
	GZ_END_EXCEPTION,
	GZ_END_UNKNOWN,
	GZ_END_ERROR,
	GZ_END_USER,
};

/**
 * enum gz_hugepages - are pages to be huge?
 * @GZ_HUGEPAGES_NO: as the host likes
 * @GZ_HUGEPAGES_TRANSPARENT: where the host has some
 * @GZ_HUGEPAGES_HUGETLB: all, of those that were set aside
 */
enum gz_hugepages {
	GZ_HUGEPAGES_NO,
	GZ_HUGEPAGES_TRANSPARENT,
	GZ_HUGEPAGES_HUGETLB,
};

/**
 * enum gz_pvmfw - what runs first in a protected VM
 * @GZ_PVMFW_NO: the kernel
 * @GZ_PVMFW_HYP: firmware of the hypervisor
 * @GZ_PVMFW_FILE: firmware from a file, where the hypervisor has none
 */
enum gz_pvmfw {
	GZ_PVMFW_NO,
	GZ_PVMFW_HYP,
	GZ_PVMFW_FILE,
};

/**
 * struct gz_disk_config - a disk
 * @path: file or block device
 * @readonly: the guest may not write
 */
struct gz_disk_config {
	const char *path;
	bool readonly;
};

/**
 * struct gz_net_config - a network interface
 * @tap: the host's tap interface, or NULL for the peer in this process
 * @tap_fd: that, for as long as any machine uses it; or -1
 */
struct gz_net_config {
	const char *tap;
	int tap_fd;
};

/**
 * struct gz_machine_config - what a machine is to be
 * @kernel: path of the Image
 * @initrd: path of the initrd, or NULL
 * @params: kernel command line
 * @mem_size: bytes of RAM
 * @swiotlb_size: bytes of it that make up the pool for devices, or 0
 * @nr_vcpus: 1 to %GZ_MAX_VCPUS
 * @out_fd: where the serial port and the virtio console write
 * @disks: virtio disks
 * @nr_disks: how many
 * @nets: virtio network interfaces
 * @nr_nets: how many
 * @rng: there is a source of randomness
 * @vsock_cid: the guest's address for vsock, or 0 without
 * @virtio_console: input goes to a virtio console, not to the serial port
 * @hugepages: of what pages the memory is
 * @protect: nobody but the guest sees its memory; needs a pool
 * @pvmfw: what runs first in a protected VM
 * @pvmfw_path: where that is, if it is a file
 */
struct gz_machine_config {
	const char *kernel;
	const char *initrd;
	const char *params;
	uint64_t mem_size;
	uint64_t swiotlb_size;
	unsigned int nr_vcpus;
	int out_fd;
	struct gz_disk_config disks[GZ_MAX_DISKS];
	unsigned int nr_disks;
	struct gz_net_config nets[GZ_MAX_NETS];
	unsigned int nr_nets;
	bool rng;
	uint32_t vsock_cid;
	bool virtio_console;
	enum gz_hugepages hugepages;
	bool protect;
	enum gz_pvmfw pvmfw;
	const char *pvmfw_path;
};

/**
 * struct gz_machine - a VM with all that belongs to it
 * @cfg: what it was made from
 * @vm: the VM
 * @backing: its RAM, and the pool for devices
 * @mem: RAM that is not the pool
 * @dma: the memory that devices may touch, all of @mem without a pool
 * @firmware: what runs first in a protected VM; @hva is NULL without
 * @image: where the kernel lies in there
 * @fdt_size: bytes of the device tree
 * @vcpus: its CPUs
 * @nr_vcpus: how many of @vcpus were created
 * @hold: for who wants all of them out of the guest
 * @bus: the devices
 * @lines: interrupt lines of those that are not virtio
 * @serial: serial port
 * @rtc: clock
 * @gpio: power button
 * @pvpanic: where the guest says that it panicked
 * @virtio: virtio devices
 * @nr_virtio: how many
 * @console: the virtio console, NULL without
 * @lock: protects @end
 * @end: why it stopped; the first reason stays
 * @end_fd: eventfd, signalled when @end is set
 */
struct gz_machine {
	struct gz_machine_config cfg;
	struct gz_vm vm;
	struct gz_memory backing;
	struct gz_memory mem;
	struct gz_memory dma;
	struct gz_memory firmware;
	struct gz_image image;
	size_t fdt_size;
	struct gz_vcpu vcpus[GZ_MAX_VCPUS];
	unsigned int nr_vcpus;
	struct gz_hold hold;
	struct gz_bus bus;
	struct gz_lines lines;
	struct gz_serial serial;
	struct gz_rtc rtc;
	struct gz_gpio gpio;
	struct gz_pvpanic pvpanic;
	struct gz_virtio *virtio[GZ_VIRTIO_MAX];
	unsigned int nr_virtio;
	struct gz_virtio *console;
	pthread_mutex_t lock;
	enum gz_end end;
	int end_fd;
};

int gz_machine_init(struct gz_machine *m, const struct gz_machine_config *cfg);
int gz_machine_create(struct gz_machine *m);
int gz_machine_start(struct gz_machine *m);
void gz_machine_end(struct gz_machine *m, enum gz_end why);
enum gz_end gz_machine_stop(struct gz_machine *m);
void gz_machine_destroy(struct gz_machine *m);
int gz_machine_fail(const char *what, int err);

/* machine_memory.c */
int gz_machine_alloc_memory(struct gz_machine *m);
int gz_machine_attach_memory(struct gz_machine *m);
void gz_machine_memory_fdt(const struct gz_machine *m, struct gz_fdt *fdt);
void gz_machine_free_memory(struct gz_machine *m);

/* machine_protect.c */
int gz_machine_can_protect(const struct gz_machine *m);
int gz_machine_protect(const struct gz_machine *m);

/* machine_platform.c */
int gz_machine_add_platform(struct gz_machine *m);
void gz_machine_destroy_platform(struct gz_machine *m);

/* machine_virtio.c */
int gz_machine_add_virtio(struct gz_machine *m);
int gz_machine_attach_virtio(struct gz_machine *m);
int gz_machine_start_virtio(struct gz_machine *m);
void gz_machine_stop_virtio(struct gz_machine *m);
void gz_machine_halt_virtio(struct gz_machine *m);
void gz_machine_destroy_virtio(struct gz_machine *m);

/* fdt of the whole machine, machine_fdt.c */
int gz_machine_fdt(struct gz_machine *m);

#endif /* GZRUN_MACHINE_H */
