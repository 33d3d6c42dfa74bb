// SPDX-License-Identifier: GPL-2.0
/* The life of a VM from its creation to its end, in steps that can be repeated. */

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libgzvm.h>

#include "controls.h"
#include "guest.h"
#include "life.h"

#define DEBUGFS_GZVM	"/sys/kernel/debug/gzvm"
#define SPI		7
#define HVC_RELINQUISH	0xc6000009

/* The guest writes to it; it is the last page of LIFE_RAM */
#define LIFE_PAGE	(RAM_BASE + LIFE_RAM - 0x1000)

/* The guest counts until it may continue. */
#define SHARED_GO	SHARED_BASE
#define SHARED_COUNT	(SHARED_BASE + 8)

GUEST static void guest_life(uint64_t page)
{
	uint64_t count = 0;

	while (!read64(SHARED_GO))
		write64(SHARED_COUNT, ++count);
	write64(page, 1);
	guest_sync(1);
	hvc3(HVC_RELINQUISH, page, 0, 0);
	write64(page, 2);
	guest_sync(2);
}

static int do_vm(struct life *l)
{
	int ret = gz_vm_create(&l->t.vm);

	if (ret)
		gz_vm_destroy(&l->t.vm);
	return ret;
}

static int do_slot(struct life *l)
{
	return gz_memory_attach(&l->t.mem, &l->t.vm, TVM_RAM_SLOT);
}

static int do_dist(struct life *l)
{
	return gz_vm_create_device(&l->t.vm, GZVM_DEV_TYPE_ARM_VGIC_V3_DIST,
				   GICD_BASE, 0x10000);
}

/* With attributes, which the hypervisor ignores */
static int do_redist(struct life *l)
{
	uint64_t blob = 0;
	struct gzvm_create_device device = {
		.dev_type = GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST,
		.dev_addr = GICD_BASE - 0x20000,
		.dev_reg_size = 0x20000,
		.attr_addr = (uintptr_t)&blob,
		.attr_size = sizeof(blob),
	};

	return gz_ioctl(l->t.vm.fd, GZVM_CREATE_DEVICE, (unsigned long)&device);
}

static int do_vcpu(struct life *l)
{
	int ret = gz_vcpu_create(&l->t.vm, &l->t.vcpus[0], 0);

	if (!ret)
		l->t.nr_vcpus = 1;
	return ret;
}

static int do_dtb(struct life *l)
{
	return gz_vm_set_dtb(&l->t.vm, LIFE_PAGE, 0x1000);
}

static int do_entry(struct life *l)
{
	return __tvm_enter(&l->t, 0, guest_life, LIFE_PAGE);
}

static int do_get_reg(struct life *l)
{
	uint64_t value;

	return gz_vcpu_get_reg(&l->t.vcpus[0], GZ_REG_PC, &value);
}

static void do_nothing(int sig)
{
}

struct kick {
	uint64_t *count;
	pthread_t target;
	atomic_bool stop;
};

/* When the guest runs, its thread gets a signal. */
static void *kick_fn(void *arg)
{
	struct kick *kick = arg;

	while (!__atomic_load_n(kick->count, __ATOMIC_ACQUIRE))
		if (atomic_load(&kick->stop))
			return NULL;
	pthread_kill(kick->target, SIGUSR2);
	return NULL;
}

/* A signal ends the run; then the guest may continue. */
static int do_interrupted_run(struct life *l)
{
	struct kick kick = {
		.count = tvm_at(&l->t, SHARED_COUNT),
		.target = pthread_self(),
	};
	struct sigaction sa = { .sa_handler = do_nothing };
	pthread_t thread;
	int ret;

	*kick.count = 0;
	sigaction(SIGUSR2, &sa, NULL);
	pthread_create(&thread, NULL, kick_fn, &kick);
	ret = gz_vcpu_run(&l->t.vcpus[0]);
	atomic_store(&kick.stop, true);
	pthread_join(thread, NULL);
	if (ret != -EINTR)
		return ret ? ret : -EPROTO;
	*(uint64_t *)tvm_at(&l->t, SHARED_GO) = 1;
	return 0;
}

