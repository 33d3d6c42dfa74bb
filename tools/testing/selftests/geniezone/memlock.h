/* SPDX-License-Identifier: GPL-2.0 */
/* A process that RLIMIT_MEMLOCK applies to, as most VMMs are. */
#ifndef MEMLOCK_H
#define MEMLOCK_H

#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

#endif /* MEMLOCK_H */
