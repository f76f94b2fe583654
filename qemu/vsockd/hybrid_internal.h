/* SPDX-License-Identifier: MIT */
/*
 * What the two files of the hybrid sockets share: hybrid.c (the table, lines and
 * the setting up of connections) and stream.c (bytes and ends of open ones). Not
 * for other files.
 */
#ifndef QEMU_VSOCKD_HYBRID_INTERNAL_H
#define QEMU_VSOCKD_HYBRID_INTERNAL_H

#include "qemu/vsockd/hybrid.h"

/* Carries bytes and ends both ways over an open or lingering connection. */
void stream_run(struct hybrid *h, struct hybrid_client *c, uint64_t now);

/* Forgets a client; its connection must be closed or aborted already. */
void hybrid_free(struct hybrid *h, struct hybrid_client *c);

#endif
