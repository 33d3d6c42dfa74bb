// SPDX-License-Identifier: GPL-2.0
/*
 * Life of VMs and vCPUs: what EL2 is asked in which order, and who keeps what
 * alive.
 */

#include <linux/completion.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "fake.h"

static void vm_asks_for_features_in_order(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	const struct fake_call *call;

	KUNIT_EXPECT_EQ(test, vm->paging, GZVM_PAGING_BLOCK);
	KUNIT_EXPECT_TRUE(test, vm->idle);
	KUNIT_EXPECT_EQ(test, vm->id, 0xa001);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 4);

	call = gzvm_fake_nth(test, FAKE_ANY, 1);
	KUNIT_EXPECT_EQ(test, call->nr, 0);
	FAKE_EXPECT_ARGS(test, call, 0);
	call = gzvm_fake_nth(test, FAKE_ANY, 2);
	KUNIT_EXPECT_EQ(test, call->nr, 13);
	FAKE_EXPECT_ARGS(test, call, 0xa001, 0x9202);
	call = gzvm_fake_nth(test, FAKE_ANY, 3);
	KUNIT_EXPECT_EQ(test, call->nr, 13);
	FAKE_EXPECT_ARGS(test, call, 0xa001, 0x9201, 0x200000,
			 virt_to_phys(vm->mailbox));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(call->args[3], 4096));
	call = gzvm_fake_nth(test, FAKE_ANY, 4);
	KUNIT_EXPECT_EQ(test, call->nr, 13);
	FAKE_EXPECT_ARGS(test, call, 0xa001, 0x9203);
}

static void vm_without_demand_paging_has_no_block_mode(struct kunit *test)
{
	struct gzvm_vm *vm;

	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_NOT_SUPPORTED);
	vm = gzvm_fake_vm(test);
	KUNIT_EXPECT_EQ(test, vm->paging, GZVM_PAGING_NONE);
	KUNIT_EXPECT_TRUE(test, vm->idle);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ENABLE_CAP), 2);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_ENABLE_CAP, 2), 0xa001,
			 0x9203);
}

static void vm_without_block_mode_pages_by_page(struct kunit *test)
{
	struct gzvm_vm *vm;

	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 2, FAKE_INVALID_ARGS);
	vm = gzvm_fake_vm(test);
	KUNIT_EXPECT_EQ(test, vm->paging, GZVM_PAGING_PAGE);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ENABLE_CAP), 3);
}

/* The VM is made, whatever EL2 answers about features. */
static void vm_feature_refused_is_no_failure(struct kunit *test)
{
	static const long statuses[] = { -5, -8, -24, -27, -33, -40, -1, 5 };
	struct gzvm_vm *vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses) / 2; i++) {
		gzvm_fake_forget(test);
		gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, statuses[2 * i]);
		gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, statuses[2 * i + 1]);
		vm = gzvm_fake_vm(test);
		KUNIT_EXPECT_EQ(test, vm->paging, GZVM_PAGING_NONE);
		KUNIT_EXPECT_FALSE(test, vm->idle);
	}
}

static void vm_refused_leaves_nothing(struct kunit *test)
{
	static const struct {
		long status;
		int error;
	} table[] = {
		{ -5, -ENOMEM }, { -8, -EINVAL }, { -24, -EOPNOTSUPP },
		{ -33, -EAGAIN }, { -99, -EINVAL },
	};
	struct gzvm_vm *vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		gzvm_fake_forget(test);
		gzvm_fake_fail(test, FAKE_CREATE_VM, 1, table[i].status);
		vm = gzvm_vm_create(0x77);
		KUNIT_ASSERT_TRUE(test, IS_ERR(vm));
		KUNIT_EXPECT_EQ(test, PTR_ERR(vm), table[i].error);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
		FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0x77);
	}
}

/* Each call for the new VM would reach the other one. */
static void number_of_another_vm_is_refused(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test), *other;
	struct gzvm_fake *fake = test->priv;

	gzvm_fake_forget(test);
	fake->same_id = true;
	other = gzvm_vm_create(0);
	fake->same_id = false;
	KUNIT_ASSERT_TRUE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, PTR_ERR(other), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

