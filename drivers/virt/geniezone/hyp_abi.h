/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface to GenieZone at EL2: call numbers, status values, and the
 * structures in memory that both sides read. All of it is fixed by shipped
 * hypervisors. Everything in memory is little-endian and counted in 4 KiB
 * pages, whatever the page size and endianness of the kernel.
 */
#ifndef _GZVM_HYP_ABI_H
#define _GZVM_HYP_ABI_H

#include <linux/arm-smccc.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include <uapi/linux/gzvm.h>

#define GZVM_PAGE_SHIFT		12
#define GZVM_PAGE_SIZE		SZ_4K
#define GZVM_BLOCK_SIZE		SZ_2M
#define GZVM_BLOCK_PAGES	(GZVM_BLOCK_SIZE / GZVM_PAGE_SIZE)

/*
 * Number of call 0 in a function id, SMCCC (ARM DEN0028) section 2.5. Calls are
 * fast calls of owner 59. The owner is from the Trusted OS range although the
 * conduit is always HVC.
 */
#define GZVM_HC_OWNER			59
#define GZVM_HC_FIRST			0x1000

enum gzvm_hc {
	GZVM_HC_CREATE_VM		= 0,
	GZVM_HC_DESTROY_VM		= 1,
	GZVM_HC_CREATE_VCPU		= 2,
	GZVM_HC_DESTROY_VCPU		= 3,
	GZVM_HC_SET_MEMREGION		= 4,
	GZVM_HC_RUN			= 5,
	GZVM_HC_GET_ONE_REG		= 8,
	GZVM_HC_SET_ONE_REG		= 9,
	GZVM_HC_IRQ_LINE		= 10,
	GZVM_HC_CREATE_DEVICE		= 11,
	GZVM_HC_PROBE			= 12,
	GZVM_HC_ENABLE_CAP		= 13,
	GZVM_HC_INFORM_EXIT		= 14,
	GZVM_HC_MEMREGION_PURPOSE	= 15,
	GZVM_HC_SET_DTB_CONFIG		= 16,
	GZVM_HC_MAP_GUEST		= 17,
	GZVM_HC_MAP_GUEST_BLOCK		= 18,
	GZVM_HC_GET_STATISTICS		= 19,
};

/* Status in x0 */
enum gzvm_hyp_status {
	GZVM_HYP_OK			= 0,
	GZVM_HYP_NO_MEMORY		= -5,
	GZVM_HYP_INVALID_ARGS		= -8,
	GZVM_HYP_NOT_SUPPORTED		= -24,
	GZVM_HYP_NOT_IMPLEMENTED	= -27,
	GZVM_HYP_BUSY			= -33,
	GZVM_HYP_FAULT			= -40,
};

/* Exit reasons of RUN are small numbers above the first. */
#define GZVM_NR_EXITS	(GZVM_EXIT_IPI - GZVM_EXIT_UNKNOWN + 1)

/*
 * How large a VM may be where EL2 does not say: the limits of shipped drivers. An
 * EL2 that takes more says so when it is asked for GZVM_HYP_CAP_LIMITS by
 * ENABLE_CAP with vm_id 0. Shipped ones refuse that.
 */
#define GZVM_SHIPPED_VCPUS		8
#define GZVM_SHIPPED_SLOTS		10
#define GZVM_HYP_CAP_LIMITS		0x9290
#define GZVM_HYP_LIMITS_VCPUS		GENMASK_ULL(15, 0)
#define GZVM_HYP_LIMITS_SLOTS		GENMASK_ULL(31, 16)

/* The driver version that PROBE announces; nothing is added to the major number */
#define GZVM_PROBE_MAJOR		16

/* The guest's virtual timer interrupt: a PPI */
#define GZVM_INTID_VTIMER		27

/* INTIDs of SPIs: 32 to 1019, IHI 0069 2.2.1. IRQ_LINE counts from 0. */
#define GZVM_SPI_BASE			32
#define GZVM_SPI_MAX			987

/**
 * struct gzvm_hyp_run - first page that a vCPU shares with EL2
 * @exit_reason: GZVM_EXIT_*
 * @immediate_exit: not used by EL2
 * @padding1: zero
 * @mmio: see struct gzvm_vcpu_run, whose layout this is, little-endian
 * @fail_entry: likewise
 * @exception: likewise
 * @hypercall: likewise
 * @internal: likewise
 * @system_event: likewise
 * @padding: size of the union
 */
struct gzvm_hyp_run {
	__le32 exit_reason;
	u8 immediate_exit;
	u8 padding1[3];
	union {
		struct {
			__le64 phys_addr;
			u8 data[8];
			__le64 size;
			__le32 reg_nr;
			u8 is_write;
		} mmio;
		struct {
			__le64 hardware_entry_failure_reason;
			__le32 cpu;
		} fail_entry;
		struct {
			__le32 exception;
			__le32 error_code;
			__le64 fault_gpa;
			__le64 reserved[30];
		} exception;
		struct {
			__le64 args[8];
		} hypercall;
		struct {
			__le32 suberror;
			__le32 ndata;
			__le64 data[16];
		} internal;
		struct {
			__le32 type;
			__le32 ndata;
			__le64 data[16];
		} system_event;
		u8 padding[256];
	};
};

