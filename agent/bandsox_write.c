/* SPDX-License-Identifier: MIT */
/*
 * Writing a file for a Bandsox host: in place and at once, as its agent does; what comes in the
 * request, or what the host gives for it over vsock.
 */
#include "agent/bandsox_operation.h"
#include "proto/base64.h"
#include "proto/utf8.h"

/* Bytes of a content on their way into a file. */
static char piece[BANDSOX_PIECE];

static enum file_how how_of(const struct bandsox_order *r)
{
    return r->append ? FILE_APPEND : FILE_TRUNCATE;
}

/* Takes the next bytes of a content into piece; 0: no more, -1: it is illegal at d->at. */
static long take_content(struct text *t, struct base64_decoder *d, bool is_text)
{
    char digits[256];
    uint32_t rune;
    size_t before = t->json_len;

    if (is_text) { /* text_copy() does not say where it stopped */
        size_t n = 0;
        while (n + UTF8_MAX <= sizeof piece && text_next(t, &rune))
            n += utf8_encode(rune, piece + n);
        return (long)n;
    }
    size_t n = 0;
    while (n < sizeof digits && text_next(t, &rune))
        digits[n++] = rune < 0x80 ? (char)rune : '!';
    if (before == 0)
        return base64_end(d) ? 0 : -1;
    return base64_decode(d, digits, n, piece);
}

static bool is_legal(struct text t, struct base64_decoder *d)
{
    while (t.json_len != 0)
        if (take_content(&t, d, false) < 0)
            return false;
    return base64_end(d);
}

static int write_all(int file, struct text t, bool is_text)
{
    struct base64_decoder d = {0};

    while (t.json_len != 0) {
        long n = take_content(&t, &d, is_text);
        int result = n > 0 ? file_write(file, piece, (size_t)n) : MOTE_OK;
        if (result != MOTE_OK)
            return result;
    }
    return MOTE_OK;
}

void bandsox_write_content(struct bandsox_operation *op, const struct bandsox_order *r)
{
    struct base64_decoder d = {0};
    bool is_text = r->verb == BANDSOX_WRITE_TEXT;

    if (!is_text && !is_legal(r->content, &d)) {
        bandsox_fail(op, "illegal base64 data at input byte %llu", (unsigned long long)d.at);
        return;
    }
    int file = file_create(bandsox_path(op), 0644, how_of(r), true);
    if (file < 0) {
        bandsox_fail_file(op);
        return;
    }
    if (write_all(file, r->content, is_text) != MOTE_OK) {
        bandsox_fail_file(op);
        file_close(file);
    } else if (file_commit(file) != MOTE_OK) {
        bandsox_fail_file(op);
    } else {
        bandsox_finish(op, 0);
    }
}

static bool download_file(struct bandsox_operation *op, uint64_t now)
{
    const struct transfer_request request = {.kind = TRANSFER_DOWNLOAD_RAW,
                                             .path = bandsox_path(op),
                                             .cmd_id = bandsox_id(op),
                                             .port = op->port,
                                             .mode = 0644,
                                             .how = op->how};
    enum bandsox_transfer result = bandsox_transfer(op, &request, now);

    if (result == BANDSOX_MOVING)
        return false;
    if (result == BANDSOX_MOVED)
        bandsox_finish(op, 0);
    else
        bandsox_fail_transfer(op);
    return true;
}

void bandsox_write_by_vsock(struct bandsox_operation *op, const struct bandsox_order *r)
{
    op->how = how_of(r);
    op->step = download_file;
}
