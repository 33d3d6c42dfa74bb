// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that user space has to bring (userfaultfd): what goes on while a vCPU
 * waits for it.
 *
 * Needs: modes, threads
 */

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/gzvm.h>
#include <linux/userfaultfd.h>

#include "gz_test.h"
#include "protected.h"
#include "stats.h"
#include "suspend.h"

#define PAGE		0x1000ULL

/* The absent memory, and another slot */
#define ABSENT_SLOT	1
#define ABSENT_BASE	0xc0000000ULL
#define ABSENT_SIZE	0x200000ULL
#define OTHER_SLOT	2
#define OTHER_BASE	0xd0000000ULL
#define OTHER_SIZE	0x10000ULL

#define CGROUP_ROOT	"/tmp/cgroup"
#define CGROUP		CGROUP_ROOT "/gzvm-absent"

/* How long something may take that must happen */
#define PATIENCE_MS	20000

#define NO_UFFD		"no userfaultfd"

struct absent {
	int uffd;
	char *mem;
};

/* @flags: MAP_PRIVATE, or MAP_SHARED for shmem */
static bool absent_make(struct absent *absent, int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (flags == MAP_SHARED)
		api.features = UFFD_FEATURE_MISSING_SHMEM;
	absent->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (absent->uffd < 0 || ioctl(absent->uffd, UFFDIO_API, &api))
		return false;
	absent->mem = mmap(NULL, ABSENT_SIZE, PROT_READ | PROT_WRITE,
			   flags | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uint64_t)absent->mem;
	reg.range.len = ABSENT_SIZE;
	return absent->mem != MAP_FAILED &&
	       !ioctl(absent->uffd, UFFDIO_REGISTER, &reg);
}

static void absent_end(struct absent *absent)
{
	close(absent->uffd);
	munmap(absent->mem, ABSENT_SIZE);
}

