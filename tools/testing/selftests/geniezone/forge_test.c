// SPDX-License-Identifier: GPL-2.0
/*
 * Exits that no guest can cause: the hypervisor returns invalid data. The VMM
 * must get the result that Documentation/virt/geniezone/api.rst defines. The
 * guest was not entered meanwhile, and must continue as if nothing had
 * happened.
 *
 * Needs: controls, modes
 */

#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#include "controls.h"
#include "gz_test.h"
#include "kmsg.h"

/* ICH_LR_EL2 of an SPI that the guest has ended: EOI, not HW, no state */
#define LR_EOI		(1ULL << 41)
#define LR_HW		(1ULL << 61)
#define LR_PENDING	(1ULL << 62)
#define SPI		5

#define HVC_PTP		0x86000001ULL
#define HVC_RELINQUISH	0xc6000009ULL

FIXTURE(forge)
{
	struct tvm t;
	struct gz_vcpu *vcpu;
	struct ctl_exit exit;
	struct gzvm_vcpu_run *page;
	struct gzvm_vcpu_run *run;
	uint64_t next;
	int kmsg;
	struct ctl_count count[HC_KINDS];
	struct ctl_record record[1024];
};

GUEST static void guest_steps(uint64_t arg)
{
	uint64_t i;

	for (i = 1;; i++)
		guest_sync(i);
}

FIXTURE_SETUP(forge)
{
	int vm;

	if (no_gzvm())
		SKIP(return, NO_GZVM);
	if (no_controls())
		SKIP(return, NO_CONTROLS);
	ASSERT_EQ(0, ctl_reset());
	self->kmsg = kmsg_open();
	ASSERT_LE(0, self->kmsg);
	tvm_create(&self->t, 1);
	self->vcpu = &self->t.vcpus[0];
	self->run = &self->vcpu->run;
	self->page = (struct gzvm_vcpu_run *)self->exit.run;
	vm = ctl_newest_vm();
	ASSERT_LT(0, vm);
	self->exit.vm = vm;
	tvm_enter(&self->t, 0, guest_steps, 0);
	vcpu_run_to_sync(self->vcpu, 1);
	self->next = 2;
}

FIXTURE_TEARDOWN(forge)
{
	if (no_gzvm() || no_controls())
		return;
	tvm_destroy(&self->t);
	/* The driver must not fill the log with messages, whatever EL2 returns. */
	EXPECT_EQ(0, kmsg_of_driver(self->kmsg));
	close(self->kmsg);
	EXPECT_TRUE(ctl_check_ok());
	ctl_reset();
}

/* Sets the next exit, self->exit; the rest of the page is random data. */
#define forge_begin(why)						\
do {									\
	memset(self->exit.run, 0xa5, sizeof(self->exit.run));		\
	memset(&self->exit.hw, 0, sizeof(self->exit.hw));		\
	self->exit.reason = (why);					\
	self->page->exit_reason = (why);				\
	self->page->immediate_exit = 0;					\
	memset(self->page->padding1, 0, 3);				\
} while (0)

#define forge_run()							\
do {									\
	ASSERT_EQ(0, ctl_forge(&self->exit, false));			\
	ASSERT_EQ(0, __vcpu_run(self->vcpu));				\
} while (0)

#define expect_guest_goes_on()	\
	vcpu_run_to_sync(self->vcpu, self->next++)

#define expect_internal_error(first, second)				\
do {									\
	EXPECT_EQ(GZVM_EXIT_INTERNAL_ERROR, self->run->exit_reason)	\
		TH_LOG("exit is %s", exit_name(self->vcpu));		\
	EXPECT_EQ(0, self->run->internal.suberror);			\
	EXPECT_EQ(2, self->run->internal.ndata);			\
	EXPECT_EQ((first), self->run->internal.data[0]);		\
	EXPECT_EQ((second), self->run->internal.data[1]);		\
} while (0)

TEST_F(forge, unknown_reason_is_an_internal_error)
{
	static const uint64_t reasons[] = {
		GZVM_EXIT_UNKNOWN, 0x9292000c, 0x9292000e, 0x929200ff, 0, 1,
		0x7fffffff, 0xffffffff, ~0ULL,
		(1ULL << 32) | GZVM_EXIT_MMIO, (1ULL << 63) | GZVM_EXIT_IRQ,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		forge_begin(reasons[i]);
		forge_run();
		expect_internal_error(reasons[i], 0);
		expect_guest_goes_on();
	}
}

