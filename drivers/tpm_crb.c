/* SPDX-License-Identifier: MIT */
/*
 * The command response buffer of a TPM, CRB (PTP 6.4): the command is written into memory, and
 * registers say where that is, start it, and tell when the answer lies there. Every access to a
 * register has 32 bits.
 */
#include "drivers/tpm_driver.h"
#include "platform/platform.h"

#include <string.h>

enum {
    LOC_STATE = 0x00,
    LOC_CTRL = 0x08,
    CTRL_REQ = 0x40,
    CTRL_STS = 0x44,
    CTRL_START = 0x4c,
    CTRL_CMD_SIZE = 0x58,
    CTRL_CMD_LADDR = 0x5c,
    CTRL_CMD_HADDR = 0x60,
    CTRL_RSP_SIZE = 0x64,
    CTRL_RSP_ADDR = 0x68,
    DATA_BUFFER = 0x80,
};

/* LOC_STATE: valid, somebody has it, and in bits 2 to 4 which locality */
enum { LOC_VALID = 0x80, LOC_ASSIGNED = 0x02, LOC_ACTIVE = 0x1c, LOC_REQUEST_ACCESS = 0x01 };
enum { REQ_CMD_READY = 0x01, REQ_GO_IDLE = 0x02 };
enum { STS_FAILURE = 0x01, STS_IDLE = 0x02 };
enum { START = 0x01 };

static int read_register(struct tpm_device *t, uint32_t offset, uint32_t *v)
{
    *v = tpm_read32(t->base + offset);
    return *v == UINT32_MAX ? tpm_is_gone(t) : MOTE_OK;
}

static void write_register(struct tpm_device *t, uint32_t offset, uint32_t v)
{
    tpm_write32(t->base + offset, v);
}

/* Waits for bits of a register to become what is wanted. */
static int await(struct tpm_device *t, uint32_t offset, uint32_t mask, uint32_t wanted)
{
    uint32_t v;
    int result = read_register(t, offset, &v);

    return result == MOTE_OK && (v & mask) != wanted ? MOTE_ERR_AGAIN : result;
}

static int has_locality(struct tpm_device *t)
{
    return await(t, LOC_STATE, LOC_VALID | LOC_ASSIGNED | LOC_ACTIVE, LOC_VALID | LOC_ASSIGNED);
}

/* Once granted it is kept: there is nobody else in this guest. */
static int take_locality(struct tpm_device *t)
{
    int result = has_locality(t);

    if (result != MOTE_ERR_AGAIN)
        return result;
    write_register(t, LOC_CTRL, LOC_REQUEST_ACCESS);
    return has_locality(t);
}

/* Also a command before that nobody waits for any more. To cancel it would not do: QEMU has the
 * guest stand still until its TPM has obeyed, for ever when that hangs. */
static int await_end(struct tpm_device *t)
{
    int result = await(t, CTRL_START, START, 0);

    if (result == MOTE_OK)
        t->is_executing = false;
    return result;
}

static int check_failure(struct tpm_device *t)
{
    uint32_t status;
    int result = read_register(t, CTRL_STS, &status);

    if (result == MOTE_OK && (status & STS_FAILURE) != 0)
        return tpm_say(MOTE_ERR_BROKEN, "it is in failure");
    return result;
}

/* Out of idle, of which it may not be yet; or from the end of a command before. */
static int wake_up(struct tpm_device *t)
{
    int result = await(t, CTRL_REQ, REQ_GO_IDLE, 0);

    if (result == MOTE_OK)
        result = check_failure(t);
    if (result == MOTE_OK)
        write_register(t, CTRL_REQ, REQ_CMD_READY);
    return result;
}

static int get_ready(struct tpm_device *t)
{
    int result = await(t, CTRL_REQ, REQ_CMD_READY, 0);

    return result == MOTE_OK ? await(t, CTRL_STS, STS_IDLE, 0) : result;
}

/* What an address says is believed when it lies behind the registers, or is none of ours. */
static uint8_t *open_buffer(struct tpm_device *t, uint64_t at, uint32_t size)
{
    uint64_t offset = at - (uintptr_t)t->base;

    if (size < TPM_HEADER_SIZE || at % sizeof(uint32_t) != 0)
        return NULL;
    if (offset < TPM_REGISTERS)
        return offset >= DATA_BUFFER && size <= TPM_REGISTERS - offset ? t->base + offset : NULL;
    return platform_map(at, size < TPM_BUFFER_SIZE ? size : TPM_BUFFER_SIZE);
}

