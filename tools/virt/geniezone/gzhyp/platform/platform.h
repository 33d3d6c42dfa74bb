/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_PLATFORM_H
#define GZHYP_PLATFORM_H

#include "core/mem/owner.h"

#define MAX_CPUS		32
#define MAX_GICR_REGIONS	4
#define MAX_MASTERS		16

/**
 * struct platform - the machine, from the firmware's device tree
 * @ram: ranges of RAM, sorted, with a hole before each of them
 * @cpu_mpidr: affinity of each CPU
 * @uart: the console of EL2, a PL011
 * @smmu: registers of the SMMUv3 that all PCI devices are behind; empty without one
 * @masters: registers of devices that access memory and are behind none
 * @nr_masters: ranges in @masters
 * @nr_ram: ranges in @ram
 * @nr_cpus: CPUs in @cpu_mpidr
 * @nr_gicr: regions in @gicr
 * @gicr: redistributor regions
 * @ppi_maintenance: INTID of the GIC's maintenance interrupt
 * @ppi_hyp_timer: INTID of EL2's timer
 * @ppi_virt_timer: INTID of the virtual timer
 * @bootargs: the host's command line, in the device tree; NULL without one
 */
struct platform {
	struct ram_range ram[OWNER_MAX_RANGES];
	unsigned int nr_ram;
	u64 cpu_mpidr[MAX_CPUS];
	unsigned int nr_cpus;
	u64 uart;
	struct ram_range smmu;
	struct ram_range masters[MAX_MASTERS];
	unsigned int nr_masters;
	struct ram_range gicr[MAX_GICR_REGIONS];
	unsigned int nr_gicr;
	u32 ppi_maintenance;
	u32 ppi_hyp_timer;
	u32 ppi_virt_timer;
	const char *bootargs;
};

extern struct platform platform;

void platform_init(void *fdt);
void platform_edit_fdt(void *fdt, pa_t hidden, u64 size, bool listed, bool closed);
u64 platform_fdt_size(const void *fdt);
void uart_init(u64 base);
void uart_putc(char c);

#endif /* GZHYP_PLATFORM_H */
