/* SPDX-License-Identifier: MIT */
/*
 * The TPM of a machine: finds its interface, takes a command through the phases of that
 * interface's driver, and knows when each is too late. There is no interrupt: it is polled, soon at
 * first, later at a quarter of the time that it has taken so far.
 */
#include "drivers/tpm_driver.h"
#include "platform/platform.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MS_NS        UINT64_C(1000000)
#define LOOK_MIN_NS  UINT64_C(50000)
#define LOOK_MAX_NS  (5 * MS_NS)
#define LOOKS        16 /* phases, or pieces of TPM_PIECE bytes, in one tpm_poll() */
#define FAULT_MAX    96
#define INTERFACE_ID 0x30u
#define DID_VID      0xf00u

/* INTERFACE_ID, InterfaceType [PTP 6.4.2.3] */
enum { INTERFACE_MASK = 0xf, INTERFACE_FIFO = 0, INTERFACE_CRB = 1, INTERFACE_TIS_13 = 0xf };

static struct tpm_device tpm;

static struct {
    const struct tpm_phase *phase;
    uint64_t deadline; /* of the command */
    uint64_t since;    /* when the phase began, or last moved something */
    uint64_t late;     /* when it is to have ended */
    uint64_t again;    /* when it is looked at next */
    int result;        /* of tpm_poll() */
} command;

static char fault[FAULT_MAX] = "nobody has looked for it";

int tpm_say(int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(fault, sizeof fault, format, args);
    va_end(args);
    return error;
}

int tpm_is_gone(struct tpm_device *t)
{
    t->is_executing = false;
    return tpm_say(MOTE_ERR_BROKEN, "its registers are all ones: it is gone");
}

bool tpm_is_ours(void)
{
    return true;
}

const char *tpm_fault(void)
{
    return fault;
}

/* --- which interface --- */

/* What answers zeros or ones is no TPM, or memory. */
static bool has_vendor(const uint8_t *base)
{
    uint16_t vendor = (uint16_t)tpm_read32(base + DID_VID);

    return vendor != 0 && vendor != UINT16_MAX;
}

/* TIS 1.3 has no register for it: all ones are read there as where nothing is. */
static const struct tpm_driver *driver_of(const uint8_t *base)
{
    uint32_t type = tpm_read32(base + INTERFACE_ID) & INTERFACE_MASK;

    if (type == INTERFACE_CRB)
        return &tpm_crb;
    if ((type == INTERFACE_FIFO || type == INTERFACE_TIS_13) && has_vendor(base))
        return &tpm_tis;
    return NULL;
}

const char *tpm_open(void)
{
    struct platform_tpm place = platform_tpm();

    tpm = (struct tpm_device){0};
    if (place.base == 0) {
        tpm_say(MOTE_ERR_UNSUPPORTED, "TPM2 table: start method %u is not supported",
                (unsigned)place.start_method);
        return NULL;
    }
    tpm.base = platform_map(place.base, TPM_REGISTERS);
    tpm.driver = tpm.base != NULL ? driver_of(tpm.base) : NULL;
    if (tpm.driver == NULL) {
        tpm_say(MOTE_ERR_NOT_FOUND, "there is none at 0x%llx", (unsigned long long)place.base);
        return NULL;
    }
    return tpm.driver->name;
}

/* --- a command --- */

static void enter(const struct tpm_phase *phase, uint64_t now)
{
    uint64_t late = now + phase->limit_ms * MS_NS;

    command.phase = phase;
    command.since = now;
    command.late = phase->limit_ms != 0 && late < command.deadline ? late : command.deadline;
}

int tpm_start(void *buffer, size_t n, uint64_t deadline)
{
    if (tpm.driver == NULL)
        return MOTE_ERR_NOT_FOUND;
    if (n < TPM_HEADER_SIZE || n > TPM_BUFFER_SIZE)
        return tpm_say(MOTE_ERR_INVALID, "a command of %zu bytes", n);
    tpm.buffer = buffer;
    tpm.size = n;
    tpm.moved = 0;
    tpm.retried = false;
    command.deadline = deadline;
    command.result = MOTE_ERR_AGAIN;
    command.again = platform_now_ns();
    enter(tpm.driver->phases, command.again);
    return MOTE_OK;
}

/* Looks once. What a phase returns, and MOTE_ERR_TIMEOUT. */
static int look(uint64_t now)
{
    const struct tpm_phase *phase = command.phase;
    int result = phase->go(&tpm);

    if (result == MOTE_OK)
        enter(phase + 1, now);
    else if (result == TPM_MOVED)
        enter(phase, now);
    else if (result == MOTE_ERR_AGAIN && now >= command.late)
        result = tpm_say(MOTE_ERR_TIMEOUT, "%s", phase->late);
    return result;
}

static uint64_t next_look(uint64_t now)
{
    uint64_t wait = (now - command.since) / 4;

    wait = wait < LOOK_MIN_NS ? LOOK_MIN_NS : wait > LOOK_MAX_NS ? LOOK_MAX_NS : wait;
    return now + wait < command.late ? now + wait : command.late;
}

int tpm_poll(void)
{
    uint64_t now = platform_now_ns();
    int result = MOTE_OK;

    if (command.result != MOTE_ERR_AGAIN)
        return command.result;
    for (int i = 0; i < LOOKS && result >= 0 && command.phase->go != NULL; i++)
        result = look(now);
    command.again = result == MOTE_ERR_AGAIN ? next_look(now) : now;
    if (command.phase->go == NULL)
        result = (int)tpm.size;
    else if (result >= 0 || result == MOTE_ERR_AGAIN)
        return MOTE_ERR_AGAIN;
    command.result = result;
    tpm.driver->end(&tpm);
    return result;
}

uint64_t tpm_poll_again(void)
{
    return command.again;
}

void tpm_finish(void)
{
    if (command.result == MOTE_ERR_AGAIN)
        tpm.driver->end(&tpm);
    command.result = MOTE_ERR_NOT_FOUND;
}

int tpm_take_size(struct tpm_device *t, size_t max)
{
    uint32_t size;

    memcpy(&size, t->buffer + 2, sizeof size);
    size = __builtin_bswap32(size);
    if (size < TPM_HEADER_SIZE || size > max)
        return tpm_say(MOTE_ERR_BROKEN, "it says that its answer has %u bytes", (unsigned)size);
    if (size > TPM_BUFFER_SIZE)
        return tpm_say(MOTE_ERR_TOO_LARGE, "its answer has %u bytes, more than %u", (unsigned)size,
                       TPM_BUFFER_SIZE);
    t->size = size;
    return MOTE_OK;
}
