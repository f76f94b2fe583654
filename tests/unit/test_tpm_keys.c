/* SPDX-License-Identifier: MIT */
/* The keys that an operation needs: where they are looked for, how they are made and kept. */
#include "agent/measure.h"
#include "agent/tpm_engine.h"
#include "drivers/tpm.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/fake_tpm.h"
#include "tests/unit/unit.h"

#define S         UINT64_C(1000000000)
#define LENGTH(a) (sizeof(a) / sizeof(a)[0])

static const char *keys_option;

const char *platform_option(const char *key, const char *after, size_t *len)
{
    if (strcmp(key, "mote.tpm_keys") != 0 || keys_option == NULL || after == keys_option)
        return NULL;
    *len = strlen(keys_option);
    return keys_option;
}

bool measure_is_owed(void)
{
    return false;
}

/* -- recipes that need keys and do nothing with them */

static const struct tpm_step no_steps[] = {{0}};
static const struct tpm_recipe of_ek = {.name = "ek", .keys = {TPM2_EK_HANDLE}, .steps = no_steps};
static const struct tpm_recipe of_index = {
    .name = "index", .keys = {TPM2_EK_HANDLE, TPM_KEY_OF_INDEX}, .steps = no_steps};

#define NO_HANDLE 0x18b
#define TRANSIENT 0x80000000u

/* A public area, a name, and, of ReadPublic, the qualified name that nobody asks for. */
static const uint8_t there[] = {0, 3, 'e', 'k', '!', 0, 4, 'n', 'a', 'm', 'e', 0, 1, 'q'};
/* The same of a key that is made: creation data, their digest and a ticket stand between. */
static const uint8_t made[] = {0,    2, 'p', 'k', 0, 3, 'c', 'd', 'a', 0, 2,   'h', 'h', 0x80, 0x21,
                               0x40, 0, 0,   0xb, 0, 2, 't', 't', 0,   5, 'n', 'a', 'm', 'e',  '2'};

#define BYTES(b) .parameters = b, .n = sizeof b

static void expect(enum tpm_cc code, uint32_t rc)
{
    const struct fake_tpm_answer a = {.code = code, .rc = rc};

    fake_tpm_expect(&a, 1);
}

static void expect_there(void)
{
    const struct fake_tpm_answer a = {.code = TPM_CC_READ_PUBLIC, BYTES(there)};

    fake_tpm_expect(&a, 1);
}

static void expect_made(uint32_t handle)
{
    const struct fake_tpm_answer a = {.code = TPM_CC_CREATE_PRIMARY, .handle = handle, BYTES(made)};

    fake_tpm_expect(&a, 1);
}

/* The operation, and it has left nothing. */
static struct tpm_op *run(const struct tpm_recipe *recipe, uint32_t index)
{
    const struct tpm_input in = {.index = index};
    char error[64];
    struct out o = out_to(error, sizeof error);
    struct tpm_op *op = tpm_begin(0, recipe, &in, &o);

    assert_non_null(op);
    tpm_tick(fake_now);
    assert_false(tpm_is_busy());
    assert_int_equal(fake_tpm_expected(), 0);
    assert_int_equal(fake_tpm_loaded(), 0);
    return op;
}

