// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's information about a VM: debugfs and fdinfo.
 *
 * Needs: threads
 */

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <linux/gzvm.h>

#include "eventfd.h"
#include "guest_gic.h"
#include "gz_test.h"
#include "stats.h"
#include "vcpu_thread.h"

#define SPI		5
#define INTID		INTID_SPI(SPI)
#define ROOT		"/sys/kernel/debug/gzvm"
#define NO_DEBUGFS	"no " ROOT
#define HVC_UNKNOWN	0xc6004321ULL
#define HVC_PTP		0x86000001ULL

static const char * const files[] = {
	"protected_hyp_mem", "protected_shared_mem", "stats",
};

#define NR_FILES	3

FIXTURE(observe)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	char dir[128];
	char path[NR_FILES][192];
	char *stats;
};

FIXTURE_SETUP(observe)
{
	unsigned int i;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (access(ROOT, X_OK))
		SKIP(return, NO_DEBUGFS);
	ASSERT_EQ(0, gz_kick_init());
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	snprintf(self->dir, sizeof(self->dir), ROOT "/%d-%lld", gettid(),
		 fd_stat(self->t.vm.fd, "vm_id"));
	for (i = 0; i < NR_FILES; i++)
		snprintf(self->path[i], sizeof(self->path[i]), "%s/%s",
			 self->dir, files[i]);
	self->stats = self->path[2];
}

FIXTURE_TEARDOWN(observe)
{
	tvm_destroy(&self->t);
}

TEST_F(observe, directory_has_its_files)
{
	unsigned int i, nr = 0;
	struct dirent *e;
	struct stat st;
	DIR *dir;

	dir = opendir(self->dir);
	ASSERT_NE(NULL, dir)
		TH_LOG("%s", self->dir);
	while ((e = readdir(dir)))
		nr += e->d_name[0] != '.';
	closedir(dir);
	EXPECT_EQ(NR_FILES, nr);
	for (i = 0; i < NR_FILES; i++) {
		ASSERT_EQ(0, stat(self->path[i], &st))
			TH_LOG("%s", self->path[i]);
		EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	}
}

TEST_F(observe, directory_goes_with_the_vm)
{
	gz_vm_destroy(&self->t.vm);
	EXPECT_EQ(0, access(self->dir, F_OK));
	tvm_destroy(&self->t);
	EXPECT_EQ(-1, access(self->dir, F_OK));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(observe, each_vm_has_its_directory)
{
	struct tvm other;
	char dir[128];

	tvm_create(&other, 1);
	snprintf(dir, sizeof(dir), ROOT "/%d-%lld", gettid(),
		 fd_stat(other.vm.fd, "vm_id"));
	EXPECT_NE(0, strcmp(dir, self->dir));
	EXPECT_EQ(0, access(dir, F_OK));
	tvm_destroy(&other);
	EXPECT_NE(0, access(dir, F_OK));
	EXPECT_EQ(0, access(self->dir, F_OK));
}

/* In bytes: whole pages, and no more than the VM has. The VM is not protected. */
TEST_F(observe, statistics_of_the_hypervisor_are_numbers)
{
	unsigned long long value;
	unsigned int i;
	char rest;
	FILE *f;

	for (i = 0; i < 2; i++) {
		f = fopen(self->path[i], "r");
		ASSERT_NE(NULL, f);
		ASSERT_EQ(2, fscanf(f, "%llu%c", &value, &rest));
		EXPECT_EQ('\n', rest);
		EXPECT_EQ(EOF, fgetc(f));
		EXPECT_EQ(0, value % 4096);
		EXPECT_GE(2 * RAM_SIZE, value);
		fclose(f);
	}
}

#define CANARY	0x5a

/*
 * Reads a whole file in pieces; returns -1 if a read returned more than
 * requested.
 */
static ssize_t read_in_pieces(const char *path, size_t piece, char *all)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = 0, n;

	do {
		memset(all + len, CANARY, piece + 16);
		n = read(fd, all + len, piece);
		if (n < 0 || n > piece || all[len + n] != CANARY)
			len = -1;
		else
			len += n;
	} while (len >= 0 && n);
	close(fd);
	return len;
}

