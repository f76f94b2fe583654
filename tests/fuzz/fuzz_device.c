/* SPDX-License-Identifier: MIT */
/*
 * The vsock device's driver, virtio.c and the connection machine over a transport and
 * queues in plain memory. The device behind them may be honest, late, or write anything
 * into rings and buffers at any register access. Its driver may only say that it broke.
 */
#include "platform/platform.h"
#include "tests/fuzz/fuzz.h"

/* Its static state is reset between inputs. */
#include "drivers/vsock_device.c"

#define CONNS  3
#define WINDOW 256
#define SEND   64
#define CID    3u
#define ROUNDS 100 /* more than there can be packets to send: a queue may hold but one */

static struct input in;
static uint8_t status, noise; /* noise: how often a register access is used for mischief */
static uint16_t queue_sizes;
static bool lied; /* the device wrote over what it had told, and may have lost a request */
static uint64_t offered, config, now;
static bool restless; /* the configuration never stops changing */
static uint32_t generation;
static uint16_t seen[3]; /* available requests that the device has looked at */
static struct vsock_machine machine;
static struct vsock_conn conns[CONNS];

/* The next request of a queue that the device was given and has not finished; NULL: none. */
static const struct virtq_desc *next_request(unsigned queue, uint16_t *head)
{
    struct virtqueue *q = &queues[queue];

    if (seen[queue] == q->avail.idx || q->size == 0)
        return NULL;
    *head = q->avail.ring[seen[queue]++ % q->size] % q->size;
    return &q->desc[*head];
}

static void finish(unsigned queue, uint32_t id, uint32_t len)
{
    struct virtqueue *q = &queues[queue];

    if (q->size == 0)
        return;
    q->used.ring[q->used.idx % q->size] = (struct virtq_used_elem){id, len};
    q->used.idx++;
}

/* A packet for a connection that may exist, with a length that may be a lie. */
static void send_packet(uint8_t kind)
{
    uint16_t head;
    const struct virtq_desc *d = next_request(QUEUE_RX, &head);
    uint8_t lie = take8(&in), peer = take8(&in), len = kind % 16 < 9 ? 0 : take8(&in);
    const struct vsock_conn *c = &conns[peer % CONNS];
    struct virtio_vsock_hdr hdr = {.src_cid = 2,
                                   .dst_cid = machine.local_cid,
                                   .src_port = peer % 8u,
                                   .dst_port = 1024 + peer / 128u,
                                   .len = len + (lie == 1 ? 1u : 0u),
                                   .type = 1,
                                   .flags = peer % 4u,
                                   .op = kind % 16 < 9 ? kind % 16 : VIRTIO_VSOCK_OP_RW,
                                   .buf_alloc = lie,
                                   .fwd_cnt = c->tx_cnt};

    if (d == NULL || d->len < sizeof hdr + UINT8_MAX)
        return;
    if (c->state != VSOCK_FREE && kind < 0xe0) {
        hdr.src_port = c->peer_port;
        hdr.dst_port = c->local_port;
    }
    if (lie == 2)
        take_bytes(&in, &hdr, sizeof hdr);
    memcpy((void *)(uintptr_t)d->addr, &hdr, sizeof hdr);
    take_bytes(&in, (uint8_t *)(uintptr_t)d->addr + sizeof hdr, len);
    finish(QUEUE_RX, head + (lie == 3 ? 1u : 0u),
           lie == 4 ? take16(&in) : (uint32_t)sizeof hdr + len);
}

static void finish_sends(unsigned n, uint32_t len)
{
    uint16_t head;

    while (n-- > 0 && next_request(QUEUE_TX, &head) != NULL)
        finish(QUEUE_TX, head, len);
}

static void send_event(uint8_t id, uint8_t len)
{
    uint16_t head;
    const struct virtq_desc *d = next_request(QUEUE_EVENT, &head);

    if (d == NULL || d->len < 4)
        return;
    *(uint32_t *)(uintptr_t)d->addr = id % 8 != 0;
    finish(QUEUE_EVENT, head, len > 8 ? 4 : len);
}

