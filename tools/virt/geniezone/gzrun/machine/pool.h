/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_POOL_H
#define GZRUN_POOL_H

#include <libgzvm.h>

int gz_pool_watch(const struct gz_memory *pool, void (*leave)(void), int status);

#endif /* GZRUN_POOL_H */
