/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls by which tests control gzhyp. The one header that gzhyp and the module
 * in tools/testing/geniezone/gzhyp_ctl both read; the driver knows none of it.
 *
 * HVC #0, by the SMC calling convention 1.2: x0 is the function, x1 and up the
 * arguments; x0 returns a status of GenieZone's, x1 and up results. Fast calls,
 * 64-bit, of owner 3 (OEM services; Arm DEN 0028, 2.5). They are answered
 * NOT_SUPPORTED (-1) unless the host was booted with gzhyp.controls.
 *
 * "Kind" is the n of a GenieZone call.
 */
#ifndef GZHYP_CONTROL_CALLS_H
#define GZHYP_CONTROL_CALLS_H

#define GZC_CALL_BASE	0xc3004700U

/* What FEATURES answers: changes with the meaning of any call */
#define GZC_VERSION	1

/* Kinds of GenieZone calls; records that are kept; words of a record */
#define GZC_KINDS	20
#define GZC_RECORDS	1024

/* Bytes of the two shared pages that a forged exit has */
#define GZC_RUN_SIZE	264
#define GZC_HW_SIZE	160

enum gzc_call {
	/* -> version, kinds, records, frequency of the counter */
	GZC_FEATURES,

	/* Forget rules, forged exits, counters and records. */
	GZC_RESET,

	/* kind -> calls, those that returned an error, those that a rule met */
	GZC_COUNTERS,

	/*
	 * number -> number, kind | CPU << 32, arguments x1 to x7, status, first
	 * result. A record that was overwritten: the oldest there is instead.
	 * INVALID_ARGS: there is none of that number yet.
	 */
	GZC_RECORD,

	/*
	 * kind, calls to let pass, calls to meet, status, ticks -> . A call that
	 * is met spins for that many ticks of the counter, at most a second of
	 * them, and then, if the status is not 0, returns it without having done
	 * anything. One rule for each kind; the last one counts.
	 */
	GZC_RULE,

	/*
	 * tuple, exit reason, physical address of GZC_RUN_SIZE bytes, the same
	 * of GZC_HW_SIZE bytes or 0 -> . The vCPU's next RUN does not enter the
	 * guest, but copies these to the shared pages.
	 */
	GZC_FORGE,

	/*
	 * -> VMs, vCPUs, pages lent, lendings of them, pages that guests have to
	 * themselves, those that they share with the host, EL2's own pages, those
	 * of them that are free, those that are tables of the host's stage 2.
	 *
	 * This and the next two look at EL2 at rest: BUSY while any GenieZone
	 * call is in progress.
	 */
	GZC_TOTALS,

	/*
	 * VM id -> 1 if it lives or 2 if it is being destroyed, mask of vCPUs,
	 * pages mapped, EL2's pages for it, regions, pages it owns.
	 * INVALID_ARGS: no such VM.
	 */
	GZC_VM,

	/* -> violations of EL2's invariants; VM and address of the first one */
	GZC_CHECK,

	GZC_NR_CALLS
};

#endif /* GZHYP_CONTROL_CALLS_H */
