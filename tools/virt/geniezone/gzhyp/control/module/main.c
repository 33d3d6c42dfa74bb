// SPDX-License-Identifier: GPL-2.0
/*
 * The test controls of gzhyp, as files in debugfs, directory gzhyp:
 *
 *   reset     write: clear rules, forged exits, counters and records
 *   fail      write "KIND NTH STATUS [TIMES]": from the NTH call of that kind on,
 *             the next one being 1, TIMES calls (1) do nothing and return STATUS
 *   delay     write "KIND NTH TICKS [TIMES]": the same, but the calls wait for TICKS
 *             of the counter and are then served
 *   forge     write struct gzc_blob: the next exit of a vCPU
 *   calls     read: the last calls, "NUMBER CPU KIND ARGUMENTS... STATUS RESULT"
 *   counters  read: "KIND CALLS ERRORS MET"; MET calls met a rule
 *   state     read: VMs, vCPUs and pages, as EL2 counts them
 *   check     read: "ok", or the first violation of EL2's invariants
 *   smc       write "FUNCTION [X1 [X2 [X3]]]": an SMC; EIO if the answer is an error
 *   move      write "FROM TO": hide a page, and move it when an abort finds it hidden;
 *             "0 0" undoes it
 *   walk      write anything: EL2 walks a table that leads to no memory
 *   split     write "ADDRESS ROUNDS": split and join the blocks of the host's stage 2
 *             that an access to this virtual address uses; 0: the module's code
 *   fuzz      write "SEED CALLS": that many calls from all CPUs; read: result
 *
 * Loads only if gzhyp has its test controls and the host was booted with
 * gzhyp.controls.
 */

#include <linux/debugfs.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/sched.h>
#include <asm/virt.h>

#include "ctl.h"
#include "fuzz.h"

static struct dentry *gzc_dir;

/**
 * gzc_call() - make a call of the control range
 * @n: which call
 * @arg: arguments, from x1 on
 * @nr: number of them, at most 7
 * @result: x1 to x11; may be NULL
 *
 * Return: the status.
 */
long gzc_call(enum gzc_call n, const u64 *arg, unsigned int nr, u64 *result)
{
	struct arm_smccc_1_2_regs in = { .a0 = GZC_CALL_BASE + n }, out;
	unsigned long *reg = &in.a1;
	unsigned int i;

	for (i = 0; i < nr; i++)
		reg[i] = arg[i];
	arm_smccc_1_2_hvc(&in, &out);
	reg = &out.a1;
	for (i = 0; result && i < 11; i++)
		result[i] = reg[i];
	return out.a0;
}

/**
 * gzc_call_at_rest() - make a call that needs EL2 at rest
 * @n: which call
 * @arg: its argument
 * @result: as for gzc_call()
 *
 * Other calls are short, except RUN, which the host's timer ends. A reader that is
 * killed stops waiting.
 *
 * Return: the status.
 */
long gzc_call_at_rest(enum gzc_call n, u64 arg, u64 *result)
{
	long status;

	do {
		status = gzc_call(n, &arg, 1, result);
		cond_resched();
	} while (status == GZ_BUSY && !signal_pending(current));
	return status;
}

/**
 * gzc_errno() - errno for a status of a control call
 * @status: x0
 *
 * Return: 0 or -errno.
 */
int gzc_errno(long status)
{
	switch (status) {
	case 0:
		return 0;
	case GZ_BUSY:
		return -EBUSY;
	case -5:
		return -ENOMEM;
	case -1:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

/* HVC is undefined without EL2, so the firmware's conduit is checked first. */
static bool gzc_is_there(void)
{
	struct device_node *np;
	u64 result[11];

	if (is_kernel_in_hyp_mode())
		return false;
	np = of_find_compatible_node(NULL, NULL, "mediatek,geniezone");
	if (!np)
		return false;
	of_node_put(np);
	return !gzc_call(GZC_FEATURES, NULL, 0, result) &&
	       result[0] == GZC_VERSION;
}

static int __init gzc_init(void)
{
	if (!gzc_is_there())
		return -ENODEV;
	gzc_dir = debugfs_create_dir("gzhyp", NULL);
	if (IS_ERR(gzc_dir))
		return PTR_ERR(gzc_dir);
	gzc_make_files(gzc_dir);
	return 0;
}

static void __exit gzc_exit(void)
{
	debugfs_remove(gzc_dir);
	fuzz_free_workers();
	gzc_call(GZC_RESET, NULL, 0, NULL);
}

module_init(gzc_init);
module_exit(gzc_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test controls of the gzhyp hypervisor");