/* Whether somebody waits for a page, or begins to do so in time */
static bool absent_is_missed(struct absent *absent)
{
	struct pollfd fd = { .fd = absent->uffd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&fd, 1, PATIENCE_MS) == 1 &&
	       read(absent->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

/* Brings some pages; each holds its number, from 1. */
static int absent_bring_some(struct absent *absent, uint64_t first, uint64_t nr)
{
	struct uffdio_copy copy = { .len = nr * PAGE };
	uint64_t *src, i;
	int ret;

	src = mmap(NULL, ABSENT_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (src == MAP_FAILED)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		src[i * PAGE / 8] = first + i + 1;
	copy.dst = (uint64_t)absent->mem + first * PAGE;
	copy.src = (uint64_t)src;
	ret = ioctl(absent->uffd, UFFDIO_COPY, &copy) ? -errno : 0;
	munmap(src, ABSENT_SIZE);
	return ret;
}

static int absent_bring(struct absent *absent)
{
	return absent_bring_some(absent, 0, ABSENT_SIZE / PAGE);
}

static int absent_attach(struct absent *absent, struct tvm *t)
{
	return gz_vm_set_region(&t->vm, ABSENT_SLOT,
				GZVM_USER_MEM_REGION_GUEST_MEM, ABSENT_BASE,
				ABSENT_SIZE, absent->mem);
}

GUEST static void guest_read_page(uint64_t i)
{
	guest_sync(read64(ABSENT_BASE + i * PAGE));
}

/* Another vCPU, and more pages, while the first one waits. */
GUEST static void guest_other(uint64_t size)
{
	uint64_t p;

	for (p = OTHER_BASE; p < OTHER_BASE + size; p += PAGE)
		write64(p, p);
	guest_sync(5);
}

GUEST static void guest_start_other(uint64_t entry)
{
	guest_sync(hvc3(PSCI_CPU_ON, 1, entry,
			BOOT_BASE + sizeof(struct guest_boot)));
	guest_read_page(3);
}

/* One call of GZVM_RUN in a thread of its own */
struct runner {
	struct gz_vcpu *vcpu;
	pthread_t thread;
	atomic_int done;
	int ret;
};

static struct gz_vcpu *kicked;

static void kick(int sig)
{
	kicked->run.immediate_exit = 1;
}

static void *runner_main(void *arg)
{
	struct runner *runner = arg;

	runner->ret = gz_vcpu_run(runner->vcpu);
	atomic_store(&runner->done, 1);
	return NULL;
}

static bool wait_for(atomic_int *flag)
{
	int i;

	for (i = 0; i < PATIENCE_MS && !atomic_load(flag); i++)
		usleep(1000);
	return atomic_load(flag);
}

FIXTURE(absent)
{
	struct tvm t;
	struct absent absent;
	struct runner runner;
};

FIXTURE_SETUP(absent)
{
	struct sigaction sa = { .sa_handler = kick, .sa_flags = SA_RESTART };

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (!absent_make(&self->absent, MAP_PRIVATE))
		SKIP(return, NO_UFFD);
	sigaction(SIGUSR1, &sa, NULL);
	tvm_create(&self->t, 2);
	kicked = &self->t.vcpus[0];
	self->runner.vcpu = kicked;
}

FIXTURE_TEARDOWN(absent)
{
	if (self->t.nr_vcpus)
		tvm_destroy(&self->t);
	absent_end(&self->absent);
}

/* The first vCPU goes on, touches a page, and waits for it. */
#define start_to_run()							\
do {									\
	pthread_create(&self->runner.thread, NULL, runner_main,		\
		       &self->runner);					\
	ASSERT_TRUE(absent_is_missed(&self->absent));			\
} while (0)

GUEST static void guest_sync_and_read_page(uint64_t i)
{
	guest_sync(0);
	guest_read_page(i);
}

/* Some pages of the block are there: the driver must not keep them meanwhile. */
TEST_F(absent, kick_ends_the_wait)
{
	const uint64_t few = 7 * HOST_PAGE / PAGE;
	int vm = self->t.vm.fd;
	uint64_t value = 0;
	long long pinned;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_EQ(0, absent_bring_some(&self->absent, 0, few));
	ASSERT_EQ(0, absent_attach(&self->absent, &self->t));
	tvm_enter(&self->t, 0, guest_sync_and_read_page, few);
	vcpu_run_to_sync(kicked, 0);
	pinned = fd_stat(vm, "pinned_pages");
	start_to_run();
	pthread_kill(self->runner.thread, SIGUSR1);
	ASSERT_TRUE(wait_for(&self->runner.done));
	pthread_join(self->runner.thread, NULL);
	EXPECT_EQ(-EINTR, self->runner.ret);
	EXPECT_EQ(pinned, fd_stat(vm, "pinned_pages"));

	ASSERT_EQ(0, absent_bring_some(&self->absent, few,
				       ABSENT_SIZE / PAGE - few));
	kicked->run.immediate_exit = 0;
	ASSERT_EQ(0, __vcpu_run_to_sync(kicked, &value));
	EXPECT_EQ(few + 1, value);
}

/* A hole in the file is not zeroes. */
TEST_F(absent, private_memory_of_a_file_is_brought)
{
	uint64_t cap = GZVM_CAP_BLOCK_BASED_DEMAND_PAGING;

	if (gz_check_cap(self->t.vm.fd, cap, &cap))
		SKIP(return, "no demand paging by block");
	absent_end(&self->absent);
	ASSERT_TRUE(absent_make(&self->absent, MAP_SHARED));
	ASSERT_EQ(0, absent_attach(&self->absent, &self->t));
	if (pvm_protect(&self->t))
		SKIP(return, "no protected VMs");
	tvm_enter(&self->t, 0, guest_read_page, 3);
	start_to_run();
	ASSERT_EQ(0, absent_bring(&self->absent));
	pthread_join(self->runner.thread, NULL);
	EXPECT_EQ(0, self->runner.ret);
	EXPECT_EQ(GZVM_EXIT_MMIO, kicked->run.exit_reason);
	EXPECT_EQ(4, *(uint64_t *)kicked->run.mmio.data);
}

/* A thread that creates a slot */
struct attacher {
	struct tvm *t;
	struct absent *absent;
	pthread_t thread;
	atomic_int done;
	int ret;
};

static void *add_slot(void *arg)
{
	struct attacher *attacher = arg;
	void *mem = mmap(NULL, OTHER_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	attacher->ret = gz_vm_set_region(&attacher->t->vm, OTHER_SLOT,
					 GZVM_USER_MEM_REGION_GUEST_MEM,
					 OTHER_BASE, OTHER_SIZE, mem);
	atomic_store(&attacher->done, 1);
	return NULL;
}

/* Neither a change of slots nor a fault of another vCPU waits for that page. */
TEST_F(absent, slots_change_and_others_run_meanwhile)
{
	struct attacher attacher = { &self->t };
	uint64_t value = 0;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_EQ(0, absent_attach(&self->absent, &self->t));
	tvm_enter(&self->t, 0, guest_start_other, tvm_gpa_of(guest_entry));
	tvm_write_boot(&self->t, 1, guest_other, OTHER_SIZE);
	ASSERT_EQ(0, gz_vcpu_set_reg(&self->t.vcpus[1], GZ_REG_PSTATE,
				     GZ_PSTATE_BOOT));
	vcpu_run_to_sync(&self->t.vcpus[0], 0);
	start_to_run();

	pthread_create(&attacher.thread, NULL, add_slot, &attacher);
	ASSERT_TRUE(wait_for(&attacher.done));
	pthread_join(attacher.thread, NULL);
	ASSERT_EQ(0, attacher.ret);
	ASSERT_EQ(0, __vcpu_run_to_sync(&self->t.vcpus[1], &value));
	EXPECT_EQ(5, value);

	EXPECT_EQ(0, atomic_load(&self->runner.done));
	ASSERT_EQ(0, absent_bring(&self->absent));
	pthread_join(self->runner.thread, NULL);
	EXPECT_EQ(0, self->runner.ret);
	EXPECT_EQ(GZVM_EXIT_MMIO, self->t.vcpus[0].run.exit_reason);
	EXPECT_EQ(4, *(uint64_t *)self->t.vcpus[0].run.mmio.data);
}

static void ignore(int sig)
{
}

static void *attacher_main(void *arg)
{
	struct attacher *attacher = arg;

	attacher->ret = absent_attach(attacher->absent, attacher->t);
	atomic_store(&attacher->done, 1);
	return NULL;
}

/* Without demand paging, the creation of the slot waits. */
TEST_F(absent, creation_of_a_slot_can_be_interrupted)
{
	struct attacher attacher = { &self->t, &self->absent };
	struct sigaction sa = { .sa_handler = ignore };
	uint64_t value;

	if (has_demand_paging(&self->t))
		SKIP(return, "demand paging");
	sigaction(SIGUSR2, &sa, NULL);
	pthread_create(&attacher.thread, NULL, attacher_main, &attacher);
	ASSERT_TRUE(absent_is_missed(&self->absent));
	pthread_kill(attacher.thread, SIGUSR2);
	ASSERT_TRUE(wait_for(&attacher.done));
	pthread_join(attacher.thread, NULL);
	EXPECT_EQ(-EINTR, attacher.ret);

	/* There is no half of a slot. */
	ASSERT_EQ(0, absent_bring(&self->absent));
	ASSERT_EQ(0, absent_attach(&self->absent, &self->t));
	tvm_enter(&self->t, 0, guest_read_page, 9);
	ASSERT_EQ(0, __vcpu_run_to_sync(&self->t.vcpus[0], &value));
	EXPECT_EQ(10, value);
}

/*
 * A VMM in a process of its own, whose vCPU waits until the parent writes to the
 * pipe. Its exit status is 0 if the guest then found what it should.
 */
static int waiting_vmm(int go, int ready)
{
	struct absent absent;
	struct runner runner = {};
	struct tvm t;
	uint64_t value = 0;
	char c = 0;

	if (!absent_make(&absent, MAP_PRIVATE) || __tvm_create(&t, 1))
		return 2;
	if (absent_attach(&absent, &t) || __tvm_enter(&t, 0, guest_read_page, 1))
		return 3;
	runner.vcpu = &t.vcpus[0];
	pthread_create(&runner.thread, NULL, runner_main, &runner);
	if (!absent_is_missed(&absent) || write(ready, &c, 1) != 1 ||
	    read(go, &c, 1) != 1)
		return 4;
	if (atomic_load(&runner.done) || absent_bring(&absent))
		return 5;
	pthread_join(runner.thread, NULL);
	/* Nobody kicked it: what stopped the process must not show. */
	if (runner.ret || runner.vcpu->run.exit_reason != GZVM_EXIT_MMIO)
		return 6;
	memcpy(&value, runner.vcpu->run.mmio.data, sizeof(value));
	return value == 2 ? 0 : 7;
}

FIXTURE(process)
{
	pid_t pid;
	int go;
};

FIXTURE_SETUP(process)
{
	int go[2], ready[2];
	struct absent absent;
	struct tvm t;
	bool demand;
	char c;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (!absent_make(&absent, MAP_PRIVATE))
		SKIP(return, NO_UFFD);
	absent_end(&absent);
	tvm_create(&t, 1);
	demand = has_demand_paging(&t);
	tvm_destroy(&t);
	if (!demand)
		SKIP(return, NO_DEMAND_PAGING);

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(ready));
	self->pid = fork();
	if (!self->pid)
		_exit(waiting_vmm(go[0], ready[1]));
	ASSERT_LT(0, self->pid);
	close(ready[1]);
	self->go = go[1];
	ASSERT_EQ(1, read(ready[0], &c, 1));
	close(ready[0]);
}

FIXTURE_TEARDOWN(process)
{
	close(self->go);
	if (self->pid > 0)
		kill(self->pid, SIGKILL);
}

#define expect_good_end()						\
do {									\
	int __status = -1;						\
									\
	ASSERT_EQ(1, write(self->go, "", 1));				\
	ASSERT_EQ(self->pid, waitpid(self->pid, &__status, 0));		\
	EXPECT_TRUE(WIFEXITED(__status));				\
	EXPECT_EQ(0, WEXITSTATUS(__status));				\
} while (0)

TEST_F(process, stops_and_continues)
{
	int status;

	ASSERT_EQ(0, kill(self->pid, SIGSTOP));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(self->pid, SIGCONT));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, WCONTINUED));
	expect_good_end();
}

