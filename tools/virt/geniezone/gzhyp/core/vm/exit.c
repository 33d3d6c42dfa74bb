// SPDX-License-Identifier: GPL-2.0
/* Exits that have several causes: a wait, a page fault, a kick of other vCPUs. */
#include "arch/switch.h"
#include "core/mem/protect.h"
#include "core/vm/vcpu.h"

/**
 * guest_kick() - make other vCPUs of the VM look at their interrupts
 * @vcpu: the one that has changed something
 * @kick: which vCPUs, as the vGIC says
 *
 * Only the host can wake those that sleep: the next exit tells it.
 */
void guest_kick(struct vcpu *vcpu, u32 kick)
{
	if (vm_kick(vcpu->vm, kick & ~(1U << vcpu->id)))
		vcpu->ipi_pending = true;
}

/**
 * guest_wfx_wait() - the guest wants to wait for an interrupt
 * @vcpu: loaded, past the waiting instruction
 *
 * This function sets the bit in vm->sleeping and then looks for pending interrupts.
 * A CPU that makes an interrupt pending then looks at the bit. So at least one of
 * them sees what the other did.
 *
 * Return: 0 if there is no reason to wait, else the exit reason.
 */
u32 guest_wfx_wait(struct vcpu *vcpu)
{
	u32 bit = 1U << vcpu->id, kick = 0;
	u64 vmcr = read_sysreg_s(SYS_ICH_VMCR);

	if (!vcpu->vm->idle)
		return GZ_EXIT_GZ;
	timer_update_lines(vcpu, &kick);
	__atomic_or_fetch(&vcpu->vm->sleeping, bit, __ATOMIC_SEQ_CST);
	if (!vgic_pending_unmasked(&vcpu->vm->vgic, vcpu->id, vmcr))
		return GZ_EXIT_IDLE;
	__atomic_and_fetch(&vcpu->vm->sleeping, ~bit, __ATOMIC_SEQ_CST);
	return 0;
}

/**
 * guest_page_fault() - the exit that asks the host for a page
 * @vcpu: the vCPU
 * @ipa: address; the host of a protected VM gets only the page
 *
 * Return: the exit reason.
 */
u32 guest_page_fault(struct vcpu *vcpu, u64 ipa)
{
	if (protect_is_sealed(vcpu->vm))
		ipa = ALIGN_DOWN(ipa, PAGE_SIZE);
	vcpu->exit.exception.exception = GZ_EXCEPTION_PAGE_FAULT;
	vcpu->exit.exception.fault_gpa = ipa;
	return GZ_EXIT_EXCEPTION;
}
