/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_TERM_H
#define GZRUN_TERM_H

#include <stdbool.h>

bool term_is_tty(void);
int term_raw(void);
void term_restore(void);

#endif /* GZRUN_TERM_H */
