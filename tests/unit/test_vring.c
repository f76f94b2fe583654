/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a virtqueue against hostile rings in plain memory: each row
 * of a table spoils one thing in a sound ring and names the complaint it must raise.
 * Then what a sound ring must give, and the borders of the guest's memory.
 */
#include "platform/error.h"
#include "qemu/vsockd/vring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE       8
#define GUEST_BASE UINT64_C(0x100000)
#define USER_BASE  UINT64_C(0x7f0000000000)
#define GAP        UINT64_C(0x3000) /* region 1 lies this far behind region 0 */
#define REGION     0x2000u

/* Two regions that touch in guest-physical space only when a test says so. */
struct fixture {
    struct guest_memory memory;
    struct vring ring;
    struct vring_chain chain;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
};

static _Alignas(4096) uint8_t ram[2][REGION];

#define DESC_AT  0u
#define AVAIL_AT (DESC_AT + SIZE * (uint32_t)sizeof(struct vring_desc))
#define USED_AT  256u
#define DATA_AT  1024u

static const struct vring_addresses addresses = {USER_BASE + DESC_AT, USER_BASE + AVAIL_AT,
                                                 USER_BASE + USED_AT};

static void add_region(struct guest_memory *memory, uint64_t guest_addr, uint64_t user_addr,
                       uint8_t *data)
{
    memory->regions[memory->count++] = (struct guest_region){
        .layout = {.guest_addr = guest_addr, .size = REGION, .user_addr = user_addr},
        .data = data,
    };
}

/* A ring with one chain of two descriptors, 44 and 100 bytes, that the device reads. */
static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    memset(ram, 0, sizeof ram);
    add_region(&f->memory, GUEST_BASE, USER_BASE, ram[0]);
    add_region(&f->memory, GUEST_BASE + GAP, USER_BASE + GAP, ram[1]);
    assert_int_equal(vring_set_size(&f->ring, SIZE), MOTE_OK);
    assert_int_equal(vring_map(&f->ring, &f->memory, &addresses), MOTE_OK);
    f->desc = (struct vring_desc *)(void *)(ram[0] + DESC_AT);
    f->avail = (struct vring_avail *)(void *)(ram[0] + AVAIL_AT);
    f->used = (struct vring_used *)(void *)(ram[0] + USED_AT);
    f->desc[2] = (struct vring_desc){GUEST_BASE + DATA_AT, 44, VRING_DESC_F_NEXT, 5};
    f->desc[5] = (struct vring_desc){GUEST_BASE + DATA_AT + 64, 100, 0, 0};
    f->avail->ring[0] = 2;
    f->avail->idx = 1;
}

static void head_past_table(struct fixture *f)
{
    f->avail->ring[0] = SIZE;
}

static void head_is_ffff(struct fixture *f)
{
    f->avail->ring[0] = 0xffff;
}

static void next_past_table(struct fixture *f)
{
    f->desc[2].next = SIZE;
}

static void loop_of_one(struct fixture *f)
{
    f->desc[2].next = 2;
}

static void loop_of_two(struct fixture *f)
{
    f->desc[5].flags = VRING_DESC_F_NEXT;
    f->desc[5].next = 2;
}

static void idx_jumps(struct fixture *f)
{
    f->avail->idx = SIZE + 1;
}

static void idx_goes_back(struct fixture *f)
{
    f->avail->idx = 0xffff;
}

static void address_outside(struct fixture *f)
{
    f->desc[5].addr = GUEST_BASE - 1;
}

static void address_in_gap(struct fixture *f)
{
    f->desc[5].addr = GUEST_BASE + REGION;
}

static void address_huge(struct fixture *f)
{
    f->desc[5].addr = UINT64_MAX - 50;
}

static void end_outside(struct fixture *f)
{
    f->desc[5].addr = GUEST_BASE + REGION - 99;
}

