/* SPDX-License-Identifier: MIT */
/* Telling the host that the guest is ready and how it ends, whatever the host does. */
#include "agent/notify.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#define S    UINT64_C(1000000000)
#define CONN 3 /* the number that the next connect gives */

static const char *option;
static int connect_result;
static uint64_t cid;
static uint32_t port;
static int connects, closes, shutdowns;
static char sent[64];

const char *platform_option(const char *key, const char *after, size_t *len)
{
    assert_string_equal(key, "mote.notify");
    if (option == NULL || after == option)
        return NULL;
    *len = strcspn(option, " ");
    return option;
}

int endpoint_connect(uint64_t to, uint32_t to_port)
{
    cid = to;
    port = to_port;
    connects++;
    return connect_result;
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **space)
{
    assert_int_equal(conn, CONN);
    *space = sent + strlen(sent);
    return least;
}

void endpoint_send(int conn, uint32_t n)
{
    assert_int_equal(conn, CONN);
    assert_true(strlen(sent) == n);
}

void endpoint_shutdown(int conn)
{
    assert_int_equal(conn, CONN);
    shutdowns++;
}

void endpoint_close(int conn)
{
    assert_int_equal(conn, CONN);
    closes++;
}

uint32_t endpoint_peek(int conn, const char **data)
{
    (void)conn;
    *data = "what?";
    return 5;
}

void endpoint_consume(int conn, uint32_t n)
{
    (void)conn;
    assert_int_equal(n, 5);
}

static bool tell(enum endpoint_event_type type, int conn, int error)
{
    return notify_event(
        &(struct endpoint_event){.type = type, .conn = conn, .local_port = 4000, .error = error});
}

/* A fresh notification; what a test before left unfinished times out. */
static int begin(void **state)
{
    (void)state;
    fake_now += 10 * S;
    notify_tick(fake_now);
    option = "vsock:7:5000 quiet";
    connect_result = CONN;
    memset(sent, 0, sizeof sent);
    assert_int_equal(notify_start(), MOTE_OK);
    connects = closes = shutdowns = 0;
    return 0;
}

static void test_addresses(void **state)
{
    static const struct {
        const char *option;
        uint64_t cid;
        uint32_t port;
    } good[] = {
        {"5000", 2, 5000},
        {"vsock:3:1 mote.x=y", 3, 1},
        {"vsock-stream:4294967295:0", UINT32_MAX, 0},
    };
    static const char *const bad[] = {
        "",         "x",           "5000x",   "4294967296",     "vsock:5", "vsock:5:",
        "vsock::5", "vsock:5:6:7", "tcp:1:2", "vsock-stream:2", "vsock:",  "-1"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        option = bad[i];
        assert_int_equal(notify_start(), MOTE_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        fake_now += 10 * S;
        notify_tick(fake_now);
        option = good[i].option;
        assert_int_equal(notify_start(), MOTE_OK);
        notify_ready();
        assert_true(cid == good[i].cid);
        assert_int_equal(port, good[i].port);
    }
}

static void test_ready(void **state)
{
    (void)state;
    notify_ready();
    assert_int_equal(cid, 7);
    assert_int_equal(port, 5000);
    assert_int_equal(shutdowns, 0);
    assert_false(tell(ENDPOINT_CONNECTED, CONN + 1, 0)); /* somebody else's */
    assert_true(tell(ENDPOINT_CONNECTED, CONN, 0));
    assert_string_equal(sent, "READY=1\n");
    assert_int_equal(shutdowns, 1);
    assert_true(tell(ENDPOINT_DATA, CONN, 0));
    assert_int_equal(closes, 0);
    assert_true(notify_deadline() == fake_now + 3 * S);
    assert_true(tell(ENDPOINT_CLOSED, CONN, 0));
    assert_int_equal(closes, 1);
    assert_true(notify_deadline() == UINT64_MAX);
    assert_false(tell(ENDPOINT_DATA, CONN, 0)); /* the next with this number */
}

static void test_nobody_wants_to_know(void **state)
{
    (void)state;
    option = NULL;
    assert_int_equal(notify_start(), MOTE_OK);
    notify_ready();
    assert_int_equal(connects, 0);
    assert_true(notify_deadline() == UINT64_MAX);
    assert_false(tell(ENDPOINT_TRANSPORT_RESET, -1, 0)); /* it is of no connection */
}

static void test_one_that_can_not_be_told(void **state)
{
    static const int errors[] = {MOTE_ERR_REFUSED, MOTE_ERR_TIMEOUT, MOTE_ERR_RESET};
    (void)state;
    for (int i = 0; i < 3; i++) {
        notify_ready();
        assert_true(tell(ENDPOINT_RESET, CONN, errors[i]));
        assert_int_equal(closes, i + 1);
        assert_true(notify_deadline() == UINT64_MAX);
    }
    static const int refusals[] = {MOTE_ERR_INVALID, MOTE_ERR_UNSUPPORTED};
    for (int i = 0; i < 2; i++) {
        connect_result = refusals[i];
        notify_ready();
        assert_true(notify_deadline() == UINT64_MAX);
    }
    assert_int_equal(closes, 3);
}

/* A silent host is waited for until a deadline, however often the loop turns. */
static void test_silent_host(void **state)
{
    (void)state;
    notify_ready();
    tell(ENDPOINT_CONNECTED, CONN, 0);
    fake_now += 3 * S - 1;
    notify_tick(fake_now);
    assert_int_equal(closes, 0);
    notify_tick(++fake_now);
    assert_int_equal(closes, 1);
    assert_true(notify_deadline() == UINT64_MAX);
}

static void test_every_connection_is_in_use(void **state)
{
    (void)state;
    connect_result = MOTE_ERR_NO_RESOURCES;
    notify_ready();
    assert_true(notify_deadline() > fake_now);
    fake_now = notify_deadline();
    connect_result = CONN;
    notify_tick(fake_now);
    assert_int_equal(connects, 2);
    tell(ENDPOINT_CONNECTED, CONN, 0);
    assert_string_equal(sent, "READY=1\n");
}

/* The status is told once, and after a READY that is still on its way. Last: it ends it. */
static void test_exit(void **state)
{
    (void)state;
    notify_ready();
    assert_false(notify_exit(7));
    tell(ENDPOINT_CONNECTED, CONN, 0);
    assert_string_equal(sent, "READY=1\n");
    memset(sent, 0, sizeof sent);
    tell(ENDPOINT_CLOSED, CONN, 0);
    assert_false(notify_exit(7));
    assert_false(notify_exit(7));
    assert_int_equal(connects, 2);
    tell(ENDPOINT_CONNECTED, CONN, 0);
    assert_string_equal(sent, "EXIT_STATUS=7\n");
    assert_false(notify_exit(7));
    assert_true(notify_deadline() > fake_now);
    tell(ENDPOINT_CLOSED, CONN, 0);
    assert_true(notify_exit(7));
    assert_int_equal(connects, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_addresses, begin),
        cmocka_unit_test_setup(test_ready, begin),
        cmocka_unit_test_setup(test_nobody_wants_to_know, begin),
        cmocka_unit_test_setup(test_one_that_can_not_be_told, begin),
        cmocka_unit_test_setup(test_silent_host, begin),
        cmocka_unit_test_setup(test_every_connection_is_in_use, begin),
        cmocka_unit_test_setup(test_exit, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
