/* SPDX-License-Identifier: MIT */
/* What VComLink says on the wire, byte for byte, and answers that it never gives. */
#include "proto/base64.h"
#include "proto/vcom.h"
#include "tests/unit/unit.h"
#include "tests/unit/vcom.h"

#include <stdio.h>

#define B(literal) ((struct bytes){literal, sizeof(literal) - 1})

static uint8_t ek[EK_SIZE], aik[AIK_SIZE], ecc[ECC_SIZE];
static struct vcom_answer answer;
static char why[128], text[2048];

static int begin(void **state)
{
    (void)state;
    make_ek(ek);
    make_aik(aik);
    make_ecc(ecc);
    return 0;
}

static void test_names(void **state)
{
    static const struct {
        const char *name, *path;
        enum vcom_kind kind;
    } kinds[] = {
        {"ek", "/tpm/getpub", VCOM_EK},
        {"getpub", "/tpm/getpub", VCOM_GETPUB},
        {"sign", "/tpm/sign", VCOM_SIGN},
        {"readnv", "/tpm/readnv", VCOM_READNV},
        {"activatecredparams", "/tpm/activatecredparams", VCOM_ACTIVATECREDPARAMS},
        {"activatecred", "/tpm/activatecred", VCOM_ACTIVATECRED},
        {"certifykey", "/tpm/certifykey", VCOM_CERTIFYKEY},
    };
    static const char *const others[] = {"", "e", "EK", "ek ", "signs", "activatecredparam"};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        enum vcom_kind kind = 0;
        assert_true(vcom_kind_of((struct bytes){kinds[i].name, strlen(kinds[i].name)}, &kind));
        assert_int_equal(kind, kinds[i].kind);
        assert_string_equal(vcom_path(kind), kinds[i].path);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        enum vcom_kind kind;
        assert_false(vcom_kind_of((struct bytes){others[i], strlen(others[i])}, &kind));
    }
}

