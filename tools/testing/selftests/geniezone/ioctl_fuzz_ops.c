// SPDX-License-Identifier: GPL-2.0
/* The operations of the programs for the fuzz of the interface: see ioctl_fuzz.h */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libgzvm.h>

#include "ioctl_fuzz.h"
#include "ioctls.h"
#include "kselftest.h"
#include "tvm.h"

#define DOORBELL	0x0b000000UL
#define POOL_SIZE	20

struct fuzz_world world;

static const uint64_t gpas[POOL_SIZE] = {
	RAM_BASE, RAM_BASE, RAM_BASE, RAM_BASE + 0x1000, RAM_BASE + 0x200000,
	RAM_BASE + 0x400000, RAM_BASE - 0x1000, RAM_BASE + 8, 0, 0x1000,
	0x7fc00000, GICD_BASE, DOORBELL, DOORBELL + 4, 1ULL << 32,
	(1ULL << 40) - 0x1000, 1ULL << 40, 1ULL << 52, ~0xfffULL, ~0ULL,
};

static const uint64_t sizes[POOL_SIZE] = {
	MEM_SIZE, MEM_SIZE, 0x1000, 0x2000, 0x200000, 0x400000, 0, 1, 2, 4, 8,
	0x1ff000, 0x10000, 0x20000, 1ULL << 31, 1ULL << 40, ~0xfffULL, ~0ULL,
};

static const uint64_t caps[POOL_SIZE] = {
	0xa5, 0xffbadab1, 0xffbadab1, 0x9201, 0x9202, 0x9203, 0x9204, 0x9205,
	0x9280, 0x9281, 0x9282, 0x9283, 0x9284, 0x9285, 0, ~0ULL,
};

static const uint64_t regs[POOL_SIZE] = {
	GZ_REG_PC, GZ_REG_PC, GZ_REG_X(0), GZ_REG_X(1), GZ_REG_PSTATE,
	GZ_REG_SP_EL1, GZ_REG_ESR_EL1, GZ_REG_SYS(3, 0, 1, 0, 0),
	GZ_REG_SYS(3, 0, 0, 4, 0), GZ_REG_PC | 1ULL << 55,
	GZ_REG_PC ^ GZVM_REG_SIZE_U64, 0, ~0ULL,
};

/* Entry points of guests: code of guest_anything() below, or no code at all */
static const uint64_t values[POOL_SIZE] = {
	RAM_BASE, RAM_BASE, RAM_BASE + 0x100, RAM_BASE + 0x1000, 0x3c5, 0x3c5, 0x5,
	0, ~0ULL, 0x84000008, 0xc6000009, 0x86000001, 0xc6000003,
};

static const uint64_t numbers[POOL_SIZE] = {
	0, 1, 2, 3, 7, 8, 31, 63, 64, 511, 512, 987, 988, 0xffff, 0x80000000,
	0xffffffff, 0x01000005, 0x02000005, 0x10000001,
};

/* Unused entries of a pool are 0, which is as good as any value. */
static uint64_t choose(const uint64_t *pool, uint8_t n)
{
	return pool[n % POOL_SIZE];
}

static int vm_of(uint8_t n)
{
	return world.vm[n % 16 == 15];
}

static int vcpu_of(uint8_t n)
{
	return world.vcpu[n % 16 < NR_VCPUS ? n % 16 : 0];
}

static int event_of(uint8_t n)
{
	return n % 8 == 7 ? (int)(n / 8) - 1 : world.event[n % NR_EVENTS];
}

static int any_fd(uint8_t n)
{
	switch (n % 4) {
	case 0:
		return world.dev;
	case 1:
		return vm_of(n / 4);
	case 2:
		return vcpu_of(n / 4);
	default:
		return event_of(n / 4);
	}
}

