// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzz of GenieZone's calls: a thread on each CPU, in rounds. After each round
 * EL2's invariants are checked with the VMs alive. After the last round all VMs are
 * destroyed, and EL2 must have the same memory as before.
 *
 * Write "SEED CALLS" to the file and wait; read it for progress and result.
 */

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ctl.h"
#include "fuzz.h"

#define ROUND		10000
#define MAX_VMS		64
#define MAX_STATUS	41
#define EXIT_BASE	0x92920000UL
#define NR_EXITS	14

struct worker {
	struct fuzz_source src;
	u64 kinds[GZC_KINDS][MAX_STATUS];
	u64 exits[NR_EXITS];
	struct completion done;
};

static struct {
	struct mutex lock;	/* one fuzz at a time; held while it runs */
	struct fuzz_memory memory;
	struct worker *worker[NR_CPUS];
	u64 seed;
	u64 asked;
	u64 left;		/* of this round, per CPU */
	u64 made;
	bool stop;
	char failure[160];
} fuzz = { .lock = __MUTEX_INITIALIZER(fuzz.lock) };

static void failed(const char *fmt, ...)
{
	va_list args;

	WRITE_ONCE(fuzz.stop, true);
	if (fuzz.failure[0])
		return;
	va_start(args, fmt);
	vsnprintf(fuzz.failure, sizeof(fuzz.failure), fmt, args);
	va_end(args);
}

/* Is it a status of the interface? */
static bool known_status(long status)
{
	return !status || status == -5 || status == -8 || status == -24 ||
	       status == -27 || status == -33 || status == -40;
}

static void count(struct worker *w, u32 kind, long status, u64 result)
{
	if (kind >= GZC_KINDS)
		return;
	if (!known_status(status)) {
		failed("kind %u returned %ld", kind, status);
		return;
	}
	w->kinds[kind][-status]++;
	if (kind != FUZZ_CALL_RUN || status)
		return;
	if (result - EXIT_BASE < NR_EXITS)
		w->exits[result - EXIT_BASE]++;
	else
		failed("exit reason %#llx", result);
}

/* Half-destroyed VMs are useful, but too many of them leave no free id. */
static bool again(struct worker *w, u32 kind, long status)
{
	return kind == FUZZ_CALL_DESTROY_VM && status == GZ_BUSY &&
	       prandom_u32_state(&w->src.rnd) % 64;
}

static void make_call(struct worker *w)
{
	struct arm_smccc_1_2_regs in = { }, out;
	u32 kind;
	struct fuzz_call call;
	unsigned long *reg = &in.a1, flags;
	unsigned int i;
	bool masked;

	fuzz_next_call(&w->src, &call);
	in.a0 = call.fn;
	for (i = 0; i < ARRAY_SIZE(call.arg); i++)
		reg[i] = call.arg[i];
	/* Calls like the driver's and others */
	masked = prandom_u32_state(&w->src.rnd) & 1;
	kind = (u32)call.fn - (u32)FUZZ_CALL_BASE;
	do {
		if (masked)
			local_irq_save(flags);
		arm_smccc_1_2_hvc(&in, &out);
		if (masked)
			local_irq_restore(flags);
		count(w, kind, out.a0, out.a1);
	} while (again(w, kind, out.a0));
}

static int work(void *arg)
{
	struct worker *w = arg;
	u64 i, left = fuzz.left;

	for (i = 0; i < left && !READ_ONCE(fuzz.stop); i++) {
		make_call(w);
		cond_resched();
	}
	/* The thread must not return here: the module may be unloaded by then. */
	kthread_complete_and_exit(&w->done, 0);
}

static int start_worker(int cpu)
{
	struct worker *w = fuzz.worker[cpu];
	struct task_struct *task;

	init_completion(&w->done);
	task = kthread_create_on_cpu(work, w, cpu, "gzfuzz/%u");
	if (IS_ERR(task)) {
		complete(&w->done);
		return PTR_ERR(task);
	}
	wake_up_process(task);
	return 0;
}

