/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_CONSOLE_H
#define GZRUN_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of one read; it must not exceed an empty buffer */
#define CONSOLE_READ	256

/* Enough for a page of pasted text, even if the guest is slow */
#define CONSOLE_BUF	16384

/**
 * typedef console_sink - passes input to the guest
 * @arg: argument of the sink
 * @data: bytes for the guest
 * @len: number of bytes
 *
 * Return: number of bytes that the guest took. Call console_flush() when it can take
 * more.
 */
typedef size_t (*console_sink)(void *arg, const uint8_t *data, size_t len);

/**
 * struct console - standard input on its way to the guest
 * @sink: passes input to the guest
 * @arg: argument of @sink
 * @keys: Ctrl-A is special
 * @escape: the last byte was a special Ctrl-A
 * @open: there may be more to read
 * @buf: bytes that were read but not yet taken by the guest
 * @start: index of the first such byte
 * @end: index behind the last such byte
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
