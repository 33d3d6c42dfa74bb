// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the vGIC model, run on the build machine, in KTAP: delivery of
 * interrupts, list registers, and random operations against a naive model.
 */
#include "core/vgic/vgic-internal.h"
#include "tests/vgic_machine.h"
#include "tests/vgic_naive.h"

static struct machine mach;
static struct machine *const m = &mach;

/* Each of: enabled, pending, group enabled, routed to it, not active */
static void delivery_needs_all_conditions(void)
{
	start(m);
	spi(m, 40, true);
	EXPECT(!vgic_pending(&m->vgic, 0));
	EXPECT_EQ(m->kick, 0);
	set_bit1(m, 1, GIC_ISENABLER, 40);
	EXPECT(vgic_pending(&m->vgic, 0));
	EXPECT(!vgic_pending(&m->vgic, 1));
	EXPECT_EQ(m->kick, 1);
	wr(m, 0, DIST + GICD_CTLR, 4, GICD_CTLR_ENABLE_GRP0);
	EXPECT(!vgic_pending(&m->vgic, 0));
	enter(m, 0);
	EXPECT_EQ(lr_of(m, 0, 40), 0);
	leave(m, 0);
	m->kick = 0;
	wr(m, 1, DIST + GICD_CTLR, 4, GICD_CTLR_ENABLE_GRP1);
	EXPECT_EQ(m->kick, 1);
	EXPECT(vgic_pending(&m->vgic, 0));
	set_bit1(m, 0, GIC_ISACTIVER, 40);
	EXPECT(!vgic_pending(&m->vgic, 0));
	set_bit1(m, 0, GIC_ICACTIVER, 40);
	EXPECT(vgic_pending(&m->vgic, 0));
	set_bit1(m, 0, GIC_ICENABLER, 40);
	EXPECT(!vgic_pending(&m->vgic, 0));
	EXPECT(!vgic_pending(&m->vgic, 5));
	EXPECT(!vgic_pending(&m->vgic, 8));
}

static void cpu_interface_masks(void)
{
	struct vgic *v = &m->vgic;

	start(m);
	start_spi(m, 40, true);
	set_priority(m, 0, 40, 0x80);
	spi(m, 40, true);
	EXPECT(vgic_pending_unmasked(v, 0, 0xf0000002));
	EXPECT(vgic_pending_unmasked(v, 0, 0x88000002));
	EXPECT(!vgic_pending_unmasked(v, 0, 0x80000002));
	EXPECT(!vgic_pending_unmasked(v, 0, 0xf0000001));
	EXPECT(!vgic_pending_unmasked(v, 0, 0));
}

static void lr_contents(void)
{
	start(m);
	start_spi(m, 40, true);
	start_spi(m, 41, false);
	set_priority(m, 0, 40, 0xa0);
	spi(m, 40, true);
	spi(m, 41, true);
	memset(m->lr[0], 0xff, sizeof(m->lr[0]));
	enter(m, 0);
	EXPECT_EQ(lr_of(m, 0, 40), 40 | LR_PRIORITY(0xa0) | LR_GROUP1 |
		  LR_PENDING);
	EXPECT_EQ(lr_of(m, 0, 41), 41 | LR_GROUP1 | LR_PENDING | LR_EOI);
	EXPECT_EQ(m->lr[0][2] | m->lr[0][3] | m->lr[0][4] | m->lr[0][15], 0);
	EXPECT_EQ(m->hcr[0], HCR_EN);
	leave(m, 0);
	wr(m, 0, DIST + GIC_IGROUPR + 4, 4, 0);
	wr(m, 0, DIST + GICD_CTLR, 4, 3);
	enter(m, 0);
	EXPECT_EQ(lr_of(m, 0, 40), 40 | LR_PRIORITY(0xa0) | LR_PENDING);
}

static void edges_coalesce(void)
{
	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	spi(m, 40, false);
	spi(m, 40, true);
	spi(m, 40, false);
	EXPECT_EQ(m->kick, 1);
	enter(m, 0);
	spi(m, 40, true);
	resync(m, 0);
	take(m, 0, 40);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
	resync(m, 0);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
}

