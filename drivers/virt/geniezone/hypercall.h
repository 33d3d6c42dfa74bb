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
 * @id: x0 for EL2, the function id
 * @args: x1 to x7 for EL2
 * @res: x0 to x3 as EL2 left them
 */
struct gzvm_call {
	enum gzvm_hc nr;
	u64 id;
	u64 args[7];
	struct arm_smccc_res res;
};

/**
 * struct gzvm_run - the call that runs a vCPU
 * @call: its registers
 * @hw: second page that the vCPU shares with EL2
 * @vtimer_armed: the guest's timer runs while the vCPU is out, and is the driver's
 *		  to inject
 * @vtimer_due: when, as a value of the system counter
 */
struct gzvm_run {
	struct gzvm_call call;
	struct gzvm_hyp_hwstate *hw;
	bool vtimer_armed;
	u64 vtimer_due;
};

/**
 * struct gzvm_limits - how large a VM may be
 * @vcpus: vCPUs, with ids below that
 * @slots: memory slots, with numbers below that
 * @announced: EL2 has said so: it knows drivers that do more than shipped ones
 */
struct gzvm_limits {
	unsigned int vcpus;
	unsigned int slots;
	bool announced;
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

bool gzvm_hw_vtimer(const struct gzvm_hyp_hwstate *hw, u64 *delay);
bool gzvm_hw_vtimer_offset(const struct gzvm_hyp_hwstate *hw, u64 *offset);

void gzvm_smccc(struct gzvm_call *call);
int gzvm_hyp_errno(int status);
unsigned int gzvm_ipa_bits(void);
bool gzvm_gpa_range_ok(u64 gpa, u64 size);

/**
 * struct gzvm_busy - how a call is repeated while EL2 is busy
 * @limit: calls after which the caller gets -EAGAIN, however long EL2 is busy; it
 *	   neither sleeps nor looks at signals meanwhile; 0 = no limit
 * @kicks: any signal ends it, not only a fatal one
 * @seen: how often EL2 was busy
 * @unclear: after an error, EL2 may have done a part of the call
 */
struct gzvm_busy {
	unsigned int limit;
	bool kicks;
	unsigned int seen;
	bool unclear;
};

bool gzvm_hc_retry(struct gzvm_busy *busy, int *ret);

/**
 * gzvm_hc_repeat() - make a call, and repeat it while EL2 is busy
 * @busy: struct gzvm_busy, zeroed except for @limit and @kicks
 * @call: expression that makes the call; its value is 0 or an errno
 *
 * Context: process context, may sleep.
 * Return: the last value of @call; -EINTR instead of -EAGAIN when a signal ended
 * it; -EAGAIN only at the limit.
 */
#define gzvm_hc_repeat(busy, call)					\
({									\
	int __ret;							\
									\
	do {								\
		__ret = (call);						\
	} while (gzvm_hc_retry(busy, &__ret));				\
	__ret;								\
})

int gzvm_hc_probe(struct gzvm_version *version);
int gzvm_hc_create_vm(unsigned long type, u16 *vm_id);
int gzvm_hc_destroy_vm(u16 vm_id, u64 pages_per_step);
int gzvm_hc_create_vcpu(u16 vm_id, u16 vcpu_id, phys_addr_t shared,
			bool *has_pages);
void gzvm_hc_destroy_vcpu(u16 vm_id, u16 vcpu_id);
int gzvm_hc_register_memregion(u16 vm_id, u64 size, phys_addr_t ranges);
int gzvm_hc_set_memregion(u16 vm_id, u64 size, phys_addr_t ranges,
			  struct gzvm_busy *busy);
int gzvm_hc_memregion_purpose(u16 vm_id, u64 gpa, u64 size, u64 flags);
void gzvm_hc_run_init(struct gzvm_run *run, u16 vm_id, u16 vcpu_id,
		      struct gzvm_hyp_hwstate *hw);
int gzvm_hc_run(struct gzvm_run *run, u64 *exit_reason);
int gzvm_hc_get_one_reg(u16 vm_id, u16 vcpu_id, u64 id, u64 *value);
int gzvm_hc_set_one_reg(u16 vm_id, u16 vcpu_id, u64 id, u64 value);
int gzvm_hc_irq_line(u16 vm_id, u16 vcpu_id, u32 spi, bool level);
int gzvm_hc_create_device(u16 vm_id, phys_addr_t device);
int gzvm_hc_enable_cap(u16 vm_id, u64 cap, const u64 args[5], u64 *result);
void gzvm_hc_limits(struct gzvm_limits *limits);
int gzvm_hc_inform_exit(u16 vm_id);
int gzvm_hc_set_dtb_config(u16 vm_id, u64 gpa, u64 size);
int gzvm_hc_map_guest(u16 vm_id, u32 slot, u64 pfn, u64 gfn, u64 nr_pages,
		      struct gzvm_busy *busy);
int gzvm_hc_map_guest_block(u16 vm_id, u32 slot, u64 gfn, u64 nr_pages,
			    struct gzvm_busy *busy);
int gzvm_hc_get_statistics(u16 vm_id, u64 *protected_mem, u64 *shared_mem);

#endif /* _GZVM_HYPERCALL_H */
