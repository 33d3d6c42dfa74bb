// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's synchronous exceptions. A guest's mistake is an exception for the guest.
 * Handlers return 0 to go on in the guest, or an exit reason.
 */
#include "arch/gic.h"
#include "arch/stage2.h"
#include "arch/switch.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vcpu.h"

/* A trapped MSR or MRS */
struct sysreg_access {
	u32 reg;
	bool write;
	u64 val;
	u32 kick;
};

/* Return: false for an undefined instruction */
typedef bool sysreg_handler(struct vcpu *vcpu, struct sysreg_access *access);

struct sysreg_trap {
	u32 mask;
	u32 reg;
	sysreg_handler *handler;
};

static bool sys_raz_wi(struct vcpu *vcpu, struct sysreg_access *access)
{
	return true;
}

static bool sys_id(struct vcpu *vcpu, struct sysreg_access *access)
{
	if (access->write)
		return false;
	access->val = idreg_value(access->reg);
	return true;
}

static bool sys_revidr(struct vcpu *vcpu, struct sysreg_access *access)
{
	access->val = read_sysreg(revidr_el1);
	return !access->write;
}

static bool sys_aidr(struct vcpu *vcpu, struct sysreg_access *access)
{
	access->val = read_sysreg(aidr_el1);
	return !access->write;
}

static bool sys_mdscr(struct vcpu *vcpu, struct sysreg_access *access)
{
	if (access->write) {
		vcpu->mdscr = access->val;
		debug_update(vcpu);
	}
	access->val = vcpu->mdscr;
	return true;
}

static bool sys_oslar(struct vcpu *vcpu, struct sysreg_access *access)
{
	if (!access->write)
		return false;
	vcpu->os_lock = access->val & 1;
	debug_update(vcpu);
	return true;
}

/* The OS lock exists, and is open at first. */
static bool sys_oslsr(struct vcpu *vcpu, struct sysreg_access *access)
{
	access->val = BIT(3) | (vcpu->os_lock ? BIT(1) : 0);
	return !access->write;
}

/* Breakpoints and watchpoints; those that the CPU lacks are undefined. */
static bool sys_debug(struct vcpu *vcpu, struct sysreg_access *access)
{
	u64 *field = debug_reg(vcpu, access->reg);

	if (!field)
		return false;
	if (access->write) {
		debug_set(access->reg, field, access->val);
		debug_update(vcpu);
	}
	access->val = *field;
	return true;
}

static bool sys_sgi1r(struct vcpu *vcpu, struct sysreg_access *access)
{
	if (!access->write)
		return false;
	vgic_write_sgi1r(&vcpu->vm->vgic, vcpu->id, access->val, &access->kick);
	return true;
}

static bool sys_sgi0r(struct vcpu *vcpu, struct sysreg_access *access)
{
	if (!access->write)
		return false;
	vgic_write_sgi0r(&vcpu->vm->vgic, vcpu->id, access->val, &access->kick);
	return true;
}

/* Ignored unless priority drop and deactivation are separate (ICH_VMCR_EL2.VEOIM). */
static bool sys_dir(struct vcpu *vcpu, struct sysreg_access *access)
{
	if (!access->write)
		return false;
	if (!(read_sysreg_s(SYS_ICH_VMCR) & ICH_VMCR_EOIM))
		return true;
	vgic_deactivate(&vcpu->vm->vgic, vcpu->id, access->val & 0xffffff,
			&access->kick);
	return true;
}

static bool sys_sre(struct vcpu *vcpu, struct sysreg_access *access)
{
	access->val = 7;
	return true;
}

static bool sys_timer(struct vcpu *vcpu, struct sysreg_access *access)
{
	return timer_guest_sysreg(vcpu, access->reg, access->write, &access->val);
}

#define EXACT(op0, op1, crn, crm, op2)	0xffff, SYSREG(op0, op1, crn, crm, op2)

