/* SPDX-License-Identifier: MIT */
/* Tests of proto/vcom_serve.h, and of what proto/vcom.h has for who serves. */
#include "tests/unit/unit.h"
#include "tests/unit/vcom_rows.h"

#include "proto/tpm2.h"

#include <stdio.h>
#include <stdlib.h>

static void assert_bytes(struct bytes b, const void *expected, size_t n)
{
    assert_int_equal(b.n, n);
    assert_memory_equal(b.at, expected, n);
}

static void assert_text(struct bytes b, const char *text)
{
    assert_bytes(b, text, strlen(text));
}

/* --- JSON --- */

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < VCOM_ROWS; i++) {
        size_t n = vcom_row_size(&vcom_rows[i]);
        char *copy = malloc(n);
        memcpy(copy, vcom_rows[i].read, n);
        if (vcom_asks_ek(copy, n) != vcom_rows[i].is_taken)
            fail_msg("%s", vcom_rows[i].read);
        assert_true(vcom_is_json(*copy));
        free(copy);
    }
}

static void test_generations(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool is_json = c != 0 && strchr("{[\"-0123456789tfn \t\r\n\xef", c) != NULL;
        assert_int_equal(vcom_is_json((char)c), is_json);
    }
    for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"; *c != '\0'; c++)
        assert_false(vcom_is_json(*c)); /* of a method */
}

static void test_packet(void **state)
{
    char text[64];
    struct out o = out_to(text, sizeof text);
    (void)state;
    vcom_write_packet_ek(&o, (struct bytes){"\0\1\0\x0b\0\3\0\xb2", 8});
    assert_text((struct bytes){text, o.len}, "{\"channel\":2,\"ek\":\"AAEACwADALI=\"}");
    assert_int_equal(sizeof VCOM_JSON_ERROR - 1, 49);
}

/* --- messages --- */

