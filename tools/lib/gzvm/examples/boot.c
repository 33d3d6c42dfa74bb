// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that boots Linux, with libgzvm: usage: boot IMAGE INITRD [PARAMS]
 *
 * The guest has 256 MiB of memory, one vCPU and a serial port for output, which
 * has no interrupt.
 *
 *	0x0f800000	serial port
 *	0x3fff0000	distributor of the GIC; the redistributor is below it
 *	0x80000000	RAM: kernel, then device tree and initrd at fixed places
 */

#include <endian.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/serial_reg.h>

#include <libgzvm.h>

#define UART_BASE	0x0f800000UL
#define GICD_BASE	0x3fff0000UL
#define RAM_BASE	0x80000000UL
#define RAM_SIZE	(256UL << 20)
#define FDT_BASE	(RAM_BASE + (128UL << 20))
#define FDT_SIZE	0x10000UL
#define INITRD_BASE	(FDT_BASE + (2UL << 20))
#define GIC_PHANDLE	1

/**
 * struct fdt - a flattened device tree that is being written
 * @nodes: structure block, big endian
 * @nr: cells in @nodes
 * @names: strings block
 * @len: bytes in @names
 */
struct fdt {
	uint32_t nodes[1024];
	unsigned int nr;
	char names[1024];
	unsigned int len;
};

static void cell(struct fdt *fdt, uint32_t value)
{
	fdt->nodes[fdt->nr++] = htobe32(value);
}

static void bytes(struct fdt *fdt, const void *data, size_t len)
{
	memcpy(&fdt->nodes[fdt->nr], data, len);
	fdt->nr += (len + 3) / 4;
}

static void begin(struct fdt *fdt, const char *name)
{
	cell(fdt, 1);
	bytes(fdt, name, strlen(name) + 1);
}

static void end(struct fdt *fdt)
{
	cell(fdt, 2);
}

static void prop(struct fdt *fdt, const char *name, const void *data, size_t len)
{
	cell(fdt, 3);
	cell(fdt, len);
	cell(fdt, fdt->len);
	bytes(fdt, data, len);
	memcpy(fdt->names + fdt->len, name, strlen(name) + 1);
	fdt->len += strlen(name) + 1;
}

static void prop_string(struct fdt *fdt, const char *name, const char *value)
{
	prop(fdt, name, value, strlen(value) + 1);
}

static void prop_cells(struct fdt *fdt, const char *name, const uint32_t *values,
		       unsigned int nr)
{
	uint32_t be[16];
	unsigned int i;

	for (i = 0; i < nr; i++)
		be[i] = htobe32(values[i]);
	prop(fdt, name, be, nr * sizeof(*be));
}

