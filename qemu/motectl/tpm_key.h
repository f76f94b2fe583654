/* SPDX-License-Identifier: MIT */
/*
 * Keys of a TPM as libcrypto has them, and bytes that came from a guest or a file. TPM 2.0 Library:
 * part 1, 16 (names), part 2, 12.2.4 (TPMT_PUBLIC).
 */
#ifndef MOTECTL_TPM_KEY_H
#define MOTECTL_TPM_KEY_H

#include <openssl/evp.h>

#include "proto/tpm_public.h"
#include "qemu/motectl/output.h"

#define BLOB_MAX 4096 /* the longest is an EK certificate, of which a guest keeps 2,048 */

struct blob {
    size_t n;
    uint8_t at[BLOB_MAX];
};

struct bytes blob_bytes(const struct blob *b);
bool blob_equals(const struct blob *a, const struct blob *b);

/* Appends bytes; false: there is no room, and nothing was appended. */
bool blob_add(struct blob *b, const void *bytes, size_t n);

/* Decodes base64 text; false: it is none, or too long. */
bool blob_decode(struct blob *b, struct text base64);

/* Reads hexadecimal digits, an even number of them; false: text is something else, or too long. */
bool blob_read_hex(struct blob *b, const char *text);

/* Writes bytes in hexadecimal to dst, which has 2 * n + 1. Returns dst. */
char *hex(char *dst, const void *bytes, size_t n);

/* The hash of a TPM_ALG_ID; NULL: none that is trusted here (SHA-1 among them). */
const EVP_MD *tpm_hash(uint16_t alg);

/* The key in a TPMT_PUBLIC; the caller frees it. NULL: fail() was told why, of the key called
 * what. */
EVP_PKEY *tpm_key_read(const struct blob *area, const char *what);

/* The name of the object whose TPMT_PUBLIC this is: its nameAlg and the hash of the area. */
enum status tpm_key_name(const struct blob *area, struct blob *name);

/* fail(STATUS_FAILED) with what libcrypto complains about. */
enum status crypto_failed(const char *doing);

#endif
