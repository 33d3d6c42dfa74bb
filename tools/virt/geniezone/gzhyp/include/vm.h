/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_VM_H
#define GZHYP_VM_H

#include "gz.h"
#include "pgtable.h"
#include "platform.h"
#include "spinlock.h"
#include "vgic.h"

#define MAX_VMS			64
#define MAX_VCPUS		VGIC_MAX_VCPUS
#define ALL_VCPUS		((1U << MAX_VCPUS) - 1)
#define MAX_REGIONS		512
#define MAX_PURPOSES		16

#define MAP_BATCH_PAGES		512
#define MAP_CALL_PAGES		2048UL	/* in one go: bounds the time of a call */
#define DESTROY_BATCH_PAGES	512

/* A range of guest-physical memory that the host has registered */
struct region {
	u64 gpa;
	u64 size;
	u64 mapped;		/* pages */
	u32 slot;
	u32 flags;
};

/* MEMREGION_PURPOSE comes before the region it is for. */
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

/* See core/protect.c. Each but the first keeps all that those before it have. */
enum vm_protection {
	VM_OPEN,
	VM_PROTECTED,	/* asked for; the VMM still fills memory and registers */
	VM_SEALING,	/* the first RUN: page after page leaves the host */
	VM_SEALED,
};

/**
 * struct vm - one virtual machine
 * @id: its number for the host; also its VMID
 * @state: protected by the VM table's lock
 * @destroying: a DESTROY_VM works on it now; with the VM table's lock
 * @doomed: DESTROY_VM was called; with the VM table's lock
 * @wiped: its guest is gone for good; with the VM table's lock, but read by RUN,
 *         which has found the VM alive
 * @lock: all of the following, up to @vgic, but as said there
 * @s2: stage 2
 * @vttbr: of it
 * @cntvoff: virtual counter is this much behind the physical one
 * @demand_paging: cap enabled
 * @block_paging: cap enabled: MAP_GUEST_BLOCK is allowed
 * @idle: cap enabled: WFI leaves to the host
 * @mailbox: page of pfns for MAP_GUEST_BLOCK, lent by the host; 0 without
 * @vcpu: the vCPUs there are
 * @nr_regions: regions in @region
 * @next_purpose: which of @purpose is overwritten next
 * @dtb_gpa: what SET_DTB_CONFIG said
 * @dtb_size: likewise
 * @mapped_pages: pages that stage 2 maps now
 * @private_pages: those of them that the host can not reach, of a live VM
 * @protection: written with @lock and read without by RUN
 * @has_run: a vCPU was entered, or is to be; likewise
 * @seal_at: how far sealing has come
 * @fw_gpa: where the firmware goes, 0 for none
 * @buf: copies of what the host passes in memory
 * @drain: how far DESTROY_VM has given pages back
 * @on_cpu: physical CPU + 1 that has a vCPU, 0 for none; see vcpu_take()
 * @sleeping: vCPUs that have left with EXIT_IDLE and were not run since
 * @last_vcpu: vCPU + 1 that each physical CPU ran last
 * @purpose: what MEMREGION_PURPOSE said, the newest overwrites the oldest
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
	u64 private_pages;
	enum vm_protection protection;
	bool has_run;
	u64 seal_at;
	u64 fw_gpa;
	u8 *buf;
	u64 drain;
	u32 on_cpu[MAX_VCPUS];
	u32 sleeping;
	u8 last_vcpu[MAX_CPUS];
	struct purpose purpose[MAX_PURPOSES];
	struct region region[MAX_REGIONS];
	struct vgic vgic;
};

/* core/vm.c */
int vm_create(u64 type, u64 *id);
struct vm *vm_get(u64 id);
struct vm *vm_by_id(u16 id);
void vm_put(struct vm *vm);
u32 vm_users(const struct vm *vm);
bool vm_stop_all(void);
void vm_resume(void);
bool vm_kick(struct vm *vm, u32 mask);
u64 vm_hyp_bytes(struct vm *vm);

/* core/destroy.c */
int vm_destroy(u64 id, u64 pages);

/* core/vm.c, for the latter */
int vm_begin_destroy(u64 id, struct vm **vm);
void vm_end_destroy(struct vm *vm, bool gone);

/* core/region.c */
struct region *region_of(struct vm *vm, u64 gpa);
struct region *region_by_slot(struct vm *vm, u32 slot);
int region_register(struct vm *vm, u32 slot, u64 gpa, u64 pages);
int region_set_purpose(struct vm *vm, u64 gpa, u64 size, u64 flags);

/* core/stage.c */
int vm_map_check(struct vm *vm, const struct region *region, u64 gpa, pa_t pa,
		 u64 pages);
int vm_map_act(struct vm *vm, struct region *region, u64 gpa, pa_t pa,
	       u64 pages);
int vm_map(struct vm *vm, struct region *region, u64 gpa, pa_t pa, u64 pages);
int vm_map_pfns(struct vm *vm, struct region *region, u64 gpa, const u64 *pfn,
		u64 nr);

#endif /* GZHYP_VM_H */
