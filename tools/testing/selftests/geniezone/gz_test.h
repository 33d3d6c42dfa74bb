/* SPDX-License-Identifier: GPL-2.0 */
/* Tiny VMs in kselftest_harness.h: x() fails the test if __x() fails. */
#ifndef GZ_TEST_H
#define GZ_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "tvm.h"

/*
 * Only limits the time of a test that hangs: tests run in an emulated machine,
 * with a debug kernel, on hosts of any speed.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

static inline long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/*
 * gz.times=N on the kernel's command line: repeat that often, however long it
 * takes
 */
static inline uint64_t times_wanted(void)
{
	FILE *f = fopen("/proc/cmdline", "re");
	unsigned long times = 0;
	char word[256];

	while (f && fscanf(f, "%255s", word) == 1)
		sscanf(word, "gz.times=%lu", &times);
	if (f)
		fclose(f);
	return times;
}

/*
 * Tests of rare events repeat them very often. A slow machine may stop after 5
 * seconds if it has done a part of that; "make soak" does everything.
 */
static inline bool is_enough(uint64_t done, uint64_t wanted, long start)
{
	static uint64_t times = -1;

	if (times == (uint64_t)-1)
		times = times_wanted();
	if (times)
		return done >= times;
	return done >= wanted ||
	       (done >= wanted / 20 && now_ns() - start > 5000000000L);
}

/*
 * For the handler of a signal without immediate_exit. A signal has no effect on
 * an ioctl that begins after it. That can happen even if the ioctl had begun
 * before: if the host's kernel has work for the thread, the driver restarts the
 * ioctl, and the signal may arrive in between. Then the interrupted instruction
 * is the system call itself, not the one after it.
 */
static inline bool signal_is_early(const void *context)
{
	const ucontext_t *uc = context;

	return *(const uint32_t *)uc->uc_mcontext.pc == 0xd4000001; /* svc #0 */
}

/*
 * The size of the host's pages: slots and mappings consist of them. The hypervisor
 * counts in pages of 4 KiB, whatever the host's are.
 */
#define HOST_PAGE	((uint64_t)sysconf(_SC_PAGESIZE))

/* For SKIP(), with which every setup begins if there is no hypervisor */
#define no_gzvm()	access(GZ_DEV_PATH, F_OK)
#define NO_GZVM		"no " GZ_DEV_PATH

/*
 * A hypervisor without demand paging gets all memory when a slot is created,
 * and keeps it. Then some tests make no sense, and others expect the error
 * there.
 */
static inline bool has_demand_paging(struct tvm *t)
{
	uint64_t cap = GZVM_CAP_ENABLE_DEMAND_PAGING;

	return !gz_ioctl(t->vm.fd, GZVM_CHECK_EXTENSION, (unsigned long)&cap);
}

#define NO_DEMAND_PAGING	"no demand paging"

#define tvm_create(t, n)						\
do {									\
	int __err = __tvm_create(t, n);					\
									\
	ASSERT_EQ(0, __err)						\
		TH_LOG("cannot create a VM: %s", strerror(-__err));	\
} while (0)

#define tvm_enter(t, id, fn, arg)	\
	ASSERT_EQ(0, __tvm_enter(t, id, fn, arg))

/* Runs to an exit, which must have this reason. */
#define vcpu_run_to(v, reason)						\
do {									\
	struct gz_vcpu *__vcpu = (v);					\
									\
	ASSERT_EQ(0, __vcpu_run(__vcpu));				\
	ASSERT_EQ((uint32_t)(reason), __vcpu->run.exit_reason)		\
		TH_LOG("exit is %s", exit_name(__vcpu));		\
} while (0)

/* Runs to a guest_sync() and returns its number. */
#define vcpu_sync_value(v)						\
({									\
	struct gz_vcpu *__vcpu = (v);					\
	uint64_t __got = 0;						\
									\
	ASSERT_EQ(0, __vcpu_run_to_sync(__vcpu, &__got))		\
		TH_LOG("exit is %s", exit_name(__vcpu));		\
	__got;								\
})

/* Runs to a guest_sync(), which must have this number. */
#define vcpu_run_to_sync(v, value)	\
	ASSERT_EQ((uint64_t)(value), vcpu_sync_value(v))

#define vcpu_run_to_system_event(v, t)					\
do {									\
	struct gz_vcpu *__target = (v);					\
									\
	vcpu_run_to(__target, GZVM_EXIT_SYSTEM_EVENT);			\
	ASSERT_EQ((uint32_t)(t), __target->run.system_event.type);	\
} while (0)

#define vcpu_run_to_shutdown(v)	\
	vcpu_run_to_system_event(v, GZVM_SYSTEM_EVENT_SHUTDOWN)

#endif /* GZ_TEST_H */
