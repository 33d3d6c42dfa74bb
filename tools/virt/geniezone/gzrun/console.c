// SPDX-License-Identifier: GPL-2.0
/*
 * Standard input to the guest's console. Without keys, it reads no more than the
 * guest takes, so that nothing is lost when it is slow. A person's keys work also
 * when the guest takes nothing: all is read, and what is too much for @buf is lost.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console.h"

#define CTRL_A	0x01

static const char keys_help[] =
	"\r\nCtrl-A x       end the VM\r\n"
	"Ctrl-A Ctrl-A  send Ctrl-A\r\n"
	"Ctrl-A h       this help\r\n";

/**
 * console_init() - start
 * @con: to be filled in
 * @sink: where input goes
 * @arg: for @sink
 * @keys: Ctrl-A is special: input comes from a person
 */
void console_init(struct console *con, console_sink sink, void *arg, bool keys)
{
	memset(con, 0, sizeof(*con));
	con->sink = sink;
	con->arg = arg;
	con->keys = keys;
	con->open = true;
}

/**
 * console_wants_input() - is it worth waiting for input?
 * @con: the console
 *
 * Return: true when more may come, and there are keys to look for or all that was
 * read so far has reached the guest.
 */
bool console_wants_input(const struct console *con)
{
	return con->open && (con->keys || con->start == con->end);
}

static void help(void)
{
	fputs(keys_help, stderr);
}

/* Returns true when the byte after Ctrl-A ends the VM; sets *send if the
 * guest is to get it.
 */
static bool escaped(uint8_t byte, bool *send)
{
	*send = false;
	switch (byte) {
	case 'x':
	case 'X':
		return true;
	case 'h':
	case '?':
		help();
		break;
	case CTRL_A:
	case 'a':
		*send = true;
		break;
	}
	return false;
}

/* What the guest has taken makes room for what comes. */
static void make_room(struct console *con)
{
	con->end -= con->start;
	memmove(con->buf, con->buf + con->start, con->end);
	con->start = 0;
}

static void append(struct console *con, uint8_t byte)
{
	if (con->end < sizeof(con->buf))
		con->buf[con->end++] = byte;
}

/* Append it, but for the special keys. Returns true for "end". */
static bool filter(struct console *con, const uint8_t *data, size_t len)
{
	bool send = true;

	for (; len--; data++) {
		if (con->escape) {
			con->escape = false;
			if (escaped(*data, &send))
				return true;
			if (send)
				append(con, CTRL_A);
		} else if (con->keys && *data == CTRL_A) {
			con->escape = true;
		} else {
			append(con, *data);
		}
	}
	return false;
}

/**
 * console_input() - read what standard input has
 * @con: the console; console_wants_input() said yes, poll() also
 *
 * Return: true when the user wants to end the VM.
 */
bool console_input(struct console *con)
{
	uint8_t data[CONSOLE_READ];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		/* No more input is no reason to stop the guest. */
		con->open = false;
		return false;
	}
	make_room(con);
	if (filter(con, data, n))
		return true;
	console_flush(con);
	return false;
}

/**
 * console_flush() - offer the guest what it has not taken yet
 * @con: the console
 */
void console_flush(struct console *con)
{
	if (con->start < con->end)
		con->start += con->sink(con->arg, con->buf + con->start,
					con->end - con->start);
}
