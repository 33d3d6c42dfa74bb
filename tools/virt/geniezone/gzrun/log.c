// SPDX-License-Identifier: GPL-2.0
/* Messages for the user, on stderr. */

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

bool gz_verbose;
bool gz_log_cr;

/* Data of the guest did not reach the host's file */
static atomic_bool lost;

/* One write per message, so that messages of several threads do not mix. */
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
 * gz_info() - print a message if the user has requested --verbose
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

/**
 * gz_lost() - tell that data of the guest was lost
 * @told: of the file, so that only its first error is printed
 * @what: the file, and what failed
 *
 * errno is the error. It changes the exit status of a guest that powers off.
 */
void gz_lost(atomic_bool *told, const char *what)
{
	atomic_store(&lost, true);
	if (!atomic_exchange(told, true))
		gz_error("%s: %s; further errors are not printed", what,
			 strerror(errno));
}

/**
 * gz_was_lost() - has data of a guest been lost?
 *
 * Return: true if gz_lost() was called.
 */
bool gz_was_lost(void)
{
	return atomic_load(&lost);
}
