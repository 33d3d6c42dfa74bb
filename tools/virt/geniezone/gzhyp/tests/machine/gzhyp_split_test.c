// SPDX-License-Identifier: GPL-2.0
/*
 * EL2 splits and joins blocks of the host's stage 2 while the host uses them. Between
 * the two, accesses fault: of data, of instructions, and of page tables. Pages are moved
 * after such a fault. The host must not see any of that.
 *
 * Needs: controls
 */

#include <fcntl.h>
#include <sys/mman.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "controls.h"
#include "gz_test.h"
#include "protected.h"

#define PAGE	4096UL
#define SIZE	(32UL << 20)
#define WALKERS	2
/* Or gz.times on the kernel's command line */
#define ROUNDS	500

sigjmp_buf pvm_caught;

static atomic_bool stop;

struct walker {
	pthread_t thread;
	atomic_ulong rounds;
	unsigned long bad;
	char *mem;
};

/* Each page needs a walk of its own, and each walk a page table of the host's. */
static void *walk(void *arg)
{
	struct walker *w = arg;
	volatile unsigned long *p;
	unsigned long i;
	char *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(mem, SIZE, MADV_NOHUGEPAGE);
	for (i = 0; i < SIZE; i += PAGE)
		*(unsigned long *)(mem + i) = i;
	w->mem = mem;
	while (!atomic_load(&stop)) {
		for (i = 0; i < SIZE; i += PAGE) {
			p = (volatile unsigned long *)(mem + i * 7919 % SIZE);
			w->bad += *p != i * 7919 % SIZE;
			*p = i * 7919 % SIZE;
		}
		atomic_fetch_add(&w->rounds, 1);
	}
	munmap(mem, SIZE);
	return NULL;
}

/* New page tables, and code that runs for the first time. */
static void *start_processes(void *arg)
{
	unsigned long *failed = arg;
	int status;
	pid_t pid;

	while (!atomic_load(&stop)) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			++*failed;
	}
	return NULL;
}

static int split(const void *at)
{
	int fd = open(CTL_DIR "split", O_WRONLY | O_CLOEXEC);
	unsigned long rounds = times_wanted() ?: ROUNDS;
	int ret = dprintf(fd, "%lx %lu", (unsigned long)at, rounds) < 0 ? -errno : 0;

	close(fd);
	return ret;
}

FIXTURE(split)
{
	struct walker walkers[WALKERS];
	unsigned long failed;
	pthread_t starter;
};

FIXTURE_SETUP(split)
{
	unsigned int i;

	if (no_controls())
		SKIP(return, NO_CONTROLS);
	atomic_store(&stop, false);
	for (i = 0; i < WALKERS; i++)
		pthread_create(&self->walkers[i].thread, NULL, walk, &self->walkers[i]);
	pthread_create(&self->starter, NULL, start_processes, &self->failed);
	for (i = 0; i < WALKERS; i++)
		while (!atomic_load(&self->walkers[i].rounds))
			sched_yield();
}

FIXTURE_TEARDOWN(split)
{
	unsigned int i;

	if (no_controls())
		return;
	atomic_store(&stop, true);
	pthread_join(self->starter, NULL);
	EXPECT_EQ(0, self->failed);
	for (i = 0; i < WALKERS; i++) {
		pthread_join(self->walkers[i].thread, NULL);
		EXPECT_EQ(0, self->walkers[i].bad);
	}
	EXPECT_TRUE(ctl_check_ok());
}

TEST_F_TIMEOUT(split, data_of_a_process, 300)
{
	EXPECT_EQ(0, split(self->walkers[0].mem));
}

TEST_F_TIMEOUT(split, code_of_a_process, 300)
{
	EXPECT_EQ(0, split(walk));
}

TEST_F_TIMEOUT(split, code_of_the_kernel, 300)
{
	EXPECT_EQ(0, split(NULL));
}

static int move(const void *from, const void *to)
{
	int fd = open(CTL_DIR "move", O_WRONLY | O_CLOEXEC);
	int ret = dprintf(fd, "%lx %lx", (unsigned long)from, (unsigned long)to) < 0 ?
		  -errno : 0;

	close(fd);
	return ret;
}

/*
 * Between an abort and gzhyp's look at its tables the host may have moved its page, and
 * the old one may be a guest's. The program must not notice.
 */
TEST(page_that_moves_after_the_abort)
{
	volatile uint64_t *mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile uint64_t *other = mem + PAGE / sizeof(*mem);
	uint64_t value = 0;
	unsigned int i;

	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_NE(MAP_FAILED, mem);
	madvise((void *)mem, 2 * PAGE, MADV_NOHUGEPAGE);
	ASSERT_EQ(0, mlock((void *)mem, 2 * PAGE));
	for (i = 0; i < 10; i++) {
		mem[0] = 100 + i;
		other[0] = 200 + i;
		ASSERT_EQ(0, move((void *)mem, (void *)other));
		EXPECT_EQ(0, signal_of(value = mem[0]));
		EXPECT_EQ(200 + i, value);
		EXPECT_EQ(0, signal_of(mem[1] = 300 + i));
		ASSERT_EQ(0, move(NULL, NULL));
		EXPECT_EQ(100 + i, mem[0]);
		EXPECT_EQ(300 + i, other[1]);
	}
	EXPECT_TRUE(ctl_check_ok());
}

/* The host's tables may lead anywhere. EL2 walks them when it looks for a moved page. */
TEST(walk_of_tables_that_lead_nowhere)
{
	int fd = open(CTL_DIR "walk", O_WRONLY | O_CLOEXEC);
	unsigned int i;

	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_LE(0, fd);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(1, write(fd, "x", 1)) TH_LOG("%s", strerror(errno));
	close(fd);
	EXPECT_TRUE(ctl_check_ok());
}

TEST_HARNESS_MAIN
