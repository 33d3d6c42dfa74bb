// SPDX-License-Identifier: GPL-2.0
/*
 * The machine's GICv3. It is the host's: gzhyp never acknowledges an interrupt and
 * restores what it changes. It needs interrupts that bring a CPU out of the guest
 * and are gone before the host could see them:
 *
 *   maintenance (PPI)   line falls when ICH_HCR_EL2.En is cleared
 *   EL2 timer (PPI)     line falls when CNTHP_CTL_EL2 is cleared
 *   SGI 15              another CPU's kick; cleared at the exit
 *
 * They are enabled in the CPU's redistributor only while a guest runs there.
 * The host uses the virtual timer's PPI as well. It is disabled while the guest's
 * timer line is high, because it would end every entry at once; the list register's
 * maintenance interrupt shows that the line may be low again. Priorities are those
 * that the host gave to all private interrupts. Its priority mask is open while the
 * guest runs.
 */
#include "arch/barrier.h"
#include "arch/entry.h"
#include "arch/gic.h"
#include "arch/stage2.h"
#include "arch/switch.h"
#include "core/vm/vcpu.h"
#include "lib/print.h"
#include "platform/platform.h"

#define GICR_CTLR		0x0000
#define GICR_CTLR_LPIS		BIT(0)
#define GICR_CTLR_RWP		BIT(3)
#define GICR_TYPER		0x0008
#define GICR_TYPER_VLPIS	BIT(1)
#define GICR_TYPER_LAST		BIT(4)
#define GICR_SGI_FRAME		0x10000
#define GICR_FRAME_SIZE		0x10000
#define GICR_ISENABLER0		0x0100
#define GICR_ICENABLER0		0x0180
#define GICR_ICPENDR0		0x0280

#define KICK_SGI		15

#define ICH_HCR_TDIR		BIT(14)

static u32 gicr_read(u64 addr)
{
	return *(volatile u32 *)addr;
}

static void gicr_write(u64 addr, u32 val)
{
	*(volatile u32 *)addr = val;
}

/* Bytes of a redistributor: two frames, or four if it has virtual LPIs */
static u64 redist_size(u64 redist)
{
	return (gicr_read(redist + GICR_TYPER) & GICR_TYPER_VLPIS ? 4 : 2) *
		GICR_FRAME_SIZE;
}

/* The redistributor after this one; the first one after 0; 0 after the last one */
static u64 next_redist(u64 redist)
{
	const struct ram_range *region = platform.gicr;
	const struct ram_range *end = region + platform.nr_gicr;

	if (!redist)
		return region < end ? region->base : 0;
	while (redist - region->base >= region->size)
		region++;
	if (!(gicr_read(redist + GICR_TYPER) & GICR_TYPER_LAST)) {
		redist += redist_size(redist);
		if (redist - region->base < region->size)
			return redist;
	}
	return region + 1 < end ? region[1].base : 0;
}

/**
 * gic_find_redist() - find a CPU's redistributor
 * @mpidr: the CPU's affinity
 *
 * Return: address of its SGI frame.
 */
u64 gic_find_redist(u64 mpidr)
{
	u32 affinity = (mpidr >> 8 & 0xff000000) | (mpidr & 0xffffff);
	u64 redist;

	for (redist = next_redist(0); redist; redist = next_redist(redist))
		if (gicr_read(redist + GICR_TYPER + 4) == affinity)
			return redist + GICR_SGI_FRAME;
	panic("no redistributor for CPU %lx", mpidr);
}

/* Those whose frames are hidden, and their size */
static u64 hidden_redists[MAX_CPUS], hidden_size;
static unsigned int nr_hidden;

/**
 * gic_hide_redists() - take from the host what tells redistributors of tables
 *
 * Those are all frames but the one of SGIs, which is the one that the host uses often.
 * gic_host_access() makes accesses to the others.
 */
void gic_hide_redists(void)
{
	u64 redist;

	for (redist = next_redist(0); redist; redist = next_redist(redist)) {
		gicr_write(redist + GICR_CTLR,
			   gicr_read(redist + GICR_CTLR) & ~GICR_CTLR_LPIS);
		if (gicr_read(redist + GICR_CTLR) & GICR_CTLR_LPIS)
			panic("the firmware has enabled LPIs");
		if (nr_hidden == MAX_CPUS)
			panic("more than %u redistributors", MAX_CPUS);
		hidden_redists[nr_hidden++] = redist;
		hidden_size = redist_size(redist);
		host_stage2_hide(redist, GICR_FRAME_SIZE);
		host_stage2_hide(redist + 2 * GICR_FRAME_SIZE,
				 redist_size(redist) - 2 * GICR_FRAME_SIZE);
	}
}

