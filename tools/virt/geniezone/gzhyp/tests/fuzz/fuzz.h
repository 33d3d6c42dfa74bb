/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fuzz of gzhyp's core on the build machine. A string of bytes becomes a sequence
 * of calls by the host and by guests, on one thread: while a guest runs, other CPUs
 * make calls of the host's.
 *
 *   machine.c  memory, registers and interrupts, as arch/ offers them to core/
 *   tlb.c      TLBs that keep each translation until an invalidation covers it
 *   oracle.c   checked after each call
 *   host.c     the host's calls, from bytes
 *   guest.c    the guests' accesses and calls, from bytes
 *
 * A fault in gzhyp ends the program.
 */
#ifndef GZHYP_FUZZ_H
#define GZHYP_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/stage2.h"
#include "core/mem/protect.h"
#include "core/options.h"
#include "core/psci.h"
#include "core/vgic/vgic_regs.h"

/* RAM: gzhyp's own memory, then the host's */
#define RAM_BASE	0x40000000UL
#define HYP_SIZE	SZ_2M
#define RAM_SIZE	(5 * SZ_2M)
#define RAM_PAGES	(RAM_SIZE / PAGE_SIZE)
#define HYP_PAGES	(HYP_SIZE / PAGE_SIZE)

/* VMIDs 1 to this are in use; 0 is the host. */
#define FUZZ_VMS	4
#define FUZZ_CPUS	3

#define DIST		0x3fff0000UL
#define REDIST		(DIST - 4 * VGIC_REDIST_SIZE)

#define RULE(cond) do {							\
	if (!(cond))							\
		broken(__func__, #cond);				\
} while (0)

void __noreturn broken(const char *where, const char *what);

/* The input */
u8 next_byte(void);
u16 next_u16(void);
u64 next_u64(void);
bool input_is_empty(void);
u64 pick_gpa(void);

/* machine.c */
extern unsigned int here;		/* the CPU that acts */
extern u32 pending_irqs;		/* a bit for each look at the host's interrupts */
void machine_init(void);
struct vcpu *running_vcpu(unsigned int cpu);
u64 *page_words(u64 pfn);
u64 lr_of(unsigned int n);
void set_lr(unsigned int n, u64 val);
void count_eoi(void);

/* tlb.c */
struct leaf {
	u64 ia;
	u64 size;
	u64 pa;
	bool fresh;		/* the tables have it as well */
};

typedef void leaf_fn(const struct leaf *leaf, void *arg);

extern struct pgtable host_pgt;

void tlb_init(void);
void tlb_fill(unsigned int vmid);
void tlb_check_fresh(void);
void tlb_for_each(unsigned int vmid, leaf_fn *fn, void *arg);
bool translate(unsigned int vmid, u64 ia, u64 *pa);
void walk(const struct pgtable *pgt, leaf_fn *fn, void *arg);

/* oracle.c */
void oracle_init(void);
void check_all(void);
void check_results(const u64 *x);
void check_exit(struct vcpu *vcpu, bool sealed, u32 reason);
void check_wiped(void);
void check_nothing_left(void);
void put_secret(unsigned int vmid, u64 pfn);
bool is_secret(u64 val);
u64 secret_of(unsigned int vmid);
extern bool guest_shares;		/* a guest is in MEM_SHARE */

/* host.c, guest.c */
void host_op(void);
void set_up_vm(bool protected);
u64 guest_op(struct vcpu *vcpu);
extern u64 last_fault;

int fuzz_one(const u8 *data, size_t size);

#endif /* GZHYP_FUZZ_H */
