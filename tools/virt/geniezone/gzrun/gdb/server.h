/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_GDB_SERVER_H
#define GZRUN_GDB_SERVER_H

#include <pthread.h>
#include <stdbool.h>

#include "gdb/gdb.h"

/**
 * struct gdb_server - serves debuggers, one at a time
 * @target: the machine
 * @path: path of the local socket, which must be removed; NULL for a TCP port
 * @listen_fd: socket to which debuggers connect
 * @stop_fd: eventfd that ends @thread
 * @status: exit status for a debugger that is connected then
 * @thread: serves the connections, valid while @running
 * @running: @thread must be joined
 */
struct gdb_server {
	const struct gdb_target *target;
	const char *path;
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
