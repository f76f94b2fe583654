/* SPDX-License-Identifier: MIT */
/* Exchanges with a HostOS, over an endpoint that does what a test says. */
#include "agent/hostos.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define S     UINT64_C(1000000000)
#define CONN  3 /* the number of the first connection; each next is one more */
#define OK    "{\"Ok\":\"NoPayload\"}"
#define V1    "{\"Ok\":{\"HostOSVsockVersion\":{\"major\":1,\"minor\":0,\"patch\":0}}}"
#define V0    "{\"message\": \"accepted request\", \"status\": \"ok\"}"
#define PROBE "{\"sender_cid\":3,\"message\":\"GetVsockProtocol\"}"
#define HELLO "{\"sender_cid\":3,\"message\":{\"notify\":{\"count\":2,\"message\":\"hello\"}}}"
#define SILENT                                                                                     \
    "hostos: closed without an answer: hosts do so when a request is not whole in 5 s or "         \
    "not done in 30 s, and old ones when they can't read it"
#define BYTES(literal) ((struct bytes){literal, sizeof(literal) - 1})

static uint64_t cid;
static uint32_t port;
static int connect_result, connects, shutdowns, closes, aborts;
static bool is_full;    /* nothing can be sent */
static char sent[4096]; /* on the last connection */
static char space[ENDPOINT_SEND_BUFFER];
static const char *unread; /* what the host has said and nobody has taken */
static size_t unread_len;
static struct client *c;
static char error[128];

uint64_t endpoint_cid(void)
{
    return cid;
}

int endpoint_connect(uint64_t to, uint32_t to_port)
{
    assert_int_equal(to, 2);
    port = to_port;
    memset(sent, 0, sizeof sent);
    unread_len = 0;
    return connect_result < 0 ? connect_result : CONN + connects++;
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **at)
{
    assert_int_equal(conn, CONN + connects - 1);
    assert_in_range(least, 1, ENDPOINT_SEND_BUFFER);
    *at = space;
    return is_full ? 0 : ENDPOINT_SEND_BUFFER;
}

void endpoint_send(int conn, uint32_t n)
{
    assert_int_equal(conn, CONN + connects - 1);
    assert_int_equal(strlen(sent), 0); /* one piece */
    assert_in_range(n, 1, sizeof sent - 1);
    memcpy(sent, space, n);
}

void endpoint_shutdown(int conn)
{
    assert_int_equal(conn, CONN + connects - 1);
    assert_int_not_equal(strlen(sent), 0); /* behind the request */
    shutdowns++;
}

void endpoint_close(int conn)
{
    assert_int_equal(conn, CONN + connects - 1);
    closes++;
}

void endpoint_abort(int conn)
{
    assert_int_equal(conn, CONN + connects - 1);
    aborts++;
}

uint32_t endpoint_peek(int conn, const char **data)
{
    assert_int_equal(conn, CONN + connects - 1);
    *data = unread;
    return (uint32_t)unread_len;
}

void endpoint_consume(int conn, uint32_t n)
{
    (void)conn;
    assert_int_equal(n, unread_len);
    unread_len = 0;
}

static bool tell(enum endpoint_event_type type, int why)
{
    return client_event(
        &(struct endpoint_event){.type = type, .conn = CONN + connects - 1, .error = why});
}

static void up(void)
{
    assert_true(tell(ENDPOINT_CONNECTED, 0));
}

/* The host says n bytes, in pieces of at most size. */
static void say(const char *bytes, size_t n, size_t size)
{
    for (size_t len; n > 0; bytes += len, n -= len) {
        len = n < size ? n : size;
        unread = bytes;
        unread_len = len;
        if (c->status == CLIENT_RUNNING)
            tell(ENDPOINT_DATA, 0);
    }
}

static void answer(const char *text)
{
    say(text, strlen(text), SIZE_MAX);
    tell(ENDPOINT_CLOSED, 0);
}

static struct client *begin(struct hostos_request r)
{
    struct out o = out_to(error, sizeof error - 1);

    memset(error, 0, sizeof error);
    connects = shutdowns = closes = aborts = 0;
    c = hostos_begin(&r, &o);
    return c;
}

static void notify(bool legacy)
{
    char hello[] = "hello";

    begin((struct hostos_request){
        .command = HOSTOS_NOTIFY, .message = {hello, 5}, .count = 2, .legacy = legacy});
    memset(hello, 'x', sizeof hello);
    assert_non_null(c);
}

static void command(enum hostos_command which, bool legacy)
{
    begin((struct hostos_request){.command = which, .legacy = legacy});
    assert_non_null(c);
}

/* What has become of it, and how the connection ended. */
static void assert_end(enum client_status status, const char *text)
{
    assert_int_equal(c->status, status);
    assert_int_equal(c->error_len, strlen(text));
    assert_memory_equal(c->error, text, strlen(text));
    assert_int_equal(closes, connects - (status == CLIENT_FAILED ? aborts : 0));
    client_free(c);
    assert_true(client_deadline() == UINT64_MAX);
}

