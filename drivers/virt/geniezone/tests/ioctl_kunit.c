// SPDX-License-Identifier: GPL-2.0
/*
 * The other ioctls: interrupt lines, devices, registers, capabilities. Numbers
 * are put together here as a VMM's binary has them.
 */

#include <linux/fs.h>
#include <linux/uaccess.h>

#include "fake.h"

/* Sizes as in the header of that time; only they enter the number. */
#define IOC_SET_MEMORY_REGION		_IOW(0x92, 0x40, u8[24])
#define IOC_SET_USER_MEMORY_REGION	_IOW(0x92, 0x46, u8[32])
#define IOC_CREATE_IRQCHIP		_IO(0x92, 0x60)
#define IOC_IRQ_LINE			_IOW(0x92, 0x61, u8[8])
#define IOC_ENABLE_CAP			_IOW(0x92, 0xa3, u8[48])
#define IOC_CREATE_DEVICE		_IOWR(0x92, 0xe0, u8[48])
#define IOC_SET_DTB_CONFIG		_IOW(0x92, 0xff, u8[16])
#define IOC_CHECK_EXTENSION		_IO(0x92, 0x03)

/* A VM, and a file with those members that the ioctls read */
struct ioctl_env {
	struct gzvm_vm *vm;
	struct file *file;
	unsigned long arg;
};

static struct ioctl_env make_env(struct kunit *test, enum gzvm_paging paging)
{
	struct ioctl_env env;

	env.vm = gzvm_fake_vm_paging(test, paging);
	env.file = kunit_kzalloc(test, sizeof(*env.file), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, env.file);
	env.file->private_data = env.vm;
	env.arg = gzvm_fake_mmap(test, FAKE_PAGE);
	gzvm_fake_forget(test);
	return env;
}

static long call(struct ioctl_env *env, unsigned int cmd)
{
	return gzvm_vm_ioctl(env->file, cmd, env->arg);
}

static long call_with(struct kunit *test, struct ioctl_env *env,
		      unsigned int cmd, const void *arg, size_t size)
{
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)env->arg, arg, size), 0);
	return call(env, cmd);
}

static void numbers_nobody_knows_are_enotty(struct kunit *test)
{
	static const unsigned int cmds[] = {
		IOC_SET_MEMORY_REGION, IOC_CREATE_IRQCHIP, 0, ~0U,
		_IO(0x92, 0x01), _IO(0x92, 0x80), _IOW(0x92, 0x61, u8[12]),
		_IOR(0x92, 0x61, u8[8]), _IOW(0xae, 0x61, u8[8]),
	};
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		KUNIT_EXPECT_EQ_MSG(test, call(&env, cmds[i]), -ENOTTY, "case %u", i);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void unreadable_argument_is_efault(struct kunit *test)
{
	static const unsigned int cmds[] = {
		IOC_SET_USER_MEMORY_REGION, IOC_IRQ_LINE, IOC_ENABLE_CAP,
		IOC_CREATE_DEVICE, IOC_SET_DTB_CONFIG, IOC_CHECK_EXTENSION,
	};
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;

	/* crosvm passes a capability's number where the pointer should be. */
	env.arg = 0xa5;
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		KUNIT_EXPECT_EQ_MSG(test, call(&env, cmds[i]), -EFAULT, "case %u", i);
	KUNIT_EXPECT_EQ(test, gzvm_check_extension(NULL, (void __user *)0xa5), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

/* Interrupt lines */

static void irq_line_takes_spi_indices_of_two_types(struct kunit *test)
{
	static const struct {
		u32 irq, level;
		int error;
		u64 spi;
	} table[] = {
		{ 0x00000000, 1, 0, 0 },
		{ 0x00000000, 0, 0, 0 },
		{ 0x01000020, 1, 0, 32 },
		{ 0x010003db, 7, 0, 987 },
		{ 0x000003dc, 1, -EINVAL, 0 },
		{ 0x0100ffff, 1, -EINVAL, 0 },
		{ 0x0200001b, 1, -EOPNOTSUPP, 0 },
		{ 0x02000000, 0, -EOPNOTSUPP, 0 },
		{ 0x03000000, 1, -EINVAL, 0 },
		{ 0x0f000000, 1, -EINVAL, 0 },
	};
	static const u32 line[2] = { 5, 1 };
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i, calls = 0;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		const u32 arg[2] = { table[i].irq, table[i].level };

		KUNIT_EXPECT_EQ_MSG(test, call_with(test, &env, IOC_IRQ_LINE, arg, 8),
				    table[i].error, "case %u", i);
		calls += !table[i].error;
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), calls);
		if (!table[i].error)
			FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_IRQ_LINE),
					 0xa0010000, table[i].spi, !!table[i].level);
	}
	gzvm_fake_fail(test, FAKE_IRQ_LINE, 1, FAKE_BUSY);
	KUNIT_EXPECT_EQ(test, call_with(test, &env, IOC_IRQ_LINE, line, 8),
			-EAGAIN);
}

