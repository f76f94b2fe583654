/* SPDX-License-Identifier: MIT */
/*
 * The endpoint over sockets under load: back-pressure both ways, hang-ups in the middle of it,
 * what a turn costs, and that memory is given back.
 */
#include "tests/unit/sockets.h"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#define STREAM (4u << 20)
#define PAGE   4096

/* The byte of a stream at a place: its period is no power of two. */
static char byte_at(uint32_t at)
{
    return (char)(at % 251);
}

/* --- arriving --- */

/* Writes what the socket takes of the first end bytes; returns how much has been written. */
static uint32_t client_writes(int fd, uint32_t from, uint32_t end)
{
    char bytes[8192];
    ssize_t n;

    do {
        uint32_t len = 0;
        for (; len < sizeof bytes && from + len < end; len++)
            bytes[len] = byte_at(from + len);
        n = len != 0 ? send(fd, bytes, len, MSG_DONTWAIT) : 0;
        from += n > 0 ? (uint32_t)n : 0;
    } while (n > 0);
    return from;
}

/* Takes the unread bytes, of which the first is the at'th, but no more than most. */
static uint32_t owner_reads(int conn, uint32_t at, uint32_t most)
{
    const char *data;
    uint32_t n = endpoint_peek(conn, &data);

    n = n < most ? n : most;
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(data[i], byte_at(at + i));
    endpoint_consume(conn, n);
    return at + n;
}

static uint32_t unread(int conn)
{
    const char *data;

    return endpoint_peek(conn, &data);
}

static void drop_events(void)
{
    do
        turn();
    while (endpoint_next_event(&told));
    turn();
}

/* Buffers of the kernel that are not the stream's size. */
static int accept_small_client(int *conn)
{
    const int size = 65536;
    int fd = accept_client(conn);

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static void test_owner_that_does_not_read(void **state)
{
    int c, fd = accept_small_client(&c);
    (void)state;
    uint32_t written = 0, read = 0, before;
    do { /* until nothing more goes anywhere */
        before = written;
        written = client_writes(fd, written, STREAM);
        drop_events();
    } while (written != before);
    assert_int_equal(unread(c), WINDOW);
    assert_true(written < STREAM);
    expect_sleep();
    while (read < STREAM) {
        written = client_writes(fd, written, STREAM);
        read = owner_reads(c, read, 5000);
        turn_for(0);
        if (endpoint_next_event(&told))
            assert_int_equal(told.type, ENDPOINT_DATA);
    }
    assert_int_equal(unread(c), 0);
    drop_events();
    close(fd);
    expect_event(CLOSED);
}

/* The client leaves while there is no room for the rest of what it sent. */
static void test_hang_up_behind_a_full_window(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    uint32_t read = 0, written = client_writes(fd, 0, WINDOW + 1000);
    assert_int_equal(written, WINDOW + 1000);
    close(fd);
    drop_events();
    assert_int_equal(endpoint_send_shut(c), is_unix()); /* by TCP it may still be reading */
    expect_sleep();
    while (read < written) {
        read = owner_reads(c, read, WINDOW);
        drop_events();
    }
    assert_int_equal(unread(c), 0);
    assert_int_equal(told.type, ENDPOINT_CLOSED);
    expect_sleep();
    endpoint_close(c);
    endpoint_flush();
    assert_int_equal(endpoint_connections(), 0);
}

static void test_reset_behind_a_full_window(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    owner_says(c, "unread");
    client_writes(fd, 0, WINDOW + 1000);
    reset_client(fd);
    drop_events();
    assert_true(endpoint_send_shut(c));
    expect_sleep();
    for (uint32_t read = 0; unread(c) != 0;) {
        read = owner_reads(c, read, WINDOW);
        drop_events();
    }
    assert_int_equal(told.type, ENDPOINT_RESET);
    endpoint_close(c);
}

/* --- leaving --- */

/* Sends while there is room; returns the place of the next byte. */
static uint32_t owner_writes(int conn, uint32_t from, uint32_t end)
{
    uint32_t room;
    char *space;

    while (from < end && (room = endpoint_reserve(conn, 1, &space)) != 0) {
        room = room < end - from ? room : end - from;
        for (uint32_t i = 0; i < room; i++)
            space[i] = byte_at(from + i);
        endpoint_send(conn, room);
        from += room;
    }
    return from;
}

static uint32_t client_reads(int fd, uint32_t at)
{
    static char bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], byte_at(at + (uint32_t)i));
    return at + (n > 0 ? (uint32_t)n : 0);
}