/* EL2 has destroyed the first VM, and its thread has not come back yet. */
static void number_of_a_destroyed_vm_is_free(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test), *other;
	struct gzvm_fake *fake = test->priv;

	vm->destroying = true;
	fake->same_id = true;
	other = gzvm_vm_create(0);
	fake->same_id = false;
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, other->id, vm->id);
	gzvm_vm_put(other);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
	vm->destroy_result = 0;
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

static void vm_ends_in_steps(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	gzvm_fake_repeat(test, FAKE_DESTROY_VM, 5, FAKE_BUSY);
	gzvm_drv.destroy_batch = 32;
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 6);
	for (i = 1; i <= 6; i++)
		FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_DESTROY_VM, i),
				 0xa001, 32);
}

/* The upper half of x0 is not part of the status. */
static void vm_ends_in_steps_of_32_bit_status(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct gzvm_fake *fake = test->priv;

	fake->narrow = true;
	gzvm_fake_repeat(test, FAKE_DESTROY_VM, 5, FAKE_BUSY);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 6);
}

/* No one could end the VM later. */
static void vm_ends_although_killed(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	KUNIT_ASSERT_FALSE(test, IS_ERR(gzvm_vcpu_create(vm, 0)));
	gzvm_fake_repeat(test, FAKE_DESTROY_VM, 3, FAKE_BUSY);
	gzvm_fake_kill();
	gzvm_fake_vm_end(test, vm);
	gzvm_fake_unkill();
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 4);
}

static void vm_default_step_is_128_pages(struct kunit *test)
{
	gzvm_fake_vm_end(test, gzvm_fake_vm(test));
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_DESTROY_VM), 0xa001, 128);
}

/* The fake checks that vCPUs are destroyed before the VM. */
static void vm_end_takes_all_vcpus(struct kunit *test)
{
	static const unsigned long ids[] = { 63, 0, 7 };
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		KUNIT_ASSERT_FALSE(test, IS_ERR(gzvm_vcpu_create(vm, ids[i])));
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 3);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

/* A VM with one vCPU and three pages given, all of which EL2 may still use */
static struct gzvm_vm *make_full_vm(struct kunit *test, unsigned long *addr)
{
	struct gzvm_vm *vm = gzvm_fake_vm_paging(test, GZVM_PAGING_PAGE);
	unsigned int i;

	gzvm_fake_vcpu(test, vm);
	gzvm_fake_no_huge(test);
	*addr = gzvm_fake_mmap(test, 8 * FAKE_PAGE);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA,
					     8 * FAKE_PAGE, *addr), 0);
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, gzvm_memslot_fault(vm, FAKE_GPA + i * FAKE_PAGE), 0);
	return vm;
}

static void expect_all_kept(struct kunit *test, struct gzvm_vm *vm)
{
	u64 mailbox = PHYS_PFN(virt_to_phys(vm->mailbox));
	phys_addr_t shared = virt_to_phys(vm->vcpus[0]->shared);
	long kept = atomic_long_read(&gzvm_drv.kept_pages);
	u64 pfn[3];
	int i;

	for (i = 0; i < 3; i++)
		pfn[i] = gzvm_fake_pfn(test, FAKE_GPA / FAKE_PAGE + i);

	gzvm_fake_vm_end(test, vm);

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, gzvm_fake_page_is_pinned(pfn[i]));
	KUNIT_EXPECT_GT(test, page_count(pfn_to_page(mailbox)), 0);
	KUNIT_EXPECT_GT(test, page_count(phys_to_page(shared)), 0);
	KUNIT_EXPECT_GT(test, page_count(phys_to_page(shared + FAKE_HYP_PAGE)), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&gzvm_drv.kept_pages) - kept,
			4 + DIV_ROUND_UP(2 * FAKE_HYP_PAGE, FAKE_PAGE));
}

static void vm_that_cannot_be_destroyed_keeps_its_pages(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_full_vm(test, &addr);

	gzvm_fake_repeat(test, FAKE_DESTROY_VM, 2, FAKE_BUSY);
	gzvm_fake_fail(test, FAKE_DESTROY_VM, 1, FAKE_FAULT);
	expect_all_kept(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 3);
}

/* Shipped drivers ignore the answer, hence it may have any value. */
static void answer_to_destroy_vcpu_decides_nothing(struct kunit *test)
{
	static const long statuses[] = { 0, 1, -1, -5, -8, -24, -27, -33, -40, LONG_MAX };
	long kept = atomic_long_read(&gzvm_drv.kept_pages);
	struct gzvm_vm *vm;
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		vm = make_full_vm(test, &addr);
		gzvm_fake_forget(test);
		gzvm_fake_repeat(test, FAKE_DESTROY_VCPU, 1000, statuses[i]);
		gzvm_fake_vm_end(test, vm);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
		KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&gzvm_drv.kept_pages), kept);
		gzvm_fake_forget(test);
	}
}