TEST_F(forge, mmio_of_another_size_is_an_internal_error)
{
	static const uint64_t sizes[] = {
		0, 3, 5, 6, 7, 9, 16, 255, 256, 1ULL << 32, (1ULL << 32) + 8,
		1ULL << 63, ~0ULL,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		forge_begin(GZVM_EXIT_MMIO);
		self->page->mmio.size = sizes[i];
		forge_run();
		expect_internal_error(GZVM_EXIT_MMIO, sizes[i]);
		expect_guest_goes_on();
	}
}

TEST_F(forge, mmio_reaches_the_vmm_as_it_is)
{
	static const uint8_t writes[] = { 0, 1, 2, 0x80, 0xff };
	uint64_t size, zero = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		for (size = 1; size <= 8; size *= 2) {
			forge_begin(GZVM_EXIT_MMIO);
			self->page->mmio.phys_addr = ~0ULL - i;
			self->page->mmio.size = size;
			self->page->mmio.is_write = writes[i];
			forge_run();
			ASSERT_EQ(GZVM_EXIT_MMIO, self->run->exit_reason);
			EXPECT_EQ(~0ULL - i, self->run->mmio.phys_addr);
			EXPECT_EQ(size, self->run->mmio.size);
			EXPECT_EQ(!!writes[i], !!self->run->mmio.is_write);
			if (writes[i])
				EXPECT_EQ(0, memcmp(self->run->mmio.data,
						    self->page->mmio.data, size));
			EXPECT_EQ(0, memcmp(self->run->mmio.data + size, &zero,
					    8 - size));
			expect_guest_goes_on();
		}
	}
}

/* The result of RUN counts, not the reason in the page. */
TEST_F(forge, reason_is_taken_from_the_register)
{
	forge_begin(GZVM_EXIT_DEBUG);
	self->page->exit_reason = GZVM_EXIT_IRQ;
	forge_run();
	EXPECT_EQ(GZVM_EXIT_DEBUG, self->run->exit_reason);
	expect_guest_goes_on();
}

TEST_F(forge, immediate_exit_is_not_the_hypervisors)
{
	forge_begin(GZVM_EXIT_SHUTDOWN);
	self->page->immediate_exit = 1;
	memset(self->page->padding1, 0xff, 3);
	forge_run();
	EXPECT_EQ(GZVM_EXIT_SHUTDOWN, self->run->exit_reason);
	EXPECT_EQ(0, self->run->immediate_exit);
	EXPECT_EQ(0, self->run->padding1[0]);
	expect_guest_goes_on();
}

TEST_F(forge, number_of_data_is_bounded)
{
	static const uint32_t counts[] = { 0, 1, 16, 17, 0x7fffffff, 0xffffffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		forge_begin(GZVM_EXIT_SYSTEM_EVENT);
		self->page->system_event.type = GZVM_SYSTEM_EVENT_CRASH;
		self->page->system_event.ndata = counts[i];
		forge_run();
		ASSERT_EQ(GZVM_EXIT_SYSTEM_EVENT, self->run->exit_reason);
		EXPECT_EQ(GZVM_SYSTEM_EVENT_CRASH, self->run->system_event.type);
		EXPECT_EQ(counts[i] > 16 ? 16 : counts[i],
			  self->run->system_event.ndata);
		expect_guest_goes_on();

		forge_begin(GZVM_EXIT_INTERNAL_ERROR);
		self->page->internal.suberror = 77;
		self->page->internal.ndata = counts[i];
		forge_run();
		ASSERT_EQ(GZVM_EXIT_INTERNAL_ERROR, self->run->exit_reason);
		EXPECT_EQ(77, self->run->internal.suberror);
		EXPECT_EQ(counts[i] > 16 ? 16 : counts[i],
			  self->run->internal.ndata);
		expect_guest_goes_on();
	}
}

