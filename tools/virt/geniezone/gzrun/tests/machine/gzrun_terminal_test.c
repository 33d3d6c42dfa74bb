// SPDX-License-Identifier: GPL-2.0
/*
 * gzrun on a terminal, with kernels of a few instructions: each end has its own
 * exit status, and restores the terminal.
 *
 * Needs: modes
 */

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "layout.h"

#define GZRUN		"/usr/bin/gzrun"
#define CTRL_A		"\001"
#define CTRL_A_X	CTRL_A "x"
#define CTRL_A_H	CTRL_A "h"

/* An Image begins with instructions in its header: jump over the header */
#define OVER_HEADER	0x14000010	/* b	+64 */
#define IMAGE_MAGIC	0x644d5241

/* mov w0, #0x84000000 + n; hvc #0; b . */
#define PSCI(n)		{ 0x52800000 | (n) << 5, 0x72b08000, 0xd4000002, SPIN }
#define SPIN		0x14000000
#define CODE_LEN	6

#define MOVZ_X1(n)	(0xd2800001 | (n) << 5)
#define MOVK_X1_16(n)	(0xf2a00001 | (n) << 5)

/**
 * struct ending - one way to end
 * @code: the guest's program
 * @type: keys that the user types while the guest runs, or NULL
 * @signal: signal that gzrun gets while the guest runs, or 0
 * @again: output after which gzrun gets the signal again, or NULL
 * @type_again: keys that the user types instead of that, or NULL
 * @status: as in a shell: exit status, or 128 + the signal that killed gzrun
 */
struct ending {
	uint32_t code[CODE_LEN];
	const char *type;
	int signal;
	const char *again;
	const char *type_again;
	int status;
};

FIXTURE(terminal)
{
	char image[32];
	int master, slave;
	struct termios before;
};

FIXTURE_VARIANT(terminal)
{
	struct ending e;
};

FIXTURE_VARIANT_ADD(terminal, power_off) {
	.e = { .code = PSCI(8), .status = 0 },
};

FIXTURE_VARIANT_ADD(terminal, no_kernel) {
	.e = { .status = 1 },
};

FIXTURE_VARIANT_ADD(terminal, reset) {
	.e = { .code = PSCI(9), .status = 3 },
};

FIXTURE_VARIANT_ADD(terminal, panic) {
	.e = { .code = { MOVZ_X1(GZ_PVPANIC_BASE & 0xffff),
			 MOVK_X1_16(GZ_PVPANIC_BASE >> 16),
			 0x52800020,	/* mov	w0, #1 */
			 0x39000020,	/* strb	w0, [x1] */
			 SPIN },
	       .status = 4 },
};

FIXTURE_VARIANT_ADD(terminal, keys) {
	.e = { .code = { SPIN }, .type = CTRL_A_X, .status = 9 },
};

/* The guest takes at most one byte. The help shows that all bytes were read. */
FIXTURE_VARIANT_ADD(terminal, keys_while_input_waits) {
	.e = { .code = { SPIN }, .type = "abc" CTRL_A_H,
	       .again = "Ctrl-A x       end", .type_again = CTRL_A_X,
	       .status = 9 },
};

/* The guest sends back the bytes that it gets; one of them is a Ctrl-A. */
FIXTURE_VARIANT_ADD(terminal, key_that_is_sent) {
	.e = { .code = { MOVZ_X1(GZ_SERIAL_BASE & 0xffff),
			 MOVK_X1_16(GZ_SERIAL_BASE >> 16),
			 0x39400020,	/* ldrb	w0, [x1] */
			 0x34ffffe0,	/* cbz	w0, -4 */
			 0x39000020,	/* strb	w0, [x1] */
			 0x17fffffd },	/* b	-12 */
	       .type = "a" CTRL_A CTRL_A "b", .again = "a" CTRL_A "b",
	       .type_again = CTRL_A_X, .status = 9 },
};

FIXTURE_VARIANT_ADD(terminal, sigint_twice) {
	.e = { .code = { SPIN }, .signal = SIGINT, .again = "asked the guest",
	       .status = 128 + SIGINT },
};

FIXTURE_VARIANT_ADD(terminal, sigterm) {
	.e = { .code = { SPIN }, .signal = SIGTERM, .status = 128 + SIGTERM },
};

