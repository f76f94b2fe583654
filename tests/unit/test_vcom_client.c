/* SPDX-License-Identifier: MIT */
/* The VComLink client against hosts of both generations, and against hosts of neither. */
#include "proto/base64.h"
#include "tests/unit/vcom_host.h"

#include <bearssl.h>

#define HEAD(path, n)                                                                              \
    "POST " path " HTTP/1.1\r\nHost: vcom\r\nContent-Type: application/x-proto-binary\r\n"         \
    "Content-Length: " n "\r\nConnection: close\r\n\r\n"
#define ASKED_EK  HEAD("/tpm/getpub", "6") "\x08\x81\x80\x80\x88\x08"
#define MALFORMED "{\"channel\":1,\"error\":\"received malformed packet\"}"

static const struct vcom_request ask_ek = {.kind = VCOM_EK};
static const struct vcom_request ask_nv = {.kind = VCOM_READNV, .index = 0x01c00002};
static const struct vcom_request ask_params = {.kind = VCOM_ACTIVATECREDPARAMS,
                                               .index = 0x81000003};

/* Answers with a good EK, and what is to be reported of them. */
static uint8_t ek_body[3 + EK_SIZE];
static char ek_json[442], ek_report[512];

/* An answer to ask_params. */
static uint8_t params[638];

static int begin(void **state)
{
    br_sha256_context context;

    memcpy(ek_body, "\x0a\xba\x02", 3);
    make_ek(ek_body + 3);
    char encoded[421] = {0};
    base64_encode(encoded, ek_body + 3, EK_SIZE);
    snprintf(ek_json, sizeof ek_json, "{\"channel\":2,\"ek\":\"%s\"}", encoded);
    snprintf(ek_report, sizeof ek_report, "\"ek\":\"%s\"", encoded);

    memcpy(params, ek_body, sizeof ek_body);
    memcpy(params + 317, "\x12\x98\x02", 3);
    make_aik(params + 320);
    memcpy(params + 600, "\x1a\x24\x00\x22\x00\x0b", 6);
    br_sha256_init(&context);
    br_sha256_update(&context, params + 320, AIK_SIZE);
    br_sha256_out(&context, params + 606);
    return host_begin(state);
}

static void expect_sent(const char *text, size_t n)
{
    assert_int_equal(sent_len, n);
    assert_memory_equal(sent, text, n);
}

static void test_http_in_one_piece(void **state)
{
    (void)state;
    ask(&ask_ek);
    assert_int_equal(dialled, 2000);
    expect_sent(ASKED_EK, sizeof ASKED_EK - 1);
    assert_true(is_shut);
    say_http("200 OK", ek_body, sizeof ek_body); /* and the host does not close */
    assert_int_equal(closes, 1);
    expect_report(ek_report);
}

static void test_params_of_a_credential(void **state)
{
    static const char asked[] = HEAD("/tpm/activatecredparams", "6") "\x08\x83\x80\x80\x88\x08";
    char text[2048];
    struct out o = out_to(text, sizeof text);
    (void)state;
    ask(&(struct vcom_request){.kind = VCOM_ACTIVATECREDPARAMS, .index = 0x81000003, .port = 2001});
    assert_int_equal(dialled, 2001);
    expect_sent(asked, sizeof asked - 1);
    say_http("200 OK", params, sizeof params);
    assert_int_equal(c->status, CLIENT_DONE);
    c->protocol->report(c, &o);
    assert_memory_equal(text, ek_report, strlen(ek_report));
    assert_memory_equal(text + strlen(ek_report), ",\"aik_pub\":\"AAEACwAFBHIAAAAQ", 28);
}