static void length_huge(struct fixture *f)
{
    f->desc[5].len = UINT32_MAX - 44;
}

static void sum_overflows(struct fixture *f)
{
    f->desc[5].len = UINT32_MAX;
}

static void length_zero(struct fixture *f)
{
    f->desc[5].len = 0;
}

static void first_writable(struct fixture *f)
{
    f->desc[2].flags |= VRING_DESC_F_WRITE;
}

static void last_writable(struct fixture *f)
{
    f->desc[5].flags |= VRING_DESC_F_WRITE;
}

static void indirect(struct fixture *f)
{
    f->desc[2].flags = VRING_DESC_F_INDIRECT;
}

static const struct {
    const char *name;
    void (*spoil)(struct fixture *f);
    const char *complaint; /* a part of it */
} hostile[] = {
    {"head past the table", head_past_table, "past the end of the table"},
    {"head 0xffff", head_is_ffff, "past the end of the table"},
    {"next past the table", next_past_table, "past the end of the table"},
    {"loop of one", loop_of_one, "loop"},
    {"loop of two", loop_of_two, "loop"},
    {"avail.idx jumps", idx_jumps, "avail.idx"},
    {"avail.idx goes back", idx_goes_back, "avail.idx"},
    {"address below the memory", address_outside, "outside"},
    {"address in a gap", address_in_gap, "outside"},
    {"address that wraps", address_huge, "outside"},
    {"end in a gap", end_outside, "outside"},
    {"length past everything", length_huge, "outside"},
    {"lengths that overflow", sum_overflows, "4 GiB"},
    {"length zero", length_zero, "no bytes"},
    {"first descriptor writable", first_writable, "write-only"},
    {"last descriptor writable", last_writable, "write-only"},
    {"indirect", indirect, "indirect"},
};

static void test_hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        static struct fixture f;

        setup(&f);
        hostile[i].spoil(&f);
        if (vring_next(&f.ring, VRING_READ, &f.chain) != MOTE_ERR_BROKEN ||
            strstr(f.ring.broken, hostile[i].complaint) == NULL) {
            fail_msg("%s: %s", hostile[i].name, f.ring.broken);
        }
        /* Mended or not, a broken ring stays broken, and nothing was given back. */
        f.avail->idx = 0;
        assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), MOTE_ERR_BROKEN);
        assert_int_equal(f.used->idx, 0);
    }
}

static void test_read_only_for_writing(void **state)
{
    static struct fixture f;

    (void)state;
    setup(&f);
    assert_int_equal(vring_next(&f.ring, VRING_WRITE, &f.chain), MOTE_ERR_BROKEN);
    assert_non_null(strstr(f.ring.broken, "read-only"));
}

static void test_longest_chain(void **state)
{
    static struct fixture f;

    (void)state;
    setup(&f);
    for (uint16_t i = 0; i < SIZE; i++) {
        bool last = i == SIZE - 1;

        f.desc[i] = (struct vring_desc){
            GUEST_BASE + DATA_AT, 1, (uint16_t)(last ? 0 : VRING_DESC_F_NEXT), (uint16_t)(i + 1)};
    }
    f.avail->ring[0] = 0;
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 1);
    assert_int_equal(f.chain.total, SIZE);
    assert_int_equal(f.chain.count, SIZE);
}

static void test_sound_chain(void **state)
{
    static struct fixture f;
    char text[8];

    (void)state;
    setup(&f);
    memcpy(ram[0] + DATA_AT + 40, "head", 4);
    memcpy(ram[0] + DATA_AT + 64, "tail", 4);
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 1);
    assert_int_equal(f.chain.total, 144);
    vring_copy_out(&f.chain, 40, text, sizeof text);
    assert_memory_equal(text, "headtail", sizeof text);
    /* Until it is finished, it is the next one. */
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 1);
    vring_finish(&f.ring, &f.chain, 7);
    assert_int_equal(f.used->idx, 1);
    assert_int_equal(f.used->ring[0].id, 2);
    assert_int_equal(f.used->ring[0].len, 7);
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 0);
}

