/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GZVM_IRQ_LINE with level 1 makes an interrupt pending once, or the hypervisor
 * holds the line until level 0.
 */
#ifndef HELD_H
#define HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "guest_gic.h"
#include "tvm.h"

#define HELD_SPI	5

GUEST static void held_acks(uint64_t arg)
{
	gic_init(gic_redist(0, 1));
	gic_enable_spi(INTID_SPI(HELD_SPI), 0, 0);
	guest_sync(0);
	gic_report();
}

/* Whether a line that is raised once, and not lowered, interrupts twice */
static bool lines_are_held(void)
{
	uint64_t intid = 0;
	struct tvm t;
	int step;

	if (__tvm_create(&t, 1))
		return false;
	__tvm_enter(&t, 0, held_acks, 0);
	/* Ready, nothing there, the interrupt, and perhaps the same again */
	for (step = 0; step < 4; step++) {
		if (step == 2)
			gz_vm_irq_line(&t.vm, HELD_SPI, 1);
		if (__vcpu_run_to_sync(&t.vcpus[0], &intid))
			break;
	}
	tvm_destroy(&t);
	return step == 4 && intid == INTID_SPI(HELD_SPI);
}

#endif /* HELD_H */
