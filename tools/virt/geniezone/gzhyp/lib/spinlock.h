/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test-and-set lock. EL2 always runs with interrupts masked, so there is only one kind.
 * No order among those that wait: under QEMU, a CPU that is next in line may be a
 * thread that does not run, and then nobody would get the lock. Exclusives need
 * cacheable memory: while the MMU is off, the lock does nothing, and only one CPU runs.
 *
 * Lock order, outermost first:
 *   vm_table.lock (never held while another is taken, except the pool's)
 *   vm->lock
 *     owner.lock (ownership table and the host's stage 2)
 *       pool.lock
 *     vgic.lock, console lock (leaves)
 *   control.lock (while test controls are on; owner.lock inside)
 *
 * No CPU that holds a lock waits for a VM's gate or for a vCPU: the call returns
 * BUSY.
 */
#ifndef GZHYP_SPINLOCK_H
#define GZHYP_SPINLOCK_H

#include "lib/types.h"

struct spinlock {
	u32 locked;
};

#ifdef UNIT_TEST

static inline void spin_lock(struct spinlock *lock)
{
	if (lock->locked)
		__builtin_trap();
	lock->locked = 1;
}

static inline void spin_unlock(struct spinlock *lock)
{
	if (!lock->locked)
		__builtin_trap();
	lock->locked = 0;
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
	u32 val;

	if (mmu_is_off())
		return;
	/* The exclusive load arms the monitor that the unlock's store wakes. */
	asm volatile("	sevl\n"
		     "1:	wfe\n"
		     "2:	ldaxr	%w0, %1\n"
		     "	cbnz	%w0, 1b\n"
		     "	stxr	%w0, %w2, %1\n"
		     "	cbnz	%w0, 2b\n"
		     : "=&r" (val), "+Q" (lock->locked)
		     : "r" (1)
		     : "memory");
}

static inline void spin_unlock(struct spinlock *lock)
{
	if (mmu_is_off())
		return;
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

#endif /* UNIT_TEST */
#endif /* GZHYP_SPINLOCK_H */
