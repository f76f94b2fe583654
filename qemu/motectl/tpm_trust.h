/* SPDX-License-Identifier: MIT */
/* Why an EK is believed to be a TPM's: somebody has signed that, or has noted it before. */
#ifndef MOTECTL_TPM_TRUST_H
#define MOTECTL_TPM_TRUST_H

#include "qemu/motectl/tpm_guest.h"

/*
 * Whether the EK's certificate is signed, over any intermediate ones, by one that is in the file of
 * PEM certificates ca, and is for the EK's key. STATUS_REFUSED: no, fail() says why; STATUS_FAILED:
 * the file can't be read.
 */
enum status tpm_trust_certificate(const struct tpm_key *ek, const char *ca);

/* Whether the EK is the key in a file: a public key in PEM or DER, or a TPMT_PUBLIC in base64. */
enum status tpm_trust_key(const struct tpm_key *ek, const char *file);

#endif
