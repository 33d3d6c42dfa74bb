// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the vGIC model, run on the build machine, in KTAP: where the frames
 * are, what registers they have, in what sizes.
 */
#include "tests/vgic_machine.h"

static struct machine mach;
static struct machine *const m = &mach;

static void placement_is_checked(void)
{
	struct vgic *v = &m->vgic;
	u64 top = ~0ULL << 16;

	memset(m, 0, sizeof(*m));
	vgic_init(v);
	EXPECT_EQ(vgic_set_dist(v, DIST + 0x1000, 0x10000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_dist(v, DIST, 0x20000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_dist(v, DIST, 0), INVALID_ARGS);
	EXPECT_EQ(vgic_set_dist(v, top, 0x10000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_dist(v, DIST, 0x10000), 0);
	EXPECT_EQ(vgic_set_dist(v, DIST + 0x100000, 0x10000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, DIST - 0x10000, 0x20000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, DIST - 0x20000, 0x40000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, REDIST, 0x10000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, REDIST, 0), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, REDIST + 8, 0x20000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, top, 0x20000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, REDIST, ~0ULL << 17), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, REDIST, 0x20000), 0);
	EXPECT_EQ(vgic_set_redist(v, REDIST, 0x20000), INVALID_ARGS);
}

/* QEMU's map, redistributors first, and too low for the vCPUs there are */
static void placement_knows_the_vcpus(void)
{
	struct vgic *v = &m->vgic;
	unsigned int i;

	memset(m, 0, sizeof(*m));
	vgic_init(v);
	EXPECT_EQ(vgic_set_redist(v, 0x080a0000, 0xf60000), 0);
	EXPECT_EQ(vgic_set_dist(v, 0x080b0000, 0x10000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_dist(v, 0x08000000, 0x10000), 0);

	vgic_init(v);
	for (i = 0; i < 5; i++)
		vgic_cpu_init(v, &m->vcpu[i], i, i, &m->kick);
	EXPECT_EQ(vgic_set_dist(v, DIST, 0x10000), 0);
	EXPECT_EQ(vgic_set_redist(v, REDIST, 0x20000), INVALID_ARGS);
	EXPECT_EQ(vgic_set_redist(v, REDIST - 0x20000, 0x20000), 0);
}

static bool probe(u64 ipa)
{
	u64 val;
	u32 kick = 0;

	return vgic_mmio(&m->vgic, 0, ipa, 4, false, &val, &kick);
}

static void frames_cover_the_vcpus_only(void)
{
	memset(m, 0, sizeof(*m));
	vgic_init(&m->vgic);
	vgic_cpu_init(&m->vgic, &m->vcpu[0], 0, 0, &m->kick);
	EXPECT(!probe(0));
	EXPECT(!probe(DIST));
	start(m);
	EXPECT(!probe(REDIST - 4));
	EXPECT(probe(REDIST));
	EXPECT(probe(REDIST + 3 * VGIC_REDIST_SIZE - 4));
	EXPECT(!probe(REDIST + 3 * VGIC_REDIST_SIZE));
	EXPECT(!probe(DIST - 4));
	EXPECT(probe(DIST));
	EXPECT(probe(DIST + 0xfffc));
	EXPECT(!probe(DIST + 0x10000));
	EXPECT(!probe(~3ULL));
}

static void identification(void)
{
	u32 typer;

	start(m);
	EXPECT_EQ(rd(m, 0, DIST + GICD_CTLR, 4), 0x52);
	typer = rd(m, 0, DIST + GICD_TYPER, 4);
	EXPECT_EQ(typer & 0x1f, 31);
	EXPECT_EQ(typer >> 19 & 0x1f, 9);
	EXPECT_EQ(typer & (1 << 16 | 1 << 17), 0);	/* MBIS, LPIS */
	EXPECT_EQ(rd(m, 0, DIST + GICD_TYPER2, 4), 0);
	EXPECT_EQ(rd(m, 0, DIST + GICD_PIDR2, 4) & 0xf0, 0x30);
	EXPECT_EQ(rd(m, 0, REDIST + GICR_PIDR2, 4) & 0xf0, 0x30);
	EXPECT_EQ(rd(m, 0, REDIST + GICR_IIDR, 4), rd(m, 0, DIST + GICD_IIDR, 4));
	wr(m, 0, REDIST + GICR_WAKER, 4, ~0U);
	EXPECT_EQ(rd(m, 0, REDIST + GICR_WAKER, 4), 0);
	EXPECT_EQ(rd(m, 0, REDIST + GICR_CTLR, 4), 0);
}

static void gicr_typer_in_order_of_ids(void)
{
	u64 r = REDIST + GICR_TYPER;

	start(m);
	vgic_cpu_init(&m->vgic, &m->vcpu[6], 6, 0x1200345678, &m->kick);
	EXPECT_EQ(rd(m, 0, r, 8), 0);
	EXPECT_EQ(rd(m, 0, r + 0x40000, 8), 0x0000000200000200);
	EXPECT_EQ(rd(m, 0, r + 0x60000, 8), 0x1234567800000610);
	EXPECT_EQ(rd(m, 0, r + 0x60000, 4), 0x610);
	EXPECT_EQ(rd(m, 0, r + 0x60004, 4), 0x12345678);
	EXPECT_EQ(rd(m, 0, r + 0x60000, 2), 0);
	vgic_cpu_exit(&m->vgic, 6, &m->kick);
	EXPECT_EQ(rd(m, 0, r + 0x20000, 8), 0x0000000100000100);
	EXPECT_EQ(rd(m, 0, r + 0x40000, 8), 0x0000000200000210);
	EXPECT(!probe(r + 0x60000));
	vgic_cpu_init(&m->vgic, &m->vcpu[7], VGIC_MAX_VCPUS, 9, &m->kick);
	EXPECT(!probe(r + 0x60000));
}

/* Every offset, size and direction, aligned or not: nothing may break */
static void any_access_is_survived(void)
{
	static const u64 base[] = { DIST, REDIST, REDIST + 0x10000 };
	unsigned int i, size;
	u64 val;
	u32 off;

	start(m);
	for (i = 0; i < 3; i++) {
		for (off = 0; off < 0x10000; off++) {
			for (size = 0; size <= 16; size++) {
				val = ~0ULL;
				mmio(m, 1, base[i] + off, size, true, &val);
				val = 0;
				mmio(m, 1, base[i] + off, size, false, &val);
				if (size == 0 || size > 8 ||
				    (size & (size - 1)) || (off & (size - 1)))
					EXPECT_EQ(val, 0);
				else if (size < 8)
					EXPECT_EQ(val >> size * 8, 0);
			}
		}
	}
}

static void access_sizes(void)
{
	start(m);
	wr(m, 0, DIST + GIC_IPRIORITYR + 40, 4, 0xffa0f840);
	EXPECT_EQ(rd(m, 0, DIST + GIC_IPRIORITYR + 40, 4), 0xf8a0f840);
	EXPECT_EQ(rd(m, 0, DIST + GIC_IPRIORITYR + 42, 1), 0xa0);
	wr(m, 0, DIST + GIC_IPRIORITYR + 41, 1, 0x11);
	EXPECT_EQ(rd(m, 0, DIST + GIC_IPRIORITYR + 40, 4), 0xf8a01040);
	EXPECT_EQ(rd(m, 0, DIST + GIC_IPRIORITYR + 40, 2), 0);
	EXPECT_EQ(rd(m, 0, DIST + GIC_IPRIORITYR + 40, 8), 0);
	wr(m, 0, DIST + GIC_ISENABLER + 4, 8, ~0ULL);
	wr(m, 0, DIST + GIC_ISENABLER + 4, 1, 0xff);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ISENABLER + 4, 4), 0);
	wr(m, 0, DIST + GIC_ISENABLER + 4, 4, 0x80000001);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ISENABLER + 4, 4), 0x80000001);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ICENABLER + 4, 4), 0x80000001);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ISENABLER + 4, 1), 0);
}

