/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fake EL2 for tests. It replaces gzvm_smccc(), records every call, answers by
 * script, and records which pages it was given.
 *
 * Numbers, offsets and states of the interface are written out here a second time on
 * purpose, so that an error in the driver is not an error here as well.
 */
#ifndef _GZVM_TESTS_FAKE_H
#define _GZVM_TESTS_FAKE_H

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/unaligned.h>
#include <linux/xarray.h>

#include "../gzvm.h"

enum fake_nr {
	FAKE_CREATE_VM = 0,
	FAKE_DESTROY_VM = 1,
	FAKE_CREATE_VCPU = 2,
	FAKE_DESTROY_VCPU = 3,
	FAKE_SET_MEMREGION = 4,
	FAKE_RUN = 5,
	FAKE_GET_ONE_REG = 8,
	FAKE_SET_ONE_REG = 9,
	FAKE_IRQ_LINE = 10,
	FAKE_CREATE_DEVICE = 11,
	FAKE_PROBE = 12,
	FAKE_ENABLE_CAP = 13,
	FAKE_INFORM_EXIT = 14,
	FAKE_MEMREGION_PURPOSE = 15,
	FAKE_SET_DTB_CONFIG = 16,
	FAKE_MAP_GUEST = 17,
	FAKE_MAP_GUEST_BLOCK = 18,
	FAKE_GET_STATISTICS = 19,
	FAKE_ANY = 99,
};

enum fake_status {
	FAKE_OK = 0,
	FAKE_NO_MEMORY = -5,
	FAKE_INVALID_ARGS = -8,
	FAKE_NOT_SUPPORTED = -24,
	FAKE_NOT_IMPLEMENTED = -27,
	FAKE_BUSY = -33,
	FAKE_FAULT = -40,
};

enum fake_exit_reason {
	FAKE_EXIT_UNKNOWN = 0x92920000,
	FAKE_EXIT_MMIO = 0x92920001,
	FAKE_EXIT_HYPERCALL = 0x92920002,
	FAKE_EXIT_IRQ = 0x92920003,
	FAKE_EXIT_EXCEPTION = 0x92920004,
	FAKE_EXIT_DEBUG = 0x92920005,
	FAKE_EXIT_FAIL_ENTRY = 0x92920006,
	FAKE_EXIT_INTERNAL_ERROR = 0x92920007,
	FAKE_EXIT_SYSTEM_EVENT = 0x92920008,
	FAKE_EXIT_SHUTDOWN = 0x92920009,
	FAKE_EXIT_GZ = 0x9292000a,
	FAKE_EXIT_IDLE = 0x9292000b,
	FAKE_EXIT_IPI = 0x9292000d,
};

/* Offsets in the first shared page, the same as in the caller's structure */
enum fake_run_offset {
	RUN_REASON = 0,
	RUN_IMMEDIATE_EXIT = 4,
	RUN_PADDING1 = 5,
	RUN_UNION = 8,
	RUN_MMIO_ADDR = 8,
	RUN_MMIO_DATA = 16,
	RUN_MMIO_SIZE = 24,
	RUN_MMIO_REG = 32,
	RUN_MMIO_IS_WRITE = 36,
	RUN_FAIL_REASON = 8,
	RUN_FAIL_CPU = 16,
	RUN_EXCEPTION = 8,
	RUN_EXCEPTION_ERROR = 12,
	RUN_EXCEPTION_GPA = 16,
	RUN_HYPERCALL_ARGS = 8,
	RUN_INTERNAL_SUBERROR = 8,
	RUN_INTERNAL_NDATA = 12,
	RUN_INTERNAL_DATA = 16,
	RUN_EVENT_TYPE = 8,
	RUN_EVENT_NDATA = 12,
	RUN_EVENT_DATA = 16,
	RUN_SIZE = 264,
};

/* Offsets in the second, and in that of older generations */
enum fake_hwstate_offset {
	HW_VTIMER_OFFSET = 136,
	HW_VTIMER_DELAY = 144,
	HW_VTIMER_MIGRATE = 152,
	HW_OLD_VTIMER_DELAY = 136,
	HW_OLD_VTIMER_MIGRATE = 144,
};

/* The buffer of SET_MEMREGION */
enum fake_ranges_offset {
	RANGES_SLOT = 0,
	RANGES_CNT = 4,
	RANGES_TOTAL = 8,
	RANGES_GPA = 16,
	RANGES_ADDRESS = 24,	/* of the first constituent; 16 bytes each */
	RANGES_PG_CNT = 32,
	RANGES_RESERVED = 36,
	RANGES_STEP = 16,
	RANGES_MAX = 510,	/* (8192 - 24) / 16 */
	RANGES_SIZE = 8192,
};

