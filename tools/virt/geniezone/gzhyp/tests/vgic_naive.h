/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Naive model of the same interrupt controller, and the random comparison.
 *
 * It has no list registers, no queues and nothing in flight: the guest's actions take
 * effect at once. The real model must have the same state once all kicks are
 * followed, which naive_run() does after each step. So it also finds every missing
 * kick.
 */
#ifndef GZHYP_TESTS_VGIC_NAIVE_H
#define GZHYP_TESTS_VGIC_NAIVE_H

#include "tests/vgic_machine.h"

#define NAIVE_CPUS	3
#define NOWHERE		(-1)

struct naive_irq {
	bool		enabled, edge, line, latch, active;
	int		group;		/* 0 or 1 */
	unsigned int	priority;
	bool		any;		/* 1-of-N: target is the first vCPU that is on */
	int		target;		/* vCPU or NOWHERE */
	int		active_on;	/* valid while active */
};

/* The INTIDs in use: few, so that operations meet on one */
static const u32 naive_ids[] = {
	0, 7, 15, 16, TIMER, 31, 32, 33, 63, 64, 127, 500, 1018, 1019,
};

#define NAIVE_IDS	ARRAY_SIZE(naive_ids)

struct naive {
	struct machine		*m;
	u64			random;
	unsigned int		group_enable;
	struct naive_irq	private[NAIVE_CPUS][VGIC_NR_PRIVATE];
	struct naive_irq	spi[VGIC_NR_SPIS];
	bool			could_take[NAIVE_CPUS];
	u32			off;	/* vCPUs */
	u32			ended;	/* a level SPI, by the last step */
};

