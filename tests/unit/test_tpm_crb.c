/* SPDX-License-Identifier: MIT */
/* The command response buffer of a TPM: a model of its registers that can do much wrong. */
#include "tests/unit/tpm_registers.h"

enum {
    LOC_STATE = 0x00,
    LOC_CTRL = 0x08,
    INTERFACE_ID = 0x30,
    CTRL_REQ = 0x40,
    CTRL_STS = 0x44,
    CTRL_START = 0x4c,
    CMD_SIZE = 0x58,
    CMD_LADDR = 0x5c,
    CMD_HADDR = 0x60,
    RSP_SIZE = 0x64,
    RSP_ADDR = 0x68,
    RSP_HADDR = 0x6c,
    DATA_BUFFER = 0x80,
};
enum { CMD_READY = 1, GO_IDLE = 2, FAILURE = 1, STS_IDLE = 2 };

#define NEVER     UINT64_MAX
#define ROOM      (TPM_REGISTERS - DATA_BUFFER)
#define ELSEWHERE TPM_REGISTERS /* offset of a buffer that is not in the TPM's page */

static struct {
    bool is_idle, has_locality, executes, has_failed;
    uint32_t req;
    uint8_t memory[sizeof window];
    uint32_t command_at, response_at; /* offsets */
    uint32_t command_max, response_max;
    size_t mapped; /* of the buffer that is elsewhere */
    uint8_t command[TPM_BUFFER_SIZE], answer[TPM_REGISTERS];
    size_t command_len;
    uint64_t executed_at, req_at; /* when what goes on will have ended */
    unsigned commands;
    uint64_t granted_at, time, req_time;
    bool fails, stays_idle;
} crb_model;
#define M crb_model

void *platform_map(uint64_t phys, size_t len)
{
    uint64_t offset = phys - (uintptr_t)window;

    if (!is_mapped || offset >= sizeof window)
        return NULL;
    if (offset != 0)
        M.mapped = len;
    return window + offset;
}

static void settle(void)
{
    if (M.executes && fake_now >= M.executed_at) {
        M.executes = false;
        M.has_failed |= M.fails;
        memcpy(M.memory + M.response_at, M.answer, M.response_max);
    }
    if (M.req != 0 && fake_now >= M.req_at) {
        M.is_idle = M.req == GO_IDLE || M.stays_idle;
        M.req = 0;
    }
}

static uint32_t read_state(void)
{
    M.has_locality |= fake_now >= M.granted_at;
    return 0x81 | (M.has_locality ? 2 : 0);
}

static uint32_t model_read(uint32_t offset, size_t size)
{
    const struct {
        uint32_t offset, v;
    } registers[] = {
        {LOC_STATE, offset == LOC_STATE ? read_state() : 0},
        {INTERFACE_ID, 0x00025811},
        {CTRL_REQ, M.req},
        {CTRL_STS, (M.has_failed ? FAILURE : 0u) | (M.is_idle ? STS_IDLE : 0u)},
        {CTRL_START, M.executes},
        {CMD_SIZE, M.command_max},
        {CMD_LADDR, (uint32_t)(uintptr_t)(window + M.command_at)},
        {CMD_HADDR, (uint32_t)((uintptr_t)(window + M.command_at) >> 32)},
        {RSP_SIZE, M.response_max},
        {RSP_ADDR, (uint32_t)(uintptr_t)(window + M.response_at)},
        {RSP_HADDR, (uint32_t)((uintptr_t)(window + M.response_at) >> 32)},
    };
    uint32_t v = 0;

    settle();
    for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++)
        if (registers[i].offset == offset)
            return registers[i].v;
    assert_true(offset >= M.response_at && offset + size <= M.response_at + M.response_max);
    memcpy(&v, M.memory + offset, size);
    return v;
}

static void start(void)
{
    assert_true(!M.executes && !M.is_idle && M.has_locality);
    M.executes = true;
    M.executed_at = M.time == NEVER ? NEVER : fake_now + M.time;
    memcpy(M.command, M.memory + M.command_at, sizeof M.command);
    M.commands++;
}

