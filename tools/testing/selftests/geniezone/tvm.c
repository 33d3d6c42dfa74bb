// SPDX-License-Identifier: GPL-2.0
/* Tiny VMs: creation, guest code, runs, end. */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <libgzvm.h>

#include "tvm.h"

/* Bounds of the section with guest code, set by the linker */
extern char __start_guest_text[], __stop_guest_text[];

/**
 * tvm_gpa_of() - the address of guest code in the guest
 * @guest_symbol: a GUEST function
 *
 * Return: guest physical address.
 */
uint64_t tvm_gpa_of(const void *guest_symbol)
{
	return RAM_BASE + ((const char *)guest_symbol - __start_guest_text);
}

/**
 * tvm_at() - the address of guest RAM in this process
 * @t: tiny VM
 * @gpa: guest physical address in RAM
 *
 * Return: pointer.
 */
void *tvm_at(struct tvm *t, uint64_t gpa)
{
	return gz_memory_at(&t->mem, gpa, 1);
}

/**
 * tvm_load_code() - copy the guest code into RAM
 * @t: tiny VM that has RAM
 *
 * Return: 0 or -errno.
 */
int tvm_load_code(struct tvm *t)
{
	size_t size = __stop_guest_text - __start_guest_text;

	if (size > CODE_SIZE)
		return -E2BIG;
	memcpy(t->mem.hva, __start_guest_text, size);
	return 0;
}

/**
 * __tvm_create_sized() - create a VM with RAM, interrupt controller and vCPUs
 * @t: filled in; tvm_destroy() accepts it after a failure as well
 * @nr_vcpus: number of vCPUs; none of them has an entry point yet
 * @ram: bytes of RAM, at least FREE_BASE - RAM_BASE
 *
 * Return: 0 or -errno; -ENOENT if there is no /dev/gzvm.
 */
int __tvm_create_sized(struct tvm *t, unsigned int nr_vcpus, uint64_t ram)
{
	int ret;

	memset(t, 0, sizeof(*t));
	ret = gz_vm_create(&t->vm);
	if (!ret)
		ret = gz_memory_alloc(&t->mem, RAM_BASE, ram);
	if (!ret)
		ret = tvm_load_code(t);
	if (!ret)
		ret = gz_memory_attach(&t->mem, &t->vm, TVM_RAM_SLOT);
	if (!ret)
		ret = gz_gic_create(&t->vm, GICD_BASE, nr_vcpus);
	while (!ret && t->nr_vcpus < nr_vcpus) {
		ret = gz_vcpu_create(&t->vm, &t->vcpus[t->nr_vcpus],
				     t->nr_vcpus);
		if (!ret)
			t->nr_vcpus++;
	}
	return ret;
}

/**
 * __tvm_create() - the same with RAM_SIZE bytes
 * @t: filled in
 * @nr_vcpus: number of vCPUs
 *
 * Return: 0 or -errno; -ENOENT if there is no /dev/gzvm.
 */
int __tvm_create(struct tvm *t, unsigned int nr_vcpus)
{
	return __tvm_create_sized(t, nr_vcpus, RAM_SIZE);
}

/**
 * tvm_destroy() - destroy a VM
 * @t: from __tvm_create()
 */
void tvm_destroy(struct tvm *t)
{
	while (t->nr_vcpus)
		gz_vcpu_destroy(&t->vcpus[--t->nr_vcpus]);
	gz_vm_destroy(&t->vm);
	gz_memory_free(&t->mem);
}

/**
 * tvm_write_boot() - set the function that a vCPU calls after guest_entry
 * @t: tiny VM
 * @id: vCPU
 * @fn: GUEST function
 * @arg: its argument
 */
void tvm_write_boot(struct tvm *t, unsigned int id, guest_fn fn, uint64_t arg)
{
	struct guest_boot *boot = tvm_at(t, BOOT_BASE);

	boot[id].fn = tvm_gpa_of((const void *)fn);
	boot[id].sp = STACK_BASE + (id + 1) * STACK_SIZE;
	boot[id].arg = arg;
}

/**
 * __tvm_enter() - make a vCPU start with a function
 * @t: tiny VM
 * @id: vCPU
 * @fn: GUEST function
 * @arg: its argument
 *
 * Return: 0 or -errno.
 */
