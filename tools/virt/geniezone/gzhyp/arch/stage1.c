// SPDX-License-Identifier: GPL-2.0
/* The host's stage 1. */
#include "arch/entry.h"
#include "arch/stage1.h"

/**
 * host_translate() - translate an address by the host's stage 1
 * @va: the address
 * @el0: for a program of the host, else for its kernel
 *
 * Return: PAR_EL1, for a read. The host's PAR_EL1 is kept.
 */
u64 host_translate(u64 va, bool el0)
{
	/* EL2's vectors use SP_EL0, see translate.S */
	u64 old = read_sysreg(par_el1), sp = read_sysreg(sp_el0), par;

	par = el0 ? translate_el0(va) : translate_el1(va);
	write_sysreg(old, par_el1);
	write_sysreg(sp, sp_el0);
	return par;
}
