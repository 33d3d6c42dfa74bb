/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests on the build machine, in KTAP, and their physical memory: a buffer that
 * stands for the memory at TEST_BASE.
 */
#ifndef GZHYP_KTAP_H
#define GZHYP_KTAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem/pool.h"
#include "lib/mm.h"
#include "lib/print.h"

#define TEST_BASE	0x40000000UL
#ifndef TEST_SIZE
#define TEST_SIZE	(8UL << 20)
#endif

u64 test_phys_offset;
#ifndef OWN_OPTIONS
u64 options;
#endif
static unsigned int failures;

#define EXPECT(cond) do {						\
	if (!(cond)) {							\
		failures++;						\
		if (failures < 20)					\
			fprintf(stderr, "# %s:%d: %s: %s\n", __FILE__,	\
				__LINE__, __func__, #cond);		\
	}								\
} while (0)

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(fn)	{ #fn, fn }

void __noreturn panic(const char *fmt, ...)
{
	fprintf(stderr, "# gave up: %s\n", fmt);
	abort();
}

static inline void test_memory_init(void)
{
	static char *memory;

	if (!memory)
		memory = aligned_alloc(SZ_2M, TEST_SIZE);
	memset(memory, 0x5a, TEST_SIZE);
	test_phys_offset = (u64)(uintptr_t)memory - TEST_BASE;
	pool_init(PA(TEST_BASE), TEST_SIZE);
}

static inline int run_tests(const struct test *tests, unsigned int nr)
{
	unsigned int i, before, bad = 0;

	printf("KTAP version 1\n1..%u\n", nr);
	for (i = 0; i < nr; i++) {
		before = failures;
		tests[i].run();
		bad += failures != before;
		printf("%sok %u %s\n", failures != before ? "not " : "", i + 1,
		       tests[i].name);
	}
	return bad != 0;
}

/* The same numbers on each run */
static inline u64 test_random(void)
{
	static u64 state = 0x9e3779b97f4a7c15ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

#endif /* GZHYP_KTAP_H */
