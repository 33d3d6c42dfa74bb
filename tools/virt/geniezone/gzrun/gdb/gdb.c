// SPDX-License-Identifier: GPL-2.0
/*
 * The remote protocol of GDB (the debugger's manual, appendix E), as far as a
 * hypervisor without breakpoints can serve it. This file knows neither the
 * socket nor the machine.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "gdb/gdb.h"

/* Signal numbers of the protocol */
#define SIGNAL_INT	2
#define SIGNAL_TRAP	5

#define XML_BEGIN							\
	"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">" \
	"<target version=\"1.0\"><architecture>aarch64</architecture>"	\
	"<feature name=\"org.gnu.gdb.aarch64.core\">"
#define XML_X		"<reg name=\"x%u\" bitsize=\"64\"/>"
#define XML_END								\
	"<reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\"/>"		\
	"<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/>"		\
	"<reg name=\"cpsr\" bitsize=\"32\"/></feature></target>"

/* The registers in the order of their numbers; returns the length */
static size_t make_xml(char *xml, size_t size)
{
	size_t len = snprintf(xml, size, XML_BEGIN);
	unsigned int i;

	for (i = 0; i < GDB_REG_SP; i++)
		len += snprintf(xml + len, size - len, XML_X, i);
	return len + snprintf(xml + len, size - len, XML_END);
}

/* Appends to the reply; text that does not fit is dropped, which never happens */
static void printf_like(2, 3) reply(struct gdb *g, const char *fmt, ...)
{
	size_t room = GDB_PACKET_SIZE + 1 - g->out_len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(g->out + 1 + g->out_len, room, fmt, args);
	va_end(args);
	if (len > 0)
		g->out_len += (size_t)len < room ? (size_t)len : room - 1;
}

static void reply_bytes(struct gdb *g, const void *data, size_t len)
{
	const uint8_t *byte = data;

	while (len--)
		reply(g, "%02x", *byte++);
}

static void reply_error(struct gdb *g, int err)
{
	g->out_len = 0;
	reply(g, "E%02x", -err & 0xff);
}

static void send_reply(struct gdb *g)
{
	uint8_t sum = 0;
	size_t i;

	for (i = 0; i < g->out_len; i++)
		sum += g->out[1 + i];
	g->out[0] = '$';
	snprintf(g->out + 1 + g->out_len, 4, "#%02x", sum);
	g->send(g->send_arg, g->out, g->out_len + 4);
}

static void reply_stopped(struct gdb *g, int signal)
{
	reply(g, "T%02xthread:%x;", signal, g->vcpu + 1);
}

/* Parses hexadecimal digits; returns how many there were */
static size_t parse_hex(const char **at, uint64_t *value)
{
	size_t nr = 0;

	*value = 0;
	while (isxdigit((unsigned char)**at) && nr < 16) {
		char digit[2] = { *(*at)++ };

		*value = *value << 4 | strtoul(digit, NULL, 16);
		nr++;
	}
	return nr;
}

static bool parse_byte(const char *at, uint8_t *value)
{
	char digits[3] = { at[0], at[0] ? at[1] : 0 };

	if (!isxdigit((unsigned char)digits[0]) ||
	    !isxdigit((unsigned char)digits[1]))
		return false;
	*value = strtoul(digits, NULL, 16);
	return true;
}

static size_t reg_size(unsigned int reg)
{
	return reg == GDB_REG_CPSR ? 4 : 8;
}

/* The reply marks a register that cannot be read. */
static void reply_reg(struct gdb *g, unsigned int reg)
{
	const struct gdb_target *t = g->target;
	uint64_t value;
	size_t i;

	if (!t->read_reg(t->arg, g->vcpu, reg, &value)) {
		reply_bytes(g, &value, reg_size(reg));
		return;
	}
	for (i = 0; i < reg_size(reg); i++)
		reply(g, "xx");
}

static void read_regs(struct gdb *g)
{
	unsigned int reg;

	for (reg = 0; reg < GDB_NR_REGS; reg++)
		reply_reg(g, reg);
}