/* While the first is handled a second is taken after its EOI, not lost */
static void edge_during_active(void)
{
	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 40);
	m->kick = 0;
	spi(m, 40, true);
	EXPECT_EQ(m->kick, 1);
	resync(m, 0);
	EXPECT_EQ(lr_of(m, 0, 40) & LR_STATE, LR_STATE);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
	eoi(m, 0, 40);
	take(m, 0, 40);
	resync(m, 0);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
}

static void level_pends_while_high(void)
{
	start(m);
	start_spi(m, 41, false);
	spi(m, 41, true);
	EXPECT_EQ(m->kick, 1);
	enter(m, 0);
	take(m, 0, 41);
	leave(m, 0);
	EXPECT(m->level_eoi);
	EXPECT(vgic_pending(&m->vgic, 0));
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 41);
	resync(m, 0);
	EXPECT(!m->level_eoi);
	EXPECT_EQ(lr_of(m, 0, 41) & (LR_STATE | LR_EOI), LR_ACTIVE | LR_EOI);
	spi(m, 41, false);
	eoi(m, 0, 41);
	leave(m, 0);
	EXPECT(m->level_eoi);
	EXPECT(!vgic_pending(&m->vgic, 0));
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
}

static void level_falls_unseen(void)
{
	start(m);
	start_spi(m, 41, false);
	spi(m, 41, true);
	enter(m, 0);
	spi(m, 41, false);
	leave(m, 0);
	EXPECT(!m->level_eoi);
	EXPECT(!vgic_pending(&m->vgic, 0));
	EXPECT(!get_bit1(m, 0, GIC_ISPENDR, 41));
}

static void level_pended_by_software(void)
{
	start(m);
	start_spi(m, 41, false);
	set_bit1(m, 0, GIC_ISPENDR, 41);
	EXPECT_EQ(m->kick, 1);
	enter(m, 0);
	resync(m, 0);
	take(m, 0, 41);
	leave(m, 0);
	EXPECT(!vgic_pending(&m->vgic, 0));
	spi(m, 41, true);
	set_bit1(m, 0, GIC_ICPENDR, 41);
	EXPECT(vgic_pending(&m->vgic, 0));
	spi(m, 41, false);
	EXPECT(!vgic_pending(&m->vgic, 0));
}

static void pend(struct machine *m, u32 intid)
{
	EXPECT_EQ(vgic_pend_spi(&m->vgic, intid - 32, &m->kick), 0);
}

/* A level that is pended: once, and once more if that is while it is active */
static void pended_level(void)
{
	start(m);
	set_bit1(m, 0, GIC_ISENABLER, 40);
	m->kick = 0;
	pend(m, 40);
	EXPECT_EQ(m->kick, 1);
	pend(m, 40);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 40);
	eoi(m, 0, 40);
	leave(m, 0);
	EXPECT(m->level_eoi);
	EXPECT(!vgic_pending(&m->vgic, 0));
	pend(m, 40);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 40);
	pend(m, 40);
	leave(m, 0);
	EXPECT(!vgic_pending(&m->vgic, 0));
	enter(m, 0);
	eoi(m, 0, 40);
	leave(m, 0);
	EXPECT(vgic_pending(&m->vgic, 0));
	enter(m, 0);
	take(m, 0, 40);
	leave(m, 0);
	EXPECT(!vgic_pending(&m->vgic, 0));
	EXPECT_EQ(vgic_pend_spi(&m->vgic, 988, &m->kick), -8);
}

static void drop_active_loses_it(void)
{
	start(m);
	m->vgic.drop_active = true;
	set_bit1(m, 0, GIC_ISENABLER, 40);
	pend(m, 40);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 40);
	pend(m, 40);
	leave(m, 0);
	pend(m, 40);
	enter(m, 0);
	eoi(m, 0, 40);
	leave(m, 0);
	EXPECT(!vgic_pending(&m->vgic, 0));
	pend(m, 40);
	enter(m, 0);
	take(m, 0, 40);
	leave(m, 0);
}

static void drop_active_keeps_edges(void)
{
	start(m);
	m->vgic.drop_active = true;
	start_spi(m, 40, true);
	pend(m, 40);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 40);
	pend(m, 40);
	leave(m, 0);
	pend(m, 40);
	enter(m, 0);
	eoi(m, 0, 40);
	take(m, 0, 40);
	leave(m, 0);
	EXPECT(!vgic_pending(&m->vgic, 0));
}

