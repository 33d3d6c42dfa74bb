// SPDX-License-Identifier: GPL-2.0
/*
 * All vCPUs out of the guest at once, for example while a debugger reads registers.
 *
 * The thread of a vCPU calls gz_pause_point() before each entry. gz_pause_all() sets
 * its request before it kicks. As with gz_vcpu_stop(), a kick that arrives between
 * gz_pause_point() and GZVM_RUN makes that GZVM_RUN return.
 */

#include <errno.h>
#include <signal.h>
#include <time.h>

#include <libgzvm.h>

/**
 * gz_pause_init() - set up; no vCPU is paused
 * @p: filled in
 */
void gz_pause_init(struct gz_pause *p)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attr);
	pthread_condattr_destroy(&attr);
	p->holders = 0;
	p->running = 0;
	p->waiting = 0;
	p->over = false;
}

/**
 * gz_pause_destroy() - undo gz_pause_init()
 * @p: no thread uses it any more
 */
void gz_pause_destroy(struct gz_pause *p)
{
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
}

static void count(struct gz_pause *p, int change)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->running += change;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/**
 * gz_pause_enter() - the calling thread begins to run a vCPU
 * @p: that of the VM, or NULL
 */
void gz_pause_enter(struct gz_pause *p)
{
	count(p, 1);
}

/**
 * gz_pause_leave() - the calling thread has stopped running a vCPU
 * @p: that of the VM, or NULL
 */
void gz_pause_leave(struct gz_pause *p)
{
	count(p, -1);
}

/**
 * gz_pause_point() - wait while the vCPUs are paused
 * @vcpu: the vCPU of this thread, out of the guest
 *
 * Returns as well when the vCPU must stop.
 */
void gz_pause_point(struct gz_vcpu *vcpu)
{
	struct gz_pause *p = vcpu->pause;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->holders) {
		p->waiting++;
		pthread_cond_broadcast(&p->changed);
		while (p->holders && !atomic_load(&vcpu->stop))
			pthread_cond_wait(&p->changed, &p->lock);
		p->waiting--;
	}
	pthread_mutex_unlock(&p->lock);
}

static void kick_all(struct gz_vcpu *vcpus, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (vcpus[i].running)
			pthread_kill(vcpus[i].thread, GZ_KICK_SIGNAL);
}

/**
 * gz_pause_all() - get all vCPUs out of the guest and keep them out
 * @p: that of the VM
 * @holder: GZ_PAUSE_*, one bit
 * @vcpus: its vCPUs; their threads are not joined meanwhile
 * @nr: how many
 *
 * immediate_exit covers GZVM_RUN, but not the write() of a device that was about to
 * block when the signal arrived. So kick until all threads wait. A thread that waits
 * for a device may never come, so gz_pause_end() ends this wait. Kick once even after
 * that: access to registers must not have to wait for a vCPU in the guest.
 */
void gz_pause_all(struct gz_pause *p, unsigned int holder, struct gz_vcpu *vcpus,
		  unsigned int nr)
{
	struct timespec until;

	pthread_mutex_lock(&p->lock);
	p->holders |= holder;
	while (p->waiting < p->running) {
		kick_all(vcpus, nr);
		if (p->over)
			break;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 100000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&p->changed, &p->lock, &until);
	}
	pthread_mutex_unlock(&p->lock);
}

/**
 * gz_pause_resume() - let the vCPUs continue, unless another holder has paused them
 * @p: that of the VM
 * @holders: GZ_PAUSE_*
 *
 * Call this also after gz_vcpu_stop(), with GZ_PAUSE_ALL, so that a paused vCPU sees it.
 */
void gz_pause_resume(struct gz_pause *p, unsigned int holders)
{
	pthread_mutex_lock(&p->lock);
	p->holders &= ~holders;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/**
 * gz_pause_holders() - who has paused the vCPUs
 * @p: that of the VM
 *
 * Return: a mask of GZ_PAUSE_*, 0 if the vCPUs run.
 */
unsigned int gz_pause_holders(struct gz_pause *p)
{
	unsigned int holders;

	pthread_mutex_lock(&p->lock);
	holders = p->holders;
	pthread_mutex_unlock(&p->lock);
	return holders;
}

/**
 * gz_pause_end() - make gz_pause_all() return without waiting, as the VM ends
 * @p: that of the VM
 */
void gz_pause_end(struct gz_pause *p)
{
	pthread_mutex_lock(&p->lock);
	p->over = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}
