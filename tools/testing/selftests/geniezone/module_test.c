// SPDX-License-Identifier: GPL-2.0
/* The module is loaded and unloaded, and stays while it is in use. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/gzvm.h>

#include "eventfd.h"
#include "fail.h"
#include "gz_test.h"
#include "kmsg.h"
#include "stats.h"

#define MODULE		"/lib/modules/gzvm.ko"
#define PARAMETERS	"/sys/module/gzvm/parameters/"
#define BUS		"/sys/bus/platform/"
#define SPI		5

static int load(const char *parameters)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* -EAGAIN if it is in use */
static int unload(void)
{
	return syscall(SYS_delete_module, "gzvm", O_NONBLOCK) ? -errno : 0;
}

/* These tests unload a module that is loaded and not in use. */
FIXTURE(module)
{
	struct tvm t;
};

FIXTURE_SETUP(module)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (access(MODULE, R_OK) || access("/sys/module/gzvm/refcnt", F_OK))
		SKIP(return, "not a module, or no " MODULE);
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load(""));
	memset(&self->t, 0, sizeof(self->t));
	self->t.vm.fd = -1;
	self->t.vm.dev_fd = -1;
}

FIXTURE_TEARDOWN(module)
{
	tvm_destroy(&self->t);
	load("");
}

GUEST static void guest_hello(uint64_t arg)
{
	guest_sync(arg);
}

#define run_a_guest()							\
do {									\
	tvm_create(&self->t, 1);					\
	tvm_enter(&self->t, 0, guest_hello, 5);				\
	vcpu_run_to_sync(&self->t.vcpus[0], 5);				\
	vcpu_run_to_shutdown(&self->t.vcpus[0]);			\
	tvm_destroy(&self->t);						\
} while (0)

TEST_F(module, device_file_keeps_it)
{
	int fd = gz_dev_open();
	uint64_t cap = GZVM_CAP_MAX_VCPUS;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, unload());
	EXPECT_EQ(0, gz_ioctl(fd, GZVM_CHECK_EXTENSION, (unsigned long)&cap));
	close(fd);
	EXPECT_EQ(0, unload());
}

TEST_F(module, vm_file_keeps_it)
{
	ASSERT_EQ(0, gz_vm_create(&self->t.vm));
	close(self->t.vm.dev_fd);
	self->t.vm.dev_fd = -1;
	EXPECT_EQ(-EAGAIN, unload());
	EXPECT_EQ(-EINVAL, gz_vm_irq_line(&self->t.vm, 988, 0));
	gz_vm_destroy(&self->t.vm);
	EXPECT_EQ(0, unload());
}

TEST_F(module, vcpu_file_keeps_it)
{
	tvm_create(&self->t, 1);
	tvm_enter(&self->t, 0, guest_hello, 5);
	gz_vm_destroy(&self->t.vm);
	EXPECT_EQ(-EAGAIN, unload());
	vcpu_run_to_sync(&self->t.vcpus[0], 5);
	EXPECT_EQ(-EAGAIN, unload());
	tvm_destroy(&self->t);
	EXPECT_EQ(0, unload());
}

/* Even an eventfd that signals nothing any more, since its VM has gone. */
TEST_F(module, open_debugfs_file_is_no_danger)
{
	static const char * const names[] = { "stats", "protected_hyp_mem" };
	unsigned int i;
	char path[128];
	int fd, ret;

	if (access("/sys/kernel/debug/gzvm", F_OK))
		SKIP(return, "no debugfs");
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, gz_vm_create(&self->t.vm));
		snprintf(path, sizeof(path), "/sys/kernel/debug/gzvm/%d-%lld/%s",
			 gettid(), fd_stat(self->t.vm.fd, "vm_id"), names[i]);
		fd = open(path, O_RDONLY);
		ASSERT_LE(0, fd);
		gz_vm_destroy(&self->t.vm);
		ret = unload();
		EXPECT_EQ(-1, read(fd, path, sizeof(path)));
		EXPECT_EQ(0, close(fd));
		if (ret)
			EXPECT_EQ(0, unload());
		EXPECT_EQ(0, load(""));
	}
}

