/* SPDX-License-Identifier: MIT */
/*
 * VComLink's HTTP generation as it is served: requests that come in pieces, behind each other, with
 * bodies that are too long, and that end or never do.
 */
#include "tests/unit/vcom_http.h"

#define CHUNKS "Transfer-Encoding: chunked\r\n"
#define CHUNKED                                                                                    \
    POST("getpub", CHUNKS,                                                                         \
         "1\r\n\x08\r\n4;x=y\r\n\x81\x80\x80\x88\r\n001\r\n\x08\r\n0\r\nX: y\r\n\r\n")

static void test_each_split(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } requests[] = {{GETPUB, sizeof GETPUB - 1}, {CHUNKED, sizeof CHUNKED - 1}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t at = 1; at < requests[i].n; at++) {
            say(0, requests[i].text, at);
            assert_heard_text(0, "");
            say(0, requests[i].text + at, requests[i].n - at);
            HEARD(0, GOT_EK);
            assert_int_equal(fake_tpm.op.in.index, 0x81000001);
            assert_int_equal(fake_connections[0].received_len, 0);
        }
        for (size_t at = 0; at < requests[i].n; at++)
            say(0, requests[i].text + at, 1);
        HEARD(0, GOT_EK);
    }
}

static void test_pipelined(void **state)
{
    (void)state;
    SAY(0, GETPUB CHUNKED "GET / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" GETPUB);
    HEARD(0, GOT_EK GOT_EK NOT_FOUND GOT_EK);
    fake_tpm.ends_as = 0;
    SAY(0, GETPUB GETPUB);
    SAY(0, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_heard_text(0, "");
    end_operation(TPM_DONE);
    turn(0);
    HEARD(0, GOT_EK);
    end_operation(TPM_DONE);
    turn(0);
    HEARD(0, GOT_EK NOT_FOUND);
    tell(0, ENDPOINT_CLOSED);
    assert_is(0, FAKE_CLOSED);
}

static void test_more_answers_than_there_is_room_for(void **state)
{
    char *text = malloc(400 * sizeof GETPUB);
    size_t n = 0, heard = 0;
    (void)state;
    for (int i = 0; i < 400; i++, n += sizeof GETPUB - 1)
        memcpy(text + n, GETPUB, sizeof GETPUB - 1);
    say(0, text, n);
    while (fake_connections[0].sent_len != 0) {
        heard += fake_connections[0].sent_len;
        fake_connections[0].sent_len = 0;
        tell(0, ENDPOINT_ROOM);
    }
    assert_int_equal(heard, 400 * (sizeof GOT_EK - 1));
    assert_int_equal(fake_tpm.freed, 400);
    free(text);
}

static void test_expectations(void **state)
{
    static const char head[] =
        "POST /tpm/getpub HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 6\r\n\r\n";
    (void)state;
    say_text(0, head);
    assert_heard_text(0, "HTTP/1.1 100 Continue\r\n\r\n");
    SAY(0, "\x08\x81\x80\x80\x88\x08");
    HEARD(0, GOT_EK);
    say_text(0, "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 6\r\n\r\n");
    HEARD(0, ERROR("404 Not Found", "19", CLOSE, "404 page not found\n"));
    assert_true(fake_connections[0].shut); /* the body may come, or not */
    assert_is(0, FAKE_OPEN);
    tell(0, ENDPOINT_CLOSED);
    assert_is(0, FAKE_CLOSED);
}

static void test_old_http(void **state)
{
    static const char begin[] = "HTTP/1.0 200 OK\r\nContent-Type: application/x-proto-binary\r\n"
                                "Content-Length: 3\r\n";
    char answer[256];
    (void)state;
    fake_tpm.a = (struct bytes){"x", 1};
    SAY(0, "POST /tpm/readnv HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    snprintf(answer, sizeof answer, "%sConnection: keep-alive\r\n\r\n\n\1x", begin);
    assert_heard_text(0, answer);
    SAY(0, "POST /tpm/readnv HTTP/1.0\r\n\r\n");
    snprintf(answer, sizeof answer, "%s\r\n\n\1x", begin);
    assert_heard_text(0, answer);
    assert_is(0, FAKE_CLOSED);
}

/* 2,048 bytes of message are told by their number, more come in a chunk. */
static void test_long_answers(void **state)
{
    static char data[2046];
    struct fake_connection *c = &fake_connections[0];
    (void)state;
    memset(data, 'n', sizeof data);
    fake_tpm.a = (struct bytes){data, 2045};
    SAY(0, POST("readnv", "", ""));
    assert_non_null(strstr(c->sent, "\r\nContent-Length: 2048\r\n\r\n\x0a\xfd\x0fnnn"));
    c->sent_len = 0;
    memset(c->sent, 0, sizeof c->sent);
    fake_tpm.a.n = 2046;
    SAY(0, POST("readnv", "", ""));
    assert_non_null(
        strstr(c->sent, "\r\nTransfer-Encoding: chunked\r\n\r\n801\r\n\x0a\xfe\x0fnnn"));
    assert_memory_equal(c->sent + c->sent_len - 9, "nn\r\n0\r\n\r\n", 9);
    assert_null(strstr(c->sent, "Content-Length"));
}

/* --- bodies that are too long --- */

#define HELD 15360 /* of a window of 16,384 bytes */

static void begin_body(const char *framing)
{
    say_text(0, "POST /tpm/sign HTTP/1.1\r\n" HOST);
    say_text(0, framing);
    say_text(0, "\r\n\r\n");
}

static void send_body(size_t n)
{
    static const char zeros[4096];

    for (; n > sizeof zeros; n -= sizeof zeros)
        say(0, zeros, sizeof zeros);
    say(0, zeros, n);
    assert_true(fake_connections[0].received_len <= ENDPOINT_WINDOW);
}

static void send_length(size_t n)
{
    char framing[64];

    snprintf(framing, sizeof framing, "Content-Length: %zu", n);
    begin_body(framing);
    send_body(n);
}

static void test_long_bodies(void **state)
{
    (void)state;
    send_length(HELD);
    assert_error(0, THEIRS, /* zeros are no message, but they were read as one */
                 "failed to unmarshal request: proto: cannot parse invalid wire-format data");
    send_length(HELD + 1);
    assert_error(0, THEIRS, "request too large: 15361, this guest takes 15360");
    send_length(65535);
    assert_error(0, THEIRS, "request too large: 65535, this guest takes 15360");
    send_length(65536);
    assert_error(0, THEIRS, "request too large: 65536");
    send_length(65537);
    assert_error(0, THEIRS, "request too large: 65537");
    send_length(262144);
    assert_error(0, THEIRS, "request too large: 65537");
    SAY(0, GETPUB);
    HEARD(0, GOT_EK);
    begin_body("Content-Length: 300000");
    send_body(262145);
    HEARD(0, ERROR(THEIRS, "25", CLOSE, "request too large: 65537\n"));
    assert_is(0, FAKE_CLOSED);
}

static void test_long_chunks(void **state)
{
    (void)state;
    begin_body("Transfer-Encoding: chunked");
    for (int i = 0; i < 20; i++) {
        say_text(0, "1000\r\n");
        send_body(4096);
        say_text(0, "\r\n");
    }
    assert_heard_text(0, "");
    say_text(0, "0\r\n\r\n");
    assert_error(0, THEIRS, "request too large: 65537");
    begin_body("Transfer-Encoding: chunked");
    for (int i = 0; i < HELD / 2 + 1; i++)
        say(0, "2\r\n\0\0\r\n", 7);
    say_text(0, "0\r\n\r\n");
    assert_error(0, THEIRS, "request too large: 15362, this guest takes 15360");
}

/* Of what is not asked of us, the body is passed over, but not without an end. */
static void test_bodies_that_nobody_wants(void **state)
{
    (void)state;
    say_text(0, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 262144\r\n\r\n");
    HEARD(0, NOT_FOUND);
    send_body(262144);
    SAY(0, GETPUB);
    HEARD(0, GOT_EK);
    say_text(0, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 262145\r\n\r\n");
    HEARD(0, ERROR("404 Not Found", "19", CLOSE, "404 page not found\n"));
    send_body(262145);
    assert_is(0, FAKE_CLOSED);
    dial(0);
    say_text(0, "PUT / HTTP/1.1\r\n" HOST CHUNKS "\r\n");
    HEARD(0, NOT_FOUND);
    say_text(0, "x\r\n");
    assert_is(0, FAKE_CLOSED);
}

/* --- ends --- */

static void test_clock(void **state)
{
    (void)state;
    fake_date = "Fri, 20 Nov 2026 10:27:29 GMT";
    SAY(0, "GET / HTTP/1.1\r\n" HOST "\r\n");
    fake_date = NULL;
    HEARD(0, "HTTP/1.1 404 Not Found\r\n" TEXT "X-Content-Type-Options: nosniff\r\n"
             "Date: Fri, 20 Nov 2026 10:27:29 GMT\r\nContent-Length: 19\r\n\r\n"
             "404 page not found\n");
}

static void test_half_close(void **state)
{
    (void)state;
    fake_endpoint_receive(0, GETPUB, sizeof GETPUB - 1);
    tell(0, ENDPOINT_CLOSED);
    HEARD(0, GOT_EK);
    assert_is(0, FAKE_CLOSED);
    dial(0);
    say_text(0, "POST /tpm");
    tell(0, ENDPOINT_CLOSED);
    HEARD(0, REFUSAL("400 Bad Request"));
    assert_is(0, FAKE_CLOSED);
    dial(0);
    say(0, GETPUB, sizeof GETPUB - 2);
    tell(0, ENDPOINT_CLOSED);
    HEARD(0, ERROR(OURS, "44", CLOSE, "failed to read request body: unexpected EOF\n"));
    assert_is(0, FAKE_CLOSED);
}

static void test_bad_chunk(void **state)
{
    (void)state;
    SAY(0, POST("getpub", CHUNKS, "x\r\n"));
    HEARD(0,
          ERROR(OURS, "76", CLOSE,
                "failed to read request body: a chunk's size that is no number, or too large\n"));
    assert_is(0, FAKE_CLOSED);
}

static void test_silence(void **state)
{
    (void)state;
    SAY(0, GETPUB);
    HEARD(0, GOT_EK);
    turn(30 * S);
    assert_heard_text(0, "");
    assert_is(0, FAKE_CLOSED);
    dial(0);
    say_text(0, "POST");
    turn(29 * S);
    say_text(0, " /");
    turn(29 * S);
    assert_is(0, FAKE_OPEN);
    turn(S);
    HEARD(0, REFUSAL("400 Bad Request"));
    assert_is(0, FAKE_CLOSED);
    dial(0);
    say(0, GETPUB, sizeof GETPUB - 2);
    turn(30 * S);
    HEARD(0, ERROR(OURS, "41", CLOSE, "failed to read request body: i/o timeout\n"));
    assert_is(0, FAKE_CLOSED);
    dial(0);
    SAY(0, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n");
    HEARD(0, NOT_FOUND);
    turn(30 * S);
    assert_is(0, FAKE_CLOSED);
}

static void test_queue(void **state)
{
    (void)state;
    fake_tpm.is_busy = true;
    SAY(0, CHUNKED "GET");
    turn(60 * S);
    fake_tpm.is_busy = false;
    turn(0);
    HEARD(0, GOT_EK);
    assert_int_equal(fake_tpm.op.in.index, 0x81000001);
    assert_int_equal(fake_connections[0].received_len, 3);
}

static void test_peer_that_does_not_read(void **state)
{
    (void)state;
    say(0, GETPUB, sizeof GETPUB - 2);
    fake_connections[0].is_full = true;
    say(0, "\x08", 1);
    assert_int_equal(fake_tpm.begun, 0);
    fake_connections[0].is_full = false;
    tell(0, ENDPOINT_ROOM);
    HEARD(0, GOT_EK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_each_split),   ON(test_pipelined),   ON(test_more_answers_than_there_is_room_for),
        ON(test_expectations), ON(test_old_http),    ON(test_long_answers),
        ON(test_long_bodies),  ON(test_long_chunks), ON(test_bodies_that_nobody_wants),
        ON(test_clock),        ON(test_half_close),  ON(test_bad_chunk),
        ON(test_silence),      ON(test_queue),       ON(test_peer_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
