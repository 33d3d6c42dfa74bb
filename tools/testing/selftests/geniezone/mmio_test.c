// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and stores of the guest that reach the VMM.
 *
 * Needs: modes
 */

#include "gz_test.h"
#include "gzhyp_as.h"

#define PATTERN	0x8182838485868788ULL

FIXTURE(mmio)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
};

FIXTURE_SETUP(mmio)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
}

FIXTURE_TEARDOWN(mmio)
{
	tvm_destroy(&self->t);
}

static uint64_t data(const struct gz_vcpu *vcpu)
{
	uint64_t value = 0;

	memcpy(&value, vcpu->run.mmio.data, vcpu->run.mmio.size);
	return value;
}

static void set_data(struct gz_vcpu *vcpu, uint64_t value)
{
	memcpy(vcpu->run.mmio.data, &value, sizeof(value));
}

#define expect_mmio(v, write, addr, bytes)				\
do {									\
	struct gz_vcpu *__by = (v);					\
									\
	vcpu_run_to(__by, GZVM_EXIT_MMIO);				\
	ASSERT_EQ((uint64_t)(addr), __by->run.mmio.phys_addr);		\
	ASSERT_EQ(write, __by->run.mmio.is_write);			\
	ASSERT_EQ((uint64_t)(bytes), __by->run.mmio.size);		\
} while (0)

GUEST static void guest_store_each_size(uint64_t value)
{
	uint64_t port = PORT_TEST;

	asm volatile("strb %w0, [%1]\n\t"
		     "strh %w0, [%1, #16]\n\t"
		     "str %w0, [%1, #32]\n\t"
		     "str %0, [%1, #48]"
		     : : "r" (value), "r" (port) : "memory");
}

TEST_F(mmio, store_of_each_size)
{
	static const uint64_t sizes[] = { 1, 2, 4, 8 };
	unsigned int i;

	tvm_enter(&self->t, 0, guest_store_each_size, PATTERN);
	for (i = 0; i < 4; i++) {
		expect_mmio(self->vcpu, 1, PORT_TEST + 16 * i, sizes[i]);
		EXPECT_EQ(PATTERN << (64 - 8 * sizes[i]) >> (64 - 8 * sizes[i]),
			  data(self->vcpu));
	}
	vcpu_run_to_shutdown(self->vcpu);
}

GUEST static void guest_store_zero_register(uint64_t arg)
{
	uint64_t port = PORT_TEST;

	asm volatile("strb wzr, [%0]\n\t"
		     "strh wzr, [%0]\n\t"
		     "str wzr, [%0]\n\t"
		     "str xzr, [%0]"
		     : : "r" (port) : "memory");
}

TEST_F(mmio, store_of_zero_register)
{
	uint64_t size;

	tvm_enter(&self->t, 0, guest_store_zero_register, 0);
	for (size = 1; size <= 8; size *= 2) {
		memset(self->vcpu->run.mmio.data, 0xff, 8);
		expect_mmio(self->vcpu, 1, PORT_TEST, size);
		EXPECT_EQ(0, data(self->vcpu));
	}
	vcpu_run_to_shutdown(self->vcpu);
}

/* One load and its result. All bits of the register were set before. */
#define GUEST_LOAD(insn, reg)						\
do {									\
	uint64_t value = ~0ULL;						\
									\
	asm volatile(insn " %" reg "0, [%1]"				\
		     : "+r" (value) : "r" (port) : "memory");		\
	guest_sync(value);						\
} while (0)

GUEST static void guest_load_each_size(uint64_t arg)
{
	uint64_t port = PORT_TEST;

	GUEST_LOAD("ldrb", "w");
	GUEST_LOAD("ldrh", "w");
	GUEST_LOAD("ldr", "w");
	GUEST_LOAD("ldr", "x");
}

GUEST static void guest_load_signed(uint64_t arg)
{
	uint64_t port = PORT_TEST;

	GUEST_LOAD("ldrsb", "w");
	GUEST_LOAD("ldrsb", "x");
	GUEST_LOAD("ldrsh", "w");
	GUEST_LOAD("ldrsh", "x");
	GUEST_LOAD("ldrsw", "x");
}

struct load {
	uint64_t size;
	uint64_t value;
	const char *insn;
};

/* Bytes after mmio.size must not matter: the VMM fills in all eight. */
#define check_loads(loads, n)						\
do {									\
	const struct load *__l = (loads), *__end = __l + (n);		\
									\
	for (; __l < __end; __l++) {					\
		expect_mmio(self->vcpu, 0, PORT_TEST, __l->size);	\
		set_data(self->vcpu, PATTERN);				\
		EXPECT_EQ(__l->value, vcpu_sync_value(self->vcpu))	\
			TH_LOG("%s", __l->insn);			\
	}								\
	vcpu_run_to_shutdown(self->vcpu);				\
} while (0)

