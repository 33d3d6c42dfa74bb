// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU is saved between two runs and goes on in another VM: with GET_ONE_REG and
 * SET_ONE_REG, and a copy of the memory. The guest checks that nothing has changed.
 */

#include "gz_test.h"
#include "guest_gic.h"

/* Guest memory: system registers as the guest has set them, state after the restore */
#define EXPECTED	FREE_BASE
#define FOUND		(FREE_BASE + 0x1000)
#define USED		0x200000

/* Counter of the first VM: far from that of the machine */
#define COUNT		(1ULL << 50)

#define NR_BYTES	0x0101010101010101ULL
#define FLAGS		0x500002c0	/* Z, V; SError is not masked */
#define FPSR		0x1f
#define FPCR		0x03c00000	/* DN, FZ, round to zero */

#define REGS_1_TO_29							\
	"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,"	\
	"24,25,26,27,28,29"

/*
 * hold_state(found): sets general registers, flags and vectors, exits, and stores what
 * they are afterwards: x0 to x30, PSTATE, vectors, FPSR, FPCR.
 */
asm(".section guest_text, \"ax\", %progbits\n"
	"hold_state:\n"
	"stp x29, x30, [sp, #-176]!\n"
	"stp x19, x20, [sp, #16]\n"
	"stp x21, x22, [sp, #32]\n"
	"stp x23, x24, [sp, #48]\n"
	"stp x25, x26, [sp, #64]\n"
	"stp x27, x28, [sp, #80]\n"
	"stp d8, d9, [sp, #96]\n"
	"stp d10, d11, [sp, #112]\n"
	"stp d12, d13, [sp, #128]\n"
	"stp d14, d15, [sp, #144]\n"
	"str x0, [sp, #160]\n"
	"mov x30, #0x0101010101010101\n"
	".irp n, 0, 30, 31, " REGS_1_TO_29 "\n"
	"mov x9, #(\\n + 64)\n"
	"mul x9, x9, x30\n"
	"fmov d\\n, x9\n"
	"mvn x9, x9\n"
	"ins v\\n\\().d[1], x9\n"
	".endr\n"
	"mov x9, #0x1f\n"
	"msr fpsr, x9\n"
	"mov x9, #0x03c00000\n"
	"msr fpcr, x9\n"
	"mov x9, #0x50000000\n"
	"msr nzcv, x9\n"
	"msr daifclr, #4\n"
	".irp n, " REGS_1_TO_29 "\n"
	"mov x\\n, #\\n\n"
	"mul x\\n, x\\n, x30\n"
	".endr\n"
	"mov x0, #30\n"
	"mul x30, x0, x30\n"
	"mov x0, #0x0f000000\n"		/* PORT_SYNC */
	"str x1, [x0]\n"
	"sub sp, sp, #256\n"
	"stp x0, x1, [sp]\n"
	"ldr x0, [sp, #(256 + 160)]\n"
	"stp x2, x3, [x0, #16]\n"
	"stp x4, x5, [x0, #32]\n"
	"stp x6, x7, [x0, #48]\n"
	"stp x8, x9, [x0, #64]\n"
	"stp x10, x11, [x0, #80]\n"
	"stp x12, x13, [x0, #96]\n"
	"stp x14, x15, [x0, #112]\n"
	"stp x16, x17, [x0, #128]\n"
	"stp x18, x19, [x0, #144]\n"
	"stp x20, x21, [x0, #160]\n"
	"stp x22, x23, [x0, #176]\n"
	"stp x24, x25, [x0, #192]\n"
	"stp x26, x27, [x0, #208]\n"
	"stp x28, x29, [x0, #224]\n"
	"mrs x2, nzcv\n"
	"mrs x3, daif\n"
	"orr x2, x2, x3\n"
	"stp x30, x2, [x0, #240]\n"
	"ldp x2, x3, [sp]\n"
	"stp x2, x3, [x0]\n"
	"add sp, sp, #256\n"
	"add x0, x0, #256\n"
	".irp n, 0, " REGS_1_TO_29 ", 30, 31\n"
	"str q\\n, [x0], #16\n"
	".endr\n"
	"mrs x2, fpsr\n"
	"mrs x3, fpcr\n"
	"stp x2, x3, [x0]\n"
	"msr fpcr, xzr\n"
	"ldp d8, d9, [sp, #96]\n"
	"ldp d10, d11, [sp, #112]\n"
	"ldp d12, d13, [sp, #128]\n"
	"ldp d14, d15, [sp, #144]\n"
	"ldp x19, x20, [sp, #16]\n"
	"ldp x21, x22, [sp, #32]\n"
	"ldp x23, x24, [sp, #48]\n"
	"ldp x25, x26, [sp, #64]\n"
	"ldp x27, x28, [sp, #80]\n"
	"ldp x29, x30, [sp], #176\n"
	"ret\n"
	".previous\n");

