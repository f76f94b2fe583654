/* SPDX-License-Identifier: MIT */
/*
 * A TPM's registers that a model in the test serves, and a caller that takes a command from its
 * start to its end. Time is the model's: it passes only while the caller waits, and by a
 * microsecond for each access.
 */
#ifndef TESTS_UNIT_TPM_REGISTERS_H
#define TESTS_UNIT_TPM_REGISTERS_H

#include "drivers/tpm_driver.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#define BASE      UINT64_C(0xfed40000)
#define US        UINT64_C(1000)
#define MS        (1000 * US)
#define SECOND    (1000 * MS)
#define LOOKS_MAX 100000u    /* of a command: it ends */
#define POLL_MAX  (400 * US) /* of accesses in one tpm_poll() */
#define ONES      UINT32_MAX

/* Nobody reads or writes this memory: its addresses are the registers'. */
static _Alignas(TPM_REGISTERS) uint8_t window[2 * TPM_REGISTERS]; /* the second page is elsewhere */
static struct platform_tpm place;
static bool is_mapped;
static uint32_t accesses, vanishes_at; /* from this access on all is ones */

static uint32_t model_read(uint32_t offset, size_t size);
static void model_write(uint32_t offset, uint32_t v, size_t size);

struct platform_tpm platform_tpm(void)
{
    return place;
}

static bool is_there(void)
{
    fake_now += US;
    return accesses++ < vanishes_at;
}

static uint32_t read_at(const uint8_t *at, size_t size)
{
    uint32_t v = is_there() ? model_read((uint32_t)(at - window), size) : ONES;

    assert_int_equal((uintptr_t)(at - window) % size, 0);
    return v;
}

static void write_at(uint8_t *at, uint32_t v, size_t size)
{
    assert_int_equal((uintptr_t)(at - window) % size, 0);
    if (is_there())
        model_write((uint32_t)(at - window), v, size);
}

#include "tests/unit/tpm_accesses.h"

static void reset_registers(void)
{
    place = (struct platform_tpm){.base = BASE};
    is_mapped = true;
    accesses = 0;
    vanishes_at = UINT32_MAX;
    fake_now = SECOND;
}

/* --- a command, and what is to come back --- */

static uint8_t buffer[TPM_BUFFER_SIZE];
static uint32_t looks;     /* of the last command */
static uint64_t last_took; /* its time */

/* Bytes of a message whose header says said; the rest counts. */
static void make_message(uint8_t *to, size_t n, uint32_t said)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(i * 7 + i / 256);
    to[0] = 0x80;
    to[1] = 0x01;
    for (int i = 0; i < 4; i++)
        to[2 + i] = (uint8_t)(said >> (24 - 8 * i));
}

/* Goes on until it ends, no sooner than it is asked to come back. */
static int poll_until_end(uint64_t deadline)
{
    int result;

    for (looks = 1;; looks++) {
        uint64_t began = fake_now;
        result = tpm_poll();
        assert_true(fake_now - began < POLL_MAX); /* it does not wait */
        if (result != MOTE_ERR_AGAIN)
            return result;
        assert_true(looks < LOOKS_MAX);
        assert_true(tpm_poll_again() >= began && tpm_poll_again() <= deadline + 5 * MS);
        if (tpm_poll_again() > fake_now)
            fake_now = tpm_poll_again();
    }
}

static int run_for(size_t n, uint64_t time)
{
    uint64_t began = fake_now;

    make_message(buffer, n, (uint32_t)n);
    assert_int_equal(tpm_start(buffer, n, began + time), MOTE_OK);
    int result = poll_until_end(began + time);
    assert_int_equal(tpm_poll(), result); /* and stays so */
    tpm_finish();
    last_took = fake_now - began;
    return result;
}

static int run(size_t n)
{
    return run_for(n, 10 * SECOND);
}

static void expect_fault(int result, int error, const char *sentence)
{
    assert_int_equal(result, error);
    assert_string_equal(tpm_fault(), sentence);
}

#endif
