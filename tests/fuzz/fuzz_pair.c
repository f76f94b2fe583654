/* SPDX-License-Identifier: MIT */
/*
 * Two connection machines face to face, a guest's and a host's, through queues that hold
 * packets back: every byte arrives once and in order, no connection that both owners keep
 * is reset, nothing stands still when both read, and no slot is lost in the end.
 */
#include "drivers/vsock_internal.h"
#include "platform/error.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wire.h"

#define CONNS   4
#define BUFFER  64
#define QUEUE   16 /* packets on their way */
#define PORT    1024u
#define SECOND  UINT64_C(1000000000)
#define ROUNDS  100 /* of packets both ways, a second each: 64 bytes, seven at a time, and room */
#define CID(of) ((of) == 0 ? 3u : 2u)

struct packet {
    struct virtio_vsock_hdr hdr;
    uint8_t data[BUFFER];
};

struct owner {
    bool owned, open, let_go, ended;
    uint32_t out, got;
};

static struct side {
    struct vsock_machine m;
    struct vsock_conn conns[CONNS];
    struct owner owners[CONNS];
    struct packet queue[QUEUE]; /* from this side to the other */
    uint32_t first, queued;
} sides[2];
static uint64_t now;

/* The other end of a connection; NULL when there is none any more. */
static struct vsock_conn *twin_of(int of, int conn)
{
    const struct vsock_conn *c = &sides[of].conns[conn];
    struct side *other = &sides[!of];

    for (int i = 0; i < CONNS; i++)
        if (other->conns[i].state != VSOCK_FREE && other->conns[i].local_port == c->peer_port &&
            other->conns[i].peer_port == c->local_port)
            return &other->conns[i];
    return NULL;
}

static struct owner *owner_of(int of, const struct vsock_conn *c)
{
    return &sides[of].owners[c - sides[of].conns];
}

static bool both_keep(int of, int conn)
{
    const struct vsock_conn *twin = twin_of(of, conn);

    return twin != NULL && sides[of].owners[conn].owned && sides[of].owners[conn].open &&
           owner_of(!of, twin)->open;
}

/* Takes one packet out of a side; false when it has none, or the queue is full. */
static bool leave(int of, uint32_t max)
{
    struct side *s = &sides[of];
    const uint8_t *data = NULL;
    struct packet *p = &s->queue[(s->first + s->queued) % QUEUE];

    if (s->queued == QUEUE || !vsock_output(&s->m, &p->hdr, &data, max))
        return false;
    CHECK(p->hdr.len <= max && p->hdr.src_cid == CID(of) && p->hdr.dst_cid == CID(!of));
    if (p->hdr.len != 0)
        memcpy(p->data, data, p->hdr.len);
    s->queued++;
    return true;
}

static bool arrive(int from)
{
    struct side *s = &sides[from];
    struct packet *p = &s->queue[s->first];

    if (s->queued == 0)
        return false;
    s->first = (s->first + 1) % QUEUE;
    s->queued--;
    uint8_t *copy = exact(p->data, p->hdr.len);
    vsock_input(&sides[!from].m, &p->hdr, copy, now);
    free(copy);
    return true;
}

static void let_go(int of, int conn, bool politely)
{
    struct owner *o = &sides[of].owners[conn];
    const struct vsock_conn *twin = twin_of(of, conn);

    if (twin != NULL)
        owner_of(!of, twin)->let_go = true;
    *o = (struct owner){0};
    if (politely)
        vsock_close(&sides[of].m, conn, now);
    else
        vsock_abort(&sides[of].m, conn);
}

/* Only a connection that an owner let go, or that never came about, may be reset. */
static bool may_be_reset(int of, int conn)
{
    const struct owner *o = &sides[of].owners[conn];
    const struct vsock_conn *twin = twin_of(of, conn);

    return !o->open || o->let_go || (twin != NULL && !owner_of(!of, twin)->open);
}

static bool take_event(int of)
{
    struct side *s = &sides[of];
    struct vsock_event e;

    if (!vsock_next_event(&s->m, &e))
        return false;
    struct owner *o = &s->owners[e.conn];
    if (e.type == VSOCK_EVENT_REQUESTED) {
        *o = (struct owner){.owned = true};
        o->open = vsock_accept(&s->m, e.conn) == MOTE_OK;
        const struct vsock_conn *twin = twin_of(of, e.conn);
        o->let_go = twin == NULL || twin->state != VSOCK_CONNECTING;
    }
    CHECK(o->owned);
    o->open |= e.type == VSOCK_EVENT_CONNECTED;
    o->ended |= e.type == VSOCK_EVENT_CLOSED || e.type == VSOCK_EVENT_RESET;
    CHECK(e.type != VSOCK_EVENT_RESET || may_be_reset(of, e.conn));
    return true;
}

