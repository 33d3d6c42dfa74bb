// SPDX-License-Identifier: GPL-2.0
/*
 * Protected VMs, as the host sees them.
 *
 *   OPEN       a VM like any other
 *   PROTECTED  ENABLE_CAP was called. The VMM still fills memory and registers
 *   SEALING    the first RUN has begun. Registers are closed. A page mapped from
 *              now on leaves the host at once; pages mapped before leave in steps,
 *              between which the host gets its interrupts
 *   SEALED     the guest runs
 *
 * A page keeps its contents when it leaves the host: the VMM has put kernel and
 * device tree there. Regions of STATIC_SWIOTLB stay lent, as in an open VM.
 */
#include "arch/stage2.h"
#include "core/mem/owner.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "lib/print.h"
#include "lib/string.h"

/* In one step of sealing: pages, and holes in the tables */
#define SEAL_PAGES	MAP_CALL_PAGES
#define SEAL_HOLES	4096

static u64 firmware_size(void)
{
	return option(OPT_NO_FIRMWARE) ? 0 : pvmfw_end - pvmfw_start;
}

static bool firmware_fits(struct vm *vm, u64 gpa)
{
	struct region *region = region_of(vm, gpa);

	return region && !(region->flags & GZ_MEM_STATIC_SWIOTLB) &&
	       firmware_size() <= region->gpa + region->size - gpa;
}

/* A guest that has run while the host could see it cannot be protected any more. */
static int set_protected(struct vm *vm)
{
	if (option(OPT_NO_PROTECTION))
		return GZ_NOT_SUPPORTED;
	if (vm->has_run)
		return GZ_INVALID_ARGS;
	vm->protection = VM_PROTECTED;
	return 0;
}

static int set_firmware(struct vm *vm, u64 gpa)
{
	int err;

	if (!firmware_size())
		return GZ_NOT_SUPPORTED;
	if (!gpa || !IS_ALIGNED(gpa, PAGE_SIZE) || !firmware_fits(vm, gpa))
		return GZ_INVALID_ARGS;
	err = set_protected(vm);
	if (!err)
		vm->fw_gpa = gpa;
	return err;
}

/**
 * protect_cap() - ENABLE_CAP of PROTECTED_VM
 * @vm: the VM, locked
 * @command: args[0]
 * @gpa: args[1]
 * @result: gets the result of GET_PVMFW_SIZE
 *
 * Return: 0, GZ_INVALID_ARGS, or GZ_NOT_SUPPORTED, as of firmware if there is none.
 */
int protect_cap(struct vm *vm, u64 command, u64 gpa, u64 *result)
{
	switch (command) {
	case GZ_PVM_SET_PVMFW_GPA:
		return set_firmware(vm, gpa);
	case GZ_PVM_GET_PVMFW_SIZE:
		*result = firmware_size();
		return option(OPT_NO_FIRMWARE) ? GZ_NOT_SUPPORTED : 0;
	case GZ_PVM_SET_PROTECTED_VM:
		return set_protected(vm);
	default:
		return GZ_INVALID_ARGS;
	}
}

/* Write the part of the firmware that lies in [gpa, gpa + size). */
static void write_firmware(struct vm *vm, u64 gpa, pa_t pa, u64 size)
{
	u64 start = MAX(gpa, vm->fw_gpa);
	u64 end = MIN(gpa + size, vm->fw_gpa + firmware_size());
	u8 *to = pa_to_va(PA(pa.v + (start - gpa)));

	if (!vm->fw_gpa || start >= end)
		return;
	memcpy(to, pvmfw_start + (start - vm->fw_gpa), end - start);
	dcache_clean_inval(to, end - start);
}

/**
 * protect_taken() - account for pages that have just become a guest's alone
 * @vm: the VM, locked
 * @gpa: guest-physical address
 * @pa: the pages; the host's cache lines are written back
 * @size: bytes
 */
void protect_taken(struct vm *vm, u64 gpa, pa_t pa, u64 size)
{
	vm->private_pages += size / PAGE_SIZE;
	write_firmware(vm, gpa, pa, size);
}

/**
 * protect_give_back() - give pages that no guest maps any more back to the host
 * @vm: the VM, locked or dying
 * @pa: the pages; either all of them are lent, or all are the guest's
 * @size: bytes
 *
 * The guest's pages are wiped, also those that it has shared.
 */
void protect_give_back(struct vm *vm, pa_t pa, u64 size)
{
	u32 value;

	if (owner_state(pa, &value) == PAGE_SHARED) {
		BUG_ON(owner_unlend(pa, size));
		return;
	}
	clear_pages(pa_to_va(pa), size);
	dcache_clean_inval(pa_to_va(pa), size);
	BUG_ON(owner_return(pa, size, vm->id));
}

static void wipe_registers(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < MAX_VCPUS; i++) {
		if (!vm->vcpu[i])
			continue;
		vcpu_reset(vm->vcpu[i], 0, 0);
		dcache_clean_inval(vm->vcpu[i], sizeof(struct vcpu));
	}
}

