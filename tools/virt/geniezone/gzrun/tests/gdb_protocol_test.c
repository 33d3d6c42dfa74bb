// SPDX-License-Identifier: GPL-2.0
/*
 * The debugger's protocol and the walk through a guest's tables, with valid
 * input and with any other that a debugger or a guest may send. Runs on the
 * build machine.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdb/gdb.h"
#include "gdb/stage1.h"

static int failed;

#define EXPECT(cond) do {						\
	if (!(cond)) {							\
		failed = 1;						\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
	}								\
} while (0)

/* A machine of two vCPUs with 64 bytes of memory at 0x1000 */

static struct {
	uint64_t regs[2][GDB_NR_REGS];
	uint8_t mem[64];
	int stops, goes, kills;
	bool stopped;
	bool mute;
} machine;

static int read_reg(void *arg, unsigned int vcpu, unsigned int reg,
		    uint64_t *value)
{
	(void)arg;
	EXPECT(machine.stopped && vcpu < 2 && reg < GDB_NR_REGS);
	*value = machine.regs[vcpu][reg];
	return machine.mute ? -95 : 0;
}

static int write_reg(void *arg, unsigned int vcpu, unsigned int reg,
		     uint64_t value)
{
	(void)arg;
	EXPECT(machine.stopped && vcpu < 2 && reg < GDB_NR_REGS);
	if (machine.mute)
		return -22;
	machine.regs[vcpu][reg] = value;
	return 0;
}

static size_t in_memory(uint64_t va, size_t len)
{
	EXPECT(machine.stopped);
	if (va < 0x1000 || va >= 0x1040)
		return 0;
	return len < 0x1040 - va ? len : 0x1040 - va;
}

static size_t read_mem(void *arg, unsigned int vcpu, uint64_t va, void *to,
		       size_t len)
{
	(void)arg;
	(void)vcpu;
	len = in_memory(va, len);
	memcpy(to, machine.mem + va - 0x1000, len);
	return len;
}

static size_t write_mem(void *arg, unsigned int vcpu, uint64_t va,
			const void *from, size_t len)
{
	(void)arg;
	(void)vcpu;
	len = in_memory(va, len);
	memcpy(machine.mem + va - 0x1000, from, len);
	return len;
}

static void stop(void *arg)
{
	(void)arg;
	EXPECT(!machine.stopped);
	machine.stopped = true;
	machine.stops++;
}

static void go(void *arg)
{
	(void)arg;
	machine.stopped = false;
	machine.goes++;
}

static void kill_it(void *arg)
{
	(void)arg;
	machine.kills++;
}

static const struct gdb_target target = {
	.nr_threads = 2,
	.read_reg = read_reg,
	.write_reg = write_reg,
	.read_mem = read_mem,
	.write_mem = write_mem,
	.stop = stop,
	.go = go,
	.kill = kill_it,
};

static struct gdb g;
static char sent[2 * GDB_PACKET_SIZE];
static size_t nr_sent;

static void send_bytes(void *arg, const char *data, size_t len)
{
	(void)arg;
	if (len > sizeof(sent) - nr_sent - 1)
		len = sizeof(sent) - nr_sent - 1;
	memcpy(sent + nr_sent, data, len);
	nr_sent += len;
	sent[nr_sent] = 0;
}

static void begin(void)
{
	memset(&machine, 0, sizeof(machine));
	nr_sent = 0;
	sent[0] = 0;
	gdb_begin(&g, &target, send_bytes, NULL);
}

/* All replies to these bytes */
static const char *raw(const char *data, size_t len)
{
	nr_sent = 0;
	sent[0] = 0;
	gdb_receive(&g, data, len);
	return sent;
}

static uint8_t sum_of(const char *text, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum += *text++;
	return sum;
}

/*
 * The content of the reply to a packet with this content, or the raw reply if
 * it is not a packet
 */
