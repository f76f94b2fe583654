/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_tpm.h"

#include "drivers/tpm.h"
#include "platform/platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define LOADED_MAX 16

const char *fake_tpm_path = "fake";
int fake_tpm_polls;
bool fake_tpm_refuses;
size_t fake_tpm_commands;
uint8_t fake_tpm_command[TPM_BUFFER_SIZE];
size_t fake_tpm_command_len;

static struct fake_tpm_answer expected[64];
static size_t expected_first, expected_end;

static uint32_t loaded[LOADED_MAX];
static size_t loaded_count;

static uint8_t *buffer;
static bool is_under_way;
static struct fake_tpm_answer now;
static uint64_t now_deadline;

void fake_tpm_reset(void)
{
    fake_tpm_path = "fake";
    fake_tpm_polls = 0;
    fake_tpm_refuses = false;
    fake_tpm_commands = fake_tpm_command_len = 0;
    expected_first = expected_end = loaded_count = 0;
    is_under_way = false;
}

void fake_tpm_expect(const struct fake_tpm_answer *answers, size_t n)
{
    if (expected_first == expected_end)
        expected_first = expected_end = 0;
    assert_in_range(expected_end + n, 0, sizeof expected / sizeof expected[0]);
    memcpy(expected + expected_end, answers, n * sizeof answers[0]);
    expected_end += n;
}

size_t fake_tpm_expected(void)
{
    return expected_end - expected_first;
}

size_t fake_tpm_loaded(void)
{
    return loaded_count;
}

bool fake_tpm_is_wiped(void)
{
    for (size_t i = 0; i < TPM_BUFFER_SIZE; i++)
        if (buffer[i] != 0)
            return false;
    return true;
}

/* -- what was handed out */

static uint32_t handle_of_command(void)
{
    const uint8_t *at = fake_tpm_command + TPM2_HEADER_SIZE;

    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t place_of(uint32_t handle)
{
    size_t i = 0;

    while (i < loaded_count && loaded[i] != handle)
        i++;
    return i;
}

static void flush(uint32_t handle)
{
    size_t i = place_of(handle);

    assert_in_range(i + 1, 1, loaded_count); /* it was loaded */
    loaded[i] = loaded[--loaded_count];
}

/* -- the transport */

const char *tpm_open(void)
{
    return fake_tpm_path;
}

bool tpm_is_ours(void)
{
    return true;
}

const char *tpm_fault(void)
{
    return fake_tpm_path == NULL ? "open fake: no such file" : "what the fake says";
}

static void take_expected(enum tpm_cc code)
{
    bool is_by_itself = code == TPM_CC_STARTUP || code == TPM_CC_FLUSH_CONTEXT;

    now = (struct fake_tpm_answer){.code = code, .polls = fake_tpm_polls};
    if (expected_first < expected_end && expected[expected_first].code == code)
        now = expected[expected_first++];
    else if (!is_by_itself && fake_tpm_refuses)
        now.rc = TPM_RC_LOCKOUT;
    else if (!is_by_itself)
        fail_msg("%s was not expected", tpm2_command_name(code));
}

int tpm_start(void *command, size_t n, uint64_t deadline)
{
    assert_false(is_under_way);
    assert_int_equal(tpm2_size(command, n), n);
    assert_true(deadline > platform_now_ns());
    take_expected(tpm2_command_code(command));
    buffer = command;
    memcpy(fake_tpm_command, command, n);
    fake_tpm_command_len = n;
    fake_tpm_commands++;
    now_deadline = deadline;
    is_under_way = !now.is_start_error;
    return now.is_start_error ? now.error : MOTE_OK;
}

static void put(size_t *at, uint64_t v, size_t n)
{
    while (n-- > 0)
        buffer[(*at)++] = (uint8_t)(v >> 8 * n);
}

static void put_bytes(size_t *at, const void *bytes, size_t n)
{
    if (n != 0)
        memcpy(buffer + *at, bytes, n);
    *at += n;
}

/* The answer to a command with one authorization has one, too: empty, of an empty password. */
static size_t write_answer(void)
{
    bool is_ok = now.rc == TPM_RC_SUCCESS;
    bool has_auth = is_ok && fake_tpm_command[1] == (TPM_ST_SESSIONS & 0xff);
    size_t auths = now.code == TPM_CC_ACTIVATE_CREDENTIAL || now.code == TPM_CC_CERTIFY ? 2 : 1;
    size_t at = TPM2_HEADER_SIZE, header = 0;

    if (is_ok && now.handle != 0)
        put(&at, now.handle, 4);
    if (has_auth)
        put(&at, now.n, 4);
    if (is_ok)
        put_bytes(&at, now.parameters, now.n);
    if (has_auth)
        for (size_t i = 0; i < auths; i++)
            put(&at, 1 << 16, 5);
    put(&header, has_auth ? TPM_ST_SESSIONS : TPM_ST_NO_SESSIONS, 2);
    put(&header, at, 4);
    put(&header, now.rc, 4);
    return at;
}

static size_t answer(void)
{
    size_t n = 0;

    if (now.is_raw) {
        put_bytes(&n, now.parameters, now.n);
        return n;
    }
    if (now.rc == TPM_RC_SUCCESS && now.handle != 0) {
        assert_in_range(loaded_count, 0, LOADED_MAX - 1);
        loaded[loaded_count++] = now.handle;
    }
    if (now.rc == TPM_RC_SUCCESS && now.code == TPM_CC_FLUSH_CONTEXT)
        flush(handle_of_command());
    return write_answer();
}

int tpm_poll(void)
{
    assert_true(is_under_way);
    if (now.polls == FAKE_TPM_NEVER)
        return platform_now_ns() < now_deadline ? MOTE_ERR_AGAIN : MOTE_ERR_TIMEOUT;
    if (now.polls-- > 0)
        return MOTE_ERR_AGAIN;
    return now.error != 0 ? now.error : (int)answer();
}

uint64_t tpm_poll_again(void)
{
    return now.polls == FAKE_TPM_NEVER ? now_deadline : platform_now_ns() + 1000000;
}

void tpm_finish(void)
{
    is_under_way = false;
}
