/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All ioctls that the driver implements, with the numbers that programs built
 * years ago carry: direction, size of the argument, 0x92, number. One list for
 * the tests, the fuzz and the check of the header.
 */
#ifndef _IOCTLS_H
#define _IOCTLS_H

#define GZ_IOCTLS(do_one)						\
	do_one(GZVM_CREATE_VM, 0x00009201)				\
	do_one(GZVM_CHECK_EXTENSION, 0x00009203)			\
	do_one(GZVM_CREATE_VCPU, 0x00009241)				\
	do_one(GZVM_SET_USER_MEMORY_REGION, 0x40209246)			\
	do_one(GZVM_SET_USER_MEMORY_REGION2, 0x40a09249)		\
	do_one(GZVM_CREATE_GUEST_MEMFD, 0xc04092d4)			\
	do_one(GZVM_IRQ_LINE, 0x40089261)				\
	do_one(GZVM_IRQFD, 0x40209276)					\
	do_one(GZVM_IOEVENTFD, 0x40409279)				\
	do_one(GZVM_RUN, 0x00009280)					\
	do_one(GZVM_ENABLE_CAP, 0x403092a3)				\
	do_one(GZVM_GET_ONE_REG, 0x401092ab)				\
	do_one(GZVM_SET_ONE_REG, 0x401092ac)				\
	do_one(GZVM_CREATE_DEVICE, 0xc03092e0)				\
	do_one(GZVM_SET_DTB_CONFIG, 0x401092ff)

#endif /* _IOCTLS_H */
