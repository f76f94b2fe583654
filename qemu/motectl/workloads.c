/* SPDX-License-Identifier: MIT */
/* The verbs for workloads: which there are, and what they have said. */
#include "qemu/motectl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "qemu/motectl/answer.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/exchange.h"

#define SHOWN_MAX 256 /* bytes shown of a text */
#define POLL_NS   SECOND_NS

static void print_workload(const struct workload *w)
{
    char text[SHOWN_MAX];

    printf("%s: ", printable(w->name, text, sizeof(text)));
    if (w->running)
        printf("running, pid %u", w->pid);
    else if (w->status != WORKLOAD_NO_STATUS)
        printf("exit status %u", w->status);
    else
        printf("not started");
    printf(", %u restarts", w->restarts);
    if (w->error.json_len > 0)
        printf(", error: %s", printable(w->error, text, sizeof(text)));
    putchar('\n');
}

enum status verb_workloads(const struct call *call)
{
    struct request r;
    struct answer answer;
    struct json_raw workloads;
    struct workload workload;
    enum status status;
    bool found;

    request_start(&r, "workloads");
    status = exchange(call, &r, &answer);
    if (status != STATUS_OK)
        return status;
    status = answer_workloads(answer.line, answer.len, &workloads);
    if (wants_json(call))
        print_line(answer.line, answer.len);
    else if (status == STATUS_OK)
        while (answer_next_workload(&workloads, &workload, &found) == STATUS_OK && found)
            print_workload(&workload);
    return status;
}

/* Unlike other texts of a guest this is what a program wrote, and is passed on as it is. */
static void print_log(const struct call *call, uint32_t wanted, const struct log *log)
{
    static char text[3 * STEREOS_PEER_LINE_MAX]; /* a bad byte becomes U+FFFD */

    if (log->offset != wanted)
        fprintf(stderr, "motectl: %s: offsets %u to %u are not kept any more\n", call->args[0],
                wanted, log->offset - 1);
    if (!wants_json(call))
        fwrite(text, 1, text_copy(log->text, text, sizeof(text)), stdout);
    fflush(stdout); /* whole lines or not */
}

/* Asks for what was said from *offset on, and sets that behind it. *reached: the guest answered;
 * *more: there may be more behind it. */
static enum status log_part(const struct call *call, uint32_t *offset, bool *reached, bool *more)
{
    struct request r;
    struct answer answer;
    struct log log;
    enum status status;

    request_start(&r, "logs");
    request_payload(&r);
    request_string(&r, "name", call->args[0], strlen(call->args[0]));
    request_number(&r, "offset", *offset);
    status = exchange(call, &r, &answer);
    *reached = status == STATUS_OK;
    if (status != STATUS_OK)
        return status;
    status = answer_log(answer.line, answer.len, &log);
    if (wants_json(call))
        print_line(answer.line, answer.len);
    if (status != STATUS_OK)
        return status;
    print_log(call, *offset, &log);
    *offset = log.next;
    *more = log.next != log.offset;
    return STATUS_OK;
}

static enum status log_rest(const struct call *call, uint32_t *offset, bool *reached)
{
    enum status status;
    bool more = false;

    do {
        status = log_part(call, offset, reached, &more);
    } while (status == STATUS_OK && more && !ferror(stdout));
    return status;
}

enum status verb_logs(const struct call *call)
{
    bool follows = (call->options->given & OPTION_FOLLOW) != 0;
    uint32_t offset = 0;
    bool reached;
    enum status status = log_rest(call, &offset, &reached);

    if (status != STATUS_OK)
        return status;
    while (follows && status == STATUS_OK && !ferror(stdout)) {
        sleep_ns(POLL_NS);
        status = log_rest(call, &offset, &reached);
    }
    if (status != STATUS_FAILED || reached)
        return status;
    fprintf(stderr, "motectl: the guest has ended: %s\n", failure());
    return STATUS_OK;
}
