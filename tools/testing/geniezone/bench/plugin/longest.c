// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU that looks for the longest time without interrupts, in instructions,
 * for each result of the benchmark, between the benchmark's marks. The machine has one
 * CPU.
 *
 *   -plugin longest.so,MARK=ADDR...,user=FIRST-LAST...,guest=FIRST-LAST,
 *	     kernel=FIRST-LAST,out=FILE
 *
 * For each result, FILE then has the lines "result N", "el2 COUNT" and "masked COUNT".
 * "el2" is the longest stay in EL2, which is what all other addresses belong to. EL2
 * masks interrupts. "masked" is the longest time in which the kernel or EL2 masked
 * them. A guest's instructions end it, because an interrupt ends the guest's run.
 *
 * A plugin cannot read registers, hence the kernel's mask is followed by the
 * instructions that change it. One that writes a saved value restores the mask from
 * before the last "mrs daif; msr daifset". Handlers of interrupts do not count: the
 * plugin does not see that an exception masks interrupts. The code that an exception
 * interrupts counts as code that does not mask them.
 *
 * Counts are in whole blocks: an exception in the middle of a block counts the rest of
 * it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"

EXPORTED int qemu_plugin_version = 1;

enum level { EL2, KERNEL, USER, GUEST, NR_LEVELS };

/* A block ends after an instruction that changes the mask. */
enum change { NOTHING, MASK, UNMASK, RESTORE };

struct block {
	enum level level;
	enum change change;
	bool saves;		/* reads the mask before it changes it */
	unsigned int count;
};

/* The kernel's mask, and those that it has saved */
#define MOST_SAVED	16

static struct {
	bool now;
	bool saved[MOST_SAVED];
	unsigned int nr;
} mask;

static uint64_t in_el2, masked, longest_el2, longest_masked;
static bool inside;
static unsigned int nr_results;
static FILE *out;

static void change_mask(const struct block *b)
{
	switch (b->change) {
	case NOTHING:
		break;
	case MASK:
		if (b->saves && mask.nr < MOST_SAVED)
			mask.saved[mask.nr++] = mask.now;
		mask.now = true;
		break;
	case UNMASK:
		mask.now = false;
		break;
	case RESTORE:
		mask.now = mask.nr && mask.saved[--mask.nr];
		break;
	}
}

static void count(uint64_t *now, uint64_t *longest, unsigned int n)
{
	*now += n;
	if (*now > *longest)
		*longest = *now;
}

static void executed(unsigned int cpu, void *data)
{
	const struct block *b = data;

	(void)cpu;
	if (!inside)
		return;
	if (b->level == EL2)
		count(&in_el2, &longest_el2, b->count);
	else
		in_el2 = 0;
	if (b->level == EL2 || (b->level == KERNEL && mask.now))
		count(&masked, &longest_masked, b->count);
	else
		masked = 0;
	if (b->level == KERNEL)
		change_mask(b);
	if (b->level == USER)
		memset(&mask, 0, sizeof(mask));
}

static void reset(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	inside = false;
	longest_el2 = 0;
	longest_masked = 0;
}

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	inside = true;
}

static void end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	inside = false;
}

static void write_result(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	fprintf(out, "result %u\nel2 %llu\nmasked %llu\n", ++nr_results,
		(unsigned long long)longest_el2,
		(unsigned long long)longest_masked);
}

static struct mark marks[NR_MARKS] = {
	{ .name = "reset", .cb = reset }, { .name = "begin", .cb = begin },
	{ .name = "end", .cb = end }, { .name = "result", .cb = write_result },
};

static const char * const level_names[NR_LEVELS] = {
	[KERNEL] = "kernel", [USER] = "user", [GUEST] = "guest",
};

#define MOST_RANGES	8

static struct {
	uint64_t first, last;
	enum level level;
} ranges[MOST_RANGES];

static unsigned int nr_ranges;

static enum level level_of(uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < nr_ranges; i++)
		if (addr >= ranges[i].first && addr <= ranges[i].last)
			return ranges[i].level;
	return EL2;
}

/* Arm ARM, C6.2: the I bit is the second of the immediate. */
#define MRS_DAIF(op)	(((op) & ~0x1fU) == 0xd53b4220)
#define MSR_DAIF(op)	(((op) & ~0x1fU) == 0xd51b4220)
#define DAIFSET_I(op)	(((op) & ~0xd00U) == 0xd50342df)
#define DAIFCLR_I(op)	(((op) & ~0xd00U) == 0xd50342ff)
#define ERET(op)	((op) == 0xd69f03e0)

static void look_at(struct block *b, uint32_t op)
{
	if (MRS_DAIF(op))
		b->saves = true;
	else if (MSR_DAIF(op))
		b->change = RESTORE;
	else if (DAIFSET_I(op))
		b->change = MASK;
	else if (DAIFCLR_I(op) || ERET(op))
		b->change = UNMASK;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct block *b = calloc(1, sizeof(*b));
	struct qemu_plugin_insn *insn;
	uint32_t op;

	(void)id;
	if (!b)
		abort();
	b->count = n;
	b->level = level_of(qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0)));
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		memcpy(&op, qemu_plugin_insn_data(insn), sizeof(op));
		look_at(b, op);
		call_at_marks(marks, insn);
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS,
					     b);
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	fclose(out);
}

static bool add_range(enum level level, const char *value)
{
	unsigned long long first, last;

	if (nr_ranges == MOST_RANGES ||
	    sscanf(value, "%llx-%llx", &first, &last) != 2)
		return false;
	ranges[nr_ranges].first = first;
	ranges[nr_ranges].last = last;
	ranges[nr_ranges++].level = level;
	return true;
}

static bool take_option(const char *option)
{
	const char *value = value_of(option, "out");
	unsigned int i;

	if (value) {
		out = fopen(value, "w");
		return out;
	}
	for (i = KERNEL; i < NR_LEVELS; i++) {
		value = value_of(option, level_names[i]);
		if (value)
			return add_range(i, value);
	}
	return take_mark(marks, option);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!take_option(argv[i])) {
			fprintf(stderr, "longest: %s?\n", argv[i]);
			return -1;
		}
	}
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
