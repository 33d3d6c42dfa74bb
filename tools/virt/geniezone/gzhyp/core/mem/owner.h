/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The owner of each page of RAM.
 *
 *   HOST          the host alone
 *   HYP           gzhyp alone, for ever: set aside at boot
 *   SHARED        the host's, and lent to guests that are not protected, or to
 *                 gzhyp as a vCPU's shared pages; lendings are counted
 *   GUEST         one protected guest's alone
 *   GUEST_SHARED  a protected guest's that it shares with the host
 *
 *   HOST <-> SHARED              lend, unlend (the last one)
 *   HOST  -> GUEST               donate: gone from the host's stage 2
 *   SHARED -> GUEST              seal: the same, for a page lent exactly once
 *   GUEST <-> GUEST_SHARED       guest_share, guest_unshare
 *   GUEST, GUEST_SHARED -> HOST  return; the caller has wiped the page
 *
 * Every other transition is refused, for the whole range, before anything changes.
 */
#ifndef GZHYP_OWNER_H
#define GZHYP_OWNER_H

#include "lib/mm.h"

enum page_state {
	PAGE_HOST,
	PAGE_HYP,
	PAGE_SHARED,
	PAGE_GUEST,
	PAGE_GUEST_SHARED,
};

#define OWNER_MAX_RANGES	8

struct ram_range {
	u64 base;
	u64 size;
};

/**
 * struct owner_ops - the host's side of a change of owner
 * @prepare: get ready to unmap or map a page; may fail
 * @unmap: take pages away from the host
 * @map: give them back
 */
struct owner_ops {
	int (*prepare)(pa_t pa, u64 size);
	void (*unmap)(pa_t pa, u64 size);
	void (*map)(pa_t pa, u64 size);
};

/* Consecutive pages in the same state, with the same value */
struct owner_run {
	pa_t pa;
	u64 pages;
	enum page_state state;
	u32 value;
};

u64 owner_table_size(const struct ram_range *ram, unsigned int nr);
void owner_init(const struct ram_range *ram, unsigned int nr, void *table,
		const struct owner_ops *ops);
int owner_claim(pa_t pa, u64 size);
bool owner_can_lend(pa_t pa, u64 size);
int owner_lend(pa_t pa, u64 size);
int owner_lend_frames(const u64 *pfn, u64 mask);
void owner_unlend_frames(const u64 *pfn, u64 mask);
int owner_unlend(pa_t pa, u64 size);
unsigned int owner_unlend_pages(const pa_t *pa, unsigned int nr);
int owner_prepare_donate(pa_t pa, u64 size);
int owner_donate(pa_t pa, u64 size, u16 vm);
int owner_seal(pa_t pa, u64 size, u16 vm);
int owner_guest_share(pa_t pa, u64 size, u16 vm);
int owner_guest_unshare(pa_t pa, u64 size, u16 vm);
int owner_return(pa_t pa, u64 size, u16 vm);
bool owner_host_may_access(pa_t pa);
int owner_copy_from_host(void *dst, pa_t src, u64 size);
int owner_state(pa_t pa, u32 *count);
struct owner_run owner_run_at(pa_t pa);
bool owner_next_run(struct owner_run *run);

void owner_lock(void);
void owner_unlock(void);

#endif /* GZHYP_OWNER_H */
