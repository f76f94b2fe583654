/* SPDX-License-Identifier: MIT */
/*
 * The virtqueue against a fake device in plain memory: what an honest device does, and
 * each thing that a hostile one may write into the used ring.
 */
#include "drivers/virtqueue.h"
#include "platform/error.h"
#include "tests/unit/unit.h"

#define SIZE 8

static struct virtqueue q;
static uint8_t memory[64];

static int set_up(void **state)
{
    (void)state;
    virtqueue_init(&q, SIZE);
    return 0;
}

static const struct virtq_segment readable = {memory, 16, false};
static const struct virtq_segment writable = {memory, 64, true};

static int add_writable(uint16_t token)
{
    return virtqueue_add(&q, &writable, 1, token);
}

/* The device finishes a chain: it only knows the rings. */
static void finish(uint32_t id, uint32_t len)
{
    q.used.ring[q.used.idx % SIZE] = (struct virtq_used_elem){id, len};
    q.used.idx++;
}

static uint16_t head_of(uint16_t nth)
{
    return q.avail.ring[nth % SIZE];
}

static void test_chain_is_written_as_specified(void **state)
{
    const struct virtq_segment two[] = {readable, writable};
    (void)state;
    assert_int_equal(virtqueue_add(&q, two, 2, 7), MOTE_OK);
    const struct virtq_desc *first = &q.desc[head_of(0)], *second = &q.desc[first->next];
    assert_int_equal(first->flags, VIRTQ_DESC_F_NEXT);
    assert_int_equal(first->len, 16);
    assert_int_equal(first->addr, (uintptr_t)memory);
    assert_int_equal(second->flags, VIRTQ_DESC_F_WRITE);
    assert_int_equal(second->len, 64);
    assert_int_equal(q.avail.idx, 1);
}

static void test_take_returns_token_and_length(void **state)
{
    uint32_t len;
    (void)state;
    assert_int_equal(virtqueue_take(&q, &len), MOTE_ERR_AGAIN);
    add_writable(42);
    assert_int_equal(virtqueue_take(&q, &len), MOTE_ERR_AGAIN);
    finish(head_of(0), 44);
    assert_int_equal(virtqueue_take(&q, &len), 42);
    assert_int_equal(len, 44);
    assert_int_equal(virtqueue_take(&q, &len), MOTE_ERR_AGAIN);
}

static void test_completion_out_of_order(void **state)
{
    uint32_t len;
    (void)state;
    for (uint16_t i = 0; i < SIZE; i++)
        assert_int_equal(add_writable(i), MOTE_OK);
    for (uint16_t i = SIZE; i-- > 0;)
        finish(head_of(i), i);
    for (int i = SIZE; i-- > 0;) {
        assert_int_equal(virtqueue_take(&q, &len), i);
        assert_int_equal(len, i);
    }
}

static void test_full_queue_refuses(void **state)
{
    const struct virtq_segment two[] = {readable, writable};
    (void)state;
    for (uint16_t i = 0; i < SIZE / 2; i++)
        assert_int_equal(virtqueue_add(&q, two, 2, i), MOTE_OK);
    assert_int_equal(add_writable(9), MOTE_ERR_NO_ROOM);
    assert_int_equal(q.avail.idx, SIZE / 2);
}

/* More than 2^16 requests: all indexes wrap. */
static void test_indexes_wrap(void **state)
{
    const struct virtq_segment two[] = {readable, writable};
    uint32_t len;
    (void)state;
    for (uint32_t i = 0; i < 70000; i++) {
        assert_int_equal(virtqueue_add(&q, two, 2, (uint16_t)i), MOTE_OK);
        finish(head_of((uint16_t)i), 1);
        assert_int_equal(virtqueue_take(&q, &len), (uint16_t)i);
    }
}

/* [2.7.6] The available ring is as long as the queue, not as its memory. */
static void test_ring_is_as_long_as_the_queue(void **state)
{
    uint32_t len;
    (void)state;
    add_writable(0);
    for (uint16_t i = 1; i < 3 * SIZE; i++) {
        uint16_t head = q.free_head;
        assert_int_equal(add_writable(i), MOTE_OK);
        assert_int_equal(head_of(i), head);
        finish(head, 1);
        assert_int_equal(virtqueue_take(&q, &len), i);
    }
}

static void test_request_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(virtqueue_add(&q, &writable, 0, 0), MOTE_ERR_NO_ROOM);
    assert_int_equal(q.avail.idx, 0);
}

/* [2.7.8.2] A device may report any length for what it only read: Linux does. */
static void test_length_of_a_readable_chain_is_ignored(void **state)
{
    uint32_t len = 99;
    (void)state;
    virtqueue_add(&q, &readable, 1, 3);
    finish(head_of(0), 12345);
    assert_int_equal(virtqueue_take(&q, &len), 3);
    assert_int_equal(len, 0);
}

static void test_kick_is_due_once_per_batch(void **state)
{
    (void)state;
    assert_false(virtqueue_kick_due(&q));
    add_writable(0);
    add_writable(1);
    assert_true(virtqueue_kick_due(&q));
    assert_false(virtqueue_kick_due(&q));
    q.used.flags = 1; /* VIRTQ_USED_F_NO_NOTIFY */
    add_writable(2);
    assert_false(virtqueue_kick_due(&q));
}

