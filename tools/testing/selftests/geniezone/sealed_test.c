// SPDX-License-Identifier: GPL-2.0
/*
 * Every way to a page that a protected guest has, for each kind of memory: none may
 * reach the guest's data, change them, or make the host's kernel complain.
 *
 * The table is the one in Documentation/virt/geniezone/memory.rst.
 *
 * Needs: 120 s
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <linux/io_uring.h>

#include "gz_test.h"
#include "kmsg.h"
#include "protected.h"

#define SECRET		0x5ec4e7005ec4e700ULL
#define BEFORE		0xbef04e00bef04e00ULL

#define SECRET_SLOT	3
#define SECRET_BASE	0xa0000000ULL
#define SECRET_SIZE	0x200000UL
#define TOO_FEW_PAGES	"host pages are too large"
/* On each side of the guest's memory, in the same mapping */
#define MARGIN		0x100000UL

#define MADV_PAGEOUT_	21
#define MADV_POPULATE_	22
#define MADV_COLLAPSE_	25

sigjmp_buf pvm_caught;

enum kind { ANON, MEMFD, SHMEM_HUGE, HUGETLB, GUEST_MEMFD };

static const char * const kind_names[] = {
	"anonymous", "memfd", "huge shmem", "hugetlb", "driver"
};

/**
 * struct sealed - memory of a protected guest that runs
 * @t: its VM
 * @kind: what the memory is
 * @fd: file behind it, or -1
 * @offset: where the guest's memory starts in @fd
 * @map: the mapping, or NULL
 * @map_size: its size
 * @p: the guest's memory in this process, or NULL
 * @page: page that the way may spoil
 * @pipe: holds a page since before the guest ran
 * @ring: io_uring with a fixed buffer from before the guest ran, or -1
 */
struct sealed {
	struct tvm t;
	enum kind kind;
	int fd;
	off_t offset;
	char *map;
	size_t map_size;
	char *p;
	char *page;
	int pipe[2];
	int ring;
};

/*
 * The result of a way: 0: it succeeded, and saw nothing; an errno; the number of a signal
 * plus SIGNAL; or the data were seen.
 */
#define SIGNAL	1000
/* The errno of a system call that the kernel was built without */
#define NO_CALL	38
#define SEEN	2000

static int result(long ret)
{
	return ret < 0 ? errno : 0;
}

static bool has_secret(const void *buf, size_t len)
{
	uint64_t word = SECRET;

	return memmem(buf, len, &word, sizeof(word));
}

static char buf[65536];

/* The result of a read into buf */
static int seen(long ret)
{
	if (ret < 0)
		return errno;
	return has_secret(buf, sizeof(buf)) ? SEEN : 0;
}

static int caught(int sig)
{
	return sig ? SIGNAL + sig : 0;
}

static int load(const void *p)
{
	uint64_t value = 0;
	int sig = signal_of(value = *(volatile uint64_t *)p);

	return value == SECRET ? SEEN : caught(sig);
}

/* Runs in a child; the result is its status or its signal. */
static int in_child(struct sealed *s, int (*fn)(struct sealed *s))
{
	pid_t child = fork();
	int status;

	if (!child) {
		int ret = fn(s);

		_exit(ret == SEEN ? 255 : ret > SIGNAL ? 200 : ret);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return errno;
	if (WIFSIGNALED(status))
		return SIGNAL + WTERMSIG(status);
	return WEXITSTATUS(status) == 255 ? SEEN : WEXITSTATUS(status);
}

/* Loads, stores, fetches */

static int way_load(struct sealed *s)
{
	return load(s->page);
}

static int way_store(struct sealed *s)
{
	return caught(signal_of_store(s->page, 1));
}

static int way_fetch(struct sealed *s)
{
	if (mprotect(s->page, HOST_PAGE, PROT_READ | PROT_EXEC))
		return errno;
	return caught(signal_of(((void (*)(void))s->page)()));
}

static int load_and_die(struct sealed *s)
{
	pvm_catch(SIG_DFL);
	return *(volatile uint64_t *)s->page == SECRET ? SEEN : 0;
}

static int way_child_load(struct sealed *s)
{
	return in_child(s, load_and_die);
}

/* System calls that copy */

static int scratch_pipe[2];
static int scratch_file;
static int scratch_disk = -1;

static int way_write(struct sealed *s)
{
	return result(write(scratch_pipe[1], s->page, 8));
}

static int way_read(struct sealed *s)
{
	char c[8] = "xxxxxxx";
	int ret;

	if (write(scratch_pipe[1], c, 8) != 8)
		return errno;
	ret = result(read(scratch_pipe[0], s->page, 8));
	(void)!read(scratch_pipe[0], c, 8);
	return ret;
}

static int way_pwrite(struct sealed *s)
{
	return result(pwrite(scratch_file, s->page, HOST_PAGE, 0));
}

static int way_pread(struct sealed *s)
{
	(void)!pwrite(scratch_file, buf, HOST_PAGE, 0);
	return result(pread(scratch_file, s->page, HOST_PAGE, 0));
}

static int way_sendmsg(struct sealed *s)
{
	int fd[2], ret;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd))
		return errno;
	ret = result(send(fd[0], s->page, 64, MSG_DONTWAIT));
	close(fd[0]);
	close(fd[1]);
	return ret;
}

