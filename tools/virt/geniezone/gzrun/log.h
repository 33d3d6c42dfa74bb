/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_LOG_H
#define GZRUN_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "compiler.h"

extern bool gz_verbose;

/* The terminal is raw: lines need a carriage return */
extern bool gz_log_cr;

void printf_like(1, 2) gz_error(const char *fmt, ...);
void printf_like(1, 2) gz_info(const char *fmt, ...);
void gz_lost(atomic_bool *told, const char *what);
bool gz_was_lost(void);

#endif /* GZRUN_LOG_H */
