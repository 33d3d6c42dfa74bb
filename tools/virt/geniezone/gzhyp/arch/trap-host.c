// SPDX-License-Identifier: GPL-2.0
/* The host's exceptions, and EL2's own. */
#include "arch/entry.h"
#include "arch/gic.h"
#include "arch/image.h"
#include "arch/stage1.h"
#include "arch/stage2.h"
#include "arch/stop.h"
#include "arch/switch.h"
#include "control/control.h"
#include "lib/print.h"
#include "platform/platform.h"

/* Lines on the console about walks of the host's that ended with an abort */
#define MAX_REPORTS	8

/* Vector of a synchronous exception of EL2, on its own stack pointer */
#define EL2_SYNC	4

static void host_hvc(struct cpu_regs *regs, u64 esr)
{
	if (ESR_ISS(esr) & 0xffff)
		regs->x[0] = -1;
	else
		hypercall(regs);
}

static void host_smc_trap(struct cpu_regs *regs, u64 esr)
{
	skip_instruction(regs);
	host_smc(regs);
}

/*
 * The host's kernel does not survive an abort of a walk. A page table in a guest's page
 * is a bug of the host or of gzhyp, and what it was should be known afterwards.
 */
static void report_walk(const struct cpu_regs *regs, u64 esr, u64 far, u64 ipa)
{
	static u32 reports;
	u32 value = 0;
	int state;

	if (__atomic_fetch_add(&reports, 1, __ATOMIC_RELAXED) >= MAX_REPORTS)
		return;
	state = owner_state(PA(ipa), &value);
	print("gzhyp: host: abort of a walk: esr %lx far %lx ipa %lx pc %lx, ",
	      esr, far, ipa, regs->pc);
	print("page in state %d of %u\n", state, value);
}

/* Can a fault of this kind be due to an entry that was invalid for a moment? */
static bool may_be_over(u64 esr)
{
	return FSC_IS_TRANSLATION(esr) ||
	       ((esr & ESR_S1PTW) && !FSC_IS_EXTERNAL(esr));
}

/*
 * Between the abort and a look at the tables, the host may have moved its page elsewhere,
 * and the old one may be a guest's by now. If stage 1 does not lead there any more, the
 * instruction would not abort at stage 2 if it was repeated. Permissions do not count:
 * this translation is for a read, whatever the access was.
 */
static bool has_moved(const struct cpu_regs *regs, u64 esr, u64 far, u64 ipa)
{
	u64 par = host_translate(far, from_el0(regs));

	if (!(par & PAR_F))
		return (esr & ESR_S1PTW) || (par & PAR_PA) != ipa;
	if (par & PAR_S)
		return !(esr & ESR_S1PTW);
	return PAR_IS_MISS(par);
}

/*
 * The host has met a hole in its stage 2: memory that is not its own, or a block that
 * another CPU is just splitting. In the second case the host retries.
 */
static void host_abort(struct cpu_regs *regs, u64 esr)
{
	u64 ipa = FIELD(read_sysreg(hpfar_el2), 4, 40) << 12;
	u64 far = read_sysreg(far_el2);

	if (may_be_over(esr) && host_stage2_is_mapped(ipa))
		return;
	if (ESR_EC(esr) == EC_DABT_LOW && !(esr & ESR_S1PTW) &&
	    gic_host_access(regs, esr, ipa | (far & (PAGE_SIZE - 1))))
		return;
	control_met_hole(ipa);
	if (may_be_over(esr) && ipa < IPA_LIMIT && has_moved(regs, esr, far, ipa))
		return;
	if (esr & ESR_S1PTW)
		report_walk(regs, esr, far, ipa);
	inject_host_abort(regs, far, esr);
}

static void host_undefined(struct cpu_regs *regs, u64 esr)
{
	inject_undef(regs);
}

typedef void host_handler(struct cpu_regs *regs, u64 esr);

static host_handler *const host_handlers[64] = {
	[EC_HVC64] = host_hvc,
	[EC_SMC64] = host_smc_trap,
	[EC_IABT_LOW] = host_abort,
	[EC_DABT_LOW] = host_abort,
};

/**
 * host_trap() - handle an exception of the host
 * @code: enum exit_code
 * @regs: its general registers
 */
void host_trap(u64 code, struct cpu_regs *regs)
{
	u64 esr = read_sysreg(esr_el2);
	host_handler *handler = host_handlers[ESR_EC(esr)];

	stop_if_wanted();
	if (code == EXIT_SYNC)
		(handler ? handler : host_undefined)(regs, esr);
	else if (code == EXIT_SERROR)
		inject_host_serror(this_cpu());
}

static void print_regs(const struct cpu_regs *regs)
{
	unsigned int i;

	for (i = 0; i < 31; i++)
		print("x%u%s %016lx%s", i, i < 10 ? " " : "", regs->x[i],
		      i % 3 == 2 ? "\n" : "  ");
	print("\nelr %016lx  spsr %016lx  sp %016lx\n", regs->pc, regs->pstate,
	      regs->pad);
	print("esr %016lx  far %016lx  hpfar %016lx\n", read_sysreg(esr_el2),
	      read_sysreg(far_el2), read_sysreg(hpfar_el2));
}

/* An AT of translate.S that has met an external abort */
static bool is_failed_translation(u64 code, const struct cpu_regs *regs)
{
	return code == EL2_SYNC && ESR_EC(read_sysreg(esr_el2)) == EC_DABT_CUR &&
	       (regs->pc == (u64)translate_el0 || regs->pc == (u64)translate_el1);
}

/**
 * hyp_fault() - EL2 itself took an exception
 * @code: number of the vector
 * @regs: EL2's registers; pad holds its stack pointer
 *
 * Returns from a translation that failed. Anything else is a bug of gzhyp.
 */
void hyp_fault(u64 code, struct cpu_regs *regs)
{
	if (is_failed_translation(code, regs)) {
		regs->pc = (u64)translate_failed;
		return;
	}
	console_force_unlock();
	print("\ngzhyp: registers at vector %lu, image at %p\n", code, _start);
	print_regs(regs);
	panic("exception at EL2, CPU %lx", read_sysreg(mpidr_el1));
}
