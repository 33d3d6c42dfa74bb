// SPDX-License-Identifier: GPL-2.0
/*
 * A pool for devices that this process cannot access. The hypervisor shares the pool
 * from the start, because the VMM says what it is for. A hypervisor that does not know
 * this purpose waits for a call of the guest, which not every kernel makes. The first
 * access of a device then raises SIGBUS.
 */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "machine/pool.h"

static const char text[] =
	"gzrun: the guest has not shared its pool: its kernel lacks CONFIG_ARM_PKVM_GUEST\n";

static struct {
	uintptr_t start;
	size_t size;
	void (*leave)(void);
	int status;
} watched;

/* This may interrupt anything, so it takes no lock. */
static void bus_error(int sig, siginfo_t *info, void *context)
{
	uintptr_t addr = (uintptr_t)info->si_addr;

	(void)sig;
	(void)context;
	if (watched.leave)
		watched.leave();
	if (addr - watched.start >= watched.size) {
		/* The access is repeated, and ends this process by the signal */
		signal(SIGBUS, SIG_DFL);
		return;
	}
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(watched.status);
	_exit(watched.status);
}

/**
 * gz_pool_watch() - end this process with a message if it cannot access the pool
 * @pool: the pool
 * @leave: called before the end, in a signal handler; or NULL
 * @status: exit status
 *
 * Return: 0 or -errno.
 */
int gz_pool_watch(const struct gz_memory *pool, void (*leave)(void), int status)
{
	struct sigaction sa = { .sa_sigaction = bus_error, .sa_flags = SA_SIGINFO };

	watched.start = (uintptr_t)pool->hva;
	watched.size = pool->size;
	watched.leave = leave;
	watched.status = status;
	sigfillset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) ? -errno : 0;
}
