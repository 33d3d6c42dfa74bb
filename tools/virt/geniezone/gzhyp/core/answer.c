// SPDX-License-Identifier: GPL-2.0
/*
 * Answers of the host's calls as the words of gzhyp.as want them: function ids,
 * missing calls, the form of the status. Words about one call are tested where
 * that call is served.
 */
#include "core/answer.h"
#include "core/options.h"

/* Bit 16 of a function id: the caller's SVE state need not be saved (SMCCC 1.3) */
#define SVE_HINT	BIT(16)

/* Anything, but not what a sign extension would be */
#define JUNK		0x5eed1e5500000000UL

/**
 * answer_call_number() - the number of a GenieZone call
 * @fn: function id
 *
 * Return: its number, which need not be assigned; or NO_CALL.
 */
u32 answer_call_number(u32 fn)
{
	u32 base = GZ_CALL_BASE, n;

	if (options) {
		if (option(OPT_SVE_HINT))
			fn &= ~SVE_HINT;
		if (option(OPT_OLD))
			base = GZ_OLD_CALL_BASE;
	}
	n = fn - base;
	return n < GZ_CALL_END - GZ_CALL_BASE ? n : NO_CALL;
}

/**
 * answer_has_call() - is a call implemented?
 * @n: its number
 */
bool answer_has_call(u32 n)
{
	if (!options)
		return true;
	return !(n == GZ_DESTROY_VCPU && option(OPT_DESTROY_VCPU_NONE)) &&
	       !(n == GZ_GET_ONE_REG && option(OPT_NO_GET_ONE_REG));
}

/**
 * answer_status() - the value that x0 gets
 * @n: number of the call
 * @status: its status
 */
u64 answer_status(u32 n, u64 status)
{
	if (!options)
		return status;
	if (!status && ((n == GZ_RUN && option(OPT_RUN_ERROR)) ||
			(n == GZ_DESTROY_VCPU && option(OPT_DESTROY_VCPU_ERROR))))
		status = (s64)GZ_INVALID_ARGS;
	/* It is done all the same, or EL2 would not know what memory there is. */
	if (n == GZ_MEMREGION_PURPOSE && option(OPT_OLD))
		status = (s64)GZ_NOT_IMPLEMENTED;
	if (option(OPT_STATUS_ZERO))
		return (u32)status;
	if (option(OPT_STATUS_JUNK))
		return (u32)status | JUNK;
	return status;
}
