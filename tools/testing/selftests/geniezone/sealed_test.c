// SPDX-License-Identifier: GPL-2.0
/*
 * Every way to a page that a protected guest has, for each kind of memory: none may
 * reach the guest's data, change them, or make the host's kernel complain.
 *
 * The table is the one in Documentation/virt/geniezone/memory.rst.
 *
 * Needs: 180 s
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
#include <linux/elf.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <linux/io_uring.h>

#include "gz_test.h"
#include "kmsg.h"
#include "protected.h"
#include "swap.h"

#define SECRET		0x5ec4e7005ec4e700ULL
#define BEFORE		0xbef04e00bef04e00ULL
#define ORDINARY	0x04d1a4e104d1a4e1ULL

#define SECRET_SLOT	3
#define SECRET_BASE	0xa0000000ULL
#define SECRET_SIZE	0x200000UL
#define TOO_FEW_PAGES	"host pages are too large"
/* On each side of the guest's memory, in the same mapping */
#define MARGIN		0x100000UL

#define MADV_COLD_	20
#define MADV_PAGEOUT_	21
#define MADV_POPULATE_	22
#define MADV_COLLAPSE_	25
#define MADV_SOFT_	101

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
 * plus SIGNAL; or the data were seen; or ordinary memory was not reached either, so that
 * the result says nothing about the guest's.
 */
#define SIGNAL	1000
/* The errno of a system call that the kernel was built without */
#define NO_CALL	38
#define SEEN	2000
#define NOT_REACHED	3000

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

static int to_parent_vm(struct sealed *s)
{
	return vm_copy(getppid(), s->page, true);
}

static int way_process_vm_writev_by_child(struct sealed *s)
{
	return in_child(s, to_parent_vm);
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

static int to_parent_mem(struct sealed *s)
{
	return proc_mem(getppid(), s->page, true);
}

static int way_proc_mem_write_by_child(struct sealed *s)
{
	return in_child(s, to_parent_mem);
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
ADVICE(cold, MADV_COLD_)
ADVICE(pageout, MADV_PAGEOUT_)
ADVICE(populate, MADV_POPULATE_)
ADVICE(collapse, MADV_COLLAPSE_)

/*
 * A kernel without memory failure handling does not know these two. The other kernels
 * send a signal if the page is ordinary and fails.
 */
static int fail_page(struct sealed *s, int advice)
{
	int ret = 0, sig;

	sig = signal_of(ret = result(madvise(s->page, HOST_PAGE, advice)));
	if (sig)
		return caught(sig);
	return ret == EINVAL ? NO_CALL : ret;
}

static int way_hwpoison(struct sealed *s)
{
	return fail_page(s, MADV_HWPOISON);
}

static int way_soft_offline(struct sealed *s)
{
	return fail_page(s, MADV_SOFT_);
}

/*
 * Ways of the whole machine. These do not name the guest's page. Ordinary memory of this
 * process shows that such a way has taken place.
 */

#define ORDINARY_SIZE	0x400000UL
#define HOLEY_SIZE	0x2000000UL
#define MAX_ENTRIES	(ORDINARY_SIZE / 0x1000)

/* Where the kernel has memory, from /proc/self/pagemap */
struct places {
	uint64_t entry[MAX_ENTRIES];
};

#define PM_PRESENT	0x8000000000000000ULL
#define PM_SWAPPED	0x4000000000000000ULL
#define PM_PLACE	0x007fffffffffffffULL

static unsigned int read_places(struct places *places, const void *p, size_t size)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	unsigned int i, n = size / HOST_PAGE;

	memset(places, 0, sizeof(*places));
	(void)!pread(fd, places, n * 8, (uintptr_t)p / HOST_PAGE * 8);
	close(fd);
	for (i = 0; i < n; i++)
		places->entry[i] &= PM_SWAPPED | PM_PRESENT | PM_PLACE;
	return n;
}

/* The number of pages that are somewhere else than before */
static unsigned int moved(const struct places *before, const void *p, size_t size)
{
	static struct places now;
	unsigned int i, n = read_places(&now, p, size), count = 0;

	for (i = 0; i < n; i++)
		count += before->entry[i] != now.entry[i];
	return count;
}

static bool is_swapped(const void *p, size_t size)
{
	static struct places now;
	unsigned int i, n = read_places(&now, p, size), count = 0;

	for (i = 0; i < n; i++)
		count += !!(now.entry[i] & PM_SWAPPED);
	return count > 0;
}

/* Words as the guest writes them, or others */
static void fill(char *p, size_t size, uint64_t word)
{
	size_t i;

	for (i = 0; i < size; i += 0x1000) {
		*(uint64_t *)(p + i) = word;
		*(uint64_t *)(p + i + 8) = BEFORE;
		*(uint64_t *)(p + i + 2048) = word;
	}
}

static bool is_filled(const char *p, uint64_t word)
{
	return *(const uint64_t *)p == word && *(const uint64_t *)(p + 2048) == word;
}

static unsigned int filled_pages(const char *p, size_t size, uint64_t word)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < size; i += 0x1000)
		count += is_filled(p + i, word);
	return count;
}