/* Goes on where it was told of room, and nowhere else. */
static uint32_t write_at_events(int conn, uint32_t from, uint64_t patience)
{
    turn_for(patience);
    while (endpoint_next_event(&told)) {
        assert_int_equal(told.type, ENDPOINT_ROOM);
        assert_true(from < STREAM);
        from = owner_writes(conn, from, STREAM);
        turn_for(patience);
    }
    return from;
}

/* Writes until nothing more goes anywhere; returns the place of the next byte. */
static uint32_t write_until_blocked(int conn)
{
    uint32_t before, written = owner_writes(conn, 0, STREAM);

    do {
        before = written;
        written = write_at_events(conn, written, TICK);
    } while (written != before);
    assert_true(written < STREAM);
    return written;
}

static void test_client_that_does_not_read(void **state)
{
    int c, fd = accept_small_client(&c);
    (void)state;
    uint32_t read = 0, written = write_until_blocked(c);
    expect_sleep();
    while (read < STREAM) {
        read = client_reads(fd, read);
        written = write_at_events(c, written, 0);
    }
    expect_no_event();
    close(fd);
}

/* Room is told of when it had been refused, and only once. */
static void test_room(void **state)
{
    char *space;
    int c, fd = accept_client(&c);
    (void)state;
    owner_says(c, "there was room for this");
    expect_no_event();
    assert_int_equal(endpoint_reserve(c, SEND, &space), SEND);
    endpoint_send(c, 100);
    assert_int_equal(endpoint_reserve(c, SEND, &space), 0);
    assert_true(endpoint_flush());
    expect_event(ROOM);
    assert_int_equal(endpoint_reserve(c, SEND, &space), SEND);
    expect_no_event();
    close(fd);
}

/* Who waits for room learns that there will be none, even while it does not read. */
static void test_room_that_never_comes(void **state)
{
    int c, fd = accept_small_client(&c);
    (void)state;
    client_writes(fd, 0, WINDOW + 1000);
    do
        turn();
    while (unread(c) != WINDOW);
    expect_event(DATA);
    uint32_t written = write_until_blocked(c);
    close(fd);
    expect_event(ROOM);
    assert_true(endpoint_send_shut(c));
    assert_int_equal(owner_writes(c, written, STREAM), written);
    expect_sleep();
    endpoint_close(c);
    endpoint_flush();
    assert_int_equal(endpoint_connections(), 0);
}

/* One that takes everything at once can't keep a turn from ending. */
static void test_fast_reader_does_not_hold_up_the_turn(void **state)
{
    int c, fd = accept_client(&c), rounds = 0;
    (void)state;
    uint32_t read = 0, written = owner_writes(c, 0, STREAM);
    while (endpoint_flush()) { /* as agent/main.c does */
        assert_true(endpoint_next_event(&told));
        written = owner_writes(c, written, STREAM);
        read = client_reads(fd, read);
        rounds++;
    }
    assert_true(written < STREAM);
    assert_in_range(rounds, 1, 100);
    while (read < STREAM) {
        written = write_at_events(c, written, 0);
        read = client_reads(fd, read);
    }
    close(fd);
}

/* --- memory --- */

static uint32_t resident_pages(const void *from, size_t n)
{
    unsigned char pages[WINDOW / PAGE];
    uint32_t sum = 0;

    assert_int_equal(mincore((void *)(uintptr_t)from, n, pages), 0);
    for (size_t i = 0; i < n / PAGE; i++)
        sum += pages[i] & 1;
    return sum;
}

static const char *fill_window(int conn, int fd)
{
    const char *data;

    client_writes(fd, 0, WINDOW);
    drop_events();
    assert_int_equal(endpoint_peek(conn, &data), WINDOW);
    assert_int_equal((uintptr_t)data % PAGE, 0);
    assert_int_equal(resident_pages(data, WINDOW), WINDOW / PAGE);
    return data;
}