static int way_recvmsg(struct sealed *s)
{
	int fd[2], ret;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd))
		return errno;
	(void)!write(fd[0], buf, 64);
	ret = result(recv(fd[1], s->page, 64, MSG_DONTWAIT));
	close(fd[0]);
	close(fd[1]);
	return ret;
}

static int way_path(struct sealed *s)
{
	return result(open(s->page, O_RDONLY));
}

static int way_getrandom(struct sealed *s)
{
	return result(syscall(SYS_getrandom, s->page, 64, 0));
}

static int way_ioctl(struct sealed *s)
{
	int ret = gz_ioctl(s->t.vm.fd, GZVM_CHECK_EXTENSION, (uintptr_t)s->page);

	return ret < 0 ? -ret : 0;
}

static int way_futex(struct sealed *s)
{
	return result(syscall(SYS_futex, s->page, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
}

static int way_futex_shared(struct sealed *s)
{
	return result(syscall(SYS_futex, s->page, FUTEX_WAIT, 1, NULL, NULL, 0));
}

/* System calls that take references to pages */

static int way_direct_write(struct sealed *s)
{
	return result(pwrite(scratch_disk, s->page, 4096, 0));
}

static int way_direct_read(struct sealed *s)
{
	return result(pread(scratch_disk, s->page, 4096, 0));
}

static int aio(struct sealed *s, int opcode)
{
	struct iocb cb = {
		.aio_lio_opcode = opcode,
		.aio_fildes = scratch_disk,
		.aio_buf = (uintptr_t)s->page,
		.aio_nbytes = 4096,
	}, *cbs = &cb;
	struct io_event event = {};
	aio_context_t ctx = 0;
	int ret = 0;

	if (syscall(SYS_io_setup, 1, &ctx))
		return errno;
	if (syscall(SYS_io_submit, ctx, 1, &cbs) != 1)
		ret = errno;
	else if (syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) == 1)
		ret = event.res < 0 ? -event.res : 0;
	syscall(SYS_io_destroy, ctx);
	return ret;
}

static int way_aio_write(struct sealed *s)
{
	return aio(s, IOCB_CMD_PWRITE);
}

static int way_aio_read(struct sealed *s)
{
	return aio(s, IOCB_CMD_PREAD);
}

static int uring(void)
{
	struct io_uring_params params = {};

	return syscall(SYS_io_uring_setup, 4, &params);
}

static int register_buffer(int ring, void *p, size_t len)
{
	struct iovec iov = { p, len };

	return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1);
}

static int way_fixed_buffer(struct sealed *s)
{
	int ring = uring(), ret;

	if (ring < 0)
		return errno;
	ret = result(register_buffer(ring, s->page, 4096));
	close(ring);
	return ret;
}

static int way_vmsplice(struct sealed *s)
{
	struct iovec iov = { s->page, 4096 };

	return result(vmsplice(scratch_pipe[1], &iov, 1, SPLICE_F_NONBLOCK));
}

static int vm_copy(pid_t pid, void *remote, bool write)
{
	struct iovec here = { buf, 4096 }, there = { remote, 4096 };

	memset(buf, 0, sizeof(buf));
	if (write)
		return result(process_vm_writev(pid, &here, 1, &there, 1, 0));
	return seen(process_vm_readv(pid, &here, 1, &there, 1, 0));
}

static int way_process_vm_readv(struct sealed *s)
{
	return vm_copy(getpid(), s->page, false);
}

static int way_process_vm_writev(struct sealed *s)
{
	return vm_copy(getpid(), s->page, true);
}

static int of_parent_vm(struct sealed *s)
{
	return vm_copy(getppid(), s->page, false);
}