static void assert_done(const char *version, const char *members)
{
    char text[256] = "";
    struct out o = out_to(text, sizeof text - 1);
    struct bytes printed = hostos_version(c);

    assert_int_equal(c->status, CLIENT_DONE);
    assert_int_equal(printed.n, strlen(version));
    assert_memory_equal(printed.at, version, printed.n);
    c->protocol->report(c, &o);
    assert_string_equal(text, members);
    assert_end(CLIENT_DONE, "");
}

static int fresh(void **state)
{
    (void)state;
    cid = 3;
    connect_result = 0;
    is_full = false;
    return 0;
}

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

/* Errors of every length around what is kept, and of what a character may be cut into. */
static void test_long_errors(void **state)
{
    static const char *const fillings[] = {"x", "\\n", "\\ud83d\\ude00", "\xc3\xa4", "\xff"};
    static char text[HOSTOS_ANSWER_MAX + 64];
    static const char mark[] = " [cut off here]";
    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (size_t size = CLIENT_DATA_MAX - 30; size < CLIENT_DATA_MAX + 30; size++) {
            size_t n = (size_t)sprintf(text, "{\"Err\":\"");
            while (n < size)
                n += (size_t)sprintf(text + n, "%s", fillings[i]);
            n += (size_t)sprintf(text + n, "\"}");
            notify(false);
            up();
            say(text, n, 700);
            tell(ENDPOINT_CLOSED, 0);
            assert_int_equal(c->status, CLIENT_REFUSED);
            assert_null(memmem(c->error, c->error_len, "\xef\xbf\xbd", 3));
            bool is_cut =
                c->error_len > sizeof mark - 1 &&
                memcmp(c->error + c->error_len - (sizeof mark - 1), mark, sizeof mark - 1) == 0;
            assert_int_equal(is_cut, n > CLIENT_DATA_MAX);
            assert_true(c->error_len >= CLIENT_DATA_MAX / 3 - 30);
            client_free(c);
        }
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
                                      .legacy = i == HOSTOS_GET_PROTOCOL});
        up();
        say("{\"Ok\":", 6, 1);
        client_event(&(struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1});
        cid = 5;
        tell(ENDPOINT_RESET, MOTE_ERR_RESET);
        if (i == HOSTOS_GET_VERSION || i == HOSTOS_GET_PROTOCOL) {
            up();
            assert_memory_equal(sent, "{\"sender_cid\":5,", 16);
            answer(V1);
            assert_int_equal(connects, 2);
            assert_done("1.0.0", "\"major\":1,\"minor\":0,\"patch\":0");
        } else {
            assert_int_equal(connects, 1);
            assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: connection reset");
        }
        cid = 3;
    }
}

/* -- a host that may be of v0 */

static void test_legacy_host_of_v1(void **state)
{
    (void)state;
    notify(true);
    up();
    assert_string_equal(sent, PROBE);
    say(V1, strlen(V1), 1);
    tell(ENDPOINT_CLOSED, 0);
    assert_int_equal(connects, 2);
    assert_int_equal(c->status, CLIENT_RUNNING);
    up();
    assert_string_equal(sent, HELLO);
    assert_int_equal(shutdowns, 2);
    answer(OK);
    assert_done("", "");
    command(HOSTOS_GET_PROTOCOL, true);
    up();
    answer(V1);
    assert_int_equal(connects, 1);
    assert_done("1.0.0", "\"major\":1,\"minor\":0,\"patch\":0");
    notify(true);
    up();
    answer(V1);
    up();
    answer("what?");
    assert_end(CLIENT_FAILED, "hostos: Unable to parse host_v1 response: what?");
}

static void test_legacy_host_of_v0(void **state)
{
    (void)state;
    notify(true);
    up();
    say(V0, strlen(V0), SIZE_MAX);
    tell(ENDPOINT_RESET, MOTE_ERR_RESET); /* whole all the same */
    assert_int_equal(connects, 2);
    up();
    assert_string_equal(sent, "{\"message\":\"notify[2, hello]\",\"sender_cid\":\"3\"}");
    assert_int_equal(shutdowns, 2);
    answer(V0);
    assert_int_equal(c->status, CLIENT_DONE);
    client_free(c);
    notify(true);
    up();
    answer(V0);
    up();
    answer("{\"message\": \"invalid request\", \"status\": \"error\"}");
    assert_end(CLIENT_REFUSED, "{\"message\": \"invalid request\", \"status\": \"error\"}");
}