void hold_state(uint64_t found);

#define ID_FIELD(reg, shift)	(sysreg_read(reg) >> (shift) & 0xf)
#define ALWAYS			1
#define PAUTH			(ID_FIELD("id_aa64isar1_el1", 4) |	\
				 ID_FIELD("id_aa64isar1_el1", 8))

/*
 * X(condition, register, value): system registers, and those fields of PSTATE that
 * have names. In the others the guest's own value is as good as any.
 */
#define SYSREGS(X)							\
	X(ALWAYS, "sctlr_el1", sysreg_read("sctlr_el1") | 5 << 16)	\
	X(ALWAYS, "cpacr_el1", sysreg_read("cpacr_el1"))		\
	X(ALWAYS, "vbar_el1", sysreg_read("vbar_el1"))			\
	X(ALWAYS, "sp_el0", 0x1111222233334440)				\
	X(ALWAYS, "elr_el1", 0x2222333344445550)			\
	X(ALWAYS, "spsr_el1", 0x600003c5)				\
	X(ALWAYS, "ttbr0_el1", 0x0003000081230000)			\
	X(ALWAYS, "ttbr1_el1", 0x0004000084560000)			\
	X(ALWAYS, "tcr_el1", 0x0000000080191919)			\
	X(ALWAYS, "mair_el1", 0x00000044bbff0400)			\
	X(ALWAYS, "esr_el1", 0x56001234)				\
	X(ALWAYS, "far_el1", 0x3333444455556666)			\
	X(ALWAYS, "par_el1", 0x0000007654321000)			\
	X(ALWAYS, "contextidr_el1", 0x4321)				\
	X(ALWAYS, "tpidr_el0", 0x4444555566667777)			\
	X(ALWAYS, "tpidrro_el0", 0x5555666677778888)			\
	X(ALWAYS, "tpidr_el1", 0x6666777788889999)			\
	X(ALWAYS, "cntkctl_el1", 3)					\
	X(ALWAYS, "csselr_el1", 2)					\
	X(ALWAYS, "mdscr_el1", 1 << 12)					\
	X(ALWAYS, "dbgbvr0_el1", 0x1122334455660)			\
	X(ALWAYS, "dbgbcr0_el1", 0x1e3)					\
	X(ALWAYS, "dbgwvr0_el1", 0x2233445566770)			\
	X(ALWAYS, "dbgwcr0_el1", 0x1ff3)				\
	X(ALWAYS, "cntv_cval_el0", COUNT * 2)				\
	X(ALWAYS, "cntv_ctl_el0", 3)					\
	X(ALWAYS, "cntp_cval_el0", COUNT * 4)				\
	X(ALWAYS, "cntp_ctl_el0", 3)					\
	X(PAUTH, "s3_0_c2_c1_0", 0x7777888899990000)	/* APIAKeyLo */	\
	X(PAUTH, "s3_0_c2_c1_1", 0x7777888899990001)			\
	X(PAUTH, "s3_0_c2_c1_2", 0x7777888899990002)			\
	X(PAUTH, "s3_0_c2_c1_3", 0x7777888899990003)			\
	X(PAUTH, "s3_0_c2_c2_0", 0x7777888899990004)	/* APDAKeyLo */	\
	X(PAUTH, "s3_0_c2_c2_1", 0x7777888899990005)			\
	X(PAUTH, "s3_0_c2_c2_2", 0x7777888899990006)			\
	X(PAUTH, "s3_0_c2_c2_3", 0x7777888899990007)			\
	X(PAUTH, "s3_0_c2_c3_0", 0x7777888899990008)	/* APGAKeyLo */	\
	X(PAUTH, "s3_0_c2_c3_1", 0x7777888899990009)			\
	X(ID_FIELD("id_aa64mmfr1_el1", 20), "s3_0_c4_c2_3", 1 << 22)	/* PAN */ \
	X(ID_FIELD("id_aa64mmfr2_el1", 4), "s3_0_c4_c2_4", 1 << 23)	/* UAO */ \
	X(ID_FIELD("id_aa64pfr0_el1", 48), "s3_3_c4_c2_5", 1 << 24)	/* DIT */ \
	X(ID_FIELD("id_aa64pfr1_el1", 4), "s3_3_c4_c2_6", 1 << 12)	/* SSBS */

