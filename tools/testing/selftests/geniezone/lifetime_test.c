// SPDX-License-Identifier: GPL-2.0
/*
 * VMs and vCPUs are created and destroyed in unusual orders, in other
 * processes, and without resources.
 *
 * Needs: controls, modes, threads
 */

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/gzvm.h>

#include "controls.h"
#include "gz_test.h"
#include "memlock.h"
#include "stats.h"

FIXTURE(life)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(life)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(life)
{
	tvm_destroy(&self->t);
}

GUEST static void guest_hello(uint64_t arg)
{
	write64(FREE_BASE, arg);
	guest_sync(arg);
}

TEST_F(life, vcpu_outlives_the_vm_fd)
{
	tvm_enter(&self->t, 0, guest_hello, 5);
	close(self->t.vm.fd);
	close(self->t.vm.dev_fd);
	self->t.vm.fd = -1;
	self->t.vm.dev_fd = -1;
	EXPECT_EQ(0, gz_vcpu_set_reg(self->vcpu, GZ_REG_X(5), 1));
	vcpu_run_to_sync(self->vcpu, 5);
	EXPECT_EQ(5, *(uint64_t *)tvm_at(&self->t, FREE_BASE));
	vcpu_run_to_shutdown(self->vcpu);
}

TEST_F(life, vm_goes_on_without_its_vcpu_fd)
{
	gz_vcpu_destroy(self->vcpu);
	EXPECT_EQ(0, gz_vm_irq_line(&self->t.vm, 0, 0));
	self->vcpu->fd = -1;
}

/* A second thread is in the guest while the VM's fd is closed. */
GUEST static void guest_spin(uint64_t counter)
{
	uint64_t n = 0;

	while (!read64(counter + 8))
		write64(counter, ++n);
	guest_sync(7);
}

static void *run_to_sync(void *arg)
{
	uint64_t value = 0;
	long ret = __vcpu_run_to_sync(arg, &value);

	return (void *)(ret ? ret : (long)value);
}

TEST_F(life, vm_fd_closed_while_a_vcpu_runs)
{
	uint64_t *shared = tvm_at(&self->t, SHARED_BASE);
	pthread_t thread;
	void *ret;

	tvm_enter(&self->t, 0, guest_spin, SHARED_BASE);
	pthread_create(&thread, NULL, run_to_sync, self->vcpu);
	wait_for_change(shared, 0);
	close(self->t.vm.fd);
	self->t.vm.fd = -1;
	wait_for_change(shared, *shared);
	__atomic_store_n(&shared[1], 1, __ATOMIC_RELEASE);
	pthread_join(thread, &ret);
	EXPECT_EQ(7, (long)ret);
}

/* Status from a child; 0 is success. */
static int child_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Each bit is one ioctl that did not return EIO. */
static int calls_from_another_mm(struct tvm *t)
{
	struct gz_vcpu *vcpu = &t->vcpus[0];
	uint64_t value;
	int bad = 0;

	bad |= (gz_vcpu_run(vcpu) != -EIO) << 0;
	bad |= (gz_vcpu_set_reg(vcpu, GZ_REG_PC, 0) != -EIO) << 1;
	bad |= (gz_vcpu_get_reg(vcpu, GZ_REG_PC, &value) != -EIO) << 2;
	bad |= (gz_vm_irq_line(&t->vm, 0, 1) != -EIO) << 3;
	bad |= (gz_vm_set_region(&t->vm, 5, 0, 0xd0000000, 0x1000,
				 (void *)0x400000) != -EIO) << 4;
	bad |= (gz_ioctl(t->vm.fd, GZVM_CREATE_VCPU, 1) != -EIO) << 5;
	bad |= (gz_vm_set_dtb(&t->vm, FREE_BASE, 0x1000) != -EIO) << 6;
	return bad;
}

TEST_F(life, forked_child_gets_eio)
{
	pid_t pid;

	tvm_enter(&self->t, 0, guest_hello, 5);
	pid = fork();
	if (!pid)
		_exit(calls_from_another_mm(&self->t));
	EXPECT_EQ(0, child_status(pid));
	/* And the child's attempts have changed nothing */
	vcpu_run_to_sync(self->vcpu, 5);
}

/* With pages that are pinned, in each mode */
static int make_and_run(struct tvm *t)
{
	uint64_t value = 0;
	int ret = __tvm_create(t, 1);

	if (!ret)
		ret = __tvm_enter(t, 0, guest_hello, 5);
	if (!ret)
		ret = __vcpu_run_to_sync(&t->vcpus[0], &value);
	return ret ? ret : value != 5;
}

