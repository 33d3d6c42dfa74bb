// SPDX-License-Identifier: GPL-2.0
/* The registers of a vCPU, for the user. */

#include <libgzvm.h>

#include "log.h"
#include "machine/machine.h"

static unsigned long long reg_or_0(const struct gz_vcpu *vcpu, uint64_t id)
{
	uint64_t value;

	return gz_vcpu_get_reg(vcpu, id, &value) ? 0 : value;
}

/**
 * gz_machine_print_registers() - tell the user where a vCPU is
 * @vcpu: a vCPU that does not run
 *
 * Says nothing when the hypervisor does not.
 */
void gz_machine_print_registers(const struct gz_vcpu *vcpu)
{
	uint64_t pc;
	int i;

	if (gz_vcpu_get_reg(vcpu, GZ_REG_PC, &pc))
		return;
	gz_error("vCPU %u: pc %016llx pstate %08llx sp %016llx lr %016llx",
		 vcpu->id, (unsigned long long)pc,
		 reg_or_0(vcpu, GZ_REG_PSTATE), reg_or_0(vcpu, GZ_REG_SP_EL1),
		 reg_or_0(vcpu, GZ_REG_X(30)));
	gz_error("elr_el1 %016llx esr_el1 %08llx far_el1 %016llx sp_el0 %016llx",
		 reg_or_0(vcpu, GZ_REG_ELR_EL1), reg_or_0(vcpu, GZ_REG_ESR_EL1),
		 reg_or_0(vcpu, GZ_REG_FAR_EL1),
		 reg_or_0(vcpu, GZ_REG_CORE(sp)));
	for (i = 0; i < 30; i += 3)
		gz_error("x%-2d %016llx x%-2d %016llx x%-2d %016llx",
			 i, reg_or_0(vcpu, GZ_REG_X(i)),
			 i + 1, reg_or_0(vcpu, GZ_REG_X(i + 1)),
			 i + 2, reg_or_0(vcpu, GZ_REG_X(i + 2)));
}