static const char *ask(const char *text)
{
	static char packet[GDB_PACKET_SIZE + 64], content[sizeof(sent)];
	int len = snprintf(packet, sizeof(packet), "$%s#%02x", text,
			   sum_of(text, strlen(text)));
	unsigned int sum;
	char *end;

	raw(packet, len);
	end = strrchr(sent, '#');
	if (strncmp(sent, "+$", 2) || !end ||
	    sscanf(end, "#%2x", &sum) != 1 || end[3])
		return sent;
	EXPECT(sum == sum_of(sent + 2, end - sent - 2));
	*end = 0;
	snprintf(content, sizeof(content), "%s", sent + 2);
	return content;
}

#define EXPECT_REPLY(question, answer) do {				\
	const char *__got = ask(question);				\
									\
	if (strcmp(__got, answer)) {					\
		failed = 1;						\
		printf("# %s:%d: %s: %s\n", __FILE__, __LINE__,	\
		       question, __got);				\
	}								\
} while (0)

static void hello(void)
{
	begin();
	EXPECT(machine.stops == 1 && machine.stopped);
	EXPECT(strstr(ask("qSupported:multiprocess+;xmlRegisters=i386"),
		      "qXfer:features:read+"));
	EXPECT_REPLY("?", "T05thread:1;");
	EXPECT_REPLY("qAttached", "1");
	EXPECT_REPLY("vMustReplyEmpty", "");
	EXPECT_REPLY("", "");
}

/*
 * An empty reply would mean that GDB must do it itself: it would write a BRK
 * into the guest, or wait for the end of a step that never begins.
 */
static void no_breakpoints_and_no_steps(void)
{
	static const char * const all[] = {
		"Z0,1000,4", "Z1,1000,4", "Z2,1000,8", "z0,1000,4", "s", "s1000",
		"S05", "vCont;s:1", "vCont;s:1;c", "vCont;S05:1;c", "vCont;t",
		"vCont;r1000,1010:1", "vCont;c:1;s:2",
	};
	unsigned int i;

	begin();
	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		EXPECT_REPLY(all[i], "E5f");
	EXPECT(!machine.goes && machine.stopped);
	EXPECT_REPLY("?", "T05thread:1;");
}

static void threads(void)
{
	begin();
	EXPECT_REPLY("qfThreadInfo", "m1,2");
	EXPECT_REPLY("qsThreadInfo", "l");
	EXPECT_REPLY("Hg2", "OK");
	EXPECT_REPLY("qC", "QC2");
	EXPECT_REPLY("Hg0", "OK");
	EXPECT_REPLY("qC", "QC2");
	EXPECT_REPLY("Hc-1", "OK");
	EXPECT_REPLY("Hg3", "E16");
	EXPECT_REPLY("Hgx", "E16");
	EXPECT_REPLY("Hx1", "E16");
	EXPECT_REPLY("Hg10000000000000001", "E16");
	EXPECT_REPLY("T2", "OK");
	EXPECT_REPLY("T3", "E16");
}

static void registers(void)
{
	begin();
	machine.regs[0][0] = 0x0123456789abcdef;
	machine.regs[1][GDB_REG_PC] = 0x80001000;
	machine.regs[1][GDB_REG_CPSR] = 0x3c5;
	EXPECT_REPLY("p0", "efcdab8967452301");
	EXPECT(strlen(ask("g")) == 2 * (33 * 8 + 4));
	EXPECT(!strncmp(ask("g"), "efcdab89674523010000", 20));
	EXPECT_REPLY("Hg2", "OK");
	EXPECT_REPLY("p20", "0010008000000000");
	EXPECT_REPLY("p21", "c5030000");
	EXPECT_REPLY("p22", "E16");
	EXPECT_REPLY("p", "E16");
	EXPECT_REPLY("pffffffffffffffffff", "E16");
	EXPECT_REPLY("P1=8877665544332211", "OK");
	EXPECT(machine.regs[1][1] == 0x1122334455667788);
	EXPECT_REPLY("P21=c5030000", "OK");
	EXPECT_REPLY("P21=c503000000000000", "E16");
	EXPECT_REPLY("P1=88", "E16");
	EXPECT_REPLY("P1=887766554433221x", "E16");
	EXPECT_REPLY("P1", "E16");
	EXPECT_REPLY("G00", "E16");
}