/* Not before it is ready: the registers need not keep these while the TPM is idle. */
static int find_buffers(struct tpm_device *t)
{
    uint64_t low = tpm_read32(t->base + CTRL_CMD_LADDR);
    uint64_t high = tpm_read32(t->base + CTRL_CMD_HADDR);
    t->command_max = tpm_read32(t->base + CTRL_CMD_SIZE);
    t->command = open_buffer(t, high << 32 | low, t->command_max);
    low = tpm_read32(t->base + CTRL_RSP_ADDR);
    high = tpm_read32(t->base + CTRL_RSP_ADDR + 4);
    t->response_max = tpm_read32(t->base + CTRL_RSP_SIZE);
    t->response = open_buffer(t, high << 32 | low, t->response_max);
    if (t->command != NULL && t->response != NULL)
        return MOTE_OK;
    return tpm_say(MOTE_ERR_BROKEN, "its buffers can't be where it says");
}

/* By words where they are aligned. */
static void write_piece(struct tpm_device *t, size_t end)
{
    uint32_t word;

    while (t->moved != end) {
        if (t->moved % sizeof word != 0 || end - t->moved < sizeof word) {
            tpm_write8(t->command + t->moved, t->buffer[t->moved]);
            t->moved++;
            continue;
        }
        memcpy(&word, t->buffer + t->moved, sizeof word);
        tpm_write32(t->command + t->moved, word);
        t->moved += sizeof word;
    }
}

static void read_piece(struct tpm_device *t, size_t end)
{
    uint32_t word;

    while (t->moved != end) {
        if (t->moved % sizeof word != 0 || end - t->moved < sizeof word) {
            t->buffer[t->moved] = tpm_read8(t->response + t->moved);
            t->moved++;
            continue;
        }
        word = tpm_read32(t->response + t->moved);
        memcpy(t->buffer + t->moved, &word, sizeof word);
        t->moved += sizeof word;
    }
}

static size_t piece_end(const struct tpm_device *t)
{
    return t->size - t->moved < TPM_PIECE ? t->size : t->moved + TPM_PIECE;
}

static int send_piece(struct tpm_device *t)
{
    if (t->size > t->command_max)
        return tpm_say(MOTE_ERR_TOO_LARGE, "it takes commands of %u bytes, this one has %zu",
                       (unsigned)t->command_max, t->size);
    write_piece(t, piece_end(t));
    return t->moved == t->size ? MOTE_OK : TPM_MOVED;
}

static int execute(struct tpm_device *t)
{
    write_register(t, CTRL_START, START);
    t->is_executing = true;
    tpm_begin_answer(t);
    return MOTE_OK;
}

/* The header first: it says how much there is. */
static int receive_piece(struct tpm_device *t)
{
    int result = MOTE_OK;

    read_piece(t, piece_end(t));
    if (t->moved == TPM_HEADER_SIZE)
        result = tpm_take_size(t, t->response_max);
    if (result != MOTE_OK)
        return result;
    return t->moved == t->size ? MOTE_OK : TPM_MOVED;
}

static void end_command(struct tpm_device *t)
{
    if (!t->is_executing)
        write_register(t, CTRL_REQ, REQ_GO_IDLE);
}

static const struct tpm_phase phases[] = {
    {take_locality, TPM_LIMIT_MS, "it does not grant locality 0"},
    {await_end, TPM_LIMIT_MS, "it is busy: it still executes a command before"},
    {wake_up, TPM_LIMIT_MS, "it does not become idle"},
    {get_ready, TPM_LIMIT_MS, "it does not get ready for a command"},
    {find_buffers, TPM_LIMIT_MS, ""},
    {send_piece, TPM_LIMIT_MS, ""},
    {execute, TPM_LIMIT_MS, ""},
    {await_end, 0, "it did not answer in time"},
    {check_failure, TPM_LIMIT_MS, ""},
    {receive_piece, TPM_LIMIT_MS, ""},
    {check_failure, TPM_LIMIT_MS, ""}, /* that of what is gone would be all ones, too */
    {0},
};

const struct tpm_driver tpm_crb = {"crb", phases, end_command};
