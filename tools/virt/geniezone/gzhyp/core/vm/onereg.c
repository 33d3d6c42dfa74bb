// SPDX-License-Identifier: GPL-2.0
/*
 * GET_ONE_REG and SET_ONE_REG: ids as KVM/arm64 has them. A call has one value of 64
 * bits, so a vector register has two ids of that size, one for each half.
 */
#include "arch/sysreg.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/vm/vcpu.h"

#define ID_ARCH		0x60ULL
#define ID_U32		2ULL
#define ID_U64		3ULL
#define ID_CORE		0x0010ULL
#define ID_SYSREG	0x0013ULL

/* Core registers, in 32-bit words */
#define CORE_PSTATE	66
#define CORE_VECTORS	84
#define CORE_FPSR	212
#define CORE_FPCR	213
#define CORE_SP_EL1	68
#define CORE_ELR_EL1	70
#define CORE_SPSR_EL1	72
#define CORE_SPSR_LAST	80

struct reg_id {
	u64 size;
	u64 group;
	u32 index;
};

struct sysreg_field {
	u32 reg;
	u16 offset;
};

#define SYS(op0, op1, crn, crm, op2, field) \
	{ SYSREG(op0, op1, crn, crm, op2), offsetof(struct vcpu, field) }

static const struct sysreg_field sysreg_fields[] = {
	SYS(3, 0, 1, 0, 0, sys.sctlr),
	SYS(3, 0, 1, 0, 2, sys.cpacr),
	SYS(3, 0, 2, 0, 0, sys.ttbr0),
	SYS(3, 0, 2, 0, 1, sys.ttbr1),
	SYS(3, 0, 2, 0, 2, sys.tcr),
	SYS(3, 0, 2, 1, 0, sys.apia_lo),
	SYS(3, 0, 2, 1, 1, sys.apia_hi),
	SYS(3, 0, 2, 1, 2, sys.apib_lo),
	SYS(3, 0, 2, 1, 3, sys.apib_hi),
	SYS(3, 0, 2, 2, 0, sys.apda_lo),
	SYS(3, 0, 2, 2, 1, sys.apda_hi),
	SYS(3, 0, 2, 2, 2, sys.apdb_lo),
	SYS(3, 0, 2, 2, 3, sys.apdb_hi),
	SYS(3, 0, 2, 3, 0, sys.apga_lo),
	SYS(3, 0, 2, 3, 1, sys.apga_hi),
	SYS(3, 0, 5, 1, 0, sys.afsr0),
	SYS(3, 0, 5, 1, 1, sys.afsr1),
	SYS(3, 0, 5, 2, 0, sys.esr),
	SYS(3, 0, 6, 0, 0, sys.far),
	SYS(3, 0, 7, 4, 0, sys.par),
	SYS(3, 0, 10, 2, 0, sys.mair),
	SYS(3, 0, 10, 3, 0, sys.amair),
	SYS(3, 0, 12, 0, 0, sys.vbar),
	SYS(3, 0, 12, 1, 1, sys.vdisr),
	SYS(3, 0, 13, 0, 1, sys.contextidr),
	SYS(3, 0, 13, 0, 4, sys.tpidr_el1),
	SYS(3, 0, 14, 1, 0, sys.cntkctl),
	SYS(3, 2, 0, 0, 0, sys.csselr),
	SYS(3, 3, 13, 0, 2, sys.tpidr_el0),
	SYS(3, 3, 13, 0, 3, sys.tpidrro),
	SYS(3, 3, 14, 2, 1, cntp_ctl),
	SYS(3, 3, 14, 2, 2, cntp_cval),
	SYS(3, 3, 14, 3, 1, cntv_ctl),
	SYS(2, 0, 0, 2, 2, mdscr),
	/* KVM's ids of CNTV_CVAL and CNTVCT are swapped: this one is CVAL. */
	SYS(3, 3, 14, 0, 2, cntv_cval),
};

#define SYS_MIDR	SYSREG(3, 0, 0, 0, 0)
#define SYS_MPIDR	SYSREG(3, 0, 0, 0, 5)
#define SYS_CNTPCT	SYSREG(3, 3, 14, 0, 1)
/* KVM's id of the virtual counter */
#define SYS_CNTVCT	SYSREG(3, 3, 14, 3, 2)

static bool parse_id(u64 id, struct reg_id *reg)
{
	reg->size = FIELD(id, 52, 4);
	reg->group = FIELD(id, 16, 16);
	reg->index = id & 0xffff;
	return id >> 56 == ID_ARCH && !FIELD(id, 32, 20);
}

