// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger connects to a running guest: gzrun's server with a tiny VM behind
 * it.
 */

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/gzvm.h>

#include "gdb/server.h"
#include "gdb/target.h"
#include "gz_test.h"
#include "vcpu_thread.h"

#define SOCKET		"/tmp/gz-gdb-test"

FIXTURE(gdb)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	const uint64_t *counter;
	struct gz_pause pause;
	struct gz_gdb_target target;
	struct gdb_server server;
	bool killed;
	int fd;
	char reply[8192];
};

static void kill_it(void *arg)
{
	*(bool *)arg = true;
}

GUEST static void guest_count(uint64_t gpa)
{
	volatile uint64_t *word = (void *)gpa;

	for (;;)
		++*word;
}

FIXTURE_SETUP(gdb)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	unlink(SOCKET);
	ASSERT_EQ(0, gz_kick_init());
	gz_pause_init(&self->pause);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	self->vcpu->pause = &self->pause;
	self->counter = tvm_at(&self->t, SHARED_BASE);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	vcpu_thread_start(self->vcpu);
	wait_for_change(self->counter, 0);
	gz_gdb_target_init(&self->target, self->vcpu, 1, &self->pause,
			   &self->t.mem);
	self->target.kill = kill_it;
	self->target.kill_arg = &self->killed;
	ASSERT_EQ(0, gdb_server_listen(&self->server, SOCKET));
	ASSERT_EQ(0, gdb_server_start(&self->server, &self->target.ops));
	self->fd = -1;
}

FIXTURE_TEARDOWN(gdb)
{
	gdb_server_stop(&self->server, 0);
	gdb_server_close(&self->server);
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
	tvm_destroy(&self->t);
	gz_pause_destroy(&self->pause);
	EXPECT_EQ(-1, access(SOCKET, F_OK));
}

static int connect_gdb(void)
{
	struct sockaddr_un addr = { AF_UNIX, SOCKET };
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -errno;
}

/* The content of one packet; false if none arrives */
static bool next_reply(int fd, char *reply, size_t size)
{
	size_t n = 0;
	char c = 0;

	while (c != '$')
		if (read(fd, &c, 1) != 1)
			return false;
	while (read(fd, &c, 1) == 1 && c != '#' && n < size - 1)
		reply[n++] = c;
	reply[n] = 0;
	return read(fd, &c, 1) == 1 && read(fd, &c, 1) == 1;
}

static bool send_packet(int fd, const char *text)
{
	uint8_t sum = 0;
	const char *p;

	for (p = text; *p; p++)
		sum += *p;
	return dprintf(fd, "$%s#%02x", text, sum) > 0;
}

#define connect_to_it() do {						\
	self->fd = connect_gdb();					\
	ASSERT_LE(0, self->fd);						\
} while (0)

#define expect_next(answer) do {					\
	ASSERT_TRUE(next_reply(self->fd, self->reply,			\
			       sizeof(self->reply)));			\
	EXPECT_STREQ(answer, self->reply);				\
} while (0)

#define expect_reply(question, answer) do {				\
	ASSERT_TRUE(send_packet(self->fd, question));			\
	expect_next(answer);						\
} while (0)

/* Numbers are sent byte by byte, the lowest byte first. */
static uint64_t number(const char *digits)
{
	return __builtin_bswap64(strtoull(digits, NULL, 16));
}

static uint64_t counter_now(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#define expect_stopped() do {						\
	uint64_t __before = counter_now(self->counter);			\
									\
	usleep(20000);							\
	EXPECT_EQ(__before, counter_now(self->counter));		\
} while (0)

#define expect_running() \
	wait_for_change(self->counter, counter_now(self->counter))

TEST_F(gdb, stops_shows_and_goes_on)
{
	uint64_t pc;
	char word[32];

	connect_to_it();
	expect_reply("?", "T05thread:1;");
	expect_stopped();
	ASSERT_TRUE(send_packet(self->fd, "p20"));
	ASSERT_TRUE(next_reply(self->fd, self->reply, sizeof(self->reply)));
	pc = number(self->reply);
	EXPECT_LE(tvm_gpa_of(guest_count), pc);
	EXPECT_GT(tvm_gpa_of(guest_count) + 256, pc);

	snprintf(word, sizeof(word), "m%lx,8", (long)SHARED_BASE);
	ASSERT_TRUE(send_packet(self->fd, word));
	ASSERT_TRUE(next_reply(self->fd, self->reply, sizeof(self->reply)));
	EXPECT_EQ(counter_now(self->counter), number(self->reply));

	snprintf(word, sizeof(word), "M%lx,8:0000000000000080",
		 (long)SHARED_BASE);
	expect_reply(word, "OK");
	EXPECT_EQ(1ULL << 63, counter_now(self->counter));
	expect_reply("m1,8", "E0e");

	ASSERT_TRUE(send_packet(self->fd, "vCont;c"));
	expect_running();
	EXPECT_LE(1ULL << 63, counter_now(self->counter));
	ASSERT_EQ(1, write(self->fd, "\x03", 1));
	expect_next("T02thread:1;");
	expect_stopped();
	expect_reply("D", "OK");
	expect_running();
	close(self->fd);
}

