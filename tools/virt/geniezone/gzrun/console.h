/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_CONSOLE_H
#define GZRUN_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Read at once; no more than fits into a buffer that is empty */
#define CONSOLE_READ	256

/* A page of text that is pasted fits in, however slow the guest is */
#define CONSOLE_BUF	16384

/**
 * typedef console_sink - the guest's end
 * @arg: whose
 * @data: bytes for the guest
 * @len: how many
 *
 * Return: how many were taken; console_flush() is to be called when more can be.
 */
typedef size_t (*console_sink)(void *arg, const uint8_t *data, size_t len);

/**
 * struct console - standard input on its way to the guest
 * @sink: the guest's end
 * @arg: for @sink
 * @keys: Ctrl-A is special
 * @escape: the last byte was a special Ctrl-A
 * @open: there is more to read
 * @buf: read, but not yet taken by the guest
 * @start: the first such byte
 * @end: behind the last
 */
struct console {
	console_sink sink;
	void *arg;
	bool keys;
	bool escape;
	bool open;
	uint8_t buf[CONSOLE_BUF];
	size_t start;
	size_t end;
};

void console_init(struct console *con, console_sink sink, void *arg, bool keys);
bool console_wants_input(const struct console *con);
bool console_input(struct console *con);
void console_flush(struct console *con);

#endif /* GZRUN_CONSOLE_H */