/* In small pages, so that each can be moved */
static char *ordinary_memory(size_t size, uint64_t word)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_NOHUGEPAGE);
	fill(p, size, word);
	return p;
}

/* The device must have the ordinary pages, and none of the guest's. */
static int seen_on_device(const char *device)
{
	unsigned int ordinary = 0, secret = 0;
	int fd = open(device, O_RDONLY);
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		ordinary += filled_pages(buf, n, ORDINARY);
		secret += filled_pages(buf, n, SECRET);
	}
	close(fd);
	if (secret)
		return SEEN;
	return ordinary ? 0 : NOT_REACHED;
}

/* Runs @fn until ordinary memory is on a swap device, and looks at that device. */
static int swap_by(int (*fn)(struct sealed *s, char *ordinary), struct sealed *s)
{
	int zram = swap_add(), ret = NOT_REACHED, i;
	char *ordinary;

	if (zram < 0)
		return NO_CALL;
	ordinary = ordinary_memory(ORDINARY_SIZE, ORDINARY);
	/* Pages may wait in a list of another CPU. */
	for (i = 0; ordinary && ret == NOT_REACHED && i < 20; i++) {
		ret = fn(s, ordinary);
		if (ret != NO_CALL && !is_swapped(ordinary, ORDINARY_SIZE))
			ret = NOT_REACHED;
	}
	if (ret != NO_CALL && ret != NOT_REACHED)
		ret = seen_on_device(zram_device(zram)) ?: ret;
	swap_remove(zram);
	if (ordinary)
		munmap(ordinary, ORDINARY_SIZE);
	return ret;
}

static int page_out(struct sealed *s, char *ordinary)
{
	madvise(ordinary, ORDINARY_SIZE, MADV_PAGEOUT_);
	return way_pageout(s);
}

static int way_pageout_to_swap(struct sealed *s)
{
	return swap_by(page_out, s);
}

/* The control group that this process is in, so that no other memory is reclaimed */
#define CGROUP		"/tmp/sealed.cgroup"
#define CGROUP_VMM	CGROUP "/vmm"

static void cgroup_begin(void)
{
	mkdir(CGROUP, 0700);
	/* It fails if a test has died here. Without it, nothing below succeeds. */
	mount("none", CGROUP, "cgroup2", 0, NULL);
	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP_VMM, 0700);
	write_file(CGROUP_VMM "/cgroup.procs", "0");
}

static void cgroup_end(void)
{
	write_file(CGROUP "/cgroup.procs", "0");
	rmdir(CGROUP_VMM);
	umount2(CGROUP, MNT_DETACH);
	rmdir(CGROUP);
}

static int reclaim_vmm(struct sealed *s, char *ordinary)
{
	if (access(CGROUP_VMM "/memory.reclaim", W_OK))
		return NO_CALL;
	/* It fails if there was less; this does not matter. */
	write_file(CGROUP_VMM "/memory.reclaim", "16M");
	return 0;
}

static int way_reclaim(struct sealed *s)
{
	return swap_by(reclaim_vmm, s);
}

