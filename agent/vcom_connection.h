/* SPDX-License-Identifier: MIT */
/* A connection of VComLink's, and what the parts of agent/vcom_server*.c ask of each other. */
#ifndef AGENT_VCOM_CONNECTION_H
#define AGENT_VCOM_CONNECTION_H

#include "agent/tpm.h"
#include "proto/http_answer.h"
#include "proto/http_request.h"
#include "proto/vcom_serve.h"

/* What a connection does next. */
enum vcom_phase {
    VCOM_CLOSED = 0,
    VCOM_START, /* nothing was said */
    VCOM_READ,  /* JSON: between two requests */
    VCOM_HEAD,  /* HTTP: likewise, or in the head of one */
    VCOM_BODY,
    VCOM_SKIP, /* the body of what has its answer already */
    VCOM_ASK,  /* a request is whole: the TPM is to be asked */
    VCOM_RUN,  /* it was */
};

struct vcom_connection {
    enum vcom_phase phase;
    enum vcom_kind kind; /* what is asked */
    bool is_json;
    bool peer_done; /* it sends no more; unread bytes stay readable */
    bool is_queued; /* VCOM_ASK: the TPM is at something else */
    bool is_old;    /* the request came by HTTP/1.0 */
    bool is_head;   /* it wants no body */
    bool closes;    /* no request follows on this connection */
    uint64_t deadline;
    struct http_body body; /* gathered at the start of the unread bytes */
};

/* Room for an answer, and in it for what it carries. */
struct vcom_reply {
    struct out answer;
    struct out body; /* HTTP_ANSWER_HEAD_MAX bytes behind where the answer begins */
};

/* The longest answer has all that an operation on non-volatile memory can bring. */
#define VCOM_REPLY_MAX (HTTP_ANSWER_HEAD_MAX + TPM_DATA_MAX + 64)

/* False: there is no room yet, and an event comes when there is. */
bool vcom_reserve(int conn, struct vcom_reply *reply);

/* Sends reply->answer. */
void vcom_send(int conn, const struct vcom_reply *reply);

/* Ends the connection when what was sent has left. False, always. */
bool vcom_end(int conn);

/*
 * Steps, one per phase: each does what can be done now. True: on to the next one; false: that was
 * all, and an event comes when there is more to do. A step that has no room for an answer does
 * nothing.
 */
bool vcom_json_read(int conn, struct vcom_connection *c);
bool vcom_http_head(int conn, struct vcom_connection *c);
bool vcom_http_body(int conn, struct vcom_connection *c);
bool vcom_http_skip(int conn, struct vcom_connection *c);

/* The request that has come whole. False: its body is no message. */
bool vcom_http_request(int conn, const struct vcom_connection *c, struct vcom_request *r);

/* Drops its bytes. */
void vcom_http_drop(int conn, struct vcom_connection *c);

/* Answer a request, as its connection does, and return what steps do: with reply->body as the
 * message, or as the error's text; in JSON with the EK, or the one error that there is. */
bool vcom_http_answer(int conn, struct vcom_connection *c, struct vcom_reply *reply);
bool vcom_http_fail(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                    const char *status);
bool vcom_json_answer(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                      struct bytes ek);
bool vcom_json_fail(int conn, struct vcom_reply *reply);

#define VCOM_ERROR_OURS   "500 Internal Server Error"
#define VCOM_ERROR_THEIRS "400 Bad Request"

/* Nothing has come for too long: tell it where that is told. */
void vcom_http_expire(int conn, struct vcom_connection *c, struct vcom_reply *reply);

/* -- what the TPM is asked (agent/vcom_server_tpm.c) */

/* Whether a request can be asked of it. False: the rest of the error was appended. */
bool vcom_tpm_may_ask(const struct vcom_request *r, struct out *error);

/* tpm_begin() of what it asks. */
struct tpm_op *vcom_tpm_ask(int conn, const struct vcom_request *r, struct out *error);

/* Appends the answer to a request of this kind that is done. False: what came is of no use. */
bool vcom_tpm_answer(enum vcom_kind kind, const struct tpm_op *op, struct out *message);

/* Appends why it is not, behind vcom_failure(). */
void vcom_tpm_explain(enum vcom_kind kind, const struct tpm_op *op, struct out *error);

#endif
