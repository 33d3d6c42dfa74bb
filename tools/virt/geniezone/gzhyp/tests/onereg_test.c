// SPDX-License-Identifier: GPL-2.0
/* Registers that the host sets, and vCPUs that it makes for that. */
#include "arch/sysreg.h"
#include "core/mem/owner.h"
#include "core/options.h"
#include "core/vm/vcpu.h"
#include "tests/ktap.h"

#define SHARED	(TEST_BASE + 1024 * PAGE_SIZE)

#define CORE(word)	(0x6030000000100000UL | (word))
#define ID_PFR0		(0x603000000013c000UL | 4 << 3)
#define SCTLR		0x603000000013c080UL

#define PC		CORE(64)
#define PSTATE		CORE(66)
#define X0		CORE(0)
#define VECTOR(n)	CORE(84 + 4 * (n))
#define FPSR		0x60200000001000d4UL
#define COUNTER		0x603000000013df1aUL

static struct vm vm;
static u32 table[TEST_SIZE / PAGE_SIZE];
static struct percpu cpu;

struct percpu *this_cpu(void)
{
	return &cpu;
}

u64 test_sysreg(const char *reg)
{
	return 0;
}

/* vCPUs that were kicked since the last look */
static u32 kicked;

bool vm_kick(struct vm *of, u32 mask)
{
	kicked |= mask;
	return false;
}

void guest_kick(struct vcpu *vcpu, u32 kick)
{
	kicked |= kick & ~(1U << vcpu->id);
}

static u32 look_at_kicked(void)
{
	u32 mask = kicked;

	kicked = 0;
	return mask;
}

bool is_idreg(u32 reg)
{
	return reg == SYSREG(3, 0, 0, 4, 0);
}

u64 idreg_value(u32 reg)
{
	return 0x11;
}

static int prepare(pa_t pa, u64 size)
{
	return 0;
}

static void nothing(pa_t pa, u64 size)
{
}

static int create(u32 id)
{
	return vcpu_create(&vm, id, PA(SHARED + id * SHARED_SIZE));
}

static void setup(void)
{
	static const struct ram_range ram = { TEST_BASE, TEST_SIZE };
	static const struct owner_ops ops = {
		.prepare = prepare, .unmap = nothing, .map = nothing,
	};

	options = 0;
	test_memory_init();
	pool_init(PA(TEST_BASE), 1024 * PAGE_SIZE);
	owner_init(&ram, 1, table, &ops);
	memset(&vm, 0, sizeof(vm));
	vm.id = 1;
	vgic_init(&vm.vgic);
	EXPECT(!create(0) && !create(1));
}

static u64 get(u32 id, u64 reg)
{
	u64 val = ~0UL;

	EXPECT(!onereg_get(&vm, id, reg, &val));
	return val;
}

static void what_is_set_is_there(void)
{
	setup();
	EXPECT(!onereg_set(&vm, 0, PC, 0x1000));
	EXPECT(!onereg_set(&vm, 1, X0, 5));
	EXPECT(get(0, PC) == 0x1000 && get(1, X0) == 5 && !get(0, X0));
	EXPECT(!onereg_set(&vm, 0, ID_PFR0, 0x11));
	EXPECT(onereg_set(&vm, 0, ID_PFR0, 0x12) == GZ_INVALID_ARGS);
}

/* PSTATE: whatever the guest has made of it, as long as it is EL0 or EL1 in AArch64 */
static void what_a_guest_can_have_is_accepted(void)
{
	setup();
	EXPECT(!onereg_set(&vm, 0, PSTATE, 0xffffffe5));
	EXPECT(get(0, PSTATE) == 0xffffffe5);
	EXPECT(!onereg_set(&vm, 0, PSTATE, PSR_EL0T));
	EXPECT(onereg_set(&vm, 0, PSTATE, 0x3c9) == GZ_INVALID_ARGS);
	EXPECT(onereg_set(&vm, 0, PSTATE, PSR_AARCH32) == GZ_INVALID_ARGS);
	EXPECT(onereg_set(&vm, 0, PSTATE, BIT(32) | PSR_EL1H) == GZ_INVALID_ARGS);
	EXPECT(get(0, PSTATE) == PSR_EL0T);
}

