/* SPDX-License-Identifier: MIT */
/*
 * Messages about the TPM, from the line to the operation that is begun for it, and from what the
 * operation gives to the answer.
 */
#include "agent/services.h"
#include "platform/platform.h"
#include "tests/unit/fake_engine.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define CONN 3

static char reply[STEREOS_REPLY_MAX + 1];
static char many[1024]; /* 0xff each: '/' in base64 */

static int set_up(void **state)
{
    (void)state;
    fake_engine_reset();
    fake_engine.interface = "tis";
    memset(many, 0xff, sizeof many);
    store_wipe();
    return 0;
}

/* The answer to a line with so much room; NULL: there is none yet. */
static const char *ask_in(size_t room, const char *line)
{
    char *exact = test_malloc(strlen(line));
    struct out o = out_to(reply, room);

    memcpy(exact, line, strlen(line));
    bool answered = dispatch_line(CONN, exact, strlen(line), &o);
    test_free(exact);
    reply[o.len] = '\0';
    return answered ? reply : NULL;
}

static const char *ask(const char *line)
{
    return ask_in(STEREOS_REPLY_MAX, line);
}

static struct bytes of(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

static bool is(struct bytes b, const char *s)
{
    return b.n == strlen(s) && memcmp(b.at, s, b.n) == 0;
}

static void done(const char *a, const char *b)
{
    fake_engine_done(of(a), of(b), of(""), 0);
}

#define REQUEST(type, payload) "{\"type\":\"" type "\",\"payload\":{" payload "}}"
#define ANSWER(type, payload)  REQUEST(type, payload) "\n"
#define ACK(type, error)                                                                           \
    "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"" type "\",\"ok\":false,\"error\":\"" error     \
    "\"}}\n"
#define OK(type) "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"" type "\",\"ok\":true}}\n"

/* -- the way of any of them */

#define RANDOM REQUEST("random", "\"bytes\":3")

static void test_no_tpm(void **state)
{
    (void)state;
    fake_engine.interface = NULL;
    assert_string_equal(ask(RANDOM), ACK("random", "tpm: there is no TPM: none was made"));
    assert_string_equal(ask("{\"type\":\"tpm_info\"}"),
                        ACK("tpm_info", "tpm: there is no TPM: none was made"));
}

static void test_one_operation(void **state)
{
    (void)state;
    assert_null(ask(RANDOM));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_random);
    assert_int_equal(fake_engine.op.owner, CONN);
    assert_int_equal(fake_engine.op.in.number, 3);
    assert_null(ask(RANDOM)); /* it runs */
    done("abc", "");
    assert_string_equal(ask(RANDOM), ANSWER("random", "\"random\":\"YWJj\""));
    assert_null(fake_engine.op.recipe);
    assert_null(ask(RANDOM)); /* another */
    assert_int_equal(fake_engine.frees, 1);
}

static void test_waits_for_its_turn(void **state)
{
    (void)state;
    fake_engine.is_busy = true;
    assert_null(ask(RANDOM));
    assert_int_equal(fake_engine.waits, CONN);
    assert_null(ask(RANDOM));
    fake_engine.is_busy = false;
    assert_null(ask(RANDOM));
    assert_int_equal(fake_engine.op.status, TPM_RUNNING);
}

static void test_refused_and_failed(void **state)
{
    (void)state;
    assert_null(ask(RANDOM));
    fake_engine_fail(TPM_REFUSED, "tpm: \"no\"");
    assert_string_equal(ask(RANDOM), ACK("random", "tpm: \\\"no\\\""));
    assert_null(ask(RANDOM));
    fake_engine_fail(TPM_FAILED, "tpm: gone");
    assert_string_equal(ask(RANDOM), ACK("random", "tpm: gone"));
    fake_engine.at_once = true;
    assert_string_equal(ask(RANDOM), ACK("random", "tpm: no"));
    assert_int_equal(fake_engine.frees, 3);
}