static void all_registers_go_there_and_back(void)
{
	char packet[GDB_PACKET_SIZE];
	unsigned int i;

	begin();
	for (i = 0; i < GDB_NR_REGS; i++)
		machine.regs[0][i] = 0x1001001001001 * (i + 1);
	machine.regs[0][GDB_REG_CPSR] &= 0xffffffff;
	snprintf(packet, sizeof(packet), "G%s", ask("g"));
	EXPECT_REPLY("Hg2", "OK");
	EXPECT_REPLY(packet, "OK");
	EXPECT(!memcmp(machine.regs[0], machine.regs[1],
		       sizeof(machine.regs[0])));
}

/* A hypervisor that cannot read registers */
static void registers_that_cannot_be_had(void)
{
	begin();
	machine.mute = true;
	EXPECT_REPLY("p0", "xxxxxxxxxxxxxxxx");
	EXPECT_REPLY("p21", "xxxxxxxx");
	EXPECT_REPLY("P1=8877665544332211", "E16");
}

static void memory(void)
{
	begin();
	memcpy(machine.mem, "abcdef", 6);
	EXPECT_REPLY("m1000,6", "616263646566");
	EXPECT_REPLY("m103e,4", "0000");
	EXPECT_REPLY("m1040,4", "E0e");
	EXPECT_REPLY("m0,1", "E0e");
	EXPECT_REPLY("m1000,0", "");
	EXPECT_REPLY("m1000,801", "E16");
	EXPECT_REPLY("m1000,ffffffffffffffff", "E16");
	EXPECT_REPLY("m1000", "E16");
	EXPECT_REPLY("m,4", "E16");
	EXPECT_REPLY("m1000,4x", "E16");
	EXPECT_REPLY("M1001,2:7879", "OK");
	EXPECT(!memcmp(machine.mem, "axydef", 6));
	EXPECT_REPLY("M1000,2:78", "E16");
	EXPECT_REPLY("M1000,1:7", "E16");
	EXPECT_REPLY("M1000,1:zz", "E16");
	EXPECT_REPLY("M103f,2:0102", "E0e");
	EXPECT_REPLY("M1000,1", "E16");
}

static void description_comes_in_pieces(void)
{
	char xml[8192] = "", packet[64];
	const char *part;
	size_t len = 0;

	begin();
	do {
		snprintf(packet, sizeof(packet),
			 "qXfer:features:read:target.xml:%zx,c0", len);
		part = ask(packet);
		EXPECT(*part == 'm' || *part == 'l');
		len += strlen(part + 1);
		strcat(xml, part + 1);
	} while (*part == 'm' && len < 4096);
	EXPECT(!strncmp(xml, "<?xml", 5));
	EXPECT(strstr(xml, "\"cpsr\"") && strstr(xml, "</target>"));
	EXPECT_REPLY("qXfer:features:read:target.xml:ffff,10", "E16");
	EXPECT_REPLY("qXfer:features:read:target.xml:0", "E16");
	EXPECT_REPLY("qXfer:features:read:other.xml:0,10", "");
}

static void goes_and_is_interrupted(void)
{
	begin();
	EXPECT(!strcmp(ask("vCont;c:1"), "+"));
	EXPECT(machine.goes == 1 && !machine.stopped);
	/* There is no reply while the machine runs, and no register is read */
	EXPECT(!strcmp(ask("g"), "+"));
	EXPECT(!strcmp(raw("\x03", 1), "$T02thread:1;#0f") ||
	       !strncmp(sent, "$T02thread:1;#", 14));
	EXPECT(machine.stops == 2 && machine.stopped);
	/* A second debugger finds the machine stopped. */
	EXPECT(!strcmp(raw("\x03", 1), ""));
	EXPECT(!strcmp(ask("c"), "+"));
	nr_sent = 0;
	gdb_machine_ended(&g, 3);
	EXPECT(!strncmp(sent, "$W03#", 5) && g.gone);
}