TEST_F(gdb, many_stops)
{
	unsigned int i;

	connect_to_it();
	for (i = 0; i < 200; i++) {
		ASSERT_TRUE(send_packet(self->fd, "c"));
		if (i % 2)
			expect_running();
		ASSERT_EQ(1, write(self->fd, "\x03", 1));
		expect_next("T02thread:1;");
	}
	expect_stopped();
	close(self->fd);
	expect_running();
}

/* The debugger may disconnect at any time, whatever it has sent by then */
TEST_F(gdb, guest_goes_on_without)
{
	static const char * const last[] = {
		"", "$", "$g", "$g#", "$g#67", "+$c#63", "$c#63\x03", "\x03",
		"$m0,ffffffffffffffff#00", "$k", "$vCont;c:1#15",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(last); i++) {
		connect_to_it();
		if (*last[i])
			ASSERT_LT(0, write(self->fd, last[i], strlen(last[i])));
		close(self->fd);
		expect_running();
	}
	/* The next debugger is served as if nothing had happened. */
	connect_to_it();
	expect_reply("?", "T05thread:1;");
	close(self->fd);
	EXPECT_FALSE(self->killed);
}

/* One at a time: the second debugger waits until the first disconnects. */
TEST_F(gdb, second_waits)
{
	int fd;

	connect_to_it();
	expect_reply("?", "T05thread:1;");
	fd = connect_gdb();
	ASSERT_LE(0, fd);
	ASSERT_TRUE(send_packet(fd, "?"));
	expect_reply("qC", "QC1");
	close(self->fd);
	self->fd = fd;
	expect_next("T05thread:1;");
	close(fd);
}

TEST_F(gdb, end_is_told)
{
	connect_to_it();
	/*
	 * Wait for the stop: before that, the guest runs because no debugger is
	 * served yet.
	 */
	expect_reply("?", "T05thread:1;");
	ASSERT_TRUE(send_packet(self->fd, "c"));
	expect_running();
	gdb_server_stop(&self->server, 3);
	expect_next("W03");
	close(self->fd);
	/* Also while a debugger has stopped the guest */
	ASSERT_EQ(0, gdb_server_start(&self->server, &self->target.ops));
	connect_to_it();
	expect_reply("?", "T05thread:1;");
	gdb_server_stop(&self->server, 0);
	expect_running();
	close(self->fd);
}

static void wait_until_stopped(const uint64_t *counter)
{
	uint64_t before;

	do {
		before = counter_now(counter);
		usleep(20000);
	} while (before != counter_now(counter));
}

/* Sends until the socket is full: the server waits for room for its replies. */
static void flood(int fd)
{
	static const char question[] = "$m0,800#61";
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	do {
		while (send(fd, question, sizeof(question) - 1,
			    MSG_DONTWAIT) > 0)
			;
	} while (poll(&room, 1, 500) == 1);
}

TEST_F(gdb, who_does_not_read_keeps_nobody)
{
	connect_to_it();
	flood(self->fd);
	gdb_server_stop(&self->server, 0);
	expect_running();
	close(self->fd);
}

/* A vCPU whose device is busy does not stop, and the debugger waits for it */
TEST_F(gdb, end_while_vcpus_are_waited_for)
{
	gz_pause_enter(&self->pause);
	connect_to_it();
	wait_until_stopped(self->counter);
	gz_pause_end(&self->pause);
	gdb_server_stop(&self->server, 0);
	gz_pause_leave(&self->pause);
	expect_running();
	close(self->fd);
}

TEST_F(gdb, kill_ends_the_machine)
{
	connect_to_it();
	expect_reply("vKill;1", "OK");
	while (!__atomic_load_n(&self->killed, __ATOMIC_RELAXED))
		usleep(1000);
	close(self->fd);
}

TEST_HARNESS_MAIN