static_assert(sizeof(struct gzvm_hyp_run) == 264);
static_assert(offsetof(struct gzvm_hyp_run, mmio.phys_addr) == 8);
static_assert(offsetof(struct gzvm_hyp_run, mmio.data) == 16);
static_assert(offsetof(struct gzvm_hyp_run, mmio.size) == 24);
static_assert(offsetof(struct gzvm_hyp_run, mmio.reg_nr) == 32);
static_assert(offsetof(struct gzvm_hyp_run, mmio.is_write) == 36);
static_assert(offsetof(struct gzvm_hyp_run, exception.fault_gpa) == 16);
static_assert(offsetof(struct gzvm_hyp_run, system_event.data) == 16);

#define GZVM_MAX_LRS	16

/**
 * struct gzvm_hyp_hwstate - second page that a vCPU shares with EL2
 * @nr_lrs: list registers that the machine has
 * @pad: not used
 * @lr: list registers as of the last exit, in the format of ICH_LR<n>_EL2
 * @vtimer: the guest's virtual timer, see gzvm_hw_vtimer()
 * @vtimer.now: layout of today
 * @vtimer.now.offset: what the virtual counter lags behind the physical one
 * @vtimer.now.delay: cycles of CNTFRQ until the timer fires
 * @vtimer.now.migrate: non-zero when the host must run the timer while the vCPU
 *			is out
 * @vtimer.old: layout of older generations
 * @vtimer.old.delay: likewise
 * @vtimer.old.migrate: likewise
 */
struct gzvm_hyp_hwstate {
	__le32 nr_lrs;
	__le32 pad;
	__le64 lr[GZVM_MAX_LRS];
	union {
		struct {
			__le64 offset;
			__le64 delay;
			__le32 migrate;
		} now;
		struct {
			__le64 delay;
			__le32 migrate;
		} old;
	} vtimer;
};

static_assert(offsetof(struct gzvm_hyp_hwstate, lr) == 8);
static_assert(offsetof(struct gzvm_hyp_hwstate, vtimer.now.offset) == 136);
static_assert(offsetof(struct gzvm_hyp_hwstate, vtimer.now.delay) == 144);
static_assert(offsetof(struct gzvm_hyp_hwstate, vtimer.now.migrate) == 152);
static_assert(offsetof(struct gzvm_hyp_hwstate, vtimer.old.delay) == 136);
static_assert(offsetof(struct gzvm_hyp_hwstate, vtimer.old.migrate) == 144);

#define GZVM_SHARED_SIZE	(2 * GZVM_PAGE_SIZE)

/**
 * struct gzvm_hyp_constituent - one physically contiguous run of a region
 * @address: physical address of its first byte
 * @pg_cnt: length in 4 KiB pages
 * @reserved: zero
 */
struct gzvm_hyp_constituent {
	__le64 address;
	__le32 pg_cnt;
	__le32 reserved;
};

static_assert(sizeof(struct gzvm_hyp_constituent) == 16);

/**
 * struct gzvm_hyp_ranges - buffer of SET_MEMREGION
 * @slot: slot number
 * @constituent_cnt: entries used; 0 in the call that registers the region
 * @total_pages: of the whole region in the registering call, afterwards of
 *               this buffer
 * @gpa: where these pages start
 * @constituents: the pages, in guest physical order
 */
struct gzvm_hyp_ranges {
	__le32 slot;
	__le32 constituent_cnt;
	__le64 total_pages;
	__le64 gpa;
	struct gzvm_hyp_constituent constituents[];
};

static_assert(sizeof(struct gzvm_hyp_ranges) == 24);

#define GZVM_RANGES_SIZE	(2 * GZVM_PAGE_SIZE)
#define GZVM_RANGES_MAX \
	((GZVM_RANGES_SIZE - sizeof(struct gzvm_hyp_ranges)) / \
	 sizeof(struct gzvm_hyp_constituent))

/**
 * struct gzvm_hyp_device - input page of CREATE_DEVICE
 * @dev_type: GZVM_DEV_TYPE_*
 * @id: instance number
 * @flags: zero
 * @dev_addr: guest physical address of the registers
 * @dev_reg_size: their size in bytes
 * @attr_addr: physical address of the attribute page, 0 without one
 * @attr_size: bytes used of it
 */
struct gzvm_hyp_device {
	__le32 dev_type;
	__le32 id;
	__le64 flags;
	__le64 dev_addr;
	__le64 dev_reg_size;
	__le64 attr_addr;
	__le64 attr_size;
};

static_assert(sizeof(struct gzvm_hyp_device) == 48);

#endif /* _GZVM_HYP_ABI_H */
