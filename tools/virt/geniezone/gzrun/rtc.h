/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_RTC_H
#define GZRUN_RTC_H

#include <pthread.h>

#include "device.h"

/**
 * struct gz_rtc - PL031 clock without an alarm
 * @dev: its place on the bus
 * @lock: protects what follows
 * @offset: seconds by which the guest set it away from the host's clock
 * @loaded: what the guest wrote last
 */
struct gz_rtc {
	struct gz_device dev;
	pthread_mutex_t lock;
	uint32_t offset;
	uint32_t loaded;
};

void gz_rtc_init(struct gz_rtc *rtc);

#endif /* GZRUN_RTC_H */
