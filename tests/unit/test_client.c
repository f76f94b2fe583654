/* SPDX-License-Identifier: MIT */
/* The engine of those that dial: connections and time, whatever a protocol says. */
#include "tests/unit/clients.h"

static void test_exchange(void **state)
{
    (void)state;
    on_connected = send_text;
    on_progress = take_all;
    struct client *c = begin(&protocol);
    int conn = c->conn;
    assert_int_equal(fake_connections[conn].port, 19090);
    assert_true(client_deadline() == fake_now + PATIENCE);
    assert_false(client_event(&(struct endpoint_event){.type = ENDPOINT_CONNECTED, .conn = 15}));
    assert_int_equal(connects, 0);
    tell(ENDPOINT_CONNECTED, conn, 0);
    assert_int_equal(fake_connections[conn].sent_len, 5);
    assert_memory_equal(fake_connections[conn].sent, "hello", 5);
    fake_endpoint_receive(conn, "wor", 3);
    tell(ENDPOINT_DATA, conn, 0);
    assert_int_equal(c->status, CLIENT_RUNNING);
    fake_endpoint_receive(conn, "ld", 2);
    tell(ENDPOINT_DATA, conn, 0);
    tell(ENDPOINT_CLOSED, conn, 0);
    assert_int_equal(c->status, CLIENT_DONE);
    assert_int_equal(c->len, 5);
    assert_memory_equal(c->data, "world", 5);
    assert_int_equal(fake_connections[conn].is, FAKE_CLOSED);
    assert_int_equal(ends, 1);
    assert_true(client_deadline() == UINT64_MAX);
    /* its number is somebody else's by now */
    assert_false(client_event(&(struct endpoint_event){.type = ENDPOINT_RESET, .conn = conn}));
    client_free(c);
    assert_int_equal(ends, 1);
}

/* What the peer has said can be read behind its end. */
static void test_half_close(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    fake_endpoint_receive(c->conn, "late", 4);
    tell(ENDPOINT_CLOSED, c->conn, 0);
    assert_true(c->peer_done);
    assert_int_equal(progresses, 1);
    client_collect(c);
    assert_int_equal(c->len, 4);
    client_free(c);
    assert_int_equal(ends, 1);
}

static void test_more_than_is_kept(void **state)
{
    static char bytes[CLIENT_DATA_MAX + 100];
    (void)state;
    struct client *c = begin_up(&protocol);
    memset(bytes, 'x', sizeof bytes);
    fake_endpoint_receive(c->conn, bytes, 90);
    client_collect(c);
    fake_endpoint_receive(c->conn, bytes, sizeof bytes);
    client_collect(c);
    assert_int_equal(c->len, CLIENT_DATA_MAX);
    assert_true(c->seen == sizeof bytes + 90);
    client_free(c);
}

/* Nothing of an exchange is left in its place, also of what was dropped before its end. */
static void test_wiped(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    const char *data = c->data;
    fake_endpoint_receive(c->conn, "secret", 6);
    client_collect(c);
    c->len = 2;
    memset(c->state, 's', sizeof c->state);
    client_fail(c, "of the test: %s", "secret");
    assert_memory_equal(data, "secret", 6);
    client_free(c);
    for (int i = 0; i < 6; i++)
        assert_int_equal(data[i], 0);
    for (size_t i = 0; i < sizeof *c; i++)
        assert_int_equal(((const char *)c)[i], 0);
}

static void test_connect_fails(void **state)
{
    static const struct {
        int error;
        const char *text;
    } rows[] = {
        {MOTE_ERR_INVALID, "peer: port 19090 of the host: the host's CID is not allowed"},
        {MOTE_ERR_UNSUPPORTED, "peer: port 19090 of the host: there is no way to a host from here"},
        {MOTE_ERR_IO, "peer: port 19090 of the host: cannot connect"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_connect_error = rows[i].error;
        struct client *c = begin(&protocol);
        assert_error(c, CLIENT_FAILED, rows[i].text);
        assert_int_equal(ends, i + 1);
        assert_int_equal(losses, 0);
        client_free(c);
    }
}

static void test_connection_ends(void **state)
{
    static const struct {
        int error;
        const char *text;
    } rows[] = {
        {MOTE_ERR_REFUSED, "plain: port 19090 of the host: connection refused"},
        {MOTE_ERR_TIMEOUT, "plain: port 19090 of the host: no answer"},
        {MOTE_ERR_RESET, "plain: port 19090 of the host: connection reset"},
    };
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct client *c = begin(&plain);
        tell(ENDPOINT_RESET, c->conn, rows[i].error);
        assert_error(c, CLIENT_FAILED, rows[i].text);
        client_free(c);
        c = begin_up(&protocol);
        tell(ENDPOINT_RESET, c->conn, rows[i].error);
        assert_int_equal(c->status, CLIENT_FAILED);
        assert_int_equal(losses, i + 1);
        assert_int_equal(lost_error, rows[i].error);
        client_free(c);
    }
}

static bool redial(struct client *c)
{
    client_redial(c);
    c->deadline = fake_now + PATIENCE;
    return true;
}

static bool accept_it(struct client *c)
{
    client_done(c);
    return true;
}

static bool go_on(struct client *c)
{
    (void)c;
    return true;
}

