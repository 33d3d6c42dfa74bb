// SPDX-License-Identifier: GPL-2.0
/* The second shared page as the host sees it with words of gzhyp.as */
#include "core/options.h"
#include "core/vgic/vgic_regs.h"
#include "core/vm/vcpu.h"
#include "tests/ktap.h"

#define NR	4

static u64 shown[NR];

static void show(u64 lr0, u64 lr1)
{
	const u64 lr[NR] = { lr0, lr1 };

	lrs_keep_eois(shown, lr, NR);
}

static u64 eoi(u32 intid)
{
	return intid | LR_EOI | LR_GROUP1;
}

static void eoi_is_seen_at_later_exits(void)
{
	memset(shown, 0, sizeof(shown));
	show(eoi(40) | LR_PENDING, 0);
	EXPECT(shown[0] == (eoi(40) | LR_PENDING));
	show(eoi(40), 0);
	EXPECT(shown[0] == eoi(40));
	show(0, 0);
	show(0, 0);
	EXPECT(shown[0] == eoi(40));
}

static void pending_interrupt_that_leaves_is_no_eoi(void)
{
	memset(shown, 0, sizeof(shown));
	show(eoi(40) | LR_PENDING, eoi(41) | LR_ACTIVE);
	show(0, 0);
	EXPECT(!shown[0] && !shown[1]);
}

static void register_is_used_again(void)
{
	memset(shown, 0, sizeof(shown));
	show(eoi(40), 0);
	show(eoi(50) | LR_ACTIVE, 0);
	EXPECT(shown[0] == (eoi(50) | LR_ACTIVE));
}

static void interrupt_comes_again_elsewhere(void)
{
	memset(shown, 0, sizeof(shown));
	show(eoi(40), 0);
	show(0, eoi(40) | LR_PENDING);
	EXPECT(!shown[0]);
	EXPECT(shown[1] == (eoi(40) | LR_PENDING));
}

#define DELAY	12345

static struct vm vm = { .cntvoff = 77 };
static union {
	struct gz_hwstate now;
	struct gz_old_hwstate old;
} hw;
static struct vcpu vcpu = { .vm = &vm, .hwstate = &hw.now };

static void show_timer(u64 opts, u64 delay)
{
	options = opts;
	memset(&hw, 0xff, sizeof(hw));
	hwstate_show_timer(&vcpu, delay);
}

static void timer_of_an_idle_vcpu(void)
{
	show_timer(0, DELAY);
	EXPECT(hw.now.vtimer_offset == 77 && hw.now.vtimer_delay == DELAY &&
	       hw.now.vtimer_migrate == 1);
	show_timer(0, 0);
	EXPECT(!hw.now.vtimer_delay && !hw.now.vtimer_migrate);
}

static void idlenomigrate_hides_the_timer(void)
{
	show_timer(BIT(OPT_IDLE_NO_MIGRATE), DELAY);
	EXPECT(hw.now.vtimer_delay == DELAY && !hw.now.vtimer_migrate);
}

static void idlenodelay_says_due(void)
{
	show_timer(BIT(OPT_IDLE_NO_DELAY), DELAY);
	EXPECT(!hw.now.vtimer_delay && hw.now.vtimer_migrate == 1);
	show_timer(BIT(OPT_IDLE_NO_DELAY), 0);
	EXPECT(!hw.now.vtimer_migrate);
}

static void old_layout_of_the_timer(void)
{
	show_timer(BIT(OPT_OLD), DELAY);
	EXPECT(hw.old.vtimer_delay == DELAY && hw.old.vtimer_migrate == 1 &&
	       hw.old.vtimer_irq == VTIMER_PPI);
	EXPECT(vcpu.vtimer_left);
	show_timer(BIT(OPT_OLD) | BIT(OPT_IDLE_NO_MIGRATE), DELAY);
	EXPECT(!hw.old.vtimer_migrate && !vcpu.vtimer_left);
}

static const struct test tests[] = {
	TEST(eoi_is_seen_at_later_exits),
	TEST(pending_interrupt_that_leaves_is_no_eoi),
	TEST(register_is_used_again),
	TEST(interrupt_comes_again_elsewhere),
	TEST(timer_of_an_idle_vcpu),
	TEST(idlenomigrate_hides_the_timer),
	TEST(idlenodelay_says_due),
	TEST(old_layout_of_the_timer),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
