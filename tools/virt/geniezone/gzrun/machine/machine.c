// SPDX-License-Identifier: GPL-2.0
/*
 * A whole machine: creation, start and stop, in the order in which VMMs on
 * phones do it.
 *
 * There is one thread per vCPU. A thread that finds a reason to stop calls
 * gz_machine_end(). The owner of the machine waits for end_fd and then calls
 * gz_machine_stop().
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libgzvm.h>

#include "helper.h"
#include "log.h"
#include "machine/machine.h"

/* Address bits of the guest, if the hypervisor does not report them */
#define DEFAULT_GPA_BITS	40

/**
 * gz_machine_init() - do everything that needs no hypervisor
 * @m: filled in; gz_machine_destroy() accepts it after a failure as well
 * @cfg: its configuration; the strings must outlive @m
 *
 * Allocates RAM and loads kernel, initrd and device tree into it.
 *
 * Return: 0, or -errno after gz_error() has printed a message.
 */
int gz_machine_init(struct gz_machine *m, const struct gz_machine_config *cfg)
{
	int ret;

	memset(m, 0, sizeof(*m));
	m->cfg = *cfg;
	m->vm.fd = -1;
	m->vm.dev_fd = -1;
	pthread_mutex_init(&m->lock, NULL);
	gz_pause_init(&m->pause);
	m->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Even if eventfd() failed: gz_machine_destroy() expects the devices */
	ret = gz_machine_add_platform(m);
	if (m->end_fd < 0)
		ret = -errno;
	if (ret)
		return gz_machine_fail("cannot create the devices", ret);
	ret = gz_machine_alloc_memory(m);
	if (ret)
		return ret;
	ret = gz_image_load(&m->image, &m->mem, cfg->kernel, cfg->initrd);
	if (ret)
		return ret;
	ret = gz_machine_add_virtio(m);
	if (ret)
		return ret;
	return gz_machine_fdt(m);
}

static int open_vm(struct gz_machine *m)
{
	int ret;

	m->vm.dev_fd = helper_open(GZ_DEV_PATH, O_RDWR);
	ret = m->vm.dev_fd < 0 ? -errno : 0;
	if (!ret) {
		m->vm.fd = gz_ioctl(m->vm.dev_fd, GZVM_CREATE_VM, 0);
		return m->vm.fd < 0 ?
			gz_machine_fail("cannot create a VM", m->vm.fd) : 0;
	}
	if (ret == -ENOENT || ret == -ENODEV || ret == -ENXIO)
		gz_error("no " GZ_DEV_PATH
			 ": load the driver (modprobe gzvm); if it is loaded, this machine has no GenieZone hypervisor");
	else if (ret == -EACCES || ret == -EPERM)
		gz_error("no permission to open " GZ_DEV_PATH
			 ": become root, or join the group that owns it (ls -l " GZ_DEV_PATH ")");
	else
		gz_error("cannot open " GZ_DEV_PATH ": %s", strerror(-ret));
	return ret;
}

static int check_gpa_size(const struct gz_machine *m)
{
	uint64_t bits;

	if (gz_check_cap(m->vm.fd, GZVM_CAP_VM_GPA_SIZE, &bits))
		bits = DEFAULT_GPA_BITS;
	if (bits >= 64 || m->backing.gpa + m->backing.size <= 1ULL << bits)
		return 0;
	gz_error("%llu MiB do not fit into the guest's %llu address bits",
		 (unsigned long long)(m->backing.size >> 20),
		 (unsigned long long)bits);
	return -E2BIG;
}

static int create_vcpus(struct gz_machine *m)
{
	unsigned int i;
	int ret;

	for (i = 0; i < m->cfg.nr_vcpus; i++) {
		ret = gz_vcpu_create(&m->vm, &m->vcpus[i], i);
		if (ret)
			return gz_machine_fail("cannot create a vCPU", ret);
		m->vcpus[i].pause = &m->pause;
		m->nr_vcpus++;
	}
	return 0;
}

/* Firmware finds the kernel by its address in x1 and its size in x2 */
static int set_entry(const struct gz_machine *m)
{
	uint64_t pc = m->firmware.hva ? m->firmware.gpa : m->image.entry;
	int ret;

	ret = gz_vcpu_set_reg(&m->vcpus[0], GZ_REG_PC, pc);
	if (ret || !m->firmware.hva)
		return ret;
	ret = gz_vcpu_set_reg(&m->vcpus[0], GZ_REG_X(1), m->image.entry);
	if (!ret)
		ret = gz_vcpu_set_reg(&m->vcpus[0], GZ_REG_X(2),
				      m->image.kernel_size);
	return ret;
}

/* Only vCPU 0 starts by itself. CPU_ON says where the others start. */
static int set_registers(struct gz_machine *m)
{
	unsigned int i;
	int ret;

	ret = gz_vcpu_set_reg(&m->vcpus[0], GZ_REG_X(0), m->image.fdt);
	if (!ret)
		ret = set_entry(m);
	for (i = 0; !ret && i < m->nr_vcpus; i++)
		ret = gz_vcpu_set_reg(&m->vcpus[i], GZ_REG_PSTATE,
				      GZ_PSTATE_BOOT);
	return ret ? gz_machine_fail("cannot set the registers of a vCPU", ret) : 0;
}

