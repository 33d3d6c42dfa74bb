// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's tracepoints, and with them the effects of /sys/kernel/gzvm.
 *
 * Needs: modes, threads
 */

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <linux/gzvm.h>

#include "guest_gic.h"
#include "gz_test.h"
#include "gzhyp_as.h"
#include "stats.h"
#include "vcpu_thread.h"

#define SPI		5
#define INTID		INTID_SPI(SPI)
#define TRACEFS		"/sys/kernel/tracing"
/* A buffer of its own: no other events, and none left when it has gone */
#define TRACE		TRACEFS "/instances/gzvm_test"
#define SYSFS		"/sys/kernel/gzvm/"
#define BLOCK		0x200000ULL

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int truncate_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	return fd < 0 ? -errno : close(fd);
}

static void read_word(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");

	if (!f || !fgets(buf, size, f))
		*buf = 0;
	if (f)
		fclose(f);
	buf[strcspn(buf, "\n")] = 0;
}

FIXTURE(trace)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	long long id;
	char batch[16];
	char destroy_batch[16];
};

FIXTURE_SETUP(trace)
{
	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (access(TRACEFS "/events", F_OK) &&
	    mount("tracefs", TRACEFS, "tracefs", 0, NULL))
		SKIP(return, "no tracefs");
	if (access(TRACEFS "/events/gzvm", F_OK))
		SKIP(return, "no tracepoints in this kernel");
	rmdir(TRACE);
	ASSERT_EQ(0, mkdir(TRACE, 0700));
	ASSERT_EQ(0, write_file(TRACE "/events/gzvm/enable", "1"));
	read_word(SYSFS "demand_paging_batch_pages", self->batch, 16);
	read_word(SYSFS "destroy_batch_pages", self->destroy_batch, 16);
	ASSERT_EQ(0, gz_kick_init());
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	self->id = fd_stat(self->t.vm.fd, "vm_id");
}

FIXTURE_TEARDOWN(trace)
{
	tvm_destroy(&self->t);
	write_file(SYSFS "demand_paging_batch_pages", self->batch);
	write_file(SYSFS "destroy_batch_pages", self->destroy_batch);
	rmdir(TRACE);
}

/* Truncating the file by an open for writing empties the trace. */
#define forget()	ASSERT_EQ(0, truncate_file(TRACE "/trace"))

static char trace[4 << 20];

/* Reads the trace as it is now. This is slow, so do it once. */
static size_t look(void)
{
	int fd = open(TRACE "/trace", O_RDONLY);
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, trace + len, sizeof(trace) - 1 - len)) > 0)
		len += n;
	trace[len] = 0;
	close(fd);
	return len;
}

/* Number of lines with this event and this text */
static int traced(const char *event, const char *text)
{
	size_t len = strlen(event);
	const char *line = trace, *end, *found;
	int n = 0;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		found = memmem(line, end - line, event, len);
		if (*line != '#' && found && found[len] == ':')
			n += !!memmem(found, end + 1 - found, text,
				      strlen(text));
	}
	return n;
}

