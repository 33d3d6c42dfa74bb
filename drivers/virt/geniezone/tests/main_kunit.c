// SPDX-License-Identifier: GPL-2.0
/*
 * Discovery, and the shutdown of the host.
 */

#include <linux/delay.h>
#include <linux/notifier.h>
#include <linux/platform_device.h>
#include <linux/reboot.h>

#include <asm/virt.h>

#include "fake.h"

static void remove_device(void *pdev)
{
	platform_device_unregister(pdev);
}

/* As a node of the device tree, or assume_hyp, would make it. */
static struct platform_device *make_device(struct kunit *test, int id)
{
	struct platform_device *pdev;

	if (is_kernel_in_hyp_mode())
		kunit_skip(test, "Linux is at EL2");
	pdev = platform_device_register_simple("gzvm", id, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, remove_device, pdev), 0);
	return pdev;
}

/* It must be bound, unless the driver has another device and did not look at it. */
static struct platform_device *make_bound_device(struct kunit *test)
{
	struct platform_device *pdev = make_device(test, 100);

	if (!pdev->dev.driver && !gzvm_fake_count(test, FAKE_PROBE))
		kunit_skip(test, "a device of the machine is bound");
	KUNIT_ASSERT_NOT_NULL(test, pdev->dev.driver);
	return pdev;
}

static void probe_asks_version_and_batches(struct kunit *test)
{
	make_bound_device(test);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 3);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_ANY, 1)->nr, 12);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_ANY, 1), 16, 0, 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_ANY, 2)->nr, 13);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_ANY, 2), 0, 0x9204);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_ANY, 3)->nr, 13);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_ANY, 3), 0, 0x9205);
	KUNIT_EXPECT_EQ(test, gzvm_drv.map_batch, 64);
	KUNIT_EXPECT_EQ(test, gzvm_drv.destroy_batch, 64);
}

static void probe_finds_an_older_el2(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;

	fake->old = true;
	make_bound_device(test);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_PROBE), 2);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_PROBE, 1), 16, 0, 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_nth(test, FAKE_PROBE, 2), 0, 0, 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_PROBE, 1)->status, -1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_nth(test, FAKE_PROBE, 2)->status, 0);
}

/* As helper modules do that find the function by its name */
static void probe_without_a_device_is_refused(struct kunit *test)
{
	struct platform_device *pdev = make_bound_device(test);
	struct platform_driver *driver;

	driver = to_platform_driver(pdev->dev.driver);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, driver->probe(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void no_answer_binds_nothing(struct kunit *test)
{
	struct platform_device *pdev;

	/* Both generations */
	gzvm_fake_repeat(test, FAKE_PROBE, 2, -1);
	pdev = make_device(test, 100);
	KUNIT_EXPECT_NULL(test, pdev->dev.driver);
	KUNIT_EXPECT_LE(test, gzvm_fake_count(test, FAKE_ANY), 2);
	kunit_release_action(test, remove_device, pdev);

	/* And stands in nobody's way. */
	gzvm_fake_forget(test);
	probe_asks_version_and_batches(test);
}

static void second_device_is_refused(struct kunit *test)
{
	struct platform_device *pdev = make_bound_device(test), *second;
	struct platform_driver *driver;

	gzvm_fake_forget(test);
	driver = to_platform_driver(pdev->dev.driver);
	second = make_device(test, 101);
	KUNIT_EXPECT_NULL(test, second->dev.driver);
	/* The kernel logs other errors. */
	KUNIT_EXPECT_EQ(test, driver->probe(second), -ENODEV);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	kunit_release_action(test, remove_device, second);

	/* The first one gone, the next is welcome: nothing of it was left. */
	kunit_release_action(test, remove_device, pdev);
	second = make_device(test, 101);
	KUNIT_EXPECT_NOT_NULL(test, second->dev.driver);
}

static const struct {
	u64 value;
	bool map_ok, destroy_ok;
} batches[] = {
	{ 0, false, false },
	{ 1, true, true },
	{ 3, false, false },
	{ 512, true, true },
	{ 1024, false, true },
	{ 1ULL << 14, false, true },
	{ 1ULL << 15, false, false },
	{ 1ULL << 32, false, false },
	{ ~0ULL, false, false },
};

/* A batch size of EL2 is used when it is valid. */
static void senseless_batches_are_ignored(struct kunit *test)
{
	struct gzvm_fake *fake = test->priv;
	struct platform_device *pdev;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(batches); i++) {
		gzvm_drv.map_batch = 16;
		gzvm_drv.destroy_batch = 32;
		fake->batch = batches[i].value;
		fake->has_batch = true;
		pdev = make_bound_device(test);
		KUNIT_EXPECT_EQ(test, gzvm_drv.map_batch,
				batches[i].map_ok ? batches[i].value : 16);
		KUNIT_EXPECT_EQ(test, gzvm_drv.destroy_batch,
				batches[i].destroy_ok ? batches[i].value : 32);
		kunit_release_action(test, remove_device, pdev);
	}
}

static void unknown_batches_are_defaults(struct kunit *test)
{
	gzvm_fake_repeat(test, FAKE_ENABLE_CAP, 2, FAKE_NOT_SUPPORTED);
	make_bound_device(test);
	KUNIT_EXPECT_EQ(test, gzvm_drv.map_batch, 512);
	KUNIT_EXPECT_EQ(test, gzvm_drv.destroy_batch, 128);
}

/* Shutdown of the host */

static int touch_page(struct kunit *test, struct gzvm_vm *vm)
{
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);

	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	return gzvm_memslot_fault(vm, FAKE_GPA);
}

