/* SPDX-License-Identifier: MIT */
/*
 * The driver of the vsock device over a device in plain memory: a transport that logs every
 * register access, and the device's side of the three queues. The device is honest; a test
 * makes it lie. The driver is included, because each test starts it anew.
 */
#ifndef TESTS_UNIT_FAKE_DEVICE_H
#define TESTS_UNIT_FAKE_DEVICE_H

#include "drivers/vsock_machine.h"

/* What the device does while a received packet is being judged, or a register being read. */
static void (*meanwhile)(void);

static void input_meanwhile(struct vsock_machine *machine, const struct virtio_vsock_hdr *hdr,
                            const uint8_t *data, uint64_t at)
{
    if (meanwhile)
        meanwhile();
    vsock_input(machine, hdr, data, at);
}

#define vsock_input input_meanwhile
#include "drivers/vsock_device.c"
#undef vsock_input

#include "tests/unit/fake_platform.h"
#include "tests/unit/machine.h"

#include <stdlib.h>

static struct {
    int mmio, pci; /* what a search on these buses ends with */
    bool interrupts;
    uint64_t offered, accepted;
    uint8_t status;
    uint8_t refused; /* status bits that it does not take */
    uint8_t stuck;   /* and those that it never gives up */
    uint16_t queue_max[3];
    int unreachable; /* the queue whose doorbell is; -1: none */
    uint64_t cid;
    uint32_t changes; /* of the configuration, one for each look at its generation */
    uint32_t generation;
    struct virtqueue *queues[3];
    uint16_t seen[3];   /* requests that the device has taken */
    uint16_t posted[3]; /* requests that were there at DRIVER_OK */
    unsigned accesses;
    char log[1024];
} fake;

static char *console; /* what the driver printed */
static size_t console_size, console_seen;
static FILE *real_stdout;

/* --- registers --- */

#define LOG(...) log_access(snprintf(line, sizeof line, __VA_ARGS__), line)
static char line[64];

static void log_access(int n, const char *access)
{
    size_t used = strlen(fake.log);

    fake.accesses++;
    if (used + (size_t)n < sizeof fake.log)
        memcpy(fake.log + used, access, (size_t)n + 1);
}

static uint32_t fake_get_features(const struct virtio_device *d, uint32_t word)
{
    (void)d;
    fake.accesses++; /* in no order */
    return (uint32_t)(fake.offered >> 32 * word);
}

static void fake_set_features(const struct virtio_device *d, uint32_t word, uint32_t bits)
{
    (void)d;
    LOG("features%u=%x ", word, bits);
    fake.accepted |= (uint64_t)bits << 32 * word;
}

static uint8_t fake_get_status(const struct virtio_device *d)
{
    (void)d;
    LOG("status? ");
    fake_now += SECOND / 8; /* a slow device */
    return (fake.status & (uint8_t)~fake.refused) | fake.stuck;
}

static void fake_set_status(const struct virtio_device *d, uint8_t status)
{
    (void)d;
    LOG("status=%x ", status);
    fake.status = status;
    for (int i = 0; i < 3 && status >= VIRTIO_STATUS_DRIVER_OK && fake.queues[i]; i++)
        fake.posted[i] = fake.queues[i]->avail.idx;
}

static uint16_t fake_queue_max(const struct virtio_device *d, uint16_t n)
{
    (void)d;
    LOG("queue%u? ", n);
    return fake.queue_max[n];
}

static int fake_queue_enable(struct virtio_device *d, uint16_t n, const struct virtqueue *q)
{
    (void)d;
    LOG("queue%u=%u ", n, q->size);
    assert_int_equal(q->avail.idx, 0);
    fake.queues[n] = (struct virtqueue *)(uintptr_t)q;
    return fake.unreachable == n ? MOTE_ERR_BROKEN : MOTE_OK;
}

