// SPDX-License-Identifier: GPL-2.0
/* What befalls the host while guests run: CPUs that go, sleep, want of memory. */

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
#include "vcpu_thread.h"

#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define ROUNDS		20
#define RTC_ALARM	"/sys/class/rtc/rtc0/wakealarm"
#define POWER_STATE	"/sys/power/state"
#define WAKEUP_COUNT	"/sys/power/wakeup_count"
#define SLEEPS		3
#define SLEEP_MAX_S	64
#define CGROUP_ROOT	"/tmp/cgroup"
#define CGROUP		CGROUP_ROOT "/gzvm-test"
#define SMALL_RAM	(16UL << 20)
#define BIG_RAM		(128UL << 20)
#define BIG_LIMIT	"33554432"
#define SMALL_LIMIT	"11534336"	/* 1 MiB below what is touched of it */

static int write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		ret = errno ? -errno : -EIO;
	close(fd);
	return ret;
}

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

/* From now on: not what was counted before this was called */
static void all_count(struct tvm *t)
{
	const uint64_t *word;
	unsigned int i;

	for (i = 0; i < NR_VMS; i++) {
		word = tvm_at(&t[i], SHARED_BASE);
		wait_for_change(word, __atomic_load_n(word, __ATOMIC_RELAXED));
	}
}

/* A vCPU that was on it goes on elsewhere, and may come back. */
TEST_F(host, cpus_go_and_come)
{
	unsigned int i;

	if (access(CPU1_ONLINE, W_OK))
		SKIP(return, "no CPU that could go");
	all_count(self->t);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
		all_count(self->t);
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
		all_count(self->t);
	}
}

/* How often this machine has slept */
static long times_slept(void)
{
	FILE *f = fopen("/sys/power/suspend_stats/success", "re");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/*
 * Sleep until the alarm. One that rings before the machine sleeps ends the attempt,
 * since the count of wake-ups was handed over first: Documentation/ABI/testing/
 * sysfs-power, /sys/power/wakeup_count.
 */
static bool sleep_until_alarm(unsigned int seconds)
{
	long before = times_slept();
	char count[32], alarm[16];
	FILE *f = fopen(WAKEUP_COUNT, "re");
	bool known = f && fgets(count, sizeof(count), f);

	if (f)
		fclose(f);
	snprintf(alarm, sizeof(alarm), "+%u", seconds);
	if (!known || write_file(RTC_ALARM, "0") ||
	    write_file(RTC_ALARM, alarm) || write_file(WAKEUP_COUNT, count) ||
	    write_file(POWER_STATE, "freeze"))
		return false;
	return times_slept() == before + 1;
}

/* A machine that is slow to go to sleep is given more time for it. */
TEST_F_TIMEOUT(host, sleeps_and_wakes, 4 * SLEEPS * SLEEP_MAX_S)
{
	unsigned int i, seconds = 2;

	if (access(POWER_STATE, W_OK) || access(RTC_ALARM, W_OK) ||
	    access(WAKEUP_COUNT, W_OK))
		SKIP(return, "it cannot sleep, or would not wake");
	all_count(self->t);
	for (i = 0; i < SLEEPS; i++) {
		while (!sleep_until_alarm(seconds) && seconds < SLEEP_MAX_S)
			seconds *= 2;
		ASSERT_GT(SLEEP_MAX_S, seconds);
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

/* How often the group was over memory.high, or -1 */
static long times_over_high(void)
{
	FILE *f = fopen(CGROUP "/memory.events", "re");
	char line[64];
	long times = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "high %ld", &times) == 1)
			break;
	if (f)
		fclose(f);
	return times;
}

GUEST static void guest_touch(uint64_t bytes)
{
	uint64_t at;

	for (at = RAM_BASE + (4 << 20); at < RAM_BASE + bytes; at += 4096)
		*(volatile uint64_t *)at = at;
	guest_sync(7);
}

/*
 * Returns what a VMM with this much memory for its guest came to, all of which is
 * touched; killed if that is more than the limit, here or where the memory is given
 * at once.
 */
static int run_in_cgroup(uint64_t bytes)
{
	uint64_t value = 0;
	struct tvm t;
	int ret;

	if (write_file(CGROUP "/cgroup.procs", "0"))
		return 2;
	if (__tvm_create_sized(&t, 1, bytes))
		return 3;
	ret = __tvm_enter(&t, 0, guest_touch, bytes);
	if (!ret)
		ret = __vcpu_run_to_sync(&t.vcpus[0], &value);
	return ret || value != 7 ? 4 : 0;
}

static int status_in_cgroup(uint64_t bytes)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(run_in_cgroup(bytes));
	return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

/* Over memory.high the VMM is slowed down, and nothing else happens to it. */
TEST_F(cgroup, guest_over_memory_high_goes_on)
{
	int status;

	ASSERT_EQ(0, write_file(CGROUP "/memory.high", SMALL_LIMIT));
	EXPECT_EQ(0, times_over_high());
	status = status_in_cgroup(SMALL_RAM);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_LT(0, times_over_high());

	ASSERT_LT(0, ctl_read("state", self->after, sizeof(self->after)));
	EXPECT_STREQ(self->before, self->after);
	EXPECT_EQ(self->pinned, ctl_pinned_pages());
}

/*
 * A guest's memory is its VMM's: within the group's limit it works, beyond it
 * the VMM is killed, amidst a fault of the guest, and all comes back.
 */
TEST_F(cgroup, guest_memory_is_the_groups)
{
	int status, kmsg;

	ASSERT_EQ(0, write_file(CGROUP "/memory.max", BIG_LIMIT));
	status = status_in_cgroup(SMALL_RAM);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));

	kmsg = kmsg_begin();
	ASSERT_LE(0, kmsg);
	status = status_in_cgroup(BIG_RAM);
	EXPECT_FALSE(kmsg_complains(kmsg));
	kmsg_end(kmsg);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));

	ASSERT_LT(0, ctl_read("state", self->after, sizeof(self->after)));
	EXPECT_STREQ(self->before, self->after);
	EXPECT_EQ(self->pinned, ctl_pinned_pages());
	EXPECT_TRUE(ctl_check_ok());
}

TEST_HARNESS_MAIN
