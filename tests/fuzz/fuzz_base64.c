/* SPDX-License-Identifier: MIT */
/*
 * Texts of arbitrary bytes in pieces of any size: bytes and offsets are those of the whole, a text
 * that is legal stays so when it is written again, and any bytes come back from their text.
 */
#include "proto/base64.h"
#include "tests/fuzz/fuzz.h"

#define STEPS 8 /* sizes of the pieces that a text comes in, again and again */

struct outcome {
    bool legal;
    uint64_t at;
    uint8_t *bytes;
    size_t len;
};

static struct outcome decode(const char *text, size_t n, const uint8_t *steps)
{
    struct base64_decoder d = {0};
    struct outcome o = {.bytes = exact(NULL, n / 4 * 3 + 3)};
    size_t at = 0;

    for (unsigned i = 0; at < n; i++) {
        size_t step = steps != NULL ? steps[i % STEPS] % 16u : n; /* may be 0 */
        step = i % STEPS == 0 && step == 0 ? 1 : step < n - at ? step : n - at;
        char *piece = exact(text + at, step);
        uint8_t *room = exact(NULL, step / 4 * 3 + 3);
        long got = base64_decode(&d, piece, step, room);
        CHECK(got >= -1 && got <= (long)(step / 4 * 3 + 3));
        if (got > 0)
            memcpy(o.bytes + o.len, room, (size_t)got);
        free(piece);
        free(room);
        at += step;
        o.at = d.at;
        CHECK(d.at <= at);
        if (got < 0)
            return o;
        o.len += (size_t)got;
        CHECK(d.at == at);
    }
    o.legal = base64_end(&d);
    o.at = d.at;
    CHECK(o.at <= n && (!o.legal || o.at == n));
    return o;
}

/* The bytes of a text make a text of the same bytes. */
static void check_again(const uint8_t *bytes, size_t n)
{
    char *text = exact(NULL, base64_size(n));

    CHECK(base64_encode(text, bytes, n) == base64_size(n));
    struct outcome o = decode(text, base64_size(n), NULL);
    CHECK(o.legal && o.len == n && (n == 0 || memcmp(o.bytes, bytes, n) == 0));
    free(o.bytes);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t steps[STEPS];

    take_bytes(&in, steps, sizeof steps);
    struct outcome whole = decode((const char *)in.at, in.left, NULL);
    struct outcome pieces = decode((const char *)in.at, in.left, steps);
    CHECK(whole.legal == pieces.legal && whole.at == pieces.at);
    if (whole.legal) {
        CHECK(whole.len == pieces.len && memcmp(whole.bytes, pieces.bytes, whole.len) == 0);
        check_again(whole.bytes, whole.len);
    }
    check_again(in.at, in.left);
    free(whole.bytes);
    free(pieces.bytes);
    return 0;
}
