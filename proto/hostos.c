/* SPDX-License-Identifier: MIT */
/*
 * Requests are the very bytes that serde_json writes: compact, members in the order in which
 * upstream declares them. Answers are checked as JSON first, then walked once.
 */
#include "proto/hostos.h"

#include "proto/json_check.h"
#include "proto/utf8.h"

#include <string.h>

/* A command: its name for people, and its form in both protocols, where %u is the URL, %h the
 * hash, %c the count, %m the message, %i the id of the node. */
static const struct {
    const char *name, *v1, *v0;
} commands[HOSTOS_COMMANDS] = {
    [HOSTOS_ATTACH_HSM] = {"attach-hsm", "\"attach-hsm\"", "\"attach-hsm\""},
    [HOSTOS_DETACH_HSM] = {"detach-hsm", "\"detach-hsm\"", "\"detach-hsm\""},
    [HOSTOS_GET_VERSION] = {"get-hostos-version", "\"GetHostOSVersion\"", NULL},
    [HOSTOS_GET_PROTOCOL] = {"get-vsock-protocol", "\"GetVsockProtocol\"", NULL},
    [HOSTOS_UPGRADE] = {"upgrade", "{\"upgrade\":{\"url\":\"%u\",\"target-hash\":\"%h\"}}",
                        "\"upgrade[%u %h]\""},
    [HOSTOS_NOTIFY] = {"notify", "{\"notify\":{\"count\":%c,\"message\":\"%m\"}}",
                       "\"notify[%c, %m]\""},
    [HOSTOS_START_UPGRADE_VM] = {"start-upgrade-guest-vm", "\"start-upgrade-guest-vm\"", NULL},
    [HOSTOS_SET_NODE_ID] = {"set-node-id", "{\"set-node-id\":{\"node-id\":\"%i\"}}",
                            "\"set-node-id[%i]\""},
};

bool hostos_command_of(struct bytes name, enum hostos_command *command)
{
    for (int i = 1; i < HOSTOS_COMMANDS; i++) {
        if (strlen(commands[i].name) != name.n || memcmp(commands[i].name, name.at, name.n) != 0)
            continue;
        *command = (enum hostos_command)i;
        return true;
    }
    return false;
}

/* -- requests */

/* A character in a string of serde_json, which leaves more as it is than Go does. */
static void write_rune(struct out *o, uint32_t rune)
{
    static const char special[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    static const char hex[] = "0123456789abcdef";
    const char *at = rune > '\\' ? NULL : memchr(special, (int)rune, sizeof special - 1);
    char bytes[] = "\\u00..";
    size_t n = 2;

    if (at != NULL) {
        bytes[1] = letters[at - special];
    } else if (rune < 0x20) {
        bytes[4] = hex[rune >> 4];
        bytes[5] = hex[rune & 0xf];
        n = 6;
    } else {
        n = utf8_encode(rune, bytes);
    }
    out_bytes(o, bytes, n);
}

static void write_string(struct out *o, const struct bytes *s)
{
    uint32_t rune;

    for (size_t at = 0; at < s->n;) {
        at += utf8_decode(s->at + at, s->n - at, &rune);
        write_rune(o, rune);
    }
}

static void write_argument(struct out *o, char letter, const struct hostos_request *r)
{
    if (letter == 'c')
        out_u64(o, r->count);
    else
        write_string(o, letter == 'u'   ? &r->url
                        : letter == 'h' ? &r->hash
                        : letter == 'm' ? &r->message
                                        : &r->node_id);
}

bool hostos_write_command(struct out *o, const struct hostos_request *r, bool legacy)
{
    const char *form = legacy ? commands[r->command].v0 : commands[r->command].v1;

    if (form == NULL)
        return false;
    for (; *form != '\0'; form++) {
        if (*form == '%')
            write_argument(o, *++form, r);
        else
            out_bytes(o, form, 1);
    }
    return true;
}

void hostos_write(struct out *o, struct bytes command, uint32_t cid, bool legacy)
{
    out_str(o, legacy ? "{\"message\":" : "{\"sender_cid\":");
    if (legacy)
        out_bytes(o, command.at, command.n);
    else
        out_u64(o, cid);
    out_str(o, legacy ? ",\"sender_cid\":\"" : ",\"message\":");
    if (legacy)
        out_u64(o, cid);
    else
        out_bytes(o, command.at, command.n);
    out_str(o, legacy ? "\"}" : "}");
}

/* -- answers */

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && json_is_space(*at))
        at++;
    return at;
}

