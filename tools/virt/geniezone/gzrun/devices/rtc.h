/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_RTC_H
#define GZRUN_RTC_H

#include <pthread.h>

#include "devices/device.h"

/**
 * struct gz_rtc - PL031 clock without an alarm
 * @dev: the registers
 * @lock: protects the fields below
 * @offset: difference in seconds between the guest's time and the host's
 * @loaded: the last value that the guest has written
 */
struct gz_rtc {
	struct gz_device dev;
	pthread_mutex_t lock;
	uint32_t offset;
	uint32_t loaded;
};

void gz_rtc_init(struct gz_rtc *rtc);

#endif /* GZRUN_RTC_H */