static void test_paths(void **state)
{
    static const char *const none[] = {"", "/", "/tpm", "/tpm/ek", "/tpm/getpub/", "/TPM/getpub"};
    enum vcom_kind kind;
    (void)state;
    for (int k = VCOM_GETPUB; k <= VCOM_CERTIFYKEY; k++) {
        const char *path = vcom_path((enum vcom_kind)k);
        assert_true(vcom_kind_at((struct bytes){path, strlen(path)}, &kind));
        assert_int_equal(kind, k);
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(vcom_kind_at((struct bytes){none[i], strlen(none[i])}, &kind));
}

static void test_requests_are_read_as_they_are_written(void **state)
{
    char body[128];
    (void)state;
    for (int k = VCOM_GETPUB; k <= VCOM_CERTIFYKEY; k++) {
        struct vcom_request r = {.kind = (enum vcom_kind)k, .index = 0x81000003};
        struct vcom_request got;
        if (k == VCOM_SIGN)
            r.data = (struct bytes){"test data", 9};
        if (k == VCOM_ACTIVATECRED) {
            r.cred = (struct bytes){"\0\1c", 3};
            r.secret = (struct bytes){"\0\2se", 4};
        }
        struct out o = out_to(body, sizeof body);
        vcom_write_request(&o, &r);
        assert_true(vcom_read_request(r.kind, body, o.len, &got));
        assert_true(got.kind == r.kind && got.index == r.index);
        assert_bytes(got.data, r.data.at, r.data.n);
        assert_bytes(got.cred, r.cred.at, r.cred.n);
        assert_bytes(got.secret, r.secret.at, r.secret.n);
        for (size_t n = 1; n < o.len; n++) /* what ends within a field is none */
            if (vcom_read_request(r.kind, body, n, &got))
                assert_true(k == VCOM_SIGN || k == VCOM_ACTIVATECRED);
    }
}

static void test_fields_that_mean_nothing(void **state)
{
    /* fields 1 and 2 of other types, field 9; field 1 twice, with more than 32 bits */
    static const char body[] = "\x0a\1x\x10\5\x48\1\x0d\1\2\3\4\x08\1\x08\x82\x80\x80\x80\x10";
    struct vcom_request r;
    (void)state;
    assert_true(vcom_read_request(VCOM_SIGN, body, sizeof body - 1, &r));
    assert_true(r.index == 2 && r.data.n == 0);
    assert_true(vcom_read_request(VCOM_GETPUB, "", 0, &r));
    assert_true(r.index == 0 && r.kind == VCOM_GETPUB);
    assert_true(vcom_read_request(VCOM_GETPUB, "\x12\1x", 3, &r));
    assert_int_equal(r.data.n, 0);
    assert_false(vcom_read_request(VCOM_GETPUB, "\x0b", 1, &r));
}

static void test_answers(void **state)
{
    struct vcom_answer a = {.kind = VCOM_GETPUB}, got;
    char body[64], why[64];
    struct out o = out_to(body, sizeof body), error = out_to(why, sizeof why);
    (void)state;
    a.value[0].bytes = (struct bytes){"public", 6};
    a.value[1].number = 0x23;
    vcom_write_message(&o, &a);
    assert_text((struct bytes){body, o.len}, "\x0a\6public\x10\x23");
    assert_true(vcom_read_answer(VCOM_GETPUB, 1, body, o.len, &got, &error));
    assert_bytes(got.value[0].bytes, "public", 6);
    assert_true(got.value[1].number == 0x23 && got.value[2].number == 0);
    a = (struct vcom_answer){.kind = VCOM_SIGN, .value[5].bytes = {"SHA1", 4}}; /* the last one */
    o = out_to(body, sizeof body);
    vcom_write_message(&o, &a);
    assert_text((struct bytes){body, o.len}, "\x32\4SHA1");
}

/* --- refusals --- */

static void test_what_is_eves_own(void **state)
{
    static const struct {
        uint32_t index;
        const char *text;
    } own[] = {
        {0x1800000, "reading NV index 1800000 is not allowed"},
        {0x1900000, "reading NV index 1900000 is not allowed"},
        {0x1700000, "reading NV index 1700000 is not allowed"},
        {0x81000004, "using key at 81000004 is not allowed"},
        {0x817fffff, "using key at 817fffff is not allowed"},
        {0x81000003, NULL},
        {0x1500000, NULL},
        {0, NULL},
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        for (int k = VCOM_GETPUB; k <= VCOM_CERTIFYKEY; k++) {
            bool is_checked = k == VCOM_READNV || k == VCOM_SIGN || k == VCOM_CERTIFYKEY;
            struct vcom_request r = {.kind = (enum vcom_kind)k, .index = own[i].index};
            struct out o = out_to(text, sizeof text);
            bool is_refused = is_checked && own[i].text != NULL;
            assert_int_equal(vcom_is_allowed(&r, &o), !is_refused);
            assert_text((struct bytes){text, o.len}, is_refused ? own[i].text : "");
        }
}

static void test_words(void **state)
{
    static const struct {
        enum vcom_kind kind;
        const char *outer, *open, *behind[3];
    } rows[] = {
        {VCOM_GETPUB,
         "failed to get public key: ",
         "unable to open TPM: ",
         {"error while reading EK public: ", "error while reading EK public: ",
          "error while reading EK public: "}},
        {VCOM_SIGN,
         "failed to sign data: ",
         "unable to open TPM: ",
         {"error while getting public key: error while reading EK public: ",
          "error while signing data ", "error while signing data "}},
        {VCOM_READNV,
         "failed to read NV: ",
         "unable to open TPM: ",
         {"error while reading NV index: ", "error while reading NV index: ",
          "error while reading NV index: "}},
        {VCOM_ACTIVATECREDPARAMS,
         "failed to get activate credential params: ",
         "failed to open TPM: ",
         {"failed to read EK public: ", "failed to read AIK public: ",
          "failed to read AIK public: "}},
        {VCOM_ACTIVATECRED,
         "failed to activate credential: ",
         "failed to open TPM: ",
         {"failed to activate credential: ", "failed to activate credential: ",
          "failed to activate credential: "}},
        {VCOM_CERTIFYKEY,
         "failed to get public key: ",
         "unable to open TPM: ",
         {"reading AIK public key failed: ", "certify failed: ", "certify failed: "}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(vcom_failure(rows[i].kind), rows[i].outer);
        assert_string_equal(vcom_failure_to_open(rows[i].kind), rows[i].open);
        for (size_t keys = 0; keys < 3; keys++)
            assert_string_equal(vcom_failure_behind(rows[i].kind, keys), rows[i].behind[keys]);
    }
}

/* A TPMT_PUBLIC from a template, with its first bytes as they are asked for. */
static struct bytes area(uint32_t handle, bool restricted, bool sign, bool has_scheme)
{
    static char text[1024];
    struct out o = out_to(text, sizeof text);
    struct tpm2_template t = *tpm2_template_of(handle);
    const uint32_t both = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;

    t.attributes = (t.attributes & ~(both | TPMA_OBJECT_DECRYPT)) |
                   (restricted ? TPMA_OBJECT_RESTRICTED : 0) |
                   (sign ? TPMA_OBJECT_SIGN_ENCRYPT : TPMA_OBJECT_DECRYPT);
    if (!has_scheme)
        t.scheme = TPM_ALG_NULL;
    tpm2_write_template(&o, &t);
    return (struct bytes){text + 2, o.len - 2};
}

static void test_keys_that_do_not_sign(void **state)
{
    (void)state;
    assert_string_equal(vcom_failure_to_sign(area(TPM2_AIK_HANDLE, true, false, false), 1),
                        "key is not a signing key");
    assert_null(vcom_failure_to_sign(area(TPM2_AIK_HANDLE, false, true, false), 2000));
    assert_null(vcom_failure_to_sign(area(TPM2_AIK_HANDLE, true, true, true), 1024));
    assert_string_equal(vcom_failure_to_sign(area(TPM2_AIK_HANDLE, true, true, true), 1025),
                        "error while hashing data: ");
    assert_string_equal(vcom_failure_to_sign(area(TPM2_AIK_HANDLE, true, true, false), 1),
                        "error while getting hash algorithm: RSA key missing signature scheme");
    assert_string_equal(vcom_failure_to_sign(area(TPM2_QUOTE_HANDLE, true, true, false), 1),
                        "error while getting hash algorithm: ECC key missing signature scheme");
}

/* --- signatures --- */

static void test_signatures(void **state)
{
    static const char rsa[] = "\0\x14\0\x0b\0\2ab", pss[] = "\0\x16\0\x0c\0\1a",
                      ecdsa[] = "\0\x18\0\4\0\3\0\0r\0\2\0s", zero[] = "\0\x18\0\x0d\0\1\0\0\0";
    struct vcom_names names;
    struct vcom_answer a;
    (void)state;
    assert_true(vcom_answer_signature((struct bytes){rsa, sizeof rsa - 1}, &names, &a));
    assert_int_equal(a.kind, VCOM_SIGN);
    assert_text(a.value[0].bytes, "RSASSA");
    assert_text(a.value[1].bytes, "ab");
    assert_text(a.value[2].bytes, "SHA256");
    assert_true(a.value[3].bytes.n == 0 && a.value[4].bytes.n == 0 && a.value[5].bytes.n == 0);
    assert_true(vcom_answer_signature((struct bytes){pss, sizeof pss - 1}, &names, &a));
    assert_text(a.value[0].bytes, "RSAPSS");
    assert_text(a.value[2].bytes, "SHA384");
    assert_true(vcom_answer_signature((struct bytes){ecdsa, sizeof ecdsa - 1}, &names, &a));
    assert_text(a.value[0].bytes, "ECDSA");
    assert_true(a.value[1].bytes.n == 0 && a.value[2].bytes.n == 0);
    assert_text(a.value[3].bytes, "r");
    assert_text(a.value[4].bytes, "s");
    assert_text(a.value[5].bytes, "SHA1");
    assert_true(vcom_answer_signature((struct bytes){zero, sizeof zero - 1}, &names, &a));
    assert_true(a.value[3].bytes.n == 0 && a.value[4].bytes.n == 0);
    assert_false(vcom_answer_signature((struct bytes){rsa, sizeof rsa - 2}, &names, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_packet),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_requests_are_read_as_they_are_written),
        cmocka_unit_test(test_fields_that_mean_nothing),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_what_is_eves_own),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_keys_that_do_not_sign),
        cmocka_unit_test(test_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
