/* SPDX-License-Identifier: MIT */
/* The event queue of the vsock device, and what ends a device: violations, and giving up. */
#include "tests/unit/fake_device.h"

#define RESET_ID VIRTIO_VSOCK_EVENT_TRANSPORT_RESET

static void test_event_buffers(void **state)
{
    (void)state;
    assert_true(requests(QUEUE_EVENT) >= 4);
    while (requests(QUEUE_EVENT) != 0) {
        const struct virtq_desc *d = &queues[QUEUE_EVENT].desc[take_request(QUEUE_EVENT)];
        assert_int_equal(d->flags, VIRTQ_DESC_F_WRITE);
        assert_int_equal(d->len, 4);
    }
}

/* [5.10.6.7] In the middle of a transfer, with another CID afterwards. */
static void test_transport_reset(void **state)
{
    (void)state;
    int a = open_over_device(1), b = open_over_device(2);
    device_sends(RW, .src_port = 1, .data = "last");
    expect_turn();
    expect_event(DATA);
    owner_sends(a, "lost");
    vsock_close(&m, b, now);
    device_sends(RW, .src_port = 9); /* an RST is owed for it, too */
    fake.log[0] = '\0';
    fake.cid = 43;
    device_sends_event(RESET_ID, 4);
    expect_turn();
    expect_log("generation? config0? config4? generation? kick2 ");
    expect_console("mote: vsock: transport reset, CID 43\n");
    expect_no_packet();
    assert_int_equal(requests(QUEUE_EVENT), EVENT_BUFFERS);
    expect_event(TRANSPORT_RESET);
    expect_event(RESET);
    assert_int_equal(event.conn, a);
    expect_unread(a, "last");
    vsock_close(&m, a, now);
    expect_no_event();
    assert_int_equal(vsock_connections(&m), 0);
    device_sends(REQUEST, .dst_cid = GUEST); /* for whom we were */
    device_sends(REQUEST, .dst_cid = 43);
    expect_turn();
    expect_event(REQUESTED); /* listeners stay */
    expect_no_event();
    vsock_accept(&m, event.conn);
    expect_turn();
    expect_packet(RESPONSE);
    assert_int_equal(sent.src_cid, 43);
}

/* What a device sends behind a reset is for the guest that there is from then on. */
static void test_requests_behind_a_reset(void **state)
{
    (void)state;
    fake.cid = 43;
    device_sends_event(RESET_ID, 4);
    device_sends(REQUEST, .dst_cid = 43);
    expect_turn();
    expect_event(TRANSPORT_RESET);
    expect_event(REQUESTED);
    expect_no_event();
}

static void test_the_same_ports_on_both_sides_of_a_reset(void **state)
{
    (void)state;
    int c = open_over_device(7);
    device_sends_event(RESET_ID, 4);
    device_sends(REQUEST, .src_port = 7);
    expect_turn();
    expect_event(TRANSPORT_RESET);
    expect_event(REQUESTED); /* two connections take turns */
    assert_int_not_equal(event.conn, c);
    expect_event(RESET);
    assert_int_equal(event.conn, c);
    expect_no_event();
}

static void test_events_that_say_nothing(void **state)
{
    static const struct {
        uint32_t id, written;
    } rows[] = {{RESET_ID, 0}, {RESET_ID, 1},   {RESET_ID, 3},
                {1, 4},        {0xff000000, 4}, {UINT32_MAX, 4}};
    (void)state;
    open_over_device(PEER);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            fake.log[0] = '\0';
            device_sends_event(rows[i].id, rows[i].written);
            expect_turn();
            expect_log("kick2 ");
            assert_int_equal(requests(QUEUE_EVENT), EVENT_BUFFERS);
        }
    }
    expect_no_event();
    expect_console("");
    assert_int_equal(vsock_connections(&m), 1);
}

static unsigned events;

static void device_sends_more_events(void)
{
    events++;
    if (requests(QUEUE_EVENT) != 0)
        device_sends_event(RESET_ID, 4);
}

static void test_a_flood_of_events_is_bounded(void **state)
{
    (void)state;
    events = 0;
    meanwhile = device_sends_more_events;
    device_sends_event(RESET_ID, 4);
    expect_turn();
    assert_in_range(events, 2, 2 * EVENT_BUFFERS); /* each reset looks twice at the generation */
    device_sends(REQUEST);
    expect_turn();
    expect_event(TRANSPORT_RESET);
    expect_event(REQUESTED);
}

/* --- a device that is not used any more --- */

/* The device is broken, the console has been told so once, and nobody touches it again. */
static void expect_broken(const char *why)
{
    uint16_t available[3];
    unsigned accesses;

    assert_int_equal(turn(), MOTE_ERR_BROKEN);
    for (int n = 0; n < 3; n++)
        available[n] = fake.queues[n]->avail.idx;
    accesses = fake.accesses;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(turn(), MOTE_ERR_BROKEN);
        assert_false(vsock_device_may_wait());
    }
    assert_int_equal(fake.accesses, accesses);
    for (int n = 0; n < 3; n++)
        assert_int_equal(fake.queues[n]->avail.idx, available[n]);
    expect_console(why);
}

