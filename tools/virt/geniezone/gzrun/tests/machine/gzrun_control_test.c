// SPDX-License-Identifier: GPL-2.0
/* gzrun's control socket, with a tiny VM behind it. */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/gzvm.h>

#include "control.h"
#include "gz_test.h"
#include "vcpu_thread.h"

#define SOCKET		"/tmp/gz-control-test"
#define OK		"{\"ok\": true}"
#define STATUS_OF(state, cpus, memory)					\
	"{\"ok\": true, \"state\": \"" state "\", \"cpus\": " cpus ", "	\
	"\"memory\": " memory ", \"protected\": false}"
#define STATUS(state)	STATUS_OF(state, "1", "4096")
#define UNKNOWN		"{\"ok\": false, \"error\": \"unknown command; there are " \
			"stop, resume, power and status\"}"
#define TOO_LONG	"{\"ok\": false, \"error\": \"the line is too long\"}"

/* The VM behind the socket */
struct target {
	struct gz_vcpu *vcpu;
	struct gz_pause pause;
	unsigned int presses;
};

FIXTURE(control)
{
	struct tvm t;
	struct target to;
	const uint64_t *counter;
	struct control control;
	int fd;
	char line[256];
};

GUEST static void guest_count(uint64_t gpa)
{
	volatile uint64_t *word = (void *)gpa;

	for (;;)
		++*word;
}

static void stop(void *arg)
{
	struct target *to = arg;

	gz_pause_all(&to->pause, GZ_PAUSE_USER, to->vcpu, 1);
}

static void resume(void *arg)
{
	struct target *to = arg;

	gz_pause_resume(&to->pause, GZ_PAUSE_USER);
}

static void power(void *arg)
{
	struct target *to = arg;

	__atomic_fetch_add(&to->presses, 1, __ATOMIC_SEQ_CST);
}

static void status(void *arg, struct control_status *s)
{
	struct target *to = arg;
	unsigned int holders = gz_pause_holders(&to->pause);

	s->paused = holders;
	s->debugger = holders & GZ_PAUSE_DEBUGGER;
	s->vcpus = 1;
	s->memory = 4096;
}

FIXTURE_SETUP(control)
{
	struct control_target target = { &self->to, stop, resume, power, status };

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	unlink(SOCKET);
	ASSERT_EQ(0, gz_kick_init());
	gz_pause_init(&self->to.pause);
	tvm_create(&self->t, 1);
	self->to.vcpu = &self->t.vcpus[0];
	self->to.vcpu->pause = &self->to.pause;
	self->counter = tvm_at(&self->t, SHARED_BASE);
	tvm_enter(&self->t, 0, guest_count, SHARED_BASE);
	vcpu_thread_start(self->to.vcpu);
	wait_for_change(self->counter, 0);
	ASSERT_EQ(0, control_open(&self->control, SOCKET));
	ASSERT_EQ(0, control_start(&self->control, &target));
	self->fd = -1;
}

FIXTURE_TEARDOWN(control)
{
	gz_pause_end(&self->to.pause);
	control_stop(&self->control);
	control_close(&self->control);
	gz_pause_resume(&self->to.pause, GZ_PAUSE_ALL);
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_EQ(0, vcpu_thread_stop(self->to.vcpu));
	tvm_destroy(&self->t);
	gz_pause_destroy(&self->to.pause);
	EXPECT_EQ(-1, access(SOCKET, F_OK));
}

static int connect_client(void)
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

/* One line without its end; empty if none arrives */
static const char *next_line(int fd, char *line, size_t size)
{
	size_t n = 0;
	char c;

	while (n < size - 1 && read(fd, &c, 1) == 1 && c != '\n')
		line[n++] = c;
	line[n] = 0;
	return line;
}

#define connect_to_it() do {						\
	self->fd = connect_client();					\
	ASSERT_LE(0, self->fd);						\
} while (0)

#define send_text(fd, text) \
	ASSERT_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)))

#define expect_answer(fd, answer) \
	EXPECT_STREQ(answer, next_line(fd, self->line, sizeof(self->line)))

#define expect_command(command, answer) do {				\
	send_text(self->fd, command "\n");				\
	expect_answer(self->fd, answer);				\
} while (0)

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

TEST_F(control, stop_and_resume)
{
	connect_to_it();
	expect_command("status", STATUS("running"));
	expect_command("stop", OK);
	expect_stopped();
	expect_command("stop", OK);
	expect_command("status", STATUS("stopped"));
	expect_command("resume", OK);
	expect_running();
	expect_command("status", STATUS("running"));
	expect_command("resume", OK);
	expect_running();
}

TEST_F(control, a_debugger_and_a_client_do_not_resume_each_other)
{
	connect_to_it();
	gz_pause_all(&self->to.pause, GZ_PAUSE_DEBUGGER, self->to.vcpu, 1);
	expect_command("status", STATUS("debugged"));
	expect_command("stop", OK);
	expect_command("resume", OK);
	expect_stopped();
	expect_command("stop", OK);
	gz_pause_resume(&self->to.pause, GZ_PAUSE_DEBUGGER);
	expect_stopped();
	expect_command("resume", OK);
	expect_running();
}

TEST_F(control, power_button)
{
	connect_to_it();
	expect_command("power", OK);
	EXPECT_EQ(1, self->to.presses);
}

