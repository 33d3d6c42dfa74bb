/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Userspace interface of the GenieZone hypervisor driver, /dev/gzvm.
 *
 * Numbers and layouts are those of shipped phones. All structures have the
 * same layout for 32-bit and 64-bit callers. Reserved fields and unknown flag
 * bits must be zero; the driver refuses them with EINVAL.
 */
#ifndef _UAPI_LINUX_GZVM_H
#define _UAPI_LINUX_GZVM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GZVM_IOC_MAGIC			0x92

/* ioctls on /dev/gzvm */

/* Argument: VM type, 0 = normal. Returns a VM file descriptor. */
#define GZVM_CREATE_VM			_IO(GZVM_IOC_MAGIC, 0x01)

/*
 * Argument: pointer to a __u64 that holds the capability number and receives
 * the capability's value. Also on VM file descriptors. Returns 0 when the
 * capability is there; EOPNOTSUPP and an untouched __u64 when not.
 */
#define GZVM_CHECK_EXTENSION		_IO(GZVM_IOC_MAGIC, 0x03)

/* Capabilities, for GZVM_CHECK_EXTENSION and GZVM_ENABLE_CAP */
#define GZVM_CAP_VM_GPA_SIZE		0xa5
#define GZVM_CAP_PROTECTED_VM		0xffbadab1
#define GZVM_CAP_BLOCK_BASED_DEMAND_PAGING	0x9201
#define GZVM_CAP_ENABLE_DEMAND_PAGING	0x9202
#define GZVM_CAP_ENABLE_IDLE		0x9203
#define GZVM_CAP_QUERY_HYP_BATCH_PAGES	0x9204
#define GZVM_CAP_QUERY_DESTROY_BATCH_PAGES	0x9205

/*
 * Capabilities that shipped drivers do not have. Value 1 unless said otherwise.
 * The maxima are those that the hypervisor announces. If it announces none, they
 * are 8 vCPUs and 10 slots.
 */
#define GZVM_CAP_MAX_VCPUS		0x9280	/* value: vCPU ids per VM */
#define GZVM_CAP_MAX_SLOTS		0x9281	/* value: memory slots per VM */
#define GZVM_CAP_SLOT_DELETE		0x9282	/* of slots not touched yet */
#define GZVM_CAP_GET_ONE_REG		0x9283
#define GZVM_CAP_IRQFD_RESAMPLE		0x9284
#define GZVM_CAP_GUEST_MEMFD		0x9285

/* The names under which crosvm knows the first two */
#define GZVM_CAP_ARM_VM_IPA_SIZE	GZVM_CAP_VM_GPA_SIZE
#define GZVM_CAP_ARM_PROTECTED_VM	GZVM_CAP_PROTECTED_VM

/* Sub-commands of GZVM_CAP_PROTECTED_VM, in struct gzvm_enable_cap.args[0] */
#define GZVM_CAP_PVM_SET_PVMFW_GPA	0
#define GZVM_CAP_PVM_GET_PVMFW_SIZE	1
#define GZVM_CAP_PVM_SET_PROTECTED_VM	2

/* ioctls on a VM file descriptor */

/**
 * struct gzvm_memory_region - argument of GZVM_SET_MEMORY_REGION
 * @slot: slot number
 * @flags: GZVM_USER_MEM_REGION_* bits
 * @guest_phys_addr: first guest physical address of the region
 * @memory_size: size of the region in bytes
 *
 * Declared for source compatibility only: GZVM_SET_MEMORY_REGION was never
 * implemented and fails with ENOTTY.
 */
struct gzvm_memory_region {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
};

#define GZVM_SET_MEMORY_REGION		_IOW(GZVM_IOC_MAGIC, 0x40, \
					     struct gzvm_memory_region)

/* Argument: vCPU id, from 0. Returns a vCPU file descriptor. */
#define GZVM_CREATE_VCPU		_IO(GZVM_IOC_MAGIC, 0x41)