#define WRONG_GENERAL	0x100
#define WRONG_VECTOR	0x200
#define WRONG_SYSREG	0x400
#define WRONG_COUNTER	0x800

/* Reports the first register that is not what it was, or 0. */
GUEST static void guest_state(uint64_t arg)
{
	uint64_t wrong = 0, count, value, i, n;

#define WRITE(condition, reg, val)					\
	if (condition) {						\
		sysreg_write(reg, val);					\
		value = sysreg_read(reg);				\
		write64(EXPECTED + 8 * n++, value);			\
		if (!value)						\
			guest_sync(WRONG_SYSREG | n);			\
	}
	n = 0;
	SYSREGS(WRITE)
	count = timer_now();
	hold_state(FOUND);
#define CHECK(condition, reg, val)					\
	if (condition) {						\
		value = sysreg_read(reg);				\
		if (value != read64(EXPECTED + 8 * n++) && !wrong)	\
			wrong = WRONG_SYSREG | n;			\
	}
	n = 0;
	SYSREGS(CHECK)
	if (timer_now() < count ||
	    timer_now() - count > sysreg_read("cntfrq_el0") * 200)
		wrong = WRONG_COUNTER;
	for (i = 0; i < 31; i++)
		if (read64(FOUND + 8 * i) != (i ? i * NR_BYTES : PORT_SYNC))
			wrong = WRONG_GENERAL | i;
	if (read64(FOUND + 248) != FLAGS)
		wrong = WRONG_GENERAL | 31;
	for (i = 0; i < 32; i++)
		if (read64(FOUND + 256 + 16 * i) != (i + 64) * NR_BYTES ||
		    read64(FOUND + 264 + 16 * i) != ~((i + 64) * NR_BYTES))
			wrong = WRONG_VECTOR | i;
	if (read64(FOUND + 768) != FPSR || read64(FOUND + 776) != FPCR)
		wrong = WRONG_VECTOR | 32;
	guest_sync(wrong);
}

#define CORE(word)	(0x6030000000100000ULL | (word))
#define CORE32(word)	(0x6020000000100000ULL | (word))
#define REG_COUNTER	GZ_REG_SYS(3, 3, 14, 3, 2)

/* All that a guest can change, except for the words that save_regs() counts through */
static const uint64_t regs[] = {
	CORE32(212), CORE32(213),	/* FPSR, FPCR */
	GZ_REG_SYS(3, 0, 1, 0, 0), GZ_REG_SYS(3, 0, 1, 0, 2), GZ_REG_SYS(3, 0, 2, 0, 0),
	GZ_REG_SYS(3, 0, 2, 0, 1), GZ_REG_SYS(3, 0, 2, 0, 2), GZ_REG_SYS(3, 0, 2, 1, 0),
	GZ_REG_SYS(3, 0, 2, 1, 1), GZ_REG_SYS(3, 0, 2, 1, 2), GZ_REG_SYS(3, 0, 2, 1, 3),
	GZ_REG_SYS(3, 0, 2, 2, 0), GZ_REG_SYS(3, 0, 2, 2, 1), GZ_REG_SYS(3, 0, 2, 2, 2),
	GZ_REG_SYS(3, 0, 2, 2, 3), GZ_REG_SYS(3, 0, 2, 3, 0), GZ_REG_SYS(3, 0, 2, 3, 1),
	GZ_REG_SYS(3, 0, 5, 1, 0), GZ_REG_SYS(3, 0, 5, 1, 1), GZ_REG_SYS(3, 0, 5, 2, 0),
	GZ_REG_SYS(3, 0, 6, 0, 0), GZ_REG_SYS(3, 0, 7, 4, 0), GZ_REG_SYS(3, 0, 10, 2, 0),
	GZ_REG_SYS(3, 0, 10, 3, 0), GZ_REG_SYS(3, 0, 12, 0, 0),
	GZ_REG_SYS(3, 0, 12, 1, 1), GZ_REG_SYS(3, 0, 13, 0, 1),
	GZ_REG_SYS(3, 0, 13, 0, 4), GZ_REG_SYS(3, 0, 14, 1, 0), GZ_REG_SYS(3, 2, 0, 0, 0),
	GZ_REG_SYS(3, 3, 13, 0, 2), GZ_REG_SYS(3, 3, 13, 0, 3),
	GZ_REG_SYS(2, 0, 0, 2, 2), REG_COUNTER,
	GZ_REG_SYS(2, 0, 0, 0, 4), GZ_REG_SYS(2, 0, 0, 0, 5),	/* breakpoint 0 */
	GZ_REG_SYS(2, 0, 0, 0, 6), GZ_REG_SYS(2, 0, 0, 0, 7),	/* watchpoint 0 */
	GZ_REG_SYS(3, 3, 14, 0, 2), GZ_REG_SYS(3, 3, 14, 3, 1),	/* virtual timer */
	GZ_REG_SYS(3, 3, 14, 2, 2), GZ_REG_SYS(3, 3, 14, 2, 1),	/* physical timer */
};

