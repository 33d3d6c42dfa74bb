/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GDB_H
#define GZRUN_GDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Content of a packet, both ways; what the protocol calls PacketSize */
#define GDB_PACKET_SIZE	4096

/* As the debugger numbers them: x0 to x30, sp, pc, cpsr */
#define GDB_REG_SP	31
#define GDB_REG_PC	32
#define GDB_REG_CPSR	33
#define GDB_NR_REGS	34

/**
 * struct gdb_target - what the debugger may ask of a machine
 * @arg: for the functions
 * @nr_threads: vCPUs, which are its threads 1 and up
 * @read_reg: value of a register of a vCPU; 0 or -errno
 * @write_reg: the opposite
 * @read_mem: copy @len bytes from a virtual address as a vCPU sees it; returns
 *            how many there were before the first that cannot be had
 * @write_mem: the opposite
 * @stop: have all vCPUs out of the guest
 * @go: let them go on
 * @kill: end the machine
 *
 * Registers and memory are only asked for between @stop and @go.
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
 * enum gdb_state - where the reader of packets is
 * @GDB_IDLE: between packets
 * @GDB_BODY: behind the $
 * @GDB_SUM1: behind the #
 * @GDB_SUM2: behind the first digit of the sum
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
 * @send: how to get bytes to the debugger
 * @send_arg: for @send
 * @state: of the reader
 * @in: packet so far
 * @in_len: its length; more than fits is counted, not kept
 * @sum: of what came
 * @digit: first one of the sum
 * @out: reply
 * @out_len: its length
 * @no_ack: packets are not acknowledged any more
 * @running: the machine runs
 * @gone: the debugger has said good-bye
 * @vcpu: what registers and memory are asked of
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
