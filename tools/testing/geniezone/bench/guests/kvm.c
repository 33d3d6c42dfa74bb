// SPDX-License-Identifier: GPL-2.0
/*
 * gzrun on KVM, for comparison: the objects of gzrun and of its library as they are,
 * but the linker sends some of their calls here (-Wl,--wrap): ioctl(), open(), close(),
 * sigaction() and seccomp_load(). An ioctl of the driver becomes one of KVM, and an
 * exit of KVM one of the driver. All else goes to the C library.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/gzvm.h>
#include <linux/kvm.h>

#include <libgzvm.h>

#include "wrap.h"

#define NR_IRQS		128
#define MAX_FDS		256

/* A process has one VM at a time. A guest that is reset gets a new one. */
static int kvm_fd = -1, gic_fd = -1;
static bool gic_ready;
static long run_size;

/* The pages that KVM_RUN and this process share, by the descriptor of the vCPU */
static struct kvm_run *runs[MAX_FDS];

/* That of the vCPU that this thread runs, for the handler of signals */
static __thread struct kvm_run *this_run;
static void (*kick_handler)(int sig);

static int set_gic(uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};

	return __real_ioctl(gic_fd, KVM_SET_DEVICE_ATTR, &a);
}

static int create_vm(void)
{
	int fd = __real_ioctl(kvm_fd, KVM_CREATE_VM, 0);

	run_size = __real_ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	gic_ready = false;
	return run_size < 0 ? -1 : fd;
}

static int set_region(int vm, const struct gzvm_userspace_memory_region *gz)
{
	struct kvm_userspace_memory_region region = {
		.slot = gz->slot,
		.guest_phys_addr = gz->guest_phys_addr,
		.memory_size = gz->memory_size,
		.userspace_addr = gz->userspace_addr,
	};

	return __real_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int create_distributor(int vm, uint64_t base)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	uint32_t irqs = NR_IRQS;

	if (__real_ioctl(vm, KVM_CREATE_DEVICE, &dev))
		return -1;
	gic_fd = dev.fd;
	return set_gic(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs) ?:
	       set_gic(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
		       &base);
}

/* Count, base and index of a region of redistributors */
static int create_redistributors(const struct gzvm_create_device *dev)
{
	uint64_t region = dev->dev_reg_size / GZ_GICR_STRIDE << 52 | dev->dev_addr;

	return set_gic(KVM_DEV_ARM_VGIC_GRP_ADDR,
		       KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &region);
}

static int create_device(int vm, const struct gzvm_create_device *dev)
{
	if (dev->dev_type == GZVM_DEV_TYPE_ARM_VGIC_V3_DIST)
		return create_distributor(vm, dev->dev_addr);
	return create_redistributors(dev);
}

static int create_vcpu(int vm, long id)
{
	struct kvm_vcpu_init init = { };
	int fd = __real_ioctl(vm, KVM_CREATE_VCPU, id);

	if (fd < 0 || fd >= MAX_FDS)
		return -1;
	runs[fd] = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (runs[fd] == MAP_FAILED ||
	    __real_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init))
		return -1;
	init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
	if (id)
		init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF;
	return __real_ioctl(fd, KVM_ARM_VCPU_INIT, &init) ? -1 : fd;
}

/* KVM accepts irqfds when the controller is complete: it knows all vCPUs */
static int set_irqfd(int vm, const struct gzvm_irqfd *gz)
{
	struct kvm_irqfd irqfd = { .fd = gz->fd, .gsi = gz->gsi };

	if (gz->flags & GZVM_IRQFD_FLAG_RESAMPLE) {
		irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = gz->resamplefd;
	}
	if (!gic_ready && set_gic(KVM_DEV_ARM_VGIC_GRP_CTRL,
				  KVM_DEV_ARM_VGIC_CTRL_INIT, NULL))
		return -1;
	gic_ready = true;
	return __real_ioctl(vm, KVM_IRQFD, &irqfd);
}

static int set_ioeventfd(int vm, const struct gzvm_ioeventfd *gz)
{
	struct kvm_ioeventfd io = {
		.datamatch = gz->datamatch,
		.addr = gz->addr,
		.len = gz->len,
		.fd = gz->fd,
	};

	if (gz->flags & GZVM_IOEVENTFD_FLAG_DATAMATCH)
		io.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
	return __real_ioctl(vm, KVM_IOEVENTFD, &io);
}

/* The value that the guest reads is in the run structure since the last exit */
static void finish_read(struct kvm_run *kvm, const struct gzvm_vcpu_run *gz)
{
	if (gz->exit_reason == GZVM_EXIT_MMIO && !gz->mmio.is_write)
		memcpy(kvm->mmio.data, gz->mmio.data, sizeof(kvm->mmio.data));
}