static void read_some(int of, int conn, uint32_t most)
{
    struct owner *o = &sides[of].owners[conn];
    const uint8_t *data;
    uint32_t n = vsock_peek(&sides[of].m, conn, &data);

    for (uint32_t i = 0; i < n; i++)
        CHECK(data[i] == tag(o->got + i + (uint32_t)of));
    n = n < most ? n : most;
    o->got += n;
    vsock_consume(&sides[of].m, conn, n);
}

static void write_some(int of, int conn, uint32_t most)
{
    struct owner *o = &sides[of].owners[conn];
    uint8_t *space = NULL;
    uint32_t n = vsock_reserve(&sides[of].m, conn, 1, &space);

    n = n < most ? n : most;
    for (uint32_t i = 0; i < n; i++)
        space[i] = tag(o->out++ + !of);
    if (n != 0)
        vsock_send(&sides[of].m, conn, n);
}

static void owner_acts(int of, uint8_t call, uint8_t n)
{
    int conn = n % CONNS;

    if (!sides[of].owners[conn].owned)
        return;
    if (call == 0)
        read_some(of, conn, n / CONNS);
    else if (call == 1)
        write_some(of, conn, n / CONNS);
    else if (call == 2)
        vsock_shutdown(&sides[of].m, conn, VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    else
        let_go(of, conn, n < 240);
}

static void pass_time(uint64_t by)
{
    now += by;
    vsock_tick(&sides[0].m, now);
    vsock_tick(&sides[1].m, now);
}

static void connect_out(int of, uint8_t n)
{
    int conn = vsock_connect(&sides[of].m, CID(!of), PORT + (n == 77), now);

    if (conn >= 0)
        sides[of].owners[conn] = (struct owner){.owned = true};
}

static void step(struct input *in)
{
    uint8_t op = take8(in), n = take8(in);
    int of = op >> 7;

    switch (op % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
        owner_acts(of, op % 10, n);
        break;
    case 4:
        connect_out(of, n);
        break;
    case 5:
        pass_time(n * (SECOND / 50));
        break;
    case 6:
        take_event(of);
        break;
    default:
        for (int i = 0; i <= n % 8; i++)
            op % 10 == 7 ? leave(of, n % BUFFER) : arrive(of);
    }
}

static void set_up(struct input *in)
{
    static const uint32_t packets[] = {VSOCK_PACKETS_IN_FLIGHT_MAX, 4, 1};
    uint8_t choice = take8(in);

    memset(sides, 0, sizeof sides);
    now = 1000;
    for (int of = 0; of < 2; of++) {
        struct side *s = &sides[of];
        for (int i = 0; i < CONNS; i++) {
            s->conns[i].rx = (struct buffer){.base = exact(NULL, BUFFER), .size = BUFFER};
            s->conns[i].tx = (struct buffer){.base = exact(NULL, BUFFER), .size = BUFFER};
        }
        vsock_init(&s->m, CID(of), s->conns, CONNS, choice);
        vsock_allow(&s->m, CID(!of));
        vsock_listen(&s->m, of == 0 ? PORT : VSOCK_PORT_ANY);
        s->m.packets_max = packets[choice % COUNT(packets)];
    }
    sides[1].m.in_flight_max = VSOCK_UNLIMITED;
}

/* Both sides read whatever comes, until nothing moves for a while. */
static void settle(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int of = 0; of < 2; of++) {
            while (leave(of, BUFFER))
                ;
            while (arrive(of))
                ;
            while (take_event(!of))
                ;
            for (int i = 0; i < CONNS; i++)
                if (sides[!of].owners[i].owned)
                    read_some(!of, i, BUFFER);
        }
        pass_time(SECOND + 1);
    }
    CHECK(sides[0].queued == 0 && sides[1].queued == 0);
}

static void check_streams(int of)
{
    for (int i = 0; i < CONNS; i++) {
        const struct owner *o = &sides[of].owners[i];
        if (!both_keep(of, i) || o->let_go)
            continue;
        CHECK(vsock_unsent(&sides[of].m, i) == 0);
        CHECK(o->out == owner_of(!of, twin_of(of, i))->got);
    }
}

static void let_all_go(void)
{
    for (int i = 0; i < 2 * CONNS; i++)
        if (sides[i % 2].owners[i / 2].owned)
            let_go(i % 2, i / 2, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    set_up(&in);
    while (in.left != 0)
        step(&in);
    settle();
    check_streams(0);
    check_streams(1);
    let_all_go();
    settle();
    let_all_go(); /* what was asked for meanwhile */
    settle();
    for (int of = 0; of < 2; of++) {
        CHECK(vsock_connections(&sides[of].m) == 0);
        for (int i = 0; i < CONNS; i++) {
            free(sides[of].conns[i].rx.base);
            free(sides[of].conns[i].tx.base);
        }
    }
    return 0;
}