/* The creator has exited, only its child still has the descriptors. */
TEST_F(life, creator_exits_first)
{
	int go[2], result[2], bad = -1;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(result));
	pid = fork();
	if (!pid) {
		struct tvm t;
		char c;

		if (make_and_run(&t))
			_exit(1);
		if (!fork()) {
			/* End of file: the last other writer has exited */
			close(go[1]);
			while (read(go[0], &c, 1) > 0)
				;
			bad = calls_from_another_mm(&t);
			write(result[1], &bad, sizeof(bad));
			_exit(0);
		}
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	close(go[1]);
	ASSERT_EQ(sizeof(bad), read(result[0], &bad, sizeof(bad)));
	EXPECT_EQ(0, bad);
}

#define NR_SENT		2

union control {
	char buf[CMSG_SPACE(NR_SENT * sizeof(int))];
	struct cmsghdr align;
};

/* Sends the VM's descriptor and its vCPU's to another process */
static int send_fds(int sock, const int *fds)
{
	union control control = {};
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(NR_SENT * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, NR_SENT * sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fds(int sock, int *fds)
{
	union control control = {};
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(sock, &msg, 0) != 1)
		return -EIO;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_len != CMSG_LEN(NR_SENT * sizeof(int)))
		return -ENODATA;
	memcpy(fds, CMSG_DATA(cmsg), NR_SENT * sizeof(int));
	return 0;
}

/* Creates a VM, runs it, sends it to another process and exits. */
static int make_run_and_send(int sock)
{
	struct tvm t;
	int ret = make_and_run(&t);
	int fds[NR_SENT];

	if (ret)
		return 1;
	fds[0] = t.vm.fd;
	fds[1] = t.vcpus[0].fd;
	return send_fds(sock, fds) ? 2 : 0;
}

/*
 * The receiver cannot use the VM, and does not keep it: it has ended with its
 * owner. The descriptors remain, and are closed in any order.
 */
TEST_F(life, vm_that_was_sent_ends_with_its_owner)
{
	static struct ctl_view before;
	int sock[2], fds[NR_SENT], i;
	struct tvm got = {};
	pid_t pid;

	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	for (i = 0; i < NR_SENT; i++) {
		ASSERT_EQ(0, ctl_view(&before));
		pid = fork();
		if (!pid)
			_exit(make_run_and_send(sock[1]));
		ASSERT_EQ(0, child_status(pid));
		ASSERT_EQ(0, receive_fds(sock[0], fds));
		got.vm.fd = fds[0];
		got.vcpus[0].fd = fds[1];
		EXPECT_TRUE(ctl_view_same(&before, CTL_VIEW_HYP | CTL_VIEW_PINS));
		EXPECT_EQ(0, calls_from_another_mm(&got));
		EXPECT_EQ(0, fd_stat(fds[0], "pinned_pages"));
		EXPECT_EQ(0, fd_stat(fds[0], "slots"));
		EXPECT_LT(0, fd_stat(fds[1], "exit_mmio"));

		close(fds[i]);
		EXPECT_EQ(-EIO, gz_ioctl(fds[!i], GZVM_RUN, 0));
		close(fds[!i]);
		EXPECT_TRUE(ctl_view_same(&before, CTL_VIEW_ALL));
	}
	close(sock[0]);
	close(sock[1]);
}

/* The eventfd of an irqfd outlives the VM and its owner. */
TEST_F(life, irqfd_is_quiet_after_the_owner)
{
	struct ctl_count counts[HC_KINDS];
	int sock[2], fds[NR_SENT], irqfd;
	uint64_t one = 1;
	pid_t pid;

	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	irqfd = eventfd(0, EFD_NONBLOCK);
	ASSERT_LE(0, irqfd);
	pid = fork();
	if (!pid) {
		struct tvm t;

		if (make_and_run(&t) || gz_vm_irqfd(&t.vm, irqfd, 3, -1) < 0)
			_exit(1);
		fds[0] = t.vm.fd;
		fds[1] = t.vcpus[0].fd;
		_exit(send_fds(sock[1], fds) ? 2 : 0);
	}
	ASSERT_EQ(0, child_status(pid));
	ASSERT_EQ(0, receive_fds(sock[0], fds));

	ASSERT_EQ(0, ctl_reset());
	ASSERT_EQ(sizeof(one), write(irqfd, &one, sizeof(one)));
	ASSERT_EQ(0, ctl_counts(counts));
	EXPECT_EQ(0, counts[HC_IRQ_LINE].calls);
	close(fds[0]);
	close(fds[1]);
	close(irqfd);
	close(sock[0]);
	close(sock[1]);
}

