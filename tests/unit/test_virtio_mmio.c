/* SPDX-License-Identifier: MIT */
/* Finding a virtio-mmio device in windows of plain memory, and its registers of version 2. */
#include "drivers/virtio.h"
#include "platform/platform.h"
#include "tests/unit/unit.h"

#define COUNT    3
#define MAGIC    0x74726976u
#define VSOCK_ID 19u

/* A window as registers, by offset / 4. */
static uint32_t windows[COUNT][0x200 / 4];
static struct platform_mmio list[COUNT];
static int unmapped; /* a window that can't be mapped; -1: none */
static uint32_t routed_irq;
static bool has_irq;

size_t platform_mmio_devices(const struct platform_mmio **devices)
{
    *devices = list;
    return COUNT;
}

void *platform_map(uint64_t phys, size_t len)
{
    assert_int_equal(len, sizeof windows[0]);
    return (int)phys == unmapped ? NULL : windows[phys];
}

bool platform_irq_enable(uint32_t irq)
{
    routed_irq = irq;
    return has_irq;
}

#define REGISTER(window, offset) windows[window][(offset) / 4]

/* The device is in the second window; the first is empty. */
static int set_up(void **state)
{
    (void)state;
    memset(windows, 0, sizeof windows);
    for (uint32_t i = 0; i < COUNT; i++) {
        list[i] = (struct platform_mmio){.base = i, .irq = 10 + i};
        REGISTER(i, 0x000) = MAGIC;
        REGISTER(i, 0x004) = 2;
    }
    REGISTER(1, 0x008) = VSOCK_ID;
    unmapped = -1;
    has_irq = true;
    return 0;
}

static struct virtio_device d;

static void test_device_behind_an_empty_window(void **state)
{
    (void)state;
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_OK);
    assert_int_equal(d.address, 1);
    assert_true(d.interrupts);
    assert_int_equal(routed_irq, 11);
}

static void test_first_of_two_devices(void **state)
{
    (void)state;
    REGISTER(2, 0x008) = VSOCK_ID;
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_OK);
    assert_int_equal(d.address, 1);
    unmapped = 1;
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_OK);
    assert_int_equal(d.address, 2);
}

static void test_no_device(void **state)
{
    (void)state;
    REGISTER(1, 0x000) = 0; /* no magic, whatever its id */
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_ERR_NOT_FOUND);
    REGISTER(1, 0x000) = MAGIC;
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_ENTROPY, &d), MOTE_ERR_NOT_FOUND);
}

/* Version 1 is no device of ours, but an empty window of version 1 is none at all. */
static void test_legacy_version(void **state)
{
    (void)state;
    REGISTER(0, 0x004) = 1;
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_OK);
    REGISTER(1, 0x004) = 1;
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_ERR_UNSUPPORTED);
}

static void test_device_without_an_interrupt(void **state)
{
    (void)state;
    has_irq = false;
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_OK);
    assert_false(d.interrupts);
}

static void find(void)
{
    assert_int_equal(virtio_mmio_find(VIRTIO_ID_VSOCK, &d), MOTE_OK);
}

/* [4.2.2] A queue's addresses go in as halves, and it is made ready at the end. */
static void test_queue_registers(void **state)
{
    static struct virtqueue q;
    (void)state;
    find();
    REGISTER(1, 0x034) = 1024;
    assert_int_equal(d.transport->queue_max(&d, 2), 1024);
    assert_int_equal(REGISTER(1, 0x030), 2);
    virtqueue_init(&q, 64);
    assert_int_equal(d.transport->queue_enable(&d, 2, &q), MOTE_OK);
    assert_int_equal(REGISTER(1, 0x038), 64);
    static const struct {
        uint32_t offset;
        const void *memory;
    } rows[] = {{0x080, q.desc}, {0x090, &q.avail}, {0x0a0, &q.used}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t high = REGISTER(1, rows[i].offset + 4);
        assert_true((high << 32 | REGISTER(1, rows[i].offset)) == (uintptr_t)rows[i].memory);
    }
    assert_int_equal(REGISTER(1, 0x044), 1);
    assert_int_equal(d.transport->queue_max(&d, 2), 0); /* it is in use */
}

static void test_queue_of_any_size(void **state)
{
    (void)state;
    find();
    REGISTER(1, 0x034) = 0x10000;
    assert_int_equal(d.transport->queue_max(&d, 0), UINT16_MAX);
    REGISTER(1, 0x034) = 0;
    assert_int_equal(d.transport->queue_max(&d, 0), 0);
}

static void test_other_registers(void **state)
{
    (void)state;
    find();
    d.transport->set_status(&d, 0x0f);
    assert_int_equal(REGISTER(1, 0x070), 0x0f);
    assert_int_equal(d.transport->get_status(&d), 0x0f);
    REGISTER(1, 0x010) = 0xabcd;
    assert_int_equal(d.transport->get_features(&d, 1), 0xabcd);
    assert_int_equal(REGISTER(1, 0x014), 1);
    d.transport->set_features(&d, 1, 0x10001);
    assert_int_equal(REGISTER(1, 0x024), 1);
    assert_int_equal(REGISTER(1, 0x020), 0x10001);
    d.transport->notify(&d, 2);
    assert_int_equal(REGISTER(1, 0x050), 2);
    REGISTER(1, 0x0fc) = 7;
    assert_int_equal(d.transport->config_generation(&d), 7);
    REGISTER(1, 0x104) = 0x1234;
    assert_int_equal(d.transport->config_read(&d, 4), 0x1234);
}

/* [4.2.2] Both reasons for an interrupt, and no undefined bit. */
static void test_interrupts_are_acknowledged(void **state)
{
    (void)state;
    find();
    d.transport->acknowledge(&d);
    assert_int_equal(REGISTER(1, 0x064), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_device_behind_an_empty_window, set_up),
        cmocka_unit_test_setup(test_first_of_two_devices, set_up),
        cmocka_unit_test_setup(test_no_device, set_up),
        cmocka_unit_test_setup(test_legacy_version, set_up),
        cmocka_unit_test_setup(test_device_without_an_interrupt, set_up),
        cmocka_unit_test_setup(test_queue_registers, set_up),
        cmocka_unit_test_setup(test_queue_of_any_size, set_up),
        cmocka_unit_test_setup(test_other_registers, set_up),
        cmocka_unit_test_setup(test_interrupts_are_acknowledged, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