/* A killed process must not wait for an EL2 that stays busy. */

static void vm_ends_later_when_el2_stays_busy(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	unsigned long addr;
	struct gzvm_vm *vm = make_full_vm(test, &addr);

	gzvm_fake_repeat(test, FAKE_DESTROY_VM, UINT_MAX, FAKE_BUSY);
	fake->unlogged = FAKE_DESTROY_VM;
	gzvm_fake_vm_end(test, vm);
	KUNIT_ASSERT_PTR_EQ(test, fake->later, vm);
	KUNIT_EXPECT_GE(test, fake->nr_unlogged, 1000);
	KUNIT_EXPECT_LE(test, fake->nr_unlogged, 10000);
	KUNIT_EXPECT_TRUE(test, gzvm_vms_exist());
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 3);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);

	/* As the work item does it */
	KUNIT_EXPECT_FALSE(test, gzvm_vm_end(vm, 5));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 3);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_TRUE(test, gzvm_vm_end(vm, 5));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 0);
	KUNIT_EXPECT_FALSE(test, gzvm_vms_exist());
}

/* Files of the VM are still open elsewhere. */
static void vm_ends_with_its_owner(struct kunit *test)
{
	unsigned long addr;
	struct gzvm_vm *vm = make_full_vm(test, &addr);
	unsigned int slots = vm->nr_slots;

	KUNIT_EXPECT_GT(test, slots, 0);
	gzvm_vm_get(vm);
	gzvm_vm_end_with_mm(vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_FALSE(test, gzvm_vms_exist());
	/* The files still show these. */
	KUNIT_EXPECT_EQ(test, vm->nr_slots, 0);
	KUNIT_EXPECT_NOT_NULL(test, vm->vcpus[0]);

	gzvm_vm_put(vm);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

/* The owner's address space ends, and EL2 stays busy: a work item is to go on. */
static void end_with_busy_el2(struct kunit *test, struct gzvm_vm *vm)
{
	struct gzvm_fake *fake = test->priv;

	gzvm_fake_repeat(test, FAKE_DESTROY_VM, UINT_MAX, FAKE_BUSY);
	fake->unlogged = FAKE_DESTROY_VM;
	gzvm_vm_end_with_mm(vm);
	KUNIT_ASSERT_PTR_EQ(test, fake->later, vm);
	fake->later = NULL;
}

static void vm_of_a_busy_el2_ends_after_its_owner(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	unsigned long addr;
	struct gzvm_vm *vm = make_full_vm(test, &addr);

	end_with_busy_el2(test, vm);
	/* The last file is closed, and leaves it to the work item. */
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_NULL(test, fake->later);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 3);
	KUNIT_EXPECT_FALSE(test, gzvm_vm_end(vm, 5));
	gzvm_fake_forget(test);
	KUNIT_EXPECT_TRUE(test, gzvm_vm_end(vm, 5));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_FALSE(test, gzvm_vms_exist());
}

/* Only the reference of the work item goes with the VM. */
static void file_outlives_a_vm_that_ends_late(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	unsigned long addr;
	struct gzvm_vm *vm = make_full_vm(test, &addr);

	end_with_busy_el2(test, vm);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_TRUE(test, gzvm_vm_end(vm, 5));
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&vm->users), 1);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_NULL(test, fake->later);
}

struct last_put {
	struct work_struct work;
	struct kunit *test;
	struct gzvm_vm *vm;
};

static void last_put_work(struct work_struct *work)
{
	struct last_put *put = container_of(work, struct last_put, work);

	/* The stubs are those of the current thread's test. */
	current->kunit_test = put->test;
	gzvm_fake_vm_end(put->test, put->vm);
	current->kunit_test = NULL;
}

/* As when delayed_fput() closes the last file */
static void large_vm_ends_in_the_drivers_workqueue(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct last_put put = { .test = test, .vm = vm };
	struct gzvm_fake *fake = test->priv;

	INIT_WORK_ONSTACK(&put.work, last_put_work);
	schedule_work(&put.work);
	flush_work(&put.work);
	destroy_work_on_stack(&put.work);
	KUNIT_ASSERT_PTR_EQ(test, fake->later, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 0);
	KUNIT_EXPECT_TRUE(test, gzvm_vm_end(vm, 5));
}

