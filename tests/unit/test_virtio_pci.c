/* SPDX-License-Identifier: MIT */
/*
 * Finding a virtio-pci device and its structures: one function in a configuration space of
 * plain memory, whose BAR 4 is 64 bits wide and lies above 4 GiB.
 */
#include "drivers/virtio.h"
#include "platform/platform.h"
#include "tests/unit/unit.h"

#define BDF      0x0020
#define BAR_BASE UINT64_C(0x8000000000)
#define BAR_SIZE 0x4000u

/* Where the structures lie in the BAR, and their capabilities in the list. */
enum { COMMON = 0x0000, DEVICE = 0x2000, NOTIFY = 0x3000, TABLE = 0x1000 };
enum { CAP_COMMON = 0x40, CAP_DEVICE = 0x54, CAP_NOTIFY = 0x68, CAP_MSIX = 0x80 };

static uint8_t config[256];
static uint8_t bar[BAR_SIZE] __attribute__((aligned(8)));
static struct virtio_device d;
static unsigned reads;
static uint16_t sized; /* where the BAR is that has a size */
static uint64_t base;  /* and what it says */

static void put(uint16_t at, unsigned size, uint32_t value)
{
    memcpy(&config[at], &value, size);
}

static uint32_t get(uint16_t at, unsigned size)
{
    uint32_t value = 0;

    memcpy(&value, &config[at], size);
    return value;
}

uint32_t platform_pci_read(uint16_t bdf, uint16_t offset)
{
    assert_true(reads++ < 100000); /* every walk has an end */
    return bdf == BDF ? get(offset & 0xfc, 4) : UINT32_MAX;
}

void platform_pci_write(uint16_t bdf, uint16_t offset, uint32_t value)
{
    assert_int_equal(bdf, BDF);
    if (offset == sized && value == UINT32_MAX) /* a BAR is asked for its size */
        value = ~(BAR_SIZE - 1) | (base > UINT32_MAX ? 4 : 0);
    put(offset, offset == 4 ? 2 : 4, value);
}

void *platform_map(uint64_t phys, size_t len)
{
    assert_true(phys >= base && phys + len <= base + BAR_SIZE);
    return bar + (phys - base);
}

struct platform_msi platform_msi(void)
{
    return (struct platform_msi){.address = 0xfee01000, .data = 0x31};
}

static void put_capability(uint16_t at, uint8_t next, uint8_t type, uint32_t offset, uint32_t len)
{
    put(at, 4, 0x09 | (uint32_t)next << 8 | 20u << 16 | (uint32_t)type << 24);
    put(at + 4, 4, 4); /* BAR 4 */
    put(at + 8, 4, offset);
    put(at + 12, 4, len);
}

static int set_up(void **state)
{
    (void)state;
    memset(config, 0, sizeof config);
    memset(bar, 0, sizeof bar);
    reads = 0;
    sized = 0x20;
    base = BAR_BASE;
    put(0x00, 4, 0x10531af4);
    put(0x06, 2, 0x10); /* it has capabilities */
    put(0x20, 4, (uint32_t)BAR_BASE | 4);
    put(0x24, 4, BAR_BASE >> 32);
    put(0x34, 1, CAP_COMMON);
    put_capability(CAP_COMMON, CAP_DEVICE, 1, COMMON, 0x1000);
    put_capability(CAP_DEVICE, CAP_NOTIFY, 4, DEVICE, 8);
    put_capability(CAP_NOTIFY, CAP_MSIX, 2, NOTIFY, 0x1000);
    put(CAP_NOTIFY + 16, 4, 4); /* multiplier */
    put(CAP_MSIX, 4, 0x11);
    put(CAP_MSIX + 4, 4, TABLE | 4);
    return 0;
}

static void expect_find(int result)
{
    memset(&d, 0, sizeof d);
    assert_int_equal(virtio_pci_find(VIRTIO_ID_VSOCK, &d), result);
}

