/* SPDX-License-Identifier: MIT */
/* How registers of a TPM are reached: a file of its own, so that tests can put a model there. */
#include "drivers/tpm_driver.h"

uint8_t tpm_read8(const uint8_t *at)
{
    return *(const volatile uint8_t *)at;
}

uint32_t tpm_read32(const uint8_t *at)
{
    return *(const volatile uint32_t *)at;
}

void tpm_write8(uint8_t *at, uint8_t v)
{
    *(volatile uint8_t *)at = v;
}

void tpm_write32(uint8_t *at, uint32_t v)
{
    *(volatile uint32_t *)at = v;
}
