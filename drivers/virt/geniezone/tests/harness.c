// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers of tests: the script and the log of the fake EL2, memory of a caller,
 * limits, signals, and more threads.
 */

#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fake.h"

static struct gzvm_fake *fake_of(struct kunit *test)
{
	return test->priv;
}

/* Script and log */

static void fake_forget_call(struct fake_call *call)
{
	unsigned int i;

	kfree(call->buf);
	for (i = 0; i < ARRAY_SIZE(call->held); i++)
		if (call->held[i])
			put_page(call->held[i]);
}

static void fake_add_rule(struct kunit *test, struct fake_rule rule)
{
	struct gzvm_fake *fake = fake_of(test);

	KUNIT_ASSERT_LT(test, fake->nr_rules, FAKE_MAX_RULES);
	fake->rules[fake->nr_rules++] = rule;
}

/* The @nth call of this kind from now on fails. */
void gzvm_fake_fail(struct kunit *test, unsigned int nr, unsigned int nth,
		    long status)
{
	fake_add_rule(test, (struct fake_rule){ nr, nth - 1, 1, status });
}

/* The next @count calls of this kind fail. */
void gzvm_fake_repeat(struct kunit *test, unsigned int nr, unsigned int count,
		      long status)
{
	fake_add_rule(test, (struct fake_rule){ nr, 0, count, status });
}

struct fake_exit *gzvm_fake_exit(struct kunit *test, u64 reason)
{
	struct gzvm_fake *fake = fake_of(test);
	struct fake_exit *exit;

	KUNIT_ASSERT_LT(test, fake->exit_tail, FAKE_MAX_EXITS);
	exit = &fake->exits[fake->exit_tail++];
	memset(exit, 0, sizeof(*exit));
	exit->reason = reason;
	return exit;
}

/* Each exit from now on reports the guest's timer so. */
void gzvm_fake_vtimer(struct kunit *test, bool migrate, u64 delay)
{
	struct gzvm_fake *fake = fake_of(test);

	fake->vtimer_migrate = migrate;
	fake->vtimer_delay = delay;
}

/* Forgets the log and the script. Pages that EL2 owns stay recorded. */
void gzvm_fake_forget(struct kunit *test)
{
	struct gzvm_fake *fake = fake_of(test);
	unsigned int i;

	for (i = 0; i < fake->nr_calls; i++)
		fake_forget_call(&fake->calls[i]);
	memset(fake->calls, 0, fake->nr_calls * sizeof(*fake->calls));
	fake->nr_calls = 0;
	fake->nr_rules = 0;
	fake->exit_head = 0;
	fake->exit_tail = 0;
}

unsigned int gzvm_fake_count(struct kunit *test, unsigned int nr)
{
	struct gzvm_fake *fake = fake_of(test);
	unsigned int i, count = 0;

	for (i = 0; i < fake->nr_calls; i++)
		count += nr == FAKE_ANY || fake->calls[i].nr == nr;
	return count;
}

/* The @nth call of this kind, from 1; ends the test when there were fewer */
const struct fake_call *gzvm_fake_nth(struct kunit *test, unsigned int nr,
				      unsigned int nth)
{
	struct gzvm_fake *fake = fake_of(test);
	unsigned int i;

	for (i = 0; i < fake->nr_calls; i++)
		if ((nr == FAKE_ANY || fake->calls[i].nr == nr) && !--nth)
			return &fake->calls[i];
	KUNIT_ASSERT_TRUE_MSG(test, false, "there was no such call %u", nr);
	return NULL;
}

const struct fake_call *gzvm_fake_last(struct kunit *test, unsigned int nr)
{
	return gzvm_fake_nth(test, nr, gzvm_fake_count(test, nr));
}

void gzvm_fake_expect_args(struct kunit *test, const struct fake_call *call,
			   const u64 *args)
{
	KUNIT_EXPECT_MEMEQ(test, call->args, args, sizeof(call->args));
}

