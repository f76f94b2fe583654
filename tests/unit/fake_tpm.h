/* SPDX-License-Identifier: MIT */
/*
 * A TPM's transport (drivers/tpm.h) that answers as a test says, and counts what it has handed out
 * and was not flushed. The agent's code above is the real one.
 */
#ifndef TESTS_UNIT_FAKE_TPM_H
#define TESTS_UNIT_FAKE_TPM_H

#include "proto/tpm2.h"

#define FAKE_TPM_NEVER (-1)

/* One answer. All zero but code: success, at once, without parameters. */
struct fake_tpm_answer {
    enum tpm_cc code;       /* of the command that is expected */
    int polls;              /* so often there is none yet; FAKE_TPM_NEVER: until its deadline */
    int error;              /* of tpm_poll() in its place, MOTE_ERR_... */
    bool is_start_error;    /* it is of tpm_start() */
    uint32_t rc;            /* an error has nothing behind it */
    uint32_t handle;        /* of a command that makes one */
    const void *parameters; /* n bytes */
    size_t n;
    bool is_raw; /* parameters is all of the answer */
};

/* Nothing is expected, nothing is loaded; there is a TPM. */
void fake_tpm_reset(void);

/* What tpm_open() returns; NULL: there is none. */
extern const char *fake_tpm_path;

/* Answers in the order of their commands. Behind the last of them, Startup and FlushContext of what
 * was handed out are answered with success by themselves; any other command is an error. */
void fake_tpm_expect(const struct fake_tpm_answer *answers, size_t n);

/* Until it is reset: a command that is not expected is refused, and no error. */
extern bool fake_tpm_refuses;

/* How many of them were not asked for. */
size_t fake_tpm_expected(void);

/* By themselves, from now on, polls is so many for FlushContext and Startup. */
extern int fake_tpm_polls;

/* Handles that were handed out and not flushed. */
size_t fake_tpm_loaded(void);

/* Commands that were sent, and the last of them. */
extern size_t fake_tpm_commands;
extern uint8_t fake_tpm_command[2048];
extern size_t fake_tpm_command_len;

/* Whether the buffer of the last command is all zero. */
bool fake_tpm_is_wiped(void);

#endif
