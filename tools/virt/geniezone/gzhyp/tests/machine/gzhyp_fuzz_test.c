// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzz of the hypervisor's calls: the module of the test controls makes them
 * from all CPUs at once. EL2 and the host must survive, EL2's data must be
 * consistent at all times, and at the end EL2 must own what it owned before.
 *
 * gz.fuzz=CALLS,SEED on the kernel's command line selects another fuzz.
 *
 * Needs: controls
 */

#include <fcntl.h>
#include <stdio.h>

#include "controls.h"
#include "gz_test.h"

static void wanted(unsigned long long *calls, unsigned long long *seed)
{
	FILE *f = fopen("/proc/cmdline", "re");
	char word[256];

	*calls = 100000;
	*seed = 1;
	while (f && fscanf(f, "%255s", word) == 1)
		sscanf(word, "gz.fuzz=%llu,%llu", calls, seed);
	if (f)
		fclose(f);
}

static int start_fuzz(unsigned long long calls, unsigned long long seed)
{
	int fd = open(CTL_DIR "fuzz", O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%llu %llu", seed, calls) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/*
 * Some calls of each of these kinds must have succeeded, or the fuzz shows
 * little.
 */
static const unsigned int kinds[] = {
	HC_CREATE_VM, HC_DESTROY_VM, HC_CREATE_VCPU, HC_DESTROY_VCPU,
	HC_SET_MEMREGION, HC_RUN, HC_GET_ONE_REG, HC_SET_ONE_REG, HC_IRQ_LINE,
	HC_CREATE_DEVICE, HC_ENABLE_CAP, HC_INFORM_EXIT, HC_MEMREGION_PURPOSE,
	HC_SET_DTB_CONFIG, HC_MAP_GUEST, HC_GET_STATISTICS,
};

static void show(const char *text)
{
	int len;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		printf("# %.*s\n", len, text);
	}
}

FIXTURE(fuzz)
{
	char text[8192];
};

FIXTURE_SETUP(fuzz)
{
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, ctl_reset());
}

FIXTURE_TEARDOWN(fuzz)
{
}

TEST_F_TIMEOUT(fuzz, hostile_host_harms_nobody, 3600)
{
	unsigned long long calls, seed;
	char want[40];
	unsigned int i;
	int ret;

	wanted(&calls, &seed);
	ret = start_fuzz(calls, seed);
	ASSERT_LT(0, ctl_read("fuzz", self->text, sizeof(self->text)));
	show(self->text);
	EXPECT_EQ(0, ret)
		TH_LOG("%s", strerror(-ret));
	EXPECT_NE(NULL, strstr(self->text, "result ok\n"));
	EXPECT_TRUE(ctl_check_ok());
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(want, sizeof(want), "kind %u 0:", kinds[i]);
		EXPECT_NE(NULL, strstr(self->text, want))
			TH_LOG("no call of kind %u succeeded", kinds[i]);
	}
}

TEST_HARNESS_MAIN
