/* SPDX-License-Identifier: MIT */
/* Packets through the queues of the vsock device, both ways, by a device that may lie or stop. */
#include "tests/unit/fake_device.h"

/* --- receive --- */

static void test_receive_buffers_are_one_writable_piece(void **state)
{
    (void)state;
    assert_int_equal(requests(QUEUE_RX), RX_BUFFERS);
    while (requests(QUEUE_RX) != 0) {
        const struct virtq_desc *d = &queues[QUEUE_RX].desc[take_request(QUEUE_RX)];
        assert_int_equal(d->flags, VIRTQ_DESC_F_WRITE);
        assert_in_range(d->len, sizeof sent + 1, sizeof sent + VSOCK_MAX_PAYLOAD);
    }
}

static void test_lengths_of_used_buffers(void **state)
{
    static const struct {
        uint32_t written;
        bool taken;
    } rows[] = {{0, false}, {43, false}, {44, true}, {45, true}, {RX_BUFFER_SIZE, true}};
    (void)state;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct virtio_vsock_hdr hdr =
            peer_header(VIRTIO_VSOCK_OP_RW, (struct peer_packet){.src_port = 1 + i});
        device_writes(&hdr, NULL, rows[i].written);
        expect_turn();
        assert_int_equal(next_packet(), rows[i].taken ? VIRTIO_VSOCK_OP_RST : 0);
        assert_int_equal(requests(QUEUE_RX), RX_BUFFERS);
    }
}

/* [5.10.6] A header that claims more than arrived is dropped, and its connection lives. */
static void test_header_claims_more_than_arrived(void **state)
{
    static const uint32_t lies[] = {5, RX_BUFFER_SIZE - 43, RX_BUFFER_SIZE, UINT32_MAX - 43,
                                    UINT32_MAX};
    (void)state;
    int c = open_over_device(PEER);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        const struct virtio_vsock_hdr hdr =
            peer_header(VIRTIO_VSOCK_OP_RW, (struct peer_packet){.len = lies[i]});
        device_writes(&hdr, "four", sizeof hdr + 4);
        expect_turn();
        expect_no_event();
        expect_no_packet();
    }
    device_sends(RW, .data = "four");
    expect_turn();
    expect_event(DATA);
    expect_unread(c, "four");
}

static void device_rewrites_headers(void)
{
    for (int i = 0; i < RX_BUFFERS; i++)
        memset(rx_buffers[i], 0xff, sizeof(struct virtio_vsock_hdr));
}

static void test_header_changes_while_it_is_judged(void **state)
{
    (void)state;
    int c = open_over_device(PEER);
    device_sends(RW, .data = "hello");
    meanwhile = device_rewrites_headers;
    expect_turn();
    expect_event(DATA);
    expect_unread(c, "hello");
    expect_no_packet();
}

/* A device may hand a buffer back untouched: what was in it must not happen again. */
static void test_buffers_that_come_back_untouched(void **state)
{
    const struct virtio_vsock_hdr request =
        peer_header(VIRTIO_VSOCK_OP_REQUEST, (struct peer_packet){.src_port = 7});
    (void)state;
    open_over_device(PEER);
    device_writes(&request, NULL, 0); /* it was written, and is not told of */
    expect_turn();
    for (int i = 0; i < 3 * RX_BUFFERS; i++) {
        finish(QUEUE_RX, take_request(QUEUE_RX), sizeof(struct virtio_vsock_hdr));
        expect_turn();
        expect_no_event();
        expect_no_packet();
    }
    assert_int_equal(vsock_connections(&m), 1);
}

static void test_buffers_are_wiped_and_posted_again(void **state)
{
    (void)state;
    int c = open_over_device(PEER);
    device_sends(RW, .data = "hunter2");
    expect_turn();
    expect_unread(c, "hunter2");
    assert_null(memmem(rx_buffers, sizeof rx_buffers, "hunter2", 7));
    assert_int_equal(requests(QUEUE_RX), RX_BUFFERS);
}

static unsigned judged;

static void device_sends_more(void)
{
    judged++;
    if (requests(QUEUE_RX) != 0)
        device_sends(RST);
}

/* A device that is faster than the driver does not keep it. */
static void test_a_turn_is_bounded(void **state)
{
    (void)state;
    judged = 0;
    meanwhile = device_sends_more;
    device_sends(RST);
    expect_turn();
    assert_in_range(judged, 2, RX_BUFFERS);
}

/* Interrupts are no more than a hint: a turn looks at the rings, whoever woke it. */
static void test_packet_without_an_interrupt(void **state)
{
    (void)state;
    device_sends(REQUEST);
    expect_turn();
    expect_event(REQUESTED);
}

