// SPDX-License-Identifier: GPL-2.0
/* Stops the machine when gzhyp has found a bug of its own. */
#include <stdarg.h>

#include "lib/print.h"

/* Stops the other CPUs; NULL as long as there are none */
void (*panic_stop_others)(void);

/**
 * panic() - print a message and stop all CPUs
 * @fmt: which bug of gzhyp's was found
 */
void __noreturn panic(const char *fmt, ...)
{
	va_list args;

	console_force_unlock();
	print("gzhyp: PANIC: ");
	va_start(args, fmt);
	vprint(fmt, args);
	va_end(args);
	print("\n");
	if (panic_stop_others)
		panic_stop_others();
	for (;;)
		asm volatile("wfi");
}