FIXTURE_VARIANT_ADD(terminal, sighup) {
	.e = { .code = { SPIN }, .signal = SIGHUP, .status = 128 + SIGHUP },
};

FIXTURE_VARIANT_ADD(terminal, sigquit) {
	.e = { .code = { SPIN }, .signal = SIGQUIT, .status = 128 + SIGQUIT },
};

FIXTURE_VARIANT_ADD(terminal, sigusr2) {
	.e = { .code = { SPIN }, .signal = SIGUSR2, .status = 128 + SIGUSR2 },
};

FIXTURE_VARIANT_ADD(terminal, sigxcpu) {
	.e = { .code = { SPIN }, .signal = SIGXCPU, .status = 128 + SIGXCPU },
};

FIXTURE_VARIANT_ADD(terminal, sigsegv) {
	.e = { .code = { SPIN }, .signal = SIGSEGV, .status = 128 + SIGSEGV },
};

/* Without code this is not an Image */
static bool make_image(char *path, const uint32_t *code)
{
	uint32_t image[64] = { OVER_HEADER };
	bool ok;
	int fd;

	snprintf(path, 32, "/tmp/gzrunXXXXXX");
	fd = mkstemp(path);
	image[4] = sizeof(image);	/* image_size */
	image[14] = code[0] ? IMAGE_MAGIC : 0;
	memcpy(image + 16, code, sizeof(((struct ending *)0)->code));
	ok = fd >= 0 && write(fd, image, sizeof(image)) == sizeof(image);
	close(fd);
	return ok;
}

FIXTURE_SETUP(terminal)
{
	ASSERT_TRUE(make_image(self->image, variant->e.code));
	ASSERT_EQ(0, openpty(&self->master, &self->slave, NULL, NULL, NULL));
	ASSERT_EQ(0, tcgetattr(self->slave, &self->before));
}

FIXTURE_TEARDOWN(terminal)
{
	unlink(self->image);
}

static pid_t start(int slave, const char *image)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	dup2(slave, 0);
	dup2(slave, 1);
	dup2(slave, 2);
	execl(GZRUN, "gzrun", "--kernel", image, "--mem", "32M", NULL);
	_exit(127);
}

/*
 * Waits until the guest has the terminal. The harness's timeout ends a failing
 * test.
 */
static void wait_for_raw(int slave)
{
	struct termios now;

	do {
		usleep(10000);
		tcgetattr(slave, &now);
	} while (now.c_lflag & ICANON);
}