/* Passes over what stands in text, with any space in front of its quotes and brackets; false: it
 * is something else. */
static bool take(const char **at, const char *end, const char *text)
{
    const char *from = *at;
    bool in_string = false;

    for (; *text != '\0'; text++) {
        if (!in_string)
            from = skip_space(from, end);
        if (from == end || *from++ != *text)
            return false;
        in_string ^= *text == '"';
    }
    *at = from;
    return true;
}

/* The rest of a string, its opening quote behind, and on to what follows the closing one. */
static struct text take_string(const char **at, const char *end)
{
    const char *from = *at, *s = from;

    while (s < end && *s != '"')
        s += *s == '\\' && end - s > 1 ? 2 : 1;
    *at = s < end ? s + 1 : s;
    return (struct text){from, (uint32_t)(s - from)};
}

/* Passes over the value of a member, on to the comma or brace behind it. */
static void skip_value(const char **at, const char *end)
{
    unsigned depth = 0;

    do {
        char c = *(*at)++;
        if (c == '"')
            take_string(at, end);
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        *at = skip_space(*at, end);
    } while (depth > 0 || (**at != ',' && **at != '}'));
}

/* Plain digits, 32 bits of them, up to what ends a member. */
static bool take_number(const char **at, const char *end, uint32_t *value)
{
    const char *from = *at;
    uint64_t n = 0;

    for (; **at >= '0' && **at <= '9' && n <= UINT32_MAX; ++*at)
        n = n * 10 + (uint64_t)(**at - '0');
    *value = (uint32_t)n;
    bool is_number = *at > from && n <= UINT32_MAX;
    *at = skip_space(*at, end);
    return is_number && (**at == ',' || **at == '}');
}

/* The members of the protocol's version: each number once, in any order, among others. It is good
 * JSON and has an end. */
static bool take_protocol(const char **at, const char *end, uint32_t number[3])
{
    static const char *const names[] = {"major", "minor", "patch"};
    unsigned missing = 7;

    while (take(at, end, "\"")) {
        struct text key = take_string(at, end);
        unsigned i = 0;
        take(at, end, ":");
        *at = skip_space(*at, end);
        while (i < 3 && !text_equals(key, names[i]))
            i++;
        if (i == 3)
            skip_value(at, end);
        else if ((missing & 1u << i) == 0 || !take_number(at, end, &number[i]))
            return false;
        missing &= ~(1u << i);
        if (**at == ',')
            ++*at;
    }
    return missing == 0;
}

/* The answers: what stands in front of their data, and behind. */
static const struct {
    const char *before, *after;
} forms[] = {
    [HOSTOS_NO_PAYLOAD] = {"{\"Ok\":\"NoPayload\"", "}"},
    [HOSTOS_VERSION] = {"{\"Ok\":{\"HostOSVersion\":\"", "}}"},
    [HOSTOS_PROTOCOL] = {"{\"Ok\":{\"HostOSVsockVersion\":{", "}}}"},
    [HOSTOS_ERROR] = {"{\"Err\":\"", "}"},
};

static bool take_payload(const char **at, const char *end, struct hostos_answer *a)
{
    if (!take(at, end, forms[a->payload].before))
        return false;
    if (a->payload == HOSTOS_PROTOCOL)
        return take_protocol(at, end, a->number);
    if (a->payload != HOSTOS_NO_PAYLOAD)
        a->text = take_string(at, end);
    return true;
}

bool hostos_read(const char *json, size_t n, struct hostos_answer *a)
{
    struct out unwanted = out_to(NULL, 0);

    if (!json_check(json, n, &unwanted))
        return false;
    *a = (struct hostos_answer){0};
    for (a->payload = HOSTOS_NO_PAYLOAD; a->payload <= HOSTOS_ERROR; a->payload++) {
        const char *at = json;
        if (take_payload(&at, json + n, a) && take(&at, json + n, forms[a->payload].after))
            return true;
    }
    return false;
}

bool hostos_read_start(const char *json, size_t n, struct hostos_answer *a)
{
    *a = (struct hostos_answer){.payload = HOSTOS_ERROR};
    return take_payload(&json, json + n, a);
}

bool hostos_is_accepted(const char *json, size_t n)
{
    static const char accepted[] = "{\"message\": \"accepted request\", \"status\": \"ok\"}";

    return n == sizeof accepted - 1 && memcmp(json, accepted, n) == 0;
}
