/* SPDX-License-Identifier: MIT */
/*
 * The parts of a TPM on bare metal to each other: tpm.c, which owns the command, and a driver for
 * each interface, a table of phases. A phase looks once and never waits; tpm.c comes back to it and
 * knows when it is too late. Names of registers and bits are those of the TCG PC Client Platform
 * TPM Profile 1.05 (PTP), chapter 6.
 */
#ifndef DRIVERS_TPM_DRIVER_H
#define DRIVERS_TPM_DRIVER_H

#include "drivers/tpm.h"

#include <stdbool.h>

#define TPM_REGISTERS   0x1000u /* of locality 0 */
#define TPM_HEADER_SIZE 10u     /* of an answer: tag, size, code */
#define TPM_PIECE       64u     /* bytes that a phase moves at most before it comes back */

/* TIMEOUT_A to TIMEOUT_D are 2 s at most [PTP 6.5.1.4], but a TPM may be a process that waits for a
 * processor. */
#define TPM_LIMIT_MS 4000

struct tpm_device {
    const struct tpm_driver *driver; /* NULL: there is no TPM */
    uint8_t *base;                   /* of its registers */
    uint8_t *buffer;                 /* the caller's */
    size_t size;                     /* of the command, later of the answer */
    size_t moved;                    /* bytes of it that were written or read */
    bool retried;                    /* the answer is read for the second time */
    bool is_executing;               /* also a command that nobody waits for any more */
    /* Of the CRB: where commands and answers lie, and how much room there is. */
    uint8_t *command, *response;
    uint32_t command_max, response_max;
};

/* From a phase, beside MOTE_OK (on to the next one), MOTE_ERR_AGAIN (not yet) and what tpm_say()
 * returns: bytes were moved, there are more. */
#define TPM_MOVED 1

struct tpm_phase {
    int (*go)(struct tpm_device *t); /* NULL: the answer is there, its size is t->size */
    uint32_t limit_ms; /* from its beginning or the last TPM_MOVED; 0: the command's deadline */
    const char *late;  /* the fault when this is over */
};

struct tpm_driver {
    const char *name;
    const struct tpm_phase *phases;
    /* The command has ended, or nobody waits for it any more. */
    void (*end)(struct tpm_device *t);
};

extern const struct tpm_driver tpm_tis, tpm_crb;

/* Keeps what went wrong, as printf() has it, and returns the error. */
int tpm_say(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The registers are all ones, as those of a device that is not there; nor is what it was doing. */
int tpm_is_gone(struct tpm_device *t);

/* Takes the answer's size from its header in the buffer: 10 at least, max at most, which the
 * interface can hold, and what the buffer has. */
int tpm_take_size(struct tpm_device *t, size_t max);

/* Begins to read an answer, for the first time or again. */
static inline void tpm_begin_answer(struct tpm_device *t)
{
    t->size = TPM_HEADER_SIZE;
    t->moved = 0;
}

/* -- registers, aligned: tpm_registers.c, and models in tests */

uint8_t tpm_read8(const uint8_t *at);
uint32_t tpm_read32(const uint8_t *at);
void tpm_write8(uint8_t *at, uint8_t v);
void tpm_write32(uint8_t *at, uint32_t v);

#endif