/* Two pages like the guest's become one, without a third. */
static int way_ksm(struct sealed *s)
{
	char *twins = ordinary_memory(2 * HOST_PAGE, SECRET);
	struct places twin, page = {};
	int ret = NOT_REACHED, i;

	if (!twins || access(KSM "run", W_OK))
		return NO_CALL;
	ksm_begin();
	madvise(twins, 2 * HOST_PAGE, MADV_MERGEABLE);
	if (s->p)
		madvise(s->page, HOST_PAGE, MADV_MERGEABLE);
	for (i = 0; i < 5 && ret == NOT_REACHED; i++) {
		ksm_scan_twice();
		read_places(&twin, twins, 2 * HOST_PAGE);
		if ((twin.entry[0] & PM_PLACE) && twin.entry[0] == twin.entry[1])
			ret = 0;
	}
	if (s->p)
		read_places(&page, s->page, HOST_PAGE);
	if (!ret && page.entry[0] == twin.entry[0])
		ret = SEEN;
	ksm_end();
	munmap(twins, 2 * HOST_PAGE);
	return ret;
}

/* Pages of the whole machine that the kernel has moved */
static long pages_migrated(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	long found = 0, value;
	char name[80];

	while (f && fscanf(f, "%79s %ld", name, &value) == 2)
		if (!strcmp(name, "pgmigrate_success"))
			found = value;
	if (f)
		fclose(f);
	return found;
}

/*
 * Every second page is free: pages can be moved there, these or others. Compaction does
 * not find what is in the CPUs' own lists of free pages, so these are kept short. The
 * kernel's own thread, kcompactd, may find the holes first: what it moves counts.
 */
#define CPU_LISTS	"/proc/sys/vm/percpu_pagelist_high_fraction"

static int way_compact(struct sealed *s)
{
	char *holey = ordinary_memory(HOLEY_SIZE, ORDINARY);
	long before;
	size_t i;

	if (!holey || access("/proc/sys/vm/compact_memory", W_OK))
		return NO_CALL;
	before = pages_migrated();
	write_file(CPU_LISTS, "1000000");
	for (i = 0; i < HOLEY_SIZE; i += 2 * HOST_PAGE)
		madvise(holey + i, HOST_PAGE, MADV_DONTNEED);
	write_file(CPU_LISTS, "0");
	write_file("/proc/sys/vm/compact_memory", "1");
	munmap(holey, HOLEY_SIZE);
	return pages_migrated() > before ? 0 : NOT_REACHED;
}

/* There and back again: it does not matter where memory was. */
static int way_migrate_pages(struct sealed *s)
{
	static struct places before;
	unsigned long node[2] = { 1, 2 };
	char *ordinary;
	int ret = NOT_REACHED, i;

	if (access("/sys/devices/system/node/node1", F_OK))
		return NO_CALL;
	ordinary = ordinary_memory(ORDINARY_SIZE, ORDINARY);
	if (!ordinary)
		return errno;
	read_places(&before, ordinary, ORDINARY_SIZE);
	for (i = 0; i < 2; i++) {
		syscall(SYS_migrate_pages, 0, 64UL, &node[i], &node[!i]);
		if (moved(&before, ordinary, ORDINARY_SIZE))
			ret = 0;
	}
	munmap(ordinary, ORDINARY_SIZE);
	return ret;
}

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

/* The start of a way: it names an address, a file, or nothing */
enum by { BY_ADDRESS, BY_FILE, BY_MACHINE };

/**
 * struct way - a way to a page of the guest
 * @name: for messages
 * @fn: tries it
 * @by: its start
 * @reaches: it sees, changes or moves any ordinary page
 * @vmm: results allowed for memory of the VMM; -1 ends the list
 * @driver: the same for a file of the driver; only -1: there is no such way
 */
struct way {
	const char *name;
	int (*fn)(struct sealed *s);
	enum by by;
	bool reaches;
	int vmm[4];
	int driver[4];
};

#define SIG(x)		(SIGNAL + (x))
#define ADDRESS(_name, _fn, ...)	\
	{ _name, _fn, BY_ADDRESS, false, { __VA_ARGS__, -1 }, { -1 } }
