/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmark's marks: functions that its program calls before and after what it
 * measures. A plugin gets their addresses as options, and is called there.
 */
#ifndef MARKS_H
#define MARKS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

/* Each mark may be in two programs */
#define MAX_ADDRS	2
#define NR_MARKS	4

/**
 * struct mark - a mark
 * @name: the name of its option
 * @cb: called there
 * @nr: number of @addrs
 * @addrs: its addresses
 */
struct mark {
	const char *name;
	qemu_exec_fn cb;
	unsigned int nr;
	uint64_t addrs[MAX_ADDRS];
};

static inline void call_at_marks(const struct mark marks[NR_MARKS],
				 struct qemu_plugin_insn *insn)
{
	uint64_t addr = qemu_plugin_insn_vaddr(insn);
	enum qemu_plugin_cb_flags flags = QEMU_PLUGIN_CB_NO_REGS;
	unsigned int m, i;

	for (m = 0; m < NR_MARKS; m++)
		for (i = 0; i < marks[m].nr; i++)
			if (marks[m].addrs[i] == addr)
				qemu_plugin_register_vcpu_insn_exec_cb(insn,
								       marks[m].cb,
								       flags, NULL);
}

/* "NAME=VALUE": the value, or NULL if the option has another name */
static inline const char *value_of(const char *option, const char *name)
{
	size_t len = strlen(name);

	return strncmp(option, name, len) || option[len] != '=' ? NULL :
	       option + len + 1;
}

/* Returns false if the option is no mark, or one address too many */
static inline bool take_mark(struct mark marks[NR_MARKS], const char *option)
{
	const char *value;
	unsigned int m;

	for (m = 0; m < NR_MARKS; m++) {
		value = value_of(option, marks[m].name);
		if (!value || marks[m].nr == MAX_ADDRS)
			continue;
		marks[m].addrs[marks[m].nr++] = strtoull(value, NULL, 16);
		return true;
	}
	return false;
}

#endif /* MARKS_H */
