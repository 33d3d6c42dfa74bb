/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver is written for the newest kernel. This file maps its names to those of
 * older kernels. Kbuild includes it before every other file. Neither is for
 * upstream: integrate.sh leaves both out of a tree that no condition here is true
 * for.
 */
#ifndef _GZVM_COMPAT_H
#define _GZVM_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/* Only a fatal signal ends the wait for a page that user space has to bring. */
#define FOLL_INTERRUPTIBLE	0
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#include <linux/mm.h>

/* Flags were written directly, and inode operations got a namespace. */
#define vm_flags_set(vma, flags)	((vma)->vm_flags |= (flags))
#define mnt_idmap			user_namespace
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#include <linux/eventfd.h>

/* The second argument was 1 in all callers, and was dropped. */
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
/* KUnit had no static stubs and no memory of user space: build no unit tests. */
#undef CONFIG_MTK_GZVM_KUNIT_TEST
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
/* The flags were one word, and this one had another name. */
#define MMF_DISABLE_THP_COMPLETELY	MMF_DISABLE_THP
#define mm_flags_set(flag, mm)		set_bit(flag, &(mm)->flags)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#include <linux/slab.h>

/* Later stable releases of 6.12 have these. */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp)		kzalloc(sizeof(obj), gfp)
#define kvzalloc_obj(obj, gfp)		kvzalloc(sizeof(obj), gfp)
#endif

/* The flags of a mapping were one word. */
#define EMPTY_VMA_FLAGS			0
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
#include <linux/timekeeping.h>

/* One call gave all clocks; the driver asks for this one only. */
#define ktime_get_snapshot_id(id, snap)	((void)(id), ktime_get_snapshot(snap))
#define systime				real
#endif

#endif /* _GZVM_COMPAT_H */