/* What only tells something is given up when nobody hears it; what changes something is not. */
static void test_nobody_hears(void **state)
{
    (void)state;
    assert_null(ask(RANDOM));
    assert_string_equal(ask_in(0, RANDOM), "");
    assert_int_equal(fake_engine.frees, 1);
    assert_string_equal(ask_in(0, RANDOM), ""); /* it is not begun */
    assert_null(fake_engine.op.recipe);
    static const char extend[] = REQUEST(
        "pcr_extend", "\"pcr\":23,\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"");
    assert_null(ask_in(0, extend));
    assert_null(ask_in(0, extend));
    done("", "");
    assert_string_equal(ask_in(0, extend), "");
    assert_int_equal(fake_engine.frees, 2);
}

static void test_abandoned(void **state)
{
    (void)state;
    assert_null(ask(RANDOM));
    dispatch_abandon(CONN + 1);
    assert_int_equal(fake_engine.frees, 0);
    dispatch_abandon(CONN);
    assert_int_equal(fake_engine.frees, 1);
    fake_engine.is_busy = true;
    assert_null(ask(RANDOM));
    dispatch_abandon(CONN);
    assert_int_equal(fake_engine.waits, FAKE_NOBODY);
}

/* What was to be sealed goes away while it waits for its turn: it leaves the queue. */
static void test_gone_while_it_waits(void **state)
{
    static const char seal[] = REQUEST("seal", "\"name\":\"A\"");
    (void)state;
    assert_string_equal(ask(REQUEST("inject_secret", "\"name\":\"A\",\"value\":\"v\"")),
                        OK("inject_secret"));
    fake_engine.is_busy = true;
    assert_null(ask(seal));
    assert_int_equal(fake_engine.waits, CONN);
    assert_string_equal(ask(REQUEST("delete_secret", "\"name\":\"A\"")), OK("delete_secret"));
    assert_string_equal(ask(seal), ACK("seal", "tpm: seal secret \\\"A\\\": not found"));
    assert_int_equal(fake_engine.waits, FAKE_NOBODY);
}

/* -- each of them */

/* What is wrong is told without the TPM. */
static void test_wrong_requests(void **state)
{
    static const struct {
        const char *line, *answer;
    } rows[] = {
        {REQUEST("quote", ""), ACK("quote", "tpm: a nonce has 1 to 64 bytes")},
        {REQUEST("quote", "\"nonce\":\"AAA*\""),
         ACK("quote", "tpm: nonce: illegal base64 data at input byte 3")},
        {"{\"type\":\"quote\"}",
         ACK("quote", "decode quote payload: envelope quote has no payload")},
        {REQUEST("pcr_extend", ""), ACK("pcr_extend", "tpm: digest: 0 bytes in the place of 32")},
        {REQUEST("pcr_extend", "\"bank\":\"sha1\",\"digest\":\"AAAA\""),
         ACK("pcr_extend", "tpm: digest: 3 bytes in the place of 20")},
        {REQUEST("seal", ""), ACK("seal", "tpm: either data or name")},
        {REQUEST("seal", "\"data\":\"AAAA\",\"name\":\"A\""),
         ACK("seal", "tpm: either data or name")},
        {REQUEST("seal", "\"name\":\"..\""),
         ACK("seal", "tpm: invalid secret name: \\\"..\\\" (must be a simple filename)")},
        {REQUEST("seal", "\"name\":\"none\""),
         ACK("seal", "tpm: seal secret \\\"none\\\": not found")},
        {REQUEST("activate_credential", ""),
         ACK("activate_credential",
             "tpm: credential: its first two bytes are not the number of the others")},
        {REQUEST("activate_credential", "\"credential\":\"AAFh\",\"secret\":\"AAJh\""),
         ACK("activate_credential",
             "tpm: secret: its first two bytes are not the number of the others")},
        {REQUEST("activate_credential", "\"credential\":\"AAFhYg==\",\"secret\":\"AAFh\""),
         ACK("activate_credential",
             "tpm: credential: its first two bytes are not the number of the others")},
        {REQUEST("random", "\"bytes\":\"3\""),
         ACK("random", "decode random payload: json: cannot unmarshal string into Go struct field "
                       "RandomPayload.bytes of type uint32")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(ask(rows[i].line), rows[i].answer);
        assert_null(fake_engine.op.recipe);
    }
}

/* A selection is wrong in the same way wherever it stands. */
static void test_wrong_selections(void **state)
{
    static const char *const lines[] = {
        REQUEST("pcr_read", "\"pcrs\":\"sha257:0\""),
        REQUEST("quote", "\"nonce\":\"AAAA\",\"pcrs\":\"sha256:24\""),
        REQUEST("seal", "\"data\":\"AAAA\",\"pcrs\":\"0,\""),
        REQUEST("unseal", "\"private\":\"AAAA\",\"public\":\"AAAA\",\"pcrs\":\"x\""),
        REQUEST("pcr_extend", "\"pcr\":24,\"digest\":\"AAAA\""),
        REQUEST("pcr_extend", "\"bank\":\"0,\",\"digest\":\"AAAA\""),
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_non_null(ask(lines[i]));
        assert_non_null(strstr(reply, "\"ok\":false,\"error\":\"tpm: "));
        assert_null(fake_engine.op.recipe);
    }
    assert_null(ask(REQUEST("pcr_read", "\"pcrs\":\"sha384:7,23\"")));
    assert_int_equal(fake_engine.op.in.pcrs.hash, TPM_ALG_SHA384);
    assert_int_equal(fake_engine.op.in.pcrs.pcrs, 1u << 7 | 1u << 23);
}

static void test_info(void **state)
{
    static const struct tpm_facts facts = {"IBM",
                                           "SW   TPM",
                                           {0x20191023, 0x163636},
                                           164,
                                           {TPM_ALG_SHA1, 0x7777, TPM_ALG_SHA256},
                                           true,
                                           1,
                                           2};
    (void)state;
    assert_null(ask("{\"type\":\"tpm_info\",\"payload\":7}"));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_info);
    fake_engine_done((struct bytes){(const char *)&facts, sizeof facts}, of(""), of(""), 0);
    assert_string_equal(
        ask("{\"type\":\"tpm_info\"}"),
        ANSWER("tpm_info", "\"interface\":\"tis\",\"manufacturer\":\"IBM\",\"vendor\":\"SW   TPM\","
                           "\"firmware\":\"2019102300163636\",\"revision\":164,\"banks\":[\"sha1\","
                           "\"sha256\"],\"lockout\":true,\"objects\":1,\"sessions\":2,\"keys\":"
                           "\"transient\",\"measured\":null"));
    fake_engine.keeps_keys = true;
    fake_engine.log = (struct measure_log){.pcr = 12, .folded = 4, .count = 1};
    fake_engine.log.events[0] = (struct measure_event){.what = "cmdline", .size = 9};
    assert_null(ask("{\"type\":\"tpm_info\"}"));
    fake_engine_done((struct bytes){(const char *)&facts, sizeof facts}, of(""), of(""), 0);
    ask("{\"type\":\"tpm_info\"}");
    assert_non_null(strstr(reply,
                           "\"keys\":\"persistent\",\"measured\":{\"pcr\":12,\"bank\":"
                           "\"sha256\",\"start\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                           "AAA=\",\"folded\":4,\"events\":[{\"what\":\"cmdline\",\"size\":9,"
                           "\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
                           "\"extended\":false}]}}}\n"));
}

static void set_key(uint32_t handle, bool is_transient)
{
    struct tpm_key *key = &fake_engine.op.key[0];

    *key = (struct tpm_key){.handle = handle,
                            .is_transient = is_transient,
                            .public_len = 3,
                            .name_len = 1,
                            .public_area = "pub",
                            .name = "n"};
}

static void test_keys(void **state)
{
    (void)state;
    assert_null(ask(REQUEST("ek", "\"offset\":7")));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_ek);
    assert_int_equal(fake_engine.op.in.number, 7);
    set_key(0x81010001, false);
    fake_engine_done(of(""), of("DER"), of(""), 10);
    assert_string_equal(ask(REQUEST("ek", "\"offset\":7")),
                        ANSWER("ek", "\"handle\":2164326401,\"public\":\"cHVi\",\"name\":\"bg==\","
                                     "\"certificate\":\"REVS\",\"offset\":7,\"size\":10"));
    assert_null(ask("{\"type\":\"ek\"}"));
    assert_int_equal(fake_engine.op.in.number, 0);
    tpm_abandon(CONN);
    assert_null(ask("{\"type\":\"aik\"}"));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_public);
    assert_int_equal(fake_engine.op.in.index, TPM2_AIK_HANDLE);
    set_key(0x80000000, true);
    done("", "");
    assert_string_equal(ask("{\"type\":\"aik\"}"),
                        ANSWER("aik", "\"handle\":0,\"public\":\"cHVi\",\"name\":\"bg==\""));
}