static void scribble(uint8_t where, uint8_t value)
{
    struct virtqueue *q = &queues[where % 3];
    uint16_t at = take16(&in);

    lied = true;
    switch (where / 3 % 6) {
    case 0:
        q->used.idx = (uint16_t)(q->used.idx + (int8_t)value);
        break;
    case 1:
        q->used.ring[at % VIRTQUEUE_SIZE].id ^= value;
        break;
    case 2:
        q->used.ring[at % VIRTQUEUE_SIZE].len ^= (uint32_t)value << at % 25;
        break;
    case 3:
        rx_buffers[at % RX_BUFFERS][at / RX_BUFFERS % 64] ^= value;
        break;
    case 4:
        q->used.flags = value;
        break;
    default:
        memset(event_buffers, value, sizeof event_buffers);
        memset(tx_headers, value, sizeof tx_headers);
    }
}

static void device_acts(void)
{
    uint8_t what = take8(&in), n = take8(&in);

    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        send_packet(n);
        break;
    case 3:
    case 4:
        finish_sends(n % 16u, n > 200 ? n : 0);
        break;
    case 5:
        send_event(n, what / 8);
        break;
    case 6:
        scribble(n, what);
        break;
    default:
        if (n < 8)
            config = n < 4 ? CID + n : n - 4u;
        else if (n == 9)
            restless = true;
        else if (n > 250)
            status |=
                (uint8_t)(n % 2 != 0 ? VIRTIO_STATUS_DEVICE_NEEDS_RESET : VIRTIO_STATUS_FAILED);
    }
}

/* The driver touches a register: the device may use the moment. */
static void touched(void)
{
    if (noise != 0 && in.left != 0 && in.left % noise == 0)
        device_acts();
}

static uint32_t get_features(const struct virtio_device *d, uint32_t word)
{
    (void)d;
    return (uint32_t)(offered >> 32 * word);
}

static void set_features(const struct virtio_device *d, uint32_t word, uint32_t bits)
{
    CHECK((bits & ~get_features(d, word)) == 0);
}

static uint8_t get_status(const struct virtio_device *d)
{
    (void)d;
    touched();
    return status;
}

static void set_status(const struct virtio_device *d, uint8_t s)
{
    (void)d;
    status = s;
}

static uint16_t queue_max(const struct virtio_device *d, uint16_t n)
{
    static const uint16_t sizes[] = {256, 64, 32, 16, 8, 4, 2, 1, 48, 65535, 0};
    (void)d;
    return sizes[((unsigned)queue_sizes >> 4 * n & 15) % COUNT(sizes)];
}

static int queue_enable(struct virtio_device *d, uint16_t n, const struct virtqueue *q)
{
    (void)d;
    CHECK(q == &queues[n] && q->size != 0 && (q->size & (q->size - 1)) == 0);
    return MOTE_OK;
}

static void notify(const struct virtio_device *d, uint16_t n)
{
    (void)d;
    CHECK(n < 3 && (status & VIRTIO_STATUS_DRIVER_OK) != 0);
    touched();
}

static uint32_t config_generation(const struct virtio_device *d)
{
    (void)d;
    touched();
    return (uint32_t)(restless ? generation++ : config);
}

static uint32_t config_read(const struct virtio_device *d, uint32_t offset)
{
    (void)d;
    return (uint32_t)(config >> 8 * offset);
}

static void acknowledge(const struct virtio_device *d)
{
    (void)d;
    touched();
}

int virtio_mmio_find(enum virtio_id id, struct virtio_device *d)
{
    static const struct virtio_transport transport = {
        "fuzz",       get_features, set_features,      get_status,  set_status, queue_max,
        queue_enable, notify,       config_generation, config_read, acknowledge};

    CHECK(id == VIRTIO_ID_VSOCK);
    *d = (struct virtio_device){.transport = &transport};
    return MOTE_OK;
}

