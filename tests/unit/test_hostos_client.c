/* SPDX-License-Identifier: MIT */
/* Exchanges with a HostOS of today: what is asked, and what becomes of every answer. */
#include "tests/unit/hosting.h"

static void test_nothing_to_say(void **state)
{
    (void)state;
    notify(false);
    assert_int_equal(port, 19090);
    assert_true(client_deadline() == fake_now + 300 * S);
    up();
    assert_string_equal(sent, HELLO);
    assert_int_equal(shutdowns, 1);
    say(OK, strlen(OK), 1);
    assert_int_equal(c->status, CLIENT_RUNNING); /* to the end of the stream */
    tell(ENDPOINT_CLOSED, 0);
    assert_int_equal(connects, 1);
    assert_done("", "");
}

static void test_versions(void **state)
{
    (void)state;
    command(HOSTOS_GET_VERSION, false);
    up();
    assert_string_equal(sent, "{\"sender_cid\":3,\"message\":\"GetHostOSVersion\"}");
    answer("{\"Ok\":{\"HostOSVersion\":\"a\\u003c\\\"\xc3\xa4\"}}");
    assert_done("a<\"\xc3\xa4", "\"version\":\"a\\u003c\\\"\xc3\xa4\"");
    command(HOSTOS_GET_PROTOCOL, false);
    up();
    assert_string_equal(sent, PROBE);
    answer("{\"Ok\":{\"HostOSVsockVersion\":{\"major\":4294967295,\"minor\":4294967295,"
           "\"patch\":4294967295}}}");
    assert_done("4294967295.4294967295.4294967295",
                "\"major\":4294967295,\"minor\":4294967295,\"patch\":4294967295");
}

/* The CID is that of the time of sending; the port is the caller's. */
static void test_cid_and_port(void **state)
{
    (void)state;
    begin((struct hostos_request){.command = HOSTOS_ATTACH_HSM, .port = 7});
    assert_int_equal(port, 7);
    cid = 4294967295;
    up();
    assert_string_equal(sent, "{\"sender_cid\":4294967295,\"message\":\"attach-hsm\"}");
    answer(OK);
    assert_done("", "");
}

/* A reset behind a whole answer harms nobody; in front of one it does. */
static void test_reset(void **state)
{
    (void)state;
    notify(false);
    up();
    say(OK, strlen(OK), 5);
    tell(ENDPOINT_RESET, MOTE_ERR_RESET);
    assert_done("", "");
    for (size_t n = 0; n < strlen(OK); n++) {
        notify(false);
        up();
        say(OK, n, SIZE_MAX);
        tell(ENDPOINT_RESET, MOTE_ERR_RESET);
        assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: connection reset");
    }
}

static void test_no_connection(void **state)
{
    (void)state;
    notify(true);
    tell(ENDPOINT_RESET, MOTE_ERR_REFUSED);
    assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: connection refused");
    notify(false);
    fake_now += 300 * S - 1;
    client_tick(fake_now);
    assert_int_equal(c->status, CLIENT_RUNNING);
    client_tick(++fake_now);
    assert_int_equal(c->status, CLIENT_FAILED);
    assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: no answer");
}

static void test_silence(void **state)
{
    (void)state;
    notify(false);
    up();
    fake_now += 300 * S;
    client_tick(fake_now);
    assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: no answer");
    notify(false); /* one that answers, and holds the connection */
    up();
    say(OK, strlen(OK), SIZE_MAX);
    fake_now += 300 * S;
    client_tick(fake_now);
    assert_done("", "");
}

