/* SPDX-License-Identifier: MIT */
/*
 * The verbs that have the guest dial its host: each begins a job in the guest, whose outcome is
 * the answer, or the job's id when that takes longer.
 */
#include "qemu/motectl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "qemu/motectl/answer.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/exchange.h"

#define POLL_NS SECOND_NS

static void add(struct request *r, const char *key, const char *value)
{
    if (value != NULL)
        request_string(r, key, value, strlen(value));
}

static void add_number(struct request *r, const struct call *call, uint32_t option, const char *key,
                       uint32_t value)
{
    if ((call->options->given & option) != 0)
        request_number(r, key, value);
}

static void add_flag(struct request *r, const struct call *call, uint32_t option, const char *key)
{
    if ((call->options->given & option) != 0)
        request_true(r, key);
}

static void print_result(struct json_raw result)
{
    static char name[STEREOS_PEER_LINE_MAX + 1], shown[STEREOS_PEER_LINE_MAX + 1];
    struct text key, value;
    bool any = false;

    for (; answer_next_member(&result, &key, &value); any = true)
        printf("%s: %s\n", printable(key, name, sizeof(name)),
               printable(value, shown, sizeof(shown)));
    if (!any)
        puts("done");
}

/* Says what a job has come to; one that runs has not come in time. */
static enum status judge(const struct job *job)
{
    char text[FAILURE_MAX], type[STEREOS_TYPE_MAX + 1];

    if (text_equals(job->state, "done") && job->truncated)
        return fail(STATUS_FAILED, "job %u: the result is too long for an answer", job->id);
    if (text_equals(job->state, "done"))
        return STATUS_OK;
    if (text_equals(job->state, "running"))
        return fail(STATUS_TIMEOUT, "job %u still runs; ask for it with: job %u", job->id, job->id);
    printable(job->error, text, sizeof(text));
    return fail(STATUS_REFUSED, "%s %s: %s%s", printable(job->request, type, sizeof(type)),
                text_equals(job->state, "refused") ? "refused" : "failed", text,
                job->truncated ? "..." : "");
}

/* Sends a request and reads the job that it began, or asked for. */
static enum status ask(const struct call *call, struct request *r, struct answer *answer,
                       struct job *job)
{
    enum status status = exchange(call, r, answer);

    return status == STATUS_OK ? answer_job(answer->line, answer->len, r->type, job) : status;
}

static enum status ask_for(const struct call *call, uint32_t id, struct answer *answer,
                           struct job *job)
{
    struct request r;

    request_start(&r, "job");
    request_payload(&r);
    request_number(&r, "id", id);
    return ask(call, &r, answer, job);
}

/* Asks for a job until it runs no more. */
static enum status wait_for_job(const struct call *call, struct answer *answer, struct job *job)
{
    enum status status = STATUS_OK;
    int64_t start = clock_now();

    while (status == STATUS_OK && text_equals(job->state, "running")) {
        fprintf(stderr, "motectl: job %u runs, for %d s here\n", job->id,
                (int)((clock_now() - start) / SECOND_NS));
        sleep_ns(POLL_NS);
        status = ask_for(call, job->id, answer, job);
    }
    return status;
}

static enum status tell(const struct call *call, enum status status, struct answer *answer,
                        struct job *job)
{
    if (status == STATUS_OK && (call->options->given & OPTION_WAIT) != 0)
        status = wait_for_job(call, answer, job);
    if (wants_json(call) && (status == STATUS_OK || status == STATUS_REFUSED))
        print_line(answer->line, answer->len);
    if (status == STATUS_OK)
        status = judge(job);
    if (status == STATUS_OK && !wants_json(call))
        print_result(job->result);
    return status;
}

static enum status begin(const struct call *call, struct request *r)
{
    struct answer answer;
    struct job job;
    enum status status = ask(call, r, &answer, &job);

    return tell(call, status, &answer, &job);
}

/* Which of the words behind a HostOS command are what; those that have none take no words. */
static const struct hostos_words {
    const char *command;
    const char *keys[2];
} hostos_words[] = {
    {"attach-hsm", {NULL}},
    {"detach-hsm", {NULL}},
    {"get-hostos-version", {NULL}},
    {"get-vsock-protocol", {NULL}},
    {"start-upgrade-guest-vm", {NULL}},
    {"notify", {"message"}},
    {"upgrade", {"url", "hash"}},
    {"set-node-id", {"node_id"}},
};

static const struct hostos_words *find_words(const char *command)
{
    for (size_t i = 0; i < sizeof(hostos_words) / sizeof(hostos_words[0]); i++)
        if (strcmp(hostos_words[i].command, command) == 0)
            return &hostos_words[i];
    return NULL;
}

enum status verb_hostos(const struct call *call)
{
    const struct hostos_words *words = find_words(call->args[0]);
    struct request r;

    if (words == NULL)
        return fail(STATUS_FAILED, "unknown command %s; see motectl help hostos", call->args[0]);
    request_start(&r, "hostos");
    request_payload(&r);
    add(&r, "command", call->args[0]);
    for (int i = 0; i < 2; i++) {
        bool wanted = words->keys[i] != NULL;
        if (wanted != (call->count > i + 1))
            return fail(STATUS_FAILED, "too %s words for %s; see motectl help hostos",
                        wanted ? "few" : "many", call->args[0]);
        if (wanted)
            add(&r, words->keys[i], call->args[i + 1]);
    }
    add_number(&r, call, OPTION_COUNT, "count", call->options->count);
    add_number(&r, call, OPTION_PORT, "port", call->options->port);
    add_flag(&r, call, OPTION_LEGACY, "legacy");
    return begin(call, &r);
}

enum status verb_vcom(const struct call *call)
{
    struct request r;
    uint32_t index;

    if (call->count > 1 && !options_number(call->args[1], &index))
        return fail(STATUS_FAILED, "%s is not an index of 32 bits", call->args[1]);
    request_start(&r, "vcom");
    request_payload(&r);
    add(&r, "request", call->args[0]);
    if (call->count > 1)
        request_number(&r, "index", index);
    add(&r, "data", call->options->data);
    add(&r, "cred", call->options->cred);
    add(&r, "secret", call->options->secret);
    add_number(&r, call, OPTION_PORT, "port", call->options->port);
    return begin(call, &r);
}

static enum status transfer(const struct call *call, const char *request)
{
    struct request r;

    request_start(&r, "transfer");
    request_payload(&r);
    add(&r, "request", request);
    if (call->count > 0)
        add(&r, "path", call->args[0]);
    if (call->count > 1)
        add(&r, "file", call->args[1]);
    add(&r, "cmd_id", call->options->cmd_id);
    add_number(&r, call, OPTION_PORT, "port", call->options->port);
    add_number(&r, call, OPTION_MODE, "mode", call->options->mode);
    add_flag(&r, call, OPTION_CHECKSUM, "checksum");
    return begin(call, &r);
}

enum status verb_upload(const struct call *call)
{
    return transfer(call, "upload");
}

enum status verb_download(const struct call *call)
{
    return transfer(call, "download");
}

enum status verb_download_raw(const struct call *call)
{
    return transfer(call, "download_raw");
}

enum status verb_ping_host(const struct call *call)
{
    return transfer(call, "ping");
}

enum status verb_job(const struct call *call)
{
    struct answer answer;
    struct job job;
    uint32_t id;

    if (!options_number(call->args[0], &id))
        return fail(STATUS_FAILED, "%s is not the id of a job", call->args[0]);
    enum status status = ask_for(call, id, &answer, &job);
    return tell(call, status, &answer, &job);
}
