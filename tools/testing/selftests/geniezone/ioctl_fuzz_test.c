// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzz of the driver's interface: short programs of ioctls, and of other
 * operations of a VMM, in two threads, with values that are valid often enough
 * to get far. The host must survive all of them. When everything is closed,
 * nothing may be left at the hypervisor, pinned, or accounted.
 *
 * If the kernel supports it, an allocation or copy in a call fails, and a
 * program that runs new code is kept and changed.
 *
 * gz.ioctl_fuzz=SECONDS,SEED on the kernel's command line selects another fuzz
 * than "make test". Programs from earlier ones come first.
 *
 * Needs: controls, modes, alone, threads, 120 s
 */

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "controls.h"
#include "fail.h"
#include "gz_test.h"
#include "ioctl_fuzz.h"
#include "kcov.h"

#define CORPUS		"ioctl_fuzz.corpus"
#define CORPUS_SIZE	2048
#define NR_POINTS	65536U

/* Number of results of each operation with each errno */
static uint64_t counts[NR_OPS][134];

static struct program corpus[CORPUS_SIZE];
static unsigned int nr_corpus;

static struct kcov kcov[NR_THREADS];
static bool points[NR_POINTS];
static unsigned int nr_points;

static uint64_t rnd_state;

static uint32_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state >> 16;
}

static uint8_t random_op(void)
{
	unsigned int i, sum = 0, n;

	for (i = 0; i < NR_OPS; i++)
		sum += fuzz_ops[i].weight;
	n = rnd() % sum;
	for (i = 0; n >= fuzz_ops[i].weight; i++)
		n -= fuzz_ops[i].weight;
	return i;
}

/* A sequence that leads to a running guest; the rest is random. */
static const uint8_t opening[] = {
	OP_CREATE_VM, OP_EVENT, OP_EVENT, OP_SLOT, OP_DEVICE, OP_DEVICE,
	OP_CREATE_VCPU, OP_SET_REG, OP_SET_REG, OP_RUN,
};

/*
 * The first choices are valid ones, and mean VM 0 and vCPU 0. A value that is
 * valid if it is not 0 is rarely 0.
 */
static void open_with(struct call *c, unsigned int i)
{
	memset(c, 0, sizeof(*c));
	c->op = opening[i];
	switch (c->op) {
	case OP_CREATE_VM:
		c->pick[1] = 1;
		break;
	case OP_EVENT:
		c->pick[0] = i;
		break;
	case OP_SLOT:
		c->pick[1] = 1;
		c->pick[5] = 1;
		break;
	case OP_DEVICE:
		c->pick[0] = i % 2;
		c->pick[1] = 1;
		c->pick[2] = 1;
		c->pick[4] = 1;
		break;
	case OP_CREATE_VCPU:
		c->pick[2] = 1;
		break;
	case OP_SET_REG:
		c->pick[0] = i % 2 * 4;
		c->pick[1] = 1;
		c->pick[3] = i % 2 * 4;
		break;
	case OP_RUN:
		c->pick[1] = 1;
		c->pick[2] = 1;
		c->pick[3] = 1;
		break;
	}
}

static void random_call(struct call *c)
{
	unsigned int i;

	c->op = random_op();
	c->thread = rnd() % 4 == 0;
	c->fail = rnd() % 8 ? 0 : rnd() % 12;
	for (i = 0; i < NR_PICKS; i++)
		c->pick[i] = rnd();
}

static void new_program(struct program *p)
{
	unsigned int i, begin = rnd() % 8 ? ARRAY_SIZE(opening) : 0;

	p->code = rnd();
	p->nr = begin + rnd() % (MAX_CALLS - begin) + 1;
	for (i = 0; i < p->nr; i++) {
		if (i < begin)
			open_with(&p->calls[i], i);
		else
			random_call(&p->calls[i]);
	}
}

static void insert_call(struct program *p, const struct call *c)
{
	unsigned int at = rnd() % (p->nr + 1);

	if (p->nr == MAX_CALLS)
		return;
	memmove(&p->calls[at + 1], &p->calls[at],
		(p->nr - at) * sizeof(p->calls[0]));
	p->calls[at] = *c;
	p->nr++;
}

