/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_STAGE1_H
#define GZHYP_STAGE1_H

#include "lib/types.h"

u64 host_translate(u64 va, bool el0);

#endif /* GZHYP_STAGE1_H */
