// SPDX-License-Identifier: GPL-2.0
/*
 * Events of the host while guests run: CPUs that go offline, suspend, lack of
 * memory.
 *
 * Needs: controls, modes, threads
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/gzvm.h>

#include "controls.h"
#include "gz_test.h"
#include "kmsg.h"
#include "suspend.h"
#include "vcpu_thread.h"

#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define ROUNDS		20
#define SLEEPS		3
#define CGROUP_ROOT	"/tmp/cgroup"
#define CGROUP		CGROUP_ROOT "/gzvm-test"
#define SMALL_RAM	(16UL << 20)
#define BIG_RAM		(128UL << 20)
#define BIG_LIMIT	"33554432"
#define SMALL_LIMIT	"11534336"	/* 1 MiB less than is accessed of it */

GUEST static void guest_count(uint64_t gpa)
{
	volatile uint64_t *word = (void *)gpa;

	for (;;)
		++*word;
}

#define NR_VMS		2

FIXTURE(host)
{
	struct tvm t[NR_VMS];
};

FIXTURE_SETUP(host)
{
	unsigned int i;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	ASSERT_EQ(0, gz_kick_init());
	for (i = 0; i < NR_VMS; i++) {
		tvm_create(&self->t[i], 1);
		tvm_enter(&self->t[i], 0, guest_count, SHARED_BASE);
		vcpu_thread_start(&self->t[i].vcpus[0]);
	}
}

FIXTURE_TEARDOWN(host)
{
	unsigned int i;

	for (i = 0; i < NR_VMS; i++) {
		EXPECT_EQ(0, vcpu_thread_stop(&self->t[i].vcpus[0]));
		tvm_destroy(&self->t[i]);
	}
}

/* From now on: what was counted before this call does not matter */
static void all_count(struct tvm *t)
{
	const uint64_t *word;
	unsigned int i;

	for (i = 0; i < NR_VMS; i++) {
		word = tvm_at(&t[i], SHARED_BASE);
		wait_for_change(word, __atomic_load_n(word, __ATOMIC_RELAXED));
	}
}

/* A vCPU on this CPU continues on another, and may return. */
TEST_F(host, cpus_go_and_come)
{
	unsigned int i;

	if (access(CPU1_ONLINE, W_OK))
		SKIP(return, "no CPU that can go offline");
	all_count(self->t);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
		all_count(self->t);
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
		all_count(self->t);
	}
}

TEST_F_TIMEOUT(host, sleeps_and_wakes, 4 * SLEEPS * SLEEP_MAX_S)
{
	unsigned int i, seconds = 2;

	if (no_suspend())
		SKIP(return, NO_SUSPEND);
	all_count(self->t);
	for (i = 0; i < SLEEPS; i++) {
		ASSERT_TRUE(host_sleeps(&seconds));
		all_count(self->t);
	}
}

FIXTURE(cgroup)
{
	char before[8192];
	char after[8192];
	long pinned;
};

