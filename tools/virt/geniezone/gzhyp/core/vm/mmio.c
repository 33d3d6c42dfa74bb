// SPDX-License-Identifier: GPL-2.0
/* Decodes the access from a data abort's syndrome. */
#include "core/vm/mmio.h"

#define ISS_WNR		BIT(6)
#define ISS_CM		BIT(8)
#define ISS_SF		BIT(15)
#define ISS_SSE		BIT(21)
#define ISS_ISV		BIT(24)

/**
 * mmio_decode() - decode a data abort's syndrome
 * @esr: ESR_EL2
 * @access: result
 *
 * Return: false if the syndrome does not describe a single register's access,
 * as for pairs, atomics, vectors, write-back forms and cache maintenance.
 */
bool mmio_decode(u64 esr, struct mmio_access *access)
{
	if (!(esr & ISS_ISV) || (esr & ISS_CM))
		return false;
	access->size = 1U << FIELD(esr, 22, 2);
	access->reg = FIELD(esr, 16, 5);
	access->write = esr & ISS_WNR;
	access->sign_extend = esr & ISS_SSE;
	access->wide = esr & ISS_SF;
	access->big_endian = false;
	return true;
}

static u64 low_bytes(u64 val, unsigned int size)
{
	return size < 8 ? val & (BIT(size * 8) - 1) : val;
}

/* Between the value of a register and the bytes in memory, in either direction */
static u64 in_order(const struct mmio_access *access, u64 val)
{
	val = low_bytes(val, access->size);
	if (!access->big_endian)
		return val;
	return __builtin_bswap64(val) >> (64 - access->size * 8);
}

/**
 * mmio_load_value() - the value that a load writes to its register
 * @access: the load
 * @raw: the device's answer; bytes above the size are ignored
 *
 * Return: the register's new value, all 64 bits.
 */
u64 mmio_load_value(const struct mmio_access *access, u64 raw)
{
	u64 val = in_order(access, raw);
	u64 sign = BIT(access->size * 8 - 1);

	if (access->sign_extend)
		val = (val ^ sign) - sign;
	return access->wide ? val : low_bytes(val, 4);
}

/**
 * mmio_store_value() - the value that a store passes to the device
 * @access: the store
 * @reg: value of its register
 *
 * Return: the bytes stored, zero-extended.
 */
u64 mmio_store_value(const struct mmio_access *access, u64 reg)
{
	return in_order(access, reg);
}
