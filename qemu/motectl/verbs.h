/* SPDX-License-Identifier: MIT */
/*
 * The verbs: one row each, with what the command line may hold and what help says.
 * The table is in verb_table.c and verb_table_tpm.c; what the verbs do is in verbs.c,
 * secrets.c, workloads.c, jobs.c, wait.c, raw.c, and of the TPM in tpm.c, tpm_quote.c
 * and tpm_seal.c.
 */
#ifndef MOTECTL_VERBS_H
#define MOTECTL_VERBS_H

#include "qemu/motectl/options.h"
#include "qemu/motectl/request.h"
#include "qemu/motectl/stream.h"

/* What a verb works with. */
struct call {
    const struct address *address;
    const struct options *options;
    char **args; /* the words behind the verb */
    int count;
    int64_t timeout_ns; /* of an operation; for wait, of the whole */
    struct stream *stream;
};

struct verb {
    const char *name; /* one or two words */
    const char *synopsis;
    const char *summary; /* one line */
    const char *details; /* for the verb's own help */
    int min, max;        /* words behind it */
    const char *extra;   /* what to say when there are more; NULL: the usual */
    uint32_t options;    /* that it takes besides the common ones */
    int64_t timeout_ns;
    enum status (*run)(const struct call *call);
};

#define TPM_NS (300 * SECOND_NS) /* a TPM may take minutes to make an RSA key */

/* The verbs in the order of help, from 0 on; NULL: there are no more. */
const struct verb *verb_at(size_t i);
const struct verb *verb_of_tpm(size_t i);

enum status verb_wait(const struct call *call);
enum status verb_ping(const struct call *call);
enum status verb_health(const struct call *call);
enum status verb_capabilities(const struct call *call);
enum status verb_workloads(const struct call *call);
enum status verb_logs(const struct call *call);
enum status verb_secret_put(const struct call *call);
enum status verb_secret_rotate(const struct call *call);
enum status verb_secret_list(const struct call *call);
enum status verb_secret_rm(const struct call *call);
enum status verb_secret_purge(const struct call *call);
enum status verb_config_set(const struct call *call);
enum status verb_ssh_key_add(const struct call *call);
enum status verb_mount(const struct call *call);
enum status verb_hostos(const struct call *call);
enum status verb_vcom(const struct call *call);
enum status verb_upload(const struct call *call);
enum status verb_download(const struct call *call);
enum status verb_download_raw(const struct call *call);
enum status verb_ping_host(const struct call *call);
enum status verb_job(const struct call *call);
enum status verb_shutdown(const struct call *call);
enum status verb_tpm_info(const struct call *call);
enum status verb_tpm_ek(const struct call *call);
enum status verb_tpm_ek_cert(const struct call *call);
enum status verb_tpm_aik(const struct call *call);
enum status verb_tpm_pcrs(const struct call *call);
enum status verb_tpm_extend(const struct call *call);
enum status verb_tpm_random(const struct call *call);
enum status verb_tpm_quote(const struct call *call);
enum status verb_tpm_seal(const struct call *call);
enum status verb_tpm_unseal(const struct call *call);
enum status verb_tpm_activate(const struct call *call);
enum status verb_raw(const struct call *call);

#endif