static void test_wish_for_interrupts(void **state)
{
    uint32_t len;
    (void)state;
    assert_int_equal(q.avail.flags, 0); /* born with it */
    virtqueue_want_interrupts(&q, false);
    assert_int_equal(q.avail.flags, 1); /* VIRTQ_AVAIL_F_NO_INTERRUPT */
    virtqueue_want_interrupts(&q, true);
    assert_int_equal(q.avail.flags, 0);
    assert_false(virtqueue_is_pending(&q));
    add_writable(0);
    assert_false(virtqueue_is_pending(&q));
    finish(head_of(0), 1);
    assert_true(virtqueue_is_pending(&q));
    virtqueue_take(&q, &len);
    assert_false(virtqueue_is_pending(&q));
}

static void expect_broken(void)
{
    uint32_t len;
    assert_int_equal(virtqueue_take(&q, &len), MOTE_ERR_BROKEN);
    assert_int_equal(virtqueue_take(&q, &len), MOTE_ERR_BROKEN);
    assert_int_equal(add_writable(0), MOTE_ERR_BROKEN);
    assert_false(virtqueue_kick_due(&q));
}

/* One request of 64 writable bytes is outstanding; the device writes one used entry. */
static void test_interrupts_are_asked_for(void **state)
{
    (void)state;
    assert_int_equal(q.avail.flags, 0);
    virtqueue_want_interrupts(&q, false);
    assert_int_equal(q.avail.flags, 1); /* VIRTQ_AVAIL_F_NO_INTERRUPT */
    add_writable(1);
    virtqueue_want_interrupts(&q, true);
    assert_int_equal(q.avail.flags, 0);
    assert_false(virtqueue_is_pending(&q));
    finish(head_of(0), 1);
    assert_true(virtqueue_is_pending(&q));
}

static void test_hostile_entries(void **state)
{
    static const struct {
        uint32_t id, len;
        uint16_t idx;
    } rows[] = {
        {SIZE, 44, 1},       /* id past the table */
        {UINT32_MAX, 44, 1}, /* far past it */
        {1, 44, 1},          /* a descriptor, but not outstanding */
        {0x10000, 44, 1},    /* id whose low half is right */
        {0, 65, 1},          /* more than was writable */
        {0, UINT32_MAX, 1},  /* much more */
        {0, 44, 2},          /* two finished, one was given */
        {0, 44, UINT16_MAX}, /* the index goes back */
        {0, 44, 0x8000},     /* the index jumps */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        virtqueue_init(&q, SIZE);
        add_writable(5);
        q.used.ring[0] = (struct virtq_used_elem){rows[i].id, rows[i].len};
        q.used.idx = rows[i].idx;
        expect_broken();
    }
}

static void test_id_twice(void **state)
{
    uint32_t len;
    (void)state;
    add_writable(0);
    add_writable(1);
    finish(head_of(0), 44);
    finish(head_of(0), 44);
    assert_int_equal(virtqueue_take(&q, &len), 0);
    expect_broken();
}

static void test_second_descriptor_is_no_head(void **state)
{
    const struct virtq_segment two[] = {readable, writable};
    (void)state;
    virtqueue_add(&q, two, 2, 0);
    finish(q.desc[head_of(0)].next, 1);
    expect_broken();
}

/* The driver believes its shadow, not what the device may write over the shared table. */
static void test_descriptor_table_is_write_only(void **state)
{
    const struct virtq_segment two[] = {readable, writable};
    uint32_t len;
    (void)state;
    for (int round = 0; round < 3 * SIZE; round++) {
        uint16_t head = q.free_head;
        assert_int_equal(virtqueue_add(&q, two, 2, 1), MOTE_OK);
        memset(q.desc, 0xff, sizeof q.desc);
        memset(&q.avail, 0xff, sizeof q.avail);
        finish(head, 1);
        assert_int_equal(virtqueue_take(&q, &len), 1);
    }
    assert_int_equal(q.free_count, SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_chain_is_written_as_specified, set_up),
        cmocka_unit_test_setup(test_take_returns_token_and_length, set_up),
        cmocka_unit_test_setup(test_completion_out_of_order, set_up),
        cmocka_unit_test_setup(test_full_queue_refuses, set_up),
        cmocka_unit_test_setup(test_indexes_wrap, set_up),
        cmocka_unit_test_setup(test_ring_is_as_long_as_the_queue, set_up),
        cmocka_unit_test_setup(test_request_of_nothing, set_up),
        cmocka_unit_test_setup(test_length_of_a_readable_chain_is_ignored, set_up),
        cmocka_unit_test_setup(test_kick_is_due_once_per_batch, set_up),
        cmocka_unit_test_setup(test_interrupts_are_asked_for, set_up),
        cmocka_unit_test_setup(test_wish_for_interrupts, set_up),
        cmocka_unit_test_setup(test_hostile_entries, set_up),
        cmocka_unit_test_setup(test_id_twice, set_up),
        cmocka_unit_test_setup(test_second_descriptor_is_no_head, set_up),
        cmocka_unit_test_setup(test_descriptor_table_is_write_only, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