/* Flags of a memory region */
#define GZVM_USER_MEM_REGION_GUEST_MEM		(1U << 0)
#define GZVM_USER_MEM_REGION_PROTECT_FW		(1U << 1)
#define GZVM_USER_MEM_REGION_STATIC_SWIOTLB	(1U << 2)
/* With GZVM_SET_USER_MEMORY_REGION2 only: the memory is that of a file. */
#define GZVM_USER_MEM_REGION_GUEST_MEMFD	(1U << 3)

/**
 * struct gzvm_userspace_memory_region - argument of GZVM_SET_USER_MEMORY_REGION
 * @slot: slot number, 0 to 511; the hypervisor may allow fewer
 * @flags: GZVM_USER_MEM_REGION_* bits; 0 for plain memory added later
 * @guest_phys_addr: first guest physical address, aligned to the host's page size
 * @memory_size: bytes, a multiple of the host's page size; 0 deletes the slot
 * @userspace_addr: where the memory lies in the caller's address space, aligned
 *                  to the host's page size; ignored when the slot is deleted
 */
struct gzvm_userspace_memory_region {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
};

#define GZVM_SET_USER_MEMORY_REGION	_IOW(GZVM_IOC_MAGIC, 0x46, \
					     struct gzvm_userspace_memory_region)

/**
 * struct gzvm_userspace_memory_region2 - argument of GZVM_SET_USER_MEMORY_REGION2
 * @slot: slot number, 0 to 511; the hypervisor may allow fewer
 * @flags: GZVM_USER_MEM_REGION_* bits
 * @guest_phys_addr: first guest physical address, aligned to the host's page size
 * @memory_size: bytes, a multiple of the host's page size; 0 deletes the slot
 * @userspace_addr: as in struct gzvm_userspace_memory_region; 0 with GUEST_MEMFD
 * @guest_memfd_offset: with GUEST_MEMFD: where the slot's memory starts in the file,
 *                      aligned to the host's page size
 * @guest_memfd: with GUEST_MEMFD: file descriptor from GZVM_CREATE_GUEST_MEMFD
 * @pad1: must be zero
 * @pad2: must be zero
 *
 * The layout is that of struct kvm_userspace_memory_region2.
 */
struct gzvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

#define GZVM_SET_USER_MEMORY_REGION2	_IOW(GZVM_IOC_MAGIC, 0x49, \
					     struct gzvm_userspace_memory_region2)

/**
 * struct gzvm_create_guest_memfd - argument of GZVM_CREATE_GUEST_MEMFD
 * @size: bytes, a multiple of the host's page size
 * @flags: none defined; must be 0
 * @reserved: must be zero
 *
 * Returns the descriptor of a file that holds memory of the VM's guest and that
 * nothing can map. pwrite() writes to pages that the guest does not have yet.
 * The layout is that of struct kvm_create_guest_memfd.
 */
struct gzvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

#define GZVM_CREATE_GUEST_MEMFD		_IOWR(GZVM_IOC_MAGIC, 0xd4, \
					      struct gzvm_create_guest_memfd)

/* Kept for source compatibility: fails with ENOTTY, see GZVM_CREATE_DEVICE. */
#define GZVM_CREATE_IRQCHIP		_IO(GZVM_IOC_MAGIC, 0x60)

/* Fields of struct gzvm_irq_level.irq */
#define GZVM_IRQ_VCPU2_SHIFT		28
#define GZVM_IRQ_VCPU2_MASK		0xf
#define GZVM_IRQ_TYPE_SHIFT		24
#define GZVM_IRQ_TYPE_MASK		0xf
#define GZVM_IRQ_VCPU_SHIFT		16
#define GZVM_IRQ_VCPU_MASK		0xff
#define GZVM_IRQ_NUM_SHIFT		0
#define GZVM_IRQ_NUM_MASK		0xffff

/* Values of the type field. CPU and SPI both carry the SPI's index. */
#define GZVM_IRQ_TYPE_CPU		0
#define GZVM_IRQ_TYPE_SPI		1
#define GZVM_IRQ_TYPE_PPI		2

/**
 * struct gzvm_irq_level - argument of GZVM_IRQ_LINE
 * @irq: bits 31:28 vCPU id / 256, 27:24 type, 23:16 vCPU id % 256, 15:0 number.
 *       For the types CPU and SPI the number is the SPI's index: 0 is INTID 32.
 * @status: not used by the driver
 * @level: 1 asserts the line, 0 takes it back
 */
