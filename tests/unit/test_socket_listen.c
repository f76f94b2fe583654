/* SPDX-License-Identifier: MIT */
/* The endpoint over sockets: where it listens, and what it says when it can't. */
#include "tests/unit/sockets.h"

static int start_at(const char *where)
{
    snprintf(listen_option, sizeof listen_option, "%s", where);
    int result = endpoint_start();
    endpoint_allow(HOST);
    return result;
}

static int start_at_path(const char *at)
{
    char where[256];

    snprintf(where, sizeof where, "unix:%s", at);
    return start_at(where);
}

/* --- which way --- */

/* What stereosd does: vsock for a guest that has a CID, else TCP; and the console says why. */
static void test_auto(void **state)
{
    static const struct {
        long error;
        uint32_t cid;
        bool vsock;
        const char *said;
    } rows[] = {
        {0, 3, true, "mote: listening on vsock port"},
        {0, 0xfffffffe, true, ", CID 4294967294\n"},
        {-ENOENT, 0, false, "no vsock: no /dev/vsock: the module vsock is missing\n"},
        {-EACCES, 0, false, "no vsock: /dev/vsock: permission denied\n"},
        {0, 0xffffffff, false, "vmw_vsock_virtio_transport is missing\n"},
        {0, 2, false, "no vsock: CID 2 is not a guest's\n"},
        {0, 1, false, "no vsock: CID 1 is not a guest's\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_vsock.error = rows[i].error;
        fake_vsock.cid = rows[i].cid;
        listen_at(i % 2 == 0 ? "auto" : "", find_free_port()); /* the same */
        assert_said(rows[i].said);
        assert_int_equal(endpoint_cid(), rows[i].vsock ? rows[i].cid : 0);
        fake_vsock.peer_cid = 7; /* counts on vsock alone */
        int fd = new_client();
        assert_int_equal(client_end(fd), rows[i].vsock ? -ECONNRESET : -EAGAIN);
        assert_int_equal(endpoint_next_event(&told), !rows[i].vsock);
        close(fd);
        abort_all();
        endpoint_unlisten(port);
    }
}

static void test_auto_when_vsock_fails_in_the_end(void **state)
{
    (void)state;
    fake_vsock.listen_error = -EAFNOSUPPORT;
    listen_at("auto", find_free_port());
    assert_said("address family not supported by protocol\n");
    assert_said("mote: listening on TCP 0.0.0.0:");
    int c, fd = accept_client(&c);
    close(fd);
}

/* A second agent beside the first, on another way, would serve nobody. */
static void test_auto_when_vsock_is_taken(void **state)
{
    (void)state;
    fake_vsock.listen_error = -EADDRINUSE;
    start_at("auto");
    assert_int_equal(endpoint_listen(CONTROL), MOTE_ERR_ALREADY_BOUND);
    assert_said("mote: port 1024 is taken: another agent listens there (vsock port 1024)\n");
}

/* What else the guest is there for goes on. */
static void test_auto_when_nothing_can_be_listened_on(void **state)
{
    (void)state;
    fake_vsock.error = -ENOENT;
    start_at("auto");
    assert_int_equal(endpoint_listen(65536), MOTE_OK);
    assert_said("mote: TCP 0.0.0.0:65536: invalid argument\n");
    assert_said("mote: nobody can reach this agent; it goes on without\n");
    expect_sleep();
    assert_int_equal(endpoint_listen(65536), MOTE_ERR_ALREADY_BOUND);
    assert_int_equal(endpoint_unlisten(65536), MOTE_OK);
}

/* With one listener there the way stays what it is. */
static void test_no_change_of_ways_later(void **state)
{
    (void)state;
    listen_at("auto", find_free_port());
    fake_vsock.listen_error = -EACCES;
    assert_int_equal(endpoint_listen(port + 1), MOTE_ERR_UNSUPPORTED);
    fake_vsock.listen_error = 0;
    fake_vsock.peer_cid = 7;
    int fd = new_client();
    assert_int_equal(client_end(fd), -ECONNRESET);
    close(fd);
}

static void test_vsock_or_nothing(void **state)
{
    (void)state;
    fake_vsock.error = -ENOENT;
    assert_int_equal(start_at("vsock"), MOTE_ERR_NOT_FOUND);
    assert_said("no /dev/vsock");
    fake_vsock = (struct fake_vsock){.cid = 0xffffffff};
    assert_int_equal(start_at("vsock"), MOTE_ERR_NOT_FOUND);
    fake_vsock = (struct fake_vsock){.cid = 1, .listen_error = -EAFNOSUPPORT};
    assert_int_equal(start_at("vsock"), MOTE_OK); /* vsock_loopback */
    assert_int_equal(endpoint_listen(CONTROL), MOTE_ERR_UNSUPPORTED);
    assert_said("mote: vsock port 1024: address family not supported by protocol\n");
}

static void test_words_that_are_no_way(void **state)
{
    static const char *const words[] = {"udp", "tcpx", "tc", "unix", "unix:", "Auto"};
    char long_path[160];
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_int_equal(start_at(words[i]), MOTE_ERR_INVALID);
    assert_said("mote: --listen tcpx: auto, vsock, tcp or unix:PATH\n");
    memset(long_path, 'x', sizeof long_path);
    long_path[101] = '\0';
    assert_int_equal(start_at_path(long_path), MOTE_OK);
    long_path[101] = 'x';
    long_path[102] = '\0';
    assert_int_equal(start_at_path(long_path), MOTE_ERR_INVALID);
    assert_said("mote: --listen unix:PATH: PATH has 1 to 101 bytes\n");
}

/* A port of the longest path: only its name tells that there is no room. */
static void test_ports_of_long_paths(void **state)
{
    char long_path[102];
    (void)state;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[101] = '\0';
    assert_int_equal(start_at_path(long_path), MOTE_OK);
    assert_int_equal(endpoint_listen(1000000), MOTE_ERR_UNSUPPORTED);
    assert_said(": file name too long\n");
    assert_int_equal(endpoint_connect(HOST, 1000000), MOTE_ERR_UNSUPPORTED);
}

static void test_last_option_wins(void **state)
{
    (void)state;
    earlier_option = "tcp";
    listen_at_unix();
    assert_int_equal(access(path, F_OK), 0);
}

/* --- ports --- */

static void test_listening(void **state)
{
    (void)state;
    int c, fd = accept_client(&c);
    assert_int_equal(endpoint_listen(port), MOTE_ERR_ALREADY_BOUND);
    assert_int_equal(endpoint_unlisten(port), MOTE_OK);
    assert_int_equal(endpoint_unlisten(port), MOTE_ERR_NOT_FOUND);
    assert_int_equal(new_client(), is_unix() ? -ENOENT : -ECONNREFUSED);
    client_says(fd, "still"); /* connections stay */
    expect_event(DATA);
    expect_unread(c, "still");
    assert_int_equal(endpoint_listen(port), MOTE_OK);
    int again = new_client();
    expect_event(REQUESTED);
    close(again);
    close(fd);
}

static void test_several_ports(void **state)
{
    char other[128];
    (void)state;
    uint32_t second = is_unix() ? 22 : find_free_port();
    assert_int_equal(endpoint_listen(second), MOTE_OK);
    snprintf(other, sizeof other, "%s.22", path);
    int fd = is_unix() ? connect_to_path(other) : connect_to_port(second);
    expect_event(REQUESTED);
    assert_int_equal(told.local_port, second);
    close(fd);
    assert_int_equal(endpoint_unlisten(second), MOTE_OK);
    assert_int_equal(access(other, F_OK), -1);
}

static void test_more_ports_than_listeners(void **state)
{
    uint32_t at = CONTROL;
    (void)state;
    while (endpoint_listen(at + 1) == MOTE_OK)
        at++;
    assert_int_equal(endpoint_listen(at + 1), MOTE_ERR_NO_ROOM);
    assert_int_equal(at - CONTROL + 1, 8);
    for (; at > CONTROL; at--)
        assert_int_equal(endpoint_unlisten(at), MOTE_OK);
}

static void test_tcp_port_of_another(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    uint32_t taken = find_free_port();
    a.sin_port = htons((uint16_t)taken);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    start_at("tcp");
    assert_int_equal(endpoint_listen(taken), MOTE_ERR_ALREADY_BOUND);
    assert_said("is taken: another agent listens there (TCP 0.0.0.0:");
    assert_int_equal(endpoint_listen(70000), MOTE_ERR_INVALID);
    close(fd);
}

/* --- unix sockets as files --- */

static void test_socket_file(void **state)
{
    struct stat found;
    (void)state;
    mode_t mask = umask(0);
    listen_at_unix();
    umask(mask);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode, S_IFSOCK | 0600);
    endpoint_unlisten(port);
    assert_int_equal(stat(path, &found), -1);
}

