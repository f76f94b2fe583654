/* SPDX-License-Identifier: MIT */
/*
 * One exchange is one connection, or two when the host may be of v0: the first asks what it
 * speaks. The texts of the request lie in the client's data until they are sent, and the answer
 * behind them or in their place.
 */
#include "agent/hostos.h"

#include "platform/platform.h"
#include "proto/utf8.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE_NS        UINT64_C(300000000000)
#define LEGACY_PATIENCE_NS UINT64_C(5000000000) /* for v0's upgrade: then it is under way */

#define SHOWN_MAX 160 /* bytes of an answer that is none, in an error text */

/* What v0 does not tell: the version of its HostOS. */
#define LEGACY_VERSION "0000000000000000000000000000000000000000000000000000000000000000"

enum step {
    STEP_V1 = 0,
    STEP_PROBE,  /* what does the host speak? */
    STEP_LEGACY, /* it speaks v0 */
};

struct hostos {
    enum step step;
    bool is_sent;
    bool may_be_v0;
    enum hostos_command command;
    struct bytes v1, v0; /* the command as it is sent; v0.n 0: v0 does not know it */
    size_t kept;         /* bytes at c->data where these lie; the answer is behind them */
    struct hostos_answer answer;
    struct bytes version;
};
_Static_assert(sizeof(struct hostos) <= CLIENT_STATE_MAX, "the state of an exchange");
_Static_assert(HOSTOS_REQUEST_MAX <= ENDPOINT_SEND_BUFFER, "a request is one packet");

static struct hostos *hostos_of(struct client *c)
{
    return (struct hostos *)(void *)c->state;
}

/* -- the request */

static struct bytes command_of(const struct hostos *h)
{
    static const char probe[] = "\"GetVsockProtocol\"";

    if (h->step == STEP_PROBE)
        return (struct bytes){probe, sizeof probe - 1};
    return h->step == STEP_LEGACY ? h->v0 : h->v1;
}

/* Once it is sent, it is not needed any more, unless it may be asked again. */
static void drop_request(struct client *c)
{
    struct hostos *h = hostos_of(c);

    if (h->step != STEP_PROBE && !c->may_repeat)
        h->kept = 0;
    c->len = h->kept;
}

static void ask(struct client *c)
{
    struct hostos *h = hostos_of(c);
    char *space;

    if (endpoint_reserve(c->conn, HOSTOS_REQUEST_MAX, &space) == 0)
        return;
    struct out o = out_to(space, HOSTOS_REQUEST_MAX);
    hostos_write(&o, command_of(h), (uint32_t)endpoint_cid(), h->step == STEP_LEGACY);
    if (o.overflow) {
        client_fail(c, "request too long: limit is %u bytes", (unsigned)HOSTOS_REQUEST_MAX);
        return;
    }
    endpoint_send(c->conn, (uint32_t)o.len);
    endpoint_shutdown(c->conn);
    h->is_sent = true;
    drop_request(c);
    if (h->step == STEP_LEGACY && h->command == HOSTOS_UPGRADE)
        c->deadline = platform_now_ns() + LEGACY_PATIENCE_NS;
}

static void connected(struct client *c)
{
    struct hostos *h = hostos_of(c);

    h->is_sent = false;
    c->len = h->kept;
    ask(c);
}

/* Connects anew for the next step. */
static void go_on(struct client *c, enum step step)
{
    struct hostos *h = hostos_of(c);

    h->step = step;
    h->is_sent = false;
    c->len = h->kept;
    c->seen = 0;
    client_redial(c);
}

/* -- the answer */

static struct bytes answer_of(struct client *c)
{
    size_t kept = hostos_of(c)->kept;

    return (struct bytes){c->data + kept, c->len - kept};
}

/* Decodes a string of the answer to its very beginning, where each character has room: none needs
 * more than it has, but for a byte that is no UTF-8, which becomes '?'. Stops rest bytes early. */
static size_t decode(struct client *c, struct text t, size_t rest)
{
    char *to = c->data + hostos_of(c)->kept;
    size_t n = 0;
    uint32_t rune;

    while (t.json_len > rest) {
        const char *from = t.json;
        text_next(&t, &rune);
        if (rune == UTF8_REPLACEMENT && t.json - from == 1)
            rune = '?';
        n += utf8_encode(rune, to + n);
    }
    return n;
}

