/* SPDX-License-Identifier: GPL-2.0 */
/* Answers of the host's calls as the words of gzhyp.as want them. */
#ifndef GZHYP_ANSWER_H
#define GZHYP_ANSWER_H

#include "core/gz.h"

/* Not a GenieZone call */
#define NO_CALL		(~0U)

u32 answer_call_number(u32 fn);
bool answer_has_call(u32 n);
u64 answer_status(u32 n, u64 status);

#endif /* GZHYP_ANSWER_H */