/* Devices */

struct device_arg {
	u32 type, id;
	u64 flags, addr, size, attr, attr_size;
};

static const struct device_arg good_device = { 1, 9, 0, 0x3ffd0000, 0x20000 };

static void device_page_is_what_el2_expects(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	const struct fake_call *dev;

	KUNIT_EXPECT_EQ(test, call_with(test, &env, IOC_CREATE_DEVICE, &good_device, 48), 0);
	KUNIT_ASSERT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	dev = gzvm_fake_last(test, FAKE_CREATE_DEVICE);
	KUNIT_EXPECT_EQ(test, dev->args[0], 0xa001);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(dev->buf), 1);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(dev->buf + 4), 9);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(dev->buf + 8), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(dev->buf + 16), 0x3ffd0000);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(dev->buf + 24), 0x20000);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(dev->buf + 32, 0,
					     FAKE_HYP_PAGE - 32), NULL);
	/* The page is freed. */
	KUNIT_EXPECT_TRUE(test, gzvm_fake_is_freed(dev, 0));
}

static void device_attributes_are_copied(struct kunit *test)
{
	static const u64 sizes[] = { 1, 100, 4096 };
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned long blob = gzvm_fake_mmap(test, FAKE_PAGE);
	struct device_arg arg = good_device;
	const struct fake_call *dev;
	unsigned int i, j;
	u64 pa;

	for (i = 0; i < FAKE_PAGE; i += 8)
		gzvm_fake_poke(test, blob + i, 8, 0x5555555555555555);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		arg.attr = blob;
		arg.attr_size = sizes[i];
		KUNIT_EXPECT_EQ(test, call_with(test, &env, IOC_CREATE_DEVICE, &arg, 48), 0);
		dev = gzvm_fake_last(test, FAKE_CREATE_DEVICE);
		pa = get_unaligned_le64(dev->buf + 32);
		KUNIT_EXPECT_NE(test, pa, blob);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(pa, 4096));
		KUNIT_EXPECT_EQ(test, get_unaligned_le64(dev->buf + 40), sizes[i]);
		for (j = 0; j < FAKE_HYP_PAGE; j++)
			KUNIT_ASSERT_EQ(test, dev->buf[FAKE_HYP_PAGE + j],
					j < sizes[i] ? 0x55 : 0);
		KUNIT_EXPECT_TRUE(test, gzvm_fake_is_freed(dev, 1));
	}
}