/* Is the address in a redistributor with hidden frames? @offset: where */
static bool is_hidden_redist(u64 pa, u64 *offset)
{
	unsigned int i;

	for (i = 0; i < nr_hidden; i++) {
		*offset = pa - hidden_redists[i];
		if (*offset < hidden_size)
			return true;
	}
	return false;
}

static u64 hidden_read(u64 pa, unsigned int size)
{
	if (size == 8)
		return *(volatile u64 *)pa;
	return size == 4 ? gicr_read(pa) : 0;
}

/* LPIs stay disabled: a redistributor accesses memory for nothing else. */
static void hidden_write(u64 pa, u64 offset, u64 val, unsigned int size)
{
	if (offset == GICR_CTLR)
		val &= ~GICR_CTLR_LPIS;
	if (size == 8)
		*(volatile u64 *)pa = val;
	else if (size == 4)
		gicr_write(pa, val);
}

/**
 * gic_host_access() - the host has met a hole in its stage 2: was it a redistributor?
 * @regs: all its registers
 * @esr: ESR_EL2 of the data abort
 * @pa: address of the access
 *
 * The frames of virtual LPIs read as zero and ignore writes.
 *
 * Return: whether it was, and the access was made.
 */
bool gic_host_access(struct cpu_regs *regs, u64 esr, u64 pa)
{
	struct mmio_access access;
	u64 offset, val = 0;
	bool exists;

	if (!is_hidden_redist(pa, &offset) || !mmio_decode(esr, &access))
		return false;
	exists = offset < GICR_FRAME_SIZE && IS_ALIGNED(offset, access.size);
	if (access.write) {
		if (access.reg != 31)
			val = mmio_store_value(&access, regs->x[access.reg]);
		if (exists)
			hidden_write(pa, offset, val, access.size);
	} else {
		if (exists)
			val = hidden_read(pa, access.size);
		if (access.reg != 31)
			regs->x[access.reg] = mmio_load_value(&access, val);
	}
	skip_instruction(regs);
	return true;
}

static void wait_for_rwp(const struct percpu *cpu)
{
	unsigned int tries = 100000;

	while ((gicr_read(cpu->gicr - GICR_SGI_FRAME + GICR_CTLR) &
		GICR_CTLR_RWP) && tries--)
		;
}

/**
 * gic_guest_begin() - let EL2's interrupts end the guest's run
 * @cpu: this CPU
 * @vtimer_high: the guest's virtual timer has fired and was injected
 */
void gic_guest_begin(struct percpu *cpu, bool vtimer_high)
{
	u32 vtimer = cpu->vtimer_ppi, want = cpu->ppis & ~vtimer;

	cpu->host_ppis = gicr_read(cpu->gicr + GICR_ISENABLER0);
	if (!vtimer_high) {
		want |= vtimer;
	} else if (cpu->host_ppis & vtimer) {
		gicr_write(cpu->gicr + GICR_ICENABLER0, vtimer);
		wait_for_rwp(cpu);
	}
	gicr_write(cpu->gicr + GICR_ISENABLER0, want);
}

/**
 * gic_guest_end() - restore the redistributor
 * @cpu: this CPU; EL2's and the guest's timers and list registers are quiet
 *
 * A kick is cleared here. Its cause is looked at later and without a lock, see
 * vgic_is_quiet(). The redistributor answers wait_for_rwp() after the write has
 * arrived; the ISB of gic_host_irq_pending(), or the barrier of the next RUN, keeps
 * the look behind that. So an interrupt that was queued before this kick is seen, and
 * one that is queued later brings another kick.
 */
void gic_guest_end(struct percpu *cpu)
{
	u32 ours = cpu->ppis;

	gicr_write(cpu->gicr + GICR_ICENABLER0, ours & ~cpu->host_ppis);
	gicr_write(cpu->gicr + GICR_ICPENDR0, 1U << KICK_SGI);
	gicr_write(cpu->gicr + GICR_ISENABLER0, ours & cpu->host_ppis);
	wait_for_rwp(cpu);
}

/* Is an interrupt of the host's pending? EL2's own are quiet, the mask is open. */
bool gic_host_irq_pending(void)
{
	isb();
	return read_sysreg_s(SYS_ICC_HPPIR1) != 1023;
}

/**
 * gic_send_kick() - bring another CPU out of its guest
 * @cpu: the CPU; if it runs none, the SGI waits there for the next one
 */
void gic_send_kick(const struct percpu *cpu)
{
	u64 m = cpu->mpidr;
	u64 aff0 = m & 0xff;

	dsb_ish();
	write_sysreg_s((m >> 32 & 0xff) << 48 | (m >> 16 & 0xff) << 32 |
		       (m >> 8 & 0xff) << 16 | (aff0 / 16) << 44 |
		       1UL << (aff0 % 16) | (u64)KICK_SGI << 24,
		       SYS_ICC_SGI1R);
	isb();
}