/**
 * protect_wipe_all() - wipe all protected guests' memory and registers
 *
 * Called after vm_stop_all(). The pages stay the guests' and go back to the host as
 * usual if the host goes on. Caches are written back, because the next reader of
 * the memory may have none.
 */
void protect_wipe_all(void)
{
	struct owner_run run = { 0 };
	u16 id;

	while (owner_next_run(&run)) {
		if (run.state != PAGE_GUEST && run.state != PAGE_GUEST_SHARED)
			continue;
		clear_pages(pa_to_va(run.pa), run.pages * PAGE_SIZE);
		dcache_clean_inval(pa_to_va(run.pa), run.pages * PAGE_SIZE);
	}
	for (id = 1; id <= MAX_VMS; id++)
		if (vm_by_id(id) && !vm_users(vm_by_id(id)))
			wipe_registers(vm_by_id(id));
}

static int seal_leaf(struct vm *vm, u64 gpa, const struct pgt_leaf *leaf)
{
	u32 value;
	int err;

	if (!protect_is_private(vm, region_of(vm, gpa)))
		return 0;
	/* It was mapped after sealing began. */
	if (owner_state(leaf->pa, &value) == PAGE_GUEST)
		return 0;
	err = owner_seal(leaf->pa, leaf->size, vm->id);
	if (err)
		return err;
	dcache_clean_inval(pa_to_va(leaf->pa), leaf->size);
	protect_taken(vm, gpa, leaf->pa, leaf->size);
	return 0;
}

/* Returns GZ_BUSY if more is to be done. */
static int seal_some(struct vm *vm)
{
	u64 pages = 0, holes = 0;
	struct pgt_leaf leaf;
	int err;

	while (vm->seal_at < IPA_LIMIT) {
		if (pages >= SEAL_PAGES || holes >= SEAL_HOLES)
			return GZ_BUSY;
		leaf = pgt_lookup(&vm->s2, vm->seal_at);
		err = leaf.valid ? seal_leaf(vm, vm->seal_at, &leaf) : 0;
		if (err)
			return err;
		pages += leaf.valid ? leaf.size / PAGE_SIZE : 0;
		holes += !leaf.valid;
		vm->seal_at += leaf.size;
	}
	icache_inval_all();
	return 0;
}

/*
 * The firmware starts with the device tree in x0, the payload in x1 and its size in
 * x2. A VMM that knows about firmware has set them like this; another VMM has set x0
 * and the PC for the payload itself. x3 and x4 are the region that has the payload, if
 * it is private: regions of a sealed VM stay as they are, so firmware may rely on what
 * it has verified there. All other registers are as after CPU_ON: with translation,
 * vectors or debugging set up by the VMM, the VMM's code could run instead of the
 * firmware.
 */
static void start_firmware(struct vm *vm, struct vcpu *vcpu)
{
	const u64 *x = vcpu->regs.x;
	u64 dtb = x[0] ? x[0] : vm->dtb_gpa;
	u64 payload = x[1] ? x[1] : vcpu->regs.pc;
	struct region *region = region_of(vm, payload);
	u64 size = x[2];

	if (!vm->fw_gpa)
		return;
	vcpu_reset(vcpu, vm->fw_gpa, dtb);
	vcpu->regs.x[1] = payload;
	vcpu->regs.x[2] = size;
	if (!region || !protect_is_private(vm, region))
		return;
	vcpu->regs.x[3] = region->gpa;
	vcpu->regs.x[4] = region->gpa + region->size;
}

static int seal_locked(struct vm *vm, struct vcpu *vcpu)
{
	int err;

	vm->has_run = true;
	if (vm->protection == VM_OPEN || vm->protection == VM_SEALED)
		return 0;
	/* The region may have changed since the call. */
	if (vm->fw_gpa && !firmware_fits(vm, vm->fw_gpa))
		return GZ_INVALID_ARGS;
	WRITE_ONCE(vm->protection, VM_SEALING);
	err = seal_some(vm);
	if (err)
		return err;
	start_firmware(vm, vcpu);
	WRITE_ONCE(vm->protection, VM_SEALED);
	return 0;
}

/**
 * protect_before_run() - seal a protected VM before its first instruction
 * @vcpu: claimed by this CPU
 *
 * The first RUN of a vCPU that is on, vCPU 0, seals the VM: other vCPUs may wait
 * for CPU_ON while the VMM still fills the registers of vCPU 0.
 *
 * Return: 0; GZ_BUSY if more is to be done; GZ_INVALID_ARGS if a page cannot be
 * the guest's alone because it is also mapped elsewhere; or GZ_NO_MEMORY. The host
 * may try again.
 */
int protect_before_run(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	int err;

	if (vcpu->power != POWER_ON ||
	    (READ_ONCE(vm->has_run) &&
	     READ_ONCE(vm->protection) != VM_PROTECTED &&
	     READ_ONCE(vm->protection) != VM_SEALING))
		return 0;
	spin_lock(&vm->lock);
	err = seal_locked(vm, vcpu);
	spin_unlock(&vm->lock);
	return err;
}