struct gzvm_irq_level {
	union {
		__u32 irq;
		__s32 status;
	};
	__u32 level;
};

#define GZVM_IRQ_LINE			_IOW(GZVM_IOC_MAGIC, 0x61, \
					     struct gzvm_irq_level)

#define GZVM_IRQFD_FLAG_DEASSIGN	(1U << 0)
/* A level line: resamplefd is signalled when the guest ends the interrupt. */
#define GZVM_IRQFD_FLAG_RESAMPLE	(1U << 1)

/**
 * struct gzvm_irqfd - argument of GZVM_IRQFD
 * @fd: eventfd whose signal injects the interrupt
 * @gsi: SPI index: 0 is INTID 32
 * @flags: GZVM_IRQFD_FLAG_* bits
 * @resamplefd: eventfd to signal at the guest's EOI, with RESAMPLE only
 * @pad: must be zero
 */
struct gzvm_irqfd {
	__u32 fd;
	__u32 gsi;
	__u32 flags;
	__u32 resamplefd;
	__u8 pad[16];
};

#define GZVM_IRQFD			_IOW(GZVM_IOC_MAGIC, 0x76, \
					     struct gzvm_irqfd)

#define GZVM_IOEVENTFD_FLAG_DATAMATCH	(1U << 0)
#define GZVM_IOEVENTFD_FLAG_PIO		(1U << 1)
#define GZVM_IOEVENTFD_FLAG_DEASSIGN	(1U << 2)
#define GZVM_IOEVENTFD_VALID_FLAG_MASK	(GZVM_IOEVENTFD_FLAG_DATAMATCH | \
					 GZVM_IOEVENTFD_FLAG_PIO | \
					 GZVM_IOEVENTFD_FLAG_DEASSIGN)

/**
 * struct gzvm_ioeventfd - argument of GZVM_IOEVENTFD
 * @datamatch: value that the guest must write, with DATAMATCH only
 * @addr: guest physical address of the doorbell
 * @len: width of the guest's write in bytes: 1, 2, 4, 8, or 0 for any
 * @fd: eventfd to signal
 * @flags: GZVM_IOEVENTFD_FLAG_* bits; PIO is always refused
 * @pad: must be zero
 */
struct gzvm_ioeventfd {
	__u64 datamatch;
	__u64 addr;
	__u32 len;
	__s32 fd;
	__u32 flags;
	__u8 pad[36];
};

#define GZVM_IOEVENTFD			_IOW(GZVM_IOC_MAGIC, 0x79, \
					     struct gzvm_ioeventfd)

/**
 * struct gzvm_enable_cap - argument of GZVM_ENABLE_CAP
 * @cap: GZVM_CAP_* number
 * @args: meaning depends on @cap
 *
 * The driver writes the result of GZVM_CAP_PVM_GET_PVMFW_SIZE back although the ioctl
 * number says _IOW. It writes the structure for no other capability.
 */
struct gzvm_enable_cap {
	__u64 cap;
	__u64 args[5];
};

#define GZVM_ENABLE_CAP			_IOW(GZVM_IOC_MAGIC, 0xa3, \
					     struct gzvm_enable_cap)

#define GZVM_DEV_TYPE_ARM_VGIC_V3_DIST		0
#define GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST	1

/**
 * struct gzvm_create_device - argument of GZVM_CREATE_DEVICE
 * @dev_type: GZVM_DEV_TYPE_*
 * @id: instance number of the device
 * @flags: none defined; must be 0
 * @dev_addr: guest physical address of the registers
 * @dev_reg_size: size of the registers in bytes
 * @attr_addr: optional blob in the caller's memory, 0 without one
 * @attr_size: its size in bytes, at most 4096; 0 without one
 */
struct gzvm_create_device {
	__u32 dev_type;
	__u32 id;
	__u64 flags;
	__u64 dev_addr;
	__u64 dev_reg_size;
	__u64 attr_addr;
	__u64 attr_size;
};

