// SPDX-License-Identifier: GPL-2.0
/* gzrun's sandbox, and the helper process outside of it. They need no VM. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "kselftest_harness.h"
#include "helper.h"
#include "sandbox.h"

#define STATUS		11
#define FILE_A		"/tmp/gz-sandbox-a"
#define FILE_B		"/tmp/gz-sandbox-b"

/* The two ends of a process that enters the sandbox */
struct inmate {
	pid_t pid;
	FILE *err;
	char text[256];
};

static void opens(void)
{
	open("/dev/null", O_RDONLY);
}

static void makes_a_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void starts_a_program(void)
{
	execl("/bin/true", "true", NULL);
}

static void forks(void)
{
	if (!fork())
		_exit(0);
}

static void maps_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void makes_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void types_on_the_terminal(void)
{
	ioctl(0, TIOCSTI, "x");
}

static void makes_a_vm(void)
{
	ioctl(0, GZVM_CREATE_VM, 0);
}

static void removes(void)
{
	unlink(FILE_A);
}

static void signals_another(void)
{
	kill(1, 0);
}

static void signals_a_thread_of_another(void)
{
	syscall(SYS_tgkill, 1, 1, 0);
}

static void traces(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
}

/* Made before the sandbox */
static int datagrams;

static void sends_to_a_socket(void)
{
	struct sockaddr_un addr = { AF_UNIX, "/tmp/gz-sandbox-other" };

	sendto(datagrams, "", 1, 0, (struct sockaddr *)&addr, sizeof(addr));
}

static void *in_thread(void *arg)
{
	opens();
	return arg;
}

/* With the mask of the threads of vCPUs and devices */
static void opens_in_a_thread(void)
{
	pthread_t thread;
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
}

static const struct {
	const char *name;
	int call;
	void (*fn)(void);
} forbidden[] = {
	{ "open", SYS_openat, opens },
	{ "open in a thread", SYS_openat, opens_in_a_thread },
	{ "socket", SYS_socket, makes_a_socket },
	{ "exec", SYS_execve, starts_a_program },
	{ "fork", SYS_clone, forks },
	{ "map code", SYS_mmap, maps_code },
	{ "make code", SYS_mprotect, makes_code },
	{ "terminal", SYS_ioctl, types_on_the_terminal },
	{ "another VM", SYS_ioctl, makes_a_vm },
	{ "unlink", SYS_unlinkat, removes },
	{ "kill", SYS_kill, signals_another },
	{ "tgkill", SYS_tgkill, signals_a_thread_of_another },
	{ "ptrace", SYS_ptrace, traces },
	{ "send to a socket", SYS_sendto, sends_to_a_socket },
};

