/* SPDX-License-Identifier: MIT */
/*
 * Secrets that a TPM opens: what it gives is the secret, or the key of a value that was encrypted
 * elsewhere. The values are OpenSSL's: key 00 .. 1f, a nonce of zeros, the name as additional data.
 */
#include "agent/services.h"
#include "platform/platform.h"
#include "proto/base64.h"
#include "tests/unit/fake_engine.h"
#include "tests/unit/unit.h"

#include <bearssl.h>

#include <stdio.h>
#include <stdlib.h>

#define CONN 3

#define SECRET "correct horse battery staple"
#define VALUE  "e9cwQ8iF0vF7Di4SymMsRozFloeYjSgojYiQd3kQOegN2/pS8FmWiYYDovU="
#define EMPTY  "GXcKyfR7DvuofIzuzy0WTg==" /* of no bytes */
#define NAME   "DB_PASSWORD"

static char reply[STEREOS_REPLY_MAX + 1];
static uint8_t key[32];

static int set_up(void **state)
{
    (void)state;
    fake_engine_reset();
    fake_engine.interface = "tis";
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    store_wipe();
    return 0;
}

/* The answer to the payload of such a message; NULL: there is none yet. */
static const char *ask(const char *payload)
{
    struct out o = out_to(reply, STEREOS_REPLY_MAX);
    char *line;

    int n = asprintf(&line, "{\"type\":\"inject_sealed_secret\",\"payload\":{%s}}", payload);
    assert_true(n > 0);
    bool answered = dispatch_line(CONN, line, (size_t)n, &o);
    free(line);
    reply[o.len] = '\0';
    return answered ? reply : NULL;
}

/* It is begun, and the TPM gives so many bytes. */
static const char *open_with(const char *payload, const void *content, size_t n)
{
    const struct bytes none = {0};

    assert_null(ask(payload));
    fake_engine_done((struct bytes){content, n}, none, none, 0);
    return ask(payload);
}

static bool is_stored(const char *name, const char *value, size_t n, uint32_t mode)
{
    struct store_blob blob;

    return store_get(STORE_SECRET, name, strlen(name), &blob) == MOTE_OK && blob.size == n &&
           memcmp(blob.data, value, n) == 0 && blob.mode == mode;
}

/* No secret is there, and nothing is left of one. */
static bool is_clean(void)
{
    struct store_name next;

    return store_next(STORE_SECRET, "", 0, &next) == MOTE_ERR_NOT_FOUND && store_residue() == 0;
}

#define PATH        "\"credential\":\"AANvbmU=\",\"secret\":\"AAN0d28=\""
#define NAMED(name) "\"name\":\"" name "\"," PATH
#define WITH(value) NAMED(NAME) ",\"value\":\"" value "\""
#define OK          "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"inject_sealed_secret\",\"ok\":true}}\n"
#define ERROR(error)                                                                               \
    "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"inject_sealed_secret\",\"ok\":false,\"error\":" \
    "\"" error "\"}}\n"
#define REFUSED(why) ERROR("write secret \\\"" NAME "\\\": " why)
#define WRONG        REFUSED("value was not made with this key for this name")

static void test_content_is_the_secret(void **state)
{
    (void)state;
    assert_null(ask(NAMED("A")));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_activate);
    assert_int_equal(fake_engine.op.in.index, TPM2_AIK_HANDLE);
    assert_true(fake_engine.op.in.a.n == 3 && memcmp(fake_engine.op.in.a.at, "one", 3) == 0);
    assert_true(fake_engine.op.in.b.n == 3 && memcmp(fake_engine.op.in.b.at, "two", 3) == 0);
    tpm_abandon(CONN);
    assert_string_equal(open_with(NAMED("A"), "hunter2", 7), OK);
    assert_true(is_stored("A", "hunter2", 7, 0600));
    assert_string_equal(open_with(NAMED("A") ",\"mode\":292", "new", 3), OK);
    assert_true(is_stored("A", "new", 3, 0444));
    assert_int_equal(store_residue(), 0);
}