static void detach_and_kill(void)
{
	begin();
	EXPECT_REPLY("D", "OK");
	EXPECT(g.gone && !machine.kills);
	begin();
	EXPECT(!strcmp(ask("k"), "+"));
	EXPECT(g.gone && machine.kills == 1);
	/* A packet behind it gets no reply. */
	EXPECT(!strcmp(ask("?"), ""));
	begin();
	EXPECT_REPLY("vKill;1", "OK");
	EXPECT(g.gone && machine.kills == 1);
}

static void bad_packets_are_asked_for_again(void)
{
	char big[GDB_PACKET_SIZE + 32];

	begin();
	EXPECT(!strcmp(raw("$?#00", 5), "-"));
	EXPECT(!strcmp(raw("$?#zz", 5), "-"));
	EXPECT(!strcmp(raw("?#3f", 4), ""));
	EXPECT(!strcmp(raw("+++---garbage", 13), ""));
	EXPECT_REPLY("?", "T05thread:1;");
	memset(big, 'a', sizeof(big));
	big[0] = '$';
	snprintf(big + sizeof(big) - 4, 4, "#%02x",
		 sum_of(big + 1, sizeof(big) - 5));
	EXPECT(!strcmp(raw(big, sizeof(big) - 1), "-"));
	EXPECT_REPLY("?", "T05thread:1;");
	/* In pieces */
	EXPECT(!strcmp(raw("$", 1), ""));
	EXPECT(!strcmp(raw("?#", 2), ""));
	EXPECT(!strcmp(raw("3", 1), ""));
	EXPECT(!strncmp(raw("f", 1), "+$T05", 5));
	EXPECT_REPLY("QStartNoAckMode", "OK");
	EXPECT(!strncmp(raw("$?#3f", 5), "$T05", 4));
}

static void random_bytes(void)
{
	static const char some[] = "$#+-gGmMpPHTcDk?,:;=0123456789abcdef\x03";
	unsigned int i, j, len;
	char data[64];

	srand(1);
	for (i = 0; i < 20000; i++) {
		begin();
		for (j = 0; j < 4; j++) {
			len = rand() % sizeof(data);
			for (unsigned int k = 0; k < len; k++)
				data[k] = rand() % 8 ?
					  some[rand() % (sizeof(some) - 1)] :
					  rand();
			raw(data, len);
			data[0] = 0;
			ask(i % 2 ? "g" : "m1000,40");
		}
		if (!g.running)
			machine.stopped = false;
	}
	EXPECT(nr_sent < sizeof(sent));
}

/* Tables of 4 KiB pages and 39 bits at 0x80000000, which map themselves */

#define TABLES	0x80000000ULL
#define TCR39	(25ULL | 25ULL << 16 | 2ULL << 30)

static struct gz_memory ram;

static uint64_t *entry(uint64_t table, unsigned int i)
{
	return (uint64_t *)((char *)ram.hva + (table - TABLES)) + i;
}

static void make_tables(void)
{
	memset(ram.hva, 0, ram.size);
	*entry(TABLES, 0) = TABLES + 0x1000 + 3;
	*entry(TABLES, 2) = 0x80000000 + 1;
	*entry(TABLES + 0x1000, 0) = TABLES + 0x2000 + 3;
	*entry(TABLES + 0x1000, 1) = 0x80200000 + 0x60000000000401;
	*entry(TABLES + 0x2000, 5) = 0x60000080003000 + 0x703;
	*entry(TABLES + 0x2000, 6) = 0x80003000 + 1;
	*entry(TABLES + 0x2000, 7) = 0;
}

