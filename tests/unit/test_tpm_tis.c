/* SPDX-License-Identifier: MIT */
/* The FIFO interface of a TPM: a model of its registers that can do nearly everything wrong. */
#include "tests/unit/tpm_registers.h"

enum { ACCESS = 0x00, STS = 0x18, FIFO = 0x24, INTERFACE_ID = 0x30, DID_VID = 0xf00 };
enum { VALID = 0x80, READY = 0x40, GO = 0x20, AVAIL = 0x10, EXPECT = 0x08, RETRY = 0x02 };
enum { ACTIVE = 0x20, REQUEST = 0x02 };

#define NEVER UINT64_MAX

static struct {
    enum { IDLE, TAKES, RECEIVES, EXECUTES, GIVES } state;
    uint32_t interface_id, did_vid;
    bool is_active; /* locality 0 */
    uint8_t command[TPM_BUFFER_SIZE + 1], answer[TPM_BUFFER_SIZE * 2];
    size_t command_len, answer_len, given;
    uint64_t executed_at; /* when the command that is executed will have been */
    unsigned commands;    /* that were executed */
    /* What it does wrong, or slowly. */
    uint64_t granted_at; /* locality 0 */
    uint64_t ready_at;
    uint64_t valid_at;
    uint64_t time; /* to execute a command */
    uint32_t burst;
    uint64_t burst_at;      /* until then it is 0 */
    size_t stalls_at;       /* bytes of a command */
    size_t expects;         /* bytes of a command; 0: as many as its header says */
    unsigned cut, too_long; /* answers that are so */
    bool forgets;           /* commands */
    uint32_t retries;
} tpm_model;
#define M tpm_model

void *platform_map(uint64_t phys, size_t len)
{
    assert_int_equal(phys, BASE);
    assert_int_equal(len, TPM_REGISTERS);
    return is_mapped ? window : NULL;
}

static size_t expected(void)
{
    if (M.expects != 0)
        return M.expects;
    return M.command_len < 6 ? SIZE_MAX : (size_t)M.command[4] << 8 | M.command[5];
}

static size_t available(void)
{
    if (M.cut != 0)
        return 12;
    return M.answer_len + (M.too_long != 0 ? 1 : 0);
}

static uint32_t state_bits(void)
{
    if (M.state == EXECUTES && fake_now >= M.executed_at)
        M.state = M.forgets ? TAKES : GIVES;
    if (M.state == TAKES && fake_now >= M.ready_at)
        return READY;
    if (M.state == RECEIVES && M.command_len < expected())
        return EXPECT;
    return M.state == GIVES && M.given < available() ? AVAIL : 0;
}

static uint32_t burst(void)
{
    bool stalls = M.state == RECEIVES && M.stalls_at != 0 && M.command_len == M.stalls_at;

    if (fake_now < M.burst_at || stalls)
        return 0;
    if (M.state == GIVES && M.cut != 0 && available() - M.given < M.burst)
        return (uint32_t)(available() - M.given);
    return M.burst;
}

static uint32_t read_status(void)
{
    uint32_t valid = fake_now >= M.valid_at ? VALID : 0;

    if (!M.is_active)
        return ONES;
    return 1u << 26 | burst() << 8 | valid | state_bits();
}

static uint8_t give(void)
{
    assert_int_equal(M.state, GIVES);
    assert_true(M.given < available()); /* the driver reads no more than there is */
    return M.answer[M.given++];
}

static uint32_t read_access(void)
{
    M.is_active |= fake_now >= M.granted_at;
    return 0x81u | (M.is_active ? ACTIVE : 0);
}

static uint32_t model_read(uint32_t offset, size_t size)
{
    uint32_t v = 0;

    if (offset == FIFO)
        for (size_t i = 0; i < size; i++)
            v |= (uint32_t)give() << (8 * i);
    else if (offset == ACCESS)
        v = read_access();
    else if (offset == STS)
        v = read_status();
    else
        v = offset == INTERFACE_ID ? M.interface_id : M.did_vid;
    return v;
}

static void take(uint8_t byte)
{
    assert_true(M.state == TAKES || M.state == RECEIVES);
    if (M.state == TAKES)
        M.command_len = 0;
    M.state = RECEIVES;
    assert_true(M.command_len < sizeof M.command);
    M.command[M.command_len++] = byte;
}