static void test_write_across_descriptors(void **state)
{
    static struct fixture f;

    (void)state;
    setup(&f);
    f.desc[2].flags |= VRING_DESC_F_WRITE;
    f.desc[5].flags |= VRING_DESC_F_WRITE;
    assert_int_equal(vring_next(&f.ring, VRING_WRITE, &f.chain), 1);
    vring_copy_in(&f.chain, 42, "abcd", 4);
    assert_memory_equal(ram[0] + DATA_AT + 42, "ab\0\0", 4);
    assert_memory_equal(ram[0] + DATA_AT + 64, "cd\0\0", 4);
}

/* Memory that goes on in the next region is one buffer, wherever the regions lie here. */
static void test_descriptor_across_regions(void **state)
{
    static struct fixture f;
    char text[4];

    (void)state;
    setup(&f);
    f.memory.regions[1].layout.guest_addr = GUEST_BASE + REGION;
    f.desc[5].addr = GUEST_BASE + REGION - 2;
    memcpy(ram[0] + REGION - 2, "ab", 2);
    memcpy(ram[1], "cd", 2);
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 1);
    assert_int_equal(f.chain.count, 3);
    vring_copy_out(&f.chain, 44, text, sizeof text);
    assert_memory_equal(text, "abcd", sizeof text);
}

static void test_index_wraps(void **state)
{
    static struct fixture f;

    (void)state;
    setup(&f);
    f.ring.index = 0xfffe;
    f.avail->idx = 2;
    for (int i = 0; i < SIZE; i++) {
        f.avail->ring[i] = 5;
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 1);
        vring_finish(&f.ring, &f.chain, 0);
    }
    assert_int_equal(f.used->idx, 2);
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 0);
}

static void test_full_ring_is_no_jump(void **state)
{
    static struct fixture f;

    (void)state;
    setup(&f);
    f.avail->idx = SIZE;
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 1);
}

static void test_interrupt_flag(void **state)
{
    static struct fixture f;

    (void)state;
    setup(&f);
    assert_true(vring_wants_interrupt(&f.ring));
    f.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    assert_false(vring_wants_interrupt(&f.ring));
}

static void test_kicks_are_asked_for(void **state)
{
    static struct fixture f;

    (void)state;
    setup(&f);
    vring_want_kicks(&f.ring, false);
    assert_int_equal(f.used->flags, VRING_USED_F_NO_NOTIFY);
    vring_want_kicks(&f.ring, true);
    assert_int_equal(f.used->flags, 0);
    assert_true(vring_is_pending(&f.ring));
    assert_int_equal(vring_next(&f.ring, VRING_READ, &f.chain), 1);
    vring_finish(&f.ring, &f.chain, 0);
    assert_false(vring_is_pending(&f.ring));
}

static void test_sizes(void **state)
{
    static const struct {
        uint32_t size;
        int rc;
    } rows[] = {
        {0, MOTE_ERR_INVALID},       {1, MOTE_OK},
        {3, MOTE_ERR_INVALID},       {1024, MOTE_OK},
        {2048, MOTE_ERR_INVALID},    {0x10000, MOTE_ERR_INVALID},
        {0x10080, MOTE_ERR_INVALID}, {UINT32_MAX, MOTE_ERR_INVALID},
    };
    struct vring ring = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(vring_set_size(&ring, rows[i].size), rows[i].rc);
    }
}