/**
 * gic_init_cpu() - set up the virtual interface
 * @cpu: this CPU; EL2 may use the GIC's system registers
 *
 * From here on the list registers are 0, except in a guest that has interrupts in list
 * registers. Another guest needs no ICH_HCR_EL2.En: without a list register there is
 * nothing to signal or to acknowledge (IHI 0069, 12.4.9). ICH_HCR_EL2.TDIR is set in
 * every guest, because the guest may deactivate an interrupt of another vCPU.
 */
void gic_init_cpu(struct percpu *cpu)
{
	u64 vtr = read_sysreg_s(SYS_ICH_VTR);
	unsigned int nr_lrs = (vtr & 0x1f) + 1;

	write_sysreg_s(0, SYS_ICH_HCR);
	lr_clear(nr_lrs);
	cpu->nr_lrs = MIN(nr_lrs, 16U);
	/* Active priorities: as many registers as there are bits of preemption. */
	cpu->nr_aprs = 1U << (FIELD(vtr, 26, 3) - 4);
	cpu->vtimer_ppi = 1U << platform.ppi_virt_timer;
	cpu->ppis = cpu->vtimer_ppi | 1U << platform.ppi_maintenance |
		    1U << platform.ppi_hyp_timer | 1U << KICK_SGI;
}

/**
 * gic_write_lrs() - give the guest its virtual interrupts
 * @lr: list registers
 * @nr: how many of them are in use
 * @hcr: ICH_HCR_EL2
 */
void gic_write_lrs(const u64 *lr, unsigned int nr, u64 hcr)
{
	if (!nr)
		return;
	lr_write(lr, nr);
	write_sysreg_s(hcr | ICH_HCR_TDIR, SYS_ICH_HCR);
}

/**
 * gic_read_lrs() - take the virtual interrupts back and clear the virtual interface
 * @lr: list registers
 * @nr: how many of them were written, not 0
 *
 * Return: ICH_HCR_EL2 as it was.
 */
u64 gic_read_lrs(u64 *lr, unsigned int nr)
{
	u64 hcr = read_sysreg_s(SYS_ICH_HCR);

	lr_read(lr, nr);
	write_sysreg_s(ICH_HCR_TDIR, SYS_ICH_HCR);
	lr_clear(nr);
	return hcr;
}

void gic_load(struct vcpu *vcpu)
{
	unsigned int nr = this_cpu()->nr_aprs;

	write_sysreg_s(vcpu->vmcr, SYS_ICH_VMCR);
	write_sysreg_s(ICH_HCR_TDIR, SYS_ICH_HCR);
	write_sysreg(vcpu->ap0r[0], s3_4_c12_c8_0);
	write_sysreg(vcpu->ap1r[0], s3_4_c12_c9_0);
	if (nr >= 2) {
		write_sysreg(vcpu->ap0r[1], s3_4_c12_c8_1);
		write_sysreg(vcpu->ap1r[1], s3_4_c12_c9_1);
	}
	if (nr >= 4) {
		write_sysreg(vcpu->ap0r[2], s3_4_c12_c8_2);
		write_sysreg(vcpu->ap0r[3], s3_4_c12_c8_3);
		write_sysreg(vcpu->ap1r[2], s3_4_c12_c9_2);
		write_sysreg(vcpu->ap1r[3], s3_4_c12_c9_3);
	}
	/* The guest must not turn off the host's interface. */
	write_sysreg_s(7, SYS_ICC_SRE_EL2);
	isb();
	this_cpu()->host_pmr = read_sysreg_s(SYS_ICC_PMR);
	write_sysreg_s(0xff, SYS_ICC_PMR);
}

void gic_put(struct vcpu *vcpu)
{
	unsigned int nr = this_cpu()->nr_aprs;

	vcpu->vmcr = read_sysreg_s(SYS_ICH_VMCR);
	write_sysreg_s(0, SYS_ICH_HCR);
	vcpu->ap0r[0] = read_sysreg(s3_4_c12_c8_0);
	vcpu->ap1r[0] = read_sysreg(s3_4_c12_c9_0);
	if (nr >= 2) {
		vcpu->ap0r[1] = read_sysreg(s3_4_c12_c8_1);
		vcpu->ap1r[1] = read_sysreg(s3_4_c12_c9_1);
	}
	if (nr >= 4) {
		vcpu->ap0r[2] = read_sysreg(s3_4_c12_c8_2);
		vcpu->ap0r[3] = read_sysreg(s3_4_c12_c8_3);
		vcpu->ap1r[2] = read_sysreg(s3_4_c12_c9_2);
		vcpu->ap1r[3] = read_sysreg(s3_4_c12_c9_3);
	}
	write_sysreg_s(this_cpu()->host_pmr, SYS_ICC_PMR);
	write_sysreg_s(0xf, SYS_ICC_SRE_EL2);
	isb();
}
