/* SPDX-License-Identifier: GPL-2.0 */
/* Attributes of functions. */
#ifndef GZRUN_COMPILER_H
#define GZRUN_COMPILER_H

/* Arguments like printf()'s: the format is the ath, the first value the bth */
#define printf_like(a, b)	__attribute((format(printf, a, b)))

#endif /* GZRUN_COMPILER_H */