/* Each part of the ring must be aligned and whole, or there is no ring. */
static void test_map(void **state)
{
    const uint64_t end = USER_BASE + REGION;
    const uint64_t used_size = sizeof(struct vring_used) + SIZE * sizeof(struct vring_used_elem);
    const struct {
        struct vring_addresses at;
        int rc;
    } rows[] = {
        {{USER_BASE, USER_BASE + 512, USER_BASE + 1024}, MOTE_OK},
        {{USER_BASE, USER_BASE + 512, end - used_size}, MOTE_OK},
        {{USER_BASE + 8, USER_BASE + 512, USER_BASE + 1024}, MOTE_ERR_INVALID},
        {{USER_BASE, USER_BASE + 513, USER_BASE + 1024}, MOTE_ERR_INVALID},
        {{USER_BASE, USER_BASE + 512, USER_BASE + 1026}, MOTE_ERR_INVALID},
        {{USER_BASE, USER_BASE + 512, end - used_size + 4}, MOTE_ERR_INVALID},
        {{end - 112, USER_BASE + 512, USER_BASE + 1024}, MOTE_ERR_INVALID},
        {{USER_BASE, end - 18, USER_BASE + 1024}, MOTE_ERR_INVALID},
        {{0, 0, 0}, MOTE_ERR_INVALID},
        {{UINT64_MAX - 15, USER_BASE + 512, USER_BASE + 1024}, MOTE_ERR_INVALID},
        {{GUEST_BASE, GUEST_BASE + 512, GUEST_BASE + 1024}, MOTE_ERR_INVALID},
    };
    static struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup(&f);
        assert_int_equal(vring_map(&f.ring, &f.memory, &rows[i].at), rows[i].rc);
        assert_int_equal(f.ring.desc != NULL, rows[i].rc == MOTE_OK);
    }
}

/* A region is taken only when all of it is in the file: past its end is SIGBUS. */
static void test_regions(void **state)
{
    static const struct {
        struct guest_region_layout layout;
        int rc;
    } rows[] = {
        {{0, 0x4000, 0x10000, 0}, MOTE_OK},
        {{0, 0x3000, 0x10000, 0x1000}, MOTE_OK},
        {{0, 0, 0x10000, 0}, MOTE_ERR_INVALID},
        {{0, 0x4001, 0x10000, 0}, MOTE_ERR_INVALID},
        {{0, 0x4000, 0x10000, 0x1000}, MOTE_ERR_INVALID},
        {{UINT64_MAX - 0x2000, 0x4000, 0x10000, 0}, MOTE_ERR_INVALID},
        {{0, 0x4000, UINT64_MAX - 0x2000, 0}, MOTE_ERR_INVALID},
        {{0, 0x4000, 0x10000, UINT64_MAX - 0x2000}, MOTE_ERR_INVALID},
        {{0, UINT64_MAX, 0, 0}, MOTE_ERR_INVALID},
    };
    int fd = memfd_create("ram", MFD_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0x4000), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct guest_memory memory = {0};

        assert_int_equal(guest_memory_add(&memory, &rows[i].layout, fd), rows[i].rc);
        guest_memory_clear(&memory);
        assert_int_equal(memory.count, 0);
    }
    close(fd);
}

static void test_too_many_regions(void **state)
{
    const struct guest_region_layout layout = {0, 0x1000, 0x10000, 0};
    struct guest_memory memory = {0};
    int fd = memfd_create("ram", MFD_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0x1000), 0);
    for (int i = 0; i < GUEST_REGIONS_MAX; i++) {
        assert_int_equal(guest_memory_add(&memory, &layout, fd), MOTE_OK);
    }
    assert_int_equal(guest_memory_add(&memory, &layout, fd), MOTE_ERR_NO_ROOM);
    guest_memory_clear(&memory);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_read_only_for_writing),
        cmocka_unit_test(test_longest_chain),
        cmocka_unit_test(test_sound_chain),
        cmocka_unit_test(test_write_across_descriptors),
        cmocka_unit_test(test_descriptor_across_regions),
        cmocka_unit_test(test_index_wraps),
        cmocka_unit_test(test_full_ring_is_no_jump),
        cmocka_unit_test(test_interrupt_flag),
        cmocka_unit_test(test_kicks_are_asked_for),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_too_many_regions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
