/* SPDX-License-Identifier: MIT */
/*
 * Answers of a HostOS of arbitrary bytes: nothing is read outside of them, an answer is good JSON
 * that ends where it ends, whose texts lie inside; and texts of ours come out as they went in.
 */
#include "proto/hostos.h"
#include "proto/json_check.h"
#include "proto/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_text(struct text t, const char *json, size_t n)
{
    CHECK(t.json == NULL || (t.json > json && t.json + t.json_len <= json + n));
}

static void check_start(const char *json, size_t n, const struct hostos_answer *whole)
{
    struct hostos_answer a;

    if (!hostos_read_start(json, n, &a)) {
        CHECK(whole == NULL || whole->payload != HOSTOS_ERROR);
        return;
    }
    CHECK(a.payload == HOSTOS_ERROR);
    check_text(a.text, json, n);
    if (whole != NULL)
        CHECK(a.text.json == whole->text.json && a.text.json_len == whole->text.json_len);
}

static void check_answer(const struct input *in)
{
    char *json = exact(in->at, in->left);
    struct out unwanted = out_to(NULL, 0);
    struct hostos_answer a, b;
    bool is_answer = hostos_read(json, in->left, &a);

    check_start(json, in->left, is_answer ? &a : NULL);
    if (is_answer) {
        CHECK(json_check(json, in->left, &unwanted) && !hostos_is_accepted(json, in->left));
        CHECK(a.payload >= HOSTOS_NO_PAYLOAD && a.payload <= HOSTOS_ERROR);
        bool has_text = a.payload == HOSTOS_VERSION || a.payload == HOSTOS_ERROR;
        CHECK((a.text.json != NULL) == has_text);
        check_text(a.text, json, in->left);
    }
    for (size_t n = 0; is_answer && n < in->left; n++)
        if (hostos_read(json, n, &b)) /* but for the spaces behind it */
            CHECK(b.payload == a.payload && memchr(" \t\r\n", json[in->left - 1], 4) != NULL);
    free(json);
}

/* A message of a request is one JSON string, and decodes to what it was, but for what is no text.
 */
static void check_request(const struct input *in)
{
    struct hostos_request r = {.command = HOSTOS_SET_NODE_ID};
    size_t room = 64 + 6 * in->left;
    char *text = exact(in->at, in->left), *command = exact(NULL, room);
    static const char before[] = "{\"set-node-id\":{\"node-id\":\"";
    struct out o = out_to(command, room), unwanted = out_to(NULL, 0);

    r.node_id = (struct bytes){text, in->left};
    CHECK(hostos_write_command(&o, &r, false) && !o.overflow);
    CHECK(json_check(o.base, o.len, &unwanted));
    struct text inside = {o.base + sizeof before - 1, (uint32_t)(o.len - sizeof before - 2)};
    size_t at = 0;
    for (uint32_t rune, wanted; text_next(&inside, &rune);) {
        CHECK(at < in->left);
        at += utf8_decode(text + at, in->left - at, &wanted);
        CHECK(rune == wanted);
    }
    CHECK(at == in->left);
    free(command);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    check_answer(&in);
    check_request(&in);
    return 0;
}
