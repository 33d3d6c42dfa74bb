// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU that counts executed instructions by basic block, for each result
 * of the benchmark, between the benchmark's marks.
 *
 *   -plugin libprofile.so,reset=ADDR,begin=ADDR,end=ADDR,result=ADDR,out=FILE
 *
 * For each result, FILE then has "result N" and lines with address, place and count.
 * The place is where the machine's memory has the block, less the address. It tells
 * the same address of the host's kernel, which has the place in the line "host PLACE",
 * and of a guest's kernel from each other. An instruction that faults counts each time
 * that it is tried.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"

EXPORTED int qemu_plugin_version = 1;

/* A basic block, found again if it is translated again. Blocks are never freed. */
struct block {
	uint64_t addr;
	uint64_t place;		/* see above */
	uint64_t now;		/* executed so far */
	uint64_t begin;		/* the value of now at the begin of the section */
	uint64_t sum;		/* of all sections of this result */
	struct block *next_in_bucket, *next;
};

#define BUCKETS		65536

static struct block *buckets[BUCKETS], *blocks;
static unsigned int nr_results;
static bool inside;
static FILE *out;

/* Where a kernel's image is, from here on */
#define KERNEL_IMAGE	0xffff800080000000

/* The place of the host's kernel, the first one that runs */
static uint64_t host_place;

static struct block *block_get(uint64_t addr, uint64_t place)
{
	struct block **bucket = &buckets[addr / 4 % BUCKETS], *b;

	for (b = *bucket; b; b = b->next_in_bucket)
		if (b->addr == addr && b->place == place)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->addr = addr;
	b->place = place;
	b->next_in_bucket = *bucket;
	*bucket = b;
	b->next = blocks;
	blocks = b;
	return b;
}

static void reset(unsigned int cpu, void *data)
{
	struct block *b;

	(void)cpu;
	(void)data;
	inside = false;
	for (b = blocks; b; b = b->next)
		b->sum = 0;
}

static void begin(unsigned int cpu, void *data)
{
	struct block *b;

	(void)cpu;
	(void)data;
	inside = true;
	for (b = blocks; b; b = b->next)
		b->begin = b->now;
}

static void end(unsigned int cpu, void *data)
{
	struct block *b;

	(void)cpu;
	(void)data;
	if (!inside)
		return;
	inside = false;
	for (b = blocks; b; b = b->next)
		b->sum += b->now - b->begin;
}

static void write_result(unsigned int cpu, void *data)
{
	struct block *b;

	(void)cpu;
	(void)data;
	if (!nr_results)
		fprintf(out, "host %llx\n", (unsigned long long)host_place);
	fprintf(out, "result %u\n", ++nr_results);
	for (b = blocks; b; b = b->next)
		if (b->sum)
			fprintf(out, "%llx %llx %llu\n",
				(unsigned long long)b->addr,
				(unsigned long long)b->place,
				(unsigned long long)b->sum);
}

static struct mark marks[NR_MARKS] = {
	{ .name = "reset", .cb = reset }, { .name = "begin", .cb = begin },
	{ .name = "end", .cb = end }, { .name = "result", .cb = write_result },
};

/* Counts each instruction: an exception may end a block in its middle. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, 0);
	uint64_t addr = qemu_plugin_insn_vaddr(insn);
	uint64_t place = (uintptr_t)qemu_plugin_insn_haddr(insn) - addr;
	struct block *b = block_get(addr, place);
	enum qemu_plugin_op op = QEMU_PLUGIN_INLINE_ADD_U64;
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (!host_place && addr >= KERNEL_IMAGE)
		host_place = place;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, op, &b->now, 1);
		call_at_marks(marks, insn);
	}
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
	fclose(out);
}

static bool take_option(const char *option)
{
	const char *value = value_of(option, "out");

	if (!value)
		return take_mark(marks, option);
	out = fopen(value, "w");
	return out;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!take_option(argv[i])) {
			fprintf(stderr, "profile: %s?\n", argv[i]);
			return -1;
		}
	}
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
