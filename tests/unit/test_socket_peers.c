/* SPDX-License-Identifier: MIT */
/*
 * The endpoint over sockets: who is let in, how many, what it connects to, and a guest that is
 * moved.
 */
#include "tests/unit/sockets.h"

#include <sys/resource.h>

/* --- who is let in --- */

static void test_allow_list(void **state)
{
    static const struct {
        uint32_t cid;
        bool allowed;
    } rows[] = {{2, true}, {1, false}, {3, false}, {7, true}, {0, false}, {0xffffffff, false}};
    (void)state;
    assert_int_equal(endpoint_allow(7), MOTE_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_vsock.peer_cid = rows[i].cid;
        int fd = new_client();
        assert_int_equal(client_end(fd), rows[i].allowed ? -EAGAIN : -ECONNRESET);
        assert_int_equal(endpoint_next_event(&told), rows[i].allowed);
        close(fd);
        abort_all();
    }
}

static void test_allow_list_is_full(void **state)
{
    (void)state;
    for (uint64_t cid = 10; cid < 13; cid++) /* beside the host */
        assert_int_equal(endpoint_allow(cid), MOTE_OK);
    assert_int_equal(endpoint_allow(13), MOTE_ERR_NO_ROOM);
    assert_int_equal(endpoint_allow(12), MOTE_OK);
}

/* Who comes by TCP or a unix socket is the host. */
static void test_host_that_is_not_allowed(void **state)
{
    (void)state;
    endpoint_unlisten(port);
    assert_int_equal(endpoint_start(), MOTE_OK);
    endpoint_allow(7);
    assert_int_equal(endpoint_listen(port), MOTE_OK);
    int fd = new_client();
    assert_int_equal(client_end(fd), is_unix() ? 0 : -ECONNRESET);
    assert_int_equal(endpoint_connections(), 0);
    close(fd);
}

static void test_more_than_slots(void **state)
{
    int c, fds[CONNS];
    (void)state;
    for (int i = 0; i < CONNS; i++)
        fds[i] = accept_client(&c);
    for (int i = 0; i < 20; i++) { /* nobody is left in the backlog */
        int fd = new_client();
        assert_int_equal(client_end(fd), is_unix() ? 0 : -ECONNRESET);
        close(fd);
    }
    expect_no_event();
    expect_sleep();
    assert_int_equal(endpoint_connections(), CONNS);
    close(fds[3]);
    expect_event(CLOSED);
    endpoint_close(told.conn);
    endpoint_flush();
    int again = accept_client(&c);
    assert_int_equal(c, 3);
    close(again);
    for (int i = 0; i < CONNS; i++)
        if (i != 3)
            close(fds[i]);
}

/* There can't be another one until the limit is what it was before. */
static void no_files(struct rlimit *before)
{
    getrlimit(RLIMIT_NOFILE, before);
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = before->rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
}

/* Without a file number for the next connection there is a pause, not a busy loop. */
static void test_no_more_files(void **state)
{
    struct rlimit before;
    (void)state;
    int fd = new_client();
    no_files(&before);
    settle();
    assert_said("accept: too many open files: no new connection for a second\n");
    expect_sleep();
    setrlimit(RLIMIT_NOFILE, &before);
    assert_true(endpoint_deadline() == fake_now + SECOND);
    fake_now += SECOND - 1;
    expect_no_event();
    fake_now += 1;
    expect_event(REQUESTED);
    assert_true(endpoint_deadline() == UINT64_MAX);
    close(fd);
}

/* --- connecting --- */

/* A peer that listens at a port of the fake vsock. */
static int peer_listens(uint32_t *at, int backlog)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *at = find_free_port();
    a.sin_port = htons((uint16_t)*at);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void test_connect(void **state)
{
    uint32_t at;
    char *space;
    int listener = peer_listens(&at, 4);
    (void)state;
    int c = endpoint_connect(HOST, at);
    assert_true(c >= 0);
    assert_int_equal(endpoint_reserve(c, 1, &space), 0); /* not before the answer */
    expect_event(CONNECTED);
    assert_int_equal(told.conn, c);
    assert_int_equal(told.peer_port, at);
    assert_true(told.local_port != 0 && told.local_port != port);
    assert_true(endpoint_deadline() == UINT64_MAX);
    int fd = accept(listener, NULL, NULL);
    owner_says(c, "hello");
    expect_heard(fd, "hello");
    client_says(fd, "welcome");
    expect_event(DATA);
    expect_unread(c, "welcome");
    close(fd);
    close(listener);
}

static void test_connect_refused(void **state)
{
    (void)state;
    int c = endpoint_connect(HOST, find_free_port());
    expect_event(RESET);
    assert_int_equal(told.conn, c);
    assert_int_equal(told.error, MOTE_ERR_REFUSED);
    assert_true(endpoint_send_shut(c));
    endpoint_close(c);
    assert_int_equal(endpoint_connections(), 0);
    assert_int_equal(fake_vsock.cids_asked, 1); /* that is no reset of the transport */
}

