/* SPDX-License-Identifier: MIT */
/*
 * c->data has the whole request, header and all, from the first byte to the last: it may be asked
 * for again after a transport reset. The answer lies behind it, without what frames it.
 */
#include "agent/vcom.h"

#include "proto/http.h"
#include "proto/tpm_public.h"

#include <bearssl.h>

/* What the host gives every packet of ours. */
#define PATIENCE_NS UINT64_C(30000000000)

#define HEAD_MAX   192 /* bytes of a request's header */
#define STATUS     5   /* bytes of "500: ", in front of the answer */
#define ANSWER_MIN 640 /* bytes that an answer always has room for: a signature by RSA-4096 */

#define ROOM     (CLIENT_DATA_MAX - HEAD_MAX - STATUS - ANSWER_MIN)
#define BODY_MAX (ROOM < VCOM_BODY_MAX ? ROOM : VCOM_BODY_MAX)

static const char json_request[] = VCOM_JSON_REQUEST;

struct exchange {
    enum vcom_kind kind;
    uint32_t index;
    size_t request; /* bytes in c->data */
    size_t answer;  /* where it begins there */
    size_t sent;    /* bytes of what is asked now */
    bool is_json;   /* the host is asked in JSON, or */
    bool next_json; /* will be when it is dialled again */
    bool has_begun; /* the answer; its first byte was looked at */
    bool is_late;   /* the deadline has passed once */
    struct http_reader http;
    struct vcom_scan scan;
    struct vcom_answer read;
};
_Static_assert(sizeof(struct exchange) <= CLIENT_STATE_MAX, "it has room in a client");

static struct exchange *exchange_of(struct client *c)
{
    return (struct exchange *)(void *)c->state;
}

static size_t request_len(const struct exchange *e)
{
    return e->is_json ? sizeof json_request - 1 : e->request;
}

/* True: the host has all of the request, or wants no more of it. By HTTP the host answers, and
 * closes, at once when our half is closed; by JSON that would be an error more. */
static bool send_request(struct client *c)
{
    struct exchange *e = exchange_of(c);
    const char *request = e->is_json ? json_request : c->data;
    size_t len = request_len(e);

    while (e->sent < len) {
        size_t n = len - e->sent < ENDPOINT_SEND_BUFFER ? len - e->sent : ENDPOINT_SEND_BUFFER;
        if (!client_send(c, request + e->sent, n))
            return endpoint_send_shut(c->conn);
        e->sent += n;
        if (e->sent == len && !e->is_json)
            endpoint_shutdown(c->conn);
    }
    return true;
}

static void fail_too_long(struct client *c)
{
    client_fail(c, "the answer is too long: limit is %u bytes",
                (unsigned)(CLIENT_DATA_MAX - exchange_of(c)->answer));
}

static void fail(struct client *c, const struct out *error)
{
    client_fail(c, "%.*s", (int)error->len, error->base);
}

/* The status, then the text, which http.Error() has ended as a line. */
static void refused(struct client *c)
{
    struct exchange *e = exchange_of(c);
    struct out o = out_to(c->data + e->answer - STATUS, STATUS);

    if (c->len > e->answer && c->data[c->len - 1] == '\n')
        c->len--;
    out_u64(&o, e->http.status);
    if (c->len > e->answer)
        out_str(&o, ": ");
    client_refused(c, o.base, o.len + c->len - e->answer);
}

/* Whether aik_name is the TPM2B_NAME of aik_pub: its size, TPM_ALG_SHA256, the hash of the area. */
static bool has_name(const struct vcom_answer *a)
{
    static const uint8_t start[] = {0, 2 + br_sha256_SIZE, 0, TPM_ALG_SHA256};
    struct bytes area = a->value[1].bytes, name = a->value[2].bytes;
    uint8_t hash[br_sha256_SIZE];
    br_sha256_context context;

    if (name.n != sizeof start + sizeof hash || memcmp(name.at, start, sizeof start) != 0)
        return false;
    br_sha256_init(&context);
    br_sha256_update(&context, area.at, area.n);
    br_sha256_out(&context, hash);
    return memcmp(name.at + sizeof start, hash, sizeof hash) == 0;
}

/* What a host that said 200 has given. */
static void judge(struct client *c)
{
    struct exchange *e = exchange_of(c);
    char why[CLIENT_ERROR_MAX];
    struct out error = out_to(why, sizeof why);

    if (!vcom_read_answer(e->kind, e->index, c->data + e->answer, c->len - e->answer, &e->read,
                          &error))
        fail(c, &error);
    else if (e->kind == VCOM_ACTIVATECREDPARAMS && !has_name(&e->read))
        client_fail(c, "aik_name is not 000b and the SHA-256 of aik_pub");
    else
        client_done(c);
}

static void answered(struct client *c)
{
    struct exchange *e = exchange_of(c);

    if (e->http.status != 200)
        refused(c);
    else if (c->seen > c->len - e->answer)
        fail_too_long(c);
    else
        judge(c);
}

/* Of a body that is too long the start is kept: it may be an error's text. */
static void keep(struct client *c, const struct http_piece *piece)
{
    size_t room = CLIENT_DATA_MAX - c->len;
    size_t n = piece->n < room ? piece->n : room;

    memcpy(c->data + c->len, piece->at, n);
    c->len += n;
    c->used = c->len > c->used ? c->len : c->used;
    c->seen += piece->n;
}

