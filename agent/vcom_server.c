/* SPDX-License-Identifier: MIT */
/*
 * Connections, from one request to the next. A request is taken only when there is room for its
 * answer, and that room is still there when the TPM has done what it asks: a peer that does not
 * read holds up nobody else.
 */
#include "agent/vcom_server.h"

#include "agent/vcom_connection.h"
#include "platform/platform.h"

#define NEVER      UINT64_MAX
#define SILENCE_NS (VCOM_SERVER_SILENCE_S * UINT64_C(1000000000))

/* While the TPM is at something else, it is asked for in every turn of the loop, but so often. */
#define ASK_AGAIN_NS UINT64_C(50000000)

_Static_assert(VCOM_REPLY_MAX <= ENDPOINT_SEND_BUFFER, "an answer fits the send buffer");

static struct vcom_connection connections[ENDPOINT_CONNECTIONS];

/* No connection has an earlier deadline; one that has moved since may have been earlier. */
static uint64_t soonest = NEVER;

/* Bit n: connection n waits for the TPM. */
static uint32_t waiting;

_Static_assert(ENDPOINT_CONNECTIONS <= 32, "a bit for every connection");

bool vcom_reserve(int conn, struct vcom_reply *reply)
{
    char *space;

    if (endpoint_send_shut(conn))
        return vcom_end(conn);
    uint32_t room = endpoint_reserve(conn, VCOM_REPLY_MAX, &space);
    if (room == 0)
        return false;
    reply->answer = out_to(space, room);
    reply->body = out_to(space + HTTP_ANSWER_HEAD_MAX, room - HTTP_ANSWER_HEAD_MAX);
    return true;
}

void vcom_send(int conn, const struct vcom_reply *reply)
{
    endpoint_send(conn, (uint32_t)reply->answer.len);
}

/* Forgets the connection, and has the TPM forget it. */
static void forget(int conn)
{
    struct vcom_connection *c = &connections[conn];

    if (c->phase == VCOM_RUN || c->is_queued)
        tpm_abandon(conn);
    waiting &= ~(1u << conn);
    c->phase = VCOM_CLOSED;
}

bool vcom_end(int conn)
{
    const char *data;

    forget(conn);
    endpoint_consume(conn, endpoint_peek(conn, &data)); /* under a kernel it would be a reset */
    endpoint_close(conn);
    return false;
}

static bool tell_generation(int conn, struct vcom_connection *c)
{
    const char *data;

    if (endpoint_peek(conn, &data) == 0)
        return c->peer_done && vcom_end(conn);
    c->is_json = vcom_is_json(*data);
    c->phase = c->is_json ? VCOM_READ : VCOM_HEAD;
    return true;
}

static bool fail_request(int conn, struct vcom_connection *c, struct vcom_reply *reply)
{
    return c->is_json ? vcom_json_fail(conn, reply)
                      : vcom_http_fail(conn, c, reply, VCOM_ERROR_OURS);
}

static bool ask_tpm(int conn, struct vcom_connection *c)
{
    struct vcom_request r = {.kind = c->kind, .index = VCOM_EK_INDEX};
    struct vcom_reply reply;

    if (!vcom_reserve(conn, &reply))
        return false;
    if (!c->is_json && !vcom_http_request(conn, c, &r)) {
        vcom_http_drop(conn, c);
        out_str(&reply.body, "failed to unmarshal request: "
                             "proto: cannot parse invalid wire-format data");
        return vcom_http_fail(conn, c, &reply, VCOM_ERROR_THEIRS);
    }
    out_str(&reply.body, vcom_failure(c->kind));
    size_t said = reply.body.len;
    struct tpm_op *op =
        vcom_tpm_may_ask(&r, &reply.body) ? vcom_tpm_ask(conn, &r, &reply.body) : NULL;
    c->is_queued = op == NULL && reply.body.len == said;
    if (c->is_queued)
        return false;
    if (!c->is_json)
        vcom_http_drop(conn, c);
    c->phase = VCOM_RUN;
    return op != NULL || fail_request(conn, c, &reply);
}

