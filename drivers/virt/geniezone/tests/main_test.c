// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's own beginning and end: discovery, and the host going down.
 */

#include <linux/delay.h>
#include <linux/platform_device.h>

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

static void probe_asks_version_and_batches(struct kunit *test)
{
	struct platform_device *pdev = make_device(test, 100);

	if (!pdev->dev.driver)
		kunit_skip(test, "a device of the machine is bound");
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

static void no_answer_binds_nothing(struct kunit *test)
{
	struct platform_device *pdev;

	gzvm_fake_fail(test, FAKE_PROBE, 1, -1);
	pdev = make_device(test, 100);
	KUNIT_EXPECT_NULL(test, pdev->dev.driver);
	KUNIT_EXPECT_LE(test, gzvm_fake_count(test, FAKE_ANY), 1);
	kunit_release_action(test, remove_device, pdev);

	/* And stands in nobody's way. */
	gzvm_fake_forget(test);
	probe_asks_version_and_batches(test);
}

static void second_device_is_refused(struct kunit *test)
{
	struct platform_device *pdev = make_device(test, 100), *second;

	if (!pdev->dev.driver)
		kunit_skip(test, "a device of the machine is bound");
	gzvm_fake_forget(test);
	second = make_device(test, 101);
	KUNIT_EXPECT_NULL(test, second->dev.driver);
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
	{ 1ULL << 31, false, true },
	{ 1ULL << 32, false, false },
	{ ~0ULL, false, false },
};

/* What EL2 says of batches is used when it can be meant. */
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
		pdev = make_device(test, 100);
		if (!pdev->dev.driver)
			kunit_skip(test, "a device of the machine is bound");
		KUNIT_EXPECT_EQ(test, gzvm_drv.map_batch,
				batches[i].map_ok ? batches[i].value : 16);
		KUNIT_EXPECT_EQ(test, gzvm_drv.destroy_batch,
				batches[i].destroy_ok ? batches[i].value : 32);
		kunit_release_action(test, remove_device, pdev);
	}
}

static void unknown_batches_are_defaults(struct kunit *test)
{
	struct platform_device *pdev;

	gzvm_fake_repeat(test, FAKE_ENABLE_CAP, 2, FAKE_NOT_SUPPORTED);
	pdev = make_device(test, 100);
	if (!pdev->dev.driver)
		kunit_skip(test, "a device of the machine is bound");
	KUNIT_EXPECT_EQ(test, gzvm_drv.map_batch, 512);
	KUNIT_EXPECT_EQ(test, gzvm_drv.destroy_batch, 128);
}

/* The host goes down */

static int touch_page(struct kunit *test, struct gzvm_vm *vm)
{
	unsigned long addr = gzvm_fake_mmap(test, FAKE_PAGE);

	KUNIT_EXPECT_EQ(test, gzvm_fake_slot(test, vm, 0, FAKE_GPA, FAKE_PAGE, addr), 0);
	return gzvm_gmem_fault(vm, FAKE_GPA);
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

	/* Once is enough. */
	gzvm_fake_forget(test);
	gzvm_fake_vm_end(test, env.vm);
	gzvm_fake_vm_end(test, other);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

/* The kernel gets there through the device's driver. */
static void shutdown_of_the_device_ends_vms(struct kunit *test)
{
	struct platform_device *pdev = make_device(test, 100);
	struct platform_driver *driver;

	if (!pdev->dev.driver)
		kunit_skip(test, "a device of the machine is bound");
	gzvm_fake_env(test);
	driver = to_platform_driver(pdev->dev.driver);
	KUNIT_ASSERT_NOT_NULL(test, driver->shutdown);
	driver->shutdown(pdev);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VCPU), 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
}

/* An image of the host would lack what EL2 keeps of the VM. */
static void no_hibernation_with_a_vm(struct kunit *test)
{
	struct platform_device *pdev = make_device(test, 100);
	const struct dev_pm_ops *pm;
	struct gzvm_vm *vm;
	long kept;

	if (!pdev->dev.driver)
		kunit_skip(test, "a device of the machine is bound");
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
	/* The page, the mailbox, both pages shared with the vCPU */
	KUNIT_EXPECT_EQ(test, atomic_long_read(&gzvm_drv.kept_pages), kept + 4);
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
	KUNIT_CASE(no_answer_binds_nothing),
	KUNIT_CASE(second_device_is_refused),
	KUNIT_CASE(senseless_batches_are_ignored),
	KUNIT_CASE(unknown_batches_are_defaults),
	KUNIT_CASE(shutdown_takes_all_back_from_el2),
	KUNIT_CASE(shutdown_of_the_device_ends_vms),
	KUNIT_CASE(no_hibernation_with_a_vm),
	KUNIT_CASE(shutdown_refused_keeps_the_pages),
	KUNIT_CASE(shutdown_wakes_who_sleeps),
	{}
};

static struct kunit_suite main_suite = {
	.name = "gzvm-main",
	.init = gzvm_fake_init,
	.test_cases = main_cases,
};

kunit_test_suites(&main_suite);
