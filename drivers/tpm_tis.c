/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface of a TPM, called TIS (PTP 6.5): a status register and a FIFO. How many bytes
 * may be moved at once is the burst count, which may be 0 for a while.
 */
#include "drivers/tpm_driver.h"

#include <string.h>

enum { TPM_ACCESS = 0x00, TPM_STS = 0x18, TPM_DATA_FIFO = 0x24 };

enum { ACTIVE_LOCALITY = 0x20, REQUEST_USE = 0x02, REG_VALID = 0x80 };

enum {
    STS_VALID = 0x80,
    COMMAND_READY = 0x40,
    TPM_GO = 0x20,
    DATA_AVAIL = 0x10,
    EXPECT = 0x08,
    RESPONSE_RETRY = 0x02,
};

/* All ones also when another locality has become the active one. */
static int read_status(struct tpm_device *t, uint32_t *status)
{
    *status = tpm_read32(t->base + TPM_STS);
    return *status == UINT32_MAX ? tpm_is_gone(t) : MOTE_OK;
}

/* The status when the TPM vouches for it; MOTE_ERR_AGAIN until then. */
static int read_valid_status(struct tpm_device *t, uint32_t *status)
{
    int result = read_status(t, status);

    return result == MOTE_OK && (*status & STS_VALID) == 0 ? MOTE_ERR_AGAIN : result;
}

static void write_status(struct tpm_device *t, uint32_t bit)
{
    tpm_write32(t->base + TPM_STS, bit);
}

/* How many of the bytes up to end can be moved now. */
static size_t piece(const struct tpm_device *t, uint32_t status, size_t end)
{
    size_t burst = status >> 8 & 0xffff, n = end - t->moved;

    n = n < burst ? n : burst;
    return n < TPM_PIECE ? n : TPM_PIECE;
}

/* A command is executed until there is an answer, or the TPM was reset. */
static int await_end(struct tpm_device *t)
{
    uint32_t status;
    int result = read_status(t, &status);

    if (result != MOTE_OK)
        return result;
    if ((status & COMMAND_READY) == 0 &&
        (status & (STS_VALID | DATA_AVAIL)) != (STS_VALID | DATA_AVAIL))
        return MOTE_ERR_AGAIN;
    t->is_executing = false;
    return MOTE_OK;
}

/* Once granted it is kept: there is nobody else in this guest. A firmware may have left it so. */
static int take_locality(struct tpm_device *t)
{
    uint8_t access = tpm_read8(t->base + TPM_ACCESS);

    if (access == UINT8_MAX)
        return tpm_is_gone(t);
    if ((access & (REG_VALID | ACTIVE_LOCALITY | REQUEST_USE)) == REG_VALID) {
        tpm_write8(t->base + TPM_ACCESS, REQUEST_USE);
        access = tpm_read8(t->base + TPM_ACCESS);
    }
    bool is_ours = (access & (REG_VALID | ACTIVE_LOCALITY)) == (REG_VALID | ACTIVE_LOCALITY);
    return is_ours ? MOTE_OK : MOTE_ERR_AGAIN;
}

/* A command before that nobody waits for any more. To cancel it would not do: QEMU has the guest
 * stand still until its TPM has obeyed, for ever when that hangs. */
static int get_free(struct tpm_device *t)
{
    return t->is_executing ? await_end(t) : MOTE_OK;
}

/* Drops what was going on. From some states it takes two writes [PTP 6.5.2.6, table of states]. */
static int get_ready(struct tpm_device *t)
{
    uint32_t status;
    int result = read_status(t, &status);

    if (result == MOTE_OK && (status & COMMAND_READY) == 0) {
        write_status(t, COMMAND_READY);
        result = read_status(t, &status);
    }
    if (result != MOTE_OK)
        return result;
    return (status & COMMAND_READY) != 0 ? MOTE_OK : MOTE_ERR_AGAIN;
}

/* n bytes of the buffer to the FIFO: its four addresses are one. */
static void write_fifo(struct tpm_device *t, size_t n)
{
    uint32_t word;

    for (; n >= sizeof word; n -= sizeof word, t->moved += sizeof word) {
        memcpy(&word, t->buffer + t->moved, sizeof word);
        tpm_write32(t->base + TPM_DATA_FIFO, word);
    }
    for (; n != 0; n--)
        tpm_write8(t->base + TPM_DATA_FIFO, t->buffer[t->moved++]);
}