static void test_keys_that_can_not_be(void **state)
{
    static const struct {
        size_t at;
        const char *why;
    } bytes[] = {
        {4, "vcom: ek is no TPMT_PUBLIC: its type is neither RSA nor ECC"},
        {321, "vcom: aik_pub is no TPMT_PUBLIC: its type is neither RSA nor ECC"},
        {599, "vcom: aik_name is not 000b and the SHA-256 of aik_pub"},
        {603, "vcom: aik_name is not 000b and the SHA-256 of aik_pub"},
        {605, "vcom: aik_name is not 000b and the SHA-256 of aik_pub"},
        {606, "vcom: aik_name is not 000b and the SHA-256 of aik_pub"},
        {637, "vcom: aik_name is not 000b and the SHA-256 of aik_pub"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        ask(&ask_params);
        params[bytes[i].at] ^= 0x80;
        say_http("200 OK", params, sizeof params);
        params[bytes[i].at] ^= 0x80;
        expect_error(CLIENT_FAILED, bytes[i].why);
        client_free(c);
    }
    ask(&ask_params); /* no name at all */
    say_http("200 OK", params, 600);
    expect_error(CLIENT_FAILED, "vcom: aik_name is not 000b and the SHA-256 of aik_pub");
    client_free(c);
    ask(&ask_ek);
    say_http("200 OK", ek_body, 0);
    expect_error(CLIENT_FAILED, "vcom: ek is no TPMT_PUBLIC: it ends too early");
}

static void test_one_byte_at_a_time(void **state)
{
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\n\x0a\x05x\r\n4;a=b\r\nabcd\r\n0\r\n\r\n";
    (void)state;
    ask(&ask_nv);
    for (size_t i = 0; i < sizeof chunked - 1; i++) {
        assert_int_equal(c->status, CLIENT_RUNNING);
        say(&chunked[i], 1);
    }
    expect_report("\"data\":\"eGFiY2Q=\"");
    client_free(c);
    ask(&ask_ek);
    say_text(MALFORMED);
    tell(ENDPOINT_CONNECTED, 0);
    for (size_t i = 0; i < strlen(ek_json); i++) {
        assert_int_equal(c->status, CLIENT_RUNNING);
        say(&ek_json[i], 1);
    }
    expect_report(ek_report);
}

static void test_json(void **state)
{
    (void)state;
    ask(&ask_ek);
    int first = conn;
    say_text("{");
    assert_int_equal(conn, first + 1); /* its first byte is enough */
    assert_int_equal(closes, 1);
    assert_int_equal(dialled, 2000);
    assert_true(tell(ENDPOINT_CONNECTED, 0));
    expect_sent("{\"channel\":2,\"request\":1}", 25);
    assert_false(is_shut);
    say_text(ek_json);
    assert_int_equal(closes, 2);
    expect_report(ek_report);
}

/* Of what follows the first object nothing is read, whatever it is. */
static void test_json_and_more(void **state)
{
    (void)state;
    ask(&ask_ek);
    say_text(MALFORMED);
    tell(ENDPOINT_CONNECTED, 0);
    memcpy(said, ek_json, strlen(ek_json));
    memcpy(said + strlen(ek_json), MALFORMED, strlen(MALFORMED));
    said_len = strlen(ek_json) + strlen(MALFORMED);
    tell(ENDPOINT_DATA, 0);
    expect_report(ek_report);
}

/* The host is asked in HTTP, then in JSON, and this is what it says there; what comes of it. */
static void answer_in_json(const char *text, enum client_status status, const char *error)
{
    ask(&ask_ek);
    say_text(MALFORMED);
    tell(ENDPOINT_CONNECTED, 0);
    say_text(text);
    if (c->status == CLIENT_RUNNING)
        tell(ENDPOINT_CLOSED, 0);
    expect_error(status, error);
    client_free(c);
    c = NULL;
}

static void test_json_errors(void **state)
{
    (void)state;
    answer_in_json(MALFORMED, CLIENT_REFUSED, "received malformed packet");
    answer_in_json("{\"channel\":1,\"error\":\"a\\n\\\"b\\\"\"}", CLIENT_REFUSED, "a\n\"b\"");
    answer_in_json("{\"channel\":1}", CLIENT_REFUSED, "");
    answer_in_json("{\"channel\":2}", CLIENT_FAILED,
                   "vcom: ek is no TPMT_PUBLIC: it ends too early");
    answer_in_json("{\"channel\":2,\"ek\":\"====\"}", CLIENT_FAILED,
                   "vcom: ek is not base64 at byte 0");
    answer_in_json("{\"channel\":7}", CLIENT_FAILED, "vcom: the answer is of an unknown channel");
    answer_in_json("{", CLIENT_FAILED, "vcom: the answer ends in the middle");
    answer_in_json("{]", CLIENT_FAILED,
                   "vcom: invalid character ']' looking for beginning of object key string");
    answer_in_json("HTTP/1.1 400 Bad Request\r\n\r\n", CLIENT_FAILED,
                   "vcom: the answer is no JSON object");
    answer_in_json("", CLIENT_FAILED, "vcom: the answer ends in the middle");
}

static void test_json_that_is_too_long(void **state)
{
    char wanted[64], text[CLIENT_DATA_MAX + 1];
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "{\"", 2);
    ask(&ask_ek);
    say_text(MALFORMED);
    tell(ENDPOINT_CONNECTED, 0);
    say(text, sizeof text);
    snprintf(wanted, sizeof wanted, "vcom: the answer is too long: limit is %zu bytes",
             CLIENT_DATA_MAX - (sizeof ASKED_EK - 1) - 5);
    expect_error(CLIENT_FAILED, wanted);
}

