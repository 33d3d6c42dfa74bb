// SPDX-License-Identifier: GPL-2.0
/*
 * The host ends the machine by PSCI, and the firmware refuses: the memory of
 * protected guests must have been wiped by then. QEMU has no SYSTEM_RESET2.
 *
 * Needs: controls
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#include "controls.h"
#include "gz_test.h"
#include "protected.h"

#define PAGE		0x1000ULL
#define SECRET		0x5ec4e75ec4e7ULL
#define PSCI_RESET2	"c4000012"

sigjmp_buf pvm_caught;

FIXTURE(reset)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	uint64_t *shared;
};

FIXTURE_SETUP(reset)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	self->shared = tvm_at(&self->t, FREE_BASE);
}

FIXTURE_TEARDOWN(reset)
{
	if (no_gzvm() || no_controls())
		return;
	tvm_destroy(&self->t);
	EXPECT_TRUE(ctl_check_ok());
}

static int smc(const char *call)
{
	int fd = open(CTL_DIR "smc", O_WRONLY | O_CLOEXEC);
	int ret = write(fd, call, strlen(call)) < 0 ? -errno : 0;

	close(fd);
	return ret;
}

/* The page that the host can access shows what happens to the others. */
GUEST static void guest_stay(uint64_t page)
{
	uint64_t i;

	hvc3(HVC_SHARE, page, 0, 0);
	write64(page + PAGE, SECRET);
	for (i = 1;; i++)
		write64(page, i);
}

/* This is 0, too, while only the guest may access the page */
static uint64_t peek(const uint64_t *p)
{
	volatile uint64_t value = 0;

	signal_of(value = *(const volatile uint64_t *)p);
	return value;
}

static void *run(void *arg)
{
	return (void *)(long)__vcpu_run(arg);
}

GUEST static void guest_hello(uint64_t value)
{
	guest_sync(value);
}

TEST_F(reset, guest_is_stopped_and_wiped_before_the_firmware_is_asked)
{
	pthread_t thread;
	struct tvm other;
	void *ret;
	int i;

	ASSERT_EQ(0, pvm_protect(&self->t));
	tvm_enter(&self->t, 0, guest_stay, FREE_BASE);
	pthread_create(&thread, NULL, run, self->vcpu);
	while (!peek(self->shared))
		sched_yield();

	EXPECT_EQ(-EIO, smc(PSCI_RESET2));
	pthread_join(thread, &ret);
	EXPECT_EQ(-EINVAL, (long)ret);
	EXPECT_EQ(0, *self->shared);
	EXPECT_EQ(-EINVAL, __vcpu_run(self->vcpu));

	/* Other VMs work as before. */
	for (i = 0; i < 2; i++) {
		tvm_create(&other, 1);
		tvm_enter(&other, 0, guest_hello, 5);
		vcpu_run_to_sync(&other.vcpus[0], 5);
		tvm_destroy(&other);
	}
}

TEST_HARNESS_MAIN
