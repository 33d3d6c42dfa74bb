/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GIC_H
#define GZRUN_GIC_H

#include "fdt.h"
#include "vm.h"

int gz_gic_create(const struct gz_vm *vm, unsigned int nr_vcpus);
void gz_gic_fdt(struct gz_fdt *fdt, unsigned int nr_vcpus);

#endif /* GZRUN_GIC_H */