#define REACHING(_name, _fn, ...)	\
	{ _name, _fn, BY_ADDRESS, true, { __VA_ARGS__, -1 }, { -1 } }
#define RESULTS(...)	{ __VA_ARGS__, -1 }
#define FILE_WAY(_name, _fn, _vmm, _driver)	\
	{ _name, _fn, BY_FILE, false, _vmm, _driver }
#define MACHINE(_name, _fn, _reaches, ...)	\
	{ _name, _fn, BY_MACHINE, _reaches, { __VA_ARGS__, -1 }, { __VA_ARGS__, -1 } }

static const struct way ways[] = {
	REACHING("load", way_load, SIG(SIGBUS)),
	REACHING("store", way_store, SIG(SIGBUS)),
	/* Newer kernels let nobody execute a file without a name. */
	ADDRESS("instruction fetch", way_fetch, SIG(SIGBUS), EACCES),
	REACHING("load by a child", way_child_load, SIG(SIGSEGV)),
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
	REACHING("process_vm_readv", way_process_vm_readv, EFAULT, NO_CALL),
	REACHING("process_vm_writev", way_process_vm_writev, EFAULT, NO_CALL),
	REACHING("process_vm_readv by a child", way_process_vm_readv_by_child, EFAULT,
		 NO_CALL),
	REACHING("process_vm_writev by a child", way_process_vm_writev_by_child, EFAULT,
		 NO_CALL),
	REACHING("/proc/self/mem, read", way_proc_mem_read, EIO),
	REACHING("/proc/self/mem, write", way_proc_mem_write, EIO),
	REACHING("/proc/PID/mem by a child", way_proc_mem_by_child, EIO),
	REACHING("/proc/PID/mem by a child, write", way_proc_mem_write_by_child, EIO),
	REACHING("ptrace peek", way_ptrace_peek, EIO),
	REACHING("ptrace poke", way_ptrace_poke, EIO),
	ADDRESS("move_pages", way_move_pages, EFAULT, NO_CALL),
	ADDRESS("mremap", way_mremap, SIG(SIGBUS)),
	ADDRESS("mremap, larger", way_mremap_larger, EFAULT),
	REACHING("munmap and mmap", way_munmap, 0),
	ADDRESS("mprotect", way_mprotect, SIG(SIGBUS)),
	ADDRESS("mlock", way_mlock, SIG(SIGBUS)),
	ADDRESS("mincore", way_mincore, 0),
	REACHING("MADV_DONTNEED", way_dontneed, EINVAL),
	ADDRESS("MADV_FREE", way_free, EINVAL),
	ADDRESS("MADV_REMOVE", way_remove, EBUSY),
	ADDRESS("MADV_MERGEABLE", way_mergeable, 0, EINVAL),
	ADDRESS("MADV_HUGEPAGE", way_hugepage, 0, EINVAL),
	ADDRESS("MADV_DODUMP", way_dodump, EINVAL),
	ADDRESS("MADV_DOFORK", way_dofork, EINVAL),
	ADDRESS("MADV_COLD", way_cold, EINVAL),
	ADDRESS("MADV_PAGEOUT", way_pageout, EINVAL),
	REACHING("MADV_PAGEOUT to a swap device", way_pageout_to_swap, EINVAL, NO_CALL),
	REACHING("MADV_HWPOISON", way_hwpoison, EFAULT, NO_CALL),
	REACHING("MADV_SOFT_OFFLINE", way_soft_offline, EFAULT, NO_CALL),
	ADDRESS("MADV_POPULATE_READ", way_populate, EFAULT, EINVAL),
	ADDRESS("MADV_COLLAPSE", way_collapse, EINVAL),
	ADDRESS("pipe with a page from before", way_old_pipe, 0),
	ADDRESS("fixed buffer from before", way_old_fixed_buffer, 0, NO_CALL, EPERM),
	MACHINE("memory.reclaim to a swap device", way_reclaim, true, 0, NO_CALL),
	MACHINE("KSM", way_ksm, true, 0, NO_CALL),
	MACHINE("compact_memory", way_compact, false, 0, NO_CALL),
	MACHINE("migrate_pages", way_migrate_pages, true, 0, NO_CALL),
	FILE_WAY("read of the file", way_file_read, RESULTS(0), RESULTS(EINVAL)),
	FILE_WAY("write of the file", way_file_write, RESULTS(0, EINVAL), RESULTS(EPERM)),
	FILE_WAY("mapping of the file", way_file_map, RESULTS(0, SIG(SIGBUS)),
		 RESULTS(ENODEV)),
	FILE_WAY("splice of the file", way_file_splice, RESULTS(0, EINVAL),
		 RESULTS(EINVAL)),
	FILE_WAY("allocation in the file", way_file_allocate, RESULTS(0),
		 RESULTS(EOPNOTSUPP)),
	FILE_WAY("hole in the file", way_file_punch, RESULTS(0), RESULTS(EBUSY)),
	FILE_WAY("truncation of the file", way_file_truncate, RESULTS(0, EINVAL),
		 RESULTS(EINVAL)),
};

