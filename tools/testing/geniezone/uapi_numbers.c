// SPDX-License-Identifier: GPL-2.0
/*
 * The numbers of the user interface. Existing binaries contain them, so this file has
 * them as literals: a change in the header fails to compile here. The file is compiled
 * as C and as C++, after the header alone, and never run.
 */
#include <linux/gzvm.h>

#include <assert.h>
#include <stddef.h>

#include "../selftests/geniezone/ioctls.h"

#define must(what) static_assert(what, #what)
#define at(type, member, offset) \
	must(offsetof(struct gzvm_##type, member) == (offset))
#define size(type, bytes) must(sizeof(struct gzvm_##type) == (bytes))

/* ioctls: those that are implemented, and two that are only declared */
#define must_be(name, number) must((name) == (number));
GZ_IOCTLS(must_be)
must(GZVM_SET_MEMORY_REGION == 0x40189240);
must(GZVM_CREATE_IRQCHIP == 0x00009260);

/* Capabilities */
must(GZVM_CAP_VM_GPA_SIZE == 0xa5);
must(GZVM_CAP_ARM_VM_IPA_SIZE == 0xa5);
must(GZVM_CAP_PROTECTED_VM == 0xffbadab1);
must(GZVM_CAP_ARM_PROTECTED_VM == 0xffbadab1);
must(GZVM_CAP_BLOCK_BASED_DEMAND_PAGING == 0x9201);
must(GZVM_CAP_ENABLE_DEMAND_PAGING == 0x9202);
must(GZVM_CAP_ENABLE_IDLE == 0x9203);
must(GZVM_CAP_QUERY_HYP_BATCH_PAGES == 0x9204);
must(GZVM_CAP_QUERY_DESTROY_BATCH_PAGES == 0x9205);
must(GZVM_CAP_PVM_SET_PVMFW_GPA == 0);
must(GZVM_CAP_PVM_GET_PVMFW_SIZE == 1);
must(GZVM_CAP_PVM_SET_PROTECTED_VM == 2);

/* Flags */
must(GZVM_USER_MEM_REGION_GUEST_MEM == 1);
must(GZVM_USER_MEM_REGION_PROTECT_FW == 2);
must(GZVM_USER_MEM_REGION_STATIC_SWIOTLB == 4);
must(GZVM_IRQFD_FLAG_DEASSIGN == 1);
must(GZVM_IRQFD_FLAG_RESAMPLE == 2);
must(GZVM_IOEVENTFD_FLAG_DATAMATCH == 1);
must(GZVM_IOEVENTFD_FLAG_PIO == 2);
must(GZVM_IOEVENTFD_FLAG_DEASSIGN == 4);

/* Device types */
must(GZVM_DEV_TYPE_ARM_VGIC_V3_DIST == 0);
must(GZVM_DEV_TYPE_ARM_VGIC_V3_REDIST == 1);

/* Exits */
must(GZVM_EXIT_UNKNOWN == 0x92920000);
must(GZVM_EXIT_MMIO == 0x92920001);
must(GZVM_EXIT_HYPERCALL == 0x92920002);
must(GZVM_EXIT_HVC == 0x92920002);
must(GZVM_EXIT_IRQ == 0x92920003);
must(GZVM_EXIT_EXCEPTION == 0x92920004);
must(GZVM_EXIT_DEBUG == 0x92920005);
must(GZVM_EXIT_FAIL_ENTRY == 0x92920006);
must(GZVM_EXIT_INTERNAL_ERROR == 0x92920007);
must(GZVM_EXIT_SYSTEM_EVENT == 0x92920008);
must(GZVM_EXIT_SHUTDOWN == 0x92920009);
must(GZVM_EXIT_GZ == 0x9292000a);
must(GZVM_EXIT_IDLE == 0x9292000b);
must(GZVM_EXIT_IPI == 0x9292000d);
must(GZVM_EXCEPTION_UNKNOWN == 0);
must(GZVM_EXCEPTION_PAGE_FAULT == 1);
must(GZVM_SYSTEM_EVENT_SHUTDOWN == 1);
must(GZVM_SYSTEM_EVENT_RESET == 2);
must(GZVM_SYSTEM_EVENT_CRASH == 3);
must(GZVM_SYSTEM_EVENT_WAKEUP == 4);
must(GZVM_SYSTEM_EVENT_SUSPEND == 5);
must(GZVM_SYSTEM_EVENT_SEV_TERM == 6);
must(GZVM_SYSTEM_EVENT_S2IDLE == 7);
must(GZVM_HVC_PTP == 0x86000001);
must(GZVM_HVC_MEM_RELINQUISH == 0xc6000009);

/* Layouts */
size(memory_region, 24);
at(memory_region, guest_phys_addr, 8);
at(memory_region, memory_size, 16);

size(userspace_memory_region, 32);
at(userspace_memory_region, slot, 0);
at(userspace_memory_region, flags, 4);
at(userspace_memory_region, guest_phys_addr, 8);
at(userspace_memory_region, memory_size, 16);
at(userspace_memory_region, userspace_addr, 24);

size(irq_level, 8);
at(irq_level, irq, 0);
at(irq_level, status, 0);
at(irq_level, level, 4);

size(irqfd, 32);
at(irqfd, fd, 0);
at(irqfd, gsi, 4);
at(irqfd, flags, 8);
at(irqfd, resamplefd, 12);
at(irqfd, pad, 16);

size(ioeventfd, 64);
at(ioeventfd, datamatch, 0);
at(ioeventfd, addr, 8);
at(ioeventfd, len, 16);
at(ioeventfd, fd, 20);
at(ioeventfd, flags, 24);
at(ioeventfd, pad, 28);

size(enable_cap, 48);
at(enable_cap, cap, 0);
at(enable_cap, args, 8);

size(create_device, 48);
at(create_device, dev_type, 0);
at(create_device, id, 4);
at(create_device, flags, 8);
at(create_device, dev_addr, 16);
at(create_device, dev_reg_size, 24);
at(create_device, attr_addr, 32);
at(create_device, attr_size, 40);

size(dtb_config, 16);
at(dtb_config, dtb_addr, 0);
at(dtb_config, dtb_size, 8);

size(one_reg, 16);
at(one_reg, id, 0);
at(one_reg, addr, 8);

size(vcpu_run, 264);
at(vcpu_run, exit_reason, 0);
at(vcpu_run, immediate_exit, 4);
at(vcpu_run, padding1, 5);
at(vcpu_run, mmio.phys_addr, 8);
at(vcpu_run, mmio.data, 16);
at(vcpu_run, mmio.size, 24);
at(vcpu_run, mmio.reg_nr, 32);
at(vcpu_run, mmio.is_write, 36);
at(vcpu_run, fail_entry.hardware_entry_failure_reason, 8);
at(vcpu_run, fail_entry.cpu, 16);
at(vcpu_run, exception.exception, 8);
at(vcpu_run, exception.error_code, 12);
at(vcpu_run, exception.fault_gpa, 16);
at(vcpu_run, exception.reserved, 24);
at(vcpu_run, hypercall.args, 8);
at(vcpu_run, internal.suberror, 8);
at(vcpu_run, internal.ndata, 12);
at(vcpu_run, internal.data, 16);
at(vcpu_run, system_event.type, 8);
at(vcpu_run, system_event.ndata, 12);
at(vcpu_run, system_event.data, 16);
at(vcpu_run, padding, 8);

/* Parts of a register id: x0, and MIDR_EL1 as an example of the others */
#define REG_U64 (GZVM_REG_ARM64 | GZVM_REG_SIZE_U64)
#define REG_MIDR (GZVM_REG_ARM64_SYSREG | 3 << GZVM_REG_ARM64_SYSREG_OP0_SHIFT)
must((REG_U64 | GZVM_REG_ARM_CORE) == 0x6030000000100000ULL);
must((REG_U64 | REG_MIDR) == 0x603000000013c000ULL);
must(GZVM_REG_ARM64_SYSREG_OP1_SHIFT == 11);
must(GZVM_REG_ARM64_SYSREG_CRN_SHIFT == 7);
must(GZVM_REG_ARM64_SYSREG_CRM_SHIFT == 3);
must(GZVM_REG_ARM64_SYSREG_OP2_SHIFT == 0);