static void fake_notify(const struct virtio_device *d, uint16_t n)
{
    (void)d;
    LOG("kick%u ", n);
    assert_true((fake.status & VIRTIO_STATUS_DRIVER_OK) != 0);
}

static uint32_t fake_config_generation(const struct virtio_device *d)
{
    (void)d;
    LOG("generation? ");
    if (meanwhile)
        meanwhile();
    if (fake.changes != 0) {
        fake.changes--;
        fake.generation++;
    }
    return fake.generation;
}

static uint32_t fake_config_read(const struct virtio_device *d, uint32_t offset)
{
    (void)d;
    LOG("config%u? ", offset);
    return (uint32_t)(fake.cid >> 8 * offset);
}

static void fake_acknowledge(const struct virtio_device *d)
{
    (void)d;
    LOG("ack ");
}

static int fake_find(const char *name, int result, enum virtio_id id, struct virtio_device *d)
{
    static struct virtio_transport transport = {
        NULL,
        fake_get_features,
        fake_set_features,
        fake_get_status,
        fake_set_status,
        fake_queue_max,
        fake_queue_enable,
        fake_notify,
        fake_config_generation,
        fake_config_read,
        fake_acknowledge,
    };

    assert_int_equal(id, VIRTIO_ID_VSOCK);
    transport.name = name;
    if (result == MOTE_OK)
        *d = (struct virtio_device){
            .transport = &transport, .address = 0xabc, .interrupts = fake.interrupts};
    return result;
}

int virtio_mmio_find(enum virtio_id id, struct virtio_device *d)
{
    return fake_find("mmio", fake.mmio, id, d);
}

int virtio_pci_find(enum virtio_id id, struct virtio_device *d)
{
    return fake_find("pci", fake.pci, id, d);
}

/* --- queues, the device's side --- */

/* How many requests of queue n the device has not taken yet. */
static inline uint16_t requests(unsigned n)
{
    return (uint16_t)(fake.queues[n]->avail.idx - fake.seen[n]);
}

/* Takes the next one: its head. */
static uint16_t take_request(unsigned n)
{
    const struct virtqueue *q = fake.queues[n];

    assert_int_not_equal(fake.seen[n], q->avail.idx);
    return q->avail.ring[fake.seen[n]++ % q->size];
}

static void finish(unsigned n, uint32_t head, uint32_t len)
{
    struct virtqueue *q = fake.queues[n];

    q->used.ring[q->used.idx % q->size] = (struct virtq_used_elem){head, len};
    q->used.idx++;
}

static uint8_t *memory_of(const struct virtq_desc *d)
{
    return (uint8_t *)(uintptr_t)d->addr;
}

/* Fills the next receive buffer with a packet and says that written bytes are in it. */
static void device_writes(const struct virtio_vsock_hdr *hdr, const char *data, uint32_t written)
{
    uint16_t head = take_request(QUEUE_RX);
    uint8_t *buffer = memory_of(&fake.queues[QUEUE_RX]->desc[head]);

    memcpy(buffer, hdr, sizeof *hdr);
    if (data)
        memcpy(buffer + sizeof *hdr, data, strlen(data));
    finish(QUEUE_RX, head, written);
}

static void device_sends_packet(uint16_t op, struct peer_packet p)
{
    struct virtio_vsock_hdr hdr = peer_header(op, p);

    device_writes(&hdr, p.data, (uint32_t)sizeof hdr + hdr.len);
}