static bool has_way(const struct way *way, const struct sealed *s)
{
	return way->by == BY_MACHINE || (way->by == BY_FILE ? s->fd >= 0 : !!s->p);
}

static const char *result_text(int ret)
{
	static char text[64];

	if (ret == SEEN)
		return "THE DATA WERE SEEN";
	if (ret == NOT_REACHED)
		return "ORDINARY MEMORY WAS NOT REACHED";
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

/* A word that no earlier test has left in memory, in each page */
GUEST static void guest_keep_word(uint64_t word)
{
	uint64_t p, bad;

	for (p = SECRET_BASE; p < SECRET_BASE + SECRET_SIZE; p += 0x1000) {
		write64(p, word);
		write64(p + 2048, word);
	}
	for (;;) {
		bad = 0;
		for (p = SECRET_BASE; p < SECRET_BASE + SECRET_SIZE; p += 0x1000)
			bad += read64(p) != word || read64(p + 2048) != word;
		guest_sync(bad);
	}
}

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
		if (write_file("/proc/sys/vm/nr_hugepages", "4"))
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

	write_file("/sys/block/zram0/disksize", "1M");
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
	write_file("/proc/sys/vm/nr_hugepages", "0");
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

static unsigned int nr_places(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(ways); i++)
		n += ways[i].by == BY_ADDRESS;
	return n;
}

TEST_F(sealed, no_way_reaches_the_guest)
{
	struct sealed *s = &self->s;
	unsigned int i, place = 0;
	int ret;

	if (place_of(nr_places()) > SECRET_SIZE)
		SKIP(return, TOO_FEW_PAGES);
	cgroup_begin();
	start_guest(s);
	EXPECT_EQ(0, spoilt_neighbours(s));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!has_way(&ways[i], s))
			continue;
		if (ways[i].by == BY_ADDRESS)
			s->page = s->p + place_of(place++);
		ret = ways[i].fn(s);
		printf("# %-31s | %-10s | %s\n", ways[i].name, kind_names[s->kind],
		       result_text(ret));
		EXPECT_TRUE(is_allowed(&ways[i], s, ret))
			TH_LOG("%s: %s", ways[i].name, result_text(ret));
		expect_kept(s, ways[i].name);
	}
	cgroup_end();
}

/* The page has been seen, changed or moved, or it is gone. */
static bool is_reached(const struct sealed *s, const struct places *before, int ret)
{
	return ret == SEEN || moved(before, s->p, SECRET_SIZE) ||
	       !is_filled(s->page, SECRET);
}

/* A way that does not even reach ordinary memory would prove nothing above. */
TEST(ways_reach_ordinary_memory)
{
	static struct places before;
	struct sealed s = { .kind = ANON, .fd = -1 };
	unsigned int i;
	int ret;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	cgroup_begin();
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!ways[i].reaches)
			continue;
		s.p = ordinary_memory(SECRET_SIZE, SECRET);
		ASSERT_NE(NULL, s.p);
		s.page = s.p + 4 * HOST_PAGE;
		read_places(&before, s.p, SECRET_SIZE);
		ret = ways[i].fn(&s);
		printf("# %-31s | %s\n", ways[i].name, result_text(ret));
		if (ret != NO_CALL)
			EXPECT_TRUE(is_reached(&s, &before, ret))
				TH_LOG("%s does not reach it", ways[i].name);
		munmap(s.p, SECRET_SIZE);
	}
	cgroup_end();
}

