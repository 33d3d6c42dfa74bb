/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words between guest.c and host.c. The guest prints a line and waits for an empty
 * one, so that the host can read its counters meanwhile:
 *
 *   ready               the guest's init runs
 *   begin NAME          an operation follows
 *   end NAME TICKS N    it took so many ticks of the counter, N times
 *   failed TEXT         the guest cannot do that, and powers off
 *   bye                 the guest powers off; it does not wait
 */
#ifndef GUESTS_PROTOCOL_H
#define GUESTS_PROTOCOL_H

/* Addresses and ports of the host's end */
#define HOST_IP		"10.0.9.1"
#define GUEST_IP	"10.0.9.2"
#define TAP		"gzbench"
#define PORT_ECHO	5001	/* returns each byte */
#define PORT_SINK	5002	/* reads to the end, then sends one byte */
#define PORT_SOURCE	5003	/* sends STREAM bytes */
#define VSOCK_CID	3

#define MIB		0x100000UL
#define STREAM		(32 * MIB)
#define DISK		(256 * MIB)
#define DISK_SMALL	(32 * MIB)	/* the part for small blocks */
#define SMALL		4096UL
#define LARGE		MIB

/* Marks for QEMU's plugin, as in measure.c */
#define MARK(name)					\
static __attribute__((noinline)) void name(void)	\
{							\
	asm volatile("# " #name : : : "memory");	\
}

MARK(mark_reset)
MARK(mark_begin)
MARK(mark_end)
MARK(mark_result)

#endif /* GUESTS_PROTOCOL_H */
