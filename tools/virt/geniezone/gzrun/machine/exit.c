// SPDX-License-Identifier: GPL-2.0
/* Exits of the guest, errors, and the end of a machine. */

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include <libgzvm.h>

#include "log.h"
#include "machine/machine.h"

/**
 * gz_machine_fail() - print an error
 * @what: the step that failed
 * @err: -errno
 *
 * Return: @err.
 */
int gz_machine_fail(const char *what, int err)
{
	gz_error("%s: %s", what, strerror(-err));
	if (err == -ENOMEM)
		gz_error("guest memory is locked memory: raise ulimit -l, or make --mem smaller");
	return err;
}

/**
 * gz_machine_end() - request the end of the machine
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

static enum gz_end system_event(const struct gzvm_vcpu_run *run)
{
	switch (run->system_event.type) {
	case GZVM_SYSTEM_EVENT_SHUTDOWN:
		return GZ_END_POWEROFF;
	case GZVM_SYSTEM_EVENT_RESET:
		return GZ_END_RESET;
	case GZVM_SYSTEM_EVENT_CRASH:
		return GZ_END_CRASH;
	case GZVM_SYSTEM_EVENT_SUSPEND:
		/* GZVM_RUN waits until an interrupt wakes the guest. */
		gz_info("the guest sleeps");
		return GZ_END_NONE;
	}
	gz_error("unknown system event %u",
		 run->system_event.type);
	return GZ_END_UNKNOWN;
}

/* The data are the hypervisor's own; the first is there whatever it says. */
static enum gz_end internal_error(const struct gz_vcpu *vcpu)
{
	const struct gzvm_vcpu_run *run = &vcpu->run;
	unsigned int i;

	gz_error("vCPU %u: internal error, suberror %u, data 0x%llx",
		 vcpu->id, run->internal.suberror,
		 (unsigned long long)run->internal.data[0]);
	for (i = 1; i < run->internal.ndata && i < 16; i++)
		gz_error("vCPU %u: data %u: 0x%llx", vcpu->id, i,
			 (unsigned long long)run->internal.data[i]);
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
	gz_error("vCPU %u: unknown exit reason 0x%x", vcpu->id,
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
	 * If a device has ended the machine, do not enter the guest again, so
	 * that the registers show where the guest was.
	 */
	if (!gz_bus_mmio(&m->bus, &vcpu->run))
		return end_of(m);
	gz_error("vCPU %u: access of %llu bytes at 0x%llx", vcpu->id,
		 (unsigned long long)vcpu->run.mmio.size,
		 (unsigned long long)vcpu->run.mmio.phys_addr);
	return GZ_END_INTERNAL;
}

/* SMCCC: an unknown call returns -1. */
static enum gz_end unknown_call(struct gz_vcpu *vcpu)
{
	gz_info("vCPU %u: unknown hypercall 0x%llx", vcpu->id,
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

/**
 * gz_machine_exit() - handle an exit of a vCPU
 * @vcpu: the vCPU
 * @arg: the machine
 *
 * Return: 0 to enter the guest again, otherwise why the machine ends.
 */
int gz_machine_exit(struct gz_vcpu *vcpu, void *arg)
{
	struct gz_machine *m = arg;
	enum gz_end end = dispatch(m, vcpu);

	if (end != GZ_END_NONE)
		gz_machine_end(m, end);
	return end;
}
