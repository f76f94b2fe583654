/* SPDX-License-Identifier: MIT */
/*
 * Credentials: bytes that only one TPM can open, the one with a certain EK, and only while a key
 * with a certain name is in it. Made here, without a TPM (TPM 2.0 Library, part 1, 24).
 */
#ifndef MOTECTL_TPM_CREDENTIAL_H
#define MOTECTL_TPM_CREDENTIAL_H

#include "qemu/motectl/tpm_key.h"

#define CREDENTIAL_MAX 32 /* bytes that fit in one, with SHA-256 as the EK's nameAlg */

struct credential {
    struct blob blob;   /* TPM2B_ID_OBJECT, its size included */
    struct blob secret; /* TPM2B_ENCRYPTED_SECRET, likewise */
};

/* Makes one of n bytes for the EK whose TPMT_PUBLIC this is (RSA, AES in CFB mode) and the key of
 * this name. */
enum status credential_make(const struct blob *ek, const struct blob *name, const void *bytes,
                            size_t n, struct credential *c);

#endif
