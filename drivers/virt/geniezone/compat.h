/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What older kernels lack, for builds outside of a kernel tree. Only such a
 * build includes this file, and it comes before every other: in the tree the
 * driver is written for the kernel that it lies in.
 */
#ifndef _GZVM_COMPAT_H
#define _GZVM_COMPAT_H

#include <linux/version.h>

#include <linux/eventfd.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
/* It counted, and was never asked to count anything but one. */
#define eventfd_signal(ctx) eventfd_signal(ctx, 1)
#endif

#endif /* _GZVM_COMPAT_H */
