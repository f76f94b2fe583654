/* SPDX-License-Identifier: MIT */
/* The engine of those that dial: connections, time and places, whatever a protocol says. */
#include "agent/client.h"
#include "platform/platform.h"
#include "tests/unit/fake_endpoint.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#define S        UINT64_C(1000000000)
#define PATIENCE (5 * S)

/* What the protocol of these tests was called with, and what it does. */
static int connects, progresses, losses, ends, lost_error;
static void (*on_connected)(struct client *c);
static void (*on_progress)(struct client *c);
static bool (*on_lost)(struct client *c);

static void connected(struct client *c)
{
    connects++;
    if (on_connected != NULL)
        on_connected(c);
}

static void progress(struct client *c)
{
    progresses++;
    if (on_progress != NULL)
        on_progress(c);
}

static bool lost(struct client *c, int error)
{
    losses++;
    lost_error = error;
    return on_lost != NULL && on_lost(c);
}

static void end(struct client *c)
{
    assert_int_not_equal(c->status, CLIENT_RUNNING);
    assert_int_equal(c->conn, -1);
    ends++;
}

static const struct client_protocol protocol = {
    .peer = "peer", .connected = connected, .progress = progress, .lost = lost, .end = end};
static const struct client_protocol plain = {
    .peer = "plain", .connected = connected, .progress = progress};
static const struct client_protocol orderly = {
    .peer = "orderly", .connected = connected, .progress = progress, .is_orderly = true};

static struct client *all[CLIENTS_MAX + 1];

static void tell(enum endpoint_event_type type, int conn, int error)
{
    assert_true(client_event(&(struct endpoint_event){.type = type, .conn = conn, .error = error}));
}

static void move(void)
{
    assert_false(
        client_event(&(struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1}));
}

static struct client *begin(const struct client_protocol *p)
{
    struct client *c = client_new(p);

    assert_non_null(c);
    client_begin(c, 19090, PATIENCE);
    return c;
}

/* One with a connection that is up. */
static struct client *begin_up(const struct client_protocol *p)
{
    struct client *c = begin(p);

    tell(ENDPOINT_CONNECTED, c->conn, 0);
    assert_true(c->is_connected);
    return c;
}

static void assert_error(const struct client *c, enum client_status status, const char *text)
{
    assert_int_equal(c->status, status);
    assert_int_equal(c->error_len, strlen(text));
    assert_memory_equal(c->error, text, c->error_len);
}

static int set_up(void **state)
{
    (void)state;
    fake_endpoint_reset();
    connects = progresses = losses = ends = lost_error = 0;
    on_connected = on_progress = NULL;
    on_lost = NULL;
    memset(all, 0, sizeof all);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(client_deadline() == UINT64_MAX); /* every test has freed what it began */
    return fake_endpoint_open();
}

static void send_text(struct client *c)
{
    client_send(c, "hello", 5);
}

static void take_all(struct client *c)
{
    client_collect(c);
    if (c->peer_done)
        client_done(c);
}

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

/* A clock that was restored may have passed every deadline; what is asked once more has its time.
 */
static void test_moved_and_repeated_once(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    c->may_repeat = true;
    fake_endpoint_receive(c->conn, "half", 4);
    client_collect(c);
    move();
    fake_now += 1000 * S;
    tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET);
    client_tick(fake_now);
    assert_int_equal(c->status, CLIENT_RUNNING);
    assert_int_equal(losses, 0);
    assert_int_equal(c->len, 0);
    assert_true(c->seen == 0);
    assert_true(client_deadline() == fake_now + PATIENCE);
    tell(ENDPOINT_CONNECTED, c->conn, 0);
    assert_int_equal(connects, 2);
    const char *data = c->data;
    move();
    tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET);
    assert_error(c, CLIENT_FAILED, "peer: port 19090 of the host: connection reset");
    client_free(c);
    assert_int_equal(data[0], 0); /* of the first time, too */
}

static void test_moved_and_not_repeated(void **state)
{
    (void)state;
    struct client *c = begin_up(&protocol);
    move();
    tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET);
    assert_int_equal(c->status, CLIENT_FAILED);
    assert_int_equal(losses, 1);
    client_free(c);
    c = begin_up(&protocol); /* of another reset of the transport than that of its connection */
    c->may_repeat = true;
    tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET);
    assert_int_equal(c->status, CLIENT_FAILED);
    client_free(c);
}

/* Nothing was asked yet: it is begun again, as it was. */
static void test_moved_before_there_was_a_connection(void **state)
{
    (void)state;
    struct client *c = begin(&protocol);
    c->len = c->used = 7;
    for (int i = 2; i < 5; i++) {
        move();
        tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET);
        assert_int_equal(c->status, CLIENT_RUNNING);
        assert_int_equal(fake_connects, i);
        assert_int_equal(c->len, 7);
    }
    assert_int_equal(losses, 0);
    tell(ENDPOINT_CONNECTED, c->conn, 0);
    c->may_repeat = true;
    tell(ENDPOINT_RESET, c->conn, MOTE_ERR_RESET); /* this connection was not moved */
    assert_int_equal(c->status, CLIENT_FAILED);
    client_free(c);
}

static void test_eight_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        assert_true(client_has_place());
        all[i] = begin_up(&protocol);
        assert_ptr_equal(client_find(all[i]->id), all[i]);
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(all[i]->id, all[j]->id);
            assert_int_not_equal(all[i]->conn, all[j]->conn);
            assert_ptr_not_equal(all[i]->data, all[j]->data);
        }
    }
    assert_false(client_has_place());
    assert_null(client_new(&protocol));
    uint32_t id = all[3]->id;
    client_free(all[3]);
    assert_null(client_find(id));
    all[3] = begin(&protocol);
    assert_int_not_equal(all[3]->id, id);
    for (int i = 0; i < CLIENTS_MAX; i++)
        client_free(all[i]);
    assert_null(client_find(0));
}

/* Only the oldest that has ended, and that its owner can do without, gives way. */
static void test_place_of_the_oldest(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++)
        all[i] = begin_up(&protocol);
    all[0]->may_go = true;
    assert_false(client_has_place()); /* it runs */
    client_done(all[1]);
    assert_false(client_has_place()); /* somebody will ask */
    client_done(all[5]);
    client_done(all[2]);
    all[5]->may_go = all[2]->may_go = true;
    uint32_t second = all[2]->id, fifth = all[5]->id;
    memcpy(all[2]->data, "old", 3);
    all[2]->used = 3;
    struct client *c = begin(&protocol);
    assert_ptr_equal(c, all[2]);
    assert_null(client_find(second));
    assert_non_null(client_find(fifth));
    assert_int_equal(c->data[0], 0);
    assert_ptr_equal(begin(&protocol), all[5]);
    assert_false(client_has_place());
    for (int i = 0; i < CLIENTS_MAX; i++)
        client_free(all[i]);
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
        TEST(test_moved_and_repeated_once),
        TEST(test_moved_and_not_repeated),
        TEST(test_moved_before_there_was_a_connection),
        TEST(test_eight_at_once),
        TEST(test_place_of_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
