// SPDX-License-Identifier: GPL-2.0
/*
 * SET_MEMREGION, for any buffer that the host may write:
 *
 *   - gzhyp reads no more than its own copy has room for, and no list entry behind the
 *     size that the host gave
 *   - pages are mapped from the address in the buffer on, without a gap, and as many as
 *     the buffer says; the sum of the list does not wrap
 *   - nothing is mapped before all of a short list has been checked
 */
#include "tests/prove/prove.h"
#include "arch/stage2.h"
#include "core/mem/memregion.c"

#define ENTRIES		3

u64 options;
static union {
	struct gz_memregion head;
	u8 bytes[GZ_MEMREGION_BUF];
} buf;
static struct vm vm = { .buf = buf.bytes };
static u64 size, checked, mapped, calls;

int owner_copy_from_host(void *dst, pa_t src, u64 len)
{
	u64 at = (u8 *)dst - buf.bytes;
	unsigned int i;

	PROVE(at < sizeof(buf) && len <= sizeof(buf) - at);
	PROVE(at + len <= size);
	if (nondet_bool())
		return GZ_FAULT;
	if (!at) {
		buf.head.slot = nondet_u32();
		buf.head.constituent_cnt = nondet_u32();
		buf.head.total_pages = nondet_u64();
		buf.head.gpa = nondet_u64();
		return 0;
	}
	/* The rest of the list takes the same way. */
	GIVEN(buf.head.constituent_cnt <= ENTRIES);
	for (i = 0; i < ENTRIES; i++) {
		buf.head.constituent[i].address = nondet_u64();
		buf.head.constituent[i].pg_cnt = nondet_u32();
	}
	return 0;
}

struct region *region_in_slot(struct vm *of, u64 slot, u64 gpa)
{
	return nondet_bool() ? &vm.region[0] : NULL;
}

int region_register(struct vm *of, u32 slot, u64 gpa, u64 pages)
{
	PROVE(!buf.head.constituent_cnt);
	return nondet_bool() ? 0 : GZ_INVALID_ARGS;
}

int map_pause(bool is_mapped)
{
	return nondet_bool() ? GZ_REPEAT : 0;
}

/* As vm_map_check() does; tests/prove/region.c has the proof. */
static bool fits(u64 gpa, u64 pages)
{
	return pages && pages <= IPA_LIMIT / PAGE_SIZE && gpa < IPA_LIMIT &&
	       nondet_bool();
}

int vm_map_check(struct vm *of, const struct region *region, u64 gpa, pa_t pa,
		 u64 pages)
{
	if (!fits(gpa, pages))
		return GZ_INVALID_ARGS;
	PROVE(gpa == buf.head.gpa + checked * PAGE_SIZE);
	PROVE(checked + pages > checked && checked + pages <= buf.head.total_pages);
	checked += pages;
	return 0;
}

int vm_map_act(struct vm *of, struct region *region, u64 gpa, pa_t pa, u64 pages)
{
	PROVE(checked == buf.head.total_pages);
	PROVE(gpa == buf.head.gpa + mapped * PAGE_SIZE);
	mapped += pages;
	PROVE(mapped <= checked);
	return nondet_bool() ? 0 : GZ_INVALID_ARGS;
}

int vm_map(struct vm *of, struct region *region, u64 gpa, pa_t pa, u64 pages,
	   u64 *done)
{
	if (!fits(gpa, pages))
		return GZ_INVALID_ARGS;
	PROVE(gpa == buf.head.gpa + mapped * PAGE_SIZE);
	PROVE(*done <= pages);
	mapped += pages;
	PROVE(mapped <= buf.head.total_pages);
	*done = pages;
	return 0;
}

int main(void)
{
	u64 done = 0;
	int err;

	size = nondet_u64();
	err = memregion_set(&vm, PA(nondet_u64()), size, &done);
	if (!err && buf.head.constituent_cnt)
		PROVE(mapped == buf.head.total_pages);
	PROVE(done <= buf.head.total_pages || err);
	return 0;
}
