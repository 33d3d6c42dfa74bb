/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZHYP_BARRIER_H
#define GZHYP_BARRIER_H

#ifdef UNIT_TEST
#define isb()		do { } while (0)
#define dsb_ishst()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#else
#define isb()		asm volatile("isb" ::: "memory")
#define dsb_ish()	asm volatile("dsb ish" ::: "memory")
#define dsb_ishst()	asm volatile("dsb ishst" ::: "memory")
#define dsb_nsh()	asm volatile("dsb nsh" ::: "memory")
#define dsb_sy()	asm volatile("dsb sy" ::: "memory")
#define smp_mb()	asm volatile("dmb ish" ::: "memory")
#endif

#endif /* GZHYP_BARRIER_H */
