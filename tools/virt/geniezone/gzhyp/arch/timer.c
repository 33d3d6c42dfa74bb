// SPDX-License-Identifier: GPL-2.0
/*
 * Timers.
 *
 * The virtual timer (CNTV) is what both the host and a guest use, so it is
 * switched. While a guest is loaded EL2's own timer (CNTHP) is set to the
 * host's deadline: both count the same time, because the host's CNTVOFF is 0. When
 * CNTHP fires, the guest is left, CNTHP is turned off and the host's CNTV restored,
 * which is due then and interrupts the host as usual.
 *
 * The guest's CNTV interrupts EL2 by the physical PPI; it is turned off at each
 * exit and becomes the level of the virtual PPI 27. See arch/gic.c for an interrupt
 * that stays asserted and would end every entry.
 *
 * The physical timer (CNTP) is the host's. A guest's accesses trap and are
 * emulated: virtual PPI 30, with CNTHP set to the nearer of both deadlines.
 */
#include "arch/barrier.h"
#include "arch/switch.h"
#include "core/vm/vcpu.h"

#define PHYS_PPI	30

#define SYS_CNTP_TVAL	SYSREG(3, 3, 14, 2, 0)
#define SYS_CNTP_CTL	SYSREG(3, 3, 14, 2, 1)
#define SYS_CNTP_CVAL	SYSREG(3, 3, 14, 2, 2)

static u64 now(void)
{
	isb();
	return read_sysreg(cntpct_el0);
}

static bool is_armed(u64 ctl)
{
	return (ctl & (TIMER_ENABLE | TIMER_IMASK)) == TIMER_ENABLE;
}

void timer_host_save(struct percpu *cpu)
{
	cpu->host_cntv_ctl = read_sysreg(cntv_ctl_el0);
	cpu->host_cntv_cval = read_sysreg(cntv_cval_el0);
	write_sysreg(0, cntv_ctl_el0);
	isb();
}

void timer_host_restore(struct percpu *cpu)
{
	write_sysreg(0, cnthp_ctl_el2);
	write_sysreg(0, cntv_ctl_el0);
	write_sysreg(0, cntvoff_el2);
	write_sysreg(CNTHCTL_EL1PCTEN | CNTHCTL_EL1PCEN, cnthctl_el2);
	write_sysreg(cpu->host_cntv_cval, cntv_cval_el0);
	isb();
	write_sysreg(cpu->host_cntv_ctl, cntv_ctl_el0);
	isb();
}

/* Set CNTHP to the nearer deadline of the host and of the guest's physical timer. */
static void set_el2_timer(struct percpu *cpu, struct vcpu *vcpu)
{
	bool phys = is_armed(vcpu->cntp_ctl) && vcpu->cntp_cval > now();
	u64 deadline = ~0ULL;

	if (is_armed(cpu->host_cntv_ctl))
		deadline = cpu->host_cntv_cval;
	if (phys)
		deadline = MIN(deadline, vcpu->cntp_cval);
	write_sysreg(deadline, cnthp_cval_el2);
	isb();
	write_sysreg(deadline != ~0ULL ? TIMER_ENABLE : 0, cnthp_ctl_el2);
}

/* Has the host's timer fired while it was not in the CPU? */
bool timer_host_due(const struct percpu *cpu)
{
	return is_armed(cpu->host_cntv_ctl) && cpu->host_cntv_cval <= now();
}

static bool vtimer_expired(struct vcpu *vcpu)
{
	return is_armed(vcpu->cntv_ctl) &&
	       vcpu->cntv_cval <= now() - vcpu->vm->cntvoff;
}

/* A timer that has not expired while the vCPU was out is EL2's again. */
static bool vtimer_due(struct vcpu *vcpu)
{
	bool expired = vtimer_expired(vcpu);

	if (vcpu->vtimer_left && !expired)
		WRITE_ONCE(vcpu->vtimer_left, false);
	return expired && !READ_ONCE(vcpu->vtimer_left);
}

static bool ptimer_due(struct vcpu *vcpu)
{
	return is_armed(vcpu->cntp_ctl) && vcpu->cntp_cval <= now();
}