static void wait_for_text(int master, const char *text)
{
	char buf[4096] = "";
	size_t len = 0;
	ssize_t n;

	while (!strstr(buf, text) && len < sizeof(buf) - 1) {
		n = read(master, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			return;
		len += n;
	}
}

static void act(const struct ending *e, pid_t pid, int master)
{
	if (e->type && write(master, e->type, strlen(e->type)) < 0)
		return;
	if (e->signal)
		kill(pid, e->signal);
	if (!e->again)
		return;
	wait_for_text(master, e->again);
	if (e->signal)
		kill(pid, e->signal);
	else
		write(master, e->type_again, strlen(e->type_again));
}

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

TEST_F(terminal, is_as_before)
{
	const struct ending *e = &variant->e;
	struct termios after;
	int status;
	pid_t pid;

	if (access(GZRUN, X_OK))
		SKIP(return, "no " GZRUN);
	pid = start(self->slave, self->image);
	ASSERT_LT(0, pid);
	if (e->type || e->signal) {
		wait_for_raw(self->slave);
		act(e, pid, self->master);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(e->status, shell_status(status));
	ASSERT_EQ(0, tcgetattr(self->slave, &after));
	EXPECT_EQ(self->before.c_iflag, after.c_iflag);
	EXPECT_EQ(self->before.c_oflag, after.c_oflag);
	EXPECT_EQ(self->before.c_cflag, after.c_cflag);
	EXPECT_EQ(self->before.c_lflag, after.c_lflag);
	EXPECT_EQ(0, memcmp(self->before.c_cc, after.c_cc,
			    sizeof(after.c_cc)));
}

#define GDB_SOCKET	"/tmp/gzrun-test-gdb"
#define MIB		0x100000ULL

/* Prints all byte values in turn, for ever */
static const uint32_t count_up[CODE_LEN] = {
	MOVZ_X1(GZ_SERIAL_BASE & 0xffff), MOVK_X1_16(GZ_SERIAL_BASE >> 16),
	0x39000020,	/* strb	w0, [x1] */
	0x11000400,	/* add	w0, w0, #1 */
	0x17fffffe,	/* b	-8 */
};

FIXTURE(debugged)
{
	char image[32];
	int out[2];
	pid_t pid;
	int fd;
};

static pid_t start_debugged(const char *image, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(out, 1);
	execl(GZRUN, "gzrun", "--kernel", image, "--mem", "32M",
	      "--swiotlb", "8M", "--gdb", GDB_SOCKET, NULL);
	_exit(127);
}

/* gzrun creates the socket before the VM. */
static int connect_gdb(void)
{
	struct sockaddr_un addr = { AF_UNIX, GDB_SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		usleep(10000);
	return fd;
}

/* The smallest */
static int pipe_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

FIXTURE_SETUP(debugged)
{
	if (access(GZRUN, X_OK))
		SKIP(return, "no " GZRUN);
	unlink(GDB_SOCKET);
	ASSERT_TRUE(make_image(self->image, count_up));
	ASSERT_EQ(0, pipe2(self->out, O_CLOEXEC));
	ASSERT_EQ(pipe_size(), fcntl(self->out[1], F_SETPIPE_SZ, pipe_size()));
	self->pid = start_debugged(self->image, self->out[1]);
	ASSERT_LT(0, self->pid);
	self->fd = connect_gdb();
}

FIXTURE_TEARDOWN(debugged)
{
	close(self->fd);
	unlink(self->image);
	EXPECT_EQ(-1, access(GDB_SOCKET, F_OK));
}

/* The reply to a packet, without its sum; replies are short and arrive at once */
static bool ask(int fd, const char *question, const char *answer)
{
	char reply[64] = "";
	size_t len = 0;
	uint8_t sum = 0;
	const char *p;
	ssize_t n;

	for (p = question; *p; p++)
		sum += *p;
	dprintf(fd, "$%s#%02x", question, sum);
	while (!strchr(reply, '#') || !strchr(reply, '#')[1] ||
	       !strchr(reply, '#')[2]) {
		n = read(fd, reply + len, sizeof(reply) - 1 - len);
		if (n <= 0)
			return false;
		len += n;
	}
	return !strncmp(reply, "+$", 2) &&
	       !strncmp(reply + 2, answer, strlen(answer)) &&
	       reply[2 + strlen(answer)] == '#';
}

TEST_F(debugged, pool_is_memory_too)
{
	char at[32];
	int status;

	/* Addresses are physical, as the guest has no tables. */
	snprintf(at, sizeof(at), "m%llx,4", GZ_RAM_BASE + 24 * MIB);
	EXPECT_TRUE(ask(self->fd, at, "00000000"));
	snprintf(at, sizeof(at), "m%llx,4", GZ_RAM_BASE + 32 * MIB);
	EXPECT_TRUE(ask(self->fd, at, "E0e"));
	EXPECT_TRUE(ask(self->fd, "vKill;1", "OK"));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(9, shell_status(status));
}

static void wait_until_full(int fd)
{
	int n = 0;

	while (n < pipe_size()) {
		usleep(10000);
		ioctl(fd, FIONREAD, &n);
	}
}

TEST_F(debugged, stop_loses_no_output)
{
	uint8_t buf[4096], last;
	ssize_t n, i, seen;
	int status;

	/* The guest has been stopped since the connection. */
	EXPECT_TRUE(ask(self->fd, "D", "OK"));
	close(self->fd);
	wait_until_full(self->out[0]);
	self->fd = connect_gdb();
	EXPECT_TRUE(ask(self->fd, "?", "T05thread:1;"));
	EXPECT_TRUE(ask(self->fd, "D", "OK"));
	ASSERT_EQ(1, read(self->out[0], &last, 1));
	/* All output from before the stop, and some from after it */
	for (seen = 0; seen < pipe_size() + 64; seen += n) {
		n = read(self->out[0], buf, sizeof(buf));
		ASSERT_LT(0, n);
		for (i = 0; i < n; i++) {
			last++;
			ASSERT_EQ(last, buf[i]);
		}
	}
	kill(self->pid, SIGTERM);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(128 + SIGTERM, shell_status(status));
}

TEST_HARNESS_MAIN
