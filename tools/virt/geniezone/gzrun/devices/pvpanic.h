/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_PVPANIC_H
#define GZRUN_PVPANIC_H

#include "devices/device.h"

/**
 * struct gz_pvpanic - device by which the guest reports a panic
 * @dev: the registers
 * @panicked: called then, in the thread of the vCPU; @refused: it was the firmware,
 *	      which does not start the kernel
 * @arg: argument of @panicked
 */
struct gz_pvpanic {
	struct gz_device dev;
	void (*panicked)(void *arg, bool refused);
	void *arg;
};

void gz_pvpanic_init(struct gz_pvpanic *pvpanic,
		     void (*panicked)(void *arg, bool refused), void *arg);

#endif /* GZRUN_PVPANIC_H */