/* State of a guest page at EL2 */
enum fake_page {
	FAKE_PAGE_MAPPED,	/* it said yes */
	FAKE_PAGE_MAYBE,	/* it said no to several at once, this among them */
	FAKE_PAGE_RETURNED,	/* VM destroyed, or given up by the guest */
};

/* A page of the host, EL2's pages, and the block of demand paging */
#define FAKE_PAGE	PAGE_SIZE
#define FAKE_HYP_PAGE	4096UL
#define FAKE_BLOCK	0x200000UL

/* EL2's pages in a host page, and host pages in a block */
#define FAKE_PER_PAGE	(FAKE_PAGE / FAKE_HYP_PAGE)
#define FAKE_PER_BLOCK	(FAKE_BLOCK / FAKE_PAGE)

/* Where tests put guest memory: 2 MiB aligned, as crosvm has it */
#define FAKE_GPA	0x80000000ULL

/**
 * struct fake_call - one call as EL2 saw it
 * @nr: call number
 * @args: x1 to x7
 * @status: x0 that it got
 * @buf: copy of the memory that goes with the call, or NULL: the ranges, the
 *       device page followed by its attributes' page, the mailbox, or at RUN
 *       the first shared page
 * @held: pages that EL2 does not use after the call: a device's, and those of a
 *        vCPU that was refused. They cannot be allocated again before the call is
 *        forgotten: see gzvm_fake_is_freed().
 */
struct fake_call {
	unsigned int nr;
	u64 args[7];
	long status;
	u8 *buf;
	struct page *held[2];
};

struct gzvm_fake;

/**
 * struct fake_exit - one exit that RUN is to report
 * @reason: x1
 * @status: x0
 * @page: the first shared page; its first 8 bytes are not used
 * @hook: called at the end of the "guest's run", interrupts off
 * @data: for @hook
 */
struct fake_exit {
	u64 reason;
	long status;
	u8 page[RUN_SIZE];
	void (*hook)(struct gzvm_fake *fake, void *data);
	void *data;
};

struct fake_rule {
	unsigned int nr;
	unsigned int skip;
	unsigned int count;
	long status;
};

#define FAKE_MAX_CALLS	4096
#define FAKE_MAX_EXITS	64
#define FAKE_MAX_RULES	8
#define FAKE_MAX_VMS	128
#define FAKE_VM_ID	0xa001	/* of the first VM */

/**
 * struct fake_vm - a VM at EL2
 * @id: its number
 * @alive: not destroyed yet
 * @refused: DESTROY_VM was refused: the host must not reuse any page
 * @vcpus: which are alive
 * @shared: their shared pages
 * @doubtful: those of vCPUs whose creation failed, although EL2 may have them
 * @mailbox: where pfns are passed; 0 = not agreed
 * @pages: pages that it was given: by gfn, a value of pfn << 2 | enum fake_page
 */
struct fake_vm {
	u16 id;
	bool alive;
	bool refused;
	u64 vcpus;
	phys_addr_t shared[64];
	phys_addr_t doubtful[8];
	phys_addr_t mailbox;
	struct xarray pages;
};

struct gzvm_fake {
	struct kunit *test;
	struct mm_struct *mm;
	long kept_before;
	spinlock_t lock;	/* all below */

	struct fake_call *calls;
	unsigned int nr_calls;
	struct fake_rule rules[FAKE_MAX_RULES];
	unsigned int nr_rules;
	struct fake_exit *exits;
	unsigned int exit_head, exit_tail;
	struct fake_vm vms[FAKE_MAX_VMS];
	unsigned int nr_vms;

	struct gzvm_vm *later;		/* left to a work item */
	struct gzvm_vm *retry;		/* its irqfds likewise */
	unsigned int unlogged;		/* calls that are only counted when they fail */
	unsigned long nr_unlogged;
	bool same_id;	/* it gives a new VM the number of the last one */
	bool again;	/* it may be given the same page again */
	bool old;	/* it speaks the dialect of older generations */
	u64 limits;	/* what it announces, 0 = it does not */
	bool narrow;	/* status in 32 bits, the upper half of x0 is zero */
	u32 vtimer_migrate;	/* of each exit */
	u64 vtimer_delay;
	u64 reg_value;
	u64 batch;	/* what the QUERY caps say, if @has_batch */
	bool has_batch;
	void (*watch)(struct gzvm_fake *fake, unsigned int nr);
	void *watch_data;
	/* The same before the call, where it may sleep if the caller may. */
	void (*enter)(void *data, unsigned int nr);
	void *enter_data;
	unsigned int nr_errors;
	char error[160];
};

