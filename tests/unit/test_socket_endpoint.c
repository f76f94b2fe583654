/* SPDX-License-Identifier: MIT */
/* The endpoint over sockets, one connection: requests and answers, halves, and every end. */
#include "tests/unit/sockets.h"

static void test_request_and_answer(void **state)
{
    int c, fd = new_client();
    (void)state;
    expect_event(REQUESTED);
    c = told.conn;
    assert_int_equal(told.local_port, port);
    assert_int_equal(told.peer_port == 0, is_unix());
    assert_int_equal(endpoint_accept(c), MOTE_OK);
    expect_no_event();
    client_says(fd, "question");
    expect_event(DATA);
    assert_int_equal(told.conn, c);
    expect_unread(c, "question");
    endpoint_consume(c, 4);
    expect_unread(c, "tion");
    expect_no_event(); /* told of once */
    endpoint_consume(c, 4);
    owner_says(c, "answer");
    expect_heard(fd, "answer");
    assert_false(endpoint_send_shut(c));
    assert_int_equal(endpoint_connections(), 1);
    close(fd);
}

/* New bytes are told of again, and lie behind the old. */
static void test_new_bytes(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    client_says(fd, "half ");
    expect_event(DATA);
    client_says(fd, "line");
    expect_event(DATA);
    expect_unread(c, "half line");
    close(fd);
}

/* Everything at once, and the client is gone before anybody looks: it is told in order. */
static void test_client_that_leaves_at_once(void **state)
{
    int fd = new_client();
    (void)state;
    client_says(fd, "do this");
    close(fd);
    expect_event(REQUESTED);
    int c = told.conn;
    assert_int_equal(endpoint_accept(c), MOTE_OK);
    expect_event(DATA);
    expect_unread(c, "do this");
    expect_event(CLOSED);
    endpoint_consume(c, 7);
    settle();
    assert_int_equal(endpoint_send_shut(c), is_unix()); /* by TCP it may still be reading */
    if (!is_unix())
        owner_says(c, "to nobody");
    endpoint_close(c);
    settle();
    assert_int_equal(endpoint_connections(), 0);
}

static void test_half_close(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    client_says(fd, "last words");
    shutdown(fd, SHUT_WR);
    expect_event(DATA);
    expect_event(CLOSED);
    expect_unread(c, "last words");
    expect_sleep();
    owner_says(c, "heard");
    expect_heard(fd, "heard");
    endpoint_close(c);
    endpoint_flush();
    assert_int_equal(endpoint_connections(), 0); /* both ends agree: nothing to wait for */
    assert_int_equal(client_end(fd), 0);
    close(fd);
}

static void test_our_half_close(void **state)
{
    char *space;
    int c, fd = accept_client(&c);
    (void)state;
    owner_says(c, "that is all");
    endpoint_shutdown(c);
    assert_true(endpoint_send_shut(c));
    assert_int_equal(endpoint_reserve(c, 1, &space), 0);
    endpoint_flush();
    expect_heard(fd, "that is all");
    assert_int_equal(client_end(fd), 0);
    client_says(fd, "thanks");
    expect_event(DATA);
    expect_unread(c, "thanks");
    close(fd);
    expect_event(CLOSED);
}

/* What the peer sends behind its last question must not cost it the answer. */
static void test_close_delivers_what_was_sent(void **state)
{
    char answer[SEND];
    int c, fd = accept_client(&c);
    (void)state;
    client_says(fd, "question and more");
    expect_event(DATA);
    memset(answer, 'a', sizeof answer - 1);
    answer[sizeof answer - 1] = '\0';
    owner_says(c, answer);
    endpoint_close(c);
    settle();
    assert_int_equal(endpoint_connections(), 1);
    client_says(fd, "and more");
    settle();
    for (size_t i = 0; i + 1 < sizeof answer; i++)
        expect_heard(fd, "a");
    assert_int_equal(client_end(fd), 0);
    assert_int_equal(endpoint_connections(), 1);
    close(fd);
    settle();
    assert_int_equal(endpoint_connections(), 0);
    expect_no_event(); /* nobody owns it */
}