int virtio_pci_find(enum virtio_id id, struct virtio_device *d)
{
    (void)id;
    (void)d;
    return MOTE_ERR_NOT_FOUND;
}

uint64_t platform_now_ns(void)
{
    return now += 1000000;
}

static void owner_event(const struct vsock_event *e, uint8_t choice)
{
    uint8_t *space;
    const uint8_t *data;

    if (e->type == VSOCK_EVENT_REQUESTED)
        vsock_accept(&machine, e->conn);
    vsock_consume(&machine, e->conn, vsock_peek(&machine, e->conn, &data) * (choice % 2u));
    uint32_t room = vsock_reserve(&machine, e->conn, 1, &space);
    if (room != 0) {
        memset(space, choice, room);
        vsock_send(&machine, e->conn, room);
    }
    if (e->type == VSOCK_EVENT_RESET || e->type == VSOCK_EVENT_CLOSED)
        vsock_close(&machine, e->conn, now);
}

static void poll_once(void)
{
    bool was_broken = broken;
    uint8_t choice = take8(&in);
    struct vsock_event e;

    vsock_tick(&machine, now);
    int result = vsock_device_poll(&machine, now);
    CHECK(result == MOTE_OK || result == MOTE_ERR_BROKEN);
    CHECK(!was_broken || result == MOTE_ERR_BROKEN);
    CHECK((result == MOTE_ERR_BROKEN) == broken);
    vsock_device_flush(&machine);
    CHECK(broken || queues[QUEUE_TX].outstanding == (unsigned)__builtin_popcount(tx_busy));
    while (vsock_next_event(&machine, &e))
        if (e.type != VSOCK_EVENT_TRANSPORT_RESET)
            owner_event(&e, choice);
}

static void set_up(void)
{
    uint8_t choice = take8(&in);

    memset(queues, 0, sizeof queues);
    memset(seen, 0, sizeof seen);
    memset(conns, 0, sizeof conns);
    tx_busy = 0;
    broken = lied = restless = false;
    status = 0;
    now = 0;
    noise = choice % 8;
    offered = choice % 16 == 15 ? 1 : UINT64_MAX;
    config = choice == 16 ? 2 : CID;
    queue_sizes = take16(&in);
    for (int i = 0; i < CONNS; i++) {
        conns[i].rx = (struct buffer){.base = exact(NULL, WINDOW), .size = WINDOW};
        conns[i].tx = (struct buffer){.base = exact(NULL, SEND), .size = SEND};
    }
    vsock_init(&machine, CID, conns, CONNS, 0);
    vsock_allow(&machine, 2);
    vsock_listen(&machine, 1024);
}

/* The device finishes what it has: whatever is to be sent must leave, through any queue. */
static void check_progress(void)
{
    struct virtio_vsock_hdr hdr;
    const uint8_t *data;

    noise = 0;
    for (int i = 0; i < ROUNDS && !broken; i++) {
        finish_sends(VIRTQUEUE_SIZE, 0);
        poll_once();
        now += i < ROUNDS / 2 ? VSOCK_CLOSE_TIMEOUT_NS : 0;
    }
    CHECK(broken || lied || !vsock_output(&machine, &hdr, &data, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t cid;

    in = (struct input){data, size};
    set_up();
    if (vsock_device_start(&cid) == MOTE_OK) {
        CHECK(cid > VSOCK_CID_HOST && cid < VSOCK_CID_ANY);
        machine.local_cid = cid;
        while (in.left != 0) {
            if (take8(&in) % 4 == 0)
                poll_once();
            else
                device_acts();
        }
        check_progress();
    }
    for (int i = 0; i < CONNS; i++) {
        free(conns[i].rx.base);
        free(conns[i].tx.base);
    }
    return 0;
}