static uint32_t handle_at(size_t at)
{
    const uint8_t *b = fake_tpm_command + at;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void assert_key(const struct tpm_op *op, size_t key, const char *area, const char *name)
{
    struct bytes a = tpm_key_public(op, key), n = tpm_key_name(op, key);

    assert_int_equal(a.n, strlen(area));
    assert_memory_equal(a.at, area, a.n);
    assert_int_equal(n.n, strlen(name));
    assert_memory_equal(n.at, name, n.n);
}

static int begin(const char *option)
{
    fake_tpm_reset();
    fake_now += 1000 * S;
    keys_option = option;
    tpm_abandon(0);
    return tpm_begin_use();
}

static int start(void **state)
{
    (void)state;
    return begin(NULL);
}

static int start_persistent(void **state)
{
    (void)state;
    return begin("persistent");
}

static void test_there(void **state)
{
    (void)state;
    expect_there();
    struct tpm_op *op = run(&of_ek, 0);
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(op->key[0].handle, TPM2_EK_HANDLE);
    assert_false(op->key[0].is_transient);
    assert_key(op, 0, "ek!", "name");
    assert_int_equal(op->key[1].handle, 0);
    tpm_free(op);
}

/* Where manufacturers leave it: only the EK is looked for there. */
static void test_tcg_handle(void **state)
{
    (void)state;
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect_there();
    expect(TPM_CC_READ_PUBLIC, TPM_RC_REFERENCE_H0);
    expect_made(TRANSIENT);
    struct tpm_op *op = run(&of_index, TPM2_SRK_HANDLE);
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(op->key[0].handle, TPM2_TCG_EK_HANDLE);
    assert_int_equal(op->key[1].handle, TRANSIENT);
    assert_true(op->key[1].is_transient);
    assert_key(op, 0, "ek!", "name");
    assert_key(op, 1, "pk", "name2");
    tpm_free(op);
}

static void test_made_for_the_operation(void **state)
{
    (void)state;
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect_made(TRANSIENT);
    struct tpm_op *op = run(&of_ek, 0);
    assert_int_equal(op->status, TPM_DONE);
    assert_true(op->key[0].is_transient);
    assert_key(op, 0, "pk", "name2");
    assert_int_equal(handle_at(TPM2_HEADER_SIZE), TRANSIENT); /* of the last: FlushContext */
    tpm_free(op);
}

/* No other operation has room for it while it is there twice. */
static void test_kept(void **state)
{
    static const struct fake_tpm_answer evict = {.code = TPM_CC_EVICT_CONTROL};
    static const struct fake_tpm_answer flush = {.code = TPM_CC_FLUSH_CONTEXT};

    (void)state;
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect_made(TRANSIENT);
    fake_tpm_expect(&evict, 1);
    fake_tpm_expect(&flush, 1);
    expect_there();
    struct tpm_op *op = run(&of_index, TPM2_AIK_HANDLE);
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(op->key[0].handle, TPM2_EK_HANDLE);
    assert_false(op->key[0].is_transient);
    assert_key(op, 0, "pk", "name2");
    assert_int_equal(op->key[1].handle, TPM2_AIK_HANDLE);
    assert_int_equal(fake_tpm_commands, 6);
    tpm_free(op);
}

static void test_not_kept(void **state)
{
    (void)state;
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect_made(TRANSIENT);
    expect(TPM_CC_EVICT_CONTROL, 0x14b); /* TPM_RC_NV_SPACE */
    expect_there();
    struct tpm_op *op = run(&of_index, TPM2_AIK_HANDLE);
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(op->key[0].handle, TRANSIENT);
    assert_true(op->key[0].is_transient);
    tpm_free(op);
}

static void test_no_template(void **state)
{
    (void)state;
    expect_there();
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    struct tpm_op *op = run(&of_index, 0x81000009);
    assert_int_equal(op->status, TPM_REFUSED);
    assert_int_equal(op->rc, TPM_RC_HANDLE);
    assert_string_equal(op->error, "tpm: there is no key 0x81000009");
    tpm_free(op);
}

static void test_refused(void **state)
{
    (void)state;
    expect(TPM_CC_READ_PUBLIC, 0x184);
    struct tpm_op *op = run(&of_ek, 0);
    assert_int_equal(op->status, TPM_REFUSED);
    assert_string_equal(op->error, "tpm: ReadPublic: TPM_RC_VALUE of handle 1 (0x184)");
    tpm_free(op);
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect(TPM_CC_CREATE_PRIMARY, 0x907);
    op = run(&of_ek, 0);
    assert_int_equal(op->status, TPM_REFUSED);
    assert_string_equal(op->error, "tpm: CreatePrimary: TPM_RC_LOCALITY (0x907)");
    tpm_free(op);
}

/* A key that a TPM of this world can't have; that it made one is still not forgotten. */
static void test_nonsense(void **state)
{
    static uint8_t long_area[2 + TPM2_PUBLIC_MAX + 1 + 3];
    static uint8_t long_name[3 + 2 + TPM2_DIGEST_MAX + 3];
    static const struct {
        const void *bytes;
        size_t n;
    } cases[] = {
        {"", 0},
        {"\0\0\0\1n", 5},
        {"\0\1p\0\0", 5},
        {"\0\1p\0\2n", 6},
        {long_area, sizeof long_area},
        {long_name, sizeof long_name},
    };

    (void)state;
    memcpy(long_area, (uint8_t[]){(TPM2_PUBLIC_MAX + 1) >> 8, (TPM2_PUBLIC_MAX + 1) & 0xff}, 2);
    long_area[sizeof long_area - 2] = 1;
    memcpy(long_name, (uint8_t[]){0, 1, 'p', 0, 2 + TPM2_DIGEST_MAX + 1}, 5);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct fake_tpm_answer a = {
            .code = TPM_CC_READ_PUBLIC, .parameters = cases[i].bytes, .n = cases[i].n};
        fake_tpm_expect(&a, 1);
        struct tpm_op *op = run(&of_ek, 0);
        assert_int_equal(op->status, TPM_FAILED);
        tpm_free(op);
    }
    const struct fake_tpm_answer empty = {.code = TPM_CC_CREATE_PRIMARY, .handle = TRANSIENT};
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    expect(TPM_CC_READ_PUBLIC, NO_HANDLE);
    fake_tpm_expect(&empty, 1);
    struct tpm_op *op = run(&of_ek, 0);
    assert_int_equal(op->status, TPM_FAILED);
    tpm_free(op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_there, start),
        cmocka_unit_test_setup(test_tcg_handle, start),
        cmocka_unit_test_setup(test_made_for_the_operation, start),
        cmocka_unit_test_setup(test_kept, start_persistent),
        cmocka_unit_test_setup(test_not_kept, start_persistent),
        cmocka_unit_test_setup(test_no_template, start),
        cmocka_unit_test_setup(test_refused, start),
        cmocka_unit_test_setup(test_nonsense, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