static u64 *core_u64(struct vcpu *vcpu, u32 word)
{
	if (word % 2)
		return NULL;
	if (word < 62)
		return &vcpu->regs.x[word / 2];
	if (word >= CORE_VECTORS && word < CORE_FPSR)
		return &vcpu->fp.v[(word - CORE_VECTORS) / 2];
	switch (word) {
	case 62:
		return &vcpu->sys.sp_el0;
	case 64:
		return &vcpu->regs.pc;
	case CORE_PSTATE:
		return &vcpu->regs.pstate;
	case CORE_SP_EL1:
		return &vcpu->sys.sp_el1;
	case CORE_ELR_EL1:
		return &vcpu->sys.elr;
	case CORE_SPSR_EL1:
		return &vcpu->sys.spsr;
	default:
		return NULL;
	}
}

static u64 *core_reg(struct vcpu *vcpu, const struct reg_id *reg)
{
	if (reg->size == ID_U64)
		return core_u64(vcpu, reg->index);
	if (reg->size != ID_U32)
		return NULL;
	switch (reg->index) {
	case CORE_FPSR:
		return &vcpu->fp.fpsr;
	case CORE_FPCR:
		return &vcpu->fp.fpcr;
	default:
		return NULL;
	}
}

static u64 *sys_reg(struct vcpu *vcpu, u32 index)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sysreg_fields); i++)
		if (sysreg_fields[i].reg == index)
			return (u64 *)((u8 *)vcpu + sysreg_fields[i].offset);
	return debug_reg(vcpu, index);
}

/* Registers with a fixed value */
static bool fixed_reg(struct vcpu *vcpu, const struct reg_id *reg, u64 *val)
{
	if (reg->group == ID_CORE && reg->size == ID_U64 && reg->index % 2 == 0 &&
	    reg->index > CORE_SPSR_EL1 && reg->index <= CORE_SPSR_LAST) {
		*val = 0;	/* banked SPSRs of AArch32, which guests do not have */
		return true;
	}
	if (reg->group != ID_SYSREG || reg->size != ID_U64)
		return false;
	if (reg->index == SYS_MIDR)
		*val = read_sysreg(midr_el1);
	else if (reg->index == SYS_MPIDR)
		*val = vcpu_mpidr(vcpu);
	else if (reg->index == SYS_CNTPCT)
		*val = read_sysreg(cntpct_el0);
	else if (is_idreg(reg->index))
		*val = idreg_value(reg->index);
	else
		return false;
	return true;
}

static u64 *plain_reg(struct vcpu *vcpu, const struct reg_id *reg)
{
	if (reg->group == ID_CORE)
		return core_reg(vcpu, reg);
	if (reg->group == ID_SYSREG && reg->size == ID_U64)
		return sys_reg(vcpu, reg->index);
	return NULL;
}

/* The virtual counter, which all vCPUs of a VM share */
static bool is_counter(const struct reg_id *reg)
{
	return reg->group == ID_SYSREG && reg->size == ID_U64 &&
	       reg->index == SYS_CNTVCT;
}

/*
 * All bits but the mode are the guest's own: it can have any of them, and the CPU
 * ignores those of extensions that it lacks (Arm ARM, SPSR_EL2). The upper half is
 * of extensions that guests do not have.
 */
static bool pstate_ok(u64 val)
{
	u64 mode = val & PSR_M;

	return !(val >> 32) &&
	       (mode == PSR_EL1H || mode == PSR_EL1T || mode == PSR_EL0T);
}

static int get_locked(struct vcpu *vcpu, const struct reg_id *reg, u64 *val)
{
	u64 *field = plain_reg(vcpu, reg);

	if (field)
		*val = *field;
	else if (is_counter(reg))
		*val = read_sysreg(cntpct_el0) - vcpu->vm->cntvoff;
	else if (!fixed_reg(vcpu, reg, val))
		return GZ_INVALID_ARGS;
	return 0;
}

/* With the option "pstateonly": may the host set this register? */
static bool is_settable(struct vcpu *vcpu, const struct reg_id *reg)
{
	return !option(OPT_PSTATE_ONLY) || !vcpu->id ||
	       plain_reg(vcpu, reg) == &vcpu->regs.pstate;
}

/* With the option "pstateonly": ID registers are taken, but keep their value. */
static bool is_taken(struct vcpu *vcpu, const struct reg_id *reg)
{
	return option(OPT_PSTATE_ONLY) && reg->group == ID_SYSREG &&
	       is_idreg(reg->index);
}