#define GZVM_CREATE_DEVICE		_IOWR(GZVM_IOC_MAGIC, 0xe0, \
					      struct gzvm_create_device)

/**
 * struct gzvm_dtb_config - argument of GZVM_SET_DTB_CONFIG
 * @dtb_addr: guest physical address of the device tree blob
 * @dtb_size: bytes set aside for it
 */
struct gzvm_dtb_config {
	__u64 dtb_addr;
	__u64 dtb_size;
};

#define GZVM_SET_DTB_CONFIG		_IOW(GZVM_IOC_MAGIC, 0xff, \
					     struct gzvm_dtb_config)

/* ioctls on a vCPU file descriptor */

/* Argument: pointer to struct gzvm_vcpu_run. */
#define GZVM_RUN			_IO(GZVM_IOC_MAGIC, 0x80)

/* Values of struct gzvm_vcpu_run.exit_reason */
#define GZVM_EXIT_UNKNOWN		0x92920000
#define GZVM_EXIT_MMIO			0x92920001
#define GZVM_EXIT_HYPERCALL		0x92920002
#define GZVM_EXIT_IRQ			0x92920003
#define GZVM_EXIT_EXCEPTION		0x92920004
#define GZVM_EXIT_DEBUG			0x92920005
#define GZVM_EXIT_FAIL_ENTRY		0x92920006
#define GZVM_EXIT_INTERNAL_ERROR	0x92920007
#define GZVM_EXIT_SYSTEM_EVENT		0x92920008
#define GZVM_EXIT_SHUTDOWN		0x92920009
#define GZVM_EXIT_GZ			0x9292000a
#define GZVM_EXIT_IDLE			0x9292000b
#define GZVM_EXIT_IPI			0x9292000d

/* An older name */
#define GZVM_EXIT_HVC			GZVM_EXIT_HYPERCALL

/* Values of struct gzvm_vcpu_run.exception.exception */
enum {
	GZVM_EXCEPTION_UNKNOWN		= 0x0,
	GZVM_EXCEPTION_PAGE_FAULT	= 0x1,
};

/* Values of struct gzvm_vcpu_run.system_event.type */
enum {
	GZVM_SYSTEM_EVENT_SHUTDOWN	= 1,
	GZVM_SYSTEM_EVENT_RESET		= 2,
	GZVM_SYSTEM_EVENT_CRASH		= 3,
	GZVM_SYSTEM_EVENT_WAKEUP	= 4,
	GZVM_SYSTEM_EVENT_SUSPEND	= 5,
	GZVM_SYSTEM_EVENT_SEV_TERM	= 6,
	GZVM_SYSTEM_EVENT_S2IDLE	= 7,
};

/* Guest hypercalls that the driver serves, in gzvm_vcpu_run.hypercall.args[0] */
#define GZVM_HVC_PTP			0x86000001
#define GZVM_HVC_MEM_RELINQUISH		0xc6000009

/**
 * struct gzvm_vcpu_run - argument of GZVM_RUN, 264 bytes
 * @exit_reason: out: GZVM_EXIT_*
 * @immediate_exit: in: non-zero makes GZVM_RUN return EINTR before the guest
 *                  is entered
 * @padding1: must be zero
 * @mmio: GZVM_EXIT_MMIO: an access of @mmio.size bytes at the guest physical
 *        address @mmio.phys_addr. For a read the caller fills @mmio.data and
 *        calls GZVM_RUN again with the same structure.
 * @fail_entry: GZVM_EXIT_FAIL_ENTRY
 * @exception: GZVM_EXIT_EXCEPTION
 * @hypercall: GZVM_EXIT_HYPERCALL: x0 to x7 of the guest; the caller puts the
 *             results into @hypercall.args and calls GZVM_RUN again
 * @internal: GZVM_EXIT_INTERNAL_ERROR: the hypervisor's own data, or, for an
 *            exit that the driver could not make sense of, its reason first and
 *            what was wrong with it second
 * @system_event: GZVM_EXIT_SYSTEM_EVENT
 * @padding: size of the union
 */
