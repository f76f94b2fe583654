/* SPDX-License-Identifier: MIT */
/* The way of a request to its answer. What they hold is the verbs' business. */
#include "qemu/motectl/exchange.h"

#include <stdio.h>

#include "qemu/motectl/answer.h"
#include "qemu/motectl/deadline.h"

enum status exchange(const struct call *call, struct request *r, struct answer *answer)
{
    int64_t deadline = clock_now() + call->timeout_ns;
    int64_t start;
    enum status status = request_end(r);

    if (status == STATUS_OK)
        status = stream_open(call->stream, call->address, deadline);
    if (status != STATUS_OK) {
        request_wipe(r);
        return status;
    }
    start = clock_now();
    status = stream_send(call->stream, r->line.base, r->line.len, deadline);
    request_wipe(r);
    if (status == STATUS_OK)
        status = stream_line(call->stream, deadline, &answer->line, &answer->len);
    answer->elapsed_ns = clock_now() - start;
    stream_close(call->stream);
    return status;
}

bool wants_json(const struct call *call)
{
    return (call->options->given & OPTION_JSON) != 0;
}

enum status exchange_ack(const struct call *call, struct request *r)
{
    struct answer answer;
    enum status status = exchange(call, r, &answer);

    if (status != STATUS_OK)
        return status;
    status = answer_check(answer.line, answer.len, "ack", r->type);
    if (wants_json(call))
        print_line(answer.line, answer.len);
    else if (status == STATUS_OK)
        puts("ok");
    return status;
}
