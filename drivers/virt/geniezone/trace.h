/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gzvm

#if !defined(_GZVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _GZVM_TRACE_H

#include <linux/tracepoint.h>

#include <uapi/linux/gzvm.h>

#include "hypercall.h"

#define gzvm_show_call(nr) __print_symbolic(nr,				\
	{ GZVM_HC_CREATE_VM, "CREATE_VM" },				\
	{ GZVM_HC_DESTROY_VM, "DESTROY_VM" },				\
	{ GZVM_HC_CREATE_VCPU, "CREATE_VCPU" },				\
	{ GZVM_HC_DESTROY_VCPU, "DESTROY_VCPU" },			\
	{ GZVM_HC_SET_MEMREGION, "SET_MEMREGION" },			\
	{ GZVM_HC_RUN, "RUN" },						\
	{ GZVM_HC_GET_ONE_REG, "GET_ONE_REG" },				\
	{ GZVM_HC_SET_ONE_REG, "SET_ONE_REG" },				\
	{ GZVM_HC_IRQ_LINE, "IRQ_LINE" },				\
	{ GZVM_HC_CREATE_DEVICE, "CREATE_DEVICE" },			\
	{ GZVM_HC_PROBE, "PROBE" },					\
	{ GZVM_HC_ENABLE_CAP, "ENABLE_CAP" },				\
	{ GZVM_HC_INFORM_EXIT, "INFORM_EXIT" },				\
	{ GZVM_HC_MEMREGION_PURPOSE, "MEMREGION_PURPOSE" },		\
	{ GZVM_HC_SET_DTB_CONFIG, "SET_DTB_CONFIG" },			\
	{ GZVM_HC_MAP_GUEST, "MAP_GUEST" },				\
	{ GZVM_HC_MAP_GUEST_BLOCK, "MAP_GUEST_BLOCK" },			\
	{ GZVM_HC_GET_STATISTICS, "GET_STATISTICS" })

#define gzvm_show_exit(reason) __print_symbolic(reason,			\
	{ GZVM_EXIT_UNKNOWN, "UNKNOWN" },				\
	{ GZVM_EXIT_MMIO, "MMIO" },					\
	{ GZVM_EXIT_HYPERCALL, "HYPERCALL" },				\
	{ GZVM_EXIT_IRQ, "IRQ" },					\
	{ GZVM_EXIT_EXCEPTION, "EXCEPTION" },				\
	{ GZVM_EXIT_DEBUG, "DEBUG" },					\
	{ GZVM_EXIT_FAIL_ENTRY, "FAIL_ENTRY" },				\
	{ GZVM_EXIT_INTERNAL_ERROR, "INTERNAL_ERROR" },			\
	{ GZVM_EXIT_SYSTEM_EVENT, "SYSTEM_EVENT" },			\
	{ GZVM_EXIT_SHUTDOWN, "SHUTDOWN" },				\
	{ GZVM_EXIT_GZ, "GZ" },						\
	{ GZVM_EXIT_IDLE, "IDLE" },					\
	{ GZVM_EXIT_IPI, "IPI" })

TRACE_EVENT(gzvm_hypercall_enter,
	TP_PROTO(const struct gzvm_call *call),
	TP_ARGS(call),
	TP_STRUCT__entry(
		__field(u32, nr)
		__array(u64, args, 7)
	),
	TP_fast_assign(
		__entry->nr = call->nr;
		memcpy(__entry->args, call->args, sizeof(call->args));
	),
	TP_printk("%s args %s", gzvm_show_call(__entry->nr),
		  __print_array(__entry->args, 7, sizeof(u64)))
);

TRACE_EVENT(gzvm_hypercall_leave,
	TP_PROTO(const struct gzvm_call *call),
	TP_ARGS(call),
	TP_STRUCT__entry(
		__field(u32, nr)
		__field(s32, status)
		__field(u64, a1)
		__field(u64, a2)
		__field(u64, a3)
	),
	TP_fast_assign(
		__entry->nr = call->nr;
		__entry->status = call->res.a0;
		__entry->a1 = call->res.a1;
		__entry->a2 = call->res.a2;
		__entry->a3 = call->res.a3;
	),
	TP_printk("%s status %d results 0x%llx 0x%llx 0x%llx",
		  gzvm_show_call(__entry->nr), __entry->status, __entry->a1,
		  __entry->a2, __entry->a3)
);