static void vectors_have_two_halves(void)
{
	u64 val;

	setup();
	EXPECT(!onereg_set(&vm, 0, VECTOR(0), 1) && !onereg_set(&vm, 0, VECTOR(0) + 2, 2));
	EXPECT(!onereg_set(&vm, 0, VECTOR(31) + 2, 3) && !onereg_set(&vm, 0, FPSR, 4));
	EXPECT(vm.vcpu[0]->fp.v[0] == 1 && vm.vcpu[0]->fp.v[1] == 2);
	EXPECT(vm.vcpu[0]->fp.v[63] == 3 && vm.vcpu[0]->fp.fpsr == 4);
	EXPECT(get(0, VECTOR(31) + 2) == 3);
	EXPECT(onereg_get(&vm, 0, VECTOR(0) - 2, &val) == GZ_INVALID_ARGS);
	EXPECT(onereg_get(&vm, 0, VECTOR(0) + 1, &val) == GZ_INVALID_ARGS);
	EXPECT(onereg_get(&vm, 0, VECTOR(32), &val) == GZ_INVALID_ARGS);
}

static void counter_is_the_vms(void)
{
	setup();
	EXPECT(!onereg_set(&vm, 0, COUNTER, 1000));
	EXPECT(get(1, COUNTER) == 1000 && vm.cntvoff == -1000UL);
}

static void only_mapbusy_says_that_it_runs(void)
{
	setup();
	EXPECT(vcpu_take(&vm, 0));
	EXPECT(onereg_set(&vm, 0, PC, 0) == GZ_INVALID_ARGS);
	options = BIT(OPT_MAP_BUSY);
	EXPECT(onereg_set(&vm, 0, PC, 0) == GZ_BUSY);
}

static void pstateonly_is_about_secondary_vcpus(void)
{
	setup();
	options = BIT(OPT_PSTATE_ONLY);
	EXPECT(!onereg_set(&vm, 0, PC, 0x1000));
	EXPECT(!onereg_set(&vm, 0, ID_PFR0, 0x12));
	EXPECT(get(0, ID_PFR0) == 0x11);
	EXPECT(!onereg_set(&vm, 1, PSTATE, PSR_EL1H | PSR_DAIF));
	EXPECT(onereg_set(&vm, 1, PC, 0x1000) == GZ_INVALID_ARGS);
	EXPECT(onereg_set(&vm, 1, ID_PFR0, 0x11) == GZ_INVALID_ARGS);
}

static void reset_in_place_is_a_reset(void)
{
	setup();
	EXPECT(!onereg_set(&vm, 0, SCTLR, 0x30d5d91d));
	EXPECT(!onereg_set(&vm, 1, SCTLR, 0x30d5d91d));
	vm.vcpu[1]->power = POWER_ON;
	vm.reset_by = 2;
	EXPECT(!onereg_set(&vm, 0, PC, 0x2000));
	EXPECT(get(0, SCTLR) == SCTLR_EL1_RESET && get(0, PC) == 0x2000);
	EXPECT(!onereg_set(&vm, 0, X0, 7));
	EXPECT(get(0, PC) == 0x2000 && get(0, X0) == 7);
	EXPECT(get(1, SCTLR) == SCTLR_EL1_RESET);
	EXPECT(vm.vcpu[0]->power == POWER_ON && vm.vcpu[1]->power == POWER_OFF);
}

static void few_vcpus(void)
{
	setup();
	EXPECT(create(MAX_VCPUS) == GZ_INVALID_ARGS);
	options = BIT(OPT_FEW);
	EXPECT(create(FEW_VCPUS) == GZ_INVALID_ARGS);
	EXPECT(!create(FEW_VCPUS - 1));
}

