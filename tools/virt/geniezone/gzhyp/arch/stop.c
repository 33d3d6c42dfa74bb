// SPDX-License-Identifier: GPL-2.0
/* Stops all CPUs when gzhyp has found a bug of its own. */
#include "arch/gic.h"
#include "arch/stage2.h"
#include "arch/stop.h"
#include "core/vm/vcpu.h"
#include "lib/print.h"

bool cpus_stop;

static void say_where(const struct percpu *cpu)
{
	const struct vcpu *vcpu = cpu->loaded;

	print("gzhyp: on CPU %u", cpu->index);
	if (vcpu)
		print(", VM %u, vCPU %u, guest's PC %lx, PSTATE %lx", vcpu->vm->id,
		      vcpu->id, vcpu->regs.pc, vcpu->regs.pstate);
	print("\n");
}

/**
 * stop_other_cpus() - bring all other CPUs to EL2, where they stop
 *
 * Without stage 2 the host cannot execute anything: each CPU takes a fault to EL2. A
 * CPU that runs a guest gets a kick. Takes no lock, and does nothing before the first
 * CPU is set up.
 */
void stop_other_cpus(void)
{
	unsigned int i;

	for (i = 0; i < platform.nr_cpus; i++)
		if (percpus[i] && percpus[i]->online)
			break;
	if (i == platform.nr_cpus)
		return;
	WRITE_ONCE(cpus_stop, true);
	say_where(this_cpu());
	host_stage2_drop();
	for (i = 0; i < platform.nr_cpus; i++)
		if (percpus[i] && percpus[i]->guest)
			gic_send_kick(percpus[i]);
}

void __noreturn stop_this_cpu(void)
{
	for (;;)
		asm volatile("wfi");
}