/* Reads never return more than requested, and the result is the same. */
TEST_F(observe, short_reads)
{
	static const size_t pieces[] = { 1, 2, 7, 20, 21 };
	char all[8192], pieced[8192];
	unsigned int i, j;
	ssize_t len;

	for (i = 0; i < NR_FILES; i++) {
		len = read_in_pieces(self->path[i], 4096, all);
		ASSERT_LT(0, len);
		EXPECT_EQ('\n', all[len - 1]);
		for (j = 0; j < ARRAY_SIZE(pieces); j++) {
			EXPECT_EQ(len, read_in_pieces(self->path[i], pieces[j],
						      pieced))
				TH_LOG("%s by %zu", files[i], pieces[j]);
			EXPECT_EQ(0, memcmp(all, pieced, len));
		}
	}
}

TEST_F(observe, odd_reads)
{
	char buf[64], *nowhere;
	unsigned int i;
	int fd;

	nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, nowhere);
	for (i = 0; i < NR_FILES; i++) {
		fd = open(self->path[i], O_RDONLY);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, read(fd, buf, 0));
		EXPECT_EQ(-1, read(fd, nowhere, 1));
		EXPECT_EQ(EFAULT, errno);
		close(fd);
	}
	fd = open(self->stats, O_RDONLY);
	EXPECT_EQ(5, pread(fd, buf, 5, 3));
	EXPECT_EQ(0, memcmp(buf, "id:\t", 4));
	EXPECT_EQ(0, pread(fd, buf, 1, 100000));
	close(fd);
}

TEST_F(observe, nothing_can_be_written)
{
	unsigned int i;
	int fd;

	for (i = 0; i < NR_FILES; i++) {
		fd = open(self->path[i], O_WRONLY);
		if (fd < 0)
			continue;
		EXPECT_EQ(-1, write(fd, "0", 1));
		close(fd);
	}
}

/* An open file outlives the VM, and is empty then. */
TEST_F(observe, open_file_does_not_reach_a_vm_that_is_gone)
{
	int fds[NR_FILES], partly[NR_FILES];
	unsigned int i;
	char buf[64];

	for (i = 0; i < NR_FILES; i++) {
		fds[i] = open(self->path[i], O_RDONLY);
		partly[i] = open(self->path[i], O_RDONLY);
		ASSERT_EQ(1, read(partly[i], buf, 1));
	}
	tvm_destroy(&self->t);
	for (i = 0; i < NR_FILES; i++) {
		EXPECT_EQ(-1, read(fds[i], buf, sizeof(buf)));
		EXPECT_EQ(EIO, errno);
		EXPECT_EQ(-1, read(partly[i], buf, sizeof(buf)));
		EXPECT_EQ(EIO, errno);
		close(fds[i]);
		close(partly[i]);
	}
}

struct reader {
	const char *dir;
	atomic_bool stop;
	uint64_t reads;
};

/* Reads all files of all VMs. */
static void *reader_fn(void *arg)
{
	struct reader *r = arg;
	char path[512], buf[4096];
	struct dirent *e;
	unsigned int i;
	DIR *dir;
	int fd;

	while (!atomic_load(&r->stop)) {
		dir = opendir(ROOT);
		while (dir && (e = readdir(dir))) {
			for (i = 0; i < NR_FILES; i++) {
				snprintf(path, sizeof(path), ROOT "/%s/%s",
					 e->d_name, files[i]);
				fd = open(path, O_RDONLY);
				if (fd < 0)
					continue;
				if (read(fd, buf, sizeof(buf)) > 0)
					__atomic_add_fetch(&r->reads, 1,
							   __ATOMIC_RELEASE);
				close(fd);
			}
		}
		closedir(dir);
	}
	return NULL;
}