/* EL2 may need as many steps as the VM has batches of pages. */
static void large_vm_ends_at_once(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct gzvm_fake *fake = test->priv;
	const long pages = 128 * 5000 / FAKE_PER_PAGE;

	fake->unlogged = FAKE_DESTROY_VM;
	gzvm_fake_repeat(test, FAKE_DESTROY_VM, 5000, FAKE_BUSY);
	atomic_long_add(pages, &vm->stats.pinned);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, fake->nr_unlogged, 5001);
}

/* A whole life, errors ignored, as far as it goes */
static void live_once(struct gzvm_vm *vm, struct kunit *test, unsigned long addr,
		      unsigned long urun)
{
	struct gzvm_vcpu *vcpu;

	(void)gzvm_fake_slot(test, vm, 0, FAKE_GPA, 4 * FAKE_PAGE, addr);
	vcpu = gzvm_vcpu_create(vm, 0);
	(void)gzvm_memslot_fault(vm, FAKE_GPA);
	(void)gzvm_memslot_fault(vm, FAKE_GPA + FAKE_PAGE);
	(void)gzvm_irq_inject(vm, 1, true);
	if (!IS_ERR(vcpu))
		(void)gzvm_vcpu_run(vcpu, (void __user *)urun);
	gzvm_vm_put(vm);
}

/* The fake checks that all is freed, or kept when it must be. */
static void failure_of_any_call_leaves_nothing(struct kunit *test)
{
	unsigned long addr = gzvm_fake_mmap(test, 4 * FAKE_PAGE);
	unsigned long urun = gzvm_fake_mmap(test, FAKE_PAGE);
	unsigned int nth, calls = 0;
	struct gzvm_vm *vm;

	gzvm_fake_no_huge(test);
	for (nth = 1; nth <= calls + 1; nth++) {
		gzvm_fake_forget(test);
		gzvm_fake_fail(test, FAKE_ANY, nth, FAKE_NO_MEMORY);
		vm = gzvm_vm_create(0);
		if (!IS_ERR(vm))
			live_once(vm, test, addr, urun);
		calls = max(calls, gzvm_fake_count(test, FAKE_ANY));
	}
	KUNIT_EXPECT_GE(test, calls, 11);
}

static void vm_lives_until_the_last_put(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);

	gzvm_vm_get(vm);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 0);
	gzvm_vm_put(vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

static void vcpu_gets_tuple_and_shared_pages(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct gzvm_vcpu *vcpu = gzvm_vcpu_create(vm, 63);

	KUNIT_ASSERT_FALSE(test, IS_ERR(vcpu));
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_CREATE_VCPU),
			 0xa001003f, virt_to_phys(vcpu->shared));
	KUNIT_EXPECT_PTR_EQ(test, (void *)vcpu->hwstate,
			    (void *)vcpu->shared + 4096);
}

static void vcpu_id_is_bounded_and_unique(struct kunit *test)
{
	static const unsigned long bad[] = {
		64, 65, 0x10000, 1UL << 32, (1UL << 32) + 1, ~0UL
	};
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, bad[i])), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_CREATE_VCPU), 0);

	KUNIT_EXPECT_FALSE(test, IS_ERR(gzvm_vcpu_create(vm, 1)));
	KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, 1)), -EEXIST);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_CREATE_VCPU), 1);
}

/* The tables of EL2 may be as short as shipped drivers need them. */
static void vcpu_id_is_what_el2_is_known_to_take(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct gzvm_fake *fake = test->priv;
	unsigned long id;

	fake->limits = 0;
	gzvm_fake_forget(test);
	for (id = 0; id < 8; id++)
		KUNIT_EXPECT_FALSE(test, IS_ERR(gzvm_vcpu_create(vm, id)));
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 8);
	KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, 8)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, 63)), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_CREATE_VCPU), 8);

	/* It may take more than shipped ones, and still fewer than the driver. */
	fake->limits = 16;
	KUNIT_EXPECT_FALSE(test, IS_ERR(gzvm_vcpu_create(vm, 15)));
	KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, 16)), -EINVAL);
	fake->limits = 0xffff;
	KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, 64)), -EINVAL);
}