static unsigned long pointer(uint8_t n)
{
	switch (n % 12) {
	case 0:
		return 0;
	case 1:
		return (unsigned long)world.mem;
	case 2:
		return (unsigned long)world.mem + MEM_SIZE - 4;
	case 3:
		return (unsigned long)world.readonly;
	case 4:
		return 0xffff000000000000UL;
	case 5:
		return (unsigned long)world.scratch + 1;
	default:
		return (unsigned long)world.scratch;
	}
}

static unsigned long run_pointer(uint8_t n)
{
	return n % 8 ? (unsigned long)&world.run[n % NR_VCPUS] : pointer(n / 8);
}

/* The other thread may do the same: no descriptor may get lost. */
static int replace(int *slot, int fd)
{
	int old = __atomic_exchange_n(slot, fd, __ATOMIC_SEQ_CST);

	if (old >= 0)
		close(old);
	return 0;
}

static long op_create_vm(const struct call *c)
{
	int *vm = &world.vm[c->pick[0] % NR_VMS];
	int fd = gz_ioctl(world.dev, GZVM_CREATE_VM, c->pick[1] % 16 ? 0 :
			  choose(values, c->pick[2]));

	return fd < 0 ? fd : replace(vm, fd);
}

static long op_extension(const struct call *c)
{
	uint64_t value = choose(caps, c->pick[0]);

	memcpy(world.scratch, &value, 8);
	return gz_ioctl(any_fd(c->pick[1]), GZVM_CHECK_EXTENSION,
			c->pick[2] % 8 ? (unsigned long)world.scratch :
			pointer(c->pick[3]));
}

static long op_slot(const struct call *c)
{
	struct gzvm_userspace_memory_region region = {
		.slot = choose(numbers, c->pick[0]),
		.flags = c->pick[1] % 16 ? c->pick[1] % 8 : c->pick[2],
		.guest_phys_addr = choose(gpas, c->pick[3]),
		.memory_size = choose(sizes, c->pick[4]),
		.userspace_addr = c->pick[5] % 8 ? (unsigned long)world.mem :
				  pointer(c->pick[6]),
	};

	return gz_ioctl(vm_of(c->pick[7]), GZVM_SET_USER_MEMORY_REGION,
			(unsigned long)&region);
}

static long op_create_vcpu(const struct call *c)
{
	int *vcpu = &world.vcpu[c->pick[0] % NR_VCPUS];
	int fd = gz_ioctl(vm_of(c->pick[1]), GZVM_CREATE_VCPU,
			  c->pick[2] % 4 ? c->pick[0] % 2 :
			  choose(numbers, c->pick[3]));

	return fd < 0 ? fd : replace(vcpu, fd);
}

static long op_run(const struct call *c)
{
	struct gzvm_vcpu_run *run = &world.run[c->pick[0] % NR_VCPUS];

	run->immediate_exit = c->pick[1] % 8 == 0;
	run->padding1[0] = c->pick[2] % 16 == 0;
	return gz_ioctl(vcpu_of(c->pick[0]), GZVM_RUN, c->pick[3] % 4 ?
			(unsigned long)run : run_pointer(c->pick[4]));
}

static long do_reg(const struct call *c, unsigned long request)
{
	struct gzvm_one_reg reg = {
		.id = choose(regs, c->pick[0]),
		.addr = c->pick[1] % 8 ? (unsigned long)world.scratch :
			pointer(c->pick[2]),
	};
	uint64_t value = choose(values, c->pick[3]);

	memcpy(world.scratch, &value, 8);
	return gz_ioctl(vcpu_of(c->pick[4]), request, (unsigned long)&reg);
}

static long op_set_reg(const struct call *c)
{
	return do_reg(c, GZVM_SET_ONE_REG);
}

static long op_get_reg(const struct call *c)
{
	return do_reg(c, GZVM_GET_ONE_REG);
}

static long op_irq_line(const struct call *c)
{
	struct gzvm_irq_level level = {
		.irq = choose(numbers, c->pick[0]),
		.level = c->pick[1] % 4,
	};

	return gz_ioctl(vm_of(c->pick[2]), GZVM_IRQ_LINE, (unsigned long)&level);
}

