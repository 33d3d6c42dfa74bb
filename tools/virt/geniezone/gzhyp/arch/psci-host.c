// SPDX-License-Identifier: GPL-2.0
/*
 * The host's SMCs. They go to the firmware. A call with an entry point, where a CPU
 * will leave the firmware, gets gzhyp's entry point instead of the host's: the CPU
 * sets EL2 up first and then enters the host at its entry point.
 */
#include "arch/barrier.h"
#include "arch/entry.h"
#include "arch/switch.h"
#include "core/mem/protect.h"
#include "core/psci.h"

/* A CPU reads it with its MMU off, so it must be in memory. */
static void set_boot(struct percpu *cpu, u64 entry, u64 ctx)
{
	cpu->boot_entry = entry;
	cpu->boot_ctx = ctx;
	dcache_clean_inval(cpu, sizeof(*cpu));
}

/* An argument; the upper half of an SMC32 call's is ignored (DEN0028, 3.1). */
static u64 arg(const struct cpu_regs *regs, unsigned int n)
{
	return regs->x[0] & SMC64 ? regs->x[n] : (u32)regs->x[n];
}

/*
 * For CPU_ON, CPU_SUSPEND and SYSTEM_SUSPEND: entry and x0 are the arguments @first
 * and @first + 1. gzhyp's addresses have 64 bits. In an SMC32 call the firmware would
 * truncate them and could enter EL2 in the host's memory, so the SMC64 form is used.
 */
static void call_with_entry(struct cpu_regs *regs, unsigned int first,
			    struct percpu *cpu)
{
	struct cpu_regs call = *regs;
	unsigned int i;

	for (i = 1; i <= 3; i++)
		call.x[i] = arg(regs, i);
	call.x[0] = (u32)regs->x[0] | SMC64;
	call.x[first] = (u64)secondary_entry;
	call.x[first + 1] = (u64)cpu;
	smc_call(&call);
	regs->x[0] = call.x[0];
}

static void cpu_on(struct cpu_regs *regs)
{
	struct percpu *cpu = cpu_by_mpidr(arg(regs, 1));

	if (!cpu) {
		regs->x[0] = PSCI_INVALID_PARAMETERS;
		return;
	}
	/* One caller at a time may write the entry; the CPU clears boot_pending. */
	if (READ_ONCE(cpu->online) ||
	    __atomic_exchange_n(&cpu->boot_pending, 1, __ATOMIC_ACQUIRE)) {
		regs->x[0] = READ_ONCE(cpu->online) ? PSCI_ALREADY_ON :
			     PSCI_ON_PENDING;
		return;
	}
	set_boot(cpu, arg(regs, 2), arg(regs, 3));
	call_with_entry(regs, 2, cpu);
	if (regs->x[0])
		__atomic_store_n(&cpu->boot_pending, 0, __ATOMIC_RELEASE);
}

/*
 * A CPU that keeps its state returns from the call; one that loses it comes through
 * secondary_entry. Entry points are not checked: outside the host's memory the host
 * takes a fault of its stage 2.
 */
static void suspend(struct cpu_regs *regs, unsigned int first)
{
	struct percpu *cpu = this_cpu();

	set_boot(cpu, arg(regs, first), arg(regs, first + 1));
	call_with_entry(regs, first, cpu);
}

/*
 * The machine powers off or restarts, perhaps without gzhyp and with memory
 * unchanged. If the firmware refuses, the host goes on, but its VMs do not.
 */
static void end_of_machine(struct cpu_regs *regs)
{
	vm_stop_all();
	protect_wipe_all();
	smc_call(regs);
	vm_resume();
}

/*
 * The firmware takes gzhyp for the caller. Services that act at the caller's
 * exception level must not be open to the host: SDEI handlers would run at EL2, and
 * FF-A could give EL2's memory away.
 */
static bool is_passed_on(u32 fn)
{
	if (SMCCC_OWNER(fn) != SMCCC_OWNER_STANDARD)
		return true;
	fn &= 0xffff;
	return fn < 0x20 || (fn >= 0x50 && fn < 0x54);
}

/**
 * host_smc() - serve the host's SMC
 * @regs: the host's registers; results go there
 */
void host_smc(struct cpu_regs *regs)
{
	u32 fn = regs->x[0];

	switch (fn & ~SMC64) {
	case PSCI_CPU_ON:
		cpu_on(regs);
		break;
	case PSCI_CPU_SUSPEND:
		suspend(regs, 2);
		break;
	case PSCI_CPU_DEFAULT_SUSPEND:
	case PSCI_SYSTEM_SUSPEND:
		suspend(regs, 1);
		break;
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_SYSTEM_RESET2:
	case PSCI_SYSTEM_OFF2:
		end_of_machine(regs);
		break;
	case PSCI_CPU_OFF:
		WRITE_ONCE(this_cpu()->online, false);
		smc_call(regs);
		WRITE_ONCE(this_cpu()->online, true);
		break;
	default:
		if (is_passed_on(fn))
			smc_call(regs);
		else
			regs->x[0] = SMCCC_NOT_SUPPORTED;
		break;
	}
}