static u64 naive_env(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* xorshift: the same run on every machine */
static unsigned int naive_random(struct naive *n, unsigned int below)
{
	n->random ^= n->random << 13;
	n->random ^= n->random >> 7;
	n->random ^= n->random << 17;
	return (n->random >> 20) % below;
}

static struct naive_irq *naive_irq(struct naive *n, unsigned int cpu, u32 intid)
{
	return intid < 32 ? &n->private[cpu][intid] : &n->spi[intid - 32];
}

static bool naive_pending(const struct naive_irq *irq)
{
	return irq->latch || (!irq->edge && irq->line);
}

static bool naive_deliverable(struct naive *n, unsigned int cpu, u32 intid)
{
	struct naive_irq *irq = naive_irq(n, cpu, intid);

	return irq->enabled && naive_pending(irq) && !irq->active &&
	       irq->target == (int)cpu && (n->group_enable >> irq->group & 1);
}

/* Has the vCPU enabled the interrupt's group in its CPU interface? */
static bool naive_shown(struct naive *n, unsigned int cpu, u32 intid)
{
	return n->m->vmcr[cpu] & (naive_irq(n, cpu, intid)->group ? VMCR_ENG1 :
				  VMCR_ENG0);
}

/*
 * Deliverable to the vCPU and of the highest priority, or NO_IRQ; if @shown, also of a
 * group that its CPU interface shows
 */
static int naive_best(struct naive *n, unsigned int cpu, bool shown)
{
	int best = NO_IRQ;
	unsigned int i;

	for (i = 0; i < NAIVE_IDS; i++) {
		if (!naive_deliverable(n, cpu, naive_ids[i]) ||
		    (shown && !naive_shown(n, cpu, naive_ids[i])))
			continue;
		if (best == NO_IRQ ||
		    naive_irq(n, cpu, naive_ids[i])->priority <
		    naive_irq(n, cpu, best)->priority)
			best = naive_ids[i];
	}
	return best;
}

static void naive_start(struct naive *n, struct machine *mach, u64 seed)
{
	unsigned int cpu, i;

	memset(n, 0, sizeof(*n));
	n->m = mach;
	n->random = seed * 0x9e3779b97f4a7c15ULL | 1;
	n->group_enable = 2;
	for (cpu = 0; cpu < NAIVE_CPUS; cpu++)
		for (i = 0; i < 32; i++)
			n->private[cpu][i] = (struct naive_irq) {
				.edge = i < 16, .group = 1, .target = cpu,
			};
	for (i = 0; i < VGIC_NR_SPIS; i++)
		n->spi[i].group = 1;
}

static void naive_line(struct naive_irq *irq, bool level)
{
	irq->line = level;
	if (irq->edge && level)
		irq->latch = true;
}

static void step_line(struct naive *n, unsigned int cpu, u32 intid)
{
	bool level = naive_random(n, 2);

	if (intid < 16)
		return;
	naive_line(naive_irq(n, cpu, intid), level);
	if (intid < 32)
		vgic_set_ppi(&n->m->vgic, cpu, intid, level, &n->m->kick);
	else
		spi(n->m, intid, level);
}

static void step_sgi(struct naive *n, unsigned int cpu, u32 intid)
{
	u32 targets = naive_random(n, 1 << NAIVE_CPUS);
	bool irm = !naive_random(n, 4);
	unsigned int i;

	intid %= 16;
	for (i = 0; i < NAIVE_CPUS; i++)
		if (irm ? i != cpu : targets >> i & 1)
			naive_line(naive_irq(n, i, intid), true);
	vgic_write_sgi1r(&n->m->vgic, cpu, (u64)intid << 24 | targets |
			 (irm ? SGI1R_IRM : 0), &n->m->kick);
}

/* The set and clear registers, written through some vCPU's access */
static void step_bit(struct naive *n, unsigned int cpu, u32 intid)
{
	struct naive_irq *irq = naive_irq(n, cpu, intid);
	unsigned int what = naive_random(n, 6);
	u32 reg = GIC_ISENABLER + what * 0x80;

	switch (reg) {
	case GIC_ISENABLER:
	case GIC_ICENABLER:
		irq->enabled = reg == GIC_ISENABLER;
		break;
	case GIC_ISPENDR:
	case GIC_ICPENDR:
		irq->latch = reg == GIC_ISPENDR;
		break;
	case GIC_ISACTIVER:
		if (!irq->active)
			irq->active_on = irq->target;
		irq->active = true;
		break;
	case GIC_ICACTIVER:
		irq->active = false;
		break;
	}
	wr(n->m, naive_random(n, NAIVE_CPUS), frame_of(cpu, intid) + reg +
	   intid / 32 * 4, 4, 1U << intid % 32);
}

static void step_priority(struct naive *n, unsigned int cpu, u32 intid)
{
	unsigned int priority = naive_random(n, 256);

	naive_irq(n, cpu, intid)->priority = priority & 0xf8;
	set_priority(n->m, cpu, intid, priority);
}

static void step_group(struct naive *n, unsigned int cpu, u32 intid)
{
	u64 reg = frame_of(cpu, intid) + GIC_IGROUPR + intid / 32 * 4;
	u64 val = rd(n->m, cpu, reg, 4) ^ 1U << intid % 32;

	naive_irq(n, cpu, intid)->group ^= 1;
	wr(n->m, naive_random(n, NAIVE_CPUS), reg, 4, val);
}

static void step_config(struct naive *n, u32 intid)
{
	bool edge = naive_random(n, 2);

	if (intid < 32)
		return;
	naive_irq(n, 0, intid)->edge = edge;
	set_edge(n->m, intid, edge);
}

static int first_on(const struct naive *n)
{
	int cpu;

	for (cpu = 0; cpu < NAIVE_CPUS; cpu++)
		if (!(n->off >> cpu & 1))
			return cpu;
	return 0;
}

static void step_route(struct naive *n, u32 intid)
{
	unsigned int to = naive_random(n, NAIVE_CPUS + 1);
	struct naive_irq *irq = naive_irq(n, 0, intid);

	if (intid < 32)
		return;
	irq->any = !naive_random(n, 3);
	irq->target = to < NAIVE_CPUS ? (int)to : NOWHERE;
	if (irq->any)
		irq->target = first_on(n);
	route(n->m, intid, to | (irq->any ? GICD_IROUTER_IRM : 0));
}

static void step_power(struct naive *n, unsigned int cpu)
{
	struct naive_irq *irq;
	unsigned int i;

	n->off ^= 1U << cpu;
	vgic_cpu_power(&n->m->vgic, cpu, !(n->off >> cpu & 1), &n->m->kick);
	for (i = 0; i < NAIVE_IDS; i++) {
		irq = naive_irq(n, 0, naive_ids[i]);
		if (naive_ids[i] >= 32 && irq->any)
			irq->target = first_on(n);
	}
}

/* A group enabled at the CPU interface, or the priority mask */
static void step_interface(struct naive *n, unsigned int cpu)
{
	struct machine *mach = n->m;
	u32 vmcr = naive_random(n, 256) << 24 | VMCR_ENG0 | VMCR_ENG1;

	if (naive_random(n, 2))
		vmcr &= ~(naive_random(n, 2) ? VMCR_ENG0 : VMCR_ENG1);
	mach->vmcr[cpu] = vmcr;
	if (mach->running[cpu] && maintenance_by_groups(mach, cpu))
		resync(mach, cpu);
	EXPECT(!mach->running[cpu] || !maintenance_by_groups(mach, cpu));
}

static void step_ctlr(struct naive *n, unsigned int cpu)
{
	n->group_enable = naive_random(n, 4) | naive_random(n, 4);
	wr(n->m, cpu, DIST + GICD_CTLR, 4, n->group_enable);
}

/*
 * An interrupt that the CPU offers must be pending, except for a level that fell
 * after the list register was filled.
 */
static void step_ack(struct naive *n, unsigned int cpu)
{
	struct naive_irq *irq;
	int intid;

	if (!n->m->running[cpu] || is_masked(n->m, cpu))
		return;
	intid = ack(n->m, cpu);
	if (intid == NO_IRQ)
		return;
	irq = naive_irq(n, cpu, intid);
	EXPECT(naive_deliverable(n, cpu, intid) ||
	       (!irq->edge && !irq->line && !irq->active), "%u on %u", intid,
	       cpu);
	irq->latch = false;
	irq->active = true;
	irq->active_on = cpu;
	if ((n->m->hcr[cpu] & HCR_NPIE) && !any_pending(n->m, cpu))
		resync(n->m, cpu);
}

/* EOI in the CPU, which finds a list register */
static void step_eoi_lr(struct naive *n, unsigned int cpu, u32 intid)
{
	struct naive_irq *irq = naive_irq(n, cpu, intid);
	struct machine *mach = n->m;
	bool maintenance = lr_of(mach, cpu, intid) & LR_EOI;

	EXPECT(irq->edge || maintenance, "%u on %u", intid, cpu);
	eoi(mach, cpu, intid);
	if (!maintenance)
		return;
	resync(mach, cpu);
	EXPECT_EQ(mach->level_eoi, intid >= 32 && !irq->edge);
}

/* ICC_DIR_EL1, which traps: by any vCPU for an SPI */
static void step_dir(struct naive *n, unsigned int by, u32 intid)
{
	struct machine *mach = n->m;

	leave(mach, by);
	vgic_deactivate(&mach->vgic, by, intid, &mach->kick);
	show(mach, by);
	enter(mach, by);
}

static void step_eoi(struct naive *n, unsigned int cpu, u32 intid)
{
	struct naive_irq *irq = naive_irq(n, cpu, intid);
	struct machine *mach = n->m;
	bool here = irq->active_on == (int)cpu;

	if (!mach->running[cpu] || !irq->active || (!here && intid < 32))
		return;
	irq->active = false;
	mach->ended[intid] = false;
	if (here && (lr_of(mach, cpu, intid) & LR_ACTIVE) && naive_random(n, 4))
		return step_eoi_lr(n, cpu, intid);
	step_dir(n, cpu, intid);
	n->ended = intid >= 32 && !irq->edge ? intid : 0;
}

/* The host must have seen the end of the level once all kicks are followed. */
static void check_end(struct naive *n)
{
	EXPECT(!n->ended || n->m->ended[n->ended], "%u", n->ended);
	n->ended = 0;
}

/* Active states the interrupt has nowhere to be: they came by ISACTIVER */
static void adopt_homeless(struct naive *n)
{
	struct naive_irq *irq;
	unsigned int i;

	for (i = 0; i < NAIVE_IDS; i++) {
		irq = naive_irq(n, 0, naive_ids[i]);
		if (irq->active && irq->active_on == NOWHERE)
			irq->active_on = irq->target;
	}
}

/* A vCPU that gives an interrupt up may kick the next. Returns all kicked. */
static u32 follow_kicks(struct naive *n)
{
	struct machine *mach = n->m;
	unsigned int cpu;
	u32 kick, all = 0;

	while (mach->kick) {
		kick = mach->kick;
		all |= kick;
		mach->kick = 0;
		for (cpu = 0; cpu < NAIVE_CPUS; cpu++)
			if ((kick >> cpu & 1) && mach->running[cpu])
				resync(mach, cpu);
	}
	return all;
}

/* A vCPU that sleeps has to be told when the first thing comes for it */
static void check_wakeups(struct naive *n, u32 kick)
{
	unsigned int cpu;
	bool can;

	for (cpu = 0; cpu < NAIVE_CPUS; cpu++) {
		can = naive_best(n, cpu, false) != NO_IRQ;
		if (can && !n->could_take[cpu] && !n->m->running[cpu])
			EXPECT(kick >> cpu & 1, "vCPU %u sleeps on", cpu);
		n->could_take[cpu] = can;
	}
}

/* A vCPU that runs has to be offered the best there is for it */
static void check_offers(struct naive *n, unsigned int cpu)
{
	int any = naive_best(n, cpu, false), best = naive_best(n, cpu, true);
	u32 vmcr = n->m->vmcr[cpu];
	int lr = best_lr(n->m, cpu);
	bool wakes;

	if (!n->m->running[cpu]) {
		wakes = best != NO_IRQ &&
			naive_irq(n, cpu, best)->priority < VMCR_PMR(vmcr);
		EXPECT_EQ(vgic_pending(&n->m->vgic, cpu), any != NO_IRQ);
		EXPECT_EQ(vgic_pending_unmasked(&n->m->vgic, cpu, vmcr), wakes);
		return;
	}
	if (best == NO_IRQ)
		return;
	EXPECT(lr >= 0, "%d is not offered to %u", best, cpu);
	if (lr >= 0)
		EXPECT(lr_priority(n->m->lr[cpu][lr]) <=
		       naive_irq(n, cpu, best)->priority,
		       "%d is behind on %u", best, cpu);
}

/* In flight the model's own view may be old, the list register tells then */
static void check_state(struct naive *n, unsigned int cpu, u32 intid)
{
	struct naive_irq *irq = naive_irq(n, cpu, intid);
	unsigned int i, holders = 0;
	bool active = false;
	u64 lr;

	for (i = 0; i < NAIVE_CPUS; i++) {
		if (!n->m->running[i] || (intid < 32 && i != cpu))
			continue;
		lr = lr_of(n->m, i, intid);
		holders += !!lr;
		active |= !!(lr & LR_ACTIVE);
	}
	EXPECT(holders <= 1, "intid %u", intid);
	if (holders)
		EXPECT(active == irq->active, "intid %u", intid);
	EXPECT(get_bit1(n->m, cpu, GIC_ISENABLER, intid) == irq->enabled);
}

static void check_state_at_rest(struct naive *n, unsigned int cpu, u32 intid)
{
	struct naive_irq *irq = naive_irq(n, cpu, intid);

	EXPECT(get_bit1(n->m, cpu, GIC_ISPENDR, intid) == naive_pending(irq),
	       "intid %u", intid);
	EXPECT(get_bit1(n->m, cpu, GIC_ISACTIVER, intid) == irq->active,
	       "intid %u", intid);
	EXPECT(rd(n->m, cpu, frame_of(cpu, intid) + GIC_IPRIORITYR + intid, 1) ==
	       irq->priority, "intid %u", intid);
}

static void naive_check(struct naive *n)
{
	bool at_rest = true;
	unsigned int cpu, i;

	for (cpu = 0; cpu < NAIVE_CPUS; cpu++) {
		at_rest &= !n->m->running[cpu];
		check_offers(n, cpu);
	}
	for (cpu = 0; cpu < NAIVE_CPUS; cpu++) {
		for (i = 0; i < NAIVE_IDS; i++) {
			check_state(n, cpu, naive_ids[i]);
			if (at_rest)
				check_state_at_rest(n, cpu, naive_ids[i]);
		}
	}
	n->m->kick = 0;		/* of its register reads */
}

static void step_enter_or_leave(struct naive *n, unsigned int cpu)
{
	if (n->m->running[cpu])
		leave(n->m, cpu);
	else
		enter(n->m, cpu);
}

static void naive_step(struct naive *n)
{
	unsigned int cpu = naive_random(n, NAIVE_CPUS);
	u32 intid = naive_ids[naive_random(n, NAIVE_IDS)];

	switch (naive_random(n, 32)) {
	case 0 ... 6:
		return step_line(n, cpu, intid);
	case 7 ... 8:
		return step_sgi(n, cpu, intid);
	case 9 ... 14:
		return step_bit(n, cpu, intid);
	case 15:
		return step_priority(n, cpu, intid);
	case 16:
		return naive_random(n, 3) ? step_route(n, intid) : step_power(n, cpu);
	case 17:
		return step_config(n, intid);
	case 18 ... 22:
		return step_ack(n, cpu);
	case 23 ... 28:
		return step_eoi(n, cpu, intid);
	case 29 ... 30:
		return step_enter_or_leave(n, cpu);
	default:
		if (naive_random(n, 2))
			return step_interface(n, cpu);
		return naive_random(n, 2) ? step_ctlr(n, cpu) :
					    step_group(n, cpu, intid);
	}
}

static void naive_run(struct machine *mach, u64 seed, u64 steps)
{
	static struct naive naive;
	u64 step;

	naive_start(&naive, mach, seed);
	for (step = 0; step < steps && !test_failed; step++) {
		naive_step(&naive);
		adopt_homeless(&naive);
		check_wakeups(&naive, follow_kicks(&naive));
		check_end(&naive);
		naive_check(&naive);
	}
	if (test_failed)
		printf("# seed %llu, step %llu\n", (unsigned long long)seed,
		       (unsigned long long)step);
}

#endif /* GZHYP_TESTS_VGIC_NAIVE_H */