/* Who let go of a connection hears of it no more. */
static void test_close_with_news_untold(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    client_says(fd, "too late");
    while (endpoint_may_wait())
        turn();
    endpoint_close(c);
    expect_no_event();
    close(fd);
}

static void test_close_waits_two_seconds_at_most(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    assert_true(endpoint_deadline() == UINT64_MAX);
    endpoint_close(c);
    poll_and_flush();
    assert_true(endpoint_deadline() == fake_now + 2 * SECOND);
    fake_now += 2 * SECOND - 1;
    settle();
    assert_int_equal(endpoint_connections(), 1);
    fake_now += 1;
    poll_and_flush();
    assert_int_equal(endpoint_connections(), 0);
    assert_int_equal(client_end(fd), 0);
    close(fd);
}

/* Sends until nothing more fits anywhere; returns how much. */
static uint32_t fill(int conn)
{
    uint32_t room, sum = 0;
    char *space;

    do {
        while ((room = endpoint_reserve(conn, 1, &space)) != 0) {
            memset(space, 'f', room);
            endpoint_send(conn, room);
            sum += room;
        }
        settle();
    } while (endpoint_next_event(&told) && told.type == ENDPOINT_ROOM);
    return sum;
}

/* Reads to the end; returns the bytes, *end is 0 or -errno. */
static uint32_t read_all(int fd, int *end)
{
    static char bytes[65536];
    uint32_t sum = 0;
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        sum += (uint32_t)n;
    *end = n < 0 ? -errno : 0;
    return sum;
}

/* A peer that does not read: what it lacks must not look like an orderly end. */
static void test_close_without_a_reader_ends_in_a_reset(void **state)
{
    int end, c, fd = accept_client(&c);
    (void)state;
    uint32_t sent = fill(c);
    endpoint_close(c);
    settle();
    assert_int_equal(endpoint_connections(), 1);
    fake_now += 2 * SECOND;
    poll_and_flush();
    assert_int_equal(endpoint_connections(), 0);
    assert_true(read_all(fd, &end) < sent);
    assert_int_equal(end, is_unix() ? 0 : -ECONNRESET);
    close(fd);
}

static void test_abort(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    endpoint_abort(c);
    assert_int_equal(endpoint_connections(), 0);
    assert_int_equal(client_end(fd), is_unix() ? 0 : -ECONNRESET);
    close(fd);
}

static void test_refusal(void **state)
{
    int fd = new_client();
    (void)state;
    expect_event(REQUESTED);
    endpoint_close(told.conn);
    assert_int_equal(endpoint_connections(), 0);
    assert_int_equal(client_end(fd), is_unix() ? 0 : -ECONNRESET);
    close(fd);
}

/* A unix socket is reset by what its peer did not read. */
static void lose_client(int fd, int conn)
{
    owner_says(conn, "unread");
    settle();
    reset_client(fd);
}

static void test_peer_reset(void **state)
{
    char *space;
    int c, fd = accept_client(&c);
    (void)state;
    lose_client(fd, c);
    expect_event(RESET);
    assert_int_equal(told.error, MOTE_ERR_RESET);
    assert_true(endpoint_send_shut(c));
    assert_int_equal(endpoint_reserve(c, 1, &space), 0);
    expect_sleep();
    assert_int_equal(endpoint_connections(), 1);
    endpoint_close(c);
    assert_int_equal(endpoint_connections(), 0);
}

/* What arrived before it is still told of first and can be read. */
static void test_peer_reset_behind_data(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    client_says(fd, "before");
    lose_client(fd, c);
    settle();
    expect_event(DATA);
    expect_event(RESET);
    expect_unread(c, "before");
    endpoint_close(c);
}

