/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_VM_H
#define GZHYP_VM_H

#include "core/gz.h"
#include "core/mem/pgtable.h"
#include "core/vgic/vgic.h"
#include "lib/spinlock.h"
#include "platform/platform.h"

#define MAX_VMS			64
#define MAX_VCPUS		VGIC_MAX_VCPUS
#define ALL_VCPUS		((1U << MAX_VCPUS) - 1)

/* A proof may have fewer. */
#ifndef MAX_REGIONS
#define MAX_REGIONS		512
#endif

/* With the option "few": the numbers in the shipped driver */
#define FEW_VCPUS		8
#define FEW_REGIONS		10

#define MAX_PURPOSES		16

#define MAP_BATCH_PAGES		512
/*
 * Bounds the time of a call: each page has up to 64 cache lines to clean, during
 * which no interrupt is taken.
 */
#define MAP_CALL_PAGES		512UL
#define DESTROY_BATCH_PAGES	512

/* A range of guest-physical memory that the host has registered */
struct region {
	u64 gpa;
	u64 size;
	u64 mapped;		/* pages */
	u32 slot;
	u32 flags;
};

/* From MEMREGION_PURPOSE, which comes before its region */
struct purpose {
	u64 gpa;
	u64 size;
	u32 flags;
};

enum vm_state {
	VM_FREE,
	VM_LIVE,
	VM_DYING,
};

/* See core/mem/protect.c. A state only changes to a later one. */
enum vm_protection {
	VM_OPEN,
	VM_PROTECTED,	/* the VMM still fills memory and registers */
	VM_SEALING,	/* first RUN: page after page leaves the host */
	VM_SEALED,
};

/**
 * struct vm - one virtual machine
 * @id: the host's number for it; also its VMID
 * @state: protected by the VM table's lock
 * @destroying: a DESTROY_VM is in progress; VM table's lock
 * @doomed: DESTROY_VM was called; VM table's lock
 * @wiped: its guest must not run again; VM table's lock, read by RUN without
 * @lock: protects all of the following up to @vgic, with the exceptions named
 * @s2: stage 2
 * @vttbr: VTTBR_EL2 for @s2
 * @cntvoff: offset of the virtual counter behind the physical one
 * @demand_paging: cap enabled
 * @block_paging: cap enabled: MAP_GUEST_BLOCK is allowed
 * @idle: cap enabled: WFI leaves to the host
 * @mailbox: page of pfns for MAP_GUEST_BLOCK, lent by the host; 0 for none
 * @vcpu: the vCPUs, NULL for none
 * @nr_regions: regions in @region
 * @next_purpose: index in @purpose that is overwritten next
 * @dtb_gpa: address from SET_DTB_CONFIG
 * @dtb_size: size from SET_DTB_CONFIG
 * @mapped_pages: pages that stage 2 maps
 * @unmaps: changes when pages are unmapped; no two VMs have had the same value
 * @private_pages: those of them that the host cannot access, while the VM lives
 * @protection: RUN reads it without @lock
 * @has_run: the first RUN has begun; RUN reads it without @lock
 * @seal_at: address up to which sealing is done
 * @fw_gpa: address of the firmware, 0 for none
 * @reset_by: vCPU + 1 that has called SYSTEM_RESET and has not run since, 0 for none
 * @resets: how often the host has reset the guest in place after that
 * @buf: copy of a buffer of the host's
 * @drain: address up to which DESTROY_VM has given pages back
 * @on_cpu: physical CPU + 1 that has a vCPU, 0 for none; see vcpu_take()
 * @sleeping: vCPUs that have left with EXIT_IDLE and have not run since
 * @raised: with gzhyp.strict, SPIs whose line the host has raised, a bit each
 * @last_vcpu: vCPU + 1 that each physical CPU ran last
 * @purpose: from MEMREGION_PURPOSE; the newest overwrites the oldest
 * @region: sorted by address
 * @vgic: has a lock of its own
 */
struct vm {
	u16 id;
	enum vm_state state;
	bool destroying;
	bool doomed;
	bool wiped;
	struct spinlock lock;
	struct pgtable s2;
	u64 vttbr;
	u64 cntvoff;
	bool demand_paging;
	bool block_paging;
	bool idle;
	u64 mailbox;
	struct vcpu *vcpu[MAX_VCPUS];
	unsigned int nr_regions;
	unsigned int next_purpose;
	u64 dtb_gpa;
	u64 dtb_size;
	u64 mapped_pages;
	u64 unmaps;
	u64 private_pages;
	enum vm_protection protection;
	bool has_run;
	u64 seal_at;
	u64 fw_gpa;
	u8 reset_by;
	u32 resets;
	u8 *buf;
	u64 drain;
	u32 on_cpu[MAX_VCPUS];
	u32 sleeping;
	u64 raised[(VGIC_NR_SPIS + 63) / 64];
	u8 last_vcpu[MAX_CPUS];
	struct purpose purpose[MAX_PURPOSES];
	struct region region[MAX_REGIONS];
	struct vgic vgic;
};

/* core/vm/vm.c */
int vm_create(u64 type, u64 *id);
struct vm *vm_get(u64 id);
struct vm *vm_by_id(u16 id);
void vm_put(struct vm *vm);
u32 vm_users(const struct vm *vm);
bool vm_stop_all(void);
void vm_resume(void);
bool vm_kick(struct vm *vm, u32 mask);
u64 vm_hyp_bytes(struct vm *vm);

/* core/vm/destroy.c */
int vm_destroy(u64 id, u64 pages);

/* core/vm/vm.c, for core/vm/destroy.c */
int vm_begin_destroy(u64 id, struct vm **vm);
void vm_end_destroy(struct vm *vm, bool gone);

/* Are these all pages of a 2 MiB block that lie in the region? */
static inline bool region_has_block(const struct region *region, u64 gpa, u64 nr)
{
	u64 block = ALIGN_DOWN(gpa, SZ_2M);
	u64 start = MAX(block, region->gpa);
	u64 end = MIN(block + SZ_2M, region->gpa + region->size);

	return gpa == start && gpa + nr * PAGE_SIZE == end;
}

/* core/mem/region.c */
struct region *region_of(struct vm *vm, u64 gpa);
struct region *region_in_slot(struct vm *vm, u64 slot, u64 gpa);
struct region *region_by_slot(struct vm *vm, u32 slot);
int region_register(struct vm *vm, u32 slot, u64 gpa, u64 pages);
int region_set_purpose(struct vm *vm, u64 gpa, u64 size, u64 flags);

/* core/mem/memregion.c */
int memregion_set(struct vm *vm, pa_t pa, u64 size, u64 *done);

/* core/mem/map.c */
int vm_map_check(struct vm *vm, const struct region *region, u64 gpa, pa_t pa,
		 u64 pages);
int vm_map_act(struct vm *vm, struct region *region, u64 gpa, pa_t pa,
	       u64 pages);
int map_pause(bool mapped);
int vm_map(struct vm *vm, struct region *region, u64 gpa, pa_t pa, u64 pages,
	   u64 *done);
int vm_map_pfns(struct vm *vm, struct region *region, u64 gpa, const u64 *pfn,
		u64 nr);

#endif /* GZHYP_VM_H */
