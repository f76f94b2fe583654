/* SPDX-License-Identifier: MIT */
/*
 * Unix stream sockets by path, non-blocking and closed on exec. A path that is left over from a
 * dead process is taken over; one where somebody answers, or that is no socket, is not.
 */
#ifndef QEMU_VSOCKD_UNIX_SOCKET_H
#define QEMU_VSOCKD_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/un.h>

#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* Listens at path; -1 when that fails, said on stderr. */
int unix_listen(const char *path);

/* Connects to path; -1 when nobody listens there, or its backlog is full. */
int unix_connect(const char *path);

/* Takes a connection; -1 when there is none after all. */
int unix_accept(int listener);

#endif
