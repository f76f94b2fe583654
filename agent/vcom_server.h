/* SPDX-License-Identifier: MIT */
/*
 * VComLink served on port 2000, from the guest's own TPM, as a host of EVE-OS serves it to its
 * guests: both generations (proto/vcom.h), told apart by the first byte of a connection. Requests
 * of a connection are answered one behind the other.
 */
#ifndef AGENT_VCOM_SERVER_H
#define AGENT_VCOM_SERVER_H

#include "drivers/endpoint.h"

/* A connection on which nothing moves for so long is ended. */
#define VCOM_SERVER_SILENCE_S 30

/* Deals with an event of a connection to VCOM_PORT. */
void vcom_server_event(const struct endpoint_event *event);

/* Lets time pass, behind tpm_tick(). */
void vcom_server_tick(uint64_t now);

/* When vcom_server_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t vcom_server_deadline(void);

#endif