static void shutdown_takes_all_back_from_el2(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_vm *other = gzvm_fake_vm(test);
	struct gzvm_vm *late;

	KUNIT_EXPECT_EQ(test, touch_page(test, env.vm), 0);
	gzvm_fake_forget(test);
	gzvm_fake_fail(test, FAKE_DESTROY_VM, 1, FAKE_BUSY);
	gzvm_vms_shutdown();
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 3);

	/* Nothing of the VM is within reach any more, and nothing comes anew. */
	KUNIT_EXPECT_TRUE(test, gzvm_out_of_reach(env.vm));
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EIO);
	late = gzvm_vm_create(0);
	KUNIT_EXPECT_PTR_EQ(test, late, ERR_PTR(-ENODEV));
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_CREATE_VM), 0);

	/* Only once */
	gzvm_fake_forget(test);
	gzvm_fake_vm_end(test, env.vm);
	gzvm_fake_vm_end(test, other);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

/* The kernel gets there through a notifier, before it shuts devices down. */
static void reboot_of_the_host_ends_vms(struct kunit *test)
{
	gzvm_fake_env(test);
	gzvm_reboot_nb.notifier_call(&gzvm_reboot_nb, SYS_RESTART, NULL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

/* An image of the host would lack what EL2 keeps of the VM. */
static void no_hibernation_with_a_vm(struct kunit *test)
{
	struct platform_device *pdev = make_bound_device(test);
	const struct dev_pm_ops *pm;
	struct gzvm_vm *vm;
	long kept;

	pm = pdev->dev.driver->pm;
	if (!pm || !pm->freeze)
		kunit_skip(test, "a kernel that does not hibernate");
	kept = atomic_long_xchg(&gzvm_drv.kept_pages, 0);
	KUNIT_EXPECT_EQ(test, pm->freeze(&pdev->dev), 0);
	vm = gzvm_fake_vm(test);
	KUNIT_EXPECT_EQ(test, pm->freeze(&pdev->dev), -EBUSY);
	gzvm_fake_vm_end(test, vm);
	KUNIT_EXPECT_EQ(test, pm->freeze(&pdev->dev), 0);
	/* The VM has ended here, but not at EL2. */
	atomic_long_set(&gzvm_drv.kept_pages, 1);
	KUNIT_EXPECT_EQ(test, pm->freeze(&pdev->dev), -EBUSY);
	atomic_long_set(&gzvm_drv.kept_pages, kept);
}

/* One that EL2 would not give back at shutdown keeps its pages ever after. */
static void shutdown_refused_keeps_the_pages(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	long kept = atomic_long_read(&gzvm_drv.kept_pages);

	KUNIT_EXPECT_EQ(test, touch_page(test, env.vm), 0);
	gzvm_fake_fail(test, FAKE_DESTROY_VM, 1, FAKE_FAULT);
	gzvm_vms_shutdown();
	gzvm_fake_vm_end(test, env.vm);
	/* The page, the mailbox, and what the vCPU shares: two pages of EL2's */
	KUNIT_EXPECT_EQ(test, atomic_long_read(&gzvm_drv.kept_pages),
			kept + 2 + PAGE_ALIGN(2 * FAKE_HYP_PAGE) / PAGE_SIZE);
}

/* Shipped drivers do not end VMs at shutdown. EL2 has to announce that it expects it. */
static void shutdown_leaves_vms_to_a_shipped_el2(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_fake *fake = test->priv;

	fake->limits = 0;
	gzvm_vms_shutdown();
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EIO);
	/* The release of the last file ends the VM. */
	gzvm_fake_vm_end(test, env.vm);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

/* The host shuts down all the same. */
static void shutdown_gives_up_when_el2_stays_busy(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_vm *other = gzvm_fake_vm(test);
	struct gzvm_fake *fake = test->priv;
	ktime_t start = ktime_get();

	KUNIT_EXPECT_EQ(test, touch_page(test, env.vm), 0);
	gzvm_fake_repeat(test, FAKE_DESTROY_VM, UINT_MAX, FAKE_BUSY);
	fake->unlogged = FAKE_DESTROY_VM;
	gzvm_vms_shutdown();
	KUNIT_EXPECT_LE(test, ktime_to_ms(ktime_sub(ktime_get(), start)), 30000);
	KUNIT_EXPECT_TRUE(test, gzvm_vms_exist());
	KUNIT_EXPECT_EQ(test, gzvm_fake_run(&env), -EIO);

	/* The pages stay pinned until EL2 has released them. */
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 1);
	gzvm_fake_forget(test);
	gzvm_fake_vm_end(test, env.vm);
	gzvm_fake_vm_end(test, other);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

static int run_thread(void *data)
{
	return gzvm_fake_run(data);
}

static void shutdown_wakes_who_sleeps(struct kunit *test)
{
	struct fake_env env = gzvm_fake_env(test);
	struct gzvm_fake_thread *thread;
	unsigned int i;

	gzvm_fake_vtimer(test, true, U32_MAX);
	gzvm_fake_exit(test, FAKE_EXIT_IDLE);
	thread = gzvm_fake_thread(test, true, run_thread, &env);
	for (i = 0; i < 2000 && !test_bit(0, &env.vm->sleepers); i++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_TRUE(test, test_bit(0, &env.vm->sleepers));
	gzvm_vms_shutdown();
	KUNIT_EXPECT_EQ(test, gzvm_fake_join(thread), -EIO);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_RUN), 1);
}

static struct kunit_case main_cases[] = {
	KUNIT_CASE(probe_asks_version_and_batches),
	KUNIT_CASE(probe_finds_an_older_el2),
	KUNIT_CASE(probe_without_a_device_is_refused),
	KUNIT_CASE(no_answer_binds_nothing),
	KUNIT_CASE(second_device_is_refused),
	KUNIT_CASE(senseless_batches_are_ignored),
	KUNIT_CASE(unknown_batches_are_defaults),
	KUNIT_CASE(shutdown_takes_all_back_from_el2),
	KUNIT_CASE(reboot_of_the_host_ends_vms),
	KUNIT_CASE(no_hibernation_with_a_vm),
	KUNIT_CASE(shutdown_refused_keeps_the_pages),
	KUNIT_CASE(shutdown_leaves_vms_to_a_shipped_el2),
	KUNIT_CASE(shutdown_gives_up_when_el2_stays_busy),
	KUNIT_CASE(shutdown_wakes_who_sleeps),
	{}
};

static struct kunit_suite main_suite = {
	.name = "gzvm-main",
	.init = gzvm_fake_init,
	.test_cases = main_cases,
};

kunit_test_suites(&main_suite);