static void vcpuerror_keeps_the_pages(void)
{
	u32 lendings;

	setup();
	options = BIT(OPT_CREATE_VCPU_ERROR);
	EXPECT(!create(3));
	EXPECT(create(4) == GZ_FAULT);
	EXPECT(owner_state(PA(SHARED + 4 * SHARED_SIZE), &lendings) == PAGE_SHARED);
	EXPECT(!vcpu_destroy(&vm, 4));
	EXPECT(owner_state(PA(SHARED + 4 * SHARED_SIZE), &lendings) == PAGE_HOST);
}

static void pend_one_of_all(void)
{
	struct vgic_irq *irq = &vm.vgic.spi[0];
	u32 ignored = 0;

	irq->any_vcpu = true;
	irq->enabled = true;
	irq->edge = true;
	vm.vgic.group_enable = 3;
	EXPECT(!vgic_pend_spi(&vm.vgic, 0, &ignored));
	look_at_kicked();
}

/* SPIs move to other vCPUs, which may run. */
static void vcpus_that_get_interrupts_are_kicked(void)
{
	u32 ignored = 0;

	setup();
	pend_one_of_all();
	EXPECT(!create(2));
	EXPECT(!look_at_kicked());
	EXPECT(!vcpu_destroy(&vm, 0));
	EXPECT(look_at_kicked() == 1 << 1);
	EXPECT(!vcpu_destroy(&vm, 1));
	EXPECT(look_at_kicked() == 1 << 2);
	/* A running vCPU lets go of what is in its list registers. */
	EXPECT(!create(1));
	vgic_cpu_power(&vm.vgic, 2, true, &ignored);
	vgic_flush(&vm.vgic, 2, vm.vcpu[2]->lr, 4, &(u64){ 0 });
	EXPECT(!create(0));
	EXPECT(look_at_kicked() == 1 << 2);
	EXPECT(vcpu_take(&vm, 2));
	EXPECT(vcpu_destroy(&vm, 2) == GZ_BUSY);
	EXPECT(look_at_kicked() == 1 << 2);
}

/* vCPU 1 is off again, its interrupts are for vCPU 0. */
static void reset_in_place_kicks(void)
{
	u32 ignored = 0;

	setup();
	vgic_cpu_power(&vm.vgic, 0, false, &ignored);
	vgic_cpu_power(&vm.vgic, 1, true, &ignored);
	pend_one_of_all();
	EXPECT(vm.vgic.spi[0].holder == 1);
	vm.resets++;
	vcpu_reset_in_place(vm.vcpu[1]);
	EXPECT(look_at_kicked() == 1 << 0);
}

/* The older generation: the host reports the timer that it was left. */
static void host_reports_an_expired_timer(void)
{
	setup();
	vm.vcpu[1]->vtimer_left = true;
	EXPECT(vcpu_timer_expired(&vm, MAX_VCPUS) == GZ_INVALID_ARGS);
	EXPECT(vcpu_timer_expired(&vm, 2) == GZ_INVALID_ARGS);
	EXPECT(vm.vcpu[1]->vtimer_left);
	EXPECT(!vcpu_timer_expired(&vm, 1));
	EXPECT(!vm.vcpu[1]->vtimer_left);
}

static const struct test tests[] = {
	TEST(what_is_set_is_there),
	TEST(what_a_guest_can_have_is_accepted),
	TEST(vectors_have_two_halves),
	TEST(counter_is_the_vms),
	TEST(only_mapbusy_says_that_it_runs),
	TEST(pstateonly_is_about_secondary_vcpus),
	TEST(reset_in_place_is_a_reset),
	TEST(few_vcpus),
	TEST(vcpuerror_keeps_the_pages),
	TEST(vcpus_that_get_interrupts_are_kicked),
	TEST(reset_in_place_kicks),
	TEST(host_reports_an_expired_timer),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