static void read_http(struct client *c)
{
    struct exchange *e = exchange_of(c);
    struct http_piece piece;
    enum http_step step;

    do {
        const char *data;
        uint32_t n = endpoint_peek(c->conn, &data);
        step = http_next(&e->http, data, n, c->peer_done, &piece);
        if (step == HTTP_BODY)
            keep(c, &piece);
        endpoint_consume(c->conn, (uint32_t)piece.consumed);
    } while (step == HTTP_BODY);
    if (step == HTTP_END)
        answered(c);
    else if (step == HTTP_BAD)
        client_fail(c, "%s", e->http.rule);
}

static void refused_json(struct client *c, struct text error)
{
    size_t n = error.json_len;

    if (text_equals_bytes(error, error.json, n)) { /* as a rule it has no escapes */
        client_refused(c, error.json, n);
        return;
    }
    n = text_copy(error, c->data + c->len, CLIENT_DATA_MAX - c->len);
    c->used = c->len + n > c->used ? c->len + n : c->used;
    client_refused(c, c->data + c->len, n);
}

static void answered_json(struct client *c)
{
    struct exchange *e = exchange_of(c);
    char *json = c->data + e->answer, why[CLIENT_ERROR_MAX];
    struct out error = out_to(why, sizeof why);
    struct vcom_packet packet;

    if (!vcom_read_packet(json, e->scan.at, &packet, &error))
        fail(c, &error);
    else if (packet.is_error)
        refused_json(c, packet.error);
    else if (vcom_read_packet_ek(json, &packet, &e->read, &error))
        client_done(c);
    else
        fail(c, &error);
}

/* What follows the first object is not looked at. */
static void read_json(struct client *c)
{
    struct exchange *e = exchange_of(c);

    client_collect(c);
    size_t n = c->len - e->answer;
    if (n != 0 && c->data[e->answer] != '{')
        client_fail(c, "the answer is no JSON object");
    else if (vcom_scan_object(&e->scan, c->data + e->answer, n))
        answered_json(c);
    else if (c->len == CLIENT_DATA_MAX)
        fail_too_long(c);
    else if (c->peer_done)
        client_fail(c, "the answer ends in the middle");
}

/* A host that speaks JSON does not understand a word of HTTP, and says so in JSON. */
static void meet_json(struct client *c)
{
    struct exchange *e = exchange_of(c);

    e->next_json = e->kind == VCOM_EK;
    if (e->next_json)
        client_redial(c);
    else
        client_fail(c, "the host speaks JSON (EVE-OS before 15.11) and gives its EK alone");
}

static void progress(struct client *c)
{
    struct exchange *e = exchange_of(c);
    const char *data;

    if (!send_request(c))
        return;
    if (e->is_json) {
        read_json(c);
        return;
    }
    bool begins = !e->has_begun && endpoint_peek(c->conn, &data) != 0;
    e->has_begun |= begins;
    if (begins && data[0] == '{')
        meet_json(c);
    else
        read_http(c);
}

static void connected(struct client *c)
{
    struct exchange *e = exchange_of(c);

    e->is_json = e->next_json;
    e->next_json = false; /* after a transport reset it may be another host */
    e->has_begun = false;
    e->sent = 0;
    e->http = (struct http_reader){0};
    e->scan = (struct vcom_scan){0};
    c->len = e->answer;
    c->seen = 0;
    send_request(c);
}

/* Past the deadline a request that has begun has as long again to leave: its host would wait for
 * the rest for ever, even behind our end. */
static bool lost(struct client *c, int error)
{
    struct exchange *e = exchange_of(c);

    if (error != MOTE_ERR_TIMEOUT || !c->is_connected || e->is_late || e->sent == request_len(e))
        return false;
    e->is_late = true;
    c->deadline += PATIENCE_NS;
    return true;
}

static void report(const struct client *c, struct out *o)
{
    vcom_write_answer(o, &((const struct exchange *)(const void *)c->state)->read);
}

static const struct client_protocol protocol = {.peer = "vcom",
                                                .is_orderly = true,
                                                .connected = connected,
                                                .progress = progress,
                                                .lost = lost,
                                                .report = report};

/* Writes the request; false: it is too long. */
static bool prepare(struct client *c, const struct vcom_request *r)
{
    struct exchange *e = exchange_of(c);
    struct out head = out_to(c->data, HEAD_MAX), body = out_to(c->data + HEAD_MAX, BODY_MAX);

    vcom_write_request(&body, r);
    http_write_post(&head, vcom_path(r->kind), "vcom", "application/x-proto-binary", body.len);
    memmove(c->data + head.len, c->data + HEAD_MAX, body.len);
    c->used = HEAD_MAX + body.len;
    *e = (struct exchange){.kind = r->kind, .index = r->index, .request = head.len + body.len};
    e->answer = e->request + STATUS;
    return !body.overflow;
}

struct client *vcom_begin(const struct vcom_request *r, struct out *error)
{
    struct client *c = client_new(&protocol);

    if (c == NULL) {
        out_str(error, "vcom: too many exchanges at once: limit is ");
        out_u64(error, CLIENTS_MAX);
        return NULL;
    }
    if (!prepare(c, r)) {
        client_free(c);
        out_str(error, "vcom: the request is too long: limit is ");
        out_u64(error, BODY_MAX);
        out_str(error, " bytes");
        return NULL;
    }
    /* Reading changes nothing; neither does taking a credential apart, which gives the same again.
     * A signature may be another each time, and one is what was asked for. */
    c->may_repeat = r->kind != VCOM_SIGN;
    client_begin(c, r->port != 0 ? r->port : VCOM_PORT, PATIENCE_NS);
    return c;
}
