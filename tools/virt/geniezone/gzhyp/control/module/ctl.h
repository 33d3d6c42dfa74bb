/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_CTL_H
#define GZHYP_CTL_H

#include <linux/arm-smccc.h>
#include <linux/types.h>

#include "gzhyp_control.h"

struct dentry;

/* Status of a call, GenieZone's numbers */
#define GZ_BUSY		(-33)

/**
 * struct gzc_blob - what is written to the file forge
 * @vm: VM id
 * @vcpu: number of the vCPU in it
 * @reason: exit reason that RUN returns
 * @run: first shared page
 * @hw: second shared page; may be left out
 */
struct gzc_blob {
	__le32 vm;
	__le32 vcpu;
	__le64 reason;
	u8 run[GZC_RUN_SIZE];
	u8 hw[GZC_HW_SIZE];
};

/* main.c */
long gzc_call(enum gzc_call n, const u64 *arg, unsigned int nr, u64 *result);
long gzc_call_at_rest(enum gzc_call n, u64 arg, u64 *result);
int gzc_errno(long status);

/* files.c */
int gzc_take_text(char *text, size_t size, const char __user *buf, size_t count);
void gzc_make_files(struct dentry *dir);

#endif /* GZHYP_CTL_H */
