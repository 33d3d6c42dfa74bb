/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Proofs with CBMC, a bounded model checker: each program is checked for all values of
 * what nondet_*() returns. Loops are unwound as often as the Makefile says, and CBMC
 * checks that this is enough.
 */
#ifndef GZHYP_PROVE_H
#define GZHYP_PROVE_H

#include "lib/types.h"

#define GIVEN(cond)	__CPROVER_assume(cond)
#define PROVE(cond)	__CPROVER_assert(cond, #cond)

void __CPROVER_assume(_Bool cond);
void __CPROVER_assert(_Bool cond, const char *what);

/* CBMC knows functions of such names: any value */
u64 nondet_u64(void);
u32 nondet_u32(void);
u16 nondet_u16(void);
bool nondet_bool(void);

/* lib/print.h; gzhyp must not give up. */
#define GZHYP_PRINT_H
#define BUG_ON(cond)	PROVE(!(cond))

/* core/vgic/vgic.h: CBMC copies all of a VM for a store through a pointer. */
#define GZHYP_VGIC_H
#define VGIC_MAX_VCPUS	8
#define VGIC_NR_SPIS	64

struct vgic {
	u32 nothing;
};

struct vgic_cpu {
	u32 nothing;
};

#endif /* GZHYP_PROVE_H */