static void test_peer_reset_behind_its_end(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    shutdown(fd, SHUT_WR);
    expect_event(CLOSED);
    lose_client(fd, c);
    expect_event(RESET);
    assert_int_equal(told.error, MOTE_ERR_RESET);
    endpoint_close(c);
    assert_int_equal(endpoint_connections(), 0);
}

/* The end comes to light in sending; what was received before is not lost with it. */
static void test_peer_reset_seen_by_sending(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    owner_says(c, "unread");
    client_says(fd, "before");
    reset_client(fd);
    owner_says(c, "into nothing");
    assert_true(endpoint_send_shut(c));
    expect_event(DATA);
    expect_unread(c, "before");
    expect_event(RESET);
    endpoint_close(c);
    assert_int_equal(endpoint_connections(), 0);
}

static void test_peer_that_has_gone_is_not_accepted(void **state)
{
    int fd = new_client();
    (void)state;
    reset_client(fd);
    expect_event(REQUESTED);
    settle();
    assert_int_equal(endpoint_accept(told.conn), MOTE_ERR_INVALID);
    endpoint_close(told.conn);
    assert_int_equal(endpoint_connections(), 0);
    expect_no_event();
}

static void test_close_all(void **state)
{
    int a, b, fd_a = accept_client(&a), fd_b = accept_client(&b);
    (void)state;
    owner_says(a, "to a");
    owner_says(b, "to b");
    endpoint_close(a);
    endpoint_close_all();
    poll_and_flush();
    expect_heard(fd_a, "to a");
    expect_heard(fd_b, "to b");
    assert_int_equal(client_end(fd_a), 0);
    assert_int_equal(client_end(fd_b), 0);
    assert_int_equal(endpoint_connections(), 2);
    close(fd_a);
    close(fd_b);
    settle();
    assert_int_equal(endpoint_connections(), 0);
}

static void test_connections_are_not_mixed_up(void **state)
{
    int a, b, fd_a = accept_client(&a), fd_b = accept_client(&b);
    (void)state;
    client_says(fd_a, "for ");
    client_says(fd_b, "for b");
    client_says(fd_a, "a");
    settle();
    expect_unread(a, "for a");
    expect_unread(b, "for b");
    owner_says(b, "B");
    owner_says(a, "A");
    expect_heard(fd_a, "A");
    expect_heard(fd_b, "B");
    close(fd_a);
    close(fd_b);
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * CONNS; i++) {
        int c, fd = accept_client(&c);
        assert_int_equal(c, 0);
        close(fd);
        expect_event(CLOSED);
        endpoint_close(c);
        endpoint_flush();
    }
}

/* Nobody may sleep over what has not been told yet. */
static void test_news_are_not_slept_over(void **state)
{
    int fd = new_client();
    (void)state;
    assert_true(endpoint_may_wait());
    platform_wait(fake_now + 60 * SECOND);
    assert_false(endpoint_may_wait());
    assert_true(endpoint_flush());
    expect_event(REQUESTED);
    assert_false(endpoint_flush());
    assert_true(endpoint_may_wait());
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_request_and_answer),
        ON_BOTH(test_new_bytes),
        ON_BOTH(test_client_that_leaves_at_once),
        ON_BOTH(test_half_close),
        ON_BOTH(test_our_half_close),
        ON_BOTH(test_close_delivers_what_was_sent),
        ON_BOTH(test_close_with_news_untold),
        ON_BOTH(test_close_waits_two_seconds_at_most),
        ON_BOTH(test_close_without_a_reader_ends_in_a_reset),
        ON_BOTH(test_abort),
        ON_BOTH(test_refusal),
        ON_BOTH(test_peer_reset),
        ON_BOTH(test_peer_reset_behind_data),
        ON_BOTH(test_peer_reset_behind_its_end),
        ON_BOTH(test_peer_reset_seen_by_sending),
        ON_TCP(test_peer_that_has_gone_is_not_accepted),
        ON_BOTH(test_close_all),
        ON_BOTH(test_connections_are_not_mixed_up),
        ON_BOTH(test_one_after_the_other),
        ON_BOTH(test_news_are_not_slept_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
