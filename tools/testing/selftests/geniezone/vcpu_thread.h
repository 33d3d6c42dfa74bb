/* SPDX-License-Identifier: GPL-2.0 */
/* A vCPU in a thread of its own, whose guest needs nothing from the VMM. */
#ifndef VCPU_THREAD_H
#define VCPU_THREAD_H

#include <errno.h>
#include <pthread.h>

#include "tvm.h"

static inline int vcpu_thread_exit(struct gz_vcpu *vcpu, void *arg)
{
	printf("# vCPU %u: exit %s\n", vcpu->id, exit_name(vcpu));
	return -EPROTO;
}

static inline void *vcpu_thread_fn(void *arg)
{
	return (void *)(long)gz_vcpu_loop(arg, vcpu_thread_exit, NULL);
}

/* Call gz_kick_init() before. */
static inline void vcpu_thread_start(struct gz_vcpu *vcpu)
{
	atomic_store(&vcpu->stop, false);
	vcpu->running = !pthread_create(&vcpu->thread, NULL, vcpu_thread_fn,
					vcpu);
}

/* Returns 0, or the reason why the guest has stopped by itself */
static inline int vcpu_thread_stop(struct gz_vcpu *vcpu)
{
	void *ret = (void *)-ESRCH;

	if (!vcpu->running)
		return -ESRCH;
	gz_vcpu_stop(vcpu);
	pthread_join(vcpu->thread, &ret);
	vcpu->running = false;
	return (long)ret;
}

#endif /* VCPU_THREAD_H */