/* Whether the driver has freed a page that it passed with a call. */
bool gzvm_fake_is_freed(const struct fake_call *call, unsigned int i)
{
	struct page *page = call->held[i];

	return page && page_count(page) == (page == call->held[0]) +
					   (page == call->held[1]);
}

/* EL2's frame that the first VM has at @gfn, 0 for none */
u64 gzvm_fake_hyp_pfn(struct kunit *test, u64 gfn)
{
	void *entry = xa_load(&fake_of(test)->vms[0].pages, gfn);

	if (!entry || (xa_to_value(entry) & 3) != FAKE_PAGE_MAPPED)
		return 0;
	return xa_to_value(entry) >> 2;
}

/* The same for the first of EL2's pages in a page of the guest as large as the host's */
u64 gzvm_fake_pfn(struct kunit *test, u64 page)
{
	return gzvm_fake_hyp_pfn(test, page * FAKE_PER_PAGE);
}

/* EL2 has taken the page at @gfn from the first VM. */
void gzvm_fake_returned(struct kunit *test, u64 gfn)
{
	struct xarray *pages = &fake_of(test)->vms[0].pages;
	void *entry = xa_load(pages, gfn);

	if (entry)
		xa_store(pages, gfn, xa_mk_value((xa_to_value(entry) & ~3UL) |
						 FAKE_PAGE_RETURNED), GFP_KERNEL);
}

long gzvm_fake_pinned(struct kunit *test)
{
	return atomic64_read(&fake_of(test)->mm->pinned_vm);
}

/* The caller's memory */

/* Zero-filled, not populated, aligned for huge pages */
unsigned long gzvm_fake_mmap(struct kunit *test, unsigned long size)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, size + FAKE_BLOCK,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_TRUE(test, addr && !IS_ERR_VALUE(addr));
	return ALIGN(addr, FAKE_BLOCK);
}

/* Puts @addr's page number into each page: see gzvm_fake_read_mark(). */
void gzvm_fake_mark(struct kunit *test, unsigned long addr,
		    unsigned int nr_pages)
{
	unsigned int i;

	/* Backwards, so that frames are rarely in order. */
	for (i = nr_pages; i-- > 0; )
		KUNIT_ASSERT_EQ(test, put_user((addr >> PAGE_SHIFT) + i,
					       (u64 __user *)(addr + i * FAKE_PAGE)), 0);
}

/* No page has the mark that is returned for pfn 0. */
u64 gzvm_fake_read_mark(u64 pfn)
{
	return pfn ? *(u64 *)__va(pfn * FAKE_HYP_PAGE) : ~0ULL;
}

/* Little-endian, as everything here is. */
u64 gzvm_fake_peek(struct kunit *test, unsigned long addr, unsigned int size)
{
	__le64 value = 0;

	KUNIT_ASSERT_EQ(test, copy_from_user(&value, (void __user *)addr, size), 0);
	return le64_to_cpu(value);
}

void gzvm_fake_poke(struct kunit *test, unsigned long addr, unsigned int size,
		    u64 value)
{
	__le64 le = cpu_to_le64(value);

	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)addr, &le, size), 0);
}

void gzvm_fake_no_huge(struct kunit *test)
{
	mm_flags_set(MMF_DISABLE_THP_COMPLETELY, current->mm);
}

/* No privilege from here on, and room for @pages pinned pages. */
void gzvm_fake_memlock(struct kunit *test, unsigned long pages)
{
	struct cred *cred = prepare_creds();

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_clear(cred->cap_effective);
	current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur = pages << PAGE_SHIFT;
	override_creds(cred);
	put_cred(cred);
}

void gzvm_fake_memlock_end(struct kunit *test)
{
	revert_creds(current_real_cred());
}

static struct sighand_struct *fake_sighand(void)
{
	/* A thread's own is there as long as the thread is. */
	return rcu_dereference_protected(current->sighand, true);
}