TEST_F(control, bad_input)
{
	char longest[100];

	connect_to_it();
	expect_command("", UNKNOWN);
	expect_command("halt", UNKNOWN);
	expect_command("stop it", UNKNOWN);
	expect_command("{\"command\": \"stop\"}", UNKNOWN);
	expect_command("status\r", STATUS("running"));
	memset(longest, 'x', sizeof(longest));
	longest[63] = '\n';
	ASSERT_EQ(64, write(self->fd, longest, 64));
	expect_answer(self->fd, UNKNOWN);
	longest[63] = 'x';
	ASSERT_EQ(100, write(self->fd, longest, 100));
	ASSERT_EQ(100, write(self->fd, longest, 100));
	expect_answer(self->fd, TOO_LONG);
	/* The rest of that line is no command */
	send_text(self->fd, "stop\n");
	expect_command("power", OK);
	EXPECT_EQ(1, self->to.presses);
	expect_running();
}

/* A command in pieces, and several at once */
TEST_F(control, commands_are_lines)
{
	connect_to_it();
	send_text(self->fd, "st");
	usleep(20000);
	send_text(self->fd, "atus\npower\npower\nst");
	expect_answer(self->fd, STATUS("running"));
	expect_answer(self->fd, OK);
	expect_answer(self->fd, OK);
	send_text(self->fd, "op\n");
	expect_answer(self->fd, OK);
	expect_stopped();
	EXPECT_EQ(2, self->to.presses);
}

/* As with "echo status | nc": the answers come, and then the end */
TEST_F(control, a_client_that_sends_nothing_more)
{
	connect_to_it();
	send_text(self->fd, "power\nstatus\n");
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect_answer(self->fd, OK);
	expect_answer(self->fd, STATUS("running"));
	EXPECT_EQ(0, read(self->fd, self->line, 1));
}

/* The next clients wait for room, which a client that leaves makes */
TEST_F(control, several_clients)
{
	int fds[12];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_client();
		ASSERT_LE(0, fds[i]);
		send_text(fds[i], "status\n");
	}
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		expect_answer(fds[i], STATUS("running"));
		close(fds[i]);
	}
}

/* Sends until nothing more is read from the socket */
static void flood(int fd)
{
	static const char commands[] = "status\npower\nnone\n";
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	do {
		while (send(fd, commands, sizeof(commands) - 1, MSG_DONTWAIT) > 0)
			;
	} while (poll(&room, 1, 300) == 1);
}

TEST_F(control, who_does_not_read_delays_nobody)
{
	int fd = connect_client();

	ASSERT_LE(0, fd);
	flood(fd);
	connect_to_it();
	expect_command("status", STATUS("running"));
	expect_command("stop", OK);
	expect_stopped();
	/* Its answers are complete when it reads them */
	expect_answer(fd, STATUS("running"));
	expect_answer(fd, OK);
	expect_answer(fd, UNKNOWN);
	close(fd);
	expect_command("resume", OK);
	expect_running();
	/* The same while the machine ends */
	fd = connect_client();
	ASSERT_LE(0, fd);
	flood(fd);
	control_stop(&self->control);
	close(fd);
}

/* A vCPU whose device is busy does not stop, and the client waits for it */
TEST_F(control, end_while_vcpus_are_waited_for)
{
	uint64_t before;

	gz_pause_enter(&self->to.pause);
	connect_to_it();
	send_text(self->fd, "stop\n");
	do {
		before = counter_now(self->counter);
		usleep(20000);
	} while (before != counter_now(self->counter));
	gz_pause_end(&self->to.pause);
	control_stop(&self->control);
	gz_pause_leave(&self->to.pause);
}

/* gzrun does not take over the socket of another one */
TEST_F(control, the_path_must_be_free)
{
	struct control other;
	char longest[200];

	EXPECT_EQ(-EADDRINUSE, control_open(&other, SOCKET));
	control_close(&other);
	EXPECT_EQ(0, access(SOCKET, F_OK));
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	EXPECT_EQ(-ENAMETOOLONG, control_open(&other, longest));
	control_close(&other);
}

/* Reads lines until one begins with the text; false at the end of the output */
static bool wait_for_line(FILE *f, const char *text)
{
	char line[512];

	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, text, strlen(text)))
			return true;
	return false;
}

/* gzrun with a Linux guest; its output is in *f, and its input stays open */
static pid_t start_gzrun(FILE **f)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe(in) || pipe2(out, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/usr/bin/gzrun", "gzrun", "--cpus", "2", "--control", SOCKET,
		      "-p", "console=ttyS0 panic=-1 quiet gz.cmd=\"echo ready; read -r l\"",
		      NULL);
		_exit(1);
	}
	close(in[0]);
	close(out[1]);
	*f = fdopen(out[0], "r");
	return pid;
}

/* While the guest is stopped, nothing comes of the button */
TEST(gzrun_and_a_linux_guest)
{
	struct { char line[256]; int fd; } data, *self = &data;
	struct pollfd silence = { .events = POLLIN };
	int status;
	pid_t pid;
	FILE *f;

	if (no_gzvm() || access("/usr/bin/gzrun", X_OK))
		SKIP(return, "no gzrun, or " NO_GZVM);
	unlink(SOCKET);
	pid = start_gzrun(&f);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_for_line(f, "ready"));
	connect_to_it();
	expect_command("status", STATUS_OF("running", "2", "268435456"));
	expect_command("stop", OK);
	expect_command("power", OK);
	silence.fd = fileno(f);
	EXPECT_EQ(0, poll(&silence, 1, 300));
	expect_command("resume", OK);
	EXPECT_TRUE(wait_for_line(f, "guest: power button"));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, read(self->fd, self->line, 1));
	EXPECT_EQ(-1, access(SOCKET, F_OK));
	close(self->fd);
	fclose(f);
}

TEST_HARNESS_MAIN
