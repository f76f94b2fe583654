/* SPDX-License-Identifier: MIT */
/*
 * What the guest does when it is asked: one function per message of the dispatch table.
 * Each does its work at once (but for mount_share(), jobs and the TPM), and writes an error text
 * when it could not. None keeps anything of the payload but through the store.
 */
#ifndef AGENT_SERVICES_H
#define AGENT_SERVICES_H

#include "agent/dispatch.h"
#include "platform/store.h"
#include "proto/mote.h"
#include "proto/mote_job.h"
#include "proto/mote_tpm.h"

/* What a payload is read into; which member counts is decided by the message. */
union payload {
    struct stereos_config config;
    struct stereos_ssh_key ssh_key;
    struct stereos_secret secret;
    struct stereos_mount mount;
    struct stereos_shutdown shutdown;
    struct mote_list list;
    struct mote_name name;
    struct mote_logs logs;
    struct mote_hostos hostos;
    struct mote_vcom vcom;
    struct mote_transfer transfer;
    struct mote_job_id job;
    struct mote_tpm tpm;
};

bool health_request(const struct request *r);
bool config_set(const struct request *r);
bool secret_inject(const struct request *r);
bool secret_rotate(const struct request *r);
bool secret_delete(const struct request *r);
bool secret_list(const struct request *r);
bool secret_purge(const struct request *r);
bool ssh_key_inject(const struct request *r);
bool shutdown_request(const struct request *r);
bool capabilities_request(const struct request *r);

/* Returns false while the mount is under way. */
bool mount_share(const struct request *r);

/* Begin a job (agent/job.h); return false while it runs, but not for longer than JOB_ANSWER_NS. */
bool job_hostos(const struct request *r);
bool job_vcom(const struct request *r);
bool job_transfer(const struct request *r);

/* Tells the state of a job; of one that has ended, once. */
bool job_state(const struct request *r);

/* Ask the TPM; return false while it is at work. */
bool tpm_info_request(const struct request *r);
bool tpm_ek_request(const struct request *r);
bool tpm_aik_request(const struct request *r);
bool tpm_pcr_read(const struct request *r);
bool tpm_pcr_extend(const struct request *r);
bool tpm_quote(const struct request *r);
bool tpm_random(const struct request *r);
bool tpm_seal(const struct request *r);
bool tpm_unseal(const struct request *r);
bool tpm_activate_credential(const struct request *r);
bool tpm_inject_secret(const struct request *r);

/* Keeps a configuration that was not sent but found (module 0). The errors of store_begin()
 * and store_commit(). */
int config_load(const void *data, size_t len);

#endif