static long op_device(const struct call *c)
{
	struct gzvm_create_device device = {
		.dev_type = c->pick[0] % 3,
		.flags = c->pick[1] % 16 == 0,
		.dev_addr = c->pick[0] % 3 ? GICD_BASE - 0x40000 : GICD_BASE,
		.dev_reg_size = c->pick[0] % 3 ? 0x20000 : 0x10000,
	};

	if (c->pick[2] % 4 == 0)
		device.dev_addr = choose(gpas, c->pick[3]);
	if (c->pick[4] % 4 == 0) {
		device.attr_addr = pointer(c->pick[5]);
		device.attr_size = choose(sizes, c->pick[6]);
	}
	return gz_ioctl(vm_of(c->pick[7]), GZVM_CREATE_DEVICE,
			(unsigned long)&device);
}

static long op_enable_cap(const struct call *c)
{
	struct gzvm_enable_cap cap = {
		.cap = c->pick[0] % 4 ? GZVM_CAP_PROTECTED_VM :
		       choose(caps, c->pick[1]),
		.args = { c->pick[2] % 4, choose(gpas, c->pick[3]) },
	};

	return gz_ioctl(vm_of(c->pick[4]), GZVM_ENABLE_CAP,
			(unsigned long)&cap);
}

static long op_irqfd(const struct call *c)
{
	struct gzvm_irqfd args = {
		.fd = event_of(c->pick[0]),
		.gsi = choose(numbers, c->pick[1]),
		.flags = c->pick[2] % 16 ? c->pick[2] % 4 : c->pick[3],
		.resamplefd = event_of(c->pick[4]),
	};

	args.pad[c->pick[5] % 16] = c->pick[6] % 16 == 0;
	return gz_ioctl(vm_of(c->pick[7]), GZVM_IRQFD, (unsigned long)&args);
}

static long op_ioeventfd(const struct call *c)
{
	struct gzvm_ioeventfd args = {
		.datamatch = c->pick[0] % 4,
		.addr = c->pick[1] % 4 ? DOORBELL : choose(gpas, c->pick[2]),
		.len = c->pick[3] % 8 ? 4 : choose(sizes, c->pick[4]),
		.fd = event_of(c->pick[5]),
		.flags = c->pick[6] % 16 ? c->pick[6] % 8 & 5 : c->pick[7],
	};

	args.pad[c->pick[8] % 36] = c->pick[9] % 16 == 0;
	return gz_ioctl(vm_of(c->pick[10]), GZVM_IOEVENTFD,
			(unsigned long)&args);
}

static long op_dtb(const struct call *c)
{
	struct gzvm_dtb_config dtb = {
		.dtb_addr = choose(gpas, c->pick[0]),
		.dtb_size = choose(sizes, c->pick[1]),
	};

	return gz_ioctl(vm_of(c->pick[2]), GZVM_SET_DTB_CONFIG,
			(unsigned long)&dtb);
}

/* Any number, with any pointer, on any file */
static long op_wrong(const struct call *c)
{
#define NUMBER(name, number)	name,
	static const uint32_t requests[] = {
		GZ_IOCTLS(NUMBER)
		GZVM_SET_MEMORY_REGION, GZVM_CREATE_IRQCHIP,
	};
	uint32_t request = requests[c->pick[0] % ARRAY_SIZE(requests)];

	if (c->pick[1] % 4 == 0)
		request ^= 1U << c->pick[2] % 32;
	/* op_run() makes the real runs. */
	if (request == GZVM_CREATE_VM || request == GZVM_CREATE_VCPU)
		return -EINVAL;
	return gz_ioctl(any_fd(c->pick[3]), request, pointer(c->pick[4]));
}

