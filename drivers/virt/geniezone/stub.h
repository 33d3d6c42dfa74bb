/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GZVM_STUB_H
#define _GZVM_STUB_H

#include <linux/kconfig.h>

/* Tests replace functions here. A build without tests has nothing of it. */
#if IS_ENABLED(CONFIG_MTK_GZVM_KUNIT_TEST)
#include <kunit/static_stub.h>
#else
#define KUNIT_STATIC_STUB_REDIRECT(fn, args...) ((void)(fn))
#endif

#endif /* _GZVM_STUB_H */