#define CELLS(fdt, name, ...)						\
	prop_cells(fdt, name, (const uint32_t[]){ __VA_ARGS__ },	\
		   sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static void chosen(struct fdt *fdt, const char *params, size_t initrd_size)
{
	begin(fdt, "chosen");
	prop_string(fdt, "bootargs", params);
	prop_string(fdt, "stdout-path", "/serial");
	CELLS(fdt, "linux,initrd-start", INITRD_BASE);
	CELLS(fdt, "linux,initrd-end", INITRD_BASE + initrd_size);
	end(fdt);
	begin(fdt, "memory");
	prop_string(fdt, "device_type", "memory");
	CELLS(fdt, "reg", RAM_BASE, RAM_SIZE);
	end(fdt);
}

static void processor(struct fdt *fdt)
{
	begin(fdt, "cpus");
	CELLS(fdt, "#address-cells", 1);
	CELLS(fdt, "#size-cells", 0);
	begin(fdt, "cpu@0");
	prop_string(fdt, "device_type", "cpu");
	prop_string(fdt, "compatible", "arm,armv8");
	CELLS(fdt, "reg", 0);
	end(fdt);
	end(fdt);
	begin(fdt, "psci");
	prop_string(fdt, "compatible", "arm,psci-1.0");
	prop_string(fdt, "method", "hvc");
	end(fdt);
	begin(fdt, "timer");
	prop_string(fdt, "compatible", "arm,armv8-timer");
	/* Four PPIs, level-triggered; the third one is the virtual timer's */
	CELLS(fdt, "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	prop(fdt, "always-on", NULL, 0);
	end(fdt);
}

static void devices(struct fdt *fdt)
{
	begin(fdt, "interrupt-controller");
	prop_string(fdt, "compatible", "arm,gic-v3");
	prop(fdt, "interrupt-controller", NULL, 0);
	CELLS(fdt, "#interrupt-cells", 3);
	CELLS(fdt, "reg", GICD_BASE, GZ_GICD_SIZE, GICD_BASE - GZ_GICR_STRIDE,
	      GZ_GICR_STRIDE);
	CELLS(fdt, "phandle", GIC_PHANDLE);
	end(fdt);
	begin(fdt, "serial");
	prop_string(fdt, "compatible", "ns16550a");
	CELLS(fdt, "reg", UART_BASE, 8);
	CELLS(fdt, "clock-frequency", 1843200);
	end(fdt);
}

/* Writes header, an empty list of reservations, strings and structure. */
static void finish(struct fdt *fdt, uint32_t *out)
{
	uint32_t names = 56, nodes = names + sizeof(fdt->names);
	const uint32_t head[14] = {
		0xd00dfeed, nodes + (fdt->nr + 1) * 4, nodes, names, 40, 17, 16, 0,
		fdt->len, (fdt->nr + 1) * 4,
	};
	unsigned int i;

	cell(fdt, 9);
	for (i = 0; i < 14; i++)
		out[i] = htobe32(head[i]);
	memcpy((char *)out + names, fdt->names, sizeof(fdt->names));
	memcpy((char *)out + nodes, fdt->nodes, fdt->nr * 4);
}

static void device_tree(const struct gz_memory *mem, const char *params,
			size_t initrd_size)
{
	static struct fdt fdt;

	begin(&fdt, "");
	prop_string(&fdt, "compatible", "linux,dummy-virt");
	CELLS(&fdt, "#address-cells", 1);
	CELLS(&fdt, "#size-cells", 1);
	CELLS(&fdt, "interrupt-parent", GIC_PHANDLE);
	chosen(&fdt, params, initrd_size);
	processor(&fdt);
	devices(&fdt);
	end(&fdt);
	finish(&fdt, gz_memory_at(mem, FDT_BASE, FDT_SIZE));
}

static size_t load(const struct gz_memory *mem, uint64_t gpa, const char *path)
{
	uint64_t room = RAM_BASE + RAM_SIZE - gpa;
	FILE *f = fopen(path, "rb");
	size_t size;

	if (!f)
		err(1, "%s", path);
	size = fread(gz_memory_at(mem, gpa, room), 1, room, f);
	if (!feof(f))
		errx(1, "%s: too large, or cannot be read", path);
	fclose(f);
	return size;
}

/* A 16550A: always ready to send, and nothing to receive */
static void uart(struct gzvm_vcpu_run *run)
{
	static uint8_t regs[8];
	unsigned int reg = run->mmio.phys_addr - UART_BASE;

	if (run->mmio.is_write) {
		if (reg == UART_TX && !(regs[UART_LCR] & UART_LCR_DLAB))
			putchar(run->mmio.data[0]);
		regs[reg] = run->mmio.data[0];
		return;
	}
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (reg == UART_LSR)
		run->mmio.data[0] = UART_LSR_TEMT | UART_LSR_THRE;
	else if (reg == UART_IIR)
		run->mmio.data[0] = regs[UART_IER] & UART_IER_THRI ?
				    UART_IIR_THRI : UART_IIR_NO_INT;
	else if (reg != UART_RX)
		run->mmio.data[0] = regs[reg];
}

/* Returns 0 to go on, otherwise the exit status of this program plus 1. */
static int on_exit_of(struct gz_vcpu *vcpu, void *arg)
{
	struct gzvm_vcpu_run *run = &vcpu->run;

	(void)arg;
	switch (run->exit_reason) {
	case GZVM_EXIT_MMIO:
		if (run->mmio.phys_addr - UART_BASE < 8)
			uart(run);
		return 0;
	case GZVM_EXIT_HYPERCALL:
		run->hypercall.args[0] = -1;
		return 0;
	case GZVM_EXIT_IRQ:
	case GZVM_EXIT_GZ:
		return 0;
	case GZVM_EXIT_SYSTEM_EVENT:
		return 1 + (run->system_event.type != GZVM_SYSTEM_EVENT_SHUTDOWN);
	}
	errx(1, "exit reason 0x%x", run->exit_reason);
}

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

int main(int argc, char **argv)
{
	const char *params = argc > 3 ? argv[3] : "console=ttyS0 earlycon";
	struct gz_memory mem;
	struct gz_vcpu vcpu;
	struct gz_vm vm;
	int ret;

	if (argc < 3)
		errx(2, "usage: boot IMAGE INITRD [PARAMS]");
	setbuf(stdout, NULL);
	check(gz_vm_create(&vm), GZ_DEV_PATH);
	check(gz_memory_alloc(&mem, RAM_BASE, RAM_SIZE), "memory");
	load(&mem, RAM_BASE, argv[1]);
	device_tree(&mem, params, load(&mem, INITRD_BASE, argv[2]));
	check(gz_memory_attach(&mem, &vm, 0), "slot");
	check(gz_gic_create(&vm, GICD_BASE, 1), "interrupt controller");
	check(gz_vcpu_create(&vm, &vcpu, 0), "vCPU");
	check(gz_vm_set_dtb(&vm, FDT_BASE, FDT_SIZE), "device tree");
	check(gz_vcpu_set_reg(&vcpu, GZ_REG_X(0), FDT_BASE), "x0");
	check(gz_vcpu_set_reg(&vcpu, GZ_REG_PC, RAM_BASE), "pc");
	check(gz_vcpu_set_reg(&vcpu, GZ_REG_PSTATE, GZ_PSTATE_BOOT), "pstate");
	ret = gz_vcpu_loop(&vcpu, on_exit_of, NULL);
	check(ret, "GZVM_RUN");
	gz_vcpu_destroy(&vcpu);
	gz_vm_destroy(&vm);
	gz_memory_free(&mem);
	return ret - 1;
}