static int way_process_vm_readv_by_child(struct sealed *s)
{
	return in_child(s, of_parent_vm);
}

static int proc_mem(pid_t pid, void *p, bool write)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return errno;
	memset(buf, 0, sizeof(buf));
	if (write)
		ret = result(pwrite(fd, buf, 64, (uintptr_t)p));
	else
		ret = seen(pread(fd, buf, 4096, (uintptr_t)p));
	close(fd);
	return ret;
}

static int way_proc_mem_read(struct sealed *s)
{
	return proc_mem(getpid(), s->page, false);
}

static int way_proc_mem_write(struct sealed *s)
{
	return proc_mem(getpid(), s->page, true);
}

static int of_parent_mem(struct sealed *s)
{
	return proc_mem(getppid(), s->page, false);
}

static int way_proc_mem_by_child(struct sealed *s)
{
	return in_child(s, of_parent_mem);
}

static int peek_parent(struct sealed *s)
{
	pid_t parent = getppid();
	long value;
	int ret;

	if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) ||
	    waitpid(parent, NULL, __WALL) != parent)
		return errno;
	errno = 0;
	value = ptrace(PTRACE_PEEKDATA, parent, s->page, NULL);
	ret = errno;
	if (!ret && (uint64_t)value == SECRET)
		ret = SEEN;
	ptrace(PTRACE_DETACH, parent, NULL, NULL);
	return ret;
}

static int way_ptrace_peek(struct sealed *s)
{
	return in_child(s, peek_parent);
}

static int poke_parent(struct sealed *s)
{
	pid_t parent = getppid();
	int ret;

	if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) ||
	    waitpid(parent, NULL, __WALL) != parent)
		return errno;
	ret = result(ptrace(PTRACE_POKEDATA, parent, s->page, (void *)1));
	ptrace(PTRACE_DETACH, parent, NULL, NULL);
	return ret;
}

static int way_ptrace_poke(struct sealed *s)
{
	return in_child(s, poke_parent);
}

static int way_move_pages(struct sealed *s)
{
	void *page = s->page;
	int node = 0, status = 0;

	if (syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, 0))
		return errno;
	return status < 0 ? -status : 0;
}

/* Mappings */

static int way_mremap(struct sealed *s)
{
	char *to = mmap(NULL, HOST_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p = mremap(s->page, HOST_PAGE, HOST_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			 to);

	return p == MAP_FAILED ? errno : load(p);
}

static int way_mremap_larger(struct sealed *s)
{
	char *p = mremap(s->page, HOST_PAGE, 2 * HOST_PAGE, MREMAP_MAYMOVE);

	return p == MAP_FAILED ? errno : load(p);
}

static int way_munmap(struct sealed *s)
{
	char *p;

	if (munmap(s->page, HOST_PAGE))
		return errno;
	p = mmap(s->page, HOST_PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return p == MAP_FAILED ? errno : load(p);
}

static int way_mprotect(struct sealed *s)
{
	if (mprotect(s->page, HOST_PAGE, PROT_NONE) ||
	    mprotect(s->page, HOST_PAGE, PROT_READ))
		return errno;
	return load(s->page);
}

static int way_mlock(struct sealed *s)
{
	return mlock(s->page, HOST_PAGE) ? errno : load(s->page);
}

static int way_mincore(struct sealed *s)
{
	unsigned char vec;

	return result(mincore(s->page, HOST_PAGE, &vec));
}

#define ADVICE(_name, _advice)						\
static int way_##_name(struct sealed *s)				\
{									\
	return result(madvise(s->page, HOST_PAGE, _advice));		\
}

ADVICE(dontneed, MADV_DONTNEED)
ADVICE(free, MADV_FREE)
ADVICE(remove, MADV_REMOVE)
ADVICE(mergeable, MADV_MERGEABLE)
ADVICE(hugepage, MADV_HUGEPAGE)
ADVICE(dodump, MADV_DODUMP)
ADVICE(dofork, MADV_DOFORK)
ADVICE(hwpoison, MADV_HWPOISON)
ADVICE(pageout, MADV_PAGEOUT_)
ADVICE(populate, MADV_POPULATE_)
ADVICE(collapse, MADV_COLLAPSE_)

/* Held since before */

static int way_old_pipe(struct sealed *s)
{
	long n;

	memset(buf, 0, sizeof(buf));
	n = read(s->pipe[0], buf, 4096);
	return seen(n);
}

/* Writes the buffer to the scratch file, and reads that. */
static int way_old_fixed_buffer(struct sealed *s)
{
	struct io_uring_params params = {};
	struct io_uring_sqe *sqe;
	unsigned int *sq, *array;
	int ret;

	if (s->ring < 0)
		return -s->ring;
	/* The offsets are the same for each ring of this size: ask another one. */
	ret = syscall(SYS_io_uring_setup, 4, &params);
	if (ret < 0)
		return errno;
	close(ret);
	sq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->ring,
		  IORING_OFF_SQ_RING);
	sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->ring,
		   IORING_OFF_SQES);
	if (sq == MAP_FAILED || sqe == MAP_FAILED)
		return errno;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_WRITE_FIXED;
	sqe->fd = scratch_file;
	sqe->addr = (uintptr_t)s->p + 2 * HOST_PAGE;
	sqe->len = 4096;
	array = sq + params.sq_off.array / 4;
	array[0] = 0;
	__atomic_store_n(sq + params.sq_off.tail / 4, 1, __ATOMIC_RELEASE);
	ret = result(syscall(SYS_io_uring_enter, s->ring, 1, 1, IORING_ENTER_GETEVENTS,
			     NULL, 0));
	munmap(sq, 4096);
	munmap(sqe, 4096);
	if (ret)
		return ret;
	memset(buf, 0, sizeof(buf));
	return seen(pread(scratch_file, buf, 4096, 0));
}