#define device_sends(op, ...)                                                                      \
    device_sends_packet(VIRTIO_VSOCK_OP_##op, (struct peer_packet){__VA_ARGS__})

static inline void device_sends_event(uint32_t id, uint32_t written)
{
    uint16_t head = take_request(QUEUE_EVENT);

    memcpy(memory_of(&fake.queues[QUEUE_EVENT]->desc[head]), &id, sizeof id);
    finish(QUEUE_EVENT, head, written);
}

/* Takes a packet without finishing it: its op; *head is what finish() wants. Header and payload
 * apart and each in one piece, readable: other shapes are lost by some devices. */
static int take_packet(uint16_t *head)
{
    const struct virtq_desc *table = fake.queues[QUEUE_TX]->desc, *first;

    *head = take_request(QUEUE_TX);
    first = &table[*head];
    assert_int_equal(first->len, sizeof sent);
    memcpy(&sent, memory_of(first), sizeof sent);
    memset(sent_data, 0, sizeof sent_data);
    if (sent.len == 0) {
        assert_int_equal(first->flags, 0);
        return sent.op;
    }
    assert_int_equal(first->flags, VIRTQ_DESC_F_NEXT);
    assert_int_equal(table[first->next].flags, 0);
    assert_int_equal(table[first->next].len, sent.len);
    assert_in_range(sent.len, 1, sizeof sent_data - 1);
    memcpy(sent_data, memory_of(&table[first->next]), sent.len);
    return sent.op;
}

/* Takes and finishes the next packet; VIRTIO_VSOCK_OP_INVALID when there is none. */
static inline int next_packet(void)
{
    uint16_t head;

    if (requests(QUEUE_TX) == 0)
        return VIRTIO_VSOCK_OP_INVALID;
    int op = take_packet(&head);
    finish(QUEUE_TX, head, 0);
    return op;
}

#define expect_packet(op)  assert_int_equal(next_packet(), VIRTIO_VSOCK_OP_##op)
#define expect_no_packet() assert_int_equal(requests(QUEUE_TX), 0)

/* --- the driver --- */

/* What has arrived is taken, and what is due leaves. */
static inline int turn(void)
{
    int result = vsock_device_poll(&m, now);

    vsock_device_flush(&m); /* of the events it may tell, tests take those that they expect */
    return result;
}

#define expect_turn() assert_int_equal(turn(), MOTE_OK)

/* The register accesses since the last call are these. */
static inline void expect_log(const char *expected)
{
    assert_string_equal(fake.log, expected);
    fake.log[0] = '\0';
}

/* The lines that the console has got since the last call are these. */
static inline void expect_console(const char *expected)
{
    fflush(stdout);
    assert_string_equal(console + console_seen, expected);
    console_seen = console_size;
}

static void start_device(void)
{
    uint64_t cid;

    assert_int_equal(vsock_device_start(&cid), MOTE_OK);
    assert_int_equal(cid, fake.cid);
    fflush(stdout);
    console_seen = console_size;
    fake.log[0] = '\0';
}

/* A connection that the device's host opened. */
static inline int open_over_device(uint32_t peer_port)
{
    device_sends(REQUEST, .src_port = peer_port);
    expect_turn();
    expect_event(REQUESTED);
    int conn = event.conn;
    assert_int_equal(vsock_accept(&m, conn), MOTE_OK);
    expect_turn();
    expect_packet(RESPONSE);
    return conn;
}

static int set_up_device(void **state)
{
    memset(&fake, 0, sizeof fake);
    fake.interrupts = true;
    fake.pci = MOTE_ERR_NOT_FOUND;
    fake.offered = UINT64_MAX;
    fake.cid = GUEST;
    fake.unreachable = -1;
    for (int i = 0; i < 3; i++)
        fake.queue_max[i] = 256;
    fake_now = 0;
    meanwhile = NULL;
    memset(queues, 0, sizeof queues);
    memset(rx_buffers, 0xa5, sizeof rx_buffers);
    tx_busy = 0;
    broken = false;
    console_seen = 0;
    real_stdout = stdout;
    stdout = open_memstream(&console, &console_size);
    return stdout == NULL ? -1 : set_up(state);
}

static inline int set_up_started(void **state)
{
    int result = set_up_device(state);

    start_device();
    return result;
}

static int tear_down_device(void **state)
{
    (void)state;
    fclose(stdout);
    stdout = real_stdout;
    free(console);
    return 0;
}

#endif
