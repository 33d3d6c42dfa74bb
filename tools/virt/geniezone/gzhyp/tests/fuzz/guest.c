// SPDX-License-Identifier: GPL-2.0
/* A guest's accesses and calls, from bytes, between one entry and its exit. */
#include "arch/switch.h"
#include "tests/fuzz/fuzz.h"

#define ISS_ISV		BIT(24)
#define ISS_SF		BIT(15)
#define DATA_REG	5

static u64 trap(u64 ec, u64 iss)
{
	test_set_sysreg("esr_el2", ec << 26 | ESR_IL | iss);
	return EXIT_SYNC;
}

static u64 abort_at(u64 ipa, u64 iss)
{
	test_set_sysreg("hpfar_el2", ipa >> 12 << 4);
	test_set_sysreg("far_el2", ipa);
	return trap(EC_DABT_LOW, iss | 7);
}

static u64 mmio(u64 ipa, u8 how)
{
	u64 iss = ISS_ISV | (u64)(how >> 1 & 3) << 22 | DATA_REG << 16 | ISS_SF;

	if (how & 1)
		iss |= ESR_WNR;
	if (how >= 0xf0)
		iss &= ~ISS_ISV;
	return abort_at(ipa, iss);
}

/* A secret only in a page of the guest's own; others may read all else. */
static void access_page(struct vcpu *vcpu, u64 pa, u8 how)
{
	u64 pfn = (pa - RAM_BASE) / PAGE_SIZE;
	u32 value;

	RULE(pfn < RAM_PAGES);
	if (owner_state(PA(pa), &value) == PAGE_GUEST && value == vcpu->vm->id)
		put_secret(vcpu->vm->id, pfn);
	else if (how & 1)
		page_words(pfn)[how] = how;
}

static u64 guest_access(struct vcpu *vcpu)
{
	u64 ipa = pick_gpa(), pa;
	u8 how = next_byte();

	if (!translate(vcpu->vm->id, ipa, &pa))
		return mmio(ipa, how);
	access_page(vcpu, pa, how);
	return guest_op(vcpu);
}

static u64 hvc(struct vcpu *vcpu, u64 fn, u64 x1, u64 x2, u64 x3)
{
	vcpu->regs.x[0] = fn;
	vcpu->regs.x[1] = x1;
	vcpu->regs.x[2] = x2;
	vcpu->regs.x[3] = x3;
	return trap(EC_HVC64, 0);
}

static u64 guest_memory_op(struct vcpu *vcpu)
{
	static const u32 fn[] = {
		VENDOR_HYP_MEM_SHARE, VENDOR_HYP_MEM_UNSHARE, VENDOR_HYP_RELINQUISH,
		VENDOR_HYP_MEMINFO,
	};
	u8 b = next_byte();
	u64 ipa = pick_gpa();

	guest_shares = fn[b & 3] == VENDOR_HYP_MEM_SHARE;
	return hvc(vcpu, fn[b & 3], ipa + (b >= 0xf0), b == 0x80, 0);
}

static u64 guest_call(struct vcpu *vcpu)
{
	static const u32 fn[] = {
		PSCI_CPU_ON | SMC64, PSCI_CPU_OFF, PSCI_CPU_SUSPEND | SMC64,
		PSCI_AFFINITY_INFO | SMC64, PSCI_SYSTEM_OFF, PSCI_SYSTEM_RESET,
		PSCI_SYSTEM_RESET2 | SMC64, PSCI_SYSTEM_SUSPEND | SMC64, PSCI_FEATURES,
		PSCI_VERSION, SMCCC_VERSION, SMCCC_ARCH_FEATURES, VENDOR_HYP_FEATURES,
		VENDOR_HYP_PTP, VENDOR_HYP_UID, TRNG_RND | SMC64, TRNG_FEATURES,
		0xc6001234, TRNG_GET_UUID, 0x84000099,
	};
	u32 which = fn[next_byte() % ARRAY_SIZE(fn)];
	u64 x1 = next_byte();

	return hvc(vcpu, which, x1, which == (PSCI_CPU_ON | SMC64) ? 0x80000000 : x1 & 1,
		   0);
}

