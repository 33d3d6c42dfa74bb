// SPDX-License-Identifier: GPL-2.0
/* The second shared page of a vCPU, as the host sees it with words of gzhyp.as */
#include "core/options.h"
#include "core/vgic/vgic_regs.h"
#include "core/vm/vcpu.h"

static bool has_intid(const u64 *lr, unsigned int nr, u32 intid)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (lr[i] && LR_INTID(lr[i]) == intid)
			return true;
	return false;
}

/**
 * lrs_keep_eois() - keep the EOIs that the host has seen before
 * @shown: list registers as the host has seen them last; updated
 * @lr: list registers of this exit
 * @nr: their number
 *
 * A register that has shown an EOI stays as it is until it is used again or the
 * interrupt is in another register.
 */
void lrs_keep_eois(u64 *shown, const u64 *lr, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (lr[i] || (shown[i] & LR_STATE) ||
		    has_intid(lr, nr, LR_INTID(shown[i])))
			shown[i] = lr[i];
}

/* In the older generation the host also injects an idle vCPU's timer interrupt. */
static void show_old_timer(struct vcpu *vcpu, u64 delay, bool migrate)
{
	struct gz_old_hwstate *hw = (struct gz_old_hwstate *)vcpu->hwstate;

	WRITE_ONCE(hw->vtimer_delay, delay);
	WRITE_ONCE(hw->vtimer_migrate, migrate);
	WRITE_ONCE(hw->vtimer_irq, VTIMER_PPI);
	WRITE_ONCE(vcpu->vtimer_left, migrate);
}

/**
 * hwstate_show_timer() - tell the host about the guest's timer
 * @vcpu: a vCPU that exits
 * @delay: cycles until its timer fires, if the host has to run the timer; 0 if not
 */
void hwstate_show_timer(struct vcpu *vcpu, u64 delay)
{
	bool migrate = delay && !option(OPT_IDLE_NO_MIGRATE);
	struct gz_hwstate *hw = vcpu->hwstate;

	if (option(OPT_IDLE_NO_DELAY))
		delay = 0;
	if (option(OPT_OLD)) {
		show_old_timer(vcpu, delay, migrate);
		return;
	}
	WRITE_ONCE(hw->vtimer_offset, vcpu->vm->cntvoff);
	WRITE_ONCE(hw->vtimer_delay, delay);
	WRITE_ONCE(hw->vtimer_migrate, migrate);
}
