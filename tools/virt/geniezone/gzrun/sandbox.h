/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_SANDBOX_H
#define GZRUN_SANDBOX_H

#include <stdbool.h>

/**
 * struct gz_sandbox - what the sandbox must allow, and its end
 * @restart: create further VMs
 * @vsock: configure vhost for vsock
 * @vhost_net: configure vhost for network interfaces
 * @leave: called before a violation ends this process, in a signal handler; or NULL
 * @status: exit status of a violation
 */
struct gz_sandbox {
	bool restart;
	bool vsock;
	bool vhost_net;
	void (*leave)(void);
	int status;
};

bool gz_sandbox_possible(void);
int gz_sandbox_enter(const struct gz_sandbox *sandbox);

#endif /* GZRUN_SANDBOX_H */