/* Only an SPI's EOI is the host's business */
static void timer_ppi(void)
{
	start(m);
	set_bit1(m, 1, GIC_ISENABLER, TIMER);
	m->kick = 0;
	vgic_set_ppi(&m->vgic, 1, TIMER, true, &m->kick);
	vgic_set_ppi(&m->vgic, 1, 15, true, &m->kick);
	vgic_set_ppi(&m->vgic, 1, 32, true, &m->kick);
	vgic_set_ppi(&m->vgic, 7, TIMER, true, &m->kick);
	EXPECT_EQ(m->kick, 2);
	EXPECT(!vgic_pending(&m->vgic, 0));
	enter(m, 1);
	EXPECT_EQ(ack(m, 1), TIMER);
	vgic_set_ppi(&m->vgic, 1, TIMER, false, &m->kick);
	eoi(m, 1, TIMER);
	leave(m, 1);
	EXPECT(!m->level_eoi);
	EXPECT(!vgic_pending(&m->vgic, 1));
}

static void priority_order(void)
{
	static const u8 prio[] = { 0xc0, 0x10, 0xf8, 0x40, 0x40, 0x08 };
	static const int order[] = { 5, 1, 3, 4, 0, 2 };
	unsigned int i;

	start(m);
	m->nr_lrs = 8;
	for (i = 0; i < 6; i++) {
		start_spi(m, 60 + i, true);
		set_priority(m, 0, 60 + i, prio[i]);
		spi(m, 60 + i, true);
	}
	enter(m, 0);
	for (i = 0; i < 6; i++)
		take(m, 0, 60 + order[i]);
}

static void more_pending_than_registers(void)
{
	unsigned int i;

	start(m);
	for (i = 0; i < 40; i++) {
		start_spi(m, 100 + i * 20, true);
		set_priority(m, 0, 100 + i * 20, 0xf8 - i / 2 * 8);
		spi(m, 100 + i * 20, true);
	}
	enter(m, 0);
	for (i = 0; i < 40; i++) {
		EXPECT_EQ(!!(m->hcr[0] & HCR_NPIE), i < 36);
		take(m, 0, 100 + (38 - i / 2 * 2 + i % 2) * 20);
		if (i % 4 == 3 && best_lr(m, 0) < 0)
			resync(m, 0);
	}
	EXPECT_EQ(ack(m, 0), NO_IRQ);
	EXPECT_EQ(m->hcr[0], HCR_EN);
}

/*
 * Interrupts that the guest cannot acknowledge, because it has disabled their group,
 * must not take the registers from others.
 */
static void disabled_group_leaves_room(void)
{
	unsigned int i;

	start(m);
	wr(m, 0, DIST + GICD_CTLR, 4, 3);
	wr(m, 0, DIST + GIC_IGROUPR + 4, 4, 0);
	for (i = 0; i < 6; i++) {
		start_spi(m, 40 + i, true);
		set_priority(m, 0, 40 + i, 0x10);
		spi(m, 40 + i, true);
	}
	start_spi(m, 70, true);
	set_priority(m, 0, 70, 0x80);
	spi(m, 70, true);
	m->vmcr[0] = VMCR_ALL_OPEN & ~VMCR_ENG0;
	enter(m, 0);
	EXPECT_EQ(m->hcr[0], HCR_EN | HCR_NPIE | HCR_VGRP0EIE);
	EXPECT_EQ(best_lr(m, 0), 0);
	EXPECT_EQ(find_lr(m, 0, 70), 0);
	/* With group 0 enabled, its interrupts come first. */
	m->vmcr[0] = VMCR_ALL_OPEN;
	resync(m, 0);
	EXPECT_EQ(m->hcr[0], HCR_EN | HCR_NPIE | HCR_VGRP0DIE | HCR_VGRP1DIE);
	EXPECT_EQ(find_lr(m, 0, 70), -1);
	for (i = 0; i < 4; i++)
		take(m, 0, 40 + i);
	resync(m, 0);
	take(m, 0, 44);
	take(m, 0, 45);
	take(m, 0, 70);
}