static void check_invariants(const char *when)
{
	u64 result[11];
	long status = gzc_call_at_rest(GZC_CHECK, 0, result);

	if (status)
		failed("%s: no check: status %ld", when, status);
	else if (result[0])
		failed("%s: %llu violations, first: VM %llu, %#llx", when,
		       result[0], result[1], result[2]);
}

static void do_round(u64 calls)
{
	unsigned int nr = num_online_cpus();
	int cpu;

	fuzz.left = DIV_ROUND_UP(calls, nr);
	for_each_online_cpu(cpu)
		if (start_worker(cpu))
			failed("no thread for CPU %d", cpu);
	for_each_online_cpu(cpu)
		if (wait_for_completion_killable(&fuzz.worker[cpu]->done)) {
			failed("killed");
			wait_for_completion(&fuzz.worker[cpu]->done);
		}
	fuzz.made += calls;
	check_invariants("after a round");
}

static void destroy_all(void)
{
	struct arm_smccc_1_2_regs in, out;
	u64 id;

	for (id = 1; id <= MAX_VMS; id++) {
		do {
			in = (struct arm_smccc_1_2_regs) {
				.a0 = FUZZ_CALL_BASE + 1, .a1 = id, .a2 = 512,
			};
			arm_smccc_1_2_hvc(&in, &out);
			cond_resched();
		} while ((long)out.a0 == GZ_BUSY);
	}
}

void fuzz_free_workers(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kfree(fuzz.worker[cpu]);
		fuzz.worker[cpu] = NULL;
	}
}

/* Each thread has its own buffers; the last buffer belongs to no thread. */
static int make_workers(void)
{
	unsigned int nr = num_online_cpus(), i = 0;
	struct worker *w;
	int cpu;

	if (nr >= FUZZ_BUFS)
		return -E2BIG;
	for_each_online_cpu(cpu) {
		w = kzalloc(sizeof(*w), GFP_KERNEL);
		if (!w)
			return -ENOMEM;
		w->src.memory = &fuzz.memory;
		w->src.nr_own = (FUZZ_BUFS - 1) / nr;
		w->src.own = i++ * w->src.nr_own;
		prandom_seed_state(&w->src.rnd, (fuzz.seed << 16) + cpu + 1);
		fuzz.worker[cpu] = w;
	}
	return 0;
}

static int find_hidden(struct fuzz_memory *m)
{
	struct device_node *np = of_find_node_by_path("/reserved-memory/gzhyp");
	struct resource res;
	int ret;

	if (!np)
		return -ENODEV;
	ret = of_address_to_resource(np, 0, &res);
	of_node_put(np);
	m->hidden = res.start;
	m->hidden_size = resource_size(&res);
	return ret;
}

static void free_memory(struct fuzz_memory *m)
{
	free_pages((unsigned long)m->mem, FUZZ_MEM_ORDER);
	free_pages((unsigned long)m->bufs, FUZZ_BUFS_ORDER);
}

static int make_memory(struct fuzz_memory *m)
{
	struct rnd_state rnd;
	int ret = find_hidden(m);

	if (ret)
		return ret;
	m->mem = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, FUZZ_MEM_ORDER);
	m->bufs = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, FUZZ_BUFS_ORDER);
	if (!m->mem || !m->bufs) {
		free_memory(m);
		return -ENOMEM;
	}
	prandom_seed_state(&rnd, fuzz.seed);
	fuzz_write_code(&rnd, (u32 *)m->mem, (FUZZ_MEM * PAGE_SIZE) / 4);
	return 0;
}

/* Tables of the host's stage 2 are made and stay. */
static long totals(u64 *result)
{
	long status = gzc_call_at_rest(GZC_TOTALS, 0, result);

	result[7] += result[8];
	return status;
}