FIXTURE_SETUP(cgroup)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	mkdir(CGROUP_ROOT, 0755);
	if (mount("none", CGROUP_ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		SKIP(return, "no cgroup2");
	if (write_file(CGROUP_ROOT "/cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller");
	mkdir(CGROUP, 0755);
	ASSERT_EQ(0, ctl_reset());
	ASSERT_LT(0, ctl_read("state", self->before, sizeof(self->before)));
	self->pinned = ctl_pinned_pages();
}

FIXTURE_TEARDOWN(cgroup)
{
	rmdir(CGROUP);
	umount2(CGROUP_ROOT, MNT_DETACH);
}

/* Number of such events in the group, or -1 */
static long events_of_group(const char *name)
{
	FILE *f = fopen(CGROUP "/memory.events", "re");
	char line[64], event[32];
	long times, found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %ld", event, &times) == 2 &&
		    !strcmp(event, name))
			found = times;
	if (f)
		fclose(f);
	return found;
}

GUEST static void guest_touch(uint64_t bytes)
{
	uint64_t at;

	for (at = RAM_BASE + (4 << 20); at < RAM_BASE + bytes; at += 4096)
		*(volatile uint64_t *)at = at;
	guest_sync(7);
}

/*
 * Returns the end of a VMM with this much memory for its guest, all of which is
 * accessed. The VMM is killed if that exceeds the limit, here or, without
 * demand paging, when the slot is created. With @shared, a child has the VM's files as
 * well, and stays.
 */
static int run_in_cgroup(uint64_t bytes, bool shared)
{
	uint64_t value = 0;
	struct tvm t;
	int ret;

	if (write_file(CGROUP "/cgroup.procs", "0"))
		return 2;
	if (__tvm_create_sized(&t, 1, bytes))
		return 3;
	if (shared && !fork())
		for (;;)
			pause();
	ret = __tvm_enter(&t, 0, guest_touch, bytes);
	if (!ret)
		ret = __vcpu_run_to_sync(&t.vcpus[0], &value);
	return ret || value != 7 ? 4 : 0;
}

static int status_in_cgroup(uint64_t bytes, bool shared)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(run_in_cgroup(bytes, shared));
	return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

/* Above memory.high the VMM is throttled, and nothing else happens. */
TEST_F(cgroup, guest_over_memory_high_goes_on)
{
	int status;

	ASSERT_EQ(0, write_file(CGROUP "/memory.high", SMALL_LIMIT));
	EXPECT_EQ(0, events_of_group("high"));
	status = status_in_cgroup(SMALL_RAM, false);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_LT(0, events_of_group("high"));

	ASSERT_LT(0, ctl_read("state", self->after, sizeof(self->after)));
	EXPECT_STREQ(self->before, self->after);
	EXPECT_EQ(self->pinned, ctl_pinned_pages());
}

/*
 * The guest's memory is charged to its VMM: within the limit of the group it
 * works, above it the VMM is killed in the middle of a fault of the guest, and
 * all memory returns.
 */
TEST_F(cgroup, guest_memory_is_the_groups)
{
	int status, kmsg;

	ASSERT_EQ(0, write_file(CGROUP "/memory.max", BIG_LIMIT));
	status = status_in_cgroup(SMALL_RAM, false);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));

	kmsg = kmsg_begin();
	ASSERT_LE(0, kmsg);
	status = status_in_cgroup(BIG_RAM, false);
	EXPECT_FALSE(kmsg_complains(kmsg));
	kmsg_end(kmsg);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));

	ASSERT_LT(0, ctl_read("state", self->after, sizeof(self->after)));
	EXPECT_STREQ(self->before, self->after);
	EXPECT_EQ(self->pinned, ctl_pinned_pages());
	EXPECT_TRUE(ctl_check_ok());
}

/*
 * The memory of a VMM that was killed is free at once, whoever has the VM's files:
 * there is no second victim, and the next VMM has room.
 */
TEST_F(cgroup, one_victim_is_enough)
{
	int status, kmsg, i;

	ASSERT_EQ(0, write_file(CGROUP "/memory.max", BIG_LIMIT));
	kmsg = kmsg_begin();
	ASSERT_LE(0, kmsg);
	status = status_in_cgroup(BIG_RAM, true);
	EXPECT_FALSE(kmsg_complains(kmsg));
	kmsg_end(kmsg);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(1, events_of_group("oom_kill"));
	EXPECT_EQ(self->pinned, ctl_pinned_pages());

	status = status_in_cgroup(SMALL_RAM, false);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(1, events_of_group("oom_kill"));

	ASSERT_EQ(0, write_file(CGROUP "/cgroup.kill", "1"));
	for (i = 0; i < 5000 && rmdir(CGROUP); i++)
		usleep(1000);
	EXPECT_GT(5000, i);
}

TEST_HARNESS_MAIN
