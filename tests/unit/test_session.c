/* SPDX-License-Identifier: MIT */
/*
 * Sessions over an endpoint and a mount that only play their parts: answers that come later,
 * what waits behind them and what does not, and lines that are never finished.
 */
#include "agent/session.h"

#include "agent/lifecycle.h"
#include "platform/mount.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#define MS UINT64_C(1000000)

#define PING "{\"type\":\"ping\"}\n"
#define PONG "{\"type\":\"pong\"}\n"
#define MOUNT(tag)                                                                                 \
    "{\"type\":\"mount\",\"payload\":{\"tag\":\"" tag "\",\"guest_path\":\"/w\",\"fs_type\":"      \
    "\"9p\"}}\n"
#define MOUNTED "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"mount\",\"ok\":true}}\n"
#define FAILED(text)                                                                               \
    "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"mount\",\"ok\":false,\"error\":\"" text "\"}}"  \
    "\n"

/* What a connection's peer sent and got. */
static struct peer {
    char in[ENDPOINT_WINDOW], out[4 * ENDPOINT_SEND_BUFFER];
    uint32_t in_len, out_len;
    bool no_room, deaf, open;
} peers[ENDPOINT_CONNECTIONS];

/* How the mount of an owner goes on, and how often it was asked for. */
static struct job {
    int result, attempts;
    bool abandoned;
} jobs[MOUNT_JOBS];

int endpoint_accept(int conn)
{
    peers[conn].open = true;
    return MOTE_OK;
}

void endpoint_close(int conn)
{
    peers[conn].open = false;
}

uint32_t endpoint_peek(int conn, const char **data)
{
    *data = peers[conn].in;
    return peers[conn].in_len;
}

void endpoint_consume(int conn, uint32_t n)
{
    struct peer *p = &peers[conn];

    assert_true(n <= p->in_len);
    p->in_len -= n;
    memmove(p->in, p->in + n, p->in_len);
}

bool endpoint_send_shut(int conn)
{
    return peers[conn].deaf;
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **space)
{
    struct peer *p = &peers[conn];

    *space = p->out + p->out_len;
    return p->no_room || sizeof p->out - p->out_len < least ? 0 : least;
}

void endpoint_send(int conn, uint32_t n)
{
    peers[conn].out_len += n;
}

int mount_attempt(int owner, const struct mount_request *request, const char **fault)
{
    struct job *j = &jobs[owner];

    j->attempts++;
    assert_string_equal(request->path, "/w");
    assert_string_equal(request->fs_type, "9p");
    assert_true(request->allowed("/w", 2));
    assert_false(request->allowed("/run/x", 6));
    *fault = j->result == MOTE_ERR_INVALID ? "/run/x" : "told so";
    return j->result;
}

void mount_abandon(int owner)
{
    jobs[owner].abandoned = true;
}

/* No line of these tests has the guest dial. */
uint64_t endpoint_cid(void)
{
    return 0;
}

int endpoint_connect(uint64_t cid, uint32_t port)
{
    (void)cid, (void)port;
    fail();
    return MOTE_ERR_NO_RESOURCES;
}

void endpoint_shutdown(int conn)
{
    (void)conn;
    fail();
}

void endpoint_abort(int conn)
{
    (void)conn;
    fail();
}

static void tell(int conn, enum endpoint_event_type type)
{
    session_event(&(struct endpoint_event){.type = type, .conn = conn});
}

static void send_bytes(int conn, const char *bytes, size_t n)
{
    struct peer *p = &peers[conn];

    assert_true(n <= sizeof p->in - p->in_len);
    memcpy(p->in + p->in_len, bytes, n);
    p->in_len += (uint32_t)n;
    tell(conn, ENDPOINT_DATA);
}

static void send_line(int conn, const char *line)
{
    send_bytes(conn, line, strlen(line));
}

/* What the peer got since it was last looked at. */
static const char *got(int conn)
{
    static char text[sizeof peers[0].out + 1];
    struct peer *p = &peers[conn];

    memcpy(text, p->out, p->out_len);
    text[p->out_len] = '\0';
    p->out_len = 0;
    return text;
}