/* --- transmit --- */

/* Strays, each of which is owed an RST. */
static void device_sends_strays(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        device_sends(RW, .src_port = 100 + i);
}

static void test_shapes_of_packets(void **state)
{
    (void)state;
    int c = open_over_device(PEER); /* take_packet() looks at every shape */
    owner_sends(c, "answer");
    expect_turn();
    expect_packet(RW);
    assert_string_equal(sent_data, "answer");
    vsock_close(&m, c, now);
    expect_turn();
    expect_packet(SHUTDOWN);
}

/* Buffers are given back at once, and told of when the device could come to lack them. */
static void test_buffers_are_told_of_by_halves(void **state)
{
    (void)state;
    fake.log[0] = '\0';
    for (int i = 1; i < (RX_BUFFERS + 1) / 2; i++) {
        device_sends(CREDIT_UPDATE, .src_port = 9);
        expect_turn();
        assert_int_equal(requests(QUEUE_RX), RX_BUFFERS);
    }
    assert_null(strstr(fake.log, "kick0"));
    device_sends(CREDIT_UPDATE, .src_port = 9);
    expect_turn();
    assert_non_null(strstr(fake.log, "kick0"));
}

/* As much data as the device takes while it finishes nothing. */
static void fill_with_data(int c)
{
    for (int i = 0; i < 2 * TX_SLOTS; i++) {
        owner_sends(c, "x");
        expect_turn();
    }
}

static void test_slots_are_kept_for_control(void **state)
{
    (void)state;
    int c = open_over_device(PEER);
    fill_with_data(c);
    assert_int_equal(requests(QUEUE_TX), TX_DATA_SLOTS);
    device_sends_strays(RX_BUFFERS);
    expect_turn();
    assert_int_equal(requests(QUEUE_TX), TX_SLOTS);
    for (int i = 0; i < TX_DATA_SLOTS; i++)
        expect_packet(RW);
    for (int i = 0; i < TX_SLOTS_FOR_CONTROL; i++)
        expect_packet(RST);
    expect_turn(); /* what was finished is used again */
    for (int i = TX_SLOTS_FOR_CONTROL; i < RX_BUFFERS; i++)
        expect_packet(RST);
}

/* [5.10.6.1] The device finishes nothing that is sent to it: reception goes on, for ever. */
static void test_reception_goes_on_while_transmission_is_full(void **state)
{
    (void)state;
    int c = open_over_device(PEER);
    fill_with_data(c);
    for (int i = 0; i < 1000; i++) {
        device_sends_strays(RX_BUFFERS - 1);
        device_sends(RW, .data = "more");
        expect_turn();
        assert_int_equal(requests(QUEUE_RX), RX_BUFFERS);
        expect_unread(c, "more");
        vsock_consume(&m, c, 4);
    }
    assert_int_equal(requests(QUEUE_TX), TX_SLOTS);
    assert_int_equal(queues[QUEUE_TX].outstanding, TX_SLOTS);
}

static void test_completion_out_of_order(void **state)
{
    static const uint8_t order[] = {4, 1, 5, 0, 3, 2};
    uint16_t heads[sizeof order];
    (void)state;
    for (int round = 0; round < 100; round++) {
        device_sends_strays(sizeof order);
        expect_turn();
        for (size_t i = 0; i < sizeof order; i++) {
            assert_int_equal(take_packet(&heads[i]), VIRTIO_VSOCK_OP_RST);
            assert_int_equal(sent.dst_port, 100 + i);
        }
        for (size_t i = 0; i < sizeof order; i++)
            finish(QUEUE_TX, heads[order[i]], 12345); /* its length says nothing */
    }
    expect_turn();
    assert_int_equal(tx_busy, 0);
}

/* A packet belongs to the device until it is finished. */
static void test_unfinished_packet_is_left_alone(void **state)
{
    uint16_t head;
    (void)state;
    device_sends(RW, .src_port = 7);
    expect_turn();
    take_packet(&head);
    const uint8_t *packet = memory_of(&queues[QUEUE_TX].desc[head]);
    for (int i = 0; i < 10; i++) {
        device_sends_strays(RX_BUFFERS);
        expect_turn();
        while (next_packet() != VIRTIO_VSOCK_OP_INVALID)
            ;
    }
    memcpy(&sent, packet, sizeof sent);
    assert_int_equal(sent.dst_port, 7);
}