static void model_write(uint32_t offset, uint32_t v, size_t size)
{
    settle();
    if (offset == LOC_CTRL) {
        assert_int_equal(v, 1);
        M.granted_at = M.granted_at == 0 ? fake_now : M.granted_at;
    } else if (offset == CTRL_REQ) {
        assert_false(M.executes);
        M.req = v;
        M.req_at = M.req_time == NEVER ? NEVER : fake_now + M.req_time;
    } else if (offset == CTRL_START) {
        assert_int_equal(v, 1);
        start();
    } else {
        assert_true(offset >= M.command_at && offset + size <= M.command_at + M.command_max);
        memcpy(M.memory + offset, &v, size);
    }
}

static void answer(uint32_t said)
{
    make_message(M.answer, sizeof M.answer, said);
}

static int set_up(void **state)
{
    (void)state;
    reset_registers();
    place.base = (uintptr_t)window;
    memset(&M, 0, sizeof M);
    M.is_idle = true;
    M.command_at = M.response_at = DATA_BUFFER;
    M.command_max = M.response_max = ROOM;
    M.time = 3 * MS;
    M.req_time = 20 * US;
    answer(200);
    assert_string_equal(tpm_open(), "crb");
    return 0;
}

static void expect_command(size_t n)
{
    uint8_t command[TPM_BUFFER_SIZE];
    unsigned before = M.commands;
    size_t size = (size_t)M.answer[4] << 8 | M.answer[5];

    make_message(command, n, (uint32_t)n);
    assert_int_equal(run(n), size);
    assert_memory_equal(buffer, M.answer, size);
    assert_int_equal(M.commands, before + 1);
    assert_memory_equal(M.command, command, n);
    assert_int_equal(M.req, GO_IDLE);
}

static void test_sizes(void **state)
{
    static const uint16_t sizes[] = {10, 11, 12, 13, 14, 63, 64, 65, 66, 74, 75, 1024, 2047, 2048};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        answer(sizes[i]);
        expect_command(sizes[i]);
    }
}

/* --- handshakes --- */

static void test_locality(void **state)
{
    (void)state;
    M.granted_at = fake_now + SECOND;
    expect_command(20);
    M.has_locality = false;
    M.granted_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not grant locality 0");
    M.granted_at = 0;
    expect_command(20);
}

static void test_slow_to_wake(void **state)
{
    (void)state;
    M.req_time = SECOND;
    expect_command(20);
    expect_command(20); /* also on its way to idle */
}

static void test_never_wakes(void **state)
{
    (void)state;
    M.req_time = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not get ready for a command");
    assert_true(last_took < 5 * SECOND);
    M.req_at = 0;
    M.req_time = 0;
    M.stays_idle = true;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not get ready for a command");
    M.stays_idle = false;
    expect_command(20);
}

static void test_never_idle(void **state)
{
    (void)state;
    M.req = GO_IDLE;
    M.req_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not become idle");
    M.req_at = 0;
    expect_command(20);
}

static void test_no_answer_in_time(void **state)
{
    (void)state;
    M.time = 3 * SECOND;
    expect_fault(run_for(20, SECOND), MOTE_ERR_TIMEOUT, "it did not answer in time");
    assert_true(last_took < SECOND + 10 * MS);
    M.time = MS;
    expect_command(30);
    assert_true(last_took < 3 * SECOND);
}

static void test_never_an_answer(void **state)
{
    (void)state;
    M.time = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it did not answer in time");
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it is busy: it still executes a command before");
    assert_int_equal(M.commands, 1);
    M.executed_at = 0;
    M.time = MS;
    expect_command(20);
}

static void test_given_up(void **state)
{
    (void)state;
    for (unsigned polls = 0; polls < 12; polls++) {
        make_message(buffer, 64, 64);
        assert_int_equal(tpm_start(buffer, 64, fake_now + SECOND), MOTE_OK);
        for (unsigned i = 0; i < polls; i++)
            assert_int_equal(tpm_poll(), MOTE_ERR_AGAIN);
        tpm_finish();
        expect_command(64);
    }
}

static void test_failure(void **state)
{
    (void)state;
    M.fails = true;
    expect_fault(run(20), MOTE_ERR_BROKEN, "it is in failure");
    expect_fault(run(20), MOTE_ERR_BROKEN, "it is in failure");
    assert_int_equal(M.commands, 1); /* it is not asked again */
    M.fails = M.has_failed = false;
    expect_command(20);
}

