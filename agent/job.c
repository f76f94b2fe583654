/* SPDX-License-Identifier: MIT */
/*
 * The table of jobs. A job that has been told how it ended is gone; one that nobody asks for
 * keeps its client until another needs the place.
 */
#include "agent/job.h"

#include "agent/services.h"
#include "platform/platform.h"

#define NOBODY (-1)

/* There are not more jobs than clients. */
static struct job {
    uint32_t id; /* of its client: without one the row is free */
    int conn;    /* where its answer is waited for; NOBODY */
    const struct job_kind *kind;
    uint64_t answer_by;
} jobs[CLIENTS_MAX];

static const char *const states[] = {
    [CLIENT_RUNNING] = "running",
    [CLIENT_DONE] = "done",
    [CLIENT_REFUSED] = "refused",
    [CLIENT_FAILED] = "failed",
};

static struct job *find(uint32_t id)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (jobs[i].id == id && client_find(id) != NULL)
            return &jobs[i];
    return NULL;
}

static struct job *find_waiting(int conn)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (jobs[i].conn == conn && client_find(jobs[i].id) != NULL)
            return &jobs[i];
    return NULL;
}

static struct job *begin(const struct request *r, const struct job_kind *kind)
{
    const struct client *c = kind->begin(r->payload, r->error);
    struct job *j = jobs;

    if (c == NULL)
        return NULL;
    while (client_find(j->id) != NULL && j->id != c->id)
        j++;
    *j = (struct job){c->id, r->conn, kind, platform_now_ns() + JOB_ANSWER_NS};
    return j;
}

static void write_report(const void *client, struct out *o)
{
    const struct client *c = client;

    if (c->protocol->report != NULL)
        c->protocol->report(c, o);
}

/* What is known by now. Who was told all of the end needs the job no more. */
static void tell(const struct job *j, struct client *c, struct out *reply)
{
    const struct mote_job answer = {
        .id = c->id,
        .request = j->kind->name,
        .state = states[c->status],
        .error = c->error,
        .error_len = c->error_len,
        .result = c->status == CLIENT_DONE ? write_report : NULL,
        .of = c,
    };

    bool is_told = mote_write_job(reply, &answer) && c->status != CLIENT_RUNNING;
    c->may_go = j->conn == NOBODY;
    if (c->may_go && is_told)
        client_free(c);
}

bool job_serve(const struct request *r, const struct job_kind *kind)
{
    struct job *j = find_waiting(r->conn);

    if (j == NULL && (j = begin(r, kind)) == NULL)
        return true;
    struct client *c = client_find(j->id);
    bool is_heard = r->reply->cap != 0;
    if (c->status == CLIENT_RUNNING && is_heard && platform_now_ns() < j->answer_by)
        return false;
    j->conn = NOBODY;
    tell(j, c, r->reply);
    return true;
}

bool job_state(const struct request *r)
{
    uint32_t id = r->payload->job.id;
    const struct job *j = find(id);

    if (j != NULL) {
        tell(j, client_find(id), r->reply);
    } else {
        out_str(r->error, "no job ");
        out_u64(r->error, id);
    }
    return true;
}

void job_abandon(int conn)
{
    struct job *j = find_waiting(conn);

    if (j == NULL)
        return;
    j->conn = NOBODY;
    client_find(j->id)->may_go = true;
}