static void write_status(uint32_t v)
{
    if (v == READY) {
        assert_int_not_equal(M.state, EXECUTES); /* that would cancel */
        M.state = M.state == GIVES ? IDLE : TAKES;
    } else if (v == GO) {
        assert_int_equal(M.state, RECEIVES);
        M.state = EXECUTES;
        M.executed_at = M.time == NEVER ? NEVER : fake_now + M.time;
        M.given = 0;
        M.commands++;
    } else {
        assert_int_equal(v, RETRY);
        M.given = 0;
        M.cut -= M.cut != 0;
        M.too_long -= M.too_long != 0;
        M.retries++;
    }
}

static void model_write(uint32_t offset, uint32_t v, size_t size)
{
    if (offset == FIFO) {
        for (size_t i = 0; i < size; i++)
            take((uint8_t)(v >> (8 * i)));
    } else if (offset == STS) {
        if (M.is_active)
            write_status(v);
    } else {
        assert_int_equal(offset, ACCESS);
        assert_int_equal(v, REQUEST);
        assert_false(M.is_active);
        M.granted_at = M.granted_at == 0 ? fake_now : M.granted_at;
    }
}

/* The next answer has n bytes and says that it has said. */
static void answer(size_t n, uint32_t said)
{
    make_message(M.answer, sizeof M.answer, said);
    M.answer_len = n;
}

static int set_up(void **state)
{
    (void)state;
    reset_registers();
    memset(&M, 0, sizeof M);
    M.did_vid = 0x00011014;
    M.interface_id = 0x00002100;
    M.burst = 32;
    M.time = 3 * MS;
    answer(200, 200);
    assert_string_equal(tpm_open(), "tis");
    assert_true(tpm_is_ours());
    return 0;
}

/* It works, and the TPM has seen one command, this one. */
static void expect_command(size_t n)
{
    uint8_t command[TPM_BUFFER_SIZE];
    unsigned before = M.commands;

    make_message(command, n, (uint32_t)n);
    assert_int_equal(run(n), M.answer_len);
    assert_memory_equal(buffer, M.answer, M.answer_len);
    assert_int_equal(M.commands, before + 1);
    assert_int_equal(M.command_len, n);
    assert_memory_equal(M.command, command, n);
    assert_true(M.state == IDLE || M.state == TAKES);
}

/* --- commands as they should be --- */

static void test_command_and_answer(void **state)
{
    (void)state;
    expect_command(100);
    assert_true(last_took < 2 * M.time);
    expect_command(101);
    assert_int_equal(M.retries, 0);
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {10, 11, 12, 13, 14, 63, 64, 65, 66, 74, 75, 1024, 2047, 2048};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        answer(sizes[i], (uint32_t)sizes[i]);
        expect_command(sizes[i]);
    }
}

static void test_burst_counts(void **state)
{
    static const uint32_t bursts[] = {1, 2, 3, 5, 10, 63, 64, 65, 4096, 65535};
    (void)state;
    for (size_t i = 0; i < sizeof bursts / sizeof bursts[0]; i++) {
        M.burst = bursts[i];
        expect_command(200);
    }
}

/* It grows with the time that was waited, and a slow TPM is not asked a thousand times. */
static void test_looks_become_rare(void **state)
{
    (void)state;
    M.time = 40 * US;
    expect_command(20);
    assert_true(last_took < 500 * US);
    M.time = 5 * SECOND;
    expect_command(20);
    assert_true(looks < 1100);
    assert_true(last_took < M.time + 10 * MS);
}

static void test_no_such_command(void **state)
{
    (void)state;
    assert_int_equal(tpm_start(buffer, 9, SECOND), MOTE_ERR_INVALID);
    assert_int_equal(tpm_start(buffer, TPM_BUFFER_SIZE + 1, SECOND), MOTE_ERR_INVALID);
    assert_int_not_equal(tpm_poll(), MOTE_ERR_AGAIN);
    expect_command(20);
}

/* --- localities --- */

static void test_locality_of_the_firmware(void **state)
{
    (void)state;
    M.is_active = true; /* the model takes no request then */
    expect_command(20);
}

static void test_locality_comes_late(void **state)
{
    (void)state;
    M.granted_at = fake_now + SECOND;
    expect_command(20);
}

static void test_locality_never_comes(void **state)
{
    (void)state;
    M.granted_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not grant locality 0");
    M.granted_at = 0;
    expect_command(20);
}