static void test_requests(void **state)
{
    static const struct {
        struct vcom_request request;
        const char *body;
        size_t n;
    } requests[] = {
        {{.kind = VCOM_EK}, "\x08\x81\x80\x80\x88\x08", 6},
        {{.kind = VCOM_EK, .index = 7}, "\x08\x81\x80\x80\x88\x08", 6},
        {{.kind = VCOM_GETPUB, .index = 0x81000001}, "\x08\x81\x80\x80\x88\x08", 6},
        {{.kind = VCOM_GETPUB, .index = 0x81000002}, "\x08\x82\x80\x80\x88\x08", 6},
        {{.kind = VCOM_GETPUB}, "", 0},
        {{.kind = VCOM_ACTIVATECREDPARAMS, .index = 0x81000003}, "\x08\x83\x80\x80\x88\x08", 6},
        {{.kind = VCOM_CERTIFYKEY, .index = 0x81000005}, "\x08\x85\x80\x80\x88\x08", 6},
        {{.kind = VCOM_READNV, .index = 0x01c00002}, "\x08\x82\x80\x80\x0e", 5},
        {{.kind = VCOM_READNV, .index = 0x01c00002, .data = B("no")}, "\x08\x82\x80\x80\x0e", 5},
        {{.kind = VCOM_SIGN, .index = 0x81000003, .data = B("test data")},
         "\x08\x83\x80\x80\x88\x08\x12\x09test data",
         17},
        {{.kind = VCOM_ACTIVATECRED, .index = 0x81000003, .cred = B("\0\1c"), .secret = B("\0\1s")},
         "\x0a\x03\0\1c\x12\x03\0\1s\x18\x83\x80\x80\x88\x08",
         16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct out o = out_to(text, sizeof text);
        vcom_write_request(&o, &requests[i].request);
        assert_int_equal(o.len, requests[i].n);
        assert_memory_equal(text, requests[i].body, o.len);
        o = out_to(text, requests[i].n != 0 ? requests[i].n - 1 : 0);
        vcom_write_request(&o, &requests[i].request);
        assert_int_equal(o.overflow, requests[i].n != 0);
    }
    assert_string_equal(VCOM_JSON_REQUEST, "{\"channel\":2,\"request\":1}");
}

/* Reads a body; what is wrong with it, or "". */
static const char *read_body(enum vcom_kind kind, uint32_t index, const void *body, size_t n)
{
    struct out error = out_to(why, sizeof why - 1);

    bool good = vcom_read_answer(kind, index, body, n, &answer, &error);
    why[error.len] = '\0';
    assert_int_equal(good, error.len == 0);
    return why;
}

static const char *written(void)
{
    struct out o = out_to(text, sizeof text - 1);

    vcom_write_answer(&o, &answer);
    assert_false(o.overflow);
    text[o.len] = '\0';
    for (size_t n = 0; n < o.len; n++) { /* what does not fit is never half a member's end */
        char small[2048];
        struct out cut = out_to(small, n);
        vcom_write_answer(&cut, &answer);
        assert_true(cut.overflow && cut.len <= n);
    }
    return text;
}

static void test_getpub(void **state)
{
    uint8_t body[3 + EK_SIZE + 16] = {0x0a, 0xba, 0x02};
    char encoded[421], wanted[600];
    (void)state;
    memcpy(body + 3, ek, sizeof ek);
    memcpy(body + 3 + sizeof ek, "\x10\x01\x18\xb2\x81\x0c", 6);
    encoded[base64_encode(encoded, ek, sizeof ek)] = '\0';
    assert_int_equal(strlen(encoded), 420);
    assert_memory_equal(encoded, "AAEACwADALIAIINxl2", 18);
    assert_string_equal(read_body(VCOM_GETPUB, VCOM_EK_INDEX, body, 3 + EK_SIZE + 6), "");
    snprintf(wanted, sizeof wanted, "\"public\":\"%s\",\"algorithm\":1,\"attributes\":196786",
             encoded);
    assert_string_equal(written(), wanted);
    assert_string_equal(read_body(VCOM_EK, 0, body, 3 + EK_SIZE + 6), "");
    snprintf(wanted, sizeof wanted, "\"ek\":\"%s\"", encoded);
    assert_string_equal(written(), wanted);
}

/* Only what is known to be the EK has to be a key that is known here. */
static void test_keys_of_others(void **state)
{
    (void)state;
    assert_string_equal(read_body(VCOM_GETPUB, 0x81000004, "\x0a\x02\x00\x08\x10\x08", 6), "");
    assert_string_equal(written(), "\"public\":\"AAg=\",\"algorithm\":8");
    assert_string_equal(read_body(VCOM_GETPUB, VCOM_EK_INDEX, "\x0a\x02\x00\x08\x10\x08", 6),
                        "ek is no TPMT_PUBLIC: it ends too early");
    assert_string_equal(read_body(VCOM_EK, 0, "", 0), "ek is no TPMT_PUBLIC: it ends too early");
    assert_string_equal(read_body(VCOM_CERTIFYKEY, 0, "\x0a\x01k\x12\x01s\x1a\x01\x61", 9), "");
    assert_string_equal(written(), "\"public\":\"aw==\",\"sig\":\"cw==\",\"attest\":\"YQ==\"");
}

static void test_credential_params(void **state)
{
    uint8_t body[638] = {0x0a, 0xba, 0x02};
    (void)state;
    memcpy(body + 3, ek, sizeof ek);
    memcpy(body + 317, "\x12\x98\x02", 3);
    memcpy(body + 320, aik, sizeof aik);
    memcpy(body + 600, "\x1a\x24\x00\x22\x00\x0b", 6);
    assert_string_equal(read_body(VCOM_ACTIVATECREDPARAMS, 0x81000003, body, sizeof body), "");
    assert_int_equal(answer.value[0].bytes.n, EK_SIZE);
    assert_int_equal(answer.value[1].bytes.n, AIK_SIZE);
    assert_int_equal(answer.value[2].bytes.n, 36);
    assert_ptr_equal(answer.value[2].bytes.at, body + 602);
    body[321] = 8;
    assert_string_equal(read_body(VCOM_ACTIVATECREDPARAMS, 0x81000003, body, sizeof body),
                        "aik_pub is no TPMT_PUBLIC: its type is neither RSA nor ECC");
    body[6] = 0x10;
    assert_string_equal(read_body(VCOM_ACTIVATECREDPARAMS, 0x81000003, body, sizeof body),
                        "ek is no TPMT_PUBLIC: its nameAlg is no hash");
}

static void test_answers(void **state)
{
    static const struct {
        enum vcom_kind kind;
        struct bytes body;
        const char *json;
    } answers[] = {
        {VCOM_READNV,
         B("\x0a\x03"
           "DER"),
         "\"data\":\"REVS\""},
        {VCOM_READNV, B(""), ""},
        {VCOM_ACTIVATECRED, B("\x0a\x02\xff\xfe"), "\"secret\":\"//4=\""},
        {VCOM_SIGN, B("\x0a\x06RSASSA\x12\x02\x01\x02\x1a\x06SHA256"),
         "\"algorithm\":\"RSASSA\",\"rsa_signature\":\"AQI=\",\"rsa_hash\":\"SHA256\""},
        {VCOM_SIGN,
         B("\x0a\x05"
           "ECDSA\x22\x01r\x2a\x01s\x32\x06SHA384"),
         "\"algorithm\":\"ECDSA\",\"ecc_signature_r\":\"cg==\",\"ecc_signature_s\":\"cw==\","
         "\"ecc_hash\":\"SHA384\""},
        {VCOM_SIGN, B("\x0a\x02\"\xff"), "\"algorithm\":\"\\\"\\ufffd\""},
        {VCOM_READNV, B("\x0a\x01x\x0a\x01y"), "\"data\":\"eQ==\""}, /* the last one counts */
        {VCOM_READNV, B("\x12\x01x\x3a\x01z\x80\x01\x07\x0a\x01y"), "\"data\":\"eQ==\""},
        {VCOM_READNV, B("\x08\x01"), ""},                             /* not of its type: */
        {VCOM_READNV, B("\x0d\x01\x02\x03\x04"), ""},                 /* as if it was */
        {VCOM_READNV, B("\x09\x01\x02\x03\x04\x05\x06\x07\x08"), ""}, /* unknown */
        {VCOM_GETPUB, B("\x12\x01x\x18\x05"), "\"attributes\":5"},
        {VCOM_GETPUB, B("\x18\xff\xff\xff\xff\x0f"), "\"attributes\":4294967295"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct bytes *body = &answers[i].body;
        assert_string_equal(read_body(answers[i].kind, 0, body->at, body->n), "");
        assert_string_equal(written(), answers[i].json);
    }
}

static void test_bodies_that_are_no_message(void **state)
{
    static const struct bytes bodies[] = {B("\x0a"),
                                          B("\x0a\x05"
                                            "DER"),
                                          B("{\"channel\":1}"), B("\xff\xff"), B("\x00\x00")};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_string_equal(read_body(VCOM_READNV, 0, bodies[i].at, bodies[i].n),
                            "the answer is no protobuf message");
}

/* Where the first object of a text ends; 0: not in it. The text comes in pieces of step bytes. */
static size_t scanned(const char *json, size_t step)
{
    struct vcom_scan s = {0};
    size_t len = strlen(json);

    for (size_t n = step; n < len + step; n += step)
        if (vcom_scan_object(&s, json, n < len ? n : len))
            return s.at;
    return 0;
}

static void test_end_of_an_object(void **state)
{
    static const struct {
        const char *json;
        size_t end;
    } texts[] = {
        {"{}", 2},
        {"{}{}", 2},
        {"{\"channel\":1,\"error\":\"received malformed packet\"}", 49},
        {"{\"a\":{\"b\":[{}]}}\n{", 16},
        {"{\"}\":\"{\\\"}\"}x", 12},
        {"{\"\\\\\":1}x", 8},
        {"{\"\\\\\\\"}\"}x", 9},
        {"{", 0},
        {"{\"}", 0},
        {"{\"a\":[}", 0},
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t step = 1; step < 60; step++)
            assert_int_equal(scanned(texts[i].json, step), texts[i].end);
}

/* Reads a packet in JSON; what is wrong with it, or "". */
static const char *read_packet(const char *json, struct vcom_packet *p)
{
    struct out error = out_to(why, sizeof why - 1);

    bool good = vcom_read_packet(json, strlen(json), p, &error);
    why[error.len] = '\0';
    assert_int_equal(good, error.len == 0);
    return why;
}

static void test_packets(void **state)
{
    struct vcom_packet p;
    (void)state;
    assert_string_equal(read_packet("{\"channel\":1,\"error\":\"received malformed packet\"}", &p),
                        "");
    assert_true(p.is_error);
    assert_true(text_equals(p.error, "received malformed packet"));
    assert_string_equal(read_packet("{\"ek\":\"AA==\",\"channel\":2}", &p), "");
    assert_false(p.is_error);
    assert_true(text_equals(p.ek, "AA=="));
    assert_string_equal(read_packet("{\"channel\":3,\"ek\":\"AA==\"}", &p),
                        "the answer is of an unknown channel");
    assert_string_equal(read_packet("{}", &p), "the answer is of an unknown channel");
    assert_string_equal(
        read_packet("{\"channel\":-1}", &p),
        "json: cannot unmarshal number -1 into Go struct field Packet.channel of type int");
    assert_string_equal(read_packet("{\"channel\"}", &p), "invalid character '}' after object key");
}

/* The EK of a packet in JSON; what is wrong with it, or "". */
static const char *read_ek(const char *json)
{
    struct out error = out_to(why, sizeof why - 1);
    struct vcom_packet p;

    strcpy(text, json);
    assert_string_equal(read_packet(text, &p), "");
    bool good = vcom_read_packet_ek(text, &p, &answer, &error);
    why[error.len] = '\0';
    assert_int_equal(good, error.len == 0);
    return why;
}

static void test_ek_in_json(void **state)
{
    static const char start[] = "{\"channel\":2,\"ek\":\"";
    char json[512];
    (void)state;
    strcpy(json, start);
    size_t n = strlen(json);
    n += base64_encode(json + n, ek, sizeof ek);
    strcpy(json + n, "\"}");
    assert_int_equal(strlen(json), 441);
    assert_string_equal(read_ek(json), "");
    assert_int_equal(answer.kind, VCOM_EK);
    assert_int_equal(answer.value[0].bytes.n, EK_SIZE);
    assert_memory_equal(answer.value[0].bytes.at, ek, EK_SIZE);
    n = strlen(start); /* with its first character escaped it is the same */
    memmove(json + n + 6, json + n + 1, strlen(json + n));
    memcpy(json + n, "\\u0041", 6);
    assert_string_equal(read_ek(json), "");
    assert_memory_equal(answer.value[0].bytes.at, ek, EK_SIZE);
}

static void test_no_ek_in_json(void **state)
{
    (void)state;
    assert_string_equal(read_ek("{\"channel\":2}"), "ek is no TPMT_PUBLIC: it ends too early");
    assert_string_equal(read_ek("{\"channel\":2,\"ek\":\"AAEACw==\"}"),
                        "ek is no TPMT_PUBLIC: it ends too early");
    assert_string_equal(read_ek("{\"channel\":2,\"ek\":\"AAE!\"}"), "ek is not base64 at byte 3");
    assert_string_equal(read_ek("{\"channel\":2,\"ek\":\"AA\xc3\xa4=\"}"),
                        "ek is not base64 at byte 2");
    assert_string_equal(read_ek("{\"channel\":2,\"ek\":\"AAEA!\"}"), "ek is not base64 at byte 4");
    assert_string_equal(read_ek("{\"channel\":2,\"ek\":\"AAEAC\"}"), "ek is not base64 at byte 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names, begin),
        cmocka_unit_test_setup(test_requests, begin),
        cmocka_unit_test_setup(test_getpub, begin),
        cmocka_unit_test_setup(test_keys_of_others, begin),
        cmocka_unit_test_setup(test_credential_params, begin),
        cmocka_unit_test_setup(test_answers, begin),
        cmocka_unit_test_setup(test_bodies_that_are_no_message, begin),
        cmocka_unit_test_setup(test_end_of_an_object, begin),
        cmocka_unit_test_setup(test_packets, begin),
        cmocka_unit_test_setup(test_ek_in_json, begin),
        cmocka_unit_test_setup(test_no_ek_in_json, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