/* A long line soon leaves one page behind, a connection none. */
static void check_memory(int conn, int fd)
{
    const char *window = fill_window(conn, fd);

    endpoint_consume(conn, WINDOW - 1);
    assert_int_equal(resident_pages(window, WINDOW), WINDOW / PAGE);
    endpoint_consume(conn, 1);
    assert_true(endpoint_deadline() == fake_now + SECOND / 10);
    endpoint_poll();
    assert_int_equal(resident_pages(window, WINDOW), WINDOW / PAGE);
    fake_now += SECOND / 10;
    endpoint_poll();
    assert_int_equal(resident_pages(window, WINDOW), 1);
    assert_true(endpoint_deadline() == UINT64_MAX);
    fill_window(conn, fd);
    endpoint_abort(conn);
    assert_int_equal(resident_pages(window, WINDOW), 0);
}

static void test_memory_is_given_back(void **state)
{
    int c, fd = accept_client(&c);
    (void)state;
    check_memory(c, fd);
    close(fd);
}

/* As under mlockall(MCL_ONFAULT). */
static void test_locked_memory_is_given_back(void **state)
{
    const char *window;
    int c, fd = accept_client(&c);
    (void)state;
    endpoint_peek(c, &window);
    assert_int_equal(mlock2(window, WINDOW, MLOCK_ONFAULT), 0);
    if (madvise((void *)(uintptr_t)window, WINDOW, MADV_DONTNEED_LOCKED) == 0)
        check_memory(c, fd);
    else
        print_message("not tested: this kernel is older than 5.18\n");
    munlock(window, WINDOW);
    close(fd);
}

/* --- system calls --- */

/* A client that waits for each answer. */
static _Noreturn void ask(int times)
{
    int fd = new_client();
    char answer;

    for (int i = 0; i < times; i++)
        if (write(fd, "?", 1) != 1 || read(fd, &answer, 1) != 1)
            _exit(1);
    _exit(0);
}

/* Answers until its client leaves, in the loop of agent/main.c. */
static _Noreturn void answer(void)
{
    char *space;

    for (;;) {
        endpoint_poll();
        while (endpoint_next_event(&told)) {
            if (told.type == ENDPOINT_CLOSED)
                _exit(0);
            if (told.type == ENDPOINT_REQUESTED)
                endpoint_accept(told.conn);
            if (told.type != ENDPOINT_DATA)
                continue;
            endpoint_reserve(told.conn, 1, &space);
            *space = '!';
            endpoint_consume(told.conn, unread(told.conn));
            endpoint_send(told.conn, 1);
        }
        endpoint_flush();
        if (endpoint_may_wait())
            platform_wait(fake_now + 60 * SECOND);
    }
}

struct calls {
    int all, waits, receives, sends;
};

/* A process of ours that lets itself be watched, and one that asks it so many times. */
static pid_t start_watched(int times)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (fork() == 0)
        ask(times);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    answer();
}

static void note_call(pid_t pid, struct calls *calls)
{
    long call = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, orig_rax), NULL);

    calls->all++;
    calls->waits += call == SYS_epoll_wait;
    calls->receives += call == SYS_recvfrom;
    calls->sends += call == SYS_sendto;
}

static struct calls count_calls(int times)
{
    struct calls calls = {0};
    int status;
    bool inside = false;
    pid_t pid = start_watched(times);

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(
        ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
    while (WIFSTOPPED(status)) {
        bool call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        bool other = !call && WSTOPSIG(status) != SIGSTOP;
        inside ^= call;
        if (call && inside)
            note_call(pid, &calls);
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, other ? WSTOPSIG(status) : 0), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return calls;
}

static void test_three_system_calls_for_an_answer(void **state)
{
    (void)state;
    struct calls few = count_calls(100), many = count_calls(200);
    assert_in_range(many.waits - few.waits, 99, 101); /* a turn at the start may find nothing */
    assert_in_range(many.all - few.all, 299, 301);
    assert_int_equal(many.receives - few.receives, 100);
    assert_int_equal(many.sends - few.sends, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_owner_that_does_not_read),
        ON_BOTH(test_hang_up_behind_a_full_window),
        ON_BOTH(test_reset_behind_a_full_window),
        ON_BOTH(test_client_that_does_not_read),
        ON_BOTH(test_room),
        ON_BOTH(test_room_that_never_comes),
        ON_UNIX(test_fast_reader_does_not_hold_up_the_turn),
        ON_BOTH(test_memory_is_given_back),
        ON_UNIX(test_locked_memory_is_given_back),
        ON_BOTH(test_three_system_calls_for_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
