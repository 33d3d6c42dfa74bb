// SPDX-License-Identifier: GPL-2.0
/* A machine whose memory the host cannot access */

#include <errno.h>

#include <linux/gzvm.h>

#include "log.h"
#include "machine/machine.h"

static int enable(const struct gz_machine *m, uint64_t what, uint64_t *value)
{
	struct gzvm_enable_cap cap = {
		.cap = GZVM_CAP_PROTECTED_VM,
		.args = { what, *value },
	};
	int ret = gz_ioctl(m->vm.fd, GZVM_ENABLE_CAP, (unsigned long)&cap);

	*value = cap.args[1];
	return ret;
}

/**
 * gz_machine_can_protect() - check that the hypervisor can protect VMs
 * @m: the machine, with a VM
 *
 * Return: 0, or -errno after gz_error() has printed a message.
 */
int gz_machine_can_protect(const struct gz_machine *m)
{
	uint64_t value;
	int ret = gz_check_cap(m->vm.dev_fd, GZVM_CAP_PROTECTED_VM, &value);

	if (!ret && value == 1)
		return 0;
	gz_error("--protected: this hypervisor cannot protect VMs");
	return ret ? ret : -EOPNOTSUPP;
}

/* The hypervisor's firmware overwrites the memory at its place. */
static int check_firmware(const struct gz_machine *m)
{
	uint64_t size = 0;
	int ret = enable(m, GZVM_CAP_PVM_GET_PVMFW_SIZE, &size);

	if (ret)
		size = 0;
	gz_info("the hypervisor has firmware of %llu bytes",
		(unsigned long long)size);
	if (m->cfg.pvmfw == GZ_PVMFW_HYP && (!size || size > m->firmware.size)) {
		gz_error("--pvmfw hyp: the hypervisor has no firmware, or it is too large");
		return -ENOENT;
	}
	if (m->cfg.pvmfw == GZ_PVMFW_FILE && size) {
		gz_error("--pvmfw %s: this hypervisor only runs firmware of its own: --pvmfw hyp",
			 m->cfg.pvmfw_path);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int set_firmware(const struct gz_machine *m)
{
	uint64_t gpa = m->firmware.gpa;
	int ret = check_firmware(m);

	if (ret)
		return ret;
	ret = enable(m, GZVM_CAP_PVM_SET_PVMFW_GPA, &gpa);
	if (ret)
		gz_machine_fail("--pvmfw: the hypervisor rejects it", ret);
	return ret;
}

/**
 * gz_machine_protect() - protect the VM from its first run on
 * @m: the machine; the VM has all its memory and no vCPU yet
 *
 * After the first run, this process may only access @m->dma.
 *
 * Return: 0, or -errno after gz_error() has printed a message.
 */
int gz_machine_protect(const struct gz_machine *m)
{
	uint64_t none = 0;
	int ret;

	if (m->firmware.hva) {
		ret = set_firmware(m);
		if (ret)
			return ret;
	}
	ret = enable(m, GZVM_CAP_PVM_SET_PROTECTED_VM, &none);
	if (ret)
		gz_machine_fail("cannot protect the VM", ret);
	return ret;
}
