/* SPDX-License-Identifier: MIT */
/* Jobs of the message vcom: requests to the VComLink agent of the host. */
#include "agent/vcom.h"

#include "agent/job.h"
#include "agent/job_strings.h"
#include "agent/services.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct client *begin_vcom(const union payload *payload, struct out *error)
{
    static const struct job_string strings[] = {
        JOB_STRING(vcom, data, true),
        JOB_STRING(vcom, cred, true),
        JOB_STRING(vcom, secret, true),
    };
    const struct mote_vcom *p = &payload->vcom;
    struct vcom_request r = {.index = p->index, .port = p->port};
    char name[STEREOS_TYPE_MAX];
    struct client *c = NULL;

    if (!vcom_kind_of(job_read_name(p->request, name), &r.kind))
        job_refuse_name("vcom request", p->request, error);
    else if (job_read_strings(strings, COUNT(strings), p, &r, error))
        c = vcom_begin(&r, error);
    job_wipe_strings();
    return c;
}

/* What a TPM gives may be a secret. */
const struct job_kind job_vcom_kind = {"vcom", begin_vcom, NULL};

bool job_vcom(const struct request *r)
{
    return job_serve(r, &job_vcom_kind);
}