static void read_reg(struct gdb *g, const char *args)
{
	uint64_t reg;

	if (!parse_hex(&args, &reg) || *args || reg >= GDB_NR_REGS)
		reply_error(g, -EINVAL);
	else
		reply_reg(g, reg);
}

/* Returns the number of digits, or -errno. */
static int set_reg(struct gdb *g, unsigned int reg, const char *digits)
{
	const struct gdb_target *t = g->target;
	uint64_t value = 0;
	uint8_t byte;
	size_t i;
	int ret;

	for (i = 0; i < reg_size(reg); i++) {
		if (!parse_byte(digits + 2 * i, &byte))
			return -EINVAL;
		value |= (uint64_t)byte << 8 * i;
	}
	ret = t->write_reg(t->arg, g->vcpu, reg, value);
	return ret ? ret : (int)(2 * reg_size(reg));
}

static void write_reg(struct gdb *g, const char *args)
{
	uint64_t reg;
	int ret = -EINVAL;

	if (parse_hex(&args, &reg) && *args == '=' && reg < GDB_NR_REGS &&
	    strlen(args + 1) == 2 * reg_size(reg))
		ret = set_reg(g, reg, args + 1);
	if (ret < 0)
		reply_error(g, ret);
	else
		reply(g, "OK");
}

static void write_regs(struct gdb *g, const char *args)
{
	unsigned int reg;
	int ret;

	for (reg = 0; reg < GDB_NR_REGS; reg++) {
		ret = set_reg(g, reg, args);
		if (ret < 0) {
			reply_error(g, ret);
			return;
		}
		args += ret;
	}
	reply(g, "OK");
}

static bool parse_range(const char **args, uint64_t *addr, uint64_t *len)
{
	if (!parse_hex(args, addr) || *(*args)++ != ',')
		return false;
	return parse_hex(args, len) && *len <= GDB_PACKET_SIZE / 2;
}

static void read_mem(struct gdb *g, const char *args)
{
	const struct gdb_target *t = g->target;
	uint8_t data[GDB_PACKET_SIZE / 2];
	uint64_t addr, len;
	size_t got;

	if (!parse_range(&args, &addr, &len) || *args) {
		reply_error(g, -EINVAL);
		return;
	}
	got = t->read_mem(t->arg, g->vcpu, addr, data, len);
	if (len && !got)
		reply_error(g, -EFAULT);
	else
		reply_bytes(g, data, got);
}

static void write_mem(struct gdb *g, const char *args)
{
	const struct gdb_target *t = g->target;
	uint8_t data[GDB_PACKET_SIZE / 2];
	uint64_t addr, len, i;

	if (!parse_range(&args, &addr, &len) || *args++ != ':' ||
	    strlen(args) != 2 * len) {
		reply_error(g, -EINVAL);
		return;
	}
	for (i = 0; i < len; i++)
		if (!parse_byte(args + 2 * i, &data[i])) {
			reply_error(g, -EINVAL);
			return;
		}
	if (t->write_mem(t->arg, g->vcpu, addr, data, len) != len)
		reply_error(g, -EFAULT);
	else
		reply(g, "OK");
}

/* 0 and -1 mean any thread: take the one that was selected last */
static bool parse_thread(struct gdb *g, const char *args, unsigned int *vcpu)
{
	uint64_t id;

	*vcpu = g->vcpu;
	if (!strcmp(args, "-1"))
		return true;
	if (!parse_hex(&args, &id) || *args || id > g->target->nr_threads)
		return false;
	if (id)
		*vcpu = id - 1;
	return true;
}

static void set_thread(struct gdb *g, const char *args)
{
	unsigned int vcpu;

	if ((*args != 'g' && *args != 'c') ||
	    !parse_thread(g, args + 1, &vcpu)) {
		reply_error(g, -EINVAL);
		return;
	}
	if (*args == 'g')
		g->vcpu = vcpu;
	reply(g, "OK");
}

