/* SPDX-License-Identifier: MIT */
/* The engine of those that dial: after a transport reset, and when all places are taken. */
#include "tests/unit/clients.h"

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
        TEST(test_moved_and_repeated_once),
        TEST(test_moved_and_not_repeated),
        TEST(test_moved_before_there_was_a_connection),
        TEST(test_eight_at_once),
        TEST(test_place_of_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