/* The vGIC need not hear of a line that stays as it is. */
static void update_line(struct vcpu *vcpu, u32 ppi, bool *line, bool high,
			u32 *kick)
{
	if (high == *line)
		return;
	*line = high;
	vgic_set_ppi(&vcpu->vm->vgic, vcpu->id, ppi, high, kick);
}

/**
 * timer_update_lines() - pass the timers' levels to the vGIC
 * @vcpu: out of the guest
 * @kick: see vgic_set_ppi()
 */
void timer_update_lines(struct vcpu *vcpu, u32 *kick)
{
	update_line(vcpu, VTIMER_PPI, &vcpu->vtimer_high, vtimer_due(vcpu), kick);
	update_line(vcpu, PHYS_PPI, &vcpu->ptimer_high, ptimer_due(vcpu), kick);
}

/* The last step before the entry */
void timer_guest_enter(struct vcpu *vcpu)
{
	set_el2_timer(this_cpu(), vcpu);
	write_sysreg(vcpu->cntv_cval, cntv_cval_el0);
	isb();
	write_sysreg(vcpu->cntv_ctl & (TIMER_ENABLE | TIMER_IMASK), cntv_ctl_el0);
}

/**
 * timer_guest_exit() - quiet the timers after a guest has left
 * @vcpu: the one that has
 *
 * Return: true if the host's deadline is over.
 */
bool timer_guest_exit(struct vcpu *vcpu)
{
	vcpu->cntv_ctl = read_sysreg(cntv_ctl_el0) & (TIMER_ENABLE | TIMER_IMASK);
	vcpu->cntv_cval = read_sysreg(cntv_cval_el0);
	write_sysreg(0, cntv_ctl_el0);
	write_sysreg(0, cnthp_ctl_el2);
	isb();
	return timer_host_due(this_cpu());
}

static u64 delay_until(u64 cval, u64 count)
{
	return cval > count ? cval - count : 1;
}

/**
 * timer_idle_delay() - time until a timer ends the vCPU's idling
 * @vcpu: about to leave with EXIT_IDLE, timer_update_lines() has just been done
 *
 * A timer whose line is high already does not count: the vCPU does not wait for it,
 * or it would not idle.
 *
 * Return: ticks until the nearest deadline, at least 1; 0 if there is none.
 */
u64 timer_idle_delay(struct vcpu *vcpu)
{
	u64 delay = ~0ULL, count = now();

	if (is_armed(vcpu->cntv_ctl) && !vcpu->vtimer_high)
		delay = delay_until(vcpu->cntv_cval, count - vcpu->vm->cntvoff);
	if (is_armed(vcpu->cntp_ctl) && !vcpu->ptimer_high)
		delay = MIN(delay, delay_until(vcpu->cntp_cval, count));
	return delay == ~0ULL ? 0 : delay;
}

static u64 read_ptimer(struct vcpu *vcpu, u32 reg)
{
	bool met = (vcpu->cntp_ctl & TIMER_ENABLE) && vcpu->cntp_cval <= now();

	switch (reg) {
	case SYS_CNTP_TVAL:
		return (u32)(vcpu->cntp_cval - now());
	case SYS_CNTP_CTL:
		return vcpu->cntp_ctl | (met ? TIMER_ISTATUS : 0);
	default:
		return vcpu->cntp_cval;
	}
}

/**
 * timer_guest_sysreg() - emulate an access to the physical timer
 * @vcpu: the vCPU that accesses
 * @reg: which register
 * @write: direction
 * @val: value
 *
 * Return: false if it is not one of the physical timer's.
 */
bool timer_guest_sysreg(struct vcpu *vcpu, u32 reg, bool write, u64 *val)
{
	if (reg != SYS_CNTP_TVAL && reg != SYS_CNTP_CTL && reg != SYS_CNTP_CVAL)
		return false;
	if (!write)
		*val = read_ptimer(vcpu, reg);
	else if (reg == SYS_CNTP_TVAL)
		vcpu->cntp_cval = now() + (s64)(s32)*val;
	else if (reg == SYS_CNTP_CTL)
		vcpu->cntp_ctl = *val & (TIMER_ENABLE | TIMER_IMASK);
	else
		vcpu->cntp_cval = *val;
	return true;
}