TEST_F(mmio, load_of_each_size_clears_the_rest)
{
	static const struct load loads[] = {
		{ 1, 0x88, "ldrb w" },
		{ 2, 0x8788, "ldrh w" },
		{ 4, 0x85868788, "ldr w" },
		{ 8, PATTERN, "ldr x" },
	};

	tvm_enter(&self->t, 0, guest_load_each_size, 0);
	check_loads(loads, 4);
}

/*
 * QEMU 7.2 does not set ESR_EL2.SSE, so KVM fails here as well. A hypervisor
 * that passes on this QEMU decodes the instruction.
 */
TEST_F(mmio, load_extends_the_sign)
{
	static const struct load loads[] = {
		{ 1, 0xffffff88, "ldrsb w" },
		{ 1, 0xffffffffffffff88, "ldrsb x" },
		{ 2, 0xffff8788, "ldrsh w" },
		{ 2, 0xffffffffffff8788, "ldrsh x" },
		{ 4, 0xffffffff85868788, "ldrsw x" },
	};

	tvm_enter(&self->t, 0, guest_load_signed, 0);
	check_loads(loads, 5);
}

GUEST static void guest_load_zero_register(uint64_t arg)
{
	uint64_t port = PORT_TEST, sum;

	asm volatile("ldr xzr, [%1]\n\t"
		     "ldrb wzr, [%1]\n\t"
		     "mov %0, xzr"
		     : "=r" (sum) : "r" (port) : "memory");
	guest_sync(sum);
}

TEST_F(mmio, load_to_zero_register_is_dropped)
{
	tvm_enter(&self->t, 0, guest_load_zero_register, 0);
	expect_mmio(self->vcpu, 0, PORT_TEST, 8);
	set_data(self->vcpu, PATTERN);
	expect_mmio(self->vcpu, 0, PORT_TEST, 1);
	set_data(self->vcpu, PATTERN);
	vcpu_run_to_sync(self->vcpu, 0);
	vcpu_run_to_shutdown(self->vcpu);
}

TEST_F(mmio, load_to_each_register)
{
	unsigned int n;

	tvm_enter(&self->t, 0, guest_all_registers, 0);
	for (n = 0; n <= 30; n++) {
		expect_mmio(self->vcpu, 0, PORT_TEST, 8);
		set_data(self->vcpu, PATTERN + n);
		expect_mmio(self->vcpu, 1, PORT_TEST + 8, 8);
		EXPECT_EQ(PATTERN + n, data(self->vcpu))
			TH_LOG("x%u", n);
	}
	vcpu_run_to_shutdown(self->vcpu);
}

GUEST static void guest_load_once(uint64_t arg)
{
	guest_sync(read64(PORT_TEST));
}

/* The run that enters the guest delivers the value; no run before that loses it. */
TEST_F(mmio, load_survives_immediate_exit)
{
	unsigned int i;

	tvm_enter(&self->t, 0, guest_load_once, 0);
	expect_mmio(self->vcpu, 0, PORT_TEST, 8);
	set_data(self->vcpu, PATTERN);
	self->vcpu->run.immediate_exit = 1;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(-EINTR, gz_vcpu_run(self->vcpu));
	self->vcpu->run.immediate_exit = 0;
	vcpu_run_to_sync(self->vcpu, PATTERN);
}

GUEST static void guest_count_loads(uint64_t rounds)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < rounds; i++)
		wrong += read64(PORT_TEST) != i;
	guest_sync(wrong);
}

TEST_F(mmio, thousand_loads_in_order)
{
	uint64_t i;

	tvm_enter(&self->t, 0, guest_count_loads, 1000);
	for (i = 0; i < 1000; i++) {
		expect_mmio(self->vcpu, 0, PORT_TEST, 8);
		set_data(self->vcpu, i);
	}
	vcpu_run_to_sync(self->vcpu, 0);
}

GUEST static void guest_touch_around_ram(uint64_t arg)
{
	write64(RAM_BASE - 8, 1);
	write64(RAM_BASE + RAM_SIZE, 2);
	write64(RAM_BASE + RAM_SIZE - 8, 3);
	guest_sync(read64(RAM_BASE + RAM_SIZE - 8));
}

TEST_F(mmio, ram_ends_where_the_slot_ends)
{
	if (gzhyp_as("mmiolow"))
		SKIP(return, "no MMIO at these addresses");
	tvm_enter(&self->t, 0, guest_touch_around_ram, 0);
	expect_mmio(self->vcpu, 1, RAM_BASE - 8, 8);
	expect_mmio(self->vcpu, 1, (uint64_t)RAM_BASE + RAM_SIZE, 8);
	vcpu_run_to_sync(self->vcpu, 3);
}

TEST_HARNESS_MAIN
