// SPDX-License-Identifier: GPL-2.0
/*
 * No guest sees what another guest writes: of all encodings of system registers, those
 * that a guest can read and write are written in one VM and read in another. And a
 * guest's virtual timer with the latest possible deadline harms nobody.
 */

#include "gz_test.h"
#include "guest_gic.h"
#include "guest_try.h"

/* Guest memory: results, a command */
#define RESULT		FREE_BASE
#define COMMAND		SHARED_BASE

#define NR_ENCODINGS	0x8000	/* op0 is 2 or 3 */
#define CAN_READ	1
#define CAN_WRITE	2

GUEST static void guest_scan(uint64_t arg)
{
	uint64_t enc, val;
	uint8_t can;

	catch_exceptions();
	for (enc = 0; enc < NR_ENCODINGS; enc++) {
		val = 0;
		can = 0;
		if (try_mrs(enc, &val)) {
			can = CAN_READ;
			if (try_msr(enc, val))
				can |= CAN_WRITE;
		}
		write8(RESULT + enc, can);
	}
	guest_sync(1);
}

/* For ever: writes the inverse of a register if told so; reports its value. */
GUEST static void guest_hold(uint64_t arg)
{
	uint64_t enc, val, old;

	catch_exceptions();
	for (;;) {
		enc = read64(COMMAND);
		val = 0;
		try_mrs(enc, &val);
		old = val;
		if (read64(COMMAND + 8)) {
			try_msr(enc, ~old);
			guest_sync(0);
			try_msr(enc, old);
		}
		guest_sync(val);
	}
}

FIXTURE(sysreg)
{
	struct tvm t[2];
	uint8_t *can;
};

FIXTURE_SETUP(sysreg)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	tvm_create(&self->t[0], 1);
	tvm_create(&self->t[1], 1);
	self->can = tvm_at(&self->t[0], RESULT);
}

FIXTURE_TEARDOWN(sysreg)
{
	tvm_destroy(&self->t[0]);
	tvm_destroy(&self->t[1]);
}

/*
 * The inverse value would change the guest itself: translation, vectors,
 * alignment checks, the state of an exception. The world switch keeps them, or nothing
 * works. Counters change by themselves.
 */
static bool is_left_out(unsigned int enc)
{
	switch (enc) {
	case ENC(3, 0, 1, 0, 0):	/* SCTLR_EL1 */
	case ENC(3, 0, 12, 0, 0):	/* VBAR_EL1 */
	case ENC(3, 0, 4, 1, 0):	/* SP_EL0 */
	case ENC(3, 0, 4, 2, 0):	/* SPSel */
	case ENC(3, 0, 4, 2, 2):	/* CurrentEL */
	case ENC(3, 3, 4, 2, 1):	/* DAIF */
	case ENC(3, 3, 4, 2, 0):	/* NZCV */
	case ENC(3, 3, 14, 0, 1):	/* CNTPCT_EL0 */
	case ENC(3, 3, 14, 0, 2):	/* CNTVCT_EL0 */
	case ENC(3, 3, 14, 0, 5):	/* CNTPCTSS_EL0 */
	case ENC(3, 3, 14, 0, 6):	/* CNTVCTSS_EL0 */
	case ENC(3, 3, 14, 2, 0):	/* CNTP_TVAL_EL0 */
	case ENC(3, 3, 14, 3, 0):	/* CNTV_TVAL_EL0 */
	case ENC(3, 3, 2, 4, 0):	/* RNDR */
	case ENC(3, 3, 2, 4, 1):	/* RNDRRS */
	case ENC(2, 0, 0, 2, 2):	/* MDSCR_EL1: single step */
		return true;
	}
	return false;
}

static uint64_t read_in(struct tvm *t, unsigned int enc)
{
	uint64_t *command = tvm_at(t, COMMAND), val = 0;

	command[0] = enc;
	command[1] = 0;
	__vcpu_run_to_sync(&t->vcpus[0], &val);
	return val;
}

TEST_F_TIMEOUT(sysreg, nothing_is_shared, 300)
{
	uint64_t *command = tvm_at(&self->t[0], COMMAND), before, while_set;
	unsigned int enc, tried = 0;

	tvm_enter(&self->t[0], 0, guest_scan, 0);
	ASSERT_EQ(1, vcpu_sync_value(&self->t[0].vcpus[0]));
	tvm_destroy(&self->t[1]);
	tvm_create(&self->t[1], 1);
	tvm_enter(&self->t[1], 0, guest_hold, 0);
	tvm_enter(&self->t[0], 0, guest_hold, 0);
	for (enc = 0; enc < NR_ENCODINGS; enc++) {
		if (self->can[enc] != (CAN_READ | CAN_WRITE) || is_left_out(enc))
			continue;
		tried++;
		before = read_in(&self->t[1], enc);
		command[0] = enc;
		command[1] = 1;
		ASSERT_EQ(0, vcpu_sync_value(&self->t[0].vcpus[0]))
			TH_LOG("S%u_%u_C%u_C%u_%u", 2 + (enc >> 14), enc >> 11 & 7,
			       enc >> 7 & 15, enc >> 3 & 15, enc & 7);
		while_set = read_in(&self->t[1], enc);
		vcpu_sync_value(&self->t[0].vcpus[0]);
		EXPECT_EQ(before, while_set)
			TH_LOG("S%u_%u_C%u_C%u_%u", 2 + (enc >> 14), enc >> 11 & 7,
			       enc >> 7 & 15, enc >> 3 & 15, enc & 7);
	}
	TH_LOG("%u registers", tried);
	EXPECT_LT(40, tried);
}

GUEST static void guest_never(uint64_t arg)
{
	uint64_t end;

	sysreg_write("cntv_cval_el0", ~0ULL);
	sysreg_write("cntv_ctl_el0", 1);
	for (end = timer_now() + sysreg_read("cntfrq_el0") / 10; timer_now() < end;)
		;
	guest_sync(sysreg_read("cntv_ctl_el0"));
}

TEST_F(sysreg, timer_may_be_set_to_never)
{
	tvm_enter(&self->t[0], 0, guest_never, 0);
	EXPECT_EQ(1, vcpu_sync_value(&self->t[0].vcpus[0]));
}

TEST_HARNESS_MAIN