static void remove_call(struct program *p)
{
	unsigned int at = rnd() % p->nr;

	if (p->nr == 1)
		return;
	p->nr--;
	memmove(&p->calls[at], &p->calls[at + 1],
		(p->nr - at) * sizeof(p->calls[0]));
}

static void change_once(struct program *p)
{
	const struct program *other = &corpus[rnd() % nr_corpus];
	struct call *c = &p->calls[rnd() % p->nr];
	struct call fresh;

	switch (rnd() % 8) {
	case 0:
		random_call(&fresh);
		insert_call(p, &fresh);
		break;
	case 1:
		insert_call(p, &other->calls[rnd() % other->nr]);
		break;
	case 2:
		remove_call(p);
		break;
	case 3:
		c->fail = rnd() % 16;
		break;
	case 4:
		c->thread ^= 1;
		break;
	case 5:
		p->code = rnd();
		break;
	default:
		c->pick[rnd() % NR_PICKS] = rnd();
	}
}

static void next_program(struct program *p)
{
	unsigned int i;

	if (!nr_corpus || rnd() % 4 == 0) {
		new_program(p);
		return;
	}
	*p = corpus[rnd() % nr_corpus];
	for (i = rnd() % 4 + 1; i; i--)
		change_once(p);
}

/* All kinds of code, including each way to leave the guest */
static void write_code(uint32_t from)
{
	static const uint32_t code[] = {
		0xd2a16000,	/* mov x0, #0x0b000000, the doorbell */
		0xb9000001,	/* str w1, [x0] */
		0xb9400002,	/* ldr w2, [x0] */
		0xd2b00003,	/* mov x3, #RAM_BASE */
		0xf9080063,	/* str x3, [x3, #0x1000] */
		0xd503207f,	/* wfi */
		0xaa0103e0,	/* mov x0, x1 */
		0xd4000002,	/* hvc #0 */
		0x91000421,	/* add x1, x1, #1 */
	};
	uint32_t *word = (uint32_t *)world.mem;
	uint64_t keep = rnd_state;
	unsigned int i;

	rnd_state = from * 0x9e3779b97f4a7c15 + 1;
	for (i = 0; i < 1024; i++)
		word[i] = rnd() % 16 ? code[i % ARRAY_SIZE(code)] : rnd();
	word[1023] = 0x17fffc01;	/* b to the first */
	rnd_state = keep;
}

static void do_nothing(int sig)
{
}

/* Each thread's own */
static void *way_out[NR_THREADS];
static __thread unsigned int self_id;

/*
 * A signal frame is copied, too. If that copy fails, the kernel can only send
 * SIGSEGV.
 */
static void no_frame(int sig)
{
	if (way_out[self_id])
		siglongjmp(*(sigjmp_buf *)way_out[self_id], 1);
	signal(SIGSEGV, SIG_DFL);
}

/* A repetition soon succeeds: only one of them fails. */
static void fail_no_more(int fd)
{
	while (fail_nth(fd, 0))
		;
}

/* Stays in the guest until a signal, which may arrive when nothing can be copied. */
static long run_and_fail(int fd, const struct call *c)
{
	sigjmp_buf env;
	long ret = -EFAULT;

	if (!sigsetjmp(env, 1)) {
		way_out[self_id] = &env;
		fail_nth(fd, c->fail);
		ret = fuzz_ops[c->op].fn(c);
	}
	fail_no_more(fd);
	way_out[self_id] = NULL;
	return ret;
}

/*
 * An operation that creates something must not be left before it has recorded
 * that.
 */
static long call_and_fail(int fd, const struct call *c)
{
	sigset_t set;
	long ret;

	if (c->op == OP_RUN)
		return run_and_fail(fd, c);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fail_nth(fd, c->fail);
	ret = fuzz_ops[c->op].fn(c);
	fail_no_more(fd);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return ret;
}

/*
 * The kernel keeps SVE registers in memory that it allocates at the first
 * instruction of a thread, and kills the thread if there is none.
 */
