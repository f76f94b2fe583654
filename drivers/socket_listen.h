/* SPDX-License-Identifier: MIT */
/* The ports that are listened on. Internal to drivers/socket_*.c. */
#ifndef DRIVERS_SOCKET_LISTEN_H
#define DRIVERS_SOCKET_LISTEN_H

#include <stdint.h>

/* Nobody listens. */
void socket_listen_init(void);

/* As endpoint_listen(). */
int socket_listen(uint32_t port);

/* As endpoint_unlisten(). */
int socket_unlisten(uint32_t port);

/* Listens again where it had to pause. */
void socket_listen_tick(uint64_t now);

/* When that is due; SOCKET_NEVER: nothing pauses. */
uint64_t socket_listen_deadline(void);

#endif