/* Runs @fn in the sandbox, in a process of its own */
static int run_inside(struct inmate *in, const struct gz_sandbox *s, void (*fn)(void))
{
	int pipes[2], status;
	size_t n;

	if (pipe(pipes))
		return -1;
	in->pid = fork();
	if (!in->pid) {
		dup2(pipes[1], STDERR_FILENO);
		if (gz_sandbox_enter(s))
			_exit(100);
		fn();
		_exit(0);
	}
	close(pipes[1]);
	in->err = fdopen(pipes[0], "r");
	n = fread(in->text, 1, sizeof(in->text) - 1, in->err);
	in->text[n] = '\0';
	fclose(in->err);
	waitpid(in->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(forbidden_calls_end_it_with_a_message)
{
	struct gz_sandbox s = { .status = STATUS };
	struct inmate in;
	unsigned int i;
	char text[64];

	if (!gz_sandbox_possible())
		SKIP(return, "no seccomp");
	datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ASSERT_LE(0, datagrams);
	for (i = 0; i < ARRAY_SIZE(forbidden); i++) {
		EXPECT_EQ(STATUS, run_inside(&in, &s, forbidden[i].fn))
			TH_LOG("%s", forbidden[i].name);
		snprintf(text, sizeof(text), "refused system call %d:",
			 forbidden[i].call);
		EXPECT_NE(NULL, strstr(in.text, text))
			TH_LOG("%s: %s", forbidden[i].name, in.text);
	}
}

static void leaves(void)
{
	if (write(STDERR_FILENO, "left. ", 6) != 6)
		_exit(99);
}

TEST(the_terminal_is_restored_before)
{
	struct gz_sandbox s = { .status = STATUS, .leave = leaves };
	struct inmate in;

	if (!gz_sandbox_possible())
		SKIP(return, "no seccomp");
	EXPECT_EQ(STATUS, run_inside(&in, &s, opens));
	EXPECT_EQ(0, strncmp(in.text, "left. gzrun: ", 13));
}

/* Only with --on-reset restart */
TEST(a_restart_may_make_a_vm)
{
	struct gz_sandbox s = { .status = STATUS, .restart = true };
	struct inmate in;

	if (!gz_sandbox_possible())
		SKIP(return, "no seccomp");
	EXPECT_EQ(0, run_inside(&in, &s, makes_a_vm));
	EXPECT_EQ(STATUS, run_inside(&in, &s, opens));
}

static void *allocate(void *arg)
{
	return malloc((size_t)arg);
}

/* Threads, memory, messages, signals to itself */
static void works(void)
{
	pthread_t thread;
	void *big;
	int i;

	for (i = 0; i < 8; i++) {
		if (pthread_create(&thread, NULL, allocate, (void *)(8UL << 20)) ||
		    pthread_join(thread, &big) || !big)
			_exit(90);
		memset(big, i, 8 << 20);
		free(big);
	}
	pthread_kill(pthread_self(), SIGUSR1);
	usleep(1000);
	fprintf(stderr, "works");
}

TEST(what_gzrun_needs_is_allowed)
{
	struct gz_sandbox s = { .status = STATUS };
	struct inmate in;

	if (!gz_sandbox_possible())
		SKIP(return, "no seccomp");
	signal(SIGUSR1, SIG_IGN);
	EXPECT_EQ(0, run_inside(&in, &s, works));
	EXPECT_STREQ("works", in.text);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static const struct helper_files one_file = {
	.open = { { FILE_A, O_RDONLY } },
	.nr_open = 1,
	.remove = { FILE_B },
	.nr_remove = 1,
};

/* The user of the helper, in the sandbox */
static void asks(void)
{
	char text[8] = "";
	int fd;

	fd = helper_open(FILE_A, O_RDONLY);
	if (fd < 0 || read(fd, text, 7) != 5 || strcmp(text, "hello"))
		_exit(91);
	if (write(fd, "x", 1) >= 0 || errno != EBADF)
		_exit(92);
	if (helper_open(FILE_A, O_RDWR) >= 0 || errno != EPERM)
		_exit(93);
	if (helper_open(FILE_B, O_RDONLY) >= 0 || errno != EPERM)
		_exit(94);
	/* Each time, the file is opened anew */
	if (helper_open(FILE_A, O_RDONLY) < 0)
		_exit(95);
}

TEST(the_helper_opens_files_of_its_list_only)
{
	struct gz_sandbox s = { .status = STATUS };
	struct inmate in;

	if (!gz_sandbox_possible())
		SKIP(return, "no seccomp");
	ASSERT_TRUE(write_file(FILE_A, "hello"));
	ASSERT_TRUE(write_file(FILE_B, "socket"));
	ASSERT_EQ(0, helper_start(&one_file));
	helper_use();
	EXPECT_EQ(0, run_inside(&in, &s, asks));
	EXPECT_EQ(0, access(FILE_B, F_OK));
	unlink(FILE_A);
	EXPECT_EQ(-1, helper_open(FILE_A, O_RDONLY));
	EXPECT_EQ(ENOENT, errno);
	helper_stop();
	EXPECT_EQ(-1, access(FILE_B, F_OK));
}

TEST(the_helper_removes_sockets_after_sigkill)
{
	int tries = 0;
	pid_t pid;

	ASSERT_TRUE(write_file(FILE_B, "socket"));
	pid = fork();
	if (!pid) {
		if (helper_start(&one_file))
			_exit(1);
		raise(SIGKILL);
	}
	waitpid(pid, NULL, 0);
	while (!access(FILE_B, F_OK) && tries++ < 1000)
		usleep(10000);
	EXPECT_EQ(-1, access(FILE_B, F_OK));
}

TEST_HARNESS_MAIN