static void bad_device_is_refused_before_el2_hears(struct kunit *test)
{
	const u64 ipa = 1ULL << gzvm_ipa_bits();
	const struct {
		struct device_arg arg;
		int error;
	} table[] = {
		{ { 2, 0, 0, 0x1000, 0x1000 }, -ENODEV },
		{ { ~0U, 0, 0, 0x1000, 0x1000 }, -ENODEV },
		{ { 0, 0, 1, 0x1000, 0x1000 }, -EINVAL },
		{ { 0, 0, 1ULL << 63, 0x1000, 0x1000 }, -EINVAL },
		{ { 0, 0, 0, 0x1000, 0 }, -EINVAL },
		{ { 0, 0, 0, ~0ULL, 0x1000 }, -EINVAL },
		{ { 0, 0, 0, ipa - 0x1000, 0x1001 }, -EINVAL },
		{ { 0, 0, 0, 0x1000, 0x1000, 0x80000000, 0 }, -EINVAL },
		{ { 0, 0, 0, 0x1000, 0x1000, 0, 8 }, -EINVAL },
		{ { 0, 0, 0, 0x1000, 0x1000, 0x1000, 4097 }, -EINVAL },
		{ { 0, 0, 0, 0x1000, 0x1000, 0x1000, ~0ULL }, -EINVAL },
		{ { 0, 0, 0, 0x1000, 0x1000, 0x10, 8 }, -EFAULT },
		{ { 0, 0, 0, 0x1000, 0x1000, ~0xfffULL, 8 }, -EFAULT },
	};
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ_MSG(test, call_with(test, &env, IOC_CREATE_DEVICE,
						    &table[i].arg, 48),
				    table[i].error, "case %u", i);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void refused_device_is_freed(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	const struct fake_call *dev;

	gzvm_fake_fail(test, FAKE_CREATE_DEVICE, 1, FAKE_NOT_IMPLEMENTED);
	KUNIT_EXPECT_EQ(test, call_with(test, &env, IOC_CREATE_DEVICE, &good_device, 48),
			-EOPNOTSUPP);
	dev = gzvm_fake_last(test, FAKE_CREATE_DEVICE);
	KUNIT_EXPECT_TRUE(test, gzvm_fake_is_freed(dev, 0));
}

/* Device tree */

static void dtb_config_is_checked_and_passed_on(struct kunit *test)
{
	const u64 ipa = 1ULL << gzvm_ipa_bits();
	const struct {
		u64 arg[2];
		int error;
	} table[] = {
		{ { 0x80000000, 0x200000 }, 0 },
		{ { ipa - 8, 8 }, 0 },
		{ { 0x80000000, 0 }, -EINVAL },
		{ { ipa - 8, 9 }, -EINVAL },
		{ { ~0ULL, 1 }, -EINVAL },
		{ { 8, ~0ULL }, -EINVAL },
	};
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		gzvm_fake_forget(test);
		KUNIT_EXPECT_EQ_MSG(test, call_with(test, &env, IOC_SET_DTB_CONFIG,
						    table[i].arg, 16),
				    table[i].error, "case %u", i);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), !table[i].error);
		if (!table[i].error)
			FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_SET_DTB_CONFIG),
					 0xa001, table[i].arg[0], table[i].arg[1]);
	}
}

static void memory_region_goes_through_the_ioctl(struct kunit *test)
{
	const struct {
		u32 slot, flags;
		u64 gpa, size, addr;
	} region = { 511, 1, 0x80000000, 0x30000, 0x10000 };
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);

	KUNIT_EXPECT_EQ(test, call_with(test, &env, IOC_SET_USER_MEMORY_REGION,
					&region, 32), 0);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_MEMREGION_PURPOSE), 0xa001,
			 0x80000000, 0x30000, 1);
}

/* Registers */

#define REG(size_log2)	(0x6000000000000000ULL | (u64)(size_log2) << 52 | 0x100040)

static void registers_of_each_width(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	struct gzvm_vcpu *vcpu = gzvm_fake_vcpu(test, env.vm);
	struct gzvm_fake *fake = test->priv;
	struct gzvm_one_reg reg = { .addr = env.arg + 3 };
	unsigned int log2;
	u64 mask;

	fake->reg_value = 0xfedcba9876543210;
	for (log2 = 0; log2 < 16; log2++) {
		gzvm_fake_forget(test);
		reg.id = REG(log2);
		gzvm_fake_poke(test, reg.addr, 8, 0x8877665544332211);
		if (log2 > 3) {
			KUNIT_EXPECT_EQ(test, gzvm_vcpu_set_reg(vcpu, &reg), -EINVAL);
			KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EINVAL);
			KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
			continue;
		}
		mask = GENMASK_ULL((8 << log2) - 1, 0);
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_set_reg(vcpu, &reg), 0);
		FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_SET_ONE_REG), 0xa0010000,
				 REG(log2), 0x8877665544332211 & mask);
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), 0);
		FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_GET_ONE_REG), 0xa0010000,
				 REG(log2));
		KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, reg.addr, 8),
				(0xfedcba9876543210 & mask) | (0x8877665544332211 & ~mask));
	}
}

