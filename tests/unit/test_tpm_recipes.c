/* SPDX-License-Identifier: MIT */
/* What the TPM is asked by each recipe, what its answers give, and what is refused before it is
 * asked. */
#include "tests/unit/tpm_play.h"

/* -- what goes well */

static void test_info(void **state)
{
    const struct tpm_op *op = run_well(&info);
    struct tpm_facts f;

    (void)state;
    assert_int_equal(op->out.a.n, sizeof f);
    memcpy(&f, op->out.a.at, sizeof f);
    assert_string_equal(f.manufacturer, "IBM");
    assert_string_equal(f.vendor, "SW   TPM");
    assert_int_equal(f.firmware[0], 0x20191023);
    assert_int_equal(f.firmware[1], 0x00163636);
    assert_int_equal(f.revision, 164);
    assert_int_equal(f.banks[0], TPM_ALG_SHA256);
    assert_int_equal(f.banks[1], 0);
    assert_true(f.is_locked_out);
    assert_int_equal(f.objects, 1);
    assert_int_equal(f.sessions, 2);
    end();
}

static void test_keys(void **state)
{
    const struct tpm_op *op = run_well(&credential_params);

    (void)state;
    assert_int_equal(tpm_key_public(op, 0).n, 314);
    assert_int_equal(tpm_key_public(op, 1).n, 280);
    assert_bytes(tpm_key_name(op, 1), NAME + 2, sizeof NAME - 3);
    end();
    assert_int_equal(tpm_key_public(run_well(&public_area), 0).n, 86);
    end();
}

/* Bytes 1 to 4 of 5; behind the end there is nothing. */
static void test_certificate(void **state)
{
    struct script s = ek;
    const struct tpm_op *op = run_well(&s);

    (void)state;
    assert_holds(op->out.b, "ert!");
    assert_int_equal(op->out.number, 5);
    end();
    s.in.number = 5;
    s.answers[2].code = 0;
    op = run_well(&s);
    assert_holds(op->out.b, "");
    assert_int_equal(op->out.number, 5);
    end();
}

static void test_no_certificate(void **state)
{
    struct script s = ek;

    (void)state;
    s.answers[1] = (struct fake_tpm_answer)REFUSAL(TPM_CC_NV_READ_PUBLIC, NO_HANDLE);
    s.answers[2].code = 0;
    const struct tpm_op *op = run_well(&s);
    assert_holds(op->out.b, "");
    assert_int_equal(op->out.number, 0);
    end();
}

static void test_nv(void **state)
{
    (void)state;
    assert_holds(run_well(&nv_read)->out.a, "cert!");
    assert_command_begins("\x80\2\0\0\0\x23\0\0\1\x4e"
                          "\x40\0\0\1"
                          "\1\xc0\0\2");
    end();
    struct script s = nv_read;
    s.answers[0] = (struct fake_tpm_answer)ANSWER(TPM_CC_NV_READ_PUBLIC, NV_PUBLIC);
    assert_holds(run_well(&s)->out.a, "cert!");
    assert_command_begins("\x80\2\0\0\0\x23\0\0\1\x4e"
                          "\1\xc0\0\2"
                          "\1\xc0\0\2");
    end();
    /* Who may be asked is asked first: the owner may have a password. */
    s.answers[0] = (struct fake_tpm_answer)ANSWER(TPM_CC_NV_READ_PUBLIC, NV_PUBLIC_BOTH);
    run_well(&s);
    assert_command_begins("\x80\2\0\0\0\x23\0\0\1\x4e"
                          "\1\xc0\0\2");
    end();
}

static void test_credential(void **state)
{
    struct script s = activate;

    (void)state;
    assert_holds(run_well(&s)->out.a, "content");
    end();
    /* Any key with userWithAuth can stand for an EK that was made in another way. */
    s.answers[0].handle = TPM2_SRK_HANDLE;
    s.answers[2] = s.answers[4];
    s.answers[3].code = 0;
    assert_holds(run_well(&s)->out.a, "content");
    end();
}

static void test_signatures(void **state)
{
    (void)state;
    assert_holds(run_well(&sign_message)->out.a, SIGNATURE);
    assert_command_ends("\0\x10"
                        "\x80\x24\x40\0\0\1\0\6TICKET");
    end();
    assert_holds(run_well(&sign_digest)->out.a, "\0\x18\0\x0b\0\1R\0\1S");
    assert_command_ends(DIGEST("d") "\0\x18\0\x0b"
                                    "\x80\x24\x40\0\0\7\0\0");
    end();
    const struct tpm_op *op = run_well(&certify);
    assert_holds(op->out.a, "ATTEST");
    assert_holds(op->out.b, SIGNATURE);
    end();
}

static void test_random(void **state)
{
    (void)state;
    assert_holds(run_well(&random_bytes)->out.a, "rando");
    end();
}

static void test_pcrs(void **state)
{
    const struct tpm_op *op = run_well(&pcr_read);

    (void)state;
    assert_holds(op->out.a, DIGEST("a") DIGEST("b") DIGEST("c"));
    assert_int_equal(op->out.number, 1 << 0 | 1 << 7 | 1 << 16);
    end();
    run_well(&pcr_extend);
    assert_command_ends("\0\0\0\1"
                        "\0\x0b" DIGEST("d"));
    end();
}

