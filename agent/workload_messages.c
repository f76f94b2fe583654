/* SPDX-License-Identifier: MIT */
/* What a host may ask about workloads. */
#include "agent/app.h"
#include "agent/services.h"
#include "agent/workload.h"
#include "platform/process.h"

/* The keys and numbers around a workload's texts, and around all. */
#define WORKLOAD_KEYS_MAX  112
#define WORKLOADS_KEYS_MAX 64
_Static_assert(WORKLOADS_MAX *(HEALTH_NAME_MAX + 6 * HEALTH_ERROR_MAX + WORKLOAD_KEYS_MAX) +
                       WORKLOADS_KEYS_MAX <=
                   STEREOS_REPLY_MAX,
               "the answer fits, with every byte of an error escaped to six");

static bool describe(size_t i, struct mote_workload *to)
{
    const struct workload *w = workload_at(i);

    if (w == NULL)
        return false;
    *to = (struct mote_workload){.name = w->config.name,
                                 .pid = process_pid(w->number),
                                 .has_status = w->has_status,
                                 .status = w->status,
                                 .restarts = w->restarts,
                                 .error = w->error[0] != '\0' ? w->error : NULL};
    return true;
}

static bool list(const struct request *r)
{
    mote_write_workloads(r->reply, describe);
    return true;
}

static const struct workload *find(struct text name)
{
    const struct workload *w;

    for (size_t i = 0; (w = workload_at(i)) != NULL; i++)
        if (text_equals(name, w->config.name))
            return w;
    return NULL;
}

static bool give_log(const struct request *r)
{
    static char text[WORKLOAD_RING_SIZE]; /* all of it: an answer ends between characters */
    const struct mote_logs *wanted = &r->payload->logs;
    const struct workload *w = find(wanted->name);

    if (w == NULL) {
        out_str(r->error, "logs: no workload ");
        out_quoted(r->error, wanted->name);
        return true;
    }
    if (w->config.output != WORKLOAD_RING) {
        out_str(r->error, "logs: what ");
        out_str(r->error, w->config.name);
        out_str(r->error, " says goes to the console (output=ring keeps it)");
        return true;
    }
    struct mote_log log = {.name = w->config.name, .offset = wanted->offset, .text = text};
    log.n = workload_ring_get(&w->output, &log.offset, text, sizeof text);
    mote_write_log(r->reply, &log);
    return true;
}

const struct message app_messages[] = {
    {"workloads", list, NULL, PAYLOAD_NEEDED},
    {"logs", give_log, &mote_logs_payload, PAYLOAD_NEEDED},
};
const size_t app_message_count = sizeof app_messages / sizeof app_messages[0];
