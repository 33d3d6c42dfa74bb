// SPDX-License-Identifier: GPL-2.0
/*
 * All vCPUs out of the guest at once, for who looks at their registers.
 *
 * A vCPU's thread comes by gz_hold_point() before each entry. Who wants it there
 * says so first and kicks then; as with gz_vcpu_stop(), a kick in between makes
 * the next GZVM_RUN return.
 */

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "hold.h"

/**
 * gz_hold_init() - nobody is held
 * @h: to be filled in
 */
void gz_hold_init(struct gz_hold *h)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->changed, &attr);
	pthread_condattr_destroy(&attr);
	h->wanted = false;
	h->running = 0;
	h->waiting = 0;
	h->over = false;
}

/**
 * gz_hold_destroy() - undo gz_hold_init()
 * @h: nobody is in there any more
 */
void gz_hold_destroy(struct gz_hold *h)
{
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
}

static void count(struct gz_hold *h, int change)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->running += change;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

/**
 * gz_hold_enter() - the calling thread begins to run a vCPU
 * @h: the machine's, or NULL
 */
void gz_hold_enter(struct gz_hold *h)
{
	count(h, 1);
}

/**
 * gz_hold_leave() - the calling thread does not any more
 * @h: the machine's, or NULL
 */
void gz_hold_leave(struct gz_hold *h)
{
	count(h, -1);
}

/**
 * gz_hold_point() - wait here while that is wanted
 * @vcpu: whose thread this is, out of the guest
 *
 * Comes back as well when the vCPU is to stop for good.
 */
void gz_hold_point(struct gz_vcpu *vcpu)
{
	struct gz_hold *h = vcpu->hold;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	if (h->wanted) {
		h->waiting++;
		pthread_cond_broadcast(&h->changed);
		while (h->wanted && !atomic_load(&vcpu->stop))
			pthread_cond_wait(&h->changed, &h->lock);
		h->waiting--;
	}
	pthread_mutex_unlock(&h->lock);
}

static void kick_all(struct gz_vcpu *vcpus, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (vcpus[i].running)
			pthread_kill(vcpus[i].thread, GZ_KICK_SIGNAL);
}

/**
 * gz_hold_all() - have all vCPUs out of the guest, and keep them there
 * @h: the machine's
 * @vcpus: its vCPUs, whose threads are not joined meanwhile
 * @nr: how many
 *
 * immediate_exit covers GZVM_RUN, but not a device's write() that was about to
 * block when the kick came; therefore kick until all are there. One that waits for
 * a device may not come at all, hence gz_hold_end(). After that, too, they are
 * kicked once: who looks at registers must not wait for a vCPU in the guest.
 */
void gz_hold_all(struct gz_hold *h, struct gz_vcpu *vcpus, unsigned int nr)
{
	struct timespec until;

	pthread_mutex_lock(&h->lock);
	h->wanted = true;
	while (h->waiting < h->running) {
		kick_all(vcpus, nr);
		if (h->over)
			break;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 100000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&h->changed, &h->lock, &until);
	}
	pthread_mutex_unlock(&h->lock);
}

/**
 * gz_hold_release() - let them go on
 * @h: the machine's
 *
 * Also to be called after a vCPU's stop was set, for it to be seen.
 */
void gz_hold_release(struct gz_hold *h)
{
	pthread_mutex_lock(&h->lock);
	h->wanted = false;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

/**
 * gz_hold_end() - the machine ends: gz_hold_all() returns at once, whoever is there
 * @h: the machine's
 */
void gz_hold_end(struct gz_hold *h)
{
	pthread_mutex_lock(&h->lock);
	h->over = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}