static int set_locked(struct vcpu *vcpu, const struct reg_id *reg, u64 val)
{
	u64 *field = plain_reg(vcpu, reg), same;

	if (!is_settable(vcpu, reg))
		return GZ_INVALID_ARGS;
	if (is_taken(vcpu, reg))
		return 0;
	/* Other vCPUs get it when they are loaded next. */
	if (is_counter(reg)) {
		WRITE_ONCE(vcpu->vm->cntvoff, read_sysreg(cntpct_el0) - val);
		return 0;
	}
	if (!field)
		return fixed_reg(vcpu, reg, &same) && same == val ? 0 :
		       GZ_INVALID_ARGS;
	if (field == &vcpu->regs.pstate && !pstate_ok(val))
		return GZ_INVALID_ARGS;
	if (reg->size == ID_U32)
		val = (u32)val;
	if (field == &vcpu->cntv_ctl || field == &vcpu->cntp_ctl)
		val &= TIMER_ENABLE | TIMER_IMASK;
	*field = val;
	if (reg->group == ID_SYSREG && debug_reg(vcpu, reg->index))
		debug_set(reg->index, field, val);
	vcpu->sys.mdscr = debug_changed(vcpu);
	return 0;
}

/*
 * A VMM may still set registers of a vCPU that is off while another one runs. CPU_ON
 * will reset them, so the value would be lost anyway.
 */
static int set_sealed(struct vcpu *vcpu, const struct reg_id *reg)
{
	return vcpu->power == POWER_OFF && plain_reg(vcpu, reg) ? 0 :
	       GZ_INVALID_ARGS;
}

/* Called with vm->lock held. The caller must give a vCPU that was found back. */
static int take_vcpu(struct vm *vm, u32 id, struct vcpu **vcpu)
{
	if (id >= MAX_VCPUS || !vm->vcpu[id])
		return GZ_INVALID_ARGS;
	*vcpu = vm->vcpu[id];
	if (vcpu_take(vm, id)) {
		vcpu_reset_in_place(*vcpu);
		return 0;
	}
	return option(OPT_MAP_BUSY) ? GZ_BUSY : GZ_INVALID_ARGS;
}

/* The host sets registers after the guest's SYSTEM_RESET: a reset in place. */
static void begin_reset(struct vm *vm)
{
	if (!vm->reset_by || protect_is_sealed(vm))
		return;
	WRITE_ONCE(vm->reset_by, 0);
	WRITE_ONCE(vm->resets, vm->resets + 1);
}

/**
 * onereg_get() - GET_ONE_REG
 * @vm: the VM
 * @vcpu_id: the vCPU's number
 * @id: register id
 * @val: gets its value
 *
 * Return: 0; or GZ_INVALID_ARGS, also for any vCPU of a sealed VM and for one that
 * runs, but see the option "mapbusy".
 */
int onereg_get(struct vm *vm, u32 vcpu_id, u64 id, u64 *val)
{
	struct vcpu *vcpu;
	struct reg_id reg;
	int err;

	if (!parse_id(id, &reg))
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	err = take_vcpu(vm, vcpu_id, &vcpu);
	if (!err) {
		err = protect_is_sealed(vm) ? GZ_INVALID_ARGS :
		      get_locked(vcpu, &reg, val);
		vcpu_give_back(vm, vcpu_id);
	}
	spin_unlock(&vm->lock);
	return err;
}

/**
 * onereg_set() - SET_ONE_REG
 * @vm: the VM
 * @vcpu_id: the vCPU's number
 * @id: register id
 * @val: new value; a fixed register accepts only the value it has
 *
 * Return: 0; for a vCPU of a sealed VM that is off, 0 means that the value was
 * ignored. Or GZ_INVALID_ARGS, also for other vCPUs of a sealed VM and for one that
 * runs, but see the option "mapbusy".
 */
int onereg_set(struct vm *vm, u32 vcpu_id, u64 id, u64 val)
{
	struct vcpu *vcpu;
	struct reg_id reg;
	int err;

	if (!parse_id(id, &reg))
		return GZ_INVALID_ARGS;
	spin_lock(&vm->lock);
	begin_reset(vm);
	err = take_vcpu(vm, vcpu_id, &vcpu);
	if (!err) {
		err = protect_is_sealed(vm) ? set_sealed(vcpu, &reg) :
		      set_locked(vcpu, &reg, val);
		vcpu_give_back(vm, vcpu_id);
	}
	spin_unlock(&vm->lock);
	return err;
}
