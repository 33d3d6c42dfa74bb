/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Protected VMs: requests for protection, and checks what the host can still
 * access.
 */
#ifndef PROTECTED_H
#define PROTECTED_H

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

#include <linux/gzvm.h>

#include "tvm.h"

/* Calls of a protected guest, the same as for pKVM */
#define HVC_FEATURES	0x86000000
#define HVC_MEMINFO	0xc6000002
#define HVC_SHARE	0xc6000003
#define HVC_UNSHARE	0xc6000004
#define HVC_RELINQUISH	0xc6000009

#define HVC_INVALID_PARAMETER	((uint64_t)-3)

/* Memory that is shared from the start, and the payload of the firmware */
#define SWIOTLB_SLOT	1
#define SWIOTLB_BASE	0xc0000000ULL
#define PVMFW_SLOT	2
#define PVMFW_BASE	0x7fc00000ULL

/* ENABLE_CAP; @value is args[1], in and out, may be NULL */
static inline int pvm_cap(struct tvm *t, uint64_t command, uint64_t *value)
{
	struct gzvm_enable_cap cap = {
		.cap = GZVM_CAP_PROTECTED_VM,
		.args = { command, value ? *value : 0 },
	};
	int ret = gz_ioctl(t->vm.fd, GZVM_ENABLE_CAP, (unsigned long)&cap);

	if (value)
		*value = cap.args[1];
	return ret;
}

static inline int pvm_protect(struct tvm *t)
{
	return pvm_cap(t, GZVM_CAP_PVM_SET_PROTECTED_VM, NULL);
}

static inline int pvm_set_firmware(struct tvm *t, uint64_t gpa)
{
	return pvm_cap(t, GZVM_CAP_PVM_SET_PVMFW_GPA, &gpa);
}

extern sigjmp_buf pvm_caught;

static inline void pvm_signal(int sig)
{
	siglongjmp(pvm_caught, sig);
}

static inline void pvm_catch(void (*handler)(int))
{
	signal(SIGBUS, handler);
	signal(SIGSEGV, handler);
	signal(SIGILL, handler);
}

/* Accesses memory; returns the signal that this raised, or 0. */
#define signal_of(statement)						\
({									\
	int __sig = sigsetjmp(pvm_caught, 1);				\
									\
	if (!__sig) {							\
		pvm_catch(pvm_signal);					\
		statement;						\
	}								\
	pvm_catch(SIG_DFL);						\
	__sig;								\
})

#define signal_of_load(p)	\
	signal_of((void)*(volatile uint64_t *)(p))
#define signal_of_store(p, value)	\
	signal_of(*(volatile uint64_t *)(p) = (value))

#endif /* PROTECTED_H */