TEST_F(forge, raw_exits_are_passed_on_unchanged)
{
	static const uint32_t reasons[] = { GZVM_EXIT_DEBUG, GZVM_EXIT_SHUTDOWN };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		forge_begin(reasons[i]);
		for (j = 0; j < sizeof(self->page->padding); j++)
			self->page->padding[j] = j ^ 0x3c;
		forge_run();
		ASSERT_EQ(reasons[i], self->run->exit_reason);
		EXPECT_EQ(0, memcmp(self->run->padding, self->page->padding,
				    sizeof(self->page->padding)));
		expect_guest_goes_on();
	}
}

TEST_F(forge, failed_entry_is_told)
{
	forge_begin(GZVM_EXIT_FAIL_ENTRY);
	self->page->fail_entry.hardware_entry_failure_reason = ~0ULL;
	self->page->fail_entry.cpu = 0xffffffff;
	forge_run();
	ASSERT_EQ(GZVM_EXIT_FAIL_ENTRY, self->run->exit_reason);
	EXPECT_EQ(~0ULL, self->run->fail_entry.hardware_entry_failure_reason);
	EXPECT_EQ(0xffffffff, self->run->fail_entry.cpu);
	expect_guest_goes_on();
}

TEST_F(forge, fault_outside_of_slots_reaches_the_vmm)
{
	static const uint64_t gpas[] = {
		0, 0xfff, RAM_BASE - 1, RAM_BASE + RAM_SIZE, 1ULL << 40,
		1ULL << 52, 1ULL << 63, ~0ULL, ~0ULL - 0xfff,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gpas); i++) {
		forge_begin(GZVM_EXIT_EXCEPTION);
		self->page->exception.exception = GZVM_EXCEPTION_PAGE_FAULT;
		self->page->exception.fault_gpa = gpas[i];
		forge_run();
		ASSERT_EQ(GZVM_EXIT_EXCEPTION, self->run->exit_reason);
		EXPECT_EQ(GZVM_EXCEPTION_PAGE_FAULT,
			  self->run->exception.exception);
		EXPECT_EQ(gpas[i], self->run->exception.fault_gpa);
		expect_guest_goes_on();
	}
}

TEST_F(forge, other_exceptions_reach_the_vmm)
{
	static const uint32_t types[] = { 0, 2, 255, 0xffffffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		forge_begin(GZVM_EXIT_EXCEPTION);
		self->page->exception.exception = types[i];
		self->page->exception.fault_gpa = RAM_BASE;
		forge_run();
		ASSERT_EQ(GZVM_EXIT_EXCEPTION, self->run->exit_reason);
		EXPECT_EQ(types[i], self->run->exception.exception);
		expect_guest_goes_on();
	}
}

/* The guest has these pages, or gets them now: the VMM need not know. */
TEST_F(forge, fault_in_a_slot_is_served)
{
	static const uint64_t gpas[] = {
		RAM_BASE, RAM_BASE + 1, RAM_BASE + 0xfff, BOOT_BASE + 0x123,
		RAM_BASE + RAM_SIZE - 1,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gpas); i++) {
		forge_begin(GZVM_EXIT_EXCEPTION);
		self->page->exception.exception = GZVM_EXCEPTION_PAGE_FAULT;
		self->page->exception.fault_gpa = gpas[i];
		ASSERT_EQ(0, ctl_forge(&self->exit, false));
		expect_guest_goes_on();
	}
}

