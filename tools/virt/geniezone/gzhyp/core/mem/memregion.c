// SPDX-License-Identifier: GPL-2.0
/* SET_MEMREGION: registers a region, or maps the pages of a list into it. */
#include "core/mem/owner.h"
#include "core/options.h"
#include "core/strict.h"
#include "core/vm/vm.h"

/* All of it or nothing */
static int populate_at_once(struct vm *vm, struct region *region,
			    const struct gz_memregion *in)
{
	u64 gpa = in->gpa;
	unsigned int i;
	int err = 0;

	for (i = 0; i < in->constituent_cnt && !err; i++) {
		err = vm_map_check(vm, region, gpa,
				   PA(in->constituent[i].address),
				   in->constituent[i].pg_cnt);
		gpa += (u64)in->constituent[i].pg_cnt * PAGE_SIZE;
	}
	gpa = in->gpa;
	for (i = 0; i < in->constituent_cnt && !err; i++) {
		err = vm_map_act(vm, region, gpa,
				 PA(in->constituent[i].address),
				 in->constituent[i].pg_cnt);
		gpa += (u64)in->constituent[i].pg_cnt * PAGE_SIZE;
	}
	return err;
}

/* At least MAP_CALL_PAGES in one call, or all the rest */
static int populate_in_steps(struct vm *vm, struct region *region,
			     const struct gz_memregion *in, u64 *done)
{
	u64 before = vm->mapped_pages, seen = *done, at = 0, pages, part;
	unsigned int i;
	int err = 0;

	for (i = 0; i < in->constituent_cnt && !err; i++, at += pages) {
		pages = in->constituent[i].pg_cnt;
		if (at + pages <= *done)
			continue;
		part = *done - at;
		err = vm_map(vm, region, in->gpa + at * PAGE_SIZE,
			     PA(in->constituent[i].address), pages, &part);
		*done = at + (err ? part : pages);
		if (!err && *done - seen >= MAP_CALL_PAGES && *done < in->total_pages)
			err = map_pause(vm->mapped_pages - before >= MAP_CALL_PAGES);
	}
	return err;
}

/* vm->buf has the only copy that is read. */
static int populate(struct vm *vm, const struct gz_memregion *in, u64 *done)
{
	struct region *region = region_in_slot(vm, in->slot, in->gpa);
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < in->constituent_cnt; i++)
		pages += in->constituent[i].pg_cnt;
	if (!region || pages != in->total_pages)
		return GZ_INVALID_ARGS;
	if (option(OPT_MAP_STUCK))
		return GZ_BUSY;
	if (pages <= MAP_CALL_PAGES)
		return populate_at_once(vm, region, in);
	return populate_in_steps(vm, region, in, done);
}

/* The older generation does not know this call: done, but answered so. */
static int register_region(struct vm *vm, const struct gz_memregion *in)
{
	int err = region_register(vm, in->slot, in->gpa, in->total_pages);

	return err || !option(OPT_OLD) ? err : GZ_NOT_IMPLEMENTED;
}

/**
 * memregion_set() - SET_MEMREGION
 * @vm: the VM, locked
 * @pa: the host's buffer with a struct gz_memregion
 * @size: bytes of it
 * @done: how many pages of the list earlier calls have mapped; updated
 *
 * Return: 0, GZ_INVALID_ARGS, GZ_NO_MEMORY; or GZ_FAULT for a buffer that is not the
 * host's. If there is more to map, see map_pause().
 */
int memregion_set(struct vm *vm, pa_t pa, u64 size, u64 *done)
{
	struct gz_memregion *in = (struct gz_memregion *)vm->buf;
	const char *what;
	int err;

	if (size < sizeof(*in) || size > GZ_MEMREGION_BUF)
		return GZ_INVALID_ARGS;
	err = owner_copy_from_host(in, pa, sizeof(*in));
	if (err)
		return err;
	if (option(OPT_STRICT)) {
		what = strict_memregion(vm, in);
		if (what) {
			strict_report(what);
			return GZ_NOT_SUPPORTED;
		}
	}
	if (in->constituent_cnt > (size - sizeof(*in)) / sizeof(in->constituent[0]))
		return GZ_INVALID_ARGS;
	if (!in->constituent_cnt)
		return register_region(vm, in);
	/* Most buffers are longer than their list. */
	err = owner_copy_from_host(in->constituent, PA(pa.v + sizeof(*in)),
				   in->constituent_cnt * sizeof(in->constituent[0]));
	return err ? err : populate(vm, in, done);
}