/**
 * gz_machine_create() - create the VM, its memory, devices and vCPUs
 * @m: from gz_machine_init()
 *
 * Return: 0, or -errno after gz_error() has printed a message.
 */
int gz_machine_create(struct gz_machine *m)
{
	int ret;

	ret = open_vm(m);
	if (!ret)
		ret = check_gpa_size(m);
	if (!ret && m->cfg.protect)
		ret = gz_machine_can_protect(m);
	if (ret)
		return ret;
	ret = gz_machine_attach_memory(m);
	if (ret)
		return gz_machine_fail("cannot give the guest its memory", ret);
	ret = gz_gic_create(&m->vm, GZ_GICD_BASE, m->cfg.nr_vcpus);
	if (ret)
		return gz_machine_fail("cannot create the interrupt controller", ret);
	if (m->cfg.protect)
		ret = gz_machine_protect(m);
	if (!ret)
		ret = create_vcpus(m);
	if (ret)
		return ret;
	ret = gz_lines_attach(&m->lines, &m->vm);
	if (!ret)
		ret = gz_machine_attach_virtio(m);
	if (ret)
		return gz_machine_fail("cannot connect the devices to the VM", ret);
	ret = gz_vm_set_dtb(&m->vm, m->image.fdt, GZ_FDT_SIZE);
	if (ret)
		return gz_machine_fail("cannot set the address of the device tree", ret);
	return set_registers(m);
}

static void *vcpu_thread(void *data)
{
	struct gz_vcpu *vcpu = data;
	struct gz_machine *m = vcpu->owner;
	int ret;

	ret = gz_vcpu_loop(vcpu, gz_machine_exit, m);
	if (ret < 0) {
		gz_machine_fail("cannot run a vCPU", ret);
		gz_machine_end(m, GZ_END_ERROR);
	}
	return NULL;
}

/* vCPU threads receive the kick, and signals of their own faults. */
static void vcpu_signals(sigset_t *blocked)
{
	sigfillset(blocked);
	sigdelset(blocked, GZ_KICK_SIGNAL);
	sigdelset(blocked, SIGSEGV);
	sigdelset(blocked, SIGBUS);
	sigdelset(blocked, SIGILL);
	sigdelset(blocked, SIGFPE);
	sigdelset(blocked, SIGABRT);
	/* A violation of the sandbox */
	sigdelset(blocked, SIGSYS);
}

/**
 * gz_machine_start() - run the guest
 * @m: from gz_machine_create()
 *
 * Return: 0, or -errno after gz_error() has printed a message.
 */
int gz_machine_start(struct gz_machine *m)
{
	sigset_t set, old;
	unsigned int i;
	int ret = 0;

	ret = gz_kick_init();
	if (ret)
		return ret;
	vcpu_signals(&set);
	pthread_sigmask(SIG_SETMASK, &set, &old);
	ret = -gz_lines_start(&m->lines);
	if (!ret)
		ret = -gz_machine_start_virtio(m);
	for (i = 0; !ret && i < m->nr_vcpus; i++) {
		struct gz_vcpu *vcpu = &m->vcpus[i];

		vcpu->owner = m;
		ret = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
		vcpu->running = !ret;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret ? gz_machine_fail("cannot start a thread", -ret) : 0;
}

/* The user wants to see the registers */
static bool is_fault(enum gz_end end)
{
	return end == GZ_END_CRASH || end == GZ_END_INTERNAL ||
	       end == GZ_END_EXCEPTION || end == GZ_END_UNKNOWN;
}

static void print_resamples(const struct gz_lines *lines)
{
	unsigned int i;

	for (i = 0; i < lines->nr; i++)
		gz_info("SPI %u: resampled %u times", lines->irqs[i]->spi,
			atomic_load(&lines->irqs[i]->resamples));
}

/**
 * gz_machine_stop() - stop all vCPUs and wait for their threads
 * @m: the machine
 *
 * Return: why it stopped.
 */
enum gz_end gz_machine_stop(struct gz_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_vcpus; i++)
		gz_vcpu_stop(&m->vcpus[i]);
	gz_pause_resume(&m->pause, GZ_PAUSE_ALL);
	/* Stop the devices first: a vCPU may wait for the lock of a busy device */
	gz_machine_stop_virtio(m);
	for (i = 0; i < m->nr_vcpus; i++)
		gz_vcpu_join(&m->vcpus[i]);
	gz_machine_halt_virtio(m);
	gz_lines_stop(&m->lines);
	print_resamples(&m->lines);
	if (is_fault(m->end))
		for (i = 0; i < m->nr_vcpus; i++)
			gz_machine_print_registers(&m->vcpus[i]);
	return m->end;
}

/**
 * gz_machine_destroy() - free everything, in any state
 * @m: from gz_machine_init(), stopped
 */
void gz_machine_destroy(struct gz_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_vcpus; i++)
		gz_vcpu_destroy(&m->vcpus[i]);
	gz_vm_destroy(&m->vm);
	gz_machine_destroy_virtio(m);
	gz_machine_destroy_platform(m);
	/* After the VM: until then, the hypervisor may use these pages. */
	gz_machine_free_memory(m);
	if (m->end_fd >= 0)
		close(m->end_fd);
	gz_pause_destroy(&m->pause);
	pthread_mutex_destroy(&m->lock);
}