/**
 * struct sweep - pages that a file has
 * @secret: begin like the guest's
 * @ordinary: begin like ordinary memory of this test
 */
struct sweep {
	uint64_t secret, ordinary;
};

static int sweep_segment(int fd, const struct elf64_phdr *segment, uint64_t word,
			 struct sweep *sweep)
{
	static uint64_t chunk[0x20000];
	uint64_t at, len;
	ssize_t n;

	for (at = 0; at < segment->p_memsz; at += len) {
		len = segment->p_memsz - at;
		if (len > sizeof(chunk))
			len = sizeof(chunk);
		n = pread(fd, chunk, len, segment->p_offset + at);
		if (n != (ssize_t)len)
			return n < 0 ? errno : EIO;
		sweep->secret += filled_pages((char *)chunk, len, word);
		sweep->ordinary += filled_pages((char *)chunk, len, ~word);
	}
	/* It is memory, too, and will be read. */
	memset(chunk, 0, sizeof(chunk));
	return 0;
}

/* Reads the kernel's mapping of all memory; returns an errno. */
static int sweep_kcore(uint64_t word, struct sweep *sweep)
{
	int fd = open("/proc/kcore", O_RDONLY), ret = 0, i;
	struct elf64_phdr segment;
	struct elf64_hdr head;

	memset(sweep, 0, sizeof(*sweep));
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head))
		ret = EIO;
	for (i = 0; !ret && i < head.e_phnum; i++) {
		if (pread(fd, &segment, sizeof(segment),
			  head.e_phoff + i * sizeof(segment)) != sizeof(segment))
			ret = EIO;
		else if (segment.p_type == PT_LOAD && segment.p_paddr != UINT64_MAX)
			ret = sweep_segment(fd, &segment, word, sweep);
	}
	close(fd);
	return ret;
}

/*
 * Root reads all memory as a debugger does: the guest's pages are as if they were not
 * there, and the kernel goes on.
 */
TEST_F(sealed, kcore_shows_nothing)
{
	struct sealed *s = &self->s;
	struct sweep sweep;
	char *ordinary;
	uint64_t word;

	if (access("/proc/kcore", R_OK))
		SKIP(return, "no /proc/kcore");
	ASSERT_EQ(8, syscall(SYS_getrandom, &word, 8, 0));
	ordinary = ordinary_memory(ORDINARY_SIZE, ~word);
	ASSERT_NE(NULL, ordinary);
	tvm_enter(&s->t, 0, guest_keep_word, word);
	vcpu_run_to_sync(&s->t.vcpus[0], 0);
	EXPECT_EQ(0, sweep_kcore(word, &sweep));
	EXPECT_LE(ORDINARY_SIZE / 0x1000, sweep.ordinary);
	EXPECT_EQ(0, sweep.secret);
	expect_kept(s, "/proc/kcore");
	munmap(ordinary, ORDINARY_SIZE);
}

#define MEMORY	"/sys/devices/system/memory/"

/* The number of blocks of memory that went offline; they are online again. */
static int take_blocks_offline(void)
{
	char path[64];
	int i, taken = 0;

	for (i = 0; i < 4096; i++) {
		snprintf(path, sizeof(path), MEMORY "memory%d/state", i);
		if (access(path, W_OK) || write_file(path, "offline"))
			continue;
		taken++;
		write_file(path, "online");
	}
	return taken;
}

/* The block with the guest's pages must stay, others may go. */
TEST_F(sealed, memory_that_goes_offline)
{
	struct sealed *s = &self->s;
	int taken;

	if (access(MEMORY "block_size_bytes", F_OK))
		SKIP(return, "no memory hotplug");
	start_guest(s);
	taken = take_blocks_offline();
	expect_kept(s, "memory offline");
	if (!taken)
		SKIP(return, "this machine lets no block of memory go offline");
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
	write_file("/proc/self/coredump_filter", "0x7f");
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
	if (write_file("/proc/sys/kernel/core_pattern", CORE))
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
