/* SPDX-License-Identifier: MIT */
/* The search for virtio-mmio devices in the bytes of a DSDT, whole and cut off. */
#include "platform/x86_64/x86.h"
#include "tests/unit/unit.h"

/* As in a node: id, fixed memory (read/write, base, length), extended interrupt. */
#define NODE(base, irq)                                                                            \
    'L', 'N', 'R', 'O', '0', '0', '0', '5', 0x00, 0x08, '_', 'C', 'R', 'S', 0x86, 0x09, 0x00,      \
        0x01, (base)&0xff, (base) >> 8 & 0xff, (base) >> 16 & 0xff, (base) >> 24, 0x00, 0x02,      \
        0x00, 0x00, 0x89, 0x06, 0x00, 0x09, 0x01, (irq), 0x00, 0x00, 0x00, 0x79, 0x00

static struct {
    uint64_t base;
    uint32_t irq;
} found[8];
static size_t count;

static void add(uint64_t base, uint32_t irq)
{
    assert_true(count < 8);
    found[count].base = base;
    found[count++].irq = irq;
}

/* The search in a copy of exactly that size: a read past its end is caught. */
static void search(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = test_malloc(len != 0 ? len : 1);

    memcpy(exact, bytes, len);
    count = 0;
    acpi_find_virtio(exact, len, add);
    test_free(exact);
}

static const uint8_t two[] = {0x10, 0x20, NODE(0xfeb00e00u, 12), 0x5b, NODE(0xc0001000u, 5), 0x00};

static void test_finds_every_node(void **state)
{
    (void)state;
    search(two, sizeof two);
    assert_int_equal(count, 2);
    assert_int_equal(found[0].base, 0xfeb00e00);
    assert_int_equal(found[0].irq, 12);
    assert_int_equal(found[1].base, 0xc0001000);
    assert_int_equal(found[1].irq, 5);
}

static void test_cut_off_anywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof two; len++) {
        search(two, len);
        assert_true(count <= 2);
    }
}

static void test_incomplete_node_takes_nothing_of_the_next(void **state)
{
    static const uint8_t bytes[] = {'L', 'N', 'R', 'O',  '0',
                                    '0', '0', '5', 0x00, NODE(0xfeb00c00u, 11)};
    (void)state;
    search(bytes, sizeof bytes);
    assert_int_equal(count, 1);
    assert_int_equal(found[0].base, 0xfeb00c00);
}

static void test_other_devices_are_passed_over(void **state)
{
    static const uint8_t bytes[] = {'P',  'N',  'P', '0', '5', '0', '1', 0x86, 0x09, 0x00,
                                    0x01, 0,    0,   0,   1,   0,   0,   0,    0,    0x89,
                                    0x06, 0x00, 9,   1,   4,   0,   0,   0};
    (void)state;
    search(bytes, sizeof bytes);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_every_node),
        cmocka_unit_test(test_cut_off_anywhere),
        cmocka_unit_test(test_incomplete_node_takes_nothing_of_the_next),
        cmocka_unit_test(test_other_devices_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