static void vcpu_refused_is_freed_and_id_reusable(struct kunit *test)
{
	static const long statuses[] = { -5, -8, -24, -27, -1 };
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	const struct fake_call *call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		gzvm_fake_fail(test, FAKE_CREATE_VCPU, 1, statuses[i]);
		KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, 2)),
				gzvm_hyp_errno(statuses[i]));
		call = gzvm_fake_last(test, FAKE_CREATE_VCPU);
		KUNIT_EXPECT_TRUE(test, gzvm_fake_is_freed(call, 0));
		KUNIT_EXPECT_TRUE(test, gzvm_fake_is_freed(call, 1));
		KUNIT_EXPECT_PTR_EQ(test, vm->vcpus[2], NULL);
	}

	KUNIT_EXPECT_FALSE(test, IS_ERR(gzvm_vcpu_create(vm, 2)));
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
}

/* After some errors EL2 may have the shared pages. */
static void vcpu_in_doubt_is_kept_until_the_vm_ends(struct kunit *test)
{
	static const long statuses[] = { FAKE_BUSY, FAKE_FAULT, -99, 1 };
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct page *shared[ARRAY_SIZE(statuses)];
	const struct fake_call *call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		gzvm_fake_fail(test, FAKE_CREATE_VCPU, 1, statuses[i]);
		KUNIT_EXPECT_LT(test, PTR_ERR(gzvm_vcpu_create(vm, i)), 0);
		call = gzvm_fake_last(test, FAKE_CREATE_VCPU);
		shared[i] = pfn_to_page(PHYS_PFN(call->args[1]));
		get_page(shared[i]);
		KUNIT_EXPECT_EQ(test, page_count(shared[i]), 2);
	}
	/* The number is not taken. */
	KUNIT_EXPECT_FALSE(test, IS_ERR(gzvm_vcpu_create(vm, 0)));
	gzvm_fake_vm_end(test, vm);
	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		KUNIT_EXPECT_EQ(test, page_count(shared[i]), 1);
		put_page(shared[i]);
	}
}

static void vcpu_in_doubt_is_kept_with_a_vm_that_cannot_end(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	long kept = atomic_long_read(&gzvm_drv.kept_pages);

	gzvm_fake_fail(test, FAKE_CREATE_VCPU, 1, FAKE_FAULT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(gzvm_vcpu_create(vm, 1)), -EFAULT);
	gzvm_fake_fail(test, FAKE_DESTROY_VM, 1, FAKE_FAULT);
	gzvm_fake_vm_end(test, vm);
	/* Its two pages of 4 KiB, and the mailbox */
	KUNIT_EXPECT_EQ(test, atomic_long_read(&gzvm_drv.kept_pages),
			kept + DIV_ROUND_UP(2 * 4096, PAGE_SIZE) + 1);
}

/* Two creators of one vCPU: the first is at EL2 when the second comes. */

struct creators {
	struct gzvm_vm *vm;
	atomic_t at_el2;
	struct completion arrived, go;
};

static int create_thread(void *data)
{
	struct creators *c = data;

	return PTR_ERR_OR_ZERO(gzvm_vcpu_create(c->vm, 7));
}

static void hold_the_first(void *data, unsigned int nr)
{
	struct creators *c = data;

	if (nr != FAKE_CREATE_VCPU || atomic_inc_return(&c->at_el2) != 1)
		return;
	complete(&c->arrived);
	wait_for_completion(&c->go);
}

static void two_creators_make_one_vcpu(struct kunit *test)
{
	struct creators c = { .vm = gzvm_fake_vm(test) };
	struct gzvm_fake_thread *first, *second;
	struct gzvm_fake *fake = test->priv;

	init_completion(&c.arrived);
	init_completion(&c.go);
	fake->enter = hold_the_first;
	fake->enter_data = &c;
	first = gzvm_fake_thread(test, true, create_thread, &c);
	wait_for_completion(&c.arrived);
	second = gzvm_fake_thread(test, true, create_thread, &c);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_comes_to(second, FAKE_IN_LOCK));
	complete(&c.go);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(first), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(second), -EEXIST);
	fake->enter = NULL;
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_CREATE_VCPU), 1);
	KUNIT_EXPECT_EQ(test, c.vm->nr_vcpus, 1);
}

/* Killed while it waits for the lock: no call is made. */