/* Pages that EL2 has not given back are lost to the host. */
static void check_end(const u64 *before)
{
	static const char * const names[] = {
		"VMs", "vCPUs", "pages lent", "lendings", "pages of guests",
		"pages shared by guests", "pages of EL2",
		"pages of EL2 that are free or the host's tables",
	};
	u64 after[11];
	unsigned int i;

	check_invariants("at the end");
	if (totals(after))
		failed("no totals");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (before[i] != after[i])
			failed("%s: %llu before, %llu after", names[i],
			       before[i], after[i]);
	if (after[2] == before[2] && after[4] + after[5] == before[4] + before[5])
		free_memory(&fuzz.memory);
}

static int run(void)
{
	u64 before[11];
	int ret;

	/* It destroys whatever VM there is. */
	if (totals(before) || before[0])
		return -EBUSY;
	ret = make_memory(&fuzz.memory);
	if (ret)
		return ret;
	ret = make_workers();
	if (ret) {
		free_memory(&fuzz.memory);
		return ret;
	}
	while (fuzz.made < fuzz.asked && !fuzz.stop)
		do_round(min_t(u64, ROUND, fuzz.asked - fuzz.made));
	destroy_all();
	check_end(before);
	return fuzz.failure[0] ? -EIO : 0;
}

static ssize_t fuzz_write(struct file *file, const char __user *buf, size_t count,
			  loff_t *ppos)
{
	unsigned long long seed, calls;
	char text[64];
	int ret;

	ret = gzc_take_text(text, sizeof(text), buf, count);
	if (ret)
		return ret;
	if (sscanf(text, "%llu %llu", &seed, &calls) != 2)
		return -EINVAL;
	if (mutex_lock_killable(&fuzz.lock))
		return -EINTR;
	fuzz_free_workers();
	fuzz.seed = seed;
	fuzz.asked = calls;
	fuzz.made = 0;
	fuzz.stop = false;
	fuzz.failure[0] = '\0';
	cpus_read_lock();
	ret = run();
	cpus_read_unlock();
	mutex_unlock(&fuzz.lock);
	return ret ? ret : count;
}

static void show_kind(struct seq_file *s, unsigned int kind)
{
	unsigned int status;
	u64 sum;
	int cpu;

	seq_printf(s, "kind %u", kind);
	for (status = 0; status < MAX_STATUS; status++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			if (fuzz.worker[cpu])
				sum += fuzz.worker[cpu]->kinds[kind][status];
		if (sum)
			seq_printf(s, " %d:%llu", -(int)status, sum);
	}
	seq_putc(s, '\n');
}

static void show_exits(struct seq_file *s)
{
	unsigned int reason;
	u64 sum;
	int cpu;

	seq_puts(s, "exits");
	for (reason = 0; reason < NR_EXITS; reason++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			if (fuzz.worker[cpu])
				sum += fuzz.worker[cpu]->exits[reason];
		if (sum)
			seq_printf(s, " %u:%llu", reason, sum);
	}
	seq_putc(s, '\n');
}

static int fuzz_show(struct seq_file *s, void *unused)
{
	bool running = !mutex_trylock(&fuzz.lock);
	unsigned int kind;

	seq_printf(s, "seed %llu\ncalls %llu of %llu\n", fuzz.seed, fuzz.made,
		   fuzz.asked);
	if (running) {
		seq_puts(s, "running\n");
		return 0;
	}
	for (kind = 0; kind < GZC_KINDS; kind++)
		show_kind(s, kind);
	show_exits(s);
	seq_printf(s, "result %s\n", fuzz.failure[0] ? fuzz.failure : "ok");
	mutex_unlock(&fuzz.lock);
	return 0;
}

static int fuzz_open(struct inode *inode, struct file *file)
{
	return single_open(file, fuzz_show, NULL);
}

const struct file_operations fuzz_fops = {
	.owner = THIS_MODULE,
	.open = fuzz_open,
	.read = seq_read,
	.write = fuzz_write,
	.llseek = seq_lseek,
	.release = single_release,
};