/* The header is made when there is a slot for it, not when the packet became due. */
static void test_control_carries_the_credit_of_its_sending(void **state)
{
    (void)state;
    int c = open_over_device(PEER);
    fill_with_data(c);
    device_sends_strays(TX_SLOTS_FOR_CONTROL);
    device_sends(RW, .len = 0);
    expect_turn();
    for (uint32_t part = 1; part <= 2; part++) {
        device_sends(RW, .data = "0123456789abcdef");
        expect_turn();
        vsock_consume(&m, c, WINDOW / 4);
        expect_turn(); /* an update is due, and there is no slot */
        assert_int_equal(requests(QUEUE_TX), TX_SLOTS);
    }
    while (next_packet() != VIRTIO_VSOCK_OP_INVALID)
        ;
    expect_turn();
    expect_packet(CREDIT_UPDATE);
    assert_int_equal(sent.fwd_cnt, WINDOW / 2);
}

static void test_one_kick_a_turn(void **state)
{
    (void)state;
    device_sends_strays(5);
    expect_turn();
    expect_log("kick0 kick1 ");
    expect_turn();
    expect_log("status? ");
}

/* Room that sending has made is filled before the device is told of anything. */
static void test_kick_comes_behind_the_last_packet(void **state)
{
    uint8_t *space;
    (void)state;
    int c = open_over_device(PEER);
    owner_sends(c, "first");
    assert_int_equal(vsock_reserve(&m, c, SEND, &space), 0);
    fake.log[0] = '\0';
    assert_true(vsock_device_flush(&m));
    expect_log("");
    expect_event(ROOM);
    owner_sends(c, "second");
    assert_false(vsock_device_flush(&m));
    expect_log("kick1 ");
    expect_packet(RW);
    expect_packet(RW);
    assert_string_equal(sent_data, "second");
}

static void test_no_kick_when_the_device_wants_none(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        queues[i].used.flags = 1; /* VIRTQ_USED_F_NO_NOTIFY */
    device_sends_strays(1);
    expect_turn();
    expect_log("");
    expect_packet(RST);
}

/* --- waiting --- */

/* [2.7.7] Whether the device would interrupt for what it finishes in a queue. */
static bool interrupts(unsigned n)
{
    return queues[n].avail.flags == 0;
}

static void test_interrupts_come_only_while_they_are_waited_for(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        expect_turn();
        assert_false(interrupts(QUEUE_RX));
        fake.log[0] = '\0';
        assert_true(vsock_device_may_wait());
        expect_log("ack "); /* before the rings are looked at for the last time */
        assert_true(interrupts(QUEUE_RX));
        assert_true(interrupts(QUEUE_EVENT));
        assert_false(interrupts(QUEUE_TX)); /* what was sent is sent */
    }
}

/* What comes between the last turn and the wait is not slept over. */
static void test_nothing_is_slept_over(void **state)
{
    (void)state;
    expect_turn();
    device_sends(REQUEST);
    assert_false(vsock_device_may_wait());
    expect_turn();
    expect_event(REQUESTED);
    assert_true(vsock_device_may_wait());
    device_sends_event(1, 4);
    assert_false(vsock_device_may_wait());
    expect_turn();
    assert_true(vsock_device_may_wait());
}

/* With data that waits for a slot, a finished packet is news. */
static void test_a_full_queue_is_waited_for(void **state)
{
    (void)state;
    int c = open_over_device(PEER);
    fill_with_data(c);
    assert_true(vsock_device_may_wait());
    assert_true(interrupts(QUEUE_TX));
    expect_packet(RW);
    assert_false(vsock_device_may_wait());
    expect_turn();
    assert_int_equal(requests(QUEUE_TX), TX_DATA_SLOTS);
    while (next_packet() != VIRTIO_VSOCK_OP_INVALID)
        ;
    expect_turn();
    assert_true(vsock_device_may_wait());
    assert_false(interrupts(QUEUE_TX));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_started, tear_down_device)
    const struct CMUnitTest tests[] = {
        T(test_receive_buffers_are_one_writable_piece),
        T(test_lengths_of_used_buffers),
        T(test_header_claims_more_than_arrived),
        T(test_header_changes_while_it_is_judged),
        T(test_buffers_that_come_back_untouched),
        T(test_buffers_are_wiped_and_posted_again),
        T(test_a_turn_is_bounded),
        T(test_packet_without_an_interrupt),
        T(test_shapes_of_packets),
        T(test_buffers_are_told_of_by_halves),
        T(test_slots_are_kept_for_control),
        T(test_reception_goes_on_while_transmission_is_full),
        T(test_completion_out_of_order),
        T(test_unfinished_packet_is_left_alone),
        T(test_control_carries_the_credit_of_its_sending),
        T(test_one_kick_a_turn),
        T(test_kick_comes_behind_the_last_packet),
        T(test_no_kick_when_the_device_wants_none),
        T(test_interrupts_come_only_while_they_are_waited_for),
        T(test_nothing_is_slept_over),
        T(test_a_full_queue_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