static void test_pcr_read(void **state)
{
    (void)state;
    assert_null(ask("{\"type\":\"pcr_read\"}"));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_pcr_read);
    assert_int_equal(fake_engine.op.in.pcrs.hash, TPM_ALG_SHA256);
    assert_int_equal(fake_engine.op.in.pcrs.pcrs, 0xffffff);
    fake_engine_done((struct bytes){many, 64}, of(""), of(""), 1u << 0 | 1u << 10);
    ask("{\"type\":\"pcr_read\"}");
    assert_non_null(strstr(reply, "{\"bank\":\"sha256\",\"values\":{\"0\":\"////"));
    assert_non_null(strstr(reply, "8=\",\"10\":\"////"));
}

static void test_pcr_extend(void **state)
{
    static const char line[] = REQUEST(
        "pcr_extend", "\"pcr\":23,\"bank\":\"sha1\",\"digest\":\"AAECAwQFBgcICQoLDA0ODxAREhM=\"");
    (void)state;
    assert_null(ask(line));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_pcr_extend);
    assert_int_equal(fake_engine.op.in.number, 23);
    assert_int_equal(fake_engine.op.in.pcrs.hash, TPM_ALG_SHA1);
    assert_int_equal(fake_engine.op.in.a.n, 20);
    assert_memory_equal(fake_engine.op.in.a.at, "\0\1\2\3", 4);
    done("", "");
    assert_string_equal(ask(line), OK("pcr_extend"));
}