static int killed_create(void *data)
{
	int ret;

	gzvm_fake_kill();
	ret = PTR_ERR_OR_ZERO(gzvm_vcpu_create(data, 7));
	gzvm_fake_unkill();
	return ret;
}

static void killed_creator_makes_nothing(struct kunit *test)
{
	struct gzvm_vm *vm = gzvm_fake_vm(test);
	struct gzvm_fake_thread *thread;

	gzvm_fake_forget(test);
	mutex_lock(&vm->lock);
	thread = gzvm_fake_thread(test, true, killed_create, vm);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_ended(thread));
	mutex_unlock(&vm->lock);
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), -EINTR);
	KUNIT_EXPECT_PTR_EQ(test, vm->vcpus[7], NULL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

/* Files. Each is closed here, by this thread: elsewhere there is no fake. */

static struct file *take_file(struct kunit *test, int fd)
{
	struct file *file;

	KUNIT_ASSERT_GE(test, fd, 0);
	file = fget(fd);
	KUNIT_ASSERT_NOT_NULL(test, file);
	KUNIT_EXPECT_EQ(test, close_fd(fd), 0);
	return file;
}

static long file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return file->f_op->unlocked_ioctl(file, cmd, arg);
}

static void vm_file_owns_the_vm(struct kunit *test)
{
	struct file *file = take_file(test, gzvm_vm_create_fd(0));

	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 0);
	__fput_sync(file);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

static void vcpu_file_keeps_the_vm(struct kunit *test)
{
	struct file *vm_file = take_file(test, gzvm_vm_create_fd(0));
	struct file *vcpu_file;
	unsigned long run;

	vcpu_file = take_file(test, file_ioctl(vm_file, _IO(0x92, 0x41), 3));
	__fput_sync(vm_file);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 0);

	/* The vCPU can still be run. */
	run = gzvm_fake_mmap(test, FAKE_PAGE);
	KUNIT_EXPECT_EQ(test, file_ioctl(vcpu_file, _IO(0x92, 0x80), run), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);

	__fput_sync(vcpu_file);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

static void vcpu_outlives_its_file(struct kunit *test)
{
	struct file *vm_file = take_file(test, gzvm_vm_create_fd(0));

	__fput_sync(take_file(test, file_ioctl(vm_file, _IO(0x92, 0x41), 3)));
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 0);
	KUNIT_EXPECT_EQ(test, file_ioctl(vm_file, _IO(0x92, 0x41), 3), -EEXIST);
	__fput_sync(vm_file);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
}

static int next_fd(void)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	put_unused_fd(fd);
	return fd;
}

