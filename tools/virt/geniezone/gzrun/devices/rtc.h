/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_RTC_H
#define GZRUN_RTC_H

#include <pthread.h>
#include <stdbool.h>

#include <libgzvm.h>

#include "devices/device.h"

/**
 * struct gz_rtc - PL031 clock
 * @dev: the registers
 * @irq: interrupt line of the alarm
 * @alarm_fd: timer of the host, readable when the alarm may be due
 * @lock: protects the fields below
 * @offset: difference in seconds between the guest's time and the host's
 * @loaded: the last value that the guest has written
 * @match: time of the alarm, in the guest's seconds
 * @raised: the alarm was due, and the guest has not cleared it
 * @enabled: it interrupts
 */
struct gz_rtc {
	struct gz_device dev;
	struct gz_irq irq;
	int alarm_fd;
	pthread_mutex_t lock;
	uint32_t offset;
	uint32_t loaded;
	uint32_t match;
	bool raised;
	bool enabled;
};

int gz_rtc_init(struct gz_rtc *rtc);
void gz_rtc_destroy(struct gz_rtc *rtc);
void gz_rtc_alarm(struct gz_rtc *rtc);

#endif /* GZRUN_RTC_H */