static void walks(void)
{
	struct gz_stage1 s = { 1, TCR39, { TABLES, TABLES + 1 } };
	uint64_t ipa;

	make_tables();
	EXPECT(gz_stage1_walk(&s, &ram, 0x5123, &ipa) && ipa == 0x80003123);
	EXPECT(gz_stage1_walk(&s, &ram, 0x234567, &ipa) && ipa == 0x80234567);
	EXPECT(gz_stage1_walk(&s, &ram, 0x80123456, &ipa) && ipa == 0x80123456);
	EXPECT(gz_stage1_walk(&s, &ram, 0xffffff8000005123, &ipa) &&
	       ipa == 0x80003123);
	/*
	 * An invalid entry; a block at the level of pages; an address that is too
	 * large; one between the two halves
	 */
	EXPECT(!gz_stage1_walk(&s, &ram, 0x7000, &ipa));
	EXPECT(!gz_stage1_walk(&s, &ram, 0x6000, &ipa));
	EXPECT(!gz_stage1_walk(&s, &ram, 1ULL << 39, &ipa));
	EXPECT(!gz_stage1_walk(&s, &ram, 0xffff000000000000, &ipa));
	EXPECT(!gz_stage1_walk(&s, &ram, 0x0100000000005123, &ipa));
	s.tcr |= 1ULL << 37;
	EXPECT(gz_stage1_walk(&s, &ram, 0x0100000000005123, &ipa));
	s.tcr |= 1 << 7;
	EXPECT(!gz_stage1_walk(&s, &ram, 0x5123, &ipa));
	s.sctlr = 0;
	EXPECT(gz_stage1_walk(&s, &ram, 0x5123, &ipa) && ipa == 0x5123);
}

/* The guest may place a table anywhere: nothing beside its RAM may be read. */
static void random_tables(void)
{
	struct gz_stage1 s = { .sctlr = 1 };
	uint64_t ipa, *word = ram.hva;
	unsigned int i, j;

	srand(2);
	for (i = 0; i < 20000; i++) {
		for (j = 0; j < 64; j++)
			word[rand() % (ram.size / 8)] =
				(TABLES + rand() % (2 * ram.size)) | (rand() & 3);
		s.tcr = (uint64_t)rand() << 32 ^ (uint64_t)rand() << 8 ^ rand();
		s.ttbr[0] = TABLES + rand() % (2 * ram.size);
		s.ttbr[1] = rand() % 4 ? s.ttbr[0] : ~0ULL;
		gz_stage1_walk(&s, &ram, (uint64_t)rand() << (rand() % 40), &ipa);
		gz_stage1_walk(&s, &ram, -((uint64_t)rand() << 8), &ipa);
	}
}

#define TEST(name) { #name, name }

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(hello),
	TEST(no_breakpoints_and_no_steps),
	TEST(threads),
	TEST(registers),
	TEST(all_registers_go_there_and_back),
	TEST(registers_that_cannot_be_had),
	TEST(memory),
	TEST(description_comes_in_pieces),
	TEST(goes_and_is_interrupted),
	TEST(detach_and_kill),
	TEST(bad_packets_are_asked_for_again),
	TEST(random_bytes),
	TEST(walks),
	TEST(random_tables),
};

int main(void)
{
	unsigned int i, nr = sizeof(tests) / sizeof(*tests);
	int any = 0;

	ram = (struct gz_memory){ .gpa = TABLES, .size = 0x4000,
		.hva = aligned_alloc(4096, 0x4000) };
	if (!ram.hva)
		return 1;
	setlinebuf(stdout);
	printf("TAP version 13\n1..%u\n", nr);
	for (i = 0; i < nr; i++) {
		failed = 0;
		tests[i].run();
		any |= failed;
		printf("%sok %u %s\n", failed ? "not " : "", i + 1,
		       tests[i].name);
	}
	free(ram.hva);
	return any;
}
