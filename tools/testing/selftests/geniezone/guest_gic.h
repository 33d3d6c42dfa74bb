/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's driver for its GICv3 and its virtual timer. */
#ifndef GUEST_GIC_H
#define GUEST_GIC_H

#include "guest.h"

#define GICD_CTLR		0x0000
#define GICD_TYPER		0x0004
#define GICD_IGROUPR(n)		(0x0080 + (n) / 32 * 4)
#define GICD_ISENABLER(n)	(0x0100 + (n) / 32 * 4)
#define GICD_ICENABLER(n)	(0x0180 + (n) / 32 * 4)
#define GICD_ISPENDR(n)		(0x0200 + (n) / 32 * 4)
#define GICD_ICPENDR(n)		(0x0280 + (n) / 32 * 4)
#define GICD_ICACTIVER(n)	(0x0380 + (n) / 32 * 4)
#define GICD_IPRIORITYR(n)	(0x0400 + (n))
#define GICD_ICFGR(n)		(0x0c00 + (n) / 16 * 4)
#define GICD_IROUTER(n)		(0x6000 + (n) * 8)
#define GICD_CTLR_RWP		0x80000000
/* ARE_NS and group 1 non-secure, as a guest without two security states sees them */
#define GICD_CTLR_ENABLE	0x12

#define GICR_STRIDE		0x20000
#define GICR_WAKER		0x0014
#define GICR_SGI_BASE		0x10000
#define GICR_WAKER_SLEEP	0x2
#define GICR_WAKER_ASLEEP	0x4

#define sysreg_write(name, value)					\
do {									\
	uint64_t __v = (value);						\
									\
	asm volatile("msr " name ", %x0\n\tisb"			\
		     : : "rZ" (__v) : "memory");			\
} while (0)

#define sysreg_read(name)						\
({									\
	uint64_t __v;							\
									\
	asm volatile("mrs %0, " name : "=r" (__v) : : "memory");	\
	__v;								\
})

#define ICC_PMR		"s3_0_c4_c6_0"
#define ICC_IAR1	"s3_0_c12_c12_0"
#define ICC_EOIR1	"s3_0_c12_c12_1"
#define ICC_SRE		"s3_0_c12_c12_5"
#define ICC_IGRPEN1	"s3_0_c12_c12_7"
#define ICC_SGI1R	"s3_0_c12_c11_5"

static __always_inline uint64_t gic_redist(uint64_t cpu, uint64_t nr_cpus)
{
	return GICD_BASE - (nr_cpus - cpu) * GICR_STRIDE;
}

static __always_inline void gic_init_cpu(uint64_t redist)
{
	write32(redist + GICR_WAKER,
		read32(redist + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	while (read32(redist + GICR_WAKER) & GICR_WAKER_ASLEEP)
		;
	write32(redist + GICR_SGI_BASE + GICD_IGROUPR(0), ~0U);
	sysreg_write(ICC_SRE, 7);
	sysreg_write(ICC_PMR, 0xf0);
	sysreg_write(ICC_IGRPEN1, 1);
}

static __always_inline void gic_init(uint64_t redist)
{
	write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ENABLE);
	while (read32(GICD_BASE + GICD_CTLR) & GICD_CTLR_RWP)
		;
	gic_init_cpu(redist);
}

/* The registers of private interrupts are in the redistributor. */
static __always_inline void gic_enable_private(uint64_t redist, uint32_t intid)
{
	write8(redist + GICR_SGI_BASE + GICD_IPRIORITYR(intid), 0xa0);
	write32(redist + GICR_SGI_BASE + GICD_ISENABLER(0), 1U << intid);
}

static __always_inline void gic_enable_spi(uint32_t intid, int edge, uint64_t cpu)
{
	uint32_t cfg = read32(GICD_BASE + GICD_ICFGR(intid));
	uint32_t bit = 2U << (intid % 16 * 2);

	write32(GICD_BASE + GICD_ICFGR(intid), edge ? cfg | bit : cfg & ~bit);
	write32(GICD_BASE + GICD_IGROUPR(intid),
		read32(GICD_BASE + GICD_IGROUPR(intid)) | 1U << intid % 32);
	write8(GICD_BASE + GICD_IPRIORITYR(intid), 0xa0);
	write64(GICD_BASE + GICD_IROUTER(intid), cpu);
	write32(GICD_BASE + GICD_ISENABLER(intid), 1U << intid % 32);
}

static __always_inline uint64_t gic_ack(void)
{
	uint64_t intid = sysreg_read(ICC_IAR1);

	asm volatile("dsb sy" : : : "memory");
	return intid;
}

static __always_inline void gic_eoi(uint64_t intid)
{
	sysreg_write(ICC_EOIR1, intid);
}

/* Sleeps until an interrupt is pending. Interrupts stay masked. */
static __always_inline uint64_t gic_wait(void)
{
	uint64_t intid;

	do {
		asm volatile("dsb sy\n\twfi" : : : "memory");
		intid = gic_ack();
	} while (intid == INTID_NONE);
	return intid;
}

/* Acknowledge, report, end: for ever. INTID_NONE is reported as well. */
static __always_inline void gic_report(void)
{
	uint64_t intid;

	for (;;) {
		intid = gic_ack();
		guest_sync(intid);
		if (intid != INTID_NONE)
			gic_eoi(intid);
	}
}

static __always_inline void irq_unmask(void)
{
	asm volatile("msr daifclr, #2\n\tisb" : : : "memory");
}

static __always_inline uint64_t timer_now(void)
{
	asm volatile("isb" : : : "memory");
	return sysreg_read("cntvct_el0");
}

static __always_inline void timer_start(uint64_t ticks)
{
	sysreg_write("cntv_cval_el0", timer_now() + ticks);
	sysreg_write("cntv_ctl_el0", 1);
}

static __always_inline void timer_stop(void)
{
	sysreg_write("cntv_ctl_el0", 0);
}

#endif /* GUEST_GIC_H */
