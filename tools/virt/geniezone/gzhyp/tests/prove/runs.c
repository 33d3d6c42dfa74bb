// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of equal entries in the table of owners, which core/mem/owner.c takes eight at
 * once. For any contents, up to ten entries, with and without an odd one in front:
 *
 *   - end_of_run() returns the first entry that differs, or the end
 *   - fill() writes all entries of the range, and no other
 */
#include "tests/prove/prove.h"
#include "core/mem/owner.c"

#define MAX_NR		10
#define NR_ENTRIES	(1 + MAX_NR + 1)

u64 test_phys_offset;
static u32 entries[NR_ENTRIES] __aligned(8);
static u32 before[NR_ENTRIES];

static void any_entries(void)
{
	unsigned int i;

	for (i = 0; i < NR_ENTRIES; i++) {
		entries[i] = nondet_u32();
		before[i] = entries[i];
	}
}

static void prove_run(u32 *first, unsigned int nr)
{
	unsigned int n, i;

	any_entries();
	n = end_of_run(first, first + nr) - first;
	PROVE(n && n <= nr);
	for (i = 0; i < nr; i++) {
		PROVE(i >= n || first[i] == *first);
		PROVE(i != n || first[i] != *first);
	}
}

static void prove_fill(unsigned int start, unsigned int nr)
{
	u32 value = nondet_u32();
	unsigned int i;

	any_entries();
	fill(entries + start, entries + start + nr, value);
	for (i = 0; i < NR_ENTRIES; i++)
		PROVE(entries[i] == (i - start < nr ? value : before[i]));
}

int main(void)
{
	unsigned int start, nr;

	for (start = 0; start < 2; start++)
		for (nr = 1; nr <= MAX_NR; nr++) {
			prove_run(entries + start, nr);
			prove_fill(start, nr);
		}
	return 0;
}
