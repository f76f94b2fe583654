/* SPDX-License-Identifier: MIT */
/*
 * The verbs: one row each, with what the command line may hold and what help says.
 * The table is in main.c; what the verbs do is in verbs.c, secrets.c, workloads.c,
 * jobs.c, wait.c and raw.c.
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
enum status verb_raw(const struct call *call);

#endif
