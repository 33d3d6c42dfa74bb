/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GZRUN_NET_HUB_H
#define GZRUN_NET_HUB_H

#include <dirent.h>
#include <net/ethernet.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

/**
 * struct gz_hub - an interface on a hub
 * @fd: its socket, which receives frames; -1 if it is not open
 * @to_helper: socket to the helper process, which sends the frames on; or -1
 * @helper_end: the other end of @to_helper, or -1
 * @dir: the directory with the sockets of all interfaces; only the helper has it
 * @out_fd: socket that sends frames; only the helper has it
 * @self: address of @fd
 * @mac: where the name begins in a path of a socket
 */
struct gz_hub {
	int fd;
	int to_helper;
	int helper_end;
	DIR *dir;
	int out_fd;
	struct sockaddr_un self;
	size_t mac;
};

int gz_hub_open(struct gz_hub *hub, const char *path, const uint8_t *mac);
void gz_hub_close(struct gz_hub *hub);
void gz_hub_send(const struct gz_hub *hub, const uint8_t *frame, size_t len);
ssize_t gz_hub_receive(const struct gz_hub *hub, uint8_t *frame, size_t size);

/* In the helper process */
void gz_hub_serve(struct gz_hub *hub);
void gz_hub_forward(const struct gz_hub *hub);

#endif /* GZRUN_NET_HUB_H */