static void test_no_answer(void **state)
{
    static const struct {
        const char *answer, *error;
    } rows[] = {
        {"", SILENT},
        {"Error response", "hostos: Unable to parse host response: Error response"},
        {OK "}", "hostos: Unable to parse host response: " OK "}"},
        {"{\"Ok\":\"NoPayload\"", "hostos: Unable to parse host response: {\"Ok\":\"NoPayload\""},
        {"a\n\x1b[31m\x7f", "hostos: Unable to parse host response: a  [31m "},
        {V0, "hostos: Unable to parse host response: " V0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        notify(false);
        up();
        answer(rows[i].answer);
        assert_end(CLIENT_FAILED, rows[i].error);
    }
}

/* A host that closes before it was asked. */
static void test_closed_at_once(void **state)
{
    (void)state;
    is_full = true;
    notify(false);
    up();
    assert_int_equal(shutdowns, 0);
    answer(OK); /* to what? */
    assert_end(CLIENT_FAILED, SILENT);
    notify(false);
    up();
    is_full = false;
    tell(ENDPOINT_ROOM, 0);
    assert_string_equal(sent, HELLO);
    assert_int_equal(shutdowns, 1);
    answer(OK);
    assert_done("", "");
}

static void test_errors_of_the_host(void **state)
{
    (void)state;
    notify(false);
    up();
    answer("{\"Err\":\"no HSM device found\"}");
    assert_end(CLIENT_REFUSED, "no HSM device found");
    notify(false);
    up();
    answer(" { \"Err\" : \"\\u00e4\\\\\\\"\\n\\ud83d\\ude00\xff\xfe\xc3\xa4\" } ");
    assert_end(CLIENT_REFUSED, "\xc3\xa4\\\"\n\xf0\x9f\x98\x80??\xc3\xa4");
    notify(false);
    up();
    answer("{\"Err\":\"\"}");
    assert_end(CLIENT_REFUSED, "");
}

/* An error of at least size bytes, which is cut or not. */
static void check_long_error(const char *filling, int spaces, size_t size)
{
    static const char mark[] = " [cut off here]";
    static char text[2 * CLIENT_DATA_MAX];
    size_t n = (size_t)sprintf(text, "%*s{\"Err\":\"", spaces, "");

    while (n < size)
        n += (size_t)sprintf(text + n, "%s", filling);
    n += (size_t)sprintf(text + n, "\"}");
    notify(false);
    up();
    say(text, n, 700);
    tell(ENDPOINT_CLOSED, 0);
    assert_int_equal(c->status, CLIENT_REFUSED);
    assert_null(memmem(c->error, c->error_len, "\xef\xbf\xbd", 3));
    size_t len = strlen(mark);
    bool is_cut = c->error_len > len && memcmp(c->error + c->error_len - len, mark, len) == 0;
    assert_int_equal(is_cut, n > CLIENT_DATA_MAX);
    assert_true(c->error_len >= CLIENT_DATA_MAX / 3 - 30);
    client_free(c);
}

/* Of every length around what is kept, cut at every place of a character. */
static void test_long_errors(void **state)
{
    static const char *const fillings[] = {"x", "\\n", "\\ud83d\\ude00", "\xc3\xa4", "\xff"};
    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (int spaces = 0; spaces < 12; spaces++)
            for (size_t size = CLIENT_DATA_MAX - 20; size < CLIENT_DATA_MAX + 20; size++)
                check_long_error(fillings[i], spaces, size);
}

static void test_too_long(void **state)
{
    static char text[HOSTOS_ANSWER_MAX + 1];
    static const char start[] = "{\"Err\":\"";
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, start, sizeof start - 1);
    notify(false);
    up();
    say(text, HOSTOS_ANSWER_MAX, 16384);
    assert_int_equal(c->status, CLIENT_RUNNING);
    tell(ENDPOINT_CLOSED, 0);
    assert_int_equal(c->status, CLIENT_REFUSED);
    client_free(c);
    notify(false);
    up();
    say(text, HOSTOS_ANSWER_MAX + 1, 16384);
    assert_end(CLIENT_FAILED, "hostos: Response exceeded maximum size of 65536 bytes");
    /* One of spaces, of which there is not even the beginning of an error. */
    memset(text, ' ', sizeof text);
    memcpy(text + HOSTOS_ANSWER_MAX - strlen(OK), OK, strlen(OK));
    notify(false);
    up();
    say(text, HOSTOS_ANSWER_MAX, 16384);
    tell(ENDPOINT_CLOSED, 0);
    assert_int_equal(c->status, CLIENT_FAILED);
    client_free(c);
}

static void test_bad_requests(void **state)
{
    (void)state;
    assert_null(begin((struct hostos_request){.command = 0}));
    assert_string_equal(error, "hostos: no command matched");
    assert_null(begin((struct hostos_request){.command = HOSTOS_COMMANDS}));
    assert_string_equal(error, "hostos: no command matched");
    assert_null(begin((struct hostos_request){.command = HOSTOS_UPGRADE, .url = BYTES("u")}));
    assert_string_equal(error, "hostos: No target hash given for upgrade command");
}

