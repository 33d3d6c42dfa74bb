/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Harness of the vGIC tests: expectations, register access by name, and the
 * CPU's side of the list registers (acknowledge, EOI).
 */
#ifndef GZHYP_TESTS_VGIC_MACHINE_H
#define GZHYP_TESTS_VGIC_MACHINE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/vgic/vgic.h"
#include "core/vgic/vgic_regs.h"

#define DIST		0x3fff0000ULL
#define REDIST		(DIST - 4 * VGIC_REDIST_SIZE)
#define SPI(n)		(VGIC_NR_PRIVATE + (n))
#define TIMER		27
#define NO_IRQ		(-1)
#define INVALID_ARGS	(-8)

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(f)	{ #f, f }

static bool test_failed;

static inline void fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	if (!test_failed) {
		printf("# %s:%d: ", file, line);
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
	}
	test_failed = true;
}

static inline int run_tests(const struct test *tests, unsigned int nr)
{
	unsigned int i, failed = 0;

	printf("KTAP version 1\n1..%u\n", nr);
	for (i = 0; i < nr; i++) {
		test_failed = false;
		tests[i].run();
		failed += test_failed;
		printf("%sok %u %s\n", test_failed ? "not " : "", i + 1,
		       tests[i].name);
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define EXPECT(cond, ...)						\
	do {								\
		if (!(cond))						\
			fail(__FILE__, __LINE__, #cond " " __VA_ARGS__);\
	} while (0)

#define EXPECT_EQ(a, b)							\
	do {								\
		long long x_ = (a), y_ = (b);				\
									\
		if (x_ != y_)						\
			fail(__FILE__, __LINE__, "%s is 0x%llx, not 0x%llx", \
			     #a, x_, y_);				\
	} while (0)

/* One VM and the CPUs' list registers */
struct machine {
	struct vgic	vgic;
	u64		redzone;	/* right behind the last SPI */
	struct vgic_cpu	vcpu[VGIC_MAX_VCPUS];
	unsigned int	nr_lrs;
	bool		running[VGIC_MAX_VCPUS];
	u64		lr[VGIC_MAX_VCPUS][VGIC_MAX_LRS];
	u64		hcr[VGIC_MAX_VCPUS];
	u32		vmcr[VGIC_MAX_VCPUS];	/* of the virtual CPU interface */
	bool		level_eoi;	/* result of the last vgic_sync() */
	bool		ended[VGIC_NR_INTIDS];	/* shown to the host as an EOI */
	u32		kick;
};

static inline void mmio(struct machine *m, unsigned int cpu, u64 ipa,
			unsigned int size, bool write, u64 *val)
{
	EXPECT(vgic_mmio(&m->vgic, cpu, ipa, size, write, val, &m->kick));
}

static inline u64 rd(struct machine *m, unsigned int cpu, u64 ipa,
		     unsigned int size)
{
	u64 val = 0xdeadULL << 48;

	mmio(m, cpu, ipa, size, false, &val);
	return val;
}

static inline void wr(struct machine *m, unsigned int cpu, u64 ipa,
		      unsigned int size, u64 val)
{
	mmio(m, cpu, ipa, size, true, &val);
}

static inline u64 sgi_frame(unsigned int nth)
{
	return REDIST + nth * VGIC_REDIST_SIZE + GICR_SGI_OFFSET;
}

/* Frame that has the interrupt's registers; vCPUs are numbered from 0 here */
static inline u64 frame_of(unsigned int cpu, u32 intid)
{
	return intid < VGIC_NR_PRIVATE ? sgi_frame(cpu) : DIST;
}

static inline void set_bit1(struct machine *m, unsigned int cpu, u32 reg,
			    u32 intid)
{
	wr(m, cpu, frame_of(cpu, intid) + reg + intid / 32 * 4, 4,
	   1U << intid % 32);
}

static inline bool get_bit1(struct machine *m, unsigned int cpu, u32 reg,
			    u32 intid)
{
	return rd(m, cpu, frame_of(cpu, intid) + reg + intid / 32 * 4, 4) >>
	       intid % 32 & 1;
}

static inline void set_priority(struct machine *m, unsigned int cpu, u32 intid,
				u8 p)
{
	wr(m, cpu, frame_of(cpu, intid) + GIC_IPRIORITYR + intid, 1, p);
}

static inline void set_edge(struct machine *m, u32 intid, bool edge)
{
	u64 reg = DIST + GIC_ICFGR + intid / 16 * 4;
	u32 mask = 2U << intid % 16 * 2;
	u32 val = rd(m, 0, reg, 4);

	wr(m, 0, reg, 4, edge ? val | mask : val & ~mask);
}

static inline void route(struct machine *m, u32 intid, u64 irouter)
{
	wr(m, 0, DIST + GICD_IROUTER + intid * 8, 8, irouter);
}

static inline void spi(struct machine *m, u32 intid, bool level)
{
	EXPECT_EQ(vgic_set_spi(&m->vgic, intid - 32, level, &m->kick), 0);
}

static inline void enter(struct machine *m, unsigned int cpu)
{
	m->vcpu[cpu].vmcr = m->vmcr[cpu];
	vgic_flush(&m->vgic, cpu, m->lr[cpu], m->nr_lrs, &m->hcr[cpu]);
	m->running[cpu] = true;
}

/* The view of the host at the exit */
static inline void show(struct machine *m, unsigned int cpu)
{
	u64 lr[VGIC_MAX_LRS];
	unsigned int nr, i;

	memcpy(lr, m->lr[cpu], sizeof(lr));
	do {
		nr = vgic_show_ends(&m->vcpu[cpu], lr, m->nr_lrs);
		EXPECT(nr >= m->nr_lrs && nr <= VGIC_MAX_LRS);
		for (i = 0; i < nr; i++)
			if ((lr[i] & LR_EOI) && !(lr[i] & LR_STATE))
				m->ended[LR_INTID(lr[i])] = true;
		/* The next RUN does not enter the guest. */
		memset(lr, 0, sizeof(lr));
	} while (m->vcpu[cpu].nr_ended);
}

static inline void leave(struct machine *m, unsigned int cpu)
{
	m->level_eoi = vgic_sync(&m->vgic, cpu, m->lr[cpu], m->nr_lrs,
				 &m->kick);
	m->running[cpu] = false;
	show(m, cpu);
}

static inline u8 lr_priority(u64 lr)
{
	return lr >> 48;
}

/* The CPU interface shows only interrupts of enabled groups (IHI 0069, 4.8.6). */
static inline bool lr_enabled(struct machine *m, unsigned int cpu, u64 lr)
{
	return m->vmcr[cpu] & (lr & LR_GROUP1 ? VMCR_ENG1 : VMCR_ENG0);
}

/* The value of ICC_HPPIR<n>_EL1: first pending register by priority */
static inline int best_lr(struct machine *m, unsigned int cpu)
{
	const u64 *lr = m->lr[cpu];
	int best = -1;
	unsigned int i;

	for (i = 0; i < m->nr_lrs; i++) {
		if ((lr[i] & LR_STATE) != LR_PENDING ||
		    !lr_enabled(m, cpu, lr[i]))
			continue;
		if (best < 0 || lr_priority(lr[i]) < lr_priority(lr[best]))
			best = i;
	}
	return best;
}

/* ICH_MISR_EL2.NP is about registers of either group. */
static inline bool any_pending(struct machine *m, unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < m->nr_lrs; i++)
		if ((m->lr[cpu][i] & LR_STATE) == LR_PENDING)
			return true;
	return false;
}

/* ICH_MISR_EL2.VGrp<n>E and VGrp<n>D (IHI 0069, 12.4.11) */
static inline bool maintenance_by_groups(struct machine *m, unsigned int cpu)
{
	u64 on = m->vmcr[cpu] & VMCR_ENG0 ? HCR_VGRP0EIE : HCR_VGRP0DIE;

	on |= m->vmcr[cpu] & VMCR_ENG1 ? HCR_VGRP1EIE : HCR_VGRP1DIE;
	return m->hcr[cpu] & on;
}

/* The priority mask hides all that is pending: ICC_IAR<n>_EL1 shows nothing. */
static inline bool is_masked(struct machine *m, unsigned int cpu)
{
	int i = best_lr(m, cpu);

	return i >= 0 && lr_priority(m->lr[cpu][i]) >= VMCR_PMR(m->vmcr[cpu]);
}

static inline int ack(struct machine *m, unsigned int cpu)
{
	int i = best_lr(m, cpu);

	if (i < 0)
		return NO_IRQ;
	m->lr[cpu][i] ^= LR_STATE;
	return LR_INTID(m->lr[cpu][i]);
}

static inline int find_lr(struct machine *m, unsigned int cpu, u32 intid)
{
	unsigned int i;

	for (i = 0; i < m->nr_lrs; i++)
		if ((m->lr[cpu][i] & LR_STATE) &&
		    LR_INTID(m->lr[cpu][i]) == intid)
			return i;
	return -1;
}

static inline u64 lr_of(struct machine *m, unsigned int cpu, u32 intid)
{
	int i = find_lr(m, cpu, intid);

	return i < 0 ? 0 : m->lr[cpu][i];
}

static inline void eoi(struct machine *m, unsigned int cpu, u32 intid)
{
	int i = find_lr(m, cpu, intid);

	EXPECT(i >= 0 && (m->lr[cpu][i] & LR_ACTIVE), "intid %u", intid);
	if (i >= 0)
		m->lr[cpu][i] &= ~LR_ACTIVE;
}

/* Through one exit */
static inline void resync(struct machine *m, unsigned int cpu)
{
	leave(m, cpu);
	enter(m, cpu);
}

static inline void take(struct machine *m, unsigned int cpu, int intid)
{
	EXPECT_EQ(ack(m, cpu), intid);
	eoi(m, cpu, intid);
}

/* Enabled controller, 3 vCPUs with affinities 0.0.0.n, 4 list registers */
static inline void start(struct machine *m)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->nr_lrs = 4;
	m->redzone = ~0ULL;
	vgic_init(&m->vgic);
	EXPECT_EQ(vgic_set_dist(&m->vgic, DIST, VGIC_DIST_SIZE), 0);
	EXPECT_EQ(vgic_set_redist(&m->vgic, REDIST, VGIC_REDIST_SIZE), 0);
	for (i = 0; i < VGIC_MAX_VCPUS; i++)
		m->vmcr[i] = VMCR_ALL_OPEN;
	for (i = 0; i < 3; i++)
		vgic_cpu_init(&m->vgic, &m->vcpu[i], i, 0x80000000 | i, &m->kick);
	wr(m, 0, DIST + GICD_CTLR, 4, GICD_CTLR_ENABLE_GRP1);
	m->kick = 0;
}

static inline void start_spi(struct machine *m, u32 intid, bool edge)
{
	set_edge(m, intid, edge);
	set_bit1(m, 0, GIC_ISENABLER, intid);
	m->kick = 0;
}

#endif /* GZHYP_TESTS_VGIC_MACHINE_H */
