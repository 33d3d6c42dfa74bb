/* SPDX-License-Identifier: GPL-2.0 */
/* Names that the linker makes: of the C library's function, and of its replacement */
#ifndef GUESTS_WRAP_H
#define GUESTS_WRAP_H

#include <signal.h>

#include <seccomp.h>

int __real_ioctl(int fd, unsigned long request, ...);
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
int __real_seccomp_load(scmp_filter_ctx ctx);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
int __wrap_seccomp_load(scmp_filter_ctx ctx);

#endif /* GUESTS_WRAP_H */