/* The limit is that of the whole request, whose CID counts when it is sent. */
static void test_long_requests(void **state)
{
    static char text[HOSTOS_REQUEST_MAX];
    size_t most = HOSTOS_REQUEST_MAX - strlen(HELLO) + strlen("hello");
    struct hostos_request r = {.command = HOSTOS_NOTIFY, .message = {text, sizeof text}};
    char limit[64];
    (void)state;
    snprintf(limit, sizeof limit, "hostos: request too long: limit is %d bytes",
             (int)HOSTOS_REQUEST_MAX);
    memset(text, 'y', sizeof text);
    assert_null(begin(r));
    assert_string_equal(error, limit);
    text[7] = '"'; /* which has two bytes on the wire */
    for (r.message.n = most - 1; r.message.n <= most; r.message.n++) {
        assert_non_null(begin(r));
        up();
        if (r.message.n == most) {
            assert_string_equal(sent, "");
            assert_end(CLIENT_FAILED, limit);
            continue;
        }
        assert_int_equal(strlen(sent), HOSTOS_REQUEST_MAX);
        answer(OK);
        assert_done("", "");
        cid = 30;
        assert_non_null(begin(r));
        up();
        assert_string_equal(sent, "");
        assert_end(CLIENT_FAILED, limit);
        cid = 3;
    }
    is_full = true; /* it is found out when there is room at last */
    r.message.n = most;
    assert_non_null(begin(r));
    up();
    is_full = false;
    tell(ENDPOINT_ROOM, 0);
    assert_end(CLIENT_FAILED, limit);
    r.legacy = true; /* which has to have room in two forms */
    assert_null(begin(r));
    assert_memory_equal(error, limit, strlen(limit));
    assert_string_equal(error + strlen(limit), " in both forms");
}

static void test_all_in_use(void **state)
{
    struct client *all[CLIENTS_MAX];
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        connect_result = MOTE_ERR_NO_RESOURCES;
        command(HOSTOS_GET_VERSION, false);
        all[i] = c;
    }
    assert_null(begin((struct hostos_request){.command = HOSTOS_GET_VERSION}));
    assert_string_equal(error, "hostos: too many exchanges at once");
    for (int i = 0; i < CLIENTS_MAX; i++)
        client_free(all[i]);
}

/* Only what asks for a version may be asked twice. */
static void test_transport_reset(void **state)
{
    (void)state;
    for (int i = 1; i < HOSTOS_COMMANDS; i++) {
        begin((struct hostos_request){.command = (enum hostos_command)i,
                                      .hash = BYTES("h"),
                                      .legacy = i == HOSTOS_GET_VERSION});
        up();
        if (i == HOSTOS_GET_VERSION) {
            answer(V1);
            up();
        }
        say("{\"Ok\":", 6, 1);
        client_event(&(struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1});
        cid = 5;
        tell(ENDPOINT_RESET, MOTE_ERR_RESET);
        if (i == HOSTOS_GET_VERSION || i == HOSTOS_GET_PROTOCOL) {
            up();
            assert_string_equal(sent, i == HOSTOS_GET_VERSION
                                          ? "{\"sender_cid\":5,\"message\":\"GetHostOSVersion\"}"
                                          : "{\"sender_cid\":5,\"message\":\"GetVsockProtocol\"}");
            answer(V1);
            assert_int_equal(connects, i == HOSTOS_GET_VERSION ? 3 : 2);
            assert_done("1.0.0", "\"major\":1,\"minor\":0,\"patch\":0");
        } else {
            assert_int_equal(connects, 1);
            assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: connection reset");
        }
        cid = 3;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_to_say, fresh),
        cmocka_unit_test_setup(test_versions, fresh),
        cmocka_unit_test_setup(test_cid_and_port, fresh),
        cmocka_unit_test_setup(test_reset, fresh),
        cmocka_unit_test_setup(test_no_connection, fresh),
        cmocka_unit_test_setup(test_silence, fresh),
        cmocka_unit_test_setup(test_no_answer, fresh),
        cmocka_unit_test_setup(test_closed_at_once, fresh),
        cmocka_unit_test_setup(test_errors_of_the_host, fresh),
        cmocka_unit_test_setup(test_long_errors, fresh),
        cmocka_unit_test_setup(test_too_long, fresh),
        cmocka_unit_test_setup(test_bad_requests, fresh),
        cmocka_unit_test_setup(test_long_requests, fresh),
        cmocka_unit_test_setup(test_all_in_use, fresh),
        cmocka_unit_test_setup(test_transport_reset, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