/* As if SIGKILL had been sent. A kernel thread does not exit because of it. */
void gzvm_fake_kill(void)
{
	spin_lock_irq(&fake_sighand()->siglock);
	sigaddset(&current->pending.signal, SIGKILL);
	set_thread_flag(TIF_SIGPENDING);
	spin_unlock_irq(&fake_sighand()->siglock);
}

void gzvm_fake_unkill(void)
{
	spin_lock_irq(&fake_sighand()->siglock);
	sigdelset(&current->pending.signal, SIGKILL);
	clear_thread_flag(TIF_SIGPENDING);
	spin_unlock_irq(&fake_sighand()->siglock);
}

int gzvm_fake_slot(struct kunit *test, struct gzvm_vm *vm, u32 slot, u64 gpa,
		   u64 size, unsigned long addr)
{
	const struct gzvm_userspace_memory_region region = {
		.slot = slot,
		.flags = 1,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = addr,
	};

	return gzvm_memslot_set(vm, &region);
}

struct fake_env gzvm_fake_env(struct kunit *test)
{
	struct fake_env env;

	env.vm = gzvm_fake_vm(test);
	env.vcpu = gzvm_fake_vcpu(test, env.vm);
	env.run = gzvm_fake_mmap(test, 2 * FAKE_PAGE);
	gzvm_fake_forget(test);
	return env;
}

int gzvm_fake_run(struct fake_env *env)
{
	return gzvm_vcpu_run(env->vcpu, (void __user *)env->run);
}

/* Threads */

struct gzvm_fake_thread {
	struct kunit *test;
	struct task_struct *task;
	struct mm_struct *mm;
	int (*fn)(void *data);
	void *data;
	int result;
	struct completion done;
};

static int fake_thread_main(void *data)
{
	struct gzvm_fake_thread *thread = data;

	current->kunit_test = thread->test;
	if (thread->mm)
		kthread_use_mm(thread->mm);
	thread->result = thread->fn(thread->data);
	if (thread->mm)
		kthread_unuse_mm(thread->mm);
	current->kunit_test = NULL;
	complete(&thread->done);
	return 0;
}

static void fake_put_task(void *task)
{
	put_task_struct(task);
}

/* @own_mm: in the address space of the VM's owner; otherwise in none */
struct gzvm_fake_thread *gzvm_fake_thread(struct kunit *test, bool own_mm,
					  int (*fn)(void *data), void *data)
{
	struct gzvm_fake_thread *thread;

	thread = kunit_kzalloc(test, sizeof(*thread), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, thread);
	thread->test = test;
	thread->mm = own_mm ? current->mm : NULL;
	thread->fn = fn;
	thread->data = data;
	init_completion(&thread->done);
	thread->task = kthread_create(fake_thread_main, thread, "gzvm-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread->task);
	/* Its state is read after it may have exited. */
	get_task_struct(thread->task);
	wake_up_process(thread->task);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_put_task,
							thread->task), 0);
	return thread;
}

int gzvm_fake_join(struct gzvm_fake_thread *thread)
{
	wait_for_completion(&thread->done);
	return thread->result;
}

bool gzvm_fake_ended(struct gzvm_fake_thread *thread)
{
	unsigned int i;

	for (i = 0; i < FAKE_PATIENCE_MS; i++) {
		if (completion_done(&thread->done))
			return true;
		usleep_range(1000, 1100);
	}
	return false;
}

/* @state: FAKE_IN_LOCK or FAKE_IN_SLEEP */
bool gzvm_fake_is_in(struct gzvm_fake_thread *thread, unsigned int state)
{
	return !completion_done(&thread->done) &&
	       READ_ONCE(thread->task->__state) & state;
}

/* Waits until it is in that state; false if it has ended or does not get there. */
bool gzvm_fake_comes_to(struct gzvm_fake_thread *thread, unsigned int state)
{
	unsigned int i;

	for (i = 0; i < FAKE_PATIENCE_MS; i++) {
		if (gzvm_fake_is_in(thread, state))
			return true;
		if (completion_done(&thread->done))
			return false;
		usleep_range(1000, 1100);
	}
	return false;
}