static void take_exit(struct gzvm_vcpu_run *gz, const struct kvm_run *kvm)
{
	switch (kvm->exit_reason) {
	case KVM_EXIT_MMIO:
		gz->exit_reason = GZVM_EXIT_MMIO;
		gz->mmio.phys_addr = kvm->mmio.phys_addr;
		gz->mmio.size = kvm->mmio.len;
		gz->mmio.is_write = kvm->mmio.is_write;
		memcpy(gz->mmio.data, kvm->mmio.data, sizeof(kvm->mmio.data));
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		/* Both have the same types */
		gz->exit_reason = GZVM_EXIT_SYSTEM_EVENT;
		gz->system_event.type = kvm->system_event.type;
		break;
	default:
		gz->exit_reason = GZVM_EXIT_UNKNOWN;
	}
}

/*
 * A kick that arrives before KVM_RUN begins makes it return, as immediate_exit is
 * already set. The caller looks for its reason after that, so only then it is cleared.
 */
static int run_vcpu(int fd, struct gzvm_vcpu_run *gz)
{
	struct kvm_run *kvm = runs[fd];
	int ret;

	this_run = kvm;
	finish_read(kvm, gz);
	gz->exit_reason = GZVM_EXIT_UNKNOWN;
	ret = __real_ioctl(fd, KVM_RUN, 0);
	if (ret)
		kvm->immediate_exit = 0;
	else
		take_exit(gz, kvm);
	return ret;
}

static void kick(int sig)
{
	if (this_run)
		this_run->immediate_exit = 1;
	kick_handler(sig);
}

int __wrap_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction own;

	if (sig != GZ_KICK_SIGNAL || !act)
		return __real_sigaction(sig, act, old);
	own = *act;
	kick_handler = act->sa_handler;
	own.sa_handler = kick;
	return __real_sigaction(sig, &own, old);
}

/* In place of the driver's ioctls, which the filter allows as well */
static const unsigned int kvm_ioctls[] = {
	KVM_RUN, KVM_GET_ONE_REG, KVM_SET_ONE_REG, KVM_CREATE_VM,
	KVM_GET_VCPU_MMAP_SIZE, KVM_CREATE_DEVICE, KVM_SET_DEVICE_ATTR,
	KVM_SET_USER_MEMORY_REGION, KVM_CREATE_VCPU, KVM_ARM_PREFERRED_TARGET,
	KVM_ARM_VCPU_INIT, KVM_IRQFD, KVM_IOEVENTFD,
};

/* The sandbox of gzrun */
int __wrap_seccomp_load(scmp_filter_ctx ctx)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < sizeof(kvm_ioctls) / sizeof(*kvm_ioctls); i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, kvm_ioctls[i], 0));
	return ret ? ret : __real_seccomp_load(ctx);
}

int __wrap_open(const char *path, int flags, ...)
{
	unsigned int mode;
	va_list args;

	va_start(args, flags);
	mode = va_arg(args, unsigned int);
	va_end(args);
	if (strcmp(path, GZ_DEV_PATH))
		return __real_open(path, flags, mode);
	kvm_fd = __real_open("/dev/kvm", flags, mode);
	return kvm_fd;
}

/* A VM exists until nothing refers to it, and these do */
int __wrap_close(int fd)
{
	if (fd >= 0 && fd < MAX_FDS && runs[fd]) {
		munmap(runs[fd], run_size);
		runs[fd] = NULL;
	}
	if (fd == kvm_fd && gic_fd >= 0) {
		__real_close(gic_fd);
		gic_fd = -1;
	}
	return __real_close(fd);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	unsigned long value;
	va_list args;
	void *arg;

	va_start(args, request);
	value = va_arg(args, unsigned long);
	va_end(args);
	arg = (void *)value;
	switch (request) {
	case GZVM_RUN:
		return run_vcpu(fd, arg);
	case GZVM_CREATE_VM:
		return create_vm();
	case GZVM_CREATE_VCPU:
		return create_vcpu(fd, value);
	case GZVM_SET_USER_MEMORY_REGION:
		return set_region(fd, arg);
	case GZVM_CREATE_DEVICE:
		return create_device(fd, arg);
	case GZVM_IRQFD:
		return set_irqfd(fd, arg);
	case GZVM_IOEVENTFD:
		return set_ioeventfd(fd, arg);
	/* Both have the same numbers of registers, in the same structure */
	case GZVM_SET_ONE_REG:
		return __real_ioctl(fd, KVM_SET_ONE_REG, arg);
	case GZVM_GET_ONE_REG:
		return __real_ioctl(fd, KVM_GET_ONE_REG, arg);
	case GZVM_SET_DTB_CONFIG:
		return 0;
	case GZVM_CHECK_EXTENSION:
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_ioctl(fd, request, value);
}