TEST_F(observe, files_are_read_while_vms_come_and_go)
{
	struct reader r = { 0 };
	pthread_t thread;
	unsigned int i;

	pthread_create(&thread, NULL, reader_fn, &r);
	wait_for_change(&r.reads, 0);
	for (i = 0; i < 200; i++) {
		struct tvm t = { 0 };

		ASSERT_EQ(0, gz_vm_create(&t.vm));
		ASSERT_EQ(0, gz_vcpu_create(&t.vm, &t.vcpus[0], 0));
		t.nr_vcpus = 1;
		if (i % 8 == 0)
			wait_for_change(&r.reads, r.reads);
		tvm_destroy(&t);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
}

#define LOADS		5
#define STORES		7
#define RINGS		11
#define CALLS		3
#define PTP_CALLS	2

GUEST static void guest_exits(uint64_t doorbell)
{
	unsigned int i;

	guest_sync(0);
	for (i = 0; i < LOADS; i++)
		read32(PORT_TEST);
	for (i = 0; i < STORES; i++)
		write32(PORT_TEST, 0);
	for (i = 0; i < RINGS; i++)
		write32(doorbell, 0);
	for (i = 0; i < CALLS; i++)
		hvc3(HVC_UNKNOWN, 0, 0, 0);
	for (i = 0; i < PTP_CALLS; i++)
		hvc3(HVC_PTP, 0, 0, 0);
}

static const char * const exits[] = {
	"exit_unknown", "exit_mmio", "exit_hypercall", "exit_exception",
	"exit_debug", "exit_fail_entry", "exit_internal_error",
	"exit_system_event", "exit_shutdown", "exit_idle", "exit_ipi",
	"ioeventfd_hits", "faults", "halt_poll_hits", "sleeps",
};

/* Exits by reason; the number of host interrupts is arbitrary. */
TEST_F(observe, exits_are_counted)
{
	static const long long caused[ARRAY_SIZE(exits)] = {
		[1] = LOADS + STORES + RINGS, [2] = CALLS + PTP_CALLS,
		[7] = 1, [11] = RINGS,
	};
	long long before[ARRAY_SIZE(exits)];
	int fd = event_new();
	unsigned int i;

	ASSERT_EQ(0, ioeventfd(&self->t, fd, PORT_TEST + 8, 4, 0, 0));
	tvm_enter(&self->t, 0, guest_exits, PORT_TEST + 8);
	vcpu_run_to_sync(self->vcpu, 0);
	for (i = 0; i < ARRAY_SIZE(exits); i++) {
		before[i] = fd_stat(self->vcpu->fd, exits[i]);
		ASSERT_LE(0, before[i])
			TH_LOG("no %s", exits[i]);
	}
	for (i = 0; i < LOADS + STORES; i++)
		vcpu_run_to(self->vcpu, GZVM_EXIT_MMIO);
	for (i = 0; i < CALLS; i++)
		vcpu_run_to(self->vcpu, GZVM_EXIT_HYPERCALL);
	vcpu_run_to_shutdown(self->vcpu);
	for (i = 0; i < ARRAY_SIZE(exits); i++) {
		EXPECT_EQ(before[i] + caused[i],
			  fd_stat(self->vcpu->fd, exits[i]))
			TH_LOG("%s", exits[i]);
		EXPECT_EQ(before[i] + caused[i], stat_of(self->stats, exits[i]))
			TH_LOG("%s in %s", exits[i], self->stats);
	}
	close(fd);
}

#define BLOCK	0x200000ULL
#define BLOCKS	3

GUEST static void guest_touches(uint64_t arg)
{
	unsigned int i;

	guest_sync(0);
	for (i = 1; i <= BLOCKS; i++) {
		write64(RAM_BASE + i * BLOCK, i);
		write64(RAM_BASE + i * BLOCK + 8, i);
	}
	guest_sync(1);
}

/* The paging of a VM: host pages per fault, 0 = no faults */
static int pages_of_a_fault(const char *stats)
{
	char line[256], how[16] = "";
	FILE *f = fopen(stats, "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "demand_paging: %15s", how) == 1)
			break;
	if (f)
		fclose(f);
	return !strcmp(how, "block") ? (int)(BLOCK / HOST_PAGE) :
	       !strcmp(how, "page") ? 1 : !strcmp(how, "none") ? 0 : -1;
}

TEST_F(observe, faults_and_pins_are_counted)
{
	int pages = pages_of_a_fault(self->stats);
	int faults = pages ? BLOCKS : 0;
	long long exceptions, pinned;

	ASSERT_LE(0, pages);
	tvm_enter(&self->t, 0, guest_touches, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	exceptions = fd_stat(self->vcpu->fd, "exit_exception");
	EXPECT_EQ(exceptions, fd_stat(self->vcpu->fd, "faults"));
	pinned = fd_stat(self->t.vm.fd, "pinned_pages");
	if (!pages)
		EXPECT_EQ(RAM_SIZE / HOST_PAGE, pinned);
	vcpu_run_to_sync(self->vcpu, 1);
	EXPECT_EQ(exceptions + faults,
		  fd_stat(self->vcpu->fd, "exit_exception"));
	EXPECT_EQ(exceptions + faults, fd_stat(self->vcpu->fd, "faults"));
	EXPECT_EQ(pinned + faults * pages,
		  fd_stat(self->t.vm.fd, "pinned_pages"));
	EXPECT_EQ(pinned + faults * pages,
		  stat_of(self->stats, "pinned_pages"));
}

GUEST static void guest_sleeps(uint64_t arg)
{
	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, 1, 0);
	for (;;)
		gic_eoi(gic_wait());
}

#define WAKES	50

TEST_F(observe, injections_and_wakeups_are_counted)
{
	int vm = self->t.vm.fd;
	long long i;

	tvm_enter(&self->t, 0, guest_sleeps, 0);
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI + 1, 1));
	EXPECT_EQ(1, fd_stat(vm, "injections"));
	EXPECT_EQ(0, fd_stat(vm, "wakeups"));
	vcpu_thread_start(self->vcpu);
	for (i = 0; i < WAKES; i++) {
		wait_for_stat(self->vcpu->fd, "sleeps", i);
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 0));
		EXPECT_EQ(i + 2, fd_stat(vm, "injections"));
		EXPECT_GE(i + 1, fd_stat(vm, "wakeups"));
	}
	wait_for_stat(self->vcpu->fd, "sleeps", WAKES);
	EXPECT_EQ(0, vcpu_thread_stop(self->vcpu));
	/* No sleep is without a bound: at its end nobody has woken the vCPU. */
	EXPECT_LE(WAKES + 1, fd_stat(self->vcpu->fd, "exit_idle"));
	EXPECT_EQ(WAKES + 1, stat_of(self->stats, "injections"));
	EXPECT_LT(0, stat_of(self->stats, "wakeups"));
	EXPECT_EQ(fd_stat(vm, "wakeups"), stat_of(self->stats, "wakeups"));
	EXPECT_NE(0, gz_vm_irq_line(&self->t.vm, 988, 1));
	EXPECT_EQ(WAKES + 1, fd_stat(vm, "injections"));
}