/* Used ring entries that only a liar writes, for each queue. */
static void test_nonsense_in_used_rings(void **state)
{
    static const char *const why[] = {
        "mote: vsock: the device wrote nonsense into the receive queue\n",
        "mote: vsock: the device wrote nonsense into the transmit queue\n",
        "mote: vsock: the device wrote nonsense into the event queue\n",
    };
    static const struct {
        uint32_t id_plus; /* beside the head of a request that the device has */
        uint32_t written;
        uint16_t idx_plus; /* beside one more */
    } rows[] = {
        {VIRTQUEUE_SIZE, 4, 0},              /* past the table */
        {UINT32_MAX - VIRTQUEUE_SIZE, 4, 0}, /* far past it */
        {0x10000, 4, 0},                     /* the low half is right */
        {VIRTQUEUE_SIZE / 2, 4, 0},          /* not outstanding */
        {0, RX_BUFFER_SIZE + 1, 0},          /* more than was there to write */
        {0, UINT32_MAX, 0},
        {0, 4, VIRTQUEUE_SIZE}, /* more finished than there is */
        {0, 4, 0x8000},
        {0, 4, UINT16_MAX - 1}, /* it goes back */
    };
    for (unsigned n = 0; n < 3; n++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            if (n == QUEUE_TX && rows[i].written != 4)
                continue; /* nothing to write there: the length says nothing */
            set_up_started(state);
            device_sends(RW);
            expect_turn(); /* each queue has a request now */
            finish(n, take_request(n) + rows[i].id_plus, rows[i].written);
            queues[n].used.idx = (uint16_t)(queues[n].used.idx + rows[i].idx_plus);
            expect_broken(why[n]);
            tear_down_device(state);
        }
    }
}

static void test_packet_finished_twice(void **state)
{
    uint16_t head, other;
    set_up_started(state);
    for (uint32_t i = 0; i < 2; i++)
        device_sends(RW, .src_port = 1 + i);
    expect_turn();
    take_packet(&head);
    take_packet(&other);
    finish(QUEUE_TX, head, 0);
    finish(QUEUE_TX, head, 0);
    expect_broken("mote: vsock: the device wrote nonsense into the transmit queue\n");
    tear_down_device(state);
}

/* The buffer was posted again meanwhile, and nothing is in it any more. */
static void test_buffer_finished_twice(void **state)
{
    (void)state;
    int c = open_over_device(PEER);
    device_sends(RW, .data = "once");
    const struct virtq_used_elem *e = &queues[QUEUE_RX].used.ring[queues[QUEUE_RX].used.idx - 1];
    finish(QUEUE_RX, e->id, e->len);
    expect_turn();
    expect_unread(c, "once");
    expect_no_packet();
}

/* An event is four bytes long, and there is no room for more. */
static void test_event_that_is_too_long(void **state)
{
    set_up_started(state);
    device_sends_event(RESET_ID, 5);
    expect_broken("mote: vsock: the device wrote nonsense into the event queue\n");
    tear_down_device(state);
}

static void test_no_cid_after_a_reset(void **state)
{
    static const uint64_t cids[] = {0, 2, 0xffffffff, UINT64_C(3) << 32};
    for (size_t i = 0; i < sizeof cids / sizeof cids[0]; i++) {
        char why[128];
        set_up_started(state);
        open_over_device(PEER);
        fake.cid = cids[i];
        device_sends_event(RESET_ID, 4);
        snprintf(why, sizeof why,
                 "mote: vsock: CID %llu can't be a guest's\n"
                 "mote: vsock: no CID after a transport reset\n",
                 (unsigned long long)cids[i]);
        expect_broken(why);
        tear_down_device(state);
    }
}

/* What stands behind such an event is not looked at any more. */
static void test_packet_behind_the_end(void **state)
{
    set_up_started(state);
    fake.cid = 0;
    device_sends_event(RESET_ID, 4);
    device_sends(REQUEST);
    expect_broken("mote: vsock: CID 0 can't be a guest's\n"
                  "mote: vsock: no CID after a transport reset\n");
    expect_no_event();
    tear_down_device(state);
}

static void test_configuration_that_never_stops_after_a_reset(void **state)
{
    set_up_started(state);
    fake.changes = UINT32_MAX;
    device_sends_event(RESET_ID, 4);
    expect_broken("mote: vsock: the configuration never stops changing\n");
    assert_in_range(UINT32_MAX - fake.changes, 2, 100);
    tear_down_device(state);
}

/* [2.1.2] DEVICE_NEEDS_RESET, and FAILED, are seen in the first turn that finds nothing. */
static void test_device_gives_up(void **state)
{
    static const uint8_t bits[] = {VIRTIO_STATUS_DEVICE_NEEDS_RESET, VIRTIO_STATUS_FAILED};
    for (size_t i = 0; i < sizeof bits; i++) {
        set_up_started(state);
        device_sends(REQUEST);
        expect_turn();
        fake.status |= bits[i];
        expect_broken("mote: vsock: the device needs a reset\n");
        tear_down_device(state);
    }
}

int main(void)
{
#define T(name)      cmocka_unit_test_setup_teardown(name, set_up_started, tear_down_device)
#define STARTS(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        T(test_event_buffers),
        T(test_transport_reset),
        T(test_requests_behind_a_reset),
        T(test_the_same_ports_on_both_sides_of_a_reset),
        T(test_events_that_say_nothing),
        T(test_a_flood_of_events_is_bounded),
        STARTS(test_nonsense_in_used_rings),
        STARTS(test_packet_finished_twice),
        T(test_buffer_finished_twice),
        STARTS(test_event_that_is_too_long),
        STARTS(test_no_cid_after_a_reset),
        STARTS(test_packet_behind_the_end),
        STARTS(test_configuration_that_never_stops_after_a_reset),
        STARTS(test_device_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