/* Active ones fill the registers; the EOI of the fifth finds none */
static void more_active_than_registers(void)
{
	int i;

	start(m);
	enter(m, 0);
	for (i = 0; i < 6; i++) {
		start_spi(m, 50 + i, true);
		set_priority(m, 0, 50 + i, 0x80 - i * 8);
		spi(m, 50 + i, true);
		resync(m, 0);
		EXPECT_EQ(ack(m, 0), 50 + i);
	}
	resync(m, 0);
	EXPECT_EQ(m->hcr[0], HCR_EN | HCR_LRENPIE);
	for (i = 5; i > 1; i--)
		eoi(m, 0, 50 + i);
	vgic_eoi_count(&m->vgic, 0, 1, &m->kick);
	leave(m, 0);
	EXPECT(!get_bit1(m, 0, GIC_ISACTIVER, 51));
	EXPECT(get_bit1(m, 0, GIC_ISACTIVER, 50));
	enter(m, 0);
	eoi(m, 0, 50);
	EXPECT_EQ(m->hcr[0], HCR_EN);
}

static void deactivation_out_of_order(void)
{
	int i;

	start(m);
	for (i = 0; i < 6; i++)
		set_bit1(m, 0, GIC_ISACTIVER, 50 + i);
	enter(m, 0);
	EXPECT(m->hcr[0] & HCR_LRENPIE);
	EXPECT_EQ(find_lr(m, 0, 55), -1);
	leave(m, 0);
	vgic_deactivate(&m->vgic, 0, 55, &m->kick);
	vgic_deactivate(&m->vgic, 0, 1020, &m->kick);
	vgic_deactivate(&m->vgic, 0, ~0U, &m->kick);
	vgic_deactivate(&m->vgic, 9, 54, &m->kick);
	EXPECT_EQ(m->redzone, ~0ULL);
	EXPECT(!get_bit1(m, 0, GIC_ISACTIVER, 55));
	EXPECT(get_bit1(m, 0, GIC_ISACTIVER, 54));
}

/* A guest may pile up active interrupts and still gets the next one */
static void active_do_not_shut_out_pending(void)
{
	unsigned int i;

	start(m);
	for (i = 0; i < 5; i++)
		set_bit1(m, 0, GIC_ISACTIVER, 50 + i);
	start_spi(m, 900, true);
	set_priority(m, 0, 900, 0xf0);
	spi(m, 900, true);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 900);
	leave(m, 0);
	m->nr_lrs = 1;
	spi(m, 900, false);
	start_spi(m, 901, true);
	spi(m, 901, true);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 901);
}

/*
 * An edge that comes again while active must not be offered at its EOI when
 * something more urgent waits for a register.
 */
static void active_edge_lets_urgent_pass(void)
{
	unsigned int i;

	start(m);
	m->nr_lrs = 2;
	for (i = 0; i < 3; i++) {
		start_spi(m, 50 + i, true);
		set_priority(m, 0, 50 + i, i < 1 ? 0xe0 : 0x40);
	}
	set_bit1(m, 0, GIC_ISACTIVER, 50);
	for (i = 0; i < 3; i++)
		spi(m, 50 + i, true);
	enter(m, 0);
	EXPECT(m->hcr[0] & HCR_NPIE);
	EXPECT_EQ(lr_of(m, 0, 50) & (LR_STATE | LR_EOI), LR_ACTIVE | LR_EOI);
	eoi(m, 0, 50);
	resync(m, 0);
	EXPECT(!m->level_eoi);
	take(m, 0, 51);
	take(m, 0, 52);
	resync(m, 0);
	take(m, 0, 50);
}

static void sgi1r(unsigned int cpu, u64 val)
{
	m->kick = 0;
	vgic_write_sgi1r(&m->vgic, cpu, val | 5ULL << 24, &m->kick);
}

