/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_PRINT_H
#define GZHYP_PRINT_H

#include <stdarg.h>

#include "lib/types.h"

void print(const char *fmt, ...) __printf(1, 2);
void vprint(const char *fmt, va_list args);
void console_force_unlock(void);
void __noreturn panic(const char *fmt, ...) __printf(1, 2);

extern void (*panic_stop_others)(void);

#define BUG_ON(cond) do {						\
	if (cond)							\
		panic("%s:%d: %s", __FILE__, __LINE__, #cond);		\
} while (0)

#endif /* GZHYP_PRINT_H */
