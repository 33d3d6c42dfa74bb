/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_MMIO_H
#define GZHYP_MMIO_H

#include "lib/types.h"

/**
 * struct mmio_access - a load or store that the syndrome describes
 * @size: bytes
 * @reg: register, 31 is the zero register
 * @write: it is a store
 * @sign_extend: what is loaded is signed
 * @wide: the register is 64 bits wide
 * @big_endian: memory has the most significant byte first; mmio_decode() clears it
 */
struct mmio_access {
	u8 size;
	u8 reg;
	bool write;
	bool sign_extend;
	bool wide;
	bool big_endian;
};

bool mmio_decode(u64 esr, struct mmio_access *access);
u64 mmio_load_value(const struct mmio_access *access, u64 raw);
u64 mmio_store_value(const struct mmio_access *access, u64 reg);

#endif /* GZHYP_MMIO_H */
