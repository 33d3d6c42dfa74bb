// SPDX-License-Identifier: GPL-2.0
/*
 * A whole machine: made, started, stopped, in the order in which VMMs of
 * phones do it.
 *
 * One thread per vCPU. Whoever sees a reason to stop calls gz_machine_end();
 * the owner waits for end_fd and then calls gz_machine_stop().
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "gic.h"
#include "log.h"
#include "machine.h"

/* What an IPA is wide on a hypervisor that does not say */
#define DEFAULT_GPA_BITS	40

/**
 * gz_machine_fail() - tell what failed
 * @what: that
 * @err: -errno
 *
 * Return: @err.
 */
int gz_machine_fail(const char *what, int err)
{
	gz_error("%s: %s", what, strerror(-err));
	if (err == -ENOMEM)
		gz_error("guest memory is locked memory: raise ulimit -l, or give less --mem");
	return err;
}

/**
 * gz_machine_init() - everything that needs no hypervisor
 * @m: to be filled in; gz_machine_destroy() takes it also after a failure
 * @cfg: what it is to be; its strings must outlive @m
 *
 * RAM is allocated, kernel, initrd and device tree are in it.
 *
 * Return: 0, or -errno after gz_error() said what is wrong.
 */
int gz_machine_init(struct gz_machine *m, const struct gz_machine_config *cfg)
{
	int ret;

	memset(m, 0, sizeof(*m));
	m->cfg = *cfg;
	m->vm.fd = -1;
	m->vm.dev_fd = -1;
	pthread_mutex_init(&m->lock, NULL);
	gz_hold_init(&m->hold);
	m->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* In any case, as gz_machine_destroy() takes them back in any case */
	ret = gz_machine_add_platform(m);
	if (m->end_fd < 0)
		ret = -errno;
	if (ret)
		return gz_machine_fail("cannot make the devices", ret);
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
	int ret = gz_vm_create(&m->vm);

	if (m->vm.dev_fd >= 0)
		return ret ? gz_machine_fail("cannot create a VM", ret) : 0;
	if (ret == -ENOENT || ret == -ENODEV || ret == -ENXIO)
		gz_error("no " GZ_DEV_PATH
			 ": load the driver (modprobe gzvm); if it is, there is no GenieZone hypervisor here");
	else if (ret == -EACCES || ret == -EPERM)
		gz_error("no permission to open " GZ_DEV_PATH
			 ": be root, or of the group to which it belongs (ls -l " GZ_DEV_PATH ")");
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
		m->vcpus[i].hold = &m->hold;
		m->nr_vcpus++;
	}
	return 0;
}

/* Firmware is told where the kernel is: x1 its address, x2 its size */
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

/* Only vCPU 0 starts by itself; where the others start, CPU_ON will say. */
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
 * gz_machine_create() - make the VM, its memory, devices and vCPUs
 * @m: from gz_machine_init()
 *
 * Return: 0, or -errno after gz_error() said what is wrong.
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
	ret = gz_gic_create(&m->vm, m->cfg.nr_vcpus);
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
		return gz_machine_fail("cannot tie the devices to the VM", ret);
	ret = gz_vm_set_dtb(&m->vm, m->image.fdt, GZ_FDT_SIZE);
	if (ret)
		return gz_machine_fail("cannot hand over the device tree", ret);
	return set_registers(m);
}

static enum gz_end system_event(const struct gzvm_vcpu_run *run)
{
	switch (run->system_event.type) {
	case GZVM_SYSTEM_EVENT_SHUTDOWN:
		return GZ_END_POWEROFF;
	case GZVM_SYSTEM_EVENT_RESET:
		return GZ_END_RESET;
	case GZVM_SYSTEM_EVENT_CRASH:
		return GZ_END_CRASH;
	}
	gz_error("system event %u, which is not known",
		 run->system_event.type);
	return GZ_END_UNKNOWN;
}

static enum gz_end internal_error(const struct gz_vcpu *vcpu)
{
	gz_error("vCPU %u: internal error, suberror %u, data 0x%llx",
		 vcpu->id, vcpu->run.internal.suberror,
		 (unsigned long long)vcpu->run.internal.data[0]);
	return GZ_END_INTERNAL;
}

static enum gz_end guest_exception(const struct gz_vcpu *vcpu)
{
	gz_error("vCPU %u: exception %u, error %u, guest address 0x%llx",
		 vcpu->id, vcpu->run.exception.exception,
		 vcpu->run.exception.error_code,
		 (unsigned long long)vcpu->run.exception.fault_gpa);
	return GZ_END_EXCEPTION;
}

static enum gz_end fail_entry(const struct gz_vcpu *vcpu)
{
	gz_error("vCPU %u: the guest cannot be entered, reason 0x%llx",
		 vcpu->id, (unsigned long long)
		 vcpu->run.fail_entry.hardware_entry_failure_reason);
	return GZ_END_INTERNAL;
}

static enum gz_end bad_exit(const struct gz_vcpu *vcpu)
{
	gz_error("vCPU %u: exit reason 0x%x, which is not known", vcpu->id,
		 vcpu->run.exit_reason);
	return GZ_END_UNKNOWN;
}

