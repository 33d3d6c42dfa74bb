/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_PVPANIC_H
#define GZRUN_PVPANIC_H

#include "device.h"

/**
 * struct gz_pvpanic - where the guest says that it panicked
 * @dev: its place on the bus
 * @panicked: is called then, by the vCPU's thread
 * @arg: for @panicked
 */
struct gz_pvpanic {
	struct gz_device dev;
	void (*panicked)(void *arg);
	void *arg;
};

void gz_pvpanic_init(struct gz_pvpanic *pvpanic, void (*panicked)(void *arg),
		     void *arg);

#endif /* GZRUN_PVPANIC_H */