/* A JSON host has one thing to give. */
static void test_json_host_is_asked_for_more(void **state)
{
    (void)state;
    for (int kind = VCOM_GETPUB; kind <= VCOM_CERTIFYKEY; kind++) {
        ask(&(struct vcom_request){.kind = (enum vcom_kind)kind, .index = 0x81000001});
        int first = conn;
        say_text(MALFORMED);
        assert_int_equal(conn, first);
        expect_error(CLIENT_FAILED,
                     "vcom: the host speaks JSON (EVE-OS before 15.11) and gives its EK alone");
        client_free(c);
    }
    c = NULL;
}

static void answer_in_http(const char *text, enum client_status status, const char *error)
{
    ask(&ask_nv);
    say_text(text);
    if (c->status == CLIENT_RUNNING)
        tell(ENDPOINT_CLOSED, 0);
    expect_error(status, error);
    client_free(c);
    c = NULL;
}

static void test_http_errors(void **state)
{
    (void)state;
    answer_in_http("HTTP/1.1 500 Internal Server Error\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
                   "Content-Length: 59\r\n\r\n"
                   "failed to read NV: reading NV index 1800000 is not allowed\n",
                   CLIENT_REFUSED,
                   "500: failed to read NV: reading NV index 1800000 is not allowed");
    answer_in_http("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Connection: close\r\n\r\n400 Bad Request",
                   CLIENT_REFUSED, "400: 400 Bad Request");
    answer_in_http("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", CLIENT_REFUSED, "404");
    answer_in_http("HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n\n", CLIENT_REFUSED, "404");
    answer_in_http("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x0a\x05x", CLIENT_FAILED,
                   "vcom: the answer is no protobuf message");
    answer_in_http("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x0a\x01x", CLIENT_FAILED,
                   "vcom: the answer ends in the middle");
    answer_in_http("", CLIENT_FAILED, "vcom: no answer");
}

static void test_garbage(void **state)
{
    (void)state;
    ask(&ask_ek);
    say_text("\x01\x02\x03 what?\r\n\r\n");
    assert_int_equal(c->status, CLIENT_FAILED);
    assert_memory_equal(c->error, "vcom: ", 6);
}

