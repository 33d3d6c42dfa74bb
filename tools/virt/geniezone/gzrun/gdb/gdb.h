/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GDB_H
#define GZRUN_GDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of a packet's content in both directions; the protocol's PacketSize */
#define GDB_PACKET_SIZE	4096

/* In the debugger's order: x0 to x30, sp, pc, cpsr */
#define GDB_REG_SP	31
#define GDB_REG_PC	32
#define GDB_REG_CPSR	33
#define GDB_NR_REGS	34

/**
 * struct gdb_target - access of the debugger to a machine
 * @arg: argument of the functions
 * @nr_threads: number of vCPUs; they are threads 1 and up
 * @read_reg: reads a register of a vCPU; returns 0 or -errno
 * @write_reg: writes a register of a vCPU
 * @read_mem: copies @len bytes from a virtual address of a vCPU; returns the number of
 *            bytes before the first one that cannot be read
 * @write_mem: copies bytes to a virtual address
 * @stop: gets all vCPUs out of the guest
 * @go: lets the vCPUs continue
 * @kill: ends the machine
 *
 * Registers and memory are accessed only between @stop and @go.
 */
struct gdb_target {
	void *arg;
	unsigned int nr_threads;
	int (*read_reg)(void *arg, unsigned int vcpu, unsigned int reg,
			uint64_t *value);
	int (*write_reg)(void *arg, unsigned int vcpu, unsigned int reg,
			 uint64_t value);
	size_t (*read_mem)(void *arg, unsigned int vcpu, uint64_t va, void *to,
			   size_t len);
	size_t (*write_mem)(void *arg, unsigned int vcpu, uint64_t va,
			    const void *from, size_t len);
	void (*stop)(void *arg);
	void (*go)(void *arg);
	void (*kill)(void *arg);
};

/**
 * enum gdb_state - state of the packet reader
 * @GDB_IDLE: between packets
 * @GDB_BODY: after the $
 * @GDB_SUM1: after the #
 * @GDB_SUM2: after the first digit of the sum
 */
enum gdb_state {
	GDB_IDLE,
	GDB_BODY,
	GDB_SUM1,
	GDB_SUM2,
};

/**
 * struct gdb - one connection
 * @target: the machine
 * @send: sends bytes to the debugger
 * @send_arg: argument of @send
 * @state: state of the packet reader
 * @in: packet so far
 * @in_len: its length, including bytes that did not fit
 * @sum: sum of the received bytes
 * @digit: first digit of the received sum
 * @out: reply
 * @out_len: its length
 * @no_ack: packets are not acknowledged any more
 * @running: the machine runs
 * @gone: the debugger has detached
 * @vcpu: vCPU whose registers and memory are accessed
 */
struct gdb {
	const struct gdb_target *target;
	void (*send)(void *arg, const char *data, size_t len);
	void *send_arg;
	enum gdb_state state;
	char in[GDB_PACKET_SIZE + 1];
	size_t in_len;
	uint8_t sum;
	uint8_t digit;
	char out[GDB_PACKET_SIZE + 8];
	size_t out_len;
	bool no_ack;
	bool running;
	bool gone;
	unsigned int vcpu;
};

void gdb_begin(struct gdb *g, const struct gdb_target *target,
	       void (*send)(void *arg, const char *data, size_t len),
	       void *send_arg);
void gdb_receive(struct gdb *g, const char *data, size_t len);
void gdb_machine_ended(struct gdb *g, int status);

#endif /* GZRUN_GDB_H */
