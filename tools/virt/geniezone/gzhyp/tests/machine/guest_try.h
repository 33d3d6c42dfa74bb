/* SPDX-License-Identifier: GPL-2.0 */
/* A guest tries instructions that may be undefined: accesses to any system register. */
#ifndef GUEST_TRY_H
#define GUEST_TRY_H

#include "guest.h"

/* Guest memory: an instruction that is made when it is needed */
#define CODE		(FREE_BASE + 0x400000)

/* A register as in the instruction; op0 is 2 or 3 */
#define ENC(op0, op1, crn, crm, op2)	\
	(((op0) - 2) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/* Steps over the instruction that was not possible; x10 is not 0 then. */
asm(".section guest_text, \"ax\", %progbits\n"
	".balign 2048\n"
	"step_over:\n"
	".rept 16\n"
	"mrs x10, esr_el1\n"
	"mrs x11, elr_el1\n"
	"add x11, x11, #4\n"
	"msr elr_el1, x11\n"
	"orr x10, x10, #1 << 63\n"
	"eret\n"
	".balign 128\n"
	".endr\n"
	".previous\n");

static __always_inline void catch_exceptions(void)
{
	asm volatile("adrp x9, step_over\n\tadd x9, x9, :lo12:step_over\n\t"
		     "msr vbar_el1, x9\n\tisb" ::: "x9");
}

/* Runs one instruction with @val in x9. Returns whether it was possible. */
static __always_inline bool try_one(uint32_t insn, uint64_t *val)
{
	uint64_t out, esr;

	write32(CODE, insn);
	write32(CODE + 4, 0xd65f03c0);	/* ret */
	asm volatile("dsb sy\n\tic iallu\n\tdsb sy\n\tisb\n\t"
		     "mov x10, #0\n\tmov x9, %[in]\n\tblr %[code]\n\t"
		     "isb\n\tmov %[out], x9\n\tmov %[esr], x10"
		     : [out] "=&r" (out), [esr] "=&r" (esr)
		     : [in] "r" (*val), [code] "r" ((uint64_t)CODE)
		     : "x9", "x10", "x11", "x30", "memory", "cc");
	*val = out;
	return !esr;
}

static __always_inline bool try_mrs(uint64_t enc, uint64_t *val)
{
	return try_one(0xd5300009 | enc << 5, val);
}

static __always_inline bool try_msr(uint64_t enc, uint64_t val)
{
	return try_one(0xd5100009 | enc << 5, &val);
}

#endif /* GUEST_TRY_H */
