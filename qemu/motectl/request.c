/* SPDX-License-Identifier: MIT */
/*
 * The writer of requests. The longest line is what the real guest takes. A string
 * that is not UTF-8 is refused: a JSON encoder would quietly change its bytes.
 */
#include "qemu/motectl/request.h"

#include <string.h>

#include "proto/base64.h"
#include "proto/stereos.h"
#include "proto/utf8.h"

static char buffer[STEREOS_PEER_LINE_MAX + 1]; /* the longest line and its '\n' */

void request_start(struct request *r, const char *type)
{
    *r = (struct request){.type = type, .line = out_to(buffer, sizeof(buffer))};
    out_str(&r->line, "{\"type\":");
    out_json_string(&r->line, type, strlen(type));
}

void request_payload(struct request *r)
{
    out_str(&r->line, ",\"payload\":{");
    r->payload = true;
}

static void add_key(struct request *r, const char *key)
{
    if (r->line.len > 0 && r->line.base[r->line.len - 1] != '{')
        out_str(&r->line, ",");
    out_json_string(&r->line, key, strlen(key));
    out_str(&r->line, ":");
}

static bool is_utf8(const char *s, size_t n)
{
    while (n > 0) {
        uint32_t rune;
        size_t len = utf8_decode(s, n, &rune);

        if (rune == UTF8_REPLACEMENT && len == 1)
            return false;
        s += len;
        n -= len;
    }
    return true;
}

void request_string(struct request *r, const char *key, const char *s, size_t n)
{
    if (!is_utf8(s, n))
        r->bad_key = key;
    add_key(r, key);
    out_json_string(&r->line, s, n);
}

void request_base64(struct request *r, const char *key, const void *bytes, size_t n)
{
    const char *at = bytes;
    char digits[64]; /* of 48 bytes, which a piece has that needs no padding */

    add_key(r, key);
    out_str(&r->line, "\"");
    for (; n > 0; at += 48, n -= n < 48 ? n : 48)
        out_bytes(&r->line, digits, base64_encode(digits, at, n < 48 ? n : 48));
    out_str(&r->line, "\"");
    explicit_bzero(digits, sizeof(digits));
}

void request_number(struct request *r, const char *key, uint32_t value)
{
    add_key(r, key);
    out_u64(&r->line, value);
}

void request_true(struct request *r, const char *key)
{
    add_key(r, key);
    out_str(&r->line, "true");
}

enum status request_end(struct request *r)
{
    out_str(&r->line, r->payload ? "}}\n" : "}\n");
    if (r->bad_key != NULL) {
        return fail(STATUS_FAILED,
                    "%s is not valid UTF-8, and JSON cannot carry other bytes; "
                    "encode it first, for example with base64",
                    r->bad_key);
    }
    if (r->line.overflow) {
        return fail(STATUS_FAILED,
                    "%s is too long: its line, escaped, would pass the limit of %u bytes", r->type,
                    STEREOS_PEER_LINE_MAX);
    }
    return STATUS_OK;
}

void request_wipe(struct request *r)
{
    explicit_bzero(r->line.base, r->line.len);
}
