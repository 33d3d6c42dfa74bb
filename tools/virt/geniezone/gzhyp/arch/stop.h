/* SPDX-License-Identifier: GPL-2.0 */
/* Stops all CPUs when gzhyp has found a bug of its own. */
#ifndef GZHYP_STOP_H
#define GZHYP_STOP_H

#include "lib/types.h"

extern bool cpus_stop;

void stop_other_cpus(void);
void __noreturn stop_this_cpu(void);

/* On each way from a lower exception level into EL2 */
static inline void stop_if_wanted(void)
{
	if (READ_ONCE(cpus_stop))
		stop_this_cpu();
}

#endif /* GZHYP_STOP_H */
