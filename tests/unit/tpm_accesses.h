/* SPDX-License-Identifier: MIT */
/*
 * The accesses of a TPM's driver (drivers/tpm_driver.h), for a model of its registers: whoever
 * includes this has defined what they come to.
 *
 *     static uint32_t read_at(const uint8_t *at, size_t size);
 *     static void write_at(uint8_t *at, uint32_t v, size_t size);
 */
#ifndef TESTS_UNIT_TPM_ACCESSES_H
#define TESTS_UNIT_TPM_ACCESSES_H

uint8_t tpm_read8(const uint8_t *at)
{
    return (uint8_t)read_at(at, 1);
}

uint32_t tpm_read32(const uint8_t *at)
{
    return read_at(at, 4);
}

void tpm_write8(uint8_t *at, uint8_t v)
{
    write_at(at, v, 1);
}

void tpm_write32(uint8_t *at, uint32_t v)
{
    write_at(at, v, 4);
}

#endif