/* The driver handles it, whatever the arguments: the guest continues. */
TEST_F(forge, guest_calls_of_the_driver_take_any_argument)
{
	static const uint64_t calls[][2] = {
		{ HVC_PTP, 0 }, { HVC_PTP, 1 }, { HVC_PTP, 2 }, { HVC_PTP, ~0ULL },
		{ 0xffffffff00000000ULL | HVC_PTP, 1ULL << 63 },
		{ HVC_RELINQUISH, 0 }, { HVC_RELINQUISH, 1 },
		{ HVC_RELINQUISH, ~0ULL }, { HVC_RELINQUISH, 1ULL << 63 },
		{ HVC_RELINQUISH, RAM_BASE - 1 },
		{ HVC_RELINQUISH, RAM_BASE + RAM_SIZE },
		{ HVC_RELINQUISH, ~0xfffULL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		forge_begin(GZVM_EXIT_HYPERCALL);
		self->page->hypercall.args[0] = calls[i][0];
		self->page->hypercall.args[1] = calls[i][1];
		ASSERT_EQ(0, ctl_forge(&self->exit, false));
		expect_guest_goes_on();
	}
}

TEST_F(forge, other_guest_calls_reach_the_vmm)
{
	static const uint64_t calls[] = {
		0, ~0ULL, HVC_PTP + 1, HVC_RELINQUISH + 1, 0x84000008,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		forge_begin(GZVM_EXIT_HYPERCALL);
		self->page->hypercall.args[0] = calls[i];
		forge_run();
		ASSERT_EQ(GZVM_EXIT_HYPERCALL, self->run->exit_reason);
		EXPECT_EQ(0, memcmp(self->run->hypercall.args,
				    self->page->hypercall.args, 64));
		expect_guest_goes_on();
	}
}

TEST_F(forge, exits_without_a_message_are_not_told)
{
	static const uint32_t reasons[] = {
		GZVM_EXIT_IRQ, GZVM_EXIT_GZ, GZVM_EXIT_IPI,
	};
	unsigned int i;

	for (i = 0; i < 20 * ARRAY_SIZE(reasons); i++) {
		forge_begin(reasons[i % ARRAY_SIZE(reasons)]);
		ASSERT_EQ(0, ctl_forge(&self->exit, false));
		expect_guest_goes_on();
	}
}

static void do_nothing(int sig)
{
}

static int interrupted(struct gz_vcpu *vcpu)
{
	int n = 0;

	while (gz_vcpu_run(vcpu) == -EINTR)
		n++;
	return n;
}

/* No such timer ever fires, but a signal ends the sleep. */
TEST_F(forge, sleep_that_nothing_ends_is_ended_by_a_signal)
{
	static const uint64_t delays[] = { 1ULL << 62, ~0ULL };
	struct itimerval often = {
		.it_interval.tv_usec = 20000, .it_value.tv_usec = 20000,
	};
	struct sigaction sa = { .sa_handler = do_nothing };
	unsigned int i;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		forge_begin(GZVM_EXIT_IDLE);
		self->exit.hw.vtimer_offset = ~0ULL;
		self->exit.hw.vtimer_delay = delays[i];
		self->exit.hw.vtimer_migrate = 0xffffffff;
		ASSERT_EQ(0, ctl_forge(&self->exit, true));
		EXPECT_LT(0, interrupted(self->vcpu));
		ASSERT_EQ(GZVM_EXIT_MMIO, self->run->exit_reason);
		EXPECT_EQ(0, memcmp(&self->next, self->run->mmio.data, 8));
		self->next++;
	}
}

/* EL2 reports no deadline, hence the driver must not wait for an event only. */
TEST_F(forge, sleep_without_a_deadline_ends)
{
	static const uint32_t migrate[] = { 0, 1 };
	unsigned int i, again;

	for (i = 0; i < ARRAY_SIZE(migrate); i++) {
		for (again = 0; again < 3; again++) {
			forge_begin(GZVM_EXIT_IDLE);
			self->exit.hw.vtimer_migrate = migrate[i];
			ASSERT_EQ(0, ctl_forge(&self->exit, true));
			expect_guest_goes_on();
		}
	}
}

TEST_F(forge, timer_ends_the_sleep)
{
	forge_begin(GZVM_EXIT_IDLE);
	self->exit.hw.vtimer_delay = 1;
	self->exit.hw.vtimer_migrate = 1;
	ASSERT_EQ(0, ctl_forge(&self->exit, true));
	expect_guest_goes_on();
}

static int add_resample(struct tvm *t, int fd, int resamplefd)
{
	struct gzvm_irqfd irqfd = {
		.fd = fd, .gsi = SPI, .flags = GZVM_IRQFD_FLAG_RESAMPLE,
		.resamplefd = resamplefd,
	};

	return gz_ioctl(t->vm.fd, GZVM_IRQFD, (unsigned long)&irqfd);
}