/* Tests run as root in a process of their own, so the hard limit can be lowered. */
static int limit(int what, rlim_t value)
{
	struct rlimit lim;

	if (getrlimit(what, &lim))
		return -errno;
	lim.rlim_cur = value;
	if (lim.rlim_max < value)
		lim.rlim_max = value;
	return setrlimit(what, &lim) ? -errno : 0;
}

/* Uses file descriptors up, so that the next one exceeds the limit. */
static int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

TEST_F(life, no_room_for_a_vm_fd)
{
	unsigned int i;
	int fd;

	ASSERT_EQ(0, limit(RLIMIT_NOFILE, lowest_free_fd()));
	for (i = 0; i < 300; i++)
		ASSERT_EQ(-EMFILE, gz_ioctl(self->t.vm.dev_fd, GZVM_CREATE_VM,
					    0));
	ASSERT_EQ(0, limit(RLIMIT_NOFILE, 256));
	fd = gz_ioctl(self->t.vm.dev_fd, GZVM_CREATE_VM, 0);
	EXPECT_LE(0, fd);
	close(fd);
}

/* A vCPU that could not get its fd must have been destroyed: its number is free. */
TEST_F(life, no_room_for_a_vcpu_fd)
{
	unsigned int i;
	int fd;

	ASSERT_EQ(0, limit(RLIMIT_NOFILE, lowest_free_fd()));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(-EMFILE, gz_ioctl(self->t.vm.fd, GZVM_CREATE_VCPU,
					    1));
	ASSERT_EQ(0, limit(RLIMIT_NOFILE, 256));
	fd = gz_ioctl(self->t.vm.fd, GZVM_CREATE_VCPU, 1);
	EXPECT_LE(0, fd)
		TH_LOG("%s", strerror(-fd));
	close(fd);
	tvm_enter(&self->t, 0, guest_hello, 5);
	vcpu_run_to_sync(self->vcpu, 5);
}

/* Memory that the guest accesses is locked memory of the process that runs it. */
GUEST static void guest_touch_all(uint64_t size)
{
	uint64_t p;

	for (p = FREE_BASE; p < FREE_BASE + size; p += 0x1000)
		write64(p, p);
	guest_sync(0);
}

#define TOUCH	0x600000

TEST_F(life, locked_memory_is_limited)
{
	int ret;

	if (!has_demand_paging(&self->t))
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_EQ(0, drop_ipc_lock());
	ASSERT_EQ(0, limit(RLIMIT_MEMLOCK, 4 << 20));
	tvm_enter(&self->t, 0, guest_touch_all, TOUCH);
	ret = __vcpu_run(self->vcpu);
	EXPECT_EQ(-ENOMEM, ret)
		TH_LOG("exit is %s", ret ? "none" : exit_name(self->vcpu));
}

TEST_F(life, enough_locked_memory)
{
	ASSERT_EQ(0, drop_ipc_lock());
	ASSERT_EQ(0, limit(RLIMIT_MEMLOCK, 64 << 20));
	tvm_enter(&self->t, 0, guest_touch_all, TOUCH);
	vcpu_run_to_sync(self->vcpu, 0);
}

static long locked_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmPin: %ld", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb;
}

TEST_F(life, pinned_pages_are_given_back)
{
	long before = locked_kb();

	if (before < 0)
		SKIP(return, "no VmPin in /proc/self/status");
	/* The RAM is pinned already */
	if (!has_demand_paging(&self->t))
		before = 0;
	tvm_enter(&self->t, 0, guest_touch_all, TOUCH);
	vcpu_run_to_sync(self->vcpu, 0);
	tvm_destroy(&self->t);
	EXPECT_EQ(before, locked_kb());
}

/* Not a fixture: creates VMs of its own, as small as possible */
TEST(two_hundred_vms)
{
	unsigned int i;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	for (i = 0; i < 200; i++) {
		struct tvm t;

		ASSERT_EQ(0, __tvm_create_sized(&t, 1, 2 << 20));
		tvm_enter(&t, 0, guest_hello, i);
		vcpu_run_to_sync(&t.vcpus[0], i);
		tvm_destroy(&t);
	}
}

/* Several VMs at once access only their own memory. */
TEST(four_vms_at_once)
{
	struct tvm t[4];
	unsigned int i;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	for (i = 0; i < 4; i++) {
		tvm_create(&t[i], 1);
		tvm_enter(&t[i], 0, guest_hello, i + 100);
	}
	for (i = 0; i < 4; i++)
		vcpu_run_to_sync(&t[i].vcpus[0], i + 100);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(i + 100, *(uint64_t *)tvm_at(&t[i], FREE_BASE));
		tvm_destroy(&t[i]);
	}
}

TEST_HARNESS_MAIN