/* The same, with the number of the VM inserted into the text */
#define traced_vm(event, format, ...)					\
({									\
	char __text[256];						\
									\
	snprintf(__text, sizeof(__text), format, self->id, ##__VA_ARGS__); \
	traced(event, __text);						\
})

GUEST static void guest_touches(uint64_t arg)
{
	guest_sync(0);
	write64(RAM_BASE + BLOCK, 1);
	guest_sync(1);
}

TEST_F(trace, entry_and_exit)
{
	int entries;

	tvm_enter(&self->t, 0, guest_touches, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	look();
	EXPECT_EQ(1, traced_vm("gzvm_vcpu_exit",
			       "vm %lld vcpu 0 reason MMIO error 0"));
	vcpu_run_to_sync(self->vcpu, 1);
	vcpu_run_to_shutdown(self->vcpu);
	look();
	EXPECT_EQ(2, traced_vm("gzvm_vcpu_exit",
			       "vm %lld vcpu 0 reason MMIO error 0"));
	EXPECT_EQ(1, traced_vm("gzvm_vcpu_exit",
			       "vm %lld vcpu 0 reason SYSTEM_EVENT error 0"));
	entries = traced_vm("gzvm_vcpu_entry", "vm %lld vcpu 0");
	EXPECT_LE(3, entries);
	EXPECT_EQ(entries, traced("gzvm_vcpu_exit", "vcpu 0"));
	EXPECT_EQ(entries, traced("gzvm_hypercall_enter", "RUN args"));
	EXPECT_EQ(entries, traced("gzvm_hypercall_leave", gzhyp_as("runerror") ?
				  "RUN status" : "RUN status 0"));
}

TEST_F(trace, fault_and_map)
{
	bool faults = has_demand_paging(&self->t);

	/* Without demand paging, all memory was mapped when the slot was created */
	look();
	EXPECT_EQ(faults, !traced("gzvm_map", "slot 0 gfn 0x80000"));
	tvm_enter(&self->t, 0, guest_touches, 0);
	vcpu_run_to_sync(self->vcpu, 0);
	forget();
	vcpu_run_to_sync(self->vcpu, 1);
	look();
	EXPECT_EQ(faults, traced_vm("gzvm_fault",
				    "vm %lld gpa 0x80200000 error 0"));
	EXPECT_EQ(faults, traced("gzvm_fault", "gpa"));
	if (faults)
		EXPECT_EQ(1, traced_vm("gzvm_map",
				       "vm %lld slot 0 gfn 0x80200 pages"));
}

/*
 * Its timer fires in an hour: the driver then need not bound the sleep, so there is
 * one sleep only, and the signal finds the vCPU asleep.
 */
GUEST static void guest_waits(uint64_t arg)
{
	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID, 1, 0);
	timer_start(3600 * sysreg_read("cntfrq_el0"));
	guest_sync(gic_wait());
}

static void *run_to_sync(void *arg)
{
	uint64_t value = 0;
	long ret = __vcpu_run_to_sync(arg, &value);

	return (void *)(ret ? ret : (long)value);
}

TEST_F(trace, inject_wake_and_idle)
{
	pthread_t thread;
	void *ret;

	tvm_enter(&self->t, 0, guest_waits, 0);
	pthread_create(&thread, NULL, run_to_sync, self->vcpu);
	wait_for_stat(self->vcpu->fd, "sleeps", 0);
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 1));
	pthread_join(thread, &ret);
	ASSERT_EQ(INTID, (long)ret);
	ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, 0));
	look();
	EXPECT_EQ(1, traced_vm("gzvm_inject",
			       "vm %lld spi 5 level 1 error 0"));
	EXPECT_EQ(1, traced_vm("gzvm_inject",
			       "vm %lld spi 5 level 0 error 0"));
	/* If the timer may be due, the vCPU sleeps several times, or not when it is woken. */
	if (gzhyp_as("idlenodelay"))
		return;
	EXPECT_EQ(1, traced_vm("gzvm_wake", "vm %lld sleepers 0x1\n"));
	EXPECT_EQ(1, traced_vm("gzvm_vcpu_idle", "vm %lld vcpu 0 for"));
	EXPECT_EQ(1, traced_vm("gzvm_vcpu_exit",
			       "vm %lld vcpu 0 reason IDLE error 0"));
}

/* Each call by its name: as many entries as exits, with their arguments. */
TEST_F(trace, hypercalls)
{
	static const char * const calls[] = {
		"CREATE_VM", "DESTROY_VM", "CREATE_VCPU", "DESTROY_VCPU",
		"SET_MEMREGION", "GET_ONE_REG", "SET_ONE_REG", "IRQ_LINE",
		"CREATE_DEVICE", "ENABLE_CAP", "MEMREGION_PURPOSE",
		"SET_DTB_CONFIG", "RUN",
	};
	char enter[64], leave[64];
	uint64_t pc;
	unsigned int i;
	long long id;
	struct tvm t;

	forget();
	tvm_create(&t, 1);
	id = fd_stat(t.vm.fd, "vm_id");
	tvm_enter(&t, 0, guest_touches, 0);
	gz_vcpu_get_reg(&t.vcpus[0], GZ_REG_PC, &pc);
	EXPECT_EQ(0, gz_vm_irq_line(&t.vm, SPI, 1));
	EXPECT_EQ(0, gz_vm_set_dtb(&t.vm, FREE_BASE, 4096));
	vcpu_run_to_sync(&t.vcpus[0], 0);
	tvm_destroy(&t);

	look();
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		snprintf(enter, sizeof(enter), "%s args {0x", calls[i]);
		snprintf(leave, sizeof(leave), "%s status ", calls[i]);
		EXPECT_LE(1, traced("gzvm_hypercall_enter", enter))
			TH_LOG("%s", calls[i]);
		EXPECT_EQ(traced("gzvm_hypercall_enter", enter),
			  traced("gzvm_hypercall_leave", leave))
			TH_LOG("%s", calls[i]);
	}
	snprintf(leave, sizeof(leave), "CREATE_VM status 0 results 0x%llx ", id);
	EXPECT_EQ(1, traced("gzvm_hypercall_leave", leave));
	snprintf(enter, sizeof(enter), "IRQ_LINE args {0x%llx,0x%x,0x1,", id << 16,
		 gzhyp_as("old") ? INTID : SPI);
	EXPECT_EQ(1, traced("gzvm_hypercall_enter", enter));
	snprintf(enter, sizeof(enter), "SET_DTB_CONFIG args {0x%llx,0x%x,0x1000,",
		 id, FREE_BASE);
	EXPECT_EQ(1, traced("gzvm_hypercall_enter", enter));
}

