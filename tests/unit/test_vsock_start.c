/* SPDX-License-Identifier: MIT */
/* Bringing the vsock device up: what is written in which order, and what is refused. */
#include "tests/unit/fake_device.h"

static uint64_t cid;

static void expect_start(int result)
{
    assert_int_equal(vsock_device_start(&cid), result);
}

static void test_bring_up_order(void **state)
{
    (void)state;
    expect_start(MOTE_OK);
    expect_log("status=0 status? status=1 status=3 features0=5 features1=11 status=b status? "
               "queue0? queue0=64 queue1? queue1=64 queue2? queue2=64 "
               "generation? config0? config4? generation? status? status=f kick0 kick2 ");
    expect_console("mote: vsock: CID 3, virtio-mmio at abc\n");
    assert_true(vsock_device_interrupts());
}

/* [3.1.1] Buffers are there before DRIVER_OK; fake_notify() wants no kick before it. */
static void test_buffers_are_posted_before_driver_ok(void **state)
{
    (void)state;
    expect_start(MOTE_OK);
    assert_int_equal(fake.posted[QUEUE_RX], RX_BUFFERS);
    assert_int_equal(fake.posted[QUEUE_TX], 0);
    assert_true(fake.posted[QUEUE_EVENT] >= 4);
}

static void test_features(void **state)
{
    static const struct {
        int bit;
        bool accepted;
    } rows[] = {
        {0, true},   /* VIRTIO_VSOCK_F_STREAM */
        {1, false},  /* VIRTIO_VSOCK_F_SEQPACKET */
        {2, true},   /* VIRTIO_VSOCK_F_NO_IMPLIED_STREAM */
        {24, false}, /* VIRTIO_F_NOTIFY_ON_EMPTY */
        {28, false}, /* VIRTIO_F_INDIRECT_DESC */
        {29, false}, /* VIRTIO_F_EVENT_IDX */
        {32, true},  /* VIRTIO_F_VERSION_1 */
        {33, false}, /* VIRTIO_F_ACCESS_PLATFORM */
        {34, false}, /* VIRTIO_F_RING_PACKED */
        {35, false}, /* VIRTIO_F_IN_ORDER */
        {36, true},  /* VIRTIO_F_ORDER_PLATFORM */
        {38, false}, /* VIRTIO_F_NOTIFICATION_DATA */
        {40, false}, /* VIRTIO_F_RING_RESET */
    };
    uint64_t expected = 0;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expected |= rows[i].accepted ? UINT64_C(1) << rows[i].bit : 0;
    expect_start(MOTE_OK); /* all 64 are offered */
    assert_true(fake.accepted == expected);
}

static void test_nothing_is_accepted_that_was_not_offered(void **state)
{
    (void)state;
    fake.offered = VIRTIO_F_VERSION_1;
    expect_start(MOTE_OK);
    assert_true(fake.accepted == VIRTIO_F_VERSION_1);
}

static void test_legacy_device(void **state)
{
    (void)state;
    fake.offered = ~VIRTIO_F_VERSION_1;
    expect_start(MOTE_ERR_UNSUPPORTED);
    expect_log("status=0 status? status=1 status=3 status=80 ");
    expect_console("mote: virtio device at mmio abc: legacy only (VIRTIO_F_VERSION_1 is not "
                   "offered)\n");
}

static void test_features_refused_by_the_device(void **state)
{
    (void)state;
    fake.refused = VIRTIO_STATUS_FEATURES_OK;
    expect_start(MOTE_ERR_UNSUPPORTED);
    expect_log("status=0 status? status=1 status=3 features0=5 features1=11 status=b status? "
               "status=80 ");
    expect_console("mote: virtio device at mmio abc: it refused our choice of features\n");
}

static void test_reset_that_never_ends(void **state)
{
    (void)state;
    fake.stuck = VIRTIO_STATUS_DRIVER;
    expect_start(MOTE_ERR_TIMEOUT);
    assert_in_range(fake.accesses, 2, 20);
    assert_in_range(fake_now, SECOND, 2 * SECOND);
}

static void test_queue_sizes(void **state)
{
    static const struct {
        uint16_t max, size;
    } rows[] = {{256, 64}, {64, 64}, {65535, 64}, {48, 32}, {32, 32}, {3, 2}, {1, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.queue_max[QUEUE_TX] = rows[i].max;
        expect_start(MOTE_OK);
        assert_int_equal(fake.queues[QUEUE_TX]->size, rows[i].size);
        assert_int_equal(fake.queues[QUEUE_RX]->size, VIRTQUEUE_SIZE);
    }
}

/* A queue that is small takes what fits; the rest of the buffers stays at home. */
static void test_small_queues(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        fake.queue_max[i] = 2;
    expect_start(MOTE_OK);
    assert_int_equal(requests(QUEUE_RX), 2);
    assert_int_equal(requests(QUEUE_EVENT), 2);
    for (uint32_t i = 0; i < 100; i++) {
        device_sends(RW, .src_port = 1 + i);
        expect_turn();
        expect_packet(RST);
        assert_int_equal(sent.dst_port, 1 + i);
    }
}

/* A packet that does not fit the queue is not taken out of the machine: none is lost. */
static void test_few_packets_at_a_time(void **state)
{
    static const uint16_t sizes[] = {1, 2, 4, 8};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned packets[VIRTIO_VSOCK_OP_CREDIT_REQUEST + 1] = {0};
        set_up_device(state);
        fake.queue_max[QUEUE_TX] = sizes[i];
        start_device();
        owner_sends(open_over_device(PEER), "x");
        for (uint32_t stray = 0; stray < 3; stray++)
            device_sends(RW, .src_port = 1 + stray);
        for (int turns = 0; turns < 10; turns++) {
            expect_turn();
            for (int op; (op = next_packet()) != VIRTIO_VSOCK_OP_INVALID;)
                packets[op]++;
        }
        assert_int_equal(packets[VIRTIO_VSOCK_OP_RST], 3);
        assert_int_equal(packets[VIRTIO_VSOCK_OP_RW], sizes[i] == 1 ? 0 : 1); /* two pieces */
        assert_int_equal(vsock_unsent(&m, 0), sizes[i] == 1 ? 1 : 0);
        tear_down_device(state);
    }
}

