// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the calls of the fuzz's corpus again; see tests/fuzz/fuzz.h. The corpus is a
 * line of hexadecimal digits for each input.
 *
 *   fuzz_test              a test for each line
 *   fuzz_test unpack DIR   a file for each line, as libFuzzer wants it
 *   fuzz_test pack FILE... the lines of these files, on standard output
 */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define MAX_INPUT	4096

struct bytes {
	u8 byte[MAX_INPUT];
	size_t nr;
};

/* Returns false at the end. */
static bool read_line(FILE *file, struct bytes *in)
{
	static char line[2 * MAX_INPUT + 2];
	const char *at = line;
	unsigned int val;

	do {
		if (!fgets(line, sizeof(line), file))
			return false;
	} while (line[0] == '#');
	for (in->nr = 0; sscanf(at, "%2x", &val) == 1; at += 2)
		in->byte[in->nr++] = val;
	return true;
}

static FILE *open_or_die(const char *name, const char *mode)
{
	FILE *file = fopen(name, mode);

	if (!file) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	return file;
}

static void unpack(const char *dir)
{
	FILE *corpus = open_or_die(CORPUS, "r"), *file;
	static struct bytes in;
	unsigned int nr = 0;
	char name[4096];

	while (read_line(corpus, &in)) {
		snprintf(name, sizeof(name), "%s/corpus-%u", dir, nr++);
		file = open_or_die(name, "w");
		fwrite(in.byte, 1, in.nr, file);
		fclose(file);
	}
	fclose(corpus);
}

static void pack(const char *name)
{
	FILE *file = open_or_die(name, "r");
	int c;

	while ((c = getc(file)) != EOF)
		printf("%02x", c);
	printf("\n");
	fclose(file);
}

/* A fault ends the process that finds it. */
static bool passes(const struct bytes *in)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		fuzz_one(in->byte, in->nr);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

static int replay(void)
{
	FILE *corpus = open_or_die(CORPUS, "r");
	unsigned int nr = 0, bad = 0;
	static struct bytes in;
	bool ok;

	printf("KTAP version 1\n");
	while (read_line(corpus, &in)) {
		ok = passes(&in);
		bad += !ok;
		printf("%sok %u\n", ok ? "" : "not ", ++nr);
	}
	printf("1..%u\n", nr);
	fclose(corpus);
	return bad || !nr;
}

int main(int argc, char **argv)
{
	int i;

	if (argc == 3 && !strcmp(argv[1], "unpack")) {
		unpack(argv[2]);
		return 0;
	}
	for (i = 2; i < argc && !strcmp(argv[1], "pack"); i++)
		pack(argv[i]);
	return argc > 1 ? 0 : replay();
}
