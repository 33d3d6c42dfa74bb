/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 2 translation: the host's, and functions for VMs' as well. */
#ifndef GZHYP_STAGE2_H
#define GZHYP_STAGE2_H

#include "core/mem/owner.h"
#include "core/mem/pgtable.h"

#define IPA_BITS	40
#define IPA_LIMIT	BIT(IPA_BITS)

/* Normal write-back memory, readable and writable */
#define S2_RW		(0xfUL << 2 | 3UL << 6 | 3UL << 8 | BIT(10))
#define S2_XN		BIT(54)

extern const struct owner_ops host_stage2_ops;

void host_stage2_build(pa_t hidden, u64 size);
void host_stage2_hide(u64 base, u64 size);
void host_stage2_drop(void);
bool host_stage2_is_mapped(u64 ipa);
bool host_stage2_split_and_join(u64 ipa);
bool host_stage2_show(u64 ipa, bool mapped);
struct pgt_leaf host_stage2_lookup(u64 ipa);
u64 host_stage2_tables(void);
u64 host_vttbr(void);
u64 stage2_vttbr(const struct pgtable *pgt, u16 vmid);
u64 stage2_vtcr(void);
void stage2_flush_vmid(u64 vttbr);
void stage2_flush_range(u64 vttbr, u64 ipa, u64 size);
void stage2_flush_local(void);

#endif /* GZHYP_STAGE2_H */
