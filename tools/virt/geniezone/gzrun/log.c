// SPDX-License-Identifier: GPL-2.0
/* Messages for the person who runs the VM, on stderr. */

#include <stdarg.h>
#include <stdio.h>

#include "log.h"

bool gz_verbose;
bool gz_log_cr;

/* One write per message, so that messages of several vCPUs do not mix. */
static void print(const char *fmt, va_list ap)
{
	char text[512];
	int n;

	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n >= 0)
		fprintf(stderr, "gzrun: %s%s\n", text, gz_log_cr ? "\r" : "");
}

/**
 * gz_error() - print an error
 * @fmt: format, without a newline
 */
void gz_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}

/**
 * gz_info() - print something only when the user wants to know more
 * @fmt: format, without a newline
 */
void gz_info(const char *fmt, ...)
{
	va_list ap;

	if (!gz_verbose)
		return;
	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}