static void test_sealed(void **state)
{
    static const char payload[] =
        "\"name\":\"A\",\"private\":\"b25l\",\"public\":\"dHdv\",\"pcrs\":\"0,7\"";
    (void)state;
    assert_null(ask(payload));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_unseal);
    assert_true(fake_engine.op.in.a.n == 3 && memcmp(fake_engine.op.in.a.at, "one", 3) == 0);
    assert_int_equal(fake_engine.op.in.pcrs.pcrs, 0x81);
    tpm_abandon(CONN);
    assert_string_equal(open_with(payload, "hunter2", 7), OK);
    assert_true(is_stored("A", "hunter2", 7, 0600));
}

static void test_value(void **state)
{
    (void)state;
    assert_string_equal(open_with(WITH(VALUE), key, 32), OK);
    assert_true(is_stored(NAME, SECRET, strlen(SECRET), 0600));
    assert_string_equal(open_with(WITH(EMPTY), key, 32), OK);
    assert_true(is_stored(NAME, "", 0, 0600));
    assert_int_equal(store_residue(), 0);
    /* what was sealed may be a key as well */
    assert_string_equal(
        open_with("\"name\":\"" NAME "\",\"value\":\"" VALUE "\",\"private\":\"\"", key, 32), OK);
    assert_true(is_stored(NAME, SECRET, strlen(SECRET), 0600));
}

/* As long as the store is large, less base64's part. */
static void test_long_value(void **state)
{
    enum { N = STORE_SIZE / 4 * 3 - 100 };
    static const uint8_t nonce[12];
    static char plain[N], value[N + 16], line[STORE_SIZE + 200];
    (void)state;
    for (size_t i = 0; i < N; i++)
        value[i] = plain[i] = (char)(i * 7 / 3);
    br_poly1305_ctmul_run(key, nonce, value, N, "L", 1, value + N, br_chacha20_ct_run, 1);
    struct out o = out_to(line, sizeof line - 1);
    out_str(&o, "\"name\":\"L\"," PATH ",\"value\":\"");
    out_base64(&o, value, sizeof value);
    out_str(&o, "\"");
    assert_false(o.overflow);
    assert_string_equal(open_with(line, key, 32), OK);
    assert_true(is_stored("L", plain, N, 0600));
    assert_int_equal(store_residue(), 0);
}

/* Whichever bit is wrong, of the ciphertext or the tag: nothing is stored, nothing is left. */
static void test_flipped_bits(void **state)
{
    char value[64], payload[300], text[100];
    struct base64_decoder d = {0};
    (void)state;
    long n = base64_decode(&d, VALUE, strlen(VALUE), value);
    assert_int_equal(n, strlen(SECRET) + 16);
    for (long i = 0; i < 8 * n; i++) {
        value[i / 8] = (char)(value[i / 8] ^ 1 << i % 8);
        text[base64_encode(text, value, (size_t)n)] = '\0';
        snprintf(payload, sizeof payload, NAMED(NAME) ",\"value\":\"%s\"", text);
        assert_string_equal(open_with(payload, key, 32), WRONG);
        assert_true(is_clean());
        value[i / 8] = (char)(value[i / 8] ^ 1 << i % 8);
    }
}

static void test_wrong_keys(void **state)
{
    uint8_t wrong[33] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] ^= 1;
        assert_string_equal(open_with(WITH(VALUE), key, 32), WRONG);
        key[i] ^= 1;
    }
    assert_string_equal(open_with(WITH(VALUE), key, 31),
                        REFUSED("the TPM holds no key of 32 bytes for it"));
    assert_string_equal(open_with(WITH(VALUE), wrong, 33),
                        REFUSED("the TPM holds no key of 32 bytes for it"));
    assert_true(is_clean());
}

/* A value is for its name alone: nobody can put one secret in the place of another. */
static void test_another_name(void **state)
{
    (void)state;
    assert_string_equal(open_with(NAMED("DB_PASSWORE") ",\"value\":\"" VALUE "\"", key, 32),
                        ERROR("write secret \\\"DB_PASSWORE\\\": value was not made with this key "
                              "for this name"));
    assert_true(is_clean());
}

