/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_CONSOLE_H
#define GZRUN_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serial.h"

/**
 * struct console - standard input on its way to the serial port
 * @serial: the serial port
 * @keys: Ctrl-A is special
 * @escape: the last byte was a special Ctrl-A
 * @open: there is more to read
 * @buf: read, but not yet taken by the serial port
 * @start: the first such byte
 * @end: behind the last
 */
struct console {
	struct gz_serial *serial;
	bool keys;
	bool escape;
	bool open;
	uint8_t buf[256];
	size_t start;
	size_t end;
};

void console_init(struct console *con, struct gz_serial *serial, bool keys);
bool console_wants_input(const struct console *con);
bool console_input(struct console *con);
void console_flush(struct console *con);

#endif /* GZRUN_CONSOLE_H */
