/* SPDX-License-Identifier: MIT */
/* What the TPM's verbs print. */
#ifndef MOTECTL_TPM_TEXT_H
#define MOTECTL_TPM_TEXT_H

#include "qemu/motectl/tpm_guest.h"

void tpm_print_info(const struct tpm_info *info);

/* Handle, name, the TPMT_PUBLIC in base64, and the key in PEM, which readers of PEM find. */
enum status tpm_print_key(const struct tpm_key *key, const char *what);

/* A key, called what in errors, in PEM, to a file as write_bytes() does. */
enum status tpm_write_pem(const char *file, const struct tpm_key *key, const char *what);

/* A certificate in PEM. */
enum status tpm_print_certificate(const struct blob *der);

/* As tpm2_pcrread does. */
void tpm_print_pcrs(const struct tpm_pcrs *pcrs);

/* The parts of a quote that was not verified, and its nonce. */
enum status tpm_print_quote(const struct tpm_quote *quote, const struct blob *nonce);

/* Bytes as they are, to a file that only its owner can read; NULL: to standard output. */
enum status write_bytes(const char *file, const void *bytes, size_t n);

#endif
