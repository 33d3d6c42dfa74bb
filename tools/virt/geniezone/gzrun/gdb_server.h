/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GDB_SERVER_H
#define GZRUN_GDB_SERVER_H

#include <pthread.h>
#include <stdbool.h>

#include "gdb.h"

/**
 * struct gdb_server - waits for a debugger, one at a time
 * @target: the machine
 * @path: of a local socket, to be removed; empty for a TCP port
 * @listen_fd: where they connect
 * @stop_fd: eventfd: @thread is to end
 * @status: what to tell a debugger that is there then
 * @thread: does all of it
 * @running: @thread is to be joined
 */
struct gdb_server {
	const struct gdb_target *target;
	char path[108];
	int listen_fd;
	int stop_fd;
	int status;
	pthread_t thread;
	bool running;
};

int gdb_server_listen(struct gdb_server *s, const char *where);
int gdb_server_start(struct gdb_server *s, const struct gdb_target *target);
void gdb_server_stop(struct gdb_server *s, int status);
void gdb_server_close(struct gdb_server *s);

#endif /* GZRUN_GDB_SERVER_H */
