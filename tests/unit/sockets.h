/* SPDX-License-Identifier: MIT */
/*
 * The endpoint over real sockets, and plain clients of it, in one process. The clock stands
 * until a test moves it; what must happen in real time is waited for.
 */
#ifndef TESTS_UNIT_SOCKETS_H
#define TESTS_UNIT_SOCKETS_H

#include "drivers/endpoint.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/fake_vsock.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNS   ENDPOINT_CONNECTIONS
#define WINDOW  ENDPOINT_WINDOW
#define SEND    ENDPOINT_SEND_BUFFER
#define HOST    ENDPOINT_CID_HOST
#define CONTROL 1024u
#define SECOND  UINT64_C(1000000000)
#define TICK    (SECOND / 100)

/* Of platform/linux/events.h, whose kernel headers can't stand beside the C library's. */
long events_start(void);

#define UNUSED __attribute__((unused))

/* Something that has to happen is waited for so long, 60 s; and a test as a whole. */
#define TRIES      6000
#define PATIENCE_S 300

static char directory[64]; /* of the unix sockets */
static char path[96];      /* the control port's */
static char listen_option[256];
static const char *earlier_option; /* another one in front of it */
static uint32_t port;              /* listened on */
static struct endpoint_event told;
static char *console;
static size_t console_len;
static FILE *real_stdout;

const char *platform_option(const char *key, const char *after, size_t *len)
{
    const char *next = after == NULL && earlier_option != NULL ? earlier_option : listen_option;

    if (strcmp(key, "mote.listen") != 0 || after == listen_option || *next == '\0')
        return NULL;
    *len = strlen(next);
    return next;
}

/* --- set-up --- */

/* Nobody uses it now. */
static uint32_t find_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* What goes to the console from now on is kept for assert_said(). */
static int set_up(void **state)
{
    static bool started;
    const char *build = getenv("BUILD");
    (void)state;
    if (!started)
        assert_int_equal(events_start(), 0);
    started = true;
    alarm(PATIENCE_S);
    fake_now = 5 * SECOND;
    fake_vsock = (struct fake_vsock){.cid = 3, .peer_cid = HOST};
    earlier_option = NULL;
    listen_option[0] = '\0';
    port = 0;
    snprintf(directory, sizeof directory, "%s/sockets-XXXXXX", build != NULL ? build : "build");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
    real_stdout = stdout;
    stdout = open_memstream(&console, &console_len);
    return 0;
}

static void abort_all(void)
{
    for (int i = 0; i < CONNS; i++)
        endpoint_abort(i);
}

static int tear_down(void **state)
{
    char *command;
    (void)state;
    alarm(0);
    abort_all();
    if (port != 0)
        endpoint_unlisten(port);
    fclose(stdout);
    stdout = real_stdout;
    free(console);
    assert_true(asprintf(&command, "rm -rf %s", directory) > 0);
    assert_int_equal(system(command), 0);
    free(command);
    return 0;
}

static void listen_at(const char *where, uint32_t at)
{
    snprintf(listen_option, sizeof listen_option, "%s", where);
    assert_int_equal(endpoint_start(), MOTE_OK);
    assert_int_equal(endpoint_allow(HOST), MOTE_OK);
    assert_int_equal(endpoint_listen(at), MOTE_OK);
    port = at;
}

static UNUSED void listen_at_unix(void)
{
    char where[128];

    snprintf(where, sizeof where, "unix:%s", path);
    listen_at(where, CONTROL);
}

static UNUSED int set_up_unix(void **state)
{
    set_up(state);
    listen_at_unix();
    return 0;
}

static UNUSED int set_up_tcp(void **state)
{
    set_up(state);
    listen_at("tcp", find_free_port());
    return 0;
}

static UNUSED int set_up_vsock(void **state)
{
    set_up(state);
    listen_at("vsock", find_free_port());
    return 0;
}

static bool is_unix(void)
{
    return listen_option[0] == 'u';
}

#define assert_said(text)                                                                          \
    do {                                                                                           \
        fflush(stdout);                                                                            \
        assert_non_null(strstr(console, text));                                                    \
    } while (0)

/* --- clients --- */