/* Files */

static int way_file_read(struct sealed *s)
{
	memset(buf, 0, sizeof(buf));
	return seen(pread(s->fd, buf, 4096, s->offset));
}

static int way_file_write(struct sealed *s)
{
	memset(buf, 1, sizeof(buf));
	return result(pwrite(s->fd, buf, 4096, s->offset));
}

static int way_file_map(struct sealed *s)
{
	char *p = mmap(NULL, SECRET_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd,
		       s->kind == GUEST_MEMFD ? 0 : s->offset & ~0x1fffffL);
	int ret;

	if (p == MAP_FAILED)
		return errno;
	ret = load(p + (s->offset & 0x1fffffL));
	munmap(p, SECRET_SIZE);
	return ret;
}

static int way_file_splice(struct sealed *s)
{
	loff_t pos = s->offset;
	long n = splice(s->fd, &pos, scratch_pipe[1], NULL, 4096, SPLICE_F_NONBLOCK);

	if (n < 0)
		return errno;
	memset(buf, 0, sizeof(buf));
	return seen(read(scratch_pipe[0], buf, n));
}

static int way_file_punch(struct sealed *s)
{
	return result(fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				s->offset, SECRET_SIZE));
}

static int way_file_truncate(struct sealed *s)
{
	struct stat st;

	if (fstat(s->fd, &st) || ftruncate(s->fd, s->offset + 4096) ||
	    ftruncate(s->fd, st.st_size))
		return errno;
	return 0;
}

static int way_file_allocate(struct sealed *s)
{
	return result(fallocate(s->fd, 0, s->offset, SECRET_SIZE));
}

/**
 * struct way - a way to a page of the guest
 * @name: for messages
 * @fn: tries it
 * @vmm: results allowed for memory of the VMM; -1 ends the list
 * @driver: the same for a file of the driver; only -1: there is no such way
 */
struct way {
	const char *name;
	int (*fn)(struct sealed *s);
	int vmm[4];
	int driver[4];
};

#define SIG(x)		(SIGNAL + (x))
#define ADDRESS(_name, _fn, ...)	{ _name, _fn, { __VA_ARGS__, -1 }, { -1 } }

