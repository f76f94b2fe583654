/* SPDX-License-Identifier: MIT */
/*
 * Whether what a guest says of its TPM is true. Each check: STATUS_OK; STATUS_REFUSED, and fail()
 * says what is wrong; STATUS_FAILED: it could not be made.
 */
#ifndef MOTECTL_TPM_VERIFY_H
#define MOTECTL_TPM_VERIFY_H

#include "qemu/motectl/tpm_guest.h"

/* The AIK is a key that signs nothing but what its TPM has made itself, never leaves it, and has
 * the name that belongs to it. */
enum status tpm_verify_aik(const struct tpm_key *aik);

/* The signature over attest is the AIK's, in the AIK's own scheme. */
enum status tpm_verify_signature(const struct tpm_key *aik, const struct tpm_quote *quote);

/* attest is a quote, for this nonce. */
enum status tpm_verify_nonce(const struct tpm_quote *quote, const struct blob *nonce);

/* The PCRs that were asked for are quoted, all of them and no others, with the values given. */
enum status tpm_verify_pcrs(const struct tpm_quote *quote, const struct tpm2_selection *asked);

/* The events of a log have led to the value of its PCR, which must be among those given. */
enum status tpm_verify_log(const struct tpm_log *log, const struct tpm_pcrs *pcrs);

/* Whether a log's PCR is among those given. */
bool tpm_log_is_quoted(const struct tpm_log *log, const struct tpm_pcrs *pcrs);

#endif