static void test_quote(void **state)
{
    const struct tpm_op *op = run_well(&quote);

    (void)state;
    assert_holds(op->out.a, "ATTEST");
    assert_holds(op->out.b, SIGNATURE);
    assert_holds(op->out.c, DIGEST("a") DIGEST("b") DIGEST("c"));
    assert_int_equal(op->out.number, 1 << 0 | 1 << 7 | 1 << 16);
    end();
}

static void test_sealed(void **state)
{
    static const struct script *const sealing[] = {&seal, &seal_to_pcrs};
    static const struct script *const opening[] = {&unseal, &unseal_from_pcrs};

    (void)state;
    for (size_t i = 0; i < COUNT(sealing); i++) {
        const struct tpm_op *op = run_well(sealing[i]);
        assert_holds(op->out.a, "PRIVATE");
        assert_holds(op->out.b, "PUBLIC");
        end();
        assert_holds(run_well(opening[i])->out.a, "bytes");
        end();
    }
}

/* -- what is refused, by whom */

static void test_refused_input(void **state)
{
    static char long_data[TPM2_MAX_BUFFER + 1];
    static const struct {
        struct script script; /* up to the command that is not sent any more */
        const char *error;
    } cases[] = {
        {{&tpm_recipe_random, {.number = 0}, {{0}}}, "tpm: 1 to 1024 bytes are random, not 0"},
        {{&tpm_recipe_random, {.number = 1025}, {{0}}},
         "tpm: 1 to 1024 bytes are random, not 1025"},
        {{&tpm_recipe_pcr_extend, {.number = 24, .pcrs = {TPM_ALG_SHA256, 0}}, {{0}}},
         "tpm: PCRs are 0 to 23, not 24"},
        {{&tpm_recipe_pcr_extend,
          {.number = 1, .pcrs = {TPM_ALG_SHA256, 0}, .a = BYTES("x")},
          {{0}}},
         "tpm: a digest of that bank has 32 bytes, not 1"},
        {{&tpm_recipe_sign, {.index = TPM2_ECDH_HANDLE, .a = BYTES("x")}, {KEY(TPM2_ECDH_HANDLE)}},
         "tpm: that key signs a digest of 32 bytes, not 1"},
        {{&tpm_recipe_sign,
          {.index = TPM2_AIK_HANDLE, .a = {long_data, sizeof long_data}},
          {KEY(TPM2_AIK_HANDLE)}},
         "tpm: a key that is restricted signs at most 1024 bytes"},
        {{&tpm_recipe_sign, {.index = TPM2_SRK_HANDLE, .a = BYTES("x")}, {KEY(TPM2_SRK_HANDLE)}},
         "tpm: key 0x81000002 does not sign"},
        {{&tpm_recipe_seal, {.number = 0}, {KEY(TPM2_SRK_HANDLE)}},
         "tpm: 1 to 128 bytes can be sealed, not 0"},
        {{&tpm_recipe_seal, {.a = {long_data, TPM2_SEALED_MAX + 1}}, {KEY(TPM2_SRK_HANDLE)}},
         "tpm: 1 to 128 bytes can be sealed, not 129"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_fails(&cases[i].script, cases[i].error);
}

/* A TPM takes what it does not have as not named: then it would seal to nothing, and extend
 * nothing, and say that all is well. */
static void test_no_pcr(void **state)
{
    struct script s = pcr_extend;

    (void)state;
    s.answers[1].code = 0;
    s.in.number = 8;
    assert_fails(&s, "tpm: pcr_extend: the TPM has no such PCR in a bank of sha256");
    s.in = (struct tpm_input){.pcrs = {TPM_ALG_SHA1, 1}, .a = BYTES("12345678901234567890")};
    assert_fails(&s, "tpm: pcr_extend: the TPM has no such PCR in a bank of sha1");
    s.recipe = &tpm_recipe_pcr_read;
    assert_fails(&s, "tpm: pcr_read: the TPM has no such PCR in a bank of sha1");
    s = seal_to_pcrs;
    s.in.pcrs.pcrs |= 1 << 8;
    s.answers[2].code = 0;
    assert_fails(&s, "tpm: the TPM does not have all of these PCRs");
}

static void test_no_index(void **state)
{
    struct script s = nv_read;

    (void)state;
    s.answers[1].code = 0;
    s.answers[0] = (struct fake_tpm_answer)REFUSAL(TPM_CC_NV_READ_PUBLIC, NO_HANDLE);
    assert_fails(&s, "tpm: there is no index 0x01c00002");
    s.answers[0] = (struct fake_tpm_answer)ANSWER(TPM_CC_NV_READ_PUBLIC, NV_PUBLIC_LARGE);
    assert_fails(&s, "tpm: index 0x01c00002 has 2049 bytes, more than 2048");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_certificate), cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_nv),          cmocka_unit_test(test_credential),
        cmocka_unit_test(test_signatures),  cmocka_unit_test(test_random),
        cmocka_unit_test(test_pcrs),        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_sealed),      cmocka_unit_test(test_refused_input),
        cmocka_unit_test(test_no_pcr),      cmocka_unit_test(test_no_index),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
