/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What older kernels lack, for builds outside of a kernel tree. Only such a
 * build includes this file, and it comes before every other: in the tree the
 * driver is written for the kernel that it lies in.
 */
#ifndef _GZVM_COMPAT_H
#define _GZVM_COMPAT_H

#include <linux/version.h>

#endif /* _GZVM_COMPAT_H */