static const struct way ways[] = {
	ADDRESS("load", way_load, SIG(SIGBUS)),
	ADDRESS("store", way_store, SIG(SIGBUS)),
	/* Newer kernels let nobody execute a file without a name. */
	ADDRESS("instruction fetch", way_fetch, SIG(SIGBUS), EACCES),
	ADDRESS("load by a child", way_child_load, SIG(SIGSEGV)),
	ADDRESS("write", way_write, EFAULT),
	ADDRESS("read", way_read, EFAULT),
	ADDRESS("pwrite to a file", way_pwrite, EFAULT),
	ADDRESS("pread from a file", way_pread, EFAULT),
	ADDRESS("sendmsg", way_sendmsg, EFAULT),
	ADDRESS("recvmsg", way_recvmsg, EFAULT),
	ADDRESS("path", way_path, EFAULT),
	ADDRESS("getrandom", way_getrandom, EFAULT),
	ADDRESS("ioctl", way_ioctl, EFAULT),
	ADDRESS("futex", way_futex, EFAULT),
	ADDRESS("shared futex", way_futex_shared, EFAULT),
	ADDRESS("direct I/O, write", way_direct_write, EFAULT),
	ADDRESS("direct I/O, read", way_direct_read, EFAULT),
	ADDRESS("AIO, write", way_aio_write, EFAULT),
	ADDRESS("AIO, read", way_aio_read, EFAULT),
	ADDRESS("io_uring fixed buffer", way_fixed_buffer, EFAULT),
	ADDRESS("vmsplice", way_vmsplice, EFAULT),
	ADDRESS("process_vm_readv", way_process_vm_readv, EFAULT, NO_CALL),
	ADDRESS("process_vm_writev", way_process_vm_writev, EFAULT, NO_CALL),
	ADDRESS("process_vm_readv by a child", way_process_vm_readv_by_child, EFAULT,
		NO_CALL),
	ADDRESS("/proc/self/mem, read", way_proc_mem_read, EIO),
	ADDRESS("/proc/self/mem, write", way_proc_mem_write, EIO),
	ADDRESS("/proc/PID/mem by a child", way_proc_mem_by_child, EIO),
	ADDRESS("ptrace peek", way_ptrace_peek, EIO),
	ADDRESS("ptrace poke", way_ptrace_poke, EIO),
	ADDRESS("move_pages", way_move_pages, EFAULT, NO_CALL),
	ADDRESS("mremap", way_mremap, SIG(SIGBUS)),
	ADDRESS("mremap, larger", way_mremap_larger, EFAULT),
	ADDRESS("munmap and mmap", way_munmap, 0),
	ADDRESS("mprotect", way_mprotect, SIG(SIGBUS)),
	ADDRESS("mlock", way_mlock, SIG(SIGBUS)),
	ADDRESS("mincore", way_mincore, 0),
	ADDRESS("MADV_DONTNEED", way_dontneed, EINVAL),
	ADDRESS("MADV_FREE", way_free, EINVAL),
	ADDRESS("MADV_REMOVE", way_remove, EBUSY),
	ADDRESS("MADV_MERGEABLE", way_mergeable, 0, EINVAL),
	ADDRESS("MADV_HUGEPAGE", way_hugepage, 0, EINVAL),
	ADDRESS("MADV_DODUMP", way_dodump, EINVAL),
	ADDRESS("MADV_DOFORK", way_dofork, EINVAL),
	ADDRESS("MADV_HWPOISON", way_hwpoison, EFAULT, EINVAL),
	ADDRESS("MADV_PAGEOUT", way_pageout, EINVAL),
	ADDRESS("MADV_POPULATE_READ", way_populate, EFAULT, EINVAL),
	ADDRESS("MADV_COLLAPSE", way_collapse, EINVAL),
	ADDRESS("pipe with a page from before", way_old_pipe, 0),
	ADDRESS("fixed buffer from before", way_old_fixed_buffer, 0, NO_CALL, EPERM),
	{ "read of the file", way_file_read, { 0, -1 }, { EINVAL, -1 } },
	{ "write of the file", way_file_write, { 0, EINVAL, -1 }, { EPERM, -1 } },
	{ "mapping of the file", way_file_map, { 0, SIG(SIGBUS), -1 }, { ENODEV, -1 } },
	{ "splice of the file", way_file_splice, { 0, EINVAL, -1 }, { EINVAL, -1 } },
	{ "allocation in the file", way_file_allocate, { 0, -1 }, { EOPNOTSUPP, -1 } },
	{ "hole in the file", way_file_punch, { 0, -1 }, { EBUSY, -1 } },
	{ "truncation of the file", way_file_truncate, { 0, EINVAL, -1 },
	  { EINVAL, -1 } },
};

static bool is_file_way(const struct way *way)
{
	return way->driver[0] != -1;
}

static const char *result_text(int ret)
{
	static char text[64];

	if (ret == SEEN)
		return "THE DATA WERE SEEN";
	if (ret > SIGNAL)
		snprintf(text, sizeof(text), "%s", strsignal(ret - SIGNAL));
	else
		snprintf(text, sizeof(text), "%s", ret ? strerror(ret) : "no data");
	return text;
}

static bool is_allowed(const struct way *way, const struct sealed *s, int ret)
{
	const int *allowed = s->kind == GUEST_MEMFD ? way->driver : way->vmm;

	for (; *allowed != -1; allowed++)
		if (*allowed == ret)
			return true;
	return false;
}

/* The guest */