static enum gz_end end_of(struct gz_machine *m)
{
	enum gz_end end;

	pthread_mutex_lock(&m->lock);
	end = m->end;
	pthread_mutex_unlock(&m->lock);
	return end;
}

static enum gz_end mmio(struct gz_machine *m, struct gz_vcpu *vcpu)
{
	/*
	 * A device may have ended the machine: not one step further, so that the
	 * registers tell where the guest was
	 */
	if (!gz_bus_mmio(&m->bus, &vcpu->run))
		return end_of(m);
	gz_error("vCPU %u: access of %llu bytes at 0x%llx", vcpu->id,
		 (unsigned long long)vcpu->run.mmio.size,
		 (unsigned long long)vcpu->run.mmio.phys_addr);
	return GZ_END_INTERNAL;
}

/* SMCCC: a call that nobody knows gives -1. */
static enum gz_end unknown_call(struct gz_vcpu *vcpu)
{
	gz_info("vCPU %u: hypercall 0x%llx, which is not known", vcpu->id,
		(unsigned long long)vcpu->run.hypercall.args[0]);
	vcpu->run.hypercall.args[0] = -1;
	return GZ_END_NONE;
}

static enum gz_end dispatch(struct gz_machine *m, struct gz_vcpu *vcpu)
{
	switch (vcpu->run.exit_reason) {
	case GZVM_EXIT_MMIO:
		return mmio(m, vcpu);
	case GZVM_EXIT_HYPERCALL:
		return unknown_call(vcpu);
	case GZVM_EXIT_IRQ:
	case GZVM_EXIT_GZ:
	case GZVM_EXIT_IDLE:
	case GZVM_EXIT_IPI:
		return GZ_END_NONE;
	case GZVM_EXIT_SYSTEM_EVENT:
		return system_event(&vcpu->run);
	case GZVM_EXIT_SHUTDOWN:
		return GZ_END_POWEROFF;
	case GZVM_EXIT_INTERNAL_ERROR:
		return internal_error(vcpu);
	case GZVM_EXIT_EXCEPTION:
		return guest_exception(vcpu);
	case GZVM_EXIT_FAIL_ENTRY:
		return fail_entry(vcpu);
	}
	return bad_exit(vcpu);
}

static int handle_exit(struct gz_vcpu *vcpu, void *arg)
{
	struct gz_machine *m = arg;
	enum gz_end end = dispatch(m, vcpu);

	if (end != GZ_END_NONE)
		gz_machine_end(m, end);
	return end;
}

static void *vcpu_thread(void *data)
{
	struct gz_vcpu *vcpu = data;
	struct gz_machine *m = vcpu->owner;
	int ret;

	ret = gz_vcpu_loop(vcpu, handle_exit, m);
	if (ret < 0) {
		gz_machine_fail("cannot run a vCPU", ret);
		gz_machine_end(m, GZ_END_ERROR);
	}
	return NULL;
}

/* vCPU threads see the kick, and what they do wrong themselves. */
static void vcpu_signals(sigset_t *blocked)
{
	sigfillset(blocked);
	sigdelset(blocked, GZ_KICK_SIGNAL);
	sigdelset(blocked, SIGSEGV);
	sigdelset(blocked, SIGBUS);
	sigdelset(blocked, SIGILL);
	sigdelset(blocked, SIGFPE);
	sigdelset(blocked, SIGABRT);
}

/**
 * gz_machine_start() - let the guest run
 * @m: from gz_machine_create()
 *
 * Return: 0, or -errno after gz_error() said what is wrong.
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

/**
 * gz_machine_end() - say that the machine is to stop
 * @m: the machine
 * @why: the reason; only the first one counts
 */
void gz_machine_end(struct gz_machine *m, enum gz_end why)
{
	pthread_mutex_lock(&m->lock);
	if (m->end == GZ_END_NONE)
		m->end = why;
	pthread_mutex_unlock(&m->lock);
	eventfd_write(m->end_fd, 1);
}

/* Where the vCPUs were is of interest */
static bool is_fault(enum gz_end end)
{
	return end == GZ_END_CRASH || end == GZ_END_INTERNAL ||
	       end == GZ_END_EXCEPTION || end == GZ_END_UNKNOWN;
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
	gz_hold_release(&m->hold);
	/* First, as a vCPU may wait for the lock of a device that is busy */
	gz_machine_stop_virtio(m);
	for (i = 0; i < m->nr_vcpus; i++)
		gz_vcpu_join(&m->vcpus[i]);
	gz_machine_halt_virtio(m);
	gz_lines_stop(&m->lines);
	if (is_fault(m->end))
		for (i = 0; i < m->nr_vcpus; i++)
			gz_vcpu_print_regs(&m->vcpus[i]);
	return m->end;
}

/**
 * gz_machine_destroy() - free everything, in whatever state it is
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
	/* After the VM: the hypervisor must have let go of these pages. */
	gz_machine_free_memory(m);
	if (m->end_fd >= 0)
		close(m->end_fd);
	gz_hold_destroy(&m->hold);
	pthread_mutex_destroy(&m->lock);
}
