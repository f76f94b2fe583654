/* SPDX-License-Identifier: MIT */
/*
 * Jobs of the message transfer: files from and to a Bandsox host. A file of the guest is called by
 * an absolute path without "..". What is received is put only where a host may mount (path.h),
 * symbolic links followed; whoever could put a link there in between is a user of the guest, and
 * gets no more than a file of the host's in the place of one of the system's.
 */
#include "agent/transfer.h"

#include "agent/job.h"
#include "agent/job_strings.h"
#include "agent/path.h"
#include "agent/services.h"

/* Bytes of a path that is looked at. */
#define FILE_MAX 512

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool refuse(struct out *error, const char *why, const char *path, size_t n)
{
    out_str(error, why);
    out_quoted_bytes(error, path, n);
    return false;
}

/* Whether something may be received at path. */
static bool is_receiver(struct bytes path, struct out *error)
{
    char real[FILE_MAX + 1];
    long n = file_resolve(path, real, FILE_MAX);

    if (n < 0 || (n == 0 && path.n > FILE_MAX))
        return refuse(error, "cannot resolve ", path.at, path.n);
    if (n == 0)
        memcpy(real, path.at, path.n);
    size_t len = path_clean(real, n != 0 ? (size_t)n : path.n);
    return path_is_allowed(real, len) ||
           refuse(error, "cannot download over system directory: ", real, len);
}

static bool is_allowed(const struct transfer_request *r, struct out *error)
{
    struct bytes path = r->file.n != 0 ? r->file : r->path;

    if (r->kind == TRANSFER_PING)
        return true;
    if (path.n == 0 || path.at[0] != '/')
        return refuse(error, "file must be absolute: ", path.at, path.n);
    if (path_goes_up(path.at, path.n))
        return refuse(error, "file must be without \"..\": ", path.at, path.n);
    return r->kind == TRANSFER_UPLOAD || is_receiver(path, error);
}

static struct client *begin_transfer(const union payload *payload, struct out *error)
{
    static const struct job_string strings[] = {
        JOB_STRING(transfer, path, false),
        JOB_STRING(transfer, file, false),
        JOB_STRING(transfer, cmd_id, false),
    };
    const struct mote_transfer *p = &payload->transfer;
    struct transfer_request r = {.port = p->port, .mode = p->mode, .checksum = p->checksum};
    char name[STEREOS_TYPE_MAX];
    struct client *c = NULL;

    if (!transfer_kind_of(job_read_name(p->request, name), &r.kind))
        job_refuse_name("transfer request", p->request, error);
    else if (job_read_strings(strings, COUNT(strings), p, &r, error) && is_allowed(&r, error))
        c = transfer_begin(&r, error);
    job_wipe_strings();
    return c;
}

static void say_transfer(const struct client *c, struct out *o)
{
    c->protocol->report(c, o);
}

const struct job_kind job_transfer_kind = {"transfer", begin_transfer, say_transfer};

bool job_transfer(const struct request *r)
{
    return job_serve(r, &job_transfer_kind);
}