static uint32_t in_bar(uint32_t offset, unsigned size)
{
    uint32_t value = 0;

    memcpy(&value, &bar[offset], size);
    return value;
}

static void test_ids(void **state)
{
    static const struct {
        uint32_t id;
        int result;
    } rows[] = {
        {0x10531af4, MOTE_OK},            /* modern */
        {0x10121af4, MOTE_OK},            /* transitional, with modern structures */
        {0x10441af4, MOTE_ERR_NOT_FOUND}, /* an entropy source */
        {0x10051af4, MOTE_ERR_NOT_FOUND},
        {0x10538086, MOTE_ERR_NOT_FOUND}, /* of another vendor */
        {UINT32_MAX, MOTE_ERR_NOT_FOUND},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put(0x00, 4, rows[i].id);
        expect_find(rows[i].result);
    }
    put(0x00, 4, 0x10051af4);
    assert_int_equal(virtio_pci_find(VIRTIO_ID_ENTROPY, &d), MOTE_OK);
}

static void test_structures_above_4_gib(void **state)
{
    (void)state;
    expect_find(MOTE_OK);
    assert_ptr_equal(d.common, bar + COMMON);
    assert_ptr_equal(d.device, bar + DEVICE);
    assert_ptr_equal(d.notify_base, bar + NOTIFY);
    assert_int_equal(d.notify_multiplier, 4);
    assert_int_equal(get(0x20, 4), (uint32_t)BAR_BASE | 4); /* as it was before it was sized */
    assert_int_equal(get(0x24, 4), BAR_BASE >> 32);
}

static void test_structures_below_4_gib(void **state)
{
    (void)state;
    base = 0xfe000000;
    put(0x20, 4, (uint32_t)base);
    put(0x24, 4, 0x12345678); /* another BAR, which is left alone */
    expect_find(MOTE_OK);
    assert_ptr_equal(d.common, bar + COMMON);
    assert_int_equal(get(0x20, 4), base);
    put(CAP_COMMON + 8, 4, BAR_SIZE - 4);
    expect_find(MOTE_ERR_UNSUPPORTED);
    assert_int_equal(get(0x24, 4), 0x12345678);
}

static void test_memory_and_bus_master_are_enabled(void **state)
{
    (void)state;
    expect_find(MOTE_OK);
    assert_int_equal(get(0x04, 2) & 6, 6);
}