TEST_F(observe, irqfds_and_ioctls_are_told_apart)
{
	int vm = self->t.vm.fd, fd = event_new();

	ASSERT_EQ(0, irqfd(&self->t, fd, SPI, 0, -1));
	EXPECT_EQ(0, eventfd_write(fd, 1));
	EXPECT_EQ(1, fd_stat(vm, "injections"));
	EXPECT_EQ(0, fd_stat(vm, "ioctl_injections"));
	EXPECT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
	EXPECT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 0));
	EXPECT_EQ(2, fd_stat(vm, "injections"));
	EXPECT_EQ(1, fd_stat(vm, "ioctl_injections"));
	EXPECT_NE(0, gz_vm_irq_line(&self->t.vm, 988, 1));
	EXPECT_EQ(1, stat_of(self->stats, "ioctl_injections"));
	close(fd);
}

TEST_F(observe, vcpus_and_slots_are_counted)
{
	int vm = self->t.vm.fd, vcpu;
	void *mem = self->t.mem.hva;

	EXPECT_EQ(1, fd_stat(vm, "vcpus"));
	EXPECT_EQ(1, fd_stat(vm, "slots"));
	vcpu = gz_ioctl(vm, GZVM_CREATE_VCPU, 3);
	ASSERT_LE(0, vcpu);
	EXPECT_EQ(2, fd_stat(vm, "vcpus"));
	EXPECT_EQ(3, fd_stat(vcpu, "vcpu"));
	EXPECT_EQ(3, stat_nth(self->stats, "vcpu", 1));
	EXPECT_EQ(-EEXIST, gz_ioctl(vm, GZVM_CREATE_VCPU, 3));
	EXPECT_EQ(2, stat_of(self->stats, "vcpus"));
	ASSERT_EQ(0, gz_vm_set_region(&self->t.vm, 1, 0, 0xd0000000, HOST_PAGE,
				      mem));
	EXPECT_EQ(2, fd_stat(vm, "slots"));
	if (has_demand_paging(&self->t)) {
		ASSERT_EQ(0, gz_vm_set_region(&self->t.vm, 1, 0, 0, 0, NULL));
		EXPECT_EQ(1, stat_of(self->stats, "slots"));
	}
	close(vcpu);
}

TEST_HARNESS_MAIN