static u64 guest_sysreg(struct vcpu *vcpu)
{
	static const u32 reg[] = {
		SYSREG(3, 0, 12, 11, 5), SYSREG(3, 0, 12, 11, 7),
		SYSREG(3, 0, 12, 11, 1), SYSREG(3, 3, 14, 2, 0),
		SYSREG(3, 3, 14, 2, 1), SYSREG(3, 3, 14, 2, 2),
		SYSREG(3, 0, 0, 4, 0), SYSREG(2, 0, 0, 2, 2),
	};
	u8 b = next_byte();
	u32 r = reg[b & 7];
	u64 iss = (u64)FIELD(r, 14, 2) << 20 | (u64)FIELD(r, 0, 3) << 17 |
		  (u64)FIELD(r, 11, 3) << 14 | (u64)FIELD(r, 7, 4) << 10 |
		  (u64)FIELD(r, 3, 4) << 1 | DATA_REG << 5 | (b >> 3 & 1);
	u64 val = next_u16();

	vcpu->regs.x[DATA_REG] = (val & 0xff) | (val & 0xf00) << 16 | (val >> 12) << 37;
	return trap(EC_SYSREG, iss);
}

static u64 guest_wfx(struct vcpu *vcpu)
{
	return trap(EC_WFX, next_byte() & 3);
}

static u64 guest_gic(struct vcpu *vcpu)
{
	u8 how = next_byte();
	u64 offset = next_u16(), frame = how >> 4 & 7;

	vcpu->regs.x[DATA_REG] = how & 8 ? ~0ULL : next_u16();
	return mmio(how & 0x80 ? DIST + offset :
		    REDIST + frame * 0x10000 + offset, how & 7);
}

/* Acknowledge, end, or both at once */
static u64 guest_interrupts(struct vcpu *vcpu)
{
	u8 b = next_byte();
	u64 lr = lr_of(b & 3);

	if (b & 0x80)
		count_eoi();
	else if (lr & LR_PENDING && b & 4)
		set_lr(b & 3, (lr & ~LR_PENDING) | LR_ACTIVE);
	else if (lr & LR_STATE)
		set_lr(b & 3, lr & ~LR_STATE);
	return guest_op(vcpu);
}

static u64 guest_timer(struct vcpu *vcpu)
{
	u8 b = next_byte();

	test_set_sysreg("cntv_cval_el0", (u64)(b >> 2) << 4);
	test_set_sysreg("cntv_ctl_el0", b & 3);
	return guest_op(vcpu);
}

/* Meanwhile another CPU makes a call of the host's. */
static u64 guest_is_slow(struct vcpu *vcpu)
{
	if (here + 1 < FUZZ_CPUS && !running_vcpu(here + 1)) {
		here++;
		host_op();
		here--;
	}
	return guest_op(vcpu);
}

static u64 guest_irq(struct vcpu *vcpu)
{
	pending_irqs = next_byte();
	return EXIT_IRQ;
}

static u64 guest_odd(struct vcpu *vcpu)
{
	u8 b = next_byte();

	switch (b & 3) {
	case 0:
		return EXIT_SERROR;
	case 1:
		return trap(EC_SMC64, 0);
	case 2:
		return trap(b >> 2, 0);
	default:
		return abort_at(pick_gpa(), b & 0x40 ? ESR_S1PTW : ESR_CM | ISS_ISV);
	}
}

/* A sealed guest keeps secrets in its registers. */
static void fill_registers(struct vcpu *vcpu)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(vcpu->regs.x); i++)
		vcpu->regs.x[i] = secret_of(vcpu->vm->id);
}

u64 guest_op(struct vcpu *vcpu)
{
	static u64 (*const op[])(struct vcpu *vcpu) = {
		guest_access, guest_access, guest_access, guest_memory_op,
		guest_memory_op, guest_memory_op, guest_call, guest_sysreg, guest_wfx,
		guest_gic, guest_interrupts, guest_timer, guest_is_slow,
		guest_is_slow, guest_irq, guest_odd,
	};

	guest_shares = false;
	if (input_is_empty())
		return EXIT_FIQ;
	if (protect_is_sealed(vcpu->vm))
		fill_registers(vcpu);
	return op[next_byte() % ARRAY_SIZE(op)](vcpu);
}
