/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ticket lock. EL2 always runs with interrupts masked, so that there is only
 * one kind. Exclusives want cacheable memory, so that it does nothing while the
 * MMU is off: then there is one CPU.
 *
 * Lock order, outermost first:
 *   vm_table.lock (never held while another is taken, except the pool's)
 *   vm->lock
 *     owner.lock (ownership table and the host's stage 2)
 *       pool.lock
 *     vgic.lock, console lock (leaves)
 *   control.lock (while test controls are on; owner.lock inside)
 *
 * Nobody waits for a VM's gate or for a vCPU while it has a lock: who does not get
 * it says BUSY.
 */
#ifndef GZHYP_SPINLOCK_H
#define GZHYP_SPINLOCK_H

#include "types.h"

struct spinlock {
	u32 owner;
	u32 next;
};

#ifdef UNIT_TEST

static inline void spin_lock(struct spinlock *lock)
{
	if (lock->owner)
		__builtin_trap();
	lock->owner = 1;
}

static inline void spin_unlock(struct spinlock *lock)
{
	if (!lock->owner)
		__builtin_trap();
	lock->owner = 0;
}

#else

static inline bool mmu_is_off(void)
{
	u64 sctlr;

	asm volatile("mrs %0, sctlr_el2" : "=r" (sctlr));
	return !(sctlr & 1);
}

static inline void spin_lock(struct spinlock *lock)
{
	u32 ticket, owner;

	if (mmu_is_off())
		return;
	ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	/* The exclusive load arms the monitor that the unlock's store wakes. */
	asm volatile("	sevl\n"
		     "1:	wfe\n"
		     "	ldaxr	%w0, %1\n"
		     "	cmp	%w0, %w2\n"
		     "	b.ne	1b\n"
		     : "=&r" (owner)
		     : "Q" (lock->owner), "r" (ticket)
		     : "memory", "cc");
}

static inline void spin_unlock(struct spinlock *lock)
{
	if (mmu_is_off())
		return;
	__atomic_store_n(&lock->owner, lock->owner + 1, __ATOMIC_RELEASE);
}

#endif /* UNIT_TEST */
#endif /* GZHYP_SPINLOCK_H */
