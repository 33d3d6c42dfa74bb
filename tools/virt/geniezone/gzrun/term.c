// SPDX-License-Identifier: GPL-2.0
/*
 * The terminal on standard input is raw while the guest uses it. It is restored
 * whenever this process ends, unless by a signal that cannot be caught.
 */

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"
#include "term.h"

static struct termios saved;
static atomic_bool changed;

/**
 * term_is_tty() - is standard input a terminal?
 *
 * Return: true if it is.
 */
bool term_is_tty(void)
{
	return isatty(STDIN_FILENO);
}

/**
 * term_restore() - restore the settings of the terminal
 *
 * Safe in signal handlers. Does nothing if the settings were not changed.
 */
void term_restore(void)
{
	if (!atomic_exchange(&changed, false))
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	gz_log_cr = false;
}

/* SA_RESETHAND: the second signal has its default action and ends the process. */
static void fatal_handler(int sig)
{
	term_restore();
	raise(sig);
}

static void catch_fatal_signals(void)
{
	static const int sigs[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS,
		SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGUSR2, SIGIO,
		SIGPWR, SIGSTKFLT,
	};
	struct sigaction sa = { .sa_handler = fatal_handler };
	unsigned int i;

	sa.sa_flags = SA_RESETHAND;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		sigaction(sigs[i], &sa, NULL);
}

/**
 * term_raw() - make the terminal raw for the guest
 *
 * Call this again after SIGCONT: the shell has set its own settings.
 *
 * Return: 0, even if standard input is not a terminal, or -errno.
 */
int term_raw(void)
{
	static bool registered;
	struct termios raw;

	if (!term_is_tty())
		return 0;
	if (!registered) {
		if (tcgetattr(STDIN_FILENO, &saved))
			return -errno;
		atexit(term_restore);
		catch_fatal_signals();
		registered = true;
	}
	raw = saved;
	cfmakeraw(&raw);
	atomic_store(&changed, true);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw))
		return -errno;
	gz_log_cr = true;
	return 0;
}
