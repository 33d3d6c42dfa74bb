/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_MACHINE_H
#define GZRUN_MACHINE_H

#include <net/ethernet.h>
#include <pthread.h>

#include <libgzvm.h>

#include "devices/device.h"
#include "devices/gpio.h"
#include "devices/pvpanic.h"
#include "devices/rtc.h"
#include "devices/serial.h"
#include "layout.h"
#include "machine/image.h"
#include "virtio/virtio.h"

#define GZ_MAX_DISKS	8
#define GZ_MAX_NETS	4
#define GZ_MAX_CONSOLES	4

/**
 * enum gz_end - why a machine stopped
 * @GZ_END_NONE: it has not stopped
 * @GZ_END_POWEROFF: the guest has powered itself off
 * @GZ_END_RESET: the guest has requested a reset
 * @GZ_END_CRASH: the guest has reported a crash or a panic
 * @GZ_END_REFUSED: the firmware has refused to start the kernel
 * @GZ_END_UNFIT: the guest's kernel does not use the pool for devices
 * @GZ_END_INTERNAL: the driver or the hypervisor cannot continue
 * @GZ_END_EXCEPTION: the guest has caused an exception that cannot be handled
 * @GZ_END_UNKNOWN: an exit that this program does not know
 * @GZ_END_ERROR: GZVM_RUN failed
 * @GZ_END_USER: gz_machine_end() was called from outside
 */
enum gz_end {
	GZ_END_NONE,
	GZ_END_POWEROFF,
	GZ_END_RESET,
	GZ_END_CRASH,
	GZ_END_REFUSED,
	GZ_END_UNFIT,
	GZ_END_INTERNAL,
	GZ_END_EXCEPTION,
	GZ_END_UNKNOWN,
	GZ_END_ERROR,
	GZ_END_USER,
};

/**
 * enum gz_hugepages - use of huge pages
 * @GZ_HUGEPAGES_TRANSPARENT: transparent huge pages, if the host has any free
 * @GZ_HUGEPAGES_NO: the host's default
 * @GZ_HUGEPAGES_HUGETLB: only huge pages, from those that are reserved
 */
enum gz_hugepages {
	GZ_HUGEPAGES_TRANSPARENT,
	GZ_HUGEPAGES_NO,
	GZ_HUGEPAGES_HUGETLB,
};

/**
 * enum gz_pvmfw - the first program in a protected VM
 * @GZ_PVMFW_NO: the kernel
 * @GZ_PVMFW_HYP: the hypervisor's own firmware
 * @GZ_PVMFW_FILE: firmware from a file, if the hypervisor has none
 */
enum gz_pvmfw {
	GZ_PVMFW_NO,
	GZ_PVMFW_HYP,
	GZ_PVMFW_FILE,
};

/**
 * struct gz_disk_config - a disk
 * @path: file or block device
 * @flags: O_RDONLY or O_RDWR, perhaps with O_DIRECT
 */
struct gz_disk_config {
	const char *path;
	int flags;
};

/**
 * enum gz_vhost_mode - use of vhost for a tap interface
 * @GZ_VHOST_AUTO: if the host has it
 * @GZ_VHOST_ON: without it, do not start
 * @GZ_VHOST_OFF: no use
 */
enum gz_vhost_mode {
	GZ_VHOST_AUTO,
	GZ_VHOST_ON,
	GZ_VHOST_OFF,
};

/**
 * struct gz_net_config - a network interface
 * @tap: tap interface of the host, or NULL
 * @tap_fd: its file descriptor, which outlives the machine; or -1
 * @vhost: use of vhost for it
 * @vhost_fd: vhost, which outlives the machine; or -1 if this process passes the frames
 * @hub_path: directory of a hub, or NULL
 * @hub: the interface there, which outlives the machine
 * @mac: the guest's address, which stays when the guest is reset; all zeros if none
 *	 is chosen yet
 */
struct gz_net_config {
	const char *tap;
	int tap_fd;
	enum gz_vhost_mode vhost;
	int vhost_fd;
	const char *hub_path;
	struct gz_hub *hub;
	uint8_t mac[ETH_ALEN];
};

