/* SPDX-License-Identifier: MIT */
/*
 * A TPM 2.0's transport: the seam between the agent and how a command gets there. On bare metal
 * drivers/tpm.c serves it over the registers of a TPM (FIFO, called TIS, or CRB: TCG PC Client
 * Platform TPM Profile 1.05, chapter 6), under a kernel drivers/kernel_tpm.c over its device. One
 * command at a time; it is started, polled and finished, and nothing waits: an RSA key takes
 * seconds.
 */
#ifndef DRIVERS_TPM_H
#define DRIVERS_TPM_H

#include "platform/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest command and answer of ours: those of TPM2_NV_Read and TPM2_Hash with 1,024 bytes. */
#define TPM_BUFFER_SIZE 2048

/* Looks for a TPM and makes it ready to be asked. Its interface: "tis", "crb", or the path of the
 * device; NULL: tpm_fault() says why there is none. Once. */
const char *tpm_open(void);

/*
 * Begins to send the command of n bytes at buffer, which has TPM_BUFFER_SIZE and is the transport's
 * until tpm_finish(): the answer is read into it. The TPM has until deadline (platform_now_ns()
 * time) to answer. MOTE_ERR_NOT_FOUND: there is no TPM; else what tpm_poll() would tell.
 */
int tpm_start(void *buffer, size_t n, uint64_t deadline);

/*
 * Goes on with it. The answer's size, 10 at least and as its header says; MOTE_ERR_AGAIN: there is
 * none yet. MOTE_ERR_TIMEOUT: nor is it waited for any longer; MOTE_ERR_BROKEN: the TPM is in
 * failure, or answers nonsense; MOTE_ERR_TOO_LARGE: the answer has more than TPM_BUFFER_SIZE;
 * MOTE_ERR_IO: the system refused. Each of them ends the command; the next one may work, when the
 * TPM is not busy with this one still.
 */
int tpm_poll(void);

/* When tpm_poll() is to be called at the latest, UINT64_MAX: when an event has come; of a command
 * that was started. */
uint64_t tpm_poll_again(void);

/* Ends the command, whatever became of it: the buffer is the caller's again. */
void tpm_finish(void);

/* Whether nobody else uses the TPM: not so by a kernel, which also shuts it down at the end. */
bool tpm_is_ours(void);

/* What went wrong last, a sentence without the words "tpm:" in front and a stop behind. */
const char *tpm_fault(void);

#endif
