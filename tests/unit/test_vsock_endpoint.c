/* SPDX-License-Identifier: MIT */
/* The endpoint over the driver and a device in plain memory: what an agent sees of both. */
#include "tests/unit/fake_device.h"

#include "drivers/endpoint.h"
#include "drivers/entropy.h"

static uint32_t seed;
static int entropy; /* what the source of entropy ends with */

int entropy_get(void *buf, size_t n)
{
    assert_int_equal(n, sizeof seed);
    if (entropy == MOTE_OK)
        memcpy(buf, &seed, sizeof seed);
    return entropy;
}

static int set_up_endpoint(void **state)
{
    int result = set_up_device(state);

    entropy = MOTE_OK;
    seed = 5;
    return result;
}

static struct endpoint_event told;

#define expect_told(type_)                                                                         \
    do {                                                                                           \
        assert_true(endpoint_next_event(&told));                                                   \
        assert_int_equal(told.type, ENDPOINT_##type_);                                             \
    } while (0)

#define expect_nothing_told() assert_false(endpoint_next_event(&told))

static void start_endpoint(void)
{
    assert_int_equal(endpoint_start(), MOTE_OK);
    assert_int_equal(endpoint_allow(HOST), MOTE_OK);
    assert_int_equal(endpoint_listen(PORT), MOTE_OK);
}

static void poll(void)
{
    assert_int_equal(endpoint_poll(), MOTE_OK);
    endpoint_flush();
}

static int accept_one(void)
{
    device_sends(REQUEST);
    poll();
    expect_told(REQUESTED);
    assert_int_equal(told.local_port, PORT);
    assert_int_equal(told.peer_port, PEER);
    assert_int_equal(endpoint_accept(told.conn), MOTE_OK);
    poll();
    expect_packet(RESPONSE);
    return told.conn;
}

static void say(int conn, const char *s)
{
    char *space;

    assert_true(endpoint_reserve(conn, (uint32_t)strlen(s), &space) >= strlen(s));
    memcpy(space, s, strlen(s));
    endpoint_send(conn, (uint32_t)strlen(s));
}

static void test_no_device(void **state)
{
    (void)state;
    fake.mmio = MOTE_ERR_NOT_FOUND;
    assert_int_equal(endpoint_start(), MOTE_ERR_NOT_FOUND);
}

static void test_request_and_answer(void **state)
{
    const char *data;
    (void)state;
    start_endpoint();
    assert_int_equal(endpoint_cid(), GUEST);
    int c = accept_one();
    device_sends(RW, .data = "question");
    poll();
    expect_told(DATA);
    assert_int_equal(endpoint_peek(c, &data), 8);
    assert_memory_equal(data, "question", 8);
    endpoint_consume(c, 8);
    say(c, "answer");
    poll();
    expect_packet(RW);
    assert_string_equal(sent_data, "answer");
    assert_int_equal(sent.fwd_cnt, 8);
    expect_nothing_told();
    assert_false(endpoint_send_shut(c));
    endpoint_shutdown(c);
    assert_true(endpoint_send_shut(c));
    poll();
    expect_packet(SHUTDOWN);
    assert_int_equal(sent.flags, VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    endpoint_close(c);
    poll();
    expect_packet(SHUTDOWN);
    assert_int_equal(endpoint_connections(), 1);
    device_sends(RST);
    poll();
    assert_int_equal(endpoint_connections(), 0);
}

static void test_abort(void **state)
{
    (void)state;
    start_endpoint();
    int c = accept_one();
    say(c, "never sent");
    endpoint_abort(c);
    poll();
    expect_packet(RST);
    expect_no_packet();
}

static void test_close_all(void **state)
{
    (void)state;
    start_endpoint();
    say(accept_one(), "sent");
    endpoint_close_all();
    poll();
    expect_packet(RW);
    expect_packet(SHUTDOWN);
    assert_int_equal(sent.flags, VIRTIO_VSOCK_SHUTDOWN_BOTH);
    expect_no_packet();
}

static void test_listening(void **state)
{
    (void)state;
    start_endpoint();
    assert_int_equal(endpoint_listen(PORT), MOTE_ERR_ALREADY_BOUND);
    assert_int_equal(endpoint_unlisten(PORT), MOTE_OK);
    device_sends(REQUEST);
    poll();
    expect_packet(RST);
    expect_nothing_told();
}

/* Where a connection of ours starts is as unpredictable as there is entropy. */
static void test_ports_come_from_entropy(void **state)
{
    static const struct {
        int entropy;
        uint32_t port;
    } rows[] = {{MOTE_OK, 49152 + 5}, {MOTE_ERR_NO_ENTROPY, 49152}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        entropy = rows[i].entropy;
        start_endpoint();
        memset(fake.seen, 0, sizeof fake.seen);
        assert_true(endpoint_connect(HOST, 80) >= 0);
        poll();
        expect_packet(REQUEST);
        assert_int_equal(sent.src_port, rows[i].port);
        assert_int_equal(sent.dst_port, 80);
    }
}

/* A restored guest takes ports from elsewhere, or two copies of it would use the same. */
static void test_transport_reset_takes_other_ports(void **state)
{
    (void)state;
    start_endpoint();
    accept_one();
    seed = 1000;
    fake.cid = 43;
    device_sends_event(VIRTIO_VSOCK_EVENT_TRANSPORT_RESET, 4);
    poll();
    expect_told(TRANSPORT_RESET);
    assert_int_equal(endpoint_cid(), 43);
    expect_told(RESET);
    assert_int_equal(told.error, MOTE_ERR_RESET);
    endpoint_close(told.conn);
    assert_true(endpoint_connect(HOST, 80) >= 0);
    poll();
    expect_packet(REQUEST);
    assert_int_equal(sent.src_port, 49152 + 1000);
}

static void test_deadlines(void **state)
{
    (void)state;
    start_endpoint();
    poll();
    assert_true(endpoint_deadline() == UINT64_MAX);
    uint64_t expires = fake_now + VSOCK_CONNECT_TIMEOUT_NS;
    int c = endpoint_connect(HOST, 80);
    poll();
    assert_true(endpoint_deadline() == expires);
    fake_now += VSOCK_CONNECT_TIMEOUT_NS;
    poll();
    expect_told(RESET);
    assert_int_equal(told.conn, c);
    assert_int_equal(told.error, MOTE_ERR_TIMEOUT);
}

/* A device that wakes nobody is looked at every 10 ms, and sooner when something is due. */
static void test_deadlines_without_interrupts(void **state)
{
    (void)state;
    fake.interrupts = false;
    start_endpoint();
    uint64_t polled = fake_now;
    poll();
    assert_true(endpoint_deadline() == polled + SECOND / 100);
    uint64_t expires = fake_now + VSOCK_CONNECT_TIMEOUT_NS;
    endpoint_connect(HOST, 80);
    fake_now = expires - 1;
    poll();
    assert_true(endpoint_deadline() == expires);
}

/* Neither what arrives behind the last poll, nor what the owner has not heard of yet. */
static void test_news_are_not_slept_over(void **state)
{
    (void)state;
    start_endpoint();
    poll();
    assert_true(endpoint_may_wait());
    device_sends(REQUEST);
    assert_false(endpoint_may_wait());
    assert_int_equal(endpoint_poll(), MOTE_OK);
    assert_true(endpoint_flush());
    expect_told(REQUESTED);
    assert_false(endpoint_flush());
    assert_true(endpoint_may_wait());
}

/* An owner who asked for more room than there was is told when there is. */
static void test_room(void **state)
{
    char *space;
    (void)state;
    start_endpoint();
    int c = accept_one();
    say(c, "some");
    assert_int_equal(endpoint_reserve(c, ENDPOINT_SEND_BUFFER, &space), 0);
    poll();
    expect_packet(RW);
    expect_told(ROOM);
    assert_int_equal(endpoint_reserve(c, ENDPOINT_SEND_BUFFER, &space), ENDPOINT_SEND_BUFFER);
    expect_nothing_told();
}

/* The device is alive before anybody listens: nothing is judged before the first poll. */
static void test_request_before_the_first_listener(void **state)
{
    (void)state;
    assert_int_equal(endpoint_start(), MOTE_OK);
    device_sends(REQUEST);
    assert_int_equal(endpoint_allow(HOST), MOTE_OK);
    assert_int_equal(endpoint_listen(PORT), MOTE_OK);
    poll();
    expect_told(REQUESTED);
}

static void test_broken_device(void **state)
{
    (void)state;
    start_endpoint();
    fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    assert_int_equal(endpoint_poll(), MOTE_ERR_BROKEN);
    assert_int_equal(endpoint_poll(), MOTE_ERR_BROKEN);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_endpoint, tear_down_device)
    const struct CMUnitTest tests[] = {
        T(test_no_device),
        T(test_request_and_answer),
        T(test_abort),
        T(test_close_all),
        T(test_listening),
        T(test_ports_come_from_entropy),
        T(test_transport_reset_takes_other_ports),
        T(test_deadlines),
        T(test_deadlines_without_interrupts),
        T(test_news_are_not_slept_over),
        T(test_room),
        T(test_request_before_the_first_listener),
        T(test_broken_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