/* eventfds that outlive their VM do not call code that has gone. */
TEST_F(module, eventfds_do_not_keep_it)
{
	int fd = event_new(), resamplefd = event_new();

	ASSERT_EQ(0, gz_vm_create(&self->t.vm));
	ASSERT_EQ(0, irqfd(&self->t, fd, SPI, GZVM_IRQFD_FLAG_RESAMPLE,
			   resamplefd));
	ASSERT_EQ(0, ioeventfd(&self->t, fd, PORT_TEST, 4, 0, 0));
	gz_vm_destroy(&self->t.vm);
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, eventfd_write(fd, 1));
	EXPECT_EQ(1, event_count(fd));
	close(fd);
	close(resamplefd);
}

/* A VM that could not be created has taken no reference. */
TEST_F(module, failures_do_not_keep_it)
{
	struct gzvm_ioeventfd args = { .fd = -1 };
	int dev = gz_dev_open(), vm;

	ASSERT_LE(0, dev);
	EXPECT_GT(0, gz_ioctl(dev, GZVM_CREATE_VM, 0x12345));
	vm = gz_ioctl(dev, GZVM_CREATE_VM, 0);
	ASSERT_LE(0, vm);
	EXPECT_EQ(-EINVAL, gz_ioctl(vm, GZVM_CREATE_VCPU, 1000));
	EXPECT_EQ(-EBADF, gz_ioctl(vm, GZVM_IOEVENTFD, (unsigned long)&args));
	close(vm);
	close(dev);
	EXPECT_EQ(0, unload());
}

static const char * const traces_of_it[] = {
	GZ_DEV_PATH, "/sys/kernel/gzvm", "/sys/kernel/debug/gzvm",
	"/sys/kernel/tracing/events/gzvm", "/sys/bus/platform/drivers/gzvm",
};

TEST_F(module, twenty_times_in_and_out)
{
	unsigned int i, j;

	for (i = 0; i < 20; i++) {
		run_a_guest();
		ASSERT_EQ(0, unload());
		for (j = 0; j < ARRAY_SIZE(traces_of_it); j++)
			EXPECT_NE(0, access(traces_of_it[j], F_OK))
				TH_LOG("%s", traces_of_it[j]);
		ASSERT_EQ(0, load(""));
	}
	EXPECT_EQ(-EEXIST, load(""));
}

/* Unbinding the driver from its device must not break a VM. */
TEST_F(module, driver_cannot_be_unbound)
{
	ASSERT_EQ(0, access("/sys/bus/platform/drivers/gzvm", F_OK));
	EXPECT_NE(0, access("/sys/bus/platform/drivers/gzvm/unbind", F_OK));
	EXPECT_NE(0, access("/sys/bus/platform/drivers/gzvm/bind", F_OK));
}