static void registers_of_other_machines_are_refused(struct kunit *test)
{
	static const u64 archs[] = { 0, 0x20, 0x40, 0x61, 0xe0, 0xff };
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	struct gzvm_vcpu *vcpu = gzvm_fake_vcpu(test, env.vm);
	struct gzvm_one_reg reg = { .addr = env.arg };
	unsigned int i;

	gzvm_fake_forget(test);
	for (i = 0; i < ARRAY_SIZE(archs); i++) {
		reg.id = archs[i] << 56 | 3ULL << 52 | 0x100040;
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_set_reg(vcpu, &reg), -EINVAL);
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EINVAL);
	}
	/* Wider than 64 bits */
	for (i = 4; i < 16; i++) {
		reg.id = 0x60ULL << 56 | (u64)i << 52 | 0x100040;
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_set_reg(vcpu, &reg), -EINVAL);
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void register_errors_are_passed_on(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	struct gzvm_vcpu *vcpu = gzvm_fake_vcpu(test, env.vm);
	struct gzvm_one_reg reg = { .id = REG(3), .addr = env.arg };

	gzvm_fake_poke(test, env.arg, 8, 0x1111);
	gzvm_fake_fail(test, FAKE_GET_ONE_REG, 1, FAKE_NOT_IMPLEMENTED);
	gzvm_fake_fail(test, FAKE_SET_ONE_REG, 1, FAKE_INVALID_ARGS);
	KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, gzvm_vcpu_set_reg(vcpu, &reg), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.arg, 8), 0x1111);

	reg.addr = 8;
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, gzvm_vcpu_set_reg(vcpu, &reg), -EFAULT);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
	KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EFAULT);
}

/* Capabilities */

static long extension(struct kunit *test, struct ioctl_env *env, u64 cap,
		      u64 *value)
{
	long ret = call_with(test, env, IOC_CHECK_EXTENSION, &cap, 8);

	*value = gzvm_fake_peek(test, env->arg, 8);
	return ret;
}

static long enable(struct kunit *test, struct ioctl_env *env, u64 cap, u64 arg0,
		   u64 arg1)
{
	const u64 arg[6] = { cap, arg0, arg1, 2, 3, 4 };

	return call_with(test, env, IOC_ENABLE_CAP, arg, 48);
}

/* The same on /dev/gzvm: there is no VM. */
static long device_extension(struct kunit *test, struct ioctl_env *env, u64 cap)
{
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)env->arg, &cap, 8), 0);
	return gzvm_check_extension(NULL, (void __user *)env->arg);
}

/* The device has no VM: it makes one to find out, and ends it. */
static void device_asks_by_a_vm_that_it_ends(struct kunit *test)
{
	static const u64 caps[] = { 0x9201, 0x9202, 0x9203 };
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		gzvm_fake_forget(test);
		KUNIT_EXPECT_EQ(test, device_extension(test, &env, caps[i]), 0);
		KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.arg, 8), 1);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_CREATE_VM), 1);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ENABLE_CAP), 3);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_DESTROY_VM), 1);
		KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 5);
	}

	gzvm_fake_fail(test, FAKE_CREATE_VM, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, device_extension(test, &env, 0x9202), -ENOMEM);
	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, device_extension(test, &env, 0x9202), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, device_extension(test, &env, 0x9202), 0);
}

