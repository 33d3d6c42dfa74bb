/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Options on the host's command line: gzhyp.WORD, and gzhyp.as=WORD,WORD for the
 * ways in which another EL2 may answer. core/options.c has the words.
 */
#ifndef GZHYP_OPTIONS_H
#define GZHYP_OPTIONS_H

#include "lib/types.h"

enum option {
	OPT_CONTROLS,
	OPT_NO_BLOCK,
	OPT_NO_DEMAND,
	OPT_STRICT,
	OPT_UNLISTED,

	/* Words of gzhyp.as: see there */
	OPT_DESTROY_VCPU_NONE,
	OPT_DESTROY_VCPU_ERROR,
	OPT_RUN_ERROR,
	OPT_STATUS_ZERO,
	OPT_STATUS_JUNK,
	OPT_SVE_HINT,
	OPT_IDLE_NO_MIGRATE,
	OPT_IDLE_NO_DELAY,
	OPT_VTIMER_OFFSET,
	OPT_NO_FIRMWARE,
	OPT_NO_PROTECTION,
	OPT_LRS_STAY,
	OPT_HELD,
	OPT_NO_LEVEL,
	OPT_DROP_ACTIVE,
	OPT_HOST_RELINQUISH,
	OPT_MAP_BUSY,
	OPT_FEW,
	OPT_NO_GET_ONE_REG,
	OPT_WHOLE_BLOCKS,
	OPT_DESTROY_STUCK,
	OPT_MAP_STUCK,
	OPT_CREATE_VCPU_ERROR,
	OPT_MMIO_LOW,
	OPT_PSTATE_ONLY,
	OPT_ROM_FLAG,
	OPT_GIC_FIXED,
	OPT_GIC_SGI_EXITS,
	OPT_OLD,
};

/* A bit for each enum option; written once, before the host runs */
extern u64 options;

static inline bool option(enum option opt)
{
	return options & BIT(opt);
}

void options_parse(const char *args);

#endif /* GZHYP_OPTIONS_H */