static char parameter(const char *name)
{
	char path[128];
	char value = 0;
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "r");
	if (!f || fread(&value, 1, 1, f) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/* If the firmware names the hypervisor, the parameter adds no second device. */
TEST_F(module, assume_hyp)
{
	struct stat st;

	EXPECT_EQ('N', parameter("assume_hyp"));
	ASSERT_EQ(0, stat(PARAMETERS "assume_hyp", &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	ASSERT_EQ(0, unload());
	EXPECT_EQ(-EINVAL, load("assume_hyp=2"));
	ASSERT_EQ(0, load("assume_hyp=1"));
	EXPECT_EQ('Y', parameter("assume_hyp"));
	run_a_guest();
	EXPECT_NE(0, access("/sys/bus/platform/devices/gzvm", F_OK));
	EXPECT_EQ(0, unload());
}

TEST_F(module, halt_poll_ns)
{
	struct stat st;

	EXPECT_EQ('0', parameter("halt_poll_ns"));
	ASSERT_EQ(0, stat(PARAMETERS "halt_poll_ns", &st));
	EXPECT_EQ(S_IFREG | 0644, st.st_mode);
	ASSERT_EQ(0, unload());
	EXPECT_GT(0, load("halt_poll_ns=-1"));
	EXPECT_GT(0, load("halt_poll_ns=4294967296"));
	ASSERT_EQ(0, load("halt_poll_ns=7"));
	EXPECT_EQ('7', parameter("halt_poll_ns"));
}

static bool put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return done;
}

/* Name of the driver's device; false if there is none */
static bool device_of_it(char *name, size_t size)
{
	DIR *dir = opendir(BUS "drivers/gzvm");
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		if (entry->d_type == DT_LNK && strcmp(entry->d_name, "module"))
			found = snprintf(name, size, "%s", entry->d_name) > 0;
	if (dir)
		closedir(dir);
	return found;
}

/* Address of a kernel function, and of the next one; false if there is none */
static bool find_function(const char *name, unsigned long *start,
			  unsigned long *end)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long addr;
	char symbol[256];

	*start = 0;
	*end = ~0UL;
	if (!file)
		return false;
	while (fscanf(file, "%lx %*c %255s%*[^\n]", &addr, symbol) == 2)
		if (!strcmp(symbol, name))
			*start = addr;
	rewind(file);
	while (fscanf(file, "%lx %*c %255s%*[^\n]", &addr, symbol) == 2)
		if (addr > *start && addr < *end)
			*end = addr;
	fclose(file);
	return *start;
}

/* Only objects that this function allocates may fail, and no pages; NULL: all */
static int fail_only_in(const char *function)
{
	unsigned long start = 0, end = ~0UL;
	char text[2][32];

	if (function && !find_function(function, &start, &end))
		return -ENOENT;
	snprintf(text[0], sizeof(text[0]), "%#lx", start);
	snprintf(text[1], sizeof(text[1]), "%#lx", end);
	return fail_set("failslab/require-start", text[0]) ?:
	       fail_set("failslab/require-end", text[1]) ?:
	       fail_set("fail_page_alloc/min-order", function ? "20" : "0");
}

FIXTURE(probe)
{
	char device[64];
	int fail;
	int kmsg;
};

/* The driver without a device; a write to a file of the bus binds it */
FIXTURE_SETUP(probe)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (access(MODULE, R_OK) ||
	    !device_of_it(self->device, sizeof(self->device)))
		SKIP(return, "not a module, or no device of it");
	self->fail = fail_open();
	if (self->fail < 0)
		SKIP(return, NO_FAIL_NTH);
	if (fail_only_in(NULL))
		SKIP(return, "no CONFIG_FAULT_INJECTION_STACKTRACE_FILTER");
	ASSERT_EQ(0, fail_everywhere());
	ASSERT_EQ(0, unload());
	ASSERT_TRUE(put(BUS "drivers_autoprobe", "0"));
	ASSERT_EQ(0, load(""));
	ASSERT_NE(0, access(GZ_DEV_PATH, F_OK));
	self->kmsg = kmsg_begin();
	ASSERT_LE(0, self->kmsg);
}

FIXTURE_TEARDOWN(probe)
{
	fail_only_in(NULL);
	kmsg_end(self->kmsg);
	close(self->fail);
	put(BUS "drivers_autoprobe", "1");
	unload();
	load("");
}

/*
 * One allocation or copy after the other fails in a probe, each time from the
 * same state. Returns false if a failed probe has left something, or the kernel
 * complains. The presence of a file does not show how the probe ended: it may
 * be a leftover.
 */
static bool sweep(const char *device, int fail, int kmsg,
		  unsigned int *failures, unsigned int *nth)
{
	bool met, there, bad = false;
	char driver[128];

	snprintf(driver, sizeof(driver), BUS "devices/%s/driver", device);
	*failures = 0;
	*nth = 0;
	do {
		fail_nth(fail, ++*nth);
		put(BUS "drivers_probe", device);
		met = fail_has(fail);
		there = !access(driver, F_OK);
		*failures += !there;
		if (kmsg_complains(kmsg))
			bad = true;
		else if (!there)
			bad = !access("/sys/kernel/gzvm", F_OK) ||
			      !access(GZ_DEV_PATH, F_OK);
		bad = bad || unload() || load("");
	} while (met && !bad);
	return !bad && there;
}

/*
 * Each allocation of the probe fails once. Everything that was done before must
 * be undone, so that the next probe finds no leftovers, and kmemleak would find
 * a leak. This binds a device instead of loading the module: the kernel's event
 * tracing, which comes first at a load, warns about its own failures.
 *
 * The records that undo a step come first. Some of the probe's allocations
 * happen only now and then, so one or another may be left out.
 */
TEST_F_TIMEOUT(probe, that_fails_leaves_nothing, 600)
{
	unsigned int failures, nth;

	ASSERT_EQ(0, fail_only_in("__devm_add_action"));
	EXPECT_TRUE(sweep(self->device, self->fail, self->kmsg, &failures, &nth));
	TH_LOG("%u of %u records are needed", failures, nth - 1);
	EXPECT_LE(3, failures);

	ASSERT_EQ(0, fail_only_in(NULL));
	EXPECT_TRUE(sweep(self->device, self->fail, self->kmsg, &failures, &nth));
	TH_LOG("%u of %u allocations and copies are needed", failures, nth - 1);
	EXPECT_LT(10, failures);
}

TEST_HARNESS_MAIN
