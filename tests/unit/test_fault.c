/* SPDX-License-Identifier: MIT */
/*
 * vsockd's faults over rings in plain memory, with mote's own driver at the other end:
 * each does what its row says, when the guest has buffers for it and not before, and
 * nothing that only looks like a fault.
 */
#include "drivers/virtqueue.h"
#include "platform/error.h"
#include "qemu/vsockd/fault.h"
#include "tests/unit/unit.h"

#define BUFFERS     16
#define BUFFER_SIZE 4096u
#define HEADER      sizeof(struct virtio_vsock_hdr)
#define VICTIM_PORT 50000u

/* The guest's memory, at the same address for everybody. */
static struct {
    struct virtqueue queues[3];
    uint8_t buffers[BUFFERS][BUFFER_SIZE];
    uint32_t event;
} ram;

static struct vsock_machine machine;
static struct vsock_conn conns[2];
static uint8_t stream[8]; /* nothing goes through the machine here */
static struct device device;
static struct faults faults;

static void give(enum fault_queue queue, void *buffer, uint32_t len, uint16_t token)
{
    const struct virtq_segment segment = {buffer, len, queue != FAULT_TX};

    assert_int_equal(virtqueue_add(&ram.queues[queue], &segment, 1, token), MOTE_OK);
}

static void map_queue(enum device_queue_index index)
{
    uint64_t at = (uintptr_t)&ram.queues[index];
    struct device_queue *queue = &device.queues[index];

    queue->addresses = (struct vring_addresses){at + offsetof(struct virtqueue, desc),
                                                at + offsetof(struct virtqueue, avail),
                                                at + offsetof(struct virtqueue, used)};
    assert_int_equal(vring_set_size(&queue->ring, VIRTQUEUE_SIZE), MOTE_OK);
    assert_int_equal(device_map_queue(&device, queue), MOTE_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&ram, 0, sizeof ram);
    memset(conns, 0, sizeof conns);
    for (int i = 0; i < 2; i++)
        conns[i].rx = conns[i].tx = (struct buffer){.base = stream, .size = sizeof stream};
    vsock_init(&machine, VSOCK_CID_HOST, conns, 2, 0);
    vsock_allow(&machine, 3);
    conns[1].state = VSOCK_OPEN;
    conns[1].local_port = VICTIM_PORT;
    conns[1].peer_port = 1024;
    device_init(&device, &machine, VSOCK_CID_HOST);
    device.memory.regions[0] = (struct guest_region){
        .layout = {(uintptr_t)&ram, sizeof ram, (uintptr_t)&ram, 0}, .data = (uint8_t *)&ram};
    device.memory.count = 1;
    for (int i = 0; i < 3; i++)
        virtqueue_init(&ram.queues[i], VIRTQUEUE_SIZE);
    map_queue(DEVICE_RX);
    map_queue(DEVICE_TX);
    device.running = true;
    faults_init(&faults, &device);
    return 0;
}

static void give_receive_buffers(uint16_t n)
{
    for (uint16_t i = 0; i < n; i++)
        give(FAULT_RX, ram.buffers[i], BUFFER_SIZE, i);
}

static const char *start(const char *name)
{
    const struct fault_row *row = fault_find(name);

    assert_non_null(row);
    return faults_start(&faults, row, row->needs_victim ? VICTIM_PORT : 0);
}

/* Takes what there is to take; how many, or MOTE_ERR_BROKEN. Receive buffers go back. */
static int guest_takes(enum fault_queue queue)
{
    uint32_t len;
    int n = 0;
    int token;

    for (; (token = virtqueue_take(&ram.queues[queue], &len)) >= 0; n++)
        if (queue == FAULT_RX)
            give(FAULT_RX, ram.buffers[token], BUFFER_SIZE, (uint16_t)token);
    return token == MOTE_ERR_BROKEN ? token : n;
}

/* Every row with packets sends as many as it says and then is done. */
static void test_packets(void **state)
{
    for (const struct fault_row *row = fault_packets; row->name != NULL; row++) {
        uint32_t seen = 0;

        set_up(state);
        give_receive_buffers(BUFFERS);
        assert_null(start(row->name));
        for (int turn = 0; faults_busy(&faults) && turn < 10000; turn++) {
            faults_run(&faults);
            int n = guest_takes(FAULT_RX);
            if (n <= 0)
                fail_msg("%s: %d packets at turn %d", row->name, n, turn);
            seen += (uint32_t)n;
        }
        if (seen != row->packets)
            fail_msg("%s: %u packets, not %u", row->name, (unsigned)seen, (unsigned)row->packets);
    }
}

/* The header that the guest finds after one packet. */
static struct virtio_vsock_hdr header_of(const char *name)
{
    struct virtio_vsock_hdr hdr;

    give_receive_buffers(BUFFERS);
    assert_null(start(name));
    assert_true(faults_run(&faults) > 0);
    memcpy(&hdr, ram.buffers[0], HEADER);
    return hdr;
}

