/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_LIMITS_H
#define GZHYP_LIMITS_H

#define INT_MAX		__INT_MAX__
#define INT_MIN		(-INT_MAX - 1)
#define UINT_MAX	(INT_MAX * 2U + 1)
#define LONG_MAX	__LONG_MAX__
#define ULONG_MAX	(LONG_MAX * 2UL + 1)

#endif /* GZHYP_LIMITS_H */