/* Of KVM's struct kvm_regs: x0 to SPSR_EL1, and the vectors, 64 bits each */
#define FIRST_VECTOR	84
#define AFTER_VECTORS	212
#define LAST_CORE	72

FIXTURE(onereg)
{
	struct tvm t[2];
};

FIXTURE_SETUP(onereg)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t[0], 1);
	tvm_create(&self->t[1], 1);
}

FIXTURE_TEARDOWN(onereg)
{
	tvm_destroy(&self->t[0]);
	tvm_destroy(&self->t[1]);
}

static void copy_reg(struct __test_metadata *_metadata, struct _test_data_onereg *self,
		     uint64_t id)
{
	uint64_t value = 0, back = 0;

	ASSERT_EQ(0, gz_vcpu_get_reg(&self->t[0].vcpus[0], id, &value))
		TH_LOG("%llx", (long long)id);
	ASSERT_EQ(0, gz_vcpu_set_reg(&self->t[1].vcpus[0], id, value))
		TH_LOG("%llx = %llx", (long long)id, (long long)value);
	ASSERT_EQ(0, gz_vcpu_get_reg(&self->t[1].vcpus[0], id, &back));
	EXPECT_TRUE(value == back ||
		    (id == REG_COUNTER && value >= COUNT && back > value))
		TH_LOG("%llx", (long long)id);
}

TEST_F(onereg, vcpu_is_saved_and_restored)
{
	struct tvm *from = &self->t[0], *to = &self->t[1];
	unsigned int i;

	ASSERT_EQ(0, gz_vcpu_set_reg(&from->vcpus[0], REG_COUNTER, COUNT));
	tvm_enter(from, 0, guest_state, 0);
	vcpu_run_to_sync(&from->vcpus[0], NR_BYTES);
	memcpy(tvm_at(to, RAM_BASE), tvm_at(from, RAM_BASE), USED);
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		copy_reg(_metadata, self, regs[i]);
	for (i = 0; i <= LAST_CORE; i += 2)
		copy_reg(_metadata, self, CORE(i));
	for (i = FIRST_VECTOR; i < AFTER_VECTORS; i += 2)
		copy_reg(_metadata, self, CORE(i));
	tvm_destroy(from);
	EXPECT_EQ(0, vcpu_sync_value(&to->vcpus[0]));
	tvm_create(from, 1);
}

/* It can be read, not set. */
TEST_F(onereg, physical_counter_is_the_machines)
{
	struct gz_vcpu *vcpu = &self->t[0].vcpus[0];
	const uint64_t id = GZ_REG_SYS(3, 3, 14, 0, 1);
	uint64_t first = 0, second = 0;

	ASSERT_EQ(0, gz_vcpu_get_reg(vcpu, id, &first));
	ASSERT_EQ(0, gz_vcpu_get_reg(vcpu, id, &second));
	EXPECT_LT(first, second);
	EXPECT_EQ(-EINVAL, gz_vcpu_set_reg(vcpu, id, 0));
}

TEST_HARNESS_MAIN
