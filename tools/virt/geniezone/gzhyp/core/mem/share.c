// SPDX-License-Identifier: GPL-2.0
/*
 * Calls by which a guest shares memory or gives it back: those of pKVM, which
 * upstream guests make. Reserved arguments must be zero; a page is 4 KiB.
 *
 * RELINQUISH works for any guest, the others for protected guests only: from an
 * open VM they are unknown calls, which go to the VMM.
 */
#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/psci.h"

/* Besides SMCCC's statuses: the host must map the page first. */
#define NOT_MAPPED	1

/* Called with vm->lock held. Returns a status for the guest. */
typedef int page_fn(struct vm *vm, struct region *region, u64 ipa, pa_t pa);

static int with_page(struct vm *vm, u64 ipa, page_fn *fn)
{
	int ret = SMCCC_INVALID_PARAMETER;
	struct region *region;
	struct pgt_leaf leaf;

	if (!IS_ALIGNED(ipa, PAGE_SIZE) || ipa >= IPA_LIMIT)
		return ret;
	spin_lock(&vm->lock);
	region = region_of(vm, ipa);
	if (region) {
		leaf = pgt_lookup(&vm->s2, ipa);
		ret = leaf.valid ? fn(vm, region, ipa, leaf.pa) : NOT_MAPPED;
	}
	spin_unlock(&vm->lock);
	return ret;
}

/* In a shared region nothing is to be done. */
static int share_page(struct vm *vm, struct region *region, u64 ipa, pa_t pa)
{
	if (!protect_is_private(vm, region))
		return 0;
	if (owner_guest_share(pa, PAGE_SIZE, vm->id))
		return SMCCC_INVALID_PARAMETER;
	vm->private_pages--;
	return 0;
}

static int unshare_page(struct vm *vm, struct region *region, u64 ipa, pa_t pa)
{
	if (!protect_is_private(vm, region) ||
	    owner_guest_unshare(pa, PAGE_SIZE, vm->id))
		return SMCCC_INVALID_PARAMETER;
	/* The guest may read the page with its caches off. */
	dcache_clean_inval(pa_to_va(pa), PAGE_SIZE);
	vm->private_pages++;
	return 0;
}

static int relinquish_page(struct vm *vm, struct region *region, u64 ipa, pa_t pa)
{
	u32 value;

	/* Without memory to split the block, the page stays the guest's. */
	if (pgt_split(&vm->s2, ipa))
		return SMCCC_INVALID_PARAMETER;
	pgt_unmap(&vm->s2, ipa, PAGE_SIZE);
	vm->unmaps++;
	if (owner_state(pa, &value) == PAGE_GUEST)
		vm->private_pages--;
	protect_give_back(vm, pa, PAGE_SIZE);
	region->mapped--;
	vm->mapped_pages--;
	return 0;
}

static u32 call_meminfo(struct vcpu *vcpu, u64 *x)
{
	x[0] = x[1] || x[2] || x[3] ? (u64)SMCCC_INVALID_PARAMETER : PAGE_SIZE;
	return 0;
}

/*
 * If the guest does not have the page yet, the call becomes a page fault: the host
 * maps the page, and the guest repeats its call.
 */
static u32 call_share(struct vcpu *vcpu, u64 *x)
{
	int ret = SMCCC_INVALID_PARAMETER;

	if (!x[2] && !x[3])
		ret = with_page(vcpu->vm, x[1], share_page);
	if (ret == NOT_MAPPED) {
		vcpu->regs.pc -= 4;
		return guest_page_fault(vcpu, x[1]);
	}
	x[0] = (s64)ret;
	return 0;
}

/* A page that is not mapped is not shared. */
static u32 call_unshare(struct vcpu *vcpu, u64 *x)
{
	int ret = SMCCC_INVALID_PARAMETER;

	if (!x[2] && !x[3])
		ret = with_page(vcpu->vm, x[1], unshare_page);
	x[0] = ret ? (u64)SMCCC_INVALID_PARAMETER : 0;
	return 0;
}

/*
 * If this call has taken the page from the guest, it is passed on to the host, which
 * drops its hold on the page. A page that the guest did not have is not passed on:
 * the host could drop a page that another vCPU's fault has just brought.
 */
static bool relinquish(struct vcpu *vcpu, u64 *x)
{
	if (!with_page(vcpu->vm, x[1], relinquish_page))
		return false;
	x[0] = (u64)SMCCC_INVALID_PARAMETER;
	return true;
}

/* Which of the calls exist: bits for VENDOR_HYP_FEATURES */
u64 guest_memory_features(const struct vcpu *vcpu)
{
	/* An open guest may use it for its balloon. */
	if (!protect_is_sealed(vcpu->vm))
		return BIT(VENDOR_HYP_RELINQUISH & 0xffff);
	return BIT(VENDOR_HYP_MEMINFO & 0xffff) |
	       BIT(VENDOR_HYP_MEM_SHARE & 0xffff) |
	       BIT(VENDOR_HYP_MEM_UNSHARE & 0xffff) |
	       BIT(VENDOR_HYP_RELINQUISH & 0xffff);
}

/**
 * guest_memory_call() - serve one of these calls
 * @vcpu: loaded in this CPU
 * @reason: gets 0, to go on in the guest, or an exit reason
 *
 * Return: true if it was served; false if it goes to the host, like an unknown call
 * or a RELINQUISH that has taken a page.
 */
bool guest_memory_call(struct vcpu *vcpu, u32 *reason)
{
	u32 fn = vcpu->regs.x[0];
	u64 *x = vcpu->regs.x;

	*reason = 0;
	if (fn == VENDOR_HYP_RELINQUISH)
		return relinquish(vcpu, x);
	if (!protect_is_sealed(vcpu->vm))
		return false;
	if (fn == VENDOR_HYP_MEMINFO)
		*reason = call_meminfo(vcpu, x);
	else if (fn == VENDOR_HYP_MEM_SHARE)
		*reason = call_share(vcpu, x);
	else if (fn == VENDOR_HYP_MEM_UNSHARE)
		*reason = call_unshare(vcpu, x);
	else
		return false;
	return true;
}
