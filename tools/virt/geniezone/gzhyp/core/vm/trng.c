// SPDX-License-Identifier: GPL-2.0
/* TRNG (DEN0098) for guests: handlers of core/vm/guest-call.c. */
#include "core/psci.h"
#include "core/vm/guest-call.h"

u32 guest_trng_version(struct vcpu *vcpu, u64 *x)
{
	x[0] = cpu_features.rndr ? 0x10000 : SMCCC_NOT_SUPPORTED;
	return 0;
}

u32 guest_trng_uuid(struct vcpu *vcpu, u64 *x)
{
	if (!cpu_features.rndr) {
		x[0] = SMCCC_NOT_SUPPORTED;
		return 0;
	}
	x[0] = 0x5a9e1f0c;
	x[1] = 0x4c1b7d42;
	x[2] = 0x0e53a98b;
	x[3] = 0x6f24c7d1;
	return 0;
}

/* x1 is the number of bits; they are returned in x3, then x2, then x1. */
u32 guest_trng_rnd(struct vcpu *vcpu, u64 *x)
{
	unsigned int width = x[0] & SMC64 ? 64 : 32;
	u64 word[3] = { 0 }, bits = hvc_arg(x, 1);
	unsigned int i;

	x[0] = SMCCC_NOT_SUPPORTED;
	if (!cpu_features.rndr)
		return 0;
	x[0] = TRNG_INVALID_PARAMETER;
	if (!bits || bits > 3 * width)
		return 0;
	x[0] = TRNG_NO_ENTROPY;
	for (i = 0; i < 3 && bits > i * width; i++) {
		if (!cpu_random(&word[i]))
			return 0;
		if (bits - i * width < width)
			word[i] &= BIT(bits - i * width) - 1;
		if (width == 32)
			word[i] = (u32)word[i];
	}
	x[0] = 0;
	x[1] = word[2];
	x[2] = word[1];
	x[3] = word[0];
	return 0;
}