static int do_irq_up(struct life *l)
{
	return gz_vm_irq_line(&l->t.vm, SPI, 1);
}

static int do_irq_down(struct life *l)
{
	return gz_vm_irq_line(&l->t.vm, SPI, 0);
}

/*
 * Runs to the guest's next guest_sync(). Unlike __vcpu_run(), does not repeat
 * on EAGAIN
 */
static int do_run(struct life *l)
{
	int ret = gz_vcpu_run(&l->t.vcpus[0]);

	if (!ret && l->t.vcpus[0].run.exit_reason != GZVM_EXIT_MMIO)
		return -EPROTO;
	return ret;
}

static int do_run_out(struct life *l)
{
	int ret = gz_vcpu_run(&l->t.vcpus[0]);

	if (!ret && l->t.vcpus[0].run.exit_reason != GZVM_EXIT_SYSTEM_EVENT)
		return -EPROTO;
	return ret;
}

/* This process has only one VM: the name of one directory begins with its pid. */
static int do_statistics(struct life *l)
{
	char path[512], text[40], prefix[16];
	struct dirent *entry;
	DIR *dir = opendir(DEBUGFS_GZVM);
	int ret = -ENOENT;
	FILE *f;

	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), DEBUGFS_GZVM "/%s/protected_hyp_mem",
			 entry->d_name);
		f = fopen(path, "re");
		errno = 0;
		ret = f && fgets(text, sizeof(text), f) ? 0 : -errno;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* The steps in their order; the last entry has no name */
const struct life_step life_steps[] = {
	{ "VM", do_vm },
	{ "slot", do_slot },
	{ "distributor", do_dist },
	{ "redistributor", do_redist },
	{ "vCPU", do_vcpu },
	{ "DTB", do_dtb },
	{ "entry", do_entry },
	{ "get register", do_get_reg },
	{ "interrupted run", do_interrupted_run },
	{ "irq up", do_irq_up },
	{ "irq down", do_irq_down },
	{ "run", do_run },
	{ "relinquish", do_run },
	{ "run to the end", do_run_out },
	{ "statistics", do_statistics },
	{}
};

/**
 * life_begin() - make memory with the guest's code, before all steps
 * @l: cleared here
 * @ram_size: bytes of RAM, at least LIFE_RAM
 *
 * Return: 0 or -errno.
 */
int life_begin(struct life *l, uint64_t ram_size)
{
	int ret;

	memset(l, 0, sizeof(*l));
	l->t.vm.fd = -1;
	l->t.vm.dev_fd = -1;
	ret = gz_memory_alloc(&l->t.mem, RAM_BASE, ram_size);
	return ret ? ret : tvm_load_code(&l->t);
}

static bool has(struct life *l, uint64_t cap)
{
	uint64_t value;

	return !gz_check_cap(l->t.vm.fd, cap, &value);
}

/**
 * life_undone() - the state that a failed step must not have changed
 * @l: the life
 * @step: name of the step
 *
 * Memory of the guest cannot be taken back, and the hypervisor does not forget a slot.
 *
 * Return: CTL_VIEW_*
 */
unsigned int life_undone(struct life *l, const char *step)
{
	if (!strcmp(step, "slot") || !strcmp(step, "other slot"))
		return has(l, GZVM_CAP_ENABLE_DEMAND_PAGING) ?
			CTL_VIEW_PINS | CTL_VIEW_HOST : CTL_VIEW_HOST;
	if (!strcmp(step, "protect"))
		return has(l, GZVM_CAP_ENABLE_DEMAND_PAGING) &&
		       !has(l, GZVM_CAP_BLOCK_BASED_DEMAND_PAGING) ?
			CTL_VIEW_HOST : CTL_VIEW_ALL;
	if (strstr(step, "run") || !strcmp(step, "relinquish"))
		return CTL_VIEW_HOST;
	return CTL_VIEW_ALL;
}