/* The thread that is not the first one of a process: it runs the vCPU */
static pid_t vcpu_thread_of(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	pid_t tid = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) && atoi(entry->d_name) != pid)
			tid = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return tid;
}

/* The number of the system call in which a stopped thread is */
static long syscall_of(pid_t tid)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov))
		return -1;
	return regs.regs[8];
}

/* As under a debugger and under strace */
TEST_F(process, is_traced)
{
	pid_t tid = vcpu_thread_of(self->pid);
	int status;

	ASSERT_LT(0, tid);
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, tid, 0, 0));
	ASSERT_EQ(tid, waitpid(tid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGSTOP, WSTOPSIG(status));
	EXPECT_EQ(SYS_ioctl, syscall_of(tid));

	/* The call is restarted, and stops on its way. */
	ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, tid, 0, 0));
	ASSERT_EQ(tid, waitpid(tid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGTRAP, WSTOPSIG(status));
	EXPECT_EQ(SYS_ioctl, syscall_of(tid));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, tid, 0, 0));
	expect_good_end();
}

TEST_F_TIMEOUT(process, sleeps_with_the_host, 4 * SLEEP_MAX_S)
{
	unsigned int seconds = 2;

	if (no_suspend())
		SKIP(return, NO_SUSPEND);
	EXPECT_TRUE(host_sleeps(&seconds));
	expect_good_end();
}

TEST_F(process, dies_at_once)
{
	int status;

	ASSERT_EQ(0, kill(self->pid, SIGKILL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	self->pid = 0;
}

static bool is_frozen(void)
{
	FILE *f = fopen(CGROUP "/cgroup.events", "re");
	char line[64];
	int frozen = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "frozen %d", &frozen) == 1)
			break;
	if (f)
		fclose(f);
	return frozen;
}

TEST_F(process, freezes_and_thaws)
{
	char pid[16];
	int i;

	mkdir(CGROUP_ROOT, 0755);
	if (mount("none", CGROUP_ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		SKIP(return, "no cgroup2");
	mkdir(CGROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", self->pid);
	ASSERT_EQ(0, write_file(CGROUP "/cgroup.procs", pid));
	ASSERT_EQ(0, write_file(CGROUP "/cgroup.freeze", "1"));
	for (i = 0; i < PATIENCE_MS && !is_frozen(); i++)
		usleep(1000);
	EXPECT_TRUE(is_frozen());
	EXPECT_EQ(0, write_file(CGROUP "/cgroup.freeze", "0"));
	expect_good_end();
	rmdir(CGROUP);
	umount2(CGROUP_ROOT, MNT_DETACH);
}

TEST_HARNESS_MAIN