GUEST static void guest_keep(uint64_t size)
{
	uint64_t p, bad;

	for (p = SECRET_BASE; p < SECRET_BASE + size; p += 0x1000) {
		guest_sync(read64(p + 8) == BEFORE || read64(p + 8) == 0);
		write64(p, SECRET);
		write64(p + 2048, SECRET);
	}
	for (;;) {
		bad = 0;
		for (p = SECRET_BASE; p < SECRET_BASE + size; p += 0x1000)
			bad += read64(p) != SECRET || read64(p + 2048) != SECRET;
		guest_sync(bad);
	}
}

/* The memory */

static int map_file(struct sealed *s, int flags)
{
	if (s->fd >= 0 && ftruncate(s->fd, s->map_size))
		return -1;
	s->map = mmap(NULL, s->map_size, PROT_READ | PROT_WRITE, flags, s->fd, 0);
	return s->map == MAP_FAILED ? -1 : 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0;

	close(fd);
	return ret;
}

static int map_huge_shmem(struct sealed *s)
{
	char dir[] = "/tmp/sealed.XXXXXX";
	char path[64];

	if (!mkdtemp(dir) || mount("none", dir, "tmpfs", 0, "huge=always"))
		return -1;
	snprintf(path, sizeof(path), "%s/memory", dir);
	s->fd = open(path, O_RDWR | O_CREAT, 0600);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return s->fd < 0 ? -1 : map_file(s, MAP_SHARED);
}

static int make_guest_memfd(struct sealed *s)
{
	struct gzvm_create_guest_memfd args = { .size = SECRET_SIZE };
	uint64_t word = BEFORE;
	int i;

	s->fd = gz_ioctl(s->t.vm.fd, GZVM_CREATE_GUEST_MEMFD, (uintptr_t)&args);
	for (i = 0; s->fd >= 0 && i < 4; i++)
		if (pwrite(s->fd, &word, 8, i * 0x1000 + 8) != 8)
			return -1;
	return s->fd < 0 ? -1 : 0;
}

static int make_memory(struct sealed *s)
{
	s->fd = -1;
	s->map_size = SECRET_SIZE + 2 * MARGIN;
	s->offset = MARGIN;
	switch (s->kind) {
	case ANON:
		return map_file(s, MAP_PRIVATE | MAP_ANONYMOUS);
	case MEMFD:
		s->fd = memfd_create("guest", 0);
		return map_file(s, MAP_SHARED);
	case SHMEM_HUGE:
		return map_huge_shmem(s);
	case HUGETLB:
		/* A huge page can only be taken whole. */
		s->map_size = SECRET_SIZE;
		s->offset = 0;
		if (write_text("/proc/sys/vm/nr_hugepages", "4"))
			return -1;
		s->fd = memfd_create("guest", MFD_HUGETLB);
		return map_file(s, MAP_SHARED);
	case GUEST_MEMFD:
		s->offset = 0;
		return make_guest_memfd(s);
	}
	return -1;
}

static int attach(struct sealed *s)
{
	struct gzvm_userspace_memory_region2 region = {
		.slot = SECRET_SLOT,
		.flags = GZVM_USER_MEM_REGION_GUEST_MEM,
		.guest_phys_addr = SECRET_BASE,
		.memory_size = SECRET_SIZE,
		.userspace_addr = (uintptr_t)s->p,
	};

	if (s->kind == GUEST_MEMFD) {
		region.flags |= GZVM_USER_MEM_REGION_GUEST_MEMFD;
		region.guest_memfd = s->fd;
	}
	return gz_ioctl(s->t.vm.fd, GZVM_SET_USER_MEMORY_REGION2, (uintptr_t)&region);
}

static void write_memory(struct sealed *s)
{
	size_t i;

	for (i = 8; s->map && i < s->map_size; i += 0x1000)
		*(uint64_t *)(s->map + i) = BEFORE;
}

/* Some that hold pages before the guest gets them */
static void hold_pages(struct sealed *s)
{
	struct iovec iov = { s->p + HOST_PAGE, 4096 };

	s->ring = -NO_CALL;
	if (!s->p)
		return;
	(void)!vmsplice(s->pipe[1], &iov, 1, SPLICE_F_NONBLOCK);
	s->ring = uring();
	if (s->ring >= 0 && register_buffer(s->ring, s->p + 2 * HOST_PAGE, 4096)) {
		close(s->ring);
		s->ring = -EPERM;
	}
	if (s->kind == ANON)
		madvise(s->map, s->map_size, MADV_MERGEABLE);
}