/* The driver answers all else without a call, as the shipped driver does. */
static void extension_causes_no_call(struct kunit *test)
{
	static const u64 caps[] = {
		0xa5, 0xffbadab1, 0x9204, 0x9205, 0x9282, 0x9283, 0x9284,
	};
	static const u64 vm_caps[] = { 0x9201, 0x9202, 0x9203 };
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		KUNIT_EXPECT_EQ(test, extension(test, &env, caps[i], &value), 0);
		KUNIT_EXPECT_EQ(test, device_extension(test, &env, caps[i]), 0);
	}
	for (i = 0; i < ARRAY_SIZE(vm_caps); i++)
		KUNIT_EXPECT_EQ(test, extension(test, &env, vm_caps[i], &value), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

/* EL2 has to say so when it takes more than shipped drivers use. */
static void limits_are_those_of_el2(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	struct gzvm_fake *fake = test->priv;
	u64 value = 0;

	fake->limits = 0;
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9280, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 8);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9281, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 10);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 2);
	fake->limits = 100 << 16 | 12;
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9280, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 12);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9281, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 100);
	fake->limits = U32_MAX;
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9280, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 64);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9281, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 512);
}

/* Protection is supported, with or without firmware, until EL2 refuses it. */
static void protection_is_supported_until_it_is_refused(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	u64 value;

	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 1, 0), -EOPNOTSUPP);
	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 0, 0x7fc00000), -EOPNOTSUPP);
	/* These may pass. */
	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 2, 0), -ENOMEM);
	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_BUSY);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 2, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0xffbadab1, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 1);

	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_INVALID_ARGS);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 2, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0xffbadab1, &value), -EOPNOTSUPP);
	/* That is so for this VM only. */
	KUNIT_EXPECT_EQ(test, device_extension(test, &env, 0xffbadab1), 0);
}

static void registers_can_be_read_until_that_is_refused(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	struct gzvm_vcpu *vcpu = gzvm_fake_vcpu(test, env.vm);
	struct gzvm_one_reg reg = { .id = REG(3), .addr = env.arg };
	/* The last one is SMCCC's for a call that does not exist. */
	static const int unknown[] = { FAKE_NOT_SUPPORTED, FAKE_NOT_IMPLEMENTED, -1 };
	unsigned int i;
	u64 value;

	gzvm_fake_fail(test, FAKE_GET_ONE_REG, 1, FAKE_INVALID_ARGS);
	KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EINVAL);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9283, &value), 0);
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		env.vm->reads_regs = 0;
		gzvm_fake_fail(test, FAKE_GET_ONE_REG, 1, unknown[i]);
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9283, &value), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), 0);
		KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9283, &value), 0);
	}
	/* From now on a refusal is about one register. */
	gzvm_fake_fail(test, FAKE_GET_ONE_REG, 1, FAKE_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, gzvm_vcpu_get_reg(vcpu, &reg), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9283, &value), 0);
}

static void extensions_have_values(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	const struct {
		u64 cap, value;
	} table[] = {
		{ 0xa5, gzvm_ipa_bits() },
		{ 0xffbadab1, 1 },
		{ 0x9201, 1 },
		{ 0x9202, 1 },
		{ 0x9203, 1 },
		{ 0x9204, gzvm_drv.map_batch },
		{ 0x9205, gzvm_drv.destroy_batch },
		{ 0x9280, 64 },
		{ 0x9281, 512 },
		{ 0x9282, 1 },
	};
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		KUNIT_EXPECT_EQ_MSG(test, extension(test, &env, table[i].cap, &value), 0,
				    "cap 0x%llx", table[i].cap);
		KUNIT_EXPECT_EQ(test, value, table[i].value);
	}
}

static void address_size_is_the_machines(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	u64 value;

	KUNIT_EXPECT_EQ(test, extension(test, &env, 0xa5, &value), 0);
	KUNIT_EXPECT_EQ(test, value, gzvm_ipa_bits());
	KUNIT_EXPECT_GE(test, value, 32);
	KUNIT_EXPECT_LE(test, value, 52);
	KUNIT_EXPECT_EQ(test, device_extension(test, &env, 0xa5), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.arg, 8), gzvm_ipa_bits());
}

static void unknown_extension_leaves_the_value_alone(struct kunit *test)
{
	static const u64 caps[] = { 0, 1, 0x9200, 0x92ff, 0x1000000a5, ~0ULL };
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		KUNIT_EXPECT_EQ(test, extension(test, &env, caps[i], &value), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, value, caps[i]);
	}
}

