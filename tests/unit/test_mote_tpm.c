/* SPDX-License-Identifier: MIT */
/* Messages about the TPM (proto/mote_tpm.h): layouts, exact bytes, and what fits an answer. */
#include "proto/mote_tpm.h"
#include "proto/tpm2.h"
#include "tests/unit/unit.h"

static char text[STEREOS_REPLY_MAX + 1];

static char many[4096]; /* 0xff each: their base64 is '/', which needs no escape */

static const char *finish(const struct out *o)
{
    assert_false(o->overflow);
    text[o->len] = '\0';
    return text;
}

static struct bytes of(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

/* -- layouts */

static bool read(const struct stereos_payload_type *layout, const char *json, struct mote_tpm *p,
                 char error[STEREOS_ERROR_ROOM])
{
    struct out o = out_to(error, STEREOS_ERROR_ROOM - 1);
    const struct stereos_envelope e = {.payload = {json, (uint32_t)strlen(json)}};

    bool is_good = stereos_read_payload(&e, "x", layout, p, sizeof *p, &o);
    error[o.len] = '\0';
    return is_good;
}

#define EVERY                                                                                      \
    "{\"pcrs\":\"0\",\"bank\":\"1\",\"digest\":\"2\",\"nonce\":\"3\",\"data\":\"4\",\"name\":"     \
    "\"5\",\"credential\":\"6\",\"secret\":\"7\",\"private\":\"8\",\"public\":\"9\",\"value\":"    \
    "\"a\",\"offset\":1,\"pcr\":2,\"bytes\":3,\"mode\":4}"

/* Each takes its own members, by their names, and leaves the others alone. */
static void test_layouts(void **state)
{
    static const struct {
        const struct stereos_payload_type *layout;
        const char *taken;
    } rows[] = {
        {&mote_ek_payload, "o"},
        {&mote_pcrs_payload, "0"},
        {&mote_extend_payload, "12p"},
        {&mote_quote_payload, "03"},
        {&mote_random_payload, "b"},
        {&mote_seal_payload, "045"},
        {&mote_unseal_payload, "089"},
        {&mote_credential_payload, "67"},
        {&mote_sealed_secret_payload, "056789am"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char error[STEREOS_ERROR_ROOM], taken[20] = "";
        struct mote_tpm p;
        assert_true(read(rows[i].layout, EVERY, &p, error));
        const struct text texts[] = {p.pcrs,       p.bank,   p.digest,  p.nonce,  p.data, p.name,
                                     p.credential, p.secret, p.private, p.public, p.value};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            strncat(taken, texts[k].json != NULL ? texts[k].json : "", texts[k].json_len);
        strcat(taken, p.offset == 1 ? "o" : p.offset == 0 ? "" : "?");
        strcat(taken, p.pcr == 2 ? "p" : p.pcr == 0 ? "" : "?");
        strcat(taken, p.bytes == 3 ? "b" : p.bytes == 0 ? "" : "?");
        strcat(taken, p.mode == 4 ? "m" : p.mode == 0 ? "" : "?");
        assert_string_equal(taken, rows[i].taken);
    }
}

static void test_wrong_types(void **state)
{
    char error[STEREOS_ERROR_ROOM];
    struct mote_tpm p;
    (void)state;
    assert_false(read(&mote_seal_payload, "{\"data\":7}", &p, error));
    assert_string_equal(error, "decode seal payload: json: cannot unmarshal number into Go struct "
                               "field SealPayload.data of type string");
    assert_false(read(&mote_unseal_payload, "{\"private\":{}}", &p, error));
    assert_string_equal(error, "decode unseal payload: json: cannot unmarshal object into Go struct"
                               " field UnsealPayload.private of type string");
    assert_false(read(&mote_extend_payload, "{\"bank\":\"123456789\"}", &p, error));
    assert_string_equal(error, "decode extend payload: bank too long: limit is 8 bytes");
    assert_false(read(&mote_ek_payload, "{\"offset\":-1}", &p, error));
    assert_string_equal(error, "decode ek payload: json: cannot unmarshal number -1 into Go struct "
                               "field EkPayload.offset of type uint32");
}

/* -- answers */

static struct mote_tpm_event events[8];
static size_t event_count;

static bool event_of(size_t i, struct mote_tpm_event *e)
{
    if (i < event_count)
        *e = events[i];
    return i < event_count;
}

static void test_info(void **state)
{
    struct mote_tpm_info info = {
        .interface = "tis",
        .manufacturer = "IBM",
        .vendor = "SW   TPM",
        .firmware = "2019102300163636",
        .revision = 164,
        .banks = {"sha256", "sha384"},
        .objects = 1,
        .sessions = 2,
    };
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_tpm_info(&o, &info);
    assert_string_equal(
        finish(&o), "{\"type\":\"tpm_info\",\"payload\":{\"interface\":\"tis\",\"manufacturer\":"
                    "\"IBM\",\"vendor\":\"SW   TPM\",\"firmware\":\"2019102300163636\",\"revision\""
                    ":164,\"banks\":[\"sha256\",\"sha384\"],\"lockout\":false,\"objects\":1,"
                    "\"sessions\":2,\"keys\":\"transient\",\"measured\":null}}\n");
    info = (struct mote_tpm_info){"",
                                  "",
                                  "",
                                  "",
                                  0,
                                  {NULL},
                                  true,
                                  0,
                                  0,
                                  true,
                                  .measures = true,
                                  .pcr = 12,
                                  .start = of("start"),
                                  .folded = 3,
                                  .event = event_of};
    events[0] = (struct mote_tpm_event){"cmdline", 5, of("one"), true};
    events[1] = (struct mote_tpm_event){"config", 0, of(""), false};
    event_count = 2;
    o = out_to(text, STEREOS_REPLY_MAX);
    mote_write_tpm_info(&o, &info);
    assert_non_null(strstr(finish(&o),
                           "\"banks\":[],\"lockout\":true,\"objects\":0,\"sessions\":0,\"keys\":"
                           "\"persistent\",\"measured\":{\"pcr\":12,\"bank\":\"sha256\",\"start\":"
                           "\"c3RhcnQ=\",\"folded\":3,\"events\":[{\"what\":\"cmdline\",\"size\":5,"
                           "\"digest\":\"b25l\",\"extended\":true},{\"what\":\"config\",\"size\":0,"
                           "\"digest\":\"\",\"extended\":false}]}}}\n"));
    event_count = 0;
    o = out_to(text, STEREOS_REPLY_MAX);
    mote_write_tpm_info(&o, &info);
    assert_non_null(strstr(finish(&o), "\"events\":[]}}}\n"));
}

/* Whatever the TPM calls itself, and with as many events as there may be. */
static void test_info_fits(void **state)
{
    const struct mote_tpm_info info = {
        .interface = "tis",
        .manufacturer = "<&>\"",
        .vendor = "<<<<<<<<>>>>>>>>",
        .firmware = "ffffffffffffffff",
        .revision = UINT32_MAX,
        .banks = {"sha1", "sha256", "sha384", "sha512", "sm3_256", "sha3_256", "sha3_384",
                  "sha3_512"},
        .objects = UINT32_MAX,
        .sessions = UINT32_MAX,
        .measures = true,
        .pcr = 23,
        .start = {many, 32},
        .folded = UINT32_MAX,
        .event = event_of,
    };
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    event_count = 8;
    for (size_t i = 0; i < event_count; i++)
        events[i] = (struct mote_tpm_event){"cmdline", UINT64_MAX, {many, 32}, false};
    mote_write_tpm_info(&o, &info);
    finish(&o);
}

static void test_keys(void **state)
{
    const struct mote_tpm_key key = {0x81010001, of("pub"), of("n")};
    const struct mote_tpm_part part = {of("DER"), 7, 10}, none = {of(""), 0, 0};
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_aik(&o, &key);
    assert_string_equal(finish(&o), "{\"type\":\"aik\",\"payload\":{\"handle\":2164326401,"
                                    "\"public\":\"cHVi\",\"name\":\"bg==\"}}\n");
    o.len = 0;
    mote_write_ek(&o, &key, &part);
    assert_string_equal(finish(&o), "{\"type\":\"ek\",\"payload\":{\"handle\":2164326401,"
                                    "\"public\":\"cHVi\",\"name\":\"bg==\",\"certificate\":"
                                    "\"REVS\",\"offset\":7,\"size\":10}}\n");
    o.len = 0;
    mote_write_ek(&o, &key, &none);
    assert_non_null(strstr(finish(&o), "\"certificate\":\"\",\"offset\":0,\"size\":0}}\n"));
}

/* The bytes of a certificate in an answer of n bytes, beside a key whose area has so many. */
static size_t certificate_in(size_t n, size_t area)
{
    const struct mote_tpm_key key = {UINT32_MAX, {many, area}, {many, 34}};
    const struct mote_tpm_part part = {{many, 2048}, UINT32_MAX, UINT32_MAX};
    struct out o = out_to(text, n);

    mote_write_ek(&o, &key, &part);
    if (o.overflow)
        return SIZE_MAX;
    const char *at = strstr(finish(&o), "\"certificate\":\"") + strlen("\"certificate\":\"");
    assert_non_null(strstr(text, "\",\"offset\":4294967295,\"size\":4294967295}}\n"));
    return strcspn(at, "\"") / 4 * 3;
}

static void test_certificate_is_cut(void **state)
{
    (void)state;
    assert_true(certificate_in(STEREOS_REPLY_MAX, TPM2_PUBLIC_MAX) > 600);
    assert_true(certificate_in(STEREOS_REPLY_MAX, 314) > 1024);
    size_t least = 500;
    while (certificate_in(least, 314) == SIZE_MAX)
        assert_true(++least < 800);
    for (size_t n = least; n < least + 8; n++)
        assert_true(certificate_in(n, 314) <= 6);
    assert_true(certificate_in(least + 8, 314) > 0);
}

static void test_pcrs(void **state)
{
    const struct mote_tpm_pcrs pcrs = {"sha1", 1u << 0 | 1u << 9 | 1u << 10 | 1u << 23,
                                       of("aaabbbcccddd"), 3};
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_pcrs(&o, &pcrs);
    assert_string_equal(finish(&o), "{\"type\":\"pcrs\",\"payload\":{\"bank\":\"sha1\",\"values\":{"
                                    "\"0\":\"YWFh\",\"9\":\"YmJi\",\"10\":\"Y2Nj\",\"23\":\"ZGRk\""
                                    "}}}\n");
    o.len = 0;
    mote_write_pcrs(&o, &(struct mote_tpm_pcrs){"sha256", 0, of(""), 32});
    assert_non_null(strstr(finish(&o), "\"values\":{}}}\n"));
    o.len = 0;
    mote_write_quote(&o, of("att"), of("sig"), &pcrs);
    assert_non_null(strstr(finish(&o), "{\"type\":\"quote\",\"payload\":{\"attest\":\"YXR0\","
                                       "\"signature\":\"c2ln\",\"bank\":\"sha1\",\"values\":{"));
}

/* TPMS_ATTEST of a quote (part 2, 10.12.12): magic, type, signer, extra data, clock, firmware, a
 * selection of one bank, digest. */
#define ATTEST(nonce, digest) (4 + 2 + 2 + 34 + 2 + (nonce) + 17 + 8 + 4 + 2 + 1 + 3 + 2 + (digest))
#define RSA_SIGNATURE         (2 + 2 + 2 + 256)

/* All PCRs of SHA-256 fit with the longest nonce; of SHA-384 they don't. */
static void test_quote_fits(void **state)
{
    struct mote_tpm_pcrs pcrs = {"sha256", 0xffffff, {many, 24 * 32}, 32};
    const struct bytes attest = {many, ATTEST(TPM2_DIGEST_MAX, 32)},
                       signature = {many, RSA_SIGNATURE};
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_quote(&o, attest, signature, &pcrs);
    assert_int_equal(strlen(finish(&o)), 1909);
    assert_true(o.len <= 2016);
    pcrs = (struct mote_tpm_pcrs){"sha384", 0xffffff, {many, 24 * 48}, 48};
    o.len = 0;
    mote_write_quote(&o, attest, signature, &pcrs);
    assert_true(o.overflow);
}

static void test_bytes(void **state)
{
    const struct mote_tpm_bytes none = {0}, data = {"random", {many, MOTE_RANDOM_MAX}};
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_bytes(&o, "sealed", (struct mote_tpm_bytes){"private", of("one")},
                     (struct mote_tpm_bytes){"public", of("two")});
    assert_string_equal(finish(&o), "{\"type\":\"sealed\",\"payload\":{\"private\":\"b25l\","
                                    "\"public\":\"dHdv\"}}\n");
    o.len = 0;
    mote_write_bytes(&o, "random", data, none);
    assert_true(strlen(finish(&o)) <= 2016);
    assert_memory_equal(text, "{\"type\":\"random\",\"payload\":{\"random\":\"////", 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts), cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_info),    cmocka_unit_test(test_info_fits),
        cmocka_unit_test(test_keys),    cmocka_unit_test(test_certificate_is_cut),
        cmocka_unit_test(test_pcrs),    cmocka_unit_test(test_quote_fits),
        cmocka_unit_test(test_bytes),
    };

    memset(many, 0xff, sizeof many);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
