/* SPDX-License-Identifier: MIT */
/* The VComLink client under Linux, where a request may be longer than what leaves at once: a host
 * that got half of one would wait for the rest for ever, even behind the client's end. */
#define CLIENT_DATA_MAX      69632
#define ENDPOINT_SEND_BUFFER 16384
#include "agent/client.c"
#include "agent/vcom.c"
#include "tests/unit/vcom_host.h"

#define HEAD "POST /tpm/sign HTTP/1.1\r\n"

static char data[VCOM_BODY_MAX];
static struct vcom_request request;

static int begin(void **state)
{
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i % 251);
    request = (struct vcom_request){.kind = VCOM_SIGN, .index = 0, .data = {data, 65000}};
    return host_begin(state);
}

static void make_room(void)
{
    room = ENDPOINT_SEND_BUFFER;
    tell(ENDPOINT_ROOM, 0);
}

static void expect_whole_request(void)
{
    assert_true(is_shut);
    assert_memory_equal(sent, HEAD, strlen(HEAD));
    assert_memory_equal(sent + sent_len - 65000, data, 65000);
    assert_memory_equal(sent + sent_len - 65004, "\x12\xe8\xfb\x03", 4);
    assert_memory_equal(sent + sent_len - 65008, "\r\n\r\n", 4);
}

static void test_pieces(void **state)
{
    (void)state;
    ask(&request);
    for (size_t pieces = 1; pieces < 4; pieces++) {
        assert_int_equal(sent_len, pieces * ENDPOINT_SEND_BUFFER);
        assert_false(is_shut);
        make_room();
    }
    expect_whole_request();
    say_http("200 OK", "\x0a\x06RSASSA", 8);
    expect_report("\"algorithm\":\"RSASSA\"");
}

/* What the host says before it has it all is heard only then. */
static void test_early_answer(void **state)
{
    static const char early[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n"
                                "404 page not found\n";
    (void)state;
    ask(&request);
    say_text(early);
    for (int pieces = 1; pieces < 4; pieces++) {
        assert_int_equal(c->status, CLIENT_RUNNING);
        make_room();
    }
    expect_error(CLIENT_REFUSED, "404: 404 page not found");
    expect_whole_request();
}

/* One that reads no more has no use for the rest. */
static void test_host_that_wants_no_more(void **state)
{
    (void)state;
    ask(&request);
    host_is_deaf = true;
    say_text("{\"channel\":1,\"error\":\"received malformed packet\"}");
    expect_error(CLIENT_FAILED,
                 "vcom: the host speaks JSON (EVE-OS before 15.11) and gives its EK alone");
}

/* The deadline waits for the rest, but not for ever. */
static void test_slow_host(void **state)
{
    (void)state;
    ask(&request);
    fake_now += 30 * S;
    client_tick(fake_now);
    assert_int_equal(c->status, CLIENT_RUNNING);
    assert_true(client_deadline() == fake_now + 30 * S);
    for (int pieces = 1; pieces < 4; pieces++)
        make_room();
    expect_whole_request();
    fake_now += 30 * S - 1;
    client_tick(fake_now);
    assert_int_equal(c->status, CLIENT_RUNNING);
    client_tick(++fake_now);
    expect_error(CLIENT_FAILED, "vcom: port 2000 of the host: no answer");
    client_free(c);
    room = ENDPOINT_SEND_BUFFER;
    ask(&request);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c->status, CLIENT_RUNNING);
        fake_now += 30 * S;
        client_tick(fake_now);
    }
    expect_error(CLIENT_FAILED, "vcom: port 2000 of the host: no answer");
}

static void test_longest(void **state)
{
    char text[128];
    struct out error = out_to(text, sizeof text - 1);
    (void)state;
    request.data.n = VCOM_BODY_MAX - 4;
    ask(&request);
    client_free(c);
    c = NULL;
    request.data.n++;
    assert_null(vcom_begin(&request, &error));
    text[error.len] = '\0';
    assert_string_equal(text, "vcom: the request is too long: limit is 65535 bytes");
}

/* The text of an error has room whatever its length in HTTP may be that a host gives it. */
static void test_long_error(void **state)
{
    static char body[65536];
    (void)state;
    memset(body, 'e', sizeof body);
    ask(&(struct vcom_request){.kind = VCOM_READNV, .index = 1});
    say_http("500 Internal Server Error", body, sizeof body);
    assert_int_equal(c->status, CLIENT_REFUSED);
    assert_int_equal(c->error_len, 5 + sizeof body);
    assert_memory_equal(c->error, "500: eeee", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pieces, begin, host_end),
        cmocka_unit_test_setup_teardown(test_early_answer, begin, host_end),
        cmocka_unit_test_setup_teardown(test_host_that_wants_no_more, begin, host_end),
        cmocka_unit_test_setup_teardown(test_slow_host, begin, host_end),
        cmocka_unit_test_setup_teardown(test_longest, begin, host_end),
        cmocka_unit_test_setup_teardown(test_long_error, begin, host_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
