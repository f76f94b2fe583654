/* SPDX-License-Identifier: MIT */
/*
 * The measured start: what configures this guest (its command line, each configuration that is
 * delivered) is hashed, the hash extends a PCR of the SHA-256 bank, and an event log tells what was
 * extended, so that a verifier can compute the PCR's value again: value = SHA-256(value || digest),
 * from the start on. mote.tpm_pcr=N chooses the PCR, default 12; "none" none.
 */
#ifndef AGENT_MEASURE_H
#define AGENT_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEASURE_PCR        12u /* where systemd-stub measures what is added to a command line */
#define MEASURE_EVENTS_MAX 8u  /* the oldest that the PCR has is folded into the start */
#define MEASURE_DIGEST     32u /* SHA-256 */

struct measure_event {
    const char *what; /* "cmdline", "config" */
    uint64_t size;    /* of what was hashed */
    uint8_t digest[MEASURE_DIGEST];
    bool is_extended; /* the PCR has it; else the TPM has refused, or has not answered yet */
};

struct measure_log {
    uint32_t pcr;                  /* UINT32_MAX: nothing is measured */
    uint8_t start[MEASURE_DIGEST]; /* the PCR's value in front of the first event */
    uint32_t folded;               /* events that are part of the start, for want of room */
    size_t count;
    struct measure_event events[MEASURE_EVENTS_MAX];
};

/* Reads the option, and measures the command line if there is a TPM: behind tpm_begin_use().
 * MOTE_ERR_INVALID: the console was told why. */
int measure_start(void);

/* Whether another configuration can be measured; false: the TPM has to take some of them first. */
bool measure_has_room(void);

/* Hashes a configuration of n bytes that is about to be stored; where it lies, it may be gone
 * then. */
void measure_config(const void *data, size_t n);

/* It was stored, and counts: an operation of the TPM that begins later sees it. */
void measure_stored(void);

/* What was measured. Valid for ever, changes with the next event; when the TPM has lost its power,
 * what is in the log is measured anew, and what was folded is lost. */
const struct measure_log *measure_log(void);

/* Extends the PCR by what is owed, in front of all that waits for the TPM. */
void measure_tick(void);

/* Whether something is owed still: no other operation may begin before. */
bool measure_is_owed(void);

#endif