DECLARE_EVENT_CLASS(gzvm_vcpu_class,
	TP_PROTO(u16 vm_id, u16 vcpu_id),
	TP_ARGS(vm_id, vcpu_id),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(u16, vcpu_id)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->vcpu_id = vcpu_id;
	),
	TP_printk("vm %u vcpu %u", __entry->vm_id, __entry->vcpu_id)
);

DEFINE_EVENT(gzvm_vcpu_class, gzvm_vcpu_entry,
	TP_PROTO(u16 vm_id, u16 vcpu_id),
	TP_ARGS(vm_id, vcpu_id)
);

TRACE_EVENT(gzvm_vcpu_exit,
	TP_PROTO(u16 vm_id, u16 vcpu_id, u64 reason, int error),
	TP_ARGS(vm_id, vcpu_id, reason, error),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(u16, vcpu_id)
		__field(u64, reason)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->vcpu_id = vcpu_id;
		__entry->reason = error ? 0 : reason;
		__entry->error = error;
	),
	TP_printk("vm %u vcpu %u reason %s error %d", __entry->vm_id,
		  __entry->vcpu_id, gzvm_show_exit(__entry->reason),
		  __entry->error)
);

TRACE_EVENT(gzvm_vcpu_idle,
	TP_PROTO(u16 vm_id, u16 vcpu_id, u64 ns),
	TP_ARGS(vm_id, vcpu_id, ns),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(u16, vcpu_id)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->vcpu_id = vcpu_id;
		__entry->ns = ns;
	),
	TP_printk("vm %u vcpu %u for %llu ns", __entry->vm_id,
		  __entry->vcpu_id, __entry->ns)
);

TRACE_EVENT(gzvm_wake,
	TP_PROTO(u16 vm_id, unsigned long sleepers),
	TP_ARGS(vm_id, sleepers),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(unsigned long, sleepers)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->sleepers = sleepers;
	),
	TP_printk("vm %u sleepers 0x%lx", __entry->vm_id, __entry->sleepers)
);

TRACE_EVENT(gzvm_inject,
	TP_PROTO(u16 vm_id, u32 spi, bool level, int error),
	TP_ARGS(vm_id, spi, level, error),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(u32, spi)
		__field(bool, level)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->spi = spi;
		__entry->level = level;
		__entry->error = error;
	),
	TP_printk("vm %u spi %u level %d error %d", __entry->vm_id,
		  __entry->spi, __entry->level, __entry->error)
);

TRACE_EVENT(gzvm_fault,
	TP_PROTO(u16 vm_id, u64 gpa, int error),
	TP_ARGS(vm_id, gpa, error),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(u64, gpa)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->gpa = gpa;
		__entry->error = error;
	),
	TP_printk("vm %u gpa 0x%llx error %d", __entry->vm_id, __entry->gpa,
		  __entry->error)
);

TRACE_EVENT(gzvm_map,
	TP_PROTO(u16 vm_id, u32 slot, u64 gfn, u64 nr, int error),
	TP_ARGS(vm_id, slot, gfn, nr, error),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(u32, slot)
		__field(u64, gfn)
		__field(u64, nr)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->slot = slot;
		__entry->gfn = gfn;
		__entry->nr = nr;
		__entry->error = error;
	),
	TP_printk("vm %u slot %u gfn 0x%llx pages %llu error %d",
		  __entry->vm_id, __entry->slot, __entry->gfn, __entry->nr,
		  __entry->error)
);

TRACE_EVENT(gzvm_unmapped,
	TP_PROTO(u16 vm_id, unsigned long start, unsigned long end,
		 unsigned long nr),
	TP_ARGS(vm_id, start, end, nr),
	TP_STRUCT__entry(
		__field(u16, vm_id)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, nr)
	),
	TP_fast_assign(
		__entry->vm_id = vm_id;
		__entry->start = start;
		__entry->end = end;
		__entry->nr = nr;
	),
	TP_printk("vm %u from 0x%lx to 0x%lx pages %lu", __entry->vm_id,
		  __entry->start, __entry->end, __entry->nr)
);

#endif /* _GZVM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
