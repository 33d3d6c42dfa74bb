/* SPDX-License-Identifier: GPL-2.0 */
/* gzhyp.strict: refuse what no shipped driver does. */
#ifndef GZHYP_STRICT_H
#define GZHYP_STRICT_H

#include "core/vm/vm.h"

/*
 * A check of one call's arguments, with the VM as the call's handler gets it.
 * Returns what no shipped driver does, or NULL.
 */
typedef const char *strict_check(struct vm *vm, const u64 *arg);

strict_check strict_probe;
strict_check strict_create_vcpu;
strict_check strict_set_memregion;
strict_check strict_get_one_reg;
strict_check strict_set_one_reg;
strict_check strict_irq_line;
strict_check strict_enable_cap;
strict_check strict_map_guest;
strict_check strict_map_guest_block;

const char *strict_memregion(struct vm *vm, const struct gz_memregion *in);
void strict_report(const char *what);

#endif /* GZHYP_STRICT_H */