static void test_what_v0_can_not_say(void **state)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    char members[96];
    (void)state;
    assert_int_equal(strlen(zeros), 64);
    snprintf(members, sizeof members, "\"version\":\"%s\"", zeros);
    command(HOSTOS_GET_VERSION, true);
    up();
    answer(V0);
    assert_int_equal(connects, 1);
    assert_done(zeros, members);
    command(HOSTOS_GET_PROTOCOL, true);
    up();
    answer(V0);
    assert_end(CLIENT_FAILED, "hostos: Cannot process GetVsockProtocol command for v0");
    command(HOSTOS_START_UPGRADE_VM, true);
    up();
    answer(V0);
    assert_end(CLIENT_FAILED, "hostos: Cannot process start-upgrade-guest-vm command for v0");
}

static void test_probe(void **state)
{
    static const struct {
        const char *answer;
        enum client_status status;
        const char *error;
    } rows[] = {
        {"{\"Ok\":{\"HostOSVsockVersion\":{\"major\":2,\"minor\":1,\"patch\":7}}}", CLIENT_FAILED,
         "hostos: Unnacceptable hostOS vsock version: 2.1.7"},
        {OK, CLIENT_FAILED, "hostos: Logical error. Received payload: NoPayload"},
        {"{\"Ok\":{\"HostOSVersion\":\"1\"}}", CLIENT_FAILED,
         "hostos: Logical error. Received payload: HostOSVersion"},
        {"what?", CLIENT_FAILED, "hostos: Could not parse response: what?"},
        {"{\"Err\":\"no \\\"such\\\"\"}", CLIENT_REFUSED, "no \"such\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        notify(true);
        up();
        answer(rows[i].answer);
        assert_int_equal(connects, 1);
        assert_end(rows[i].status, rows[i].error);
    }
    notify(true);
    up();
    answer("{\"Ok\":{\"HostOSVsockVersion\":{\"major\":0,\"minor\":1,\"patch\":7}}}");
    up();
    assert_string_equal(sent, "{\"message\":\"notify[2, hello]\",\"sender_cid\":\"3\"}");
    answer(V0);
    assert_int_equal(c->status, CLIENT_DONE);
    client_free(c);
}

/* v0 answers an upgrade when it is over, if ever: after 5 s it is under way. */
static void test_legacy_upgrade(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin((struct hostos_request){
            .command = HOSTOS_UPGRADE, .url = BYTES("u"), .hash = BYTES("h"), .legacy = true});
        up();
        answer(V0);
        if (i == 1) { /* time that passes before it is sent is no success */
            tell(ENDPOINT_RESET, MOTE_ERR_TIMEOUT);
            assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: no answer");
            return;
        }
        up();
        assert_string_equal(sent, "{\"message\":\"upgrade[u h]\",\"sender_cid\":\"3\"}");
        assert_true(client_deadline() == fake_now + 5 * S);
        fake_now += 5 * S;
        client_tick(fake_now);
        assert_int_equal(c->status, CLIENT_DONE);
        client_free(c);
    }
}

/* Behind the longest request there is room for a protocol's version. */
static void test_longest_request(void **state)
{
    static const char v0[] = "\"notify[1, ]\"";
    static char text[HOSTOS_REQUEST_MAX], no[CLIENT_DATA_MAX];
    size_t forms = strlen(HELLO) - strlen("hello") - strlen(PROBE) +
                   strlen("\"GetVsockProtocol\"") + strlen(v0);
    struct hostos_request r = {.command = HOSTOS_NOTIFY,
                               .message = {text, (HOSTOS_REQUEST_MAX - forms) / 2},
                               .count = 1,
                               .legacy = true};
    (void)state;
    memset(text, 'y', sizeof text);
    memset(no, 'x', sizeof no);
    memcpy(no, "{\"Err\":\"", 8);
    memcpy(no + sizeof no - 2, "\"}", 2);
    for (int i = 0; i < 2; i++) {
        assert_non_null(begin(r));
        up();
        if (i == 0) {
            answer(V1);
            up();
            assert_int_equal(strlen(sent), strlen(HELLO) - strlen("hello") + r.message.n);
        }
        say(no, sizeof no, 1000);
        tell(ENDPOINT_CLOSED, 0);
        assert_int_equal(c->status, CLIENT_REFUSED);
        if (i == 0)
            assert_int_equal(c->error_len, sizeof no - 10);
        else /* behind the request, there is no room for it all */
            assert_memory_equal(c->error + c->error_len - 15, " [cut off here]", 15);
        client_free(c);
    }
    r.message.n++;
    assert_null(begin(r));
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
        cmocka_unit_test_setup(test_legacy_host_of_v1, fresh),
        cmocka_unit_test_setup(test_legacy_host_of_v0, fresh),
        cmocka_unit_test_setup(test_what_v0_can_not_say, fresh),
        cmocka_unit_test_setup(test_probe, fresh),
        cmocka_unit_test_setup(test_legacy_upgrade, fresh),
        cmocka_unit_test_setup(test_longest_request, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
