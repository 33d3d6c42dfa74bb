// SPDX-License-Identifier: GPL-2.0
/*
 * The sandbox: a seccomp filter for all threads. It allows what gzrun needs while a
 * guest runs. A guest that takes over gzrun can open no file and no socket, start no
 * program, signal no other process, and make no memory executable.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/gzvm.h>
#include <linux/seccomp.h>
#include <linux/vhost.h>

#include <seccomp.h>

#include "sandbox.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static struct gz_sandbox current;

/* With any arguments */
static const int calls[] = {
	/* files that are open */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev),
	SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(fdatasync), SCMP_SYS(fallocate),
	SCMP_SYS(close), SCMP_SYS(ppoll), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
	SCMP_SYS(timerfd_settime),
	/* sockets that are open */
	SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	/* threads and signals of this process */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(sched_getaffinity), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(wait4),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(mremap),
	/* time and random numbers */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),
};

/* For the next life of the guest */
static const int restart_calls[] = {
	SCMP_SYS(eventfd2), SCMP_SYS(epoll_create1), SCMP_SYS(timerfd_create),
	SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(flock),
};

/* Of the terminal, of tap interfaces, and of VMs that run */
static const unsigned int ioctls[] = {
	TCGETS, TCSETS, TUNSETOFFLOAD, GZVM_RUN, GZVM_GET_ONE_REG, GZVM_SET_ONE_REG,
};

static const unsigned int restart_ioctls[] = {
	GZVM_CHECK_EXTENSION, GZVM_CREATE_VM, GZVM_CREATE_VCPU, GZVM_CREATE_DEVICE,
	GZVM_SET_USER_MEMORY_REGION, GZVM_SET_USER_MEMORY_REGION2,
	GZVM_CREATE_GUEST_MEMFD, GZVM_ENABLE_CAP, GZVM_SET_DTB_CONFIG, GZVM_IRQFD,
	GZVM_IOEVENTFD,
};

static const unsigned int vhost_ioctls[] = {
	VHOST_GET_FEATURES, VHOST_SET_FEATURES, VHOST_SET_MEM_TABLE,
	VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_SET_VRING_ADDR,
	VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR, VHOST_SET_VRING_KICK,
};

static const unsigned int vsock_ioctls[] = { VHOST_VSOCK_SET_RUNNING };

static const unsigned int vsock_restart_ioctls[] = {
	VHOST_SET_OWNER, VHOST_VSOCK_SET_GUEST_CID,
};

static const unsigned int vhost_net_ioctls[] = { VHOST_NET_SET_BACKEND };

/*
 * The violation may have come from anywhere, so this takes no lock: the C library's
 * snprintf() takes none for a number.
 */
static void violation(int sig, siginfo_t *info, void *context)
{
	char text[160];
	int n;

	(void)sig;
	(void)context;
	if (current.leave)
		current.leave();
	n = snprintf(text, sizeof(text),
		     "gzrun: the sandbox has refused system call %d: an error in gzrun, or a guest that has taken it over\n",
		     info->si_syscall);
	if (write(STDERR_FILENO, text, n) < 0)
		_exit(current.status);
	_exit(current.status);
}

static int catch_violations(void)
{
	struct sigaction sa = { .sa_sigaction = violation, .sa_flags = SA_SIGINFO };

	sigfillset(&sa.sa_mask);
	return sigaction(SIGSYS, &sa, NULL) ? -errno : 0;
}

static int allow_calls(scmp_filter_ctx ctx, const int *list, size_t nr)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < nr; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, list[i], 0);
	return ret;
}

static int allow_ioctls(scmp_filter_ctx ctx, const unsigned int *list, size_t nr)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < nr; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, list[i], 0));
	return ret;
}

/* Memory, but none that is executable */
static int allow_mappings(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int ret;

	ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec);
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       no_exec);
	return ret;
}

/*
 * Threads, but no processes. The flags of clone3() are in memory, where no filter
 * sees them; without it, the C library uses clone().
 */
static int allow_threads(scmp_filter_ctx ctx)
{
	int ret;

	ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
				       CLONE_THREAD));
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
				       SCMP_SYS(clone3), 0);
	/* Kicks */
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, getpid(), 0));
	return ret;
}

/* send(): to the peer of a socket, but to no other address */
static int allow_send(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1,
				SCMP_A4(SCMP_CMP_EQ, 0, 0));
}

/* fstat() of the C library; no filter sees that the path is empty */
static int allow_fstat(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				SCMP_A3_32(SCMP_CMP_EQ, AT_EMPTY_PATH, 0));
}

static int allow_vhost(scmp_filter_ctx ctx, const struct gz_sandbox *s)
{
	int ret = 0;

	if (s->vsock || s->vhost_net)
		ret = allow_ioctls(ctx, vhost_ioctls, COUNT(vhost_ioctls));
	if (!ret && s->vhost_net)
		ret = allow_ioctls(ctx, vhost_net_ioctls, COUNT(vhost_net_ioctls));
	if (!ret && s->vsock)
		ret = allow_ioctls(ctx, vsock_ioctls, COUNT(vsock_ioctls));
	if (!ret && s->vsock && s->restart)
		ret = allow_ioctls(ctx, vsock_restart_ioctls,
				   COUNT(vsock_restart_ioctls));
	return ret;
}

static int allow(scmp_filter_ctx ctx, const struct gz_sandbox *s)
{
	int ret;

	/*
	 * The kernel runs the filter only for calls with arguments to check. GZVM_RUN
	 * is by far the most frequent one, so the filter looks for it first.
	 */
	ret = seccomp_syscall_priority(ctx, SCMP_SYS(ioctl), UINT8_MAX);
	if (!ret)
		ret = allow_calls(ctx, calls, COUNT(calls));
	if (!ret)
		ret = allow_ioctls(ctx, ioctls, COUNT(ioctls));
	if (!ret && s->restart)
		ret = allow_calls(ctx, restart_calls, COUNT(restart_calls));
	if (!ret && s->restart)
		ret = allow_ioctls(ctx, restart_ioctls, COUNT(restart_ioctls));
	if (!ret)
		ret = allow_vhost(ctx, s);
	if (!ret)
		ret = allow_send(ctx);
	if (!ret)
		ret = allow_fstat(ctx);
	if (!ret)
		ret = allow_mappings(ctx);
	return ret ? ret : allow_threads(ctx);
}

/**
 * gz_sandbox_possible() - does the host's kernel have filters of system calls?
 *
 * Return: true if it does.
 */
bool gz_sandbox_possible(void)
{
	uint32_t action = SECCOMP_RET_TRAP;

	return !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

/**
 * gz_sandbox_enter() - forbid everything that is not needed from now on
 * @sandbox: what is needed, and how a violation ends
 *
 * Call this while there is no other thread; later ones inherit the filter. They must
 * not block SIGSYS. A violation prints a message and ends this process with the
 * status.
 *
 * Return: 0 or -errno.
 */
int gz_sandbox_enter(const struct gz_sandbox *sandbox)
{
	scmp_filter_ctx ctx;
	int ret;

	current = *sandbox;
	ret = catch_violations();
	if (ret)
		return ret;
	ctx = seccomp_init(SCMP_ACT_TRAP);
	if (!ctx)
		return -ENOMEM;
	ret = allow(ctx, sandbox);
	/* This also sets no_new_privs */
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}