static void sgi_targets(void)
{
	unsigned int i;

	start(m);
	vgic_cpu_init(&m->vgic, &m->vcpu[3], 3, 0x0300020111, &m->kick);
	for (i = 0; i < 4; i++)
		set_bit1(m, i, GIC_ISENABLER, 5);
	sgi1r(0, 1 << 1);
	EXPECT_EQ(m->kick, 1 << 1);
	sgi1r(0, 1 << 0);
	EXPECT_EQ(m->kick, 1 << 0);
	sgi1r(2, SGI1R_IRM | 0xffff);
	EXPECT_EQ(m->kick, 0xb);
	sgi1r(0, 0xfff8);
	EXPECT_EQ(m->kick, 0);
	sgi1r(0, 0xffff);
	EXPECT_EQ(m->kick, 0x7);
	sgi1r(0, 0xffff | 1ULL << 16);
	EXPECT_EQ(m->kick, 0);
	sgi1r(0, 1 << 1 | 1ULL << 16 | 2ULL << 32 | 3ULL << 48 | 1ULL << 44);
	EXPECT_EQ(m->kick, 1 << 3);
	sgi1r(0, 1 << 1 | 1ULL << 16 | 2ULL << 32 | 3ULL << 48);
	EXPECT_EQ(m->kick, 0);
	EXPECT(!get_bit1(m, 0, GIC_ISPENDR, 4));
	EXPECT(get_bit1(m, 0, GIC_ISPENDR, 5));
}

static void group0_sgis(void)
{
	start(m);
	wr(m, 0, DIST + GICD_CTLR, 4, 3);
	set_bit1(m, 1, GIC_ISENABLER, 5);
	m->kick = 0;
	vgic_write_sgi0r(&m->vgic, 0, 5 << 24 | 1 << 1, &m->kick);
	EXPECT_EQ(m->kick, 0);
	wr(m, 0, sgi_frame(1) + GIC_IGROUPR, 4, ~(1U << 5));
	vgic_write_sgi0r(&m->vgic, 0, 5 << 24 | 1 << 1, &m->kick);
	EXPECT_EQ(m->kick, 1 << 1);
	enter(m, 1);
	EXPECT_EQ(m->lr[1][0], 5 | LR_PENDING);
}

static void sgi_to_running_vcpu(void)
{
	start(m);
	set_bit1(m, 1, GIC_ISENABLER, 5);
	enter(m, 1);
	EXPECT_EQ(ack(m, 1), NO_IRQ);
	sgi1r(0, 1 << 1);
	EXPECT_EQ(m->kick, 1 << 1);
	resync(m, 1);
	EXPECT_EQ(ack(m, 1), 5);
	sgi1r(0, 1 << 1);
	EXPECT_EQ(m->kick, 1 << 1);
	resync(m, 1);
	eoi(m, 1, 5);
	take(m, 1, 5);
}

static void routing(void)
{
	start(m);
	start_spi(m, 40, true);
	route(m, 40, 2);
	spi(m, 40, true);
	EXPECT_EQ(m->kick, 1 << 2);
	route(m, 40, 1);
	EXPECT(m->kick & 1 << 1);
	EXPECT(!vgic_pending(&m->vgic, 2));
	EXPECT(vgic_pending(&m->vgic, 1));
	route(m, 40, 0x100000001);
	EXPECT(!vgic_pending(&m->vgic, 1));
	EXPECT(get_bit1(m, 0, GIC_ISPENDR, 40));
	route(m, 40, GICD_IROUTER_IRM | 77);
	EXPECT(vgic_pending(&m->vgic, 0));
	/* Routed to a vCPU that comes later */
	route(m, 40, 0x703);
	EXPECT(!vgic_pending(&m->vgic, 0));
	vgic_cpu_init(&m->vgic, &m->vcpu[3], 3, 0x703, &m->kick);
	EXPECT(vgic_pending(&m->vgic, 3));
	vgic_cpu_exit(&m->vgic, 3, &m->kick);
	EXPECT(!vgic_pending(&m->vgic, 3));
	EXPECT(get_bit1(m, 0, GIC_ISPENDR, 40));
}

static void reroute_in_flight(void)
{
	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	enter(m, 0);
	m->kick = 0;
	route(m, 40, 1);
	EXPECT_EQ(m->kick, 1 << 0);
	enter(m, 1);
	EXPECT_EQ(ack(m, 1), NO_IRQ);
	m->kick = 0;
	resync(m, 0);
	EXPECT_EQ(m->kick, 1 << 1);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
	resync(m, 1);
	EXPECT_EQ(ack(m, 1), 40);
	/* Active: stays where it is until EOI, then goes where it is routed */
	route(m, 40, 2);
	spi(m, 40, true);
	resync(m, 1);
	EXPECT(!vgic_pending(&m->vgic, 2));
	EXPECT_EQ(lr_of(m, 1, 40) & (LR_STATE | LR_EOI), LR_ACTIVE | LR_EOI);
	eoi(m, 1, 40);
	m->kick = 0;
	resync(m, 1);
	EXPECT(!m->level_eoi);
	EXPECT_EQ(m->kick, 1 << 2);
	enter(m, 2);
	take(m, 2, 40);
}

