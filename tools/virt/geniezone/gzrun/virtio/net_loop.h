/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_NET_LOOP_H
#define GZRUN_NET_LOOP_H

#include <stddef.h>
#include <stdint.h>

size_t gz_net_loop_answer(const uint8_t *frame, size_t len, uint8_t *answer);

#endif /* GZRUN_NET_LOOP_H */