/* --- a status that stays what it is --- */

static void test_never_ready(void **state)
{
    (void)state;
    M.ready_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT,
                 "it does not get ready for a command: it is in failure");
    assert_true(last_took < 5 * SECOND);
    M.ready_at = 0;
    expect_command(20);
}

static void test_ready_late(void **state)
{
    (void)state;
    M.ready_at = fake_now + SECOND;
    expect_command(20);
}

static void test_burst_count_of_zero_for_a_while(void **state)
{
    (void)state;
    M.burst_at = fake_now + SECOND;
    expect_command(20);
}

static void test_burst_count_of_zero(void **state)
{
    (void)state;
    M.burst_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it takes no more of a command");
    M.burst_at = 0;
    expect_command(20);
}

static void test_last_byte_is_not_taken(void **state)
{
    (void)state;
    M.stalls_at = 19;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not take the last byte of a command");
    expect_command(30);
}

static void test_answer_that_stalls(void **state)
{
    (void)state;
    make_message(buffer, 20, 20);
    assert_int_equal(tpm_start(buffer, 20, fake_now + 10 * SECOND), MOTE_OK);
    while (M.state != EXECUTES)
        assert_int_equal(tpm_poll(), MOTE_ERR_AGAIN);
    M.burst = 0;
    expect_fault(poll_until_end(fake_now + 10 * SECOND), MOTE_ERR_TIMEOUT,
                 "it gives no more of its answer");
    tpm_finish();
    M.burst = 32;
    expect_command(20);
}

static void test_status_never_valid(void **state)
{
    (void)state;
    M.valid_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not take the last byte of a command");
    M.valid_at = fake_now + SECOND;
    expect_command(20);
}

static void test_expects_less(void **state)
{
    (void)state;
    M.expects = 15;
    expect_fault(run(20), MOTE_ERR_BROKEN, "it does not expect the last byte of a command");
    M.expects = 0;
    expect_command(20);
}

static void test_expects_more(void **state)
{
    (void)state;
    M.expects = 21;
    expect_fault(run(20), MOTE_ERR_BROKEN, "it expects more than the whole command");
    M.expects = 0;
    expect_command(20);
}

/* --- no answer --- */

/* The command is left alone (the model takes no cancel), and the next one waits for it. */
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
    M.executed_at = fake_now;
    M.time = MS;
    expect_command(20);
}

static void test_command_is_forgotten(void **state)
{
    (void)state;
    M.forgets = true;
    expect_fault(run(20), MOTE_ERR_BROKEN, "it has forgotten the command");
    M.forgets = false;
    expect_command(20);
}

/* Its owner wants it no more, in any phase. */
static void test_given_up(void **state)
{
    (void)state;
    M.burst = 1;
    for (unsigned polls = 0; polls < 40; polls++) {
        make_message(buffer, 64, 64);
        assert_int_equal(tpm_start(buffer, 64, fake_now + SECOND), MOTE_OK);
        for (unsigned i = 0; i < polls; i++)
            assert_int_equal(tpm_poll(), MOTE_ERR_AGAIN);
        tpm_finish();
        expect_command(64);
    }
}

/* --- answers that are nonsense --- */

static void test_sizes_of_nonsense(void **state)
{
    (void)state;
    answer(200, 9);
    expect_fault(run(20), MOTE_ERR_BROKEN, "it says that its answer has 9 bytes");
    answer(200, 0);
    assert_int_equal(run(20), MOTE_ERR_BROKEN);
    answer(4000, TPM_BUFFER_SIZE + 1);
    expect_fault(run(20), MOTE_ERR_TOO_LARGE, "its answer has 2049 bytes, more than 2048");
    answer(4000, UINT32_MAX);
    assert_int_equal(run(20), MOTE_ERR_TOO_LARGE);
    answer(10, 10);
    expect_command(20);
}

static void test_short_answer_is_asked_for_again(void **state)
{
    (void)state;
    M.cut = 1;
    expect_command(20);
    assert_int_equal(M.retries, 1);
}

static void test_short_answers(void **state)
{
    (void)state;
    M.cut = 2;
    expect_fault(run(20), MOTE_ERR_BROKEN, "its answer is shorter than its header says");
    M.cut = 0;
    expect_command(20);
}

static void test_long_answer_is_asked_for_again(void **state)
{
    (void)state;
    M.too_long = 1;
    expect_command(20);
    assert_int_equal(M.retries, 1);
}