static const struct sysreg_trap sysreg_traps[] = {
	{ EXACT(3, 0, 0, 0, 6), sys_revidr },
	{ EXACT(3, 1, 0, 0, 7), sys_aidr },
	{ EXACT(3, 0, 1, 0, 1), sys_raz_wi },		/* ACTLR_EL1 */
	{ EXACT(2, 0, 0, 2, 2), sys_mdscr },
	/* DBGBVR<n>_EL1, DBGBCR<n>_EL1, DBGWVR<n>_EL1, DBGWCR<n>_EL1 */
	{ SYSREG(3, 7, 15, 0, 4), SYSREG(2, 0, 0, 0, 4), sys_debug },
	{ EXACT(2, 0, 0, 0, 2), sys_raz_wi },		/* OSDTRRX_EL1 */
	{ EXACT(2, 0, 0, 2, 0), sys_raz_wi },		/* MDCCINT_EL1 */
	{ EXACT(2, 0, 0, 3, 2), sys_raz_wi },		/* OSDTRTX_EL1 */
	{ EXACT(2, 0, 0, 6, 2), sys_raz_wi },		/* OSECCR_EL1 */
	{ EXACT(2, 3, 0, 1, 0), sys_raz_wi },		/* MDCCSR_EL0 */
	{ EXACT(2, 3, 0, 4, 0), sys_raz_wi },		/* DBGDTR_EL0 */
	{ EXACT(2, 3, 0, 5, 0), sys_raz_wi },		/* DBGDTRRX_EL0, DBGDTRTX_EL0 */
	{ EXACT(2, 0, 1, 0, 0), sys_raz_wi },		/* MDRAR_EL1 */
	{ EXACT(2, 0, 1, 0, 4), sys_oslar },
	{ EXACT(2, 0, 1, 1, 4), sys_oslsr },
	{ EXACT(2, 0, 1, 3, 4), sys_raz_wi },		/* OSDLR_EL1 */
	{ EXACT(2, 0, 1, 4, 4), sys_raz_wi },		/* DBGPRCR_EL1 */
	{ EXACT(2, 0, 7, 8, 6), sys_raz_wi },		/* DBGCLAIMSET_EL1 */
	{ EXACT(2, 0, 7, 9, 6), sys_raz_wi },		/* DBGCLAIMCLR_EL1 */
	{ EXACT(2, 0, 7, 14, 6), sys_raz_wi },		/* DBGAUTHSTATUS_EL1 */
	{ EXACT(3, 0, 12, 11, 5), sys_sgi1r },
	{ EXACT(3, 0, 12, 11, 6), sys_sgi0r },		/* ASGI1R */
	{ EXACT(3, 0, 12, 11, 7), sys_sgi0r },
	{ EXACT(3, 0, 12, 11, 1), sys_dir },
	{ EXACT(3, 0, 12, 12, 5), sys_sre },
	{ EXACT(3, 3, 14, 2, 0), sys_timer },
	{ EXACT(3, 3, 14, 2, 1), sys_timer },
	{ EXACT(3, 3, 14, 2, 2), sys_timer },
};

static bool do_sysreg(struct vcpu *vcpu, struct sysreg_access *access)
{
	unsigned int i;

	if (is_idreg(access->reg))
		return sys_id(vcpu, access);
	for (i = 0; i < ARRAY_SIZE(sysreg_traps); i++)
		if ((access->reg & sysreg_traps[i].mask) == sysreg_traps[i].reg)
			return sysreg_traps[i].handler(vcpu, access);
	return false;
}

static u32 esr_sysreg(u64 esr)
{
	return SYSREG(FIELD(esr, 20, 2), FIELD(esr, 14, 3), FIELD(esr, 10, 4),
		      FIELD(esr, 1, 4), FIELD(esr, 17, 3));
}

static u32 trap_sysreg(struct vcpu *vcpu, u64 esr)
{
	struct sysreg_access access = {
		.reg = esr_sysreg(esr),
		.write = !(esr & 1),
	};
	unsigned int rt = FIELD(esr, 5, 5);

	if (access.write && rt != 31)
		access.val = vcpu->regs.x[rt];
	if (!do_sysreg(vcpu, &access)) {
		inject_undef(&vcpu->regs);
		return 0;
	}
	if (!access.write && rt != 31)
		vcpu->regs.x[rt] = access.val;
	skip_instruction(&vcpu->regs);
	guest_kick(vcpu, access.kick);
	return 0;
}

