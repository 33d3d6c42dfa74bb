/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers and layouts of the GenieZone interface, as EL2 sees them. */
#ifndef GZHYP_GZ_H
#define GZHYP_GZ_H

#include "lib/types.h"

/* Status of a hypercall */
#define GZ_OK			0
#define GZ_NO_MEMORY		(-5)
#define GZ_INVALID_ARGS		(-8)
#define GZ_NOT_SUPPORTED	(-24)
#define GZ_NOT_IMPLEMENTED	(-27)
#define GZ_BUSY			(-33)
#define GZ_FAULT		(-40)

/* Within EL2: the host repeats the call, without noticing. */
#define GZ_REPEAT		1

/* Function ids: fast, 64-bit, owner 59, 0x1000 + n */
#define GZ_CALL_BASE		0xfb001000U
#define GZ_CALL_END		0xfb002000U

/* The same in the older generation, where they are 32-bit calls */
#define GZ_OLD_CALL_BASE	0xbb001000U

enum gz_call {
	GZ_CREATE_VM		= 0,
	GZ_DESTROY_VM		= 1,
	GZ_CREATE_VCPU		= 2,
	GZ_DESTROY_VCPU		= 3,
	GZ_SET_MEMREGION	= 4,
	GZ_RUN			= 5,
	GZ_GET_ONE_REG		= 8,
	GZ_SET_ONE_REG		= 9,
	GZ_IRQ_LINE		= 10,
	GZ_CREATE_DEVICE	= 11,
	GZ_PROBE		= 12,
	GZ_ENABLE_CAP		= 13,
	GZ_INFORM_EXIT		= 14,
	GZ_MEMREGION_PURPOSE	= 15,
	GZ_SET_DTB_CONFIG	= 16,
	GZ_MAP_GUEST		= 17,
	GZ_MAP_GUEST_BLOCK	= 18,
	GZ_GET_STATISTICS	= 19,
	GZ_NR_CALLS
};

/* Answer of PROBE */
#define GZ_VERSION_MAJOR	16
#define GZ_VERSION_MINOR	0
#define GZ_VERSION_SUB		0

#define GZ_CAP_VM_GPA_SIZE		0xa5
#define GZ_CAP_PROTECTED_VM		0xffbadab1
#define GZ_CAP_BLOCK_DEMAND_PAGING	0x9201
#define GZ_CAP_DEMAND_PAGING		0x9202
#define GZ_CAP_IDLE			0x9203
#define GZ_CAP_QUERY_HYP_BATCH		0x9204
#define GZ_CAP_QUERY_DESTROY_BATCH	0x9205

/* gzhyp's own: vCPUs in bits 15:0, regions in bits 31:16 of x1 */
#define GZ_CAP_LIMITS			0x9290

/* Sub-commands of PROTECTED_VM */
#define GZ_PVM_SET_PVMFW_GPA		0
#define GZ_PVM_GET_PVMFW_SIZE		1
#define GZ_PVM_SET_PROTECTED_VM		2

#define GZ_MEM_GUEST		BIT(0)
#define GZ_MEM_PROTECT_FW	BIT(1)
#define GZ_MEM_STATIC_SWIOTLB	BIT(2)
#define GZ_MEM_FLAGS		(GZ_MEM_GUEST | GZ_MEM_PROTECT_FW | \
				 GZ_MEM_STATIC_SWIOTLB)

/* Exit reasons */
#define GZ_EXIT(n)		(0x92920000U + (n))
#define GZ_EXIT_UNKNOWN		GZ_EXIT(0)
#define GZ_EXIT_MMIO		GZ_EXIT(1)
#define GZ_EXIT_HYPERCALL	GZ_EXIT(2)
#define GZ_EXIT_IRQ		GZ_EXIT(3)
#define GZ_EXIT_EXCEPTION	GZ_EXIT(4)
#define GZ_EXIT_DEBUG		GZ_EXIT(5)
#define GZ_EXIT_FAIL_ENTRY	GZ_EXIT(6)
#define GZ_EXIT_INTERNAL_ERROR	GZ_EXIT(7)
#define GZ_EXIT_SYSTEM_EVENT	GZ_EXIT(8)
#define GZ_EXIT_SHUTDOWN	GZ_EXIT(9)
#define GZ_EXIT_GZ		GZ_EXIT(10)
#define GZ_EXIT_IDLE		GZ_EXIT(11)
#define GZ_EXIT_IPI		GZ_EXIT(13)

#define GZ_EXCEPTION_PAGE_FAULT	1
#define GZ_EVENT_SHUTDOWN	1
#define GZ_EVENT_RESET		2
#define GZ_EVENT_SUSPEND	5

/* Suberror of an INTERNAL_ERROR: the data are ESR, FAR, IPA and PC. */
#define GZ_ERROR_NO_SYNDROME	1

/* First of a vCPU's shared pages; little-endian, like EL2 */
struct gz_run {
	u32 exit_reason;
	u8 immediate_exit;
	u8 padding1[3];
	union {
		struct {
			u64 phys_addr;
			u64 data;
			u64 size;
			u32 reg_nr;
			u8 is_write;
		} mmio;
		struct {
			u32 exception;
			u32 error_code;
			u64 fault_gpa;
		} exception;
		struct {
			u64 args[8];
		} hypercall;
		struct {
			u32 type;
			u32 ndata;
			u64 data[16];
		} system_event;
		struct {
			u32 suberror;
			u32 ndata;
			u64 data[16];
		} internal;
		u64 raw[32];
	};
};

/* Second of a vCPU's shared pages */
struct gz_hwstate {
	u32 nr_lrs;
	u32 pad;
	u64 lr[16];
	u64 vtimer_offset;
	u64 vtimer_delay;
	u32 vtimer_migrate;
	u32 pad2;
};

/* The same in the older generation */
struct gz_old_hwstate {
	u32 nr_lrs;
	u32 pad;
	u64 lr[16];
	u64 vtimer_delay;
	u32 vtimer_migrate;
	u32 vtimer_irq;
};

struct gz_constituent {
	u64 address;
	u32 pg_cnt;
	u32 reserved;
};

struct gz_memregion {
	u32 slot;
	u32 constituent_cnt;
	u64 total_pages;
	u64 gpa;
	struct gz_constituent constituent[];
};

#define GZ_MEMREGION_BUF	(2 * PAGE_SIZE)
#define GZ_MAILBOX_PFNS		512

struct gz_device {
	u32 dev_type;
	u32 id;
	u64 flags;
	u64 dev_addr;
	u64 dev_reg_size;
	u64 attr_addr;
	u64 attr_size;
};

#define GZ_DEV_VGIC_DIST	0
#define GZ_DEV_VGIC_REDIST	1

#define LAYOUT(name, is, must)	unsigned int name:(is) == (must) ? 1 : -1

/* Does not compile if a layout differs from the interface's */
struct gz_layout {
	LAYOUT(run, sizeof(struct gz_run), 264);
	LAYOUT(is_write, offsetof(struct gz_run, mmio.is_write), 36);
	LAYOUT(offset, offsetof(struct gz_hwstate, vtimer_offset), 136);
	LAYOUT(migrate, offsetof(struct gz_hwstate, vtimer_migrate), 152);
	LAYOUT(old_delay, offsetof(struct gz_old_hwstate, vtimer_delay), 136);
	LAYOUT(old_irq, offsetof(struct gz_old_hwstate, vtimer_irq), 148);
	LAYOUT(memregion, sizeof(struct gz_memregion), 24);
	LAYOUT(device, sizeof(struct gz_device), 48);
};

#endif /* GZHYP_GZ_H */