int __tvm_enter(struct tvm *t, unsigned int id, guest_fn fn, uint64_t arg)
{
	struct gz_vcpu *vcpu = &t->vcpus[id];
	int ret;

	tvm_write_boot(t, id, fn, arg);
	ret = gz_vcpu_set_reg(vcpu, GZ_REG_X(0),
			      BOOT_BASE + id * sizeof(struct guest_boot));
	if (!ret)
		ret = gz_vcpu_set_reg(vcpu, GZ_REG_PC,
				      tvm_gpa_of(guest_entry));
	if (!ret)
		ret = gz_vcpu_set_reg(vcpu, GZ_REG_PSTATE, GZ_PSTATE_BOOT);
	return ret;
}

/**
 * __vcpu_run() - run to an exit
 * @vcpu: the vCPU
 *
 * Return: 0 or -errno, but neither -EINTR nor -EAGAIN.
 */
int __vcpu_run(struct gz_vcpu *vcpu)
{
	int ret;

	do {
		ret = gz_vcpu_run(vcpu);
	} while (ret == -EINTR || ret == -EAGAIN);
	return ret;
}

static bool is_write_to(const struct gz_vcpu *vcpu, uint64_t port)
{
	return vcpu->run.exit_reason == GZVM_EXIT_MMIO &&
	       vcpu->run.mmio.is_write && vcpu->run.mmio.phys_addr == port;
}

static uint64_t mmio_value(const struct gz_vcpu *vcpu)
{
	uint64_t value;

	memcpy(&value, vcpu->run.mmio.data, sizeof(value));
	return value;
}

/* The guest has taken an unexpected exception. */
static void show_abort(struct gz_vcpu *vcpu)
{
	uint64_t esr = mmio_value(vcpu), elr, far;

	__vcpu_run(vcpu);
	elr = mmio_value(vcpu);
	__vcpu_run(vcpu);
	far = mmio_value(vcpu);
	printf("# guest exception: ESR 0x%llx ELR 0x%llx FAR 0x%llx\n",
	       (unsigned long long)esr, (unsigned long long)elr,
	       (unsigned long long)far);
}

/**
 * __vcpu_run_to_sync() - run to the guest's next guest_sync()
 * @vcpu: the vCPU
 * @value: receives the guest's number
 *
 * Return: 0, -EFAULT if the guest has taken an exception, -EPROTO after another exit, or
 * -errno.
 */
int __vcpu_run_to_sync(struct gz_vcpu *vcpu, uint64_t *value)
{
	int ret = __vcpu_run(vcpu);

	if (ret)
		return ret;
	if (is_write_to(vcpu, PORT_ABORT)) {
		show_abort(vcpu);
		return -EFAULT;
	}
	if (!is_write_to(vcpu, PORT_SYNC))
		return -EPROTO;
	*value = mmio_value(vcpu);
	return 0;
}

/**
 * exit_name() - describe an exit for a message
 * @vcpu: the vCPU
 *
 * Return: static text.
 */
const char *exit_name(const struct gz_vcpu *vcpu)
{
	static const char * const names[] = {
		"UNKNOWN", "MMIO", "HYPERCALL", "IRQ", "EXCEPTION", "DEBUG",
		"FAIL_ENTRY", "INTERNAL_ERROR", "SYSTEM_EVENT", "SHUTDOWN",
		"GZ", "IDLE",
	};
	static char text[128];
	uint32_t n = vcpu->run.exit_reason - GZVM_EXIT_UNKNOWN;

	if (n >= sizeof(names) / sizeof(*names))
		snprintf(text, sizeof(text), "0x%x", vcpu->run.exit_reason);
	else if (vcpu->run.exit_reason == GZVM_EXIT_MMIO)
		snprintf(text, sizeof(text), "MMIO %s 0x%llx size %llu",
			 vcpu->run.mmio.is_write ? "write" : "read",
			 (unsigned long long)vcpu->run.mmio.phys_addr,
			 (unsigned long long)vcpu->run.mmio.size);
	else
		snprintf(text, sizeof(text), "%s %u %u", names[n],
			 vcpu->run.system_event.type,
			 vcpu->run.system_event.ndata);
	return text;
}

/**
 * wait_for_change() - wait until a running guest changes its memory
 * @p: guest memory
 * @old: its value so far
 *
 * The harness's timeout ends a test whose guest never does that.
 */
void wait_for_change(const uint64_t *p, uint64_t old)
{
	while (__atomic_load_n(p, __ATOMIC_ACQUIRE) == old)
		sched_yield();
}
