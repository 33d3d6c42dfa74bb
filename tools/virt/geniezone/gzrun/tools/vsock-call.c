// SPDX-License-Identifier: GPL-2.0
/*
 * An example of calls from one guest to another, or between guest and host:
 *
 *   vsock-call serve PORT              waits for calls and answers them
 *   vsock-call ask CID PORT WORD...    makes a call and prints the answer
 *
 * A call is one connection by AF_VSOCK. The request is a line: a function and its
 * arguments. The answer is a line: "ok" and the result, or "error" and the reason.
 * Prints "serving" when it serves.
 */

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define LINE	256

static struct sockaddr_vm address(unsigned int cid, const char *port)
{
	return (struct sockaddr_vm){
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = atoi(port),
	};
}

static void answer(FILE *f, const char *request)
{
	long a, b;
	char name[64];

	if (sscanf(request, "add %ld %ld", &a, &b) == 2)
		fprintf(f, "ok %ld\n", a + b);
	else if (!strcmp(request, "kernel\n") && !gethostname(name, sizeof(name)))
		fprintf(f, "ok %s\n", name);
	else
		fprintf(f, "error unknown function\n");
}

static int serve(const char *port)
{
	struct sockaddr_vm addr = address(VMADDR_CID_ANY, port);
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	char request[LINE];
	FILE *f;

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 16))
		err(1, "port %s", port);
	puts("serving");
	fflush(stdout);
	for (;;) {
		f = fdopen(accept(fd, NULL, NULL), "r+");
		if (!f)
			continue;
		if (fgets(request, sizeof(request), f))
			answer(f, request);
		fclose(f);
	}
}

static int ask(const char *cid, const char *port, char **words)
{
	struct sockaddr_vm addr = address(atoi(cid), port);
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	char line[LINE];
	FILE *f;

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "CID %s, port %s", cid, port);
	f = fdopen(fd, "r+");
	if (!f)
		err(1, "fdopen");
	for (; *words; words++)
		fprintf(f, "%s%c", *words, words[1] ? ' ' : '\n');
	fflush(f);
	if (!fgets(line, sizeof(line), f))
		errx(1, "no answer");
	fputs(line, stdout);
	return strncmp(line, "ok", 2) ? 1 : 0;
}

int main(int argc, char **argv)
{
	/* A peer that has gone is an error of the stream */
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc > 4 && !strcmp(argv[1], "ask"))
		return ask(argv[2], argv[3], argv + 4);
	errx(2, "usage: vsock-call serve PORT | ask CID PORT WORD...");
}