static void disable_in_flight(void)
{
	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	enter(m, 0);
	m->kick = 0;
	set_bit1(m, 1, GIC_ICENABLER, 40);
	EXPECT_EQ(m->kick, 1 << 0);
	resync(m, 0);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
	EXPECT(get_bit1(m, 0, GIC_ISPENDR, 40));
	leave(m, 0);
	set_bit1(m, 1, GIC_ISENABLER, 40);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 40);
	set_bit1(m, 1, GIC_ICENABLER, 40);
	resync(m, 0);
	eoi(m, 0, 40);
}

static void unpend_in_flight(void)
{
	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	enter(m, 0);
	EXPECT(get_bit1(m, 1, GIC_ISPENDR, 40));
	m->kick = 0;
	set_bit1(m, 1, GIC_ICPENDR, 40);
	EXPECT_EQ(m->kick, 1 << 0);
	EXPECT(!get_bit1(m, 1, GIC_ISPENDR, 40));
	resync(m, 0);
	EXPECT_EQ(ack(m, 0), NO_IRQ);
	/* Taken back and pended again before the vCPU got out */
	spi(m, 40, true);
	resync(m, 0);
	set_bit1(m, 1, GIC_ICPENDR, 40);
	set_bit1(m, 1, GIC_ISPENDR, 40);
	resync(m, 0);
	take(m, 0, 40);
}

static void active_written_in_flight(void)
{
	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	enter(m, 0);
	EXPECT_EQ(ack(m, 0), 40);
	m->kick = 0;
	EXPECT(!get_bit1(m, 1, GIC_ISACTIVER, 40));
	EXPECT_EQ(m->kick, 1 << 0);
	m->kick = 0;
	set_bit1(m, 1, GIC_ICACTIVER, 40);
	EXPECT_EQ(m->kick, 1 << 0);
	resync(m, 0);
	EXPECT_EQ(lr_of(m, 0, 40), 0);
	EXPECT(!get_bit1(m, 1, GIC_ISACTIVER, 40));
	set_bit1(m, 1, GIC_ISACTIVER, 40);
	resync(m, 0);
	EXPECT_EQ(lr_of(m, 0, 40) & LR_STATE, LR_ACTIVE);
	set_bit1(m, 1, GIC_ICACTIVER, 40);
	set_bit1(m, 1, GIC_ISACTIVER, 40);
	eoi(m, 0, 40);
	leave(m, 0);
	EXPECT(get_bit1(m, 1, GIC_ISACTIVER, 40));
}

static void private_state_of_another_vcpu(void)
{
	start(m);
	wr(m, 0, sgi_frame(2) + GIC_ISENABLER, 4, 1 << 3);
	wr(m, 0, sgi_frame(2) + GIC_ISPENDR, 4, 1 << 3);
	EXPECT_EQ(m->kick, 1 << 2);
	EXPECT(!vgic_pending(&m->vgic, 0));
	enter(m, 2);
	EXPECT_EQ(ack(m, 2), 3);
	leave(m, 2);
	EXPECT_EQ(rd(m, 0, sgi_frame(2) + GIC_ISACTIVER, 4), 1 << 3);
	EXPECT_EQ(rd(m, 0, sgi_frame(0) + GIC_ISACTIVER, 4), 0);
}

static void higher_priority_arrives(void)
{
	unsigned int i;

	start(m);
	for (i = 0; i < 8; i++) {
		start_spi(m, 50 + i, true);
		set_priority(m, 0, 50 + i, 0x80);
		spi(m, 50 + i, true);
	}
	start_spi(m, 90, true);
	enter(m, 0);
	EXPECT_EQ(find_lr(m, 0, 90), -1);
	m->kick = 0;
	spi(m, 90, true);
	EXPECT_EQ(m->kick, 1);
	resync(m, 0);
	take(m, 0, 90);
}

