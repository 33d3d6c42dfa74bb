// SPDX-License-Identifier: GPL-2.0
/*
 * Standard input to the guest's console. Reads no more than the guest
 * takes, so that nothing is lost when it is slow.
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
 * Return: true when everything read so far has reached the guest and more may
 * come.
 */
bool console_wants_input(const struct console *con)
{
	return con->open && con->start == con->end;
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

/* Take the special keys out of what was read. Returns true for "end". */
static bool filter(struct console *con)
{
	size_t in, out = 0;
	bool send;

	for (in = 0; in < con->end; in++) {
		uint8_t byte = con->buf[in];

		if (con->escape) {
			con->escape = false;
			if (escaped(byte, &send))
				return true;
			if (send)
				con->buf[out++] = CTRL_A;
		} else if (byte == CTRL_A) {
			con->escape = true;
		} else {
			con->buf[out++] = byte;
		}
	}
	con->end = out;
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
	ssize_t n = read(STDIN_FILENO, con->buf, sizeof(con->buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		/* No more input is no reason to stop the guest. */
		con->open = false;
		return false;
	}
	con->start = 0;
	con->end = n;
	if (con->keys && filter(con))
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
