// SPDX-License-Identifier: GPL-2.0
/*
 * gzrun on a terminal, with kernels of a few instructions: each way to end has an
 * exit status of its own, and leaves the terminal as it was.
 */

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "layout.h"

#define GZRUN		"/usr/bin/gzrun"
#define CTRL_A_X	"\001x"
#define CTRL_A_H	"\001h"

/* The first instructions of an Image are in its header: jump behind it */
#define OVER_HEADER	0x14000010	/* b	+64 */
#define IMAGE_MAGIC	0x644d5241

/* mov w0, #0x84000000 + n; hvc #0; b . */
#define PSCI(n)		{ 0x52800000 | (n) << 5, 0x72b08000, 0xd4000002, SPIN }
#define SPIN		0x14000000

#define MOVZ_X1(n)	(0xd2800001 | (n) << 5)
#define MOVK_X1_16(n)	(0xf2a00001 | (n) << 5)

/**
 * struct ending - one way to end
 * @code: what the guest does
 * @type: what the user types when the guest runs, or NULL
 * @signal: what gzrun gets when the guest runs, or 0
 * @again: what it prints then, upon which it gets the signal again, or NULL
 * @type_again: what the user types instead of that, or NULL
 * @status: as the shell has it: exit status, or 128 + what killed it
 */
struct ending {
	uint32_t code[5];
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

/* The guest takes one byte, if any: the help tells that all were read */
FIXTURE_VARIANT_ADD(terminal, keys_while_input_waits) {
	.e = { .code = { SPIN }, .type = "abc" CTRL_A_H,
	       .again = "Ctrl-A x       end", .type_again = CTRL_A_X,
	       .status = 9 },
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

/* No code: an Image that is none */
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

/* The guest has the terminal. The harness's timeout ends who waits in vain. */
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

TEST_HARNESS_MAIN