#define QUOTE(pcrs) REQUEST("quote", "\"nonce\":\"bm9uY2U=\",\"pcrs\":\"" pcrs "\"")

static void test_quote(void **state)
{
    (void)state;
    assert_null(ask(QUOTE("")));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_quote);
    assert_true(is(fake_engine.op.in.a, "nonce"));
    assert_int_equal(fake_engine.op.in.pcrs.pcrs, 0xffffff);
    fake_engine_done(of("att"), of("sig"), (struct bytes){many, 32}, 1);
    ask(QUOTE(""));
    assert_non_null(strstr(reply, "{\"attest\":\"YXR0\",\"signature\":\"c2ln\",\"bank\":\"sha256\","
                                  "\"values\":{\"0\":\"////"));
}

/* The error names the limit, and nothing of an answer is left in front of it. */
static void test_answer_without_room(void **state)
{
    char expected[200];
    (void)state;
    assert_null(ask(QUOTE("sha384:0")));
    fake_engine_done((struct bytes){many, 1000}, (struct bytes){many, 512}, of(""), 0);
    snprintf(expected, sizeof expected,
             ACK("quote", "tpm: the answer is too long: limit is %d bytes"), STEREOS_REPLY_MAX);
    assert_string_equal(ask(QUOTE("sha384:0")), expected);
    assert_null(fake_engine.op.recipe);
}

static void test_seal(void **state)
{
    (void)state;
    assert_null(ask(REQUEST("seal", "\"data\":\"c2VjcmV0\"")));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_seal);
    assert_true(is(fake_engine.op.in.a, "secret"));
    assert_int_equal(fake_engine.op.in.pcrs.pcrs, 0);
    done("one", "two");
    assert_string_equal(ask(REQUEST("seal", "\"data\":\"c2VjcmV0\"")),
                        ANSWER("sealed", "\"private\":\"b25l\",\"public\":\"dHdv\""));
    ask(REQUEST("inject_secret", "\"name\":\"A\",\"value\":\"stored\""));
    assert_null(ask(REQUEST("seal", "\"name\":\"A\",\"pcrs\":\"0,7\"")));
    assert_true(is(fake_engine.op.in.a, "stored"));
    assert_int_equal(fake_engine.op.in.pcrs.pcrs, 0x81);
}

static void test_unseal(void **state)
{
    static const char line[] =
        REQUEST("unseal", "\"private\":\"b25l\",\"public\":\"dHdv\",\"pcrs\":\"sha1:1\"");
    (void)state;
    assert_null(ask(line));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_unseal);
    assert_true(is(fake_engine.op.in.a, "one") && is(fake_engine.op.in.b, "two"));
    assert_int_equal(fake_engine.op.in.pcrs.hash, TPM_ALG_SHA1);
    done("secret", "no more");
    assert_string_equal(ask(line), ANSWER("unsealed", "\"data\":\"c2VjcmV0\""));
}

static void test_activate_credential(void **state)
{
    static const char line[] =
        REQUEST("activate_credential", "\"credential\":\"AANvbmU=\",\"secret\":\"AAN0d28=\"");
    (void)state;
    assert_null(ask(line));
    assert_ptr_equal(fake_engine.op.recipe, &tpm_recipe_activate);
    assert_int_equal(fake_engine.op.in.index, TPM2_AIK_HANDLE);
    assert_true(is(fake_engine.op.in.a, "one") && is(fake_engine.op.in.b, "two"));
    done("content", "");
    assert_string_equal(ask(line), ANSWER("credential", "\"credential\":\"Y29udGVudA==\""));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_tpm),
        TEST(test_one_operation),
        TEST(test_waits_for_its_turn),
        TEST(test_refused_and_failed),
        TEST(test_nobody_hears),
        TEST(test_abandoned),
        TEST(test_gone_while_it_waits),
        TEST(test_wrong_requests),
        TEST(test_wrong_selections),
        TEST(test_info),
        TEST(test_keys),
        TEST(test_pcr_read),
        TEST(test_pcr_extend),
        TEST(test_quote),
        TEST(test_answer_without_room),
        TEST(test_seal),
        TEST(test_unseal),
        TEST(test_activate_credential),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
