// SPDX-License-Identifier: GPL-2.0
/*
 * vsock-relay's way from one connection to another, with local sockets in place of vsock.
 * Runs on the build machine.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#define main relay_main
#include "../tools/vsock-relay.c"
#undef main

#define SIZE	(4 << 20)

static char data[SIZE];
static int failed;

#define EXPECT(cond) do {						\
	if (!(cond)) {							\
		failed = 1;						\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
	}								\
} while (0)

/* Sender's end, what the relay reads, what it writes, receiver's end */
enum { SENDER, FROM, TO, RECEIVER, NR_ENDS };

static pid_t start(int end[NR_ENDS])
{
	pid_t pid;

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, end));
	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, end + TO));
	pid = fork();
	if (!pid) {
		close(end[SENDER]);
		close(end[RECEIVER]);
		copy(end[FROM], end[TO]);
		_exit(0);
	}
	close(end[FROM]);
	close(end[TO]);
	return pid;
}

static void the_end_reaches_the_receiver(void)
{
	int end[NR_ENDS];
	pid_t pid = start(end);
	char text[8];

	EXPECT(write(end[SENDER], "text", 4) == 4);
	shutdown(end[SENDER], SHUT_WR);
	EXPECT(read(end[RECEIVER], text, sizeof(text)) == 4);
	EXPECT(!read(end[RECEIVER], text, sizeof(text)));
	waitpid(pid, NULL, 0);
	close(end[SENDER]);
	close(end[RECEIVER]);
}

/* More than the sockets have room for: without the error all of it would be taken. */
static void the_sender_learns_that_the_receiver_has_gone(void)
{
	int end[NR_ENDS];
	pid_t pid = start(end);

	close(end[RECEIVER]);
	EXPECT(!write_all(end[SENDER], data, sizeof(data)) && errno == EPIPE);
	close(end[SENDER]);
	waitpid(pid, NULL, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "the_end_reaches_the_receiver", the_end_reaches_the_receiver },
	{ "the_sender_learns_that_the_receiver_has_gone",
	  the_sender_learns_that_the_receiver_has_gone },
};

int main(void)
{
	unsigned int i, nr = sizeof(tests) / sizeof(*tests);
	int any = 0;

	signal(SIGPIPE, SIG_IGN);
	setlinebuf(stdout);
	printf("TAP version 13\n1..%u\n", nr);
	for (i = 0; i < nr; i++) {
		failed = 0;
		tests[i].run();
		any |= failed;
		printf("%sok %u %s\n", failed ? "not " : "", i + 1, tests[i].name);
	}
	return any;
}
