/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_HOLD_H
#define GZRUN_HOLD_H

#include <pthread.h>
#include <stdbool.h>

#include "vcpu.h"

/**
 * struct gz_hold - brings all vCPUs of a machine to a stop, and lets them go on
 * @lock: protects what follows
 * @changed: something of it did
 * @wanted: the vCPUs are to stay out of the guest
 * @running: threads that are in gz_vcpu_loop()
 * @waiting: of them, those that wait here
 * @over: the machine ends: nobody is waited for any more
 */
struct gz_hold {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool wanted;
	unsigned int running;
	unsigned int waiting;
	bool over;
};

void gz_hold_init(struct gz_hold *h);
void gz_hold_destroy(struct gz_hold *h);
void gz_hold_enter(struct gz_hold *h);
void gz_hold_leave(struct gz_hold *h);
void gz_hold_point(struct gz_vcpu *vcpu);
void gz_hold_all(struct gz_hold *h, struct gz_vcpu *vcpus, unsigned int nr);
void gz_hold_release(struct gz_hold *h);
void gz_hold_end(struct gz_hold *h);

#endif /* GZRUN_HOLD_H */
