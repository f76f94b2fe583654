/* SPDX-License-Identifier: MIT */
#include "drivers/random.h"

#include "drivers/entropy.h"
#include "platform/error.h"

#include <bearssl.h>
#include <stdbool.h>
#include <string.h>

#define ASK_MAX 65536 /* bytes of one request (SP 800-90A, table 2) */

static br_hmac_drbg_context drbg;
static bool is_begun; /* it has a state, which every further seed is mixed into */
static bool is_seeded;

void random_add(const void *bytes, size_t n)
{
    if (is_begun)
        br_hmac_drbg_update(&drbg, bytes, n);
    else
        br_hmac_drbg_init(&drbg, &br_sha256_vtable, bytes, n);
    is_begun = true;
    is_seeded |= n >= RANDOM_SEED;
}

void random_renew(void)
{
    is_seeded = false;
}

int random_get(void *buf, size_t n)
{
    if (!is_seeded)
        entropy_each(random_add, RANDOM_SEED);
    if (!is_seeded || n > ASK_MAX) {
        memset(buf, 0, n);
        return MOTE_ERR_NO_ENTROPY;
    }
    br_hmac_drbg_generate(&drbg, buf, n);
    return MOTE_OK;
}