static bool is_paged_by_block(struct tvm *t)
{
	uint64_t cap = GZVM_CAP_BLOCK_BASED_DEMAND_PAGING;

	return !gz_ioctl(t->vm.fd, GZVM_CHECK_EXTENSION, (unsigned long)&cap);
}

/* A block is mapped in as many calls as the file says. */
TEST_F(trace, demand_paging_batch_is_obeyed)
{
	static const unsigned int batches[] = { 512, 1, 64, 256 };
	char batch[16], text[64];
	unsigned int i;

	if (!is_paged_by_block(&self->t))
		SKIP(return, "no demand paging by block");
	if (gzhyp_as("wholeblocks"))
		SKIP(return, "the hypervisor takes whole blocks only");
	for (i = 0; i < ARRAY_SIZE(batches); i++) {
		struct tvm t;

		snprintf(batch, sizeof(batch), "%u", batches[i]);
		ASSERT_EQ(0, write_file(SYSFS "demand_paging_batch_pages",
					batch));
		tvm_create(&t, 1);
		tvm_enter(&t, 0, guest_touches, 0);
		vcpu_run_to_sync(&t.vcpus[0], 0);
		forget();
		vcpu_run_to_sync(&t.vcpus[0], 1);
		look();
		snprintf(text, sizeof(text), "pages %u error 0", batches[i]);
		EXPECT_EQ(512 / batches[i], traced("gzvm_map", text))
			TH_LOG("batch of %u", batches[i]);
		EXPECT_EQ(512 / batches[i],
			  traced("gzvm_hypercall_enter", "MAP_GUEST_BLOCK args"));
		tvm_destroy(&t);
	}
}

/* The fewer pages in a step, the more steps. Each call has the number of pages. */
TEST_F(trace, destroy_batch_is_obeyed)
{
	static const unsigned int batches[] = { 16, 2048 };
	int calls[ARRAY_SIZE(batches)];
	char batch[16], text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(batches); i++) {
		long long id;
		struct tvm t;

		snprintf(batch, sizeof(batch), "%u", batches[i]);
		ASSERT_EQ(0, write_file(SYSFS "destroy_batch_pages", batch));
		tvm_create(&t, 1);
		tvm_enter(&t, 0, guest_touches, 0);
		vcpu_run_to_sync(&t.vcpus[0], 0);
		vcpu_run_to_sync(&t.vcpus[0], 1);
		id = fd_stat(t.vm.fd, "vm_id");
		forget();
		tvm_destroy(&t);
		look();
		snprintf(text, sizeof(text), "DESTROY_VM args {0x%llx,0x%x,",
			 id, batches[i]);
		calls[i] = traced("gzvm_hypercall_enter", text);
		EXPECT_EQ(calls[i], traced("gzvm_hypercall_leave", "DESTROY_VM"));
		EXPECT_EQ(1, traced("gzvm_hypercall_leave",
				    "DESTROY_VM status 0 "));
	}
	TH_LOG("%d calls, %d calls", calls[0], calls[1]);
	if (has_demand_paging(&self->t) && !is_paged_by_block(&self->t))
		SKIP(return, "few pages to take back");
	EXPECT_GT(calls[0], calls[1]);
}

TEST_HARNESS_MAIN
