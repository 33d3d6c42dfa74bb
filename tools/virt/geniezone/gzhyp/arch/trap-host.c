// SPDX-License-Identifier: GPL-2.0
/* What the host traps to EL2 with, and EL2's own faults. */
#include <stdarg.h>

#include "entry.h"
#include "image.h"
#include "platform.h"
#include "print.h"
#include "stage2.h"
#include "switch.h"

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
 * A hole in the host's stage 2: memory that is not its own. Or one that another
 * CPU has just made for a moment, to change a block: then it tries again.
 */
static void host_abort(struct cpu_regs *regs, u64 esr)
{
	u64 ipa = FIELD(read_sysreg(hpfar_el2), 4, 40) << 12;

	if (FSC_IS_TRANSLATION(esr) && host_stage2_is_mapped(ipa))
		return;
	inject_host_abort(regs, read_sysreg(far_el2), esr);
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
 * host_trap() - an exception of the host was taken to EL2
 * @code: enum exit_code
 * @regs: its general registers
 */
void host_trap(u64 code, struct cpu_regs *regs)
{
	u64 esr = read_sysreg(esr_el2);
	host_handler *handler = host_handlers[ESR_EC(esr)];

	if (code == EXIT_SYNC)
		(handler ? handler : host_undefined)(regs, esr);
	else if (code == EXIT_SERROR)
		host_serror(this_cpu());
}

/*
 * A physical SError that EL2 got is the host's: it takes it as a virtual one,
 * once. The CPU clears HCR_EL2.VSE when it is taken.
 */
void host_serror(struct percpu *cpu)
{
	if (cpu->loaded)
		cpu->vse_owed = true;
	else
		write_sysreg(read_sysreg(hcr_el2) | HCR_AMO | HCR_VSE, hcr_el2);
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

/**
 * hyp_fault() - EL2 itself took an exception: its own bug, always
 * @code: number of the vector
 * @regs: EL2's registers; pad holds its stack pointer
 */
void __noreturn hyp_fault(u64 code, struct cpu_regs *regs)
{
	console_force_unlock();
	print("\ngzhyp: registers at vector %lu, image at %p\n", code, _start);
	print_regs(regs);
	panic("exception at EL2, CPU %lx", read_sysreg(mpidr_el1));
}

/**
 * panic() - stop this CPU: gzhyp has found a bug of its own
 * @fmt: what is wrong
 */
void __noreturn panic(const char *fmt, ...)
{
	va_list args;

	console_force_unlock();
	print("gzhyp: PANIC: ");
	va_start(args, fmt);
	vprint(fmt, args);
	va_end(args);
	print("\n");
	for (;;)
		asm volatile("wfi");
}
