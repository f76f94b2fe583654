/* SPDX-License-Identifier: MIT */
/*
 * What the guest does when it is asked: one function per message of the dispatch table.
 * Each does its work at once, and writes an error text when it could not; an empty one
 * is success. None keeps anything of the payload but through the store.
 */
#ifndef AGENT_SERVICES_H
#define AGENT_SERVICES_H

#include "platform/store.h"
#include "proto/stereos.h"

void config_set(const union stereos_payload *p, struct out *error);
void secret_inject(const union stereos_payload *p, struct out *error);
void ssh_key_inject(const union stereos_payload *p, struct out *error);
void mount_request(const union stereos_payload *p, struct out *error);
void shutdown_request(const union stereos_payload *p, struct out *error);

/* Keeps a configuration that was not sent but found (module 0). MOTE_ERR_NO_ROOM. */
int config_load(const void *data, size_t len);

/* Says what the store lacks, as the end of an error text. */
void write_store_error(struct out *error, size_t wanted);

#endif
