/* SPDX-License-Identifier: MIT */
/*
 * Answers of a VComLink host of arbitrary bytes: as a protobuf message of each kind, what is read
 * lies in it, and what is reported is JSON; as JSON in pieces, one object is taken, however it is
 * cut.
 */
#include "proto/json_check.h"
#include "proto/tpm_public.h"
#include "proto/vcom.h"
#include "tests/fuzz/fuzz.h"

static char error_text[256];

/* Room for everything that an answer of n bytes may be reported as. */
static void check_report(const struct vcom_answer *a, size_t n)
{
    char ignored[256];
    size_t room = 6 * n + 256;
    char *text = exact(NULL, room);
    struct out o = out_to(text, room), error = out_to(ignored, sizeof ignored);

    out_str(&o, "{");
    vcom_write_answer(&o, a);
    out_str(&o, "}");
    CHECK(!o.overflow && json_check(text, o.len, &error));
    free(text);
}

static void check_answer(const struct vcom_answer *a, const char *body, size_t n)
{
    for (size_t i = 0; i < VCOM_FIELDS_MAX; i++) {
        struct bytes b = a->value[i].bytes;
        CHECK(b.n == 0 || (b.at >= body && b.n <= (size_t)(body + n - b.at)));
        CHECK(b.n == 0 || a->value[i].number == 0);
    }
    check_report(a, n);
}

static void check_message(enum vcom_kind kind, uint32_t index, const struct input *in)
{
    struct out error = out_to(error_text, sizeof error_text);
    char *body = exact(in->at, in->left);
    struct vcom_answer a;
    struct tpm_public p;
    const char *rule;

    bool good = vcom_read_answer(kind, index, body, in->left, &a, &error);
    CHECK(good == (error.len == 0) && !error.overflow);
    if (good)
        check_answer(&a, body, in->left);
    if (good && kind == VCOM_EK)
        CHECK(tpm_public_read(a.value[0].bytes.at, a.value[0].bytes.n, &p, &rule));
    free(body);
}

/* Where the first object ends when the text comes in pieces of step bytes; 0: nowhere. */
static size_t scan(const struct input *in, size_t step)
{
    struct vcom_scan s = {0};

    for (size_t n = 0; n < in->left;) {
        n = step < in->left - n ? n + step : in->left;
        char *json = exact(in->at, n);
        bool ends = vcom_scan_object(&s, json, n);
        free(json);
        if (ends)
            return s.at;
    }
    return 0;
}

static void check_json(const struct input *in, size_t step)
{
    struct out error = out_to(error_text, sizeof error_text);
    size_t n = scan(in, step);
    struct vcom_packet packet;
    struct vcom_answer a;

    CHECK(n <= in->left && n == scan(in, in->left));
    if (n == 0 || *in->at != '{')
        return;
    char *json = exact(in->at, n);
    bool good = vcom_read_packet(json, n, &packet, &error);
    CHECK(good || error.len != 0);
    if (good && !packet.is_error) {
        good = vcom_read_packet_ek(json, &packet, &a, &error);
        CHECK(good == (error.len == 0));
        if (good)
            check_answer(&a, json, n);
    }
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t step = 1u + take8(&in);

    for (int kind = VCOM_EK; kind <= VCOM_CERTIFYKEY; kind++)
        check_message((enum vcom_kind)kind, VCOM_EK_INDEX, &in);
    check_message(VCOM_GETPUB, 0, &in);
    if (in.left != 0)
        check_json(&in, step);
    return 0;
}
