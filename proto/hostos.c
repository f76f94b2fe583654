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
 * hash, %c the count, %m the message, %i the id of the node. v0's stands within a string. */
static const struct {
    const char *name, *v1, *v0;
} commands[HOSTOS_COMMANDS] = {
    [HOSTOS_ATTACH_HSM] = {"attach-hsm", "\"attach-hsm\"", "attach-hsm"},
    [HOSTOS_DETACH_HSM] = {"detach-hsm", "\"detach-hsm\"", "detach-hsm"},
    [HOSTOS_GET_VERSION] = {"get-hostos-version", "\"GetHostOSVersion\"", NULL},
    [HOSTOS_GET_PROTOCOL] = {"get-vsock-protocol", "\"GetVsockProtocol\"", NULL},
    [HOSTOS_UPGRADE] = {"upgrade", "{\"upgrade\":{\"url\":\"%u\",\"target-hash\":\"%h\"}}",
                        "upgrade[%u %h]"},
    [HOSTOS_NOTIFY] = {"notify", "{\"notify\":{\"count\":%c,\"message\":\"%m\"}}",
                       "notify[%c, %m]"},
    [HOSTOS_START_UPGRADE_VM] = {"start-upgrade-guest-vm", "\"start-upgrade-guest-vm\"", NULL},
    [HOSTOS_SET_NODE_ID] = {"set-node-id", "{\"set-node-id\":{\"node-id\":\"%i\"}}",
                            "set-node-id[%i]"},
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

static void write_string(struct out *o, struct bytes s)
{
    uint32_t rune;

    for (size_t len; s.n > 0; s.at += len, s.n -= len) {
        len = utf8_decode(s.at, s.n, &rune);
        write_rune(o, rune);
    }
}

static void write_argument(struct out *o, char letter, const struct hostos_request *r)
{
    if (letter == 'c')
        out_u64(o, r->count);
    else
        write_string(o, letter == 'u'   ? r->url
                        : letter == 'h' ? r->hash
                        : letter == 'm' ? r->message
                                        : r->node_id);
}

static void write_form(struct out *o, const char *form, const struct hostos_request *r)
{
    for (; *form != '\0'; form++) {
        if (*form == '%')
            write_argument(o, *++form, r);
        else
            out_bytes(o, form, 1);
    }
}

void hostos_write(struct out *o, const struct hostos_request *r, uint32_t cid)
{
    out_str(o, "{\"sender_cid\":");
    out_u64(o, cid);
    out_str(o, ",\"message\":");
    write_form(o, commands[r->command].v1, r);
    out_str(o, "}");
}

bool hostos_write_legacy(struct out *o, const struct hostos_request *r, uint32_t cid)
{
    const char *form = commands[r->command].v0;

    if (form == NULL)
        return false;
    out_str(o, "{\"message\":\"");
    write_form(o, form, r);
    out_str(o, "\",\"sender_cid\":\"");
    out_u64(o, cid);
    out_str(o, "\"}");
    return true;
}

/* -- answers */

/* All that follows walks text that json_check() has passed, within its outermost object: what may
 * stand where needs no look, and the end is never reached. */

static char skip_space(const char **at)
{
    while (json_is_space(**at))
        ++*at;
    return **at;
}

/* The string that begins here, and on to what is behind it. */
static struct text take_string(const char **at)
{
    const char *from = ++*at;

    for (; **at != '"'; ++*at)
        if (**at == '\\')
            ++*at;
    return (struct text){from, (uint32_t)((*at)++ - from)};
}

/* Passes over the value of a member, on to the comma or brace behind it. */
static void skip_value(const char **at)
{
    unsigned depth = 0;

    do {
        char c = **at;
        if (c == '"') {
            take_string(at);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        ++*at;
    } while (skip_space(at), depth > 0 || (**at != ',' && **at != '}'));
}

/* From the brace or comma in front of a member to its value; false: there is none, and the
 * object is behind. */
static bool next_member(const char **at, struct text *key)
{
    char c = skip_space(at);

    ++*at;
    if (c != '}' && skip_space(at) == '}') /* an empty one */
        c = *(*at)++;
    if (c == '}')
        return false;
    *key = take_string(at);
    skip_space(at);
    ++*at;
    skip_space(at);
    return true;
}

/* From an object's brace to the value of its first member. */
static bool enter(const char **at, struct text *key)
{
    return skip_space(at) == '{' && next_member(at, key);
}

/* Plain digits, 32 bits of them, and nothing else. */
static bool take_number(const char **at, uint32_t *value)
{
    uint64_t n = 0;

    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9' && n <= UINT32_MAX; ++*at)
        n = n * 10 + (uint64_t)(**at - '0');
    *value = (uint32_t)n;
    return n <= UINT32_MAX && **at != '.' && (**at | 0x20) != 'e';
}

/* The struct of the protocol's version: each number once, in any order, among other members. */
static bool take_protocol(const char **at, uint32_t number[3])
{
    static const char *const names[] = {"major", "minor", "patch"};
    unsigned seen = 0;
    struct text key;

    if (**at != '{')
        return false;
    while (next_member(at, &key)) {
        unsigned i = 0;
        while (i < 3 && !text_equals(key, names[i]))
            i++;
        if (i == 3)
            skip_value(at);
        else if ((seen & 1u << i) != 0 || !take_number(at, &number[i]))
            return false;
        seen |= i < 3 ? 1u << i : 0;
    }
    return seen == 7;
}

static bool take_text(const char **at, struct hostos_answer *a, enum hostos_payload payload)
{
    a->payload = payload;
    if (**at != '"')
        return false;
    a->text = take_string(at);
    return true;
}

/* What stands behind "Ok": a variant without data, or an object with one that has some. */
static bool take_payload(const char **at, struct hostos_answer *a)
{
    struct text key;

    if (**at == '"')
        return take_text(at, a, HOSTOS_NO_PAYLOAD) && text_equals(a->text, "NoPayload");
    if (!enter(at, &key))
        return false;
    a->payload = HOSTOS_PROTOCOL;
    bool good = text_equals(key, "HostOSVersion")
                    ? take_text(at, a, HOSTOS_VERSION)
                    : text_equals(key, "HostOSVsockVersion") && take_protocol(at, a->number);
    return good && skip_space(at) == '}' && (*at)++;
}

bool hostos_read(const char *json, size_t n, struct hostos_answer *a)
{
    struct out unwanted = out_to(NULL, 0);
    struct text key;

    *a = (struct hostos_answer){0};
    if (!json_check(json, n, &unwanted) || !enter(&json, &key))
        return false;
    bool good = text_equals(key, "Err") ? take_text(&json, a, HOSTOS_ERROR)
                                        : text_equals(key, "Ok") && take_payload(&json, a);
    return good && skip_space(&json) == '}';
}

bool hostos_read_start(const char *json, size_t n, struct hostos_answer *a)
{
    static const char *const start[] = {"{", "\"Err\"", ":", "\""};
    const char *end = json + n;

    for (size_t i = 0; i < sizeof start / sizeof start[0]; i++) {
        size_t len = strlen(start[i]);
        while (json < end && json_is_space(*json))
            json++;
        if ((size_t)(end - json) < len || memcmp(json, start[i], len) != 0)
            return false;
        json += len;
    }
    const char *from = json;
    while (json < end && *json != '"')
        json += *json == '\\' && end - json > 1 ? 2 : 1;
    *a = (struct hostos_answer){HOSTOS_ERROR, {from, (uint32_t)(json - from)}, {0}};
    return true;
}

bool hostos_is_accepted(const char *json, size_t n)
{
    static const char accepted[] = "{\"message\": \"accepted request\", \"status\": \"ok\"}";

    return n == sizeof accepted - 1 && memcmp(json, accepted, n) == 0;
}
