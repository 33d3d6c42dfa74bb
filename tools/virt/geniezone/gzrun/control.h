/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_CONTROL_H
#define GZRUN_CONTROL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct control_status - what the command "status" tells
 * @paused: the vCPUs are out of the guest
 * @debugger: a debugger has paused them
 * @vcpus: number of vCPUs
 * @memory: bytes of RAM
 * @protect: the host cannot access the guest's memory
 */
struct control_status {
	bool paused;
	bool debugger;
	unsigned int vcpus;
	uint64_t memory;
	bool protect;
};

/**
 * struct control_target - the machine, as a client of the socket sees it
 * @arg: argument of the functions
 * @stop: pause the vCPUs, unless this was done before
 * @resume: undo @stop
 * @power: press the power button
 * @status: fill in the status
 */
struct control_target {
	void *arg;
	void (*stop)(void *arg);
	void (*resume)(void *arg);
	void (*power)(void *arg);
	void (*status)(void *arg, struct control_status *status);
};

/**
 * struct control - serves the clients of the control socket
 * @target: the machine
 * @path: path of the socket, which must be removed
 * @listen_fd: the socket; -1 if there is none
 * @stop_fd: eventfd that ends @thread
 * @thread: serves the clients, valid while @running
 * @running: @thread must be joined
 */
struct control {
	struct control_target target;
	const char *path;
	int listen_fd;
	int stop_fd;
	pthread_t thread;
	bool running;
};

int control_open(struct control *c, const char *path);
int control_start(struct control *c, const struct control_target *target);
void control_stop(struct control *c);
void control_close(struct control *c);

#endif /* GZRUN_CONTROL_H */