/* Of an answer that is too long only the limit is known, of an error's text the start. */
static void test_long_bodies(void **state)
{
    char wanted[CLIENT_DATA_MAX], body[5000];
    size_t limit = CLIENT_DATA_MAX - (sizeof HEAD("/tpm/readnv", "5") - 1 + 5) - 5;
    (void)state;
    memset(body, 'x', sizeof body);
    memcpy(body, "\x0a\x85\x27", 3); /* 4,997 bytes */
    ask(&ask_nv);
    say_http("200 OK", body, sizeof body);
    snprintf(wanted, sizeof wanted, "vcom: the answer is too long: limit is %zu bytes", limit);
    expect_error(CLIENT_FAILED, wanted);
    client_free(c);
    memcpy(body, "500", 3);
    ask(&ask_nv);
    say_http("500 Internal Server Error", body, sizeof body);
    assert_int_equal(c->status, CLIENT_REFUSED);
    assert_int_equal(c->error_len, limit + 5);
    assert_memory_equal(c->error, "500: 500xx", 10);
    client_free(c);
    size_t n = limit - 3; /* the longest that there may be */
    body[0] = 0x0a;
    body[1] = (char)(0x80 | (n & 0x7f));
    body[2] = (char)(n >> 7);
    ask(&ask_nv);
    say_http("200 OK", body, limit);
    assert_int_equal(c->status, CLIENT_DONE);
    client_free(c);
    ask(&ask_nv);
    say_http("200 OK", body, limit + 1);
    expect_error(CLIENT_FAILED, wanted);
}

static void test_requests_that_are_too_long(void **state)
{
    char data[CLIENT_DATA_MAX] = {0}, text[128];
    struct out error = out_to(text, sizeof text - 1);
    struct vcom_request r = {.kind = VCOM_SIGN, .data = {data, sizeof data}};
    (void)state;
    int before = conn;
    assert_null(vcom_begin(&r, &error));
    text[error.len] = '\0';
    assert_string_equal(text, "vcom: the request is too long: limit is 1211 bytes");
    r.data.n = 1211 - 3;
    ask(&r);
    assert_int_equal(conn, before + 1);
    assert_int_equal(sent_len, sizeof HEAD("/tpm/sign", "1211") - 1 + 1211);
    assert_true(is_shut);
    client_free(c);
    r.data.n++;
    assert_null(vcom_begin(&r, &error));
    c = NULL;
}

static void test_too_many(void **state)
{
    static const struct client_protocol others = {.peer = "another"};
    struct client *all[CLIENTS_MAX];
    char text[128];
    struct out error = out_to(text, sizeof text - 1);
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++)
        assert_non_null(all[i] = client_new(&others));
    assert_null(vcom_begin(&ask_ek, &error));
    text[error.len] = '\0';
    assert_string_equal(text, "vcom: too many exchanges at once: limit is 8");
    for (int i = 0; i < CLIENTS_MAX; i++)
        client_free(all[i]);
}

static void test_a_host_that_resets(void **state)
{
    (void)state;
    ask(&ask_ek);
    tell(ENDPOINT_RESET, MOTE_ERR_RESET);
    expect_error(CLIENT_FAILED, "vcom: port 2000 of the host: connection reset");
    client_free(c);
    begin_only(&ask_ek);
    tell(ENDPOINT_RESET, MOTE_ERR_REFUSED);
    expect_error(CLIENT_FAILED, "vcom: port 2000 of the host: connection refused");
}

static void test_a_silent_host(void **state)
{
    (void)state;
    ask(&ask_ek);
    fake_now += 30 * S - 1;
    client_tick(fake_now);
    assert_int_equal(c->status, CLIENT_RUNNING);
    client_tick(++fake_now);
    expect_error(CLIENT_FAILED, "vcom: port 2000 of the host: no answer");
    assert_int_equal(closes, 1);
}

static void reset_transport(void)
{
    client_event(&(struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1});
    tell(ENDPOINT_RESET, MOTE_ERR_RESET);
}