static void extension_of_a_vm_is_what_el2_gave_it(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_PAGE);
	u64 value;

	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9202, &value), 0);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9201, &value), -EOPNOTSUPP);
	env.vm->paging = GZVM_PAGING_NONE;
	env.vm->idle = false;
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9202, &value), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9203, &value), -EOPNOTSUPP);
	env.vm->idle = true;
	KUNIT_EXPECT_EQ(test, extension(test, &env, 0x9203, &value), 0);
}

static void pvmfw_size_comes_back(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);

	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 1, 0x77), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ENABLE_CAP), 0xa001,
			 0xffbadab1, 1);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.arg + 16, 8), 0x40000);

	gzvm_fake_fail(test, FAKE_ENABLE_CAP, 1, FAKE_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 1, 0x77), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, gzvm_fake_peek(test, env.arg + 16, 8), 0x77);
}

/* Some of them take physical addresses, which a caller must not choose. */
static void only_protection_can_be_enabled(struct kunit *test)
{
	static const u64 caps[] = {
		0xa5, 0x9201, 0x9202, 0x9203, 0x9204, 0x9205, 0x9280, 0, ~0ULL
	};
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		KUNIT_EXPECT_EQ(test, enable(test, &env, caps[i], 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 3, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, ~0ULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 0, 0x7fc00001), -EINVAL);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 0, ~0xfffULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 0);
}

static void protection_comes_after_all_memory_when_paged(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_PAGE);
	const u64 first = FAKE_GPA / FAKE_PAGE, second = first + FAKE_PER_BLOCK;
	unsigned long addr = gzvm_fake_mmap(test, 8 * FAKE_PAGE);
	unsigned int i;

	gzvm_fake_no_huge(test);
	gzvm_fake_mark(test, addr, 8);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, 4 * FAKE_PAGE, addr), 0);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 1, FAKE_GPA + FAKE_BLOCK,
					     4 * FAKE_PAGE, addr + 4 * FAKE_PAGE), 0);
	/* The fake checks that a page is not given twice. */
	KUNIT_ASSERT_EQ(test, gzvm_memslot_fault(env.vm, FAKE_GPA + FAKE_PAGE), 0);
	gzvm_fake_forget(test);

	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 0, 0x7fc00000), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_last(test, FAKE_ANY)->nr, 13);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 0xffbadab1, 0,
			 0x7fc00000);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, first + i)),
				(addr >> PAGE_SHIFT) + i);
		KUNIT_EXPECT_EQ(test, gzvm_fake_read_mark(gzvm_fake_pfn(test, second + i)),
				(addr >> PAGE_SHIFT) + 4 + i);
	}

	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 2, 0x1234), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	FAKE_EXPECT_ARGS(test, gzvm_fake_last(test, FAKE_ANY), 0xa001, 0xffbadab1, 2);
}

static void protection_needs_the_memory(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_PAGE);
	unsigned long addr = gzvm_fake_mmap(test, 4 * FAKE_PAGE);

	gzvm_fake_no_huge(test);
	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, 4 * FAKE_PAGE, addr), 0);
	gzvm_fake_forget(test);
	gzvm_fake_fail(test, FAKE_SET_MEMREGION, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 2, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ENABLE_CAP), 0);
	/* EL2 may have taken the pages with that call: they stay pinned. */
	gzvm_fake_fail(test, FAKE_MAP_GUEST, 1, FAKE_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(env.vm, FAKE_GPA), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 4);
	KUNIT_EXPECT_EQ(test, gzvm_memslot_fault(env.vm, FAKE_GPA), 0);
}