static void is_alive(struct gdb *g, const char *args)
{
	unsigned int vcpu;

	if (parse_thread(g, args, &vcpu))
		reply(g, "OK");
	else
		reply_error(g, -EINVAL);
}

static void why_stopped(struct gdb *g)
{
	reply_stopped(g, SIGNAL_TRAP);
}

/*
 * Resumes all vCPUs, as none can run or step alone. The reply comes at the next
 * stop.
 */
static void go_on(struct gdb *g)
{
	g->running = true;
	g->target->go(g->target->arg);
}

/*
 * Breakpoints and steps. Do not reply "not supported", which is an empty reply:
 * GDB would then write a BRK into memory itself, and the guest would crash on
 * it.
 */
static void impossible(struct gdb *g)
{
	reply_error(g, -EOPNOTSUPP);
}

/* A list of actions for threads. Only "continue" is supported, for all threads. */
static void go_on_by_actions(struct gdb *g, const char *args)
{
	const char *action;

	for (action = args; action; action = strchr(action, ';')) {
		action += *action == ';';
		if (*action != 'c' && *action != 'C') {
			impossible(g);
			return;
		}
	}
	go_on(g);
}

static void detach(struct gdb *g)
{
	reply(g, "OK");
	g->gone = true;
}

static void kill_machine(struct gdb *g)
{
	g->gone = true;
	g->target->kill(g->target->arg);
}

/* Unlike k, vKill gets a reply, which must be sent before the machine ends */
static void kill_process(struct gdb *g)
{
	reply(g, "OK");
	send_reply(g);
	g->out_len = 0;
	kill_machine(g);
}

static void send_xml(struct gdb *g, const char *args)
{
	char xml[2048];
	uint64_t from, len, size = make_xml(xml, sizeof(xml));

	if (!parse_hex(&args, &from) || *args++ != ',' ||
	    !parse_hex(&args, &len) || *args || from > size) {
		reply_error(g, -EINVAL);
		return;
	}
	if (len > GDB_PACKET_SIZE - 1)
		len = GDB_PACKET_SIZE - 1;
	if (len > size - from)
		len = size - from;
	/* The reply contains no byte that must be escaped. */
	reply(g, "%c%.*s", from + len < size ? 'm' : 'l', (int)len,
	      xml + from);
}

static void list_threads(struct gdb *g)
{
	unsigned int i;

	for (i = 1; i <= g->target->nr_threads; i++)
		reply(g, "%c%x", i == 1 ? 'm' : ',', i);
}

static void end_of_threads(struct gdb *g)
{
	reply(g, "l");
}

static void current_thread(struct gdb *g)
{
	reply(g, "QC%x", g->vcpu + 1);
}

static void supported(struct gdb *g)
{
	reply(g, "PacketSize=%x;qXfer:features:read+;vContSupported+;QStartNoAckMode+",
	      GDB_PACKET_SIZE);
}

static void attached(struct gdb *g)
{
	reply(g, "1");
}

static void no_ack_mode(struct gdb *g)
{
	reply(g, "OK");
	g->no_ack = true;
}

static void what_cont(struct gdb *g)
{
	reply(g, "vCont;c;C");
}

/*
 * If one name begins with another, the longer one is first. Other packets get
 * an empty reply: not supported.
 */
static const struct {
	const char *name;
	void (*with)(struct gdb *g, const char *args);
	void (*without)(struct gdb *g);
} commands[] = {
	{ "qXfer:features:read:target.xml:", send_xml, NULL },
	{ "qSupported", NULL, supported },
	{ "qfThreadInfo", NULL, list_threads },
	{ "qsThreadInfo", NULL, end_of_threads },
	{ "qAttached", NULL, attached },
	{ "qC", NULL, current_thread },
	{ "QStartNoAckMode", NULL, no_ack_mode },
	{ "vCont?", NULL, what_cont },
	{ "vCont;", go_on_by_actions, NULL },
	{ "vKill", NULL, kill_process },
	{ "?", NULL, why_stopped },
	{ "g", NULL, read_regs },
	{ "G", write_regs, NULL },
	{ "p", read_reg, NULL },
	{ "P", write_reg, NULL },
	{ "m", read_mem, NULL },
	{ "M", write_mem, NULL },
	{ "H", set_thread, NULL },
	{ "T", is_alive, NULL },
	{ "c", NULL, go_on },
	{ "C", NULL, go_on },
	{ "s", NULL, impossible },
	{ "S", NULL, impossible },
	{ "Z", NULL, impossible },
	{ "z", NULL, impossible },
	{ "D", NULL, detach },
	{ "k", NULL, kill_machine },
	{ NULL, NULL, NULL }
};