static void set_timeout(int fd)
{
    const struct timeval patience = {.tv_sec = 60};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static UNUSED int connect_to_path(const char *to)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s", to);
    set_timeout(fd);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -errno;
}

static UNUSED int connect_to_port(uint32_t to)
{
    const struct sockaddr_in a = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)to),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    set_timeout(fd);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -errno;
}

/* A client of what is listened on; or -errno. */
static int new_client(void)
{
    return is_unix() ? connect_to_path(path) : connect_to_port(port);
}

/* What somebody else has at path: bound, not yet listening. */
static UNUSED int bind_to_path(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static UNUSED void client_says(int fd, const char *s)
{
    assert_int_equal(write(fd, s, strlen(s)), strlen(s));
}

static UNUSED void reset_client(int fd)
{
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* --- turns of the loop --- */

static void poll_and_flush(void)
{
    assert_int_equal(endpoint_poll(), MOTE_OK);
    endpoint_flush();
}

static void turn_for(uint64_t patience)
{
    poll_and_flush();
    if (endpoint_may_wait())
        platform_wait(fake_now + patience);
    poll_and_flush();
}

static void turn(void)
{
    turn_for(TICK);
}

/* What is on its way arrives. */
static UNUSED void settle(void)
{
    for (int i = 0; i < 5; i++)
        turn();
}

static bool wait_for_event(void)
{
    for (int i = 0; i < TRIES; i++) {
        if (endpoint_next_event(&told))
            return true;
        turn();
    }
    return false;
}

#define expect_event(type_)                                                                        \
    do {                                                                                           \
        assert_true(wait_for_event());                                                             \
        assert_int_equal(told.type, ENDPOINT_##type_);                                             \
    } while (0)

#define expect_no_event()                                                                          \
    do {                                                                                           \
        settle();                                                                                  \
        assert_false(endpoint_next_event(&told));                                                  \
    } while (0)

/* A client and its connection. */
static UNUSED int accept_client(int *conn)
{
    int fd = new_client();

    assert_true(fd >= 0);
    expect_event(REQUESTED);
    assert_int_equal(endpoint_accept(told.conn), MOTE_OK);
    *conn = told.conn;
    return fd;
}

static UNUSED void owner_says(int conn, const char *s)
{
    char *space;

    assert_true(endpoint_reserve(conn, (uint32_t)strlen(s), &space) >= strlen(s));
    memcpy(space, s, strlen(s));
    endpoint_send(conn, (uint32_t)strlen(s));
    endpoint_flush();
}

#define expect_unread(conn, text)                                                                  \
    do {                                                                                           \
        const char *unread_;                                                                       \
        assert_int_equal(endpoint_peek(conn, &unread_), strlen(text));                             \
        assert_memory_equal(unread_, text, strlen(text));                                          \
    } while (0)

#define expect_heard(fd, text)                                                                     \
    do {                                                                                           \
        char heard_[256];                                                                          \
        assert_int_equal(recv(fd, heard_, strlen(text), MSG_WAITALL), strlen(text));               \
        assert_memory_equal(heard_, text, strlen(text));                                           \
    } while (0)

/* What a client's next read ends with while the loop turns: 0 at the end, -errno; -EAGAIN: it is
 * still open. */
static UNUSED ssize_t client_end(int fd)
{
    char byte;
    ssize_t n = -1;

    for (int i = 0; i < 50; i++) {
        n = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN)
            break;
        turn();
    }
    return n < 0 ? -errno : n;
}

/* Waits in real time as the loop would, and fails when something keeps waking it. */
static UNUSED void expect_sleep(void)
{
    struct timespec before, after;

    settle();
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_true(endpoint_may_wait());
    platform_wait(fake_now + 5 * TICK);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 45);
}

#define ON(set_up_, way, name)                                                                     \
    {                                                                                              \
#name " (" way ")", name, set_up_, tear_down, NULL                                         \
    }
#define ON_UNIX(name)  ON(set_up_unix, "unix", name)
#define ON_TCP(name)   ON(set_up_tcp, "TCP", name)
#define ON_VSOCK(name) ON(set_up_vsock, "vsock", name)
#define ON_BOTH(name)  ON_UNIX(name), ON_TCP(name)

#endif
