// SPDX-License-Identifier: GPL-2.0
/*
 * Calls by which a guest says who may reach its memory: those of pKVM, which
 * upstream guests make. Arguments that must be zero are; a page is 4 KiB.
 *
 * RELINQUISH works for any guest, the others for protected ones only: from an
 * open VM they are calls that gzhyp does not know, and go to the VMM.
 */
#include "owner.h"
#include "protect.h"
#include "psci.h"
#include "stage2.h"

/* Besides SMCCC's own status: the page has to be got from the host first. */
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

/* In a region that is shared anyway, the guest has what it wants. */
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
	/* The guest may read it uncached. */
	dcache_clean_inval(pa_to_va(pa), PAGE_SIZE);
	vm->private_pages++;
	return 0;
}

static int relinquish_page(struct vm *vm, struct region *region, u64 ipa, pa_t pa)
{
	u32 value;

	/* Without memory to split a block, the page stays the guest's. */
	if (pgt_split(&vm->s2, ipa))
		return SMCCC_INVALID_PARAMETER;
	pgt_unmap(&vm->s2, ipa, PAGE_SIZE);
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
 * A page that the guest does not have yet is the host's to give: the guest makes
 * its call again after that. Each time it is the host that goes on or does not.
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

/* What the guest does not have, it does not share. */
static u32 call_unshare(struct vcpu *vcpu, u64 *x)
{
	int ret = SMCCC_INVALID_PARAMETER;

	if (!x[2] && !x[3])
		ret = with_page(vcpu->vm, x[1], unshare_page);
	x[0] = ret ? (u64)SMCCC_INVALID_PARAMETER : 0;
	return 0;
}

/*
 * The host is told by the same call, and answers it, if this very call has taken
 * the page from the guest: the host drops its hold on the page then. Were it told
 * of a page that the guest did not have, it could drop one that another vCPU's
 * fault has brought in the meantime.
 */
static bool relinquish(struct vcpu *vcpu, u64 *x)
{
	if (!with_page(vcpu->vm, x[1], relinquish_page))
		return false;
	x[0] = (u64)SMCCC_INVALID_PARAMETER;
	return true;
}

/* Bits that say which of the calls there are, for VENDOR_HYP_FEATURES */
u64 guest_memory_features(const struct vcpu *vcpu)
{
	if (!protect_is_sealed(vcpu->vm))
		return 0;
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
 * Return: true if it was served; false if it is to be passed to the host, as one
 * that gzhyp does not know is, and RELINQUISH when it is done.
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