/* --- buffers --- */

static void test_buffers_elsewhere(void **state)
{
    (void)state;
    M.command_at = ELSEWHERE;
    M.response_at = ELSEWHERE + 0x100;
    M.command_max = 0x100;
    M.response_max = 0xe00;
    expect_command(0x100);
    assert_int_equal(M.mapped, TPM_BUFFER_SIZE); /* more is of no use */
    expect_fault(run(0x101), MOTE_ERR_TOO_LARGE,
                 "it takes commands of 256 bytes, this one has 257");
    expect_command(20);
}

static void test_buffers_where_they_can_not_be(void **state)
{
    static const struct {
        uint32_t at, size;
    } rows[] = {
        {DATA_BUFFER - 4, 64},      /* registers */
        {0, ROOM},                  /* likewise */
        {DATA_BUFFER, ROOM + 1},    /* out of the page */
        {DATA_BUFFER, UINT32_MAX},  /* likewise */
        {DATA_BUFFER + 2, 64},      /* not aligned */
        {DATA_BUFFER, 9},           /* no header fits */
        {sizeof window, ROOM},      /* can't be mapped */
        {UINT32_MAX - 0xfff, ROOM}, /* likewise */
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        set_up(state);
        *(i % 2 != 0 ? &M.command_at : &M.response_at) = rows[i / 2].at;
        *(i % 2 != 0 ? &M.command_max : &M.response_max) = rows[i / 2].size;
        expect_fault(run(20), MOTE_ERR_BROKEN, "its buffers can't be where it says");
        M.command_at = M.response_at = DATA_BUFFER;
        M.command_max = M.response_max = ROOM;
        expect_command(20);
    }
}

/* --- answers that are nonsense --- */

static void test_sizes_of_nonsense(void **state)
{
    (void)state;
    answer(9);
    expect_fault(run(20), MOTE_ERR_BROKEN, "it says that its answer has 9 bytes");
    answer(0);
    assert_int_equal(run(20), MOTE_ERR_BROKEN);
    answer(TPM_BUFFER_SIZE + 1);
    expect_fault(run(20), MOTE_ERR_TOO_LARGE, "its answer has 2049 bytes, more than 2048");
    answer(ROOM);
    assert_int_equal(run(20), MOTE_ERR_TOO_LARGE);
    answer(ROOM + 1); /* more than its own buffer has */
    expect_fault(run(20), MOTE_ERR_BROKEN, "it says that its answer has 3969 bytes");
    answer(UINT32_MAX);
    assert_int_equal(run(20), MOTE_ERR_BROKEN);
    answer(10);
    expect_command(20);
}

static void test_vanishes(void **state)
{
    (void)state;
    expect_command(20);
    uint32_t all = accesses;
    for (uint32_t at = 1; at < all; at++) {
        set_up(state);
        vanishes_at = at;
        int result = run(20);
        assert_true(result == MOTE_ERR_BROKEN || (at == all - 1 && result == 200));
        expect_fault(run(20), MOTE_ERR_BROKEN, "its registers are all ones: it is gone");
        vanishes_at = UINT32_MAX;
        M.executed_at = 0;
        expect_command(20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sizes, set_up),
        cmocka_unit_test_setup(test_locality, set_up),
        cmocka_unit_test_setup(test_slow_to_wake, set_up),
        cmocka_unit_test_setup(test_never_wakes, set_up),
        cmocka_unit_test_setup(test_never_idle, set_up),
        cmocka_unit_test_setup(test_no_answer_in_time, set_up),
        cmocka_unit_test_setup(test_never_an_answer, set_up),
        cmocka_unit_test_setup(test_given_up, set_up),
        cmocka_unit_test_setup(test_failure, set_up),
        cmocka_unit_test_setup(test_buffers_elsewhere, set_up),
        cmocka_unit_test_setup(test_buffers_where_they_can_not_be, set_up),
        cmocka_unit_test_setup(test_sizes_of_nonsense, set_up),
        cmocka_unit_test_setup(test_vanishes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