/* A turn of the loop, so many milliseconds later; it must not be due at once again. */
static void turn(uint64_t ms)
{
    fake_now += ms * MS;
    session_tick(fake_now);
    assert_true(session_deadline() > fake_now);
}

static int begin(void **state)
{
    (void)state;
    memset(peers, 0, sizeof peers);
    memset(jobs, 0, sizeof jobs);
    for (int i = 0; i < 2; i++) {
        jobs[i].result = MOTE_ERR_AGAIN;
        tell(i, ENDPOINT_REQUESTED);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        tell(i, ENDPOINT_RESET);
    return 0;
}

static void test_later_answer(void **state)
{
    (void)state;
    send_line(0, PING MOUNT("t") PING);
    assert_string_equal(got(0), PONG); /* the line behind waits */
    assert_true(session_deadline() <= fake_now + 50 * MS);
    for (int i = 2; i < 5; i++) {
        turn(50);
        assert_string_equal(got(0), "");
        assert_int_equal(jobs[0].attempts, i);
    }
    jobs[0].result = MOTE_OK;
    turn(0); /* what ended it turned the loop */
    assert_string_equal(got(0), MOUNTED PONG);
    assert_int_equal(jobs[0].attempts, 5);
    assert_int_equal(peers[0].in_len, 0);
    assert_true(session_deadline() == UINT64_MAX);
    turn(1000);
    assert_int_equal(jobs[0].attempts, 5);
    assert_true(peers[0].open && !jobs[0].abandoned);
}

static void test_how_a_mount_ends(void **state)
{
    static const struct {
        int result;
        const char *answer;
        enum lifecycle_state state; /* it stays as it was after input that is refused */
    } ends[] = {
        {MOTE_OK, MOUNTED, LIFECYCLE_READY},
        {MOTE_ERR_INVALID, FAILED("cannot mount over system directory: \\\"/run/x\\\""),
         LIFECYCLE_READY},
        {MOTE_ERR_UNSUPPORTED, FAILED("mount t at /w: told so"), LIFECYCLE_READY},
        {MOTE_ERR_NOT_FOUND, FAILED("create mount point \\\"/w\\\": told so"), LIFECYCLE_DEGRADED},
        {MOTE_ERR_INVALID, FAILED("cannot mount over system directory: \\\"/run/x\\\""),
         LIFECYCLE_DEGRADED},
        {MOTE_OK, MOUNTED, LIFECYCLE_READY},
        {MOTE_ERR_IO, FAILED("mount t at /w: told so"), LIFECYCLE_DEGRADED},
        {MOTE_OK, MOUNTED, LIFECYCLE_READY},
        {MOTE_ERR_TIMEOUT, FAILED("mount t at /w: told so"), LIFECYCLE_DEGRADED},
        {MOTE_OK, MOUNTED, LIFECYCLE_READY},
    };
    (void)state;
    lifecycle_enter(LIFECYCLE_READY, "at the start");
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        jobs[0].result = MOTE_ERR_AGAIN;
        send_line(0, MOUNT("t"));
        assert_string_equal(got(0), "");
        jobs[0].result = ends[i].result;
        turn(1);
        assert_string_equal(got(0), ends[i].answer);
        assert_int_equal(lifecycle_state(), ends[i].state);
    }
}

static void test_others_go_on(void **state)
{
    (void)state;
    send_line(0, MOUNT("a"));
    send_line(1, PING MOUNT("b"));
    assert_string_equal(got(1), PONG);
    jobs[1].result = MOTE_OK;
    turn(50);
    assert_string_equal(got(1), MOUNTED);
    assert_string_equal(got(0), "");
    send_line(1, PING);
    assert_string_equal(got(1), PONG);
    jobs[0].result = MOTE_OK;
    turn(50);
    assert_string_equal(got(0), MOUNTED);
}

static void test_reset_ends_the_attempt(void **state)
{
    (void)state;
    send_line(0, MOUNT("t"));
    tell(0, ENDPOINT_RESET);
    assert_true(jobs[0].abandoned && !jobs[1].abandoned);
    turn(1000);
    assert_int_equal(jobs[0].attempts, 1);
    assert_true(session_deadline() == UINT64_MAX);
    peers[0].in_len = 0;
    tell(0, ENDPOINT_REQUESTED); /* the next with this number */
    send_line(0, PING);
    assert_string_equal(got(0), PONG);
}