static void test_all_three_queues_are_needed(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        fake.queue_max[n] = 0;
        expect_start(MOTE_ERR_UNSUPPORTED);
        expect_console("mote: virtio device at mmio abc: a queue is missing or in use\n");
        assert_int_equal(fake.status, VIRTIO_STATUS_FAILED);
        fake.queue_max[n] = 256;
    }
}

static void test_doorbell_out_of_reach(void **state)
{
    (void)state;
    fake.unreachable = QUEUE_EVENT;
    expect_start(MOTE_ERR_UNSUPPORTED);
    expect_console("mote: virtio device at mmio abc: a queue's doorbell is out of reach\n");
}

static void test_cids(void **state)
{
    static const struct {
        uint64_t cid;
        int result;
    } rows[] = {
        {0, MOTE_ERR_UNSUPPORTED},
        {1, MOTE_ERR_UNSUPPORTED},
        {2, MOTE_ERR_UNSUPPORTED},
        {3, MOTE_OK},
        {0xfffffffe, MOTE_OK},
        {0xffffffff, MOTE_ERR_UNSUPPORTED},
        {0x100000003, MOTE_ERR_UNSUPPORTED},
        {UINT64_MAX, MOTE_ERR_UNSUPPORTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.cid = rows[i].cid;
        fake.status = 0;
        expect_start(rows[i].result);
        assert_int_equal((fake.status & VIRTIO_STATUS_DRIVER_OK) != 0, rows[i].result == MOTE_OK);
        if (rows[i].result == MOTE_OK)
            assert_true(cid == rows[i].cid);
    }
}

static void test_cid_is_named_when_it_is_bad(void **state)
{
    (void)state;
    fake.cid = 2;
    expect_start(MOTE_ERR_UNSUPPORTED);
    expect_console("mote: vsock: CID 2 can't be a guest's\n");
}

/* [2.5] A configuration that changes is read again, and one that never stops is not. */
static void test_configuration_that_changes(void **state)
{
    (void)state;
    fake.changes = 3;
    expect_start(MOTE_OK);
    assert_non_null(strstr(fake.log, "generation? config0? config4? generation? "
                                     "generation? config0? config4? generation? status? "));
    fake.changes = UINT32_MAX;
    expect_start(MOTE_ERR_BROKEN);
    assert_in_range(UINT32_MAX - fake.changes, 2, 100);
    assert_non_null(
        (fflush(stdout), strstr(console, "mote: vsock: the configuration never stops")));
}

static void test_which_device_serves(void **state)
{
    static const struct {
        int mmio, pci, result;
        const char *name;
    } rows[] = {
        {MOTE_OK, MOTE_OK, MOTE_OK, "mmio"},
        {MOTE_ERR_NOT_FOUND, MOTE_OK, MOTE_OK, "pci"},
        {MOTE_ERR_UNSUPPORTED, MOTE_OK, MOTE_OK, "pci"},
        {MOTE_ERR_NOT_FOUND, MOTE_ERR_NOT_FOUND, MOTE_ERR_NOT_FOUND, NULL},
        {MOTE_ERR_UNSUPPORTED, MOTE_ERR_NOT_FOUND, MOTE_ERR_UNSUPPORTED, NULL},
        {MOTE_ERR_NOT_FOUND, MOTE_ERR_UNSUPPORTED, MOTE_ERR_UNSUPPORTED, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.mmio = rows[i].mmio;
        fake.pci = rows[i].pci;
        expect_start(rows[i].result);
        if (rows[i].name)
            assert_string_equal(device.transport->name, rows[i].name);
    }
}

static void test_device_without_an_interrupt(void **state)
{
    (void)state;
    fake.interrupts = false;
    expect_start(MOTE_OK);
    expect_console("mote: vsock: CID 3, virtio-mmio at abc, polled\n");
    assert_false(vsock_device_interrupts());
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_device, tear_down_device)
    const struct CMUnitTest tests[] = {
        T(test_bring_up_order),
        T(test_buffers_are_posted_before_driver_ok),
        T(test_features),
        T(test_nothing_is_accepted_that_was_not_offered),
        T(test_legacy_device),
        T(test_features_refused_by_the_device),
        T(test_reset_that_never_ends),
        T(test_queue_sizes),
        T(test_small_queues),
        cmocka_unit_test(test_few_packets_at_a_time),
        T(test_all_three_queues_are_needed),
        T(test_doorbell_out_of_reach),
        T(test_cids),
        T(test_cid_is_named_when_it_is_bad),
        T(test_configuration_that_changes),
        T(test_which_device_serves),
        T(test_device_without_an_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