/* Data is available for ever. */
static void test_long_answers(void **state)
{
    (void)state;
    M.too_long = 2;
    expect_fault(run(20), MOTE_ERR_BROKEN, "its answer is longer than its header says");
    M.too_long = 0;
    expect_command(20);
}

/* --- where there is none --- */

static void test_vanishes(void **state)
{
    (void)state;
    expect_command(20);
    uint32_t all = accesses;
    for (uint32_t at = 3; at < all; at++) {
        set_up(state);
        vanishes_at = at;
        int result = run(20);
        assert_true(result == MOTE_ERR_BROKEN || result == MOTE_ERR_TOO_LARGE ||
                    (at == all - 1 && result == 200));
        expect_fault(run(20), MOTE_ERR_BROKEN, "its registers are all ones: it is gone");
        vanishes_at = UINT32_MAX;
        M.executed_at = 0;
        expect_command(20);
    }
}

static void test_interfaces(void **state)
{
    static const struct {
        uint32_t id, vendor;
        const char *name;
    } rows[] = {
        {0x00082100, 0x00011014, "tis"}, /* behind SeaBIOS */
        {ONES, 0x00011014, "tis"},       /* TIS 1.3 has no such register */
        {ONES, ONES, NULL},              /* nothing */
        {0, 0, NULL},                    /* memory */
        {0x00002100, 0xffff, NULL},
        {0x00002102, 0x00011014, NULL}, /* reserved */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        M.interface_id = rows[i].id;
        M.did_vid = rows[i].vendor;
        const char *name = tpm_open();
        if (rows[i].name != NULL)
            assert_string_equal(name, rows[i].name);
        else
            assert_null(name);
    }
    assert_string_equal(tpm_fault(), "there is none at 0xfed40000");
    assert_int_equal(tpm_start(buffer, 20, SECOND), MOTE_ERR_NOT_FOUND);
}

static void test_no_place(void **state)
{
    (void)state;
    is_mapped = false;
    assert_null(tpm_open());
    assert_string_equal(tpm_fault(), "there is none at 0xfed40000");
    place = (struct platform_tpm){.start_method = 2};
    assert_null(tpm_open());
    assert_string_equal(tpm_fault(), "TPM2 table: start method 2 is not supported");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_command_and_answer, set_up),
        cmocka_unit_test_setup(test_sizes, set_up),
        cmocka_unit_test_setup(test_burst_counts, set_up),
        cmocka_unit_test_setup(test_looks_become_rare, set_up),
        cmocka_unit_test_setup(test_no_such_command, set_up),
        cmocka_unit_test_setup(test_locality_of_the_firmware, set_up),
        cmocka_unit_test_setup(test_locality_comes_late, set_up),
        cmocka_unit_test_setup(test_locality_never_comes, set_up),
        cmocka_unit_test_setup(test_never_ready, set_up),
        cmocka_unit_test_setup(test_ready_late, set_up),
        cmocka_unit_test_setup(test_burst_count_of_zero_for_a_while, set_up),
        cmocka_unit_test_setup(test_burst_count_of_zero, set_up),
        cmocka_unit_test_setup(test_last_byte_is_not_taken, set_up),
        cmocka_unit_test_setup(test_answer_that_stalls, set_up),
        cmocka_unit_test_setup(test_status_never_valid, set_up),
        cmocka_unit_test_setup(test_expects_less, set_up),
        cmocka_unit_test_setup(test_expects_more, set_up),
        cmocka_unit_test_setup(test_no_answer_in_time, set_up),
        cmocka_unit_test_setup(test_never_an_answer, set_up),
        cmocka_unit_test_setup(test_command_is_forgotten, set_up),
        cmocka_unit_test_setup(test_given_up, set_up),
        cmocka_unit_test_setup(test_sizes_of_nonsense, set_up),
        cmocka_unit_test_setup(test_short_answer_is_asked_for_again, set_up),
        cmocka_unit_test_setup(test_short_answers, set_up),
        cmocka_unit_test_setup(test_long_answer_is_asked_for_again, set_up),
        cmocka_unit_test_setup(test_long_answers, set_up),
        cmocka_unit_test_setup(test_vanishes, set_up),
        cmocka_unit_test_setup(test_interfaces, set_up),
        cmocka_unit_test_setup(test_no_place, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
