/* SPDX-License-Identifier: MIT */
/*
 * What a host has the guest's clients do (agent/client.h), over the control port or by the
 * command line: one job each, which is known by its client's id. A job goes on when the host that
 * asked for it goes away: what it asks of its peer may have effects, half of which nobody wants,
 * and a host may send its request and leave at once.
 */
#ifndef AGENT_JOB_H
#define AGENT_JOB_H

#include "agent/client.h"
#include "agent/dispatch.h"

/* A host waits for ten seconds; by then it is told at least which job it is. */
#define JOB_ANSWER_NS UINT64_C(9000000000)

/* Bytes of all texts of a request, decoded: no client could keep more. */
#define JOB_DATA_MAX CLIENT_DATA_MAX

/* A row per message that begins a job. */
struct job_kind {
    const char *name; /* of the message */
    /* Begins the exchange; NULL: error says why not. */
    struct client *(*begin)(const union payload *payload, struct out *error);
    /* What came of one that is done, for the console: nothing that is secret. NULL: nothing. */
    void (*say)(const struct client *c, struct out *o);
};

extern const struct job_kind job_hostos_kind;
extern const struct job_kind job_vcom_kind;
extern const struct job_kind job_transfer_kind;

/* Serves a message that begins a job (struct message, agent/dispatch.h). */
bool job_serve(const struct request *r, const struct job_kind *kind);

/* Nobody waits any more on this connection; the job that it waited for is kept as all are that
 * nobody has asked for: until its place is needed. */
void job_abandon(int conn);

/* Begins what the command line asks for (README, "On the guest's command line"), as far as there
 * are places; the others follow. */
void job_start(void);

/* Tells the console what came of those. */
void job_tick(void);

/* When job_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t job_deadline(void);

#endif
