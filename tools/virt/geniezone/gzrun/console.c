// SPDX-License-Identifier: GPL-2.0
/*
 * Passes standard input to the guest's console. If input does not come from a
 * person, this reads no more than the guest takes, so that a slow guest loses
 * nothing. A person's keys must work even if the guest takes nothing: then this
 * reads everything, and drops what does not fit into @buf.
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
 * console_init() - set up a console
 * @con: filled in
 * @sink: passes input to the guest
 * @arg: argument of @sink
 * @keys: Ctrl-A is special, since input comes from a person
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
 * console_wants_input() - may console_input() be called?
 * @con: the console
 *
 * Return: true if there may be more input, and either keys are special or the guest has
 * taken everything that was read.
 */
bool console_wants_input(const struct console *con)
{
	return con->open && (con->keys || con->start == con->end);
}

static void help(void)
{
	fputs(keys_help, stderr);
}

/*
 * Returns true if the byte after Ctrl-A ends the VM. Sets *send if the byte is
 * for the guest.
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

/* Removes the bytes that the guest has taken */
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

/*
 * Appends everything except the special keys. Returns true if the user ends the
 * VM.
 */
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
 * console_input() - read from standard input
 * @con: the console; both console_wants_input() and poll() allow a read
 *
 * Return: true if the user wants to end the VM.
 */
bool console_input(struct console *con)
{
	uint8_t data[CONSOLE_READ];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		/* The end of input does not stop the guest. */
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
 * console_flush() - offer the guest the bytes that it has not taken yet
 * @con: the console
 */
void console_flush(struct console *con)
{
	if (con->start < con->end)
		con->start += con->sink(con->arg, con->buf + con->start,
					con->end - con->start);
}