/* What was asked is asked again, from the start, and of a host that may be another. */
static void test_transport_reset(void **state)
{
    (void)state;
    ask(&ask_nv);
    say_text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x0a\x01x");
    int first = conn;
    reset_transport();
    assert_int_equal(conn, first + 1);
    room = ENDPOINT_SEND_BUFFER;
    tell(ENDPOINT_CONNECTED, 0);
    expect_sent(HEAD("/tpm/readnv", "5") "\x08\x82\x80\x80\x0e",
                sizeof HEAD("/tpm/readnv", "5") - 1 + 5);
    say_http("200 OK", "\x0a\x01y", 3);
    expect_report("\"data\":\"eQ==\"");
    client_free(c);
    room = ENDPOINT_SEND_BUFFER;
    ask(&ask_ek);
    say_text(MALFORMED);
    tell(ENDPOINT_CONNECTED, 0);
    expect_sent("{\"channel\":2,\"request\":1}", 25);
    reset_transport();
    tell(ENDPOINT_CONNECTED, 0);
    expect_sent(ASKED_EK, sizeof ASKED_EK - 1);
    reset_transport(); /* once is enough */
    expect_error(CLIENT_FAILED, "vcom: port 2000 of the host: connection reset");
}

static void test_a_signature_is_asked_for_once(void **state)
{
    (void)state;
    ask(&(struct vcom_request){.kind = VCOM_SIGN, .index = 0x81000003, .data = {"test data", 9}});
    expect_sent(HEAD("/tpm/sign", "17") "\x08\x83\x80\x80\x88\x08\x12\x09test data",
                sizeof HEAD("/tpm/sign", "17") - 1 + 17);
    reset_transport();
    expect_error(CLIENT_FAILED, "vcom: port 2000 of the host: connection reset");
}

/* Nothing of what was asked or answered stays. */
static void test_wiped(void **state)
{
    const char *data;
    (void)state;
    ask(&(struct vcom_request){.kind = VCOM_SIGN, .data = {"secretive", 9}});
    say_http("200 OK", "\x0a\x05xxxxx\x12\x04half", 13);
    assert_int_equal(c->status, CLIENT_DONE);
    data = c->data;
    client_free(c);
    c = NULL;
    for (size_t i = 0; i < CLIENT_DATA_MAX; i++)
        assert_int_equal(data[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_http_in_one_piece, begin, host_end),
        cmocka_unit_test_setup_teardown(test_params_of_a_credential, begin, host_end),
        cmocka_unit_test_setup_teardown(test_keys_that_can_not_be, begin, host_end),
        cmocka_unit_test_setup_teardown(test_one_byte_at_a_time, begin, host_end),
        cmocka_unit_test_setup_teardown(test_json, begin, host_end),
        cmocka_unit_test_setup_teardown(test_json_and_more, begin, host_end),
        cmocka_unit_test_setup_teardown(test_json_errors, begin, host_end),
        cmocka_unit_test_setup_teardown(test_json_that_is_too_long, begin, host_end),
        cmocka_unit_test_setup_teardown(test_json_host_is_asked_for_more, begin, host_end),
        cmocka_unit_test_setup_teardown(test_http_errors, begin, host_end),
        cmocka_unit_test_setup_teardown(test_garbage, begin, host_end),
        cmocka_unit_test_setup_teardown(test_long_bodies, begin, host_end),
        cmocka_unit_test_setup_teardown(test_requests_that_are_too_long, begin, host_end),
        cmocka_unit_test_setup_teardown(test_too_many, begin, host_end),
        cmocka_unit_test_setup_teardown(test_a_host_that_resets, begin, host_end),
        cmocka_unit_test_setup_teardown(test_a_silent_host, begin, host_end),
        cmocka_unit_test_setup_teardown(test_transport_reset, begin, host_end),
        cmocka_unit_test_setup_teardown(test_a_signature_is_asked_for_once, begin, host_end),
        cmocka_unit_test_setup_teardown(test_wiped, begin, host_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