static int *any_slot(uint8_t n)
{
	switch (n % 3) {
	case 0:
		return &world.vm[n / 3 % NR_VMS];
	case 1:
		return &world.vcpu[n / 3 % NR_VCPUS];
	default:
		return &world.event[n / 3 % NR_EVENTS];
	}
}

static long op_close(const struct call *c)
{
	int old = __atomic_exchange_n(any_slot(c->pick[0]), -1,
				      __ATOMIC_SEQ_CST);

	return old >= 0 ? close(old) : -EBADF;
}

static long op_event(const struct call *c)
{
	int *slot = &world.event[c->pick[0] % NR_EVENTS];
	int fd;

	if (*slot >= 0)
		return 0;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fd < 0 ? -errno : replace(slot, fd);
}

static long op_signal_event(const struct call *c)
{
	return eventfd_write(world.event[c->pick[0] % NR_EVENTS], 1) ? -errno : 0;
}

/* Under a live slot: pages that the guest does not have yet must follow. */
static long op_remap(const struct call *c)
{
	size_t offset = c->pick[0] * 0x8000UL % MEM_SIZE;
	size_t size = 0x1000UL << c->pick[1] % 10;
	char *at = world.mem + offset;

	if (size > MEM_SIZE - offset)
		size = MEM_SIZE - offset;
	switch (c->pick[2] % 5) {
	case 0:
		return madvise(at, size, MADV_DONTNEED) ? -errno : 0;
	case 1:
		return madvise(at, size, MADV_REMOVE) ? -errno : 0;
	case 2:
		return mprotect(at, size, PROT_READ) ? -errno : 0;
	case 3:
		return munmap(at, size) ? -errno : 0;
	default:
		at = mmap(at, size, PROT_READ | PROT_WRITE,
			  MAP_FIXED | MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		madvise(at, size, MADV_DONTFORK);
		return at == MAP_FAILED ? -errno : 0;
	}
}

static long op_misuse(const struct call *c)
{
	int fd = any_fd((c->pick[0] & ~3) | c->pick[0] % 3);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	void *p;

	switch (c->pick[1] % 5) {
	case 0:
		return read(fd, world.scratch, 8) < 0 ? -errno : 0;
	case 1:
		return write(fd, world.scratch, 8) < 0 ? -errno : 0;
	case 2:
		return poll(&poll_fd, 1, 0) < 0 ? -errno : 0;
	case 3:
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			return -errno;
		munmap(p, 4096);
		return 0;
	default:
		fd = dup(fd);
		return fd < 0 ? -errno : close(fd);
	}
}

const struct fuzz_op fuzz_ops[NR_OPS] = {
	[OP_CREATE_VM] = { "create VM", op_create_vm, 2 },
	[OP_EXTENSION] = { "extension", op_extension, 1 },
	[OP_SLOT] = { "slot", op_slot, 4 },
	[OP_CREATE_VCPU] = { "create vCPU", op_create_vcpu, 4 },
	[OP_RUN] = { "run", op_run, 10 },
	[OP_SET_REG] = { "set register", op_set_reg, 4 },
	[OP_GET_REG] = { "get register", op_get_reg, 1 },
	[OP_IRQ_LINE] = { "irq line", op_irq_line, 3 },
	[OP_DEVICE] = { "device", op_device, 2 },
	[OP_ENABLE_CAP] = { "enable cap", op_enable_cap, 1 },
	[OP_IRQFD] = { "irqfd", op_irqfd, 4 },
	[OP_IOEVENTFD] = { "ioeventfd", op_ioeventfd, 4 },
	[OP_DTB] = { "dtb", op_dtb, 1 },
	[OP_WRONG] = { "wrong", op_wrong, 2 },
	[OP_CLOSE] = { "close", op_close, 2 },
	[OP_EVENT] = { "event", op_event, 2 },
	[OP_SIGNAL_EVENT] = { "signal event", op_signal_event, 3 },
	[OP_REMAP] = { "remap", op_remap, 2 },
	[OP_MISUSE] = { "misuse", op_misuse, 1 },
};