static bool answer_request(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                           struct tpm_op *op)
{
    bool done = op->status == TPM_DONE;

    if (done && c->is_json) {
        done = vcom_json_answer(conn, c, reply, tpm_key_public(op, 0));
        tpm_free(op);
        return done;
    }
    done = done && vcom_tpm_answer(c->kind, op, &reply->body);
    if (!done) {
        out_str(&reply->body, vcom_failure(c->kind));
        vcom_tpm_explain(c->kind, op, &reply->body);
    }
    tpm_free(op);
    return done ? vcom_http_answer(conn, c, reply) : fail_request(conn, c, reply);
}

static bool end_request(int conn, struct vcom_connection *c)
{
    struct tpm_op *op = tpm_find(conn);
    struct vcom_reply reply;

    if (op->status == TPM_RUNNING || !vcom_reserve(conn, &reply))
        return false;
    return answer_request(conn, c, &reply, op);
}

/* When nothing of it has to wait for the TPM, a connection waits for its peer, but so long. */
static void settle(int conn)
{
    struct vcom_connection *c = &connections[conn];
    uint64_t now = platform_now_ns();
    bool waits = c->phase == VCOM_RUN || (c->phase == VCOM_ASK && c->is_queued);

    waiting = waits ? waiting | 1u << conn : waiting & ~(1u << conn);
    c->deadline = c->phase == VCOM_CLOSED || c->phase == VCOM_RUN ? NEVER
                  : waits                                         ? now + ASK_AGAIN_NS
                                                                  : now + SILENCE_NS;
    if (c->deadline < soonest)
        soonest = c->deadline;
}

static void take_steps(int conn)
{
    static bool (*const steps[])(int conn, struct vcom_connection *c) = {
        [VCOM_START] = tell_generation, [VCOM_READ] = vcom_json_read, [VCOM_HEAD] = vcom_http_head,
        [VCOM_BODY] = vcom_http_body,   [VCOM_SKIP] = vcom_http_skip, [VCOM_ASK] = ask_tpm,
        [VCOM_RUN] = end_request,
    };
    struct vcom_connection *c = &connections[conn];

    while (steps[c->phase](conn, c))
        ;
    settle(conn);
}

static void accept_connection(int conn)
{
    if (endpoint_accept(conn) != MOTE_OK) {
        endpoint_close(conn);
        return;
    }
    connections[conn] = (struct vcom_connection){.phase = VCOM_START, .kind = VCOM_GETPUB};
    settle(conn);
}

void vcom_server_event(const struct endpoint_event *event)
{
    struct vcom_connection *c = &connections[event->conn];

    if (event->type == ENDPOINT_REQUESTED) {
        accept_connection(event->conn);
    } else if (c->phase != VCOM_CLOSED && event->type == ENDPOINT_RESET) {
        forget(event->conn);
        endpoint_close(event->conn);
    } else if (c->phase != VCOM_CLOSED) {
        c->peer_done |= event->type == ENDPOINT_CLOSED;
        take_steps(event->conn);
    }
}

static void expire_silent(int conn)
{
    struct vcom_connection *c = &connections[conn];
    struct vcom_reply reply;

    if (c->phase == VCOM_START || c->phase == VCOM_ASK || c->phase == VCOM_SKIP)
        vcom_end(conn);
    else if (!vcom_reserve(conn, &reply))
        (void)(c->phase != VCOM_CLOSED && vcom_end(conn));
    else if (c->is_json)
        vcom_json_fail(conn, &reply);
    else
        vcom_http_expire(conn, c, &reply);
}

void vcom_server_tick(uint64_t now)
{
    if (now < soonest && waiting == 0)
        return;
    soonest = NEVER;
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++) {
        struct vcom_connection *c = &connections[i];
        if (waiting >> i & 1)
            take_steps(i);
        else if (c->phase != VCOM_CLOSED && c->deadline <= now)
            expire_silent(i);
        else if (c->phase != VCOM_CLOSED && c->deadline < soonest)
            soonest = c->deadline;
    }
}

uint64_t vcom_server_deadline(void)
{
    return soonest;
}