/* A device whose structures can't be reached, one byte of its capabilities at a time. */
static void test_bad_capabilities(void **state)
{
    static const struct {
        uint16_t at;
        uint8_t size;
        uint32_t value;
    } rows[] = {
        {0x06, 2, 0},                        /* no list */
        {0x34, 1, 0},                        /* an empty one */
        {CAP_COMMON + 8, 4, BAR_SIZE},       /* behind its end */
        {CAP_COMMON + 8, 4, BAR_SIZE - 4},   /* across it */
        {CAP_COMMON + 8, 4, UINT32_MAX - 3}, /* and around */
        {CAP_COMMON + 8, 4, 2},              /* not aligned */
        {CAP_COMMON + 12, 4, 55},            /* too short */
        {CAP_COMMON + 12, 4, UINT32_MAX},    /* too long */
        {CAP_COMMON + 3, 1, 9},              /* of another type */
        {CAP_NOTIFY + 3, 1, 9},
        {CAP_NOTIFY + 12, 4, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_up(state);
        put(rows[i].at, rows[i].size, rows[i].value);
        expect_find(MOTE_ERR_UNSUPPORTED);
        assert_int_equal(get(0x04, 2), 0);
    }
}

/* All structures in one BAR, which can't be one. */
static void test_bad_bars(void **state)
{
    static const struct {
        uint8_t bar;
        uint32_t low, high;
    } rows[] = {
        {0, 0, 0},                                   /* it has no address */
        {0, 4, 0},                                   /* a wide one has none, either */
        {2, 0x1001, 0},                              /* I/O */
        {5, 0x1004, 0},                              /* wide, without an upper half */
        {6, (uint32_t)BAR_BASE | 4, BAR_BASE >> 32}, /* there is no such BAR */
        {255, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_up(state);
        for (uint16_t cap = CAP_COMMON; cap <= CAP_NOTIFY; cap += CAP_DEVICE - CAP_COMMON)
            put(cap + 4, 1, rows[i].bar);
        if (rows[i].bar != 255) {
            sized = (uint16_t)(0x10 + 4 * rows[i].bar);
            put(sized, 4, rows[i].low);
            put(sized + 4, 4, rows[i].high);
        }
        expect_find(MOTE_ERR_UNSUPPORTED);
    }
}

/* What stands in front of 0x40 is no capability, even if it looks like one. */
static void test_list_that_begins_in_the_header(void **state)
{
    (void)state;
    put(0x34, 1, 0x38);
    put(0x38, 2, 0x09 | CAP_COMMON << 8);
    expect_find(MOTE_ERR_UNSUPPORTED);
}

/* [4.1.4] The device may offer a structure several times; the first counts. */
static void test_first_of_each_type_counts(void **state)
{
    (void)state;
    put(CAP_NOTIFY + 1, 1, 0xa0);
    for (uint8_t type = 1; type <= 4; type++)
        put_capability((uint16_t)(0x8c + 20 * type), (uint8_t)(0xa0 + 20 * type), type, 0x800,
                       0x1000);
    put(0x8c + 4 * 20 + 1, 1, 0);
    expect_find(MOTE_OK);
    assert_ptr_equal(d.common, bar + COMMON);
    assert_ptr_equal(d.device, bar + DEVICE);
    assert_ptr_equal(d.notify_base, bar + NOTIFY);
}

static void test_list_with_a_loop(void **state)
{
    (void)state;
    put(CAP_NOTIFY + 1, 1, CAP_COMMON); /* MSI-X is not reached any more */
    expect_find(MOTE_OK);
    assert_false(d.interrupts);
    put(CAP_COMMON + 1, 1, CAP_COMMON);
    expect_find(MOTE_ERR_UNSUPPORTED);
}

static void test_doorbells(void **state)
{
    static const struct {
        uint16_t notify_off;
        uint32_t multiplier;
        uint32_t at; /* in the structure; UINT32_MAX: out of reach */
    } rows[] = {
        {0, 4, 0},
        {3, 4, 12},
        {3, 0, 0},
        {1023, 4, 4092},
        {1024, 4, UINT32_MAX},
        {UINT16_MAX, UINT32_MAX, UINT32_MAX},
        {1, 3, UINT32_MAX}, /* not aligned */
    };
    static struct virtqueue q;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_up(state);
        put(CAP_NOTIFY + 16, 4, rows[i].multiplier);
        expect_find(MOTE_OK);
        virtqueue_init(&q, 64);
        memcpy(&bar[COMMON + 30], &rows[i].notify_off, 2);
        bool reachable = rows[i].at != UINT32_MAX;
        assert_int_equal(d.transport->queue_enable(&d, 2, &q),
                         reachable ? MOTE_OK : MOTE_ERR_BROKEN);
        assert_int_equal(in_bar(COMMON + 28, 2), reachable ? 1 : 0);
        if (!reachable)
            continue;
        d.transport->notify(&d, 2);
        assert_int_equal(in_bar(NOTIFY + rows[i].at, 2), 2);
    }
}

static void test_queue_registers(void **state)
{
    static struct virtqueue q;
    uint64_t address;
    (void)state;
    expect_find(MOTE_OK);
    bar[COMMON + 24] = 128;
    assert_int_equal(d.transport->queue_max(&d, 2), 128);
    assert_int_equal(in_bar(COMMON + 22, 2), 2);
    virtqueue_init(&q, 64);
    assert_int_equal(d.transport->queue_enable(&d, 2, &q), MOTE_OK);
    assert_int_equal(in_bar(COMMON + 24, 2), 64);
    const void *const rings[] = {q.desc, &q.avail, &q.used};
    for (unsigned i = 0; i < 3; i++) {
        memcpy(&address, &bar[COMMON + 32 + 8 * i], 8);
        assert_true(address == (uintptr_t)rings[i]);
    }
    assert_int_equal(d.transport->queue_max(&d, 2), 0); /* it is in use */
}

static void test_other_registers(void **state)
{
    (void)state;
    expect_find(MOTE_OK);
    d.transport->set_status(&d, 0x0f);
    assert_int_equal(bar[COMMON + 20], 0x0f);
    assert_int_equal(d.transport->get_status(&d), 0x0f);
    memset(&bar[COMMON + 4], 0x5a, 4);
    assert_int_equal(d.transport->get_features(&d, 1), 0x5a5a5a5a);
    assert_int_equal(in_bar(COMMON + 0, 4), 1);
    d.transport->set_features(&d, 1, 0x10001);
    assert_int_equal(in_bar(COMMON + 8, 4), 1);
    assert_int_equal(in_bar(COMMON + 12, 4), 0x10001);
    bar[COMMON + 21] = 9;
    assert_int_equal(d.transport->config_generation(&d), 9);
    bar[DEVICE + 4] = bar[DEVICE + 8] = 7;
    assert_int_equal(d.transport->config_read(&d, 4), 7);
    assert_int_equal(d.transport->config_read(&d, 8), 0); /* past what there is */
    d.transport->acknowledge(&d);
}

/* One message for all queues, none for the configuration. */
static void test_msix(void **state)
{
    static struct virtqueue q;
    (void)state;
    put(CAP_MSIX, 4, 0x40030011); /* masked, four entries */
    expect_find(MOTE_OK);
    assert_true(d.interrupts);
    assert_int_equal(get(CAP_MSIX, 4), 0x80030011);
    assert_int_equal(in_bar(TABLE, 4), 0xfee01000);
    assert_int_equal(in_bar(TABLE + 8, 4), 0x31);
    assert_int_equal(in_bar(TABLE + 12, 4), 0);
    assert_int_equal(in_bar(COMMON + 16, 2), 0xffff);
    virtqueue_init(&q, 64);
    assert_int_equal(d.transport->queue_enable(&d, 0, &q), MOTE_OK);
    assert_int_equal(in_bar(COMMON + 26, 2), 0);
    assert_true(d.interrupts);
}

static void test_polling_without_msix(void **state)
{
    static struct virtqueue q;
    (void)state;
    put(CAP_NOTIFY + 1, 1, 0);
    expect_find(MOTE_OK);
    assert_false(d.interrupts);
    virtqueue_init(&q, 64);
    assert_int_equal(d.transport->queue_enable(&d, 0, &q), MOTE_OK);
    set_up(state);
    put(CAP_MSIX + 4, 4, 6); /* a table in no BAR */
    expect_find(MOTE_OK);
    assert_false(d.interrupts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ids, set_up),
        cmocka_unit_test_setup(test_structures_above_4_gib, set_up),
        cmocka_unit_test_setup(test_structures_below_4_gib, set_up),
        cmocka_unit_test_setup(test_memory_and_bus_master_are_enabled, set_up),
        cmocka_unit_test_setup(test_bad_capabilities, set_up),
        cmocka_unit_test_setup(test_bad_bars, set_up),
        cmocka_unit_test_setup(test_list_that_begins_in_the_header, set_up),
        cmocka_unit_test_setup(test_first_of_each_type_counts, set_up),
        cmocka_unit_test_setup(test_list_with_a_loop, set_up),
        cmocka_unit_test_setup(test_doorbells, set_up),
        cmocka_unit_test_setup(test_queue_registers, set_up),
        cmocka_unit_test_setup(test_other_registers, set_up),
        cmocka_unit_test_setup(test_msix, set_up),
        cmocka_unit_test_setup(test_polling_without_msix, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