static void test_reset_of_one_that_does_not_wait(void **state)
{
    (void)state;
    send_line(0, PING);
    tell(0, ENDPOINT_RESET);
    assert_false(jobs[0].abandoned);
}

/* One that sends no more is answered, also a last line without its newline. */
static void test_end_of_sending_while_waiting(void **state)
{
    (void)state;
    send_bytes(0, MOUNT("t"), strlen(MOUNT("t")) - 1);
    assert_int_equal(jobs[0].attempts, 0);
    tell(0, ENDPOINT_CLOSED);
    assert_int_equal(jobs[0].attempts, 1);
    turn(50);
    assert_true(peers[0].open);
    jobs[0].result = MOTE_OK;
    turn(50);
    assert_string_equal(got(0), MOUNTED);
    assert_false(peers[0].open || jobs[0].abandoned);
}

static void test_one_that_does_not_listen(void **state)
{
    (void)state;
    peers[0].deaf = true;
    send_line(0, PING MOUNT("t"));
    jobs[0].result = MOTE_OK;
    turn(50);
    assert_int_equal(jobs[0].attempts, 2);
    assert_string_equal(got(0), "");
    assert_int_equal(peers[0].in_len, 0);
}

static void test_no_room_while_waiting(void **state)
{
    (void)state;
    send_line(0, MOUNT("t"));
    peers[0].no_room = true;
    jobs[0].result = MOTE_OK;
    turn(50);
    turn(50);
    assert_int_equal(jobs[0].attempts, 1);
    peers[0].no_room = false;
    tell(0, ENDPOINT_ROOM);
    assert_string_equal(got(0), MOUNTED);
}

/* However long it takes: the time-out is for lines that are not finished. */
static void test_a_waiting_line_has_no_timeout(void **state)
{
    (void)state;
    send_bytes(0, MOUNT("t"), 5);
    turn(59 * 1000);
    send_line(0, MOUNT("t") + 5);
    turn(2 * SESSION_LINE_TIMEOUT_S * 1000);
    assert_string_equal(got(0), "");
    send_bytes(0, PING, 5); /* which is not finished, but its time begins when it is looked at */
    jobs[0].result = MOTE_OK;
    turn(50);
    assert_string_equal(got(0), MOUNTED);
    turn(SESSION_LINE_TIMEOUT_S * 1000 - 1);
    assert_true(peers[0].open);
    turn(1);
    assert_string_equal(got(0), "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"\",\"ok\":false,"
                                "\"error\":\"line not finished: limit is 60 s\"}}\n");
    assert_false(peers[0].open);
}

/* What is left of a line that was too long lies in front of the one that waits. */
static void test_behind_a_line_that_was_too_long(void **state)
{
    static char longest[SESSION_LINE_MAX + 1];
    (void)state;
    memset(longest, 'x', sizeof longest);
    send_bytes(0, longest, sizeof longest);
    assert_non_null(strstr(got(0), "line too long"));
    assert_int_equal(peers[0].in_len, 0);
    send_line(0, "xxx\n\n" MOUNT("t"));
    turn(50);
    turn(50);
    assert_string_equal(got(0), "");
    jobs[0].result = MOTE_OK;
    turn(50);
    assert_string_equal(got(0), MOUNTED);
    assert_int_equal(peers[0].in_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_later_answer, begin, end),
        cmocka_unit_test_setup_teardown(test_how_a_mount_ends, begin, end),
        cmocka_unit_test_setup_teardown(test_others_go_on, begin, end),
        cmocka_unit_test_setup_teardown(test_reset_ends_the_attempt, begin, end),
        cmocka_unit_test_setup_teardown(test_reset_of_one_that_does_not_wait, begin, end),
        cmocka_unit_test_setup_teardown(test_end_of_sending_while_waiting, begin, end),
        cmocka_unit_test_setup_teardown(test_one_that_does_not_listen, begin, end),
        cmocka_unit_test_setup_teardown(test_no_room_while_waiting, begin, end),
        cmocka_unit_test_setup_teardown(test_a_waiting_line_has_no_timeout, begin, end),
        cmocka_unit_test_setup_teardown(test_behind_a_line_that_was_too_long, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
