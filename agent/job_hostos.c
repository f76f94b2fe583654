/* SPDX-License-Identifier: MIT */
/* Jobs of the message hostos: commands to the HostOS of the Internet Computer. */
#include "agent/hostos.h"

#include "agent/job.h"
#include "agent/job_strings.h"
#include "agent/services.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NOTIFY_COUNT 1 /* as vsock_guest has it */

static struct client *begin_hostos(const union payload *payload, struct out *error)
{
    static const struct job_string strings[] = {
        JOB_STRING(hostos, message, false),
        JOB_STRING(hostos, url, false),
        JOB_STRING(hostos, hash, false),
        JOB_STRING(hostos, node_id, false),
    };
    const struct mote_hostos *p = &payload->hostos;
    struct hostos_request r = {
        .count = p->count != 0 ? p->count : NOTIFY_COUNT, .port = p->port, .legacy = p->legacy};
    char name[STEREOS_TYPE_MAX];
    struct client *c = NULL;

    if (!hostos_command_of(job_read_name(p->command, name), &r.command))
        job_refuse_name("hostos command", p->command, error);
    else if (job_read_strings(strings, COUNT(strings), p, &r, error))
        c = hostos_begin(&r, error);
    job_wipe_strings();
    return c;
}

static void say_hostos(const struct client *c, struct out *o)
{
    struct bytes version = hostos_version(c);

    out_bytes(o, version.at, version.n);
}

const struct job_kind job_hostos_kind = {"hostos", begin_hostos, say_hostos};

bool job_hostos(const struct request *r)
{
    return job_serve(r, &job_hostos_kind);
}