struct gzvm_vcpu_run {
	__u32 exit_reason;
	__u8 immediate_exit;
	__u8 padding1[3];
	union {
		struct {
			__u64 phys_addr;
			__u8 data[8];
			__u64 size;
			__u32 reg_nr;
			__u8 is_write;
		} mmio;
		struct {
			__u64 hardware_entry_failure_reason;
			__u32 cpu;
		} fail_entry;
		struct {
			__u32 exception;
			__u32 error_code;
			__u64 fault_gpa;
			__u64 reserved[30];
		} exception;
		struct {
			__u64 args[8];
		} hypercall;
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 data[16];
		} internal;
		struct {
			__u32 type;
			__u32 ndata;
			__u64 data[16];
		} system_event;
		char padding[256];
	};
};

/* Parts of a register id, as in KVM/arm64 */
#define GZVM_REG_ARCH_MASK		0xff00000000000000ULL
#define GZVM_REG_ARM64			0x6000000000000000ULL
#define GZVM_REG_SIZE_SHIFT		52
#define GZVM_REG_SIZE_MASK		0x00f0000000000000ULL
#define GZVM_REG_SIZE_U8		0x0000000000000000ULL
#define GZVM_REG_SIZE_U16		0x0010000000000000ULL
#define GZVM_REG_SIZE_U32		0x0020000000000000ULL
#define GZVM_REG_SIZE_U64		0x0030000000000000ULL
#define GZVM_REG_SIZE_U128		0x0040000000000000ULL
#define GZVM_REG_SIZE_U256		0x0050000000000000ULL
#define GZVM_REG_SIZE_U512		0x0060000000000000ULL
#define GZVM_REG_SIZE_U1024		0x0070000000000000ULL
#define GZVM_REG_SIZE_U2048		0x0080000000000000ULL

#define GZVM_REG_ARM_COPROC_MASK	0x000000000fff0000ULL
#define GZVM_REG_ARM_COPROC_SHIFT	16

/* Offset, in 32-bit words, into {user_pt_regs, sp_el1, elr_el1, spsr[5], fp} */
#define GZVM_REG_ARM_CORE		(0x0010ULL << GZVM_REG_ARM_COPROC_SHIFT)

/* System registers: op0, op1, CRn, CRm, op2 */
#define GZVM_REG_ARM64_SYSREG		(0x0013ULL << GZVM_REG_ARM_COPROC_SHIFT)
#define GZVM_REG_ARM64_SYSREG_OP0_MASK	0x000000000000c000ULL
#define GZVM_REG_ARM64_SYSREG_OP0_SHIFT	14
#define GZVM_REG_ARM64_SYSREG_OP1_MASK	0x0000000000003800ULL
#define GZVM_REG_ARM64_SYSREG_OP1_SHIFT	11
#define GZVM_REG_ARM64_SYSREG_CRN_MASK	0x0000000000000780ULL
#define GZVM_REG_ARM64_SYSREG_CRN_SHIFT	7
#define GZVM_REG_ARM64_SYSREG_CRM_MASK	0x0000000000000078ULL
#define GZVM_REG_ARM64_SYSREG_CRM_SHIFT	3
#define GZVM_REG_ARM64_SYSREG_OP2_MASK	0x0000000000000007ULL
#define GZVM_REG_ARM64_SYSREG_OP2_SHIFT	0

/**
 * struct gzvm_one_reg - argument of GZVM_GET_ONE_REG and GZVM_SET_ONE_REG
 * @id: register id: GZVM_REG_ARM64 | GZVM_REG_SIZE_* | GZVM_REG_ARM_CORE |
 *      offset, or GZVM_REG_ARM64_SYSREG with op0 to op2
 * @addr: address in the caller's memory of the value, as wide as @id says
 */
struct gzvm_one_reg {
	__u64 id;
	__u64 addr;
};

#define GZVM_GET_ONE_REG		_IOW(GZVM_IOC_MAGIC, 0xab, \
					     struct gzvm_one_reg)
#define GZVM_SET_ONE_REG		_IOW(GZVM_IOC_MAGIC, 0xac, \
					     struct gzvm_one_reg)

#endif /* _UAPI_LINUX_GZVM_H */