/* A peer that answers nothing: its backlog is full. */
static void test_connect_timeout(void **state)
{
    uint32_t at;
    int c, listener = peer_listens(&at, 0);
    (void)state;
    do { /* those that fit */
        c = endpoint_connect(HOST, at);
        assert_true(c >= 0);
        settle();
    } while (endpoint_next_event(&told));
    assert_true(endpoint_deadline() == fake_now + 2 * SECOND);
    fake_now += 2 * SECOND - 1;
    expect_no_event();
    fake_now += 1;
    expect_event(RESET);
    assert_int_equal(told.conn, c);
    assert_int_equal(told.error, MOTE_ERR_TIMEOUT);
    endpoint_close(c);
    close(listener);
}

static void test_connect_given_up(void **state)
{
    uint32_t at;
    int listener = peer_listens(&at, 4);
    (void)state;
    endpoint_close(endpoint_connect(HOST, at));
    assert_int_equal(endpoint_connections(), 0);
    expect_no_event();
    close(listener);
}

static void test_connect_to_nobody_we_serve(void **state)
{
    (void)state;
    assert_int_equal(endpoint_connect(9, 80), MOTE_ERR_INVALID);
    assert_int_equal(endpoint_connections(), 0);
}

static void test_connect_without_files(void **state)
{
    struct rlimit before;
    (void)state;
    no_files(&before);
    assert_int_equal(endpoint_connect(HOST, 80), MOTE_ERR_NO_RESOURCES);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(endpoint_connections(), 0);
}

static void test_listen_without_files(void **state)
{
    struct rlimit before;
    (void)state;
    no_files(&before);
    assert_int_equal(endpoint_listen(22), MOTE_ERR_UNSUPPORTED);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_said(".22: too many open files\n");
}

static void test_connect_without_a_slot(void **state)
{
    uint32_t at;
    int listener = peer_listens(&at, CONNS);
    (void)state;
    for (int i = 0; i < CONNS; i++)
        assert_int_equal(endpoint_connect(HOST, at), i);
    assert_int_equal(endpoint_connect(HOST, at), MOTE_ERR_NO_RESOURCES);
    for (int i = 0; i < CONNS; i++)
        expect_event(CONNECTED);
    close(listener);
}

/* The host listens beside us, as with the unix sockets of a VMM. */
static void test_connect_by_unix_socket(void **state)
{
    char other[128];
    (void)state;
    int c = endpoint_connect(HOST, 80);
    expect_event(RESET);
    assert_int_equal(told.error, MOTE_ERR_REFUSED);
    endpoint_close(c);
    snprintf(other, sizeof other, "%s_80", path);
    strcpy(path, other);
    int listener = bind_to_path();
    listen(listener, 1);
    c = endpoint_connect(HOST, 80);
    expect_event(CONNECTED);
    assert_int_equal(told.conn, c);
    owner_says(c, "hello");
    int fd = accept(listener, NULL, NULL);
    expect_heard(fd, "hello");
    endpoint_allow(9);
    assert_int_equal(endpoint_connect(9, 80), MOTE_ERR_UNSUPPORTED);
    close(fd);
    close(listener);
}

/* Nobody can know where the host is. */
static void test_connect_by_tcp(void **state)
{
    (void)state;
    assert_int_equal(endpoint_connect(HOST, port), MOTE_ERR_UNSUPPORTED);
    assert_int_equal(endpoint_connections(), 0);
}

/* --- a guest that was moved --- */

/* All connections end; that it was the transport is seen by our CID, and told of first. */
static void test_transport_reset(void **state)
{
    int a, b, fd_a = accept_client(&a), fd_b = accept_client(&b);
    (void)state;
    assert_int_equal(endpoint_cid(), 3);
    fake_vsock.cid = 43;
    reset_client(fd_a);
    reset_client(fd_b);
    expect_event(TRANSPORT_RESET);
    assert_int_equal(told.conn, -1);
    assert_int_equal(endpoint_cid(), 43);
    for (int i = 0; i < 2; i++) {
        expect_event(RESET);
        endpoint_close(told.conn);
    }
    expect_no_event();
    int c, fd = accept_client(&c); /* listeners stay */
    close(fd);
}

static void test_reset_of_one(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    reset_client(fd);
    expect_event(RESET);
    endpoint_close(told.conn);
    expect_no_event();
}

/* Who does not know the CID does not know of a new one either. */
static void test_reset_without_a_cid(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    fake_vsock.error = -ENODEV;
    fake_vsock.cid = 43;
    reset_client(fd);
    expect_event(RESET);
    endpoint_close(told.conn);
    expect_no_event();
    assert_int_equal(endpoint_cid(), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_VSOCK(test_allow_list),
        ON_VSOCK(test_allow_list_is_full),
        ON_BOTH(test_host_that_is_not_allowed),
        ON_BOTH(test_more_than_slots),
        ON_BOTH(test_no_more_files),
        ON_VSOCK(test_connect),
        ON_VSOCK(test_connect_refused),
        ON_VSOCK(test_connect_timeout),
        ON_VSOCK(test_connect_given_up),
        ON_VSOCK(test_connect_to_nobody_we_serve),
        ON_VSOCK(test_connect_without_a_slot),
        ON_VSOCK(test_connect_without_files),
        ON_UNIX(test_listen_without_files),
        ON_UNIX(test_connect_by_unix_socket),
        ON_TCP(test_connect_by_tcp),
        ON_VSOCK(test_transport_reset),
        ON_VSOCK(test_reset_of_one),
        ON_VSOCK(test_reset_without_a_cid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
