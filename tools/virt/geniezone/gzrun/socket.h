/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_SOCKET_H
#define GZRUN_SOCKET_H

int gz_socket_listen(const char *path, int backlog);

#endif /* GZRUN_SOCKET_H */