/* An empty value is no missing one: the key must not be stored in the place of the secret. */
static void test_no_values(void **state)
{
    (void)state;
    assert_string_equal(open_with(WITH(""), key, 32), REFUSED("value is shorter than its tag"));
    assert_string_equal(open_with(WITH("GXcKyfR7DvuofIzuzy0W"), key, 32),
                        REFUSED("value is shorter than its tag"));
    assert_string_equal(open_with(WITH("GXcK*"), key, 32), REFUSED("value is no base64"));
    assert_string_equal(open_with(WITH("GXcKy"), key, 32), REFUSED("value is no base64"));
    assert_true(is_clean());
}

/* What was there before stays when what comes is wrong. */
static void test_old_one_stays(void **state)
{
    (void)state;
    assert_string_equal(open_with(WITH(VALUE), key, 32), OK);
    key[0] ^= 1;
    assert_string_equal(open_with(WITH(EMPTY), key, 32), WRONG);
    assert_true(is_stored(NAME, SECRET, strlen(SECRET), 0600));
    assert_int_equal(store_residue(), 0);
}

static void test_tpm_refuses(void **state)
{
    (void)state;
    assert_null(ask(NAMED("A")));
    fake_engine_fail(TPM_REFUSED, "tpm: no");
    assert_string_equal(ask(NAMED("A")), ERROR("tpm: no"));
    fake_engine.interface = NULL;
    assert_string_equal(ask(NAMED("A")), ERROR("tpm: there is no TPM: none was made"));
    assert_true(is_clean());
}

/* Without asking the TPM. */
static void test_wrong_requests(void **state)
{
    (void)state;
    assert_string_equal(ask(PATH), ERROR("secret name cannot be empty"));
    assert_string_equal(ask(NAMED("../A")),
                        ERROR("invalid secret name: \\\"../A\\\" (must be a simple filename)"));
    assert_string_equal(ask(NAMED("A\\u0000")),
                        ERROR("write secret \\\"A\\\\x00\\\": open: invalid argument"));
    assert_string_equal(ask("\"name\":\"" NAME "\""),
                        REFUSED("either a credential or what was sealed"));
    assert_string_equal(ask(NAMED(NAME) ",\"private\":\"AAAA\""),
                        REFUSED("either a credential or what was sealed"));
    assert_string_equal(ask("\"name\":\"A\",\"credential\":\"AAFhYg==\",\"secret\":\"AAFh\""),
                        ERROR("tpm: credential: its first two bytes are not the number of the "
                              "others"));
    assert_null(fake_engine.op.recipe);
}

/* Nobody waits for the answer any more, and yet it is done: hosts may send and leave. */
static void test_nobody_hears(void **state)
{
    static const char line[] = "{\"type\":\"inject_sealed_secret\",\"payload\":{" NAMED("A") "}}";
    const struct bytes none = {0};
    struct out o = out_to(reply, 0);
    (void)state;
    assert_false(dispatch_line(CONN, line, strlen(line), &o));
    fake_engine_done((struct bytes){"hunter2", 7}, none, none, 0);
    assert_true(dispatch_line(CONN, line, strlen(line), &o));
    assert_true(is_stored("A", "hunter2", 7, 0600));
}

static void test_full_store(void **state)
{
    static char line[STORE_SIZE * 2];
    (void)state;
    int n = snprintf(line, sizeof line, "%s", NAMED(NAME) ",\"value\":\"");
    memset(line + n, 'A', STORE_SIZE);
    strcpy(line + n + STORE_SIZE, "\"");
    open_with(line, key, 32);
    assert_non_null(strstr(reply, "write secret \\\"" NAME "\\\": store full: 65536 bytes wanted"));
    for (int i = 0; i <= STORE_ENTRIES; i++) {
        snprintf(line, sizeof line, "\"name\":\"%d\"," PATH, i);
        assert_int_equal(strcmp(open_with(line, key, 32), OK) == 0, i < STORE_ENTRIES);
    }
    assert_non_null(strstr(reply, "write secret \\\"64\\\": store full: 32 bytes wanted"));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_content_is_the_secret),
        TEST(test_sealed),
        TEST(test_value),
        TEST(test_long_value),
        TEST(test_flipped_bits),
        TEST(test_wrong_keys),
        TEST(test_another_name),
        TEST(test_no_values),
        TEST(test_old_one_stays),
        TEST(test_tpm_refuses),
        TEST(test_wrong_requests),
        TEST(test_nobody_hears),
        TEST(test_full_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