static void protection_by_block_gives_no_memory_ahead(struct kunit *test)
{
	struct ioctl_env env = make_env(test, GZVM_PAGING_BLOCK);
	unsigned long addr = gzvm_fake_mmap(test, 4 * FAKE_PAGE);

	KUNIT_ASSERT_EQ(test, gzvm_fake_slot(test, env.vm, 0, FAKE_GPA, 4 * FAKE_PAGE, addr), 0);
	gzvm_fake_forget(test);
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 0, 0x7fc00000), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_count(test, FAKE_ANY), 1);
	/* The address is the guest's: it need not suit the host's pages. */
	KUNIT_EXPECT_EQ(test, enable(test, &env, 0xffbadab1, 0, 0x7fc01000), 0);
	KUNIT_EXPECT_EQ(test, gzvm_fake_pinned(test), 0);
}

#define DOORBELLS	1024
#define TABLE_BITS	11

/* How many doorbells with these steps have the same place */
static unsigned int most_at_one_place(struct kunit *test, u64 addr_step, u64 data_step)
{
	u16 *count = kunit_kcalloc(test, 1 << TABLE_BITS, sizeof(*count), GFP_KERNEL);
	unsigned int i, most = 0;
	u64 addr, data;

	KUNIT_ASSERT_NOT_NULL(test, count);
	for (i = 0; i < DOORBELLS; i++) {
		addr = FAKE_GPA + i * addr_step;
		data = i * data_step;
		most = max_t(unsigned int, most,
			     ++count[gzvm_ioevent_place(addr, data, TABLE_BITS)]);
	}
	kunit_kfree(test, count);
	return most;
}

/* They are in regular steps mostly. */
static void doorbells_spread_wherever_they_are(struct kunit *test)
{
	unsigned int shift;

	for (shift = 0; shift <= 54; shift++) {
		u64 step = BIT_ULL(shift);

		KUNIT_EXPECT_LE_MSG(test, most_at_one_place(test, step, 0), 8,
				    "addresses << %u", shift);
		KUNIT_EXPECT_LE_MSG(test, most_at_one_place(test, 0, step), 8,
				    "values << %u", shift);
		KUNIT_EXPECT_LE_MSG(test, most_at_one_place(test, step, step), 8,
				    "both << %u", shift);
	}
}

static struct kunit_case ioctl_cases[] = {
	KUNIT_CASE(numbers_nobody_knows_are_enotty),
	KUNIT_CASE(unreadable_argument_is_efault),
	KUNIT_CASE(irq_line_takes_spi_indices_of_two_types),
	KUNIT_CASE(device_page_is_what_el2_expects),
	KUNIT_CASE(device_attributes_are_copied),
	KUNIT_CASE(bad_device_is_refused_before_el2_hears),
	KUNIT_CASE(refused_device_is_freed),
	KUNIT_CASE(dtb_config_is_checked_and_passed_on),
	KUNIT_CASE(memory_region_goes_through_the_ioctl),
	KUNIT_CASE(registers_of_each_width),
	KUNIT_CASE(registers_of_other_machines_are_refused),
	KUNIT_CASE(register_errors_are_passed_on),
	KUNIT_CASE(device_asks_by_a_vm_that_it_ends),
	KUNIT_CASE(extension_causes_no_call),
	KUNIT_CASE(limits_are_those_of_el2),
	KUNIT_CASE(protection_is_supported_until_it_is_refused),
	KUNIT_CASE(registers_can_be_read_until_that_is_refused),
	KUNIT_CASE(extensions_have_values),
	KUNIT_CASE(address_size_is_the_machines),
	KUNIT_CASE(unknown_extension_leaves_the_value_alone),
	KUNIT_CASE(extension_of_a_vm_is_what_el2_gave_it),
	KUNIT_CASE(pvmfw_size_comes_back),
	KUNIT_CASE(only_protection_can_be_enabled),
	KUNIT_CASE(protection_comes_after_all_memory_when_paged),
	KUNIT_CASE(protection_needs_the_memory),
	KUNIT_CASE(protection_by_block_gives_no_memory_ahead),
	KUNIT_CASE(doorbells_spread_wherever_they_are),
	{}
};

static struct kunit_suite ioctl_suite = {
	.name = "gzvm-ioctl",
	.init = gzvm_fake_init,
	.test_cases = ioctl_cases,
};

kunit_test_suites(&ioctl_suite);