/* The host said no. Of an error that was cut, the last character may not be whole: a pair of
 * \uXXXX has 12 bytes. They, and what stands before a text, have room for the mark. */
static void refuse(struct client *c, struct text why, bool is_cut)
{
    static const char mark[] = " [cut off here]";
    char *text = c->data + hostos_of(c)->kept;
    size_t n = decode(c, why, is_cut ? 12 : 0);

    if (is_cut) {
        memcpy(text + n, mark, sizeof mark - 1);
        n += sizeof mark - 1;
    }
    client_refused(c, text, n);
}

static void done(struct client *c)
{
    struct hostos *h = hostos_of(c);
    const uint32_t *number = h->answer.number;

    h->version.at = c->data + h->kept;
    if (h->answer.payload == HOSTOS_VERSION)
        h->version.n = decode(c, h->answer.text, 0);
    else if (h->answer.payload == HOSTOS_PROTOCOL)
        h->version.n = (size_t)snprintf(
            c->data + h->kept, sizeof "4294967295.4294967295.4294967295", "%u.%u.%u",
            (unsigned)number[0], (unsigned)number[1], (unsigned)number[2]);
    client_done(c);
}

/* The host speaks v0: what v0 can't say is answered here. */
static void use_legacy(struct client *c)
{
    struct hostos *h = hostos_of(c);

    h->step = STEP_LEGACY;
    if (h->command == HOSTOS_GET_VERSION) {
        h->answer.payload = HOSTOS_VERSION;
        h->answer.text = (struct text){LEGACY_VERSION, sizeof LEGACY_VERSION - 1};
        done(c);
    } else if (h->v0.n == 0) {
        client_fail(c, "Cannot process %s command for v0",
                    h->command == HOSTOS_GET_PROTOCOL ? "GetVsockProtocol"
                                                      : "start-upgrade-guest-vm");
    } else {
        go_on(c, STEP_LEGACY);
    }
}

/* The host has told what it speaks, or something else. */
static void choose(struct client *c)
{
    struct hostos *h = hostos_of(c);
    const uint32_t *number = h->answer.number;

    if (h->answer.payload != HOSTOS_PROTOCOL)
        client_fail(c, "Logical error. Received payload: %s",
                    h->answer.payload == HOSTOS_VERSION ? "HostOSVersion" : "NoPayload");
    else if (number[0] > 1)
        client_fail(c, "Unnacceptable hostOS vsock version: %u.%u.%u", (unsigned)number[0],
                    (unsigned)number[1], (unsigned)number[2]);
    else if (number[0] == 0)
        use_legacy(c);
    else if (h->command == HOSTOS_GET_PROTOCOL)
        done(c);
    else
        go_on(c, STEP_V1);
}

/* Acts on what has come if it is a whole answer; false: it is none. */
static bool take_answer(struct client *c)
{
    struct hostos *h = hostos_of(c);
    struct bytes got = answer_of(c);
    bool is_cut = c->seen > got.n;
    bool is_v0 = !is_cut && h->step != STEP_V1 && hostos_is_accepted(got.at, got.n);

    if (is_v0 && h->step == STEP_LEGACY)
        done(c);
    else if (is_v0)
        use_legacy(c);
    else if (h->step == STEP_LEGACY || !(is_cut ? hostos_read_start(got.at, got.n, &h->answer)
                                                : hostos_read(got.at, got.n, &h->answer)))
        return false;
    else if (h->answer.payload == HOSTOS_ERROR)
        refuse(c, h->answer.text, is_cut);
    else if (h->step == STEP_PROBE)
        choose(c);
    else
        done(c);
    return true;
}

/* The start of an answer that is none, as a line of text. */
static void fail_unreadable(struct client *c, const char *what)
{
    struct bytes got = answer_of(c);
    size_t n = got.n < SHOWN_MAX ? got.n : SHOWN_MAX;
    char *shown = c->data + hostos_of(c)->kept;

    for (size_t i = 0; i < n; i++)
        if ((uint8_t)shown[i] < ' ' || shown[i] == '\x7f')
            shown[i] = ' ';
    client_fail(c, "%s: %.*s", what, (int)n, shown);
}