/* One list register, and a number of list registers: is it the EOI of SPI? */
static const struct {
	uint64_t lr;
	uint32_t nr;
	unsigned int index;
	bool eoi;
} lists[] = {
	{ LR_EOI | INTID_SPI(SPI), 1, 0, true },
	{ LR_EOI | INTID_SPI(SPI), 16, 15, true },
	{ LR_EOI | INTID_SPI(SPI), 0xffffffff, 15, true },
	{ LR_EOI | INTID_SPI(SPI), 0, 0, false },
	{ LR_EOI | LR_HW | INTID_SPI(SPI), 1, 0, false },
	{ LR_EOI | LR_PENDING | INTID_SPI(SPI), 1, 0, false },
	{ LR_EOI | INTID_SPI(SPI + 1), 1, 0, false },
	{ LR_EOI | SPI, 1, 0, false },
	{ LR_EOI | 0xffffffff, 0xffffffff, 0, false },
	{ ~0ULL, 0xffffffff, 15, false },
};

TEST_F(forge, list_registers_are_believed_within_bounds)
{
	int fd = eventfd(0, EFD_NONBLOCK), resample = eventfd(0, EFD_NONBLOCK);
	eventfd_t count;
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, resample);
	ASSERT_EQ(0, add_resample(&self->t, fd, resample));
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		ASSERT_EQ(0, eventfd_write(fd, 1));
		forge_begin(GZVM_EXIT_IRQ);
		self->exit.hw.nr_lrs = lists[i].nr;
		self->exit.hw.lr[lists[i].index] = lists[i].lr;
		ASSERT_EQ(0, ctl_forge(&self->exit, true));
		expect_guest_goes_on();
		EXPECT_EQ(lists[i].eoi, !eventfd_read(resample, &count))
			TH_LOG("case %u", i);
	}
	close(fd);
	close(resample);
}

/* All calls since the last ctl_reset(): number of RUNs that returned @reason */
#define expect_only_runs(nr, reason)					\
do {									\
	int __i, __n = ctl_records(self->record, 1024);			\
	unsigned int __found = 0;					\
									\
	for (__i = 0; __i < __n; __i++) {				\
		ASSERT_EQ(HC_RUN, self->record[__i].kind);		\
		__found += self->record[__i].result == (reason);	\
		/* Interrupts of the host */				\
		if (self->record[__i].result != (reason))		\
			EXPECT_EQ(GZVM_EXIT_IRQ,			\
				  self->record[__i].result);		\
	}								\
	EXPECT_EQ((nr), __found);					\
} while (0)

TEST_F(forge, mmio_exit_costs_one_run)
{
	unsigned int i;

	ASSERT_EQ(0, ctl_reset());
	for (i = 0; i < 200; i++)
		expect_guest_goes_on();
	expect_only_runs(200, GZVM_EXIT_MMIO);
}

TEST_F(forge, interrupt_line_costs_one_call)
{
	unsigned int i;

	ASSERT_EQ(0, ctl_reset());
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, gz_vm_irq_line(&self->t.vm, SPI, !(i & 1)));
	ASSERT_EQ(0, ctl_counts(self->count));
	EXPECT_EQ(10, self->count[HC_IRQ_LINE].calls);
	EXPECT_EQ(0, self->count[HC_RUN].calls);
}

#define BLOCK		0x200000ULL
#define TOUCH_BASE	(RAM_BASE + RAM_SIZE - 2 * BLOCK)

GUEST static void guest_touch(uint64_t arg)
{
	uint64_t p;

	for (p = TOUCH_BASE; p < RAM_BASE + RAM_SIZE; p += 0x1000)
		write64(p, p);
	guest_sync(1);
}

/* Hypercalls for two blocks whose pages are all accessed, in each mode */
TEST_F(forge, touching_memory_costs_few_calls)
{
	uint64_t value;
	bool block = !gz_check_cap(self->t.vm.fd,
				   GZVM_CAP_BLOCK_BASED_DEMAND_PAGING, &value);
	bool demand = has_demand_paging(&self->t);

	tvm_enter(&self->t, 0, guest_touch, 0);
	ASSERT_EQ(0, ctl_reset());
	vcpu_run_to_sync(self->vcpu, 1);
	ASSERT_EQ(0, ctl_counts(self->count));
	EXPECT_EQ(block ? 2 : 0, self->count[HC_MAP_GUEST_BLOCK].calls);
	EXPECT_EQ(demand && !block ? 2 * BLOCK / 0x1000 : 0,
		  self->count[HC_MAP_GUEST].calls);
	EXPECT_EQ(0, self->count[HC_SET_MEMREGION].calls);
}

TEST_HARNESS_MAIN