/* Registers that the caller lost or changed can not confuse the model */
static void odd_list_registers(void)
{
	u64 bad[VGIC_MAX_LRS];
	unsigned int i;

	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	enter(m, 0);
	for (i = 0; i < VGIC_MAX_LRS; i++)
		bad[i] = LR_STATE | (i % 2 ? 0xffffffff : 1019 + i);
	vgic_sync(&m->vgic, 0, bad, 99, &m->kick);
	EXPECT(vgic_pending(&m->vgic, 0));
	EXPECT(!get_bit1(m, 0, GIC_ISACTIVER, 1019));
	m->nr_lrs = 99;
	enter(m, 0);
	enter(m, 0);
	EXPECT_EQ(lr_of(m, 0, 40) & LR_STATE, LR_PENDING);
	vgic_sync(&m->vgic, 0, m->lr[0], 0, &m->kick);
	vgic_sync(&m->vgic, 0, m->lr[0], 4, &m->kick);
	EXPECT(vgic_pending(&m->vgic, 0));
	m->nr_lrs = 0;
	enter(m, 0);
	EXPECT_EQ(m->lr[0][0], 0);
	leave(m, 0);
	vgic_flush(&m->vgic, 11, m->lr[0], 4, &m->hcr[0]);
	EXPECT_EQ(m->hcr[0], 0);
	vgic_sync(&m->vgic, 11, m->lr[0], 4, &m->kick);
}

/* A vCPU that goes away takes nothing of the VM's with it */
static void vcpu_exit_and_return(void)
{
	start(m);
	start_spi(m, 40, true);
	spi(m, 40, true);
	set_bit1(m, 0, GIC_ISENABLER, 5);
	sgi1r(0, 1);
	enter(m, 0);
	vgic_cpu_exit(&m->vgic, 0, &m->kick);
	memset(&m->vcpu[0], 0x5a, sizeof(m->vcpu[0]));
	spi(m, 40, true);
	EXPECT(!vgic_pending(&m->vgic, 0));
	vgic_cpu_init(&m->vgic, &m->vcpu[0], 0, 0, &m->kick);
	EXPECT(vgic_pending(&m->vgic, 0));
	EXPECT(!get_bit1(m, 0, GIC_ISPENDR, 5));
	vgic_cpu_init(&m->vgic, &m->vcpu[4], 0, 0, &m->kick);
	EXPECT(vgic_pending(&m->vgic, 0));
}

static void spis_follow_the_vcpus_there_are(void)
{
	start(m);
	start_spi(m, 40, true);
	start_spi(m, 41, true);
	route(m, 41, GICD_IROUTER_IRM);
	spi(m, 40, true);
	enter(m, 0);
	route(m, 40, 1);
	EXPECT(!vgic_pending(&m->vgic, 1));
	m->kick = 0;
	vgic_cpu_exit(&m->vgic, 0, &m->kick);
	EXPECT_EQ(m->kick, 1 << 1);
	EXPECT(vgic_pending(&m->vgic, 1));
	enter(m, 1);
	take(m, 1, 40);
	leave(m, 1);
	/* One of all: the first there is */
	spi(m, 41, true);
	EXPECT(vgic_pending(&m->vgic, 1));
	enter(m, 1);
	m->kick = 0;
	vgic_cpu_init(&m->vgic, &m->vcpu[0], 0, 0, &m->kick);
	EXPECT_EQ(m->kick, 1 << 1);
	leave(m, 1);
	EXPECT_EQ(m->kick, 1 << 0 | 1 << 1);
	EXPECT(vgic_pending(&m->vgic, 0) && !vgic_pending(&m->vgic, 1));
	vgic_cpu_exit(&m->vgic, 0, &m->kick);
	EXPECT(vgic_pending(&m->vgic, 1));
	/* One of a higher number changes nothing. */
	vgic_cpu_exit(&m->vgic, 2, &m->kick);
	vgic_cpu_init(&m->vgic, &m->vcpu[2], 2, 2, &m->kick);
	EXPECT(vgic_pending(&m->vgic, 1) && !vgic_pending(&m->vgic, 2));
}

/* The first vCPU that an SPI is routed to */
static u8 target_of(const struct vgic_irq *irq)
{
	u8 i;

	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		if (m->vgic.cpu[i] && (irq->any_vcpu ||
				       m->vgic.cpu[i]->affinity == irq->route))
			return i;
	return VGIC_NO_VCPU;
}

static bool has(const struct vgic_queue *queue, u32 intid)
{
	return vgic_queue_next(queue, intid) == (int)intid;
}