/* A protocol may deal with a loss: by another connection, or by being content. */
static void test_loss_is_dealt_with(void **state)
{
    (void)state;
    on_lost = redial;
    struct client *c = begin_up(&protocol);
    c->len = c->used = 3;
    tell(ENDPOINT_CLOSED, c->conn, 0);
    tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET);
    assert_int_equal(c->status, CLIENT_RUNNING);
    assert_false(c->peer_done);
    assert_int_equal(fake_connects, 2);
    assert_int_equal(c->len, 3);
    assert_false(c->is_connected);
    tell(ENDPOINT_CONNECTED, c->conn, 0);
    assert_int_equal(connects, 2);
    on_lost = accept_it;
    tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET);
    assert_int_equal(c->status, CLIENT_DONE);
    client_free(c);
}

static void test_deadline(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    int conn = c->conn;
    client_tick(fake_now + PATIENCE - 1);
    assert_int_equal(c->status, CLIENT_RUNNING);
    client_tick(fake_now + PATIENCE);
    assert_error(c, CLIENT_FAILED, "peer: port 19090 of the host: no answer");
    assert_int_equal(fake_connections[conn].is, FAKE_ABORTED);
    client_tick(fake_now + 2 * PATIENCE);
    assert_int_equal(losses, 1);
    client_free(c);
}

static void test_deadline_is_dealt_with(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    on_lost = redial;
    fake_now += PATIENCE;
    client_tick(fake_now);
    assert_int_equal(c->status, CLIENT_RUNNING);
    assert_true(client_deadline() == fake_now + PATIENCE);
    on_lost = go_on; /* but with nothing done about the deadline it would be asked for ever */
    fake_now += PATIENCE;
    client_tick(fake_now);
    assert_int_equal(c->status, CLIENT_FAILED);
    client_free(c);
}

static void test_every_connection_is_in_use(void **state)
{
    (void)state;
    fake_connect_error = MOTE_ERR_NO_RESOURCES;
    struct client *c = begin(&protocol);
    struct client *never = begin(&protocol);
    assert_int_equal(c->status, CLIENT_RUNNING);
    assert_true(client_deadline() < fake_now + S);
    uint64_t began = fake_now;
    fake_now = client_deadline();
    client_tick(fake_now);
    assert_int_equal(fake_connects, 4);
    client_tick(fake_now);
    assert_int_equal(fake_connects, 4); /* not in every turn */
    fake_connect_error = 0;
    fake_now = client_deadline();
    never->next_try = UINT64_MAX; /* it is unlucky */
    client_tick(fake_now);
    assert_int_not_equal(c->conn, -1);
    tell(ENDPOINT_CONNECTED, c->conn, 0);
    fake_now = began + PATIENCE;
    client_tick(fake_now);
    assert_error(never, CLIENT_FAILED, "peer: port 19090 of the host: no connection is free");
    assert_int_equal(losses, 1); /* of the other */
    client_free(c);
    client_free(never);
}

static void test_no_room_to_send(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    fake_connections[c->conn].is_full = true;
    assert_false(client_send(c, "x", 1));
    fake_connections[c->conn].is_full = false;
    on_progress = send_text;
    tell(ENDPOINT_ROOM, c->conn, 0);
    assert_int_equal(fake_connections[c->conn].sent_len, 5);
    client_free(c);
}

/* Turns that are asked for come whether anything arrives or not. */
static void test_again(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    client_again(c);
    assert_true(client_deadline() == 0);
    client_tick(fake_now);
    assert_int_equal(progresses, 1);
    assert_true(client_deadline() == fake_now + PATIENCE);
    client_tick(fake_now);
    assert_int_equal(progresses, 1);
    client_free(c);
}

static void test_free_while_it_runs(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    int conn = c->conn;
    client_free(c);
    assert_int_equal(fake_connections[conn].is, FAKE_ABORTED);
    assert_int_equal(ends, 1);
    c = begin_up(&orderly);
    conn = c->conn;
    client_free(c);
    assert_int_equal(fake_connections[conn].is, FAKE_CLOSED);
}

static void test_refusal_is_told_as_it_came(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    int conn = c->conn;
    fake_endpoint_receive(conn, "no", 2);
    client_collect(c);
    client_refused(c, c->data, c->len);
    assert_error(c, CLIENT_REFUSED, "no");
    assert_int_equal(fake_connections[conn].is, FAKE_CLOSED);
    client_free(c);
}

static void test_long_error_is_cut(void **state)
{
    char text[CLIENT_ERROR_MAX + 50];
    (void)state;
    struct client *c = begin_up(&protocol);
    memset(text, 'x', sizeof text);
    client_fail(c, "%.*s", (int)sizeof text, text);
    assert_int_equal(c->error_len, CLIENT_ERROR_MAX - 1);
    assert_memory_equal(c->error, "peer: xxx", 9);
    client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exchange),
        TEST(test_half_close),
        TEST(test_more_than_is_kept),
        TEST(test_wiped),
        TEST(test_connect_fails),
        TEST(test_connection_ends),
        TEST(test_loss_is_dealt_with),
        TEST(test_deadline),
        TEST(test_deadline_is_dealt_with),
        TEST(test_every_connection_is_in_use),
        TEST(test_no_room_to_send),
        TEST(test_again),
        TEST(test_free_while_it_runs),
        TEST(test_refusal_is_told_as_it_came),
        TEST(test_long_error_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
