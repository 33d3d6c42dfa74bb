/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One typed function per hypercall. Except where said otherwise each returns
 * 0 or the errno that stands for the status which EL2 gave; each may be
 * called from any context, since EL2 never sleeps, but those that walk memory
 * take long and belong into preemptible context.
 */
#ifndef _GZVM_HYPERCALL_H
#define _GZVM_HYPERCALL_H

#include <linux/types.h>

#include "hyp_abi.h"

/**
 * struct gzvm_call - registers of one hypercall
 * @nr: which call
 * @args: x1 to x7
 * @res: x0 to x3 as EL2 left them
 */
struct gzvm_call {
	enum gzvm_hc nr;
	u64 args[7];
	struct arm_smccc_res res;
};

/**
 * struct gzvm_version - version of the hypervisor
 * @major: major number
 * @minor: minor number
 * @sub: sub number
 */
struct gzvm_version {
	u64 major;
	u64 minor;
	u64 sub;
};

void gzvm_smccc(struct gzvm_call *call);
int gzvm_hyp_errno(long status);

int gzvm_hc_probe(struct gzvm_version *version);
int gzvm_hc_create_vm(unsigned long type, u16 *vm_id);
int gzvm_hc_destroy_vm(u16 vm_id, u64 pages_per_step);
int gzvm_hc_create_vcpu(u16 vm_id, u16 vcpu_id, phys_addr_t shared);
int gzvm_hc_destroy_vcpu(u16 vm_id, u16 vcpu_id);
int gzvm_hc_set_memregion(u16 vm_id, u64 size, phys_addr_t ranges);
int gzvm_hc_memregion_purpose(u16 vm_id, u64 gpa, u64 size, u64 flags);
void gzvm_hc_run_init(struct gzvm_call *call, u16 vm_id, u16 vcpu_id);
int gzvm_hc_run(struct gzvm_call *call, u64 *exit_reason);
int gzvm_hc_get_one_reg(u16 vm_id, u16 vcpu_id, u64 id, u64 *value);
int gzvm_hc_set_one_reg(u16 vm_id, u16 vcpu_id, u64 id, u64 value);
int gzvm_hc_irq_line(u16 vm_id, u16 vcpu_id, u32 spi, bool level);
int gzvm_hc_create_device(u16 vm_id, phys_addr_t device);
int gzvm_hc_enable_cap(u16 vm_id, u64 cap, const u64 args[5], u64 *result);
int gzvm_hc_inform_exit(u16 vm_id);
int gzvm_hc_set_dtb_config(u16 vm_id, u64 gpa, u64 size);
int gzvm_hc_map_guest(u16 vm_id, u32 slot, u64 pfn, u64 gfn, u64 nr_pages);
int gzvm_hc_map_guest_block(u16 vm_id, u32 slot, u64 gfn, u64 nr_pages);
int gzvm_hc_get_statistics(u16 vm_id, u64 *protected_mem, u64 *shared_mem);

#endif /* _GZVM_HYPERCALL_H */