static void test_header_of_a_victim(void **state)
{
    (void)state;
    conns[1].fwd_cnt = 1000;
    struct virtio_vsock_hdr hdr = header_of("credit-ahead");
    assert_int_equal(hdr.src_cid, VSOCK_CID_HOST);
    assert_int_equal(hdr.dst_cid, 3);
    assert_int_equal(hdr.src_port, VICTIM_PORT);
    assert_int_equal(hdr.dst_port, 1024);
    assert_int_equal(hdr.op, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    assert_int_equal(hdr.fwd_cnt, 1001);
    assert_int_equal(hdr.buf_alloc, 65536);
}

static void test_lengths(void **state)
{
    static const struct {
        const char *name;
        uint32_t len;
    } rows[] = {
        {"len-over", 9}, {"len-huge", UINT32_MAX}, {"len-wraps", UINT32_MAX - 43}, {"len-under", 0},
        {"used-0", 8},   {"overrun", 4000}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_up(state);
        assert_int_equal(header_of(rows[i].name).len, rows[i].len);
    }
}

static void test_wrong_cids_and_types(void **state)
{
    (void)state;
    assert_int_equal(header_of("src-cid").src_cid, 79);
    set_up(state);
    assert_int_equal(header_of("dst-cid-high").dst_cid, UINT64_C(0x100000003));
    set_up(state);
    assert_int_equal(header_of("type-0").type, 0);
    set_up(state);
    assert_int_equal(header_of("type-ffff").type, UINT16_MAX);
}

/* Half of a batch would be another fault. */
static void test_batch_waits_for_buffers(void **state)
{
    (void)state;
    give_receive_buffers(9);
    assert_null(start("overrun"));
    assert_int_equal(faults_run(&faults), 0);
    assert_int_equal(guest_takes(FAULT_RX), 0);
    assert_true(faults_busy(&faults));
    give(FAULT_RX, ram.buffers[9], BUFFER_SIZE, 9);
    assert_int_equal(faults_run(&faults), 10);
    assert_int_equal(guest_takes(FAULT_RX), 10);
    assert_false(faults_busy(&faults));
}

/* By mote's own reading of a ring: which of them are nonsense, and which only strange. */
static void test_rings(void **state)
{
    static const char *const strange[] = {"rx-id-twice", "tx-len-huge", "event-len-short",
                                          "event-unknown"};

    for (const struct fault_row *row = fault_rings; row->name != NULL; row++) {
        bool nonsense = true;

        set_up(state);
        give_receive_buffers(BUFFERS);
        give(FAULT_TX, ram.buffers[0], HEADER, 0);
        give(FAULT_EVENT, &ram.event, sizeof ram.event, 0);
        faults.event_queue = (uintptr_t)&ram.queues[FAULT_EVENT];
        for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
            nonsense = nonsense && strcmp(row->name, strange[i]) != 0;
        assert_null(start(row->name));
        assert_int_equal(faults_run(&faults), 1);
        int taken = guest_takes(row->queue);
        if ((taken == MOTE_ERR_BROKEN) != nonsense || taken == 0)
            fail_msg("%s: %d", row->name, taken);
        assert_int_equal(faults_run(&faults), 0);
    }
}

/* A fault of the transmit queue keeps nobody waiting until the guest sends. */
static void test_armed(void **state)
{
    (void)state;
    assert_null(start("tx-id-past"));
    assert_int_equal(faults_run(&faults), 0);
    assert_false(faults_busy(&faults));
    assert_non_null(start("rst-storm")); /* one at a time */
    give(FAULT_TX, ram.buffers[0], HEADER, 0);
    assert_int_equal(faults_run(&faults), 1);
    assert_int_equal(guest_takes(FAULT_TX), MOTE_ERR_BROKEN);
}

static void test_lasting(void **state)
{
    (void)state;
    assert_null(start("tx-stop"));
    assert_true(faults_hold(&faults, DEVICE_TX));
    assert_false(faults_hold(&faults, DEVICE_RX));
    assert_null(start("stop"));
    assert_null(start("mute"));
    assert_true(faults_hold(&faults, DEVICE_RX));
    assert_true(device.mute);
    assert_false(faults_busy(&faults));
    faults_end(&faults);
    assert_false(faults_hold(&faults, DEVICE_TX) || faults_hold(&faults, DEVICE_RX));
    assert_false(device.mute);
}

static void test_events(void **state)
{
    (void)state;
    assert_string_equal(start("event-unknown"), "the event queue is not known");
    assert_false(faults_send_event(&faults, 0));
    faults.event_queue = (uintptr_t)&ram.queues[FAULT_EVENT] + 1; /* misaligned */
    assert_false(faults_open_event_queue(&faults));
    faults.event_queue = (uintptr_t)(&ram + 1) - 16; /* not whole */
    assert_false(faults_open_event_queue(&faults));
    faults.event_queue = (uintptr_t)&ram.queues[FAULT_EVENT];
    assert_false(faults_send_event(&faults, 0)); /* no buffer */
    for (int i = 0; i < 3 * VIRTQUEUE_SIZE; i++) {
        ram.event = 99;
        give(FAULT_EVENT, &ram.event, sizeof ram.event, 0);
        assert_true(faults_send_event(&faults, 0));
        assert_int_equal(guest_takes(FAULT_EVENT), 1);
        assert_int_equal(ram.event, 0);
    }
}

static void test_refused(void **state)
{
    (void)state;
    conns[1].state = VSOCK_CLOSING;
    assert_string_equal(start("op-0"), "no open connection has this port");
    device.running = false;
    assert_string_equal(start("rst-storm"), "there is no guest");
    assert_null(fault_find("op"));
    assert_null(fault_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_packets, set_up),
        cmocka_unit_test_setup(test_header_of_a_victim, set_up),
        cmocka_unit_test_setup(test_lengths, set_up),
        cmocka_unit_test_setup(test_wrong_cids_and_types, set_up),
        cmocka_unit_test_setup(test_batch_waits_for_buffers, set_up),
        cmocka_unit_test_setup(test_rings, set_up),
        cmocka_unit_test_setup(test_armed, set_up),
        cmocka_unit_test_setup(test_lasting, set_up),
        cmocka_unit_test_setup(test_events, set_up),
        cmocka_unit_test_setup(test_refused, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
