/* SPDX-License-Identifier: MIT */
/*
 * The engine of the TPM's operations (agent/tpm.h), and what is measured (agent/measure.h), for
 * those that ask them: an operation ends as a test says. At first there is no TPM.
 */
#ifndef TESTS_UNIT_FAKE_ENGINE_H
#define TESTS_UNIT_FAKE_ENGINE_H

#include "agent/measure.h"
#include "agent/tpm_recipes.h"

#define FAKE_NOBODY (-1)

struct fake_engine {
    const char *interface; /* NULL: there is no TPM */
    bool is_busy;          /* another operation goes on */
    bool keeps_keys;
    bool at_once; /* an operation has ended when it begins: it fails with "no" */
    int waits;    /* the owner that was told to wait; FAKE_NOBODY */
    int frees;    /* operations that were freed, or abandoned */
    struct tpm_op op;
    struct measure_log log;
};

extern struct fake_engine fake_engine;

/* As at first. */
void fake_engine_reset(void);

/* The operation that goes on ends: what its results are views of is copied. */
void fake_engine_done(struct bytes a, struct bytes b, struct bytes c, uint32_t number);
void fake_engine_fail(enum tpm_op_status status, const char *error);

#endif