static u32 trap_wfx(struct vcpu *vcpu, u64 esr)
{
	skip_instruction(&vcpu->regs);
	switch (FIELD(esr, 0, 2)) {
	case 0:				/* WFI */
		return guest_wfx_wait(vcpu);
	case 1:				/* WFE */
		return GZ_EXIT_GZ;
	default:			/* WFIT, WFET: return at once */
		return 0;
	}
}

static u32 trap_smc(struct vcpu *vcpu, u64 esr)
{
	/* No SMC is served for guests. */
	vcpu->regs.x[0] = -1;
	skip_instruction(&vcpu->regs);
	return 0;
}

static u32 trap_hvc(struct vcpu *vcpu, u64 esr)
{
	if (ESR_ISS(esr) & 0xffff) {
		vcpu->regs.x[0] = -1;
		return 0;
	}
	return guest_hvc(vcpu);
}

static u32 trap_fp(struct vcpu *vcpu, u64 esr)
{
	guest_fp_trap(vcpu);
	return 0;
}

/* With the option "mmiolow": from here up, an access outside regions is an error. */
#define MMIO_LOW_END	0x10000000UL

static u32 exit_mmio(struct vcpu *vcpu, u64 ipa,
		     const struct mmio_access *access, u64 val)
{
	if (option(OPT_MMIO_LOW) && ipa >= MMIO_LOW_END)
		return GZ_EXIT_INTERNAL_ERROR;
	vcpu->exit.mmio.phys_addr = ipa;
	vcpu->exit.mmio.size = access->size;
	vcpu->exit.mmio.reg_nr = access->reg;
	vcpu->exit.mmio.is_write = access->write;
	if (access->write) {
		vcpu->exit.mmio.data = val;
		skip_instruction(&vcpu->regs);
	} else {
		vcpu->wait = WAIT_MMIO_READ;
		vcpu->access = *access;
	}
	return GZ_EXIT_MMIO;
}

/* The order of the guest's data accesses where it is now */
static bool is_big_endian(const struct vcpu *vcpu)
{
	bool user = (vcpu->regs.pstate & PSR_M) == PSR_EL0T;

	return read_sysreg(sctlr_el1) & (user ? SCTLR_E0E : SCTLR_EE);
}

/*
 * An access outside of memory that the syndrome does not describe, as of a pair. As
 * in KVM, cache maintenance has no effect there, and the VMM gets to know why the
 * guest cannot go on. The host of a protected guest would learn its registers.
 */
static u32 trap_undecoded(struct vcpu *vcpu, u64 ipa, u64 esr, u64 far)
{
	if (esr & ESR_CM) {
		skip_instruction(&vcpu->regs);
		return 0;
	}
	if (protect_is_sealed(vcpu->vm)) {
		inject_abort(&vcpu->regs, far, false);
		return 0;
	}
	vcpu->exit.internal.suberror = GZ_ERROR_NO_SYNDROME;
	vcpu->exit.internal.ndata = 4;
	vcpu->exit.internal.data[0] = esr;
	vcpu->exit.internal.data[1] = far;
	vcpu->exit.internal.data[2] = ipa;
	vcpu->exit.internal.data[3] = vcpu->regs.pc;
	return GZ_EXIT_INTERNAL_ERROR;
}

static u32 trap_mmio(struct vcpu *vcpu, u64 ipa, u64 esr, u64 far)
{
	struct mmio_access access;
	u64 val = 0;
	u32 kick = 0;

	if (!mmio_decode(esr, &access))
		return trap_undecoded(vcpu, ipa, esr, far);
	access.big_endian = is_big_endian(vcpu);
	if (access.write && access.reg != 31)
		val = mmio_store_value(&access, vcpu->regs.x[access.reg]);
	if (option(OPT_GIC_SGI_EXITS) && vgic_is_sgi_frame(&vcpu->vm->vgic, ipa))
		return exit_mmio(vcpu, ipa, &access, val);
	if (!vgic_mmio(&vcpu->vm->vgic, vcpu->id, ipa, access.size,
		       access.write, &val, &kick))
		return exit_mmio(vcpu, ipa, &access, val);
	if (!access.write && access.reg != 31)
		vcpu->regs.x[access.reg] = mmio_load_value(&access, val);
	skip_instruction(&vcpu->regs);
	guest_kick(vcpu, kick);
	return 0;
}