/* Set-up: kunit_suite.init of every suite here */
int gzvm_fake_init(struct kunit *test);
struct gzvm_vm *gzvm_fake_vm(struct kunit *test);
struct gzvm_vm *gzvm_fake_vm_paging(struct kunit *test, enum gzvm_paging paging);
void gzvm_fake_vm_end(struct kunit *test, struct gzvm_vm *vm);
struct gzvm_vcpu *gzvm_fake_vcpu(struct kunit *test, struct gzvm_vm *vm);

/* Script */
void gzvm_fake_fail(struct kunit *test, unsigned int nr, unsigned int nth,
		    long status);
void gzvm_fake_repeat(struct kunit *test, unsigned int nr, unsigned int count,
		      long status);
struct fake_exit *gzvm_fake_exit(struct kunit *test, u64 reason);
void gzvm_fake_vtimer(struct kunit *test, bool migrate, u64 delay);

/* The log */
void gzvm_fake_forget(struct kunit *test);
unsigned int gzvm_fake_count(struct kunit *test, unsigned int nr);
const struct fake_call *gzvm_fake_nth(struct kunit *test, unsigned int nr,
				      unsigned int nth);
const struct fake_call *gzvm_fake_last(struct kunit *test, unsigned int nr);
bool gzvm_fake_is_freed(const struct fake_call *call, unsigned int i);
u64 gzvm_fake_hyp_pfn(struct kunit *test, u64 gfn);
u64 gzvm_fake_pfn(struct kunit *test, u64 page);
struct page *gzvm_fake_page(u64 pfn);
void gzvm_fake_returned(struct kunit *test, u64 gfn);
bool gzvm_fake_page_is_pinned(u64 pfn);
long gzvm_fake_pinned(struct kunit *test);

/* The caller's memory */
unsigned long gzvm_fake_mmap(struct kunit *test, unsigned long size);
void gzvm_fake_mark(struct kunit *test, unsigned long addr,
		    unsigned int nr_pages);
u64 gzvm_fake_read_mark(u64 pfn);
u64 gzvm_fake_peek(struct kunit *test, unsigned long addr, unsigned int size);
void gzvm_fake_poke(struct kunit *test, unsigned long addr, unsigned int size,
		    u64 value);
void gzvm_fake_no_huge(struct kunit *test);
void gzvm_fake_memlock(struct kunit *test, unsigned long pages);
void gzvm_fake_memlock_end(struct kunit *test);
void gzvm_fake_kill(void);
void gzvm_fake_unkill(void);
int gzvm_fake_slot(struct kunit *test, struct gzvm_vm *vm, u32 slot, u64 gpa,
		   u64 size, unsigned long addr);

/* One vCPU, and the structure that its VMM runs it with */
struct fake_env {
	struct gzvm_vm *vm;
	struct gzvm_vcpu *vcpu;
	unsigned long run;
};

struct fake_env gzvm_fake_env(struct kunit *test);
int gzvm_fake_run(struct fake_env *env);

/* How long a test waits for an event: longer than it can take */
#define FAKE_PATIENCE_MS	5000

/* Another thread that takes part in the test, and how it waits */
#define FAKE_IN_LOCK	TASK_WAKEKILL		/* for a lock, until killed */
#define FAKE_IN_SLEEP	TASK_INTERRUPTIBLE	/* for something to do */

struct gzvm_fake_thread;
struct gzvm_fake_thread *gzvm_fake_thread(struct kunit *test, bool own_mm,
					  int (*fn)(void *data), void *data);
int gzvm_fake_join(struct gzvm_fake_thread *thread);
bool gzvm_fake_ended(struct gzvm_fake_thread *thread);
bool gzvm_fake_is_in(struct gzvm_fake_thread *thread, unsigned int state);
bool gzvm_fake_comes_to(struct gzvm_fake_thread *thread, unsigned int state);

void gzvm_fake_expect_args(struct kunit *test, const struct fake_call *call,
			   const u64 *args);

/* All seven argument registers; those not named are zero. */
#define FAKE_EXPECT_ARGS(test, call, ...) do {				\
	const u64 __args[7] = { __VA_ARGS__ };				\
									\
	gzvm_fake_expect_args(test, call, __args);			\
} while (0)

#endif /* _GZVM_TESTS_FAKE_H */