static void irouter_in_halves(void)
{
	u64 r = DIST + GICD_IROUTER + 100 * 8;

	start(m);
	wr(m, 0, r, 8, ~0ULL);
	EXPECT_EQ(rd(m, 0, r, 8), 0xff80ffffff);
	wr(m, 0, r + 4, 4, 0x12);
	EXPECT_EQ(rd(m, 0, r, 8), 0x1280ffffff);
	wr(m, 0, r, 4, 0x00345678);
	EXPECT_EQ(rd(m, 0, r, 8), 0x1200345678);
	EXPECT_EQ(rd(m, 0, r, 4), 0x345678);
	EXPECT_EQ(rd(m, 0, r + 4, 4), 0x12);
	wr(m, 0, r, 2, 0xffff);
	EXPECT_EQ(rd(m, 0, r, 8), 0x1200345678);
	wr(m, 0, DIST + GICD_IROUTER, 8, 1);
	EXPECT_EQ(rd(m, 0, DIST + GICD_IROUTER, 8), 0);
	wr(m, 0, DIST + GICD_IROUTER + 1020 * 8, 8, 1);
	EXPECT_EQ(rd(m, 0, DIST + GICD_IROUTER + 1020 * 8, 8), 0);
}

/* The distributor's part for SGIs and PPIs, and INTIDs from 1020 up */
static void reserved_interrupts(void)
{
	start(m);
	wr(m, 0, DIST + GIC_ISENABLER, 4, ~0U);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ISENABLER, 4), 0);
	EXPECT_EQ(rd(m, 0, sgi_frame(0) + GIC_ISENABLER, 4), 0);
	wr(m, 0, DIST + GIC_ISENABLER + 31 * 4, 4, ~0U);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ISENABLER + 31 * 4, 4), 0x0fffffff);
	wr(m, 0, DIST + GIC_IPRIORITYR + 1020, 4, ~0U);
	EXPECT_EQ(rd(m, 0, DIST + GIC_IPRIORITYR + 1020, 4), 0);
	wr(m, 0, sgi_frame(0) + GIC_ISENABLER + 4, 4, ~0U);
	EXPECT_EQ(rd(m, 0, sgi_frame(0) + GIC_ISENABLER + 4, 4), 0);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ISENABLER + 4, 4), 0);
	EXPECT_EQ(vgic_set_spi(&m->vgic, 987, true, &m->kick), 0);
	EXPECT_EQ(vgic_set_spi(&m->vgic, 988, true, &m->kick), INVALID_ARGS);
	EXPECT_EQ(vgic_set_spi(&m->vgic, ~0U, true, &m->kick), INVALID_ARGS);
}

static void config_of_private_interrupts_is_fixed(void)
{
	start(m);
	wr(m, 0, sgi_frame(0) + GIC_ICFGR, 4, 0);
	wr(m, 0, sgi_frame(0) + GIC_ICFGR + 4, 4, ~0U);
	EXPECT_EQ(rd(m, 0, sgi_frame(0) + GIC_ICFGR, 4), 0xaaaaaaaa);
	EXPECT_EQ(rd(m, 0, sgi_frame(0) + GIC_ICFGR + 4, 4), 0);
	wr(m, 0, DIST + GIC_ICFGR + 8, 4, ~0U);
	EXPECT_EQ(rd(m, 0, DIST + GIC_ICFGR + 8, 4), 0xaaaaaaaa);
}

static const struct test tests[] = {
	TEST(placement_is_checked),
	TEST(placement_knows_the_vcpus),
	TEST(frames_cover_the_vcpus_only),
	TEST(identification),
	TEST(gicr_typer_in_order_of_ids),
	TEST(any_access_is_survived),
	TEST(access_sizes),
	TEST(irouter_in_halves),
	TEST(reserved_interrupts),
	TEST(config_of_private_interrupts_is_fixed),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
