/* SPDX-License-Identifier: MIT */
/*
 * The public area of a TPM 2.0 object: TPMT_PUBLIC, without the two bytes of size that make it a
 * TPM2B_PUBLIC (TPM 2.0 Library, part 2, 12.2.4). Keys of RSA and of elliptic curves; it is
 * walked to its last byte, so that what passes is one whole area and nothing else.
 */
#ifndef PROTO_TPM_PUBLIC_H
#define PROTO_TPM_PUBLIC_H

#include "proto/text.h"

/* TPM_ALG_ID, as far as it is told apart here. */
enum tpm_alg {
    TPM_ALG_RSA = 0x0001,
    TPM_ALG_SHA1 = 0x0004,
    TPM_ALG_AES = 0x0006,
    TPM_ALG_KEYEDHASH = 0x0008,
    TPM_ALG_SHA256 = 0x000b,
    TPM_ALG_SHA384 = 0x000c,
    TPM_ALG_SHA512 = 0x000d,
    TPM_ALG_NULL = 0x0010,
    TPM_ALG_SM3_256 = 0x0012,
    TPM_ALG_RSASSA = 0x0014,
    TPM_ALG_RSAES = 0x0015,
    TPM_ALG_RSAPSS = 0x0016,
    TPM_ALG_ECDSA = 0x0018,
    TPM_ALG_ECDAA = 0x001a,
    TPM_ALG_ECC = 0x0023,
    TPM_ALG_CFB = 0x0043,
    TPM_ALG_SHA3_256 = 0x0027,
    TPM_ALG_SHA3_384 = 0x0028,
    TPM_ALG_SHA3_512 = 0x0029,
};

struct tpm_public {
    uint16_t type;        /* TPM_ALG_RSA or TPM_ALG_ECC */
    uint16_t name_alg;    /* of the hash that names it */
    uint32_t attributes;  /* TPMA_OBJECT */
    struct bytes policy;  /* empty, or as long as a hash of name_alg */
    uint16_t size;        /* TPM_ALG_RSA: bits of the modulus; TPM_ALG_ECC: the curve's id */
    struct bytes modulus; /* of TPM_ALG_RSA */
    struct bytes x, y;    /* of TPM_ALG_ECC */
};

/* Reads the n bytes at area, to which *p refers then. False: *rule, a constant, says what is
 * wrong with them. */
bool tpm_public_read(const void *area, size_t n, struct tpm_public *p, const char **rule);

#endif
