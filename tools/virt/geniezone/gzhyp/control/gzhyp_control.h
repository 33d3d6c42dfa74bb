/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls by which tests control gzhyp. The only header shared by gzhyp and the module
 * in control/module; the driver does not use it.
 *
 * HVC #0, by the SMC calling convention 1.2: x0 is the function, x1 and up the
 * arguments; x0 returns a status of GenieZone's, x1 and up results. Fast calls,
 * 64-bit, of owner 3 (OEM services; Arm DEN 0028, 2.5). The answer is
 * NOT_SUPPORTED (-1) unless gzhyp was built with CONTROL=1 and the host booted
 * with gzhyp.controls.
 *
 * "Kind" is the n of a GenieZone call.
 */
#ifndef GZHYP_CONTROL_CALLS_H
#define GZHYP_CONTROL_CALLS_H

#define GZC_CALL_BASE	0xc3004700U

/* Returned by FEATURES; changes with the meaning of any call */
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

	/* Clear rules, forged exits, counters and records. */
	GZC_RESET,

	/* kind -> calls, calls that returned an error, calls that met a rule */
	GZC_COUNTERS,

	/*
	 * number -> number, kind | CPU << 32, arguments x1 to x7, status, first
	 * result. If the record was overwritten, the oldest one is returned.
	 * INVALID_ARGS: there is no record of that number yet.
	 */
	GZC_RECORD,

	/*
	 * kind, calls to pass, calls to meet, status, ticks -> . A call that meets
	 * the rule spins for that many ticks of the counter, at most a second. If
	 * the status is not 0, the call then returns it without doing anything.
	 * One rule for each kind; the last one counts.
	 */
	GZC_RULE,

	/*
	 * tuple, exit reason, physical address of GZC_RUN_SIZE bytes, the same
	 * of GZC_HW_SIZE bytes or 0 -> . The vCPU's next RUN does not enter the
	 * guest, but copies these to the shared pages.
	 */
	GZC_FORGE,

	/*
	 * -> VMs, vCPUs, pages lent, lendings, guests' own pages, guests' pages
	 * shared with the host, EL2's own pages, EL2's free pages, pages of tables
	 * of the host's stage 2.
	 *
	 * This and the next two need EL2 at rest: BUSY while any GenieZone call is
	 * in progress.
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

	/*
	 * virtual address of the caller, rounds -> blocks. In each of at most 16 rounds,
	 * splits the blocks of 2 MiB in the host's stage 2 that an access to the address
	 * uses, those of its page tables too, and joins them again.
	 */
	GZC_SPLIT,

	/*
	 * two virtual addresses of the caller -> . Hides the page of the first one from
	 * the host. As soon as an abort has found it hidden, the host's page table leads to
	 * the page of the second one instead. With 0 and 0, undoes both. INVALID_ARGS if
	 * these are not pages of the host's alone, or if this is not or was not undone.
	 */
	GZC_MOVE,

	/*
	 * physical address of a table -> PAR_EL1. Translates the address 0 of a program
	 * by this top-level table.
	 */
	GZC_WALK,

	GZC_NR_CALLS
};

#endif /* GZHYP_CONTROL_CALLS_H */