/* It is in the queue of the vCPU that it is for, or in that of the homeless. */
static void is_in_one_queue(u32 intid)
{
	const struct vgic_irq *irq = &m->vgic.spi[intid - VGIC_NR_PRIVATE];
	bool wanted = irq->enabled && irq->latch;
	u8 target = wanted ? target_of(irq) : VGIC_NO_VCPU;
	unsigned int i;

	EXPECT_EQ(irq->holder, target);
	EXPECT_EQ(has(&m->vgic.homeless, intid), wanted && target == VGIC_NO_VCPU);
	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		if (m->vgic.cpu[i])
			EXPECT_EQ(has(&m->vgic.cpu[i]->queue, intid), i == target);
}

/* A vCPU that gets an interrupt in an operation is kicked: it may run. */
static void is_kicked_for(u32 intid, u8 held_by)
{
	const struct vgic_irq *irq = &m->vgic.spi[intid - VGIC_NR_PRIVATE];

	if (irq->holder != held_by && irq->holder != VGIC_NO_VCPU)
		EXPECT(m->kick & 1 << irq->holder, "intid %u", intid);
}

static u8 holders[VGIC_NR_SPIS];

/*
 * vCPUs come and go, SPIs are routed, enabled and pended: each is where it belongs, and
 * its vCPU knows.
 */
static void spis_have_one_place(void)
{
	unsigned int op, i, id;
	u32 spi;

	start(m);
	srand(1);
	for (op = 0; op < 3000; op++) {
		id = rand() % VGIC_MAX_VCPUS;
		spi = rand() % VGIC_NR_SPIS;
		for (i = 0; i < VGIC_NR_SPIS; i++)
			holders[i] = m->vgic.spi[i].holder;
		m->kick = 0;
		if (op % 4 == 0)
			vgic_cpu_init(&m->vgic, &m->vcpu[id], id, id, &m->kick);
		else if (op % 4 == 1)
			vgic_cpu_exit(&m->vgic, id, &m->kick);
		else if (op % 4 == 2)
			vgic_pend_spi(&m->vgic, spi, &m->kick);
		else if (m->vgic.cpu[0]) {
			route(m, SPI(spi), rand() % 4 ? rand() % 9 : GICD_IROUTER_IRM);
			set_bit1(m, 0, GIC_ISENABLER, SPI(spi));
		}
		for (i = 0; i < VGIC_NR_SPIS; i++) {
			is_in_one_queue(SPI(i));
			is_kicked_for(SPI(i), holders[i]);
		}
	}
}

static void random_operations(void)
{
	static const unsigned int nr_lrs[] = { 4, 1, 2, 16 };
	unsigned int i;

	for (i = 0; i < 4 && !test_failed; i++) {
		start(m);
		m->nr_lrs = nr_lrs[i];
		naive_run(m, naive_env("VGIC_TEST_SEED", 1) + i,
			  naive_env("VGIC_TEST_STEPS", 30000));
	}
}

static const struct test tests[] = {
	TEST(delivery_needs_all_conditions),
	TEST(cpu_interface_masks),
	TEST(lr_contents),
	TEST(edges_coalesce),
	TEST(edge_during_active),
	TEST(level_pends_while_high),
	TEST(level_falls_unseen),
	TEST(level_pended_by_software),
	TEST(pended_level),
	TEST(drop_active_loses_it),
	TEST(drop_active_keeps_edges),
	TEST(timer_ppi),
	TEST(priority_order),
	TEST(more_pending_than_registers),
	TEST(disabled_group_leaves_room),
	TEST(more_active_than_registers),
	TEST(deactivation_out_of_order),
	TEST(active_do_not_shut_out_pending),
	TEST(active_edge_lets_urgent_pass),
	TEST(sgi_targets),
	TEST(group0_sgis),
	TEST(sgi_to_running_vcpu),
	TEST(routing),
	TEST(reroute_in_flight),
	TEST(disable_in_flight),
	TEST(unpend_in_flight),
	TEST(active_written_in_flight),
	TEST(private_state_of_another_vcpu),
	TEST(higher_priority_arrives),
	TEST(odd_list_registers),
	TEST(vcpu_exit_and_return),
	TEST(spis_follow_the_vcpus_there_are),
	TEST(spis_have_one_place),
	TEST(random_operations),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
