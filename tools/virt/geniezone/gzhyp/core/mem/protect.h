/* SPDX-License-Identifier: GPL-2.0 */
/* Protected VMs: protect.c has the host's side, share.c the guest's. */
#ifndef GZHYP_PROTECT_H
#define GZHYP_PROTECT_H

#include "core/vm/vcpu.h"

/* From the first RUN on: registers, vCPUs and memory are the guest's. */
static inline bool protect_is_sealed(const struct vm *vm)
{
	return READ_ONCE(vm->protection) >= VM_SEALING;
}

/* Does a page that is mapped in @region now leave the host? */
static inline bool protect_is_private(const struct vm *vm,
				      const struct region *region)
{
	return protect_is_sealed(vm) && !(region->flags & GZ_MEM_STATIC_SWIOTLB);
}

/* core/mem/protect.c */
int protect_cap(struct vm *vm, u64 command, u64 gpa, u64 *result);
int protect_before_run(struct vcpu *vcpu);
void protect_taken(struct vm *vm, u64 gpa, pa_t pa, u64 size);
void protect_give_back(struct vm *vm, pa_t pa, u64 size);
void protect_wipe_all(void);

/* core/mem/share.c */
u64 guest_memory_features(const struct vcpu *vcpu);
bool guest_memory_call(struct vcpu *vcpu, u32 *reason);

/* arch/pvmfw-image.S */
extern const char pvmfw_start[], pvmfw_end[];

#endif /* GZHYP_PROTECT_H */
