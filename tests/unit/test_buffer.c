/* SPDX-License-Identifier: MIT */
/* The linear byte buffer: contiguity, wrap-free reuse, and that what leaves is wiped. */
#include "drivers/buffer.h"
#include "tests/unit/unit.h"

#define SIZE 16

static uint8_t memory[SIZE];

static struct buffer make(void)
{
    memset(memory, 0, sizeof memory);
    return (struct buffer){.base = memory, .size = SIZE};
}

static void append(struct buffer *b, const char *s)
{
    buffer_append(b, s, (uint32_t)strlen(s));
}

static bool holds(const struct buffer *b, const char *s)
{
    return buffer_used(b) == strlen(s) && memcmp(buffer_data(b), s, strlen(s)) == 0;
}

/* Every byte outside the unread ones is zero. */
static bool is_wiped(const struct buffer *b)
{
    for (uint32_t i = 0; i < SIZE; i++)
        if ((i < b->head || i >= b->tail) && memory[i] != 0)
            return false;
    return true;
}

static void test_starts_empty(void **state)
{
    struct buffer b = make();
    (void)state;
    assert_int_equal(buffer_used(&b), 0);
    assert_int_equal(buffer_free(&b), SIZE);
}

static void test_append_and_consume(void **state)
{
    struct buffer b = make();
    (void)state;
    append(&b, "hello world");
    buffer_consume(&b, 6);
    assert_true(holds(&b, "world"));
    assert_true(is_wiped(&b));
}

static void test_append_moves_only_when_it_must(void **state)
{
    struct buffer b = make();
    (void)state;
    append(&b, "0123456789");
    buffer_consume(&b, 4);
    append(&b, "abcdef"); /* fits behind: 16 in all */
    assert_int_equal(b.head, 4);
    buffer_consume(&b, 6);
    append(&b, "ghijklm"); /* does not */
    assert_int_equal(b.head, 0);
    assert_true(holds(&b, "abcdefghijklm"));
    assert_true(is_wiped(&b));
}

/* Every split of a fill into a consumed and a kept part, then a compaction. */
static void test_compaction_leaves_no_copy(void **state)
{
    (void)state;
    for (uint32_t consumed = 1; consumed <= SIZE; consumed++) {
        struct buffer b = make();
        append(&b, "SECRETSECRETSECR");
        uint32_t room;
        buffer_consume(&b, consumed);
        buffer_reserve(&b, buffer_free(&b), &room);
        assert_int_equal(buffer_used(&b), SIZE - consumed);
        assert_true(is_wiped(&b));
    }
}

static void test_reserve_gives_all_free_space(void **state)
{
    struct buffer b = make();
    uint32_t room;
    (void)state;
    append(&b, "0123456789");
    buffer_consume(&b, 8);
    assert_ptr_equal(buffer_reserve(&b, SIZE - 10, &room), b.base + 10); /* nothing is moved */
    assert_int_equal(room, SIZE - 10);
    memset(buffer_reserve(&b, buffer_free(&b), &room), 'x', buffer_free(&b));
    assert_int_equal(room, buffer_free(&b));
    buffer_commit(&b, buffer_free(&b));
    assert_true(holds(&b, "89xxxxxxxxxxxxxx"));
}

static void test_skip_keeps_bytes_readable(void **state)
{
    struct buffer b = make();
    (void)state;
    append(&b, "sent");
    const uint8_t *data = buffer_data(&b);
    buffer_skip(&b, 4);
    assert_memory_equal(data, "sent", 4);
    assert_int_equal(buffer_used(&b), 0);
    assert_int_equal(b.tail, 0);
}

static void test_clear_wipes(void **state)
{
    struct buffer b = make();
    (void)state;
    append(&b, "secret");
    buffer_clear(&b);
    assert_int_equal(buffer_used(&b), 0);
    assert_true(is_wiped(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_append_and_consume),
        cmocka_unit_test(test_append_moves_only_when_it_must),
        cmocka_unit_test(test_compaction_leaves_no_copy),
        cmocka_unit_test(test_reserve_gives_all_free_space),
        cmocka_unit_test(test_skip_keeps_bytes_readable),
        cmocka_unit_test(test_clear_wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