static void have_sve_state(void)
{
	if (getauxval(AT_HWCAP) & HWCAP_SVE)
		asm volatile(".inst 0x04bf5020" : : : "x0");	/* rdvl x0, #1 */
}

static const struct program *played;
static pthread_barrier_t all_there;

static void play_calls(unsigned int thread, int fail_fd)
{
	const struct call *c;
	unsigned int i;
	long ret;

	for (i = 0; i < played->nr; i++) {
		c = &played->calls[i];
		if (c->thread != thread)
			continue;
		if (fail_fd >= 0 && c->fail)
			ret = call_and_fail(fail_fd, c);
		else
			ret = fuzz_ops[c->op].fn(c);
		ret = ret < 0 ? -ret : 0;
		if (ret < ARRAY_SIZE(counts[0]))
			__atomic_fetch_add(&counts[c->op][ret], 1,
					   __ATOMIC_RELAXED);
	}
}

/* The calls of one thread; a signal now and then ends a stay in the guest */
static void *play(void *arg)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR2,
		._sigev_un._tid = gettid(),
	};
	const struct itimerspec its = { { 0, 20000000 }, { 0, 5000000 } };
	int fail_fd = fail_open();
	unsigned int thread = (uintptr_t)arg;
	timer_t timer;

	self_id = thread;
	have_sve_state();
	kcov_begin(&kcov[thread]);
	pthread_barrier_wait(&all_there);
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer))
		return NULL;
	timer_settime(timer, 0, &its, NULL);
	play_calls(thread, fail_fd);
	timer_delete(timer);
	kcov_end(&kcov[thread]);
	if (fail_fd >= 0)
		close(fail_fd);
	return NULL;
}

static void close_all(int *fd, unsigned int nr)
{
	while (nr--) {
		if (fd[nr] >= 0)
			close(fd[nr]);
		fd[nr] = -1;
	}
}

/*
 * Both threads are new: the stack of the first one cannot grow if memory is
 * short. They start together, so that the stack of one is not in the range
 * where the other unmaps.
 */
static void play_program(const struct program *p)
{
	pthread_t thread[NR_THREADS];
	unsigned int i;

	played = p;
	world.mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	madvise(world.mem, MEM_SIZE, MADV_DONTFORK);
	write_code(p->code);
	memset(world.run, 0, sizeof(world.run));
	pthread_barrier_init(&all_there, NULL, NR_THREADS);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_create(&thread[i], NULL, play, (void *)(uintptr_t)i);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	close_all(world.vcpu, NR_VCPUS);
	close_all(world.vm, NR_VMS);
	close_all(world.event, NR_EVENTS);
	munmap(world.mem, MEM_SIZE);
}

/* Number of places in the driver that this program has reached first */
static unsigned int new_points(const struct kcov *k)
{
	unsigned int found = 0;
	uint64_t i, hash;

	if (k->fd < 0)
		return 0;
	for (i = 1; i <= k->words[0] && i < KCOV_WORDS; i++) {
		hash = k->words[i] * 0x9e3779b97f4a7c15 >> 48;
		found += !points[hash];
		points[hash] = true;
	}
	return found;
}

/* One line of hexadecimal digits each, for the corpus of the next fuzz */
static void show_program(const struct program *p)
{
	const uint8_t *byte = (const void *)p;
	size_t i, size = offsetof(struct program, calls[p->nr]);

	printf("# corpus ");
	for (i = 0; i < size; i++)
		printf("%02x", byte[i]);
	printf("\n");
}

/* Programs from the corpus only mark the code that they reach. */
static void play_and_keep(const struct program *p, bool known, bool show)
{
	unsigned int i, found = 0;

	play_program(p);
	for (i = 0; i < NR_THREADS; i++)
		found += new_points(&kcov[i]);
	nr_points += found;
	if (!found || known || nr_corpus == CORPUS_SIZE)
		return;
	corpus[nr_corpus++] = *p;
	if (show)
		show_program(p);
}

