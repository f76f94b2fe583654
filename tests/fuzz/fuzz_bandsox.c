/* SPDX-License-Identifier: MIT */
/*
 * What a Bandsox host sends, in pieces of any size: the same lines and the same data come out as
 * when all of it is there at once; no line grows past its limit, data is decoded within its
 * memory, and texts are decoded in place.
 */
#include "proto/bandsox.h"
#include "proto/base64.h"
#include "tests/fuzz/fuzz.h"

#define STEPS 8 /* sizes of the pieces that the stream comes in, again and again */

/* What comes out of a stream: lines, each with its '\n', and data, each with its bytes. */
struct result {
    char *bytes;
    size_t len;
    bool bad;
};

static void keep(struct result *r, const char *bytes, size_t n)
{
    memcpy(r->bytes + r->len, bytes, n);
    r->len += n;
}

static void check_answer(struct bandsox_reader *r)
{
    char text[256];
    struct out error = out_to(text, sizeof text);
    struct bandsox_answer a;

    if (!bandsox_read_answer(r, &a, &error)) {
        CHECK(error.len != 0);
        return;
    }
    CHECK(a.type >= BANDSOX_READY && a.type <= BANDSOX_PONG);
    CHECK(a.size <= INT64_MAX && a.offset <= INT64_MAX);
    size_t n = text_length(a.error);
    size_t decoded = bandsox_decode(a.error, r->line);
    CHECK(decoded <= n && decoded <= r->len);
}

static void decode(struct base64_decoder *d, const struct bandsox_piece *piece)
{
    char *memory = exact(NULL, piece->n / 4 * 3 + 3);
    long n = base64_decode(d, piece->at, piece->n, memory);

    CHECK(n <= (long)(piece->n / 4 * 3 + 3));
    if (n < 0)
        *d = (struct base64_decoder){0};
    free(memory);
}

/* Takes data[0..n-1]; how much of it. */
static size_t take(struct bandsox_reader *r, struct base64_decoder *d, struct result *result,
                   const char *data, size_t n)
{
    struct bandsox_piece piece;
    char *copy = exact(data, n);
    enum bandsox_step step = bandsox_next(r, copy, n, &piece);

    CHECK(piece.consumed <= n && r->len <= r->max);
    CHECK(piece.consumed == n || step != BANDSOX_MORE);
    if (step == BANDSOX_DATA) {
        CHECK(piece.n != 0 && piece.at >= copy && piece.at + piece.n <= copy + piece.consumed);
        keep(result, piece.at, piece.n);
        decode(d, &piece);
    }
    if (step == BANDSOX_LINE) {
        keep(result, r->line, r->len);
        keep(result, "\n", 1);
        check_answer(r);
        base64_end(d);
        *d = (struct base64_decoder){0};
    }
    result->bad = step == BANDSOX_BAD;
    CHECK(!result->bad || r->rule != NULL);
    free(copy);
    return piece.consumed;
}

static struct result run(struct input in, uint32_t max, const uint8_t *steps)
{
    struct result result = {.bytes = exact(NULL, 2 * in.left + 1)};
    struct bandsox_reader reader = {.line = exact(NULL, max), .max = max};
    struct base64_decoder decoder = {0};
    const char *data = (const char *)in.at;

    for (size_t at = 0, i = 0; at < in.left && !result.bad; i++) {
        size_t n = steps != NULL ? 1u + steps[i % STEPS] : in.left;
        at += take(&reader, &decoder, &result, data + at, n < in.left - at ? n : in.left - at);
    }
    free(reader.line);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint32_t max = BANDSOX_LINE_MIN + take8(&in);
    uint8_t steps[STEPS];

    take_bytes(&in, steps, sizeof steps);
    struct result pieces = run(in, max, steps), whole = run(in, max, NULL);
    CHECK(pieces.bad == whole.bad && pieces.len == whole.len);
    CHECK(memcmp(pieces.bytes, whole.bytes, whole.len) == 0);
    free(pieces.bytes);
    free(whole.bytes);
    return 0;
}