/* The host sends no more, and has not answered. */
static void fail_answer(struct client *c)
{
    struct hostos *h = hostos_of(c);
    struct bytes got = answer_of(c);

    if (got.n == 0 || !h->is_sent)
        client_fail(
            c, "closed without an answer: hosts do so when a request is not whole in 5 s or not "
               "done in 30 s, and old ones when they can't read it");
    else if (h->step == STEP_LEGACY)
        client_refused(c, got.at, got.n);
    else if (h->step == STEP_PROBE)
        fail_unreadable(c, "Could not parse response");
    else
        fail_unreadable(c, h->may_be_v0 ? "Unable to parse host_v1 response"
                                        : "Unable to parse host response");
}

static void progress(struct client *c)
{
    if (!hostos_of(c)->is_sent)
        ask(c);
    if (c->status != CLIENT_RUNNING)
        return;
    client_collect(c);
    if (c->seen > HOSTOS_ANSWER_MAX)
        client_fail(c, "Response exceeded maximum size of %u bytes", HOSTOS_ANSWER_MAX);
    else if (c->peer_done && !(hostos_of(c)->is_sent && take_answer(c)))
        fail_answer(c);
}

/* A whole answer counts, however the connection ends behind it. */
static bool lost(struct client *c, int error)
{
    struct hostos *h = hostos_of(c);

    if (!h->is_sent)
        return false;
    if (error == MOTE_ERR_TIMEOUT && h->step == STEP_LEGACY && h->command == HOSTOS_UPGRADE) {
        client_done(c);
        return true;
    }
    return take_answer(c);
}

static void report(const struct client *c, struct out *o)
{
    const struct hostos *h = (const struct hostos *)(const void *)c->state;
    static const char *const names[] = {"\"major\":", ",\"minor\":", ",\"patch\":"};

    if (h->answer.payload == HOSTOS_VERSION) {
        out_str(o, "\"version\":");
        out_json_string(o, h->version.at, h->version.n);
    }
    for (int i = 0; i < 3 && h->answer.payload == HOSTOS_PROTOCOL; i++) {
        out_str(o, names[i]);
        out_u64(o, h->answer.number[i]);
    }
}

struct bytes hostos_version(const struct client *c)
{
    return ((const struct hostos *)(const void *)c->state)->version;
}

/* -- the beginning */

static const struct client_protocol protocol = {
    .peer = "hostos",
    .connected = connected,
    .progress = progress,
    .lost = lost,
    .report = report,
};

/* Writes the command in the forms that may be needed; false: it is too long. */
static bool keep(struct client *c, const struct hostos_request *r)
{
    struct hostos *h = hostos_of(c);
    struct out o = out_to(c->data, HOSTOS_REQUEST_MAX);

    hostos_write_command(&o, r, false);
    h->v1 = (struct bytes){o.base, o.len};
    if (r->legacy)
        hostos_write_command(&o, r, true);
    h->v0 = (struct bytes){o.base + h->v1.n, o.len - h->v1.n};
    h->kept = c->used = o.len;
    return !o.overflow;
}

struct client *hostos_begin(const struct hostos_request *r, struct out *error)
{
    struct client *c = NULL;

    if (r->command < 1 || r->command >= HOSTOS_COMMANDS)
        out_str(error, "hostos: no command matched");
    else if (r->command == HOSTOS_UPGRADE && r->hash.n == 0)
        out_str(error, "hostos: No target hash given for upgrade command");
    else if ((c = client_new(&protocol)) == NULL)
        out_str(error, "hostos: too many exchanges at once");
    if (c == NULL)
        return NULL;
    if (!keep(c, r)) {
        out_str(error, "hostos: request too long: limit is ");
        out_u64(error, HOSTOS_REQUEST_MAX);
        out_str(error, r->legacy ? " bytes in both forms" : " bytes");
        client_free(c);
        return NULL;
    }
    hostos_of(c)->command = r->command;
    hostos_of(c)->may_be_v0 = r->legacy;
    hostos_of(c)->step = r->legacy ? STEP_PROBE : STEP_V1;
    c->may_repeat = r->command == HOSTOS_GET_VERSION || r->command == HOSTOS_GET_PROTOCOL;
    client_begin(c, r->port != 0 ? r->port : HOSTOS_PORT, PATIENCE_NS);
    return c;
}
