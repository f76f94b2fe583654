/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue against a device that writes whatever it likes, whenever it likes, into all
 * memory that is shared with it. What the driver believes may only ever be what it gave.
 */
#include "drivers/virtqueue.h"
#include "platform/error.h"
#include "tests/fuzz/fuzz.h"

#define SEGMENTS 5
#define TOKENS   256 /* as many as fit a byte; one is outstanding at most once */

static struct virtqueue *q;
static struct {
    bool outstanding;
    uint16_t count, head;
    uint32_t writable;
} given[TOKENS];
static uint32_t used_descriptors; /* of outstanding requests */
static bool broken;

/* What was just published is what was asked for, in descriptors that nobody has. */
static void check_chain(const struct virtq_segment *s, uint16_t n, uint16_t token)
{
    uint16_t at = q->avail.ring[(uint16_t)(q->avail.idx - 1) % q->size];

    given[token].head = at;
    for (uint16_t i = 0; i < n; i++) {
        const struct virtq_desc *d = &q->desc[at];
        CHECK(at < q->size && d->addr == (uintptr_t)s[i].data && d->len == s[i].len);
        CHECK(d->flags == ((s[i].device_writes ? VIRTQ_DESC_F_WRITE : 0) |
                           (i + 1 < n ? VIRTQ_DESC_F_NEXT : 0)));
        at = d->next;
    }
    for (int i = 0; i < TOKENS; i++)
        CHECK(i == token || !given[i].outstanding || given[i].head != given[token].head);
}

static void add(struct input *in)
{
    static uint8_t memory[SEGMENTS];
    struct virtq_segment s[SEGMENTS] = {0};
    uint8_t token = take8(in), shape = take8(in);
    uint16_t n = shape % (SEGMENTS + 1), avail = q->next_avail;
    uint32_t writable = 0;

    if (given[token].outstanding)
        return;
    for (uint16_t i = 0; i < n; i++) {
        s[i] = (struct virtq_segment){&memory[i], shape, (shape >> (i + 3) & 1) != 0};
        writable += s[i].device_writes ? s[i].len : 0;
    }
    int result = virtqueue_add(q, s, n, token);
    CHECK((result == MOTE_ERR_BROKEN) == broken);
    if (broken)
        return;
    CHECK(result == (n == 0 || n + used_descriptors > q->size ? MOTE_ERR_NO_ROOM : MOTE_OK));
    if (result != MOTE_OK)
        return;
    CHECK(q->avail.idx == (uint16_t)(avail + 1));
    check_chain(s, n, token);
    given[token].outstanding = true;
    given[token].count = n;
    given[token].writable = writable;
    used_descriptors += n;
}

static void take(void)
{
    uint32_t len = UINT32_MAX;
    int token = virtqueue_take(q, &len);

    CHECK(!broken || token == MOTE_ERR_BROKEN);
    broken = token == MOTE_ERR_BROKEN;
    if (token < 0) {
        CHECK(broken || token == MOTE_ERR_AGAIN);
        return;
    }
    CHECK(token < TOKENS && given[token].outstanding && len <= given[token].writable);
    given[token].outstanding = false;
    used_descriptors -= given[token].count;
}

/* A request is finished as it should be, but for what extra adds. */
static void finish(uint8_t token, uint32_t extra_id, uint32_t len)
{
    struct virtq_used_elem *e = &q->used.ring[q->used.idx % q->size];

    e->id = given[token].head + extra_id;
    e->len = len;
    q->used.idx++;
}

static void device_writes(struct input *in)
{
    uint8_t where = take8(in), n = take8(in);
    uint32_t len = take32(in);

    switch (where % 8) {
    case 0:
        q->used.idx = (uint16_t)len;
        break;
    case 1:
        q->used.ring[n % VIRTQUEUE_SIZE] = (struct virtq_used_elem){len >> 16, len & 0xffff};
        break;
    case 2:
        memset(q->desc, n, sizeof q->desc);
        break;
    case 3:
        memset(&q->avail, n, sizeof q->avail);
        break;
    case 4:
        memset(&q->used, n, sizeof q->used);
        break;
    case 5:
        q->used.flags = n;
        break;
    case 6:
        finish(n, len >> 24, len & 0xffffff);
        break;
    default:
        finish(n, 0, given[n].writable);
    }
}

static void check_shadow(void)
{
    uint32_t outstanding = 0;

    for (int i = 0; i < TOKENS; i++)
        outstanding += given[i].outstanding;
    CHECK(q->outstanding == outstanding && q->free_count + used_descriptors == q->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    memset(given, 0, sizeof given);
    used_descriptors = 0;
    broken = false;
    q = aligned_alloc(16, sizeof *q);
    CHECK(q != NULL);
    virtqueue_init(q, (uint16_t)(1 << take8(&in) % 7));
    while (in.left != 0) {
        uint8_t op = take8(&in);
        if (op % 4 == 0)
            add(&in);
        else if (op % 4 == 1)
            take();
        else if (op % 4 == 2)
            device_writes(&in);
        else
            virtqueue_kick_due(q);
        check_shadow();
    }
    free(q);
    return 0;
}