static void test_socket_of_a_dead_process(void **state)
{
    (void)state;
    int fd = bind_to_path();
    listen(fd, 1);
    close(fd);
    assert_int_equal(access(path, F_OK), 0);
    listen_at_unix();
    int c, client = accept_client(&c);
    close(client);
}

static void test_socket_of_another(void **state)
{
    (void)state;
    int fd = bind_to_path();
    listen(fd, 0);
    int one = connect_to_path(path); /* its backlog is full: it lives all the same */
    start_at_path(path);
    assert_int_equal(endpoint_listen(CONTROL), MOTE_ERR_ALREADY_BOUND);
    assert_said("mote: port 1024 is taken: another agent listens there (unix socket ");
    assert_int_equal(access(path, F_OK), 0);
    close(one);
    close(fd);
}

static void test_file_in_the_way(void **state)
{
    struct stat found;
    (void)state;
    fclose(fopen(path, "w"));
    start_at_path(path);
    assert_int_equal(endpoint_listen(CONTROL), MOTE_ERR_UNSUPPORTED);
    assert_said("/s: file exists\n");
    assert_int_equal(stat(path, &found), 0);
    assert_true(S_ISREG(found.st_mode));
}

static void test_no_directory(void **state)
{
    (void)state;
    start_at_path("/tmp/mote-test-none/s");
    assert_int_equal(endpoint_listen(CONTROL), MOTE_ERR_UNSUPPORTED);
    assert_said("mote: unix socket /tmp/mote-test-none/s: no such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(set_up, "auto", test_auto),
        ON(set_up, "auto", test_auto_when_vsock_fails_in_the_end),
        ON(set_up, "auto", test_auto_when_vsock_is_taken),
        ON(set_up, "auto", test_auto_when_nothing_can_be_listened_on),
        ON(set_up, "auto", test_no_change_of_ways_later),
        ON(set_up, "vsock", test_vsock_or_nothing),
        ON(set_up, "none", test_words_that_are_no_way),
        ON(set_up, "unix", test_ports_of_long_paths),
        ON(set_up, "unix", test_last_option_wins),
        ON_BOTH(test_listening),
        ON_BOTH(test_several_ports),
        ON_UNIX(test_more_ports_than_listeners),
        ON(set_up, "TCP", test_tcp_port_of_another),
        ON(set_up, "unix", test_socket_file),
        ON(set_up, "unix", test_socket_of_a_dead_process),
        ON(set_up, "unix", test_socket_of_another),
        ON(set_up, "unix", test_file_in_the_way),
        ON(set_up, "unix", test_no_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