/* Words next to the guest's memory in the same mapping, and in the same huge page */
static unsigned int spoilt_neighbours(struct sealed *s)
{
	unsigned int spoilt = 0;
	size_t i;

	for (i = 8; s->map && s->map_size > SECRET_SIZE && i < MARGIN; i += 0x1000) {
		spoilt += *(uint64_t *)(s->map + i) != BEFORE;
		spoilt += *(uint64_t *)(s->p + SECRET_SIZE + i) != BEFORE;
	}
	return spoilt;
}

static void open_disk(void)
{
	static const char * const disks[] = { "/dev/vda", "/dev/zram0" };
	unsigned int i;

	write_text("/sys/block/zram0/disksize", "1M");
	for (i = 0; i < ARRAY_SIZE(disks) && scratch_disk < 0; i++)
		scratch_disk = open(disks[i], O_RDWR | O_DIRECT);
}

FIXTURE(sealed)
{
	struct sealed s;
	int log;
};

FIXTURE_VARIANT(sealed)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(sealed, anonymous) { .kind = ANON };
FIXTURE_VARIANT_ADD(sealed, memfd) { .kind = MEMFD };
FIXTURE_VARIANT_ADD(sealed, huge_shmem) { .kind = SHMEM_HUGE };
FIXTURE_VARIANT_ADD(sealed, hugetlb) { .kind = HUGETLB };
FIXTURE_VARIANT_ADD(sealed, driver) { .kind = GUEST_MEMFD };

FIXTURE_SETUP(sealed)
{
	struct sealed *s = &self->s;
	uint64_t cap = GZVM_CAP_PROTECTED_VM;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&s->t, 1);
	if (gz_ioctl(s->t.vm.fd, GZVM_CHECK_EXTENSION, (unsigned long)&cap)) {
		tvm_destroy(&s->t);
		SKIP(return, "no protected VMs");
	}
	if (!has_demand_paging(&s->t) && variant->kind != GUEST_MEMFD) {
		tvm_destroy(&s->t);
		SKIP(return, NO_DEMAND_PAGING);
	}
	s->kind = variant->kind;
	ASSERT_EQ(0, pipe(scratch_pipe));
	ASSERT_EQ(0, pipe(s->pipe));
	scratch_file = memfd_create("scratch", 0);
	open_disk();
	self->log = kmsg_open();
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);

	if (make_memory(s)) {
		tvm_destroy(&s->t);
		SKIP(return, "no such memory here");
	}
	write_memory(s);
	s->p = s->map ? s->map + s->offset : NULL;
	ASSERT_EQ(0, attach(s));
	hold_pages(s);
	ASSERT_EQ(0, pvm_protect(&s->t));
}

FIXTURE_TEARDOWN(sealed)
{
	EXPECT_FALSE(kmsg_complains(self->log));
	tvm_destroy(&self->s.t);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

#define start_guest(s)							\
do {									\
	unsigned int __i;						\
									\
	tvm_enter(&(s)->t, 0, guest_keep, SECRET_SIZE);			\
	for (__i = 0; __i < SECRET_SIZE / 0x1000; __i++)		\
		vcpu_run_to_sync(&(s)->t.vcpus[0], 1);			\
	vcpu_run_to_sync(&(s)->t.vcpus[0], 0);				\
} while (0)

/* The guest's data are as they were, and it runs. */
#define expect_kept(s, what)						\
do {									\
	uint64_t __changed = vcpu_sync_value(&(s)->t.vcpus[0]);		\
									\
	EXPECT_EQ(0, __changed)						\
		TH_LOG("%s: the guest's data have changed", what);	\
} while (0)

/* Where the page for the n-th try is: a try may spoil its page for others. */
static uint64_t place_of(unsigned int n)
{
	return (4 + 2 * n) * HOST_PAGE;
}

TEST_F(sealed, no_way_reaches_the_guest)
{
	struct sealed *s = &self->s;
	unsigned int i;
	int ret;

	if (place_of(ARRAY_SIZE(ways)) > SECRET_SIZE)
		SKIP(return, TOO_FEW_PAGES);
	start_guest(s);
	EXPECT_EQ(0, spoilt_neighbours(s));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (is_file_way(&ways[i]) ? s->fd < 0 : !s->p)
			continue;
		if (is_file_way(&ways[i]) && s->kind == ANON)
			continue;
		s->page = s->p + place_of(i);
		ret = ways[i].fn(s);
		printf("# %-28s | %-10s | %s\n", ways[i].name, kind_names[s->kind],
		       result_text(ret));
		EXPECT_TRUE(is_allowed(&ways[i], s, ret))
			TH_LOG("%s: %s", ways[i].name, result_text(ret));
		expect_kept(s, ways[i].name);
	}
}