static void refused_object_takes_no_fd(struct kunit *test)
{
	struct file *vm_file = take_file(test, gzvm_vm_create_fd(0));
	int fd = next_fd();

	gzvm_fake_fail(test, FAKE_CREATE_VCPU, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, file_ioctl(vm_file, _IO(0x92, 0x41), 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, next_fd(), fd);
	gzvm_fake_fail(test, FAKE_CREATE_VM, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, gzvm_vm_create_fd(0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, next_fd(), fd);
	__fput_sync(vm_file);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

struct guess {
	int fd;
	unsigned int calls, hits;
};

/* Acts like a thread that guesses the number. */
static void look_for_fd(void *data, unsigned int nr)
{
	struct guess *guess = data;
	struct file *file = fget(guess->fd);

	guess->calls++;
	if (!file)
		return;
	guess->hits++;
	fput(file);
}

static void no_fd_is_there_before_its_object(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	struct file *vm_file, *vcpu_file;
	struct guess guess = {};

	fake->enter_data = &guess;
	guess.fd = next_fd();
	fake->enter = look_for_fd;
	vm_file = take_file(test, gzvm_vm_create_fd(0));
	fake->enter = NULL;
	KUNIT_EXPECT_EQ(test, guess.calls, gzvm_fake_count(test, FAKE_ANY));

	guess.fd = next_fd();
	fake->enter = look_for_fd;
	vcpu_file = take_file(test, file_ioctl(vm_file, _IO(0x92, 0x41), 0));
	fake->enter = NULL;
	KUNIT_EXPECT_EQ(test, guess.calls, gzvm_fake_count(test, FAKE_ANY));
	KUNIT_EXPECT_GE(test, guess.calls, 2);
	KUNIT_EXPECT_EQ(test, guess.hits, 0);
	__fput_sync(vcpu_file);
	__fput_sync(vm_file);
}

/* Files used from an address space that is not the creator's */
struct stranger {
	struct file *vm_file;
	struct file *vcpu_file;
	long results[4];
};

static int stranger_calls(void *data)
{
	struct stranger *s = data;

	s->results[0] = file_ioctl(s->vm_file, _IO(0x92, 0x41), 1);
	s->results[1] = file_ioctl(s->vm_file, _IOW(0x92, 0x61, u64), 0);
	s->results[2] = file_ioctl(s->vcpu_file, _IO(0x92, 0x80), 0);
	s->results[3] = file_ioctl(s->vcpu_file, _IOW(0x92, 0xac, u64[2]), 0);
	return 0;
}

static void calls_from_another_mm_get_eio(struct kunit *test)
{
	struct stranger s;
	int i;

	s.vm_file = take_file(test, gzvm_vm_create_fd(0));
	s.vcpu_file = take_file(test, file_ioctl(s.vm_file, _IO(0x92, 0x41), 0));
	gzvm_fake_forget(test);
	gzvm_fake_join(gzvm_fake_thread(test, false, stranger_calls, &s));
	for (i = 0; i < ARRAY_SIZE(s.results); i++)
		KUNIT_EXPECT_EQ_MSG(test, s.results[i], -EIO, "call %d", i);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	__fput_sync(s.vcpu_file);
	__fput_sync(s.vm_file);
}

static struct kunit_case vm_cases[] = {
	KUNIT_CASE(vm_asks_for_features_in_order),
	KUNIT_CASE(vm_without_demand_paging_has_no_block_mode),
	KUNIT_CASE(vm_without_block_mode_pages_by_page),
	KUNIT_CASE(vm_feature_refused_is_no_failure),
	KUNIT_CASE(vm_refused_leaves_nothing),
	KUNIT_CASE(number_of_another_vm_is_refused),
	KUNIT_CASE(number_of_a_destroyed_vm_is_free),
	KUNIT_CASE(vm_ends_in_steps),
	KUNIT_CASE(vm_ends_in_steps_of_32_bit_status),
	KUNIT_CASE(vm_ends_although_killed),
	KUNIT_CASE(vm_default_step_is_128_pages),
	KUNIT_CASE(vm_end_takes_all_vcpus),
	KUNIT_CASE(vm_that_cannot_be_destroyed_keeps_its_pages),
	KUNIT_CASE(answer_to_destroy_vcpu_decides_nothing),
	KUNIT_CASE(vm_ends_later_when_el2_stays_busy),
	KUNIT_CASE(vm_ends_with_its_owner),
	KUNIT_CASE(vm_of_a_busy_el2_ends_after_its_owner),
	KUNIT_CASE(file_outlives_a_vm_that_ends_late),
	KUNIT_CASE(large_vm_ends_in_the_drivers_workqueue),
	KUNIT_CASE(large_vm_ends_at_once),
	KUNIT_CASE(failure_of_any_call_leaves_nothing),
	KUNIT_CASE(vm_lives_until_the_last_put),
	KUNIT_CASE(vcpu_gets_tuple_and_shared_pages),
	KUNIT_CASE(vcpu_id_is_bounded_and_unique),
	KUNIT_CASE(vcpu_id_is_what_el2_is_known_to_take),
	KUNIT_CASE(vcpu_refused_is_freed_and_id_reusable),
	KUNIT_CASE(vcpu_in_doubt_is_kept_until_the_vm_ends),
	KUNIT_CASE(vcpu_in_doubt_is_kept_with_a_vm_that_cannot_end),
	KUNIT_CASE(two_creators_make_one_vcpu),
	KUNIT_CASE(killed_creator_makes_nothing),
	KUNIT_CASE(vm_file_owns_the_vm),
	KUNIT_CASE(vcpu_file_keeps_the_vm),
	KUNIT_CASE(vcpu_outlives_its_file),
	KUNIT_CASE(refused_object_takes_no_fd),
	KUNIT_CASE(no_fd_is_there_before_its_object),
	KUNIT_CASE(calls_from_another_mm_get_eio),
	{}
};

static struct kunit_suite vm_suite = {
	.name = "gzvm-vm",
	.init = gzvm_fake_init,
	.test_cases = vm_cases,
};

kunit_test_suites(&vm_suite);
