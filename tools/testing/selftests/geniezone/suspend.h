/* SPDX-License-Identifier: GPL-2.0 */
/* Suspends the host, which then wakes up by an alarm of its clock. */
#ifndef GZ_SUSPEND_H
#define GZ_SUSPEND_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "textfile.h"

#define RTC_ALARM	"/sys/class/rtc/rtc0/wakealarm"
#define POWER_STATE	"/sys/power/state"
#define WAKEUP_COUNT	"/sys/power/wakeup_count"
#define SLEEP_MAX_S	64

/* For SKIP() */
#define no_suspend()	(access(POWER_STATE, W_OK) || access(RTC_ALARM, W_OK) || \
			 access(WAKEUP_COUNT, W_OK))
#define NO_SUSPEND	"cannot suspend, or cannot wake up by an alarm"

/* Number of times that this machine was suspended */
static inline long times_slept(void)
{
	return read_number("/sys/power/suspend_stats/success");
}

/*
 * Suspends until the alarm. An alarm before the machine is suspended aborts the
 * attempt, since the count of wake-ups was written first:
 * Documentation/ABI/testing/sysfs-power, /sys/power/wakeup_count.
 */
static inline bool sleep_until_alarm(unsigned int seconds)
{
	long before = times_slept();
	char count[32], alarm[16];
	FILE *f = fopen(WAKEUP_COUNT, "re");
	bool known = f && fgets(count, sizeof(count), f);

	if (f)
		fclose(f);
	snprintf(alarm, sizeof(alarm), "+%u", seconds);
	if (!known || write_file(RTC_ALARM, "0") ||
	    write_file(RTC_ALARM, alarm) || write_file(WAKEUP_COUNT, count) ||
	    write_file(POWER_STATE, "freeze"))
		return false;
	return times_slept() == before + 1;
}

/*
 * Suspends once. A machine that suspends slowly gets more time, the next time as
 * well: *seconds is 2 at first, and too much if the machine does not suspend.
 */
static inline bool host_sleeps(unsigned int *seconds)
{
	while (!sleep_until_alarm(*seconds) && *seconds < SLEEP_MAX_S)
		*seconds *= 2;
	return *seconds < SLEEP_MAX_S;
}

#endif /* GZ_SUSPEND_H */