#define TRIES	20

static void *let_guest_run(void *arg)
{
	struct sealed *s = arg;
	unsigned int i;
	uint64_t bad;

	for (i = 0; i < 10; i++)
		if (__vcpu_run_to_sync(&s->t.vcpus[0], &bad) || bad)
			return (void *)1;
	return NULL;
}

TEST_F(sealed, guest_runs_while_others_try)
{
	struct sealed *s = &self->s;
	pthread_t thread;
	void *failed;
	int i;

	if (!s->p)
		SKIP(return, "no address");
	if (place_of(TRIES) > SECRET_SIZE)
		SKIP(return, TOO_FEW_PAGES);
	start_guest(s);
	ASSERT_EQ(0, pthread_create(&thread, NULL, let_guest_run, s));
	for (i = 0; i < TRIES; i++) {
		s->page = s->p + place_of(i);
		EXPECT_EQ(EIO, way_proc_mem_read(s));
		EXPECT_EQ(EFAULT, way_vmsplice(s));
		EXPECT_EQ(EFAULT, way_direct_write(s));
		EXPECT_EQ(SIG(SIGSEGV), way_child_load(s));
	}
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
}

static unsigned int words_seen(const char *p, size_t size)
{
	unsigned int words = 0;
	size_t i;

	for (i = 0; i < size; i += 0x800)
		words += *(const uint64_t *)(p + i) == SECRET;
	return words;
}

TEST_F(sealed, nothing_is_left_after_the_end)
{
	struct sealed *s = &self->s;

	start_guest(s);
	tvm_destroy(&s->t);
	if (s->p) {
		EXPECT_EQ(0, words_seen(s->map, s->map_size));
		s->page = s->p + 0x8000;
		EXPECT_EQ(0, way_store(s));
		EXPECT_EQ(0, load(s->page + HOST_PAGE));
		EXPECT_EQ(0, munmap(s->map, s->map_size));
	}
	if (s->fd >= 0 && s->kind != GUEST_MEMFD && s->kind != HUGETLB)
		EXPECT_EQ(0, way_file_read(s));
	if (s->fd >= 0)
		close(s->fd);
}

/* The child's dump has the VMM's own memory, so one can be sure that it is a dump. */
char dumped[32] = "this text is in the core dump";

static void dump_core(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &unlimited);
	prctl(PR_SET_DUMPABLE, 1);
	write_text("/proc/self/coredump_filter", "0x7f");
	pvm_catch(SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	abort();
}

static bool file_has(const char *path, const void *what, size_t len)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	bool found;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		return false;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return false;
	found = memmem(p, st.st_size, what, len);
	munmap(p, st.st_size);
	return found;
}

#define CORE	"/tmp/sealed.core"

/* A VMM of its own, since a VM belongs to the process that made it */
TEST(core_dump_of_the_vmm_has_no_data)
{
	struct sealed s = { .kind = ANON };
	uint64_t word, bad;
	unsigned int i;
	pid_t child;
	int status;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	unlink(CORE);
	if (write_text("/proc/sys/kernel/core_pattern", CORE))
		SKIP(return, "no core dumps");
	child = fork();
	if (!child) {
		if (__tvm_create(&s.t, 1) || make_memory(&s))
			_exit(1);
		s.p = s.map + s.offset;
		if (attach(&s) || pvm_protect(&s.t))
			_exit(2);
		if (!has_demand_paging(&s.t))
			_exit(77);
		if (__tvm_enter(&s.t, 0, guest_keep, SECRET_SIZE))
			_exit(3);
		for (i = 0; i <= SECRET_SIZE / 0x1000; i++)
			if (__vcpu_run_to_sync(&s.t.vcpus[0], &bad))
				_exit(4);
		dump_core();
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP(return, NO_DEMAND_PAGING);
	ASSERT_TRUE(WIFSIGNALED(status));
	if (!WCOREDUMP(status))
		SKIP(return, "no core dumps");
	EXPECT_TRUE(file_has(CORE, dumped, sizeof(dumped)));
	/* Not earlier: the child would have it on its stack. */
	word = SECRET;
	EXPECT_FALSE(file_has(CORE, &word, sizeof(word)));
	unlink(CORE);
}

TEST_HARNESS_MAIN