/* A program of an older version of this file is still a program. */
static bool read_program(const char *line, struct program *p)
{
	uint8_t *byte = (void *)p;
	unsigned int i, value;
	size_t size = 0;

	memset(p, 0, sizeof(*p));
	while (size < sizeof(*p) && sscanf(line + 2 * size, "%2x", &value) == 1)
		byte[size++] = value;
	if (p->nr < 1 || p->nr > MAX_CALLS ||
	    size != offsetof(struct program, calls[p->nr]))
		return false;
	for (i = 0; i < p->nr; i++) {
		p->calls[i].op %= NR_OPS;
		p->calls[i].thread %= NR_THREADS;
	}
	return true;
}

/*
 * The programs that earlier runs have found; returns their number, or -1 if the
 * file is damaged
 */
static int read_corpus(void)
{
	FILE *f = fopen(CORPUS, "re");
	static char line[2 * sizeof(struct program) + 8];
	bool good = true;

	while (f && good && nr_corpus < CORPUS_SIZE &&
	       fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		good = read_program(line, &corpus[nr_corpus]);
		nr_corpus += good;
	}
	if (f)
		fclose(f);
	return good ? (int)nr_corpus : -1;
}

/* True if the command line selects another fuzz */
static bool wanted(unsigned long *seconds, unsigned long *seed)
{
	FILE *f = fopen("/proc/cmdline", "re");
	bool found = false;
	char word[256];

	/* A kernel with many checks does few programs in a minute. */
	*seconds = kcov[0].fd < 0 ? 60 : 240;
	*seed = 1;
	while (f && fscanf(f, "%255s", word) == 1)
		found |= sscanf(word, "gz.ioctl_fuzz=%lu,%lu", seconds, seed) == 2;
	if (f)
		fclose(f);
	return found;
}

static void show_counts(void)
{
	unsigned int i, err;

	for (i = 0; i < NR_OPS; i++) {
		printf("# %s", fuzz_ops[i].name);
		for (err = 0; err < ARRAY_SIZE(counts[0]); err++)
			if (counts[i][err])
				printf(" %u:%lu", err, (long)counts[i][err]);
		printf("\n");
	}
}

FIXTURE(ioctl_fuzz)
{
	struct ctl_view before;
};

FIXTURE_SETUP(ioctl_fuzz)
{
	struct sigaction sa = { .sa_handler = do_nothing };
	unsigned int i;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	/* Only with fault injection */
	fail_everywhere();
	sigaction(SIGUSR2, &sa, NULL);
	sa.sa_handler = no_frame;
	sigaction(SIGSEGV, &sa, NULL);
	for (i = 0; i < NR_THREADS; i++)
		kcov_open(&kcov[i]);
	world.dev = gz_dev_open();
	memset(world.vm, -1, sizeof(world.vm));
	memset(world.vcpu, -1, sizeof(world.vcpu));
	memset(world.event, -1, sizeof(world.event));
	world.readonly = mmap(NULL, 4096, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, ctl_reset());
	ASSERT_EQ(0, ctl_view(&self->before));
}

FIXTURE_TEARDOWN(ioctl_fuzz)
{
}

TEST_F_TIMEOUT(ioctl_fuzz, nothing_stays_whatever_a_vmm_does, 90000)
{
	unsigned long seconds, seed, programs = 0;
	bool show = wanted(&seconds, &seed);
	long start = now_ns();
	struct program p;
	int i, known;

	known = read_corpus();
	ASSERT_LE(0, known);
	rnd_state = seed * 0x9e3779b97f4a7c15 + 1;
	for (i = 0; now_ns() - start < (long)seconds * 1000000000; i++) {
		if (i < known)
			p = corpus[i];
		else
			next_program(&p);
		play_and_keep(&p, i < known, show);
		if (++programs % 16)
			continue;
		ASSERT_TRUE(ctl_view_same(&self->before, CTL_VIEW_HYP |
					  CTL_VIEW_PINS))
			TH_LOG("seed %lu, before program %lu", seed, programs);
	}
	TH_LOG("seed %lu, %lu programs, %d of them known, %u points", seed,
	       programs, known, nr_points);
	show_counts();
	EXPECT_TRUE(ctl_check_ok());
	/* The fuzz is useful only if it runs guests. */
	EXPECT_LT(programs / 4, counts[OP_RUN][0]);
}

TEST_HARNESS_MAIN