/**
 * struct gz_console_config - a further console
 * @file: file for its output, or NULL
 * @socket: local socket where clients connect, or NULL
 * @fd: one of both, open, which outlives the machine; or -1
 */
struct gz_console_config {
	const char *file;
	const char *socket;
	int fd;
};

/**
 * struct gz_machine_config - configuration of a machine
 * @kernel: path of the Image
 * @initrd: path of the initrd, or NULL
 * @params: kernel command line
 * @mem_size: bytes of RAM
 * @swiotlb_size: bytes of RAM that become the pool for devices, or 0
 * @nr_vcpus: 1 to %GZ_MAX_VCPUS
 * @out_fd: file for the output of the serial port and the virtio console
 * @disks: virtio disks
 * @nr_disks: number of @disks
 * @nets: virtio network interfaces
 * @nr_nets: number of @nets
 * @consoles: virtio consoles besides the one of standard input
 * @nr_consoles: number of @consoles
 * @rng: add a source of random numbers
 * @vsock_cid: CID of the guest for vsock, or 0 without vsock
 * @virtio_console: input goes to a virtio console, not to the serial port
 * @hugepages: use of huge pages for the memory
 * @protect: only the guest can access its memory; needs a pool
 * @pvmfw: the first program in a protected VM
 * @pvmfw_path: path of that program, if it is in a file
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
	struct gz_console_config consoles[GZ_MAX_CONSOLES];
	unsigned int nr_consoles;
	bool rng;
	uint32_t vsock_cid;
	bool virtio_console;
	enum gz_hugepages hugepages;
	bool protect;
	enum gz_pvmfw pvmfw;
	const char *pvmfw_path;
};

/**
 * struct gz_machine - a VM with everything that belongs to it
 * @cfg: its configuration
 * @vm: the VM
 * @backing: its RAM, including the pool for devices
 * @mem: RAM without the pool
 * @dma: memory that devices may access: the pool, or all of @mem without a pool
 * @firmware: the firmware of a protected VM; @hva is NULL without firmware
 * @image: where the kernel is in @mem
 * @fdt_size: bytes of the device tree
 * @vcpus: its vCPUs
 * @nr_vcpus: number of @vcpus that were created
 * @pause: gets all vCPUs out of the guest
 * @bus: the devices
 * @lines: interrupt lines of the devices that are not virtio
 * @serial: serial port
 * @rtc: clock
 * @gpio: power button
 * @pvpanic: device by which the guest reports a panic
 * @virtio: virtio devices
 * @nr_virtio: number of @virtio
 * @console: the virtio console of standard input, or NULL
 * @lock: protects @end
 * @end: why the machine stopped; the first reason stays
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
	struct gz_pause pause;
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
enum gz_end gz_machine_stop(struct gz_machine *m);
void gz_machine_destroy(struct gz_machine *m);

/* exit.c */
int gz_machine_exit(struct gz_vcpu *vcpu, void *arg);
void gz_machine_end(struct gz_machine *m, enum gz_end why);
int gz_machine_fail(const char *what, int err);

/* memory.c */
int gz_machine_alloc_memory(struct gz_machine *m);
int gz_machine_attach_memory(struct gz_machine *m);
void gz_machine_memory_fdt(const struct gz_machine *m, struct gz_fdt *fdt);
void gz_machine_free_memory(struct gz_machine *m);

/* protect.c */
int gz_machine_can_protect(const struct gz_machine *m);
int gz_machine_protect(const struct gz_machine *m);

/* platform.c */
int gz_machine_add_platform(struct gz_machine *m);
void gz_machine_destroy_platform(struct gz_machine *m);

/* virtio.c */
int gz_machine_add_virtio(struct gz_machine *m);
int gz_machine_attach_virtio(struct gz_machine *m);
int gz_machine_start_virtio(struct gz_machine *m);
void gz_machine_stop_virtio(struct gz_machine *m);
void gz_machine_halt_virtio(struct gz_machine *m);
void gz_machine_destroy_virtio(struct gz_machine *m);

/* device_tree.c */
int gz_machine_fdt(struct gz_machine *m);

/* registers.c */
void gz_machine_print_registers(const struct gz_vcpu *vcpu);

#endif /* GZRUN_MACHINE_H */
