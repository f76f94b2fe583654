/* SPDX-License-Identifier: MIT */
/* What the files of the engine (agent/tpm.h) have in common, and nobody else sees. */
#ifndef AGENT_TPM_ENGINE_H
#define AGENT_TPM_ENGINE_H

#include "agent/tpm.h"

#define TPM_NEVER UINT64_MAX

/* -- what runs it (tpm_run.c) */

/* From its first phase on: an operation whose recipe, owner and input are there. */
void tpm_run_begin(struct tpm_op *op);

/* Its owner has left it: what goes on with it now is cleaning up. */
void tpm_run_leave(struct tpm_op *op);

/* Goes as far as it can; when it has ended, and has no owner, true. */
bool tpm_run(struct tpm_op *op, uint64_t now);

/* When to call tpm_run() again at the latest. */
uint64_t tpm_run_again(void);

/* Whether nothing of it is left in the TPM, and nothing is under way. */
bool tpm_run_is_over(void);

/* Whether an operation goes on, and may still have something in the TPM. (tpm.c) */
bool tpm_is_busy(void);

/* As tpm_fail(), but it was the TPM that said no. */
enum tpm_take tpm_refuse(struct tpm_op *op, uint32_t rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -- what comes in front of its steps */

/* The step that the TPM needs first, before any other; NULL: it is ready. (tpm_start.c) */
const struct tpm_step *tpm_start_step(void);
void tpm_start_needs_test(void); /* it has said so */
void tpm_start_lost_power(void); /* likewise: it has to be started again */

/* Up to one without ask: for the key whose number is tpm_key_now(). */
extern const struct tpm_step tpm_key_steps[]; /* tpm_keys.c */
size_t tpm_key_now(void);                     /* tpm_run.c */

/* -- what has to leave the TPM (tpm_flush.c) */

/* A handle that an answer gave out. */
void tpm_flush_add(uint32_t handle);

/* It has left the TPM already. */
void tpm_flush_remove(uint32_t handle);

/* The TPM was reset: they are all gone. */
void tpm_flush_forget(void);

/* From the first of them on, in steps that take each of them once. */
void tpm_flush_begin(void);
extern const struct tpm_step tpm_flush_steps[];

/* The command of the last such step got no answer; the console is told. It is tried again in front
 * of the next operation. */
void tpm_flush_failed(const char *why);

#endif
