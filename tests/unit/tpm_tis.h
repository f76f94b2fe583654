/* SPDX-License-Identifier: MIT */
/* A model of a TPM's registers for TIS, and the driver over it. */
#ifndef TESTS_UNIT_TPM_TIS_H
#define TESTS_UNIT_TPM_TIS_H

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

static inline size_t expected(void)
{
    if (M.expects != 0)
        return M.expects;
    return M.command_len < 6 ? SIZE_MAX : (size_t)M.command[4] << 8 | M.command[5];
}

static inline size_t available(void)
{
    if (M.cut != 0)
        return 12;
    return M.answer_len + (M.too_long != 0 ? 1 : 0);
}

static inline uint32_t state_bits(void)
{
    if (M.state == EXECUTES && fake_now >= M.executed_at)
        M.state = M.forgets ? TAKES : GIVES;
    if (M.state == TAKES && fake_now >= M.ready_at)
        return READY;
    if (M.state == RECEIVES && M.command_len < expected())
        return EXPECT;
    return M.state == GIVES && M.given < available() ? AVAIL : 0;
}

static inline uint32_t burst(void)
{
    bool stalls = M.state == RECEIVES && M.stalls_at != 0 && M.command_len == M.stalls_at;

    if (fake_now < M.burst_at || stalls)
        return 0;
    if (M.state == GIVES && M.cut != 0 && available() - M.given < M.burst)
        return (uint32_t)(available() - M.given);
    return M.burst;
}

static inline uint32_t read_status(void)
{
    uint32_t valid = fake_now >= M.valid_at ? VALID : 0;

    if (!M.is_active)
        return ONES;
    return 1u << 26 | burst() << 8 | valid | state_bits();
}

static inline uint8_t give(void)
{
    assert_int_equal(M.state, GIVES);
    assert_true(M.given < available()); /* the driver reads no more than there is */
    return M.answer[M.given++];
}

static inline uint32_t read_access(void)
{
    M.is_active |= fake_now >= M.granted_at;
    return 0x81u | (M.is_active ? ACTIVE : 0);
}

static inline uint32_t model_read(uint32_t offset, size_t size)
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

static inline void take(uint8_t byte)
{
    assert_true(M.state == TAKES || M.state == RECEIVES);
    if (M.state == TAKES)
        M.command_len = 0;
    M.state = RECEIVES;
    assert_true(M.command_len < sizeof M.command);
    M.command[M.command_len++] = byte;
}

static inline void write_status(uint32_t v)
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

static inline void model_write(uint32_t offset, uint32_t v, size_t size)
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
static inline void answer(size_t n, uint32_t said)
{
    make_message(M.answer, sizeof M.answer, said);
    M.answer_len = n;
}

static inline int set_up(void **state)
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
static inline void expect_command(size_t n)
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

#endif