static void serve(struct gdb *g)
{
	size_t i, len;

	g->out_len = 0;
	for (i = 0; commands[i].name; i++) {
		len = strlen(commands[i].name);
		if (strncmp(g->in, commands[i].name, len))
			continue;
		if (commands[i].with)
			commands[i].with(g, g->in + len);
		else
			commands[i].without(g);
		break;
	}
	if (!g->running && !(g->gone && !g->out_len))
		send_reply(g);
}

static void acknowledge(struct gdb *g, bool good)
{
	if (!g->no_ack)
		g->send(g->send_arg, good ? "+" : "-", 1);
}

/*
 * Checks that the packet is complete and its sum is right. After a -, the
 * debugger sends it again.
 */
static void end_packet(struct gdb *g, char c)
{
	char digits[3] = { g->digit, c };
	uint8_t sum;

	g->state = GDB_IDLE;
	if (g->in_len > GDB_PACKET_SIZE || !parse_byte(digits, &sum) ||
	    sum != g->sum) {
		acknowledge(g, false);
		return;
	}
	acknowledge(g, true);
	g->in[g->in_len] = 0;
	/* While the machine runs, only the interrupt is served. */
	if (!g->running)
		serve(g);
}

static void interrupt(struct gdb *g)
{
	if (!g->running)
		return;
	g->target->stop(g->target->arg);
	g->running = false;
	g->out_len = 0;
	reply_stopped(g, SIGNAL_INT);
	send_reply(g);
}

static void receive_one(struct gdb *g, char c)
{
	switch (g->state) {
	case GDB_IDLE:
		if (c == 3)
			interrupt(g);
		if (c != '$')
			break;
		g->state = GDB_BODY;
		g->in_len = 0;
		g->sum = 0;
		break;
	case GDB_BODY:
		if (c == '#') {
			g->state = GDB_SUM1;
			break;
		}
		g->sum += c;
		if (g->in_len < GDB_PACKET_SIZE)
			g->in[g->in_len] = c;
		if (g->in_len <= GDB_PACKET_SIZE)
			g->in_len++;
		break;
	case GDB_SUM1:
		g->digit = c;
		g->state = GDB_SUM2;
		break;
	case GDB_SUM2:
		end_packet(g, c);
		break;
	}
}

/**
 * gdb_begin() - start a connection
 * @g: filled in
 * @target: the machine; this stops it
 * @send: sends bytes to the debugger
 * @send_arg: argument of @send
 */
void gdb_begin(struct gdb *g, const struct gdb_target *target,
	       void (*send)(void *arg, const char *data, size_t len),
	       void *send_arg)
{
	memset(g, 0, sizeof(*g));
	g->target = target;
	g->send = send;
	g->send_arg = send_arg;
	target->stop(target->arg);
}

/**
 * gdb_receive() - handle received bytes
 * @g: the connection
 * @data: the bytes; they may be any part of a packet, or several packets
 * @len: number of bytes
 */
void gdb_receive(struct gdb *g, const char *data, size_t len)
{
	while (len-- && !g->gone)
		receive_one(g, *data++);
}

/**
 * gdb_machine_ended() - report the end to a debugger that waits for a stop
 * @g: the connection
 * @status: the exit status of the program
 */
void gdb_machine_ended(struct gdb *g, int status)
{
	if (!g->running || g->gone)
		return;
	g->out_len = 0;
	reply(g, "W%02x", status & 0xff);
	send_reply(g);
	g->gone = true;
}
