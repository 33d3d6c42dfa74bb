// SPDX-License-Identifier: GPL-2.0
/*
 * gzhyp.strict: a call, an argument or an order of calls that no shipped driver
 * makes is refused, and reported on the console once. Facts about shipped drivers
 * are from their sources.
 */
#include "arch/stage2.h"
#include "core/options.h"
#include "core/strict.h"
#include "lib/print.h"

#define MAX_REPORTS	32

static struct {
	struct spinlock lock;
	unsigned int nr;
	const char *what[MAX_REPORTS];
} reports;

static bool is_new_locked(const char *what)
{
	unsigned int i;

	for (i = 0; i < reports.nr; i++)
		if (reports.what[i] == what)
			return false;
	if (reports.nr < MAX_REPORTS)
		reports.what[reports.nr++] = what;
	return true;
}

/**
 * strict_report() - report a refusal on the console, once each
 * @what: what no shipped driver does; a constant
 */
void strict_report(const char *what)
{
	bool is_new;

	spin_lock(&reports.lock);
	is_new = is_new_locked(what);
	spin_unlock(&reports.lock);
	if (is_new)
		print("gzhyp: strict: %s\n", what);
}

const char *strict_probe(struct vm *vm, const u64 *arg)
{
	if (option(OPT_OLD))
		return NULL;
	if (arg[1] != GZ_VERSION_MAJOR || arg[2] != GZ_VERSION_MINOR ||
	    arg[3] != GZ_VERSION_SUB)
		return "PROBE with another version";
	return NULL;
}

const char *strict_create_vcpu(struct vm *vm, const u64 *arg)
{
	return (arg[1] & 0xffff) >= FEW_VCPUS ? "CREATE_VCPU of a ninth vCPU" : NULL;
}

const char *strict_get_one_reg(struct vm *vm, const u64 *arg)
{
	return "GET_ONE_REG";
}

/* It would need a VMM whose threads do not wait for one another. */
const char *strict_set_one_reg(struct vm *vm, const u64 *arg)
{
	u64 vcpu = arg[1] & 0xffff;

	return vcpu < MAX_VCPUS && READ_ONCE(vm->on_cpu[vcpu]) ?
	       "SET_ONE_REG of a vCPU that runs" : NULL;
}

const char *strict_set_memregion(struct vm *vm, const u64 *arg)
{
	return arg[2] != GZ_MEMREGION_BUF ?
	       "SET_MEMREGION with a buffer of another size" : NULL;
}

static bool has_purpose(const struct vm *vm, const struct gz_memregion *in)
{
	unsigned int i;

	for (i = 0; i < MAX_PURPOSES; i++)
		if (vm->purpose[i].gpa == in->gpa &&
		    vm->purpose[i].size == in->total_pages * PAGE_SIZE)
			return true;
	return false;
}

/**
 * strict_memregion() - check the buffer of SET_MEMREGION
 * @vm: the VM, locked
 * @in: head of the buffer
 */
const char *strict_memregion(struct vm *vm, const struct gz_memregion *in)
{
	if (in->slot >= FEW_REGIONS)
		return "SET_MEMREGION of an eleventh slot";
	if (in->constituent_cnt)
		return NULL;
	if (!in->total_pages)
		return "SET_MEMREGION that takes a region back";
	if (in->gpa >= IPA_LIMIT)
		return "SET_MEMREGION at an address of more than 40 bits";
	if (!has_purpose(vm, in))
		return "SET_MEMREGION without MEMREGION_PURPOSE before";
	return NULL;
}

/* Level 0 is the VMM's to ask for, which has raised the line before. */
const char *strict_irq_line(struct vm *vm, const u64 *arg)
{
	u64 spi = arg[2] - (option(OPT_OLD) ? VGIC_NR_PRIVATE : 0);
	u64 bit = BIT(spi % 64), *word;

	if (spi >= VGIC_NR_SPIS)
		return NULL;
	word = &vm->raised[spi / 64];
	if (arg[3])
		__atomic_or_fetch(word, bit, __ATOMIC_RELAXED);
	else if (!(__atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED) & bit))
		return "IRQ_LINE lowers a line that was not raised";
	return NULL;
}

const char *strict_enable_cap(struct vm *vm, const u64 *arg)
{
	bool is_late = vm->nr_regions || vm->vcpu[0];

	switch (arg[2]) {
	case GZ_CAP_PROTECTED_VM:
		return NULL;
	case GZ_CAP_DEMAND_PAGING:
	case GZ_CAP_IDLE:
		break;
	case GZ_CAP_BLOCK_DEMAND_PAGING:
		if (!vm->demand_paging)
			return "ENABLE_CAP of paging by blocks before demand paging";
		break;
	case GZ_CAP_VM_GPA_SIZE:
		return "ENABLE_CAP of the address size";
	default:
		return "ENABLE_CAP of an unknown capability";
	}
	return is_late ? "ENABLE_CAP after regions or vCPUs were made" : NULL;
}

const char *strict_map_guest(struct vm *vm, const u64 *arg)
{
	if (arg[5] != 1)
		return "MAP_GUEST of several pages";
	if (vm->block_paging)
		return "MAP_GUEST where MAP_GUEST_BLOCK is enabled";
	return NULL;
}

const char *strict_map_guest_block(struct vm *vm, const u64 *arg)
{
	struct region *region = region_by_slot(vm, arg[2]);

	if (region && arg[3] < BIT(40) && arg[4] <= GZ_MAILBOX_PFNS &&
	    !region_has_block(region, arg[3] << PAGE_SHIFT, arg[4]))
		return "MAP_GUEST_BLOCK of a part of a block";
	return NULL;
}
