// SPDX-License-Identifier: GPL-2.0
/*
 * A small complete VMM that uses the ioctls of /dev/gzvm directly.
 *
 * The guest has 2 MiB of memory, an interrupt controller and one vCPU. Its code
 * writes a text, byte by byte, to an address without memory, which is the VMM's
 * only device. Then it powers itself off.
 */

#include <err.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <asm/ptrace.h>
#include <linux/gzvm.h>

#define RAM_BASE	0x80000000UL
#define RAM_SIZE	0x200000UL
#define UART_BASE	0x09000000UL
#define GICD_BASE	0x3fff0000UL
#define GICD_SIZE	0x10000UL
#define GICR_SIZE	0x20000UL

/* EL1h with debug exceptions, SError, IRQ and FIQ masked */
#define PSTATE_BOOT	0x3c5

#define CORE_REG(field)							\
	(GZVM_REG_ARM64 | GZVM_REG_SIZE_U64 | GZVM_REG_ARM_CORE |	\
	 (offsetof(struct user_pt_regs, field) / sizeof(__u32)))

static const uint32_t code[] = {
	0xd2a12001,	/*	mov	x1, #UART_BASE	*/
	0x10000102,	/*	adr	x2, text	*/
	0x38401440,	/* 1:	ldrb	w0, [x2], #1	*/
	0x34000060,	/*	cbz	w0, 2f		*/
	0x39000020,	/*	strb	w0, [x1]	*/
	0x17fffffd,	/*	b	1b		*/
	0x52800100,	/* 2:	mov	w0, #0x8	*/
	0x72b08000,	/*	movk	w0, #0x8400, lsl #16	*/
	0xd4000002,	/*	hvc	#0		*/
};			/* text:			*/

static const char text[] = "Hello from the guest\n";

static void set_reg(int vcpu, uint64_t id, uint64_t value)
{
	struct gzvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	if (ioctl(vcpu, GZVM_SET_ONE_REG, &reg))
		err(1, "GZVM_SET_ONE_REG");
}

static void create_device(int vm, uint32_t type, uint64_t addr, uint64_t size)
{
	struct gzvm_create_device dev = {
		.dev_type = type,
		.dev_addr = addr,
		.dev_reg_size = size,
	};

	if (ioctl(vm, GZVM_CREATE_DEVICE, &dev))
		err(1, "GZVM_CREATE_DEVICE");
}

static void add_memory(int vm)
{
	struct gzvm_userspace_memory_region ram = {
		.slot = 0,
		.flags = GZVM_USER_MEM_REGION_GUEST_MEM,
		.guest_phys_addr = RAM_BASE,
		.memory_size = RAM_SIZE,
	};
	char *mem = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	memcpy(mem, code, sizeof(code));
	memcpy(mem + sizeof(code), text, sizeof(text));
	ram.userspace_addr = (uintptr_t)mem;
	if (ioctl(vm, GZVM_SET_USER_MEMORY_REGION, &ram))
		err(1, "GZVM_SET_USER_MEMORY_REGION");
}

/* Returns the exit status when the guest has ended. */
static int run(int vcpu)
{
	struct gzvm_vcpu_run run = { 0 };

	for (;;) {
		if (ioctl(vcpu, GZVM_RUN, &run))
			err(1, "GZVM_RUN");
		switch (run.exit_reason) {
		case GZVM_EXIT_MMIO:
			if (run.mmio.is_write && run.mmio.phys_addr == UART_BASE)
				putchar(run.mmio.data[0]);
			break;
		case GZVM_EXIT_SYSTEM_EVENT:
			return run.system_event.type != GZVM_SYSTEM_EVENT_SHUTDOWN;
		case GZVM_EXIT_IRQ:
		case GZVM_EXIT_GZ:
			break;
		default:
			errx(1, "exit reason 0x%x", run.exit_reason);
		}
	}
}

int main(void)
{
	int dev, vm, vcpu;

	dev = open("/dev/gzvm", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		err(1, "/dev/gzvm");
	vm = ioctl(dev, GZVM_CREATE_VM, 0);
	if (vm < 0)
		err(1, "GZVM_CREATE_VM");
	add_memory(vm);
	create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_DIST, GICD_BASE, GICD_SIZE);
	create_device(vm, GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST,
		      GICD_BASE - GICR_SIZE, GICR_SIZE);
	vcpu = ioctl(vm, GZVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		err(1, "GZVM_CREATE_VCPU");
	set_reg(vcpu, CORE_REG(pc), RAM_BASE);
	set_reg(vcpu, CORE_REG(pstate), PSTATE_BOOT);
	return run(vcpu);
}