/*
 * A fault of stage 2. The address is in HPFAR_EL2, which a translation fault always
 * sets. The offset in the page is in FAR_EL2 unless stage 1's walk faulted.
 */
static u32 trap_abort(struct vcpu *vcpu, u64 esr)
{
	bool instruction = ESR_EC(esr) == EC_IABT_LOW;
	u64 far = read_sysreg(far_el2);
	u64 ipa = FIELD(read_sysreg(hpfar_el2), 4, 40) << 12;
	bool mapped = false, is_rom = false;
	struct vm *vm = vcpu->vm;
	struct region *region;

	if (!FSC_IS_TRANSLATION(esr) || ipa >= IPA_LIMIT) {
		inject_abort(&vcpu->regs, far, instruction);
		return 0;
	}
	spin_lock(&vm->lock);
	region = region_of(vm, ipa);
	if (region) {
		mapped = pgt_lookup(&vm->s2, ipa).valid;
		is_rom = !region->flags;
	}
	spin_unlock(&vm->lock);
	/* The host has mapped it for another vCPU's fault. */
	if (mapped)
		return 0;
	if (!(esr & ESR_S1PTW))
		ipa |= far & (PAGE_SIZE - 1);
	if (region && is_rom && option(OPT_ROM_FLAG))
		return GZ_EXIT_INTERNAL_ERROR;
	if (region)
		return guest_page_fault(vcpu, ipa);
	if (!instruction && !(esr & ESR_S1PTW))
		return trap_mmio(vcpu, ipa, esr, far);
	inject_abort(&vcpu->regs, far, instruction);
	return 0;
}

static u32 trap_undefined(struct vcpu *vcpu, u64 esr)
{
	inject_undef(&vcpu->regs);
	return 0;
}

typedef u32 trap_handler(struct vcpu *vcpu, u64 esr);

static trap_handler *const trap_handlers[64] = {
	[EC_WFX] = trap_wfx,
	[EC_FP] = trap_fp,
	[EC_HVC64] = trap_hvc,
	[EC_SMC64] = trap_smc,
	[EC_SYSREG] = trap_sysreg,
	[EC_IABT_LOW] = trap_abort,
	[EC_DABT_LOW] = trap_abort,
};

/**
 * guest_trap() - handle a synchronous exception of a guest
 * @vcpu: loaded in this CPU
 *
 * Return: 0 to go on in the guest, else an exit reason.
 */
u32 guest_trap(struct vcpu *vcpu)
{
	u64 esr = read_sysreg(esr_el2);
	trap_handler *handler = trap_handlers[ESR_EC(esr)];

	return handler ? handler(vcpu, esr) : trap_undefined(vcpu, esr);
}

static bool quick_sysreg(struct vcpu *vcpu, u64 esr)
{
	u32 reg = esr_sysreg(esr);

	if (!is_idreg(reg))
		return false;
	trap_sysreg(vcpu, esr);
	return true;
}

/**
 * guest_trap_quick() - handle an exception that needs only the guest's registers
 * @vcpu: in this CPU, with its interrupts and timers
 *
 * Handlers called here must not use the interrupt controller, the timers, state that
 * CPUs share, or the host's state. An interrupt that comes meanwhile stays pending
 * and ends the guest's run as soon as the guest is entered.
 *
 * Return: whether it was handled; if not, nothing has changed.
 */
bool guest_trap_quick(struct vcpu *vcpu)
{
	u64 esr = read_sysreg(esr_el2);

	switch (ESR_EC(esr)) {
	case EC_HVC64:
		return !(ESR_ISS(esr) & 0xffff) && guest_hvc_quick(vcpu);
	case EC_SYSREG:
		return quick_sysreg(vcpu, esr);
	case EC_FP:
		trap_fp(vcpu, esr);
		return true;
	default:
		return false;
	}
}