static void read_fifo(struct tpm_device *t, size_t n)
{
    uint32_t word;

    for (; n >= sizeof word; n -= sizeof word, t->moved += sizeof word) {
        word = tpm_read32(t->base + TPM_DATA_FIFO);
        memcpy(t->buffer + t->moved, &word, sizeof word);
    }
    for (; n != 0; n--)
        t->buffer[t->moved++] = tpm_read8(t->base + TPM_DATA_FIFO);
}

/* All but the last byte. */
static int send_piece(struct tpm_device *t)
{
    uint32_t status;
    int result = read_status(t, &status);
    size_t n = piece(t, status, t->size - 1);

    if (result != MOTE_OK)
        return result;
    if (n == 0)
        return MOTE_ERR_AGAIN;
    write_fifo(t, n);
    return t->moved == t->size - 1 ? MOTE_OK : TPM_MOVED;
}

static int send_last(struct tpm_device *t)
{
    uint32_t status;
    int result = read_valid_status(t, &status);

    if (result != MOTE_OK)
        return result;
    if ((status & EXPECT) == 0)
        return tpm_say(MOTE_ERR_BROKEN, "it does not expect the last byte of a command");
    if (piece(t, status, t->size) == 0)
        return MOTE_ERR_AGAIN;
    write_fifo(t, 1);
    return MOTE_OK;
}

static int execute(struct tpm_device *t)
{
    uint32_t status;
    int result = read_valid_status(t, &status);

    if (result != MOTE_OK)
        return result;
    if ((status & EXPECT) != 0)
        return tpm_say(MOTE_ERR_BROKEN, "it expects more than the whole command");
    write_status(t, TPM_GO);
    t->is_executing = true;
    tpm_begin_answer(t);
    return MOTE_OK;
}

/* The answer is not as long as its header says: it is asked for again, once. */
static int retry(struct tpm_device *t, const char *how)
{
    if (t->retried)
        return tpm_say(MOTE_ERR_BROKEN, "its answer is %s than its header says", how);
    t->retried = true;
    tpm_begin_answer(t);
    write_status(t, RESPONSE_RETRY);
    return MOTE_ERR_AGAIN;
}

/* Behind the last byte there must be nothing more. */
static int check_end(struct tpm_device *t, uint32_t status)
{
    return (status & DATA_AVAIL) != 0 ? retry(t, "longer") : MOTE_OK;
}

/* The header first: it says how much there is. */
static int receive_piece(struct tpm_device *t)
{
    uint32_t status;
    int result = read_valid_status(t, &status);

    if (result != MOTE_OK)
        return result;
    if (t->moved == t->size)
        return check_end(t, status);
    if ((status & COMMAND_READY) != 0)
        return tpm_say(MOTE_ERR_BROKEN, "it has forgotten the command");
    if ((status & DATA_AVAIL) == 0)
        return t->moved != 0 ? retry(t, "shorter") : MOTE_ERR_AGAIN;
    size_t n = piece(t, status, t->size);
    if (n == 0)
        return MOTE_ERR_AGAIN;
    read_fifo(t, n);
    if (t->moved == TPM_HEADER_SIZE)
        result = tpm_take_size(t, UINT32_MAX);
    return result == MOTE_OK ? TPM_MOVED : result;
}

static void end_command(struct tpm_device *t)
{
    if (!t->is_executing)
        write_status(t, COMMAND_READY);
}

static const struct tpm_phase phases[] = {
    {take_locality, TPM_LIMIT_MS, "it does not grant locality 0"},
    {get_free, TPM_LIMIT_MS, "it is busy: it still executes a command before"},
    {get_ready, TPM_LIMIT_MS, "it does not get ready for a command: it is in failure"},
    {send_piece, TPM_LIMIT_MS, "it takes no more of a command"},
    {send_last, TPM_LIMIT_MS, "it does not take the last byte of a command"},
    {execute, TPM_LIMIT_MS, "it does not begin a command"},
    {await_end, 0, "it did not answer in time"},
    {receive_piece, TPM_LIMIT_MS, "it gives no more of its answer"},
    {0},
};

const struct tpm_driver tpm_tis = {"tis", phases, end_command};
